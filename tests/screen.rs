//! Keys in, cells out: the screen in process, with the real estate behind it.

mod common;

use common::{NOW, session, session_as};
use estate::{AccountId, CancelToken, Column, Order, Query, Role, SimId};
use proptest::prelude::*;
use ratatui::style::Modifier;
use simdeck::tui::harness::Session;
use simdeck::tui::msg::{Effect, Msg};
use simdeck::tui::overlay::Overlay;
use simdeck::tui::term::{Button, Event, Mouse, MouseKind};

fn has(session: &Session, words: &str) -> bool {
    session.text().contains(words)
}

fn total_in(session: &Session, account: AccountId) -> u64 {
    session.estate.count(&Query::all(account, NOW), &CancelToken::new()).expect("count")
}

/// The characters, and below them a letter for the style of each cell.
fn grids(session: &Session) -> String {
    let buffer = session.buffer();
    let letter = |cell: &ratatui::buffer::Cell| {
        let base = match cell.fg {
            ratatui::style::Color::Reset => '.',
            other => format!("{other:?}").chars().next().unwrap_or('?').to_ascii_lowercase(),
        };
        match (cell.modifier.contains(Modifier::REVERSED), cell.modifier.contains(Modifier::BOLD)) {
            (true, _) => '#',
            (false, true) if base == '.' => 'b',
            (false, true) => base.to_ascii_uppercase(),
            _ => base,
        }
    };
    let line = |y: u16| (0..buffer.area.width).map(|x| letter(&buffer[(x, y)])).collect::<String>();
    let styles: Vec<String> = (0..buffer.area.height).map(line).collect();
    format!("{}\n{}\n{}", session.text(), "=".repeat(20), styles.join("\n"))
}

#[test]
fn every_screen_at_both_sizes() {
    for (size, name) in [((80, 24), "80x24"), ((120, 40), "120x40")] {
        let (_dir, mut session) = session(size);
        insta::assert_snapshot!(format!("main-{name}"), grids(&session));
        session.keys("<Enter>");
        insta::assert_snapshot!(format!("details-{name}"), grids(&session));
        session.keys("<Tab>");
        insta::assert_snapshot!(format!("usage-{name}"), grids(&session));
        session.keys("<Esc>A");
        insta::assert_snapshot!(format!("alerts-{name}"), grids(&session));
        session.keys("<Esc>");
        session.keys("<Space><Space>m");
        insta::assert_snapshot!(format!("menu-{name}"), grids(&session));
        session.keys("<Esc>wbright");
        insta::assert_snapshot!(format!("picker-{name}"), grids(&session));
        session.keys("<Esc>C500MB");
        insta::assert_snapshot!(format!("caps-{name}"), grids(&session));
        session.keys("<Esc>*m/status=terminated or van<Enter>wbright<Enter>");
        insta::assert_snapshot!(format!("preflight-{name}"), grids(&session));
        session.keys("<Esc>?");
        insta::assert_snapshot!(format!("help-{name}"), grids(&session));
    }
}

#[test]
fn the_cursor_row_is_reversed_and_marks_are_glyphs() {
    let (_dir, mut session) = session((120, 40));
    session.keys("<Space>");
    let buffer = session.buffer();
    let (x, y) = session.place_of("[x]");
    assert_eq!(buffer[(x + 1, y)].symbol(), "x");
    assert!(buffer[(x + 6, y)].modifier.contains(Modifier::BOLD), "a mark shows without colour");
    assert!(
        buffer[(x + 6, y + 1)].modifier.contains(Modifier::REVERSED),
        "the cursor shows without colour"
    );
}

#[test]
fn the_status_line_counts_what_is_hidden() {
    let (_dir, mut session) = session((120, 40));
    session.keys("<Space><Space><Space>/status=terminated<Enter>");
    session.shows("3 selected");
    let hidden = session.model.picked.hidden_count().expect("counted");
    session.shows(&format!("{hidden} hidden by filter"));
    assert!(hidden > 0);
    session.keys("<BS>");
    session.shows("3 selected · 0 hidden by filter · 400 match · 400 total");
}

