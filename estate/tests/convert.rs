//! From categories to accounts: previewed, made, undone.

#[path = "common/changes.rs"]
mod changes;
mod common;

use changes::{all, apply, go, plan, sim, undo};
use common::{estate, import};
use estate::{
    CancelToken, Change, ChangeId, Error, Estate, Grouping, Local, Outcome, Query, Reason, Target,
    Warning,
};

const CSV: &[u8] = b"iccid,account,status,categories,tags\n\
8900101000000000011,Shop,active,North,x\n\
8900101000000000012,Shop,active,NORTH,x\n\
8900101000000000013,Shop,active,South,\n\
8900101000000000014,Shop,active,North;South,\n\
8900101000000000015,Shop,active,,\n\
8900101000000000016,Shop,terminated,North,\n\
8900101000000000017,Shop / South,active,North,\n\
8900101000000000018,Shop,active,\xC3\x84 & Co,\n\
8900101000000000019,Shop,active,North,\n";

fn world() -> (tempfile::TempDir, Local) {
    let (dir, root) = estate();
    import(&root, CSV);
    (dir, root)
}

fn convert(root: &Local, by: Grouping) -> Change {
    let account = root.accounts(&CancelToken::new()).expect("accounts").find("/Root/Shop").expect("Shop");
    let query = Query { deep: false, ..Query::all(account, changes::NOW) };
    Change::Convert { target: Target::query(query), account, by }
}

fn place(root: &Local, n: u8) -> String {
    root.accounts(&CancelToken::new()).expect("accounts").path(sim(root, n).account)
}

#[test]
fn each_category_becomes_an_account_and_its_sims_go_there() {
    let (_dir, root) = world();
    let change = convert(&root, Grouping::Category);
    let planned = plan(&root, &change);
    let groups: Vec<(&str, u64, bool)> =
        planned.groups.iter().map(|g| (g.name.as_str(), g.sims, g.account.is_some())).collect();
    assert_eq!(groups, [("North", 3, false), ("South", 1, true), ("Ä & Co", 1, false)]);
    assert!(planned.warnings.is_empty(), "{:?}", planned.warnings);
    assert_eq!((planned.total, planned.counts.done, planned.counts.unchanged), (8, 5, 1));
    assert_eq!(planned.reasons, [(Reason::Terminated, 1), (Reason::SeveralGroups, 1)]);
    let made = apply(&root, &change.with_confirmation(&planned)).expect("made");
    assert_eq!(made.counts, planned.counts);
    let places: Vec<String> = (11..=18).map(|n| place(&root, n)).collect();
    let north = "/Root/Shop/North";
    let shop = "/Root/Shop";
    assert_eq!(
        places,
        [north, north, "/Root/Shop/South", shop, shop, shop, "/Root/Shop/South", "/Root/Shop/Ä & Co"]
    );
    let entry = root
        .entries(&estate::LogFilter { limit: 1, ..Default::default() }, &CancelToken::new())
        .expect("log");
    assert_eq!(entry[0].summary, "made 2 accounts of the categories of /Root/Shop, moved 5 SIMs there");
    let refused =
        root.change_items(made.rev, Some(Outcome::Refused), None, 9, &CancelToken::new()).expect("items");
    assert_eq!(refused.len(), 2);
    // Undone, the SIMs are back and the accounts that were made for them are gone; the one that was
    // there stays.
    undo(&root, &made.id).expect("undone");
    assert!((11..=16).chain([18]).all(|n| place(&root, n) == shop));
    let accounts = root.accounts(&CancelToken::new()).expect("accounts");
    assert!(accounts.find(north).is_err() && accounts.find("/Root/Shop/South").is_ok());
    assert_eq!(root.check().expect("check"), Vec::<String>::new());
}

#[test]
fn an_account_that_has_come_to_be_used_stays_when_it_is_undone() {
    let (_dir, root) = world();
    let made = apply(&root, &convert(&root, Grouping::Tag)).expect("made");
    assert_eq!((made.counts.done, place(&root, 11).as_str()), (2, "/Root/Shop/x"));
    let note = estate::Edit { notes: Some("kept".into()), ..Default::default() };
    apply(&root, &Change::Edit { target: all(&root, "iccid:*11"), edit: Box::new(note) })
        .expect("edited");
    undo(&root, &made.id).expect("undone in part");
    assert_eq!((place(&root, 11).as_str(), place(&root, 12).as_str()), ("/Root/Shop/x", "/Root/Shop"));
    let again = apply(&root, &convert(&root, Grouping::Tag)).expect("into the account that is there");
    assert_eq!((again.counts.done, place(&root, 12).as_str()), (1, "/Root/Shop/x"));
    let none = root.apply(&ChangeId::new(), &convert(&root, Grouping::Tag), &go);
    assert!(matches!(none, Err(Error::Conflict(why)) if why.contains("no SIM there has tags")));
}

#[test]
fn what_goes_into_an_account_that_is_there_is_warned_of_and_what_was_changed_stays() {
    let (_dir, root) = world();
    let south =
        root.accounts(&CancelToken::new()).expect("accounts").find("/Root/Shop/South").expect("South");
    apply(&root, &Change::SetCeiling { account: south, ceiling: Some(5_000_000) }).expect("set");
    let note = estate::Edit {
        notes: Some("kept".into()),
        recipients: estate::ListEdit::parse("+x@y.example"),
        ..Default::default()
    };
    apply(&root, &Change::Edit { target: all(&root, "iccid:*13"), edit: Box::new(note) })
        .expect("edited");
    let change = convert(&root, Grouping::Category);
    let warned: Vec<Warning> = plan(&root, &change).warnings.into_iter().map(|(w, _)| w).collect();
    for wanted in [Warning::Notes, Warning::Held, Warning::ForeignRecipients] {
        assert!(warned.contains(&wanted), "{wanted:?} in {warned:?}");
    }
    let made = apply(&root, &change).expect("made");
    // One of the accounts is hung elsewhere meanwhile, another is given something of its own: both
    // stay.
    let accounts = root.accounts(&CancelToken::new()).expect("accounts");
    let (north, other) =
        (accounts.find("/Root/Shop/North").expect("North"), accounts.find("Ä & Co").expect("Ä"));
    apply(&root, &Change::MoveAccount { account: north, under: south }).expect("hung");
    apply(&root, &Change::AddExternal { account: other, address: "z@y.example".into() }).expect("added");
    undo(&root, &made.id).expect("undone");
    let accounts = root.accounts(&CancelToken::new()).expect("accounts");
    assert!(accounts.get(north).is_some() && accounts.get(other).is_some());
}
