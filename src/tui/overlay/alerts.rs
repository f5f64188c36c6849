//! The alerts screen: what needs attention now, and the levels that were reached.

use estate::Event;
use estate::saved::WATCHED;

use super::list::step;
use crate::tui::overlay::response::DialogResponse;
use crate::tui::term::{Code, Key};

/// What needs attention, each a filter away; and what happened.
#[derive(Debug, Default)]
pub struct AlertsPane {
    /// The account it is about, with everything below it.
    pub account: String,
    /// How many SIMs each of the watched filters finds, once counted.
    pub counts: Vec<u64>,
    /// Levels that were reached, newest first.
    pub events: Option<Vec<Event>>,
    /// The line under the cursor: first the watched filters, then the events.
    pub cursor: usize,
}

impl AlertsPane {
    /// The event under the cursor.
    pub fn event(&self) -> Option<&Event> {
        self.events.as_ref()?.get(self.cursor.checked_sub(WATCHED.len())?)
    }

    /// Shows what is under the cursor: the SIMs of a filter, or the one SIM of an event.
    pub fn open(&self) -> DialogResponse {
        match (WATCHED.get(self.cursor), self.event()) {
            (Some((_, filter)), _) => DialogResponse::Show(filter),
            (None, Some(event)) => {
                DialogResponse::Details(event.sim, event.iccid.clone(), event.label.clone())
            }
            (None, None) => DialogResponse::Stay,
        }
    }

    /// Takes a key.
    pub fn key(&mut self, key: Key) -> DialogResponse {
        match key.code {
            Code::Esc | Code::Char('q') => return DialogResponse::Close,
            Code::Enter => return self.open(),
            Code::Char(digit @ '1'..='9') => {
                let at = digit as usize - '1' as usize;
                if at < WATCHED.len() {
                    self.cursor = at;
                    return self.open();
                }
            }
            _ => {
                let events = self.events.as_ref().map_or(0, Vec::len);
                step(key, &mut self.cursor, WATCHED.len() + events);
            }
        }
        DialogResponse::Stay
    }
}
