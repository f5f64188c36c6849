//! CSV in: read as a stream, understood row by row, with a note for whatever is refused or doubtful.

pub(crate) mod decode;
pub(crate) mod header;
pub(crate) mod row;
pub(crate) mod usage;

use std::io::Read;
use std::sync::mpsc::sync_channel;
use std::thread;

use csv::{ReaderBuilder, StringRecord};
use serde::{Deserialize, Serialize};

use crate::account::AccountId;
use crate::error::{Error, Result};
pub(crate) use header::{Field as ImportField, delimiter, recognise};
use header::{HEADERS, Known, Mapping, USAGE_HEADERS};
pub(crate) use row::Parsed;
pub(crate) use usage::Used;

/// What happens to a row whose ICCID is known already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnDuplicate {
    /// The first one stays; a row that says the same counts as unchanged.
    #[default]
    Skip,
    /// The row replaces what its columns say.
    Update,
    /// The whole import fails.
    Fail,
}

/// How a file is to be read.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ImportOptions {
    /// The account that paths hang under; `None` means the user's own.
    pub under: Option<AccountId>,
    /// `header=field` pairs that overrule recognition.
    pub map: Vec<(String, String)>,
    /// The delimiter; found out when `None`.
    pub delimiter: Option<u8>,
    /// The encoding; UTF-8, or what a byte order mark says, when `None`.
    pub encoding: Option<String>,
    /// What happens to known ICCIDs.
    pub on_duplicate: OnDuplicate,
    /// Whether accounts that do not exist are an error instead of being made.
    pub no_create_accounts: bool,
}

/// One thing worth saying about a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// The line in the file, from 1.
    pub line: u64,
    /// The header of the column, or empty when it is about the whole row.
    pub column: String,
    /// The value, cleaned.
    pub value: String,
    /// Why.
    pub reason: String,
    /// Whether the row was refused for it.
    pub refused: bool,
}

/// What an import came to, or would come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Rows read, without the header and empty ones.
    pub rows: u64,
    /// New SIMs.
    pub added: u64,
    /// Known SIMs that change.
    pub updated: u64,
    /// Rows that say what is known.
    pub unchanged: u64,
    /// Rows left out, each with a note.
    pub refused: u64,
    /// Rows taken with a warning.
    pub doubtful: u64,
    /// Empty lines.
    pub empty: u64,
    /// Accounts made.
    pub accounts: u64,
    /// Caps that were above the ceiling of their account, and are held to it.
    pub held: u64,
}

/// Takes a row with its line; `None` is one that was refused.
pub(crate) type Take<'a, R> = dyn FnMut(u64, Option<R>, &mut Notes<'_>) -> Result<()> + 'a;

/// Understands one record; `None` when it is refused, with a note that says why.
type Parse<R> = fn(u64, &StringRecord, &Mapping, &mut Notes<'_>) -> Option<R>;

/// Hears every note as it is made.
pub type Notes<'a> = dyn FnMut(Note) + 'a;

/// A file being read: gives rows until there are none.
pub(crate) struct Source<'a, R> {
    parse: Parse<R>,
    reader: csv::Reader<Box<dyn Read + Send + 'a>>,
    mapping: Mapping,
    record: StringRecord,
    pub empty: u64,
    /// The line the next record starts on, or a blank one before it, which the CSV reader skips without a word.
    line: u64,
    /// The reader counts a line when it sees the `\n`: of `\r\n` that is after the record.
    lag: u64,
}

impl<'a> Source<'a, Parsed> {
    /// Opens a stream of SIMs.
    pub fn open(
        input: Box<dyn Read + Send + 'a>,
        options: &ImportOptions,
        notes: &mut Notes<'_>,
    ) -> Result<Self> {
        Self::begin(input, options, &HEADERS, row::parse, notes)
    }
}

