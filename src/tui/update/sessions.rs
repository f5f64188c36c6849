//! Sessions of users: listed in a menu, and ended from it.

use estate::{Error, SignInSession, TokenId, UserId};

use super::answers::report_failure;
use crate::tui::model::{Kind, Model};
use crate::tui::msg::Effect;
use crate::tui::overlay::chooser::{Choosable, Chooser};
use crate::tui::overlay::{MenuChoice, Overlay};

/// Reads the sessions of a user, or of the user of the screen.
pub fn list(model: &Model, of: Option<UserId>) -> Vec<Effect> {
    vec![Effect::Sessions(of.unwrap_or(model.me.id))]
}

/// Shows the sessions that were read.
pub fn listed(model: &mut Model, of: UserId, answer: Result<Vec<SignInSession>, Error>) {
    let Some(sessions) = report_failure(model, answer) else { return };
    let is_local = model.kind != Kind::Remote;
    if sessions.is_empty() {
        let none = if is_local {
            "no sessions: the store itself has none, only a server"
        } else {
            "no sessions"
        };
        model.messages.say(none);
    } else {
        show(model, of, &sessions);
    }
}

/// Opens the menu of sessions.
fn show(model: &mut Model, of: UserId, sessions: &[SignInSession]) {
    let is_local = model.kind != Kind::Remote;
    let closed = model.read_only.then_some("this session is read-only");
    let zone = model.theme.zone;
    let line = |one: &SignInSession| {
        let or_unknown = |text: &str, kind: &str| {
            if text.is_empty() { format!("unknown {kind}") } else { text.to_owned() }
        };
        let program = or_unknown(&one.client.program, "program");
        let address = or_unknown(&one.client.address, "address");
        let used = one.used.map_or_else(|| "never".to_owned(), |at| zone.minute(at));
        let label = format!("{program} at {address}");
        let note = format!("since {}, last used {used}", zone.minute(one.created));
        let own = one.is_current.then_some("you work with this one: simdeck logout ends it");
        Choosable {
            why: closed.or(own).map(str::to_owned),
            ..Choosable::new(label, note, MenuChoice::EndSession(of, one.id))
        }
    };
    let mut items: Vec<Choosable> = sessions.iter().map(line).collect();
    if sessions.iter().filter(|one| !one.is_current).count() > 1 {
        items.push(Choosable {
            why: closed.map(str::to_owned),
            ..Choosable::new("End all of them", "", MenuChoice::EndSessions(of))
        });
    }
    let place = if is_local { " at the server of this store" } else { "" };
    let title = format!("Sessions{place} ({}): Enter ends one", zone.short_name());
    model.push_under(Overlay::Choose(Chooser::menu(title, None, items)));
}

/// Ends one session.
pub fn end(of: UserId, id: TokenId) -> Vec<Effect> {
    vec![Effect::EndSession(of, Some(id))]
}

/// Ends all sessions of a user but the one of the screen.
pub fn end_all(of: UserId) -> Vec<Effect> {
    vec![Effect::EndSession(of, None)]
}

/// Reports sessions that were ended, and shows those that are left.
pub fn ended(model: &mut Model, of: UserId, answer: Result<(u64, Vec<SignInSession>), Error>) {
    let Some((ended, left)) = report_failure(model, answer) else { return };
    let sessions = if ended == 1 { "1 session".to_owned() } else { format!("{ended} sessions") };
    model.messages.say(format!("{sessions} ended"));
    if left.iter().any(|one| !one.is_current) {
        show(model, of, &left);
    }
}
