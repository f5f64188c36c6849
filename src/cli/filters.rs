//! `simdeck filters` and `simdeck filter`: the filters a user keeps.

use std::path::{Path, PathBuf};

use estate::saved::{self, SavedColumn, SavedScope};
use estate::{Column, Estate, Saved, SavedEdit};
use serde_json::json;

use super::output::{self, plain};
use super::{Context, Outcome, select};
use crate::failure::{Exit, Failure};
use crate::files::{Existing, OutputFile, STREAM, path_parser};

/// List your saved filters and the quick filters that everybody has.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// Only those you saved.
    #[arg(long)]
    own: bool,
}

/// What can be done with saved filters.
#[derive(Debug, clap::Subcommand)]
pub enum FilterCommand {
    /// Save a filter under a name.
    #[command(
        after_help = "Example:\n  simdeck filter save 'North, near cap' 'used_pct>=80' --in /Acme/North --sort used_pct:desc --digit 9"
    )]
    Save(SaveArgs),
    /// Give a saved filter another name.
    Rename {
        /// Its name now.
        name: String,
        /// Its new name.
        to: String,
    },
    /// Have a digit from 1 to 9 call it on the screen; 0 for none.
    Bind {
        /// Its name.
        name: String,
        /// The digit.
        #[arg(value_parser = clap::value_parser!(u8).range(0..=9))]
        digit: u8,
    },
    /// Delete a saved filter.
    Delete {
        /// Its name.
        name: String,
    },
    /// Write your saved filters to a file for others; without one, to standard output.
    Export {
        /// The new file; - is standard output.
        #[arg(value_parser = path_parser())]
        file: Option<PathBuf>,
        /// Replace the file if it exists.
        #[arg(long, requires = "file")]
        force: bool,
    },
    /// Take the saved filters of a file in, all of them or none.
    Import {
        /// The file.
        #[arg(value_parser = path_parser())]
        file: PathBuf,
        /// Replace filters of the same name.
        #[arg(long)]
        replace: bool,
    },
}

/// What is saved.
#[derive(Debug, clap::Args)]
pub struct SaveArgs {
    /// Its name.
    name: String,
    /// The filter.
    #[arg(value_name = "FILTER")]
    positional: Option<String>,
    /// The same, for filters that begin with a hyphen.
    #[arg(long, value_name = "FILTER", conflicts_with = "positional", allow_hyphen_values = true)]
    filter: Option<String>,
    /// The order it keeps.
    #[arg(long, value_name = "COLUMN[:desc],…")]
    sort: Option<String>,
    /// The columns it keeps on the screen, in order.
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    columns: Vec<String>,
    /// The account it is looked at in, with all below it.
    #[arg(long = "in", value_name = "PATH")]
    scope: Option<String>,
    /// The digit that calls it on the screen.
    #[arg(long, value_name = "1-9", value_parser = clap::value_parser!(u8).range(1..=9))]
    digit: Option<u8>,
    /// Replace one of the same name.
    #[arg(long)]
    replace: bool,
}

pub fn list(context: &Context, args: &ListArgs) -> Outcome {
    let local = context.open()?;
    let own = local.saved_filters(&plain())?;
    let quick = if args.own { Vec::new() } else { saved::quick(&*local.accounts(&plain())?) };
    let all: Vec<(bool, &Saved)> =
        own.iter().map(|s| (true, s)).chain(quick.iter().map(|s| (false, s))).collect();
    let local_saved = own.clone();
    let objects =
        all.iter().map(|(own, saved)| object(digit_of(*own, saved, &local_saved), *own, saved)).collect();
    let row = |(own, saved): &(bool, &Saved)| {
        let digit = digit_of(*own, saved, &local_saved).map_or_else(String::new, |d| d.to_string());
        let scope = saved.scope.as_ref().map_or_else(String::new, |s| s.path.clone());
        let kind = if *own { "own" } else { "quick" };
        let sort = saved.sort.clone().unwrap_or_default();
        vec![saved.name.clone(), kind.to_owned(), digit, saved.filter.clone(), scope, sort]
    };
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    let head = ["name", "kind", "digit", "filter", "in", "sort"];
    output::list(context, &head, &rows, objects)?;
    Ok(Exit::Done)
}

