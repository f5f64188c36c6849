//! API tokens: made, shown once, revoked; and what is seen and done with one.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use rusqlite::{Transaction, TransactionBehavior};
use serde_json::json;

use super::{Clock, Local};
use crate::account::valid_name;
use crate::error::{Error, Result};
use crate::ids::{TokenId, UserId};
use crate::local::record::append;
use crate::progress::CancelToken;
use crate::role::Capability;
use crate::scope::Scope;
use crate::store::open::Opening;
use crate::store::pool::Store;
use crate::store::read::View;
use crate::store::{log, people, tokens};
use crate::token::{NewToken, Secret, Token};
use crate::units::Time;
use crate::user::UserState;

impl Local {
    /// Signs a program in by its token: it is its user, within the token's account. Why a token is
    /// not good is not told. With `read_only` nothing is written, whatever the token says.
    pub fn by_token(path: &Path, secret: &Secret, read_only: bool) -> Result<Self> {
        Self::by_token_at(path, secret, read_only, Time::now)
    }

    /// The same, with a clock of its own.
    pub fn by_token_at(
        path: &Path,
        secret: &Secret,
        read_only: bool,
        clock: impl Fn() -> Time + Send + Sync + 'static,
    ) -> Result<Self> {
        let opening = if read_only { Opening::ReadOnly } else { Opening::Write };
        Self::on(Arc::new(Store::open(path, opening)?), secret, read_only, Box::new(clock))
    }

    /// Signs a program in at the store that is open here.
    pub fn beside(&self, secret: &Secret, read_only: bool) -> Result<Self> {
        let local = Self::on(Arc::clone(&self.store), secret, read_only, Box::new(Time::now))?;
        Ok(local.with_private_webhooks(self.private_webhooks))
    }

    fn on(store: Arc<Store>, secret: &Secret, read_only: bool, clock: Clock) -> Result<Self> {
        let scope = store.read(&CancelToken::new(), |session| {
            let token = tokens::authenticate(session, secret, clock())?;
            let user = people::by_id(session, token.user)?.filter(|user| user.state == UserState::Active);
            let user = user.ok_or(Error::SignedOut)?;
            let (top, refuses) = (token.account, read_only || !token.writes);
            let scope = Scope { top, token: Some(token), ..Scope::of(user, refuses) };
            people::still(session, &scope)?;
            Ok(scope)
        })?;
        let uses = (!read_only).then(AtomicI64::default);
        let local = Self { uses, ..Self::new(store, scope, clock) };
        local.note_token_use()?;
        Ok(local)
    }

    /// Whether whoever signed in may still do so.
    pub fn still(&self) -> Result<()> {
        self.read(Capability::View, &CancelToken::new(), |_| Ok(()))?;
        self.note_token_use()
    }

    /// Writes down, hourly, that a token is used.
    fn note_token_use(&self) -> Result<()> {
        let (Some(token), Some(uses)) = (&self.scope.token, &self.uses) else { return Ok(()) };
        let now = (self.clock)();
        if now.0 < uses.load(Ordering::Relaxed) + people::HOUR {
            return Ok(());
        }
        uses.store(now.0, Ordering::Relaxed);
        // Nobody waits for that, least of all behind a change of many SIMs.
        self.store.try_writer().map_or(Ok(()), |session| tokens::note_use(&session, token.id, now))
    }

    /// What is a person's own, and not for the programs that work for them.
    pub(super) fn in_person(&self) -> Result<()> {
        let program = self.scope.token.as_ref().is_some_and(|token| !token.person);
        if program { Err(Error::NotByToken) } else { Ok(()) }
    }

    pub(super) fn tokens_of(&self, of: UserId) -> Result<Vec<Token>> {
        self.in_person()?;
        self.may_have_tokens(of)?;
        self.read(Capability::View, &CancelToken::new(), |view| {
            view.need_user(of)?;
            tokens::list(view.session, of)
        })
    }

    pub(super) fn may_have_tokens(&self, of: UserId) -> Result<()> {
        self.may(if of == self.scope.user.id {
            Capability::EditProfile
        } else {
            Capability::ManageAccounts
        })
    }

    pub(super) fn make_token(&self, new: &NewToken) -> Result<(Token, Secret)> {
        self.in_person()?;
        self.may_write(Capability::EditProfile)?;
        let now = (self.clock)();
        let new = NewToken { name: valid_name(&new.name)?, ..new.clone() };
        if new.expires.is_some_and(|at| at <= now) {
            return Err(Error::invalid("expires", "must lie ahead"));
        }
        let session = self.store.writer();
        let transaction = Transaction::new_unchecked(&session, TransactionBehavior::Immediate)?;
        let view = View::new(&session, &self.scope, None)?;
        let account = view.accounts.need(new.account.unwrap_or(self.scope.top()))?.id;
        let user = &self.scope.user;
        // A name that looks alike is refused, accents or not: tokens are revoked by name.
        let folded = crate::text::fold(&new.name);
        if tokens::list(&session, user.id)?.iter().any(|token| crate::text::fold(&token.name) == folded) {
            return Err(Error::Conflict(format!("a token of yours is called {} already", new.name)));
        }
        let secret = Secret::make();
        let id = tokens::add(&session, user.id, &new, account, &secret, now)?;
        let token = tokens::by_id(&session, id)?.ok_or_else(|| missing(id))?;
        self.log_token("add-token", &view, &token, now)?;
        transaction.commit()?;
        Ok((token, secret))
    }

    pub(super) fn end_token(&self, id: TokenId) -> Result<Token> {
        self.in_person()?;
        self.may_write(Capability::EditProfile)?;
        let session = self.store.writer();
        let transaction = Transaction::new_unchecked(&session, TransactionBehavior::Immediate)?;
        let view = View::new(&session, &self.scope, None)?;
        // Whose it is, is told only to those who may know of it at all; where there is none as much
        // is looked for.
        let token = tokens::by_id(&session, id)?;
        let owner = token.as_ref().map_or(UserId(0), |token| token.user);
        if view.need_user(owner).is_err() || self.may_have_tokens(owner).is_err() {
            return Err(missing(id));
        }
        let token = token.ok_or_else(|| missing(id))?;
        tokens::revoke(&session, id)?;
        self.log_token("revoke-token", &view, &token, (self.clock)())?;
        transaction.commit()?;
        Ok(token)
    }

    fn log_token(&self, kind: &'static str, view: &View<'_>, token: &Token, now: Time) -> Result<()> {
        let owner = view.need_user(token.user)?;
        let body = json!({ "user": owner.id.0, "email": owner.email, "account": owner.account.0,
                           "token": token.id.0, "name": token.name, "prefix": token.prefix,
                           "for": token.account.0, "writes": token.writes, "expires": token.expires });
        let rev = append(view.session, &self.scope.user, kind, body, now)?;
        log::touch_if_absent(view.session, rev, owner.account)
    }
}

fn missing(id: TokenId) -> Error {
    Error::not_found("token", format!("#{}", id.0))
}
