//! Filters: the line, the builder, chips, recent and saved ones, lists.

use std::path::PathBuf;
use std::sync::Arc;

use estate::filter::suggest::Known;
use estate::{
    AccountId, Error, Field, Filter, List, Lookup, Op, Order, Query, Saved, SavedEdit, Value, saved,
};

use super::{act, dialogs, menus, select};
use crate::tui::columns::Columns;
use crate::tui::conditions::{Row, chip, parts, without};
use crate::tui::keymap::Pane;
use crate::tui::layout;
use crate::tui::model::{Called, Layout, Model, Search, Usual};
use crate::tui::msg::{Effect, ListSource, ListUse};
use crate::tui::overlay::line::{Holds, LONGEST, Line};
use crate::tui::overlay::{
    Builder, Choice, Choosable, Chooser, ColumnsPane, NumbersPane, Overlay, Prompt, Purpose, Reply,
    SavedPane, SavedWish,
};

/// How many filters are remembered.
const RECENT: usize = 20;

/// Sets a filter that a person has settled on, and remembers it.
pub fn settle(model: &mut Model, filter: Filter) -> Vec<Effect> {
    let text = filter.to_string();
    remember(model, &text);
    model.filter(filter)
}

/// Notes a filter for the list of recent ones.
pub fn remember(model: &mut Model, text: &str) {
    // A list is kept by saving it.
    if text.is_empty() || text.len() > LONGEST {
        return;
    }
    model.recent_filters.retain(|known| known != text);
    model.recent_filters.insert(0, text.to_owned());
    model.recent_filters.truncate(RECENT);
}

/// Reads the values that can be chosen, if they may have changed.
fn know(model: &mut Model) -> Vec<Effect> {
    if std::mem::take(&mut model.known_stale) { vec![Effect::Known] } else { Vec::new() }
}

/// Opens the filter line.
pub fn open_line(model: &mut Model) -> Vec<Effect> {
    let before = model.query.filter.clone();
    let text = before.to_string();
    let fits = text.len() <= LONGEST;
    let line = Line::new(if fits { &text } else { "" }, Holds::Filter);
    if !fits {
        model.messages.say("the list stays until something else is typed; F shows it as a condition");
    }
    model.search = Some(Search { line, before });
    know(model)
}

/// The line changed: what can be read is filtered by at once, unless its last word is the beginning of a field.
pub fn typed(model: &mut Model) -> Vec<Effect> {
    match &model.search {
        Some(search) if !search.line.begins_field() => read_line(model),
        _ => Vec::new(),
    }
}

/// Filters by what the line says.
pub fn read_line(model: &mut Model) -> Vec<Effect> {
    let Some(search) = &model.search else { return Vec::new() };
    match Filter::parse(search.line.text()) {
        Ok(filter) => model.filter(filter),
        Err(_) => Vec::new(),
    }
}

/// Opens the Filter Builder on the filter in force.
pub fn open_builder(model: &mut Model) -> Vec<Effect> {
    let builder = Builder::new(&model.query.filter, Arc::clone(&model.accounts), model.known.clone());
    model.overlays.push(Overlay::Builder(Box::new(builder)));
    let mut effects = know(model);
    effects.extend(tally(model));
    effects
}

/// Counts what the builder's filter matches, where the list is looked at.
pub fn tally(model: &mut Model) -> Vec<Effect> {
    model.tickets.tally = model.tickets.take();
    let ticket = model.tickets.tally;
    let Some(Overlay::Builder(builder)) = model.overlays.last_mut() else { return Vec::new() };
    match builder.filter() {
        Ok(filter) => {
            let query = Query { filter, now: model.now, ..model.query.clone() };
            vec![Effect::Tally { ticket, query: Box::new(query) }]
        }
        Err(_) => Vec::new(),
    }
}

