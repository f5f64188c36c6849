//! SIM details: everything known of one SIM, on four pages.

use estate::{Entry, Event, Level, Sim, SimId, Status, Usage};

use super::Reply;
use crate::tui::action::Action;
use crate::tui::term::{Code, Key};

/// What has been read of one SIM.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// The SIM.
    pub sim: Sim,
    /// Its usage over time.
    pub usage: Usage,
    /// Levels it has reached, newest first.
    pub events: Vec<Event>,
    /// Its changes, newest first; `None` for those who may not see them.
    pub entries: Option<Vec<Entry>>,
}

impl Facts {
    /// Why it has the status it has, and since when.
    pub fn reason(&self) -> String {
        let of = |kind: Level, what: &str| {
            let now = |e: &&Event| e.kind == kind && e.period == self.usage.period.start;
            self.events.iter().find(now).map_or_else(
                || format!("{what}, as the import stated"),
                |e| format!("{what} {} UTC", e.at.minute()),
            )
        };
        match self.sim.status {
            Status::Blocked => format!(
                "{}; no new session until it is raised or the period ends",
                of(Level::Cap, "the cap was reached")
            ),
            Status::Alerted => format!("{}; service goes on", of(Level::Alert, "the alert was reached")),
            Status::Suspended => {
                "stopped by someone, as the import stated: the private APN is refused".into()
            }
            Status::Inactive => "can be activated; not billed".into(),
            Status::ActivationPending => "waiting for the network operator".into(),
            Status::Terminated => "disconnected for good".into(),
            Status::Unmanaged => "displayed only: no usage, no changes".into(),
            Status::Active => "in normal use".into(),
        }
    }
}

/// A page of the details.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the titles say it")]
pub enum Page {
    Overview,
    Usage,
    Sessions,
    History,
}

impl Page {
    /// Every page, in order.
    pub const ALL: [Self; 4] = [Self::Overview, Self::Usage, Self::Sessions, Self::History];

    /// What its tab says.
    pub fn title(self) -> &'static str {
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
    /// The page that is open.
    pub page: Page,
    /// Whether the chart shows billing periods instead of days.
    pub periods: bool,
    /// The first line of a page that is shown.
    pub top: usize,
}

impl SimPane {
    /// Opens on the overview.
    pub fn new(id: SimId, iccid: String, label: String) -> Self {
        Self { id, iccid, label, facts: None, page: Page::Overview, periods: false, top: 0 }
    }

    /// Opens another page.
    pub fn open(&mut self, page: Page) {
        (self.page, self.top) = (page, 0);
    }

    fn turn(&mut self, by: usize) {
        let at = Page::ALL.iter().position(|page| *page == self.page).unwrap_or(0);
        self.open(Page::ALL[(at + by) % Page::ALL.len()]);
    }

    /// Takes a key.
    pub fn key(&mut self, key: Key) -> Reply {
        match key.code {
            Code::Esc | Code::Enter | Code::Char('q') => return Reply::Close,
            Code::Tab | Code::Right => self.turn(1),
            Code::BackTab | Code::Left => self.turn(Page::ALL.len() - 1),
            Code::Char('d') => {
                self.periods = !self.periods;
                self.open(Page::Usage);
            }
            Code::Char('C') => return Reply::OnSim(Action::SetLevels),
            Code::Char('w') => return Reply::OnSim(Action::Move),
            Code::Char('y') => return Reply::OnSim(Action::CopyIccid),
            Code::Up | Code::Char('k') => self.top = self.top.saturating_sub(1),
            Code::Down | Code::Char('j') => self.top += 1,
            Code::PageUp => self.top = self.top.saturating_sub(10),
            Code::PageDown => self.top += 10,
            Code::Home => self.top = 0,
            _ => {}
        }
        Reply::Stay
    }
}