#[test]
fn ranges_contract_and_leave_earlier_marks_alone() {
    let (_dir, mut session) = session((120, 40));
    session.keys("<Space><Down><Down>");
    session.keys("<S-Down><S-Down><S-Down><S-Up><S-Up>");
    assert_eq!(session.text().matches("[+]").count(), 2);
    session.keys("<Down>");
    assert_eq!(session.model.picked.total, Some(3), "the mark before, and two of the range");
    session.keys("v<Down><Down>v");
    assert_eq!(session.model.picked.total, Some(6));
    session.keys("v<Down><Down><Esc>");
    assert_eq!(session.model.picked.total, Some(6), "Esc gives the range up");
    session.keys("u");
    assert_eq!(session.model.picked.total, Some(3));
}

#[test]
fn a_range_over_many_pages_is_exact() {
    let (_dir, mut session) = session((120, 40));
    session.keys("<Down>vG<Up>v");
    assert_eq!(session.model.picked.total, Some(398));
    session.keys("* n".replace(' ', "").as_str());
    assert_eq!(session.model.picked.total, Some(0));
}

#[test]
fn all_matching_is_a_predicate_and_exact() {
    let (_dir, mut session) = session((120, 40));
    session.keys("/status=active<Enter>*m");
    let matching = session.model.matching.expect("counted");
    assert_eq!(session.model.picked.total, Some(matching));
    assert!(session.model.picked.target.ids.is_empty(), "no list is kept");
    session.keys("<Space>");
    assert_eq!(session.model.picked.total, Some(matching - 1));
    session.keys("<BS>*i");
    assert_eq!(session.model.picked.total, Some(400 - matching + 1), "the others, and the one taken out");
}

#[test]
fn hidden_sims_have_to_be_meant() {
    let (_dir, mut session) = session((120, 40));
    session.keys("<Space><Space><Space>");
    let first = session.model.table.rows[0].row.sim.iccid.clone();
    session.keys(&format!("/{first}<Enter>wbright"));
    session.shows("Move 3 selected SIMs to");
    session.keys("<Enter>");
    session.shows("2 are hidden by the filter");
    session.keys("y");
    assert!(session.model.job.is_none() && has(&session, "choose first"));
    session.keys("v");
    session.shows("Move only the 1 visible SIMs");
    session.keys("y");
    session.shows("1 done");
    let entry = session
        .estate
        .entries(&estate::LogFilter { limit: 1, ..Default::default() }, &CancelToken::new())
        .expect("log");
    assert_eq!(entry[0].counts.done, 1);
}

#[test]
fn many_sims_need_their_number_typed_and_a_paste_never_confirms() {
    let (_dir, mut session) = session((120, 40));
    let target = session.model.accounts.all()[1].id;
    let name = session.model.accounts.get(target).expect("account").name.clone();
    session.keys("*mw");
    session.keys(&name.chars().take(9).collect::<String>());
    session.keys("<Enter>");
    session.shows("Type 400 to move");
    session.keys("y<Enter>");
    assert!(session.model.overlays.is_empty(), "Enter on nothing typed cancels");
    session.keys("w");
    session.keys(&name.chars().take(9).collect::<String>());
    session.keys("<Enter>");
    session.paste("400\n");
    session.keys("41<Enter>");
    assert!(session.model.job.is_none() && has(&session, "type 400 to go ahead"));
    session.keys("<BS>00<Enter>");
    let result = matches!(session.model.overlays.last(), Some(Overlay::Result(_)));
    assert!(result, "terminated SIMs were left out:\n{}", session.text());
    session.shows("terminated SIMs are not changed any more");
    session.shows("[ u Undo ]");
    let moved = total_in(&session, target);
    session.keys("<Esc>");
    assert!(
        session.model.picked.total.is_some_and(|n| n > 0 && n < 400),
        "what was left out stays selected"
    );
    session.keys("u");
    session.shows("Undo: Move");
    session.keys("1");
    let plan = match session.model.overlays.last() {
        Some(Overlay::Confirm(confirm)) => confirm.plan.clone().expect("planned"),
        other => panic!("{other:?}"),
    };
    session.keys(&format!("<BS>{}<Enter>", plan.total));
    assert!(total_in(&session, target) < moved);
}

