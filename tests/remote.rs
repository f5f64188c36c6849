//! An estate on a server is the same as one that is here: the same rules, the same answers, over
//! real HTTP.

#[path = "../estate/tests/common/changes.rs"]
mod changes;
#[path = "../estate/tests/common/mod.rs"]
mod common;
#[path = "../estate/tests/common/rules.rs"]
mod rules;
#[path = "common/serving.rs"]
mod serving;
#[path = "../estate/tests/common/world.rs"]
mod world;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use assert_cmd::cargo::CommandCargoExt as _;
use changes::{NOW, all, apply, plan, sim, undo};
use estate::{
    CancelToken, Change, ChangeId, Edit, Error, Estate, Field, Filter, Key, List, Local, LogFilter,
    MoveOptions, Order, Query, Role, SavedEdit, Seek, Sim, SortValue, Target, WINDOW,
};
use serving::Server;
use simdeck::credentials::Credentials;
use simdeck::remote::{self, Remote};
use world::World;

/// Serves a store.
fn serve(store: &std::path::Path, listen: &str) -> Server {
    let mut command = Command::cargo_bin("simdeck").expect("binary");
    let home = store.parent().expect("folder");
    command.env_clear().env("HOME", home).arg("--store").arg(store).stdin(Stdio::null());
    Server::of(command, listen, &["--as", "root@x.example", "--rate", "1000000"])
}

/// A session at a server, of whoever is signed in at the store.
fn connect(base: &str, local: &Local) -> Remote {
    let signed = local.begin_session().expect("session");
    let credentials = Credentials::from_token(signed.token.reveal()).expect("a token");
    Remote::connect(remote::Server::parse(base, false).expect("address"), credentials, false)
        .expect("connected")
}

/// One server for each world, for as long as the world is used.
#[derive(Default)]
struct Servers(RefCell<BTreeMap<PathBuf, Server>>);

impl Servers {
    fn open(&self, world: &World, role: Role) -> Box<dyn Estate> {
        let path = world.path();
        let mut servers = self.0.borrow_mut();
        servers.retain(|known, _| *known == path);
        let server = servers.entry(path.clone()).or_insert_with(|| serve(&path, "127.0.0.1:0"));
        Box::new(connect(&server.base, &world.session(role)))
    }
}

#[test]
fn every_change_by_every_role_at_every_place_is_as_the_table_says_at_a_server_too() {
    let servers = Servers::default();
    world::every_change(&|world, role| servers.open(world, role));
}

#[test]
fn a_server_tells_what_is_hidden_no_more_than_what_is_not_there() {
    let servers = Servers::default();
    world::hidden_is_absent(&|world, role| servers.open(world, role));
    world::reads_are_blind(&|world, role| servers.open(world, role));
}

