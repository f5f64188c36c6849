//! Estate history: what an account and everything below it has used, by day, by month and by account.

use estate::{AccountId, EstateUsage, Spent};

use super::Reply;
use crate::tui::term::{Code, Key};

/// What a line or a bar stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the titles say it")]
pub enum By {
    Day,
    Month,
    Account,
}

impl By {
    /// Every page, in order.
    pub const ALL: [Self; 3] = [Self::Day, Self::Month, Self::Account];

    /// What its tab says.
    pub fn title(self) -> &'static str {
        match self {
            Self::Day => "Days",
            Self::Month => "Months",
            Self::Account => "Accounts",
        }
    }
}

/// The estate history.
#[derive(Debug)]
pub struct SpendingPane {
    /// The account.
    pub account: AccountId,
    /// Its name.
    pub name: String,
    /// What has been read.
    pub usage: Option<EstateUsage>,
    /// The page that is open.
    pub by: By,
    /// The first line that is shown.
    pub top: usize,
}

impl SpendingPane {
    /// Opens on the days.
    pub fn new(account: AccountId, name: String) -> Self {
        Self { account, name, usage: None, by: By::Day, top: 0 }
    }

    /// Opens another page.
    pub fn open(&mut self, by: By) {
        (self.by, self.top) = (by, 0);
    }

    fn turn(&mut self, by: usize) {
        let at = By::ALL.iter().position(|page| *page == self.by).unwrap_or(0);
        self.open(By::ALL[(at + by) % By::ALL.len()]);
    }

    /// The days or months that are shown, newest first.
    pub fn spent(&self) -> Vec<Spent> {
        let Some(usage) = &self.usage else { return Vec::new() };
        if self.by == By::Month { usage.months() } else { usage.days.clone() }
    }

    /// Takes a key.
    pub fn key(&mut self, key: Key) -> Reply {
        match key.code {
            Code::Esc | Code::Enter | Code::Char('q') => return Reply::Close,
            Code::Tab | Code::Right => self.turn(1),
            Code::BackTab | Code::Left => self.turn(By::ALL.len() - 1),
            Code::Char('e') if self.usage.is_some() => return Reply::Spending,
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