#[test]
fn the_dialog_hears_nothing_at_first() {
    let (_dir, mut session) = session((120, 40));
    session.keys("w<Down><Down><Enter>");
    let Some(Overlay::Confirm(confirm)) = session.model.overlays.last_mut() else { panic!("a dialog") };
    confirm.armed_at = session.model.at + std::time::Duration::from_secs(5);
    session.keys("yyy");
    assert!(session.model.job.is_none() && !session.model.overlays.is_empty());
}

#[test]
fn a_stray_paste_runs_nothing() {
    let (_dir, mut session) = session((120, 40));
    let rows: Vec<String> =
        session.model.table.rows.iter().take(5).map(|r| r.row.sim.iccid.clone()).collect();
    session.paste("q\nu\nx");
    assert!(!session.model.quitting && has(&session, "nothing was done"));
    let list = format!(
        "{}\r\n{}\r\n\"{}\",{}\t8900101000000000043\n{}",
        rows[0], rows[1], rows[2], rows[3], rows[0]
    );
    session.paste(&list);
    session.shows("You pasted 6 numbers");
    session.keys("s");
    session.shows("4 of 5 found · 1 listed twice");
    assert_eq!(session.model.picked.total, Some(4));
}

#[test]
fn a_filter_typed_ahead_on_a_slow_line_is_applied() {
    let (_dir, mut session) = session((120, 40));
    session.keys("/").paste("status=active\n");
    session.shows("[status=active");
    assert!(session.model.search.is_none());
    session.keys("/<C-u>").paste("status=wrong\n");
    assert!(session.model.search.is_some(), "what cannot be read stays to be mended");
    session.keys("<Esc>");
    assert_eq!(session.filter(), "status=active");
}

#[test]
fn late_answers_fall_on_the_floor_and_input_stays_live() {
    let (_dir, mut session) = session((120, 40));
    session.hold = true;
    session.keys("/van<Enter>");
    let held: Vec<Effect> = session.held.drain(..).collect();
    let tickets: Vec<u64> = held
        .iter()
        .filter_map(|e| if let Effect::Rows { ticket, .. } = e { Some(*ticket) } else { None })
        .collect();
    assert!(tickets.len() >= 3 && tickets.is_sorted(), "each letter asked anew");
    session.keys("<Down><Down>");
    assert_eq!(session.model.table.cursor, 2, "the cursor moves while nothing is answered");
    let before = session.text();
    assert!(before.contains("reading …"), "old rows are shown as such:\n{before}");
    session.msg(Msg::Count(tickets[0], Ok(77_777)));
    assert_eq!(session.text(), before, "an answer to an older question");
}

#[test]
fn the_mouse_does_what_keys_do() {
    let (_dir, mut session) = session((120, 40));
    let (x, y) = session.place_of("[ ] …");
    session.click(Button::Left, (x + 1, y + 2));
    assert_eq!(session.model.picked.total, Some(1), "a click on the box");
    let at = |kind, y| Event::Mouse(Mouse { kind, x: x + 1, y, ctrl: false, shift: false });
    session.event(at(MouseKind::Down(Button::Left), y + 4));
    session.event(at(MouseKind::Drag, y + 5));
    session.event(at(MouseKind::Drag, y + 8));
    session.event(at(MouseKind::Up, y + 8));
    assert_eq!(session.model.picked.total, Some(6), "a drag along the boxes");
    session.click(Button::Right, (x + 20, y + 10));
    session.shows("Extend selection to here");
    let (mx, my) = session.place_of("Extend selection to here");
    session.click(Button::Left, (mx + 2, my));
    assert_eq!(session.model.picked.total, Some(8));
    let (hx, hy) = session.place_of("Used");
    session.click(Button::Left, (hx, hy));
    assert_eq!(session.model.query.sort.to_string(), "used:desc");
    let (fx, fy) = session.place_of("? help");
    session.click(Button::Left, (fx, fy));
    session.shows("Help: type to search");
    session.click(Button::Left, (0, 0));
    assert!(session.model.overlays.is_empty(), "a click beside closes");
}

