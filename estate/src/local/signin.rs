//! Signing in over a network: by a password and a code, by a link that somebody handed over;
//! sessions that end by themselves and can be renewed.

use rusqlite::{Transaction, TransactionBehavior};
use serde_json::json;

use super::Local;
use crate::account::valid_name;
use crate::error::{Error, Result};
use crate::ids::UserId;
use crate::local::record::append;
use crate::password;
use crate::progress::CancelToken;
use crate::role::Capability;
use crate::store::connection::Database;
use crate::store::read::View;
use crate::store::signin::{self, For, StoredLink};
use crate::store::{log, outbox, people, tokens};
use crate::token::{
    Chosen, ClientInfo, Invited, Link, LinkPurpose, Secret, SignIn, SignInAttempt, SignInMethods, Signed,
    TotpEnrolment,
};
use crate::units::Time;
use crate::user::{User, UserState};

/// How long a link is good: an invitation, and a new password.
const INVITATION: i64 = 7 * 86_400;
const RESET: i64 = 86_400;
/// Hashes computed for each sign-in, whatever the store holds, so that the time tells nothing of
/// it: the largest number of users of one address whose passwords are tried. Users of an address
/// beyond that have to name their account.
const HASHES: usize = 4;

fn immediate(session: &Database) -> Result<Transaction<'_>> {
    Ok(Transaction::new_unchecked(session, TransactionBehavior::Immediate)?)
}

impl Local {
    /// Begins a session for whoever is signed in here: what they then sign in with from elsewhere,
    /// and what renews that.
    pub fn begin_session(&self) -> Result<Signed> {
        self.in_person()?;
        let session = self.store.writer();
        let client = ClientInfo::default();
        tokens::begin(&session, self.scope.user.id, self.scope.top(), &client, (self.clock)())
    }

    /// Renews a session by its renewal secret, which is spent with that.
    ///
    /// A secret that was spent before ends the session, for two clients have it (RFC 9700, section
    /// 4.14.2). For 30 s the secret that was used last is answered again: its answer may have been
    /// lost.
    pub fn renew(&self, secret: &Secret, client: &ClientInfo, now: Time) -> Result<Signed> {
        self.writes()?;
        let session = self.store.writer();
        let transaction = immediate(&session)?;
        let presented = tokens::find_renewal(&session, secret, now)?;
        let user = people::by_id(&session, presented.user)?.ok_or(Error::SignedOut)?;
        if presented.is_reused {
            tokens::revoke(&session, presented.session)?;
            log_end(&session, &log::system_user(), &user, "renewal secret used twice", now)?;
            transaction.commit()?;
            return Err(Error::SignedOut);
        }
        if user.state != UserState::Active {
            return Err(Error::SignedOut);
        }
        let signed = tokens::renew(&session, &presented, client, now)?;
        transaction.commit()?;
        Ok(signed)
    }

    /// Signing in is written down.
    fn writes(&self) -> Result<()> {
        if self.scope.read_only { Err(Error::ReadOnly) } else { Ok(()) }
    }

    /// Signs out: ends the session that this one came by, if it came by one.
    pub fn sign_out(&self) -> Result<()> {
        self.writes()?;
        match &self.scope.token {
            Some(token) if token.person => tokens::revoke(&self.store.writer(), token.id),
            // A token is taken back by name, and works until then.
            Some(_) => Err(Error::NotByToken),
            None => Ok(()),
        }
    }

    /// Signs a user in by password as [`Local::attempt_sign_in`] does, and gives the outcome only.
    pub fn by_password(&self, by: &SignIn, now: Time) -> Result<Signed> {
        self.attempt_sign_in(by, now)?.outcome
    }

