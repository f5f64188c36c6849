//! Export, then import into an empty estate: every SIM comes back equal in every field.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use estate::export::{CsvStyle, Exporter, Format, columns};
use estate::levels::{Alert, Levels};
use estate::{
    CancelToken, Change, ChangeId, Estate, Filter, Gate, ImportOptions, Lifecycle, Query, Sim, SimId,
    Status, Target, Time,
};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value as Json, json};

/// SIMs of one estate.
pub const SIMS: usize = 170;

/// Text that files, spreadsheets and parsers stumble over.
fn text() -> impl Strategy<Value = String> {
    let awkward = select(vec![
        "",
        "=HQ",
        "+spare",
        "-old",
        "@home 5",
        "'quoted",
        "''twice",
        "'=guarded",
        "＝wide",
        "N/A",
        "none",
        "-",
        "null",
        "a,b;c|d\te",
        "\"quoted\"",
        "7dBi \"whip\"",
        "back\\slash",
        "c:\\;x",
        "ünï çödé",
        "日本 🚚",
        "1,234",
        "8.9E+18",
        "Total",
        "sep=;",
        "#N/A",
        "true",
        "00123",
        "مرحبا",
        " inner  blanks ",
        "trailing\\",
        "swapped from 8944110077000000014",
    ]);
    prop_oneof![3 => awkward.prop_map(str::to_owned), 2 => "[ -~]{0,30}", 1 => "\\PC{0,20}"]
}

fn lines() -> impl Strategy<Value = String> {
    // As many delimiters as a record has.
    let commas =
        Just("a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u,v,w,x,y,z,a,b,c,d,e,f,g,h,i,j,k,l".to_owned());
    let line = prop_oneof![5 => text(), 1 => commas];
    prop::collection::vec(line, 0..4).prop_map(|parts| parts.join("\n"))
}

fn names() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(text(), 0..4)
}

fn account() -> impl Strategy<Value = String> {
    let name =
        select(vec!["Depot", "Muller", "Müller", "a\\/b", "\\\\back", "=Sum", "Total", "N. & Co."]);
    prop::collection::vec(name, 0..3).prop_map(|names| {
        let mut path = "/Root".to_owned();
        for name in names {
            path.push_str(&format!("/{name}"));
        }
        path
    })
}

fn size() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), 1..5_000u64, 0..(1u64 << 50)]
}

/// Sets of values for a SIM, in the names of an export.
fn values() -> impl Strategy<Value = Json> {
    let state = (
        select(vec!["inactive", "activation-pending", "active", "active", "terminated"]),
        any::<[bool; 6]>(),
        select(vec!["ok", "alerted", "blocked"]),
        select(vec!["", "activate", "suspend", "resume", "terminate"]),
    );
    let levels =
        ((size(), size(), size()), 1..2_000_000_000i64, 0..2_000_000_000i64, 0..2_000_000_000i64);
    let texts = (text(), lines(), names(), names(), account(), text(), text());
    let numbers = ("|[0-9]{15}", "|44[0-9]{6,13}", select(vec!["", "35203000280200000000000000003672"]));
    (state, levels, texts, numbers).prop_map(|(state, levels, texts, numbers)| {
        let (lifecycle, flags, gate, desired) = state;
        let ((used, cap, alert), as_of, seen, activated) = levels;
        let (label, notes, tags, categories, path, network, tariff) = texts;
        let (imsi, msisdn, eid) = numbers;
        let time = |at: i64| Time(at).to_string();
        let managed = flags[1] || flags[5];
        let status = Status::of(
            Lifecycle::from_word(lifecycle).expect("lifecycle"),
            flags[0],
            Gate::from_word(gate).expect("gate"),
            managed,
        );
        json!({ "status": status.word(), "lifecycle": lifecycle, "suspended": flags[0], "managed": managed,
            "in_session": flags[2], "authentication": flags[3], "hard_cap": flags[4], "usage_gate": gate,
            "desired": desired, "used_bytes": used, "cap_bytes": cap, "alert_bytes": alert,
            "usage_as_of": time(as_of), "last_seen": time(seen), "activated_at": time(activated), "label": label,
            "notes": notes, "tags": tags, "categories": categories, "account_path": path, "network": network,
            "tariff": tariff, "imsi": imsi, "msisdn": msisdn, "eid": eid,
            "recipients": ["ops@x.example", "=a@x.example"] })
    })
}

