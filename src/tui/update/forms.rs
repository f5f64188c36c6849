//! Forms: opened on what they are about, and turned into changes.

use estate::{AccountId, Capability, Change, Contact, Edit, Field, Help, ListEdit, Role, Target, Verb};

use super::{dialogs, filters, menus};
use crate::tui::model::Model;
use crate::tui::msg::Effect;
use crate::tui::overlay::form::{Entry, Value};
use crate::tui::overlay::response::MenuChoice;
use crate::tui::overlay::{Choosable, Chooser, Form, FormKind, Overlay};

/// How lists of names are changed where SIMs have different ones.
const NAMES: &str = "names with commas between them; begin with + or - to add or take away; → completes";
/// The same, of addresses.
const ADDRESSES: &str = "mail addresses with commas between them; begin with + or - to add or take away";

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
        Entry::names("tag", "Tags", NAMES, known(Field::Tag)).disabled_if(barred(Capability::ManageTags)),
        Entry::names("category", "Categories", NAMES, known(Field::Category))
            .disabled_if(barred(Capability::ManageTags)),
        Entry::names("email", "Recipients", ADDRESSES, Vec::new())
            .disabled_if(barred(Capability::ManageRecipients)),
        Entry::text_of("notes", "Notes", several, ""),
    ];
    let form =
        Form::new(format!("Edit {}", model.subject()), "Save", FormKind::Sims(target.clone()), fields);
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
    let form = Form::new(title, "Preview", FormKind::State(target, verb), vec![why]);
    model.overlays.push(Overlay::Form(Box::new(form)));
    Vec::new()
}

/// Asks whether SIM authentication is to be on or off.
pub fn authentication(model: &mut Model) -> Vec<Effect> {
    let line = |on: bool, name: &str, note: &str| Choosable {
        key: Some(if on { 'o' } else { 'f' }),
        ..Choosable::new(name, note, MenuChoice::Authenticate(on))
    };
    let items = vec![
        line(true, "On", "o  it may register"),
        line(false, "Off", "f  the network lets it in no more"),
    ];
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
    let hidden = model.hidden_count();
    menus::confirm(model, title, Change::Edit { target, edit: Box::new(edit) }, hidden)
}

/// Opens the form for a user who is to be invited.
pub fn invite(model: &mut Model) -> Vec<Effect> {
    let account = model.tree.cursor;
    let name = model.accounts.get(account).map(|a| a.name.clone()).unwrap_or_default();
    let roles = Role::ALL.map(|role| role.to_string());
    let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
    let fields = vec![
        Entry::line("name", "Name", "their full name", ""),
        Entry::line("email", "Email", "they sign in by it; the first time accepts the invitation", ""),
        Entry::choice(
            "role",
            "Role",
            "View Only looks, User also edits notes, Admin manages everything",
            1,
            &roles,
        ),
    ];
    let title = format!("Invite a user to {name}");
    open(model, Form::new(title, "Invite", FormKind::Invite(account), fields))
}

/// Opens the form for the user's own profile.
pub fn profile(model: &mut Model) -> Vec<Effect> {
    let hint = "whether alerts and caps that are reached come as mail, beside the screen";
    let fields = vec![
        Entry::line("name", "Name", "your full name", &model.me.name),
        Entry::line(
            "email",
            "Email",
            "you sign in by it; another one is yours from the first sign-in with it on",
            &model.me.email,
        ),
        Entry::choice("alerts", "Mail on alerts", hint, 0, &["no", "yes"]),
    ];
    let mut effects = open(model, Form::new("My profile".to_owned(), "Save", FormKind::Profile, fields));
    model.tickets.work = model.tickets.take();
    effects.push(Effect::Wants { ticket: model.tickets.work });
    effects
}

