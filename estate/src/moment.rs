//! Dates and times as other programs write them.
//!
//! A date such as `07/05/2026` can be read two ways. Nothing here guesses: [`parse`] takes the
//! order, and [`order_of`] tells which order a date settles, so that the reader of a file can
//! settle a column from all of its cells.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time as Clock};
use jiff::tz::Offset;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::units::Time;

/// The order of day and month in a numeric date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DateOrder {
    /// Day first: 31/12/2026.
    Dmy,
    /// Month first: 12/31/2026.
    Mdy,
}

impl DateOrder {
    /// The word of the `--dates` option.
    pub fn word(self) -> &'static str {
        match self {
            Self::Dmy => "dmy",
            Self::Mdy => "mdy",
        }
    }
}

/// Precision of a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// A month: `2026-11`.
    Month,
    /// A day: `2026-11-05`.
    Day,
    /// A second.
    Second,
}

/// A moment in UTC: the first second of what the text states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Its first second.
    pub time: Time,
    /// Its precision.
    pub precision: Precision,
}

/// Reason why a text is not read as a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// Not a date or time that is known here.
    NoTime,
    /// Day and month can be exchanged.
    TwoWays,
}

/// Hint of a date about the order of its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderHint {
    /// Nothing: it reads the same either way, or is no numeric date.
    None,
    /// It can be read two ways.
    Open,
    /// It can be read this way only.
    Only(DateOrder),
}

/// A date before its order is known.
#[derive(Clone, Copy)]
enum Parts {
    Month(Date),
    Day(Date),
    Numeric { first: i8, second: i8, year: i16, short_year: bool },
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// Parses a date or a time; UTC unless the text states an offset (RFC 3339, ISO 8601, and the forms
/// that spreadsheets and portals write, epoch seconds and milliseconds included).
pub fn parse(text: &str, order: Option<DateOrder>) -> Result<Moment, Unread> {
    let text = text.trim();
    if let Some(moment) = parse_rfc3339(text) {
        return Ok(moment);
    }
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return parse_digits(text).ok_or(Unread::NoTime);
    }
    let (parts, clock, offset) = split(text).ok_or(Unread::NoTime)?;
    let (date, precision) = match parts {
        Parts::Month(date) => (date, Precision::Month),
        Parts::Day(date) => (date, Precision::Day),
        Parts::Numeric { first, second, year, short_year } => {
            let order = match order_hint(first, second, year, short_year) {
                OrderHint::Only(only) => Some(only),
                OrderHint::None => order.or(Some(DateOrder::Dmy)),
                OrderHint::Open => order,
            };
            let (day, month) = match order.ok_or(Unread::TwoWays)? {
                DateOrder::Dmy => (first, second),
                DateOrder::Mdy => (second, first),
            };
            (Date::new(year, month, day).map_err(|_| Unread::NoTime)?, Precision::Day)
        }
    };
    let precision = if clock.is_some() { Precision::Second } else { precision };
    let civil = date.to_datetime(clock.unwrap_or(Clock::midnight()));
    instant(civil, offset).map(|time| Moment { time, precision }).ok_or(Unread::NoTime)
}

/// Returns what a text says about the order of day and month in its column.
pub fn order_of(text: &str) -> OrderHint {
    let text = text.trim();
    // The usual forms are told at a glance: a file has millions of them.
    if text.len() < 6 || text.as_bytes()[..4].iter().all(u8::is_ascii_digit) {
        return OrderHint::None;
    }
    match split(text) {
        Some((Parts::Numeric { first, second, year, short_year }, ..)) => {
            order_hint(first, second, year, short_year)
        }
        _ => OrderHint::None,
    }
}

/// A date such as 26/11/05 can begin with its year as well, unless its middle is no month.
fn order_hint(first: i8, second: i8, year: i16, short_year: bool) -> OrderHint {
    let begins_with_year = short_year && second <= 12 && (1..=31).contains(&(year % 100));
    match (first > 12, second > 12) {
        _ if begins_with_year => OrderHint::Open,
        (true, _) => OrderHint::Only(DateOrder::Dmy),
        (_, true) => OrderHint::Only(DateOrder::Mdy),
        _ if first == second => OrderHint::None,
        _ => OrderHint::Open,
    }
}

