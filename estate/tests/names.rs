//! Account names: told apart by accents and not by case, in every way in and in stores of earlier
//! versions.

#[path = "common/changes.rs"]
mod changes;
mod common;
#[path = "common/old.rs"]
mod old;

use changes::{all, apply, sim, undo};
use common::{estate, import};
use estate::{AccountId, CancelToken, Change, Error, Estate, Grouping, Local, Query, Role, Target};

const CUSTOMERS: &str = "iccid,account,status,tags\n\
8900101000000000011,Müller,active,Peña\n\
8900101000000000012,Muller,active,Pena\n\
8900101000000000013,MÜLLER,active,PEÑA\n\
8900101000000000014,Mu\u{308}ller,active,\n";

fn account(local: &Local, path: &str) -> AccountId {
    local.accounts(&CancelToken::new()).expect("accounts").find(path).expect(path)
}

fn count(local: &Local, filter: &str) -> u64 {
    local.count(&all(local, filter).any[0], &CancelToken::new()).expect("count")
}

#[test]
fn an_import_keeps_customers_apart_whose_names_differ_by_an_accent() {
    let (_dir, root) = estate();
    let (tally, _) = import(&root, CUSTOMERS.as_bytes());
    assert_eq!((tally.accounts, tally.added, tally.refused), (2, 4, 0));
    let mut seen = Vec::new();
    for (path, email) in [("/Root/Müller", "a@x.example"), ("/Root/Muller", "b@x.example")] {
        root.add_user(account(&root, path), "Customer", email, Role::Admin).expect("user");
        let customer = Local::open(root.path(), Some(email), false).expect("session");
        seen.push((
            count(&customer, ""),
            count(&customer, "account=Muller"),
            count(&customer, "account:muller"),
        ));
    }
    assert_eq!(seen, [(3, 0, 3), (1, 1, 1)]);
    let again = CUSTOMERS.replace("active,PEÑA", "suspended,PEÑA");
    assert_eq!(import(&root, again.as_bytes()).0.accounts, 0, "the accounts are found again");
    assert_eq!(root.check().expect("check"), Vec::<String>::new());
}

#[test]
fn exact_conditions_keep_accents_and_searches_ignore_them() {
    let (_dir, root) = estate();
    import(&root, CUSTOMERS.as_bytes());
    for (filter, wanted) in [
        ("account=Muller", 1),
        ("account=müller", 3),
        ("account!=Muller", 3),
        ("account:muller", 4),
        ("account:MÜL*", 4),
        ("muller", 4),
        ("in:/Root/Muller", 1),
        ("path=/root/MÜLLER", 3),
    ] {
        assert_eq!(count(&root, filter), wanted, "{filter}");
    }
}

#[test]
fn tags_that_differ_by_an_accent_become_two_accounts() {
    let (_dir, root) = estate();
    import(
        &root,
        CUSTOMERS
            .replace("Mu\u{308}ller,", ",")
            .replace("MÜLLER", "")
            .replace("Müller", "")
            .replace("Muller", "")
            .as_bytes(),
    );
    let query = Query { deep: false, ..Query::all(root.me().account, changes::NOW) };
    let change =
        Change::Convert { target: Target::query(query), account: root.me().account, by: Grouping::Tag };
    let planned = changes::plan(&root, &change);
    let groups: Vec<(&str, u64)> = planned.groups.iter().map(|g| (g.name.as_str(), g.sims)).collect();
    assert_eq!(groups, [("Pena", 1), ("PEÑA", 2)].into_iter().rev().collect::<Vec<_>>());
    let made = apply(&root, &change.with_confirmation(&planned)).expect("made");
    assert_eq!(sim(&root, 11).account, account(&root, "/Root/peña"));
    assert_eq!(sim(&root, 12).account, account(&root, "/Root/pena"));
    assert_eq!(sim(&root, 13).account, account(&root, "/Root/peña"));
    undo(&root, &made.id).expect("undone");
    assert_eq!(sim(&root, 13).account, root.me().account);
}

