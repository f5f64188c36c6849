//! The table of who may change what, run on the store; and the sub-customer who wants to see the
//! neighbour's estate.

#[path = "common/changes.rs"]
mod changes;
mod common;
#[path = "common/rules.rs"]
mod rules;
#[path = "common/world.rs"]
mod world;

use changes::{all, apply, go, plan, sim, undo};
use estate::{
    CancelToken, Change, ChangeId, Error, Estate, Field, Local, LogFilter, Role, SimId, Target,
};
use rules::Place;
use world::World;

fn local(world: &World, role: Role) -> Box<dyn Estate> {
    Box::new(world.session(role))
}

#[test]
fn every_change_by_every_role_at_every_place_is_as_the_table_says() {
    world::every_change(&local);
}

#[test]
fn what_is_hidden_answers_like_what_is_not_there() {
    world::hidden_is_absent(&local);
}

#[test]
fn no_read_tells_what_is_hidden_from_what_is_not_there() {
    world::reads_are_blind(&local);
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
        let c = CancelToken::new();
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
    let made =
        apply(&world.root, &Change::SetPeriod { account: side.account, rule: "day:9".parse().ok() })
            .expect("set");
    let session = world.session(Role::Admin);
    let said = |change: &ChangeId| match undo(&session, change) {
        Err(Error::NotFound { what, .. }) => what,
        other => panic!("{other:?}"),
    };
    assert_eq!(said(&made.id), said(&ChangeId("01a00000-0000-7000-8000-000000000000".into())));
    assert!(
        session
            .change_items(made.rev, None, None, 10, &CancelToken::new())
            .is_ok_and(|items| items.is_empty())
    );
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
    apply(&world.root, &edit("iccid:*11", estate::Edit::state(estate::Verb::Terminate, "")))
        .expect("ended");
    let why = estate::Edit::state(estate::Verb::Suspend, "Side owes us");
    apply(&world.root, &edit("iccid:*11 or iccid:*13", why)).expect("suspended");
    let last = |local: &Local| {
        let wanted = LogFilter { limit: 1, ..LogFilter::default() };
        local.entries(&wanted, &CancelToken::new()).expect("log").remove(0)
    };
    assert_eq!(last(&mid).summary, "suspend: none of your SIMs changed");
    assert!(last(&side).summary.contains("Side owes us"));
    // Mid undoes what was done to its own: for Side nothing was undone.
    let tags = estate::Edit { tags: estate::ListEdit::parse("+audit"), ..estate::Edit::default() };
    let tagged = apply(&world.root, &edit("iccid:*12 or iccid:*13", tags)).expect("tagged");
    undo(&mid, &tagged.id).expect("undone");
    assert_eq!((last(&side).rev, last(&side).undone), (tagged.rev, false));
    // A SIM that came later is not put back by who was not there.
    let label = estate::Edit { label: Some("x".into()), ..estate::Edit::default() };
    let labelled = apply(&world.root, &edit("iccid:*12 or iccid:*13", label)).expect("labelled");
    let to = world.account("/Root/Mid");
    let clear = estate::MoveOptions::default();
    apply(&world.root, &Change::Move { target: all(&world.root, "iccid:*13"), to, clear })
        .expect("moved");
    assert_eq!(plan(&mid, &Change::Undo { change: labelled.id }).total, 1);
    // The store as a whole is for those who see it whole.
    let copy = world.path().with_extension("copy");
    assert_eq!((mid.check(), mid.backup(&copy, &go)), (Err(Error::RootOnly), Err(Error::RootOnly)));
    assert!(world.root.backup(&copy, &go).is_ok());
}