/// The form that nearly all cells of a large file have.
fn parse_rfc3339(text: &str) -> Option<Moment> {
    if text.as_bytes().get(4) != Some(&b'-') || text.len() < 17 {
        return None;
    }
    let stamp = text.parse::<Timestamp>().ok()?;
    Some(Moment { time: Time(stamp.as_second()), precision: Precision::Second })
}

/// `20261105`, `20261105101500`, `202611`, or seconds or milliseconds since 1970.
fn parse_digits(text: &str) -> Option<Moment> {
    let number = |range: std::ops::Range<usize>| text[range].parse::<i16>().ok();
    let date = |day: i16| Date::new(number(0..4)?, number(4..6)? as i8, day as i8).ok();
    let at = |date: Date, clock, precision| {
        let time = instant(date.to_datetime(clock), Offset::UTC)?;
        Some(Moment { time, precision })
    };
    match text.len() {
        6 => at(date(1)?, Clock::midnight(), Precision::Month),
        8 => at(date(number(6..8)?)?, Clock::midnight(), Precision::Day),
        14 => {
            let clock = Clock::new(number(8..10)? as i8, number(10..12)? as i8, number(12..14)? as i8, 0);
            at(date(number(6..8)?)?, clock.ok()?, Precision::Second)
        }
        10 => Some(Moment { time: Time(text.parse().ok()?), precision: Precision::Second }),
        13 => Some(Moment {
            time: Time(text.parse::<i64>().ok()?.div_euclid(1_000)),
            precision: Precision::Second,
        }),
        _ => None,
    }
}

fn instant(civil: DateTime, offset: Offset) -> Option<Time> {
    Some(Time(offset.to_timestamp(civil).ok()?.as_second()))
}

/// Splits a text into its date, its time of day and its offset.
fn split(text: &str) -> Option<(Parts, Option<Clock>, Offset)> {
    let spaced = part_date_from_clock(text);
    let mut words: Vec<&str> = spaced
        .split_whitespace()
        .map(|word| word.trim_end_matches(','))
        .filter(|word| !word.is_empty())
        .collect();
    if words.first().is_some_and(|word| is_weekday(word)) {
        words.remove(0);
    }
    let at = words.iter().position(|word| word.contains(':'));
    let dated = at.unwrap_or_else(|| words.iter().position(|word| is_zone(word)).unwrap_or(words.len()));
    let parts = parse_date(&words[..dated])?;
    let rest = words[dated..].concat();
    if at.is_none() {
        let offset = parse_zone(&rest)?;
        return Some((parts, None, offset));
    }
    let (clock, offset) = parse_clock(&rest)?;
    Some((parts, Some(clock), offset))
}

/// Puts a blank in place of the `T` between a date and a time.
fn part_date_from_clock(text: &str) -> String {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let at =
        (1..bytes.len()).find(|at| matches!(bytes[*at], b'T' | b't') && digit(at - 1) && digit(at + 1));
    match at {
        Some(at) => format!("{} {}", &text[..at], &text[at + 1..]),
        None => text.to_owned(),
    }
}

fn is_weekday(word: &str) -> bool {
    let word = word.trim_end_matches('.').to_ascii_lowercase();
    let days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    word.len() >= 3 && days.iter().any(|day| day.starts_with(&word))
}

fn is_zone(word: &str) -> bool {
    matches!(word.trim_matches(['(', ')', '[', ']']).to_ascii_uppercase().as_str(), "UTC" | "GMT" | "Z")
}

