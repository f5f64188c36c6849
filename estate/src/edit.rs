//! What an edit changes about SIMs: label, notes, tags, categories, recipients, SIM authentication,
//! and their state.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::ids::Rev;
use crate::packed::{pack, split};
use crate::role::Capability;
use crate::sim::Verb;
use crate::units::Time;
use crate::{ident, limits, text};

/// Who put a SIM into its state, when and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateOrigin {
    /// When.
    pub at: Time,
    /// Who.
    pub by: String,
    /// Why, in their words; empty where they gave none.
    pub why: String,
}

/// What the SIMs of a target have in common, as far as edits go: `None` where they differ.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SharedValues {
    /// How many they are.
    pub sims: u64,
    /// The revision it was read at: what changes later is a conflict for an edit that goes by it.
    pub at: Rev,
    /// The label.
    pub label: Option<String>,
    /// The notes.
    pub notes: Option<String>,
    /// The tags, in their order.
    pub tags: Option<Vec<String>>,
    /// The categories.
    pub categories: Option<Vec<String>>,
    /// The recipients.
    pub recipients: Option<Vec<String>>,
}

/// What becomes of a list: emptied first or not, then taken from, then added to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ListEdit {
    /// Whether what is there goes.
    pub clear: bool,
    /// What comes in, unless it is there.
    pub add: Vec<String>,
    /// What goes, whatever its case.
    pub remove: Vec<String>,
}

impl ListEdit {
    /// Exactly these.
    pub fn exactly(names: Vec<String>) -> Self {
        Self { clear: true, add: names, remove: Vec::new() }
    }

    /// Reads `+new, -old`; a name without a sign comes in, `none` alone empties the list.
    pub fn parse(text: &str) -> Self {
        if text.trim().eq_ignore_ascii_case("none") {
            return Self { clear: true, ..Self::default() };
        }
        let mut listed = Self::default();
        for name in text.split([',', ';', '\n']).map(str::trim).filter(|name| !name.is_empty()) {
            match name.strip_prefix('-') {
                Some(name) => listed.remove.push(name.trim().to_owned()),
                None => listed.add.push(name.strip_prefix('+').unwrap_or(name).trim().to_owned()),
            }
        }
        listed
    }

    /// Whether it changes anything.
    pub fn is_some(&self) -> bool {
        self.clear || !self.add.is_empty() || !self.remove.is_empty()
    }

    /// A list after it. Names are the same if they differ in case only: with an accent it is
    /// another tag or address.
    pub fn of(&self, names: Vec<String>) -> Vec<String> {
        let same = |a: &str, b: &str| text::case_fold(a) == text::case_fold(b);
        let mut left: Vec<String> = if self.clear { Vec::new() } else { names };
        left.retain(|name| !self.remove.iter().any(|gone| same(gone, name)));
        for name in &self.add {
            if !left.iter().any(|known| same(known, name)) {
                left.push(name.clone());
            }
        }
        left
    }

    fn describe(&self, what: &str) -> Option<String> {
        if self.clear {
            let names = if self.add.is_empty() { "none".to_owned() } else { self.add.join(", ") };
            return Some(format!("{what}: {names}"));
        }
        let signed = |sign: char| move |name: &String| format!("{sign}{name}");
        let parts: Vec<String> =
            self.add.iter().map(signed('+')).chain(self.remove.iter().map(signed('-'))).collect();
        (!parts.is_empty()).then(|| format!("{what}: {}", parts.join(" ")))
    }

    fn validate(&self, read: impl Fn(&str) -> Result<String>) -> Result<Self> {
        let add = self.add.iter().map(|name| read(name)).collect::<Result<Vec<_>>>()?;
        // What goes may be spelt as no new name may be; it stands in the log all the same.
        let remove = self
            .remove
            .iter()
            .map(|name| line(name, "list", limits::EMAIL))
            .collect::<Result<Vec<_>>>()?;
        let listed = Self { add, remove, ..self.clone() };
        if !listed.clear
            && let Some(name) = listed.add.iter().find(|name| listed.remove.contains(name))
        {
            return Err(Error::invalid("list", format!("{name} cannot come in and go at once")));
        }
        Ok(listed)
    }
}

