//! Billing period rollover: closes ended periods and resets the running counters; levels stay.
//!
//! A rollover is a logged change, made in steps by changes and by background work. Reads never make
//! one. `closed_until` moves forward only, except by an Admin's logged undo, and an unaccepted
//! clock (`clock.rs`) closes nothing: one wrong reading cannot destroy usage.

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use serde_json::{Value as Json, json};

use super::inherited::{Of, fill_rules};
use super::log::{self, Record};
use super::period_functions::{KEPT, SESSIONS_KEPT};
use super::sql::Sql;
use super::{events, level_columns, outbox, raised_caps};
use crate::change::{Change, Counts};
use crate::clock::ClockReading;
use crate::error::{Error, Result};
use crate::ids::SimId;
use crate::ids::{ChangeId, Rev};
use crate::number::{count, sims};
use crate::period::PeriodRule;
use crate::progress::{OnProgress, Progress};
use crate::rollover::{PeriodRollover, RolloverStatus};
use crate::store::connection::Database;
use crate::store::newest_time::{accept, reading};
use crate::units::{DAY, Time};

/// SIMs looked at in one step: some ten milliseconds where nothing has to change.
const STEP: i64 = 20_000;

/// The rules in use. That of the root is always one of them.
const IN_USE: &str = "SELECT 'month' AS rule UNION SELECT period FROM account WHERE period <> ''";

/// The state of one rule.
pub(super) struct RuleState {
    pub rule: String,
    pub closed_until: i64,
    /// The boundary of a rollover under way, else 0.
    pub next: i64,
    pub cursor: i64,
    pub rollover: String,
    held: bool,
}

