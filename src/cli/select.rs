//! Which SIMs a command means: a filter, a list of identifiers, or all of them.

use std::io::Read;

use estate::{Estate, Filter, List, Order, Query, Target, Time};

use super::Context;
use super::output::plain;
use crate::failure::Failure;

/// The options that choose SIMs.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Select {
    /// The SIMs, in the filter language: status=active in:"/Acme Ltd" used>1GB
    #[arg(value_name = "FILTER")]
    positional: Option<String>,
    /// The same, for filters that begin with a hyphen.
    #[arg(long, value_name = "FILTER", conflicts_with = "positional", allow_hyphen_values = true)]
    filter: Option<String>,
}

impl Select {
    /// The filter's text.
    pub fn text(&self) -> Option<&str> {
        self.positional.as_deref().or(self.filter.as_deref())
    }
}

/// Reads a filter; an error knows its text.
pub fn parse(text: &str) -> Result<Filter, Failure> {
    Filter::parse(text).map_err(|error| Failure::Filter { error, text: text.to_owned() })
}

/// Every SIM the user sees that a filter matches.
pub fn query(estate: &dyn Estate, text: Option<&str>) -> Result<Query, Failure> {
    let filter = parse(text.unwrap_or_default())?;
    Ok(Query { filter, ..Query::all(estate.me().account, Time::now()) })
}

/// Reads `used:desc,iccid`.
pub fn sort(text: &str) -> Result<Order, Failure> {
    Order::parse(text).map_err(|e| Failure::Usage(e.to_string()))
}

/// The SIMs of a changing command, and how many listed entries fit none.
pub fn target(
    context: &Context,
    estate: &dyn Estate,
    select: &Select,
    from_file: Option<&str>,
    all: bool,
) -> Result<(Target, u64), Failure> {
    match (select.text(), from_file) {
        (Some(_), Some(_)) => Err(Failure::Usage("give a filter or --from-file, not both".into())),
        (Some(text), None) => Ok((Target::query(query(estate, Some(text))?), 0)),
        (None, Some(file)) => {
            let found = estate.lookup(&slurp(file)?, &plain())?;
            for entry in &found.unknown {
                context.say(format!("unknown: {entry}"));
            }
            Ok((Target::ids(found.found), found.unknown.len() as u64))
        }
        (None, None) if all => Ok((Target::query(query(estate, None)?), 0)),
        (None, None) => Err(Failure::Usage("say which SIMs: a FILTER, --from-file or --all".into())),
    }
}

/// Reads a list of identifiers.
fn slurp(file: &str) -> Result<List, Failure> {
    let mut bytes = Vec::new();
    let read = match file {
        "-" => std::io::stdin().read_to_end(&mut bytes).map(|_| ()),
        path => std::fs::read(path).map(|read| bytes = read),
    };
    read.map_err(|e| Failure::io(format!("cannot read {file}"), e))?;
    Ok(List::read_bytes(&bytes)?)
}
