//! What every command that reads a file shares: which column is what, the notes about rows, their
//! report.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use estate::moment::DateOrder;
use estate::number::DecimalMark;
use estate::number::count;
use estate::portals::Holds;
use estate::text::{clean, defuse};
use estate::{Error, ImportOptions, Kind, Note};

use super::output::{Work, check_written};
use super::{Context, Outcome};
use crate::config::own_portals;
use crate::failure::{Exit, Failure};
use crate::files::{Existing, OutputFile, path_parser};

/// Options that say how a file is read.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Reading {
    /// Field of a column: HEADER=FIELD, HEADER=used:MB with a unit, HEADER=-used to subtract. Can
    /// be repeated
    #[arg(long, value_name = "HEADER=FIELD", help_heading = READING)]
    map: Vec<String>,
    /// A column that is known to be of no use. Can be repeated
    #[arg(long, value_name = "HEADER", help_heading = READING)]
    ignore: Vec<String>,
    /// The file holds no status: every SIM is active
    #[arg(long, help_heading = READING)]
    no_status: bool,
    /// Meaning of a status word: WORD=STATUS, for example 'Active.Live=active'. Can be repeated
    #[arg(long, value_name = "WORD=STATUS", help_heading = READING)]
    map_status: Vec<String>,
    /// Order of day and month, where a column does not settle it
    #[arg(long, value_name = "ORDER", help_heading = READING)]
    dates: Option<Dates>,
    /// Decimal mark, where a column does not settle it: . or ,
    #[arg(long, value_name = "MARK", help_heading = READING)]
    decimal: Option<String>,
    /// The portal that wrote the file (see simdeck portals), instead of the one recognised; none
    /// for no portal
    #[arg(long, value_name = "NAME", help_heading = READING)]
    portal: Option<String>,
    /// The delimiter, instead of the one recognised
    #[arg(long, value_name = "C", help_heading = READING)]
    delimiter: Option<String>,
    /// Read " as a character like any other
    #[arg(long, help_heading = READING)]
    no_quotes: bool,
    /// Line of the header, instead of the one recognised
    #[arg(long, value_name = "N", help_heading = READING, value_parser = clap::value_parser!(u64).range(1..))]
    header_line: Option<u64>,
    /// Sheet of a workbook, instead of the first one
    #[arg(long, value_name = "NAME", help_heading = READING)]
    sheet: Option<String>,
    /// Encoding, where it is not UTF-8 or UTF-16: latin1, windows-1252 …
    #[arg(long, value_name = "E", help_heading = READING)]
    encoding: Option<String>,
    /// Print how every column is understood, as a portal file to start from, and read nothing
    #[arg(long)]
    pub explain: bool,
    /// Read and check everything, change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Write every note about a row to a new CSV file; - is standard output
    #[arg(long, value_name = "FILE", value_parser = path_parser())]
    report: Option<PathBuf>,
    /// Replace the file of --report if it exists
    #[arg(long, requires = "report")]
    force: bool,
    /// Accepted for scripts: an import does not ask
    #[arg(long, short)]
    yes: bool,
}

/// Heading of the options in the help.
const READING: &str = "How the file is read";

/// Order of day and month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Dates {
    /// Day first: 31/12/2026
    Dmy,
    /// Month first: 12/31/2026
    Mdy,
}

impl Reading {
    /// Returns the options with the portal files of the configuration folder.
    pub fn options(&self) -> Result<ImportOptions, Failure> {
        let delimiter = match self.delimiter.as_deref() {
            None => None,
            Some("\\t" | "tab") => Some(b'\t'),
            Some(one) if one.len() == 1 && one.is_ascii() => Some(one.as_bytes()[0]),
            Some(other) => {
                return Err(Failure::Usage(format!("--delimiter {other}: expected one ASCII character")));
            }
        };
        let decimal = match self.decimal.as_deref() {
            None => None,
            Some(".") => Some(DecimalMark::Point),
            Some(",") => Some(DecimalMark::Comma),
            Some(other) => return Err(Failure::Usage(format!("--decimal {other}: expected . or ,"))),
        };
        Ok(ImportOptions {
            map: split_pairs("--map", &self.map)?,
            ignore: self.ignore.clone(),
            no_status: self.no_status,
            map_status: split_pairs("--map-status", &self.map_status)?,
            dates: self.dates.map(|order| match order {
                Dates::Dmy => DateOrder::Dmy,
                Dates::Mdy => DateOrder::Mdy,
            }),
            decimal,
            delimiter,
            no_quotes: self.no_quotes,
            header_line: self.header_line,
            encoding: self.encoding.clone(),
            sheet: self.sheet.clone(),
            portal: self.portal.clone(),
            portals: own_portals()?,
            ..ImportOptions::default()
        })
    }

