//! What happens to each SIM of a change, why, and how many met what.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::number::count;

/// What happened to one SIM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was changed.
    Done,
    /// It was like that already.
    Unchanged,
    /// A rule forbids it.
    Refused,
    /// Someone changed it meanwhile.
    Conflict,
    /// The backend has not said yet.
    Pending,
    /// The backend could not.
    Failed,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 6] =
        [Self::Done, Self::Unchanged, Self::Refused, Self::Conflict, Self::Pending, Self::Failed];

    pub(crate) fn from_code(code: i64) -> Self {
        Self::ALL[code.clamp(0, 5) as usize]
    }

    /// The word used in commands and files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Unchanged => "unchanged",
            Self::Refused => "refused",
            Self::Conflict => "conflict",
            Self::Pending => "pending",
            Self::Failed => "failed",
        }
    }
}

/// Why a SIM was refused or is in conflict: a stable code and a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// No reason is needed.
    None,
    /// Terminated SIMs stay where they ended.
    Terminated,
    /// Unmanaged SIMs are displayed only.
    Unmanaged,
    /// Changed since it was confirmed.
    Changed,
    /// No longer in the estate.
    Gone,
    /// The account it came from is gone.
    NoAccount,
    /// There is no cap to take a share of.
    NoCap,
    /// It is capped no lower than that.
    NoRaise,
    /// Caps and alerts are switched off in its account.
    NotEntitled,
    /// Its cap would be above a ceiling.
    OverCeiling,
    /// It has not been activated.
    NotInUse,
    /// An account above suspended it.
    HeldAbove,
    /// It has several of the names that are turned into accounts.
    SeveralGroups,
}

impl Reason {
    const ALL: [Self; 13] = [
        Self::None,
        Self::Terminated,
        Self::Unmanaged,
        Self::Changed,
        Self::Gone,
        Self::NoAccount,
        Self::NoCap,
        Self::NoRaise,
        Self::NotEntitled,
        Self::OverCeiling,
        Self::NotInUse,
        Self::HeldAbove,
        Self::SeveralGroups,
    ];

    pub(crate) fn from_code(code: i64) -> Self {
        Self::ALL[code.clamp(0, 12) as usize]
    }

    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Terminated => "terminated",
            Self::Unmanaged => "unmanaged",
            Self::Changed => "changed-since",
            Self::Gone => "gone",
            Self::NoAccount => "no-account",
            Self::NoCap => "no-cap",
            Self::NoRaise => "no-raise",
            Self::NotEntitled => "not-entitled",
            Self::OverCeiling => "over-ceiling",
            Self::NotInUse => "not-in-use",
            Self::HeldAbove => "held-above",
            Self::SeveralGroups => "several-groups",
        }
    }

    /// The sentence.
    pub fn text(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Terminated => "terminated SIMs are not changed any more",
            Self::Unmanaged => "unmanaged SIMs are displayed only",
            Self::Changed => "changed by someone since",
            Self::Gone => "no longer in the estate",
            Self::NoAccount => "the account it came from is gone",
            Self::NoCap => "it has no cap to take a share of",
            Self::NotEntitled => "caps and alerts are switched off in its account",
            Self::OverCeiling => "its cap would be above the ceiling of its account, or none at all",
            Self::NotInUse => "it is not in use yet: activate it first",
            Self::HeldAbove => "an account above yours suspended it: only there it is resumed",
            Self::SeveralGroups => "it has several of them: move it by hand",
            Self::NoRaise => "it would be no raise: its cap is that high already, or it has none",
        }
    }
}

/// How many SIMs met each outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "one field per outcome")]
pub struct Counts {
    pub done: u64,
    pub unchanged: u64,
    pub refused: u64,
    pub conflict: u64,
    #[serde(default)]
    pub pending: u64,
    #[serde(default)]
    pub failed: u64,
}

impl Counts {
    /// Adds `n` to an outcome.
    pub fn add(&mut self, outcome: Outcome, n: u64) {
        *match outcome {
            Outcome::Done => &mut self.done,
            Outcome::Unchanged => &mut self.unchanged,
            Outcome::Refused => &mut self.refused,
            Outcome::Conflict => &mut self.conflict,
            Outcome::Pending => &mut self.pending,
            Outcome::Failed => &mut self.failed,
        } += n;
    }

    /// What would happen, in words.
    pub fn would(&self) -> String {
        let are =
            |outcome, what: &str| format!("{} {what}", if self.get(outcome) == 1 { "is" } else { "are" });
        let words = [
            (Outcome::Done, "would change".to_owned()),
            (Outcome::Unchanged, are(Outcome::Unchanged, "like that already")),
            (Outcome::Refused, are(Outcome::Refused, "refused")),
            (Outcome::Conflict, "changed since".to_owned()),
        ];
        let met =
            words.into_iter().filter(|(outcome, _)| *outcome == Outcome::Done || self.get(*outcome) > 0);
        met.map(|(outcome, word)| format!("{} {word}", count(self.get(outcome))))
            .collect::<Vec<_>>()
            .join(" · ")
    }

    /// The number for an outcome.
    pub fn get(&self, outcome: Outcome) -> u64 {
        match outcome {
            Outcome::Done => self.done,
            Outcome::Unchanged => self.unchanged,
            Outcome::Refused => self.refused,
            Outcome::Conflict => self.conflict,
            Outcome::Pending => self.pending,
            Outcome::Failed => self.failed,
        }
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.done + self.unchanged + self.missed_count()
    }

    /// SIMs that were asked for and did not get there.
    pub fn missed_count(&self) -> u64 {
        self.refused + self.conflict + self.failed + self.pending
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = Outcome::ALL
            .into_iter()
            .filter(|o| self.get(*o) > 0 || *o == Outcome::Done)
            .map(|o| format!("{} {}", count(self.get(o)), o.word()))
            .collect();
        f.write_str(&parts.join(" · "))
    }
}
