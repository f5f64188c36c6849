//! File kinds: recognises a file by its first bytes and unpacks it, within bounds.

use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};

use calamine::{DataRef, Reader as _, SheetVisible, Xlsx};
use flate2::read::MultiGzDecoder;
use tempfile::SpooledTempFile;

use super::decode::{self, Strictness};
use super::json;
use super::spool::{Form, MAX_LINE, Spool, Tick};
use crate::error::{Error, Result};
use crate::import::options::ImportOptions;
use crate::number::number_text;

/// Largest workbook, packed.
const MAX_WORKBOOK: u64 = 256 << 20;
/// Largest text, and largest content of an archive, unpacked.
const MAX_UNPACKED: u64 = 4 << 30;
/// Largest table of texts in a workbook; it is kept in memory.
const MAX_SHARED_STRINGS: u64 = 128 << 20;
/// Most columns of a file.
pub(super) const MAX_COLUMNS: usize = 1_000;
/// Bytes that are looked at to recognise a file.
const HEAD: usize = 4 << 10;

/// Reads a file of any known kind into a spool of records.
pub(super) fn unpack(
    input: Box<dyn Read + Send + '_>,
    options: &ImportOptions,
    strictness: Strictness,
    tick: Tick<'_>,
) -> Result<Spool> {
    let (kind, head, input) = unpack_gzip(input)?;
    let input = Box::new(Bounded { inner: input, left: MAX_UNPACKED });
    match kind {
        Kind::Workbook => read_workbook(input, options.sheet.as_deref(), tick),
        Kind::Json if options.encoding.is_none() => json::read(input, tick),
        _ => {
            let text = decode::read(input, &head, options.encoding.as_deref(), strictness, tick)?;
            Ok(Spool::new(text, Form::Text))
        }
    }
}

/// Reads a text of any encoding, packed with gzip or not, of at most some bytes.
pub(crate) fn read_text(input: Box<dyn Read + Send + '_>, most: u64) -> Result<String> {
    let (kind, head, input) = unpack_gzip(input)?;
    if matches!(kind, Kind::Workbook) {
        return Err(Error::invalid("file", "is a workbook"));
    }
    let strictness = Strictness { encoding: true, lines: false };
    let input = Bounded { inner: input, left: most };
    let mut file = decode::read(input, &head, None, strictness, &|_| Ok(()))?;
    let mut text = String::new();
    let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.read_to_string(&mut text));
    read.map_err(|e| Error::io("cannot read the file", e))?;
    Ok(text)
}

/// A recognised stream: its kind, its first bytes, and all of it.
type Recognized<'a> = (Kind, Vec<u8>, Box<dyn Read + Send + 'a>);

/// Recognises a stream, and unpacks it where it is packed with gzip.
fn unpack_gzip<'a>(mut input: Box<dyn Read + Send + 'a>) -> Result<Recognized<'a>> {
    let head = peek(&mut input)?;
    let input: Box<dyn Read + Send + '_> = Box::new(io::Cursor::new(head.clone()).chain(input));
    let kind = recognize(&head)?;
    if !matches!(kind, Kind::Gzip) {
        return Ok((kind, head, input));
    }
    let mut text: Box<dyn Read + Send + 'a> = Box::new(MultiGzDecoder::new(input));
    let head = peek(&mut text).map_err(|e| Error::invalid("file", format!("cannot be unpacked: {e}")))?;
    let text: Box<dyn Read + Send + 'a> = Box::new(io::Cursor::new(head.clone()).chain(text));
    match recognize(&head)? {
        Kind::Gzip => Err(unknown("a gzip file inside a gzip file")),
        kind => Ok((kind, head, text)),
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Text,
    Gzip,
    Workbook,
    Json,
}

fn unknown(what: &str) -> Error {
    let reason = format!("is {what}; save the list as CSV, XLSX or NDJSON");
    Error::invalid("file", reason)
}

