//! Responses of dialogs: what a key or a click in one asks for.

use estate::{
    AccountId, Column, Field, Filter, Grouping, Levels, List, Outcome, Saved, SimId, TokenId, UserChange,
    UserId,
};

use crate::tui::action::Action;
use crate::tui::columns::Columns;
use crate::tui::conditions::Verb;

/// What a choice means.
#[derive(Debug, Clone, PartialEq)]
pub enum MenuChoice {
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
    /// The sessions of that user, or one's own.
    Sessions(Option<UserId>),
    /// End that session of the user.
    EndSession(UserId, TokenId),
    /// End the sessions of the user.
    EndSessions(UserId),
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
pub enum DialogResponse {
    /// To stay.
    Stay,
    /// To be closed.
    Close,
    /// To be closed, and its choice done.
    Choose(MenuChoice),
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

/// What is wanted of a saved filter.
#[derive(Debug, Clone, PartialEq)]
pub enum SavedWish {
    /// Use it.
    Call(Saved),
    /// Keep what is shown now.
    Keep,
    /// Give it another name.
    Rename(String),
    /// Remove it.
    Delete(String),
    /// Put it at a place.
    Place(String, usize),
    /// Have a digit call it, or none.
    Digit(String, Option<u8>),
    /// Write them to a file.
    Export,
    /// Read them from a file.
    Import,
}

/// What a pasted list is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListUse {
    /// Its SIMs are selected.
    Select,
    /// The table shows only its SIMs.
    Filter,
    /// The cursor goes to its SIM.
    Find,
    /// Its numbers are shown.
    Inspect,
    /// The builder that is open takes them as a condition.
    Condition,
}

/// What SIMs that were left out are fetched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// To stay selected.
    Select,
    /// The other way round: those that got there leave the selection.
    Drop,
    /// To be tried again.
    Retry,
}
