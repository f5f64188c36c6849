//! Caps and alerts on the screen.

mod common;

use common::{session, session_as};
use estate::Role;
use simdeck::tui::harness::Session;
use simdeck::tui::overlay::Overlay;
use simdeck::tui::overlay::levels::AlertIs;
use simdeck::tui::term::Button;

/// Cap and alert of the first rows.
fn levels(session: &Session, n: usize) -> Vec<(Option<u64>, Option<u64>)> {
    session.model.table.rows.iter().take(n).map(|r| (r.row.sim.cap, r.row.sim.alert)).collect()
}

#[test]
fn a_cap_is_set_with_its_alert_and_undone() {
    let (_dir, mut session) = session((80, 24));
    let before = levels(&session, 1);
    session.keys("C");
    session.shows("Caps and alerts of");
    session.keys("123456kB");
    session.shows("= 123,456,000 bytes");
    session.shows("→ 98.7 MB");
    session.keys("<Enter>");
    session.shows("Set cap 123 MB (123,456,000 bytes), alert 98.7 MB");
    session.shows("y to set");
    session.keys("y");
    assert_eq!(levels(&session, 1), [(Some(123_456_000), Some(98_764_800))], "{}", session.text());
    session.keys("u");
    session.shows("Undo:");
    session.keys("y");
    assert_eq!(levels(&session, 1), before);
}

#[test]
fn mixed_values_are_shown_and_only_what_is_touched_changes() {
    let (_dir, mut session) = session((120, 40));
    session.keys("/lifecycle=active<Enter><Space><Space><Space><Space>C");
    session.shows("4 SIMs now: cap «mixed»");
    let before = levels(&session, 4);
    session.keys("<Tab>90%<Enter>");
    session.shows("Set caps and alerts of 4 selected SIMs");
    session.shows("Set alert 90 % of the cap");
    session.keys("y");
    let wanted: Vec<_> =
        before.iter().map(|(cap, alert)| (*cap, cap.map(|cap| cap / 10 * 9).or(*alert))).collect();
    assert_ne!(before, wanted);
    assert_eq!(levels(&session, 4), wanted, "alerts of those with a cap, and nothing else");
}

#[test]
fn what_is_wrong_stays_in_the_editor_and_escape_changes_nothing() {
    let (_dir, mut session) = session((80, 24));
    let before = levels(&session, 20);
    session.keys("Clots<Enter>");
    assert!(matches!(session.model.overlays.last(), Some(Overlay::Levels(p)) if p.cap.value() == "lots"));
    session.shows("500MB");
    session.keys("<C-u>1GB<Enter>");
    session.shows("y to set");
    session.keys("<Esc>");
    assert!(session.model.overlays.is_empty());
    assert_eq!(levels(&session, 20), before);
}

#[test]
fn who_may_not_set_caps_is_told_why() {
    for (role, read_only, why) in [
        (Role::ViewOnly, false, "the role View Only may not set alerts and caps"),
        (Role::Admin, true, "read-only"),
    ] {
        let (_dir, mut session) = session_as((120, 40), role, read_only);
        session.keys("C");
        assert!(session.model.overlays.is_empty(), "{role:?}\n{}", session.text());
        session.shows(why);
    }
}

#[test]
fn what_was_left_out_is_tried_again_with_caps_not_with_a_move() {
    let (_dir, mut session) = session((120, 40));
    session.keys("/status=active,terminated<Enter>*mC7MB<Enter>");
    let Some(Overlay::Confirm(confirm)) = session.model.overlays.last() else {
        panic!("{}", session.text())
    };
    let total = confirm.plan.as_ref().expect("planned").total;
    session.keys(&format!("{total}<Enter>"));
    session.shows("[ r Retry left out ]");
    session.keys("r");
    assert!(matches!(session.model.overlays.last(), Some(Overlay::Levels(_))), "{}", session.text());
}

