//! One connection to the file: what stops its statements, and how long it waits.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode};

use crate::account::Accounts;
use crate::error::{Error, Result};
use crate::progress::CancelToken;
use crate::store::access::BUSY;

/// Page cache of a connection, in KiB.
pub(crate) const CACHE_KIB: i64 = 4_000;

/// A connection with the functions our SQL uses.
pub(crate) struct Database {
    conn: Connection,
    /// What `location()` looks accounts up in.
    pub(super) accounts: Arc<Mutex<Arc<Accounts>>>,
    /// When the running statement has to end.
    stop: Arc<Mutex<Stop>>,
}

#[derive(Default)]
struct Stop {
    cancel: CancelToken,
    deadline: Option<Instant>,
}

impl Stop {
    fn is_due(&self) -> bool {
        self.cancel.is_cancelled() || self.deadline.is_some_and(|d| Instant::now() >= d)
    }
}

impl Deref for Database {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.conn
    }
}

impl DerefMut for Database {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.conn
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes what nobody waits for: where another program is writing, it is left.
pub(crate) fn in_passing(
    session: &Database,
    write: impl FnOnce() -> rusqlite::Result<usize>,
) -> Result<()> {
    session.busy_timeout(Duration::ZERO)?;
    let written = write();
    session.busy_timeout(BUSY)?;
    match written {
        Err(error) if error.sqlite_error_code() != Some(ErrorCode::DatabaseBusy) => Err(error.into()),
        _ => Ok(()),
    }
}

impl Database {
    /// Sets the connection up, without the functions of [`super::functions`].
    pub(super) fn new(mut conn: Connection, writer: bool) -> Result<Self> {
        conn.pragma_update(None, "cache_size", -CACHE_KIB)?;
        if writer {
            use_wal(&conn)?;
            // FULL syncs the log at every commit: an acknowledged change survives power loss.
            conn.pragma_update(None, "synchronous", "FULL")?;
            conn.pragma_update(None, "foreign_keys", true)?;
        }
        rusqlite::vtab::array::load_module(&conn)?;
        let stop: Arc<Mutex<Stop>> = Arc::default();
        let asked = Arc::clone(&stop);
        conn.progress_handler(2_000, Some(move || lock(&asked).is_due()))?;
        Ok(Self { conn, accounts: Arc::default(), stop })
    }

    /// Tells `location()` which tree to look in.
    pub fn use_accounts(&self, accounts: &Arc<Accounts>) {
        *lock(&self.accounts) = Arc::clone(accounts);
    }

    /// Runs `work` on one unchanging view of the store.
    pub(super) fn snapshot<T>(&self, work: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        let transaction = self.conn.unchecked_transaction()?;
        let result = work(self);
        transaction.finish()?;
        result
    }

    /// Stops statements when `cancel` says so, or when `deadline` has passed.
    pub fn stop_when(&self, cancel: &CancelToken, deadline: Option<Instant>) {
        *lock(&self.stop) = Stop { cancel: cancel.clone(), deadline };
    }

    /// Returns `Cancelled` when statements would be stopped: statements too short to be stopped
    /// themselves ask between them.
    pub fn check_stop(&self) -> Result<()> {
        if lock(&self.stop).is_due() { Err(Error::Cancelled) } else { Ok(()) }
    }

    /// The revision of the last change.
    pub fn rev(&self) -> Result<i64> {
        Ok(self.conn.query_row("SELECT ifnull(max(rev), 0) FROM log", [], |r| r.get(0))?)
    }
}

/// Pause between two attempts to switch the journal mode.
const RETRY: Duration = Duration::from_millis(2);

/// Switches the file to a write-ahead log.
///
/// `SQLite` does not wait where another connection is about to write, because the switch reads
/// before it writes, so that programs that open the same file at once would fail: it is tried again
/// for as long as a writer waits.
pub(super) fn use_wal(conn: &Connection) -> Result<()> {
    let begun = Instant::now();
    loop {
        match conn.pragma_update(None, "journal_mode", "WAL") {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && begun.elapsed() < BUSY =>
            {
                std::thread::sleep(RETRY);
            }
            other => return Ok(other?),
        }
    }
}
