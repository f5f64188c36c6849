//! Spooled records: a file's text or rows, kept so that they can be read twice.
//!
//! The form of a column (date order, decimal mark, units) is settled from all of its cells before
//! the first row is taken, so every file is read twice: once to inspection, once to take. Small
//! files stay in memory.

use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use tempfile::SpooledTempFile;

use crate::error::{Error, Result};

/// Bytes kept in memory; what is larger goes to a temporary file.
pub(super) const IN_MEMORY: usize = 8 << 20;
/// Longest line.
pub(super) const MAX_LINE: usize = 1 << 20;

/// Hears how many lines or rows have been read; an error ends the reading.
pub(crate) type Tick<'a> = &'a dyn Fn(u64) -> Result<()>;

/// The form records are spooled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Lines of text: cells between delimiters, quoted where need be (RFC 4180).
    Text,
    /// Rows of a sheet or of JSON: one array a line, its number first.
    Rows,
}

/// A spooled file, at some place in it.
pub(super) struct Spool {
    file: BufReader<SpooledTempFile>,
    pub form: Form,
    /// Delimiter of cells.
    pub delimiter: u8,
    /// True if `"` quotes cells.
    pub quotes: bool,
    /// True if quoted cells may hold what inspections like records: an export of our own quotes
    /// soundly.
    pub trusts_quotes: bool,
    /// Number of the line read last.
    line: u64,
    /// Lines read that hold nothing.
    pub empty: u64,
    /// Names of the columns where no line holds them: JSON has them in each object.
    pub headers: Option<Vec<String>>,
    /// Other sheets of the workbook, which are not read.
    pub unread_sheets: Vec<String>,
    parser: Reader,
    buffer: Vec<u8>,
}

/// One record: its cells and its place in the file.
#[derive(Debug, Default)]
pub(super) struct Record {
    text: Vec<u8>,
    ends: Vec<usize>,
    /// Its first line.
    pub line: u64,
    /// Its last line.
    pub last_line: u64,
    /// A cell that spans lines which look like records of their own.
    pub swallowed: Option<Swallowed>,
}

/// A quoted cell that spans lines which look like records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Swallowed {
    /// Place of the cell in its record.
    pub column: usize,
    /// Lines inside it that look like records.
    pub records: u64,
    /// True if its quote is closed at all.
    pub closed: bool,
    /// True if the record is longer than is kept.
    pub too_long: bool,
}

impl Record {
    /// Number of cells.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// A cell; empty where there is none.
    pub fn get(&self, at: usize) -> &str {
        let Some(end) = self.ends.get(at) else { return "" };
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        self.text.get(start..*end).and_then(|cell| std::str::from_utf8(cell).ok()).unwrap_or_default()
    }

    /// Every cell.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|at| self.get(at))
    }

    /// True if no cell holds anything.
    pub fn is_blank(&self) -> bool {
        self.iter().all(|cell| cell.trim().is_empty())
    }

    fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
        self.swallowed = None;
    }
}

impl Spool {
    /// Wraps a spooled file, at its beginning.
    pub fn new(file: SpooledTempFile, form: Form) -> Self {
        Self {
            file: BufReader::with_capacity(256 << 10, file),
            form,
            delimiter: b',',
            quotes: true,
            trusts_quotes: false,
            line: 0,
            empty: 0,
            headers: None,
            unread_sheets: Vec::new(),
            parser: Reader::new(),
            buffer: Vec::new(),
        }
    }

    /// Goes to the beginning.
    pub fn rewind(&mut self) -> Result<()> {
        self.file.seek(SeekFrom::Start(0)).map_err(spool_error)?;
        (self.line, self.empty) = (0, 0);
        self.parser = ReaderBuilder::new().delimiter(self.delimiter).quoting(self.quotes).build();
        Ok(())
    }

    /// Goes to the line behind `line`.
    pub fn skip_to(&mut self, line: u64) -> Result<()> {
        self.rewind()?;
        if self.form == Form::Text {
            while self.line < line && self.next_line()? {}
        } else {
            let mut record = Record::default();
            loop {
                let at = self.file.stream_position().map_err(spool_error)?;
                if !self.next(0, &mut record)? {
                    break;
                }
                if record.line > line {
                    self.file.seek(SeekFrom::Start(at)).map_err(spool_error)?;
                    break;
                }
            }
        }
        self.empty = 0;
        Ok(())
    }

    /// Returns the first lines of the text, without quotes taken into account.
    pub fn first_lines(&mut self, most: usize) -> Result<Vec<String>> {
        self.rewind()?;
        let mut lines = Vec::new();
        while lines.len() < most && self.next_line()? {
            lines.push(String::from_utf8_lossy(&self.buffer).trim_end_matches('\n').to_owned());
        }
        self.rewind()?;
        Ok(lines)
    }

