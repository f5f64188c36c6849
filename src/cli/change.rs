//! Plan, ask, apply, report: the one way every changing command goes.

use std::io::{BufRead, IsTerminal, Write};

use estate::number::{count, sims};
use estate::text::clean_lines;
use estate::{Accounts, Change, ChangeId, Counts, Estate, Plan, Receipt};
use serde_json::json;

use super::output::{Work, check_written, plain};
use super::report::{Report, Skipped};
use super::{Context, Outcome, Output};
use crate::failure::{Exit, Failure};

/// The options of every changing command.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub struct Confirm {
    /// Show what would happen and stop.
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask.
    #[arg(long, short)]
    pub yes: bool,
    /// Refuse unless exactly that many SIMs are meant.
    #[arg(long, value_name = "N")]
    pub expect: Option<u64>,
    /// The number of the change: one that was made already is not made again.
    #[arg(long = "change-id", id = "number", value_name = "ID")]
    pub number: Option<Number>,
}

/// The number of a change, as whoever makes it gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number(uuid::Uuid);

impl std::str::FromStr for Number {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|_| "must be a UUID, as it was told".to_owned())
    }
}

/// Plans, asks where there is someone to ask, applies and reports.
pub fn run(
    context: &Context,
    local: &dyn Estate,
    change: Change,
    confirm: Confirm,
    what: &str,
) -> Outcome {
    run_with_report(context, local, change, confirm, Report::default(), what)
}

/// Does the same, and writes the skipped SIMs to a report.
pub fn run_with_report(
    context: &Context,
    local: &dyn Estate,
    change: Change,
    confirm: Confirm,
    report: Report,
    what: &str,
) -> Outcome {
    if confirm.dry_run && report.has_file() {
        let why =
            "--report lists what a change skipped, and a dry run changes nothing: leave one of them out";
        return Err(Failure::Usage(why.into()));
    }
    let plan = local.plan(&change, &plain())?;
    if let Some(expected) = confirm.expect.filter(|n| *n != plan.total) {
        return Err(estate::Error::Drift { expected, found: plan.total }.into());
    }
    if plan.total == 0 && change.target().is_some() {
        return Err(estate::Error::not_found("SIM", "nothing matches").into());
    }
    let accounts = local.accounts(&plain())?;
    if confirm.dry_run {
        return dry_run(context, &plan, &accounts, report.unknown().len(), what);
    }
    if !confirm.yes {
        context.say(describe(&plan, &accounts, what));
        ask(&plan)?;
    }
    let work = Work::begin(context);
    let id = confirm.number.map_or_else(ChangeId::new, |number| ChangeId(number.0.to_string()));
    let receipt = local.apply(&id, &change.with_confirmation(&plan), &|p| work.hear(p));
    work.end();
    let ended = print_receipt(context, local, &receipt?, report);
    context.send_due(local, &work);
    ended
}

fn dry_run(context: &Context, plan: &Plan, accounts: &Accounts, unknown: usize, what: &str) -> Outcome {
    let mut out = std::io::stdout().lock();
    if matches!(context.output(), Output::Json | Output::Ndjson) {
        let mut object = plan_json(plan, accounts);
        object["unknown"] = unknown.into();
        check_written(writeln!(out, "{object}"))?;
    } else {
        check_written(writeln!(
            out,
            "{}\nDry run: nothing was changed.",
            describe(plan, accounts, what)
        ))?;
    }
    Ok(if plan.counts.missed_count() > 0 || unknown > 0 { Exit::Partly } else { Exit::Done })
}

fn plan_json(plan: &Plan, accounts: &Accounts) -> serde_json::Value {
    json!({
        "total": plan.total,
        "counts": plan.counts,
        "reasons": plan.reasons.iter().map(|(r, n)| json!({"code": r.code(), "sims": n})).collect::<Vec<_>>(),
        "by_account": plan.by_account.iter().map(|(a, n)| json!({"path": accounts.path(*a), "sims": n})).collect::<Vec<_>>(),
        "groups": plan.groups.iter().map(|g| json!({"name": g.name, "sims": g.sims, "path": g.account.map(|a| accounts.path(a))})).collect::<Vec<_>>(),
        "by_status": plan.by_status.iter().map(|(s, n)| json!({"status": s.word(), "sims": n})).collect::<Vec<_>>(),
        "ceilings": plan.ceilings.iter().map(|c| json!({"bytes": c.bytes, "path": c.from.map(|a| accounts.path(a))})).collect::<Vec<_>>(),
        "warnings": plan.warnings.iter().map(|(w, n)| json!({"code": w, "sims": n})).collect::<Vec<_>>(),
    })
}

