//! Files as portals and spreadsheets write them: each sample does what its table says, and so do
//! its kin.

mod common;

use std::io::Read;

use common::{estate, import, import_with};
use estate::{
    CancelToken, Change, ChangeId, Estate, ImportOptions, ImportSummary, Local, Note, Query, Result, Sim,
    Status, Time, UsageTally,
};

/// The sample files.
const FIELD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/field");
/// A sample of each portal's file.
const PORTALS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/portals");

fn file(name: &str) -> Vec<u8> {
    std::fs::read(format!("{FIELD}/{name}.csv")).expect("sample")
}

fn sim(local: &Local, iccid: &str) -> Sim {
    local.sim_by_iccid(iccid, &CancelToken::new()).expect(iccid)
}

fn count(local: &Local) -> u64 {
    local.count(&Query::all(local.me().account, Time(0)), &CancelToken::new()).expect("count")
}

fn words(local: &Local, iccids: &[&str]) -> Vec<&'static str> {
    iccids.iter().map(|iccid| sim(local, iccid).status.word()).collect()
}

/// Imports lines under a header into a new estate.
fn try_lines(
    lines: &str,
    options: &ImportOptions,
) -> (Local, tempfile::TempDir, Result<(ImportSummary, Vec<Note>)>) {
    let (dir, local) = estate();
    let result = import_with(&local, lines.as_bytes(), options);
    (local, dir, result)
}

fn read(lines: &str, options: &ImportOptions) -> Sim {
    let (local, _dir, result) = try_lines(lines, options);
    result.expect("read");
    sim(&local, "8900101000000000043")
}

fn refused(lines: &str, options: &ImportOptions) -> String {
    try_lines(lines, options).2.expect_err("refused").to_string()
}

