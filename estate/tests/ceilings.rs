//! Ceilings: whatever brings a SIM under a lower one holds its cap to it, and nobody below lifts
//! it.

#[path = "common/changes.rs"]
mod changes;
mod common;

use changes::{all, apply, go, plan, sim, undo};
use common::{estate, import};
use estate::{
    AccountId, Alert, CancelToken, Ceiling, Change, ChangeId, Error, Estate, Gate, ImportOptions, Levels,
    Local, MoveOptions, OnDuplicate, Reason, Role, Target, Warning,
};
use proptest::prelude::*;

const MB: u64 = 1_000_000;

const CSV: &[u8] = b"iccid,account,status,used,cap,alert\n\
8900101000000000011,A,active,300MB,0,0\n\
8900101000000000012,A,active,300MB,500MB,400MB\n\
8900101000000000013,A / Below,active,100MB,500MB,111MB\n\
8900101000000000014,B,active,300MB,800MB,640MB\n\
8900101000000000015,A,terminated,300MB,500MB,400MB\n\
8900101000000000016,A,unmanaged,300MB,500MB,400MB\n";

fn world() -> (tempfile::TempDir, Local) {
    let (dir, root) = estate();
    import(&root, CSV);
    (dir, root)
}

fn account(local: &Local, path: &str) -> AccountId {
    local.accounts(&CancelToken::new()).expect("accounts").find(path).expect(path)
}

/// Cap, alert in megabytes, and the gate.
fn levels(local: &Local, n: u8) -> (u64, u64, Gate) {
    let sim = sim(local, n);
    (sim.cap.unwrap_or(0) / MB, sim.alert.unwrap_or(0) / MB, sim.gate)
}

fn ceiling(local: &Local, path: &str, megabytes: u64) -> Change {
    Change::SetCeiling { account: account(local, path), ceiling: Some(megabytes * MB).filter(|b| *b > 0) }
}

const fn cap(megabytes: u64) -> Levels {
    Levels { cap: Some(megabytes * MB), alert: Alert::Follow, hard: None, until_period_end: false }
}

fn set(local: &Local, text: &str, levels: Levels) -> Change {
    Change::SetLevels { target: all(local, text), levels }
}

fn moved(local: &Local, n: u8, to: &str) -> Change {
    Change::Move {
        target: Target::ids([sim(local, n).id]),
        to: account(local, to),
        clear: MoveOptions::default(),
    }
}

fn sound(local: &Local) {
    assert_eq!(local.check().expect("check"), Vec::<String>::new());
}

#[test]
fn a_new_ceiling_holds_every_cap_below_it_and_undo_brings_them_back() {
    let (_dir, root) = world();
    let change = ceiling(&root, "/Root/A", 200);
    let planned = plan(&root, &change);
    assert_eq!((planned.total, planned.counts.done, planned.counts.unchanged), (5, 3, 2));
    let warned = |warning| planned.warnings.iter().find(|(w, _)| *w == warning).map(|(_, n)| *n);
    assert_eq!((warned(Warning::Held), warned(Warning::BlocksNow)), (Some(3), Some(2)));
    let receipt = apply(&root, &change).expect("set");
    assert_eq!(receipt.counts.done, 3);
    assert_eq!(levels(&root, 11), (200, 160, Gate::Blocked), "no cap exceeds every ceiling");
    assert_eq!(levels(&root, 12), (200, 160, Gate::Blocked));
    assert_eq!(levels(&root, 13), (200, 111, Gate::Ok), "an alert of its own that fits stays");
    assert_eq!((levels(&root, 14).0, levels(&root, 15).0, levels(&root, 16).0), (800, 500, 500));
    assert!(matches!(apply(&root, &change), Err(Error::Conflict(_))), "it is that already");
    sound(&root);
    let log = root
        .entries(&estate::LogFilter { limit: 1, ..Default::default() }, &CancelToken::new())
        .expect("log");
    assert_eq!(log[0].summary, "set the ceiling of /Root/A to 200 MB; caps of 3 SIMs changed");
    // Of what was changed since, the cap stays.
    apply(&root, &set(&root, "iccid:*13", cap(50))).expect("tightened");
    let undo = Change::Undo { change: receipt.id };
    assert_eq!(plan(&root, &undo).counts.done, 2);
    let undone = apply(&root, &undo).expect("undone");
    assert_eq!((undone.counts.done, undone.counts.conflict), (2, 1));
    assert_eq!(levels(&root, 11), (0, 0, Gate::Ok));
    assert_eq!((levels(&root, 12), levels(&root, 13).0), ((500, 400, Gate::Ok), 50));
    assert_eq!(root.accounts(&CancelToken::new()).expect("accounts").all()[1].ceiling, None);
    sound(&root);
}

