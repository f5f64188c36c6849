//! The SQLite file: opened, checked, migrated; one writer and several readers.

pub(crate) mod accounts;
pub(crate) mod backup;
pub(crate) mod ceilings;
pub(crate) mod check;
pub(crate) mod convert;
pub(crate) mod crossing;
pub(crate) mod demo;
pub(crate) mod driver;
pub(crate) mod edits;
pub(crate) mod events;
mod inherited;
pub(crate) mod items;
pub(crate) mod levels;
pub(crate) mod log;
pub(crate) mod migrate;
pub(crate) mod names;
pub(crate) mod open;
mod opened;
pub(crate) mod outbox;
pub(crate) mod pace;
pub(crate) mod page;
pub(crate) mod people;
pub(crate) mod period_rollover;
pub(crate) mod read;
pub(crate) mod said;
pub(crate) mod saved;
pub(crate) mod signin;
pub(crate) mod sql;
pub(crate) mod stage;
pub(crate) mod staged;
pub(crate) mod textindex;
pub(crate) mod tokens;
pub(crate) mod turn;
pub(crate) mod usage;
pub(crate) mod values;
mod wal;
pub(crate) mod watch;
pub(crate) mod write;

use std::collections::BTreeSet;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;

use crate::account::{AccountId, Accounts};
use crate::change::Cancel;
use crate::error::{Error, Result};
use crate::text;
use migrate::Upgrade;
use open::Access;
pub(crate) use open::Opening;
use opened::Opened;

/// How long a writer waits for another program's transaction.
const BUSY: Duration = Duration::from_mins(1);
/// How many readers are kept when nobody reads.
const READERS: usize = 16;
/// Page cache of a connection, in KiB.
const CACHE_KIB: i64 = 4_000;

/// An open store. Fields are dropped in order: connections, then side files, then the mark that the file is open.
pub(crate) struct Store {
    path: PathBuf,
    access: Access,
    upgrade: Option<Upgrade>,
    /// The schema number, if it is not the present one.
    older: Option<u32>,
    stamped: wal::Stamped,
    readers: Mutex<Vec<Session>>,
    /// After the readers: the last connection to close folds the log in, if it may write.
    writer: Mutex<Session>,
    #[expect(dead_code, reason = "acts when it is dropped")]
    fold_on_close: wal::FoldOnClose,
    opened: Opened,
}

/// The writer, lent.
pub(crate) struct Writer<'a> {
    session: MutexGuard<'a, Session>,
    store: &'a Store,
    changes: u64,
}

impl Deref for Writer<'_> {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl DerefMut for Writer<'_> {
    fn deref_mut(&mut self) -> &mut Session {
        &mut self.session
    }
}

impl Drop for Writer<'_> {
    fn drop(&mut self) {
        if self.session.total_changes() != self.changes && self.session.is_autocommit() {
            self.store.after_commit(&self.session);
        }
    }
}

/// A connection with the functions our SQL uses.
pub(crate) struct Session {
    conn: Connection,
    /// What `place()` looks accounts up in.
    accounts: Arc<Mutex<Arc<Accounts>>>,
    /// When the running statement has to end.
    stop: Arc<Mutex<Stop>>,
}

#[derive(Default)]
struct Stop {
    cancel: Cancel,
    deadline: Option<Instant>,
}

impl Stop {
    fn is_due(&self) -> bool {
        self.cancel.is_cancelled() || self.deadline.is_some_and(|d| Instant::now() >= d)
    }
}

impl Deref for Session {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.conn
    }
}

