//! Filters as SQL: a condition with parameters only, and the indexes that could serve it.

use std::rc::Rc;

use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, Value as Sqlite};

use super::Session;
use crate::account::Accounts;
use crate::error::{Error, Result};
use crate::filter::{Field, Filter, Op, Term, Value};
use crate::ident::Iccid;
use crate::sim::{Lifecycle, Status};
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
    pub fn balanced(mut parts: Vec<Self>, between: &str) -> Self {
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

/// A subquery that yields `id`s and covers every match, with a bounded guess at how many it yields.
pub(crate) struct Driver {
    pub sql: Sql,
    pub size: u64,
}

/// A driver this small is read whole and sorted; above it the sort index is walked.
pub(crate) const SMALL: u64 = 20_000;

/// What names and ages in a filter are resolved against.
pub(crate) struct Compiler<'a> {
    pub session: &'a Session,
    pub accounts: &'a Accounts,
    pub now: Time,
}

impl Compiler<'_> {
    /// The condition on `s` (a row of `sim`).
    pub fn condition(&self, filter: &Filter) -> Result<Sql> {
        let all = |list: &[Filter], between| -> Result<Sql> {
            Ok(Sql::balanced(list.iter().map(|f| self.condition(f)).collect::<Result<Vec<_>>>()?, between))
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
            return Ok(Sql::new(format!("{column} IN rarray(?)")).with_many(term.values.iter().map(id_of)));
        }
        if term.values.len() > 1
            && let Some(sql) = listed(term)
        {
            return Ok(sql);
        }
        if term.values.len() > LISTED_MOST {
            let reason =
                format!("more than {LISTED_MOST} values after {}; use = for long lists", term.field.name());
            return Err(Error::invalid("filter", reason));
        }
        let parts = term.values.iter().map(|v| self.value(term, v)).collect::<Result<Vec<_>>>()?;
        Ok(Sql::balanced(parts, " OR "))
    }

    fn value(&self, term: &Term, value: &Value) -> Result<Sql> {
        Ok(match value {
            Value::Text(wanted) => self.text(term.field, term.op, wanted)?,
            Value::Bytes(n) | Value::Percent(n) => number(term.field, term.op, *n as i64),
            Value::At(time) => time_term(term.field, term.op, *time),
            Value::Age(seconds) => {
                time_term(term.field, term.op, Time(self.now.0.saturating_sub_unsigned(*seconds)))
            }
            Value::Status(status) => Sql::new("s.status = ?").with(status_code(*status)),
            Value::Lifecycle(lifecycle) => Sql::new("s.lifecycle = ?").with(lifecycle_code(*lifecycle)),
            Value::Flag(flag) => {
                let column = if term.field == Field::Hard { "hard_cap" } else { "in_session" };
                Sql::new(format!("s.{column} = ?")).with(i64::from(*flag))
            }
            Value::Field(field) => filled(*field, term.field == Field::Has),
            Value::Id(id) => Sql::new("s.id = ?").with(*id),
        })
    }

    fn text(&self, field: Field, op: Op, wanted: &str) -> Result<Sql> {
        let wanted = text::fold(wanted);
        let pattern = op == Op::Has && wanted.contains('*');
        Ok(match field {
            Field::Any => self.anywhere(&wanted),
            Field::Iccid => iccid(op, pattern, &wanted),
            Field::Imsi | Field::Msisdn | Field::Eid | Field::Imei => {
                compare(&format!("s.{}", field.name()), op, pattern, compact(&wanted))
            }
            Field::Label => compare("s.label_key", op, pattern, wanted),
            Field::Network => {
                let fitting =
                    self.networks()?.into_iter().filter(|n| matches(op, pattern, &wanted, &text::fold(n)));
                Sql {
                    text: "s.network IN rarray(?)".into(),
                    params: vec![Param::Many(Rc::new(fitting.map(Sqlite::from).collect()))],
                }
            }
            Field::Tariff | Field::Notes => {
                compare(&format!("fold(s.{})", field.name()), op, pattern, wanted)
            }
            _ if pattern => Sql::new(format!("fits_any(?, s.{})", list_column(field))).with(wanted),
            _ if op == Op::Has => Sql::new(format!("instr(fold(s.{}), ?)", list_column(field))).with(wanted),
            _ => Sql::new(format!("instr(fold(s.{}), ?)", list_column(field))).with(format!("\n{wanted}\n")),
        })
    }

    /// A lone word: any identifier, the label or the account's name contains it.
    fn anywhere(&self, wanted: &str) -> Sql {
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
        let mut sql = Sql::new("(");
        sql.push(Sql::join(parts, " OR "));
        sql.text.push(')');
        sql
    }

    fn accounts_named(&self, wanted: &str) -> Vec<i64> {
        self.accounts.all().iter().filter(|a| text::fold(&a.name).contains(wanted)).map(|a| a.id.0).collect()
    }

    /// The few distinct networks, by jumping from one to the next in their index.
    fn networks(&self) -> Result<Vec<String>> {
        let mut statement = self.session.prepare_cached(
            "WITH RECURSIVE n(name) AS (SELECT min(network) FROM sim UNION ALL \
             SELECT (SELECT min(network) FROM sim WHERE network > n.name) FROM n WHERE n.name IS NOT NULL) \
             SELECT name FROM n WHERE name IS NOT NULL",
        )?;
        let names = statement.query_map([], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?;
        Ok(names)
    }

    /// The smallest index lookup that covers every match of `filter` within `scope`.
    pub fn driver(&self, filter: &Filter, scope: Option<&[i64]>) -> Result<Option<Driver>> {
        let mut best: Option<Driver> = None;
        let mut consider = |driver: Driver| {
            if best.as_ref().is_none_or(|b| driver.size < b.size) {
                best = Some(driver);
            }
        };
        if let Some(ids) = scope {
            consider(self.of_accounts(ids));
        }
        let terms = match filter {
            Filter::And(list) => list.as_slice(),
            other => std::slice::from_ref(other),
        };
        for term in terms {
            let Filter::Term(term) = term else { continue };
            if let Some(ids) = term.accounts(self.accounts)? {
                if term.op != Op::Ne {
                    consider(self.of_accounts(&ids.iter().map(|id| id.0).collect::<Vec<_>>()));
                }
            } else if let Some(sql) = self.index(term)? {
                let size = self.size(&sql)?;
                consider(Driver { sql, size });
            }
        }
        Ok(best)
    }

    fn of_accounts(&self, ids: &[i64]) -> Driver {
        let size = ids
            .iter()
            .filter_map(|id| self.accounts.get(crate::account::AccountId(*id)))
            .map(|a| a.own)
            .sum();
        let sql = Sql::new("SELECT id FROM sim INDEXED BY sim_account WHERE account_id IN rarray(?)");
        Driver { sql: sql.with_many(ids.iter().copied()), size }
    }

    /// Counts what a driver yields, up to just past [`SMALL`].
    fn size(&self, sql: &Sql) -> Result<u64> {
        let bounded = format!("SELECT count(*) FROM (SELECT 1 FROM ({}) LIMIT {})", sql.text, SMALL + 1);
        let mut statement = self.session.prepare_cached(&bounded)?;
        Ok(statement.query_row(rusqlite::params_from_iter(&sql.params), |r| r.get::<_, i64>(0))? as u64)
    }

    /// The index lookup that covers one term, if an index can.
    fn index(&self, term: &Term) -> Result<Option<Sql>> {
        // What is not so is nearly everything: no index is of use.
        if term.op == Op::Ne || term.values.len() > LISTED_APART && !is_listed(term) {
            return Ok(None);
        }
        if let Some(keys) = iccid_keys(term) {
            let sql = Sql::new("SELECT id FROM sim WHERE iccid_key IN rarray(?)");
            return Ok(Some(sql.with_texts(keys)));
        }
        if term.field == Field::Id {
            let sql = Sql::new("SELECT id FROM sim WHERE id IN rarray(?)");
            return Ok(Some(sql.with_many(term.values.iter().map(id_of))));
        }
        if term.field == Field::AccountId {
            let sql = Sql::new("SELECT id FROM sim INDEXED BY sim_account WHERE account_id IN rarray(?)");
            return Ok(Some(sql.with_many(term.values.iter().map(id_of))));
        }
        let mut parts = Vec::new();
        for value in &term.values {
            match self.index_of(term, value)? {
                Some(sql) => parts.push(sql),
                None => return Ok(None),
            }
        }
        Ok(Some(Sql::join(parts, " UNION ")))
    }

    fn index_of(&self, term: &Term, value: &Value) -> Result<Option<Sql>> {
        let range = |column: &str, low: String, high: String| {
            Some(
                Sql::new(format!("SELECT id FROM sim WHERE {column} >= ? AND {column} < ?"))
                    .with(low)
                    .with(high),
            )
        };
        Ok(match (term.field, term.op, value) {
            (Field::Status, Op::Has | Op::Eq, Value::Status(status)) => Some(
                Sql::new("SELECT id FROM sim INDEXED BY sim_status WHERE status = ?")
                    .with(status_code(*status)),
            ),
            (Field::Session, Op::Has | Op::Eq, Value::Flag(flag)) => Some(
                Sql::new("SELECT id FROM sim INDEXED BY sim_session WHERE in_session = ?")
                    .with(i64::from(*flag)),
            ),
            (Field::Used | Field::Cap | Field::UsedPct, op, Value::Bytes(n) | Value::Percent(n)) => {
                let column = number_column(term.field);
                // Absent is 0 for a cap and -1 for a percentage.
                let floor = match term.field {
                    Field::Cap => "cap > 0 AND ",
                    Field::UsedPct => "used_pct >= 0 AND ",
                    _ => "",
                };
                let sign = sign(op);
                Some(Sql::new(format!("SELECT id FROM sim WHERE {floor}{column} {sign} ?")).with(*n as i64))
            }
            (Field::Seen, op, Value::At(t)) => {
                Some(Sql::new(format!("SELECT id FROM sim WHERE seen > 0 AND seen {} ?", sign(op))).with(t.0))
            }
            (Field::Network, Op::Has | Op::Eq, Value::Text(wanted)) => {
                let mut condition = self.text(Field::Network, term.op, wanted)?;
                condition.text =
                    "SELECT id FROM sim INDEXED BY sim_network WHERE network IN rarray(?)".into();
                Some(condition)
            }
            (Field::Iccid, Op::Eq, Value::Text(wanted)) => Iccid::parse(wanted)
                .ok()
                .map(|(iccid, _)| Sql::new("SELECT id FROM sim WHERE iccid_key = ?").with(iccid.key())),
            (Field::Iccid, Op::Has, Value::Text(wanted)) if wanted.contains('*') => {
                let (head, tail) = wanted.split_once('*').unwrap_or_default();
                let (head, tail) = (compact(head), compact(tail));
                let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
                match () {
                    () if digits(&tail) => {
                        let reversed: String = tail.chars().rev().collect();
                        range("iccid_rev", reversed.clone(), reversed + ":")
                    }
                    () if digits(&head) && head.len() < 19 => range("iccid_key", head.clone(), head + ":"),
                    () => None,
                }
            }
            (field, Op::Has | Op::Eq, Value::Text(wanted)) if in_text_index(field) => {
                self.text_index(field, &text::fold(wanted))?
            }
            _ => None,
        })
    }

    /// The trigram index, the rows it has not reached yet, and for a lone word the accounts of that name.
    fn text_index(&self, field: Field, wanted: &str) -> Result<Option<Sql>> {
        let wanted =
            if field == Field::Label || field == Field::Any { wanted.to_owned() } else { compact(wanted) };
        let longest =
            wanted.split('*').max_by_key(|part| part.chars().count()).unwrap_or_default().to_owned();
        // Every trigram more is another long list to cross; the tail of a number tells enough, and hits are looked at again.
        let digits = longest.bytes().all(|b| b.is_ascii_digit());
        let needle = if digits { &longest[longest.len().saturating_sub(8)..] } else { longest.as_str() };
        let digits = compact(&longest);
        let short = digits.len() < 3 && digits != longest && digits.bytes().all(|b| b.is_ascii_digit());
        if short || longest.contains('\0') {
            return Ok(None);
        }
        if longest.chars().count() < 3 || (field == Field::Any && longest != wanted) {
            return Ok(None);
        }
        let upto: i64 = self.session.query_row("SELECT upto FROM sim_text_state", [], |r| r.get(0))?;
        let phrase = format!("\"{}\"", needle.replace('"', "\"\""));
        let mut sql = Sql::new("SELECT rowid AS id FROM sim_text WHERE sim_text MATCH ?").with(phrase);
        sql.push(Sql::new(" UNION SELECT s.id FROM sim s WHERE s.id > ?").with(upto));
        if matches!(field, Field::Any | Field::Iccid) {
            // Numbers with a check digit match without it too, and blanks in them do not count.
            let digits = compact(&wanted);
            if let Ok((iccid, _)) = Iccid::parse(&digits) {
                sql.push(Sql::new(" UNION SELECT id FROM sim WHERE iccid_key = ?").with(iccid.key()));
            }
            if digits != wanted && digits.len() >= 3 && digits.bytes().all(|b| b.is_ascii_digit()) {
                let phrase = format!("\"{digits}\"");
                sql.push(Sql::new(" UNION SELECT rowid FROM sim_text WHERE sim_text MATCH ?").with(phrase));
            }
            let accounts = if field == Field::Any { self.accounts_named(&wanted) } else { Vec::new() };
            if !accounts.is_empty() {
                let more = " UNION SELECT id FROM sim INDEXED BY sim_account WHERE account_id IN rarray(?)";
                sql.push(Sql::new(more).with_many(accounts));
            }
        }
        Ok(Some(sql))
    }
}

