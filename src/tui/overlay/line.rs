//! A line in which a filter, or the values of one condition, are typed: coloured, completed,
//! checked. Pure.

use estate::filter::lex::{Slot, slot};
use estate::filter::suggest::{Known, Suggestion, fault, suggest, unquote};
use estate::{Accounts, Field, Shape};
use tui_input::Input;

use super::chooser::{edit, insert};
use crate::tui::conditions::cut_values;
use crate::tui::term::{Code, Key};

/// The most suggestions that are shown at once.
pub const SHOWN: usize = 8;
/// A longer filter is not opened in a line: it holds a list.
pub const LONGEST: usize = 4_000;

/// What the line holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// A filter.
    Filter,
    /// Values of a field, between commas, without quotes.
    Values(Field),
}

/// What became of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Typed {
    /// Nothing: it means something else.
    No,
    /// The line is as it was.
    Same,
    /// The text changed.
    Changed,
    /// The text changed, and that was all that was wanted.
    Done,
}

/// The line.
#[derive(Debug)]
pub struct Line {
    /// The text and the cursor.
    pub input: Input,
    /// What is wrong with it, and at which character.
    pub fault: Option<(usize, String)>,
    /// What could be typed here.
    pub offered: Vec<Suggestion>,
    /// The suggestion under the cursor.
    pub chosen: Option<usize>,
    holds: Holds,
    slot: Option<Slot>,
}

impl Line {
    /// A line with text to begin with, the cursor at its end.
    pub fn new(text: &str, holds: Holds) -> Self {
        let input = Input::new(text.to_owned());
        Self { input, fault: None, offered: Vec::new(), chosen: None, holds, slot: None }
    }

    /// What is typed.
    pub fn text(&self) -> &str {
        self.input.value()
    }

    /// Takes a key; what it does not know it leaves alone.
    pub fn key(&mut self, key: Key, accounts: &Accounts, known: &Known) -> Typed {
        match key.code {
            Code::Tab if self.offered.is_empty() => self.offer(accounts, known, true),
            Code::Tab => return self.accept(self.chosen.unwrap_or(0), accounts, known),
            Code::Enter => match self.chosen {
                Some(at) => return self.accept(at, accounts, known),
                // Where only some words mean anything the first that fits is taken, and so it is
                // where nothing can be read without it.
                None if self.is_closed() && !self.offered.is_empty() && self.is_begun() => {
                    self.accept(0, accounts, known);
                    return Typed::Done;
                }
                None if self.fault.is_some() && !self.offered.is_empty() => {
                    return self.accept(0, accounts, known);
                }
                None => return Typed::No,
            },
            Code::Down if !self.offered.is_empty() => self.step(1),
            Code::Up if !self.offered.is_empty() => self.step(-1),
            Code::Left | Code::Right | Code::Home | Code::End => {
                edit(&mut self.input, key);
                self.offered.clear();
                self.chosen = None;
            }
            _ if edit(&mut self.input, key) => {
                self.after_change(accounts, known);
                return Typed::Changed;
            }
            _ => return Typed::No,
        }
        Typed::Same
    }

    /// Whether part of a value is typed.
    fn is_begun(&self) -> bool {
        self.slot.as_ref().is_some_and(|slot| !slot.typed.is_empty())
    }

    /// Takes the suggestions away; true when there were any.
    pub fn put_away(&mut self) -> bool {
        self.chosen = None;
        let some = !self.offered.is_empty();
        self.offered.clear();
        some
    }

    fn is_closed(&self) -> bool {
        let Holds::Values(field) = self.holds else { return false };
        matches!(field.shape(), Shape::Status | Shape::Lifecycle | Shape::Flag)
    }

    /// Takes pasted text.
    pub fn paste(&mut self, text: &str, accounts: &Accounts, known: &Known) {
        insert(&mut self.input, estate::text::clean(text).trim());
        self.after_change(accounts, known);
    }

    /// Puts another text in place.
    pub fn set(&mut self, text: &str) {
        self.input = Input::new(text.to_owned());
        self.fault = None;
        self.offered.clear();
        self.chosen = None;
    }

    fn after_change(&mut self, accounts: &Accounts, known: &Known) {
        self.fault = if self.holds == Holds::Filter { fault(self.text()) } else { None };
        self.offer(accounts, known, false);
    }

    /// The values that stand in the line besides the one under the cursor.
    fn others(&self) -> Vec<String> {
        let Some(slot) = self.slot.as_ref().filter(|_| matches!(self.holds, Holds::Values(_))) else {
            return Vec::new();
        };
        let chars: Vec<char> = self.text().chars().collect();
        let rest: String = chars[..slot.start].iter().chain(&chars[slot.end..]).collect();
        cut_values(&rest).iter().map(|v| estate::text::case_fold(&unquote(v.trim()))).collect()
    }

    /// Works out what could be typed; of fields only once one is begun, unless it is asked for.
    pub fn offer(&mut self, accounts: &Accounts, known: &Known, asked: bool) {
        self.chosen = None;
        self.slot = match self.holds {
            Holds::Filter => slot(self.text(), self.input.cursor()),
            Holds::Values(field) => Some(value_slot(field, self.text(), self.input.cursor())),
        };
        let begun = |s: &&Slot| asked || s.field.is_some() || !s.typed.is_empty();
        self.offered =
            self.slot.as_ref().filter(begun).map(|s| suggest(s, accounts, known)).unwrap_or_default();
        let others = self.others();
        self.offered.retain(|s| !others.contains(&estate::text::case_fold(&s.label)));
    }

