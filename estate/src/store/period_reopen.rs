//! Undo of billing period rollovers: takes counters out of history again.

use serde_json::json;

use super::inherited::{Of, fill_rules};
use super::level_columns::{self, derive_gate};
use super::log::{self, Logged, Record};
use super::period_rollover::{ENDED_BETWEEN, boundary, states};
use super::sql::Sql;
use super::{events, raised_caps};
use crate::change::{Change, Counts};
use crate::error::{Error, Result};
use crate::ids::{ChangeId, Rev};
use crate::number::sims;
use crate::rollover::ClosedPeriods;
use crate::store::connection::Database;
use crate::store::newest_time::accept;
use crate::units::Time;
use crate::user::User;

/// A rollover in the log.
pub(crate) struct LoggedRollover {
    /// Revision of each step, and the number of SIMs that its undo reopens.
    pub steps: Vec<(Rev, u64)>,
    pub closed: ClosedPeriods,
}

impl LoggedRollover {
    /// Number of SIMs that the undo reopens.
    pub fn sims(&self) -> u64 {
        self.steps.iter().map(|(_, sims)| sims).sum()
    }
}

/// Finds every step of a logged rollover and checks that it can be undone: it is the last of its
/// rule, finished or not, and no usage of the new period has arrived. Leaves its SIMs in
/// `temp.reopened` and every account in `temp.rule`.
pub(crate) fn find_undoable(session: &Database, logged: &Logged) -> Result<LoggedRollover> {
    let group = logged.body["rollover"].as_str().unwrap_or_default();
    let closed = ClosedPeriods::of(&logged.body);
    let Some(state) = states(session)?.into_iter().find(|state| state.rule == closed.rule) else {
        return Err(Error::Conflict("its billing period rule is not in use any more".into()));
    };
    let is_running = state.next != 0;
    if is_running && state.rollover != group || !is_running && state.closed_until != closed.to {
        return Err(Error::Conflict("a later period has been closed since".into()));
    }
    let steps = "SELECT rev FROM log WHERE kind = ?1 AND body ->> 'rollover' = ?2 \
        AND NOT EXISTS (SELECT 1 FROM log u WHERE u.undoes = log.rev) ORDER BY rev";
    let mut statement = session.prepare(steps)?;
    let steps = statement.query_map((Change::PERIOD_ROLLOVER, group), |r| r.get(0))?;
    let steps: Vec<Rev> = steps.collect::<std::result::Result<_, _>>()?;
    fill_rules(session, &Of::All)?;
    let changed = collect(session, &steps, &closed)?;
    // A SIM that had used nothing before is in no step.
    let sql = format!(
        "SELECT count(*) FROM temp.rule u CROSS JOIN sim s ON s.account_id = u.account_id WHERE \
        u.rule = ?1 \
         AND s.used > 0 AND s.id <= ?4 AND {ENDED_BETWEEN} \
         AND s.id NOT IN (SELECT sim_id FROM temp.reopened WHERE counter IS NOT NULL)"
    );
    let last = if is_running { state.cursor } else { i64::MAX };
    let bound = (&closed.rule, closed.from, closed.to, last);
    let fresh: i64 = session.query_row(&sql, bound, |r| r.get(0))?;
    match changed + fresh.unsigned_abs() {
        0 => Ok(LoggedRollover { steps: count_by_step(session, &steps)?, closed }),
        n => {
            let why = format!("usage of the new period has arrived for {}", sims(n));
            Err(Error::Conflict(why))
        }
    }
}

