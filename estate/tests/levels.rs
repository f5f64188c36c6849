//! Caps and alerts: planned, set, refused, undone; against a plain evaluation of the rules.

#[path = "common/changes.rs"]
mod changes;
mod common;

use std::ops::ControlFlow;

use changes::{NOW, all, apply, go, plan, sim, undo};
use common::{estate, import};
use estate::{
    Alert, CancelToken, Change, ChangeId, Error, Estate, Filter, Gate, Levels, Local, LogFilter, Outcome,
    Plan, Query, Reason, Role, SimId, Target, Time, Warning, units,
};
use proptest::prelude::*;

const CSV: &[u8] = b"iccid,account,status,used,cap,alert\n\
8900101000000000011,A,active,300MB,0,0\n\
8900101000000000012,A,active,300MB,500MB,400MB\n\
8900101000000000013,A,active,300MB,500MB,111MB\n\
8900101000000000014,B,active,900MB,800MB,640MB\n\
8900101000000000015,B,terminated,300MB,500MB,400MB\n\
8900101000000000016,B,unmanaged,300MB,500MB,400MB\n";

fn set(local: &Local, text: &str, levels: Levels) -> Change {
    Change::SetLevels { target: all(local, text), levels }
}

/// Cap, alert and gate in megabytes.
fn levels(local: &Local, n: u8) -> (Option<u64>, Option<u64>, Gate) {
    let sim = sim(local, n);
    (sim.cap.map(|c| c / 1_000_000), sim.alert.map(|a| a / 1_000_000), sim.gate)
}

fn world() -> (tempfile::TempDir, Local) {
    let (dir, root) = estate();
    import(&root, CSV);
    (dir, root)
}

const fn cap(megabytes: u64) -> Levels {
    Levels { cap: Some(megabytes * 1_000_000), alert: Alert::Follow, hard: None, until_period_end: false }
}

#[test]
fn a_cap_brings_its_alert_and_blocks_at_once() {
    let (_dir, root) = world();
    let change = set(&root, "", cap(250));
    let planned = plan(&root, &change);
    assert_eq!((planned.total, planned.counts.done, planned.counts.refused), (6, 4, 2));
    assert_eq!(planned.reasons, [(Reason::Terminated, 1), (Reason::Unmanaged, 1)]);
    let warned = |warning| planned.warnings.iter().find(|(w, _)| *w == warning).map(|(_, n)| *n);
    assert_eq!((warned(Warning::BlocksNow), warned(Warning::Unblocks)), (Some(3), None));
    assert_eq!(warned(Warning::OwnAlerts), Some(1), "only what was not 80 % of its cap");
    let receipt = apply(&root, &change.with_confirmation(&planned)).expect("set");
    assert_eq!(receipt.counts, planned.counts);
    for n in [11, 12, 13, 14] {
        assert_eq!(levels(&root, n), (Some(250), Some(200), Gate::Blocked), "{n}");
    }
    assert_eq!(levels(&root, 15).0, Some(500));
    let raised = set(&root, "cap=250MB", cap(1_000));
    let planned = plan(&root, &raised);
    assert!(planned.warnings.contains(&(Warning::Unblocks, 4)), "{:?}", planned.warnings);
    assert!(planned.warnings.contains(&(Warning::AlertsNow, 1)), "900 MB are above 800 MB");
    apply(&root, &raised.with_confirmation(&planned)).expect("raised");
    assert_eq!(levels(&root, 12), (Some(1_000), Some(800), Gate::Ok));
    assert_eq!(levels(&root, 14), (Some(1_000), Some(800), Gate::Alerted));
    assert_eq!(root.check().expect("check"), Vec::<String>::new());
}

