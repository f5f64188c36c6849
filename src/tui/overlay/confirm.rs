//! A planned change waiting for a yes: what will happen, what is worth knowing, and a yes that
//! cannot slip.

use std::time::Duration;

use estate::{Change, MoveOptions, Plan};
use tui_input::Input;

use super::chooser::edit;
use crate::tui::overlay::response::DialogResponse;
use crate::tui::term::{Code, Key};

/// How long it hears nothing after it opens: keys meant for something else do not confirm.
pub const ARMING: Duration = Duration::from_millis(250);

/// How many ceilings are named one by one.
pub const CEILINGS: usize = 3;

/// The dialog.
#[derive(Debug)]
pub struct Confirm {
    /// What is asked: "Move SIMs to /A/B".
    pub title: String,
    /// The change.
    pub change: Change,
    /// Its plan; `None` while it is made.
    pub plan: Option<Plan>,
    /// Why it cannot be planned.
    pub fault: Option<String>,
    /// SIMs of it that the list does not show; `None` while they are counted.
    pub hidden: Option<u64>,
    /// Whether the person has said that hidden ones are meant too.
    pub all: bool,
    /// The number being typed.
    pub typed: Input,
    /// Whether the button that makes the change has the focus. Never at first.
    pub on_go: bool,
    /// When it starts to listen.
    pub armed_at: Duration,
}

impl Confirm {
    /// A dialog that opens now.
    pub fn new(title: String, change: Change, hidden: Option<u64>, now: Duration) -> Self {
        Self {
            title,
            change,
            plan: None,
            fault: None,
            hidden,
            all: hidden == Some(0),
            typed: Input::default(),
            on_go: false,
            armed_at: now + ARMING,
        }
    }

    /// The word on the button.
    pub fn verb(&self) -> &'static str {
        match &self.change {
            Change::Edit { edit, .. } => edit.title(),
            Change::Convert { .. } => "Make accounts",
            Change::EditProfile { .. } => "Change",
            Change::ChangeUser { .. } | Change::RemoveExternal { .. } => "Remove",
            Change::SetHelp { .. } => "Leave it",
            Change::SetLevels { .. } | Change::SetCeiling { .. } => "Set",
            Change::SetEntitlement { .. } => "Switch",
            Change::Undo { .. } => "Undo",
            Change::DeleteAccount { .. } => "Delete",
            _ => "Move",
        }
    }

    /// Whether SIMs are meant that the list does not show.
    pub fn hides(&self) -> bool {
        self.hidden.is_some_and(|n| n > 0)
    }

    /// Takes the count of hidden SIMs that was still missing.
    pub fn set_hidden(&mut self, hidden: u64) {
        if self.hidden.is_none() {
            self.hidden = Some(hidden);
            self.all = hidden == 0;
        }
    }

    /// Accounts that are named one by one: the warnings below them must not be pushed out.
    pub fn named_accounts(&self) -> usize {
        let crowded = self.hides() || self.plan.as_ref().is_some_and(|plan| plan.warnings.len() > 3);
        if crowded { 3 } else { 5 }
    }

    /// The rows it needs, with its frame.
    pub fn height(&self) -> u16 {
        let Some(plan) = &self.plan else { return 9 };
        let to = match self.change {
            Change::Move { .. } | Change::MoveAccount { .. } => 1,
            Change::SetLevels { .. } | Change::Edit { .. } => 2,
            _ => 0,
        };
        let accounts = plan.by_account.len().max(plan.groups.len()).min(self.named_accounts() + 1);
        let status = if plan.by_status.len() > 4 { 2 } else { plan.by_status.len().min(1) };
        let said = 1
            + plan.reasons.len()
            + accounts
            + status
            + plan.sample.len().min(1)
            + plan.warnings.len()
            + plan.ceilings.len().min(CEILINGS);
        let hidden = usize::from(self.hidden != Some(0));
        (to + said + hidden) as u16 + 7
    }

    /// The number that has to be typed, if one has to be.
    pub fn to_type(&self) -> Option<u64> {
        self.plan.as_ref().filter(|plan| plan.counts.done > 0 && plan.is_typed()).map(|plan| plan.total)
    }

    /// Whether it is about SIMs and would change none. What is about accounts changes something
    /// even where no SIM changes.
    pub fn is_idle(&self) -> bool {
        let of_sims = self.change.target().is_some() || matches!(self.change, Change::Undo { .. });
        let named = matches!(self.change, Change::Convert { .. });
        self.plan
            .as_ref()
            .is_some_and(|plan| of_sims && plan.counts.done == 0 && (plan.total > 0 || named))
    }

    /// Why it cannot go ahead yet.
    pub fn why_not(&self) -> Option<String> {
        if let Some(fault) = &self.fault {
            return Some(fault.clone());
        }
        if self.plan.is_none() {
            return Some("still looking at what would happen".into());
        }
        if self.is_idle() {
            return Some("nothing would change".into());
        }
        if self.hidden.is_none() {
            return Some("still counting what the filter hides".into());
        }
        if !self.all {
            return Some("choose first: a for all, v for only the visible".into());
        }
        match self.to_type() {
            Some(n) if self.typed.value().replace([',', ' '], "") != n.to_string() => {
                Some(format!("type {n} to go ahead"))
            }
            _ => None,
        }
    }

    /// The options of a move.
    pub fn clear(&mut self) -> Option<&mut MoveOptions> {
        match &mut self.change {
            Change::Move { clear, .. } => Some(clear),
            _ => None,
        }
    }

    /// Takes a key.
    pub fn key(&mut self, key: Key) -> DialogResponse {
        match key.code {
            Code::Esc => return DialogResponse::Close,
            Code::Tab | Code::BackTab => self.on_go = !self.on_go,
            Code::Enter => return self.enter(),
            Code::Char('n') if self.toggle(|c| &mut c.notes) => {}
            Code::Char('r') if self.toggle(|c| &mut c.recipients) => {}
            Code::Char('t') if self.toggle(|c| &mut c.tags) => {}
            Code::Char('a') if self.hides() => self.all = true,
            Code::Char('v') if self.hides() => return DialogResponse::OnlyShown,
            Code::Char('y') if self.to_type().is_none() => return self.go(),
            Code::Char('n' | 'q') => return DialogResponse::Close,
            _ if self.to_type().is_some() => self.digit(key),
            Code::Left | Code::Right => self.on_go = !self.on_go,
            _ => {}
        }
        DialogResponse::Stay
    }

    fn digit(&mut self, key: Key) {
        let is_text = matches!(key.code, Code::Char(c) if !c.is_ascii_digit() && c != ',');
        if !is_text {
            edit(&mut self.typed, key);
            self.on_go = self.why_not().is_none();
        }
    }

    /// Enter does what has the focus: at first that is to leave everything as it is.
    fn enter(&self) -> DialogResponse {
        match (self.on_go, self.to_type()) {
            (true, _) => self.go(),
            // Half a number is no wish to cancel.
            (false, Some(_)) if !self.typed.value().is_empty() => self.go(),
            _ => DialogResponse::Close,
        }
    }

    fn go(&self) -> DialogResponse {
        match self.why_not() {
            Some(why) => DialogResponse::Say(why),
            None => DialogResponse::Go,
        }
    }

    fn toggle(&mut self, field: impl Fn(&mut MoveOptions) -> &mut bool) -> bool {
        let Some(clear) = self.clear() else { return false };
        let flag = field(clear);
        *flag = !*flag;
        true
    }
}
