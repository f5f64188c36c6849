//! What the top overlay wanted: choices made, changes confirmed, lines submitted.

use std::path::PathBuf;
use std::sync::Arc;

use estate::{
    Change, ChangeId, Column, Entry, Filter, List, Order, PeriodRule, Progress, Query, SavedEdit,
};

use super::{
    act, columns, files, filters, forms, history, managed, menus, probes, saved, select, sessions,
    support, usage,
};
use crate::files::expand_home;
use crate::tui::model::{Job, Model};
use crate::tui::msg::{Effect, ListSource};
use crate::tui::overlay::response::{DialogResponse, ListUse, MenuChoice};
use crate::tui::overlay::{Overlay, PromptKind, ResultPane};
use crate::tui::table::ScrollTo;

/// Does what an overlay asked for.
pub fn reply(model: &mut Model, reply: DialogResponse) -> Vec<Effect> {
    match reply {
        DialogResponse::Stay => Vec::new(),
        DialogResponse::Close => {
            let effects = probes::closes(&reply, model).into_iter().collect();
            if let Some(Overlay::Confirm(_)) = model.overlays.pop() {
                model.messages.say("left as it was, nothing was changed");
            }
            effects
        }
        DialogResponse::Choose(choice) => {
            model.overlays.pop();
            apply_choice(model, choice)
        }
        DialogResponse::Say(text) => {
            model.messages.say(text);
            Vec::new()
        }
        DialogResponse::Go => go(model),
        DialogResponse::OnlyShown => only_shown(model),
        DialogResponse::Cancel => cancel(model),
        DialogResponse::Submit(text) => submit(model, text.trim()),
        DialogResponse::Ask => filters::ask(model),
        DialogResponse::Tally => filters::tally(model),
        DialogResponse::Apply(save) => filters::apply(model, save),
        DialogResponse::Recent => filters::recent(model),
        DialogResponse::Columns(columns, close) => {
            if close {
                model.overlays.pop();
            }
            columns::show_columns(model, columns)
        }
        DialogResponse::Form => forms::submit(model),
        DialogResponse::SetLevels(levels) => menus::confirm_levels(model, levels),
        DialogResponse::LookUp(list) => select::find(model, ListUse::Condition, ListSource::Given(list)),
        DialogResponse::Show(filter) => show_filter(model, filter),
        DialogResponse::Details(id, iccid, label) => usage::details_of(model, id, iccid, label),
        DialogResponse::OnSim(action) => act::run(model, action),
        DialogResponse::Saved(wish) => saved::wish(model, wish),
        DialogResponse::Numbers => files::export_numbers(model),
        DialogResponse::Spending => usage::export_spending(model),
        DialogResponse::CancelExport => {
            if let Some(writing) = &mut model.export.writing {
                writing.stopping = true;
            }
            vec![Effect::CancelExport]
        }
        DialogResponse::Items(..)
        | DialogResponse::Missed(_)
        | DialogResponse::Report
        | DialogResponse::Undo
        | DialogResponse::Open => about_change(model, &reply),
        other => on_page(model, &other),
    }
}

/// Shows the SIMs of a filter in the table, instead of the dialog and the page.
fn show_filter(model: &mut Model, filter: &str) -> Vec<Effect> {
    model.overlays.pop();
    let mut effects = if model.page.is_some() { managed::close(model) } else { Vec::new() };
    effects.extend(Filter::parse(filter).map_or_else(|_| Vec::new(), |f| model.filter(f)));
    filters::remember(model, filter);
    model.focus = crate::tui::keymap::Pane::Table;
    effects.extend(model.recount_picked());
    effects
}

/// What the history and the help ask for.
fn on_page(model: &mut Model, reply: &DialogResponse) -> Vec<Effect> {
    match reply {
        DialogResponse::More => history::more(model),
        DialogResponse::Narrow => history::narrow(model),
        DialogResponse::Whole => history::whole(model),
        DialogResponse::ExportHistory => history::export(model),
        DialogResponse::CopySaid => probes::copy(model),
        DialogResponse::CopyLink => managed::copy_link(model),
        DialogResponse::CopyLinks => support::copy(model),
        DialogResponse::Keys => support::keys(model),
        DialogResponse::Bundle => support::bundle(model),
        _ => Vec::new(),
    }
}

