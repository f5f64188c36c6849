//! Failures of the store's file: `SQLite` result codes mapped to errors, in one place.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::Error;

/// Failures of the store's file, told apart by the remedy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The file, its folder or the file system is read-only.
    ReadOnly,
    /// The file cannot be opened, for a reason that has no kind of its own.
    CannotOpen,
    /// The operating system denies access to the file or its folder.
    NoPermission,
    /// The process or the system has too many files open.
    TooManyFiles,
    /// The disk or the quota is full.
    Full,
    /// The content of the file is damaged.
    Damaged,
}

/// `ENFILE` and `EMFILE`, the same on every Unix.
const TOO_MANY_FILES: [i32; 2] = [23, 24];

impl Fault {
    /// The stable code of [`Error::code`].
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::ReadOnly => "store-read-only",
            Self::CannotOpen => "cannot-open",
            Self::NoPermission => "no-permission",
            Self::TooManyFiles => "too-many-files",
            Self::Full => "disk-full",
            Self::Damaged => "damaged",
        }
    }

    pub(super) fn message(self, path: Option<&Path>, detail: &str) -> String {
        let store = path.map_or_else(|| "the store".to_owned(), |path| path.display().to_string());
        match self {
            Self::ReadOnly => {
                format!("{store} cannot be written: the file, its folder or its disk is read-only")
            }
            Self::CannotOpen => format!("{store} cannot be opened: {detail}"),
            Self::NoPermission => format!("no permission to open {store}"),
            Self::TooManyFiles => format!("{store} cannot be opened: too many files are open"),
            Self::Full => format!("{store} cannot be written: the disk is full"),
            Self::Damaged => format!("{store} is damaged: {detail}"),
        }
    }

    pub(super) fn hint(self) -> &'static str {
        match self {
            Self::ReadOnly => "read it with --readonly, or make the file and its folder writable",
            Self::CannotOpen => "check the path and its folder; nothing was changed",
            Self::NoPermission => {
                "run simdeck as the owner of the file, or give your user access to the file and its folder"
            }
            Self::TooManyFiles => "close other programs, or raise the limit with `ulimit -n`",
            Self::Full => "free some space and try again; what was not finished was undone",
            Self::Damaged => {
                "the file was left untouched; restore a backup with `simdeck store restore FILE`"
            }
        }
    }

    /// The fault behind an error of the operating system, if it has a kind of its own.
    fn of_io(error: &io::Error) -> Option<Self> {
        match error.kind() {
            io::ErrorKind::PermissionDenied => Some(Self::NoPermission),
            io::ErrorKind::ReadOnlyFilesystem => Some(Self::ReadOnly),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Some(Self::Full),
            _ if error.raw_os_error().is_some_and(|code| TOO_MANY_FILES.contains(&code)) => {
                Some(Self::TooManyFiles)
            }
            _ => None,
        }
    }

    /// Finds the reason for `SQLITE_CANTOPEN`, which does not tell.
    ///
    /// Opens the folder, never the file: closing a store's file would release the locks of this process.
    fn of_cannot_open(path: Option<&Path>) -> Self {
        let folder = path.and_then(Path::parent).filter(|folder| !folder.as_os_str().is_empty());
        let opened = File::open(folder.unwrap_or(Path::new(".")));
        opened.err().and_then(|error| Self::of_io(&error)).unwrap_or(Self::CannotOpen)
    }
}

impl Error {
    /// Maps an error of the database to the store's errors.
    pub(crate) fn of_database(error: &rusqlite::Error, path: Option<&Path>) -> Self {
        use rusqlite::ErrorCode as Code;
        let fault = |fault| Self::Fault { fault, path: path.map(PathBuf::from), detail: error.to_string() };
        let extended = error.sqlite_error().map(|error| error.extended_code);
        match error.sqlite_error_code() {
            Some(Code::OperationInterrupted) => Self::Cancelled,
            Some(Code::DatabaseBusy | Code::DatabaseLocked | Code::FileLockingProtocolFailed) => Self::Busy,
            Some(Code::ReadOnly) => fault(Fault::ReadOnly),
            Some(Code::PermissionDenied) => fault(Fault::NoPermission),
            Some(Code::DiskFull) => fault(Fault::Full),
            // The shared-memory file cannot grow.
            Some(Code::SystemIoFailure) if extended == Some(rusqlite::ffi::SQLITE_IOERR_SHMSIZE) => {
                fault(Fault::Full)
            }
            Some(Code::DatabaseCorrupt | Code::NotADatabase) => fault(Fault::Damaged),
            Some(Code::CannotOpen) => fault(Fault::of_cannot_open(path)),
            _ => Self::Store(error.to_string()),
        }
    }

    /// Maps an error of the operating system about the store's file.
    pub(crate) fn of_store_file(error: &io::Error, path: &Path) -> Self {
        if error.kind() == io::ErrorKind::NotFound {
            return Self::NoStore(path.to_owned());
        }
        let fault = Fault::of_io(error).unwrap_or(Fault::CannotOpen);
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
            (28, "disk-full"),
            (30, "store-read-only"),
            (5, "cannot-open"),
        ];
        for (raw, code) in codes {
            assert_eq!(of(raw), code, "{raw}");
        }
    }
}
