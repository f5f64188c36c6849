//! An account's page beside the tree: overview, users, settings, help, history. Pure; knows no
//! frame.

use estate::{AccountId, Entry, ExternalRecipient, Help, Role, Status, User, UserState};

use super::action::Action;
use super::overlay::pages::{Page, Pages};
use super::term::{Code, Key};

/// A page of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the titles say it")]
pub enum Tab {
    Overview,
    Users,
    Settings,
    Help,
    History,
}

impl Page for Tab {
    const ALL: &'static [Self] =
        &[Self::Overview, Self::Users, Self::Settings, Self::Help, Self::History];

    fn title(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Users => "Users",
            Self::Settings => "Settings",
            Self::Help => "Help",
            Self::History => "History",
        }
    }
}

/// What has been read of an account.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// The account.
    pub account: AccountId,
    /// Whether there are accounts below it.
    pub below: bool,
    /// SIMs of it and below it by status, those that have none left out.
    pub statuses: Vec<(Status, u64)>,
    /// What it and everything below it used in the last 30 days.
    pub month: u64,
    /// Its users.
    pub users: Vec<User>,
    /// Who else hears of its SIMs.
    pub externals: Vec<ExternalRecipient>,
    /// What it sets for those below it.
    pub help: Option<Help>,
    /// What its own users see.
    pub seen: Option<Help>,
    /// What was changed in it and below it, newest first.
    pub entries: Vec<Entry>,
}

/// Something that is set on an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// What an action asks for.
    Asked(&'static str, Action),
    /// The external address of that place in the list.
    External(usize),
}

/// What can be done about help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HelpLine {
    /// Write the page.
    Write,
    /// Load the page from a file.
    Load,
    /// Say whom to contact.
    Contact,
    /// Look at it as those below do.
    Preview,
    /// Leave it to the account above.
    Leave,
}

impl HelpLine {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Write, Self::Load, Self::Contact, Self::Preview, Self::Leave];

    /// What it says.
    pub fn title(self) -> &'static str {
        match self {
            Self::Write => "Write a page…",
            Self::Load => "Load a page from a Markdown file…",
            Self::Contact => "Show whom to contact instead…",
            Self::Preview => "Look at it as a sub-customer",
            Self::Leave => "Leave it to the account above",
        }
    }
}

/// What a line of the page is for.
#[derive(Debug, Clone, PartialEq)]
pub enum PageAction {
    /// Nothing.
    Nothing,
    /// Run an action on the account.
    Run(Action),
    /// Open another page.
    Tab(Tab),
    /// What can be done about a user.
    User(Box<User>),
    /// Take an external address away.
    Strip(String),
    /// Something about help.
    Help(HelpLine),
    /// The SIMs of a change.
    Open(Box<Entry>),
}

/// The page.
#[derive(Debug)]
pub struct Managed {
    /// The account that is shown: what is read of another one is not.
    pub account: Option<AccountId>,
    /// What has been read of it.
    pub facts: Option<Box<Facts>>,
    /// Which page is open, and how far it is scrolled.
    pub pages: Pages<Tab>,
    /// The line under the cursor.
    pub cursor: usize,
}

impl Managed {
    /// Opens on the overview.
    pub fn new() -> Self {
        Self { account: None, facts: None, pages: Pages::new(), cursor: 0 }
    }

    /// What can be set, in order.
    pub fn settings(&self) -> Vec<Setting> {
        let asked = [
            ("Name", Action::AccountRename),
            ("Reference", Action::AccountReference),
            ("Caps, alerts", Action::AccountCaps),
            ("Period", Action::AccountPeriod),
            ("Ceiling", Action::AccountCeiling),
            ("Placed under", Action::AccountMove),
            ("Notify also", Action::AccountNotify),
        ];
        let externals = self.facts.as_ref().map_or(0, |facts| facts.externals.len());
        let asked = asked.into_iter().map(|(name, action)| Setting::Asked(name, action));
        asked.chain((0..externals).map(Setting::External)).collect()
    }

