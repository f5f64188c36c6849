//! What can happen, and what has to be done about it: plain data, so that tests can read it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use estate::export::Format;
use estate::filter::suggest::Known;
use estate::levels::Spread;
use estate::{
    AccountId, Accounts, Change, ChangeId, Entry, Error, EstateUsage, Help, Item, Key as RowKey, List,
    LogFilter, Lookup, Outcome, Page, Plan, Progress, Query, Receipt, Rev, Saved, SavedEdit, Seek,
    SharedValues, SignInSession, SimId, Target, TokenId, UserId,
};

use super::managed;
use super::table::ScrollTo;
use super::term::Event;
use crate::probe::{Kind, Probe};
use crate::tui::facts::Facts;
use crate::tui::overlay::response::{ListUse, Then};

/// Names a request; an answer to an older one falls on the floor.
pub type Ticket = u64;

type Answer<T> = Result<T, Error>;

/// Something that happened.
#[derive(Debug)]
pub enum Msg {
    /// A person did something.
    Input(Event),
    /// A page arrived, with the SIMs of it that are selected.
    Rows(Ticket, ScrollTo, Answer<(Page, BTreeSet<SimId>)>),
    /// The matches were counted.
    Count(Ticket, Answer<u64>),
    /// The selection was counted: in all, and shown by the list.
    Picked(Ticket, Answer<(u64, u64)>),
    /// The rows of the window that are selected.
    Marks(Ticket, Answer<BTreeSet<SimId>>),
    /// The accounts were read.
    Accounts(Answer<Arc<Accounts>>),
    /// The SIMs of a range that left the window.
    Range(Ticket, Answer<Vec<SimId>>),
    /// A list of identifiers was looked up.
    Found(Ticket, ListUse, Answer<Lookup>),
    /// A change was planned.
    Planned(Ticket, Answer<Plan>),
    /// A change made progress.
    Progress(Progress),
    /// A change was made.
    Applied(Answer<Receipt>),
    /// SIMs of a change.
    Items(Ticket, Answer<Vec<Item>>),
    /// The SIMs of a change that were left out, to be selected.
    Missed(Ticket, Then, Answer<Vec<SimId>>),
    /// Changes of the log.
    History(Ticket, Answer<Vec<Entry>>),
    /// What the log is wanted of was looked up.
    FoundHistory(Ticket, Answer<Box<LogFilter>>),
    /// A file was written.
    Exported(PathBuf, Answer<u64>),
    /// So much of a file is written.
    Writing(Progress),
    /// The values that filters can name were read.
    Known(Answer<Known>),
    /// The user's saved filters, and what to say about it.
    Saved(Answer<Vec<Saved>>, String),
    /// What SIMs have in common as caps and alerts.
    Spread(Ticket, Answer<Spread>),
    /// What SIMs have in common, as far as edits go.
    Common(Ticket, Answer<SharedValues>),
    /// The builder's filter was counted.
    Tally(Ticket, Answer<u64>),
    /// What the estate has used.
    Spending(Ticket, Answer<EstateUsage>),
    /// Levels reached since this user last looked, and a rollover that is pending.
    News(Answer<crate::tui::facts::News>),
    /// How many SIMs need attention, and the levels that were reached.
    Alerts(Ticket, Answer<(Vec<u64>, Vec<estate::Event>)>),
    /// What is known of a SIM.
    Sim(Ticket, Answer<Box<Facts>>),
    /// What is known of an account.
    Account(Ticket, Answer<Box<managed::Facts>>),
    /// What the account above has set as help.
    Help(Ticket, Answer<Option<Help>>),
    /// The text of a help page was read from a file.
    HelpFile(AccountId, Answer<String>),
    /// A link was made: for whom.
    Linked(String, Answer<estate::Link>),
    /// The sessions of a user were read.
    Sessions(UserId, Answer<Vec<SignInSession>>),
    /// Sessions of a user were ended: how many, and those that are left.
    SessionsEnded(UserId, Answer<(u64, Vec<SignInSession>)>),
    /// Whether this user wants mail.
    Wants(Ticket, Answer<bool>),
    /// What a network said of a SIM.
    Probed(Ticket, Answer<String>),
    /// ICCIDs to copy.
    Copy(Answer<Vec<String>>),
    /// The server went, then; or it is back.
    Offline(Option<estate::Time>),
    /// The change feed of a server delivers, or it does not.
    Live(bool),
    /// Something was committed to the store, by us or by another program.
    Committed,
    /// A moment that was waited for has come.
    Tick,
    /// The program was asked to stop for a while.
    Stop,
    /// The program runs again.
    Continued,
    /// The program has to end.
    End,
}

