//! `simdeck move`.

use clap::ValueEnum;
use estate::{Change, MoveOptions};

use super::change::{self, Confirm};
use super::output::plain;
use super::select::Select;
use super::{Context, Outcome};

/// Move SIMs to another account; prints the plan and asks.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  simdeck move 'account=\"Spares\" -status=terminated' --to '/Northstar Connect/Solveig Solar'\n  \
                        simdeck move --from-file iccids.txt --to Depots --dry-run"
)]
pub struct Args {
    #[command(flatten)]
    select: Select,
    /// The account they go to: a path, or a name that is unique.
    #[arg(long, value_name = "PATH")]
    to: String,
    /// Every SIM you see.
    #[arg(long)]
    all: bool,
    /// What is taken off on the way.
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    clear: Vec<Cleared>,
    #[command(flatten)]
    confirm: Confirm,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Cleared {
    Notes,
    Recipients,
    Tags,
}

impl Args {
    /// True if the command changes the estate.
    pub fn changes(&self) -> bool {
        !self.confirm.dry_run
    }
}

pub fn run(context: &Context, args: &Args) -> Outcome {
    let local = context.open()?;
    let (target, report) = args.select.target(context, local.as_ref(), args.all)?;
    let accounts = local.accounts(&plain())?;
    let to = accounts.find(&args.to)?;
    let clears = |what| args.clear.contains(&what);
    let clear = MoveOptions {
        notes: clears(Cleared::Notes),
        recipients: clears(Cleared::Recipients),
        tags: clears(Cleared::Tags),
    };
    let what = format!("Move SIMs to {}", accounts.path(to));
    change::run_with_report(
        context,
        local.as_ref(),
        Change::Move { target, to, clear },
        args.confirm,
        report,
        &what,
    )
}
