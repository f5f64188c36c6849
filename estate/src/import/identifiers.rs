//! Lists of identifiers: a column under a header, or plain lines of numbers.

use std::io::Read;

use super::columns::{identifier_tier, recognize_identifier};
use super::container;
use super::decode::Strictness;
use super::header::check_quotes;
use super::spool::{Record, Spool};
use super::survey::is_absent;
use crate::error::{Error, Result};
use crate::import::header_name::plain;
use crate::import::names::Field;
use crate::import::options::ImportOptions;
use crate::limits;
use crate::number::count;

/// Lines among which the header of a list is looked for.
const TITLE_LINES: u64 = 20;

/// Identifiers by which lists are read; an ICCID comes before the others.
const IDENTIFIERS: [Field; 5] = [Field::Iccid, Field::Imsi, Field::Msisdn, Field::Eid, Field::Imei];

/// A list as the file has it.
pub(crate) enum RawList {
    /// The cells of the column that a header names.
    Column(Field, Vec<String>),
    /// The cells of every line.
    Lines(Vec<Vec<String>>),
}

/// Reads a list. Numbers are plain digits in every encoding, so none has to be named.
pub(crate) fn read(input: Box<dyn Read + Send + '_>) -> Result<RawList> {
    let strictness = Strictness { encoding: false, lines: true };
    let mut spool = container::unpack(input, &ImportOptions::default(), strictness, &|_| Ok(()))?;
    if let Some((field, at, line, cells)) = find_column(&mut spool)? {
        return read_column(&mut spool, field, at, line, cells);
    }
    read_lines(&mut spool)
}

/// Finds a header and its best column: identifier, place, line, number of cells.
fn find_column(spool: &mut Spool) -> Result<Option<(Field, usize, u64, usize)>> {
    if let Some(headers) = spool.headers.clone() {
        return Ok(best_column(headers.iter().map(String::as_str))
            .map(|(field, at)| (field, at, 0, headers.len())));
    }
    let mut best: Option<(u64, usize, Field, usize, u8)> = None;
    for delimiter in [b',', b';', b'\t', b'|'] {
        spool.delimiter = delimiter;
        spool.rewind()?;
        let mut record = Record::default();
        while spool.next(0, &mut record)? && record.line <= TITLE_LINES {
            let Some((field, at)) = best_column(record.iter()) else { continue };
            check_quotes(&record)?;
            let (line, cells) = (record.last_line, record.len());
            if best.is_none_or(|(l, c, ..)| (line, usize::MAX - cells) < (l, usize::MAX - c)) {
                best = Some((line, cells, field, at, delimiter));
            }
            break;
        }
    }
    Ok(best.map(|(line, cells, field, at, delimiter)| {
        spool.delimiter = delimiter;
        (field, at, line, cells)
    }))
}

/// Returns the column of the first identifier that a header names; an exact name wins.
fn best_column<'a>(cells: impl Iterator<Item = &'a str>) -> Option<(Field, usize)> {
    let cells: Vec<&str> = cells.collect();
    IDENTIFIERS.iter().find_map(|field| {
        let tier = |cell: &str| identifier_tier(cell, &[*field]).filter(|_| !plain(cell).is_empty());
        let at =
            (0..cells.len()).filter(|at| tier(cells[*at]).is_some()).min_by_key(|at| tier(cells[*at]))?;
        recognize_identifier(cells[at]).map(|field| (field, at))
    })
}

fn read_column(spool: &mut Spool, field: Field, at: usize, line: u64, cells: usize) -> Result<RawList> {
    spool.skip_to(line)?;
    let (mut record, mut found, mut kept) = (Record::default(), Vec::new(), 0);
    while spool.next(cells.saturating_sub(1), &mut record)? {
        if let Some(swallowed) = record.swallowed {
            let reason = format!(
                "line {}: a quote opens a cell that holds what look like {} lines of the list; fix the quote",
                record.line,
                count(swallowed.records.max(record.last_line - record.line))
            );
            return Err(Error::invalid("list", reason));
        }
        let cell = record.get(at).trim().trim_matches(['"', '\'']);
        if !is_absent(cell) {
            found.push(cell.to_owned());
            kept += cell.len();
            check_size(kept)?;
        }
    }
    Ok(RawList::Column(field, found))
}

/// Reads lines without a header. No cell of theirs needs quotes, so a stray one swallows nothing.
fn read_lines(spool: &mut Spool) -> Result<RawList> {
    spool.delimiter = b',';
    spool.quotes = false;
    spool.rewind()?;
    let (mut record, mut lines, mut kept) = (Record::default(), Vec::new(), 0);
    while spool.next(0, &mut record)? {
        let cells: Vec<String> =
            record.iter().flat_map(|cell| cell.split([';', '\t', '|'])).map(str::to_owned).collect();
        kept += cells.iter().map(|cell| cell.len() + 1).sum::<usize>();
        check_size(kept)?;
        lines.push(cells);
    }
    Ok(RawList::Lines(lines))
}

/// Most text of a list that is kept, in bytes; a list of the most entries has a tenth of it.
const MAX_TEXT: usize = 32 << 20;

/// Refuses a list while it is read, before it fills the memory.
fn check_size(bytes: usize) -> Result<()> {
    if bytes > MAX_TEXT {
        return Err(Error::invalid(
            "list",
            format!("has more than {} entries; split it", count(limits::LIST_ENTRIES as u64)),
        ));
    }
    Ok(())
}
