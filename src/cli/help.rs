//! `simdeck help`: the Help and Support that your reseller has set, or simdeck's own.

use std::io::Write;

use estate::text::clean;
use estate::{AccountId, Estate, Help};
use serde_json::json;

use super::output::{check_written, plain};
use super::{Context, Outcome, Output};
use crate::failure::{Exit, Failure};
use crate::{markdown, support};

/// Show Help and Support: what the account above yours has set, or simdeck's own.
#[derive(Debug, clap::Args)]
pub struct Args;

pub fn run(context: &Context, _: &Args) -> Outcome {
    let local = context.open()?;
    let help = local.help(&plain())?;
    print(context, help.as_ref().unwrap_or(&support::own()))?;
    Ok(Exit::Done)
}

/// Prints what an account sets for those below it.
pub fn print_of(context: &Context, local: &dyn Estate, account: AccountId) -> Outcome {
    let (set, _) = local.help_of(account, &plain())?;
    match set {
        Some(help) => print(context, &help)?,
        None => context.say("nothing is set there: those below see what the account above it has set"),
    }
    Ok(Exit::Done)
}

fn print(context: &Context, help: &Help) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    if matches!(context.output(), Output::Json | Output::Ndjson) {
        return check_written(writeln!(out, "{}", json!(help)));
    }
    let text = match help {
        Help::Page { title, text } => {
            let lines = markdown::lines(text);
            let lines: Vec<String> = lines.into_iter().map(|line| line.text).collect();
            format!("{}\n\n{}", clean(title), lines.join("\n"))
        }
        Help::Contact(contact) => {
            let rows =
                support::ways(contact).into_iter().map(|(name, value)| format!("{name:<8}  {value}"));
            rows.collect::<Vec<_>>().join("\n")
        }
    };
    check_written(writeln!(out, "{text}"))
}
