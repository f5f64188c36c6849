//! A form: fields one below the other, filled with what there is. Only what was touched counts.

use estate::{AccountId, SharedValues, Target, Verb, text};
use ratatui_textarea::{CursorMove, Input as Press, Key as Pressed, TextArea, WrapMode};
use tui_input::Input;

use super::chooser::{edit, insert};
use crate::tui::overlay::response::DialogResponse;
use crate::tui::overlay::response::MenuChoice;
use crate::tui::term::{Code, Key};

/// What a form is for.
#[derive(Debug, Clone, PartialEq)]
pub enum FormKind {
    /// Labels, notes, tags, categories and recipients of SIMs.
    Sims(Target),
    /// Why SIMs are put into another state.
    State(Target, Verb),
    /// A user to be invited to that account.
    Invite(AccountId),
    /// The user's own profile.
    Profile,
    /// What the log of changes is wanted of.
    History,
    /// The page that the users below that account see.
    HelpPage(AccountId),
    /// Whom the users below that account are to contact.
    Contact(AccountId),
    /// The file that SIMs are exported to.
    Export,
}

/// What stands in a field that the SIMs differ in.
const MIXED: &str = "«mixed»";

/// What a field holds.
#[derive(Debug)]
pub enum Value {
    /// One line.
    Line(Input),
    /// Names with commas between them, completed from those that are known.
    Names(Input, Vec<String>),
    /// Several lines.
    Text(Box<TextArea<'static>>),
    /// One of these.
    Choice(usize, Vec<String>),
}

/// One field.
#[derive(Debug)]
pub struct Entry {
    /// What an error calls it.
    pub key: &'static str,
    /// Its name.
    pub name: &'static str,
    /// What to put into it.
    pub hint: String,
    /// What it holds.
    pub value: Value,
    /// What it held when the form opened.
    was: String,
    /// Stands in it while it is empty.
    pub ghost: &'static str,
    /// Why it cannot be changed.
    pub barred: Option<String>,
    /// Whether the text still stands as it was put there, and typing replaces it.
    pub replaces: bool,
    /// Whether it stands as it was filled: a sign then begins anew instead of going into the last
    /// name.
    fresh: bool,
}

impl Entry {
    fn new(key: &'static str, name: &'static str, hint: &str, value: Value) -> Self {
        let mut entry = Self {
            key,
            name,
            hint: hint.to_owned(),
            value,
            was: String::new(),
            ghost: "",
            barred: None,
            replaces: false,
            fresh: false,
        };
        entry.was = entry.text();
        entry
    }

    /// One line, with what is in it.
    pub fn line(key: &'static str, name: &'static str, hint: &str, now: &str) -> Self {
        Self::new(key, name, hint, Value::Line(Input::new(now.to_owned())))
    }

    /// Names with commas between them.
    pub fn names(key: &'static str, name: &'static str, hint: &str, known: Vec<String>) -> Self {
        Self::new(key, name, hint, Value::Names(Input::default(), known))
    }

    /// Several lines.
    pub fn text_of(key: &'static str, name: &'static str, hint: &str, now: &str) -> Self {
        Self::new(key, name, hint, Value::Text(Box::new(area(now))))
    }

    /// One of several, the one that is chosen first of all.
    pub fn choice(key: &'static str, name: &'static str, hint: &str, at: usize, all: &[&str]) -> Self {
        let all = all.iter().map(|one| (*one).to_owned()).collect();
        Self::new(key, name, hint, Value::Choice(at, all))
    }

    /// The same, with a text that typing replaces, as in a dialog for a file name.
    #[must_use]
    pub fn replaced_by_typing(self) -> Self {
        Self { replaces: true, ..self }
    }

    /// The same, greyed where there is a reason to.
    #[must_use]
    pub fn disabled_if(self, why: Option<String>) -> Self {
        Self { barred: why, ..self }
    }

    /// What it holds, as text.
    pub fn text(&self) -> String {
        match &self.value {
            Value::Line(input) | Value::Names(input, _) => input.value().trim().to_owned(),
            Value::Text(area) => area.lines().join("\n").trim().to_owned(),
            Value::Choice(at, _) => at.to_string(),
        }
    }

