//! The store's file by the binary: one file after every command, restore, upgrade, and errors told
//! apart.

#[path = "common/binary.rs"]
mod binary;
#[cfg(target_os = "linux")]
#[path = "../estate/tests/common/mounts.rs"]
mod mounts;
#[path = "../estate/tests/common/old.rs"]
mod old;

use std::path::Path;
use std::process::Command;

use assert_cmd::cargo::CommandCargoExt as _;
use binary::World;
use estate::Local;

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| name.contains(".db"));
    names.sort();
    names
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[test]
fn every_command_leaves_one_file() {
    let world = World::sample();
    assert_eq!(names(world.dir.path()), ["estate.db"]);
    for args in [
        &["sims", "--count"][..],
        &["--readonly", "sims", "--count"],
        &["account", "add", "/Root/New", "--yes"],
        &["move", "status=active", "--to", "/Root/New", "--yes"],
        &["store", "check"],
        &["store", "info"],
        &["export", "--to", "sims.csv", "--force"],
    ] {
        world.command().current_dir(world.dir.path()).args(args).output().expect("runs");
        assert_eq!(names(world.dir.path()), ["estate.db"], "{args:?}");
    }
    let copy = world.path("copy.db");
    std::fs::copy(world.path("estate.db"), &copy).expect("copied");
    let moved = world.count("in:/Root/New");
    std::fs::rename(&copy, world.path("estate.db")).expect("in its place");
    assert!(moved > 0 && world.count("in:/Root/New") == moved);
}

#[test]
fn info_describes_the_store() {
    let world = World::sample();
    let out = world.ok(&["store", "info", "--output", "json"]);
    let info: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    let size = std::fs::metadata(world.path("estate.db")).expect("file").len();
    assert_eq!((&info[0]["sims"], &info[0]["rev"]), (&2_000.into(), &2.into()));
    assert_eq!((&info[0]["bytes"], &info[0]["wal_bytes"]), (&size.into(), &0.into()));
    assert_eq!(info[0]["path"], text(&world.path("estate.db")));
    assert_eq!(info[0]["rollover"], "none");
    // The rule of a period that has ended, as the newest change left it.
    let conn = rusqlite::Connection::open(world.path("estate.db")).expect("database");
    conn.execute("UPDATE period_rollover SET closed_until = 86400, next = 172800", [])
        .expect("as before");
    drop(conn);
    let (out, err) = world.ends(&["store", "info", "--output", "json"], 0);
    let info: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(info[0]["rollover"], "pending");
    assert!(err.contains("period ended, rollover pending"), "{err}");
}

#[test]
fn a_backup_is_restored_unless_the_store_is_open() {
    let world = World::sample();
    let backup = world.path("backup.db");
    world.ok(&["store", "backup", text(&backup)]);
    world.ok(&["account", "add", "/Root/Later", "--yes"]);
    let before = std::fs::read(world.path("estate.db")).expect("file");
    let other = rusqlite::Connection::open(world.path("estate.db")).expect("another program");
    other.query_row("SELECT count(*) FROM sim", [], |row| row.get::<_, i64>(0)).expect("reads");
    let (_, err) = world.ends(&["store", "restore", text(&backup)], 1);
    assert!(err.contains("in use by another program"), "{err}");
    drop(other);
    assert!(std::fs::read(world.path("estate.db")).expect("file") == before);
    world.ends(&["--readonly", "store", "restore", text(&backup)], 4);
    let (_, err) = world.ends(&["store", "restore", text(&backup)], 0);
    assert!(err.contains("up to change #2") && err.contains("the old store is "), "{err}");
    assert!(!world.ok(&["accounts"]).contains("Later"));
    let kept = names(world.dir.path()).into_iter().find(|name| name.contains("replaced")).expect("kept");
    let kept = world.path(&kept).display().to_string();
    let mut command = Command::cargo_bin("simdeck").expect("binary");
    command.env_clear().env("HOME", world.dir.path()).args(["--store", &kept, "accounts"]);
    let out = command.output().expect("runs").stdout;
    assert!(String::from_utf8_lossy(&out).contains("/Root/Later"));
    let (_, err) = world.ends(&["store", "restore", text(&world.path("none.db"))], 1);
    assert!(err.contains("there is no backup at") && !err.contains("init"), "{err}");
    // A restored store, and then a session that only reads and is idle.
    let reader = Local::open(&world.path("estate.db"), None, true).expect("opens");
    let (_, err) = world.ends(&["store", "restore", text(&backup)], 1);
    assert!(err.contains("in use by another program"), "{err}");
    drop(reader);
    world.ok(&["store", "restore", text(&backup)]);
}

