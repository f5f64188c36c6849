//! The table of who may change what, run on the store; and the sub-customer who wants to see the neighbour's estate.

#[path = "common/changes.rs"]
mod changes;
mod common;
#[path = "common/rules.rs"]
mod rules;

use std::path::PathBuf;

use changes::{all, apply, go, plan, sim, undo};
use common::{estate, import};
use estate::{
    AccountId, Cancel, Change, ChangeId, Error, Estate, EventFilter, Field, Help, Local, LogFilter, Query,
    Role, SimId, Target, UserId,
};
use rules::{Object, Place, TABLE, Verdict};

const CSV: &[u8] = b"iccid,account,status,cap,tags,notes,network,recipients\n\
8900101000000000011,Mid,active,500MB,mine,,NetA,\n\
8900101000000000012,Mid / Leaf,active,500MB,mine,,NetA,\n\
8900101000000000013,Side,active,500MB,theirs,neighbour secret,NetB,ops@side.example\n\
8900101000000000014,,active,500MB,ours,root secret,NetC,\n";

/// Root above, Mid in the middle, Leaf below it, Side beside it.
struct World {
    _dir: tempfile::TempDir,
    root: Local,
}

impl World {
    fn new() -> Self {
        let (dir, root) = estate();
        import(&root, CSV);
        let world = Self { _dir: dir, root };
        for (path, who) in
            [("/Root", "root"), ("/Root/Mid", "mid"), ("/Root/Mid/Leaf", "leaf"), ("/Root/Side", "side")]
        {
            for role in Role::ALL {
                let email = format!("{who}-{}@x.example", role.word());
                world.root.add_user(world.account(path), who, &email, role).expect("user");
            }
            // Nobody is left without an Admin when one is changed, and each account has someone to be changed.
            world
                .root
                .add_user(world.account(path), who, &format!("{who}-other@x.example"), Role::User)
                .expect("user");
        }
        for path in ["/Root", "/Root/Mid", "/Root/Mid/Leaf", "/Root/Side"] {
            let address = "ops@else.example".to_owned();
            apply(&world.root, &Change::AddExternal { account: world.account(path), address })
                .expect("external");
        }
        let page = Help::Page { title: "Side's own".into(), text: "neighbour secret".into() };
        let help = Change::SetHelp { account: world.account("/Root/Side"), help: Some(Box::new(page)) };
        apply(&world.root, &help).expect("help");
        world
    }

    fn account(&self, path: &str) -> AccountId {
        self.root.accounts(&Cancel::new()).expect("accounts").find(path).expect(path)
    }

    fn user(&self, email: &str) -> UserId {
        let users = self.root.users(None, &Cancel::new()).expect("users");
        users.iter().find(|u| u.email == email).expect(email).id
    }

    fn object(&self, place: Place) -> Object {
        let (path, who, n) = match place {
            Place::Own => ("/Root/Mid", "mid", 11),
            Place::Below => ("/Root/Mid/Leaf", "leaf", 12),
            Place::Sibling => ("/Root/Side", "side", 13),
            Place::Parent => ("/Root", "root", 14),
            Place::Nowhere => {
                return Object { account: AccountId(9_999), sim: SimId(9_999), user: UserId(9_999) };
            }
        };
        Object {
            account: self.account(path),
            sim: sim(&self.root, n).id,
            user: self.user(&format!("{who}-other@x.example")),
        }
    }

    fn path(&self) -> PathBuf {
        self.root.path().to_owned()
    }

    fn session(&self, role: Role) -> Local {
        Local::open(&self.path(), Some(&format!("mid-{}@x.example", role.word())), false).expect("session")
    }
}

