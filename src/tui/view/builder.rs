//! The Filter Builder, painted.

use estate::number::{count, sims};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Modifier;
use unicode_width::UnicodeWidthStr;

use super::line;
use super::paint::{cut, text};
use crate::tui::conditions::{Node, Row};
use crate::tui::layout::Dialog;
use crate::tui::layout::builder::{Placed, parts, rows, text_area, tools};
use crate::tui::model::Model;
use crate::tui::overlay::Builder;
use crate::tui::overlay::builder::{Cell, Focus};

/// Paints it; returns where the cursor goes.
pub fn builder(model: &Model, open: &Builder, place: &Dialog, buffer: &mut Buffer) -> Option<Position> {
    let theme = &model.theme;
    let parts = parts(place.inner);
    let mut cursor = None;
    for placed in rows(open, parts.rows) {
        let here = open.focus == Focus::Rows && placed.line == open.line;
        let at = part(model, open, &placed, here, buffer);
        cursor = cursor.or(at);
    }
    let rule: String = (0..parts.rule.width).map(|_| theme.glyph("─", "-")).collect();
    text(buffer, parts.rule, &rule, theme.border);
    let label = if open.focus == Focus::Text { theme.title() } else { theme.text };
    text(buffer, Rect { x: parts.text.x + 1, width: 5, ..parts.text }, "Text", label);
    let area = text_area(parts.text);
    if open.focus == Focus::Text {
        cursor = Some(line::line(theme, &open.text, area, buffer));
    } else if open.text.text().is_empty() {
        text(buffer, area, "every SIM", theme.quiet());
    } else {
        line::filter(theme, open.text.text(), area, 0, buffer);
    }
    if open.text.fault.is_some() {
        line::fault(
            theme,
            &open.text,
            area,
            Rect { width: parts.mark.width.saturating_sub(1), ..parts.mark },
            buffer,
        );
    } else {
        let hint = match (open.focus, &open.edit) {
            (Focus::Text, _) => "Tab completes · Enter applies · Shift+Tab to the conditions",
            (Focus::Rows, Some(_)) => "several values between commas · Enter takes it",
            (Focus::Rows, None) => "Enter changes what is under the cursor · Tab to the text",
        };
        text(buffer, Rect { x: area.x, width: area.width, ..parts.mark }, hint, theme.quiet());
    }
    draw_count(model, open, parts.count, buffer);
    for (rect, letter, word) in tools(parts.tools) {
        let x = text(buffer, rect, &letter.to_string(), theme.title());
        text(
            buffer,
            Rect { x: x + 1, width: rect.right().saturating_sub(x + 1), ..rect },
            word,
            theme.text,
        );
    }
    cursor
}

fn draw_count(model: &Model, open: &Builder, area: Rect, buffer: &mut Buffer) {
    let theme = &model.theme;
    let name = model.accounts.get(model.query.under).map_or("", |a| a.name.as_str());
    let place = if model.query.deep { format!("in {name} and below") } else { format!("in {name} only") };
    let (said, style) = match (&open.fault, open.count, open.readable) {
        (_, _, false) => ("a condition cannot be read yet".to_owned(), theme.bad),
        (Some(fault), ..) => (fault.clone(), theme.bad),
        (None, Some(1), _) => (format!("1 SIM matches, {place}"), theme.title()),
        (None, Some(n), _) => (format!("{} match, {place}", sims(n)), theme.title()),
        (None, None, _) => ("counting …".to_owned(), theme.quiet()),
    };
    text(buffer, Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area }, &said, style);
}

fn part(
    model: &Model,
    open: &Builder,
    placed: &Placed,
    here: bool,
    buffer: &mut Buffer,
) -> Option<Position> {
    match open.whole.get(&placed.path) {
        Some(Node::Row(row)) => condition(model, open, row, placed, here, buffer),
        Some(Node::Group(group)) => {
            head(model, group.any, group.negated, group.nodes.len(), placed, here, buffer)
        }
        None => {
            head(model, open.whole.any, open.whole.negated, open.whole.nodes.len(), placed, here, buffer)
        }
    }
}

