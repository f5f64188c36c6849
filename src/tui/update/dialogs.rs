//! What the top overlay wanted: choices made, changes confirmed, lines submitted.

use std::path::PathBuf;
use std::sync::Arc;

use estate::{Change, ChangeId, Column, Entry, Filter, List, Order, PeriodRule, Progress, Query, SavedEdit};

use super::{
    act, columns, files, filters, forms, history, managed, menus, probes, saved, select, sessions, support,
    usage,
};
use crate::files::expand_home;
use crate::tui::model::{Job, Model};
use crate::tui::msg::{Effect, ListSource};
use crate::tui::overlay::response::{Choice, ListUse, Reply};
use crate::tui::overlay::{Overlay, Purpose, ResultPane};
use crate::tui::table::Want;

/// Does what an overlay asked for.
pub fn reply(model: &mut Model, reply: Reply) -> Vec<Effect> {
    match reply {
        Reply::Stay => Vec::new(),
        Reply::Close => {
            let effects = probes::closes(&reply, model).into_iter().collect();
            if let Some(Overlay::Confirm(_)) = model.overlays.pop() {
                model.messages.say("left as it was, nothing was changed");
            }
            effects
        }
        Reply::Choose(choice) => {
            model.overlays.pop();
            chosen(model, choice)
        }
        Reply::Say(text) => {
            model.messages.say(text);
            Vec::new()
        }
        Reply::Go => go(model),
        Reply::OnlyShown => only_shown(model),
        Reply::Cancel => cancel(model),
        Reply::Submit(text) => submit(model, text.trim()),
        Reply::Ask => filters::ask(model),
        Reply::Tally => filters::tally(model),
        Reply::Apply(save) => filters::apply(model, save),
        Reply::Recent => filters::recent(model),
        Reply::Columns(columns, close) => {
            if close {
                model.overlays.pop();
            }
            columns::show_columns(model, columns)
        }
        Reply::Form => forms::submit(model),
        Reply::SetLevels(levels) => menus::confirm_levels(model, levels),
        Reply::LookUp(list) => select::find(model, ListUse::Condition, ListSource::Given(list)),
        Reply::Show(filter) => {
            model.overlays.pop();
            let mut closed = if model.page.is_some() { managed::close(model) } else { Vec::new() };
            let mut effects = Filter::parse(filter).map_or_else(|_| Vec::new(), |f| model.filter(f));
            filters::remember(model, filter);
            model.focus = crate::tui::keymap::Pane::Table;
            effects.extend(model.recount_picked());
            closed.extend(effects);
            closed
        }
        Reply::Details(id, iccid, label) => usage::details_of(model, id, iccid, label),
        Reply::OnSim(action) => act::run(model, action),
        Reply::Saved(wish) => saved::wish(model, wish),
        Reply::Numbers => files::export_numbers(model),
        Reply::Spending => usage::export_spending(model),
        Reply::CancelExport => {
            if let Some(writing) = &mut model.export.writing {
                writing.stopping = true;
            }
            vec![Effect::CancelExport]
        }
        Reply::Items(..) | Reply::Missed(_) | Reply::Report | Reply::Undo | Reply::Open => {
            about_change(model, &reply)
        }
        other => on_page(model, &other),
    }
}

/// What the history and the help ask for.
fn on_page(model: &mut Model, reply: &Reply) -> Vec<Effect> {
    match reply {
        Reply::More => history::more(model),
        Reply::Narrow => history::narrow(model),
        Reply::Whole => history::whole(model),
        Reply::ExportHistory => history::export(model),
        Reply::CopySaid => probes::copy(model),
        Reply::CopyLink => managed::copy_link(model),
        Reply::CopyLinks => support::copy(model),
        Reply::Keys => support::keys(model),
        Reply::Bundle => support::bundle(model),
        _ => Vec::new(),
    }
}

