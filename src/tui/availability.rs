//! What may be done now, and why not. The store decides again; this only says so beforehand.

use super::action::{Action, Place};
use super::keymap::Pane;
use super::model::Model;
use crate::probe::Kind;

/// Whether an action can be run now, or why not.
pub fn disabled_reason(model: &Model, action: Action) -> Result<(), String> {
    let row = action.row();
    if let Some(need) = row.need {
        model.roles.permit(model.me.role, need).map_err(|e| e.to_string())?;
        if model.read_only && !row.makes.is_empty() {
            return Err("this session is read-only".into());
        }
        if model.reach.signed_out && !row.makes.is_empty() {
            return Err("you are signed out; sign in again: simdeck login, in another window".into());
        }
        if model.reach.offline.is_some() && !row.makes.is_empty() {
            return Err("the server does not answer; wait until it is back".into());
        }
    }
    match action {
        action if (on_sims(action) || action == Action::CopyIccid) && model.target().is_none() => {
            Err(no_sim(model).into())
        }
        action if on_sims(action) && model.job.is_some() => Err("another change is still running".into()),
        Action::SetLevels if !has_levels(model) => {
            Err("caps and alerts are switched off here by the account above".into())
        }
        Action::Move if model.accounts.all().len() < 2 => {
            Err("there is no other account; + in the tree adds one".into())
        }
        Action::SimDetails | Action::SelectSame | Action::Toggle | Action::Range
            if model.table.current().is_none() =>
        {
            Err(no_sim(model).into())
        }
        Action::Ping | Action::Diagnose => check_probe(model, action),
        Action::ExtendHere if model.picked.last.is_none() => {
            Err("nothing is selected to extend from".into())
        }
        Action::ClearFilter if model.query.filter == estate::Filter::All && model.usual.is_none() => {
            Err("there is no filter".into())
        }
        Action::RemoveCondition if model.query.filter == estate::Filter::All => {
            Err("there is no filter".into())
        }
        Action::Export if model.export.writing.is_some() => {
            Err("another file is still being written".into())
        }
        Action::SaveFilter if model.read_only => Err("this session is read-only".into()),
        Action::FilterSame if model.focus == Pane::Table && model.table.current().is_none() => {
            Err(no_sim(model).into())
        }
        action => account_reason(model, action),
    }
}

/// Why an account cannot be changed, or `Ok`.
fn account_reason(model: &Model, action: Action) -> Result<(), String> {
    let accounts = &model.accounts;
    let on_top = accounts.top().is_some_and(|top| top.id == model.tree.cursor);
    match action {
        Action::AccountMove | Action::AccountDelete if on_top => {
            Err("your own account stays where it is".into())
        }
        Action::AccountRename
        | Action::AccountCeiling
        | Action::AccountPeriod
        | Action::AccountReference
        | Action::AccountCaps
            if on_top && !accounts.has_root() =>
        {
            Err("your own account is managed by the account above it".into())
        }
        Action::AccountCaps if on_top => Err("at the root caps and alerts are always on".into()),
        Action::AccountDelete => empty(model),
        _ => Ok(()),
    }
}

/// Whether the network of the SIM can be asked.
fn check_probe(model: &Model, action: Action) -> Result<(), String> {
    let kind = if action == Action::Ping { Kind::Ping } else { Kind::Diagnostics };
    if model.shown_whole().is_none() && !model.picked.is_empty() {
        let alone = model.picked.total == Some(1) && model.table.current().is_some_and(|row| row.marked);
        if !alone {
            return Err("one SIM at a time".into());
        }
    }
    match model.one_sim() {
        None => Err(no_sim(model).into()),
        Some(sim) if !sim.managed => Err("unmanaged SIMs are displayed only".into()),
        Some(sim) if model.probes.of(kind, &sim.network).is_none() => Err(format!(
            "nothing is configured for the network {}: [probe] in the configuration",
            sim.network
        )),
        Some(_) => Ok(()),
    }
}

/// Why there is no SIM to act on: none is there, or the list is still on its way and it is too
/// early to say.
fn no_sim(model: &Model) -> &'static str {
    if model.table.loading && model.table.rows.is_empty() {
        "the SIMs are still being read; press it again when they are there"
    } else {
        "there is no SIM here"
    }
}

/// Whether the SIM an action is about, or else the user's own account, has caps and alerts at all.
fn has_levels(model: &Model) -> bool {
    let one = match model.shown_whole() {
        Some(pane) => pane.facts.as_ref().map(|facts| facts.sim.account),
        None if model.picked.is_empty() => model.table.current().map(|row| row.row.sim.account),
        None => None,
    };
    let account = one.and_then(|id| model.accounts.get(id)).or_else(|| model.accounts.top());
    account.is_none_or(|account| account.levels)
}

fn empty(model: &Model) -> Result<(), String> {
    let subtree = model.accounts.subtree(model.tree.cursor);
    match subtree.first() {
        Some(account) if account.subtree > 0 => Err("it still has SIMs".into()),
        Some(_) if subtree.len() > 1 => Err("it still has accounts below it".into()),
        _ => Ok(()),
    }
}

/// What changes SIMs.
pub fn on_sims(action: Action) -> bool {
    let row = action.row();
    row.place == Place::Table
        && !row.makes.is_empty()
        && !matches!(action, Action::Ping | Action::Diagnose)
}

/// Whether an action belongs to the pane that has the focus.
pub fn applies(pane: Pane, action: Action) -> bool {
    match action.row().place {
        Place::Everywhere => true,
        Place::Table => pane == Pane::Table,
        Place::Tree => pane == Pane::Tree,
    }
}
