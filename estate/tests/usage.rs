//! Usage: records counted once, levels that speak once, billing periods that turn; against a plain
//! model of the rules.

mod common;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use common::{estate, import};
use estate::{
    Alert, CancelToken, Change, ChangeId, DAY, Error, Estate, EventFilter, Filter, Gate, ImportOptions,
    Level, Levels, Local, MoveOptions, Note, PeriodRule, Query, Reporting, Result, Role, Sim, Target,
    Time, Usage, UsageTally,
};
use proptest::prelude::*;

/// Noon of 10 June 2026.
const NOON: i64 = 1_781_092_800;

const SIMS: &[u8] = b"iccid,account,status,used,cap,alert,activated\n\
8900101000000000011,A,active,0,100MB,80MB,2026-01-15\n\
8900101000000000012,A,active,0,0,0,2026-01-15\n\
8900101000000000013,B,active,0,100MB,0,2026-01-15\n\
8900101000000000014,B,unmanaged,0,100MB,80MB,2026-01-15\n\
8900101000000000015,B,terminated,0,100MB,80MB,2026-01-15\n";

fn go(_: estate::Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// An estate whose time is ours.
struct World {
    dir: tempfile::TempDir,
    root: Local,
    clock: Arc<AtomicI64>,
}

impl World {
    fn new() -> Self {
        let (dir, root) = estate();
        let clock = Arc::new(AtomicI64::new(NOON));
        let time = Arc::clone(&clock);
        let root = root.with_clock(move || Time(time.load(Ordering::Relaxed)));
        // The estate is as old as the test's clock says.
        root.confirm_rollover(&go).expect("accepted");
        import(&root, SIMS);
        while root.run_maintenance_step().expect("background") {}
        Self { dir, root, clock }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn at(&self, time: &str) {
        self.clock.store(Time::parse(time).expect("time").0, Ordering::Relaxed);
    }

    fn later(&self, seconds: i64) {
        self.clock.fetch_add(seconds, Ordering::Relaxed);
    }

    /// Lets what happens by itself happen.
    fn tick(&self) {
        while self.root.run_maintenance_step().expect("background") {}
    }

    fn open(&self, email: &str) -> Local {
        let time = Arc::clone(&self.clock);
        let local = Local::open(&self.path().join("estate.db"), Some(email), false).expect("opens");
        local.with_clock(move || Time(time.load(Ordering::Relaxed)))
    }

    fn account(&self, name: &str) -> estate::AccountId {
        self.root.accounts(&CancelToken::new()).expect("accounts").find(name).expect("account")
    }

    fn stage(&self, csv: &str) -> Result<(estate::StagingId, UsageTally, Vec<Note>)> {
        let mut notes = Vec::new();
        let input = Box::new(std::io::Cursor::new(csv.to_owned().into_bytes()));
        let staged =
            self.root.stage_usage(input, &ImportOptions::default(), &mut |n| notes.push(n), &go)?;
        Ok((staged.0, staged.1, notes))
    }

    fn usage(&self, csv: &str) -> (UsageTally, Vec<Note>) {
        let (staging, tally, notes) = self.stage(csv).expect("staged");
        self.root.apply(&ChangeId::new(), &Change::ImportUsage { staging }, &go).expect("counted");
        (tally, notes)
    }

    /// One record of SIM `n` now.
    fn spends(&self, n: u8, id: &str, bytes: u64) -> UsageTally {
        let now = Time(self.clock.load(Ordering::Relaxed));
        self.usage(&format!("iccid,time,bytes,record\n89001010000000000{n},{now},{bytes},{id}\n")).0
    }

    fn sim(&self, n: u8) -> Sim {
        self.root.sim_by_iccid(&format!("89001010000000000{n}"), &CancelToken::new()).expect("sim")
    }

    fn over_time(&self, n: u8) -> Usage {
        self.root.usage(self.sim(n).id, &CancelToken::new()).expect("usage")
    }

    fn set(&self, n: u8, levels: Levels) {
        let change = Change::SetLevels { target: Target::ids([self.sim(n).id]), levels };
        self.root.apply(&ChangeId::new(), &change, &go).expect("set");
    }
}

/// Which levels spoke, oldest first: kind and level in megabytes.
fn told(local: &Local) -> Vec<(Level, u64)> {
    let wanted = EventFilter { limit: 1000, ..EventFilter::default() };
    let mut events = local.events(&wanted, &CancelToken::new()).expect("events");
    events.reverse();
    events.into_iter().map(|e| (e.kind, e.level / 1_000_000)).collect()
}

const fn cap(megabytes: u64) -> Levels {
    Levels { cap: Some(megabytes * 1_000_000), alert: Alert::Keep, hard: None, until_period_end: false }
}

const MB: u64 = 1_000_000;

#[test]
fn records_are_counted_once() {
    let world = World::new();
    let file = "ICCID;Timestamp;Usage (MB);CDR ID;Session ID\n\
        8900101000000000011;2026-06-09T23:00Z;10;a;s1\n\
        8900101000000000011;2026-06-10T01:00Z;20;b;s2\n\
        8900101000000000011;2026-06-10T02:00Z;5;c;s2\n\
        890010100000000001;2026-06-10T02:00Z;5;d;\n\
        8900101000000000012;2026-06-10;7;;\n\
        8900101000000000011;2026-06-10T02:00Z;5;c;s2\n";
    let (tally, notes) = world.usage(file);
    assert_eq!(
        tally,
        UsageTally {
            rows: 6,
            counted: 4,
            unchanged: 1,
            refused: 1,
            late: 0,
            sims: 2,
            ..UsageTally::default()
        }
    );
    assert!(notes.iter().any(|n| n.line == 5 && n.refused), "{notes:?}");
    assert_eq!(world.sim(11).used, 35 * MB);
    assert_eq!(world.sim(11).usage_as_of, Some(Time::parse("2026-06-10T02:00Z").expect("time")));
    let usage = world.over_time(11);
    assert_eq!(usage.days.iter().map(|d| d.bytes / MB).collect::<Vec<_>>(), [25, 10]);
    assert_eq!(usage.period.to_string(), "2026-06-01 to 2026-06-30");
    assert_eq!(usage.reporting, Reporting::Interim);
    let sessions: Vec<_> =
        usage.sessions.iter().map(|s| (s.name.as_str(), s.bytes / MB, s.records)).collect();
    assert_eq!(sessions, [("s2", 25, 2), ("s1", 10, 1)]);
    // The same again changes nothing.
    let before = (world.sim(11), world.over_time(11));
    let (again, _) = world.usage(file);
    assert_eq!((again.counted, again.unchanged), (0, 5));
    assert_eq!((world.sim(11), world.over_time(11)), before);
    // The same record with more is an interim update: the largest counts, and where it began.
    let (more, _) = world.usage(
        "iccid,time,bytes,record,session\n8900101000000000011,2026-06-10T03:00Z,8000000,c,s2\n\
         8900101000000000011,2026-06-09T12:00Z,6000000,c,s2\n",
    );
    assert_eq!((more.counted, world.sim(11).used), (1, 38 * MB));
    assert_eq!(world.over_time(11).days.iter().map(|d| d.bytes / MB).collect::<Vec<_>>(), [20, 18]);
}

#[test]
fn a_moment_under_date_is_no_day() {
    let world = World::new();
    let (tally, _) = world.usage(
        "iccid,date,bytes\n8900101000000000012,2026-06-09 08:00:00,40MB\n8900101000000000012,2026-06-09 20:00:00,50MB\n",
    );
    assert_eq!((tally.counted, world.sim(12).used), (2, 90 * MB));
}

#[test]
fn a_clock_that_ran_ahead_does_not_stop_the_turns() {
    let world = World::new();
    world.at("2030-01-15");
    world.tick();
    world.at("2026-06-10T12:00Z");
    world.tick();
    world.spends(11, "a", 120 * MB);
    world.at("2026-07-01");
    world.tick();
    assert_eq!((world.sim(11).used, world.sim(11).gate), (0, Gate::Ok));
}

#[test]
fn totals_of_a_period_grow_and_are_not_added_up() {
    let world = World::new();
    for (total, used) in [(10, 10), (25, 25), (25, 25), (20, 25)] {
        world.usage(&format!("iccid,period,bytes\n8900101000000000012,2026-06-10,{total}MB\n"));
        assert_eq!(world.sim(12).used, used * MB);
    }
    world.usage("iccid,period,bytes\n8900101000000000012,2026-06-09,1MB\n");
    assert_eq!((world.sim(12).used, world.over_time(12).reporting), (26 * MB, Reporting::Totals));
    assert_eq!(world.sim(12).usage_as_of, Some(Time(NOON)), "a day that is not over is known up to now");
}

#[test]
fn what_cannot_be_counted_is_refused_by_line() {
    let world = World::new();
    let (tally, notes) = world.usage(
        "iccid,time,period,bytes\n\
         8900101000000000099,2026-06-10,,1\n8900101000000000014,2026-06-10,,1\n\
         8900101000000000011,2026-06-13,,1\n8900101000000000011,2025-06-01,,1\n\
         8900101000000000011,,,1\n8900101000000000011,2026-06-10,,\n8900101000000000011,2026-06-10,,lots\n\
         8900101000000000011,,2026-13,1\n8900101000000000011,2026-06-10,,1,2\n\
         8900101000000000011,2026-06-10,,\"950,000\"\n8900101000000000011,2026-06-10,,1.5\n",
    );
    // The point in the last row settles what the comma in the row before it is.
    assert_eq!((tally.rows, tally.refused, tally.counted), (11, 10, 1));
    assert_eq!(world.sim(11).used, 950_000);
    let reasons: Vec<(u64, &str)> = notes.iter().map(|n| (n.line, n.reason.as_str())).collect();
    for (line, reason) in [
        (2, "is not in the estate"),
        (3, "is unmanaged: it is displayed only, without usage"),
        (4, "lies in the future"),
        (5, "is older than a year, which is as long as usage is kept"),
        (6, "neither a time nor a period is given"),
        (7, "is empty; 0 means none"),
        (10, "5 cells under 4 headers"),
        (12, "is a fraction of a byte"),
    ] {
        assert!(reasons.contains(&(line, reason)), "{line} {reason}: {reasons:?}");
    }
    for (header, missing) in
        [("iccid,time", "the usage"), ("iccid,bytes", "says when"), ("time,bytes", "the ICCID")]
    {
        let error = world.stage(&format!("{header}\n1,2\n")).expect_err("refused").to_string();
        assert!(error.contains(missing) && error.contains("--map"), "{error}");
    }
}

#[test]
fn a_number_that_reads_two_ways_is_asked_about() {
    let world = World::new();
    let error =
        world.stage("iccid,time,bytes\n8900101000000000011,2026-06-10,\"950,000\"\n").expect_err("open");
    assert!(
        error.to_string().contains("\"bytes\" can be read two ways (line 2: 950,000); --decimal"),
        "{error}"
    );
    let error = world.stage("iccid,time,usage\n8900101000000000011,2026-06-10,5\n").expect_err("no unit");
    assert!(error.to_string().contains("--map 'usage=bytes:MB'"), "{error}");
}

#[test]
fn rows_that_differ_in_any_cell_are_different_records() {
    let world = World::new();
    let file = "iccid,period,network,bytes\n8900101000000000012,2026-06-10,A,10MB\n8900101000000000012,2026-06-10,B,10MB\n\
                8900101000000000012,2026-06-10,A,4MB\n8900101000000000012,2026-06-10,B,10MB\n";
    world.usage(file);
    assert_eq!(
        world.sim(12).used,
        24 * MB,
        "two networks, and two rows of one: the same row again is one"
    );
    world.usage(file);
    assert_eq!(world.sim(12).used, 24 * MB, "the same file again");
    world.usage("iccid,network,period,bytes\n8900101000000000012,B,2026-06-10,11MB\n");
    assert_eq!(world.sim(12).used, 25 * MB, "a total that has grown");
    world.usage("iccid,time,apn,bytes\n8900101000000000012,2026-06-10T10:00Z,x,1MB\n8900101000000000012,2026-06-10T10:00Z,y,1MB\n");
    assert_eq!(world.sim(12).used, 27 * MB, "records of one moment");
}

#[test]
fn a_level_speaks_once_and_again_after_it_was_raised_above_usage() {
    let world = World::new();
    let told = || told(&world.root);
    world.spends(11, "a", 79 * MB);
    assert_eq!((told(), world.sim(11).gate), (vec![], Gate::Ok));
    world.spends(11, "b", MB);
    assert_eq!((told(), world.sim(11).gate), (vec![(Level::Alert, 80)], Gate::Alerted));
    world.spends(11, "c", 40 * MB);
    let both = vec![(Level::Alert, 80), (Level::Cap, 100)];
    assert_eq!((told(), world.sim(11).gate), (both.clone(), Gate::Blocked));
    // Not above usage: still blocked, nothing new. Lower: nothing new either.
    world.set(11, cap(110));
    world.set(11, cap(90));
    world.spends(11, "d", MB);
    assert_eq!((told(), world.sim(11).gate), (both.clone(), Gate::Blocked));
    // Above usage: unblocked at once, and it may speak again.
    world.set(11, cap(150));
    assert_eq!(world.sim(11).gate, Gate::Alerted);
    world.spends(11, "e", 50 * MB);
    assert_eq!(told().last(), Some(&(Level::Cap, 150)));
    assert_eq!((told().len(), world.sim(11).gate), (3, Gate::Blocked));
    // A move carries usage and block along, and fires nothing.
    let change = Change::Move {
        target: Target::ids([world.sim(11).id]),
        to: world.account("B"),
        clear: MoveOptions::default(),
    };
    world.root.apply(&ChangeId::new(), &change, &go).expect("moved");
    assert_eq!((told().len(), world.sim(11).gate, world.sim(11).used), (3, Gate::Blocked, 171 * MB));
    // A cap set below usage blocks at once, and says so once.
    world.spends(12, "a", 50 * MB);
    world.set(
        12,
        Levels { cap: Some(40 * MB), alert: Alert::Follow, hard: None, until_period_end: false },
    );
    assert_eq!(world.sim(12).gate, Gate::Blocked);
    assert_eq!(told()[3..], [(Level::Alert, 32), (Level::Cap, 40)]);
    // What is terminated counts and stays silent.
    world.spends(15, "a", 500 * MB);
    assert_eq!((told().len(), world.sim(15).used), (5, 500 * MB));
}

#[test]
fn a_new_period_begins_anew_and_late_records_change_history_alone() {
    let world = World::new();
    world.spends(11, "a", 120 * MB);
    world.spends(12, "a", 30 * MB);
    world.at("2026-06-30T23:59:59Z");
    world.tick();
    assert_eq!(world.sim(11).used, 120 * MB, "the period has not ended yet");
    world.at("2026-07-01");
    world.tick();
    let turned = world.sim(11);
    assert_eq!((turned.used, turned.gate, turned.cap), (0, Gate::Ok, Some(100 * MB)), "levels stay");
    let history = |n| world.over_time(n).periods.iter().map(|p| p.bytes / MB).collect::<Vec<_>>();
    assert_eq!((history(11), history(12)), (vec![120], vec![30]));
    let tally = world.usage("iccid,time,bytes,record\n8900101000000000012,2026-06-20,90MB,late\n").0;
    assert_eq!((tally.counted, tally.late), (1, 1));
    assert_eq!((world.sim(12).used, history(12)), (0, vec![120]));
    assert_eq!(world.over_time(12).days.len(), 2);
    assert_eq!(told(&world.root).len(), 2, "late records fire nothing");
    world.spends(11, "b", 100 * MB);
    assert_eq!(told(&world.root)[2..], [(Level::Alert, 80), (Level::Cap, 100)], "once a period");
    // A clock set back turns nothing back.
    world.at("2026-06-30");
    world.tick();
    assert_eq!(world.sim(11).used, 100 * MB);
    // Whoever writes first turns first: usage for a new period never meets the old counter.
    world.at("2026-08-02");
    world.spends(11, "c", 5 * MB);
    assert_eq!((world.sim(11).used, history(11)), (5 * MB, vec![100, 120]));
}

#[test]
fn periods_are_set_by_account_and_inherited() {
    let world = World::new();
    let set = |name: &str, rule: Option<PeriodRule>| {
        let change = Change::SetPeriod { account: world.account(name), rule };
        let id = ChangeId::new();
        world.root.apply(&id, &change, &go).expect("set");
        id
    };
    set("Root", Some(PeriodRule::Day(23)));
    let set_b = set("B", Some(PeriodRule::Activation(30)));
    let period = |n| world.over_time(n).period.to_string();
    assert_eq!(period(11), "2026-05-23 to 2026-06-22");
    assert_eq!(period(13), "2026-05-15 to 2026-06-13");
    world.spends(11, "a", 10 * MB);
    world.spends(13, "a", 10 * MB);
    world.at("2026-06-14");
    world.tick();
    assert_eq!((world.sim(11).used, world.sim(13).used), (10 * MB, 0));
    world.at("2026-06-23");
    world.tick();
    assert_eq!(world.sim(11).used, 0);
    assert_eq!(world.over_time(13).periods[0].period.to_string(), "2026-05-15 to 2026-06-13");
    world.root.apply(&ChangeId::new(), &Change::Undo { change: set_b }, &go).expect("undone");
    assert_eq!(period(13), "2026-06-23 to 2026-07-22");
    // A rule counts from the moment it is set, whether or not anything looks until its first
    // boundary.
    world.spends(13, "b", 10 * MB);
    set("B", Some(PeriodRule::Day(5)));
    world.at("2026-07-05");
    world.tick();
    assert_eq!(world.sim(13).used, 0);
    set("B", None);
    let log =
        world.root.entries(&estate::LogFilter { limit: 2, ..Default::default() }, &CancelToken::new());
    let said: Vec<String> = log.expect("log").into_iter().map(|e| e.summary).collect();
    assert!(said[0].contains("billing period of /Root/B to that of the account above"), "{said:?}");
}

#[test]
fn what_turns_by_itself_is_told_to_those_whose_sims_did() {
    let world = World::new();
    for name in ["A", "B"] {
        world
            .root
            .add_user(world.account(name), name, &format!("{name}@x.example"), Role::Admin)
            .expect("user");
    }
    let (a, b) = (world.open("a@x.example"), world.open("b@x.example"));
    let turns = || (world.root.turns().expect("all"), a.turns().expect("A"), b.turns().expect("B"));
    let before = turns();
    import(&world.root, b"iccid,account\n8900101000000000016,B\n");
    world.tick();
    assert_eq!(turns(), before, "an index is nothing that turns");
    let raise = Levels { cap: Some(900 * MB), alert: Alert::Keep, hard: None, until_period_end: true };
    world.set(11, raise);
    world.at("2026-07-01");
    world.tick();
    let after = turns();
    assert!(after.1 > before.1 && after.0 > before.0, "{before:?} {after:?}");
    assert_eq!(after.2, before.2, "no SIM of B had anything to turn");
}

#[test]
fn events_go_on_before_one_that_is_seen_and_before_no_other() {
    let world = World::new();
    world.root.add_user(world.account("A"), "A", "a@x.example", Role::Admin).expect("user");
    world.spends(11, "a", 85 * MB);
    world.spends(13, "b", 120 * MB);
    world.spends(11, "c", 35 * MB);
    let listed = |local: &Local, before| {
        let wanted = EventFilter { before, limit: 1, ..EventFilter::default() };
        local.events(&wanted, &CancelToken::new()).expect("events").pop()
    };
    let a = world.open("a@x.example");
    let cap = listed(&a, None).expect("the cap of 11");
    let alert = listed(&a, Some(cap.key())).expect("its alert");
    assert_eq!((cap.kind, alert.kind, listed(&a, Some(alert.key()))), (Level::Cap, Level::Alert, None));
    // Between the two a neighbour's spoke: before it comes nothing of A's, as before one there is
    // not.
    let hidden = listed(&world.root, Some(cap.key())).expect("the cap of 13");
    assert_eq!((hidden.sim, listed(&a, Some(hidden.key()))), (world.sim(13).id, None));
    assert!(listed(&world.root, Some(hidden.key())).is_some());
}

#[test]
fn a_sub_customer_sees_what_came_while_it_was_theirs() {
    let world = World::new();
    for (name, email) in [("A", "a@x.example"), ("B", "b@x.example")] {
        world.root.add_user(world.account(name), name, email, Role::Admin).expect("user");
    }
    world.spends(11, "a", 120 * MB);
    let (a, b) = (world.open("a@x.example"), world.open("b@x.example"));
    assert_eq!((told(&a).len(), told(&b).len()), (2, 0));
    assert_eq!(b.usage(world.sim(11).id, &CancelToken::new()), Err(unknown(&b, world.sim(11).id)));
    let change = Change::Move {
        target: Target::ids([world.sim(11).id]),
        to: world.account("B"),
        clear: MoveOptions::default(),
    };
    world.root.apply(&ChangeId::new(), &change, &go).expect("moved");
    world.later(DAY);
    world.spends(11, "b", 10 * MB);
    let seen = b.usage(world.sim(11).id, &CancelToken::new()).expect("usage");
    assert_eq!(seen.days.iter().map(|d| d.bytes / MB).collect::<Vec<_>>(), [10]);
    assert_eq!((told(&a).len(), told(&b).len()), (2, 0), "the past stays with A");
    let mb = |list: &[estate::UsageBucket]| list.iter().map(|s| s.bytes / MB).collect::<Vec<_>>();
    let estate_of =
        |local: &Local| local.estate_usage(local.me().account, &CancelToken::new()).expect("usage");
    assert_eq!((mb(&estate_of(&a).days), mb(&estate_of(&b).days)), (vec![120], vec![10]));
    assert_eq!(mb(&estate_of(&world.root).months()), [130]);
    let by: Vec<_> = estate_of(&world.root).accounts.iter().map(|a| (a.account, a.month / MB)).collect();
    assert_eq!(by, [(Some(world.account("A")), 120), (Some(world.account("B")), 10)]);
    assert!(
        b.estate_usage(world.account("A"), &CancelToken::new()).is_err(),
        "a neighbour does not exist"
    );
    let input = || Box::new(&b"iccid,time,bytes\n8900101000000000013,2026-06-10,1\n"[..]);
    let staged = b.stage_usage(input(), &ImportOptions::default(), &mut |_| {}, &go);
    assert_eq!(staged.map(|_| ()), Err(Error::RootOnly), "usage comes from above");
    assert_eq!(b.events_after(0, &CancelToken::new()), Ok((0, 0)));
    assert_eq!(a.events_after(0, &CancelToken::new()), Ok((1, 1)));
    let own = Change::SetPeriod { account: b.me().account, rule: Some(PeriodRule::Day(5)) };
    assert!(b.apply(&ChangeId::new(), &own, &go).is_err(), "their own account is the reseller's to set");
}

/// The answer for a SIM that does not exist.
fn unknown(local: &Local, id: estate::SimId) -> Error {
    let absent =
        local.usage(estate::SimId(999_999), &CancelToken::new()).expect_err("no such SIM").to_string();
    let error = local.usage(id, &CancelToken::new()).expect_err("not theirs");
    assert_eq!(error.to_string().replace(&id.0.to_string(), "999999"), absent);
    error
}

/// A record of one of two SIMs: which, how many hours ago, how much, and its number.
fn records() -> impl Strategy<Value = Vec<(u8, i64, u64, u8)>> {
    // A record's number fixes its time, as in life.
    prop::collection::vec((11u8..=13, 0u64..60, any::<u8>()), 1..40)
        .prop_map(|list| list.into_iter().map(|(n, mb, id)| (n, i64::from(id) * 5, mb, id)).collect())
}

fn as_csv(records: &[(u8, i64, u64, u8)]) -> String {
    let mut csv = "iccid,time,bytes,record,session\n".to_owned();
    for (n, hours, mb, id) in records {
        let time = Time(NOON - hours * 3_600);
        csv.push_str(&format!("89001010000000000{n},{time},{mb}MB,r{id},s{}\n", id % 7));
    }
    csv
}

type Came = (u64, Gate, Vec<(i64, u64)>, Vec<(i64, u64)>, Vec<(String, u64, i64, i64)>);

fn came(world: &World, n: u8) -> Came {
    let (sim, usage) = (world.sim(n), world.over_time(n));
    let spent = |list: &[estate::UsageBucket]| {
        list.iter().map(|s| (s.period.start.0, s.bytes)).filter(|s| s.1 > 0).collect()
    };
    let sessions =
        usage.sessions.iter().map(|s| (s.name.clone(), s.bytes, s.start.0, s.last.0)).collect();
    (sim.used, sim.gate, spent(&usage.days), spent(&usage.periods), sessions)
}

fn events_of(world: &World) -> Vec<(i64, Level, i64, u64)> {
    let wanted = EventFilter { limit: 1000, ..EventFilter::default() };
    let events = world.root.events(&wanted, &CancelToken::new()).expect("events");
    let mut told: Vec<_> = events.iter().map(|e| (e.sim.0, e.kind, e.period.0, e.level)).collect();
    told.sort_unstable();
    told
}

/// Something that happens to SIM 11 (cap 100 MB, alert 80 MB).
#[derive(Debug, Clone)]
enum Happens {
    Spends(u64),
    Cap(u64),
    Alert(u64),
    Moves(bool),
    Turns,
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        4 => (0u64..60).prop_map(Happens::Spends),
        2 => (0u64..200).prop_map(Happens::Cap),
        2 => (0u64..200).prop_map(Happens::Alert),
        1 => any::<bool>().prop_map(Happens::Moves),
        1 => Just(Happens::Turns),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Counters and events depend on the set of records alone, not on their order, their repetition
    /// or their files.
    #[test]
    fn order_and_repetition_change_nothing(records in records(), cuts in prop::collection::vec(1usize..8, 0..6), seed in any::<u64>()) {
        let (once, many) = (World::new(), World::new());
        once.usage(&as_csv(&records));
        let mut shuffled = records.clone();
        shuffled.extend(records.iter().take(records.len() / 2));
        let mut state = seed;
        for i in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            shuffled.swap(i, (state >> 33) as usize % (i + 1));
        }
        let mut rest = shuffled.as_slice();
        for cut in cuts.into_iter().chain([usize::MAX]) {
            let (now, later) = rest.split_at(cut.min(rest.len()));
            if !now.is_empty() { many.usage(&as_csv(now)); }
            rest = later;
        }
        for n in [11, 12, 13] {
            prop_assert_eq!(came(&once, n), came(&many, n));
        }
        prop_assert_eq!(events_of(&once), events_of(&many));
        // And it is what anyone would add up by hand.
        let mut largest: BTreeMap<(u8, u8), (i64, u64)> = BTreeMap::new();
        for (n, hours, mb, id) in &records {
            let entry = largest.entry((*n, *id)).or_insert((*hours, 0));
            entry.1 = entry.1.max(*mb);
        }
        for n in [11, 12, 13] {
            let june = Time::parse("2026-06-01").expect("time").0;
            let current = |hours: i64| NOON - hours * 3_600 >= june;
            let used: u64 = largest.iter().filter(|((sim, _), (hours, _))| *sim == n && current(*hours)).map(|(_, (_, mb))| mb * MB).sum();
            prop_assert_eq!(once.sim(n).used, used);
        }
    }

    /// No sequence of records, levels, moves and period turns tells of a crossing twice, or loses
    /// one.
    #[test]
    fn every_crossing_is_told_once(all in prop::collection::vec(happens(), 1..25)) {
        let world = World::new();
        let (mut used, mut cap_at, mut alert_at) = (0u64, 100u64, 80u64);
        let (mut armed, mut period, mut told) = ([true, true], 0u32, std::collections::BTreeSet::new());
        for (step, what) in all.iter().enumerate() {
            match what {
                Happens::Spends(mb) => { world.spends(11, &step.to_string(), mb * MB); used += mb; }
                Happens::Cap(mb) => { world.set(11, cap(*mb)); cap_at = *mb; }
                Happens::Alert(mb) => { world.set(11, Levels { cap: None, alert: Alert::Bytes(mb * MB), hard: None, until_period_end: false }); alert_at = *mb; }
                Happens::Moves(to_a) => {
                    let to = world.account(if *to_a { "A" } else { "B" });
                    let change = Change::Move { target: Target::ids([world.sim(11).id]), to, clear: MoveOptions::default() };
                    world.root.apply(&ChangeId::new(), &change, &go).expect("moved");
                }
                Happens::Turns => { world.later(31 * DAY); world.tick(); used = 0; period += 1; }
            }
            for (at, level, kind) in [(0, alert_at, 1), (1, cap_at, 2)] {
                let reached = level > 0 && used >= level;
                if reached && armed[at] { told.insert((period, kind, level)); }
                armed[at] = !reached;
            }
            let gate = if cap_at > 0 && used >= cap_at { Gate::Blocked } else if alert_at > 0 && used >= alert_at { Gate::Alerted } else { Gate::Ok };
            prop_assert_eq!(world.sim(11).gate, gate);
        }
        let found = events_of(&world);
        prop_assert_eq!(found.len(), told.len(), "{:?} {:?}", found, told);
        let kinds: Vec<(i64, u64)> = found.iter().map(|e| (e.1 as i64, e.3 / MB)).collect();
        for (_, kind, level) in &told {
            prop_assert!(kinds.contains(&(*kind, *level)), "{:?}", kinds);
        }
    }
}

#[test]
fn usage_filters_follow() {
    let world = World::new();
    world.spends(11, "a", 120 * MB);
    let count = |text: &str| {
        let filter = Filter::parse(text).expect("filter");
        let query = Query { filter, ..Query::all(world.root.me().account, Time(NOON)) };
        world.root.count(&query, &CancelToken::new()).expect("count")
    };
    assert_eq!((count("status=blocked"), count("used>=120MB"), count("used_pct>=120")), (1, 1, 1));
    assert!(world.root.check().expect("check").is_empty());
}

#[test]
fn the_pace_of_usage_is_a_filter() {
    let world = World::new();
    world.set(11, cap(100));
    world.set(12, cap(100));
    // 10 of 30 days: three times what was used, were it to go on like that.
    world.usage(
        "iccid,time,bytes\n8900101000000000011,2026-06-11,34MB\n8900101000000000012,2026-06-11,33MB\n\
         8900101000000000013,2026-06-01T12:00Z,90MB\n",
    );
    let count = |text: &str| {
        let query = Query {
            filter: Filter::parse(text).expect("filter"),
            ..Query::all(world.root.me().account, Time(world.clock.load(Ordering::Relaxed)))
        };
        world.root.count(&query, &CancelToken::new()).expect("count")
    };
    assert_eq!((count("pace>=100"), count("pace=99"), count("pace=102")), (1, 1, 1));
    assert_eq!((count("has:pace"), count("no:pace")), (2, 3), "half a day tells nothing yet");
    let of = |n| {
        let sim = world.sim(n);
        estate::levels::pace(sim.used, sim.cap, sim.usage_as_of, world.over_time(n).period)
    };
    assert_eq!((of(11), of(12), of(13)), (Some(102), Some(99), None));
    // Every account by its own rule.
    let rule = Some(PeriodRule::Activation(30));
    let change = Change::SetPeriod { account: world.account("A"), rule };
    world.root.apply(&ChangeId::new(), &change, &go).expect("set");
    assert_eq!(world.over_time(11).period.to_string(), "2026-05-15 to 2026-06-13");
    for n in [11, 12] {
        let percent = of(n).expect("a pace");
        assert_eq!(count(&format!("pace={percent} iccid=89001010000000000{n}")), 1, "{percent}");
    }
}
