//! What a session answers: the role table first, then one unchanging view of the store.

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Arc;

use rusqlite::TransactionBehavior;

use super::Local;
use crate::account::Accounts;
use crate::change::{Change, Plan, Receipt, Target};
use crate::edit::{SharedValues, StateOrigin};
use crate::error::{Error, Result};
use crate::filter::Field;
use crate::filter::suggest::Values;
use crate::help::Help;
use crate::ids::{AccountId, ChangeId, Rev, SimId, StagingId, TokenId, UserId};
use crate::import::options::{ImportOptions, ImportSummary, NoteSink};
use crate::levels::Spread;
use crate::list::{List, Lookup};
use crate::notify::ExternalRecipient;
use crate::permit::Roles;
use crate::progress::{CancelToken, OnProgress};
use crate::query::{Key, Page, Query, Seek};
use crate::role::Capability;
use crate::rollover::RolloverStatus;
use crate::saved::{Saved, SavedEdit};
use crate::sim::Sim;
use crate::store::connection::Database;
use crate::store::log::LogFilter;
use crate::store::stage::Staging;
use crate::store::usage::UsageStaging;
use crate::store::watch::CommitWatch;
use crate::store::{
    accounts, functions, log, newest_time, outbox, people, period_rollover, saved, textindex, watch,
};
use crate::token::{Link, NewToken, Secret, SignInMethods, SignInSession, Token, TotpEnrolment};
use crate::usage::{EstateUsage, Event, EventFilter, Usage, UsageTally};
use crate::user::User;
use crate::{Entry, Estate, Item, Outcome, Sink};

impl Estate for Local {
    fn me(&self) -> &User {
        &self.scope.user
    }

    fn roles(&self) -> &Roles {
        &self.scope.roles
    }

    fn read_only(&self) -> bool {
        self.scope.read_only
    }

    fn rev(&self) -> Result<Rev> {
        self.store.read(&CancelToken::new(), Database::rev)
    }

    fn changed_since(&self, after: Rev) -> Result<(Rev, bool)> {
        self.read(Capability::View, &CancelToken::new(), |view| view.touched_since(after))
    }

    fn accounts(&self, cancel: &CancelToken) -> Result<Arc<Accounts>> {
        self.read(Capability::View, cancel, |view| Ok(Arc::clone(&view.accounts)))
    }

    fn users(&self, account: Option<AccountId>, cancel: &CancelToken) -> Result<Vec<User>> {
        self.read(Capability::ManageAccounts, cancel, |view| {
            account.map(|a| view.accounts.need(a)).transpose()?;
            view.users(account)
        })
    }

    fn page(&self, query: &Query, seek: &Seek, limit: u16, cancel: &CancelToken) -> Result<Page> {
        // What a program gets it keeps, as with an export.
        let need = if self.in_person().is_ok() { Capability::View } else { Capability::Export };
        self.read(need, cancel, |view| view.page(query, seek, limit, cancel))
    }

    fn count(&self, query: &Query, cancel: &CancelToken) -> Result<u64> {
        self.read(Capability::View, cancel, |view| view.count(query))
    }

    fn count_target(&self, target: &Target, query: &Query, cancel: &CancelToken) -> Result<(u64, u64)> {
        self.read(Capability::View, cancel, |view| view.count_target(target, query))
    }

    fn selected_among(
        &self,
        target: &Target,
        ids: &[SimId],
        cancel: &CancelToken,
    ) -> Result<BTreeSet<SimId>> {
        self.read(Capability::View, cancel, |view| view.selected_among(target, ids))
    }

    fn target_ids(&self, target: &Target, limit: u64, cancel: &CancelToken) -> Result<Vec<SimId>> {
        self.read(Capability::View, cancel, |view| view.target_ids(target, limit))
    }

    fn range(
        &self,
        query: &Query,
        from: &Key,
        to: &Key,
        limit: u64,
        cancel: &CancelToken,
    ) -> Result<Vec<SimId>> {
        self.read(Capability::View, cancel, |view| view.range(query, from, to, limit))
    }

    fn sim(&self, id: SimId, cancel: &CancelToken) -> Result<Sim> {
        self.read(Capability::View, cancel, |view| view.sim(id))
    }

    fn last_state_change(&self, id: SimId, cancel: &CancelToken) -> Result<Option<StateOrigin>> {
        self.read(Capability::View, cancel, |view| view.last_state_change(id))
    }

    fn sim_by_iccid(&self, iccid: &str, cancel: &CancelToken) -> Result<Sim> {
        self.read(Capability::View, cancel, |view| view.sim_by_iccid(iccid))
    }

    fn authorize_probe(&self, id: SimId, need: Capability, cancel: &CancelToken) -> Result<Sim> {
        // A ping reaches out to a device: who may change nothing does not do that either.
        self.may_write(need)?;
        let sim = self.read(Capability::View, cancel, |view| view.sim(id))?;
        if sim.managed {
            Ok(sim)
        } else {
            Err(Error::Conflict("unmanaged SIMs are displayed only".into()))
        }
    }

