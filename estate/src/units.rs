//! Sizes in bytes and instants in UTC: read from people, printed for people and for machines.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::number::{self, DecimalMark, count};

/// Decimal and binary units, by every usual spelling. `MB` is 10⁶ and `MiB` 2²⁰ (IEC 80000-13); a
/// bare letter is decimal. Units of bits are none of them.
const UNITS: [(&[&str], u64); 9] = [
    (&["b", "byte", "bytes", "octet", "octets"], 1),
    (&["kb", "k", "kbyte", "kbytes", "kilobyte", "kilobytes"], 1_000),
    (&["mb", "m", "mbyte", "mbytes", "megabyte", "megabytes"], 1_000_000),
    (&["gb", "g", "gbyte", "gbytes", "gigabyte", "gigabytes"], 1_000_000_000),
    (&["tb", "t", "tbyte", "tbytes", "terabyte", "terabytes"], 1_000_000_000_000),
    (&["kib", "kibibyte", "kibibytes"], 1 << 10),
    (&["mib", "mebibyte", "mebibytes"], 1 << 20),
    (&["gib", "gibibyte", "gibibytes"], 1 << 30),
    (&["tib", "tebibyte", "tebibytes"], 1 << 40),
];

/// Returns the bytes of a unit, in any of its spellings.
pub fn unit(word: &str) -> Option<u64> {
    let word = word.trim();
    // French octets have a capital: "mo" stands for a month as well.
    if let Some(letter) =
        word.strip_suffix('o').filter(|letter| matches!(*letter, "K" | "k" | "M" | "G" | "T"))
    {
        return unit(letter);
    }
    let word = word.to_lowercase();
    UNITS.iter().find(|(names, _)| names.contains(&word.as_str())).map(|(_, bytes)| *bytes)
}

/// Returns the short name of a unit.
pub(crate) fn unit_name(bytes: u64) -> &'static str {
    match bytes {
        1 => "B",
        1_000 => "kB",
        1_000_000 => "MB",
        1_000_000_000 => "GB",
        1_000_000_000_000 => "TB",
        n if n == 1 << 10 => "KiB",
        n if n == 1 << 20 => "MiB",
        n if n == 1 << 30 => "GiB",
        _ => "TiB",
    }
}

/// The largest size a store keeps; it leaves room for arithmetic in 64 bits.
pub const MAX_BYTES: u64 = 1 << 53;

/// Parses `500MB`, `1.5 GiB`, `12,5 MB` or plain bytes as people type them; exact, without floating
/// point. A point is the decimal mark; a comma is one where it can be nothing else.
pub fn parse_bytes(text: &str) -> Result<u64> {
    let mark = if text.contains(',') { None } else { Some(DecimalMark::Point) };
    parse_size(text, Some(1), mark).map_err(|reason| Error::invalid("size", reason.to_string()))
}

/// Reason why a text is not read as a size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoSize {
    /// Not a number with a unit that is known.
    #[error("must be a size such as 500MB, 1.5GiB or 0")]
    Unreadable,
    /// The mark in it separates thousands or a fraction.
    #[error("can be read two ways: the mark separates thousands or a fraction")]
    TwoWays,
    /// A number without a unit, where none is stated elsewhere.
    #[error("has no unit")]
    NoUnit,
    /// Bytes are counted whole.
    #[error("is a fraction of a byte")]
    Fraction,
    /// More than a store keeps.
    #[error("is too large")]
    TooLarge,
}

/// Parses a size. `bare` is the unit of a number without one, `mark` the decimal mark of its
/// column.
pub fn parse_size(text: &str, bare: Option<u64>, mark: Option<DecimalMark>) -> Result<u64, NoSize> {
    let text = text.trim();
    if let Some(whole) = number::parse_exponent(text) {
        let bytes =
            whole.checked_mul(bare.ok_or(NoSize::NoUnit)?.into()).and_then(|n| u64::try_from(n).ok());
        return bytes.filter(|n| *n <= MAX_BYTES).ok_or(NoSize::TooLarge);
    }
    let (digits, word) = text.split_at(number::number_end(text));
    let value = number::parse(digits, mark).map_err(|unread| match unread {
        number::Unread::TwoWays => NoSize::TwoWays,
        number::Unread::NoNumber => NoSize::Unreadable,
    })?;
    let scale = match word.trim() {
        "" if value.whole == 0 && value.fraction == 0 => 1,
        "" => bare.ok_or(NoSize::NoUnit)?,
        word => unit(word).ok_or(NoSize::Unreadable)?,
    };
    if scale == 1 && value.fraction > 0 {
        return Err(NoSize::Fraction);
    }
    let scale = u128::from(scale);
    // What is left below a whole byte is not counted.
    let part = value.fraction.checked_mul(scale).ok_or(NoSize::Unreadable)? / 10u128.pow(value.places);
    let bytes = value.whole.checked_mul(scale).and_then(|whole| whole.checked_add(part));
    bytes.and_then(|n| u64::try_from(n).ok()).filter(|n| *n <= MAX_BYTES).ok_or(NoSize::TooLarge)
}

