//! Where everything is: from the model alone, for drawing and for the mouse alike.

pub mod alerts;
pub mod builder;
mod buttons;
pub mod chips;
mod dialog;
pub mod form;
pub mod levels;
pub mod managed;

use estate::Column;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

pub use buttons::buttons;
pub use dialog::{Dialog, dialog, dialog_of, middle};

use super::action::Action as A;
use super::columns::{self, Col, Shown};
use super::keymap::Pane;
use super::model::Model;
use super::overlay::pages::Page;
use super::overlay::spending::By;
use super::overlay::{Overlay, sim};

/// What is new since the person last looked at the alerts: at the right end of the banner, where a change that runs has
/// its place otherwise.
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

/// Below this there is only a message.
pub const SMALLEST: (u16, u16) = (40, 10);
/// The box and a blank before each row.
pub const GUTTER: u16 = 4;

/// The parts of the screen; one that is not shown has no size.
#[derive(Debug, Clone, Copy, Default)]
#[expect(missing_docs, reason = "each is the place of the part it is named after")]
pub struct Areas {
    pub banner: Rect,
    pub tree: Rect,
    pub tree_lines: Rect,
    pub table: Rect,
    pub heading: Rect,
    /// The conditions of the filter, or what is wrong with the line above.
    pub chips: Rect,
    pub header: Rect,
    pub rows: Rect,
    pub scrollbar: Rect,
    pub details: Rect,
    pub status: Rect,
    pub footer: Rect,
}

impl Areas {
    /// Whether the details have a place.
    pub fn details_shown(&self) -> bool {
        self.details.width > 0
    }
}

/// Whether the screen is too small for anything but a message.
pub fn too_small(model: &Model) -> bool {
    model.size.0 < SMALLEST.0 || model.size.1 < SMALLEST.1
}

/// Divides the screen.
pub fn areas(model: &Model) -> Areas {
    let (width, height) = model.size;
    if too_small(model) {
        return Areas::default();
    }
    let mut areas = Areas {
        banner: Rect::new(0, 0, width, 1),
        status: Rect::new(0, height - 2, width, 1),
        footer: Rect::new(0, height - 1, width, 1),
        ..Areas::default()
    };
    let body = Rect::new(0, 1, width, height - 3);
    let tree = tree_width(model, width);
    areas.tree = Rect { width: tree, ..body };
    let mut table = Rect { x: tree, width: width - tree, ..body };
    if tree > 0 && tree < width {
        // One column for the line between them.
        table.x += 1;
        table.width -= 1;
    }
    if table.width > 0 && model.page.is_none() {
        details(model, &mut areas, &mut table);
    }
    areas.tree_lines = Rect { y: body.y + 1, height: body.height - 1, ..areas.tree };
    areas.table = table;
    areas.heading = Rect { height: 1.min(table.height), ..table };
    let filtered = model.search.is_some() || model.query.filter != estate::Filter::All;
    let above = if filtered && table.height > 4 { 2 } else { 1 };
    areas.chips = Rect { y: table.y + 1, height: above - 1, ..table };
    areas.rows = Rect {
        y: table.y + above + 1,
        height: table.height.saturating_sub(above + 1),
        width: table.width.saturating_sub(1),
        ..table
    };
    areas.header = Rect { y: table.y + above, height: 1.min(table.height), ..areas.rows };
    areas.scrollbar = Rect { x: table.right().saturating_sub(1), width: 1.min(table.width), ..areas.rows };
    areas
}

/// Whether there is a tree to go to: on a narrow screen it takes the table's place.
pub fn has_tree(model: &Model) -> bool {
    !too_small(model) && (model.size.0 < NARROW || model.show_tree)
}

/// Below this there is one pane at a time.
const NARROW: u16 = 70;

fn tree_width(model: &Model, width: u16) -> u16 {
    match (model.focus == Pane::Tree, width) {
        (true, 0..NARROW) => width,
        (false, 0..NARROW) => 0,
        _ if !model.show_tree && model.focus != Pane::Tree => 0,
        (_, NARROW..100) => 22,
        (_, 100..160) => 27,
        _ => 36,
    }
}

fn details(model: &Model, areas: &mut Areas, table: &mut Rect) {
    let (width, height) = model.size;
    let wanted = |roomy: bool| model.show_details.unwrap_or(roomy);
    if width >= 150 && wanted(true) {
        let room = 42;
        areas.details = Rect { x: table.right() - room, width: room, ..*table };
        table.width -= room + 1;
    } else if width < 150 && height >= 18 && wanted(height >= 32) {
        let room = 9;
        areas.details = Rect { y: table.bottom() - room, height: room, ..*table };
        table.height -= room;
    }
}

/// The columns on the screen: which, where, how wide. The pinned ones come first and stay.
pub fn columns(model: &Model, table: Rect) -> Vec<(&'static Col, Rect)> {
    let room = table.width.saturating_sub(GUTTER + 1);
    let all = model.columns.shown();
    let (pinned, others) = all.split_at(model.columns.pinned());
    let scrolled = model.table.column.min(others.len().saturating_sub(1));
    let mut shown: Vec<(&Shown, u16)> = Vec::new();
    let mut used = 0;
    for column in pinned.iter().chain(&others[scrolled..]) {
        let width = column.width.unwrap_or(columns::of(column.by).width);
        // The first is shown whatever the room.
        let width = if shown.is_empty() { width.min(room) } else { width };
        if used + width > room {
            break;
        }
        shown.push((column, width));
        used += width + 1;
    }
    spread(&mut shown, room.saturating_sub(used.saturating_sub(1)));
    let mut x = table.x + GUTTER;
    let place = |(column, width): (&Shown, u16)| {
        let rect = Rect { x, width, ..table };
        x += width + 1;
        (columns::of(column.by), rect)
    };
    shown.into_iter().map(place).collect()
}

/// Gives the room that is left to the columns that values are cut in, in turns; a width set by hand stays.
fn spread(shown: &mut [(&Shown, u16)], mut spare: u16) {
    const TURNS: [(Column, u16); 11] = [
        (Column::Network, 1),
        (Column::Label, 4),
        (Column::Account, 6),
        (Column::Iccid, 10),
        (Column::Network, 2),
        (Column::Label, 6),
        (Column::Tags, 8),
        (Column::Account, 30),
        (Column::Label, 10),
        (Column::Notes, 40),
        (Column::Recipients, 30),
    ];
    for (by, most) in TURNS {
        if let Some((_, width)) = shown.iter_mut().find(|(c, _)| c.by == by && c.width.is_none()) {
            let more = spare.min(most);
            *width += more;
            spare -= more;
        }
    }
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
fn offered(model: &Model) -> &'static [(A, &'static str)] {
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
    for (action, word) in offered(model) {
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