/// Recognises a file by its first bytes; an error names the kinds that are not read.
fn recognize(head: &[u8]) -> Result<Kind> {
    const SIGNATURES: [(&[u8], &str); 14] = [
        (b"%PDF", "a PDF document"),
        (b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls) or a workbook with a password"),
        (b"SQLite format 3\0", "an SQLite database; a simdeck store is opened with --store"),
        (b"\x89PNG", "a picture (PNG)"),
        (b"\xff\xd8\xff", "a picture (JPEG)"),
        (b"GIF8", "a picture (GIF)"),
        (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
        (b"Rar!", "a RAR archive"),
        (b"BZh", "a bzip2 archive"),
        (b"\xfd7zXZ", "an XZ archive"),
        (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
        (b"\x7fELF", "a program"),
        (b"{\\rtf", "a rich-text document"),
        (b"PAR1", "a Parquet file"),
    ];
    if let Some((_, what)) = SIGNATURES.iter().find(|(signature, _)| head.starts_with(signature)) {
        return Err(unknown(what));
    }
    if head.starts_with(&[0x1f, 0x8b]) {
        return Ok(Kind::Gzip);
    }
    if head.starts_with(b"PK\x03\x04") {
        return Ok(Kind::Workbook);
    }
    if decode::utf_16(head).is_none()
        && encoding_rs::Encoding::for_bom(head).is_none()
        && head.contains(&0)
    {
        return Err(unknown("binary data"));
    }
    let start = String::from_utf8_lossy(&head[..head.len().min(512)]).to_lowercase();
    let start = start.trim_start_matches('\u{feff}').trim_start();
    let tags = ["<!doctype html", "<html", "<table", "<head", "<meta"];
    if tags.iter().any(|tag| start.starts_with(tag)) {
        return Err(unknown("a web page (HTML)"));
    }
    if start.starts_with("<?xml") {
        return Err(unknown("an XML document"));
    }
    if start.starts_with('{')
        || (start.starts_with('[') && start[1..].trim_start().starts_with(['{', ']']))
    {
        return Ok(Kind::Json);
    }
    Ok(Kind::Text)
}

fn peek(input: &mut dyn Read) -> Result<Vec<u8>> {
    let mut head = vec![0; HEAD];
    let length = fill(input, &mut head).map_err(|e| Error::io("cannot read the file", e))?;
    head.truncate(length);
    Ok(head)
}

fn fill(input: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match input.read(&mut buffer[length..])? {
            0 => break,
            n => length += n,
        }
    }
    Ok(length)
}

/// A stream that fails after a number of bytes.
struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(out)?;
        self.left = self.left.checked_sub(length as u64).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, "is larger than what is read of such a file")
        })?;
        Ok(length)
    }
}

fn read_workbook(mut input: impl Read, sheet: Option<&str>, tick: Tick<'_>) -> Result<Spool> {
    let mut packed = SpooledTempFile::new(super::spool::IN_MEMORY);
    let length = io::copy(&mut (&mut input).take(MAX_WORKBOOK + 1), &mut packed)
        .map_err(|e| Error::io("cannot read the file", e))?;
    if length > MAX_WORKBOOK {
        return Err(Error::invalid(
            "file",
            format!("is a workbook of more than {} MiB", MAX_WORKBOOK >> 20),
        ));
    }
    check_archive(&mut packed, tick)?;
    let rewound = packed.seek(SeekFrom::Start(0));
    rewound.map_err(|e| Error::io("cannot read the workbook", e))?;
    let mut workbook: Xlsx<_> = Xlsx::new(BufReader::new(packed)).map_err(|e| broken_archive(&e))?;
    let names = workbook.sheet_names();
    let visible: Vec<String> = workbook
        .sheets_metadata()
        .iter()
        .filter(|sheet| sheet.visible == SheetVisible::Visible)
        .map(|sheet| sheet.name.clone())
        .collect();
    let name = match sheet {
        None => visible
            .first()
            .cloned()
            .ok_or_else(|| Error::invalid("file", "is a workbook without sheets"))?,
        Some(wanted) => {
            names.iter().find(|name| name.eq_ignore_ascii_case(wanted)).cloned().ok_or_else(|| {
                Error::invalid(
                    "sheet",
                    format!("no sheet is called {wanted}; there are {}", names.join(", ")),
                )
            })?
        }
    };
    let mut spool = copy_sheet(&mut workbook, &name, tick)?;
    spool.unread_sheets = visible.into_iter().filter(|other| sheet.is_none() && *other != name).collect();
    Ok(spool)
}

fn broken_archive(error: &dyn std::fmt::Display) -> Error {
    Error::invalid("file", format!("is a damaged workbook: {error}"))
}

/// Unpacks every part of a workbook once and drops it: the sizes that an archive states of itself
/// may be lies.
fn check_archive(packed: &mut SpooledTempFile, tick: Tick<'_>) -> Result<()> {
    let mut archive = zip::ZipArchive::new(&mut *packed).map_err(|e| broken_archive(&e))?;
    if archive.index_for_name("xl/workbook.xml").is_none() {
        let what = match archive.index_for_name("content.xml") {
            Some(_) => "an OpenDocument file",
            None => "a ZIP archive without an XLSX workbook",
        };
        return Err(unknown(what));
    }
    let mut left = MAX_UNPACKED;
    for at in 0..archive.len() {
        let mut part = archive.by_index(at).map_err(|e| broken_archive(&e))?;
        let name = part.name().map_err(|e| broken_archive(&e))?.to_ascii_lowercase();
        let is_xml = std::path::Path::new(&name).extension().is_some_and(|extension| extension == "xml");
        let shared = name.ends_with("sharedstrings.xml");
        let bound = if shared { MAX_SHARED_STRINGS.min(left) } else { left };
        let mut sink = PartSink { bytes: 0, head: Vec::new(), text: 0, is_xml, tick };
        io::copy(&mut (&mut part).take(bound + 1), &mut sink).map_err(|e| match tick(u64::MAX) {
            Err(cancelled) => cancelled,
            Ok(()) => broken_archive(&e),
        })?;
        if sink.bytes > bound {
            return Err(Error::invalid("file", "is a workbook that unpacks to more than is read"));
        }
        if shared && stated_strings(&sink.head).is_none_or(|strings| strings > sink.bytes / 4 + 1) {
            return Err(broken_archive(&"its table of texts states more of them than it holds"));
        }
        left -= sink.bytes;
    }
    Ok(())
}

