//! Tells when another program commits: the write-ahead log beside the store is watched, never
//! polled.

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use notify::{EventKind, RecursiveMode, Watcher};

use crate::error::{Error, Result};

/// Calls back for as long as it lives.
pub struct CommitWatch {
    _kept: Box<dyn Send>,
}

impl CommitWatch {
    /// One that goes on for as long as something is kept.
    pub fn of(kept: impl Send + 'static) -> Self {
        Self { _kept: Box::new(kept) }
    }
}

/// A commit can be seen only a moment after its last byte was written, and that is all one hears of
/// it.
const SETTLES: Duration = Duration::from_millis(60);

/// Calls back at once, and once more when all is quiet.
fn wait_until_quiet(woken: &Receiver<()>, hear: &(impl Fn() + Send)) {
    while woken.recv().is_ok() {
        loop {
            while woken.try_recv().is_ok() {}
            hear();
            match woken.recv_timeout(SETTLES) {
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
        hear();
    }
}

/// Calls `hear` after something was written to the store at `path`; several commits may come as one
/// call.
pub(crate) fn on_commit(path: &Path, hear: impl Fn() + Send + 'static) -> Result<CommitWatch> {
    let fault =
        |e: notify::Error| Error::Io { what: "cannot watch the store".into(), reason: e.to_string() };
    let path = path.canonicalize().map_err(|e| Error::io("cannot watch the store", e))?;
    let name = path.file_name().unwrap_or_default().to_owned();
    let mut log = name.clone();
    log.push("-wal");
    let (wake, woken) = channel();
    std::thread::spawn(move || wait_until_quiet(&woken, &hear));
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let Ok(event) = event else { return };
        let ours = event.paths.iter().any(|p| p.file_name().is_some_and(|f| f == log || f == name));
        if ours && matches!(event.kind, EventKind::Modify(_) | EventKind::Create(_)) {
            let _ = wake.send(());
        }
    })
    .map_err(fault)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    watcher.watch(folder, RecursiveMode::NonRecursive).map_err(fault)?;
    Ok(CommitWatch::of(watcher))
}
