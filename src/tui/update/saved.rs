//! Saved filters: called by digit or from their list, kept, named, ordered; and the layouts that go
//! with them.

use estate::{Filter, Order, Saved, SavedEdit, saved};

use super::columns::show_columns;
use super::filters::error_with_hint;
use crate::tui::columns::Columns;
use crate::tui::model::{ActiveFilter, Layout, Model, PreviousView};
use crate::tui::msg::Effect;
use crate::tui::overlay::{Overlay, Prompt, PromptKind, SavedPane, SavedWish};

/// Calls the filter of a digit; the one in force is taken away again.
pub fn call_digit(model: &mut Model, digit: u8) -> Vec<Effect> {
    match saved::called_by(&model.saved, &model.accounts, digit) {
        Some(saved) if model.is_called(&saved.name) => model.clear_filter(),
        Some(saved) => call(model, &saved),
        None => {
            model.messages.say(format!("{digit} calls no filter; b, then b binds it to a saved one"));
            Vec::new()
        }
    }
}

/// Looks at the estate as a saved filter says.
pub fn call(model: &mut Model, saved: &Saved) -> Vec<Effect> {
    let filter = match saved.check() {
        Ok(filter) => filter,
        Err(error) => {
            model.messages.fail(&error);
            return Vec::new();
        }
    };
    model.leave_saved();
    let mut gone = None;
    let usual = PreviousView {
        columns: model.columns.clone(),
        sort: model.query.sort.clone(),
        scope: saved.scope.as_ref().map(|_| (model.query.under, model.query.deep)),
    };
    if let Some(scope) = &saved.scope {
        match scope.account(&model.accounts) {
            Ok(account) => {
                model.look_at(account, scope.deep);
            }
            Err(error) => gone = Some(error_with_hint(&error)),
        }
    }
    let layout = Layout { columns: saved.columns.clone(), sort: saved.sort.clone() };
    let own = layout != Layout::default();
    // What has become of it since counts only as long as the same is saved.
    let now =
        model.layouts.get(&saved.name).filter(|(began, _)| *began == layout).map(|(_, now)| now.clone());
    lay_out(model, &now.unwrap_or_else(|| layout.clone()));
    if own || saved.scope.is_some() {
        model.usual = Some(usual);
    }
    // An account that is gone holds no SIM; another is never looked at instead.
    let filter = if gone.is_some() { Filter::none() } else { filter };
    model.query.filter = filter.clone();
    let effects = model.requery();
    model.called = Some(ActiveFilter { name: saved.name.clone(), filter, layout: own.then_some(layout) });
    model.fault = gone;
    effects
}

/// Shows a saved layout, as far as there is one.
fn lay_out(model: &mut Model, layout: &Layout) {
    if !layout.columns.is_empty() {
        let (columns, unknown) = Columns::of_saved(&layout.columns);
        show_columns(model, columns);
        if !unknown.is_empty() {
            model.messages.say(format!("columns this version does not know: {}", unknown.join(", ")));
        }
    }
    if let Some(order) = layout.sort.as_deref().and_then(|sort| Order::parse(sort).ok()) {
        model.query.sort = order;
    }
}

/// Opens the list of saved filters.
pub fn open_saved(model: &mut Model) -> Vec<Effect> {
    let quick = saved::quick(&model.accounts);
    let pane = SavedPane { own: model.saved.clone(), quick, ..SavedPane::default() };
    model.overlays.push(Overlay::Saved(pane));
    vec![Effect::Saved]
}

/// The saved filters were read, or changed.
pub fn saved_read(model: &mut Model, list: Vec<Saved>) {
    for overlay in &mut model.overlays {
        if let Overlay::Saved(pane) = overlay {
            pane.own.clone_from(&list);
            pane.cursor = pane.cursor.min(pane.len().saturating_sub(1));
        }
    }
    model.saved = list;
}

/// Asks for the name to keep the filter under.
pub fn keep(model: &mut Model) {
    let name = model.called.as_ref().filter(|_| model.is_called_by_own()).map(|c| c.name.clone());
    let hint = "its name; another of that name is asked about";
    let prompt = Prompt::new("Save the filter", hint, &name.unwrap_or_default(), PromptKind::SaveFilter);
    model.overlays.push(Overlay::Prompt(prompt));
}

