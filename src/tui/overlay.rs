//! What lies over the screen: a stack, the top one gets input first and returns what it wants.

pub mod chooser;
pub mod confirm;
pub mod line;
pub mod list;
pub mod prompt;

use estate::{AccountId, Column, Filter, Outcome, SimId};

pub use chooser::{Choosable, Chooser};
pub use confirm::Confirm;
pub use list::{HistoryPane, ResultPane};
pub use prompt::{Prompt, Purpose};

use super::action::Action;
use super::msg::{ListUse, Then};
use super::term::Key;

/// One thing over the screen.
#[derive(Debug)]
pub enum Overlay {
    /// A list to choose from: menus, pickers, palette, help.
    Choose(Chooser),
    /// A planned change waiting for a yes.
    Confirm(Box<Confirm>),
    /// A change under way.
    Running,
    /// What a change did.
    Result(Box<ResultPane>),
    /// One line of text.
    Prompt(Prompt),
    /// The log of changes.
    History(HistoryPane),
    /// What was said so far, scrolled by so many lines.
    Messages(usize),
}

/// What a choice means.
#[derive(Debug, Clone, PartialEq)]
pub enum Choice {
    /// Run an action.
    Action(Action),
    /// Move the selected SIMs there.
    MoveTo(AccountId),
    /// Hang the account in hand under that one.
    Hang(AccountId, AccountId),
    /// Look at that account.
    GoTo(AccountId),
    /// Sort by that column.
    Sort(Column),
    /// Sort by that column too, after the others.
    ThenSort(Column),
    /// Select what fits.
    Select(Filter),
    /// Use the pasted list.
    Paste(ListUse),
    /// Nothing: a heading, or what only closes.
    Nothing,
}

/// What the top overlay wants after a key or a click.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// To stay.
    Stay,
    /// To be closed.
    Close,
    /// To be closed, and its choice done.
    Choose(Choice),
    /// To say why not.
    Say(String),
    /// To make its change.
    Go,
    /// To plan anew with only the SIMs the list shows.
    OnlyShown,
    /// To stop the change that runs.
    Cancel,
    /// To submit its line.
    Submit(String),
    /// To read SIMs of the change.
    Items(Option<Outcome>, Option<SimId>),
    /// To fetch what was left out.
    Missed(Then),
    /// To write the outcome to a file.
    Report,
    /// To undo the change.
    Undo,
    /// To open the change under the cursor.
    Open,
    /// To read more of the log.
    More,
}

impl Overlay {
    /// Takes a key.
    pub fn key(&mut self, key: Key) -> Reply {
        match self {
            Self::Choose(chooser) => chooser.key(key),
            Self::Confirm(confirm) => confirm.key(key),
            Self::Running => list::running_key(key),
            Self::Result(result) => result.key(key),
            Self::Prompt(prompt) => prompt.key(key),
            Self::History(history) => history.key(key),
            Self::Messages(top) => list::scroll_key(key, top),
        }
    }

    /// Takes pasted text: only lines of text want it, and it never confirms.
    pub fn paste(&mut self, text: &str) {
        let line = estate::text::clean(text);
        match self {
            Self::Choose(chooser) => chooser.paste(&line),
            Self::Prompt(prompt) => prompt.paste(text),
            _ => {}
        }
    }
}