    /// Which possibility is chosen.
    pub fn chosen_index(&self) -> usize {
        if let Value::Choice(at, _) = self.value { at } else { 0 }
    }

    /// What it holds now, if that is not what it held at first.
    pub fn changed_value(&self) -> Option<String> {
        let now = self.text();
        (now != self.was).then_some(now)
    }

    /// Puts what there is into it; `None` where the SIMs differ. What the person typed meanwhile
    /// stays.
    fn fill(&mut self, now: Option<&str>) {
        if self.changed_value().is_some() {
            // Typed before it was known what is there: it is added, and replaces nothing unseen.
            match &mut self.value {
                Value::Names(..) => self.ghost = MIXED,
                Value::Text(text) => {
                    if let Some(now) = now.filter(|now| !now.is_empty()) {
                        let typed = text.lines().join("\n");
                        **text = area(&format!("{now}\n{typed}"));
                        now.clone_into(&mut self.was);
                    }
                }
                Value::Line(_) | Value::Choice(..) => {}
            }
            return;
        }
        match (&mut self.value, now) {
            (Value::Line(input) | Value::Names(input, _), now) => {
                *input = Input::new(now.unwrap_or_default().to_owned());
            }
            (Value::Text(text), now) => **text = area(now.unwrap_or_default()),
            (Value::Choice(..), _) => {}
        }
        self.ghost = if now.is_none() { MIXED } else { "" };
        self.was = self.text();
        self.fresh = !self.was.is_empty();
    }

    /// The name that is being typed, if one is known that begins like that, and how many characters
    /// of it are there.
    pub fn completion(&self) -> Option<(&str, usize)> {
        let Value::Names(input, known) = &self.value else { return None };
        let typed = input.value();
        if input.cursor() < typed.chars().count() {
            return None;
        }
        let part = typed.rsplit([',', ';']).next()?.trim_start().trim_start_matches(['+', '-']);
        let there = part.chars().count();
        let begins = |name: &&String| {
            text::fold(name).starts_with(&text::fold(part)) && name.chars().count() > there
        };
        let name = known.iter().find(begins).filter(|_| there > 0)?;
        Some((name, there))
    }

    /// What would be put behind what is typed.
    pub fn rest(&self) -> Option<&str> {
        let (name, there) = self.completion()?;
        name.char_indices().nth(there).map(|(at, _)| &name[at..])
    }

    fn complete(&mut self) -> bool {
        let Some((name, there)) = self.completion().map(|(name, there)| (name.to_owned(), there)) else {
            return false;
        };
        if let Value::Names(input, _) = &mut self.value {
            // As it is written elsewhere, not as it was typed.
            for _ in 0..there {
                edit(input, Key::plain(Code::Backspace));
            }
            insert(input, &name);
        }
        true
    }

    fn turn(&mut self, back: bool) {
        if let Value::Choice(at, all) = &mut self.value {
            let n = all.len().max(1);
            *at = (*at + if back { n - 1 } else { 1 }) % n;
        }
    }
}

/// An area for several lines, as they are.
fn area(now: &str) -> TextArea<'static> {
    let mut area = TextArea::from(now.split('\n'));
    area.set_wrap_mode(WrapMode::WordOrGlyph);
    area.move_cursor(CursorMove::Bottom);
    area.move_cursor(CursorMove::End);
    area
}

/// The dialog.
#[derive(Debug)]
pub struct Form {
    /// The heading.
    pub title: String,
    /// The word on the button that submits it.
    pub verb: &'static str,
    /// Its fields.
    pub fields: Vec<Entry>,
    /// The field under the cursor.
    pub line: usize,
    /// What is wrong, on that line.
    pub fault: Option<String>,
    /// What it is for.
    pub purpose: FormKind,
    /// What the SIMs have, once it is read.
    pub common: Option<SharedValues>,
    /// Whether its change is being made.
    pub sent: bool,
    /// Whether it was said that Esc loses what was typed.
    warned: bool,
    /// Keeps fields that depend on others up to date.
    adapter: Option<fn(&mut Self)>,
}

