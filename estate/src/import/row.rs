//! One row: what it says, what is doubtful about it, or why it is refused.

use csv::StringRecord;

use super::header::{Field, Mapping};
use super::{Note, Notes};
use crate::error::Result;
use crate::ident::{self, Doubt, Iccid};
use crate::sim::{Gate, Lifecycle, Status};
use crate::store::read::pack;
use crate::text;
use crate::units::{self, Time};

/// The longest note and the longest other text, in characters.
const NOTE_MAX: usize = 20_000;
const TEXT_MAX: usize = 200;
/// The most levels of accounts below the importing one.
const DEEPEST: usize = 48;

/// A row, understood.
#[derive(Debug, Clone)]
pub(crate) struct Parsed {
    pub iccid: Iccid,
    pub imsi: String,
    pub msisdn: String,
    pub eid: String,
    pub imei: String,
    pub label: String,
    /// The names of the account path; empty for the importing account.
    pub account: Vec<String>,
    pub lifecycle: Lifecycle,
    pub suspended: bool,
    pub managed: bool,
    pub gate: Gate,
    pub in_session: bool,
    pub network: String,
    pub tariff: String,
    pub used: u64,
    pub cap: u64,
    pub alert: u64,
    pub hard_cap: bool,
    pub as_of: i64,
    pub seen: i64,
    pub activated: i64,
    pub tags: String,
    pub categories: String,
    pub notes: String,
    pub recipients: String,
    /// Whether a warning was given.
    pub doubtful: bool,
}

/// Words for a status, of this and other portals.
const STATUS: [(&str, Lifecycle, bool); 24] = [
    ("active", Lifecycle::Active, false),
    ("activated", Lifecycle::Active, false),
    ("enabled", Lifecycle::Active, false),
    ("alerted", Lifecycle::Active, false),
    ("blocked", Lifecycle::Active, false),
    ("live", Lifecycle::Active, false),
    ("suspended", Lifecycle::Active, true),
    ("deactivated", Lifecycle::Active, true),
    ("disabled", Lifecycle::Active, true),
    ("standby", Lifecycle::Active, true),
    ("paused", Lifecycle::Active, true),
    ("barred", Lifecycle::Active, true),
    ("inactive", Lifecycle::Inactive, false),
    ("inventory", Lifecycle::Inactive, false),
    ("ready", Lifecycle::Inactive, false),
    ("test", Lifecycle::Inactive, false),
    ("new", Lifecycle::Inactive, false),
    ("issued", Lifecycle::Inactive, false),
    ("activationpending", Lifecycle::ActivationPending, false),
    ("pending", Lifecycle::ActivationPending, false),
    ("terminated", Lifecycle::Terminated, false),
    ("retired", Lifecycle::Terminated, false),
    ("cancelled", Lifecycle::Terminated, false),
    ("canceled", Lifecycle::Terminated, false),
];

/// Reads one record; `None` when it is refused, with a note that says why.
pub(crate) fn parse(
    line: u64,
    record: &StringRecord,
    mapping: &Mapping,
    notes: &mut Notes<'_>,
) -> Option<Parsed> {
    Cells::of(line, record, mapping, notes)?.row()
}

/// The cells of one record, with the notes about them.
pub(super) struct Cells<'a, 'n> {
    line: u64,
    record: &'a StringRecord,
    mapping: &'a Mapping,
    notes: &'a mut Notes<'n>,
    doubtful: bool,
}

impl<'a, 'n> Cells<'a, 'n> {
    /// A record that has as many cells as there are headers, or fewer.
    pub fn of(
        line: u64,
        record: &'a StringRecord,
        mapping: &'a Mapping,
        notes: &'a mut Notes<'n>,
    ) -> Option<Self> {
        let mut cells = Self { line, record, mapping, notes, doubtful: false };
        let (found, wanted) = (record.len(), mapping.headers.len());
        if found > wanted {
            cells.note(None, "", &format!("{found} cells under {wanted} headers"), true);
            return None;
        }
        if found < wanted {
            let reason = format!("{found} cells under {wanted} headers; the rest is empty");
            cells.note(None, "", &reason, false);
        }
        Some(cells)
    }

    /// The ICCID, without which nothing is known of the row.
    pub fn iccid(&mut self) -> Option<Iccid> {
        let (iccid, doubts) = self.hard(Field::Iccid, Iccid::parse)?;
        for doubt in doubts {
            let value = self.raw(Field::Iccid).to_owned();
            self.note(Some(Field::Iccid), &value, doubt.reason(), false);
        }
        Some(iccid)
    }

