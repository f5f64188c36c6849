//! `simdeck import`.

use std::io::{IsTerminal, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use estate::portals::Holds;
use estate::text::clean;
use estate::{Change, ChangeId, Estate, ImportOptions, ImportSummary, Note, OnDuplicate, Progress};
use serde_json::json;

use super::file_options::{NoteReporter, Part, Reading, each, explain_all, join_parts};
use super::output::{Work, check_written, plain};
use super::{Context, Outcome, Output};
use crate::failure::Failure;

/// Import SIMs from files that portals and spreadsheets write.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "CSV in any usual form, XLSX, NDJSON and JSON are read, packed with gzip or not. Known portals are\n\
                  recognised by their headers (see simdeck portals). Where a file can be read two ways it is refused with\n\
                  the option that settles it. Account paths in cells are split on \" / \". One file is one change: it\n\
                  comes in whole or not at all.\n\nExamples:\n  \
                  simdeck import sims.csv --dry-run\n  \
                  simdeck import portal.csv --map 'Card=iccid' --map-status 'Live=active' --report refused.csv\n  \
                  simdeck import sims.csv --explain"
)]
pub struct Args {
    /// The files; - is standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The account that paths hang under, instead of your own.
    #[arg(long, value_name = "PATH")]
    under: Option<String>,
    /// What happens to ICCIDs that are known already.
    #[arg(long, value_name = "POLICY", default_value = "skip")]
    on_duplicate: Policy,
    /// Refuse rows whose account does not exist.
    #[arg(long)]
    no_create_accounts: bool,
    #[command(flatten)]
    reading: Reading,
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
    /// True if the command changes the estate.
    pub fn changes(&self) -> bool {
        !self.reading.dry_run && !self.reading.explain
    }

    /// One file, everything else as it is by default.
    pub fn of(file: PathBuf) -> Self {
        Self {
            files: vec![file],
            under: None,
            on_duplicate: Policy::Skip,
            no_create_accounts: false,
            reading: Reading::default(),
        }
    }
}

pub fn run(context: &Context, args: &Args) -> Outcome {
    if args.reading.explain {
        return explain_all(context, &args.files, &args.reading.options()?, Holds::Sims);
    }
    let local = context.open()?;
    let options = options(local.as_ref(), args)?;
    let work = Work::begin(context);
    let exit = each(context, &args.reading, &args.files, &work, |file, reporter| {
        let tally = one(context, local.as_ref(), args, &options, file, reporter, &work)?;
        Ok(tally.refused + tally.incomplete)
    })?;
    if !args.reading.dry_run {
        context.send_due(local.as_ref(), &work);
        index(context, local.as_ref(), &work)?;
    }
    Ok(exit)
}

fn options(local: &dyn Estate, args: &Args) -> Result<ImportOptions, Failure> {
    let under = args.under.as_deref().map(|path| local.accounts(&plain())?.find(path)).transpose()?;
    Ok(ImportOptions {
        under,
        on_duplicate: match args.on_duplicate {
            Policy::Skip => OnDuplicate::Skip,
            Policy::Update => OnDuplicate::Update,
            Policy::Fail => OnDuplicate::Fail,
        },
        no_create_accounts: args.no_create_accounts,
        ..args.reading.options()?
    })
}

fn one(
    context: &Context,
    local: &dyn Estate,
    args: &Args,
    options: &ImportOptions,
    file: &Path,
    reporter: &mut NoteReporter<'_>,
    work: &Work,
) -> Result<ImportSummary, Failure> {
    let mut add = |note: Note| reporter.add(file, note);
    let (staging, tally) =
        local.stage(context.open_input(file)?, options, &mut add, &|p| work.hear(p))?;
    reporter.end_file(file)?;
    if !args.reading.dry_run && tally.added + tally.updated > 0 {
        local.apply(&ChangeId::new(), &Change::Import { staging }, &|p| work.hear(p))?;
    }
    work.end();
    print(context, file, &tally, args.reading.dry_run)?;
    Ok(tally)
}

fn print(context: &Context, file: &Path, t: &ImportSummary, dry_run: bool) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    if matches!(context.output(), Output::Json | Output::Ndjson) {
        let object = json!({ "file": file, "rows": t.rows, "added": t.added, "updated": t.updated,
            "unchanged": t.unchanged, "refused": t.refused, "doubtful": t.doubtful, "empty": t.empty,
            "incomplete": t.incomplete, "skipped": t.skipped, "accounts": t.accounts, "held": t.held, "portal": t.portal, "dry_run": dry_run });
        return check_written(writeln!(out, "{object}"));
    }
    let parts = [
        Part::always(t.added, "added", "added"),
        Part::some(t.updated, "updated", "updated"),
        Part::some(t.unchanged, "unchanged", "unchanged"),
        Part::some(t.refused, "refused", "refused"),
        Part::some(t.doubtful, "with a warning", "with a warning"),
        Part::some(t.incomplete, "with a value left empty", "with a value left empty"),
        Part::some(t.empty, "empty line", "empty lines"),
        Part::some(t.skipped, "line skipped", "lines skipped"),
        Part::some(t.accounts, "account made", "accounts made"),
        Part::some(t.held, "held to a ceiling", "held to a ceiling"),
    ];
    let end = if dry_run { "\nDry run: nothing was changed." } else { "" };
    let portal = t.portal.as_ref().map(|title| format!(" ({title})")).unwrap_or_default();
    check_written(writeln!(
        out,
        "{}{}: {}: {}{end}",
        clean(&file.display().to_string()),
        clean(&portal),
        join_parts(&[Part::always(t.rows, "row", "rows")]),
        join_parts(&parts)
    ))
}

/// Fills the text index; everything is in and can be browsed already, so that Ctrl+C loses nothing.
fn index(context: &Context, local: &dyn Estate, work: &Work) -> Result<(), Failure> {
    let mut done = 0;
    while !work.is_interrupted() && local.run_maintenance_step()? {
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
