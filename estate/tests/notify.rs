//! Who hears of a level that was reached, and the outbox: gathered, leased, tried again, given up.

mod common;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use common::{estate, import};
use estate::{
    Alert, Attempt, CancelToken, Capability, Change, ChangeId, Channel, Error, Estate, ImportOptions,
    Levels, Local, OutboxMessage, Role, Target, Time,
};

const NOON: i64 = 1_781_092_800;

const SIMS: &[u8] = b"iccid,account,status,used,cap,alert,recipients\n\
8900101000000000011,A,active,0,100MB,80MB,Van@x.example;ops@x.example\n\
8900101000000000012,A / Sub,active,0,100MB,80MB,\n\
8900101000000000013,B,active,0,100MB,80MB,OPS@x.example\n";

fn go(_: estate::Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

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
        let root = root.with_clock(move || Time(time.load(Ordering::Relaxed))).with_mail(true);
        // The estate is as old as the test's clock says.
        root.confirm_rollover(&go).expect("accepted");
        import(&root, SIMS);
        Self { dir, root, clock }
    }

    fn open(&self, email: &str) -> Local {
        let time = Arc::clone(&self.clock);
        let local = Local::open(&self.dir.path().join("estate.db"), Some(email), false).expect("opens");
        local.with_clock(move || Time(time.load(Ordering::Relaxed))).with_mail(true)
    }

    fn account(&self, name: &str) -> estate::AccountId {
        self.root.accounts(&CancelToken::new()).expect("accounts").find(name).expect("account")
    }

    fn later(&self, seconds: i64) {
        self.clock.fetch_add(seconds, Ordering::Relaxed);
    }

    /// Usage of some SIMs, all in one file.
    fn spend(&self, record: &str, spent: &[(u8, u64)]) {
        let mut csv = "iccid,time,bytes,record\n".to_owned();
        for (n, mb) in spent {
            csv.push_str(&format!("89001010000000000{n},{},{mb}MB,{record}\n", Time(NOON)));
        }
        let input = Box::new(std::io::Cursor::new(csv.into_bytes()));
        let (staging, _) =
            self.root.stage_usage(input, &ImportOptions::default(), &mut |_| {}, &go).expect("staged");
        self.root.apply(&ChangeId::new(), &Change::ImportUsage { staging }, &go).expect("counted");
    }

    fn external(&self, local: &Local, account: &str, address: &str) -> Result<(), Error> {
        let change = Change::AddExternal { account: self.account(account), address: address.into() };
        local.apply(&ChangeId::new(), &change, &go).map(|_| ())
    }

    /// What is due: who, how many alerts, how many caps.
    fn due(&self) -> Vec<(String, u64, u64)> {
        let letters = self.root.letters(100).expect("letters");
        for letter in &letters {
            self.root.record_attempt(letter, &Attempt::Sent).expect("written off");
        }
        let mut due: Vec<_> = letters.into_iter().map(|l| (l.to, l.alerts, l.caps)).collect();
        due.sort();
        due
    }
}

fn to(who: &str, alerts: u64, caps: u64) -> (String, u64, u64) {
    (who.to_owned(), alerts, caps)
}