impl Form {
    /// Sets the function that keeps dependent fields up to date, and runs it.
    #[must_use]
    pub fn with_adapter(mut self, adapter: fn(&mut Self)) -> Self {
        self.adapter = Some(adapter);
        self.adapt();
        self
    }

    /// Opens on the first field that can be filled in.
    pub fn new(title: String, verb: &'static str, purpose: FormKind, fields: Vec<Entry>) -> Self {
        let line = fields.iter().position(|field| field.barred.is_none()).unwrap_or(0);
        Self {
            title,
            verb,
            fields,
            line,
            fault: None,
            purpose,
            common: None,
            sent: false,
            warned: false,
            adapter: None,
        }
    }

    /// Takes what the SIMs have.
    pub fn set_common(&mut self, common: SharedValues) {
        let list = |names: &Option<Vec<String>>| names.as_ref().map(|names| names.join(", "));
        let now = [
            ("label", common.label.clone()),
            ("notes", common.notes.clone()),
            ("tag", list(&common.tags)),
            ("category", list(&common.categories)),
            ("email", list(&common.recipients)),
        ];
        for (key, now) in now {
            if let Some(field) = self.field(key) {
                field.fill(now.as_deref());
            }
        }
        self.common = Some(common);
    }

    fn field(&mut self, key: &str) -> Option<&mut Entry> {
        self.fields.iter_mut().find(|field| field.key == key)
    }

    /// Chooses a possibility of a field as what there is, unless the person has chosen one.
    pub fn preset(&mut self, key: &str, at: usize) {
        if let Some(field) = self.field(key).filter(|field| field.changed_value().is_none()) {
            if let Value::Choice(chosen, _) = &mut field.value {
                *chosen = at;
            }
            field.was = field.text();
        }
    }

    /// Chooses a possibility of a field.
    pub(super) fn choose(&mut self, key: &str, at: usize) {
        if let Some(Value::Choice(chosen, _)) = self.field(key).map(|field| &mut field.value) {
            *chosen = at;
        }
    }

    /// Replaces the text of a line.
    pub(super) fn set_line(&mut self, key: &str, text: &str) {
        if let Some(Value::Line(input)) = self.field(key).map(|field| &mut field.value) {
            *input = Input::new(text.to_owned());
        }
    }

    /// Greys a field for this reason, or opens it.
    pub(super) fn bar(&mut self, key: &str, reason: Option<&str>) {
        if let Some(field) = self.field(key) {
            field.barred = reason.map(str::to_owned);
        }
    }

    /// Whether the cursor is in this field.
    pub(super) fn is_on(&self, key: &str) -> bool {
        self.fields.get(self.line).is_some_and(|field| field.key == key)
    }

    /// What a field holds.
    pub fn text(&self, key: &str) -> String {
        self.fields.iter().find(|field| field.key == key).map(Entry::text).unwrap_or_default()
    }

    /// What a field holds now, if that is not what it held at first.
    pub fn changed_value(&self, key: &str) -> Option<String> {
        self.fields.iter().find(|field| field.key == key)?.changed_value()
    }

    /// Which possibility of a field is chosen.
    pub fn chosen_index(&self, key: &str) -> usize {
        self.fields.iter().find(|field| field.key == key).map_or(0, Entry::chosen_index)
    }

    /// Says what is wrong, on the line it is about.
    pub fn blame(&mut self, error: &estate::Error) {
        if let estate::Error::Invalid { field, .. } = error
            && let Some(at) = self.fields.iter().position(|entry| entry.key == *field)
        {
            self.line = at;
        }
        self.fault = Some(error.to_string());
    }

    /// Says what is wrong with a field, whatever the error calls it.
    pub fn blame_on(&mut self, key: &str, error: &estate::Error) {
        self.line = self.fields.iter().position(|entry| entry.key == key).unwrap_or(self.line);
        self.fault = Some(error.to_string());
    }

    /// Whether anything was filled in.
    pub fn is_touched(&self) -> bool {
        self.fields.iter().any(|field| field.changed_value().is_some())
    }

    /// Whether the cursor is in a text, where Enter begins a line.
    pub fn in_text(&self) -> bool {
        matches!(self.fields.get(self.line).map(|field| &field.value), Some(Value::Text(_)))
    }

