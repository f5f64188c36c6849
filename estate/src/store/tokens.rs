//! API tokens in the store: found by their first characters, proved by their hash.

use rusqlite::{OptionalExtension, Row, params};

use super::people::HOUR;
use crate::error::{Error, Result};
use crate::ids::{AccountId, TokenId, UserId};
use crate::store::connection::{Database, in_passing};
use crate::token::ClientInfo;
use crate::token::SignInSession;
use crate::token::{NewToken, Secret, Signed, Token};
use crate::units::Time;

const TOKEN: &str =
    "SELECT id, user_id, name, prefix, account_id, writes, created, expires, used, person FROM token";

fn token(row: &Row<'_>) -> rusqlite::Result<Token> {
    let time = |at| Ok::<_, rusqlite::Error>(Some(Time(row.get(at)?)).filter(|t| t.0 > 0));
    Ok(Token {
        id: TokenId(row.get(0)?),
        user: UserId(row.get(1)?),
        name: row.get(2)?,
        prefix: row.get(3)?,
        account: AccountId(row.get(4)?),
        writes: row.get(5)?,
        created: Time(row.get(6)?),
        expires: time(7)?,
        used: time(8)?,
        person: row.get(9)?,
    })
}

/// The token somebody signs in with. That it never was, was revoked or has ended is not told apart.
pub(crate) fn authenticate(session: &Database, secret: &Secret, now: Time) -> Result<Token> {
    let sql = "SELECT id, hash FROM token WHERE prefix = ?";
    let found: Option<(i64, Vec<u8>)> =
        session.query_row(sql, [secret.prefix()], |r| Ok((r.get(0)?, r.get(1)?))).optional()?;
    let id = found.filter(|(_, hash)| secret.proves(hash)).ok_or(Error::SignedOut)?.0;
    let token = by_id(session, TokenId(id))?.ok_or(Error::SignedOut)?;
    if token.expires.is_some_and(|at| at <= now) { Err(Error::SignedOut) } else { Ok(token) }
}

pub(crate) fn by_id(session: &Database, id: TokenId) -> Result<Option<Token>> {
    Ok(session.query_row(&format!("{TOKEN} WHERE id = ?"), [id.0], token).optional()?)
}

pub(crate) fn list(session: &Database, user: UserId) -> Result<Vec<Token>> {
    let mut statement =
        session.prepare_cached(&format!("{TOKEN} WHERE user_id = ? AND person = 0 ORDER BY id"))?;
    Ok(statement.query_map([user.0], token)?.collect::<rusqlite::Result<_>>()?)
}

pub(crate) fn add(
    session: &Database,
    user: UserId,
    new: &NewToken,
    account: AccountId,
    secret: &Secret,
    now: Time,
) -> Result<TokenId> {
    let sql = "INSERT INTO token (user_id, name, prefix, hash, account_id, writes, created, expires) \
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    let ends = new.expires.map_or(0, |at| at.0);
    let (hash, prefix) = (secret.hash(), secret.prefix());
    session.execute(sql, params![user.0, new.name, prefix, hash, account.0, new.writes, now.0, ends])?;
    Ok(TokenId(session.last_insert_rowid()))
}

pub(crate) fn revoke(session: &Database, id: TokenId) -> Result<()> {
    session.execute("DELETE FROM token WHERE id = ?", [id.0])?;
    Ok(())
}

/// Writes down that a token was used, hourly and where no other program is writing: nobody waits
/// for that.
pub(crate) fn note_use(session: &Database, id: TokenId, now: Time) -> Result<()> {
    in_passing(session, || {
        let sql = "UPDATE token SET used = ?1 WHERE id = ?2 AND used < ?1 - ?3";
        session.execute(sql, params![now.0, id.0, HOUR])
    })
}

/// How long a session is good, and for how long it can be renewed.
const SESSION: i64 = 12 * HOUR;
const RENEWED: i64 = 30 * 24 * HOUR;

fn secrets(now: Time) -> Signed {
    let (expires, renew_until) = (Time(now.0 + SESSION), Time(now.0 + RENEWED));
    Signed { token: Secret::make(), expires, renew: Secret::make(), renew_until }
}

/// Begins a session of a person; those that nobody can renew any more go.
pub(crate) fn begin(
    session: &Database,
    user: UserId,
    top: AccountId,
    client: &ClientInfo,
    now: Time,
) -> Result<Signed> {
    session.execute("DELETE FROM token WHERE person = 1 AND renew_ends <= ?", [now.0])?;
    let signed = secrets(now);
    let sql = "INSERT INTO token (user_id, name, prefix, hash, account_id, writes, person, created, expires, used, \
        renew_prefix, renew_hash, renew_ends, address, client) \
        VALUES (?, 'session', ?, ?, ?, 1, 1, ?, ?, ?, ?, ?, ?, ?, ?)";
    let (token, renew) = (&signed.token, &signed.renew);
    let values = params![
        user.0,
        token.prefix(),
        token.hash(),
        top.0,
        now.0,
        signed.expires.0,
        now.0,
        renew.prefix(),
        renew.hash(),
        signed.renew_until.0,
        client.address,
        client.program
    ];
    session.execute(sql, values)?;
    Ok(signed)
}

