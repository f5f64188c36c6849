//! Drivers: the index lookups that could serve a filter, and how much each would yield.

use super::sql::{
    Compiler, Sql, compact, iccid_keys, id_of, listed_numbers, number_column, sign, status_code, tag_kind,
};
use crate::error::Result;
use crate::filter::{Field, Filter, Op, Term, Value};
use crate::ident::Iccid;
use crate::ids::AccountId;
use crate::text;

/// A subquery that yields `id`s and covers every match, with a bounded guess at how many it yields.
pub(crate) struct Driver {
    pub sql: Sql,
    pub size: u64,
    /// What reading one number of it takes, in nanoseconds.
    pub(super) apiece: f64,
}

/// Numbers straight from an index; from several at once; from the text index.
pub(super) const PLAIN: f64 = 50.0;
const UNITED: f64 = 300.0;
const TEXT: f64 = 1_000.0;

/// A driver this small is read whole and sorted; above it the sort index is walked.
pub(crate) const SMALL: u64 = 20_000;

/// Values that are looked up one by one in an index, at most.
const LISTED_APART: usize = 100;

/// Parts of a filter whose indexes are looked at, at most.
pub(super) const CONSIDERED: usize = 50;

/// A lookup that can stand in a compound, whatever it is made of.
fn nest_select(sql: Sql) -> Sql {
    Sql { text: format!("SELECT id FROM ({})", sql.text), ..sql }
}

