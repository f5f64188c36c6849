//! The open store: one writer and pooled readers.

use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use super::opened::Opened;
use super::{migrate, wal};
use crate::error::{Error, Result};
use crate::progress::CancelToken;
use crate::store::access::{Access, FileState, Identity, TAKE_LOCK, connect, identity, wal_path};
use crate::store::connection::{Database, in_passing, lock};
use crate::store::functions;
use crate::store::migrate::Upgrade;

/// Most readers that are kept while they are unused.
const READERS: usize = 16;
/// Attempts to open a file that other users change.
const ATTEMPTS: usize = 4;

/// Checks that a connection of a store that is only read still reaches the file.
fn check_reads(session: &Database, access: Access) -> Result<()> {
    if access != Access::Write {
        session.query_row(TAKE_LOCK, [], |row| row.get::<_, i64>(0))?;
    }
    Ok(())
}

/// An open store. Fields are dropped in order: connections, then side files, then the mark that the
/// file is open.
pub(crate) struct Store {
    pub(super) path: PathBuf,
    pub(super) upgrade: Option<Upgrade>,
    /// The schema number, if it is not the present one.
    pub(super) older: Option<u32>,
    pub(super) stamped: wal::Stamped,
    pub(super) readers: Mutex<Vec<Reader>>,
    /// After the readers: the last connection to close folds the log in, if it may write.
    pub(super) writer: Mutex<Database>,
    #[expect(dead_code, reason = "acts when it is dropped")]
    pub(super) fold_on_close: wal::FoldOnClose,
    pub(super) reach: Mutex<Reach>,
}

/// A pooled reader.
pub(super) struct Reader {
    session: Database,
    /// The file that it reads, where that may be replaced.
    file: Option<FileState>,
}

/// The file as it is open now. One that is only read may be changed or replaced by others, and is
/// then opened again.
pub(super) struct Reach {
    pub access: Access,
    /// The state in which the file was opened.
    pub state: Option<FileState>,
    pub opened: Opened,
}

impl Reach {
    /// Makes the next read open the file again.
    fn mark_stale(&mut self) {
        (self.access, self.state) = (Access::Unlocked, None);
    }

    /// True while the connections may be used.
    fn is_current(&self, path: &Path) -> bool {
        match self.access {
            Access::Write => true,
            Access::Read => identity(path) == self.opened.identity(),
            Access::Unlocked => self.state.is_some() && FileState::of(path) == self.state,
        }
    }
}

/// The writer, lent.
pub(crate) struct Writer<'a> {
    session: MutexGuard<'a, Database>,
    store: &'a Store,
    changes: u64,
}

impl Deref for Writer<'_> {
    type Target = Database;

    fn deref(&self) -> &Database {
        &self.session
    }
}