fn head(
    model: &Model,
    any: bool,
    negated: bool,
    parts: usize,
    placed: &Placed,
    here: bool,
    buffer: &mut Buffer,
) -> Option<Position> {
    let theme = &model.theme;
    let (_, area) = placed.cells.first()?;
    let said = match (negated, any) {
        (false, false) => "All of these hold",
        (false, true) => "Any of these holds",
        (true, false) => "Not all of these hold",
        (true, true) => "None of these holds",
    };
    let empty = if parts == 0 { "  (nothing yet: a adds a condition)" } else { "" };
    let end = text(buffer, *area, said, theme.text.add_modifier(Modifier::BOLD));
    text(buffer, Rect { x: end, width: area.right().saturating_sub(end), ..*area }, empty, theme.quiet());
    if here {
        buffer.set_style(Rect { width: said.width() as u16, ..*area }, theme.cursor());
        return Some(Position::new(area.x, area.y));
    }
    None
}

fn condition(
    model: &Model,
    open: &Builder,
    row: &Row,
    placed: &Placed,
    here: bool,
    buffer: &mut Buffer,
) -> Option<Position> {
    let theme = &model.theme;
    let mut cursor = None;
    if row.negated {
        let (_, field) = placed.cells.first()?;
        text(
            buffer,
            Rect { x: field.x.saturating_sub(4), width: 3, ..*field },
            "not",
            theme.warn.add_modifier(Modifier::BOLD),
        );
    }
    let last = placed.cells.last().map(|(cell, _)| *cell);
    for (cell, area) in &placed.cells {
        let (said, style) = match cell {
            Cell::Field => (row.field.title().to_owned(), theme.accent),
            Cell::Verb => (row.verb.label(row.field).to_owned(), theme.text),
            Cell::Value if row.value.trim().is_empty() => ("which?".to_owned(), theme.quiet()),
            Cell::Value => (value(row, area.width), theme.good),
        };
        // A row without a value keeps the cursor on its comparison.
        let pointed = here && (*cell == open.cell || (Some(*cell) == last && open.cell > *cell));
        match &open.edit {
            Some(edit) if here && *cell == Cell::Value => {
                buffer.set_style(*area, theme.text.add_modifier(Modifier::UNDERLINED));
                cursor = Some(line::line(theme, edit, *area, buffer));
                plain(theme.text.add_modifier(Modifier::UNDERLINED), *area, buffer);
            }
            _ => {
                text(buffer, *area, &cut(&said, area.width), style);
                if pointed {
                    let width = (said.width() as u16).clamp(1, area.width.max(1));
                    buffer.set_style(Rect { width, ..*area }, theme.cursor());
                    cursor = Some(Position::new(area.x, area.y));
                }
            }
        }
    }
    if let Some(fault) = open.faults.get(&placed.path) {
        let area = placed.area;
        let x = placed.cells.last().map_or(area.x, |(_, rect)| rect.x);
        let below = Rect { x, y: area.y + 1, width: area.right().saturating_sub(x + 1), height: 1 };
        text(buffer, below, &format!("{} {fault}", theme.glyph("▲", "^")), theme.bad);
    }
    cursor
}

/// Values are no filter: they have one colour.
fn plain(style: ratatui::style::Style, area: Rect, buffer: &mut Buffer) {
    buffer.set_style(area, style.fg(style.fg.unwrap_or(ratatui::style::Color::Reset)));
}

/// A value, or how many there are of a long list.
fn value(row: &Row, room: u16) -> String {
    let n = row.value.split(',').count();
    if n > 4 && row.value.width() > usize::from(room) {
        let first = row.value.split(',').next().unwrap_or_default();
        return format!("{first} and {} more", count(n as u64 - 1));
    }
    row.value.clone()
}
