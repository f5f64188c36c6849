//! The file: ours or not, newer, damaged, private, checked and copied.

mod common;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use common::{estate, import};
use estate::{CancelToken, Change, ChangeId, Error, Estate, Local, Query, Time};

fn open(path: &Path) -> Result<(), Error> {
    Local::open(path, None, false).map(|_| ())
}

/// Opening must fail with that code and leave every byte as it was.
fn refused(path: &Path, code: &str) {
    let before = std::fs::read(path).expect("file");
    let error = open(path).expect_err(code);
    assert_eq!(error.code(), code, "{error}");
    assert!(error.hint().is_some(), "{error}");
    assert_eq!(std::fs::read(path).expect("file"), before, "{code}: left untouched");
}

#[test]
fn files_that_are_not_ours_are_left_alone() {
    let dir = tempfile::tempdir().expect("folder");
    let path = dir.path().join("x.db");
    assert_eq!(open(&path).expect_err("absent").code(), "no-store");
    for (bytes, code) in
        [(&b""[..], "not-a-store"), (b"hello", "not-a-store"), (&[0u8; 4096], "not-a-store")]
    {
        std::fs::write(&path, bytes).expect("written");
        refused(&path, code);
    }
    std::fs::remove_file(&path).expect("removed");
    let other = rusqlite::Connection::open(&path).expect("database");
    other.execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (1)").expect("filled");
    drop(other);
    refused(&path, "not-a-store");
}

/// A store whose log has been folded into the one file.
fn settled() -> (tempfile::TempDir, std::path::PathBuf) {
    let (dir, local) = estate();
    import(&local, b"iccid\n8900101000000000043\n");
    let path = local.path().to_owned();
    drop(local);
    (dir, path)
}

fn patch(path: &Path, at: usize, bytes: &[u8]) {
    let mut file = std::fs::read(path).expect("file");
    file[at..at + bytes.len()].copy_from_slice(bytes);
    std::fs::write(path, file).expect("written");
}

#[test]
fn newer_and_damaged_stores_are_refused() {
    let (_dir, path) = settled();
    assert_eq!(open(&path), Ok(()));
    let sound = std::fs::read(&path).expect("file");
    patch(&path, 60, &99u32.to_be_bytes());
    refused(&path, "newer-store");
    std::fs::write(&path, &sound).expect("restored");
    patch(&path, 16, &[0, 7]);
    refused(&path, "damaged");
    std::fs::write(&path, &sound).expect("restored");
    let conn = rusqlite::Connection::open(&path).expect("database");
    conn.execute_batch("PRAGMA journal_mode=DELETE; DROP INDEX sim_used").expect("dropped");
    drop(conn);
    let error = open(&path).expect_err("schema");
    assert!(error.to_string().contains("sim_used"), "{error}");
    refused(&path, "damaged");
}

