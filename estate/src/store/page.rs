//! Pages: a window of rows by keyset, from the sort index or from the index that serves the filter.

use std::cmp::Ordering;
use std::time::{Duration, Instant};

use rusqlite::types::{Value as Sqlite, ValueRef};
use rusqlite::{Row as SqlRow, params_from_iter};

use super::access_path::{Driver, SMALL};
use super::index_intersection::Crossing;
use super::read::{COLUMN_COUNT, COLUMNS, View, sim};
use super::sql::{Param, Sql};
use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::ids::{AccountId, SimId};
use crate::progress::CancelToken;
use crate::query::{Column, Key, Order, Page, Query, Row, Seek, Sort, SortValue, WINDOW};
use crate::store::read::Side;

/// How long the sort index is walked for matches at first: what is common is found by then.
const BRIEF: Duration = Duration::from_millis(8);
/// How long it is walked where all matches would have to be gathered from everywhere.
const PATIENCE: Duration = Duration::from_millis(50);
/// How long where it is known of each SIM whether it is worth a look: as long as the whole of it
/// takes.
const PATIENCE_AMONG: Duration = Duration::from_millis(150);

/// The share of matches among SIMs above which few are read in vain.
const MOSTLY: f64 = 0.5;

/// No list is longer; it keeps sums within 64 bits.
const MOST: u64 = 1 << 40;

/// A seek, taken apart: which way, from where, how far in.
struct Step<'a> {
    forward: bool,
    bound: Option<(Side, &'a Key)>,
    skip: u64,
}

impl Step<'_> {
    fn of(seek: &Seek) -> Step<'_> {
        let side = |later, inclusive| Side { later, inclusive };
        let (forward, bound, skip) = match seek {
            Seek::First => (true, None, 0),
            Seek::Last => (false, None, 0),
            Seek::After(key) => (true, Some((side(true, false), key)), 0),
            Seek::At(key) => (true, Some((side(true, true), key)), 0),
            Seek::Before(key) => (false, Some((side(false, false), key)), 0),
            Seek::Row(n) => (true, None, (*n).min(MOST)),
        };
        Step { forward, bound, skip }
    }
}

/// What each column is sorted by: an SQL expression, and the index that is in that order, if there
/// is one.
fn sort_expression(column: Column) -> (&'static str, Option<&'static str>) {
    match column {
        Column::Iccid => ("s.iccid_key", Some("sim_iccid")),
        Column::Label => ("s.label_sort", Some("sim_label")),
        Column::Account => ("place(s.account_id)", Some("sim_account")),
        Column::Status => ("s.status", Some("sim_status")),
        Column::Session => ("s.in_session", Some("sim_session")),
        Column::Network => ("s.network", Some("sim_network")),
        Column::Used => ("s.used", Some("sim_used")),
        Column::Cap => ("s.cap", Some("sim_cap")),
        Column::UsedPct => ("s.used_pct", Some("sim_used_pct")),
        Column::Seen => ("s.seen", Some("sim_seen")),
        Column::Tariff => ("s.tariff", Some("sim_tariff")),
        Column::Imsi => ("s.imsi", Some("sim_imsi")),
        Column::Msisdn => ("s.msisdn", Some("sim_msisdn")),
        Column::Alert => ("s.alert", None),
        Column::Hard => ("s.hard_cap", None),
        Column::AsOf => ("s.usage_as_of", None),
        Column::Activated => ("s.activated", None),
        Column::Lifecycle => ("s.lifecycle", None),
        Column::Eid => ("s.eid", None),
        Column::Imei => ("s.imei", None),
        Column::Tags => ("s.tags", None),
        Column::Categories => ("s.categories", None),
        Column::Notes => ("s.notes", None),
        Column::Recipients => ("s.recipients", None),
    }
}

fn expression(column: Column) -> &'static str {
    sort_expression(column).0
}

/// What a query is sorted by, to be selected along with its rows.
fn expressions(order: &Order) -> String {
    order.keys().iter().map(|s| format!(", {}", expression(s.by))).collect()
}