/// What is shown now, as a saved filter.
fn capture_filter(model: &Model, name: &str, whole: bool) -> Saved {
    let plain =
        Saved { name: name.to_owned(), filter: model.query.filter.to_string(), ..Saved::default() };
    if !whole {
        return plain;
    }
    let scope = saved::SavedScope {
        account: Some(model.query.under.0),
        path: model.accounts.path(model.query.under),
        deep: model.query.deep,
    };
    let sort = Some(model.query.sort.to_string());
    Saved { sort, columns: model.columns.to_saved(), scope: Some(scope), ..plain }
}

/// Saves what is shown now: that is the filter in force from now on.
pub fn save(model: &mut Model, name: &str, whole: bool) -> Vec<Effect> {
    let saved = capture_filter(model, name, whole);
    let layout = Layout { columns: saved.columns.clone(), sort: saved.sort.clone() };
    let own = layout != Layout::default();
    if own && model.usual.is_none() {
        model.usual = Some(PreviousView {
            columns: model.columns.clone(),
            sort: model.query.sort.clone(),
            scope: None,
        });
    }
    let filter = model.query.filter.clone();
    model.called = Some(ActiveFilter { name: name.to_owned(), filter, layout: own.then_some(layout) });
    let said = format!("saved as {name}; b lists the saved filters, and b there binds one to a digit");
    edit(model, SavedEdit::Put(saved, true), said)
}

/// Does what is wanted of a saved filter.
pub fn wish(model: &mut Model, wish: SavedWish) -> Vec<Effect> {
    match wish {
        SavedWish::Call(saved) => {
            model.overlays.pop();
            call(model, &saved)
        }
        SavedWish::Keep => {
            keep(model);
            Vec::new()
        }
        SavedWish::Rename(name) => {
            let prompt = Prompt::new(
                format!("Rename {name}"),
                "its new name",
                &name,
                PromptKind::RenameFilter(name.clone()),
            );
            model.overlays.push(Overlay::Prompt(prompt));
            Vec::new()
        }
        SavedWish::Delete(name) => {
            edit(model, SavedEdit::Delete(name.clone()), format!("{name} is deleted"))
        }
        SavedWish::Place(name, place) => edit(model, SavedEdit::Place(name, place), String::new()),
        SavedWish::Digit(name, digit) => {
            let said = digit
                .map_or_else(|| format!("no digit calls {name} now"), |d| format!("{d} calls {name}"));
            edit(model, SavedEdit::Digit(name, digit), said)
        }
        SavedWish::Export if model.saved.is_empty() => {
            model.messages.say("there are none of your own to export");
            Vec::new()
        }
        SavedWish::Export => {
            let hint = "the file to write your filters to";
            let prompt = Prompt::new("Export filters", hint, "filters.json", PromptKind::ExportFilters);
            model.overlays.push(Overlay::Prompt(prompt));
            Vec::new()
        }
        SavedWish::Import => {
            let hint = "the file to read filters from";
            let prompt = Prompt::new("Import filters", hint, "filters.json", PromptKind::ImportFilters);
            model.overlays.push(Overlay::Prompt(prompt));
            Vec::new()
        }
    }
}

/// Changes the saved filters; what is remembered about them follows.
pub fn edit(model: &mut Model, edit: SavedEdit, said: String) -> Vec<Effect> {
    let named = |called: &ActiveFilter, name: &str| called.name == name;
    match &edit {
        SavedEdit::Put(saved, _) => drop(model.layouts.remove(&saved.name)),
        SavedEdit::Delete(name) => {
            model.layouts.remove(name);
            if let Some(called) = model.called.as_mut().filter(|c| named(c, name)) {
                called.layout = None;
                called.name.clear();
            }
        }
        SavedEdit::Rename(from, to) => {
            if let Some(layout) = model.layouts.remove(from) {
                model.layouts.insert(to.clone(), layout);
            }
            if let Some(called) = model.called.as_mut().filter(|c| named(c, from)) {
                called.name.clone_from(to);
            }
        }
        SavedEdit::Place(..) | SavedEdit::Digit(..) => {}
    }
    vec![Effect::EditSaved { edits: vec![edit], said }]
}
