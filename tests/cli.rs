//! The binary: standard output, exit codes, two programs on one store, and kill -9 at any moment.

#[path = "common/binary.rs"]
mod binary;

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use binary::{DATA, World};

#[test]
fn import_move_history_undo() {
    let world = World::sample();
    assert_eq!(world.count(""), 2_000);
    let filter = "in:\"/Root/Acme Ltd\" status=active";
    let n = world.count(filter);
    let to = "/Root/Contoso Water";
    let (out, _) = world.ends(&["move", filter, "--to", to, "--dry-run"], 0);
    assert!(out.contains("Dry run: nothing was changed.") && world.count(filter) == n, "{out}");
    let (_, err) = world.ends(&["move", filter, "--to", to], 2);
    assert!(err.contains("--yes"), "{err}");
    world.ends(&["move", filter, "--to", to, "--yes", "--expect", "1"], 5);
    assert_eq!(world.count(filter), n);
    let out = world.ok(&["move", filter, "--to", to, "--yes", "--output", "json"]);
    let receipt: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(receipt["counts"]["done"], n);
    assert_eq!(world.count(filter), 0);
    let history = world.ok(&["history", "--output", "json"]);
    let entries: serde_json::Value = serde_json::from_str(&history).expect("JSON");
    assert_eq!(entries[0]["change_id"], receipt["change_id"]);
    for key in ["rev", "change_id", "at", "by", "kind", "summary", "counts"] {
        assert!(!entries[0][key].is_null(), "{key}");
    }
    let id = receipt["change_id"].as_str().expect("id");
    world.ok(&["undo", id, "--yes"]);
    assert_eq!(world.count(filter), n);
    world.ends(&["undo", id, "--yes"], 1);
    world.ends(&["undo", "no-such-change", "--yes"], 4);
    assert!(world.ok(&["store", "check"]).starts_with("sound"));
}

#[test]
fn lists_of_numbers_and_what_is_left_out() {
    let world = World::sample();
    let terminated = world.ok(&["sims", "status=terminated", "--columns", "iccid", "--limit", "1"]);
    let active = world.ok(&["sims", "status=active", "--columns", "iccid", "--limit", "2"]);
    let pick =
        |csv: &str| csv.lines().skip(1).map(|l| l.trim_matches('"').to_owned()).collect::<Vec<_>>();
    let list =
        [pick(&terminated), pick(&active), vec!["8900101000000000043".into()]].concat().join("\r\n");
    std::fs::write(world.path("list.txt"), list).expect("written");
    let file = world.path("list.txt").display().to_string();
    let to = ["--to", "/Root/Contoso Water", "--yes"];
    let (out, err) = world.ends(&[&["move", "--from-file", &file], &to[..]].concat(), 3);
    assert!(out.contains("2 done · 1 refused"), "{out}");
    assert!(
        err.contains("unknown: 8900101000000000043") && err.contains("1 skipped: terminated (89"),
        "{err}"
    );
    world.ends(&[&["move"], &to[..]].concat(), 2);
}

#[test]
fn exit_codes_and_messages() {
    let world = World::sample();
    let (_, err) = world.ends(&["sims", "used>5 acount:x"], 2);
    assert!(
        err.contains("  used>5 acount:x\n         ^\n") && err.contains("did you mean account?"),
        "{err}"
    );
    world.ends(&["sims", "--sort", "colour"], 2);
    world.ends(&["frobnicate"], 2);
    let (_, err) = world.ends(&["sim", "8900101000000000043"], 4);
    assert!(err.contains("no such SIM"), "{err}");
    let (_, err) = world.ends(&["account", "show", "/Root/Acme Lt"], 4);
    assert!(err.contains("Acme Ltd"), "{err}");
    world.ends(&["account", "show", "POS"], 2);
    world.ends(&["--readonly", "account", "add", "/Root/New"], 4);
    world.ends(&["--as", "nobody@x.example", "sims"], 4);
    let (_, err) = World::empty().ends(&["sims"], 1);
    assert!(err.contains("simdeck init") && err.contains("simdeck demo"), "{err}");
    let (_, err) = world.ends(&["import", &format!("{DATA}/latin1.csv")], 2);
    assert!(err.contains("--encoding"), "{err}");
    let (_, err) = World::sample().ends(&[], 2);
    assert!(err.contains("needs a terminal"), "{err}");
}