/// The builder's matches were counted.
pub fn tallied(model: &mut Model, answer: Result<u64, Error>) {
    let Some(Overlay::Builder(builder)) =
        model.overlays.iter_mut().rfind(|o| matches!(o, Overlay::Builder(_)))
    else {
        return;
    };
    match answer {
        Ok(n) => builder.count = Some(n),
        Err(Error::Cancelled) => {}
        Err(error) => builder.fault = Some(explained(&error)),
    }
}

/// The values that can be chosen were read.
pub fn known_read(model: &mut Model, known: Known) {
    for overlay in &mut model.overlays {
        if let Overlay::Builder(builder) = overlay {
            builder.known.clone_from(&known);
        }
    }
    model.known = known;
}

/// An error with its way out.
pub fn explained(error: &Error) -> String {
    let hint = error.hint().map(|h| format!(", {h}")).unwrap_or_default();
    format!("{error}{hint}")
}

/// Opens the list that a cell of the builder is chosen from.
pub fn ask(model: &mut Model) -> Vec<Effect> {
    let at = layout::builder::pointed(model);
    if let Some(Overlay::Builder(builder)) = model.overlays.last_mut()
        && let Some(chooser) = builder.asked.take()
    {
        model.overlays.push(Overlay::Choose(Chooser { at, ..chooser }));
    }
    Vec::new()
}

/// Takes what was chosen for a cell of the builder.
pub fn fill(model: &mut Model, choice: &Choice) -> Vec<Effect> {
    let Some(Overlay::Builder(builder)) = model.overlays.last_mut() else { return Vec::new() };
    match builder.chosen(choice) {
        Reply::Tally => {
            // A condition that has no value yet is led through: what, how, with what.
            let wants = |row: &Row| row.verb.takes_value() && row.value.is_empty();
            let opens = !matches!(choice, Choice::Value(_)) && builder.row().is_some_and(wants);
            let opened = if opens { builder.open() } else { Reply::Stay };
            let mut effects = tally(model);
            effects.extend(dialogs::reply(model, opened));
            effects
        }
        other => dialogs::reply(model, other),
    }
}

/// Applies the builder's filter, and asks for a name if it is to be saved.
pub fn apply(model: &mut Model, save: bool) -> Vec<Effect> {
    let Some(Overlay::Builder(builder)) = model.overlays.last_mut() else { return Vec::new() };
    if builder.text.fault.is_some() {
        model.messages.say("the text cannot be read yet: mend it where the mark is, or change a condition");
        return Vec::new();
    }
    let left_out = builder.whole.blanks();
    let filter = match builder.whole.filter() {
        Ok(filter) => filter,
        Err(error) => {
            model.messages.say(format!("a condition cannot be read: {}", explained(&error)));
            return Vec::new();
        }
    };
    if left_out > 0 && filter != Filter::All {
        model.messages.say("a condition without a value was left out");
    }
    model.overlays.pop();
    let effects = settle(model, filter);
    if save {
        keep(model);
    }
    effects
}

/// Chooses among recent filters.
pub fn recent(model: &mut Model) -> Vec<Effect> {
    if model.recent_filters.is_empty() {
        model.messages.say("no filter was used yet");
        return Vec::new();
    }
    let line = |text: &String| Choosable::new(text, "", Choice::Use(text.clone()));
    let items = model.recent_filters.iter().map(line).collect();
    model.overlays.push(Overlay::Choose(Chooser::picker("Recent filters", items)));
    Vec::new()
}

/// Uses a filter by its text: in the builder if that is open, else for the list.
pub fn use_text(model: &mut Model, text: &str) -> Vec<Effect> {
    if let Some(Overlay::Builder(builder)) = model.overlays.last_mut() {
        let filter = Filter::parse(text).unwrap_or_default();
        **builder = Builder::new(&filter, Arc::clone(&builder.accounts), builder.known.clone());
        return tally(model);
    }
    settle(model, Filter::parse(text).unwrap_or_default())
}

