//! Files that are written for people.

use std::io::{BufWriter, Read};
use std::path::Path;
use std::time::Instant;

use estate::export::{Exporter, Format, columns};
use estate::{CancelToken, Error, Estate, LogFilter, Progress, Query, Result, Rev, Sim, Target};

use super::PROGRESS;
use crate::files::{Existing, OutputFile, Protected};
use crate::tui::msg::{Effect, Msg};

/// Whether an effect writes a file.
pub fn writes(effect: &Effect) -> bool {
    matches!(
        effect,
        Effect::Export { .. }
            | Effect::Report { .. }
            | Effect::Write { .. }
            | Effect::ExportHistory { .. }
    )
}

/// Writes the file; `None` where there is none to write.
pub fn write_report(
    estate: &dyn Estate,
    effect: Effect,
    cancel: &CancelToken,
    tell: &(dyn Fn(Progress) + Sync),
) -> Option<Msg> {
    Some(match effect {
        Effect::Export { query, target, path, fields, format } => {
            let what = Exported {
                query: &query,
                target: target.as_deref(),
                path: &path,
                fields: &fields,
                format,
            };
            let written = export(estate, &what, cancel, tell);
            Msg::Exported(path, written)
        }
        Effect::Report { rev, path } => {
            let written = report(estate, rev, &path, cancel);
            Msg::Exported(path, written)
        }
        Effect::Write { path, text, lines } => {
            let file = create(estate, &path);
            let written = file.and_then(|file| Ok(file.write_all(text.as_bytes())?)).map(|()| lines);
            Msg::Exported(path, written)
        }
        Effect::ExportHistory { wanted, path } => {
            let written = history(estate, &wanted, &path, cancel);
            Msg::Exported(path, written)
        }
        _ => return None,
    })
}

/// Begins a file at a path typed on the screen. Nothing is replaced, and the open store is
/// protected.
fn create(estate: &dyn Estate, path: &Path) -> Result<OutputFile> {
    Ok(OutputFile::create(path, Existing::Keep, &protected_files(estate))?)
}

/// Opens a file at a path typed on the screen.
pub fn open_input(estate: &dyn Estate, path: &Path) -> Result<Box<dyn Read + Send>> {
    protected_files(estate).open_input(path)
}

fn protected_files(estate: &dyn Estate) -> Protected {
    Protected::of_store(estate.local().map(|local| local.path().to_owned()))
}

/// What an export writes, and where.
struct Exported<'a> {
    query: &'a Query,
    target: Option<&'a Target>,
    path: &'a Path,
    fields: &'a [String],
    format: Format,
}

fn export(
    estate: &dyn Estate,
    what: &Exported<'_>,
    cancel: &CancelToken,
    tell: &(dyn Fn(Progress) + Sync),
) -> Result<u64> {
    let path = what.path;
    let accounts = estate.accounts(cancel)?;
    let file = create(estate, path)?;
    let out = BufWriter::new(file.writer()?);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut exporter = Exporter::with_temporary_files(out, what.format, columns(what.fields)?, folder)?;
    let (mut done, mut told) = (0, Instant::now());
    let mut sink = |sim: &Sim| {
        exporter.write(sim, &accounts)?;
        done += 1;
        if done % 1_000 == 0 && told.elapsed() >= PROGRESS {
            told = Instant::now();
            tell(Progress { phase: "writing", done, total: 0 });
        }
        Ok(!cancel.is_cancelled())
    };
    estate.export(what.query, what.target, &mut sink, cancel)?;
    let written = exporter.finish()?;
    file.finish()?;
    Ok(written)
}

fn report(estate: &dyn Estate, rev: Rev, path: &Path, cancel: &CancelToken) -> Result<u64> {
    let broken = |e: csv::Error| Error::io(format!("cannot write {}", path.display()), e.into());
    let file = create(estate, path)?;
    let mut writer = csv::Writer::from_writer(file.writer()?);
    let head = ["iccid", "label", "outcome", "reason", "from", "to", "before", "after"];
    writer.write_record(head).map_err(broken)?;
    let (mut after, mut written) = (None, 0);
    loop {
        let items = estate.change_items(rev, None, after, 10_000, cancel)?;
        for item in &items {
            let (outcome, reason) = (item.outcome.word(), item.reason.code());
            let cells = [
                &item.iccid,
                &item.label,
                outcome,
                reason,
                &item.from,
                &item.to,
                &item.before,
                &item.after,
            ];
            writer.write_record(cells.map(|c| estate::text::defuse(c).into_owned())).map_err(broken)?;
        }
        written += items.len() as u64;
        after = items.last().map(|i| i.sim);
        if items.len() < 10_000 {
            break;
        }
    }
    writer.flush().map_err(|e| Error::io(format!("cannot write {}", path.display()), e))?;
    drop(writer);
    file.finish()?;
    Ok(written)
}

/// Writes every change that fits.
fn history(estate: &dyn Estate, wanted: &LogFilter, path: &Path, cancel: &CancelToken) -> Result<u64> {
    let broken = |e: csv::Error| Error::io(format!("cannot write {}", path.display()), e.into());
    let file = create(estate, path)?;
    let mut writer = csv::Writer::from_writer(file.writer()?);
    let head = ["rev", "at", "by", "via", "kind", "summary", "done", "left_out", "undone", "change_id"];
    writer.write_record(head).map_err(broken)?;
    let (mut before, mut written) = (wanted.before, 0);
    loop {
        let page = LogFilter { before, limit: 1_000, ..wanted.clone() };
        let entries = estate.entries(&page, cancel)?;
        for entry in &entries {
            let undone = if entry.undone { "yes" } else { "no" };
            let cells = [
                entry.rev.to_string(),
                entry.at.to_string(),
                entry.by.clone(),
                entry.via.clone(),
                entry.kind.clone(),
                entry.summary.clone(),
                entry.counts.done.to_string(),
                entry.counts.missed_count().to_string(),
                undone.to_owned(),
                entry.id.to_string(),
            ];
            writer
                .write_record(cells.iter().map(|c| estate::text::defuse(c).into_owned()))
                .map_err(broken)?;
        }
        written += entries.len() as u64;
        before = entries.last().map(|entry| entry.rev);
        if entries.len() < 1_000 {
            break;
        }
    }
    writer.flush().map_err(|e| Error::io(format!("cannot write {}", path.display()), e))?;
    drop(writer);
    file.finish()?;
    Ok(written)
}

/// The most ICCIDs a clipboard could take.
const COPIED: usize = 5_000;

/// The ICCIDs of a target, as many as a clipboard could take.
pub fn iccids(
    estate: &dyn Estate,
    target: &Target,
    query: &Query,
    cancel: &CancelToken,
) -> Result<Vec<String>> {
    let mut list = Vec::new();
    let read = estate.export(
        query,
        Some(target),
        &mut |sim| {
            list.push(sim.iccid.clone());
            Ok(list.len() < COPIED)
        },
        cancel,
    );
    match read {
        Err(Error::Cancelled) if list.len() >= COPIED => Ok(list),
        other => other.map(|_| list),
    }
}
