//! The estate in a local store: finds the scope, asks the role table, then calls the store.

mod apply;
mod requests;
mod signin;
mod tokens;
mod tree;
mod undo;
mod upkeep;
mod users;

use std::collections::{BTreeSet, HashMap};
use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use rusqlite::TransactionBehavior;

use crate::account::{AccountId, Accounts, valid_name};
use crate::change::{Cancel, Change, ChangeId, Counts, Plan, Receipt, Rev, StagingId, Target, Watch};
use crate::edit::{Common, Stated};
use crate::error::{Error, Result};
use crate::filter::Field;
use crate::filter::suggest::Values;
use crate::help::Help;
use crate::import::{ImportOptions, Notes, Tally};
use crate::levels::Spread;
use crate::list::{List, Lookup};
use crate::notify::External;
use crate::permit::{Capability, Roles};
use crate::query::{Key, Page, Query, Seek};
use crate::saved::{Saved, SavedEdit};
use crate::sim::{Sim, SimId};
use crate::store::log::{self, LogFilter, Record};
use crate::store::read::View;
use crate::store::stage::{Incoming, Staging};
use crate::store::usage::UsageStaging;
use crate::store::watch::{self, CommitWatch};
use crate::store::{Session, Store, accounts, lock, outbox, people, saved, textindex, turn};
use crate::token::{Factor, Link, NewToken, Secret, Signing, Token, TokenId};
use crate::units::Time;
use crate::usage::{EstateUsage, Event, EventFilter, Usage, UsageTally};
use crate::user::{Role, User, UserId, UserState};
use crate::{Entry, Estate, Item, Outcome, Sink, ident};

/// Whose eyes the store is seen through. Only [`Local`] makes one, so no store function can be called without.
#[derive(Debug, Clone)]
pub struct Scope {
    pub(crate) user: User,
    /// Who looks through that user's eyes, if somebody else does.
    actor: Option<User>,
    /// The account at the top of what is seen.
    top: AccountId,
    /// What a program signed in with.
    pub(crate) token: Option<Token>,
    read_only: bool,
    roles: Roles,
}

impl Scope {
    /// The account at the top of what is seen.
    pub fn top(&self) -> AccountId {
        self.top
    }
}

/// What a new estate starts with.
#[derive(Debug, Clone)]
pub struct NewEstate {
    /// The name of the root account.
    pub account: String,
    /// The first Admin's address.
    pub email: String,
    /// The first Admin's name.
    pub name: String,
}

/// What tells the time.
type Clock = Box<dyn Fn() -> Time + Send + Sync>;

/// A user's session with a store on this machine.
pub struct Local {
    store: Arc<Store>,
    scope: Scope,
    clock: Clock,
    tree: Mutex<Option<(Rev, Arc<Accounts>, bool)>>,
    /// Whether somebody sends mail: else none is written.
    mail: bool,
    /// Where links lead, if that is known.
    links: Option<String>,
    /// From where changes are made, for the log.
    via: String,
    staged: Mutex<HashMap<StagingId, Box<dyn Incoming>>>,
    /// When it was last written down that a token is used, where it is.
    uses: Option<AtomicI64>,
    next_staging: AtomicU64,
}

impl Local {
    /// Makes a store with a root account and its first Admin, and signs that Admin in.
    pub fn create(path: &Path, new: &NewEstate) -> Result<Self> {
        Self::create_at(path, new, Time::now())
    }

    /// The same at a given moment, so that a demo tells one story.
    pub(crate) fn create_at(path: &Path, new: &NewEstate, now: Time) -> Result<Self> {
        let name = valid_name(&new.account)?;
        let email = ident::email(&new.email)?;
        let full_name = valid_name(&new.name)?;
        let store = Store::create(path)?;
        {
            let session = store.writer();
            let transaction = session.unchecked_transaction()?;
            let account = accounts::insert(&session, None, &name, 1, now)?;
            let role = Role::Admin;
            let admin = User {
                id: UserId(1),
                account,
                name: full_name,
                email: email.clone(),
                role,
                state: UserState::Active,
                invited: None,
                signed_in: None,
            };
            let id = people::invite(&session, &admin, admin.id, now)?;
            people::admit(&session, id, &admin.email)?;
            log::append(
                &session,
                &Record {
                    rev: 1,
                    id: &ChangeId::new(),
                    at: now,
                    actor: &admin,
                    kind: "init",
                    body: serde_json::json!({ "account": account.0 }),
                    counts: Counts::default(),
                    undoes: None,
                },
            )?;
            log::touch_if_absent(&session, 1, account)?;
            transaction.commit()?;
        }
        Self::sign_in(Arc::new(store), Some(&email), false, Box::new(move || now))
    }

