//! Where the fields of a form are.

use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use crate::tui::overlay::form::{Entry, Form, Value};

/// Lines below the fields: a blank one, two for a hint or what is wrong, and the buttons.
const FOOT: u16 = 4;
/// How tall a text is where there is room.
const TEXT: u16 = 8;

/// The rows it needs, with its frame.
pub fn height(form: &Form) -> u16 {
    let tall = |field: &Entry| if matches!(field.value, Value::Text(_)) { TEXT } else { 1 };
    form.fields.iter().map(tall).sum::<u16>() + FOOT + 3
}

/// The width of the names.
pub fn names(form: &Form) -> u16 {
    form.fields.iter().map(|field| field.name.width() as u16).max().unwrap_or(0) + 2
}

/// The lines of each field, with its name. Where there is no room for all, those around the one
/// under the cursor.
pub fn places(form: &Form, inner: Rect) -> Vec<Rect> {
    let is_text = |field: &Entry| matches!(field.value, Value::Text(_));
    let texts = form.fields.iter().filter(|field| is_text(field)).count() as u16;
    let lines = form.fields.len() as u16 - texts;
    let above = u16::from(inner.height > lines + texts + FOOT);
    let room = inner.height.saturating_sub(above + foot(inner));
    let tall = room.saturating_sub(lines).checked_div(texts).unwrap_or(0).max(1);
    let height = |field: &Entry| if is_text(field) { tall } else { 1 };
    // Fields above that have no place push those around the cursor up.
    let upto: u16 = form.fields.iter().take(form.line + 1).map(height).sum();
    let mut hidden = upto.saturating_sub(room);
    let (top, end) = (inner.y + above, inner.y + above + room);
    let mut y = top;
    let place = |field: &Entry| {
        let tall = height(field);
        let gone = hidden.min(tall);
        hidden -= gone;
        let height = (tall - gone).min(end.saturating_sub(y));
        let rect = Rect { x: inner.x + 1, y, width: inner.width.saturating_sub(2), height };
        y += height;
        rect
    };
    form.fields.iter().map(place).collect()
}

/// The lines below the fields: where there is little room, the hint has one line and nothing is
/// blank.
fn foot(inner: Rect) -> u16 {
    if inner.height < 12 { 2 } else { FOOT }
}

/// Where its value is.
pub fn value(place: Rect, names: u16) -> Rect {
    let names = names.min(place.width);
    Rect { x: place.x + names, width: place.width - names, ..place }
}

/// The lines for a hint or what is wrong.
pub fn hint(inner: Rect) -> Rect {
    let height = if foot(inner) == FOOT { 2 } else { 1 };
    let y = inner.bottom().saturating_sub(height + 1).max(inner.y);
    Rect { x: inner.x + 1, y, width: inner.width.saturating_sub(2), height: height.min(inner.height) }
}

/// The possibilities of a choice, beside each other: where, in words, and whether it is the one.
pub fn choices(at: usize, all: &[String], line: Rect) -> Vec<(Rect, String, bool)> {
    let width: usize = all.iter().map(|one| one.width() + 7).sum();
    if width > usize::from(line.width) + 3 {
        // Too many to stand beside each other: the one that is chosen, and that there are others.
        let said = all.get(at).map(|one| format!("< {one} >  {} of {}", at + 1, all.len()));
        return said.into_iter().map(|said| (line, said, true)).collect();
    }
    let mut x = line.x;
    let place = |(index, one): (usize, &String)| {
        let said = format!("({}) {one}", if index == at { "x" } else { " " });
        let width = (said.width() as u16).min(line.right().saturating_sub(x));
        let rect = Rect { x, width, ..line };
        x = (x + width + 3).min(line.right());
        (rect, said, index == at)
    };
    all.iter().enumerate().map(place).collect()
}
