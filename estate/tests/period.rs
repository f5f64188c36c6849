//! Billing period rollover: a wrong clock destroys no usage, reads write nothing, rollovers are
//! logged and undone.

mod common;
#[path = "common/dump.rs"]
mod dump;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use common::{estate, import};
use estate::{
    Alert, CancelToken, Change, ChangeId, DAY, Entry, Error, Estate, EventFilter, Filter, Gate,
    ImportOptions, Level, Levels, Local, LogFilter, PeriodRule, Query, Role, Sim, Target, Time, Usage,
};

const SIMS: &[u8] = b"iccid,account,status,used,cap,alert,activated\n\
8900101000000000011,A,active,0,100MB,80MB,2026-01-15\n\
8900101000000000012,A,active,0,0,0,2026-01-15\n\
8900101000000000013,B,active,0,100MB,0,2026-01-15\n";

const MB: u64 = 1_000_000;

fn go(_: estate::Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn time(text: &str) -> Time {
    Time::parse(text).expect("time")
}

struct World {
    dir: tempfile::TempDir,
    root: Local,
    clock: Arc<AtomicI64>,
}

impl World {
    /// An estate as of that moment, in which SIM 11 is blocked and SIM 12 has used 30 MB.
    fn at(now: &str) -> Self {
        let clock = Arc::new(AtomicI64::new(time(now).0));
        let reads = Arc::clone(&clock);
        let (dir, root) = estate();
        let root = root.with_clock(move || Time(reads.load(Ordering::Relaxed)));
        // The estate is as old as the test's clock says.
        root.confirm_rollover(&go).expect("accepted");
        import(&root, SIMS);
        let world = Self { dir, root, clock };
        world.work();
        world.spend(11, "a", 120);
        world.spend(12, "a", 30);
        world
    }

    fn set(&self, now: &str) {
        self.clock.store(time(now).0, Ordering::Relaxed);
    }

    fn now(&self) -> Time {
        Time(self.clock.load(Ordering::Relaxed))
    }

    /// Background work until nothing is left.
    fn work(&self) {
        while self.root.run_maintenance_step().expect("background") {}
    }

    fn spend_at(&self, n: u8, record: &str, megabytes: u64, at: Time) -> estate::UsageTally {
        let csv = format!("iccid,time,bytes,record\n89001010000000000{n},{at},{megabytes}MB,{record}\n");
        let input = Box::new(std::io::Cursor::new(csv.into_bytes()));
        let staged = self.root.stage_usage(input, &ImportOptions::default(), &mut |_| {}, &go);
        let (staging, tally) = staged.expect("staged");
        self.root.apply(&ChangeId::new(), &Change::ImportUsage { staging }, &go).expect("counted");
        tally
    }

    fn spend(&self, n: u8, record: &str, megabytes: u64) {
        self.spend_at(n, record, megabytes, self.now());
    }

    fn sim(&self, n: u8) -> Sim {
        self.root.sim_by_iccid(&format!("89001010000000000{n}"), &CancelToken::new()).expect("sim")
    }

    fn usage(&self, n: u8) -> Usage {
        self.root.usage(self.sim(n).id, &CancelToken::new()).expect("usage")
    }

    fn used(&self, n: u8) -> u64 {
        self.sim(n).used / MB
    }

    /// Closed periods of a SIM, newest first: first day and megabytes.
    fn history(&self, n: u8) -> Vec<(String, u64)> {
        self.usage(n).periods.iter().map(|p| (p.period.start.day(), p.bytes / MB)).collect()
    }

    fn entries(&self) -> Vec<Entry> {
        let wanted = LogFilter { limit: 1_000, ..LogFilter::default() };
        self.root.entries(&wanted, &CancelToken::new()).expect("entries")
    }

    fn rollovers(&self) -> Vec<Entry> {
        self.entries().into_iter().filter(|e| e.kind == Change::PERIOD_ROLLOVER).collect()
    }

    fn undo(&self, entry: &Entry) -> estate::Result<estate::Receipt> {
        self.root.apply(&ChangeId::new(), &Change::Undo { change: entry.id.clone() }, &go)
    }

    fn dump(&self) -> Vec<String> {
        dump::dump_tables(&self.dir.path().join("estate.db"))
    }

    /// Asks everything that an Admin can read.
    fn read_everything(&self) {
        let (root, none) = (&self.root, CancelToken::new());
        let query = Query::all(root.me().account, self.now());
        let sim = self.sim(11).id;
        root.count(&query, &none).expect("count");
        root.export(&query, None, &mut |_| Ok(true), &none).expect("export");
        root.page(&query, &estate::Seek::First, 100, &none).expect("page");
        root.usage(sim, &none).expect("usage");
        root.last_state_change(sim, &none).expect("stated");
        root.estate_usage(root.me().account, &none).expect("estate usage");
        root.events(&EventFilter { limit: 10, ..EventFilter::default() }, &none).expect("events");
        root.events_after(0, &none).expect("news");
        root.accounts(&none).expect("accounts");
        root.users(None, &none).expect("users");
        root.saved_filters(&none).expect("saved");
        root.help(&none).expect("help");
        root.externals(root.me().account, &none).expect("externals");
        root.levels_summary(&Target::ids([sim]), &none).expect("spread");
        root.common(&Target::ids([sim]), &none).expect("common");
        root.signing(&none).expect("signing");
        root.tokens(root.me().id).expect("tokens");
        root.changed_since(0).expect("touched");
        root.values(estate::Field::Tag, &none).expect("values");
        root.rollover_status().expect("status");
        root.pending_rollover().expect("pending");
        let levels = Levels { cap: Some(5), alert: Alert::Keep, hard: None, until_period_end: false };
        root.plan(&Change::SetLevels { target: Target::ids([sim]), levels }, &none).expect("plan");
        for entry in self.entries() {
            root.change_items(entry.rev, None, None, 10, &none).expect("items");
        }
        assert_eq!(root.check().expect("check"), Vec::<String>::new());
        root.head().expect("head");
        root.outbox(10).expect("outbox");
        root.next_turn().expect("next");
        root.next_letter().expect("letter");
        root.turns().expect("turns");
        let copy = self.dir.path().join("copy.db");
        root.backup(&copy, &go).expect("backup");
        std::fs::remove_file(copy).expect("removed");
        let again = Local::open(&self.dir.path().join("estate.db"), None, true).expect("opens");
        again.count(&query, &none).expect("count");
    }

    fn message(&self) -> String {
        self.root.rollover_status().expect("status").message().unwrap_or_default()
    }
}

#[test]
fn a_wrong_clock_changes_nothing_by_reads_or_background_work() {
    for (right, wrong) in [
        ("2026-06-20T12:00Z", "2001-12-02"),        // 25 years behind
        ("2026-06-20T12:00Z", "2026-05-11T12:00Z"), // 40 days behind
        ("2026-06-01T02:00Z", "2026-05-30T22:00Z"), // 28 hours behind, just after a boundary
        ("2026-06-20T12:00Z", "2026-06-21T12:00Z"), // a day ahead
        ("2026-06-20T12:00Z", "2027-06-20T12:00Z"), // a year ahead
        ("2026-06-20T12:00Z", "2026-07-26T12:00Z"), // 36 days ahead
        ("2026-06-20T12:00Z", "1969-12-31T23:00Z"), // before 1970
    ] {
        let world = World::at(right);
        let before = world.dump();
        for clock in [wrong, right] {
            world.set(clock);
            world.read_everything();
            assert_eq!(world.dump(), before, "{wrong}: reads");
            world.work();
            assert_eq!(world.dump(), before, "{wrong}: background work");
        }
        assert_eq!(
            (world.used(11), world.sim(11).gate, world.used(12)),
            (120, Gate::Blocked, 30),
            "{wrong}"
        );
        assert_eq!((world.history(11), world.rollovers().len()), (vec![], 0), "{wrong}");
        assert_eq!(world.message(), "", "{wrong}");
    }
}

#[test]
fn no_read_writes_where_a_period_has_ended() {
    let world = World::at("2026-06-20T12:00Z");
    for clock in ["2026-07-01", "2026-07-21", "2027-06-20"] {
        world.set(clock);
        let before = world.dump();
        world.read_everything();
        assert_eq!(world.dump(), before, "{clock}");
        assert!(world.message().starts_with("period ended, rollover pending: "), "{}", world.message());
        assert_eq!((world.used(11), world.sim(11).gate), (120, Gate::Blocked), "shown as they are");
        assert_eq!(
            world.usage(11).period.to_string(),
            "2026-06-01 to 2026-06-30",
            "what the counter is of"
        );
    }
}

#[test]
fn a_change_planned_on_an_ended_period_is_refused_once() {
    for is_planned in [true, false] {
        refuse_once(is_planned);
    }
}

fn refuse_once(is_planned: bool) {
    let world = World::at("2026-10-20T12:00Z");
    world.set("2026-11-02T12:00Z");
    let cancel = CancelToken::new();
    let cap = || {
        let all = Query::all(world.root.me().account, world.now());
        let query = Query { filter: Filter::parse("used>0").expect("filter"), ..all };
        let target = Target::query(query);
        let change =
            Change::SetLevels { target, levels: Levels { cap: Some(500 * MB), ..Levels::default() } };
        let plan = world.root.plan(&change, &cancel)?;
        let change = if is_planned { change.with_confirmation(&plan) } else { change };
        world.root.apply(&ChangeId::new(), &change, &go)
    };
    let refusal = cap().expect_err("the filter matched counters of October");
    assert!(matches!(refusal, Error::Drift { .. }) || refusal.is_nothing(), "{refusal}");
    assert_eq!(world.used(11), 0, "the refusal closed October");
    assert_eq!(world.rollovers().len(), 1);
    // The next plan is made on the counters of November: none matches.
    assert!(cap().is_err_and(|error| error.is_nothing()));
}

#[test]
fn a_month_ahead_is_a_logged_rollover_that_loses_nothing() {
    let world = World::at("2026-06-20T12:00Z");
    world.set("2026-07-20T12:00Z");
    world.read_everything();
    assert_eq!(world.used(11), 120, "reads close nothing");
    world.work();
    assert_eq!((world.used(11), world.sim(11).gate), (0, Gate::Ok));
    assert_eq!(world.history(11), [("2026-06-01".to_owned(), 120)]);
    // Set right: usage of June is counted in June, which stays in sight; July does not begin again.
    world.set("2026-06-21T12:00Z");
    world.work();
    assert!(
        world.message().starts_with(
            "the clock (2026-06-21T12:00:00Z) is earlier than the newest log entry \
            (2026-07-20"
        ),
        "{}",
        world.message()
    );
    let tally = world.spend_at(11, "b", 5, world.now());
    assert_eq!((tally.counted, tally.late, tally.refused), (1, 1, 0));
    assert_eq!((world.used(11), world.history(11)), (0, vec![("2026-06-01".to_owned(), 125)]));
    world.set("2026-07-01T00:10Z");
    world.work();
    world.spend(11, "c", 7);
    assert_eq!((world.used(11), world.history(11).len(), world.rollovers().len()), (7, 1, 1));
    assert_eq!(world.root.check(), Ok(vec![]));
}

#[test]
fn a_rollover_is_logged_and_undone_with_what_came_since() {
    let world = World::at("2026-06-20T12:00Z");
    let b = world.root.accounts(&CancelToken::new()).expect("accounts").find("B").expect("B");
    world.root.add_user(b, "B", "b@x.example", Role::Admin).expect("user");
    world.set("2026-07-20T12:00Z");
    world.work();
    let entry = world.rollovers().remove(0);
    assert_eq!((entry.by.as_str(), entry.counts.done, entry.undoable), ("system", 2, true));
    assert_eq!(
        entry.summary,
        "closed the billing period 2026-06-01 to 2026-06-30 (the calendar month) of 2 SIMs in 1 account"
    );
    let items = world.root.change_items(entry.rev, None, None, 10, &CancelToken::new()).expect("items");
    let said: Vec<(&str, &str)> = items.iter().map(|i| (i.before.as_str(), i.after.as_str())).collect();
    assert_eq!(said, [("used 120 MB", "used 0"), ("used 30.0 MB", "used 0")]);
    // Users of other accounts do not hear of it, and reopen nothing.
    let other =
        Local::open(&world.dir.path().join("estate.db"), Some("b@x.example"), false).expect("opens");
    let seen = other
        .entries(&LogFilter { limit: 50, ..LogFilter::default() }, &CancelToken::new())
        .expect("log");
    assert!(seen.iter().all(|e| e.kind != Change::PERIOD_ROLLOVER), "{seen:?}");
    assert!(other.apply(&ChangeId::new(), &Change::Undo { change: entry.id.clone() }, &go).is_err());
    assert!(other.confirm_rollover(&go).is_err());
    // The clock is set right; a record of June comes, and the Admin undoes the rollover.
    world.set("2026-06-21T12:00Z");
    world.spend_at(12, "b", 5, world.now());
    let undone = Change::Undo { change: entry.id.clone() };
    assert_eq!(world.root.plan(&undone, &CancelToken::new()).expect("plan").counts.done, 2);
    world.undo(&entry).expect("undone");
    assert_eq!((world.used(11), world.sim(11).gate, world.used(12)), (120, Gate::Blocked, 35));
    assert_eq!((world.history(11), world.history(12)), (vec![], vec![]));
    assert!(
        world.entries()[0].summary.contains("reopened the billing period 2026-06-01"),
        "{:?}",
        world.entries()[0]
    );
    assert!(!world.entries()[0].undoable && world.rollovers()[0].undone);
    assert!(matches!(world.undo(&entry), Err(Error::Conflict(_))), "once");
    // June goes on, and ends at its end by itself.
    world.spend(12, "c", 1);
    world.set("2026-07-21T12:00Z");
    world.work();
    assert_eq!((world.used(12), world.history(12)), (0, vec![("2026-06-01".to_owned(), 36)]));
    assert_eq!(world.root.check(), Ok(vec![]));
}

#[test]
fn a_rollover_is_not_undone_once_its_period_has_usage() {
    for n in [11, 13] {
        let world = World::at("2026-06-20T12:00Z");
        world.set("2026-07-02");
        world.work();
        world.spend(n, "b", 1);
        let error = world.undo(&world.rollovers()[0]).expect_err("refused");
        assert!(error.to_string().contains("usage of the new period has arrived for 1 SIM"), "{error}");
        assert_eq!((world.used(n), world.used(12)), (1, 0));
    }
}

#[test]
fn a_rollover_that_was_undone_after_its_boundary_waits_for_an_admin() {
    let world = World::at("2026-06-20T12:00Z");
    world.set("2026-07-02");
    world.work();
    world.undo(&world.rollovers()[0]).expect("undone");
    world.work();
    assert_eq!(world.used(11), 120);
    assert!(world.message().contains("the last rollover was undone"), "{}", world.message());
    // A record of July is counted in July once June is closed.
    world.spend(11, "b", 3);
    assert_eq!(world.used(11), 123);
    world.root.confirm_rollover(&go).expect("confirmed");
    assert_eq!((world.used(11), world.history(11)), (3, vec![("2026-06-01".to_owned(), 120)]));
    assert_eq!(world.message(), "");
}

#[test]
fn an_admin_releases_a_rollover_that_waits() {
    let world = World::at("2026-06-20T12:00Z");
    world.set("2026-09-05T12:00Z");
    world.work();
    // Changes are made and usage comes in while it waits: nothing is closed, nothing is lost.
    world.spend_at(12, "b", 4, time("2026-07-10"));
    world.spend_at(12, "c", 2, time("2026-09-05"));
    assert_eq!((world.used(12), world.rollovers().len()), (36, 0));
    assert!(world.message().contains("77 days later"), "{}", world.message());
    assert_eq!(world.root.pending_rollover().expect("pending").1, 2);
    world.root.confirm_rollover(&go).expect("confirmed");
    assert_eq!((world.used(11), world.sim(11).gate, world.used(12)), (0, Gate::Ok, 2));
    assert_eq!(world.history(12), [("2026-07-01".to_owned(), 4), ("2026-06-01".to_owned(), 30)]);
    assert_eq!(world.message(), "");
    let accepted = world.entries().into_iter().find(|e| e.kind == Change::ACCEPT_CLOCK).expect("logged");
    assert!(accepted.by.contains("root@x.example") && !accepted.undoable, "{accepted:?}");
    let entry = world.rollovers().remove(0);
    // What had come before is told apart again.
    world.undo(&entry).expect("undone");
    assert_eq!((world.used(12), world.history(12)), (36, vec![]));
    world.root.confirm_rollover(&go).expect("confirmed");
    assert_eq!((world.used(12), world.history(12).len()), (2, 2));
    // From then on it goes by itself.
    world.set("2026-10-01");
    world.work();
    assert_eq!((world.used(12), world.history(12)[0].clone()), (0, ("2026-09-01".to_owned(), 2)));
}

#[test]
fn writes_by_a_clock_a_year_ahead_close_nothing_either() {
    let world = World::at("2026-06-20T12:00Z");
    world.set("2027-06-20T12:00Z");
    for cap in [50, 60] {
        let levels =
            Levels { cap: Some(cap * MB), alert: Alert::Keep, hard: None, until_period_end: false };
        let change = Change::SetLevels { target: Target::ids([world.sim(12).id]), levels };
        world.root.apply(&ChangeId::new(), &change, &go).expect("set");
        world.work();
    }
    assert_eq!((world.used(11), world.used(12), world.rollovers().len()), (120, 30, 0));
    // Right again, everything goes on.
    world.set("2026-07-01");
    world.work();
    assert_eq!((world.used(11), world.history(11)), (0, vec![("2026-06-01".to_owned(), 120)]));
}

#[test]
fn usage_is_counted_by_a_clock_that_is_behind() {
    let world = World::at("2026-06-20T12:00Z");
    for clock in ["2001-12-02", "1969-12-31T23:00Z", "2027-12-01"] {
        world.set(clock);
        let tally = world.spend_at(12, clock, 1, time("2026-06-20T13:00Z"));
        assert_eq!((tally.counted, tally.refused, tally.late), (1, 0, 0), "{clock}");
    }
    assert_eq!((world.used(12), world.history(12)), (33, vec![]));
    // A rule set meanwhile begins where the estate is, not where the clock is.
    let top = world.root.me().account;
    let change = Change::SetPeriod { account: top, rule: Some(PeriodRule::Day(23)) };
    world.root.apply(&ChangeId::new(), &change, &go).expect("set");
    world.set("2026-06-21");
    world.work();
    assert_eq!(
        (world.used(12), world.usage(12).period.to_string()),
        (33, "2026-05-23 to 2026-06-22".into())
    );
}

#[test]
fn a_raised_cap_stays_while_the_clock_is_refused() {
    let world = World::at("2026-06-20T12:00Z");
    let raise = Levels { cap: Some(900 * MB), alert: Alert::Keep, hard: None, until_period_end: true };
    let change = Change::SetLevels { target: Target::ids([world.sim(11).id]), levels: raise };
    world.root.apply(&ChangeId::new(), &change, &go).expect("raised");
    world.set("2027-06-20");
    world.work();
    assert_eq!(world.sim(11).cap, Some(900 * MB));
    world.set("2026-07-01");
    world.work();
    assert_eq!(world.sim(11).cap, Some(100 * MB));
}

#[test]
fn a_record_that_comes_before_its_period_is_counted_in_it() {
    let world = World::at("2026-06-30T22:00Z");
    world.spend_at(12, "b", 7, time("2026-07-01T01:00Z"));
    assert_eq!(world.used(12), 37);
    world.set("2026-07-01T02:00Z");
    world.work();
    assert_eq!((world.used(12), world.history(12)), (7, vec![("2026-06-01".to_owned(), 30)]));
}

#[test]
fn periods_of_each_sim_are_closed_and_reopened() {
    let world = World::at("2026-06-12T12:00Z");
    let a = world.root.accounts(&CancelToken::new()).expect("accounts").find("A").expect("A");
    let change = Change::SetPeriod { account: a, rule: Some(PeriodRule::Activation(30)) };
    world.root.apply(&ChangeId::new(), &change, &go).expect("set");
    assert_eq!(world.usage(11).period.to_string(), "2026-05-15 to 2026-06-13");
    world.clock.fetch_add(DAY + DAY / 2, Ordering::Relaxed);
    assert!(world.message().starts_with("period ended, rollover pending"), "{}", world.message());
    world.work();
    assert_eq!(
        (world.used(11), world.usage(11).period.to_string()),
        (0, "2026-06-14 to 2026-07-13".into())
    );
    assert_eq!(world.rollovers().len(), 1);
    world.set("2026-06-13T01:00Z");
    world.undo(&world.rollovers()[0]).expect("undone");
    assert_eq!((world.used(11), world.sim(11).gate, world.history(11)), (120, Gate::Blocked, vec![]));
}

impl World {
    fn confirm(&self) -> estate::ConfirmedRollover {
        self.root.confirm_rollover(&go).expect("confirmed")
    }

    /// Threshold events of a SIM, newest first: level and first day of the period.
    fn events(&self, n: u8) -> Vec<(Level, String)> {
        let wanted = EventFilter { sim: Some(self.sim(n).id), limit: 20, ..EventFilter::default() };
        let events = self.root.events(&wanted, &CancelToken::new()).expect("events");
        events.into_iter().map(|event| (event.kind, event.period.day())).collect()
    }

    fn set_cap(&self, n: u8, megabytes: u64, until_period_end: bool) {
        let levels =
            Levels { cap: Some(megabytes * MB), alert: Alert::Keep, hard: None, until_period_end };
        let change = Change::SetLevels { target: Target::ids([self.sim(n).id]), levels };
        self.root.apply(&ChangeId::new(), &change, &go).expect("set");
    }
}

#[test]
fn undo_of_a_rollover_reopens_sims_without_a_counter_too() {
    let world = World::at("2026-06-20T12:00Z");
    world.set("2026-07-01T10:00Z");
    world.work();
    world.set("2026-06-21T12:00Z");
    world.spend_at(13, "b", 120, time("2026-06-20"));
    assert_eq!((world.used(13), world.history(13)), (0, vec![("2026-06-01".to_owned(), 120)]));
    let undo = Change::Undo { change: world.rollovers()[0].id.clone() };
    assert_eq!(world.root.plan(&undo, &CancelToken::new()).expect("plan").counts.done, 3);
    assert_eq!(world.undo(&world.rollovers()[0]).expect("undone").counts.done, 3);
    assert_eq!((world.used(13), world.sim(13).gate, world.history(13)), (120, Gate::Blocked, vec![]));
    assert_eq!(world.events(13), [(Level::Cap, "2026-06-01".to_owned())]);
    assert_eq!(world.root.check(), Ok(vec![]));
}

#[test]
fn a_rollover_without_counters_is_logged_and_undone() {
    let world = World::at("2026-06-20T12:00Z");
    for boundary in ["2026-07-01", "2026-08-01"] {
        world.set(boundary);
        world.work();
    }
    let [second, first] = &world.rollovers()[..] else { panic!("{:?}", world.rollovers()) };
    assert_eq!((first.counts.done, second.counts.done), (2, 0));
    assert!(second.undoable && second.summary.ends_with("of 0 SIMs in 0 accounts"), "{}", second.summary);
    assert!(world.undo(first).is_err(), "a later period is closed");
    world.undo(second).expect("undone");
    world.undo(first).expect("undone");
    assert_eq!((world.used(11), world.sim(11).gate, world.history(11)), (120, Gate::Blocked, vec![]));
}

#[test]
fn a_rule_registered_by_a_clock_ahead_is_taken_back_by_an_admin() {
    let clock = Arc::new(AtomicI64::new(time("2027-10-20").0));
    let reads = Arc::clone(&clock);
    let (dir, root) = estate();
    let root = root.with_clock(move || Time(reads.load(Ordering::Relaxed)));
    root.confirm_rollover(&go).expect("accepted");
    let world = World { dir, root, clock };
    world.set("2026-10-20");
    import(&world.root, SIMS);
    world.spend(11, "a", 120);
    assert_eq!(world.used(11), 0);
    let message = world.message();
    assert!(message.starts_with("the clock (2026-10-20T00:00:00Z) is earlier than"), "{message}");
    assert!(message.ends_with("simdeck store rollover --confirm"), "{message}");
    let confirmed = world.confirm();
    assert_eq!((confirmed.closed, confirmed.reopened, confirmed.is_clock_new), (0, 1, true));
    assert_eq!((world.used(11), world.sim(11).gate, world.history(11)), (120, Gate::Blocked, vec![]));
    assert_eq!(world.events(11).first(), Some(&(Level::Cap, "2026-10-01".to_owned())));
    assert_eq!(world.message(), "");
    let reopened = world.entries().remove(0);
    assert_eq!((reopened.kind.as_str(), reopened.counts.done), (Change::PERIOD_REOPEN, 1));
    assert!(reopened.by.contains("root@x.example") && !reopened.undoable, "{reopened:?}");
    // It ends where it should, and what a rollover closed is not reopened this way.
    world.set("2026-11-01");
    world.work();
    assert_eq!(world.history(11), [("2026-10-01".to_owned(), 120)]);
    world.set("2026-10-21");
    assert_eq!(world.confirm().reopened, 0);
    let message = world.message();
    let id = &world.rollovers()[0].id.0;
    assert!(
        message.starts_with("periods until 2026-11-01 are closed, later than the clock"),
        "{message}"
    );
    assert!(message.ends_with(&format!("simdeck undo {id}")), "{message}");
}

#[test]
fn events_of_usage_carried_over_are_those_of_the_new_period() {
    let world = World::at("2026-06-20T12:00Z");
    world.set("2026-08-10T12:00Z");
    world.spend_at(11, "b", 130, time("2026-08-05"));
    world.spend_at(13, "b", 130, time("2026-08-05"));
    assert_eq!(world.confirm().closed, 1);
    for n in [11, 13] {
        assert_eq!((world.used(n), world.sim(n).gate), (130, Gate::Blocked));
        assert!(
            world.events(n).contains(&(Level::Cap, "2026-08-01".to_owned())),
            "{:?}",
            world.events(n)
        );
    }
}

#[test]
fn events_of_a_reopened_period_are_those_of_that_period() {
    let world = World::at("2026-06-20T12:00Z");
    world.spend(13, "a", 60);
    world.set("2026-07-02");
    world.work();
    world.set("2026-06-21");
    world.spend_at(13, "b", 50, world.now());
    world.undo(&world.rollovers()[0]).expect("undone");
    assert_eq!((world.used(13), world.sim(13).gate), (110, Gate::Blocked));
    assert_eq!(world.events(13), [(Level::Cap, "2026-06-01".to_owned())]);
}

#[test]
fn raised_caps_return_by_a_logged_change_that_is_undone_with_the_rollover() {
    let world = World::at("2026-06-20T12:00Z");
    world.set_cap(11, 900, true);
    assert_eq!(world.sim(11).gate, Gate::Alerted);
    world.set("2026-07-01T10:00Z");
    world.work();
    assert_eq!(world.sim(11).cap, Some(100 * MB));
    let returned = world.entries().into_iter().find(|e| e.kind == Change::CAP_RETURN).expect("logged");
    assert_eq!(
        (returned.summary.as_str(), returned.undoable),
        (
            "returned the raised cap of 1 \
    SIM",
            false
        )
    );
    let items =
        world.root.change_items(returned.rev, None, None, 10, &CancelToken::new()).expect("items");
    let said: Vec<(&str, &str)> = items.iter().map(|i| (i.before.as_str(), i.after.as_str())).collect();
    assert_eq!(said, [("cap 900 MB, alert 80.0 MB", "cap 100 MB, alert 80.0 MB")]);
    let raised = |world: &World| {
        let sim = world.sim(11);
        (sim.cap, sim.cap_returns_to, sim.gate, sim.used / MB)
    };
    // By the same clock: it stays raised until June is closed again.
    world.undo(&world.rollovers()[0]).expect("undone");
    world.work();
    let before = (Some(900 * MB), Some(100 * MB), Gate::Alerted, 120);
    assert_eq!(raised(&world), before);
    assert!(world.entries().iter().any(|e| e.summary.starts_with("raised the cap of 1 SIM again")));
    world.confirm();
    assert_eq!(raised(&world), (Some(100 * MB), None, Gate::Ok, 0));
    // By a clock set right, again; it returns at the end of June.
    world.set("2026-06-21");
    world.undo(&world.rollovers()[0]).expect("undone");
    assert_eq!(raised(&world), before);
    world.set("2026-07-01");
    world.work();
    // A cap set since stays, and the gate is that of usage and the present cap.
    world.set_cap(11, 110, false);
    world.undo(&world.rollovers()[0]).expect("undone");
    assert_eq!(raised(&world), (Some(110 * MB), None, Gate::Blocked, 120));
    assert_eq!(world.root.check(), Ok(vec![]));
}

/// SIMs of one step, and some more.
const TWO_STEPS: u64 = 20_005;

/// Adds SIMs until a rollover takes two steps, and gives the last one a counter.
fn world_of_two_steps() -> (World, String) {
    let world = World::at("2026-06-20T12:00Z");
    let mut csv = String::from("iccid,account,status\n");
    for n in 100..100 + TWO_STEPS {
        csv.push_str(&format!("8900201000{n:09},A,active\n"));
    }
    import(&world.root, csv.as_bytes());
    let last = format!("8900201000{:09}", 99 + TWO_STEPS);
    world.spend_iccid(&last, "z", 50);
    (world, last)
}

impl World {
    fn spend_iccid(&self, iccid: &str, record: &str, megabytes: u64) {
        let csv = format!("iccid,time,bytes,record\n{iccid},{},{megabytes}MB,{record}\n", self.now());
        let input = Box::new(std::io::Cursor::new(csv.into_bytes()));
        let staged = self.root.stage_usage(input, &ImportOptions::default(), &mut |_| {}, &go);
        let (staging, tally) = staged.expect("staged");
        assert_eq!(tally.counted, 1);
        self.root.apply(&ChangeId::new(), &Change::ImportUsage { staging }, &go).expect("counted");
    }
}

#[test]
fn an_interrupted_rollover_is_abandoned_and_a_whole_one_undone_at_once() {
    let (world, last) = world_of_two_steps();
    let used = |iccid: &str| world.root.sim_by_iccid(iccid, &CancelToken::new()).expect("sim").used / MB;
    world.set("2026-07-02");
    assert!(world.root.run_maintenance_step().expect("the first step"));
    assert_eq!((world.used(11), used(&last)), (0, 50));
    // Set right before the next step: what came is taken back, and nothing of it is left.
    world.set("2026-06-21");
    world.spend_at(13, "b", 120, world.now());
    world.spend_iccid(&last, "y", 10);
    assert_eq!((world.history(13), used(&last)), (vec![("2026-06-01".to_owned(), 120)], 60));
    assert!(
        world.message().starts_with("period ended, rollover pending: the clock"),
        "{}",
        world.message()
    );
    assert_eq!(world.undo(&world.rollovers()[0]).expect("undone").counts.done, 3);
    assert_eq!(
        (world.used(11), world.sim(11).gate, world.used(13), used(&last)),
        (120, Gate::Blocked, 120, 60)
    );
    assert_eq!(world.message(), "");
    // Two steps are one rollover.
    world.set("2026-07-02");
    world.work();
    assert_eq!((world.used(11), world.used(13), used(&last)), (0, 0, 0));
    assert_eq!(world.undo(&world.rollovers()[0]).expect("undone").counts.done, 4);
    assert_eq!((world.used(11), world.used(13), used(&last)), (120, 120, 60));
    assert_eq!(world.root.check(), Ok(vec![]));
}

#[test]
fn events_have_the_time_of_the_clock_also_where_it_is_refused() {
    let world = World::at("2026-06-20T12:00Z");
    let newest = |n: u8| {
        let wanted = EventFilter { sim: Some(world.sim(n).id), limit: 1, ..EventFilter::default() };
        let event = world.root.events(&wanted, &CancelToken::new()).expect("events").remove(0);
        (event.level / MB, event.at, event.period.day())
    };
    world.set("2027-06-20T12:00Z");
    world.set_cap(12, 20, false);
    assert_eq!(newest(12), (20, world.now(), "2026-06-01".to_owned()));
    world.set("2026-05-20");
    world.spend_at(13, "b", 120, time("2026-06-20"));
    assert_eq!(newest(13), (100, world.now(), "2026-06-01".to_owned()));
}

#[test]
fn periods_of_each_sim_are_pending_only_where_one_ended() {
    let world = World::at("2026-06-11T12:00Z");
    let top = world.root.me().account;
    let change = Change::SetPeriod { account: top, rule: Some(PeriodRule::Activation(30)) };
    world.root.apply(&ChangeId::new(), &change, &go).expect("set");
    // The period of every SIM ends with 2026-06-13.
    for (clock, rollovers) in
        [("2026-06-12T01:00Z", 0), ("2026-06-13T23:00Z", 0), ("2026-06-14T01:00Z", 1)]
    {
        world.set(clock);
        assert_eq!(world.message().contains("pending: some counters"), rollovers > 0, "{clock}");
        world.work();
        assert_eq!(world.rollovers().len(), rollovers, "{clock}");
    }
    assert_eq!(world.used(11), 0);
}

#[test]
fn a_message_is_the_same_whatever_the_second() {
    let world = World::at("2026-06-20T12:00Z");
    let key = || world.root.rollover_status().expect("status").message_key();
    assert_eq!(key(), "");
    world.set("2026-09-05T12:00Z");
    let (first, message) = (key(), world.message());
    world.clock.fetch_add(1, Ordering::Relaxed);
    assert_eq!(key(), first);
    assert_ne!(world.message(), message);
    world.set("2026-10-05");
    assert_ne!(key(), first, "another period ended");
}
