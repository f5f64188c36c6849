//! Users: signed in, invited, given other roles, kept out, removed; and what each of that needs
//! beyond the role.

use std::sync::Arc;

use rusqlite::{Transaction, TransactionBehavior};
use serde_json::json;

use super::{Local, signin};
use crate::account::valid_name;
use crate::error::{Error, Result};
use crate::ident;
use crate::ids::{AccountId, ChangeId, UserId};
use crate::local::record::{ApplyContext, LogRecord, append};
use crate::permit::Roles;
use crate::role::Role;
use crate::scope::Scope;
use crate::store::connection::Database;
use crate::store::log::{self, Logged};
use crate::store::pool::Store;
use crate::store::read::View;
use crate::store::signin::For;
use crate::store::{outbox, people, tokens};
use crate::units::Time;
use crate::user::{User, UserChange, UserState};

/// Checks an invitation. Users that the inviter does not see, and users of other customers, make no
/// difference.
pub(super) fn may_invite(
    view: &View<'_>,
    account: AccountId,
    name: &str,
    email: &str,
) -> Result<(String, String)> {
    view.accounts.need(account)?;
    let (name, email) = (valid_name(name)?, ident::email(email)?);
    let customer = people::customer_of(view.session, account)?;
    for user in view.users(None)? {
        if people::key_of(&user.email) == people::key_of(&email)
            && people::customer_of(view.session, user.account)? == customer
        {
            let place = if user.account == account {
                "this account".to_owned()
            } else {
                view.accounts.path(user.account)
            };
            return Err(Error::Conflict(format!("{email} is a user of {place} already")));
        }
    }
    Ok((name, email))
}

pub(super) fn invite(
    run: &ApplyContext<'_>,
    account: AccountId,
    name: &str,
    email: &str,
    role: Role,
    post: Post<'_>,
) -> Result<LogRecord> {
    let (name, email) = may_invite(run.view, account, name, email)?;
    let new = User {
        id: UserId(0),
        account,
        name,
        email,
        role,
        state: UserState::Invited,
        invited: Some(run.now),
        signed_in: None,
    };
    let by = run.view.scope.actor();
    let id = people::invite(run.session, &new, by.id, run.now)?;
    send(run, &User { id, ..new.clone() }, post)?;
    let body = json!({ "user": id.0, "email": new.email, "name": new.name, "role": role.word() });
    Ok(LogRecord::accounts("add-user", body, vec![account]))
}

/// Whether mail goes out, and where links in it lead.
#[derive(Clone, Copy, Default)]
pub(super) struct Post<'a> {
    pub mail: bool,
    pub links: Option<&'a str>,
}

/// Mails the invitation, where mail goes out. What lies above the account is not named in it.
fn send(run: &ApplyContext<'_>, to: &User, post: Post<'_>) -> Result<()> {
    if !post.mail {
        return Ok(());
    }
    let how = match post.links {
        Some(base) => {
            let (secret, expires) =
                signin::new_link(run.session, to.id, For::Invitation, &to.email, run.now)?;
            let url = secret.link(base);
            format!("Choose a password by this link; it works once, until {expires}:\n\n{url}\n")
        }
        None => format!(
            "Sign in to simdeck with your address: {}\nWith that the invitation is accepted.\n",
            to.email
        ),
    };
    let account = run.view.accounts.need(to.account)?;
    let subject = format!("Invitation to {}", account.name);
    let body = format!(
        "Hello {},\n\n{} invites you to manage the SIMs of {} as {}.\n\n{how}",
        to.name,
        run.view.scope.actor().name,
        account.name,
        to.role
    );
    outbox::write(run.session, &to.email, &subject, &body, run.now)
}

/// Whether a user may be changed like that, and who that is.
pub(super) fn may_change(view: &View<'_>, id: UserId, to: UserChange) -> Result<User> {
    let user = view.need_user(id)?;
    let refuse = |why: &str| Err(Error::Conflict(why.to_owned()));
    if id == view.scope.user.id && to != UserChange::Invite {
        return refuse("nobody changes their own role or keeps themselves out; another Admin can");
    }
    match (to, user.state) {
        (UserChange::Role(role), _) if role == user.role => return refuse("they have that role already"),
        (UserChange::Disable, UserState::Disabled) => return refuse("they are kept out already"),
        (UserChange::Disable, UserState::Invited) => {
            return refuse("the invitation is not accepted yet; take them away instead");
        }
        (UserChange::Enable, state) if state != UserState::Disabled => {
            return refuse("they are not kept out");
        }
        (UserChange::Invite, state) if state != UserState::Invited => {
            return refuse("the invitation was accepted already");
        }
        _ => {}
    }
    let loses = match to {
        UserChange::Role(_) | UserChange::Disable | UserChange::Remove => {
            user.role == Role::Admin && user.state == UserState::Active
        }
        UserChange::Enable | UserChange::Invite => false,
    };
    let (admins, users) = people::count_users(view.session, user.account)?;
    if loses && admins == 1 && (users > 1 || to != UserChange::Remove) {
        return refuse(
            "they are the last active Admin of an account that has users; make another one first",
        );
    }
    Ok(user)
}