#[test]
fn a_log_left_beside_a_copied_backup_is_refused_with_the_way_out() {
    let world = World::sample();
    let (store, log) = (world.path("estate.db"), world.path("estate.db-wal"));
    let backup = world.path("backup.db");
    world.ok(&["store", "backup", text(&backup)]);
    // A program that is killed leaves its log.
    let holder = Local::open(&store, None, false).expect("opens");
    world.ok(&["account", "add", "/Root/Later", "--yes"]);
    let left = std::fs::read(&log).expect("log");
    drop(holder);
    std::fs::copy(&backup, &store).expect("copied over");
    std::fs::write(&log, left).expect("left behind");
    let (_, err) = world.ends(&["sims", "--count"], 1);
    assert!(
        err.contains("estate.db-wal does not belong to") && err.contains("store restore FILE"),
        "{err}"
    );
    world.ok(&["store", "restore", text(&backup)]);
    assert!(world.ok(&["store", "check"]).starts_with("sound"));
}

#[test]
fn an_older_store_is_upgraded_by_changes_only() {
    let world = World::empty();
    world.ok(&["init", "--account", "Root", "--email", "root@x.example", "--name", "Root"]);
    let new = world.path("new.db");
    std::fs::rename(world.path("estate.db"), &new).expect("moved away");
    let local = Local::open(&new, None, false).expect("opens");
    old::write_first_version(&local, &world.path("estate.db"));
    drop(local);
    std::fs::remove_file(new).expect("removed");
    let before = std::fs::read(world.path("estate.db")).expect("old");
    for args in [&["sims"][..], &["--readonly", "sims"], &["move", "*", "--to", "/Root", "--dry-run"]] {
        let (_, err) = world.ends(args, 1);
        assert!(
            err.contains("older simdeck (schema 1") && err.contains("simdeck store upgrade"),
            "{err}"
        );
    }
    let (out, err) = world.ends(&["store", "info"], 0);
    assert!(out.contains(",1,") && err.contains("store upgrade"), "{out}{err}");
    world.ends(&["--readonly", "store", "upgrade"], 4);
    assert!(std::fs::read(world.path("estate.db")).expect("old") == before, "left untouched");
    assert_eq!(names(world.dir.path()), ["estate.db"]);
    let (_, err) = world.ends(&["account", "add", "/Root/New", "--yes"], 0);
    assert!(err.contains("upgraded the store from schema 1 to ") && err.contains("; backup: "), "{err}");
    assert_eq!(names(world.dir.path()).len(), 2);
    let (_, err) = world.ends(&["store", "upgrade"], 0);
    assert!(err.contains("the schema is current"), "{err}");
}