/// Returns the number of texts that a table states it has, for which memory is reserved; 0 where it
/// states none.
fn stated_strings(head: &[u8]) -> Option<u64> {
    let head = String::from_utf8_lossy(head);
    let start = head.find("<sst")?;
    let tag = &head[start..start + head[start..].find('>')?];
    match tag.split_once("uniqueCount=") {
        None => Some(0),
        Some((_, value)) => value.trim_start_matches(['"', '\'']).split(['"', '\'']).next()?.parse().ok(),
    }
}

/// A sink that measures a part of a workbook, and that a cancelled import stops.
struct PartSink<'a> {
    bytes: u64,
    /// Its beginning.
    head: Vec<u8>,
    /// Bytes since the last tag: a text is kept in memory whole.
    text: usize,
    is_xml: bool,
    tick: Tick<'a>,
}

impl Write for PartSink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes += bytes.len() as u64;
        let missing = (64usize << 10).saturating_sub(self.head.len());
        self.head.extend_from_slice(&bytes[..bytes.len().min(missing)]);
        if self.is_xml {
            let mut pieces = bytes.split(|b| *b == b'<');
            self.text += pieces.next().map_or(0, <[u8]>::len);
            for piece in pieces {
                if self.text > MAX_LINE {
                    break;
                }
                self.text = piece.len();
            }
            if self.text > MAX_LINE {
                return Err(io::Error::other("a cell is longer than 1 MiB"));
            }
        }
        (self.tick)(self.bytes / 64).map_err(|e| io::Error::other(e.to_string()))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn copy_sheet(
    workbook: &mut Xlsx<BufReader<SpooledTempFile>>,
    name: &str,
    tick: Tick<'_>,
) -> Result<Spool> {
    let mut cells = workbook.worksheet_cells_reader(name).map_err(|e| broken_archive(&e))?;
    let mut rows = super::spool::RowWriter::new();
    let (mut at, mut row) = (0, Vec::new());
    while let Some(cell) = cells.next_cell().map_err(|e| broken_archive(&e))? {
        let (line, column) = cell.get_position();
        if column as usize >= MAX_COLUMNS {
            return Err(Error::invalid("file", format!("has more than {MAX_COLUMNS} columns")));
        }
        if u64::from(line) != at {
            rows.write(at + 1, &row)?;
            row.clear();
            at = u64::from(line);
            tick(at)?;
        }
        row.resize(row.len().max(column as usize + 1), String::new());
        row[column as usize] = cell_text(cell.get_value());
    }
    rows.write(at + 1, &row)?;
    rows.finish()
}

/// Returns a cell as text. A number of more than 15 digits has lost the others (IEEE 754): it is
/// written so that an identifier made of it is refused.
fn cell_text(value: &DataRef<'_>) -> String {
    match value {
        DataRef::Int(number) => number_text(*number as f64),
        DataRef::Float(number) => number_text(*number),
        DataRef::String(text) => text.clone(),
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::Bool(flag) => if *flag { "yes" } else { "no" }.to_owned(),
        DataRef::DateTime(stamp) if stamp.is_duration() => number_text(stamp.as_f64()),
        DataRef::DateTime(stamp) => {
            let (year, month, day, hour, minute, second, milli) = stamp.to_ymd_hms_milli();
            if (hour, minute, second, milli) == (0, 0, 0, 0) {
                return format!("{year:04}-{month:02}-{day:02}");
            }
            format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
        }
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.clone(),
        DataRef::Error(error) => error.to_string(),
        DataRef::Empty => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_not_read_are_named() {
        let name = |head: &[u8]| recognize(head).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(name(b"%PDF-1.7").contains("a PDF document"));
        assert!(name(b"\xd0\xcf\x11\xe0\xa1\xb1").contains(".xls"));
        assert!(name(b"<html><body><table>").contains("web page"));
        assert!(name(&[0; 64]).contains("binary data"));
        assert!(name(b"ICCID,Status\n").is_empty());
        assert!(name(b"I\0C\0C\0I\0D\0\n\0").is_empty());
    }

    #[test]
    fn number_cells_keep_their_digits_or_say_that_they_have_lost_them() {
        assert_eq!(number_text(901_280_000_000_000.0), "901280000000000");
        assert_eq!(number_text(8_944_110_068_000_000_013.0), "8.944110068000000E18");
        assert_eq!((number_text(12.5), number_text(1.234)), ("12.5".into(), "1.2340".into()));
    }
}
