//! Edits of SIMs in the store: judged, planned, made a chunk at a time, and put back.

use rusqlite::{OptionalExtension, params, params_from_iter};

use super::read::View;
use super::sql::Sql;
use super::textindex;
use crate::change::{Plan, Target, Warning};
use crate::edit::{Edit, ListEdit, SharedValues, StateOrigin};
use crate::error::{Error, Result};
use crate::ids::{AccountId, Rev, SimId};
use crate::packed::split;
use crate::progress::OnProgress;
use crate::sim::Verb;
use crate::store::connection::Database;
use crate::store::verdicts::{
    TEMP, VerdictCounts, at, count_verdicts, judge_with, log_items, run_in_chunks, settle,
};
use crate::units::Time;

/// A column, what it becomes as SQL on `s`, and whether a SIM that has this already is left alone.
struct Set {
    column: &'static str,
    to: Sql,
    counts: bool,
}

fn list(column: &'static str, listed: &ListEdit) -> Option<Set> {
    let json = serde_json::to_string(listed).unwrap_or_default();
    let to = Sql::new(format!("list_edited(s.{column}, ?)")).with(json);
    listed.is_some().then_some(Set { column, to, counts: true })
}

/// What an edit by a user of that account sets.
fn sets(edit: &Edit, by: AccountId, rev: Rev) -> Vec<Set> {
    let set = |column, to| Set { column, to, counts: true };
    let also = |column, to| Set { column, to, counts: false };
    let value = |value: i64| Sql::new("?").with(value);
    let mut sets = Vec::new();
    if let Some(label) = &edit.label {
        sets.push(set("label", Sql::new("?").with(label.clone())));
        sets.push(also("label_key", Sql::new("?").with(crate::text::fold(label))));
    }
    if let Some(notes) = &edit.notes {
        sets.push(set("notes", Sql::new("?").with(notes.clone())));
    }
    sets.extend(list("tags", &edit.tags));
    sets.extend(list("categories", &edit.categories));
    sets.extend(list("recipients", &edit.recipients));
    if let Some(on) = edit.authentication {
        sets.push(set("auth", value(i64::from(on))));
    }
    if let Some(verb) = edit.verb {
        let (column, to, desired, changes) = match verb {
            Verb::Activate => {
                ("lifecycle", Sql::new("iif(s.lifecycle = 0, 1, s.lifecycle)"), 1, "s.lifecycle = 0")
            }
            Verb::Suspend => ("suspended", value(1), 2, "NOT s.suspended"),
            Verb::Resume => ("suspended", value(0), 1, "s.suspended"),
            Verb::Terminate => ("lifecycle", value(3), 3, "s.lifecycle <> 3"),
        };
        sets.push(set(column, to));
        // A SIM that is in that state already keeps who put it there: whatever else the edit
        // changes.
        let kept = |column: &str, to: i64| Sql::new(format!("iif({changes}, ?, s.{column})")).with(to);
        sets.push(also("desired", kept("desired", desired)));
        sets.push(also("state_rev", kept("state_rev", rev)));
        match verb {
            Verb::Suspend => sets.push(also("suspended_by", kept("suspended_by", by.0))),
            Verb::Resume => sets.push(also("suspended_by", value(0))),
            Verb::Activate | Verb::Terminate => {}
        }
    }
    sets
}

/// Outcome and reason of each SIM, as codes.
fn verdict(view: &View<'_>, edit: &Edit, at: Rev) -> Sql {
    let judged = |outcome: bool| {
        let code = |refusal: i64| if outcome { 2 } else { refusal };
        let mut sql = Sql::new("CASE ");
        if edit.verb.is_some() || edit.authentication.is_some() {
            sql.text.push_str(&format!("WHEN NOT s.managed THEN {} ", code(2)));
        }
        if edit.authentication.is_some() || matches!(edit.verb, Some(verb) if verb != Verb::Terminate) {
            sql.text.push_str(&format!("WHEN s.lifecycle = 3 THEN {} ", code(1)));
        }
        if matches!(edit.verb, Some(Verb::Suspend | Verb::Resume)) {
            sql.text.push_str(&format!("WHEN s.lifecycle = 0 THEN {} ", code(10)));
        }
        if edit.verb == Some(Verb::Resume) {
            sql.push(held_above(view));
            sql.text.push_str(&format!(" THEN {} ", code(11)));
        }
        let same: Vec<Sql> = sets(edit, AccountId(0), 0)
            .into_iter()
            .filter(|set| set.counts)
            .map(|set| {
                let mut sql = Sql::new(format!("s.{} = (", set.column));
                sql.push(set.to);
                sql.text.push(')');
                sql
            })
            .collect();
        sql.text.push_str("WHEN ");
        sql.push(Sql::join(same, " AND "));
        let (same, changed) = if outcome { (1, 3) } else { (0, 3) };
        sql.push(Sql::new(format!(" THEN {same} WHEN s.version > ? THEN {changed} ELSE 0 END")).with(at));
        sql
    };
    Sql::join(vec![judged(true), judged(false)], ", ")
}

