//! `simdeck alerts`: threshold events out.

use clap::ValueEnum;
use estate::units::short_bytes;
use estate::{EventFilter, Level};
use serde_json::json;

use super::output::{self, list as print_list, plain};
use super::{Context, Outcome};
use crate::failure::Exit;

/// List the alerts and caps that usage has reached, newest first.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Each level of a SIM speaks once in a billing period, and again when it was raised above the usage.\n\n\
                        What is alerted or blocked now: simdeck sims status=alerted,blocked"
)]
pub struct Args {
    /// In this account or one below it.
    #[arg(long, value_name = "PATH")]
    account: Option<String>,
    /// Of one SIM.
    #[arg(long, value_name = "ICCID")]
    sim: Option<String>,
    /// Only alerts, or only caps.
    #[arg(long, value_name = "KIND")]
    kind: Option<Kind>,
    /// Since then: a time, or an age such as 7d.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// At most that many.
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Alerts: service goes on.
    Alert,
    /// Caps: the SIM is blocked.
    Cap,
}

pub fn list(context: &Context, args: &Args) -> Outcome {
    let local = context.open()?;
    let accounts = local.accounts(&plain())?;
    let sim = args.sim.as_deref().map(|iccid| local.sim_by_iccid(iccid, &plain())).transpose()?;
    let wanted = EventFilter {
        account: args.account.as_deref().map(|path| accounts.find(path)).transpose()?,
        sim: sim.map(|sim| sim.id),
        kind: args.kind.map(|kind| match kind {
            Kind::Alert => Level::Alert,
            Kind::Cap => Level::Cap,
        }),
        since: args.since.as_deref().map(output::time_or_ago).transpose()?,
        before: None,
        limit: args.limit,
    };
    let events = local.events(&wanted, &plain())?;
    let machine = context.output() != super::Output::Table;
    let size = |bytes: u64| if machine { bytes.to_string() } else { short_bytes(bytes) };
    let rows: Vec<Vec<String>> = events
        .iter()
        .map(|e| {
            vec![
                context.time(e.at),
                e.kind.word().into(),
                e.iccid.clone(),
                e.label.clone(),
                e.account_path.clone(),
                size(e.level),
                size(e.used),
            ]
        })
        .collect();
    let json = events
        .iter()
        .map(|e| {
            json!({ "id": e.id, "at": e.at.to_string(), "kind": e.kind.word(), "iccid": e.iccid, "label": e.label,
                    "account_path": e.account_path, "level_bytes": e.level, "used_bytes": e.used,
                    "period_start": e.period.to_string() })
        })
        .collect();
    print_list(
        context,
        &[&context.time_header("at"), "kind", "iccid", "label", "account", "level", "used"],
        &rows,
        json,
    )?;
    Ok(Exit::Done)
}
