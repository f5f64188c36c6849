//! What lies over the screen: a stack, the top one gets input first and returns what it wants.

pub mod alerts;
pub mod builder;
pub mod chooser;
pub mod columns;
pub mod confirm;
pub mod export;
pub mod form;
pub mod levels;
pub mod line;
pub mod link;
pub mod list;
pub mod lists;
pub mod pages;
pub mod probe;
pub mod prompt;
pub mod sim;
pub mod spending;
pub mod support;

use estate::{AccountId, Column, Field, Filter, Grouping, Levels, List, Outcome, SimId, UserChange, UserId};

pub use alerts::AlertsPane;
pub use builder::Builder;
pub use chooser::{Choosable, Chooser};
pub use columns::ColumnsPane;
pub use confirm::Confirm;
pub use form::{Form, FormFor};
pub use levels::LevelsPane;
pub use list::{HistoryPane, ResultPane};
pub use lists::{NumbersPane, SavedPane, SavedWish};
pub use prompt::{Prompt, Purpose};
pub use sim::SimPane;
pub use spending::SpendingPane;
pub use support::SupportPane;

use super::action::Action;
use super::columns::Columns;
use super::conditions::Verb;
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
    /// The Filter Builder.
    Builder(Box<Builder>),
    /// The column chooser.
    Columns(ColumnsPane),
    /// The saved filters.
    Saved(SavedPane),
    /// The numbers of a list.
    Numbers(NumbersPane),
    /// The cap editor.
    Levels(Box<LevelsPane>),
    /// Fields to be filled in.
    Form(Box<Form>),
    /// What needs attention.
    Alerts(AlertsPane),
    /// What the estate has used.
    Spending(SpendingPane),
    /// The details of one SIM.
    Sim(Box<SimPane>),
    /// Help and Support.
    Support(Box<SupportPane>),
    /// What a network said of a SIM.
    Probe(Box<probe::ProbePane>),
    /// A link that was made.
    Link(Box<link::LinkPane>),
    /// A file being written.
    Exporting,
}

/// What a choice means.
#[derive(Debug, Clone, PartialEq)]
pub enum Choice {
    /// Run an action.
    Action(Action),
    /// Move the selected SIMs there.
    MoveTo(AccountId),
    /// Turn the names of the account's SIMs into accounts.
    Convert(Grouping),
    /// Change that user.
    User(UserId, UserChange),
    /// Look at the estate through that user's eyes.
    ViewAs(UserId),
    /// A link by which a user signs in.
    Link(UserId),
    /// Switch the authentication of the SIMs on or off.
    Authenticate(bool),
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
    /// Add a condition to the filter.
    Narrow(Filter),
    /// Show the account and what lies below it only, by a condition.
    Within(AccountId),
    /// Take that condition out of the filter.
    Drop(usize),
    /// Use that filter.
    Use(String),
    /// In the builder: that field.
    Field(Field),
    /// In the builder: that comparison.
    Verb(Verb),
    /// In the builder: that value.
    Value(String),
    /// Show or hide that column.
    ToggleColumn(Column),
    /// Pin that column, or let it scroll.
    PinColumn(Column),
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
    /// To say what the log is wanted of.
    Narrow,
    /// To show all of the log.
    Whole,
    /// To write the log to a file.
    ExportHistory,
    /// To open the list that is asked for.
    Ask,
    /// To count what its filter matches.
    Tally,
    /// To apply its filter, and save it too.
    Apply(bool),
    /// To choose among recent filters.
    Recent,
    /// To show these columns, and close.
    Columns(Columns, bool),
    /// To do something with the saved filters.
    Saved(SavedWish),
    /// To write the numbers it shows to a file.
    Numbers,
    /// To write the page it shows to a file.
    Spending,
    /// To show the SIMs of a filter instead of what the list shows.
    Show(&'static str),
    /// To open the details of a SIM, by its number, ICCID and label.
    Details(SimId, String, String),
    /// To do something to the one SIM it shows.
    OnSim(Action),
    /// To stop the file that is written.
    CancelExport,
    /// To copy what was said.
    CopySaid,
    /// To copy the link it shows.
    CopyLink,
    /// To copy the addresses it shows.
    CopyLinks,
    /// To show every key instead.
    Keys,
    /// To write what is known of this machine to a file.
    Bundle,
    /// To do what its fields say.
    Form,
    /// To plan setting these caps and alerts.
    SetLevels(Levels),
    /// To look up the numbers that were pasted into it.
    LookUp(List),
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
            Self::Builder(builder) => builder.key(key),
            Self::Columns(columns) => columns.key(key),
            Self::Saved(saved) => saved.key(key),
            Self::Numbers(numbers) => numbers.key(key),
            Self::Levels(levels) => levels.key(key),
            Self::Form(form) => form.key(key),
            Self::Alerts(alerts) => alerts.key(key),
            Self::Spending(spending) => spending.key(key),
            Self::Sim(sim) => sim.key(key),
            Self::Support(support) => support.key(key),
            Self::Probe(probe) => probe.key(key),
            Self::Link(link) => link.key(key),
            Self::Exporting => match list::running_key(key) {
                Reply::Cancel => Reply::CancelExport,
                other => other,
            },
        }
    }

    /// Takes pasted text: only lines of text want it, and it never confirms.
    pub fn paste(&mut self, text: &str) -> Reply {
        match self {
            Self::Choose(chooser) => chooser.paste(&estate::text::clean(text)),
            Self::Prompt(prompt) => prompt.paste(text),
            Self::Builder(builder) => return builder.paste(text),
            Self::Levels(levels) => levels.paste(text),
            Self::Form(form) => form.paste(text),
            _ => {}
        }
        Reply::Stay
    }
}
