//! `--report`: the SIMs that a change skipped and the list entries without a SIM, as a CSV file;
//! and their summary.

use std::path::{Path, PathBuf};

use estate::number::count;
use estate::text::{clean, defuse};
use estate::{Estate, Item, Outcome as Fate, Reason, Receipt};
use serde_json::json;

use super::Context;
use super::output::plain;
use crate::failure::Failure;
use crate::files::{Existing, OutputFile, path_parser};

/// ICCIDs that a summary names; the rest is counted.
const NAMED: usize = 3;
/// SIMs that are read at once.
const PAGE: u32 = 10_000;

/// The options for a report file.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ReportOptions {
    /// Write every skipped SIM and every listed number without a SIM to a new CSV file; - is
    /// standard output.
    #[arg(long, value_name = "FILE", value_parser = path_parser())]
    report: Option<PathBuf>,
    /// Replace an output file that exists.
    #[arg(long)]
    force: bool,
}

impl ReportOptions {
    /// Is true when a report was asked for.
    pub fn is_given(&self) -> bool {
        self.report.is_some()
    }

    /// Returns the file that was asked for.
    pub fn path(&self) -> Option<&Path> {
        self.report.as_deref()
    }

    /// Returns the treatment of output files that exist.
    pub fn existing(&self) -> Existing {
        Existing::with_force(self.force)
    }

    /// Begins the report. `input` is the list being read, which the report must not replace.
    pub fn open(&self, context: &Context, input: Option<&Path>) -> Result<Report, Failure> {
        let protected = context.protected_files(input)?;
        let file = self.report.as_deref();
        let file = file.map(|path| OutputFile::create_or_stdout(path, self.existing(), &protected));
        Ok(Report { file: file.transpose()?, unknown: Vec::new() })
    }
}

/// A report being gathered. Its file appears when it is written.
#[derive(Debug, Default)]
pub struct Report {
    file: Option<OutputFile>,
    /// Entries of the list that match no SIM.
    unknown: Vec<String>,
}

impl Report {
    /// Adds the entries of a list that match no SIM.
    #[must_use]
    pub fn with_unknown(mut self, unknown: Vec<String>) -> Self {
        self.unknown = unknown;
        self
    }

    /// Returns the entries of the list that match no SIM.
    pub fn unknown(&self) -> &[String] {
        &self.unknown
    }

    /// Is true when a file was asked for.
    pub fn has_file(&self) -> bool {
        self.file.is_some()
    }

    /// Writes the file, if one was asked for, with the SIMs that `receipt` counts as missed.
    pub fn write(self, estate: &dyn Estate, receipt: Option<&Receipt>) -> Result<(), Failure> {
        let Some(file) = self.file else { return Ok(()) };
        let failed = |e: csv::Error| Failure::io("cannot write the report", e.into());
        let mut writer = csv::Writer::from_writer(file.writer()?);
        writer.write_record(["iccid", "label", "account", "outcome", "reason"]).map_err(failed)?;
        for entry in &self.unknown {
            writer
                .write_record([&*defuse(&clean(entry)), "", "", "unknown", "not-found"])
                .map_err(failed)?;
        }
        if let Some(receipt) = receipt {
            each_missed(estate, receipt, &mut |item| {
                let (outcome, reason) = (item.outcome.word(), item.reason.code());
                let cells = [&item.iccid, &item.label, &item.from, outcome, reason];
                writer.write_record(cells.map(|cell| defuse(cell).into_owned())).map_err(failed)
            })?;
        }
        writer.flush().map_err(|e| Failure::io("cannot write the report", e))?;
        drop(writer);
        Ok(file.finish()?)
    }
}

/// Calls `take` with every SIM that was not changed although it was asked for.
fn each_missed(
    estate: &dyn Estate,
    receipt: &Receipt,
    take: &mut dyn FnMut(&Item) -> Result<(), Failure>,
) -> Result<(), Failure> {
    for fate in [Fate::Refused, Fate::Conflict, Fate::Failed, Fate::Pending] {
        // No more are read than the receipt counts, whatever a server goes on sending.
        let (mut after, mut left) = (None, receipt.counts.get(fate));
        while left > 0 {
            let items = estate.change_items(receipt.rev, Some(fate), after, PAGE, &plain())?;
            items.iter().try_for_each(&mut *take)?;
            after = items.last().map(|item| item.sim);
            left = if items.len() < PAGE as usize { 0 } else { left.saturating_sub(items.len() as u64) };
        }
    }
    Ok(())
}