#[test]
fn a_narrow_screen_shows_one_pane_at_a_time() {
    let (_dir, mut session) = session((60, 20));
    assert!(!has(&session, "Accounts"));
    session.keys("<Tab>");
    session.shows("Accounts");
    session.keys("<Down><Enter>");
    session.shows("ICCID");
    assert!(!has(&session, " Accounts"));
}

#[test]
fn menus_flip_at_the_edges() {
    let (_dir, mut session) = session((80, 24));
    for (x, y) in [(30, 4), (78, 4), (30, 21), (78, 21)] {
        session.click(Button::Right, (x, y));
        let text = session.text();
        assert!(text.contains("Move to account…") && text.contains("Undo"), "at {x},{y}:\n{text}");
        session.keys("<Esc>");
    }
}

#[test]
fn accounts_are_made_in_place_and_looked_at() {
    let (_dir, mut session) = session((120, 40));
    session.keys("<Tab>+");
    session.shows("New account under Northstar Connect");
    session.keys("Zebra Depot<Enter>");
    session.shows("Zebra Depot");
    session.keys("G");
    assert_eq!(
        session.model.accounts.get(session.model.query.under).expect("account").name,
        "Zebra Depot"
    );
    session.shows("There are no SIMs in this account.");
    session.keys("n<BS><BS><BS><BS><BS>Yard<Enter>");
    session.shows("Zebra Yard");
    session.keys("<Tab><Tab>x");
    session.shows("Delete account");
    session.keys("y");
    assert!(session.model.accounts.find("Zebra Yard").is_err());
}

#[test]
fn roles_see_what_they_may_do_and_why_not() {
    let (_dir, mut session) = session_as((120, 40), Role::User, false);
    session.keys("w");
    session.shows("Move to account: the role User may not move SIMs");
    session.keys("mk<Down>");
    session.shows("Move to account…");
    let (_dir, mut session) = session_as((120, 40), Role::Admin, true);
    session.shows("READ-ONLY");
    session.keys("w");
    session.shows("this session is read-only");
}

#[test]
fn errors_stay_until_dismissed_and_can_be_read_again() {
    let (_dir, mut session) = session((120, 40));
    for n in 0..3 {
        session.msg(Msg::Count(
            session.model.tickets.count,
            Err(estate::Error::Store(format!("fault {n}"))),
        ));
    }
    session.keys("<Down><Down>");
    session.shows("fault 2");
    session.keys("<Esc>");
    assert!(!has(&session, "fault 2"));
    session.keys("gl");
    for n in 0..3 {
        session.shows(&format!("fault {n}"));
    }
}

#[test]
fn a_commit_elsewhere_moves_nothing_under_the_hand() {
    let (_dir, mut session) = session((120, 40));
    session.keys("<Down><Down><Down>m");
    let cursor = session.model.table.current().expect("row").row.sim.id;
    session.msg(Msg::Committed);
    assert!(session.model.stale, "not while a menu is open");
    session.keys("<Esc>");
    assert!(!session.model.stale);
    assert_eq!(session.model.table.current().expect("row").row.sim.id, cursor);
    assert_eq!(session.model.table.cursor - session.model.table.top, 3);
}

#[test]
fn ascii_is_ascii() {
    let (_dir, mut session) = session((100, 30));
    session.model.theme = simdeck::tui::theme::Theme::load_shipped("mono", true);
    session.keys("/zzzz<Enter>m");
    let foreign: Vec<char> = session.text().chars().filter(|c| !c.is_ascii()).collect();
    assert!(foreign.is_empty(), "{foreign:?}");
}

