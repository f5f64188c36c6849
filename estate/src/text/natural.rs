//! Natural order: numbers in text are compared by value.

use crate::text::folding::fold;

/// Stands before what breaks ties; below every character of a cleaned text.
const TIE: char = '\u{1}';

/// Returns a key whose byte order is the natural order of texts: `Depot 2` before `Depot 10`.
///
/// - Texts are folded first ([`fold`]): case and accents do not matter, and the texts that fold
///   alike have one key.
/// - A run of ASCII digits is a number of any length, compared by value. It stands where a digit
///   stands among characters. Signs, points and grouping are not part of a number. All other
///   characters are compared by code point.
/// - If all else is equal, fewer leading zeros come first: `7`, `07`, `007`.
///
/// In the key a number is its length and its significant digits: `2` is `12`, `10` is `210`, `0` is
/// `0`.
pub fn natural_key(text: &str) -> String {
    let folded = fold(text);
    let mut key = String::with_capacity(folded.len() + 8);
    let mut zeros = Vec::new();
    let mut rest = folded.as_str();
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(start);
        let (run, after) = from.split_at(from.find(|c: char| !c.is_ascii_digit()).unwrap_or(from.len()));
        let digits = run.trim_start_matches('0');
        key.push_str(before);
        push_number(&mut key, digits);
        // The one digit of zero does not lead.
        zeros.push(run.len() - digits.len().max(1));
        rest = after;
    }
    key.push_str(rest);
    if let Some(last) = zeros.iter().rposition(|count| *count > 0) {
        key.push(TIE);
        for count in &zeros[..=last] {
            push_number(&mut key, count.to_string().trim_start_matches('0'));
        }
    }
    key
}

/// Appends the significant digits of a number after their count: one digit below nine, else 9, the
/// length of the count, and the count.
fn push_number(key: &mut String, digits: &str) {
    let count = digits.len().to_string();
    if digits.len() >= 9 {
        key.push('9');
        key.push_str(&count.len().to_string());
    }
    key.push_str(&count);
    key.push_str(digits);
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use proptest::prelude::*;

    use super::*;

    fn compare(a: &str, b: &str) -> Ordering {
        natural_key(a).cmp(&natural_key(b))
    }

    fn assert_ascending(texts: &[&str]) {
        for pair in texts.windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
        }
    }

    #[test]
    fn numbers_are_compared_by_value() {
        assert_ascending(&["", "-", "Depot", "depot 0", "Depot 2", "Depot 2b", "Depot 10", "DEPOT A"]);
        assert_ascending(&["a1b2", "a1b10", "a2b1", "a10"]);
        assert_ascending(&["1.5", "1.10", "2", "12345678", "123456789", "1234567890"]);
        let (long, longer) = ("9".repeat(30), format!("1{}", "0".repeat(30)));
        assert_ascending(&[
            "100000000000000000000000000000",
            "100000000000000000000000000001",
            &long,
            &longer,
        ]);
        assert_ascending(&[&"9".repeat(99), &format!("1{}", "0".repeat(99)), &"9".repeat(1_000)]);
    }

    #[test]
    fn fewer_leading_zeros_come_first_if_all_else_is_equal() {
        assert_ascending(&["7", "07", "007", "8", "010", "0010 a"]);
        assert_ascending(&["0", "00", "0a", "00a", "1"]);
        assert_ascending(&["a1b1", "a1b01", "a01b1", "a01b01", "a1b2", "a2b01"]);
    }

    #[test]
    fn case_and_accents_do_not_matter() {
        assert_eq!(natural_key("DÉPÔT 2"), natural_key("depot 2"));
        assert_ascending(&["Äpfel 2", "apfel 10", "B"]);
    }

    /// Tokens of a folded text: a character, or a number as its length and digits where `0` would
    /// stand.
    fn tokens(text: &str) -> (Vec<(char, usize, String)>, Vec<usize>) {
        let (mut all, mut zeros) = (Vec::new(), Vec::new());
        let folded = fold(text);
        let mut chars = folded.chars().peekable();
        while let Some(c) = chars.next() {
            if !c.is_ascii_digit() {
                all.push((c, 0, String::new()));
                continue;
            }
            let mut run = c.to_string();
            while let Some(digit) = chars.next_if(char::is_ascii_digit) {
                run.push(digit);
            }
            let digits = run.trim_start_matches('0').to_owned();
            zeros.push(run.len() - digits.len().max(1));
            all.push(('0', digits.len(), digits));
        }
        (all, zeros)
    }

    proptest! {
        #[test]
        fn the_order_of_keys_is_the_order_of_tokens(a in "[ab0-3é -]{0,12}|[0-9]{0,30}|\\PC{0,6}", b in "[ab0-3é -]{0,12}|[0-9]{0,30}|\\PC{0,6}") {
            prop_assert_eq!(compare(&a, &b), tokens(&a).cmp(&tokens(&b)));
            prop_assert_eq!(natural_key(&a) == natural_key(&b), fold(&a) == fold(&b));
            prop_assert_eq!(natural_key(&fold(&a)), natural_key(&a));
        }
    }
}
