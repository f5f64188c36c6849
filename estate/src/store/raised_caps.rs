//! Caps raised until their billing period ends: returned after its rollover, raised again when that
//! is undone.

use serde_json::json;

use super::events;
use super::inherited::{Of, fill_rules};
use super::level_columns::{BEFORE, derive_gate};
use super::log::{self, Record, system_user};
use super::sql::Sql;
use crate::change::{Change, Counts};
use crate::error::Result;
use crate::ids::{ChangeId, Rev};
use crate::rollover::ClosedPeriods;
use crate::store::connection::Database;
use crate::units::Time;
use crate::user::User;

/// Fills `temp.returning_cap` with the SIMs whose raised caps are due, and returns their number. A
/// cap whose period was reopened stays raised until that period is closed again.
pub(crate) fn collect_due(session: &Database, now: Time) -> Result<u64> {
    session.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS returning_cap (sim_id INTEGER PRIMARY KEY); DELETE FROM \
        temp.returning_cap",
    )?;
    let accounts = "SELECT DISTINCT account_id FROM sim WHERE back_at > 0 AND back_at <= ?";
    fill_rules(session, &Of::Selected(&Sql::new(accounts).with(now.0)))?;
    let sql = "INSERT INTO temp.returning_cap SELECT s.id FROM sim s JOIN temp.rule u ON \
    u.account_id = s.account_id \
        WHERE s.back_at > 0 AND s.back_at <= ? AND NOT (u.held AND s.back_at > u.closed_until)";
    Ok(session.execute(sql, [now.0])? as u64)
}

/// Returns the raised caps that are due and logs it; false when there are none. A SIM that has
/// moved under another period may find its usage above the cap.
pub(crate) fn return_due(session: &Database, now: Time) -> Result<bool> {
    let due = collect_due(session, now)?;
    if due == 0 {
        return Ok(false);
    }
    let rev = session.rev()? + 1;
    let (id, actor) = (ChangeId::new(), system_user());
    let counts = Counts { done: due, ..Counts::default() };
    let (kind, body) = (Change::CAP_RETURN, json!({ "until": now.0 }));
    log::append(
        session,
        &Record { rev, id: &id, at: now, actor: &actor, kind, body, counts, undoes: None },
    )?;
    log_items(session, rev, "temp.returning_cap")?;
    session.execute(
        "UPDATE account SET turned = turned + 1 WHERE id IN \
         (SELECT account_id FROM sim WHERE id IN (SELECT sim_id FROM temp.returning_cap))",
        [],
    )?;
    let gate = derive_gate(&Sql::new("s.back_cap"), &Sql::new("s.back_alert")).text;
    session.execute(
        &format!(
            "UPDATE sim AS s SET cap = back_cap, alert = back_alert, gate = {gate}, back_cap = \
            -1, back_alert = 0, \
             back_at = 0 WHERE id IN (SELECT sim_id FROM temp.returning_cap)"
        ),
        [],
    )?;
    events::settle(session, &Sql::new("s.id IN (SELECT sim_id FROM temp.returning_cap)"), now)?;
    Ok(true)
}

/// Raises the caps again that returned with a rollover which `actor` undoes: those of its rule
/// whose period ended in it, unless they were set since. `temp.rule` holds every account. Gates are
/// left to the caller, by `temp.raised`.
pub(crate) fn raise_again(
    session: &Database,
    closed: &ClosedPeriods,
    after: Rev,
    actor: &User,
    now: Time,
) -> Result<()> {
    session.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS raised (sim_id INTEGER PRIMARY KEY, rev INTEGER NOT NULL, \
         before TEXT NOT NULL); DELETE FROM temp.raised",
    )?;
    session.execute(
        "INSERT INTO temp.raised SELECT i.sim_id, max(i.rev), i.before FROM log l JOIN log_item i \
        ON i.rev = l.rev \
         JOIN sim s ON s.id = i.sim_id JOIN temp.rule u ON u.account_id = s.account_id AND u.rule \
         = ?1 \
         WHERE l.kind = ?2 AND l.rev > ?3 AND i.before ->> 'back_at' > ?4 AND i.before ->> \
         'back_at' <= ?5 \
         AND s.back_at = 0 AND s.cap = i.before ->> 'back_cap' AND s.alert = i.before ->> \
         'back_alert' GROUP BY i.sim_id",
        (&closed.rule, Change::CAP_RETURN, after, closed.from, closed.to),
    )?;
    let mut statement = session.prepare(
        "SELECT rev, count(*) FROM temp.raised GROUP BY 1 ORDER \
    BY 1",
    )?;
    let returns = statement.query_map([], |r| Ok((r.get::<_, Rev>(0)?, r.get::<_, i64>(1)?)))?;
    for (returned, sims) in returns.collect::<std::result::Result<Vec<_>, _>>()? {
        let rev = session.rev()? + 1;
        let counts = Counts { done: sims.unsigned_abs(), ..Counts::default() };
        let (id, kind, undoes) = (ChangeId::new(), Change::CAP_RAISE_AGAIN, Some(returned));
        log::append(
            session,
            &Record { rev, id: &id, at: now, actor, kind, body: json!({}), counts, undoes },
        )?;
        log_items(
            session,
            rev,
            &format!(
                "(SELECT sim_id FROM temp.raised WHERE rev = \
        {returned})"
            ),
        )?;
    }
    session.execute(
        "UPDATE sim SET cap = r.before ->> 'cap', alert = r.before ->> 'alert', back_cap = \
        r.before ->> 'back_cap', \
         back_alert = r.before ->> 'back_alert', back_at = r.before ->> 'back_at' \
         FROM temp.raised r WHERE r.sim_id = sim.id",
        [],
    )?;
    Ok(())
}

/// Logs the levels of the SIMs in a table before the change.
fn log_items(session: &Database, rev: Rev, table: &str) -> Result<()> {
    session.execute(
        &format!(
            "INSERT INTO log_item SELECT ?, s.id, 0, 0, s.account_id, s.account_id, {BEFORE} \
             FROM {table} c JOIN sim s ON s.id = c.sim_id"
        ),
        [rev],
    )?;
    log::touch_accounts_of_items(session, rev)
}
