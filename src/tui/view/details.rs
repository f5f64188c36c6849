//! Everything about the SIM the cursor rests on.

use estate::Sim;
use estate::number::count;
use estate::units::short_bytes;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::paint::{cut_head, sign, text, wrap};
use crate::tui::model::Model;
use crate::tui::view::paint::status_word;

/// Paints the details, beside or below the table.
pub fn details(model: &Model, area: Rect, buffer: &mut Buffer) {
    if area.width == 0 {
        return;
    }
    let beside = area.height > 12;
    let line = if beside { model.theme.glyph("│", "|") } else { model.theme.glyph("─", "-") };
    if beside {
        (area.y..area.bottom())
            .for_each(|y| sign(buffer, (area.x.saturating_sub(1), y), line, model.theme.border));
    } else {
        sign(buffer, (area.x, area.y), &line.repeat(usize::from(area.width)), model.theme.border);
    }
    let Some(sim) = &model.detail else { return };
    let top = if beside { area.y } else { area.y + 1 };
    let pairs = pairs(model, sim);
    let inner = Rect {
        x: area.x + 1,
        y: top,
        width: area.width.saturating_sub(2),
        height: area.bottom().saturating_sub(top),
    };
    if beside {
        let x = text(buffer, Rect { height: 1, ..inner }, "SIM ", model.theme.title());
        text(
            buffer,
            Rect { x, height: 1, width: inner.right().saturating_sub(x), ..inner },
            &sim.iccid,
            model.theme.title(),
        );
        column(
            model,
            &pairs,
            Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner },
            12,
            buffer,
        );
        return;
    }
    // Below the table the pairs stand in columns, as many as there is room for.
    let columns = (inner.width / 36).clamp(1, 4);
    let width = inner.width / columns;
    let rows = usize::from(inner.height);
    for (i, chunk) in pairs.chunks(rows.max(1)).enumerate().take(usize::from(columns)) {
        let place = Rect { x: inner.x + i as u16 * width, width: width.saturating_sub(1), ..inner };
        column(model, chunk, place, 12, buffer);
    }
}

pub(super) fn pairs(model: &Model, sim: &Sim) -> Vec<(&'static str, String)> {
    let none = || "-".to_owned();
    let or_none = |text: &str| if text.is_empty() { none() } else { text.to_owned() };
    let list = |list: &[String]| if list.is_empty() { none() } else { list.join(", ") };
    let time = |t: Option<estate::Time>| {
        t.map_or_else(none, |t| {
            format!("{} {}", model.theme.zone.minute(t), model.theme.zone.short_name())
        })
    };
    let percent = sim.percent().map(|p| format!(" ({p}%)")).unwrap_or_default();
    let status = if sim.in_session {
        format!("{}, in session", status_word(sim.status))
    } else {
        status_word(sim.status).to_owned()
    };
    let hard = if sim.hard_cap { " hard" } else { "" };
    let ceiling = model.accounts.get(sim.account).and_then(|a| a.ceiling);
    let ceiling = ceiling.map(|ceiling| ("Ceiling", model.accounts.ceiling_said(ceiling)));
    let first = vec![
        ("Label", or_none(&sim.label)),
        ("Account", model.accounts.names(sim.account).join(" / ")),
        ("Status", status),
        ("Used", format!("{}{percent}, indicative", short_bytes(sim.used))),
        (
            "Cap",
            format!(
                "{}{}",
                sim.cap.map_or_else(|| "none".to_owned(), |c| format!("{}{hard}", short_bytes(c))),
                raised_until(model, sim)
            ),
        ),
        ("Alert", sim.alert.map_or_else(|| "none".to_owned(), short_bytes)),
    ];
    let asked = sim.desired.map(|verb| ("Asked for", format!("{}, not so yet", verb.word())));
    let auth =
        (!sim.authentication).then(|| ("SIM auth", "off: the network does not admit it".to_owned()));
    let rest = vec![
        ("Usage as of", time(sim.usage_as_of)),
        ("Last seen", time(sim.last_seen)),
        ("Network", or_none(&sim.network)),
        ("Tariff", or_none(&sim.tariff)),
        ("IMSI", or_none(&sim.imsi)),
        ("MSISDN", or_none(&sim.msisdn)),
        ("IMEI", or_none(&sim.imei)),
        ("EID", or_none(&sim.eid)),
        ("Activated", time(sim.activated)),
        ("Tags", list(&sim.tags)),
        ("Categories", list(&sim.categories)),
        ("Recipients", list(&sim.recipients)),
        ("Changed", format!("by change #{}", count(sim.version as u64))),
        ("Notes", or_none(&sim.notes)),
    ];
    first.into_iter().chain(ceiling).chain(asked).chain(auth).chain(rest).collect()
}

/// Until when a cap is raised, and what comes back then.
pub(super) fn raised_until(model: &Model, sim: &Sim) -> String {
    let Some(back) = sim.cap_returns_to else { return String::new() };
    let rule = model.accounts.get(sim.account).map(|a| a.period).unwrap_or_default();
    let last = estate::Time(rule.period(model.now, sim.activated).end.0 - 1).day();
    let back = if back == 0 { "none".to_owned() } else { short_bytes(back) };
    format!(" until {last}, then {back}")
}

fn column(model: &Model, pairs: &[(&'static str, String)], area: Rect, indent: u16, buffer: &mut Buffer) {
    let mut y = area.y;
    for (name, value) in pairs {
        if y >= area.bottom() {
            return;
        }
        let line = Rect { y, height: 1, ..area };
        text(buffer, line, name, model.theme.quiet());
        let room = Rect { x: line.x + indent, width: line.width.saturating_sub(indent), ..line };
        let lines = match *name {
            "Notes" => wrap(value, room.width),
            "Account" => vec![cut_head(value, room.width)],
            _ => vec![value.clone()],
        };
        for part in lines {
            if y >= area.bottom() {
                return;
            }
            text(buffer, Rect { y, ..room }, &part, model.theme.text);
            y += 1;
        }
    }
}