fn apply_choice(model: &mut Model, choice: MenuChoice) -> Vec<Effect> {
    match choice {
        MenuChoice::Action(action) => act::run(model, action),
        MenuChoice::MoveTo(to) => menus::confirm_move(model, to),
        MenuChoice::Hang(account, under) => menus::confirm_hang(model, account, under),
        MenuChoice::Convert(by) => menus::confirm_convert(model, by),
        MenuChoice::User(id, to) => managed::change_user(model, id, to),
        MenuChoice::ViewAs(id) if act::may_leave(model) => vec![Effect::Remember, Effect::ViewAs(id)],
        MenuChoice::ViewAs(_) => Vec::new(),
        MenuChoice::Link(id) => managed::link(model, id),
        MenuChoice::Sessions(of) => sessions::list(model, of),
        MenuChoice::EndSession(of, id) => sessions::end(of, id),
        MenuChoice::EndSessions(of) => sessions::end_all(of),
        MenuChoice::Authenticate(on) => forms::confirm_authentication(model, on),
        MenuChoice::GoTo(account) => {
            let accounts = Arc::clone(&model.accounts);
            model.tree.go_to(account, &accounts);
            act::look(model)
        }
        MenuChoice::Sort(column) => sort(model, column),
        MenuChoice::ThenSort(column) => order(model, model.query.sort.also_by(column)),
        MenuChoice::Select(filter) => {
            let query = Query { filter: model.query.filter.clone().and(filter), ..model.query.clone() };
            select::query(model, query)
        }
        MenuChoice::Paste(purpose) => {
            let list = std::mem::take(&mut model.pasted);
            select::find(model, purpose, ListSource::Given(list))
        }
        MenuChoice::Narrow(filter) => filters::narrow(model, filter),
        MenuChoice::Within(account) => filters::within(model, account),
        MenuChoice::Drop(part) => filters::drop_part(model, part),
        MenuChoice::Use(text) => filters::use_text(model, &text),
        MenuChoice::Field(_) | MenuChoice::Verb(_) | MenuChoice::Value(_) => {
            filters::fill(model, &choice)
        }
        MenuChoice::ToggleColumn(by) => {
            let mut columns = model.columns.clone();
            columns.toggle(by);
            columns::show_columns(model, columns)
        }
        MenuChoice::PinColumn(by) => {
            let mut columns = model.columns.clone();
            columns.pin(by);
            columns::show_columns(model, columns)
        }
        MenuChoice::Nothing => Vec::new(),
    }
}

/// Sorts by a column; the same column again turns the order round.
pub fn sort(model: &mut Model, column: Column) -> Vec<Effect> {
    order(model, model.query.sort.led_by(column))
}

/// Lists the SIMs in another order.
pub fn order(model: &mut Model, order: Order) -> Vec<Effect> {
    model.query.sort = order;
    model.table.range = None;
    model.reload(ScrollTo::Top)
}

/// The person said yes: the change is made as it was planned.
fn go(model: &mut Model) -> Vec<Effect> {
    let Some(Overlay::Confirm(confirm)) = model.overlays.pop() else { return Vec::new() };
    let Some(plan) = confirm.plan else { return Vec::new() };
    let change = confirm.change.with_confirmation(&plan);
    if let Some(target) = change.target() {
        model.picked.note_target(target);
    }
    if model.job.is_none() && matches!(change, Change::EditProfile { .. }) {
        // The form stays until the change is made: what was typed is not lost when it is refused.
        forms::send_profile(model);
    }
    if let Change::Move { to, .. } = &change {
        model.recents.retain(|id| id != to);
        model.recents.insert(0, *to);
        model.recents.truncate(8);
    }
    make(model, change, confirm.title, plan.total)
}

/// Makes a change, with its progress shown.
pub fn make(model: &mut Model, change: Change, what: String, total: u64) -> Vec<Effect> {
    if model.job.is_some() {
        model.refuse("another change is still running");
        return Vec::new();
    }
    let id = ChangeId::new();
    let progress = Progress { phase: "starting", done: 0, total };
    model.job = Some(Job { id: id.clone(), change: change.clone(), what, progress, cancelling: false });
    if total > 0 {
        model.overlays.push(Overlay::Running);
    }
    vec![Effect::Apply { id, change: Box::new(change) }]
}

fn only_shown(model: &mut Model) -> Vec<Effect> {
    let Some(Overlay::Confirm(confirm)) = model.overlays.pop() else { return Vec::new() };
    let mut change = confirm.change;
    let Some(target) = change.target_mut() else { return Vec::new() };
    *target = select::only_shown(model, target);
    let shown = estate::number::count(model.picked.shown.unwrap_or(0));
    let title = match &change {
        Change::SetLevels { .. } => {
            format!("Set caps and alerts of only the {shown} visible SIMs")
        }
        Change::Edit { edit, .. } => format!("{} only the {shown} visible SIMs", edit.title()),
        Change::Move { to, .. } => {
            format!("Move only the {shown} visible SIMs to {}", model.accounts.names(*to).join(" / "))
        }
        _ => confirm.title,
    };
    menus::confirm(model, title, change, Some(0))
}

