//! Help and Support as the screen and the commands show it: simdeck's own page, and how a contact
//! is reached.

use estate::text::clean;
use estate::{Contact, Help};

/// simdeck's own page: for those above whom nobody has set anything.
pub fn own() -> Help {
    Help::Page { title: "Help and Support".into(), text: include_str!("support.md").into() }
}

/// How to reach a contact, what is not known left out.
pub fn ways(contact: &Contact) -> Vec<(&'static str, String)> {
    let ways = [
        ("Contact", &contact.name),
        ("Phone", &contact.phone),
        ("Email", &contact.email),
        ("Hours", &contact.hours),
        ("Web", &contact.url),
    ];
    let known = ways.into_iter().filter(|(_, value)| !value.is_empty());
    known.map(|(name, value)| (name, clean(value).into_owned())).collect()
}
