//! Accounts and users in the store: the tree a user sees, and the changes to it.

use std::sync::Arc;

use rusqlite::{OptionalExtension, params};

use super::Session;
use super::read::View;
use crate::account::{AccountId, AccountRow, Accounts};
use crate::change::Rev;
use crate::error::{Error, Result};
use crate::local::Scope;
use crate::period::PeriodRule;
use crate::text;
use crate::units::Time;
use crate::user::{Role, User, UserId, UserState};

/// Reads the accounts at and below `top`; says whether that is all there are.
pub(crate) fn tree(session: &Session, top: AccountId) -> Result<(Accounts, bool)> {
    let mut statement = session.prepare_cached(
        "SELECT a.id, a.parent_id, a.name, a.key, a.sims, a.version, a.period, a.levels, a.ceiling, EXISTS (SELECT 1 FROM user u \
         WHERE u.account_id = a.id AND u.role = 'admin' AND u.state <> 2) FROM account a",
    )?;
    let rows: Vec<AccountRow> = statement
        .query_map([], |r| {
            Ok(AccountRow {
                id: AccountId(r.get(0)?),
                parent: r.get::<_, Option<i64>>(1)?.map(AccountId),
                name: r.get(2)?,
                key: r.get(3)?,
                own: r.get::<_, i64>(4)? as u64,
                version: r.get(5)?,
                period: r.get_ref(6)?.as_str().unwrap_or_default().parse().ok(),
                levels: r.get(7)?,
                ceiling: Some(r.get::<_, i64>(8)?.unsigned_abs()).filter(|bytes| *bytes > 0),
                has_admin: r.get(9)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    let count = rows.len();
    let tree = Accounts::build(&rows, top);
    let whole = tree.all().len() == count;
    Ok((tree, whole))
}

fn user(row: &rusqlite::Row<'_>) -> rusqlite::Result<User> {
    Ok(User {
        id: UserId(row.get(0)?),
        account: AccountId(row.get(1)?),
        name: row.get(2)?,
        email: row.get(3)?,
        role: Role::from_word(row.get_ref(4)?.as_str().unwrap_or_default()).unwrap_or(Role::ViewOnly),
        state: UserState::from_code(row.get(5)?),
    })
}

const USER: &str = "SELECT id, account_id, name, email, role, state FROM user";

/// The user with that address, if there is one who may sign in.
pub(crate) fn sign_in(session: &Session, email: &str) -> Result<User> {
    let sql = format!("{USER} WHERE email_key = ? AND state = 1");
    let found = session.query_row(&sql, [text::fold(email.trim())], user).optional()?;
    found.ok_or_else(|| Error::not_found("user", email))
}

/// The Admins of the root account: whoever owns the file is one of them.
pub(crate) fn root_admins(session: &Session) -> Result<Vec<User>> {
    let sql = format!(
        "{USER} WHERE role = 'admin' AND state = 1 AND account_id IN (SELECT id FROM account WHERE parent_id IS NULL)"
    );
    Ok(session.prepare(&sql)?.query_map([], user)?.collect::<rusqlite::Result<_>>()?)
}

pub(crate) fn add_user(session: &Session, new: &User, now: Time) -> Result<()> {
    // What happened before they came is no news to them.
    let sql = "INSERT INTO user (account_id, name, email, email_key, role, state, created_at, heard) \
        VALUES (?, ?, ?, ?, ?, ?, ?, (SELECT ifnull(max(id), 0) FROM event))";
    let values = params![
        new.account.0,
        new.name,
        new.email,
        text::fold(&new.email),
        new.role.word(),
        new.state as i64,
        now.0
    ];
    // Whose address it is already is not told: it may be a neighbour's.
    session.execute(sql, values).map_err(|e| match e.sqlite_error_code() {
        Some(rusqlite::ErrorCode::ConstraintViolation) => {
            Error::Conflict("that address cannot be used".into())
        }
        _ => e.into(),
    })?;
    Ok(())
}

/// Makes an account without asking whether it may be made.
pub(crate) fn insert(
    session: &Session,
    parent: Option<AccountId>,
    name: &str,
    rev: Rev,
    now: Time,
) -> Result<AccountId> {
    let sql = "INSERT INTO account (parent_id, name, key, created_at, version) VALUES (?, ?, ?, ?, ?)";
    session
        .prepare_cached(sql)?
        .execute(params![parent.map(|p| p.0), name, text::fold(name), now.0, rev])
        .map_err(|e| taken(e, name))?;
    Ok(AccountId(session.last_insert_rowid()))
}

fn taken(error: rusqlite::Error, name: &str) -> Error {
    if error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) {
        return Error::Conflict(format!("there is an account named {name} beside it already"));
    }
    error.into()
}

pub(crate) fn rename(session: &Session, id: AccountId, name: &str, rev: Rev) -> Result<()> {
    let sql = "UPDATE account SET name = ?, key = ?, version = ? WHERE id = ?";
    session.execute(sql, params![name, text::fold(name), rev, id.0]).map_err(|e| taken(e, name))?;
    Ok(())
}

pub(crate) fn hang(session: &Session, id: AccountId, under: AccountId, name: &str, rev: Rev) -> Result<()> {
    let sql = "UPDATE account SET parent_id = ?, version = ? WHERE id = ?";
    session.execute(sql, params![under.0, rev, id.0]).map_err(|e| taken(e, name))?;
    Ok(())
}

/// Whether a user wants mail about the SIMs they see.
pub(crate) fn wants_mail(session: &Session, user: UserId) -> Result<bool> {
    Ok(session.query_row("SELECT notify FROM user WHERE id = ?", [user.0], |r| r.get(0))?)
}

pub(crate) fn want_mail(session: &Session, user: UserId, wanted: bool) -> Result<()> {
    session.execute("UPDATE user SET notify = ? WHERE id = ?", params![wanted, user.0])?;
    Ok(())
}

/// The last event a user has looked at.
pub(crate) fn heard(session: &Session, user: UserId) -> Result<i64> {
    Ok(session.query_row("SELECT heard FROM user WHERE id = ?", [user.0], |r| r.get(0))?)
}

pub(crate) fn hear(session: &Session, user: UserId, upto: i64) -> Result<()> {
    session.execute("UPDATE user SET heard = max(heard, ?) WHERE id = ?", params![upto, user.0])?;
    Ok(())
}

/// Gives an account a rule for its billing periods, or takes it away.
pub(crate) fn set_period(session: &Session, id: AccountId, rule: Option<PeriodRule>, rev: Rev) -> Result<()> {
    let rule = rule.map(|rule| rule.to_string()).unwrap_or_default();
    session.execute("UPDATE account SET period = ?, version = ? WHERE id = ?", params![rule, rev, id.0])?;
    Ok(())
}

/// Switches caps and alerts on or off.
pub(crate) fn set_entitlement(session: &Session, id: AccountId, on: bool, rev: Rev) -> Result<()> {
    session.execute("UPDATE account SET levels = ?, version = ? WHERE id = ?", params![on, rev, id.0])?;
    Ok(())
}

/// Gives an account a ceiling for caps, or takes it away.
pub(crate) fn set_ceiling(session: &Session, id: AccountId, ceiling: Option<u64>, rev: Rev) -> Result<()> {
    let bytes = ceiling.unwrap_or(0) as i64;
    session.execute("UPDATE account SET ceiling = ?, version = ? WHERE id = ?", params![bytes, rev, id.0])?;
    Ok(())
}

/// Levels above an account, seen or not.
pub(crate) fn depth(session: &Session, id: AccountId) -> Result<usize> {
    let sql = "WITH RECURSIVE up(id) AS (SELECT ? UNION SELECT a.parent_id FROM account a JOIN up ON a.id = up.id \
               WHERE a.parent_id IS NOT NULL) SELECT count(*) - 1 FROM up";
    Ok(session.query_row(sql, [id.0], |r| r.get::<_, i64>(0))? as usize)
}

/// Refuses an account that has SIMs, accounts below it or users.
pub(crate) fn need_empty(session: &Session, id: AccountId) -> Result<()> {
    for (table, column, what) in [
        ("sim", "account_id", "SIMs"),
        ("account", "parent_id", "accounts below it"),
        ("user", "account_id", "users"),
    ] {
        let sql = format!("SELECT EXISTS (SELECT 1 FROM {table} WHERE {column} = ?)");
        if session.query_row(&sql, [id.0], |r| r.get::<_, bool>(0))? {
            return Err(Error::Conflict(format!("the account still has {what}; move or remove them first")));
        }
    }
    Ok(())
}

/// Removes an empty account.
pub(crate) fn delete(session: &Session, id: AccountId) -> Result<()> {
    need_empty(session, id)?;
    session.execute("DELETE FROM external WHERE account_id = ?", [id.0])?;
    session.execute("DELETE FROM account WHERE id = ?", [id.0])?;
    Ok(())
}

impl<'a> View<'a> {
    /// What `scope` sees, from a tree read earlier or read now.
    pub fn new(session: &'a Session, scope: &'a Scope, known: Option<(Arc<Accounts>, bool)>) -> Result<Self> {
        let (accounts, whole) = match known {
            Some(known) => known,
            None => tree(session, scope.top()).map(|(tree, whole)| (Arc::new(tree), whole))?,
        };
        Ok(Self { session, scope, accounts, whole })
    }

    /// The users of the accounts this user sees.
    pub fn users(&self, account: Option<AccountId>) -> Result<Vec<User>> {
        let sql = format!("{USER} ORDER BY name, id");
        let mut statement = self.session.prepare(&sql)?;
        let all = statement.query_map([], user)?.collect::<rusqlite::Result<Vec<_>>>()?;
        let fits =
            |u: &User| account.map_or_else(|| self.accounts.get(u.account).is_some(), |a| u.account == a);
        Ok(all.into_iter().filter(fits).collect())
    }

    /// Folded addresses of people who belong to `account`, below it or above it, and may know of its SIMs.
    pub fn insiders(&self, account: AccountId) -> Result<std::collections::HashSet<String>> {
        let mut statement = self.session.prepare(
            "WITH RECURSIVE up(id) AS (SELECT ?1 UNION SELECT a.parent_id FROM account a JOIN up ON a.id = up.id \
             WHERE a.parent_id IS NOT NULL), down(id) AS (SELECT ?1 UNION SELECT a.id FROM account a \
             JOIN down ON a.parent_id = down.id) \
             SELECT email_key FROM user WHERE account_id IN up OR account_id IN down",
        )?;
        Ok(statement.query_map([account.0], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?)
    }
}