fn cancel(model: &mut Model) -> Vec<Effect> {
    match &mut model.job {
        Some(job) => {
            job.cancelling = true;
            vec![Effect::CancelChange]
        }
        None => Vec::new(),
    }
}

fn submit(model: &mut Model, text: &str) -> Vec<Effect> {
    let Some(Overlay::Prompt(prompt)) = model.overlays.last_mut() else { return Vec::new() };
    if text.is_empty() {
        prompt.fault = Some("nothing was typed".into());
        return Vec::new();
    }
    let fault = match prompt.purpose {
        PromptKind::AddAccount(_) | PromptKind::RenameAccount(_) => {
            estate::check_new_account_name(text).err().map(|e| e.to_string())
        }
        PromptKind::Ceiling(_) => estate::levels::parse_cap(text).err().map(|e| e.to_string()),
        PromptKind::Period(_) => period(text).err().map(|e| e.to_string()),
        PromptKind::Where => Filter::parse(text).err().map(|e| e.to_string()),
        PromptKind::GoTo => {
            row(text, 0).is_none().then(|| "a row number, or a share such as 50%".to_owned())
        }
        PromptKind::SaveFilter | PromptKind::RenameFilter(_) => {
            let taken = |s: &estate::Saved| estate::text::fold(&s.name) == estate::text::fold(text);
            let replaces = prompt.purpose == PromptKind::SaveFilter && model.saved.iter().any(taken);
            let asked = prompt.warned.as_deref() == Some(text);
            let fault = estate::valid_name(text).err().map(|e| e.to_string());
            fault.or_else(|| {
                (replaces && !asked).then(|| format!("{text} is there already; Enter again replaces it"))
            })
        }
        PromptKind::Notify(_) => estate::notify::channel_of(text).err().map(|e| e.to_string()),
        PromptKind::ListFilter
        | PromptKind::ExportFilters
        | PromptKind::ImportFilters
        | PromptKind::Reference(_)
        | PromptKind::HelpFile(_)
        | PromptKind::History(_)
        | PromptKind::Text(..) => None,
        PromptKind::List => {
            let empty = List::read(text).is_ok_and(|list| list.entries.is_empty());
            empty.then(|| "there are no numbers in it".to_owned())
        }
    };
    if fault.is_some() {
        prompt.warned = Some(text.to_owned());
        prompt.fault = fault;
        return Vec::new();
    }
    let (purpose, option) = (prompt.purpose.clone(), prompt.option);
    model.overlays.pop();
    submit_prompt(model, purpose, text, option)
}

fn submit_prompt(model: &mut Model, purpose: PromptKind, text: &str, option: usize) -> Vec<Effect> {
    match purpose {
        PromptKind::AddAccount(parent) => {
            model.tree.open.insert(parent);
            let change = Change::AddAccount { parent, name: text.into() };
            make(model, change, format!("Add account {text}"), 0)
        }
        PromptKind::RenameAccount(account) => {
            let change = Change::RenameAccount { account, name: text.into() };
            make(model, change, format!("Rename account to {text}"), 0)
        }
        PromptKind::Reference(account) => {
            let reference = if text.eq_ignore_ascii_case("none") { "" } else { text }.to_owned();
            let what = format!("Set the reference to {text}");
            make(model, Change::SetReference { account, reference }, what, 0)
        }
        PromptKind::Notify(account) => {
            let what = format!("Let {text} hear of the account");
            make(model, Change::AddExternal { account, address: text.into() }, what, 0)
        }
        PromptKind::History(wanted) => vec![Effect::ExportHistory { wanted, path: expand_home(text) }],
        PromptKind::HelpFile(account) => vec![Effect::HelpFile { account, path: expand_home(text) }],
        PromptKind::Ceiling(account) => menus::confirm_ceiling(model, account, text),
        PromptKind::Period(account) => {
            let rule = period(text).unwrap_or_default();
            let what = format!("Set the billing period to {text}");
            make(model, Change::SetPeriod { account, rule }, what, 0)
        }
        PromptKind::Where => {
            let filter = Filter::parse(text).unwrap_or_default();
            let query = Query { filter: model.query.filter.clone().and(filter), ..model.query.clone() };
            select::query(model, query)
        }
        PromptKind::GoTo => {
            let rows = model.matching.unwrap_or(0);
            model.reload(ScrollTo::Row(row(text, rows).unwrap_or(0)))
        }
        PromptKind::ListFilter => {
            select::find(model, ListUse::Filter, ListSource::Typed(text.to_owned()))
        }
        PromptKind::SaveFilter => saved::save(model, text, option > 0),
        PromptKind::RenameFilter(name) => {
            saved::edit(model, SavedEdit::Rename(name, text.to_owned()), format!("is called {text} now"))
        }
        PromptKind::ExportFilters => {
            let (text_of, lines) = (estate::saved::to_file(&model.saved), model.saved.len() as u64);
            vec![Effect::Write { path: expand_home(text), text: text_of, lines }]
        }
        PromptKind::ImportFilters => vec![Effect::ImportSaved { path: expand_home(text) }],
        PromptKind::Text(content, lines) => {
            vec![Effect::Write { path: expand_home(text), text: content, lines }]
        }
        PromptKind::List => match List::read(text) {
            Ok(list) => select::find(model, ListUse::Select, ListSource::Given(list)),
            Err(error) => {
                model.messages.fail(&error);
                Vec::new()
            }
        },
    }
}