#[test]
fn only_what_is_named_changes() {
    let (_dir, root) = world();
    apply(&root, &set(&root, "label:x or cap=500MB", Levels { alert: Alert::Keep, ..cap(600) }))
        .expect("kept");
    assert_eq!((levels(&root, 12).1, levels(&root, 13).1), (Some(400), Some(111)));
    apply(&root, &set(&root, "cap=600MB", cap(0))).expect("no cap");
    assert_eq!(levels(&root, 13), (None, Some(111), Gate::Alerted), "an alert without a cap is legal");
    apply(&root, &set(&root, "", Levels { hard: Some(true), ..Levels::default() })).expect("hard");
    assert_eq!((levels(&root, 14).0, sim(&root, 14).hard_cap), (Some(800), true));
    let share = set(&root, "", Levels { alert: Alert::Percent(50), ..Levels::default() });
    let planned = plan(&root, &share);
    assert!(planned.reasons.contains(&(Reason::NoCap, 3)), "{:?}", planned.reasons);
    apply(&root, &share.with_confirmation(&planned)).expect("share");
    assert_eq!((levels(&root, 14).1, levels(&root, 11).1), (Some(400), None));
    let over = set(&root, "cap=800MB", Levels { alert: Alert::Bytes(900_000_000), ..Levels::default() });
    assert!(plan(&root, &over).warnings.contains(&(Warning::AlertOverCap, 1)), "allowed, and said");
    assert_eq!(
        plan(&root, &set(&root, "cap=800MB", cap(800))).counts.unchanged,
        0,
        "the alert follows again"
    );
    assert!(matches!(
        root.plan(&set(&root, "", Levels::default()), &CancelToken::new()),
        Err(Error::Invalid { .. })
    ));
}

#[test]
fn undo_puts_back_what_nothing_came_after() {
    let (_dir, root) = world();
    let id = ChangeId::new();
    root.apply(&id, &set(&root, "account=A", cap(100)), &go).expect("set");
    apply(&root, &Change::SetLevels { target: Target::ids([sim(&root, 13).id]), levels: cap(50) })
        .expect("again");
    let undo = Change::Undo { change: id.clone() };
    let planned = plan(&root, &undo);
    assert_eq!((planned.counts.done, planned.counts.conflict), (2, 1));
    let undone = ChangeId::new();
    root.apply(&undone, &undo, &go).expect("undone");
    assert_eq!(levels(&root, 11), (None, None, Gate::Ok));
    assert_eq!(levels(&root, 12), (Some(500), Some(400), Gate::Ok));
    assert_eq!(levels(&root, 13).0, Some(50));
    root.apply(&ChangeId::new(), &Change::Undo { change: undone }, &go).expect("done again");
    assert_eq!(levels(&root, 12), (Some(100), Some(80), Gate::Blocked));
    let log =
        root.entries(&LogFilter { limit: 2, ..LogFilter::default() }, &CancelToken::new()).expect("log");
    assert!(log[0].summary.starts_with("put caps and alerts of 2 SIMs back") && log[0].undoable);
    let first = root.entries(
        &LogFilter { kind: Some("levels".into()), limit: 9, ..LogFilter::default() },
        &CancelToken::new(),
    );
    assert_eq!(
        first.expect("log").last().expect("first").summary,
        "set cap 100 MB, alert 80.0 MB of 3 SIMs"
    );
    let items =
        root.change_items(log[0].rev, Some(Outcome::Done), None, 10, &CancelToken::new()).expect("items");
    assert_eq!(items.len(), 2);
    assert_eq!(root.check().expect("check"), Vec::<String>::new());
}