/// A list of SIMs as NDJSON.
pub fn estate_file() -> impl Strategy<Value = String> {
    prop::collection::vec(values(), SIMS).prop_map(|sims| {
        let line = |(at, mut sim): (usize, Json)| {
            sim["iccid"] = json!(format!("8900101{:012}", at * 7 + 1));
            sim.to_string()
        };
        sims.into_iter().enumerate().map(line).collect::<Vec<_>>().join("\n")
    })
}

fn go(_: estate::Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Imports a file that must come in whole.
pub fn import(estate: &dyn Estate, file: &[u8], options: &ImportOptions) {
    let mut notes = Vec::new();
    let (staging, tally) =
        estate.stage(Box::new(file), options, &mut |note| notes.push(note), &go).expect("staged");
    assert_eq!(
        (tally.added, tally.refused),
        (SIMS as u64, 0),
        "{:?}",
        notes.iter().filter(|n| n.refused).take(3).collect::<Vec<_>>()
    );
    assert!(!notes.iter().any(|note| note.reason.contains("not used")), "{notes:?}");
    estate.apply(&ChangeId::new(), &Change::Import { staging }, &go).expect("imported");
}

/// Raises the caps of some SIMs until their billing period ends.
pub fn raise_caps(estate: &dyn Estate) {
    let mut query = Query::all(estate.me().account, Time::now());
    query.filter = Filter::parse("iccid:*1 cap>0 status!=terminated status!=unmanaged").expect("filter");
    let levels = Levels { cap: Some(1 << 51), alert: Alert::Follow, hard: None, until_period_end: true };
    let change = Change::SetLevels { target: Target::query(query), levels };
    let plan = estate.plan(&change, &CancelToken::new()).expect("planned");
    estate.apply(&ChangeId::new(), &change.with_confirmation(&plan), &go).expect("raised");
}

/// Every SIM with the path of its account, without what a store assigns.
pub fn sims(estate: &dyn Estate) -> BTreeMap<String, (Sim, String)> {
    let accounts = estate.accounts(&CancelToken::new()).expect("accounts");
    let mut all = BTreeMap::new();
    let query = Query::all(estate.me().account, Time::now());
    let mut take = |sim: &Sim| {
        let path = accounts.path(sim.account);
        let mut sim = sim.clone();
        (sim.id, sim.account, sim.version, sim.state_rev) = (SimId(0), accounts.all()[0].id, 0, 0);
        all.insert(sim.iccid.clone(), (sim, path));
        Ok(true)
    };
    estate.export(&query, None, &mut take, &CancelToken::new()).expect("read");
    all
}

/// Exports every SIM with every field.
pub fn export(estate: &dyn Estate, format: Format) -> Vec<u8> {
    let accounts = estate.accounts(&CancelToken::new()).expect("accounts");
    let (mut file, query) =
        (tempfile::tempfile().expect("file"), Query::all(estate.me().account, Time::now()));
    let out = file.try_clone().expect("the same file");
    let mut exporter = Exporter::new(out, format, columns(&[]).expect("columns")).expect("begun");
    let mut write = |sim: &Sim| exporter.write(sim, &accounts).map(|()| true);
    estate.export(&query, None, &mut write, &CancelToken::new()).expect("exported");
    exporter.finish().expect("ended");
    let mut bytes = Vec::new();
    std::io::Seek::rewind(&mut file).expect("rewound");
    std::io::Read::read_to_end(&mut file, &mut bytes).expect("read");
    bytes
}

/// Every format, CSV also as a local spreadsheet wants it.
pub fn formats() -> [Format; 6] {
    let style = |delimiter, decimal| Format::Csv(CsvStyle::new(delimiter, decimal).expect("style"));
    [Format::CSV, style(';', ','), style('\t', '.'), Format::Ndjson, Format::Json, Format::Xlsx]
}
