//! An account's page, painted.

use estate::number::{count, sims};
use estate::units::short_bytes;
use estate::{Channel, Help, Role, User, UserState};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};

use super::paint::{cut_head, row, tabs, text, wrap};
use crate::tui::action::Action;
use crate::tui::keymap::Pane;
use crate::tui::layout::managed::{Parts, parts};
use crate::tui::managed::{Facts, HelpLine, Managed, Setting, Tab};
use crate::tui::model::Model;
use crate::tui::view::paint::status_word;

/// Paints the page in place of the table.
pub fn draw_managed(model: &Model, buffer: &mut Buffer) {
    let (Some(page), Some(parts)) = (&model.page, parts(model)) else { return };
    let theme = &model.theme;
    let here = model.focus == Pane::Table;
    let account = model.tree.cursor;
    let path = model.accounts.names(account).join(" / ");
    let style = if here { theme.title() } else { theme.text.add_modifier(Modifier::BOLD) };
    text(buffer, parts.title, &cut_head(&path, parts.title.width), style);
    tabs(
        theme,
        &page.pages,
        Rect { x: parts.tabs.x - 1, width: parts.tabs.width + 2, ..parts.tabs },
        buffer,
    );
    let Some(facts) = page.facts.as_ref().filter(|facts| facts.account == account) else {
        text(buffer, row(parts.list, 0), "reading …", theme.quiet());
        return;
    };
    match page.pages.open {
        Tab::Overview => overview(model, facts, &parts, buffer),
        Tab::Users => users(model, facts, &parts, buffer),
        Tab::Settings => settings(model, page, facts, &parts, buffer),
        Tab::Help => help(model, facts, &parts, buffer),
        Tab::History => history(model, facts, &parts, buffer),
    }
    if let Some(line) = line_of(page, &parts) {
        let line = Rect { x: line.x - 1, width: line.width + 2, ..line };
        let cursor = if here { theme.cursor() } else { Style::new().add_modifier(Modifier::UNDERLINED) };
        buffer.set_style(line, cursor);
    }
}

/// The line under the cursor, if it is in sight.
fn line_of(page: &Managed, parts: &Parts) -> Option<Rect> {
    let at = page.cursor.checked_sub(parts.first).filter(|y| *y < usize::from(parts.list.height));
    at.filter(|_| page.lines() > 0).map(|y| row(parts.list, y as u16))
}

/// Where the terminal's own cursor belongs while the page has the focus.
pub fn cursor(model: &Model) -> Option<Position> {
    let (page, parts) = (model.page.as_ref()?, parts(model)?);
    let line = line_of(page, &parts).unwrap_or(parts.title);
    Some(Position::new(line.x, line.y))
}

/// A name and what stands for it.
fn pair(model: &Model, line: Rect, name: &str, value: &str, buffer: &mut Buffer) {
    text(buffer, Rect { width: 14.min(line.width), ..line }, name, model.theme.quiet());
    let rest = Rect { x: line.x + 14, width: line.width.saturating_sub(14), ..line };
    text(buffer, rest, value, model.theme.text);
}

fn overview(model: &Model, facts: &Facts, parts: &Parts, buffer: &mut Buffer) {
    for (y, (said, _)) in facts.missing().iter().enumerate() {
        text(buffer, row(parts.list, y as u16), &format!("! {said}"), model.theme.warn);
    }
    let Some(account) = model.accounts.get(facts.account) else { return };
    let below = model.accounts.subtree(facts.account).len() as u64 - 1;
    let statuses =
        facts.statuses.iter().map(|(status, n)| format!("{}\u{a0}{}", count(*n), status_word(*status)));
    let admins = facts.users.iter().filter(|user| user.role == Role::Admin).count() as u64;
    let of_users = match facts.users.len() as u64 {
        0 => "none".to_owned(),
        n => format!("{} ({} Admin)", count(n), count(admins)),
    };
    let accounts =
        if below == 0 { "none below it".to_owned() } else { format!("{} below it", count(below)) };
    let pairs = [
        ("SIMs", format!("{} here, {} with those below", count(account.own), count(account.subtree))),
        ("", statuses.collect::<Vec<_>>().join("\u{a0}· ")),
        ("Used", format!("{} in the last 30 days (UTC), indicative", short_bytes(facts.month))),
        ("Accounts", accounts),
        ("Users", of_users),
        ("Reference", or_none(&account.reference)),
        ("Ceiling", account.ceiling.map_or_else(|| "none".into(), |c| model.accounts.ceiling_said(c))),
        ("Caps, alerts", if account.levels { "on".into() } else { "switched off".into() }),
    ];
    let mut y = 0;
    for (name, value) in pairs {
        for (i, part) in wrap(&value, parts.rest.width.saturating_sub(14)).iter().enumerate() {
            pair(model, row(parts.rest, y), if i == 0 { name } else { "" }, part, buffer);
            y += 1;
        }
    }
}

fn or_none(text: &str) -> String {
    if text.is_empty() { "none".to_owned() } else { text.to_owned() }
}

/// Cells of some widths, the last as wide as the room that is left.
fn cells(buffer: &mut Buffer, line: Rect, widths: &[u16], content: &[&str], style: Style) {
    let mut x = line.x;
    for (cell, width) in content.iter().zip(widths.iter().copied().chain([u16::MAX])) {
        let room = width.saturating_sub(1).min(line.right().saturating_sub(x));
        text(buffer, Rect { x, width: room, ..line }, cell, style);
        x = x.saturating_add(width);
    }
}

