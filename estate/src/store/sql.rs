//! Filters as SQL: a condition with parameters only, and the indexes that could serve it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, Value as Sqlite};
use std::collections::BTreeSet;

use crate::account::Accounts;
use crate::error::{Error, Result};
use crate::filter::{Field, Filter, Op, Term, Value};
use crate::ident::Iccid;
use crate::sim::{Lifecycle, Status};
use crate::store::connection::Database;
use crate::text;
use crate::units::Time;

/// A parameter: one value, or many for `rarray(?)`.
#[derive(Clone)]
pub(crate) enum Param {
    One(Sqlite),
    Many(Rc<Vec<Sqlite>>),
}

impl ToSql for Param {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self {
            Self::One(value) => value.to_sql(),
            Self::Many(values) => values.to_sql(),
        }
    }
}

/// A piece of SQL with its parameters in order.
#[derive(Clone, Default)]
pub(crate) struct Sql {
    pub text: String,
    pub params: Vec<Param>,
}

impl Sql {
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), params: Vec::new() }
    }

    pub fn with(mut self, value: impl Into<Sqlite>) -> Self {
        self.params.push(Param::One(value.into()));
        self
    }

    pub fn with_many(mut self, values: impl IntoIterator<Item = i64>) -> Self {
        self.params.push(Param::Many(Rc::new(values.into_iter().map(Sqlite::from).collect())));
        self
    }

    pub fn with_texts(mut self, values: impl IntoIterator<Item = String>) -> Self {
        self.params.push(Param::Many(Rc::new(values.into_iter().map(Sqlite::from).collect())));
        self
    }

    /// Joins pieces in a tree of brackets: a long chain would be deeper than SQLite allows.
    pub fn join_balanced(mut parts: Vec<Self>, between: &str) -> Self {
        while parts.len() > 1 {
            let mut pairs = Vec::with_capacity(parts.len().div_ceil(2));
            let mut rest = parts.into_iter();
            while let Some(left) = rest.next() {
                let Some(right) = rest.next() else {
                    pairs.push(left);
                    break;
                };
                let mut pair = Self::new("(");
                pair.push(left);
                pair.text.push_str(between);
                pair.push(right);
                pair.text.push(')');
                pairs.push(pair);
            }
            parts = pairs;
        }
        let mut whole = Self::new("(");
        whole.push(parts.pop().unwrap_or_else(|| Self::new("1")));
        whole.text.push(')');
        whole
    }

    pub fn push(&mut self, other: Self) {
        self.text.push_str(&other.text);
        self.params.extend(other.params);
    }

    pub fn join(parts: Vec<Self>, between: &str) -> Self {
        let mut all = Self::default();
        for (i, part) in parts.into_iter().enumerate() {
            all.text.push_str(if i > 0 { between } else { "" });
            all.push(part);
        }
        all
    }
}

/// What names and ages in a filter are resolved against.
pub(crate) struct Compiler<'a> {
    pub session: &'a Database,
    pub accounts: &'a Accounts,
    pub now: Time,
    /// The distinct values of fields, once they are known.
    pub(super) distinct: RefCell<BTreeMap<Field, Rc<Distinct>>>,
    /// Comparisons of text that every row may have to go through, so far.
    slow: Cell<usize>,
    /// Comparisons of any kind, so far.
    all: Cell<usize>,
    /// Index lookups that were tried, so far.
    pub(super) tried: Cell<usize>,
}

/// Distinct values, each with its folded form; `None` where they are too many to be told apart by.
pub(super) type Distinct = Option<Vec<(String, String)>>;

impl<'a> Compiler<'a> {
    pub fn new(session: &'a Database, accounts: &'a Accounts, now: Time) -> Self {
        let (distinct, slow, all, tried) = Default::default();
        Self { session, accounts, now, distinct, slow, all, tried }
    }
}