/// Fills `temp.reopened` with the SIMs of a rollover and with those that only came to have usage in
/// its periods since; returns the number of SIMs whose counter is not what the rollover left. The
/// latter SIMs belong to the first step.
fn collect(session: &Database, steps: &[Rev], closed: &ClosedPeriods) -> Result<u64> {
    session.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS reopened (sim_id INTEGER PRIMARY KEY, step INTEGER NOT \
        NULL, \
         start INTEGER NOT NULL, begins INTEGER NOT NULL, counter INTEGER, gate INTEGER NOT NULL, \
         fired INTEGER NOT NULL, used INTEGER NOT NULL DEFAULT 0, same INTEGER NOT NULL DEFAULT \
         0); \
         DELETE FROM temp.reopened",
    )?;
    let mut changed = 0;
    for step in steps {
        session.execute(
            "INSERT INTO temp.reopened (sim_id, step, start, begins, counter, gate, fired) \
             SELECT s.id, i.rev, i.before ->> 'start', i.before ->> 'begins', i.before ->> \
             'counter', \
             i.before ->> 'gate', i.before ->> 'fired' FROM log_item i JOIN sim s ON s.id = \
             i.sim_id WHERE i.rev = ?",
            [step],
        )?;
        let sql = "SELECT count(*) FROM log_item i JOIN sim s ON s.id = i.sim_id \
            WHERE i.rev = ? AND s.used <> i.before ->> 'carried'";
        changed += session.query_row(sql, [step], |r| r.get::<_, i64>(0))?.unsigned_abs();
    }
    session.execute(
        &format!(
            "INSERT OR IGNORE INTO temp.reopened (sim_id, step, start, begins, gate, fired) \
             SELECT s.id, ?4, period_start(?1, s.activated, ?2), period_start(?1, s.activated, \
             ?3), 0, 0 \
             FROM temp.rule u CROSS JOIN sim s ON s.account_id = u.account_id WHERE u.rule = ?1 \
             AND {ENDED_BETWEEN} \
             AND EXISTS (SELECT 1 FROM usage_period p WHERE p.sim_id = s.id \
             AND p.start >= period_start(?1, s.activated, ?2) AND p.start < period_start(?1, \
             s.activated, ?3) \
             AND p.start = period_start(?1, s.activated, p.start))"
        ),
        (&closed.rule, closed.from, closed.to, steps.first().copied().unwrap_or(0)),
    )?;
    session.execute_batch(
        "UPDATE temp.reopened AS r SET used = s.used + ifnull((SELECT sum(p.bytes) FROM \
        usage_period p \
         WHERE p.sim_id = r.sim_id AND p.start >= r.start AND p.start < r.begins), 0) FROM sim s \
         WHERE s.id = r.sim_id; \
         UPDATE temp.reopened AS r SET same = s.version <= r.step AND r.used = ifnull(r.counter, \
         -1) \
         FROM sim s WHERE s.id = r.sim_id",
    )?;
    Ok(changed)
}

/// Returns the steps with the number of SIMs in `temp.reopened`.
fn count_by_step(session: &Database, steps: &[Rev]) -> Result<Vec<(Rev, u64)>> {
    let mut count = session.prepare("SELECT count(*) FROM temp.reopened WHERE step = ?")?;
    let mut counted = Vec::new();
    for step in steps {
        counted.push((*step, count.query_row([step], |r| r.get::<_, i64>(0))?.unsigned_abs()));
    }
    Ok(counted)
}

/// Restores the counters in `temp.reopened` from history and opens their periods again, for
/// `actor`. Records of the closed periods that came after the rollover are part of them. `revs` are
/// the log records of the steps. A clock within the reopened periods is accepted from then on; by
/// one after them the rule waits for an Admin.
pub(crate) fn reopen(
    session: &Database,
    closed: &ClosedPeriods,
    revs: &[(Rev, Rev)],
    actor: &User,
    now: Time,
) -> Result<()> {
    let held = boundary(&closed.rule, now) > closed.from;
    if !held && now.0 >= closed.from {
        accept(session, now)?;
    }
    session.execute(
        "UPDATE period_rollover SET closed_until = ?, held = ?, next = 0, cursor = 0, rollover = \
        '' WHERE rule = ?",
        (closed.from, held, &closed.rule),
    )?;
    // Events of what is reopened are those of the periods that run again.
    fill_rules(session, &Of::All)?;
    for (step, rev) in revs {
        session.execute(
            "INSERT INTO log_item SELECT ?, s.id, 0, 0, s.account_id, s.account_id, \
            json_object('counter', s.used) \
             FROM temp.reopened r JOIN sim s ON s.id = r.sim_id WHERE r.step = ?",
            [rev, step],
        )?;
        log::touch_accounts_of_items(session, *rev)?;
    }
    raised_caps::raise_again(session, closed, revs.first().map_or(0, |(step, _)| *step), actor, now)?;
    restore_counters(session, now)
}