/// What is changed about SIMs; what is not set stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Edit {
    /// The label; empty takes it away.
    pub label: Option<String>,
    /// The notes; empty takes them away.
    pub notes: Option<String>,
    /// Tags.
    pub tags: ListEdit,
    /// Categories.
    pub categories: ListEdit,
    /// Who is notified of its alerts, by mail address.
    pub recipients: ListEdit,
    /// Whether the network lets it authenticate.
    pub authentication: Option<bool>,
    /// What is done to its state.
    pub verb: Option<Verb>,
    /// Why, for those who look later.
    pub why: String,
}

impl Edit {
    /// Only what is done to the state.
    pub fn state(verb: Verb, why: &str) -> Self {
        Self { verb: Some(verb), why: why.to_owned(), ..Self::default() }
    }

    /// The edit with everything in it made sound, or what is wrong with it.
    pub fn validate(&self) -> Result<Self> {
        let edit = Self {
            label: self.label.as_deref().map(|label| line(label, "label", limits::LABEL)).transpose()?,
            notes: self.notes.as_deref().map(notes).transpose()?,
            tags: self.tags.validate(|tag| name(tag, "tag"))?,
            categories: self.categories.validate(|category| name(category, "category"))?,
            recipients: self.recipients.validate(ident::email)?,
            why: line(&self.why, "why", limits::LABEL)?,
            ..self.clone()
        };
        if edit.needs().is_empty() {
            return Err(Error::invalid("edit", "say what to change"));
        }
        Ok(edit)
    }

    /// What one has to be allowed to.
    pub fn needs(&self) -> Vec<Capability> {
        let wanted = [
            (self.label.is_some() || self.notes.is_some(), Capability::EditNotes),
            (self.tags.is_some() || self.categories.is_some(), Capability::ManageTags),
            (self.recipients.is_some(), Capability::ManageRecipients),
            (self.authentication.is_some(), Capability::Authenticate),
            (self.verb.is_some(), Capability::ActivateSims),
        ];
        wanted.into_iter().filter(|(wanted, _)| *wanted).map(|(_, need)| need).collect()
    }

