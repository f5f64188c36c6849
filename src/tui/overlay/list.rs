//! Lists to read: what a change did, the log of changes, what was said.

use estate::{Change, ChangeId, Counts, Entry, Item, LogFilter, Outcome, Rev};

use crate::tui::action::Action;
use crate::tui::overlay::response::{DialogResponse, Then};
use crate::tui::term::{Code, Key};

/// Items asked for at a time.
pub const ITEMS: usize = 200;

/// What a change did, SIM by SIM.
#[derive(Debug)]
pub struct ResultPane {
    /// What it was.
    pub title: String,
    /// The change.
    pub id: ChangeId,
    /// Its place in the log.
    pub rev: Rev,
    /// What happened.
    pub counts: Counts,
    /// The outcome that is shown; all without one.
    pub only: Option<Outcome>,
    /// The SIMs read so far.
    pub items: Vec<Item>,
    /// Whether more are there to be read.
    pub more: bool,
    /// Whether they are on their way.
    pub loading: bool,
    /// The line under the cursor.
    pub cursor: usize,
    /// Whether it can be undone.
    pub undoable: bool,
    /// What can be tried again with the SIMs that were left out.
    pub again: Option<Again>,
    /// What the log says of it, whole: shown where no SIM was concerned.
    pub about: String,
}

/// What can be tried again.
#[derive(Debug, Clone)]
pub enum Again {
    /// To ask for it anew.
    Ask(Action),
    /// The same change.
    Same(Box<Change>),
}

impl ResultPane {
    /// A pane that has to be filled.
    pub fn new(title: String, id: ChangeId, rev: Rev, counts: Counts, undoable: bool) -> Self {
        let only = if counts.missed_count() > 0 { first_missed(&counts) } else { None };
        Self {
            title,
            id,
            rev,
            counts,
            only,
            items: Vec::new(),
            more: true,
            loading: true,
            cursor: 0,
            undoable,
            again: None,
            about: String::new(),
        }
    }

    /// With what can be tried again, by the log's word for the change.
    #[must_use]
    pub fn of_kind(mut self, kind: &str) -> Self {
        self.again = match kind {
            Change::MOVE => Some(Again::Ask(Action::Move)),
            Change::LEVELS => Some(Again::Ask(Action::SetLevels)),
            _ => None,
        };
        self
    }

    /// With the change itself to be tried again, where it says everything there is to say.
    #[must_use]
    pub fn of(self, change: &Change) -> Self {
        match change {
            Change::Edit { .. } => Self { again: Some(Again::Same(Box::new(change.clone()))), ..self },
            other => self.of_kind(other.kind()),
        }
    }

    /// Whether there is something to try again.
    pub fn retries(&self) -> bool {
        self.again.is_some() && self.counts.missed_count() > 0
    }

    /// The outcomes that can be shown.
    pub fn tabs(&self) -> Vec<Option<Outcome>> {
        let met = Outcome::ALL.into_iter().filter(|o| self.counts.get(*o) > 0).map(Some);
        std::iter::once(None).chain(met).collect()
    }

    /// Takes a key.
    pub fn key(&mut self, key: Key) -> DialogResponse {
        match key.code {
            Code::Esc | Code::Enter | Code::Char('q') => return DialogResponse::Close,
            Code::Tab | Code::Right => return self.turn(1),
            Code::BackTab | Code::Left => return self.turn(-1),
            Code::Char('s') if self.counts.missed_count() > 0 => {
                return DialogResponse::Missed(Then::Select);
            }
            Code::Char('r') if self.retries() => return DialogResponse::Missed(Then::Retry),
            Code::Char('e') => return DialogResponse::Report,
            Code::Char('u') if self.undoable => return DialogResponse::Undo,
            _ => step(key, &mut self.cursor, self.items.len()),
        }
        if self.more && !self.loading && self.cursor + 50 > self.items.len() {
            self.loading = true;
            return DialogResponse::Items(self.only, self.items.last().map(|i| i.sim));
        }
        DialogResponse::Stay
    }

