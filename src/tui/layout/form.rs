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

/// The lines of each field, with its name.
pub fn places(form: &Form, inner: Rect) -> Vec<Rect> {
    let texts = form.fields.iter().filter(|field| matches!(field.value, Value::Text(_))).count() as u16;
    let lines = form.fields.len() as u16 - texts;
    let room = inner.height.saturating_sub(1 + lines + FOOT).checked_div(texts).unwrap_or(0).max(1);
    let mut y = inner.y + 1;
    let place = |field: &Entry| {
        let tall = if matches!(field.value, Value::Text(_)) { room } else { 1 };
        let height = tall.min(inner.bottom().saturating_sub(y));
        let rect = Rect { x: inner.x + 1, y, width: inner.width.saturating_sub(2), height };
        y = (y + tall).min(inner.bottom());
        rect
    };
    form.fields.iter().map(place).collect()
}

/// Where its value is.
pub fn value(place: Rect, names: u16) -> Rect {
    let names = names.min(place.width);
    Rect { x: place.x + names, width: place.width - names, ..place }
}

/// The two lines for a hint or what is wrong.
pub fn hint(inner: Rect) -> Rect {
    let height = 2.min(inner.height);
    let y = inner.bottom().saturating_sub(3).max(inner.y);
    Rect { x: inner.x + 1, y, width: inner.width.saturating_sub(2), height }
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