#[test]
fn nobody_goes_above_it_and_everybody_may_go_below() {
    let (_dir, root) = world();
    let a = account(&root, "/Root/A");
    root.add_user(a, "Ann", "ann@a.example", Role::Admin).expect("user");
    let set_on_a = apply(&root, &ceiling(&root, "/Root/A", 400)).expect("set");
    let ann = Local::open(root.path(), Some("ann@a.example"), false).expect("session");
    let above = set(&ann, "lifecycle=active", cap(401));
    let planned = plan(&ann, &above);
    assert_eq!(
        (planned.counts.done, &planned.reasons),
        (0, &vec![(Reason::OverCeiling, 3), (Reason::Unmanaged, 1)])
    );
    assert_eq!(planned.ceilings, [Ceiling { bytes: 400 * MB, from: Some(a) }], "and it says which one");
    for levels in [cap(0), cap(401), Levels { until_period_end: true, ..cap(0) }] {
        assert_eq!(plan(&ann, &set(&ann, "lifecycle=active", levels)).counts.done, 0, "{levels:?}");
    }
    assert_eq!(apply(&ann, &set(&ann, "lifecycle=active", cap(300))).expect("tightened").counts.done, 3);
    // Below their own account they may be stricter, not looser; their own account is not theirs to
    // hold.
    assert!(matches!(apply(&ann, &ceiling(&ann, "/A/Below", 500)), Err(Error::Conflict(_))));
    assert!(matches!(apply(&ann, &ceiling(&ann, "/A", 100)), Err(Error::Conflict(_))));
    assert!(matches!(apply(&ann, &ceiling(&ann, "/A", 0)), Err(Error::Conflict(_))));
    assert!(apply(&ann, &Change::Undo { change: set_on_a.id.clone() }).is_err(), "nor by undoing it");
    assert_eq!(levels(&root, 12).0, 300);
    apply(&ann, &ceiling(&ann, "/A/Below", 100)).expect("stricter");
    assert_eq!(levels(&root, 13).0, 100);
    let spread = |text: &str| {
        let Change::SetLevels { target, .. } = set(&ann, text, cap(1)) else { unreachable!() };
        ann.levels_summary(&target, &CancelToken::new()).expect("spread").ceiling.map(|c| c.bytes / MB)
    };
    assert_eq!((spread(""), spread("iccid:*12")), (Some(100), Some(400)));
    // Undo of a cap that would be above it now is refused, SIM by SIM.
    let raised = apply(&root, &set(&root, "iccid:*14", cap(900))).expect("set");
    apply(&root, &ceiling(&root, "/Root/B", 850)).expect("set");
    let lowered = apply(&root, &set(&root, "iccid:*14", cap(10))).expect("set");
    apply(&root, &ceiling(&root, "/Root/B", 20)).expect("set");
    assert_eq!(plan(&root, &Change::Undo { change: lowered.id }).reasons, [(Reason::OverCeiling, 1)]);
    assert!(undo(&root, &raised.id).is_err());
    sound(&root);
}

#[test]
fn a_move_under_a_lower_ceiling_holds_the_cap_and_says_so_before() {
    let (_dir, root) = world();
    apply(&root, &ceiling(&root, "/Root/A/Below", 200)).expect("set");
    let change = moved(&root, 14, "/Root/A/Below");
    let planned = plan(&root, &change);
    let warned = |warning| planned.warnings.iter().find(|(w, _)| *w == warning).map(|(_, n)| *n);
    assert_eq!((warned(Warning::Held), warned(Warning::BlocksNow)), (Some(1), Some(1)), "{planned:?}");
    assert_eq!(planned.ceilings.len(), 1);
    let receipt = apply(&root, &change).expect("moved");
    assert_eq!(levels(&root, 14), (200, 160, Gate::Blocked));
    let undone = undo(&root, &receipt.id).expect("undone");
    assert_eq!(levels(&root, 14), (800, 640, Gate::Ok), "back with what it had");
    undo(&root, &undone.id).expect("again");
    assert_eq!(levels(&root, 14), (200, 160, Gate::Blocked));
    sound(&root);
}

#[test]
fn an_account_hung_under_a_lower_ceiling_takes_it_over() {
    let (_dir, root) = world();
    apply(&root, &ceiling(&root, "/Root/A", 200)).expect("set");
    let change =
        Change::MoveAccount { account: account(&root, "/Root/B"), under: account(&root, "/Root/A") };
    let planned = plan(&root, &change);
    assert!(planned.warnings.contains(&(Warning::Held, 1)), "{planned:?}");
    let receipt = apply(&root, &change).expect("hung");
    assert_eq!((receipt.counts.done, levels(&root, 14)), (1, (200, 160, Gate::Blocked)));
    undo(&root, &receipt.id).expect("undone");
    assert_eq!(levels(&root, 14), (800, 640, Gate::Ok));
    let empty =
        apply(&root, &Change::AddAccount { parent: account(&root, "/Root/B"), name: "New".into() });
    apply(&root, &ceiling(&root, "/Root/B/New", 7)).expect("set");
    let new = Change::DeleteAccount { account: empty.expect("made").account.expect("account") };
    let deleted = apply(&root, &new).expect("deleted");
    undo(&root, &deleted.id).expect("undone");
    let tree = root.accounts(&CancelToken::new()).expect("accounts");
    assert_eq!(tree.get(account(&root, "/Root/B/New")).and_then(|a| a.own_ceiling), Some(7 * MB));
    sound(&root);
}