impl DerefMut for Writer<'_> {
    fn deref_mut(&mut self) -> &mut Database {
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

impl Store {
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Lends a reader; several can be out at once.
    ///
    /// Errors: `Busy` where another user changed the file while it was read without locks.
    pub fn read<T>(&self, cancel: &CancelToken, work: impl FnOnce(&Database) -> Result<T>) -> Result<T> {
        if cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let reader = self.take_reader()?;
        reader.session.stop_when(cancel, None);
        let result = reader.session.snapshot(work);
        reader.session.stop_when(&CancelToken::new(), None);
        if !lock(&self.reach).is_current(&self.path) {
            return Err(Error::Busy);
        }
        let mut readers = lock(&self.readers);
        if readers.len() < READERS {
            readers.push(reader);
        }
        result
    }

    /// Takes a reader of the present file.
    fn take_reader(&self) -> Result<Reader> {
        let mut last = Error::Busy;
        for _ in 0..ATTEMPTS {
            self.reopen_if_changed()?;
            match self.try_reader() {
                // Another user has removed the side files, or switched the file to a log.
                Err(Error::Fault { fault, path, detail }) if fault.is_access() && !self.is_writable() => {
                    lock(&self.reach).mark_stale();
                    last = Error::Fault { fault, path, detail };
                }
                other => return other,
            }
        }
        Err(last)
    }

    fn try_reader(&self) -> Result<Reader> {
        let (access, state) = {
            let reach = lock(&self.reach);
            (reach.access, reach.state.filter(|_| reach.access != Access::Write))
        };
        let pooled = {
            let mut readers = lock(&self.readers);
            readers.retain(|reader| reader.file == state);
            readers.pop()
        };
        if let Some(reader) = pooled {
            check_reads(&reader.session, access)?;
            return Ok(reader);
        }
        let session = functions::connect(access.connect_reader(&self.path)?, false)?;
        check_reads(&session, access)?;
        Ok(Reader { session, file: state })
    }

    /// Opens the file again if it is only read and another user changed or replaced it.
    fn reopen_if_changed(&self) -> Result<()> {
        let mut reach = lock(&self.reach);
        if reach.is_current(&self.path) {
            return Ok(());
        }
        for _ in 0..ATTEMPTS {
            let state = FileState::of(&self.path);
            let (opened, (conn, access)) = Opened::begin(&self.path, || connect(&self.path, true))?;
            let checked = migrate::check_schema(&self.path, &conn);
            let found = Reach { access, state, opened };
            if !found.is_current(&self.path) {
                continue;
            }
            checked?;
            lock(&self.readers).clear();
            *lock(&self.writer) = functions::connect(conn, false)?;
            *reach = found;
            return Ok(());
        }
        Err(Error::Busy)
    }

    /// Returns the identity of the open file.
    pub(super) fn identity(&self) -> Option<Identity> {
        lock(&self.reach).opened.identity()
    }

    /// Returns the present way to open a connection.
    pub(super) fn access(&self) -> Access {
        lock(&self.reach).access
    }

    /// Hears every statement of the reader that is lent next, and of the writer.
    #[cfg(test)]
    pub fn overhear(&self, heard: &std::sync::Arc<Mutex<Vec<String>>>) -> Result<()> {
        use rusqlite::trace::{TraceEvent, TraceEventCodes};
        let listen = |session: &mut Database| {
            let heard = std::sync::Arc::clone(heard);
            let hear = move |event: TraceEvent<'_>| {
                if let TraceEvent::Stmt(_, sql) = event {
                    lock(&heard).push(sql.to_owned());
                }
            };
            session.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(hear))
        };
        let mut session = functions::connect(self.access().connect_reader(&self.path)?, false)?;
        listen(&mut session)?;
        *lock(&self.readers) = vec![Reader { session, file: None }];
        Ok(listen(&mut lock(&self.writer))?)
    }

    /// Lends the writer if nobody has it.
    pub fn try_writer(&self) -> Option<Writer<'_>> {
        self.writer.try_lock().ok().map(|session| self.lend(session))
    }

    /// Lends the writer; there is one. A store that is only read has a reader in its place.
    pub fn writer(&self) -> Writer<'_> {
        // A file that cannot be opened again fails in the statement that comes next.
        let _ = self.reopen_if_changed();
        self.lend(lock(&self.writer))
    }

    fn lend<'a>(&'a self, session: MutexGuard<'a, Database>) -> Writer<'a> {
        let changes = session.total_changes();
        Writer { session, store: self, changes }
    }

    /// Whether the store can be written in this session.
    pub fn is_writable(&self) -> bool {
        self.access() == Access::Write
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

impl Store {
    /// Keeps the log small and stamped after a commit. Failures are left to the next commit, or to
    /// the last close.
    pub fn after_commit(&self, session: &Database) {
        if wal::size(&self.path) > wal::LARGE {
            wal::fold(session);
        }
        let path = wal_path(&self.path);
        let mut stamped = lock(&self.stamped);
        let Ok(Some(mut log)) = wal::Log::open(&path) else { return };
        if *stamped == Some(log.salts) {
            return;
        }
        let has_stamp = log.has_stamp().unwrap_or(false);
        if has_stamp || in_passing(session, || wal::renew_stamp(session).map(|()| 1)).is_ok() {
            *stamped = Some(log.salts);
        }
    }

    /// Folds a large log into the store.
    pub fn fold_if_large(&self) {
        if wal::size(&self.path) > wal::LARGE {
            self.fold();
        }
    }

    /// Folds the log into the store, unless another session reads or writes now.
    pub fn fold(&self) {
        if let Some(writer) = self.try_writer().filter(|_| self.is_writable()) {
            wal::fold(&writer);
        }
    }
}
