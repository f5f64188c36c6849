//! `simdeck store check`, `store head` and `store backup`.

use std::io::Write;
use std::path::{Path, PathBuf};

use estate::Head;

use super::output::{Work, written};
use super::{Context, Outcome};
use crate::failure::{Exit, Failure};
use crate::files::{Existing, OutputStore, expand_home, path_parser};

/// What can be done to the store itself.
#[derive(Debug, clap::Subcommand)]
pub enum One {
    /// Look for damage: pages, references, counts, and the hash chain of the log.
    Check {
        /// A head of the log that was kept elsewhere: N:HASH, or the file it is in. Whatever was changed before it since
        /// shows.
        #[arg(long, value_name = "HEAD")]
        head: Option<String>,
    },
    /// Print the head of the log: it covers every change so far. Keep it elsewhere, and check against it later.
    Head,
    /// Copy the store to a new file while it is in use.
    Backup {
        /// The new file.
        #[arg(value_parser = path_parser())]
        file: PathBuf,
        /// Replace the file if it exists.
        #[arg(long)]
        force: bool,
    },
}

/// A head as it was printed, or the file it was kept in.
fn kept(head: &str) -> Result<Head, Failure> {
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

pub fn run(context: &Context, command: One) -> Outcome {
    let local = context.open_store()?;
    match command {
        One::Head => {
            written(writeln!(std::io::stdout().lock(), "{}", local.head()?))?;
            Ok(Exit::Done)
        }
        One::Check { head } => {
            let mut faults = local.check()?;
            let head = head.map(|head| kept(&head)).transpose()?;
            if let Some(head) = &head
                && !local.holds(head)?
            {
                faults.push(format!("the log is not the one whose head was kept: #{} differs", head.rev));
            }
            let mut out = std::io::stdout().lock();
            for fault in &faults {
                written(writeln!(out, "{fault}"))?;
            }
            if faults.is_empty() {
                let up_to = head
                    .map_or_else(String::new, |head| format!("; the log up to #{} is as it was", head.rev));
                written(writeln!(out, "sound: {}{up_to}", local.path().display()))?;
            }
            Ok(if faults.is_empty() { Exit::Done } else { Exit::Failed })
        }
        One::Backup { file, force } => {
            let protected = context.protected::<&Path>([])?;
            let copy = OutputStore::create(&file, Existing::with_force(force), &protected)?;
            let work = Work::begin(context);
            let copied = local.backup(&copy.path(), &|p| work.hear(p));
            work.end();
            copied?;
            copy.finish()?;
            context.say(format!("wrote {}", file.display()));
            Ok(Exit::Done)
        }
    }
}
