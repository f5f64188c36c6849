//! The account tree and the SIM table.

use estate::number::count;
use estate::units::short_bytes;
use estate::{Column, Filter, Sim};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};
use unicode_width::UnicodeWidthStr;

use super::line;
use super::paint::{cut, cut_head, right, sign, text};
use crate::tui::keymap::Pane;
use crate::tui::layout::typing::{column, typing};
use crate::tui::layout::{Areas, GUTTER, chips, columns};
use crate::tui::model::Model;
use crate::tui::table::TableRow;
use crate::tui::view::paint::status_word;

/// A pane's title: bold where the focus is.
fn title(model: &Model, pane: Pane) -> Style {
    if model.focus == pane { model.theme.title() } else { model.theme.text }
}

/// Paints the tree, and the line between it and the table.
pub fn tree(model: &Model, areas: &Areas, buffer: &mut Buffer) {
    let area = areas.tree;
    if area.width == 0 {
        return;
    }
    text(buffer, Rect { height: 1, ..area }, " Accounts", title(model, Pane::Tree));
    let accounts = model.accounts.all();
    let lines = model.tree.lines().iter().skip(model.tree.top);
    for (y, place) in (areas.tree_lines.y..areas.tree_lines.bottom()).zip(lines) {
        let account = &accounts[*place];
        let line = Rect { y, height: 1, ..area };
        let fold =
            match (model.accounts.subtree(account.id).len() > 1, model.tree.open.contains(&account.id)) {
                (false, _) => " ",
                (true, true) => model.theme.glyph("▾", "-"),
                (true, false) => model.theme.glyph("▸", "+"),
            };
        let counts = if account.own == account.subtree {
            count(account.own)
        } else {
            format!("{}/{}", count(account.own), count(account.subtree))
        };
        let room = (counts.width() as u16 + 1).min(area.width / 2);
        let indent = account.depth * 2;
        let name =
            Rect { x: line.x + indent, width: line.width.saturating_sub(indent + room + 1), ..line };
        let here = model.query.under == account.id;
        let style = if here { model.theme.accent.add_modifier(Modifier::BOLD) } else { model.theme.text };
        text(buffer, name, &format!("{fold} {}", account.name), style);
        right(
            buffer,
            Rect { width: line.width.saturating_sub(1), ..line },
            &cut(&counts, room),
            model.theme.quiet(),
        );
        if model.tree.cursor == account.id {
            let cursor = if model.focus == Pane::Tree {
                model.theme.cursor()
            } else {
                Style::new().add_modifier(Modifier::UNDERLINED)
            };
            buffer.set_style(Rect { width: line.width.saturating_sub(1), ..line }, cursor);
        }
    }
    if areas.table.width > 0 {
        for y in area.y..area.bottom() {
            sign(buffer, (area.right(), y), model.theme.glyph("│", "|"), model.theme.border);
        }
    }
}

/// Paints the table.
pub fn table(model: &Model, areas: &Areas, buffer: &mut Buffer) {
    if areas.table.width == 0 {
        return;
    }
    heading(model, areas, buffer);
    chips(model, buffer);
    header(model, areas.header, buffer);
    let columns = columns(model, areas.rows);
    for (y, (index, row)) in (areas.rows.y..areas.rows.bottom()).zip(model.table.visible_rows()) {
        let line = Rect { y, height: 1, ..areas.rows };
        paint_row(model, index, row, line, &columns, buffer);
    }
    if model.table.rows.is_empty() {
        empty(model, areas.rows, buffer);
    }
    scrollbar(model, areas.scrollbar, buffer);
}

/// What the table shows: the account, and the filter that was called; or the line a filter is typed
/// in.
fn heading(model: &Model, areas: &Areas, buffer: &mut Buffer) {
    let area = areas.heading;
    if let Some(search) = &model.search {
        text(buffer, area, " / ", model.theme.title());
        if let Some(typing) = typing(model) {
            line::line(&model.theme, &search.line, typing.area, buffer);
            if search.line.text().is_empty() {
                let hint = "number, label, account, or status=active used>1GB · Tab offers fields";
                text(buffer, typing.area, hint, model.theme.quiet());
            }
            line::fault(&model.theme, &search.line, typing.area, areas.chips, buffer);
        }
        return;
    }
    let name = model.accounts.get(model.query.under).map_or("", |a| a.name.as_str());
    let below = if model.query.deep { "and below" } else { "only" };
    let late = if model.is_late() { "  reading …" } else { "" };
    let x = text(buffer, area, &format!(" SIMs in {name} {below}{late}"), title(model, Pane::Table));
    if let Some(called) = model.called.as_ref().filter(|c| model.is_called(&c.name)) {
        let rest = Rect { x: x + 2, width: area.right().saturating_sub(x + 2), ..area };
        text(buffer, rest, &called.name, model.theme.warn.add_modifier(Modifier::BOLD));
    }
}