    /// Opens a store as the user with that address, or as the only Admin of the root account.
    pub fn open(path: &Path, email: Option<&str>, read_only: bool) -> Result<Self> {
        Self::sign_in(Arc::new(Store::open(path)?), email, read_only, Box::new(Time::now))
    }

    fn new(store: Arc<Store>, scope: Scope, clock: Clock) -> Self {
        Self {
            store,
            scope,
            clock,
            tree: Mutex::default(),
            mail: false,
            links: None,
            via: String::new(),
            staged: Mutex::default(),
            uses: None,
            next_staging: AtomicU64::new(1),
        }
    }

    /// The same, with where changes are made from: it stands in the log.
    #[must_use]
    pub fn via(self, via: &str) -> Self {
        Self { via: crate::text::clean(via).into_owned(), ..self }
    }

    /// The same, with some rows of the role table asking for more.
    #[must_use]
    pub fn with_roles(mut self, roles: Roles) -> Self {
        self.scope.roles = roles;
        self
    }

    /// The same store, with a clock that stands still: for tests and screenshots.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Fn() -> Time + Send + Sync + 'static) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// The same, with mail written to whoever is to hear of something: where somebody sends it.
    #[must_use]
    pub fn with_mail(self, mail: bool) -> Self {
        Self { mail, ..self }
    }

    /// The same, with where links lead: the address of the server.
    #[must_use]
    pub fn with_links(self, links: Option<String>) -> Self {
        Self { links, ..self }
    }

    /// A window of rows for a program: what it gets it keeps, as with an export.
    pub fn page_out(&self, query: &Query, seek: &Seek, limit: u16, cancel: &Cancel) -> Result<Page> {
        self.read(Capability::Export, cancel, |view| view.page(query, seek, limit, cancel))
    }

    /// Where the store is.
    pub fn path(&self) -> &Path {
        self.store.path()
    }

    /// Whose doing it is: whoever looks through somebody else's eyes is still themselves.
    pub fn actor(&self) -> &User {
        self.scope.actor()
    }

    /// Keeps what was staged until it is brought in.
    fn keep(&self, staging: impl Incoming + 'static) -> StagingId {
        let id = StagingId(self.next_staging.fetch_add(1, Ordering::Relaxed));
        lock(&self.staged).insert(id, Box::new(staging));
        id
    }

    /// Asks the role table.
    fn may(&self, need: Capability) -> Result<()> {
        let ends = self.scope.token.as_ref().and_then(|token| token.expires);
        if ends.is_some_and(|at| at <= (self.clock)()) {
            return Err(Error::SignedOut);
        }
        self.scope.roles.permit(self.scope.user.role, need)
    }

    fn may_write(&self, need: Capability) -> Result<()> {
        self.may_change(&[need])
    }

    /// Whether this session writes at all, and its user may do all of that.
    fn may_change(&self, needs: &[Capability]) -> Result<()> {
        if self.scope.read_only {
            return Err(Error::ReadOnly);
        }
        needs.iter().try_for_each(|need| self.may(*need))
    }