/// UX-38: every part of every screen at every size.
#[test]
fn no_size_makes_it_panic() {
    let (_dir, mut session) = session((120, 40));
    for keys in [
        "",
        "m",
        "?",
        ":",
        "<Esc><Esc>wsol<Enter>",
        "<Esc>h",
        "<Enter>",
        "<Esc><Esc>/abc",
        "<Esc>*",
        "<Esc><Tab>+",
        "<Esc>gl",
        "<Esc>*p",
        "<Esc>s",
    ] {
        session.keys(keys);
        for width in [1, 2, 7, 20, 39, 40, 41, 59, 60, 69, 70, 80, 99, 100, 149, 150, 300] {
            for height in [1, 2, 9, 10, 11, 17, 18, 24, 32, 100] {
                session.msg(Msg::Input(Event::Resize(width, height)));
                let text = session.text();
                assert!(
                    width < 40
                        || height < 10
                        || text.contains("help")
                        || !session.model.overlays.is_empty(),
                    "{width}x{height}\n{text}"
                );
            }
        }
        session.msg(Msg::Input(Event::Resize(120, 40)));
    }
}

#[test]
fn a_click_never_grows_a_range_unasked() {
    let (_dir, mut session) = session((120, 40));
    let (x, y) = session.place_of("[ ] …");
    session.keys("<S-Down><S-Down>");
    session.click(Button::Left, (x + 20, y + 12));
    assert_eq!((session.model.picked.total, session.model.table.cursor), (Some(3), 12));
    session.keys("<S-Down>");
    session.click(Button::Right, (x + 20, y + 20));
    assert_eq!(session.model.picked.total, Some(5));
    session.shows("5 selected SIMs");
    session.keys("<Esc>v");
    session.click(Button::Left, (x + 1, y + 23));
    assert_eq!(session.model.picked.total, Some(9), "v, then a click on a box, is the other end");
    let (hx, hy) = session.place_of("Used");
    session.keys("<S-Down>");
    session.click(Button::Left, (hx, hy));
    assert_eq!(session.model.picked.total, Some(10), "a header ends the range, it does not lose it");
}

#[test]
fn a_range_being_drawn_is_what_is_acted_on() {
    let (_dir, mut session) = session((120, 40));
    session.keys("v<Down><Down>m");
    session.shows("3 selected SIMs");
    session.keys("<Esc>*nv<Down>e");
    session.shows("Export 2 selected SIMs");
}

#[test]
fn what_the_filter_hides_is_counted_before_anyone_can_say_yes() {
    let (_dir, mut session) = session((120, 40));
    session.keys("<Space><Space><Space>");
    session.model.picked.shown = None;
    session.keys("wbright<Enter>y");
    assert!(session.model.job.is_none());
    session.shows("counting what the filter hides");
    let ticket = session.model.tickets.picked;
    session.msg(Msg::Picked(ticket, Ok((3, 1))));
    session.shows("2 are hidden by the filter");
}

#[test]
fn moving_only_the_visible_keeps_the_rest_selected() {
    let (_dir, mut session) = session((120, 40));
    session.keys("<Space><Space><Space>");
    let first = session.model.table.rows[0].row.sim.iccid.clone();
    session.keys(&format!("/{first}<Enter>wbright<Enter>vy"));
    session.shows("1 done");
    assert_eq!(session.model.picked.total, Some(2));
}

#[test]
fn nothing_is_done_blindly() {
    let (_dir, mut session) = session((120, 40));
    session.keys("<Space>wbright<Enter>");
    session.msg(Msg::Input(Event::Resize(30, 5)));
    session.keys("y");
    assert!(session.model.job.is_none() && session.model.overlays.len() == 1);
    session.msg(Msg::Input(Event::Resize(120, 40)));
    session.shows("Move 1 selected SIM");
}

#[test]
fn a_filter_that_cannot_be_typed_survives_the_search_line() {
    let (_dir, mut session) = session((120, 40));
    let rows: Vec<String> =
        session.model.table.rows.iter().take(3).map(|r| r.row.sim.iccid.clone()).collect();
    session.paste(&rows.join("\n"));
    session.keys("f/<Esc>*m");
    assert_eq!((session.model.matching, session.model.picked.total), (Some(3), Some(3)));
}

