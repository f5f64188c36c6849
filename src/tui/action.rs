//! Every action, declared once: keymaps, help, footer, menus, palette and "why not" all read these
//! rows.

use estate::Capability;

/// What a person can ask the screen to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is described by its row below")]
pub enum Action {
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    ScrollLeft,
    ScrollRight,
    NextPane,
    GoTo,
    Toggle,
    Range,
    ExtendUp,
    ExtendDown,
    ExtendPageUp,
    ExtendPageDown,
    ExtendFirst,
    ExtendLast,
    ExtendHere,
    SelectVisible,
    SelectMatching,
    SelectInvert,
    SelectNone,
    SelectSubtree,
    SelectSame,
    SelectWhere,
    SelectList,
    Reselect,
    Menu,
    SimDetails,
    Alerts,
    Spending,
    Move,
    SetLevels,
    Edit,
    SimActivate,
    SimSuspend,
    SimResume,
    SimTerminate,
    SimAuth,
    Ping,
    Diagnose,
    CopyIccid,
    Export,
    Undo,
    History,
    Search,
    FilterBuilder,
    FilterSame,
    FilterAccount,
    FilterList,
    InspectList,
    RemoveCondition,
    ClearFilter,
    RecentFilters,
    SavedFilters,
    SaveFilter,
    Call1,
    Call2,
    Call3,
    Call4,
    Call5,
    Call6,
    Call7,
    Call8,
    Call9,
    Sort,
    SortThen,
    SortReverse,
    Columns,
    Deep,
    OpenAccount,
    Expand,
    Collapse,
    ToggleFold,
    ExpandAll,
    CollapseAll,
    FindAccount,
    AccountAdd,
    AccountRename,
    AccountMove,
    AccountCeiling,
    AccountCaps,
    AccountPeriod,
    ManagedAccounts,
    AccountReference,
    AccountNotify,
    AccountHelp,
    UserAdd,
    AccountConvert,
    AccountDelete,
    ToggleTree,
    ToggleDetails,
    ToggleMouse,
    Refresh,
    Messages,
    Palette,
    Help,
    Support,
    Profile,
    Suspend,
    Back,
    Quit,
}

/// A chapter of the help page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the titles say it")]
pub enum Group {
    Moving,
    Selecting,
    Acting,
    Finding,
    Accounts,
    Program,
}

impl Group {
    /// Every chapter, in order.
    pub const ALL: [Self; 6] =
        [Self::Moving, Self::Selecting, Self::Acting, Self::Finding, Self::Accounts, Self::Program];

    /// Its heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Moving => "Moving around",
            Self::Selecting => "Selecting SIMs",
            Self::Acting => "Acting on SIMs",
            Self::Finding => "Finding and sorting",
            Self::Accounts => "Accounts",
            Self::Program => "The program",
        }
    }
}

/// Where an action applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In both panes.
    Everywhere,
    /// On SIMs.
    Table,
    /// On accounts.
    Tree,
}

/// One declaration.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The action.
    pub action: Action,
    /// Its name in keymap files.
    pub name: &'static str,
    /// What menus, palette and footer call it.
    pub title: &'static str,
    /// One line of help.
    pub help: &'static str,
    /// Its chapter.
    pub group: Group,
    /// Where it applies.
    pub place: Place,
    /// What it needs, if it changes or reveals something.
    pub need: Option<Capability>,
    /// The changes it leads to, as the log calls them; `ping` and `diagnostics` reach out without
    /// being changes.
    pub makes: &'static [&'static str],
}

const fn row(
    action: Action,
    name: &'static str,
    title: &'static str,
    help: &'static str,
    group: Group,
    place: Place,
) -> Row {
    Row { action, name, title, help, group, place, need: None, makes: &[] }
}

const fn call(action: Action, name: &'static str, title: &'static str, help: &'static str) -> Row {
    row(action, name, title, help, Finding, Everywhere)
}

/// It reveals what not everybody sees.
const fn needing(need: Capability, row: Row) -> Row {
    Row { need: Some(need), ..row }
}

/// It changes something.
const fn making(need: Capability, makes: &'static [&'static str], row: Row) -> Row {
    Row { need: Some(need), makes, ..row }
}

use Action as A;
use Group::{Accounts, Acting, Finding, Moving, Program, Selecting};
use Place::{Everywhere, Table, Tree};

