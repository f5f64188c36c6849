//! Saved filters: a filter with a name, and if wanted the columns, the order and the account it is
//! looked at with. Private to a user. And the quick filters that everybody has.

use std::io::Read;

use serde::{Deserialize, Serialize};

use crate::account::{Accounts, valid_name};
use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::ids::AccountId;
use crate::import::read_text;
use crate::limits::SAVED_FILTERS;
use crate::query::Order;
use crate::text;

/// A saved filter.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Saved {
    /// The name, unique for its user ignoring case and accents: a name that looks alike is refused,
    /// not a second filter.
    pub name: String,
    /// The filter's text.
    pub filter: String,
    /// The order, if it is kept: `used:desc,iccid`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,
    /// The columns, if they are kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<SavedColumn>,
    /// The account looked at, if it is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<SavedScope>,
    /// The key from 1 to 9 that calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digit: Option<u8>,
}

/// A column by name: one that a later version adds or an earlier one lacks shifts no other.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SavedColumn {
    /// Its name.
    pub name: String,
    /// Its width, if it was set by hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u16>,
    /// Whether it stays where it is when the others scroll.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub pinned: bool,
}

/// An account: by number, so that renaming it breaks nothing; by path for people and for other
/// estates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedScope {
    /// Its number in this estate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<i64>,
    /// Its path when it was saved.
    pub path: String,
    /// Whether the accounts below count too.
    pub deep: bool,
}

impl SavedScope {
    /// The account it means.
    pub fn account(&self, accounts: &Accounts) -> Result<AccountId> {
        let known = self.account.map(AccountId).filter(|id| accounts.get(*id).is_some());
        match (known, self.account) {
            (Some(id), _) => Ok(id),
            // Another account of that path is not the one that was meant.
            (None, Some(_)) => Err(Error::not_found("account", self.path.clone())),
            (None, None) => accounts.find(&self.path),
        }
    }
}

impl Saved {
    /// Makes sure that it can be used again; gives the filter.
    pub fn check(&self) -> Result<Filter> {
        valid_name(&self.name)?;
        if let Some(sort) = &self.sort {
            Order::parse(sort)?;
        }
        if self.digit.is_some_and(|d| !(1..=9).contains(&d)) {
            return Err(Error::invalid("digit", "must be a digit from 1 to 9"));
        }
        Filter::parse(&self.filter)
    }
}

/// A change of a user's saved filters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SavedEdit {
    /// Save one; another of that name is replaced only if so said.
    Put(Saved, bool),
    /// Give one another name.
    Rename(String, String),
    /// Remove one.
    Delete(String),
    /// Put one at a place among the others, counted from 0.
    Place(String, usize),
    /// Have a digit call one, or none; a digit calls one only.
    Digit(String, Option<u8>),
}

/// Carries a change out on a list.
pub(crate) fn edit(list: &mut Vec<Saved>, edit: &SavedEdit) -> Result<()> {
    match edit {
        SavedEdit::Put(saved, replace) => put_filter(list, saved, *replace),
        SavedEdit::Rename(from, to) => {
            let to = valid_name(to)?;
            let at = find(list, from)?;
            if find(list, &to).is_ok_and(|other| other != at) {
                return Err(Error::Conflict(format!("the name {to} is taken")));
            }
            list[at].name = to;
            Ok(())
        }
        SavedEdit::Delete(name) => {
            let at = find(list, name)?;
            list.remove(at);
            Ok(())
        }
        SavedEdit::Place(name, place) => {
            let at = find(list, name)?;
            let saved = list.remove(at);
            list.insert((*place).min(list.len()), saved);
            Ok(())
        }
        SavedEdit::Digit(name, digit) => {
            let at = find(list, name)?;
            let saved = Saved { digit: *digit, ..list[at].clone() };
            saved.check()?;
            give(list, *digit);
            list[at] = saved;
            Ok(())
        }
    }
}

fn put_filter(list: &mut Vec<Saved>, saved: &Saved, replace: bool) -> Result<()> {
    saved.check()?;
    let saved = Saved { name: valid_name(&saved.name)?, ..saved.clone() };
    match find(list, &saved.name) {
        Ok(_) if !replace => {
            let name = &saved.name;
            Err(Error::Conflict(format!(
                "a filter is called {name} already; choose another name, or replace it"
            )))
        }
        Ok(at) => {
            // A digit stays with its name unless another is given.
            let saved = Saved { digit: saved.digit.or(list[at].digit), ..saved };
            give(list, saved.digit);
            list[at] = saved;
            Ok(())
        }
        Err(_) if list.len() >= SAVED_FILTERS => {
            Err(Error::invalid("filters", format!("are {SAVED_FILTERS} already; delete some")))
        }
        Err(_) => {
            give(list, saved.digit);
            list.push(saved);
            Ok(())
        }
    }
}