#[test]
fn the_messy_file_is_reported_row_by_row() {
    let world = World::empty();
    world.ok(&["init", "--account", "Root", "--email", "root@x.example", "--name", "Root"]);
    let report = world.path("report.csv").display().to_string();
    let file = format!("{DATA}/messy.csv");
    let (dry, _) = world.ends(&["import", &file, "--dry-run", "--report", &report], 3);
    assert_eq!(world.count(""), 0);
    let first = std::fs::read_to_string(&report).expect("report");
    let (out, err) = world.ends(&["import", &file, "--report", &report, "--force"], 3);
    assert!(out.contains("19 rows: 12 added, 7 refused"), "{out}");
    assert_eq!(dry.lines().next(), out.lines().next(), "a dry run says the same");
    assert_eq!(first, std::fs::read_to_string(&report).expect("report"));
    assert_eq!(first.matches(",refused,").count(), 7);
    assert!(!err.contains('\u{1b}') && !err.contains('\u{202e}'), "nothing reaches the terminal");
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&report).expect("file").permissions());
    assert_eq!(mode & 0o777, 0o600);
    let export = world.ok(&["export"]);
    assert!(export.contains("\"'=HYPERLINK") && !export.contains('\u{1b}'), "{export}");
}

#[test]
fn exports_read_back() {
    let world = World::sample();
    let csv = world.ok(&["export"]);
    assert_eq!(csv.lines().next().expect("header").split(',').count(), 35);
    std::fs::write(world.path("out.csv"), &csv).expect("written");
    let other = World::empty();
    other.ok(&["init", "--account", "Root", "--email", "root@x.example", "--name", "Root"]);
    other.ok(&["import", &world.path("out.csv").display().to_string()]);
    assert_eq!(other.ok(&["accounts"]), world.ok(&["accounts"]));
    let columns = "iccid,imsi,msisdn,eid,imei,label,account_path,status,network,tariff,used_bytes,cap_bytes,alert_bytes,last_seen,tags,notes";
    assert_eq!(other.ok(&["export", "--columns", columns]), world.ok(&["export", "--columns", columns]));
    let json: serde_json::Value =
        serde_json::from_str(&world.ok(&["export", "no:cap", "--format", "json"])).expect("JSON");
    assert!(
        json.as_array()
            .expect("array")
            .iter()
            .all(|s| s["cap_bytes"].is_null() && s["iccid"].is_string())
    );
    let lines =
        world.ok(&["sims", "status=active", "--output", "ndjson", "--limit", "3", "--sort", "used:desc"]);
    let used: Vec<u64> = lines
        .lines()
        .map(|l| {
            serde_json::from_str::<serde_json::Value>(l).expect("JSON")["used_bytes"]
                .as_u64()
                .expect("bytes")
        })
        .collect();
    assert!(used.len() == 3 && used.is_sorted_by(|a, b| a >= b));
}

#[test]
fn accounts_by_command() {
    let world = World::sample();
    world.ok(&["account", "add", "/Root/New \\/ Old"]);
    world.ok(&["account", "rename", "/Root/New \\/ Old", "Newest"]);
    world.ok(&["account", "move", "Newest", "--under", "/Root/Acme Ltd", "--yes"]);
    world.ok(&["account", "show", "/Root/Acme Ltd/Newest"]);
    world.ends(&["account", "delete", "/Root/Acme Ltd", "--yes"], 1);
    world.ok(&["account", "delete", "Newest", "--yes"]);
    world.ends(&["account", "show", "Newest"], 4);
    let tree = world.ok(&["accounts", "--tree", "--output", "table"]);
    assert!(tree.contains("\n  Acme Ltd") && tree.starts_with("ACCOUNT"), "{tree}");
}

#[test]
fn about_the_program() {
    let world = World::sample();
    assert!(world.ok(&["keys"]).contains("move,"));
    assert!(world.ok(&["config", "path"]).contains("keymap.toml"));
    assert!(world.ok(&["doctor"]).contains("opens"));
    assert!(world.ok(&["completions", "bash"]).contains("_simdeck"));
    assert!(world.ok(&["man"]).contains(".TH"));
    assert!(world.ok(&["users", "--output", "ndjson"]).contains("root@x.example"));
    let folder = world.path(".config/simdeck");
    std::fs::create_dir_all(&folder).expect("folder");
    std::fs::write(folder.join("keymap.toml"), "[table]\n\"g\" = \"move\"\n").expect("written");
    let (_, err) = world.ends(&["config", "check"], 1);
    assert!(err.contains("keymap.toml:2"), "{err}");
}

