//! Whether the server answers: what is shown stays, nothing is queued, and all is read anew when it is back.

use estate::Time;

use super::answers;
use crate::tui::model::Model;
use crate::tui::msg::Effect;

/// The server went, or it is back.
pub(super) fn offline(model: &mut Model, since: Option<Time>) -> Vec<Effect> {
    let was = std::mem::replace(&mut model.offline, since).is_some();
    match (was, since) {
        (false, Some(_)) => {
            model.messages.say("the server does not answer: what is loaded can be read, and nothing is changed until it is back");
            Vec::new()
        }
        (true, None) => {
            model.messages.say("the server answers again");
            // Whatever was asked for meanwhile had no answer.
            let mut effects = answers::committed(model);
            effects.extend(answers::refresh(model));
            effects
        }
        _ => Vec::new(),
    }
}
