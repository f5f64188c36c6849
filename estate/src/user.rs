//! Users: who they are and which of the three roles they hold.

use serde::{Deserialize, Serialize};

use crate::ids::{AccountId, UserId};
use crate::role::Role;
use crate::units::Time;

/// Where a user stands between invitation and dismissal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UserState {
    /// Has not accepted the invitation yet.
    Invited,
    /// May sign in.
    Active,
    /// May not sign in.
    Disabled,
}

impl UserState {
    /// The word used in commands and files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Invited => "invited",
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }

    pub(crate) fn from_code(code: i64) -> Self {
        [Self::Invited, Self::Active, Self::Disabled][code.clamp(0, 2) as usize]
    }
}

/// What is changed about a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UserChange {
    /// Gives them another role.
    Role(Role),
    /// Keeps them from signing in, until they are let in again.
    Disable,
    /// Lets them sign in again.
    Enable,
    /// Takes them away; what they did stays in the log.
    Remove,
    /// Sends the invitation once more.
    Invite,
}

/// A person who belongs to exactly one account and sees it and everything below it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The identifier.
    pub id: UserId,
    /// The account the user belongs to.
    pub account: AccountId,
    /// Full name.
    pub name: String,
    /// E-mail address, unique within a top-level customer, ignoring case.
    pub email: String,
    /// What they may do.
    pub role: Role,
    /// Whether they may sign in.
    pub state: UserState,
    /// When they were last invited; `None` for the first of an estate.
    pub invited: Option<Time>,
    /// When they last signed in, within the hour.
    pub signed_in: Option<Time>,
}
