//! The lines of the alerts screen.

use estate::saved::WATCHED;
use ratatui::layout::Rect;

use crate::tui::overlay::AlertsPane;

/// The watched filters, and below them the alerts raised. Where both do not fit, the part under the
/// cursor is shown.
#[derive(Debug, Clone, Copy)]
pub struct Lines {
    /// The watched filters.
    pub watched: Rect,
    /// The first of them that is shown.
    pub first: usize,
    /// The heading of the alerts.
    pub head: Rect,
    /// The alerts.
    pub list: Rect,
}

/// Divides the inside of the dialog; its last two lines are blank and the buttons.
pub fn lines(pane: &AlertsPane, inner: Rect) -> Lines {
    let watched = WATCHED.len() as u16;
    let room = inner.height.saturating_sub(2);
    let part = |y: u16, height: u16| {
        let y = y.min(room);
        Rect { y: inner.y + y, height: height.min(room - y), ..inner }
    };
    let nothing = part(room, 0);
    if room >= watched + 3 {
        let list = part(watched + 2, room);
        return Lines { watched: part(0, watched), first: 0, head: part(watched + 1, 1), list };
    }
    if pane.cursor < WATCHED.len() {
        let first = (pane.cursor + 1).saturating_sub(usize::from(room).max(1));
        return Lines { watched: part(0, watched), first, head: nothing, list: nothing };
    }
    Lines { watched: nothing, first: 0, head: part(0, 1), list: part(1, room) }
}

impl Lines {
    /// The watched filter at a height of the screen.
    pub fn watched_at(&self, y: u16) -> Option<usize> {
        let inside = (self.watched.y..self.watched.bottom()).contains(&y);
        inside.then(|| self.first + usize::from(y - self.watched.y)).filter(|at| *at < WATCHED.len())
    }
}
