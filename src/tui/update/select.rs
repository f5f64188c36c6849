//! The selection: marks, ranges, all matching, the same value, lists.

use std::sync::Arc;

use estate::{Field, Filter, Op, Query, Sim, Target, Value};

use crate::tui::model::{Last, Model};
use crate::tui::msg::{Effect, ListSource};
use crate::tui::overlay::response::{ListUse, MenuChoice};
use crate::tui::overlay::{Choosable, Chooser, Overlay};
use crate::tui::selection::filter_of;

/// Selects or unselects the row under the cursor, and goes one down.
pub fn toggle(model: &mut Model) -> Vec<Effect> {
    let mut effects = finish_range(model);
    effects.extend(toggle_at(model, model.table.cursor));
    model.table.step(1);
    effects
}

/// Selects or unselects a row of the window.
pub fn toggle_at(model: &mut Model, index: usize) -> Vec<Effect> {
    let Some(row) = model.table.rows.get_mut(index) else { return Vec::new() };
    row.marked = !row.marked;
    let (id, on) = (row.row.sim.id, row.marked);
    model.picked.set(id, on);
    model.last = Last::Selection;
    model.recount_picked().into_iter().collect()
}

/// Begins a range, or ends it.
pub fn range(model: &mut Model) -> Vec<Effect> {
    if model.table.range.is_some() {
        return finish_range(model);
    }
    model.table.begin_range(true);
    Vec::new()
}

/// Extends by movement with Shift: a range of its own unless one is being drawn.
pub fn extend(model: &mut Model) {
    if model.table.range.is_none() {
        model.table.begin_range(false);
    }
}

/// Takes the SIMs of the range into the selection.
pub fn finish_range(model: &mut Model) -> Vec<Effect> {
    let found = model.table.range_ids();
    let effects = match found {
        None => return Vec::new(),
        Some(Ok(ids)) => {
            for index in 0..model.table.rows.len() {
                if model.table.in_range(index) {
                    model.table.rows[index].marked = true;
                }
            }
            model.picked.add(&ids);
            model.last = Last::Selection;
            model.recount_picked().into_iter().collect()
        }
        Some(Err((from, to))) => {
            model.ranging = true;
            model.tickets.pick = model.tickets.take();
            vec![Effect::Range {
                ticket: model.tickets.pick,
                query: Box::new(model.query.clone()),
                from,
                to,
            }]
        }
    };
    model.table.range = None;
    effects
}

/// Selects from the row selected last to the cursor.
pub fn extend_here(model: &mut Model) -> Vec<Effect> {
    let Some(last) = model.picked.last else { return Vec::new() };
    if model.table.begin_range_at(last) {
        return finish_range(model);
    }
    model.messages.say("the row selected last is not near; use v, move, v");
    Vec::new()
}

/// Selects the rows on the screen.
pub fn visible(model: &mut Model) -> Vec<Effect> {
    let shown: Vec<usize> = model.table.visible_rows().map(|(i, _)| i).collect();
    let ids: Vec<_> = shown.iter().map(|i| model.table.rows[*i].row.sim.id).collect();
    for index in shown {
        model.table.rows[index].marked = true;
    }
    model.picked.add(&ids);
    model.last = Last::Selection;
    model.recount_picked().into_iter().collect()
}

/// Selects everything a query matches: frozen now, looked at again when it is acted on.
pub fn query(model: &mut Model, mut query: Query) -> Vec<Effect> {
    query.now = model.now;
    match query.filter.freeze(&model.accounts, query.now) {
        Ok(frozen) => query.filter = frozen,
        Err(error) => {
            model.messages.fail(&error);
            return Vec::new();
        }
    }
    if query.same_set(&frozen_view(model)) {
        model.table.rows.iter_mut().for_each(|row| row.marked = true);
    }
    query.sort = estate::Order::default();
    model.picked.add_query(query);
    recount(model)
}

fn frozen_view(model: &Model) -> Query {
    let filter = model.query.filter.freeze(&model.accounts, model.now).unwrap_or_default();
    Query { filter, ..model.query.clone() }
}

/// The selection is another: counts and marks are read anew.
fn recount(model: &mut Model) -> Vec<Effect> {
    model.last = Last::Selection;
    let mut effects: Vec<Effect> = model.recount_picked().into_iter().collect();
    effects.push(model.remark());
    effects
}

