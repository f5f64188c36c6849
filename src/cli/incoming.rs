//! What every command that reads a file shares: which column is what, the notes about rows, their report.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use estate::text::defuse;
use estate::units::count;
use estate::{ImportOptions, Note};

use super::output::Work;
use super::{Context, Outcome};
use crate::failure::{Exit, Failure};

/// How a file is read.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Reading {
    /// What a column is: header=field. Can be repeated.
    #[arg(long, value_name = "HEADER=FIELD")]
    map: Vec<String>,
    /// The delimiter, when it is not found out rightly.
    #[arg(long, value_name = "C")]
    delimiter: Option<String>,
    /// The encoding, when it is not UTF-8: latin1, windows-1252, utf-16le …
    #[arg(long, value_name = "E")]
    encoding: Option<String>,
    /// Read and judge everything, change nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Write every refused or doubtful row to a CSV file.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Accepted for scripts: an import does not ask.
    #[arg(long, short)]
    yes: bool,
}

impl Reading {
    pub fn options(&self) -> Result<ImportOptions, Failure> {
        let map = self.map.iter().map(|pair| {
            let (header, field) = pair
                .rsplit_once('=')
                .ok_or_else(|| Failure::Usage(format!("--map {pair}: expected header=field")))?;
            Ok((header.to_owned(), field.to_owned()))
        });
        let delimiter = match self.delimiter.as_deref() {
            None => None,
            Some("\\t" | "tab") => Some(b'\t'),
            Some(one) if one.len() == 1 && one.is_ascii() => Some(one.as_bytes()[0]),
            Some(other) => {
                return Err(Failure::Usage(format!("--delimiter {other}: expected one ASCII character")));
            }
        };
        let map = map.collect::<Result<_, Failure>>()?;
        Ok(ImportOptions { map, delimiter, encoding: self.encoding.clone(), ..ImportOptions::default() })
    }

    /// What hears the notes about all files.
    fn hearer<'a>(&self, context: &'a Context) -> Result<Hearer<'a>, Failure> {
        let report = self.report.as_deref().map(Report::create).transpose()?;
        Ok(Hearer { context, report, shown: 0, failed: None })
    }
}

/// Reads one file after the other; `one` tells how many rows of it were refused.
pub fn each(
    context: &Context,
    reading: &Reading,
    files: &[PathBuf],
    work: &Work,
    mut one: impl FnMut(&Path, &mut Hearer<'_>) -> Result<u64, Failure>,
) -> Outcome {
    let mut hearer = reading.hearer(context)?;
    let mut exit = Exit::Done;
    for file in files {
        let refused = one(file, &mut hearer);
        work.end();
        if refused? > 0 {
            exit = Exit::Partly;
        }
    }
    hearer.finish()?;
    Ok(exit)
}

/// Opens a file; - is standard input.
pub fn open(file: &Path) -> Result<Box<dyn Read + Send>, Failure> {
    if file.to_str() == Some("-") {
        return Ok(Box::new(std::io::stdin()));
    }
    let opened = File::open(file).map_err(|e| Failure::io(format!("cannot open {}", file.display()), e))?;
    Ok(Box::new(opened))
}

/// Notes printed before the rest is only counted.
const SHOWN: usize = 20;

/// Prints the first notes of each file and writes all of them to the report.
pub struct Hearer<'a> {
    context: &'a Context,
    report: Option<Report>,
    shown: usize,
    failed: Option<Failure>,
}

impl Hearer<'_> {
    pub fn hear(&mut self, file: &Path, note: &Note) {
        if let Some(Err(error)) = self.report.as_mut().map(|r| r.add(file, note)) {
            self.failed.get_or_insert(error);
        }
        self.shown += 1;
        if self.shown <= SHOWN {
            self.context.say(sentence(note));
        }
    }

    /// The end of one file.
    pub fn end_file(&mut self) -> Result<(), Failure> {
        self.failed.take().map_or(Ok(()), Err)?;
        if self.shown > SHOWN {
            let more = count((self.shown - SHOWN) as u64);
            self.context.say(format!("… and {more} more; --report FILE lists them all"));
        }
        self.shown = 0;
        Ok(())
    }

    fn finish(self) -> Result<(), Failure> {
        self.report.map_or(Ok(()), Report::finish)
    }
}

fn sentence(note: &Note) -> String {
    let verdict = if note.refused { "refused" } else { "warning" };
    let column = if note.column.is_empty() { String::new() } else { format!(" {}", note.column) };
    let value = if note.value.is_empty() { String::new() } else { format!(" \"{}\"", note.value) };
    format!("line {}: {verdict}:{column}{value} {}", note.line, note.reason)
}

/// The file of refused and doubtful rows.
struct Report(csv::Writer<File>);

impl Report {
    fn create(path: &Path) -> Result<Self, Failure> {
        let broken = |e| Failure::io(format!("cannot write {}", path.display()), e);
        let file = crate::files::private_file(path).map_err(broken)?;
        let mut writer = csv::Writer::from_writer(file);
        writer.write_record(["file", "line", "verdict", "column", "value", "reason"]).map_err(io)?;
        Ok(Self(writer))
    }

    fn add(&mut self, file: &Path, note: &Note) -> Result<(), Failure> {
        let verdict = if note.refused { "refused" } else { "warning" };
        let (file, line) = (file.display().to_string(), note.line.to_string());
        let value = defuse(&note.value);
        self.0.write_record([&file, &line, verdict, &note.column, &value, &note.reason]).map_err(io)
    }

    fn finish(mut self) -> Result<(), Failure> {
        self.0.flush().map_err(|e| Failure::io("cannot write the report", e))
    }
}

fn io(error: csv::Error) -> Failure {
    Failure::io("cannot write the report", error.into())
}
