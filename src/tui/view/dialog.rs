//! What lies over the screen.

use estate::number::count;
use estate::{Item, Outcome, Reason};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};
use unicode_width::UnicodeWidthStr;

use super::builder::builder;
use super::lists;
use super::paint::{Lines, cut, cut_head, right, text};
use crate::tui::hit_test;
use crate::tui::layout::{self, Dialog};
use crate::tui::model::Model;
use crate::tui::overlay::{Chooser, HistoryPane, Overlay, Prompt, ResultPane};
use crate::tui::theme::Theme;
use crate::tui::view::paint::frame;

/// Paints the top overlay; returns where the cursor goes.
pub fn dialog(model: &Model, place: &Dialog, buffer: &mut Buffer) -> Option<Position> {
    let theme = &model.theme;
    let overlay = model.overlays.last()?;
    // A list that a cell of the builder is chosen from leaves the builder in sight.
    if let (Overlay::Choose(_), [.., below @ Overlay::Builder(open), _]) =
        (overlay, model.overlays.as_slice())
    {
        let place = layout::dialog_of(model, below);
        frame(theme, &title(model, below), place.area, buffer);
        builder(model, open, &place, buffer);
    }
    frame(theme, &title(model, overlay), place.area, buffer);
    let cursor = match overlay {
        Overlay::Choose(chooser) => choose(theme, chooser, place, buffer),
        Overlay::Confirm(confirm) => super::confirm::confirming(model, confirm, place, buffer),
        Overlay::Running => running(model, place, buffer),
        Overlay::Result(result) => outcome(theme, result, place, buffer),
        Overlay::Prompt(prompt) => Some(prompting(theme, prompt, place, buffer)),
        Overlay::History(history) => history_lines(theme, history, place, buffer),
        Overlay::Messages(_) => messages(model, place, buffer),
        Overlay::Builder(open) => builder(model, open, place, buffer),
        Overlay::Columns(pane) => lists::choose_columns(model, pane, place, buffer),
        Overlay::Saved(pane) => lists::draw_saved(model, pane, place, buffer),
        Overlay::Numbers(pane) => lists::numbers(theme, pane, place, buffer),
        Overlay::Levels(pane) => super::levels::levels(model, pane, place, buffer),
        Overlay::Form(open) => super::form::form(theme, open, place, buffer),
        Overlay::Alerts(pane) => {
            super::alerts::alerts(theme, pane, place, buffer);
            None
        }
        Overlay::Spending(pane) => {
            super::spending::spending(model, pane, place, buffer);
            None
        }
        Overlay::Sim(pane) => {
            super::sim::sim(model, pane, place, buffer);
            None
        }
        Overlay::Probe(pane) => {
            let style = if matches!(pane.said, Some(Err(_))) { theme.bad } else { theme.text };
            let top = pane.top.min(pane.lines().len().saturating_sub(1));
            prose(place, buffer, pane.lines().into_iter().skip(top).map(|line| (line, style)))
        }
        Overlay::Link(pane) => {
            let lines =
                [(pane.address.as_str(), theme.text), ("", theme.text), (&pane.about, theme.quiet())];
            prose(place, buffer, lines.into_iter())
        }
        Overlay::Support(pane) => {
            super::support::support(theme, pane, place, buffer);
            None
        }
        Overlay::Exporting => lists::writing(model, place, buffer),
    };
    for (rect, _, label) in layout::buttons(model) {
        text(buffer, rect, &label, button(model, overlay, &label));
    }
    cursor
}

/// Lines that are wrapped where the room ends.
fn prose<'a>(
    place: &Dialog,
    buffer: &mut Buffer,
    said: impl Iterator<Item = (&'a str, Style)>,
) -> Option<Position> {
    let area = Rect { x: place.list.x + 1, width: place.list.width.saturating_sub(2), ..place.list };
    let mut lines = Lines { buffer, area, y: area.y };
    said.for_each(|(line, style)| lines.push(line, style));
    None
}

