//! Lists of numbers that come in, and files that go out.

use estate::export::Format;
use estate::{List, Lookup};

use super::filters::to_top;
use super::{act, select};
use crate::files::expand_home;
use crate::tui::model::{Model, Writing};
use crate::tui::msg::{Effect, ListSource};
use crate::tui::overlay::export::{ExportChoice, export_form};
use crate::tui::overlay::response::ListUse;
use crate::tui::overlay::{Form, NumbersPane, Overlay, Prompt, PromptKind};

/// Asks for a list to filter by.
pub fn list(model: &mut Model) -> Vec<Effect> {
    let hint = "paste numbers, or type the name of a file that has them; then Enter";
    model.overlays.push(Overlay::Prompt(Prompt::new(
        "Filter by a list",
        hint,
        "",
        PromptKind::ListFilter,
    )));
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
    let list = List::of(model.query.filter.listed_identifiers());
    if list.entries.is_empty() {
        model.messages.say("the filter holds no list; L adds one");
        return Vec::new();
    }
    select::find(model, ListUse::Inspect, ListSource::Given(list))
}

/// Shows what a list came to.
pub fn show_lookup(model: &mut Model, found: &Lookup, savable: bool) {
    model.overlays.push(Overlay::Numbers(numbers(found, savable)));
}

/// Asks where to write the numbers that are shown.
pub fn export_numbers(model: &mut Model) -> Vec<Effect> {
    let Some(Overlay::Numbers(pane)) = model.overlays.last() else { return Vec::new() };
    let (what, file) =
        if pane.shows_all { ("all numbers", "list.csv") } else { ("missing numbers", "missing.csv") };
    let cells: Vec<_> =
        pane.visible_numbers().iter().map(|n| estate::text::defuse(n).into_owned()).collect();
    let purpose = PromptKind::Text(format!("number\n{}\n", cells.join("\n")), cells.len() as u64);
    model.overlays.push(Overlay::Prompt(Prompt::new(
        format!("Export {what}"),
        "the file to write",
        file,
        purpose,
    )));
    Vec::new()
}

/// Opens the export dialog.
pub fn open_export(model: &mut Model) -> Vec<Effect> {
    let form = export_dialog(model);
    model.overlays.push(Overlay::Form(Box::new(form)));
    Vec::new()
}

/// The export dialog, with the choices of the last export.
pub fn export_dialog(model: &Model) -> Form {
    let what = if model.picked.is_empty() { "all SIMs of the list".into() } else { model.subject() };
    export_form(&what, &model.export.choice)
}

/// Starts the export of the dialog on top, or says what is wrong in it.
pub fn submit_export(model: &mut Model) -> Vec<Effect> {
    let Some(Overlay::Form(form)) = model.overlays.last_mut() else { return Vec::new() };
    let choice = ExportChoice::of(form);
    match choice.format() {
        Ok(format) => {
            model.overlays.pop();
            export(model, choice, format)
        }
        Err(error) => {
            form.blame(&error);
            Vec::new()
        }
    }
}

/// Starts an export, with its progress shown.
fn export(model: &mut Model, choice: ExportChoice, format: Format) -> Vec<Effect> {
    let target = act::export_target(model);
    let total = match &target {
        Some(_) => model.picked.total,
        None => model.matching,
    };
    let fields = match choice.fields {
        0 => model.columns.shown_columns().iter().map(|c| c.by.field().to_owned()).collect(),
        _ => Vec::new(),
    };
    let path = expand_home(&choice.path);
    model.export.writing = Some(Writing { path: path.clone(), done: 0, total, stopping: false });
    model.export.choice = choice;
    model.overlays.push(Overlay::Exporting);
    let query = Box::new(model.query.clone());
    vec![Effect::Export { query, target, path, fields, format }]
}

/// The most that terminals take by OSC 52.
const CLIPBOARD: usize = 74_994;

/// Whether a terminal takes a text: it goes there in base 64.
pub fn fits_clipboard(text: &str) -> bool {
    text.len() <= CLIPBOARD * 3 / 4
}

/// Hands a text to the terminal's clipboard, and says so.
pub fn copy(model: &mut Model, text: String, what: &str) -> Vec<Effect> {
    if !fits_clipboard(&text) {
        model.messages.say("it is too long for a terminal's clipboard");
        return Vec::new();
    }
    model.messages.say(format!("sent to your terminal ({}): {what}", model.clipboard));
    vec![Effect::Clipboard(text)]
}
