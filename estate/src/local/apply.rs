//! Planning and applying changes: which permission each needs, and what each one does.

use std::sync::Arc;

use rusqlite::{Transaction, TransactionBehavior};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::tree::{
    add_account, add_external, below, delete_account, may_add, may_cap, may_hang, move_account,
    own_to_manage, rename_account, set_ceiling, set_entitlement, set_period,
};
use super::{Local, tree, users};
use crate::account::{Ceiling, check_new_account_name};
use crate::change::{Change, Counts, Grouping, MoveOptions, Plan, Receipt, Target, Warning};
use crate::edit::Edit;
use crate::error::{Error, Result};
use crate::ids::{AccountId, ChangeId, Rev, StagingId};
use crate::levels::Levels;
use crate::local::record::{ApplyContext, LogRecord};
use crate::notify::{channel_of, check_webhook};
use crate::progress::{CancelToken, OnProgress, Progress};
use crate::role::Capability;
use crate::store::connection::{Database, lock};
use crate::store::log::{self, Record};
use crate::store::read::View;
use crate::store::stage::Incoming;
use crate::store::{
    accounts, ceilings, convert, edits, levels, newest_time, outbox, people, period_rollover, write,
};

/// What a change needs, as far as the change alone tells.
fn needs(change: &Change) -> Vec<Capability> {
    let need = match change {
        Change::Move { .. } => Capability::MoveSims,
        Change::Convert { .. } => return vec![Capability::ManageAccounts, Capability::MoveSims],
        // What it needs beyond that, the change it undoes tells.
        Change::Undo { .. } => Capability::View,
        Change::SetLevels { .. } => Capability::SetLevels,
        Change::Edit { edit, .. } => return edit.needs(),
        Change::Import { .. } => Capability::ImportSims,
        Change::ImportUsage { .. } => Capability::ImportUsage,
        Change::AddExternal { .. } | Change::RemoveExternal { .. } => Capability::ManageRecipients,
        Change::EditProfile { .. } => Capability::EditProfile,
        Change::AddAccount { .. }
        | Change::SetReference { .. }
        | Change::SetHelp { .. }
        | Change::AddUser { .. }
        | Change::ChangeUser { .. }
        | Change::RenameAccount { .. }
        | Change::SetPeriod { .. }
        | Change::SetEntitlement { .. }
        | Change::SetCeiling { .. }
        | Change::MoveAccount { .. }
        | Change::DeleteAccount { .. } => Capability::ManageAccounts,
    };
    vec![need]
}

/// What a change is known again by: without what it was confirmed at, which another look at the
/// same thing changes.
fn fingerprint(change: &Change) -> String {
    let mut change = change.clone();
    if let Some(target) = change.target_mut() {
        (target.at, target.expect) = (0, None);
        target.any.iter_mut().for_each(|query| query.now = crate::units::Time(0));
    }
    let text = serde_json::to_string(&change).unwrap_or_default();
    Sha256::digest(text)[..8].iter().map(|b| format!("{b:02x}")).collect()
}

impl Local {
    pub(super) fn plan_change(&self, change: &Change, cancel: &CancelToken) -> Result<Plan> {
        self.may_change(&needs(change))?;
        if let Change::AddExternal { address, .. } = change {
            check_webhook(address, self.private_webhooks)?;
        }
        let plan = self.plan_by_kind(change, cancel)?;
        if let Some(target) = change.target() {
            if let Some(expected) = target.expect.filter(|expected| *expected != plan.total) {
                return Err(Error::Drift { expected, found: plan.total });
            }
            let outside =
                |at: AccountId| plan.by_account.iter().filter(|(id, _)| *id != at).map(|(_, n)| n).sum();
            target.check(&plan.counts, target.within.map_or(0, outside))?;
        }
        Ok(plan)
    }

