//! Names of accounts: what every name must satisfy, and what a new one must satisfy beyond that.

use unicode_normalization::char::is_combining_mark;
use unicode_script::{Script, UnicodeScript};
use unicode_security::mixed_script::AugmentedScriptSet;

use crate::error::{Error, Result};
use crate::{limits, text};

/// Checks a name: trimmed, 1 to 100 characters, nothing that could harm a terminal.
pub fn valid_name(name: &str) -> Result<String> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > limits::NAME {
        return Err(Error::invalid("name", format!("must have 1 to {} characters", limits::NAME)));
    }
    if text::has_control(name) {
        return Err(Error::invalid("name", "must not hold control or direction characters"));
    }
    Ok(name.to_owned())
}

/// Checks the name of an account that is made or renamed: a [`valid_name`] that cannot pass for
/// another one.
///
/// - No invisible characters: Unicode's `Default_Ignorable_Code_Point` (DerivedCoreProperties.txt).
///   Allowed are those that emoji are spelled with (UTS #51): the presentation selector U+FE0F
///   after a character that is text by default, and the joiner U+200D between two pictographs.
///   Anywhere else they change the name and not its look.
/// - No word mixes scripts beyond the level "Highly Restrictive" of UTS #39 §5.2: one script, or
///   Latin with those of Japanese, Korean or Chinese. A word is letters, digits, marks and
///   apostrophes. Digits, punctuation and emoji are `Common` and go with every script. The level's
///   identifier profile is not asked for: names hold blanks and signs.
///
/// Accounts that have such a name already keep it, and are found by it.
///
/// Errors: `Invalid` with the character, or with the word and its scripts.
pub fn check_new_account_name(name: &str) -> Result<String> {
    let name = valid_name(name)?;
    if let Some(hidden) = text::find_invisible(&name) {
        let reason = format!("must not hold the invisible character U+{:04X}", u32::from(hidden));
        return Err(Error::invalid("name", reason));
    }
    let in_word = |c: char| c.is_alphanumeric() || is_combining_mark(c) || matches!(c, '\'' | '’' | 'ʼ');
    match name.split(|c| !in_word(c)).find(|word| mixes_scripts(word)) {
        None => Ok(name),
        Some(word) => {
            let reason = format!("must not mix scripts in one word: {word} has {}", list_scripts(word));
            Err(Error::invalid("name", reason))
        }
    }
}

/// True when the characters have no script in common, not even beside Latin (UTS #39 §5.1, with
/// augmented script sets).
fn mixes_scripts(word: &str) -> bool {
    let (mut whole, mut beside_latin) = (AugmentedScriptSet::default(), AugmentedScriptSet::default());
    for scripts in word.chars().map(AugmentedScriptSet::for_char) {
        whole.intersect_with(scripts);
        if !scripts.base.contains_script(Script::Latin) {
            beside_latin.intersect_with(scripts);
        }
    }
    whole.is_empty() && !(beside_latin.jpan || beside_latin.kore || beside_latin.hanb)
}

/// The scripts of a word in words: "Latin and Cyrillic letters".
fn list_scripts(word: &str) -> String {
    let mut names: Vec<&str> = Vec::new();
    for script in word.chars().map(|c| c.script()) {
        if !matches!(script, Script::Common | Script::Inherited) && !names.contains(&script.full_name()) {
            names.push(script.full_name());
        }
    }
    format!("{} letters", names.join(" and "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(name: &str) -> String {
        check_new_account_name(name).expect_err(name).to_string()
    }

    #[test]
    fn names_of_every_script_are_taken() {
        for name in [
            "Café Réseau, SARL",
            "Smart–Meter Co.",
            "Łódź (2G) #7",
            "شركة النور",
            "北京物联科技",
            "NTTデータ関西",
            "삼성SDS",
            "台北ㄊㄞ",
            "Завод №5 ООО",
            "Завод / Acme Ltd",
            "Acme-Москва",
            "10 µm & ½",
            "O’Neil's",
            "e\u{301}tage",
            "हिन्दी",
        ] {
            assert_eq!(check_new_account_name(name).as_deref(), Ok(name));
        }
    }

    #[test]
    fn emoji_are_taken_as_they_are_spelled() {
        for name in [
            "🚚 Fleet",
            "Acme🚚",
            "☎\u{fe0f} Sales",
            "Line 1\u{fe0f}\u{20e3}",
            "👩\u{200d}🔧 Service",
            "🧑🏽\u{200d}✈\u{fe0f}",
            "🏳\u{fe0f}\u{200d}🌈",
            "🇬🇧",
        ] {
            assert_eq!(check_new_account_name(name).as_deref(), Ok(name));
        }
    }

    #[test]
    fn invisible_characters_are_refused() {
        for (name, code) in [
            ("Ac\u{ad}me", "U+00AD"),
            ("Acme\u{200d}", "U+200D"),
            ("Acme\u{200c}", "U+200C"),
            ("Ac\u{34f}me", "U+034F"),
            ("Acme \u{3164}", "U+3164"),
            ("Acme\u{fe0f}", "U+FE0F"),
            ("Depot 2\u{fe0f}", "U+FE0F"),
            ("🚚\u{fe0f}", "U+FE0F"),
            ("🚚\u{200d}", "U+200D"),
            ("🚚\u{fe00}", "U+FE00"),
            ("Acme\u{180b}", "U+180B"),
        ] {
            assert!(valid_name(name).is_ok() && reason(name).contains(code), "{code}");
        }
    }

    #[test]
    fn a_word_of_two_scripts_is_refused_with_both() {
        assert!(reason("\u{410}cme Ltd").contains("\u{410}cme has Cyrillic and Latin letters"));
        assert!(reason("Acm\u{435}").contains("Latin and Cyrillic"));
        for name in ["\u{39f}range", "\u{41e}'Neil", "Дα", "Аカ", "abcﻉ", "ab\u{5d0}"] {
            assert!(reason(name).contains("mix scripts"), "{name}");
        }
    }
}
