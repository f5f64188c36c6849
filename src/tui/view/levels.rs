//! The cap editor, painted.

use estate::levels::describe_bytes;
use estate::number::sims;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Modifier;
use tui_input::Input;
use unicode_width::UnicodeWidthStr;

use super::paint::text;
use crate::tui::layout::Dialog;
use crate::tui::layout::levels::{NAMES, hardness, holding, lines};
use crate::tui::model::Model;
use crate::tui::overlay::LevelsPane;
use crate::tui::overlay::levels::AlertIs;
use crate::tui::theme::Theme;

/// Paints it; returns where the cursor goes.
pub fn levels(model: &Model, pane: &LevelsPane, place: &Dialog, buffer: &mut Buffer) -> Option<Position> {
    let theme = &model.theme;
    let lines = lines(pane, place.inner);
    let value = |field: usize, below: u16| {
        let line = lines.field(field, below);
        let names = NAMES.min(line.width);
        Rect { x: line.x + names, width: line.width - names, ..line }
    };
    for (at, name) in ["Cap", "Alert", "Hard cap", "Holds"].into_iter().enumerate() {
        let style = if pane.line == at { theme.title() } else { theme.text };
        text(buffer, lines.field(at, 0), name, style);
    }
    let mut cursor = field(theme, &pane.cap, value(0, 0), pane.line == 0, buffer);
    let echo = pane
        .echo()
        .unwrap_or_else(|| "a size such as 500MB or 1.5GiB, or none; empty leaves it".to_owned());
    let below = value(0, 1);
    let end = text(buffer, below, &echo, theme.quiet());
    if pane.exceeded_ceiling().is_some() {
        let rest = Rect { x: end, width: below.right().saturating_sub(end), ..below };
        text(buffer, rest, "  above the ceiling", theme.bad);
    }
    let now = |level: Option<u64>| level.map_or_else(|| "«mixed»".to_owned(), describe_bytes);
    let alert_now = pane.spread.map_or_else(|| "…".to_owned(), |s| now(s.alert));
    let choices = [
        (AlertIs::Follows, pane.follows()),
        (AlertIs::Kept, format!("as it is: {alert_now}")),
        (AlertIs::Typed, "another: a size or a share such as 90%".to_owned()),
    ];
    for (below, (which, said)) in (0..).zip(choices) {
        let place = value(1, below);
        let chosen = which == pane.alert_is;
        let style = if chosen && pane.line == 1 { theme.title() } else { theme.text };
        let end = text(buffer, place, &format!("({}) ", if chosen { "x" } else { " " }), style);
        let rest = Rect { x: end, width: place.right().saturating_sub(end), ..place };
        if which == AlertIs::Typed && chosen {
            cursor = cursor.or(field(theme, &pane.alert, rest, pane.line == 1, buffer));
        } else {
            text(buffer, rest, &said, style);
            if chosen && pane.line == 1 && place.height > 0 {
                cursor = Some(Position::new(place.x + 1, place.y));
            }
        }
    }
    cursor = row(theme, pane.line == 2, &hardness(pane, place.inner), buffer).or(cursor);
    cursor = row(theme, pane.line == 3, &holding(pane, place.inner), buffer).or(cursor);
    notice(theme, pane, lines.notice(), buffer);
    if let Some(ceiling) = pane.spread.and_then(|s| s.ceiling) {
        let style = if pane.exceeded_ceiling().is_some() { theme.bad } else { theme.quiet() };
        let said = format!("Ceiling: {}", model.accounts.ceiling_said(ceiling));
        text(buffer, lines.ceiling(), &said, style);
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
    (here && area.height > 0)
        .then(|| Position::new(area.x + (input.visual_cursor() - gone) as u16, area.y))
}

/// Possibilities beside each other; the cursor is on the one that is chosen.
fn row(
    theme: &Theme,
    here: bool,
    choices: &[(Rect, String, bool)],
    buffer: &mut Buffer,
) -> Option<Position> {
    let mut cursor = None;
    for (place, said, chosen) in choices {
        let style = if *chosen && here { theme.title() } else { theme.text };
        text(buffer, *place, said, style);
        if *chosen && here && place.height > 0 {
            cursor = Some(Position::new(place.x + 1, place.y));
        }
    }
    cursor
}

/// The present values, or the fault.
fn notice(theme: &Theme, pane: &LevelsPane, area: Rect, buffer: &mut Buffer) {
    if let Some((_, fault)) = &pane.fault {
        text(buffer, area, fault, theme.bad);
        return;
    }
    let Some(spread) = pane.spread else {
        let said = if pane.unread {
            "what they have could not be read"
        } else {
            "looking at what they have …"
        };
        text(buffer, area, said, theme.quiet());
        return;
    };
    let level = |level: Option<u64>| level.map_or_else(|| "«mixed»".to_owned(), describe_bytes);
    let said =
        format!("{} now: cap {}, alert {}", sims(spread.sims), level(spread.cap), level(spread.alert));
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