    fn plan_by_kind(&self, change: &Change, cancel: &CancelToken) -> Result<Plan> {
        self.read(Capability::View, cancel, |view| {
            let at = view.session.rev()?;
            match change {
                Change::Move { target, to, .. } => {
                    let target = frozen(view, target)?;
                    view.plan_move(&target, *to, at)
                }
                Change::Convert { target, account, by } => {
                    view.accounts.need(*account)?;
                    tree::too_deep(view, *account, 0)?;
                    view.plan_convert(&frozen(view, target)?, *account, *by, at)
                }
                Change::SetLevels { target, levels } => {
                    levels.check()?;
                    view.plan_levels(&frozen(view, target)?, levels, at)
                }
                Change::Edit { target, edit } => {
                    view.plan_edit(&frozen(view, target)?, &edit.validate()?, at)
                }
                Change::Undo { change } => self.plan_undo(view, change),
                Change::MoveAccount { account, under } => plan_hang(view, *account, *under, at),
                Change::SetCeiling { account, ceiling } => plan_ceiling(view, *account, *ceiling, at),
                Change::RemoveExternal { account, address } => {
                    let total = outbox::count_naming(view.session, &below(view, *account)?, address)?;
                    let counts = Counts { done: total, ..Counts::default() };
                    Ok(Plan { at, total, counts, ..Plan::default() })
                }
                Change::Import { staging } | Change::ImportUsage { staging } => {
                    self.plan_import(*staging, at)
                }
                other => Ok(Plan { at, total: check(view, other)?, ..Plan::default() }),
            }
        })
    }

    fn plan_import(&self, staging: StagingId, at: Rev) -> Result<Plan> {
        let staged = lock(&self.staged);
        let staged =
            staged.get(&staging).ok_or_else(|| Error::not_found("import", staging.0.to_string()))?;
        Ok(Plan { at, total: staged.total(), counts: staged.counts(), ..Plan::default() })
    }

    /// Makes a change of what somebody has seen: `still` is asked once nobody else can change
    /// anything any more, and what it refuses is not done.
    pub fn apply_as_seen(
        &self,
        id: &ChangeId,
        change: &Change,
        watch: &OnProgress<'_>,
        still: &dyn Fn() -> Result<()>,
    ) -> Result<Receipt> {
        self.may_change(&needs(change))?;
        if matches!(change, Change::EditProfile { .. }) {
            self.in_person()?;
        }
        let writer = self.store.writer();
        if let Change::Import { staging } | Change::ImportUsage { staging } = change {
            let imported = self.import(id, change.kind(), *staging, watch);
            self.store.after_commit(&writer);
            return imported;
        }
        let transaction = begin(&writer)?;
        let asked = fingerprint(change);
        if let Some(receipt) = self.receipt_for(&writer, id)? {
            // The same number for something else would seem to have done it.
            let same = log::find_fingerprint(&writer, id)?.is_none_or(|known| known == asked);
            return if same { Ok(receipt) } else { Err(Error::KeyReused) };
        }
        // Whoever waited too long for their turn is not there any more.
        start(watch)?;
        still()?;
        let now = (self.clock)();
        // What a turn sets off on the way is told like the rest.
        let last = outbox::last_event(&writer)?;
        let clock = newest_time::reading(&writer, now)?;
        let rolled_over = period_rollover::finish(&writer, now, watch)?;
        // The tree is not kept: the transaction may yet be rolled back.
        let known = self.known_tree(&writer, writer.rev()?)?;
        let view = View::new(&writer, &self.scope, known)?;
        let rev = writer.rev()? + 1;
        let run = ApplyContext { view: &view, session: &writer, rev, now, clock, asked: &asked, watch };
        if let Err(refusal) = self.dispatch(id, change, &run) {
            if rolled_over && (matches!(refusal, Error::Drift { .. }) || refusal.is_nothing()) {
                // The plan was made on counters of the period that has ended. The refusal takes the
                // rollover back with the change; without it the same change would be refused for
                // ever. A step that fails is left to the next change.
                drop(transaction);
                while period_rollover::step(&writer, self.mail, now).unwrap_or(false) {}
            }
            return Err(refusal);
        }
        outbox::gather(&writer, last, self.mail, now)?;
        period_rollover::register_rules(&writer, &clock)?;
        transaction.commit()?;
        // Whoever changed their own name is not what they were, and hears all the same what became
        // of it.
        self.receipt_of(&writer, id)?.ok_or_else(|| Error::Store("the change was not logged".into()))
    }

