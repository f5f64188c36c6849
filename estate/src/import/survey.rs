//! Survey of a file: the first reading, which settles how each column is written.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::spool::{Record, Spool, Tick};
use super::status;
use crate::error::Result;
use crate::ident;
use crate::import::names::{Field, Shape};
use crate::moment::{self, DateOrder, OrderHint};
use crate::number::{self, DecimalMark, MarkHint};
use crate::units::Time;

/// Property of a column that the survey looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inspection {
    Nothing,
    /// Check digits.
    Iccid,
    /// The order of dates.
    Dates,
    /// The decimal mark and the unit.
    Sizes,
    /// Status words, in a column that no field is read from.
    Words,
    /// Numbers, in a column that may tell usage records apart.
    Numbers,
    /// Cells that fit a field which other columns could hold as well.
    Fit(Field),
}

/// A cell with its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CellSample {
    pub line: u64,
    pub value: String,
}

/// Findings about one column.
#[derive(Debug, Clone, Default)]
pub(crate) struct Column {
    /// First cell that can only be read with the day first, and with the month first.
    pub dates: [Option<CellSample>; 2],
    /// First date that reads two ways.
    pub open_date: Option<CellSample>,
    /// First number that can only have a point, and a comma.
    pub marks: [Option<CellSample>; 2],
    /// First number that reads two ways.
    pub open_number: Option<CellSample>,
    /// First number other than 0 without a unit.
    pub bare: Option<CellSample>,
    /// Cells that hold something.
    pub filled: u64,
    /// Of them status words.
    pub words: u64,
    /// True if some are said of hardly anything but a SIM.
    pub telling: bool,
    /// Cells that fit the field looked for.
    pub fits: u64,
    /// ICCIDs of 19 digits that end in their check digit, and that do not.
    checked: u64,
    unchecked: u64,
    /// Sample of its values.
    pub sample: String,
}

/// Findings about a whole file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Survey {
    pub columns: Vec<Column>,
    /// Records.
    pub rows: u64,
    /// Records with more cells than headers, all of those empty.
    pub wide: u64,
}

/// Check of a column that may hold the ids of usage records: an id that stands for two of them is
/// none.
pub(super) struct RecordIds {
    /// The column.
    at: usize,
    /// Columns of the SIM and of the time.
    others: Vec<usize>,
    seen: HashMap<u64, u64>,
    /// True if an id was seen with another SIM or time.
    pub contradicts: bool,
}

/// Ids that are remembered; a column that holds something else repeats long before.
const MAX_IDS: usize = 500_000;

impl RecordIds {
    pub fn new(at: usize, others: Vec<usize>) -> Self {
        Self { at, others, seen: HashMap::new(), contradicts: false }
    }

    fn check(&mut self, record: &Record) {
        let id = record.get(self.at).trim();
        if id.is_empty() || self.seen.len() >= MAX_IDS {
            return;
        }
        let hash = |cells: &[&str]| {
            let mut hasher = DefaultHasher::new();
            cells.hash(&mut hasher);
            hasher.finish()
        };
        let others: Vec<&str> = self.others.iter().map(|at| record.get(*at).trim()).collect();
        let stands_for = hash(&others);
        self.contradicts |= *self.seen.entry(hash(&[id])).or_insert(stands_for) != stands_for;
    }
}

impl Survey {
    /// Reads the records behind the header once.
    pub(super) fn run(
        spool: &mut Spool,
        inspections: &[Inspection],
        mut ids: Option<&mut RecordIds>,
        tick: Tick<'_>,
    ) -> Result<Self> {
        let mut survey = Self { columns: vec![Column::default(); inspections.len()], ..Self::default() };
        let mut record = Record::default();
        while spool.next(inspections.len().saturating_sub(1), &mut record)? {
            survey.rows += 1;
            if survey.rows.is_multiple_of(10_000) {
                tick(record.line)?;
            }
            let extra = record.len() > inspections.len();
            survey.wide += u64::from(
                extra && (inspections.len()..record.len()).all(|at| record.get(at).trim().is_empty()),
            );
            for (at, inspection) in inspections.iter().enumerate() {
                survey.columns[at].inspect(*inspection, record.get(at), record.line);
            }
            if let Some(ids) = ids.as_deref_mut() {
                ids.check(&record);
            }
        }
        Ok(survey)
    }

    /// True if the file writes empty cells behind its last header, as some spreadsheets do.
    pub fn has_trailing_cells(&self) -> bool {
        self.wide * 2 > self.rows
    }
}

