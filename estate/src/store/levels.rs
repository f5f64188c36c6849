//! Caps and alerts in the store: judged, planned, set a chunk at a time, and put back.

use rusqlite::{params, params_from_iter};

use super::ceilings;
use super::inherited::{Of, fill_ceilings, fill_rules, target_accounts};
use super::read::View;
use super::sql::Sql;
use crate::account::Account;
use crate::change::{Plan, Target, Warning};
use crate::clock::ClockReading;
use crate::error::{Error, Result};
use crate::ids::Rev;
use crate::levels::{Alert, Levels, Spread};
use crate::progress::OnProgress;
use crate::store::connection::Database;
use crate::store::level_columns::{After, BEFORE, derive_gate, effects, piece, restored_levels, share};
use crate::store::verdicts::{
    TEMP, VerdictCounts, at, count_verdicts, judge_with, log_items, run_in_chunks, settle,
};
use crate::units::{DEFAULT_SHARE, Time};

fn after(levels: &Levels, now: Time) -> After {
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
    let back = |column: &str| Sql::new(format!("iif(s.back_cap >= 0, s.back_{column}, s.{column})"));
    let (back_cap, back_alert) = match (levels.until_period_end, levels.cap) {
        // Raised again, it still returns to what it was at first.
        (true, _) => (back("cap"), back("alert")),
        (false, Some(_)) => (Sql::new("-1"), Sql::new("0")),
        // An alert of its own stays when the cap returns; a share is one of the cap that returns.
        (false, None) => {
            let own = match levels.alert {
                Alert::Percent(percent) => share(&Sql::new("s.back_cap"), percent),
                _ => alert.clone(),
            };
            let alert = piece(
                &[("iif(s.back_cap >= 0, iif((", &alert), (") = s.alert, s.back_alert, (", &own)],
                ")), 0)",
            );
            (Sql::new("s.back_cap"), alert)
        }
    };
    // What the source of the data stated beyond what usage says holds until the level it stands for
    // changes.
    let gate = piece(
        &[
            ("CASE WHEN s.gate = 2 AND s.cap = (", &cap),
            (") THEN 2 WHEN s.cap = (", &cap),
            (") AND s.alert = (", &alert),
            (") THEN s.gate ELSE ", &derive_gate(&cap, &alert)),
        ],
        " END",
    );
    // Where it is raised already, the end of that stands.
    let back_at = piece(
        &[("iif((", &back_cap)],
        ") < 0, 0, iif(s.back_at > 0, s.back_at, period_end((SELECT u.rule FROM temp.rule u \
         WHERE u.account_id = s.account_id), s.activated, ?)))",
    )
    .with(now.0);
    After { cap, alert, hard, gate, back_cap, back_alert, back_at }
}

/// Codes for: unmanaged, terminated, not entitled, no cap to take a share of, no raise, above a
/// ceiling, the same already, changed since.
const OUTCOMES: [i64; 8] = [2, 2, 2, 2, 2, 2, 1, 3];
const REASONS: [i64; 8] = [2, 1, 8, 6, 7, 9, 0, 3];

/// Accounts whose SIMs a change of levels is refused for.
struct Barred {
    /// Caps and alerts are switched off.
    off: Vec<i64>,
    /// The cap would be above the ceiling.
    over: Vec<i64>,
}

