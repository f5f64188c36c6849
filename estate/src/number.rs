//! Numbers as other programs write them: with either decimal mark, with thousands separated or not.
//!
//! `1,000` can be a thousand or one. Nothing here guesses: [`parse`] takes the decimal mark, and
//! [`mark_of`] tells which mark a number settles, so that the reader of a file can settle a column
//! from all of its cells.

use serde::{Deserialize, Serialize};

/// The mark between the whole part of a number and its fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DecimalMark {
    /// 1,234.5
    #[serde(rename = ".")]
    Point,
    /// 1.234,5
    #[serde(rename = ",")]
    Comma,
}

impl DecimalMark {
    /// The mark itself.
    pub fn char(self) -> char {
        match self {
            Self::Point => '.',
            Self::Comma => ',',
        }
    }

    fn of(mark: char) -> Self {
        if mark == ',' { Self::Comma } else { Self::Point }
    }

    fn other(self) -> Self {
        match self {
            Self::Point => Self::Comma,
            Self::Comma => Self::Point,
        }
    }
}

/// Hint of a number about the decimal mark of its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkHint {
    /// Nothing: it has no mark.
    None,
    /// It can be read two ways.
    Open,
    /// It can be read this way only.
    Only(DecimalMark),
}

/// A decimal number, exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number {
    /// The whole part.
    pub whole: u128,
    /// The digits behind the decimal mark, as a whole number of `places` digits.
    pub fraction: u128,
    /// Number of digits behind the mark.
    pub places: u32,
}

/// Reason why a text is not read as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// Not a number of zero or more.
    NoNumber,
    /// The mark in it separates thousands or a fraction.
    TwoWays,
}

/// Marks that only ever separate thousands: blanks of any width, apostrophes.
fn is_group_mark(c: char) -> bool {
    matches!(c, ' ' | '\u{a0}' | '\u{2009}' | '\u{202f}' | '\'' | '\u{2019}')
}

/// Returns the end of the number that a text begins with, so that a unit may follow it.
pub fn number_end(text: &str) -> usize {
    let mut end = 0;
    for (at, c) in text.char_indices() {
        match c {
            '0'..='9' | '.' | ',' => end = at + c.len_utf8(),
            c if is_group_mark(c) => {}
            _ => break,
        }
    }
    end
}

/// Parses a number in exponent form if it has all of its digits, as in `2.251799813685248E15`: a
/// shorter one has lost some.
pub fn parse_exponent(text: &str) -> Option<u128> {
    let (mantissa, exponent) = text.split_once('E')?;
    let (first, rest) = mantissa.split_once('.')?;
    let digits = format!("{first}{rest}");
    let sound = first.len() == 1 && digits.bytes().all(|b| b.is_ascii_digit());
    (sound && exponent.parse() == Ok(rest.len())).then(|| digits.parse().ok())?
}

/// Returns what a number says about the decimal mark of its column.
pub fn mark_of(text: &str) -> MarkHint {
    let text = text.trim();
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return MarkHint::None;
    }
    let marks: Vec<(usize, char)> = text.char_indices().filter(|(_, c)| matches!(c, '.' | ',')).collect();
    let Some((at, last)) = marks.last().copied() else { return MarkHint::None };
    let (first, mark) = (marks[0].1, DecimalMark::of(last));
    if first != last {
        return MarkHint::Only(mark);
    }
    if marks.len() > 1 {
        return MarkHint::Only(mark.other());
    }
    let (whole, fraction) = (&text[..at], &text[at + 1..]);
    let grouped = fraction.len() == 3 && (1..=3).contains(&whole.len()) && !whole.starts_with('0');
    if grouped && text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b',')) {
        return MarkHint::Open;
    }
    MarkHint::Only(mark)
}

/// Parses a number of zero or more, with the decimal mark of its column.
pub fn parse(text: &str, mark: Option<DecimalMark>) -> Result<Number, Unread> {
    let text = text.trim();
    let mark = match mark_of(text) {
        MarkHint::None => mark.unwrap_or(DecimalMark::Point),
        MarkHint::Only(only) => only,
        MarkHint::Open => mark.ok_or(Unread::TwoWays)?,
    };
    let (whole, fraction) = match text.rsplit_once(mark.char()) {
        Some((whole, fraction)) => (whole, fraction),
        None => (text, ""),
    };
    let is_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let sound = is_digits(fraction) && (whole.len() + fraction.len() > 0) && fraction.len() <= 30;
    if !sound {
        return Err(Unread::NoNumber);
    }
    let whole = ungroup(whole, mark.other().char()).ok_or(Unread::NoNumber)?;
    let digits = |text: &str| if text.is_empty() { Ok(0) } else { text.parse::<u128>() };
    Ok(Number {
        whole: digits(&whole).map_err(|_| Unread::NoNumber)?,
        fraction: digits(fraction).map_err(|_| Unread::NoNumber)?,
        places: fraction.len() as u32,
    })
}

