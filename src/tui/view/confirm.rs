//! A planned change waiting for a yes, painted.

use estate::number::{count, sims};
use estate::{Change, Counts, MoveOptions as Cleared};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};

use super::paint::{Lines, cut_head, text};
use crate::tui::layout::Dialog;
use crate::tui::model::Model;
use crate::tui::overlay::Confirm;
use crate::tui::overlay::confirm::CEILINGS;
use crate::tui::theme::Theme;
use crate::tui::view::paint::status_word;

/// Paints it; returns where the cursor goes.
pub fn confirming(
    model: &Model,
    confirm: &Confirm,
    place: &Dialog,
    buffer: &mut Buffer,
) -> Option<Position> {
    let theme = &model.theme;
    let area = Rect { height: place.inner.height.saturating_sub(3), ..place.text() };
    let mut lines = Lines { buffer, area, y: area.y };
    if let Some(fault) = &confirm.fault {
        lines.push(fault, theme.bad);
        return None;
    }
    let Some(plan) = &confirm.plan else {
        lines.push("looking at what would happen …", theme.quiet());
        return None;
    };
    if plan.counts != Counts::default() {
        lines.push(
            &format!("{}: {}", sims(plan.total), plan.counts.would()),
            theme.text.add_modifier(Modifier::BOLD),
        );
    }
    if let Change::Move { to: account, .. } | Change::MoveAccount { under: account, .. } = &confirm.change
    {
        let path = model.accounts.names(*account).join(" / ");
        lines.line(&format!("to {}", cut_head(&path, area.width.saturating_sub(3))), theme.title());
    }
    if let Change::SetLevels { levels, .. } = &confirm.change {
        lines.push(&format!("Set {}", levels.describe()), theme.title());
    }
    if let Change::Edit { edit, .. } = &confirm.change {
        lines.push(&edit.describe(), theme.title());
    }
    if let Change::EditProfile { name, email } = &confirm.change {
        for (title, before, after) in [("Name", &model.me.name, name), ("Email", &model.me.email, email)]
        {
            if before != after {
                let arrow = theme.glyph("→", "->");
                lines.push(&format!("{title}: {before} {arrow} {after}"), theme.title());
            }
        }
        if model.me.email != *email {
            lines.push("The new address is valid from the first sign-in with it.", theme.text);
        }
    }
    draw_hidden(theme, confirm, &mut lines);
    if let Some(said) = in_words(&confirm.change, plan.total) {
        lines.push(said, theme.text);
    }
    for (reason, n) in &plan.reasons {
        lines.push(&format!("  {} stay: {}", count(*n), reason.text()), theme.warn);
    }
    breakdown(model, confirm, &mut lines);
    for ceiling in plan.ceilings.iter().take(CEILINGS) {
        lines.push(&format!("! the ceiling: {}", model.accounts.ceiling_said(*ceiling)), theme.warn);
    }
    for (warning, n) in &plan.warnings {
        lines.push(&format!("! {}", warning.text(*n)), theme.warn);
    }
    if let Change::Move { clear, .. } = &confirm.change {
        let line = Rect { y: place.inner.bottom().saturating_sub(3), height: 1, ..area };
        text(lines.buffer, line, &options(*clear), theme.text);
    }
    typing(theme, confirm, place, lines.buffer)
}

/// What a change means that no number tells.
fn in_words(change: &Change, total: u64) -> Option<&'static str> {
    Some(match change {
        Change::DeleteAccount { .. } => "It has no SIMs, no users and no accounts below it.",
        Change::ChangeUser { .. } => {
            "They cannot sign in any more. What they did stays in the history. This is not undone: they can be \
             invited again."
        }
        Change::SetHelp { .. } => "Those below see what the account above it has set.",
        Change::SetCeiling { ceiling: None, .. } => "Caps stay as they are, and can be set higher again.",
        Change::Undo { .. } if total == 0 => "It is put back as it was before.",
        _ => return None,
    })
}