/// All of them.
pub const ACTIONS: &[Row] = &[
    row(A::Up, "up", "Up", "One row up", Moving, Everywhere),
    row(A::Down, "down", "Down", "One row down", Moving, Everywhere),
    row(A::PageUp, "page-up", "Page up", "One screen up", Moving, Everywhere),
    row(A::PageDown, "page-down", "Page down", "One screen down", Moving, Everywhere),
    row(A::First, "first", "First row", "To the first row", Moving, Everywhere),
    row(A::Last, "last", "Last row", "To the last row", Moving, Everywhere),
    row(A::ScrollLeft, "scroll-left", "Columns left", "Earlier columns of the table", Moving, Table),
    row(A::ScrollRight, "scroll-right", "Columns right", "Later columns of the table", Moving, Table),
    row(A::NextPane, "next-pane", "Other pane", "Between accounts and SIMs", Moving, Everywhere),
    row(A::GoTo, "go-to", "Go to row…", "To a row by number, or to a share such as 50%", Moving, Table),
    row(A::Toggle, "toggle", "Select", "Select or unselect the SIM, and one row down", Selecting, Table),
    row(
        A::Range,
        "range",
        "Select range",
        "Begin a range, move, and end it with the same key; Esc gives it up",
        Selecting,
        Table,
    ),
    row(
        A::ExtendUp,
        "extend-up",
        "Extend up",
        "Take the row above into the range, or give it back",
        Selecting,
        Table,
    ),
    row(
        A::ExtendDown,
        "extend-down",
        "Extend down",
        "Take the row below into the range, or give it back",
        Selecting,
        Table,
    ),
    row(
        A::ExtendPageUp,
        "extend-page-up",
        "Extend a screen up",
        "Extend the range a screen up",
        Selecting,
        Table,
    ),
    row(
        A::ExtendPageDown,
        "extend-page-down",
        "Extend a screen down",
        "Extend the range a screen down",
        Selecting,
        Table,
    ),
    row(
        A::ExtendFirst,
        "extend-first",
        "Extend to the first row",
        "Extend the range to the first row",
        Selecting,
        Table,
    ),
    row(
        A::ExtendLast,
        "extend-last",
        "Extend to the last row",
        "Extend the range to the last row",
        Selecting,
        Table,
    ),
    row(
        A::ExtendHere,
        "extend-here",
        "Extend selection to here",
        "Select from the row selected last to this one",
        Selecting,
        Table,
    ),
    row(
        A::SelectVisible,
        "select-visible",
        "Select all visible",
        "Select the rows on the screen",
        Selecting,
        Table,
    ),
    row(
        A::SelectMatching,
        "select-matching",
        "Select all matching",
        "Select every SIM of the list, seen or not",
        Selecting,
        Everywhere,
    ),
    row(
        A::SelectInvert,
        "select-invert",
        "Invert selection",
        "Select the other SIMs of the list instead",
        Selecting,
        Table,
    ),
    row(A::SelectNone, "select-none", "Select none", "Select nothing", Selecting, Everywhere),
    row(
        A::SelectSubtree,
        "select-subtree",
        "Select account and below",
        "Select every SIM of the account and below it",
        Selecting,
        Everywhere,
    ),
    row(
        A::SelectSame,
        "select-same",
        "Select same…",
        "Select every SIM with the same value",
        Selecting,
        Table,
    ),
    row(
        A::SelectWhere,
        "select-where",
        "Select where…",
        "Select every SIM that fits a filter",
        Selecting,
        Everywhere,
    ),
    row(
        A::SelectList,
        "select-list",
        "Select a pasted list…",
        "Select SIMs by a list of ICCIDs, IMSIs or numbers",
        Selecting,
        Everywhere,
    ),
    row(
        A::Reselect,
        "reselect",
        "Select the last set again",
        "Select what was acted on last",
        Selecting,
        Everywhere,
    ),
    row(A::Menu, "menu", "Actions", "What can be done here", Acting, Everywhere),
    row(
        A::SimDetails,
        "sim-details",
        "SIM details",
        "Everything about the SIM under the cursor: usage, sessions, history",
        Acting,
        Table,
    ),
    row(
        A::Alerts,
        "alerts",
        "Alerts",
        "What is blocked, alerted or will be; levels that were reached",
        Acting,
        Everywhere,
    ),
    needing(
        Capability::EstateHistory,
        row(
            A::Spending,
            "estate-history",
            "Usage of the account",
            "What the account and everything below it used, by day, month and account",
            Acting,
            Everywhere,
        ),
    ),
    making(
        Capability::MoveSims,
        &["move"],
        row(
            A::Move,
            "move",
            "Move to account…",
            "Move the selected SIMs, or the one under the cursor",
            Acting,
            Table,
        ),
    ),
    making(
        Capability::SetLevels,
        &["levels"],
        row(
            A::SetLevels,
            "set-levels",
            "Caps and alerts…",
            "Set the cap and the alert of the selected SIMs, or of the one under the cursor",
            Acting,
            Table,
        ),
    ),
    making(
        Capability::EditNotes,
        &["edit"],
        row(
            A::Edit,
            "edit",
            "Edit…",
            "Label, notes, tags, categories and recipients of the selected SIMs, or of the one under the cursor",
            Acting,
            Table,
        ),
    ),
    making(
        Capability::ActivateSims,
        &["activate"],
        row(
            A::SimActivate,
            "sim-activate",
            "Activate…",
            "Ask the network to bring the SIMs into use",
            Acting,
            Table,
        ),
    ),
    making(
        Capability::ActivateSims,
        &["suspend"],
        row(
            A::SimSuspend,
            "sim-suspend",
            "Suspend…",
            "Stop the SIMs until they are resumed",
            Acting,
            Table,
        ),
    ),
    making(
        Capability::ActivateSims,
        &["resume"],
        row(A::SimResume, "sim-resume", "Resume…", "End the suspension of the SIMs", Acting, Table),
    ),
    making(
        Capability::ActivateSims,
        &["terminate"],
        row(
            A::SimTerminate,
            "sim-terminate",
            "Terminate…",
            "End the subscriptions of the SIMs for good",
            Acting,
            Table,
        ),
    ),
    making(
        Capability::Authenticate,
        &["authentication"],
        row(
            A::SimAuth,
            "sim-authentication",
            "SIM authentication…",
            "Let the network admit the SIMs, or not (changes state)",
            Acting,
            Table,
        ),
    ),
    making(
        Capability::Ping,
        &["ping"],
        row(
            A::Ping,
            "ping",
            "Ping",
            "Ask the network whether the SIM answers (reaches out to the device)",
            Acting,
            Table,
        ),
    ),
    making(
        Capability::Diagnose,
        &["diagnostics"],
        row(
            A::Diagnose,
            "diagnose",
            "Diagnostics",
            "Ask the network what it knows of the SIM",
            Acting,
            Table,
        ),
    ),
    row(
        A::CopyIccid,
        "copy-iccid",
        "Copy ICCIDs",
        "Copy ICCIDs to the clipboard of your terminal",
        Acting,
        Table,
    ),
    needing(
        Capability::Export,
        row(
            A::Export,
            "export",
            "Export…",
            "Write the selected SIMs, or all of the list, to a file",
            Acting,
            Everywhere,
        ),
    ),
    row(
        A::Undo,
        "undo",
        "Undo",
        "Take back the last selection, or offer to undo the last change",
        Acting,
        Everywhere,
    ),
    needing(
        Capability::EstateHistory,
        row(
            A::History,
            "history",
            "History",
            "Every change, with its SIMs and its undo",
            Acting,
            Everywhere,
        ),
    ),
    row(
        A::Search,
        "search",
        "Filter line",
        "Search numbers, labels and account names, or filter: status=active used>1GB",
        Finding,
        Everywhere,
    ),
    row(
        A::FilterBuilder,
        "filter-builder",
        "Filter Builder…",
        "Put a filter together from conditions, and see how many SIMs it matches",
        Finding,
        Everywhere,
    ),
    row(
        A::FilterSame,
        "filter-same",
        "Show only the same…",
        "Filter by a value of the SIM under the cursor, or by the account in the tree",
        Finding,
        Everywhere,
    ),
    row(
        A::FilterAccount,
        "filter-account",
        "Filter by account name…",
        "Type part of a name; the list shows that account and all below it",
        Finding,
        Everywhere,
    ),
    row(
        A::FilterList,
        "filter-list",
        "Filter by a list…",
        "Show the SIMs of a pasted list, or of a CSV file of numbers",
        Finding,
        Everywhere,
    ),
    row(
        A::InspectList,
        "inspect-list",
        "Look at the list",
        "The numbers the filter lists, and those that fit no SIM",
        Finding,
        Everywhere,
    ),
    row(
        A::RemoveCondition,
        "remove-condition",
        "Remove a condition…",
        "Take one condition out of the filter",
        Finding,
        Everywhere,
    ),
    row(
        A::RecentFilters,
        "recent-filters",
        "Recent filters…",
        "Choose among the filters used last",
        Finding,
        Everywhere,
    ),
    row(
        A::SavedFilters,
        "saved-filters",
        "Saved filters…",
        "Use, name, order and bind your filters; share them as a file",
        Finding,
        Everywhere,
    ),
    row(
        A::SaveFilter,
        "save-filter",
        "Save the filter…",
        "Keep the filter, alone or with account, order and columns",
        Finding,
        Everywhere,
    ),
    call(A::Call1, "call-1", "Saved filter 1", "Use the filter bound to 1; once more takes it away"),
    call(A::Call2, "call-2", "Saved filter 2", "Use the filter bound to 2"),
    call(A::Call3, "call-3", "Saved filter 3", "Use the filter bound to 3"),
    call(A::Call4, "call-4", "Saved filter 4", "Use the filter bound to 4"),
    call(A::Call5, "call-5", "Saved filter 5", "Use the filter bound to 5"),
    call(A::Call6, "call-6", "Saved filter 6", "Use the filter bound to 6"),
    call(A::Call7, "call-7", "Saved filter 7", "Use the filter bound to 7"),
    call(A::Call8, "call-8", "Saved filter 8", "Use the filter bound to 8"),
    call(A::Call9, "call-9", "Saved filter 9", "Use the filter bound to 9"),
    row(
        A::SortThen,
        "sort-then",
        "Then sort by…",
        "Choose a column to sort by where the others say the same",
        Finding,
        Table,
    ),
    row(
        A::Columns,
        "columns",
        "Columns…",
        "Which columns are shown, in what order, how wide, which stay",
        Finding,
        Table,
    ),
    row(
        A::ClearFilter,
        "clear-filter",
        "Clear the filter",
        "Show every SIM of the account again",
        Finding,
        Everywhere,
    ),
    row(A::Sort, "sort", "Sort by…", "Choose the column to sort by", Finding, Table),
    row(
        A::SortReverse,
        "sort-reverse",
        "Reverse the order",
        "Largest first, or smallest first",
        Finding,
        Table,
    ),
    row(
        A::Deep,
        "deep",
        "With or without accounts below",
        "Show the account alone, or all below it too",
        Finding,
        Everywhere,
    ),
    row(A::OpenAccount, "open-account", "Open the account", "Show its SIMs", Accounts, Tree),
    row(A::Expand, "expand", "Unfold", "Show the accounts below", Accounts, Tree),
    row(
        A::Collapse,
        "collapse",
        "Fold",
        "Hide the accounts below, or go to the account above",
        Accounts,
        Tree,
    ),
    row(
        A::ToggleFold,
        "toggle-fold",
        "Fold or unfold",
        "Show or hide the accounts below",
        Accounts,
        Tree,
    ),
    row(A::ExpandAll, "expand-all", "Unfold all", "Show every account", Accounts, Tree),
    row(A::CollapseAll, "collapse-all", "Fold all", "Show the top accounts only", Accounts, Tree),
    row(
        A::FindAccount,
        "find-account",
        "Find an account…",
        "Type part of a name and go there",
        Accounts,
        Everywhere,
    ),
    making(
        Capability::ManageAccounts,
        &["add-account"],
        row(
            A::AccountAdd,
            "account-add",
            "Add an account below…",
            "Make an account under this one",
            Accounts,
            Tree,
        ),
    ),
    making(
        Capability::ManageAccounts,
        &["rename-account"],
        row(
            A::AccountRename,
            "account-rename",
            "Rename the account…",
            "Give the account another name",
            Accounts,
            Tree,
        ),
    ),
    making(
        Capability::ManageAccounts,
        &["move-account"],
        row(
            A::AccountMove,
            "account-move",
            "Move the account…",
            "Hang the account, with all below it, under another",
            Accounts,
            Tree,
        ),
    ),
    making(
        Capability::ManageAccounts,
        &["ceiling"],
        row(
            A::AccountCeiling,
            "account-ceiling",
            "Ceiling for caps…",
            "Say how high caps may be in the account and below it",
            Accounts,
            Tree,
        ),
    ),
    making(
        Capability::ManageAccounts,
        &["entitlement"],
        row(
            A::AccountCaps,
            "account-caps",
            "Caps and alerts on or off…",
            "Switch caps and alerts on or off in the account and below it",
            Accounts,
            Tree,
        ),
    ),
    making(
        Capability::ManageAccounts,
        &["period"],
        row(
            A::AccountPeriod,
            "account-period",
            "Billing period…",
            "Say when the billing periods of the account and of those below it begin",
            Accounts,
            Tree,
        ),
    ),
    needing(
        Capability::ManageAccounts,
        row(
            A::ManagedAccounts,
            "managed-accounts",
            "Managed Accounts",
            "The account with its users, settings, help and history, in place of its SIMs",
            Accounts,
            Everywhere,
        ),
    ),
    making(
        Capability::ManageAccounts,
        &["reference"],
        row(
            A::AccountReference,
            "account-reference",
            "Reference…",
            "Say what another system calls the account",
            Accounts,
            Tree,
        ),
    ),
    making(
        Capability::ManageAccounts,
        &["add-external"],
        row(
            A::AccountNotify,
            "account-notify",
            "Notify also…",
            "Let a mail address or a webhook hear of the SIMs of the account",
            Accounts,
            Tree,
        ),
    ),
    making(
        Capability::ManageAccounts,
        &["help"],
        row(
            A::AccountHelp,
            "account-help",
            "Help for those below…",
            "Say what the users of the accounts below see as Help and Support",
            Accounts,
            Tree,
        ),
    ),
    making(
        Capability::ManageAccounts,
        &["add-user"],
        row(A::UserAdd, "user-add", "Invite a user…", "Invite a user to the account", Accounts, Tree),
    ),
    making(
        Capability::ManageAccounts,
        &["convert"],
        row(
            A::AccountConvert,
            "account-convert",
            "Categories to accounts…",
            "Turn each category or tag of the account's SIMs into an account below it",
            Accounts,
            Tree,
        ),
    ),
    making(
        Capability::ManageAccounts,
        &["delete-account"],
        row(
            A::AccountDelete,
            "account-delete",
            "Delete the account…",
            "Remove the account, if nothing is in it",
            Accounts,
            Tree,
        ),
    ),
    row(
        A::ToggleTree,
        "toggle-tree",
        "Show or hide accounts",
        "More room for the table",
        Program,
        Everywhere,
    ),
    row(
        A::ToggleDetails,
        "toggle-details",
        "Show or hide details",
        "Everything about the SIM under the cursor",
        Program,
        Everywhere,
    ),
    row(
        A::ToggleMouse,
        "toggle-mouse",
        "Mouse on or off",
        "Off gives the mouse back to the terminal, to select text",
        Program,
        Everywhere,
    ),
    row(A::Refresh, "refresh", "Draw anew", "Read and draw everything again", Program, Everywhere),
    row(A::Messages, "messages", "Messages", "What was said so far", Program, Everywhere),
    row(
        A::Palette,
        "palette",
        "All actions",
        "Type part of an action's name and run it",
        Program,
        Everywhere,
    ),
    row(A::Help, "help", "Help", "Every action with its keys", Program, Everywhere),
    row(
        A::Support,
        "support",
        "Help and Support",
        "What the account above has set as help; keys, what is new, and this machine",
        Program,
        Everywhere,
    ),
    making(
        Capability::EditProfile,
        &["profile"],
        row(
            A::Profile,
            "profile",
            "My profile…",
            "Your name, address and mail about alerts",
            Program,
            Everywhere,
        ),
    ),
    row(
        A::Suspend,
        "suspend",
        "To the shell",
        "Stop simdeck for a while; fg brings it back",
        Program,
        Everywhere,
    ),
    row(A::Back, "back", "Back", "Give up the range, or take the message away", Program, Everywhere),
    row(A::Quit, "quit", "Quit", "Leave simdeck", Program, Everywhere),
];

impl Action {
    /// Its declaration.
    pub fn row(self) -> &'static Row {
        ACTIONS.iter().find(|row| row.action == self).unwrap_or(&ACTIONS[0])
    }

    /// The digit whose filter it calls.
    pub fn digit(self) -> Option<u8> {
        let calls =
            [A::Call1, A::Call2, A::Call3, A::Call4, A::Call5, A::Call6, A::Call7, A::Call8, A::Call9];
        (1..).zip(calls).find(|(_, action)| *action == self).map(|(digit, _)| digit)
    }

    /// The action of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        ACTIONS.iter().find(|row| row.name == name).map(|row| row.action)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_has_one_row_and_one_name() {
        for row in ACTIONS {
            assert_eq!(row.action.row().name, row.name, "{}", row.name);
            assert_eq!(Action::from_name(row.name), Some(row.action));
            assert_eq!(ACTIONS.iter().filter(|r| r.name == row.name).count(), 1);
            assert!(!row.help.ends_with('.') && row.title.len() <= 32, "{}", row.name);
        }
    }
}
