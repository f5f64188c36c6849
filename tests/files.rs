//! Output files of the binary: what is refused, replaced and reported; and paths as people type
//! them.

#[path = "common/binary.rs"]
mod binary;

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use binary::{DATA, World};

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).expect("a file")
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("a file").permissions().mode() & 0o777
}

/// Names in the folder of a world, without those of the store.
fn names(world: &World) -> Vec<String> {
    let entries =
        std::fs::read_dir(world.dir.path()).expect("folder").map(|e| e.expect("entry").file_name());
    let mut names: Vec<String> = entries.map(|name| name.to_string_lossy().into_owned()).collect();
    names.retain(|name| !name.starts_with("estate.db"));
    names.sort();
    names
}

/// Every command that writes a file, as far as the path.
fn writers<'a>(input: &'a str, list: &'a str) -> Vec<Vec<&'a str>> {
    vec![
        vec!["import", input, "--dry-run", "--report"],
        vec!["usage", "import", input, "--map", "ICCID=iccid", "--dry-run", "--report"],
        vec!["sims", "--from-file", list, "--count", "--report"],
        vec!["export", "--from-file", list, "--report", "-", "--to"],
        vec!["move", "--from-file", list, "--to", "/Root/Contoso Water", "--yes", "--report"],
        vec!["cap", "--from-file", list, "--set", "1GB", "--yes", "--report"],
        vec!["sim-set", "--from-file", list, "--label", "x", "--yes", "--report"],
        vec!["undo", "#2", "--yes", "--report"],
        vec!["account", "convert", "/Root", "--yes", "--report"],
        vec!["filter", "export"],
        vec!["doctor", "--bundle"],
        vec!["store", "backup"],
    ]
}

/// The report is written first, and the export would replace it.
#[test]
fn an_export_and_its_report_are_two_files() {
    let world = World::sample();
    let list = world.path("list.txt");
    std::fs::write(&list, "8900101000000000043\n").expect("list");
    let (list, file) = (list.display().to_string(), world.path("a.csv").display().to_string());
    let dotted = world.path("./a.csv").display().to_string();
    for to in [&file, &dotted] {
        let args = ["export", "--from-file", &list, "--to", to, "--report", &file, "--force"];
        let (_, err) = world.ends(&args, 2);
        assert!(err.contains("--to and --report name the same file"), "{err}");
    }
    assert_eq!(names(&world), ["list.txt"]);
}

#[test]
fn no_output_replaces_a_store_an_input_or_a_link() {
    let world = World::sample();
    let input = format!("{DATA}/messy.csv");
    let list = world.path("list.txt");
    std::fs::write(&list, "8900101000000000043\n").expect("list");
    std::fs::write(world.path("plain"), "kept").expect("plain");
    symlink(world.path("plain"), world.path("link")).expect("link");
    symlink(world.path("nowhere"), world.path("dangling")).expect("link");
    symlink(world.path("estate.db"), world.path("to-store")).expect("link");
    let list = list.to_str().expect("path");
    let before = (names(&world), world.count(""), world.ok(&["history"]));
    for writer in writers(&input, list) {
        for (name, why) in [
            ("estate.db", "is the store in use"),
            ("estate.db-wal", "is the store in use"),
            ("estate.db-shm", "is the store in use"),
            ("to-store", "is the store in use"),
            ("link", "is a symbolic link"),
            ("dangling", "is a symbolic link"),
            (".", "is not a plain file"),
        ] {
            let path = world.path(name).display().to_string();
            let (_, err) = world.ends(&[&writer[..], &[&path, "--force"]].concat(), 1);
            assert!(err.contains(why), "{writer:?} {name}: {err}");
        }
        let plain = world.path("plain").display().to_string();
        let (_, err) = world.ends(&[&writer[..], &[&plain]].concat(), 1);
        assert!(
            err.contains(&format!("{plain} exists; pass --force to replace it")),
            "{writer:?}: {err}"
        );
        if writer.contains(&list) {
            let (_, err) = world.ends(&[&writer[..], &[list, "--force"]].concat(), 1);
            assert!(err.contains("is the file being read"), "{writer:?}: {err}");
        }
    }
    let own = world.path("own.csv");
    std::fs::copy(&input, &own).expect("copied");
    let own = own.to_str().expect("path");
    let (_, err) = world.ends(&["import", own, "--dry-run", "--report", own, "--force"], 1);
    assert!(
        err.contains("is the file being read") && text(Path::new(own)) == text(Path::new(&input)),
        "{err}"
    );
    std::fs::remove_file(own).expect("removed");
    assert_eq!(before, (names(&world), world.count(""), world.ok(&["history"])), "nothing was changed");
    assert_eq!(text(&world.path("plain")), "kept");
    assert!(world.ok(&["store", "check"]).starts_with("sound"));
}