    fn step(&mut self, by: i64) {
        let last = self.offered.len() as i64 - 1;
        let now = self.chosen.map_or(if by > 0 { -1 } else { last + 1 }, |at| at as i64);
        self.chosen = Some((now + by).clamp(0, last) as usize);
    }

    /// Puts a suggestion into the text.
    pub fn accept(&mut self, at: usize, accounts: &Accounts, known: &Known) -> Typed {
        let (Some(slot), Some(suggestion)) = (self.slot.take(), self.offered.get(at)) else {
            return Typed::Same;
        };
        let insert = match self.holds {
            Holds::Values(_) if !suggestion.label.contains([',', '"']) => suggestion.label.as_str(),
            // The sign is there already.
            _ if slot.signed => suggestion.insert.trim_end_matches([':', '=', '<', '>']),
            _ => suggestion.insert.as_str(),
        };
        let chars: Vec<char> = self.text().chars().collect();
        let mut text: String = chars[..slot.start].iter().collect();
        text.push_str(insert);
        let cursor = text.chars().count();
        text.extend(&chars[slot.end..]);
        let asks_on = insert.ends_with([':', '=', '<']);
        self.input = Input::new(text).with_cursor(cursor);
        self.after_change(accounts, known);
        if !asks_on {
            self.offered.clear();
        }
        Typed::Changed
    }

    /// Whether the word under the cursor may become the name of a field.
    pub fn begins_field(&self) -> bool {
        let begun =
            self.slot.as_ref().is_some_and(|s| s.field.is_none() && s.start > 0 && !s.typed.is_empty());
        begun && !self.offered.is_empty()
    }

    /// The character that suggestions are about.
    pub fn anchor(&self) -> usize {
        self.slot.as_ref().map_or(0, |slot| slot.start)
    }

    /// The first suggestion that is shown.
    pub fn first_offered(&self) -> usize {
        (self.chosen.unwrap_or(0) + 1).saturating_sub(SHOWN)
    }
}

/// The value the cursor is in, between commas outside quotes.
fn value_slot(field: Field, text: &str, cursor: usize) -> Slot {
    let mut start = 0;
    let (mut part, mut at) = (String::new(), 0);
    for value in cut_values(text) {
        let end = start + value.chars().count();
        (part, at) = (value, start);
        if cursor <= end {
            break;
        }
        start = end + 1;
    }
    let blanks = part.chars().take_while(|c| c.is_whitespace()).count();
    let (begin, end) = (at + blanks, at + part.chars().count());
    let typed: String = part.chars().skip(blanks).take(cursor.saturating_sub(begin)).collect();
    let typed = unquote(&typed);
    Slot { start: begin, end, typed, field: Some(field), signed: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(line: &mut Line, keys: &str) {
        let known = Known::from([(Field::Network, vec![("EE".into(), 2), ("Voda fone".into(), 1)])]);
        for c in keys.chars() {
            let key = match c {
                '\t' => Key::plain(Code::Tab),
                '\n' => Key::plain(Code::Enter),
                '↓' => Key::plain(Code::Down),
                c => Key::char(c),
            };
            line.key(key, &Accounts::default(), &known);
        }
    }

    #[test]
    fn fields_and_values_are_completed() {
        let mut line = Line::new("", Holds::Filter);
        typed(&mut line, "netw\t");
        assert_eq!(line.text(), "network:");
        typed(&mut line, "↓↓\n");
        assert_eq!(line.text(), "network:\"Voda fone\"");
        typed(&mut line, " statu\tal\t");
        assert_eq!(line.text(), "network:\"Voda fone\" status=alerted");
        typed(&mut line, " used>");
        assert!(line.fault.is_some());
        typed(&mut line, "1GB");
        assert_eq!(line.fault, None);
        let known = Known::new();
        assert_eq!(line.key(Key::plain(Code::Enter), &Accounts::default(), &known), Typed::No);
    }

    #[test]
    fn values_stand_between_commas_without_quotes() {
        let mut line = Line::new("", Holds::Values(Field::Network));
        typed(&mut line, "EE, voda\t");
        assert_eq!(line.text(), "EE, Voda fone");
        line.input = Input::new("E, x".to_owned()).with_cursor(1);
        line.offer(&Accounts::default(), &Known::from([(Field::Network, vec![("EE".into(), 2)])]), false);
        typed(&mut line, "\t");
        assert_eq!(line.text(), "EE, x");
        let mut line = Line::new("\"a, b\", vo", Holds::Values(Field::Network));
        typed(&mut line, "d\t");
        assert_eq!(line.text(), "\"a, b\", Voda fone");
        let mut line = Line::new("status=active", Holds::Filter);
        line.input = Input::new("status=active".to_owned()).with_cursor(3);
        typed(&mut line, "\t\t");
        assert_eq!(line.text(), "status=active");
    }
}
