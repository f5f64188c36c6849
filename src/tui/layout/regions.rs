//! The regions of the screen.

use estate::Column;
use ratatui::layout::Rect;

use crate::tui::columns::{self, Col, Shown};
use crate::tui::keymap::Pane;
use crate::tui::model::Model;

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
    areas.scrollbar =
        Rect { x: table.right().saturating_sub(1), width: 1.min(table.width), ..areas.rows };
    areas
}

/// Whether there is a tree to go to: on a narrow screen it takes the table's place.
pub fn has_tree(model: &Model) -> bool {
    !too_small(model) && (model.size.0 < NARROW || model.show_tree)
}

/// Below this there is one pane at a time.
pub(crate) const NARROW: u16 = 70;

pub(crate) fn tree_width(model: &Model, width: u16) -> u16 {
    match (model.focus == Pane::Tree, width) {
        (true, 0..NARROW) => width,
        (false, 0..NARROW) => 0,
        _ if !model.show_tree && model.focus != Pane::Tree => 0,
        (_, NARROW..100) => 22,
        (_, 100..160) => 27,
        _ => 36,
    }
}

pub(crate) fn details(model: &Model, areas: &mut Areas, table: &mut Rect) {
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
    let all = model.columns.shown_columns();
    let (pinned, others) = all.split_at(model.columns.pinned_count());
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

/// Gives the room that is left to the columns that values are cut in, in turns; a width set by hand
/// stays.
pub(crate) fn spread(shown: &mut [(&Shown, u16)], mut spare: u16) {
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

/// A dialog's frame, its inside, and the lines of its list.
#[derive(Debug, Clone, Copy, Default)]
#[expect(missing_docs, reason = "each is the place of the part it is named after")]
pub struct Dialog {
    pub area: Rect,
    pub inner: Rect,
    pub list: Rect,
    /// The first line of the list that is shown.
    pub first: usize,
}

impl Dialog {
    /// Where text stands: a column is free at either side.
    pub fn text(&self) -> Rect {
        Rect { x: self.inner.x + 1, width: self.inner.width.saturating_sub(2), ..self.inner }
    }
}

/// In the middle of the screen, as far as there is room.
pub fn middle(screen: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(screen.width), height.min(screen.height));
    Rect::new((screen.width - width) / 2, (screen.height - height) / 2, width, height)
}
