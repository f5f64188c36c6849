//! Which files this process has open. Whoever closes a file lets go of every lock this process
//! holds on it, whichever handle took it (POSIX `fcntl` locks): so a store that is open is never
//! opened as a plain file beside SQLite.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::access::{Identity, identity};
use super::migrate::check_header;
use super::wal;
use crate::error::Result;

static OPEN: Mutex<Option<HashMap<Identity, usize>>> = Mutex::new(None);

fn all() -> MutexGuard<'static, Option<HashMap<Identity, usize>>> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether this process has the file open.
pub(super) fn is_open(path: &Path) -> bool {
    identity(path).is_some_and(|file| all().get_or_insert_default().contains_key(&file))
}

/// A store is open for as long as this is kept.
#[derive(Debug)]
pub(super) struct Opened(Option<Identity>);

impl Opened {
    /// Opens a file. Where nothing of this process has it open, its header and its log are checked
    /// first, as plain files.
    pub fn begin<T>(path: &Path, open: impl FnOnce() -> Result<T>) -> Result<(Self, T)> {
        // Held over both, so that nobody opens it in between.
        let mut all = all();
        let open_now = all.get_or_insert_default();
        // Taken before the file is opened: another one may get its name meanwhile.
        let file = identity(path);
        let known = file.is_some_and(|file| open_now.contains_key(&file));
        if !known {
            check_header(path)?;
            wal::check_belongs(path)?;
        }
        let opened = open()?;
        if let Some(file) = file {
            *open_now.entry(file).or_default() += 1;
        }
        Ok((Self(file), opened))
    }

    /// The file that is open.
    pub fn identity(&self) -> Option<Identity> {
        self.0
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        let Some(file) = self.0 else { return };
        let mut all = all();
        let open_now = all.get_or_insert_default();
        if let Some(times) = open_now.get_mut(&file) {
            *times -= 1;
            if *times == 0 {
                open_now.remove(&file);
            }
        }
    }
}
