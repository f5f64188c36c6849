//! Lists on standard output, in the form that was asked for; progress and cancelling.

use std::io::{IsTerminal, Write};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use estate::number::count;
use estate::text::{clean, defuse};
use estate::{CancelToken, Progress, Time};
use serde_json::Value as Json;
use unicode_width::UnicodeWidthStr;

use super::{Context, Output};
use crate::failure::Failure;
use crate::wire::wait_phase;

/// Returns the result of writing to standard output. A reader that went away ends the command
/// without an error: see [`Failure::is_broken_pipe`]. Nothing exits here, so that temporary files
/// are removed.
pub fn check_written(result: std::io::Result<()>) -> Result<(), Failure> {
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
    check_written(match context.output() {
        Output::Json => {
            writeln!(out, "{}", serde_json::to_string_pretty(&Json::Array(json)).unwrap_or_default())
        }
        Output::Ndjson => json.iter().try_for_each(|row| writeln!(out, "{row}")),
        Output::Csv => csv(&mut out, header, rows),
        Output::Table => table(&mut out, header, rows),
    })
}

fn csv(out: &mut impl Write, header: &[&str], rows: &[Vec<String>]) -> std::io::Result<()> {
    // What went wrong with the stream itself stays what it was: a reader that went away is no
    // failure.
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
    let mut table = Table::new(out, header);
    rows.iter().try_for_each(|row| table.row(row.clone()))?;
    table.finish()
}

/// Rows that decide about the width of columns. Later rows are printed at once, so that memory does
/// not grow with them.
const MEASURED: usize = 10_000;

/// A table that is printed as its rows come.
pub struct Table<W> {
    out: W,
    held: Vec<Vec<String>>,
    widths: Vec<usize>,
    /// True once the first rows were printed.
    begun: bool,
}

impl<W: Write> Table<W> {
    /// Begins a table under a header.
    pub fn new(out: W, header: &[&str]) -> Self {
        let held = vec![header.iter().map(|name| name.to_uppercase()).collect()];
        Self { out, held, widths: Vec::new(), begun: false }
    }

    /// Adds a row.
    pub fn row(&mut self, row: Vec<String>) -> std::io::Result<()> {
        if self.begun {
            return self.print(&row);
        }
        self.held.push(row);
        if self.held.len() > MEASURED { self.print_held() } else { Ok(()) }
    }

    /// Prints the rows that are left.
    pub fn finish(mut self) -> std::io::Result<()> {
        if self.begun { Ok(()) } else { self.print_held() }
    }

    fn print_held(&mut self) -> std::io::Result<()> {
        self.begun = true;
        let held = std::mem::take(&mut self.held);
        self.widths = vec![0; held.first().map_or(0, Vec::len)];
        for row in &held {
            for (width, cell) in self.widths.iter_mut().zip(row) {
                *width = (*width).max(clean(cell).width());
            }
        }
        held.iter().try_for_each(|row| self.print(row))
    }

    fn print(&mut self, row: &[String]) -> std::io::Result<()> {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&self.widths) {
            let cell = clean(cell);
            line.push_str(&cell);
            line.push_str(&" ".repeat(width.saturating_sub(cell.width()) + 2));
        }
        writeln!(self.out, "{}", line.trim_end())
    }
}

/// Shows progress on a terminal and hears Ctrl+C.
pub struct Work {
    interrupted: Arc<AtomicBool>,
    shown: Mutex<Option<Instant>>,
    /// The phase of waiting that was reported last.
    waiting: Mutex<Option<&'static str>>,
    visible: bool,
    quiet: bool,
}

impl Work {
    /// Begins; Ctrl+C from now on cancels instead of killing.
    pub fn begin(context: &Context) -> Self {
        let interrupted = Arc::new(AtomicBool::new(false));
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            let _ = signal_hook::flag::register(signal, Arc::clone(&interrupted));
        }
        let quiet = context.globals.quiet;
        let visible = std::io::stderr().is_terminal() && !quiet;
        Self { interrupted, shown: Mutex::default(), waiting: Mutex::default(), visible, quiet }
    }

    /// Takes a report; breaks when Ctrl+C was pressed.
    pub fn hear(&self, progress: Progress) -> ControlFlow<()> {
        if self.interrupted.load(Ordering::Relaxed) {
            return ControlFlow::Break(());
        }
        let phase = wait_phase(progress.phase);
        self.report_wait(phase);
        if phase.is_none() {
            self.show(progress);
        }
        ControlFlow::Continue(())
    }

    /// Reports a new wait for a server on a line of its own, so that it is seen in a log too.
    fn report_wait(&self, phase: Option<&'static str>) {
        let Ok(mut waiting) = self.waiting.lock() else { return };
        if let Some(phase) = phase.filter(|_| *waiting != phase && !self.quiet) {
            let erase = if self.visible { "\r\x1b[K" } else { "" };
            let _ = writeln!(std::io::stderr(), "{erase}{phase}");
        }
        *waiting = phase;
    }

    fn show(&self, progress: Progress) {
        let Ok(mut shown) = self.shown.lock() else { return };
        if !self.visible || shown.is_some_and(|at| at.elapsed() < Duration::from_millis(250)) {
            return;
        }
        *shown = Some(Instant::now());
        let of =
            if progress.total > 0 { format!(" of {}", count(progress.total)) } else { String::new() };
        let _ = write!(std::io::stderr(), "\r\x1b[K{} {}{of}", progress.phase, count(progress.done));
    }

    /// What Ctrl+C stops a read by, wherever it is.
    pub fn cancel(&self) -> CancelToken {
        CancelToken::when(Arc::clone(&self.interrupted))
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
pub fn plain() -> CancelToken {
    CancelToken::new()
}