#[test]
fn an_import_is_held_to_it_and_the_report_says_so() {
    let (_dir, root) = world();
    apply(&root, &ceiling(&root, "/Root/A", 200)).expect("set");
    let mut said = Vec::new();
    let file =
        b"iccid,account,cap,used\n8900101000000000021,A / New,1GB,300MB\n8900101000000000022,B,1GB,0\n\
        8900101000000000014,A,800MB,300MB\n8900101000000000012,A,900MB,300MB\n";
    let options = ImportOptions { on_duplicate: OnDuplicate::Update, ..ImportOptions::default() };
    let (staging, tally) =
        root.stage(Box::new(&file[..]), &options, &mut |note| said.push(note), &go).expect("staged");
    assert_eq!((tally.added, tally.updated, tally.unchanged, tally.held), (2, 1, 1, 3));
    said.retain(|note| note.reason.contains("above the ceiling"));
    let told: Vec<(u64, &str)> = said.iter().map(|note| (note.line, note.value.as_str())).collect();
    assert_eq!(told, [(2, "1.0 GB"), (4, "800 MB"), (5, "900 MB")]);
    assert_eq!(said[0].reason, "is above the ceiling of its account: it becomes 200 MB");
    apply(&root, &Change::Import { staging }).expect("imported");
    assert_eq!(levels(&root, 21), (200, 160, Gate::Blocked));
    assert_eq!(
        (levels(&root, 22).0, levels(&root, 14), levels(&root, 12).0),
        (1000, (200, 160, Gate::Blocked), 200)
    );
    // Without a word about caps, and into an account that has a ceiling.
    let file = b"iccid,account\n8900101000000000022,A\n8900101000000000023,A\n";
    let (staging, tally) = root.stage(Box::new(&file[..]), &options, &mut |_| {}, &go).expect("staged");
    assert_eq!((tally.added, tally.updated), (1, 1));
    apply(&root, &Change::Import { staging }).expect("imported");
    assert_eq!((levels(&root, 22).0, levels(&root, 23).0), (200, 200));
    sound(&root);
}

#[test]
fn a_raise_is_held_too_and_what_it_returns_to() {
    let (_dir, root) = world();
    apply(&root, &set(&root, "iccid:*12", Levels { until_period_end: true, ..cap(900) }))
        .expect("raised");
    apply(&root, &ceiling(&root, "/Root/A", 600)).expect("set");
    let held = sim(&root, 12);
    assert_eq!((held.cap, held.cap_returns_to), (Some(600 * MB), Some(500 * MB)), "still a raise");
    apply(&root, &ceiling(&root, "/Root/A", 450)).expect("set");
    let held = sim(&root, 12);
    assert_eq!((held.cap, held.cap_returns_to), (Some(450 * MB), None), "none any more");
    sound(&root);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is done, in whatever order: no cap is above a ceiling, and undoing a step leaves
    /// none above it either.
    #[test]
    fn no_sequence_of_changes_gets_above_a_ceiling(
        steps in prop::collection::vec((0..6u8, 0..4usize, 0..4usize, 0..9u64), 1..14),
    ) {
        let (_dir, root) = world();
        let paths = ["/Root/A", "/Root/A/Below", "/Root/B", "/Root"];
        let ids: Vec<AccountId> = paths.iter().map(|path| account(&root, path)).collect();
        let mut done: Vec<ChangeId> = Vec::new();
        for (what, a, b, size) in steps {
            let change = match what {
                0 => Change::SetCeiling { account: ids[a], ceiling: Some(size * 100 * MB).filter(|s| *s > 0) },
                1 => moved(&root, 11 + b as u8, "/Root"),
                2 => Change::Move { target: Target::ids([sim(&root, 11 + b as u8).id]), to: ids[a], clear: MoveOptions::default() },
                3 => Change::MoveAccount { account: ids[a], under: ids[b] },
                4 => set(&root, "", Levels { until_period_end: b == 0, ..cap(size * 100) }),
                _ => match done.get(a) {
                    Some(change) => Change::Undo { change: change.clone() },
                    None => continue,
                },
            };
            let planned = root.plan(&change, &CancelToken::new());
            let id = ChangeId::new();
            match root.apply(&id, &change, &go) {
                Ok(receipt) => {
                    done.push(id);
                    if matches!(change, Change::SetCeiling { .. }) {
                        prop_assert_eq!(planned.expect("planned").counts.done, receipt.counts.done);
                    }
                }
                Err(Error::Conflict(_) | Error::NotFound { .. } | Error::Invalid { .. }) => {}
                Err(other) => prop_assert!(false, "{other:?}"),
            }
            prop_assert_eq!(root.check().expect("check"), Vec::<String>::new());
        }
    }
}
