//! The account to choose where an address is a user of several customers.

use std::fmt;

use crate::ids::AccountId;
use crate::text::case_fold;
use serde::{Deserialize, Serialize};

/// An account to choose where an address is a user of several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountChoice {
    /// The account.
    pub id: AccountId,
    /// Its name.
    pub name: String,
}

impl AccountChoice {
    /// Returns true if `text` names this account: by its name, with or without the `/` of a path,
    /// or as `acc_` and its number.
    pub fn is_named(&self, text: &str) -> bool {
        let text = text.trim();
        let name = text.strip_prefix('/').unwrap_or(text);
        text.strip_prefix("acc_").is_some_and(|id| id.parse() == Ok(self.id.0))
            || case_fold(name) == case_fold(&self.name)
    }
}

impl fmt::Display for AccountChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (acc_{})", self.name, self.id.0)
    }
}
