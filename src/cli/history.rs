//! `simdeck history` and `simdeck undo`.

use estate::{Change, ChangeId, Estate, LogFilter, Time};
use serde_json::json;

use super::change::{self, Confirm};
use super::output::{list as print_list, plain};
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
    /// Changes of one kind: move, levels, import, usage, period, add-account, rename-account, move-account, …
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// Changes since then.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
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
}

pub fn list(context: &Context, args: &Args) -> Outcome {
    let local = context.open()?;
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
        since: args.since.as_deref().map(Time::parse).transpose()?,
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
                if machine { e.at.to_string() } else { e.at.minute() },
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
            json!({ "rev": e.rev, "change_id": e.id, "at": e.at.to_string(), "by": e.by, "kind": e.kind,
                         "summary": e.summary, "counts": e.counts, "undone": e.undone })
        })
        .collect();
    print_list(
        context,
        &["rev", "at", "by", "summary", if machine { "done" } else { "counts" }, "change_id"],
        &rows,
        json,
    )?;
    Ok(Exit::Done)
}

pub fn undo(context: &Context, args: &UndoArgs) -> Outcome {
    let local = context.open()?;
    let change = Change::Undo { change: named(&local, &args.change_id)? };
    change::run(context, &local, change, args.confirm, &format!("Undo change {}", args.change_id))
}

/// The change of that id, or of that number in the history.
fn named(local: &dyn Estate, name: &str) -> estate::Result<ChangeId> {
    let Ok(rev) = name.trim_start_matches('#').parse::<estate::Rev>() else {
        return Ok(ChangeId(name.to_owned()));
    };
    let wanted = LogFilter { after: Some(rev - 1), before: Some(rev + 1), limit: 1, ..LogFilter::default() };
    let found = local.entries(&wanted, &plain())?.pop();
    found.map(|e| e.id).ok_or_else(|| estate::Error::not_found("change", name))
}