/// The sessions of a user that can be used or renewed, newest use first.
pub(crate) fn sessions(session: &Database, user: UserId, now: Time) -> Result<Vec<SignInSession>> {
    let sql = "SELECT id, user_id, address, client, created, used, renew_ends FROM token \
        WHERE user_id = ? AND person = 1 AND max(expires, renew_ends) > ? ORDER BY used DESC, id DESC";
    let row = |r: &Row<'_>| {
        Ok(SignInSession {
            id: TokenId(r.get(0)?),
            user: UserId(r.get(1)?),
            client: ClientInfo { address: r.get(2)?, program: r.get(3)? },
            created: Time(r.get(4)?),
            used: Some(Time(r.get(5)?)).filter(|at| at.0 > 0),
            expires: Time(r.get(6)?),
            is_current: false,
        })
    };
    let mut statement = session.prepare_cached(sql)?;
    Ok(statement.query_map(params![user.0, now.0], row)?.collect::<rusqlite::Result<_>>()?)
}

/// How long the answer to a renewal counts as lost, in seconds: so long the same secret renews
/// again.
const LOST_ANSWER: u64 = 30;

/// A renewal secret that was presented.
pub(crate) struct Presented {
    pub session: TokenId,
    pub user: UserId,
    /// The secret was replaced before, and its answer does not count as lost.
    pub is_reused: bool,
    /// The secret is not the current one.
    is_spent: bool,
}

/// Finds the session of a renewal secret, current or spent.
///
/// Error: `SignedOut` for a secret that is unknown or has expired.
pub(crate) fn find_renewal(session: &Database, secret: &Secret, now: Time) -> Result<Presented> {
    let sql = "SELECT id, user_id, renew_hash, 0, 0 FROM token WHERE renew_prefix = ?1 AND renew_ends > ?2 \
        UNION ALL SELECT s.token_id, t.user_id, s.hash, s.at, 1 + (s.used = 0 OR EXISTS \
        (SELECT 1 FROM spent_renewal l WHERE l.token_id = s.token_id AND l.used = 1 AND l.id > s.id)) \
        FROM spent_renewal s JOIN token t ON t.id = s.token_id WHERE s.prefix = ?1 AND t.renew_ends > ?2";
    let row = |r: &Row<'_>| {
        let (at, spent): (i64, i64) = (r.get(3)?, r.get(4)?);
        let is_late = now.0.abs_diff(at) > LOST_ANSWER;
        let presented = Presented {
            session: TokenId(r.get(0)?),
            user: UserId(r.get(1)?),
            is_reused: spent == 2 || (spent == 1 && is_late),
            is_spent: spent > 0,
        };
        Ok((presented, r.get::<_, Vec<u8>>(2)?))
    };
    let found = session.query_row(sql, params![secret.prefix(), now.0], row).optional()?;
    found.filter(|(_, hash)| secret.proves(hash)).map(|(presented, _)| presented).ok_or(Error::SignedOut)
}

/// Spent secrets of a session that are kept: an older one is refused as one that never was.
const MAX_SPENT: u32 = 100;

/// Gives a session new secrets; the renewal secret that it had is spent.
pub(crate) fn renew(
    session: &Database,
    presented: &Presented,
    client: &ClientInfo,
    now: Time,
) -> Result<Signed> {
    let id = presented.session;
    session.execute("DELETE FROM spent_renewal WHERE at <= ?", [now.0 - RENEWED])?;
    let sql = "INSERT INTO spent_renewal (token_id, prefix, hash, at, used) \
        SELECT id, renew_prefix, renew_hash, ?, ? FROM token WHERE id = ?";
    session.execute(sql, params![now.0, !presented.is_spent, id.0])?;
    let sql = "DELETE FROM spent_renewal WHERE token_id = ?1 AND id <= \
        (SELECT id FROM spent_renewal WHERE token_id = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)";
    session.execute(sql, params![id.0, MAX_SPENT])?;
    let signed = secrets(now);
    let sql = "UPDATE token SET prefix = ?, hash = ?, expires = ?, used = ?, renew_prefix = ?, renew_hash = ?, \
        renew_ends = ?, address = ?, client = ? WHERE id = ?";
    let (token, renew) = (&signed.token, &signed.renew);
    let values = params![
        token.prefix(),
        token.hash(),
        signed.expires.0,
        now.0,
        renew.prefix(),
        renew.hash(),
        signed.renew_until.0,
        client.address,
        client.program,
        id.0
    ];
    session.execute(sql, values)?;
    Ok(signed)
}

/// Ends every session of a person.
pub(crate) fn end_sessions(session: &Database, user: UserId) -> Result<()> {
    session.execute("DELETE FROM token WHERE user_id = ? AND person = 1", [user.0])?;
    session.execute("DELETE FROM link WHERE user_id = ?", [user.0])?;
    Ok(())
}
