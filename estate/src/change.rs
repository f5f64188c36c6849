//! Every write is one value, a [`Change`]: planned, permitted, confirmed, applied whole, logged.

pub(crate) mod outcome;
mod plan;
mod target;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::edit::Edit;
use crate::error::{Error, Result};
use crate::help::Help;
use crate::ids::{AccountId, ChangeId, Rev, SimId, StagingId, UserId};
use crate::levels::Levels;
use crate::period::PeriodRule;
use crate::role::Role;
use crate::units::Time;
use crate::user::UserChange;

pub use outcome::{Counts, Outcome, Reason};
pub use plan::{Group, Plan, Warning};
pub use target::Target;

impl ChangeId {
    /// Parses an id that the caller chose. It must be a UUID: an id that can be guessed may be
    /// another user's, whose receipt would be returned.
    pub fn parse(text: &str) -> Result<Self> {
        let id = uuid::Uuid::try_parse(text);
        id.map(|id| Self(id.to_string())).map_err(|_| Error::invalid("change-id", "must be a UUID"))
    }
}

/// What a move takes off the SIMs on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MoveOptions {
    /// Notes.
    pub notes: bool,
    /// Notification recipients.
    pub recipients: bool,
    /// Tags.
    pub tags: bool,
}

/// The names that SIMs are told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grouping {
    /// Categories: the old way to tell customers apart.
    Category,
    /// Tags.
    Tag,
}

impl Grouping {
    pub(crate) fn column(self) -> &'static str {
        match self {
            Self::Category => "categories",
            Self::Tag => "tags",
        }
    }

    /// What several of them are called.
    pub fn plural(self) -> &'static str {
        self.column()
    }

    /// The field of the filter language.
    pub fn field(self) -> &'static str {
        match self {
            Self::Category => "category",
            Self::Tag => "tag",
        }
    }
}

/// Everything that can be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Change {
    /// Puts SIMs into another account.
    Move {
        /// The SIMs.
        target: Target,
        /// Where to.
        to: AccountId,
        /// What is cleared on the way.
        clear: MoveOptions,
    },
    /// Turns the categories or tags of an account's own SIMs into accounts below it, and moves the
    /// SIMs there.
    Convert {
        /// The SIMs.
        target: Target,
        /// The account they are in.
        account: AccountId,
        /// By which names.
        by: Grouping,
    },
    /// Sets caps and alerts.
    SetLevels {
        /// The SIMs.
        target: Target,
        /// What they are set to.
        levels: Levels,
    },
    /// Changes labels, notes, tags and the like, or the state of SIMs.
    Edit {
        /// The SIMs.
        target: Target,
        /// What is changed about them.
        edit: Box<Edit>,
    },
    /// Brings staged rows into the estate.
    Import {
        /// The staged rows.
        staging: StagingId,
    },
    /// Counts staged usage records, with everything they set off.
    ImportUsage {
        /// The staged records.
        staging: StagingId,
    },
    /// Says when the billing periods of an account begin.
    SetPeriod {
        /// The account.
        account: AccountId,
        /// The rule; `None` goes by the account above again.
        rule: Option<PeriodRule>,
    },
    /// Switches caps and alerts on or off in an account and below it.
    SetEntitlement {
        /// The account.
        account: AccountId,
        /// Whether they are on.
        on: bool,
    },
    /// Says how high caps may be in an account and below it; SIMs above that are held to it.
    SetCeiling {
        /// The account.
        account: AccountId,
        /// The highest cap; `None` takes the account's own ceiling away.
        ceiling: Option<u64>,
    },
    /// Lets someone who is no user hear of an account's SIMs and of those below it.
    AddExternal {
        /// The account.
        account: AccountId,
        /// A mail address, or the URL of a webhook.
        address: String,
    },
    /// Takes such an address away, from the account and from every SIM of it and below it.
    RemoveExternal {
        /// The account.
        account: AccountId,
        /// The address.
        address: String,
    },
    /// Says what another system calls an account.
    SetReference {
        /// The account.
        account: AccountId,
        /// The reference; empty takes it away.
        reference: String,
    },
    /// Says what the users of the accounts below an account see as Help and Support.
    SetHelp {
        /// The account.
        account: AccountId,
        /// What they see; `None` leaves it to the account above.
        help: Option<Box<Help>>,
    },
    /// Invites a user.
    AddUser {
        /// The account they belong to.
        account: AccountId,
        /// Their full name.
        name: String,
        /// Their mail address.
        email: String,
        /// What they may do.
        role: Role,
    },
    /// Changes what a user may do, or whether they may sign in.
    ChangeUser {
        /// The user.
        user: UserId,
        /// What is changed.
        to: UserChange,
    },
    /// Changes the name or the address of whoever makes the change.
    EditProfile {
        /// The full name.
        name: String,
        /// The mail address.
        email: String,
    },
    /// Makes an account.
    AddAccount {
        /// The account above it.
        parent: AccountId,
        /// Its name.
        name: String,
    },
    /// Gives an account another name.
    RenameAccount {
        /// The account.
        account: AccountId,
        /// The new name.
        name: String,
    },
    /// Hangs an account, with everything below it, under another.
    MoveAccount {
        /// The account.
        account: AccountId,
        /// The new parent.
        under: AccountId,
    },
    /// Removes an empty account.
    DeleteAccount {
        /// The account.
        account: AccountId,
    },
    /// Reverses an earlier change where nothing came after it.
    Undo {
        /// The change.
        change: ChangeId,
    },
}

