//! `simdeck usage`: records in, a SIM's usage out.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use estate::number::count;
use estate::portals::Holds;
use estate::text::clean;
use estate::units::{exact_bytes, short_bytes};
use estate::{
    Change, ChangeId, Estate, EventFilter, ImportOptions, Note, Sim, Usage, UsageBucket, UsageTally,
};
use serde_json::json;

use super::file_options::{NoteReporter, Part, Reading, each, explain_all, join_parts};
use super::output::{self, Work, check_written, plain};
use super::{Context, Outcome, Output};
use crate::failure::{Exit, Failure};
use crate::zone::Zone;

/// Show what a SIM or an account has used, or count usage records.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Usage is indicative: operators report late and round, and the bill may differ.\n\nExamples:\n  \
                  simdeck usage 8988307000150803904 --by period\n  simdeck usage --account Depots --by month\n  simdeck usage import records.csv --dry-run"
)]
pub struct Args {
    #[command(subcommand)]
    command: Option<UsageCommand>,
    /// The SIM, with or without check digit.
    #[arg(required_unless_present = "account")]
    iccid: Option<String>,
    /// An account with everything below it, instead of one SIM: for Admins.
    #[arg(long, value_name = "PATH", conflicts_with = "iccid")]
    account: Option<String>,
    /// What a line is.
    #[arg(long, value_name = "WHAT", default_value = "day")]
    by: By,
}

impl Args {
    /// True if the command changes the estate.
    pub fn changes(&self) -> bool {
        self.command.as_ref().is_some_and(|UsageCommand::Import(import)| {
            !import.reading.dry_run && !import.reading.explain
        })
    }
}

#[derive(Debug, clap::Subcommand)]
enum UsageCommand {
    /// Count usage records from files: columns iccid, time or period, bytes; optionally record and
    /// session.
    Import(ImportArgs),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    /// A day (UTC); kept for a year.
    Day,
    /// A billing period; kept for a year.
    Period,
    /// A data session; kept for three months. Of one SIM.
    Session,
    /// A calendar month. Of an account.
    Month,
    /// An account directly below the one asked for. Of an account.
    Account,
}

/// Count usage records.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A record with an id counts once, by its largest size. Records without one that differ in any cell are\n\
                  different records and are added; the same row again is the same record. A row with a period (2026-10,\n\
                  2026-10-03, or two days with / between) states the total of that period so far: a larger total in\n\
                  another file replaces it. Totals and single records of the same days add up, so import one or the\n\
                  other. Records of a billing period that is over change history and set nothing off. UsageCommand file is one\n\
                  change: it is counted whole or not at all."
)]
struct ImportArgs {
    /// The files; - is standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    reading: Reading,
}

pub fn run(context: &Context, args: &Args) -> Outcome {
    match (&args.command, &args.iccid, &args.account) {
        (Some(UsageCommand::Import(import)), ..) => import_all(context, import),
        (None, Some(iccid), _) => show(context, iccid, args.by),
        (None, None, Some(path)) => show_account(context, path, args.by),
        (None, None, None) => Err(Failure::Usage("which SIM? Give its ICCID, or --account".into())),
    }
}

fn show_account(context: &Context, path: &str, by: By) -> Outcome {
    let local = context.open()?;
    if local.local().is_none() {
        context.report_rollover(local.as_ref());
    }
    let accounts = local.accounts(&plain())?;
    let usage = local.estate_usage(accounts.find(path)?, &plain())?;
    let machine = context.output() != Output::Table;
    let size = |bytes: u64| if machine { bytes.to_string() } else { short_bytes(bytes) };
    let spent = |what: &'static str, list: Vec<UsageBucket>, length: usize| {
        let day = |s: &UsageBucket| s.period.start.day()[..length].to_owned();
        let rows = list.iter().map(|s| vec![day(s), size(s.bytes)]).collect::<Vec<_>>();
        let json = list.iter().map(|s| json!({ what: day(s), "bytes": s.bytes })).collect::<Vec<_>>();
        (vec![what, "bytes"], rows, json)
    };
    let (header, rows, json) = match by {
        By::Day => spent("day", usage.days, 10),
        By::Month => spent("month", usage.months(), 7),
        By::Account => {
            let name = |id: Option<estate::AccountId>| id.map(|id| accounts.path(id));
            let row = |a: &estate::AccountUsage| {
                let gone = || "accounts that are gone".to_owned();
                vec![name(a.account).unwrap_or_else(gone), size(a.month), size(a.year)]
            };
            let object = |a: &estate::AccountUsage| json!({ "account_path": name(a.account), "bytes_30_days": a.month, "bytes_a_year": a.year });
            (
                vec!["account", "30_days", "a_year"],
                usage.accounts.iter().map(row).collect(),
                usage.accounts.iter().map(object).collect(),
            )
        }
        By::Period | By::Session => {
            return Err(Failure::Usage("of an account: --by day, month or account".into()));
        }
    };
    output::list(context, &header, &rows, json)?;
    Ok(Exit::Done)
}