impl DerefMut for Session {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.conn
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes what nobody waits for: where another program is writing, it is left.
pub(crate) fn in_passing(session: &Session, write: impl FnOnce() -> rusqlite::Result<usize>) -> Result<()> {
    session.busy_timeout(Duration::ZERO)?;
    let written = write();
    session.busy_timeout(BUSY)?;
    match written {
        Err(error) if error.sqlite_error_code() != Some(rusqlite::ErrorCode::DatabaseBusy) => {
            Err(error.into())
        }
        _ => Ok(()),
    }
}

impl Store {
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Lends a reader; several can be out at once.
    pub fn read<T>(&self, cancel: &Cancel, work: impl FnOnce(&Session) -> Result<T>) -> Result<T> {
        if cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let pooled = lock(&self.readers).pop();
        let session = match pooled {
            Some(session) => session,
            None => Session::new(self.access.connect_reader(&self.path)?, false)?,
        };
        session.stop_when(cancel, None);
        let result = session.snapshot(work);
        session.stop_when(&Cancel::new(), None);
        let mut readers = lock(&self.readers);
        if readers.len() < READERS {
            readers.push(session);
        }
        result
    }

    /// Hears every statement of the reader that is lent next, and of the writer.
    #[cfg(test)]
    pub fn overhear(&self, heard: &Arc<Mutex<Vec<String>>>) -> Result<()> {
        use rusqlite::trace::{TraceEvent, TraceEventCodes};
        let listen = |session: &mut Session| {
            let heard = Arc::clone(heard);
            let hear = move |event: TraceEvent<'_>| {
                if let TraceEvent::Stmt(_, sql) = event {
                    lock(&heard).push(sql.to_owned());
                }
            };
            session.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(hear))
        };
        let mut reader = Session::new(self.access.connect_reader(&self.path)?, false)?;
        listen(&mut reader)?;
        *lock(&self.readers) = vec![reader];
        Ok(listen(&mut lock(&self.writer))?)
    }

    /// Lends the writer if nobody has it.
    pub fn try_writer(&self) -> Option<Writer<'_>> {
        self.writer.try_lock().ok().map(|session| self.lend(session))
    }

    /// Lends the writer; there is one.
    pub fn writer(&self) -> Writer<'_> {
        self.lend(lock(&self.writer))
    }

    fn lend<'a>(&'a self, session: MutexGuard<'a, Session>) -> Writer<'a> {
        let changes = session.total_changes();
        Writer { session, store: self, changes }
    }

    /// Whether the store can be written in this session.
    pub fn is_writable(&self) -> bool {
        self.access == Access::Write
    }

    /// Checks that the store has the present schema, without which nothing is written.
    pub fn check_current(&self) -> Result<()> {
        let older = |found| Error::Older { path: self.path.clone(), found, known: migrate::SCHEMA };
        self.older.map_or(Ok(()), |found| Err(older(found)))
    }

    /// The upgrade that opening the store made.
    pub fn upgrade(&self) -> Option<&Upgrade> {
        self.upgrade.as_ref()
    }
}