/// Opens the form for the page that those below an account see, with what there is or what was
/// loaded.
pub fn help_page(
    model: &mut Model,
    account: AccountId,
    now: Option<&Help>,
    loaded: Option<&str>,
) -> Vec<Effect> {
    let (title, text) = match now {
        Some(Help::Page { title, text }) => (title.clone(), text.clone()),
        _ => ("Help and Support".to_owned(), String::new()),
    };
    // A byte order mark is no part of the text.
    let text = loaded.map_or(text, |loaded| loaded.trim_start_matches('\u{feff}').replace("\r\n", "\n"));
    let hint = "Markdown: # heading, - list, [text](https://address); Ctrl+S saves";
    let fields = vec![
        Entry::line("title", "Title", "the heading of the page", &title),
        Entry::text_of("text", "Text", hint, &text),
    ];
    let name = model.accounts.get(account).map(|a| a.name.clone()).unwrap_or_default();
    open(
        model,
        Form::new(format!("Help for those below {name}"), "Save", FormKind::HelpPage(account), fields),
    )
}

/// Opens the form for whom those below an account are to contact.
pub fn contact(model: &mut Model, account: AccountId, now: Option<&Help>) -> Vec<Effect> {
    let now = match now {
        Some(Help::Contact(contact)) => contact.clone(),
        _ => Contact::default(),
    };
    let fields = vec![
        Entry::line("name", "Name", "who answers", &now.name),
        Entry::line("phone", "Phone", "with the country: +44 20 …", &now.phone),
        Entry::line("email", "Email", "a mail address", &now.email),
        Entry::line("hours", "Hours", "when somebody answers, and in which time zone", &now.hours),
        Entry::line("url", "Web", "https://…", &now.url),
    ];
    let name = model.accounts.get(account).map(|a| a.name.clone()).unwrap_or_default();
    open(
        model,
        Form::new(format!("Contact for those below {name}"), "Save", FormKind::Contact(account), fields),
    )
}

fn open(model: &mut Model, form: Form) -> Vec<Effect> {
    model.overlays.push(Overlay::Form(Box::new(form)));
    Vec::new()
}

/// Does what the form on top says, or says what is wrong in it.
pub fn submit(model: &mut Model) -> Vec<Effect> {
    let Some(Overlay::Form(form)) = model.overlays.last_mut() else { return Vec::new() };
    match form.purpose.clone() {
        FormKind::Sims(target) => save(model, target),
        FormKind::State(target, verb) => {
            let edit = match Edit::state(verb, &form.text("why")).validate() {
                Ok(edit) => edit,
                Err(error) => return blame(form, &error),
            };
            let title = std::mem::take(&mut form.title);
            model.overlays.pop();
            change(model, title, target, edit)
        }
        FormKind::Invite(account) => {
            let (name, email) = (form.text("name"), form.text("email"));
            let role = Role::ALL[form.chosen_index("role").min(2)];
            let sound = estate::valid_name(&name).and_then(|_| estate::ident::email(&email));
            let what = format!("Invite {email} as {role}");
            finish(model, sound.map(drop), Change::AddUser { account, name, email, role }, what)
        }
        FormKind::Profile => save_profile(model),
        FormKind::History => super::history::read_form(model),
        FormKind::Export => super::files::submit_export(model),
        FormKind::HelpPage(account) => {
            let help = Help::Page { title: form.text("title"), text: form.text("text") };
            set_help(model, account, help)
        }
        FormKind::Contact(account) => {
            let text = |key: &str| form.text(key);
            let help = Help::Contact(Contact {
                name: text("name"),
                phone: text("phone"),
                email: text("email"),
                hours: text("hours"),
                url: text("url"),
            });
            set_help(model, account, help)
        }
    }
}

fn set_help(model: &mut Model, account: AccountId, help: Help) -> Vec<Effect> {
    let now =
        model.page.as_ref().and_then(|page| page.facts.as_ref()).and_then(|facts| facts.help.as_ref());
    if now == Some(&help) {
        model.overlays.pop();
        model.messages.say("left as it was, nothing was changed");
        return Vec::new();
    }
    let name = model.accounts.get(account).map(|a| a.name.clone()).unwrap_or_default();
    let sound = help.validate().map(drop);
    let change = Change::SetHelp { account, help: Some(Box::new(help)) };
    finish(model, sound, change, format!("Set the help for those below {name}"))
}

