//! Caps and alerts: what a change does to them. A cap blocks, an alert only tells; 0 is none.

use serde::{Deserialize, Serialize};

use crate::account::Ceiling;
use crate::error::{Error, Result};
use crate::period::Period;
pub use crate::units::describe_bytes;
use crate::units::{self, DAY, Time};

/// What becomes of the alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Alert {
    /// 80 % of a cap that is set; else it stays as it is.
    #[default]
    Follow,
    /// It stays as it is.
    Keep,
    /// That many bytes; 0 is none.
    Bytes(u64),
    /// That share of the cap each SIM then has.
    Percent(u64),
}

/// What a change does to caps and alerts; what is `None` stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Levels {
    /// The cap in bytes; 0 is none.
    pub cap: Option<u64>,
    /// The alert.
    pub alert: Alert,
    /// Whether an open session is ended at the cap too.
    pub hard: Option<bool>,
    /// Whether the cap and its alert hold until the billing period ends only, and the old ones come
    /// back then.
    #[serde(default)]
    pub until_period_end: bool,
}

impl Levels {
    /// What it sets, in words.
    pub fn describe(&self) -> String {
        let mut said = Vec::new();
        said.extend(self.cap.map(|cap| format!("cap {}", describe_bytes(cap))));
        match (self.alert, self.cap) {
            (Alert::Bytes(bytes), _) => said.push(format!("alert {}", describe_bytes(bytes))),
            (Alert::Percent(share), _) => said.push(format!("alert {share} % of the cap")),
            (Alert::Follow, Some(cap)) if cap > 0 => {
                said.push(format!("alert {}", describe_bytes(units::default_alert(cap))));
            }
            (Alert::Follow | Alert::Keep, _) => said.push("alerts as they are".to_owned()),
        }
        said.extend(self.hard.map(|hard| if hard { "hard cap" } else { "soft cap" }.to_owned()));
        let said = said.join(", ");
        if self.until_period_end { format!("{said}, until the billing period ends") } else { said }
    }

    /// Makes sure that it does something.
    pub fn check(&self) -> Result<()> {
        if self.until_period_end && (self.cap.is_none() || self.hard.is_some()) {
            return Err(Error::invalid(
                "until",
                "only a cap, with its alert, can be raised until the billing period ends",
            ));
        }
        let alert = matches!(self.alert, Alert::Bytes(_) | Alert::Percent(_));
        if self.cap.is_none() && self.hard.is_none() && !alert {
            return Err(Error::invalid(
                "levels",
                "say what to set: a cap, an alert, or whether the cap is hard",
            ));
        }
        if self.cap.is_some_and(|cap| cap > units::MAX_BYTES) {
            return Err(Error::invalid("cap", "is too large"));
        }
        match self.alert {
            Alert::Bytes(bytes) if bytes > units::MAX_BYTES => {
                Err(Error::invalid("alert", "is too large"))
            }
            Alert::Percent(0 | 1_001..) => {
                Err(Error::invalid("alert", "must be a share from 1% to 1000% of the cap, or none"))
            }
            Alert::Percent(_) if self.cap == Some(0) => Err(Error::invalid(
                "alert",
                "cannot be a share of a cap that is taken away; give a size, or keep",
            )),
            _ => Ok(()),
        }
    }
}

/// Reads a cap: a size, or `none`.
pub fn parse_cap(text: &str) -> Result<u64> {
    match text.trim().to_ascii_lowercase().as_str() {
        "none" | "no" | "-" => Ok(0),
        _ => size(text, "cap", "must be a size such as 500MB or 1.5GiB, or none"),
    }
}