    fn post(&self) -> users::Post<'_> {
        users::Post { mail: self.mail, links: self.links.as_deref() }
    }

    fn dispatch(&self, id: &ChangeId, change: &Change, run: &ApplyContext<'_>) -> Result<()> {
        let done = match change {
            Change::Move { target, to, clear } => return self.move_sims(id, run, target, *to, *clear),
            Change::Convert { target, account, by } => {
                return self.convert(id, run, target, *account, *by);
            }
            Change::SetLevels { target, levels } => return self.set_levels(id, run, target, levels),
            Change::Edit { target, edit } => return self.edit(id, run, target, edit),
            Change::Undo { change } => return self.undo(id, run, change),
            Change::AddExternal { account, address } => {
                check_webhook(address, self.private_webhooks)?;
                add_external(run, *account, address)?
            }
            Change::RemoveExternal { account, address } => {
                return self.remove_external(id, run, *account, address);
            }
            Change::AddUser { account, name, email, role } => {
                users::invite(run, *account, name, email, *role, self.post())?
            }
            Change::ChangeUser { user, to } => users::change(run, *user, *to, self.post())?,
            Change::EditProfile { name, email } => users::edit_profile(run, name, email, self.post())?,
            Change::SetReference { account, reference } => tree::set_reference(run, *account, reference)?,
            Change::SetHelp { account, help } => tree::set_help(run, *account, help.as_deref())?,
            Change::AddAccount { parent, name } => add_account(run, *parent, name)?,
            Change::RenameAccount { account, name } => rename_account(run, *account, name)?,
            Change::MoveAccount { account, under } => {
                return self.hold(id, run, *account, move_account(run, *account, *under)?);
            }
            Change::SetCeiling { account, ceiling } => {
                return self.hold(id, run, *account, set_ceiling(run, *account, *ceiling)?);
            }
            Change::DeleteAccount { account } => delete_account(run, *account)?,
            Change::SetPeriod { account, rule } => set_period(run, *account, *rule)?,
            Change::SetEntitlement { account, on } => set_entitlement(run, *account, *on)?,
            Change::Import { .. } | Change::ImportUsage { .. } => {
                unreachable!("imports run on a connection of their own")
            }
        };
        self.log(id, run, done)
    }

    /// Logs a change that gave an account another ceiling, its own or by hanging elsewhere, and
    /// holds the SIMs to it.
    pub(super) fn hold(
        &self,
        id: &ChangeId,
        run: &ApplyContext<'_>,
        account: AccountId,
        mut done: LogRecord,
    ) -> Result<()> {
        let judged = ceilings::judge(run.view, account, done.undoes)?;
        done.counts = judged.counts;
        self.log(id, run, done)?;
        ceilings::carry_out(run.session, run.rev, &judged, &run.clock, run.watch)
    }

    pub(super) fn log(&self, id: &ChangeId, run: &ApplyContext<'_>, mut done: LogRecord) -> Result<()> {
        if let Some(body) = done.body.as_object_mut() {
            if let Some(account) = done.account {
                body.insert("account".into(), account.0.into());
            }
            if !self.via.is_empty() {
                body.insert("via".into(), self.via.clone().into());
            }
            if !run.asked.is_empty() {
                body.insert("asked".into(), run.asked.into());
            }
        }
        log::append(
            run.session,
            &Record {
                rev: run.rev,
                id,
                at: run.now,
                actor: self.scope.actor(),
                kind: done.kind,
                body: done.body,
                counts: done.counts,
                undoes: done.undoes,
            },
        )?;
        done.touched
            .into_iter()
            .try_for_each(|account| log::touch_if_absent(run.session, run.rev, account))
    }

    fn move_sims(
        &self,
        id: &ChangeId,
        run: &ApplyContext<'_>,
        target: &Target,
        to: AccountId,
        clear: MoveOptions,
    ) -> Result<()> {
        let target = frozen(run.view, target)?;
        let judged = write::judge_move(run.view, &target, to)?;
        if judged.counts == Counts::default() {
            return Err(Error::nothing());
        }
        let body = write::move_body(to, clear, &target);
        self.log(id, run, LogRecord::sims(Change::MOVE, body, judged.counts, None))?;
        write::carry_out(run.session, run.rev, clear, &judged, &run.clock, run.watch)?;
        log::touch_if_absent(run.session, run.rev, to)
    }

    fn convert(
        &self,
        id: &ChangeId,
        run: &ApplyContext<'_>,
        target: &Target,
        account: AccountId,
        by: Grouping,
    ) -> Result<()> {
        run.view.accounts.need(account)?;
        tree::too_deep(run.view, account, 0)?;
        let target = frozen(run.view, target)?;
        let (judged, made) = convert::judge_convert(run.view, &target, account, by, run.rev, run.now)?;
        if judged.counts.done == 0 {
            return Err(Error::Conflict(format!("no SIM there has {} to go by", by.plural())));
        }
        let ids: Vec<i64> = made.iter().map(|id| id.0).collect();
        let body = json!({ "by": by, "made": ids });
        let touched = std::iter::once(account).chain(made).collect();
        let done =
            LogRecord { counts: judged.counts, ..LogRecord::accounts(Change::CONVERT, body, touched) };
        self.log(id, run, done)?;
        write::carry_out(run.session, run.rev, MoveOptions::default(), &judged, &run.clock, run.watch)
    }

    fn set_levels(
        &self,
        id: &ChangeId,
        run: &ApplyContext<'_>,
        target: &Target,
        set: &Levels,
    ) -> Result<()> {
        set.check()?;
        let target = frozen(run.view, target)?;
        let judged = levels::judge_levels(run.view, &target, set)?;
        if judged.counts == Counts::default() {
            return Err(Error::nothing());
        }
        let body = levels::levels_body(set, &target);
        self.log(id, run, LogRecord::sims(Change::LEVELS, body, judged.counts, None))?;
        levels::set_levels(run.session, run.rev, Some(set), &judged, &run.clock, run.watch)
    }

    fn edit(&self, id: &ChangeId, run: &ApplyContext<'_>, target: &Target, edit: &Edit) -> Result<()> {
        let edit = edit.validate()?;
        let target = frozen(run.view, target)?;
        let judged = edits::judge_edit(run.view, &target, &edit)?;
        if judged.counts == Counts::default() {
            return Err(Error::nothing());
        }
        let body = edits::edit_body(&edit, &target);
        self.log(id, run, LogRecord::sims(edit.kind(), body, judged.counts, None))?;
        edits::make(run.view, run.rev, &edit, &judged, false, run.watch)
    }

    fn remove_external(
        &self,
        id: &ChangeId,
        run: &ApplyContext<'_>,
        account: AccountId,
        address: &str,
    ) -> Result<()> {
        let accounts = below(run.view, account)?;
        let (channel, address) = channel_of(address)?;
        outbox::remove_external(run.session, account, channel, &address)?;
        let done = outbox::count_naming(run.session, &accounts, &address)?;
        let body = json!({ "address": address });
        let counts = Counts { done, ..Counts::default() };
        self.log(
            id,
            run,
            LogRecord {
                account: Some(account),
                ..LogRecord::sims("remove-external", body, counts, None)
            },
        )?;
        outbox::strip(run.session, run.rev, &accounts, &address)?;
        log::touch_if_absent(run.session, run.rev, account)
    }

    /// What became of a change that was made already, for whoever made it and may still sign in. A
    /// token for less than its user sees hears of its part.
    pub(super) fn receipt_for(&self, session: &Database, id: &ChangeId) -> Result<Option<Receipt>> {
        people::still(session, &self.scope)?;
        self.receipt_of(session, id)
    }

    fn receipt_of(&self, session: &Database, id: &ChangeId) -> Result<Option<Receipt>> {
        let receipt = log::receipt(session, id, self.scope.user.id)?;
        if self.scope.top() == self.scope.user.account {
            return Ok(receipt);
        }
        receipt.map(|receipt| self.view(session)?.part_of(receipt)).transpose()
    }

    fn import(
        &self,
        id: &ChangeId,
        kind: &str,
        staging: StagingId,
        watch: &OnProgress<'_>,
    ) -> Result<Receipt> {
        if let Some(receipt) =
            self.store.read(&CancelToken::new(), |session| self.receipt_for(session, id))?
        {
            return Ok(receipt);
        }
        let mut all = lock(&self.staged);
        // The permission that was asked for is that of the change's own kind.
        let found = all.get(&staging).is_some_and(|staged| staged.kind() == kind);
        let unknown = || Error::not_found("import", staging.0.to_string());
        let mut staged = all.remove(&staging).filter(|_| found).ok_or_else(unknown)?;
        drop(all);
        let imported = self.import_whole(id, staged.as_mut(), watch);
        if imported.is_err() {
            // Nothing happened, and what was staged can be tried again.
            lock(&self.staged).insert(staging, staged);
        }
        imported
    }

    fn import_whole(
        &self,
        id: &ChangeId,
        staged: &mut dyn Incoming,
        watch: &OnProgress<'_>,
    ) -> Result<Receipt> {
        staged.begin()?;
        staged.session().execute_batch("BEGIN IMMEDIATE")?;
        let imported = self.import_in(id, staged, watch);
        let ended = staged.session().execute_batch(if imported.is_ok() { "COMMIT" } else { "ROLLBACK" });
        imported?;
        ended?;
        let receipt = self.receipt_for(staged.session(), id)?;
        receipt.ok_or_else(|| Error::Store("the import was not logged".into()))
    }

    fn import_in(&self, id: &ChangeId, staged: &mut dyn Incoming, watch: &OnProgress<'_>) -> Result<()> {
        if self.receipt_for(staged.session(), id)?.is_some() {
            return Ok(());
        }
        let now = (self.clock)();
        let last = outbox::last_event(staged.session())?;
        let clock = newest_time::reading(staged.session(), now)?;
        period_rollover::finish(staged.session(), now, watch)?;
        staged.confirm()?;
        let rev = staged.session().rev()? + 1;
        let view = View::new(staged.session(), &self.scope, None)?;
        let run =
            ApplyContext { view: &view, session: staged.session(), rev, now, clock, asked: "", watch };
        self.log(id, &run, LogRecord::sims(staged.kind(), staged.body(), staged.counts(), None))?;
        staged.carry_out(rev, now, watch)?;
        outbox::gather(staged.session(), last, self.mail, now)?;
        log::touch_if_absent(staged.session(), rev, self.scope.top())
    }
}

