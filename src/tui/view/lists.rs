//! The column chooser, the saved filters, the numbers of a list, a file being written.

use estate::number::{count, sims};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Modifier;

use super::line;
use super::paint::{right, text};
use crate::tui::columns;
use crate::tui::layout::Dialog;
use crate::tui::model::Model;
use crate::tui::overlay::{ColumnsPane, NumbersPane, SavedPane};
use crate::tui::theme::Theme;

/// Paints the column chooser.
pub fn choose_columns(
    model: &Model,
    pane: &ColumnsPane,
    place: &Dialog,
    buffer: &mut Buffer,
) -> Option<Position> {
    let theme = &model.theme;
    let area = place.text();
    let head = Rect { height: 1, ..area };
    text(buffer, head, "    Column", theme.text.add_modifier(Modifier::BOLD));
    right(buffer, head, "pinned  width", theme.text.add_modifier(Modifier::BOLD));
    let lines = pane.lines();
    let mut cursor = None;
    for (y, (at, by)) in
        (place.list.y..place.list.bottom()).zip(lines.iter().enumerate().skip(place.first))
    {
        let row = Rect { y, height: 1, ..area };
        let shown = pane.columns.get(*by);
        let style = if shown.is_some() { theme.text } else { theme.quiet() };
        text(buffer, row, if shown.is_some() { "[x]" } else { "[ ]" }, style);
        let name = Rect { x: row.x + 4, width: row.width.saturating_sub(18), ..row };
        text(buffer, name, columns::of(*by).name, style);
        if let Some(shown) = shown {
            let width = shown.width.map_or_else(|| "auto".to_owned(), |w| w.to_string());
            let pinned = if shown.pinned { "pinned" } else { "" };
            right(buffer, row, &format!("{pinned:<6}  {width:>5}"), style);
        }
        if at == pane.cursor {
            buffer.set_style(Rect { x: row.x - 1, width: row.width + 2, ..row }, theme.cursor());
            cursor = Some(Position::new(row.x + 1, y));
        }
    }
    cursor
}

/// Paints the saved filters.
pub fn draw_saved(
    model: &Model,
    pane: &SavedPane,
    place: &Dialog,
    buffer: &mut Buffer,
) -> Option<Position> {
    let theme = &model.theme;
    let area = place.text();
    let bold = theme.text.add_modifier(Modifier::BOLD);
    let row = |y: u16| Rect { y, height: 1, ..area };
    let part = |row: Rect, x: u16, width: u16| Rect {
        x: row.x + x,
        width: width.min(row.width.saturating_sub(x)),
        ..row
    };
    let names = if area.width < 70 { 18 } else { 26 };
    for (x, title) in [(0, "Key"), (4, "Name"), (4 + names, "Keeps"), (13 + names, "Filter")] {
        text(buffer, part(row(area.y), x, 12), title, bold);
    }
    let mut cursor = None;
    for (y, at) in (place.list.y..place.list.bottom()).zip(place.first..pane.len()) {
        let Some(saved) = pane.get(at) else { break };
        let line_area = row(y);
        let digit = saved.digit.map_or_else(String::new, |d| format!(" {d}"));
        // A quick filter's digit may be taken by one of the person's own.
        let taken = at >= pane.own.len() && pane.own.iter().any(|s| s.digit == saved.digit);
        text(buffer, part(line_area, 0, 3), if taken { "" } else { &digit }, theme.title());
        let style =
            if at < pane.own.len() { theme.text.add_modifier(Modifier::BOLD) } else { theme.text };
        text(buffer, part(line_area, 4, names - 1), &saved.name, style);
        let keeps = match (at < pane.own.len(), saved.columns.is_empty()) {
            (false, _) => "shipped",
            (true, true) => "filter",
            (true, false) => "view",
        };
        text(buffer, part(line_area, 4 + names, 8), keeps, theme.quiet());
        let filter = part(line_area, 13 + names, u16::MAX);
        if saved.filter.is_empty() {
            text(buffer, filter, "every SIM", theme.quiet());
        }
        line::filter(theme, &shorten(&saved.filter), filter, 0, buffer);
        if at == pane.cursor {
            buffer.set_style(Rect { x: area.x - 1, width: area.width + 2, ..line_area }, theme.cursor());
            cursor = Some(Position::new(line_area.x, y));
        }
    }
    cursor
}

/// Lists are long; their beginning tells what they are.
fn shorten(filter: &str) -> String {
    filter.chars().take(200).collect()
}

/// Paints the numbers of a list.
pub fn numbers(
    theme: &Theme,
    pane: &NumbersPane,
    place: &Dialog,
    buffer: &mut Buffer,
) -> Option<Position> {
    let area = place.text();
    let row = |y: u16| Rect { y, height: 1, ..area };
    let tab = |here: bool, what: &str, n: usize| {
        let (open, close) = if here { ("[", "]") } else { (" ", " ") };
        format!("{open}{} {what}{close}", count(n as u64))
    };
    let missing = tab(!pane.shows_all, "missing", pane.missing.len());
    let x = text(buffer, row(area.y), &missing, if pane.shows_all { theme.text } else { theme.title() });
    let all = tab(pane.shows_all, "in the list", pane.all.len());
    let rest = Rect { x: x + 2, width: area.right().saturating_sub(x + 2), ..row(area.y) };
    text(buffer, rest, &all, if pane.shows_all { theme.title() } else { theme.text });
    let shown = pane.visible_numbers();
    if shown.is_empty() {
        text(buffer, row(place.list.y), "Every number of the list fits a SIM you see.", theme.good);
    }
    for (y, (at, number)) in
        (place.list.y..place.list.bottom()).zip(shown.iter().enumerate().skip(place.first))
    {
        text(buffer, row(y), &estate::text::clean(number), theme.text);
        if at == pane.cursor {
            buffer.set_style(row(y), theme.cursor());
        }
    }
    None
}

/// Paints how far a file is.
pub fn writing(model: &Model, place: &Dialog, buffer: &mut Buffer) -> Option<Position> {
    let theme = &model.theme;
    let writing = model.export.writing.as_ref()?;
    let area = place.text();
    let line = |y: u16| Rect { y: area.y + y, height: 1, ..area };
    let said = if writing.stopping { "stopping …" } else { "written so far:" };
    text(buffer, line(1), said, theme.text);
    let wide = u64::from(area.width);
    let done = (wide * writing.done).checked_div(writing.total.unwrap_or(0)).unwrap_or(0).min(wide);
    let bar: String =
        (0..wide).map(|i| if i < done { theme.glyph("█", "#") } else { theme.glyph("░", ".") }).collect();
    text(buffer, line(2), &bar, theme.accent);
    let total = writing.total.map_or_else(String::new, |n| format!(" of {}", sims(n)));
    text(buffer, line(3), &format!("{}{total}", count(writing.done)), theme.text);
    None
}