#[test]
fn a_click_chooses_what_it_is_on() {
    let (_dir, mut session) = session((80, 24));
    session.keys("C1GB");
    for (words, alert, hard) in [
        ("( ) as it is: 4", AlertIs::Kept, None),
        ("( ) soft", AlertIs::Kept, Some(false)),
        ("( ) another", AlertIs::Typed, Some(false)),
        ("( ) hard", AlertIs::Typed, Some(true)),
    ] {
        let (x, y) = session.place_of(words);
        session.click(Button::Left, (x + 1, y));
        let Some(Overlay::Levels(pane)) = session.model.overlays.last() else { panic!("{words}") };
        assert_eq!((pane.alert_is, pane.hard), (alert, hard), "{words}");
    }
}

#[test]
fn a_cap_is_raised_until_the_period_ends() {
    let (_dir, mut session) = session((120, 40));
    session.keys("/status=active has:cap<Enter>C");
    session.shows("until the billing period ends");
    session.keys("50GB<Tab><Tab><Tab><Space><Enter>");
    session.shows("cap 50.0 GB, alert 40.0 GB, until the billing period ends");
    session.keys("y");
    assert!(session.model.overlays.is_empty());
    session.shows("↑50.0 GB");
    session.keys("<Enter>");
    session.shows("cap 50.0 GB until 2026-05-31, then ");
    session.keys("<Esc><BS>/raised=yes<Enter>");
    assert_eq!(session.model.matching, Some(1));
    // Without a cap there is nothing to raise: the line that is wrong says so.
    session.keys("C<Up><Space><Enter>");
    session.shows("only a cap, with its alert, can be raised");
    session.click_on(Button::Left, |hit| hit == simdeck::tui::hit_test::Hit::Level(3, 0));
    session.keys("<Esc>");
}

#[test]
fn where_caps_are_switched_off_the_editor_says_so() {
    let (_dir, mut session) = session((120, 40));
    let account = session.model.table.current().expect("a row").row.sim.account;
    let change = estate::Change::SetEntitlement { account, on: false };
    let go = |_| std::ops::ControlFlow::Continue(());
    session.estate.apply(&estate::ChangeId::new(), &change, &go).expect("off");
    session.msg(simdeck::tui::msg::Msg::Committed);
    session.keys("C");
    session.shows("caps and alerts are switched off here by the account above");
    assert!(session.model.overlays.is_empty());
}

#[test]
fn a_ceiling_is_set_on_the_screen_and_the_editor_says_where_it_comes_from() {
    let (_dir, mut session) = session((120, 40));
    session.keys("<Tab><Down>C");
    session.shows("Ceiling of");
    session.keys("lots<Enter>");
    session.shows("500MB");
    session.keys("<C-u>123MB<Enter>");
    session.shows("a cap above the ceiling, or none");
    let typed =
        session.text().split("Type ").nth(1).and_then(|t| t.split(' ').next()).expect("asks").to_owned();
    session.keys(&format!("{typed}<Enter>"));
    let account = session.model.tree.cursor;
    let ceiling = session.model.accounts.get(account).and_then(|a| a.ceiling).expect("set");
    assert_eq!((ceiling.bytes, ceiling.from), (123_000_000, Some(account)), "{}", session.text());
    session.keys("<Tab>/lifecycle=active<Enter>C1GB");
    session.shows("above the ceiling");
    session.shows("Ceiling: 123 MB set on /");
    session.keys("<Enter>");
    session.shows("its cap would be above the ceiling");
    session.shows("! the ceiling: 123 MB set on /");
    session.keys("<Esc><Tab>C<C-u>none<Enter>");
    session.shows("to none");
    session.keys("y");
    assert_eq!(session.model.accounts.get(account).and_then(|a| a.ceiling), None, "{}", session.text());
}

#[test]
fn what_changes_no_sim_can_be_confirmed_all_the_same() {
    let (_dir, mut session) = session((120, 40));
    session.keys("<Tab><Down>");
    let account = session.model.tree.cursor;
    session.keys("wpolar<Enter>");
    session.shows("Move account");
    session.keys("y");
    let depth = session.model.accounts.get(account).map(|a| a.depth);
    assert_eq!(depth, Some(2), "it hangs under another\n{}", session.text());
    session.keys(":caps and alerts on<Enter>");
    session.shows("Switch caps and alerts off");
    session.keys("y");
    assert_eq!(session.model.accounts.get(account).map(|a| a.levels), Some(false));
}
