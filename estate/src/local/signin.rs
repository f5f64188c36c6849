//! Signing in over a network: by a password and a code, by a link that somebody handed over; sessions that end by
//! themselves and can be renewed.

use rusqlite::{Transaction, TransactionBehavior};
use serde_json::json;

use super::Local;
use super::users::append;
use crate::account::valid_name;
use crate::error::{Error, Result};
use crate::ids::UserId;
use crate::password;
use crate::progress::Cancel;
use crate::role::Capability;
use crate::store::connection::Session;
use crate::store::read::View;
use crate::store::signin::{self, For};
use crate::store::{log, outbox, people, tokens};
use crate::token::{Chosen, Factor, Invited, Link, Secret, SignIn, Signed, Signing};
use crate::units::Time;
use crate::user::{User, UserState};

/// How long a link is good: an invitation, and a new password.
const INVITATION: i64 = 7 * 86_400;
const RESET: i64 = 86_400;

fn immediate(session: &Session) -> Result<Transaction<'_>> {
    Ok(Transaction::new_unchecked(session, TransactionBehavior::Immediate)?)
}

impl Local {
    /// Begins a session for whoever is signed in here: what they then sign in with from elsewhere, and what renews that.
    pub fn begin_session(&self) -> Result<Signed> {
        self.in_person()?;
        let session = self.store.writer();
        tokens::begin(&session, self.scope.user.id, self.scope.top(), (self.clock)())
    }

    /// Renews a session by its renewal secret, which is spent with that.
    ///
    /// A secret that was spent before ends the session, for two clients have it (RFC 9700, section 4.14.2). For 30 s
    /// the secret that was used last is answered again: its answer may have been lost.
    pub fn renew(&self, secret: &Secret, now: Time) -> Result<Signed> {
        self.writes()?;
        let session = self.store.writer();
        let transaction = immediate(&session)?;
        let presented = tokens::find_renewal(&session, secret, now)?;
        let user = people::by_id(&session, presented.user)?.ok_or(Error::SignedOut)?;
        if presented.is_reused {
            tokens::revoke(&session, presented.session)?;
            log_end(&session, &log::system(), &user, "renewal secret used twice", now)?;
            transaction.commit()?;
            return Err(Error::SignedOut);
        }
        if user.state != UserState::Active {
            return Err(Error::SignedOut);
        }
        let signed = tokens::renew(&session, &presented, now)?;
        transaction.commit()?;
        Ok(signed)
    }

    /// Signing in is written down.
    fn writes(&self) -> Result<()> {
        if self.scope.read_only { Err(Error::ReadOnly) } else { Ok(()) }
    }

    /// Ends the session that this one came by, if it came by one.
    pub fn end_session(&self) -> Result<()> {
        self.writes()?;
        match &self.scope.token {
            Some(token) if token.person => tokens::revoke(&self.store.writer(), token.id),
            // A token is taken back by name, and works until then.
            Some(_) => Err(Error::NotByToken),
            None => Ok(()),
        }
    }

    /// Signs somebody in by password, and by a code where they have a second factor. Who is not known, is kept out or has
    /// no password gets the same answer after the same time.
    pub fn by_password(&self, by: &SignIn, now: Time) -> Result<Signed> {
        self.writes()?;
        let known = self.store.read(&Cancel::new(), |session| {
            // Only whoever has the address: that somebody wants it, or is invited by it, is found out by nobody.
            let user = people::with_email(session, &by.email)?;
            // Where there is nobody as much is looked for.
            let kept = signin::password(session, user.as_ref().map_or(UserId(0), |user| user.id))?;
            Ok(user.zip(kept))
        })?;
        // The hash is worked out without the store: it takes its time.
        let good = password::proves(&by.password, known.as_ref().map(|(_, kept)| kept.as_str()));
        let (user, kept) = known.filter(|_| good).ok_or(Error::WrongPassword)?;
        let session = self.store.writer();
        let transaction = immediate(&session)?;
        // What was looked at may have changed meanwhile.
        if signin::password(&session, user.id)?.as_ref() != Some(&kept) {
            return Err(Error::WrongPassword);
        }
        let transaction = second(&session, transaction, user.id, by.code.as_deref(), now)?;
        let signed = tokens::begin(&session, user.id, user.account, now)?;
        transaction.commit()?;
        people::signed_in(&session, user.id, now)?;
        Ok(signed)
    }

    /// What somebody signs in with from elsewhere.
    pub(super) fn signing_of(&self, cancel: &Cancel) -> Result<Signing> {
        self.in_person()?;
        self.read(Capability::View, cancel, |view| {
            let id = self.scope.user.id;
            let factor = signin::factor(view.session, id)?.is_some_and(|second| second.proved);
            Ok(Signing { password: signin::password(view.session, id)?.is_some(), factor })
        })
    }

