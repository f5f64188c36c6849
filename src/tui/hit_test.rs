//! What is under the mouse.

use estate::{AccountId, Column};
use ratatui::layout::{Position, Rect};
use unicode_width::UnicodeWidthStr;

use super::action::Action;
use super::layout::{self, Areas, GUTTER, builder, chips, form, levels, managed};
use super::managed::Tab;
use super::model::Model;
use super::overlay::builder::Cell;
use super::overlay::form::Value;
use super::overlay::sim::Page;
use super::overlay::spending::By;
use super::overlay::support::About;
use super::overlay::{Builder, Form, LevelsPane, Overlay, pages};
use super::term::Key;
use crate::tui::layout::typing;

/// A part of the screen that does something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hit {
    /// A row of the table's window.
    Row(usize),
    /// The box before it.
    Gutter(usize),
    /// A column's header.
    Header(Column),
    /// The box in the header.
    HeaderBox,
    /// The scroll bar, at so many thousandths.
    Scrollbar(u16),
    /// An account.
    Account(AccountId),
    /// The sign that folds it.
    Fold(AccountId),
    /// A hint of the footer.
    Action(Action),
    /// A line of the top overlay's list.
    Item(usize),
    /// A key the top overlay offers.
    Button(Key),
    /// A tab of the result.
    Tab(usize),
    /// A condition above the table, to be taken away.
    Chip(usize),
    /// A suggestion for the line that is typed in.
    Offered(usize),
    /// A cell of the builder: its line and which.
    Cell(usize, Cell),
    /// A tool of the builder.
    Tool(char),
    /// The builder's text.
    Text,
    /// A field of the cap editor, and which of its possibilities.
    Level(usize, usize),
    /// A field of a form, and which of its possibilities.
    Field(usize, Option<usize>),
    /// Beside the top overlay.
    Outside,
    /// Nothing that does anything.
    Nothing,
}

/// Looks what is at a place.
pub fn at(model: &Model, x: u16, y: u16) -> Hit {
    if layout::too_small(model) {
        return Hit::Nothing;
    }
    let at = Position::new(x, y);
    if let Some((area, line)) = typing::suggestion_area(model)
        && area.contains(at)
    {
        let inside = at.y > area.y && at.y + 1 < area.bottom();
        let index = line.first_offered() + usize::from(at.y.saturating_sub(area.y + 1));
        return if inside && index < line.offered.len() { Hit::Offered(index) } else { Hit::Nothing };
    }
    if !model.overlays.is_empty() {
        return over(model, at);
    }
    if layout::news(model).is_some_and(|(rect, _)| rect.contains(at)) {
        return Hit::Action(Action::Alerts);
    }
    let areas = layout::areas(model);
    let inside = |rect: Rect| rect.contains(at);
    if inside(areas.footer) {
        let hints = layout::footer(model);
        return hints
            .iter()
            .find(|(rect, ..)| rect.contains(at))
            .map_or(Hit::Nothing, |(.., action)| Hit::Action(*action));
    }
    if inside(areas.tree_lines) {
        return account(model, areas.tree_lines, at);
    }
    if model.page.is_some() {
        return on_page(model, at);
    }
    in_table(model, &areas, at)
}

/// A tab of an account's page, or one of its lines.
fn on_page(model: &Model, at: Position) -> Hit {
    let (Some(page), Some(parts)) = (&model.page, managed::parts(model)) else { return Hit::Nothing };
    let tabs = Rect { x: parts.tabs.x - 1, width: parts.tabs.width + 2, ..parts.tabs };
    if parts.tabs.contains(at) {
        return of_pages::<Tab>(tabs, at);
    }
    let line = parts.first + usize::from(at.y.saturating_sub(parts.list.y));
    if parts.list.contains(at) && line < page.lines() { Hit::Item(line) } else { Hit::Nothing }
}