    fn reporter<'a>(&self, context: &'a Context, files: &[PathBuf]) -> Result<NoteReporter<'a>, Failure> {
        let protected = context.protected_files(files)?;
        let existing = Existing::with_force(self.force);
        let create = |path: &Path| -> Result<Report, Failure> {
            Report::create(OutputFile::create_or_stdout(path, existing, &protected)?)
        };
        let report = self.report.as_deref().map(create).transpose()?;
        Ok(NoteReporter { context, report, groups: Vec::new(), places: HashMap::new(), failed: None })
    }
}

/// Splits `left=right` at the last `=`.
fn split_pairs(option: &str, pairs: &[String]) -> Result<Vec<(String, String)>, Failure> {
    let split = |pair: &String| {
        let (left, right) =
            pair.rsplit_once('=').filter(|(left, _)| !left.is_empty()).ok_or_else(|| {
                Failure::Usage(format!(
                    "{option} {}: expected two parts with = between them",
                    clean(pair)
                ))
            })?;
        Ok((left.to_owned(), right.to_owned()))
    };
    pairs.iter().map(split).collect()
}

/// Prints how files are understood. A file that cannot be read does not keep the others from being
/// explained.
pub fn explain_all(
    context: &Context,
    files: &[PathBuf],
    options: &ImportOptions,
    holds: Holds,
) -> Outcome {
    let mut exit = Exit::Done;
    for file in files {
        let shown = file.display().to_string();
        let explained = context.open_input(file).and_then(|input| {
            estate::explain(&shown, input, options, holds).map_err(|error| in_file(file, error.into()))
        });
        match explained {
            Ok(text) => check_written(std::io::stdout().lock().write_all(text.as_bytes()))?,
            Err(error) if files.len() == 1 => return Err(error),
            Err(error) => {
                let _ = write!(std::io::stderr(), "{}", error.report());
                exit = error.exit();
            }
        }
    }
    Ok(exit)
}

/// Reads one file after the other; `one` returns how many rows of it were refused. A file that
/// cannot be read does not keep the others from being read; its failure is the exit code.
pub fn each(
    context: &Context,
    reading: &Reading,
    files: &[PathBuf],
    work: &Work,
    mut one: impl FnMut(&Path, &mut NoteReporter<'_>) -> Result<u64, Failure>,
) -> Outcome {
    let mut reporter = reading.reporter(context, files)?;
    let (mut exit, mut failed) = (Exit::Done, None);
    for (at, file) in files.iter().enumerate() {
        let refused = one(file, &mut reporter);
        work.end();
        match refused.map_err(|error| in_file(file, error)) {
            Ok(0) => {}
            Ok(_) => exit = Exit::Partly,
            Err(error) if files.len() == 1 || !is_of_one_file(&error) => {
                // The files before this one are in: what was refused of them is not lost.
                if at > 0 {
                    reporter.finish()?;
                }
                return Err(error);
            }
            Err(error) => {
                reporter.end_file(file)?;
                let _ = write!(std::io::stderr(), "{}", error.report());
                failed.get_or_insert(error.exit());
                if at + 1 < files.len() {
                    context.say("The other files are still read.");
                }
            }
        }
    }
    reporter.finish()?;
    Ok(failed.unwrap_or(exit))
}

/// Names the file in a failure that does not name it.
fn in_file(file: &Path, failure: Failure) -> Failure {
    match failure {
        Failure::Estate(Error::Io { what, reason }) if what.contains(&*file.to_string_lossy()) => {
            Failure::io(what, std::io::Error::other(reason))
        }
        Failure::Estate(error) if matches!(error.kind(), Kind::Usage | Kind::Failed | Kind::Changed) => {
            Failure::File { file: file.display().to_string(), error }
        }
        other => other,
    }
}

/// True if a failure says nothing about other files.
fn is_of_one_file(failure: &Failure) -> bool {
    matches!(failure, Failure::File { .. } | Failure::Io { .. })
}

/// A count of a summary with its words.
pub struct Part {
    count: u64,
    words: [&'static str; 2],
    is_always_shown: bool,
}

impl Part {
    /// A count that is shown even if it is 0.
    pub fn always(count: u64, one: &'static str, many: &'static str) -> Self {
        Self { count, words: [one, many], is_always_shown: true }
    }

    /// A count that is left out if it is 0.
    pub fn some(count: u64, one: &'static str, many: &'static str) -> Self {
        Self { count, words: [one, many], is_always_shown: false }
    }
}

/// Joins the counts of a summary: "1,204 added, 1 account made".
pub fn join_parts(parts: &[Part]) -> String {
    let shown = parts.iter().filter(|part| part.count > 0 || part.is_always_shown);
    let words =
        shown.map(|part| format!("{} {}", count(part.count), part.words[usize::from(part.count != 1)]));
    words.collect::<Vec<_>>().join(", ")
}

/// Rows quoted of each reason; the rest is counted.
const QUOTED: usize = 3;
/// Reasons printed for each file.
const REASONS: usize = 20;

/// Notes with the same column and reason.
struct NoteGroup {
    first: Vec<Note>,
    notes: u64,
}

/// Prints the notes of each file, summarised by reason, and writes all of them to the report.
pub struct NoteReporter<'a> {
    context: &'a Context,
    report: Option<Report>,
    groups: Vec<NoteGroup>,
    places: HashMap<(bool, String, String), usize>,
    failed: Option<Failure>,
}

impl NoteReporter<'_> {
    /// Takes one note.
    pub fn add(&mut self, file: &Path, note: Note) {
        if let Some(Err(error)) = self.report.as_mut().map(|r| r.add(file, &note)) {
            self.failed.get_or_insert(error);
        }
        let key = (note.refused, note.column.clone(), generalize(&note.reason));
        let at = *self.places.entry(key).or_insert_with(|| {
            self.groups.push(NoteGroup { first: Vec::new(), notes: 0 });
            self.groups.len() - 1
        });
        let group = &mut self.groups[at];
        group.notes += 1;
        if group.first.len() < QUOTED {
            group.first.push(note);
        }
    }

    /// Prints the notes of one file.
    pub fn end_file(&mut self, file: &Path) -> Result<(), Failure> {
        let groups = std::mem::take(&mut self.groups);
        self.places.clear();
        self.failed.take().map_or(Ok(()), Err)?;
        for group in groups.iter().take(REASONS) {
            for sentence in sentences(group) {
                self.context.say(format!("{}: {sentence}", clean(&file.display().to_string())));
            }
        }
        let rest: u64 = groups.iter().skip(REASONS).map(|group| group.notes).sum();
        let listed = groups.iter().all(|group| group.notes <= QUOTED as u64) && rest == 0;
        if rest > 0 {
            self.context.say(format!("… and {} more", count(rest)));
        }
        if !listed && self.report.is_none() {
            self.context.say("--report FILE lists every row");
        }
        Ok(())
    }

    fn finish(self) -> Result<(), Failure> {
        self.report.map_or(Ok(()), Report::finish)
    }
}

