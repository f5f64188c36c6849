//! API tokens in the store: found by their first characters, proved by their hash.

use rusqlite::{OptionalExtension, Row, params};

use super::people::HOUR;
use crate::error::{Error, Result};
use crate::ids::{AccountId, TokenId, UserId};
use crate::store::connection::{Session, in_passing};
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
pub(crate) fn proved(session: &Session, secret: &Secret, now: Time) -> Result<Token> {
    let sql = "SELECT id, hash FROM token WHERE prefix = ?";
    let found: Option<(i64, Vec<u8>)> =
        session.query_row(sql, [secret.prefix()], |r| Ok((r.get(0)?, r.get(1)?))).optional()?;
    let id = found.filter(|(_, hash)| secret.proves(hash)).ok_or(Error::SignedOut)?.0;
    let token = by_id(session, TokenId(id))?.ok_or(Error::SignedOut)?;
    if token.expires.is_some_and(|at| at <= now) { Err(Error::SignedOut) } else { Ok(token) }
}

pub(crate) fn by_id(session: &Session, id: TokenId) -> Result<Option<Token>> {
    Ok(session.query_row(&format!("{TOKEN} WHERE id = ?"), [id.0], token).optional()?)
}

pub(crate) fn list(session: &Session, user: UserId) -> Result<Vec<Token>> {
    let mut statement =
        session.prepare_cached(&format!("{TOKEN} WHERE user_id = ? AND person = 0 ORDER BY id"))?;
    Ok(statement.query_map([user.0], token)?.collect::<rusqlite::Result<_>>()?)
}

pub(crate) fn add(
    session: &Session,
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

pub(crate) fn revoke(session: &Session, id: TokenId) -> Result<()> {
    session.execute("DELETE FROM token WHERE id = ?", [id.0])?;
    Ok(())
}

/// Writes down that a token was used, hourly and where no other program is writing: nobody waits for that.
pub(crate) fn used(session: &Session, id: TokenId, now: Time) -> Result<()> {
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
pub(crate) fn begin(session: &Session, user: UserId, top: AccountId, now: Time) -> Result<Signed> {
    session.execute("DELETE FROM token WHERE person = 1 AND renew_ends <= ?", [now.0])?;
    let signed = secrets(now);
    let sql = "INSERT INTO token (user_id, name, prefix, hash, account_id, writes, person, created, expires,         renew_prefix, renew_hash, renew_ends) VALUES (?, 'session', ?, ?, ?, 1, 1, ?, ?, ?, ?, ?)";
    let (token, renew) = (&signed.token, &signed.renew);
    let ends = (signed.expires.0, signed.renew_until.0);
    let values = params![
        user.0,
        token.prefix(),
        token.hash(),
        top.0,
        now.0,
        ends.0,
        renew.prefix(),
        renew.hash(),
        ends.1
    ];
    session.execute(sql, values)?;
    Ok(signed)
}

/// The session that a secret renews, and whose it is.
pub(crate) fn renewable(session: &Session, secret: &Secret, now: Time) -> Result<(TokenId, UserId)> {
    let sql = "SELECT id, user_id, renew_hash FROM token WHERE renew_prefix = ? AND renew_ends > ?";
    let row = |r: &Row<'_>| Ok((TokenId(r.get(0)?), UserId(r.get(1)?), r.get::<_, Vec<u8>>(2)?));
    let found = session.query_row(sql, params![secret.prefix(), now.0], row).optional()?;
    found.filter(|(.., hash)| secret.proves(hash)).map(|(id, user, _)| (id, user)).ok_or(Error::SignedOut)
}

/// Gives a session new secrets.
pub(crate) fn renew(session: &Session, id: TokenId, now: Time) -> Result<Signed> {
    let signed = secrets(now);
    let sql = "UPDATE token SET prefix = ?, hash = ?, expires = ?, renew_prefix = ?, renew_hash = ?, renew_ends = ? \
        WHERE id = ?";
    let (token, renew) = (&signed.token, &signed.renew);
    let ends = (signed.expires.0, signed.renew_until.0);
    let values = params![token.prefix(), token.hash(), ends.0, renew.prefix(), renew.hash(), ends.1, id.0];
    session.execute(sql, values)?;
    Ok(signed)
}

/// Ends every session of a person.
pub(crate) fn end_sessions(session: &Session, user: UserId) -> Result<()> {
    session.execute("DELETE FROM token WHERE user_id = ? AND person = 1", [user.0])?;
    session.execute("DELETE FROM link WHERE user_id = ?", [user.0])?;
    Ok(())
}
