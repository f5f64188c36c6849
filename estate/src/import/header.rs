//! The header: the first line with a recognised identifier, and the delimiter it settles.

use super::columns::identifier_tier;
use super::container::MAX_COLUMNS;
use super::mapping::Mapping;
use super::portals::{Holds, Portal};
use super::spool::{Form, Record, Spool};
use crate::error::{Error, Result};
use crate::ident::Iccid;
use crate::import::header_name::plain;
use crate::import::names::Field;
use crate::import::options::ImportOptions;
use crate::text;

/// Lines among which the header is looked for: titles may stand above it.
const TITLE_LINES: usize = 20;

/// Criteria by which a header is recognised.
pub(crate) struct Layout<'a> {
    pub options: &'a ImportOptions,
    pub portals: &'a [Portal],
    pub holds: Holds,
}

/// Finds the header, its line, and the delimiter, which is set in the spool.
pub(crate) fn find_header(spool: &mut Spool, layout: &Layout<'_>) -> Result<(Vec<String>, u64)> {
    let options = layout.options;
    spool.quotes = !options.no_quotes;
    if let Some(headers) = spool.headers.clone() {
        return Ok((headers, 0));
    }
    let lines = spool.first_lines(TITLE_LINES)?;
    if lines.iter().all(|line| line.trim().is_empty()) {
        return Err(Error::invalid("file", "is empty"));
    }
    let (stated, from) = match stated_delimiter(&lines) {
        Some(delimiter) => (Some(delimiter), 2),
        None => (None, 1),
    };
    let delimiters = match (options.delimiter.or(stated), spool.form) {
        (_, Form::Rows) => vec![b','],
        (Some(delimiter), _) => vec![delimiter],
        (None, _) => vec![b',', b';', b'\t', b'|'],
    };
    if let Some(line) = options.header_line {
        let delimiter = best_delimiter(spool, &delimiters, line)?;
        return take(spool, delimiter, line);
    }
    let mut best: Option<(u8, usize, u64, u8)> = None;
    for delimiter in delimiters.iter().copied() {
        let Some((tier, cells, line)) = search(spool, delimiter, from, layout)? else { continue };
        // An exact name wins, then the first line, then the delimiter that makes most cells of it.
        let better = best.is_none_or(|(best_tier, best_cells, best_line, _)| {
            (tier, line, usize::MAX - cells) < (best_tier, best_line, usize::MAX - best_cells)
        });
        if better {
            best = Some((tier, cells, line, delimiter));
        }
    }
    match best {
        Some((.., line, delimiter)) => take(spool, delimiter, line),
        None => Err(missing(spool, &delimiters, from, &lines, layout)?),
    }
}

/// Returns the delimiter of a `sep=;` line, which spreadsheets write for themselves.
fn stated_delimiter(lines: &[String]) -> Option<u8> {
    let first = lines.first()?.trim_matches(['"', ' ']);
    let rest = first.get(..4).filter(|head| head.eq_ignore_ascii_case("sep=")).map(|_| &first[4..])?;
    match rest.as_bytes() {
        [delimiter] => Some(*delimiter),
        [] => Some(b'\t'),
        b"\\t" => Some(b'\t'),
        _ => None,
    }
}

/// Searches for a header with one delimiter: how well it is recognised, its cells, its line.
fn search(
    spool: &mut Spool,
    delimiter: u8,
    from: u64,
    layout: &Layout<'_>,
) -> Result<Option<(u8, usize, u64)>> {
    spool.delimiter = delimiter;
    spool.rewind()?;
    let mut record = Record::default();
    let mut best: Option<(u8, usize, u64)> = None;
    while spool.next(0, &mut record)? && record.line <= TITLE_LINES as u64 {
        if record.line < from {
            continue;
        }
        // A title with a stray quote swallows the header.
        check_quotes(&record)?;
        let Some(tier) = recognize(&record, layout) else { continue };
        let cells = record.iter().filter(|cell| !cell.trim().is_empty()).count();
        if best.is_none_or(|(best_tier, ..)| tier < best_tier) {
            best = Some((tier, cells, record.line));
        }
        if tier == 0 {
            break;
        }
    }
    Ok(best)
}

/// Refuses a quote above the data that swallows what inspections like data.
pub(super) fn check_quotes(record: &Record) -> Result<()> {
    let Some(swallowed) = record.swallowed else { return Ok(()) };
    let what = if swallowed.closed {
        "opens a cell that holds what inspections like records"
    } else {
        "is not closed"
    };
    let reason = format!(
        "lines {} to {}: a quote of the header {what}; fix the quote or pass --no-quotes",
        record.line, record.last_line
    );
    Err(Error::invalid("file", reason))
}

/// Rank of a record as a header: 0 is an exact name, an option or a portal; `None` if it is none.
fn recognize(record: &Record, layout: &Layout<'_>) -> Option<u8> {
    let mapped = |cell: &str| {
        let is_wanted = |field: &str| {
            layout
                .holds
                .identifiers()
                .iter()
                .any(|wanted| super::names::name_of(*wanted, layout.holds.fields()) == plain(field))
        };
        layout.options.map.iter().any(|(header, field)| plain(header) == plain(cell) && is_wanted(field))
    };
    if record.iter().any(mapped) {
        return Some(0);
    }
    let headers: Vec<String> = record.iter().map(plain).collect();
    if layout.portals.iter().any(|portal| portal.holds == layout.holds && portal.fits(&headers)) {
        return Some(0);
    }
    record.iter().filter_map(|cell| identifier_tier(cell, layout.holds.identifiers())).min()
}

