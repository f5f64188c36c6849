//! The mouse: everything a key can do, without Shift or Ctrl.

use std::sync::Arc;

use estate::saved::WATCHED;

use super::{act, columns, dialogs, filters, managed, menus, select};
use crate::tui::hit_test::{self, Hit};
use crate::tui::keymap::Pane;
use crate::tui::model::{Drag, Model};
use crate::tui::msg::Effect;
use crate::tui::overlay::Overlay;
use crate::tui::overlay::builder::Focus;
use crate::tui::overlay::response::DialogResponse;
use crate::tui::table::ScrollTo;
use crate::tui::term::{Button, Mouse, MouseKind};

/// Rows the wheel scrolls.
const WHEEL: i64 = 3;

/// Takes a mouse report.
pub fn mouse(model: &mut Model, mouse: Mouse) -> Vec<Effect> {
    match mouse.kind {
        MouseKind::Down(button) => {
            model.messages.pass();
            model.pending.clear();
            if let Hit::Offered(index) = hit_test::at(model, mouse.x, mouse.y) {
                return take_suggestion(model, index);
            }
            if !model.overlays.is_empty() {
                return over(model, mouse, button);
            }
            // The filter line ends where something else is clicked; what it says stays.
            if model.search.take().is_some() {
                let text = model.query.filter.to_string();
                filters::remember(model, &text);
            }
            let mut effects = end_range(model, mouse, button);
            effects.extend(down(model, mouse, button));
            effects
        }
        MouseKind::Drag if model.drag.is_some() => drag(model, mouse),
        MouseKind::Up => up(model),
        MouseKind::WheelUp => wheel(model, mouse, -WHEEL),
        MouseKind::WheelDown => wheel(model, mouse, WHEEL),
        MouseKind::WheelLeft => act::run(model, crate::tui::action::Action::ScrollLeft),
        MouseKind::WheelRight => act::run(model, crate::tui::action::Action::ScrollRight),
        MouseKind::Drag => Vec::new(),
    }
}

/// The mouse moves the cursor: a range ends first, unless this click is its other end.
fn end_range(model: &mut Model, mouse: Mouse, button: Button) -> Vec<Effect> {
    let Some(range) = &model.table.range else { return Vec::new() };
    let on_row = matches!(hit_test::at(model, mouse.x, mouse.y), Hit::Row(_) | Hit::Gutter(_));
    let other_end = button == Button::Left && on_row && (range.sticky || mouse.shift);
    if other_end { Vec::new() } else { select::finish_range(model) }
}

fn down(model: &mut Model, mouse: Mouse, button: Button) -> Vec<Effect> {
    match hit_test::at(model, mouse.x, mouse.y) {
        Hit::Row(index) => row(model, mouse, button, index),
        Hit::Gutter(index) if button == Button::Left && model.table.range.is_none() => {
            model.focus = Pane::Table;
            model.table.cursor = index;
            model.table.begin_range(true);
            model.drag = Some(Drag { moved: false });
            Vec::new()
        }
        Hit::Gutter(index) => row(model, mouse, button, index),
        Hit::Header(column) if button == Button::Right => {
            columns::column_menu(model, column, (mouse.x, mouse.y))
        }
        Hit::Header(column) if mouse.ctrl => dialogs::order(model, model.query.sort.also_by(column)),
        Hit::Header(column) => dialogs::sort(model, column),
        Hit::Chip(part) => filters::drop_part(model, part),
        Hit::HeaderBox => select::cycle(model),
        Hit::Account(id) => account(model, mouse, button, id),
        Hit::Fold(id) => {
            let accounts = Arc::clone(&model.accounts);
            model.tree.toggle(id, &accounts);
            act::look(model)
        }
        Hit::Action(action) => act::run(model, action),
        Hit::Scrollbar(share) => {
            let rows = model.matching.unwrap_or(0);
            model.reload(ScrollTo::Row(
                (rows.saturating_sub(model.table.height as u64)) * u64::from(share) / 1000,
            ))
        }
        Hit::Item(line) => managed::click(model, line, button == Button::Right),
        Hit::Tab(tab) => managed::open_tab(model, tab),
        Hit::Button(_)
        | Hit::Offered(_)
        | Hit::Cell(..)
        | Hit::Tool(_)
        | Hit::Text
        | Hit::Level(..)
        | Hit::Field(..)
        | Hit::Outside
        | Hit::Nothing => Vec::new(),
    }
}