impl Compiler<'_> {
    /// The condition on `s` (a row of `sim`).
    pub fn condition(&self, filter: &Filter) -> Result<Sql> {
        let all = |list: &[Filter], between| -> Result<Sql> {
            Ok(Sql::join_balanced(
                list.iter().map(|f| self.condition(f)).collect::<Result<Vec<_>>>()?,
                between,
            ))
        };
        match filter {
            Filter::All => Ok(Sql::new("1")),
            Filter::And(list) => all(list, " AND "),
            Filter::Or(list) => all(list, " OR "),
            Filter::Not(inner) => {
                let mut sql = Sql::new("NOT ");
                sql.push(self.condition(inner)?);
                Ok(sql)
            }
            Filter::Term(term) => self.term(term),
        }
    }

    fn term(&self, term: &Term) -> Result<Sql> {
        if term.op == Op::Ne {
            let mut sql = Sql::new("NOT ");
            sql.push(self.term(&Term { op: Op::Eq, ..term.clone() })?);
            return Ok(sql);
        }
        if let Some(ids) = term.accounts(self.accounts)? {
            return Ok(Sql::new("s.account_id IN rarray(?)").with_many(ids.into_iter().map(|id| id.0)));
        }
        if let Some(column) = id_column(term.field) {
            return Ok(
                Sql::new(format!("{column} IN rarray(?)")).with_many(term.values.iter().map(id_of))
            );
        }
        if term.values.len() > 1
            && let Some(sql) = match_listed(term)
        {
            return Ok(sql);
        }
        if let Some(names) = self.tags(term)? {
            // Each is looked up for every row that the others let through.
            afford(&self.slow, 1, SLOW_MOST, "comparisons of text")?;
            return Ok(match_tags(term.field, names));
        }
        if let Some(names) = self.names(term)? {
            afford(&self.all, 1, COMPARED_MOST, "comparisons")?;
            return Ok(Sql::new(format!("s.{} IN rarray(?)", term.field.name())).with_texts(names));
        }
        if term.values.len() > LISTED_MOST {
            let reason = format!(
                "more than {LISTED_MOST} values after {}; use = for long lists",
                term.field.name()
            );
            return Err(Error::invalid("filter", reason));
        }
        let parts = term.values.iter().map(|v| self.value(term, v)).collect::<Result<Vec<_>>>()?;
        Ok(Sql::join_balanced(parts, " OR "))
    }

    fn value(&self, term: &Term, value: &Value) -> Result<Sql> {
        afford(&self.all, 1, COMPARED_MOST, "comparisons")?;
        Ok(match value {
            Value::Text(wanted) => self.text(term.field, term.op, wanted)?,
            Value::Percent(n) if term.field == Field::Pace => self.pace(term.op, *n as i64),
            Value::Bytes(n) | Value::Percent(n) => number(term.field, term.op, *n as i64),
            Value::At(time) => time_term(term.field, term.op, *time),
            Value::Age(seconds) => {
                time_term(term.field, term.op, Time(self.now.0.saturating_sub_unsigned(*seconds)))
            }
            Value::Status(status) => Sql::new("s.status = ?").with(status_code(*status)),
            Value::Lifecycle(lifecycle) => Sql::new("s.lifecycle = ?").with(lifecycle_code(*lifecycle)),
            Value::Flag(flag) => {
                let column = match term.field {
                    Field::Hard => "s.hard_cap",
                    Field::Raised => "(s.back_cap >= 0)",
                    Field::Auth => "s.auth",
                    Field::Pending => "(s.pending > 0)",
                    _ => "s.in_session",
                };
                Sql::new(format!("{column} = ?")).with(i64::from(*flag))
            }
            Value::Field(field) => self.is_filled(*field, term.field == Field::Has),
            Value::Id(id) => Sql::new("s.id = ?").with(*id),
        })
    }

    pub(super) fn text(&self, field: Field, op: Op, wanted: &str) -> Result<Sql> {
        let wanted = text::fold(wanted);
        let pattern = op == Op::Has && wanted.contains('*');
        let exact = matches!(
            field,
            Field::Iccid | Field::Imsi | Field::Msisdn | Field::Eid | Field::Imei | Field::Label
        );
        if field != Field::Any && !(op == Op::Eq && exact) {
            afford(&self.slow, 1, SLOW_MOST, "comparisons of text")?;
        }
        Ok(match field {
            Field::Any => self.anywhere(&wanted)?,
            Field::Iccid => iccid(op, pattern, &wanted),
            Field::Imsi | Field::Msisdn | Field::Eid | Field::Imei => {
                compare(&format!("s.{}", field.name()), op, pattern, compact(&wanted))
            }
            Field::Label => compare("s.label_key", op, pattern, wanted),
            Field::Network | Field::Tariff | Field::Notes => {
                compare(&format!("fold(s.{})", field.name()), op, pattern, wanted)
            }
            // No name of a list is empty or holds a line break, which is what stands between them.
            _ if wanted.is_empty() && op == Op::Has => is_filled(field, true),
            _ if wanted.is_empty() || wanted.contains('\n') => Sql::new("0"),
            _ if pattern => Sql::new(format!("fits_any(?, s.{})", list_column(field))).with(wanted),
            _ if op == Op::Has => {
                Sql::new(format!("instr(fold(s.{}), ?)", list_column(field))).with(wanted)
            }
            _ => Sql::new(format!("instr(fold(s.{}), ?)", list_column(field)))
                .with(format!("\n{wanted}\n")),
        })
    }

    /// A lone word: any identifier, the label or the account's name contains it.
    fn anywhere(&self, wanted: &str) -> Result<Sql> {
        let mut parts = vec![Sql::new("instr(s.label_key, ?)").with(wanted.to_owned())];
        let digits = compact(wanted);
        if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
            for column in ["iccid", "imsi", "msisdn", "eid", "imei"] {
                parts.push(Sql::new(format!("instr(s.{column}, ?)")).with(digits.clone()));
            }
            if let Ok((iccid, _)) = Iccid::parse(&digits) {
                parts.push(Sql::new("s.iccid_key = ?").with(iccid.key()));
            }
        }
        let accounts = self.accounts_named(wanted);
        if !accounts.is_empty() {
            parts.push(Sql::new("s.account_id IN rarray(?)").with_many(accounts));
        }
        afford(&self.slow, parts.len(), SLOW_MOST, "comparisons of text")?;
        let mut sql = Sql::new("(");
        sql.push(Sql::join(parts, " OR "));
        sql.text.push(')');
        Ok(sql)
    }

    fn is_filled(&self, field: Field, wanted: bool) -> Sql {
        let said = match field {
            Field::Pace => self.pace(Op::Ge, 0),
            Field::AlertPct => number(field, Op::Ge, 0),
            Field::Raised => Sql::new("s.back_cap >= 0"),
            Field::Auth => Sql::new("s.auth = 1"),
            Field::Pending => Sql::new("s.pending > 0"),
            _ => return is_filled(field, wanted),
        };
        if wanted { said } else { Sql { text: format!("NOT ({})", said.text), ..said } }
    }

    pub(super) fn accounts_named(&self, wanted: &str) -> Vec<i64> {
        self.accounts
            .all()
            .iter()
            .filter(|a| text::fold(&a.name).contains(wanted))
            .map(|a| a.id.0)
            .collect()
    }
}

