//! Backup and restore.
//!
//! Both write a copy through `SQLite`, of one state of the store. The copy is checked before it
//! gets its name: pages, schema, the hash chain of the log, and its head. A backup is in rollback
//! mode, so that any program can read it from a read-only medium; a restored store is in
//! write-ahead mode, in which every session holds a lock for as long as it is open.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::opened::Opened;
use super::wal::FoldOnClose;
use super::{check, migrate, wal};
use crate::change::LogHead;
use crate::error::{Error, Fault, Result};
use crate::progress::{OnProgress, Progress};
use crate::side_files::{SIDE_FILES, folder_of, with_suffix};
use crate::store::access;
use crate::store::access::{Access, TAKE_LOCK};
use crate::store::pool::Store;
use crate::units::Time;

/// Pages that are copied in one step.
const STEP: i32 = 500;

/// Maps an error of the database about `path`.
fn sql_at(path: &Path) -> impl Fn(rusqlite::Error) -> Error {
    |error| Error::of_database(&error, Some(path))
}

/// Maps an error of the operating system about `path`.
fn file_at(path: &Path) -> impl Fn(std::io::Error) -> Error {
    |error| Error::of_store_file(&error, path)
}

/// Copies the store to a new file while others use it, and checks the copy. A copy that fails
/// leaves nothing behind.
pub(crate) fn backup(store: &Store, to: &Path, watch: &OnProgress<'_>) -> Result<()> {
    let source = store.access().connect_reader(store.path())?;
    copy(&source, to, watch)?;
    let checked = verify(to).and_then(|head| {
        let holds = check::holds(&source, &head)?;
        holds.then_some(()).ok_or_else(|| Error::damaged(to, "its log is not the one of the store"))
    });
    checked.inspect_err(|_| remove(to))
}

/// Copies the store at `path` to a new file beside it and returns its name.
pub(super) fn keep_copy(path: &Path, label: &str) -> Result<PathBuf> {
    let source = Access::Read.connect(path)?;
    let to = free_name(path, label);
    let temporary =
        tempfile::Builder::new().prefix(".simdeck-").tempdir_in(folder_of(&to)).map_err(file_at(&to))?;
    let new = temporary.path().join("new.db");
    let copied = copy(&source, &new, &|_| std::ops::ControlFlow::Continue(()));
    copied.and_then(|()| verify(&new)).map_err(|error| error.with_path(&new, &to))?;
    // It gets its name when it is whole.
    std::fs::rename(&new, &to).map_err(file_at(&to))?;
    sync_folder(&to)?;
    Ok(to)
}

/// Writes the content of `source` to a new file.
fn copy(source: &Connection, to: &Path, watch: &OnProgress<'_>) -> Result<()> {
    access::create_private(to)?;
    let copied = copy_into(source, to, watch);
    copied.inspect_err(|_| remove(to))
}

fn copy_into(source: &Connection, to: &Path, watch: &OnProgress<'_>) -> Result<()> {
    let mut target = Access::Write.connect(to)?;
    // The file is useless until it is whole: it needs no journal, and is synced once, at the end.
    target.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF").map_err(sql_at(to))?;
    copy_pages(source, &mut target, to, watch)?;
    target.pragma_update(None, "journal_mode", "DELETE").map_err(sql_at(to))?;
    // The copy may be put in place of the store, whose log does not belong to it.
    if migrate::schema_of(&target).map_err(sql_at(to))? >= migrate::FIRST_WITH_STAMP {
        wal::renew_stamp(&target).map_err(sql_at(to))?;
    }
    target.close().map_err(|(_, error)| sql_at(to)(error))?;
    let synced = File::options().write(true).open(to).and_then(|file| file.sync_all());
    synced.map_err(|error| Error::of_store_file(&error, to))
}

fn copy_pages(
    source: &Connection,
    target: &mut Connection,
    to: &Path,
    watch: &OnProgress<'_>,
) -> Result<()> {
    // The backup begins again at each commit of another program that the source comes to see.
    let original = source.path().map_or(to, Path::new);
    let snapshot = source.unchecked_transaction().map_err(sql_at(original))?;
    snapshot.query_row(TAKE_LOCK, [], |row| row.get::<_, i64>(0)).map_err(sql_at(original))?;
    let backup = Backup::new(source, target).map_err(sql_at(to))?;
    loop {
        let step = backup.step(STEP).map_err(sql_at(to))?;
        let at = backup.progress();
        let (total, left) = (at.pagecount as u64, at.remaining as u64);
        if watch(Progress { phase: "copying", done: total - left, total }).is_break() {
            return Err(Error::Cancelled);
        }
        match step {
            StepResult::Done => return Ok(()),
            StepResult::More => {}
            _ => return Err(Error::Busy),
        }
    }
}