/// `ORDER BY` for a direction through the order; `+` keeps SQLite from walking an index for it.
fn order_by(keys: &[Sort], last: Sort, forward: bool, plus: &str) -> String {
    let way = |descending: bool| if forward == descending { "DESC" } else { "ASC" };
    let terms: String =
        keys.iter().map(|s| format!("{plus}{} {}, ", expression(s.by), way(s.descending))).collect();
    format!(" ORDER BY {terms}{plus}s.id {}", way(last.descending))
}

impl View<'_> {
    /// Reads one window.
    pub fn page(&self, query: &Query, seek: &Seek, limit: u16, cancel: &CancelToken) -> Result<Page> {
        let limit = limit.clamp(1, WINDOW) as usize;
        let step = Step::of(seek);
        self.session.use_accounts(&self.accounts);
        let mut rows = self.rows(query, &step, limit + 1, cancel)?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let (mut before, mut after) = match seek {
            Seek::First => (false, more),
            Seek::Last => (more, false),
            Seek::After(_) => (true, more),
            Seek::Before(_) => (more, true),
            Seek::Row(n) => (*n > 0, more),
            Seek::At(key) => (self.exists(query, &Seek::Before(key.clone()), cancel)?, more),
        };
        if !step.forward {
            rows.reverse();
        }
        if rows.is_empty() {
            (before, after) = (before && self.exists(query, &Seek::Last, cancel)?, false);
        }
        Ok(Page { rows, before, after, rev: self.session.rev()? })
    }

    fn exists(&self, query: &Query, seek: &Seek, cancel: &CancelToken) -> Result<bool> {
        Ok(!self.rows(query, &Step::of(seek), 1, cancel)?.is_empty())
    }

    fn rows(
        &self,
        query: &Query,
        step: &Step<'_>,
        limit: usize,
        cancel: &CancelToken,
    ) -> Result<Vec<Row>> {
        let scope = self.scope_of(query)?;
        let driver = self.compiler(query.now).driver(&query.filter, scope.as_deref())?;
        if let Some(driver) = driver.as_ref().filter(|d| d.size <= SMALL) {
            return self.gather(query, step, limit, Some(&driver.sql));
        }
        let first = query.sort.first().by;
        let counted = first == Column::Account && step.skip > 0 && query.filter != Filter::All;
        // Where few values come first, nearly all rows are in one heap that the second column has
        // to sort.
        let heaps = query.sort.keys().len() > 1
            && matches!(first, Column::Status | Column::Session | Column::Network | Column::Tariff);
        if counted || heaps || sort_expression(first).1.is_none() {
            // How many matches each account has is not known beforehand; and what no index sorts
            // has to be gathered.
            let crossing = self.compiler(query.now).intersect(&query.filter, scope.as_deref())?;
            return self.gather_from(query, step, limit, crossing.as_ref(), driver);
        }
        if query.filter == Filter::All && scope.is_none() {
            return self.walk(query, step, limit, None);
        }
        let walk_for = |patience, among: Option<&Crossing>| {
            self.within(patience, cancel, || self.walk(query, step, limit, among))
        };
        if let Some(rows) = walk_for(BRIEF, None)? {
            return Ok(rows);
        }
        // Rare among many: the indexes tell which SIMs are worth reading.
        let crossing = self.compiler(query.now).intersect(&query.filter, scope.as_deref())?;
        let patience = match &crossing {
            Some(crossing) if crossing.count() <= SMALL => None,
            Some(crossing) if first != Column::Account && crossing.share > MOSTLY => Some(PATIENCE_AMONG),
            _ => Some(PATIENCE),
        };
        if let Some(patience) = patience
            && let Some(rows) = walk_for(patience, crossing.as_ref())?
        {
            return Ok(rows);
        }
        self.gather_from(query, step, limit, crossing.as_ref(), driver)
    }

    /// Works for so long; `None` when that was not long enough.
    fn within<T>(
        &self,
        patience: Duration,
        cancel: &CancelToken,
        work: impl FnOnce() -> Result<T>,
    ) -> Result<Option<T>> {
        self.session.stop_when(cancel, Some(Instant::now() + patience));
        let walked = work();
        self.session.stop_when(cancel, None);
        match walked {
            Err(Error::Cancelled) if !cancel.is_cancelled() => Ok(None),
            other => other.map(Some),
        }
    }

    /// Gathers from what the indexes have in common; where they have nothing to say, from
    /// everything.
    fn gather_from(
        &self,
        query: &Query,
        step: &Step<'_>,
        limit: usize,
        crossing: Option<&Crossing>,
        driver: Option<Driver>,
    ) -> Result<Vec<Row>> {
        // Never over other people's SIMs: below the root the scope itself is an index lookup.
        let narrow = if self.whole { None } else { driver.map(|d| d.sql) };
        let lookup = crossing.filter(|c| c.is_rare()).map(Crossing::lookup).or(narrow);
        self.gather(query, step, limit, lookup.as_ref())
    }

    /// Reads every match and sorts them.
    fn gather(
        &self,
        query: &Query,
        step: &Step<'_>,
        limit: usize,
        driver: Option<&Sql>,
    ) -> Result<Vec<Row>> {
        // Sorted by number alone; whole rows are read for those that are shown.
        let keys = expressions(&query.sort);
        let order = order_by(query.sort.keys(), query.sort.first(), step.forward, "+");
        let mut sql = Sql::new(format!("SELECT {COLUMNS}{keys} FROM (SELECT s.id AS id FROM "));
        match driver {
            Some(driver) => {
                sql.text.push('(');
                sql.push(driver.clone());
                sql.text.push_str(") d CROSS JOIN sim s ON s.id = d.id WHERE ");
            }
            None => sql.text.push_str("sim s NOT INDEXED WHERE "),
        }
        sql.push(self.condition(query)?);
        if let Some((side, from)) = step.bound {
            sql.text.push_str(" AND ");
            sql.push(self.key_bound(&query.sort, side, from)?);
        }
        sql.text.push_str(&order);
        let mut sql = with_limit(sql, limit, step.skip);
        sql.text.push_str(&format!(") w CROSS JOIN sim s ON s.id = w.id{order}"));
        self.fetch(&sql, query.sort.keys())
    }

    /// Walks the index of the first column and keeps what matches; rows are read only of those it
    /// is to look among.
    fn walk(
        &self,
        query: &Query,
        step: &Step<'_>,
        limit: usize,
        among: Option<&Crossing>,
    ) -> Result<Vec<Row>> {
        let (keys, first) = (query.sort.keys(), query.sort.first());
        if first.by == Column::Account {
            return self.walk_accounts(query, step, limit);
        }
        let index =
            sort_expression(first.by).1.map(|index| format!("INDEXED BY {index} ")).unwrap_or_default();
        let mut sql =
            Sql::new(format!("SELECT {COLUMNS}{} FROM sim s {index}WHERE ", expressions(&query.sort)));
        if let Some((side, from)) = step.bound {
            sql.push(self.key_bound(&query.sort, side, from)?);
            sql.text.push_str(" AND ");
        }
        if let Some(crossing) = among {
            sql.push(crossing.condition());
            sql.text.push_str(" AND ");
        }
        sql.push(self.condition(query)?);
        sql.text.push_str(&order_by(keys, first, step.forward, ""));
        self.fetch(&with_limit(sql, limit, step.skip), keys)
    }

    /// Walks the accounts in tree order, and the SIMs of each in the rest of the order.
    fn walk_accounts(&self, query: &Query, step: &Step<'_>, limit: usize) -> Result<Vec<Row>> {
        let (keys, first) = (query.sort.keys(), query.sort.first());
        let up = step.forward != first.descending;
        let subtree = self.accounts.subtree(query.under);
        let scope = if query.deep { subtree } else { &subtree[..1.min(subtree.len())] };
        let mut places: Vec<AccountId> = scope.iter().filter(|a| a.own > 0).map(|a| a.id).collect();
        if !up {
            places.reverse();
        }
        let from = step.bound.map(|(side, key)| (side, key, account_of(key)));
        let unknown = |id: &AccountId| Error::not_found("account", format!("#{}", id.0));
        let placed = |(.., id): &(_, _, AccountId)| self.accounts.place(*id).ok_or_else(|| unknown(id));
        let start = from.as_ref().map(placed).transpose()?;
        // The accounts are those of the scope already.
        let condition = self.compiler(query.now).condition(&query.filter)?;
        let select = format!(
            "SELECT {COLUMNS}{} FROM sim s INDEXED BY sim_account WHERE s.account_id = ? AND ",
            expressions(&query.sort)
        );
        let (mut rows, mut skip) = (Vec::new(), step.skip);
        for id in places {
            let place = self.accounts.place(id);
            if start.is_some() && (if up { place < start } else { place > start }) {
                continue;
            }
            let own = self.accounts.get(id).map_or(0, |a| a.own);
            if query.filter == Filter::All && skip >= own {
                skip -= own;
                continue;
            }
            self.session.check_stop()?;
            let mut sql = Sql::new(select.as_str()).with(id.0);
            if let Some((side, key, _)) = from.as_ref().filter(|(.., at)| *at == id) {
                sql.push(self.seek_bound(&keys[1..], &key.values[1..], first, *side, key.id)?);
                sql.text.push_str(" AND ");
            }
            sql.push(condition.clone());
            sql.text.push_str(&order_by(&keys[1..], first, step.forward, ""));
            rows.extend(self.fetch(&with_limit(sql, limit - rows.len(), skip), keys)?);
            skip = 0;
            if rows.len() >= limit {
                break;
            }
        }
        Ok(rows)
    }

    fn fetch(&self, sql: &Sql, keys: &[Sort]) -> Result<Vec<Row>> {
        let mut statement = self.session.prepare_cached(&sql.text)?;
        let rows = statement.query_map(params_from_iter(&sql.params), |r| row(r, keys))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// What lies on one side of a row, in the order given.
    pub fn key_bound(&self, order: &Order, side: Side, key: &Key) -> Result<Sql> {
        if key.values.len() != order.keys().len() {
            return Err(Error::invalid("cursor", "belongs to another order; read the list anew"));
        }
        self.seek_bound(order.keys(), &key.values, order.first(), side, key.id)
    }

    /// One row value where every column runs the same way; else each column in turn.
    fn seek_bound(
        &self,
        keys: &[Sort],
        values: &[SortValue],
        last: Sort,
        side: Side,
        id: SimId,
    ) -> Result<Sql> {
        let sign = |descending: bool| if side.later == descending { "<" } else { ">" };
        let or_equal = if side.inclusive { "=" } else { "" };
        let values = keys
            .iter()
            .zip(values)
            .map(|(s, v)| self.bound_value(s.by, v))
            .collect::<Result<Vec<_>>>()?;
        let end = sign(last.descending);
        if keys.iter().all(|s| s.descending == last.descending) {
            let names: String = keys.iter().map(|s| format!("{}, ", expression(s.by))).collect();
            let marks = "?, ".repeat(keys.len());
            let mut sql = Sql::new(format!("({names}s.id) {end}{or_equal} ({marks}?)"));
            sql.params = values;
            return Ok(sql.with(id.0));
        }
        let mut sql = Sql::new(format!("s.id {end}{or_equal} ?")).with(id.0);
        for (sort, value) in keys.iter().zip(&values).rev() {
            let (name, sign) = (expression(sort.by), sign(sort.descending));
            sql.text = format!("({name} {sign} ? OR ({name} = ? AND {}))", sql.text);
            sql.params.splice(0..0, [value.clone(), value.clone()]);
        }
        let (name, sign) = (expression(keys[0].by), sign(keys[0].descending));
        sql.text = format!("({name} {sign}= ? AND {})", sql.text);
        sql.params.insert(0, values[0].clone());
        Ok(sql)
    }

    fn bound_value(&self, by: Column, value: &SortValue) -> Result<Param> {
        Ok(Param::One(match (value, by) {
            (SortValue::Number(id), Column::Account) => {
                let place = self.accounts.place(AccountId(*id));
                Sqlite::from(place.ok_or_else(|| Error::not_found("account", format!("#{id}")))? as i64)
            }
            (SortValue::Number(n), _) => Sqlite::from(*n),
            (SortValue::Text(text), _) => Sqlite::from(text.clone()),
        }))
    }

    /// Two keys, the one that comes first in the query's order first.
    pub fn order_keys(&self, query: &Query, a: &Key, b: &Key) -> (Key, Key) {
        self.session.use_accounts(&self.accounts);
        let place = |id: i64| self.accounts.place(AccountId(id)).map_or(i64::MAX, |p| p as i64);
        let compared = |sort: &Sort, a: &SortValue, b: &SortValue| {
            let found = match (a, b) {
                (SortValue::Number(a), SortValue::Number(b)) if sort.by == Column::Account => {
                    place(*a).cmp(&place(*b))
                }
                (SortValue::Number(a), SortValue::Number(b)) => a.cmp(b),
                (SortValue::Text(a), SortValue::Text(b)) => a.cmp(b),
                _ => Ordering::Equal,
            };
            if sort.descending { found.reverse() } else { found }
        };
        let values = query.sort.keys().iter().zip(a.values.iter().zip(&b.values));
        let by_value = values.map(|(sort, (a, b))| compared(sort, a, b)).find(|o| o.is_ne());
        let by_id = if query.sort.first().descending { b.id.cmp(&a.id) } else { a.id.cmp(&b.id) };
        if by_value.unwrap_or(by_id).is_le() { (a.clone(), b.clone()) } else { (b.clone(), a.clone()) }
    }
}

