//! Files in: lists of SIMs and usage records, as portals and spreadsheets write them.
//!
//! A file is unpacked and decoded into a spool (`container.rs`, `decode.rs`, `json.rs`,
//! `spool.rs`), its header is found, and it is read twice: once to settle how every column is
//! written (`columns.rs`, `survey.rs`, `mapping.rs`), once to take its rows (`sim_row.rs`,
//! `usage_row.rs`). What is refused or doubtful gets a note.

pub(crate) mod beginning;
pub(crate) mod columns;
mod container;
mod decode;
mod explain;
mod header;
pub(crate) mod header_name;
mod identifiers;
mod json;
pub(crate) mod mapping;
mod names;
pub(crate) mod options;
pub mod portals;
mod sim_row;
mod spool;
mod status;
mod survey;
mod usage_row;

use std::io::Read;
use std::sync::mpsc::sync_channel;
use std::thread;

use crate::error::{Error, Result};
use crate::import::beginning::read_mapping;
use crate::import::options::{ImportOptions, Note, NoteSink, RowSink};
pub(crate) use container::read_text;
pub use explain::explain;
pub(crate) use names::Field as ImportField;

pub(crate) use identifiers::{RawList, read as read_list};
pub(crate) use mapping::Mapping;
use mapping::RowVerdict;
use portals::Holds;
pub(crate) use sim_row::SimRow;
use spool::{Record, Spool, Tick};
pub(crate) use usage_row::{SimKey, UsageRow};

