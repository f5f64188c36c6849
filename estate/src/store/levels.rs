//! Caps and alerts in the store: judged, planned, set a chunk at a time, and put back.

use rusqlite::{params, params_from_iter};

use super::Session;
use super::read::View;
use super::sql::Sql;
use super::write::{Judged, TEMP, chunked, judged, settle};
use crate::change::{Plan, Rev, Target, Warning, Watch};
use crate::error::{Error, Result};
use crate::levels::{Alert, DEFAULT_SHARE, Levels, Spread};

/// What a SIM has after the change, as SQL on `s`, and the parameters `?` in them stand for.
struct After {
    cap: Sql,
    alert: Sql,
    hard: Sql,
}

/// A share of a cap: rounded down, and never 0, because 0 means none.
fn share(cap: &Sql, percent: u64) -> Sql {
    let mut sql = Sql::new("max(1, (");
    sql.push(cap.clone());
    sql.push(Sql::new(") * ? / 100)").with(percent as i64));
    sql
}

fn after(levels: &Levels) -> After {
    let cap = match levels.cap {
        Some(cap) => Sql::new("?").with(cap as i64),
        None => Sql::new("s.cap"),
    };
    let alert = match (levels.alert, levels.cap) {
        (Alert::Bytes(bytes), _) => Sql::new("?").with(bytes as i64),
        (Alert::Percent(percent), _) => share(&cap, percent),
        (Alert::Follow, Some(bytes)) if bytes > 0 => share(&cap, DEFAULT_SHARE),
        (Alert::Follow | Alert::Keep, _) => Sql::new("s.alert"),
    };
    let hard = match levels.hard {
        Some(hard) => Sql::new("?").with(i64::from(hard)),
        None => Sql::new("s.hard_cap"),
    };
    After { cap, alert, hard }
}

/// The gate that usage and levels make: `usage ≥ level`, and what is not set never is.
fn gate(used: &str, cap: &str, alert: &str) -> String {
    format!(
        "CASE WHEN {cap} > 0 AND {used} >= {cap} THEN 2 WHEN {alert} > 0 AND {used} >= {alert} THEN 1 ELSE 0 END"
    )
}

/// Codes for: unmanaged, terminated, no cap to take a share of, the same already, changed since.
const OUTCOMES: [i64; 5] = [2, 2, 2, 1, 3];
const REASONS: [i64; 5] = [2, 1, 6, 0, 3];

/// What becomes of each SIM, in codes of one kind.
fn judged_as(levels: &Levels, after: &After, at: Rev, codes: [i64; 5]) -> Sql {
    let [unmanaged, terminated, capless, same, changed] = codes;
    let mut sql =
        Sql::new(format!("CASE WHEN NOT s.managed THEN {unmanaged} WHEN s.lifecycle = 3 THEN {terminated} "));
    if matches!(levels.alert, Alert::Percent(_)) {
        sql.text.push_str("WHEN (");
        sql.push(after.cap.clone());
        sql.text.push_str(&format!(") = 0 THEN {capless} "));
    }
    for (start, value) in [
        ("WHEN s.cap = (", &after.cap),
        (") AND s.alert = (", &after.alert),
        (") AND s.hard_cap = (", &after.hard),
    ] {
        sql.text.push_str(start);
        sql.push(value.clone());
    }
    sql.push(Sql::new(format!(") THEN {same} WHEN s.version > ? THEN {changed} ELSE 0 END")).with(at));
    sql
}

/// Outcome and reason of each SIM.
fn verdict(levels: &Levels, after: &After, at: Rev) -> Sql {
    Sql::join(vec![judged_as(levels, after, at, OUTCOMES), judged_as(levels, after, at, REASONS)], ", ")
}

impl View<'_> {
    /// What the SIMs of a target have in common.
    pub fn spread(&self, target: &Target) -> Result<Spread> {
        let mut sql = Sql::new(
            "SELECT count(*), ifnull(min(cap), 0), ifnull(max(cap), 0), ifnull(min(alert), 0), ifnull(max(alert), 0), \
             ifnull(min(hard_cap), 0), ifnull(max(hard_cap), 0) FROM sim s WHERE ",
        );
        sql.push(self.target(target)?);
        let mut statement = self.session.prepare_cached(&sql.text)?;
        let same = |low: i64, high: i64| (low == high).then_some(low.unsigned_abs());
        Ok(statement.query_row(params_from_iter(&sql.params), |r| {
            let hard = same(r.get(5)?, r.get(6)?);
            Ok(Spread {
                sims: r.get::<_, i64>(0)?.unsigned_abs(),
                cap: same(r.get(1)?, r.get(2)?),
                alert: same(r.get(3)?, r.get(4)?),
                hard: hard.map(|h| h > 0),
            })
        })?)
    }

    /// What setting levels would do: who changes, who is blocked or unblocked at once, whose own alert goes.
    pub fn plan_levels(&self, target: &Target, levels: &Levels, now_at: Rev) -> Result<Plan> {
        let after = after(levels);
        let at = if target.expect.is_some() { target.at } else { now_at };
        let (mut plan, _) = self.tallied(target, verdict(levels, &after, at), now_at)?;
        let mut sql = Sql::new(
            "SELECT sum(g = 2 AND gate <> 2), sum(g <> 2 AND gate = 2), sum(g = 1 AND gate <> 1), \
            sum(old > 0 AND old <> a AND old <> max(1, oldcap * 80 / 100)), sum(a > c AND c > 0) FROM (SELECT ",
        );
        sql.text.push_str(&gate("used", "c", "a"));
        sql.text.push_str(
            " AS g, * FROM (SELECT s.gate AS gate, s.used AS used, s.alert AS old, s.cap AS oldcap, (",
        );
        sql.push(after.cap.clone());
        sql.text.push_str(") AS c, (");
        sql.push(after.alert.clone());
        sql.text.push_str(") AS a, ");
        sql.push(judged_as(levels, &after, at, OUTCOMES));
        sql.text.push_str(" AS outcome FROM sim s WHERE ");
        sql.push(self.target(target)?);
        sql.text.push_str(") WHERE outcome = 0)");
        let mut statement = self.session.prepare_cached(&sql.text)?;
        let counts = statement.query_row(params_from_iter(&sql.params), |r| {
            let n = |at| r.get::<_, Option<i64>>(at).map(|n| n.unwrap_or(0).unsigned_abs());
            Ok([n(0)?, n(1)?, n(2)?, n(3)?, n(4)?])
        })?;
        let kinds = [
            Warning::BlocksNow,
            Warning::Unblocks,
            Warning::AlertsNow,
            Warning::OwnAlerts,
            Warning::AlertOverCap,
        ];
        plan.warnings.extend(kinds.into_iter().zip(counts).filter(|(_, n)| *n > 0));
        Ok(plan)
    }
}

