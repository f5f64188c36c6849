//! Who may change what: one table of (role, where the object is, change) and its verdict, and what
//! runs it on any estate.

use estate::{
    AccountId, Change, ChangeId, Edit, Error, Estate, Grouping, Help, Levels, ListEdit, MoveOptions,
    Role, SimId, Target, UserChange, UserId, Verb,
};

/// Where the object of a change is, as seen from the user's own account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the account itself.
    Own,
    /// In an account below it.
    Below,
    /// In the account above.
    Parent,
    /// In an account beside it.
    Sibling,
    /// Nowhere.
    Nowhere,
}

impl Place {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Own, Self::Below, Self::Parent, Self::Sibling, Self::Nowhere];
    /// Those that do not exist for the user.
    pub const HIDDEN: [Self; 3] = [Self::Parent, Self::Sibling, Self::Nowhere];
}

/// One of each kind of object at a place.
#[derive(Debug, Clone, Copy)]
pub struct Object {
    /// An account.
    pub account: AccountId,
    /// A SIM in it.
    pub sim: SimId,
    /// A user of it, who is active and no Admin.
    pub user: UserId,
}

/// What is to become of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is made.
    Made,
    /// It is not for that role.
    Denied,
    /// It cannot be made to this object, whatever the role.
    Refused,
    /// The object does not exist, as far as this user can know.
    Unknown,
    /// The SIM does not exist: it is counted as gone, and nothing else is said of it.
    Gone,
}

/// A row of the table: a change, the weakest role that makes it, and whether that works on the own
/// account.
pub struct Row {
    /// What the log calls it.
    pub kind: &'static str,
    /// The weakest role.
    pub role: Role,
    /// Whether it can be made to the own account, or to what is in it.
    pub own: bool,
    /// Makes the change of an object; the other one is always in the own account.
    pub change: fn(&Object, &Object) -> Change,
}

fn sims(object: &Object) -> Target {
    Target::ids([object.sim])
}

fn edit(object: &Object, edit: Edit) -> Change {
    Change::Edit { target: sims(object), edit: Box::new(edit) }
}

const fn row(kind: &'static str, role: Role, change: fn(&Object, &Object) -> Change) -> Row {
    Row { kind, role, own: true, change }
}

/// Not for the own account: that is managed by the one above.
const fn above(kind: &'static str, change: fn(&Object, &Object) -> Change) -> Row {
    Row { kind, role: Admin, own: false, change }
}

use Role::{Admin, User, ViewOnly};