/// The one thing that must not be overlooked comes right after the total.
fn draw_hidden(theme: &Theme, confirm: &Confirm, lines: &mut Lines<'_>) {
    let said = match (confirm.hidden, confirm.all) {
        (Some(0), _) => return,
        (None, _) => "! counting what the filter hides …".to_owned(),
        (Some(n), true) => format!("! {} of them are hidden by the filter, and change too", count(n)),
        (Some(n), false) => {
            format!("! {} are hidden by the filter:  a  all   v  only the visible", count(n))
        }
    };
    lines.push(&said, theme.bad.add_modifier(Modifier::BOLD));
}

fn breakdown(model: &Model, confirm: &Confirm, lines: &mut Lines<'_>) {
    let theme = &model.theme;
    let Some(plan) = &confirm.plan else { return };
    let direction = if matches!(confirm.change, Change::Undo { .. }) { "back to" } else { "from" };
    let named = confirm.named_accounts();
    for (account, n) in plan.by_account.iter().take(named) {
        let path = model.accounts.names(*account).join(" / ");
        lines.line(&format!("{:>9}  {direction} {path}", count(*n)), theme.text);
    }
    if plan.by_account.len() > named {
        let rest: u64 = plan.by_account.iter().skip(named).map(|(_, n)| n).sum();
        lines.line(
            &format!("{:>9}  {direction} {} more accounts", count(rest), plan.by_account.len() - named),
            theme.text,
        );
    }
    for group in plan.groups.iter().take(named) {
        let there = if group.account.is_some() { "  (is there)" } else { "" };
        lines.line(&format!("{:>9}  to {}{there}", count(group.sims), group.name), theme.text);
    }
    if plan.groups.len() > named {
        let rest: u64 = plan.groups.iter().skip(named).map(|group| group.sims).sum();
        let more = plan.groups.len() - named;
        lines.line(&format!("{:>9}  to {more} more", count(rest)), theme.text);
    }
    if !plan.by_status.is_empty() {
        let parts: Vec<String> = plan
            .by_status
            .iter()
            .map(|(s, n)| format!("{}\u{a0}{}", count(*n), status_word(*s)))
            .collect();
        lines.push(&parts.join("\u{a0}· "), theme.text);
    }
    if !plan.sample.is_empty() {
        let iccids: Vec<&str> = plan.sample.iter().map(|s| s.iccid.as_str()).collect();
        let more = if plan.total > iccids.len() as u64 { " …" } else { "" };
        lines.push(&format!("{}{more}", iccids.join("  ")), theme.quiet());
    }
}

fn options(clear: Cleared) -> String {
    let word = |cleared| if cleared { "CLEAR" } else { "keep" };
    format!(
        "n notes: {}    r recipients: {}    t tags: {}",
        word(clear.notes),
        word(clear.recipients),
        word(clear.tags)
    )
}

/// The line above the buttons: what has to be typed, or why it cannot go ahead.
fn typing(theme: &Theme, confirm: &Confirm, place: &Dialog, buffer: &mut Buffer) -> Option<Position> {
    let line = Rect { y: place.inner.bottom().saturating_sub(2), height: 1, ..place.text() };
    let Some(number) = confirm.to_type() else {
        let said = confirm.why_not().unwrap_or_else(|| format!("y to {}", confirm.verb().to_lowercase()));
        text(buffer, line, &said, theme.text);
        return None;
    };
    let x = text(
        buffer,
        line,
        &format!("Type {} to {}: ", number, confirm.verb().to_lowercase()),
        theme.text,
    );
    let field = Rect {
        x,
        width: (number.to_string().len() as u16 + 4).min(line.right().saturating_sub(x)),
        ..line
    };
    buffer.set_style(field, Style::new().add_modifier(Modifier::UNDERLINED));
    text(buffer, field, confirm.typed.value(), theme.text.add_modifier(Modifier::BOLD));
    Some(Position::new(x + confirm.typed.visual_cursor() as u16, line.y))
}