#[test]
fn what_was_confirmed_is_what_is_done_and_cancel_leaves_nothing() {
    let (_dir, root) = world();
    let change = set(&root, "cap=500MB", cap(700));
    let confirmed = change.clone().with_confirmation(&plan(&root, &change));
    apply(&root, &Change::SetLevels { target: Target::ids([sim(&root, 11).id]), levels: cap(500) })
        .expect("meanwhile");
    assert!(matches!(apply(&root, &confirmed), Err(Error::Drift { .. })));
    let cancelled = root.apply(&ChangeId::new(), &change, &|p| {
        if p.phase == "setting" { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!(cancelled, Err(Error::Cancelled));
    assert_eq!(levels(&root, 12).0, Some(500));
    let (id, again) = (ChangeId::new(), set(&root, "cap=500MB", cap(700)));
    let first = root.apply(&id, &again, &go).expect("set");
    assert_eq!(root.apply(&id, &again, &go).expect("retried"), first);
}

#[test]
fn only_admins_set_levels_and_only_of_their_own_sims() {
    let (_dir, root) = world();
    let a = root.accounts(&CancelToken::new()).expect("accounts").find("/Root/A").expect("A");
    for role in Role::ALL {
        root.add_user(a, "Someone", &format!("{}@x.example", role.word()), role).expect("user");
    }
    for role in [Role::ViewOnly, Role::User] {
        let local = Local::open(root.path(), Some(&format!("{}@x.example", role.word())), false)
            .expect("session");
        assert!(matches!(apply(&local, &set(&local, "", cap(1))), Err(Error::Denied { .. })));
    }
    let admin = Local::open(root.path(), Some("admin@x.example"), false).expect("session");
    let foreign = sim(&root, 14).id;
    let aimed = |id| plan(&admin, &Change::SetLevels { target: Target::ids([id]), levels: cap(1) });
    assert_eq!(
        aimed(foreign),
        Plan { at: aimed(SimId(999_999)).at, ..aimed(SimId(999_999)) },
        "as if it were not there"
    );
    apply(&admin, &set(&admin, "", cap(1))).expect("set");
    assert_eq!((levels(&root, 11).0, levels(&root, 14).0), (Some(1), Some(800)));
    assert_eq!(admin.levels_summary(&all(&admin, ""), &CancelToken::new()).expect("spread").sims, 3);
    let spread = root.levels_summary(&all(&root, "account=A"), &CancelToken::new()).expect("spread");
    assert_eq!((spread.cap, spread.alert, spread.hard), (Some(1_000_000), Some(800_000), Some(false)));
    assert_eq!(
        root.levels_summary(&all(&root, ""), &CancelToken::new()).expect("spread").cap,
        None,
        "they differ"
    );
}

/// The rules again, plainly.
fn rules(used: u64, old: (u64, u64), levels: &Levels) -> Option<(u64, u64, i64)> {
    let cap = levels.cap.unwrap_or(old.0);
    let share = |percent: u64| ((cap * percent) / 100).max(1);
    let alert = match levels.alert {
        Alert::Bytes(bytes) => bytes,
        Alert::Percent(_) if cap == 0 => return None,
        Alert::Percent(percent) => share(percent),
        Alert::Follow if levels.cap.is_some() && cap > 0 => units::default_alert(cap),
        Alert::Follow | Alert::Keep => old.1,
    };
    let gate = if cap > 0 && used >= cap { 2 } else { i64::from(alert > 0 && used >= alert) };
    Some((cap, alert, gate))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn levels_follow_the_rules(
        sims in prop::collection::vec((0..20u64, 0..12u64, 0..12u64), 1..20),
        cap in prop::option::of(0..12u64),
        alert in prop_oneof![
            Just(Alert::Follow), Just(Alert::Keep), (0..12u64).prop_map(Alert::Bytes), (1..150u64).prop_map(Alert::Percent)
        ],
        hard in prop::option::of(any::<bool>()),
    ) {
        let set = Levels { cap, alert, hard, until_period_end: false };
        prop_assume!(set.check().is_ok());
        let (_dir, root) = estate();
        let mut csv = String::from("iccid,used,cap,alert\n");
        for (i, (used, cap, alert)) in sims.iter().enumerate() {
            csv.push_str(&format!("8900101{i:012},{used},{cap},{alert}\n"));
        }
        import(&root, csv.as_bytes());
        let change = Change::SetLevels { target: all(&root, ""), levels: set };
        let planned = plan(&root, &change);
        let (mut done, mut blocks) = (0, 0);
        for (used, cap, alert) in &sims {
            let before = if *cap > 0 && used >= cap { 2 } else { i64::from(*alert > 0 && used >= alert) };
            match rules(*used, (*cap, *alert), &set) {
                Some((c, a, g)) if (c, a) != (*cap, *alert) || hard == Some(true) => {
                    done += 1;
                    blocks += u64::from(g == 2 && before != 2);
                }
                _ => {}
            }
        }
        prop_assert_eq!(planned.counts.done, done);
        let said = planned.warnings.iter().find(|(w, _)| *w == Warning::BlocksNow).map_or(0, |(_, n)| *n);
        prop_assert_eq!(said, blocks);
        apply(&root, &change.with_confirmation(&planned)).expect("set");
        for (i, (used, cap, alert)) in sims.iter().enumerate() {
            let sim = root.sim_by_iccid(&format!("8900101{i:012}"), &CancelToken::new()).expect("sim");
            let now = (sim.cap.unwrap_or(0), sim.alert.unwrap_or(0), sim.gate as i64);
            let old = if *cap > 0 && used >= cap { 2 } else { i64::from(*alert > 0 && used >= alert) };
            prop_assert_eq!(now, rules(*used, (*cap, *alert), &set).unwrap_or((*cap, *alert, old)), "SIM {}", i);
        }
    }
}

#[test]
fn a_block_that_was_stated_holds_until_its_cap_changes_and_undo_brings_it_back() {
    let (_dir, root) = estate();
    import(
        &root,
        b"iccid,account,status,used,cap,alert\n8900101000000000011,A,blocked,0,500MB,400MB\n\
        8900101000000000012,A,alerted,0,500MB,400MB\n",
    );
    let hard = set(&root, "", Levels { hard: Some(true), ..Levels::default() });
    assert!(plan(&root, &hard).warnings.is_empty(), "nothing is unblocked by the way");
    apply(&root, &hard).expect("set");
    assert_eq!((sim(&root, 11).gate, sim(&root, 12).gate), (Gate::Blocked, Gate::Alerted));
    let alert = set(&root, "", Levels { alert: Alert::Percent(90), ..Levels::default() });
    apply(&root, &alert).expect("set");
    assert_eq!((sim(&root, 11).gate, sim(&root, 12).gate), (Gate::Blocked, Gate::Ok));
    let raised = set(&root, "", cap(600));
    assert_eq!(
        plan(&root, &raised).warnings.iter().find(|(w, _)| *w == Warning::Unblocks).map(|w| w.1),
        Some(1)
    );
    let receipt = apply(&root, &raised).expect("set");
    assert_eq!(sim(&root, 11).gate, Gate::Ok);
    let undo = Change::Undo { change: receipt.id };
    assert_eq!(plan(&root, &undo).warnings, [(Warning::BlocksNow, 1)], "undo says what it blocks");
    apply(&root, &undo).expect("undone");
    assert_eq!(sim(&root, 11).gate, Gate::Blocked);
}

#[test]
fn an_alert_turned_off_by_hand_counts_as_own_and_hard_without_a_cap_is_said() {
    let (_dir, root) = world();
    apply(
        &root,
        &set(&root, "iccid=8900101000000000012", Levels { alert: Alert::Bytes(0), ..Levels::default() }),
    )
    .expect("none");
    let planned = plan(&root, &set(&root, "iccid=8900101000000000012", cap(600)));
    assert_eq!(planned.warnings, [(Warning::OwnAlerts, 1)]);
    let hard =
        plan(&root, &set(&root, "lifecycle=active", Levels { hard: Some(true), ..Levels::default() }));
    assert!(hard.warnings.contains(&(Warning::HardWithoutCap, 1)), "{:?}", hard.warnings);
}

#[test]
fn a_raised_cap_returns_when_the_period_ends() {
    let dir = tempfile::tempdir().expect("folder");
    let path = dir.path().join("estate.db");
    let new =
        estate::NewEstate { account: "Root".into(), email: "root@x.example".into(), name: "Root".into() };
    let clock = std::sync::Arc::new(std::sync::atomic::AtomicI64::new(NOW.0));
    let time = std::sync::Arc::clone(&clock);
    let root = Local::create(&path, &new)
        .expect("new")
        .with_clock(move || Time(time.load(std::sync::atomic::Ordering::Relaxed)));
    root.confirm_rollover(&go).expect("accepted");
    import(&root, CSV);
    while root.run_maintenance_step().expect("nothing is due") {}
    let raise = |megabytes| Levels { until_period_end: true, ..cap(megabytes) };
    // 14 is blocked at 800 MB with 900 MB used; 11 has no cap, and 600 MB is no raise for it.
    let change = set(&root, "", raise(600));
    let planned = plan(&root, &change);
    assert_eq!((planned.counts.done, planned.counts.refused), (2, 4));
    assert!(planned.reasons.contains(&(Reason::NoRaise, 2)), "{planned:?}");
    let raised = apply(&root, &set(&root, "iccid:*14", raise(1_000))).expect("raised").id;
    assert_eq!(levels(&root, 14), (Some(1_000), Some(800), Gate::Alerted));
    let raised_sim = sim(&root, 14);
    assert_eq!(raised_sim.cap_returns_to, Some(800_000_000));
    assert_eq!(raised_sim.alert_returns_to, Some(640_000_000));
    assert!(raised_sim.cap_returns_at.is_some_and(|end| end > NOW), "{:?}", raised_sim.cap_returns_at);
    let count = |text: &str| {
        let filter = Filter::parse(text).expect(text);
        root.count(&Query { filter, ..Query::all(root.me().account, NOW) }, &CancelToken::new())
            .expect("count")
    };
    assert_eq!((count("raised=yes"), count("has:raised"), count("raised=no")), (1, 1, 5));
    // Raised again, and without any cap: it still returns to what it was at first.
    apply(&root, &set(&root, "iccid:*14", raise(0))).expect("raised");
    assert_eq!((levels(&root, 14).0, sim(&root, 14).cap_returns_to), (None, Some(800_000_000)));
    assert!(matches!(undo(&root, &raised), Err(Error::Conflict(_))));
    // One that is set for good does not return.
    apply(&root, &set(&root, "iccid:*12", raise(900))).expect("raised");
    apply(&root, &set(&root, "iccid:*12", cap(900))).expect("kept");
    assert_eq!(sim(&root, 12).cap_returns_to, None);
    assert_eq!((sim(&root, 12).alert_returns_to, sim(&root, 12).cap_returns_at), (None, None));
    // Undone, nothing returns either.
    let undone = apply(&root, &set(&root, "iccid:*13", raise(900))).expect("raised").id;
    root.apply(&ChangeId::new(), &Change::Undo { change: undone }, &go).expect("undone");
    assert_eq!(
        (levels(&root, 13), sim(&root, 13).cap_returns_to),
        ((Some(500), Some(111), Gate::Alerted), None)
    );
    // What was done on top of a raise is undone after its end: nothing of it comes back.
    apply(&root, &set(&root, "iccid:*13", raise(900))).expect("raised");
    let on_top = apply(&root, &set(&root, "iccid:*13", cap(700))).expect("set").id;
    clock.fetch_add(31 * estate::DAY, std::sync::atomic::Ordering::Relaxed);
    while root.run_maintenance_step().expect("turned") {}
    assert_eq!(levels(&root, 14), (Some(800), Some(640), Gate::Ok));
    root.apply(&ChangeId::new(), &Change::Undo { change: on_top }, &go).expect("undone");
    assert_eq!(
        (levels(&root, 13), sim(&root, 13).cap_returns_to),
        ((Some(500), Some(111), Gate::Ok), None)
    );
    assert_eq!((levels(&root, 12).0, sim(&root, 14).cap_returns_to), (Some(900), None));
    for bad in [
        Levels { until_period_end: true, ..Levels::default() },
        Levels { until_period_end: true, hard: Some(true), ..cap(5) },
    ] {
        assert!(root.plan(&set(&root, "", bad), &CancelToken::new()).is_err(), "{bad:?}");
    }
    assert!(root.check().expect("check").is_empty());
}

#[test]
fn without_entitlement_nothing_is_set() {
    let (_dir, root) = world();
    let accounts = root.accounts(&CancelToken::new()).expect("accounts");
    let (a, top) = (accounts.find("A").expect("A"), root.me().account);
    let switch = |local: &Local, account, on| apply(local, &Change::SetEntitlement { account, on });
    root.add_user(a, "Ann", "ann@x.example", Role::Admin).expect("user");
    let earlier = apply(&root, &set(&root, "iccid:*11", cap(700))).expect("set").id;
    let off = switch(&root, a, false).expect("off").id;
    let planned = plan(&root, &set(&root, "", cap(250)));
    assert_eq!((planned.counts.done, planned.counts.refused), (1, 5));
    assert!(planned.reasons.contains(&(Reason::NotEntitled, 3)), "{planned:?}");
    let ann = Local::open(root.path(), Some("ann@x.example"), false).expect("opens");
    let refused = apply(&ann, &set(&ann, "", cap(250))).expect("judged");
    assert_eq!((refused.counts.done, refused.counts.refused), (0, 3));
    assert!(switch(&ann, a, true).is_err(), "it is for those above to say");
    assert!(apply(&root, &Change::Undo { change: earlier.clone() }).is_err(), "not by undo either");
    assert!(switch(&root, top, false).is_err() && switch(&root, a, false).is_err());
    // What lies below is off too, whoever looks; undone, all is as before.
    let sub = apply(&root, &Change::AddAccount { parent: a, name: "Sub".into() }).expect("made").account;
    let tree = ann.accounts(&CancelToken::new()).expect("accounts");
    assert!(!tree.get(sub.expect("account")).expect("seen").levels && !tree.all()[0].levels);
    apply(&root, &Change::Undo { change: off }).expect("on again");
    assert_eq!(apply(&ann, &set(&ann, "", cap(250))).expect("set").counts.done, 3);
    let log =
        root.entries(&LogFilter { limit: 20, ..LogFilter::default() }, &CancelToken::new()).expect("log");
    assert!(log.iter().any(|e| e.summary == "switched caps and alerts off in /Root/A"), "{log:?}");
}