fn restore_counters(session: &Database, now: Time) -> Result<()> {
    let reached = events::bits().text;
    let derived = derive_gate(&Sql::new("s.cap"), &Sql::new("s.alert")).text;
    let which = Sql::new(
        "s.id IN (SELECT sim_id FROM temp.reopened UNION SELECT sim_id FROM \
    temp.raised)",
    );
    session.execute_batch(
        "DELETE FROM usage_period AS p WHERE EXISTS (SELECT 1 FROM temp.reopened r WHERE r.sim_id \
        = p.sim_id \
         AND p.start >= r.start AND p.start < r.begins); \
         UPDATE sim AS s SET used = r.used, gate = 0 FROM temp.reopened r WHERE r.sim_id = s.id",
    )?;
    level_columns::derive_gates(session, &which)?;
    // A source may have stated a gate beyond what usage says; a level that was lowered since has
    // not been reached by this period.
    session.execute_batch(&format!(
        "UPDATE sim AS s SET gate = r.gate FROM temp.reopened r WHERE r.sim_id = s.id AND r.same \
        AND r.gate > {derived}; \
         UPDATE sim AS s SET fired = r.fired & {reached} FROM temp.reopened r WHERE r.sim_id = s.id"
    ))?;
    events::settle(session, &which, now)
}

/// Reopens, by a clock that `actor` confirmed, the periods that no rollover closed: a rule that was
/// registered by a later clock counts as closed up to then. Returns the number of rules.
pub(crate) fn take_back_registrations(
    session: &Database,
    actor: &User,
    via: &str,
    now: Time,
) -> Result<usize> {
    let last = "SELECT max(body ->> 'to') FROM log l WHERE kind = ? AND body ->> 'rule' = ? \
        AND NOT EXISTS (SELECT 1 FROM log u WHERE u.undoes = l.rev)";
    let mut reopened = 0;
    for state in states(session)?.into_iter().filter(|state| state.next == 0) {
        let bound = (Change::PERIOD_ROLLOVER, &state.rule);
        let logged: Option<i64> = session.query_row(last, bound, |r| r.get(0))?;
        let from = logged.unwrap_or(i64::MIN).max(boundary(&state.rule, now));
        if from >= state.closed_until {
            continue;
        }
        let closed = ClosedPeriods { rule: state.rule, from, to: state.closed_until };
        fill_rules(session, &Of::All)?;
        collect(session, &[], &closed)?;
        let count = "SELECT count(*), count(DISTINCT s.account_id) FROM temp.reopened r JOIN sim \
        s ON s.id = r.sim_id";
        let (sims, accounts): (i64, i64) =
            session.query_row(count, [], |r| Ok((r.get(0)?, r.get(1)?)))?;
        let body = json!({ "rule": closed.rule, "from": closed.from, "to": closed.to, "accounts": accounts, "sims": sims, "via": via });
        let (rev, id, kind) = (session.rev()? + 1, ChangeId::new(), Change::PERIOD_REOPEN);
        let counts = Counts { done: sims.unsigned_abs(), ..Counts::default() };
        log::append(session, &Record { rev, id: &id, at: now, actor, kind, body, counts, undoes: None })?;
        reopen(session, &closed, &[(0, rev)], actor, now)?;
        reopened += 1;
    }
    Ok(reopened)
}
