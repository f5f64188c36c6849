//! Imports by command: portals, questions with their options, several files, summaries and exit
//! codes.

#[expect(dead_code, reason = "the sample estate is not needed here")]
#[path = "common/binary.rs"]
mod binary;

use binary::{DATA, World};

fn world() -> World {
    let world = World::empty();
    world.ok(&["init", "--account", "Root", "--email", "root@x.example", "--name", "Root"]);
    world
}

/// Writes a file into the folder of a world; gives its path.
fn write(world: &World, name: &str, text: &str) -> String {
    let path = world.path(name);
    std::fs::create_dir_all(path.parent().expect("folder")).expect("folder");
    std::fs::write(&path, text).expect("written");
    path.to_str().expect("path").to_owned()
}

fn field(name: &str) -> String {
    format!("{DATA}/field/{name}.csv")
}

#[test]
fn a_portal_is_named_listed_forced_and_replaced() {
    let world = world();
    let (out, _) = world.ends(&["import", &field("gdsp-inventory")], 0);
    assert!(out.contains("(Vodafone GDSP inventory): 10 rows: 10 added, 1 account made"), "{out}");
    assert!(world.ok(&["portals"]).contains("vodafone-gdsp,Vodafone GDSP inventory,sims,shipped"));
    assert!(world.ok(&["portals", "aeris"]).contains("title = \"Aeris SIMs\""));
    let (_, err) = world.ends(&["import", &field("aeris"), "--portal", "nowhere"], 2);
    assert!(err.contains("no portal is called nowhere; there are 1nce"), "{err}");
    let (_, err) = world.ends(&["import", &field("aeris"), "--portal", "hologram-usage"], 2);
    assert!(err.contains("describes a file of usage"), "{err}");
    // A file of one's own begins as what simdeck makes of a file, and goes by its name.
    let text = world.ok(&["import", &field("aeris"), "--explain"]);
    let own = write(
        &world,
        ".config/simdeck/portals/aeris.toml",
        &text.replace("Billed\" = \"active", "Billed\" = \"suspended"),
    );
    assert!(world.ok(&["portals"]).contains("aeris,Aeris SIMs,sims,own"));
    world.ok(&["import", &field("aeris")]);
    assert_eq!(world.count("iccid=8901882000000000020 status=suspended"), 1);
    std::fs::write(&own, text.replace("= \"iccid\"", "= \"icid\"")).expect("written");
    let (_, err) = world.ends(&["import", &field("aeris")], 1);
    assert!(err.contains("aeris.toml, line") && err.contains("no field is called icid"), "{err}");
}

#[test]
fn a_question_names_the_option_that_answers_it() {
    let world = world();
    let usage = write(&world, "us.csv", "iccid,date,volume\n8900101000000000043,11/01/2026,\"1,000\"\n");
    let sims = write(&world, "sims.csv", "iccid,Billing State\n8900101000000000043,Suspended\n");
    let (_, err) = world.ends(&["import", &sims], 2);
    assert!(
        err.starts_with(&format!("error: {sims}: column \"Billing State\" could hold the status")),
        "{err}"
    );
    world.ok(&["import", &sims, "--map", "Billing State=status"]);
    let mut args = vec!["usage", "import", &usage];
    for (question, answer) in [
        ("the unit of column \"volume\"", ["--map", "volume=bytes:kB"]),
        ("the dates of column \"date\" can be read two ways (line 2: 11/01/2026)", ["--dates", "mdy"]),
        ("the numbers of column \"volume\" can be read two ways (line 2: 1,000)", ["--decimal", "."]),
    ] {
        let (_, err) = world.ends(&args, 2);
        assert!(err.contains(question) && err.contains(answer[0]), "{err}");
        args.extend(answer);
    }
    world.ok(&args);
    assert_eq!(world.count("used=1MB"), 1);
}

#[test]
fn every_message_names_its_file_and_one_bad_file_stops_no_other() {
    let world = world();
    let bad = write(&world, "bad.csv", "colour\nred\n");
    let rows: String = (0..30).map(|n| format!("12{n:03}\n")).collect();
    let doubtful = write(&world, "doubtful.csv", &format!("iccid\n8900101000000000042\n{rows}"));
    let (out, err) = world.ends(&["import", "/nowhere", &bad, &doubtful], 1);
    assert!(out.contains("doubtful.csv: 31 rows: 1 added, 30 refused"), "{out}");
    assert!(err.contains("error: cannot open /nowhere: No such file"), "{err}");
    assert!(err.contains("bad.csv: no column holds the ICCID"), "{err}");
    assert!(err.contains("doubtful.csv: 30 rows refused: column \"iccid\": must be 18 to 20 digits (lines 3, 4, 5 and 27 more, for example \"12000\")"), "{err}");
    assert!(err.contains("--report FILE lists every row"), "{err}");
    let report = world.path("report.csv");
    let report = report.to_str().expect("path");
    let (_, err) = world.ends(&["import", &doubtful, "--dry-run", "--report", report], 3);
    assert!(!err.contains("--report"), "{err}");
    assert_eq!(
        std::fs::read_to_string(report).expect("report").lines().count(),
        1 + 30 + 1,
        "a header, refusals, a doubt"
    );
}

#[test]
fn the_quote_of_the_field_trial_changes_the_exit_code() {
    let world = world();
    let (_, err) = world.ends(&["import", &field("one-stray-quote")], 3);
    assert!(
        err.contains("line 6: refused: column \"Antenna\": the quoted cell spans lines 6 to 2902"),
        "{err}"
    );
    world.ok(&["import", &field("one-stray-quote"), "--no-quotes"]);
    assert_eq!(world.count(""), 3_000);
}