#[test]
fn three_sources_one_message_each() {
    let world = World::new();
    world.root.add_user(world.account("A"), "Ann", "ann@x.example", Role::ViewOnly).expect("user");
    world.root.add_user(world.account("B"), "Bob", "bob@x.example", Role::Admin).expect("user");
    let ann = world.open("ann@x.example");
    assert_eq!(ann.wants_mail(&CancelToken::new()), Ok(false), "nobody is asked for");
    ann.want_mail(true).expect("every role may");
    world.external(&world.root, "Root", "Ops@x.example").expect("added");
    world.external(&world.root, "A", "a@x.example").expect("added");
    // Both levels of one SIM, one level of two others: gathered into one message each, whoever is
    // named how often.
    world.spend("r1", &[(11, 120), (12, 90), (13, 90)]);
    assert_eq!(
        world.due(),
        [
            to("Ops@x.example", 3, 1),
            to("Van@x.example", 1, 1),
            to("a@x.example", 2, 1),
            to("ann@x.example", 2, 1)
        ]
    );
    // Nothing is told twice, and a move or another record of the same crossing tells nothing.
    world.spend("r1", &[(11, 120)]);
    world.spend("r2", &[(11, 5)]);
    let sim = world.root.sim_by_iccid("8900101000000000011", &CancelToken::new()).expect("sim").id;
    let change = Change::Move {
        target: Target::ids([sim]),
        to: world.account("B"),
        clear: estate::MoveOptions::default(),
    };
    world.root.apply(&ChangeId::new(), &change, &go).expect("moved");
    assert_eq!(world.due(), []);
    // Whoever opts out hears nothing more, unless the SIM names them.
    ann.want_mail(false).expect("opted out");
    world.spend("r2", &[(12, 20)]);
    assert_eq!(world.due(), [to("Ops@x.example", 0, 1), to("a@x.example", 0, 1)]);
    // A level that somebody sets below usage tells too.
    let levels =
        Levels { cap: Some(50_000_000), alert: Alert::Keep, hard: None, until_period_end: false };
    let change = Change::SetLevels { target: Target::ids([sim]), levels };
    world.root.apply(&ChangeId::new(), &change, &go).expect("set");
    assert_eq!(world.due(), [], "it was reached and had spoken");
}

#[test]
fn externals_are_for_admins_and_no_users() {
    let world = World::new();
    world.root.add_user(world.account("A"), "Ann", "ann@x.example", Role::Admin).expect("user");
    world.root.add_user(world.account("B"), "Bob", "bob@x.example", Role::User).expect("user");
    let (ann, bob) = (world.open("ann@x.example"), world.open("bob@x.example"));
    let refused = world.external(&world.root, "Root", "ANN@x.example").expect_err("a user").to_string();
    assert!(refused.contains("choose themselves"), "{refused}");
    assert_eq!(
        world.external(&ann, "A", "bob@x.example"),
        Ok(()),
        "that Bob is a user elsewhere is not told"
    );
    assert!(world.external(&ann, "B", "x@x.example").is_err(), "a neighbour's account does not exist");
    let denied = world.external(&bob, "B", "x@x.example");
    assert_eq!(denied, Err(Error::Denied { role: Role::User, need: Capability::ManageRecipients }));
    assert!(bob.externals(bob.me().account, &CancelToken::new()).is_err());
    world.external(&ann, "A", "https://hook.example/a").expect("a webhook");
    let listed = ann.externals(ann.me().account, &CancelToken::new()).expect("listed");
    assert_eq!(listed[1].channel, Channel::Webhook);
    assert!(listed[1].secret.starts_with("whsec_") && listed[1].secret.len() > 60, "{listed:?}");
    assert!(world.external(&ann, "A", "https://hook.example/a").is_err(), "once");
    assert_eq!(ann.outbox(10), Err(Error::RootOnly));
}

#[test]
fn webhooks_have_a_public_host_in_the_usual_spelling() {
    let world = World::new();
    for bad in [
        "",
        "no address",
        "ftp://x.example/",
        "https://x.example/a b",
        "javascript://x",
        "https://user:pw@x.example/",
        "http://hook.example/",
        "https://127.0.0.1/",
        "https://10.1.2.3:8443/x",
        "https://169.254.169.254/latest",
        "https://[::1]/",
        "https://[::ffff:192.168.0.1]/",
        "https://LocalHost./",
        "https://127.1/",
        "https://0x7f000001/",
        "https://0x08080808/",
        "https://127.0.0.1\\.example.com/",
        "https://2130706433\\x.example.com/h",
        "https://１２７.0.0.1/",
        "https://127。0。0。1/",
        "https://127.0.0.%31/",
        "https://loc%61lhost/",
        "https://[fe80::1%25eth0]/",
        "https://[::127.0.0.1]/",
        "https://localhost.localdomain/",
        "https://ip6-localhost/",
        "https://router.local/",
        "https://Router.LOCAL./",
        "https://metadata.google.internal/",
        "https://intranet/",
        "https://intranet./",
        "https://ex%00ample.com/",
        "https://hook.example:99999/",
    ] {
        assert!(world.external(&world.root, "A", bad).is_err(), "{bad}");
    }
    let public = ["https://8.8.8.8:8443/h", "https://[2606:4700::1]/", "https://bücher.example/%31?a"];
    for good in public {
        world.external(&world.root, "A", good).expect(good);
    }
}