    fn lookup(&self, list: &List, cancel: &CancelToken) -> Result<Lookup> {
        self.read(Capability::View, cancel, |view| view.lookup(list))
    }

    fn values(&self, field: Field, cancel: &CancelToken) -> Result<Values> {
        self.read(Capability::View, cancel, |view| view.values(field))
    }

    fn saved_filters(&self, cancel: &CancelToken) -> Result<Vec<Saved>> {
        self.in_person()?;
        self.read(Capability::View, cancel, |view| saved::list(view.session, self.scope.user.id))
    }

    fn edit_saved(&self, edits: &[SavedEdit]) -> Result<Vec<Saved>> {
        self.in_person()?;
        self.may_write(Capability::View)?;
        let mut session = self.store.writer();
        let transaction = session.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let saved = saved::change(&transaction, self.scope.user.id, edits)?;
        transaction.commit()?;
        Ok(saved)
    }

    fn levels_summary(&self, target: &Target, cancel: &CancelToken) -> Result<Spread> {
        self.read(Capability::View, cancel, |view| view.spread(target))
    }

    fn common(&self, target: &Target, cancel: &CancelToken) -> Result<SharedValues> {
        self.read(Capability::View, cancel, |view| view.common(target))
    }

    fn plan(&self, change: &Change, cancel: &CancelToken) -> Result<Plan> {
        self.plan_change(change, cancel)
    }

    fn apply(&self, id: &ChangeId, change: &Change, watch: &OnProgress<'_>) -> Result<Receipt> {
        self.apply_as_seen(id, change, watch, &|| Ok(()))
    }

    fn stage(
        &self,
        input: Box<dyn Read + Send + '_>,
        options: &ImportOptions,
        notes: &mut NoteSink<'_>,
        watch: &OnProgress<'_>,
    ) -> Result<(StagingId, ImportSummary)> {
        self.may_write(Capability::ImportSims)?;
        let session = functions::open(self.store.path())?;
        let view = self.view(&session)?;
        if !view.whole {
            return Err(Error::RootOnly);
        }
        let own = functions::open(self.store.path())?;
        let staging = Staging::read(own, &view, input, options, notes, watch)?;
        let tally = staging.tally.clone();
        Ok((self.keep(staging), tally))
    }

    fn stage_usage(
        &self,
        input: Box<dyn Read + Send + '_>,
        options: &ImportOptions,
        notes: &mut NoteSink<'_>,
        watch: &OnProgress<'_>,
    ) -> Result<(StagingId, UsageTally)> {
        self.may_write(Capability::ImportUsage)?;
        let session = functions::open(self.store.path())?;
        // Only who sees every SIM learns nothing from which ones are not there.
        if !self.view(&session)?.whole {
            return Err(Error::RootOnly);
        }
        let clock = newest_time::reading(&session, (self.clock)())?;
        let staging = UsageStaging::read(session, clock, input, options, notes, watch)?;
        let tally = staging.tally.clone();
        Ok((self.keep(staging), tally))
    }

    fn usage(&self, id: SimId, cancel: &CancelToken) -> Result<Usage> {
        let now = (self.clock)();
        self.read(Capability::View, cancel, |view| view.usage(&view.sim(id)?, now))
    }

    fn estate_usage(&self, account: AccountId, cancel: &CancelToken) -> Result<EstateUsage> {
        self.read(Capability::EstateHistory, cancel, |view| view.estate_usage(account))
    }

    fn externals(&self, account: AccountId, cancel: &CancelToken) -> Result<Vec<ExternalRecipient>> {
        self.read(Capability::ManageRecipients, cancel, |view| {
            view.accounts.need(account)?;
            outbox::externals(view.session, account)
        })
    }

    fn help(&self, cancel: &CancelToken) -> Result<Option<Help>> {
        self.read(Capability::View, cancel, |view| accounts::help_above(view.session, self.scope.top()))
    }

    fn help_of(&self, account: AccountId, cancel: &CancelToken) -> Result<(Option<Help>, Option<Help>)> {
        self.read(Capability::ManageAccounts, cancel, |view| {
            view.accounts.need(account)?;
            Ok((accounts::help(view.session, account)?, accounts::help_above(view.session, account)?))
        })
    }

    fn wants_mail(&self, cancel: &CancelToken) -> Result<bool> {
        self.read(Capability::View, cancel, |view| people::wants_mail(view.session, self.scope.user.id))
    }

    fn want_mail(&self, wanted: bool) -> Result<()> {
        self.in_person()?;
        self.may_write(Capability::EditProfile)?;
        people::want_mail(&self.store.writer(), self.scope.user.id, wanted)
    }

