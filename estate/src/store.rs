//! The SQLite file: opened, checked, migrated; one writer and several readers.

pub(crate) mod accounts;
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
pub(crate) mod names;
mod opened;
pub(crate) mod outbox;
pub(crate) mod pace;
pub(crate) mod page;
pub(crate) mod people;
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
pub(crate) mod watch;
pub(crate) mod write;

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::Read;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::account::{AccountId, Accounts};
use crate::change::Cancel;
use crate::error::{Error, Result};
use crate::text;
use opened::Opened;

/// `SIMD` in ASCII: marks the file as ours (SQLite file format §1.3, offset 68).
const APPLICATION_ID: u32 = 0x5349_4d44;
/// Every migration, in order; only ever added to.
const MIGRATIONS: [&str; 16] = [
    include_str!("../schema/0001.sql"),
    include_str!("../schema/0002.sql"),
    include_str!("../schema/0003.sql"),
    include_str!("../schema/0004.sql"),
    include_str!("../schema/0005.sql"),
    include_str!("../schema/0006.sql"),
    include_str!("../schema/0007.sql"),
    include_str!("../schema/0008.sql"),
    include_str!("../schema/0009.sql"),
    include_str!("../schema/0010.sql"),
    include_str!("../schema/0011.sql"),
    include_str!("../schema/0012.sql"),
    include_str!("../schema/0013.sql"),
    include_str!("../schema/0014.sql"),
    include_str!("../schema/0015.sql"),
    include_str!("../schema/0016.sql"),
];
/// How long a writer waits for another program's transaction.
const BUSY: Duration = Duration::from_mins(1);
/// How many readers are kept when nobody reads.
const READERS: usize = 16;
/// Page cache of a connection, in KiB.
const CACHE_KIB: i64 = 4_000;

/// An open store.
pub(crate) struct Store {
    path: PathBuf,
    writer: Mutex<Session>,
    readers: Mutex<Vec<Session>>,
    /// After the connections: as long as one is open, the file is.
    _opened: Opened,
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
    /// Makes a new store at `path`, readable by its owner only.
    pub fn create(path: &Path) -> Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(path).map_err(|e| match e.kind() {
            std::io::ErrorKind::AlreadyExists => Error::Exists(path.to_owned()),
            _ => Error::io(format!("cannot create {}", path.display()), e),
        })?;
        let mut conn = Connection::open(path)?;
        conn.pragma_update(None, "application_id", APPLICATION_ID)?;
        migrate(&mut conn)?;
        drop(conn);
        Self::open(path)
    }

    /// Opens the store at `path` after making sure that it is one.
    pub fn open(path: &Path) -> Result<Self> {
        let connect = || Connection::open_with_flags(path, flags(false)).map_err(|e| damaged(path, &e));
        let (mut conn, opened) = Opened::begin(path, || check_header(path), connect)?;
        check_schema(path, &conn)?;
        migrate(&mut conn)?;
        Ok(Self {
            path: path.to_owned(),
            writer: Mutex::new(Session::new(conn, true)?),
            readers: Mutex::default(),
            _opened: opened,
        })
    }

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
            None => Session::new(Connection::open_with_flags(&self.path, flags(true))?, false)?,
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
        let mut reader = Session::new(Connection::open_with_flags(&self.path, flags(true))?, false)?;
        listen(&mut reader)?;
        *lock(&self.readers) = vec![reader];
        Ok(listen(&mut lock(&self.writer))?)
    }

    /// Lends the writer if nobody has it.
    pub fn try_writer(&self) -> Option<MutexGuard<'_, Session>> {
        self.writer.try_lock().ok()
    }

    /// Lends the writer; there is one.
    pub fn writer(&self) -> MutexGuard<'_, Session> {
        lock(&self.writer)
    }
}

fn flags(read_only: bool) -> OpenFlags {
    let mode = if read_only { OpenFlags::SQLITE_OPEN_READ_ONLY } else { OpenFlags::SQLITE_OPEN_READ_WRITE };
    mode | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

impl Session {
    /// A connection of its own to an open store.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        Self::new(Connection::open(path)?, true)
    }

    pub fn new(mut conn: Connection, writer: bool) -> Result<Self> {
        conn.busy_timeout(BUSY)?;
        conn.pragma_update(None, "cache_size", -CACHE_KIB)?;
        if writer {
            conn.pragma_update(None, "journal_mode", "WAL")?;
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

/// Looks at the first hundred bytes before SQLite may touch the file.
fn check_header(path: &Path) -> Result<()> {
    let mut file = File::open(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => Error::NoStore(path.to_owned()),
        _ => Error::io(format!("cannot open {}", path.display()), e),
    })?;
    let mut header = [0u8; 100];
    if file.read_exact(&mut header).is_err() || !header.starts_with(b"SQLite format 3\0") {
        return Err(Error::NotOurs(path.to_owned()));
    }
    let number = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    if number(68) != APPLICATION_ID {
        return Err(Error::NotOurs(path.to_owned()));
    }
    let (found, known) = (number(60), MIGRATIONS.len() as u32);
    if found > known {
        return Err(Error::Newer { path: path.to_owned(), found, known });
    }
    let page_size = u16::from_be_bytes([header[16], header[17]]);
    if !(page_size == 1 || (page_size >= 512 && page_size.is_power_of_two()))
        || header[21..24] != [64, 32, 32]
    {
        return Err(Error::Damaged { path: path.to_owned(), detail: "the header makes no sense".into() });
    }
    Ok(())
}

fn damaged(path: &Path, error: &rusqlite::Error) -> Error {
    Error::Damaged { path: path.to_owned(), detail: error.to_string() }
}

/// Compares the schema with what our own migrations make.
fn check_schema(path: &Path, conn: &Connection) -> Result<()> {
    // One look: another program may be migrating.
    let look = conn.unchecked_transaction().map_err(|e| damaged(path, &e))?;
    let version: u32 =
        conn.query_row("PRAGMA user_version", [], |r| r.get(0)).map_err(|e| damaged(path, &e))?;
    let fresh = Connection::open_in_memory()?;
    schema_functions(&fresh)?;
    for migration in &MIGRATIONS[..version as usize] {
        fresh.execute_batch(migration)?;
    }
    let objects = |conn: &Connection| -> rusqlite::Result<Vec<(String, String)>> {
        let sql = "SELECT name, ifnull(sql, '') FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%' ORDER BY name";
        conn.prepare(sql)?.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?.collect()
    };
    let (found, wanted) = (objects(conn).map_err(|e| damaged(path, &e))?, objects(&fresh)?);
    drop(look);
    match wanted.iter().find(|w| !found.contains(w)).or_else(|| found.iter().find(|f| !wanted.contains(f))) {
        None => Ok(()),
        Some((name, _)) => {
            Err(Error::Damaged { path: path.to_owned(), detail: format!("its schema differs at {name}") })
        }
    }
}

/// Applies the migrations the file does not have yet, each in a transaction of its own.
fn migrate(conn: &mut Connection) -> Result<()> {
    let version = |conn: &Connection| conn.query_row("PRAGMA user_version", [], |r| r.get::<_, u32>(0));
    schema_functions(conn)?;
    conn.busy_timeout(BUSY)?;
    for (number, migration) in (1u32..).zip(MIGRATIONS).skip(version(conn)? as usize) {
        let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Another program may have done it while this one waited.
        if version(&transaction)? < number {
            transaction.execute_batch(migration)?;
            transaction.pragma_update(None, "user_version", number)?;
        }
        transaction.commit()?;
    }
    Ok(())
}
