//! Amounts as bars.

use estate::units::short_bytes;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::symbols::bar;
use ratatui::widgets::{Bar, BarChart, BarGroup, Widget};
use unicode_width::UnicodeWidthStr;

use super::paint::{right, row, text};
use crate::tui::theme::Theme;

/// Bars where a terminal draws no blocks.
const ASCII: bar::Set<'_> = bar::Set {
    full: "#",
    seven_eighths: "#",
    three_quarters: "#",
    five_eighths: "#",
    half: "#",
    three_eighths: "#",
    one_quarter: "#",
    one_eighth: "#",
    empty: " ",
};

/// One bar of a chart: how much, its label, and whether it belongs to the running period.
pub struct Amount {
    pub bytes: u64,
    pub label: String,
    pub running: bool,
}

/// Bars with the largest amount and half of it at the left, and labels below as far as there is
/// room.
pub fn chart(theme: &Theme, bars: &[Amount], area: Rect, buffer: &mut Buffer) {
    let most = bars.iter().map(|bar| bar.bytes).max().unwrap_or(0).max(1);
    let axis = 9;
    let n = bars.len() as u16;
    let room = area.width.saturating_sub(axis);
    let step = (room / n.max(1)).clamp(1, 7);
    let gap = u16::from(step > 1);
    let height = area.height.saturating_sub(1).min(14);
    for (y, bytes) in [(0, most), (height / 2, most / 2), (height.saturating_sub(1), 0)] {
        let place = Rect { width: axis - 1, ..row(area, y) };
        right(buffer, place, &short_bytes(bytes), theme.quiet());
    }
    let plot = Rect { x: area.x + axis, width: (n * step).min(room), height, ..area };
    let drawn: Vec<Bar<'_>> = bars
        .iter()
        .map(|bar| {
            let style = if bar.running { theme.accent } else { theme.quiet() };
            // Scaled beforehand: the chart multiplies by eight. A little is never nothing.
            let scaled = (u128::from(bar.bytes) * 1_000 / u128::from(most)) as u64;
            Bar::default()
                .value(scaled.max(u64::from(bar.bytes > 0) * 1_000 / u64::from(height.max(1) * 8)))
                .text_value(String::new())
                .style(style)
        })
        .collect();
    BarChart::default()
        .data(BarGroup::default().bars(&drawn))
        .bar_width(step - gap)
        .bar_gap(gap)
        .max(1_000)
        .bar_set(if theme.ascii { ASCII } else { bar::NINE_LEVELS })
        .render(plot, buffer);
    let mut free = 0;
    for (i, bar) in bars.iter().enumerate() {
        let x = i as u16 * step;
        if x < free || x + bar.label.width() as u16 > room {
            continue;
        }
        text(
            buffer,
            Rect { x: plot.x + x, width: room.saturating_sub(x), ..row(area, height) },
            &bar.label,
            theme.quiet(),
        );
        free = x + bar.label.width() as u16 + 1;
    }
}
