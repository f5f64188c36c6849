//! Moves, undo, accounts and who may do them: one rules table, properties, concurrent sessions.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use common::{estate, import};
use estate::{
    AccountId, CancelToken, Change, ChangeId, Counts, Error, Estate, Filter, List, Local, LogFilter,
    MoveOptions, Outcome, Query, Reason, Receipt, Role, Seek, SimId, Target, Time, Warning,
};
use proptest::prelude::*;

const CSV: &[u8] = b"iccid,account,status,notes,recipients,tags,in_session\n\
8900101000000000001,A,active,secret,root@x.example,vip,yes\n\
8900101000000000002,A,suspended,,stranger@y.example,,no\n\
8900101000000000003,A / X,active,,,,no\n\
8900101000000000004,A / X,terminated,,,,no\n\
8900101000000000005,B,unmanaged,,,,no\n\
8900101000000000006,B,activation-pending,,,,no\n\
8900101000000000007,,active,,,,no\n";

fn go(_: estate::Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn apply(local: &Local, change: &Change) -> Result<Receipt, Error> {
    local.apply(&ChangeId::new(), change, &go)
}

struct World {
    _dir: tempfile::TempDir,
    root: Local,
    path: std::path::PathBuf,
}

impl World {
    fn new() -> Self {
        let (dir, root) = estate();
        import(&root, CSV);
        for (path, who) in [("/Root/A", "a"), ("/Root/B", "b")] {
            let id = root.accounts(&CancelToken::new()).expect("accounts").find(path).expect("account");
            for role in Role::ALL {
                root.add_user(id, "Someone", &format!("{who}-{}@x.example", role.word()), role)
                    .expect("user");
            }
        }
        let path = root.path().to_owned();
        Self { _dir: dir, root, path }
    }

    fn session(&self, email: &str) -> Local {
        Local::open(&self.path, Some(email), false).expect("session")
    }

    fn account(&self, path: &str) -> AccountId {
        self.root.accounts(&CancelToken::new()).expect("accounts").find(path).expect(path)
    }

    fn sim(&self, n: u8) -> SimId {
        self.root.sim_by_iccid(&format!("890010100000000000{n}"), &CancelToken::new()).expect("sim").id
    }

    fn move_of(&self, sims: &[u8], to: &str) -> Change {
        let target = Target::ids(sims.iter().map(|n| self.sim(*n)));
        Change::Move { target, to: self.account(to), clear: MoveOptions::default() }
    }

    fn place(&self, n: u8) -> String {
        let sim = self.root.sim(self.sim(n), &CancelToken::new()).expect("sim");
        self.root.accounts(&CancelToken::new()).expect("accounts").path(sim.account)
    }

    fn sound(&self) {
        assert_eq!(self.root.check().expect("check"), Vec::<String>::new());
    }
}

#[test]
fn the_preflight_says_what_the_move_then_does() {
    let world = World::new();
    let change = world.move_of(&[1, 2, 3, 4, 5, 6], "/Root/B");
    let plan = world.root.plan(&change, &CancelToken::new()).expect("plan");
    assert_eq!(plan.total, 6);
    assert_eq!(plan.counts, Counts { done: 3, unchanged: 2, refused: 1, ..Counts::default() });
    assert_eq!(plan.reasons, [(Reason::Terminated, 1)]);
    let warnings: BTreeMap<String, u64> =
        plan.warnings.iter().map(|(w, n)| (format!("{w:?}"), *n)).collect();
    assert_eq!(warnings.get("Notes"), Some(&1));
    assert_eq!(warnings.get("InSession"), Some(&1));
    assert_eq!(
        warnings.get("ForeignRecipients"),
        Some(&1),
        "root@ belongs to an account above, stranger@ does not"
    );
    assert_eq!(warnings.get("NewTags"), Some(&1));
    assert!(!plan.warnings.iter().any(|(w, _)| *w == Warning::NoAdmin));
    let receipt = apply(&world.root, &change.with_confirmation(&plan)).expect("moved");
    assert_eq!(receipt.counts, plan.counts);
    assert_eq!((world.place(1), world.place(4)), ("/Root/B".into(), "/Root/A/X".into()));
    let refused = world
        .root
        .change_items(receipt.rev, Some(Outcome::Refused), None, 10, &CancelToken::new())
        .expect("items");
    assert_eq!((refused.len(), refused[0].reason), (1, Reason::Terminated));
    world.sound();
}

/// Who, which SIMs, where to, and how many move or why none does.
type Rule<'a> = (&'a str, &'a [u8], &'a str, Result<u64, &'a str>);

#[test]
fn roles_and_relations_decide() {
    let world = World::new();
    let (own, below, outside) = ([1u8], [3u8], [6u8]);
    let table: [Rule<'_>; 12] = [
        ("root@x.example", &own, "/Root/B", Ok(1)),
        ("a-admin@x.example", &own, "/Root/A/X", Ok(1)),
        ("a-admin@x.example", &below, "/Root/A", Ok(1)),
        ("a-user@x.example", &own, "/Root/A/X", Err("not-permitted")),
        ("a-view-only@x.example", &own, "/Root/A/X", Err("not-permitted")),
        ("a-admin@x.example", &own, "/Root/B", Err("not-found")),
        ("a-admin@x.example", &own, "/Root", Err("not-found")),
        ("b-admin@x.example", &own, "/Root/B", Ok(0)),
        ("a-admin@x.example", &outside, "/Root/A", Ok(0)),
        ("b-admin@x.example", &below, "/Root/A/X", Err("not-found")),
        ("b-user@x.example", &outside, "/Root/B", Err("not-permitted")),
        ("root@x.example", &outside, "/Root/A/X", Ok(1)),
    ];
    for (who, sims, to, verdict) in table {
        let session = world.session(who);
        let change = world.move_of(sims, to);
        let before: Vec<String> = sims.iter().map(|n| world.place(*n)).collect();
        match (apply(&session, &change), verdict) {
            (Ok(receipt), Ok(n)) => assert_eq!(receipt.counts.done, n, "{who} {sims:?} {to}"),
            (Err(error), Err(code)) => assert_eq!(error.code(), code, "{who} {sims:?} {to}"),
            (found, wanted) => panic!("{who} {sims:?} {to}: {found:?}, not {wanted:?}"),
        }
        if verdict == Ok(1) {
            let last = world
                .root
                .entries(&LogFilter { limit: 1, ..LogFilter::default() }, &CancelToken::new())
                .expect("log");
            apply(&world.root, &Change::Undo { change: last[0].id.clone() }).expect("back");
        } else {
            let after: Vec<String> = sims.iter().map(|n| world.place(*n)).collect();
            assert_eq!(before, after, "{who} {sims:?} {to}");
        }
    }
    world.sound();
}

#[test]
fn outside_the_subtree_nothing_exists() {
    let world = World::new();
    let a = world.session("a-admin@x.example");
    let foreign = world.sim(6);
    let absent = SimId(987_654);
    let cancel = CancelToken::new();
    let message =
        |id| a.sim(id, &cancel).expect_err("invisible").to_string().replace(&id.0.to_string(), "N");
    assert_eq!(message(foreign), message(absent));
    let unknown = a.sim_by_iccid("8900101000000000006", &cancel).expect_err("foreign");
    let never = a.sim_by_iccid("8900101000000000999", &cancel).expect_err("absent");
    assert_eq!(unknown.code(), never.code());
    let lookup =
        a.lookup(&List::of(["8900101000000000006", "8900101000000000001"]), &cancel).expect("lookup");
    assert_eq!((lookup.found.len(), lookup.unknown.len()), (1, 1));
    let b = world.account("/Root/B").0;
    for text in [
        format!("account_id={b}"),
        format!("id={}", foreign.0),
        "in:B".into(),
        format!("-id={}", world.sim(1).0),
        "has:iccid".into(),
    ] {
        let filter = Filter::parse(&text).expect("filter");
        let query = Query { filter, ..Query::all(a.me().account, Time::now()) };
        match a.page(&query, &Seek::First, 100, &cancel) {
            Ok(page) => {
                let accounts = a.accounts(&cancel).expect("accounts");
                assert!(page.rows.iter().all(|r| accounts.get(r.sim.account).is_some()), "{text}");
                assert_eq!(a.count(&query, &cancel).expect("count"), page.rows.len() as u64, "{text}");
            }
            Err(error) => assert_eq!(error.code(), "not-found", "{text}"),
        }
    }
    let everyone =
        Target { any: vec![Query::all(world.root.me().account, Time::now())], ..Target::default() };
    assert!(a.target_ids(&everyone, 100, &cancel).is_err());
    let both = Target::ids([foreign, world.sim(1)]);
    assert_eq!(a.target_ids(&both, 100, &cancel).expect("ids"), [world.sim(1)]);
    assert_eq!(a.selected_among(&both, &[foreign, world.sim(1)], &cancel).expect("marks").len(), 1);
}

#[test]
fn the_log_shows_each_side_only_what_it_may_see() {
    let world = World::new();
    apply(&world.root, &world.move_of(&[1, 2], "/Root/B")).expect("moved");
    apply(&world.root, &world.move_of(&[7], "/Root/B")).expect("moved");
    let log = |who: &str| {
        let session = world.session(who);
        let wanted = LogFilter { kind: Some("move".into()), limit: 10, ..LogFilter::default() };
        session.entries(&wanted, &CancelToken::new()).expect("log")
    };
    let a = log("a-admin@x.example");
    assert_eq!(a.len(), 1, "the second move is none of A's business");
    assert!(a[0].summary.contains("elsewhere") && a[0].counts.done == 2, "{}", a[0].summary);
    let b = log("b-admin@x.example");
    assert_eq!(b.iter().map(|e| e.counts.done).collect::<Vec<_>>(), [1, 2]);
    let items = world
        .session("b-admin@x.example")
        .change_items(b[1].rev, None, None, 10, &CancelToken::new())
        .expect("items");
    assert!(items.iter().all(|i| i.from == "elsewhere" && i.to == "/B"), "{items:?}");
    assert!(
        world.session("a-user@x.example").entries(&LogFilter::default(), &CancelToken::new()).is_err()
    );
    let mine = Change::Undo { change: b[1].id.clone() };
    let sent_back = apply(&world.session("b-admin@x.example"), &mine);
    assert_eq!(sent_back.map(|_| ()).map_err(|e| e.code()), Err("conflict"), "it was not theirs to send");
    assert_eq!(world.place(1), "/Root/B");
    assert_eq!(
        apply(&world.root, &Change::Undo { change: b[1].id.clone() }).map(|r| r.counts.done),
        Ok(2),
        "and nobody else's undo is spent"
    );
}

#[test]
fn what_was_cleared_on_the_way_comes_back_with_undo() {
    let world = World::new();
    let Change::Move { target, to, .. } = world.move_of(&[1, 2], "/Root/B") else { unreachable!() };
    let clear = MoveOptions { notes: true, recipients: true, tags: true };
    let receipt = apply(&world.root, &Change::Move { target, to, clear }).expect("moved");
    let sim = |n| world.root.sim(world.sim(n), &CancelToken::new()).expect("sim");
    assert!(sim(1).notes.is_empty() && sim(1).tags.is_empty() && sim(2).recipients.is_empty());
    let back = apply(&world.root, &Change::Undo { change: receipt.id }).expect("undone");
    assert_eq!(back.counts.done, 2);
    assert_eq!(
        (sim(1).notes.as_str(), sim(1).tags.clone(), sim(2).recipients.clone()),
        ("secret", vec!["vip".to_owned()], vec!["stranger@y.example".to_owned()])
    );
    let forth = apply(&world.root, &Change::Undo { change: back.id }).expect("an undo can be undone");
    assert_eq!((forth.counts.done, world.place(1)), (2, "/Root/B".into()));
    assert!(sim(1).notes.is_empty() && sim(1).tags.is_empty(), "doing it again clears again");
    apply(&world.root, &Change::Undo { change: forth.id }).expect("and back once more");
    assert_eq!(sim(1).notes, "secret");
    world.sound();
}

#[test]
fn what_changed_meanwhile_is_noticed() {
    let world = World::new();
    let by_filter = |text: &str| {
        let filter = Filter::parse(text).expect("filter");
        let query = Query { filter, ..Query::all(world.root.me().account, Time::now()) };
        Change::Move {
            target: Target::query(query),
            to: world.account("/Root/B"),
            clear: MoveOptions::default(),
        }
    };
    let plan = |change: &Change| world.root.plan(change, &CancelToken::new()).expect("plan");
    // More match now than were confirmed: nothing is done.
    let change = by_filter("account=A");
    let confirmed = change.clone().with_confirmation(&plan(&change));
    apply(&world.root, &world.move_of(&[7], "/Root/A")).expect("meanwhile");
    assert_eq!(apply(&world.root, &confirmed), Err(Error::Drift { expected: 2, found: 3 }));
    // A SIM that was named and has been changed since is a conflict of its own.
    let change = world.move_of(&[1, 3], "/Root/B");
    let confirmed = change.clone().with_confirmation(&plan(&change));
    apply(&world.root, &world.move_of(&[3], "/Root/A")).expect("meanwhile");
    let receipt = apply(&world.root, &confirmed).expect("partly");
    assert_eq!((receipt.counts.done, receipt.counts.conflict, world.place(3)), (1, 1, "/Root/A".into()));
    // Undo leaves alone what was changed after it.
    apply(&world.root, &world.move_of(&[1], "/Root/A/X")).expect("later");
    let undo = apply(&world.root, &Change::Undo { change: receipt.id }).map(|_| ()).map_err(|e| e.code());
    assert_eq!((undo, world.place(1)), (Err("conflict"), "/Root/A/X".into()));
    // Names that mean other accounts now are noticed, though as many SIMs match.
    let change = by_filter("account=X");
    let confirmed = change.clone().with_confirmation(&plan(&change));
    let rename = Change::RenameAccount { account: world.account("/Root/A/X"), name: "Y".into() };
    apply(&world.root, &rename).expect("renamed");
    assert!(matches!(apply(&world.root, &confirmed), Err(Error::Drift { .. } | Error::NotFound { .. })));
    world.sound();
}

#[test]
fn a_retry_and_a_cancel_are_harmless() {
    let world = World::new();
    let change = world.move_of(&[1, 2], "/Root/B");
    let id = ChangeId::new();
    let first = world.root.apply(&id, &change, &go).expect("moved");
    assert_eq!(world.root.apply(&id, &change, &go), Ok(first));
    let stranger = world.session("b-admin@x.example").apply(&id, &change, &go);
    assert_eq!(
        stranger.map(|_| ()).map_err(|e| e.code()),
        Err("conflict"),
        "a receipt is its maker's alone"
    );
    let stopped =
        world.root.apply(&ChangeId::new(), &world.move_of(&[1, 2], "/Root/A"), &|p| match p.done {
            0 => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        });
    assert_eq!((stopped, world.place(1)), (Err(Error::Cancelled), "/Root/B".into()));
    // Whoever has gone before their turn came has changed nothing, whatever it was.
    let add = Change::AddAccount { parent: world.root.me().account, name: "Late".into() };
    let gone = world.root.apply(&ChangeId::new(), &add, &|_| ControlFlow::Break(()));
    let found = world.root.accounts(&CancelToken::new()).expect("accounts").find("/Root/Late");
    assert_eq!((gone, found.is_err()), (Err(Error::Cancelled), true));
    world.sound();
}

#[test]
fn another_session_sees_it_without_reopening() {
    let world = World::new();
    let other = Local::open(&world.path, Some("root@x.example"), false).expect("second session");
    let (sender, receiver) = std::sync::mpsc::channel();
    let _watch = other
        .on_commit(Box::new(move || {
            let _ = sender.send(());
        }))
        .expect("watch");
    apply(&world.root, &world.move_of(&[1], "/Root/B")).expect("moved");
    receiver.recv_timeout(std::time::Duration::from_secs(20)).expect("told of the commit");
    let accounts = other.accounts(&CancelToken::new()).expect("accounts");
    assert_eq!(accounts.get(world.account("/Root/B")).expect("B").own, 3);
}

#[test]
fn accounts_are_made_renamed_hung_and_removed_by_the_rules() {
    let world = World::new();
    let a = world.session("a-admin@x.example");
    let (top, x) = (world.account("/Root/A"), world.account("/Root/A/X"));
    let add = |name: &str| Change::AddAccount { parent: x, name: name.into() };
    let code = |result: Result<Receipt, Error>| result.map(|_| ()).map_err(|e| e.code());
    let made = apply(&a, &add("  Depot 7 ")).expect("made").account.expect("its number");
    assert_eq!(
        code(apply(&a, &add("DEPOT 7"))),
        Err("conflict"),
        "unique beside each other, whatever the case"
    );
    for bad in ["", "   ", "a\u{202e}b", "x\u{1b}[31m", &"x".repeat(101)] {
        assert_eq!(code(apply(&a, &add(bad))), Err("invalid"), "{bad:?}");
    }
    assert_eq!(
        code(apply(&a, &Change::RenameAccount { account: top, name: "Mine".into() })),
        Err("conflict")
    );
    assert_eq!(
        code(apply(
            &a,
            &Change::RenameAccount { account: world.account("/Root/B"), name: "Mine".into() }
        )),
        Err("not-found")
    );
    let renamed =
        apply(&a, &Change::RenameAccount { account: made, name: "Depot 8".into() }).expect("renamed");
    assert_eq!(
        code(apply(&a, &Change::MoveAccount { account: x, under: made })),
        Err("conflict"),
        "not under itself"
    );
    let hung = apply(&a, &Change::MoveAccount { account: made, under: top }).expect("hung");
    assert_eq!(code(apply(&a, &Change::DeleteAccount { account: x })), Err("conflict"), "it has SIMs");
    let deleted = apply(&a, &Change::DeleteAccount { account: made }).expect("deleted");
    apply(&a, &Change::Undo { change: deleted.id }).expect("brought back");
    assert!(a.accounts(&CancelToken::new()).expect("accounts").find("/A/Depot 8").is_ok());
    assert_eq!(
        code(apply(&a, &Change::Undo { change: hung.id })),
        Err("conflict"),
        "it is another account now"
    );
    assert_eq!(code(apply(&a, &Change::Undo { change: renamed.id })), Err("not-found"));
    assert_eq!(code(apply(&world.session("a-user@x.example"), &add("Y"))), Err("not-permitted"));
    world.sound();
}

#[test]
fn trees_have_a_bottom() {
    let world = World::new();
    let mut parent = world.root.me().account;
    let mut made = 0;
    let refused = loop {
        match apply(&world.root, &Change::AddAccount { parent, name: "deeper".into() }) {
            Ok(receipt) => parent = receipt.account.expect("account"),
            Err(error) => break error,
        }
        made += 1;
    };
    assert_eq!((made, refused.code()), (64, "conflict"));
    let hang = Change::MoveAccount { account: world.account("/Root/A"), under: parent };
    assert_eq!(apply(&world.root, &hang).map(|_| ()).map_err(|e| e.code()), Err("conflict"));
}

#[test]
fn only_the_root_brings_sims_in_and_read_only_changes_nothing() {
    let world = World::new();
    let a = world.session("a-admin@x.example");
    let staged = a.stage(Box::new(CSV), &estate::ImportOptions::default(), &mut |_| {}, &go);
    assert_eq!(staged.map(|_| ()), Err(Error::RootOnly));
    let frozen = Local::open(&world.path, Some("root@x.example"), true).expect("read-only");
    assert_eq!(apply(&frozen, &world.move_of(&[1], "/Root/B")), Err(Error::ReadOnly));
    assert_eq!(
        frozen.stage(Box::new(CSV), &estate::ImportOptions::default(), &mut |_| {}, &go).map(|_| ()),
        Err(Error::ReadOnly)
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever moves happen, undoing one restores every SIM nothing came after, and the counts
    /// always add up.
    #[test]
    fn undo_restores_every_unchanged_sim(moves in prop::collection::vec((prop::collection::btree_set(1u8..8, 1..6), 0usize..4), 1..7)) {
        let world = World::new();
        let targets = ["/Root", "/Root/A", "/Root/A/X", "/Root/B"];
        let places = || (1..8).map(|n| world.place(n)).collect::<Vec<_>>();
        let mut before = Vec::new();
        let mut done = Vec::new();
        for (sims, to) in &moves {
            before.push(places());
            let sims: Vec<u8> = sims.iter().copied().collect();
            done.push(apply(&world.root, &world.move_of(&sims, targets[*to])).expect("moved"));
        }
        let after = places();
        let moved = |receipt: &Receipt| -> BTreeSet<SimId> {
            let items = world.root.change_items(receipt.rev, Some(Outcome::Done), None, 100, &CancelToken::new()).expect("items");
            items.into_iter().map(|i| i.sim).collect()
        };
        let first = &done[0];
        let touched_later: BTreeSet<SimId> = done[1..].iter().flat_map(moved).collect();
        let undone = apply(&world.root, &Change::Undo { change: first.id.clone() });
        let mut restored = 0;
        for n in 1..8u8 {
            let i = usize::from(n - 1);
            if moved(first).contains(&world.sim(n)) && !touched_later.contains(&world.sim(n)) {
                prop_assert_eq!(world.place(n), before[0][i].clone());
                restored += 1;
            } else {
                prop_assert_eq!(world.place(n), after[i].clone());
            }
        }
        match undone {
            Ok(receipt) => prop_assert_eq!(receipt.counts.done, restored),
            Err(error) => prop_assert!(restored == 0 && error.code() == "conflict", "{error}"),
        }
        world.sound();
    }
}
