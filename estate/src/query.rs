//! Questions to the estate: a filter, an account scope and a sort, read a window at a time.

use serde::{Deserialize, Serialize};

use crate::account::AccountId;
use crate::filter::Filter;
use crate::sim::{Sim, SimId};
use crate::units::Time;

/// The most rows one read returns.
pub const WINDOW: u16 = 200;

/// What a table can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
}

impl Column {
    /// Every column, in the order a table shows them.
    pub const ALL: [Self; 10] = [
        Self::Iccid,
        Self::Label,
        Self::Account,
        Self::Status,
        Self::Session,
        Self::Network,
        Self::Used,
        Self::Cap,
        Self::UsedPct,
        Self::Seen,
    ];

    /// The name in commands: `--sort used:desc`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Iccid => "iccid",
            Self::Label => "label",
            Self::Account => "account",
            Self::Status => "status",
            Self::Session => "session",
            Self::Network => "network",
            Self::Used => "used",
            Self::Cap => "cap",
            Self::UsedPct => "used_pct",
            Self::Seen => "seen",
        }
    }

    /// Reads the name back.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.name().eq_ignore_ascii_case(name))
    }
}

/// A column and a direction; the SIM's number breaks ties.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Sort {
    /// The column.
    pub by: Column,
    /// Largest first.
    pub descending: bool,
}

impl Default for Sort {
    fn default() -> Self {
        Self { by: Column::Iccid, descending: false }
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
    pub sort: Sort,
    /// What ages in the filter are measured from.
    pub now: Time,
}

impl Query {
    /// Every SIM in an account and below, by ICCID.
    pub fn all(under: AccountId, now: Time) -> Self {
        Self { filter: Filter::All, under, deep: true, sort: Sort::default(), now }
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
    /// The value it is sorted by.
    pub value: SortValue,
    /// What breaks the tie.
    pub id: SimId,
}

/// Where a page starts.
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The SIM.
    pub sim: Sim,
    /// Its place.
    pub key: Key,
}

/// A window of rows, always in the query's order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
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
