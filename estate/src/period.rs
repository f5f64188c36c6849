//! Billing periods: half-open windows `[start, end)` in UTC in which usage counts towards caps and
//! alerts.
//!
//! Which window applies is a rule of the account, inherited by the accounts below it.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::units::{DAY, Time};

/// When a billing period begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PeriodRule {
    /// With the calendar month.
    #[default]
    Month,
    /// On this day of every month, or on its last day where the month is shorter.
    Day(u8),
    /// So many days after the one before, counted from the day the SIM was activated.
    Activation(u16),
}

/// A billing period: from `start` until just before `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Period {
    /// The first second of it.
    pub start: Time,
    /// The first second after it.
    pub end: Time,
}

impl Period {
    /// Whether a moment lies in it.
    pub fn contains(&self, at: Time) -> bool {
        (self.start..self.end).contains(&at)
    }
}

impl fmt::Display for Period {
    /// `2026-10-23 to 2026-11-22`: both days belong to it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.start.day(), Time(self.end.0 - 1).day())
    }
}

impl PeriodRule {
    /// The period that `at` lies in. A SIM that was never activated goes by the calendar month.
    pub fn period(self, at: Time, activated: Option<Time>) -> Period {
        match (self, activated) {
            (Self::Activation(days), Some(activated)) if days > 0 => {
                let (first, length) = (activated.0.div_euclid(DAY) * DAY, i64::from(days) * DAY);
                let start = first + (at.0 - first).div_euclid(length) * length;
                Period { start: Time(start), end: Time(start + length) }
            }
            (Self::Day(day), _) => monthly(at, day),
            (Self::Month | Self::Activation(_), _) => monthly(at, 1),
        }
    }

    /// The same in plain numbers, 0 for a SIM that was never activated.
    pub(crate) fn bounds(self, at: i64, activated: i64) -> (i64, i64) {
        let period = self.period(Time(at), (activated > 0).then_some(Time(activated)));
        (period.start.0, period.end.0)
    }
}

/// The period from this day of a month to the same of the next.
fn monthly(at: Time, day: u8) -> Period {
    let date = civil(at).date();
    let begun = begin(date, day);
    let first = date.first_of_month();
    let (start, end) = if date >= begun {
        (begun, begin(first.saturating_add(jiff::Span::new().months(1)), day))
    } else {
        (begin(first.saturating_sub(jiff::Span::new().months(1)), day), begun)
    };
    Period { start: midnight(start), end: midnight(end) }
}

/// That day of a date's month, or its last one.
fn begin(month: Date, day: u8) -> Date {
    let last = month.days_in_month();
    let day = i8::try_from(day).unwrap_or(last).clamp(1, last);
    month.with().day(day).build().unwrap_or(month)
}

fn civil(at: Time) -> DateTime {
    let stamp = Timestamp::from_second(at.0).unwrap_or(Timestamp::UNIX_EPOCH);
    TimeZone::UTC.to_datetime(stamp)
}

fn midnight(date: Date) -> Time {
    let stamp = TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).unwrap_or(Timestamp::UNIX_EPOCH);
    Time(stamp.as_second())
}

/// Reads a month (`2026-10`), a day (`2026-10-03`) or two days (`2026-10-03/2026-10-09`, the second
/// not included).
pub fn parse_span(text: &str) -> Result<Period> {
    let bad =
        || Error::invalid("period", "must be a month such as 2026-10, a day, or two days with / between");
    let text = text.trim();
    // A moment is no day: what is cut off it would make several records one.
    let day = |text: &str| {
        let text = text.trim();
        if text.len() == 10 { text.parse::<Date>().map_err(|_| bad()) } else { Err(bad()) }
    };
    let period = if let Some((from, to)) = text.split_once('/') {
        Period { start: midnight(day(from)?), end: midnight(day(to)?) }
    } else if text.len() == 7 {
        monthly(midnight(day(&format!("{text}-01"))?), 1)
    } else {
        let start = midnight(day(text)?);
        Period { start, end: Time(start.0 + DAY) }
    };
    if period.start.0 > 0 && period.start < period.end { Ok(period) } else { Err(bad()) }
}

impl fmt::Display for PeriodRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Month => f.write_str("month"),
            Self::Day(day) => write!(f, "day:{day}"),
            Self::Activation(days) => write!(f, "activation:{days}"),
        }
    }
}

