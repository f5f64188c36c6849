//! What becomes of a change: what it would do, how it ended, and what is left of it.

use estate::number::count;
use estate::{Change, Error, Plan, Receipt, Target};

use super::answers::{reload_after_commit, show_failure};
use super::{forms, history, menus, select};
use crate::tui::action::Action;
use crate::tui::model::{Job, Kind, Last, Model};
use crate::tui::msg::Effect;
use crate::tui::overlay::list::Again;
use crate::tui::overlay::response::Then;
use crate::tui::overlay::{Overlay, ResultPane};

pub(super) fn show_plan(model: &mut Model, answer: Result<Plan, Error>) -> Vec<Effect> {
    let confirm = model.overlays.iter_mut().rev().find_map(|overlay| match overlay {
        Overlay::Confirm(confirm) => Some(confirm),
        _ => None,
    });
    let Some(confirm) = confirm else { return Vec::new() };
    match answer {
        Ok(plan) => confirm.plan = Some(plan),
        Err(error) => {
            let hint = error.hint().map(|h| format!(" - {h}")).unwrap_or_default();
            confirm.fault = Some(format!("{error}{hint}"));
        }
    }
    Vec::new()
}

pub(super) fn finish_change(model: &mut Model, answer: Result<Receipt, Error>) -> Vec<Effect> {
    let Some(job) = model.job.take() else { return Vec::new() };
    model.overlays.retain(|overlay| !matches!(overlay, Overlay::Running));
    match answer {
        Ok(receipt) => {
            forms::finish_form(model, None);
            show_receipt(model, job, receipt)
        }
        Err(error) if forms::finish_form(model, Some(&error)) => Vec::new(),
        Err(Error::Cancelled) => {
            model.messages.say(format!("{}: stopped, nothing was changed", job.what));
            Vec::new()
        }
        Err(error @ Error::Drift { .. }) => {
            // What was confirmed is not what there is: the new numbers are shown, and asked about
            // again.
            show_failure(model, &error);
            again(model, job)
        }
        Err(error) => {
            show_failure(model, &error);
            Vec::new()
        }
    }
}

fn again(model: &mut Model, job: Job) -> Vec<Effect> {
    let mut change = job.change;
    if let Some(target) = change.target_mut() {
        (target.expect, target.at) = (None, 0);
    }
    // What the filter hides may have changed too: it is counted again before anyone can say yes.
    let hidden = if model.picked.is_empty() { Some(0) } else { None };
    let mut effects = menus::confirm(model, job.what, change, hidden);
    effects.extend(model.recount_picked());
    effects
}

fn show_receipt(model: &mut Model, job: Job, receipt: Receipt) -> Vec<Effect> {
    let is_undo = matches!(job.change, Change::Undo { .. });
    // What nothing takes back leaves `u` with what it took back before.
    if receipt.undoable || is_undo {
        model.last = Last::Change(receipt.id.clone(), job.what.clone());
    }
    let moves_in = matches!(&job.change, Change::EditProfile { email, .. } if *email != model.me.email);
    let mut undoable = receipt.undoable && !is_undo;
    if let Change::EditProfile { name, email } = &job.change {
        remember_profile(model, name, *email != model.me.email);
        undoable = matches!(model.last, Last::Profile(..));
    }
    let back = if undoable { " (u undoes it)" } else { "" };
    let counts = if receipt.counts == estate::Counts::default() {
        "done".to_owned()
    } else {
        receipt.counts.to_string()
    };
    let invites = matches!(
        job.change,
        Change::AddUser { .. } | Change::ChangeUser { to: estate::UserChange::Invite, .. }
    );
    let mails_links = model.mail && model.site.links.is_some();
    let note = if invites && mails_links {
        " · the invitation was mailed, with a link to accept it by"
    } else if invites && model.kind == Kind::Remote {
        " · no mail goes out there: Enter on them makes a link to accept by"
    } else if invites && !model.mail {
        " · no mail server is configured here: tell them to sign in with that address"
    } else if moves_in && mails_links {
        " · the address is yours once you confirm it by the link that was mailed there"
    } else if moves_in && model.kind == Kind::Remote {
        " · the address is yours when you come in by the next link an Admin makes for you"
    } else if moves_in {
        " · the address is yours from the first sign-in with it on"
    } else {
        ""
    };
    model.messages.say(format!("{counts}{back} · {}{note}", job.what));
    let mut effects = reload_after_commit(model);
    if matches!(job.change, Change::AddAccount { .. }) {
        model.go_to = receipt.account;
    }
    effects.extend(history::again(model));
    let missed = receipt.counts.missed_count() > 0;
    if let Change::Move { target, .. } = &job.change {
        effects.extend(after_move(model, target, &job.what, &receipt));
    }
    if missed {
        model.tickets.work = model.tickets.take();
        let ticket = model.tickets.work;
        let pane = ResultPane::new(job.what, receipt.id, receipt.rev, receipt.counts, receipt.undoable)
            .of(&job.change);
        effects.push(Effect::Items { ticket, rev: receipt.rev, outcome: pane.only, after: None });
        model.push_under(Overlay::Result(Box::new(pane)));
    }
    effects
}