/// What a row needs before it can be made: that is no matter of who makes it.
fn prepare(world: &World, kind: &str, object: &Object) {
    let verb = |verb| Change::Edit {
        target: Target::ids([object.sim]),
        edit: Box::new(estate::Edit::state(verb, "")),
    };
    match kind {
        "resume" => drop(apply(&world.root, &verb(estate::Verb::Suspend))),
        "delete-account" => {
            let users = world.root.users(Some(object.account), &Cancel::new()).unwrap_or_default();
            let to = world.account("/Root");
            let query = Query { deep: false, ..Query::all(object.account, changes::NOW) };
            let clear = estate::Clear::default();
            drop(apply(&world.root, &Change::Move { target: Target::query(query), to, clear }));
            // Admins last: the last one of an account that has users stays.
            let (admins, others): (Vec<_>, Vec<_>) = users.into_iter().partition(|u| u.role == Role::Admin);
            for user in others.into_iter().chain(admins) {
                let gone = Change::ChangeUser { user: user.id, to: estate::UserChange::Remove };
                apply(&world.root, &gone).expect("removed");
            }
        }
        "move-account" => {
            let add = Change::AddAccount { parent: object.account, name: "Between".into() };
            drop(apply(&world.root, &add));
        }
        _ => {}
    }
}

#[test]
fn every_change_by_every_role_at_every_place_is_as_the_table_says() {
    let (mut seen, mut world) = (Vec::new(), World::new());
    for row in TABLE {
        for place in Place::ALL {
            for role in Role::ALL {
                let (object, own) = (world.object(place), world.object(Place::Own));
                if place == Place::Below {
                    prepare(&world, row.kind, &object);
                }
                let session = world.session(role);
                let change = (row.change)(&object, &own);
                assert!(rules::is_covered(&change));
                let wanted = rules::expected(row, role, place);
                let (got, said) = rules::verdict(&session, &change);
                // Of the two ends of a move either may be what is not there.
                let ends = [Verdict::Gone, Verdict::Unknown];
                let met =
                    got == wanted || row.kind == "move" && ends.contains(&got) && ends.contains(&wanted);
                assert!(met, "{} {role} {place:?}: {got:?} {said}, not {wanted:?}", row.kind);
                seen.push(row.kind);
                if got == Verdict::Made || place == Place::Below {
                    world = World::new();
                }
            }
        }
    }
    assert!(seen.len() > 300);
}

#[test]
fn what_is_hidden_answers_like_what_is_not_there() {
    let world = World::new();
    let session = world.session(Role::Admin);
    let own = world.object(Place::Own);
    for row in TABLE {
        let said = |place| {
            let object = world.object(place);
            let change = (row.change)(&object, &own);
            let planned = match session.plan(&change, &Cancel::new()) {
                Ok(plan) => format!("{:?}", (plan.total, plan.counts, plan.warnings)),
                Err(error) => error.to_string(),
            };
            let (_, said) = rules::verdict(&session, &change);
            let said = format!("{planned} {said}");
            // The number that was asked for is theirs to see.
            [object.account.0, object.sim.0, object.user.0]
                .iter()
                .fold(said, |said, id| said.replace(&format!("#{id}"), "#"))
        };
        let absent = said(Place::Nowhere);
        for place in Place::HIDDEN {
            assert_eq!(said(place), absent, "{} {place:?}", row.kind);
        }
    }
}