/// Values that are looked up one by one in an index, at most.
const LISTED_APART: usize = 100;
/// Values that are compared one by one, at most.
const LISTED_MOST: usize = 5_000;

/// Whether a long list of a field is one lookup.
fn is_listed(term: &Term) -> bool {
    matches!(term.field, Field::Id | Field::AccountId) || iccid_keys(term).is_some()
}

/// The match keys of a list of whole ICCIDs.
fn iccid_keys(term: &Term) -> Option<Vec<String>> {
    let key = |value: &Value| match value {
        Value::Text(text) => Iccid::parse(text).ok().map(|(iccid, _)| iccid.key()),
        _ => None,
    };
    (term.field == Field::Iccid && term.op == Op::Eq).then(|| term.values.iter().map(key).collect()).flatten()
}

/// A list of exact values as one comparison, however long it is.
fn listed(term: &Term) -> Option<Sql> {
    if let Some(keys) = iccid_keys(term) {
        return Some(Sql::new("s.iccid_key IN rarray(?)").with_texts(keys));
    }
    let texts =
        || term.values.iter().filter_map(|v| if let Value::Text(t) = v { Some(text::fold(t)) } else { None });
    match (term.field, term.op) {
        (Field::Imsi | Field::Msisdn | Field::Eid | Field::Imei, Op::Eq) => {
            let sql = Sql::new(format!("s.{} IN rarray(?)", term.field.name()));
            Some(sql.with_texts(texts().map(|t| compact(&t))))
        }
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

fn in_text_index(field: Field) -> bool {
    matches!(
        field,
        Field::Any | Field::Iccid | Field::Imsi | Field::Msisdn | Field::Eid | Field::Imei | Field::Label
    )
}

/// Identifiers are compared without the blanks, hyphens and plus signs people put into them.
fn compact(text: &str) -> String {
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

fn matches(op: Op, pattern: bool, wanted: &str, value: &str) -> bool {
    match (op, pattern) {
        (_, true) => text::fits(wanted, value),
        (Op::Has, _) => value.contains(wanted),
        _ => value == wanted,
    }
}

fn number_column(field: Field) -> &'static str {
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
        _ => format!("s.{column} > 0 AND "),
    };
    Sql::new(format!("({set}s.{column} {sign} ?)")).with(n)
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

fn sign(op: Op) -> &'static str {
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

fn filled(field: Field, wanted: bool) -> Sql {
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
    Sql::new(format!("s.{column} {} {}", if wanted { "<>" } else { "=" }, if numeric { "0" } else { "''" }))
}

fn id_column(field: Field) -> Option<&'static str> {
    match field {
        Field::Id => Some("s.id"),
        Field::AccountId => Some("s.account_id"),
        _ => None,
    }
}

fn id_of(value: &Value) -> i64 {
    if let Value::Id(id) = value { *id } else { 0 }
}

fn status_code(status: Status) -> i64 {
    Status::ALL.iter().position(|s| *s == status).unwrap_or_default() as i64
}

fn lifecycle_code(lifecycle: Lifecycle) -> i64 {
    lifecycle as i64
}
