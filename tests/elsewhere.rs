//! The screen on an estate that is elsewhere: what it says when the server goes, and how it goes on
//! when it is back.

#[path = "common/serving.rs"]
mod serving;

use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use assert_cmd::cargo::CommandCargoExt as _;
use estate::demo::{self, Demo};
use estate::{
    CancelToken, Change, ChangeId, Edit, Error, Estate, Filter, Local, NewToken, Query, Role, Secret,
    Target, Time, UserChange,
};
use serving::Server;
use simdeck::credentials::Credentials;
use simdeck::remote::{self, Remote};
use simdeck::tui::Kind;
use simdeck::tui::harness::Session;
use simdeck::tui::msg::Msg;
use simdeck::tui::theme::Theme;

fn serve(store: &Path, listen: &str) -> Server {
    let mut command = Command::cargo_bin("simdeck").expect("binary");
    let home = store.parent().expect("folder");
    command.env_clear().env("HOME", home).arg("--store").arg(store).stdin(Stdio::null());
    Server::of(command, listen, &["--as", demo::email(Role::Admin)])
}

/// A demo of so many SIMs on a server, and its root Admin at the store.
fn estate_of(sims: u64) -> (tempfile::TempDir, Local, Server) {
    let dir = tempfile::tempdir().expect("folder");
    let store = dir.path().join("demo.db");
    let size = Demo { sims, accounts: 24, seed: 3 };
    let root = demo::create(&store, size, Time::now(), &|_| ControlFlow::Continue(())).expect("demo");
    let server = serve(&store, "127.0.0.1:0");
    (dir, root, server)
}

/// Whoever has that secret, at a server.
fn connected(server: &Server, secret: &Secret) -> Remote {
    let credentials = Credentials::from_token(secret.reveal()).expect("a token");
    let address = remote::Server::parse(&server.base, false).expect("address");
    Remote::connect(address, credentials, false).expect("connected")
}

/// Their screen.
fn screen(remote: Remote, now: Time) -> Session {
    Session::of(Arc::new(remote), Kind::Remote, (120, 40), now, Theme::load_shipped("dark", false))
}

#[test]
fn a_lost_server_leaves_what_is_loaded_and_everything_goes_on_when_it_is_back() {
    let (_dir, root, mut server) = estate_of(400);
    let (store, now) = (root.path().to_owned(), Time::now());
    let place = server.base.trim_start_matches("http://").to_owned();
    let remote = connected(&server, &root.begin_session().expect("session").token);
    drop(root);
    let mut session = screen(remote, now);
    session.keys("<Down><Space>");
    let shown = |session: &Session, text: &str| {
        assert!(session.text().contains(text), "no {text:?} in\n{}", session.text());
    };
    shown(&session, &format!("POLLING · {place}"));
    session.msg(Msg::Live(true));
    shown(&session, &format!("LIVE · {place}"));
    shown(&session, "1 selected");

    session.msg(Msg::Live(false));
    server.child.kill().expect("killed");
    assert_eq!(server.ended().1, None);
    session.msg(Msg::Offline(Some(now)));
    shown(&session, "OFFLINE · as of 0 s ago");
    shown(&session, "nothing is changed until it is back");
    session.model.now = Time(now.0 + 130);
    shown(&session, "OFFLINE · as of 2 min ago");
    // What is loaded can be read; what would change something is not there, and says why.
    session.keys("<Down>w");
    shown(&session, "wait until it is back");
    shown(&session, "1 selected");
    // The rows loaded before stay, and the cursor goes as far as they reach.
    let loaded = session.model.table.rows.len();
    session.keys("<End><Home>");
    assert_eq!((session.model.table.rows.len(), session.model.table.cursor), (loaded, 0));
    session.keys("<End>");
    assert_eq!((session.model.table.rows.len(), session.model.table.cursor), (loaded, loaded - 1));
    shown(&session, "rows already loaded stay");
    // Another list is not loaded: the rows there are never pass for it.
    session.keys("/status=suspended<Enter>");
    shown(&session, "This list is not loaded.");
    assert!(session.model.table.rows.is_empty());

    let mut server = serve(&store, &place);
    session.msg(Msg::Offline(None));
    assert_eq!(session.model.table.first, Some(0), "it begins at its beginning");
    shown(&session, &format!("POLLING · {place}"));
    shown(&session, "the server answers again");
    shown(&session, "1 selected");
    assert!(
        !session.model.table.rows.is_empty()
            && session.model.table.rows.iter().all(|row| row.row.sim.suspended)
    );
    session.keys("<BS>");
    // A question that the server has not answered goes on when it is back.
    server.child.kill().expect("killed");
    assert_eq!(server.ended().1, None);
    session.keys("wpolar<Enter>");
    session.msg(Msg::Offline(Some(now)));
    shown(&session, "this goes on when it is back");
    shown(&session, "OFFLINE");
    let _server = serve(&store, &place);
    session.msg(Msg::Offline(None));
    shown(&session, "1 SIM: 0 would change · 1 is refused");
}

#[test]
fn the_screen_of_a_token_begins_without_complaint() {
    let (_dir, root, server) = estate_of(400);
    let new = NewToken { name: "screen".into(), account: None, writes: true, expires: None };
    let (_, secret) = root.add_token(&new).expect("token");
    let session = screen(connected(&server, &secret), Time::now());
    assert!(!session.text().contains("Error"), "{}", session.text());
}

#[test]
fn who_is_signed_out_is_told_so_and_sees_no_row_that_does_not_fit() {
    let (_dir, root, server) = estate_of(400);
    let user = Local::open(root.path(), Some(demo::email(Role::User)), false).expect("opens");
    let signed = user.begin_session().expect("session");
    let mut session = screen(connected(&server, &signed.token), Time::now());
    let out = Change::ChangeUser { user: user.me().id, to: UserChange::Disable };
    root.apply(&ChangeId::new(), &out, &|_| ControlFlow::Continue(())).expect("kept out");
    session.keys("/status=suspended<Enter>");
    session.shows("SIGNED OUT");
    session.shows("This list is not loaded.");
    assert!(session.model.table.rows.is_empty());
    session.keys("<Esc>S").shows("simdeck login");
}

#[test]
fn what_somebody_stops_over_a_server_is_taken_back_and_not_sent_again() {
    let (_dir, root, mut server) = estate_of(20_000);
    let now = Time::now();
    let remote = connected(&server, &root.begin_session().expect("session").token);
    let all = Query::all(root.me().account, now);
    let edit = Edit { label: Some("Stopped".into()), ..Edit::default() };
    let change = Change::Edit { target: Target::query(all), edit: Box::new(edit) };
    let stopped = remote.apply(&ChangeId::new(), &change, &|_| ControlFlow::Break(()));
    assert_eq!(stopped, Err(Error::Cancelled));
    server.child.kill().expect("killed");
    let (log, _) = server.ended();
    assert_eq!(log.matches("\"method\":\"PUT\"").count(), 1, "{log}");
    let filter = Filter::parse("label=Stopped").expect("filter");
    let changed = Query { filter, ..Query::all(root.me().account, now) };
    assert_eq!(root.count(&changed, &CancelToken::new()), Ok(0));
}