    /// Asks the role table, then reads one unchanging view.
    fn read<T>(
        &self,
        need: Capability,
        cancel: &Cancel,
        work: impl FnOnce(&View<'_>) -> Result<T>,
    ) -> Result<T> {
        self.may(need)?;
        self.store.read(cancel, |session| work(&self.view(session)?))
    }

    /// The view of a session, with the tree kept for as long as nothing changes.
    fn view<'a>(&'a self, session: &'a Session) -> Result<View<'a>> {
        let rev = session.rev()?;
        let known =
            lock(&self.tree).as_ref().filter(|(at, ..)| *at == rev).map(|(_, t, w)| (Arc::clone(t), *w));
        let fresh = known.is_none();
        let view = View::new(session, &self.scope, known)?;
        if fresh {
            *lock(&self.tree) = Some((rev, Arc::clone(&view.accounts), view.whole));
        }
        Ok(view)
    }
}

pub use requests::{Request, Stage};

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
        self.store.read(&Cancel::new(), Session::rev)
    }

    fn touched_since(&self, after: Rev) -> Result<(Rev, bool)> {
        self.read(Capability::View, &Cancel::new(), |view| view.touched_since(after))
    }

    fn accounts(&self, cancel: &Cancel) -> Result<Arc<Accounts>> {
        self.read(Capability::View, cancel, |view| Ok(Arc::clone(&view.accounts)))
    }

    fn users(&self, account: Option<AccountId>, cancel: &Cancel) -> Result<Vec<User>> {
        self.read(Capability::ManageAccounts, cancel, |view| {
            account.map(|a| view.accounts.need(a)).transpose()?;
            view.users(account)
        })
    }

    fn page(&self, query: &Query, seek: &Seek, limit: u16, cancel: &Cancel) -> Result<Page> {
        // What a program gets it keeps, as with an export.
        let need = if self.in_person().is_ok() { Capability::View } else { Capability::Export };
        self.read(need, cancel, |view| view.page(query, seek, limit, cancel))
    }

    fn count(&self, query: &Query, cancel: &Cancel) -> Result<u64> {
        self.read(Capability::View, cancel, |view| view.count(query))
    }

    fn count_target(&self, target: &Target, query: &Query, cancel: &Cancel) -> Result<(u64, u64)> {
        self.read(Capability::View, cancel, |view| view.count_target(target, query))
    }

    fn marked(&self, target: &Target, ids: &[SimId], cancel: &Cancel) -> Result<BTreeSet<SimId>> {
        self.read(Capability::View, cancel, |view| view.marked(target, ids))
    }

    fn target_ids(&self, target: &Target, limit: u64, cancel: &Cancel) -> Result<Vec<SimId>> {
        self.read(Capability::View, cancel, |view| view.target_ids(target, limit))
    }

    fn range(&self, query: &Query, from: &Key, to: &Key, limit: u64, cancel: &Cancel) -> Result<Vec<SimId>> {
        self.read(Capability::View, cancel, |view| view.range(query, from, to, limit))
    }

    fn sim(&self, id: SimId, cancel: &Cancel) -> Result<Sim> {
        self.read(Capability::View, cancel, |view| view.sim(id))
    }

    fn stated(&self, id: SimId, cancel: &Cancel) -> Result<Option<Stated>> {
        self.read(Capability::View, cancel, |view| view.stated(id))
    }

    fn sim_by_iccid(&self, iccid: &str, cancel: &Cancel) -> Result<Sim> {
        self.read(Capability::View, cancel, |view| view.sim_by_iccid(iccid))
    }

    fn probed(&self, id: SimId, need: Capability, cancel: &Cancel) -> Result<Sim> {
        // A ping reaches out to a device: who may change nothing does not do that either.
        self.may_write(need)?;
        let sim = self.read(Capability::View, cancel, |view| view.sim(id))?;
        if sim.managed { Ok(sim) } else { Err(Error::Conflict("unmanaged SIMs are displayed only".into())) }
    }

    fn lookup(&self, list: &List, cancel: &Cancel) -> Result<Lookup> {
        self.read(Capability::View, cancel, |view| view.lookup(list))
    }

    fn values(&self, field: Field, cancel: &Cancel) -> Result<Values> {
        self.read(Capability::View, cancel, |view| view.values(field))
    }

    fn saved(&self, cancel: &Cancel) -> Result<Vec<Saved>> {
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

    fn spread(&self, target: &Target, cancel: &Cancel) -> Result<Spread> {
        self.read(Capability::View, cancel, |view| view.spread(target))
    }

    fn common(&self, target: &Target, cancel: &Cancel) -> Result<Common> {
        self.read(Capability::View, cancel, |view| view.common(target))
    }

    fn plan(&self, change: &Change, cancel: &Cancel) -> Result<Plan> {
        self.plan_change(change, cancel)
    }

    fn apply(&self, id: &ChangeId, change: &Change, watch: &Watch<'_>) -> Result<Receipt> {
        self.apply_change(id, change, watch)
    }

    fn stage(
        &self,
        input: Box<dyn Read + Send + '_>,
        options: &ImportOptions,
        notes: &mut Notes<'_>,
        watch: &Watch<'_>,
    ) -> Result<(StagingId, Tally)> {
        self.may_write(Capability::ImportSims)?;
        let session = Session::open(self.store.path())?;
        let view = self.view(&session)?;
        if !view.whole {
            return Err(Error::RootOnly);
        }
        let own = Session::open(self.store.path())?;
        let staging = Staging::read(own, &view, input, options, notes, watch)?;
        let tally = staging.tally;
        Ok((self.keep(staging), tally))
    }

    fn stage_usage(
        &self,
        input: Box<dyn Read + Send + '_>,
        options: &ImportOptions,
        notes: &mut Notes<'_>,
        watch: &Watch<'_>,
    ) -> Result<(StagingId, UsageTally)> {
        self.may_write(Capability::ImportUsage)?;
        let session = Session::open(self.store.path())?;
        // Only who sees every SIM learns nothing from which ones are not there.
        if !self.view(&session)?.whole {
            return Err(Error::RootOnly);
        }
        let staging = UsageStaging::read(session, (self.clock)(), input, options, notes, watch)?;
        let tally = staging.tally;
        Ok((self.keep(staging), tally))
    }

    fn usage(&self, id: SimId, cancel: &Cancel) -> Result<Usage> {
        let now = (self.clock)();
        self.read(Capability::View, cancel, |view| view.usage(&view.sim(id)?, now))
    }

    fn estate_usage(&self, account: AccountId, cancel: &Cancel) -> Result<EstateUsage> {
        self.read(Capability::EstateHistory, cancel, |view| view.estate_usage(account))
    }

    fn externals(&self, account: AccountId, cancel: &Cancel) -> Result<Vec<External>> {
        self.read(Capability::ManageRecipients, cancel, |view| {
            view.accounts.need(account)?;
            outbox::externals(view.session, account)
        })
    }

    fn help(&self, cancel: &Cancel) -> Result<Option<Help>> {
        self.read(Capability::View, cancel, |view| accounts::help_above(view.session, self.scope.top()))
    }

    fn help_of(&self, account: AccountId, cancel: &Cancel) -> Result<(Option<Help>, Option<Help>)> {
        self.read(Capability::ManageAccounts, cancel, |view| {
            view.accounts.need(account)?;
            Ok((accounts::help(view.session, account)?, accounts::help_above(view.session, account)?))
        })
    }

    fn wants_mail(&self, cancel: &Cancel) -> Result<bool> {
        self.read(Capability::View, cancel, |view| people::wants_mail(view.session, self.scope.user.id))
    }

    fn want_mail(&self, wanted: bool) -> Result<()> {
        self.in_person()?;
        self.may_write(Capability::EditProfile)?;
        people::want_mail(&self.store.writer(), self.scope.user.id, wanted)
    }

    fn heard(&self, cancel: &Cancel) -> Result<i64> {
        self.read(Capability::View, cancel, |view| people::heard(view.session, self.scope.user.id))
    }

    fn hear(&self, upto: i64) -> Result<()> {
        self.in_person()?;
        self.may_write(Capability::View)?;
        people::hear(&self.store.writer(), self.scope.user.id, upto)
    }

    fn events(&self, wanted: &EventFilter, cancel: &Cancel) -> Result<Vec<Event>> {
        self.read(Capability::View, cancel, |view| {
            wanted.account.map(|a| view.accounts.need(a)).transpose()?;
            wanted.sim.map(|s| view.sim(s)).transpose()?;
            view.events(wanted)
        })
    }

    fn events_after(&self, id: i64, cancel: &Cancel) -> Result<(u64, u64)> {
        self.read(Capability::View, cancel, |view| view.events_after(id))
    }

    fn export(
        &self,
        query: &Query,
        target: Option<&Target>,
        sink: &mut Sink<'_>,
        cancel: &Cancel,
    ) -> Result<u64> {
        self.read(Capability::Export, cancel, |view| view.each(query, target, sink))
    }

    fn entries(&self, wanted: &LogFilter, cancel: &Cancel) -> Result<Vec<Entry>> {
        self.read(Capability::EstateHistory, cancel, |view| {
            wanted.account.map(|a| view.accounts.need(a)).transpose()?;
            wanted.sim.map(|s| view.sim(s)).transpose()?;
            view.entries(wanted)
        })
    }

    fn items(
        &self,
        rev: Rev,
        outcome: Option<Outcome>,
        after: Option<SimId>,
        limit: u32,
        cancel: &Cancel,
    ) -> Result<Vec<Item>> {
        self.read(Capability::EstateHistory, cancel, |view| view.items(rev, outcome, after, limit))
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

    fn signing(&self, cancel: &Cancel) -> Result<Signing> {
        self.signing_of(cancel)
    }

    fn set_password(&self, current: &str, new: &str) -> Result<()> {
        self.choose_password(current, new)
    }

    fn begin_factor(&self, current: &str) -> Result<Factor> {
        self.begin_second(current)
    }

    fn prove_factor(&self, code: &str) -> Result<()> {
        self.prove_second(code)
    }

    fn end_factor(&self, current: &str) -> Result<()> {
        self.end_second(current)
    }

    fn link(&self, user: UserId, all: bool) -> Result<Link> {
        self.make_link(user, all)
    }

    fn view_as(&self, id: UserId) -> Result<Arc<dyn Estate>> {
        Ok(Arc::new(self.seen_by(id)?))
    }

    fn place(&self) -> String {
        self.path().display().to_string()
    }

    fn local(&self) -> Option<&Local> {
        Some(self)
    }

    fn on_commit(&self, hear: Box<dyn Fn() + Send>) -> Result<CommitWatch> {
        watch::on_commit(self.store.path(), hear)
    }

    fn background(&self) -> Result<bool> {
        if self.scope.read_only {
            return Ok(false);
        }
        let mut session = self.store.writer();
        Ok(turn::step(&mut session, self.mail, (self.clock)())? || textindex::step(&mut session)?)
    }
}

#[cfg(test)]
mod tests;
