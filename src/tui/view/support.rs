//! Help and Support, painted.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use super::paint::{row, tabs, text};
use crate::markdown::Kind;
use crate::tui::layout::Dialog;
use crate::tui::overlay::SupportPane;
use crate::tui::theme::Theme;

/// Paints the page that is open.
pub fn support(theme: &Theme, pane: &SupportPane, place: &Dialog, buffer: &mut Buffer) {
    tabs(theme, &pane.pages, place.inner, buffer);
    let area = Rect { x: place.inner.x + 1, width: place.inner.width.saturating_sub(2), ..place.list };
    for (y, (kind, line)) in
        pane.wrapped(area.width).iter().skip(pane.pages.top).take(usize::from(area.height)).enumerate()
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
