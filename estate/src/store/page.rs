//! Pages: a window of rows by keyset, from the sort index or from the index that serves the filter.

use std::time::{Duration, Instant};

use rusqlite::{Row as SqlRow, params_from_iter};

use super::driver::SMALL;
use super::read::{COLUMNS, View, sim};
use super::sql::Sql;
use crate::account::AccountId;
use crate::change::Cancel;
use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::query::{Column, Key, Page, Query, Row, Seek, SortValue, WINDOW};

/// How long the sort index is walked for matches before the matches are gathered and sorted instead.
const PATIENCE: Duration = Duration::from_millis(60);

/// No list is longer; it keeps sums within 64 bits.
const MOST: u64 = 1 << 40;

/// A seek, taken apart: which way, from where, how far in.
struct Step<'a> {
    forward: bool,
    bound: Option<(&'static str, &'a Key)>,
    skip: u64,
}

impl Step<'_> {
    fn of(seek: &Seek) -> Step<'_> {
        let (forward, bound, skip) = match seek {
            Seek::First => (true, None, 0),
            Seek::Last => (false, None, 0),
            Seek::After(key) => (true, Some((">", key)), 0),
            Seek::At(key) => (true, Some((">=", key)), 0),
            Seek::Before(key) => (false, Some(("<", key)), 0),
            Seek::Row(n) => (true, None, (*n).min(MOST)),
        };
        Step { forward, bound, skip }
    }
}

/// The SQL expression a column is sorted by.
fn expression(column: Column) -> &'static str {
    match column {
        Column::Iccid => "s.iccid_key",
        Column::Label => "s.label_key",
        Column::Account => "place(s.account_id)",
        Column::Status => "s.status",
        Column::Session => "s.in_session",
        Column::Network => "s.network",
        Column::Used => "s.used",
        Column::Cap => "s.cap",
        Column::UsedPct => "s.used_pct",
        Column::Seen => "s.seen",
    }
}

fn index(column: Column) -> &'static str {
    match column {
        Column::Iccid => "sim_iccid",
        Column::Label => "sim_label",
        Column::Account => "sim_account",
        Column::Status => "sim_status",
        Column::Session => "sim_session",
        Column::Network => "sim_network",
        Column::Used => "sim_used",
        Column::Cap => "sim_cap",
        Column::UsedPct => "sim_used_pct",
        Column::Seen => "sim_seen",
    }
}