fn in_table(model: &Model, areas: &Areas, at: Position) -> Hit {
    let inside = |rect: Rect| rect.contains(at);
    if inside(areas.chips) {
        let chip = chips::chips(model).into_iter().find(|chip| chip.area.contains(at));
        return match chip {
            None => Hit::Nothing,
            // Its sign takes it away; the rest of it opens the builder.
            Some(chip) if at.x + 3 >= chip.area.right() => {
                chip.part.map_or(Hit::Action(Action::FilterBuilder), Hit::Chip)
            }
            Some(_) => Hit::Action(Action::FilterBuilder),
        };
    }
    if inside(areas.heading) {
        return if model.search.is_some() { Hit::Nothing } else { Hit::Action(Action::Search) };
    }
    if inside(areas.header) {
        if at.x < areas.header.x + GUTTER {
            return Hit::HeaderBox;
        }
        let columns = layout::columns(model, areas.header);
        return columns
            .iter()
            .find(|(_, rect)| rect.contains(at))
            .map_or(Hit::Nothing, |(c, _)| Hit::Header(c.by));
    }
    if inside(areas.scrollbar) {
        return Hit::Scrollbar(
            u32::from(at.y - areas.scrollbar.y)
                .saturating_mul(1000)
                .checked_div(u32::from(areas.scrollbar.height.max(2) - 1))
                .unwrap_or(0)
                .min(1000) as u16,
        );
    }
    if inside(areas.rows) {
        let index = model.table.top + usize::from(at.y - areas.rows.y);
        return match index < model.table.rows.len() {
            true if at.x < areas.rows.x + GUTTER => Hit::Gutter(index),
            true => Hit::Row(index),
            false => Hit::Nothing,
        };
    }
    Hit::Nothing
}

fn account(model: &Model, area: Rect, at: Position) -> Hit {
    let line = model.tree.top + usize::from(at.y - area.y);
    let Some(place) = model.tree.lines().get(line) else { return Hit::Nothing };
    let account = &model.accounts.all()[*place];
    let sign = area.x + account.depth * 2;
    if model.accounts.subtree(account.id).len() > 1 && (sign..sign + 2).contains(&at.x) {
        Hit::Fold(account.id)
    } else {
        Hit::Account(account.id)
    }
}

fn over(model: &Model, at: Position) -> Hit {
    let Some(dialog) = layout::dialog(model) else { return Hit::Nothing };
    if !dialog.area.contains(at) {
        return Hit::Outside;
    }
    if let Some((_, key, _)) = layout::buttons(model).iter().find(|(rect, ..)| rect.contains(at)) {
        return Hit::Button(*key);
    }
    if let Some(Overlay::Builder(builder)) = model.overlays.last() {
        return of_builder(builder, dialog.inner, at);
    }
    if let Some(Overlay::Levels(pane)) = model.overlays.last() {
        return of_levels(pane, dialog.inner, at);
    }
    if let Some(Overlay::Form(form)) = model.overlays.last() {
        return of_form(form, dialog.inner, at);
    }
    if let Some(Overlay::Alerts(pane)) = model.overlays.last()
        && let Some(watched) = layout::alerts::lines(pane, dialog.inner).watched_at(at.y)
    {
        return Hit::Tab(watched);
    }
    match model.overlays.last() {
        Some(Overlay::Sim(_)) => return of_pages::<Page>(dialog.inner, at),
        Some(Overlay::Spending(_)) => return of_pages::<By>(dialog.inner, at),
        Some(Overlay::Support(_)) => return of_pages::<About>(dialog.inner, at),
        _ => {}
    }
    if let Some(Overlay::Result(result)) = model.overlays.last()
        && let Some((_, index)) = tabs(result, dialog.inner).iter().find(|(rect, _)| rect.contains(at))
    {
        return Hit::Tab(*index);
    }
    if dialog.list.contains(at) {
        let line = dialog.first + usize::from(at.y - dialog.list.y);
        let lines = match model.overlays.last() {
            Some(Overlay::Choose(chooser)) => chooser.shown.len(),
            Some(Overlay::Result(result)) => result.items.len(),
            Some(Overlay::History(history)) => history.entries.len(),
            Some(Overlay::Columns(pane)) => pane.lines().len(),
            Some(Overlay::Saved(pane)) => pane.len(),
            Some(Overlay::Numbers(pane)) => pane.visible_numbers().len(),
            Some(Overlay::Alerts(pane)) => pane.events.as_ref().map_or(0, Vec::len),
            _ => 0,
        };
        return if line < lines { Hit::Item(line) } else { Hit::Nothing };
    }
    Hit::Nothing
}

