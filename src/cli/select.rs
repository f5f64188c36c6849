//! Which SIMs a command means: a filter, a saved one, a list of identifiers, or all of them.

use std::path::{Path, PathBuf};

use estate::{AccountId, Estate, Filter, List, Order, Query, Saved, Target, Time, saved};

use super::Context;
use super::output::plain;
use super::report::{self, Report, ReportOptions};
use crate::failure::Failure;
use crate::files::{Existing, STREAM, is_same_path, path_parser};

/// The options that choose SIMs.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Select {
    /// The SIMs, in the filter language: status=active in:"/Acme Ltd" used>1GB
    #[arg(value_name = "FILTER")]
    positional: Option<String>,
    /// The same, for filters that begin with a hyphen.
    #[arg(long, value_name = "FILTER", conflicts_with = "positional", allow_hyphen_values = true)]
    filter: Option<String>,
    /// A saved or quick filter by its name, with the account and the order it keeps; a FILTER
    /// narrows it.
    #[arg(long, value_name = "NAME")]
    saved: Option<String>,
    /// The SIMs of a list: ICCIDs, IMSIs, MSISDNs, EIDs or IMEIs, by header or by form; - is
    /// standard input. A FILTER narrows it.
    #[arg(long, value_name = "FILE", value_parser = path_parser())]
    from_file: Option<PathBuf>,
    #[command(flatten)]
    report: ReportOptions,
}

/// The SIMs that were chosen.
pub struct Selected {
    /// What they are.
    pub query: Query,
    /// Entries of the list that match no SIM; their summary was printed.
    pub unknown: Vec<String>,
}

/// The top of what is seen: of a token for one account that is no more than the account.
pub fn top(estate: &dyn Estate) -> Result<AccountId, Failure> {
    let accounts = estate.accounts(&plain())?;
    Ok(accounts.top().map_or(estate.me().account, |top| top.id))
}

impl Select {
    /// The filter's text.
    fn text(&self) -> Option<&str> {
        self.positional.as_deref().or(self.filter.as_deref())
    }

    /// Returns the treatment of output files that exist.
    pub fn existing(&self) -> Existing {
        self.report.existing()
    }

    /// Refuses an output file that is also the file of `--report`.
    pub fn check_not_report(&self, to: &Path) -> Result<(), Failure> {
        match self.report.path() {
            Some(report) if report != Path::new(STREAM) && is_same_path(report, to) => {
                Err(Failure::Usage("--to and --report name the same file".into()))
            }
            _ => Ok(()),
        }
    }

    /// Returns the list that is read, if there is one.
    pub fn input(&self) -> Option<&Path> {
        self.from_file.as_deref()
    }

    /// The SIMs that are meant, as far as the user sees them; in the order asked for, or that the
    /// saved filter keeps. Entries of the list without a SIM are summarised, and written to the
    /// report.
    pub fn read(
        &self,
        context: &Context,
        estate: &dyn Estate,
        sort: Option<&str>,
    ) -> Result<Selected, Failure> {
        let report = self.report.open(context, self.input())?;
        let selected = self.choose(context, estate, sort)?;
        report.with_unknown(selected.unknown.clone()).write(estate, None)?;
        Ok(selected)
    }

    fn choose(
        &self,
        context: &Context,
        estate: &dyn Estate,
        sort: Option<&str>,
    ) -> Result<Selected, Failure> {
        let mut query = Query::all(top(estate)?, Time::now());
        let mut selected = parse(self.text().unwrap_or_default())?;
        if let Some(name) = &self.saved {
            let saved = identifiers_named(estate, name)?;
            let accounts = estate.accounts(&plain())?;
            if let Some(scope) = &saved.scope {
                (query.under, query.deep) = (scope.account(&accounts)?, scope.deep);
            }
            if let Some(sort) = &saved.sort {
                query.sort = Order::parse(sort)?;
            }
            selected = parse(&saved.filter)?.and(selected);
        }
        let mut unknown = Vec::new();
        if let Some(file) = &self.from_file {
            let found = estate.lookup(&read_list(context, file)?, &plain())?;
            selected = found.filter().and(selected);
            unknown = found.unknown;
            if let Some(line) = report::unknown_line(&unknown) {
                let is_cut = report::is_cut(&unknown) && !self.report.is_given();
                context.say(if is_cut { format!("{line}; --report FILE lists them all") } else { line });
            }
        }
        query.filter = selected;
        if let Some(sort) = sort {
            query.sort = Order::parse(sort).map_err(|e| Failure::Usage(e.to_string()))?;
        }
        Ok(Selected { query, unknown })
    }

    /// The SIMs of a changing command: never all of them unless that is said.
    pub fn target(
        &self,
        context: &Context,
        estate: &dyn Estate,
        all: bool,
    ) -> Result<(Target, Report), Failure> {
        let report = self.report.open(context, self.input())?;
        let selected = self.choose(context, estate, None)?;
        // An empty filter, as from a variable that is not set, does not mean all of them.
        if !all && selected.query.filter == Filter::All && selected.query.under == top(estate)? {
            let choices = "a FILTER, --saved, --from-file or --all";
            return Err(Failure::Usage(format!("say which SIMs: {choices}")));
        }
        Ok((Target::query(selected.query), report.with_unknown(selected.unknown)))
    }
}

/// Reads a filter; an error knows its text.
pub fn parse(text: &str) -> Result<Filter, Failure> {
    Filter::parse(text).map_err(|error| Failure::Filter { error, text: text.to_owned() })
}

/// A saved filter of the user's, or a quick one.
pub fn identifiers_named(estate: &dyn Estate, name: &str) -> Result<Saved, Failure> {
    let mut all = estate.saved_filters(&plain())?;
    all.extend(saved::quick(&*estate.accounts(&plain())?));
    let at = saved::find(&all, name)?;
    Ok(all.swap_remove(at))
}

/// Reads a list of identifiers.
fn read_list(context: &Context, file: &Path) -> Result<List, Failure> {
    List::read_stream(context.open_input(file)?)
        .map_err(|error| Failure::File { file: file.display().to_string(), error })
}