/// Frees a digit for another.
fn give(list: &mut [Saved], digit: Option<u8>) {
    list.iter_mut().filter(|s| digit.is_some() && s.digit == digit).for_each(|s| s.digit = None);
}

/// Where the one of that name is.
pub fn find(list: &[Saved], name: &str) -> Result<usize> {
    let key = text::fold(name.trim());
    let unknown =
        || Error::not_found_near("saved filter", name.to_owned(), list.iter().map(|s| s.name.as_str()));
    list.iter().position(|s| text::fold(&s.name) == key).ok_or_else(unknown)
}

/// What needs attention, in words and as a filter: what is stopped, what will be, what nothing
/// would stop.
pub const WATCHED: [(&str, &str); 5] = [
    ("Blocked now", "status=blocked"),
    ("Alerted now", "status=alerted"),
    (
        "Will be blocked before the period ends, at the rate so far",
        "pace>=100 lifecycle=active -status=blocked",
    ),
    ("Usage, and no cap to stop it", "no:cap used>0 lifecycle=active"),
    ("Alert at or above the cap: heard when it is too late", "alert_pct>=100 lifecycle=active"),
];

/// The filters everybody has, on the digits their own do not take.
pub fn quick(accounts: &Accounts) -> Vec<Saved> {
    let own = accounts.top().map(|top| accounts.path(top.id)).unwrap_or_default();
    let own = crate::filter::suggest::quote(&own);
    let all = [
        ("Alerted", "status=alerted".to_owned()),
        ("Blocked", "status=blocked".to_owned()),
        ("Near cap", "used_pct>=80 used_pct<100".to_owned()),
        ("No cap", "no:cap".to_owned()),
        ("Silent 30 days", "lifecycle=active (seen<30d or no:seen)".to_owned()),
        ("In session", "session=yes".to_owned()),
        ("Inactive", "status=inactive".to_owned()),
        ("Unassigned", format!("path={own}")),
    ];
    let saved = |(digit, (name, filter)): (u8, (&str, String))| Saved {
        name: name.to_owned(),
        filter,
        digit: Some(digit),
        ..Saved::default()
    };
    (1..).zip(all).map(saved).collect()
}

/// The filter a digit calls: the user's own, else a quick one.
pub fn called_by(own: &[Saved], accounts: &Accounts, digit: u8) -> Option<Saved> {
    let calls = |s: &&Saved| s.digit == Some(digit);
    own.iter()
        .find(calls)
        .cloned()
        .or_else(|| quick(accounts).into_iter().find(|s| s.digit == Some(digit)))
}

/// The first line of a file of saved filters.
const FORMAT: &str = "simdeck saved filters 1";

#[derive(Serialize, Deserialize)]
struct File {
    format: String,
    filters: Vec<Saved>,
}

/// Saved filters as a file for other people and estates: accounts by path only.
pub fn to_file(list: &[Saved]) -> String {
    let filters = list.iter().cloned().map(|mut saved| {
        saved.scope.iter_mut().for_each(|scope| scope.account = None);
        saved
    });
    let file = File { format: FORMAT.to_owned(), filters: filters.collect() };
    serde_json::to_string_pretty(&file).unwrap_or_default() + "\n"
}

/// Largest file of saved filters, in bytes.
const MAX_FILE: u64 = 64 << 20;

/// Reads such a file from a stream, in any encoding and packed with gzip or not.
pub fn from_stream(input: Box<dyn Read + Send + '_>) -> Result<Vec<Saved>> {
    from_file(&read_text(input, MAX_FILE)?)
}

