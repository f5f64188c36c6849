//! `simdeck store check` and `simdeck store backup`.

use std::io::Write;
use std::path::PathBuf;

use super::output::{Work, written};
use super::{Context, Outcome};
use crate::failure::Exit;

/// What can be done to the store itself.
#[derive(Debug, clap::Subcommand)]
pub enum One {
    /// Look for damage: pages, references, counts, and the hash chain of the log.
    Check,
    /// Copy the store to a new file while it is in use.
    Backup {
        /// The new file.
        file: PathBuf,
    },
}

pub fn run(context: &Context, command: One) -> Outcome {
    let local = context.open()?;
    match command {
        One::Check => {
            let faults = local.check()?;
            let mut out = std::io::stdout().lock();
            for fault in &faults {
                written(writeln!(out, "{fault}"))?;
            }
            if faults.is_empty() {
                written(writeln!(out, "sound: {}", local.path().display()))?;
            }
            Ok(if faults.is_empty() { Exit::Done } else { Exit::Failed })
        }
        One::Backup { file } => {
            let work = Work::begin(context);
            let copied = local.backup(&file, &|p| work.hear(p));
            work.end();
            copied?;
            context.say(format!("wrote {}", file.display()));
            Ok(Exit::Done)
        }
    }
}