    /// Signs a user in by password, and by a code where they have a second factor.
    ///
    /// An address may be a user of several customers: the password decides, and where it is right
    /// for several users and `account` names none of them, the outcome is `AccountNeeded` with
    /// those. An address that is unknown, disabled or without a password, and an account that is
    /// not the user's, get the same answer after the same work.
    pub fn attempt_sign_in(&self, by: &SignIn, now: Time) -> Result<SignInAttempt> {
        self.writes()?;
        by.check()?;
        let mut known =
            self.store.read(&CancelToken::new(), |session| people::with_email(session, &by.email))?;
        if let Some(account) = &by.account {
            known.retain(|(candidate, _)| candidate.choice().is_named(account));
        }
        known.truncate(HASHES);
        // The hashes are computed without holding the store.
        let hashes = (0..HASHES).map(|at| known.get(at).map(|(_, hash)| hash.as_str()));
        let good: Vec<bool> = hashes.map(|hash| password::proves(&by.password, hash)).collect();
        let is_shared = known.len() > 1;
        let (mut proved, mut failed) = (Vec::new(), Vec::new());
        for ((candidate, kept), good) in known.into_iter().zip(good) {
            if good {
                proved.push((candidate, kept));
            } else {
                failed.push(candidate.user.id);
            }
        }
        let mut user = None;
        let outcome = match &proved[..] {
            [] => Err(Error::WrongPassword),
            [(candidate, kept)] => {
                user = Some(candidate.user.id);
                self.begin_by_password(&candidate.user, kept, by, now)
            }
            several => Err(Error::AccountNeeded(several.iter().map(|(one, _)| one.choice()).collect())),
        };
        if outcome == Err(Error::WrongPassword) {
            // The password was right and the code was not.
            failed.extend(user.take());
        }
        let user = user.filter(|_| outcome.is_ok());
        Ok(SignInAttempt { outcome, user, failed, is_shared })
    }

    /// Begins a session for a user whose password was right, if it still is and the code is.
    fn begin_by_password(&self, user: &User, kept: &String, by: &SignIn, now: Time) -> Result<Signed> {
        let session = self.store.writer();
        let transaction = immediate(&session)?;
        // What was looked at may have changed meanwhile.
        if signin::password(&session, user.id)?.as_ref() != Some(kept) {
            return Err(Error::WrongPassword);
        }
        let transaction = second(&session, transaction, user.id, by.code.as_deref(), now)?;
        let signed = tokens::begin(&session, user.id, user.account, &by.client, now)?;
        transaction.commit()?;
        people::signed_in(&session, user.id, now)?;
        Ok(signed)
    }

    /// What somebody signs in with from elsewhere.
    pub(super) fn signing_of(&self, cancel: &CancelToken) -> Result<SignInMethods> {
        self.in_person()?;
        self.read(Capability::View, cancel, |view| {
            let id = self.scope.user.id;
            let factor = signin::factor(view.session, id)?.is_some_and(|second| second.proved);
            Ok(SignInMethods { password: signin::password(view.session, id)?.is_some(), factor })
        })
    }

    /// Whoever is signed in, if they may change what they sign in with, and know what it is now. At
    /// the store itself its owner is trusted.
    fn check_password(&self, current: &str) -> Result<()> {
        self.in_person()?;
        self.may_write(Capability::EditProfile)?;
        if self.scope.token.is_none() {
            return Ok(());
        }
        let kept = self
            .store
            .read(&CancelToken::new(), |session| signin::password(session, self.scope.user.id))?;
        if password::proves(current, kept.as_deref()) { Ok(()) } else { Err(Error::WrongPassword) }
    }

