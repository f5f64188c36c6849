//! The account tree: which accounts are unfolded, where the cursor is. Pure; knows no frame.

use std::collections::BTreeSet;

use estate::{AccountId, Accounts};

/// What is open and what is looked at.
#[derive(Debug, Clone)]
pub struct Tree {
    /// Unfolded accounts.
    pub open: BTreeSet<AccountId>,
    /// The account under the cursor.
    pub cursor: AccountId,
    /// The first line shown.
    pub top: usize,
    /// Lines that fit.
    pub height: usize,
    /// The visible accounts, as places in tree order.
    lines: Vec<usize>,
}

impl Tree {
    /// A tree with its top unfolded.
    pub fn new(top: AccountId) -> Self {
        Self { open: BTreeSet::from([top]), cursor: top, top: 0, height: 1, lines: Vec::new() }
    }

    /// Works out the visible lines anew; a cursor whose account is gone goes to the top.
    pub fn rebuild(&mut self, accounts: &Accounts) {
        if accounts.get(self.cursor).is_none() {
            self.cursor = accounts.top().map_or(self.cursor, |a| a.id);
        }
        self.lines.clear();
        let all = accounts.all();
        let mut place = 0;
        while let Some(account) = all.get(place) {
            self.lines.push(place);
            place += if self.open.contains(&account.id) {
                1
            } else {
                accounts.subtree(account.id).len().max(1)
            };
        }
        self.reveal(accounts);
        self.keep_in_sight(accounts);
    }

    /// Unfolds what hides the cursor.
    fn reveal(&mut self, accounts: &Accounts) {
        if self.line(accounts).is_none() {
            let mut at = accounts.get(self.cursor).and_then(|a| a.parent);
            while let Some(id) = at {
                self.open.insert(id);
                at = accounts.get(id).and_then(|a| a.parent);
            }
            self.rebuild(accounts);
        }
    }

    /// The visible lines, as places in tree order.
    pub fn lines(&self) -> &[usize] {
        &self.lines
    }

    /// The line the cursor is on.
    pub fn line(&self, accounts: &Accounts) -> Option<usize> {
        let place = accounts.place(self.cursor)?;
        self.lines.binary_search(&place).ok()
    }

    fn keep_in_sight(&mut self, accounts: &Accounts) {
        let line = self.line(accounts).unwrap_or(0);
        let height = self.height.max(1);
        self.top = self
            .top
            .clamp((line + 1).saturating_sub(height), line)
            .min(self.lines.len().saturating_sub(height));
    }

    /// Says how many lines fit.
    pub fn resize(&mut self, height: usize, accounts: &Accounts) {
        self.height = height;
        self.keep_in_sight(accounts);
    }

    /// Moves the cursor by lines.
    pub fn step(&mut self, by: i64, accounts: &Accounts) {
        let line = self.line(accounts).unwrap_or(0) as i64;
        let to = line.saturating_add(by).clamp(0, self.lines.len().saturating_sub(1) as i64) as usize;
        self.cursor = self.lines.get(to).map_or(self.cursor, |place| accounts.all()[*place].id);
        self.keep_in_sight(accounts);
    }

    /// Scrolls without moving the cursor.
    pub fn scroll(&mut self, by: i64) {
        let most = self.lines.len().saturating_sub(self.height) as i64;
        self.top = (self.top as i64 + by).clamp(0, most) as usize;
    }

    /// Puts the cursor on an account.
    pub fn go_to(&mut self, id: AccountId, accounts: &Accounts) {
        self.cursor = id;
        self.rebuild(accounts);
    }

    /// Unfolds the account, or steps into it when it is unfolded.
    pub fn expand(&mut self, accounts: &Accounts) {
        if accounts.subtree(self.cursor).len() < 2 {
            return;
        }
        if self.open.insert(self.cursor) { self.rebuild(accounts) } else { self.step(1, accounts) }
    }

    /// Folds the account, or goes to the one above when there is nothing to fold.
    pub fn collapse(&mut self, accounts: &Accounts) {
        let unfolded = accounts.subtree(self.cursor).len() > 1 && self.open.remove(&self.cursor);
        if !unfolded && let Some(parent) = accounts.get(self.cursor).and_then(|a| a.parent) {
            self.cursor = parent;
        }
        self.rebuild(accounts);
    }

    /// Folds or unfolds an account; a cursor below it comes up to it.
    pub fn toggle(&mut self, id: AccountId, accounts: &Accounts) {
        if self.open.remove(&id) {
            if accounts.is_under(self.cursor, id) {
                self.cursor = id;
            }
        } else {
            self.open.insert(id);
        }
        self.rebuild(accounts);
    }

    /// Unfolds everything.
    pub fn expand_all(&mut self, accounts: &Accounts) {
        self.open = accounts.all().iter().map(|a| a.id).collect();
        self.rebuild(accounts);
    }

    /// Folds everything below the top.
    pub fn collapse_all(&mut self, accounts: &Accounts) {
        self.open = accounts.top().map(|a| a.id).into_iter().collect();
        self.cursor = accounts.top().map_or(self.cursor, |a| a.id);
        self.rebuild(accounts);
    }
}