impl Change {
    /// The same change, fixed to what `plan` showed.
    #[must_use]
    pub fn with_confirmation(mut self, plan: &Plan) -> Self {
        if let Some(target) = self.target_mut() {
            target.at = plan.at;
            target.expect = Some(plan.total);
        }
        self
    }

    /// Every word the log has for a change, and for what is no change and still stands there.
    pub const KINDS: [&'static str; 45] = [
        "move",
        "levels",
        "edit",
        "authentication",
        "activate",
        "suspend",
        "resume",
        "terminate",
        "convert",
        "import",
        "usage",
        "add-account",
        "rename-account",
        "reference",
        "period",
        Self::PERIOD_ROLLOVER,
        Self::PERIOD_REOPEN,
        Self::CAP_RETURN,
        Self::CAP_RAISE_AGAIN,
        Self::ACCEPT_CLOCK,
        "entitlement",
        "ceiling",
        "move-account",
        "delete-account",
        "help",
        "add-external",
        "remove-external",
        "add-user",
        "invite-user",
        "accept",
        "user-role",
        "disable-user",
        "enable-user",
        "remove-user",
        "profile",
        "view-as",
        "add-token",
        "revoke-token",
        "link-user",
        "password",
        "second-factor",
        "no-second-factor",
        "end-session",
        "undo",
        "init",
    ];

    /// The log's word for moving SIMs.
    pub const MOVE: &'static str = "move";
    /// The log's word for turning categories into accounts.
    pub const CONVERT: &'static str = "convert";
    /// The log's word for setting caps and alerts.
    pub const LEVELS: &'static str = "levels";
    /// The log's word for setting a ceiling.
    pub const CEILING: &'static str = "ceiling";
    /// The log's word for hanging an account under another.
    pub const MOVE_ACCOUNT: &'static str = "move-account";

    /// The log's word for closing a billing period.
    pub const PERIOD_ROLLOVER: &'static str = "period-rollover";
    /// The log's word for undoing a rollover.
    pub const PERIOD_REOPEN: &'static str = "period-reopen";
    /// The log's word for the return of raised caps.
    pub const CAP_RETURN: &'static str = "cap-return";
    /// The log's word for undoing the return of raised caps.
    pub const CAP_RAISE_AGAIN: &'static str = "cap-raise-again";
    /// The log's word for accepting a clock that was refused.
    pub const ACCEPT_CLOCK: &'static str = "accept-clock";

