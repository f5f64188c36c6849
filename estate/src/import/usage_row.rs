//! One usage record: its SIM, its time, its size, and what tells it from other records.
//!
//! A record with an id counts once, by its largest size. Records without one that differ in any
//! cell are different records, and the same row again is the same record. A total of a day or month
//! that another file states with a larger size replaces the former one; rows of one file that
//! differ in their numbers only are told apart by their rank in size, which `store/usage.rs` works
//! out.

use sha2::{Digest, Sha256};

use super::mapping::Mapping;
use super::sim_row::{Cells, is_positive};
use super::spool::Record;
use super::survey::is_absent;
use crate::error::{Error, Result};
use crate::ident::{self, Iccid};
use crate::import::names::Field;
use crate::import::options::NoteSink;
use crate::moment::{Moment, Precision};
use crate::period::{PeriodRule, parse_span};
use crate::units::DAY;

/// Identifier by which a record names its SIM.
#[derive(Debug, Clone)]
pub(crate) enum SimKey {
    Iccid(Iccid),
    Imsi(String),
    Msisdn(String),
}

/// A usage record, parsed.
#[derive(Debug, Clone)]
pub(crate) struct UsageRow {
    pub sim: SimKey,
    /// When it counts: the time of the record, or the beginning of its days.
    pub at: i64,
    /// Up to when it tells of usage.
    pub as_of: i64,
    pub bytes: u64,
    /// Hash of what tells this record of the SIM from its others.
    pub key: i64,
    /// Hash of the whole row: the same row again is the same record.
    pub row: i64,
    /// True if it states a total, of which several in one file are ranked by size.
    pub is_total: bool,
    pub session: String,
}

/// Refuses a file that cannot hold usage.
pub(super) fn check(mapping: &Mapping) -> Result<()> {
    let names: Vec<&str> = mapping.headers.iter().map(|header| header.name.as_str()).collect();
    let found = names.join(", ");
    if !mapping.has(Field::Used) {
        let reason =
            format!("no column holds the usage (found: {found}); name it with --map header=bytes");
        return Err(Error::invalid("file", reason));
    }
    if !mapping.has(Field::At) && !mapping.has(Field::Span) {
        let reason = format!(
            "no column says when (found: {found}); name it with --map header=time or --map header=period"
        );
        return Err(Error::invalid("file", reason));
    }
    Ok(())
}

/// Parses one record; `None` when it is refused, with a note that says why.
pub(super) fn parse(record: &Record, mapping: &Mapping, notes: &mut NoteSink<'_>) -> Option<UsageRow> {
    let mut cells = Cells::new(record, mapping, notes)?;
    let (sim, named_by) = sim_key(&mut cells)?;
    let bytes = amount(&mut cells)?;
    let (id, session) = (cells.text(Field::Record)?, cells.text(Field::DataSession)?);
    let when = when(&mut cells)?;
    let (at, as_of) = match when {
        When::At(at) => (at, at),
        When::Over(start, end) => (start, end - 1),
    };
    let is_total = id.is_empty() && matches!(when, When::Over(..));
    let mut hash = Hasher::new();
    if !id.is_empty() {
        hash.add(&["id", &id]);
        return Some(UsageRow { sim, at, as_of, bytes, key: hash.finish(), row: 0, is_total, session });
    }
    match when {
        When::At(at) => hash.add(&["time", &at.to_string(), &bytes.to_string()]),
        When::Over(start, end) => hash.add(&["period", &start.to_string(), &end.to_string()]),
    }
    hash.add(&[&session]);
    let mut whole = hash.clone();
    for (at, is_number) in mapping.dimensions.iter().filter(|(at, _)| Some(*at) != named_by) {
        let cell = record.get(*at).trim();
        // Cells that are empty say nothing: a column more does not make another record.
        if cell.is_empty() {
            continue;
        }
        whole.add(&[&mapping.headers[*at].plain, cell]);
        // A count beside a total (messages, cost) grows with it.
        if !(is_total && *is_number) {
            hash.add(&[&mapping.headers[*at].plain, cell]);
        }
    }
    Some(UsageRow { sim, at, as_of, bytes, key: hash.finish(), row: whole.finish(), is_total, session })
}

