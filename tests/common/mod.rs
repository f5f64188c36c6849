//! What the tests of the screen share: a small demo estate and a screen without a terminal.

use estate::demo::{self, Demo};
use estate::{Local, Role, Time};
use simdeck::tui::Kind;
use simdeck::tui::harness::Session;

/// The moment every test happens at.
pub const NOW: Time = Time(1_780_000_000);

/// A screen on the demo estate; the folder goes away with it.
pub fn session(size: (u16, u16)) -> (tempfile::TempDir, Session) {
    session_as(size, Role::Admin, false)
}

/// A screen as a user of some role.
pub fn session_as(size: (u16, u16), role: Role, read_only: bool) -> (tempfile::TempDir, Session) {
    let dir = tempfile::tempdir().expect("folder");
    let path = dir.path().join("demo.db");
    let size_of = Demo { sims: 400, accounts: 24, seed: 3 };
    drop(demo::create(&path, size_of, NOW, &|_| std::ops::ControlFlow::Continue(())).expect("demo"));
    let local = Local::open(&path, Some(demo::email(role)), read_only).expect("opens").with_clock(|| NOW);
    (dir, Session::new(local, Kind::Demo, size, NOW))
}
