//! Portal files: descriptions of the files that connectivity portals write, kept as data.
//!
//! The shipped files in `portals/` and a user's own are parsed alike. A mistake names the file, the
//! line and the key.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::status::parse_ours;
use crate::error::{Error, Result};
use crate::import::header_name::{Header, parse_target, plain};
use crate::import::names::{Field, Names, SIM_FIELDS, USAGE_FIELDS};
use crate::moment::DateOrder;
use crate::number::DecimalMark;

/// Contents of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Holds {
    /// A list of SIMs.
    Sims,
    /// Usage records.
    Usage,
}

impl Holds {
    /// The word in portal files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Sims => "sims",
            Self::Usage => "usage",
        }
    }

    /// Returns the identifiers of which one must be there.
    pub(super) fn identifiers(self) -> &'static [Field] {
        match self {
            Self::Sims => &[Field::Iccid],
            Self::Usage => &[Field::Iccid, Field::Imsi, Field::Msisdn],
        }
    }

    pub(super) fn fields(self) -> &'static [Names] {
        match self {
            Self::Sims => SIM_FIELDS,
            Self::Usage => USAGE_FIELDS,
        }
    }
}

/// Description of one portal's file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Portal {
    /// Name for `--portal`.
    pub name: String,
    /// Name that people use.
    pub title: String,
    /// Contents.
    pub holds: Holds,
    /// Documents that the columns and words come from.
    pub source: Vec<String>,
    /// Headers by which the file is recognised: all of them must be there.
    pub headers: Vec<String>,
    /// Columns that are of no use.
    pub ignore: Vec<String>,
    /// Columns of counted things, which do not tell usage records apart.
    pub counts: Vec<String>,
    /// Order of day and month, where a column does not settle it.
    pub dates: Option<DateOrder>,
    /// Decimal mark, where a column does not settle it.
    pub decimal: Option<DecimalMark>,
    /// Separator of levels in the account column.
    pub account_separator: Option<String>,
    /// Field of each column, with its unit and sign.
    pub columns: BTreeMap<String, String>,
    /// Our word for each status word.
    pub status: BTreeMap<String, String>,
    /// Rows are read only where these columns have one of these values.
    pub only: BTreeMap<String, Vec<String>>,
    /// Rows are left out where these columns have one of these values.
    pub except: BTreeMap<String, Vec<String>>,
}

/// A portal file as it is written, with places for messages.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PortalFile {
    title: String,
    holds: Holds,
    #[serde(default)]
    source: Vec<String>,
    headers: Spanned<Vec<String>>,
    #[serde(default)]
    ignore: Vec<String>,
    #[serde(default)]
    counts: Vec<String>,
    dates: Option<DateOrder>,
    decimal: Option<DecimalMark>,
    account_separator: Option<Spanned<String>>,
    #[serde(default)]
    columns: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    status: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    only: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    except: BTreeMap<String, Vec<String>>,
}

