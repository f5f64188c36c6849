//! Estate history: what an account and everything below it has used, by day, by month and by
//! account.

use estate::{AccountId, EstateUsage, UsageBucket};

use super::pages::{self, Pages};
use crate::tui::overlay::response::DialogResponse;
use crate::tui::term::{Code, Key};

/// What a line or a bar stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the titles say it")]
pub enum By {
    Day,
    Month,
    Account,
}

impl pages::Page for By {
    const ALL: &'static [Self] = &[Self::Day, Self::Month, Self::Account];

    fn title(self) -> &'static str {
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
    /// Its pages.
    pub pages: Pages<By>,
}

impl SpendingPane {
    /// Opens on the days.
    pub fn new(account: AccountId, name: String) -> Self {
        Self { account, name, usage: None, pages: Pages::new() }
    }

    /// The lines of the page that is open.
    pub fn lines(&self) -> usize {
        match (&self.usage, self.pages.open) {
            (Some(usage), By::Account) => usage.accounts.len(),
            _ => self.spent().len(),
        }
    }

    /// The days or months that are shown, newest first.
    pub fn spent(&self) -> Vec<UsageBucket> {
        let Some(usage) = &self.usage else { return Vec::new() };
        if self.pages.open == By::Month { usage.months() } else { usage.days.clone() }
    }

    /// Takes a key.
    pub fn key(&mut self, key: Key) -> DialogResponse {
        match key.code {
            Code::Esc | Code::Enter | Code::Char('q') => return DialogResponse::Close,
            Code::Char('e') if self.usage.is_some() => return DialogResponse::Spending,
            _ => self.pages.key(key),
        }
        DialogResponse::Stay
    }
}