impl Column {
    fn inspect(&mut self, inspection: Inspection, cell: &str, line: u64) {
        let cell = cell.trim();
        if cell.is_empty() || is_absent(cell) {
            return;
        }
        self.filled += 1;
        if self.sample.is_empty() {
            self.sample = cell.chars().take(40).collect();
        }
        match inspection {
            Inspection::Nothing => {}
            Inspection::Iccid => self.count_check_digit(cell),
            Inspection::Numbers => self.fits += u64::from(number::number_end(cell) == cell.len()),
            Inspection::Dates => self.inspect_date(cell, line),
            Inspection::Sizes => self.inspect_size(cell, line),
            // A column that holds something else is not looked at to its end.
            Inspection::Words if self.filled > 1_000 && self.words * 4 < 1_000 => {}
            Inspection::Words => {
                let (known, telling) = status::classify(cell);
                self.words += u64::from(known);
                self.telling |= telling;
            }
            Inspection::Fit(field) => {
                if field == Field::Iccid {
                    self.count_check_digit(cell);
                }
                self.fits += u64::from(is_value_of(field, cell));
                match field.shape() {
                    Shape::Time => self.inspect_date(cell, line),
                    Shape::Size => self.inspect_size(cell, line),
                    _ => {}
                }
            }
        }
    }

    fn count_check_digit(&mut self, cell: &str) {
        let compact = ident::compact(cell);
        if compact.len() == 19 && compact.bytes().all(|b| b.is_ascii_digit()) {
            let count = if ident::luhn_ok(&compact) { &mut self.checked } else { &mut self.unchecked };
            *count += 1;
        }
    }

    /// Returns how many numbers of 19 digits there are and how many of them lack their check digit,
    /// if the column has none: one in ten of such numbers passes by chance.
    pub fn without_check_digits(&self) -> Option<(u64, u64)> {
        let few = self.unchecked >= 2 && self.checked == 0;
        let lacks = few || (self.unchecked >= 3 && self.unchecked >= self.checked * 3);
        lacks.then_some((self.unchecked + self.checked, self.unchecked))
    }

    /// True if every cell that is filled is a number.
    pub fn is_numeric(&self) -> bool {
        self.filled > 0 && self.fits == self.filled
    }

    fn inspect_date(&mut self, cell: &str, line: u64) {
        let slot = match moment::order_of(cell) {
            OrderHint::None => return,
            OrderHint::Open => &mut self.open_date,
            OrderHint::Only(DateOrder::Dmy) => &mut self.dates[0],
            OrderHint::Only(DateOrder::Mdy) => &mut self.dates[1],
        };
        record_first(slot, cell, line);
    }

    fn inspect_size(&mut self, cell: &str, line: u64) {
        let (digits, unit) = cell.split_at(number::number_end(cell));
        let slot = match number::mark_of(digits) {
            MarkHint::None => None,
            MarkHint::Open => Some(&mut self.open_number),
            MarkHint::Only(DecimalMark::Point) => Some(&mut self.marks[0]),
            MarkHint::Only(DecimalMark::Comma) => Some(&mut self.marks[1]),
        };
        if let Some(slot) = slot {
            record_first(slot, cell, line);
        }
        if unit.trim().is_empty() && digits.bytes().any(|b| matches!(b, b'1'..=b'9')) {
            record_first(&mut self.bare, cell, line);
        }
    }
}

fn record_first(slot: &mut Option<CellSample>, cell: &str, line: u64) {
    if slot.is_none() {
        *slot = Some(CellSample { line, value: cell.chars().take(60).collect() });
    }
}

/// True if a cell could be a value of a field.
fn is_value_of(field: Field, cell: &str) -> bool {
    match field {
        Field::Iccid => ident::Iccid::parse(cell).is_ok(),
        Field::Imsi => ident::imsi(cell).is_ok(),
        Field::Msisdn => ident::msisdn(cell).is_ok(),
        Field::Eid => ident::eid(cell).is_ok(),
        Field::Imei => ident::imei(cell).is_ok(),
        Field::Status => status::classify(cell).0,
        Field::Used | Field::Cap | Field::Alert => number::number_end(cell) > 0,
        _ if field.shape() == Shape::Time => {
            moment::parse(cell, Some(DateOrder::Dmy)).is_ok_and(|moment| moment.time > Time(0))
        }
        _ => true,
    }
}

/// True if a cell says that there is no value.
pub(super) fn is_absent(cell: &str) -> bool {
    let cell = cell.trim();
    if cell.len() > 4 {
        return false;
    }
    matches!(
        cell.to_ascii_lowercase().as_str(),
        "" | "-" | "--" | "—" | "–" | "n/a" | "null" | "none" | "#n/a"
    )
}
