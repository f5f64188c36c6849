//! Changes to SIMs: planned on a reader, applied whole in one transaction, undone from the log.

use std::collections::{BTreeMap, HashSet};

use rusqlite::{params, params_from_iter};
use serde_json::json;

use super::inherited::{Of, fill_ceilings, fill_rules, target_accounts};
use super::read::{View, sim};
use super::sql::Sql;
use super::{ceilings, edits, levels};
use crate::change::{MoveOptions, Outcome, Plan, Reason, Target, Warning};
use crate::clock::ClockReading;
use crate::error::{Error, Result};
use crate::ids::{AccountId, Rev, SimId};
use crate::packed::split;
use crate::progress::OnProgress;
use crate::sim::Status;
use crate::store::connection::Database;
use crate::store::level_columns;
use crate::store::log::UndoKind;
use crate::store::verdicts::{
    TEMP, VerdictCounts, at, count_verdicts, judge_with, log_items, run_in_chunks, settle,
};
use crate::units::Time;

/// What becomes of each SIM of a move: the rules M1, M7, M8 and M11 in one place.
const VERDICT: &str = "CASE WHEN s.account_id = ? THEN 1 WHEN NOT s.managed THEN 2 WHEN s.lifecycle = 3 THEN 2 \
    WHEN s.version > ? THEN 3 ELSE 0 END";
const REASON: &str = "CASE WHEN s.account_id = ? THEN 0 WHEN NOT s.managed THEN 2 WHEN s.lifecycle = 3 THEN 1 \
    WHEN s.version > ? THEN 3 ELSE 0 END";

fn verdict(to: AccountId, at: Rev) -> Sql {
    Sql::new(format!("{VERDICT}, {REASON}")).with(to.0).with(at).with(to.0).with(at)
}