#[test]
fn force_replaces_plain_files_and_streams_are_allowed() {
    let world = World::sample();
    let (input, list) = (format!("{DATA}/messy.csv"), world.path("list.txt"));
    std::fs::write(&list, "8900101000000000043\n").expect("list");
    let list = list.to_str().expect("path");
    for (writer, content, code) in [
        (vec!["import", &input, "--dry-run", "--report"], "file,line,verdict", 3),
        (
            vec!["sims", "--from-file", list, "--count", "--report"],
            "8900101000000000043,,,unknown,not-found\n",
            3,
        ),
        (vec!["export", "status=active", "--to"], "iccid,", 0),
        (vec!["filter", "export"], "{", 0),
        (vec!["doctor", "--bundle"], "simdeck support bundle", 0),
    ] {
        let path = world.path("out");
        let file = path.display().to_string();
        world.ends(&[&writer[..], &[&file]].concat(), code);
        assert!(text(&path).contains(content) && mode(&path) == 0o600, "{writer:?}");
        std::fs::write(&path, "old\n".repeat(100_000)).expect("old");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("mode");
        world.ends(&[&writer[..], &[&file, "--force"]].concat(), code);
        assert!(text(&path).contains(content) && !text(&path).contains("old\nold"), "{writer:?}");
        assert_eq!(mode(&path), 0o600);
        std::fs::remove_file(&path).expect("removed");
        let (out, _) = world.ends(&[&writer[..], &["-"]].concat(), code);
        assert!(out.contains(content), "{writer:?}: {out}");
        world.ends(&[&writer[..], &["/dev/null"]].concat(), code);
    }
    assert_eq!(names(&world), ["list.txt"], "no temporary file stays");
    // A report is whole or absent.
    let report = world.path("r.csv").display().to_string();
    world.ends(&["import", "no-such-file.csv", "--report", &report], 1);
    world.ends(&["move", "no-such-word", "--to", "/Root", "--yes", "--report", &report], 4);
    assert!(!world.path("r.csv").exists());
}

#[test]
fn stores_are_written_whole_and_never_over_each_other() {
    let world = World::sample();
    let copy = world.path("copy.db").display().to_string();
    world.ok(&["store", "backup", &copy]);
    assert_eq!(mode(&world.path("copy.db")), 0o600);
    let (_, err) = world.ends(&["store", "backup", &copy], 1);
    assert!(err.contains("pass --force"), "{err}");
    world.ok(&["store", "backup", &copy, "--force"]);
    world.ends(&["store", "backup", "-"], 1);
    let count = world.run(&["--store", &copy, "sims", "--count"]);
    assert_eq!(count.status.code(), Some(2), "two stores are never meant");
    // A store that another program may have open is not replaced.
    std::fs::write(world.path("copy.db-wal"), "log").expect("log");
    let (_, err) = world.ends(&["store", "backup", &copy, "--force"], 1);
    assert!(err.contains("may be a store in use"), "{err}");
    let demo = world.path("demo.db").display().to_string();
    world.ok(&["demo", "--sims", "50", "--accounts", "3", "--keep", &demo]);
    let (_, err) = world.ends(&["demo", "--sims", "50", "--accounts", "3", "--keep", &demo], 1);
    assert!(err.contains("exists; choose another name"), "{err}");
    let kept =
        estate::Local::open(&world.path("demo.db"), Some(estate::demo::email(estate::Role::Admin)), true);
    assert_eq!(kept.expect("opens").check().expect("checked"), Vec::<String>::new());
}

#[test]
fn skipped_sims_are_summarised_and_reported_whole() {
    let world = World::sample();
    let iccids = |filter: &str, n: &str| {
        let out = world.ok(&["sims", filter, "--columns", "iccid", "--limit", n]);
        out.lines().skip(1).map(|line| line.trim_matches('"').to_owned()).collect::<Vec<_>>()
    };
    let terminated = iccids("status=terminated", "9");
    let unknown: Vec<String> = (0..5).map(|i| format!("890010100000090000{i}")).collect();
    let list = [terminated.clone(), iccids("status=active", "2"), unknown].concat().join("\n");
    std::fs::write(world.path("list.txt"), list).expect("list");
    let (file, report) = (world.path("list.txt"), world.path("r.csv"));
    let (file, report) = (file.to_str().expect("path"), report.to_str().expect("path"));
    let change = ["move", "--from-file", file, "--to", "/Root/Contoso Water"];
    let (_, err) = world.ends(&[&change[..], &["--dry-run", "--report", report]].concat(), 2);
    assert!(err.contains("a dry run changes nothing"), "{err}");
    let (out, err) =
        world.ends(&[&change[..], &["--yes", "--report", report, "--output", "json"]].concat(), 3);
    let receipt: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    let group = &receipt["skipped"][0];
    assert_eq!((&receipt["counts"]["done"], &receipt["unknown"]), (&2.into(), &5.into()));
    assert_eq!((&group["reason"], &group["sims"]), (&"terminated".into(), &9.into()));
    assert_eq!(group["iccids"].as_array().map(Vec::len), Some(3));
    assert!(err.contains("9 skipped: terminated (89") && err.contains(" and 6 more)"), "{err}");
    assert!(
        err.contains("5 unknown: 89") && err.contains(" and 2 more\n") && err.lines().count() == 2,
        "{err}"
    );
    let rows = text(Path::new(report));
    assert!(
        rows.starts_with("iccid,label,account,outcome,reason\n") && rows.lines().count() == 15,
        "{rows}"
    );
    for iccid in &terminated {
        let row = rows.lines().find(|row| row.contains(iccid.as_str())).expect("a row");
        assert!(row.contains(",/Root/") && row.ends_with(",refused,terminated"), "{row}");
    }
    assert_eq!(rows.matches(",unknown,not-found").count(), 5);
    // Without a report the way to the whole list is named, and works.
    let (_, err) = world.ends(&[&change[..], &["--yes"]].concat(), 3);
    assert!(err.contains(" and 2 more; --report FILE lists them all"), "{err}");
    let way =
        err.lines().find_map(|line| line.strip_prefix("to list every SIM: simdeck ")).expect("a way");
    let listed = world.ok(&way.split(' ').collect::<Vec<_>>());
    assert_eq!(listed.matches("refused,terminated").count(), 9, "{listed}");
}