/// What an estate says to everything a screen asks, as texts that can be compared.
fn said(estate: &dyn Estate) -> Vec<String> {
    let c = CancelToken::new();
    let top = estate.accounts(&c).expect("accounts").top().expect("top").id;
    let whole = Query::all(top, NOW);
    let sort = Order::parse("account,used:desc").expect("order");
    let sorted = Query { sort, ..whole.clone() };
    let wrong = Query { filter: Filter::parse("in:\"/Nowhere\"").expect("filter"), ..whole.clone() };
    let first = estate.page(&sorted, &Seek::First, 1, &c).expect("page").rows.remove(0);
    let (key, id) = (first.key.clone(), first.sim.id);
    let last = Key { values: vec![SortValue::Number(i64::MAX), SortValue::Number(0)], id };
    let target = Target::query(whole.clone());
    let tree = estate.accounts(&c).expect("accounts");
    let log = estate.entries(&LogFilter { limit: 9, ..LogFilter::default() }, &c);
    let rev = log.as_ref().map_or(0, |log| log.first().map_or(0, |entry| entry.rev));
    let mut rows = Vec::new();
    let mut keep = |sim: &Sim| {
        rows.push(sim.iccid.clone());
        Ok(true)
    };
    let exported = estate.export(&sorted, None, &mut keep, &c);
    // Whoever has seen enough stops it, and asks on.
    let stopping = CancelToken::new();
    let stopped = estate.export(&sorted, None, &mut |_| Ok(false), &stopping);
    vec![
        format!("{:?} {:?} {}", estate.me(), estate.roles(), estate.read_only()),
        format!("{:?} {}", tree.all(), tree.has_root()),
        format!("{:?}", tree.all().iter().map(|a| tree.subtree(a.id).len()).collect::<Vec<_>>()),
        format!("{:?}", estate.users(None, &c)),
        format!("{:?}", estate.page(&sorted, &Seek::First, WINDOW, &c)),
        format!("{:?}", estate.page(&sorted, &Seek::After(key.clone()), 2, &c)),
        format!("{:?}", estate.page(&sorted, &Seek::Row(1), 2, &c)),
        format!("{:?}", estate.page(&wrong, &Seek::First, 2, &c)),
        format!("{:?} {:?}", estate.count(&whole, &c), estate.count_target(&target, &whole, &c)),
        format!(
            "{:?} {:?}",
            estate.selected_among(&target, &[id], &c),
            estate.target_ids(&target, 99, &c)
        ),
        format!("{:?}", estate.range(&sorted, &key, &last, 99, &c)),
        format!("{:?} {:?}", estate.sim(id, &c), estate.last_state_change(id, &c)),
        format!("{:?}", estate.sim_by_iccid("8900101000000000099", &c)),
        format!("{:?}", estate.lookup(&List::of(["8900101000000000011", "x"]), &c)),
        format!("{:?}", estate.values(Field::Tag, &c)),
        format!("{:?} {:?}", estate.levels_summary(&target, &c), estate.common(&target, &c)),
        format!("{:?} {:?}", estate.usage(id, &c), estate.estate_usage(top, &c)),
        format!(
            "{:?} {:?}",
            estate.events(&estate::EventFilter::default(), &c),
            estate.events_after(0, &c)
        ),
        format!("{:?} {:?} {:?}", estate.externals(top, &c), estate.help(&c), estate.help_of(top, &c)),
        format!(
            "{:?} {:?} {:?}",
            estate.wants_mail(&c),
            estate.last_event_seen(&c),
            estate.saved_filters(&c)
        ),
        format!("{log:?} {:?}", estate.change_items(rev, None, None, 9, &c)),
        format!("{stopped:?} {} {:?}", stopping.is_cancelled(), estate.count(&whole, &stopping)),
        format!("{exported:?} {rows:?} {:?}", estate.tokens(estate.me().id)),
        format!("{:?}", estate.changed_since(0)),
    ]
}

#[test]
fn every_read_says_at_a_server_what_it_says_here() {
    let world = World::new();
    let server = serve(&world.path(), "127.0.0.1:0");
    for role in Role::ALL {
        // Who signs in for the first time learns so only the next time, once it could be written
        // down.
        let mut sessions = std::iter::repeat_with(|| world.session(role));
        let local = sessions.find(|session| session.me().signed_in.is_some()).expect("signed in");
        let remote = connect(&server.base, &local);
        for (here, there) in said(&local).into_iter().zip(said(&remote)) {
            assert_eq!(here, there, "{role}");
        }
    }
}

