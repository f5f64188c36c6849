//! Foreign text: made safe for terminals, folded for comparison, ordered, defused for spreadsheets.

mod folding;
mod invisible;
mod natural;

use std::borrow::Cow;

pub use folding::{case_fold, fold};
pub(crate) use invisible::find_invisible;
pub use natural::natural_key;

/// Returns `text` on one line, without escape sequences, control, bidirectional-control and
/// invisible characters.
///
/// Invisible characters are those of Unicode's `Default_Ignorable_Code_Point`; the ones that emoji
/// are spelled with stay.
pub fn clean(text: &str) -> Cow<'_, str> {
    strip(text, false)
}

/// Like [`clean`], but keeps line breaks: for notes.
pub fn clean_lines(text: &str) -> Cow<'_, str> {
    strip(text, true)
}

/// True if `text` holds escape sequences, control or bidirectional-control characters. Unlike
/// [`clean`] it accepts the joiners that Persian and Indic words are spelled with.
pub fn has_control(text: &str) -> bool {
    text.chars().any(is_hostile)
}

fn strip(text: &str, lines: bool) -> Cow<'_, str> {
    match strip_control(text, lines) {
        Cow::Borrowed(text) => invisible::strip_invisible(text),
        Cow::Owned(text) => match invisible::strip_invisible(&text) {
            Cow::Borrowed(_) => Cow::Owned(text),
            Cow::Owned(stripped) => Cow::Owned(stripped),
        },
    }
}

/// Removes what [`has_control`] finds: for values that are stored. `lines` keeps line breaks.
pub fn strip_control(text: &str, lines: bool) -> Cow<'_, str> {
    if !text.chars().any(|c| is_hostile(c) && !(lines && c == '\n')) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\x1b' => skip_escape(&mut chars),
            '\u{9b}' => skip_csi(&mut chars),
            '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => skip_string(&mut chars),
            '\r' if chars.peek() == Some(&'\n') => {}
            '\n' | '\r' if lines => out.push('\n'),
            '\n' | '\r' | '\t' => out.push(' '),
            c if is_hostile(c) => {}
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Controls (C0, DEL, C1), line and paragraph separators, and everything that reorders or hides
/// text.
fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn skip_escape(chars: &mut Chars<'_>) {
    match chars.next_if(|c| !c.is_control()) {
        Some('[') => skip_csi(chars),
        Some(']' | 'P' | 'X' | '^' | '_') => skip_string(chars),
        _ => {}
    }
}

/// Skips parameters and intermediates up to the final byte of a control sequence (ECMA-48 §5.4).
fn skip_csi(chars: &mut Chars<'_>) {
    while chars.next_if(|c| matches!(c, ' '..='?')).is_some() {}
    let _ = chars.next_if(|c| matches!(c, '@'..='~'));
}

/// Skips a control string up to BEL or ST; an unterminated one ends with the text.
fn skip_string(chars: &mut Chars<'_>) {
    while let Some(c) = chars.next() {
        match c {
            '\x07' | '\u{9c}' => return,
            '\x1b' if chars.next_if_eq(&'\\').is_some() => return,
            _ => {}
        }
    }
}

/// True when a whole `value` fits `pattern`, in which `*` stands for anything; both are folded
/// already.
pub fn fits(pattern: &str, value: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = value.strip_prefix(first) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    true
}

/// Guards a cell against being run as a formula by a spreadsheet (OWASP, "CSV Injection").
///
/// Adds one `'` before a formula character, and before a `'` that [`undefuse`] would otherwise
/// remove: `undefuse(defuse(x)) == x` for every text.
pub fn defuse(cell: &str) -> Cow<'_, str> {
    let guarded = match cell.strip_prefix('\'') {
        Some(rest) => rest.starts_with(is_guarded),
        None => cell.starts_with(starts_formula),
    };
    if guarded { Cow::Owned(format!("'{cell}")) } else { Cow::Borrowed(cell) }
}

/// Removes the `'` that [`defuse`] added; any other cell is returned unchanged.
pub fn undefuse(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|rest| rest.starts_with(is_guarded)).unwrap_or(cell)
}

/// A character after which a leading `'` counts as a guard.
fn is_guarded(c: char) -> bool {
    c == '\'' || starts_formula(c)
}

/// A character that begins a formula in a spreadsheet, full-width forms included.
fn starts_formula(c: char) -> bool {
    matches!(c, '=' | '+' | '-' | '@' | '\t' | '\r' | '＝' | '＋' | '－' | '＠')
}

/// The names among `known` that are near enough to `word` to be worth suggesting, best first.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let word = fold(word);
    let limit = word.chars().count().div_ceil(3);
    let mut near: Vec<(usize, &str)> = known
        .into_iter()
        .map(|name| (distance(&word, &fold(name)), name))
        .filter(|(distance, _)| *distance <= limit)
        .collect();
    near.sort_unstable();
    near.into_iter().take(3).map(|(_, name)| name).collect()
}

