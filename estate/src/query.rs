//! Questions to the estate: a filter, an account scope and a sort, read a window at a time.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::ids::{AccountId, SimId};
use crate::limits::SORT_COLUMNS;
use crate::sim::Sim;
use crate::text;
use crate::units::Time;

/// The most rows one read returns.
pub const WINDOW: u16 = 200;

/// What a table can show and be sorted by. Always named, never numbered: a column added later
/// shifts no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are the column headers")]
pub enum Column {
    Iccid,
    Label,
    Account,
    Status,
    Session,
    Network,
    Used,
    Cap,
    UsedPct,
    Seen,
    Tariff,
    Alert,
    Hard,
    AsOf,
    Activated,
    Lifecycle,
    Imsi,
    Msisdn,
    Eid,
    Imei,
    Tags,
    Categories,
    Notes,
    Recipients,
}

/// The columns by name, in the order they are offered.
const COLUMNS: [(&str, Column); 24] = [
    ("iccid", Column::Iccid),
    ("label", Column::Label),
    ("account", Column::Account),
    ("status", Column::Status),
    ("session", Column::Session),
    ("network", Column::Network),
    ("used", Column::Used),
    ("cap", Column::Cap),
    ("used_pct", Column::UsedPct),
    ("seen", Column::Seen),
    ("tariff", Column::Tariff),
    ("alert", Column::Alert),
    ("hard", Column::Hard),
    ("as_of", Column::AsOf),
    ("activated", Column::Activated),
    ("lifecycle", Column::Lifecycle),
    ("imsi", Column::Imsi),
    ("msisdn", Column::Msisdn),
    ("eid", Column::Eid),
    ("imei", Column::Imei),
    ("tags", Column::Tags),
    ("categories", Column::Categories),
    ("notes", Column::Notes),
    ("recipients", Column::Recipients),
];

impl Column {
    /// Every column, in the order they are offered.
    pub fn all() -> impl Iterator<Item = Self> {
        COLUMNS.into_iter().map(|(_, column)| column)
    }

    /// The name in commands and in what is saved: `--sort used:desc`.
    pub fn name(self) -> &'static str {
        COLUMNS.iter().find(|row| row.1 == self).map_or("", |row| row.0)
    }

    /// Reads the name back, or that of an export.
    pub fn from_name(name: &str) -> Option<Self> {
        let known = COLUMNS.iter().find(|row| row.0.eq_ignore_ascii_case(name)).map(|row| row.1);
        known.or_else(|| Self::all().find(|column| column.field().eq_ignore_ascii_case(name)))
    }

    /// The field of an export that holds it.
    pub fn field(self) -> &'static str {
        match self {
            Self::Account => "account_path",
            Self::Session => "in_session",
            Self::Used => "used_bytes",
            Self::Cap => "cap_bytes",
            Self::UsedPct => "used_pct",
            Self::Alert => "alert_bytes",
            Self::Hard => "hard_cap",
            Self::Seen => "last_seen",
            Self::AsOf => "usage_as_of",
            Self::Activated => "activated_at",
            other => other.name(),
        }
    }

    /// Whether people look for the largest first.
    pub fn falls(self) -> bool {
        matches!(
            self,
            Self::Used | Self::UsedPct | Self::Seen | Self::Session | Self::AsOf | Self::Activated
        )
    }
}

impl Serialize for Column {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Column {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::from_name(&name)
            .ok_or_else(|| serde::de::Error::custom(format!("no column is called {name}")))
    }
}

/// A column and a direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sort {
    /// The column.
    pub by: Column,
    /// Largest first.
    pub descending: bool,
}

/// Sorts in turn: the second where the first says the same, and so on; the SIM's number breaks
/// ties, in the direction of the first.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Order(Vec<Sort>);

impl Default for Order {
    fn default() -> Self {
        Self::by(Column::Iccid, false)
    }
}

impl Order {
    /// By one column.
    pub fn by(by: Column, descending: bool) -> Self {
        Self(vec![Sort { by, descending }])
    }

    /// The sorts in turn; never none.
    pub fn keys(&self) -> &[Sort] {
        &self.0
    }

    /// The first.
    pub fn first(&self) -> Sort {
        self.0[0]
    }

    /// Where a column stands among the sorts, and which way it goes.
    pub fn place(&self, by: Column) -> Option<(usize, bool)> {
        self.0.iter().position(|s| s.by == by).map(|at| (at, self.0[at].descending))
    }

    /// Sorts by this column first; by it already, turns it round. What was sorted by before is
    /// forgotten.
    #[must_use]
    pub fn led_by(&self, by: Column) -> Self {
        let first = self.first();
        Self::by(by, if first.by == by { !first.descending } else { by.falls() })
    }

    /// Sorts by this column too, after the others; by it already, turns it round.
    #[must_use]
    pub fn also_by(&self, by: Column) -> Self {
        let mut keys = self.0.clone();
        if let Some(sort) = keys.iter_mut().find(|s| s.by == by) {
            sort.descending = !sort.descending;
        } else {
            keys.truncate(SORT_COLUMNS - 1);
            keys.push(Sort { by, descending: by.falls() });
        }
        Self(keys)
    }