/// Comparisons a filter can consist of.
const COMPARED_MOST: usize = 5_000;

/// Comparisons of text that no index and no list serves: each costs about 0.2 s on a million SIMs.
pub(super) const SLOW_MOST: usize = 200;

/// Keeps what a filter can cost within bounds, however it came here.
fn afford(count: &Cell<usize>, more: usize, most: usize, what: &str) -> Result<()> {
    count.set(count.get() + more);
    if count.get() <= most {
        return Ok(());
    }
    Err(Error::invalid("filter", format!("has more than {most} {what}; name SIMs by a list: iccid=…,…")))
}

pub(super) fn text_of(value: &Value) -> &str {
    if let Value::Text(text) = value { text } else { "" }
}

/// Values that are compared one by one, at most.
const LISTED_MOST: usize = 5_000;

/// How `sim_tag` tells tags from categories.
pub(super) fn tag_kind(field: Field) -> i64 {
    i64::from(field == Field::Category)
}

/// The match keys of a list of whole ICCIDs.
pub(super) fn iccid_keys(term: &Term) -> Option<Vec<String>> {
    let key = |value: &Value| match value {
        Value::Text(text) => Iccid::parse(text).ok().map(|(iccid, _)| iccid.key()),
        _ => None,
    };
    (term.field == Field::Iccid && term.op == Op::Eq)
        .then(|| term.values.iter().map(key).collect())
        .flatten()
}