/// The table.
pub const TABLE: &[Row] = &[
    row("move", Admin, |o, _| Change::Move {
        target: sims(o),
        to: o.account,
        clear: MoveOptions::default(),
    }),
    row("move", Admin, |o, own| Change::Move {
        target: sims(o),
        to: own.account,
        clear: MoveOptions::default(),
    }),
    row("convert", Admin, |o, _| Change::Convert {
        target: sims(o),
        account: o.account,
        by: Grouping::Tag,
    }),
    row("levels", Admin, |o, _| Change::SetLevels {
        target: sims(o),
        levels: Levels { cap: Some(77_000_000), ..Levels::default() },
    }),
    row("edit", User, |o, _| edit(o, Edit { notes: Some("seen".into()), ..Edit::default() })),
    row("edit", Admin, |o, _| edit(o, Edit { tags: ListEdit::parse("+seen"), ..Edit::default() })),
    row("edit", Admin, |o, _| edit(o, Edit { categories: ListEdit::parse("+seen"), ..Edit::default() })),
    row("edit", Admin, |o, _| {
        edit(o, Edit { recipients: ListEdit::parse("+a@b.example"), ..Edit::default() })
    }),
    row("authentication", ViewOnly, |o, _| {
        edit(o, Edit { authentication: Some(false), ..Edit::default() })
    }),
    row("activate", Admin, |o, _| edit(o, Edit::state(Verb::Activate, ""))),
    row("suspend", Admin, |o, _| edit(o, Edit::state(Verb::Suspend, ""))),
    row("resume", Admin, |o, _| edit(o, Edit::state(Verb::Resume, ""))),
    row("terminate", Admin, |o, _| edit(o, Edit::state(Verb::Terminate, ""))),
    row("add-external", Admin, |o, _| Change::AddExternal {
        account: o.account,
        address: "new@else.example".into(),
    }),
    row("remove-external", Admin, |o, _| Change::RemoveExternal {
        account: o.account,
        address: "ops@else.example".into(),
    }),
    row("add-account", Admin, |o, _| Change::AddAccount { parent: o.account, name: "New".into() }),
    above("rename-account", |o, _| Change::RenameAccount { account: o.account, name: "Other".into() }),
    above("reference", |o, _| Change::SetReference { account: o.account, reference: "C-1".into() }),
    above("period", |o, _| Change::SetPeriod { account: o.account, rule: "day:23".parse().ok() }),
    above("entitlement", |o, _| Change::SetEntitlement { account: o.account, on: false }),
    above("ceiling", |o, _| Change::SetCeiling { account: o.account, ceiling: Some(900_000_000) }),
    above("move-account", |o, own| Change::MoveAccount { account: o.account, under: own.account }),
    above("delete-account", |o, _| Change::DeleteAccount { account: o.account }),
    row("help", Admin, |o, _| Change::SetHelp {
        account: o.account,
        help: Some(Box::new(Help::Page { title: "Help".into(), text: "Call us".into() })),
    }),
    row("add-user", Admin, |o, _| Change::AddUser {
        account: o.account,
        name: "New".into(),
        email: "new@x.example".into(),
        role: User,
    }),
    row("user-role", Admin, |o, _| Change::ChangeUser { user: o.user, to: UserChange::Role(ViewOnly) }),
    row("disable-user", Admin, |o, _| Change::ChangeUser { user: o.user, to: UserChange::Disable }),
    row("remove-user", Admin, |o, _| Change::ChangeUser { user: o.user, to: UserChange::Remove }),
];

/// Whether the table has a row for a change, or why it needs none. A new kind of change does not
/// compile without an answer here.
pub fn is_covered(change: &Change) -> bool {
    match change {
        // It has no object; the undo of each change asks for what the change itself needs.
        Change::EditProfile { .. } | Change::Undo { .. } => true,
        // For the root account only, whatever is in the file.
        Change::Import { .. } | Change::ImportUsage { .. } => true,
        Change::Move { .. }
        | Change::Convert { .. }
        | Change::SetLevels { .. }
        | Change::Edit { .. }
        | Change::SetPeriod { .. }
        | Change::SetEntitlement { .. }
        | Change::SetCeiling { .. }
        | Change::AddExternal { .. }
        | Change::RemoveExternal { .. }
        | Change::SetReference { .. }
        | Change::SetHelp { .. }
        | Change::AddUser { .. }
        | Change::ChangeUser { .. }
        | Change::AddAccount { .. }
        | Change::RenameAccount { .. }
        | Change::MoveAccount { .. }
        | Change::DeleteAccount { .. } => TABLE.iter().any(|row| row.kind == change.kind()),
    }
}

/// What the table says of a row, a role and a place.
pub fn expected(row: &Row, role: Role, place: Place) -> Verdict {
    let of_sims = matches!(
        row.kind,
        "levels" | "edit" | "authentication" | "activate" | "suspend" | "resume" | "terminate"
    );
    match place {
        _ if role < row.role => Verdict::Denied,
        Place::Own if !row.own => Verdict::Refused,
        Place::Own | Place::Below => Verdict::Made,
        _ if of_sims => Verdict::Gone,
        _ => Verdict::Unknown,
    }
}

/// What an estate makes of a change.
pub fn verdict(estate: &dyn Estate, change: &Change) -> (Verdict, String) {
    match estate.apply(&ChangeId::new(), change, &|_| std::ops::ControlFlow::Continue(())) {
        Ok(receipt) if receipt.counts.conflict == 1 && receipt.counts.done == 0 => {
            (Verdict::Gone, receipt.counts.to_string())
        }
        Ok(receipt) => (Verdict::Made, receipt.counts.to_string()),
        Err(error @ Error::Denied { .. }) => (Verdict::Denied, error.to_string()),
        Err(error @ Error::NotFound { .. }) => (Verdict::Unknown, error.to_string()),
        Err(error) => (Verdict::Refused, error.to_string()),
    }
}
