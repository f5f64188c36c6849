//! The only code that changes the model, and nothing else: a message in, effects out.

mod act;
mod answers;
mod columns;
mod dialogs;
mod files;
mod filters;
mod forms;
mod history;
mod keys;
mod made;
mod managed;
mod menus;
mod mouse;
mod probes;
mod reach;
mod saved;
mod select;
mod sessions;
mod support;
mod usage;

use super::action::Action;
use super::keymap::Pane;
use super::layout;
use super::model::Model;
use super::msg::{Effect, Msg};
use super::overlay::Overlay;
use super::table::ScrollTo;
use super::term::Event;

/// What has to be read when the screen opens.
pub fn begin(model: &mut Model) -> Vec<Effect> {
    fit(model);
    // Whoever comes back finds everything as they left it, read anew.
    if !model.table.rows.is_empty() {
        let mut effects = answers::refresh(model);
        effects.extend([Effect::Accounts, Effect::News]);
        return effects;
    }
    let mut effects = model.reload(ScrollTo::Top);
    effects.push(model.recount());
    effects.extend([Effect::Saved, Effect::News]);
    effects
}

/// Takes one message.
pub fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    let cursor = model.table.current().map(|r| r.row.sim.id);
    let mut effects = route(model, msg);
    fit(model);
    if let Some((seek, want)) = model.table.need() {
        model.table.loading = true;
        effects.push(model.rows(want, seek));
    }
    follow(model, cursor);
    effects.extend(managed::follow(model));
    if model.stale && is_idle(model) {
        model.stale = false;
        effects.extend(answers::refresh(model));
    }
    effects
}

/// Runs an action outside the keymap: the harness reaches every one of them.
pub fn run(model: &mut Model, action: Action) -> Vec<Effect> {
    act::run(model, action)
}

/// Nothing is open or begun that must not move under the person's hand.
fn is_idle(model: &Model) -> bool {
    model.overlays.is_empty()
        && model.table.range.is_none()
        && model.drag.is_none()
        && model.search.is_none()
}

fn route(model: &mut Model, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::Input(Event::Key(key)) => keys::key(model, key),
        Msg::Input(Event::Mouse(mouse)) => mouse::mouse(model, mouse),
        Msg::Input(Event::Paste(text)) => keys::paste(model, &text),
        Msg::Input(Event::Resize(columns, rows)) => {
            model.size = (columns, rows);
            if let Some(Overlay::Confirm(confirm)) = model.overlays.last_mut() {
                confirm.armed_at = model.at + super::overlay::confirm::ARMING;
            }
            vec![Effect::Redraw]
        }
        Msg::Tick => {
            if model.rest_at.is_some_and(|at| at <= model.at) {
                model.rest_at = None;
                model.detail = model.table.current().map(|r| r.row.sim.clone());
            }
            Vec::new()
        }
        Msg::Stop => vec![Effect::Suspend],
        Msg::Continued => vec![Effect::Redraw],
        Msg::End => {
            (model.quitting, model.ended) = (true, true);
            vec![Effect::Remember, Effect::Quit]
        }
        other => answers::answer(model, other),
    }
}

/// Tells the parts how much room they have.
fn fit(model: &mut Model) {
    let areas = layout::areas(model);
    model.table.resize(usize::from(areas.rows.height));
    let accounts = std::sync::Arc::clone(&model.accounts);
    model.tree.resize(usize::from(areas.tree_lines.height), &accounts);
    let room = layout::page_room(model);
    let width = layout::dialog(model).map_or(0, |dialog| dialog.inner.width.saturating_sub(2));
    match model.overlays.last_mut() {
        Some(Overlay::Sim(pane)) => pane.pages.within(pane.lines(), room),
        Some(Overlay::Spending(pane)) => pane.pages.within(pane.lines(), room),
        Some(Overlay::Support(pane)) => {
            let lines = pane.wrap_lines(width).len();
            pane.pages.within(lines, room + 1);
        }
        _ => {}
    }
    if areas.tree.width == 0 && model.focus == Pane::Tree {
        model.focus = Pane::Table;
    }
}

/// Lets the details follow the cursor once it rests.
fn follow(model: &mut Model, before: Option<estate::SimId>) {
    let now = model.table.current().map(|r| r.row.sim.id);
    if now.is_none() {
        model.detail = None;
        model.rest_at = None;
    } else if model.detail.is_none() {
        model.detail = model.table.current().map(|r| r.row.sim.clone());
    } else if now == model.detail.as_ref().map(|d| d.id) {
        // The row may have been read anew: a move or a cap shows at once.
        let current = model.table.current().map(|r| &r.row.sim);
        if current != model.detail.as_ref() {
            model.detail = current.cloned();
        }
    } else if now != before || (model.rest_at.is_none() && model.detail.as_ref().map(|d| d.id) != now) {
        model.rest_at = Some(model.at + super::model::REST);
    }
}