/// The bar: kill -9 at any moment of an import or a move leaves all of it or none of it.
#[test]
fn killed_at_any_moment_it_is_all_or_nothing() {
    let world = World::empty();
    world.ok(&["init", "--account", "Root", "--email", "root@x.example", "--name", "Root"]);
    let file = big_csv(&world.path("big.csv"), 12_000);
    let whole = time(|| assert!(kill_after(&world, &["import", &file], Duration::from_mins(1))));
    assert_eq!(world.count(""), 12_000);
    for (i, args) in [vec!["import", &file], vec!["move", "--all", "--to", "/Root/B", "--yes"]]
        .into_iter()
        .cycle()
        .take(14)
        .enumerate()
    {
        // A store of its own for each, so that there is always something to do.
        let fresh = World::empty();
        fresh.ok(&["init", "--account", "Root", "--email", "root@x.example", "--name", "Root"]);
        let moving = args[0] == "move";
        if moving {
            std::fs::copy(world.path("estate.db"), fresh.path("estate.db")).expect("copied");
        }
        let before = fresh.count("");
        let delay = whole.mul_f64((i as f64 + 0.5) / 14.0);
        let finished = kill_after(&fresh, &args, delay);
        assert!(fresh.ok(&["store", "check"]).starts_with("sound"), "killed after {delay:?}");
        let (all, there) = (fresh.count(""), fresh.ok(&["accounts"]).contains("/Root/B"));
        if moving {
            let moved = fresh.count("path=/Root/B");
            assert!(moved == 4_000 || moved == 12_000, "{moved} moved after {delay:?}");
        } else {
            assert!((all == before && !there) || (all == 12_000 && there), "{all} in after {delay:?}");
        }
        assert!(!finished || all == 12_000);
    }
}

fn time(work: impl FnOnce()) -> Duration {
    let begun = std::time::Instant::now();
    work();
    begun.elapsed()
}

