//! A form, painted.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::widgets::Widget;
use tui_input::Input;

use super::paint::{row, text, wrap};
use crate::tui::layout::{Dialog, form as places};
use crate::tui::overlay::form::{Entry, Form, Value};
use crate::tui::theme::Theme;

/// Paints it; returns where the cursor goes.
pub fn form(theme: &Theme, form: &Form, place: &Dialog, buffer: &mut Buffer) -> Option<Position> {
    let names = places::names(form);
    let mut cursor = None;
    for (at, (field, line)) in form.fields.iter().zip(places::places(form, place.inner)).enumerate() {
        if line.height == 0 {
            continue;
        }
        let here = at == form.line;
        let style = match (&field.barred, here) {
            (Some(_), _) => theme.quiet(),
            (None, true) => theme.title(),
            (None, false) => theme.text,
        };
        text(buffer, Rect { width: names.min(line.width), ..row(line, 0) }, field.name, style);
        cursor = value(theme, field, places::value(line, names), here, buffer).or(cursor);
    }
    foot(theme, form, places::hint(place.inner), buffer);
    cursor
}

fn value(theme: &Theme, field: &Entry, area: Rect, here: bool, buffer: &mut Buffer) -> Option<Position> {
    let open = field.barred.is_none();
    let style = if open { theme.text } else { theme.quiet() };
    match &field.value {
        Value::Choice(..) if !open => {
            text(buffer, area, field.barred.as_deref().unwrap_or_default(), style);
            None
        }
        Value::Choice(at, all) => {
            let mut cursor = None;
            for (place, said, chosen) in places::choices(*at, all, area) {
                text(buffer, place, &said, if chosen && here { theme.title() } else { style });
                if chosen && here {
                    cursor = Some(Position::new(place.x + 1, place.y));
                }
            }
            cursor
        }
        Value::Text(lines) => {
            let mut shown = lines.as_ref().clone();
            shown.set_style(style);
            shown.set_cursor_line_style(Style::new());
            shown.set_cursor_style(if here { theme.cursor() } else { Style::new() });
            shown.render(area, buffer);
            if open {
                buffer.set_style(area, Style::new().add_modifier(Modifier::UNDERLINED));
            }
            if field.text().is_empty() && !here {
                text(buffer, row(area, 0), field.ghost, theme.quiet());
            }
            None
        }
        Value::Line(input) | Value::Names(input, _) => line(theme, field, input, area, here, buffer),
    }
}

/// A line of text that can be edited, as much of it as fits around the cursor, and what could
/// follow it.
fn line(
    theme: &Theme,
    field: &Entry,
    input: &Input,
    area: Rect,
    here: bool,
    buffer: &mut Buffer,
) -> Option<Position> {
    if field.barred.is_some() {
        let said = if field.text().is_empty() { "-" } else { input.value() };
        text(buffer, area, said, theme.quiet());
        return None;
    }
    let gone = input.visual_scroll(usize::from(area.width.saturating_sub(1)));
    let shown: String = input.value().chars().skip(gone).collect();
    buffer.set_style(area, theme.text.add_modifier(Modifier::UNDERLINED));
    let end = text(buffer, area, &shown, theme.text.add_modifier(Modifier::BOLD | Modifier::UNDERLINED));
    if here && field.replaces {
        buffer.set_style(Rect { width: end - area.x, ..area }, theme.cursor());
    }
    let rest = Rect { x: end, width: area.right().saturating_sub(end), ..area };
    let ghost = if input.value().is_empty() { field.ghost } else { field.rest().unwrap_or_default() };
    if here || input.value().is_empty() {
        text(buffer, rest, ghost, theme.quiet().add_modifier(Modifier::UNDERLINED));
    }
    here.then(|| Position::new(area.x + (input.visual_cursor().saturating_sub(gone)) as u16, area.y))
}

/// What is wrong, or what to put into the field.
fn foot(theme: &Theme, form: &Form, area: Rect, buffer: &mut Buffer) {
    let field = form.fields.get(form.line);
    let (said, style) = match (&form.fault, field) {
        (Some(fault), _) => (fault.clone(), theme.bad),
        (None, Some(field)) => {
            let completes = field
                .completion()
                .map(|(name, _)| format!("{} completes: {name}", theme.glyph("→", ">")));
            (completes.unwrap_or_else(|| field.hint.clone()), theme.quiet())
        }
        (None, None) => return,
    };
    for (y, part) in wrap(&said, area.width).into_iter().take(usize::from(area.height)).enumerate() {
        text(buffer, row(area, y as u16), &part, style);
    }
}