/// The button that has the focus is reversed; one that cannot be pressed yet is quiet.
fn button(model: &Model, overlay: &Overlay, label: &str) -> Style {
    let focused = model.theme.cursor().add_modifier(Modifier::BOLD);
    match overlay {
        Overlay::Confirm(confirm) => match (label.contains("Cancel"), confirm.on_go) {
            (true, false) | (false, true) => focused,
            (false, false) if confirm.why_not().is_some() => model.theme.quiet(),
            _ => model.theme.text,
        },
        _ => model.theme.text,
    }
}

fn title(model: &Model, overlay: &Overlay) -> String {
    match overlay {
        Overlay::Choose(chooser) => chooser.title.clone(),
        Overlay::Confirm(confirm) => confirm.title.clone(),
        Overlay::Running => model.job.as_ref().map(|j| j.what.clone()).unwrap_or_default(),
        Overlay::Result(result) => result.title.clone(),
        Overlay::Prompt(prompt) => prompt.title.clone(),
        Overlay::History(pane) if pane.said.is_empty() => "History, newest first".into(),
        Overlay::History(pane) => format!("History of {}", pane.said),
        Overlay::Messages(_) => "Messages, oldest first".into(),
        Overlay::Builder(_) => "Filter Builder".into(),
        Overlay::Columns(_) => "Columns".into(),
        Overlay::Levels(pane) => format!("Caps and alerts of {}", pane.subject),
        Overlay::Form(form) => form.title.clone(),
        Overlay::Spending(pane) => format!("Usage of {} and below (UTC), indicative", pane.name),
        Overlay::Alerts(pane) => format!("Alerts in {} and below", pane.account),
        Overlay::Sim(pane) => {
            let dot = if pane.label.is_empty() { "" } else { " · " };
            format!("SIM {}{dot}{}", pane.iccid, pane.label)
        }
        Overlay::Support(pane) => pane.title(),
        Overlay::Probe(pane) => format!("{} of SIM {}", pane.kind.title(), pane.subject),
        Overlay::Link(pane) => format!("A link for {}", pane.email),
        Overlay::Saved(_) => "Saved filters".into(),
        Overlay::Numbers(pane) => format!("The list: {}", pane.summary),
        Overlay::Exporting => {
            let path =
                model.export.writing.as_ref().map(|w| w.path.display().to_string()).unwrap_or_default();
            format!("Writing {path}")
        }
    }
}

fn choose(theme: &Theme, chooser: &Chooser, place: &Dialog, buffer: &mut Buffer) -> Option<Position> {
    let line =
        |y: u16| Rect { x: place.inner.x + 1, y, width: place.inner.width.saturating_sub(2), height: 1 };
    let cursor = chooser.input.as_ref().map(|input| {
        let top = line(place.inner.y);
        text(buffer, top, &format!("> {}", input.value()), theme.text);
        if input.value().is_empty() {
            text(
                buffer,
                Rect { x: top.x + 3, width: top.width.saturating_sub(3), ..top },
                "type to narrow",
                theme.quiet(),
            );
        }
        Position::new((top.x + 2 + input.visual_cursor() as u16).min(top.right()), top.y)
    });
    if chooser.shown.is_empty() {
        text(buffer, line(place.list.y), "nothing fits", theme.quiet());
    }
    let shown = chooser.shown.iter().enumerate().skip(place.first);
    for (y, (at, index)) in (place.list.y..place.list.bottom()).zip(shown) {
        let item = &chooser.items[*index];
        let heading =
            item.choice == crate::tui::overlay::response::MenuChoice::Nothing && item.why.is_none();
        let style = match (heading, &item.why) {
            (true, _) => theme.title(),
            (false, Some(_)) => theme.quiet(),
            (false, None) => theme.text,
        };
        let row = line(y);
        let note =
            if chooser.cursor == at { item.why.as_deref().unwrap_or(&item.note) } else { &item.note };
        let named = (item.label.width() as u16 + 1).min(row.width / 3);
        let room = (note.width() as u16 + 1).min(row.width.saturating_sub(named));
        let space = row.width.saturating_sub(room);
        // What tells paths apart is their end.
        let label = if item.is_path() { cut_head(&item.label, space) } else { item.label.clone() };
        text(buffer, Rect { width: space, ..row }, &label, style);
        right(buffer, row, &cut(note, room), style);
        if at == chooser.cursor {
            buffer.set_style(Rect { x: row.x - 1, width: row.width + 2, ..row }, theme.cursor());
        }
    }
    cursor
}

