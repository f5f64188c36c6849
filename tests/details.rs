//! SIM details: opened on one SIM, acted on from there, read anew when something changes.

mod common;

use common::{session, session_as};
use estate::{Alert, Change, ChangeId, Levels, Role, Target};
use simdeck::tui::hit_test::Hit;
use simdeck::tui::msg::Msg;
use simdeck::tui::overlay::Overlay;
use simdeck::tui::overlay::sim::Page;
use simdeck::tui::term::Button;

#[test]
fn enter_opens_everything_about_one_sim() {
    let (_dir, mut session) = session((100, 30));
    session.keys("/status=blocked<Enter>");
    let sim = session.model.table.current().expect("a row").row.sim.clone();
    session.keys("<Enter>");
    session.shows(&format!("SIM {}", sim.iccid));
    session.shows("Blocked: the cap was reached");
    session.shows("of the cap) in 2026-");
    session.shows("indicative");
    session.shows(&sim.imsi);
    session.keys("<Tab>");
    session.shows("The last 30 days (UTC)");
    session.shows("Periods: the calendar month");
    session.keys("d");
    session.shows("Billing periods, the running one last");
    session.keys("<Tab>");
    session.shows("First (UTC)");
    session.keys("<Tab>");
    session.shows("cap of");
    session.keys("<Left><Left><Left>");
    session.shows("Tags");
    session.keys("<Esc>");
    assert!(session.model.overlays.is_empty());
}

#[test]
fn enter_before_the_list_is_there_does_not_say_that_there_is_no_sim() {
    let (_dir, mut session) = session((100, 30));
    session.keys("/status=blocked status=active<Enter><Enter>");
    session.shows("there is no SIM here");
    session.hold = true;
    session.keys("<BS><Enter>");
    session.shows("the SIMs are still being read");
    assert!(session.model.overlays.is_empty());
}

#[test]
fn on_a_selection_enter_asks_what_to_do_with_all_of_it() {
    let (_dir, mut session) = session((100, 30));
    session.keys("<Space><Space><Enter>");
    session.shows("2 selected SIMs");
    assert!(matches!(session.model.overlays.last(), Some(Overlay::Choose(_))));
    // Its first entry is the details of the SIM under the cursor, whatever is selected.
    session.keys("<Enter>");
    let sim = session.model.table.current().expect("a row").row.sim.id;
    assert_eq!(session.model.target(), Some(Target::ids([sim])));
    session.keys("C");
    session.shows("Caps and alerts of SIM");
    session.keys("<Esc><Esc>");
    assert_eq!(session.model.picked.total, Some(2), "the selection is as it was");
}

#[test]
fn pages_are_clicked_and_changes_show_at_once() {
    let (_dir, mut session) = session((120, 40));
    session.keys("/status=active has:cap<Enter><Enter>");
    let (x, y) = session.hit(|hit| hit == Hit::Tab(3));
    session.click(Button::Left, (x, y));
    let page = |session: &simdeck::tui::harness::Session| match session.model.overlays.last() {
        Some(Overlay::Sim(pane)) => Some(pane.pages.open),
        _ => None,
    };
    assert_eq!(page(&session), Some(Page::History));
    session.shows("no level was reached");
    let id = session.model.shown_whole().expect("a SIM").id;
    let change = Change::SetLevels {
        target: Target::ids([id]),
        levels: Levels { cap: Some(1), alert: Alert::Follow, hard: None, until_period_end: false },
    };
    let go = |_| std::ops::ControlFlow::Continue(());
    session.estate.apply(&ChangeId::new(), &change, &go).expect("set by someone else");
    session.msg(Msg::Committed);
    session.shows("cap of 1 B reached with");
    session.shows("set cap 1 B");
    session.click_on(Button::Left, |hit| hit == Hit::Outside);
    assert!(session.model.overlays.is_empty());
}

#[test]
fn changes_of_a_sim_are_for_admins() {
    let (_dir, mut session) = session_as((100, 30), Role::ViewOnly, false);
    session.keys("/status=inactive used=0<Enter><Enter>");
    session.keys("<Tab><Tab><Tab>");
    session.shows("changes are for Admins");
    session.shows("No level was reached yet.");
    assert!(!session.text().contains("Not moved"), "nothing is claimed of what cannot be seen");
    session.keys("C");
    assert!(
        matches!(session.model.overlays.last(), Some(Overlay::Sim(_))),
        "and caps cannot be set from it"
    );
}

