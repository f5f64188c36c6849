//! What could come next in a filter: names of fields, and values the estate holds.

use std::collections::{BTreeMap, BTreeSet};

use super::lex::Slot;
use super::parse::is_bare;
use super::{FIELDS, Field, Filter, Shape, Value};
use crate::account::{Account, Accounts};
use crate::number::sims;
use crate::sim::{Lifecycle, Status};
use crate::text;

/// The values of a field that a user's SIMs hold, with how many hold each, most first.
pub type Values = Vec<(String, u64)>;

/// The values known so far, by field.
pub type Known = BTreeMap<Field, Values>;

/// The most suggestions.
const MOST: usize = 50;

/// Something that could be typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// What stands in the text afterwards.
    pub insert: String,
    /// What is shown.
    pub label: String,
    /// What is shown beside it: how many SIMs, or what it means.
    pub note: String,
}

/// The fields in the order people look for them, with their names in words.
pub const TITLES: [(Field, &str); 31] = [
    (Field::Account, "Account Name"),
    (Field::Status, "Status"),
    (Field::Label, "Label"),
    (Field::Iccid, "ICCID"),
    (Field::Network, "Network"),
    (Field::Tariff, "Tariff"),
    (Field::Tag, "Tag"),
    (Field::Category, "Category"),
    (Field::Used, "Used"),
    (Field::Cap, "Cap"),
    (Field::UsedPct, "Used % of cap"),
    (Field::Pace, "Pace: % of cap by period end"),
    (Field::Alert, "Alert"),
    (Field::AlertPct, "Alert % of cap"),
    (Field::Hard, "Hard cap"),
    (Field::Raised, "Cap raised for the period"),
    (Field::Auth, "SIM authentication"),
    (Field::Pending, "Asked for, not yet so"),
    (Field::Session, "In session"),
    (Field::Seen, "Last seen"),
    (Field::Activated, "Activated"),
    (Field::Changed, "Changed"),
    (Field::Lifecycle, "Lifecycle"),
    (Field::Imsi, "IMSI"),
    (Field::Msisdn, "MSISDN"),
    (Field::Eid, "EID"),
    (Field::Imei, "IMEI"),
    (Field::Notes, "Notes"),
    (Field::Recipient, "Recipient"),
    (Field::Any, "Anything"),
    (Field::Id, "Record number"),
];

impl Field {
    /// Its name in words.
    pub fn title(self) -> &'static str {
        TITLES.iter().find(|row| row.0 == self).map_or_else(|| self.name(), |row| row.1)
    }

    /// Whether its values can be counted: few enough to choose from.
    pub fn is_counted(self) -> bool {
        matches!(self, Self::Network | Self::Tariff | Self::Tag | Self::Category | Self::Status)
    }
}

/// What could be typed in a slot, best first.
pub fn suggest(slot: &Slot, accounts: &Accounts, known: &Known) -> Vec<Suggestion> {
    let Some(field) = slot.field else { return fields(&slot.typed) };
    let mut list =
        if slot.is_account() { paths(field, slot, accounts) } else { values(field, slot, known) };
    list.truncate(MOST);
    // What is there whole already needs no suggestion.
    if list.len() == 1 && text::case_fold(&list[0].label) == text::case_fold(&slot.typed) {
        list.clear();
    }
    list
}

/// Fields whose name begins with what is typed, or whose words do.
fn fields(typed: &str) -> Vec<Suggestion> {
    let typed = text::fold(typed);
    let order = |field: Field| TITLES.iter().position(|row| row.0 == field).unwrap_or(TITLES.len());
    let fits = |field: Field, name: &str| {
        name.starts_with(&typed)
            || text::fold(field.title()).split(' ').any(|word| word.starts_with(&typed))
    };
    let mut found: Vec<(&str, Field)> =
        FIELDS.iter().filter(|row| fits(row.1, row.0)).map(|row| (row.0, row.1)).collect();
    found.sort_by_key(|(name, field)| (!name.starts_with(&typed), order(*field)));
    let sign = |field: Field| match field.shape() {
        Shape::Bytes | Shape::Percent => ">=",
        Shape::Time => "<",
        Shape::Status | Shape::Lifecycle | Shape::Flag | Shape::Id => "=",
        Shape::Text | Shape::Account | Shape::Field => ":",
    };
    let suggestion = |(name, field): (&str, Field)| Suggestion {
        insert: format!("{name}{}", sign(field)),
        label: format!("{name}{}", sign(field)),
        note: meaning(field).to_owned(),
    };
    found.into_iter().map(suggestion).collect()
}

/// A field in a few words.
fn meaning(field: Field) -> &'static str {
    match field {
        Field::In => "an account and all below it",
        Field::Path => "exactly that account",
        Field::Has => "a field that is filled",
        Field::No => "a field that is empty",
        Field::Account => "the account's name",
        Field::AccountId => "the account's number here",
        Field::Used => "data used, such as 500MB",
        Field::Seen => "a day, or an age such as 30d",
        other => other.title(),
    }
}

/// Accounts by name: paths where a path is asked for.
fn paths(field: Field, slot: &Slot, accounts: &Accounts) -> Vec<Suggestion> {
    let wanted = text::fold(slot.typed.trim_start_matches('/'));
    let wanted = wanted.rsplit('/').next().unwrap_or_default();
    let by_path = field.shape() == Shape::Account;
    let rank = |account: &Account| {
        let name = text::fold(&account.name);
        match name.find(wanted)? {
            0 => Some(0),
            at if name[..at].ends_with(' ') => Some(1),
            _ => Some(2),
        }
    };
    let mut found: Vec<(i32, &Account)> =
        accounts.all().iter().filter_map(|a| Some((rank(a)?, a))).collect();
    found.sort_by_key(|(rank, _)| *rank);
    let mut seen = BTreeSet::new();
    let suggestion = |(_, account): (i32, &Account)| {
        let label = if by_path { accounts.path(account.id) } else { account.name.clone() };
        let note = sims(if by_path { account.subtree } else { account.own });
        seen.insert(label.clone()).then(|| Suggestion { insert: quote(&label), label, note })
    };
    found.into_iter().filter_map(suggestion).take(MOST).collect()
}

