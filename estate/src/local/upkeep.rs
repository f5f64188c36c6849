//! Maintenance of a store: messages, billing period rollovers, check, backup, and the log's head.

use std::path::Path;

use rusqlite::{Transaction, TransactionBehavior};

use super::Local;
use crate::change::{Change, LogHead};
use crate::error::{Error, Result};
use crate::local::record::append;
use crate::notify::{Attempt, Delivery, OutboxMessage};
use crate::progress::{CancelToken, OnProgress};
use crate::role::Capability;
use crate::rollover::{ConfirmedRollover, RolloverStatus};
use crate::store::backup::{self, Restored};
use crate::store::migrate::Upgrade;
use crate::store::open::{Opening, StoreInfo};
use crate::store::pool::Store;
use crate::store::read::View;
use crate::store::{check, demo as made_up, newest_time, outbox, period_reopen, period_rollover};
use crate::units::Time;

impl Local {
    /// Takes the next messages that are due; whoever takes them sends them and tells how that
    /// ended.
    pub fn letters(&self, limit: u32) -> Result<Vec<OutboxMessage>> {
        self.in_person()?;
        self.may_write(Capability::View)?;
        outbox::lease(&mut self.store.writer(), self.mail, (self.clock)(), limit)
    }

    /// Writes down how an attempt to send a message ended.
    pub fn record_attempt(&self, letter: &OutboxMessage, how: &Attempt) -> Result<()> {
        self.in_person()?;
        outbox::record_attempt(&mut self.store.writer(), letter, how, (self.clock)())
    }

    /// When the next billing period of anyone begins.
    pub fn next_turn(&self) -> Result<Time> {
        period_rollover::next(&self.store.writer(), (self.clock)())
    }

    /// When the next message is due.
    pub fn next_letter(&self) -> Result<Option<Time>> {
        outbox::next_due(&self.store.writer(), self.mail)
    }

    /// The newest messages and what has become of them: for those who see every account.
    pub fn outbox(&self, limit: u32) -> Result<Vec<Delivery>> {
        self.at_root(Capability::ManageRecipients, |view| outbox::list(view.session, limit))
    }

    /// Gives the demo's SIMs a past.
    pub(crate) fn make_up_history(&self) -> Result<()> {
        let session = self.store.writer();
        let transaction = session.unchecked_transaction()?;
        made_up::history(&session, (self.clock)())?;
        Ok(transaction.commit()?)
    }

    /// Number of raised caps that have returned by themselves in accounts this user sees.
    pub fn turns(&self) -> Result<i64> {
        self.may(Capability::View)?;
        self.store.read(&CancelToken::new(), |session| self.view(session)?.turns())
    }

    /// Returns the pending rollovers and the number of SIMs whose counters they close: for users of
    /// the root account.
    pub fn pending_rollover(&self) -> Result<(RolloverStatus, u64)> {
        let now = (self.clock)();
        self.at_root(Capability::ManageAccounts, |view| {
            let sims = period_rollover::count_pending(view.session, now)?;
            Ok((period_rollover::status(view.session, view.whole, now)?, sims))
        })
    }

    /// Closes the pending billing periods by the present clock, accepted or not: an Admin of the
    /// root account has confirmed it. From then on clocks are compared with this one. Periods that
    /// only the registration of a rule by a later clock closed are reopened.
    pub fn confirm_rollover(&self, watch: &OnProgress<'_>) -> Result<ConfirmedRollover> {
        self.in_person()?;
        self.may_write(Capability::ManageAccounts)?;
        let session = self.store.writer();
        let transaction = Transaction::new_unchecked(&session, TransactionBehavior::Immediate)?;
        let view = View::new(&session, &self.scope, None)?;
        if !view.whole {
            return Err(Error::RootOnly);
        }
        let now = (self.clock)();
        let last = outbox::last_event(&session)?;
        let clock = newest_time::reading(&session, now)?;
        let status = period_rollover::status(&session, true, now)?;
        let is_accepted = clock.is_accepted() && !status.is_held;
        if !is_accepted {
            let body = serde_json::json!({ "clock": now.0, "newest": clock.newest, "via": self.via });
            append(&session, self.scope.actor(), Change::ACCEPT_CLOCK, body, now)?;
        }
        let (actor, via) = (self.scope.actor(), self.via.as_str());
        period_rollover::release(&session, now)?;
        let reopened = period_reopen::take_back_registrations(&session, actor, via, now)?;
        period_rollover::finish_released(&session, now, watch)?;
        outbox::gather(&session, last, self.mail, now)?;
        transaction.commit()?;
        Ok(ConfirmedRollover { closed: status.pending.len(), reopened, is_clock_new: !is_accepted })
    }

    /// Everything that is wrong with the store, in words.
    pub fn check(&self) -> Result<Vec<String>> {
        self.at_root(Capability::EstateHistory, |_| Ok(()))?;
        self.store.read(&CancelToken::new(), check::check)
    }

    /// Whether whoever is signed in sees every account, and may know what happens in all of them.
    pub fn sees_all(&self) -> Result<()> {
        self.at_root(Capability::EstateHistory, |_| Ok(()))
    }

    /// For those who see everything: what they ask for is about every account.
    fn at_root<T>(&self, need: Capability, work: impl FnOnce(&View<'_>) -> Result<T>) -> Result<T> {
        self.read(
            need,
            &CancelToken::new(),
            |view| if view.whole { work(view) } else { Err(Error::RootOnly) },
        )
    }

    /// The newest change and its hash, which covers every change before it: kept elsewhere, it
    /// shows whether any of them was changed afterwards.
    pub fn head(&self) -> Result<LogHead> {
        self.at_root(Capability::EstateHistory, |view| check::head(view.session))
    }

    /// Whether the log still has that head in it.
    pub fn holds(&self, head: &LogHead) -> Result<bool> {
        self.at_root(Capability::EstateHistory, |view| check::holds(view.session, head))
    }

    /// Copies the store to a new file while it is in use.
    pub fn backup(&self, to: &Path, watch: &OnProgress<'_>) -> Result<()> {
        self.at_root(Capability::EstateHistory, |_| Ok(()))?;
        backup::backup(&self.store, to, watch)
    }

    /// Folds the write-ahead log into the store's file, unless another session reads or writes now.
    pub fn fold(&self) {
        self.store.fold();
    }

    /// Replaces the store at `path` by a checked copy of the backup `from`, and keeps the old one
    /// beside it.
    ///
    /// Works on the files alone, so that a damaged store can be replaced. Errors: `Busy` while a
    /// program has the store open. On any error the store is as it was.
    pub fn restore(path: &Path, from: &Path, watch: &OnProgress<'_>) -> Result<Restored> {
        backup::restore(path, from, watch)
    }

    /// Describes the store at `path` without changing it: for the owner of the file, without
    /// sign-in.
    pub fn info(path: &Path) -> Result<StoreInfo> {
        Store::info(path)
    }

    /// Upgrades the schema of the store at `path` after a backup; `None` if it is current.
    pub fn upgrade(path: &Path) -> Result<Option<Upgrade>> {
        Ok(Store::open(path, Opening::Write)?.upgrade().cloned())
    }

    /// The upgrade of the schema that opening the store made.
    pub fn upgrade_made(&self) -> Option<&Upgrade> {
        self.store.upgrade()
    }
}
