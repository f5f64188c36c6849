//! The details of one SIM: what it is, what it used, its sessions, what was done to it.

use estate::units::short_bytes;
use estate::{Gate, Sim, Time, Usage, UsageBucket};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use unicode_width::UnicodeWidthStr;

use super::chart::{Amount, chart};
use super::details::{pairs, raised_until};
use super::paint::{row, tabs, text, wrap};
use crate::tui::facts::Facts;
use crate::tui::layout::Dialog;
use crate::tui::model::Model;
use crate::tui::overlay::sim::{Page, SimPane};
use crate::tui::theme::Theme;

/// Paints the page that is open.
pub fn sim(model: &Model, pane: &SimPane, place: &Dialog, buffer: &mut Buffer) {
    let theme = &model.theme;
    tabs(theme, &pane.pages, place.inner, buffer);
    let area = Rect { x: place.inner.x + 1, width: place.inner.width.saturating_sub(2), ..place.list };
    let Some(facts) = &pane.facts else {
        text(buffer, area, "reading …", theme.quiet());
        return;
    };
    match pane.pages.open {
        Page::Overview => overview(model, pane, facts, area, buffer),
        Page::Usage => usage(model, pane, facts, area, buffer),
        Page::Sessions => sessions(theme, pane, &facts.usage, area, buffer),
        Page::History => history(theme, pane, facts, area, buffer),
    }
}

fn overview(model: &Model, pane: &SimPane, facts: &Facts, area: Rect, buffer: &mut Buffer) {
    let theme = &model.theme;
    let said = format!("{}: {}", super::paint::status_word(facts.sim.status), facts.reason(theme.zone));
    let mut y = 0;
    for line in wrap(&said, area.width) {
        text(buffer, row(area, y), &line, of_gate(theme, &facts.sim).add_modifier(Modifier::BOLD));
        y += 1;
    }
    y += gauge(
        model,
        &facts.sim,
        &facts.usage,
        Rect { y: area.y + y, height: area.height.saturating_sub(y), ..area },
        buffer,
    ) + 1;
    let rest = Rect { y: area.y + y.min(area.height), height: area.height.saturating_sub(y), ..area };
    // What the lines above say is not said again.
    let skipped = ["Status", "Used", "Cap", "Alert", "Usage as of"];
    let pairs: Vec<(&str, String)> =
        pairs(model, &facts.sim).into_iter().filter(|(name, _)| !skipped.contains(name)).collect();
    let columns = if rest.width >= 70 { 2 } else { 1 };
    let width = rest.width.saturating_sub(2 * (columns - 1)) / columns;
    let lines: Vec<(&str, String)> = pairs
        .into_iter()
        .flat_map(|(name, value)| {
            let parts = wrap(&value, width.saturating_sub(12));
            parts.into_iter().enumerate().map(move |(i, part)| (if i == 0 { name } else { "" }, part))
        })
        .collect();
    let tall = lines.len().div_ceil(usize::from(columns));
    let top = pane.pages.top.min(tall.saturating_sub(usize::from(rest.height)));
    for (i, (name, value)) in lines.iter().enumerate() {
        let (column, line) = (i / tall.max(1), i % tall.max(1));
        let Some(y) = line.checked_sub(top).filter(|y| *y < usize::from(rest.height)) else { continue };
        let place = Rect { x: rest.x + column as u16 * (width + 2), width, ..row(rest, y as u16) };
        text(buffer, place, name, theme.quiet());
        text(
            buffer,
            Rect { x: place.x + 12, width: width.saturating_sub(12), ..place },
            value,
            theme.text,
        );
    }
    // Where there is room, the last days are in sight at once.
    let taken = tall as u16 + 1;
    if rest.height >= taken + 8 {
        let below = Rect { y: rest.y + taken, height: rest.height.saturating_sub(taken), ..rest };
        days(theme, facts, below, buffer);
    }
}

fn days(theme: &Theme, facts: &Facts, area: Rect, buffer: &mut Buffer) {
    draw_titled(theme, "The last 30 days (UTC)", &of_days(facts), area, buffer);
}

