//! The open store: one writer and pooled readers.

use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use super::opened::Opened;
use super::{migrate, wal};
use crate::error::{Error, Result};
use crate::progress::Cancel;
use crate::store::access::{Access, wal_path};
use crate::store::connection::{Session, in_passing, lock};
use crate::store::functions;
use crate::store::migrate::Upgrade;

/// How many readers are kept when nobody reads.
const READERS: usize = 16;

/// An open store. Fields are dropped in order: connections, then side files, then the mark that the file is open.
pub(crate) struct Store {
    pub(super) path: PathBuf,
    pub(super) access: Access,
    pub(super) upgrade: Option<Upgrade>,
    /// The schema number, if it is not the present one.
    pub(super) older: Option<u32>,
    pub(super) stamped: wal::Stamped,
    pub(super) readers: Mutex<Vec<Session>>,
    /// After the readers: the last connection to close folds the log in, if it may write.
    pub(super) writer: Mutex<Session>,
    #[expect(dead_code, reason = "acts when it is dropped")]
    pub(super) fold_on_close: wal::FoldOnClose,
    pub(super) opened: Opened,
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
            None => functions::connect(self.access.connect_reader(&self.path)?, false)?,
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
    pub fn overhear(&self, heard: &std::sync::Arc<Mutex<Vec<String>>>) -> Result<()> {
        use rusqlite::trace::{TraceEvent, TraceEventCodes};
        let listen = |session: &mut Session| {
            let heard = std::sync::Arc::clone(heard);
            let hear = move |event: TraceEvent<'_>| {
                if let TraceEvent::Stmt(_, sql) = event {
                    lock(&heard).push(sql.to_owned());
                }
            };
            session.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(hear))
        };
        let mut reader = functions::connect(self.access.connect_reader(&self.path)?, false)?;
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

impl Store {
    /// Keeps the log small and stamped after a commit. Failures are left to the next commit, or to the last close.
    pub fn after_commit(&self, session: &Session) {
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