#[test]
fn what_was_left_out_is_listed_and_the_history_is_fresh() {
    let (_dir, mut session) = session((120, 40));
    session.keys("/status=terminated or tracker<Enter>*mwbright<Enter>");
    let total = session.model.picked.total.expect("counted");
    session.keys(&format!("{total}<Enter>"));
    let Some(Overlay::Result(result)) = session.model.overlays.last() else { panic!("a result") };
    assert!(!result.loading && result.items.len() as u64 == result.counts.refused);
    session.keys("<Esc>hu");
    let Some(Overlay::Confirm(confirm)) = session.model.overlays.last() else { panic!("a question") };
    let n = confirm.plan.as_ref().expect("planned").total;
    session.keys(&format!("{n}<Enter>"));
    session.shows("SIMs back (undo of");
    let undone = session
        .model
        .overlays
        .iter()
        .find_map(|o| if let Overlay::History(h) = o { Some(h.entries[1].undone) } else { None });
    assert_eq!(undone, Some(true), "the entry below is marked");
}

#[derive(Debug, Clone)]
enum Step {
    Sort(usize),
    Search(&'static str),
    Travel(&'static str),
    Look(usize),
    Commit,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..10usize).prop_map(Step::Sort),
        prop::sample::select(vec!["status=active", "van", "used>1MB", "", "0071"]).prop_map(Step::Search),
        prop::sample::select(vec!["<PgDn>", "G", "gg", "<PgUp>", "<Down><Down>", "r", "d"])
            .prop_map(Step::Travel),
        (0..20usize).prop_map(Step::Look),
        Just(Step::Commit),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_sort_filter_page_or_refresh_changes_the_selection(steps in prop::collection::vec(step(), 1..14)) {
        let (_dir, mut session) = session((100, 30));
        session.keys("<Space><Down><Space>v<Down><Down>v");
        let selected = session.model.picked.target.ids.clone();
        prop_assert_eq!(selected.len(), 5);
        for step in steps {
            match step {
                Step::Sort(column) => {
                    session.model.query.sort = Order::by(Column::all().nth(column).expect("column"), false);
                    session.keys("r");
                }
                Step::Search(text) => { session.keys("<BS>"); session.keys(&format!("/{text}<Enter>")); }
                Step::Travel(keys) => { session.keys(keys); }
                Step::Look(n) => {
                    let accounts = session.model.accounts.all();
                    let name = accounts[n % accounts.len()].name.clone();
                    session.keys("a");
                    session.keys(&name);
                    session.keys("<Enter>");
                }
                Step::Commit => session.msg(Msg::Committed),
            }
            prop_assert_eq!(&session.model.picked.target.ids, &selected);
            prop_assert_eq!(session.model.picked.total, Some(5));
            for row in &session.model.table.rows {
                prop_assert_eq!(row.marked, selected.contains(&row.row.sim.id));
            }
            // What the window shows is what the whole list has at that place.
            let window: Vec<SimId> = session.model.table.rows.iter().map(|r| r.row.sim.id).collect();
            let unique: std::collections::BTreeSet<SimId> = window.iter().copied().collect();
            prop_assert_eq!(unique.len(), window.len(), "no row twice");
        }
    }
}

#[test]
fn the_details_follow_a_change_of_their_sim() {
    let (_dir, mut session) = session((120, 40));
    session.keys("/status=active<Enter>");
    let before = session.model.detail.clone().expect("details");
    session.keys("C123MB<Enter>y");
    let after = session.model.detail.clone().expect("details");
    assert_eq!((after.id, after.cap), (before.id, Some(123_000_000)));
    session.shows("123 MB");
    session.keys("<BS>*mwbright<Enter>400<Enter><Esc>");
    let row = &session.model.table.current().expect("a row").row.sim;
    assert_eq!(session.model.detail.as_ref(), Some(row));
}

#[test]
fn an_undo_goes_back_to_accounts() {
    let (_dir, mut session) = session((120, 40));
    session.keys("*mwbright<Enter>400<Enter><Esc>u");
    session.shows("back to");
    let text = session.text();
    assert!(
        text.lines().any(|line| line.contains("back to") && line.contains("more accounts")),
        "{text}"
    );
    assert!(!text.contains("from"), "{text}");
}
