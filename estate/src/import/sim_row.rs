//! One row of a list of SIMs: parsed, with notes about what is doubtful, or refused with the
//! reason.

use super::mapping::Mapping;
use super::spool::Record;
use super::survey::is_absent;
use crate::error::Result;
use crate::ident::{self, Iccid, IdentifierWarning};
use crate::import::names::Field;
use crate::import::options::{Note, NoteSink};
use crate::packed::pack;
use crate::sim::{Gate, Lifecycle, Status, Verb};
use crate::units::{self, NoSize, Time};
use crate::{account, limits, moment, text};

/// Cells whose end of a value is quoted in a note.
const QUOTED: usize = 60;

/// A row, parsed.
#[derive(Debug, Clone)]
pub(crate) struct SimRow {
    pub iccid: Iccid,
    pub imsi: String,
    pub msisdn: String,
    pub eid: String,
    pub imei: String,
    pub label: String,
    /// The names of the account path; empty for the importing account.
    pub account: Vec<String>,
    /// `None` where the cell of the status is empty.
    pub lifecycle: Option<Lifecycle>,
    pub suspended: bool,
    pub managed: bool,
    pub gate: Gate,
    pub in_session: bool,
    pub authentication: bool,
    /// Change that was asked for and that the network has not reported yet.
    pub desired: Option<Verb>,
    pub network: String,
    pub tariff: String,
    pub used: u64,
    pub cap: u64,
    pub alert: u64,
    pub hard_cap: bool,
    /// Cap and alert that come back, and when; `None` where the cap is not raised.
    pub raise: Option<(u64, u64, i64)>,
    pub as_of: i64,
    pub seen: i64,
    pub activated: i64,
    pub tags: String,
    pub categories: String,
    pub notes: String,
    pub recipients: String,
    /// True if a warning was given.
    pub doubtful: bool,
    /// True if a value could not be read and is left empty.
    pub incomplete: bool,
}

/// Parses one record; `None` when it is refused, with a note that says why.
pub(super) fn parse(record: &Record, mapping: &Mapping, notes: &mut NoteSink<'_>) -> Option<SimRow> {
    let mut cells = Cells::new(record, mapping, notes)?;
    let row = cells.row()?;
    Some(SimRow { doubtful: cells.doubtful, incomplete: cells.incomplete, ..row })
}

/// The cells of one record, with the notes about them.
pub(super) struct Cells<'a, 'n> {
    record: &'a Record,
    pub mapping: &'a Mapping,
    notes: &'a mut NoteSink<'n>,
    doubtful: bool,
    incomplete: bool,
}

impl<'a, 'n> Cells<'a, 'n> {
    /// Takes a record that has as many cells as there are headers, or fewer.
    pub fn new(record: &'a Record, mapping: &'a Mapping, notes: &'a mut NoteSink<'n>) -> Option<Self> {
        let mut cells = Self { record, mapping, notes, doubtful: false, incomplete: false };
        if let Some(swallowed) = record.swallowed {
            let column = mapping.headers.get(swallowed.column).map_or("", |h| h.name.as_str());
            let held = match swallowed.records {
                0 => "is longer than 1 MiB".to_owned(),
                1 => "holds what inspections like a record".to_owned(),
                records => format!("holds what look like {records} records"),
            };
            let (first, last) = (record.line, record.last_line);
            let reason = format!(
                "the quoted cell spans lines {first} to {last} and {held}; fix the quote, or pass --no-quotes"
            );
            cells.add_note(column, "", &reason, true);
            return None;
        }
        let (found, wanted) = (record.len(), mapping.headers.len());
        let is_empty = |at: usize| record.get(at).trim().is_empty();
        if found > wanted && !(mapping.trailing_cells && (wanted..found).all(is_empty)) {
            cells.add_note("", "", &format!("{found} cells under {wanted} headers"), true);
            return None;
        }
        if found < wanted && !mapping.short_rows {
            let reason = format!("{found} cells under {wanted} headers; the rest is empty");
            cells.add_note("", "", &reason, false);
        }
        Some(cells)
    }