/// The numbers of a list of IMSIs, MSISDNs, EIDs or IMEIs.
pub(super) fn listed_numbers(term: &Term) -> Option<Vec<String>> {
    let number = |value: &Value| match value {
        Value::Text(text) => Some(compact(&text::fold(text))),
        _ => None,
    };
    let listed =
        matches!(term.field, Field::Imsi | Field::Msisdn | Field::Eid | Field::Imei) && term.op == Op::Eq;
    listed.then(|| term.values.iter().map(number).collect()).flatten()
}

/// A list of exact values as one comparison, however long it is.
fn match_listed(term: &Term) -> Option<Sql> {
    if let Some(keys) = iccid_keys(term) {
        return Some(Sql::new("s.iccid_key IN rarray(?)").with_texts(keys));
    }
    if let Some(numbers) = listed_numbers(term) {
        return Some(Sql::new(format!("s.{} IN rarray(?)", term.field.name())).with_texts(numbers));
    }
    let texts = || {
        term.values.iter().filter_map(|v| if let Value::Text(t) = v { Some(text::fold(t)) } else { None })
    };
    match (term.field, term.op) {
        (Field::Label, Op::Eq) => Some(Sql::new("s.label_key IN rarray(?)").with_texts(texts())),
        (Field::Status, Op::Eq | Op::Has) => {
            let codes = term
                .values
                .iter()
                .filter_map(|v| if let Value::Status(s) = v { Some(status_code(*s)) } else { None });
            Some(Sql::new("s.status IN rarray(?)").with_many(codes))
        }
        _ => None,
    }
}

/// Identifiers are compared without the blanks, hyphens and plus signs people put into them.
/// Returns what is searched of a number: without blanks and hyphens, and without what telephone
/// numbers are written with.
pub(super) fn compact(text: &str) -> String {
    if let Some(digits) = crate::ident::spelled_phone(text) {
        return digits;
    }
    // What spreadsheets write around a number.
    let digits = crate::ident::compact(text);
    let digits = digits.trim_end_matches(['F', 'f']);
    if digits.len() >= 10 && digits.bytes().all(|b| b.is_ascii_digit()) {
        return digits.to_owned();
    }
    text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '+')).collect()
}

fn iccid(op: Op, pattern: bool, wanted: &str) -> Sql {
    let wanted = compact(wanted);
    let mut sql = compare("s.iccid", op, pattern, wanted.clone());
    if let (false, Ok((iccid, _))) = (pattern, Iccid::parse(&wanted)) {
        sql.text = format!("({} OR s.iccid_key = ?)", sql.text);
        sql = sql.with(iccid.key());
    }
    sql
}

/// Compares folded text.
fn compare(column: &str, op: Op, pattern: bool, wanted: String) -> Sql {
    let text = match (op, pattern) {
        (_, true) => format!("fits(?, {column})"),
        (Op::Has, _) => format!("instr({column}, ?)"),
        _ => format!("? = {column}"),
    };
    Sql::new(text).with(wanted)
}

pub(super) fn matches(op: Op, pattern: bool, wanted: &str, value: &str) -> bool {
    match (op, pattern) {
        (_, true) => text::fits(wanted, value),
        (Op::Has, _) => value.contains(wanted),
        _ => value == wanted,
    }
}