/// The plan for people.
fn describe(plan: &Plan, accounts: &Accounts, what: &str) -> String {
    let mut lines = vec![what.to_owned()];
    if plan.counts != Counts::default() {
        lines.push(format!("  {}: {}", sims(plan.total), plan.counts.would()));
    }
    for (reason, n) in &plan.reasons {
        lines.push(format!("  {} stay: {}", count(*n), reason.text()));
    }
    for (account, n) in plan.by_account.iter().take(5) {
        lines.push(format!("  {:>9}  {}", count(*n), accounts.path(*account)));
    }
    if plan.by_account.len() > 5 {
        lines.push(format!("             and {} more accounts", plan.by_account.len() - 5));
    }
    for group in plan.groups.iter().take(10) {
        let there = if group.account.is_some() { ", which is there" } else { "" };
        lines.push(format!("  {:>9}  to {}{there}", count(group.sims), group.name));
    }
    if plan.groups.len() > 10 {
        lines.push(format!("             and to {} more", plan.groups.len() - 10));
    }
    lines.extend(plan.ceilings.iter().map(|c| format!("  ! the ceiling: {}", accounts.ceiling_said(*c))));
    lines.extend(plan.warnings.iter().map(|(w, n)| format!("  ! {}", w.text(*n))));
    // The first line repeats arguments.
    clean_lines(&lines.join("\n")).into_owned()
}

/// Asks on a terminal: `y` for few, the number for many.
fn ask(plan: &Plan) -> Result<(), Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::Usage(
            "nobody is there to confirm; look with --dry-run, then give --yes".into(),
        ));
    }
    let wanted = if plan.is_typed() { plan.total.to_string() } else { "y".into() };
    let prompt = if wanted == "y" {
        "Go ahead? [y/N] ".to_owned()
    } else {
        format!("Type {wanted} to go ahead: ")
    };
    let _ = write!(std::io::stderr(), "{prompt}");
    let _ = std::io::stderr().flush();
    let mut answer = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut answer)
        .map_err(|e| Failure::io("cannot read the answer", e))?;
    if answer.trim().replace(',', "") == wanted { Ok(()) } else { Err(estate::Error::Cancelled.into()) }
}

/// Prints what happened and a summary of the skipped SIMs, and writes the report.
fn print_receipt(context: &Context, local: &dyn Estate, receipt: &Receipt, report: Report) -> Outcome {
    let (unknown, has_file) = (report.unknown().len(), report.has_file());
    // The change is made: the receipt is printed even where the list cannot be read or written.
    let listed = Skipped::of(local, receipt);
    let reported = report.write(local, Some(receipt));
    let skipped = listed.as_deref().unwrap_or_default();
    let mut out = std::io::stdout().lock();
    if matches!(context.output(), Output::Json | Output::Ndjson) {
        let skipped: Vec<_> = skipped.iter().map(Skipped::json).collect();
        let object = json!({ "change_id": receipt.id, "rev": receipt.rev, "counts": receipt.counts,
                             "skipped": skipped, "unknown": unknown });
        check_written(writeln!(out, "{object}"))?;
    } else {
        let counts = if receipt.counts == Counts::default() {
            "done".to_owned()
        } else {
            receipt.counts.to_string()
        };
        check_written(writeln!(out, "{counts} · change {}", receipt.id))?;
    }
    drop(out);
    for group in skipped {
        context.say(group.line());
    }
    if skipped.iter().any(Skipped::is_cut) && !has_file {
        let (id, all) = (&receipt.id, receipt.counts.total());
        context.say(format!("to list every SIM: simdeck history --change {id} --limit {all}"));
    }
    reported?;
    listed?;
    Ok(if receipt.counts.missed_count() > 0 || unknown > 0 { Exit::Partly } else { Exit::Done })
}

/// What harms nothing and is undone in a moment does not ask.
pub fn at_once(confirm: Confirm) -> Confirm {
    Confirm { yes: true, ..confirm }
}