/// `WHEN` an account above this user's suspended a SIM: nobody below lifts that. One that is gone,
/// or that the SIM has left behind in another branch, holds nothing.
fn held_above(view: &View<'_>) -> Sql {
    Sql::new(
        "WHEN s.suspended AND s.suspended_by IN (WITH RECURSIVE up(id) AS (\
         SELECT parent_id FROM account WHERE id = ? UNION SELECT a.parent_id FROM account a JOIN up ON a.id = up.id) \
         SELECT id FROM up WHERE id IS NOT NULL)",
    )
    .with(view.scope.top().0)
}

impl View<'_> {
    /// What an edit would do.
    pub fn plan_edit(&self, target: &Target, edit: &Edit, now_at: Rev) -> Result<Plan> {
        let at = at(target);
        let (mut plan, sums) = self.count_outcomes(target, verdict(self, edit, at), now_at)?;
        let [with_notes, in_session, _] = sums;
        let stops = matches!(edit.verb, Some(Verb::Suspend | Verb::Terminate))
            || edit.authentication == Some(false);
        let done = plan.counts.done;
        let warnings = [
            (Warning::Irreversible, done, edit.verb == Some(Verb::Terminate)),
            (Warning::CutOff, done, edit.authentication == Some(false)),
            (Warning::InSession, in_session, stops),
            (Warning::NotesReplaced, with_notes, edit.notes.is_some()),
        ];
        let said = warnings.into_iter().filter(|(_, n, applies)| *applies && *n > 0);
        plan.warnings.extend(said.map(|(warning, n, _)| (warning, n)));
        Ok(plan)
    }
}

impl View<'_> {
    /// What the SIMs of a target have in common.
    pub fn common(&self, target: &Target) -> Result<SharedValues> {
        const COLUMNS: [&str; 5] = ["label", "notes", "tags", "categories", "recipients"];
        let ends: String = COLUMNS.iter().map(|c| format!(", min(s.{c}), max(s.{c})")).collect();
        let mut sql = Sql::new(format!("SELECT count(*){ends} FROM sim s WHERE "));
        sql.push(self.target(target)?);
        let mut statement = self.session.prepare_cached(&sql.text)?;
        let (sims, found) = statement.query_row(params_from_iter(&sql.params), |r| {
            let same = |at: usize| {
                let low: Option<String> = r.get(at)?;
                Ok(low
                    .filter(|low| r.get_ref(at + 1).is_ok_and(|high| high.as_str() == Ok(low.as_str()))))
            };
            let found =
                (0..COLUMNS.len()).map(|i| same(1 + 2 * i)).collect::<rusqlite::Result<Vec<_>>>()?;
            Ok((r.get::<_, i64>(0)?.unsigned_abs(), found))
        })?;
        let text = |at: usize| found[at].clone();
        let list = |at: usize| text(at).map(|packed| split(&packed));
        Ok(SharedValues {
            sims,
            at: self.session.rev()?,
            label: text(0),
            notes: text(1),
            tags: list(2),
            categories: list(3),
            recipients: list(4),
        })
    }

    /// Who put a SIM into its state, when and why; `None` where an import stated it. The reason of
    /// those it belonged to before stays with them.
    pub fn last_state_change(&self, id: SimId) -> Result<Option<StateOrigin>> {
        let mut sql = Sql::new(
            "SELECT l.at, l.actor, by.account_id, ifnull(l.body ->> '$.edit.why', ''), i.from_account FROM sim s \
             JOIN log l ON l.rev = s.state_rev LEFT JOIN log_item i ON i.rev = l.rev AND i.sim_id = s.id \
             LEFT JOIN user by ON by.id = l.actor_id WHERE s.id = ? AND ",
        )
        .with(id.0);
        sql.push(self.visible());
        let seen = |id: Option<i64>| id.is_some_and(|id| self.accounts.get(AccountId(id)).is_some());
        let mut statement = self.session.prepare_cached(&sql.text)?;
        let read = |r: &rusqlite::Row<'_>| {
            let why = if seen(r.get(4)?) { r.get(3)? } else { String::new() };
            Ok(StateOrigin { at: Time(r.get(0)?), by: self.person(r.get(1)?, r.get(2)?), why })
        };
        Ok(statement.query_row(params_from_iter(&sql.params), read).optional()?)
    }
}