    fn column(&self, field: Field) -> Option<usize> {
        self.mapping.fields.iter().position(|f| *f == Some(field))
    }

    pub fn raw(&self, field: Field) -> &str {
        self.column(field).and_then(|at| self.record.get(at)).unwrap_or_default().trim()
    }

    /// What a bare number under a field's header means: bytes, or what the header says.
    pub fn unit(&self, field: Field) -> u64 {
        self.column(field).map_or(1, |at| self.mapping.units[at])
    }

    pub fn note(&mut self, field: Option<Field>, value: &str, reason: &str, refused: bool) {
        let column = field.and_then(|f| self.column(f)).map(|at| self.mapping.headers[at].clone());
        let mut value = text::clean(value).into_owned();
        if let Some((cut, _)) = value.char_indices().nth(60) {
            value.truncate(cut);
            value.push('…');
        }
        self.doubtful |= !refused;
        (self.notes)(Note {
            line: self.line,
            column: column.unwrap_or_default(),
            value,
            reason: reason.into(),
            refused,
        });
    }

    fn row(&mut self) -> Option<Parsed> {
        let iccid = self.iccid()?;
        let (lifecycle, suspended, managed, stated) = self.status()?;
        let used = self.size(Field::Used)?;
        let cap = self.size(Field::Cap)?;
        let alert = match self.column(Field::Alert) {
            Some(_) => self.size(Field::Alert)?,
            None if cap > 0 => units::default_alert(cap),
            None => 0,
        };
        let level = |n: u64| (n > 0).then_some(n);
        let derived = Gate::of(used, level(cap), level(alert));
        Some(Parsed {
            imsi: self.soft(Field::Imsi, ident::imsi),
            msisdn: self.soft(Field::Msisdn, ident::msisdn),
            eid: self.soft(Field::Eid, ident::eid),
            imei: self.soft(Field::Imei, ident::imei),
            label: self.text(Field::Label)?,
            account: self.account()?,
            lifecycle,
            suspended,
            managed,
            gate: if stated as u8 > derived as u8 { stated } else { derived },
            in_session: self.flag(Field::Session),
            network: self.text(Field::Network)?,
            tariff: self.text(Field::Tariff)?,
            used,
            cap,
            alert,
            hard_cap: self.flag(Field::HardCap),
            as_of: self.time(Field::AsOf),
            seen: self.time(Field::Seen),
            activated: self.time(Field::Activated),
            tags: self.list(Field::Tags),
            categories: self.list(Field::Categories),
            notes: self.notes_text()?,
            recipients: self.recipients(),
            iccid,
            doubtful: self.doubtful,
        })
    }

    /// A value without which the row is refused.
    pub fn hard<T>(&mut self, field: Field, read: impl Fn(&str) -> Result<T>) -> Option<T> {
        let raw = self.raw(field).to_owned();
        match read(&raw) {
            Ok(value) => Some(value),
            Err(error) => {
                self.note(Some(field), &raw, &reason(&error), true);
                None
            }
        }
    }

    /// A value that is left empty, with a warning, when it cannot be read.
    fn soft(&mut self, field: Field, read: impl Fn(&str) -> Result<(String, Vec<Doubt>)>) -> String {
        let raw = self.raw(field).to_owned();
        if raw.is_empty() {
            return String::new();
        }
        match read(&raw) {
            Ok((value, doubts)) => {
                for doubt in doubts {
                    self.note(Some(field), &raw, doubt.reason(), false);
                }
                value
            }
            Err(error) => {
                self.note(Some(field), &raw, &format!("{}; left empty", reason(&error)), false);
                String::new()
            }
        }
    }

    fn clean(&mut self, field: Field, lines: bool) -> String {
        let raw = self.raw(field).to_owned();
        let cleaned = if lines { text::clean_lines(&raw) } else { text::clean(&raw) };
        let harmless = raw.replace("\r\n", "\n").replace(['\n', '\t'], " ");
        if cleaned.replace('\n', " ") != harmless {
            self.note(Some(field), &raw, "control or direction characters were removed", false);
        }
        cleaned.trim().to_owned()
    }

    pub fn text(&mut self, field: Field) -> Option<String> {
        let text = self.clean(field, false);
        self.bounded(field, text, TEXT_MAX)
    }

