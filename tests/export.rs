//! Exports by the binary: workbooks, delimiters and decimal marks, and text that a spreadsheet
//! would run.

#[path = "common/binary.rs"]
mod binary;

use std::io::{Cursor, Read as _};

use binary::World;
use calamine::{Data, Reader as _, Xlsx};

/// A store with three SIMs whose text is hostile, or looks like numbers.
fn hostile() -> World {
    let world = World::empty();
    world.ok(&["init", "--account", "Root", "--email", "root@x.example", "--name", "Root"]);
    let csv = "iccid,label,used,cap,last_seen,tags,notes\n\
        89001010000000000435,=HQ,8425,10000,2026-04-30T22:01:12Z,a;b,\"one, two; three\"\n\
        8900101000000000050,\"https://evil.example/?a=1&b=<2>\",0,,,,\"say \"\"hi\"\"\nand bye\"\n\
        8900101000000000068,@home 5,5,3,,,007\n";
    std::fs::write(world.path("in.csv"), csv).expect("written");
    world.ok(&["import", &world.path("in.csv").display().to_string()]);
    world
}

fn workbook(bytes: Vec<u8>) -> Vec<Vec<Data>> {
    let mut book = Xlsx::new(Cursor::new(bytes)).expect("a workbook");
    assert_eq!(book.sheet_names(), ["SIMs"]);
    assert_eq!(book.worksheet_formula("SIMs").map_or(0, |range| range.used_cells().count()), 0);
    let range = book.worksheet_range("SIMs").expect("sheet");
    range.rows().map(<[Data]>::to_vec).collect()
}

/// The XML of a sheet, as it is in the archive.
fn sheet_xml(bytes: Vec<u8>) -> String {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).expect("an archive");
    let mut xml = String::new();
    archive.by_name("xl/worksheets/sheet1.xml").expect("sheet").read_to_string(&mut xml).expect("XML");
    xml
}

#[test]
fn a_workbook_keeps_identifiers_as_text_and_sizes_as_numbers() {
    let world = hostile();
    let file = world.path("sims.xlsx");
    let to = file.to_str().expect("path");
    world.ok(&["export", "--to", to, "--columns", "iccid,label,used,cap,used_pct,last_seen,tags,notes"]);
    let bytes = std::fs::read(&file).expect("written");
    let rows = workbook(bytes.clone());
    let header: Vec<String> = rows[0].iter().map(ToString::to_string).collect();
    assert_eq!(
        header.join(" "),
        "iccid label used_bytes cap_bytes used_pct last_seen tags notes",
        "as in CSV, so that it can be imported"
    );
    let text = |text: &str| Data::String(text.to_owned());
    assert_eq!(rows[1][..2], [text("89001010000000000435"), text("=HQ")]);
    assert_eq!(rows[2][..2], [text("8900101000000000050"), text("https://evil.example/?a=1&b=<2>")]);
    assert_eq!(rows[3][..2], [text("8900101000000000068"), text("@home 5")]);
    assert_eq!(rows[1][2..5], [Data::Float(8_425.0), Data::Float(10_000.0), Data::Float(84.25)]);
    assert!(matches!(rows[1][5], Data::DateTime(_)), "{:?}", rows[1][5]);
    assert_eq!(rows[1][6..], [text("a;b"), text("one, two; three")]);
    assert_eq!((&rows[3][7], &rows[2][7]), (&text("007"), &text("say \"hi\"\nand bye")));
    assert_eq!((&rows[2][3], &rows[2][5]), (&Data::Empty, &Data::Empty));
    let xml = sheet_xml(bytes);
    assert!(xml.contains("ySplit=\"1\"") && xml.contains("state=\"frozen\""), "{}", &xml[..600]);
    for unwanted in ["<f>", "<hyperlink", "<autoFilter"] {
        assert!(!xml.contains(unwanted), "{unwanted}");
    }
}