fn running(model: &Model, place: &Dialog, buffer: &mut Buffer) -> Option<Position> {
    let theme = &model.theme;
    let job = model.job.as_ref()?;
    let area = place.text();
    let progress = job.progress;
    let line = |y: u16| Rect { y: area.y + y, height: 1, ..area };
    let said = if job.cancelling { "stopping, and putting everything back …" } else { progress.phase };
    text(buffer, line(1), said, theme.text);
    let done = (u64::from(area.width) * progress.done)
        .checked_div(progress.total)
        .unwrap_or(0)
        .min(u64::from(area.width));
    let bar: String = (0..u64::from(area.width))
        .map(|i| if i < done { theme.glyph("█", "#") } else { theme.glyph("░", ".") })
        .collect();
    text(buffer, line(2), &bar, theme.accent);
    text(
        buffer,
        line(3),
        &format!("{} of {} SIMs", count(progress.done), count(progress.total)),
        theme.text,
    );
    None
}

fn prompting(theme: &Theme, prompt: &Prompt, place: &Dialog, buffer: &mut Buffer) -> Position {
    let area = place.text();
    let line = |y: u16| Rect { y: area.y + y, height: 1, ..area };
    let (said, style) = match &prompt.fault {
        Some(fault) => (fault.as_str(), theme.bad),
        None => (prompt.hint.as_str(), theme.quiet()),
    };
    text(buffer, line(2), said, style);
    let options = prompt.purpose.options();
    let mut x = area.x;
    for (at, option) in options.iter().enumerate() {
        let chosen = at == prompt.option;
        let said = format!("({}) {option}   ", if chosen { "x" } else { " " });
        let style = if chosen { theme.title() } else { theme.text };
        x = text(buffer, Rect { x, width: area.right().saturating_sub(x), ..line(4) }, &said, style);
    }
    if let Some(pasted) = &prompt.pasted {
        let n = pasted.split_whitespace().count() as u64;
        text(buffer, line(1), &format!("> {} lines pasted; Enter looks them up", count(n)), theme.text);
        return Position::new(area.x, area.y + 1);
    }
    let scroll = prompt.input.visual_scroll(usize::from(area.width.saturating_sub(3)));
    let shown: String = prompt.input.value().chars().skip(scroll).collect();
    text(buffer, line(1), &format!("> {shown}"), theme.text);
    if prompt.fresh {
        let width = (shown.width() as u16).min(area.width.saturating_sub(2));
        buffer.set_style(Rect { x: area.x + 2, width, ..line(1) }, theme.cursor());
    }
    Position::new(area.x + 2 + prompt.input.visual_cursor().saturating_sub(scroll) as u16, area.y + 1)
}

fn outcome(theme: &Theme, result: &ResultPane, place: &Dialog, buffer: &mut Buffer) -> Option<Position> {
    let area = place.text();
    for (rect, index) in hit_test::tabs(result, place.inner) {
        let tab = result.tabs()[index];
        let style = if tab == result.only { theme.title() } else { theme.text };
        text(buffer, rect, &hit_test::tab_text(result, tab), style);
    }
    let row = |y: u16| Rect { y, height: 1, ..area };
    let narrow = area.width < 80;
    let widths = if narrow { [10u16, 11, 0] } else { [11, 21, 20] };
    let head = ["Outcome", "ICCID", "Label", "Before → After"];
    cells(
        buffer,
        row(area.y + 3),
        widths,
        &head.map(str::to_owned),
        theme.text.add_modifier(Modifier::BOLD),
    );
    if result.items.is_empty() {
        if result.loading || result.about.is_empty() {
            let said = if result.loading { "reading …" } else { "No SIMs to show for this change." };
            text(buffer, row(place.list.y), said, theme.quiet());
        } else {
            let area = Rect { x: area.x, width: area.width, ..place.list };
            Lines { buffer, area, y: area.y }.push(&result.about, theme.text);
        }
    }
    for (y, (i, item)) in
        (place.list.y..place.list.bottom()).zip(result.items.iter().enumerate().skip(place.first))
    {
        let style = if item.outcome == Outcome::Done || item.outcome == Outcome::Unchanged {
            theme.text
        } else {
            theme.warn
        };
        let last = match item.reason {
            Reason::None => became(item),
            reason if narrow => reason.text().to_owned(),
            reason => format!("{} ({})", reason.text(), item.from),
        };
        cells(
            buffer,
            row(y),
            widths,
            &[
                item.outcome.word().to_owned(),
                cut_head(&item.iccid, widths[1] - 1),
                item.label.clone(),
                last,
            ],
            style,
        );
        if i == result.cursor {
            buffer.set_style(row(y), theme.cursor());
        }
    }
    None
}

