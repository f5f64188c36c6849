//! Whether the server answers: what is shown stays, nothing is queued, and all is read anew when it
//! is back.

use estate::Time;

use super::answers;
use crate::tui::model::Model;
use crate::tui::msg::Effect;
use crate::tui::overlay::Overlay;

/// The server went, or it is back.
pub(super) fn offline(model: &mut Model, since: Option<Time>) -> Vec<Effect> {
    let was = std::mem::replace(&mut model.reach.offline, since).is_some();
    // What is asked about in a dialog goes on when the server is back.
    let asked = model.overlays.iter_mut().rev().find_map(|overlay| match overlay {
        Overlay::Confirm(confirm) if confirm.plan.is_none() => Some(confirm),
        _ => None,
    });
    match (was, since) {
        (false, Some(_)) => {
            if let Some(confirm) = asked {
                confirm.fault = Some("The server does not answer; this goes on when it is back.".into());
            }
            model.messages.say("the server does not answer: what is loaded can be read, and nothing is changed until it is back");
            Vec::new()
        }
        (true, None) => {
            let change = asked.map(|confirm| {
                confirm.fault = None;
                Box::new(confirm.change.clone())
            });
            model.messages.say("the server answers again");
            // Whatever was asked for meanwhile had no answer.
            let mut effects = answers::reload_after_commit(model);
            if let Some(change) = change {
                model.tickets.work = model.tickets.take();
                effects.push(Effect::Plan { ticket: model.tickets.work, change });
            }
            effects.extend(answers::refresh(model));
            effects
        }
        _ => Vec::new(),
    }
}
