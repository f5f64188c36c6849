//! Usage and what it sets off: what an import of records came to, a SIM's usage over time,
//! threshold events.
//!
//! All usage is indicative: operators report late, round, and correct; the bill may differ.

use serde::{Deserialize, Serialize};

use crate::ids::{AccountId, SimId};
use crate::period::{Period, PeriodRule};
use crate::units::Time;

/// What an import of usage records came to, or would come to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct UsageTally {
    /// Rows read, without the header and empty ones.
    pub rows: u64,
    /// Records that are new, or say more than was known.
    pub counted: u64,
    /// Rows that say what is known.
    pub unchanged: u64,
    /// Rows left out, each with a note.
    pub refused: u64,
    /// Counted records of billing periods that are over: they change history and set nothing off.
    pub late: u64,
    /// SIMs that the counted records are about.
    pub sims: u64,
    /// Empty lines.
    pub empty: u64,
    /// Lines of totals, and rows that the portal file leaves out.
    #[serde(default)]
    pub skipped: u64,
    /// Title of the portal that was recognised.
    #[serde(default)]
    pub portal: Option<String>,
}

/// How a SIM's usage is reported, as far as its records show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reporting {
    /// No record has come yet: what is shown is what an import stated.
    Stated,
    /// Records come without data sessions: by the day, or as totals.
    Totals,
    /// One record comes for each data session, when it ends: usage inside a session is not seen.
    AtEnd,
    /// Records come while sessions are open.
    Interim,
}

impl Reporting {
    /// The sentence people read.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Stated => "as an import stated it; no usage records yet",
            Self::Totals => "reported as totals",
            Self::AtEnd => "reported when a session ends: an open one is not counted yet",
            Self::Interim => "reported while sessions are open",
        }
    }

    /// The word used in commands and files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Stated => "stated",
            Self::Totals => "totals",
            Self::AtEnd => "at-end",
            Self::Interim => "interim",
        }
    }
}

/// Usage in one day or period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageBucket {
    /// When.
    pub period: Period,
    /// How much.
    pub bytes: u64,
}

/// A data session, as far as records spoke of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataSession {
    /// What the records call it.
    pub name: String,
    /// The time of its first record.
    pub start: Time,
    /// The time of its last record.
    pub last: Time,
    /// How much.
    pub bytes: u64,
    /// How many records told of it.
    pub records: u64,
}

/// One SIM's usage over time, as far as this user may see it: what came while it was elsewhere
/// stays there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// The billing period that runs now.
    pub period: Period,
    /// The rule it follows.
    pub rule: PeriodRule,
    /// How its usage is reported.
    pub reporting: Reporting,
    /// Days with usage, newest first.
    pub days: Vec<UsageBucket>,
    /// Billing periods that are over, newest first.
    pub periods: Vec<UsageBucket>,
    /// Data sessions, newest first; at most a hundred.
    pub sessions: Vec<DataSession>,
}

/// What an account has used, with everything below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountUsage {
    /// The account; `None` for those that are gone.
    pub account: Option<AccountId>,
    /// In the last thirty days that anything is known of.
    pub month: u64,
    /// As long as it is kept.
    pub year: u64,
}

/// Usage across all SIMs of an account and of those below it: what came while a SIM was there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EstateUsage {
    /// By day, newest first.
    pub days: Vec<UsageBucket>,
    /// By account, most first: the account itself, and each one directly below it with what lies
    /// below that.
    pub accounts: Vec<AccountUsage>,
}

impl EstateUsage {
    /// By calendar month, newest first.
    pub fn months(&self) -> Vec<UsageBucket> {
        let mut months: Vec<UsageBucket> = Vec::new();
        for day in &self.days {
            let month = PeriodRule::Month.period(day.period.start, None);
            match months.last_mut().filter(|last| last.period == month) {
                Some(last) => last.bytes += day.bytes,
                None => months.push(UsageBucket { period: month, bytes: day.bytes }),
            }
        }
        months
    }
}

/// What a level does when usage reaches it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// It is told; service goes on.
    Alert = 1,
    /// The SIM is blocked.
    Cap = 2,
}

impl Level {
    pub(crate) fn from_code(code: i64) -> Self {
        if code == 2 { Self::Cap } else { Self::Alert }
    }

    /// The word used in commands and files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Cap => "cap",
        }
    }
}

/// A level that usage reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its number; later ones are higher.
    pub id: i64,
    /// The SIM.
    pub sim: SimId,
    /// Its ICCID.
    pub iccid: String,
    /// Its label, unless it has left what this user sees.
    pub label: String,
    /// The account it was in.
    pub account: AccountId,
    /// That account's path.
    pub account_path: String,
    /// Which level.
    pub kind: Level,
    /// The start of the billing period.
    pub period: Time,
    /// The level.
    pub level: u64,
    /// The usage that reached it.
    pub used: u64,
    /// When it was noticed.
    pub at: Time,
}

impl Event {
    /// Which of all it is.
    pub fn key(&self) -> EventKey {
        EventKey { sim: self.sim, kind: self.kind, period: self.period, level: self.level }
    }
}

/// Which of all events one is: a level speaks once a period. Its number would tell how many others
/// there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventKey {
    /// The SIM.
    pub sim: SimId,
    /// Which level.
    pub kind: Level,
    /// The start of the billing period.
    pub period: Time,
    /// The level.
    pub level: u64,
}

/// Which events; everything that is `None` fits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EventFilter {
    /// In this account or one below it.
    pub account: Option<AccountId>,
    /// Of this SIM.
    pub sim: Option<SimId>,
    /// Of this kind.
    pub kind: Option<Level>,
    /// Since then.
    pub since: Option<Time>,
    /// Before this one.
    pub before: Option<EventKey>,
    /// At most that many.
    pub limit: u32,
}