pub(super) fn change(
    run: &ApplyContext<'_>,
    id: UserId,
    to: UserChange,
    post: Post<'_>,
) -> Result<LogRecord> {
    let user = may_change(run.view, id, to)?;
    let body = |extra: serde_json::Value| {
        let mut body = json!({ "user": id.0, "email": user.email, "name": user.name });
        if let (Some(body), Some(extra)) = (body.as_object_mut(), extra.as_object()) {
            body.extend(extra.clone());
        }
        body
    };
    let (kind, body) = match to {
        UserChange::Role(role) => {
            people::set_role(run.session, id, role)?;
            ("user-role", body(json!({ "from": user.role.word(), "to": role.word() })))
        }
        UserChange::Disable => {
            people::set_state(run.session, id, UserState::Disabled)?;
            // Let in again, they sign in again.
            tokens::end_sessions(run.session, id)?;
            ("disable-user", body(json!({})))
        }
        UserChange::Enable => {
            people::set_state(run.session, id, UserState::Active)?;
            ("enable-user", body(json!({})))
        }
        UserChange::Remove => {
            people::remove(run.session, id)?;
            ("remove-user", body(json!({ "role": user.role.word() })))
        }
        UserChange::Invite => {
            people::invited_again(run.session, id, run.now)?;
            send(run, &user, post)?;
            ("invite-user", body(json!({})))
        }
    };
    Ok(LogRecord::accounts(kind, body, vec![user.account]))
}

/// What puts a user's role back, or whether they are kept out; only if nothing of that kind came
/// after.
pub(super) fn undone(view: &View<'_>, logged: &Logged) -> Result<(UserId, UserChange)> {
    let id = UserId(logged.body["user"].as_i64().unwrap_or_default());
    let role = |key: &str| logged.body[key].as_str().and_then(Role::from_word);
    let kinds: &[&str] =
        if logged.kind == "user-role" { &["user-role"] } else { &["disable-user", "enable-user"] };
    if log::names_since(view.session, logged.rev, kinds, id)? {
        return Err(Error::Conflict("it has been changed again since".into()));
    }
    let to = match logged.kind.as_str() {
        "disable-user" => UserChange::Enable,
        "enable-user" => UserChange::Disable,
        _ => UserChange::Role(role("from").unwrap_or(Role::ViewOnly)),
    };
    may_change(view, id, to)?;
    Ok((id, to))
}

/// Changes the name or the address of the user who makes the change.
///
/// Another address takes effect with the first sign-in by it, or, where links are mailed, by the
/// link that is mailed there: until then nothing is compared with the addresses of others.
pub(super) fn edit_profile(
    run: &ApplyContext<'_>,
    name: &str,
    email: &str,
    post: Post<'_>,
) -> Result<LogRecord> {
    // The session's user is as of its beginning; an earlier change of the same session counts too.
    let id = run.view.scope.user.id;
    let me = people::by_id(run.session, id)?.ok_or_else(|| Error::not_found("user", id.0.to_string()))?;
    let (name, email) = (valid_name(name)?, ident::email(email)?);
    let unchanged = name == me.name && email == me.email;
    if unchanged && people::requested_address(run.session, me.id)?.is_none() {
        return Err(Error::Conflict("that is what they are already".into()));
    }
    people::set_name(run.session, me.id, &name)?;
    if unchanged {
        // The present name and address withdraw an address that awaits its first sign-in.
        people::want(run.session, me.id, "")?;
    } else if email != me.email {
        people::want(run.session, me.id, &email)?;
        mail_confirmation(run, &me, &email, post)?;
    }
    let body = json!({ "user": me.id.0, "from": { "name": me.name, "email": me.email },
                       "to": { "name": name, "email": email } });
    Ok(LogRecord::accounts("profile", body, vec![me.account]))
}

/// Mails a link to the new address of a user, where links are mailed. With their password it proves
/// the mailbox.
fn mail_confirmation(run: &ApplyContext<'_>, me: &User, email: &str, post: Post<'_>) -> Result<()> {
    let Some(base) = post.links.filter(|_| post.mail) else { return Ok(()) };
    let (secret, expires) = signin::new_link(run.session, me.id, For::Address, email, run.now)?;
    let body = format!(
        "Hello {},\n\nby this link and your password you confirm this address for simdeck. \
         It works once, until {expires}:\n\n{}\n",
        me.name,
        secret.link(base)
    );
    outbox::write(run.session, email, "Confirm your address", &body, run.now)
}

impl Scope {
    /// All that a user sees.
    pub(super) fn of(user: User, read_only: bool) -> Self {
        Self { top: user.account, user, actor: None, token: None, read_only, roles: Roles::default() }
    }

    /// Whose doing it is: whoever looks through somebody else's eyes is still themselves.
    pub fn actor(&self) -> &User {
        self.actor.as_ref().unwrap_or(&self.user)
    }
}

