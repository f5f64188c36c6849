//! Result codes of `SQLite` and of the operating system mapped to errors, in one place.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Fault};

/// `ENFILE` and `EMFILE`, the same on every Unix.
const TOO_MANY_FILES: [i32; 2] = [23, 24];

/// The fault behind an error of the operating system, if it has a kind of its own.
fn fault_of_io(error: &io::Error) -> Option<Fault> {
    match error.kind() {
        io::ErrorKind::PermissionDenied => Some(Fault::NoPermission),
        io::ErrorKind::ReadOnlyFilesystem => Some(Fault::ReadOnly),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            Some(Fault::Full)
        }
        _ if error.raw_os_error().is_some_and(|code| TOO_MANY_FILES.contains(&code)) => {
            Some(Fault::TooManyFiles)
        }
        _ => None,
    }
}

/// Finds the reason for `SQLITE_CANTOPEN`, which does not tell.
///
/// Opens the folder, never the file: closing a store's file would release the locks of this
/// process.
fn fault_of_cannot_open(path: Option<&Path>) -> Fault {
    let folder = path.and_then(Path::parent).filter(|folder| !folder.as_os_str().is_empty());
    let opened = File::open(folder.unwrap_or(Path::new(".")));
    opened.err().and_then(|error| fault_of_io(&error)).unwrap_or(Fault::CannotOpen)
}

/// True if this process has a limit on the size of files (`ulimit -f`).
#[cfg(unix)]
fn has_size_limit() -> bool {
    rustix::process::getrlimit(rustix::process::Resource::Fsize).current.is_some()
}

#[cfg(not(unix))]
fn has_size_limit() -> bool {
    false
}

impl Error {
    /// Maps an error of the database to the store's errors.
    pub(crate) fn of_database(error: &rusqlite::Error, path: Option<&Path>) -> Self {
        use rusqlite::ErrorCode as Code;
        let fault =
            |fault| Self::Fault { fault, path: path.map(PathBuf::from), detail: error.to_string() };
        let extended = error.sqlite_error().map(|error| error.extended_code);
        match error.sqlite_error_code() {
            Some(Code::OperationInterrupted) => Self::Cancelled,
            Some(Code::DatabaseBusy | Code::DatabaseLocked | Code::FileLockingProtocolFailed) => {
                Self::Busy
            }
            Some(Code::ReadOnly) => fault(Fault::ReadOnly),
            Some(Code::PermissionDenied) => fault(Fault::NoPermission),
            Some(Code::DiskFull) => fault(Fault::Full),
            // A write beyond the limit on file sizes, for which SQLite has no code of its own.
            Some(Code::SystemIoFailure)
                if extended == Some(rusqlite::ffi::SQLITE_IOERR_WRITE) && has_size_limit() =>
            {
                fault(Fault::Full)
            }
            // The shared-memory file cannot grow.
            Some(Code::SystemIoFailure) if extended == Some(rusqlite::ffi::SQLITE_IOERR_SHMSIZE) => {
                fault(Fault::Full)
            }
            Some(Code::DatabaseCorrupt | Code::NotADatabase) => fault(Fault::Damaged),
            Some(Code::CannotOpen) => fault(fault_of_cannot_open(path)),
            _ => Self::Store(error.to_string()),
        }
    }

    /// Names `path` in place of the temporary file that will get that name.
    #[must_use]
    pub fn with_path(self, temporary: &Path, path: &Path) -> Self {
        match self {
            Self::Fault { fault, path: Some(found), detail } if found == temporary => {
                Self::Fault { fault, path: Some(path.to_owned()), detail }
            }
            other => other,
        }
    }

    /// Builds the error for a file whose content is damaged.
    pub(crate) fn damaged(path: &Path, detail: &str) -> Self {
        Self::Fault { fault: Fault::Damaged, path: Some(path.to_owned()), detail: detail.into() }
    }

    /// Maps an error of the operating system about the store's file.
    pub(crate) fn of_store_file(error: &io::Error, path: &Path) -> Self {
        if error.kind() == io::ErrorKind::NotFound {
            return Self::NoStore(path.to_owned());
        }
        let fault = fault_of_io(error).unwrap_or(Fault::CannotOpen);
        Self::Fault { fault, path: Some(path.to_owned()), detail: error.to_string() }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::of_database(&error, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code_of(result: i32) -> &'static str {
        let error = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(result), None);
        Error::from(error).code()
    }

    #[test]
    fn result_codes_have_errors_of_their_own() {
        use rusqlite::ffi;
        for (result, code) in [
            (ffi::SQLITE_BUSY, "busy"),
            (ffi::SQLITE_BUSY_SNAPSHOT, "busy"),
            (ffi::SQLITE_LOCKED, "busy"),
            (ffi::SQLITE_INTERRUPT, "cancelled"),
            (ffi::SQLITE_READONLY, "store-read-only"),
            (ffi::SQLITE_READONLY_DIRECTORY, "store-read-only"),
            (ffi::SQLITE_PERM, "no-permission"),
            (ffi::SQLITE_FULL, "disk-full"),
            (ffi::SQLITE_IOERR_SHMSIZE, "disk-full"),
            (ffi::SQLITE_CANTOPEN, "cannot-open"),
            (ffi::SQLITE_CORRUPT, "damaged"),
            (ffi::SQLITE_NOTADB, "damaged"),
            (ffi::SQLITE_IOERR_READ, "store"),
        ] {
            assert_eq!(code_of(result), code, "{result}");
        }
    }

    #[test]
    fn only_damage_speaks_of_backups() {
        let faults = [
            Fault::ReadOnly,
            Fault::CannotOpen,
            Fault::UnreadableLog,
            Fault::NoPermission,
            Fault::TooManyFiles,
            Fault::Full,
            Fault::Damaged,
        ];
        for fault in faults {
            let error = Error::Fault { fault, path: Some("a.db".into()), detail: "why".into() };
            let text = format!("{error} {}", error.hint().expect("hint"));
            assert!(text.starts_with("a.db") || text.contains(" a.db "), "{text}");
            assert_eq!(text.contains("backup"), fault == Fault::Damaged, "{text}");
        }
    }

    #[test]
    fn errors_of_the_system_have_kinds() {
        let of = |raw| Error::of_store_file(&io::Error::from_raw_os_error(raw), Path::new("a.db")).code();
        let codes = [
            (2, "no-store"),
            (13, "no-permission"),
            (24, "too-many-files"),
            (27, "disk-full"),
            (28, "disk-full"),
            (30, "store-read-only"),
            (5, "cannot-open"),
        ];
        for (raw, code) in codes {
            assert_eq!(of(raw), code, "{raw}");
        }
    }
}