fn with_limit(mut sql: Sql, limit: usize, skip: u64) -> Sql {
    sql.text.push_str(" LIMIT ? OFFSET ?");
    sql.with(limit as i64).with(skip as i64)
}

fn account_of(key: &Key) -> AccountId {
    match key.values.first() {
        Some(SortValue::Number(id)) => AccountId(*id),
        _ => AccountId(0),
    }
}

fn row(row: &SqlRow<'_>, keys: &[Sort]) -> rusqlite::Result<Row> {
    let sim = sim(row)?;
    let value = |(at, sort): (usize, &Sort)| {
        Ok(match (sort.by, row.get_ref(COLUMN_COUNT + at)?) {
            (Column::Account, _) => SortValue::Number(sim.account.0),
            (_, ValueRef::Text(text)) => SortValue::Text(String::from_utf8_lossy(text).into_owned()),
            (_, other) => SortValue::Number(other.as_i64()?),
        })
    };
    let values = keys.iter().enumerate().map(value).collect::<rusqlite::Result<_>>()?;
    Ok(Row { key: Key { values, id: sim.id }, sim })
}

impl View<'_> {
    /// Streams every match in order, or the SIMs of a target among them; stops when the sink says
    /// so.
    pub fn each(
        &self,
        query: &Query,
        target: Option<&crate::change::Target>,
        sink: &mut crate::Sink<'_>,
    ) -> Result<u64> {
        self.session.use_accounts(&self.accounts);
        let first = query.sort.first();
        let index = sort_expression(first.by).1.filter(|_| first.by != Column::Account);
        let mut sql = Sql::new(format!("SELECT {COLUMNS} "));
        match target {
            Some(target) => {
                sql.text.push_str("FROM sim s WHERE ");
                sql.push(self.target(target)?);
            }
            None => match index {
                Some(index) if query.filter == Filter::All && self.scope_of(query)?.is_none() => {
                    sql.text.push_str(&format!("FROM sim s INDEXED BY {index} WHERE 1"));
                }
                _ => sql.push(self.from(query)?),
            },
        }
        sql.text.push_str(&order_by(query.sort.keys(), first, true, ""));
        let mut statement = self.session.prepare(&sql.text)?;
        let mut rows = statement.query(params_from_iter(&sql.params))?;
        let mut written = 0;
        while let Some(row) = rows.next()? {
            if !sink(&sim(row)?)? {
                return Err(Error::Cancelled);
            }
            written += 1;
        }
        Ok(written)
    }
}