#[test]
fn an_older_store_keeps_its_accounts_and_takes_the_name_without_the_accent() {
    let (dir, root) = estate();
    import(
        &root,
        "iccid,account\n8900101000000000011,Müller\n8900101000000000012,Σας\n8900101000000000013,Zed\n"
            .as_bytes(),
    );
    let path = dir.path().join("old.db");
    old::write_first_version(&root, &path);
    let raw = rusqlite::Connection::open(&path).expect("raw");
    // Keys as the folding of that version made them; it told a final sigma from another.
    let keys = "UPDATE account SET key = 'muller' WHERE name = 'Müller';
        UPDATE account SET key = 'σας' WHERE name = 'Σας';
        UPDATE account SET name = 'Σασ', key = 'σασ' WHERE name = 'Zed'";
    raw.execute_batch(keys).expect("keys");
    drop(raw);
    let store = Local::open(&path, Some("root@x.example"), false).expect("migrated");
    assert_eq!(store.check().expect("check"), Vec::<String>::new());
    let names = |store: &Local| -> Vec<String> {
        let accounts = store.accounts(&CancelToken::new()).expect("accounts");
        accounts.all().iter().map(|account| account.name.clone()).collect()
    };
    assert_eq!(names(&store), ["Root", "Müller", "Σας", "Σασ"]);
    let add =
        |name: &str| apply(&store, &Change::AddAccount { parent: store.me().account, name: name.into() });
    add("Muller").expect("beside it");
    assert!(matches!(add("MÜLLER"), Err(Error::Conflict(_))));
    assert_eq!(names(&store), ["Root", "Muller", "Müller", "Σας", "Σασ"]);
    assert_eq!(sim(&store, 11).account, account(&store, "/Root/Müller"));
}

/// `Acme` with a Cyrillic A.
const LOOKALIKE: &str = "\u{410}cme";

#[test]
fn new_names_that_pass_for_others_are_refused_in_every_way() {
    let (_dir, root) = estate();
    let me = root.me().account;
    let refused = |change: Change| {
        assert!(matches!(
            root.plan(&change, &CancelToken::new()),
            Err(Error::Invalid { field: "name", .. })
        ));
        match apply(&root, &change) {
            Err(Error::Invalid { field: "name", reason }) => reason,
            other => panic!("{other:?}"),
        }
    };
    let file = format!(
        "iccid,account,tags\n8900101000000000011,Acme,{LOOKALIKE}\n8900101000000000012,Acme / {LOOKALIKE},\n\
         8900101000000000013,Ac\u{ad}me,\n8900101000000000014,☎\u{fe0f} Sales,\n"
    );
    let (tally, notes) = import(&root, file.as_bytes());
    assert_eq!((tally.added, tally.refused, tally.accounts), (2, 2, 2));
    let reasons: Vec<(u64, &str, &str)> = notes
        .iter()
        .filter(|note| note.refused)
        .map(|note| (note.line, note.column.as_str(), note.reason.as_str()))
        .collect();
    let mixed = format!("must not mix scripts in one word: {LOOKALIKE} has Cyrillic and Latin letters");
    let hidden = "must not hold the invisible character U+00AD";
    assert_eq!(reasons, [(3, "Account", mixed.as_str()), (4, "Account", hidden)]);
    assert_eq!(refused(Change::AddAccount { parent: me, name: LOOKALIKE.into() }), mixed);
    let acme = account(&root, "/Root/Acme");
    assert_eq!(refused(Change::RenameAccount { account: acme, name: "Ac\u{ad}me".into() }), hidden);
    let query = Query { deep: false, ..Query::all(acme, changes::NOW) };
    let by_tag = Change::Convert { target: Target::query(query), account: acme, by: Grouping::Tag };
    assert_eq!(refused(by_tag), mixed);
}

#[test]
fn accounts_that_have_such_a_name_already_stay_usable() {
    let (_dir, root) = estate();
    import(&root, b"iccid,account\n8900101000000000011,Acme\n");
    let raw = rusqlite::Connection::open(root.path()).expect("raw");
    let older = "UPDATE account SET name = ?1, key = ?2 WHERE name = 'Acme'";
    raw.execute(older, [LOOKALIKE, &estate::text::case_fold(LOOKALIKE)])
        .expect("as an older version let in");
    drop(raw);
    let local = Local::open(root.path(), Some("root@x.example"), false).expect("session");
    let path = format!("/Root/{LOOKALIKE}");
    let file = format!("iccid,account\n8900101000000000012,{LOOKALIKE}\n");
    assert_eq!(import(&local, file.as_bytes()).0.added, 1, "an import finds it");
    assert_eq!(count(&local, &format!("in:{path}")), 2);
    let there = account(&local, &path);
    let renamed = Change::RenameAccount { account: there, name: "Acme".into() };
    let renamed = apply(&local, &renamed).expect("renamed");
    undo(&local, &renamed.id).expect("it was its name before");
    let to = local.me().account;
    apply(&local, &Change::Move { target: all(&local, ""), to, clear: estate::MoveOptions::default() })
        .expect("emptied");
    let deleted = apply(&local, &Change::DeleteAccount { account: there }).expect("deleted");
    undo(&local, &deleted.id).expect("it was there before");
    assert!(count(&local, &format!("in:{path}")) == 0, "found again");
}
