//! What is under the mouse.

use estate::{AccountId, Column};
use ratatui::layout::{Position, Rect};
use unicode_width::UnicodeWidthStr;

use super::action::Action;
use super::layout::{self, GUTTER};
use super::model::Model;
use super::overlay::Overlay;
use super::term::Key;

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
    if !model.overlays.is_empty() {
        return over(model, at);
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
    if inside(areas.header) {
        if x < areas.header.x + GUTTER {
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
            u32::from(y - areas.scrollbar.y)
                .saturating_mul(1000)
                .checked_div(u32::from(areas.scrollbar.height.max(2) - 1))
                .unwrap_or(0)
                .min(1000) as u16,
        );
    }
    if inside(areas.rows) {
        let index = model.table.top + usize::from(y - areas.rows.y);
        return match index < model.table.rows.len() {
            true if x < areas.rows.x + GUTTER => Hit::Gutter(index),
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
            _ => 0,
        };
        return if line < lines { Hit::Item(line) } else { Hit::Nothing };
    }
    Hit::Nothing
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
                estate::units::count(result.counts.get(outcome)),
                outcome.word(),
                here.1
            )
        }
    }
}
