//! The fields of an exported SIM: one table of names, kinds and getters.
//!
//! Exports, the API, `--columns` and the import read the same table. Not in it, because an import
//! cannot restore it: the change and the user that set the state (`state_rev`, `suspended_by`), the
//! revision that created the SIM, and the levels that have already sent an event. `id`,
//! `account_id` and `version` are in it for scripts; a store assigns its own.

use std::borrow::Cow;

use serde_json::{Map, Value as Json, json};

use super::lists::join_list;
use crate::account::Accounts;
use crate::error::{Error, Result};
use crate::query::Column;
use crate::sim::{Sim, Verb};
use crate::text;
use crate::units::Time;

/// The kind of value in a field, and so the kind of cell it is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// Digits that are a name, not a number: always text.
    Identifier,
    /// Free text, one line; notes may have several.
    Text,
    /// Names, joined in a cell by [`join_list`](super::join_list).
    List,
    /// Bytes.
    Size,
    /// Yes or no.
    Flag,
    /// A second in UTC: RFC 3339 in text formats.
    Time,
    /// Any other number.
    Number,
    /// One of a fixed set of words.
    Word,
}

/// The value of a field of one SIM.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldValue<'a> {
    /// No value: null, or an empty cell.
    Absent,
    /// Text; empty text is written as absent.
    Text(Cow<'a, str>),
    /// Names.
    List(&'a [String]),
    /// A whole number.
    Number(i64),
    /// A number in hundredths, rounded down.
    Hundredths(u64),
    /// Yes or no.
    Flag(bool),
    /// A second in UTC.
    Time(Time),
}

/// A field of an exported SIM.
pub struct SimField {
    /// The name that scripts rely on: the JSON key and the CSV header.
    pub name: &'static str,
    /// The name for people.
    pub title: &'static str,
    /// The kind of value.
    pub kind: FieldKind,
    /// True if it is written by default.
    pub is_default: bool,
    get: for<'a> fn(&'a Sim, &Accounts) -> FieldValue<'a>,
}

const fn field(
    name: &'static str,
    title: &'static str,
    kind: FieldKind,
    get: for<'a> fn(&'a Sim, &Accounts) -> FieldValue<'a>,
) -> SimField {
    SimField { name, title, kind, is_default: true, get }
}

