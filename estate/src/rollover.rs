//! Rollovers of billing periods: what is due, and why it waits.

use serde::{Deserialize, Serialize};

use crate::clock::{ClockReading, ClockState};
use crate::ids::ChangeId;
use crate::period::PeriodRule;
use crate::units::Time;

/// A rollover: periods of a rule that end after `closed_until` and not after `until` are closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeriodRollover {
    /// The rule.
    pub rule: PeriodRule,
    /// The time up to which periods are closed.
    pub closed_until: Time,
    /// The boundary.
    pub until: Time,
    /// True if a logged rollover closed these periods; false while they are pending.
    #[serde(default)]
    pub is_logged: bool,
    /// The change whose undo reopens the periods, for users who see the estate whole.
    #[serde(default)]
    pub change: Option<ChangeId>,
}

/// Periods of a rule that ended after `from` and not after `to`.
pub(crate) struct ClosedPeriods {
    pub rule: String,
    pub from: i64,
    pub to: i64,
}

impl ClosedPeriods {
    /// Reads them from the body of a logged rollover.
    pub fn of(body: &serde_json::Value) -> Self {
        Self {
            rule: body["rule"].as_str().unwrap_or_default().to_owned(),
            from: body["from"].as_i64().unwrap_or_default(),
            to: body["to"].as_i64().unwrap_or_default(),
        }
    }
}

/// Result of a rollover that an Admin confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ConfirmedRollover {
    /// Number of rules whose periods were closed.
    pub closed: usize,
    /// Number of rules whose periods were reopened.
    pub reopened: usize,
    /// True if the clock was refused before, or a rule waited for the Admin.
    pub is_clock_new: bool,
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

    /// Returns the reason why an Admin has to confirm, or `None` where the next change or
    /// background work goes ahead.
    pub fn reason_to_wait(&self) -> Option<String> {
        let held = self.is_held.then(|| "the last rollover was undone".to_owned());
        self.refused_clock().map(ToString::to_string).or(held)
    }

    fn refused_clock(&self) -> Option<&ClockReading> {
        self.clock.as_ref().filter(|clock| !clock.is_accepted())
    }

    /// Returns one sentence for every surface, or `None` where there is nothing to say.
    pub fn message(&self) -> Option<String> {
        if let Some(first) = self.pending.first() {
            return Some(self.pending_message(first));
        }
        let now = self.clock.map_or(Time(i64::MIN), |clock| clock.now);
        if let Some(first) = self.ahead.first().filter(|first| first.until.0 - Self::SKEW > now.0) {
            return Some(self.ahead_message(first));
        }
        let skew = self.clock.and_then(|c| c.newest.map(|newest| newest.0 - c.now.0)).unwrap_or(0);
        let why = self.reason_to_wait().filter(|_| skew > Self::SKEW)?;
        Some(format!("{why}: no billing period is closed until it is right"))
    }

    fn pending_message(&self, first: &PeriodRollover) -> String {
        if let Some(why) = self.reason_to_wait() {
            return format!(
                "period ended, rollover pending: {why}; an Admin of the root account releases it: simdeck store rollover"
            );
        }
        let counters = match first.rule {
            PeriodRule::Activation(_) => "some counters are those of a period that \
            ended"
                .to_owned(),
            _ => format!("counters are those of the period before {}", first.until.day()),
        };
        format!(
            "period ended, rollover pending: {counters}; the next change, screen or server \
        closes it"
        )
    }

    fn ahead_message(&self, first: &PeriodRollover) -> String {
        let closed = format!("periods until {} are closed", first.until.day());
        let advice = match &first.change {
            Some(change) => {
                format!("an Admin of the root account reopens them: simdeck undo {}", change.0)
            }
            None if first.is_logged => "an Admin of the root account reopens them".to_owned(),
            None => "an Admin of the root account reopens them: simdeck store rollover \
            --confirm"
                .to_owned(),
        };
        let counted = "usage until then is counted in history";
        match self.refused_clock() {
            Some(clock) => {
                format!(
                    "{clock}, and {closed}: {counted}. Check the clock; if it is right, \
                {advice}"
                )
            }
            None => format!("{closed}, later than the clock: {counted}; {advice}"),
        }
    }

    /// Returns a key that stays the same while the same message is repeated with another time;
    /// empty where there is nothing to say.
    pub fn message_key(&self) -> String {
        if self.message().is_none() {
            return String::new();
        }
        let state = self.clock.map_or(ClockState::Accepted, |clock| clock.state());
        let (pending, ahead) = (rules_key(&self.pending), rules_key(&self.ahead));
        format!("{state:?}; {pending}; {ahead}; {}", self.is_held)
    }
}

fn rules_key(rollovers: &[PeriodRollover]) -> String {
    rollovers.iter().map(|r| format!("{} {}", r.rule, r.until)).collect::<Vec<_>>().join(", ")
}