fn values(field: Field, slot: &Slot, known: &Known) -> Vec<Suggestion> {
    let typed = text::fold(&slot.typed);
    let counted = known.get(&field);
    let count = |word: &str| {
        let found = counted.and_then(|list| list.iter().find(|(value, _)| text::fold(value) == word));
        found.map_or_else(String::new, |(_, n)| sims(*n))
    };
    let word =
        |word: &str| Suggestion { insert: word.to_owned(), label: word.to_owned(), note: count(word) };
    let words = |list: &[&str]| list.iter().filter(|w| w.starts_with(&typed)).map(|w| word(w)).collect();
    match field.shape() {
        Shape::Status => words(&Status::ALL.map(Status::word)),
        Shape::Lifecycle => words(&[0, 1, 2, 3].map(|code| Lifecycle::from_code(code).word())),
        Shape::Flag => words(&["yes", "no"]),
        Shape::Bytes => words(&["100MB", "500MB", "1GB", "10GB"]),
        Shape::Percent => words(&["50", "80", "100"]),
        Shape::Time => words(&["1h", "1d", "7d", "30d", "90d"]),
        Shape::Field => {
            let names: Vec<&str> =
                TITLES.iter().map(|row| row.0.name()).filter(|n| !n.is_empty()).collect();
            words(&names)
        }
        _ => {
            let fits = |value: &str| text::fold(value).contains(&typed);
            let suggestion = |(value, n): &(String, u64)| Suggestion {
                insert: quote(value),
                label: value.clone(),
                note: sims(*n),
            };
            let mut found: Vec<&(String, u64)> =
                counted.into_iter().flatten().filter(|(value, _)| fits(value)).collect();
            found.sort_by_key(|(value, _)| !text::fold(value).starts_with(&typed));
            found.into_iter().map(suggestion).collect()
        }
    }
}

/// A value as it is typed: quoted where it has to be.
pub fn quote(value: &str) -> String {
    if is_bare(value) { value.to_owned() } else { Value::Text(value.to_owned()).to_string() }
}

/// What a value says that is typed, quoted or not, to its end or not.
pub fn unquote(typed: &str) -> String {
    let Some(inside) = typed.strip_prefix('"') else { return typed.to_owned() };
    let (mut said, mut chars) = (String::new(), inside.chars().peekable());
    while let Some(c) = chars.next() {
        match c {
            '\\' => said.push(chars.next_if(|next| matches!(next, '"' | '\\')).unwrap_or(c)),
            '"' => break,
            c => said.push(c),
        }
    }
    said
}

/// Why a filter's text cannot be read: the message with its way out, and the character it is about.
pub fn fault(text: &str) -> Option<(usize, String)> {
    let error = Filter::parse(text).err()?;
    let column = match &error {
        crate::Error::Filter { column, .. } => column.saturating_sub(1),
        _ => 0,
    };
    let message = match &error {
        crate::Error::Filter { message, .. } => message.clone(),
        other => other.to_string(),
    };
    // What helps is said first: there is little room.
    let said = match error.hint() {
        Some(hint) => format!("{hint} ({message})"),
        None => message,
    };
    Some((column, said))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::AccountRow;
    use crate::filter::lex::slot;
    use crate::ids::AccountId;

    fn accounts() -> Accounts {
        let row = |id: i64, parent: Option<i64>, name: &str| AccountRow {
            id: AccountId(id),
            parent: parent.map(AccountId),
            name: name.to_owned(),
            key: text::fold(name),
            own: 3,
            reference: String::new(),
            users: 0,
            helps: false,
            has_admin: true,
            version: 1,
            period: None,
            levels: true,
            ceiling: None,
        };
        let rows = [row(1, None, "Root"), row(2, Some(1), "North Fleet"), row(3, Some(1), "Fleet \"B\"")];
        Accounts::build(&rows, AccountId(1))
    }

    fn offered(text: &str) -> Vec<String> {
        let known = Known::from([(Field::Network, vec![("Vodafone UK".into(), 9), ("EE".into(), 4)])]);
        let slot = slot(text, text.chars().count()).expect("a slot");
        suggest(&slot, &accounts(), &known).into_iter().map(|s| s.insert).collect()
    }

    #[test]
    fn fields_come_first_by_name_then_by_their_words() {
        assert_eq!(offered("acc"), ["account:", "account_id="]);
        assert_eq!(offered("data"), Vec::<String>::new());
        assert_eq!(offered("se"), ["session=", "seen<"]);
        assert_eq!(offered("")[0], "account:");
    }

    #[test]
    fn values_are_those_of_the_estate_and_quoted_where_needed() {
        assert_eq!(offered("network:v"), ["\"Vodafone UK\""]);
        assert_eq!(offered("network:\"vodafone u"), ["\"Vodafone UK\""]);
        assert_eq!(offered("status=al"), ["alerted"]);
        assert_eq!(offered("in:fleet"), ["\"/Root/Fleet \\\"B\\\"\"", "\"/Root/North Fleet\""]);
        assert_eq!(offered("account=nor"), ["\"North Fleet\""]);
        for insert in offered("in:fleet") {
            assert!(Filter::parse(&format!("in:{insert}")).is_ok());
        }
    }
}
