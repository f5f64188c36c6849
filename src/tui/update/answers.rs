//! What the store answered. An answer to an older question falls on the floor.

use std::sync::Arc;

use estate::number::count;
use estate::{Error, Filter, Lookup, Target};

use super::{
    files, filters, forms, history, made, managed, probes, reach, saved, select, sessions, support, usage,
};
use crate::tui::model::{Last, Model, REFUSAL};
use crate::tui::msg::{Effect, Msg};
use crate::tui::overlay::list::ITEMS;
use crate::tui::overlay::response::ListUse;
use crate::tui::overlay::{FormKind, Overlay};
use crate::tui::table::ScrollTo;

/// Takes an answer.
pub fn answer(model: &mut Model, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::Rows(ticket, want, answer) if ticket == model.tickets.rows => rows(model, &want, answer),
        Msg::Count(ticket, answer) if ticket == model.tickets.count => {
            // An account that the filter names and that is gone is said where the rows would be.
            let gone = matches!(answer, Err(Error::NotFound { .. } | Error::Ambiguous { .. }));
            model.matching = if gone { Some(0) } else { report_failure(model, answer) };
            if model.table.first.is_none() && !model.table.after && !model.table.rows.is_empty() {
                model.table.first =
                    model.matching.map(|n| n.saturating_sub(model.table.rows.len() as u64));
            }
            Vec::new()
        }
        Msg::Picked(ticket, answer) if ticket == model.tickets.picked => {
            if let Some((total, shown)) = report_failure(model, answer) {
                (model.picked.total, model.picked.shown) = (Some(total), Some(shown));
                if let Some(Overlay::Confirm(confirm)) = model.overlays.last_mut() {
                    confirm.set_hidden(total.saturating_sub(shown));
                }
            }
            Vec::new()
        }
        Msg::Marks(ticket, answer) if ticket == model.tickets.marks => {
            if let Some(marked) = report_failure(model, answer) {
                model.table.rows.iter_mut().for_each(|row| row.marked = marked.contains(&row.row.sim.id));
            }
            Vec::new()
        }
        Msg::Accounts(answer) => accounts(model, answer),
        Msg::Range(ticket, answer) if ticket == model.tickets.pick => {
            model.ranging = false;
            match report_failure(model, answer) {
                Some(ids) => select::replace(model, join_target(&model.picked.target, ids)),
                None => Vec::new(),
            }
        }
        Msg::Found(ticket, purpose, answer) if ticket == model.tickets.pick => {
            model.ranging = false;
            match report_failure(model, answer) {
                Some(found) => list_found(model, purpose, &found),
                None => Vec::new(),
            }
        }
        Msg::Planned(ticket, answer) if ticket == model.tickets.work => made::show_plan(model, answer),
        Msg::Committed => reload_after_commit(model),
        Msg::Offline(since) => reach::offline(model, since),
        Msg::Live(live) => {
            model.reach.live = live;
            Vec::new()
        }
        other => about_changes(model, other),
    }
}

