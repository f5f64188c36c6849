//! The banner, the status line, the footer, and what is said.

use estate::number::count;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::widgets::{Clear, Widget};
use unicode_width::UnicodeWidthStr;

use super::paint::{right, text, wrap};
use crate::tui::layout::{self, Areas};
use crate::tui::model::{Kind, Model};
use crate::tui::toast::Severity;

/// Which estate this is, who is looking, and what they may do: in words.
pub fn banner(model: &Model, area: Rect, buffer: &mut Buffer) {
    let theme = &model.theme;
    let word = match (model.kind, model.reach.offline) {
        _ if model.reach.signed_out => " SIGNED OUT ".to_owned(),
        (_, Some(since)) => format!(" OFFLINE · as of {} ago ", age(since, model.now)),
        (Kind::Demo, _) => " DEMO ".to_owned(),
        (Kind::Local, _) => " LIVE ".to_owned(),
        (Kind::Remote, _) => {
            let word = if model.reach.live { "LIVE" } else { "POLLING" };
            format!(" {word} · {} ", host(&model.site.place))
        }
        (Kind::Seen, _) => " VIEW AS · q comes back ".to_owned(),
    };
    let x = text(buffer, area, " simdeck ", theme.title());
    let style = theme.text.add_modifier(Modifier::REVERSED | Modifier::BOLD);
    let state =
        if model.reach.offline.is_some() || model.reach.signed_out { theme.warn } else { theme.text };
    let state = state.add_modifier(Modifier::REVERSED | Modifier::BOLD);
    let mut x = text(buffer, Rect { x, width: area.right() - x, ..area }, &word, state);
    if model.read_only && model.kind != Kind::Seen {
        x = text(
            buffer,
            Rect { x: x + 1, width: area.right().saturating_sub(x + 1), ..area },
            " READ-ONLY ",
            style,
        );
    }
    let account = model.accounts.top().map_or("", |a| a.name.as_str());
    let who = format!("{} · {} · {account}", model.me.name, model.me.role);
    let x = text(
        buffer,
        Rect { x: x + 1, width: area.right().saturating_sub(x + 1), ..area },
        &who,
        theme.text,
    );
    if let Some((place, said)) = layout::news(model)
        && x < place.x
    {
        text(buffer, place, &said, theme.warn.add_modifier(Modifier::BOLD));
    }
    if let Some(job) = &model.job {
        let rest = Rect { x: x + 2, width: area.right().saturating_sub(x + 3), ..area };
        let said = format!(
            "{} {} of {}",
            job.progress.phase,
            count(job.progress.done),
            count(job.progress.total)
        );
        right(buffer, rest, &said, theme.warn);
    }
}

/// The name of a server, without how it is spoken to.
fn host(place: &str) -> String {
    let name = place.split_once("://").map_or(place, |(_, name)| name);
    estate::text::clean(name.split('/').next().unwrap_or(name)).into_owned()
}

