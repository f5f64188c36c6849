//! The model, painted. Changes nothing.

mod alerts;
mod builder;
mod chart;
mod confirm;
mod details;
mod dialog;
mod form;
mod levels;
mod line;
mod lists;
mod managed;
mod paint;
mod panes;
mod sim;
mod spending;
mod status;
pub mod support;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::layout;
use super::model::Model;
use super::term::screen::Scroll;

/// A painted frame.
#[derive(Debug)]
pub struct Frame {
    /// The cells.
    pub buffer: Buffer,
    /// Where the terminal's own cursor goes: it tells screen readers what has the focus.
    pub cursor: Option<Position>,
}

/// Paints the model.
pub fn frame(model: &Model) -> Frame {
    let mut buffer = Buffer::empty(Rect::new(0, 0, model.size.0, model.size.1));
    if layout::too_small(model) {
        paint::too_small(&mut buffer);
        return Frame { buffer, cursor: None };
    }
    let areas = layout::areas(model);
    status::banner(model, areas.banner, &mut buffer);
    panes::tree(model, &areas, &mut buffer);
    if model.page.is_some() {
        managed::draw_managed(model, &mut buffer);
    } else {
        panes::table(model, &areas, &mut buffer);
        details::details(model, areas.details, &mut buffer);
    }
    status::status(model, areas.status, &mut buffer);
    status::footer(model, &mut buffer);
    status::which_key(model, &areas, &mut buffer);
    let on_page = model.page.is_some() && model.focus == super::keymap::Pane::Table;
    let mut cursor = if on_page { managed::cursor(model) } else { panes::cursor(model, &areas) };
    if let Some(place) = layout::dialog(model) {
        cursor = dialog::dialog(model, &place, &mut buffer);
    }
    line::suggestions(model, &mut buffer);
    status::toast(model, &areas, &mut buffer);
    if model.theme.ascii {
        paint::to_ascii(&mut buffer);
    }
    let cursor = cursor.filter(|at| buffer.area.contains(*at));
    Frame { buffer, cursor }
}

/// Tells by how much the table's rows moved since `before`, so that the terminal can move them
/// itself.
pub fn scroll_since(model: &Model, before: &mut Option<(i64, Rect)>) -> Option<Scroll> {
    let rows = layout::areas(model).rows;
    let now = (model.table.first_shown(), rows);
    let last = before.replace(now)?;
    let by = i32::try_from(now.0 - last.0).ok()?;
    (last.1 == rows && by != 0).then_some(Scroll { top: rows.y, bottom: rows.bottom(), rows: by })
}
