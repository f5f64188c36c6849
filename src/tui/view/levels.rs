//! The cap editor, painted.

use estate::levels::shown;
use estate::units::sims;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Modifier;
use unicode_width::UnicodeWidthStr;

use super::paint::text;
use crate::tui::layout::{Dialog, LEVEL_FIELDS as FIELDS};
use crate::tui::overlay::LevelsPane;
use crate::tui::overlay::levels::AlertIs;
use crate::tui::theme::Theme;

const NAMES: u16 = 10;

/// Paints it; returns where the cursor goes.
pub fn levels(theme: &Theme, pane: &LevelsPane, place: &Dialog, buffer: &mut Buffer) -> Option<Position> {
    let area = Rect { x: place.inner.x + 1, width: place.inner.width.saturating_sub(2), ..place.inner };
    let line = |y: u16| Rect { y: (area.y + y).min(area.bottom().saturating_sub(1)), height: 1, ..area };
    let value = |y: u16| {
        let line = line(y);
        Rect { x: line.x + NAMES, width: line.width.saturating_sub(NAMES), ..line }
    };
    for (at, name) in ["Cap", "Alert", "Hard cap"].into_iter().enumerate() {
        let style = if pane.line == at { theme.title() } else { theme.text };
        text(buffer, line(FIELDS[at]), name, style);
    }
    let mut cursor = field(theme, pane.cap.value(), value(FIELDS[0]), pane.line == 0, buffer);
    cursor = cursor.map(|c| Position::new(c.x + pane.cap.visual_cursor() as u16, c.y));
    let echo =
        pane.echo().unwrap_or_else(|| "a size such as 500MB or 1.5GiB, or none; empty leaves it".to_owned());
    text(buffer, value(FIELDS[0] + 1), &echo, theme.quiet());
    let now = |level: Option<u64>| level.map_or_else(|| "«mixed»".to_owned(), shown);
    let alert_now = pane.spread.map_or_else(|| "…".to_owned(), |s| now(s.alert));
    let choices = [
        (AlertIs::Follows, pane.follows()),
        (AlertIs::Kept, format!("as it is: {alert_now}")),
        (AlertIs::Typed, "another: a size or a share such as 90%".to_owned()),
    ];
    for (y, (which, said)) in (FIELDS[1]..).zip(choices) {
        let chosen = which == pane.alert_is;
        let style = if chosen && pane.line == 1 { theme.title() } else { theme.text };
        let end = text(buffer, value(y), &format!("({}) ", if chosen { "x" } else { " " }), style);
        let rest = Rect { x: end, width: value(y).right().saturating_sub(end), ..value(y) };
        if which == AlertIs::Typed && chosen {
            let at = field(theme, pane.alert.value(), rest, pane.line == 1, buffer);
            cursor = cursor.or(at.map(|c| Position::new(c.x + pane.alert.visual_cursor() as u16, c.y)));
        } else {
            text(buffer, rest, &said, style);
            if chosen && pane.line == 1 {
                cursor = Some(Position::new(value(y).x + 1, y + area.y));
            }
        }
    }
    hard(theme, pane, value(FIELDS[2]), buffer);
    if pane.line == 2 {
        cursor = Some(Position::new(value(FIELDS[2]).x + 1, value(FIELDS[2]).y));
    }
    foot(theme, pane, line(FIELDS[2] + 2), buffer);
    cursor
}

/// A line of text that can be edited.
fn field(theme: &Theme, value: &str, area: Rect, here: bool, buffer: &mut Buffer) -> Option<Position> {
    let area = Rect { width: area.width.min(24), ..area };
    buffer.set_style(area, theme.text.add_modifier(Modifier::UNDERLINED));
    text(buffer, area, value, theme.text.add_modifier(Modifier::BOLD | Modifier::UNDERLINED));
    here.then(|| Position::new(area.x, area.y))
}

fn hard(theme: &Theme, pane: &LevelsPane, area: Rect, buffer: &mut Buffer) {
    let now = match pane.spread.map(|s| s.hard) {
        Some(Some(true)) => "hard",
        Some(Some(false)) => "soft",
        Some(None) => "«mixed»",
        None => "…",
    };
    let mut x = area.x;
    for (which, said) in
        [(None, format!("as it is: {now}")), (Some(true), "hard".into()), (Some(false), "soft".into())]
    {
        let chosen = which == pane.hard;
        let style = if chosen && pane.line == 2 { theme.title() } else { theme.text };
        let said = format!("({}) {said}   ", if chosen { "x" } else { " " });
        x = text(buffer, Rect { x, width: area.right().saturating_sub(x), ..area }, &said, style);
    }
}

/// What they have now, or what is wrong.
fn foot(theme: &Theme, pane: &LevelsPane, area: Rect, buffer: &mut Buffer) {
    if let Some((_, fault)) = &pane.fault {
        text(buffer, area, fault, theme.bad);
        return;
    }
    let Some(spread) = pane.spread else {
        text(buffer, area, "looking at what they have …", theme.quiet());
        return;
    };
    let level = |level: Option<u64>| level.map_or_else(|| "«mixed»".to_owned(), shown);
    let said = format!("{} now: cap {}, alert {}", sims(spread.sims), level(spread.cap), level(spread.alert));
    let end = text(buffer, area, &said, theme.text);
    let hint = if pane.line == 0 { "  Enter shows what would happen" } else { "  Space chooses another" };
    if end + hint.width() as u16 <= area.right() {
        text(buffer, Rect { x: end, width: area.right() - end, ..area }, hint, theme.quiet());
    }
}