/// Makes the change of the form on top, or says what is wrong in it.
fn finish(model: &mut Model, sound: estate::Result<()>, change: Change, what: String) -> Vec<Effect> {
    let Some(Overlay::Form(form)) = model.overlays.last_mut() else { return Vec::new() };
    if let Err(error) = sound {
        return blame(form, &error);
    }
    if model.job.is_some() {
        form.fault = Some("another change is still running".into());
        return Vec::new();
    }
    // It stays until the change is made: what was typed is not lost when that is refused.
    form.sent = true;
    dialogs::make(model, change, what, 0)
}

fn save_profile(model: &mut Model) -> Vec<Effect> {
    let Some(Overlay::Form(form)) = model.overlays.last_mut() else { return Vec::new() };
    let (name, email) = (form.text("name"), form.text("email"));
    let wants = form.changed_value("alerts").map(|_| form.chosen_index("alerts") == 1);
    let renamed = form.changed_value("name").is_some() || form.changed_value("email").is_some();
    if renamed {
        let sound = estate::valid_name(&name).and_then(|name| Ok((name, estate::ident::email(&email)?)));
        match sound {
            Err(error) => return blame(form, &error),
            Ok((name, email)) if name == model.me.name && email == model.me.email => {}
            Ok((name, email)) => {
                let mut effects: Vec<Effect> = wants.map(Effect::Want).into_iter().collect();
                let change = Change::EditProfile { name, email };
                effects.extend(menus::confirm(model, "Change your profile".to_owned(), change, Some(0)));
                return effects;
            }
        }
    }
    model.overlays.pop();
    wants.map(Effect::Want).into_iter().collect()
}

/// Marks the profile form as sent: it closes when the change is made.
pub fn send_profile(model: &mut Model) {
    let forms = model.overlays.iter_mut().filter_map(|overlay| match overlay {
        Overlay::Form(form) if form.purpose == FormKind::Profile => Some(form),
        _ => None,
    });
    forms.for_each(|form| form.sent = true);
}

/// Undoes the last change of the profile: an address that awaits its first sign-in is withdrawn,
/// then the name comes back.
pub fn undo_profile(model: &mut Model, name: Option<String>, address: bool) -> Vec<Effect> {
    let (me, email) = (model.me.name.clone(), model.me.email.clone());
    if address {
        return dialogs::make(
            model,
            Change::EditProfile { name: me, email },
            "Withdraw the new address".into(),
            0,
        );
    }
    let Some(name) = name else { return Vec::new() };
    let what = format!("Undo: name {me} → {name}");
    dialogs::make(model, Change::EditProfile { name, email }, what, 0)
}

/// The form whose change was made goes; one whose change was refused says why.
pub fn finish_form(model: &mut Model, refused: Option<&estate::Error>) -> bool {
    let Some(at) = model.overlays.iter().position(|o| matches!(o, Overlay::Form(form) if form.sent))
    else {
        return false;
    };
    match (refused, &mut model.overlays[at]) {
        (Some(error), Overlay::Form(form)) => {
            form.sent = false;
            form.blame(error);
        }
        _ => drop(model.overlays.remove(at)),
    }
    true
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
    let edit = match read_edit(form).validate() {
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
fn read_edit(form: &Form) -> Edit {
    let names = |key: &str| {
        let field = form.fields.iter().find(|field| field.key == key);
        let mixed = field.is_some_and(|field| !field.ghost.is_empty());
        form.changed_value(key).map(|text| parse_list_edit(&text, mixed)).unwrap_or_default()
    };
    Edit {
        label: form.changed_value("label"),
        notes: form.changed_value("notes"),
        tags: names("tag"),
        categories: names("category"),
        recipients: names("email"),
        ..Edit::default()
    }
}

/// A list that was shown is set to what it says now; signs, or SIMs that differ, add and take away.
fn parse_list_edit(text: &str, mixed: bool) -> ListEdit {
    let parts: Vec<&str> =
        text.split([',', ';']).map(str::trim).filter(|part| !part.is_empty()).collect();
    let signed = parts.iter().any(|part| part.starts_with(['+', '-']));
    if mixed || signed || text.trim().eq_ignore_ascii_case("none") {
        return ListEdit::parse(text);
    }
    ListEdit::exactly(parts.into_iter().map(str::to_owned).collect())
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