/// Runs one step of a rollover that is due and queues its messages; false when none is left or it
/// has to wait.
pub(crate) fn step(session: &Database, mail: bool, now: Time) -> Result<bool> {
    let clock = reading(session, now)?;
    if !has_unregistered_rules(session)? {
        if !clock.is_accepted() {
            return Ok(false);
        }
        if due(session, now)?.is_none() && raised_caps::collect_due(session, now)? == 0 {
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

/// Finishes every rollover that is due, inside the caller's transaction. Returns true if there was
/// one.
pub(crate) fn finish(session: &Database, now: Time, watch: &OnProgress<'_>) -> Result<bool> {
    let clock = reading(session, now)?;
    run(session, &clock, true, watch)
}

/// Accepts a clock that an Admin confirmed, and releases the rules that wait for one.
pub(crate) fn release(session: &Database, now: Time) -> Result<()> {
    accept(session, now)?;
    session.execute("UPDATE period_rollover SET held = 0", [])?;
    Ok(())
}

/// Closes every ended period by the clock that was released. Old usage is kept: the next rollover
/// deletes it.
pub(crate) fn finish_released(session: &Database, now: Time, watch: &OnProgress<'_>) -> Result<bool> {
    run(session, &reading(session, now)?, false, watch)
}

fn run(session: &Database, clock: &ClockReading, prunes: bool, watch: &OnProgress<'_>) -> Result<bool> {
    let mut done = 0;
    while advance(session, clock, prunes)? {
        done += STEP as u64;
        if watch(Progress { phase: "a new billing period", done, total: 0 }).is_break() {
            return Err(Error::Cancelled);
        }
    }
    Ok(done > 0)
}

fn has_unregistered_rules(session: &Connection) -> Result<bool> {
    let sql =
        format!("SELECT EXISTS (SELECT rule FROM ({IN_USE}) EXCEPT SELECT rule FROM period_rollover)");
    Ok(session.query_row(&sql, [], |r| r.get(0))?)
}

/// Returns the boundary that counters are closed up to. SIMs with periods of their own are looked
/// at daily.
pub(super) fn boundary(rule: &str, now: Time) -> i64 {
    match rule.parse().unwrap_or_default() {
        PeriodRule::Activation(_) => now.0.div_euclid(DAY) * DAY,
        rule => rule.period(now, None).start.0,
    }
}

pub(super) fn states(session: &Connection) -> Result<Vec<RuleState>> {
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

/// Returns the rollovers that are due or under way, each with its boundary, also those that are
/// held.
fn pending(session: &Connection, now: Time) -> Result<Vec<RuleState>> {
    let mut pending = Vec::new();
    for mut state in states(session)? {
        if state.next == 0 {
            state.next = boundary(&state.rule, now);
            if state.next <= state.closed_until || !has_ended(session, &state)? {
                continue;
            }
        }
        pending.push(state);
    }
    Ok(pending)
}

/// Returns true if a period of the rule ended. Where each SIM has periods of its own, some SIM's
/// has to.
fn has_ended(session: &Connection, state: &RuleState) -> Result<bool> {
    if !matches!(state.rule.parse().unwrap_or_default(), PeriodRule::Activation(_)) {
        return Ok(true);
    }
    fill_rules(session, &Of::All)?;
    let sql = format!(
        "SELECT EXISTS (SELECT 1 FROM temp.rule u CROSS JOIN sim s ON s.account_id = u.account_id \
         WHERE u.rule = ?1 AND {ENDED_BETWEEN})"
    );
    Ok(session.query_row(&sql, params![state.rule, state.closed_until, state.next], |r| r.get(0))?)
}

/// True of a SIM `s` if a period of rule `?1` ended for it after `?2` and not after `?3`.
pub(super) const ENDED_BETWEEN: &str =
    "period_start(?1, s.activated, ?3) > period_start(?1, s.activated, ?2)";

/// Returns the first rollover that is due or under way.
fn due(session: &Connection, now: Time) -> Result<Option<RuleState>> {
    Ok(pending(session, now)?.into_iter().find(|state| !state.held))
}

/// Returns the time of the next rollover or return of a raised cap.
pub(crate) fn next(session: &Connection, now: Time) -> Result<Time> {
    let mut statement = session.prepare(IN_USE)?;
    let rules: Vec<String> = statement.query_map([], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?;
    let next = rules.iter().map(|rule| match rule.parse().unwrap_or_default() {
        PeriodRule::Activation(_) => (now.0.div_euclid(DAY) + 1) * DAY,
        rule => rule.period(now, None).end.0,
    });
    // Caps that are due already wait for an Admin.
    let raised = "SELECT min(back_at) FROM sim WHERE back_at > ?";
    let raised: Option<i64> = session.query_row(raised, [now.0.max(0)], |r| r.get(0))?;
    Ok(Time(next.chain(raised).min().unwrap_or(now.0 + DAY)))
}

/// Registers new period rules; running counters continue until the next boundary.
pub(crate) fn register_rules(session: &Connection, clock: &ClockReading) -> Result<()> {
    let mut statement = session
        .prepare(&format!("SELECT rule FROM ({IN_USE} EXCEPT SELECT rule FROM period_rollover)"))?;
    let new: Vec<String> = statement.query_map([], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?;
    for rule in new {
        let sql = "INSERT INTO period_rollover (rule, closed_until) VALUES (?, ?)";
        session.execute(sql, params![rule, boundary(&rule, clock.trusted_time())])?;
    }
    Ok(())
}

/// Runs one step of the rollover that is due; false when none is left or it has to wait.
fn advance(session: &Database, clock: &ClockReading, prunes: bool) -> Result<bool> {
    register_rules(session, clock)?;
    if !clock.is_accepted() {
        return Ok(false);
    }
    // Caps that were raised return once the counters are reset.
    let Some(mut state) = due(session, clock.now)? else {
        return raised_caps::return_due(session, clock.now);
    };
    let is_first = state.rollover.is_empty();
    if is_first {
        state.rollover = ChangeId::new().0;
    }
    let next_sims = "SELECT max(id) FROM (SELECT id FROM sim WHERE id > ? ORDER BY id LIMIT ?)";
    let end: Option<i64> = session.query_row(next_sims, params![state.cursor, STEP], |r| r.get(0))?;
    // Events of this step are those of the new period.
    session.execute(
        "UPDATE period_rollover SET next = ?, cursor = ?, rollover = ? WHERE rule = ?",
        params![state.next, end.unwrap_or(state.cursor), state.rollover, state.rule],
    )?;
    let closed = find_ended(session, &state, end.unwrap_or(state.cursor))?;
    // Without an entry a rollover could not be undone.
    if closed > 0 || is_first && is_in_use(session, &state.rule)? {
        let rev = log_step(session, &state, closed, clock.now)?;
        close(session, &state, rev, clock.now)?;
    }
    if let Some(end) = end {
        if prunes {
            prune(session, state.cursor, end, clock.now)?;
        }
        return Ok(true);
    }
    session.execute(
        "UPDATE period_rollover SET closed_until = next, next = 0, cursor = 0, rollover = '' \
        WHERE rule = ?",
        [&state.rule],
    )?;
    if prunes {
        session.execute("DELETE FROM usage_account WHERE day < ?", [(clock.now.0 - KEPT) / DAY])?;
        outbox::prune(session, clock.now.0 - SESSIONS_KEPT)?;
    }
    Ok(true)
}

/// Returns true if the rule is set on an account, or is the root's default.
fn is_in_use(session: &Connection, rule: &str) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM account WHERE period = ?1 OR period = '' AND ?1 = \
    'month' AND parent_id IS NULL)";
    Ok(session.query_row(sql, [rule], |r| r.get(0))?)
}

/// The counters of one step: those whose period ended. `later` is usage after that period,
/// `carried` what of it belongs to the period that runs now: records may arrive before their period
/// begins, and while a rollover waits.
const ENDED: &str = "CREATE TEMP TABLE IF NOT EXISTS ended (sim_id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL, \
    start INTEGER NOT NULL, end INTEGER NOT NULL, begins INTEGER NOT NULL, later INTEGER NOT NULL, \
    carried INTEGER NOT NULL, used INTEGER NOT NULL); DELETE FROM temp.ended";

/// Fills `temp.ended` with the counters of the SIMs after the cursor and up to `end`, and returns
/// their number.
fn find_ended(session: &Database, state: &RuleState, end: i64) -> Result<u64> {
    session.execute_batch(ENDED)?;
    let accounts = "SELECT DISTINCT account_id FROM sim WHERE id > ? AND id <= ?";
    fill_rules(session, &Of::Selected(&Sql::new(accounts).with(state.cursor).with(end)))?;
    let since = |bound: &str| {
        format!(
            "ifnull((SELECT sum(d.bytes) FROM usage_day d WHERE d.sim_id = s.id AND d.day >= {bound} / {DAY}), 0)"
        )
    };
    let fill = format!(
        "INSERT INTO temp.ended SELECT s.id, s.account_id, period_start(?1, s.activated, ?2), \
         period_end(?1, s.activated, ?2), period_start(?1, s.activated, ?3), \
         min(s.used, max(0, {})), min(s.used, max(0, {})), s.used \
         FROM sim s WHERE s.id > ?4 AND s.id <= ?5 AND (s.used > 0 OR s.gate > 0 OR s.fired > 0) \
         AND EXISTS (SELECT 1 FROM temp.rule u WHERE u.account_id = s.account_id AND u.rule = ?1) \
         AND {ENDED_BETWEEN}",
        since("period_end(?1, s.activated, ?2)"),
        since("period_start(?1, s.activated, ?3)")
    );
    let bound = params![state.rule, state.closed_until, state.next, state.cursor, end];
    Ok(session.prepare_cached(&fill)?.execute(bound)? as u64)
}

/// Moves the counters in `temp.ended` into history and resets them, as the logged step `rev`.
fn close(session: &Database, state: &RuleState, rev: Rev, now: Time) -> Result<()> {
    session
        .prepare_cached(
            "INSERT INTO log_item SELECT ?, e.sim_id, 0, 0, e.account_id, e.account_id, json_object('counter', e.used, \
             'gate', s.gate, 'fired', s.fired, 'start', e.start, 'begins', e.begins, 'carried', e.carried) \
             FROM temp.ended e JOIN sim s ON s.id = e.sim_id",
        )?
        .execute([rev])?;
    log::touch_accounts_of_items(session, rev)?;
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
    let reset = "UPDATE sim AS s SET used = e.carried, gate = 0, fired = 0 FROM temp.ended e WHERE \
        e.sim_id = s.id";
    session.prepare_cached(reset)?.execute([])?;
    let carried = Sql::new("s.id IN (SELECT sim_id FROM temp.ended WHERE carried > 0)");
    level_columns::derive_gates(session, &carried)?;
    // The periods as this step leaves them: the cursor is past its SIMs.
    events::settle(session, &carried, now)
}

/// Logs a step by the system.
fn log_step(session: &Database, state: &RuleState, closed: u64, now: Time) -> Result<Rev> {
    let accounts: i64 =
        session.query_row("SELECT count(DISTINCT account_id) FROM temp.ended", [], |r| r.get(0))?;
    let body = json!({
        "rollover": state.rollover, "rule": state.rule, "from": state.closed_until, "to": state.next,
        "accounts": accounts, "sims": closed,
    });
    let rev = session.rev()? + 1;
    let counts = Counts { done: closed, ..Counts::default() };
    let kind = Change::PERIOD_ROLLOVER;
    let (id, actor) = (ChangeId::new(), log::system_user());
    log::append(
        session,
        &Record { rev, id: &id, at: now, actor: &actor, kind, body, counts, undoes: None },
    )?;
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

/// Returns false for a store of an earlier schema: only reads have it open, and it closes nothing
/// before it is upgraded.
fn has_table(session: &Connection) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'period_rollover')";
    Ok(session.query_row(sql, [], |row| row.get(0))?)
}

/// Returns the rollovers that are due by a clock, and the reason why they wait. Changes of the
/// whole estate are named where it is seen whole.
pub(crate) fn status(session: &Connection, whole: bool, now: Time) -> Result<RolloverStatus> {
    if !has_table(session)? {
        return Ok(RolloverStatus::default());
    }
    let clock = reading(session, now)?;
    let mut status = RolloverStatus { clock: Some(clock), ..RolloverStatus::default() };
    let of = |state: &RuleState, until: i64| PeriodRollover {
        rule: state.rule.parse().unwrap_or_default(),
        closed_until: Time(state.closed_until),
        until: Time(until),
        is_logged: false,
        change: None,
    };
    for state in pending(session, now)? {
        status.is_held |= state.held;
        status.pending.push(of(&state, state.next));
    }
    for state in states(session)?.iter().filter(|state| state.next == 0 && state.closed_until > now.0) {
        let change = rollover_until(session, &state.rule, state.closed_until)?;
        let is_logged = change.is_some();
        let change = change.filter(|_| whole);
        status.ahead.push(PeriodRollover { is_logged, change, ..of(state, state.closed_until) });
    }
    Ok(status)
}

/// Returns the first step of the rollover of a rule up to `until`, unless it was undone.
fn rollover_until(session: &Connection, rule: &str, until: i64) -> Result<Option<ChangeId>> {
    let sql = "SELECT change_id FROM log l WHERE kind = ? AND body ->> 'rule' = ? AND body ->> \
    'to' = ? \
        AND NOT EXISTS (SELECT 1 FROM log u WHERE u.undoes = l.rev) ORDER BY rev LIMIT 1";
    let found =
        session.query_row(sql, params![Change::PERIOD_ROLLOVER, rule, until], |r| r.get(0).map(ChangeId));
    Ok(found.optional()?)
}

/// Returns the number of SIMs whose counters the pending rollovers would close.
pub(crate) fn count_pending(session: &Database, now: Time) -> Result<u64> {
    if !has_table(session)? {
        return Ok(0);
    }
    let pending = pending(session, now)?;
    fill_rules(session, &Of::All)?;
    let sql = format!(
        "SELECT count(*) FROM temp.rule u CROSS JOIN sim s ON s.account_id = u.account_id WHERE \
        u.rule = ?1 \
         AND s.id > ?4 AND (s.used > 0 OR s.gate > 0 OR s.fired > 0) AND {ENDED_BETWEEN}"
    );
    let mut total = 0;
    for state in pending {
        let bound = params![state.rule, state.closed_until, state.next, state.cursor];
        total += session.query_row(&sql, bound, |r| r.get::<_, i64>(0))?.unsigned_abs();
    }
    Ok(total)
}

/// Returns the time up to which a rule's periods are closed for a SIM, or `None` for a rule not
/// registered yet.
pub(crate) fn closed_until(session: &Connection, rule: PeriodRule, sim: SimId) -> Result<Option<Time>> {
    let sql = if has_table(session)? {
        "SELECT iif(next > 0 AND ?2 <= cursor, next, closed_until) FROM period_rollover WHERE \
        rule = ?1"
    } else {
        "SELECT iif(next > 0 AND ?2 <= cursor, next, upto) FROM turned WHERE rule = ?1"
    };
    Ok(session.query_row(sql, params![rule.to_string(), sim.0], |r| r.get(0).map(Time)).optional()?)
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
    format!("{verb} {period} ({}) of {}{within}", rule.describe(), sims(done))
}
