//! `simdeck import`.

use std::fs::File;
use std::io::{IsTerminal, Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use estate::text::defuse;
use estate::units::count;
use estate::{Change, ChangeId, Estate, ImportOptions, Local, Note, OnDuplicate, Progress, Tally};
use serde_json::json;

use super::output::{Work, plain, written};
use super::{Context, Outcome, Output};
use crate::failure::{Exit, Failure};

/// Bring SIMs in from CSV files, under your account.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Headers are recognised in our own spelling and the usual ones of other portals. Account paths in cells\n\
                        are split on \" / \". One file is one change: it comes in whole or not at all.\n\nExamples:\n  \
                        simdeck import sims.csv --dry-run\n  simdeck import portal.csv --map 'Card=iccid' --report refused.csv"
)]
pub struct Args {
    /// The files; - is standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The account that paths hang under, instead of your own.
    #[arg(long, value_name = "PATH")]
    under: Option<String>,
    /// What a column is: header=field. Can be repeated.
    #[arg(long, value_name = "HEADER=FIELD")]
    map: Vec<String>,
    /// The delimiter, when it is not found out rightly.
    #[arg(long, value_name = "C")]
    delimiter: Option<String>,
    /// The encoding, when it is not UTF-8: latin1, windows-1252, utf-16le …
    #[arg(long, value_name = "E")]
    encoding: Option<String>,
    /// What happens to ICCIDs that are known already.
    #[arg(long, value_name = "POLICY", default_value = "skip")]
    on_duplicate: Policy,
    /// Refuse rows whose account does not exist.
    #[arg(long)]
    no_create_accounts: bool,
    /// Read and judge everything, change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Write every refused or doubtful row to a CSV file.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Accepted for scripts: an import does not ask.
    #[arg(long, short)]
    yes: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Policy {
    /// The first stays; the same row again counts as unchanged.
    Skip,
    /// The row replaces what its columns say.
    Update,
    /// The whole import fails.
    Fail,
}

impl Args {
    /// One file, everything else as it is by default.
    pub fn of(file: PathBuf) -> Self {
        Self {
            files: vec![file],
            under: None,
            map: vec![],
            delimiter: None,
            encoding: None,
            on_duplicate: Policy::Skip,
            no_create_accounts: false,
            dry_run: false,
            report: None,
            yes: false,
        }
    }
}

/// Notes printed before the rest is only counted.
const SHOWN: usize = 20;

pub fn run(context: &Context, args: &Args) -> Outcome {
    let local = context.open()?;
    let options = options(&local, args)?;
    let mut report = args.report.as_deref().map(Report::create).transpose()?;
    let work = Work::begin(context);
    let mut exit = Exit::Done;
    for file in &args.files {
        let tally = one(context, &local, args, &options, file, report.as_mut(), &work);
        work.end();
        if tally?.refused > 0 {
            exit = Exit::Partly;
        }
    }
    if let Some(report) = report {
        report.finish()?;
    }
    if !args.dry_run {
        index(context, &local, &work)?;
    }
    Ok(exit)
}

fn options(local: &Local, args: &Args) -> Result<ImportOptions, Failure> {
    let under = args.under.as_deref().map(|path| local.accounts(&plain())?.find(path)).transpose()?;
    let map = args.map.iter().map(|pair| {
        let (header, field) = pair
            .rsplit_once('=')
            .ok_or_else(|| Failure::Usage(format!("--map {pair}: expected header=field")))?;
        Ok((header.to_owned(), field.to_owned()))
    });
    let delimiter = match args.delimiter.as_deref() {
        None => None,
        Some("\\t" | "tab") => Some(b'\t'),
        Some(one) if one.len() == 1 && one.is_ascii() => Some(one.as_bytes()[0]),
        Some(other) => {
            return Err(Failure::Usage(format!("--delimiter {other}: expected one ASCII character")));
        }
    };
    Ok(ImportOptions {
        under,
        map: map.collect::<Result<_, Failure>>()?,
        delimiter,
        encoding: args.encoding.clone(),
        on_duplicate: match args.on_duplicate {
            Policy::Skip => OnDuplicate::Skip,
            Policy::Update => OnDuplicate::Update,
            Policy::Fail => OnDuplicate::Fail,
        },
        no_create_accounts: args.no_create_accounts,
    })
}

fn one(
    context: &Context,
    local: &Local,
    args: &Args,
    options: &ImportOptions,
    file: &Path,
    mut report: Option<&mut Report>,
    work: &Work,
) -> Result<Tally, Failure> {
    let input: Box<dyn Read + Send> = match file.to_str() {
        Some("-") => Box::new(std::io::stdin()),
        _ => {
            Box::new(File::open(file).map_err(|e| Failure::io(format!("cannot open {}", file.display()), e))?)
        }
    };
    let mut shown = 0;
    let mut failed = None;
    let mut hear = |note: Note| {
        if let Some(Err(error)) = report.as_mut().map(|r| r.add(file, &note)) {
            failed.get_or_insert(error);
        }
        shown += 1;
        if shown <= SHOWN {
            context.say(sentence(&note));
        }
    };
    let (staging, tally) = local.stage(input, options, &mut hear, &|p| work.hear(p))?;
    failed.map_or(Ok(()), Err)?;
    if shown > SHOWN {
        context.say(format!("… and {} more; --report FILE lists them all", count((shown - SHOWN) as u64)));
    }
    if !args.dry_run && tally.added + tally.updated > 0 {
        local.apply(&ChangeId::new(), &Change::Import { staging }, &|p| work.hear(p))?;
    }
    work.end();
    print(context, file, &tally, args.dry_run)?;
    Ok(tally)
}

fn sentence(note: &Note) -> String {
    let verdict = if note.refused { "refused" } else { "warning" };
    let column = if note.column.is_empty() { String::new() } else { format!(" {}", note.column) };
    let value = if note.value.is_empty() { String::new() } else { format!(" \"{}\"", note.value) };
    format!("line {}: {verdict}:{column}{value} {}", note.line, note.reason)
}

fn print(context: &Context, file: &Path, t: &Tally, dry_run: bool) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    if matches!(context.output(), Output::Json | Output::Ndjson) {
        let object = json!({ "file": file, "rows": t.rows, "added": t.added, "updated": t.updated,
            "unchanged": t.unchanged, "refused": t.refused, "doubtful": t.doubtful, "empty": t.empty,
            "accounts": t.accounts, "dry_run": dry_run });
        return written(writeln!(out, "{object}"));
    }
    let mut parts = vec![format!("{} added", count(t.added))];
    let more = [
        (t.updated, "updated"),
        (t.unchanged, "unchanged"),
        (t.refused, "refused"),
        (t.doubtful, "with a warning"),
        (t.empty, "empty lines"),
        (t.accounts, "accounts made"),
    ];
    parts.extend(more.into_iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{} {word}", count(n))));
    let end = if dry_run { "\nDry run: nothing was changed." } else { "" };
    written(writeln!(out, "{}: {} rows: {}{end}", file.display(), count(t.rows), parts.join(", ")))
}

/// Fills the text index; everything is in and can be browsed already, so that Ctrl+C loses nothing.
fn index(context: &Context, local: &Local, work: &Work) -> Result<(), Failure> {
    let mut done = 0;
    while !work.is_interrupted() && local.background()? {
        done += 1_000;
        if work.hear(Progress { phase: "in; indexing text", done, total: 0 }) == ControlFlow::Break(()) {
            break;
        }
    }
    work.end();
    if work.is_interrupted() && std::io::stderr().is_terminal() {
        context.say("everything is in; the text index will be finished in the background");
    }
    Ok(())
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