fn of_pages<P: pages::Page>(inner: Rect, at: Position) -> Hit {
    let tab = layout::tabs::<P>(inner).iter().position(|(rect, _)| rect.contains(at));
    tab.map_or(Hit::Nothing, Hit::Tab)
}

fn of_levels(pane: &LevelsPane, inner: Rect, at: Position) -> Hit {
    let which = |places: &[(Rect, String, bool)]| places.iter().position(|(rect, ..)| rect.contains(at));
    let found = match levels::lines(pane, inner).find(at.y) {
        Some((0, _)) => Some((0, 0)),
        Some((1, below)) => Some((1, usize::from(below))),
        Some((2, _)) => which(&levels::hardness(pane, inner)).map(|which| (2, which)),
        Some((line, _)) => which(&levels::holding(pane, inner)).map(|which| (line, which)),
        None => None,
    };
    found.map_or(Hit::Nothing, |(line, which)| Hit::Level(line, which))
}

fn of_form(open: &Form, inner: Rect, at: Position) -> Hit {
    let places = form::places(open, inner);
    let Some(line) = places.iter().position(|rect| rect.contains(at)) else { return Hit::Nothing };
    let which = match &open.fields[line].value {
        Value::Choice(chosen, all) => {
            let value = form::value(places[line], form::names(open));
            let places = form::choices(*chosen, all, value);
            let one = places.iter().position(|(rect, ..)| rect.contains(at));
            // Where only one is shown, a click shows the next.
            one.map(|one| if places.len() == all.len() { one } else { (chosen + 1) % all.len() })
        }
        _ => None,
    };
    Hit::Field(line, which)
}

fn of_builder(open: &Builder, inner: Rect, at: Position) -> Hit {
    let parts = builder::parts(inner);
    if let Some((_, letter, _)) =
        builder::tools(parts.tools).into_iter().find(|(rect, ..)| rect.contains(at))
    {
        return Hit::Tool(letter);
    }
    if parts.text.contains(at) {
        return Hit::Text;
    }
    let Some(placed) = builder::rows(open, parts.rows).into_iter().find(|p| p.area.contains(at)) else {
        return Hit::Nothing;
    };
    let cell =
        placed.cells.iter().find(|(_, rect)| rect.contains(at)).map_or(Cell::Field, |(cell, _)| *cell);
    Hit::Cell(placed.line, cell)
}

/// The tabs of a result, with their places.
pub fn tabs(result: &super::overlay::ResultPane, inner: Rect) -> Vec<(Rect, usize)> {
    let mut x = inner.x + 1;
    let place = |(index, tab): (usize, &Option<estate::Outcome>)| {
        let width = tab_text(result, *tab).width() as u16;
        let rect = Rect { x, y: inner.y + 1, width, height: 1 };
        x += width + 2;
        (rect, index)
    };
    result.tabs().iter().enumerate().map(place).collect()
}

/// What a tab says.
pub fn tab_text(result: &super::overlay::ResultPane, tab: Option<estate::Outcome>) -> String {
    let here = if tab == result.only { ("[", "]") } else { (" ", " ") };
    match tab {
        None => format!("{}all{}", here.0, here.1),
        Some(outcome) => {
            format!(
                "{}{} {}{}",
                here.0,
                estate::number::count(result.counts.get(outcome)),
                outcome.word(),
                here.1
            )
        }
    }
}
