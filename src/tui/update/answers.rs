//! What the store answered. An answer to an older question falls on the floor.

use std::sync::Arc;

use estate::units::count;
use estate::{Change, Error, Filter, Lookup, Plan, Receipt, Target};

use super::{files, filters, forms, history, managed, menus, probes, reach, saved, select, support, usage};
use crate::tui::action::Action;
use crate::tui::model::{Job, Kind, Last, Model};
use crate::tui::msg::{Effect, ListUse, Msg, Then};
use crate::tui::overlay::list::{Again, ITEMS};
use crate::tui::overlay::{FormFor, Overlay, ResultPane};
use crate::tui::table::Want;

/// Takes an answer.
pub fn answer(model: &mut Model, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::Rows(ticket, want, answer) if ticket == model.tickets.rows => rows(model, &want, answer),
        Msg::Count(ticket, answer) if ticket == model.tickets.count => {
            // An account that the filter names and that is gone is said where the rows would be.
            let gone = matches!(answer, Err(Error::NotFound { .. } | Error::Ambiguous { .. }));
            model.matching = if gone { Some(0) } else { said(model, answer) };
            if model.table.first.is_none() && !model.table.after {
                model.table.first = model.matching.map(|n| n.saturating_sub(model.table.rows.len() as u64));
            }
            Vec::new()
        }
        Msg::Picked(ticket, answer) if ticket == model.tickets.picked => {
            if let Some((total, shown)) = said(model, answer) {
                (model.picked.total, model.picked.shown) = (Some(total), Some(shown));
                if let Some(Overlay::Confirm(confirm)) = model.overlays.last_mut() {
                    confirm.counted(total.saturating_sub(shown));
                }
            }
            Vec::new()
        }
        Msg::Marks(ticket, answer) if ticket == model.tickets.marks => {
            if let Some(marked) = said(model, answer) {
                model.table.rows.iter_mut().for_each(|row| row.marked = marked.contains(&row.row.sim.id));
            }
            Vec::new()
        }
        Msg::Accounts(answer) => accounts(model, answer),
        Msg::Range(ticket, answer) if ticket == model.tickets.pick => {
            model.ranging = false;
            match said(model, answer) {
                Some(ids) => select::replace(model, joined(&model.picked.target, ids)),
                None => Vec::new(),
            }
        }
        Msg::Found(ticket, purpose, answer) if ticket == model.tickets.pick => {
            model.ranging = false;
            match said(model, answer) {
                Some(found) => list_found(model, purpose, &found),
                None => Vec::new(),
            }
        }
        Msg::Planned(ticket, answer) if ticket == model.tickets.work => planned(model, answer),
        Msg::Committed => committed(model),
        Msg::Offline(since) => reach::offline(model, since),
        other => about_changes(model, other),
    }
}

/// What SIMs have in common goes into the editor that asked for it.
fn in_common(model: &mut Model, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::Spread(ticket, answer) if ticket == model.tickets.work => {
            let spread = said(model, answer);
            for overlay in &mut model.overlays {
                if let Overlay::Levels(pane) = overlay {
                    (pane.spread, pane.unread) = (spread, spread.is_none());
                }
            }
            Vec::new()
        }
        Msg::Common(ticket, answer) if ticket == model.tickets.work => {
            if let (Some(common), Some(Overlay::Form(form))) =
                (said(model, answer), model.overlays.last_mut())
                && matches!(form.purpose, FormFor::Sims(_))
            {
                form.filled(common);
            }
            Vec::new()
        }
        _ => Vec::new(),
    }
}

