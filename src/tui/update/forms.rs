//! Forms: opened on what they are about, and turned into changes.

use estate::{Capability, Change, Edit, Field, Listed, Target, Verb};

use super::{dialogs, filters, menus};
use crate::tui::model::Model;
use crate::tui::msg::Effect;
use crate::tui::overlay::form::{Entry, Value};
use crate::tui::overlay::{Choice, Choosable, Chooser, Form, FormFor, Overlay};

/// How lists of names are changed where SIMs have different ones.
const NAMES: &str =
    "names with commas between them; +name adds, -name takes one away, none empties it; → completes";

/// Opens the form for what is written about SIMs.
pub fn edit(model: &mut Model) -> Vec<Effect> {
    let Some(target) = model.target() else { return Vec::new() };
    let known = |field: Field| {
        let values = model.known.get(&field).into_iter().flatten();
        values.map(|(name, _)| name.clone()).collect::<Vec<_>>()
    };
    let barred = |need: Capability| model.roles.permit(model.me.role, need).err().map(|e| e.to_string());
    let several = "several lines; Tab goes on";
    let fields = vec![
        Entry::line("label", "Label", "what the device is called", ""),
        Entry::names("tag", "Tags", NAMES, known(Field::Tag)).barred(barred(Capability::ManageTags)),
        Entry::names("category", "Categories", NAMES, known(Field::Category))
            .barred(barred(Capability::ManageTags)),
        Entry::names("email", "Recipients", NAMES, Vec::new()).barred(barred(Capability::ManageRecipients)),
        Entry::text_of("notes", "Notes", several, ""),
    ];
    let form = Form::new(format!("Edit {}", model.subject()), "Save", FormFor::Sims(target.clone()), fields);
    model.overlays.push(Overlay::Form(Box::new(form)));
    model.tickets.work = model.tickets.take();
    let mut effects = vec![Effect::Common { ticket: model.tickets.work, target: Box::new(target) }];
    effects.extend(filters::know(model));
    effects
}

/// Puts SIMs into another state: what stops them asks why first.
pub fn state(model: &mut Model, verb: Verb) -> Vec<Effect> {
    let Some(target) = model.target() else { return Vec::new() };
    let title = format!("{} {}", verb.title(), model.subject());
    if matches!(verb, Verb::Activate | Verb::Resume) {
        return change(model, title, target, Edit::state(verb, ""));
    }
    let why = Entry::line("why", "Why", "for those who look later; may stay empty", "");
    let form = Form::new(title, "Preview", FormFor::State(target, verb), vec![why]);
    model.overlays.push(Overlay::Form(Box::new(form)));
    Vec::new()
}

/// Asks whether SIM authentication is to be on or off.
pub fn authentication(model: &mut Model) -> Vec<Effect> {
    let line = |on: bool, name: &str, note: &str| Choosable {
        key: Some(if on { 'o' } else { 'f' }),
        ..Choosable::new(name, note, Choice::Authenticate(on))
    };
    let items =
        vec![line(true, "On", "o  it may register"), line(false, "Off", "f  the network lets it in no more")];
    let title = format!("SIM authentication of {}", model.subject());
    model.overlays.push(Overlay::Choose(Chooser::menu(title, None, items)));
    Vec::new()
}

/// Asks whether SIM authentication is to be switched.
pub fn confirm_authentication(model: &mut Model, on: bool) -> Vec<Effect> {
    let Some(target) = model.target() else { return Vec::new() };
    let title =
        format!("Switch SIM authentication {} for {}", if on { "on" } else { "off" }, model.subject());
    change(model, title, target, Edit { authentication: Some(on), ..Edit::default() })
}

fn change(model: &mut Model, title: String, target: Target, edit: Edit) -> Vec<Effect> {
    let hidden = model.hidden();
    menus::confirm(model, title, Change::Edit { target, edit: Box::new(edit) }, hidden)
}

/// Does what the form on top says, or says what is wrong in it.
pub fn submit(model: &mut Model) -> Vec<Effect> {
    let Some(Overlay::Form(form)) = model.overlays.last_mut() else { return Vec::new() };
    match form.purpose.clone() {
        FormFor::Sims(target) => save(model, target),
        FormFor::State(target, verb) => {
            let edit = match Edit::state(verb, &form.text("why")).checked() {
                Ok(edit) => edit,
                Err(error) => return blame(form, &error),
            };
            let title = std::mem::take(&mut form.title);
            model.overlays.pop();
            change(model, title, target, edit)
        }
    }
}

fn blame(form: &mut Form, error: &estate::Error) -> Vec<Effect> {
    form.blame(error);
    Vec::new()
}

/// One SIM is changed at once, and `u` takes it back; many are shown first.
fn save(model: &mut Model, mut target: Target) -> Vec<Effect> {
    let Some(Overlay::Form(form)) = model.overlays.last_mut() else { return Vec::new() };
    if !form.is_touched() {
        model.overlays.pop();
        model.messages.say("left as it was, nothing was changed");
        return Vec::new();
    }
    let Some(common) = form.common.clone() else {
        form.fault = Some("what they have is still being read; try again in a moment".into());
        return Vec::new();
    };
    let edit = match edited(form).checked() {
        Ok(edit) => edit,
        Err(error) => return blame(form, &error),
    };
    let title = std::mem::take(&mut form.title);
    model.overlays.pop();
    if common.sims > 1 || !target.any.is_empty() {
        return change(model, title, target, edit);
    }
    // What was edited is what was read: who changed it meanwhile is not overwritten.
    (target.at, target.expect) = (common.at, Some(1));
    dialogs::make(model, Change::Edit { target, edit: Box::new(edit) }, title, 0)
}

/// What was touched, as an edit.
fn edited(form: &Form) -> Edit {
    let names = |key: &str| {
        let field = form.fields.iter().find(|field| field.key == key);
        let mixed = field.is_some_and(|field| !field.ghost.is_empty());
        form.touched(key).map(|text| listed(&text, mixed)).unwrap_or_default()
    };
    Edit {
        label: form.touched("label"),
        notes: form.touched("notes"),
        tags: names("tag"),
        categories: names("category"),
        recipients: names("email"),
        ..Edit::default()
    }
}

/// A list that was shown is set to what it says now; signs, or SIMs that differ, add and take away.
fn listed(text: &str, mixed: bool) -> Listed {
    let parts: Vec<&str> = text.split([',', ';']).map(str::trim).filter(|part| !part.is_empty()).collect();
    let signed = parts.iter().any(|part| part.starts_with(['+', '-']));
    if mixed || signed || text.trim().eq_ignore_ascii_case("none") {
        return Listed::parse(text);
    }
    Listed::exactly(parts.into_iter().map(str::to_owned).collect())
}

/// Puts the names that are known now into forms that complete them.
pub fn known_read(model: &mut Model) {
    let known = &model.known;
    for overlay in &mut model.overlays {
        let Overlay::Form(form) = overlay else { continue };
        for field in &mut form.fields {
            let of = match field.key {
                "tag" => Field::Tag,
                "category" => Field::Category,
                _ => continue,
            };
            if let Value::Names(_, names) = &mut field.value {
                *names = known.get(&of).into_iter().flatten().map(|(name, _)| name.clone()).collect();
            }
        }
    }
}
