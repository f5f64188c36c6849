//! `simdeck outbox`: messages and what has become of them.

use std::io::Write;

use estate::number::count;
use serde_json::json;

use super::output::{Work, check_written, list as print_list};
use super::{Context, Outcome};
use crate::failure::Exit;

/// List the messages about alerts and caps, newest first, or send what is due: for Admins of the
/// root account.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "The screen sends by itself while it is open, and so do commands that set something off. Where neither runs,\n\
                        let a timer run: simdeck outbox send\n\nMail needs a [mail] section in the configuration: url and from. \
                        Without one no mail is written, and\nalerts are told on the screen and by simdeck alerts only."
)]
pub struct Args {
    #[command(subcommand)]
    command: Option<OutboxCommand>,
    /// At most that many.
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,
}

impl Args {
    /// True if the command writes to the store.
    pub fn changes(&self) -> bool {
        self.command.is_some()
    }
}

#[derive(Debug, clap::Subcommand)]
enum OutboxCommand {
    /// Send what is due, and try again what failed before.
    Send,
}

pub fn run(context: &Context, args: &Args) -> Outcome {
    match args.command {
        Some(OutboxCommand::Send) => send(context),
        None => list(context, args.limit),
    }
}

fn send(context: &Context) -> Outcome {
    let local = context.open_store()?;
    // Whose messages they are is for those to know who see every account.
    local.outbox(1)?;
    let work = Work::begin(context);
    let sent = context.courier()?.deliver(&local, &|| work.is_interrupted())?;
    let said = format!(
        "{} sent, {} to be tried again, {} given up",
        count(sent.sent),
        count(sent.again),
        count(sent.given_up)
    );
    check_written(writeln!(std::io::stdout(), "{said}"))?;
    Ok(if sent.again + sent.given_up > 0 { Exit::Partly } else { Exit::Done })
}

fn list(context: &Context, limit: u32) -> Outcome {
    let local = context.open_store()?;
    let messages = local.outbox(limit)?;
    let time = |at: estate::Time| context.time(at);
    let rows: Vec<Vec<String>> = messages
        .iter()
        .map(|m| {
            vec![
                m.id.to_string(),
                time(m.created),
                m.channel.word().into(),
                m.to.clone(),
                m.state.clone(),
                m.events.to_string(),
                m.tries.to_string(),
                m.due.map(time).unwrap_or_default(),
                m.error.clone(),
            ]
        })
        .collect();
    let json = messages
        .iter()
        .map(|m| {
            json!({ "id": m.id, "created": m.created.to_string(), "channel": m.channel.word(), "to": m.to,
                    "state": m.state, "events": m.events, "tries": m.tries,
                    "due": m.due.map(|at| at.to_string()), "error": m.error })
        })
        .collect();
    let (created, due) = (context.time_header("created"), context.time_header("due"));
    let header = ["id", &created, "channel", "to", "state", "events", "tries", &due, "error"];
    print_list(context, &header, &rows, json)?;
    Ok(Exit::Done)
}