fn draw_titled(theme: &Theme, title: &str, bars: &[Amount], area: Rect, buffer: &mut Buffer) {
    text(buffer, row(area, 0), title, theme.text.add_modifier(Modifier::BOLD));
    if bars.iter().all(|bar| bar.bytes == 0) {
        text(buffer, row(area, 1), "no usage records in that time", theme.quiet());
        return;
    }
    chart(theme, bars, Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area }, buffer);
}

fn of_gate(theme: &Theme, sim: &Sim) -> Style {
    match sim.gate {
        Gate::Ok => theme.text,
        Gate::Alerted => theme.warn,
        Gate::Blocked => theme.bad,
    }
}

/// Usage against alert and cap: a line of words, the bar, and where the levels are on it. Tells how
/// many lines it took.
fn gauge(model: &Model, sim: &Sim, usage: &Usage, area: Rect, buffer: &mut Buffer) -> u16 {
    let theme = &model.theme;
    let percent = sim.percent().map(|p| format!(" ({p} % of the cap)")).unwrap_or_default();
    let as_of = sim.usage_as_of.map_or_else(
        || "unknown when".to_owned(),
        |t| format!("as of {} {}", theme.zone.minute(t), theme.zone.name()),
    );
    let said =
        format!("{} used{percent} in {} UTC, {as_of}, indicative", short_bytes(sim.used), usage.period);
    let mut y = 0;
    for line in wrap(&said, area.width) {
        text(buffer, row(area, y), &line, theme.text);
        y += 1;
    }
    let levels = [("alert", sim.alert), ("cap", sim.cap)];
    let most = levels.iter().filter_map(|(_, level)| *level).chain([sim.used]).max().unwrap_or(0);
    if levels.iter().all(|(_, level)| level.is_none()) {
        let said = format!("no alert and no cap: nothing stops it{}", raised_until(model, sim));
        text(buffer, row(area, y), &said, theme.quiet());
        return y + 1;
    }
    let width = u64::from(area.width);
    let at = |bytes: u64| (u128::from(bytes) * u128::from(width) / u128::from(most.max(1))) as u64;
    let bar: String = (0..width)
        .map(|x| if x < at(sim.used) { theme.glyph("█", "#") } else { theme.glyph("░", ".") })
        .collect();
    text(buffer, row(area, y), &bar, of_gate(theme, sim));
    let mut legend = String::new();
    for (name, level) in levels {
        let Some(level) = level else { continue };
        let hard = if name == "cap" && sim.hard_cap { " (hard)" } else { "" };
        let (sign, words) = (theme.glyph("▲", "^"), format!("{name} {}{hard}", short_bytes(level)));
        // The sign stands under the level, its words where there is more room.
        let x = at(level).saturating_sub(1) as usize;
        let (x, said) = if x * 2 < usize::from(area.width) {
            (x, format!("{sign} {words}"))
        } else {
            ((x + 1).saturating_sub(words.width() + 2), format!("{words} {sign}"))
        };
        let pad = x.saturating_sub(legend.width()).max(usize::from(!legend.is_empty()) * 2);
        legend.push_str(&" ".repeat(pad));
        legend.push_str(&said);
    }
    if legend.width() > usize::from(area.width) {
        legend = legend.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    text(buffer, row(area, y + 1), &legend, theme.quiet());
    let raised = raised_until(model, sim);
    if raised.is_empty() {
        return y + 2;
    }
    let cap = sim.cap.map_or_else(|| "none".to_owned(), short_bytes);
    text(buffer, row(area, y + 2), &format!("raised: cap {cap}{raised}"), theme.warn);
    y + 3
}

fn usage(model: &Model, pane: &SimPane, facts: &Facts, area: Rect, buffer: &mut Buffer) {
    let (theme, usage) = (&model.theme, &facts.usage);
    let taken = gauge(model, &facts.sim, usage, area, buffer);
    let said = format!("Periods: {}; {}.", usage.rule.describe(), usage.reporting.describe());
    let mut y = taken;
    for line in wrap(&said, area.width) {
        text(buffer, row(area, y), &line, theme.quiet());
        y += 1;
    }
    let rest = Rect { y: area.y + y + 1, height: area.height.saturating_sub(y + 1), ..area };
    if rest.height < 5 {
        return;
    }
    if pane.periods {
        draw_titled(theme, "Billing periods, the running one last", &of_periods(facts), rest, buffer);
    } else {
        days(theme, facts, rest, buffer);
    }
}

fn of_days(facts: &Facts) -> Vec<Amount> {
    let usage = &facts.usage;
    let newest =
        usage.days.first().map_or(0, |d| d.period.start.0).max(facts.sim.usage_as_of.map_or(0, |t| t.0));
    let today = newest.div_euclid(estate::DAY);
    (today - 29..=today)
        .map(|day| {
            let start = Time(day * estate::DAY);
            let bytes = usage.days.iter().find(|s| s.period.start == start).map_or(0, |s| s.bytes);
            Amount { bytes, label: start.day()[8..].to_owned(), running: usage.period.contains(start) }
        })
        .collect()
}

fn of_periods(facts: &Facts) -> Vec<Amount> {
    let running = UsageBucket { period: facts.usage.period, bytes: facts.sim.used };
    let label = |start: Time| start.day()[2..7].to_owned();
    let past = facts.usage.periods.iter().take(12).rev().map(|s| (s, false));
    past.chain([(&running, true)])
        .map(|(s, running)| Amount { bytes: s.bytes, label: label(s.period.start), running })
        .collect()
}

/// Lines from the one that is shown first.
fn lines(
    pane: &SimPane,
    area: Rect,
    head: &str,
    rows: &[String],
    empty: &str,
    theme: &Theme,
    buffer: &mut Buffer,
) {
    text(buffer, row(area, 0), head, theme.text.add_modifier(Modifier::BOLD));
    if rows.is_empty() {
        for (line, y) in wrap(empty, area.width).iter().zip(1..) {
            text(buffer, row(area, y), line, theme.quiet());
        }
    }
    let height = usize::from(area.height.saturating_sub(1));
    let top = pane.pages.top.min(rows.len().saturating_sub(height));
    for (line, y) in rows.iter().skip(top).take(height).zip(1..) {
        text(buffer, row(area, y), line, theme.text);
    }
}

fn sessions(theme: &Theme, pane: &SimPane, usage: &Usage, area: Rect, buffer: &mut Buffer) {
    let rows: Vec<String> = usage
        .sessions
        .iter()
        .map(|s| {
            let records =
                if s.records == 1 { "1 record".to_owned() } else { format!("{} records", s.records) };
            format!(
                "{:<16}  {:<16}  {:>8}  {records:<10}  {}",
                theme.zone.minute(s.start),
                theme.zone.minute(s.last),
                short_bytes(s.bytes),
                s.name
            )
        })
        .collect();
    let first = format!("First ({})", theme.zone.short_name());
    let head = format!("{:<16}  {:<16}  {:>8}  {:<10}  {}", first, "Last", "Used", "Told in", "Session");
    let empty = "No records of data sessions in the last three months. They come with usage import, in a column named session.";
    lines(pane, area, &head, &rows, empty, theme, buffer);
}

fn history(theme: &Theme, pane: &SimPane, facts: &Facts, area: Rect, buffer: &mut Buffer) {
    let mut told: Vec<(Time, String)> = facts
        .events
        .iter()
        .map(|e| {
            let (level, used) = (short_bytes(e.level), short_bytes(e.used));
            (e.at, format!("{} of {level} reached with {used}", e.kind.word()))
        })
        .collect();
    let changes = facts.entries.iter().flatten();
    told.extend(changes.map(|e| (e.at, format!("#{} {}, by {}", e.rev, e.summary, e.by))));
    told.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    let rows: Vec<String> =
        told.iter().map(|(at, what)| format!("{}  {what}", theme.zone.minute(*at))).collect();
    let zone = theme.zone.short_name();
    let (head, empty) = if facts.entries.is_some() {
        (
            format!("Changes and levels reached, newest first ({zone})"),
            "Not moved, no cap was set, and no level was reached. Imports are in the history of all changes.",
        )
    } else {
        let head = format!("Levels reached, newest first ({zone}); changes are for Admins");
        (head, "No level was reached yet.")
    };
    lines(pane, area, &head, &rows, empty, theme, buffer);
}
