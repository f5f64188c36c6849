//! Users in the store: invited, signed in, changed, removed.

use std::collections::HashMap;

use rusqlite::{OptionalExtension, params};

use super::read::View;
use crate::account_choice::AccountChoice;
use crate::error::{Error, Result};
use crate::ids::{AccountId, UserId};
use crate::role::Role;
use crate::scope::Scope;
use crate::store::connection::{Database, in_passing};
use crate::units::Time;
use crate::user::{User, UserState};

/// What addresses are compared by: their case does not matter, everything else does.
pub(crate) fn key_of(email: &str) -> String {
    email.trim().to_lowercase()
}

/// How long a sign-in stands before another is written down.
pub(crate) const HOUR: i64 = 3_600;

fn user(row: &rusqlite::Row<'_>) -> rusqlite::Result<User> {
    let time = |at| Ok::<_, rusqlite::Error>(Some(Time(row.get(at)?)).filter(|t| t.0 > 0));
    Ok(User {
        id: UserId(row.get(0)?),
        account: AccountId(row.get(1)?),
        name: row.get(2)?,
        email: row.get(3)?,
        role: Role::from_word(row.get_ref(4)?.as_str().unwrap_or_default()).unwrap_or(Role::ViewOnly),
        state: UserState::from_code(row.get(5)?),
        invited: time(6)?,
        signed_in: time(7)?,
    })
}

const USER: &str = "user.id, user.account_id, user.name, email, role, state, invited_at, signed_in";

/// A user that an address may mean, with what tells them apart from others of the same address.
pub(crate) struct Candidate {
    pub user: User,
    /// The name of the user's account.
    pub account_name: String,
    /// The user's account is the root account.
    is_at_root: bool,
}

impl Candidate {
    /// The choice to name this user by.
    pub fn choice(&self) -> AccountChoice {
        AccountChoice { id: self.user.account, name: self.account_name.clone() }
    }
}

/// The columns of a [`Candidate`] behind those of its user.
const ACCOUNT: &str = "(SELECT name FROM account WHERE id = user.account_id), \
    (SELECT parent_id IS NULL FROM account WHERE id = user.account_id)";

fn candidate(row: &rusqlite::Row<'_>) -> rusqlite::Result<Candidate> {
    Ok(Candidate { user: user(row)?, account_name: row.get(8)?, is_at_root: row.get(9)? })
}

/// The rank of a user who asked for an address and does not have it yet.
const ASKED_FOR: i64 = 2;

/// Finds the user that acts by an address at the store itself: of the account that is named, if one
/// is.
///
/// A user of the root account comes before all others, so that no customer gets in the way of the
/// store's owner. Users who only asked for the address come last, and within one account an active
/// user comes before an invitation. Users who were removed or disabled read the same as none.
/// Error: `AccountNeeded` if several are left.
pub(crate) fn by_email(session: &Database, email: &str, account: Option<&str>) -> Result<User> {
    let sql = format!(
        "SELECT {USER}, {ACCOUNT}, CASE WHEN state = 0 THEN 1 WHEN email_key = ?1 THEN 0 ELSE {ASKED_FOR} END AS rank \
         FROM user WHERE (email_key = ?1 AND state = 1) OR (state = 0 AND lower(email) = ?1) \
         OR (state = 1 AND wanted = ?1) ORDER BY rank, id"
    );
    let mut statement = session.prepare(&sql)?;
    let found = statement.query_map([key_of(email)], |r| Ok((candidate(r)?, r.get::<_, i64>(10)?)))?;
    let mut found = found.collect::<rusqlite::Result<Vec<_>>>()?;
    if let Some(account) = account {
        found.retain(|(candidate, _)| candidate.choice().is_named(account));
    }
    if found.iter().any(|(candidate, _)| candidate.is_at_root) {
        found.retain(|(candidate, _)| candidate.is_at_root);
    }
    if found.iter().any(|(_, rank)| *rank < ASKED_FOR) {
        found.retain(|(_, rank)| *rank < ASKED_FOR);
    }
    // They come by rank: the first of an account is the best of it.
    let mut best = HashMap::new();
    found.retain(|(candidate, rank)| best.entry(candidate.user.account).or_insert(*rank) == rank);
    match found.len() {
        0 => Err(Error::not_found("user", email)),
        1 => Ok(found.remove(0).0.user),
        _ => Err(Error::AccountNeeded(found.iter().map(|(one, _)| one.choice()).collect())),
    }
}