/// Checks a copy and returns the head of its log.
fn verify(path: &Path) -> Result<LogHead> {
    migrate::check_header(path)?;
    let conn = Access::Read.connect(path)?;
    migrate::check_schema(path, &conn)?;
    let found: String =
        conn.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(sql_at(path))?;
    if found != "ok" {
        return Err(Error::damaged(path, &found));
    }
    if let Some(fault) = check::chain(&conn)?.first() {
        return Err(Error::damaged(path, fault));
    }
    check::head(&conn)
}

/// Removes an unfinished copy with its side files.
fn remove(path: &Path) {
    let _ = std::fs::remove_file(path);
    for suffix in SIDE_FILES {
        let _ = std::fs::remove_file(with_suffix(path, suffix));
    }
}

/// A finished restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The newest change in the store now.
    pub head: LogHead,
    /// The name under which the replaced store is kept, if there was one.
    pub kept: Option<PathBuf>,
    /// Side files of no store that were found at its place, under their new names.
    pub side_files: Vec<PathBuf>,
}

/// Replaces the store at `path` by a checked copy of `from`, and keeps the old one beside it.
///
/// Errors: `Busy` while a program has the store open; the errors of opening and checking `from`. On
/// any error the store is as it was.
pub(crate) fn restore(path: &Path, from: &Path, watch: &OnProgress<'_>) -> Result<Restored> {
    access::check_kind(from).map_err(|error| match error {
        Error::NoStore(path) => Error::NoBackup(path),
        other => other,
    })?;
    let exists = match access::check_kind(path) {
        Ok(()) => true,
        Err(Error::NoStore(_)) => {
            access::check_side_kinds(path)?;
            false
        }
        Err(error) => return Err(error),
    };
    if !exists && !folder_of(path).is_dir() {
        return Err(Error::NoFolder(folder_of(path).to_owned()));
    }
    if exists && access::identity(path) == access::identity(from) {
        return Err(Error::Conflict("the backup and the store are the same file".into()));
    }
    // A link stays a link.
    let path = &std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if exists {
        // Before the work of copying; the store is locked when it is replaced.
        drop(Claim::take(path, false)?);
    }
    let temporary = tempfile::Builder::new().prefix(".simdeck-").tempdir_in(folder_of(path));
    let temporary = temporary.map_err(|error| Error::of_store_file(&error, path))?;
    let new = temporary.path().join("new.db");
    let copied = copy_checked(from, &new, watch);
    let head = copied.map_err(|error| error.with_path(&new, path))?;
    switch_to_wal(&new).map_err(|error| error.with_path(&new, path))?;
    let kept = if exists { Some(replace(path, &new)?) } else { None };
    let side_files = if exists { Vec::new() } else { put_new(path, new)? };
    sync_folder(path)?;
    Ok(Restored { head, kept, side_files })
}

/// Switches a finished copy to write-ahead mode: a reader of a store in rollback mode holds no lock
/// between two reads, and would not be noticed.
fn switch_to_wal(path: &Path) -> Result<()> {
    let conn = Access::Write.connect(path)?;
    conn.pragma_update(None, "journal_mode", "WAL").map_err(sql_at(path))?;
    conn.close().map_err(|(_, error)| sql_at(path)(error))
}

/// Puts `new` at a place where there is no store and returns the side files that were moved away.
fn put_new(path: &Path, new: PathBuf) -> Result<Vec<PathBuf>> {
    // Of a store that was removed without them.
    let moved = move_side_files(path, &free_name(path, "replaced")).map_err(file_at(path))?;
    let new = tempfile::TempPath::try_from_path(new).map_err(file_at(path))?;
    new.persist_noclobber(path).map_err(|failed| match failed.error.kind() {
        // Another program has made a store meanwhile.
        std::io::ErrorKind::AlreadyExists => Error::Exists(path.to_owned()),
        _ => file_at(path)(failed.error),
    })?;
    Ok(moved)
}

/// Copies a backup, with the log beside it if it has one, and checks both the original and the
/// copy.
fn copy_checked(from: &Path, to: &Path, watch: &OnProgress<'_>) -> Result<LogHead> {
    let (opened, (source, access)) = Opened::begin(from, || access::connect(from, true))?;
    let fold_on_close = FoldOnClose::new(from, access);
    let copied = migrate::check_schema(from, &source).and_then(|()| copy(&source, to, watch));
    // In this order: the side files go after the connection.
    drop((source, fold_on_close, opened));
    copied?;
    verify(to).map_err(|error| match error {
        // The copy has the faults of its original.
        Error::Fault { fault: Fault::Damaged, detail, .. } => Error::damaged(from, &detail),
        other => other,
    })
}

