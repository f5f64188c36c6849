//! Small parts of the state: what runs, what was called, what is dragged.

use std::path::PathBuf;

use estate::saved::SavedColumn;
use estate::{AccountId, Change, ChangeId, Filter, Order, Progress};
use serde::{Deserialize, Serialize};

use crate::tui::columns::Columns;
use crate::tui::msg::Ticket;
use crate::tui::overlay::export::ExportChoice;
use crate::tui::overlay::line::Line;

/// What kind of estate is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Made up, gone at exit.
    Demo,
    /// A store on this machine.
    Local,
    /// An estate on a server.
    Remote,
    /// Somebody else's view of it.
    Seen,
}

impl Kind {
    /// Whether the screen takes up where the person left off.
    pub fn is_remembered(self) -> bool {
        matches!(self, Self::Local | Self::Remote)
    }
}

/// Where an estate is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// Its file, or the address of its server.
    pub place: String,
    /// Identifies the estate across paths and sessions.
    pub estate: String,
    /// Where links for signing in lead, if a server is known.
    pub links: Option<String>,
}

/// A change that is being made.
#[derive(Debug)]
pub struct Job {
    /// Names it.
    pub id: ChangeId,
    /// What it is.
    pub change: Change,
    /// In words.
    pub what: String,
    /// How far it is.
    pub progress: Progress,
    /// Whether it was asked to stop.
    pub cancelling: bool,
}

/// What `u` takes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Last {
    /// Nothing yet.
    Nothing,
    /// A change of the selection.
    Selection,
    /// A change of the estate, and what it was.
    Change(ChangeId, String),
    /// A change of the user's profile: the name before, and whether a new address awaits its first
    /// sign-in.
    Profile(Option<String>, bool),
}

/// The filter line while it is typed in.
#[derive(Debug)]
pub struct Search {
    /// The line.
    pub line: Line,
    /// What was filtered by before, for Esc.
    pub before: Filter,
}

/// A saved filter that was called.
#[derive(Debug, Clone)]
pub struct ActiveFilter {
    /// Its name.
    pub name: String,
    /// What it filters by: another filter, and it is left.
    pub filter: Filter,
    /// What its columns and order were when it was saved, if it has its own.
    pub layout: Option<Layout>,
}

/// Exports to files: the one that runs, and what the dialog opens with.
#[derive(Debug, Default)]
pub struct Exports {
    /// The file being written.
    pub writing: Option<Writing>,
    /// The choices of the last export.
    pub choice: ExportChoice,
}

/// A file that is being written.
#[derive(Debug)]
pub struct Writing {
    /// Its name.
    pub path: PathBuf,
    /// SIMs written.
    pub done: u64,
    /// SIMs there are to write, where that is known.
    pub total: Option<u64>,
    /// Whether it was asked to stop.
    pub stopping: bool,
}

/// Columns and order as they are kept for a saved filter.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Layout {
    /// The columns; none where it has none of its own.
    pub columns: Vec<SavedColumn>,
    /// The order.
    pub sort: Option<String>,
}

/// What a saved filter with a layout or an account of its own is left to.
#[derive(Debug)]
pub struct PreviousView {
    /// The columns.
    pub columns: Columns,
    /// The order.
    pub sort: Order,
    /// The account looked at, and whether those below it count.
    pub scope: Option<(AccountId, bool)>,
}

/// The newest request of each kind.
#[derive(Debug, Default)]
pub struct Tickets {
    next: Ticket,
    /// Pages.
    pub rows: Ticket,
    /// The count of matches.
    pub count: Ticket,
    /// The count of the selection.
    pub picked: Ticket,
    /// Marks of the window.
    pub marks: Ticket,
    /// Plans, items, the log: what a dialog waits for.
    pub work: Ticket,
    /// The count of the builder's filter.
    pub tally: Ticket,
    /// What is known of one SIM.
    pub sim: Ticket,
    /// What needs attention.
    pub alerts: Ticket,
    /// The page of an account.
    pub account: Ticket,
    /// What a network says of a SIM.
    pub probe: Ticket,
    /// The log of changes.
    pub log: Ticket,
    /// Ranges, lookups, what was left out: SIMs on their way into the selection.
    pub pick: Ticket,
}

impl Tickets {
    /// A new one.
    pub fn take(&mut self) -> Ticket {
        self.next += 1;
        self.next
    }
}

/// A drag along the gutter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drag {
    /// Whether it moved at all.
    pub moved: bool,
}