/// The active users with an address, and the hashes of their passwords: users of the root account
/// first, then by age.
pub(crate) fn with_email(session: &Database, email: &str) -> Result<Vec<(Candidate, String)>> {
    let sql = format!(
        "SELECT {USER}, {ACCOUNT}, password.hash FROM user JOIN password ON password.user_id = user.id \
         WHERE email_key = ? AND state = 1 ORDER BY user.id"
    );
    let mut statement = session.prepare(&sql)?;
    let found = statement.query_map([key_of(email)], |r| Ok((candidate(r)?, r.get(10)?)))?;
    let mut found = found.collect::<rusqlite::Result<Vec<(Candidate, _)>>>()?;
    found.sort_by_key(|(candidate, _)| !candidate.is_at_root);
    Ok(found)
}

/// The top-level customer of an account: the child of the root account that it belongs to. The root
/// account is its own.
pub(crate) fn customer_of(session: &Database, account: AccountId) -> Result<AccountId> {
    let sql = "WITH RECURSIVE up(id, parent_id) AS (SELECT id, parent_id FROM account WHERE id = ? UNION \
        SELECT a.id, a.parent_id FROM account a JOIN up ON a.id = up.parent_id) \
        SELECT up.id FROM up LEFT JOIN account above ON above.id = up.parent_id \
        WHERE above.parent_id IS NULL ORDER BY up.parent_id IS NULL LIMIT 1";
    Ok(session.prepare_cached(sql)?.query_row([account.0], |r| Ok(AccountId(r.get(0)?)))?)
}

/// Two users who sign in by one address, with their accounts.
pub(crate) struct Namesakes {
    pub email: String,
    pub accounts: [AccountId; 2],
}

/// The users who sign in by the address of another user: each pair in both orders.
pub(crate) fn namesakes(session: &Database) -> Result<Vec<Namesakes>> {
    let sql = "SELECT a.email, a.account_id, b.account_id FROM user a JOIN user b ON b.email_key = a.email_key \
        WHERE a.id <> b.id AND a.state IN (1, 2) AND b.state IN (1, 2)";
    let mut statement = session.prepare(sql)?;
    let row = |r: &rusqlite::Row<'_>| {
        Ok(Namesakes { email: r.get(0)?, accounts: [AccountId(r.get(1)?), AccountId(r.get(2)?)] })
    };
    Ok(statement.query_map([], row)?.collect::<rusqlite::Result<_>>()?)
}

/// The Admins of the root account: whoever owns the file is one of them.
pub(crate) fn root_admins(session: &Database) -> Result<Vec<User>> {
    let sql = format!(
        "SELECT {USER} FROM user WHERE role = 'admin' AND state = 1 AND account_id IN (SELECT id FROM account WHERE parent_id IS NULL)"
    );
    Ok(session.prepare(&sql)?.query_map([], user)?.collect::<rusqlite::Result<_>>()?)
}

/// A user who was not removed, whoever asks.
pub(crate) fn by_id(session: &Database, id: UserId) -> Result<Option<User>> {
    let sql = format!("SELECT {USER} FROM user WHERE id = ? AND state < 3");
    Ok(session.query_row(&sql, [id.0], user).optional()?)
}

/// The account `?3` and those above it.
const UP: &str = "WITH RECURSIVE up(id) AS (SELECT ?3 UNION SELECT a.parent_id FROM account a JOIN up ON a.id = up.id)";

/// Whether whoever acts is still what they were when they signed in; and whoever's eyes they look
/// through is still there, as they were, below them; and a token they act by was not revoked, nor
/// has its account gone elsewhere.
pub(crate) fn still(session: &Database, scope: &Scope) -> Result<()> {
    let actor = scope.actor();
    let sql = "SELECT 1 FROM user WHERE id = ? AND state = 1 AND role = ? AND account_id = ?";
    let known = session
        .prepare_cached(sql)?
        .query_row(params![actor.id.0, actor.role.word(), actor.account.0], |_| Ok(()))
        .optional()?;
    known.ok_or(Error::SignedOut)?;
    if let Some(token) = &scope.token {
        let sql = format!(
            "{UP} SELECT 1 FROM token t JOIN user u ON u.id = t.user_id WHERE t.id = ?1 AND t.account_id = ?3 \
             AND ?2 IN up AND u.name = ?4 AND u.email = ?5 AND t.prefix = ?6"
        );
        // A program may run for years: what its user is called now stands in the log.
        // A session that was renewed has another secret.
        let values =
            params![token.id.0, actor.account.0, token.account.0, actor.name, actor.email, token.prefix];
        session
            .prepare_cached(&sql)?
            .query_row(values, |_| Ok(()))
            .optional()?
            .ok_or(Error::SignedOut)?;
    }
    if actor.id == scope.user.id {
        return Ok(());
    }
    let sql = format!(
        "{UP} SELECT 1 FROM user WHERE id = ?1 AND state < 3 AND role = ?2 AND account_id = ?3 AND ?4 IN up"
    );
    let seen = session
        .prepare_cached(&sql)?
        .query_row(
            params![scope.user.id.0, scope.user.role.word(), scope.user.account.0, actor.account.0],
            |_| Ok(()),
        )
        .optional()?;
    seen.ok_or(Error::SignedOut)
}

