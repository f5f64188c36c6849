//! Which SIMs a change is about, and what is to hold of them when it is made.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::outcome::Counts;
use crate::error::{Error, Result};
use crate::ids::{AccountId, Rev, SimId};
use crate::query::Query;

/// The SIMs a change is about: (union of queries and ids) − except, as seen at a revision.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Target {
    /// Whatever these match.
    pub any: Vec<Query>,
    /// These.
    pub ids: BTreeSet<SimId>,
    /// But not these.
    pub except: BTreeSet<SimId>,
    /// The revision it was confirmed at; a SIM changed since is a conflict.
    pub at: Rev,
    /// How many SIMs were confirmed; `None` before that.
    pub expect: Option<u64>,
    /// Refuse unless all of them are in this account, not below it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<AccountId>,
    /// Whether nothing is changed when one of them cannot be.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub whole: bool,
}

impl Target {
    /// Exactly these SIMs.
    pub fn ids(ids: impl IntoIterator<Item = SimId>) -> Self {
        Self { ids: ids.into_iter().collect(), ..Self::default() }
    }

    /// Whatever a query matches.
    pub fn query(query: Query) -> Self {
        Self { any: vec![query], ..Self::default() }
    }

    /// Refuses what became of the SIMs, where it is to be all or nothing, and those that are
    /// outside of where they are to be.
    pub(crate) fn check(&self, counts: &Counts, outside: u64) -> Result<()> {
        let (missed, total) = (counts.missed_count(), counts.total());
        if outside > 0 {
            return Err(Error::Conflict(format!("{outside} of {total} SIMs are in another account")));
        }
        if self.whole && missed > 0 {
            return Err(Error::Conflict(format!("{missed} of {total} SIMs cannot be changed")));
        }
        Ok(())
    }

    /// True when nothing can match.
    pub fn is_empty(&self) -> bool {
        self.any.is_empty() && self.ids.is_subset(&self.except)
    }
}