/// Where a list comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListSource {
    /// It is here already.
    Given(List),
    /// It was typed: numbers, or the name of the file they are in.
    Typed(String),
}

/// Something to be done outside the model.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the fields are named for what they are")]
pub enum Effect {
    /// Read a page, and which of its SIMs are selected.
    Rows { ticket: Ticket, want: ScrollTo, query: Box<Query>, seek: Seek, target: Box<Target> },
    /// Count the matches.
    Count { ticket: Ticket, query: Box<Query> },
    /// Count the selection.
    Picked { ticket: Ticket, target: Box<Target>, query: Box<Query> },
    /// See which of these are selected.
    Marks { ticket: Ticket, target: Box<Target>, ids: Vec<SimId> },
    /// Read the accounts.
    Accounts,
    /// Read the SIMs between two rows.
    Range { ticket: Ticket, query: Box<Query>, from: RowKey, to: RowKey },
    /// Look a list of identifiers up.
    Find { ticket: Ticket, purpose: ListUse, source: ListSource },
    /// Look what SIMs have in common as caps and alerts.
    Spread { ticket: Ticket, target: Box<Target> },
    /// Look what SIMs have in common, as far as edits go.
    Common { ticket: Ticket, target: Box<Target> },
    /// Plan a change.
    Plan { ticket: Ticket, change: Box<Change> },
    /// Make a change.
    Apply { id: ChangeId, change: Box<Change> },
    /// Stop the change that is being made.
    CancelChange,
    /// Read SIMs of a change.
    Items { ticket: Ticket, rev: Rev, outcome: Option<Outcome>, after: Option<SimId> },
    /// Read the SIMs of a change that were left out.
    Missed { ticket: Ticket, rev: Rev, then: Then },
    /// Read the log, as far as it fits.
    History { ticket: Ticket, wanted: Box<LogFilter> },
    /// Look the SIM up that the log is wanted of.
    FindHistory { ticket: Ticket, wanted: Box<LogFilter>, iccid: String },
    /// Write the log to a file, as far as it fits.
    ExportHistory { wanted: Box<LogFilter>, path: PathBuf },
    /// Write SIMs to a file: these fields, or all without any.
    Export {
        query: Box<Query>,
        target: Option<Box<Target>>,
        path: PathBuf,
        fields: Vec<String>,
        format: Format,
    },
    /// Stop writing it, and keep nothing.
    CancelExport,
    /// Write lines of text to a file.
    Write { path: PathBuf, text: String, lines: u64 },
    /// Read the values that filters can name.
    Known,
    /// Read the saved filters.
    Saved,
    /// Change the saved filters, then say something.
    EditSaved { edits: Vec<SavedEdit>, said: String },
    /// Take saved filters in from a file.
    ImportSaved { path: PathBuf },
    /// Count what the builder's filter matches.
    Tally { ticket: Ticket, query: Box<Query> },
    /// Read what an account and everything below it has used.
    Spending { ticket: Ticket, account: AccountId },
    /// Count the levels that were reached since this user last looked.
    News,
    /// Note that this user has looked at every level that was reached, up to one.
    Hear(i64),
    /// Count what needs attention in the query's account, and read the levels that were reached.
    Alerts { ticket: Ticket, query: Box<Query> },
    /// Read what is known of a SIM.
    Sim { ticket: Ticket, id: SimId },
    /// Read what is known of the account the query is about.
    Account { ticket: Ticket, query: Box<Query>, below: bool },
    /// Read what the account above has set as help.
    Help { ticket: Ticket },
    /// Read the text of a help page from a file.
    HelpFile { account: AccountId, path: PathBuf },
    /// Read whether this user wants mail.
    Wants { ticket: Ticket },
    /// Say whether this user wants mail.
    Want(bool),
    /// Ask a network about a SIM.
    Probe { ticket: Ticket, sim: SimId, kind: Kind, probe: Box<Probe>, limit: Duration },
    /// Stop asking.
    CancelProbe,
    /// Look at the estate through somebody else's eyes.
    ViewAs(UserId),
    /// Make a link by which a user signs in, for that address.
    Link(UserId, String),
    /// Read the sessions of a user.
    Sessions(UserId),
    /// End a session of a user, or all but this one.
    EndSession(UserId, Option<TokenId>),
    /// Write the outcome of a change to a file.
    Report { rev: Rev, path: PathBuf },
    /// Read the ICCIDs of a target, to copy them.
    Iccids { target: Box<Target>, query: Box<Query> },
    /// Hand text to the terminal's clipboard.
    Clipboard(String),
    /// Switch mouse reports.
    Mouse(bool),
    /// Draw everything anew.
    Redraw,
    /// Remember what the screen remembers.
    Remember,
    /// Stop the process for a while.
    Suspend,
    /// Leave.
    Quit,
}
