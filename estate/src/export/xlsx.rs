//! SIMs as an Excel workbook (Office Open XML): identifiers and text as text, sizes as numbers,
//! times as dates in UTC.
//!
//! Rows go to temporary files as they come, so memory stays flat; the workbook is put together when
//! it is saved.

use std::io::{self, Write};
use std::path::Path;

use rust_xlsxwriter::{ExcelDateTime, Format, Workbook, Worksheet, XlsxError};

use super::fields::{FieldKind, FieldValue, SimField};
use super::lists::join_list;
use crate::account::Accounts;
use crate::error::{Error, Result};
use crate::sim::Sim;

/// The most rows of a sheet below its header; further SIMs go to further sheets.
const SHEET_ROWS: u32 = 1_048_575;
/// The most bytes of rows that a file inside a plain ZIP archive may have, with half as reserve:
/// above that ZIP64 is used.
const PLAIN_ZIP_MAX: u64 = 2 << 30;
/// About as many bytes of XML surround each cell.
const CELL_OVERHEAD: u64 = 64;

/// A workbook being written.
pub(super) struct SimWorkbook {
    book: Workbook,
    sheet: Worksheet,
    sheets: u32,
    /// Rows of the current sheet, its header included.
    rows: u32,
    sheet_rows: u32,
    /// An upper bound of the bytes of the current sheet.
    sheet_bytes: u64,
    text: Format,
    time: Format,
}