impl View<'_> {
    /// Reads one window.
    pub fn page(&self, query: &Query, seek: &Seek, limit: u16, cancel: &Cancel) -> Result<Page> {
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

    fn exists(&self, query: &Query, seek: &Seek, cancel: &Cancel) -> Result<bool> {
        Ok(!self.rows(query, &Step::of(seek), 1, cancel)?.is_empty())
    }

    fn rows(&self, query: &Query, step: &Step<'_>, limit: usize, cancel: &Cancel) -> Result<Vec<Row>> {
        let scope = self.scope_of(query)?;
        let driver = self.compiler(query.now).driver(&query.filter, scope.as_deref())?;
        if let Some(driver) = driver.as_ref().filter(|d| d.size <= SMALL) {
            return self.gather(query, step, limit, Some(&driver.sql));
        }
        let counted = query.sort.by == Column::Account && step.skip > 0 && query.filter != Filter::All;
        if counted {
            // How many matches each account has is not known beforehand.
            return self.gather(query, step, limit, driver.as_ref().map(|d| &d.sql));
        }
        let everything = query.filter == Filter::All && scope.is_none();
        let deadline = (!everything).then(|| Instant::now() + PATIENCE);
        self.session.stop_when(cancel, deadline);
        let walked = self.walk(query, step, limit);
        self.session.stop_when(cancel, None);
        match walked {
            Err(Error::Cancelled) if deadline.is_some() && !cancel.is_cancelled() => {
                // Rare among many: reading all matches once beats walking the whole order for them.
                let total: u64 = self.accounts.all().first().map_or(0, |a| a.subtree);
                // Never over other people's SIMs: below the root the scope itself is an index lookup.
                let driver = driver.filter(|d| !self.whole || d.size < total / 4);
                self.gather(query, step, limit, driver.as_ref().map(|d| &d.sql))
            }
            other => other,
        }
    }

    /// Reads every match and sorts them.
    fn gather(&self, query: &Query, step: &Step<'_>, limit: usize, driver: Option<&Sql>) -> Result<Vec<Row>> {
        let key = expression(query.sort.by);
        let mut sql = match driver {
            Some(driver) => {
                let mut sql = Sql::new(format!("SELECT {COLUMNS}, {key} FROM ("));
                sql.push(driver.clone());
                sql.text.push_str(") d CROSS JOIN sim s ON s.id = d.id WHERE ");
                sql
            }
            None => Sql::new(format!("SELECT {COLUMNS}, {key} FROM sim s NOT INDEXED WHERE ")),
        };
        sql.push(self.condition(query)?);
        if let Some((sign, from)) = step.bound {
            sql.text.push_str(" AND ");
            sql.push(self.key_bound(query.sort.by, facing(sign, query.sort.descending), from)?);
        }
        let direction = direction(step.forward, query.sort.descending);
        sql.text.push_str(&format!(" ORDER BY +{key} {direction}, +s.id {direction} LIMIT ? OFFSET ?"));
        self.fetch(&sql.with(limit as i64).with(step.skip as i64), query.sort.by)
    }

    /// Walks the sort index and keeps what matches.
    fn walk(&self, query: &Query, step: &Step<'_>, limit: usize) -> Result<Vec<Row>> {
        if query.sort.by == Column::Account {
            return self.walk_accounts(query, step, limit);
        }
        let (key, index) = (expression(query.sort.by), index(query.sort.by));
        let mut sql = Sql::new(format!("SELECT {COLUMNS}, {key} FROM sim s INDEXED BY {index} WHERE "));
        if let Some((sign, from)) = step.bound {
            sql.push(self.key_bound(query.sort.by, facing(sign, query.sort.descending), from)?);
            sql.text.push_str(" AND ");
        }
        sql.push(self.condition(query)?);
        let direction = direction(step.forward, query.sort.descending);
        sql.text.push_str(&format!(" ORDER BY {key} {direction}, s.id {direction} LIMIT ? OFFSET ?"));
        self.fetch(&sql.with(limit as i64).with(step.skip as i64), query.sort.by)
    }

    /// Walks the accounts in tree order, and the SIMs of each by number.
    fn walk_accounts(&self, query: &Query, step: &Step<'_>, limit: usize) -> Result<Vec<Row>> {
        let up = step.forward != query.sort.descending;
        let subtree = self.accounts.subtree(query.under);
        let scope = if query.deep { subtree } else { &subtree[..1.min(subtree.len())] };
        let mut places: Vec<AccountId> = scope.iter().filter(|a| a.own > 0).map(|a| a.id).collect();
        if !up {
            places.reverse();
        }
        let from = step.bound.map(|(sign, key)| (sign, key, account_of(key)));
        let unknown = |id: &AccountId| Error::not_found("account", format!("#{}", id.0));
        let placed = |(.., id): &(_, _, AccountId)| self.accounts.place(*id).ok_or_else(|| unknown(id));
        let start = from.as_ref().map(placed).transpose()?;
        let condition = self.condition(query)?;
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
            let mut sql = Sql::new(format!(
                "SELECT {COLUMNS}, s.account_id FROM sim s INDEXED BY sim_account WHERE s.account_id = ? AND "
            ))
            .with(id.0);
            if let Some((sign, key, _)) = from.as_ref().filter(|(.., at)| *at == id) {
                let sign = facing(sign, query.sort.descending);
                sql.push(Sql::new(format!("s.id {sign} ? AND ")).with(key.id.0));
            }
            sql.push(condition.clone());
            let direction = if up { "" } else { "DESC" };
            sql.text.push_str(&format!(" ORDER BY s.id {direction} LIMIT ? OFFSET ?"));
            let wanted = (limit - rows.len()) as i64;
            rows.extend(self.fetch(&sql.with(wanted).with(skip as i64), Column::Account)?);
            skip = 0;
            if rows.len() >= limit {
                break;
            }
        }
        Ok(rows)
    }

    fn fetch(&self, sql: &Sql, by: Column) -> Result<Vec<Row>> {
        let mut statement = self.session.prepare_cached(&sql.text)?;
        let rows = statement.query_map(params_from_iter(&sql.params), |r| row(r, by))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// `(column, id) sign (value, id)`, as a row value.
    pub fn key_bound(&self, by: Column, sign: &str, key: &Key) -> Result<Sql> {
        let sql = Sql::new(format!("({}, s.id) {sign} (?, ?)", expression(by)));
        let sql = match (&key.value, by) {
            (SortValue::Number(id), Column::Account) => {
                let place = self.accounts.place(AccountId(*id));
                sql.with(place.ok_or_else(|| Error::not_found("account", format!("#{id}")))? as i64)
            }
            (SortValue::Number(n), _) => sql.with(*n),
            (SortValue::Text(text), _) => sql.with(text.clone()),
        };
        Ok(sql.with(key.id.0))
    }

    /// Two keys, the smaller first.
    pub fn ordered(&self, query: &Query, a: &Key, b: &Key) -> (Key, Key) {
        self.session.use_accounts(&self.accounts);
        let place = |key: &Key| match (&key.value, query.sort.by) {
            (SortValue::Number(id), Column::Account) => {
                let place = self.accounts.place(AccountId(*id)).map_or(i64::MAX, |p| p as i64);
                (place, String::new(), key.id)
            }
            (SortValue::Number(n), _) => (*n, String::new(), key.id),
            (SortValue::Text(text), _) => (0, text.clone(), key.id),
        };
        if place(a) <= place(b) { (a.clone(), b.clone()) } else { (b.clone(), a.clone()) }
    }
}