fn parse_date(words: &[&str]) -> Option<Parts> {
    let joined = words.join(" ");
    let pieces: Vec<&str> =
        joined.split(['-', '/', '.', ' ']).filter(|piece| !piece.is_empty()).collect();
    let number = |piece: &str| piece.parse::<i16>().ok().filter(|_| piece.len() <= 4);
    let named = |piece: &str| {
        let piece = piece.to_ascii_lowercase();
        let at = MONTHS.iter().position(|month| piece.len() >= 3 && month.starts_with(&piece))?;
        Some(at as i8 + 1)
    };
    let month = |piece: &str| named(piece).or_else(|| number(piece).and_then(|n| i8::try_from(n).ok()));
    let year = |piece: &str| number(piece).filter(|_| piece.len() == 4);
    let day = |piece: &str| number(piece).filter(|_| piece.len() <= 2).and_then(|n| i8::try_from(n).ok());
    match pieces[..] {
        [y, m] if year(y).is_some() => Some(Parts::Month(Date::new(year(y)?, month(m)?, 1).ok()?)),
        [m, y] => Some(Parts::Month(Date::new(year(y)?, month(m)?, 1).ok()?)),
        [y, m, d] if year(y).is_some() => Some(Parts::Day(Date::new(year(y)?, month(m)?, day(d)?).ok()?)),
        [d, m, y] if named(m).is_some() => {
            Some(Parts::Day(Date::new(full_year(y)?, named(m)?, day(d)?).ok()?))
        }
        [m, d, y] if named(m).is_some() => {
            Some(Parts::Day(Date::new(year(y)?, named(m)?, day(d)?).ok()?))
        }
        [first, second, y] => {
            let (first, second, short_year) = (day(first)?, day(second)?, y.len() == 2);
            if joined.contains('.') {
                return Some(Parts::Day(Date::new(full_year(y)?, second, first).ok()?));
            }
            Some(Parts::Numeric { first, second, year: full_year(y)?, short_year })
        }
        _ => None,
    }
}

/// A year of two digits belongs to this century: there were no SIMs to speak of in the last.
fn full_year(piece: &str) -> Option<i16> {
    let year = piece.parse::<i16>().ok()?;
    match piece.len() {
        4 => Some(year),
        2 => Some(2000 + year),
        _ => None,
    }
}

/// Parses `10:15`, `10:15:30.123`, each with AM or PM and an offset behind it.
fn parse_clock(text: &str) -> Option<(Clock, Offset)> {
    let end = text.find(|c: char| !matches!(c, '0'..='9' | ':' | '.' | ',')).unwrap_or(text.len());
    let (clock, rest) = text.split_at(end);
    let mut pieces = clock.split(':');
    let mut hour = parse_two_digits(pieces.next()?)?;
    let minute = parse_two_digits(pieces.next()?)?;
    let second = pieces.next().map_or(Some(0), |piece| {
        let (whole, fraction) = piece.split_once(['.', ',']).unwrap_or((piece, "0"));
        fraction.bytes().all(|b| b.is_ascii_digit()).then(|| parse_two_digits(whole))?
    })?;
    if pieces.next().is_some() {
        return None;
    }
    let rest = rest.to_ascii_lowercase().replace('.', "");
    let zone = match rest.get(..2) {
        Some(half @ ("am" | "pm")) => {
            if !(1..=12).contains(&hour) {
                return None;
            }
            hour = hour % 12 + if half == "pm" { 12 } else { 0 };
            &rest[2..]
        }
        _ => &rest[..],
    };
    // A leap second is the one before it.
    Some((Clock::new(hour, minute, second.min(59), 0).ok()?, parse_zone(zone)?))
}

fn parse_two_digits(piece: &str) -> Option<i8> {
    (matches!(piece.len(), 1 | 2)).then(|| piece.parse::<i8>().ok())?.filter(|n| *n <= 60)
}

/// Parses an offset from UTC: none, `Z`, `UTC`, `+01:00`, `+0100`, `+01`, `UTC+1`. Names of zones
/// mean different things in different places and are not known.
fn parse_zone(text: &str) -> Option<Offset> {
    let text = text.trim().trim_matches(['(', ')', '[', ']']).to_ascii_lowercase();
    let offset = text.strip_prefix("utc").or_else(|| text.strip_prefix("gmt")).unwrap_or(&text);
    if offset.is_empty() || offset == "z" {
        return Some(Offset::UTC);
    }
    let sign = match offset.as_bytes()[0] {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits: String = offset[1..].chars().filter(|c| *c != ':').collect();
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes) =
        if digits.len() <= 2 { (&digits[..], "0") } else { digits.split_at(digits.len() - 2) };
    let (hours, minutes) = (hours.parse::<i32>().ok()?, minutes.parse::<i32>().ok()?);
    let sound = hours <= 18 && minutes < 60;
    sound.then(|| Offset::from_seconds(sign * (hours * 3_600 + minutes * 60)).ok())?
}