/// What becomes of each SIM, in codes of one kind.
fn judged_as(levels: &Levels, after: &After, barred: &Barred, at: Rev, codes: [i64; 8]) -> Sql {
    let [unmanaged, terminated, not_entitled, capless, low, over, same, changed] = codes;
    let mut sql = Sql::new(format!(
        "CASE WHEN NOT s.managed THEN {unmanaged} WHEN s.lifecycle = 3 THEN {terminated} "
    ));
    let bar = |sql: &mut Sql, accounts: &[i64], code| {
        if !accounts.is_empty() {
            let said = format!("WHEN s.account_id IN rarray(?) THEN {code} ");
            sql.push(Sql::new(said).with_many(accounts.iter().copied()));
        }
    };
    bar(&mut sql, &barred.off, not_entitled);
    if matches!(levels.alert, Alert::Percent(_)) {
        sql.text.push_str("WHEN (");
        sql.push(after.cap.clone());
        sql.text.push_str(&format!(") = 0 THEN {capless} "));
    }
    if levels.until_period_end {
        let raised = piece(&[("WHEN NOT (s.cap > 0 AND ((", &after.cap), (") = 0 OR (", &after.cap)], "");
        sql.push(raised);
        sql.text.push_str(&format!(") > s.cap)) THEN {low} "));
    }
    bar(&mut sql, &barred.over, over);
    for (start, value) in [
        ("WHEN s.cap = (", &after.cap),
        (") AND s.alert = (", &after.alert),
        (") AND s.hard_cap = (", &after.hard),
        (") AND s.back_cap = (", &after.back_cap),
    ] {
        sql.text.push_str(start);
        sql.push(value.clone());
    }
    sql.push(Sql::new(format!(") THEN {same} WHEN s.version > ? THEN {changed} ELSE 0 END")).with(at));
    sql
}

/// Outcome and reason of each SIM.
fn verdict(levels: &Levels, after: &After, barred: &Barred, at: Rev) -> Sql {
    let judged = |codes| judged_as(levels, after, barred, at, codes);
    Sql::join(vec![judged(OUTCOMES), judged(REASONS)], ", ")
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
        let ceiling = self.ceilings_of(target, |_| true)?.into_iter().min();
        Ok(statement.query_row(params_from_iter(&sql.params), |r| {
            let hard = same(r.get(5)?, r.get(6)?);
            Ok(Spread {
                sims: r.get::<_, i64>(0)?.unsigned_abs(),
                cap: same(r.get(1)?, r.get(2)?),
                alert: same(r.get(3)?, r.get(4)?),
                hard: hard.map(|h| h > 0),
                ceiling,
            })
        })?)
    }

    /// The accounts this user sees in which caps and alerts are switched off.
    fn not_entitled(&self) -> Vec<i64> {
        self.accounts.all().iter().filter(|a| !a.levels).map(|a| a.id.0).collect()
    }

    fn find_barred(&self, levels: &Levels) -> Barred {
        let over =
            |a: &&Account| levels.cap.is_some_and(|cap| a.ceiling.is_some_and(|c| c.exceeded_by(cap)));
        let over = self.accounts.all().iter().filter(over).map(|a| a.id.0).collect();
        Barred { off: self.not_entitled(), over }
    }

    /// What setting levels would do: who changes, who is blocked or unblocked at once, whose own
    /// alert goes.
    pub fn plan_levels(&self, target: &Target, levels: &Levels, now_at: Rev) -> Result<Plan> {
        // When it ends has no part in the plan.
        let after = after(levels, Time(0));
        let at = at(target);
        let barred = self.find_barred(levels);
        let (mut plan, _) = self.count_outcomes(target, verdict(levels, &after, &barred, at), now_at)?;
        if !barred.over.is_empty() {
            plan.ceilings =
                self.ceilings_of(target, |c| levels.cap.is_some_and(|cap| c.exceeded_by(cap)))?;
        }
        let chosen = piece(
            &[
                ("sim s WHERE ", &self.target(target)?),
                (" AND (", &judged_as(levels, &after, &barred, at, OUTCOMES)),
            ],
            ") = 0",
        );
        let mut warnings = effects(self.session, &after, &chosen)?;
        if levels.hard.is_none() {
            warnings.retain(|(warning, _)| *warning != Warning::HardWithoutCap);
        }
        plan.warnings.extend(warnings);
        Ok(plan)
    }
}

