//! One usage record: whose, when, how much, and what tells it from others.

use csv::StringRecord;
use sha2::{Digest, Sha256};

use super::Notes;
use super::header::{Field, Mapping};
use super::row::Cells;
use crate::error::{Error, Result};
use crate::ident::Iccid;
use crate::period::parse_span;
use crate::units::Time;

/// A usage record, understood.
#[derive(Debug, Clone)]
pub(crate) struct Used {
    pub iccid: Iccid,
    /// When it counts: the time of the record, or the beginning of its days.
    pub at: i64,
    /// Up to when it tells of usage.
    pub as_of: i64,
    pub bytes: u64,
    /// What tells this record of the SIM from its others.
    pub key: i64,
    pub session: String,
}

/// Refuses a file that cannot hold usage.
pub(super) fn check(mapping: &Mapping) -> Result<()> {
    let found = mapping.headers.join(", ");
    if !mapping.has(Field::Used) {
        let reason = format!("no column holds the usage (found: {found}); name it with --map header=bytes");
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

/// Reads one record; `None` when it is refused, with a note that says why.
pub(super) fn parse(
    line: u64,
    record: &StringRecord,
    mapping: &Mapping,
    notes: &mut Notes<'_>,
) -> Option<Used> {
    let mut cells = Cells::of(line, record, mapping, notes)?;
    let iccid = cells.iccid()?;
    let bytes = amount(&mut cells)?;
    let (id, session) = (cells.text(Field::Record)?, cells.text(Field::DataSession)?);
    let parts = |kind: &str, what: &str| key(&[kind, what, &session]);
    let (at, as_of, own) = match when(&mut cells)? {
        When::At(at) => (at, at, parts("time", &format!("{at} {bytes}"))),
        When::Over(start, end) => (start, end - 1, parts("period", &format!("{start} {end}"))),
    };
    let key = if id.is_empty() { own } else { key(&["id", &id]) };
    Some(Used { iccid, at, as_of, bytes, key, session })
}

enum When {
    At(i64),
    Over(i64, i64),
}

fn when(cells: &mut Cells<'_, '_>) -> Option<When> {
    if !cells.raw(Field::At).is_empty() {
        let at = cells.hard(Field::At, |raw| Time::parse(raw).and_then(positive))?;
        return Some(When::At(at.0));
    }
    if !cells.raw(Field::Span).is_empty() {
        // "Date" is a day in one portal and a moment in another.
        if let Ok(at) = Time::parse(cells.raw(Field::Span))
            && parse_span(cells.raw(Field::Span)).is_err()
        {
            return Some(When::At(positive(at).ok()?.0));
        }
        let span = cells.hard(Field::Span, parse_span)?;
        return Some(When::Over(span.start.0, span.end.0));
    }
    cells.note(None, "", "neither a time nor a period is given", true);
    None
}

fn positive(at: Time) -> Result<Time> {
    if at.0 > 0 { Ok(at) } else { Err(Error::invalid("time", "lies before 1970")) }
}

fn amount(cells: &mut Cells<'_, '_>) -> Option<u64> {
    if cells.raw(Field::Used).is_empty() {
        cells.note(Some(Field::Used), "", "is empty; 0 means none", true);
        return None;
    }
    // Half bytes do not exist: a mark in a plain number of bytes parts thousands, or stands for nothing at all.
    let raw = cells.raw(Field::Used).to_owned();
    if cells.unit(Field::Used) == 1 && raw.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b',')) {
        let whole = raw.bytes().all(|b| b.is_ascii_digit());
        if !whole {
            let reason =
                "can be read two ways: write whole bytes without marks, or with a unit such as 1.5MB";
            cells.note(Some(Field::Used), &raw, reason, true);
            return None;
        }
    }
    cells.size(Field::Used)
}

/// A hash in 63 bits: one SIM has far fewer records than would let two of them meet.
fn key(parts: &[&str]) -> i64 {
    let mut sha = Sha256::new();
    for part in parts {
        sha.update((part.len() as u64).to_le_bytes());
        sha.update(part.as_bytes());
    }
    let bytes = sha.finalize();
    let mut first = [0; 8];
    first.copy_from_slice(&bytes[..8]);
    i64::from_le_bytes(first) & i64::MAX
}