impl Compiler<'_> {
    /// The smallest index lookup that covers every match of `filter` within `scope`.
    pub fn driver(&self, filter: &Filter, scope: Option<&[i64]>) -> Result<Option<Driver>> {
        let of_scope = scope.map(|ids| self.of_accounts(ids));
        // What lies beside a customer's few SIMs is not even counted: the time it takes would tell
        // of it.
        if !self.accounts.has_root() && of_scope.as_ref().is_some_and(|own| own.size <= SMALL) {
            return Ok(of_scope);
        }
        let of_filter = self.of(filter)?;
        Ok([of_scope, of_filter].into_iter().flatten().min_by_key(|d| d.size))
    }

    pub(super) fn of(&self, filter: &Filter) -> Result<Option<Driver>> {
        match filter {
            // Any of the parts covers all of it: the smallest is taken.
            Filter::And(list) => {
                let mut best: Option<Driver> = None;
                for part in list.iter().take(CONSIDERED) {
                    let driver = self.of(part)?;
                    let better = |d: &Driver| best.as_ref().is_none_or(|b| d.size < b.size);
                    best = driver.filter(better).or(best);
                }
                Ok(best)
            }
            // All of the parts are needed.
            Filter::Or(list) if list.len() <= CONSIDERED => {
                let mut all = Vec::new();
                for part in list {
                    match self.of(part)? {
                        Some(driver) => all.push(driver),
                        None => return Ok(None),
                    }
                }
                let size = all.iter().map(|d| d.size).sum();
                let parts = all.into_iter().map(|d| nest_select(d.sql)).collect();
                Ok(Some(Driver { sql: Sql::join(parts, " UNION "), size, apiece: UNITED }))
            }
            Filter::Term(term) => self.of_term(term),
            Filter::All | Filter::Or(_) | Filter::Not(_) => Ok(None),
        }
    }

    fn of_term(&self, term: &Term) -> Result<Option<Driver>> {
        // Looking has to stay cheaper than finding.
        self.tried.set(self.tried.get() + 1);
        if self.tried.get() > 2 * CONSIDERED {
            return Ok(None);
        }
        if let Some(ids) = term.accounts(self.accounts)? {
            let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
            return Ok((term.op != Op::Ne).then(|| self.of_accounts(&ids)));
        }
        let Some(sql) = self.index(term)? else { return Ok(None) };
        let size = self.size(&sql)?;
        let apiece = match term.values.as_slice() {
            _ if sql.text.contains("sim_text") => TEXT,
            [_] => PLAIN,
            _ => UNITED,
        };
        Ok(Some(Driver { sql, size, apiece }))
    }

    pub(super) fn of_accounts(&self, ids: &[i64]) -> Driver {
        let size = ids.iter().filter_map(|id| self.accounts.get(AccountId(*id))).map(|a| a.own).sum();
        let sql = Sql::new("SELECT id FROM sim INDEXED BY sim_account WHERE account_id IN rarray(?)");
        Driver { sql: sql.with_many(ids.iter().copied()), size, apiece: PLAIN }
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
        if term.op == Op::Ne || (term.values.len() > LISTED_APART && !is_listed(term)) {
            return Ok(None);
        }
        if let Some(keys) = iccid_keys(term) {
            let sql = Sql::new("SELECT id FROM sim WHERE iccid_key IN rarray(?)");
            return Ok(Some(sql.with_texts(keys)));
        }
        if let Some(numbers) = listed_numbers(term).filter(|_| term.values.len() > 1) {
            let column = term.field.name();
            let indexed = matches!(term.field, Field::Imsi | Field::Msisdn);
            let sql = Sql::new(format!(
                "SELECT id FROM sim INDEXED BY sim_{column} WHERE {column} IN rarray(?)"
            ));
            return Ok(indexed.then(|| sql.with_texts(numbers)));
        }
        if term.field == Field::Id {
            let sql = Sql::new("SELECT id FROM sim WHERE id IN rarray(?)");
            return Ok(Some(sql.with_many(term.values.iter().map(id_of))));
        }
        if term.field == Field::AccountId {
            let sql = Sql::new("SELECT id FROM sim INDEXED BY sim_account WHERE account_id IN rarray(?)");
            return Ok(Some(sql.with_many(term.values.iter().map(id_of))));
        }
        if let Some(names) = self.names(term)? {
            let column = term.field.name();
            let sql = Sql::new(format!(
                "SELECT id FROM sim INDEXED BY sim_{column} WHERE {column} IN rarray(?)"
            ));
            return Ok(Some(sql.with_texts(names)));
        }
        if let Some(names) = self.tags(term)? {
            let sql = "SELECT DISTINCT sim_id AS id FROM sim_tag WHERE kind = ? AND name IN rarray(?)";
            return Ok(Some(Sql::new(sql).with(tag_kind(term.field)).with_texts(names)));
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
        let exact = matches!(term.op, Op::Has | Op::Eq);
        Ok(match (term.field, value) {
            (Field::Status, Value::Status(status)) if exact => Some(
                Sql::new("SELECT id FROM sim INDEXED BY sim_status WHERE status = ?")
                    .with(status_code(*status)),
            ),
            (Field::Session, Value::Flag(flag)) if exact => Some(
                Sql::new("SELECT id FROM sim INDEXED BY sim_session WHERE in_session = ?")
                    .with(i64::from(*flag)),
            ),
            (Field::Used | Field::Cap | Field::UsedPct, Value::Bytes(n) | Value::Percent(n)) => {
                Some(index_of_number(term, *n as i64))
            }
            (Field::Seen, Value::At(t)) => Some(index_of_seen(term, t.0)),
            (Field::Seen, Value::Age(seconds)) => {
                Some(index_of_seen(term, self.now.0.saturating_sub_unsigned(*seconds)))
            }
            (Field::Has | Field::No, Value::Field(asked)) => {
                index_of_filled(*asked, term.field == Field::Has)
            }
            (_, Value::Text(wanted)) if exact => self.index_of_text(term, wanted)?,
            _ => None,
        })
    }

    fn index_of_text(&self, term: &Term, wanted: &str) -> Result<Option<Sql>> {
        let column = term.field.name();
        Ok(match (term.field, term.op) {
            (Field::Imsi | Field::Msisdn, Op::Eq) => {
                let sql =
                    Sql::new(format!("SELECT id FROM sim INDEXED BY sim_{column} WHERE {column} = ?"));
                Some(sql.with(compact(&text::fold(wanted))))
            }
            (Field::Iccid, Op::Eq) => Iccid::parse(wanted)
                .ok()
                .map(|(iccid, _)| Sql::new("SELECT id FROM sim WHERE iccid_key = ?").with(iccid.key())),
            // What folds alike has one key.
            (Field::Label, Op::Eq) => Some(
                Sql::new("SELECT id FROM sim INDEXED BY sim_label WHERE label_sort = ?")
                    .with(text::natural_key(wanted)),
            ),
            (field, Op::Has) if wanted.contains('*') => match index_of_ends(field, wanted) {
                Some(sql) => Some(sql),
                None if in_text_index(field) => self.text_index(field, &text::fold(wanted))?,
                None => None,
            },
            (field, _) if in_text_index(field) => self.text_index(field, &text::fold(wanted))?,
            _ => None,
        })
    }

    /// The trigram index, the rows it has not reached yet, and for a lone word the accounts of that
    /// name.
    fn text_index(&self, field: Field, wanted: &str) -> Result<Option<Sql>> {
        let wanted = if field == Field::Label || field == Field::Any {
            wanted.to_owned()
        } else {
            compact(wanted)
        };
        let longest =
            wanted.split('*').max_by_key(|part| part.chars().count()).unwrap_or_default().to_owned();
        // Every trigram more is another long list to cross; the tail of a number tells enough, and
        // hits are looked at again.
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
                sql.push(
                    Sql::new(" UNION SELECT rowid FROM sim_text WHERE sim_text MATCH ?").with(phrase),
                );
            }
            let accounts = if field == Field::Any { self.accounts_named(&wanted) } else { Vec::new() };
            if !accounts.is_empty() {
                let more =
                    " UNION SELECT id FROM sim INDEXED BY sim_account WHERE account_id IN rarray(?)";
                sql.push(Sql::new(more).with_many(accounts));
            }
        }
        Ok(Some(sql))
    }
}