/// What putting levels back does at once, for the SIMs judged in `temp.target`.
pub(crate) fn undo_effects(session: &Database, now: Time) -> Result<Vec<(Warning, u64)>> {
    let chosen = Sql::new("sim s JOIN temp.target t ON t.sim_id = s.id WHERE t.outcome = 0");
    let mut warnings = effects(session, &restored_levels(now), &chosen)?;
    warnings.retain(|(warning, _)| {
        matches!(warning, Warning::BlocksNow | Warning::Unblocks | Warning::AlertsNow)
    });
    Ok(warnings)
}

/// Judges inside the transaction, and compares with what was confirmed.
pub(crate) fn judge_levels(view: &View<'_>, target: &Target, levels: &Levels) -> Result<VerdictCounts> {
    // When it ends has no part in the verdict.
    let verdict = verdict(levels, &after(levels, Time(0)), &view.find_barred(levels), at(target));
    judge_with(view, target, verdict, &Sql::new("s.account_id"))
}

/// Judges what putting levels back would do: only SIMs that nothing came after.
pub(crate) fn judge_levels_undo(view: &View<'_>, rev: Rev) -> Result<VerdictCounts> {
    view.session.execute_batch(TEMP)?;
    let accounts = "SELECT DISTINCT s.account_id FROM log_item i JOIN sim s ON s.id = i.sim_id \
        WHERE i.rev = ? AND i.outcome = 0";
    fill_ceilings(view.session, &Of::Selected(&Sql::new(accounts).with(rev)))?;
    let over = ceilings::before_is_over("i.before");
    let mut sql = Sql::new(format!(
        "INSERT INTO temp.target SELECT i.sim_id, \
         CASE WHEN s.version <> i.rev THEN 3 WHEN o.value IS NOT NULL OR {over} THEN 2 ELSE 0 END, \
         CASE WHEN s.version <> i.rev THEN 3 WHEN o.value IS NOT NULL THEN 8 WHEN {over} THEN 9 ELSE 0 END, \
         s.account_id, s.account_id, i.before FROM log_item i JOIN sim s ON s.id = i.sim_id \
         LEFT JOIN rarray(?) o ON o.value = s.account_id LEFT JOIN temp.ceiling c ON c.account_id = s.account_id \
         WHERE i.rev = ? AND i.outcome = 0 AND "
    ))
    .with_many(view.not_entitled())
    .with(rev);
    sql.push(view.visible());
    // A SIM that was elsewhere at the time is none of this user's to put back.
    sql.text.push_str(" AND ");
    sql.push(view.visible_in("i.from_account"));
    view.session.execute(&sql.text, params_from_iter(&sql.params))?;
    count_verdicts(view.session, true)
}

/// Sets the levels of the SIMs that were judged fit, or puts them back; the gate follows in the
/// same statement.
pub(crate) fn set_levels(
    session: &Database,
    rev: Rev,
    levels: Option<&Levels>,
    judged: &VerdictCounts,
    clock: &ClockReading,
    watch: &OnProgress<'_>,
) -> Result<()> {
    fill_rules(session, &Of::Selected(&target_accounts()))?;
    let period_now = clock.trusted_time();
    let after = levels.map_or_else(|| restored_levels(period_now), |levels| after(levels, period_now));
    let items = log_items(BEFORE);
    let update = piece(
        &[("UPDATE sim AS s SET version = ?, ", &after.assignment())],
        " FROM temp.target t WHERE s.id = t.sim_id AND t.outcome = 0 AND t.sim_id > ? AND t.sim_id <= ?",
    );
    run_in_chunks(session, "setting", judged, watch, |last, end| {
        let done = session.prepare_cached(&items)?.execute(params![rev, last, end])?;
        let mut chunk = Sql::new("").with(rev);
        chunk.push(update.clone().with(last).with(end));
        session.prepare_cached(&chunk.text)?.execute(params_from_iter(&chunk.params))?;
        let which =
            "s.id IN (SELECT sim_id FROM temp.target WHERE outcome = 0 AND sim_id > ? AND sim_id <= ?)";
        super::events::settle(session, &Sql::new(which).with(last).with(end), clock.now)?;
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