/// Returns the identifier of the SIM, and the column it was read from.
fn sim_key(cells: &mut Cells<'_, '_>) -> Option<(SimKey, Option<usize>)> {
    let column =
        |field: Field, cells: &Cells<'_, '_>| cells.mapping.parts(field).first().map(|part| part.at);
    if !is_absent(cells.raw(Field::Iccid)) {
        return Some((SimKey::Iccid(cells.iccid()?), column(Field::Iccid, cells)));
    }
    for field in [Field::Imsi, Field::Msisdn] {
        if is_absent(cells.raw(field)) {
            continue;
        }
        let key = match field {
            Field::Imsi => SimKey::Imsi(cells.require(field, |raw| Ok(ident::imsi(raw)?.0))?),
            _ => SimKey::Msisdn(cells.require(field, |raw| Ok(ident::msisdn(raw)?.0))?),
        };
        return Some((key, column(field, cells)));
    }
    cells.note_row("names no SIM", true);
    None
}

#[derive(Clone, Copy)]
enum When {
    At(i64),
    Over(i64, i64),
}

impl When {
    /// A second is a moment; a day or a month is what lies in it.
    fn of(moment: Moment) -> Self {
        let start = moment.time.0;
        match moment.precision {
            Precision::Second => Self::At(start),
            Precision::Day => Self::Over(start, start + DAY),
            Precision::Month => {
                let month = PeriodRule::Month.period(moment.time, None);
                Self::Over(month.start.0, month.end.0)
            }
        }
    }
}

fn when(cells: &mut Cells<'_, '_>) -> Option<When> {
    let (time, span) = (cells.raw(Field::At), cells.raw(Field::Span));
    if !is_absent(time) {
        // Some portals write the day and the time of day in two columns.
        let split = time.contains(':') && !time.contains(['-', '/']) && !is_absent(span);
        let joined = if split { format!("{span} {time}") } else { time.to_owned() };
        let field = if split { Field::Span } else { Field::At };
        let moment = cells.moment(field, &joined).filter(|moment| is_positive(moment.time));
        if moment.is_none() {
            cells.note(
                Field::At,
                time,
                "is not a date or time after 1970, such as 2026-10-01T12:00Z",
                true,
            );
        }
        return moment.map(When::of);
    }
    if is_absent(span) {
        cells.note_row("neither a time nor a period is given", true);
        return None;
    }
    if let Some(moment) = cells.moment(Field::Span, span).filter(|moment| is_positive(moment.time)) {
        return Some(When::of(moment));
    }
    match parse_span(span) {
        Ok(span) => Some(When::Over(span.start.0, span.end.0)),
        Err(error) => {
            cells.note(Field::Span, span, &error.reason(), true);
            None
        }
    }
}

fn amount(cells: &mut Cells<'_, '_>) -> Option<u64> {
    let stated = cells.mapping.parts(Field::Used).iter().any(|part| !cells.is_absent_at(part.at));
    if !stated {
        cells.note(Field::Used, "", "is empty; 0 means none", true);
        return None;
    }
    cells.size(Field::Used)
}

/// A hash in 63 bits: one SIM has far fewer records than would let two of them meet.
#[derive(Clone)]
struct Hasher(Sha256);

impl Hasher {
    fn new() -> Self {
        Self(Sha256::new())
    }

    fn add(&mut self, parts: &[&str]) {
        for part in parts {
            self.0.update((part.len() as u64).to_le_bytes());
            self.0.update(part.as_bytes());
        }
    }

    fn finish(self) -> i64 {
        let mut first = [0; 8];
        first.copy_from_slice(&self.0.finalize()[..8]);
        i64::from_le_bytes(first) & i64::MAX
    }
}