fn about_changes(model: &mut Model, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::Progress(progress) => {
            if let Some(job) = &mut model.job {
                job.progress = progress;
            }
            Vec::new()
        }
        Msg::Applied(answer) => applied(model, answer),
        Msg::Items(ticket, answer) if ticket == model.tickets.work => {
            let items = said(model, answer).unwrap_or_default();
            let results = model.overlays.iter_mut().rev();
            if let Some(Overlay::Result(result)) =
                results.into_iter().find(|overlay| matches!(overlay, Overlay::Result(_)))
            {
                result.loading = false;
                result.more = items.len() >= ITEMS;
                result.items.extend(items);
            }
            Vec::new()
        }
        Msg::Missed(ticket, then, answer) if ticket == model.tickets.pick => {
            let Some(ids) = said(model, answer) else { return Vec::new() };
            missed(model, then, ids)
        }
        Msg::History(ticket, answer) if ticket == model.tickets.log => {
            history::filled(model, answer);
            Vec::new()
        }
        Msg::FoundHistory(ticket, answer) if ticket == model.tickets.work => history::found(model, answer),
        Msg::Writing(progress) => {
            if let Some(writing) = &mut model.export {
                writing.done = progress.done;
            }
            Vec::new()
        }
        Msg::Exported(path, answer) => exported(model, &path, answer),
        Msg::Copy(answer) => copied(model, answer),
        Msg::News(_) | Msg::Alerts(..) | Msg::Sim(..) | Msg::Spending(..) => usage::answer(model, msg),
        Msg::Spread(..) | Msg::Common(..) => in_common(model, msg),
        Msg::Linked(email, answer) => match said(model, answer) {
            Some(link) => managed::linked(model, &email, &link),
            None => Vec::new(),
        },
        Msg::Account(..) | Msg::Help(..) | Msg::HelpFile(..) | Msg::Wants(..) | Msg::Probed(..) => {
            about_people(model, msg)
        }
        other => {
            about_filters(model, other);
            Vec::new()
        }
    }
}

/// What is read of accounts, users and help.
fn about_people(model: &mut Model, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::Account(ticket, answer) if ticket == model.tickets.account => managed::filled(model, answer),
        Msg::Help(ticket, answer) if ticket == model.tickets.work => support::filled(model, answer),
        Msg::Probed(ticket, answer) if ticket == model.tickets.probe => probes::answered(model, answer),
        Msg::HelpFile(account, answer) => {
            let Some(text) = said(model, answer) else { return Vec::new() };
            let now = model.page.as_ref().and_then(|page| page.facts.as_ref()).and_then(|f| f.help.clone());
            return forms::help_page(model, account, now.as_ref(), Some(&text));
        }
        Msg::Wants(ticket, answer) => {
            let Some(wanted) = said(model, answer) else { return Vec::new() };
            match model.overlays.last_mut() {
                Some(Overlay::Form(form)) if ticket > 0 => form.preset("alerts", usize::from(wanted)),
                _ => model.messages.say(if wanted {
                    "you get mail about alerts and caps that are reached, where a mail server is configured"
                } else {
                    "you get no mail about alerts; the screen tells of them"
                }),
            }
        }
        _ => {}
    }
    Vec::new()
}

fn about_filters(model: &mut Model, msg: Msg) {
    match msg {
        Msg::Known(answer) => match said(model, answer) {
            Some(known) => filters::known_read(model, known),
            None => model.known_stale = true,
        },
        Msg::Saved(answer, text) => {
            let done = answer.is_ok();
            if let Some(list) = said(model, answer) {
                saved::saved_read(model, list);
            }
            if done && !text.is_empty() {
                model.messages.say(text);
            }
        }
        Msg::Tally(ticket, answer) if ticket == model.tickets.tally => filters::tallied(model, answer),
        _ => {}
    }
}

/// Whether an error is about an account by its number, which nobody typed.
fn is_internal(error: &Error) -> bool {
    matches!(error, Error::NotFound { what: "account", name, .. } if name.starts_with('#'))
}

/// The value of an answer; a failure is said, unless a newer question caused it.
pub(super) fn said<T>(model: &mut Model, answer: Result<T, Error>) -> Option<T> {
    match answer {
        Ok(value) => Some(value),
        Err(Error::Cancelled) => None,
        // The account looked at has just gone; the accounts are being read anew and decide what is shown.
        Err(error) if is_internal(&error) => None,
        // That the server is gone is said once.
        Err(Error::Unreachable { .. }) if model.kind == Kind::Remote => None,
        Err(error) => {
            model.messages.fail(&error);
            None
        }
    }
}

fn rows(
    model: &mut Model,
    want: &Want,
    answer: Result<(estate::Page, std::collections::BTreeSet<estate::SimId>), Error>,
) -> Vec<Effect> {
    model.waiting_since = None;
    match answer {
        Ok((page, marked)) => {
            model.table.receive(page, &marked, want);
            if *want == Want::Bottom {
                model.table.first = model.matching.map(|n| n.saturating_sub(model.table.rows.len() as u64));
            }
        }
        Err(Error::Unreachable { .. }) if !matches!(want, Want::Keep | Want::After | Want::Before) => {
            // What is loaded is not what is asked for now: nobody is to take one for the other.
            model.table.loading = false;
            model.table.rows.clear();
            (model.table.before, model.table.after, model.table.first) = (false, false, None);
            model.matching = None;
            model.fault = Some("This list is not loaded.".into());
        }
        Err(error) => {
            model.table.loading = false;
            if matches!(error, Error::NotFound { .. } | Error::Ambiguous { .. }) {
                // An account that the filter names, or the row it started from lies in, is gone.
                model.table.rows.clear();
                (model.table.before, model.table.after) = (false, false);
                model.table.first = None;
                if !is_internal(&error) {
                    model.fault = Some(filters::explained(&error));
                    model.matching = Some(0);
                    return Vec::new();
                }
            }
            said::<()>(model, Err(error));
        }
    }
    Vec::new()
}

