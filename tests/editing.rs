//! Edits on the screen: what is written about SIMs, and their state.

mod common;

use common::{session, session_as};
use estate::{CancelToken, Role, Sim, SimId};
use simdeck::tui::harness::Session;
use simdeck::tui::hit_test::Hit;
use simdeck::tui::overlay::Overlay;
use simdeck::tui::term::Button;

fn current(session: &Session) -> SimId {
    session.model.table.current().expect("a row").row.sim.id
}

fn sim(session: &Session, id: SimId) -> Sim {
    session.estate.sim(id, &CancelToken::new()).expect("a SIM")
}

#[test]
fn one_sim_is_edited_at_once_and_u_takes_it_back() {
    let (_dir, mut session) = session((80, 24));
    session.keys("/status=active has:label<Enter>");
    let id = current(&session);
    let before = sim(&session, id);
    session.keys("E");
    session.shows("Edit SIM");
    session.shows(&before.label);
    session.keys("<C-u>Gate 7<Tab>vi");
    session.shows("→ completes: vip");
    session.keys("<Right><Tab><Tab><Tab>Roof.<Enter>Ask Jo.<C-s>");
    session.shows("1 done (u undoes it) · Edit SIM");
    let now = sim(&session, id);
    assert_eq!((now.label.as_str(), now.notes.as_str()), ("Gate 7", "Roof.\nAsk Jo."));
    assert!(now.tags.contains(&"vip".to_owned()), "{:?}", now.tags);
    assert_eq!(now.recipients, before.recipients, "what was not touched stays");
    session.keys("uy");
    assert_eq!(sim(&session, id).label, before.label);
}

#[test]
fn many_are_shown_first_and_differences_are_kept() {
    let (_dir, mut session) = session((100, 30));
    session.keys("/tag=vip or tag=pilot<Enter>*m");
    let n = session.model.picked.total.expect("counted");
    session.keys("E");
    session.shows("«mixed»");
    session.keys("<Tab>+gold, -vip<Enter>");
    session.shows("tags: +gold -vip");
    session.shows(&format!("{n} SIMs: {n} would change"));
    session.keys("y");
    session.shows(&format!("{n} done"));
    session.keys("<Esc><BS>/tag=gold<Enter>");
    assert_eq!(session.model.matching, Some(n));
}

#[test]
fn a_sign_begins_anew_where_a_list_stands_as_it_was_read() {
    let (_dir, mut session) = session((80, 24));
    session.keys("/tag=vip<Enter>");
    let id = current(&session);
    session.keys("E<Tab>-vip, +gold<Enter>");
    session.shows("1 done");
    assert_eq!(sim(&session, id).tags, ["gold"]);
}

#[test]
fn what_is_wrong_is_said_at_its_field_and_nothing_is_lost() {
    let (_dir, mut session) = session((80, 24));
    session.keys("E<Tab><Tab><Tab>nobody<Enter>");
    session.shows("email");
    let line = |session: &Session| match session.model.overlays.last() {
        Some(Overlay::Form(form)) => form.line,
        other => panic!("{other:?}"),
    };
    assert_eq!(line(&session), 3);
    session.keys("<Esc>");
    session.shows("Esc again leaves it as it was");
    session.shows("nobody");
    session.keys("<Esc>");
    assert!(session.model.overlays.is_empty());
    // A click opens a field.
    session.keys("E");
    let at = session.hit(|hit| hit == Hit::Field(2, None));
    session.click(Button::Left, at);
    assert_eq!(line(&session), 2);
}

#[test]
fn roles_see_why_a_field_is_closed() {
    let (_dir, mut session) = session_as((80, 24), Role::User, false);
    session.keys("/status=active has:label<Enter>E<Tab>");
    let Some(Overlay::Form(form)) = session.model.overlays.last() else { panic!("no form") };
    assert_eq!(form.fields[form.line].key, "notes", "tags, categories and recipients are passed over");
    let at = session.hit(|hit| hit == Hit::Field(1, None));
    session.click(Button::Left, at);
    session.shows("manage tags");
    session.keys("<Esc>Ss");
    session.shows("Suspend: the role User may not activate, suspend, resume or terminate SIMs");
    let (_dir, mut session) = session_as((80, 24), Role::ViewOnly, false);
    session.keys("E");
    session.shows("may not edit labels and notes");
}

#[test]
fn state_is_changed_with_a_reason_and_terminating_is_typed() {
    let (_dir, mut session) = session((100, 30));
    session.keys("/status=active<Enter>");
    let id = current(&session);
    session.keys("Ss");
    session.shows("Suspend SIM");
    session.keys("unpaid bill<Enter>");
    session.shows("suspend, because unpaid bill");
    session.keys("y");
    session.shows("1 done");
    session.keys(&format!("<BS>/id={}<Enter><Enter>", id.0));
    session.shows("unpaid bill");
    // From the details: the actions of that one SIM.
    session.keys("m");
    session.shows("Terminate…");
    session.keys("<Esc>");
    session.keys("<Esc>StEnd of contract<Enter>");
    session.shows("cannot be undone");
    session.shows("Type 1 to terminate");
    session.keys("1<Enter>");
    session.shows("1 done");
    session.keys("Sr");
    session.shows("terminated SIMs are not changed any more");
}

#[test]
fn authentication_is_everyones_to_switch() {
    let (_dir, mut session) = session_as((100, 30), Role::ViewOnly, false);
    session.keys("/status=active<Enter>");
    let id = current(&session);
    session.keys("Suf");
    session.shows("SIM authentication off");
    session.keys("y");
    assert!(!sim(&session, id).authentication);
    session.keys("<Enter>");
    session.shows("off: the network does not admit it");
    let (_dir, mut session) = session_as((100, 30), Role::Admin, true);
    session.keys("Su");
    session.shows("this session is read-only");
}

#[test]
fn the_network_is_asked_and_what_it_says_is_shown() {
    let (_dir, mut session) = session((80, 24));
    session.keys("/status=active<Enter>Sp");
    session.shows("Ping of SIM");
    session.shows("3 answered");
    session.keys("y<Esc>Sd");
    session.shows("registered     yes");
    session.keys("<Esc><Enter>m");
    session.shows("Diagnostics");
    // It asks about one SIM: with several selected it does not quietly take another.
    session.keys("<Esc><Esc><Space><Space>Sp");
    session.shows("one SIM at a time");
    session.keys("*n<Enter>m");
    // Where nothing is configured, and for whom it is not, the reason is said.
    session.keys("<Esc><Esc>");
    session.model.probes = simdeck::probe::Probes::default();
    session.keys("Sp");
    session.shows("nothing is configured for the network");
    let (_dir, mut session) = session_as((80, 24), Role::ViewOnly, false);
    session.keys("Sd");
    session.shows("may not run diagnostics");
}

#[test]
fn on_the_smallest_screen_every_field_is_shown_when_the_cursor_is_there() {
    let (_dir, mut session) = session((40, 10));
    session.keys("E");
    for name in ["Label", "Tags", "Categories", "Recipients", "Notes"] {
        let there = session.text().lines().any(|line| line.contains(name));
        assert!(there, "no {name} in\n{}", session.text());
        session.shows("Cancel");
        session.keys("<Tab>");
    }
}
