//! Accounts and users in the store: the tree a user sees, and the changes to it.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{OptionalExtension, params};

use super::read::View;
use crate::account::{AccountRow, Accounts};
use crate::error::{Error, Result};
use crate::help::Help;
use crate::ids::{AccountId, Rev};
use crate::period::PeriodRule;
use crate::scope::Scope;
use crate::store::connection::Database;
use crate::text;
use crate::units::Time;

/// Reads the accounts at and below `top`; says whether that is all there are.
pub(crate) fn tree(session: &Database, top: AccountId) -> Result<(Accounts, bool)> {
    let users = count_users(session)?;
    let mut statement = session.prepare_cached(
        "SELECT id, parent_id, name, key, sims, version, period, levels, ceiling, external_ref, help <> '' FROM account",
    )?;
    let rows: Vec<AccountRow> = statement
        .query_map([], |r| {
            let id = AccountId(r.get(0)?);
            let (users, has_admin) = users.get(&id).copied().unwrap_or_default();
            Ok(AccountRow {
                id,
                parent: r.get::<_, Option<i64>>(1)?.map(AccountId),
                name: r.get(2)?,
                key: r.get(3)?,
                own: r.get::<_, i64>(4)? as u64,
                version: r.get(5)?,
                period: r.get_ref(6)?.as_str().unwrap_or_default().parse().ok(),
                levels: r.get(7)?,
                ceiling: Some(r.get::<_, i64>(8)?.unsigned_abs()).filter(|bytes| *bytes > 0),
                reference: r.get(9)?,
                helps: r.get(10)?,
                has_admin,
                users,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    let count = rows.len();
    let tree = Accounts::build(&rows, top);
    let whole = tree.all().len() == count;
    Ok((tree, whole))
}

/// The users of each account that has any, and whether one is an Admin, invited or active.
fn count_users(session: &Database) -> Result<HashMap<AccountId, (u64, bool)>> {
    let sql = "SELECT account_id, count(*), max(role = 'admin' AND state < 2) FROM user WHERE state < 3 GROUP BY 1";
    let mut statement = session.prepare_cached(sql)?;
    let rows = statement.query_map([], |r| {
        let users = r.get::<_, i64>(1)?.unsigned_abs();
        Ok((AccountId(r.get(0)?), (users, r.get(2)?)))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Makes an account without asking whether it may be made.
pub(crate) fn insert(
    session: &Database,
    parent: Option<AccountId>,
    name: &str,
    rev: Rev,
    now: Time,
) -> Result<AccountId> {
    let sql = "INSERT INTO account (parent_id, name, key, created_at, version) VALUES (?, ?, ?, ?, ?)";
    session
        .prepare_cached(sql)?
        .execute(params![parent.map(|p| p.0), name, text::case_fold(name), now.0, rev])
        .map_err(|e| name_conflict(e, name))?;
    Ok(AccountId(session.last_insert_rowid()))
}

fn name_conflict(error: rusqlite::Error, name: &str) -> Error {
    if error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) {
        return Error::Conflict(format!("there is an account named {name} beside it already"));
    }
    error.into()
}

pub(crate) fn rename(session: &Database, id: AccountId, name: &str, rev: Rev) -> Result<()> {
    let sql = "UPDATE account SET name = ?, key = ?, version = ? WHERE id = ?";
    session
        .execute(sql, params![name, text::case_fold(name), rev, id.0])
        .map_err(|e| name_conflict(e, name))?;
    Ok(())
}

pub(crate) fn hang(
    session: &Database,
    id: AccountId,
    under: AccountId,
    name: &str,
    rev: Rev,
) -> Result<()> {
    let sql = "UPDATE account SET parent_id = ?, version = ? WHERE id = ?";
    session.execute(sql, params![under.0, rev, id.0]).map_err(|e| name_conflict(e, name))?;
    Ok(())
}

/// Gives an account a rule for its billing periods, or takes it away.
pub(crate) fn set_period(
    session: &Database,
    id: AccountId,
    rule: Option<PeriodRule>,
    rev: Rev,
) -> Result<()> {
    let rule = rule.map(|rule| rule.to_string()).unwrap_or_default();
    session
        .execute("UPDATE account SET period = ?, version = ? WHERE id = ?", params![rule, rev, id.0])?;
    Ok(())
}

/// Switches caps and alerts on or off.
pub(crate) fn set_entitlement(session: &Database, id: AccountId, on: bool, rev: Rev) -> Result<()> {
    session.execute("UPDATE account SET levels = ?, version = ? WHERE id = ?", params![on, rev, id.0])?;
    Ok(())
}

/// Gives an account a ceiling for caps, or takes it away.
pub(crate) fn set_ceiling(
    session: &Database,
    id: AccountId,
    ceiling: Option<u64>,
    rev: Rev,
) -> Result<()> {
    let bytes = ceiling.unwrap_or(0) as i64;
    session
        .execute("UPDATE account SET ceiling = ?, version = ? WHERE id = ?", params![bytes, rev, id.0])?;
    Ok(())
}

/// Says what another system calls an account. Nothing that was confirmed meanwhile is about that:
/// the version stays.
pub(crate) fn set_reference(session: &Database, id: AccountId, reference: &str) -> Result<()> {
    session.execute("UPDATE account SET external_ref = ? WHERE id = ?", params![reference, id.0])?;
    Ok(())
}

/// Gives an account its Help and Support, or takes it away; the version stays.
pub(crate) fn set_help(session: &Database, id: AccountId, help: Option<&Help>) -> Result<()> {
    let json = help.map(|help| serde_json::to_string(help).unwrap_or_default()).unwrap_or_default();
    session.execute("UPDATE account SET help = ? WHERE id = ?", params![json, id.0])?;
    Ok(())
}

/// What an account sets for those below it.
pub(crate) fn help(session: &Database, id: AccountId) -> Result<Option<Help>> {
    let sql = "SELECT help FROM account WHERE id = ?";
    let json: Option<String> = session.query_row(sql, [id.0], |r| r.get(0)).optional()?;
    Ok(json.and_then(|json| serde_json::from_str(&json).ok()))
}

/// What the users of an account see: set by the nearest account above it that has any, seen or not.
/// It is meant for them.
pub(crate) fn help_above(session: &Database, id: AccountId) -> Result<Option<Help>> {
    let sql = "WITH RECURSIVE up(id, n) AS (SELECT parent_id, 1 FROM account WHERE id = ? \
         UNION ALL SELECT a.parent_id, n + 1 FROM account a JOIN up ON a.id = up.id) \
         SELECT a.help FROM up JOIN account a ON a.id = up.id WHERE a.help <> '' ORDER BY n LIMIT 1";
    let json: Option<String> = session.query_row(sql, [id.0], |r| r.get(0)).optional()?;
    Ok(json.and_then(|json| serde_json::from_str(&json).ok()))
}

/// Levels above an account, seen or not.
pub(crate) fn depth(session: &Database, id: AccountId) -> Result<usize> {
    let sql = "WITH RECURSIVE up(id) AS (SELECT ? UNION SELECT a.parent_id FROM account a JOIN up ON a.id = up.id \
               WHERE a.parent_id IS NOT NULL) SELECT count(*) - 1 FROM up";
    Ok(session.query_row(sql, [id.0], |r| r.get::<_, i64>(0))? as usize)
}

/// Refuses an account that has SIMs, accounts below it or users.
pub(crate) fn need_empty(session: &Database, id: AccountId) -> Result<()> {
    for (table, column, what) in [
        ("sim", "account_id", "SIMs"),
        ("account", "ifnull(parent_id, 0)", "accounts below it"),
        ("user", "state < 3 AND account_id", "users"),
    ] {
        let sql = format!("SELECT EXISTS (SELECT 1 FROM {table} WHERE {column} = ?)");
        if session.query_row(&sql, [id.0], |r| r.get::<_, bool>(0))? {
            return Err(Error::Conflict(format!(
                "the account still has {what}; move or remove them first"
            )));
        }
    }
    Ok(())
}

/// Removes an empty account.
pub(crate) fn delete(session: &Database, id: AccountId) -> Result<()> {
    need_empty(session, id)?;
    session.execute("DELETE FROM external WHERE account_id = ?", [id.0])?;
    // Whoever was removed from it stays in the log, as somebody of the account above.
    session.execute(
        "UPDATE user SET account_id = (SELECT parent_id FROM account WHERE id = ?1) WHERE account_id = ?1",
        [id.0],
    )?;
    session.execute("DELETE FROM account WHERE id = ?", [id.0])?;
    Ok(())
}

impl<'a> View<'a> {
    /// What `scope` sees, from a tree read earlier or read now.
    pub fn new(
        session: &'a Database,
        scope: &'a Scope,
        known: Option<(Arc<Accounts>, bool)>,
    ) -> Result<Self> {
        super::people::still(session, scope)?;
        let (accounts, whole) = match known {
            Some(known) => known,
            None => tree(session, scope.top()).map(|(tree, whole)| (Arc::new(tree), whole))?,
        };
        Ok(Self { session, scope, accounts, whole })
    }
}