#[test]
fn the_alerts_screen_leads_to_what_needs_attention() {
    let (_dir, mut session) = session((100, 30));
    session.keys("A");
    session.shows("Alerts in Northstar Connect and below");
    let blocked = session.count("status=blocked");
    assert!(blocked > 0);
    session.keys("1");
    assert_eq!((session.filter().as_str(), session.model.matching), ("status=blocked", Some(blocked)));
    session.keys("A3");
    assert_eq!(session.filter(), "pace>=100 lifecycle=active -status=blocked");
    session.keys("<BS>A<Down><Down><Down><Enter>");
    assert_eq!(session.filter(), "no:cap used>0 lifecycle=active");
    // By mouse, and on one event to its SIM, whatever the list shows.
    session.keys("A");
    session.click_on(Button::Left, |hit| hit == Hit::Tab(1));
    assert_eq!(session.filter(), "status=alerted");
    session.keys("A");
    session.click_on(Button::Left, |hit| hit == Hit::Item(0));
    let newest = session
        .estate
        .events(&estate::EventFilter { limit: 1, ..Default::default() }, &estate::CancelToken::new());
    session.shows(&format!("SIM {}", newest.expect("events")[0].iccid));
    session.keys("<Esc>");
    session.shows("Levels reached");
    // Of an account only what happened there.
    session.keys("<Esc><Tab><Down>A");
    let name = session.model.accounts.get(session.model.query.under).expect("account").name.clone();
    session.shows(&format!("Alerts in {name} and below"));
}

#[test]
fn what_is_new_is_said_until_it_was_looked_at() {
    let (_dir, mut session) = session((120, 40));
    session.shows("A 3 new alerts");
    // What happens in one account only does not make the rest known.
    session.keys("<Tab><Down>A<Esc>");
    assert_eq!(session.model.news.alerts, 3);
    session.keys("<Up>");
    session.click_on(
        Button::Left,
        |hit| matches!(hit, Hit::Action(action) if action.row().name == "alerts"),
    );
    session.shows("Levels reached");
    assert_eq!(session.model.news.alerts, 0);
    session.keys("<Esc>");
    assert!(!session.text().contains("new alert"), "{}", session.text());
}

#[test]
fn the_estate_history_is_for_admins_by_day_month_and_account() {
    let (dir, mut session) = session((100, 30));
    session.keys("U");
    session.shows("Usage of Northstar Connect and below (UTC), indicative");
    session.shows("2026-05-28");
    session.click_on(Button::Left, |hit| hit == Hit::Tab(1));
    session.shows("2026-04");
    session.keys("<Tab>");
    session.shows("Northstar Connect itself");
    session.shows("Northstar Connect / Harbour Freight Lines");
    let file = dir.path().join("usage.csv");
    session.keys(&format!("e<C-u>{}<Enter>", file.display()));
    let written = std::fs::read_to_string(&file).expect("written");
    assert!(written.starts_with("account,bytes_30_days,bytes_a_year\n/Northstar Connect/"), "{written}");
    // A page ends where its last line is: one key back moves at once.
    session.keys("<Left><Left><Down><Down>");
    let at_the_end = |session: &simdeck::tui::harness::Session| session.text();
    session.keys("<PageDown><PageDown><PageDown><PageDown><PageDown><PageDown>");
    let end = at_the_end(&session);
    session.keys("<PageDown>");
    assert_eq!(at_the_end(&session), end);
    session.keys("<Up>");
    assert_ne!(at_the_end(&session), end);
    session.keys("<Esc>");
    assert!(session.model.overlays.is_empty());
    let (_dir, mut session) = session_as((100, 30), Role::User, false);
    session.keys("U");
    session.shows("may not see the history of the estate");
}

#[test]
fn a_suspension_says_who_stopped_it_and_why() {
    let (_dir, mut session) = session((120, 40));
    session.keys("/status=active<Enter>");
    let id = session.model.table.rows[0].row.sim.id;
    let edit = Box::new(estate::Edit::state(estate::Verb::Suspend, "invoice 4711"));
    let change = Change::Edit { target: Target::ids([id]), edit };
    let go = |_| std::ops::ControlFlow::Continue(());
    session.keys("<Enter><Esc>");
    session.estate.apply(&ChangeId::new(), &change, &go).expect("suspended");
    session.keys("<Enter>");
    session.shows("stopped by Ada Lindqvist");
    session.shows("invoice 4711");
}

#[test]
fn a_rollover_that_is_pending_stands_in_the_status_line() {
    let (dir, session) = session((120, 30));
    assert!(!session.text().contains("rollover"), "{}", session.text());
    drop(session);
    let path = dir.path().join("demo.db");
    let later = estate::Time(common::NOW.0 + 40 * estate::DAY);
    let local = estate::Local::open(&path, Some(estate::demo::email(Role::Admin)), true).expect("opens");
    let local = local.with_clock(move || later);
    let session = simdeck::tui::harness::Session::new(local, simdeck::tui::Kind::Demo, (120, 30), later);
    session.shows("total · period ended, rollover pending");
    session.shows("days later than the newest log entry");
}
