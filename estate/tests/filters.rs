//! What filters are made of and kept in: values to choose from, lists, saved filters, the index of
//! tags.

mod common;
#[path = "common/old.rs"]
mod old;

use std::ops::ControlFlow;

use common::{estate, import};
use estate::filter::suggest::Values;
use estate::{
    CancelToken, Change, ChangeId, Error, Estate, Field, Filter, List, Local, MoveOptions, Query, Role,
    Saved, SavedEdit, Target, Time, saved,
};

const CSV: &[u8] = b"iccid,imsi,msisdn,eid,imei,account,network,tariff,tags,categories,status\n\
8900101000000000011,234100000000001,447700900001,89049032000000000000000000000101,356938035643809,A,EE,IoT,vip;Fleet,x,active\n\
8900101000000000012,234100000000002,447700900002,,,A,EE,IoT,fleet,,active\n\
8900101000000000013,234100000000003,447700900003,,,B,Secret Net,Secret Plan,secret-b,secret cat,blocked\n\
8900101000000000014,234100000000004,447700900004,,,,O2,,,,inactive\n";

const NOW: Time = Time(1_780_000_000);

/// Two customers with an Admin each, side by side.
fn world() -> (tempfile::TempDir, Local, Local, Local) {
    let (dir, root) = estate();
    import(&root, CSV);
    let accounts = root.accounts(&CancelToken::new()).expect("accounts");
    let open = |path: &str, email: &str| {
        let id = accounts.find(path).expect("account");
        root.add_user(id, "Someone", email, Role::Admin).expect("user");
        root.add_user(id, "Someone", &format!("see-{email}"), Role::ViewOnly).expect("user");
        Local::open(root.path(), Some(email), false).expect("session")
    };
    let (a, b) = (open("/Root/A", "a@x.example"), open("/Root/B", "b@x.example"));
    (dir, root, a, b)
}

fn values(local: &Local, field: Field) -> Values {
    local.values(field, &CancelToken::new()).expect("values")
}

fn words(list: &[(&str, u64)]) -> Values {
    list.iter().map(|(word, n)| ((*word).to_owned(), *n)).collect()
}

#[test]
fn values_are_those_of_the_users_own_sims() {
    let (_dir, root, a, b) = world();
    assert_eq!(values(&root, Field::Network), words(&[("EE", 2), ("O2", 1), ("Secret Net", 1)]));
    let tags = values(&root, Field::Tag);
    assert_eq!(
        tags.iter().map(|(_, n)| *n).collect::<Vec<_>>(),
        [2, 1, 1],
        "one spelling each: {tags:?}"
    );
    assert_eq!(values(&root, Field::Category).len(), 2);
    assert_eq!(values(&a, Field::Network), words(&[("EE", 2)]));
    assert_eq!(values(&a, Field::Tariff), words(&[("IoT", 2)]));
    assert_eq!(values(&a, Field::Status), words(&[("active", 2)]));
    assert_eq!(
        values(&a, Field::Tag).iter().map(|(t, n)| (t.to_lowercase(), *n)).collect::<Vec<_>>(),
        words(&[("fleet", 2), ("vip", 1)])
    );
    assert_eq!(values(&b, Field::Category), words(&[("secret cat", 1)]));
    assert_eq!(values(&a, Field::Notes), Values::new(), "what is not counted is not told");
    for field in [Field::Network, Field::Tariff, Field::Tag, Field::Category] {
        assert!(values(&a, field).iter().all(|(word, _)| !word.contains("ecret")), "{field:?}");
    }
}

#[test]
fn lists_of_every_kind_are_found_and_become_filters() {
    let (_dir, root, a, _) = world();
    let list = List::read(
        "8900 1010 0000 0000 011\n234100000000002\n+447700900003\n89049032000000000000000000000101\n356938035643809\n\
         8900101000000000099\n234100000000002\nhello",
    )
    .expect("list");
    let found = root.lookup(&list, &CancelToken::new()).expect("lookup");
    assert_eq!((found.found.len(), found.duplicates), (3, 3));
    assert_eq!(found.unknown, ["8900101000000000099", "hello"]);
    assert_eq!(found.summary(), "3 of 5 found · 3 listed twice");
    let count = |local: &Local| {
        let query = Query { filter: found.filter(), ..Query::all(local.me().account, NOW) };
        local.count(&query, &CancelToken::new()).expect("count")
    };
    assert_eq!((count(&root), count(&a)), (3, 2), "a neighbour's SIMs are as good as unknown");
    let mine = a.lookup(&list, &CancelToken::new()).expect("lookup");
    assert_eq!(mine.unknown, ["+447700900003", "8900101000000000099", "hello"]);
    import(&root, b"iccid,msisdn\n8900101000000000031,447700900077\n8900101000000000032,447700900077\n");
    let shared = root.lookup(&List::of(["447700900077"]), &CancelToken::new()).expect("lookup");
    assert_eq!(shared.summary(), "2 of 2 found · 1 number fits several SIMs");
    let headed = List::read("IMSI\n447700900001\n234100000000001\n").expect("list");
    let found = root.lookup(&headed, &CancelToken::new()).expect("lookup");
    assert_eq!(found.unknown, ["447700900001"], "a header says what they are");
}

