//! Reads: counts, ranges, single SIMs, lookups by identifier. Every one is held to a [`View`].

use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use rusqlite::types::Value as Sqlite;
use rusqlite::{Row as SqlRow, params_from_iter};

use super::access_path::SMALL;
use super::index_intersection::Crossing;
use super::sql::{Compiler, Param, SLOW_MOST, Sql};
use crate::account::Accounts;
use crate::change::Target;
use crate::error::{Error, Result};
use crate::filter::{Field, Filter};
use crate::ident::Iccid;
use crate::ids::{AccountId, SimId};
use crate::list::{FORMS, List, Lookup, digits, form_of, is_form};
use crate::packed::split;
use crate::query::{Key, Query};
use crate::scope::Scope;
use crate::sim::{Gate, Lifecycle, Sim, Status, Verb};
use crate::store::connection::Database;
use crate::units::Time;

/// What one user sees of the store at one moment. Needs a [`Scope`], which only `Local` can make.
pub(crate) struct View<'a> {
    pub session: &'a Database,
    pub scope: &'a Scope,
    pub accounts: Arc<Accounts>,
    /// True when the user sees every account there is.
    pub whole: bool,
}

/// The columns of a [`Sim`], in the order [`sim`] reads them.
pub(crate) const COLUMNS: &str = "s.id, s.iccid, s.imsi, s.msisdn, s.eid, s.imei, s.label, s.account_id, s.lifecycle, \
    s.suspended, s.managed, s.gate, s.status, s.in_session, s.network, s.tariff, s.used, s.cap, s.alert, s.hard_cap, \
    s.usage_as_of, s.seen, s.activated, s.tags, s.categories, s.notes, s.recipients, s.version, s.back_cap, s.auth, \
    s.pending, s.state_rev, s.back_alert, s.back_at";

/// How many they are: what follows them in a row is the caller's.
pub(crate) const COLUMN_COUNT: usize = 34;

pub(crate) fn sim(row: &SqlRow<'_>) -> rusqlite::Result<Sim> {
    let level = |i| row.get::<_, i64>(i).map(|n| (n > 0).then_some(n as u64));
    let time = |i| row.get::<_, i64>(i).map(|n| (n > 0).then_some(Time(n)));
    let cap_returns_to = row.get::<_, i64>(28).map(|n| u64::try_from(n).ok())?;
    let alert_returns_to: i64 = row.get(32)?;
    let list = |i| row.get_ref(i).map(|text| split(text.as_str().unwrap_or_default()));
    Ok(Sim {
        id: SimId(row.get(0)?),
        iccid: row.get(1)?,
        imsi: row.get(2)?,
        msisdn: row.get(3)?,
        eid: row.get(4)?,
        imei: row.get(5)?,
        label: row.get(6)?,
        account: AccountId(row.get(7)?),
        lifecycle: Lifecycle::from_code(row.get(8)?),
        suspended: row.get(9)?,
        managed: row.get(10)?,
        gate: Gate::from_code(row.get(11)?),
        status: Status::from_code(row.get(12)?),
        in_session: row.get(13)?,
        network: row.get(14)?,
        tariff: row.get(15)?,
        used: row.get::<_, i64>(16)? as u64,
        cap: level(17)?,
        alert: level(18)?,
        hard_cap: row.get(19)?,
        usage_as_of: time(20)?,
        last_seen: time(21)?,
        activated: time(22)?,
        tags: list(23)?,
        categories: list(24)?,
        notes: row.get(25)?,
        recipients: list(26)?,
        version: row.get(27)?,
        authentication: row.get(29)?,
        desired: desired_state(row)?,
        state_rev: row.get(31)?,
        cap_returns_to,
        alert_returns_to: cap_returns_to.map(|_| alert_returns_to as u64),
        cap_returns_at: time(33)?.filter(|_| cap_returns_to.is_some()),
    })
}

/// What was asked for, where it is not so yet.
fn desired_state(row: &SqlRow<'_>) -> rusqlite::Result<Option<Verb>> {
    let suspended: bool = row.get(9)?;
    Ok(match row.get::<_, i64>(30)? {
        1 if suspended => Some(Verb::Resume),
        1 => Some(Verb::Activate),
        2 => Some(Verb::Suspend),
        3 => Some(Verb::Terminate),
        _ => None,
    })
}

