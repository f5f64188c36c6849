//! The cap editor, painted.

use estate::levels::shown;
use estate::units::sims;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Modifier;
use tui_input::Input;
use unicode_width::UnicodeWidthStr;

use super::paint::text;
use crate::tui::layout::{Dialog, LEVEL_FIELDS as FIELDS, LEVEL_NAMES as NAMES, hardness, holding};
use crate::tui::model::Model;
use crate::tui::overlay::LevelsPane;
use crate::tui::overlay::levels::AlertIs;
use crate::tui::theme::Theme;

/// Paints it; returns where the cursor goes.
pub fn levels(model: &Model, pane: &LevelsPane, place: &Dialog, buffer: &mut Buffer) -> Option<Position> {
    let theme = &model.theme;
    let area = place.text();
    let line = |y: u16| Rect { y: (area.y + y).min(area.bottom().saturating_sub(1)), height: 1, ..area };
    let value = |y: u16| {
        let line = line(y);
        Rect { x: line.x + NAMES, width: line.width.saturating_sub(NAMES), ..line }
    };
    for (at, name) in ["Cap", "Alert", "Hard cap", "Holds"].into_iter().enumerate() {
        let style = if pane.line == at { theme.title() } else { theme.text };
        text(buffer, line(FIELDS[at]), name, style);
    }
    let mut cursor = field(theme, &pane.cap, value(FIELDS[0]), pane.line == 0, buffer);
    let echo =
        pane.echo().unwrap_or_else(|| "a size such as 500MB or 1.5GiB, or none; empty leaves it".to_owned());
    let end = text(buffer, value(FIELDS[0] + 1), &echo, theme.quiet());
    if pane.exceeded().is_some() {
        let rest = Rect { x: end, width: area.right().saturating_sub(end), ..value(FIELDS[0] + 1) };
        text(buffer, rest, "  above the ceiling", theme.bad);
    }
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
            cursor = cursor.or(field(theme, &pane.alert, rest, pane.line == 1, buffer));
        } else {
            text(buffer, rest, &said, style);
            if chosen && pane.line == 1 {
                cursor = Some(Position::new(value(y).x + 1, y + area.y));
            }
        }
    }
    cursor = row(theme, pane.line == 2, &hardness(pane, place.inner), buffer).or(cursor);
    cursor = row(theme, pane.line == 3, &holding(pane, place.inner), buffer).or(cursor);
    foot(theme, pane, line(FIELDS[3] + 2), buffer);
    if let Some(ceiling) = pane.spread.and_then(|s| s.ceiling) {
        let style = if pane.exceeded().is_some() { theme.bad } else { theme.quiet() };
        let said = format!("Ceiling: {}", model.accounts.ceiling_said(ceiling));
        text(buffer, line(FIELDS[3] + 3), &said, style);
    }
    cursor
}

/// A line of text that can be edited, as much of it as fits around the cursor.
fn field(theme: &Theme, input: &Input, area: Rect, here: bool, buffer: &mut Buffer) -> Option<Position> {
    let area = Rect { width: area.width.min(24), ..area };
    let gone = input.visual_scroll(usize::from(area.width.saturating_sub(1)));
    let shown: String = input.value().chars().skip(gone).collect();
    buffer.set_style(area, theme.text.add_modifier(Modifier::UNDERLINED));
    text(buffer, area, &shown, theme.text.add_modifier(Modifier::BOLD | Modifier::UNDERLINED));
    here.then(|| Position::new(area.x + (input.visual_cursor() - gone) as u16, area.y))
}

/// Possibilities beside each other; the cursor is on the one that is chosen.
fn row(theme: &Theme, here: bool, choices: &[(Rect, String, bool)], buffer: &mut Buffer) -> Option<Position> {
    let mut cursor = None;
    for (place, said, chosen) in choices {
        let style = if *chosen && here { theme.title() } else { theme.text };
        text(buffer, *place, said, style);
        if *chosen && here {
            cursor = Some(Position::new(place.x + 1, place.y));
        }
    }
    cursor
}

/// What they have now, or what is wrong.
fn foot(theme: &Theme, pane: &LevelsPane, area: Rect, buffer: &mut Buffer) {
    if let Some((_, fault)) = &pane.fault {
        text(buffer, area, fault, theme.bad);
        return;
    }
    let Some(spread) = pane.spread else {
        let said =
            if pane.unread { "what they have could not be read" } else { "looking at what they have …" };
        text(buffer, area, said, theme.quiet());
        return;
    };
    let level = |level: Option<u64>| level.map_or_else(|| "«mixed»".to_owned(), shown);
    let said = format!("{} now: cap {}, alert {}", sims(spread.sims), level(spread.cap), level(spread.alert));
    let end = text(buffer, area, &said, theme.text);
    let hint = match pane.line {
        0 => "  Enter shows what would happen",
        _ if pane.types() => "  empty it to choose another",
        _ => "  Space chooses another",
    };
    if end + hint.width() as u16 <= area.right() {
        text(buffer, Rect { x: end, width: area.right() - end, ..area }, hint, theme.quiet());
    }
}