/// SIMs that were skipped for one reason: how many, and the first few.
#[derive(Debug)]
pub struct Skipped {
    fate: Fate,
    reason: Reason,
    sims: u64,
    iccids: Vec<String>,
}

impl Skipped {
    /// Returns the skipped SIMs of a change by reason, most SIMs first.
    pub fn of(estate: &dyn Estate, receipt: &Receipt) -> Result<Vec<Self>, Failure> {
        let mut groups: Vec<Self> = Vec::new();
        each_missed(estate, receipt, &mut |item| {
            let known = groups.iter().position(|g| (g.fate, g.reason) == (item.outcome, item.reason));
            let at = known.unwrap_or_else(|| {
                let (fate, reason) = (item.outcome, item.reason);
                groups.push(Self { fate, reason, sims: 0, iccids: Vec::new() });
                groups.len() - 1
            });
            groups[at].sims += 1;
            if groups[at].iccids.len() < NAMED {
                groups[at].iccids.push(item.iccid.clone());
            }
            Ok(())
        })?;
        groups.sort_by_key(|group| std::cmp::Reverse(group.sims));
        Ok(groups)
    }

    /// Returns the summary line: `196 skipped: terminated (8944…, 8944…, 8944… and 193 more)`.
    pub fn line(&self) -> String {
        let word = match self.fate {
            Fate::Failed => "failed",
            Fate::Pending => "pending",
            _ => "skipped",
        };
        let reason = match self.reason {
            Reason::None => "",
            Reason::Terminated => ": terminated",
            reason => &format!(": {}", reason.text()),
        };
        format!("{} {word}{reason} ({})", count(self.sims), column_named(&self.iccids, self.sims))
    }

    /// Is true when the summary leaves SIMs unnamed.
    pub fn is_cut(&self) -> bool {
        self.sims > self.iccids.len() as u64
    }

    /// Returns the group for JSON output.
    pub fn json(&self) -> serde_json::Value {
        json!({ "outcome": self.fate.word(), "reason": self.reason.code(), "sims": self.sims, "iccids": self.iccids })
    }
}

/// Returns the summary of list entries that match no SIM; `None` where there are none.
pub fn unknown_line(unknown: &[String]) -> Option<String> {
    let total = unknown.len() as u64;
    (total > 0).then(|| format!("{} unknown: {}", count(total), column_named(unknown, total)))
}

/// Is true when the summary of `unknown` leaves entries unnamed.
pub fn is_cut(unknown: &[String]) -> bool {
    unknown.len() > NAMED
}

/// Names the first few of `total` and counts the rest.
fn column_named(all: &[String], total: u64) -> String {
    let first = all.iter().take(NAMED).map(|one| clean(one).into_owned()).collect::<Vec<_>>();
    let more = total - first.len() as u64;
    let rest = if more > 0 { format!(" and {} more", count(more)) } else { String::new() };
    format!("{}{rest}", first.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_names_the_first_few_and_counts_the_rest() {
        let iccids: Vec<String> = ["1", "2", "3"].map(str::to_owned).to_vec();
        let group = |sims, reason| Skipped { fate: Fate::Refused, reason, sims, iccids: iccids.clone() };
        let many = group(1_196, Reason::Terminated);
        assert_eq!(many.line(), "1,196 skipped: terminated (1, 2, 3 and 1,193 more)");
        assert!(many.is_cut() && !group(3, Reason::NoCap).is_cut());
        assert_eq!(
            group(3, Reason::NoCap).line(),
            "3 skipped: it has no cap to take a share of (1, 2, 3)"
        );
        assert_eq!(unknown_line(&[]), None);
        assert_eq!(unknown_line(&iccids[..1]).as_deref(), Some("1 unknown: 1"));
    }
}