/// The conditions of the filter, each with the sign that takes it away.
fn chips(model: &Model, buffer: &mut Buffer) {
    let cross = model.theme.glyph("×", "x");
    for chip in chips::chips(model) {
        if chip.part.is_none() {
            text(buffer, chip.area, &chip.text, model.theme.quiet());
            continue;
        }
        let said = cut(&chip.text, chip.area.width.saturating_sub(4));
        let x = text(buffer, chip.area, "[", model.theme.border);
        let x = text(buffer, Rect { x, ..chip.area }, &said, model.theme.warn);
        let x = text(buffer, Rect { x: x + 1, width: 1, ..chip.area }, cross, model.theme.bad);
        text(buffer, Rect { x, width: 1, ..chip.area }, "]", model.theme.border);
    }
}

fn header(model: &Model, area: Rect, buffer: &mut Buffer) {
    let all =
        model.picked.shown.is_some() && model.picked.shown == model.matching && !model.picked.is_empty();
    let mark = match (model.picked.is_empty(), all) {
        (true, _) => "[ ]",
        (false, true) => "[x]",
        (false, false) => "[-]",
    };
    let style = model.theme.text.add_modifier(Modifier::BOLD);
    text(buffer, area, mark, style);
    for (column, rect) in columns(model, area) {
        let sorted = model.query.sort.place(column.by);
        let arrow = match sorted {
            None => "",
            Some((_, false)) => model.theme.glyph("↑", "^"),
            Some((_, true)) => model.theme.glyph("↓", "v"),
        };
        // Where several sort, each says when its turn is.
        let turn = match sorted {
            Some((at, _)) if model.query.sort.keys().len() > 1 => (at + 1).to_string(),
            _ => String::new(),
        };
        let style = if sorted.is_some() { model.theme.title() } else { style };
        let room = rect.width.saturating_sub((arrow.width() + turn.width()) as u16);
        let title = format!("{}{arrow}{turn}", cut(column.title, room));
        if column.right {
            right(buffer, rect, &title, style);
        } else {
            text(buffer, rect, &title, style);
        }
    }
}

