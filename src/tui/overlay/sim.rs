//! SIM details: everything known of one SIM, on four pages.

use estate::SimId;

use super::pages::{self, Pages};
use crate::tui::action::Action;
use crate::tui::facts::Facts;
use crate::tui::overlay::response::DialogResponse;
use crate::tui::term::{Code, Key};

/// A page of the details.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the titles say it")]
pub enum Page {
    Overview,
    Usage,
    Sessions,
    History,
}

impl pages::Page for Page {
    const ALL: &'static [Self] = &[Self::Overview, Self::Usage, Self::Sessions, Self::History];

    fn title(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Usage => "Usage",
            Self::Sessions => "Sessions",
            Self::History => "History",
        }
    }
}

/// The details of one SIM.
#[derive(Debug)]
pub struct SimPane {
    /// The SIM.
    pub id: SimId,
    /// Its ICCID.
    pub iccid: String,
    /// Its label.
    pub label: String,
    /// What has been read.
    pub facts: Option<Box<Facts>>,
    /// Its pages.
    pub pages: Pages<Page>,
    /// Whether the chart shows billing periods instead of days.
    pub periods: bool,
}

impl SimPane {
    /// Opens on the overview.
    pub fn new(id: SimId, iccid: String, label: String) -> Self {
        Self { id, iccid, label, facts: None, pages: Pages::new(), periods: false }
    }

    /// The lines of the page that is open, about as many as they are where text wraps.
    pub fn lines(&self) -> usize {
        let Some(facts) = &self.facts else { return 0 };
        match self.pages.open {
            Page::Overview => 14 + facts.sim.notes.chars().count() / 20,
            Page::Usage => 0,
            Page::Sessions => facts.usage.sessions.len(),
            Page::History => facts.events.len() + facts.entries.as_ref().map_or(0, Vec::len),
        }
    }

    /// Takes a key.
    pub fn key(&mut self, key: Key) -> DialogResponse {
        match key.code {
            Code::Esc | Code::Enter | Code::Char('q') => return DialogResponse::Close,
            Code::Char('d') => {
                self.periods = !self.periods;
                self.pages.open(Page::Usage);
            }
            Code::Char('C') => return DialogResponse::OnSim(Action::SetLevels),
            Code::Char('E') => return DialogResponse::OnSim(Action::Edit),
            Code::Char('m') => return DialogResponse::OnSim(Action::Menu),
            Code::Char('w') => return DialogResponse::OnSim(Action::Move),
            Code::Char('y') => return DialogResponse::OnSim(Action::CopyIccid),
            _ => self.pages.key(key),
        }
        DialogResponse::Stay
    }
}
