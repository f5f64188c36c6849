//! The parts of a filter's text, for colouring it and for knowing what can follow: forgiving where
//! the parser is not.

use super::{Field, Shape, words};
use crate::filter::words::ends_word;

/// What a part of the text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// The name of a field.
    Field,
    /// A name that no field has.
    Unknown,
    /// A comparison sign, or the comma between values.
    Sign,
    /// A value.
    Value,
    /// A lone word that is searched for.
    Word,
    /// `and`, `or`, `not`, `-` or a bracket.
    Keyword,
}

/// A part of the text; places are counted in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// Where it begins.
    pub start: usize,
    /// Where it has ended.
    pub end: usize,
    /// What it is.
    pub mark: Mark,
    /// The field that a sign or a value belongs to.
    pub field: Option<Field>,
}

/// Cuts a filter's text into its parts; blanks are left out.
pub fn tokens(text: &str) -> Vec<Token> {
    let mut lexer = Lexer { chars: text.chars().collect(), at: 0, tokens: Vec::new() };
    while lexer.skip_blanks() {
        lexer.part();
    }
    lexer.tokens
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
    tokens: Vec<Token>,
}

impl Lexer {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    /// True when something follows.
    fn skip_blanks(&mut self) -> bool {
        while self.peek(0).is_some_and(char::is_whitespace) {
            self.at += 1;
        }
        self.peek(0).is_some()
    }

    fn push(&mut self, start: usize, mark: Mark, field: Option<Field>) {
        self.tokens.push(Token { start, end: self.at, mark, field });
    }

    fn part(&mut self) {
        let start = self.at;
        let negates = self.peek(0) == Some('-') && self.peek(1).is_some_and(|c| !c.is_whitespace());
        if negates || matches!(self.peek(0), Some('(' | ')' | ',')) {
            self.at += 1;
            return self.push(start, Mark::Keyword, None);
        }
        let name =
            self.chars[start..].iter().take_while(|c| c.is_ascii_alphabetic() || **c == '_').count();
        let sign_at = start + name + self.blanks_from(start + name);
        let sign = sign_length(self.chars.get(sign_at).copied(), self.chars.get(sign_at + 1).copied());
        if name > 0 && sign > 0 {
            let word: String = self.chars[start..start + name].iter().collect();
            let field = Field::from_name(&word);
            self.at = start + name;
            self.push(start, if field.is_some() { Mark::Field } else { Mark::Unknown }, field);
            self.at = sign_at + sign;
            self.push(sign_at, Mark::Sign, field);
            return self.values(field);
        }
        self.word(|c| c == ',');
        let text: String = self.chars[start..self.at].iter().collect();
        let keyword = ["and", "or", "not"].contains(&text.to_ascii_lowercase().as_str());
        self.push(start, if keyword { Mark::Keyword } else { Mark::Word }, None);
    }

    fn blanks_from(&self, at: usize) -> usize {
        self.chars[at..].iter().take_while(|c| c.is_whitespace()).count()
    }

    fn values(&mut self, field: Option<Field>) {
        loop {
            let before = self.at;
            if !self.skip_blanks() || matches!(self.peek(0), Some('(' | ')')) {
                self.at = before;
                return;
            }
            let start = self.at;
            if self.peek(0) != Some(',') {
                self.word(|_| false);
                self.unit(start, field);
                self.push(start, Mark::Value, field);
            }
            let after = self.at;
            self.skip_blanks();
            if self.peek(0) != Some(',') {
                self.at = after;
                return;
            }
            let comma = self.at;
            self.at += 1;
            self.push(comma, Mark::Sign, field);
        }
    }

    /// Takes the unit of a size that stands after a blank: `1.5 GB` is one value.
    fn unit(&mut self, start: usize, field: Option<Field>) {
        if field.is_some_and(|f| f.shape() == Shape::Bytes) {
            let number: String = self.chars[start..self.at].iter().collect();
            self.at = words::unit_end(&self.chars, self.at, &number).unwrap_or(self.at);
        }
    }

    /// A quoted text, closed or not, or a run up to where a word ends; always at least one
    /// character.
    fn word(&mut self, also: impl Fn(char) -> bool) {
        if self.peek(0) == Some('"') {
            self.at += 1;
            while let Some(c) = self.peek(0) {
                let escaped = c == '\\' && matches!(self.peek(1), Some('"' | '\\'));
                self.at += if escaped { 2 } else { 1 };
                if c == '"' {
                    return;
                }
            }
            return;
        }
        self.at += 1;
        while self.peek(0).is_some_and(|c| also(c) || !ends_word(c)) {
            self.at += 1;
        }
    }
}

fn sign_length(first: Option<char>, second: Option<char>) -> usize {
    match (first, second) {
        (Some('!' | '<' | '>'), Some('=')) => 2,
        (Some(':' | '=' | '<' | '>'), _) => 1,
        _ => 0,
    }
}

/// What could be typed at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Where what is typed so far begins, in characters.
    pub start: usize,
    /// Where it has ended, beyond the cursor too.
    pub end: usize,
    /// What is typed so far, without quotes.
    pub typed: String,
    /// The field a value is typed of; `None` where a field or a lone word is.
    pub field: Option<Field>,
    /// Whether a sign follows already.
    pub signed: bool,
}

