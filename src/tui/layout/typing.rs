//! The line that is typed in, and its suggestions.

use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use super::builder::{parts, rows, text_area};
use super::dialog::dialog;
use super::regions::areas;
use crate::tui::model::Model;
use crate::tui::overlay::Overlay;
use crate::tui::overlay::builder::{Cell, Focus};
use crate::tui::overlay::line::{Line, SHOWN};

/// The place below the cell under the cursor: a list opens there.
pub fn anchor_of_cell(model: &Model) -> Option<(u16, u16)> {
    let Some(Overlay::Builder(open)) = model.overlays.last() else { return None };
    let placed =
        rows(open, parts(dialog(model)?.inner).rows).into_iter().find(|p| p.line == open.line)?;
    let (_, area) = placed.cells.iter().find(|(cell, _)| *cell == open.cell)?;
    Some((area.x.saturating_sub(2), area.y))
}

/// Where a line is typed: its text begins there.
pub struct Typing<'a> {
    /// The line.
    pub line: &'a Line,
    /// Where it is shown.
    pub area: Rect,
}

/// The line that is typed in now, if there is one.
pub fn typing(model: &Model) -> Option<Typing<'_>> {
    match model.overlays.last() {
        Some(Overlay::Builder(builder)) => {
            let parts = parts(dialog(model)?.inner);
            if let Some(edit) = &builder.edit {
                let placed = rows(builder, parts.rows).into_iter().find(|p| p.line == builder.line)?;
                let (_, area) = placed.cells.into_iter().find(|(cell, _)| *cell == Cell::Value)?;
                return Some(Typing { line: edit, area });
            }
            let area = text_area(parts.text);
            (builder.focus == Focus::Text).then_some(Typing { line: &builder.text, area })
        }
        Some(_) => None,
        None => {
            let line = &model.search.as_ref()?.line;
            let heading = areas(model).heading;
            Some(Typing {
                line,
                area: Rect { x: heading.x + 3, width: heading.width.saturating_sub(4), ..heading },
            })
        }
    }
}

/// How much of a line's text is scrolled out at the left.
pub fn scroll(line: &Line, area: Rect) -> usize {
    line.input.visual_scroll(usize::from(area.width.saturating_sub(1)))
}

/// The column of a character of a line.
pub fn column(line: &Line, area: Rect, at: usize) -> u16 {
    let before: String = line.text().chars().take(at).collect();
    let x = before.width().saturating_sub(scroll(line, area)) as u16;
    (area.x + x).min(area.right().saturating_sub(1))
}

/// Where the suggestions are shown: below the line, or above it where there is more room.
pub fn suggestion_area(model: &Model) -> Option<(Rect, &Line)> {
    let Typing { line, area } = typing(model)?;
    if line.offered.is_empty() {
        return None;
    }
    let screen = Rect::new(0, 0, model.size.0, model.size.1);
    let height = (line.offered.len().min(SHOWN) as u16) + 2;
    let wide = |s: &estate::filter::suggest::Suggestion| s.label.width() + s.note.width() + 6;
    let width = line.offered.iter().map(wide).max().unwrap_or(20) as u16;
    let width = width.clamp(24, 70).min(screen.width);
    let x = column(line, area, line.anchor()).saturating_sub(2).min(screen.width - width);
    let below = screen.height.saturating_sub(area.y + 1);
    let (y, height) = if below >= height || below >= area.y {
        (area.y + 1, height.min(below))
    } else {
        let height = height.min(area.y);
        (area.y - height, height)
    };
    Some((Rect { x, y, width, height }, line))
}
