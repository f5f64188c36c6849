//! Every action that changes something has rows in the table of who may what, and the screen says
//! the same.

#[expect(dead_code, reason = "it holds more than this file needs")]
mod common;
#[expect(dead_code, reason = "only the table is needed here, not what runs it")]
#[path = "../estate/tests/common/rules.rs"]
mod rules;

use common::session_as;
use estate::{Capability, Role};
use rules::TABLE;
use simdeck::tui::action::{ACTIONS, Action};
use simdeck::tui::availability;

/// What only shows something that not everybody sees.
const REVEALS: [Action; 4] = [Action::Spending, Action::History, Action::Export, Action::ManagedAccounts];
/// What has no object of somebody else's: one's own profile, and questions to a network, which are
/// no changes.
const OWN: [&str; 3] = ["profile", "ping", "diagnostics"];

#[test]
fn an_action_without_a_row_in_the_table_fails() {
    for row in ACTIONS {
        let reveals = REVEALS.contains(&row.action);
        assert_eq!(row.need.is_some(), reveals || !row.makes.is_empty(), "{}", row.name);
        for kind in row.makes.iter().filter(|kind| !OWN.contains(kind)) {
            let need = row.need.map(Capability::role);
            let found = TABLE.iter().filter(|rule| rule.kind == *kind).map(|rule| rule.role).min();
            assert_eq!(found, need, "{} makes {kind}: the table says another role", row.name);
        }
    }
    // And every row of the table can be reached from the screen, or is made of what another action
    // opens.
    let opened = ["remove-external", "user-role", "disable-user", "remove-user"];
    for rule in TABLE.iter().filter(|rule| !opened.contains(&rule.kind)) {
        let made = ACTIONS.iter().any(|row| row.makes.contains(&rule.kind));
        assert!(made, "no action makes {}", rule.kind);
    }
}

#[test]
fn the_screen_greys_exactly_what_the_table_denies() {
    for role in Role::ALL {
        let (_dir, mut session) = session_as((100, 30), role, false);
        session.keys("/status=active<Enter>");
        for row in ACTIONS {
            let Some(need) = row.need else { continue };
            let denied = format!("the role {role} may not {need}");
            let said = availability::disabled_reason(&session.model, row.action).err();
            assert_eq!(said == Some(denied), role < need.role(), "{role} {}: {said:?}", row.name);
        }
    }
}
