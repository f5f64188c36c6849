//! Every screen and every dialog at every size: drawn, shrunk and grown while it is open, clicked
//! and scrolled.

mod common;
#[path = "common/openers.rs"]
mod openers;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use common::session;
use openers::OPENERS;
use simdeck::tui::action::{ACTIONS, Action};
use simdeck::tui::harness::Session;
use simdeck::tui::keymap::Pane;
use simdeck::tui::msg::Msg;
use simdeck::tui::overlay::Overlay;
use simdeck::tui::term::{Button, Event, Mouse, MouseKind};
use simdeck::tui::{hit_test, view};

/// From nothing to more than a large monitor; the limits of the layout lie between them.
const SIZES: [(u16, u16); 15] = [
    (1, 1),
    (300, 1),
    (1, 100),
    (40, 9),
    (40, 10),
    (80, 10),
    (41, 12),
    (60, 20),
    (69, 18),
    (70, 17),
    (80, 24),
    (99, 32),
    (150, 18),
    (120, 40),
    (300, 100),
];

/// Names an overlay; a new kind does not compile until a test opens it.
const fn kind(overlay: &Overlay) -> &'static str {
    match overlay {
        Overlay::Choose(_) => "Choose",
        Overlay::Confirm(_) => "Confirm",
        Overlay::Running => "Running",
        Overlay::Result(_) => "Result",
        Overlay::Prompt(_) => "Prompt",
        Overlay::History(_) => "History",
        Overlay::Messages(_) => "Messages",
        Overlay::Builder(_) => "Builder",
        Overlay::Columns(_) => "Columns",
        Overlay::Saved(_) => "Saved",
        Overlay::Numbers(_) => "Numbers",
        Overlay::Levels(_) => "Levels",
        Overlay::Form(_) => "Form",
        Overlay::Alerts(_) => "Alerts",
        Overlay::Spending(_) => "Spending",
        Overlay::Sim(_) => "Sim",
        Overlay::Support(_) => "Support",
        Overlay::Probe(_) => "Probe",
        Overlay::Link(_) => "Link",
        Overlay::Exporting => "Exporting",
    }
}

const KINDS: usize = 20;

fn mouse(kind: MouseKind, x: u16, y: u16) -> Msg {
    Msg::Input(Event::Mouse(Mouse { kind, x, y, ctrl: false, shift: false }))
}

/// Draws the screen; its cursor and every place of the mouse lie inside it.
fn draw(session: &Session) {
    let (width, height) = session.model.size;
    let frame = view::frame(&session.model);
    if let Some(at) = frame.cursor {
        assert!(at.x < width && at.y < height, "the cursor is at {at:?} of {width}x{height}");
    }
    for y in (0..height).step_by(3) {
        for x in (0..width).step_by(5) {
            hit_test::at(&session.model, x, y);
        }
    }
}

/// Points the mouse at the corners and the middle.
fn places((width, height): (u16, u16)) -> [(u16, u16); 5] {
    let (right, bottom) = (width - 1, height - 1);
    [(0, 0), (right, 0), (width / 2, height / 2), (width / 3, bottom.saturating_sub(2)), (right, bottom)]
}

/// Shrinks and grows what is open, draws it and turns the wheel at every size.
fn resize(session: &mut Session) {
    let there_and_back = SIZES.iter().rev().chain(&SIZES).chain([&(120, 40), &(40, 9), &(120, 40)]);
    for size in there_and_back {
        session.msg(Msg::Input(Event::Resize(size.0, size.1)));
        draw(session);
        for wheel in [MouseKind::WheelDown, MouseKind::WheelUp] {
            for (x, y) in places(*size) {
                session.msg(mouse(wheel, x, y));
            }
        }
    }
}

/// Clicks around at every size; a click may close or open anything.
fn click(session: &mut Session) {
    for size in SIZES {
        session.msg(Msg::Input(Event::Resize(size.0, size.1)));
        for (at, (x, y)) in places(size).into_iter().enumerate() {
            let button = if at == 1 { Button::Right } else { Button::Left };
            session.msg(mouse(MouseKind::Down(button), x, y));
            session.msg(mouse(MouseKind::Drag, y, x));
            session.msg(mouse(MouseKind::Up, x, y));
            draw(session);
        }
    }
}

/// Closes whatever is open.
fn close(session: &mut Session) {
    session.msg(Msg::Input(Event::Resize(120, 40)));
    for _ in 0..8 {
        session.keys("<Esc>");
    }
    assert!(session.model.overlays.is_empty(), "Esc closes everything:\n{}", session.text());
}

/// Runs a check and keeps its panic, so that one run shows all of them.
fn catch(faults: &mut Vec<String>, session: &mut Session, name: &str, check: fn(&mut Session)) {
    let run = catch_unwind(AssertUnwindSafe(|| check(session)));
    if let Err(panic) = run {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
        faults.push(format!("{name} at {:?}: {text}", session.model.size));
    }
}

#[test]
fn every_dialog_is_drawn_at_every_size() {
    let (mut faults, mut seen) = (Vec::new(), BTreeSet::new());
    for (name, expected, open) in OPENERS {
        let (_dir, mut session) = session((120, 40));
        open(&mut session);
        let top = session.model.overlays.last().map_or("", kind);
        if top != *expected {
            faults.push(format!("{name}: opened {top:?}, not {expected:?}"));
        }
        seen.extend(session.model.overlays.iter().map(kind));
        catch(&mut faults, &mut session, name, resize);
        catch(&mut faults, &mut session, name, click);
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(seen.len(), KINDS, "not every kind was opened: {seen:?}");
}

#[test]
fn the_wheel_turns_on_a_screen_too_small_for_rows() {
    let (_dir, mut session) = session((120, 40));
    session.keys("G");
    session.msg(Msg::Input(Event::Resize(40, 9)));
    session.msg(mouse(MouseKind::WheelDown, 0, 0));
    session.msg(mouse(MouseKind::WheelUp, 0, 0));
    session.msg(Msg::Input(Event::Resize(120, 40)));
    draw(&session);
}

#[test]
fn every_action_is_drawn_at_every_size() {
    let mut faults = Vec::new();
    for (focus, page) in [(Pane::Table, ""), (Pane::Tree, ""), (Pane::Table, "T<Tab>")] {
        let (_dir, mut session) = session((120, 40));
        for row in ACTIONS {
            if matches!(row.action, Action::Quit | Action::Suspend) {
                continue;
            }
            session.keys(page);
            session.model.focus = focus;
            session.run(row.action);
            // Actions that open nothing leave the screen as every other test draws it.
            if !session.model.overlays.is_empty() || session.model.search.is_some() {
                catch(&mut faults, &mut session, row.name, resize);
            }
            close(&mut session);
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn dialogs_open_at_every_size() {
    let mut faults = Vec::new();
    for size in SIZES {
        for (name, _, open) in OPENERS {
            let (_dir, mut session) = session(size);
            let opened = catch_unwind(AssertUnwindSafe(|| {
                open(&mut session);
                draw(&session);
            }));
            if opened.is_err() {
                faults.push(format!("{name} at {size:?}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