/// Adds a user who has yet to accept.
pub(crate) fn invite(session: &Database, new: &User, by: UserId, now: Time) -> Result<UserId> {
    // What happened before they came is no news to them.
    let sql = "INSERT INTO user (account_id, name, email, email_key, role, state, created_at, heard, invited_at, invited_by) \
        VALUES (?, ?, ?, '#' || (SELECT ifnull(max(id), 0) + 1 FROM user), ?, 0, ?, (SELECT ifnull(max(id), 0) FROM event), ?, ?)";
    let values = params![new.account.0, new.name, new.email, new.role.word(), now.0, now.0, by.0];
    session.execute(sql, values)?;
    let id = UserId(session.last_insert_rowid());
    bar(session, id)?;
    Ok(id)
}

/// Nobody signs in by that user's address.
fn bar(session: &Database, id: UserId) -> Result<()> {
    session.execute("UPDATE user SET email_key = '#' || id WHERE id = ?", [id.0])?;
    Ok(())
}

/// Lets a user sign in by an address, unless another user of the same top-level customer does.
///
/// Users of other customers are not looked at: an address says nothing about them and is never
/// taken from them.
pub(crate) fn admit(session: &Database, id: UserId, email: &str) -> Result<()> {
    let user = by_id(session, id)?.ok_or_else(|| Error::not_found("user", email))?;
    let customer = customer_of(session, user.account)?;
    let sql = "SELECT account_id FROM user WHERE email_key = ? AND id <> ? AND state IN (1, 2)";
    let mut statement = session.prepare_cached(sql)?;
    let others = statement.query_map(params![key_of(email), id.0], |r| Ok(AccountId(r.get(0)?)))?;
    for account in others {
        if customer_of(session, account?)? == customer {
            // The other may be out of sight of the user and of whoever invited them.
            return Err(Error::Conflict("that address cannot be used".into()));
        }
    }
    let sql =
        "UPDATE user SET state = 1, email = ?2, email_key = ?3, wanted = '' WHERE id = ?1 AND state < 2";
    match session.execute(sql, params![id.0, email, key_of(email)])? {
        0 => Err(Error::not_found("user", email)),
        // Links that were mailed to the address before are in a mailbox that is no longer theirs.
        _ if user.email != email => super::signin::drop_links(session, id),
        _ => Ok(()),
    }
}

/// Notes the address that a user wants to sign in by. Whether it is somebody's is looked at when
/// they do: asking now would tell them.
pub(crate) fn want(session: &Database, id: UserId, email: &str) -> Result<()> {
    session.execute("UPDATE user SET wanted = ? WHERE id = ?", params![key_of(email), id.0])?;
    Ok(())
}

/// The address a user wants to sign in by, if it is another than they have.
pub(crate) fn requested_address(session: &Database, id: UserId) -> Result<Option<String>> {
    let sql = "SELECT wanted FROM user WHERE id = ? AND wanted <> ''";
    Ok(session.query_row(sql, [id.0], |r| r.get(0)).optional()?)
}

pub(crate) fn set_role(session: &Database, id: UserId, role: Role) -> Result<()> {
    session.execute("UPDATE user SET role = ? WHERE id = ?", params![role.word(), id.0])?;
    Ok(())
}

pub(crate) fn set_name(session: &Database, id: UserId, name: &str) -> Result<()> {
    session.execute("UPDATE user SET name = ? WHERE id = ?", params![name, id.0])?;
    Ok(())
}

pub(crate) fn set_state(session: &Database, id: UserId, state: UserState) -> Result<()> {
    session.execute("UPDATE user SET state = ? WHERE id = ?", params![state as i64, id.0])?;
    Ok(())
}

