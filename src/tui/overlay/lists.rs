//! Lists that a person keeps or looks through: saved filters, and the numbers a list filter names.

use estate::Saved;

use super::list::step;
use crate::tui::overlay::response::{DialogResponse, SavedWish};
use crate::tui::term::{Code, Key};

/// The saved filters, and after them the quick ones.
#[derive(Debug, Default)]
pub struct SavedPane {
    /// The person's own, in their order.
    pub own: Vec<Saved>,
    /// Everybody's.
    pub quick: Vec<Saved>,
    /// The line under the cursor.
    pub cursor: usize,
    /// Whether a digit is waited for.
    pub binding: bool,
    /// The one whose deletion was asked about.
    pub doomed: Option<String>,
}

impl SavedPane {
    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.own.len() + self.quick.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The one on a line.
    pub fn get(&self, line: usize) -> Option<&Saved> {
        self.own.get(line).or_else(|| self.quick.get(line.checked_sub(self.own.len())?))
    }

    /// Moves one at once: the next key may be about its new place already.
    fn shift(&mut self, name: String, to: usize) -> SavedWish {
        self.own.swap(self.cursor, to);
        self.cursor = to;
        SavedWish::Place(name, to)
    }

    /// Takes a key.
    pub fn key(&mut self, key: Key) -> DialogResponse {
        let current = self.get(self.cursor).cloned();
        let own = self.own.get(self.cursor).map(|s| s.name.clone());
        let doomed = self.doomed.take();
        if std::mem::take(&mut self.binding) {
            return match (key.code, own) {
                (Code::Char(c @ '0'..='9'), Some(name)) => {
                    let digit = c.to_digit(10).map(|d| d as u8).filter(|d| *d > 0);
                    DialogResponse::Saved(SavedWish::Digit(name, digit))
                }
                _ => DialogResponse::Stay,
            };
        }
        let wish = match (key.code, own, current) {
            (Code::Esc | Code::Char('q'), ..) => return DialogResponse::Close,
            (Code::Enter, _, Some(saved)) => SavedWish::Call(saved),
            (Code::Char('a'), ..) => SavedWish::Keep,
            (Code::Char('e'), ..) => SavedWish::Export,
            (Code::Char('i'), ..) => SavedWish::Import,
            (Code::Char('n'), Some(name), _) => SavedWish::Rename(name),
            (Code::Char('x') | Code::Delete, Some(name), _) if doomed.as_ref() == Some(&name) => {
                SavedWish::Delete(name)
            }
            (Code::Char('x') | Code::Delete, Some(name), _) => {
                self.doomed = Some(name.clone());
                return DialogResponse::Say(format!("x again deletes {name}"));
            }
            (Code::Char('K'), Some(name), _) => self.shift(name, self.cursor.saturating_sub(1)),
            (Code::Char('J'), Some(name), _) => {
                self.shift(name, (self.cursor + 1).min(self.own.len() - 1))
            }
            (Code::Char('b'), Some(_), _) => {
                self.binding = true;
                return DialogResponse::Say(
                    "press the digit from 1 to 9 that is to call it, or 0 for none".into(),
                );
            }
            (Code::Char('n' | 'x' | 'K' | 'J' | 'b') | Code::Delete, None, Some(_)) => {
                return DialogResponse::Say(
                    "quick filters are everybody's; a adds one of your own".into(),
                );
            }
            (Code::Char(c @ '1'..='9'), ..) => {
                let digit = c.to_digit(10).map(|d| d as u8);
                match self.own.iter().chain(&self.quick).find(|s| s.digit == digit) {
                    Some(saved) => SavedWish::Call(saved.clone()),
                    None => return DialogResponse::Stay,
                }
            }
            _ => {
                let lines = self.len();
                step(key, &mut self.cursor, lines);
                return DialogResponse::Stay;
            }
        };
        DialogResponse::Saved(wish)
    }
}

/// The numbers of a list: those that fit a SIM, and those that do not.
#[derive(Debug, Default)]
pub struct NumbersPane {
    /// What it came to.
    pub summary: String,
    /// Numbers that fit no SIM.
    pub missing: Vec<String>,
    /// All numbers of the list.
    pub all: Vec<String>,
    /// Whether all are shown, or the missing ones only.
    pub shows_all: bool,
    /// Whether the list is the filter in force, and can be saved as such.
    pub savable: bool,
    /// The line under the cursor.
    pub cursor: usize,
}

impl NumbersPane {
    /// The numbers that are shown.
    pub fn visible_numbers(&self) -> &[String] {
        if self.shows_all { &self.all } else { &self.missing }
    }

    /// Takes a key.
    pub fn key(&mut self, key: Key) -> DialogResponse {
        match key.code {
            Code::Esc | Code::Enter | Code::Char('q') => return DialogResponse::Close,
            Code::Tab | Code::BackTab | Code::Left | Code::Right => {
                self.shows_all = !self.shows_all;
                self.cursor = 0;
            }
            Code::Char('e') => return DialogResponse::Numbers,
            Code::Char('s') if self.savable => return DialogResponse::Saved(SavedWish::Keep),
            _ => {
                let lines = self.visible_numbers().len();
                step(key, &mut self.cursor, lines);
            }
        }
        DialogResponse::Stay
    }
}
