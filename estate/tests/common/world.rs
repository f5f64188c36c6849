//! The table of who may change what, run on an estate however it is reached; and the sub-customer
//! who wants to see the neighbour's.

use std::path::PathBuf;

use estate::{
    AccountId, CancelToken, Change, Estate, EventFilter, Help, Local, LogFilter, Query, Role, SimId,
    Target, UserId,
};

use super::changes::{self, apply, sim};
use super::common::{estate, import};
use super::rules::{self, Object, Place, TABLE, Verdict};

const CSV: &[u8] = b"iccid,account,status,cap,tags,notes,network,recipients\n\
8900101000000000011,Mid,active,500MB,mine,,NetA,\n\
8900101000000000012,Mid / Leaf,active,500MB,mine,,NetA,\n\
8900101000000000013,Side,active,500MB,theirs,neighbour secret,NetB,ops@side.example\n\
8900101000000000014,,active,500MB,ours,root secret,NetC,\n";

/// Root above, Mid in the middle, Leaf below it, Side beside it.
pub struct World {
    _dir: tempfile::TempDir,
    /// The root's Admin.
    pub root: Local,
}

/// How a user of the account in the middle reaches the estate.
pub type Open<'a> = dyn Fn(&World, Role) -> Box<dyn Estate> + 'a;

impl World {
    /// A new one.
    pub fn new() -> Self {
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
            // Nobody is left without an Admin when one is changed, and each account has someone to
            // be changed.
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

    /// The account of that path.
    pub fn account(&self, path: &str) -> AccountId {
        self.root.accounts(&CancelToken::new()).expect("accounts").find(path).expect(path)
    }

    /// The user of that address.
    pub fn user(&self, email: &str) -> UserId {
        let users = self.root.users(None, &CancelToken::new()).expect("users");
        users.iter().find(|u| u.email == email).expect(email).id
    }

    /// One of each kind of object at a place.
    pub fn object(&self, place: Place) -> Object {
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

    /// Where the store is.
    pub fn path(&self) -> PathBuf {
        self.root.path().to_owned()
    }

    /// A user of the account in the middle, at the store itself.
    pub fn session(&self, role: Role) -> Local {
        Local::open(&self.path(), Some(&format!("mid-{}@x.example", role.word())), false)
            .expect("session")
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
            let users = world.root.users(Some(object.account), &CancelToken::new()).unwrap_or_default();
            let to = world.account("/Root");
            let query = Query { deep: false, ..Query::all(object.account, changes::NOW) };
            let clear = estate::MoveOptions::default();
            drop(apply(&world.root, &Change::Move { target: Target::query(query), to, clear }));
            // Admins last: the last one of an account that has users stays.
            let (admins, others): (Vec<_>, Vec<_>) =
                users.into_iter().partition(|u| u.role == Role::Admin);
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

/// Every change by every role at every place is as the table says.
pub fn every_change(open: &Open<'_>) {
    let (mut seen, mut world) = (Vec::new(), World::new());
    for row in TABLE {
        for place in Place::ALL {
            for role in Role::ALL {
                let (object, own) = (world.object(place), world.object(Place::Own));
                if place == Place::Below {
                    prepare(&world, row.kind, &object);
                }
                let session = open(&world, role);
                let change = (row.change)(&object, &own);
                assert!(rules::is_covered(&change));
                let wanted = rules::expected(row, role, place);
                let (got, said) = rules::verdict(session.as_ref(), &change);
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

/// A change of what is hidden is answered like one of what is not there.
pub fn hidden_is_absent(open: &Open<'_>) {
    let world = World::new();
    let session = open(&world, Role::Admin);
    let own = world.object(Place::Own);
    for row in TABLE {
        let said = |place| {
            let object = world.object(place);
            let change = (row.change)(&object, &own);
            let planned = match session.plan(&change, &CancelToken::new()) {
                Ok(plan) => format!("{:?}", (plan.total, plan.counts, plan.warnings)),
                Err(error) => error.to_string(),
            };
            let (_, said) = rules::verdict(session.as_ref(), &change);
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
fn reads(local: &dyn Estate, object: &Object, iccid: &str) -> Vec<String> {
    let c = CancelToken::new();
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
        format!("{:?}", local.last_state_change(object.sim, &c)),
        format!("{:?}", local.sim_by_iccid(iccid, &c).map(|_| ())),
        format!("{:?}", local.target_ids(&Target::ids([object.sim]), 9, &c)),
        format!("{:?}", local.levels_summary(&Target::ids([object.sim]), &c)),
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

/// No read tells what is hidden from what is not there.
pub fn reads_are_blind(open: &Open<'_>) {
    let world = World::new();
    // There is something to be found out about: a suspension with a reason, a change of caps, a
    // move to and fro.
    let reason = estate::Edit::state(estate::Verb::Suspend, "neighbour secret");
    let side = Target::ids([sim(&world.root, 13).id]);
    apply(&world.root, &Change::Edit { target: side, edit: Box::new(reason) }).expect("suspended");
    let session = open(&world, Role::Admin);
    let session = session.as_ref();
    let absent = reads(session, &world.object(Place::Nowhere), "8900101000000000099");
    for (place, iccid) in
        [(Place::Sibling, "8900101000000000013"), (Place::Parent, "8900101000000000014")]
    {
        assert_eq!(reads(session, &world.object(place), iccid), absent, "{place:?}");
    }
}
