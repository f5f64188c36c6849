//! Identifiers: numbers within one store, and names of changes.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Identifies an account within one store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AccountId(pub i64);

/// Identifies a SIM within one store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SimId(pub i64);

/// Identifies a user within one store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UserId(pub i64);

/// Identifies a token within one store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TokenId(pub i64);

/// A point in the order of changes.
pub type Rev = i64;

/// Makes a UUID of version 7. By a clock before 1970, which the format cannot state, it is one of
/// 1970.
pub(crate) fn new_uuid() -> uuid::Uuid {
    if std::time::SystemTime::now() < std::time::UNIX_EPOCH {
        return uuid::Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, 0, 0));
    }
    uuid::Uuid::now_v7()
}

/// Names a change; made by whoever asks for it, so that a retry after a lost answer is harmless.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChangeId(pub String);

impl ChangeId {
    /// A new one, unlike any other (UUID version 7, RFC 9562).
    pub fn new() -> Self {
        Self(new_uuid().to_string())
    }
}

impl Default for ChangeId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for ChangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A staged import waiting in this session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StagingId(pub u64);