    /// Shows another outcome.
    pub fn turn(&mut self, by: i64) -> DialogResponse {
        let tabs = self.tabs();
        let at = tabs.iter().position(|t| *t == self.only).unwrap_or(0) as i64;
        self.only = tabs[(at + by).rem_euclid(tabs.len() as i64) as usize];
        self.items.clear();
        self.cursor = 0;
        self.loading = true;
        DialogResponse::Items(self.only, None)
    }
}

fn first_missed(counts: &Counts) -> Option<Outcome> {
    [Outcome::Failed, Outcome::Conflict, Outcome::Refused].into_iter().find(|o| counts.get(*o) > 0)
}

/// The log of changes.
#[derive(Debug, Default)]
pub struct HistoryPane {
    /// The changes read so far, newest first.
    pub entries: Vec<Entry>,
    /// Whether more are there to be read.
    pub more: bool,
    /// Whether they are on their way.
    pub loading: bool,
    /// The line under the cursor.
    pub cursor: usize,
    /// What is looked for; everything without anything.
    pub wanted: LogFilter,
    /// The same in words; empty for everything.
    pub said: String,
}

impl HistoryPane {
    /// Reads from the newest on, or what comes after what was read.
    pub fn next(&self) -> LogFilter {
        LogFilter { before: self.entries.last().map(|e| e.rev), ..self.wanted.clone() }
    }

    /// The change under the cursor.
    pub fn current(&self) -> Option<&Entry> {
        self.entries.get(self.cursor)
    }

    /// Takes a key.
    pub fn key(&mut self, key: Key) -> DialogResponse {
        match key.code {
            Code::Esc | Code::Char('q') => return DialogResponse::Close,
            Code::Enter => return DialogResponse::Open,
            Code::Char('f' | '/') => return DialogResponse::Narrow,
            Code::Char('e') => return DialogResponse::ExportHistory,
            Code::Backspace => return DialogResponse::Whole,
            Code::Char('u') => {
                return match self.current() {
                    Some(entry) if !entry.undoable => {
                        DialogResponse::Say("this kind of change cannot be undone".into())
                    }
                    Some(_) => DialogResponse::Undo,
                    None => DialogResponse::Stay,
                };
            }
            _ => step(key, &mut self.cursor, self.entries.len()),
        }
        if self.more && !self.loading && self.cursor + 20 > self.entries.len() {
            self.loading = true;
            return DialogResponse::More;
        }
        DialogResponse::Stay
    }
}

pub(super) fn step(key: Key, cursor: &mut usize, length: usize) {
    let by = match key.code {
        Code::Up | Code::Char('k') => -1,
        Code::Down | Code::Char('j') => 1,
        Code::PageUp => -10,
        Code::PageDown => 10,
        Code::Home => i64::from(i32::MIN),
        Code::End => i64::from(i32::MAX),
        _ => 0,
    };
    *cursor = (*cursor as i64 + by).clamp(0, length.saturating_sub(1) as i64) as usize;
}

/// Keys while a change runs.
pub fn running_key(key: Key) -> DialogResponse {
    match key.code {
        Code::Esc => DialogResponse::Close,
        Code::Char('x') => DialogResponse::Cancel,
        _ => DialogResponse::Stay,
    }
}

/// Keys of a page that only scrolls.
pub fn scroll_key(key: Key, top: &mut usize) -> DialogResponse {
    match key.code {
        Code::Esc | Code::Enter | Code::Char('q') => return DialogResponse::Close,
        Code::Up | Code::Char('k') => *top = top.saturating_sub(1),
        Code::Down | Code::Char('j') => *top += 1,
        Code::PageUp => *top = top.saturating_sub(10),
        Code::PageDown => *top += 10,
        _ => {}
    }
    DialogResponse::Stay
}