/// Parses one record; `None` when it is refused, with a note that says why.
type Parse<R> = fn(&Record, &Mapping, &mut NoteSink<'_>) -> Option<R>;

/// A file being read: gives rows until there are none.
pub(crate) struct Source<R> {
    parse: Parse<R>,
    spool: Spool,
    mapping: Mapping,
    record: Record,
    /// Lines of totals and rows that the portal leaves out.
    pub skipped: u64,
}

impl Source<SimRow> {
    /// Opens a list of SIMs.
    pub fn open_sims(
        input: Box<dyn Read + Send + '_>,
        options: &ImportOptions,
        notes: &mut NoteSink<'_>,
        tick: Tick<'_>,
    ) -> Result<Self> {
        Self::open(input, options, Holds::Sims, sim_row::parse, notes, tick)
    }
}

impl Source<UsageRow> {
    /// Opens a file of usage records.
    pub fn open_usage(
        input: Box<dyn Read + Send + '_>,
        options: &ImportOptions,
        notes: &mut NoteSink<'_>,
        tick: Tick<'_>,
    ) -> Result<Self> {
        let source = Self::open(input, options, Holds::Usage, usage_row::parse, notes, tick)?;
        usage_row::check(source.mapping())?;
        Ok(source)
    }
}

impl<R: Send> Source<R> {
    fn open(
        input: Box<dyn Read + Send + '_>,
        options: &ImportOptions,
        holds: Holds,
        parse: Parse<R>,
        notes: &mut NoteSink<'_>,
        tick: Tick<'_>,
    ) -> Result<Self> {
        let (spool, mapping) = read_mapping(input, options, holds, tick)?;
        mapping.add_notes(notes);
        if !spool.unread_sheets.is_empty() {
            let sheets = mapping::list_names(spool.unread_sheets.iter().map(String::as_str));
            let reason =
                format!("other sheets are not read: {}; --sheet names one", crate::text::clean(&sheets));
            let line = mapping.header_line;
            notes(Note { line, column: String::new(), value: String::new(), reason, refused: false });
        }
        Ok(Self { parse, spool, mapping, record: Record::default(), skipped: 0 })
    }

    /// Returns how the file is read.
    pub fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// Lines that hold nothing.
    pub fn empty(&self) -> u64 {
        self.spool.empty
    }

    /// Hands every row on, in order, with the notes about it before it. The next rows are read on a
    /// thread of their own meanwhile: reading takes as long as writing down.
    pub fn each(&mut self, notes: &mut NoteSink<'_>, take: &mut RowSink<'_, R>) -> Result<()> {
        let (sender, receiver) = sync_channel::<Result<Vec<Found<R>>>>(BATCHES);
        thread::scope(|scope| {
            scope.spawn(|| {
                let sender = sender;
                loop {
                    let (batch, ended) = self.batch();
                    let failed = ended.as_ref().is_some_and(Result::is_err);
                    // The receiver may have given up.
                    if sender.send(Ok(batch)).is_err() || (ended.is_some() && !failed) {
                        return;
                    }
                    if let Some(Err(error)) = ended {
                        let _ = sender.send(Err(error));
                        return;
                    }
                }
            });
            // Dropped at the first error, which stops the thread.
            let receiver = receiver;
            for batch in &receiver {
                for read in batch? {
                    match read {
                        Found::Note(note) => notes(note),
                        Found::Row(line, row) => take(line, row.map(|row| *row), notes)?,
                    }
                }
            }
            Ok(())
        })
    }

    /// Reads the next rows and notes, and how reading ended if it did.
    fn batch(&mut self) -> (Vec<Found<R>>, Option<Result<()>>) {
        let mut batch = Vec::with_capacity(BATCH);
        while batch.len() < BATCH {
            let mut noted = Vec::new();
            let row = self.next(&mut |note| noted.push(note));
            batch.extend(noted.into_iter().map(Found::Note));
            match row {
                Ok(Some((line, row))) => batch.push(Found::Row(line, row.map(Box::new))),
                Ok(None) => return (batch, Some(Ok(()))),
                Err(error) => return (batch, Some(Err(error))),
            }
        }
        (batch, None)
    }

    /// Reads the next row that says anything: its line, and what it says or `None` if it was
    /// refused.
    fn next(&mut self, notes: &mut NoteSink<'_>) -> Result<Option<(u64, Option<R>)>> {
        let delimiters = self.mapping.headers.len().saturating_sub(1);
        loop {
            if !self.spool.next(delimiters, &mut self.record)? {
                return Ok(None);
            }
            let record = &self.record;
            if record.is_blank() && record.swallowed.is_none() {
                self.spool.empty += 1;
                continue;
            }
            if let Some(swallowed) = record.swallowed.filter(|swallowed| !swallowed.closed) {
                return Err(unclosed_quote(record, &self.mapping, swallowed.column));
            }
            match self.mapping.judge_row(record) {
                RowVerdict::Take => {}
                RowVerdict::Skip => {
                    self.skipped += 1;
                    continue;
                }
                RowVerdict::Unknown(at) => {
                    let column = self.mapping.headers[at].name.clone();
                    let value = crate::text::clean(record.get(at)).chars().take(60).collect();
                    let reason =
                        "is not known: the portal file neither reads such rows nor leaves them out"
                            .to_owned();
                    notes(Note { line: record.line, column, value, reason, refused: true });
                    return Ok(Some((record.line, None)));
                }
            }
            if header::is_total(record, &self.mapping) {
                self.skipped += 1;
                let cells: Vec<&str> = record.iter().filter(|cell| !cell.trim().is_empty()).collect();
                let value = crate::text::clean(&cells.join(" ")).chars().take(60).collect();
                let (line, reason) = (record.line, "is a line of totals: skipped".to_owned());
                notes(Note { line, column: String::new(), value, reason, refused: false });
                continue;
            }
            return Ok(Some((record.line, (self.parse)(record, &self.mapping, notes))));
        }
    }
}

fn unclosed_quote(record: &Record, mapping: &Mapping, column: usize) -> Error {
    let name = mapping.headers.get(column).map_or("", |header| header.name.as_str());
    let lines = record.last_line - record.line;
    let reason = format!(
        "line {}: the quote opened in column \"{name}\" is not closed; {} {} it. Fix the quote or pass --no-quotes",
        record.line,
        crate::number::count(lines),
        if lines == 1 { "line follows" } else { "lines follow" }
    );
    Error::invalid("file", reason)
}

/// Rows read ahead: some batches of some rows.
const BATCH: usize = 500;
const BATCHES: usize = 4;

/// Findings of the reading thread.
enum Found<R> {
    Note(Note),
    Row(u64, Option<Box<R>>),
}
