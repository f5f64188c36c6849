//! The estate in a local store: finds the scope, asks the role table, then calls the store.

mod apply;
pub(crate) mod record;
pub(crate) mod requests;
mod session;
mod sessions;
mod signin;
mod tokens;
mod tree;
mod undo;
mod upkeep;
mod users;

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::account::{Accounts, check_new_account_name, valid_name};
use crate::change::Counts;
use crate::error::{Error, Result};
use crate::ident;
use crate::ids::{ChangeId, Rev, StagingId, UserId};
use crate::permit::Roles;
use crate::progress::CancelToken;
use crate::query::{Page, Query, Seek};
use crate::role::{Capability, Role};
use crate::scope::Scope;
use crate::store::connection::{Database, lock};
use crate::store::log::Record;
use crate::store::open::Opening;
use crate::store::pool::Store;
use crate::store::read::View;
use crate::store::stage::Incoming;
use crate::store::{accounts, log, people};
use crate::units::Time;
use crate::user::{User, UserState};

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
    /// First, so that its connections are closed before those of the store.
    staged: Mutex<HashMap<StagingId, Box<dyn Incoming>>>,
    store: Arc<Store>,
    scope: Scope,
    clock: Clock,
    tree: Mutex<Option<(Rev, Arc<Accounts>, bool)>>,
    /// Whether somebody sends mail: else none is written.
    mail: bool,
    /// Where links lead, if that is known.
    links: Option<String>,
    /// Whether webhooks may have addresses of private networks.
    private_webhooks: bool,
    /// From where changes are made, for the log.
    via: String,
    /// When it was last written down that a token is used, where it is.
    uses: Option<AtomicI64>,
    next_staging: AtomicU64,
}

impl Local {
    /// Makes a store with a root account and its first Admin, and signs that Admin in.
    pub fn create(path: &Path, new: &NewEstate) -> Result<Self> {
        Self::create_at(path, new, Time::now())
    }

    /// Makes a store as of a given moment, so that a demo tells one story.
    pub(crate) fn create_at(path: &Path, new: &NewEstate, now: Time) -> Result<Self> {
        let name = check_new_account_name(&new.account)?;
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
        Self::sign_in(Arc::new(store), Some(&email), None, false, Box::new(move || now))
    }

    /// Opens a store as the user with that address, or as the only Admin of the root account.
    ///
    /// A store of an older schema is upgraded after a backup; with `read_only` it is read if that
    /// is possible, else the error is `Older`.
    pub fn open(path: &Path, email: Option<&str>, read_only: bool) -> Result<Self> {
        Self::open_in(path, email, None, read_only)
    }

    /// Opens a store as [`Local::open`] does; `account` names the account of the user where the
    /// address has several.
    pub fn open_in(
        path: &Path,
        email: Option<&str>,
        account: Option<&str>,
        read_only: bool,
    ) -> Result<Self> {
        let opening = if read_only { Opening::ReadOnly } else { Opening::Write };
        let store = Arc::new(Store::open(path, opening)?);
        Self::sign_in(store, email, account, read_only, Box::new(Time::now))
    }

    /// Opens a store for reading and small notes of its own, such as the time of a sign-in. A store
    /// of an older schema is not upgraded: it is opened read-only.
    pub fn open_as_is(path: &Path, email: Option<&str>, account: Option<&str>) -> Result<Self> {
        let store = Store::open(path, Opening::AsIs)?;
        let read_only = !store.is_writable();
        Self::sign_in(Arc::new(store), email, account, read_only, Box::new(Time::now))
    }

    fn new(store: Arc<Store>, scope: Scope, clock: Clock) -> Self {
        Self {
            store,
            scope,
            clock,
            tree: Mutex::default(),
            mail: false,
            links: None,
            private_webhooks: false,
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

    /// The same, with permission to add webhooks in private networks and unencrypted ones.
    #[must_use]
    pub fn with_private_webhooks(self, private_webhooks: bool) -> Self {
        Self { private_webhooks, ..self }
    }

    /// A window of rows for a program: what it gets it keeps, as with an export.
    pub fn page_out(&self, query: &Query, seek: &Seek, limit: u16, cancel: &CancelToken) -> Result<Page> {
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
            self.store.check_current()?;
            return Err(Error::ReadOnly);
        }
        needs.iter().try_for_each(|need| self.may(*need))
    }

    /// Asks the role table, then reads one unchanging view.
    fn read<T>(
        &self,
        need: Capability,
        cancel: &CancelToken,
        work: impl FnOnce(&View<'_>) -> Result<T>,
    ) -> Result<T> {
        self.may(need)?;
        self.store.read(cancel, |session| work(&self.view(session)?))
    }

    /// Returns the view of a session, and keeps its tree for the next one. The session has no
    /// uncommitted changes.
    fn view<'a>(&'a self, session: &'a Database) -> Result<View<'a>> {
        let rev = session.rev()?;
        let view = View::new(session, &self.scope, self.known_tree(session, rev)?)?;
        // Outside a transaction another program may have changed the tree meanwhile.
        if session.rev()? == rev {
            *lock(&self.tree) = Some((rev, Arc::clone(&view.accounts), view.whole));
        }
        Ok(view)
    }

    /// Returns the tree at `rev` from the one that was read last, if only SIMs have changed since.
    fn known_tree(&self, session: &Database, rev: Rev) -> Result<Option<(Arc<Accounts>, bool)>> {
        let known = lock(&self.tree).as_ref().map(|(at, tree, whole)| (*at, Arc::clone(tree), *whole));
        let Some((at, tree, whole)) = known.filter(|(at, ..)| *at <= rev) else { return Ok(None) };
        if at == rev {
            return Ok(Some((tree, whole)));
        }
        Ok(log::moved_since(session, at)?.map(|added| {
            let tree = if added.is_empty() { tree } else { Arc::new(tree.with_counts(&added)) };
            (tree, whole)
        }))
    }
}

#[cfg(test)]
mod tests;
