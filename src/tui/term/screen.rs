//! Frames out: only what changed, in one write, and scrolled by the terminal itself where that is
//! less.

use std::io::{self, Write};

use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

/// Rows that moved as one: the terminal can shift them itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scroll {
    /// The first row of the region.
    pub top: u16,
    /// The row after its last.
    pub bottom: u16,
    /// How many rows the content went up (or down, below zero).
    pub rows: i32,
}

/// What is on the terminal, and the bytes that make it so.
pub struct Screen {
    shown: Option<Buffer>,
    cursor: Option<Position>,
}

impl Default for Screen {
    fn default() -> Self {
        Self::new()
    }
}

impl Screen {
    /// A screen that knows nothing of the terminal yet.
    pub fn new() -> Self {
        // NO_COLOR is answered by the mono theme; crossterm's own way makes reverse vanish.
        crossterm::style::force_color_output(true);
        Self { shown: None, cursor: None }
    }

    /// Forgets what is on the terminal: the next frame is drawn whole.
    pub fn forget(&mut self) {
        self.shown = None;
    }

    /// The bytes that turn what is shown into `next`; none when nothing changed.
    pub fn frame(
        &mut self,
        next: &Buffer,
        cursor: Option<Position>,
        scroll: Option<Scroll>,
    ) -> io::Result<Vec<u8>> {
        let mut out = b"\x1b[?2026h".to_vec();
        let (mut shown, whole) = match self.shown.take() {
            Some(shown) if shown.area == next.area => (shown, false),
            _ => (Buffer::empty(next.area), true),
        };
        if whole {
            out.extend_from_slice(b"\x1b[m\x1b[2J");
        }
        let moved = shift(&mut shown, next, scroll, &mut out)?;
        let changed = shown.diff(next);
        if changed.is_empty() && !whole && !moved && self.cursor == cursor {
            self.shown = Some(shown);
            return Ok(Vec::new());
        }
        if !changed.is_empty() {
            CrosstermBackend::new(&mut out).draw(changed.into_iter())?;
        }
        match cursor {
            Some(at) => {
                let show = if self.cursor.is_some() && !whole { "" } else { "\x1b[?25h" };
                write!(out, "\x1b[{};{}H{show}", at.y + 1, at.x + 1)?;
            }
            None if self.cursor.is_some() || whole => out.extend_from_slice(b"\x1b[?25l"),
            None => {}
        }
        out.extend_from_slice(b"\x1b[?2026l");
        self.cursor = cursor;
        self.shown = Some(next.clone());
        Ok(out)
    }
}

/// Lets the terminal move rows (DECSTBM with SU or SD) when that leaves fewer cells to draw.
fn shift(
    shown: &mut Buffer,
    next: &Buffer,
    scroll: Option<Scroll>,
    out: &mut Vec<u8>,
) -> io::Result<bool> {
    let Some(scroll) = scroll else { return Ok(false) };
    let (height, by) = (u32::from(scroll.bottom.saturating_sub(scroll.top)), scroll.rows.unsigned_abs());
    if by == 0 || by >= height || scroll.bottom > shown.area.height {
        return Ok(false);
    }
    let width = usize::from(shown.area.width);
    let mut moved = shown.clone();
    let region = &mut moved.content[usize::from(scroll.top) * width..usize::from(scroll.bottom) * width];
    let cells = by as usize * width;
    let blank = if scroll.rows > 0 {
        region.rotate_left(cells);
        let keep = region.len() - cells;
        &mut region[keep..]
    } else {
        region.rotate_right(cells);
        &mut region[..cells]
    };
    blank.fill(ratatui::buffer::Cell::EMPTY);
    if moved.diff(next).len() + 8 >= shown.diff(next).len() {
        return Ok(false);
    }
    let direction = if scroll.rows > 0 { 'S' } else { 'T' };
    write!(out, "\x1b[m\x1b[{};{}r\x1b[{by}{direction}\x1b[r", scroll.top + 1, scroll.bottom)?;
    *shown = moved;
    Ok(true)
}

/// The whole of a terminal of that size.
pub fn area(columns: u16, rows: u16) -> Rect {
    Rect::new(0, 0, columns, rows)
}

#[cfg(test)]
mod tests {
    use ratatui::style::Style;

    use super::*;

    fn filled(lines: &[&str]) -> Buffer {
        let mut buffer = Buffer::empty(area(20, lines.len() as u16));
        for (y, line) in (0..).zip(lines) {
            buffer.set_string(0, y, line, Style::new());
        }
        buffer
    }

    fn size(n: u16) -> std::num::NonZero<u16> {
        std::num::NonZero::new(n).expect("not zero")
    }

    /// What a terminal shows after the frames.
    fn terminal(frames: &[Vec<u8>]) -> String {
        let mut parser = vt100::Parser::new(size(6), size(20), 0);
        for bytes in frames {
            parser.process(bytes);
        }
        let contents = parser.screen().contents();
        contents.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn nothing_new_is_no_bytes() {
        let mut screen = Screen::new();
        let frame = filled(&["a", "b"]);
        assert!(!screen.frame(&frame, None, None).expect("frame").is_empty());
        assert_eq!(screen.frame(&frame, None, None).expect("frame"), b"");
    }

    #[test]
    fn a_scroll_costs_little_and_shows_the_same() {
        let lines = [
            "head",
            "row one is here now",
            "row two is here now",
            "row three is long",
            "row four is longer",
            "foot",
        ];
        let after = [
            "head",
            "row two is here now",
            "row three is long",
            "row four is longer",
            "row five is longest",
            "foot",
        ];
        let scroll = Scroll { top: 1, bottom: 5, rows: 1 };
        for hint in [None, Some(scroll)] {
            let mut screen = Screen::new();
            let first = screen.frame(&filled(&lines), None, None).expect("frame");
            let second = screen.frame(&filled(&after), None, hint).expect("frame");
            let back = screen
                .frame(&filled(&lines), None, hint.map(|s| Scroll { rows: -1, ..s }))
                .expect("frame");
            if hint.is_some() {
                assert!(second.len() < 110 && back.len() < 110, "{} {}", second.len(), back.len());
            }
            assert_eq!(terminal(&[first.clone(), second.clone()]), after.join("\n"));
            assert_eq!(terminal(&[first, second, back]), lines.join("\n"));
        }
    }
}
