//! Case and accent folding.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Folds case away and keeps accents: `MÜLLER` and `müller` compare equal, `Müller` and `Muller` do
/// not.
///
/// For names that identify an object. Canonically equivalent spellings (Unicode §3.7) give the same
/// result, in NFC. Every letter is lowercased by itself and a final sigma is a sigma; compatibility
/// characters and `ß` stay what they are, so that no two spellings become one name.
pub fn case_fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let lower = text.nfd().flat_map(char::to_lowercase);
    lower.map(|c| if c == 'ς' { 'σ' } else { c }).nfc().collect()
}

/// Folds case and accents away, so that `Müller` and `MULLER` compare equal. For searches and
/// suggestions.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect()
}