/// Prints a size so that it reads back the same: the largest decimal unit that is exact, else
/// bytes.
pub fn exact_bytes(bytes: u64) -> String {
    for (unit, scale) in [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)] {
        if bytes >= scale && bytes.is_multiple_of(scale) {
            return format!("{}{unit}", bytes / scale);
        }
    }
    bytes.to_string()
}

/// Prints a size for people in at most eight columns: `0`, `512 B`, `12.3 MB`.
pub fn short_bytes(bytes: u64) -> String {
    let (unit, scale) = match bytes {
        0 => return "0".into(),
        1..1_000 => return format!("{bytes} B"),
        1_000..1_000_000 => ("kB", 1_000),
        1_000_000..1_000_000_000 => ("MB", 1_000_000),
        1_000_000_000..1_000_000_000_000 => ("GB", 1_000_000_000),
        _ => ("TB", 1_000_000_000_000u64),
    };
    let tenths = u128::from(bytes) * 10 / u128::from(scale);
    if tenths >= 1000 {
        format!("{} {unit}", tenths / 10)
    } else {
        format!("{}.{} {unit}", tenths / 10, tenths % 10)
    }
}

/// The share of a cap that its alert gets by itself.
pub const DEFAULT_SHARE: u64 = 80;

/// The default alert of a cap: 80 % of it, floored, and never 0, because 0 means none.
pub fn default_alert(cap: u64) -> u64 {
    ((u128::from(cap) * u128::from(DEFAULT_SHARE) / 100) as u64).max(1)
}

/// A second in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Time(pub i64);

impl Time {
    /// The present.
    pub fn now() -> Self {
        Self(Timestamp::now().as_second())
    }

    /// `2026-04-30 18:36`, for tables; the zone is UTC and stated beside it.
    pub fn minute(self) -> String {
        self.stamp().strftime("%Y-%m-%d %H:%M").to_string()
    }

    /// `2026-04-30`, where the hour does not matter.
    pub fn day(self) -> String {
        self.stamp().strftime("%Y-%m-%d").to_string()
    }

    fn stamp(self) -> Timestamp {
        Timestamp::from_second(self.0).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.stamp())
    }
}

/// A level for people, with the exact bytes where the short form is not exact: `500 MB`, `524 MB
/// (524,288,000 bytes)`.
pub fn describe_bytes(bytes: u64) -> String {
    if bytes == 0 {
        return "none".to_owned();
    }
    let short = short_bytes(bytes);
    if parse_bytes(&short) == Ok(bytes) { short } else { format!("{short} ({} bytes)", count(bytes)) }
}

/// Seconds of a day in UTC, which has no leap days of its own and no summer time.
pub const DAY: i64 = 86_400;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_with_units() {
        assert_eq!(parse_bytes("500MB"), Ok(500_000_000));
        assert_eq!(parse_bytes("1.5 GiB"), Ok(1_610_612_736));
        assert_eq!(parse_size("12.5", Some(1_000_000), None), Ok(12_500_000));
        assert_eq!(parse_bytes("12,5 mb"), Ok(12_500_000));
        assert_eq!(parse_bytes("0"), Ok(0));
        assert_eq!(parse_size("500", None, None), Err(NoSize::NoUnit));
        assert_eq!(parse_size("0", None, None), Ok(0));
        assert_eq!(parse_size("12.5", Some(1), None), Err(NoSize::Fraction));
        assert_eq!(parse_size("12.0", Some(1), None), Ok(12));
        assert_eq!(parse_size("1,500 MB", None, None), Err(NoSize::TwoWays));
        assert_eq!(parse_bytes("1.125GB"), Ok(1_125_000_000));
        for bad in
            ["lots", "-5", "", ".", "1.2.3MB", "5 parsecs", "5 Mbit", "99999999999999TB", "1,500MB"]
        {
            assert!(parse_bytes(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn eighty_per_cent_never_becomes_none() {
        assert_eq!((default_alert(500_000_000), default_alert(1), default_alert(9)), (400_000_000, 1, 7));
    }

    #[test]
    fn people_read_short_sizes_and_counts() {
        assert_eq!(
            ["0", "999 B", "1.0 kB", "12.5 MB", "346 GB"].map(str::to_owned),
            [
                short_bytes(0),
                short_bytes(999),
                short_bytes(1_000),
                short_bytes(12_500_000),
                short_bytes(346_050_573_725),
            ]
        );
        assert_eq!(
            (count(7), count(48_211), count(1_000_000)),
            ("7".into(), "48,211".into(), "1,000,000".into())
        );
    }

    proptest! {
        #[test]
        fn printed_sizes_read_back(bytes in 0..=MAX_BYTES) {
            prop_assert_eq!(parse_bytes(&exact_bytes(bytes)), Ok(bytes));
        }
    }

    #[test]
    fn levels_are_shown_with_their_bytes_where_rounding_hides_them() {
        assert_eq!(
            (describe_bytes(0).as_str(), describe_bytes(500_000_000).as_str()),
            ("none", "500 MB")
        );
        assert_eq!(describe_bytes(524_288_000), "524 MB (524,288,000 bytes)");
    }
}