impl SimWorkbook {
    /// Starts a workbook whose temporary files are in `folder`.
    pub fn new(fields: &[&'static SimField], folder: &Path) -> Result<Self> {
        Self::with_sheet_rows(fields, folder, SHEET_ROWS)
    }

    fn with_sheet_rows(fields: &[&'static SimField], folder: &Path, sheet_rows: u32) -> Result<Self> {
        let mut book = Workbook::new();
        book.set_tempdir(folder).map_err(xlsx_error)?;
        let sheet = new_sheet(&mut book, fields, 1)?;
        // The text format keeps a cell text when it is edited in place.
        let text = Format::new().set_num_format("@");
        let time = Format::new().set_num_format("yyyy-mm-dd hh:mm:ss");
        Ok(Self { book, sheet, sheets: 1, rows: 1, sheet_rows, sheet_bytes: 0, text, time })
    }

    /// Writes one SIM; begins another sheet when the current one is full.
    ///
    /// Errors: `Invalid` names the SIM and the field whose text is longer than a cell takes.
    pub fn write(&mut self, fields: &[&'static SimField], sim: &Sim, accounts: &Accounts) -> Result<()> {
        if self.rows > self.sheet_rows {
            self.sheets += 1;
            let next = new_sheet(&mut self.book, fields, self.sheets)?;
            self.book.push_worksheet(std::mem::replace(&mut self.sheet, next));
            (self.rows, self.sheet_bytes) = (1, 0);
        }
        for (column, field) in (0..).zip(fields) {
            self.write_cell(column, field, field.value(sim, accounts)).map_err(|error| match error {
                XlsxError::MaxStringLengthExceeded => Error::invalid(
                    field.name,
                    format!(
                        "of SIM {} is longer than the 32,767 characters of a workbook's cell; export as CSV, or leave \
                         the column out",
                        sim.iccid
                    ),
                ),
                other => xlsx_error(other),
            })?;
        }
        self.rows += 1;
        Ok(())
    }

    fn write_cell(
        &mut self,
        column: u16,
        field: &SimField,
        value: FieldValue<'_>,
    ) -> std::result::Result<(), XlsxError> {
        let row = self.rows;
        match value {
            FieldValue::Absent => {}
            FieldValue::Text(word) if field.kind == FieldKind::Word => {
                self.sheet.write_string(row, column, word)?;
            }
            FieldValue::Text(text) => self.write_text(column, text.into_owned())?,
            FieldValue::List(names) => self.write_text(column, join_list(names))?,
            FieldValue::Number(n) => {
                self.sheet.write_number(row, column, n as f64)?;
            }
            FieldValue::Hundredths(n) => {
                self.sheet.write_number(row, column, n as f64 / 100.0)?;
            }
            FieldValue::Flag(flag) => {
                self.sheet.write_string(row, column, if flag { "yes" } else { "no" })?;
            }
            FieldValue::Time(time) => match ExcelDateTime::from_timestamp(time.0) {
                Ok(date) => {
                    self.sheet.write_datetime_with_format(row, column, date, &self.time)?;
                }
                // A spreadsheet has no dates before 1900 or after 9999.
                Err(_) => self.write_text(column, time.to_string())?,
            },
        }
        self.sheet_bytes += CELL_OVERHEAD;
        Ok(())
    }

    /// Writes text as text: it never becomes a number, a formula or a link.
    fn write_text(&mut self, column: u16, text: String) -> std::result::Result<(), XlsxError> {
        if text.is_empty() {
            return Ok(());
        }
        // Escaped, a character takes up to seven bytes.
        self.sheet_bytes += 7 * text.len() as u64;
        if self.sheet_bytes > PLAIN_ZIP_MAX {
            self.book.use_zip_large_file(true);
        }
        self.sheet.write_string_with_format(self.rows, column, text, &self.text)?;
        Ok(())
    }

    /// Puts the workbook together and writes it to `out`.
    pub fn save(mut self, out: impl Write + Send) -> Result<()> {
        self.book.push_worksheet(self.sheet);
        let mut out = FirstError { out, error: None };
        self.book.save_to_writer(&mut out).map_err(xlsx_error)?;
        out.error.map_or(Ok(()), |error| Err(xlsx_error(XlsxError::IoError(error))))
    }
}

/// A writer that keeps its first error and drops what follows: the ZIP writer prints errors to
/// standard error, where a screen may be.
struct FirstError<W> {
    out: W,
    error: Option<io::Error>,
}

impl<W: Write> FirstError<W> {
    fn keep<T>(&mut self, result: io::Result<T>, otherwise: T) -> io::Result<T> {
        match result {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                self.error = Some(error);
                Ok(otherwise)
            }
            result => result,
        }
    }
}

impl<W: Write> Write for FirstError<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.error.is_some() {
            return Ok(bytes.len());
        }
        let written = match self.out.write(bytes) {
            Ok(0) if !bytes.is_empty() => Err(io::ErrorKind::WriteZero.into()),
            other => other,
        };
        self.keep(written, bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.error.is_some() {
            return Ok(());
        }
        let flushed = self.out.flush();
        self.keep(flushed, ())
    }
}

/// Starts sheet `n`, with the header in its first row.
fn new_sheet(book: &mut Workbook, fields: &[&'static SimField], n: u32) -> Result<Worksheet> {
    let fill = |sheet: &mut Worksheet| {
        sheet.set_name(if n == 1 { "SIMs".to_owned() } else { format!("SIMs {n}") })?;
        sheet.set_freeze_panes(1, 0)?;
        let bold = Format::new().set_bold();
        for (column, field) in (0..).zip(fields) {
            sheet.set_column_width(column, column_width(field))?;
            sheet.write_string_with_format(0, column, field.name, &bold)?;
        }
        Ok(())
    };
    let mut sheet = book.new_worksheet_with_constant_memory().map_err(xlsx_error)?;
    fill(&mut sheet).map_err(xlsx_error)?;
    Ok(sheet)
}

/// The width of a column, in characters: room for usual values, and for the header.
fn column_width(field: &SimField) -> f64 {
    let values = match (field.kind, field.name) {
        (_, "eid") => 34,
        (_, "account_path" | "notes") => 40,
        (FieldKind::Identifier, _) => 22,
        (FieldKind::Time, _) => 20,
        (FieldKind::Text | FieldKind::List, _) => 24,
        (FieldKind::Size, _) => 15,
        (FieldKind::Word, _) => 12,
        (FieldKind::Flag | FieldKind::Number, _) => 8,
    };
    f64::from(values.max(field.name.len() as u32 + 2))
}

fn xlsx_error(error: XlsxError) -> Error {
    match error {
        XlsxError::IoError(error) => Error::io("cannot write the export", error),
        other => Error::io("cannot write the export", io::Error::other(other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use calamine::{Data, Reader, Xlsx};

    use super::*;
    use crate::export::columns;
    use crate::ids::SimId;
    use crate::units::Time;

    fn sim() -> Sim {
        serde_json::from_str(include_str!("../../../tests/data/one-sim.json")).expect("a SIM")
    }

    fn fields(names: &str) -> Vec<&'static SimField> {
        columns(&names.split(' ').map(str::to_owned).collect::<Vec<_>>()).expect("columns")
    }

    fn workbook(
        fields: &[&'static SimField],
        sheet_rows: u32,
        sims: &[Sim],
    ) -> Xlsx<io::Cursor<Vec<u8>>> {
        let accounts = Accounts::of(Vec::new(), false);
        let mut book =
            SimWorkbook::with_sheet_rows(fields, &std::env::temp_dir(), sheet_rows).expect("begun");
        for sim in sims {
            book.write(fields, sim, &accounts).expect("written");
        }
        let mut bytes = Vec::new();
        book.save(&mut bytes).expect("saved");
        Xlsx::new(io::Cursor::new(bytes)).expect("a workbook")
    }

    #[test]
    fn a_full_sheet_is_followed_by_another_with_its_own_header() {
        let sims: Vec<Sim> = (1..=7).map(|id| Sim { id: SimId(id), ..sim() }).collect();
        let mut book = workbook(&fields("id iccid"), 3, &sims);
        assert_eq!(book.sheet_names(), ["SIMs", "SIMs 2", "SIMs 3"]);
        let rows = |book: &mut Xlsx<_>, name: &str| {
            let range = book.worksheet_range(name).expect("sheet");
            range.rows().map(|row| row[0].to_string()).collect::<Vec<_>>()
        };
        assert_eq!(rows(&mut book, "SIMs"), ["id", "1", "2", "3"]);
        assert_eq!(rows(&mut book, "SIMs 2"), ["id", "4", "5", "6"]);
        assert_eq!(rows(&mut book, "SIMs 3"), ["id", "7"]);
    }

    #[test]
    fn a_sheet_that_is_just_full_is_the_last_and_an_empty_one_has_a_header() {
        let sims = vec![sim(); 3];
        assert_eq!(workbook(&fields("id"), 3, &sims).sheet_names(), ["SIMs"]);
        let mut empty = workbook(&fields("id iccid"), 3, &[]);
        assert_eq!(empty.worksheet_range("SIMs").expect("sheet").get_size(), (1, 2));
    }

    #[test]
    fn hostile_text_stays_text() {
        let hostile = [
            "=1+1",
            "https://evil.example",
            "{=A1}",
            "0012",
            "1e5",
            "'=x",
            "_x0041_",
            "<b>&amp;\"",
            "two\nlines",
            "mailto:a@b.example",
        ];
        let sims = hostile.map(|label| Sim { label: label.to_owned(), ..sim() });
        let mut book = workbook(&fields("label"), 100, &sims);
        let range = book.worksheet_range("SIMs").expect("sheet");
        for (row, label) in range.rows().skip(1).zip(hostile) {
            assert_eq!(row[0], Data::String(label.to_owned()));
        }
        assert_eq!(book.worksheet_formula("SIMs").map_or(0, |range| range.used_cells().count()), 0);
    }

    #[test]
    fn values_are_of_their_kind() {
        let one = Sim {
            used: 8_425,
            cap: Some(10_000),
            hard_cap: true,
            last_seen: Some(Time(1_777_588_272)),
            activated: Some(Time(i64::from(i32::MAX) * 1_000)),
            tags: vec!["a;b".into(), "c".into()],
            ..sim()
        };
        let names = "iccid used cap used_pct hard_cap last_seen activated tags alert";
        let mut book = workbook(&fields(names), 100, &[one]);
        let range = book.worksheet_range("SIMs").expect("sheet");
        let row: Vec<Data> = range.rows().nth(1).expect("a row").to_vec();
        assert_eq!(row[0], Data::String("8900101000000000043".into()));
        assert_eq!(row[1..4], [Data::Float(8_425.0), Data::Float(10_000.0), Data::Float(84.25)]);
        assert_eq!(row[4], Data::String("yes".into()));
        let Data::DateTime(seen) = row[5] else { panic!("{:?}", row[5]) };
        let days = (1_777_588_272.0 / 86_400.0) + 25_569.0;
        assert!((seen.as_f64() - days).abs() < 1e-6, "{seen:?} {days}");
        assert!(
            matches!(row[6], Data::String(_)),
            "a date that a spreadsheet does not have: {:?}",
            row[6]
        );
        assert_eq!(row[7], Data::String(r"a\;b;c".into()));
        assert_eq!(row.get(8).unwrap_or(&Data::Empty), &Data::Empty);
    }

    #[test]
    fn a_writer_that_fails_is_an_error() {
        let fields = fields("iccid");
        let book = SimWorkbook::new(&fields, &std::env::temp_dir()).expect("begun");
        let mut small = [0; 20];
        assert!(matches!(book.save(&mut small[..]), Err(Error::Io { .. })));
    }

    #[test]
    fn text_that_no_cell_holds_is_an_error_that_names_the_sim() {
        let fields = fields("iccid notes");
        let mut book = SimWorkbook::new(&fields, &std::env::temp_dir()).expect("begun");
        let long = Sim { notes: "\u{1f600}".repeat(20_000), ..sim() };
        let error = book.write(&fields, &long, &Accounts::of(Vec::new(), false)).expect_err("too long");
        let Error::Invalid { field, reason } = error else { panic!("{error}") };
        assert!(field == "notes" && reason.contains("8900101000000000043"), "{field} {reason}");
    }
}
