//! Undoing changes: what that needs, what it would do, and what it does.

use serde_json::{Value as Json, json};

use super::apply::{account_in, plan_ceiling, plan_hang};
use super::tree::{
    delete_account, move_account, put_name, restore_account, rule_of, set_ceiling, set_entitlement,
    set_help, set_period, set_reference,
};
use super::{Local, users};
use crate::change::{Change, Counts, MoveOptions, Plan};
use crate::error::{Error, Result};
use crate::help::Help;
use crate::ids::{AccountId, ChangeId};
use crate::local::record::{ApplyContext, LogRecord};
use crate::role::Capability;
use crate::store::log::{self, Logged, UndoKind};
use crate::store::read::View;
use crate::store::{accounts, edits, levels, outbox, period_reopen, write};

/// What undoing a change needs.
fn needs_to_undo(logged: &Logged) -> Result<Vec<Capability>> {
    Ok(match UndoKind::of(&logged.kind) {
        Some(UndoKind::Move) if logged.kind == Change::CONVERT => {
            vec![Capability::MoveSims, Capability::ManageAccounts]
        }
        Some(UndoKind::Move) => vec![Capability::MoveSims],
        Some(UndoKind::Levels) => vec![Capability::SetLevels],
        Some(UndoKind::Edit) => edits::edit_of(&logged.body)?.needs(),
        None => vec![Capability::ManageAccounts],
    })
}

impl Local {
    /// Puts back what a change did to SIMs, as far as nothing came after it.
    fn undo_sims(&self, id: &ChangeId, run: &ApplyContext<'_>, logged: &Logged) -> Result<()> {
        let what = UndoKind::of(&logged.kind).unwrap_or(UndoKind::Move);
        let judged = write::evaluate_undo(what, run.view, logged.rev)?;
        theirs(&judged.counts)?;
        if judged.counts.done == 0 {
            let why =
                "nothing of it can be put back: its SIMs were changed since, or a rule is against it";
            return Err(Error::Conflict(why.into()));
        }
        let undoes = Some(logged.rev);
        if what == UndoKind::Levels {
            self.log(id, run, LogRecord::sims(Change::LEVELS, json!({}), judged.counts, undoes))?;
            return levels::set_levels(run.session, run.rev, None, &judged, &run.clock, run.watch);
        }
        if what == UndoKind::Edit {
            let edit = edits::edit_of(&logged.body)?;
            let body = json!({ "edit": edit });
            self.log(id, run, LogRecord::sims(edit.kind(), body, judged.counts, undoes))?;
            return edits::make(run.view, run.rev, &edit, &judged, true, run.watch);
        }
        let clear = cleared_again(run, logged)?;
        self.log(
            id,
            run,
            LogRecord::sims(Change::MOVE, json!({ "to": null, "clear": clear }), judged.counts, undoes),
        )?;
        write::carry_out(run.session, run.rev, clear, &judged, &run.clock, run.watch)?;
        // The accounts it made go with their last SIM; one that has come to be used, was changed or
        // hangs elsewhere stays.
        let parent = account_in(&logged.body, "account");
        for id in logged.body["made"].as_array().into_iter().flatten().filter_map(Json::as_i64) {
            let id = AccountId(id);
            let made = run.view.accounts.get(id);
            let untouched = made.is_some_and(|a| {
                a.parent == Some(parent) && a.version == logged.rev && !a.helps && a.reference.is_empty()
            });
            let heard = !outbox::externals(run.session, id)?.is_empty();
            if untouched && !heard && accounts::need_empty(run.session, id).is_ok() {
                accounts::delete(run.session, id)?;
            }
        }
        Ok(())
    }