/// Notes what undoes a change of the profile; after its undo, what is left to undo.
fn remember_profile(model: &mut Model, name: &str, address: bool) {
    let before = std::mem::replace(&mut model.me.name, name.to_owned());
    let renamed = (before != *name).then_some(before);
    model.last = match (&model.last, renamed, address) {
        (Last::Profile(earlier, true), None, false) if earlier.is_some() => {
            Last::Profile(earlier.clone(), false)
        }
        (Last::Profile(..), None, false) => Last::Nothing,
        (_, renamed, address) => Last::Profile(renamed, address),
    };
}

/// What did not get there stays selected, and so does what was selected besides.
fn after_move(model: &mut Model, target: &Target, what: &str, receipt: &Receipt) -> Vec<Effect> {
    let plain = Target { at: 0, expect: None, ..target.clone() };
    let selection = Target { at: 0, expect: None, ..model.picked.target.clone() };
    let whole = model.picked.is_empty() || plain == selection;
    if whole {
        model.picked.clear();
        model.table.rows.iter_mut().for_each(|row| row.marked = false);
        model.last = Last::Change(receipt.id.clone(), what.to_owned());
    }
    if whole && receipt.counts.missed_count() == 0 {
        return Vec::new();
    }
    model.tickets.pick = model.tickets.take();
    let then = if whole { Then::Select } else { Then::Drop };
    vec![Effect::Missed { ticket: model.tickets.pick, rev: receipt.rev, then }]
}

pub(super) fn select_missed(model: &mut Model, then: Then, ids: Vec<estate::SimId>) -> Vec<Effect> {
    let n = count(ids.len() as u64);
    let last = model.last.clone();
    let target = match then {
        Then::Drop => without(&model.picked.target, &ids),
        Then::Select | Then::Retry => Target::ids(ids),
    };
    let mut effects = select::replace(model, target);
    if then == Then::Retry {
        let again = match model.overlays.pop() {
            Some(Overlay::Result(result)) => {
                let ResultPane { again, title, .. } = *result;
                again.map(|again| (again, title))
            }
            _ => None,
        };
        effects.extend(match again {
            Some((Again::Same(mut change), title)) => {
                if let Some(target) = change.target_mut() {
                    *target = model.picked.target.clone();
                }
                menus::confirm(model, title, *change, Some(0))
            }
            Some((Again::Ask(Action::SetLevels), _)) => {
                model.messages.say(format!("{n} SIMs to try again: say what to set"));
                menus::levels(model)
            }
            _ => {
                model.messages.say(format!("{n} SIMs to try again: choose where to"));
                menus::move_target(model)
            }
        });
    } else {
        // It is what is left of the change, not a choice of the person's: `u` still undoes the
        // change.
        model.last = last;
    }
    effects
}

fn without(target: &Target, ids: &[estate::SimId]) -> Target {
    let mut target = target.clone();
    for id in ids {
        target.ids.remove(id);
        if !target.any.is_empty() {
            target.except.insert(*id);
        }
    }
    target
}