/// Judges inside the transaction, and compares with what was confirmed.
pub(crate) fn judge_edit(view: &View<'_>, target: &Target, edit: &Edit) -> Result<VerdictCounts> {
    judge_with(view, target, verdict(view, edit, at(target)), &Sql::new("s.account_id"))
}

/// Judges what putting an edit back would do: only SIMs that nothing came after, and no suspension
/// of an account above.
pub(crate) fn judge_edit_undo(view: &View<'_>, rev: Rev) -> Result<VerdictCounts> {
    view.session.execute_batch(TEMP)?;
    let mut sql = Sql::new("INSERT INTO temp.target SELECT i.sim_id, ");
    // The outcome, then the reason: changed since is 3 of either.
    for held in [2, 11] {
        sql.text.push_str("CASE WHEN s.version <> i.rev THEN 3 ");
        sql.push(held_above(view));
        sql.text.push_str(&format!(" AND i.before ->> 'suspended' = 0 THEN {held} ELSE 0 END, "));
    }
    sql.push(
        Sql::new(
            "s.account_id, s.account_id, i.before FROM log_item i JOIN sim s ON s.id = i.sim_id \
             WHERE i.rev = ? AND i.outcome = 0 AND ",
        )
        .with(rev),
    );
    sql.push(view.visible());
    // A SIM that was elsewhere at the time is none of this user's to put back.
    sql.text.push_str(" AND ");
    sql.push(view.visible_in("i.from_account"));
    view.session.execute(&sql.text, params_from_iter(&sql.params))?;
    count_verdicts(view.session, true)
}

/// Makes the edit of the SIMs that were judged fit, or puts it back.
pub(crate) fn make(
    view: &View<'_>,
    rev: Rev,
    edit: &Edit,
    judged: &VerdictCounts,
    undo: bool,
    watch: &OnProgress<'_>,
) -> Result<()> {
    let session: &Database = view.session;
    let sets = sets(edit, view.scope.top(), rev);
    let kept: Vec<String> = sets.iter().map(|set| format!("'{0}', s.{0}", set.column)).collect();
    let items = log_items(&format!("json_object({})", kept.join(", ")));
    let relabels = edit.label.is_some();
    let mut update = Sql::new("UPDATE sim AS s SET version = ?").with(rev);
    if let Some(label) = &edit.label {
        // Not from the log: changes of earlier versions did not keep it.
        update.push(if undo {
            Sql::new(", label_sort = natural_key(t.restore ->> 'label')")
        } else {
            Sql::new(", label_sort = ?").with(crate::text::natural_key(label))
        });
    }
    for set in sets {
        let to = if undo { Sql::new(format!("t.restore ->> '{}'", set.column)) } else { set.to };
        update.text.push_str(&format!(", {} = ", set.column));
        update.push(to);
    }
    update.text.push_str(
        " FROM temp.target t WHERE s.id = t.sim_id AND t.outcome = 0 AND t.sim_id > ? AND t.sim_id <= ?",
    );
    run_in_chunks(session, "editing", judged, watch, |last, end| {
        let done = session.prepare_cached(&items)?.execute(params![rev, last, end])?;
        let chunk = update.clone().with(last).with(end);
        session.prepare_cached(&chunk.text)?.execute(params_from_iter(&chunk.params))?;
        Ok(done as u64)
    })?;
    if relabels {
        textindex::refresh(session, "SELECT sim_id FROM temp.target WHERE outcome = 0")?;
    }
    settle(session, rev)
}

/// The body of the change in the log.
pub(crate) fn edit_body(edit: &Edit, target: &Target) -> serde_json::Value {
    let filters: Vec<String> = target.any.iter().map(|q| q.filter.to_string()).collect();
    serde_json::json!({ "edit": edit, "filters": filters, "listed": target.ids.len() })
}

/// The edit that a logged change made.
pub(crate) fn edit_of(body: &serde_json::Value) -> Result<Edit> {
    let edit = body.get("edit").cloned().unwrap_or_default();
    serde_json::from_value(edit).map_err(|_| Error::Conflict("what it changed is not known".into()))
}