/// Reads a size that nothing must turn into another one, or into none, unnoticed.
fn size(text: &str, field: &'static str, wanted: &str) -> Result<u64> {
    let bytes = units::parse_bytes(text).map_err(|_| Error::invalid(field, wanted))?;
    if let Some((_, after)) = text.split_once(',')
        && after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len()) == 3
    {
        return Err(Error::invalid(
            field,
            "can be read two ways: write 1500MB without the comma, or 1.5MB with a point",
        ));
    }
    if bytes == 0 && text.contains(|c: char| matches!(c, '1'..='9')) {
        return Err(Error::invalid(field, "is less than a byte; write none for none"));
    }
    Ok(bytes)
}

/// Reads an alert: a size, a share of the cap, `none` or `keep`.
pub fn parse_alert(text: &str) -> Result<Alert> {
    let text = text.trim();
    if let Some(share) = text.strip_suffix('%') {
        let share = share
            .trim()
            .parse()
            .map_err(|_| Error::invalid("alert", "must be a whole share such as 80%"))?;
        return Ok(Alert::Percent(share));
    }
    match text.to_ascii_lowercase().as_str() {
        "keep" => Ok(Alert::Keep),
        "none" | "no" | "-" => Ok(Alert::Bytes(0)),
        _ => size(text, "alert", "must be a size such as 400MB, a share such as 80%, none or keep")
            .map(Alert::Bytes),
    }
}

/// The levels of several SIMs: what all of them have, or that they differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Spread {
    /// How many SIMs.
    pub sims: u64,
    /// Their cap, 0 for none; `None` where they differ.
    pub cap: Option<u64>,
    /// Their alert, 0 for none; `None` where they differ.
    pub alert: Option<u64>,
    /// Whether their caps are hard; `None` where they differ.
    pub hard: Option<bool>,
    /// The lowest ceiling that any of them is held to.
    pub ceiling: Option<Ceiling>,
}

/// What usage comes to by the end of its period at the rate so far, in per cent of the cap. Nothing
/// can be said without a cap, or before a day of the period has been told of.
pub fn pace(used: u64, cap: Option<u64>, as_of: Option<Time>, period: Period) -> Option<u64> {
    let (cap, as_of) = (cap.filter(|cap| *cap > 0)?, as_of?);
    let elapsed = as_of.0 - period.start.0;
    if elapsed < DAY || as_of > period.end {
        return None;
    }
    let length = (period.end.0 - period.start.0).unsigned_abs();
    let comes_to = u128::from(used) * u128::from(length) / u128::from(elapsed.unsigned_abs());
    u64::try_from(comes_to * 100 / u128::from(cap)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_read_in_every_spelling() {
        assert_eq!(parse_cap("500MB"), Ok(500_000_000));
        assert_eq!(parse_cap("1.5 GiB"), Ok(1_610_612_736));
        assert_eq!((parse_cap("None"), parse_cap("0")), (Ok(0), Ok(0)));
        assert!(parse_cap("lots").is_err() && parse_cap("").is_err() && parse_cap("-5MB").is_err());
        assert_eq!(parse_alert("80 %"), Ok(Alert::Percent(80)));
        assert_eq!(parse_alert("keep"), Ok(Alert::Keep));
        assert_eq!(parse_alert("none"), Ok(Alert::Bytes(0)));
        assert_eq!(parse_alert("400MB"), Ok(Alert::Bytes(400_000_000)));
        assert!(parse_alert("8o%").is_err());
        assert!(
            parse_cap("1,500MB").is_err() && parse_cap("0.4B").is_err(),
            "never another cap, never none"
        );
        assert_eq!(parse_cap("1,5GB"), Ok(1_500_000_000));
        let huge = Levels { cap: Some(u64::MAX), ..Levels::default() };
        assert!(huge.check().is_err());
        let contradiction = Levels { cap: Some(0), alert: Alert::Percent(80), ..Levels::default() };
        assert!(contradiction.check().is_err());
        assert!(Levels::default().check().is_err());
        assert!(Levels { alert: Alert::Percent(0), ..Levels::default() }.check().is_err());
        assert!(Levels { cap: Some(0), ..Levels::default() }.check().is_ok());
    }
}