/// Reads such a file; every filter is looked at before any is taken.
fn from_file(text: &str) -> Result<Vec<Saved>> {
    let file: File = crate::json::from_slice(text.as_bytes())
        .map_err(|e| Error::invalid("file", format!("is no file of saved filters: {e}")))?;
    if file.format != FORMAT {
        let said = text::clean(&file.format).into_owned();
        return Err(Error::invalid("file", format!("is \"{said}\", this version reads \"{FORMAT}\"")));
    }
    let clean = |text: &mut String| *text = text::clean(text).into_owned();
    let cleaned = |mut saved: Saved| -> Result<Saved> {
        clean(&mut saved.name);
        clean(&mut saved.filter);
        saved.sort.iter_mut().for_each(clean);
        saved.columns.iter_mut().for_each(|column| clean(&mut column.name));
        saved.check().map_err(|e| Error::invalid("file", format!("filter \"{}\": {e}", saved.name)))?;
        saved.scope.iter_mut().for_each(|scope| {
            scope.account = None;
            clean(&mut scope.path);
        });
        Ok(saved)
    };
    file.filters.into_iter().map(cleaned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved(name: &str, digit: Option<u8>) -> Saved {
        Saved { name: name.into(), filter: "status=active".into(), digit, ..Saved::default() }
    }

    fn names(list: &[Saved]) -> Vec<(&str, Option<u8>)> {
        list.iter().map(|s| (s.name.as_str(), s.digit)).collect()
    }

    #[test]
    fn a_list_is_edited_by_name() {
        let mut list = Vec::new();
        for step in [
            SavedEdit::Put(saved("One", Some(1)), false),
            SavedEdit::Put(saved(" Two ", Some(1)), false),
            SavedEdit::Put(saved("Three", None), false),
            SavedEdit::Place("three".into(), 0),
            SavedEdit::Digit("ONE".into(), Some(9)),
            SavedEdit::Rename("two".into(), "TWO".into()),
        ] {
            edit(&mut list, &step).expect("edited");
        }
        assert_eq!(names(&list), [("Three", None), ("One", Some(9)), ("TWO", Some(1))]);
        for (step, says) in [
            (SavedEdit::Put(saved("one", None), false), "already"),
            (SavedEdit::Put(saved("", None), false), "name"),
            (SavedEdit::Put(Saved { filter: "x(".into(), ..saved("x", None) }, false), "column"),
            (SavedEdit::Rename("One".into(), "three".into()), "taken"),
            (SavedEdit::Delete("Onee".into()), "did you mean One"),
            (SavedEdit::Digit("One".into(), Some(0)), "1 to 9"),
        ] {
            let error = edit(&mut list, &step).expect_err("refused");
            let whole = format!("{error} {}", error.hint().unwrap_or_default());
            assert!(whole.contains(says), "{whole}");
        }
        edit(&mut list, &SavedEdit::Put(saved("one", None), true)).expect("replaced");
        assert_eq!(list[1].digit, Some(9), "the digit stays");
        edit(&mut list, &SavedEdit::Delete("Three".into())).expect("deleted");
        assert_eq!(names(&list), [("one", Some(9)), ("TWO", Some(1))]);
    }

    #[test]
    fn files_carry_no_numbers_and_are_read_whole_or_not_at_all() {
        let scope = SavedScope { account: Some(7), path: "/Acme/Fleet".into(), deep: true };
        let list = vec![Saved { scope: Some(scope), ..saved("A\u{202e}", Some(2)) }];
        let back = from_file(&to_file(&list)).expect("read");
        assert_eq!((back[0].name.as_str(), back[0].scope.as_ref().map(|s| s.account)), ("A", Some(None)));
        let array = r#"["simdeck saved filters 1",[["A","status=active"]]]"#;
        assert!(
            from_file(array).is_err()
                && from_file("{\"format\":\"simdeck saved filters 1\",\"filters\":[[\"A\"]]}").is_err()
        );
        assert!(from_file("{}").is_err() && from_file("{\"format\":\"x\",\"filters\":[]}").is_err());
        let hostile = "{\"format\":\"simdeck saved filters 1\",\"filters\":[{\"name\":\"a\",\"filter\":\"lab\\u001b[31mel:x\"}]}";
        assert_eq!(from_file(hostile).expect("read")[0].filter, "label:x");
        assert!(
            from_file(&hostile.replace("\"filter\"", "\"flter\"")).is_err(),
            "never every SIM by mistake"
        );
        let bad = to_file(&[Saved { filter: "nonsense:1".into(), ..saved("B", None) }]);
        assert!(from_file(&bad).expect_err("bad").to_string().contains("\"B\""));
    }

    #[test]
    fn every_quick_filter_reads() {
        for saved in quick(&Accounts::default()) {
            if saved.name != "Unassigned" {
                saved.check().expect("quick");
            }
        }
    }
}