/// What became of a SIM: where it went, and what was before and after.
fn became(item: &Item) -> String {
    let went =
        if item.from == item.to { item.from.clone() } else { format!("{} → {}", item.from, item.to) };
    let changed = match (item.before.is_empty(), item.after.is_empty()) {
        (true, _) => return went,
        (false, true) => format!("before: {}", item.before),
        (false, false) => format!("{} → {}", item.before, item.after),
    };
    if item.from == item.to { changed } else { format!("{went} · {changed}") }
}

/// Cells of fixed widths; the last takes what is left.
fn cells(buffer: &mut Buffer, line: Rect, widths: [u16; 3], content: &[String; 4], style: Style) {
    let mut x = line.x;
    for (cell, width) in content.iter().zip(widths.into_iter().chain([u16::MAX])) {
        let room = width.saturating_sub(1).min(line.right().saturating_sub(x));
        text(buffer, Rect { x, width: room, ..line }, cell, style);
        x = x.saturating_add(width);
    }
}

fn history_lines(
    theme: &Theme,
    history: &HistoryPane,
    place: &Dialog,
    buffer: &mut Buffer,
) -> Option<Position> {
    let area = place.text();
    let row = |y: u16| Rect { y, height: 1, ..area };
    let narrow = area.width < 80;
    let widths = if narrow { [5u16, 12, 0] } else { [7, 18, 22] };
    let when = format!("When ({})", theme.zone.short_name());
    let head = ["#", &when, "Who", "What"];
    cells(buffer, row(area.y), widths, &head.map(str::to_owned), theme.text.add_modifier(Modifier::BOLD));
    if history.entries.is_empty() {
        text(
            buffer,
            row(place.list.y),
            match (history.loading, history.said.is_empty()) {
                (true, _) => "reading …",
                (false, true) => "Nothing was changed yet.",
                (false, false) => "No change fits. Backspace shows all of them.",
            },
            theme.quiet(),
        );
    }
    for (y, (i, entry)) in
        (place.list.y..place.list.bottom()).zip(history.entries.iter().enumerate().skip(place.first))
    {
        let minute = theme.zone.minute(entry.at);
        let who = entry.by.split(" <").next().unwrap_or_default().to_owned();
        let missed = if entry.counts.missed_count() > 0 {
            format!(" · {} left out", count(entry.counts.missed_count()))
        } else {
            String::new()
        };
        let undone = if entry.undone { " · undone" } else { "" };
        let what = format!("{}{missed}{undone}", entry.summary);
        let style = if entry.undone { theme.quiet() } else { theme.text };
        cells(
            buffer,
            row(y),
            widths,
            &[entry.rev.to_string(), if narrow { minute[5..].to_owned() } else { minute }, who, what],
            style,
        );
        if i == history.cursor {
            buffer.set_style(row(y), theme.cursor());
        }
    }
    None
}

fn messages(model: &Model, place: &Dialog, buffer: &mut Buffer) -> Option<Position> {
    let area = Rect { height: place.inner.height.saturating_sub(1), ..place.text() };
    let mut lines = Lines { buffer, area, y: area.y };
    if model.messages.all.is_empty() {
        lines.push("Nothing was said yet.", model.theme.quiet());
    }
    for message in model.messages.all.iter().skip(place.first) {
        let style = if message.weight == crate::tui::toast::Severity::Error {
            model.theme.bad
        } else {
            model.theme.text
        };
        lines.push(&message.text, style);
    }
    None
}
