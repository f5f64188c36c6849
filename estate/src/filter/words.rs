//! Values that need more than one look: sizes with a blank before their unit, and dates with two
//! readings.

use crate::units;

/// Is true for the name of a size unit, such as `GB` or `kib`.
pub(super) fn is_unit(word: &str) -> bool {
    !word.is_empty()
        && word.chars().all(|c| c.is_ascii_alphabetic())
        && units::parse_bytes(&format!("1{word}")).is_ok()
}

/// Returns the end of the unit that follows a number after blanks (`1.5 GB`), as a position in
/// `chars`.
///
/// `number` is the word that ends at `at`. Returns `None` when it is no plain number or no unit
/// follows.
pub(super) fn unit_end(chars: &[char], at: usize, number: &str) -> Option<usize> {
    if !number.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let blanks = chars[at..].iter().take_while(|c| c.is_whitespace()).count();
    let start = at + blanks;
    let end = start + chars[start..].iter().take_while(|c| c.is_ascii_alphabetic()).count();
    let unit: String = chars[start..end].iter().collect();
    let alone = chars.get(end).is_none_or(|c| ends_word(*c));
    (blanks > 0 && alone && is_unit(&unit)).then_some(end)
}

/// Returns the two readings of a date such as `05/11/2026`, day first and month first, in ISO 8601
/// form.
///
/// Returns `None` when only one reading exists: a part above 12, or both parts the same.
pub(super) fn ambiguous_date(word: &str) -> Option<(String, String)> {
    let date = word.trim().split([' ', 'T']).next()?;
    let parts: Vec<&str> = date.split('/').collect();
    let [first, second, year] = parts[..] else { return None };
    let part = |text: &str| text.parse::<u8>().ok().filter(|n| text.len() <= 2 && (1..=12).contains(n));
    let (first, second) = (part(first)?, part(second)?);
    let is_year = year.len() == 4 && year.bytes().all(|b| b.is_ascii_digit());
    (is_year && first != second)
        .then(|| (format!("{year}-{second:02}-{first:02}"), format!("{year}-{first:02}-{second:02}")))
}

pub(super) fn ends_word(c: char) -> bool {
    c.is_whitespace() || matches!(c, '(' | ')' | ',' | '"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_dates_with_two_readings_are_ambiguous() {
        let both = Some(("2026-11-05".to_owned(), "2026-05-11".to_owned()));
        assert_eq!(ambiguous_date("05/11/2026"), both);
        assert_eq!(ambiguous_date("5/11/2026 12:00:00"), both);
        for clear in
            ["25/11/2026", "11/25/2026", "05/05/2026", "2026-11-05", "05.11.2026", "5/11", "30d", ""]
        {
            assert_eq!(ambiguous_date(clear), None, "{clear}");
        }
    }

    #[test]
    fn a_unit_stands_alone_after_a_number() {
        let end = |text: &str| {
            let number: String = text.chars().take_while(|c| !c.is_whitespace()).collect();
            let chars: Vec<char> = text.chars().collect();
            unit_end(&chars, number.chars().count(), &number)
        };
        assert_eq!(end("1.5 GB"), Some(6));
        assert_eq!(end("1  kib,2 MB"), Some(6));
        for none in ["1 GB*", "1 pump", "1", "x GB", "1 m=5", "1GB"] {
            assert_eq!(end(none), None, "{none}");
        }
    }
}