    /// Parses the ICCID, without which nothing is known of the row.
    pub fn iccid(&mut self) -> Option<Iccid> {
        let (iccid, doubts) = self.require(Field::Iccid, Iccid::parse)?;
        // That no number of the file has its check digit is said once, of the file.
        let told = |doubt: &IdentifierWarning| {
            *doubt == IdentifierWarning::CheckDigit && self.mapping.without_check_digits.is_some()
        };
        let said: Vec<IdentifierWarning> = doubts.into_iter().filter(|doubt| !told(doubt)).collect();
        for doubt in said {
            let value = self.raw(Field::Iccid).to_owned();
            self.note(Field::Iccid, &value, doubt.reason(), false);
        }
        Some(iccid)
    }

    /// Returns the cell of a field's first column, without the guard that spreadsheets need.
    pub fn raw(&self, field: Field) -> &'a str {
        let Some(part) = self.mapping.parts(field).first() else { return "" };
        self.cell(part.at)
    }

    fn cell(&self, at: usize) -> &'a str {
        let cell = self.record.get(at).trim();
        if self.mapping.guarded { text::undefuse(cell) } else { cell }
    }

    /// True if the cell of a column says that there is no value.
    pub fn is_absent_at(&self, at: usize) -> bool {
        is_absent(self.cell(at))
    }

    /// Returns a cell, or nothing where it says that there is no value.
    fn present(&self, field: Field) -> &'a str {
        let raw = self.raw(field);
        if is_absent(raw) { "" } else { raw }
    }

    /// Adds a note about a field's column.
    pub fn note(&mut self, field: Field, value: &str, reason: &str, refused: bool) {
        let at = self.mapping.parts(field).first().map(|part| part.at);
        let column = at.map_or("", |at| self.mapping.headers[at].name.as_str());
        self.add_note(column, value, reason, refused);
    }

    /// Adds a note about a value that is not taken.
    fn note_lost(&mut self, field: Field, value: &str, reason: &str) {
        self.incomplete = true;
        self.note(field, value, reason, false);
    }

    /// Adds a note about the whole row.
    pub fn note_row(&mut self, reason: &str, refused: bool) {
        self.add_note("", "", reason, refused);
    }

    fn add_note(&mut self, column: &str, value: &str, reason: &str, refused: bool) {
        let mut value = text::clean(value).into_owned();
        if let Some((cut, _)) = value.char_indices().nth(QUOTED) {
            value.truncate(cut);
            value.push('…');
        }
        self.doubtful |= !refused;
        let (column, reason) = (column.to_owned(), reason.to_owned());
        (self.notes)(Note { line: self.record.line, column, value, reason, refused });
    }

    fn row(&mut self) -> Option<SimRow> {
        let iccid = self.iccid()?;
        let (lifecycle, suspended, managed, stated) = self.state()?;
        let used = self.size(Field::Used)?;
        let cap = self.size(Field::Cap)?;
        let alert = match self.mapping.has(Field::Alert) {
            true => self.size(Field::Alert)?,
            false if cap > 0 => units::default_alert(cap),
            false => 0,
        };
        let desired = match self.present(Field::Desired) {
            "" => None,
            _ => Some(self.word(Field::Desired, Verb::from_word)?),
        };
        let raise = match self.time(Field::CapReturnsAt) {
            0 => None,
            at => Some((self.size(Field::CapReturns)?, self.size(Field::AlertReturns)?, at)),
        };
        let level = |n: u64| (n > 0).then_some(n);
        let derived = Gate::of(used, level(cap), level(alert));
        Some(SimRow {
            imsi: self.identifier(Field::Imsi, ident::imsi),
            msisdn: self.identifier(Field::Msisdn, ident::msisdn),
            eid: self.identifier(Field::Eid, ident::eid),
            imei: self.identifier(Field::Imei, ident::imei),
            label: self.text(Field::Label)?,
            account: self.account()?,
            lifecycle,
            suspended,
            managed,
            gate: if stated as u8 > derived as u8 { stated } else { derived },
            in_session: self.flag(Field::Session, false),
            authentication: self.state_flag(Field::Authentication, true)?,
            desired,
            network: self.text(Field::Network)?,
            tariff: self.text(Field::Tariff)?,
            used,
            cap,
            alert,
            hard_cap: self.flag(Field::HardCap, false),
            raise,
            as_of: self.time(Field::AsOf),
            seen: self.time(Field::Seen),
            activated: self.time(Field::Activated),
            tags: self.list(Field::Tags),
            categories: self.list(Field::Categories),
            notes: self.notes_text()?,
            recipients: self.recipients(),
            iccid,
            doubtful: false,
            incomplete: false,
        })
    }

    /// Parses a value without which the row is refused.
    pub fn require<T>(&mut self, field: Field, parse: impl Fn(&str) -> Result<T>) -> Option<T> {
        let raw = self.raw(field);
        match parse(raw) {
            Ok(value) => Some(value),
            Err(error) => {
                self.note(field, raw, &error.reason(), true);
                None
            }
        }
    }

    /// Parses an identifier that is left empty, with a warning, when it cannot be read.
    fn identifier(
        &mut self,
        field: Field,
        parse: impl Fn(&str) -> Result<(String, Vec<IdentifierWarning>)>,
    ) -> String {
        let raw = self.present(field);
        if raw.is_empty() {
            return String::new();
        }
        match parse(raw) {
            Ok((value, doubts)) => {
                for doubt in doubts {
                    self.note(field, raw, doubt.reason(), false);
                }
                value
            }
            Err(error) => {
                self.note_lost(field, raw, &format!("{}; left empty", error.reason()));
                String::new()
            }
        }
    }

    fn clean(&mut self, field: Field, lines: bool) -> String {
        let raw = self.raw(field);
        let cleaned = text::strip_control(raw, lines);
        let harmless = raw.replace("\r\n", "\n").replace(['\n', '\t'], " ");
        let cleaned = cleaned.into_owned();
        if cleaned.replace('\n', " ") != harmless {
            self.note(field, raw, "control or direction characters were removed", false);
        }
        cleaned.trim().to_owned()
    }

    /// Reads a line of text.
    pub fn text(&mut self, field: Field) -> Option<String> {
        let text = self.clean(field, false);
        let no_value = !self.mapping.verbatim
            && matches!(text.to_ascii_lowercase().as_str(), "-" | "—" | "–" | "n/a" | "null" | "#n/a");
        if no_value {
            return Some(String::new());
        }
        self.check_length(field, text, limits::LABEL)
    }

    fn notes_text(&mut self) -> Option<String> {
        let text = self.clean(Field::Notes, true);
        self.check_length(Field::Notes, text, limits::NOTES)
    }

    fn check_length(&mut self, field: Field, text: String, max: usize) -> Option<String> {
        if text.chars().count() <= max {
            return Some(text);
        }
        self.note(field, &text, &format!("longer than {max} characters"), true);
        None
    }

    fn account(&mut self) -> Option<Vec<String>> {
        let path = self.clean(Field::Account, false);
        if !self.mapping.verbatim && is_absent(&path) {
            return Some(Vec::new());
        }
        if is_sheet_error(&path) {
            self.note(Field::Account, &path, "is an error of the spreadsheet, not a name", true);
            return None;
        }
        let parts = account::split_path(&path).unwrap_or_else(|| {
            let separator = self.mapping.account_separator.as_str();
            path.split(separator).map(str::to_owned).filter(|name| !name.trim().is_empty()).collect()
        });
        if parts.len() > limits::PATH_NAMES {
            let reason = format!("more than {} levels of accounts", limits::ACCOUNT_DEPTH);
            self.note(Field::Account, &path, &reason, true);
            return None;
        }
        let mut names = Vec::new();
        for name in parts {
            match account::valid_name(&name) {
                Ok(name) => names.push(name),
                Err(error) => {
                    self.note(Field::Account, &name, &error.reason(), true);
                    return None;
                }
            }
        }
        Some(names)
    }

    /// Reads the state: lifecycle (`None` where the status is empty), suspended, managed, usage
    /// gate.
    fn state(&mut self) -> Option<(Option<Lifecycle>, bool, bool, Gate)> {
        let mut state = match (self.mapping.has(Field::Status), self.present(Field::Status)) {
            (false, _) => (Some(Lifecycle::Active), false, true, Gate::Ok),
            (true, "") => {
                self.note(
                    Field::Status,
                    "",
                    "is empty: a new SIM becomes inactive, a known one keeps its state",
                    false,
                );
                (None, false, true, Gate::Ok)
            }
            (true, word) => {
                let Some(state) = self.mapping.words.get(word) else {
                    let words = Status::ALL.map(Status::word).join(", ");
                    let word_start: String = text::clean(word).chars().take(QUOTED).collect();
                    let reason = format!(
                        "is no status known here ({words}); --map-status '{word_start}=STATUS' says what it means"
                    );
                    self.note(Field::Status, word, &reason, true);
                    return None;
                };
                (Some(state.lifecycle), state.suspended, state.managed, state.gate)
            }
        };
        // An export states the four axes apart as well.
        if self.mapping.has(Field::Lifecycle) {
            state.0 = Some(self.word(Field::Lifecycle, Lifecycle::from_word)?);
        }
        if self.mapping.has(Field::Suspended) {
            state.1 = self.state_flag(Field::Suspended, state.1)?;
        }
        if self.mapping.has(Field::Managed) {
            state.2 = self.state_flag(Field::Managed, state.2)?;
        }
        if self.mapping.has(Field::UsageGate) {
            state.3 = self.word(Field::UsageGate, Gate::from_word)?;
        }
        if self.mapping.has(Field::Lifecycle) && !self.agrees(state) {
            return None;
        }
        Some(state)
    }

    /// True if the status is the one that follows from the axes stated beside it.
    fn agrees(
        &mut self,
        (lifecycle, suspended, managed, gate): (Option<Lifecycle>, bool, bool, Gate),
    ) -> bool {
        let raw = self.present(Field::Status);
        let derived = Status::of(lifecycle.unwrap_or(Lifecycle::Inactive), suspended, gate, managed);
        let agrees = raw.is_empty() || Status::from_word(raw).is_none_or(|stated| stated == derived);
        if !agrees {
            let reason = format!("contradicts the other columns, which say {}", derived.word());
            self.note(Field::Status, raw, &reason, true);
        }
        agrees
    }

    fn word<T>(&mut self, field: Field, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let raw = self.raw(field);
        let word = parse(&raw.to_ascii_lowercase());
        if word.is_none() {
            self.note(field, raw, "is no word known here", true);
        }
        word
    }

    /// Reads a size: the sum of its columns. Absent is 0, which means none.
    pub fn size(&mut self, field: Field) -> Option<u64> {
        let parts = self.mapping.parts(field);
        let is_difference = parts.iter().any(|part| part.minus);
        if let Some(part) = parts.iter().find(|part| is_difference && self.is_absent_at(part.at)) {
            let header = &self.mapping.headers[part.at].name;
            self.add_note(header, "", "is empty: the difference is not known", true);
            return None;
        }
        let mut total = 0i128;
        for at in 0..self.mapping.parts(field).len() {
            let bytes = i128::from(self.size_part(field, at)?);
            total += if self.mapping.parts(field)[at].minus { -bytes } else { bytes };
        }
        let sum = u64::try_from(total).ok().filter(|n| *n <= units::MAX_BYTES);
        if sum.is_none() {
            let reason =
                if total < 0 { "is negative: more is subtracted than there is" } else { "is too large" };
            self.note(field, "", reason, true);
        }
        sum
    }

    fn size_part(&mut self, field: Field, at: usize) -> Option<u64> {
        let part = &self.mapping.parts(field)[at];
        let raw = self.cell(part.at);
        if is_absent(raw)
            || is_unlimited(raw)
            || (matches!(field, Field::Cap | Field::Alert) && raw == "-1")
        {
            return Some(0);
        }
        match units::parse_size(raw, part.unit, self.mapping.marks[part.at]) {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                let header = &self.mapping.headers[part.at].name;
                let reason = match error {
                    NoSize::TwoWays => format!("{error}; --decimal . or , says which"),
                    other => other.to_string(),
                };
                self.add_note(header, raw, &reason, true);
                None
            }
        }
    }

    /// Reads yes or no; anything else is read as the default, with a warning.
    fn flag(&mut self, field: Field, default: bool) -> bool {
        let raw = self.present(field);
        parse_flag(raw, default).unwrap_or_else(|| {
            let read = if default { "yes" } else { "no" };
            self.note_lost(field, raw, &format!("is neither yes nor no; read as {read}"));
            default
        })
    }

    /// Reads yes or no of the state of a SIM; anything else refuses the row.
    fn state_flag(&mut self, field: Field, default: bool) -> Option<bool> {
        let raw = self.present(field);
        let flag = parse_flag(raw, default);
        if flag.is_none() {
            self.note(field, raw, "is neither yes nor no", true);
        }
        flag
    }

    fn time(&mut self, field: Field) -> i64 {
        let raw = self.present(field);
        if raw.is_empty() || raw.eq_ignore_ascii_case("never") {
            return 0;
        }
        match self.moment(field, raw) {
            Some(moment) if moment.time.0 > 0 => moment.time.0,
            _ => {
                let reason = "is not a date or time such as 2026-10-01 or 2026-10-01T12:00Z; left empty";
                self.note_lost(field, raw, reason);
                0
            }
        }
    }

    /// Parses a moment in the order that its column has.
    pub fn moment(&self, field: Field, raw: &str) -> Option<moment::Moment> {
        let order = self.mapping.parts(field).first().and_then(|part| self.mapping.orders[part.at]);
        moment::parse(raw, order).ok()
    }

    fn list(&mut self, field: Field) -> String {
        let mut items = Vec::new();
        for at in 0..self.mapping.parts(field).len() {
            let raw = self.cell(self.mapping.parts(field)[at].at);
            if self.mapping.verbatim || !is_absent(raw) {
                items.extend(crate::export::split_list(raw));
            }
        }
        let mut removed = false;
        let cleaned: Vec<String> = items
            .iter()
            .map(|item| {
                let clean = text::strip_control(item, false).into_owned();
                removed |= clean != *item;
                clean
            })
            .collect();
        if removed {
            let raw = self.raw(field);
            self.note(field, raw, "control or direction characters were removed", false);
        }
        pack(cleaned.iter().map(String::as_str))
    }

    fn recipients(&mut self) -> String {
        let cleaned = self.clean(Field::Recipients, false);
        if is_absent(&cleaned) {
            return String::new();
        }
        let mut sound = Vec::new();
        for address in cleaned.split([';', ',', '|', ' ']).filter(|a| !a.is_empty()) {
            match ident::email(address) {
                Ok(address) => sound.push(address),
                Err(error) => {
                    self.note_lost(Field::Recipients, address, &format!("{}; left out", error.reason()));
                }
            }
        }
        pack(sound.iter().map(String::as_str))
    }
}

/// Parses yes or no; an empty cell is the default.
fn parse_flag(cell: &str, default: bool) -> Option<bool> {
    match cell.to_ascii_lowercase().as_str() {
        "" => Some(default),
        "0" | "no" | "n" | "false" | "off" | "offline" | "disconnected" | "closed" => Some(false),
        "1" | "yes" | "y" | "true" | "on" | "online" | "connected" | "open" => Some(true),
        _ => None,
    }
}

/// True if a cell holds what a spreadsheet writes where a formula fails.
fn is_sheet_error(cell: &str) -> bool {
    matches!(
        cell,
        "#REF!" | "#VALUE!" | "#NAME?" | "#DIV/0!" | "#NULL!" | "#NUM!" | "#DATA!" | "#GETTING_DATA"
    )
}

/// True if a cell says that a size has no limit.
fn is_unlimited(cell: &str) -> bool {
    matches!(cell.to_ascii_lowercase().as_str(), "unlimited" | "no limit" | "no cap" | "not set")
}

/// Returns a moment after 1970.
pub(super) fn is_positive(time: Time) -> bool {
    time.0 > 0
}
