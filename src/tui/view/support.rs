//! Help and Support, painted.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use super::paint::{right, row, tabs, text};
use crate::markdown::Kind;
use crate::tui::layout::Dialog;
use crate::tui::overlay::SupportPane;
use crate::tui::theme::Theme;

/// Paints the page that is open.
pub fn support(theme: &Theme, pane: &SupportPane, place: &Dialog, buffer: &mut Buffer) {
    tabs(theme, &pane.pages, place.inner, buffer);
    let area = Rect { x: place.inner.x + 1, width: place.inner.width.saturating_sub(2), ..place.list };
    let lines = pane.wrap_lines(area.width);
    if lines.len() > pane.pages.top + usize::from(area.height) {
        let said = format!(" {} more ", theme.glyph("↓", "v"));
        right(buffer, Rect { y: place.list.bottom(), height: 1, ..area }, &said, theme.warn);
    }
    for (y, (kind, line)) in lines.iter().skip(pane.pages.top).take(usize::from(area.height)).enumerate()
    {
        let style = match kind {
            Kind::Heading(1) => theme.title(),
            Kind::Heading(_) => theme.text.add_modifier(Modifier::BOLD),
            Kind::Code => theme.accent,
            Kind::Text(_) | Kind::Blank => theme.text,
        };
        text(buffer, row(area, y as u16), line, style);
    }
}