#[test]
fn a_store_is_private_and_never_overwritten() {
    let (_dir, local) = estate();
    let mode = std::fs::metadata(local.path()).expect("file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let new = estate::NewEstate { account: "R".into(), email: "a@b.example".into(), name: "N".into() };
    assert_eq!(Local::create(local.path(), &new).map(|_| ()).expect_err("there").code(), "exists");
}

#[test]
fn the_check_finds_what_was_tampered_with() {
    for (sql, words) in [
        ("UPDATE log SET body = '{}' WHERE rev = 2", "changed afterwards at #2"),
        ("DELETE FROM log_account; DELETE FROM log WHERE rev = 1", "changed afterwards"),
        ("UPDATE account SET sims = sims + 1 WHERE id = 1", "says 2 SIMs and has 1"),
        ("UPDATE sim SET version = 99", "no change gave it"),
    ] {
        let (_dir, path) = settled();
        let conn = rusqlite::Connection::open(&path).expect("database");
        conn.execute_batch(&format!("PRAGMA foreign_keys=OFF; {sql}")).expect(sql);
        drop(conn);
        let faults = Local::open(&path, None, false).expect("opens").check().expect("check");
        assert!(faults.iter().any(|f| f.contains(words)), "{sql}: {faults:?}");
    }
}

#[test]
fn a_backup_is_a_whole_store_of_its_own() {
    let (dir, local) = estate();
    import(&local, b"iccid\n8900101000000000043\n");
    let copy = dir.path().join("copy.db");
    local.backup(&copy, &|_| std::ops::ControlFlow::Continue(())).expect("copied");
    let change = Change::AddAccount { parent: local.me().account, name: "Later".into() };
    local.apply(&ChangeId::new(), &change, &|_| std::ops::ControlFlow::Continue(())).expect("added");
    let opened = Local::open(&copy, None, false).expect("opens");
    assert_eq!(opened.check().expect("check"), Vec::<String>::new());
    assert_eq!(
        opened.accounts(&CancelToken::new()).expect("accounts").all().len(),
        1,
        "as it was at the time"
    );
    assert_eq!(opened.count(&Query::all(opened.me().account, Time(0)), &CancelToken::new()), Ok(1));
    assert_eq!(std::fs::metadata(&copy).expect("file").permissions().mode() & 0o777, 0o600);
    assert_eq!(
        local.backup(&copy, &|_| std::ops::ControlFlow::Continue(())).expect_err("there").code(),
        "exists"
    );
}

#[test]
fn the_owner_needs_no_name_unless_there_are_several() {
    let (_dir, local) = estate();
    let path = local.path().to_owned();
    local.add_user(local.me().account, "Second", "second@x.example", estate::Role::Admin).expect("user");
    let error = open(&path).expect_err("two Admins");
    assert!(error.to_string().contains("second@x.example") && error.code() == "invalid", "{error}");
    assert_eq!(
        Local::open(&path, Some("SECOND@X.example"), false)
            .map(|l| l.me().name.clone())
            .expect("signed in"),
        "Second"
    );
    assert_eq!(
        Local::open(&path, Some("nobody@x.example"), false).map(|_| ()).expect_err("unknown").code(),
        "not-found"
    );
}

#[test]
fn a_demo_is_the_same_for_the_same_seed() {
    let dir = tempfile::tempdir().expect("folder");
    let size = estate::demo::Demo { sims: 300, accounts: 20, seed: 7 };
    let export = |name: &str, size| {
        let local = estate::demo::create(&dir.path().join(name), size, Time(1_780_000_000), &|_| {
            std::ops::ControlFlow::Continue(())
        })
        .expect("demo");
        assert_eq!(local.check().expect("check"), Vec::<String>::new());
        let mut lines = Vec::new();
        let all = Query::all(local.me().account, Time(0));
        local
            .export(
                &all,
                None,
                &mut |sim| {
                    lines.push(format!("{sim:?}"));
                    Ok(true)
                },
                &CancelToken::new(),
            )
            .expect("export");
        lines
    };
    let first = export("a.db", size);
    assert_eq!(first.len(), 300);
    assert_eq!(first, export("b.db", size));
    assert_eq!(
        export("d.db", estate::demo::Demo { accounts: 400, ..size }).len(),
        300,
        "more customers than names"
    );
    assert_ne!(first, export("c.db", estate::demo::Demo { seed: 8, ..size }));
}

/// Closing a file lets go of every lock this process holds on it (POSIX), SQLite's too: without
/// them another program would take the store for closed and fold its log away under us.
#[test]
#[cfg(target_os = "linux")]
fn a_store_that_is_open_keeps_its_locks_when_it_is_opened_again() {
    use std::os::unix::fs::MetadataExt as _;
    let (_dir, root) = estate();
    let file = std::fs::metadata(root.path()).expect("file").ino();
    let locked = || {
        let (pid, inode) = (format!(" {} ", std::process::id()), format!(":{file} "));
        let locks = std::fs::read_to_string("/proc/locks").expect("locks");
        locks.lines().any(|line| line.contains(&pid) && line.contains(&inode))
    };
    root.rev().expect("read");
    assert!(locked());
    open(root.path()).expect("opened again");
    assert!(locked());
    assert!(Local::open(root.path(), Some("nobody@x.example"), false).is_err());
    assert!(locked());
}