fn import_all(context: &Context, args: &ImportArgs) -> Outcome {
    let options = args.reading.options()?;
    if args.reading.explain {
        return explain_all(context, &args.files, &options, Holds::Usage);
    }
    let local = context.open()?;
    let work = Work::begin(context);
    let exit = each(context, &args.reading, &args.files, &work, |file, reporter| {
        Ok(import(context, local.as_ref(), args, &options, file, reporter, &work)?.refused)
    })?;
    context.send_due(local.as_ref(), &work);
    Ok(exit)
}

fn import(
    context: &Context,
    local: &dyn Estate,
    args: &ImportArgs,
    options: &ImportOptions,
    file: &Path,
    reporter: &mut NoteReporter<'_>,
    work: &Work,
) -> Result<UsageTally, Failure> {
    let mut add = |note: Note| reporter.add(file, note);
    let (staging, tally) =
        local.stage_usage(context.open_input(file)?, options, &mut add, &|p| work.hear(p))?;
    reporter.end_file(file)?;
    let mut reached = (0, 0);
    if !args.reading.dry_run && tally.counted > 0 {
        let newest = EventFilter { limit: 1, ..EventFilter::default() };
        let last = local.events(&newest, &plain())?.first().map_or(0, |event| event.id);
        local.apply(&ChangeId::new(), &Change::ImportUsage { staging }, &|p| work.hear(p))?;
        reached = local.events_after(last, &plain())?;
    }
    work.end();
    print(context, file, &tally, reached, args.reading.dry_run)?;
    Ok(tally)
}

fn print(
    context: &Context,
    file: &Path,
    t: &UsageTally,
    (alerts, caps): (u64, u64),
    dry_run: bool,
) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    if matches!(context.output(), Output::Json | Output::Ndjson) {
        let object = json!({ "file": file, "rows": t.rows, "counted": t.counted, "unchanged": t.unchanged,
            "refused": t.refused, "late": t.late, "sims": t.sims, "empty": t.empty, "alerts": alerts, "caps": caps,
            "skipped": t.skipped, "portal": t.portal, "dry_run": dry_run });
        return check_written(writeln!(out, "{object}"));
    }
    let parts = [
        Part::always(t.counted, "counted", "counted"),
        Part::some(t.unchanged, "known already", "known already"),
        Part::some(t.refused, "refused", "refused"),
        Part::some(t.late, "of a period that is over", "of periods that are over"),
        Part::some(t.empty, "empty line", "empty lines"),
        Part::some(t.skipped, "line skipped", "lines skipped"),
    ];
    let end = match (dry_run, alerts + caps) {
        (true, _) => "\nDry run: nothing was changed.".to_owned(),
        (false, 0) => String::new(),
        (false, _) => {
            format!("\n{} reached their alert, {} their cap: simdeck alerts", count(alerts), count(caps))
        }
    };
    let portal = t.portal.as_ref().map(|title| format!(" ({})", clean(title))).unwrap_or_default();
    let (file, rows) = (
        clean(&file.display().to_string()).into_owned(),
        join_parts(&[Part::always(t.rows, "row", "rows")]),
    );
    check_written(writeln!(
        out,
        "{file}{portal}: {rows} of {}: {}{end}",
        estate::number::sims(t.sims),
        join_parts(&parts)
    ))
}

fn show(context: &Context, iccid: &str, by: By) -> Outcome {
    let local = context.open()?;
    if matches!(by, By::Month | By::Account) {
        return Err(Failure::Usage("of one SIM: --by day, period or session".into()));
    }
    let sim = local.sim_by_iccid(iccid, &plain())?;
    let usage = local.usage(sim.id, &plain())?;
    let mut out = std::io::stdout().lock();
    match context.output() {
        Output::Json | Output::Ndjson => {
            let object = object(&sim, &usage);
            let text = if context.output() == Output::Json {
                serde_json::to_string_pretty(&object).unwrap_or_default()
            } else {
                object.to_string()
            };
            check_written(writeln!(out, "{text}"))?;
        }
        Output::Table => {
            check_written(writeln!(out, "{}\n", summary(&sim, &usage, context.zone())))?;
            let (header, rows) = lines(context, sim.used, &usage, by);
            let header: Vec<&str> = header.iter().map(String::as_str).collect();
            check_written(output::table(&mut out, &header, &rows))?;
        }
        Output::Csv => {
            drop(out);
            let (header, rows) = lines(context, sim.used, &usage, by);
            let header: Vec<&str> = header.iter().map(String::as_str).collect();
            output::list(context, &header, &rows, Vec::new())?;
        }
    }
    Ok(Exit::Done)
}

