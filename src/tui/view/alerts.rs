//! The alerts screen.

use estate::Level;
use estate::number::count;
use estate::saved::WATCHED;
use estate::units::short_bytes;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use super::paint::{cut_head, right, text};
use crate::tui::layout::Dialog;
use crate::tui::layout::alerts::lines;
use crate::tui::model::short_iccid;
use crate::tui::overlay::AlertsPane;
use crate::tui::theme::Theme;

/// Paints what needs attention, and below it the levels that were reached.
pub fn alerts(theme: &Theme, pane: &AlertsPane, place: &Dialog, buffer: &mut Buffer) {
    let area = place.text();
    let row = |y: u16| Rect { y, height: 1, ..area };
    let bold = theme.text.add_modifier(Modifier::BOLD);
    let lines = lines(pane, place.inner);
    let watched = WATCHED.iter().enumerate().skip(lines.first);
    for (y, (at, (title, _))) in (lines.watched.y..lines.watched.bottom()).zip(watched) {
        let line = row(y);
        let found = pane.counts.get(at).copied();
        let style = if found == Some(0) { theme.quiet() } else { theme.text };
        text(buffer, line, &format!("{}  {title}", at + 1), style);
        right(
            buffer,
            line,
            &found.map_or_else(|| "…".to_owned(), count),
            style.add_modifier(Modifier::BOLD),
        );
        if at == pane.cursor {
            buffer.set_style(Rect { x: line.x - 1, width: line.width + 2, ..line }, theme.cursor());
        }
    }
    let head = Rect { y: lines.head.y, height: lines.head.height, ..area };
    text(buffer, head, &format!("Levels reached, newest first ({})", theme.zone.short_name()), bold);
    let wide = area.width >= 90;
    right(buffer, head, "level      used", bold);
    let list = Rect { x: area.x, width: area.width, ..place.list };
    let Some(events) = &pane.events else {
        text(buffer, list, "reading …", theme.quiet());
        return;
    };
    if events.is_empty() {
        text(buffer, list, "No alert and no cap has been reached.", theme.quiet());
    }
    for (y, (at, event)) in
        (place.list.y..place.list.bottom()).zip(events.iter().enumerate().skip(place.first))
    {
        let line = row(y);
        let style = if event.kind == Level::Cap { theme.bad } else { theme.warn };
        let x = text(buffer, line, &format!("{}  ", theme.zone.minute(event.at)), theme.text);
        let x = text(buffer, Rect { x, width: 7, ..line }, event.kind.word(), style).max(x + 7);
        let room = |x: u16, width: u16| Rect {
            x,
            width: width.min(line.right().saturating_sub(x + 18)),
            ..line
        };
        text(buffer, room(x, 9), &short_iccid(&event.iccid), theme.text);
        let labels = if wide { 22 } else { 18 };
        text(buffer, room(x + 11, labels), &event.label, theme.text);
        let accounts = room(x + 12 + labels, u16::MAX / 2);
        if accounts.width >= 8 {
            text(buffer, accounts, &cut_head(&event.account_path, accounts.width), theme.quiet());
        }
        let sizes = format!("{:>8}  {:>8}", short_bytes(event.level), short_bytes(event.used));
        right(buffer, line, &sizes, theme.text);
        if at + WATCHED.len() == pane.cursor {
            buffer.set_style(Rect { x: line.x - 1, width: line.width + 2, ..line }, theme.cursor());
        }
    }
}