#[test]
fn a_tilde_is_the_home_folder_in_options_and_in_the_configuration() {
    let world = World::sample();
    world.ok(&["export", "status=active", "--to=~/out.csv"]);
    assert!(world.path("out.csv").is_file());
    world.ok(&["doctor", "--bundle=~/bundle.txt"]);
    world.ends(&["sims", "--from-file=~/out.csv", "--count"], 0);
    let folder = world.path(".config/simdeck");
    std::fs::create_dir_all(&folder).expect("folder");
    std::fs::write(folder.join("config.toml"), "store = \"~/estate.db\"\n").expect("written");
    let plain = |args: &[&str]| {
        let mut command = world.command();
        let program = command.get_program().to_owned();
        command = std::process::Command::new(program);
        command.env_clear().env("HOME", world.dir.path()).args(args).output().expect("runs")
    };
    let counted = plain(&["sims", "--count"]);
    assert_eq!(String::from_utf8_lossy(&counted.stdout).trim(), "2000", "{counted:?}");
    assert_eq!(plain(&["--store=~/estate.db", "sims", "--count"]).status.code(), Some(0));
    assert_eq!(plain(&["config", "check"]).status.code(), Some(0));
}

#[test]
fn config_check_tries_what_a_start_tries() {
    let world = World::empty();
    let folder = world.path(".config/simdeck");
    std::fs::create_dir_all(&folder).expect("folder");
    let check = |config: &str, smtp: &str| {
        std::fs::write(folder.join("config.toml"), config).expect("written");
        let output = world
            .command()
            .args(["config", "check"])
            .env("PATH", "/usr/bin:/bin")
            .env("SIMDECK_SMTP_URL", smtp)
            .output()
            .expect("runs");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let mail = "[mail]\nfrom = \"a@x.example\"\n";
    for (config, place, why) in [
        (format!("{mail}url = \"mailto:x\"\n"), "config.toml:3: ", "url must be like smtps://"),
        (mail.to_owned(), "config.toml:1: ", "url is missing"),
        ("[mail]\nurl = \"smtp://localhost\"\nfrom = \"x\"\n".into(), "config.toml:3: ", "from must be"),
        ("\nkeymap = \"emacs\"\n".into(), "config.toml:2: ", "there are default and vim"),
        ("theme = \"mauve\"\n".into(), "config.toml:1: ", "there are dark"),
        ("store = \"~/none.db\"\n".into(), "config.toml:1: ", "none.db"),
        ("[profile.lab]\nstore = \"/\"\n".into(), "config.toml:2: ", "not a plain file"),
        ("[profile.lab]\nserver = \"ftp://x\"\n".into(), "config.toml:2: ", "must begin with https://"),
        ("[profile.lab]\n\nca = \"/no/ca.pem\"\n".into(), "config.toml:3: ", "/no/ca.pem"),
        ("url = \"here\"\n".into(), "config.toml:1: ", "no address"),
        ("[roles]\nmove = \"admin\"\nview = \"boss\"\n".into(), "config.toml:3: ", "view"),
        (
            "[probe.ping]\n\"*\" = [\"true\"]\nEE = [\"no-such-program\"]\n".into(),
            "config.toml:3: ",
            "no-such-program",
        ),
        ("[probe.diagnostics]\nEE = \"alpha.example\"\n".into(), "config.toml:2: ", "https:// address"),
        ("[probe.ping]\nEE = []\n".into(), "config.toml:2: ", "needs a program"),
        ("[webhook]\nprivate = true\n".into(), "line 2", "private"),
    ] {
        let (code, err) = check(&config, "");
        assert!(code == Some(1) && err.contains(place) && err.contains(why), "{config}\n{err}");
    }
    let (code, err) = check(mail, "smtp://localhost");
    assert_eq!(code, Some(0), "the variable comes first: {err}");
    let (code, err) = check(mail, "secret");
    assert!(
        code == Some(1) && err.contains("SIMDECK_SMTP_URL must be") && !err.contains("secret"),
        "{err}"
    );
    std::fs::write(folder.join("theme.toml"), "text = \"default\"\naccent = \"mauve\"\n")
        .expect("written");
    let (code, err) = check("", "");
    assert!(code == Some(1) && err.contains("theme.toml:2: \"mauve\""), "{err}");
}
