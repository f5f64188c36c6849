//! What keeps a store: messages sent, period turns made, the file checked and copied, the log's head kept elsewhere.

use std::path::Path;

use super::Local;
use crate::change::{Cancel, Head, Watch};
use crate::error::{Error, Result};
use crate::notify::{Attempt, Delivery, Letter};
use crate::permit::Capability;
use crate::store::backup::{self, Restored};
use crate::store::migrate::Upgrade;
use crate::store::open::StoreInfo;
use crate::store::read::View;
use crate::store::{Opening, Store, check, demo as made_up, outbox, turn};
use crate::units::Time;

impl Local {
    /// Takes the next messages that are due; whoever takes them sends them and tells how that ended.
    pub fn letters(&self, limit: u32) -> Result<Vec<Letter>> {
        self.in_person()?;
        self.may_write(Capability::View)?;
        outbox::lease(&mut self.store.writer(), self.mail, (self.clock)(), limit)
    }

    /// Writes down how an attempt to send a message ended.
    pub fn attempted(&self, letter: &Letter, how: &Attempt) -> Result<()> {
        self.in_person()?;
        outbox::attempted(&mut self.store.writer(), letter, how, (self.clock)())
    }

    /// When the next billing period of anyone begins.
    pub fn next_turn(&self) -> Result<Time> {
        turn::next(&self.store.writer(), (self.clock)())
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

    /// How often something has turned by itself, billing periods and raised caps, in accounts this user sees.
    pub fn turns(&self) -> Result<i64> {
        self.may(Capability::View)?;
        self.store.read(&Cancel::new(), |session| self.view(session)?.turns())
    }

    /// Makes a period turn that is due, so that what is read next is of the period that runs now.
    pub fn catch_up(&self) -> Result<()> {
        while !self.scope.read_only && turn::step(&mut self.store.writer(), self.mail, (self.clock)())? {}
        Ok(())
    }

    /// Everything that is wrong with the store, in words.
    pub fn check(&self) -> Result<Vec<String>> {
        self.at_root(Capability::EstateHistory, |_| Ok(()))?;
        check::check(&self.store.writer())
    }

    /// Whether whoever is signed in sees every account, and may know what happens in all of them.
    pub fn sees_all(&self) -> Result<()> {
        self.at_root(Capability::EstateHistory, |_| Ok(()))
    }

    /// For those who see everything: what they ask for is about every account.
    fn at_root<T>(&self, need: Capability, work: impl FnOnce(&View<'_>) -> Result<T>) -> Result<T> {
        self.read(need, &Cancel::new(), |view| if view.whole { work(view) } else { Err(Error::RootOnly) })
    }

    /// The newest change and its hash, which covers every change before it: kept elsewhere, it shows whether any of them
    /// was changed afterwards.
    pub fn head(&self) -> Result<Head> {
        self.at_root(Capability::EstateHistory, |view| check::head(view.session))
    }

    /// Whether the log still has that head in it.
    pub fn holds(&self, head: &Head) -> Result<bool> {
        self.at_root(Capability::EstateHistory, |view| check::holds(view.session, head))
    }

    /// Copies the store to a new file while it is in use.
    pub fn backup(&self, to: &Path, watch: &Watch<'_>) -> Result<()> {
        self.at_root(Capability::EstateHistory, |_| Ok(()))?;
        backup::backup(&self.store, to, watch)
    }

    /// Folds the write-ahead log into the store's file, unless another session reads or writes now.
    pub fn fold(&self) {
        self.store.fold();
    }

    /// Replaces the store at `path` by a checked copy of the backup `from`, and keeps the old one beside it.
    ///
    /// Works on the files alone, so that a damaged store can be replaced. Errors: `Busy` while a program has the store
    /// open. On any error the store is as it was.
    pub fn restore(path: &Path, from: &Path, watch: &Watch<'_>) -> Result<Restored> {
        backup::restore(path, from, watch)
    }

    /// Describes the store at `path` without changing it: for the owner of the file, nobody signs in.
    pub fn info(path: &Path) -> Result<StoreInfo> {
        Store::info(path)
    }

    /// Upgrades the schema of the store at `path` after a backup; `None` if it is current.
    pub fn upgrade(path: &Path) -> Result<Option<Upgrade>> {
        Ok(Store::open(path, Opening::Write)?.upgrade().cloned())
    }

    /// The upgrade of the schema that opening the store made.
    pub fn upgraded(&self) -> Option<&Upgrade> {
        self.store.upgrade()
    }
}