#[test]
fn an_address_that_goes_goes_from_the_sims_too() {
    let world = World::new();
    world.external(&world.root, "A", "ops@x.example").expect("added");
    let change = Change::RemoveExternal { account: world.account("A"), address: "Ops@x.example".into() };
    assert_eq!(world.root.plan(&change, &CancelToken::new()).expect("plan").total, 1);
    let receipt = world.root.apply(&ChangeId::new(), &change, &go).expect("removed");
    assert_eq!(receipt.counts.done, 1);
    let recipients = |n: u8| {
        world
            .root
            .sim_by_iccid(&format!("89001010000000000{n}"), &CancelToken::new())
            .expect("sim")
            .recipients
    };
    assert_eq!(recipients(11), ["Van@x.example"]);
    assert_eq!(recipients(13), ["OPS@x.example"], "B's SIMs are another account's");
    let entries =
        world.root.entries(&estate::LogFilter { limit: 1, ..Default::default() }, &CancelToken::new());
    let said = entries.expect("log")[0].summary.clone();
    assert!(said.contains("Ops@x.example no longer hears of /Root/A; taken off 1 SIM"), "{said}");
    assert!(world.root.apply(&ChangeId::new(), &change, &go).is_err(), "it is gone");
    assert!(world.root.check().expect("check").is_empty());
}

#[test]
fn what_fails_is_tried_again_as_the_same_message_and_given_up_in_the_end() {
    let world = World::new();
    world.external(&world.root, "B", "https://hook.example/b").expect("added");
    world.spend("r1", &[(13, 90)]);
    let take = || -> Vec<OutboxMessage> {
        let mut letters = world.root.letters(10).expect("letters");
        letters.retain(|letter| letter.channel == Channel::Webhook);
        letters
    };
    let first = take().remove(0);
    assert_eq!(first.told[0].account, "B", "no path: what lies above is not for everybody");
    assert!(take().is_empty(), "it is leased: nobody else sends it");
    // Whoever took it died: the next one sends the same message.
    world.later(301);
    let again = take().remove(0);
    assert_eq!((again.id, &again.message_id, &again.told), (first.id, &first.message_id, &first.told));
    let mut waits = 0;
    let mut letter = again;
    loop {
        world.root.record_attempt(&letter, &Attempt::Again("answered 500".into())).expect("written down");
        let kept =
            world.root.outbox(10).expect("outbox").into_iter().find(|m| m.id == letter.id).expect("kept");
        let Some(due) = kept.due else {
            break assert_eq!((kept.state.as_str(), kept.tries), ("given-up", 9));
        };
        assert!(take().is_empty(), "not before its time");
        let now = world.clock.load(Ordering::Relaxed);
        assert_eq!(world.root.next_letter().map(|due| due.map(|d| d.0 >= now)), Ok(Some(true)));
        waits += due.0 - now;
        world.later(due.0 - now);
        letter = take().remove(0);
        assert_eq!(letter.message_id, first.message_id);
    }
    assert!(waits > 86_400, "a day's outage loses nothing: {waits}");
    assert!(take().is_empty());
}

#[test]
fn two_accounts_with_one_webhook_hear_of_their_own_and_nobody_of_a_new_name() {
    let world = World::new();
    for name in ["A", "B"] {
        world.external(&world.root, name, "https://hook.example/same").expect("added");
    }
    world.external(&world.root, "B", "b@x.example").expect("added");
    world.spend("r1", &[(12, 90), (13, 90)]);
    let without_mail = world.open("root@x.example").with_mail(false);
    let letters = without_mail.letters(10).expect("letters");
    let told: Vec<_> = letters.iter().map(|l| (l.channel, l.told[0].account.as_str())).collect();
    assert_eq!(told.len(), 2, "mail waits for somebody who can send it: {told:?}");
    assert!(
        told.contains(&(Channel::Webhook, "Sub")) && told.contains(&(Channel::Webhook, "B")),
        "{told:?}"
    );
    assert_ne!(letters[0].secret, letters[1].secret);
    // The SIM leaves B and gets a name there; what B is told says nothing of it.
    let sim = world.root.sim_by_iccid("8900101000000000013", &CancelToken::new()).expect("sim").id;
    let change = Change::Move {
        target: Target::ids([sim]),
        to: world.account("A"),
        clear: estate::MoveOptions::default(),
    };
    world.root.apply(&ChangeId::new(), &change, &go).expect("moved");
    let file = b"iccid,label\n8900101000000000013,Secret\n";
    let options = ImportOptions { on_duplicate: estate::OnDuplicate::Update, ..ImportOptions::default() };
    common::import_with(&world.root, file, &options).expect("named");
    let letters = world.root.letters(10).expect("letters");
    let of_b = letters.iter().find(|l| l.to == "b@x.example").expect("waits");
    assert_eq!(of_b.told[0].label, "");
}