/// Every read, aimed at an object, as one text.
fn reads(local: &Local, object: &Object, iccid: &str) -> Vec<String> {
    let c = Cancel::new();
    let whole = Query::all(object.account, changes::NOW);
    let log = |wanted: LogFilter| format!("{:?}", local.entries(&LogFilter { limit: 50, ..wanted }, &c));
    let mut out: Vec<String> = vec![
        format!("{:?}", local.users(Some(object.account), &c)),
        format!("{:?}", local.externals(object.account, &c)),
        format!("{:?}", local.help_of(object.account, &c)),
        format!("{:?}", local.estate_usage(object.account, &c)),
        format!("{:?}", local.page(&whole, &estate::Seek::First, 10, &c).map(|p| p.rows.len())),
        format!("{:?}", local.count(&whole, &c)),
        format!("{:?}", local.sim(object.sim, &c)),
        format!("{:?}", local.usage(object.sim, &c)),
        format!("{:?}", local.stated(object.sim, &c)),
        format!("{:?}", local.sim_by_iccid(iccid, &c).map(|_| ())),
        format!("{:?}", local.target_ids(&Target::ids([object.sim]), 9, &c)),
        format!("{:?}", local.spread(&Target::ids([object.sim]), &c)),
        format!("{:?}", local.common(&Target::ids([object.sim]), &c).map(|c| (c.sims, c.notes, c.tags))),
        format!(
            "{:?}",
            local.events(&EventFilter { account: Some(object.account), ..EventFilter::default() }, &c)
        ),
        log(LogFilter { account: Some(object.account), ..LogFilter::default() }),
        log(LogFilter { sim: Some(object.sim), ..LogFilter::default() }),
    ];
    let mut sink = Vec::new();
    let exported = local.export(
        &whole,
        None,
        &mut |sim| {
            sink.push(sim.iccid.clone());
            Ok(true)
        },
        &c,
    );
    out.push(format!("{exported:?} {sink:?}"));
    let view = local.view_as(object.user).map(|_| ());
    out.push(format!("{view:?}"));
    [object.account.0, object.sim.0, object.user.0]
        .iter()
        .fold(out.join("\n"), |text, id| {
            text.replace(&format!("#{id}\""), "#\"").replace(&format!("({id})"), "()")
        })
        .replace(iccid, "ICCID")
        .lines()
        .map(str::to_owned)
        .collect()
}

#[test]
fn no_read_tells_what_is_hidden_from_what_is_not_there() {
    let world = World::new();
    // There is something to be found out about: a suspension with a reason, a change of caps, a move to and fro.
    let reason = estate::Edit::state(estate::Verb::Suspend, "neighbour secret");
    let side = Target::ids([sim(&world.root, 13).id]);
    apply(&world.root, &Change::Edit { target: side, edit: Box::new(reason) }).expect("suspended");
    let session = world.session(Role::Admin);
    let absent = reads(&session, &world.object(Place::Nowhere), "8900101000000000099");
    for (place, iccid) in [(Place::Sibling, "8900101000000000013"), (Place::Parent, "8900101000000000014")] {
        assert_eq!(reads(&session, &world.object(place), iccid), absent, "{place:?}");
    }
}

#[test]
fn lists_counts_completions_and_history_hold_nothing_of_the_neighbours() {
    let world = World::new();
    let leak = |text: &str| {
        ["Side", "side", "theirs", "secret", "NetB", "NetC", "ours", "Root"]
            .iter()
            .find(|w| text.contains(**w))
            .copied()
    };
    for role in Role::ALL {
        let session = world.session(role);
        let c = Cancel::new();
        let mut told = format!("{:?}", session.accounts(&c).expect("accounts").all());
        for field in [Field::Network, Field::Tariff, Field::Tag, Field::Category, Field::Status] {
            told.push_str(&format!("{:?}", session.values(field, &c).expect("values")));
        }
        told.push_str(&format!("{:?}", session.help(&c).expect("help")));
        told.push_str(&format!("{:?}", session.accounts(&c).expect("accounts").find("Sid")));
        told.push_str(&format!("{:?}", session.users(None, &c)));
        // Their own import came from above, without a name.
        let entries =
            session.entries(&LogFilter { limit: 500, ..LogFilter::default() }, &c).unwrap_or_default();
        told.push_str(&format!("{entries:?}"));
        told = told.replace("name: \"Sid\"", "").replace("outside", "");
        assert_eq!(leak(&told), None, "{role}: {told}");
        assert_eq!(session.count(&all(&session, "").any[0], &c).expect("count"), 2);
        assert_eq!(session.count(&all(&session, "secret").any[0], &c).expect("count"), 0);
    }
    // What a plan says of a change that names the neighbour's SIMs is what it says of none.
    let session = world.session(Role::Admin);
    let levels = |id| Change::SetLevels {
        target: Target::ids([id]),
        levels: estate::Levels { cap: Some(1), ..Default::default() },
    };
    let (theirs, none) =
        (plan(&session, &levels(sim(&world.root, 13).id)), plan(&session, &levels(SimId(9_999))));
    assert_eq!(theirs, none);
}

