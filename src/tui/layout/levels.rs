//! The lines of the cap editor.

use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use crate::tui::overlay::LevelsPane;

/// The width of the names of the fields.
pub const NAMES: u16 = 10;

/// Where there is room: cap, alert, hard cap, end of the cap, present values, ceiling.
const ROOMY: [u16; 6] = [1, 4, 8, 10, 12, 13];
/// The same without blank lines.
const TIGHT: [u16; 6] = [0, 2, 5, 6, 7, 8];
/// Lines of each field: the cap is echoed below itself, the alert has three possibilities.
const TALL: [u16; 4] = [2, 3, 1, 1];

/// The lines of the editor. The field under the cursor and the notice are always in sight.
#[derive(Debug, Clone, Copy)]
pub struct Lines {
    inner: Rect,
    rows: [u16; 6],
    /// Lines scrolled out at the top.
    first: u16,
    /// Lines left to the fields.
    room: u16,
    notice: u16,
    ceiling: Option<u16>,
}

/// Divides the inside of the editor; its last line has the buttons.
pub fn lines(pane: &LevelsPane, inner: Rect) -> Lines {
    let room = inner.height.saturating_sub(1);
    let rows = if room > ROOMY[5] { ROOMY } else { TIGHT };
    if room > rows[5] {
        let (notice, ceiling) = (rows[4], Some(rows[5]));
        return Lines { inner, rows, first: 0, room: notice, notice, ceiling };
    }
    let notice = room.saturating_sub(1);
    let line = pane.line.min(3);
    let first = (rows[line] + TALL[line]).saturating_sub(notice);
    Lines { inner, rows, first, room: notice, notice, ceiling: None }
}

impl Lines {
    fn at(&self, y: Option<u16>) -> Rect {
        let Some(y) = y.filter(|y| *y < self.inner.height) else {
            return Rect { height: 0, ..self.inner };
        };
        let (x, width) = (self.inner.x + 1, self.inner.width.saturating_sub(2));
        Rect { x, y: self.inner.y + y, width, height: 1 }
    }

    /// A line of a field; without height where it is scrolled out.
    pub fn field(&self, field: usize, below: u16) -> Rect {
        let y = (self.rows[field.min(3)] + below).checked_sub(self.first);
        self.at(y.filter(|y| *y < self.room))
    }

    /// The line for present values and faults.
    pub fn notice(&self) -> Rect {
        self.at(Some(self.notice))
    }

    /// The line for the ceiling, where there is room.
    pub fn ceiling(&self) -> Rect {
        self.at(self.ceiling)
    }

    /// The field and its line at a height of the screen.
    pub fn find(&self, y: u16) -> Option<(usize, u16)> {
        let all = (0..4).flat_map(|field| (0..TALL[field]).map(move |below| (field, below)));
        all.into_iter().find(|(field, below)| {
            let line = self.field(*field, *below);
            line.height > 0 && line.y == y
        })
    }
}

/// The possibilities of a cap's hardness: place, text, and whether it is chosen.
pub fn hardness(pane: &LevelsPane, inner: Rect) -> [(Rect, String, bool); 3] {
    in_a_row(pane.hardness(), lines(pane, inner).field(2, 0))
}

/// The possibilities of the end of a cap: place, text, and whether it is chosen.
pub fn holding(pane: &LevelsPane, inner: Rect) -> [(Rect, String, bool); 2] {
    in_a_row(pane.holding(), lines(pane, inner).field(3, 0))
}

/// Places choices beside each other; where they do not fit, only the chosen one has a place.
fn in_a_row<const N: usize>(choices: [(bool, &'static str); N], line: Rect) -> [(Rect, String, bool); N] {
    let needed: usize = choices.iter().map(|(_, text)| text.width() + 7).sum();
    let mut x = line.x + NAMES.min(line.width);
    let all = needed <= usize::from(line.right().saturating_sub(x)) + 3;
    choices.map(|(chosen, text)| {
        let text = format!("({}) {text}", if chosen { "x" } else { " " });
        let wanted = if all || chosen { text.width() as u16 } else { 0 };
        let width = wanted.min(line.right().saturating_sub(x));
        let place = Rect { x, width, ..line };
        x += if wanted > 0 { width + 3 } else { 0 };
        (place, text, chosen)
    })
}
