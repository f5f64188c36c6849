//! Imports of real files: what a spreadsheet did to an export, other encodings, the sample estate.

mod common;

/// The sample files.
const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data");

use std::ops::ControlFlow;

use common::{estate, import, import_with};
use estate::{
    CancelToken, Change, ChangeId, Error, Estate, ImportOptions, ImportSummary, Local, Note, OnDuplicate,
    Query, Status, Time,
};

fn messy() -> (tempfile::TempDir, Local, ImportSummary, Vec<Note>) {
    let (dir, local) = estate();
    let (tally, notes) = import(&local, &std::fs::read(format!("{DATA}/messy.csv")).expect("sample"));
    (dir, local, tally, notes)
}

/// Lines of the file, by data row as its README counts them (row 2 holds a line break).
fn line(row: u64) -> u64 {
    if row <= 2 { row + 1 } else { row + 2 }
}

#[test]
fn every_row_of_the_messy_file_does_what_it_should() {
    let (_dir, local, tally, notes) = messy();
    let refused: Vec<u64> = notes.iter().filter(|n| n.refused).map(|n| n.line).collect();
    assert_eq!(refused, [4, 5, 7, 12, 13, 14, 17].map(line));
    assert_eq!((tally.rows, tally.added, tally.refused, tally.empty), (19, 12, 7, 2));
    let warned: std::collections::BTreeSet<u64> =
        notes.iter().filter(|n| !n.refused).map(|n| n.line).collect();
    assert_eq!(warned.into_iter().collect::<Vec<_>>(), [2, 6, 8, 10, 11, 16, 20].map(line));
    for (row, words) in [(4, "as text"), (5, "line 2"), (12, "alerted"), (13, "500MB"), (17, "cells")] {
        let note = notes.iter().find(|n| n.line == line(row) && n.refused).expect("refused");
        assert!(note.reason.contains(words), "row {row}: {}", note.reason);
    }
    let sim = |iccid: &str| local.sim_by_iccid(iccid, &CancelToken::new()).expect(iccid);
    assert_eq!(
        (sim("8944110000090000025").msisdn.as_str(), sim("8944110000090000025").notes.as_str()),
        ("", "two\nlines")
    );
    assert_eq!(sim("8944110000090000025").label, "Van; 2");
    assert_eq!(sim("8944110000090000017").used, 12_500_000);
    assert_eq!(sim("8944110000090000033").status, Status::Suspended);
    assert_eq!(sim("8944110000090000108").label, "red  escape and clipboard attack");
    assert_eq!(sim("8944110000090000157").cap, Some(10 << 20));
    assert_eq!(sim("8944110000090000090").account, local.me().account);
    let accounts = local.accounts(&CancelToken::new()).expect("accounts");
    assert!(
        accounts.find("/Root/A/B/C/D/E/F/G/H").is_ok() && accounts.find("/Root/Acme Ltd/evil").is_ok()
    );
    let depot = accounts.find("/Root/Acme Ltd/Depot").expect("depot");
    assert_eq!(sim("8944110000090000199").account, depot, "the same account in other case");
    assert_eq!(sim("8944110000090000199").notes.chars().count(), 5_000);
    assert_eq!(local.check().expect("check"), Vec::<String>::new());
}

#[test]
fn an_encoding_nobody_named_is_refused_with_a_way_out() {
    let (_dir, local) = estate();
    let latin = std::fs::read(format!("{DATA}/latin1.csv")).expect("sample");
    let error = import_with(&local, &latin, &ImportOptions::default()).expect_err("latin-1");
    assert!(error.to_string().contains("--encoding"), "{error}");
    let named = ImportOptions { encoding: Some("latin1".into()), ..ImportOptions::default() };
    let (tally, _) = import_with(&local, &latin, &named).expect("named");
    assert_eq!((tally.added, tally.refused), (1, 0));
    let sim = local.sim_by_iccid("8944110000090000207", &CancelToken::new()).expect("in");
    assert_eq!(sim.label, "Gerät 1");
}

#[test]
fn the_sample_estate_comes_in_whole() {
    let (_dir, local) = estate();
    let (tally, notes) =
        import(&local, &std::fs::read(format!("{DATA}/estate-2k/sims.csv")).expect("sample"));
    assert_eq!((tally.rows, tally.added, tally.refused), (2_000, 2_000, 0));
    assert!(!notes.iter().any(|n| n.refused));
    let accounts = local.accounts(&CancelToken::new()).expect("accounts");
    assert_eq!(accounts.all()[0].subtree, 2_000);
    let biggest = accounts.find("/Root/Smart–Meter Co./EV Charging").expect("account");
    assert_eq!(accounts.get(biggest).expect("account").subtree, 427);
    let again = import(&local, &std::fs::read(format!("{DATA}/estate-2k/sims.csv")).expect("sample")).0;
    assert_eq!((again.added, again.unchanged, again.refused, again.accounts), (0, 2_000, 0, 0));
}

#[test]
fn duplicates_follow_the_policy() {
    let (_dir, local) = estate();
    let first = b"iccid,label,used\n8900101000000000043,one,5\n";
    let second = b"iccid,label\n8900101000000000043,two\n";
    import(&local, first);
    let (tally, notes) = import(&local, second);
    assert_eq!((tally.refused, notes.len()), (1, 1));
    let fail = ImportOptions { on_duplicate: OnDuplicate::Fail, ..ImportOptions::default() };
    assert!(matches!(import_with(&local, second, &fail), Err(Error::Conflict(_))));
    let update = ImportOptions { on_duplicate: OnDuplicate::Update, ..ImportOptions::default() };
    assert_eq!(import_with(&local, second, &update).expect("updated").0.updated, 1);
    let sim = local.sim_by_iccid("8900101000000000043", &CancelToken::new()).expect("sim");
    assert_eq!((sim.label.as_str(), sim.used), ("two", 5), "columns the file does not have stay");
}