/// Runs the command and kills it after a while; true when it was done before that.
fn kill_after(world: &World, args: &[&str], delay: Duration) -> bool {
    let mut child =
        world.command().args(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("runs");
    let begun = std::time::Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("waits") {
            return status.success();
        }
        if begun.elapsed() >= delay {
            child.kill().expect("killed");
            child.wait().expect("gone");
            return false;
        }
        // The moment of the kill is what is tested.
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn big_csv(path: &Path, rows: u64) -> String {
    let mut out = String::from("iccid,label,account,used,cap\n");
    for i in 0..rows {
        let account = ["", "A / X", "B"][(i % 3) as usize];
        out.push_str(&format!("8900101{i:012},Van {i},{account},{},1GB\n", i * 1_000));
    }
    std::fs::write(path, out).expect("written");
    path.display().to_string()
}

#[test]
fn filters_are_saved_used_shared_and_deleted() {
    let world = World::sample();
    world.ok(&[
        "filter",
        "save",
        "Acme, active",
        "status=active",
        "--in",
        "/Root/Acme Ltd",
        "--sort",
        "used:desc",
        "--digit",
        "4",
    ]);
    let (_, err) = world.ends(&["filter", "save", "acme, ACTIVE", "used>1GB"], 1);
    assert!(err.contains("already"), "{err}");
    world.ends(&["filter", "save", "Bad", "used>>"], 2);
    world.ends(&["filter", "save", "Bad", "--sort", "colour"], 2);
    let list: serde_json::Value =
        serde_json::from_str(&world.ok(&["filters", "--own", "--output", "json"])).expect("JSON");
    assert_eq!(list[0]["filter"], "status=active");
    assert_eq!((&list[0]["digit"], &list[0]["in"]), (&4.into(), &"/Root/Acme Ltd".into()));
    let quick = world.ok(&["filters"]);
    assert!(quick.contains("Silent 30 days") && quick.contains("path=/Root"), "{quick}");
    let n = world.count("status=active in:\"/Root/Acme Ltd\"");
    assert_eq!(world.ok(&["sims", "--saved", "acme, active", "--count"]).trim(), n.to_string());
    let narrowed = world.ok(&["sims", "--saved", "Blocked", "used>0", "--count"]);
    assert_eq!(narrowed.trim(), world.count("status=blocked used>0").to_string());
    let file = world.path("filters.json");
    let file = file.to_str().expect("path");
    world.ok(&["filter", "export", file]);
    world.ok(&["filter", "rename", "Acme, active", "Acme"]);
    world.ok(&["filter", "bind", "Acme", "0"]);
    world.ok(&["filter", "import", file]);
    world.ends(&["filter", "import", file], 1);
    assert_eq!(world.ok(&["filters", "--own", "--output", "csv"]).lines().count(), 3);
    world.ok(&["filter", "delete", "Acme"]);
    let (_, err) = world.ends(&["filter", "delete", "Acme, activ"], 4);
    assert!(err.contains("did you mean Acme, active?"), "{err}");
    world.ends(&["sims", "--saved", "Nothing of the kind", "--count"], 4);
}

#[test]
fn lists_and_files_work_with_every_command_that_takes_a_filter() {
    let world = World::sample();
    let first = world.ok(&["sims", "--limit", "2", "--columns", "iccid", "--output", "ndjson"]);
    let iccids: Vec<String> = first
        .lines()
        .map(|l| {
            serde_json::from_str::<serde_json::Value>(l).expect("JSON")["iccid"]
                .as_str()
                .expect("text")
                .to_owned()
        })
        .collect();
    let list = world.path("list.csv");
    std::fs::write(
        &list,
        format!("note;ICCID\na;{}\nb;{}F\nc;8988300000000000001\n", iccids[0], iccids[1]),
    )
    .expect("written");
    let list = list.to_str().expect("path");
    let (out, err) = world.ends(&["sims", "--from-file", list, "--count"], 3);
    assert!(out.trim() == "2" && err.contains("unknown: 8988300000000000001"), "{out}{err}");
    let to = world.path("out.csv");
    let to = to.to_str().expect("path");
    world.ends(
        &[
            "export",
            "--from-file",
            list,
            "--to",
            to,
            "--columns",
            "iccid,used_pct",
            "--sort",
            "used:desc,iccid",
        ],
        3,
    );
    assert_eq!(std::fs::read_to_string(to).expect("written").lines().count(), 3);
    world.ends(&["export", "--to", to], 1);
    assert_eq!(std::fs::read_to_string(to).expect("kept").lines().count(), 3, "never overwritten");
    let order = world.ok(&[
        "sims",
        "--sort",
        "status,used:desc",
        "--limit",
        "5",
        "--columns",
        "status,used",
        "--output",
        "csv",
    ]);
    assert_eq!(order.lines().next(), Some("status,used_bytes"));
    let (_, err) = world.ends(&["sims", "--sort", "usd"], 2);
    assert!(err.contains("did you mean used?"), "{err}");
    let (_, err) = world.ends(&["sims", "in:/Root/Nowhere"], 4);
    assert!(err.contains("no such account"), "{err}");
}

#[test]
fn caps_are_set_previewed_and_undone() {
    let world = World::sample();
    let filter = "in:\"/Root/Acme Ltd\" status=active";
    let n = world.count(filter);
    let (_, err) = world.ends(&["cap", filter], 2);
    assert!(err.contains("say what to set"), "{err}");
    world.ends(&["cap", filter, "--set", "lots"], 2);
    world.ends(&["cap", "--set", "5MB", "--yes"], 2);
    let (out, _) = world.ends(&["cap", filter, "--set", "1kB", "--dry-run"], 0);
    assert!(out.contains("Set cap 1.0 kB, alert 800 B") && out.contains("blocked at once"), "{out}");
    assert_eq!(world.count(&format!("{filter} cap=1kB")), 0);
    let out = world
        .ok(&["cap", filter, "--set", "1.5GiB", "--alert", "90%", "--hard", "--yes", "--output", "json"]);
    let receipt: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(world.count("cap=1.5GiB hard=yes alert=1449551462"), n);
    let (_, err) = world.ends(&["cap", "no:cap", "--alert", "80%", "--yes"], 3);
    assert!(err.contains("it has no cap to take a share of"), "{err}");
    let id = receipt["change_id"].as_str().expect("id");
    world.ends(&["cap", filter, "--until-period-end", "--yes"], 2);
    world.ok(&["account", "caps", "/Root/Acme Ltd", "off"]);
    assert!(world.ok(&["account", "show", "/Root/Acme Ltd"]).contains("caps and alerts,off"));
    assert!(
        world
            .ends(&["cap", filter, "--set", "9GB", "--yes"], 3)
            .1
            .contains("switched off in its account")
    );
    world.ok(&["account", "caps", "/Root/Acme Ltd", "on"]);
    world.ends(&["account", "caps", "/Root", "off"], 1);
    world.ends(&["cap", filter, "--set", "1GB", "--until-period-end", "--yes"], 3);
    let raise = world.ends(&["cap", filter, "--set", "1.6GiB", "--until-period-end", "--dry-run"], 0).0;
    assert!(raise.contains("until the billing period ends"), "{raise}");
    assert!(world.ok(&["history", "--limit", "9"]).contains("set cap 1.6 GB (1,610,612,736 bytes)"));
    world.ok(&["undo", id, "--yes"]);
    assert_eq!(world.count("cap=1.5GiB"), 0);
    world.ok(&["store", "check"]);
}

#[test]
fn usage_is_counted_shown_and_sets_off_alerts() {
    let world = World::sample();
    let out = world.ok(&["sims", "status=active", "--columns", "iccid", "--limit", "2"]);
    let iccids: Vec<&str> = out.lines().skip(1).map(|l| l.trim_matches('"')).collect();
    world.ok(&["cap", &format!("iccid={}", iccids[0]), "--set", "1GB", "--yes"]);
    let used = |iccid: &str| {
        let sim: serde_json::Value =
            serde_json::from_str(&world.ok(&["sim", iccid, "--output", "json"])).expect("JSON");
        sim["used_bytes"].as_u64().expect("used")
    };
    let before = used(iccids[0]);
    let today = estate::Time::now().day();
    let rows = format!(
        "Card;When;Volume (MB);cdr\n{0};{today};1500;a\n{1};{today};1;b\n8900101000000000043;{today};1;c\n",
        iccids[0], iccids[1]
    );
    std::fs::write(world.path("cdr.csv"), rows).expect("written");
    let file = world.path("cdr.csv").display().to_string();
    let maps = ["--map", "Card=iccid", "--map", "When=time"];
    let (_, err) = world.ends(&["usage", "import", &file], 2);
    assert!(err.contains("--map header=iccid"), "{err}");
    let report = world.path("left-out.csv").display().to_string();
    let command = [&["usage", "import", &file, "--report", &report, "--force"], &maps[..]].concat();
    let (out, _) = world.ends(&[&command[..], &["--dry-run"]].concat(), 3);
    assert!(out.contains("2 counted") && out.contains("nothing was changed"), "{out}");
    assert_eq!(used(iccids[0]), before);
    let (out, err) = world.ends(&[&command[..], &["--output", "json"]].concat(), 3);
    let tally: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((&tally["counted"], &tally["caps"], &tally["refused"]), (&2.into(), &1.into(), &1.into()));
    assert!(err.contains("line 4: refused") && err.contains("is not in the estate"), "{err}");
    assert!(std::fs::read_to_string(&report).expect("report").contains("8900101000000000043"));
    assert_eq!(used(iccids[0]), before + 1_500_000_000);
    let (out, _) = world.ends(&command, 3);
    assert!(out.contains("0 counted, 2 known already"), "{out}");
    let shown: serde_json::Value =
        serde_json::from_str(&world.ok(&["usage", iccids[0], "--output", "json"])).expect("JSON");
    assert_eq!(shown["days"][0]["bytes"], 1_500_000_000u64);
    assert_eq!((&shown["status"], &shown["period_rule"]), (&"blocked".into(), &"month".into()));
    assert_eq!(world.ok(&["usage", iccids[0]]), format!("day,bytes\n{today},1500000000\n"));
    let table = world.ok(&["usage", iccids[0], "--output", "table"]);
    assert!(table.contains("cap 1GB") && table.contains("indicative"), "{table}");
    let alerts: serde_json::Value =
        serde_json::from_str(&world.ok(&["alerts", "--sim", iccids[0], "--output", "json"]))
            .expect("JSON");
    assert_eq!(alerts[0]["iccid"], iccids[0]);
    assert!(world.ok(&["alerts", "--kind", "cap"]).contains("cap,"));
    assert!(world.ok(&["history", "--kind", "usage"]).contains("imported usage of 2 SIMs"));
    world.ok(&["account", "period", "/Root", "day:23"]);
    assert!(world.ok(&["account", "show", "/Root"]).contains("monthly from day 23"));
    world.ends(&["account", "period", "/Root", "weekly"], 2);
    world.ends(&["usage", "8900101000000000043"], 4);
    assert_eq!(world.ok(&["usage", "--account", "/Root"]), format!("day,bytes\n{today},1501000000\n"));
    let months = world.ok(&["usage", "--account", "/Root", "--by", "month"]);
    assert_eq!(months, format!("month,bytes\n{},1501000000\n", &today[..7]));
    assert!(world.ok(&["usage", "--account", "/Root", "--by", "account"]).contains("/Root/"));
    world.ends(&["usage", "--account", "/Root", "--by", "session"], 2);
    world.ends(&["usage", iccids[0], "--by", "month"], 2);
    world.ends(&["usage"], 2);
    world.ok(&["store", "check"]);
}

#[test]
fn a_ceiling_holds_for_commands_too() {
    let world = World::sample();
    let path = "/Root/Acme Ltd";
    let (out, err) = world.ends(&["account", "ceiling", path, "lots", "--yes"], 2);
    assert!(err.contains("must be a size such as 500MB"), "{out}{err}");
    let out = world.ok(&["account", "ceiling", path, "50MB", "--dry-run"]);
    assert!(out.contains("a cap above the ceiling, or none: the ceiling becomes the cap"), "{out}");
    let inside = "in:\"/Root/Acme Ltd\" -status=terminated,unmanaged";
    assert!(world.count(&format!("{inside} (no:cap or cap>50MB)")) > 0);
    world.ok(&["account", "ceiling", path, "50MB", "--yes"]);
    assert_eq!(world.count(&format!("{inside} (no:cap or cap>50MB)")), 0);
    assert!(world.ok(&["account", "show", path]).contains("50.0 MB set on /Root/Acme Ltd"));
    let (out, err) = world.ends(&["cap", inside, "--set", "none", "--yes"], 3);
    assert!(err.contains("above the ceiling of its account"), "{err}");
    assert!(out.contains("0 done"), "{out}");
    assert_eq!(world.count(&format!("{inside} no:cap")), 0);
}

#[test]
fn sims_are_edited_by_command() {
    let world = World::sample();
    let filter = "in:\"/Root/Acme Ltd\" status=active";
    let n = world.count(filter);
    let (_, err) = world.ends(&["sim-set", filter, "--yes"], 2);
    assert!(err.contains("say what to change"), "{err}");
    let (_, err) = world.ends(&["sim-set", filter, "--status", "paused", "--yes"], 2);
    assert!(err.contains("activate, suspend, resume or terminate"), "{err}");
    world.ok(&["sim-set", filter, "--tag=+checked,-todo", "--label", "Pump", "--yes"]);
    assert_eq!((world.count("tag=checked"), world.count("tag=checked label=Pump")), (n, n));
    let out = world.ok(&["sim-set", filter, "--status", "suspend", "--why", "unpaid", "--dry-run"]);
    assert!(out.contains("suspend, because unpaid") && out.contains("Dry run"), "{out}");
    world.ok(&["sim-set", filter, "--status", "suspend", "--why", "unpaid", "--yes"]);
    assert_eq!(world.count("tag=checked status=suspended"), n);
    let entries: serde_json::Value =
        serde_json::from_str(&world.ok(&["history", "--limit", "1", "--output", "json"])).expect("JSON");
    assert_eq!(entries[0]["kind"], "suspend");
    world.ok(&["undo", entries[0]["change_id"].as_str().expect("id"), "--yes"]);
    assert_eq!(world.count("tag=checked status=active"), n);
}

#[test]
fn a_token_is_printed_once_listed_without_its_secret_and_revoked() {
    let world = World::sample();
    let (secret, said) = world.ends(&["token", "create", "report", "--account", "/Root/Acme Ltd"], 0);
    let secret = secret.trim();
    assert!(secret.starts_with("simdeck_") && secret.len() == 72, "{secret}");
    assert!(said.contains("report reads /Root/Acme Ltd and below, until 20"), "{said}");
    let listed = world.ok(&["token", "list"]);
    assert!(listed.contains("report,simdeck_") && !listed.contains(secret), "{listed}");
    let (_, again) = world.ends(&["token", "create", "Report"], 1);
    assert!(again.contains("a token of yours is called Report already"), "{again}");
    let (_, when) = world.ends(&["token", "create", "x", "--expires", "soon"], 2);
    assert!(when.contains("90d, a date or never"), "{when}");
    assert!(!world.ok(&["history"]).contains(secret));
    let (_, missing) = world.ends(&["token", "revoke", "repotr"], 4);
    assert!(missing.contains("did you mean report?"), "{missing}");
    world.ok(&["token", "revoke", "report"]);
    assert_eq!(world.ok(&["token", "list"]).lines().count(), 1);
}

#[test]
fn a_rollover_that_waits_is_reported_shown_and_confirmed() {
    let world = World::sample();
    let iccid = world.ok(&["sims", "status=active", "--columns", "iccid", "--limit", "1"]);
    let iccid = iccid.lines().nth(1).expect("a SIM").trim_matches('"').to_owned();
    let used = world.ok(&["sims", &format!("iccid={iccid}"), "--columns", "used_bytes"]);
    // As if nothing had been changed for 400 days.
    let conn = rusqlite::Connection::open(world.path("estate.db")).expect("opens");
    conn.execute_batch(
        "UPDATE clock SET newest = newest - 400 * 86400; \
         UPDATE period_rollover SET closed_until = closed_until - 400 * 86400",
    )
    .expect("aged");
    drop(conn);
    for command in [&["sims", "--count"][..], &["store", "check"], &["doctor"], &["history"]] {
        let (_, err) = world.ends(command, 0);
        assert!(err.contains("period ended, rollover pending: the clock"), "{command:?}: {err}");
        assert!(err.contains("days later than the newest log entry"), "{err}");
    }
    assert!(world.ok(&["doctor", "--quiet"]).contains("billing periods  period ended, rollover pending"));
    let (shown, err) = world.ends(&["store", "rollover"], 0);
    assert!(
        shown.contains("the calendar month: periods that ended from")
            && shown.contains("Waits: the clock")
    );
    assert!(err.contains("nothing was changed"), "{err}");
    assert_eq!(world.ok(&["sims", &format!("iccid={iccid}"), "--columns", "used_bytes"]), used);
    assert!(!world.ok(&["history"]).contains("period-rollover"));
    world.ends(&["store", "rollover", "--confirm"], 0);
    let (_, err) = world.ends(&["sims", "--count"], 0);
    assert!(!err.contains("rollover"), "{err}");
    let history = world.ok(&["history", "--kind", "period-rollover", "--output", "json"]);
    let entries: serde_json::Value = serde_json::from_str(&history).expect("JSON");
    assert_eq!((&entries[0]["by"], &entries[1]), (&"system".into(), &serde_json::Value::Null));
    world.ok(&["undo", entries[0]["change_id"].as_str().expect("id"), "--yes"]);
    assert_eq!(world.ok(&["sims", &format!("iccid={iccid}"), "--columns", "used_bytes"]), used);
    assert!(world.ok(&["store", "check"]).starts_with("sound"));
}

#[test]
fn times_are_moments_or_ages_and_tables_name_their_zone() {
    let world = World::sample();
    assert_eq!(world.ok(&["history", "--since", "7d"]), world.ok(&["history"]));
    assert_eq!(world.ok(&["alerts", "--since", "0s"]).lines().count(), 1);
    assert!(world.ok(&["alerts", "--since", "7d"]).lines().count() >= 1);
    for command in ["alerts", "history"] {
        let (_, err) = world.ends(&[command, "--since", "yesterday"], 2);
        assert!(err.contains("or an age such as 7d"), "{err}");
    }
    let expires = |when: &str| world.ends(&["token", "create", when, "--expires", when], 0).1;
    assert!(expires("2w").contains("until 20") && expires("90d").contains("until 20"));
    for command in ["alerts", "history"] {
        assert!(world.ok(&[command, "--output", "table"]).contains("AT (UTC)"), "{command}");
        assert!(!world.ok(&[command, "--output", "table", "--local"]).contains(" 1970-"), "{command}");
        assert_eq!(world.ok(&[command, "--local"]), world.ok(&[command]), "machine formats stay UTC");
    }
    let local = world
        .command()
        .args(["alerts", "--output", "table", "--local"])
        .env("TZ", "Asia/Kolkata")
        .output();
    let local = String::from_utf8_lossy(&local.expect("runs").stdout).into_owned();
    assert!(local.contains("AT (ASIA/KOLKATA)"), "{local}");
}