/// Levenshtein distance, one row at a time.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let next = (corner + usize::from(ca != *cb)).min(row[j] + 1).min(row[j + 1] + 1);
            corner = row[j + 1];
            row[j + 1] = next;
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escape_sequences_go_whole() {
        assert_eq!(clean("\x1b[31mred\x1b[0m \x1b]52;c;aGk=\x07escape"), "red escape");
        assert_eq!(clean("\u{9b}31mred\u{9d}0;title\u{9c}!"), "red!");
        assert_eq!(clean("a\u{202e}evil\u{202c}b\tc\r\nd"), "aevilb c d");
        assert_eq!(clean_lines("one\r\ntwo\x1bc"), "one\ntwo");
    }

    #[test]
    fn invisible_characters_go_and_emoji_stay() {
        let hidden = "a\u{ad}b\u{34f}c\u{115f}d\u{200c}e\u{200d}f\u{2065}g\u{3164}h\u{fe0f}i\u{ffa0}j\u{e0100}k\u{e0fff}l";
        assert_eq!(clean(hidden), "abcdefghijkl");
        for emoji in ["\u{2764}\u{fe0f}", "\u{1f469}\u{200d}\u{1f52c}", "1\u{fe0f}\u{20e3}"] {
            assert_eq!(clean(emoji), emoji);
        }
        // A joiner between two pictographs is no longer one when what stood between them is gone.
        assert_eq!(clean("\u{1f469}\u{fe0f}\u{200d}\u{ad}\u{1f52c}"), "\u{1f469}\u{1f52c}");
        assert!(!has_control("\u{645}\u{6cc}\u{200c}\u{62e}") && has_control("a\tb"));
    }

    #[test]
    fn folding_ignores_case_and_accents() {
        assert_eq!(fold("MÜLLER É"), "muller e");
        assert_eq!(fold("Łódź"), "łodz");
    }

    #[test]
    fn case_folding_keeps_accents() {
        assert_eq!(case_fold("PEÑA Sl"), case_fold("pen\u{303}a SL"));
        assert_eq!(case_fold("ΟΔΟΣ"), case_fold("οδος"));
        for (a, b) in
            [("Müller", "Muller"), ("Peña SL", "Pena SL"), ("Maß", "Mass"), ("Ørsted", "Orsted")]
        {
            assert_ne!(case_fold(a), case_fold(b));
        }
    }

    #[test]
    fn patterns_fit_whole_values() {
        assert!(fits("*0057", "894400057") && fits("8944*", "8944") && fits("a*b*c", "a-b-c"));
        assert!(!fits("8944*", "18944") && !fits("a*b", "abc") && !fits("abc", "abcd"));
    }

    #[test]
    fn guarded_cells_lose_their_guard_only() {
        for (cell, guarded) in [
            ("=HQ", "'=HQ"),
            ("+spare", "'+spare"),
            ("-old", "'-old"),
            ("@home 5", "'@home 5"),
            ("＝1", "'＝1"),
            ("'=x", "''=x"),
            ("''x", "'''x"),
            ("'quoted", "'quoted"),
            ("'", "'"),
            ("plain = 1", "plain = 1"),
        ] {
            assert_eq!((defuse(cell).as_ref(), undefuse(guarded)), (guarded, cell));
        }
        assert_eq!(undefuse("=HQ"), "=HQ", "an unguarded cell of another program");
    }

    #[test]
    fn near_names_are_found() {
        assert_eq!(nearest("acount", ["account", "alert", "network"]), ["account"]);
    }

    proptest! {
        #[test]
        fn guarded_cells_read_back(cell in "['=+@a＝\t-]{0,4}\\PC*") {
            let guarded = defuse(&cell).into_owned();
            prop_assert!(!guarded.starts_with(starts_formula));
            prop_assert_eq!(undefuse(&guarded), cell);
        }

        #[test]
        fn clean_text_is_clean_and_stays_so(
            text in "\\PC*|[\\x00-\\x9f\u{202a}-\u{202e}]*|[a\u{ad}\u{200d}\u{fe0f}\u{1f469}\u{2764}\u{1f3fb}]*",
        ) {
            let once = clean(&text).into_owned();
            prop_assert!(!has_control(&once));
            prop_assert_eq!(find_invisible(&once), None);
            prop_assert_eq!(clean(&once), once.as_str());
        }

        #[test]
        fn case_folding_is_idempotent_and_finer_than_folding(a in "\\PC{0,8}", b in "\\PC{0,8}") {
            let key = case_fold(&a);
            prop_assert_eq!(case_fold(&key), key.as_str());
            prop_assert_eq!(case_fold(&a.to_lowercase()), key.as_str());
            prop_assert!(key != case_fold(&b) || fold(&key) == fold(&case_fold(&b)));
        }
    }
}
