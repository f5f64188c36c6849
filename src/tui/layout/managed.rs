//! Where the parts of an account's page are.

use ratatui::layout::Rect;

use crate::tui::layout::regions::areas;
use crate::tui::managed::{Managed, Tab};
use crate::tui::model::Model;

/// The parts of the page.
#[derive(Debug, Clone, Copy, Default)]
#[expect(missing_docs, reason = "each is the place of the part it is named after")]
pub struct Parts {
    pub title: Rect,
    pub tabs: Rect,
    /// What stands above the lines that can be chosen.
    pub head: Rect,
    pub list: Rect,
    /// The first line of the list that is shown.
    pub first: usize,
    /// What stands below them.
    pub rest: Rect,
}

/// Lines that stand above those that can be chosen.
fn above(tab: Tab) -> u16 {
    match tab {
        Tab::Users | Tab::History => 1,
        Tab::Help => 3,
        Tab::Overview | Tab::Settings => 0,
    }
}

/// Divides the page; `None` where it is not shown.
pub fn parts(model: &Model) -> Option<Parts> {
    let page = model.page.as_ref()?;
    let area = areas(model).table;
    (area.width > 0).then(|| page_parts(page, area))
}

fn page_parts(page: &Managed, area: Rect) -> Parts {
    let line = |y: u16, height: u16| {
        let y = y.min(area.height);
        let height = height.min(area.height - y);
        Rect { x: area.x + 1, y: area.y + y, width: area.width.saturating_sub(2), height }
    };
    let above = above(page.pages.open);
    let lines = page.lines() as u16;
    // Only lists take all the room there is; the overview goes on below what is missing.
    let room = area.height.saturating_sub(3 + above);
    let tall = if page.pages.open == Tab::Overview { lines.min(room) } else { room };
    let first = (page.cursor + 1).saturating_sub(usize::from(tall).max(1));
    let below = 3 + above + tall + u16::from(tall > 0);
    Parts {
        title: line(0, 1),
        tabs: line(1, 1),
        head: line(3, above),
        list: line(3 + above, tall),
        first,
        rest: line(below, area.height.saturating_sub(below)),
    }
}