    /// Whoever is signed in, if they may change what they sign in with, and know what it is now. At the store itself its
    /// owner is trusted.
    fn proved(&self, current: &str) -> Result<()> {
        self.in_person()?;
        self.may_write(Capability::EditProfile)?;
        if self.scope.token.is_none() {
            return Ok(());
        }
        let kept =
            self.store.read(&Cancel::new(), |session| signin::password(session, self.scope.user.id))?;
        if password::proves(current, kept.as_deref()) { Ok(()) } else { Err(Error::WrongPassword) }
    }

    pub(super) fn choose_password(&self, current: &str, new: &str) -> Result<()> {
        self.proved(current)?;
        let me = &self.scope.user;
        password::check(new, &me.email, &me.name)?;
        let hash = password::hash(new)?;
        let now = (self.clock)();
        let session = self.store.writer();
        let transaction = immediate(&session)?;
        let view = View::new(&session, &self.scope, None)?;
        let own = self.scope.token.as_ref().map(|token| token.id.0);
        signin::set_password(&session, me.id, &hash, own, now)?;
        note(&view, me, "password", now)?;
        Ok(transaction.commit()?)
    }

    pub(super) fn begin_second(&self, current: &str) -> Result<Factor> {
        self.proved(current)?;
        let me = &self.scope.user;
        let session = self.store.writer();
        if signin::factor(&session, me.id)?.is_some_and(|second| second.proved) {
            return Err(Error::Conflict("there is a second factor already; take it away first".into()));
        }
        let secret = password::new_factor();
        signin::set_factor(&session, me.id, &secret)?;
        Ok(Factor { url: password::factor_url(&secret, &me.email)?, secret })
    }

    pub(super) fn prove_second(&self, code: &str) -> Result<()> {
        self.in_person()?;
        self.may_write(Capability::EditProfile)?;
        let (me, now) = (&self.scope.user, (self.clock)());
        let session = self.store.writer();
        let transaction = immediate(&session)?;
        let view = View::new(&session, &self.scope, None)?;
        let second =
            signin::factor(&session, me.id)?.ok_or_else(|| Error::Conflict("none was begun".into()))?;
        if second.proved {
            return Err(Error::Conflict("it has been proved; sign in with it".into()));
        }
        let step = password::step(&second.secret, code, now)?;
        let taken = step.is_some_and(|step| signin::take_step(&session, me.id, step).unwrap_or(false));
        if !taken {
            return Err(Error::invalid("code", "is not the one your authenticator shows now"));
        }
        note(&view, me, "second-factor", now)?;
        Ok(transaction.commit()?)
    }

    pub(super) fn end_second(&self, current: &str) -> Result<()> {
        self.proved(current)?;
        let (me, now) = (&self.scope.user, (self.clock)());
        let session = self.store.writer();
        let transaction = immediate(&session)?;
        let view = View::new(&session, &self.scope, None)?;
        signin::drop_factor(&session, me.id)?;
        note(&view, me, "no-second-factor", now)?;
        Ok(transaction.commit()?)
    }

    pub(super) fn make_link(&self, id: UserId, all: bool) -> Result<Link> {
        self.in_person()?;
        self.may_write(Capability::ManageAccounts)?;
        let now = (self.clock)();
        let session = self.store.writer();
        let transaction = immediate(&session)?;
        let view = View::new(&session, &self.scope, None)?;
        let user = view.need_user(id)?;
        let what = match (user.state, all) {
            (UserState::Invited, _) => For::Invitation,
            (UserState::Active, false) => For::Reset,
            (UserState::Active, true) => For::ResetAll,
            (UserState::Disabled, _) => {
                return Err(Error::Conflict("they are kept out; let them sign in again first".into()));
            }
        };
        let link = new_link(&session, id, what, now)?;
        let url = self.links.as_deref().map(|base| link.at(base));
        if let (true, Some(url)) = (self.mail, &url) {
            let account = view.accounts.need(user.account)?;
            let body = format!(
                "Hello {},\n\nby this link you choose how you sign in for {}. It works once, until {}:\n\n{url}\n",
                user.name, account.name, link.expires
            );
            outbox::write(&session, &user.email, "Sign in to simdeck", &body, now)?;
        }
        note(&view, &user, "link-user", now)?;
        transaction.commit()?;
        Ok(Link { mailed: self.mail && url.is_some(), ..link })
    }

    /// Whom a link lets in, and what for; nothing is used up.
    pub fn linked(&self, secret: &Secret, now: Time) -> Result<Invited> {
        let (user, what) = self.store.read(&Cancel::new(), |session| guest(session, secret, now))?;
        Ok(Invited { name: user.name, email: user.email, invitation: what == For::Invitation })
    }

