//! The log: what was before and after, for whom; found by person, kind and time; and that it was
//! not changed afterwards.

#[path = "common/changes.rs"]
mod changes;
mod common;

use changes::{all, apply, go, plan, sim, undo};
use common::{estate, import};
use estate::{
    Alert, CancelToken, Change, ChangeId, Edit, Error, Estate, Item, Levels, ListEdit, Local, LogFilter,
    LogHead, MoveOptions, Receipt, Role, Target, Time, Verb,
};

const CSV: &[u8] = b"iccid,account,status,cap,alert,tags,notes\n\
8900101000000000011,A,active,500MB,400MB,old,a secret\n\
8900101000000000012,B,active,0,0,,\n";

fn world() -> (tempfile::TempDir, Local) {
    let (dir, root) = estate();
    import(&root, CSV);
    for account in ["A", "B"] {
        let id = root.accounts(&CancelToken::new()).expect("accounts").find(account).expect(account);
        root.add_user(id, account, &format!("{account}@x.example"), Role::Admin).expect("user");
    }
    (dir, root)
}

fn items(local: &Local, receipt: &Receipt) -> Vec<Item> {
    local.change_items(receipt.rev, None, None, 10, &CancelToken::new()).expect("items")
}

/// What was before and after, of the only SIM of a change.
fn change(local: &Local, receipt: &Receipt) -> (String, String) {
    let mut items = items(local, receipt);
    assert_eq!(items.len(), 1, "{items:?}");
    items.pop().map(|item| (item.before, item.after)).unwrap_or_default()
}

fn edit(local: &Local, edit: Edit) -> Receipt {
    let made = Change::Edit { target: all(local, "iccid:*11"), edit: Box::new(edit) };
    apply(local, &made).expect("edited")
}

fn pair(before: &str, after: &str) -> (String, String) {
    (before.to_owned(), after.to_owned())
}

#[test]
fn every_kind_of_change_says_what_was_before_and_after() {
    let (_dir, root) = world();
    let tags = edit(&root, Edit { tags: ListEdit::parse("+new, -old"), ..Edit::default() });
    assert_eq!(change(&root, &tags), pair("tags: old", "tags: new"));
    let label =
        edit(&root, Edit { label: Some("Van".into()), notes: Some(String::new()), ..Edit::default() });
    assert_eq!(change(&root, &label), pair("no label, notes: a secret", "label: Van, no notes"));
    let back = undo(&root, &label.id).expect("undone");
    assert_eq!(change(&root, &back), pair("label: Van, no notes", "no label, notes: a secret"));
    let state = edit(&root, Edit::state(Verb::Suspend, "unpaid"));
    assert_eq!(change(&root, &state), pair("not suspended", "suspended"));
    let levels = Levels { cap: Some(1_000_000_000), alert: Alert::Follow, ..Levels::default() };
    let set = Change::SetLevels { target: all(&root, "iccid:*11"), levels };
    let set = apply(&root, &set).expect("set");
    assert_eq!(change(&root, &set), pair("cap 500 MB, alert 400 MB", "cap 1.0 GB, alert 800 MB"));
    let back = undo(&root, &set.id).expect("undone");
    assert_eq!(change(&root, &back), pair("cap 1.0 GB, alert 800 MB", "cap 500 MB, alert 400 MB"));
}

#[test]
fn what_was_before_is_for_those_who_saw_the_sim_then() {
    let (_dir, root) = world();
    let to = root.accounts(&CancelToken::new()).expect("accounts").find("B").expect("B");
    let clear = MoveOptions { notes: true, ..MoveOptions::default() };
    let moved = Change::Move { target: Target::ids([sim(&root, 11).id]), to, clear };
    let moved = apply(&root, &moved).expect("moved");
    assert_eq!(change(&root, &moved), pair("notes: a secret", "no notes"));
    let [a, b] = ["A@x.example", "B@x.example"]
        .map(|email| Local::open(root.path(), Some(email), false).expect("session"));
    assert_eq!(change(&a, &moved), pair("notes: a secret", "no notes"), "they were theirs");
    let seen = items(&b, &moved);
    assert_eq!(
        (seen[0].before.as_str(), seen[0].from.as_str()),
        ("", "elsewhere"),
        "they were cleared for them"
    );
}

#[test]
fn changes_are_found_by_person_kind_and_time_and_say_from_where() {
    let (_dir, root) = world();
    let root = root.with_clock(|| Time(1_780_000_000)).via("screen, ann@desk\u{1b}[31m");
    let late = edit(&root, Edit { label: Some("Van".into()), ..Edit::default() });
    let find = |wanted: LogFilter| -> Vec<i64> {
        let wanted = LogFilter { limit: 50, ..wanted };
        root.entries(&wanted, &CancelToken::new()).expect("log").iter().map(|e| e.rev).collect()
    };
    assert_eq!(find(LogFilter { until: Some(Time(1_780_000_001)), ..Default::default() }), [late.rev]);
    assert!(find(LogFilter { until: Some(Time(1_780_000_000)), ..Default::default() }).is_empty());
    assert_eq!(find(LogFilter { kind: Some("edit".into()), ..Default::default() }), [late.rev]);
    assert_eq!(find(LogFilter { id: Some(late.id.clone()), ..Default::default() }), [late.rev]);
    let entry =
        root.entries(&LogFilter { limit: 1, ..Default::default() }, &CancelToken::new()).expect("log");
    assert_eq!(entry[0].via, "screen, ann@desk", "nothing in it reaches a terminal as more than text");
    // From where somebody out of sight did it is not told.
    let a = Local::open(root.path(), Some("A@x.example"), false).expect("session");
    let entry =
        a.entries(&LogFilter { limit: 1, ..Default::default() }, &CancelToken::new()).expect("log");
    assert_eq!((entry[0].via.as_str(), entry[0].by.as_str()), ("", "someone outside your account"));
}

#[test]
fn a_head_that_was_kept_elsewhere_shows_a_log_that_was_written_anew() {
    let (dir, root) = world();
    let head = root.head().expect("head");
    assert_eq!(head.to_string().parse(), Ok(head.clone()));
    assert!("12:xyz".parse::<LogHead>().is_err() && "x".parse::<LogHead>().is_err());
    edit(&root, Edit { label: Some("Van".into()), ..Edit::default() });
    assert_eq!(root.holds(&head), Ok(true), "what comes after it leaves it as it is");
    let a = Local::open(root.path(), Some("A@x.example"), false).expect("session");
    assert_eq!(a.head(), Err(Error::RootOnly));
    drop((root, a));
    // Whoever writes the whole chain anew deceives the chain, and not the head.
    let path = dir.path().join("estate.db");
    let conn = rusqlite::Connection::open(&path).expect("opens");
    conn.execute("UPDATE log SET hash = randomblob(32) WHERE rev = ?", [head.rev]).expect("written");
    drop(conn);
    let root = Local::open(&path, None, false).expect("session");
    assert_eq!(root.holds(&head), Ok(false));
    assert!(!root.check().expect("check").is_empty());
    let none = Edit { label: Some("x".into()), ..Edit::default() };
    assert_eq!(
        plan(&root, &Change::Edit { target: all(&root, "iccid:*99"), edit: Box::new(none) }).total,
        0
    );
    let unknown = root.apply(&ChangeId::new(), &Change::Undo { change: ChangeId::new() }, &go);
    assert!(matches!(unknown, Err(Error::NotFound { .. })));
}