/// Takes a condition away.
pub fn drop_part(model: &mut Model, part: usize) -> Vec<Effect> {
    let rest = without(&model.query.filter, part);
    model.filter(rest)
}

/// Chooses which condition to take away; the only one goes at once.
pub fn remove(model: &mut Model) -> Vec<Effect> {
    let parts = parts(&model.query.filter);
    if parts.len() < 2 {
        return drop_part(model, 0);
    }
    let line = |(at, part): (usize, &&Filter)| Choosable {
        key: char::from_digit(at as u32 + 1, 10).filter(|_| at < 9),
        ..Choosable::new(
            chip(part),
            if at < 9 { (at + 1).to_string() } else { String::new() },
            Choice::Drop(at),
        )
    };
    let items = parts.iter().enumerate().map(line).collect();
    model.overlays.push(Overlay::Choose(Chooser::menu("Take away", None, items)));
    Vec::new()
}

/// Adds a condition to the filter.
pub fn narrow(model: &mut Model, condition: Filter) -> Vec<Effect> {
    let filter = match model.query.filter.clone() {
        Filter::And(mut list) => {
            list.retain(|part| *part != condition);
            list.push(condition);
            Filter::And(list)
        }
        other if other == condition => other,
        other => other.and(condition),
    };
    settle(model, filter)
}

/// Shows one account and what lies below it, by a condition that can be saved; the list begins at the top.
pub fn within(model: &mut Model, account: AccountId) -> Vec<Effect> {
    let path = model.accounts.path(account);
    let condition = Filter::term(Field::In, Op::Has, Value::Text(path));
    let effects = to_top(model);
    // Another account takes the place of the one before: no SIM is in both.
    let is_place =
        |part: &Filter| matches!(part, Filter::Term(term) if matches!(term.field, Field::In | Field::Path));
    let mut rest: Vec<Filter> =
        parts(&model.query.filter).into_iter().filter(|p| !is_place(p)).cloned().collect();
    rest.push(condition);
    let filter = if rest.len() == 1 { rest.remove(0) } else { Filter::And(rest) };
    let narrowed = settle(model, filter);
    if narrowed.is_empty() { effects } else { narrowed }
}

/// Looks at everything the user sees.
fn to_top(model: &mut Model) -> Vec<Effect> {
    let accounts = Arc::clone(&model.accounts);
    let Some(top) = accounts.top() else { return Vec::new() };
    model.tree.go_to(top.id, &accounts);
    if model.query.under == top.id && model.query.deep {
        return Vec::new();
    }
    (model.query.under, model.query.deep) = (top.id, true);
    model.requery()
}

/// Shows only SIMs with the same value: of the SIM, or in the account, under the cursor.
pub fn same(model: &mut Model) -> Vec<Effect> {
    if model.focus == Pane::Tree {
        return within(model, model.tree.cursor);
    }
    let Some(row) = model.table.current() else { return Vec::new() };
    let items = select::values(&row.row.sim, &model.accounts)
        .into_iter()
        .map(|(name, value, filter)| Choosable::new(format!("Same {name}"), value, Choice::Narrow(filter)))
        .collect();
    model.overlays.push(Overlay::Choose(Chooser::menu("Show only SIMs with the", None, items)));
    Vec::new()
}

/// What can be done with a column, from its header.
pub fn column_menu(model: &mut Model, by: estate::Column, at: (u16, u16)) -> Vec<Effect> {
    let column = crate::tui::columns::of(by);
    let mut items = vec![
        Choosable::new(format!("Sort by {}", column.name), "", Choice::Sort(by)),
        Choosable::new("Then sort by it", "", Choice::ThenSort(by)),
    ];
    if by == estate::Column::Account {
        items.push(Choosable::new(
            "Filter by account name…",
            "",
            Choice::Action(crate::tui::action::Action::FilterAccount),
        ));
    }
    let pinned = model.columns.get(by).is_some_and(|c| c.pinned);
    items.push(Choosable::new(if pinned { "Let it scroll" } else { "Pin it" }, "", Choice::PinColumn(by)));
    if by != estate::Column::Iccid {
        items.push(Choosable::new("Hide it", "", Choice::ToggleColumn(by)));
    }
    items.push(Choosable::new("Columns…", "", Choice::Action(crate::tui::action::Action::Columns)));
    model.overlays.push(Overlay::Choose(Chooser::menu(column.name, Some(at), items)));
    Vec::new()
}