    /// Lines that can be chosen.
    pub fn lines(&self) -> usize {
        let facts = self.facts.as_ref();
        match self.pages.open {
            Tab::Overview => facts.map_or(0, |facts| facts.missing().len()),
            Tab::Users => 1 + facts.map_or(0, |facts| facts.users.len()),
            Tab::Settings => self.settings().len(),
            Tab::Help => HelpLine::ALL.len(),
            Tab::History => facts.map_or(0, |facts| facts.entries.len()),
        }
    }

    /// What the line under the cursor is for.
    pub fn wish(&self) -> PageAction {
        let Some(facts) = &self.facts else { return PageAction::Nothing };
        let at = self.cursor;
        match self.pages.open {
            Tab::Overview => {
                facts.missing().get(at).map_or(PageAction::Nothing, |(_, wish)| wish.clone())
            }
            Tab::Users if at == 0 => PageAction::Run(Action::UserAdd),
            Tab::Users => facts
                .users
                .get(at - 1)
                .map_or(PageAction::Nothing, |u| PageAction::User(Box::new(u.clone()))),
            Tab::Settings => match self.settings().get(at) {
                Some(Setting::Asked(_, action)) => PageAction::Run(*action),
                Some(Setting::External(i)) => facts
                    .externals
                    .get(*i)
                    .map_or(PageAction::Nothing, |x| PageAction::Strip(x.address.clone())),
                None => PageAction::Nothing,
            },
            Tab::Help => {
                HelpLine::ALL.get(at).map_or(PageAction::Nothing, |line| PageAction::Help(*line))
            }
            Tab::History => facts
                .entries
                .get(at)
                .map_or(PageAction::Nothing, |e| PageAction::Open(Box::new(e.clone()))),
        }
    }

    /// Opens a page.
    pub fn open_tab(&mut self, tab: usize) {
        self.pages.open_tab(tab);
        self.cursor = 0;
    }

    fn turn(&mut self, back: bool) {
        let n = Tab::ALL.len();
        let at = Tab::ALL.iter().position(|tab| *tab == self.pages.open).unwrap_or(0);
        self.open_tab((at + if back { n - 1 } else { 1 }) % n);
    }

    /// Takes a key that is about the page; `None` leaves it to the keymap.
    pub fn key(&mut self, key: Key) -> Option<PageAction> {
        let last = self.lines().saturating_sub(1);
        match key.code {
            Code::Up | Code::Char('k') => self.cursor = self.cursor.saturating_sub(1),
            Code::Down | Code::Char('j') => self.cursor = (self.cursor + 1).min(last),
            Code::PageUp => self.cursor = self.cursor.saturating_sub(10),
            Code::PageDown => self.cursor = (self.cursor + 10).min(last),
            Code::Home => self.cursor = 0,
            Code::End => self.cursor = last,
            Code::Left => self.turn(true),
            Code::Right => self.turn(false),
            Code::Enter => return Some(self.wish()),
            // On a user the menu is that of the user.
            Code::Char('m') if matches!(self.wish(), PageAction::User(_)) => return Some(self.wish()),
            _ => return None,
        }
        Some(PageAction::Nothing)
    }

    /// Takes what was read; the cursor stays on a line there is.
    pub fn set_facts(&mut self, facts: Box<Facts>) {
        self.facts = Some(facts);
        self.cursor = self.cursor.min(self.lines().saturating_sub(1));
    }
}

impl Default for Managed {
    fn default() -> Self {
        Self::new()
    }
}

impl Facts {
    /// What the account still lacks, and what mends it.
    pub fn missing(&self) -> Vec<(&'static str, PageAction)> {
        let admin = |u: &User| u.role == Role::Admin && u.state != UserState::Disabled;
        let active = |u: &User| u.role == Role::Admin && u.state == UserState::Active;
        let mut missing = Vec::new();
        if !self.users.iter().any(admin) {
            missing.push(("no Admin yet: nobody there manages it", PageAction::Run(Action::UserAdd)));
        } else if !self.users.iter().any(active) {
            missing.push(("its Admin has not accepted the invitation yet", PageAction::Tab(Tab::Users)));
        }
        if self.below && self.help.is_none() && self.seen.is_none() {
            missing.push((
                "no help contact: those below see simdeck's own page",
                PageAction::Tab(Tab::Help),
            ));
        }
        missing
    }
}