/// Selects the SIMs of the list that are not selected, and no others.
pub fn invert(model: &mut Model) -> Vec<Effect> {
    let not = model.picked.as_filter(&model.accounts).negate();
    let view = frozen_view(model);
    let filter = if model.picked.is_empty() { view.filter.clone() } else { view.filter.clone().and(not) };
    let query = Query { filter, sort: estate::Order::default(), ..view };
    model.table.rows.iter_mut().for_each(|row| row.marked = !row.marked);
    model.picked.replace(Target::query(query));
    recount(model)
}

/// Selects nothing.
pub fn none(model: &mut Model) -> Vec<Effect> {
    model.picked.clear();
    model.table.range = None;
    model.table.rows.iter_mut().for_each(|row| row.marked = false);
    recount(model)
}

/// Puts another selection in place.
pub fn replace(model: &mut Model, target: Target) -> Vec<Effect> {
    model.picked.replace(target);
    recount(model)
}

/// Takes the last change of the selection back.
pub fn undo(model: &mut Model) -> Vec<Effect> {
    if !model.picked.undo() {
        model.messages.say("there is no earlier selection");
        return Vec::new();
    }
    let effects = recount(model);
    model.messages.say("the selection is as it was before");
    effects
}

/// Selects what was acted on last.
pub fn again(model: &mut Model) -> Vec<Effect> {
    if model.picked.again() {
        return recount(model);
    }
    model.messages.say("nothing was acted on yet");
    Vec::new()
}

/// The box in the header: nothing, then the visible, then all matching, then nothing.
pub fn cycle(model: &mut Model) -> Vec<Effect> {
    let visible_marked = model.table.visible_rows().all(|(_, row)| row.marked);
    let all = model.picked.shown.is_some() && model.picked.shown == model.matching;
    match (model.picked.is_empty(), visible_marked, all) {
        (_, true, false) if !model.table.rows.is_empty() => query(model, model.query.clone()),
        (false, true, true) => none(model),
        _ => visible(model),
    }
}

/// Asks for the value to select by: those of the SIM under the cursor.
pub fn same(model: &mut Model) -> Vec<Effect> {
    let Some(row) = model.table.current() else { return Vec::new() };
    let items = values(&row.row.sim, &model.accounts)
        .into_iter()
        .map(|(name, value, filter)| {
            Choosable::new(format!("Same {name}"), value, MenuChoice::Select(filter))
        })
        .collect();
    model.overlays.push(Overlay::Choose(Chooser::menu(
        "Select every SIM of the list with the",
        None,
        items,
    )));
    Vec::new()
}

/// The values of a SIM that others can share, as conditions.
pub fn values(sim: &Sim, accounts: &Arc<estate::Accounts>) -> Vec<(&'static str, String, Filter)> {
    let text = |field, value: &str| Filter::term(field, Op::Eq, Value::Text(value.to_owned()));
    let account = Filter::term(Field::AccountId, Op::Eq, Value::Id(sim.account.0));
    let mut list = vec![
        ("account", accounts.short_path(sim.account), account),
        (
            "status",
            sim.status.word().to_owned(),
            Filter::term(Field::Status, Op::Eq, Value::Status(sim.status)),
        ),
    ];
    for (name, field, value) in [
        ("network", Field::Network, &sim.network),
        ("tariff", Field::Tariff, &sim.tariff),
        ("label", Field::Label, &sim.label),
    ] {
        if !value.is_empty() {
            list.push((name, value.clone(), text(field, value)));
        }
    }
    if let Some(tag) = sim.tags.first() {
        list.push(("tag", tag.clone(), text(Field::Tag, tag)));
    }
    list
}

/// Looks a list up.
pub fn find(model: &mut Model, purpose: ListUse, source: ListSource) -> Vec<Effect> {
    model.tickets.pick = model.tickets.take();
    model.ranging = purpose == ListUse::Select;
    vec![Effect::Find { ticket: model.tickets.pick, purpose, source }]
}

/// The part of a target that the list shows.
pub fn only_shown(model: &Model, target: &Target) -> Target {
    let view = frozen_view(model);
    let filter = view.filter.clone().and(filter_of(target, &model.accounts));
    Target::query(Query { filter, sort: estate::Order::default(), ..view })
}