    /// The other way round, whole.
    #[must_use]
    pub fn reverse(&self) -> Self {
        Self(self.0.iter().map(|s| Sort { descending: !s.descending, ..*s }).collect())
    }

    /// Reads `used:desc,iccid`.
    pub fn parse(text: &str) -> Result<Self> {
        let mut keys: Vec<Sort> = Vec::new();
        for part in text.split(',') {
            let (name, direction) = part.trim().split_once(':').unwrap_or((part.trim(), "asc"));
            let by = Column::from_name(name.trim()).ok_or_else(|| {
                let near = text::nearest(name, COLUMNS.map(|row| row.0));
                let near = near.first().map_or_else(
                    || format!("there are {}", COLUMNS.map(|row| row.0).join(" ")),
                    |near| format!("did you mean {near}?"),
                );
                Error::invalid("sort", format!("cannot sort by {name}; {near}"))
            })?;
            let descending = match direction.trim() {
                "asc" => false,
                "desc" => true,
                other => {
                    return Err(Error::invalid(
                        "sort",
                        format!("expected asc or desc after {name}, not {other}"),
                    ));
                }
            };
            if !keys.iter().any(|s| s.by == by) {
                keys.push(Sort { by, descending });
            }
        }
        if keys.len() > SORT_COLUMNS {
            return Err(Error::invalid("sort", format!("by more than {SORT_COLUMNS} columns")));
        }
        Ok(Self(keys))
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, sort) in self.0.iter().enumerate() {
            let (comma, direction) =
                (if i > 0 { "," } else { "" }, if sort.descending { ":desc" } else { "" });
            write!(f, "{comma}{}{direction}", sort.by.name())?;
        }
        Ok(())
    }
}

impl Serialize for Order {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Order {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// A filter within an account, in an order, as of a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    /// What must hold.
    pub filter: Filter,
    /// The account looked at.
    pub under: AccountId,
    /// Whether the accounts below it count too.
    pub deep: bool,
    /// The order.
    pub sort: Order,
    /// What ages in the filter are measured from.
    pub now: Time,
}

impl Query {
    /// Every SIM in an account and below, by ICCID.
    pub fn all(under: AccountId, now: Time) -> Self {
        Self { filter: Filter::All, under, deep: true, sort: Order::default(), now }
    }

    /// True when both ask for the same SIMs, whatever their order.
    pub fn same_set(&self, other: &Self) -> bool {
        (&self.filter, self.under, self.deep) == (&other.filter, other.under, other.deep)
    }
}

/// The sort value of a row: what a seek starts from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SortValue {
    /// A number, or the account's for a sort by account.
    Number(i64),
    /// Folded text.
    Text(String),
}

/// A row's place in a sort order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// The values it is sorted by, one for each of the order's columns.
    pub values: Vec<SortValue>,
    /// What breaks the tie.
    pub id: SimId,
}

/// Where a page starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seek {
    /// At the beginning.
    First,
    /// At the end.
    Last,
    /// Just after a row.
    After(Key),
    /// Just before a row.
    Before(Key),
    /// At a row, if it still matches, else at the one that follows.
    At(Key),
    /// That many rows in.
    Row(u64),
}

/// A SIM and its place in the order it was asked in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The SIM.
    pub sim: Sim,
    /// Its place.
    pub key: Key,
}

/// A window of rows, always in the query's order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Page {
    /// The rows.
    pub rows: Vec<Row>,
    /// Whether rows come before the first.
    pub before: bool,
    /// Whether rows come after the last.
    pub after: bool,
    /// The revision it was read at.
    pub rev: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_print_as_they_read() {
        for text in ["iccid", "used:desc", "status,used:desc,label"] {
            assert_eq!(Order::parse(text).expect(text).to_string(), text);
        }
        let order = Order::parse(" used:desc , iccid:asc, used ").expect("order");
        assert_eq!(order.to_string(), "used:desc,iccid");
        for (text, says) in
            [("usde", "did you mean used?"), ("used:down", "asc or desc"), ("", "cannot sort")]
        {
            let error = Order::parse(text).expect_err(text).to_string();
            assert!(error.contains(says), "{error}");
        }
        assert!(Order::parse("iccid,label,used,cap,seen").is_err());
    }

    #[test]
    fn columns_are_added_to_an_order_and_turned_round() {
        let order = Order::default().led_by(Column::Used);
        assert_eq!(order.to_string(), "used:desc");
        let order = order.also_by(Column::Label).also_by(Column::Label);
        assert_eq!(order.to_string(), "used:desc,label:desc");
        assert_eq!(order.reverse().to_string(), "used,label");
        assert_eq!(order.led_by(Column::Used).to_string(), "used");
        let many =
            [Column::Cap, Column::Seen, Column::Iccid].into_iter().fold(order, |o, c| o.also_by(c));
        assert_eq!(many.to_string(), "used:desc,label:desc,cap,iccid");
        assert!(Column::all().all(|c| Column::from_name(c.name()) == Some(c)));
    }
}
