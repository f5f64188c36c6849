//! Filters: the line, the builder, the conditions above the table, recent ones.

use std::sync::Arc;

use estate::filter::suggest::Known;
use estate::{AccountId, Error, Field, Filter, Lookup, Op, Query, Value};

use super::{dialogs, menus, saved, select};
use crate::tui::chips::{chip, parts, without};
use crate::tui::conditions::Row;
use crate::tui::keymap::Pane;
use crate::tui::layout;
use crate::tui::model::{Model, Search};
use crate::tui::msg::Effect;
use crate::tui::overlay::line::{Holds, LONGEST, Line};
use crate::tui::overlay::response::{DialogResponse, MenuChoice};
use crate::tui::overlay::{Builder, Choosable, Chooser, Overlay};

/// How many filters are remembered.
const RECENT: usize = 20;

/// Sets a filter that a person has settled on, and remembers it.
pub fn settle(model: &mut Model, filter: Filter) -> Vec<Effect> {
    let text = filter.to_string();
    remember(model, &text);
    model.filter(filter)
}

/// Notes a filter for the list of recent ones.
pub fn remember(model: &mut Model, text: &str) {
    // A list is kept by saving it.
    if text.is_empty() || text.len() > LONGEST {
        return;
    }
    model.recent_filters.retain(|known| known != text);
    model.recent_filters.insert(0, text.to_owned());
    model.recent_filters.truncate(RECENT);
}

/// Reads the values that can be chosen, if they may have changed.
pub fn know(model: &mut Model) -> Vec<Effect> {
    if std::mem::take(&mut model.known_stale) { vec![Effect::Known] } else { Vec::new() }
}

/// Opens the filter line.
pub fn open_line(model: &mut Model) -> Vec<Effect> {
    let before = model.query.filter.clone();
    let text = before.to_string();
    let fits = text.len() <= LONGEST;
    let line = Line::new(if fits { &text } else { "" }, Holds::Filter);
    if !fits {
        model.messages.say("the list stays until something else is typed; F shows it as a condition");
    }
    model.search = Some(Search { line, before });
    know(model)
}

/// The line changed: what can be read is filtered by at once, unless its last word is the beginning
/// of a field.
pub fn apply_typed_filter(model: &mut Model) -> Vec<Effect> {
    match &model.search {
        Some(search) if !search.line.begins_field() => read_line(model),
        _ => Vec::new(),
    }
}

/// Filters by what the line says.
pub fn read_line(model: &mut Model) -> Vec<Effect> {
    let Some(search) = &model.search else { return Vec::new() };
    match Filter::parse(search.line.text()) {
        Ok(filter) => model.filter(filter),
        Err(_) => Vec::new(),
    }
}

/// Opens the Filter Builder on the filter in force.
pub fn open_builder(model: &mut Model) -> Vec<Effect> {
    let builder = Builder::new(&model.query.filter, Arc::clone(&model.accounts), model.known.clone());
    model.overlays.push(Overlay::Builder(Box::new(builder)));
    let mut effects = know(model);
    effects.extend(tally(model));
    effects
}

/// The builder, if it is open, whatever is open over it.
pub fn builder(model: &mut Model) -> Option<&mut Builder> {
    model.overlays.iter_mut().rev().find_map(|overlay| match overlay {
        Overlay::Builder(builder) => Some(&mut **builder),
        _ => None,
    })
}

/// A list that was pasted into the builder was looked up.
pub fn list_found(model: &mut Model, found: &Lookup) -> Vec<Effect> {
    if let Some(builder) = builder(model) {
        builder.take_list(found);
    }
    tally(model)
}

/// Counts what the builder's filter matches, where the list is looked at.
pub fn tally(model: &mut Model) -> Vec<Effect> {
    model.tickets.tally = model.tickets.take();
    let ticket = model.tickets.tally;
    let Some(builder) = builder(model) else { return Vec::new() };
    match builder.filter() {
        Ok(filter) => {
            let query = Query { filter, now: model.now, ..model.query.clone() };
            vec![Effect::Tally { ticket, query: Box::new(query) }]
        }
        Err(_) => Vec::new(),
    }
}

/// The builder's matches were counted.
pub fn set_tally(model: &mut Model, answer: Result<u64, Error>) {
    let Some(builder) = builder(model) else { return };
    match answer {
        Ok(n) => builder.count = Some(n),
        Err(Error::Cancelled) => {}
        Err(error) => builder.fault = Some(error_with_hint(&error)),
    }
}

/// The values that can be chosen were read.
pub fn known_read(model: &mut Model, known: Known) {
    if let Some(builder) = builder(model) {
        builder.known.clone_from(&known);
    }
    model.known = known;
    super::forms::known_read(model);
}

/// An error with its way out.
pub fn error_with_hint(error: &Error) -> String {
    let hint = error.hint().map(|h| format!(", {h}")).unwrap_or_default();
    format!("{error}{hint}")
}

/// Opens the list that a cell of the builder is chosen from.
pub fn ask(model: &mut Model) -> Vec<Effect> {
    let at = layout::typing::anchor_of_cell(model);
    if let Some(Overlay::Builder(builder)) = model.overlays.last_mut()
        && let Some(chooser) = builder.asked.take()
    {
        model.overlays.push(Overlay::Choose(Chooser { at, ..chooser }));
    }
    Vec::new()
}

