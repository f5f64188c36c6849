//! Billing period rollover: closes ended periods and resets the running counters; levels stay.
//!
//! A rollover is a logged change, made in steps by changes and by background work. Reads never make one.
//! `closed_until` moves forward only, except by an Admin's logged undo, and an unaccepted clock (`clock.rs`) closes
//! nothing: one wrong reading cannot destroy usage.

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use serde_json::{Value as Json, json};

use super::log::{self, Logged, Record};
use super::sql::Sql;
use super::turn::{KEPT, SESSIONS_KEPT, rules};
use super::{events, levels, outbox};
use crate::change::{Change, Counts};
use crate::clock::ClockReading;
use crate::error::{Error, Result};
use crate::ids::{ChangeId, Rev};
use crate::number::{count, sims};
use crate::period::PeriodRule;
use crate::progress::{Progress, Watch};
use crate::rollover::{PeriodRollover, RolloverStatus};
use crate::store::connection::Session;
use crate::store::level_columns;
use crate::store::newest_time::{accept, note_entry, reading};
use crate::units::{DAY, Time};

/// SIMs looked at in one step: some ten milliseconds where nothing has to change.
const STEP: i64 = 20_000;

/// The rules in use. That of the root is always one of them.
const IN_USE: &str = "SELECT 'month' AS rule UNION SELECT period FROM account WHERE period <> ''";

/// The state of one rule.
struct RuleState {
    rule: String,
    closed_until: i64,
    /// The boundary of a rollover under way, else 0.
    next: i64,
    cursor: i64,
    rollover: String,
    held: bool,
}

/// Runs one step of a rollover that is due and queues its messages; false when none is left or it has to wait.
pub(crate) fn step(session: &Session, mail: bool, now: Time) -> Result<bool> {
    let clock = reading(session, now)?;
    if !has_unregistered_rules(session)? {
        if !clock.is_accepted() {
            return Ok(false);
        }
        if due(session, now)?.is_none() && !has_due_returns(session, now)? {
            return Ok(false);
        }
    }
    let transaction = Transaction::new_unchecked(session, TransactionBehavior::Immediate)?;
    let last = outbox::last_event(session)?;
    // Another program may have logged a change meanwhile.
    let clock = reading(session, now)?;
    let more = advance(session, &clock, true)?;
    outbox::gather(session, last, mail, now)?;
    transaction.commit()?;
    Ok(more)
}

/// Finishes every rollover that is due, inside the caller's transaction.
pub(crate) fn finish(session: &Session, now: Time, watch: &Watch<'_>) -> Result<()> {
    let clock = reading(session, now)?;
    run(session, &clock, true, watch)
}

/// Closes every ended period by a clock that an Admin confirmed. Old usage is kept: the next rollover deletes it.
pub(crate) fn finish_confirmed(session: &Session, now: Time, watch: &Watch<'_>) -> Result<()> {
    accept(session, now)?;
    session.execute("UPDATE period_rollover SET held = 0", [])?;
    run(session, &reading(session, now)?, false, watch)
}

fn run(session: &Session, clock: &ClockReading, prunes: bool, watch: &Watch<'_>) -> Result<()> {
    let mut done = 0;
    while advance(session, clock, prunes)? {
        done += STEP as u64;
        if watch(Progress { phase: "a new billing period", done, total: 0 }).is_break() {
            return Err(Error::Cancelled);
        }
    }
    Ok(())
}

fn has_unregistered_rules(session: &Connection) -> Result<bool> {
    let sql = format!("SELECT EXISTS (SELECT rule FROM ({IN_USE}) EXCEPT SELECT rule FROM period_rollover)");
    Ok(session.query_row(&sql, [], |r| r.get(0))?)
}

fn has_due_returns(session: &Connection, now: Time) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM sim WHERE back_at > 0 AND back_at <= ?1)";
    Ok(session.query_row(sql, [now.0], |r| r.get(0))?)
}

/// Returns the boundary that counters are closed up to. SIMs with periods of their own are looked at daily.
fn boundary(rule: &str, now: Time) -> i64 {
    match rule.parse().unwrap_or_default() {
        PeriodRule::Activation(_) => now.0.div_euclid(DAY) * DAY,
        rule => rule.period(now, None).start.0,
    }
}