fn users(model: &Model, facts: &Facts, parts: &Parts, buffer: &mut Buffer) {
    let theme = &model.theme;
    let wide = parts.list.width >= 84;
    // Addresses tell people apart: they get the room there is.
    let room = parts.list.width;
    let widths: &[u16] = if wide {
        &[24, (room - 62).min(60), 10, 10]
    } else {
        &[15, room.saturating_sub(34).max(12), 10]
    };
    let bold = theme.text.add_modifier(Modifier::BOLD);
    let signed_in = format!("Last sign-in ({})", theme.zone.short_name());
    let head: &[&str] = if wide {
        &["Name", "Email", "Role", "State", &signed_in]
    } else {
        &["Name", "Email", "Role", "State"]
    };
    cells(buffer, row(parts.head, 0), widths, head, bold);
    let state = |user: &User| match user.state {
        UserState::Invited => "Invited",
        UserState::Active => "Active",
        UserState::Disabled => "Disabled",
    };
    for y in 0..parts.list.height {
        let at = parts.first + usize::from(y);
        let line = row(parts.list, y);
        let Some(user) = at.checked_sub(1).map(|at| facts.users.get(at)) else {
            text(buffer, line, "+ Invite a user…", theme.text);
            continue;
        };
        let Some(user) = user else { break };
        let style = if user.state == UserState::Active { theme.text } else { theme.quiet() };
        let signed = user.signed_in.map_or_else(|| "never".to_owned(), |at| theme.zone.minute(at));
        let role = user.role.to_string();
        let content = [user.name.as_str(), &user.email, &role, state(user), &signed];
        cells(buffer, line, widths, &content[..head.len()], style);
    }
    if facts.users.is_empty() && parts.list.height > 2 {
        text(buffer, row(parts.list, 2), "Nobody belongs to it yet.", theme.quiet());
    }
}

fn settings(model: &Model, page: &Managed, facts: &Facts, parts: &Parts, buffer: &mut Buffer) {
    let Some(account) = model.accounts.get(facts.account) else { return };
    let value = |action: Action| match action {
        Action::AccountRename => account.name.clone(),
        Action::AccountReference => or_none(&account.reference),
        Action::AccountCaps if account.levels => "on".to_owned(),
        Action::AccountCaps if account.own_levels => "switched off by the account above".to_owned(),
        Action::AccountCaps => "switched off here and below".to_owned(),
        Action::AccountPeriod => {
            let inherited = if account.own_period.is_none() { ", as above it" } else { "" };
            format!("{}{inherited}", account.period.describe())
        }
        Action::AccountCeiling => {
            account.ceiling.map_or_else(|| "none".into(), |c| model.accounts.ceiling_said(c))
        }
        Action::AccountMove => {
            let parent = account.parent.map(|id| model.accounts.names(id).join(" / "));
            parent.unwrap_or_else(|| "nothing: it is the top".to_owned())
        }
        _ => "+ Add a mail address or a webhook…".to_owned(),
    };
    for (y, setting) in
        page.settings().iter().skip(parts.first).take(usize::from(parts.list.height)).enumerate()
    {
        let line = row(parts.list, y as u16);
        match setting {
            Setting::Asked(name, action) => pair(model, line, name, &value(*action), buffer),
            Setting::External(at) => {
                let Some(external) = facts.externals.get(*at) else { continue };
                let what = if external.channel == Channel::Webhook { "webhook" } else { "mail" };
                pair(
                    model,
                    line,
                    "",
                    &format!("{} ({what}); Enter takes it away", external.address),
                    buffer,
                );
            }
        }
    }
}

fn help(model: &Model, facts: &Facts, parts: &Parts, buffer: &mut Buffer) {
    let said = |help: Option<&Help>| help.map_or_else(|| "simdeck's own page".to_owned(), Help::describe);
    let set = match &facts.help {
        Some(help) => said(Some(help)),
        None => format!("what is set above: {}", said(facts.seen.as_ref())),
    };
    pair(model, row(parts.head, 0), "Those below", &set, buffer);
    pair(model, row(parts.head, 1), "Its own users", &said(facts.seen.as_ref()), buffer);
    for (y, line) in HelpLine::ALL.into_iter().enumerate() {
        let idle = line == HelpLine::Leave && facts.help.is_none();
        let style = if idle { model.theme.quiet() } else { model.theme.text };
        text(buffer, row(parts.list, y as u16), line.title(), style);
    }
}

fn history(model: &Model, facts: &Facts, parts: &Parts, buffer: &mut Buffer) {
    let theme = &model.theme;
    let bold = theme.text.add_modifier(Modifier::BOLD);
    let widths: &[u16] = if parts.list.width >= 84 { &[18, 20] } else { &[13, 14] };
    let when = format!("When ({})", theme.zone.short_name());
    cells(buffer, row(parts.head, 0), widths, &[&when, "Who", "What"], bold);
    if facts.entries.is_empty() {
        text(buffer, row(parts.list, 0), "Nothing was changed in it yet.", theme.quiet());
    }
    for (y, entry) in
        facts.entries.iter().skip(parts.first).take(usize::from(parts.list.height)).enumerate()
    {
        let minute = theme.zone.minute(entry.at);
        let when = if widths[0] < 18 { &minute[5..] } else { &minute };
        let who = entry.by.split(" <").next().unwrap_or_default();
        let undone = if entry.undone { " · undone" } else { "" };
        let counted = if entry.counts.missed_count() > 0 {
            format!(" · {} left out", sims(entry.counts.missed_count()))
        } else {
            String::new()
        };
        let what = format!("{}{counted}{undone}", entry.summary);
        let style = if entry.undone { theme.quiet() } else { theme.text };
        cells(buffer, row(parts.list, y as u16), widths, &[when, who, &what], style);
    }
}