/// Whether a change to accounts or users can be made as things stand, and how many SIMs are in what
/// it is about.
fn check(view: &View<'_>, change: &Change) -> Result<u64> {
    match change {
        Change::AddExternal { account, address } => may_add(view, *account, address).map(drop)?,
        Change::AddUser { account, name, email, .. } => {
            users::may_invite(view, *account, name, email).map(drop)?;
        }
        Change::ChangeUser { user, to } => users::may_change(view, *user, *to).map(drop)?,
        Change::SetReference { account, reference } => {
            tree::may_refer(view, *account, reference).map(drop)?;
        }
        Change::SetHelp { account, help } => {
            view.accounts.need(*account)?;
            help.as_ref().map(|help| help.validate()).transpose()?;
        }
        Change::AddAccount { parent: account, name } => {
            check_new_account_name(name)?;
            view.accounts.need(*account)?;
        }
        Change::RenameAccount { account, name } => {
            check_new_account_name(name)?;
            own_to_manage(view, *account)?;
        }
        Change::SetPeriod { account, .. } | Change::SetEntitlement { account, .. } => {
            own_to_manage(view, *account)?;
            return Ok(view.accounts.need(*account)?.subtree);
        }
        Change::DeleteAccount { account } => {
            own_to_manage(view, *account)?;
            accounts::need_empty(view.session, *account)?;
        }
        _ => {}
    }
    Ok(0)
}