fn states(session: &Connection) -> Result<Vec<RuleState>> {
    let mut statement = session.prepare_cached(
        "SELECT rule, closed_until, next, cursor, rollover, held FROM period_rollover ORDER BY rule",
    )?;
    let rows = statement.query_map([], |r| {
        Ok(RuleState {
            rule: r.get(0)?,
            closed_until: r.get(1)?,
            next: r.get(2)?,
            cursor: r.get(3)?,
            rollover: r.get(4)?,
            held: r.get(5)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Returns the first rollover that is due or under way, with its boundary.
fn due(session: &Connection, now: Time) -> Result<Option<RuleState>> {
    Ok(states(session)?.into_iter().find_map(|mut state| {
        if state.next == 0 {
            state.next = boundary(&state.rule, now);
        }
        (!state.held && state.next > state.closed_until).then_some(state)
    }))
}

/// Returns the time of the next rollover or return of a raised cap.
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

/// Registers new period rules; running counters continue until the next boundary.
pub(crate) fn register_rules(session: &Connection, clock: &ClockReading) -> Result<()> {
    let mut statement =
        session.prepare(&format!("SELECT rule FROM ({IN_USE} EXCEPT SELECT rule FROM period_rollover)"))?;
    let new: Vec<String> = statement.query_map([], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?;
    for rule in new {
        let sql = "INSERT INTO period_rollover (rule, closed_until) VALUES (?, ?)";
        session.execute(sql, params![rule, boundary(&rule, clock.trusted())])?;
    }
    Ok(())
}

/// Runs one step of the rollover that is due; false when none is left or it has to wait.
fn advance(session: &Session, clock: &ClockReading, prunes: bool) -> Result<bool> {
    register_rules(session, clock)?;
    if !clock.is_accepted() {
        return Ok(false);
    }
    // Caps that were raised return once the counters are reset.
    let Some(mut state) = due(session, clock.now)? else {
        return levels::return_raised(session, clock.now);
    };
    if state.rollover.is_empty() {
        state.rollover = ChangeId::new().0;
    }
    let end: Option<i64> = session
        .query_row(
            "SELECT max(id) FROM (SELECT id FROM sim WHERE id > ? ORDER BY id LIMIT ?)",
            params![state.cursor, STEP],
            |r| r.get(0),
        )
        .optional()?
        .flatten();
    if let Some(end) = end {
        rules(session)?;
        close(session, &state, end, clock.now)?;
        if prunes {
            prune(session, state.cursor, end, clock.now)?;
        }
        session.execute(
            "UPDATE period_rollover SET next = ?, cursor = ?, rollover = ? WHERE rule = ?",
            params![state.next, end, state.rollover, state.rule],
        )?;
    } else {
        session.execute(
            "UPDATE period_rollover SET closed_until = ?, next = 0, cursor = 0, rollover = '' WHERE rule = ?",
            params![state.next, state.rule],
        )?;
        // A rollover without counters logs nothing; its clock counts all the same.
        note_entry(session, clock.now)?;
        if prunes {
            session.execute("DELETE FROM usage_account WHERE day < ?", [(clock.now.0 - KEPT) / DAY])?;
            outbox::prune(session, clock.now.0 - SESSIONS_KEPT)?;
        }
    }
    Ok(true)
}

/// The counters of one step: those whose period ended. `later` is usage after that period, `carried` what of it belongs
/// to the period that runs now: records may arrive before their period begins, and while a rollover waits.
const ENDED: &str = "CREATE TEMP TABLE IF NOT EXISTS ended (sim_id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL, \
    start INTEGER NOT NULL, end INTEGER NOT NULL, begins INTEGER NOT NULL, later INTEGER NOT NULL, \
    carried INTEGER NOT NULL, used INTEGER NOT NULL); DELETE FROM temp.ended";

/// Moves the counters of ended periods into history, resets them, and logs the step.
fn close(session: &Session, state: &RuleState, end: i64, now: Time) -> Result<()> {
    session.execute_batch(ENDED)?;
    let since = |bound: &str| {
        format!(
            "ifnull((SELECT sum(d.bytes) FROM usage_day d WHERE d.sim_id = s.id AND d.day >= {bound} / {DAY}), 0)"
        )
    };
    let fill = format!(
        "INSERT INTO temp.ended SELECT s.id, s.account_id, period_start(?3, s.activated, ?4), \
         period_end(?3, s.activated, ?4), period_start(?3, s.activated, ?5), \
         min(s.used, max(0, {})), min(s.used, max(0, {})), s.used \
         FROM sim s WHERE s.id > ?1 AND s.id <= ?2 AND (s.used > 0 OR s.gate > 0 OR s.fired > 0) \
         AND EXISTS (SELECT 1 FROM temp.rule u WHERE u.account_id = s.account_id AND u.rule = ?3) \
         AND period_start(?3, s.activated, ?5) > period_start(?3, s.activated, ?4)",
        since("period_end(?3, s.activated, ?4)"),
        since("period_start(?3, s.activated, ?5)")
    );
    let bound = params![state.cursor, end, state.rule, state.closed_until, state.next];
    let closed = session.prepare_cached(&fill)?.execute(bound)?;
    if closed == 0 {
        return Ok(());
    }
    let rev = log_step(session, state, closed as u64, now)?;
    session
        .prepare_cached(
            "INSERT INTO log_item SELECT ?, e.sim_id, 0, 0, e.account_id, e.account_id, json_object('counter', e.used, \
             'gate', s.gate, 'fired', s.fired, 'start', e.start, 'begins', e.begins, 'carried', e.carried) \
             FROM temp.ended e JOIN sim s ON s.id = e.sim_id",
        )?
        .execute([rev])?;
    session
        .prepare_cached(
            "INSERT INTO log_account SELECT ?, account_id, 1, count(*) FROM temp.ended GROUP BY account_id",
        )?
        .execute([rev])?;
    for history in [
        "INSERT INTO usage_period SELECT sim_id, start, end, account_id, used - later FROM temp.ended \
         WHERE used > later ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes"
            .to_owned(),
        // Whole periods that passed while the rollover waited.
        format!(
            "INSERT INTO usage_period SELECT d.sim_id, period_start('{rule}', s.activated, d.day * {DAY}) AS a, \
             period_end('{rule}', s.activated, d.day * {DAY}), d.account_id, sum(d.bytes) FROM temp.ended e \
             JOIN sim s ON s.id = e.sim_id JOIN usage_day d ON d.sim_id = e.sim_id \
             WHERE e.later > 0 AND d.day * {DAY} >= e.end AND d.day * {DAY} < e.begins GROUP BY 1, 2, 4 \
             HAVING sum(d.bytes) > 0 ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes",
            rule = state.rule
        ),
    ] {
        session.prepare_cached(&history)?.execute([])?;
    }
    session
        .prepare_cached(
            "UPDATE sim AS s SET used = e.carried, gate = 0, fired = 0 FROM temp.ended e WHERE e.sim_id = s.id",
        )?
        .execute([])?;
    let carried = Sql::new("s.id IN (SELECT sim_id FROM temp.ended WHERE carried > 0)");
    raise_gates(session, &carried.text)?;
    events::settle(session, &carried, now)
}

/// Sets the gates that usage and levels make.
fn raise_gates(session: &Session, which: &str) -> Result<()> {
    let gate = level_columns::derived(&Sql::new("s.cap"), &Sql::new("s.alert")).text;
    let sql = format!("UPDATE sim AS s SET gate = {gate} WHERE s.gate <> {gate} AND {which}");
    session.prepare_cached(&sql)?.execute([])?;
    Ok(())
}

/// Logs a step by the system.
fn log_step(session: &Session, state: &RuleState, closed: u64, now: Time) -> Result<Rev> {
    let accounts: i64 =
        session.query_row("SELECT count(DISTINCT account_id) FROM temp.ended", [], |r| r.get(0))?;
    let body = json!({
        "rollover": state.rollover, "rule": state.rule, "from": state.closed_until, "to": state.next,
        "accounts": accounts, "sims": closed,
    });
    let rev = session.rev()? + 1;
    let counts = Counts { done: closed, ..Counts::default() };
    let kind = Change::PERIOD_ROLLOVER;
    let (id, actor) = (ChangeId::new(), log::system());
    log::append(session, &Record { rev, id: &id, at: now, actor: &actor, kind, body, counts, undoes: None })?;
    Ok(rev)
}

/// Deletes what is older than it is kept for, of some SIMs.
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

/// Returns false for a store of an earlier schema: only reads have it open, and it closes nothing before it is upgraded.
fn has_table(session: &Connection) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'period_rollover')";
    Ok(session.query_row(sql, [], |row| row.get(0))?)
}

/// Returns the rollovers that are due by a clock, and the reason why they wait.
pub(crate) fn status(session: &Connection, now: Time) -> Result<RolloverStatus> {
    if !has_table(session)? {
        return Ok(RolloverStatus::default());
    }
    let clock = reading(session, now)?;
    let mut status = RolloverStatus { clock: Some(clock), ..RolloverStatus::default() };
    for state in states(session)? {
        let boundary = if state.next == 0 { boundary(&state.rule, now) } else { state.next };
        let of = |until: i64| PeriodRollover {
            rule: state.rule.parse().unwrap_or_default(),
            closed_until: Time(state.closed_until),
            until: Time(until),
        };
        if boundary > state.closed_until {
            status.is_held |= state.held;
            status.pending.push(of(boundary));
        } else if state.closed_until > now.0
            && self::boundary(&state.rule, Time(state.closed_until - 1)) <= now.0
        {
            // The period that was closed last is the present one.
            status.ahead.push(of(state.closed_until));
        }
    }
    Ok(status)
}

/// Returns the number of SIMs whose counters the pending rollovers would close.
pub(crate) fn count_pending(session: &Session, now: Time) -> Result<u64> {
    if !has_table(session)? {
        return Ok(0);
    }
    rules(session)?;
    let mut total = 0;
    for state in states(session)? {
        let next = if state.next == 0 { boundary(&state.rule, now) } else { state.next };
        let sims: i64 = session.query_row(
            "SELECT count(*) FROM sim s JOIN temp.rule u ON u.account_id = s.account_id AND u.rule = ?1 \
             WHERE s.id > ?2 AND (s.used > 0 OR s.gate > 0 OR s.fired > 0) \
             AND period_start(?1, s.activated, ?4) > period_start(?1, s.activated, ?3)",
            params![state.rule, state.cursor, state.closed_until, next],
            |r| r.get(0),
        )?;
        total += sims.unsigned_abs();
    }
    Ok(total)
}

/// Returns the moment that the running counter of a rule's SIMs began at, or `None` for a rule not registered yet.
pub(crate) fn closed_until(session: &Connection, rule: PeriodRule) -> Result<Option<Time>> {
    let sql = if has_table(session)? {
        "SELECT closed_until FROM period_rollover WHERE rule = ?"
    } else {
        "SELECT upto FROM turned WHERE rule = ?"
    };
    Ok(session.query_row(sql, [rule.to_string()], |r| r.get(0).map(Time)).optional()?)
}

/// The steps of one rollover in the log.
pub(crate) struct LoggedRollover {
    pub steps: Vec<Rev>,
    pub body: Json,
    pub sims: u64,
}

impl LoggedRollover {
    fn number(&self, key: &str) -> i64 {
        self.body[key].as_i64().unwrap_or_default()
    }

    fn rule(&self) -> &str {
        self.body["rule"].as_str().unwrap_or_default()
    }

    fn revs(&self) -> String {
        self.steps.iter().map(i64::to_string).collect::<Vec<_>>().join(", ")
    }
}

/// Finds every step of a logged rollover and checks that it can be undone: it is the last of its rule, and no usage of
/// the new period has arrived.
pub(crate) fn find_undoable(session: &Session, logged: &Logged) -> Result<LoggedRollover> {
    let mut statement = session.prepare(
        "SELECT rev FROM log WHERE kind = ?1 AND body ->> '$.rollover' = ?2 \
         AND NOT EXISTS (SELECT 1 FROM log u WHERE u.undoes = log.rev) ORDER BY rev",
    )?;
    let group = logged.body["rollover"].as_str().unwrap_or_default();
    let rows = statement.query_map(params![Change::PERIOD_ROLLOVER, group], |r| r.get(0))?;
    let steps = rows.collect::<rusqlite::Result<_>>()?;
    let mut found = LoggedRollover { steps, body: logged.body.clone(), sims: 0 };
    let conflict = |why: String| Err(Error::Conflict(why));
    let Some(state) = states(session)?.into_iter().find(|state| state.rule == found.rule()) else {
        return conflict("its billing period rule is not in use any more".into());
    };
    if state.next != 0 {
        return conflict("the rollover is not finished yet".into());
    }
    if state.closed_until != found.number("to") {
        return conflict("a later period has been closed since".into());
    }
    rules(session)?;
    let revs = found.revs();
    let sql = format!(
        "SELECT count(*), ifnull(sum(s.used <> i.before ->> 'carried'), 0) FROM log_item i \
         JOIN sim s ON s.id = i.sim_id WHERE i.rev IN ({revs})"
    );
    let (sims_of, changed): (i64, i64) = session.query_row(&sql, [], |r| Ok((r.get(0)?, r.get(1)?)))?;
    found.sims = sims_of.unsigned_abs();
    // A SIM that had used nothing before is in no step.
    let sql = format!(
        "SELECT count(*) FROM sim s JOIN temp.rule u ON u.account_id = s.account_id AND u.rule = ?1 \
         WHERE s.used > 0 AND ?2 AND s.id NOT IN (SELECT sim_id FROM log_item WHERE rev IN ({revs}))"
    );
    let by_calendar = !matches!(found.rule().parse().unwrap_or_default(), PeriodRule::Activation(_));
    let fresh: i64 = session.query_row(&sql, params![found.rule(), by_calendar], |r| r.get(0))?;
    match (changed + fresh).unsigned_abs() {
        0 => Ok(found),
        n => conflict(format!("usage of the new period has arrived for {}", sims(n))),
    }
}

/// Restores the counters of a rollover from history and opens its period again. Records of the closed period that came
/// after the rollover are part of them. A clock within the reopened period is accepted from then on; by one after it the
/// rule waits for an Admin.
pub(crate) fn reopen(session: &Session, found: &LoggedRollover, revs: &[Rev], now: Time) -> Result<()> {
    for (step, rev) in found.steps.iter().zip(revs) {
        reopen_step(session, *step, *rev, now)?;
    }
    let held = boundary(found.rule(), now) > found.number("from");
    if !held && now.0 >= found.number("from") {
        accept(session, now)?;
    }
    session.execute(
        "UPDATE period_rollover SET closed_until = ?, held = ? WHERE rule = ?",
        params![found.number("from"), held, found.rule()],
    )?;
    Ok(())
}

fn reopen_step(session: &Session, step: Rev, rev: Rev, now: Time) -> Result<()> {
    session.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS reopened (sim_id INTEGER PRIMARY KEY, used INTEGER NOT NULL, \
         same INTEGER NOT NULL, before TEXT NOT NULL); DELETE FROM temp.reopened",
    )?;
    let of_sim =
        "p.sim_id = i.sim_id AND p.start >= i.before ->> 'start' AND p.start < i.before ->> 'begins'";
    session.execute(
        &format!(
            "INSERT INTO temp.reopened SELECT sim_id, used, unchanged AND used = was, before FROM (SELECT i.sim_id, \
             s.used + ifnull((SELECT sum(p.bytes) FROM usage_period p WHERE {of_sim}), 0) AS used, \
             s.version <= ?1 AS unchanged, i.before ->> 'counter' AS was, i.before FROM log_item i \
             JOIN sim s ON s.id = i.sim_id WHERE i.rev = ?1)"
        ),
        [step],
    )?;
    session.execute(
        "INSERT INTO log_item SELECT ?, s.id, 0, 0, s.account_id, s.account_id, json_object('counter', s.used) \
         FROM temp.reopened r JOIN sim s ON s.id = r.sim_id",
        [rev],
    )?;
    session.execute(
        "INSERT INTO log_account SELECT ?, s.account_id, 1, count(*) FROM temp.reopened r \
         JOIN sim s ON s.id = r.sim_id GROUP BY 2",
        [rev],
    )?;
    session.execute(
        &format!(
            "DELETE FROM usage_period AS p WHERE EXISTS (SELECT 1 FROM log_item i WHERE i.rev = ? AND {of_sim})"
        ),
        [step],
    )?;
    let reached = events::bits().text;
    session.execute(
        "UPDATE sim AS s SET used = r.used, gate = iif(r.same, r.before ->> 'gate', s.gate), \
         fired = r.before ->> 'fired' FROM temp.reopened r WHERE r.sim_id = s.id",
        [],
    )?;
    raise_gates(session, "s.id IN (SELECT sim_id FROM temp.reopened WHERE NOT same)")?;
    // A level that was lowered since has not been reached by this period.
    session.execute(
        &format!(
            "UPDATE sim AS s SET fired = s.fired & {reached} WHERE s.id IN (SELECT sim_id FROM temp.reopened)"
        ),
        [],
    )?;
    rules(session)?;
    events::settle(session, &Sql::new("s.id IN (SELECT sim_id FROM temp.reopened)"), now)
}

/// The period of a rollover in words: `2026-10-01 to 2026-10-31`.
pub(crate) fn period_closed(body: &Json) -> String {
    let day = |key: &str, back: i64| Time(body[key].as_i64().unwrap_or_default() - back).day();
    format!("{} to {}", day("from", 0), day("to", 1))
}

/// A logged rollover as a sentence.
pub(crate) fn summary(kind: &str, body: &Json, whole: bool, done: u64) -> String {
    let rule: PeriodRule = body["rule"].as_str().and_then(|rule| rule.parse().ok()).unwrap_or_default();
    let within = match body["accounts"].as_u64() {
        Some(1) if whole => " in 1 account".to_owned(),
        Some(n) if whole => format!(" in {} accounts", count(n)),
        _ => String::new(),
    };
    let verb = if kind == Change::PERIOD_ROLLOVER { "closed" } else { "reopened" };
    let period = match rule {
        PeriodRule::Activation(_) => format!("billing periods that ended {}", period_closed(body)),
        _ => format!("the billing period {}", period_closed(body)),
    };
    format!("{verb} {period} ({}) of {}{within}", rule.said(), sims(done))
}
