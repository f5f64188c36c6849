//! The line a filter is typed in: coloured by its parts, with a mark under what is wrong and what
//! could follow.

use estate::filter::lex::{Mark, tokens};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::widgets::{Clear, Widget};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::paint::{cut, right, sign, text};
use crate::tui::layout::typing::{column, scroll, suggestion_area};
use crate::tui::model::Model;
use crate::tui::overlay::line::{Line, SHOWN};
use crate::tui::theme::Theme;
use crate::tui::view::paint::frame;

fn style(theme: &Theme, mark: Mark) -> Style {
    match mark {
        Mark::Field => theme.accent,
        Mark::Unknown => theme.bad.add_modifier(Modifier::UNDERLINED),
        Mark::Sign => theme.text.add_modifier(Modifier::BOLD),
        Mark::Value => theme.good,
        Mark::Word => theme.text,
        Mark::Keyword => theme.warn.add_modifier(Modifier::BOLD),
    }
}

/// Paints a filter's text in colours, from the character it is scrolled to.
pub fn filter(theme: &Theme, content: &str, area: Rect, skipped: usize, buffer: &mut Buffer) {
    // Of a long list only the part that is seen is looked at.
    let seen = skipped + usize::from(area.width) + 1;
    let content: String = content.chars().take(seen).collect();
    let parts = tokens(&content);
    let mut next = parts.iter().peekable();
    let mut x = area.x;
    let mut before = 0;
    for (at, c) in content.chars().enumerate() {
        while next.peek().is_some_and(|t| t.end <= at) {
            next.next();
        }
        let width = c.width().unwrap_or(0);
        before += width;
        if before <= skipped || width == 0 {
            continue;
        }
        if x + width as u16 > area.right() {
            sign(buffer, (area.right().saturating_sub(1), area.y), theme.glyph("…", ">"), theme.quiet());
            return;
        }
        let styled = next.peek().filter(|t| t.start <= at).map_or(theme.text, |t| style(theme, t.mark));
        sign(buffer, (x, area.y), c.encode_utf8(&mut [0; 4]), styled);
        x += width as u16;
    }
}

/// Paints the line that is typed in; returns where the cursor is.
pub fn line(theme: &Theme, line: &Line, area: Rect, buffer: &mut Buffer) -> Position {
    let skipped = scroll(line, area);
    filter(theme, line.text(), area, skipped, buffer);
    if let Some((at, _)) = &line.fault {
        let x = column(line, area, *at);
        buffer.set_style(
            Rect { x, width: 1, height: 1, ..area },
            theme.bad.add_modifier(Modifier::UNDERLINED),
        );
    }
    Position::new(column(line, area, line.input.cursor()), area.y)
}

/// Points at what is wrong with a line, from the line below it.
pub fn fault(theme: &Theme, line: &Line, above: Rect, below: Rect, buffer: &mut Buffer) {
    // What could be typed is said first; what is wrong, once nothing is left to offer.
    let Some((at, message)) = line.fault.as_ref().filter(|_| line.offered.is_empty()) else { return };
    let x = column(line, above, *at).clamp(below.x, below.right().saturating_sub(1));
    let (wide, room, left) =
        (message.width() as u16, below.right().saturating_sub(x + 2), x.saturating_sub(below.x + 1));
    let mark = theme.glyph("▲", "^");
    if wide <= room {
        sign(buffer, (x, below.y), mark, theme.bad);
        text(buffer, Rect { x: x + 2, width: room, ..below }, message, theme.bad);
    } else if wide < left {
        sign(buffer, (x, below.y), mark, theme.bad);
        right(buffer, Rect { width: left, ..below }, message, theme.bad);
    } else {
        // The character is marked in the line itself; here every word counts.
        text(
            buffer,
            Rect { x: below.x + 1, width: below.width.saturating_sub(1), ..below },
            message,
            theme.bad,
        );
    }
}

/// Paints what could be typed next, over everything else.
pub fn suggestions(model: &Model, buffer: &mut Buffer) {
    let Some((area, line)) = suggestion_area(model) else { return };
    let theme = &model.theme;
    Clear.render(area, buffer);
    let more = line.offered.len() > SHOWN;
    let title = if more {
        format!("Tab takes one of {}", line.offered.len())
    } else {
        "Tab takes this".to_owned()
    };
    frame(theme, &title, area, buffer);
    let inner = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    let shown = line.offered.iter().enumerate().skip(line.first_offered());
    for (y, (at, suggestion)) in (area.y + 1..area.bottom().saturating_sub(1)).zip(shown) {
        let row = Rect { y, height: 1, ..inner };
        let note = cut(&suggestion.note, row.width / 2);
        let room = row.width.saturating_sub(note.width() as u16 + 3);
        text(buffer, Rect { x: row.x + 1, width: room, ..row }, &suggestion.label, theme.text);
        right(buffer, Rect { width: row.width.saturating_sub(1), ..row }, &note, theme.quiet());
        if line.chosen == Some(at) || (line.chosen.is_none() && at == 0) {
            let style = if line.chosen.is_some() { theme.cursor() } else { theme.title() };
            buffer.set_style(row, style);
        }
    }
}