impl View<'_> {
    /// What moving `target` to `to` would do.
    pub fn plan_move(&self, target: &Target, to: AccountId, now_at: Rev) -> Result<Plan> {
        let receiving = self.accounts.need(to)?;
        let at = at(target);
        let (mut plan, sums) = self.count_outcomes(target, verdict(to, at), now_at)?;
        if !receiving.has_admin {
            plan.warnings.push((Warning::NoAdmin, 0));
        }
        let kinds = [Warning::Notes, Warning::InSession, Warning::ActivationPending];
        plan.warnings.extend(kinds.into_iter().zip(sums).filter(|(_, n)| *n > 0));
        self.warn_of_recipients(target, to, &mut plan)?;
        self.warn_of_tags(target, to, &mut plan)?;
        if let Some(ceiling) = receiving.ceiling {
            let mut chosen = Sql::new("sim s WHERE ");
            chosen.push(self.target(target)?);
            chosen.push(Sql::new(format!(" AND ({VERDICT}) = 0")).with(to.0).with(at));
            self.warn_of_ceiling(ceiling, &chosen, &mut plan)?;
        }
        Ok(plan)
    }

    /// A plan with everything counted by outcome, account and status in one pass; and of those that
    /// would change, how many have notes, are in a session, wait for activation.
    pub fn count_outcomes(&self, target: &Target, verdict: Sql, now_at: Rev) -> Result<(Plan, [u64; 3])> {
        let mut plan = Plan { at: now_at, ..Plan::default() };
        let mut sql = Sql::new("SELECT s.account_id, s.status, ");
        sql.push(verdict);
        sql.text.push_str(
            ", count(*), sum(s.notes <> ''), sum(s.in_session), sum(s.lifecycle = 1) FROM sim s WHERE ",
        );
        sql.push(self.target(target)?);
        sql.text.push_str(" GROUP BY 1, 2, 3, 4");
        let (mut accounts, mut statuses) = (BTreeMap::new(), BTreeMap::new());
        let (mut reasons, mut sums) = (BTreeMap::new(), [0u64; 3]);
        let mut statement = self.session.prepare_cached(&sql.text)?;
        let mut rows = statement.query(params_from_iter(&sql.params))?;
        while let Some(row) = rows.next()? {
            let outcome = Outcome::from_code(row.get(2)?);
            let n = row.get::<_, i64>(4)? as u64;
            plan.total += n;
            plan.counts.add(outcome, n);
            *accounts.entry(AccountId(row.get(0)?)).or_insert(0) += n;
            *statuses.entry(Status::from_code(row.get(1)?)).or_insert(0) += n;
            if outcome == Outcome::Done {
                for (sum, column) in sums.iter_mut().zip(5..) {
                    *sum += row.get::<_, i64>(column)? as u64;
                }
            } else if outcome != Outcome::Unchanged {
                *reasons.entry(Reason::from_code(row.get(3)?)).or_insert(0) += n;
            }
        }
        plan.by_account = most_first(accounts);
        plan.by_status = most_first(statuses);
        plan.reasons = most_first(reasons);
        let gone = self.count_missing(target)?;
        plan.total += gone;
        plan.counts.conflict += gone;
        if gone > 0 {
            plan.reasons.push((Reason::Gone, gone));
        }
        let mut sql = Sql::new(format!("SELECT {} FROM sim s WHERE ", super::read::COLUMNS));
        sql.push(self.target(target)?);
        sql.text.push_str(" LIMIT 3");
        let mut statement = self.session.prepare_cached(&sql.text)?;
        let rows = statement.query_map(params_from_iter(&sql.params), sim)?;
        plan.sample = rows.collect::<rusqlite::Result<_>>()?;
        Ok((plan, sums))
    }

    /// What was judged, unless it is not what was confirmed.
    pub fn compare_with_confirmed(
        &self,
        target: &Target,
        mut judged: VerdictCounts,
    ) -> Result<VerdictCounts> {
        let gone = self.count_missing(target)?;
        judged.counts.conflict += gone;
        let found = judged.total + gone;
        // Names and places of accounts are part of what a query meant: another tree may mean other
        // SIMs.
        let moved = !target.any.is_empty() && self.accounts.all().iter().any(|a| a.version > target.at);
        match target.expect {
            Some(expected) if expected != found || moved => Err(Error::Drift { expected, found }),
            _ => target.check(&judged.counts, self.outside(target)?).map(|()| judged),
        }
    }

    /// SIMs that were judged and are not where they are to be.
    fn outside(&self, target: &Target) -> Result<u64> {
        let Some(account) = target.within else { return Ok(0) };
        let sql = Sql::new("SELECT count(*) FROM temp.target WHERE from_account <> ?").with(account.0);
        self.number(&sql)
    }

    /// SIMs asked for by number that this user does not see (any more).
    fn count_missing(&self, target: &Target) -> Result<u64> {
        let ids: Vec<i64> = target.ids.difference(&target.except).map(|id| id.0).collect();
        let wanted = ids.len() as u64;
        let mut sql =
            Sql::new("SELECT count(*) FROM rarray(?) t CROSS JOIN sim s ON s.id = t.value WHERE ")
                .with_many(ids);
        sql.push(self.visible());
        Ok(wanted - self.number(&sql)?)
    }

    fn count_by(&self, column: &str, target: &Target) -> Result<Vec<(Vec<String>, u64)>> {
        let mut sql =
            Sql::new(format!("SELECT s.{column}, count(*) FROM sim s WHERE s.{column} <> '' AND "));
        sql.push(self.target(target)?);
        sql.text.push_str(" GROUP BY 1");
        let mut statement = self.session.prepare_cached(&sql.text)?;
        let rows = statement.query_map(params_from_iter(&sql.params), |r| {
            Ok((split(r.get_ref(0)?.as_str().unwrap_or_default()), r.get::<_, i64>(1)? as u64))
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    pub fn warn_of_recipients(&self, target: &Target, to: AccountId, plan: &mut Plan) -> Result<()> {
        let insiders = self.insiders(to)?;
        let foreign =
            |list: &[String]| list.iter().any(|address| !insiders.contains(&address.to_lowercase()));
        let n = self
            .count_by("recipients", target)?
            .iter()
            .filter(|(list, _)| foreign(list))
            .map(|(_, n)| n)
            .sum();
        if n > 0 {
            plan.warnings.push((Warning::ForeignRecipients, n));
        }
        Ok(())
    }

    fn warn_of_tags(&self, target: &Target, to: AccountId, plan: &mut Plan) -> Result<()> {
        let below = self.accounts.subtree(to).iter().map(|a| a.id.0);
        let sql = Sql::new(
            "SELECT DISTINCT s.tags FROM sim s WHERE s.account_id IN rarray(?) AND s.tags <> ''",
        )
        .with_many(below);
        let mut statement = self.session.prepare_cached(&sql.text)?;
        let mut rows = statement.query(params_from_iter(&sql.params))?;
        let mut known: HashSet<String> = HashSet::new();
        while let Some(row) = rows.next()? {
            known.extend(split(row.get_ref(0)?.as_str().unwrap_or_default()));
        }
        let strange: u64 = self
            .count_by("tags", target)?
            .iter()
            .filter(|(tags, _)| tags.iter().any(|tag| !known.contains(tag)))
            .map(|(_, n)| n)
            .sum();
        if strange > 0 {
            plan.warnings.push((Warning::NewTags, strange));
        }
        Ok(())
    }
}

fn most_first<K: Ord>(counts: BTreeMap<K, u64>) -> Vec<(K, u64)> {
    let mut list: Vec<(K, u64)> = counts.into_iter().collect();
    list.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    list
}

/// Judges the SIMs of a move inside its transaction, and compares with what was confirmed.
pub(crate) fn judge_move(view: &View<'_>, target: &Target, to: AccountId) -> Result<VerdictCounts> {
    view.accounts.need(to)?;
    judge_with(view, target, verdict(to, at(target)), &Sql::new("?").with(to.0))
}

/// Judges what undoing the move `rev` would do: only SIMs that nothing came after go back.
fn judge_undo(view: &View<'_>, rev: Rev) -> Result<VerdictCounts> {
    view.session.execute_batch(TEMP)?;
    let mut sql = Sql::new(
        "INSERT INTO temp.target SELECT i.sim_id, \
         CASE WHEN s.version <> i.rev THEN 3 WHEN a.id IS NULL THEN 2 ELSE 0 END, \
         CASE WHEN s.version <> i.rev THEN 3 WHEN a.id IS NULL THEN 5 ELSE 0 END, \
         s.account_id, i.from_account, i.before \
         FROM log_item i JOIN sim s ON s.id = i.sim_id LEFT JOIN account a ON a.id = i.from_account \
         WHERE i.rev = ? AND i.outcome = 0 AND ",
    )
    .with(rev);
    sql.push(view.visible());
    if !view.whole {
        // Never out of this user's subtree: what came from elsewhere is not theirs to send back.
        let visible: Vec<i64> = view.accounts.all().iter().map(|a| a.id.0).collect();
        sql.push(Sql::new(" AND i.from_account IN rarray(?)").with_many(visible));
    }
    view.session.execute(&sql.text, params_from_iter(&sql.params))?;
    count_verdicts(view.session, true)
}

/// Carries the verdicts out, a chunk at a time, and keeps the accounts' counts.
pub(crate) fn carry_out(
    session: &Database,
    rev: Rev,
    clear: MoveOptions,
    judged: &VerdictCounts,
    clock: &ClockReading,
    watch: &OnProgress<'_>,
) -> Result<()> {
    let accounts = target_accounts();
    let ceilings = fill_ceilings(session, &Of::Selected(&accounts))?;
    let holds = ceilings || judged.restores;
    if holds {
        fill_rules(session, &Of::Selected(&accounts))?;
    }
    let items = log_items(&before(clear, ceilings));
    let update = format!(
        "UPDATE sim AS s SET account_id = t.to_account, version = ?1{} FROM temp.target t \
         WHERE s.id = t.sim_id AND t.outcome = 0 AND t.sim_id > ?2 AND t.sim_id <= ?3",
        cleared_columns(clear, judged.restores)
    );
    run_in_chunks(session, "moving", judged, watch, |last, end| {
        let done = session.prepare_cached(&items)?.execute(params![rev, last, end])?;
        session.prepare_cached(&update)?.execute(params![rev, last, end])?;
        if judged.restores {
            level_columns::put_back(session, rev, clock, last, end)?;
        }
        if holds {
            ceilings::settle(session, rev, clock.now, last, end)?;
        }
        Ok(done as u64)
    })?;
    settle(session, rev)
}

/// What has to be kept so that undo can bring it back.
fn before(clear: MoveOptions, ceilings: bool) -> String {
    let kept: Vec<String> =
        [("notes", clear.notes), ("recipients", clear.recipients), ("tags", clear.tags)]
            .iter()
            .filter(|(_, wanted)| *wanted)
            .map(|(column, _)| format!("'{column}', s.{column}"))
            .collect();
    if kept.is_empty() && !ceilings {
        return "NULL".to_owned();
    }
    let mut kept = format!("json_object({})", kept.join(", "));
    if ceilings {
        let over = ceilings::over(&Sql::new("c.bytes")).text;
        kept = format!(
            "json_patch({kept}, iif(EXISTS (SELECT 1 FROM temp.ceiling c WHERE c.account_id = t.to_account AND {over}), \
             {}, '{{}}'))",
            level_columns::BEFORE
        );
    }
    format!("nullif({kept}, '{{}}')")
}

/// What a change clears, and what an undo brings back. What neither touches is not written at all.
fn cleared_columns(clear: MoveOptions, restores: bool) -> String {
    [("notes", clear.notes), ("recipients", clear.recipients), ("tags", clear.tags)]
        .iter()
        .filter_map(|(column, wanted)| match (wanted, restores) {
            (true, _) => Some(format!(", {column} = ''")),
            (false, true) => Some(format!(", {column} = ifnull(t.restore ->> '{column}', s.{column})")),
            (false, false) => None,
        })
        .collect()
}

/// The body of a move in the log.
pub(crate) fn move_body(to: AccountId, clear: MoveOptions, target: &Target) -> serde_json::Value {
    let filters: Vec<String> = target.any.iter().map(|q| q.filter.to_string()).collect();
    json!({ "to": to.0, "clear": clear, "filters": filters, "listed": target.ids.len() })
}

impl View<'_> {
    /// Gathers what undoing `rev` would do, without doing it; leaves the verdicts in a temporary
    /// table only.
    pub fn plan_undo(&self, rev: Rev, what: UndoKind, now: Time) -> Result<Plan> {
        let judged = evaluate_undo(what, self, rev)?;
        let mut plan = Plan {
            at: self.session.rev()?,
            total: judged.total,
            counts: judged.counts,
            ..Plan::default()
        };
        let mut statement = self
            .session
            .prepare("SELECT reason, count(*) FROM temp.target WHERE outcome > 1 GROUP BY 1")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            plan.reasons.push((Reason::from_code(row.get(0)?), row.get::<_, i64>(1)? as u64));
        }
        let mut statement = self.session.prepare(
            "SELECT to_account, count(*) FROM temp.target WHERE outcome = 0 GROUP BY 1 ORDER BY 2 DESC",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            plan.by_account.push((AccountId(row.get(0)?), row.get::<_, i64>(1)? as u64));
        }
        let mut statement =
            self.session.prepare("SELECT sim_id FROM temp.target WHERE outcome = 0 LIMIT 3")?;
        let ids =
            statement.query_map([], |r| r.get(0).map(SimId))?.collect::<rusqlite::Result<Vec<_>>>()?;
        plan.sample = ids.into_iter().map(|id| self.sim(id)).collect::<Result<_>>()?;
        if what == UndoKind::Levels {
            plan.warnings = levels::undo_effects(self.session, now)?;
        }
        Ok(plan)
    }
}

/// Evaluates in `temp.target` what undoing the change `rev` would do.
pub(crate) fn evaluate_undo(what: UndoKind, view: &View<'_>, rev: Rev) -> Result<VerdictCounts> {
    match what {
        UndoKind::Move => judge_undo(view, rev),
        UndoKind::Levels => levels::judge_levels_undo(view, rev),
        UndoKind::Edit => edits::judge_edit_undo(view, rev),
    }
}