/// Shows these columns from now on.
pub fn show_columns(model: &mut Model, columns: Columns) -> Vec<Effect> {
    model.columns = columns;
    let scrolling = model.columns.shown().len() - model.columns.pinned();
    model.table.column = model.table.column.min(scrolling.saturating_sub(1));
    Vec::new()
}

/// Opens the column chooser.
pub fn choose_columns(model: &mut Model) -> Vec<Effect> {
    model.overlays.push(Overlay::Columns(ColumnsPane::new(model.columns.clone())));
    Vec::new()
}

/// Asks for a list to filter by.
pub fn list(model: &mut Model) -> Vec<Effect> {
    let hint = "paste numbers, or type the name of a file that has them; then Enter";
    model.overlays.push(Overlay::Prompt(Prompt::new("Filter by a list", hint, "", Purpose::ListFilter)));
    Vec::new()
}

/// A list was looked up: the table shows its SIMs, wherever they are.
pub fn list_found(model: &mut Model, found: &Lookup) -> Vec<Effect> {
    let mut effects = to_top(model);
    effects.extend(model.filter(found.filter()));
    // Whatever was opened meanwhile is not covered; g i shows the list later.
    if !found.unknown.is_empty() && model.overlays.is_empty() && model.search.is_none() {
        model.overlays.push(Overlay::Numbers(numbers(found, true)));
    }
    effects
}

fn numbers(found: &Lookup, savable: bool) -> NumbersPane {
    NumbersPane {
        summary: found.summary(),
        missing: found.unknown.clone(),
        all: found.numbers.values().flatten().cloned().collect(),
        shows_all: found.unknown.is_empty(),
        savable,
        cursor: 0,
    }
}

/// Shows what the list in the filter comes to now.
pub fn inspect(model: &mut Model) -> Vec<Effect> {
    let list = List::of(model.query.filter.listed());
    if list.entries.is_empty() {
        model.messages.say("the filter holds no list; L adds one");
        return Vec::new();
    }
    select::find(model, ListUse::Inspect, ListSource::Given(list))
}

/// Shows what a list came to.
pub fn inspected(model: &mut Model, found: &Lookup, savable: bool) {
    model.overlays.push(Overlay::Numbers(numbers(found, savable)));
}