/// Every field, in the order they are written. New ones are added at the end, so that no column
/// moves.
pub static FIELDS: [SimField; 36] = [
    field("id", "ID", FieldKind::Number, |sim, _| FieldValue::Number(sim.id.0)),
    field("iccid", "ICCID", FieldKind::Identifier, |sim, _| text_value(&sim.iccid)),
    field("imsi", "IMSI", FieldKind::Identifier, |sim, _| text_value(&sim.imsi)),
    field("msisdn", "MSISDN", FieldKind::Identifier, |sim, _| text_value(&sim.msisdn)),
    field("eid", "EID", FieldKind::Identifier, |sim, _| text_value(&sim.eid)),
    field("imei", "IMEI", FieldKind::Identifier, |sim, _| text_value(&sim.imei)),
    field("label", "Label", FieldKind::Text, |sim, _| text_value(&sim.label)),
    field("account", "Account", FieldKind::Text, |sim, accounts| {
        accounts
            .get(sim.account)
            .map_or(FieldValue::Absent, |a| FieldValue::Text(Cow::Owned(a.name.clone())))
    }),
    field("account_path", "Account path", FieldKind::Text, |sim, accounts| {
        FieldValue::Text(Cow::Owned(accounts.path(sim.account)))
    }),
    field("account_id", "Account ID", FieldKind::Number, |sim, _| FieldValue::Number(sim.account.0)),
    field("status", "Status", FieldKind::Word, |sim, _| text_value(sim.status.word())),
    field("lifecycle", "Lifecycle", FieldKind::Word, |sim, _| text_value(sim.lifecycle.word())),
    field("suspended", "Suspended", FieldKind::Flag, |sim, _| FieldValue::Flag(sim.suspended)),
    field("usage_gate", "Usage gate", FieldKind::Word, |sim, _| text_value(sim.gate.word())),
    field("authentication", "Authentication", FieldKind::Flag, |sim, _| {
        FieldValue::Flag(sim.authentication)
    }),
    field("desired", "Desired", FieldKind::Word, |sim, _| text_value(sim.desired.map_or("", Verb::word))),
    field("in_session", "In session", FieldKind::Flag, |sim, _| FieldValue::Flag(sim.in_session)),
    field("network", "Network", FieldKind::Text, |sim, _| text_value(&sim.network)),
    field("tariff", "Tariff", FieldKind::Text, |sim, _| text_value(&sim.tariff)),
    field("used_bytes", "Used", FieldKind::Size, |sim, _| size(Some(sim.used))),
    field("cap_bytes", "Cap", FieldKind::Size, |sim, _| size(sim.cap)),
    field("alert_bytes", "Alert", FieldKind::Size, |sim, _| size(sim.alert)),
    field("hard_cap", "Hard cap", FieldKind::Flag, |sim, _| FieldValue::Flag(sim.hard_cap)),
    field("cap_returns_to_bytes", "Cap returns to", FieldKind::Size, |sim, _| size(sim.cap_returns_to)),
    field("usage_as_of", "Usage as of", FieldKind::Time, |sim, _| time(sim.usage_as_of)),
    field("last_seen", "Last seen", FieldKind::Time, |sim, _| time(sim.last_seen)),
    field("activated_at", "Activated", FieldKind::Time, |sim, _| time(sim.activated)),
    field("tags", "Tags", FieldKind::List, |sim, _| FieldValue::List(&sim.tags)),
    field("categories", "Categories", FieldKind::List, |sim, _| FieldValue::List(&sim.categories)),
    field("notes", "Notes", FieldKind::Text, |sim, _| text_value(&sim.notes)),
    field("recipients", "Recipients", FieldKind::List, |sim, _| FieldValue::List(&sim.recipients)),
    field("version", "Version", FieldKind::Number, |sim, _| FieldValue::Number(sim.version)),
    field("managed", "Managed", FieldKind::Flag, |sim, _| FieldValue::Flag(sim.managed)),
    field("alert_returns_to_bytes", "Alert returns to", FieldKind::Size, |sim, _| {
        size(sim.alert_returns_to)
    }),
    field("cap_returns_at", "Cap returns at", FieldKind::Time, |sim, _| time(sim.cap_returns_at)),
    SimField {
        is_default: false,
        ..field("used_pct", "Used % of cap", FieldKind::Number, |sim, _| {
            sim.hundredths_of_percent().map_or(FieldValue::Absent, FieldValue::Hundredths)
        })
    },
];

fn text_value(text: &str) -> FieldValue<'_> {
    FieldValue::Text(Cow::Borrowed(text))
}

fn size(bytes: Option<u64>) -> FieldValue<'static> {
    bytes.map_or(FieldValue::Absent, |n| FieldValue::Number(i64::try_from(n).unwrap_or(i64::MAX)))
}

fn time(time: Option<Time>) -> FieldValue<'static> {
    time.map_or(FieldValue::Absent, FieldValue::Time)
}

impl SimField {
    /// The value for one SIM.
    pub fn value<'a>(&self, sim: &'a Sim, accounts: &Accounts) -> FieldValue<'a> {
        match (self.get)(sim, accounts) {
            FieldValue::Text(text) if text.is_empty() => FieldValue::Absent,
            value => value,
        }
    }

    /// The value as JSON; an absent one is null.
    pub fn json(&self, sim: &Sim, accounts: &Accounts) -> Json {
        match self.value(sim, accounts) {
            FieldValue::Absent => Json::Null,
            FieldValue::Text(text) => json!(text),
            FieldValue::List(names) => json!(names),
            FieldValue::Number(n) => json!(n),
            FieldValue::Hundredths(n) if n % 100 == 0 => json!(n / 100),
            FieldValue::Hundredths(n) => json!(n as f64 / 100.0),
            FieldValue::Flag(flag) => json!(flag),
            FieldValue::Time(time) => json!(time.to_string()),
        }
    }

    /// The value as a CSV cell before quoting, with `decimal` as the decimal mark; guarded by
    /// [`text::defuse`].
    pub fn cell(&self, sim: &Sim, accounts: &Accounts, decimal: char) -> String {
        match self.value(sim, accounts) {
            FieldValue::Absent => String::new(),
            FieldValue::Text(text) => text::defuse(&text).into_owned(),
            FieldValue::List(names) => text::defuse(&join_list(names)).into_owned(),
            FieldValue::Number(n) => n.to_string(),
            FieldValue::Hundredths(n) => print_hundredths(n, decimal),
            FieldValue::Flag(flag) => if flag { "yes" } else { "no" }.into(),
            FieldValue::Time(time) => time.to_string(),
        }
    }
}