/// Takes the marks between thousands out of a whole number; `None` where they stand elsewhere.
fn ungroup(whole: &str, group: char) -> Option<String> {
    let is_mark = |c: char| c == group || is_group_mark(c);
    let mut groups = whole.split(is_mark);
    let first = groups.next()?.to_owned();
    let rest: Vec<&str> = groups.collect();
    let is_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let sound = if rest.is_empty() {
        first.len() <= 20
    } else {
        // Three each, as in Europe and America, or two each above the last three, as in India.
        let last = rest.len() - 1;
        (1..=3).contains(&first.len())
            && rest.len() <= 6
            && rest
                .iter()
                .enumerate()
                .all(|(at, group)| group.len() == 3 || (at < last && group.len() == 2))
    };
    (sound && is_digits(&first) && rest.iter().all(|group| is_digits(group)))
        .then(|| first + &rest.concat())
}

/// Prints a count with thousands separators: `48,211`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// `1 SIM`, `48,211 SIMs`.
pub fn sims(n: u64) -> String {
    if n == 1 { "1 SIM".to_owned() } else { format!("{} SIMs", count(n)) }
}

/// Returns a floating-point number as text that reads one way only.
pub(super) fn number_text(number: f64) -> String {
    if number.abs() >= 1e15 {
        return format!("{number:.15E}");
    }
    let text = number.to_string();
    // Three places could be thousands in a text; in a number cell the mark is always the decimal
    // one.
    match text.split_once('.') {
        Some((_, fraction)) if fraction.len() == 3 => text + "0",
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, mark: Option<DecimalMark>) -> Result<(u128, u128, u32), Unread> {
        parse(text, mark).map(|number| (number.whole, number.fraction, number.places))
    }

    #[test]
    fn most_numbers_settle_their_mark() {
        for (text, wanted) in [
            ("1000", (1_000, 0, 0)),
            ("12,5", (12, 5, 1)),
            ("12.50", (12, 50, 2)),
            ("0,125", (0, 125, 3)),
            ("1,048,576", (1_048_576, 0, 0)),
            ("1.048.576", (1_048_576, 0, 0)),
            ("1.048,5", (1_048, 5, 1)),
            ("1,048.576", (1_048, 576, 3)),
            ("1 234", (1_234, 0, 0)),
            ("1 234,567", (1_234, 567, 3)),
            ("1'234.5", (1_234, 5, 1)),
            ("1\u{202f}234", (1_234, 0, 0)),
            ("12,34,567", (1_234_567, 0, 0)),
            ("499.123456", (499, 123_456, 6)),
            (".5", (0, 5, 1)),
            ("5.", (5, 0, 0)),
            ("1234.567", (1_234, 567, 3)),
        ] {
            assert_eq!(read(text, None), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn a_thousand_or_one_needs_the_column() {
        for text in ["1,000", "1.234", "999,999"] {
            assert_eq!(read(text, None), Err(Unread::TwoWays), "{text}");
            assert_eq!(mark_of(text), MarkHint::Open, "{text}");
        }
        assert_eq!(read("1,000", Some(DecimalMark::Point)), Ok((1_000, 0, 0)));
        assert_eq!(read("1,000", Some(DecimalMark::Comma)), Ok((1, 0, 3)));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "-5", "lots", ".", "1,2,3.4.5", "1.2.3", "1 23", "1,00,0", "1e3", "1,5 000"] {
            assert_eq!(read(text, Some(DecimalMark::Point)), Err(Unread::NoNumber), "{text}");
        }
    }

    #[test]
    fn an_exponent_is_read_where_no_digit_is_lost() {
        assert_eq!(parse_exponent("2.251799813685248E15"), Some(2_251_799_813_685_248));
        for lost in ["1.5E+09", "1E15", "2.25E15", "12", "8.944110068000000E18"] {
            assert_eq!(parse_exponent(lost), None, "{lost}");
        }
    }

    #[test]
    fn a_unit_follows_the_number() {
        for (text, end) in [("1.5 GB", 3), ("512KB", 3), ("1 234 MB", 5), ("lots", 0), ("12", 2)] {
            assert_eq!(number_end(text), end, "{text}");
        }
    }
}