/// Asks where to write the numbers that are shown.
pub fn export_numbers(model: &mut Model) -> Vec<Effect> {
    let Some(Overlay::Numbers(pane)) = model.overlays.last() else { return Vec::new() };
    let (what, file) =
        if pane.shows_all { ("all numbers", "list.csv") } else { ("missing numbers", "missing.csv") };
    let purpose = Purpose::Numbers(pane.shown().to_vec());
    model.overlays.push(Overlay::Prompt(Prompt::new(
        format!("Export {what}"),
        "the file to write",
        file,
        purpose,
    )));
    Vec::new()
}

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
    let usual = Usual {
        columns: model.columns.clone(),
        sort: model.query.sort.clone(),
        scope: saved.scope.as_ref().map(|_| (model.query.under, model.query.deep)),
    };
    if let Some(scope) = &saved.scope {
        match scope.account(&model.accounts) {
            Ok(account) => {
                let accounts = Arc::clone(&model.accounts);
                model.tree.go_to(account, &accounts);
                (model.query.under, model.query.deep) = (account, scope.deep);
            }
            Err(error) => gone = Some(explained(&error)),
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
    model.called = Some(Called { name: saved.name.clone(), filter, layout: own.then_some(layout) });
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
    let prompt = Prompt::new("Save the filter", hint, &name.unwrap_or_default(), Purpose::SaveFilter);
    model.overlays.push(Overlay::Prompt(prompt));
}

/// What is shown now, as a saved filter.
fn kept(model: &Model, name: &str, whole: bool) -> Saved {
    let plain = Saved { name: name.to_owned(), filter: model.query.filter.to_string(), ..Saved::default() };
    if !whole {
        return plain;
    }
    let scope = saved::SavedScope {
        account: Some(model.query.under.0),
        path: model.accounts.path(model.query.under),
        deep: model.query.deep,
    };
    let sort = Some(model.query.sort.to_string());
    Saved { sort, columns: model.columns.saved(), scope: Some(scope), ..plain }
}

/// Saves what is shown now: that is the filter in force from now on.
pub fn save(model: &mut Model, name: &str, whole: bool) -> Vec<Effect> {
    let saved = kept(model, name, whole);
    let layout = Layout { columns: saved.columns.clone(), sort: saved.sort.clone() };
    let own = layout != Layout::default();
    if own && model.usual.is_none() {
        model.usual =
            Some(Usual { columns: model.columns.clone(), sort: model.query.sort.clone(), scope: None });
    }
    let filter = model.query.filter.clone();
    model.called = Some(Called { name: name.to_owned(), filter, layout: own.then_some(layout) });
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
                Purpose::RenameFilter(name.clone()),
            );
            model.overlays.push(Overlay::Prompt(prompt));
            Vec::new()
        }
        SavedWish::Delete(name) => edit(model, SavedEdit::Delete(name.clone()), format!("{name} is deleted")),
        SavedWish::Place(name, place) => edit(model, SavedEdit::Place(name, place), String::new()),
        SavedWish::Digit(name, digit) => {
            let said =
                digit.map_or_else(|| format!("no digit calls {name} now"), |d| format!("{d} calls {name}"));
            edit(model, SavedEdit::Digit(name, digit), said)
        }
        SavedWish::Export if model.saved.is_empty() => {
            model.messages.say("there are none of your own to export");
            Vec::new()
        }
        SavedWish::Export => {
            let hint = "the file to write your filters to";
            let prompt = Prompt::new("Export filters", hint, "filters.json", Purpose::ExportFilters);
            model.overlays.push(Overlay::Prompt(prompt));
            Vec::new()
        }
        SavedWish::Import => {
            let hint = "the file to read filters from";
            let prompt = Prompt::new("Import filters", hint, "filters.json", Purpose::ImportFilters);
            model.overlays.push(Overlay::Prompt(prompt));
            Vec::new()
        }
    }
}

/// Changes the saved filters; what is remembered about them follows.
pub fn edit(model: &mut Model, edit: SavedEdit, said: String) -> Vec<Effect> {
    let named = |called: &Called, name: &str| called.name == name;
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

/// Filters by an account that is chosen by name.
pub fn by_account(model: &mut Model) -> Vec<Effect> {
    menus::choose_account(model, "Show only SIMs of, and below", Choice::Within)
}

/// What an export writes: the fields of the columns on the screen, or all.
pub fn export_fields(model: &Model, option: usize) -> Vec<String> {
    if option > 0 {
        return Vec::new();
    }
    model.columns.shown().iter().map(|c| c.by.field().to_owned()).collect()
}

/// Starts an export, with its progress shown.
pub fn export(model: &mut Model, path: &str, option: usize) -> Vec<Effect> {
    let target = act::exported(model);
    let total = match &target {
        Some(_) => model.picked.total,
        None => model.matching,
    };
    let path = PathBuf::from(path);
    model.export =
        Some(crate::tui::model::Writing { path: path.clone(), done: 0, total, option, stopping: false });
    model.overlays.push(Overlay::Exporting);
    let query = Box::new(model.query.clone());
    vec![Effect::Export { query, target, path, fields: export_fields(model, option) }]
}
