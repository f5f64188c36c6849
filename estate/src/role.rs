//! The three roles, and what a role may do.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use Role::{Admin, User, ViewOnly};

/// The three cumulative roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Looks, filters, exports; pings a SIM and switches its authentication.
    ViewOnly,
    /// Also edits notes and runs diagnostics.
    User,
    /// Manages sub-accounts, users, caps and moves.
    Admin,
}

impl Role {
    /// Every role, weakest first.
    pub const ALL: [Self; 3] = [Self::ViewOnly, Self::User, Self::Admin];

    /// The word used in commands and files.
    pub fn word(self) -> &'static str {
        match self {
            Self::ViewOnly => "view-only",
            Self::User => "user",
            Self::Admin => "admin",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word().eq_ignore_ascii_case(word))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ViewOnly => "View Only",
            Self::User => "User",
            Self::Admin => "Admin",
        })
    }
}

/// One thing a role may or may not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is described by its row below")]
pub enum Capability {
    View,
    Export,
    Authenticate,
    Ping,
    EditProfile,
    EditNotes,
    Diagnose,
    ManageAccounts,
    MoveSims,
    EstateHistory,
    ActivateSims,
    ManageTags,
    SetLevels,
    ManageRecipients,
    ImportSims,
    ImportUsage,
}

/// Each capability, its word in configurations, the weakest role that has it, and the words that
/// complete "may not …".
pub const TABLE: [(Capability, &str, Role, &str); 16] = [
    (Capability::View, "view", ViewOnly, "look at SIMs"),
    (Capability::Export, "export", ViewOnly, "export SIMs"),
    (Capability::Authenticate, "authenticate", ViewOnly, "switch SIM authentication"), // † changes state
    (Capability::Ping, "ping", ViewOnly, "ping a SIM"),                                // † changes state
    (Capability::EditProfile, "profile", ViewOnly, "edit their own profile"),
    (Capability::EditNotes, "notes", User, "edit labels and notes"),
    (Capability::Diagnose, "diagnose", User, "run diagnostics"),
    (Capability::ManageAccounts, "accounts", Admin, "manage accounts and their users"),
    (Capability::MoveSims, "move", Admin, "move SIMs"),
    (Capability::EstateHistory, "history", Admin, "see the history of the estate"),
    (Capability::ActivateSims, "activate", Admin, "activate, suspend, resume or terminate SIMs"),
    (Capability::ManageTags, "tags", Admin, "manage tags and categories"),
    (Capability::SetLevels, "levels", Admin, "set alerts and caps"),
    (Capability::ManageRecipients, "recipients", Admin, "edit notification recipients"),
    (Capability::ImportSims, "import", Admin, "import SIMs"),
    (Capability::ImportUsage, "usage", Admin, "import usage"),
];

impl Capability {
    pub(crate) fn row(self) -> &'static (Self, &'static str, Role, &'static str) {
        TABLE.iter().find(|row| row.0 == self).unwrap_or(&TABLE[0])
    }

    /// The weakest role that has it, unless a deployment asks for more.
    pub fn role(self) -> Role {
        self.row().2
    }
}

impl Serialize for Capability {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.row().1)
    }
}

impl<'de> Deserialize<'de> for Capability {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        let known = TABLE.iter().find(|row| row.1 == word).map(|row| row.0);
        known.ok_or_else(|| serde::de::Error::custom(format!("no capability is called {word}")))
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.row().3)
    }
}
