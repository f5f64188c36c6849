//! Access to the file: its kind, the ways to open it, and the files beside it.

use std::fs::{FileType, Metadata, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rusqlite::{Connection, MAIN_DB, OpenFlags};

use crate::error::{Error, Fault, Result};
use crate::side_files::{SIDE_FILES, with_suffix};

/// Ways to open the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Reads and writes.
    Write,
    /// Reads, while others may write.
    Read,
    /// Reads a file that has no write-ahead log, without locks: where the side files cannot be
    /// made. Other users may write it all the same, so each read compares [`FileState`] before
    /// and after.
    Unlocked,
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
        if self == Self::Unlocked {
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
        conn.query_row(TAKE_LOCK, [], |row| row.get::<_, i64>(0)).map_err(fault)?;
        Ok(conn)
    }
}

/// The URI of a file that is read without locks (<https://www.sqlite.org/uri.html>).
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
    side_file(store, "-wal")
}

/// Returns the path of a file beside the real file of a store.
pub(super) fn side_file(store: &Path, suffix: &str) -> PathBuf {
    with_suffix(&std::fs::canonicalize(store).unwrap_or_else(|_| store.to_owned()), suffix)
}

/// Refuses a store or a side file that is not a plain file, without opening it: opening a pipe
/// waits for its writer.
pub(super) fn check_kind(path: &Path) -> Result<()> {
    let found = std::fs::metadata(path).map_err(|error| Error::of_store_file(&error, path))?;
    check_plain(path, &found)?;
    check_side_kinds(path)
}

/// Refuses a side file that is not a plain file.
pub(super) fn check_side_kinds(store: &Path) -> Result<()> {
    for path in SIDE_FILES.map(|suffix| side_file(store, suffix)) {
        if let Ok(found) = std::fs::metadata(&path) {
            check_plain(&path, &found)?;
        }
    }
    Ok(())
}

fn check_plain(path: &Path, found: &Metadata) -> Result<()> {
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

/// A file, whatever its name is.
pub(super) type Identity = (u64, u64);

/// Returns the identity of the file at `path`, without opening it.
#[cfg(unix)]
pub(super) fn identity(path: &Path) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

#[cfg(not(unix))]
pub(super) fn identity(_: &Path) -> Option<Identity> {
    None
}

/// The state of a file that is read without locks. While it is the same, the file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileState {
    identity: Option<Identity>,
    size: u64,
    modified: Option<SystemTime>,
    /// Seconds and nanoseconds of the last change of content or metadata, which no program can set.
    changed: (i64, i64),
    has_log: bool,
}

impl FileState {
    /// Returns the state of a store's file now; `None` where it cannot be seen.
    pub fn of(store: &Path) -> Option<Self> {
        let found = std::fs::metadata(store).ok()?;
        Some(Self {
            identity: identity(store),
            size: found.len(),
            modified: found.modified().ok(),
            changed: change_time(&found),
            // SQLite removes a log after it was folded in.
            has_log: has_log(store),
        })
    }
}

#[cfg(unix)]
fn change_time(found: &Metadata) -> (i64, i64) {
    use std::os::unix::fs::MetadataExt as _;
    (found.ctime(), found.ctime_nsec())
}

#[cfg(not(unix))]
fn change_time(_: &Metadata) -> (i64, i64) {
    (0, 0)
}

/// True if a store has a log that may hold changes.
fn has_log(store: &Path) -> bool {
    wal_path(store).metadata().is_ok_and(|log| log.len() > 0)
}

/// Opens the first connection, and tells how the others have to be opened.
pub(super) fn connect(path: &Path, read_only: bool) -> Result<(Connection, Access)> {
    let access = if read_only { Access::Read } else { Access::Write };
    match access.connect_checked(path) {
        Ok(conn) => Ok((conn, access)),
        Err(error) => {
            let Error::Fault { fault, .. } = &error else { return Err(error) };
            if *fault == Fault::Full {
                remove_unused_index(path);
            }
            if !read_only || !fault.is_access() {
                return Err(error);
            }
            connect_unlocked(path, error)
        }
    }
}

/// Opens a store whose side files cannot be made: `failed` is the reason.
fn connect_unlocked(path: &Path, failed: Error) -> Result<(Connection, Access)> {
    match failed {
        // Without a log there is nothing that the side files would have to hold.
        _ if !has_log(path) => Ok((Access::Unlocked.connect_checked(path)?, Access::Unlocked)),
        Error::Fault { fault: Fault::ReadOnly | Fault::CannotOpen, detail, .. } => {
            Err(Error::Fault { fault: Fault::UnreadableLog, path: Some(path.to_owned()), detail })
        }
        other => Err(other),
    }
}

/// Removes the index of the log that a full disk kept from growing, unless another program has the
/// store open.
fn remove_unused_index(path: &Path) {
    let index = side_file(path, "-shm");
    // SQLite fills the first page before the index is used.
    if has_log(path) || !index.metadata().is_ok_and(|file| file.len() < SHM_PAGE) {
        return;
    }
    let Ok(conn) = Access::Write.connect(path) else { return };
    // With an exclusive lock the index is kept in memory, and no other program uses the file.
    let locked = conn
        .busy_timeout(Duration::ZERO)
        .and_then(|()| conn.pragma_update(None, "locking_mode", "EXCLUSIVE"))
        .and_then(|()| conn.query_row(TAKE_LOCK, [], |row| row.get::<_, i64>(0)));
    if locked.is_ok() {
        let _ = std::fs::remove_file(index);
    }
}

/// Size of the first page of the log's index in bytes (<https://www.sqlite.org/walformat.html>).
const SHM_PAGE: u64 = 32_768;

/// A statement that takes the locks of a read.
pub(super) const TAKE_LOCK: &str = "SELECT count(*) FROM sqlite_schema";
/// How long a writer waits for another program's transaction.
pub(crate) const BUSY: Duration = Duration::from_mins(1);
