//! Where the parts of the Filter Builder are, and where the suggestions for a line are shown.

use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use super::{areas, dialog, middle};
use crate::tui::conditions::{Node, Path};
use crate::tui::model::Model;
use crate::tui::overlay::Overlay;
use crate::tui::overlay::builder::{Builder, Cell, Focus};
use crate::tui::overlay::line::{Line, SHOWN};

/// The lines below the rows: a rule, the text, its mark, the count, the tools, the buttons.
const BELOW: u16 = 6;
/// Columns of a row: the field and the comparison; the value takes the rest.
const FIELD: u16 = 15;
const VERB: u16 = 17;
/// A frame this narrow has shorter columns.
const NARROW: u16 = 56;

/// The tools of the builder: their letters and what they do.
pub const TOOLS: [(char, &str); 8] = [
    ('a', "add"),
    ('A', "group"),
    ('n', "not"),
    ('o', "and/or"),
    ('d', "copy"),
    ('x', "remove"),
    ('K', "up"),
    ('J', "down"),
];

/// The builder's frame: as wide as is comfortable to read.
pub fn frame(builder: &Builder, screen: Rect) -> Rect {
    let lines = builder.whole.lines();
    let seen = lines.iter().take(usize::from(screen.height)).map(|path| height(builder, path));
    let tall = seen.fold(1u16, u16::saturating_add).clamp(8, screen.height.max(8)) + BELOW + 2;
    middle(screen, 104, tall.min(screen.height.saturating_sub(2)))
}

/// The parts of the builder.
#[derive(Debug, Clone, Copy, Default)]
#[expect(missing_docs, reason = "each is the place of the part it is named after")]
pub struct Parts {
    pub rows: Rect,
    pub rule: Rect,
    pub text: Rect,
    pub mark: Rect,
    pub count: Rect,
    pub tools: Rect,
}

/// Divides the inside of the frame.
pub fn parts(inner: Rect) -> Parts {
    let rows = Rect { height: inner.height.saturating_sub(BELOW), ..inner };
    let line =
        |at: u16| Rect { y: (rows.bottom() + at).min(inner.bottom().saturating_sub(1)), height: 1, ..inner };
    Parts { rows, rule: line(0), text: line(1), mark: line(2), count: line(3), tools: line(4) }
}

/// A line of the builder with its cells.
#[derive(Debug)]
pub struct Placed {
    /// Which line.
    pub line: usize,
    /// The part it is about.
    pub path: Path,
    /// The whole line.
    pub area: Rect,
    /// Its cells; of a group only the first.
    pub cells: Vec<(Cell, Rect)>,
}

/// How many lines a part takes: one more for what is wrong with it.
fn height(builder: &Builder, path: &Path) -> u16 {
    if builder.faults.contains_key(path) { 2 } else { 1 }
}

/// The lines that are shown, with their places; the one under the cursor is among them.
pub fn rows(builder: &Builder, area: Rect) -> Vec<Placed> {
    let lines = builder.whole.lines();
    // Upwards from the one under the cursor, as far as there is room.
    let (mut first, mut used) = (builder.line.min(lines.len() - 1), 0u16);
    loop {
        used = used.saturating_add(height(builder, &lines[first]));
        if used > area.height && first < builder.line {
            first += 1;
            break;
        }
        if first == 0 || used >= area.height {
            break;
        }
        first -= 1;
    }
    let mut y = area.y;
    let mut placed = Vec::new();
    for (line, path) in lines.into_iter().enumerate().skip(first) {
        if y >= area.bottom() {
            break;
        }
        let whole = Rect { y, height: 1, ..area };
        let tall = height(builder, &path);
        placed.push(Placed { line, area: whole, cells: cells(builder, &path, whole), path });
        y += tall;
    }
    placed
}

fn cells(builder: &Builder, path: &Path, area: Rect) -> Vec<(Cell, Rect)> {
    let indent = 1 + 2 * (path.len() as u16).min(8);
    let x = area.x + indent;
    let cell = |at: u16, width: u16| {
        let x = (x + at).min(area.right());
        Rect { x, width: width.min(area.right().saturating_sub(x + 1)), ..area }
    };
    // A narrow frame leaves room for the value.
    let (field, verb) = if area.width < NARROW { (FIELD * 2 / 3, VERB / 2) } else { (FIELD, VERB) };
    match builder.whole.get(path) {
        Some(Node::Row(row)) => {
            // Room for the "not" of what is negated, so that all fields stand in one column.
            let not = 4;
            let mut cells = vec![(Cell::Field, cell(not, field)), (Cell::Verb, cell(not + field + 1, verb))];
            if row.verb.takes_value() {
                cells.push((Cell::Value, cell(not + field + verb + 2, u16::MAX / 2)));
            }
            cells
        }
        _ => vec![(Cell::Field, cell(0, u16::MAX / 2))],
    }
}

/// The place below the cell under the cursor: a list opens there.
pub fn pointed(model: &Model) -> Option<(u16, u16)> {
    let Some(Overlay::Builder(open)) = model.overlays.last() else { return None };
    let placed = rows(open, parts(dialog(model)?.inner).rows).into_iter().find(|p| p.line == open.line)?;
    let (_, area) = placed.cells.iter().find(|(cell, _)| *cell == open.cell)?;
    Some((area.x.saturating_sub(2), area.y))
}

/// The tools with their places.
pub fn tools(area: Rect) -> Vec<(Rect, char, &'static str)> {
    let mut x = area.x + 1;
    let place = |(letter, word): (char, &'static str)| {
        let width = 2 + word.width() as u16;
        let rect = Rect { x, width, ..area };
        x += width + 2;
        (rect, letter, word)
    };
    TOOLS.into_iter().map(place).filter(|(rect, ..)| rect.right() <= area.right()).collect()
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

/// The text beside the rows, after its name.
pub fn text_area(line: Rect) -> Rect {
    Rect { x: line.x + 7, width: line.width.saturating_sub(8), ..line }
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
pub fn offered(model: &Model) -> Option<(Rect, &Line)> {
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