/// Begins a change, which no other program can make meanwhile.
pub(super) fn begin(session: &Database) -> Result<Transaction<'_>> {
    Ok(Transaction::new_unchecked(session, TransactionBehavior::Immediate)?)
}

/// The account that a change in the log speaks of.
pub(super) fn account_in(body: &Json, key: &str) -> AccountId {
    AccountId(body.get(key).and_then(Json::as_i64).unwrap_or_default())
}

/// What hanging an account elsewhere would do.
pub(super) fn plan_hang(view: &View<'_>, account: AccountId, under: AccountId, at: Rev) -> Result<Plan> {
    may_hang(view, account, under)?;
    let moved = view.accounts.need(account)?;
    let below = view.accounts.subtree(account).len() as u64 - 1;
    let warnings = [(Warning::AccountsBelow, below), (Warning::Visibility, moved.subtree)];
    let warnings = warnings.into_iter().filter(|(w, n)| *w == Warning::Visibility || *n > 0).collect();
    let mut plan = Plan { at, total: moved.subtree, warnings, ..Plan::default() };
    let entitled = view.accounts.need(under)?.levels;
    if moved.levels != (moved.own_levels && entitled) {
        plan.warnings
            .push((if entitled { Warning::LevelsOn } else { Warning::LevelsOff }, moved.subtree));
    }
    if moved.own_period.is_none() && moved.period != view.accounts.need(under)?.period {
        plan.warnings.push((Warning::OtherPeriod, moved.subtree));
    }
    let help = match accounts::help(view.session, under)? {
        None => accounts::help_above(view.session, under)?,
        own => own,
    };
    if help != accounts::help_above(view.session, account)? {
        plan.warnings.push((Warning::OtherHelp, 0));
    }
    if let Some(ceiling) = view.accounts.need(under)?.ceiling {
        plan.counts.done = view.warn_of_ceiling(ceiling, &view.sims_below(account), &mut plan)?;
    }
    Ok(plan)
}

