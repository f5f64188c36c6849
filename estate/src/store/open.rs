//! Opening a store: the kind of file, its header, its schema, and the connections to it.

use std::fs::{File, FileType, OpenOptions};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, MAIN_DB, OpenFlags};

use super::opened::{Opened, identity};
use super::wal::{self, FoldOnClose};
use super::{BUSY, Session, Store, migrate};
use crate::error::{Error, Fault, Result};

/// Pause between two attempts to switch the journal mode.
const RETRY: Duration = Duration::from_millis(2);

/// Ways to open the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Reads and writes.
    Write,
    /// Reads, while others may write.
    Read,
    /// Reads a file that cannot change: nothing can be created in its folder, and it has no write-ahead log.
    Immutable,
}

impl Access {
    /// Opens a connection that waits for other programs from its first statement on.
    pub fn connect(self, path: &Path) -> Result<Connection> {
        let mode = if self == Self::Write {
            OpenFlags::SQLITE_OPEN_READ_WRITE
        } else {
            OpenFlags::SQLITE_OPEN_READ_ONLY
        };
        let mut flags = mode | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut name = path.to_owned();
        if self == Self::Immutable {
            flags |= OpenFlags::SQLITE_OPEN_URI;
            name = immutable_uri(path).into();
        }
        let opened = Connection::open_with_flags(name, flags).and_then(|conn| {
            conn.busy_timeout(BUSY)?;
            Ok(conn)
        });
        opened.map_err(|error| Error::of_database(&error, Some(path)))
    }

    /// Opens a connection that never writes.
    pub fn connect_reader(self, path: &Path) -> Result<Connection> {
        if self == Self::Write { Self::Read.connect(path) } else { self.connect(path) }
    }

    /// Opens a connection and checks that it reaches the file in this way.
    fn connect_checked(self, path: &Path) -> Result<Connection> {
        let conn = self.connect(path)?;
        let fault = |error: rusqlite::Error| Error::of_database(&error, Some(path));
        // SQLite falls back to reading where it may not write.
        if self == Self::Write && conn.is_readonly(MAIN_DB).map_err(fault)? {
            let detail = "attempt to write a readonly database".to_owned();
            return Err(Error::Fault { fault: Fault::ReadOnly, path: Some(path.to_owned()), detail });
        }
        // Takes a read transaction, for which the side files must be usable.
        conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))
            .map_err(fault)?;
        Ok(conn)
    }
}

/// The URI of a file that cannot change (<https://www.sqlite.org/uri.html>).
fn immutable_uri(path: &Path) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut uri = String::from("file:");
    for byte in absolute.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'~' => uri.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => uri.push(char::from(*byte)),
            byte => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri + "?immutable=1"
}

/// Switches the file to a write-ahead log.
///
/// `SQLite` does not wait where another connection is about to write, because the switch reads before it writes, so that
/// programs that open the same file at once would fail: it is tried again for as long as a writer waits.
pub(super) fn use_wal(conn: &Connection) -> Result<()> {
    let begun = Instant::now();
    loop {
        match conn.pragma_update(None, "journal_mode", "WAL") {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && begun.elapsed() < BUSY =>
            {
                std::thread::sleep(RETRY);
            }
            other => return Ok(other?),
        }
    }
}

/// Creates a file that only its owner can read.
pub(super) fn create_private(path: &Path) -> Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => Error::Exists(path.to_owned()),
        std::io::ErrorKind::NotFound => Error::io(format!("cannot create {}", path.display()), error),
        _ => Error::of_store_file(&error, path),
    })
}

/// Returns the path of the write-ahead log of a store, beside the real file.
pub(super) fn wal_path(store: &Path) -> PathBuf {
    with_suffix(store, "-wal")
}

/// Returns the path of a file beside the real file of a store.
pub(super) fn with_suffix(store: &Path, suffix: &str) -> PathBuf {
    let real = std::fs::canonicalize(store).unwrap_or_else(|_| store.to_owned());
    let mut name = real.into_os_string();
    name.push(suffix);
    name.into()
}

/// Refuses what is not a plain file, without opening it: opening a pipe waits for its writer.
pub(super) fn check_kind(path: &Path) -> Result<()> {
    let found = std::fs::metadata(path).map_err(|error| Error::of_store_file(&error, path))?;
    if found.is_file() {
        return Ok(());
    }
    Err(Error::NotAFile { path: path.to_owned(), kind: kind_of(found.file_type()) })
}

fn kind_of(found: FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        if found.is_fifo() {
            return "a pipe";
        }
        if found.is_socket() {
            return "a socket";
        }
        if found.is_block_device() || found.is_char_device() {
            return "a device";
        }
    }
    if found.is_dir() { "a folder" } else { "not a plain file" }
}

/// Checks the first hundred bytes before `SQLite` may touch the file (file format, section 1.3).
pub(super) fn check_header(path: &Path) -> Result<()> {
    check_kind(path)?;
    let mut file = File::open(path).map_err(|error| Error::of_store_file(&error, path))?;
    let mut header = [0u8; 100];
    if file.read_exact(&mut header).is_err() || !header.starts_with(b"SQLite format 3\0") {
        return Err(Error::NotOurs(path.to_owned()));
    }
    let number = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    if number(68) != migrate::APPLICATION_ID {
        return Err(Error::NotOurs(path.to_owned()));
    }
    migrate::check_not_newer(path, number(60))?;
    let page_size = u16::from_be_bytes([header[16], header[17]]);
    if !(page_size == 1 || (page_size >= 512 && page_size.is_power_of_two()))
        || header[21..24] != [64, 32, 32]
    {
        return Err(Error::Damaged { path: path.to_owned(), detail: "its header is invalid".into() });
    }
    Ok(())
}

