//! The store at rest: one file, its side files, restore, read-only media, upgrades, and errors told
//! apart.

mod common;
#[path = "common/mounts.rs"]
mod mounts;
#[path = "common/old.rs"]
mod old;
#[path = "common/schema_16.rs"]
mod schema_16;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{estate, import};
use estate::{CancelToken, Change, ChangeId, Error, Estate, Local, Progress, Query, Time};

const ONE: &[u8] = b"iccid\n8900101000000000043\n";

fn go(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn add_account(local: &Local, name: &str) {
    let change = Change::AddAccount { parent: local.me().account, name: name.into() };
    local.apply(&ChangeId::new(), &change, &go).expect("added");
}

fn accounts(local: &Local) -> usize {
    local.accounts(&CancelToken::new()).expect("accounts").all().len()
}

fn code(opened: Result<Local, Error>) -> &'static str {
    opened.map(drop).expect_err("refused").code()
}

fn open(path: &Path) -> Result<Local, Error> {
    Local::open(path, None, false)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Copies the files of a store that is open, as a crash would leave them.
fn copy_as_crashed(from: &Path, to: &Path) {
    for suffix in ["", "-wal"] {
        std::fs::copy(beside(from, suffix), beside(to, suffix)).expect("copied");
    }
}

/// A store with SIMs, and a copy of it with its log as a crash leaves them.
fn crashed(folder: &Path) -> PathBuf {
    let (_dir, local) = estate();
    import(&local, ONE);
    let path = folder.join("crashed.db");
    copy_as_crashed(local.path(), &path);
    path
}

fn all(local: &Local) -> Query {
    Query::all(local.me().account, Time(0))
}

#[test]
fn a_closed_store_is_one_file() {
    let (dir, local) = estate();
    import(&local, ONE);
    assert_eq!(local.count(&all(&local), &CancelToken::new()), Ok(1));
    let path = local.path().to_owned();
    let other = open(&path).expect("opened twice");
    add_account(&other, "Other");
    assert_eq!(accounts(&other), 2);
    drop(local);
    drop(other);
    assert_eq!(names(dir.path()), ["estate.db"]);
    let copy = dir.path().join("copy.db");
    std::fs::copy(&path, &copy).expect("copied");
    assert_eq!(accounts(&open(&copy).expect("copy")), 2);
    drop(Local::open(&path, None, true).expect("opened to read"));
    assert_eq!(names(dir.path()), ["copy.db", "estate.db"]);
}

#[test]
fn a_reader_that_closes_last_folds_the_log_in() {
    let dir = tempfile::tempdir().expect("folder");
    let path = crashed(dir.path());
    let local = Local::open(&path, None, true).expect("opened to read");
    assert_eq!(local.count(&all(&local), &CancelToken::new()), Ok(1));
    assert_eq!(names(dir.path()), ["crashed.db", "crashed.db-shm", "crashed.db-wal"]);
    drop(local);
    assert_eq!(names(dir.path()), ["crashed.db"]);
    let local = Local::open(&path, None, true).expect("opened again");
    assert_eq!(local.count(&all(&local), &CancelToken::new()), Ok(1));
}

#[test]
fn a_large_change_leaves_no_large_log() {
    let (_dir, local) = estate();
    let mut csv = String::from("iccid,account\n");
    for n in 0..20_000 {
        csv.push_str(&format!("8900101{n:012},A\n"));
    }
    import(&local, csv.as_bytes());
    let log = || std::fs::metadata(beside(local.path(), "-wal")).map_or(0, |log| log.len());
    assert!(log() < 8 << 20, "{} after an import", log());
    let to = local.accounts(&CancelToken::new()).expect("accounts").find("/Root").expect("root");
    let target = estate::Target::query(all(&local));
    let change = Change::Move { target, to, clear: estate::MoveOptions::default() };
    local.apply(&ChangeId::new(), &change, &go).expect("moved");
    assert!(log() < 8 << 20, "{} after a move", log());
}

#[test]
fn a_log_after_a_crash_is_replayed() {
    let dir = tempfile::tempdir().expect("folder");
    let path = crashed(dir.path());
    let local = open(&path).expect("opens");
    assert_eq!(local.count(&all(&local), &CancelToken::new()), Ok(1));
    assert_eq!(local.check(), Ok(Vec::new()));
}

/// The file as it was before, partly and wholly folded in: each belongs to the log.
#[test]
fn a_log_belongs_to_every_state_it_began_on() {
    let (dir, local) = estate();
    let base = std::fs::read(local.path()).expect("file");
    import(&local, ONE);
    add_account(&local, "A");
    let log = std::fs::read(beside(local.path(), "-wal")).expect("log");
    drop(local);
    let whole = std::fs::read(dir.path().join("estate.db")).expect("file");
    // A crash may interrupt the folding after any page.
    let mut half = whole.clone();
    half[..base.len() / 2].copy_from_slice(&base[..base.len() / 2]);
    for (name, file) in [("base.db", base), ("half.db", half), ("whole.db", whole)] {
        let path = dir.path().join(name);
        std::fs::write(&path, file).expect("written");
        std::fs::write(beside(&path, "-wal"), &log).expect("written");
        let local = open(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((accounts(&local), local.check()), (2, Ok(Vec::new())), "{name}");
    }
}

#[test]
fn a_log_of_another_file_is_not_replayed() {
    let (dir, local) = estate();
    import(&local, ONE);
    let path = local.path().to_owned();
    let backup = dir.path().join("backup.db");
    local.backup(&backup, &go).expect("backup");
    drop(local);
    let plain = dir.path().join("plain.db");
    std::fs::copy(&path, &plain).expect("copied at rest");
    let local = open(&path).expect("opens");
    add_account(&local, "A");
    drop(local);
    let local = open(&path).expect("opens");
    add_account(&local, "B");
    let (_dir, stranger) = estate();
    add_account(&stranger, "Stranger");
    let log = std::fs::read(beside(&path, "-wal")).expect("log");
    let strange = std::fs::read(beside(stranger.path(), "-wal")).expect("log");
    for (file, log) in [(&backup, &log), (&plain, &log), (&backup, &strange)] {
        let put = dir.path().join("put.db");
        std::fs::copy(file, &put).expect("copied over");
        std::fs::write(beside(&put, "-wal"), log).expect("left behind");
        let before =
            (std::fs::read(&put).expect("file"), std::fs::read(beside(&put, "-wal")).expect("log"));
        for read_only in [false, true] {
            let error = Local::open(&put, None, read_only).map(drop).expect_err("foreign");
            assert_eq!(error.code(), "foreign-side-file", "{error}");
            assert!(
                error.hint().is_some_and(|hint| hint.contains("store restore") && hint.contains("-wal"))
            );
        }
        let after =
            (std::fs::read(&put).expect("file"), std::fs::read(beside(&put, "-wal")).expect("log"));
        assert!(before == after, "left untouched");
        // The way out: without the log, the file is whole.
        std::fs::remove_file(beside(&put, "-wal")).expect("moved away");
        assert_eq!(open(&put).expect("opens").check(), Ok(Vec::new()));
    }
}

#[test]
fn a_log_that_begins_with_an_unlogged_write_gets_a_stamp() {
    let (dir, local) = estate();
    let path = local.path().to_owned();
    let backup = dir.path().join("backup.db");
    local.backup(&backup, &go).expect("backup");
    drop(local);
    let local = open(&path).expect("opens");
    local.want_mail(true).expect("no logged change");
    let log = std::fs::read(beside(&path, "-wal")).expect("log");
    assert!(!log.is_empty());
    let put = dir.path().join("put.db");
    std::fs::copy(&backup, &put).expect("copied over");
    std::fs::write(beside(&put, "-wal"), log).expect("left behind");
    assert_eq!(code(open(&put)), "foreign-side-file");
    drop(local);
}

#[test]
fn a_store_is_restored_and_the_old_one_kept() {
    let (dir, local) = estate();
    let path = local.path().to_owned();
    let backup = dir.path().join("backup.db");
    local.backup(&backup, &go).expect("backup");
    let head = local.head().expect("head");
    add_account(&local, "Later");
    assert_eq!(Local::restore(&path, &backup, &go).map(drop).expect_err("open").code(), "busy");
    drop(local);
    let restored = Local::restore(&path, &backup, &go).expect("restored");
    assert_eq!(restored.head, head);
    let kept = restored.kept.expect("kept");
    assert_eq!(kept.parent(), path.parent());
    assert_eq!((accounts(&open(&path).expect("new")), accounts(&open(&kept).expect("old"))), (1, 2));
    let kept_name = kept.file_name().expect("name").to_string_lossy().into_owned();
    assert!(kept_name.starts_with("estate.db.replaced-2"), "{kept_name}");
    assert_eq!(names(dir.path()), ["backup.db", "estate.db", &kept_name]);
    // Into an empty place, and a second time within a second.
    let new = dir.path().join("new.db");
    assert_eq!(Local::restore(&new, &backup, &go).expect("restored").kept, None);
    let again = Local::restore(&path, &backup, &go).expect("restored");
    assert_ne!(again.kept, Some(kept));
    assert_eq!(Local::restore(&path, &path, &go).map(drop).expect_err("itself").code(), "conflict");
}

#[test]
fn a_restore_replaces_a_damaged_store_and_a_foreign_log() {
    let (dir, local) = estate();
    let path = local.path().to_owned();
    let backup = dir.path().join("backup.db");
    local.backup(&backup, &go).expect("backup");
    add_account(&local, "A");
    let crashed = dir.path().join("crashed.db");
    copy_as_crashed(&path, &crashed);
    std::fs::copy(&backup, &crashed).expect("copied over");
    assert_eq!(code(open(&crashed)), "foreign-side-file");
    let kept = Local::restore(&crashed, &backup, &go).expect("restored").kept.expect("kept");
    assert!(beside(&kept, "-wal").exists() && !beside(&crashed, "-wal").exists());
    assert_eq!(accounts(&open(&crashed).expect("opens")), 1);
    std::fs::write(&crashed, b"SQLite format 3\0 and then nothing").expect("damaged");
    Local::restore(&crashed, &backup, &go).expect("restored");
    assert_eq!(accounts(&open(&crashed).expect("opens")), 1);
}

#[test]
fn a_bad_backup_is_refused_and_nothing_is_changed() {
    let (dir, local) = estate();
    import(&local, ONE);
    let path = local.path().to_owned();
    let backup = dir.path().join("backup.db");
    local.backup(&backup, &go).expect("backup");
    drop(local);
    let sound = std::fs::read(&backup).expect("backup");
    let before = std::fs::read(&path).expect("store");
    let mut newer = sound.clone();
    newer[60..64].copy_from_slice(&99u32.to_be_bytes());
    let mut torn = sound.clone();
    let middle = torn.len() / 2;
    torn[middle..middle + 8192].fill(0xaa);
    for (bytes, code) in [
        (newer, "newer-store"),
        (torn, "damaged"),
        (sound[..sound.len() / 2].to_vec(), "damaged"),
        (b"hello".to_vec(), "not-a-store"),
    ] {
        std::fs::write(&backup, bytes).expect("written");
        let error = Local::restore(&path, &backup, &go).expect_err("refused");
        assert_eq!(error.code(), code, "{error}");
        assert!(std::fs::read(&path).expect("store") == before, "{code}: the store is as it was");
        assert_eq!(names(dir.path()), ["backup.db", "estate.db"], "{code}");
    }
    let tampered = dir.path().join("tampered.db");
    std::fs::write(&tampered, &sound).expect("written");
    let conn = rusqlite::Connection::open(&tampered).expect("database");
    conn.execute("UPDATE log SET body = '{}' WHERE rev = 2", []).expect("tampered");
    drop(conn);
    let error = Local::restore(&path, &tampered, &go).expect_err("refused");
    assert!(error.to_string().contains("tampered.db is damaged: the log was changed"), "{error}");
    let stop = |_| ControlFlow::Break(());
    std::fs::write(&backup, &sound).expect("written");
    assert_eq!(Local::restore(&path, &backup, &stop).map(drop).expect_err("stopped").code(), "cancelled");
    assert!(std::fs::read(&path).expect("store") == before);
}

#[test]
fn a_backup_ends_while_the_store_is_written() {
    let (dir, local) = estate();
    let mut csv = String::from("iccid,label\n");
    for n in 0..5_000 {
        csv.push_str(&format!("89001{n:014},{}\n", "x".repeat(200)));
    }
    import(&local, csv.as_bytes());
    let writer = open(local.path()).expect("opens");
    let steps = AtomicUsize::new(0);
    let write_between = |_| {
        let step = steps.fetch_add(1, Ordering::Relaxed);
        add_account(&writer, &format!("A{step}"));
        if step < 100 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    let backup = dir.path().join("backup.db");
    local.backup(&backup, &write_between).expect("ends");
    assert!(steps.into_inner() > 2, "written between its steps");
    let copy = open(&backup).expect("opens");
    assert_eq!((accounts(&copy), copy.check()), (1, Ok(Vec::new())), "of one state");
}

#[test]
fn a_restore_moves_side_files_of_no_store_away() {
    let (dir, local) = estate();
    let path = local.path().to_owned();
    let backup = dir.path().join("backup.db");
    local.backup(&backup, &go).expect("backup");
    add_account(&local, "Later");
    let log = std::fs::read(beside(&path, "-wal")).expect("log");
    drop(local);
    std::fs::remove_file(&path).expect("lost");
    std::fs::write(beside(&path, "-wal"), &log).expect("left behind");
    std::fs::write(beside(&path, "-journal"), b"left behind").expect("left behind");
    let restored = Local::restore(&path, &backup, &go).expect("restored");
    assert_eq!((restored.kept, restored.side_files.len()), (None, 2));
    assert_eq!(std::fs::read(&restored.side_files[0]).expect("kept"), log);
    let local = open(&path).expect("opens");
    assert_eq!((accounts(&local), local.check()), (1, Ok(Vec::new())));
}

#[test]
fn a_restore_replaces_no_store_that_was_made_meanwhile() {
    let (dir, local) = estate();
    let backup = dir.path().join("backup.db");
    local.backup(&backup, &go).expect("backup");
    let path = dir.path().join("new.db");
    let make = |_| {
        std::fs::write(&path, b"made meanwhile").expect("made");
        ControlFlow::Continue(())
    };
    let error = Local::restore(&path, &backup, &make).map(drop).expect_err("made meanwhile");
    assert_eq!(error.code(), "exists");
    assert_eq!(std::fs::read(&path).expect("file"), b"made meanwhile");
}

#[test]
fn a_restore_tells_a_missing_backup_from_a_missing_folder() {
    let (dir, local) = estate();
    let none = dir.path().join("none.db");
    let error = Local::restore(local.path(), &none, &go).map(drop).expect_err("no backup");
    assert_eq!(error.to_string(), format!("there is no backup at {}", none.display()));
    let nowhere = dir.path().join("no/estate.db");
    let error = Local::restore(&nowhere, &none, &go).map(drop).expect_err("no backup");
    assert_eq!(error.code(), "no-backup");
    let error = Local::restore(&nowhere, local.path(), &go).map(drop).expect_err("no folder");
    assert_eq!(error.to_string(), format!("there is no folder {}", dir.path().join("no").display()));
    for error in [Error::NoBackup(none), error] {
        assert!(!error.hint().expect("hint").contains("init"));
    }
}

#[test]
fn special_files_are_refused_at_once() {
    let dir = tempfile::tempdir().expect("folder");
    let pipe = dir.path().join("pipe.db");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    let (_dir, local) = estate();
    let device = PathBuf::from("/dev/null");
    for (path, words) in
        [(&pipe, "is a pipe"), (&dir.path().to_owned(), "is a folder"), (&device, "is a device")]
    {
        for read_only in [false, true] {
            let error = Local::open(path, None, read_only).map(drop).expect_err("special");
            assert_eq!(error.code(), "not-a-store");
            assert!(error.to_string().contains(words), "{error}");
        }
        assert_eq!(Local::info(path).expect_err("special").code(), "not-a-store");
        assert_eq!(
            Local::restore(local.path(), path, &go).map(drop).expect_err("special").code(),
            "not-a-store"
        );
        assert_eq!(
            Local::restore(path, local.path(), &go).map(drop).expect_err("special").code(),
            "not-a-store"
        );
    }
}

/// Mounts a folder, read-only if `options` say so.
fn mount(args: &[&str], options: &str, at: &Path) {
    let output = Command::new("mount").args(args).args(["-o", options]).arg(at).output().expect("mount");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A small file system of its own.
struct Mount(tempfile::TempDir);

impl Mount {
    /// Mounts one; `None` where this user may not mount.
    fn of(size: &str) -> Option<Self> {
        let dir = tempfile::tempdir().expect("folder");
        mounts::mount_small(dir.path(), size).then(|| Self(dir))
    }

    /// Mounts another file system a second time, where nothing can be written.
    fn read_only_view_of(other: &Self) -> Self {
        let dir = tempfile::tempdir().expect("folder");
        mount(&["--bind", other.0.path().to_str().expect("UTF-8")], "bind", dir.path());
        mount(&[], "remount,bind,ro", dir.path());
        Self(dir)
    }

    fn read_only(&self) {
        mount(&[], "remount,ro", self.0.path());
    }

    /// Fills the file system; removing the file frees it.
    fn fill(&self) -> PathBuf {
        let filler = self.0.path().join("filler");
        let mut file = std::fs::File::create(&filler).expect("filler");
        std::io::copy(&mut std::io::repeat(0), &mut file).expect_err("full");
        filler
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

/// A reader that cannot take locks sees what others write, and never a mixture of two states.
#[test]
fn a_store_in_a_read_only_folder_is_read_while_others_write_it() {
    let Some(disk) = Mount::of("64m") else { return };
    let view = Mount::read_only_view_of(&disk);
    let (_dir, local) = estate();
    let (path, seen) = (disk.0.path().join("store.db"), view.0.path().join("store.db"));
    local.backup(&path, &go).expect("backup");
    drop(open(&path).expect("at rest in write-ahead mode"));
    let reader = Local::open(&seen, None, true).expect("opened to read");
    assert_eq!(accounts(&reader), 1);
    for round in 1..=3 {
        let mut csv = String::from("iccid,label\n");
        for n in 0..2_000 {
            csv.push_str(&format!("{round}{n:018},{}\n", "x".repeat(200)));
        }
        let writer = open(&path).expect("opens");
        import(&writer, csv.as_bytes());
        add_account(&writer, &format!("A{round}"));
        assert_eq!(accounts(&reader), round + 1, "while the writer has it open");
        drop(writer);
        assert_eq!(accounts(&reader), round + 1, "after it was closed");
        let sims = reader.count(&all(&reader), &CancelToken::new()).expect("count");
        assert_eq!((sims, reader.check()), (2_000 * round as u64, Ok(Vec::new())));
        assert_eq!(Local::info(&seen).map(|info| info.sims), Ok(sims));
    }
    // Another file under the same name.
    let other = disk.0.path().join("other.db");
    local.backup(&other, &go).expect("backup");
    // The reader keeps the side files from being removed; a restore moves them away.
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(beside(&path, suffix));
    }
    std::fs::rename(&other, &path).expect("put in its place");
    assert_eq!((accounts(&reader), reader.check()), (1, Ok(Vec::new())));
}

#[test]
fn side_files_that_are_pipes_are_refused_at_once() {
    for suffix in ["-wal", "-journal", "-shm"] {
        let (dir, local) = estate();
        let path = local.path().to_owned();
        let backup = dir.path().join("backup.db");
        local.backup(&backup, &go).expect("backup");
        drop(local);
        let pipe = beside(&path, suffix);
        assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
        for read_only in [false, true] {
            let error = Local::open(&path, None, read_only).map(drop).expect_err("special");
            assert_eq!(error.to_string(), format!("{} is a pipe, not a simdeck store", pipe.display()));
        }
        assert_eq!(Local::info(&path).expect_err("special").code(), "not-a-store");
        assert_eq!(
            Local::restore(&path, &backup, &go).map(drop).expect_err("store").code(),
            "not-a-store"
        );
        assert_eq!(
            Local::restore(&backup, &path, &go).map(drop).expect_err("backup").code(),
            "not-a-store"
        );
    }
}

#[test]
fn a_store_on_a_full_disk_is_read_and_leaves_no_side_file() {
    let Some(disk) = Mount::of("2m") else { return };
    let (_dir, local) = estate();
    import(&local, ONE);
    let path = disk.0.path().join("store.db");
    local.backup(&path, &go).expect("fits");
    drop(open(&path).expect("at rest in write-ahead mode"));
    let filler = disk.fill();
    let reader = Local::open(&path, None, true).expect("opened to read");
    assert_eq!(reader.count(&all(&reader), &CancelToken::new()), Ok(1));
    assert_eq!(Local::info(&path).map(|info| info.sims), Ok(1));
    assert_eq!(code(open(&path)), "disk-full");
    assert_eq!(names(disk.0.path()), ["filler", "store.db"]);
    std::fs::remove_file(filler).expect("removed");
    add_account(&open(&path).expect("opens"), "After");
    assert_eq!(accounts(&reader), 2);
    drop(reader);
    assert_eq!(names(disk.0.path()), ["store.db"]);
}

#[test]
fn a_store_on_a_read_only_disk_is_read() {
    let Some(mount) = Mount::of("32m") else { return };
    let (_dir, local) = estate();
    import(&local, ONE);
    let path = mount.0.path().join("a b%?.db");
    local.backup(&path, &go).expect("backup");
    // A store that was in use, closed: in write-ahead mode, without a log.
    drop(open(&path).expect("opens"));
    let crashed = crashed(mount.0.path());
    mount.read_only();
    assert_eq!(code(open(&path)), "store-read-only");
    let local = Local::open(&path, None, true).expect("opened to read");
    assert_eq!(local.count(&all(&local), &CancelToken::new()), Ok(1));
    assert_eq!(local.check(), Ok(Vec::new()));
    assert_eq!(Local::info(&path).map(|info| info.sims), Ok(1));
    for error in [Local::open(&crashed, None, true).map(drop), Local::info(&crashed).map(drop)] {
        let error = error.expect_err("its log cannot be read there");
        assert_eq!(error.code(), "unreadable-log", "{error}");
        assert!(error.hint().is_some_and(|hint| hint.contains("copy the file and its -wal")), "{error}");
    }
}

#[test]
fn a_full_disk_says_so_and_keeps_no_half_backup() {
    let Some(mount) = Mount::of("256k") else { return };
    let (dir, local) = estate();
    import(&local, ONE);
    let copy = mount.0.path().join("copy.db");
    let error = local.backup(&copy, &go).expect_err("full");
    assert_eq!(error.code(), "disk-full", "{error}");
    let backup = dir.path().join("backup.db");
    local.backup(&backup, &go).expect("backup");
    let error = Local::restore(&copy, &backup, &go).map(drop).expect_err("full");
    assert!(error.to_string().starts_with(&copy.display().to_string()), "{error}");
    assert_eq!(names(mount.0.path()), Vec::<String>::new());
    drop(mount);
    let Some(mount) = Mount::of("2m") else { return };
    let path = mount.0.path().join("store.db");
    local.backup(&path, &go).expect("fits");
    let store = open(&path).expect("opens");
    let filler = mount.fill();
    let mut failed = None;
    for n in 0..2_000 {
        let change = Change::AddAccount { parent: store.me().account, name: format!("A{n}") };
        failed = store.apply(&ChangeId::new(), &change, &go).err();
        if failed.is_some() {
            break;
        }
    }
    assert_eq!(failed.expect("full").code(), "disk-full");
    std::fs::remove_file(filler).expect("removed");
    add_account(&store, "After");
    assert_eq!(store.check(), Ok(Vec::new()));
}

#[test]
fn an_older_store_is_upgraded_after_a_backup_and_never_by_a_read() {
    let (dir, local) = estate();
    import(&local, ONE);
    let path = dir.path().join("old.db");
    old::write_first_version(&local, &path);
    let before = std::fs::read(&path).expect("old");
    for opened in [Local::open(&path, None, true), Local::open_as_is(&path, None, None)] {
        let error = opened.map(drop).expect_err("older");
        assert_eq!(error.code(), "older-store");
        assert!(error.hint().is_some_and(|hint| hint.contains("simdeck store upgrade")));
    }
    let info = Local::info(&path).expect("info");
    assert_eq!((info.schema, info.sims, info.wal_size), (1, 1, 0));
    assert_eq!(info.rollover, estate::RolloverStatus::default());
    assert!(std::fs::read(&path).expect("old") == before, "left untouched");
    let upgrade = Local::upgrade(&path).expect("upgraded").expect("was old");
    assert_eq!((upgrade.from, upgrade.to), (1, info.known_schema));
    let name = upgrade.backup.file_name().expect("name").to_string_lossy().into_owned();
    assert!(name.starts_with("old.db.schema-1-2"), "{name}");
    assert_eq!(Local::info(&upgrade.backup).map(|info| (info.schema, info.sims)), Ok((1, 1)));
    assert_eq!(Local::upgrade(&path), Ok(None));
    assert_eq!(open(&path).expect("opens").check(), Ok(Vec::new()));
    // The backup is restored and upgraded again.
    Local::restore(&path, &upgrade.backup, &go).expect("restored");
    let opened = open(&path).expect("opens");
    assert_eq!(opened.upgrade_made().map(|upgrade| upgrade.from), Some(1));
}

#[test]
fn a_store_of_the_schema_before_is_read_as_it_is() {
    let (_dir, local) = estate();
    import(&local, ONE);
    let path = local.path().to_owned();
    drop(local);
    let conn = rusqlite::Connection::open(&path).expect("database");
    conn.execute_batch(&schema_16::statements()).expect("as it was");
    drop(conn);
    let before = std::fs::read(&path).expect("file");
    for opened in [Local::open(&path, None, true), Local::open_as_is(&path, None, None)] {
        let local = opened.expect("read");
        assert!(local.read_only());
        assert_eq!(local.count(&all(&local), &CancelToken::new()), Ok(1));
        assert!(local.rollover_status().expect("status").pending.is_empty());
    }
    assert!(std::fs::read(&path).expect("file") == before, "left untouched");
    assert!(open(&path).expect("opens").upgrade_made().is_some());
}

/// Threads that open an older store at once: one upgrades, the others wait, none fails.
#[test]
fn an_older_store_is_opened_by_many_at_once() {
    let (dir, local) = estate();
    import(&local, ONE);
    for round in 0..30 {
        let path = dir.path().join(format!("old-{round}.db"));
        old::write_first_version(&local, &path);
        let barrier = std::sync::Barrier::new(8);
        std::thread::scope(|scope| {
            let open_one = || {
                barrier.wait();
                open(&path).map(|local| local.upgrade_made().is_some())
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(open_one)).collect();
            let opened: Vec<_> =
                threads.into_iter().map(|thread| thread.join().expect("thread")).collect();
            let upgraded = opened.iter().filter(|opened| **opened == Ok(true)).count();
            assert!(opened.iter().all(Result::is_ok) && upgraded == 1, "round {round}: {opened:?}");
        });
    }
}
