//! The filter language: one grammar for the screen, the command line and saved filters.
//!
//! ```text
//! expr  := and ( "or" and )*     and := unary ( ["and"] unary )*     unary := ( "not" | "-" ) unary | "(" expr ")" | term
//! term  := field op value ( "," value )*  |  text                    op  := ":" | "=" | "!=" | "<" | "<=" | ">" | ">="
//! value := bare word | "quoted" | number blank unit (sizes only)
//! ```
//! `<`, `<=`, `>` and `>=` take one value.
//! Whatever prints reads back the same.

pub mod lex;
mod parse;
pub mod suggest;
mod words;

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::account::Accounts;
use crate::error::{Error, Result};
use crate::ids::{AccountId, SimId};
use crate::sim::{Lifecycle, Status};
use crate::text;
use crate::units::{self, Time};

/// Something that is true or false of a SIM.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Filter {
    /// True of every SIM.
    #[default]
    All,
    /// All of them hold; at least two.
    And(Vec<Filter>),
    /// Any of them holds; at least two.
    Or(Vec<Filter>),
    /// It does not hold.
    Not(Box<Filter>),
    /// One comparison.
    Term(Term),
}

/// One comparison: any of the values may fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// What is compared.
    pub field: Field,
    /// How.
    pub op: Op,
    /// With what; never empty.
    pub values: Vec<Value>,
}

/// How a field is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// `:` contains, or fits a pattern with `*`.
    Has,
    /// `=`
    Eq,
    /// `!=`, which is not `=`.
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
}

/// A value, already read as what its field holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Text or a pattern.
    Text(String),
    /// A size in bytes.
    Bytes(u64),
    /// A percentage of the cap.
    Percent(u64),
    /// An instant.
    At(Time),
    /// That many seconds ago.
    Age(u64),
    /// A status label.
    Status(Status),
    /// A lifecycle.
    Lifecycle(Lifecycle),
    /// Yes or no.
    Flag(bool),
    /// A number of ours: a SIM or an account.
    Id(i64),
    /// The field that `has:` and `no:` ask about.
    Field(Field),
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Text, compared without case and accents.
    Text,
    /// A path or name of an account.
    Account,
    /// A size.
    Bytes,
    /// Per cent.
    Percent,
    /// An instant or an age.
    Time,
    /// One of the status labels.
    Status,
    /// One of the lifecycles.
    Lifecycle,
    /// `yes` or `no`.
    Flag,
    /// Our own numbers.
    Id,
    /// The name of another field.
    Field,
}

/// Everything a filter can ask about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are those of the language")]
pub enum Field {
    Any,
    Iccid,
    Imsi,
    Msisdn,
    Eid,
    Imei,
    Label,
    Account,
    In,
    Path,
    Status,
    Lifecycle,
    Network,
    Tariff,
    Tag,
    Category,
    Notes,
    Recipient,
    Session,
    Hard,
    Raised,
    Auth,
    Pending,
    Used,
    Cap,
    Alert,
    UsedPct,
    AlertPct,
    Pace,
    Seen,
    Activated,
    Changed,
    Has,
    No,
    Id,
    AccountId,
}

/// The fields by name, with what they hold. `Any` has no name: it is a lone word.
pub const FIELDS: [(&str, Field, Shape); 35] = [
    ("iccid", Field::Iccid, Shape::Text),
    ("imsi", Field::Imsi, Shape::Text),
    ("msisdn", Field::Msisdn, Shape::Text),
    ("eid", Field::Eid, Shape::Text),
    ("imei", Field::Imei, Shape::Text),
    ("label", Field::Label, Shape::Text),
    ("account", Field::Account, Shape::Text),
    ("in", Field::In, Shape::Account),
    ("path", Field::Path, Shape::Account),
    ("status", Field::Status, Shape::Status),
    ("lifecycle", Field::Lifecycle, Shape::Lifecycle),
    ("network", Field::Network, Shape::Text),
    ("tariff", Field::Tariff, Shape::Text),
    ("tag", Field::Tag, Shape::Text),
    ("category", Field::Category, Shape::Text),
    ("notes", Field::Notes, Shape::Text),
    ("recipient", Field::Recipient, Shape::Text),
    ("session", Field::Session, Shape::Flag),
    ("hard", Field::Hard, Shape::Flag),
    ("raised", Field::Raised, Shape::Flag),
    ("auth", Field::Auth, Shape::Flag),
    ("pending", Field::Pending, Shape::Flag),
    ("used", Field::Used, Shape::Bytes),
    ("cap", Field::Cap, Shape::Bytes),
    ("alert", Field::Alert, Shape::Bytes),
    ("used_pct", Field::UsedPct, Shape::Percent),
    ("alert_pct", Field::AlertPct, Shape::Percent),
    ("pace", Field::Pace, Shape::Percent),
    ("seen", Field::Seen, Shape::Time),
    ("activated", Field::Activated, Shape::Time),
    ("changed", Field::Changed, Shape::Time),
    ("has", Field::Has, Shape::Field),
    ("no", Field::No, Shape::Field),
    ("id", Field::Id, Shape::Id),
    ("account_id", Field::AccountId, Shape::Id),
];

