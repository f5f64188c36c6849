//! `simdeck cap`.

use estate::levels::{parse_alert, parse_cap};
use estate::{Alert, Change, Levels};

use super::change::{self, Confirm};
use super::select::Select;
use super::{Context, Outcome};

/// Set caps and alerts; prints the plan and asks.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Setting a cap sets its alert to 80 % of it, unless --alert says otherwise.\n\nExamples:\n  \
                        simdeck cap 'in:\"/My Company/Depots\"' --set 500MB --dry-run\n  \
                        simdeck cap --from-file numbers.csv --set 1.5GiB --alert 90% --yes\n  \
                        simdeck cap 'status=blocked' --set none --yes\n  \
                        simdeck cap 'label:pump' --set 2GB --until-period-end"
)]
pub struct Args {
    #[command(flatten)]
    select: Select,
    /// The cap: a size such as 500MB (10⁶) or 1.5GiB (2³⁰), or none.
    #[arg(long, value_name = "SIZE|none")]
    set: Option<String>,
    /// The alert: a share of the cap, a size, none, or keep.
    #[arg(long, value_name = "80%|SIZE|none|keep")]
    alert: Option<String>,
    /// End an open data session at the cap too.
    #[arg(long, conflicts_with = "soft")]
    hard: bool,
    /// Let an open data session go on until it ends by itself.
    #[arg(long)]
    soft: bool,
    /// Raise the cap until the billing period ends; then the old cap and alert come back.
    #[arg(long, requires = "set", conflicts_with_all = ["hard", "soft"])]
    until_period_end: bool,
    /// Every SIM you see.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    confirm: Confirm,
}

impl Args {
    /// True if the command changes the estate.
    pub fn changes(&self) -> bool {
        !self.confirm.dry_run
    }
}

pub fn run(context: &Context, args: &Args) -> Outcome {
    let levels = Levels {
        cap: args.set.as_deref().map(parse_cap).transpose()?,
        alert: args.alert.as_deref().map(parse_alert).transpose()?.unwrap_or(Alert::Follow),
        hard: (args.hard || args.soft).then_some(args.hard),
        until_period_end: args.until_period_end,
    };
    levels.check()?;
    let local = context.open()?;
    let (target, report) = args.select.target(context, local.as_ref(), args.all)?;
    change::run_with_report(
        context,
        local.as_ref(),
        Change::SetLevels { target, levels },
        args.confirm,
        report,
        &format!("Set {}", levels.describe()),
    )
}