/// A file is done, or was given up: its progress is no longer shown.
fn exported(model: &mut Model, path: &std::path::Path, answer: Result<u64, Error>) -> Vec<Effect> {
    let export = model.export.take_if(|writing| writing.path == *path);
    if export.is_some() {
        model.overlays.retain(|overlay| !matches!(overlay, Overlay::Exporting));
    }
    match (answer, export) {
        (Ok(n), _) => model.messages.say(format!("wrote {} lines to {}", count(n), path.display())),
        (Err(Error::Cancelled), _) => {
            model.messages.say(format!("stopped; {} was not written", path.display()));
        }
        // What was asked for is kept: another name is all it takes.
        (Err(error @ Error::Exists(_)), Some(export)) => {
            let mut prompt = super::act::export_prompt(model);
            prompt.input = path.display().to_string().into();
            (prompt.option, prompt.fault) = (export.option, Some(filters::explained(&error)));
            model.overlays.push(Overlay::Prompt(prompt));
        }
        (Err(error), _) => model.messages.fail(&error),
    }
    Vec::new()
}

fn joined(target: &Target, ids: Vec<estate::SimId>) -> Target {
    let mut target = target.clone();
    for id in &ids {
        target.except.remove(id);
    }
    target.ids.extend(ids);
    target
}

fn accounts(model: &mut Model, answer: Result<Arc<estate::Accounts>, Error>) -> Vec<Effect> {
    let Some(accounts) = said(model, answer) else { return Vec::new() };
    let gone = accounts.get(model.query.under).is_none();
    while accounts.get(model.tree.cursor).is_none() {
        // An account that is gone leaves the cursor on the one above it.
        match model.accounts.get(model.tree.cursor).and_then(|a| a.parent) {
            Some(parent) => model.tree.cursor = parent,
            None => break,
        }
    }
    model.accounts = Arc::clone(&accounts);
    if let Some(builder) = filters::builder(model) {
        builder.know_accounts(&accounts);
    }
    if let Some(made) = model.go_to.take().filter(|id| accounts.get(*id).is_some()) {
        model.tree.go_to(made, &accounts);
        return super::act::look(model);
    }
    model.tree.rebuild(&accounts);
    if gone {
        model.query.under = model.tree.cursor;
        return model.requery();
    }
    Vec::new()
}

/// Something was committed: the list is read anew where it stands, once nothing is open that must not move.
pub(super) fn committed(model: &mut Model) -> Vec<Effect> {
    model.stale = true;
    model.known_stale = true;
    let mut effects = vec![Effect::Accounts, Effect::News];
    // Details that are open show what has become of the SIM.
    if model.overlays.iter().any(|overlay| matches!(overlay, Overlay::Alerts(_))) {
        effects.push(usage::attention(model));
    }
    if model.page.is_some() {
        effects.push(managed::read(model));
    }
    if let Some(id) = model.shown_whole().map(|sim| sim.id) {
        model.tickets.sim = model.tickets.take();
        effects.push(Effect::Sim { ticket: model.tickets.sim, id });
    }
    effects
}

/// Reads everything visible anew, in place.
pub fn refresh(model: &mut Model) -> Vec<Effect> {
    model.query.now = model.now;
    let mut effects = model.reload(Want::Keep);
    effects.push(model.recount());
    effects.extend(model.recount_picked());
    effects
}