#[test]
fn what_is_planned_made_and_taken_back_at_a_server_is_so_for_everybody() {
    let world = World::new();
    let server = serve(&world.path(), "127.0.0.1:0");
    let remote = connect(&server.base, &world.root);
    let to = world.account("/Root/Side");
    let change = Change::Move { target: all(&remote, "tag=mine"), to, clear: MoveOptions::default() };
    let planned = plan(&remote, &change);
    assert_eq!(planned, plan(&world.root, &change));
    // The same number is the same change, however often it is sent.
    let id = ChangeId::new();
    let confirmed = change.with_confirmation(&planned);
    let receipt = remote.apply(&id, &confirmed, &changes::go).expect("moved");
    assert_eq!(remote.apply(&id, &confirmed, &changes::go), Ok(receipt.clone()));
    assert_eq!((receipt.counts.done, sim(&world.root, 11).account), (2, to));
    undo(&remote, &id).expect("undone");
    assert_ne!(sim(&world.root, 11).account, to);
    // Whoever only looks on changes nothing, and what has changed meanwhile is noticed.
    let stale = Change::Move { target: all(&remote, "tag=mine"), to, clear: MoveOptions::default() }
        .with_confirmation(&planned);
    let note = Edit { notes: Some("later".into()), ..Edit::default() };
    apply(&world.root, &Change::Edit { target: all(&world.root, "tag=mine"), edit: Box::new(note) })
        .expect("edited");
    assert_eq!(apply(&remote, &stale).map(|receipt| receipt.counts.conflict), Ok(2));
    // Somebody's own things are theirs there too.
    let saved =
        estate::Saved { name: "Mine".into(), filter: "tag=mine".into(), ..estate::Saved::default() };
    remote.edit_saved(&[SavedEdit::Put(saved, false)]).expect("saved");
    assert_eq!(world.root.saved_filters(&CancelToken::new()).expect("saved")[0].name, "Mine");
    // A change that is stopped has not been, or it had come to its end: whichever it is, is said.
    let notes = Edit { notes: Some("x".into()), ..Edit::default() };
    let change = Change::Edit { target: all(&remote, ""), edit: Box::new(notes) };
    let stopped = remote.apply(&ChangeId::new(), &change, &|_| ControlFlow::Break(()));
    let is_so = if stopped.is_ok() { "x" } else { "neighbour secret" };
    assert!(matches!(stopped, Ok(_) | Err(Error::Cancelled)), "{stopped:?}");
    assert_eq!(sim(&world.root, 13).notes, is_so);
    // A file is brought in a piece at a time, with what there is to say of its rows.
    let csv = b"iccid,account\n8900101000000000021,Mid\nrubbish,Mid\n";
    let stage = |estate: &dyn Estate| {
        let mut notes = Vec::new();
        let options = estate::ImportOptions::default();
        let staged = estate.stage(Box::new(&csv[..]), &options, &mut |n| notes.push(n), &changes::go);
        let (staging, tally) = staged.expect("staged");
        (staging, tally, notes)
    };
    let (staging, tally, notes) = stage(&remote);
    let (_, here, said) = stage(&world.root);
    assert_eq!((tally.added, tally, notes), (1, here, said));
    apply(&remote, &Change::Import { staging }).expect("imported");
    assert_eq!(sim(&world.root, 21).account, world.account("/Root/Mid"));
    // Through somebody else's eyes nothing is written.
    let seen = remote.view_as(world.user("side-admin@x.example")).expect("seen");
    assert_eq!(seen.me().email, "side-admin@x.example");
    assert_eq!(seen.accounts(&CancelToken::new()).expect("accounts").all().len(), 1);
    assert_eq!(seen.apply(&id, &confirmed, &changes::go), Err(Error::ReadOnly));
}

#[test]
fn what_one_changes_the_other_hears_and_a_lost_server_is_known_and_found_again() {
    let world = World::new();
    let mut server = serve(&world.path(), "127.0.0.1:0");
    let listen = server.base.trim_start_matches("http://").to_owned();
    let (mine, theirs) =
        (connect(&server.base, &world.session(Role::Admin)), connect(&server.base, &world.root));
    let mine = Arc::new(mine);
    let (sender, receiver) = channel();
    let _watch = mine.on_commit(Box::new(move || _ = sender.send(()))).expect("watched");
    let patience = Duration::from_secs(30);
    let until = |done: &dyn Fn() -> bool| {
        while !done() {
            receiver.recv_timeout(patience).expect("heard");
        }
    };
    let seen = mine.rev().expect("revision");
    let note = |text: &str| {
        let edit = Box::new(Edit { notes: Some(text.into()), ..Edit::default() });
        apply(&theirs, &Change::Edit { target: all(&theirs, "tag=mine"), edit })
    };
    note("one").expect("edited");
    until(&|| mine.changed_since(seen).is_ok_and(|(_, touched)| touched));
    // What is none of their business they do not hear of.
    let now = mine.rev().expect("revision");
    let aside = Edit { notes: Some("two".into()), ..Edit::default() };
    apply(&theirs, &Change::Edit { target: all(&theirs, "tag=theirs"), edit: Box::new(aside) })
        .expect("edited");
    assert_eq!(mine.changed_since(now), Ok((now + 1, false)));
    server.child.kill().expect("killed");
    assert_eq!(server.ended().1, None);
    until(&|| mine.offline_since().is_some());
    assert!(matches!(mine.rev(), Err(Error::Unreachable { .. })));
    let _server = serve(&world.path(), &listen);
    until(&|| mine.offline_since().is_none());
    note("three").expect("edited");
    assert_eq!(sim(mine.as_ref(), 11).notes, "three");
}
