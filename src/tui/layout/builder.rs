//! Where the parts of the Filter Builder are, and where the suggestions for a line are shown.

use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use super::regions::middle;
use crate::tui::conditions::{Node, Path};
use crate::tui::overlay::builder::{Builder, Cell};

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
    let line = |at: u16| Rect {
        y: (rows.bottom() + at).min(inner.bottom().saturating_sub(1)),
        height: 1,
        ..inner
    };
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
            let mut cells =
                vec![(Cell::Field, cell(not, field)), (Cell::Verb, cell(not + field + 1, verb))];
            if row.verb.takes_value() {
                cells.push((Cell::Value, cell(not + field + verb + 2, u16::MAX / 2)));
            }
            cells
        }
        _ => vec![(Cell::Field, cell(0, u16::MAX / 2))],
    }
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

/// The text beside the rows, after its name.
pub fn text_area(line: Rect) -> Rect {
    Rect { x: line.x + 7, width: line.width.saturating_sub(8), ..line }
}