/// How old what is shown is.
fn age(since: estate::Time, now: estate::Time) -> String {
    let seconds = (now.0 - since.0).max(0);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

fn number(n: Option<u64>) -> String {
    n.map_or_else(|| "…".to_owned(), count)
}

/// Selected, hidden, matching, total: always.
pub fn status(model: &Model, area: Rect, buffer: &mut Buffer) {
    let picked = &model.picked;
    let (selected, hidden) = if picked.is_empty() {
        ("0".to_owned(), "0".to_owned())
    } else {
        (number(picked.total), number(picked.hidden_count()))
    };
    let (matching, total) = (number(model.matching), count(model.total()));
    let long =
        format!(" {selected} selected · {hidden} hidden by filter · {matching} match · {total} total");
    let short = format!(" {selected} selected · {hidden} hidden · {matching} match · {total} total");
    let row = model.table.position().map_or_else(|| "…".to_owned(), |n| count(n + 1));
    let range = match (&model.table.range, model.table.range_len()) {
        (None, _) => String::new(),
        (Some(_), Some(n)) => format!("range of {} · ", count(n)),
        (Some(_), None) => "range · ".to_owned(),
    };
    let row = if model.table.rows.is_empty() { String::new() } else { format!("{range}row {row} ") };
    let wide = long.width() + row.width() + 2 <= usize::from(area.width);
    let style = model.theme.text.add_modifier(Modifier::REVERSED);
    buffer.set_style(area, style);
    let said = if wide { &long } else { &short };
    let mut end = text(buffer, area, said, style);
    if let Some(rollover) = &model.news.rollover {
        // The sentence up to its colon; the message at its arrival had the reason.
        let short = format!(" · {}", rollover.split(": ").next().unwrap_or_default());
        let rest =
            Rect { x: end, width: area.right().saturating_sub(end + row.width() as u16 + 2), ..area };
        end = text(buffer, rest, &short, model.theme.warn.add_modifier(Modifier::REVERSED));
    }
    if !picked.is_empty() {
        let part = Rect { width: (selected.width() as u16 + 10).min(area.width), ..area };
        buffer.set_style(part, Style::new().add_modifier(Modifier::BOLD));
    }
    right(buffer, Rect { x: end + 1, width: area.right().saturating_sub(end + 1), ..area }, &row, style);
}

/// What can be done here, with the keys; help is always there.
pub fn footer(model: &Model, buffer: &mut Buffer) {
    for (rect, key, word, action) in layout::footer(model) {
        let may = crate::tui::availability::disabled_reason(model, action).is_ok();
        let x = text(buffer, rect, &key, if may { model.theme.title() } else { model.theme.quiet() });
        let rest = Rect { x: x + 1, width: rect.right().saturating_sub(x + 1), ..rect };
        text(buffer, rest, word, if may { model.theme.text } else { model.theme.quiet() });
    }
}

/// What was said last, over the last line of the body, or above a dialog.
pub fn toast(model: &Model, areas: &Areas, buffer: &mut Buffer) {
    let Some(message) = model.messages.current() else { return };
    // A dialog may reach down to the last line: then it is said at the top.
    let (lead, style) = match message.weight {
        Severity::Info => (" ", model.theme.accent),
        Severity::Error => (" Error: ", model.theme.bad.add_modifier(Modifier::BOLD)),
    };
    let tail = if message.weight == Severity::Error { "  Esc" } else { "" };
    let width = areas.status.width.saturating_sub(tail.width() as u16 + 2);
    let parts = wrap(&format!("{}{}", lead.trim_start(), message.text), width);
    let tall = (parts.len() as u16).min(3);
    let at = |y: u16| Rect { x: areas.status.x, width: areas.status.width, y, height: 1 };
    // Below the banner: which estate this is, and whether it is still there, stays in sight.
    let top = if model.overlays.is_empty() {
        areas.status.y.saturating_sub(tall)
    } else {
        areas.banner.bottom()
    };
    for (y, part) in (top..).zip(parts.into_iter().take(usize::from(tall))) {
        let line = at(y);
        Clear.render(line, buffer);
        buffer.set_style(line, style);
        text(buffer, line, &format!(" {part}"), style);
    }
    right(buffer, Rect { width: areas.status.width - 1, ..at(top) }, tail, style);
}

/// After a moment, what can follow the keys pressed so far.
pub fn which_key(model: &Model, areas: &Areas, buffer: &mut Buffer) {
    if !model.shows_which_key() {
        return;
    }
    let following = model.keymap.following(model.pane(), &model.pending);
    let width = following.iter().map(|(_, a)| a.row().title.width()).max().unwrap_or(10) as u16 + 9;
    let height = (following.len() as u16 + 1).min(areas.status.y);
    let area = Rect::new(
        areas.status.right().saturating_sub(width),
        areas.status.y - height,
        width.min(areas.status.width),
        height,
    );
    Clear.render(area, buffer);
    text(buffer, Rect { height: 1, ..area }, " then", model.theme.title());
    for (y, (key, action)) in (area.y + 1..area.bottom()).zip(following) {
        let line = Rect { y, height: 1, ..area };
        let x = text(buffer, line, &format!("  {key:<3} "), model.theme.title());
        text(
            buffer,
            Rect { x, width: line.right().saturating_sub(x), ..line },
            action.row().title,
            model.theme.text,
        );
    }
}