    /// Undoes a rollover, every step of it: each is logged.
    fn reopen_period(&self, id: &ChangeId, run: &ApplyContext<'_>, logged: &Logged) -> Result<()> {
        need_root(run.view)?;
        let found = period_reopen::find_undoable(run.session, logged)?;
        let mut revs = Vec::new();
        for (rev, (step, sims)) in (run.rev..).zip(&found.steps) {
            // The receipt is that of the step that was asked for.
            let id = if *step == logged.rev { id.clone() } else { ChangeId::new() };
            let run = ApplyContext { rev, ..*run };
            let Some(body) = log::at(run.session, *step)?.map(|step| step.body) else { continue };
            let counts = Counts { done: *sims, ..Counts::default() };
            self.log(&id, &run, LogRecord::sims(Change::PERIOD_REOPEN, body, counts, Some(*step)))?;
            revs.push((*step, rev));
        }
        period_reopen::reopen(run.session, &found.closed, &revs, self.scope.actor(), run.now)
    }

    pub(super) fn plan_undo(&self, view: &View<'_>, change: &ChangeId) -> Result<Plan> {
        let logged = undoable(view, change)?;
        self.may_change(&needs_to_undo(&logged)?)?;
        if let Some(what) = UndoKind::of(&logged.kind) {
            let plan = view.plan_undo(logged.rev, what, (self.clock)())?;
            return theirs(&plan.counts).map(|()| plan);
        }
        if logged.kind == Change::PERIOD_ROLLOVER {
            return plan_reopen(view, &logged);
        }
        ends_seen(view, &logged)?;
        let at = view.session.rev()?;
        let account = account_in(&logged.body, "account");
        let plan = match logged.kind.as_str() {
            Change::CEILING => plan_ceiling(view, account, logged.body["from"].as_u64(), at)?,
            Change::MOVE_ACCOUNT => plan_hang(view, account, account_in(&logged.body, "from"), at)?,
            "user-role" | "disable-user" | "enable-user" => {
                users::undone(view, &logged)?;
                return Ok(Plan { at, ..Plan::default() });
            }
            _ => return Ok(Plan { at, ..Plan::default() }),
        };
        let restored = view.restorable(logged.rev)?;
        let done = plan.counts.done + restored;
        Ok(Plan { total: done, counts: Counts { done, ..Counts::default() }, ..plan })
    }

    pub(super) fn undo(&self, id: &ChangeId, run: &ApplyContext<'_>, change: &ChangeId) -> Result<()> {
        let logged = undoable(run.view, change)?;
        let account = || account_in(&logged.body, "account");
        let text = |key: &str| logged.body.get(key).and_then(Json::as_str).unwrap_or_default().to_owned();
        let number = |key: &str| account_in(&logged.body, key);
        self.may_change(&needs_to_undo(&logged)?)?;
        if UndoKind::of(&logged.kind).is_some() {
            return self.undo_sims(id, run, &logged);
        }
        if logged.kind == Change::PERIOD_ROLLOVER {
            return self.reopen_period(id, run, &logged);
        }
        ends_seen(run.view, &logged)?;
        let mut done = match logged.kind.as_str() {
            "add-account" => delete_account(run, account())?,
            "rename-account" if run.view.accounts.need(account())?.name != text("to") => {
                return Err(Error::Conflict("the account has been renamed again since".into()));
            }
            "rename-account" => put_name(run, account(), &text("from"))?,
            "entitlement" => set_entitlement(run, account(), logged.body["on"] == Json::Bool(false))?,
            "period" if run.view.accounts.need(account())?.own_period != rule_of(&logged.body["to"]) => {
                return Err(Error::Conflict("the billing period has been set again since".into()));
            }
            "period" => set_period(run, account(), rule_of(&logged.body["from"]))?,
            Change::MOVE_ACCOUNT
                if run.view.accounts.need(account())?.parent != Some(number("under")) =>
            {
                return Err(Error::Conflict("the account has been moved again since".into()));
            }
            Change::MOVE_ACCOUNT => move_account(run, account(), number("from"))?,
            Change::CEILING
                if run.view.accounts.need(account())?.own_ceiling != logged.body["to"].as_u64() =>
            {
                return Err(Error::Conflict("the ceiling has been set again since".into()));
            }
            Change::CEILING => set_ceiling(run, account(), logged.body["from"].as_u64())?,
            "reference" if run.view.accounts.need(account())?.reference != text("to") => {
                return Err(Error::Conflict("the reference has been set again since".into()));
            }
            "reference" => set_reference(run, account(), &text("from"))?,
            "help" => put_help_back(run, account(), &logged.body)?,
            "user-role" | "disable-user" | "enable-user" => {
                let (id, to) = users::undone(run.view, &logged)?;
                users::change(run, id, to, users::Post::default())?
            }
            "delete-account" => restore_account(run, &logged.body)?,
            _ => return Err(Error::Conflict("this kind of change cannot be undone".into())),
        };
        done.undoes = Some(logged.rev);
        if matches!(logged.kind.as_str(), Change::CEILING | Change::MOVE_ACCOUNT) {
            return self.hold(id, run, account(), done);
        }
        self.log(id, run, done)
    }
}