/// What exports and the API call a field, where that is another name: filters read both.
const EXPORTED: [(&str, Field); 12] = [
    ("used_bytes", Field::Used),
    ("cap_bytes", Field::Cap),
    ("alert_bytes", Field::Alert),
    ("hard_cap", Field::Hard),
    ("in_session", Field::Session),
    ("last_seen", Field::Seen),
    ("activated_at", Field::Activated),
    ("authentication", Field::Auth),
    ("tags", Field::Tag),
    ("categories", Field::Category),
    ("recipients", Field::Recipient),
    ("account_path", Field::Path),
];

impl Field {
    /// The name in the language.
    pub fn name(self) -> &'static str {
        FIELDS.iter().find(|row| row.1 == self).map_or("", |row| row.0)
    }

    /// What it holds.
    pub fn shape(self) -> Shape {
        FIELDS.iter().find(|row| row.1 == self).map_or(Shape::Text, |row| row.2)
    }

    /// The field of that name, or of that in an export.
    pub fn from_name(name: &str) -> Option<Self> {
        let known = FIELDS.iter().find(|row| row.0.eq_ignore_ascii_case(name)).map(|row| row.1);
        known.or_else(|| EXPORTED.iter().find(|row| row.0.eq_ignore_ascii_case(name)).map(|row| row.1))
    }
}

impl Op {
    /// Is true for `<`, `<=`, `>` and `>=`.
    pub fn is_ordering(self) -> bool {
        matches!(self, Self::Lt | Self::Le | Self::Gt | Self::Ge)
    }

    /// How it is written.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Has => ":",
            Self::Eq => "=",
            Self::Ne => "!=",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
        }
    }
}

impl Filter {
    /// How many comparisons it has.
    pub(crate) fn terms(&self) -> usize {
        match self {
            Self::All => 0,
            Self::And(list) | Self::Or(list) => list.iter().map(Self::terms).sum(),
            Self::Not(inner) => inner.terms(),
            Self::Term(_) => 1,
        }
    }

    /// Reads a filter; an empty text is true of every SIM.
    pub fn parse(text: &str) -> Result<Self> {
        parse::filter(text)
    }

    /// One comparison.
    pub fn term(field: Field, op: Op, value: Value) -> Self {
        Self::Term(Term { field, op, values: vec![value] })
    }

    /// A filter that is true of no SIM: every SIM has an ICCID.
    pub fn none() -> Self {
        Self::term(Field::No, Op::Has, Value::Field(Field::Iccid))
    }

    /// True of exactly these SIMs.
    pub fn ids(ids: impl IntoIterator<Item = SimId>) -> Self {
        let values: Vec<Value> = ids.into_iter().map(|id| Value::Id(id.0)).collect();
        if values.is_empty() {
            Self::none()
        } else {
            Self::Term(Term { field: Field::Id, op: Op::Eq, values })
        }
    }

    /// Both hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::All, f) | (f, Self::All) => f,
            (a, b) => Self::And(vec![a, b]),
        }
    }

    /// Any of them holds; of none, nothing does.
    pub fn any(mut filters: Vec<Self>) -> Self {
        match filters.len() {
            0 => Self::none(),
            1 => filters.remove(0),
            _ if filters.contains(&Self::All) => Self::All,
            _ => Self::Or(filters),
        }
    }

    /// It does not hold.
    #[must_use]
    pub fn negate(self) -> Self {
        match self {
            Self::All => Self::none(),
            Self::Not(inner) => *inner,
            other => Self::Not(Box::new(other)),
        }
    }

    /// Returns the searched text when it is the name of a size unit.
    fn lone_unit(&self) -> Option<&str> {
        match self {
            Self::Term(Term { field: Field::Any, values, .. }) => match values.as_slice() {
                [Value::Text(text)] if words::is_unit(text) => Some(text),
                _ => None,
            },
            _ => None,
        }
    }

    /// Is true when the printed form ends with a size.
    fn ends_in_size(&self) -> bool {
        match self {
            Self::Term(term) => term.field.shape() == Shape::Bytes,
            Self::Not(inner) => inner.ends_in_size(),
            _ => false,
        }
    }

    /// Fixes what could mean something else tomorrow: ages become instants, account names become
    /// accounts.
    pub fn freeze(&self, accounts: &Accounts, now: Time) -> Result<Self> {
        let all =
            |list: &[Self]| list.iter().map(|f| f.freeze(accounts, now)).collect::<Result<Vec<_>>>();
        Ok(match self {
            Self::All => Self::All,
            Self::And(list) => Self::And(all(list)?),
            Self::Or(list) => Self::Or(all(list)?),
            Self::Not(inner) => Self::Not(Box::new(inner.freeze(accounts, now)?)),
            Self::Term(term) => term.freeze(accounts, now)?,
        })
    }
}

