//! The columns, and what a header offers.

use crate::tui::action::Action as A;
use crate::tui::columns::{self, Columns};
use crate::tui::model::Model;
use crate::tui::msg::Effect;
use crate::tui::overlay::response::MenuChoice;
use crate::tui::overlay::{Choosable, Chooser, ColumnsPane, Overlay};

/// What can be done with a column, from its header.
pub fn column_menu(model: &mut Model, by: estate::Column, at: (u16, u16)) -> Vec<Effect> {
    let column = columns::of(by);
    let mut items = vec![
        Choosable::new(format!("Sort by {}", column.name), "", MenuChoice::Sort(by)),
        Choosable::new("Then sort by it", "", MenuChoice::ThenSort(by)),
    ];
    if by == estate::Column::Account {
        items.push(Choosable::new("Filter by account name…", "", MenuChoice::Action(A::FilterAccount)));
    }
    let pinned = model.columns.get(by).is_some_and(|c| c.pinned);
    items.push(Choosable::new(
        if pinned { "Let it scroll" } else { "Pin it" },
        "",
        MenuChoice::PinColumn(by),
    ));
    if by != estate::Column::Iccid {
        items.push(Choosable::new("Hide it", "", MenuChoice::ToggleColumn(by)));
    }
    items.push(Choosable::new("Columns…", "", MenuChoice::Action(A::Columns)));
    model.overlays.push(Overlay::Choose(Chooser::menu(column.name, Some(at), items)));
    Vec::new()
}

/// Shows these columns from now on.
pub fn show_columns(model: &mut Model, columns: Columns) -> Vec<Effect> {
    model.columns = columns;
    let scrolling = model.columns.shown_columns().len() - model.columns.pinned_count();
    model.table.column = model.table.column.min(scrolling.saturating_sub(1));
    Vec::new()
}

/// Opens the column chooser.
pub fn choose_columns(model: &mut Model) -> Vec<Effect> {
    model.overlays.push(Overlay::Columns(ColumnsPane::new(model.columns.clone())));
    Vec::new()
}