/// What could be typed at the cursor, counted in characters; `None` where nothing is sensible.
pub fn slot(text: &str, cursor: usize) -> Option<Slot> {
    let all = tokens(text);
    let here = all.iter().rfind(|t| t.start < cursor && cursor <= t.end);
    let typed = |t: &Token| {
        let part: String = text.chars().skip(t.start).take(cursor - t.start).collect();
        part.trim_start_matches('"').replace("\\\"", "\"")
    };
    match here {
        Some(t) if t.mark == Mark::Value => {
            Some(Slot { start: t.start, end: t.end, typed: typed(t), field: t.field, signed: false })
                .filter(|s| s.field.is_some())
        }
        Some(t) if t.mark == Mark::Word || (t.mark == Mark::Keyword && t.end - t.start > 1) => {
            let quoted = text.chars().nth(t.start) == Some('"');
            (!quoted).then(|| Slot {
                start: t.start,
                end: t.end,
                typed: typed(t),
                field: None,
                signed: false,
            })
        }
        // After a sign a value begins, with or without a blank between.
        Some(t) if t.mark == Mark::Sign => {
            Some(Slot { start: cursor, end: cursor, typed: String::new(), field: t.field, signed: false })
                .filter(|s| s.field.is_some())
        }
        Some(t) if t.mark == Mark::Field || t.mark == Mark::Unknown => {
            Some(Slot { start: t.start, end: t.end, typed: typed(t), field: None, signed: true })
        }
        Some(_) => {
            Some(Slot { start: cursor, end: cursor, typed: String::new(), field: None, signed: false })
        }
        None => {
            let before = all.iter().rfind(|t| t.end <= cursor);
            let field = before.filter(|t| t.mark == Mark::Sign).and_then(|t| t.field);
            Some(Slot { start: cursor, end: cursor, typed: String::new(), field, signed: false })
        }
    }
}

impl Slot {
    /// Whether names of accounts are asked for.
    pub fn is_account(&self) -> bool {
        self.field.is_some_and(|f| f == Field::Account || f.shape() == Shape::Account)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::filter::Filter;

    fn marks(text: &str) -> String {
        let letter = |t: &Token| match t.mark {
            Mark::Field => 'f',
            Mark::Unknown => 'u',
            Mark::Sign => 's',
            Mark::Value => 'v',
            Mark::Word => 'w',
            Mark::Keyword => 'k',
        };
        tokens(text).iter().map(letter).collect()
    }

    #[test]
    fn parts_are_told_apart() {
        assert_eq!(marks("status=active,alerted (a or -b)"), "fsvsvkwkkwk");
        assert_eq!(marks("acount:x used >= 5GB not"), "usvfsvk");
        assert_eq!(marks("label:\"a b"), "fsv");
        assert_eq!(marks("label: tag:x"), "fsv", "what follows a sign is its value, as in the parser");
        assert_eq!(marks("in:"), "fs");
        assert_eq!(marks("used>=1.5 GB,2 MB pump"), "fsvsvw");
        assert_eq!(marks("label:5 GB"), "fsvw");
    }

    #[test]
    fn the_cursor_knows_what_is_asked_for() {
        let at = |text: &str| {
            let cursor = text.chars().position(|c| c == '|').expect("cursor");
            slot(&text.replace('|', ""), cursor)
                .map(|s| (s.field.map(Field::name), s.typed, s.start, s.end))
        };
        assert_eq!(at("|"), Some((None, String::new(), 0, 0)));
        assert_eq!(at("sta|"), Some((None, "sta".into(), 0, 3)));
        assert_eq!(at("sta|tus=active"), Some((None, "sta".into(), 0, 6)));
        assert_eq!(at("status=|"), Some((Some("status"), String::new(), 7, 7)));
        assert_eq!(at("status=active,al|"), Some((Some("status"), "al".into(), 14, 16)));
        assert_eq!(at("status=active |"), Some((None, String::new(), 14, 14)));
        assert_eq!(at("in:\"/Acme L|td\" x"), Some((Some("in"), "/Acme L".into(), 3, 14)));
        assert_eq!(at("(ne|"), Some((None, "ne".into(), 1, 3)));
        assert_eq!(at("what:|"), None);
    }

    proptest! {
        #[test]
        fn parts_cover_what_is_typed(text in "[a-z:=<>!\"(), \\\\-]{0,40}|\\PC*") {
            let all = tokens(&text);
            let chars: Vec<char> = text.chars().collect();
            let mut at = 0;
            for token in &all {
                prop_assert!(token.start >= at && token.end > token.start, "{:?}", all);
                prop_assert!(chars[at..token.start].iter().all(|c| c.is_whitespace()));
                at = token.end;
            }
            prop_assert!(chars[at..].iter().all(|c| c.is_whitespace()));
            for cursor in 0..=chars.len() {
                if let Some(slot) = slot(&text, cursor) {
                    prop_assert!(slot.start <= cursor && cursor <= slot.end && slot.end <= chars.len());
                }
            }
        }

        /// What the parser takes has no unknown field.
        #[test]
        fn what_parses_is_all_known(text in "(status=active|label:x|in:a|\\(|\\)| or | and |-|,|\"q\"| ){0,12}") {
            if Filter::parse(&text).is_ok() {
                prop_assert!(tokens(&text).iter().all(|t| t.mark != Mark::Unknown), "{}", text);
            }
        }
    }
}
