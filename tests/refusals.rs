//! Typing that follows a refusal runs no commands, and a change of the profile is shown before it
//! is made.

mod common;

use std::time::Duration;

use common::{session, session_as};
use estate::{CancelToken, Role};
use simdeck::tui::harness::Session;
use simdeck::tui::msg::Effect;
use simdeck::tui::overlay::Overlay;

/// Types at the pace of a fast typist.
fn fast(session: &mut Session, keys: &str) {
    let pace = std::mem::replace(&mut session.pace, Duration::from_millis(90));
    session.keys(keys);
    session.pace = pace;
}

#[test]
fn typing_after_no_match_is_ignored() {
    let (_dir, mut session) = session((120, 40));
    let name = session.model.me.name.clone();
    fast(&mut session, "/zzz<Enter> w Polar<Enter>");
    assert!(session.model.overlays.is_empty(), "{}", session.text());
    assert_eq!(session.model.me.name, name);
    session.shows("No matches · ignored:  w Polar⏎");
    // A moment later the keys work again.
    session.keys("P").shows("My profile");
}

/// A server answers late: what is typed meanwhile is not meant for the rows of the filter before.
#[test]
fn typing_before_the_answer_to_a_filter_is_ignored() {
    for (filter, shown) in [("zzz", "No matches · ignored:  w Polar⏎ P"), ("status=active", "")] {
        let (_dir, mut session) = session((120, 40));
        let name = session.model.me.name.clone();
        session.hold = true;
        fast(&mut session, &format!("/{filter}<Enter> w Polar<Enter>"));
        assert!(session.model.overlays.is_empty(), "{}", session.text());
        assert!(session.model.picked.is_empty());
        session.shows("filtering · ignored:  w Polar⏎");
        session.release();
        // With rows, letters are commands at once; without, the typing may still go on.
        fast(&mut session, " P");
        let is_profile = matches!(session.model.overlays.last(), Some(Overlay::Form(_)));
        assert_eq!(is_profile, shown.is_empty(), "{filter}: {}", session.text());
        session.shows(shown);
        assert_eq!(session.model.me.name, name);
    }
}

#[test]
fn letters_are_held_back_for_a_moment_only() {
    let (_dir, mut session) = session((120, 40));
    session.hold = true;
    session.keys("/status=active<Enter>");
    session.model.at += Duration::from_millis(701);
    session.keys("?").shows("Help");
}

#[test]
fn typing_after_a_refused_key_is_ignored() {
    let (_dir, mut session) = session_as((120, 40), Role::ViewOnly, false);
    let name = session.model.me.name.clone();
    fast(&mut session, "wPolar<Enter>");
    assert!(session.model.overlays.is_empty(), "{}", session.text());
    assert_eq!(session.model.me.name, name);
    session.shows("· ignored: Polar⏎");
    session.keys("?").shows("Help");
}

#[test]
fn movement_and_held_keys_are_not_held_up() {
    let (_dir, mut session) = session_as((120, 40), Role::ViewOnly, false);
    fast(&mut session, "w<Down>jj");
    assert_eq!(session.model.table.cursor, 3, "an arrow ends it");
    fast(&mut session, "wjjjjjjjjjjjj");
    assert!(session.model.table.cursor > 3, "a key that repeats does not extend it");
}

#[test]
fn an_error_that_arrives_ignores_letters_outside_fields_only() {
    let (_dir, mut session) = session((120, 40));
    session.model.refuse("refused");
    fast(&mut session, "u");
    session.shows("refused · ignored: u");
    session.keys("/");
    session.model.refuse("refused");
    fast(&mut session, "status");
    assert_eq!(
        session.model.search.as_ref().map(|s| s.line.text().to_owned()).as_deref(),
        Some("status")
    );
}

#[test]
fn a_profile_is_shown_before_and_after_and_undone() {
    let (_dir, mut session) = session_as((100, 30), Role::Admin, false);
    let name = session.model.me.name.clone();
    session.keys("P<C-u>Polar<Enter>");
    session.shows(&format!("Name: {name} → Polar"));
    session.keys("<Esc>");
    assert!(matches!(session.model.overlays.last(), Some(Overlay::Form(_))), "nothing typed is lost");
    assert_eq!(session.model.me.name, name);
    session.keys("<Enter>y");
    session.shows("u undoes it");
    assert_eq!(session.model.me.name, "Polar");
    assert!(session.model.overlays.is_empty());
    session.keys("u");
    assert_eq!(session.model.me.name, name);
    let me = session.model.me.id;
    let users = session.estate.users(None, &CancelToken::new()).expect("users");
    assert!(users.iter().any(|user| user.id == me && user.name == name));
}

#[test]
fn a_new_address_is_withdrawn_by_undo() {
    let (dir, mut session) = session_as((100, 30), Role::Admin, false);
    let email = session.model.me.email.clone();
    session.keys("P<Tab><C-u>new@northstar.example<Enter>");
    session.shows(&format!("Email: {email} → new@northstar.example"));
    session.keys("yu");
    session.shows("Withdraw the new address");
    let path = dir.path().join("demo.db");
    assert!(estate::Local::open(&path, Some("new@northstar.example"), true).is_err());
    assert!(estate::Local::open(&path, Some(&email), true).is_ok());
    session.keys("u").shows("nothing to take back");
    assert!(!session.outside.iter().any(|effect| matches!(effect, Effect::Quit)));
}
