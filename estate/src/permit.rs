//! The whole role table as data, and the one function that asks it.
//!
//! The rows are those of the portal simdeck models; two of them (†) change state yet sit in a low role.

use std::fmt;

use crate::error::{Error, Result};
use crate::user::Role::{self, Admin, User, ViewOnly};

/// One thing a role may or may not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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

/// Each capability, the weakest role that has it, and the words that complete "may not …".
pub const TABLE: [(Capability, Role, &str); 16] = [
    (Capability::View, ViewOnly, "look at SIMs"),
    (Capability::Export, ViewOnly, "export SIMs"),
    (Capability::Authenticate, ViewOnly, "switch SIM authentication"), // † changes state
    (Capability::Ping, ViewOnly, "ping a SIM"),                        // † changes state
    (Capability::EditProfile, ViewOnly, "edit their own profile"),
    (Capability::EditNotes, User, "edit labels and notes"),
    (Capability::Diagnose, User, "run diagnostics"),
    (Capability::ManageAccounts, Admin, "manage accounts and their users"),
    (Capability::MoveSims, Admin, "move SIMs"),
    (Capability::EstateHistory, Admin, "see the history of the estate"),
    (Capability::ActivateSims, Admin, "activate SIMs"),
    (Capability::ManageTags, Admin, "manage tags and categories"),
    (Capability::SetLevels, Admin, "set alerts and caps"),
    (Capability::ManageRecipients, Admin, "edit notification recipients"),
    (Capability::ImportSims, Admin, "import SIMs"),
    (Capability::ImportUsage, Admin, "import usage"),
];

impl Capability {
    fn row(self) -> &'static (Self, Role, &'static str) {
        TABLE.iter().find(|row| row.0 == self).unwrap_or(&TABLE[0])
    }

    /// The weakest role that has it.
    pub fn role(self) -> Role {
        self.row().1
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.row().2)
    }
}

/// Answers whether `role` has `need`.
pub fn permit(role: Role, need: Capability) -> Result<()> {
    if role >= need.role() { Ok(()) } else { Err(Error::Denied { role, need }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_capability_has_exactly_one_row() {
        for (capability, role, words) in TABLE {
            assert_eq!(capability.row(), &(capability, role, words));
            assert_eq!(TABLE.iter().filter(|row| row.0 == capability).count(), 1);
        }
    }

    #[test]
    fn roles_are_cumulative() {
        for (capability, ..) in TABLE {
            let may: Vec<bool> = Role::ALL.iter().map(|r| permit(*r, capability).is_ok()).collect();
            assert!(may.is_sorted() && may[2], "{capability:?}");
        }
        assert!(permit(User, Capability::MoveSims).is_err());
    }
}