    /// The log's word for it; what an undo is called depends on what it undoes.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Move { .. } => Self::MOVE,
            Self::Convert { .. } => Self::CONVERT,
            Self::SetLevels { .. } => Self::LEVELS,
            Self::Edit { edit, .. } => edit.kind(),
            Self::Import { .. } => "import",
            Self::ImportUsage { .. } => "usage",
            Self::SetPeriod { .. } => "period",
            Self::SetEntitlement { .. } => "entitlement",
            Self::SetCeiling { .. } => Self::CEILING,
            Self::AddExternal { .. } => "add-external",
            Self::RemoveExternal { .. } => "remove-external",
            Self::SetReference { .. } => "reference",
            Self::SetHelp { .. } => "help",
            Self::AddUser { .. } => "add-user",
            Self::ChangeUser { to, .. } => match to {
                UserChange::Role(_) => "user-role",
                UserChange::Disable => "disable-user",
                UserChange::Enable => "enable-user",
                UserChange::Remove => "remove-user",
                UserChange::Invite => "invite-user",
            },
            Self::EditProfile { .. } => "profile",
            Self::AddAccount { .. } => "add-account",
            Self::RenameAccount { .. } => "rename-account",
            Self::MoveAccount { .. } => Self::MOVE_ACCOUNT,
            Self::DeleteAccount { .. } => "delete-account",
            Self::Undo { .. } => "undo",
        }
    }

    /// The SIMs it is about.
    pub fn target(&self) -> Option<&Target> {
        match self {
            Self::Move { target, .. }
            | Self::Convert { target, .. }
            | Self::SetLevels { target, .. }
            | Self::Edit { target, .. } => Some(target),
            _ => None,
        }
    }

    /// The same, to be changed.
    pub fn target_mut(&mut self) -> Option<&mut Target> {
        match self {
            Self::Move { target, .. }
            | Self::Convert { target, .. }
            | Self::SetLevels { target, .. }
            | Self::Edit { target, .. } => Some(target),
            _ => None,
        }
    }
}

/// What a change did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The change.
    pub id: ChangeId,
    /// Its place in the order of changes.
    pub rev: Rev,
    /// What happened.
    pub counts: Counts,
    /// The account it made, if it made one.
    pub account: Option<AccountId>,
    /// Whether anything takes it back.
    #[serde(default)]
    pub undoable: bool,
}

/// One SIM of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// The SIM.
    pub sim: SimId,
    /// Its ICCID.
    pub iccid: String,
    /// Its label.
    pub label: String,
    /// What happened.
    pub outcome: Outcome,
    /// Why.
    pub reason: Reason,
    /// The account it was in, as a path; `elsewhere` when this user may not see it.
    pub from: String,
    /// The account it was to go to.
    pub to: String,
    /// What it was like before, in words, as far as the change touched it.
    pub before: String,
    /// What it was like afterwards; empty where nothing is known of that.
    pub after: String,
}

/// One change in the log, as far as this user may see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its place in the order of changes.
    pub rev: Rev,
    /// The change.
    pub id: ChangeId,
    /// When.
    pub at: Time,
    /// Who, as name and address.
    pub by: String,
    /// From where: the screen or a command, and whose login on which machine; empty where that is
    /// not known.
    pub via: String,
    /// `move`, `import`, `add-account`, …
    pub kind: String,
    /// A sentence.
    pub summary: String,
    /// What happened to the SIMs.
    pub counts: Counts,
    /// Whether a later change has undone it.
    pub undone: bool,
    /// Whether it can be undone.
    pub undoable: bool,
}

/// The end of the log: a revision, and the hash that covers it and everything before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogHead {
    /// The revision.
    pub rev: Rev,
    /// The hash (SHA-256), in hexadecimal.
    pub hash: String,
}

impl fmt::Display for LogHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.rev, self.hash)
    }
}

impl std::str::FromStr for LogHead {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let bad =
            || Error::invalid("head", "must be a number and a hash: 42:9f86d0…, as store head prints it");
        let (rev, hash) = text.trim().split_once(':').ok_or_else(bad)?;
        let sound = hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit());
        let rev = rev.parse().ok().filter(|_| sound).ok_or_else(bad)?;
        Ok(Self { rev, hash: hash.to_ascii_lowercase() })
    }
}
