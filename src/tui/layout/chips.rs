//! The conditions of the filter above the table, each of which can be taken away.

use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use crate::tui::chips::{chip, parts};
use crate::tui::layout::regions::areas;
use crate::tui::model::Model;

/// The widest a chip is: several should have room, and one be read.
fn widest(line: Rect) -> usize {
    (usize::from(line.width) / 3).clamp(16, 40)
}

/// A chip with its place.
#[derive(Debug, PartialEq, Eq)]
pub struct Chip {
    /// Where it is, with its sign at the right end.
    pub area: Rect,
    /// Which part of the filter it is; `None` for those that had no room.
    pub part: Option<usize>,
    /// What it says.
    pub text: String,
}

/// The chips that have room, and how many have not.
pub fn chips(model: &Model) -> Vec<Chip> {
    let line = areas(model).chips;
    if line.height == 0 || model.search.is_some() {
        return Vec::new();
    }
    let parts = parts(&model.query.filter);
    let (mut x, mut placed) = (line.x + 1, Vec::new());
    for (at, part) in parts.iter().enumerate() {
        let text = shorten(&chip(part), widest(line));
        let width = text.width() as u16 + 4;
        let last = at + 1 == parts.len();
        // Room is kept to say that there are more.
        let end = line.right().saturating_sub(if last { 0 } else { 9 });
        if x + width > end && at > 0 {
            let text = format!("+{} more", parts.len() - at);
            let area = Rect { x, width: text.width() as u16, ..line };
            placed.push(Chip { area, part: None, text });
            break;
        }
        placed.push(Chip {
            area: Rect { x, width: width.min(line.right().saturating_sub(x)), ..line },
            part: Some(at),
            text,
        });
        x += width + 1;
    }
    placed
}

fn shorten(text: &str, widest: usize) -> String {
    if text.width() <= widest {
        return text.to_owned();
    }
    let head: String = text.chars().take(widest - 1).collect();
    format!("{head}…")
}