#[test]
fn a_workbook_goes_to_a_pipe_and_not_over_a_file() {
    let world = hostile();
    let output = world.run(&["export", "label=@*", "--format", "xlsx"]);
    assert!(output.status.success(), "{output:?}");
    let rows = workbook(output.stdout);
    assert_eq!(rows[0].len(), 35, "every default field");
    std::fs::write(world.path("sims.xlsx"), "mine").expect("written");
    world.ends(&["export", "--to", world.path("sims.xlsx").to_str().expect("path")], 1);
    assert_eq!(std::fs::read_to_string(world.path("sims.xlsx")).expect("kept"), "mine");
    let left = std::fs::read_dir(world.dir.path()).expect("folder").filter_map(Result::ok);
    let left: Vec<_> =
        left.map(|entry| entry.file_name()).filter(|n| n.to_string_lossy().contains("tmp")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn delimiter_and_decimal_mark_are_those_asked_for() {
    let world = hostile();
    let export = |options: &[&str]| {
        world.ok(&[&["export", "--columns", "iccid,label,used,used_pct,tags,notes"], options].concat())
    };
    let local = export(&["--delimiter", ";", "--decimal", ","]);
    let lines: Vec<&str> = local.lines().collect();
    assert_eq!(lines[0], "iccid;label;used_bytes;used_pct;tags;notes");
    assert_eq!(lines[1], "\"89001010000000000435\";\"'=HQ\";8425;\"84,25\";\"a;b\";\"one, two; three\"");
    let tabs = export(&["--delimiter", "tab"]);
    assert!(tabs.starts_with("iccid\tlabel\t") && tabs.contains("\t84.25\t"), "{tabs}");
    assert_eq!(tabs, export(&["--delimiter", "\\t", "--format", "csv"]));
    for (delimiter, text) in [(b';', &local), (b'\t', &tabs)] {
        let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(text.as_bytes());
        let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().expect("sound");
        assert_eq!(rows.len(), 3);
        assert_eq!(
            (&rows[1][1], &rows[1][5]),
            ("https://evil.example/?a=1&b=<2>", "say \"hi\"\nand bye")
        );
        assert_eq!((&rows[2][1], &rows[0][4]), ("'@home 5", "a;b"));
    }
}

#[test]
fn a_local_file_and_a_workbook_hold_what_the_store_does() {
    let world = World::sample();
    let file = world.path("out.csv");
    world.ok(&["export", "--delimiter", ";", "--decimal", ",", "--to", file.to_str().expect("path")]);
    let other = World::empty();
    other.ok(&["init", "--account", "Root", "--email", "root@x.example", "--name", "Root"]);
    other.ok(&["import", file.to_str().expect("path")]);
    let columns = [
        "export",
        "--columns",
        "iccid,imsi,msisdn,label,account_path,status,used_bytes,cap_bytes,last_seen,tags,notes",
    ];
    assert_eq!(other.ok(&columns), world.ok(&columns));
    let rows = workbook(world.run(&["export", "--format", "xlsx", "--columns", "iccid"]).stdout);
    assert_eq!(rows.len() as u64, world.count("") + 1);
}

#[test]
fn options_that_do_not_fit_are_wrong_usage() {
    let world = hostile();
    let refused = |options: &[&str], said: &str| {
        let (out, err) = world.ends(&[&["export"], options].concat(), 2);
        assert!(err.contains(said) && out.is_empty(), "{options:?}: {err}");
    };
    refused(&["--format", "json", "--delimiter", ";"], "--delimiter is an option of CSV");
    refused(&["--format", "xlsx", "--decimal", ","], "--decimal is an option of CSV");
    refused(&["--to", "x.ndjson", "--delimiter", ";"], "--delimiter is an option of CSV");
    refused(&["--decimal", ","], "choose another delimiter such as ;");
    refused(&["--delimiter", "ab"], "expected one character");
    refused(&["--delimiter", "a"], "no letter, digit, quote or underscore");
    refused(&["--delimiter", ";", "--decimal", "x"], "must be . or ,");
    refused(&["--format", "xls"], "invalid value");
    assert!(!world.path("x.ndjson").exists());
}

#[test]
fn the_ending_of_the_file_decides_where_no_format_is_given() {
    let world = hostile();
    let written = |name: &str, options: &[&str]| {
        let path = world.path(name);
        world.ok(&[&["export", "--to", path.to_str().expect("path")], options].concat());
        std::fs::read(path).expect("written")
    };
    assert!(written("a.XLSX", &[]).starts_with(b"PK"));
    assert!(written("a.json", &[]).starts_with(b"["));
    assert!(written("a.ndjson", &[]).starts_with(b"{"));
    assert!(written("a.txt", &[]).starts_with(b"id,"));
    assert!(written("b.json", &["--format", "csv"]).starts_with(b"id,"));
}