    /// The log's word for it.
    pub fn kind(&self) -> &'static str {
        match (self.verb, self.authentication) {
            (Some(verb), _) => verb.word(),
            (None, Some(_)) => "authentication",
            (None, None) => "edit",
        }
    }

    /// The word on a button.
    pub fn title(&self) -> &'static str {
        match (self.verb, self.authentication) {
            (Some(verb), _) => verb.title(),
            (None, Some(_)) => "Switch",
            (None, None) => "Edit",
        }
    }

    /// Whether that is the log's word for an edit.
    pub fn is_kind(kind: &str) -> bool {
        matches!(kind, "edit" | "authentication") || Verb::from_word(kind).is_some()
    }

    /// What it changes, in words.
    pub fn describe(&self) -> String {
        let text = |what: &str, text: &str| {
            let short: String = text.split('\n').next().unwrap_or_default().chars().take(40).collect();
            if text.is_empty() { format!("no {what}") } else { format!("{what}: {short}") }
        };
        let authentication = |on| format!("SIM authentication {}", if on { "on" } else { "off" });
        let parts = [
            self.verb.map(|verb| verb.word().to_owned()),
            self.authentication.map(authentication),
            self.label.as_deref().map(|label| text("label", label)),
            self.notes.as_deref().map(|notes| text("notes", notes)),
            self.tags.describe("tags"),
            self.categories.describe("categories"),
            self.recipients.describe("recipients"),
            (!self.why.is_empty()).then(|| format!("because {}", self.why)),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

/// One line: trimmed, without anything that could harm a terminal.
pub(crate) fn line(value: &str, field: &'static str, most: usize) -> Result<String> {
    let value = value.trim();
    if value.chars().count() > most {
        return Err(Error::invalid(field, format!("must have at most {most} characters")));
    }
    if text::has_control(value) {
        return Err(Error::invalid(field, "must be one line without control or direction characters"));
    }
    Ok(value.to_owned())
}

/// Notes may have several lines.
fn notes(value: &str) -> Result<String> {
    let lines: Vec<String> =
        value.trim().lines().map(|part| line(part, "notes", limits::NOTES)).collect::<Result<_>>()?;
    let notes = lines.join("\n");
    if notes.chars().count() > limits::NOTES {
        return Err(Error::invalid("notes", format!("must have at most {} characters", limits::NOTES)));
    }
    Ok(notes)
}

/// A tag or a category: what separates names in lists and files cannot be part of one.
fn name(value: &str, field: &'static str) -> Result<String> {
    let name = line(value, field, limits::TAG)?;
    if name.is_empty() || name.contains([',', ';', '|']) || name.starts_with(['+', '-']) {
        return Err(Error::invalid(
            field,
            format!(
                "must have 1 to {} characters, no , ; or | in it, and begin with neither + nor -",
                limits::TAG
            ),
        ));
    }
    Ok(name)
}

/// `list_edited(list, edit)` for SQL.
pub(super) fn edit_list(list: &str, edit: &str) -> String {
    let edit: ListEdit = serde_json::from_str(edit).unwrap_or_default();
    pack(edit.of(split(list)).iter().map(String::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn lists_are_taken_from_and_added_to() {
        let edited = |text: &str, list: &str| ListEdit::parse(text).of(names(list)).join(" ");
        assert_eq!(edited("+new, -old", "old kept"), "kept new");
        assert_eq!(edited("NEW", "new"), "new", "whatever its case, it is there once");
        assert_eq!(edited("-Old", "old"), "");
        assert_eq!(edited("+Peña, -Müller", "Pena Muller"), "Pena Muller Peña", "accents distinguish");
        assert_eq!(edited("none", "a b"), "");
        assert_eq!(edited("", "a b"), "a b");
        assert!(!ListEdit::parse(" , ").is_some());
        assert_eq!(ListEdit::exactly(names("x y")).of(names("a x")), names("x y"));
    }

    #[test]
    fn what_could_harm_or_cannot_be_kept_is_refused_by_its_field() {
        let field = |edit: Edit| match edit.validate() {
            Err(Error::Invalid { field, .. }) => field,
            other => panic!("{other:?}"),
        };
        let label = |text: &str| Edit { label: Some(text.into()), ..Edit::default() };
        assert_eq!(field(label("a\u{1b}[31mred")), "label");
        assert_eq!(field(label(&"x".repeat(201))), "label");
        assert_eq!(field(Edit { notes: Some("\u{202e}txt".into()), ..Edit::default() }), "notes");
        let tags = |text: &str| Edit { tags: ListEdit::parse(text), ..Edit::default() };
        assert_eq!(field(tags("a|b")), "tag");
        assert_eq!(field(tags("+a, -a")), "list");
        let recipients = Edit { recipients: ListEdit::parse("nobody"), ..Edit::default() };
        assert_eq!(field(recipients), "email");
        assert_eq!(field(Edit::default()), "edit");
        let notes = Edit { notes: Some(" one \r\ntwo ".into()), ..Edit::default() };
        assert_eq!(notes.validate().expect("sound").notes.as_deref(), Some("one\ntwo"));
    }

    #[test]
    fn each_field_needs_its_own_permission() {
        let edit = Edit { notes: Some("x".into()), tags: ListEdit::parse("a"), ..Edit::default() };
        assert_eq!(edit.needs(), [Capability::EditNotes, Capability::ManageTags]);
        assert_eq!(edit.describe(), "notes: x, tags: +a");
        assert_eq!(Edit::state(Verb::Suspend, "unpaid").describe(), "suspend, because unpaid");
    }
}