impl Portal {
    /// Parses a portal file. `path` is what messages call it.
    pub fn parse(name: &str, path: &str, text: &str) -> Result<Self> {
        let line = |at: usize| text.get(..at).unwrap_or_default().matches('\n').count() + 1;
        let wrong =
            |line: usize, what: &str| Error::invalid("portal", format!("{path}, line {line}: {what}"));
        let file: PortalFile = toml::from_str(text)
            .map_err(|error| wrong(error.span().map_or(1, |span| line(span.start)), error.message()))?;
        if file.headers.get_ref().is_empty() {
            return Err(wrong(line(file.headers.span().start), "headers: must name at least one column"));
        }
        for (header, field) in &file.columns {
            parse_target(file.holds.fields(), field.get_ref(), "columns").map_err(|error| {
                wrong(line(field.span().start), &format!("columns.\"{header}\": {}", error.reason()))
            })?;
        }
        if let Some((table, key, at)) =
            find_twin("columns", &file.columns).or_else(|| find_twin("status", &file.status))
        {
            return Err(wrong(
                line(at),
                &format!("{table}.\"{key}\": is listed twice, in another spelling"),
            ));
        }
        let names_sim = |field: &Spanned<String>| {
            parse_target(file.holds.fields(), field.get_ref(), "columns")
                .is_ok_and(|wish| file.holds.identifiers().contains(&wish.field))
        };
        if !file.columns.is_empty() && !file.columns.values().any(names_sim) {
            let at = file.columns.values().map(|field| field.span().start).min().unwrap_or(0);
            return Err(wrong(line(at), "columns: no column holds an identifier, such as iccid"));
        }
        for (word, ours) in &file.status {
            parse_ours(ours.get_ref(), "status").map_err(|error| {
                wrong(line(ours.span().start), &format!("status.\"{word}\": {}", error.reason()))
            })?;
        }
        if let Some(empty) =
            file.account_separator.as_ref().filter(|separator| separator.get_ref().is_empty())
        {
            return Err(wrong(line(empty.span().start), "account_separator: must not be empty"));
        }
        let plain_values = |map: BTreeMap<String, Spanned<String>>| {
            map.into_iter().map(|(key, value)| (key, value.into_inner())).collect()
        };
        Ok(Self {
            name: name.to_owned(),
            title: file.title,
            holds: file.holds,
            source: file.source,
            headers: file.headers.into_inner(),
            ignore: file.ignore,
            counts: file.counts,
            dates: file.dates,
            decimal: file.decimal,
            account_separator: file.account_separator.map(Spanned::into_inner),
            columns: plain_values(file.columns),
            status: plain_values(file.status),
            only: file.only,
            except: file.except,
        })
    }

    /// True if a file with these headers, reduced to what is compared, is this portal's.
    pub(super) fn fits(&self, headers: &[String]) -> bool {
        self.headers.iter().all(|name| headers.contains(&plain(name)))
    }

    /// Checks what a file would be refused for: a portal may have come from another program.
    fn check(&self) -> Result<()> {
        let wrong = |what: &str| Error::invalid("portal", format!("{}: {what}", self.name));
        if self.headers.is_empty() {
            return Err(wrong("headers: must name at least one column"));
        }
        if self.account_separator.as_ref().is_some_and(String::is_empty) {
            return Err(wrong("account_separator: must not be empty"));
        }
        for wish in self.columns.values() {
            parse_target(self.holds.fields(), wish, "portal")?;
        }
        for word in self.status.values() {
            parse_ours(word, "portal")?;
        }
        Ok(())
    }
}

/// Finds a key of a table that is another one in another spelling: the table, the key, its place.
fn find_twin<'a>(
    table: &'static str,
    keys: &'a BTreeMap<String, Spanned<String>>,
) -> Option<(&'static str, &'a str, usize)> {
    let mut seen = std::collections::BTreeSet::new();
    let twin = keys.iter().find(|(key, _)| !seen.insert(plain(key)));
    twin.map(|(key, value)| (table, key.as_str(), value.span().start))
}

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        /// The shipped portal files, by name.
        pub const SHIPPED: &[(&str, &str)] = &[
            $(($name, include_str!(concat!("../../../portals/", $name, ".toml")))),*
        ];
    };
}

shipped!(
    "1nce",
    "aeris",
    "airtel",
    "airvantage-subscriptions",
    "bics-usage",
    "cisco-control-center",
    "emnify",
    "emnify-usage",
    "hologram",
    "hologram-usage",
    "kore-super-sim",
    "monogoto-month",
    "monogoto-things",
    "onomondo",
    "simpro",
    "soracom",
    "soracom-usage",
    "telefonica-kite",
    "telnyx",
    "telnyx-usage",
    "things-mobile",
    "things-mobile-cdr",
    "truphone",
    "vodafone-gdsp",
);

/// Returns the shipped portals with a user's own; one of the same name replaces the shipped one.
pub fn all(own: &[Portal]) -> Result<Vec<Portal>> {
    own.iter().try_for_each(Portal::check)?;
    let mut portals = own.to_vec();
    for (name, text) in SHIPPED {
        if !own.iter().any(|portal| portal.name.eq_ignore_ascii_case(name)) {
            portals.push(Portal::parse(name, &format!("portals/{name}.toml"), text)?);
        }
    }
    portals.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(portals)
}