fn chosen(model: &mut Model, choice: Choice) -> Vec<Effect> {
    match choice {
        Choice::Action(action) => act::run(model, action),
        Choice::MoveTo(to) => menus::confirm_move(model, to),
        Choice::Hang(account, under) => menus::confirm_hang(model, account, under),
        Choice::Convert(by) => menus::confirm_convert(model, by),
        Choice::User(id, to) => managed::change_user(model, id, to),
        Choice::ViewAs(id) if act::may_leave(model) => vec![Effect::Remember, Effect::ViewAs(id)],
        Choice::ViewAs(_) => Vec::new(),
        Choice::Link(id) => managed::link(model, id),
        Choice::Sessions(of) => sessions::list(model, of),
        Choice::EndSession(of, id) => sessions::end(of, id),
        Choice::EndSessions(of) => sessions::end_all(of),
        Choice::Authenticate(on) => forms::confirm_authentication(model, on),
        Choice::GoTo(account) => {
            let accounts = Arc::clone(&model.accounts);
            model.tree.go_to(account, &accounts);
            act::look(model)
        }
        Choice::Sort(column) => sort(model, column),
        Choice::ThenSort(column) => order(model, model.query.sort.also_by(column)),
        Choice::Select(filter) => {
            let query = Query { filter: model.query.filter.clone().and(filter), ..model.query.clone() };
            select::query(model, query)
        }
        Choice::Paste(purpose) => {
            let list = std::mem::take(&mut model.pasted);
            select::find(model, purpose, ListSource::Given(list))
        }
        Choice::Narrow(filter) => filters::narrow(model, filter),
        Choice::Within(account) => filters::within(model, account),
        Choice::Drop(part) => filters::drop_part(model, part),
        Choice::Use(text) => filters::use_text(model, &text),
        Choice::Field(_) | Choice::Verb(_) | Choice::Value(_) => filters::fill(model, &choice),
        Choice::ToggleColumn(by) => {
            let mut columns = model.columns.clone();
            columns.toggle(by);
            columns::show_columns(model, columns)
        }
        Choice::PinColumn(by) => {
            let mut columns = model.columns.clone();
            columns.pin(by);
            columns::show_columns(model, columns)
        }
        Choice::Nothing => Vec::new(),
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
    model.reload(Want::Top)
}

/// The person said yes: the change is made as it was planned.
fn go(model: &mut Model) -> Vec<Effect> {
    let Some(Overlay::Confirm(confirm)) = model.overlays.pop() else { return Vec::new() };
    let Some(plan) = confirm.plan else { return Vec::new() };
    let change = confirm.change.confirmed(&plan);
    if let Some(target) = change.target() {
        model.picked.acted(target);
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
        Purpose::AddAccount(_) | Purpose::RenameAccount(_) => {
            estate::check_new_account_name(text).err().map(|e| e.to_string())
        }
        Purpose::Ceiling(_) => estate::levels::parse_cap(text).err().map(|e| e.to_string()),
        Purpose::Period(_) => period(text).err().map(|e| e.to_string()),
        Purpose::Where => Filter::parse(text).err().map(|e| e.to_string()),
        Purpose::GoTo => row(text, 0).is_none().then(|| "a row number, or a share such as 50%".to_owned()),
        Purpose::SaveFilter | Purpose::RenameFilter(_) => {
            let taken = |s: &estate::Saved| estate::text::fold(&s.name) == estate::text::fold(text);
            let replaces = prompt.purpose == Purpose::SaveFilter && model.saved.iter().any(taken);
            let asked = prompt.warned.as_deref() == Some(text);
            let fault = estate::valid_name(text).err().map(|e| e.to_string());
            fault.or_else(|| {
                (replaces && !asked).then(|| format!("{text} is there already; Enter again replaces it"))
            })
        }
        Purpose::Notify(_) => estate::notify::channel_of(text).err().map(|e| e.to_string()),
        Purpose::ListFilter
        | Purpose::ExportFilters
        | Purpose::ImportFilters
        | Purpose::Reference(_)
        | Purpose::HelpFile(_)
        | Purpose::History(_)
        | Purpose::Text(..) => None,
        Purpose::List => {
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
    submitted(model, purpose, text, option)
}

fn submitted(model: &mut Model, purpose: Purpose, text: &str, option: usize) -> Vec<Effect> {
    match purpose {
        Purpose::AddAccount(parent) => {
            model.tree.open.insert(parent);
            make(model, Change::AddAccount { parent, name: text.into() }, format!("Add account {text}"), 0)
        }
        Purpose::RenameAccount(account) => make(
            model,
            Change::RenameAccount { account, name: text.into() },
            format!("Rename account to {text}"),
            0,
        ),
        Purpose::Reference(account) => {
            let reference = if text.eq_ignore_ascii_case("none") { "" } else { text }.to_owned();
            let what = format!("Set the reference to {text}");
            make(model, Change::SetReference { account, reference }, what, 0)
        }
        Purpose::Notify(account) => {
            let what = format!("Let {text} hear of the account");
            make(model, Change::AddExternal { account, address: text.into() }, what, 0)
        }
        Purpose::History(wanted) => vec![Effect::ExportHistory { wanted, path: expand_home(text) }],
        Purpose::HelpFile(account) => vec![Effect::HelpFile { account, path: expand_home(text) }],
        Purpose::Ceiling(account) => menus::confirm_ceiling(model, account, text),
        Purpose::Period(account) => {
            let rule = period(text).unwrap_or_default();
            make(model, Change::SetPeriod { account, rule }, format!("Set the billing period to {text}"), 0)
        }
        Purpose::Where => {
            let filter = Filter::parse(text).unwrap_or_default();
            let query = Query { filter: model.query.filter.clone().and(filter), ..model.query.clone() };
            select::query(model, query)
        }
        Purpose::GoTo => {
            let rows = model.matching.unwrap_or(0);
            model.reload(Want::Row(row(text, rows).unwrap_or(0)))
        }
        Purpose::ListFilter => select::find(model, ListUse::Filter, ListSource::Typed(text.to_owned())),
        Purpose::SaveFilter => saved::save(model, text, option > 0),
        Purpose::RenameFilter(name) => {
            saved::edit(model, SavedEdit::Rename(name, text.to_owned()), format!("is called {text} now"))
        }
        Purpose::ExportFilters => {
            let (text_of, lines) = (estate::saved::to_file(&model.saved), model.saved.len() as u64);
            vec![Effect::Write { path: expand_home(text), text: text_of, lines }]
        }
        Purpose::ImportFilters => vec![Effect::ImportSaved { path: expand_home(text) }],
        Purpose::Text(content, lines) => {
            vec![Effect::Write { path: expand_home(text), text: content, lines }]
        }
        Purpose::List => match List::read(text) {
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
    let effect = Effect::Items { ticket: model.tickets.work, rev: pane.rev, outcome: pane.only, after: None };
    model.overlays.push(Overlay::Result(Box::new(pane)));
    vec![effect]
}

fn about_change(model: &mut Model, reply: &Reply) -> Vec<Effect> {
    model.tickets.work = model.tickets.take();
    let ticket = model.tickets.work;
    match (model.overlays.last_mut(), reply) {
        (Some(Overlay::Result(result)), Reply::Items(outcome, after)) => {
            vec![Effect::Items { ticket, rev: result.rev, outcome: *outcome, after: *after }]
        }
        (Some(Overlay::Result(result)), Reply::Missed(then)) => {
            model.tickets.pick = ticket;
            vec![Effect::Missed { ticket, rev: result.rev, then: *then }]
        }
        (Some(Overlay::Result(result)), Reply::Report) => {
            let path = PathBuf::from(format!("simdeck-change-{}.csv", result.rev));
            vec![Effect::Report { rev: result.rev, path }]
        }
        (Some(Overlay::Result(result)), Reply::Undo) => {
            let (id, what) = (result.id.clone(), result.title.clone());
            model.overlays.pop();
            menus::undo_change(model, id, &what)
        }
        (Some(Overlay::History(history)), Reply::Undo) => {
            match history.current().map(|e| (e.id.clone(), format!("#{} {}", e.rev, e.summary))) {
                Some((id, what)) => menus::undo_change(model, id, &what),
                None => Vec::new(),
            }
        }
        (Some(Overlay::History(history)), Reply::Open) => {
            let entry = history.current().cloned();
            entry.map_or_else(Vec::new, |entry| open_entry(model, &entry))
        }
        _ => Vec::new(),
    }
}