/// Ages by letter, longest first so that they print short.
pub(crate) const AGES: [(char, u64); 5] =
    [('w', 604_800), ('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// Reads an age such as `7d`, in seconds.
pub(crate) fn parse_age(word: &str) -> Option<u64> {
    let unit = word.chars().last()?;
    let scale = AGES.iter().find(|(letter, _)| *letter == unit)?.1;
    let number: u64 = word[..word.len() - 1].parse().ok()?;
    number.checked_mul(scale).filter(|age| *age < 1 << 40)
}

impl Time {
    /// Parses a date or a time in any usual form; UTC unless it states an offset. A numeric date
    /// that can be read two ways is an error.
    pub fn parse(text: &str) -> Result<Self, Error> {
        Self::parse_or(text, "")
    }

    /// Parses a time; `others` names the other forms that the option takes, for the error.
    fn parse_or(text: &str, others: &str) -> Result<Self, Error> {
        match parse(text, None) {
            Ok(moment) => Ok(moment.time),
            Err(Unread::TwoWays) => {
                Err(Error::invalid("time", "can be read two ways: write the date as 2026-11-05"))
            }
            Err(Unread::NoTime) => Err(Error::invalid(
                "time",
                format!("must be a time such as 2026-10-01 or 2026-10-01T12:00Z{others}"),
            )),
        }
    }

    /// Reads a time, or an age such as `7d` before `now`.
    pub fn parse_or_ago(text: &str, now: Self) -> Result<Self, Error> {
        match parse_age(text.trim()) {
            Some(age) => Ok(Self(now.0.saturating_sub_unsigned(age))),
            None => Self::parse_or(text, ", or an age such as 7d"),
        }
    }

    /// Reads a time, or a time ahead of `now` such as `90d`.
    pub fn parse_or_in(text: &str, now: Self) -> Result<Self, Error> {
        match parse_age(text.trim()) {
            Some(ahead) => Some(Self(now.0.saturating_add_unsigned(ahead)))
                .filter(|at| Timestamp::from_second(at.0).is_ok())
                .ok_or_else(|| Error::invalid("time", "must be before the year 10000")),
            None => Self::parse_or(text, ", or a duration such as 90d"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_options_are_moments_ages_or_durations() {
        let now = Time(1_780_000_000);
        for (text, lead) in [("7d", 7 * 86_400), ("2w", 14 * 86_400), ("0s", 0)] {
            assert_eq!(Time::parse_or_ago(text, now), Ok(Time(now.0 - lead)), "{text}");
            assert_eq!(Time::parse_or_in(text, now), Ok(Time(now.0 + lead)), "{text}");
        }
        assert_eq!(Time::parse_or_in("2027-01-31", now), Time::parse("2027-01-31"));
        let why = |result: Result<Time, Error>| result.expect_err("refused").to_string();
        assert!(why(Time::parse_or_ago("yesterday", now)).ends_with(", or an age such as 7d"));
        assert!(why(Time::parse_or_in("soon", now)).ends_with(", or a duration such as 90d"));
        assert!(why(Time::parse_or_in("1000000w", now)).contains("before the year 10000"));
        assert!(!why(Time::parse("soon")).contains("age"));
    }

    fn said(text: &str, order: Option<DateOrder>) -> Result<String, Unread> {
        parse(text, order).map(|moment| moment.time.to_string())
    }

    #[test]
    fn portals_write_times_in_many_forms() {
        for text in [
            "2026-11-05T10:00:00Z",
            "2026-11-05T10:00Z",
            "2026-11-05 10:00",
            "2026-11-05 10:00:00",
            "2026-11-05 10:00:00 UTC",
            "2026-11-05T10:00:00.000+0000",
            "2026-11-05T10:00:00.123456Z",
            "2026-11-05 10:00:00,123",
            "2026-11-05T11:00:00+01:00",
            "2026-11-05 11:00:00 +01",
            "2026-11-05 11:00 UTC+1",
            "05.11.2026 10:00",
            "05-Nov-2026 10:00:00",
            "05 November 2026 10:00",
            "Nov 5, 2026 10:00 AM",
            "Thu, 05 Nov 2026 10:00:00 GMT",
            "2026/11/05 10:00",
            "20261105100000",
            "1793872800",
            "1793872800123",
        ] {
            assert_eq!(said(text, None), Ok("2026-11-05T10:00:00Z".into()), "{text}");
        }
        for text in
            ["2026-11-05", "20261105", "2026/11/05", "05.11.2026", "05-Nov-2026", "2026-11-05 UTC"]
        {
            let moment = parse(text, None).expect(text);
            assert_eq!(
                (moment.precision, moment.time.day()),
                (Precision::Day, "2026-11-05".into()),
                "{text}"
            );
        }
        for text in ["2026-11", "11/2026", "Nov 2026", "202611"] {
            let moment = parse(text, None).expect(text);
            assert_eq!(
                (moment.precision, moment.time.day()),
                (Precision::Month, "2026-11-01".into()),
                "{text}"
            );
        }
    }

    #[test]
    fn the_half_of_the_day_is_read() {
        assert_eq!(said("11/21/2026 10:15 PM", None), Ok("2026-11-21T22:15:00Z".into()));
        assert_eq!(said("11/21/2026 12:05:09 a.m.", None), Ok("2026-11-21T00:05:09Z".into()));
        assert_eq!(said("11/21/2026 13:05 PM", None), Err(Unread::NoTime));
    }

    #[test]
    fn a_date_that_reads_two_ways_needs_an_order() {
        let (dmy, mdy) = (Some(DateOrder::Dmy), Some(DateOrder::Mdy));
        assert_eq!(said("07/05/2026", None), Err(Unread::TwoWays));
        assert_eq!(said("07/05/2026", dmy), Ok("2026-05-07T00:00:00Z".into()));
        assert_eq!(said("07/05/2026 10:00", mdy), Ok("2026-07-05T10:00:00Z".into()));
        assert_eq!(said("07-05-2026", None), Err(Unread::TwoWays));
        // Only one reading exists, whatever the column says.
        assert_eq!(said("25/12/2026", mdy), Ok("2026-12-25T00:00:00Z".into()));
        assert_eq!(said("05/05/2026", None), Ok("2026-05-05T00:00:00Z".into()));
        assert_eq!(said("26/11/05", None), Err(Unread::TwoWays));
        assert_eq!(said("11/26/26", None), Ok("2026-11-26T00:00:00Z".into()), "26 is no month");
        assert_eq!(said("11/26/26", mdy), Ok("2026-11-26T00:00:00Z".into()));
        assert_eq!(order_of("07/25/2026"), OrderHint::Only(DateOrder::Mdy));
        assert_eq!(order_of("25/07/2026 10:00"), OrderHint::Only(DateOrder::Dmy));
        assert_eq!(order_of("07/05/2026"), OrderHint::Open);
        assert_eq!(order_of("2026-07-05"), OrderHint::None);
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "yesterday",
            "",
            "2026",
            "2026-13-01",
            "2026-11-31",
            "10:00",
            "2026-11-05 10:00 CET",
            "31/31/2026",
            "2026-11-05 25:00",
            "12345",
            "2026-11-05 10:00:00:00",
            "1/2/3",
            "2026-11-05T",
            "99999999",
        ] {
            assert_eq!(parse(text, Some(DateOrder::Dmy)), Err(Unread::NoTime), "{text}");
        }
    }

    #[test]
    fn times_in_the_usual_forms() {
        let noon = Time::parse("2026-10-01T12:00:00Z").expect("time");
        for same in
            ["2026-10-01T12:00Z", "2026-10-01 12:00", "2026-10-01T14:00:00+02:00", "01.10.2026 12:00:00"]
        {
            assert_eq!(Time::parse(same), Ok(noon), "{same}");
        }
        assert_eq!(Time::parse("2026-10-01").expect("date").to_string(), "2026-10-01T00:00:00Z");
        assert!(Time::parse("yesterday").is_err());
    }
}