/// A quick filter's digit may be taken by one of the user's own.
fn digit_of(own: bool, saved: &Saved, all_own: &[Saved]) -> Option<u8> {
    saved.digit.filter(|digit| own || all_own.iter().all(|s| s.digit != Some(*digit)))
}

fn object(digit: Option<u8>, own: bool, saved: &Saved) -> serde_json::Value {
    json!({
        "name": saved.name,
        "kind": if own { "own" } else { "quick" },
        "digit": digit,
        "filter": saved.filter,
        "in": saved.scope.as_ref().map(|s| &s.path),
        "sort": saved.sort,
        "columns": saved.columns.iter().map(|c| &c.name).collect::<Vec<_>>(),
    })
}

impl FilterCommand {
    /// True if the command writes to the store.
    pub fn changes(&self) -> bool {
        !matches!(self, Self::Export { .. })
    }
}

pub fn one(context: &Context, one: FilterCommand) -> Outcome {
    let local = context.open()?;
    let said = match one {
        FilterCommand::Save(args) => {
            let saved = read(local.as_ref(), &args)?;
            let name = saved.name.clone();
            local.edit_saved(&[SavedEdit::Put(saved, args.replace)])?;
            format!("Saved {name}")
        }
        FilterCommand::Rename { name, to } => {
            local.edit_saved(&[SavedEdit::Rename(name.clone(), to.clone())])?;
            format!("{name} is called {to}")
        }
        FilterCommand::Bind { name, digit } => {
            local.edit_saved(&[SavedEdit::Digit(name.clone(), Some(digit).filter(|d| *d > 0))])?;
            if digit > 0 { format!("{digit} calls {name}") } else { format!("No digit calls {name}") }
        }
        FilterCommand::Delete { name } => {
            local.edit_saved(&[SavedEdit::Delete(name.clone())])?;
            format!("Deleted {name}")
        }
        FilterCommand::Export { file, force } => {
            let file = file.unwrap_or_else(|| STREAM.into());
            return export(context, &local.saved_filters(&plain())?, &file, Existing::with_force(force));
        }
        FilterCommand::Import { file, replace } => {
            let filters = saved::from_stream(context.open_input(&file)?)
                .map_err(|error| Failure::File { file: file.display().to_string(), error })?;
            let edits: Vec<SavedEdit> = filters.into_iter().map(|s| SavedEdit::Put(s, replace)).collect();
            local.edit_saved(&edits)?;
            format!("Took in {} filters", edits.len())
        }
    };
    context.say(said);
    Ok(Exit::Done)
}

fn read(local: &dyn Estate, args: &SaveArgs) -> Result<Saved, Failure> {
    let text = args.positional.as_deref().or(args.filter.as_deref()).unwrap_or_default();
    // Printed anew: what is kept reads the same for everyone.
    let filter = select::parse(text)?.to_string();
    let column = |name: &String| {
        let name = name.trim();
        let known = Column::all().map(Column::name).collect::<Vec<_>>().join(" ");
        let column = Column::from_name(name)
            .ok_or_else(|| Failure::Usage(format!("no column is called {name}; there are {known}")))?;
        let pinned = column == Column::Iccid;
        Ok(SavedColumn { name: column.name().to_owned(), width: None, pinned })
    };
    let columns = args.columns.iter().map(column).collect::<Result<Vec<_>, Failure>>()?;
    let scope = match &args.scope {
        None => None,
        Some(path) => {
            let accounts = local.accounts(&plain())?;
            let id = accounts.find(path)?;
            Some(SavedScope { account: Some(id.0), path: accounts.path(id), deep: true })
        }
    };
    Ok(Saved {
        name: args.name.clone(),
        filter,
        sort: args.sort.clone(),
        columns,
        scope,
        digit: args.digit,
    })
}

fn export(context: &Context, list: &[Saved], path: &Path, existing: Existing) -> Outcome {
    let protected = context.protected_files::<&Path>([])?;
    let file = OutputFile::create_or_stdout(path, existing, &protected)?;
    file.write_all(saved::to_file(list).as_bytes())?;
    if path != Path::new(STREAM) {
        context.say(format!("Wrote {} filters to {}", list.len(), path.display()));
    }
    Ok(Exit::Done)
}