#[test]
fn a_raise_that_ends_above_usage_is_told_of() {
    let world = World::new();
    world.external(&world.root, "Root", "ops@x.example").expect("added");
    let rule = Some(estate::PeriodRule::Day(20));
    let change = Change::SetPeriod { account: world.account("B"), rule };
    world.root.apply(&ChangeId::new(), &change, &go).expect("set");
    let sim = world.root.sim_by_iccid("8900101000000000012", &CancelToken::new()).expect("sim").id;
    let levels = Levels { cap: Some(500_000_000), until_period_end: true, ..Levels::default() };
    let change = Change::SetLevels { target: Target::ids([sim]), levels };
    world.root.apply(&ChangeId::new(), &change, &go).expect("raised");
    world.spend("r1", &[(12, 150)]);
    // It moves to where the period goes on: the raise ends all the same, by itself.
    world.later(15 * estate::DAY);
    let change = Change::Move {
        target: Target::ids([sim]),
        to: world.account("B"),
        clear: estate::MoveOptions::default(),
    };
    world.root.apply(&ChangeId::new(), &change, &go).expect("moved");
    assert_eq!(world.due(), []);
    let next = world.root.next_turn().expect("a turn");
    assert_eq!(next, Time::parse("2026-07-01").expect("time"));
    world.later(next.0 - world.clock.load(Ordering::Relaxed));
    while world.root.run_maintenance_step().expect("background") {}
    assert_eq!(world.due(), [to("ops@x.example", 1, 1)]);
    assert_eq!(world.root.sim(sim, &CancelToken::new()).expect("sim").status, estate::Status::Blocked);
}

#[test]
fn nothing_is_written_where_nobody_sends_mail() {
    let world = World::new();
    let root = world.open("root@x.example").with_mail(false);
    world.external(&world.root, "Root", "ops@x.example").expect("added");
    let levels = Levels { cap: Some(1), alert: Alert::Keep, hard: None, until_period_end: false };
    world.spend("r1", &[(12, 10)]);
    let sim = root.sim_by_iccid("8900101000000000012", &CancelToken::new()).expect("sim").id;
    let change = Change::SetLevels { target: Target::ids([sim]), levels };
    root.apply(&ChangeId::new(), &change, &go).expect("set");
    assert_eq!(world.due(), []);
    assert_eq!(
        root.events_after(0, &CancelToken::new()),
        Ok((0, 1)),
        "it is told on the screen all the same"
    );
    assert_eq!(root.last_event_seen(&CancelToken::new()), Ok(0));
    root.mark_events_seen(1).expect("heard");
    assert_eq!(root.last_event_seen(&CancelToken::new()), Ok(1));
}

#[test]
fn a_change_that_fails_tells_nobody() {
    let world = World::new();
    world.external(&world.root, "Root", "ops@x.example").expect("added");
    let input = Box::new(&b"iccid,time,bytes\n8900101000000000012,2026-06-10,100MB\n"[..]);
    let (staging, _) =
        world.root.stage_usage(input, &ImportOptions::default(), &mut |_| {}, &go).expect("staged");
    let stop = |p: estate::Progress| {
        if p.phase == "counting" { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let stopped = world.root.apply(&ChangeId::new(), &Change::ImportUsage { staging }, &stop);
    assert_eq!(stopped.map(|_| ()), Err(Error::Cancelled));
    assert_eq!((world.due(), world.root.events_after(0, &CancelToken::new())), (vec![], Ok((0, 0))));
    world.root.apply(&ChangeId::new(), &Change::ImportUsage { staging }, &go).expect("tried again");
    assert_eq!(world.due(), [to("ops@x.example", 1, 1)]);
}