/// Refuses what concerns every account to users of one.
fn need_root(view: &View<'_>) -> Result<()> {
    if view.whole { Ok(()) } else { Err(Error::RootOnly) }
}

/// Plans the undo of a rollover.
fn plan_reopen(view: &View<'_>, logged: &Logged) -> Result<Plan> {
    need_root(view)?;
    let sims = period_reopen::find_undoable(view.session, logged)?.sims();
    let counts = Counts { done: sims, ..Counts::default() };
    Ok(Plan { at: view.session.rev()?, total: sims, counts, ..Plan::default() })
}

/// Refuses to undo what is about an account out of sight, or came from one: in the same words,
/// whichever it is.
fn ends_seen(view: &View<'_>, logged: &Logged) -> Result<()> {
    let ends = match logged.kind.as_str() {
        Change::MOVE_ACCOUNT => &["account", "from", "under"][..],
        "delete-account" => &["parent"],
        "add-account" => &["account", "parent"],
        _ => &["account"],
    };
    let seen = ends.iter().all(|end| view.accounts.get(account_in(&logged.body, end)).is_some());
    if seen {
        Ok(())
    } else {
        Err(Error::Conflict("it is about an account that is gone, or not yours".into()))
    }
}

/// Puts the help of an account back, unless it was set again.
fn put_help_back(run: &ApplyContext<'_>, account: AccountId, body: &Json) -> Result<LogRecord> {
    let help = |key: &str| serde_json::from_value::<Help>(body[key].clone()).ok();
    run.view.accounts.need(account)?;
    if accounts::help(run.session, account)? != help("to") {
        return Err(Error::Conflict("the help has been set again since".into()));
    }
    set_help(run, account, help("from").as_ref())
}

/// Undoing an undo does the change again, and clears again what it cleared.
fn cleared_again(run: &ApplyContext<'_>, logged: &Logged) -> Result<MoveOptions> {
    let original = logged.undoes.map(|rev| log::at(run.session, rev)).transpose()?.flatten();
    let clear = original.and_then(|o| o.body.get("clear").cloned());
    Ok(clear.and_then(|c| serde_json::from_value(c).ok()).unwrap_or_default())
}

/// Refuses what none of its SIMs can be put back of by this user, whatever comes before.
fn theirs(counts: &Counts) -> Result<()> {
    if counts.total() > 0 {
        return Ok(());
    }
    Err(Error::Conflict("nothing of it is yours to put back".into()))
}

/// The change to undo, if this user may know of it and nobody undid it before.
fn undoable(view: &View<'_>, change: &ChangeId) -> Result<Logged> {
    let unknown = || Error::not_found("change", change.0.clone());
    let wanted = log::LogFilter { id: Some(change.clone()), limit: 1, ..Default::default() };
    let entry = view.entries(&wanted)?.pop().ok_or_else(unknown)?;
    let logged = log::find(view.session, change)?.ok_or_else(unknown)?;
    if entry.undone && UndoKind::of(&logged.kind).is_none() {
        return Err(Error::Conflict("it has been undone already".into()));
    }
    if !entry.undoable {
        let what = match logged.kind.as_str() {
            "import" => "an import",
            "init" => "the making of the estate",
            _ => "this kind of change",
        };
        return Err(Error::Conflict(format!("{what} cannot be undone")));
    }
    Ok(logged)
}
