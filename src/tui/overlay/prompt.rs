//! One line of text, or a pasted list, with what is wrong with it beneath.

use estate::AccountId;
use tui_input::Input;

use super::Reply;
use super::chooser::{edit, insert};
use crate::tui::term::{Code, Key};

/// What the line is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The name of a new account under this one.
    AddAccount(AccountId),
    /// The new name of this account.
    RenameAccount(AccountId),
    /// The file to export to.
    Export,
    /// A filter to select by.
    Where,
    /// A row number or share.
    GoTo,
    /// A list of identifiers to select.
    List,
}

/// The dialog.
#[derive(Debug)]
pub struct Prompt {
    /// The heading.
    pub title: String,
    /// What to type.
    pub hint: String,
    /// The line.
    pub input: Input,
    /// A pasted list, kept whole: too long for a line.
    pub pasted: Option<String>,
    /// What is wrong.
    pub fault: Option<String>,
    /// What it is for.
    pub purpose: Purpose,
}

impl Prompt {
    /// A dialog with text to begin with.
    pub fn new(title: impl Into<String>, hint: impl Into<String>, text: &str, purpose: Purpose) -> Self {
        let input = Input::new(text.to_owned());
        Self { title: title.into(), hint: hint.into(), input, pasted: None, fault: None, purpose }
    }

    /// Takes a key.
    pub fn key(&mut self, key: Key) -> Reply {
        match key.code {
            Code::Esc => return Reply::Close,
            Code::Enter => {
                let text = self.pasted.clone().unwrap_or_else(|| self.input.value().to_owned());
                return Reply::Submit(text);
            }
            _ => {
                if edit(&mut self.input, key) {
                    self.fault = None;
                    self.pasted = None;
                }
            }
        }
        Reply::Stay
    }

    /// Takes pasted text: a list whole, else as one line.
    pub fn paste(&mut self, text: &str) {
        if self.purpose == Purpose::List {
            let all = self.pasted.take().unwrap_or_default() + text;
            self.pasted = Some(all);
        } else {
            insert(&mut self.input, estate::text::clean(text).trim());
        }
    }
}