    fn last_event_seen(&self, cancel: &CancelToken) -> Result<i64> {
        self.read(Capability::View, cancel, |view| {
            people::last_event_seen(view.session, self.scope.user.id)
        })
    }

    fn mark_events_seen(&self, upto: i64) -> Result<()> {
        self.in_person()?;
        self.may_write(Capability::View)?;
        people::mark_events_seen(&self.store.writer(), self.scope.user.id, upto)
    }

    fn events(&self, wanted: &EventFilter, cancel: &CancelToken) -> Result<Vec<Event>> {
        self.read(Capability::View, cancel, |view| {
            wanted.account.map(|a| view.accounts.need(a)).transpose()?;
            wanted.sim.map(|s| view.sim(s)).transpose()?;
            view.events(wanted)
        })
    }

    fn events_after(&self, id: i64, cancel: &CancelToken) -> Result<(u64, u64)> {
        self.read(Capability::View, cancel, |view| view.events_after(id))
    }

    fn export(
        &self,
        query: &Query,
        target: Option<&Target>,
        sink: &mut Sink<'_>,
        cancel: &CancelToken,
    ) -> Result<u64> {
        self.read(Capability::Export, cancel, |view| view.each(query, target, sink))
    }

    fn entries(&self, wanted: &LogFilter, cancel: &CancelToken) -> Result<Vec<Entry>> {
        self.read(Capability::EstateHistory, cancel, |view| {
            wanted.account.map(|a| view.accounts.need(a)).transpose()?;
            wanted.sim.map(|s| view.sim(s)).transpose()?;
            view.entries(wanted)
        })
    }

    fn change_items(
        &self,
        rev: Rev,
        outcome: Option<Outcome>,
        after: Option<SimId>,
        limit: u32,
        cancel: &CancelToken,
    ) -> Result<Vec<Item>> {
        self.read(Capability::View, cancel, |view| {
            if let Err(denied) = self.may(Capability::EstateHistory) {
                // What became of their own change everybody hears.
                let own =
                    log::at(view.session, rev)?.is_some_and(|change| change.actor == self.scope.user.id);
                own.then_some(()).ok_or(denied)?;
            }
            view.items(rev, outcome, after, limit)
        })
    }

    fn tokens(&self, of: UserId) -> Result<Vec<Token>> {
        self.tokens_of(of)
    }

    fn add_token(&self, new: &NewToken) -> Result<(Token, Secret)> {
        self.make_token(new)
    }

    fn revoke_token(&self, id: TokenId) -> Result<Token> {
        self.end_token(id)
    }

    fn sessions(&self, of: UserId) -> Result<Vec<SignInSession>> {
        self.sessions_of(of)
    }

    fn end_session(&self, id: TokenId) -> Result<SignInSession> {
        self.end_session_of(id)
    }

    fn end_sessions(&self, of: UserId) -> Result<u64> {
        self.end_sessions_of(of)
    }

    fn signing(&self, cancel: &CancelToken) -> Result<SignInMethods> {
        self.signing_of(cancel)
    }

    fn set_password(&self, current: &str, new: &str) -> Result<()> {
        self.choose_password(current, new)
    }

    fn enroll_totp(&self, current: &str) -> Result<TotpEnrolment> {
        self.begin_second(current)
    }

    fn confirm_totp(&self, code: &str) -> Result<()> {
        self.prove_second(code)
    }

    fn disable_totp(&self, current: &str) -> Result<()> {
        self.end_second(current)
    }

    fn mails_links(&self) -> bool {
        self.mail && self.links.is_some()
    }

    fn link(&self, user: UserId, all: bool) -> Result<Link> {
        self.make_link(user, all)
    }

    fn view_as(&self, id: UserId) -> Result<Arc<dyn Estate>> {
        Ok(Arc::new(self.seen_by(id)?))
    }

    fn location(&self) -> String {
        self.path().display().to_string()
    }

    fn estate_id(&self) -> Result<String> {
        let sql = "SELECT lower(hex(hash)) FROM log WHERE rev = 1";
        self.store.read(&CancelToken::new(), |session| Ok(session.query_row(sql, [], |r| r.get(0))?))
    }

    fn local(&self) -> Option<&Local> {
        Some(self)
    }

    fn on_commit(&self, hear: Box<dyn Fn() + Send>) -> Result<CommitWatch> {
        watch::on_commit(self.store.path(), hear)
    }

    fn rollover_status(&self) -> Result<RolloverStatus> {
        let now = (self.clock)();
        self.read(Capability::View, &CancelToken::new(), |view| {
            period_rollover::status(view.session, view.whole, now)
        })
    }

    fn run_maintenance_step(&self) -> Result<bool> {
        if self.scope.read_only {
            return Ok(false);
        }
        self.store.fold_if_large();
        let mut session = self.store.writer();
        Ok(period_rollover::step(&session, self.mail, (self.clock)())? || textindex::step(&mut session)?)
    }
}