    /// Reads the next line into the buffer; false at the end.
    fn next_line(&mut self) -> Result<bool> {
        self.buffer.clear();
        let read = self.file.by_ref().take(16 * MAX_LINE as u64).read_until(b'\n', &mut self.buffer);
        let more = read.map_err(spool_error)? > 0;
        self.line += u64::from(more);
        if more && self.buffer.last() != Some(&b'\n') {
            self.buffer.push(b'\n');
        }
        Ok(more)
    }

    /// Reads the next record that holds anything; false at the end. `delimiters` is how many a
    /// record has: a line of a quoted cell with as many inspections like a record.
    pub fn next(&mut self, delimiters: usize, record: &mut Record) -> Result<bool> {
        loop {
            record.clear();
            if !self.next_line()? {
                return Ok(false);
            }
            match self.form {
                Form::Text if self.buffer == b"\n" => self.empty += 1,
                Form::Text => {
                    self.parse_text(delimiters, record)?;
                    return Ok(true);
                }
                Form::Rows => {
                    self.parse_row(record)?;
                    if !record.is_blank() {
                        return Ok(true);
                    }
                    self.empty += 1;
                }
            }
        }
    }

    fn parse_row(&self, record: &mut Record) -> Result<()> {
        let row: (u64, Vec<String>) =
            serde_json::from_slice(&self.buffer).map_err(|e| spool_error(e.into()))?;
        for cell in &row.1 {
            record.text.extend_from_slice(cell.as_bytes());
            record.ends.push(record.text.len());
        }
        (record.line, record.last_line) = (row.0, row.0);
        Ok(())
    }

    /// Feeds lines to the parser until the record ends: a quoted cell may span several.
    fn parse_text(&mut self, delimiters: usize, record: &mut Record) -> Result<()> {
        record.line = self.line;
        let (mut written, mut cells, mut records) = (0, 0, 0);
        record.text.resize(self.buffer.len().max(256), 0);
        record.ends.resize(64, 0);
        // The cell that a line ended in, and whether the record has grown too long to be kept.
        let (mut spans, mut too_long, mut closed) = (None, false, true);
        while !self.feed(record, &mut written, &mut cells) {
            spans.get_or_insert(cells);
            if written > MAX_LINE {
                // The record is followed to its end, and refused.
                too_long = true;
                written = 0;
            }
            if !self.next_line()? {
                closed = false;
                break;
            }
            records += u64::from(looks_like_record(&self.buffer, self.delimiter, delimiters));
            record.text.resize(written + self.buffer.len().max(256), 0);
        }
        record.text.truncate(written);
        record.ends.truncate(cells);
        if too_long {
            record.clear();
        }
        record.last_line = self.line;
        if let Some(column) =
            spans.filter(|_| too_long || !closed || (records > 0 && !self.trusts_quotes))
        {
            record.swallowed = Some(Swallowed { column, records, closed, too_long });
        }
        Ok(())
    }

    /// Feeds the line in the buffer to the parser; true when the record is complete.
    fn feed(&mut self, record: &mut Record, written: &mut usize, cells: &mut usize) -> bool {
        let mut input = &self.buffer[..];
        loop {
            let (result, read, out, ends) =
                self.parser.read_record(input, &mut record.text[*written..], &mut record.ends[*cells..]);
            input = &input[read..];
            *written += out;
            *cells += ends;
            match result {
                ReadRecordResult::Record | ReadRecordResult::End => return true,
                ReadRecordResult::InputEmpty => return false,
                ReadRecordResult::OutputFull => record.text.resize(record.text.len() * 2 + 256, 0),
                ReadRecordResult::OutputEndsFull => record.ends.resize(record.ends.len() * 2 + 64, 0),
            }
        }
    }
}

/// True if a line inside a quoted cell inspections like a record: it has as many delimiters, or an
/// ICCID.
fn looks_like_record(line: &[u8], delimiter: u8, delimiters: usize) -> bool {
    // The line on which the cell ends goes on with the record's other cells.
    let inside = line.split(|b| *b == b'"').next().unwrap_or(line);
    let found = inside.split(|b| *b == delimiter).count() - 1;
    // One comma stands in many a sentence.
    (delimiters > 1 && found >= delimiters) || has_iccid(inside) || begins_with_number(inside, delimiter)
}

/// True if a line begins with a cell of ten digits or more, as a record keyed by a number does.
fn begins_with_number(line: &[u8], delimiter: u8) -> bool {
    let Some(end) = line.iter().position(|b| *b == delimiter) else { return false };
    let cell = line[..end].trim_ascii();
    cell.len() >= 10 && cell.iter().all(u8::is_ascii_digit)
}