    /// Lets somebody in by a link, once: with the password they choose, their name as they write it, and a code where
    /// they have a second factor: whoever reads somebody's mail has only one of the two.
    pub fn by_link(&self, secret: &Secret, chosen: &Chosen, now: Time) -> Result<Signed> {
        self.writes()?;
        let (name, password) = (chosen.name.as_deref(), chosen.password.as_str());
        let (known, _) = self.store.read(&Cancel::new(), |session| guest(session, secret, now))?;
        password::check(password, &known.email, name.unwrap_or(&known.name))?;
        let name = name.map(valid_name).transpose()?;
        let hash = password::hash(password)?;
        let session = self.store.writer();
        let transaction = immediate(&session)?;
        // What was looked at may have changed meanwhile.
        let (user, what) = guest(&session, secret, now)?;
        let transaction = match what {
            For::ResetAll => {
                signin::drop_factor(&session, user.id)?;
                transaction
            }
            For::Invitation | For::Reset => {
                second(&session, transaction, user.id, chosen.code.as_deref(), now)?
            }
        };
        if what == For::Invitation {
            people::admit(&session, user.id, &user.email)?;
        }
        if let Some(name) = name.filter(|_| what == For::Invitation) {
            people::set_name(&session, user.id, &name)?;
        }
        // The address they wanted is theirs with that, unless it is somebody's: of which nothing is said.
        if let Some(wanted) = people::wanted(&session, user.id)? {
            match people::admit(&session, user.id, &wanted) {
                Err(Error::Conflict(_)) | Ok(()) => {}
                Err(other) => return Err(other),
            }
        }
        signin::set_password(&session, user.id, &hash, None, now)?;
        let kind = if what == For::Invitation { "accept" } else { "password" };
        let body = json!({ "user": user.id.0, "email": user.email, "account": user.account.0 });
        let rev = append(&session, &user, kind, body, now)?;
        log::touch_if_absent(&session, rev, user.account)?;
        let signed = tokens::begin(&session, user.id, user.account, now)?;
        transaction.commit()?;
        Ok(signed)
    }
}

/// Makes a link within a change that is being made.
pub(super) fn new_link(session: &Session, user: UserId, what: For, now: Time) -> Result<Link> {
    let lasts = if what == For::Invitation { INVITATION } else { RESET };
    let link = Link { secret: Secret::make(), expires: Time(now.0 + lasts), mailed: false };
    signin::link(session, user, what, &link.secret, (now, link.expires))?;
    Ok(link)
}

/// Whom a link lets in, as long as it is for that, and what for.
fn guest(session: &Session, secret: &Secret, now: Time) -> Result<(User, For)> {
    let (id, what) = signin::linked(session, secret, now)?;
    let wanted = if what == For::Invitation { UserState::Invited } else { UserState::Active };
    let user = people::by_id(session, id)?.filter(|user| user.state == wanted);
    let user = user.ok_or_else(|| Error::not_found("link", "it was used, has ended, or never was"))?;
    Ok((user, what))
}

/// Takes the code of a second factor, where there is one. A wrong one is counted, and ends what was begun: before it
/// nothing else may have been done.
fn second<'s>(
    session: &Session,
    transaction: Transaction<'s>,
    user: UserId,
    code: Option<&str>,
    now: Time,
) -> Result<Transaction<'s>> {
    let Some(second) = signin::factor(session, user)?.filter(|second| second.proved) else {
        return Ok(transaction);
    };
    let code = code.filter(|code| !code.is_empty()).ok_or(Error::CodeNeeded)?;
    second.taken_at(now)?;
    if let Some(step) = password::step(&second.secret, code, now)? {
        // One that was taken before is sent again after a lost answer: that is no guess.
        return signin::take_step(session, user, step)?.then_some(transaction).ok_or(Error::WrongPassword);
    }
    signin::wrong_code(session, user, &second, now)?;
    transaction.commit()?;
    Err(Error::WrongPassword)
}

/// Logs what was done about how a user signs in.
fn note(view: &View<'_>, user: &User, kind: &str, now: Time) -> Result<()> {
    let body = json!({ "user": user.id.0, "email": user.email, "account": user.account.0 });
    let rev = append(view.session, view.scope.actor(), kind, body, now)?;
    log::touch_if_absent(view.session, rev, user.account)
}

/// Logs the end of a session, with the reason if nobody asked for it.
fn log_end(session: &Session, actor: &User, user: &User, reason: &str, now: Time) -> Result<()> {
    let body = json!({ "user": user.id.0, "email": user.email, "account": user.account.0, "reason": reason });
    let rev = append(session, actor, "end-session", body, now)?;
    log::touch_if_absent(session, rev, user.account)
}