impl View<'_> {
    pub fn compiler(&self, now: Time) -> Compiler<'_> {
        Compiler::new(self.session, &self.accounts, now)
    }

    /// The accounts a query looks at; `None` when that is every account there is.
    pub fn scope_of(&self, query: &Query) -> Result<Option<Vec<i64>>> {
        let under = self.accounts.need(query.under)?;
        if self.whole && query.deep && under.parent.is_none() {
            return Ok(None);
        }
        let subtree = self.accounts.subtree(query.under);
        let seen = if query.deep { subtree } else { &subtree[..1] };
        Ok(Some(seen.iter().map(|a| a.id.0).collect()))
    }

    /// The whole condition of a query: scope and filter.
    pub fn condition(&self, query: &Query) -> Result<Sql> {
        let mut sql = match self.scope_of(query)? {
            Some(ids) => Sql::new("s.account_id IN rarray(?) AND ").with_many(ids),
            None => Sql::default(),
        };
        sql.push(self.compiler(query.now).condition(&query.filter)?);
        Ok(sql)
    }

    /// Everything this user sees, as a condition.
    pub fn visible(&self) -> Sql {
        self.visible_in("s.account_id")
    }

    /// A column that names an account this user sees.
    pub fn visible_in(&self, column: &str) -> Sql {
        if self.whole {
            return Sql::new("1");
        }
        Sql::new(format!("{column} IN rarray(?)")).with_many(self.accounts.all().iter().map(|a| a.id.0))
    }

    /// `FROM … WHERE …` for a query, by its best index where that pays, else left to SQLite.
    pub fn from(&self, query: &Query) -> Result<Sql> {
        let scope = self.scope_of(query)?;
        let compiler = self.compiler(query.now);
        let driver = match compiler.driver(&query.filter, scope.as_deref())? {
            Some(driver) if driver.size <= SMALL => Some(driver.sql),
            None => None,
            // Many rows one by one cost more than all of them in a row.
            Some(_) => compiler
                .intersect(&query.filter, scope.as_deref())?
                .filter(Crossing::is_rare)
                .map(|crossing| crossing.lookup()),
        };
        let mut sql = match driver {
            Some(driver) => {
                let mut sql = Sql::new("FROM (");
                sql.push(driver);
                sql.text.push_str(") d CROSS JOIN sim s ON s.id = d.id WHERE ");
                sql
            }
            None => Sql::new("FROM sim s WHERE "),
        };
        sql.push(self.condition(query)?);
        Ok(sql)
    }

    pub fn count(&self, query: &Query) -> Result<u64> {
        if query.filter == Filter::All {
            let account = self.accounts.need(query.under)?;
            return Ok(if query.deep { account.subtree } else { account.own });
        }
        let mut sql = Sql::new("SELECT count(*) ");
        sql.push(self.from(query)?);
        self.number(&sql)
    }

    pub fn number(&self, sql: &Sql) -> Result<u64> {
        let mut statement = self.session.prepare_cached(&sql.text)?;
        Ok(statement.query_row(params_from_iter(&sql.params), |r| r.get::<_, i64>(0))? as u64)
    }

    fn id_list(&self, sql: &Sql) -> Result<Vec<SimId>> {
        let mut statement = self.session.prepare_cached(&sql.text)?;
        let ids = statement.query_map(params_from_iter(&sql.params), |r| r.get(0).map(SimId))?;
        Ok(ids.collect::<rusqlite::Result<_>>()?)
    }

    /// The condition that a SIM belongs to a target, as far as this user sees it.
    pub fn target(&self, target: &Target) -> Result<Sql> {
        let many = |ids: &BTreeSet<SimId>| ids.iter().map(|id| id.0).collect::<Vec<_>>();
        // Together they may cost what one filter may.
        let terms: usize = target.any.iter().map(|query| query.filter.terms().max(1)).sum();
        if target.any.len() > 1 && terms > SLOW_MOST {
            let why = format!("the filters have more than {SLOW_MOST} conditions together");
            return Err(Error::invalid("filter", why));
        }
        let mut any = target.any.iter().map(|q| self.condition(q)).collect::<Result<Vec<_>>>()?;
        if !target.ids.is_empty() || any.is_empty() {
            any.push(Sql::new("s.id IN rarray(?)").with_many(many(&target.ids)));
        }
        let mut sql = Sql::new("(((");
        sql.push(Sql::join(any, ") OR ("));
        sql.text.push_str(")) AND ");
        if !target.except.is_empty() {
            sql.push(Sql::new("s.id NOT IN rarray(?) AND ").with_many(many(&target.except)));
        }
        sql.push(self.visible());
        sql.text.push(')');
        Ok(sql)
    }

    /// How many SIMs a target holds, and how many of them `view` shows.
    pub fn count_target(&self, target: &Target, view: &Query) -> Result<(u64, u64)> {
        let one_query = target.ids.is_empty() && target.except.is_empty() && target.any.len() == 1;
        let total = if one_query {
            self.count(&target.any[0])?
        } else {
            self.number(&self.target_sql(target, None)?)?
        };
        if one_query && target.any[0].same_set(view) {
            return Ok((total, total));
        }
        let shown = self.number(&self.target_sql(target, Some(view))?)?;
        Ok((total, shown))
    }

    fn target_sql(&self, target: &Target, view: Option<&Query>) -> Result<Sql> {
        let from = if target.any.is_empty() {
            Sql::new("SELECT count(*) FROM rarray(?) t CROSS JOIN sim s ON s.id = t.value WHERE ")
                .with_many(target.ids.iter().map(|id| id.0))
        } else {
            Sql::new("SELECT count(*) FROM sim s WHERE ")
        };
        let mut sql = from;
        sql.push(self.target(target)?);
        if let Some(view) = view {
            sql.text.push_str(" AND ");
            sql.push(self.condition(view)?);
        }
        Ok(sql)
    }

    /// Which of `ids` belong to the target.
    pub fn selected_among(&self, target: &Target, ids: &[SimId]) -> Result<BTreeSet<SimId>> {
        let mut sql = Sql::new("SELECT s.id FROM sim s WHERE s.id IN rarray(?) AND ")
            .with_many(ids.iter().map(|i| i.0));
        sql.push(self.target(target)?);
        Ok(self.id_list(&sql)?.into_iter().collect())
    }

    /// Every SIM of a target.
    pub fn target_ids(&self, target: &Target, limit: u64) -> Result<Vec<SimId>> {
        let mut sql = Sql::new("SELECT s.id FROM sim s WHERE ");
        sql.push(self.target(target)?);
        sql.push(Sql::new(" ORDER BY s.id LIMIT ?").with(limit.min(1 << 40) as i64));
        self.id_list(&sql)
    }

    /// The SIMs from one row to another, both included, at most `limit` of them.
    pub fn range(&self, query: &Query, from: &Key, to: &Key, limit: u64) -> Result<Vec<SimId>> {
        let (first, last) = self.order_keys(query, from, to);
        let mut sql = Sql::new("SELECT s.id FROM sim s WHERE ");
        sql.push(self.key_bound(&query.sort, Side { later: true, inclusive: true }, &first)?);
        sql.text.push_str(" AND ");
        sql.push(self.key_bound(&query.sort, Side { later: false, inclusive: true }, &last)?);
        sql.text.push_str(" AND ");
        sql.push(self.condition(query)?);
        let limit = limit.min(1 << 40);
        sql.push(Sql::new(" LIMIT ?").with(limit as i64 + 1));
        let ids = self.id_list(&sql)?;
        if ids.len() as u64 > limit {
            return Err(Error::invalid(
                "range",
                format!("has more than {limit} SIMs; filter and mark all matching"),
            ));
        }
        Ok(ids)
    }

    pub fn sim(&self, id: SimId) -> Result<Sim> {
        let mut sql = Sql::new(format!("SELECT {COLUMNS} FROM sim s WHERE s.id = ? AND ")).with(id.0);
        sql.push(self.visible());
        self.one(&sql, || format!("#{}", id.0))
    }

    pub fn sim_by_iccid(&self, text: &str) -> Result<Sim> {
        let (iccid, _) = Iccid::parse(text)?;
        let mut sql =
            Sql::new(format!("SELECT {COLUMNS} FROM sim s WHERE s.iccid_key = ? AND ")).with(iccid.key());
        sql.push(self.visible());
        self.one(&sql, || iccid.as_str().to_owned())
    }

    fn one(&self, sql: &Sql, name: impl FnOnce() -> String) -> Result<Sim> {
        let mut statement = self.session.prepare_cached(&sql.text)?;
        match statement.query_row(params_from_iter(&sql.params), sim) {
            Err(rusqlite::Error::QueryReturnedNoRows) => Err(Error::not_found("SIM", name())),
            other => Ok(other?),
        }
    }

    /// Finds SIMs by a list of ICCIDs, IMSIs, MSISDNs, EIDs or IMEIs, told apart by their form
    /// unless that is known.
    pub fn lookup(&self, list: &List) -> Result<Lookup> {
        let may_be = |field| list.kind.is_none_or(|kind| kind == field);
        let wanted: Vec<(&String, String)> =
            list.entries.iter().map(|entry| (entry, digits(entry))).collect();
        let mut found: HashMap<&str, (Field, Vec<SimId>)> = HashMap::new();
        if may_be(Field::Iccid) {
            let by_key = self.find("iccid_key", wanted.iter().filter_map(|(_, d)| iccid_key(d)))?;
            let hit = |d: &str| iccid_key(d).and_then(|key| by_key.get(&key).cloned());
            found.extend(wanted.iter().filter_map(|(_, d)| Some((d.as_str(), (Field::Iccid, hit(d)?)))));
        }
        for (field, lengths) in FORMS.into_iter().filter(|(field, _)| may_be(*field)) {
            let fits = |d: &&str| lengths.contains(&d.len()) && !found.contains_key(*d);
            let fitting: HashSet<&str> = wanted.iter().map(|(_, d)| d.as_str()).filter(fits).collect();
            if fitting.is_empty() {
                continue;
            }
            let hits = self.find(field.name(), fitting.iter().map(|d| (*d).to_owned()))?;
            found.extend(fitting.into_iter().filter_map(|d| Some((d, (field, hits.get(d)?.clone())))));
        }
        let (mut lookup, mut seen, mut named) = (Lookup::default(), HashSet::new(), HashSet::new());
        for (entry, digits) in &wanted {
            let first = named.insert(digits.as_str());
            match found.get(digits.as_str()) {
                Some((_, ids)) => {
                    let fresh: Vec<SimId> = ids.iter().copied().filter(|id| seen.insert(*id)).collect();
                    lookup.duplicates += u64::from(fresh.is_empty());
                    lookup.shared += u64::from(first && ids.len() > 1);
                    lookup.found.extend(fresh);
                }
                None if first => lookup.unknown.push((*entry).clone()),
                None => lookup.duplicates += 1,
            }
            let kind = found
                .get(digits.as_str())
                .map(|(field, _)| *field)
                .or(list.kind)
                .or_else(|| form_of(digits));
            if let Some(kind) = kind.filter(|kind| first && is_form(*kind, digits)) {
                lookup.numbers.entry(kind).or_default().push(digits.clone());
            }
        }
        lookup.unknown.extend(list.others.iter().cloned());
        Ok(lookup)
    }

    fn find(
        &self,
        column: &str,
        values: impl Iterator<Item = String>,
    ) -> Result<HashMap<String, Vec<SimId>>> {
        // These have an index of their own; the others are found in one pass.
        let from = match column {
            "iccid_key" | "imsi" | "msisdn" => {
                format!("rarray(?) t CROSS JOIN sim s ON s.{column} = t.value WHERE ")
            }
            _ => format!("sim s WHERE s.{column} IN rarray(?) AND "),
        };
        let mut sql = Sql::new(format!("SELECT s.{column}, s.id FROM {from}"));
        sql.params.push(Param::Many(Rc::new(values.map(Sqlite::from).collect())));
        sql.push(self.visible());
        let mut statement = self.session.prepare_cached(&sql.text)?;
        let mut rows = statement.query(params_from_iter(&sql.params))?;
        let mut found: HashMap<String, Vec<SimId>> = HashMap::new();
        while let Some(row) = rows.next()? {
            let (ids, id) = (found.entry(row.get(0)?).or_default(), SimId(row.get(1)?));
            // A number listed twice is met twice.
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        Ok(found)
    }
}

fn iccid_key(digits: &str) -> Option<String> {
    Iccid::parse(digits).ok().map(|(iccid, _)| iccid.key())
}

/// A side of a row, in the order of the query.
#[derive(Clone, Copy)]
pub(crate) struct Side {
    pub later: bool,
    /// Whether the row itself counts too.
    pub inclusive: bool,
}