impl Store {
    /// Creates a store at `path`, readable by its owner only.
    pub fn create(path: &Path) -> Result<Self> {
        create_private(path)?;
        let conn = Access::Write.connect(path)?;
        conn.pragma_update(None, "application_id", migrate::APPLICATION_ID)?;
        migrate::create(&conn)?;
        drop(conn);
        Self::open(path, Opening::Write)
    }

    /// Opens the store at `path` after checking that it is one.
    pub fn open(path: &Path, opening: Opening) -> Result<Self> {
        check_kind(path)?;
        loop {
            let store = Self::open_once(path, opening)?;
            // A restore may have put another file in its place since.
            if identity(path) == store.opened.identity() {
                return Ok(store);
            }
        }
    }

    fn open_once(path: &Path, opening: Opening) -> Result<Self> {
        let read_only = opening == Opening::ReadOnly;
        let look = || {
            check_header(path)?;
            wal::check_belongs(path)
        };
        let (opened, (mut conn, access)) = Opened::begin(path, look, || connect(path, read_only))?;
        migrate::check_schema(path, &conn)?;
        let mut upgrade = None;
        match opening {
            Opening::ReadOnly => migrate::check_readable(path, &conn)?,
            Opening::AsIs if migrate::schema_of(&conn)? < migrate::SCHEMA => {
                drop((conn, opened));
                return Self::open_once(path, Opening::ReadOnly);
            }
            Opening::Write | Opening::AsIs => upgrade = migrate::upgrade(path, &mut conn)?,
        }
        let schema = migrate::schema_of(&conn)?;
        Ok(Self {
            path: path.to_owned(),
            access,
            upgrade,
            older: Some(schema).filter(|schema| *schema < migrate::SCHEMA),
            stamped: wal::Stamped::default(),
            readers: Mutex::default(),
            writer: Mutex::new(Session::new(conn, access == Access::Write)?),
            fold_on_close: FoldOnClose::new(path, access),
            opened,
        })
    }

    /// Describes the store at `path`, of any schema up to the present one, without changing it.
    pub fn info(path: &Path) -> Result<StoreInfo> {
        let look = || {
            check_header(path)?;
            wal::check_belongs(path)
        };
        let (_opened, (conn, access)) = Opened::begin(path, look, || connect(path, true))?;
        let _fold_on_close = FoldOnClose::new(path, access);
        let conn = conn;
        let number = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, i64>(0));
        let read = || -> rusqlite::Result<StoreInfo> {
            let transaction = conn.unchecked_transaction()?;
            let info = StoreInfo {
                path: path.to_owned(),
                schema: migrate::schema_of(&conn)?,
                known_schema: migrate::SCHEMA,
                rev: number("SELECT ifnull(max(rev), 0) FROM log")?,
                sims: number("SELECT count(*) FROM sim")? as u64,
                size: std::fs::metadata(path).map_or(0, |file| file.len()),
                wal_size: wal::size(path),
            };
            transaction.finish()?;
            Ok(info)
        };
        read().map_err(|error| Error::of_database(&error, Some(path)))
    }
}

/// The state of a store's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreInfo {
    /// The file.
    pub path: PathBuf,
    /// Its schema number.
    pub schema: u32,
    /// The schema number of this program.
    pub known_schema: u32,
    /// The revision of its newest change.
    pub rev: i64,
    /// Number of SIMs.
    pub sims: u64,
    /// Size of the file in bytes.
    pub size: u64,
    /// Size of the write-ahead log in bytes; 0 where no program has the store open.
    pub wal_size: u64,
}

/// Ways to treat a store on opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opening {
    /// Nothing is written. An older store is read if this version can, and so is one that cannot be written.
    ReadOnly,
    /// The schema stays: an older store is opened like [`Opening::ReadOnly`].
    AsIs,
    /// An older store is upgraded, after a backup.
    Write,
}

/// Opens the first connection, and tells how the others have to be opened.
pub(super) fn connect(path: &Path, read_only: bool) -> Result<(Connection, Access)> {
    if !read_only {
        return Ok((Access::Write.connect_checked(path)?, Access::Write));
    }
    match Access::Read.connect_checked(path) {
        Ok(conn) => Ok((conn, Access::Read)),
        // The side files cannot be made. Without a log there is nothing that they would have to hold.
        Err(Error::Fault { fault: Fault::ReadOnly | Fault::CannotOpen, .. })
            if wal_path(path).metadata().map_or(true, |log| log.len() == 0) =>
        {
            Ok((Access::Immutable.connect_checked(path)?, Access::Immutable))
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `SQLite` fails the switch at once, whatever the time-out, while another connection is about to write.
    #[test]
    fn the_switch_to_a_log_waits_for_writers() {
        let dir = tempfile::tempdir().expect("folder");
        let path = dir.path().join("a.db");
        create_private(&path).expect("created");
        let writer = Access::Write.connect(&path).expect("writer");
        writer.execute_batch("CREATE TABLE t (x); BEGIN IMMEDIATE").expect("writes");
        let conn = Access::Write.connect(&path).expect("other");
        let wait = Duration::from_secs(8);
        conn.busy_timeout(wait).expect("time-out");
        let begun = Instant::now();
        let error = conn.pragma_update(None, "journal_mode", "WAL").expect_err("refused");
        assert_eq!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy));
        assert!(begun.elapsed() < wait / 2);
        let switched = std::thread::spawn(move || use_wal(&conn));
        writer.execute_batch("COMMIT").expect("written");
        assert_eq!(switched.join().expect("thread"), Ok(()));
    }
}