fn row(model: &mut Model, mouse: Mouse, button: Button, index: usize) -> Vec<Effect> {
    model.focus = Pane::Table;
    let extends = button == Button::Left && mouse.shift;
    if extends && model.table.range.is_none() {
        model.table.begin_range(true);
    }
    model.table.cursor = index;
    match button {
        Button::Right => menus::context(model, Some((mouse.x, mouse.y))),
        Button::Left if mouse.ctrl => select::toggle_at(model, index),
        // Shift+click where a terminal hands it on; v, then click, everywhere.
        Button::Left if extends || model.table.range.as_ref().is_some_and(|r| r.sticky) => {
            select::finish_range(model)
        }
        _ => Vec::new(),
    }
}

fn account(model: &mut Model, mouse: Mouse, button: Button, id: estate::AccountId) -> Vec<Effect> {
    model.focus = Pane::Tree;
    let accounts = Arc::clone(&model.accounts);
    model.tree.go_to(id, &accounts);
    let mut effects = act::look(model);
    if button == Button::Right {
        effects.extend(menus::context(model, Some((mouse.x, mouse.y))));
    }
    effects
}

/// Draws a range along the gutter; beyond the edge the table scrolls.
fn drag(model: &mut Model, mouse: Mouse) -> Vec<Effect> {
    let rows = crate::tui::layout::areas(model).rows;
    let over = usize::from(mouse.y.saturating_sub(rows.y)) + model.table.top;
    let by = if mouse.y < rows.y {
        -1
    } else if mouse.y >= rows.bottom() {
        1
    } else {
        over as i64 - model.table.cursor as i64
    };
    if by != 0 {
        model.drag = Some(Drag { moved: true });
        model.table.step(by);
    }
    Vec::new()
}

/// The end of a drag; without any movement it was a click on the box.
fn up(model: &mut Model) -> Vec<Effect> {
    match model.drag.take() {
        Some(Drag { moved: true }) => select::finish_range(model),
        Some(Drag { moved: false }) => {
            model.table.range = None;
            select::toggle_at(model, model.table.cursor)
        }
        None => Vec::new(),
    }
}

fn wheel(model: &mut Model, mouse: Mouse, by: i64) -> Vec<Effect> {
    if let Some(top) = model.overlays.last_mut() {
        let code = if by < 0 { crate::tui::term::Code::Up } else { crate::tui::term::Code::Down };
        let reply = match top {
            Overlay::Confirm(_)
            | Overlay::Prompt(_)
            | Overlay::Running
            | Overlay::Exporting
            | Overlay::Form(_)
            | Overlay::Levels(_) => DialogResponse::Stay,
            other => other.key(crate::tui::term::Key::plain(code)),
        };
        return dialogs::reply(model, reply);
    }
    if matches!(hit_test::at(model, mouse.x, mouse.y), Hit::Account(_) | Hit::Fold(_)) {
        model.tree.scroll(by);
        return Vec::new();
    }
    let drawn = model.table.range.as_ref().is_some_and(|range| !range.sticky);
    let effects = if drawn { select::finish_range(model) } else { Vec::new() };
    model.table.scroll(by);
    effects
}

/// A click on a suggestion takes it.
fn take_suggestion(model: &mut Model, index: usize) -> Vec<Effect> {
    let accounts = Arc::clone(&model.accounts);
    match model.overlays.last_mut() {
        Some(Overlay::Builder(builder)) => {
            let known = builder.known.clone();
            if let Some(edit) = &mut builder.edit {
                edit.accept(index, &accounts, &known);
                return filters::tally(model);
            }
            builder.text.accept(index, &accounts, &known);
            let reply = builder.read_text();
            dialogs::reply(model, reply)
        }
        Some(_) => Vec::new(),
        None => {
            let Some(search) = &mut model.search else { return Vec::new() };
            search.line.accept(index, &accounts, &model.known);
            filters::apply_typed_filter(model)
        }
    }
}

