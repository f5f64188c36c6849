//! The outbox: messages written with what they tell of, leased to whoever sends them, tried again
//! and given up.

use rusqlite::{Connection, TransactionBehavior, params, params_from_iter};

use super::sql::Sql;
use crate::error::{Error, Result};
use crate::ids::{AccountId, Rev};
use crate::notify::{Attempt, Channel, Delivery, ExternalRecipient, OutboxMessage, Told};
use crate::store::connection::Database;
use crate::store::verdicts::{TEMP, settle};
use crate::units::Time;
use crate::usage::Level;

/// How long whoever took a message has to send it before another may.
const LEASE: i64 = 300;
/// How long to wait after each failed attempt; after the last the message is given up.
const WAITS: [i64; 8] = [60, 300, 1_800, 7_200, 21_600, 43_200, 43_200, 86_400];
/// SIMs a message names; of the others it tells how many there are.
const NAMED: u32 = 100;

/// The newest event there is: what a change adds comes after it.
pub(crate) fn last_event(session: &Connection) -> Result<i64> {
    Ok(session.query_row("SELECT ifnull(max(id), 0) FROM event", [], |r| r.get(0))?)
}

/// Writes one message for everybody who is to hear of the events after `last`: the recipients of
/// the SIM, users who want it and the externals of the account or of one above it. Whoever is named
/// twice gets one.
pub(crate) fn gather(session: &Connection, last: i64, mail: bool, now: Time) -> Result<()> {
    if last_event(session)? == last {
        return Ok(());
    }
    session.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS notice (channel INTEGER NOT NULL, key TEXT NOT NULL, event INTEGER NOT NULL, \
         recipient TEXT NOT NULL, secret TEXT NOT NULL, PRIMARY KEY (channel, key, secret, event)) WITHOUT ROWID; \
         CREATE TEMP TABLE IF NOT EXISTS above (account INTEGER NOT NULL, above INTEGER NOT NULL, \
         PRIMARY KEY (account, above)) WITHOUT ROWID; DELETE FROM temp.notice; DELETE FROM temp.above",
    )?;
    session.execute(
        "WITH RECURSIVE up(account, above) AS (SELECT DISTINCT account_id, account_id FROM event WHERE id > ? \
         UNION SELECT up.account, a.parent_id FROM up JOIN account a ON a.id = up.above WHERE a.parent_id IS NOT NULL) \
         INSERT INTO temp.above SELECT account, above FROM up",
        [last],
    )?;
    let heard = "FROM event e JOIN temp.above u ON u.account = e.account_id";
    let externals = format!(
        "INSERT OR IGNORE INTO temp.notice SELECT x.kind, x.key, e.id, x.address, x.secret {heard} \
         JOIN external x ON x.account_id = u.above WHERE e.id > ? AND x.kind >= ?"
    );
    session.execute(&externals, params![last, i64::from(!mail)])?;
    if mail {
        let users = format!(
            "INSERT OR IGNORE INTO temp.notice SELECT 0, lower(p.email), e.id, p.email, '' {heard} \
             JOIN user p ON p.account_id = u.above WHERE e.id > ? AND p.notify AND p.state = 1"
        );
        session.execute(&users, [last])?;
        session.execute(
            "INSERT OR IGNORE INTO temp.notice SELECT 0, lower(j.value), e.id, j.value, '' FROM event e \
             JOIN sim s ON s.id = e.sim_id, json_each(list_items(s.recipients)) j WHERE e.id > ? AND s.recipients <> ''",
            [last],
        )?;
    }
    post(session, now)
}

/// Writes a mail that tells of something else than levels.
pub(crate) fn write(session: &Connection, to: &str, subject: &str, body: &str, now: Time) -> Result<()> {
    let id = format!("{}@simdeck", crate::ids::new_uuid());
    session.execute(
        "INSERT INTO message (channel, recipient, secret, message_id, created, due, subject, body) \
         VALUES (0, ?, '', ?, ?, ?, ?, ?)",
        params![to, id, now.0, now.0, subject, body],
    )?;
    Ok(())
}