impl PeriodRule {
    /// The rule in words.
    pub fn describe(self) -> String {
        match self {
            Self::Month => "the calendar month".to_owned(),
            Self::Day(day) => format!("monthly from day {day}"),
            Self::Activation(days) => format!("every {days} days from activation"),
        }
    }
}

impl FromStr for PeriodRule {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let bad = || Error::invalid("period", "must be month, day:1 to day:31, or activation:30");
        let (word, number) = text.trim().split_once(':').unwrap_or((text.trim(), ""));
        let within =
            |most: u16| number.parse::<u16>().ok().filter(|n| (1..=most).contains(n)).ok_or_else(bad);
        match (word, number) {
            ("month", "") => Ok(Self::Month),
            ("day", _) => Ok(match within(31)? {
                1 => Self::Month,
                day => Self::Day(day as u8),
            }),
            ("activation", _) => Ok(Self::Activation(within(366)?)),
            _ => Err(bad()),
        }
    }
}

impl Serialize for PeriodRule {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PeriodRule {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Time {
        Time::parse(text).expect("time")
    }

    fn describe(rule: &str, moment: &str, activated: Option<&str>) -> String {
        let rule: PeriodRule = rule.parse().expect("rule");
        rule.period(at(moment), activated.map(at)).to_string()
    }

    #[test]
    fn periods_of_every_rule() {
        assert_eq!(describe("month", "2026-02-28T23:59Z", None), "2026-02-01 to 2026-02-28");
        assert_eq!(describe("month", "2026-03-01", None), "2026-03-01 to 2026-03-31");
        assert_eq!(describe("day:23", "2026-11-22T23:59Z", None), "2026-10-23 to 2026-11-22");
        assert_eq!(describe("day:23", "2026-11-23", None), "2026-11-23 to 2026-12-22");
        assert_eq!(describe("day:31", "2026-02-28", None), "2026-02-28 to 2026-03-30");
        assert_eq!(describe("day:31", "2026-02-27", None), "2026-01-31 to 2026-02-27");
        assert_eq!(
            describe("activation:30", "2026-03-01", Some("2026-01-15T13:00Z")),
            "2026-02-14 to 2026-03-15"
        );
        assert_eq!(describe("activation:30", "2026-03-01", None), "2026-03-01 to 2026-03-31");
        assert_eq!(
            describe("activation:30", "2026-01-01", Some("2026-01-15")),
            "2025-12-16 to 2026-01-14"
        );
    }

    #[test]
    fn spans_of_records() {
        let span = |text| parse_span(text).map(|p| p.to_string());
        assert_eq!(span("2026-02"), Ok("2026-02-01 to 2026-02-28".into()));
        assert_eq!(span("2026-10-03"), Ok("2026-10-03 to 2026-10-03".into()));
        assert_eq!(span("2026-10-03/2026-10-10"), Ok("2026-10-03 to 2026-10-09".into()));
        for bad in [
            "2026-10-03 12:34:56",
            "2026-10-03T12:34+02",
            "",
            "2026",
            "2026-13",
            "2026-10-03/2026-10-03",
            "2026-10-10/2026-10-03",
            "October",
        ] {
            assert!(span(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn rules_read_back() {
        for rule in ["month", "day:23", "activation:30"] {
            assert_eq!(rule.parse::<PeriodRule>().expect("rule").to_string(), rule);
        }
        assert_eq!("day:1".parse(), Ok(PeriodRule::Month));
        for bad in ["", "week", "day:0", "day:32", "day", "activation:0", "month:2", "activation:367"] {
            assert!(bad.parse::<PeriodRule>().is_err(), "{bad}");
        }
    }

    proptest! {
        /// Periods follow each other without gap or overlap, whatever the rule.
        #[test]
        fn every_moment_lies_in_exactly_one_period(
            moment in 1_000_000_000i64..2_500_000_000, day in 1u8..=31, days in 1u16..=366, active in 0i64..2_000_000_000
        ) {
            for rule in [PeriodRule::Month, PeriodRule::Day(day), PeriodRule::Activation(days)] {
                let activated = (active > 0).then_some(Time(active));
                let period = rule.period(Time(moment), activated);
                prop_assert!(period.contains(Time(moment)));
                prop_assert_eq!(rule.period(period.start, activated), period);
                prop_assert_eq!(rule.period(period.end, activated).start, period.end);
                prop_assert_eq!(rule.period(Time(period.start.0 - 1), activated).end, period.start);
            }
        }
    }
}
