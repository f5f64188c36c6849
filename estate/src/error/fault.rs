//! Failures of the store's file, each with its code, message and remedy.

use std::path::Path;

/// Failures of the store's file, told apart by the remedy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The file, its folder or the file system is read-only.
    ReadOnly,
    /// The file cannot be opened, for a reason that has no kind of its own.
    CannotOpen,
    /// The file has a log that cannot be read where its folder cannot be written.
    UnreadableLog,
    /// The operating system denies access to the file or its folder.
    NoPermission,
    /// The process or the system has too many files open.
    TooManyFiles,
    /// The disk or the quota is full.
    Full,
    /// The content of the file is damaged.
    Damaged,
}

impl Fault {
    /// The stable code of `Error::code`.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::ReadOnly => "store-read-only",
            Self::CannotOpen => "cannot-open",
            Self::UnreadableLog => "unreadable-log",
            Self::NoPermission => "no-permission",
            Self::TooManyFiles => "too-many-files",
            Self::Full => "disk-full",
            Self::Damaged => "damaged",
        }
    }

    /// True where the side files could not be made: a store without a log can still be read.
    pub(crate) fn is_access(self) -> bool {
        matches!(self, Self::ReadOnly | Self::CannotOpen | Self::Full)
    }

    pub(crate) fn message(self, path: Option<&Path>, detail: &str) -> String {
        let store = path.map_or_else(|| "the store".to_owned(), |path| path.display().to_string());
        match self {
            Self::ReadOnly => {
                format!("{store} cannot be written: the file, its folder or its disk is read-only")
            }
            Self::CannotOpen => format!("{store} cannot be opened: {detail}"),
            Self::UnreadableLog => {
                format!(
                    "{store} has a -wal file with changes, which cannot be read in a read-only folder"
                )
            }
            Self::NoPermission => format!("no permission to open {store}"),
            Self::TooManyFiles => format!("{store} cannot be opened: too many files are open"),
            Self::Full => format!("{store} cannot be written: the disk is full"),
            Self::Damaged => format!("{store} is damaged: {detail}"),
        }
    }

    pub(crate) fn hint(self) -> &'static str {
        match self {
            Self::ReadOnly => "read it with --readonly, or make the file and its folder writable",
            Self::CannotOpen => "check the path and its folder; nothing was changed",
            Self::UnreadableLog => {
                "open the store once where its folder can be written, which folds the log in; or copy \
                 the file and its -wal file to such a folder and open the copy"
            }
            Self::NoPermission => {
                "run simdeck as the owner of the file, or give your user access to the file and its folder"
            }
            Self::TooManyFiles => "close other programs, or raise the limit with `ulimit -n`",
            Self::Full => {
                "free some space, or raise a limit of `ulimit -f`, and try again; what was not \
                 finished was undone"
            }
            Self::Damaged => {
                "the file was left untouched; restore a backup with `simdeck store restore FILE`"
            }
        }
    }
}