/// Takes what was chosen for a cell of the builder.
pub fn fill(model: &mut Model, choice: &MenuChoice) -> Vec<Effect> {
    let Some(Overlay::Builder(builder)) = model.overlays.last_mut() else { return Vec::new() };
    match builder.take_choice(choice) {
        DialogResponse::Tally => {
            // A condition that has no value yet is led through: what, how, with what.
            let wants = |row: &Row| row.verb.takes_value() && row.value.is_empty();
            let opens = !matches!(choice, MenuChoice::Value(_)) && builder.row().is_some_and(wants);
            let opened = if opens { builder.open() } else { DialogResponse::Stay };
            let mut effects = tally(model);
            effects.extend(dialogs::reply(model, opened));
            effects
        }
        other => dialogs::reply(model, other),
    }
}

/// Applies the builder's filter, and asks for a name if it is to be saved.
pub fn apply(model: &mut Model, save: bool) -> Vec<Effect> {
    let Some(Overlay::Builder(builder)) = model.overlays.last_mut() else { return Vec::new() };
    if builder.text.fault.is_some() {
        model
            .messages
            .say("the text cannot be read yet: mend it where the mark is, or change a condition");
        return Vec::new();
    }
    let left_out = builder.whole.blanks();
    let filter = match builder.whole.filter() {
        Ok(filter) => filter,
        Err(error) => {
            model.messages.say(format!("a condition cannot be read: {}", error_with_hint(&error)));
            return Vec::new();
        }
    };
    if left_out > 0 && filter != Filter::All {
        model.messages.say("a condition without a value was left out");
    }
    model.overlays.pop();
    let effects = settle(model, filter);
    if save {
        saved::keep(model);
    }
    effects
}

/// Chooses among recent filters.
pub fn recent(model: &mut Model) -> Vec<Effect> {
    if model.recent_filters.is_empty() {
        model.messages.say("no filter was used yet");
        return Vec::new();
    }
    let line = |text: &String| Choosable::new(text, "", MenuChoice::Use(text.clone()));
    let items = model.recent_filters.iter().map(line).collect();
    model.overlays.push(Overlay::Choose(Chooser::picker("Recent filters", items)));
    Vec::new()
}

/// Uses a filter by its text: in the builder if that is open, else for the list.
pub fn use_text(model: &mut Model, text: &str) -> Vec<Effect> {
    if let Some(Overlay::Builder(builder)) = model.overlays.last_mut() {
        let filter = Filter::parse(text).unwrap_or_default();
        **builder = Builder::new(&filter, Arc::clone(&builder.accounts), builder.known.clone());
        return tally(model);
    }
    settle(model, Filter::parse(text).unwrap_or_default())
}

/// Takes a condition away.
pub fn drop_part(model: &mut Model, part: usize) -> Vec<Effect> {
    let rest = without(&model.query.filter, part);
    model.filter(rest)
}

/// Chooses which condition to take away; the only one goes at once.
pub fn remove(model: &mut Model) -> Vec<Effect> {
    let parts = parts(&model.query.filter);
    if parts.len() < 2 {
        return drop_part(model, 0);
    }
    let line = |(at, part): (usize, &&Filter)| Choosable {
        key: char::from_digit(at as u32 + 1, 10).filter(|_| at < 9),
        ..Choosable::new(
            chip(part),
            if at < 9 { (at + 1).to_string() } else { String::new() },
            MenuChoice::Drop(at),
        )
    };
    let items = parts.iter().enumerate().map(line).collect();
    model.overlays.push(Overlay::Choose(Chooser::menu("Take away", None, items)));
    Vec::new()
}

/// Adds a condition to the filter.
pub fn narrow(model: &mut Model, condition: Filter) -> Vec<Effect> {
    let filter = match model.query.filter.clone() {
        Filter::And(mut list) => {
            list.retain(|part| *part != condition);
            list.push(condition);
            Filter::And(list)
        }
        other if other == condition => other,
        other => other.and(condition),
    };
    settle(model, filter)
}

/// Shows one account and what lies below it, by a condition that can be saved; the list begins at
/// the top.
pub fn within(model: &mut Model, account: AccountId) -> Vec<Effect> {
    let path = model.accounts.path(account);
    let condition = Filter::term(Field::In, Op::Has, Value::Text(path));
    let effects = to_top(model);
    // Another account takes the place of the one before: no SIM is in both.
    let is_place = |part: &Filter| matches!(part, Filter::Term(term) if matches!(term.field, Field::In | Field::Path));
    let mut rest: Vec<Filter> =
        parts(&model.query.filter).into_iter().filter(|p| !is_place(p)).cloned().collect();
    rest.push(condition);
    let filter = if rest.len() == 1 { rest.remove(0) } else { Filter::And(rest) };
    let narrowed = settle(model, filter);
    if narrowed.is_empty() { effects } else { narrowed }
}

/// Looks at everything the user sees.
pub fn to_top(model: &mut Model) -> Vec<Effect> {
    let Some(top) = model.accounts.top().map(|top| top.id) else { return Vec::new() };
    if model.look_at(top, true) { model.requery() } else { Vec::new() }
}

/// Shows only SIMs with the same value: of the SIM, or in the account, under the cursor.
pub fn same(model: &mut Model) -> Vec<Effect> {
    if model.focus == Pane::Tree {
        return within(model, model.tree.cursor);
    }
    let Some(row) = model.table.current() else { return Vec::new() };
    let items = select::values(&row.row.sim, &model.accounts)
        .into_iter()
        .map(|(name, value, filter)| {
            Choosable::new(format!("Same {name}"), value, MenuChoice::Narrow(filter))
        })
        .collect();
    model.overlays.push(Overlay::Choose(Chooser::menu("Show only SIMs with the", None, items)));
    Vec::new()
}

/// Filters by an account that is chosen by name.
pub fn by_account(model: &mut Model) -> Vec<Effect> {
    menus::choose_account(model, "Show only SIMs of, and below", MenuChoice::Within)
}
