//! `simdeck store`: check, head, info, backup, restore, upgrade and rollover.

use std::io::Write;
use std::path::{Path, PathBuf};

use estate::RolloverStatus;
use estate::number::sims;
use estate::{ConfirmedRollover, Error, Local, LogHead, Restored};
use serde_json::json;

use super::output::{Work, check_written, list};
use super::{Context, Outcome};
use crate::failure::{Exit, Failure};
use crate::files::{Existing, OutputStore, expand_home, path_parser};

/// What can be done to the store itself.
#[derive(Debug, clap::Subcommand)]
pub enum StoreCommand {
    /// Look for damage: pages, references, counts, and the hash chain of the log.
    Check {
        /// A head of the log that was kept elsewhere: N:HASH, or the file it is in. Whatever was
        /// changed before it since shows.
        #[arg(long, value_name = "HEAD")]
        head: Option<String>,
    },
    /// Print the head of the log: it covers every change so far. Keep it elsewhere, and check
    /// against it later.
    Head,
    /// Print path, schema, revision, number of SIMs, sizes in bytes and the state of billing period
    /// rollovers (none, pending, held or ahead) of a store of any schema, without sign-in.
    Info,
    /// Replace the store by a copy of a backup, which is checked first. The old store is kept
    /// beside it. Refused while another program has the store open.
    Restore {
        /// The backup.
        #[arg(value_parser = path_parser())]
        file: PathBuf,
    },
    /// Upgrade a store of an older simdeck, after a backup beside it. Commands that make changes do
    /// the same.
    Upgrade,
    /// Show the billing periods that have ended and are not closed yet, and why; with --confirm,
    /// close them.
    ///
    /// A period is closed by the next change and by a running screen or server. It waits while the
    /// clock is earlier than the newest log entry or more than 35 days later, and after its
    /// rollover was undone. An Admin of the root account checks the clock and confirms.
    Rollover {
        /// Close the periods by the present clock.
        #[arg(long)]
        confirm: bool,
    },
    /// Copy the store to a new file while it is in use, and check the copy.
    Backup {
        /// The new file.
        #[arg(value_parser = path_parser())]
        file: PathBuf,
        /// Replace the file if it exists.
        #[arg(long)]
        force: bool,
    },
}

impl StoreCommand {
    /// True if the command changes the estate.
    pub fn changes(&self) -> bool {
        matches!(self, Self::Rollover { confirm: true })
    }
}

/// A head as it was printed, or the file it was kept in.
fn print_kept(head: &str) -> Result<LogHead, Failure> {
    let path = expand_home(head);
    if !path.is_file() && !head.contains(':') {
        return Err(Failure::Usage(format!(
            "there is no file {head}, and it is no head: N:HASH, as store head prints it"
        )));
    }
    let text = if path.is_file() {
        std::fs::read_to_string(&path).map_err(|e| Failure::io(format!("cannot read {head}"), e))?
    } else {
        head.to_owned()
    };
    Ok(text.parse()?)
}

/// Shows the rollovers that are pending, and makes them where that is confirmed.
fn rollover(context: &Context, local: &Local, confirm: bool) -> Outcome {
    let (status, affected) = local.pending_rollover()?;
    let mut out = std::io::stdout().lock();
    for pending in &status.pending {
        check_written(writeln!(
            out,
            "{}: periods that ended from {} to {}",
            pending.rule.describe(),
            pending.closed_until.day(),
            pending.until.day()
        ))?;
    }
    if status.pending.is_empty() {
        check_written(writeln!(out, "No billing period is waiting to be closed"))?;
    } else {
        check_written(writeln!(out, "Counters of {} move into history and begin at 0", sims(affected)))?;
    }
    if let Some(why) = status.reason_to_wait() {
        check_written(writeln!(out, "Waits: {why}"))?;
    }
    if status.pending.is_empty()
        && let Some(message) = status.message()
    {
        check_written(writeln!(out, "{message}"))?;
    }
    drop(out);
    if confirm {
        let work = Work::begin(context);
        let confirmed = local.confirm_rollover(&|p| work.hear(p));
        work.end();
        context.say(confirmed_text(confirmed?));
    } else if !status.pending.is_empty() || status.reason_to_wait().is_some() {
        context.say("nothing was changed; check the clock, then: simdeck store rollover --confirm");
    }
    Ok(Exit::Done)
}

fn rules_text(rules: usize) -> String {
    if rules == 1 { "1 rule".to_owned() } else { format!("{rules} rules") }
}

/// Returns the result of a confirmed rollover in words.
fn confirmed_text(confirmed: ConfirmedRollover) -> String {
    let mut parts = Vec::new();
    if confirmed.is_clock_new {
        parts.push("accepted the clock".to_owned());
    }
    if confirmed.reopened > 0 {
        parts.push(format!("reopened the periods of {}", rules_text(confirmed.reopened)));
    }
    if confirmed.closed > 0 {
        parts.push(format!(
            "closed the periods of {}; simdeck history --kind period-rollover lists the steps, \
            simdeck undo takes them back",
            rules_text(confirmed.closed)
        ));
    }
    if parts.is_empty() { "nothing to close".to_owned() } else { parts.join("; ") }
}