    /// Takes a key.
    pub fn key(&mut self, key: Key) -> DialogResponse {
        match key.code {
            // A file name is typed again in a moment.
            Code::Esc if self.purpose == FormKind::Export => return DialogResponse::Close,
            Code::Esc if self.is_touched() && !std::mem::replace(&mut self.warned, true) => {
                return DialogResponse::Say("Esc again leaves it as it was; Ctrl+S saves".into());
            }
            Code::Esc => return DialogResponse::Close,
            Code::Char('s') if key.ctrl => return DialogResponse::Form,
            Code::Char('e') if key.ctrl && self.purpose == FormKind::Profile => {
                if self.is_touched() {
                    return DialogResponse::Say("save the profile first, or leave it".into());
                }
                return DialogResponse::Choose(MenuChoice::Sessions(None));
            }
            Code::Enter if !self.in_text() || key.alt => return DialogResponse::Form,
            Code::Tab => self.step(false),
            Code::BackTab => self.step(true),
            Code::Down | Code::Up if !self.moves_inside(key) => self.step(key.code == Code::Up),
            Code::Down | Code::Up => {}
            _ => self.type_key(key),
        }
        DialogResponse::Stay
    }

    /// Up and down move inside a text, as far as it goes.
    fn moves_inside(&mut self, key: Key) -> bool {
        let Some(Value::Text(area)) = self.fields.get_mut(self.line).map(|field| &mut field.value) else {
            return false;
        };
        let before = area.screen_cursor();
        press(key).is_some_and(|press| {
            area.input(press);
            area.screen_cursor() != before
        })
    }

    /// To another field that can be filled in.
    fn step(&mut self, back: bool) {
        let n = self.fields.len().max(1);
        let by = if back { n - 1 } else { 1 };
        self.warned = false;
        let mut at = self.line;
        for _ in 0..n {
            at = (at + by) % n;
            if self.fields[at].barred.is_none() {
                break;
            }
        }
        self.line = at;
    }

    /// A click on a field: the cursor goes there, and a choice turns.
    pub fn click(&mut self, at: usize, which: Option<usize>) -> DialogResponse {
        let Some(field) = self.fields.get_mut(at) else { return DialogResponse::Stay };
        if let Some(why) = &field.barred {
            return DialogResponse::Say(why.clone());
        }
        self.line = at;
        if let (Value::Choice(chosen, _), Some(which)) = (&mut field.value, which) {
            *chosen = which;
        }
        self.adapt();
        DialogResponse::Stay
    }

    /// Brings fields that depend on others up to date.
    fn adapt(&mut self) {
        if let Some(adapter) = self.adapter {
            adapter(self);
        }
    }

    fn type_key(&mut self, key: Key) {
        let Some(field) = self.fields.get_mut(self.line).filter(|field| field.barred.is_none()) else {
            return;
        };
        (self.fault, self.warned) = (None, false);
        if matches!(key.code, Code::Right | Code::End) && field.complete() {
            return;
        }
        match &mut field.value {
            Value::Choice(..) => match key.code {
                Code::Left => field.turn(true),
                Code::Right | Code::Char(' ') => field.turn(false),
                _ => {}
            },
            Value::Text(area) => {
                if let Some(press) = press(key) {
                    area.input(press);
                }
            }
            Value::Names(input, _) if field.fresh && matches!(key.code, Code::Char('+' | '-')) => {
                *input = Input::default();
                edit(input, key);
            }
            Value::Line(input) | Value::Names(input, _) => {
                let types = matches!(key.code, Code::Char(_)) && !key.ctrl && !key.alt;
                if std::mem::take(&mut field.replaces) && (types || key.code == Code::Backspace) {
                    *input = Input::default();
                }
                edit(input, key);
            }
        }
        field.fresh = false;
        self.adapt();
    }

