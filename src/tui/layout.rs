//! Where everything is: from the model alone, for drawing and for the mouse alike.

pub mod alerts;
pub mod builder;
mod buttons;
pub mod chips;
mod dialog;
pub mod form;
pub mod levels;
pub mod managed;
mod regions;
pub mod typing;

use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

pub use buttons::buttons;
pub use dialog::{dialog, dialog_of};
pub use regions::{Areas, Dialog, GUTTER, SMALLEST, areas, columns, has_tree, middle, too_small};

use super::action::Action as A;
use super::keymap::Pane;
use super::model::Model;
use super::overlay::pages::Page;
use super::overlay::spending::By;
use super::overlay::{Overlay, sim};

/// What is new since the person last looked at the alerts: at the right end of the banner, where a
/// change that runs has its place otherwise.
pub fn news(model: &Model) -> Option<(Rect, String)> {
    if model.news.alerts == 0 || model.job.is_some() {
        return None;
    }
    let key = model.keymap.key_in(model.pane(), A::Alerts).unwrap_or_default();
    let noun = if model.news.alerts == 1 { "alert" } else { "alerts" };
    let said = format!("{key} {} new {noun} ", estate::number::count(model.news.alerts));
    let width = said.width() as u16;
    let area = areas(model).banner;
    let room = area.width >= width + 50;
    room.then(|| (Rect { x: area.right() - width, width, ..area }, said))
}

/// The tabs of an overlay's pages.
pub fn tabs<P: Page>(inner: Rect) -> Vec<(Rect, P)> {
    let mut x = inner.x + 1;
    let place = |page: &P| {
        let width = page.title().width() as u16 + 2;
        let rect = Rect { x, y: inner.y, width: width.min(inner.right().saturating_sub(x)), height: 1 };
        x += width + 1;
        (rect, *page)
    };
    P::ALL.iter().map(place).collect()
}

/// How tall the chart above a list of days is.
pub fn chart_height(page: u16) -> u16 {
    if page >= 20 { 12 } else { 6 }
}

/// How many lines of its page the top overlay shows at a time.
pub fn page_room(model: &Model) -> usize {
    let height = dialog(model).map_or(0, |dialog| dialog.list.height);
    let above = match model.overlays.last() {
        // What stands above the fields: the status, the gauge and what it says.
        Some(Overlay::Sim(pane)) if pane.pages.open == sim::Page::Overview => 7,
        Some(Overlay::Spending(pane)) if pane.pages.open != By::Account => chart_height(height) + 1,
        _ => 1,
    };
    usize::from(height.saturating_sub(above))
}

/// The corner at which a menu opens by key: beside the cursor.
pub fn beside_cursor(model: &Model) -> Option<(u16, u16)> {
    let areas = areas(model);
    if model.focus == Pane::Tree {
        let line = model.tree.line(&model.accounts)?.checked_sub(model.tree.top)?;
        return Some((areas.tree.x + 8, areas.tree_lines.y + line as u16));
    }
    let line = model.table.cursor.checked_sub(model.table.top)?;
    Some((areas.rows.x + GUTTER + 8, areas.rows.y + line as u16))
}

/// What the footer offers here, without the help that is always there.
fn footer_actions(model: &Model) -> &'static [(A, &'static str)] {
    match model.focus {
        Pane::Table if model.page.is_some() => &[
            (A::OpenAccount, "choose"),
            (A::NextPane, "accounts"),
            (A::Menu, "actions"),
            (A::UserAdd, "invite"),
            (A::AccountAdd, "add below"),
            (A::ManagedAccounts, "SIMs"),
            (A::Palette, "all actions"),
        ],
        Pane::Tree if model.page.is_some() => &[
            (A::NextPane, "page"),
            (A::ToggleFold, "fold"),
            (A::Menu, "actions"),
            (A::AccountAdd, "add"),
            (A::FindAccount, "find"),
            (A::ManagedAccounts, "SIMs"),
        ],
        Pane::Tree => &[
            (A::OpenAccount, "open"),
            (A::ToggleFold, "fold"),
            (A::Menu, "actions"),
            (A::AccountAdd, "add"),
            (A::FindAccount, "find"),
            (A::NextPane, "SIMs"),
        ],
        _ if model.table.range.is_some() => {
            &[(A::Range, "end range"), (A::Back, "give up"), (A::Menu, "actions")]
        }
        _ if !model.picked.is_empty() => &[
            (A::Menu, "actions"),
            (A::Move, "move"),
            (A::Toggle, "select"),
            (A::SelectNone, "none"),
            (A::Undo, "undo"),
            (A::Search, "search"),
        ],
        _ => &[
            (A::SimDetails, "details"),
            (A::Menu, "actions"),
            (A::Toggle, "select"),
            (A::Search, "search"),
            (A::FilterBuilder, "filter"),
            (A::SelectMatching, "all"),
            (A::Range, "range"),
            (A::NextPane, "accounts"),
            (A::Palette, "all actions"),
        ],
    }
}

/// The footer: hints with their keys and places. Help is placed first and never drops off.
pub fn footer(model: &Model) -> Vec<(Rect, String, &'static str, A)> {
    let area = areas(model).footer;
    // A dialog says itself what can be done in it.
    if !model.overlays.is_empty() {
        return Vec::new();
    }
    let key = |action: A| model.keymap.key_in(model.pane(), action).unwrap_or_default();
    let help = format!("{} help", key(A::Help));
    let mut hints = Vec::new();
    let end = area.right().saturating_sub(help.width() as u16 + 1);
    let mut x = area.x + 1;
    for (action, word) in footer_actions(model) {
        let key = key(*action);
        let width = (key.width() + 1 + word.width()) as u16;
        if key.is_empty() || x + width + 2 > end {
            continue;
        }
        hints.push((Rect { x, width, ..area }, key, *word, *action));
        x += width + 3;
    }
    hints.push((Rect { x: end, width: help.width() as u16, ..area }, key(A::Help), "help", A::Help));
    hints
}