/// Judges inside the transaction, and compares with what was confirmed.
pub(crate) fn judge_levels(view: &View<'_>, target: &Target, levels: &Levels) -> Result<Judged> {
    view.session.execute_batch(TEMP)?;
    let at = if target.expect.is_some() { target.at } else { Rev::MAX };
    let mut sql = Sql::new("INSERT INTO temp.target SELECT s.id, ");
    sql.push(verdict(levels, &after(levels), at));
    sql.text.push_str(", s.account_id, s.account_id, NULL FROM sim s WHERE ");
    sql.push(view.target(target)?);
    view.session.execute(&sql.text, params_from_iter(&sql.params))?;
    view.compare_with_confirmed(target, judged(view.session, false)?)
}

/// Judges what putting levels back would do: only SIMs that nothing came after.
pub(crate) fn judge_levels_undo(view: &View<'_>, rev: Rev) -> Result<Judged> {
    view.session.execute_batch(TEMP)?;
    let mut sql = Sql::new(
        "INSERT INTO temp.target SELECT i.sim_id, CASE WHEN s.version <> i.rev THEN 3 ELSE 0 END, \
         CASE WHEN s.version <> i.rev THEN 3 ELSE 0 END, s.account_id, s.account_id, i.before \
         FROM log_item i JOIN sim s ON s.id = i.sim_id WHERE i.rev = ? AND i.outcome = 0 AND ",
    )
    .with(rev);
    sql.push(view.visible());
    view.session.execute(&sql.text, params_from_iter(&sql.params))?;
    judged(view.session, true)
}

/// What the levels were, kept so that undo can bring them back.
const BEFORE: &str =
    "CASE WHEN t.outcome = 0 THEN json_object('cap', s.cap, 'alert', s.alert, 'hard_cap', s.hard_cap) END";

/// Sets the levels of the SIMs that were judged fit, or puts them back; the gate follows in the same statement.
pub(crate) fn set_levels(
    session: &Session,
    rev: Rev,
    levels: Option<&Levels>,
    judged: &Judged,
    watch: &Watch<'_>,
) -> Result<()> {
    let after = match levels {
        Some(levels) => after(levels),
        None => After {
            cap: Sql::new("t.restore ->> 'cap'"),
            alert: Sql::new("t.restore ->> 'alert'"),
            hard: Sql::new("t.restore ->> 'hard_cap'"),
        },
    };
    let items = format!(
        "INSERT INTO log_item SELECT ?, t.sim_id, t.outcome, t.reason, t.from_account, t.to_account, {BEFORE} \
         FROM temp.target t JOIN sim s ON s.id = t.sim_id WHERE t.sim_id > ? AND t.sim_id <= ?"
    );
    let mut update = Sql::new("UPDATE sim AS s SET version = ?, cap = (").with(rev);
    update.push(after.cap);
    update.text.push_str("), alert = (");
    update.push(after.alert);
    update.text.push_str("), hard_cap = (");
    update.push(after.hard);
    update.text.push_str(
        ") FROM temp.target t WHERE s.id = t.sim_id AND t.outcome = 0 AND t.sim_id > ? AND t.sim_id <= ?",
    );
    let settled = format!(
        "UPDATE sim AS s SET gate = {} FROM temp.target t WHERE s.id = t.sim_id AND t.outcome = 0 \
         AND t.sim_id > ? AND t.sim_id <= ?",
        gate("s.used", "s.cap", "s.alert")
    );
    chunked(session, "setting", judged, watch, |last, end| {
        let done = session.prepare_cached(&items)?.execute(params![rev, last, end])?;
        let chunk = update.clone().with(last).with(end);
        session.prepare_cached(&chunk.text)?.execute(params_from_iter(&chunk.params))?;
        session.prepare_cached(&settled)?.execute(params![last, end])?;
        Ok(done as u64)
    })?;
    settle(session, rev)
}

/// The body of the change in the log.
pub(crate) fn levels_body(levels: &Levels, target: &Target) -> serde_json::Value {
    let filters: Vec<String> = target.any.iter().map(|q| q.filter.to_string()).collect();
    serde_json::json!({ "levels": levels, "filters": filters, "listed": target.ids.len() })
}

/// The levels that a logged change set.
pub(crate) fn levels_of(body: &serde_json::Value) -> Result<Levels> {
    let levels = body.get("levels").cloned().unwrap_or_default();
    serde_json::from_value(levels).map_err(|_| Error::Conflict("what it set is not known".into()))
}