    /// Takes pasted text into the field under the cursor.
    pub fn paste(&mut self, pasted: &str) {
        let Some(field) = self.fields.get_mut(self.line).filter(|field| field.barred.is_none()) else {
            return;
        };
        self.fault = None;
        match &mut field.value {
            Value::Line(input) | Value::Names(input, _) => {
                if std::mem::take(&mut field.replaces) {
                    *input = Input::default();
                }
                insert(input, text::strip_control(pasted, false).trim());
            }
            Value::Text(area) => {
                let lines: Vec<String> =
                    pasted.lines().map(|line| text::strip_control(line, false).into_owned()).collect();
                area.insert_str(lines.join("\n"));
            }
            Value::Choice(..) => {}
        }
        self.adapt();
    }
}

/// A key as the area for several lines takes it.
fn press(key: Key) -> Option<Press> {
    let code = match key.code {
        Code::Char(c) => Pressed::Char(c),
        Code::Enter => Pressed::Enter,
        Code::Backspace => Pressed::Backspace,
        Code::Delete => Pressed::Delete,
        Code::Left => Pressed::Left,
        Code::Right => Pressed::Right,
        Code::Up => Pressed::Up,
        Code::Down => Pressed::Down,
        Code::Home => Pressed::Home,
        Code::End => Pressed::End,
        Code::PageUp => Pressed::PageUp,
        Code::PageDown => Pressed::PageDown,
        _ => return None,
    };
    Some(Press { key: code, ctrl: key.ctrl, alt: key.alt, shift: key.shift })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_before_it_is_known_what_is_there_is_added_to_it() {
        let mut form = form();
        type_key(&mut form, "\tnew line\tpilot");
        let (tags, notes) = (Some(vec!["vip".to_owned()]), Some("old line".to_owned()));
        form.set_common(SharedValues {
            sims: 1,
            label: Some("x".into()),
            tags,
            notes,
            ..SharedValues::default()
        });
        assert_eq!(form.changed_value("notes").as_deref(), Some("old line\nnew line"));
        let tags = form.fields.iter().find(|field| field.key == "tag").expect("tags");
        assert_eq!(
            (tags.text().as_str(), tags.ghost),
            ("pilot", MIXED),
            "names are added, as where SIMs differ"
        );
    }

    fn form() -> Form {
        let fields = vec![
            Entry::line("label", "Label", "", ""),
            Entry::text_of("notes", "Notes", "", ""),
            Entry::names("tag", "Tags", "", vec!["pilot".into(), "Über".into()]),
            Entry::line("email", "Recipients", "", "").disabled_if(Some("only Admins".into())),
        ];
        Form::new("Edit".into(), "Save", FormKind::Sims(Target::default()), fields)
    }

    fn type_key(form: &mut Form, keys: &str) {
        for c in keys.chars() {
            form.key(match c {
                '\t' => Key::plain(Code::Tab),
                '→' => Key::plain(Code::Right),
                '\n' => Key::plain(Code::Enter),
                c => Key::char(c),
            });
        }
    }

    #[test]
    fn only_what_was_touched_counts_and_what_was_typed_early_stays() {
        let mut form = form();
        type_key(&mut form, "New");
        let common = SharedValues {
            sims: 2,
            label: None,
            notes: Some("one\ntwo".into()),
            ..SharedValues::default()
        };
        form.set_common(SharedValues { tags: Some(vec!["a".into()]), ..common });
        assert_eq!(form.changed_value("label").as_deref(), Some("New"));
        assert_eq!((form.changed_value("notes"), form.text("notes").as_str()), (None, "one\ntwo"));
        type_key(&mut form, "\t\nthree");
        assert_eq!(
            form.changed_value("notes").as_deref(),
            Some("one\ntwo\nthree"),
            "Enter is a line of the text"
        );
        assert_eq!(form.text("tag"), "a");
    }

    #[test]
    fn names_are_completed_and_barred_fields_passed_over() {
        let mut form = form();
        type_key(&mut form, "\t\tx, üb");
        assert_eq!(form.fields[2].rest(), Some("er"));
        type_key(&mut form, "→");
        assert_eq!(form.text("tag"), "x, Über");
        type_key(&mut form, "\t");
        assert_eq!(form.line, 0, "what is barred is passed over");
        assert_eq!(form.click(3, None), DialogResponse::Say("only Admins".into()));
    }
}