#[test]
fn the_index_of_tags_follows_every_change() {
    let (_dir, root, ..) = world();
    let count = |text: &str| {
        let query =
            Query { filter: Filter::parse(text).expect(text), ..Query::all(root.me().account, NOW) };
        root.count(&query, &CancelToken::new()).expect(text)
    };
    assert_eq!((count("tag=FLEET"), count("tag:ip"), count("category=x")), (2, 1, 1));
    let to = root.accounts(&CancelToken::new()).expect("accounts").find("/Root/B").expect("B");
    let target = Target::query(Query {
        filter: Filter::parse("tag=fleet").expect("filter"),
        ..Query::all(root.me().account, NOW)
    });
    let change = Change::Move { target, to, clear: MoveOptions { tags: true, ..MoveOptions::default() } };
    let id = ChangeId::new();
    root.apply(&id, &change, &|_| ControlFlow::Continue(())).expect("moved");
    assert_eq!((count("tag=fleet"), count("has:tag"), count("category=x")), (0, 1, 1));
    assert_eq!(root.check().expect("check"), Vec::<String>::new());
    root.apply(&ChangeId::new(), &Change::Undo { change: id }, &|_| ControlFlow::Continue(()))
        .expect("undone");
    assert_eq!((count("tag=fleet"), count("tag=vip")), (2, 1));
    assert_eq!(root.check().expect("check"), Vec::<String>::new());
    let raw = rusqlite::Connection::open(root.path()).expect("raw");
    raw.execute("DELETE FROM sim_tag WHERE name = 'vip'", []).expect("damage");
    assert_eq!(root.check().expect("check").len(), 1);
}

fn one(name: &str) -> Saved {
    Saved { name: name.into(), filter: "status=active".into(), ..Saved::default() }
}

#[test]
fn saved_filters_are_private_and_kept_in_order() {
    let (_dir, root, a, b) = world();
    let names = |local: &Local| {
        local
            .saved_filters(&CancelToken::new())
            .expect("saved")
            .into_iter()
            .map(|s| s.name)
            .collect::<Vec<_>>()
    };
    let rev = root.rev().expect("rev");
    a.edit_saved(&[SavedEdit::Put(one("One"), false), SavedEdit::Put(one("Two"), false)]).expect("saved");
    a.edit_saved(&[SavedEdit::Place("Two".into(), 0), SavedEdit::Digit("One".into(), Some(3))])
        .expect("ordered");
    assert_eq!(names(&a), ["Two", "One"]);
    assert_eq!((names(&b), names(&root)), (vec![], vec![]), "nobody else sees them");
    assert_eq!(root.rev().expect("rev"), rev, "they are no change of the estate");
    let failed = a.edit_saved(&[SavedEdit::Delete("One".into()), SavedEdit::Delete("Nine".into())]);
    assert!(matches!(failed, Err(Error::NotFound { .. })));
    assert_eq!(names(&a), ["Two", "One"], "all of the edits or none");
    assert!(matches!(b.edit_saved(&[SavedEdit::Delete("One".into())]), Err(Error::NotFound { .. })));
    let again = Local::open(a.path(), Some("a@x.example"), false).expect("again");
    assert_eq!(again.saved_filters(&CancelToken::new()).expect("saved")[1].digit, Some(3));
    let read_only = Local::open(a.path(), Some("a@x.example"), true).expect("read-only");
    assert_eq!(read_only.edit_saved(&[SavedEdit::Delete("One".into())]), Err(Error::ReadOnly));
    let view_only = Local::open(a.path(), Some("see-a@x.example"), false).expect("view only");
    view_only.edit_saved(&[SavedEdit::Put(one("Mine"), false)]).expect("every role keeps filters");
}

#[test]
fn quick_filters_fit_the_user_who_calls_them() {
    let (_dir, root, a, _) = world();
    for (local, unassigned) in [(&root, 1), (&a, 2)] {
        let accounts = local.accounts(&CancelToken::new()).expect("accounts");
        for quick in saved::quick(&accounts) {
            let filter = quick.check().expect("reads");
            let query = Query { filter, ..Query::all(local.me().account, NOW) };
            let count = local.count(&query, &CancelToken::new()).expect("count");
            if quick.name == "Unassigned" {
                assert_eq!(count, unassigned);
            }
        }
        assert_eq!(saved::called_by(&[], &accounts, 2).expect("quick").name, "Blocked");
        let own = [Saved { digit: Some(2), ..one("Own") }];
        assert_eq!(saved::called_by(&own, &accounts, 2).expect("own").name, "Own");
        assert_eq!(saved::called_by(&own, &accounts, 9), None);
    }
}