pub fn run(context: &Context, command: StoreCommand) -> Outcome {
    match command {
        StoreCommand::Info => info(context),
        StoreCommand::Restore { file } => restore(context, &file),
        StoreCommand::Upgrade => upgrade(context),
        StoreCommand::Rollover { confirm } => rollover(context, &context.open_unreported()?, confirm),
        on_open => run_on_open(context, on_open),
    }
}

/// Returns one word for the state of the billing periods.
fn rollover_word(status: &RolloverStatus) -> &'static str {
    if status.pending.is_empty() {
        return if status.ahead.is_empty() { "none" } else { "ahead" };
    }
    if status.reason_to_wait().is_some() { "held" } else { "pending" }
}

fn info(context: &Context) -> Outcome {
    let info = Local::info(&context.local_path()?)?;
    let rollover = rollover_word(&info.rollover);
    let row = [
        info.path.display().to_string(),
        info.schema.to_string(),
        info.rev.to_string(),
        context.number(info.sims),
        context.number(info.size),
        context.number(info.wal_size),
        rollover.to_owned(),
    ];
    let json = json!({ "path": info.path.display().to_string(), "schema": info.schema, "rev": info.rev,
                       "sims": info.sims, "bytes": info.size, "wal_bytes": info.wal_size,
                       "rollover": rollover });
    let header = ["path", "schema", "rev", "sims", "bytes", "wal_bytes", "rollover"];
    list(context, &header, &[row.to_vec()], vec![json])?;
    if let Some(message) = info.rollover.message() {
        context.say(message);
    }
    if info.schema < info.known_schema {
        let known = info.known_schema;
        context.say(format!("the schema is older than this simdeck's ({known}): simdeck store upgrade"));
    }
    Ok(Exit::Done)
}

/// Refuses what `--readonly` forbids.
fn check_writable(context: &Context) -> Result<(), Failure> {
    if context.globals.readonly { Err(Error::ReadOnly.into()) } else { Ok(()) }
}

fn restore(context: &Context, file: &Path) -> Outcome {
    check_writable(context)?;
    let path = context.local_path()?;
    let work = Work::begin(context);
    let restored = Local::restore(&path, file, &|p| work.hear(p));
    work.end();
    let Restored { head, kept, side_files } = restored?;
    context.say(format!(
        "restored {} from {}, up to change #{}",
        path.display(),
        file.display(),
        head.rev
    ));
    if let Some(kept) = kept {
        context.say(format!("the old store is {}", kept.display()));
    }
    for file in side_files {
        context.say(format!("a file that belonged to no store was moved to {}", file.display()));
    }
    Ok(Exit::Done)
}

fn upgrade(context: &Context) -> Outcome {
    check_writable(context)?;
    match Local::upgrade(&context.local_path()?)? {
        Some(upgrade) => context.say_upgraded(&upgrade),
        None => context.say("the schema is current"),
    }
    Ok(Exit::Done)
}

fn run_on_open(context: &Context, command: StoreCommand) -> Outcome {
    let local = context.open_store()?;
    match command {
        StoreCommand::Info
        | StoreCommand::Restore { .. }
        | StoreCommand::Upgrade
        | StoreCommand::Rollover { .. } => {
            unreachable!("they open the store in their own way")
        }
        StoreCommand::Head => {
            check_written(writeln!(std::io::stdout().lock(), "{}", local.head()?))?;
            Ok(Exit::Done)
        }
        StoreCommand::Check { head } => {
            let mut faults = local.check()?;
            let head = head.map(|head| print_kept(&head)).transpose()?;
            if let Some(head) = &head
                && !local.holds(head)?
            {
                faults.push(format!("the log is not the one whose head was kept: #{} differs", head.rev));
            }
            let mut out = std::io::stdout().lock();
            for fault in &faults {
                check_written(writeln!(out, "{fault}"))?;
            }
            if faults.is_empty() {
                let up_to = head.map_or_else(String::new, |head| {
                    format!("; the log up to #{} is as it was", head.rev)
                });
                check_written(writeln!(out, "sound: {}{up_to}", local.path().display()))?;
            }
            drop(out);
            Ok(if faults.is_empty() { Exit::Done } else { Exit::Failed })
        }
        StoreCommand::Backup { file, force } => {
            let protected = context.protected_files::<&Path>([])?;
            let copy = OutputStore::create(&file, Existing::with_force(force), &protected)?;
            let work = Work::begin(context);
            let copied = local.backup(&copy.path(), &|p| work.hear(p));
            work.end();
            copied.map_err(|error| error.with_path(&copy.path(), &file))?;
            copy.finish()?;
            context.say(format!("wrote {}", file.display()));
            Ok(Exit::Done)
        }
    }
}
