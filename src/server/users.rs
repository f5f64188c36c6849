//! Users: those of the accounts one manages.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use estate::{CancelToken, Change, Error, Estate, Local, Role, UserChange, UserId, UserState};
use serde_json::{Value, json};

use super::asker::CurrentUser;
use super::body::Sent;
use super::edits::{Make, Patch};
use super::params::{self, Named, Params};
use super::problem::Problem;
use super::shapes::{NewUser, User};
use super::{AppState, accounts, created_response, json_of, make};

pub(super) fn id(text: &str) -> estate::Result<UserId> {
    let id = text.strip_prefix("usr_").and_then(|id| id.parse().ok()).map(UserId);
    id.ok_or_else(|| Error::not_found("user", estate::text::clean(text)))
}

pub(super) fn object(user: &estate::User) -> User {
    User {
        id: format!("usr_{}", user.id.0),
        account_id: format!("acc_{}", user.account.0),
        name: user.name.clone(),
        email: user.email.clone(),
        role: user.role.word().to_owned(),
        state: user.state.word().to_owned(),
        invited_at: user.invited.map(|at| at.to_string()),
        signed_in_at: user.signed_in.map(|at| at.to_string()),
        invitation: None,
    }
}

fn find(local: &Local, text: &str) -> estate::Result<estate::User> {
    let id = id(text)?;
    let users = local.users(None, &CancelToken::new())?;
    users
        .into_iter()
        .find(|user| user.id == id)
        .ok_or_else(|| Error::not_found("user", format!("#{}", id.0)))
}

/// The users, by name.
pub(super) async fn list(
    State(served): State<AppState>,
    asker: CurrentUser,
    request: Parts,
) -> Result<Response, Problem> {
    let params = Params::read(&request, &["account", "email", "role", "limit", "cursor"])?;
    let role = match params.get("role") {
        None => None,
        Some(word) => Some(
            Role::from_word(word)
                .ok_or_else(|| Problem::parameter("role", "must be view-only, user or admin"))?,
        ),
    };
    let (limit, after) = (params.limit()?, params.cursor::<i64>()?);
    let listed = move |local: &Local, cancel: &CancelToken| {
        let users = local.users(accounts::parse_account(local, &params, cancel)?, cancel)?;
        let from = match after {
            Some(last) => users.iter().position(|user| user.id.0 == last).map(|at| at + 1),
            None => Some(0),
        };
        let email = params.get("email").map(str::to_lowercase);
        let fits = |user: &&estate::User| {
            role.is_none_or(|role| user.role == role)
                && email.as_ref().is_none_or(|email| user.email.to_lowercase() == *email)
        };
        let from = from.ok_or_else(params::cursor_gone)?;
        let all: Vec<&estate::User> = users[from..].iter().filter(fits).take(limit + 1).collect();
        let shown = &all[..limit.min(all.len())];
        let next = shown.last().filter(|_| all.len() > limit).map(|last| params.next(&last.id.0));
        let items: Vec<User> = shown.iter().map(|user| object(user)).collect();
        Ok(json!({ "items": items, "next_cursor": next }))
    };
    Ok(params::page(&request, served.work(&asker, listed).await?))
}

fn look(local: &Local, id: &str, _: &CancelToken) -> estate::Result<Value> {
    json_of(object(&find(local, id)?))
}

/// One user.
pub(super) async fn one(
    State(served): State<AppState>,
    asker: CurrentUser,
    id: Named,
    request: Parts,
) -> Result<Response, Problem> {
    served.one(&asker, id, &request, look).await
}

/// Invites one.
pub(super) async fn add(
    State(served): State<AppState>,
    asker: CurrentUser,
    request: Parts,
    Sent(new): Sent<NewUser>,
) -> Result<Response, Problem> {
    params::none(&request)?;
    let added = move |local: &Local, cancel: &CancelToken| {
        let account = accounts::need(&*local.accounts(cancel)?, &new.account_id)?.id;
        let email = new.email.trim().to_lowercase();
        let change = Change::AddUser { account, name: new.name, email: new.email, role: new.role.into() };
        make(local, &change, cancel)?;
        let users = local.users(Some(account), cancel)?;
        let user =
            users.iter().filter(|user| user.email.to_lowercase() == email).max_by_key(|user| user.id);
        let user = user.ok_or_else(|| Error::not_found("user", email))?;
        let invitation = if local.mails_links() { "mailed" } else { "not-mailed" };
        json_of(User { invitation: Some(invitation.to_owned()), ..object(user) })
    };
    Ok(created_response("/v1/users", &served.write(&asker, added).await?))
}

/// What a patch changes about a user.
fn parse_patch(mut patch: Patch) -> Result<Option<UserChange>, Problem> {
    let role = patch.word("role", &["view-only", "user", "admin"])?;
    let state = patch.word("state", &["active", "disabled"])?;
    patch.finish(1)?;
    Ok(match (role.as_deref().and_then(Role::from_word), state.as_deref()) {
        (Some(role), _) => Some(UserChange::Role(role)),
        (None, Some("active")) => Some(UserChange::Enable),
        (None, Some(_)) => Some(UserChange::Disable),
        (None, None) => None,
    })
}

/// Changes one: another role, or whether they may sign in.
pub(super) async fn change(
    State(served): State<AppState>,
    asker: CurrentUser,
    id: Named,
    request: Request,
) -> Result<Response, Problem> {
    let make = |local: &Local, id: &str, wanted: Option<UserChange>, apply: &Make<'_>| {
        let Some(to) = wanted else { return Ok(()) };
        let user = find(local, id)?;
        // What they are already is no change.
        let is = match to {
            UserChange::Role(role) => user.role == role,
            UserChange::Enable => user.state == UserState::Active,
            UserChange::Disable => user.state == UserState::Disabled,
            UserChange::Remove | UserChange::Invite => false,
        };
        if is { Ok(()) } else { apply(&Change::ChangeUser { user: user.id, to }).map(drop) }
    };
    served.apply_conditionally(&asker, id, request, parse_patch, look, make).await
}

/// Takes one away.
pub(super) async fn remove(
    State(served): State<AppState>,
    asker: CurrentUser,
    id: Named,
    request: Parts,
) -> Result<StatusCode, Problem> {
    let change = |local: &Local, id: &str, _: &CancelToken| {
        Ok(Change::ChangeUser { user: find(local, id)?.id, to: UserChange::Remove })
    };
    served.remove_conditionally(&asker, id, request, look, change).await
}
