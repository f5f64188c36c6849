//! What the tests of the screen share: a small demo estate and a screen without a terminal.

use std::ffi::OsString;
use std::sync::OnceLock;

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

/// The files of the demo estate, made once for all tests of a binary.
fn demo_files() -> &'static [(OsString, Vec<u8>)] {
    static FILES: OnceLock<Vec<(OsString, Vec<u8>)>> = OnceLock::new();
    FILES.get_or_init(|| {
        let dir = tempfile::tempdir().expect("folder");
        let size_of = Demo { sims: 400, accounts: 24, seed: 3 };
        let path = dir.path().join("demo.db");
        drop(demo::create(&path, size_of, NOW, &|_| std::ops::ControlFlow::Continue(())).expect("demo"));
        let files = std::fs::read_dir(dir.path()).expect("folder").map(|file| file.expect("file"));
        files.map(|file| (file.file_name(), std::fs::read(file.path()).expect("read"))).collect()
    })
}

/// A screen as a user of some role, on a copy of the demo estate.
pub fn session_as(size: (u16, u16), role: Role, read_only: bool) -> (tempfile::TempDir, Session) {
    let dir = tempfile::tempdir().expect("folder");
    for (name, content) in demo_files() {
        std::fs::write(dir.path().join(name), content).expect("written");
    }
    let path = dir.path().join("demo.db");
    let local = Local::open(&path, Some(demo::email(role)), read_only).expect("opens").with_clock(|| NOW);
    (dir, Session::new(local, Kind::Demo, size, NOW))
}