fn list_found(model: &mut Model, purpose: ListUse, found: &Lookup) -> Vec<Effect> {
    let mut text = found.summary();
    if let Some(first) = found.unknown.first() {
        text.push_str(&format!(" · first missing: {first}"));
    }
    let effects = match purpose {
        ListUse::Select => {
            if !found.unknown.is_empty() {
                files::inspected(model, found, false);
            }
            model.picked.add(&found.found);
            model.last = Last::Selection;
            let mut effects: Vec<Effect> = model.recount_picked().into_iter().collect();
            effects.push(model.remark());
            effects
        }
        ListUse::Filter => files::list_found(model, found),
        ListUse::Inspect => {
            files::inspected(model, found, true);
            return Vec::new();
        }
        ListUse::Find => match found.found.first() {
            Some(id) => {
                let mut effects = filters::to_top(model);
                effects.extend(model.filter(Filter::ids([*id])));
                effects
            }
            None => Vec::new(),
        },
        ListUse::Condition => filters::list_found(model, found),
    };
    model.messages.say(text);
    effects
}

fn planned(model: &mut Model, answer: Result<Plan, Error>) -> Vec<Effect> {
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

fn applied(model: &mut Model, answer: Result<Receipt, Error>) -> Vec<Effect> {
    let Some(job) = model.job.take() else { return Vec::new() };
    model.overlays.retain(|overlay| !matches!(overlay, Overlay::Running));
    match answer {
        Ok(receipt) => {
            forms::answered(model, None);
            done(model, job, receipt)
        }
        Err(error) if forms::answered(model, Some(&error)) => Vec::new(),
        Err(Error::Cancelled) => {
            model.messages.say(format!("{}: stopped, nothing was changed", job.what));
            Vec::new()
        }
        Err(error @ Error::Drift { .. }) => {
            // What was confirmed is not what there is: the new numbers are shown, and asked about again.
            model.messages.fail(&error);
            again(model, job)
        }
        Err(error) => {
            model.messages.fail(&error);
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

fn done(model: &mut Model, job: Job, receipt: Receipt) -> Vec<Effect> {
    let is_undo = matches!(job.change, Change::Undo { .. });
    // What nothing takes back leaves `u` with what it took back before.
    if receipt.undoable || is_undo {
        model.last = Last::Change(receipt.id.clone(), job.what.clone());
    }
    let back = if is_undo || !receipt.undoable { "" } else { " (u undoes it)" };
    let counts = if receipt.counts == estate::Counts::default() {
        "done".to_owned()
    } else {
        receipt.counts.to_string()
    };
    let moves_in = matches!(&job.change, Change::EditProfile { email, .. } if *email != model.me.email);
    let invites = matches!(
        job.change,
        Change::AddUser { .. } | Change::ChangeUser { to: estate::UserChange::Invite, .. }
    );
    let note = if invites && model.kind == Kind::Remote {
        " · Enter on them makes a link to accept by, where no mail goes out"
    } else if invites && !model.mail {
        " · no mail server is configured here: tell them to sign in with that address"
    } else if moves_in && model.kind == Kind::Remote {
        " · the address is yours when you come in by the next link an Admin makes for you"
    } else if moves_in {
        " · the address is yours from the first sign-in with it on"
    } else {
        ""
    };
    model.messages.say(format!("{counts}{back} · {}{note}", job.what));
    if let Change::EditProfile { name, .. } = &job.change {
        model.me.name.clone_from(name);
    }
    let mut effects = committed(model);
    if matches!(job.change, Change::AddAccount { .. }) {
        model.go_to = receipt.account;
    }
    effects.extend(history::again(model));
    let missed = receipt.counts.missed() > 0;
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
    if whole && receipt.counts.missed() == 0 {
        return Vec::new();
    }
    model.tickets.pick = model.tickets.take();
    let then = if whole { Then::Select } else { Then::Drop };
    vec![Effect::Missed { ticket: model.tickets.pick, rev: receipt.rev, then }]
}

fn missed(model: &mut Model, then: Then, ids: Vec<estate::SimId>) -> Vec<Effect> {
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
        // It is what is left of the change, not a choice of the person's: `u` still undoes the change.
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

fn copied(model: &mut Model, answer: Result<Vec<String>, Error>) -> Vec<Effect> {
    let Some(iccids) = said(model, answer) else { return Vec::new() };
    let text = iccids.join("\n");
    if !files::fits_clipboard(&text) {
        let n = count(model.picked.total.unwrap_or(iccids.len() as u64));
        model
            .messages
            .say(format!("{n} ICCIDs are too many for a terminal's clipboard; export them to a file (e)"));
        return Vec::new();
    }
    let sims =
        if iccids.len() == 1 { "1 ICCID".into() } else { format!("{} ICCIDs", count(iccids.len() as u64)) };
    model.messages.say(format!("sent {sims} to your terminal ({})", model.clipboard));
    vec![Effect::Clipboard(text)]
}