/// Where a SIM stands, in two lines.
fn summary(sim: &Sim, usage: &Usage, zone: Zone) -> String {
    let level = |what: &str, bytes: Option<u64>| {
        bytes.map_or_else(|| format!("no {what}"), |bytes| format!("{what} {}", exact_bytes(bytes)))
    };
    let moment = |at| format!("{} {}", zone.minute(at), zone.name());
    let as_of = sim.usage_as_of.map_or_else(|| "unknown".to_owned(), moment);
    format!(
        "{}: {} used, {}, {}; {}\nBilling period {} UTC ({}); as of {as_of}, {}; indicative",
        sim.iccid,
        short_bytes(sim.used),
        level("alert", sim.alert),
        print_raised(level("cap", sim.cap), sim, usage),
        sim.status.word(),
        usage.period,
        usage.rule.describe(),
        usage.reporting.describe(),
    )
}

/// A cap that is raised, and what comes back.
fn print_raised(cap: String, sim: &Sim, usage: &Usage) -> String {
    let Some(back) = sim.cap_returns_to else { return cap };
    let last = estate::Time(usage.period.end.0 - 1).day();
    let back = if back == 0 { "none".to_owned() } else { exact_bytes(back) };
    format!("{cap} until {last}, then {back}")
}

type Lines = (Vec<String>, Vec<Vec<String>>);

fn lines(context: &Context, used: u64, usage: &Usage, by: By) -> Lines {
    let machine = context.output() != Output::Table;
    let header = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    let size = |bytes: u64| if machine { bytes.to_string() } else { short_bytes(bytes) };
    let spent = |list: &[UsageBucket]| -> Vec<Vec<String>> {
        list.iter()
            .map(|s| vec![s.period.start.day(), estate::Time(s.period.end.0 - 1).day(), size(s.bytes)])
            .collect()
    };
    match by {
        By::Day => {
            let rows = usage.days.iter().map(|s| vec![s.period.start.day(), size(s.bytes)]).collect();
            (header(&["day", "bytes"]), rows)
        }
        By::Period => {
            let mut all = vec![UsageBucket { period: usage.period, bytes: used }];
            all.extend(&usage.periods);
            (header(&["first", "last", "bytes"]), spent(&all))
        }
        By::Session | By::Month | By::Account => {
            let rows = usage.sessions.iter().map(|s| {
                vec![
                    s.name.clone(),
                    context.time(s.start),
                    context.time(s.last),
                    size(s.bytes),
                    s.records.to_string(),
                ]
            });
            let (start, last) = (context.time_header("start"), context.time_header("last"));
            (header(&["session", &start, &last, "bytes", "records"]), rows.collect())
        }
    }
}

fn object(sim: &Sim, usage: &Usage) -> serde_json::Value {
    let spent = |list: &[UsageBucket]| -> Vec<serde_json::Value> {
        list.iter()
            .map(|s| {
                let (start, end) = (s.period.start.to_string(), s.period.end.to_string());
                json!({ "start": start, "end": end, "bytes": s.bytes })
            })
            .collect()
    };
    let sessions: Vec<_> = usage
        .sessions
        .iter()
        .map(|s| {
            json!({ "session": s.name, "start": s.start.to_string(), "last": s.last.to_string(), "bytes": s.bytes,
                    "records": s.records })
        })
        .collect();
    json!({ "iccid": sim.iccid, "used_bytes": sim.used, "alert_bytes": sim.alert, "cap_bytes": sim.cap,
            "cap_returns_to_bytes": sim.cap_returns_to,
            "status": sim.status.word(), "usage_as_of": sim.usage_as_of.map(|at| at.to_string()),
            "period_start": usage.period.start.to_string(), "period_end": usage.period.end.to_string(),
            "period_rule": usage.rule.to_string(), "reporting": usage.reporting.word(),
            "days": spent(&usage.days), "periods": spent(&usage.periods), "sessions": sessions })
}