/// Puts `new` in place of the store and returns the name under which the old one is kept.
fn replace(path: &Path, new: &Path) -> Result<PathBuf> {
    let _claim = Claim::take(path, true)?;
    let kept = free_name(path, "replaced");
    let replaced = keep_owner(path, new).and_then(|()| {
        move_side_files(path, &kept)?;
        // The name of the store is never absent, where the file system has hard links.
        std::fs::hard_link(path, &kept).or_else(|_| std::fs::rename(path, &kept))?;
        std::fs::rename(new, path)
    });
    if let Err(error) = replaced {
        if path.exists() {
            let _ = std::fs::remove_file(&kept);
        } else {
            let _ = std::fs::rename(&kept, path);
        }
        let _ = move_side_files(&kept, path);
        return Err(Error::of_store_file(&error, path));
    }
    Ok(kept)
}

/// Moves the side files that `from` still has and returns their names: a log that does not belong
/// to the store is kept with it.
fn move_side_files(from: &Path, to: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut moved = Vec::new();
    for suffix in SIDE_FILES {
        let side_file = with_suffix(from, suffix);
        if side_file.symlink_metadata().is_ok() {
            std::fs::rename(&side_file, with_suffix(to, suffix))?;
            moved.push(with_suffix(to, suffix));
        }
    }
    Ok(moved)
}

/// Gives `new` the owner and the permissions of `path`: the program that uses the store may run as
/// another user.
fn keep_owner(path: &Path, new: &Path) -> std::io::Result<()> {
    let old = std::fs::metadata(path)?;
    std::fs::set_permissions(new, old.permissions())?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let present = std::fs::metadata(new)?;
        if (present.uid(), present.gid()) != (old.uid(), old.gid()) {
            std::os::unix::fs::chown(new, Some(old.uid()), Some(old.gid()))?;
        }
    }
    Ok(())
}

/// A store that no other program has open.
struct Claim {
    _conn: Option<Connection>,
}

impl Claim {
    /// Makes sure that no program has the store open, this one included.
    ///
    /// A file that is no sound database cannot be locked; no program has it open.
    fn take(path: &Path, lock: bool) -> Result<Self> {
        if super::opened::is_open(path) {
            return Err(Error::Busy);
        }
        let sound = migrate::check_header(path).and_then(|()| wal::check_belongs(path)).is_ok();
        match if sound && lock { Self::lock(path) } else { Self::probe(path, sound) } {
            Ok(conn) => Ok(Self { _conn: Some(conn) }),
            Err(error) => match Error::of_database(&error, Some(path)) {
                Error::Fault { fault: Fault::Damaged, .. } => Ok(Self { _conn: None }),
                other => Err(other),
            },
        }
    }

    /// Folds the log in and leaves write-ahead mode, which fails while another connection is open,
    /// and holds the exclusive lock.
    fn lock(path: &Path) -> rusqlite::Result<Connection> {
        let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        conn.busy_timeout(Duration::ZERO)?;
        let mode: String =
            conn.pragma_update_and_check(None, "journal_mode", "DELETE", |row| row.get(0))?;
        if mode != "delete" {
            return Err(rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY),
                None,
            ));
        }
        conn.execute_batch("BEGIN EXCLUSIVE")?;
        Ok(conn)
    }

    /// Finds out whether another connection is open. A log is folded in only where it belongs to
    /// the file.
    fn probe(path: &Path, fold: bool) -> rusqlite::Result<Connection> {
        let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        conn.busy_timeout(Duration::ZERO)?;
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, !fold)?;
        conn.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))?;
        Ok(conn)
    }
}

/// Returns a name beside `path` that is not taken: the label and the present time.
fn free_name(path: &Path, label: &str) -> PathBuf {
    let now: String = Time::now().to_string().chars().filter(char::is_ascii_alphanumeric).collect();
    let name = with_suffix(path, &format!(".{label}-{now}"));
    let taken = |name: &PathBuf| name.symlink_metadata().is_ok();
    let numbered = (2..).map(|n| with_suffix(path, &format!(".{label}-{now}-{n}")));
    std::iter::once(name).chain(numbered).find(|name| !taken(name)).unwrap_or_default()
}

/// Makes the names in the folder of `path` durable.
fn sync_folder(path: &Path) -> Result<()> {
    let synced = File::open(folder_of(path)).and_then(|folder| folder.sync_all());
    synced.map_err(|error| Error::of_store_file(&error, path))
}
