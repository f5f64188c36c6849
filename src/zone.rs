//! The zone that times are shown in. Machine formats state UTC (RFC 3339) always.

use estate::Time;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};
use serde::{Deserialize, Serialize};

/// A zone for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Zone {
    /// UTC, the zone of billing periods.
    #[default]
    Utc,
    /// The zone of this machine (`TZ`, `/etc/localtime`).
    Local,
}

impl Zone {
    /// Returns the name to show beside times: `UTC`, `Europe/Berlin`, or `local time` for a zone
    /// without a name.
    pub fn name(self) -> String {
        match self {
            Self::Utc => "UTC".to_owned(),
            Self::Local => TimeZone::system().iana_name().unwrap_or("local time").to_owned(),
        }
    }

    /// Returns the name to show in a narrow column header.
    pub fn short_name(self) -> &'static str {
        match self {
            Self::Utc => "UTC",
            Self::Local => "local",
        }
    }

    /// Formats a time as `2026-04-30 18:36`; the zone is stated beside it.
    pub fn minute(self, at: Time) -> String {
        match self {
            Self::Utc => at.minute(),
            Self::Local => local(at).strftime("%Y-%m-%d %H:%M").to_string(),
        }
    }

    /// Formats a time with its offset (RFC 3339): `2026-04-30T18:36:00Z`,
    /// `2026-04-30T20:36:00+02:00`.
    pub fn stamp(self, at: Time) -> String {
        match self {
            Self::Utc => at.to_string(),
            Self::Local => local(at).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
        }
    }
}

fn local(at: Time) -> ZonedDateTime {
    Timestamp::from_second(at.0).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned_datetime(TimeZone::system())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utc_is_the_zone_of_machines_and_local_states_its_offset() {
        let at = Time::parse("2026-04-30T18:36:00Z").expect("time");
        assert_eq!(
            (Zone::Utc.name().as_str(), Zone::Utc.minute(at).as_str()),
            ("UTC", "2026-04-30 18:36")
        );
        assert_eq!(Zone::Utc.stamp(at), "2026-04-30T18:36:00Z");
        assert_eq!(Time::parse(&Zone::Local.stamp(at)), Ok(at));
        assert_eq!(Zone::Local.minute(at)[..10], Zone::Local.stamp(at)[..10]);
    }
}
