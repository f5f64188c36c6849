//! `simdeck sim-set`.

use estate::{Change, Edit, ListEdit, Verb};

use super::change::{self, Confirm};
use super::profile::Switch;
use super::select::Select;
use super::{Context, Outcome};

/// Edit SIMs: labels, notes, tags, categories, recipients, SIM authentication, state; prints the
/// plan and asks.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Lists take names to add and, with a hyphen, names to take away; none empties a list.\n\nExamples:\n  \
                        simdeck sim-set 'label:pump' --tag=+checked,-todo --dry-run\n  \
                        simdeck sim-set 'tag=unpaid' --status suspend --why 'invoice 4711' --yes\n  \
                        simdeck sim-set 'iccid:*0057' --label 'Pump 7' --note '' --yes"
)]
pub struct Args {
    #[command(flatten)]
    select: Select,
    /// The label; empty takes it away.
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,
    /// The notes; empty takes them away.
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Tags to add and to take away.
    #[arg(long, value_name = "+NEW,-OLD", allow_hyphen_values = true)]
    tag: Option<String>,
    /// Categories to add and to take away.
    #[arg(long, value_name = "+NEW,-OLD", allow_hyphen_values = true)]
    category: Option<String>,
    /// Who is notified, by mail address: to add and to take away.
    #[arg(long, value_name = "+NEW,-OLD", allow_hyphen_values = true)]
    recipient: Option<String>,
    /// Whether the network lets them authenticate.
    #[arg(long, value_name = "on|off")]
    authentication: Option<Switch>,
    /// What becomes of their state; terminating is for good.
    #[arg(long, value_name = "activate|suspend|resume|terminate", value_parser = verb)]
    status: Option<Verb>,
    /// Why, for those who look later.
    #[arg(long, value_name = "TEXT", default_value = "")]
    why: String,
    /// Every SIM you see.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    confirm: Confirm,
}

fn verb(word: &str) -> Result<Verb, String> {
    Verb::from_word(word).ok_or_else(|| "activate, suspend, resume or terminate".to_owned())
}

impl Args {
    /// True if the command changes the estate.
    pub fn changes(&self) -> bool {
        !self.confirm.dry_run
    }
}

pub fn run(context: &Context, args: &Args) -> Outcome {
    let list = |text: &Option<String>| text.as_deref().map(ListEdit::parse).unwrap_or_default();
    let edit = Edit {
        label: args.label.clone(),
        notes: args.note.clone(),
        tags: list(&args.tag),
        categories: list(&args.category),
        recipients: list(&args.recipient),
        authentication: args.authentication.map(|switch| switch == Switch::On),
        verb: args.status,
        why: args.why.clone(),
    }
    .validate()?;
    let local = context.open()?;
    let (target, report) = args.select.target(context, local.as_ref(), args.all)?;
    let what = format!("Edit SIMs: {}", edit.describe());
    change::run_with_report(
        context,
        local.as_ref(),
        Change::Edit { target, edit: Box::new(edit) },
        args.confirm,
        report,
        &what,
    )
}