/// Returns the delimiter that makes most cells of a line.
fn best_delimiter(spool: &mut Spool, delimiters: &[u8], line: u64) -> Result<u8> {
    let mut best = (0, delimiters[0]);
    for delimiter in delimiters {
        spool.delimiter = *delimiter;
        let cells = read_line(spool, line)?.map_or(0, |record| record.len());
        if cells > best.0 {
            best = (cells, *delimiter);
        }
    }
    Ok(best.1)
}

/// Reads the record that begins on a line.
fn read_line(spool: &mut Spool, line: u64) -> Result<Option<Record>> {
    spool.skip_to(line.saturating_sub(1))?;
    let mut record = Record::default();
    Ok((spool.next(0, &mut record)? && record.line == line).then_some(record))
}

fn take(spool: &mut Spool, delimiter: u8, line: u64) -> Result<(Vec<String>, u64)> {
    spool.delimiter = delimiter;
    let none = || Error::invalid("header-line", format!("there is nothing on line {line}"));
    let record = read_line(spool, line)?.ok_or_else(none)?;
    check_quotes(&record)?;
    let mut headers: Vec<String> = record.iter().map(str::to_owned).collect();
    if headers.len() > MAX_COLUMNS {
        return Err(Error::invalid("file", format!("has more than {MAX_COLUMNS} columns")));
    }
    while headers.len() > 1 && headers.last().is_some_and(|header| header.trim().is_empty()) {
        headers.pop();
    }
    Ok((headers, record.last_line))
}

/// Says that no line is a header, with what the first one holds.
fn missing(
    spool: &mut Spool,
    delimiters: &[u8],
    from: u64,
    lines: &[String],
    layout: &Layout<'_>,
) -> Result<Error> {
    let last = lines.len() as u64;
    let line = (from..=last).find(|line| !lines[*line as usize - 1].trim().is_empty());
    let delimiter = best_delimiter(spool, delimiters, line.unwrap_or(from))?;
    spool.delimiter = delimiter;
    let record = read_line(spool, line.unwrap_or(from))?.unwrap_or_default();
    if record.iter().any(|cell| Iccid::parse(cell).is_ok()) {
        let reason = "has no header: its first line holds numbers already; put a line such as ICCID,Label above it";
        return Ok(Error::invalid("file", reason));
    }
    let cells: Vec<String> =
        record.iter().take(30).map(|cell| text::clean(cell).trim().to_owned()).collect();
    let what =
        if layout.holds == Holds::Sims { "the ICCID" } else { "the ICCID, the IMSI or the MSISDN" };
    let reason = format!(
        "no column holds {what} in the first {TITLE_LINES} lines (line {}: {}); name it with --map header=iccid, or the \
         line of the header with --header-line",
        line.unwrap_or(from),
        cells.join(", ")
    );
    Ok(Error::invalid("file", reason))
}

/// First words of a line of totals.
const TOTALS: [&str; 22] = [
    "total",
    "totals",
    "grand",
    "subtotal",
    "sum",
    "summary",
    "summe",
    "zwischensumme",
    "gesamt",
    "gesamtsumme",
    "totale",
    "suma",
    "somme",
    "somma",
    "razem",
    "totaal",
    "totalt",
    "итого",
    "合計",
    "monto",
    "records",
    "rows",
];

/// True if a record is a line of totals: it names no SIM, begins with such a word and holds only
/// numbers besides; or an end mark, or the header once more.
pub(super) fn is_total(record: &Record, mapping: &Mapping) -> bool {
    let filled: Vec<&str> = record.iter().map(str::trim).filter(|cell| !cell.is_empty()).collect();
    let is_header = filled.len() > 1
        && record.iter().zip(&mapping.headers).all(|(cell, header)| plain(cell) == header.plain);
    let names_sim = [Field::Iccid, Field::Imsi, Field::Msisdn]
        .iter()
        .flat_map(|field| mapping.parts(*field))
        .any(|part| {
            let cell = record.get(part.at);
            cell.bytes().filter(u8::is_ascii_digit).count() >= 5 && !begins_total(cell)
        });
    if is_header || names_sim {
        return is_header || names_total(record, mapping);
    }
    let Some(first) = filled.iter().position(|cell| begins_total(cell)).filter(|at| *at < 2) else {
        return false;
    };
    let is_number =
        |cell: &&&str| cell.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+'));
    filled.iter().enumerate().all(|(at, cell)| at == first || is_number(&&&**cell) || begins_total(cell))
}

/// True if a usage record of a SIM is the sum of its others: the cell that tells them apart says
/// so.
fn names_total(record: &Record, mapping: &Mapping) -> bool {
    let words = ["total", "totals", "grandtotal", "subtotal", "sum", "summe", "gesamt", "alltotal"];
    mapping.dimensions.iter().any(|(at, _)| words.contains(&plain(record.get(*at)).as_str()))
}

fn begins_total(cell: &str) -> bool {
    let lower = cell.trim().to_lowercase();
    if lower.starts_with("end of") {
        return true;
    }
    let mut words = lower.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty());
    let counted = lower.starts_with(|c: char| c.is_ascii_digit());
    match words.next() {
        // "3,000 records"
        Some(word) if counted => matches!(word, "record" | "records" | "rows" | "lines" | "sims"),
        Some(word) => TOTALS.contains(&plain(word).as_str()) || TOTALS.contains(&word),
        None => false,
    }
}
