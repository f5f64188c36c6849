//! Lists on standard output, in the form that was asked for; progress and cancelling.

use std::io::{IsTerminal, Write};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use estate::number::count;
use estate::text::{clean, defuse};
use estate::{Cancel, Progress, Time};
use serde_json::Value as Json;
use unicode_width::UnicodeWidthStr;

use super::{Context, Output};
use crate::failure::Failure;

/// Returns the result of writing to standard output. A reader that went away ends the command without an error: see
/// [`Failure::is_broken_pipe`]. Nothing exits here, so that temporary files are removed.
pub fn written(result: std::io::Result<()>) -> Result<(), Failure> {
    result.map_err(|e| Failure::io("cannot write", e))
}

/// Prints rows under a header; `json` gives each row as an object.
pub fn list(
    context: &Context,
    header: &[&str],
    rows: &[Vec<String>],
    json: Vec<Json>,
) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    written(match context.output() {
        Output::Json => {
            writeln!(out, "{}", serde_json::to_string_pretty(&Json::Array(json)).unwrap_or_default())
        }
        Output::Ndjson => json.iter().try_for_each(|row| writeln!(out, "{row}")),
        Output::Csv => csv(&mut out, header, rows),
        Output::Table => table(&mut out, header, rows),
    })
}

fn csv(out: &mut impl Write, header: &[&str], rows: &[Vec<String>]) -> std::io::Result<()> {
    // What went wrong with the stream itself stays what it was: a reader that went away is no failure.
    let plain = |error: csv::Error| match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => std::io::Error::other(format!("{other:?}")),
    };
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(header).map_err(plain)?;
    for row in rows {
        writer.write_record(row.iter().map(|cell| defuse(&clean(cell)).into_owned())).map_err(plain)?;
    }
    writer.flush()
}

/// Prints columns as wide as their widest cell.
pub fn table(out: &mut impl Write, header: &[&str], rows: &[Vec<String>]) -> std::io::Result<()> {
    let mut widths: Vec<usize> = header.iter().map(|h| h.width()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    let header: Vec<String> = header.iter().map(|h| h.to_uppercase()).collect();
    for row in std::iter::once(&header).chain(rows) {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(&clean(cell));
            line.push_str(&" ".repeat(width - cell.width().min(*width) + 2));
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// Shows progress on a terminal and hears Ctrl+C.
pub struct Work {
    interrupted: Arc<AtomicBool>,
    shown: Mutex<Option<Instant>>,
    visible: bool,
}

impl Work {
    /// Begins; Ctrl+C from now on cancels instead of killing.
    pub fn begin(context: &Context) -> Self {
        let interrupted = Arc::new(AtomicBool::new(false));
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            let _ = signal_hook::flag::register(signal, Arc::clone(&interrupted));
        }
        let visible = std::io::stderr().is_terminal() && !context.globals.quiet;
        Self { interrupted, shown: Mutex::new(None), visible }
    }

    /// Takes a report; breaks when Ctrl+C was pressed.
    pub fn hear(&self, progress: Progress) -> ControlFlow<()> {
        if self.interrupted.load(Ordering::Relaxed) {
            return ControlFlow::Break(());
        }
        self.show(progress);
        ControlFlow::Continue(())
    }

    fn show(&self, progress: Progress) {
        let Ok(mut shown) = self.shown.lock() else { return };
        if !self.visible || shown.is_some_and(|at| at.elapsed() < Duration::from_millis(250)) {
            return;
        }
        *shown = Some(Instant::now());
        let of = if progress.total > 0 { format!(" of {}", count(progress.total)) } else { String::new() };
        let _ = write!(std::io::stderr(), "\r\x1b[K{} {}{of}", progress.phase, count(progress.done));
    }

    /// What Ctrl+C stops a read by, wherever it is.
    pub fn cancel(&self) -> Cancel {
        Cancel::when(Arc::clone(&self.interrupted))
    }

    /// A handle for reads that Ctrl+C has to stop.
    pub fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    /// Takes the progress line away.
    pub fn end(&self) {
        if self.visible && self.shown.lock().is_ok_and(|shown| shown.is_some()) {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

/// Parses a time of an option, or an age such as `7d`.
pub fn time_or_ago(text: &str) -> estate::Result<Time> {
    Time::parse_or_ago(text, Time::now())
}

/// A read nobody cancels.
pub fn plain() -> Cancel {
    Cancel::new()
}
