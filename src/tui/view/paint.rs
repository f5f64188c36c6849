//! Small brushes: text cut to fit, at either end.

use estate::Status;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::symbols::border;
use ratatui::widgets::{Block, Clear, Widget};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::tui::layout;
use crate::tui::overlay::pages::{Page, Pages};
use crate::tui::theme::Theme;
pub use crate::tui::wrap::wrap;

/// Writes text into a rectangle's first line, cut at the end; returns the column after it. Parts
/// outside the screen are not drawn.
pub fn text(buffer: &mut Buffer, rect: Rect, text: &str, style: Style) -> u16 {
    let seen = rect.intersection(buffer.area);
    if seen.is_empty() || seen.y != rect.y {
        return rect.x;
    }
    let cut = cut(text, seen.width);
    buffer.set_stringn(seen.x, seen.y, &cut, usize::from(seen.width), style).0
}

/// Writes a short sign at a place, or nothing outside the screen.
pub fn sign(buffer: &mut Buffer, (x, y): (u16, u16), sign: &str, style: Style) {
    if buffer.area.contains(Position::new(x, y)) {
        buffer.set_string(x, y, sign, style);
    }
}

/// A line of an area, counted from its top; nothing where the area ends before it.
pub fn row(area: Rect, y: u16) -> Rect {
    Rect { y: area.y + y.min(area.height), height: u16::from(y < area.height), ..area }
}

/// Paints the tabs of pages; the open one stands in brackets.
pub fn tabs<P: Page>(theme: &Theme, pages: &Pages<P>, inner: Rect, buffer: &mut Buffer) {
    for (rect, page) in layout::tabs::<P>(inner) {
        let here = page == pages.open;
        let (open, close) = if here { ("[", "]") } else { (" ", " ") };
        let style = if here { theme.title() } else { theme.text };
        text(buffer, rect, &format!("{open}{}{close}", page.title()), style);
    }
}

/// Writes text at the right end of a rectangle.
pub fn right(buffer: &mut Buffer, rect: Rect, content: &str, style: Style) {
    let width = (content.width() as u16).min(rect.width);
    text(buffer, Rect { x: rect.right() - width, width, ..rect }, content, style);
}

/// Cuts text at the end, with a mark.
pub fn cut(text: &str, width: u16) -> String {
    let width = usize::from(width);
    if text.width() <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let w = c.width().unwrap_or(0);
        if used + w + 1 > width {
            break;
        }
        out.push(c);
        used += w;
    }
    if width > 0 {
        out.push('…');
    }
    out
}

/// Cuts text at the head: what tells identifiers and paths apart is their tail.
pub fn cut_head(text: &str, width: u16) -> String {
    let width = usize::from(width);
    if text.width() <= width {
        return text.to_owned();
    }
    let mut tail: Vec<char> = Vec::new();
    let mut used = 1;
    for c in text.chars().rev() {
        let w = c.width().unwrap_or(0);
        if used + w > width {
            break;
        }
        tail.push(c);
        used += w;
    }
    if width == 0 {
        String::new()
    } else {
        std::iter::once('…').chain(tail.into_iter().rev()).collect()
    }
}

/// Writes everything with ASCII alone: names lose their accents, what has no letter becomes a
/// question mark.
pub fn to_ascii(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        let symbol = cell.symbol();
        if symbol.is_ascii() {
            continue;
        }
        let folded = match symbol {
            "…" => "~".to_owned(),
            "·" => "-".to_owned(),
            "→" => ">".to_owned(),
            other if other.chars().all(char::is_uppercase) => estate::text::fold(other).to_uppercase(),
            other => estate::text::fold(other),
        };
        let plain = folded.chars().next().filter(char::is_ascii).unwrap_or('?');
        cell.set_char(plain);
    }
}

/// The only thing a very small screen says.
pub fn too_small(buffer: &mut Buffer) {
    let area = buffer.area;
    for (y, line) in (0..area.height).zip(["simdeck needs", "40 columns and", "10 rows"]) {
        text(buffer, Rect { y, height: 1, ..area }, line, Style::new());
    }
}

/// Lines written one below the other.
pub struct Lines<'a> {
    pub buffer: &'a mut Buffer,
    pub area: Rect,
    pub y: u16,
}

impl Lines<'_> {
    /// One line as it is, cut where the room ends.
    pub fn line(&mut self, line: &str, style: Style) {
        if self.y < self.area.bottom() {
            text(self.buffer, Rect { y: self.y, height: 1, ..self.area }, line, style);
            self.y += 1;
        }
    }

    /// Wrapped over as many lines as it takes.
    pub fn push(&mut self, line: &str, style: Style) {
        for part in wrap(line, self.area.width) {
            if self.y < self.area.bottom() {
                text(self.buffer, Rect { y: self.y, height: 1, ..self.area }, &part, style);
                self.y += 1;
            }
        }
    }
}

pub(crate) const ASCII: border::Set<'_> = border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};

pub(super) fn frame(theme: &Theme, title: &str, area: Rect, buffer: &mut Buffer) {
    Clear.render(area, buffer);
    let set = if theme.ascii { ASCII } else { border::PLAIN };
    let title = cut(title, area.width.saturating_sub(4));
    Block::bordered()
        .border_set(set)
        .border_style(theme.border)
        .title(format!(" {title} "))
        .title_style(theme.title())
        .render(area, buffer);
}

/// The word people read for a status.
pub fn status_word(status: Status) -> &'static str {
    match status {
        Status::Active => "Active",
        Status::Alerted => "Alerted",
        Status::Blocked => "Blocked",
        Status::Suspended => "Suspended",
        Status::Inactive => "Inactive",
        Status::ActivationPending => "Pending",
        Status::Terminated => "Terminated",
        Status::Unmanaged => "Unmanaged",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_keep_what_tells_things_apart() {
        assert_eq!(cut("Northstar", 5), "Nort…");
        assert_eq!(cut_head("89445001021980000057", 8), "…0000057");
        assert_eq!(cut_head("漢字漢字", 5), "…漢字");
        assert_eq!((cut("ab", 0), cut_head("ab", 0)), (String::new(), String::new()));
    }
}