/// Word for `--portal` that turns recognition off.
const NO_PORTAL: &str = "none";

/// Finds the portal of a file: the one that is named, or the one whose headers are all there; of
/// several the one that asks for most.
pub(super) fn find(
    portals: Vec<Portal>,
    wanted: Option<&str>,
    holds: Holds,
    headers: &[Header],
) -> Result<Option<Portal>> {
    match wanted {
        Some(NO_PORTAL) => return Ok(None),
        Some(name) => {
            let found = portals.iter().find(|portal| portal.name.eq_ignore_ascii_case(name)).cloned();
            let portal = found.ok_or_else(|| {
                let names: Vec<&str> = portals.iter().map(|portal| portal.name.as_str()).collect();
                Error::invalid(
                    "portal",
                    format!("no portal is called {name}; there are {}", names.join(" ")),
                )
            })?;
            if portal.holds != holds {
                let reason = format!("{name} describes a file of {}", portal.holds.word());
                return Err(Error::invalid("portal", reason));
            }
            return Ok(Some(portal));
        }
        None => {}
    }
    let headers: Vec<String> = headers.iter().map(|header| header.plain.clone()).collect();
    let fitting: Vec<Portal> =
        portals.into_iter().filter(|portal| portal.holds == holds && portal.fits(&headers)).collect();
    let most = fitting.iter().map(|portal| portal.headers.len()).max().unwrap_or(0);
    let mut best = fitting.into_iter().filter(|portal| portal.headers.len() == most);
    let Some(first) = best.next() else { return Ok(None) };
    let others: Vec<String> = best.map(|portal| portal.name).collect();
    if others.is_empty() {
        return Ok(Some(first));
    }
    let reason =
        format!("could be of {} or {}; choose one with --portal", first.name, others.join(" or "));
    Err(Error::invalid("file", reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: &str =
        "title = \"T\"\nholds = \"sims\"\nheaders = [\"A\"]\n[columns]\n\"A\" = \"iccid\"\n";

    fn message(text: &str) -> String {
        Portal::parse("t", "t.toml", text).expect_err("wrong").to_string()
    }

    #[test]
    fn mistakes_name_file_line_and_key() {
        assert!(Portal::parse("t", "t.toml", SOUND).is_ok());
        let text = SOUND.replace("\"iccid\"", "\"colour\"");
        assert!(
            message(&text).contains("t.toml, line 5: columns.\"A\": no field is called colour"),
            "{}",
            message(&text)
        );
        let text = format!("{SOUND}[status]\n\"Live\" = \"alive\"\n");
        assert!(message(&text).contains("t.toml, line 7: status.\"Live\": no status is called alive"));
        let text = SOUND.replace("title", "titel");
        assert!(
            message(&text).contains("t.toml, line 1") && message(&text).contains("titel"),
            "{}",
            message(&text)
        );
        assert!(message(&SOUND.replace("\"A\"]", "]")).contains("line 3"));
    }

    #[test]
    fn every_shipped_file_is_sound_and_listed() {
        let portals = all(&[]).expect("shipped");
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../portals");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .expect("folder")
            .map(|file| file.expect("file").file_name().to_string_lossy().replace(".toml", ""))
            .collect();
        files.sort();
        assert_eq!(portals.iter().map(|portal| portal.name.clone()).collect::<Vec<_>>(), files);
        for portal in portals {
            assert!(!portal.source.is_empty() && !portal.columns.is_empty(), "{}", portal.name);
        }
    }

    #[test]
    fn an_own_file_replaces_a_shipped_one() {
        let own = Portal::parse("aeris", "aeris.toml", SOUND).expect("own");
        let portals = all(std::slice::from_ref(&own)).expect("all");
        assert_eq!(portals.iter().filter(|portal| portal.name == "aeris").collect::<Vec<_>>(), [&own]);
    }
}