/// A click in the builder: a cell is opened at once, a tool acts on the row under the cursor.
fn in_builder(model: &mut Model, hit: Hit) -> Vec<Effect> {
    let Some(Overlay::Builder(builder)) = model.overlays.last_mut() else { return Vec::new() };
    let (changed, then) = match hit {
        Hit::Tool(letter) => (DialogResponse::Stay, builder.act(letter)),
        Hit::Text => {
            let changed = builder.leave();
            builder.focus = Focus::Text;
            (changed, DialogResponse::Stay)
        }
        Hit::Cell(line, cell) => {
            let path = builder.whole.lines().get(line).cloned().unwrap_or_default();
            let changed = builder.leave();
            builder.focus = Focus::Rows;
            builder.point(&path, cell);
            (changed, builder.open())
        }
        _ => return Vec::new(),
    };
    let mut effects = dialogs::reply(model, changed);
    effects.extend(dialogs::reply(model, then));
    effects
}

/// A click on the pages that show what is: the details of a SIM and the alerts.
fn on_page(model: &mut Model, hit: Hit) -> Option<DialogResponse> {
    Some(match (model.overlays.last_mut()?, hit) {
        (Overlay::Alerts(pane), Hit::Tab(at)) => {
            pane.cursor = at;
            pane.open()
        }
        (Overlay::Alerts(pane), Hit::Item(line)) => {
            pane.cursor = WATCHED.len() + line;
            pane.open()
        }
        (Overlay::Sim(pane), Hit::Tab(index)) => {
            pane.pages.open_tab(index);
            DialogResponse::Stay
        }
        (Overlay::Spending(pane), Hit::Tab(index)) => {
            pane.pages.open_tab(index);
            DialogResponse::Stay
        }
        (Overlay::Support(pane), Hit::Tab(index)) => {
            pane.pages.open_tab(index);
            DialogResponse::Stay
        }
        (
            Overlay::Sim(_) | Overlay::Alerts(_) | Overlay::Spending(_) | Overlay::Support(_),
            Hit::Outside,
        ) => DialogResponse::Close,
        _ => return None,
    })
}

/// A click while something lies over the screen: on one of its parts, or beside it, which closes
/// menus.
fn over(model: &mut Model, mouse: Mouse, button: Button) -> Vec<Effect> {
    let hit = hit_test::at(model, mouse.x, mouse.y);
    if let Some(reply) = on_page(model, hit) {
        return dialogs::reply(model, reply);
    }
    let armed = model.at;
    let reply = match (model.overlays.last_mut(), hit) {
        (Some(Overlay::Choose(chooser)), Hit::Item(line)) if button == Button::Left => {
            chooser.cursor = line;
            chooser.choose()
        }
        (Some(Overlay::Choose(_)), Hit::Outside) => DialogResponse::Close,
        (Some(Overlay::Builder(_)), hit) if !matches!(hit, Hit::Button(_)) => {
            return in_builder(model, hit);
        }
        (Some(Overlay::Columns(pane)), Hit::Item(line)) => {
            pane.cursor = line;
            pane.key(crate::tui::term::Key::char(' '))
        }
        (Some(Overlay::Saved(pane)), Hit::Item(line)) => {
            let again = pane.cursor == line;
            pane.cursor = line;
            if again {
                pane.key(crate::tui::term::Key::plain(crate::tui::term::Code::Enter))
            } else {
                DialogResponse::Stay
            }
        }
        (Some(Overlay::Levels(pane)), Hit::Level(line, which)) => {
            pane.choose(line, which);
            DialogResponse::Stay
        }
        (Some(Overlay::Form(form)), Hit::Field(line, which)) => form.click(line, which),
        (Some(Overlay::Numbers(pane)), Hit::Item(line)) => {
            pane.cursor = line;
            DialogResponse::Stay
        }
        (Some(Overlay::Confirm(confirm)), Hit::Button(key)) if armed >= confirm.armed_at => {
            confirm.on_go = key.code == crate::tui::term::Code::Enter;
            confirm.key(key)
        }
        (Some(other), Hit::Button(key)) if !matches!(other, Overlay::Confirm(_)) => other.key(key),
        (Some(Overlay::Result(result)), Hit::Tab(index)) => {
            let at = result.tabs().iter().position(|t| *t == result.only).unwrap_or(0) as i64;
            result.turn(index as i64 - at)
        }
        (Some(Overlay::Result(result)), Hit::Item(line)) => {
            result.cursor = line;
            DialogResponse::Stay
        }
        (Some(Overlay::History(history)), Hit::Item(line)) => {
            let again = history.cursor == line;
            history.cursor = line;
            if again { DialogResponse::Open } else { DialogResponse::Stay }
        }
        _ => DialogResponse::Stay,
    };
    dialogs::reply(model, reply)
}