/// What another ceiling would do.
pub(super) fn plan_ceiling(
    view: &View<'_>,
    account: AccountId,
    ceiling: Option<u64>,
    at: Rev,
) -> Result<Plan> {
    may_cap(view, account, ceiling)?;
    let mut plan = Plan { at, ..Plan::default() };
    if let Some(bytes) = ceiling {
        plan.total = view.accounts.need(account)?.subtree;
        let ceiling = Ceiling { bytes, from: Some(account) };
        plan.counts.done = view.warn_of_ceiling(ceiling, &view.sims_below(account), &mut plan)?;
        plan.counts.unchanged = plan.total - plan.counts.done;
        plan.ceilings.clear();
    }
    Ok(plan)
}

/// Says at once that work has begun.
fn start(watch: &OnProgress<'_>) -> Result<()> {
    match watch(Progress { phase: "checking", done: 0, total: 0 }) {
        std::ops::ControlFlow::Continue(()) => Ok(()),
        std::ops::ControlFlow::Break(()) => Err(Error::Cancelled),
    }
}

/// The target with names and ages resolved against what is seen now.
fn frozen(view: &View<'_>, target: &Target) -> Result<Target> {
    let mut target = target.clone();
    let accounts = Arc::clone(&view.accounts);
    for query in &mut target.any {
        query.filter = query.filter.freeze(&accounts, query.now)?;
    }
    Ok(target)
}
