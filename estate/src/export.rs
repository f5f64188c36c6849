//! SIMs out: as CSV, NDJSON, JSON or an Excel workbook, one at a time, safe for spreadsheets.

mod fields;
mod lists;
mod xlsx;

use std::io::Write;
use std::path::Path;

pub use fields::{FIELDS, FieldKind, FieldValue, SimField, columns, default_fields, object};
pub use lists::{join_list, split_list};

use crate::account::Accounts;
use crate::error::{Error, Result};
use crate::sim::Sim;
use xlsx::SimWorkbook;

/// A file format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Delimiter-separated, with a header.
    Csv(CsvStyle),
    /// One JSON object a line.
    Ndjson,
    /// One JSON array.
    Json,
    /// An Excel workbook (Office Open XML).
    Xlsx,
}

impl Format {
    /// CSV with commas and decimal points.
    pub const CSV: Self = Self::Csv(CsvStyle::DEFAULT);
}

/// The characters of a CSV file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CsvStyle {
    delimiter: u8,
    decimal: char,
}

impl CsvStyle {
    /// A comma between cells, a point in numbers.
    pub const DEFAULT: Self = Self { delimiter: b',', decimal: '.' };

    /// Checks the delimiter, a tab or ASCII punctuation, and the decimal mark, `.` or `,`.
    pub fn new(delimiter: char, decimal: char) -> Result<Self> {
        let separates = delimiter == '\t'
            || (delimiter.is_ascii_punctuation() && !matches!(delimiter, '"' | '\'' | '_'));
        if !separates {
            return Err(Error::invalid(
                "delimiter",
                "must be one character such as ; or tab: no letter, digit, quote or underscore",
            ));
        }
        if !matches!(decimal, '.' | ',') {
            return Err(Error::invalid("decimal", "must be . or ,"));
        }
        if decimal == delimiter {
            let other = if decimal == ',' { ';' } else { ',' };
            return Err(Error::invalid(
                "decimal",
                format!("must differ from the delimiter; choose another delimiter such as {other}"),
            ));
        }
        Ok(Self { delimiter: delimiter as u8, decimal })
    }

    /// True if a cell must stand in quotes: identifiers, so that a spreadsheet keeps their digits,
    /// and any cell that would not read back without.
    fn quotes(self, kind: FieldKind, cell: &str) -> bool {
        let breaks = [self.delimiter as char, ',', ';', '\t', '|', '"', '\n', '\r'];
        !cell.is_empty()
            && (kind == FieldKind::Identifier || cell.contains(breaks) || cell.starts_with(['\'', ' ']))
    }
}

impl Default for CsvStyle {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Writes SIMs in a format, one at a time.
pub struct Exporter<W: Write + Send> {
    out: W,
    format: Format,
    fields: Vec<&'static SimField>,
    workbook: Option<SimWorkbook>,
    written: u64,
}

impl<W: Write + Send> Exporter<W> {
    /// Starts a file; the CSV header is written at once, a workbook only when it is finished.
    pub fn new(out: W, format: Format, fields: Vec<&'static SimField>) -> Result<Self> {
        Self::with_temporary_files(out, format, fields, &std::env::temp_dir())
    }

    /// Starts a file whose temporary files are in `folder`: a workbook's rows wait there until it
    /// is finished.
    pub fn with_temporary_files(
        mut out: W,
        format: Format,
        fields: Vec<&'static SimField>,
        folder: &Path,
    ) -> Result<Self> {
        let mut workbook = None;
        match format {
            Format::Csv(style) => write_header(&mut out, &fields, style).map_err(io_error)?,
            Format::Json => write!(out, "[").map_err(io_error)?,
            Format::Ndjson => {}
            Format::Xlsx => workbook = Some(SimWorkbook::new(&fields, folder)?),
        }
        Ok(Self { out, format, fields, workbook, written: 0 })
    }

    /// Writes one SIM.
    pub fn write(&mut self, sim: &Sim, accounts: &Accounts) -> Result<()> {
        match (self.format, &mut self.workbook) {
            (_, Some(workbook)) => workbook.write(&self.fields, sim, accounts)?,
            (Format::Csv(style), _) => self.write_row(style, sim, accounts).map_err(io_error)?,
            (Format::Json, _) => {
                let between = if self.written > 0 { ",\n " } else { "\n " };
                write!(self.out, "{between}{}", object(sim, accounts, &self.fields)).map_err(io_error)?;
            }
            _ => writeln!(self.out, "{}", object(sim, accounts, &self.fields)).map_err(io_error)?,
        }
        self.written += 1;
        Ok(())
    }

    fn write_row(&mut self, style: CsvStyle, sim: &Sim, accounts: &Accounts) -> std::io::Result<()> {
        for (i, field) in self.fields.iter().enumerate() {
            if i > 0 {
                self.out.write_all(&[style.delimiter])?;
            }
            let cell = field.cell(sim, accounts, style.decimal);
            if style.quotes(field.kind, &cell) {
                write!(self.out, "\"{}\"", cell.replace('"', "\"\""))?;
            } else {
                self.out.write_all(cell.as_bytes())?;
            }
        }
        self.out.write_all(b"\n")
    }

    /// Ends the file; returns how many SIMs it has.
    pub fn finish(mut self) -> Result<u64> {
        if self.format == Format::Json {
            write!(self.out, "\n]\n").map_err(io_error)?;
        }
        if let Some(workbook) = self.workbook {
            workbook.save(&mut self.out)?;
        }
        self.out.flush().map_err(io_error)?;
        Ok(self.written)
    }
}

fn write_header(
    out: &mut impl Write,
    fields: &[&'static SimField],
    style: CsvStyle,
) -> std::io::Result<()> {
    let names: Vec<&str> = fields.iter().map(|field| field.name).collect();
    writeln!(out, "{}", names.join(&char::from(style.delimiter).to_string()))
}

fn io_error(error: std::io::Error) -> Error {
    Error::io("cannot write the export", error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delimiters_and_decimal_marks_are_checked() {
        let field = |delimiter, decimal| match CsvStyle::new(delimiter, decimal) {
            Err(Error::Invalid { field, .. }) => field,
            other => panic!("{other:?}"),
        };
        for sound in [',', ';', '\t', '|', ':'] {
            assert!(CsvStyle::new(sound, '.').is_ok(), "{sound:?}");
        }
        for wrong in ['a', '1', '_', '"', '\'', ' ', '\n', '；'] {
            assert_eq!(field(wrong, '.'), "delimiter", "{wrong:?}");
        }
        assert_eq!(
            (field(';', '\''), field(',', ','), field('.', '.')),
            ("decimal", "decimal", "decimal")
        );
        assert_eq!(CsvStyle::new(',', '.'), Ok(CsvStyle::default()));
    }
}