#[test]
fn a_change_out_of_sight_is_not_undone_and_its_number_tells_nothing() {
    let world = World::new();
    let side = world.object(Place::Sibling);
    let made = apply(&world.root, &Change::SetPeriod { account: side.account, rule: "day:9".parse().ok() })
        .expect("set");
    let session = world.session(Role::Admin);
    let said = |change: &ChangeId| match undo(&session, change) {
        Err(Error::NotFound { what, .. }) => what,
        other => panic!("{other:?}"),
    };
    assert_eq!(said(&made.id), said(&ChangeId("01a00000-0000-7000-8000-000000000000".into())));
    assert!(session.items(made.rev, None, None, 10, &Cancel::new()).is_ok_and(|items| items.is_empty()));
    let again = session.apply(
        &made.id,
        &Change::SetReference { account: world.object(Place::Below).account, reference: "x".into() },
        &go,
    );
    assert!(
        matches!(again, Err(Error::Conflict(_))),
        "an id of somebody else's change is no way to its answer"
    );
}

#[test]
fn what_was_meant_for_others_is_not_told_and_undone_is_what_was_undone_of_theirs() {
    let world = World::new();
    let [mid, side] = ["mid", "side"].map(|who| {
        Local::open(&world.path(), Some(&format!("{who}-admin@x.example")), false).expect("session")
    });
    let edit = |text: &str, edit: estate::Edit| Change::Edit {
        target: all(&world.root, text),
        edit: Box::new(edit),
    };
    // Mid's SIM is only refused: what was written on Side's is not told there.
    apply(&world.root, &edit("iccid:*11", estate::Edit::state(estate::Verb::Terminate, ""))).expect("ended");
    let why = estate::Edit::state(estate::Verb::Suspend, "Side owes us");
    apply(&world.root, &edit("iccid:*11 or iccid:*13", why)).expect("suspended");
    let last = |local: &Local| {
        let wanted = LogFilter { limit: 1, ..LogFilter::default() };
        local.entries(&wanted, &Cancel::new()).expect("log").remove(0)
    };
    assert_eq!(last(&mid).summary, "suspend: none of your SIMs changed");
    assert!(last(&side).summary.contains("Side owes us"));
    // Mid undoes what was done to its own: for Side nothing was undone.
    let tags = estate::Edit { tags: estate::Listed::parse("+audit"), ..estate::Edit::default() };
    let tagged = apply(&world.root, &edit("iccid:*12 or iccid:*13", tags)).expect("tagged");
    undo(&mid, &tagged.id).expect("undone");
    assert_eq!((last(&side).rev, last(&side).undone), (tagged.rev, false));
    // A SIM that came later is not put back by who was not there.
    let label = estate::Edit { label: Some("x".into()), ..estate::Edit::default() };
    let labelled = apply(&world.root, &edit("iccid:*12 or iccid:*13", label)).expect("labelled");
    let to = world.account("/Root/Mid");
    let clear = estate::Clear::default();
    apply(&world.root, &Change::Move { target: all(&world.root, "iccid:*13"), to, clear }).expect("moved");
    assert_eq!(plan(&mid, &Change::Undo { change: labelled.id }).total, 1);
    // The store as a whole is for those who see it whole.
    let copy = world.path().with_extension("copy");
    assert_eq!((mid.check(), mid.backup(&copy, &go)), (Err(Error::RootOnly), Err(Error::RootOnly)));
    assert!(world.root.backup(&copy, &go).is_ok());
}