/// What SIMs have in common goes into the editor that asked for it.
fn in_common(model: &mut Model, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::Spread(ticket, answer) if ticket == model.tickets.work => {
            let spread = report_failure(model, answer);
            for overlay in &mut model.overlays {
                if let Overlay::Levels(pane) = overlay {
                    (pane.spread, pane.unread) = (spread, spread.is_none());
                }
            }
            Vec::new()
        }
        Msg::Common(ticket, answer) if ticket == model.tickets.work => {
            if let (Some(common), Some(Overlay::Form(form))) =
                (report_failure(model, answer), model.overlays.last_mut())
                && matches!(form.purpose, FormKind::Sims(_))
            {
                form.set_common(common);
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
        Msg::Applied(answer) => made::finish_change(model, answer),
        Msg::Items(ticket, answer) if ticket == model.tickets.work => {
            let items = report_failure(model, answer).unwrap_or_default();
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
            let Some(ids) = report_failure(model, answer) else { return Vec::new() };
            made::select_missed(model, then, ids)
        }
        Msg::History(ticket, answer) if ticket == model.tickets.log => {
            history::set_entries(model, answer);
            Vec::new()
        }
        Msg::FoundHistory(ticket, answer) if ticket == model.tickets.work => {
            history::open_found(model, answer)
        }
        Msg::Writing(progress) => {
            if let Some(writing) = &mut model.export.writing {
                writing.done = progress.done;
            }
            Vec::new()
        }
        Msg::Exported(path, answer) => finish_export(model, &path, answer),
        Msg::Copy(answer) => copy_identifiers(model, answer),
        Msg::News(_) | Msg::Alerts(..) | Msg::Sim(..) | Msg::Spending(..) => usage::answer(model, msg),
        Msg::Spread(..) | Msg::Common(..) => in_common(model, msg),
        Msg::Linked(email, answer) => match report_failure(model, answer) {
            Some(link) => managed::show_link(model, &email, &link),
            None => Vec::new(),
        },
        Msg::Sessions(..)
        | Msg::SessionsEnded(..)
        | Msg::Account(..)
        | Msg::Help(..)
        | Msg::HelpFile(..)
        | Msg::Wants(..)
        | Msg::Probed(..) => about_people(model, msg),
        other => {
            about_filters(model, other);
            Vec::new()
        }
    }
}

/// What is read of accounts, users and help.
fn about_people(model: &mut Model, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::Account(ticket, answer) if ticket == model.tickets.account => {
            managed::set_facts(model, answer);
        }
        Msg::Sessions(of, answer) => sessions::listed(model, of, answer),
        Msg::SessionsEnded(of, answer) => sessions::ended(model, of, answer),
        Msg::Help(ticket, answer) if ticket == model.tickets.work => support::set_help(model, answer),
        Msg::Probed(ticket, answer) if ticket == model.tickets.probe => {
            probes::show_answer(model, answer);
        }
        Msg::HelpFile(account, answer) => {
            let Some(text) = report_failure(model, answer) else { return Vec::new() };
            let now =
                model.page.as_ref().and_then(|page| page.facts.as_ref()).and_then(|f| f.help.clone());
            return forms::help_page(model, account, now.as_ref(), Some(&text));
        }
        Msg::Wants(ticket, answer) => {
            let Some(wanted) = report_failure(model, answer) else { return Vec::new() };
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
        Msg::Known(answer) => match report_failure(model, answer) {
            Some(known) => filters::known_read(model, known),
            None => model.known_stale = true,
        },
        Msg::Saved(answer, text) => {
            let done = answer.is_ok();
            if let Some(list) = report_failure(model, answer) {
                saved::saved_read(model, list);
            }
            if done && !text.is_empty() {
                model.messages.say(text);
            }
        }
        Msg::Tally(ticket, answer) if ticket == model.tickets.tally => filters::set_tally(model, answer),
        _ => {}
    }
}

/// Whether an error is about an account by its number, which nobody typed.
fn is_internal(error: &Error) -> bool {
    matches!(error, Error::NotFound { what: "account", name, .. } if name.starts_with('#'))
}

/// The value of an answer; a failure is said, unless a newer question caused it.
pub(super) fn report_failure<T>(model: &mut Model, answer: Result<T, Error>) -> Option<T> {
    match answer {
        Ok(value) => Some(value),
        Err(Error::Cancelled) => None,
        // The account looked at has just gone; the accounts are being read anew and decide what is
        // shown.
        Err(error) if is_internal(&error) => None,
        // That the server is gone is said once.
        Err(Error::Unreachable { .. }) if model.is_elsewhere() => None,
        Err(error) => {
            show_failure(model, &error);
            None
        }
    }
}

/// Something failed: that is said, and that nobody is signed in any more is said once.
pub(super) fn show_failure(model: &mut Model, error: &Error) {
    let known = model.reach.signed_out;
    model.reach.signed_out |= *error == Error::SignedOut && model.is_elsewhere();
    if !(known && *error == Error::SignedOut) {
        model.messages.fail(error);
        if model.overlays.is_empty() && model.search.is_none() {
            let shown = model.messages.current().map(|message| message.text.clone());
            model.ignore_letters(shown.unwrap_or_default());
        }
    }
}

/// Tells that the filter just entered matches nothing: the typing that follows expects rows. Where
/// rows have come, letters are commands again.
fn end_wait_for_rows(model: &mut Model) {
    let awaited = model.messages.refusal.take_if(|refusal| refusal.awaits_rows);
    let until = model.messages.entered_at.take().map(|at| at + REFUSAL);
    let until = until.max(awaited.as_ref().map(|refusal| refusal.until));
    if until.is_none_or(|until| model.at > until)
        || !model.table.rows.is_empty()
        || model.search.is_some()
    {
        return;
    }
    model.refuse("No matches");
    let ignored = awaited.map(|refusal| refusal.ignored).filter(|ignored| !ignored.is_empty());
    if let (Some(ignored), Some(refusal)) = (ignored, &mut model.messages.refusal) {
        refusal.ignored = ignored;
        let note = refusal.note();
        model.messages.amend(&note);
    }
}

fn rows(
    model: &mut Model,
    want: &ScrollTo,
    answer: Result<(estate::Page, std::collections::BTreeSet<estate::SimId>), Error>,
) -> Vec<Effect> {
    model.waiting_since = None;
    match answer {
        Ok((page, marked)) => {
            model.reach.signed_out = false;
            model.table.receive(page, &marked, want);
            if !matches!(want, ScrollTo::After | ScrollTo::Before) {
                model.table.loaded = Some(model.query.clone());
            }
            if *want == ScrollTo::Bottom {
                model.table.first =
                    model.matching.map(|n| n.saturating_sub(model.table.rows.len() as u64));
            }
            end_wait_for_rows(model);
        }
        Err(error @ (Error::Unreachable { .. } | Error::SignedOut))
            if !matches!(want, ScrollTo::Keep | ScrollTo::After | ScrollTo::Before) =>
        {
            if model.shows_asked() {
                return keep_loaded(model, want, error);
            }
            report_failure::<()>(model, Err(error));
            // What is loaded is not what is asked for now: nobody is to take one for the other.
            model.table.loading = false;
            model.table.rows.clear();
            (model.table.before, model.table.after, model.table.first) = (false, false, None);
            model.matching = None;
            model.fault = Some("This list is not loaded.".into());
        }
        Err(error) => {
            model.table.stall();
            if matches!(error, Error::NotFound { .. } | Error::Ambiguous { .. }) {
                // An account that the filter names, or the row it started from lies in, is gone.
                model.table.rows.clear();
                (model.table.before, model.table.after) = (false, false);
                model.table.first = None;
                if !is_internal(&error) {
                    model.fault = Some(filters::error_with_hint(&error));
                    model.matching = Some(0);
                    return Vec::new();
                }
            }
            report_failure::<()>(model, Err(error));
        }
    }
    Vec::new()
}

/// Keeps the rows of a list whose other end cannot be read: the cursor goes as far as they reach.
fn keep_loaded(model: &mut Model, want: &ScrollTo, error: Error) -> Vec<Effect> {
    model.table.stall();
    match want {
        ScrollTo::Top => model.table.jump(i64::MIN),
        ScrollTo::Bottom => model.table.jump(i64::MAX),
        _ => {}
    }
    if matches!(error, Error::Unreachable { .. }) {
        let rows = count(model.table.rows.len() as u64);
        model.messages.say(format!("Server unavailable. The {rows} rows already loaded stay."));
    }
    report_failure::<()>(model, Err(error));
    Vec::new()
}

/// A file is done, or was given up: its progress is no longer shown.
fn finish_export(model: &mut Model, path: &std::path::Path, answer: Result<u64, Error>) -> Vec<Effect> {
    let export = model.export.writing.take_if(|writing| writing.path == *path);
    if export.is_some() {
        model.overlays.retain(|overlay| !matches!(overlay, Overlay::Exporting));
    }
    match (answer, export) {
        (Ok(n), _) => model.messages.say(format!("wrote {} lines to {}", count(n), path.display())),
        (Err(Error::Cancelled), _) => {
            model.messages.say(format!("stopped; {} was not written", path.display()));
        }
        // What was asked for is kept: another name is all it takes.
        (Err(error @ Error::Exists(_)), Some(_)) => {
            let mut form = files::export_dialog(model);
            form.fault = Some(filters::error_with_hint(&error));
            model.overlays.push(Overlay::Form(Box::new(form)));
        }
        (Err(error), _) => model.messages.fail(&error),
    }
    Vec::new()
}

fn join_target(target: &Target, ids: Vec<estate::SimId>) -> Target {
    let mut target = target.clone();
    for id in &ids {
        target.except.remove(id);
    }
    target.ids.extend(ids);
    target
}

fn accounts(model: &mut Model, answer: Result<Arc<estate::Accounts>, Error>) -> Vec<Effect> {
    let Some(accounts) = report_failure(model, answer) else { return Vec::new() };
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

/// Something was committed: the list is read anew where it stands, once nothing is open that must
/// not move.
pub(super) fn reload_after_commit(model: &mut Model) -> Vec<Effect> {
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
    let mut effects = model.reload(ScrollTo::Keep);
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
                files::show_lookup(model, found, false);
            }
            model.picked.add(&found.found);
            model.last = Last::Selection;
            let mut effects: Vec<Effect> = model.recount_picked().into_iter().collect();
            effects.push(model.remark());
            effects
        }
        ListUse::Filter => files::list_found(model, found),
        ListUse::Inspect => {
            files::show_lookup(model, found, true);
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

fn copy_identifiers(model: &mut Model, answer: Result<Vec<String>, Error>) -> Vec<Effect> {
    let Some(iccids) = report_failure(model, answer) else { return Vec::new() };
    let text = iccids.join("\n");
    if !files::fits_clipboard(&text) {
        let n = count(model.picked.total.unwrap_or(iccids.len() as u64));
        model.messages.say(format!(
            "{n} ICCIDs are too many for a terminal's clipboard; export them to a file (e)"
        ));
        return Vec::new();
    }
    let sims = if iccids.len() == 1 {
        "1 ICCID".into()
    } else {
        format!("{} ICCIDs", count(iccids.len() as u64))
    };
    model.messages.say(format!("sent {sims} to your terminal ({})", model.clipboard));
    vec![Effect::Clipboard(text)]
}