fn account_of(key: &Key) -> AccountId {
    match key.value {
        SortValue::Number(id) => AccountId(id),
        SortValue::Text(_) => AccountId(0),
    }
}

fn direction(forward: bool, descending: bool) -> &'static str {
    if forward == descending { "DESC" } else { "ASC" }
}

/// Turns a comparison round for a descending order.
fn facing(sign: &'static str, descending: bool) -> &'static str {
    match (descending, sign) {
        (true, ">") => "<",
        (true, ">=") => "<=",
        (true, "<") => ">",
        _ => sign,
    }
}

fn row(row: &SqlRow<'_>, by: Column) -> rusqlite::Result<Row> {
    let sim = sim(row)?;
    let value = match by {
        Column::Account => SortValue::Number(sim.account.0),
        Column::Iccid | Column::Label | Column::Network => SortValue::Text(row.get(28)?),
        _ => SortValue::Number(row.get(28)?),
    };
    Ok(Row { key: Key { value, id: sim.id }, sim })
}

impl View<'_> {
    /// Streams every match in order, or the SIMs of a target among them; stops when the sink says so.
    pub fn each(
        &self,
        query: &Query,
        target: Option<&crate::change::Target>,
        sink: &mut crate::Sink<'_>,
    ) -> Result<u64> {
        self.session.use_accounts(&self.accounts);
        let key = expression(query.sort.by);
        let mut sql = Sql::new(format!("SELECT {COLUMNS} "));
        match target {
            Some(target) => {
                sql.text.push_str("FROM sim s WHERE ");
                sql.push(self.target(target)?);
            }
            None if query.filter == Filter::All
                && self.scope_of(query)?.is_none()
                && query.sort.by != Column::Account =>
            {
                sql.text.push_str(&format!("FROM sim s INDEXED BY {} WHERE 1", index(query.sort.by)));
            }
            None => sql.push(self.from(query)?),
        }
        let direction = direction(true, query.sort.descending);
        sql.text.push_str(&format!(" ORDER BY {key} {direction}, s.id {direction}"));
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