impl Local {
    /// Signs a user in at the store itself: an invited one accepts with that, unless nothing may be
    /// written.
    pub(super) fn sign_in(
        store: Arc<Store>,
        email: Option<&str>,
        account: Option<&str>,
        read_only: bool,
        clock: Box<dyn Fn() -> Time + Send + Sync>,
    ) -> Result<Self> {
        let user = {
            let session = store.writer();
            let user = match email {
                Some(email) => people::by_email(&session, email, account)?,
                None => only_admin(people::root_admins(&session)?)?,
            };
            let other = email.filter(|email| people::key_of(email) != people::key_of(&user.email));
            match (user.state, other) {
                (UserState::Invited, _) | (_, Some(_)) if read_only => return Err(Error::ReadOnly),
                (UserState::Invited, _) => accept(&session, user.id, clock())?,
                (_, Some(email)) => moved_in(&session, user, email)?,
                _ => user,
            }
        };
        if !read_only {
            people::signed_in(&store.writer(), user.id, clock())?;
        }
        Ok(Self::new(store, Scope::of(user, read_only), clock))
    }

    /// Looks at the estate as a user of an account below sees it, as
    /// [`Estate::view_as`](crate::Estate::view_as) does.
    pub fn seen_by(&self, id: UserId) -> Result<Self> {
        self.in_person()?;
        self.may_write(crate::role::Capability::ManageAccounts)?;
        let user = {
            let session = self.store.writer();
            let transaction = session.unchecked_transaction()?;
            let view = View::new(&session, &self.scope, None)?;
            let user = view.need_user(id)?;
            let body = json!({ "user": id.0, "email": user.email, "account": user.account.0 });
            let rev = append(&session, &self.scope.user, "view-as", body, (self.clock)())?;
            log::touch_if_absent(&session, rev, user.account)?;
            transaction.commit()?;
            user
        };
        let actor = Some(self.scope.user.clone());
        let (roles, token) = (self.scope.roles.clone(), self.scope.token.clone());
        let scope = Scope { actor, token, roles, ..Scope::of(user, true) };
        Ok(Self::new(Arc::clone(&self.store), scope, Box::new(Time::now)))
    }

    /// Adds an active user, whose invitation needs no accepting: for a demo, where nobody else
    /// signs in.
    pub fn add_user(&self, account: AccountId, name: &str, email: &str, role: Role) -> Result<()> {
        self.in_person()?;
        self.may_write(crate::role::Capability::ManageAccounts)?;
        let session = self.store.writer();
        let transaction = session.unchecked_transaction()?;
        let view = View::new(&session, &self.scope, None)?;
        let (rev, now) = (session.rev()? + 1, (self.clock)());
        let watch = |_| std::ops::ControlFlow::Continue(());
        let clock = crate::store::newest_time::reading(&session, now)?;
        let run =
            ApplyContext { view: &view, session: &session, rev, now, clock, asked: "", watch: &watch };
        let done = invite(&run, account, name, email, role, Post::default())?;
        let id = UserId(done.body["user"].as_i64().unwrap_or_default());
        self.log(&ChangeId::new(), &run, done)?;
        people::admit(&session, id, email)?;
        Ok(transaction.commit()?)
    }
}

/// Accepts an invitation. The address is compared with those of the customer only now, and the
/// invitation is read again in the transaction: it may have been withdrawn meanwhile.
fn accept(session: &Database, id: UserId, now: Time) -> Result<User> {
    let transaction = Transaction::new_unchecked(session, TransactionBehavior::Immediate)?;
    let user = people::by_id(session, id)?.filter(|user| user.state != UserState::Disabled);
    let user = user.ok_or_else(|| Error::not_found("user", format!("#{}", id.0)))?;
    if user.state == UserState::Invited {
        people::admit(session, user.id, &user.email)?;
        let body = json!({ "user": user.id.0, "account": user.account.0 });
        let rev = append(session, &user, "accept", body, now)?;
        log::touch_if_absent(session, rev, user.account)?;
    }
    transaction.commit()?;
    Ok(User { state: UserState::Active, ..user })
}

/// Whoever signs in by the address they wanted has it from now on.
fn moved_in(session: &Database, user: User, email: &str) -> Result<User> {
    let email = ident::email(email)?;
    people::admit(session, user.id, &email)?;
    Ok(User { email, ..user })
}

/// The file's owner is trusted: without a name they are the root account's Admin, if there is one
/// only.
fn only_admin(mut admins: Vec<User>) -> Result<User> {
    match admins.len() {
        0 => Err(Error::not_found("user", "an active Admin of the root account")),
        1 => Ok(admins.remove(0)),
        _ => Err(Error::Invalid {
            field: "as",
            reason: format!(
                "several Admins; choose one with --as: {}",
                admins.iter().map(|u| u.email.as_str()).collect::<Vec<_>>().join(", ")
            ),
        }),
    }
}
