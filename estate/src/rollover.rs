//! Rollovers of billing periods: what is due, and why it waits.

use serde::{Deserialize, Serialize};

use crate::clock::ClockReading;
use crate::period::PeriodRule;
use crate::units::Time;

/// A rollover: periods of a rule that end after `closed_until` and not after `until` are closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeriodRollover {
    /// The rule.
    pub rule: PeriodRule,
    /// The time up to which periods are closed.
    pub closed_until: Time,
    /// The boundary.
    pub until: Time,
}

/// State of the billing periods by the present clock.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RolloverStatus {
    /// Rollovers that are due and not made yet.
    pub pending: Vec<PeriodRollover>,
    /// Rules whose periods were closed by a clock ahead of the present one.
    pub ahead: Vec<PeriodRollover>,
    /// True while a rule waits because its last rollover was undone.
    pub is_held: bool,
    /// The clock and the newest log entry.
    pub clock: Option<ClockReading>,
}

impl RolloverStatus {
    /// A clock behind by less than this many seconds is not reported while no rollover is due.
    const SKEW: i64 = 300;

    /// Returns the reason why an Admin has to confirm, or `None` where the next change or background work goes ahead.
    pub fn reason_to_wait(&self) -> Option<String> {
        let refused = self.clock.filter(|clock| !clock.is_accepted());
        let held = self.is_held.then(|| "the last rollover was undone".to_owned());
        refused.map(|clock| clock.to_string()).or(held)
    }

    /// Returns one sentence for every surface, or `None` where there is nothing to say.
    pub fn message(&self) -> Option<String> {
        let waits = self.reason_to_wait();
        match (self.pending.first(), waits) {
            (Some(_), Some(why)) => Some(format!(
                "period ended, rollover pending: {why}; an Admin of the root account releases it: simdeck store rollover"
            )),
            (Some(first), None) => Some(format!(
                "period ended, rollover pending: counters are those of the period before {}; the next change, screen or \
                 server closes it",
                first.until.day()
            )),
            (None, _) if !self.ahead.is_empty() => self.ahead.first().map(|first| {
                format!(
                    "periods until {} are closed, later than the clock: usage until then is counted in history; an Admin \
                     reopens them: simdeck undo of the period-rollover",
                    first.closed_until.day()
                )
            }),
            (None, Some(why)) => {
                let skew = self.clock.and_then(|c| c.newest.map(|newest| newest.0 - c.now.0)).unwrap_or(0);
                (skew > Self::SKEW).then(|| format!("{why}: no billing period is closed until it is right"))
            }
            (None, None) => None,
        }
    }
}