fn plain() -> ImportOptions {
    ImportOptions::default()
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

#[test]
fn a_stray_quote_swallows_nothing_silently() {
    let (_dir, local) = estate();
    let (tally, notes) = import(&local, &file("one-stray-quote"));
    assert_eq!((tally.added, tally.refused), (103, 1));
    let note = notes.iter().find(|note| note.refused).expect("refused");
    assert_eq!((note.line, note.column.as_str()), (6, "Antenna"));
    assert!(note.reason.contains("lines 6 to 2902") && note.reason.contains("2896"), "{}", note.reason);
    let (_dir, local) = estate();
    let options = ImportOptions { no_quotes: true, ..plain() };
    let (tally, _) = import_with(&local, &file("one-stray-quote"), &options).expect("without quotes");
    assert_eq!((tally.added, count(&local)), (3_000, 3_000));
    let error = refused("iccid,a,b\n8900101000000000043,\"x,1\n8900101000000000050,y,2\n", &plain());
    assert!(
        error.contains("line 2: the quote opened in column \"a\" is not closed; 1 line follows it"),
        "{error}"
    );
    let sim = read("iccid,notes,label\n8900101000000000043,\"one\n\ntwo, three\",x\n", &plain());
    assert_eq!(sim.notes, "one\n\ntwo, three", "line breaks in notes");
}

#[test]
fn gdsp_states_are_understood() {
    let (_dir, local) = estate();
    let (tally, _) = import(&local, &file("gdsp-inventory"));
    assert_eq!((tally.added, tally.portal.as_deref()), (10, Some("Vodafone GDSP inventory")));
    let iccids =
        ["8944538523000000011", "8944538523000000052", "8944538523000000078", "8944538523000000102"];
    assert_eq!(words(&local, &iccids), ["active", "suspended", "inactive", "terminated"]);
    assert_eq!(sim(&local, iccids[0]).imsi, "204040000000000", "without its apostrophe");
    assert_eq!(sim(&local, iccids[0]).activated.expect("activated").to_string(), "2026-07-01T08:15:00Z");
}

#[test]
fn numbers_without_check_digit_are_said_once() {
    let (_dir, local) = estate();
    let (tally, notes) = import(&local, &file("1nce"));
    assert_eq!((tally.added, tally.doubtful, notes.len()), (5, 0, 1));
    assert!(notes[0].reason.contains("5 of them without their check digit"), "{}", notes[0].reason);
    // (500 - 499.123456) MiB.
    assert_eq!(sim(&local, "8988280666000000001").used, 919_124);
}

#[test]
fn no_sim_becomes_active_unless_the_file_says_so() {
    let (_dir, local) = estate();
    let (tally, _) = import(&local, &file("truphone"));
    assert_eq!(tally.added, 6);
    let all: Vec<String> =
        (1..=6).map(|n| format!("894447710000000{:04}", [11, 29, 37, 45, 52, 60][n - 1])).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    assert_eq!(
        words(&local, &all),
        ["active", "inactive", "inactive", "inactive", "suspended", "terminated"]
    );
    let sims: Vec<u64> = all.iter().map(|iccid| sim(&local, iccid).used).collect();
    assert_eq!(sims, [512_000, 1_500_000, 0, 2_250_000_000, 1_024, 12_000_000]);
    assert_eq!(sim(&local, all[0]).tags, ["roof", "north"]);
    // The same without the portal file: the column is known by its name, its words are not.
    let (_dir, local) = estate();
    let options = ImportOptions {
        portal: Some("none".into()),
        ignore: vec!["Data Status".into(), "Session Status".into()],
        map: pairs(&[("Monthly Data Usage", "used:B")]),
        ..plain()
    };
    let (tally, notes) = import_with(&local, &file("truphone"), &options).expect("read");
    assert_eq!((tally.added, tally.refused), (5, 1));
    assert!(notes.iter().any(|note| note.value == "PROVISIONED" && note.reason.contains("--map-status")));
}

#[test]
fn units_in_headers_and_half_days_are_read() {
    let (_dir, local) = estate();
    import(&local, &file("aeris"));
    let sim = sim(&local, "8901882000000000020");
    assert_eq!(
        (sim.used, sim.last_seen.expect("seen").to_string().as_str()),
        (100_000, "2026-11-02T22:15:00Z")
    );
}

#[test]
fn spreadsheet_habits_are_known() {
    for (name, iccid, rows) in [
        ("sim-id-before-iccid", "8932042000000000014", 2),
        ("excel-sep-line", "8944110068000000013", 2),
        ("trailing-commas", "8944110077000000014", 3),
        ("excel-text-cells", "8944110077000000014", 3),
    ] {
        let (_dir, local) = estate();
        let (tally, _) = import(&local, &file(name));
        assert_eq!((tally.added, tally.refused), (rows, 0), "{name}");
        assert_eq!(sim(&local, iccid).status, Status::Active, "{name}");
    }
}

/// Counts a usage file for SIMs with these ICCIDs and IMSIs.
fn count_usage(sims: &str, file: &[u8]) -> (tempfile::TempDir, Local, UsageTally) {
    let (dir, local) = estate();
    let local = local.with_clock(|| Time::parse("2026-11-29").expect("time"));
    import(&local, sims.as_bytes());
    let go = |_| std::ops::ControlFlow::Continue(());
    let mut last = UsageTally::default();
    // Twice: the same file again states the same records.
    for _ in 0..2 {
        let (staging, tally) =
            local.stage_usage(Box::new(file), &plain(), &mut |_| {}, &go).expect("staged");
        local.apply(&ChangeId::new(), &Change::ImportUsage { staging }, &go).expect("counted");
        last = tally;
    }
    (dir, local, last)
}

#[test]
fn usage_files_come_to_the_right_sums() {
    let (_dir, local, _) = count_usage(
        "iccid,imsi\n8944110077000000014,295050000000000\n8944110077000000022,295050000000003\n",
        &file("soracom-air-stats"),
    );
    assert_eq!(sim(&local, "8944110077000000014").used, 3_000, "up and down, by IMSI");
    let (_dir, local, tally) = count_usage(
        "iccid\n8944500702000000015\n8944500702000000023\n8944500702000000031\n",
        &file("hologram-usage"),
    );
    assert_eq!((tally.rows, tally.unchanged), (4, 4));
    assert_eq!(sim(&local, "8944500702000000015").used, 245_679);
    let (_dir, local, tally) = count_usage(
        "iccid\n8932042000000000014\n8932042000000000022\n8932042000000000030\n",
        &file("bics-usage"),
    );
    assert_eq!((tally.rows, tally.skipped), (3, 1), "a message is no data");
    assert_eq!(sim(&local, "8932042000000000014").used, 1_048_576);
    let (_dir, local, _) =
        count_usage("iccid\n8944110077000000014\n8944110077000000022\n", &file("monogoto-month"));
    assert_eq!(sim(&local, "8944110077000000014").used, 1_150_000, "by IMSI and operator");
    let (_dir, local, _) = count_usage("iccid\n8932042000000000014\n", &file("usage-us-daily"));
    let usage = local.usage(sim(&local, "8932042000000000014").id, &CancelToken::new()).expect("usage");
    assert_eq!((usage.days.len(), usage.days[0].period.start.day()), (28, "2026-11-28".into()));
}

#[test]
fn every_portal_is_recognised_by_its_own_sample_alone() {
    for entry in std::fs::read_dir(PORTALS).expect("folder") {
        let path = entry.expect("file").path();
        let name = path.file_stem().expect("name").to_string_lossy().into_owned();
        let bytes = std::fs::read(&path).expect("sample");
        let all = estate::portals::all(&[]).expect("portals");
        let portal = all.iter().find(|portal| portal.name == name).expect("a portal of that name");
        let text = estate::explain(&name, Box::new(&bytes[..]), &plain(), portal.holds).expect(&name);
        assert!(text.contains(&format!("recognised as {} ({name})", portal.title)), "{name}: {text}");
        // Every column is used or known to be of no use, and every status word is known.
        assert!(!text.contains("not used") && !text.contains("not known"), "{name}: {text}");
        estate::portals::Portal::parse(&name, "explained", &text).expect("a portal file to start from");
    }
}

#[test]
fn titles_above_and_totals_below_are_no_rows() {
    let text = "SIM inventory of Acme\nCreated;2026-11-01\n\nICCID;Label\n8900101000000000043;a\n8900101000000000050;b\n\
                Total: 2;\nGrand Total;2\n";
    let (local, _dir, result) = try_lines(text, &plain());
    let (tally, notes) = result.expect("read");
    assert_eq!((tally.added, tally.refused, tally.skipped, count(&local)), (2, 0, 2, 2));
    assert!(notes.iter().all(|note| note.reason.contains("totals")));
    let options = ImportOptions { header_line: Some(2), map: pairs(&[("nr", "iccid")]), ..plain() };
    assert_eq!(read("ICCID list\nnr,label\n8900101000000000043,x\n", &options).label, "x");
    let error = refused("8900101000000000043,x\n", &plain());
    assert!(error.contains("has no header"), "{error}");
}

#[test]
fn an_exact_name_wins_wherever_it_stands() {
    for (header, row) in [
        ("ICCID,Production Date,Activation Date", "8900101000000000043,2020-01-01,2026-01-01"),
        ("ICCID,Activation Date,Production Date", "8900101000000000043,2026-01-01,2020-01-01"),
    ] {
        let sim = read(&format!("{header}\n{row}\n"), &plain());
        assert_eq!(sim.activated.expect("activated").day(), "2026-01-01");
    }
    let sim = read("State,SIM Status,ICCID\nTX,Suspended,8900101000000000043\n", &plain());
    assert_eq!(sim.status, Status::Suspended);
    let sim = read("ICCID,Total usage (MB),Monthly usage (MB)\n8900101000000000043,900,5\n", &plain());
    assert_eq!(sim.used, 5_000_000);
    let sim = read("ICCID,Device Name,Label\n8900101000000000043,device,label\n", &plain());
    assert_eq!(sim.label, "label");
    // Of two columns of one rank the cells decide, else the file is refused.
    let sim = read("Card number,SIM ID\n7001,8900101000000000043\n", &plain());
    assert_eq!(sim.iccid, "8900101000000000043");
    let error = refused("iccid,Usage (MB),Data usage (MB)\n8900101000000000043,1,2\n", &plain());
    assert!(
        error.contains("\"Usage (MB)\" and \"Data usage (MB)\"") && error.contains("--ignore"),
        "{error}"
    );
}

#[test]
fn a_column_that_could_be_the_status_is_asked_about() {
    for header in ["Billing State", "Estado", "Card condition"] {
        let text = format!("iccid,{header}\n8900101000000000043,Suspended\n");
        let options = ImportOptions { ignore: vec![header.into()], ..plain() };
        if header == "Estado" {
            assert_eq!(read(&text, &plain()).status, Status::Suspended);
            continue;
        }
        let error = refused(&text, &plain());
        assert!(
            error.contains(&format!("--ignore '{header}'")) && error.contains("--no-status"),
            "{error}"
        );
        assert_eq!(read(&text, &options).status, Status::Active, "{header}");
        let mapped = ImportOptions { map: pairs(&[(header, "status")]), ..plain() };
        assert_eq!(read(&text, &mapped).status, Status::Suspended);
        assert_eq!(read(&text, &ImportOptions { no_status: true, ..plain() }).status, Status::Active);
    }
    let error = refused("iccid,Status,Billing State\n8900101000000000043,Active,Overdue\n", &plain());
    assert!(error.contains("\"Billing State\""), "{error}");
    // An empty status is never active.
    let sim = read("iccid,Status\n8900101000000000043,N/A\n8900101000000000050,Active\n", &plain());
    assert_eq!(sim.status, Status::Inactive);
}

#[test]
fn status_words_can_be_given_a_meaning() {
    let text = "iccid,status\n8900101000000000043,Hibernating\n";
    let options = ImportOptions { map_status: pairs(&[("hibernating", "suspended")]), ..plain() };
    assert_eq!(read(text, &options).status, Status::Suspended);
    let wrong = ImportOptions { map_status: pairs(&[("hibernating", "asleep")]), ..plain() };
    assert!(refused(text, &wrong).contains("there are active"));
}

#[test]
fn the_column_settles_the_order_of_dates() {
    let date = |second: &str, options: &ImportOptions| {
        let text = format!(
            "iccid,last seen\n8900101000000000043,07/05/2026 10:00\n8900101000000000050,{second}\n"
        );
        try_lines(&text, options).2.map(|_| read(&text, options).last_seen.expect("seen").to_string())
    };
    assert_eq!(date("07/25/2026", &plain()), Ok("2026-07-05T10:00:00Z".into()));
    assert_eq!(date("25/07/2026", &plain()), Ok("2026-05-07T10:00:00Z".into()));
    let error = date("07/06/2026", &plain()).expect_err("open").to_string();
    assert!(error.contains("\"last seen\" can be read two ways (line 2: 07/05/2026 10:00)"), "{error}");
    assert!(error.contains("--dates dmy"), "{error}");
    let mdy = ImportOptions { dates: Some(estate::moment::DateOrder::Mdy), ..plain() };
    assert_eq!(date("07/06/2026", &mdy), Ok("2026-07-05T10:00:00Z".into()));
    // Another column of the file settles it as well.
    let sim = read("iccid,last seen,activated\n8900101000000000043,07/05/2026,25/01/2026\n", &plain());
    assert_eq!(sim.last_seen.expect("seen").day(), "2026-05-07");
}

#[test]
fn the_column_settles_decimal_marks_and_units() {
    let used = |header: &str, cells: &[&str], options: &ImportOptions| {
        let rows: String = cells
            .iter()
            .enumerate()
            .map(|(at, cell)| format!("{};{cell}\n", 8_900_101_000_000_000_043u64 + at as u64))
            .collect();
        let text = format!("iccid;{header}\n{rows}");
        try_lines(&text, options).2.map(|_| read(&text, options).used)
    };
    assert_eq!(used("Usage (MB)", &["1,000", "12,5"], &plain()), Ok(1_000_000));
    assert_eq!(used("Usage (MB)", &["1,000", "12.5"], &plain()), Ok(1_000_000_000));
    assert_eq!(
        used(
            "Usage (MB)",
            &["1.234"; 1],
            &ImportOptions { decimal: Some(estate::number::DecimalMark::Comma), ..plain() }
        ),
        Ok(1_234_000_000)
    );
    assert_eq!(used("Usage (MB)", &["1 234"], &plain()), Ok(1_234_000_000));
    assert_eq!(used("Usage (MB)", &["1'234,5"], &plain()), Ok(1_234_500_000));
    for header in ["Usage KB", "Usage (kBytes)", "Usage [KB]", "usage_kb", "Usage (KB/month)"] {
        assert_eq!(used(header, &["512"], &plain()), Ok(512_000), "{header}");
    }
    assert_eq!(used("Usage", &["1.5 GB", "512 KB"], &plain()), Ok(1_500_000_000));
    assert_eq!(
        used("Volume", &["7"], &ImportOptions { map: pairs(&[("Volume", "used:MB")]), ..plain() }),
        Ok(7_000_000)
    );
    let error =
        |header: &str, cells: &[&str]| used(header, cells, &plain()).expect_err("asked").to_string();
    assert!(error("Usage (MB)", &["1,000", "2,500"]).contains("--decimal"));
    assert!(error("Usage (blocks)", &["7"]).contains("is not known (blocks)"));
    assert!(error("Usage", &["500"]).contains("--map 'Usage=used:MB'"));
}

#[test]
fn upload_and_download_are_added_and_what_is_left_is_subtracted() {
    let map = pairs(&[("up", "used:B"), ("down", "used:B")]);
    let sim = read("iccid,up,down\n8900101000000000043,5,7\n", &ImportOptions { map, ..plain() });
    assert_eq!(sim.used, 12);
    let map = pairs(&[("volume", "used:MB"), ("left", "-used:MB")]);
    let sim =
        read("iccid,volume,left\n8900101000000000043,500,499.5\n", &ImportOptions { map, ..plain() });
    assert_eq!(sim.used, 500_000);
}

#[test]
fn absent_values_are_absent() {
    let text = "iccid,msisdn,network,cap,alert,last seen,status,used\n\
                8900101000000000043,N/A,-,No limit,-1,never,active,—\n8900101000000000050,,,unlimited,none,null,active,n/a\n";
    let (local, _dir, result) = try_lines(text, &plain());
    let (tally, notes) = result.expect("read");
    assert_eq!((tally.added, tally.doubtful), (2, 0), "{notes:?}");
    let sim = sim(&local, "8900101000000000043");
    assert_eq!((sim.msisdn.as_str(), sim.network.as_str()), ("", ""));
    assert_eq!((sim.cap, sim.alert, sim.last_seen, sim.used), (None, None, None, 0));
}

#[test]
fn other_kinds_of_file_are_read() {
    let ndjson = "{\"iccid\":8900101000000000043,\"label\":\"x\",\"sim\":{\"status\":\"active\"}}\n\n\
                  {\"iccid\":\"8900101000000000050\",\"tags\":[\"a\",\"b\"]}\n";
    let (local, _dir, result) =
        try_lines(ndjson, &ImportOptions { map: pairs(&[("sim.status", "status")]), ..plain() });
    assert_eq!(result.expect("NDJSON").0.added, 2);
    assert_eq!(sim(&local, "8900101000000000050").tags, ["a", "b"]);
    let array = "[ {\"iccid\":\"8900101000000000043\"},\n {\"iccid\":89001010000000000422} ]";
    let (_, _dir, result) = try_lines(array, &plain());
    let (tally, notes) = result.expect("array");
    assert_eq!((tally.added, tally.refused), (1, 1));
    assert!(
        notes[0].reason.contains("destroyed its digits"),
        "a number of 20 digits: {}",
        notes[0].reason
    );
    let utf_16: Vec<u8> =
        "iccid,label\n8900101000000000043,é\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let (_dir, local) = estate();
    import(&local, &utf_16);
    assert_eq!(sim(&local, "8900101000000000043").label, "é");
    for (bytes, words) in [
        (&b"%PDF-1.7 ..."[..], "a PDF document"),
        (b"<html><table>", "a web page"),
        (b"PK\x03\x04rubbish", "damaged"),
    ] {
        let error = import_with(&local, bytes, &plain()).expect_err("refused").to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn what_has_no_end_is_refused() {
    let (_dir, local) = estate();
    let error = |input: Box<dyn Read + Send>| {
        let go = |_| std::ops::ControlFlow::Continue(());
        local.stage(input, &plain(), &mut |_| {}, &go).expect_err("refused").to_string()
    };
    assert!(error(Box::new(std::io::repeat(0))).contains("binary data"));
    let line = std::io::repeat(b'8').take(300 << 20);
    assert!(
        error(Box::new(std::io::Cursor::new("iccid\n").chain(line)))
            .contains("line 2 is longer than 1 MiB")
    );
}

#[test]
fn lists_lose_nothing_to_a_quote() {
    let numbers: Vec<String> = (0..400).map(|n| format!("89001010000000{n:05}")).collect();
    let mut lines = numbers.clone();
    lines[3] = format!("\"{}", lines[3]);
    let list = estate::List::read_bytes(lines.join("\n").as_bytes()).expect("list");
    assert_eq!(list.entries.len(), 400);
    let error =
        estate::List::read_bytes(format!("ICCID\n{}\n", lines.join("\n")).as_bytes()).expect_err("quote");
    assert!(error.to_string().contains("line 5"), "{error}");
    let list = estate::List::read_bytes(b"SIM ID;ICCID\n7;8900101000000000043\n").expect("list");
    assert_eq!(list.entries, ["8900101000000000043"], "an exact name wins");
}

#[test]
fn accounts_with_accents_are_different_customers() {
    let (local, _dir, result) = try_lines(
        "iccid,account\n8900101000000000043,Muller\n8900101000000000050,Müller\n8900101000000000068,MULLER\n",
        &plain(),
    );
    assert_eq!(result.expect("read").0.accounts, 2);
    assert_ne!(sim(&local, "8900101000000000043").account, sim(&local, "8900101000000000050").account);
}

#[test]
fn a_quote_in_the_header_swallows_nothing_silently() {
    for text in [
        "ICCID,Status,\"Label\n8900101000000000043,Active,x\n8900101000000000050,Active,y\n",
        "ICCID,Status,\"Label\n8900101000000000043,Active,x\n8900101000000000050,Active,y\"\n8900101000000000068,Active,z\n",
        "\"Report for Acme\nICCID,Status\n8900101000000000043,Active\n",
    ] {
        let error = refused(text, &plain());
        assert!(error.contains("a quote of the header"), "{error}");
    }
    let error = estate::List::read("ICCID,\"Label\n8900101000000000043,y\n8900101000000000050,y\n")
        .expect_err("quote");
    assert!(error.to_string().contains("a quote of the header"), "{error}");
    let sim = read("ICCID,\"Usage\n(MB)\"\n8900101000000000043,5\n", &plain());
    assert_eq!(sim.used, 5_000_000, "a header may have two lines");
}

#[test]
fn a_difference_needs_both_its_parts() {
    let map = pairs(&[("volume", "used:MB"), ("left", "-used:MB")]);
    let (_, _dir, result) =
        try_lines("iccid,volume,left\n8900101000000000043,500,\n", &ImportOptions { map, ..plain() });
    let (tally, notes) = result.expect("read");
    assert_eq!((tally.added, tally.refused), (0, 1), "{notes:?}");
}

#[test]
fn what_could_be_a_status_is_asked_about_in_other_words_too() {
    for (header, cell) in [
        ("Active", "false"),
        ("Estado de la SIM", "Bloqueada"),
        ("status_name", "Foo"),
        ("Bar", "Bloqueada"),
        ("Is blocked", "yes"),
    ] {
        let error = refused(
            &format!("iccid,{header}\n8900101000000000043,{cell}\n8900101000000000050,Activa\n"),
            &plain(),
        );
        assert!(error.contains("could hold the status"), "{header}: {error}");
    }
    let text = "iccid,Status,Status change date,Roaming\n8900101000000000043,active,2026-11-01,Enabled\n";
    assert_eq!(read(text, &plain()).status, Status::Active, "a date and a switch are none");
}

#[test]
fn a_value_that_is_lost_is_counted_and_never_erases_another() {
    let (_dir, local) = estate();
    import(&local, b"iccid,imsi\n8900101000000000043,234500000000001\n");
    let (tally, _) = import(&local, b"iccid,imsi,last seen\n8900101000000000050,bad,never\n");
    assert_eq!((tally.added, tally.incomplete), (1, 1));
    let update = ImportOptions { on_duplicate: estate::OnDuplicate::Update, ..plain() };
    let (tally, notes) =
        import_with(&local, b"iccid,imsi\n8900101000000000043,bad\n", &update).expect("read");
    assert_eq!((tally.updated, tally.refused), (0, 1));
    assert!(notes.iter().any(|note| note.reason.contains("would erase")), "{notes:?}");
    assert_eq!(sim(&local, "8900101000000000043").imsi, "234500000000001");
}

#[test]
fn the_sum_of_a_sims_records_is_no_record() {
    let file = b"ICCID,Operator,Date,Bytes\n8900101000000000043,AT&T,2026-11-05,100\n\
                 8900101000000000043,TMO,2026-11-05,50\n8900101000000000043,Total,2026-11-05,150\n";
    let (_dir, local, tally) = count_usage("iccid\n8900101000000000043\n", file);
    assert_eq!((sim(&local, "8900101000000000043").used, tally.skipped), (150, 1));
}

#[test]
fn a_total_that_grows_with_its_counts_is_one_record() {
    let (_dir, local, _) = count_usage(
        "iccid\n8900101000000000043\n",
        b"ICCID,Date,Operator,Bytes,Cost\n8900101000000000043,2026-11-05,A,100,0.01\n8900101000000000043,2026-11-05,A,100,0.02\n",
    );
    assert_eq!(sim(&local, "8900101000000000043").used, 200, "rows that differ in a cell are different");
    let go = |_| std::ops::ControlFlow::Continue(());
    let later = b"ICCID,Date,Operator,Bytes,Cost\n8900101000000000043,2026-11-05,A,150,0.03\n8900101000000000043,2026-11-05,A,100,0.02\n";
    let (staging, _) =
        local.stage_usage(Box::new(&later[..]), &plain(), &mut |_| {}, &go).expect("staged");
    local.apply(&ChangeId::new(), &Change::ImportUsage { staging }, &go).expect("counted");
    assert_eq!(sim(&local, "8900101000000000043").used, 250);
}

#[test]
fn an_id_that_stands_for_a_sim_is_no_record_id() {
    let (_dir, local, _) = count_usage(
        "iccid\n8900101000000000043\n",
        b"iccid,id,date,bytes\n8900101000000000043,7,2026-11-05,100\n8900101000000000043,7,2026-11-06,50\n",
    );
    assert_eq!(sim(&local, "8900101000000000043").used, 150);
}

#[test]
fn json_is_read_within_bounds() {
    let nested = format!(
        "{{\"iccid\":\"8900101000000000043\",\"x\":{}\";\"{}}}\n",
        "[".repeat(60),
        "]".repeat(60)
    );
    let (local, _dir, result) = try_lines(&nested, &plain());
    assert_eq!((result.expect("read").0.added, count(&local)), (1, 1));
    let long = format!("[{{\"iccid\":\"8900101000000000043\",\"x\":\"{}\"}}]", "z".repeat(2 << 20));
    assert!(refused(&long, &plain()).contains("longer than 1 MiB"));
}