#[test]
fn an_account_that_is_gone_is_no_other_of_its_name() {
    let (_dir, root, ..) = world();
    let accounts = root.accounts(&CancelToken::new()).expect("accounts");
    let scope = |account, path: &str| saved::SavedScope { account, path: path.into(), deep: true };
    let a = accounts.find("/Root/A").expect("A");
    assert_eq!(scope(Some(a.0), "/Root/Old name").account(&accounts), Ok(a));
    assert_eq!(scope(None, "/Root/A").account(&accounts), Ok(a));
    assert!(scope(Some(999), "/Root/A").account(&accounts).is_err());
}

#[test]
fn what_a_filter_can_cost_is_bounded_and_no_index_changes_what_it_means() {
    let (_dir, root, ..) = world();
    let count = |text: &str| {
        let query =
            Query { filter: Filter::parse(text).expect("parses"), ..Query::all(root.me().account, NOW) };
        root.count(&query, &CancelToken::new())
    };
    let many = |part: &str, n: usize, between: &str| {
        (0..n).map(|i| format!("{part}{i}")).collect::<Vec<_>>().join(between)
    };
    for text in [
        many("notes:x", 300, " or "),
        many("x", 300, " "),
        many("label:*a*b", 300, " "),
        many("used>", 6_000, " or "),
    ] {
        assert!(matches!(count(&text), Err(Error::Invalid { field: "filter", .. })), "{}", &text[..20]);
    }
    assert_eq!(count(&format!("network:{}", many("n", 3_000, ",") + ",ee")), Ok(2));
    assert_eq!(count(&many("iccid=89001010000000000", 300, " or ")), Ok(4), "exact numbers are cheap");
    // With and without an index on the way.
    for text in [
        "tag:\"\"",
        "tag=\"\"",
        "tag=\"vip\nfleet\"",
        "category:\"\"",
        "network:\"\"",
        "tariff=\"\"",
        "tag:*",
    ] {
        assert_eq!(count(text), count(&format!("({text} or notes:zzz)")), "{text}");
        assert_eq!(count(&format!("-{text}")).map(|n| 4 - n), count(text), "{text}");
    }
}

#[test]
fn a_saved_filter_that_cannot_be_read_is_never_every_sim() {
    let (_dir, root, ..) = world();
    root.edit_saved(&[SavedEdit::Put(one("One"), false)]).expect("saved");
    let raw = rusqlite::Connection::open(root.path()).expect("raw");
    raw.execute("UPDATE saved_filter SET body = '{\"name\":\"One\",\"filter\":{\"v\":2}}'", [])
        .expect("changed");
    assert!(root.saved_filters(&CancelToken::new()).expect_err("unreadable").to_string().contains("One"));
    assert!(root.edit_saved(&[SavedEdit::Put(one("Two"), false)]).is_err(), "and is not written over");
}

#[test]
fn two_programs_can_bring_an_old_store_up_to_date_at_once() {
    let dir = tempfile::tempdir().expect("folder");
    let path = dir.path().join("old.db");
    let (_new, root, ..) = world();
    old::write_first_version(&root, &path);
    std::thread::scope(|scope| {
        let open =
            || scope.spawn(|| Local::open(&path, Some("root@x.example"), false).map(|l| l.check()));
        let all: Vec<_> = (0..6).map(|_| open()).collect();
        for opened in all {
            assert_eq!(opened.join().expect("thread"), Ok(Ok(Vec::new())));
        }
    });
    let opened = Local::open(&path, Some("root@x.example"), false).expect("opens");
    let all = |local: &Local| local.count(&Query::all(local.me().account, NOW), &CancelToken::new());
    assert_eq!(all(&opened), all(&root));
}

#[test]
fn a_telephone_number_is_found_in_every_spelling() {
    let (_dir, root, ..) = world();
    for text in [
        "447700900001",
        "+447700900001",
        "00447700900001",
        "\"0044 7700 900001\"",
        "\"(+44) 7700 900001\"",
        "\"+44 (0)7700 900001\"",
        "+44.7700.900001",
        "tel:+44-7700-900001",
        "msisdn=00447700900001",
        "msisdn=\"+44 (0)7700 900001\"",
        "msisdn:\"0044 7700 900001\"",
        "msisdn=00447700900001,00447700900099",
    ] {
        let mut query = Query::all(root.me().account, NOW);
        query.filter = Filter::parse(text).expect(text);
        assert_eq!(root.count(&query, &CancelToken::new()), Ok(1), "{text}");
        assert_eq!(Filter::parse(&query.filter.to_string()), Ok(query.filter), "{text}");
    }
    let list =
        List::read("MSISDN\n0044 7700 900001\n(+44) 7700 900002\ntel:+447700900003\n").expect("list");
    assert_eq!(root.lookup(&list, &CancelToken::new()).expect("looked up").found.len(), 3);
}