/// Returns a reason without its numbers: "is on line 7 already" is one reason for many rows. What
/// it quotes stays.
fn generalize(reason: &str) -> String {
    let (mut general, mut quoted) = (String::with_capacity(reason.len()), false);
    for c in reason.chars() {
        quoted ^= matches!(c, '\'' | '"');
        let digit = c.is_ascii_digit() && !quoted;
        if !(digit && general.ends_with('#')) {
            general.push(if digit { '#' } else { c });
        }
    }
    general
}

/// Returns one sentence for each note of a small group, or one for all of a large one.
fn sentences(group: &NoteGroup) -> Vec<String> {
    if group.notes <= QUOTED as u64 {
        return group.first.iter().map(sentence).collect();
    }
    let Some(first) = group.first.first() else { return Vec::new() };
    let lines: Vec<String> = group.first.iter().map(|note| count(note.line)).collect();
    let verdict = if first.refused { "refused" } else { "with a warning" };
    let rest = count(group.notes - group.first.len() as u64);
    let example = if first.value.is_empty() {
        String::new()
    } else {
        format!(", for example \"{}\"", clean(&first.value))
    };
    let column = column_of(first);
    vec![format!(
        "{} rows {verdict}: {column}{} (lines {} and {rest} more{example})",
        count(group.notes),
        clean(&first.reason),
        lines.join(", "),
    )]
}

fn sentence(note: &Note) -> String {
    let verdict = if note.refused { "refused" } else { "warning" };
    format!("line {}: {verdict}:{}", note.line, what(note))
}

fn column_of(note: &Note) -> String {
    if note.column.is_empty() { String::new() } else { format!("column \"{}\": ", clean(&note.column)) }
}

fn what(note: &Note) -> String {
    let value =
        if note.value.is_empty() { String::new() } else { format!("\"{}\" ", clean(&note.value)) };
    format!(" {}{value}{}", column_of(note), clean(&note.reason))
}

/// The file of refused and doubtful rows.
struct Report {
    file: OutputFile,
    writer: csv::Writer<Box<dyn Write + Send>>,
}

impl Report {
    fn create(file: OutputFile) -> Result<Self, Failure> {
        let mut writer = csv::Writer::from_writer(file.writer()?);
        writer.write_record(["file", "line", "verdict", "column", "value", "reason"]).map_err(io)?;
        Ok(Self { file, writer })
    }

    fn add(&mut self, file: &Path, note: &Note) -> Result<(), Failure> {
        let verdict = if note.refused { "refused" } else { "warning" };
        let (file, line) = (file.display().to_string(), note.line.to_string());
        let cells = [&file, &line, verdict, &note.column, &note.value, &note.reason];
        self.writer.write_record(cells.map(|cell| defuse(&clean(cell)).into_owned())).map_err(io)
    }

    fn finish(mut self) -> Result<(), Failure> {
        self.writer.flush().map_err(|e| Failure::io("cannot write the report", e))?;
        drop(self.writer);
        Ok(self.file.finish()?)
    }
}

fn io(error: csv::Error) -> Failure {
    Failure::io("cannot write the report", error.into())
}