/// A range of usage, caps or percentages; absent is 0 for a cap and -1 for a percentage.
fn index_of_number(term: &Term, n: i64) -> Sql {
    let (column, sign) = (number_column(term.field), sign(term.op));
    // Of two lower bounds SQLite might walk from the lower one.
    let floor = match term.field {
        Field::Cap if sign.starts_with('<') || n <= 0 => "cap > 0 AND ",
        Field::UsedPct if sign.starts_with('<') || n < 0 => "used_pct >= 0 AND ",
        _ => "",
    };
    Sql::new(format!("SELECT id FROM sim WHERE {floor}{column} {sign} ?")).with(n)
}

fn index_of_seen(term: &Term, at: i64) -> Sql {
    let sign = sign(term.op);
    let floor = if sign.starts_with('<') || at <= 0 { "seen > 0 AND " } else { "" };
    Sql::new(format!("SELECT id FROM sim WHERE {floor}seen {sign} ?")).with(at)
}

/// Fields that are filled or empty, where an index knows.
fn index_of_filled(field: Field, filled: bool) -> Option<Sql> {
    let sign = if filled { ">" } else { "=" };
    let simple = |column: &str, least: &str| {
        Some(Sql::new(format!(
            "SELECT id FROM sim INDEXED BY sim_{column} WHERE {column} {sign} {least}"
        )))
    };
    match field {
        Field::Cap => simple("cap", "0"),
        Field::Used => simple("used", "0"),
        Field::Seen => simple("seen", "0"),
        Field::Network | Field::Tariff | Field::Imsi | Field::Msisdn => simple(field.name(), "''"),
        Field::Tag | Field::Category if filled => Some(
            Sql::new("SELECT DISTINCT sim_id AS id FROM sim_tag WHERE kind = ?").with(tag_kind(field)),
        ),
        _ => None,
    }
}

/// Numbers by their first or last digits: `8944*`, `*0057`.
fn index_of_ends(field: Field, wanted: &str) -> Option<Sql> {
    let (head, tail) = wanted.split_once('*')?;
    let (head, tail) = (compact(head), compact(tail));
    let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    let range = |column: &str, low: String| {
        let high = low.clone() + ":";
        let sql = format!("SELECT id FROM sim WHERE {column} >= ? AND {column} < ?");
        Some(Sql::new(sql).with(low).with(high))
    };
    match field {
        Field::Iccid if digits(&tail) => range("iccid_rev", tail.chars().rev().collect()),
        Field::Iccid if digits(&head) && head.len() < 19 => range("iccid_key", head),
        Field::Imsi | Field::Msisdn if digits(&head) => range(field.name(), head),
        _ => None,
    }
}

/// Whether a long list of a field is one lookup.
fn is_listed(term: &Term) -> bool {
    matches!(
        term.field,
        Field::Id | Field::AccountId | Field::Network | Field::Tariff | Field::Tag | Field::Category
    ) || iccid_keys(term).is_some()
        || listed_numbers(term).is_some()
}

fn in_text_index(field: Field) -> bool {
    matches!(
        field,
        Field::Any | Field::Iccid | Field::Imsi | Field::Msisdn | Field::Eid | Field::Imei | Field::Label
    )
}