/// True if a line holds 18 to 20 digits in a row that begin with 89 (ITU-T E.118).
fn has_iccid(line: &[u8]) -> bool {
    line.split(|b| !b.is_ascii_digit())
        .any(|run| (18..=20).contains(&run.len()) && run.starts_with(b"89"))
}

fn spool_error(error: std::io::Error) -> Error {
    Error::io("cannot read the spooled file", error)
}

/// Writes rows of cells into a spool.
pub(super) struct RowWriter {
    file: std::io::BufWriter<SpooledTempFile>,
}

impl RowWriter {
    pub fn new() -> Self {
        Self { file: std::io::BufWriter::with_capacity(256 << 10, SpooledTempFile::new(IN_MEMORY)) }
    }

    /// Writes one row with its number in the file.
    pub fn write(&mut self, line: u64, cells: &[String]) -> Result<()> {
        if cells.iter().map(String::len).sum::<usize>() > MAX_LINE {
            return Err(Error::invalid("file", format!("row {line} is longer than 1 MiB")));
        }
        serde_json::to_writer(&mut self.file, &(line, cells)).map_err(|e| spool_error(e.into()))?;
        self.file.write_all(b"\n").map_err(spool_error)
    }

    /// Ends the spool.
    pub fn finish(self) -> Result<Spool> {
        let file = self.file.into_inner().map_err(|e| spool_error(e.into_error()))?;
        let mut spool = Spool::new(file, Form::Rows);
        spool.rewind()?;
        Ok(spool)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spool(text: &str, delimiter: u8) -> Spool {
        let mut file = SpooledTempFile::new(IN_MEMORY);
        file.write_all(text.as_bytes()).expect("written");
        let mut spool = Spool::new(file, Form::Text);
        spool.delimiter = delimiter;
        spool.rewind().expect("rewound");
        spool
    }

    fn records(text: &str, delimiters: usize) -> Vec<(u64, u64, Vec<String>, Option<Swallowed>)> {
        let mut spool = spool(text, b',');
        let (mut record, mut all) = (Record::default(), Vec::new());
        while spool.next(delimiters, &mut record).expect("read") {
            let cells = record.iter().map(str::to_owned).collect();
            all.push((record.line, record.last_line, cells, record.swallowed));
        }
        all
    }

    #[test]
    fn records_know_their_lines() {
        let all = records("a,b\n\n1,\"two\nlines\",\"x\"\"y\"\n\n\n2,z", 1);
        assert_eq!(all[0].2, ["a", "b"]);
        assert_eq!(
            (all[1].0, all[1].1, &all[1].2[..]),
            (3, 4, &["1", "two\nlines", "x\"y"].map(String::from)[..])
        );
        assert_eq!((all[2].0, &all[2].2[..]), (7, &["2", "z"].map(String::from)[..]));
        assert!(all.iter().all(|record| record.3.is_none()));
    }

    #[test]
    fn a_quote_that_swallows_records_is_found() {
        let all = records("1,\"7dBi,p\n2,7dBi,q\n3,9\" whip,r\n4,7dBi,s\n", 2);
        assert_eq!(all[0].3, Some(Swallowed { column: 1, records: 1, closed: true, too_long: false }));
        assert_eq!((all[0].0, all[0].1, all[1].0), (1, 3, 4));
        let all = records("8,\"x\n8944110077000000014\n", 0);
        assert_eq!(all[0].3, Some(Swallowed { column: 1, records: 1, closed: false, too_long: false }));
    }

    #[test]
    fn a_quoted_cell_of_any_size_is_followed_to_its_end() {
        let rows = "8944110077000000014,Active,x,y\n".repeat(60_000);
        let all = records(&format!("1,\"{rows}\",z\n2,b,c\n"), 3);
        let swallowed = all[0].3.expect("found");
        assert_eq!((swallowed.records, swallowed.closed, swallowed.too_long), (59_999, true, true));
        assert_eq!((all[0].2.len(), &all[1].2[..]), (0, &["2", "b", "c"].map(String::from)[..]));
        let all = records(&format!("1,\"{rows}"), 3);
        assert!(!all[0].3.expect("found").closed && all.len() == 1);
        let long = "a line of a note without commas\n".repeat(60_000);
        assert!(records(&format!("1,\"{long}\"\n"), 3)[0].3.expect("found").too_long);
    }

    #[test]
    fn a_line_of_many_cells_is_read_whole() {
        let text = vec!["cell"; 1_000].join(",");
        assert_eq!(records(&text, 999)[0].2.len(), 1_000);
    }
}