/// Reads a rule for billing periods, or that there is none of its own.
fn period(text: &str) -> estate::Result<Option<PeriodRule>> {
    if text == "inherit" { Ok(None) } else { text.parse().map(Some) }
}

/// Reads a row number from 1, or a share of the rows.
fn row(text: &str, rows: u64) -> Option<u64> {
    let text = text.replace([',', ' '], "");
    match text.strip_suffix('%') {
        Some(share) => {
            share.parse::<u64>().ok().filter(|s| *s <= 100).map(|s| rows.saturating_sub(1) * s / 100)
        }
        None => text.parse::<u64>().ok().map(|n| n.saturating_sub(1).min(rows.saturating_sub(1))),
    }
}

/// Shows what a change of the log did, SIM by SIM.
pub fn open_entry(model: &mut Model, entry: &Entry) -> Vec<Effect> {
    model.tickets.work = model.tickets.take();
    let title = format!("#{}  {}", entry.rev, entry.summary);
    let mut pane = ResultPane::new(title, entry.id.clone(), entry.rev, entry.counts, entry.undoable)
        .of_kind(&entry.kind);
    let via = if entry.via.is_empty() { String::new() } else { format!("\nFrom: {}", entry.via) };
    let undone = if entry.undone { "\nIt was undone." } else { "" };
    let zone = model.theme.zone;
    let at = format!("{} {}", zone.minute(entry.at), zone.name());
    pane.about = format!("{}\n\nBy: {}\nAt: {at}{via}{undone}", entry.summary, entry.by);
    let effect =
        Effect::Items { ticket: model.tickets.work, rev: pane.rev, outcome: pane.only, after: None };
    model.overlays.push(Overlay::Result(Box::new(pane)));
    vec![effect]
}

fn about_change(model: &mut Model, reply: &DialogResponse) -> Vec<Effect> {
    model.tickets.work = model.tickets.take();
    let ticket = model.tickets.work;
    match (model.overlays.last_mut(), reply) {
        (Some(Overlay::Result(result)), DialogResponse::Items(outcome, after)) => {
            vec![Effect::Items { ticket, rev: result.rev, outcome: *outcome, after: *after }]
        }
        (Some(Overlay::Result(result)), DialogResponse::Missed(then)) => {
            model.tickets.pick = ticket;
            vec![Effect::Missed { ticket, rev: result.rev, then: *then }]
        }
        (Some(Overlay::Result(result)), DialogResponse::Report) => {
            let path = PathBuf::from(format!("simdeck-change-{}.csv", result.rev));
            vec![Effect::Report { rev: result.rev, path }]
        }
        (Some(Overlay::Result(result)), DialogResponse::Undo) => {
            let (id, what) = (result.id.clone(), result.title.clone());
            model.overlays.pop();
            menus::undo_change(model, id, &what)
        }
        (Some(Overlay::History(history)), DialogResponse::Undo) => {
            match history.current().map(|e| (e.id.clone(), format!("#{} {}", e.rev, e.summary))) {
                Some((id, what)) => menus::undo_change(model, id, &what),
                None => Vec::new(),
            }
        }
        (Some(Overlay::History(history)), DialogResponse::Open) => {
            let entry = history.current().cloned();
            entry.map_or_else(Vec::new, |entry| open_entry(model, &entry))
        }
        _ => Vec::new(),
    }
}