    fn notes_text(&mut self) -> Option<String> {
        let text = self.clean(Field::Notes, true);
        self.bounded(Field::Notes, text, NOTE_MAX)
    }

    fn bounded(&mut self, field: Field, text: String, max: usize) -> Option<String> {
        if text.chars().count() <= max {
            return Some(text);
        }
        self.note(Some(field), &text, &format!("longer than {max} characters"), true);
        None
    }

    fn account(&mut self) -> Option<Vec<String>> {
        let path = self.clean(Field::Account, false);
        let parts = crate::account::split_path(&path).unwrap_or_else(|| {
            path.split(" / ").map(str::to_owned).filter(|name| !name.trim().is_empty()).collect()
        });
        if parts.len() > DEEPEST {
            self.note(Some(Field::Account), &path, &format!("more than {DEEPEST} levels of accounts"), true);
            return None;
        }
        let mut names = Vec::new();
        for name in parts {
            match crate::account::valid_name(&name) {
                Ok(name) => names.push(name),
                Err(error) => {
                    self.note(Some(Field::Account), &name, &reason(&error), true);
                    return None;
                }
            }
        }
        Some(names)
    }

    fn status(&mut self) -> Option<(Lifecycle, bool, bool, Gate)> {
        let raw = self.raw(Field::Status).to_owned();
        let word: String = text::fold(&raw).chars().filter(char::is_ascii_alphanumeric).collect();
        let stated = match word.as_str() {
            "blocked" => Gate::Blocked,
            "alerted" => Gate::Alerted,
            _ => Gate::Ok,
        };
        if word.is_empty() {
            return Some((Lifecycle::Active, false, true, Gate::Ok));
        }
        if word == "unmanaged" {
            return Some((Lifecycle::Active, false, false, Gate::Ok));
        }
        if let Some((_, lifecycle, suspended)) = STATUS.iter().find(|(known, ..)| *known == word) {
            return Some((*lifecycle, *suspended, true, stated));
        }
        let words = Status::ALL.map(Status::word).join(", ");
        self.note(Some(Field::Status), &raw, &format!("is no status; known are {words}"), true);
        None
    }

    pub fn size(&mut self, field: Field) -> Option<u64> {
        let raw = self.raw(field).to_owned();
        let unit = self.unit(field);
        match raw.to_ascii_lowercase().as_str() {
            "" | "none" | "-" | "unlimited" | "no cap" => Some(0),
            _ => self.hard(field, |raw| units::parse_bytes_in(raw, unit)),
        }
    }

    fn flag(&mut self, field: Field) -> bool {
        let raw = self.raw(field).to_ascii_lowercase();
        match raw.as_str() {
            "" | "0" | "no" | "n" | "false" | "off" | "offline" => false,
            "1" | "yes" | "y" | "true" | "on" | "online" => true,
            _ => {
                self.note(Some(field), &raw, "is neither yes nor no; read as no", false);
                false
            }
        }
    }

    fn time(&mut self, field: Field) -> i64 {
        let raw = self.raw(field).to_owned();
        if raw.is_empty() {
            return 0;
        }
        match Time::parse(&raw) {
            Ok(time) if time.0 > 0 => time.0,
            _ => {
                self.note(
                    Some(field),
                    &raw,
                    "is no time such as 2026-10-01 or 2026-10-01T12:00Z; left empty",
                    false,
                );
                0
            }
        }
    }

    fn list(&mut self, field: Field) -> String {
        let cleaned = self.clean(field, false);
        pack(cleaned.split([';', ',', '|']))
    }

    fn recipients(&mut self) -> String {
        let cleaned = self.clean(Field::Recipients, false);
        let mut sound = Vec::new();
        for address in cleaned.split([';', ',', '|', ' ']).filter(|a| !a.is_empty()) {
            match ident::email(address) {
                Ok(address) => sound.push(address),
                Err(error) => {
                    self.note(
                        Some(Field::Recipients),
                        address,
                        &format!("{}; left out", reason(&error)),
                        false,
                    );
                }
            }
        }
        pack(sound.iter().map(String::as_str))
    }
}

/// The reason without the field's name, which the note has in its own column.
fn reason(error: &crate::error::Error) -> String {
    match error {
        crate::error::Error::Invalid { reason, .. } => reason.clone(),
        other => other.to_string(),
    }
}
