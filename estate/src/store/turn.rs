//! Period turns: when a billing period is over, counters start anew and what usage had blocked is free again; levels stay.
//!
//! Nothing turns by a timer of its own: every session looks whether a turn is due, in the background and before it
//! writes. A turn goes SIM by SIM in numbers, so that it can be left and taken up again by anyone.

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::inherited::{Of, fill_rules};
use super::{Session, levels, outbox};
use crate::change::{Progress, Watch};
use crate::error::{Error, Result};
use crate::period::{DAY, PeriodRule};
use crate::units::Time;

/// SIMs looked at in one transaction: some ten milliseconds where nothing has to change.
const STEP: i64 = 20_000;

/// How long daily usage, closed periods and what was counted are kept; and sessions.
pub(crate) const KEPT: i64 = 366 * DAY;
pub(crate) const SESSIONS_KEPT: i64 = 92 * DAY;

/// `period_start(rule, activated, at)` and `period_end(…)`: the bounds of the billing period that `at` lies in.
pub(super) fn functions(conn: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    let bounds = |ctx: &Context<'_>| -> rusqlite::Result<(i64, i64)> {
        let rule: PeriodRule = ctx.get_raw(0).as_str().unwrap_or_default().parse().unwrap_or_default();
        Ok(rule.bounds(ctx.get(2)?, ctx.get(1)?))
    };
    conn.create_scalar_function("period_start", 3, flags, move |ctx| Ok(bounds(ctx)?.0))?;
    conn.create_scalar_function("period_end", 3, flags, move |ctx| Ok(bounds(ctx)?.1))?;
    Ok(())
}

/// Fills `temp.rule` with the period rule of every account.
pub(super) fn rules(session: &Connection) -> Result<()> {
    fill_rules(session, &Of::All)
}

/// A turn under way: which rule's SIMs, from where to where, and how far it is.
struct Turn {
    rule: String,
    upto: i64,
    next: i64,
    cursor: i64,
}

/// Turns the next SIMs if a turn is due, and writes to whoever is to hear of it; false when none is.
pub(crate) fn step(session: &mut Session, mail: bool, now: Time) -> Result<bool> {
    if due(session, now)?.is_none() && nothing_waits(session, now)? {
        return Ok(false);
    }
    let transaction = session.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let last = outbox::last_event(&transaction)?;
    let more = advance(&transaction, now)?;
    outbox::gather(&transaction, last, mail, now)?;
    transaction.commit()?;
    Ok(more)
}

/// Finishes whatever turn is due, inside the caller's transaction.
pub(crate) fn finish(session: &Connection, now: Time, watch: &Watch<'_>) -> Result<()> {
    let mut done = 0;
    while advance(session, now)? {
        done += STEP as u64;
        if watch(Progress { phase: "a new billing period", done, total: 0 }).is_break() {
            return Err(Error::Cancelled);
        }
    }
    Ok(())
}

/// The rules in use. That of the root is always one of them.
const IN_USE: &str = "SELECT 'month' AS rule UNION SELECT period FROM account WHERE period <> ''";

/// Rules that have turned to where the clock is not any more: it ran far ahead and was put right.
const AHEAD: &str = "SELECT rule FROM turned WHERE next = 0 AND upto > ?1 + 86400";

/// Whether every rule in use has a row that makes sense, and no cap waits to return.
fn nothing_waits(session: &Connection, now: Time) -> Result<bool> {
    let sql = format!(
        "SELECT NOT EXISTS (SELECT rule FROM ({IN_USE}) EXCEPT SELECT rule FROM turned) AND NOT EXISTS ({AHEAD}) \
         AND NOT EXISTS (SELECT 1 FROM sim WHERE back_at > 0 AND back_at <= ?1)"
    );
    Ok(session.query_row(&sql, [now.0], |r| r.get(0))?)
}

/// Where the counters of a rule's SIMs have to be turned to: SIMs with a rhythm of their own are looked at daily.
fn boundary(rule: &str, now: Time) -> i64 {
    match rule.parse().unwrap_or_default() {
        PeriodRule::Activation(_) => now.0.div_euclid(DAY) * DAY,
        rule => rule.period(now, None).start.0,
    }
}

/// The first turn that is due or under way. A clock that was set back turns nothing back.
fn due(session: &Connection, now: Time) -> Result<Option<Turn>> {
    let mut statement =
        session.prepare_cached("SELECT rule, upto, next, cursor FROM turned ORDER BY rule")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let mut turn = Turn { rule: row.get(0)?, upto: row.get(1)?, next: row.get(2)?, cursor: row.get(3)? };
        if turn.next == 0 {
            turn.next = boundary(&turn.rule, now);
        }
        if turn.next > turn.upto {
            return Ok(Some(turn));
        }
    }
    Ok(None)
}

