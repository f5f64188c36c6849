//! `simdeck history` and `simdeck undo`.

use estate::{Change, ChangeId, Entry, Error, Estate, LogFilter};
use serde_json::json;

use super::change::{self, Confirm};
use super::output::{self, list as print_list, plain};
use super::report::ReportOptions;
use super::{Context, Outcome};
use crate::failure::Exit;

/// List the changes, newest first.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Changes that touched this account or one below it.
    #[arg(long, value_name = "PATH")]
    account: Option<String>,
    /// Changes of one SIM.
    #[arg(long, value_name = "ICCID")]
    sim: Option<String>,
    /// Changes by someone.
    #[arg(long, value_name = "EMAIL")]
    by: Option<String>,
    /// Changes of one kind: move, levels, edit, suspend, convert, import, usage, add-account,
    /// add-user, user-role, help, …
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// Changes since then: a time, or an age such as 7d.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Changes before then: a time, or an age such as 7d.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// The SIMs of one change, with what was before and after: its number or its id.
    #[arg(long, value_name = "CHANGE", conflicts_with_all = ["account", "sim", "by", "kind", "since", "until"])]
    change: Option<String>,
    /// At most that many.
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,
}

/// Reverse a change where nothing came after it.
#[derive(Debug, clap::Args)]
pub struct UndoArgs {
    /// The change, as history and every changing command print it: its id, or its number.
    change_id: String,
    #[command(flatten)]
    confirm: Confirm,
    #[command(flatten)]
    report: ReportOptions,
}

pub fn list(context: &Context, args: &Args) -> Outcome {
    let local = context.open()?;
    if let Some(change) = &args.change {
        return items(context, local.as_ref(), change, args.limit);
    }
    if let Some(kind) = args.kind.as_deref().filter(|kind| !Change::KINDS.contains(kind)) {
        return Err(Error::not_found_near("kind of change", kind, Change::KINDS).into());
    }
    let accounts = local.accounts(&plain())?;
    let wanted = LogFilter {
        account: args.account.as_deref().map(|path| accounts.find(path)).transpose()?,
        sim: args
            .sim
            .as_deref()
            .map(|iccid| local.sim_by_iccid(iccid, &plain()).map(|s| s.id))
            .transpose()?,
        by: args.by.clone(),
        kind: args.kind.clone(),
        since: args.since.as_deref().map(output::time_or_ago).transpose()?,
        until: args.until.as_deref().map(output::time_or_ago).transpose()?,
        limit: args.limit,
        ..LogFilter::default()
    };
    let entries = local.entries(&wanted, &plain())?;
    let machine = context.output() != super::Output::Table;
    let rows: Vec<Vec<String>> = entries
        .iter()
        .map(|e| {
            let undone = if e.undone { " (undone)" } else { "" };
            vec![
                e.rev.to_string(),
                context.time(e.at),
                e.by.clone(),
                format!("{}{undone}", e.summary),
                if machine { e.counts.done.to_string() } else { e.counts.to_string() },
                e.id.to_string(),
            ]
        })
        .collect();
    let json = entries
        .iter()
        .map(|e| {
            json!({ "rev": e.rev, "change_id": e.id, "at": e.at.to_string(), "by": e.by, "via": e.via, "kind": e.kind,
                         "summary": e.summary, "counts": e.counts, "undone": e.undone })
        })
        .collect();
    print_list(
        context,
        &[
            "rev",
            &context.time_header("at"),
            "by",
            "summary",
            if machine { "done" } else { "counts" },
            "change_id",
        ],
        &rows,
        json,
    )?;
    Ok(Exit::Done)
}

/// What a change did to each SIM.
fn items(context: &Context, local: &dyn Estate, change: &str, limit: u32) -> Outcome {
    let entry = entry(local, change)?;
    let (at, zone) = (context.zone().minute(entry.at), context.zone().name());
    context.say(format!("#{} {at} {zone} by {}: {}", entry.rev, entry.by, entry.summary));
    let rev = entry.rev;
    let (mut rows, mut json, mut after) = (Vec::new(), Vec::new(), None);
    while rows.len() < limit as usize {
        let page = (limit - rows.len() as u32).min(10_000);
        let items = local.change_items(rev, None, after, page, &plain())?;
        after = items.last().map(|item| item.sim);
        let whole = items.len() < page as usize;
        for item in items {
            let (word, code) = (item.outcome.word(), item.reason.code());
            json.push(json!({ "iccid": item.iccid, "label": item.label, "outcome": word, "reason": code,
                              "from": item.from, "to": item.to, "before": item.before, "after": item.after }));
            let cells = [&item.iccid, word, code, &item.from, &item.to, &item.before, &item.after];
            rows.push(cells.map(str::to_owned).to_vec());
        }
        if whole {
            break;
        }
    }
    let head = ["iccid", "outcome", "reason", "from", "to", "before", "after"];
    print_list(context, &head, &rows, json)?;
    Ok(Exit::Done)
}

pub fn undo(context: &Context, args: &UndoArgs) -> Outcome {
    let local = context.open()?;
    let change = Change::Undo { change: undone(local.as_ref(), &args.change_id)? };
    let report = args.report.open(context, None)?;
    let what = format!("Undo change {}", args.change_id);
    change::run_with_report(context, local.as_ref(), change, args.confirm, report, &what)
}

/// The change to undo. By its id it is undone without a look into the history, which not everybody
/// has.
fn undone(local: &dyn Estate, name: &str) -> estate::Result<ChangeId> {
    let numbered = name.trim_start_matches('#').bytes().all(|b| b.is_ascii_digit());
    if numbered { entry(local, name).map(|entry| entry.id) } else { Ok(ChangeId(name.to_owned())) }
}

/// The change of that id, or of that number in the history, if this user may know of it.
fn entry(local: &dyn Estate, name: &str) -> estate::Result<Entry> {
    let wanted = match name.trim_start_matches('#').parse::<estate::Rev>() {
        Ok(rev) => LogFilter { after: Some(rev - 1), before: Some(rev + 1), ..LogFilter::default() },
        Err(_) => LogFilter { id: Some(ChangeId(name.to_owned())), ..LogFilter::default() },
    };
    let found = local.entries(&LogFilter { limit: 1, ..wanted }, &plain())?.pop();
    found.ok_or_else(|| Error::not_found("change", name))
}
