//! Commands that read change nothing, also where a billing period has ended; and they read a store
//! of an older schema.

#[path = "common/binary.rs"]
mod binary;
#[path = "../estate/tests/common/dump.rs"]
mod dump;
#[path = "../estate/tests/common/schema_16.rs"]
mod schema_16;

use binary::{DATA, World};
use rusqlite::Connection;

/// Commands that change an estate, or open none.
const OTHERS: &str = "simdeck, demo, init, portals, filter, filter save, filter rename, filter \
bind, filter delete, \
    filter import, account, account add, account rename, account move, account period, account \
    caps, account ceiling, \
    account reference, account convert, account delete, user, user add, user role, user resend, \
    user link, \
    user disable, user enable, user remove, token, token create, token revoke, login, logout, \
    accept, undo, session, session end, store, \
    store restore, store upgrade, outbox send, serve, openapi, keys, config, config path, config \
    check, config show, \
    completions, man";

/// A run of a command that reads: the command, and its arguments separated by `|`.
const READS: [(&str, &str); 37] = [
    ("import", "{sims}|--dry-run"),
    ("import", "{sims}|--explain"),
    ("export", ""),
    ("sims", ""),
    ("sims", "--count"),
    ("sims", "used>0|--limit|3"),
    ("sim", "{iccid}"),
    ("move", "iccid={iccid}|--to|/Root/Contoso Water|--dry-run"),
    ("cap", "iccid={iccid}|--set|9GB|--dry-run"),
    ("sim-set", "iccid={iccid}|--label|x|--dry-run"),
    ("usage", "{iccid}"),
    ("usage", "{iccid}|--by|period"),
    ("usage", "--account|/Root"),
    ("usage import", "{usage}|--dry-run"),
    ("alerts", ""),
    ("outbox", ""),
    ("profile", ""),
    ("filters", ""),
    ("filter export", "{out}"),
    ("accounts", ""),
    ("account show", "/Root"),
    ("account help-page", "/Root"),
    ("account notify", "/Root"),
    ("ping", "{iccid}"),
    ("diagnose", "{iccid}"),
    ("users", ""),
    ("sessions", ""),
    ("token list", ""),
    ("help", ""),
    ("history", ""),
    ("store check", ""),
    ("store head", ""),
    ("store info", ""),
    ("store rollover", ""),
    ("store backup", "{out}"),
    ("doctor", ""),
    ("account add", "/Root/Acme Ltd"),
];

/// A sample estate with usage, and the arguments that stand for its files and a SIM with usage.
fn estate_with_usage() -> (World, [(&'static str, String); 4]) {
    let world = World::sample();
    let used = world.ok(&["sims", "used>0 status=active", "--columns", "iccid", "--limit", "1"]);
    let iccid = used.lines().nth(1).expect("a SIM").trim_matches('"').to_owned();
    let usage = world.path("usage.csv");
    std::fs::write(&usage, format!("iccid,time,bytes\n{iccid},{},5MB\n", estate::Time::now()))
        .expect("file");
    let sims = format!("{DATA}/estate-2k/sims.csv");
    let values = [
        ("{iccid}", iccid),
        ("{sims}", sims),
        ("{usage}", usage.display().to_string()),
        ("{out}", world.path("out").display().to_string()),
    ];
    (world, values)
}

fn arguments(command: &str, rest: &str, values: &[(&str, String)]) -> Vec<String> {
    let rest = values.iter().fold(rest.to_owned(), |text, (name, value)| text.replace(name, value));
    let rest = rest.split('|').filter(|argument| !argument.is_empty()).map(str::to_owned);
    command.split(' ').map(str::to_owned).chain(rest).collect()
}

fn dump(world: &World) -> Vec<String> {
    dump::dump_tables(&world.path("estate.db"))
}

/// Moves the closed periods back by a month: the clock has just passed a boundary, and is accepted.
fn end_a_period(world: &World) {
    let conn = Connection::open(world.path("estate.db")).expect("opens");
    let aged = conn
        .execute(
            "UPDATE period_rollover SET closed_until = closed_until - 31 * 86400 WHERE rule = \
            'month'",
            [],
        )
        .expect("aged");
    assert_eq!(aged, 1);
}

#[test]
fn every_command_is_known_to_read_or_not() {
    let reference = simdeck::cli::cli_reference();
    let commands = reference.lines().filter_map(|line| line.strip_prefix("## "));
    let commands = commands.map(|name| name.strip_prefix("simdeck ").unwrap_or(name));
    let others: Vec<&str> = OTHERS.split(", ").map(str::trim).collect();
    for command in commands {
        let known = others.contains(&command) || READS.iter().any(|(name, _)| *name == command);
        assert!(known, "add {command} to the commands of this test");
    }
}

#[test]
fn no_command_that_reads_writes_where_a_period_has_ended() {
    let (world, values) = estate_with_usage();
    end_a_period(&world);
    let used = world.count("used>0");
    let before = dump(&world);
    for (command, rest) in READS {
        let arguments = arguments(command, rest, &values);
        let output = world.command().args(&arguments).output().expect("runs");
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(dump(&world) == before, "{arguments:?} wrote: {err}");
        // The file alone is read, or the rollover is what is printed.
        let is_silent = rest.ends_with("--explain") || command == "store rollover";
        let reported = err.matches("period ended, rollover pending").count();
        assert_eq!(reported, usize::from(!is_silent), "{arguments:?}: {err}");
        let _ = std::fs::remove_file(world.path("out"));
    }
    assert_eq!(world.count("used>0"), used);
    // The next change closes the period first.
    world.ok(&["account", "add", "/Root/New"]);
    assert!(world.ok(&["history"]).contains("closed the billing period"));
}

#[test]
fn every_command_that_reads_reads_a_store_of_schema_16() {
    let (world, values) = estate_with_usage();
    let conn = Connection::open(world.path("estate.db")).expect("opens");
    conn.execute_batch(&schema_16::statements()).expect("as it was");
    drop(conn);
    let before = dump(&world);
    for (command, rest) in READS {
        // A change upgrades the store first.
        if command == "account add" {
            continue;
        }
        let arguments = arguments(command, rest, &values);
        let output = world.command().args(&arguments).output().expect("runs");
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(
            !err.contains("no such table") && !err.contains("no such column"),
            "{arguments:?}: {err}"
        );
        let is_expected =
            matches!(output.status.code(), Some(0 | 3)) || err.contains("simdeck store upgrade");
        assert!(is_expected, "{arguments:?}: {:?} {err}", output.status.code());
        assert!(dump(&world) == before, "{arguments:?} wrote: {err}");
        let _ = std::fs::remove_file(world.path("out"));
    }
    world.ok(&["store", "rollover", "--confirm"]);
    assert!(world.ok(&["store", "check"]).starts_with("sound"), "upgraded");
}