/// Makes messages of the notices.
fn post(session: &Connection, now: Time) -> Result<()> {
    let mut statement = session.prepare(
        "SELECT channel, key, max(recipient), secret FROM temp.notice GROUP BY channel, key, secret ORDER BY 1, 2, 4",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (channel, key, secret): (i64, String, String) = (row.get(0)?, row.get(1)?, row.get(3)?);
        let id = format!("{}@simdeck", crate::ids::new_uuid());
        session
            .prepare_cached(
                "INSERT INTO message (channel, recipient, secret, message_id, created, due) VALUES (?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![channel, row.get::<_, String>(2)?, secret, id, now.0, now.0])?;
        session
            .prepare_cached(
                "INSERT INTO message_event SELECT ?, event FROM temp.notice WHERE channel = ? AND key = ? AND secret = ?",
            )?
            .execute(params![session.last_insert_rowid(), channel, key, secret])?;
    }
    Ok(())
}

/// Takes the next messages that are due, mail only for those who can send it; nobody else gets them
/// until the lease is over.
pub(crate) fn lease(
    session: &mut Database,
    mail: bool,
    now: Time,
    limit: u32,
) -> Result<Vec<OutboxMessage>> {
    let transaction = session.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let letters = {
        let mut statement = transaction.prepare_cached(
            "SELECT id, channel, recipient, secret, message_id, created, tries, subject, body FROM message \
             WHERE state = 0 AND due <= ?1 AND leased <= ?1 AND (channel = 1 OR ?2) ORDER BY due, id LIMIT ?3",
        )?;
        let rows = statement.query_map(params![now.0, mail, limit], |r| {
            Ok(OutboxMessage {
                id: r.get(0)?,
                channel: Channel::from_code(r.get(1)?),
                to: r.get(2)?,
                secret: r.get(3)?,
                message_id: r.get(4)?,
                created: Time(r.get(5)?),
                tries: r.get(6)?,
                subject: r.get(7)?,
                body: r.get(8)?,
                alerts: 0,
                caps: 0,
                told: Vec::new(),
            })
        })?;
        let mut letters: Vec<OutboxMessage> = rows.collect::<rusqlite::Result<_>>()?;
        for letter in &mut letters {
            transaction
                .prepare_cached("UPDATE message SET leased = ? WHERE id = ?")?
                .execute(params![now.0 + LEASE, letter.id])?;
            fill(&transaction, letter)?;
        }
        letters
    };
    transaction.commit()?;
    Ok(letters)
}

/// Reads what a message tells of.
fn fill(session: &Connection, letter: &mut OutboxMessage) -> Result<()> {
    let of = "FROM message_event m JOIN event e ON e.id = m.event";
    let sql =
        format!("SELECT ifnull(sum(e.kind = 1), 0), ifnull(sum(e.kind = 2), 0) {of} WHERE m.message = ?");
    (letter.alerts, letter.caps) = session.prepare_cached(&sql)?.query_row([letter.id], |r| {
        let count = |at| r.get::<_, i64>(at).map(i64::unsigned_abs);
        Ok((count(0)?, count(1)?))
    })?;
    // What is blocked comes first. What a SIM is called after it left is none of the recipient's
    // business.
    let sql = format!(
        "SELECT e.id, e.at, e.kind, ifnull(s.iccid, ''), iif(s.account_id = e.account_id, s.label, ''), ifnull(a.name, ''), e.level, e.used, e.period \
         {of} LEFT JOIN sim s ON s.id = e.sim_id LEFT JOIN account a ON a.id = e.account_id \
         WHERE m.message = ? ORDER BY e.kind DESC, e.id LIMIT ?"
    );
    let mut statement = session.prepare_cached(&sql)?;
    let rows = statement.query_map(params![letter.id, NAMED], |r| {
        Ok(Told {
            id: r.get(0)?,
            at: Time(r.get(1)?),
            kind: Level::from_code(r.get(2)?),
            iccid: r.get(3)?,
            label: r.get(4)?,
            account: r.get(5)?,
            level: r.get::<_, i64>(6)?.unsigned_abs(),
            used: r.get::<_, i64>(7)?.unsigned_abs(),
            period: Time(r.get(8)?),
        })
    })?;
    letter.told = rows.collect::<rusqlite::Result<_>>()?;
    Ok(())
}

/// Writes down how an attempt ended, and when the next one is due.
pub(crate) fn record_attempt(
    session: &mut Database,
    letter: &OutboxMessage,
    how: &Attempt,
    now: Time,
) -> Result<()> {
    let transaction = session.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let (state, due, error) = match how {
        Attempt::Sent => (1, now.0, ""),
        Attempt::Never(error) => (2, now.0, error.as_str()),
        Attempt::Again(error) => match WAITS.get(letter.tries as usize) {
            Some(wait) => (0, now.0 + wait, error.as_str()),
            None => (2, now.0, error.as_str()),
        },
    };
    transaction.execute(
        // What was said is not kept once it is out: it may hold a link that lets somebody in.
        "UPDATE message SET state = ?1, tries = tries + 1, due = ?2, leased = 0, error = ?3, \
         body = iif(?1 = 0, body, '') WHERE id = ?4 AND state = 0",
        params![state, due, error, letter.id],
    )?;
    transaction.execute("INSERT INTO attempt VALUES (?, ?, ?)", params![letter.id, now.0, error])?;
    Ok(transaction.commit()?)
}

/// When the next message is due.
pub(crate) fn next_due(session: &Database, mail: bool) -> Result<Option<Time>> {
    let sql = "SELECT min(max(due, leased)) FROM message WHERE state = 0 AND (channel = 1 OR ?)";
    Ok(session.query_row(sql, [mail], |r| r.get::<_, Option<i64>>(0))?.map(Time))
}

/// The newest messages and what has become of them.
pub(crate) fn list(session: &Database, limit: u32) -> Result<Vec<Delivery>> {
    let mut statement = session.prepare_cached(
        "SELECT m.id, m.channel, m.recipient, m.created, m.state, (SELECT count(*) FROM message_event e WHERE e.message = m.id), \
         m.tries, m.due, m.error FROM message m ORDER BY m.id DESC LIMIT ?",
    )?;
    let rows = statement.query_map([limit], |r| {
        let state: i64 = r.get(4)?;
        Ok(Delivery {
            id: r.get(0)?,
            channel: Channel::from_code(r.get(1)?),
            to: r.get(2)?,
            created: Time(r.get(3)?),
            state: ["waiting", "sent", "given-up"][state.clamp(0, 2) as usize].to_owned(),
            events: r.get::<_, i64>(5)?.unsigned_abs(),
            tries: r.get(6)?,
            due: (state == 0).then_some(Time(r.get(7)?)),
            error: r.get(8)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Forgets messages that were written before `oldest`.
pub(super) fn prune(session: &Connection, oldest: i64) -> Result<()> {
    for sql in [
        "DELETE FROM attempt WHERE message IN (SELECT id FROM message WHERE created < ?)",
        "DELETE FROM message_event WHERE message IN (SELECT id FROM message WHERE created < ?)",
        "DELETE FROM message WHERE created < ?",
    ] {
        session.execute(sql, [oldest])?;
    }
    Ok(())
}

/// Who else hears of an account's SIMs.
pub(crate) fn externals(session: &Database, account: AccountId) -> Result<Vec<ExternalRecipient>> {
    let sql = "SELECT kind, address, secret FROM external WHERE account_id = ? ORDER BY kind, key";
    let mut statement = session.prepare_cached(sql)?;
    let rows = statement.query_map([account.0], |r| {
        Ok(ExternalRecipient {
            channel: Channel::from_code(r.get(0)?),
            address: r.get(1)?,
            secret: r.get(2)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Adds someone; a webhook gets a secret of its own.
pub(crate) fn add_external(
    session: &Database,
    account: AccountId,
    channel: Channel,
    address: &str,
) -> Result<()> {
    let secret = match channel {
        Channel::Mail => String::new(),
        Channel::Webhook => {
            // Hexadecimal digits are Base64 too: 48 bytes, most of them chance.
            format!("whsec_{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple())
        }
    };
    let sql = "INSERT INTO external (account_id, kind, address, key, secret) VALUES (?, ?, ?, ?, ?)";
    let values = params![account.0, channel as i64, address, key(channel, address), secret];
    session.execute(sql, values).map_err(|e| match e.sqlite_error_code() {
        Some(rusqlite::ErrorCode::ConstraintViolation) => {
            Error::Conflict(format!("{address} is there already"))
        }
        _ => e.into(),
    })?;
    Ok(())
}

/// Takes someone away.
pub(crate) fn remove_external(
    session: &Database,
    account: AccountId,
    channel: Channel,
    address: &str,
) -> Result<()> {
    // What waits for a webhook that is taken away is not sent any more.
    session.execute(
        "UPDATE message SET state = 2, error = 'the webhook was taken away' WHERE state = 0 AND channel = 1 \
         AND secret = (SELECT secret FROM external WHERE account_id = ? AND kind = ? AND key = ?)",
        params![account.0, channel as i64, key(channel, address)],
    )?;
    let sql = "DELETE FROM external WHERE account_id = ? AND kind = ? AND key = ?";
    match session.execute(sql, params![account.0, channel as i64, key(channel, address)])? {
        0 => Err(Error::not_found("external address", address)),
        _ => Ok(()),
    }
}

/// Domain names ignore case, and so does everybody's mail; paths of a URL do not.
fn key(channel: Channel, address: &str) -> String {
    if channel == Channel::Mail { address.to_lowercase() } else { address.to_owned() }
}

/// SIMs of some accounts that name an address themselves.
const NAMING: &str = "SELECT s.id FROM sim s WHERE s.account_id IN rarray(?) AND s.recipients <> '' \
    AND instr(lower(s.recipients), char(10) || lower(?) || char(10))";

fn naming(accounts: &[i64], address: &str) -> Sql {
    Sql::new(NAMING).with_many(accounts.iter().copied()).with(address.to_owned())
}

/// How many SIMs of these accounts name an address.
pub(crate) fn count_naming(session: &Database, accounts: &[i64], address: &str) -> Result<u64> {
    let sql = naming(accounts, address);
    let count = format!("SELECT count(*) FROM ({})", sql.text);
    let n: i64 = session.query_row(&count, params_from_iter(&sql.params), |r| r.get(0))?;
    Ok(n.unsigned_abs())
}

/// Takes an address off the SIMs of these accounts; what they had is kept in the log.
pub(crate) fn strip(session: &Database, rev: Rev, accounts: &[i64], address: &str) -> Result<()> {
    session.execute_batch(TEMP)?;
    let sql = naming(accounts, address);
    let fill = format!(
        "INSERT INTO temp.target SELECT s.id, 0, 0, s.account_id, s.account_id, json_object('recipients', s.recipients) \
         FROM sim s WHERE s.id IN ({})",
        sql.text
    );
    session.execute(&fill, params_from_iter(&sql.params))?;
    session.execute(
        "INSERT INTO log_item SELECT ?, sim_id, outcome, reason, from_account, to_account, restore FROM temp.target",
        [rev],
    )?;
    session.execute(
        "UPDATE sim SET version = ?, recipients = list_without(recipients, ?) WHERE id IN (SELECT sim_id FROM temp.target)",
        params![rev, address],
    )?;
    settle(session, rev)
}
