//! `simdeck export`.

use std::io::{BufWriter, IsTerminal};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use estate::export::{CsvStyle, Exporter, Format, columns};
use estate::number::count;

use super::output::Work;
use super::select::{Select, Selected};
use super::{Context, Outcome, sims};
use crate::failure::{Exit, Failure};
use crate::files::{OutputFile, STREAM, path_parser};

/// Write the filtered SIMs to a file or to standard output, as a stream.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  simdeck export 'in:\"/Acme Ltd\"' --to acme.xlsx
  simdeck export --delimiter ';' --decimal , --to sims.csv")]
pub struct Args {
    #[command(flatten)]
    select: Select,
    /// The fields, separated by commas; all when not given.
    #[arg(long, value_name = "FIELDS", value_delimiter = ',')]
    columns: Vec<String>,
    /// The format; without it the ending of the file decides, and CSV is the default.
    #[arg(long, value_name = "FORMAT")]
    format: Option<FileFormat>,
    /// The delimiter of CSV: one character such as ; or the word tab [default: ,]
    #[arg(long, value_name = "C")]
    delimiter: Option<String>,
    /// The decimal mark of CSV: . or , [default: .]
    #[arg(long, value_name = "MARK")]
    decimal: Option<char>,
    /// The order: columns in turn, with :desc for largest first; by ICCID if not said.
    #[arg(long, value_name = "COLUMN[:desc],…")]
    sort: Option<String>,
    /// The new file, readable by you only; standard output without it, or with -.
    #[arg(long, value_name = "FILE", value_parser = path_parser())]
    to: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FileFormat {
    /// Delimiter-separated cells under a header
    Csv,
    /// One JSON object a line
    Ndjson,
    /// One JSON array
    Json,
    /// An Excel workbook; to a file or a pipe, never to a terminal
    Xlsx,
}

impl FileFormat {
    /// The format that the ending of a file name means.
    fn of_path(path: &Path) -> Option<Self> {
        Self::from_str(&path.extension()?.to_string_lossy(), true).ok()
    }
}

impl Args {
    /// The format with its options, checked before anything is read.
    fn format(&self) -> Result<Format, Failure> {
        let by_name = || self.to.as_deref().and_then(FileFormat::of_path);
        let format = self.format.or_else(by_name).unwrap_or(FileFormat::Csv);
        if format == FileFormat::Csv {
            return self.csv_style().map(Format::Csv);
        }
        for (option, given) in
            [("--delimiter", self.delimiter.is_some()), ("--decimal", self.decimal.is_some())]
        {
            if given {
                return Err(Failure::Usage(format!(
                    "{option} is an option of CSV; leave it out, or pass --format csv"
                )));
            }
        }
        Ok(match format {
            FileFormat::Ndjson => Format::Ndjson,
            FileFormat::Json => Format::Json,
            FileFormat::Csv | FileFormat::Xlsx => {
                let streamed = self.to.as_deref().is_none_or(|to| to == Path::new(STREAM));
                if streamed && std::io::stdout().is_terminal() {
                    let hint = "a workbook cannot be shown on a terminal; name a file: --to sims.xlsx";
                    return Err(Failure::Usage(hint.to_owned()));
                }
                Format::Xlsx
            }
        })
    }

    fn csv_style(&self) -> Result<CsvStyle, Failure> {
        let delimiter = match self.delimiter.as_deref() {
            None => ',',
            Some("tab" | "\\t") => '\t',
            Some(text) => text.parse().map_err(|_| {
                Failure::Usage(format!("--delimiter {text}: expected one character, or the word tab"))
            })?,
        };
        Ok(CsvStyle::new(delimiter, self.decimal.unwrap_or('.'))?)
    }
}

pub fn run(context: &Context, args: &Args) -> Outcome {
    let format = args.format()?;
    let columns = columns(&args.columns)?;
    let local = context.open()?;
    let protected = context.protected_files(args.select.input())?;
    let to = args.to.as_deref().unwrap_or(Path::new(STREAM));
    args.select.check_not_report(to)?;
    let file = OutputFile::create_or_stdout(to, args.select.existing(), &protected)?;
    let Selected { query, unknown } = args.select.read(context, local.as_ref(), args.sort.as_deref())?;
    let work = Work::begin(context);
    let temporary = temporary_folder(args.to.as_deref());
    let mut exporter =
        Exporter::with_temporary_files(BufWriter::new(file.writer()?), format, columns, &temporary)?;
    let exported = sims::export_to(local.as_ref(), &query, &mut exporter, &work);
    work.end();
    exported?;
    let written = exporter.finish()?;
    file.finish()?;
    context.say(format!("{} SIMs", count(written)));
    Ok(if unknown.is_empty() { Exit::Done } else { Exit::Partly })
}

/// Returns the folder for temporary files: that of the file, which has room for as much; the
/// system's for a stream or a device.
fn temporary_folder(to: Option<&Path>) -> PathBuf {
    let Some(path) = to.filter(|to| *to != Path::new(STREAM) && (!to.exists() || to.is_file())) else {
        return std::env::temp_dir();
    };
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).into()
}