impl Term {
    fn freeze(&self, accounts: &Accounts, now: Time) -> Result<Filter> {
        if let Some(ids) = self.accounts(accounts)? {
            let values: Vec<Value> = ids.into_iter().map(|id| Value::Id(id.0)).collect();
            let frozen = if values.is_empty() {
                Filter::none()
            } else {
                Filter::Term(Self { field: Field::AccountId, op: Op::Eq, values })
            };
            return Ok(if self.op == Op::Ne { frozen.negate() } else { frozen });
        }
        let fix = |value: &Value| match value {
            Value::Age(seconds) => Value::At(Time(now.0.saturating_sub_unsigned(*seconds))),
            other => other.clone(),
        };
        Ok(Filter::Term(Self {
            field: self.field,
            op: self.op,
            values: self.values.iter().map(fix).collect(),
        }))
    }

    /// The accounts a term about accounts means (before its `!=`); `None` for other terms.
    pub(crate) fn accounts(&self, accounts: &Accounts) -> Result<Option<Vec<AccountId>>> {
        let mut ids = Vec::new();
        for value in &self.values {
            let Value::Text(wanted) = value else { return Ok(None) };
            match self.field {
                Field::In => ids.extend(accounts.subtree(accounts.find(wanted)?).iter().map(|a| a.id)),
                Field::Path => ids.push(accounts.find(wanted)?),
                Field::Account => ids.extend(accounts_named(accounts, self.op, wanted)),
                _ => return Ok(None),
            }
        }
        ids.sort_unstable();
        ids.dedup();
        Ok(Some(ids))
    }
}

/// The accounts whose own name contains, fits or is `wanted`. Only what contains or fits ignores
/// accents.
fn accounts_named(accounts: &Accounts, op: Op, wanted: &str) -> Vec<AccountId> {
    let (wanted, exact) = (text::fold(wanted), text::case_fold(wanted));
    let test = |name: &str| match op {
        Op::Has if wanted.contains('*') => text::fits(&wanted, &text::fold(name)),
        Op::Has => text::fold(name).contains(&wanted),
        _ => text::case_fold(name) == exact,
    };
    accounts.all().iter().filter(|a| test(&a.name)).map(|a| a.id).collect()
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => Ok(()),
            Self::And(list) => join(f, list, " "),
            Self::Or(list) => join(f, list, " or "),
            Self::Not(inner) => {
                f.write_str("-")?;
                write_grouped(f, inner)
            }
            Self::Term(term) => term.fmt(f),
        }
    }
}

fn join(f: &mut fmt::Formatter<'_>, list: &[Filter], between: &str) -> fmt::Result {
    for (i, filter) in list.iter().enumerate() {
        if i > 0 {
            f.write_str(between)?;
        }
        match filter.lone_unit() {
            // Unquoted after a size it would read back as the unit of the size: used>5 "GB".
            Some(word) if i > 0 && list[i - 1].ends_in_size() => write!(f, "\"{word}\"")?,
            _ => write_grouped(f, filter)?,
        }
    }
    Ok(())
}

fn write_grouped(f: &mut fmt::Formatter<'_>, filter: &Filter) -> fmt::Result {
    match filter {
        Filter::And(_) | Filter::Or(_) => write!(f, "({filter})"),
        other => write!(f, "{other}"),
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.field.name())?;
        if self.field != Field::Any {
            f.write_str(self.op.sign())?;
        }
        for (i, value) in self.values.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            value.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) if parse::is_bare(text) => f.write_str(text),
            Self::Text(text) => write!(f, "\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
            Self::Bytes(bytes) => f.write_str(&units::exact_bytes(*bytes)),
            Self::Percent(percent) => write!(f, "{percent}"),
            Self::At(time) => write!(f, "{time}"),
            Self::Age(seconds) => f.write_str(&parse::age(*seconds)),
            Self::Status(status) => f.write_str(status.word()),
            Self::Lifecycle(lifecycle) => f.write_str(lifecycle.word()),
            Self::Flag(flag) => f.write_str(if *flag { "yes" } else { "no" }),
            Self::Id(id) => write!(f, "{id}"),
            Self::Field(field) => f.write_str(field.name()),
        }
    }
}

impl Serialize for Field {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::from_name(&name)
            .ok_or_else(|| serde::de::Error::custom(format!("no field is called {name}")))
    }
}

impl std::str::FromStr for Filter {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

impl Serialize for Filter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Filter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}
