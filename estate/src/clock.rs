//! Acceptance of a clock reading.
//!
//! Steps that cannot be repeated or taken back (closing a billing period, returning a raised cap,
//! deleting old usage) depend on one reading of the clock. A reading is compared with the newest
//! log entry first.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::number::count;
use crate::units::{DAY, Time};

/// Longest accepted lead of the clock over the newest log entry, in seconds: the longest month and
/// four days.
pub const MAX_CLOCK_LEAD: i64 = 35 * DAY;

/// Verdict on a clock reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClockState {
    /// Not earlier than the newest log entry, and at most [`MAX_CLOCK_LEAD`] later.
    Accepted,
    /// Earlier than the newest log entry.
    Behind,
    /// More than [`MAX_CLOCK_LEAD`] later than the newest log entry.
    Ahead,
}

/// Judges a clock reading by the newest log entry; a log without entries accepts every reading.
pub fn judge_clock(now: Time, newest: Option<Time>) -> ClockState {
    match newest {
        Some(newest) if now < newest => ClockState::Behind,
        Some(newest) if now.0.saturating_sub(newest.0) > MAX_CLOCK_LEAD => ClockState::Ahead,
        _ => ClockState::Accepted,
    }
}

/// A clock reading beside the newest log entry that was written by an accepted clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockReading {
    /// The reading.
    pub now: Time,
    /// The newest log entry; `None` before the first.
    pub newest: Option<Time>,
}

impl ClockReading {
    /// Returns the verdict.
    pub fn state(&self) -> ClockState {
        judge_clock(self.now, self.newest)
    }

    /// Returns true if periods may be closed by this reading.
    pub fn is_accepted(&self) -> bool {
        self.state() == ClockState::Accepted
    }

    /// Returns the reading if it is accepted, else the time of the newest log entry.
    pub fn trusted_time(&self) -> Time {
        if self.is_accepted() { self.now } else { self.newest.unwrap_or(self.now) }
    }

    /// Returns the earlier of the reading and the newest log entry: nothing newer is certain to be
    /// past.
    pub fn earliest(&self) -> Time {
        self.newest.map_or(self.now, |newest| newest.min(self.now))
    }

    /// Returns the later of the reading and the newest log entry.
    pub fn latest(&self) -> Time {
        self.newest.map_or(self.now, |newest| newest.max(self.now))
    }
}

impl fmt::Display for ClockReading {
    /// The reason why a reading is not accepted; empty for one that is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(newest) = self.newest else { return Ok(()) };
        match self.state() {
            ClockState::Accepted => Ok(()),
            ClockState::Behind => {
                write!(f, "the clock ({}) is earlier than the newest log entry ({newest})", self.now)
            }
            ClockState::Ahead => {
                let days = self.now.0.saturating_sub(newest.0) / DAY;
                let days = count(days.unsigned_abs());
                write!(
                    f,
                    "the clock ({}) is {days} days later than the newest log entry ({newest})",
                    self.now
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEWEST: Time = Time(1_781_092_800);

    fn judge(lead: i64) -> ClockState {
        judge_clock(Time(NEWEST.0 + lead), Some(NEWEST))
    }

    #[test]
    fn a_clock_is_accepted_from_the_newest_entry_to_35_days_later() {
        assert_eq!(
            [judge(-1), judge(0), judge(1)],
            [ClockState::Behind, ClockState::Accepted, ClockState::Accepted]
        );
        assert_eq!(
            [judge(MAX_CLOCK_LEAD), judge(MAX_CLOCK_LEAD + 1)],
            [ClockState::Accepted, ClockState::Ahead]
        );
        for years in [1, 25] {
            assert_eq!(judge(-years * 365 * DAY), ClockState::Behind);
            assert_eq!(judge(years * 365 * DAY), ClockState::Ahead);
        }
        assert_eq!(judge_clock(Time(i64::MAX), Some(Time(i64::MIN))), ClockState::Ahead);
        assert_eq!(judge_clock(Time(-1), None), ClockState::Accepted);
    }

    #[test]
    fn a_refused_clock_is_replaced_by_the_newest_entry() {
        let at = |lead: i64| ClockReading { now: Time(NEWEST.0 + lead), newest: Some(NEWEST) };
        assert_eq!((at(DAY).trusted_time(), at(-DAY).trusted_time()), (Time(NEWEST.0 + DAY), NEWEST));
        assert_eq!(at(400 * DAY).trusted_time(), NEWEST);
        assert_eq!((at(400 * DAY).earliest(), at(-DAY).latest()), (NEWEST, NEWEST));
        assert!(at(40 * DAY).to_string().contains("40 days later"), "{}", at(40 * DAY));
        assert!(at(-DAY).to_string().contains("earlier than"), "{}", at(-DAY));
        assert_eq!(at(0).to_string(), "");
    }
}
