//! Access to the file: its kind, the ways to open it, and the files beside it.

use std::fs::{FileType, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, MAIN_DB, OpenFlags};

use crate::error::{Error, Fault, Result};
use crate::side_files::with_suffix;

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

/// How long a writer waits for another program's transaction.
pub(crate) const BUSY: Duration = Duration::from_mins(1);