type Placed = [(&'static crate::tui::columns::Col, Rect)];

fn paint_row(
    model: &Model,
    index: usize,
    row: &TableRow,
    line: Rect,
    columns: &Placed,
    buffer: &mut Buffer,
) {
    let drawn = model.table.in_range(index);
    let mark = match (row.marked, drawn) {
        (true, _) => "[x]",
        (false, true) => "[+]",
        (false, false) => "[ ]",
    };
    let marked = row.marked || drawn;
    let style = if marked { model.theme.mark.add_modifier(Modifier::BOLD) } else { model.theme.quiet() };
    text(buffer, line, mark, style);
    for (column, rect) in columns {
        let rect = Rect { y: line.y, height: 1, ..*rect };
        let (content, style) = cell(model, &row.row.sim, column.by, rect.width, marked);
        if column.right {
            right(buffer, rect, &content, style);
        } else {
            text(buffer, rect, &content, style);
        }
    }
    if index == model.table.cursor {
        let cursor = if model.focus == Pane::Table {
            model.theme.cursor()
        } else {
            Style::new().add_modifier(Modifier::UNDERLINED)
        };
        buffer.set_style(line, cursor);
    }
    // While the filter cannot be read, these rows are those of what could be read last.
    if model.is_late() || model.search.as_ref().is_some_and(|s| s.line.fault.is_some()) {
        buffer.set_style(line, model.theme.quiet());
    }
}

/// One value of a SIM, cut to fit, with its style.
fn cell(model: &Model, sim: &Sim, column: Column, width: u16, marked: bool) -> (String, Style) {
    let theme = &model.theme;
    let plain = if marked { theme.mark } else { theme.text };
    let percent = sim.percent();
    match column {
        Column::Iccid => (cut_head(&sim.iccid, width), plain.add_modifier(Modifier::BOLD)),
        Column::Imsi | Column::Msisdn | Column::Eid | Column::Imei => {
            (cut_head(identifier(sim, column), width), plain)
        }
        Column::Tariff => (sim.tariff.clone(), plain),
        Column::Alert => (sim.alert.map_or_else(|| "none".to_owned(), short_bytes), plain),
        Column::Hard => (if sim.hard_cap { "yes" } else { "-" }.to_owned(), plain),
        Column::AsOf => (sim.usage_as_of.map_or_else(String::new, estate::Time::minute), plain),
        Column::Activated => (sim.activated.map_or_else(String::new, estate::Time::day), plain),
        Column::Lifecycle => (sim.lifecycle.word().to_owned(), plain),
        Column::Tags => (sim.tags.join(", "), plain),
        Column::Categories => (sim.categories.join(", "), plain),
        Column::Notes => (estate::text::clean(&sim.notes).into_owned(), plain),
        Column::Recipients => (sim.recipients.join(", "), plain),
        Column::Label => (sim.label.clone(), plain),
        Column::Account => (cut_head(&model.accounts.short_path(sim.account), width), plain),
        Column::Status => (status_word(sim.status).to_owned(), theme.status(sim.status)),
        Column::Session => (if sim.in_session { "yes" } else { "-" }.to_owned(), plain),
        Column::Network => (sim.network.clone(), plain),
        Column::Used => (short_bytes(sim.used), plain),
        Column::Cap => {
            let raised = if sim.cap_returns_to.is_some() { theme.glyph("↑", "^") } else { "" };
            (
                sim.cap.map_or_else(
                    || format!("{raised}none"),
                    |cap| format!("{raised}{}", short_bytes(cap)),
                ),
                plain,
            )
        }
        Column::UsedPct => (
            percent.map_or_else(String::new, |p| format!("{}%", p.min(9999))),
            level_style(theme, percent, plain),
        ),
        Column::Seen => (sim.last_seen.map_or_else(|| "never".to_owned(), estate::Time::minute), plain),
    }
}

fn identifier(sim: &Sim, column: Column) -> &str {
    match column {
        Column::Imsi => &sim.imsi,
        Column::Msisdn => &sim.msisdn,
        Column::Eid => &sim.eid,
        _ => &sim.imei,
    }
}

fn level_style(theme: &crate::tui::theme::Theme, percent: Option<u64>, plain: Style) -> Style {
    match percent {
        Some(100..) => theme.bad,
        Some(80..) => theme.warn,
        _ => plain,
    }
}

/// Says why there are no rows, and what to do.
fn empty(model: &Model, area: Rect, buffer: &mut Buffer) {
    let (first, second) = if model.table.loading {
        ("reading …", "")
    } else if let Some(fault) = &model.fault {
        let why = if model.reach.signed_out {
            "Sign in again: simdeck login, in another window."
        } else if model.reach.offline.is_some() {
            "It comes when the server is back."
        } else {
            "It names an account that is not there. Backspace clears it."
        };
        (fault.as_str(), why)
    } else if model.search.as_ref().is_some_and(|s| s.line.fault.is_some() || s.line.begins_field()) {
        ("This is not whole yet.", "The list follows as soon as it can be read.")
    } else if model.search.is_some() {
        ("No SIM fits what is typed.", "")
    } else if model.query.filter != Filter::All {
        ("No SIM fits the filter.", "Backspace shows all of them again; - takes one condition away.")
    } else if model.total() == 0 {
        ("There are no SIMs yet.", "Bring them in with: simdeck import FILE.csv")
    } else {
        (
            "There are no SIMs in this account.",
            "Move some here: mark them elsewhere, then m, Move to account.",
        )
    };
    for (y, line) in [(area.y + 1, first), (area.y + 2, second)] {
        if y < area.bottom() {
            text(
                buffer,
                Rect { x: area.x + GUTTER, y, width: area.width.saturating_sub(GUTTER), height: 1 },
                line,
                model.theme.text,
            );
        }
    }
}

/// Where in the list the screen is.
fn scrollbar(model: &Model, area: Rect, buffer: &mut Buffer) {
    let (Some(rows), Some(first)) =
        (model.matching.filter(|n| *n > u64::from(area.height)), model.table.first)
    else {
        return;
    };
    let height = u64::from(area.height);
    let top = first + model.table.top as u64;
    let length = (height * height / rows).max(1);
    let at = (top * (height - length)).checked_div(rows - height).unwrap_or(0).min(height - length);
    for i in 0..height {
        let inside = (at..at + length).contains(&i);
        let glyph = if inside { model.theme.glyph("█", "#") } else { model.theme.glyph("│", "|") };
        sign(buffer, (area.x, area.y + i as u16), glyph, model.theme.border);
    }
}

/// Where the terminal's own cursor belongs.
pub fn cursor(model: &Model, areas: &Areas) -> Option<Position> {
    if let Some(typing) = typing(model) {
        let x = column(typing.line, typing.area, typing.line.input.cursor());
        return Some(Position::new(x, typing.area.y));
    }
    let line = match model.focus {
        Pane::Tree => model.tree.line(&model.accounts)?.checked_sub(model.tree.top)?,
        _ => model.table.cursor.checked_sub(model.table.top)?,
    };
    let area = if model.focus == Pane::Tree { areas.tree_lines } else { areas.rows };
    (line < usize::from(area.height) && !(model.focus != Pane::Tree && model.table.rows.is_empty()))
        .then(|| Position::new(area.x + u16::from(model.focus != Pane::Tree), area.y + line as u16))
}
