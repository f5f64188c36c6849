//! Inherited settings: the period rule and the ceiling that hold in an account, its own or those of
//! the accounts above.
//!
//! Statements join them as `temp.rule` and `temp.ceiling`. A change fills these with the accounts
//! of its SIMs only: each is resolved by walking up the tree, and no account is read twice.

use std::collections::HashMap;
use std::rc::Rc;

use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};

use super::sql::Sql;
use crate::error::Result;
use crate::period::PeriodRule;

/// The accounts whose settings are resolved.
pub(super) enum Of<'a> {
    /// Every account.
    All,
    /// The accounts whose ids a `SELECT` returns.
    Selected(&'a Sql),
}

/// The accounts that the SIMs of `temp.target` belong to after the change.
pub(super) fn target_accounts() -> Sql {
    Sql::new("SELECT DISTINCT to_account FROM temp.target WHERE outcome = 0")
}

/// Time up to which the periods of a SIM `s` are closed, by its row `u` of `temp.rule`: a running
/// rollover has closed the SIMs up to its cursor.
pub(super) const CLOSED_UNTIL: &str = "iif(u.next > 0 AND s.id <= u.cursor, u.next, \
u.closed_until)";

/// Fills `temp.rule` with the period rule of each account and the rollover state of that rule. A
/// rule that is not registered yet, as its change is being made, is closed up to the newest log
/// entry.
pub(super) fn fill_rules(session: &Connection, of: &Of<'_>) -> Result<()> {
    session.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS rule (account_id INTEGER PRIMARY KEY, rule TEXT NOT NULL, \
         closed_until INTEGER NOT NULL, next INTEGER NOT NULL, cursor INTEGER NOT NULL, held \
         INTEGER NOT NULL); \
         DELETE FROM temp.rule",
    )?;
    let sql = "INSERT INTO temp.rule SELECT ?1, ?2, ifnull(p.closed_until, (SELECT newest FROM \
    clock)), \
        ifnull(p.next, 0), ifnull(p.cursor, 0), ifnull(p.held, 0) \
        FROM (SELECT 1) LEFT JOIN period_rollover p ON p.rule = ?2";
    let mut insert = session.prepare_cached(sql)?;
    each(session, of, |account, settings| {
        insert.execute(params![account, settings.rule])?;
        Ok(())
    })
}

/// Fills `temp.ceiling` with the ceiling of each account that has one; returns whether any has.
pub(super) fn fill_ceilings(session: &Connection, of: &Of<'_>) -> Result<bool> {
    session.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS ceiling (account_id INTEGER PRIMARY KEY, bytes INTEGER NOT NULL); \
         DELETE FROM temp.ceiling",
    )?;
    // Most estates have no ceiling at all.
    let set = "SELECT EXISTS (SELECT 1 FROM account WHERE ceiling > 0)";
    if matches!(of, Of::All) && !session.query_row(set, [], |r| r.get::<_, bool>(0))? {
        return Ok(false);
    }
    let mut insert = session.prepare_cached("INSERT INTO temp.ceiling VALUES (?, ?)")?;
    let mut any = false;
    each(session, of, |account, settings| {
        if settings.ceiling > 0 {
            insert.execute(params![account, settings.ceiling])?;
            any = true;
        }
        Ok(())
    })?;
    Ok(any)
}

