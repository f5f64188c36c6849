//! The estate history.

use estate::number::count;
use estate::units::short_bytes;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use super::chart::{Amount, chart};
use super::paint::{cut_head, right, tabs, text};
use crate::tui::layout::{Dialog, chart_height};
use crate::tui::model::Model;
use crate::tui::overlay::spending::{By, SpendingPane};

/// Paints the page that is open: a chart where there is room, and the figures.
pub fn spending(model: &Model, pane: &SpendingPane, place: &Dialog, buffer: &mut Buffer) {
    let theme = &model.theme;
    tabs(theme, &pane.pages, place.inner, buffer);
    let area = Rect { x: place.inner.x + 1, width: place.inner.width.saturating_sub(2), ..place.list };
    let Some(usage) = &pane.usage else {
        text(buffer, area, "reading …", theme.quiet());
        return;
    };
    if usage.days.is_empty() {
        text(buffer, area, "No usage records yet: simdeck usage import brings them in.", theme.quiet());
        return;
    }
    if pane.pages.open == By::Account {
        accounts(model, pane, usage, area, buffer);
        return;
    }
    let spent = pane.spent();
    let height = chart_height(area.height);
    let shown = if pane.pages.open == By::Day { 30 } else { 13 };
    let bars: Vec<Amount> = spent
        .iter()
        .take(shown)
        .rev()
        .map(|s| {
            let day = s.period.start.day();
            let label =
                if pane.pages.open == By::Day { day[8..].to_owned() } else { day[2..7].to_owned() };
            Amount { bytes: s.bytes, label, running: true }
        })
        .collect();
    chart(theme, &bars, Rect { height, ..area }, buffer);
    let list = Rect { y: area.y + height + 1, height: area.height.saturating_sub(height + 1), ..area };
    let lines = usize::from(list.height);
    let top = pane.pages.top.min(spent.len().saturating_sub(lines));
    for (s, y) in spent.iter().skip(top).take(lines).zip(list.y..) {
        let day = s.period.start.day();
        let when = if pane.pages.open == By::Day { day } else { day[..7].to_owned() };
        let line = Rect { y, height: 1, width: list.width.min(40), ..list };
        text(buffer, line, &when, theme.text);
        right(buffer, Rect { width: 24.min(line.width), ..line }, &short_bytes(s.bytes), theme.text);
    }
}

fn accounts(
    model: &Model,
    pane: &SpendingPane,
    usage: &estate::EstateUsage,
    area: Rect,
    buffer: &mut Buffer,
) {
    let theme = &model.theme;
    let bold = theme.text.add_modifier(Modifier::BOLD);
    let head = Rect { height: 1, ..area };
    text(buffer, head, "Account, with everything below it", bold);
    right(buffer, head, "30 days   share      a year", bold);
    let whole: u64 = usage.accounts.iter().map(|a| a.month).sum();
    let lines = usize::from(area.height.saturating_sub(1));
    let top = pane.pages.top.min(usage.accounts.len().saturating_sub(lines));
    for (spent, y) in usage.accounts.iter().skip(top).take(lines).zip(area.y + 1..) {
        let line = Rect { y, height: 1, ..area };
        let name = match spent.account {
            Some(id) if id == pane.account => format!("{} itself", pane.name),
            Some(id) => model.accounts.names(id).join(" / "),
            None => "accounts that are gone".to_owned(),
        };
        let room = line.width.saturating_sub(32);
        text(buffer, Rect { width: room, ..line }, &cut_head(&name, room), theme.text);
        let share = (u128::from(spent.month) * 100).checked_div(u128::from(whole)).unwrap_or(0);
        let figures =
            format!("{:>8}  {share:>4} %  {:>10}", short_bytes(spent.month), short_bytes(spent.year));
        right(buffer, line, &figures, theme.text);
    }
    if usage.accounts.len() > lines {
        let said = format!(
            " {} of {} ",
            count((top + lines).min(usage.accounts.len()) as u64),
            count(usage.accounts.len() as u64)
        );
        right(buffer, Rect { y: area.bottom(), height: 1, ..area }, &said, theme.quiet());
    }
}