    pub(super) fn choose_password(&self, current: &str, new: &str) -> Result<()> {
        self.check_password(current)?;
        let me = &self.scope.user;
        password::check(
            new,
            &self.store.read(&CancelToken::new(), |session| known_words(session, me, &me.name))?,
        )?;
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

    pub(super) fn begin_second(&self, current: &str) -> Result<TotpEnrolment> {
        self.check_password(current)?;
        let me = &self.scope.user;
        let session = self.store.writer();
        if signin::factor(&session, me.id)?.is_some_and(|second| second.proved) {
            return Err(Error::Conflict("there is a second factor already; take it away first".into()));
        }
        let secret = password::new_factor();
        signin::set_factor(&session, me.id, &secret)?;
        // Authenticators tell entries apart by this label, and one address may have several users.
        let account = View::new(&session, &self.scope, None)?.accounts.need(me.account)?.name.clone();
        let label = format!("{} ({account})", me.email).replace(':', " ");
        Ok(TotpEnrolment { url: password::factor_url(&secret, &label)?, secret })
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
        self.check_password(current)?;
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
        let mailed_to = if self.mail { user.email.as_str() } else { "" };
        let (secret, expires) = new_link(&session, id, what, mailed_to, now)?;
        if self.mail {
            let base = self.links.as_deref().ok_or_else(unknown_server)?;
            let account = view.accounts.need(user.account)?;
            let body = format!(
                "Hello {},\n\nby this link you choose how you sign in for {}. It works once, until {expires}:\n\n{}\n",
                user.name,
                account.name,
                secret.link(base)
            );
            outbox::write(&session, &user.email, "Sign in to simdeck", &body, now)?;
        }
        note(&view, &user, "link-user", now)?;
        transaction.commit()?;
        // A link that was mailed proves the mailbox: nobody else sees it.
        Ok(if self.mail {
            Link { secret: None, mailed_to: Some(user.email), expires }
        } else {
            Link { secret: Some(secret), mailed_to: None, expires }
        })
    }

    /// Returns the user that a link lets in, and its purpose; the link stays good.
    pub fn find_link(&self, secret: &Secret, now: Time) -> Result<Invited> {
        let (user, link) = self.store.read(&CancelToken::new(), |session| guest(session, secret, now))?;
        let (email, purpose) = match link.purpose {
            For::Invitation => (user.email, LinkPurpose::Invitation),
            For::Reset | For::ResetAll => (user.email, LinkPurpose::Password),
            For::Address => (link.mailed_to, LinkPurpose::Address),
        };
        Ok(Invited { name: user.name, email, purpose })
    }

    /// Lets a user in by a link, once: with the password they choose, their name as they write it,
    /// and a code where they have a second factor: whoever reads their mail has only one of the
    /// two.
    ///
    /// A link that confirms an address takes the password there is. A link that was shown lets an
    /// address in for its own top-level customer only, as every link does: see `people::admit`.
    pub fn by_link(&self, secret: &Secret, chosen: &Chosen, now: Time) -> Result<Signed> {
        self.writes()?;
        let (known, link) =
            self.store.read(&CancelToken::new(), |session| guest(session, secret, now))?;
        if link.purpose == For::Address {
            return self.confirm_address(secret, &known, chosen, now);
        }
        let (name, password) = (chosen.name.as_deref(), chosen.password.as_str());
        let words = self.store.read(&CancelToken::new(), |session| {
            known_words(session, &known, name.unwrap_or(&known.name))
        })?;
        password::check(password, &words)?;
        let name = name.map(valid_name).transpose()?;
        let hash = password::hash(password)?;
        let session = self.store.writer();
        let transaction = immediate(&session)?;
        // What was looked at may have changed meanwhile.
        let (user, link) = guest(&session, secret, now)?;
        let is_invitation = link.purpose == For::Invitation;
        let transaction = match link.purpose {
            For::ResetAll => {
                signin::drop_factor(&session, user.id)?;
                transaction
            }
            _ => second(&session, transaction, user.id, chosen.code.as_deref(), now)?,
        };
        if is_invitation {
            people::admit(&session, user.id, &user.email)?;
        }
        if let Some(name) = name.filter(|_| is_invitation) {
            people::set_name(&session, user.id, &name)?;
        }
        if link.mailed_to.is_empty() {
            take_wanted(&session, user.id)?;
        }
        signin::set_password(&session, user.id, &hash, None, now)?;
        let kind = if is_invitation { "accept" } else { "password" };
        log_own(&session, &user, kind, now)?;
        let signed = tokens::begin(&session, user.id, user.account, &chosen.client, now)?;
        transaction.commit()?;
        Ok(signed)
    }

    /// Gives a user the address that a link was mailed to, if it is still the one they asked for.
    fn confirm_address(
        &self,
        secret: &Secret,
        known: &User,
        chosen: &Chosen,
        now: Time,
    ) -> Result<Signed> {
        let kept = self.store.read(&CancelToken::new(), |session| signin::password(session, known.id))?;
        if !password::proves(&chosen.password, kept.as_deref()) {
            return Err(Error::WrongPassword);
        }
        let session = self.store.writer();
        let transaction = immediate(&session)?;
        // What was looked at may have changed meanwhile.
        let (user, link) = guest(&session, secret, now)?;
        if signin::password(&session, user.id)? != kept {
            return Err(Error::WrongPassword);
        }
        let transaction = second(&session, transaction, user.id, chosen.code.as_deref(), now)?;
        if people::requested_address(&session, user.id)?.as_deref()
            == Some(&people::key_of(&link.mailed_to))
        {
            take_wanted(&session, user.id)?;
        }
        signin::drop_links(&session, user.id)?;
        log_own(&session, &user, "profile", now)?;
        let signed = tokens::begin(&session, user.id, user.account, &chosen.client, now)?;
        transaction.commit()?;
        Ok(signed)
    }
}

/// Returns what an attacker who knows a user would try first: their address, their name, and their
/// account's.
fn known_words(session: &Database, user: &User, name: &str) -> Result<Vec<String>> {
    let account = signin::account_name(session, user.account)?;
    Ok(vec![account, user.email.clone(), user.name.clone(), name.to_owned()])
}

/// Gives a user the address they asked for, unless it is that of another user of their customer: of
/// which nothing is said.
fn take_wanted(session: &Database, user: UserId) -> Result<()> {
    let Some(wanted) = people::requested_address(session, user)? else { return Ok(()) };
    match people::admit(session, user, &wanted) {
        Err(Error::Conflict(_)) | Ok(()) => Ok(()),
        Err(other) => Err(other),
    }
}

fn unknown_server() -> Error {
    let why = "the link would go out by mail, but where the server is known from outside is not configured: \
               set url = \"https://…\"";
    Error::Conflict(why.into())
}

/// Makes a link within a change that is being made; `mailed_to` is empty where it is shown.
pub(super) fn new_link(
    session: &Database,
    user: UserId,
    purpose: For,
    mailed_to: &str,
    now: Time,
) -> Result<(Secret, Time)> {
    let lasts = if purpose == For::Invitation { INVITATION } else { RESET };
    let (secret, expires) = (Secret::make(), Time(now.0 + lasts));
    let link = StoredLink { user, purpose, mailed_to: mailed_to.to_owned() };
    signin::add_link(session, &link, &secret, (now, expires))?;
    Ok((secret, expires))
}

/// The user that a link lets in, as long as it is good for them, and the link.
fn guest(session: &Database, secret: &Secret, now: Time) -> Result<(User, StoredLink)> {
    let link = signin::find_link(session, secret, now)?;
    let state = if link.purpose == For::Invitation { UserState::Invited } else { UserState::Active };
    let user = people::by_id(session, link.user)?.filter(|user| user.state == state);
    let user = user.ok_or_else(|| Error::not_found("link", "it was used, has ended, or never was"))?;
    Ok((user, link))
}

/// Takes the code of a second factor, where there is one. A wrong one is counted, and ends what was
/// begun: before it nothing else may have been done.
fn second<'s>(
    session: &Database,
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
        return signin::take_step(session, user, step)?
            .then_some(transaction)
            .ok_or(Error::WrongPassword);
    }
    signin::wrong_code(session, user, &second, now)?;
    transaction.commit()?;
    Err(Error::WrongPassword)
}

/// Logs what was done about how a user signs in.
fn note(view: &View<'_>, user: &User, kind: &str, now: Time) -> Result<()> {
    log_for(view.session, view.scope.actor(), user, kind, now)
}

/// Logs what a user did who was not signed in before.
fn log_own(session: &Database, user: &User, kind: &str, now: Time) -> Result<()> {
    log_for(session, user, user, kind, now)
}

fn log_for(session: &Database, actor: &User, user: &User, kind: &str, now: Time) -> Result<()> {
    let body = json!({ "user": user.id.0, "email": user.email, "account": user.account.0 });
    let rev = append(session, actor, kind, body, now)?;
    log::touch_if_absent(session, rev, user.account)
}

/// Logs the end of a session, with the reason if nobody asked for it.
fn log_end(session: &Database, actor: &User, user: &User, reason: &str, now: Time) -> Result<()> {
    let body =
        json!({ "user": user.id.0, "email": user.email, "account": user.account.0, "reason": reason });
    let rev = append(session, actor, "end-session", body, now)?;
    log::touch_if_absent(session, rev, user.account)
}