#[test]
#[cfg(unix)]
fn a_pipe_is_refused_at_once() {
    let world = World::empty();
    assert!(Command::new("mkfifo").arg(world.path("estate.db")).status().expect("mkfifo").success());
    for args in
        [&["sims"][..], &["--readonly", "sims"], &["store", "info"], &["store", "upgrade"], &["doctor"]]
    {
        let output = world.run(args);
        let text = [output.stdout, output.stderr].concat();
        assert!(String::from_utf8_lossy(&text).contains("is a pipe, not a simdeck store"), "{args:?}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn too_many_open_files_are_told_as_such() {
    let world = World::sample();
    let program = world.command();
    let mut told = 0;
    for limit in 5..=9 {
        let mut shell = Command::new("sh");
        shell.env_clear().env("HOME", world.dir.path());
        shell.args(["-c", &format!("ulimit -n {limit}; exec \"$0\" \"$@\" sims --count")]);
        let output = shell.arg(program.get_program()).args(program.get_args()).output().expect("runs");
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() || err.contains("too many files are open"), "{limit}: {err}");
        told += usize::from(!output.status.success());
    }
    assert!(told > 0);
}

#[test]
#[cfg(unix)]
fn a_limit_on_file_sizes_is_told_as_a_full_disk() {
    let world = World::sample();
    let program = world.command();
    let copy = world.path("copy.db");
    let mut shell = Command::new("sh");
    shell.env_clear().env("HOME", world.dir.path());
    shell
        .args(["-c", "ulimit -f 100; exec \"$0\" \"$@\""])
        .arg(program.get_program())
        .args(program.get_args());
    let output = shell.args(["store", "backup", text(&copy)]).output().expect("runs");
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(
        err.contains("copy.db cannot be written: the disk is full") && err.contains("ulimit -f"),
        "{err}"
    );
    let entries = std::fs::read_dir(world.dir.path()).expect("folder");
    let left = |name: &str| name.starts_with(".simdeck-") || name.starts_with("copy");
    let left =
        entries.filter(|e| left(&e.as_ref().expect("entry").file_name().to_string_lossy())).count();
    assert_eq!(left, 0);
}

#[test]
#[cfg(unix)]
fn a_file_of_another_user_is_told_as_such() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::sample();
    let path = world.path("estate.db");
    let set_mode = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("mode");
    };
    // Root may read everything: the program runs as a user without rights, in a folder of its own.
    let program = world.path("simdeck");
    std::fs::copy(world.command().get_program(), &program).expect("copied");
    set_mode(world.dir.path(), 0o755);
    let run = |args: &[&str]| {
        let is_root = std::fs::metadata("/proc/self").is_ok_and(|me| is_owned_by_root(&me));
        let mut command = if is_root { Command::new("setpriv") } else { Command::new("env") };
        if is_root {
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        }
        command.env_clear().env("HOME", world.dir.path()).arg(&program);
        let output = command.args(["--store", text(&path)]).args(args).output().expect("runs");
        let texts =
            [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        (output.status.success(), texts)
    };
    set_mode(&path, 0o000);
    let (done, [_, err]) = run(&["sims"]);
    assert!(!done && err.contains("no permission to open"), "{err}");
    set_mode(&path, 0o444);
    let (done, [_, err]) = run(&["sims"]);
    assert!(!done && err.contains("read-only") && err.contains("--readonly"), "{err}");
    let (done, [out, err]) = run(&["--readonly", "sims", "--count"]);
    assert!(done && out == "2000\n", "{err}");
}

#[cfg(unix)]
fn is_owned_by_root(file: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    file.uid() == 0
}

/// Nothing half written stays on a small disk.
#[test]
#[cfg(target_os = "linux")]
fn a_backup_on_a_full_disk_leaves_nothing() {
    let world = World::sample();
    let disk = world.path("disk");
    std::fs::create_dir(&disk).expect("folder");
    if !mounts::mount_small(&disk, "512k") {
        return;
    }
    let (_, err) = world.ends(&["store", "backup", text(&disk.join("copy.db"))], 1);
    let left = std::fs::read_dir(&disk).expect("disk").count();
    assert!(Command::new("umount").arg(&disk).status().expect("umount").success());
    assert!(
        err.contains(&format!("{}/copy.db cannot be written: the disk is full", text(&disk))),
        "{err}"
    );
    assert_eq!(left, 0);
}