#[test]
fn an_interrupted_import_did_not_happen() {
    let (_dir, local) = estate();
    let file = std::fs::read(format!("{DATA}/estate-2k/sims.csv")).expect("sample");
    let go = |_| ControlFlow::Continue(());
    let (staging, _) =
        local.stage(Box::new(&file[..]), &ImportOptions::default(), &mut |_| {}, &go).expect("staged");
    let stopped = local.apply(&ChangeId::new(), &Change::Import { staging }, &|_| ControlFlow::Break(()));
    assert_eq!(stopped, Err(Error::Cancelled));
    let all = Query::all(local.me().account, Time(0));
    assert_eq!(local.count(&all, &CancelToken::new()), Ok(0));
    assert_eq!(local.accounts(&CancelToken::new()).expect("accounts").all().len(), 1);
    assert_eq!(local.check().expect("check"), Vec::<String>::new());
}

#[test]
fn files_that_cannot_be_understood_say_what_is_missing() {
    let (_dir, local) = estate();
    let error = |file: &[u8], options: &ImportOptions| {
        import_with(&local, file, options).expect_err("bad").to_string()
    };
    assert!(error(b"", &ImportOptions::default()).contains("empty"));
    assert!(error(b"colour,size\nred,1\n", &ImportOptions::default()).contains("--map"));
    let map = ImportOptions { map: vec![("colour".into(), "hue".into())], ..ImportOptions::default() };
    assert!(error(b"colour,size\nred,1\n", &map).contains("iccid"));
    let named = ImportOptions { encoding: Some("klingon".into()), ..ImportOptions::default() };
    assert!(error(b"iccid\n1\n", &named).contains("latin1"));
}

#[test]
fn an_update_follows_through_and_each_side_hears_of_it() {
    let (_dir, local) = estate();
    import(&local, b"iccid,account,used,cap\n8900101000000000043,A,5,10\n8900101000000000050,A,5,\n");
    let update = ImportOptions { on_duplicate: OnDuplicate::Update, ..ImportOptions::default() };
    let sim = || local.sim_by_iccid("8900101000000000043", &CancelToken::new()).expect("sim");
    assert_eq!((sim().alert, sim().status), (Some(8), Status::Active));
    import_with(&local, b"iccid,used\n8900101000000000043,50\n", &update).expect("usage");
    assert_eq!(sim().status, Status::Blocked, "usage alone turns the gate");
    import_with(&local, b"iccid,cap\n8900101000000000043,100\n", &update).expect("cap");
    assert_eq!((sim().cap, sim().alert, sim().status), (Some(100), Some(80), Status::Active));
    import_with(&local, b"iccid,account\n8900101000000000043,B\n", &update).expect("account");
    assert_eq!(local.check().expect("check"), Vec::<String>::new());
    let accounts = local.accounts(&CancelToken::new()).expect("accounts");
    for path in ["/Root/A", "/Root/B"] {
        let wanted =
            estate::LogFilter { account: accounts.find(path).ok(), limit: 1, ..Default::default() };
        let entry = local.entries(&wanted, &CancelToken::new()).expect("log").remove(0);
        assert_eq!((entry.kind.as_str(), entry.counts.done), ("import", 1), "{path}");
    }
}

#[test]
fn only_rows_that_come_in_make_accounts() {
    let (_dir, local) = estate();
    import(&local, b"iccid,label\n8900101000000000043,one\n");
    let (tally, _) = import(
        &local,
        b"iccid,label,account\n8900101000000000043,two,Typo / Deep\n8900101000000000050,x,Good / Deep\n",
    );
    assert_eq!((tally.refused, tally.added, tally.accounts), (1, 1, 2));
    let accounts = local.accounts(&CancelToken::new()).expect("accounts");
    assert!(accounts.find("Typo").is_err() && accounts.find("/Root/Good/Deep").is_ok());
}

#[test]
fn an_import_can_be_retried_and_notices_what_changed_meanwhile() {
    let (_dir, local) = estate();
    let go = |_| ControlFlow::Continue(());
    import(&local, b"iccid,account\n8900101000000000043,A\n");
    let stage = |file: &'static [u8], policy| {
        let options = ImportOptions { on_duplicate: policy, ..ImportOptions::default() };
        Change::Import {
            staging: local.stage(Box::new(file), &options, &mut |_| {}, &go).expect("staged").0,
        }
    };
    let (id, change) = (ChangeId::new(), stage(b"iccid\n8900101000000000050\n", OnDuplicate::Skip));
    assert_eq!(local.apply(&id, &change, &|_| ControlFlow::Break(())), Err(Error::Cancelled));
    let first = local.apply(&id, &change, &go).expect("a second try");
    assert_eq!(local.apply(&id, &change, &go), Ok(first), "a lost answer");
    let change = stage(b"iccid,account\n8900101000000000043,B\n", OnDuplicate::Update);
    let sim = local.sim_by_iccid("8900101000000000043", &CancelToken::new()).expect("sim");
    let moved = Change::Move {
        target: estate::Target::ids([sim.id]),
        to: local.me().account,
        clear: estate::MoveOptions::default(),
    };
    local.apply(&ChangeId::new(), &moved, &go).expect("moved meanwhile");
    assert!(matches!(local.apply(&ChangeId::new(), &change, &go), Err(Error::Conflict(_))));
}

#[test]
fn blank_lines_at_the_end_are_counted_once() {
    let (_dir, local) = estate();
    let (tally, _) = import(&local, b"iccid\n8900101000000000011\n8900101000000000012\n\n\n\n");
    assert_eq!((tally.rows, tally.empty), (2, 3));
}