pub(super) fn number_column(field: Field) -> &'static str {
    match field {
        Field::Cap => "cap",
        Field::Alert => "alert",
        Field::UsedPct => "used_pct",
        _ => "used",
    }
}

/// A comparison with a level that is not set is false.
fn number(field: Field, op: Op, n: i64) -> Sql {
    let (column, sign) = (number_column(field), sign(op));
    let set = match field {
        Field::Used => String::new(),
        Field::UsedPct => "s.cap > 0 AND ".into(),
        Field::AlertPct => "s.cap > 0 AND s.alert > 0 AND ".into(),
        _ => format!("s.{column} > 0 AND "),
    };
    let value =
        if field == Field::AlertPct { "s.alert * 100 / s.cap".into() } else { format!("s.{column}") };
    Sql::new(format!("({set}{value} {sign} ?)")).with(n)
}

fn time_term(field: Field, op: Op, time: Time) -> Sql {
    let sign = sign(op);
    match field {
        Field::Changed => {
            Sql::new(format!("(SELECT at FROM log WHERE rev = s.version) {sign} ?")).with(time.0)
        }
        Field::Activated => Sql::new(format!("(s.activated > 0 AND s.activated {sign} ?)")).with(time.0),
        _ => Sql::new(format!("(s.seen > 0 AND s.seen {sign} ?)")).with(time.0),
    }
}

pub(super) fn sign(op: Op) -> &'static str {
    match op {
        Op::Lt => "<",
        Op::Le => "<=",
        Op::Gt => ">",
        Op::Ge => ">=",
        Op::Has | Op::Eq | Op::Ne => "=",
    }
}

fn list_column(field: Field) -> &'static str {
    match field {
        Field::Category => "categories",
        Field::Recipient => "recipients",
        _ => "tags",
    }
}

fn is_filled(field: Field, wanted: bool) -> Sql {
    let column = match field {
        Field::Seen => "seen",
        Field::Activated => "activated",
        Field::Used | Field::Cap | Field::Alert => number_column(field),
        Field::UsedPct => "cap",
        Field::Session => "in_session",
        Field::Hard => "hard_cap",
        Field::Tag | Field::Category | Field::Recipient => list_column(field),
        Field::Imsi
        | Field::Msisdn
        | Field::Eid
        | Field::Imei
        | Field::Label
        | Field::Network
        | Field::Tariff
        | Field::Notes => field.name(),
        // These every SIM has.
        _ => return Sql::new(if wanted { "1" } else { "0" }),
    };
    let numeric =
        matches!(column, "seen" | "activated" | "used" | "cap" | "alert" | "in_session" | "hard_cap");
    Sql::new(format!(
        "s.{column} {} {}",
        if wanted { "<>" } else { "=" },
        if numeric { "0" } else { "''" }
    ))
}

fn id_column(field: Field) -> Option<&'static str> {
    match field {
        Field::Id => Some("s.id"),
        Field::AccountId => Some("s.account_id"),
        _ => None,
    }
}

pub(super) fn id_of(value: &Value) -> i64 {
    if let Value::Id(id) = value { *id } else { 0 }
}

pub(super) fn status_code(status: Status) -> i64 {
    Status::ALL.iter().position(|s| *s == status).unwrap_or_default() as i64
}

fn lifecycle_code(lifecycle: Lifecycle) -> i64 {
    lifecycle as i64
}

/// SIMs that carry one of these tags: looked up SIM by SIM, or read once where the tags are many.
pub(super) fn match_tags(field: Field, names: BTreeSet<String>) -> Sql {
    let sql = if names.len() <= TAGS_APART {
        "EXISTS (SELECT 1 FROM sim_tag WHERE kind = ? AND name IN rarray(?) AND sim_id = s.id)"
    } else {
        "s.id IN (SELECT sim_id FROM sim_tag WHERE kind = ? AND name IN rarray(?))"
    };
    Sql::new(sql).with(tag_kind(field)).with_texts(names)
}

/// Tags that are looked up for each SIM, at most.
pub(super) const TAGS_APART: usize = 50;
