//! Headers taken apart: the name, the unit, and the field that an option names.

use super::names::{Field, Names, Shape};
use crate::error::{Error, Result};
use crate::{text, units};

/// Reduces a header to what is compared: letters and digits, without case and accents.
pub(crate) fn plain(header: &str) -> String {
    text::fold(&text::clean(header)).chars().filter(|c| c.is_alphanumeric()).collect()
}

/// Unit that a header states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HeaderUnit {
    Nothing,
    Unit(u64),
    /// Words in brackets that are no unit known here.
    Unknown(String),
}

/// A header taken apart.
#[derive(Debug, Clone)]
pub(crate) struct Header {
    /// As the file has it, cleaned.
    pub name: String,
    /// Reduced to what is compared.
    pub plain: String,
    /// The same without the unit.
    pub base: String,
    pub unit: HeaderUnit,
}

/// Words that say for which time a size holds, not in which unit it is.
const SPANS: [&str; 16] = [
    "month", "monthly", "mo", "cycle", "period", "current", "this", "billing", "to", "date", "mtd",
    "ctd", "per", "days", "in", "total",
];

impl Header {
    pub fn new(header: &str) -> Self {
        let name = text::clean(header).trim().to_owned();
        let plain = plain(&name);
        if let Some((open, close)) = brackets(&name) {
            let base = self::plain(&format!("{}{}", &name[..open], &name[close + 1..]));
            let unit = unit_in(&name[open + 1..close]);
            return Self { name, plain, base, unit };
        }
        let words: Vec<&str> =
            name.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).collect();
        if let (Some(last), true) = (words.last(), words.len() > 1)
            && let Some(bytes) = units::unit(last).filter(|_| last.len() > 1)
        {
            let base = words[..words.len() - 1].concat();
            return Self { base: self::plain(&base), plain, unit: HeaderUnit::Unit(bytes), name };
        }
        let suffix = ["kib", "mib", "gib", "kb", "mb", "gb", "tb", "bytes"].into_iter().find(|suffix| {
            plain.len() > suffix.len() && plain.ends_with(suffix) && is_camel_suffix(&name, suffix)
        });
        if let Some(suffix) = suffix {
            let (base, bytes) = (plain[..plain.len() - suffix.len()].to_owned(), units::unit(suffix));
            return Self { base, plain, unit: bytes.map_or(HeaderUnit::Nothing, HeaderUnit::Unit), name };
        }
        let unit = if plain == "bytes" { HeaderUnit::Unit(1) } else { HeaderUnit::Nothing };
        Self { base: plain.clone(), plain, unit, name }
    }

    /// Returns the names of the field that this header goes by, with how well it does: 0 is an
    /// exact name.
    pub(super) fn recognize(&self, known: &[Names]) -> Option<(Field, u8)> {
        known.iter().find_map(|names| {
            let lists = [names.exact, names.usual, names.weak];
            let tier = lists.iter().position(|list| {
                list.contains(&self.plain.as_str()) || list.contains(&self.base.as_str())
            })?;
            Some((names.field, tier as u8))
        })
    }

    /// True if it ends like a status in one of the usual languages.
    pub fn ends_like_status(&self) -> bool {
        STATUS_NAMES.iter().any(|word| self.plain.ends_with(word))
    }

    /// True if a word of it names a status, or a state that is answered by yes or no.
    pub fn speaks_of_status(&self) -> bool {
        let switches =
            ["active", "enabled", "blocked", "barred", "suspended", "locked", "deactivated", "disabled"];
        let mut words = self.name.split(|c: char| !c.is_alphanumeric()).map(plain);
        words.any(|word| STATUS_NAMES.contains(&word.as_str()) || switches.contains(&word.as_str()))
    }
}

/// True if a suffix such as `MB` begins with a capital in the header: `usageMB`, not `limb`.
fn is_camel_suffix(name: &str, suffix: &str) -> bool {
    let from = name.len().checked_sub(suffix.len()).filter(|at| name.is_char_boundary(*at));
    from.is_some_and(|at| name[at..].starts_with(|c: char| c.is_ascii_uppercase()) || suffix == "bytes")
}

pub(crate) fn brackets(name: &str) -> Option<(usize, usize)> {
    let open = name.find(['(', '['])?;
    let close = open + name[open..].find([')', ']'])?;
    Some((open, close))
}

fn unit_in(words: &str) -> HeaderUnit {
    let (mut unit, mut unknown) = (None, false);
    for word in words.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        if SPANS.contains(&word.to_lowercase().as_str()) {
            continue;
        }
        match units::unit(word) {
            // "MB or GB" and "10 MB" are no units.
            Some(bytes) if unit.is_none() => unit = Some(bytes),
            _ => unknown = true,
        }
    }
    match unit {
        _ if unknown => HeaderUnit::Unknown(words.trim().to_owned()),
        Some(bytes) => HeaderUnit::Unit(bytes),
        None => HeaderUnit::Nothing,
    }
}

/// A field with the sign and the unit that a mapping gives it: `-used:MB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ColumnTarget {
    pub field: Field,
    pub minus: bool,
    pub unit: Option<u64>,
    /// True if the name of the field says that it holds bytes.
    pub in_bytes: bool,
}

/// Parses the right-hand side of a mapping: `field`, `field:unit`, `-field`.
pub(super) fn parse_target(known: &[Names], text: &str, option: &'static str) -> Result<ColumnTarget> {
    let text = text.trim();
    let (minus, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (name, unit) = text.split_once(':').map_or((text, None), |(name, unit)| (name, Some(unit)));
    let named = || known.iter().filter(|names| !names.name.is_empty());
    let found =
        named().find(|names| names.name == plain(name) || names.exact.contains(&plain(name).as_str()));
    let field = found.map(|names| names.field).ok_or_else(|| {
        let names: Vec<&str> = named().map(|names| names.name).collect();
        Error::invalid(option, format!("no field is called {name}; there are {}", names.join(" ")))
    })?;
    let in_bytes = plain(name).ends_with("bytes");
    let unit = unit
        .map(|unit| {
            let wrong = || {
                Error::invalid(
                    option,
                    format!("{unit} is no unit; there are B, kB, MB, GB, KiB, MiB, GiB"),
                )
            };
            units::unit(unit).ok_or_else(wrong)
        })
        .transpose()?;
    if (minus || unit.is_some()) && field.shape() != Shape::Size {
        return Err(Error::invalid(option, format!("{name} holds no size: it has no unit and no sign")));
    }
    Ok(ColumnTarget { field, minus, unit, in_bytes })
}

/// Words for a status, reduced to what is compared.
const STATUS_NAMES: [&str; 10] = [
    "status",
    "state",
    "estado",
    "zustand",
    "statut",
    "stato",
    "situacao",
    "situacion",
    "tila",
    "статус",
];
