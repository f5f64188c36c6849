//! Session memory: one for each user of each estate.

use estate::demo::{self, Demo};
use estate::{Local, Role, Time};
use simdeck::tui::Kind;
use simdeck::tui::harness::Session;
use simdeck::tui::remember::{keep_in, recall_from};

const NOW: Time = Time(1_780_000_000);

fn store(dir: &std::path::Path, name: &str) -> std::path::PathBuf {
    let path = dir.join(name);
    let size = Demo { sims: 50, accounts: 24, seed: 3 };
    drop(demo::create(&path, size, NOW, &|_| std::ops::ControlFlow::Continue(())).expect("demo"));
    path
}

fn screen(path: &std::path::Path, role: Role) -> Session {
    let local = Local::open(path, Some(demo::email(role)), false).expect("opens").with_clock(|| NOW);
    Session::new(local, Kind::Local, (120, 40), NOW)
}

#[test]
fn another_estate_opens_at_its_own_top() {
    let dir = tempfile::tempdir().expect("folder");
    let (one, other) = (store(dir.path(), "one.db"), store(dir.path(), "other.db"));
    let mut session = screen(&one, Role::Admin);
    session.keys("<Tab><Down><Down>");
    let account = session.model.query.under;
    session.model.recents = vec![account];
    keep_in(&mut session.model, dir.path());
    drop(session);

    let mut foreign = screen(&other, Role::Admin);
    let top = foreign.model.query.under;
    recall_from(&mut foreign.model, dir.path());
    assert_eq!((foreign.model.query.under, foreign.model.recents.len()), (top, 0));
    keep_in(&mut foreign.model, dir.path());

    // The same store under another name is the same estate; another user of it has their own
    // memory.
    let moved = dir.path().join("moved.db");
    for side in ["", "-wal", "-shm"] {
        let from = dir.path().join(format!("one.db{side}"));
        if from.exists() {
            std::fs::rename(from, dir.path().join(format!("moved.db{side}"))).expect("moved");
        }
    }
    let mut again = screen(&moved, Role::Admin);
    recall_from(&mut again.model, dir.path());
    assert_eq!((again.model.query.under, again.model.recents.clone()), (account, vec![account]));
    let mut user = screen(&moved, Role::User);
    recall_from(&mut user.model, dir.path());
    assert!(user.model.recents.is_empty());
}

#[test]
fn files_of_earlier_versions_are_ignored() {
    let dir = tempfile::tempdir().expect("folder");
    let path = store(dir.path(), "one.db");
    let mut session = screen(&path, Role::Admin);
    let who: String =
        session.model.me.email.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let old = dir.path().join(format!("screen-{who}.json"));
    std::fs::write(&old, r#"{"open":[2],"recents":[2],"account":2}"#).expect("written");
    let top = session.model.query.under;
    recall_from(&mut session.model, dir.path());
    assert_eq!((session.model.query.under, session.model.recents.len()), (top, 0));
}