impl<'a> Source<'a, Used> {
    /// Opens a stream of usage records.
    pub fn open_usage(
        input: Box<dyn Read + Send + 'a>,
        options: &ImportOptions,
        notes: &mut Notes<'_>,
    ) -> Result<Self> {
        let source = Self::begin(input, options, &USAGE_HEADERS, usage::parse, notes)?;
        usage::check(source.mapping())?;
        Ok(source)
    }
}

impl<'a, R: Send> Source<'a, R> {
    /// Finds out encoding and delimiter, reads the header.
    fn begin(
        input: Box<dyn Read + Send + 'a>,
        options: &ImportOptions,
        known: &Known,
        parse: Parse<R>,
        notes: &mut Notes<'_>,
    ) -> Result<Self> {
        let (mut text, head) = decode::open(input, options.encoding.as_deref())?;
        if head.trim().is_empty() {
            return Err(Error::invalid("file", "is empty"));
        }
        let delimiter = options.delimiter.unwrap_or_else(|| delimiter(&head));
        text = Box::new(std::io::Cursor::new(head.into_bytes()).chain(text));
        let mut reader =
            ReaderBuilder::new().flexible(true).has_headers(true).delimiter(delimiter).from_reader(text);
        let headers = reader.headers().map_err(|e| unreadable(&e))?.clone();
        let mapping = Mapping::of(&headers, known, &options.map, notes)?;
        let line = 2 + line_breaks(&headers);
        let lag = line.saturating_sub(reader.position().line());
        Ok(Self { parse, reader, mapping, record: StringRecord::new(), empty: 0, line, lag })
    }

    pub fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// Hands every row on, in order, with the notes about it before it. The next rows are read on a thread of their
    /// own meanwhile: reading takes as long as writing down.
    pub fn each(&mut self, notes: &mut Notes<'_>, take: &mut Take<'_, R>) -> Result<()> {
        let (sender, receiver) = sync_channel::<Result<Vec<Found<R>>>>(BATCHES);
        thread::scope(|scope| {
            scope.spawn(|| {
                let sender = sender;
                loop {
                    let (batch, ended) = self.batch();
                    let failed = ended.as_ref().is_some_and(Result::is_err);
                    // Whoever took the rows may have given up.
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

    /// The next rows and notes, and how reading ended if it did.
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

    /// The next row that says anything: its line, and what it says or `None` if it was refused.
    fn next(&mut self, notes: &mut Notes<'_>) -> Result<Option<(u64, Option<R>)>> {
        loop {
            let start = self.line;
            if !self.reader.read_record(&mut self.record).map_err(|e| unreadable(&e))? {
                // A file may end in blank lines.
                self.empty += (self.reader.position().line()).saturating_sub(start);
                return Ok(None);
            }
            let (end, inside) = (self.reader.position().line() + self.lag, line_breaks(&self.record));
            // The last record may have no line break after it.
            self.line = end.max(start + inside + 1);
            let blank = self.line - start - inside - 1;
            self.empty += blank;
            let line = start + blank;
            if self.record.iter().all(|cell| cell.trim().is_empty()) {
                self.empty += 1;
                continue;
            }
            return Ok(Some((line, (self.parse)(line, &self.record, &self.mapping, notes))));
        }
    }
}

/// Rows read ahead: some batches of some rows.
const BATCH: usize = 500;
const BATCHES: usize = 4;

/// What the reading thread found.
enum Found<R> {
    Note(Note),
    Row(u64, Option<Box<R>>),
}

fn line_breaks(record: &StringRecord) -> u64 {
    record.iter().map(|cell| cell.matches('\n').count() as u64).sum()
}

fn unreadable(error: &csv::Error) -> Error {
    let line = error.position().map(|p| format!("line {}: ", p.line())).unwrap_or_default();
    match error.kind() {
        csv::ErrorKind::Io(io) => Error::invalid("file", io.to_string()),
        _ => Error::invalid("file", format!("{line}{error}")),
    }
}