/// Takes a user away; the row stays, because the log names it.
pub(crate) fn remove(session: &Database, id: UserId) -> Result<()> {
    session.execute("DELETE FROM saved_filter WHERE user_id = ?", [id.0])?;
    for table in ["token", "password", "totp", "link"] {
        session.execute(&format!("DELETE FROM {table} WHERE user_id = ?"), [id.0])?;
    }
    session.execute("UPDATE user SET state = 3, notify = 0 WHERE id = ?", [id.0])?;
    bar(session, id)
}

pub(crate) fn invited_again(session: &Database, id: UserId, now: Time) -> Result<()> {
    session.execute("UPDATE user SET invited_at = ? WHERE id = ?", params![now.0, id.0])?;
    Ok(())
}

/// Writes down that a user signed in, hourly and where no other program is writing: nobody waits
/// for that.
pub(crate) fn signed_in(session: &Database, id: UserId, now: Time) -> Result<()> {
    in_passing(session, || {
        let sql = "UPDATE user SET signed_in = ?1 WHERE id = ?2 AND signed_in < ?1 - ?3";
        session.execute(sql, params![now.0, id.0, HOUR])
    })
}

/// Admins of an account who may sign in, and users of it who were not removed.
pub(crate) fn count_users(session: &Database, account: AccountId) -> Result<(u64, u64)> {
    let sql = "SELECT ifnull(sum(role = 'admin' AND state = 1), 0), count(*) FROM user WHERE account_id = ? AND state < 3";
    let count = |r: &rusqlite::Row<'_>, at| r.get::<_, i64>(at).map(i64::unsigned_abs);
    Ok(session.query_row(sql, [account.0], |r| Ok((count(r, 0)?, count(r, 1)?)))?)
}

/// Whether a user wants mail about the SIMs they see.
pub(crate) fn wants_mail(session: &Database, user: UserId) -> Result<bool> {
    Ok(session.query_row("SELECT notify FROM user WHERE id = ?", [user.0], |r| r.get(0))?)
}

pub(crate) fn want_mail(session: &Database, user: UserId, wanted: bool) -> Result<()> {
    session.execute("UPDATE user SET notify = ? WHERE id = ?", params![wanted, user.0])?;
    Ok(())
}

/// The last event a user has looked at.
pub(crate) fn last_event_seen(session: &Database, user: UserId) -> Result<i64> {
    Ok(session.query_row("SELECT heard FROM user WHERE id = ?", [user.0], |r| r.get(0))?)
}

pub(crate) fn mark_events_seen(session: &Database, user: UserId, upto: i64) -> Result<()> {
    session.execute("UPDATE user SET heard = max(heard, ?) WHERE id = ?", params![upto, user.0])?;
    Ok(())
}

impl View<'_> {
    /// The users of the accounts this user sees.
    pub fn users(&self, account: Option<AccountId>) -> Result<Vec<User>> {
        let which = if account.is_some() { "AND account_id = ?1" } else { "AND ?1 IS NULL" };
        let sql = format!("SELECT {USER} FROM user WHERE state < 3 {which} ORDER BY name, id");
        let mut statement = self.session.prepare_cached(&sql)?;
        let all =
            statement.query_map([account.map(|a| a.0)], user)?.collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(all.into_iter().filter(|u| self.accounts.get(u.account).is_some()).collect())
    }

    /// A user this user sees, or the same answer as for one there is not.
    pub fn need_user(&self, id: UserId) -> Result<User> {
        let found = by_id(self.session, id)?.filter(|user| self.accounts.get(user.account).is_some());
        found.ok_or_else(|| Error::not_found("user", format!("#{}", id.0)))
    }

    /// Folded addresses of people who belong to `account`, below it or above it, and may know of
    /// its SIMs.
    pub fn insiders(&self, account: AccountId) -> Result<std::collections::HashSet<String>> {
        let mut statement = self.session.prepare(
            "WITH RECURSIVE up(id) AS (SELECT ?1 UNION SELECT a.parent_id FROM account a JOIN up ON a.id = up.id \
             WHERE a.parent_id IS NOT NULL), down(id) AS (SELECT ?1 UNION SELECT a.id FROM account a \
             JOIN down ON a.parent_id = down.id) \
             SELECT lower(email), account_id FROM user WHERE state < 2 AND (account_id IN up OR account_id IN down)",
        )?;
        // Whether an address above is somebody's is not this user's to find out.
        let seen = |id: &i64| self.whole || self.accounts.get(AccountId(*id)).is_some();
        let rows =
            statement.query_map([account.0], |r| Ok((r.get::<_, String>(0)?, r.get::<_, i64>(1)?)))?;
        let all = rows.collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(all.into_iter().filter(|(_, id)| seen(id)).map(|(email, _)| email).collect())
    }
}