/// When the next turn will be due.
pub(crate) fn next(session: &Connection, now: Time) -> Result<Time> {
    let mut statement = session.prepare(IN_USE)?;
    let rules: Vec<String> = statement.query_map([], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?;
    let next = rules.iter().map(|rule| match rule.parse().unwrap_or_default() {
        PeriodRule::Activation(_) => (now.0.div_euclid(DAY) + 1) * DAY,
        rule => rule.period(now, None).end.0,
    });
    let raised = "SELECT min(back_at) FROM sim WHERE back_at > 0";
    let raised: Option<i64> = session.query_row(raised, [], |r| r.get(0))?;
    Ok(Time(next.chain(raised).min().unwrap_or(now.0 + DAY)))
}

/// Writes down rules that have come into use: what counts then goes on counting until their next boundary. So it does
/// where the clock was put right: what was turned is turned, and the next boundary counts.
pub(crate) fn welcome(session: &Connection, now: Time) -> Result<()> {
    let mut statement = session
        .prepare(&format!("SELECT rule FROM ({IN_USE} EXCEPT SELECT rule FROM turned) UNION {AHEAD}"))?;
    let new: Vec<String> = statement.query_map([now.0], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?;
    for rule in new {
        let sql =
            "INSERT INTO turned (rule, upto) VALUES (?, ?) ON CONFLICT DO UPDATE SET upto = excluded.upto";
        session.execute(sql, params![rule, boundary(&rule, now)])?;
    }
    Ok(())
}

/// One step of the turn that is due; false when none is.
fn advance(session: &Connection, now: Time) -> Result<bool> {
    welcome(session, now)?;
    // Caps that were raised return once the counters have turned.
    let Some(turn) = due(session, now)? else { return levels::return_raised(session, now) };
    let end: Option<i64> = session
        .query_row(
            "SELECT max(id) FROM (SELECT id FROM sim WHERE id > ? ORDER BY id LIMIT ?)",
            params![turn.cursor, STEP],
            |r| r.get(0),
        )
        .optional()?
        .flatten();
    if let Some(end) = end {
        rules(session)?;
        close(session, &turn, end)?;
        prune(session, turn.cursor, end, now)?;
        let sql = "UPDATE turned SET next = ?, cursor = ? WHERE rule = ?";
        session.execute(sql, params![turn.next, end, turn.rule])?;
    } else {
        let sql = "UPDATE turned SET upto = ?, next = 0, cursor = 0 WHERE rule = ?";
        session.execute(sql, params![turn.next, turn.rule])?;
        session.execute("DELETE FROM usage_account WHERE day < ?", [(now.0 - KEPT) / DAY])?;
        outbox::prune(session, now.0 - SESSIONS_KEPT)?;
    }
    Ok(true)
}

/// Puts the counters of the period that ended into history and begins anew. Those of SIMs with a rhythm of their own
/// ended if another period began between the last look and this one.
fn close(session: &Connection, turn: &Turn, end: i64) -> Result<()> {
    let ended = "s.id > ?1 AND s.id <= ?2 AND (s.used > 0 OR s.gate > 0 OR s.fired > 0) \
        AND EXISTS (SELECT 1 FROM temp.rule u WHERE u.account_id = s.account_id AND u.rule = ?3) \
        AND period_start(?3, s.activated, ?5) > period_start(?3, s.activated, ?4)";
    let bound = params![turn.cursor, end, turn.rule, turn.upto, turn.next];
    let history = format!(
        "INSERT INTO usage_period SELECT s.id, period_start(?3, s.activated, ?4), period_end(?3, s.activated, ?4), \
         s.account_id, s.used FROM sim s WHERE s.used > 0 AND {ended} \
         ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes"
    );
    session.prepare_cached(&history)?.execute(bound)?;
    let told = format!(
        "UPDATE account SET turned = turned + 1 WHERE id IN (SELECT DISTINCT s.account_id FROM sim s WHERE {ended})"
    );
    session.prepare_cached(&told)?.execute(bound)?;
    let anew = format!("UPDATE sim AS s SET used = 0, gate = 0, fired = 0 WHERE {ended}");
    session.prepare_cached(&anew)?.execute(bound)?;
    Ok(())
}

/// Forgets what is older than it is kept for, of some SIMs.
fn prune(session: &Connection, after: i64, end: i64, now: Time) -> Result<()> {
    for (table, column, oldest) in [
        ("usage_day", "day", (now.0 - KEPT) / DAY),
        ("usage_record", "at", now.0 - KEPT),
        ("usage_period", "end", now.0 - KEPT),
        ("data_session", "last", now.0 - SESSIONS_KEPT),
    ] {
        let sql = format!("DELETE FROM {table} WHERE sim_id > ? AND sim_id <= ? AND {column} < ?");
        session.prepare_cached(&sql)?.execute(params![after, end, oldest])?;
    }
    Ok(())
}