/// The accounts that no root account is above, in id order: an intact store has none.
pub(super) fn unreachable_accounts(session: &Connection) -> Result<Vec<i64>> {
    let rows = read_all(session)?;
    let mut resolver = Resolver::new(|id| Ok(rows.get(&id).cloned()));
    let mut found = Vec::new();
    for id in rows.keys() {
        if resolver.resolve(*id)?.is_none() {
            found.push(*id);
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Calls `put` with each account and its settings. Accounts that do not exist, or that no root
/// account is above, are left out.
fn each(
    session: &Connection,
    of: &Of<'_>,
    mut put: impl FnMut(i64, &Settings) -> Result<()>,
) -> Result<()> {
    match of {
        Of::All => {
            let rows = read_all(session)?;
            let mut ids: Vec<i64> = rows.keys().copied().collect();
            ids.sort_unstable();
            let mut resolver = Resolver::new(|id| Ok(rows.get(&id).cloned()));
            ids.into_iter().try_for_each(|id| resolver.resolve(id)?.map_or(Ok(()), |s| put(id, &s)))
        }
        Of::Selected(accounts) => {
            let mut select = session.prepare_cached(&accounts.text)?;
            let ids = select.query_map(params_from_iter(&accounts.params), |r| r.get(0))?;
            let ids = ids.collect::<rusqlite::Result<Vec<i64>>>()?;
            let mut one = session.prepare_cached(&format!("{COLUMNS} WHERE id = ?"))?;
            let mut resolver = Resolver::new(|id| Ok(one.query_row([id], own).optional()?));
            ids.into_iter().try_for_each(|id| resolver.resolve(id)?.map_or(Ok(()), |s| put(id, &s)))
        }
    }
}

/// The settings made on an account itself.
#[derive(Clone)]
struct Own {
    parent: Option<i64>,
    /// Empty where it is inherited.
    rule: Rc<str>,
    /// 0 where there is none.
    ceiling: i64,
}

const COLUMNS: &str = "SELECT parent_id, period, ceiling, id FROM account";

fn own(row: &Row<'_>) -> rusqlite::Result<Own> {
    Ok(Own { parent: row.get(0)?, rule: row.get(1)?, ceiling: row.get(2)? })
}

fn read_all(session: &Connection) -> Result<HashMap<i64, Own>> {
    let mut statement = session.prepare_cached(COLUMNS)?;
    let rows = statement.query_map([], |r| Ok((r.get(3)?, own(r)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The settings that hold in an account.
#[derive(Clone)]
struct Settings {
    rule: Rc<str>,
    /// 0 where there is none.
    ceiling: i64,
}

impl Settings {
    /// The settings below an account: its own rule before the inherited one, and the lower of the
    /// two ceilings.
    fn below(&self, own: &Own) -> Self {
        let rule = if own.rule.is_empty() { &self.rule } else { &own.rule };
        let ceiling = match (self.ceiling, own.ceiling) {
            (0, ceiling) | (ceiling, 0) => ceiling,
            (above, own) => above.min(own),
        };
        Self { rule: Rc::clone(rule), ceiling }
    }
}

/// Resolves accounts one by one and keeps every account that it passes.
struct Resolver<F> {
    read: F,
    /// `None` for an account on the way, and for one that no root account is above.
    known: HashMap<i64, Option<Settings>>,
    root: Settings,
}

impl<F: FnMut(i64) -> Result<Option<Own>>> Resolver<F> {
    /// `read` returns an account's own settings, or `None` if it does not exist.
    fn new(read: F) -> Self {
        let root = Settings { rule: PeriodRule::default().to_string().into(), ceiling: 0 };
        Self { read, known: HashMap::new(), root }
    }

    /// Returns the settings of an account; `None` when it does not exist or the tree is broken
    /// above it.
    fn resolve(&mut self, account: i64) -> Result<Option<Settings>> {
        let mut passed = Vec::new();
        let mut at = account;
        let above = loop {
            if let Some(known) = self.known.get(&at) {
                break known.clone();
            }
            let Some(own) = (self.read)(at)? else { break None };
            // A parent that leads back here finds this entry, so that a cycle ends.
            self.known.insert(at, None);
            let parent = own.parent;
            passed.push((at, own));
            match parent {
                Some(parent) => at = parent,
                None => break Some(self.root.clone()),
            }
        };
        let Some(mut settings) = above else { return Ok(None) };
        for (id, own) in passed.into_iter().rev() {
            settings = settings.below(&own);
            self.known.insert(id, Some(settings.clone()));
        }
        Ok(Some(settings))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The settings by SQL, as they were resolved before.
    const BY_SQL: &str = "WITH RECURSIVE t(id, rule, bytes) AS (\
        SELECT id, iif(period = '', 'month', period), ceiling FROM account WHERE parent_id IS NULL \
        UNION ALL SELECT a.id, iif(a.period = '', t.rule, a.period), CASE WHEN a.ceiling = 0 THEN t.bytes \
        WHEN t.bytes = 0 THEN a.ceiling ELSE min(a.ceiling, t.bytes) END FROM account a JOIN t ON a.parent_id = t.id) \
        SELECT id, rule, bytes FROM t ORDER BY id";

    const FILLED: &str = "SELECT r.account_id, r.rule, ifnull(c.bytes, 0) FROM temp.rule r \
        LEFT JOIN temp.ceiling c ON c.account_id = r.account_id ORDER BY 1";

    type Resolved = (i64, String, i64);

    fn rows(conn: &Connection, sql: &str) -> Vec<Resolved> {
        let mut statement = conn.prepare(sql).expect("statement");
        let rows = statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?))).expect("rows");
        rows.collect::<rusqlite::Result<_>>().expect("rows")
    }

    /// Accounts numbered from 1, each with its parent (0 for none), rule and ceiling.
    fn store(accounts: &[(i64, &str, i64)]) -> Connection {
        let conn = Connection::open_in_memory().expect("database");
        rusqlite::vtab::array::load_module(&conn).expect("module");
        let table = "CREATE TABLE account (id INTEGER PRIMARY KEY, parent_id INTEGER, period TEXT, ceiling INTEGER); \
             CREATE TABLE period_rollover (rule TEXT PRIMARY KEY, closed_until INTEGER, next \
             INTEGER, cursor INTEGER, \
             held INTEGER); CREATE TABLE clock (newest INTEGER); INSERT INTO clock VALUES (0)";
        conn.execute_batch(table).expect("table");
        for (id, (parent, period, ceiling)) in (1i64..).zip(accounts) {
            let sql = "INSERT INTO account VALUES (?, nullif(?, 0), ?, ?)";
            conn.execute(sql, params![id, parent, period, ceiling]).expect("account");
        }
        conn
    }

    /// A tree of up to 40 accounts below account 1, in any shape.
    fn tree() -> impl Strategy<Value = Vec<(i64, &'static str, i64)>> {
        let rule = prop::sample::select(vec!["", "", "month", "day:23", "activation:30"]);
        let account =
            (any::<prop::sample::Index>(), rule, prop::sample::select(vec![0i64, 0, 5, 10, 20]));
        prop::collection::vec(account, 1..40).prop_map(|accounts| {
            let place =
                |n: usize, at: prop::sample::Index| if n == 0 { 0 } else { at.index(n) as i64 + 1 };
            accounts
                .into_iter()
                .enumerate()
                .map(|(n, (at, rule, ceiling))| (place(n, at), rule, ceiling))
                .collect()
        })
    }

    proptest! {
        #[test]
        fn resolves_as_the_recursive_query_did(accounts in tree(), some in prop::collection::vec(1i64..50, 0..8)) {
            let conn = store(&accounts);
            let wanted = rows(&conn, BY_SQL);
            let any = wanted.iter().any(|(.., bytes)| *bytes > 0);
            fill_rules(&conn, &Of::All).expect("rules");
            prop_assert_eq!(fill_ceilings(&conn, &Of::All).expect("ceilings"), any);
            prop_assert_eq!(&rows(&conn, FILLED), &wanted);
            prop_assert_eq!(unreachable_accounts(&conn).expect("accounts"), Vec::<i64>::new());
            let selected = Sql::new("SELECT DISTINCT value FROM rarray(?)").with_many(some.clone());
            fill_rules(&conn, &Of::Selected(&selected)).expect("rules");
            fill_ceilings(&conn, &Of::Selected(&selected)).expect("ceilings");
            let wanted: Vec<Resolved> = wanted.into_iter().filter(|(id, ..)| some.contains(id)).collect();
            prop_assert_eq!(rows(&conn, FILLED), wanted);
        }
    }

    #[test]
    fn a_broken_tree_is_left_out() {
        // 2 and 3 are each other's parent, 4 is below them, 5 is below an account that does not
        // exist.
        let conn = store(&[(0, "", 0), (3, "", 0), (2, "", 0), (3, "", 0), (99, "", 0), (1, "", 0)]);
        assert_eq!(unreachable_accounts(&conn).expect("accounts"), [2, 3, 4, 5]);
        fill_rules(&conn, &Of::All).expect("rules");
        fill_ceilings(&conn, &Of::All).expect("ceilings");
        let month = |id| (id, "month".to_owned(), 0);
        assert_eq!(rows(&conn, FILLED), [month(1), month(6)]);
    }
}