impl std::fmt::Debug for SimField {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// Prints hundredths without trailing zeros: `84`, `84.5`, `84.25`.
fn print_hundredths(n: u64, decimal: char) -> String {
    let (whole, part) = (n / 100, n % 100);
    match part {
        0 => whole.to_string(),
        tenths if tenths % 10 == 0 => format!("{whole}{decimal}{}", tenths / 10),
        _ => format!("{whole}{decimal}{part:02}"),
    }
}

/// The fields that are written without being asked for.
pub fn default_fields() -> Vec<&'static SimField> {
    FIELDS.iter().filter(|field| field.is_default).collect()
}

/// Returns the fields of these column names; all default ones for an empty list.
///
/// Accepts the short names of the filter language and of `--sort` too. Errors: `Invalid` names the
/// nearest column.
pub fn columns(wanted: &[String]) -> Result<Vec<&'static SimField>> {
    if wanted.is_empty() {
        return Ok(default_fields());
    }
    wanted.iter().map(|name| find_column(name.trim())).collect()
}

fn find_column(wanted: &str) -> Result<&'static SimField> {
    let name = match wanted {
        "path" => "account_path",
        "account" => "account",
        other => Column::from_name(other).map_or_else(|| other, |column| column.field()),
    };
    FIELDS.iter().find(|field| field.name == name).ok_or_else(|| {
        let names = FIELDS.iter().map(|field| field.name);
        let near = text::nearest(name, names.clone());
        let near = near
            .first()
            .map_or_else(|| names.collect::<Vec<_>>().join(" "), |n| format!("did you mean {n}?"));
        Error::invalid("columns", format!("no column is called {name}; {near}"))
    })
}

/// Returns a SIM as a JSON object with these fields.
pub fn object(sim: &Sim, accounts: &Accounts, fields: &[&'static SimField]) -> Json {
    let members = fields.iter().map(|field| (field.name.to_owned(), field.json(sim, accounts)));
    Json::Object(members.collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_there_once() {
        for field in &FIELDS {
            assert_eq!(FIELDS.iter().filter(|other| other.name == field.name).count(), 1, "{field:?}");
        }
        assert_eq!(default_fields().len(), 35);
    }

    #[test]
    fn every_column_of_the_screen_has_a_field() {
        for column in Column::all() {
            assert!(FIELDS.iter().any(|field| field.name == column.field()), "{column:?}");
        }
    }

    #[test]
    fn short_names_are_accepted_and_wrong_ones_answered() {
        let names = |wanted: &[&str]| {
            let wanted: Vec<String> = wanted.iter().map(|n| (*n).to_owned()).collect();
            columns(&wanted).map(|fields| fields.iter().map(|f| f.name).collect::<Vec<_>>())
        };
        assert_eq!(
            names(&["used", "path", "account"]),
            Ok(vec!["used_bytes", "account_path", "account"])
        );
        let error = names(&["labell"]).expect_err("unknown").to_string();
        assert!(error.contains("did you mean label?"), "{error}");
    }

    #[test]
    fn hundredths_have_no_trailing_zeros() {
        let printed = [8_400, 8_450, 8_405].map(|n| print_hundredths(n, ','));
        assert_eq!(printed, ["84", "84,5", "84,05"]);
    }
}
