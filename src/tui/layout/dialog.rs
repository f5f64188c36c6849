//! Where the top overlay is, and the lines of its list.

use estate::saved::WATCHED;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use super::{alerts, builder, form};
use crate::tui::layout::regions::{Dialog, middle};
use crate::tui::model::Model;
use crate::tui::overlay::support::About;
use crate::tui::overlay::{Choosable, FormKind, Overlay};

/// Where the top overlay is.
pub fn dialog(model: &Model) -> Option<Dialog> {
    Some(dialog_of(model, model.overlays.last()?))
}

/// Where an overlay is.
pub fn dialog_of(model: &Model, overlay: &Overlay) -> Dialog {
    let screen = Rect::new(0, 0, model.size.0, model.size.1);
    match overlay {
        Overlay::Choose(chooser) => {
            let label = chooser.items.iter().map(|i| i.label.width() + reach(i) + 5).max().unwrap_or(10);
            let wide = (label.max(chooser.title.width() + 6) as u16).clamp(24, 100).min(screen.width);
            let extra = if chooser.input.is_some() { 4 } else { 2 };
            let lines =
                if chooser.input.is_some() { chooser.items.len() } else { chooser.shown.len() } as u16;
            let most = if chooser.input.is_some() && chooser.at.is_some() { 16 } else { 30 };
            let tall = (lines.max(1) + extra).min(screen.height.saturating_sub(2)).min(most);
            let area = match chooser.at {
                Some(at) => corner(screen, at, wide, tall),
                None => middle(screen, wide, tall),
            };
            list_dialog(area, if chooser.input.is_some() { 2 } else { 0 }, 0, chooser.cursor)
        }
        Overlay::Confirm(confirm) => list_dialog(middle(screen, 76, confirm.height()), 0, 1, 0),
        Overlay::Prompt(prompt) => {
            let options = u16::from(!prompt.purpose.options().is_empty());
            list_dialog(middle(screen, 72, 7 + options), 0, 1, 0)
        }
        Overlay::Result(result) => {
            list_dialog(middle(screen, 110, screen.height.saturating_sub(4)), 4, 1, result.cursor)
        }
        Overlay::History(history) => {
            list_dialog(middle(screen, 160, screen.height.saturating_sub(4)), 1, 1, history.cursor)
        }
        Overlay::Builder(builder) => list_dialog(builder::frame(builder, screen), 0, 1, 0),
        Overlay::Columns(pane) => {
            let tall = pane.lines().len() as u16 + 6;
            list_dialog(beside(screen, 48, tall.min(screen.height.saturating_sub(2))), 1, 3, pane.cursor)
        }
        Overlay::Saved(pane) => {
            let tall = (pane.len() as u16 + 5).clamp(11, screen.height.saturating_sub(2).max(11));
            list_dialog(middle(screen, 92, tall), 1, 2, pane.cursor)
        }
        Overlay::Numbers(pane) => {
            let lines = pane.missing.len().max(pane.all.len()).min(100) as u16;
            let tall = (lines + 6).clamp(10, screen.height.saturating_sub(4).max(10));
            list_dialog(middle(screen, 72, tall), 2, 1, pane.cursor)
        }
        Overlay::Alerts(pane) => {
            // A low screen leaves no rows around it.
            let around = if screen.height < 18 { 0 } else { 4 };
            let whole = list_dialog(middle(screen, 110, screen.height - around), 0, 2, 0);
            let list = alerts::lines(pane, whole.inner).list;
            let cursor = pane.cursor.saturating_sub(WATCHED.len());
            let first = (cursor + 1).saturating_sub(usize::from(list.height).max(1));
            Dialog { list, first, ..whole }
        }
        other => page_of(screen, other),
    }
}

/// Where an overlay is that is a page or a form.
fn page_of(screen: Rect, overlay: &Overlay) -> Dialog {
    match overlay {
        Overlay::Sim(_) | Overlay::Spending(_) => {
            list_dialog(middle(screen, 124, screen.height.saturating_sub(2).min(40)), 2, 2, 0)
        }
        Overlay::Levels(_) => list_dialog(middle(screen, 76, 17), 0, 1, 0),
        Overlay::Support(pane) => {
            let contact = matches!(pane.help, Some(estate::Help::Contact(_)));
            // A contact is a pop-up; a page takes what room there is.
            let small = contact && pane.pages.open == About::Help;
            let tall = if small { 12 } else { screen.height.saturating_sub(2) };
            list_dialog(middle(screen, if small { 64 } else { 100 }, tall), 2, 2, 0)
        }
        Overlay::Probe(pane) => {
            let tall = (pane.lines().len() as u16 + 5).clamp(8, screen.height.saturating_sub(2).max(8));
            list_dialog(middle(screen, 84, tall), 1, 2, 0)
        }
        Overlay::Link(_) => list_dialog(middle(screen, 116, 11), 1, 2, 0),
        Overlay::Form(open) => {
            let page = matches!(open.purpose, FormKind::HelpPage(_));
            let tall = if page { screen.height.saturating_sub(2) } else { form::height(open) };
            list_dialog(middle(screen, if page { 100 } else { 84 }, tall), 0, 1, 0)
        }
        Overlay::Messages(top) => {
            let mut dialog = list_dialog(middle(screen, 100, screen.height.saturating_sub(4)), 0, 1, 0);
            dialog.first = *top;
            dialog
        }
        // Work under way.
        _ => list_dialog(middle(screen, 60, 8), 0, 1, 0),
    }
}

/// Room for what stands at the right of a line, or for why it cannot be chosen.
fn reach(item: &Choosable) -> usize {
    item.note.width().max(item.why.as_ref().map_or(0, |why| why.width().min(44)))
}

fn list_dialog(area: Rect, above: u16, below: u16, cursor: usize) -> Dialog {
    let inner = Rect {
        x: area.x + 1,
        y: area.y + 1,
        width: area.width.saturating_sub(2),
        height: area.height.saturating_sub(2),
    };
    let list = Rect { y: inner.y + above, height: inner.height.saturating_sub(above + below), ..inner };
    let first = (cursor + 1).saturating_sub(usize::from(list.height).max(1));
    Dialog { area, inner, list, first }
}

/// At the right, so that the table stays in sight.
fn beside(screen: Rect, width: u16, height: u16) -> Rect {
    let area = middle(screen, width, height);
    Rect { x: screen.right().saturating_sub(area.width + 1).max(area.x), ..area }
}

/// At a corner; it flips to the left and upwards where there is no room.
fn corner(screen: Rect, (x, y): (u16, u16), width: u16, height: u16) -> Rect {
    let left = if x + width <= screen.width { x } else { (x + 1).saturating_sub(width) };
    let top = if y + 1 + height <= screen.height { y + 1 } else { y.saturating_sub(height) };
    Rect::new(left.min(screen.width - width), top.min(screen.height - height), width, height)
}