impl Session {
    /// A connection of its own to an open store.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        Self::new(Access::Write.connect(path)?, true)
    }

    pub fn new(mut conn: Connection, writer: bool) -> Result<Self> {
        conn.pragma_update(None, "cache_size", -CACHE_KIB)?;
        if writer {
            open::use_wal(&conn)?;
            // FULL syncs the log at every commit: an acknowledged change survives power loss.
            conn.pragma_update(None, "synchronous", "FULL")?;
            conn.pragma_update(None, "foreign_keys", true)?;
        }
        rusqlite::vtab::array::load_module(&conn)?;
        let stop: Arc<Mutex<Stop>> = Arc::default();
        let asked = Arc::clone(&stop);
        conn.progress_handler(2_000, Some(move || lock(&asked).is_due()))?;
        let session = Self { conn, accounts: Arc::default(), stop };
        session.functions()?;
        Ok(session)
    }

    fn functions(&self) -> Result<()> {
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
        schema_functions(&self.conn)?;
        list_functions(&self.conn)?;
        turn::functions(&self.conn)?;
        self.conn.create_scalar_function("fold", 1, flags, |ctx| {
            Ok(text::fold(ctx.get_raw(0).as_str().unwrap_or_default()))
        })?;
        self.conn.create_scalar_function("fits", 2, flags, |ctx| {
            let value = text::fold(ctx.get_raw(1).as_str().unwrap_or_default());
            Ok(text::fits(ctx.get_raw(0).as_str().unwrap_or_default(), &value))
        })?;
        self.conn.create_scalar_function("fits_any", 2, flags, |ctx| {
            let pattern = ctx.get_raw(0).as_str().unwrap_or_default();
            let list = text::fold(ctx.get_raw(1).as_str().unwrap_or_default());
            Ok(list.split('\n').any(|v| !v.is_empty() && text::fits(pattern, v)))
        })?;
        self.conn.create_scalar_function("among", 2, flags, |ctx| {
            Ok(crossing::among(
                ctx.get_raw(0).as_blob().unwrap_or_default(),
                ctx.get_raw(1).as_i64().unwrap_or(-1),
            ))
        })?;
        self.conn.create_aggregate_function("bits", 1, flags, crossing::Bits)?;
        let accounts = Arc::clone(&self.accounts);
        self.conn.create_scalar_function("place", 1, FunctionFlags::SQLITE_UTF8, move |ctx| {
            Ok(lock(&accounts).place(AccountId(ctx.get(0)?)).map_or(i64::MAX, |p| p as i64))
        })?;
        Ok(())
    }

    /// Tells `place()` which tree to look in.
    pub fn use_accounts(&self, accounts: &Arc<Accounts>) {
        *lock(&self.accounts) = Arc::clone(accounts);
    }

    /// Runs `work` on one unchanging view of the store.
    fn snapshot<T>(&self, work: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        let transaction = self.conn.unchecked_transaction()?;
        let result = work(self);
        transaction.finish()?;
        result
    }

    /// Stops statements when `cancel` says so, or when `deadline` has passed.
    pub fn stop_when(&self, cancel: &Cancel, deadline: Option<Instant>) {
        *lock(&self.stop) = Stop { cancel: cancel.clone(), deadline };
    }

    /// Returns `Cancelled` when statements would be stopped: statements too short to be stopped themselves ask between
    /// them.
    pub fn check_stop(&self) -> Result<()> {
        if lock(&self.stop).is_due() { Err(Error::Cancelled) } else { Ok(()) }
    }

    /// The revision of the last change.
    pub fn rev(&self) -> Result<i64> {
        Ok(self.conn.query_row("SELECT ifnull(max(rev), 0) FROM log", [], |r| r.get(0))?)
    }
}

/// `list_items(list)`: the names of a stored list as JSON; `list_without(list, name)`: without one, whatever its case.
fn list_functions(conn: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    conn.create_scalar_function("list_items", 1, flags, |ctx| {
        let names = read::split(ctx.get_raw(0).as_str().unwrap_or_default());
        Ok(serde_json::to_string(&names).unwrap_or_default())
    })?;
    conn.create_scalar_function("list_edited", 2, flags, |ctx| {
        let text = |at| ctx.get_raw(at).as_str().unwrap_or_default();
        Ok(edits::edited(text(0), text(1)))
    })?;
    conn.create_scalar_function("list_without", 2, flags, |ctx| {
        let gone = ctx.get_raw(1).as_str().unwrap_or_default().to_lowercase();
        let names = read::split(ctx.get_raw(0).as_str().unwrap_or_default());
        Ok(read::pack(names.iter().map(String::as_str).filter(|name| name.to_lowercase() != gone)))
    })?;
    Ok(())
}

/// Functions that triggers and migrations use: `case_fold(text)`, `natural_key(text)`, and `list_keys(list)`, the folded
/// names of a stored list, each once, as JSON.
fn schema_functions(conn: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    conn.create_scalar_function("case_fold", 1, flags, |ctx| {
        Ok(text::case_fold(ctx.get_raw(0).as_str().unwrap_or_default()))
    })?;
    conn.create_scalar_function("natural_key", 1, flags, |ctx| {
        Ok(text::natural_key(ctx.get_raw(0).as_str().unwrap_or_default()))
    })?;
    conn.create_scalar_function("list_keys", 1, flags, |ctx| {
        let list = text::fold(ctx.get_raw(0).as_str().unwrap_or_default());
        let names: BTreeSet<&str> = list.split('\n').filter(|name| !name.is_empty()).collect();
        Ok(serde_json::to_string(&names).unwrap_or_default())
    })?;
    Ok(())
}
