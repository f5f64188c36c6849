//! Users: those of the accounts one manages.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use estate::{Change, ChangeId, Error, Estate, Local, UserChange, UserId};
use serde_json::{Value, json};

use super::asker::Asker;
use super::body::{Sent, whole};
use super::edits::{self, Patch};
use super::params::{self, Named, Params};
use super::problem::Problem;
use super::shapes::{NewUser, User};
use super::{Served, accounts, json_of, now, tagged};

fn id(text: &str) -> estate::Result<UserId> {
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
    }
}

fn find(local: &Local, text: &str) -> estate::Result<estate::User> {
    let id = id(text)?;
    let users = local.users(None, &estate::Cancel::new())?;
    users.into_iter().find(|user| user.id == id).ok_or_else(|| Error::not_found("user", format!("#{}", id.0)))
}

/// The users, by name.
pub(super) async fn list(
    State(served): State<Served>,
    asker: Asker,
    request: Parts,
) -> Result<Response, Problem> {
    let params = Params::read(&request, &["account", "limit", "cursor"])?;
    let (limit, from) = (params.limit()?, params.cursor::<usize>()?.unwrap_or(0));
    let listed = move |local: &Local, cancel: &estate::Cancel| {
        let account = match params.get("account") {
            Some(id) => Some(accounts::need(&*local.accounts(cancel)?, id)?.id),
            None => None,
        };
        let users = local.users(account, cancel)?;
        let items: Vec<User> = users.iter().skip(from).take(limit).map(object).collect();
        let end = from.saturating_add(limit);
        let next = (users.len() > end).then(|| params.next(&end));
        Ok(json!({ "items": items, "next_cursor": next }))
    };
    Ok(params::page(&request, served.work(&asker, listed).await?))
}

/// One user.
pub(super) async fn one(
    State(served): State<Served>,
    asker: Asker,
    id: Named,
    request: Parts,
) -> Result<Response, Problem> {
    params::none(&request)?;
    let id = id.0?;
    let found = served.work(&asker, move |local, _| json_of(object(&find(local, &id)?))).await?;
    Ok(tagged(&request, &found))
}

/// Invites one.
pub(super) async fn add(
    State(served): State<Served>,
    asker: Asker,
    request: Parts,
    Sent(new): Sent<NewUser>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    params::none(&request)?;
    let added = move |local: &Local, cancel: &estate::Cancel| {
        let account = accounts::need(&*local.accounts(cancel)?, &new.account_id)?.id;
        let email = new.email.trim().to_lowercase();
        let change = Change::AddUser { account, name: new.name, email: new.email, role: new.role.into() };
        local.apply(&ChangeId::new(), &change, &now)?;
        let users = local.users(Some(account), cancel)?;
        let user = users.iter().filter(|user| user.email.to_lowercase() == email).max_by_key(|user| user.id);
        json_of(object(user.ok_or_else(|| Error::not_found("user", email))?))
    };
    Ok((StatusCode::CREATED, Json(served.work(&asker, added).await?)))
}

/// Changes one: another role, or whether they may sign in.
pub(super) async fn change(
    State(served): State<Served>,
    asker: Asker,
    id: Named,
    request: axum::extract::Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    params::none(&parts)?;
    let id = id.0?;
    let body = whole(axum::extract::Request::from_parts(parts.clone(), body), &served).await?;
    let mut patch = Patch::read(&parts, &body)?;
    let role = patch.word("role", &["view-only", "user", "admin"])?;
    let state = patch.word("state", &["active", "disabled"])?;
    patch.finish(1)?;
    let to = match (role.as_deref().and_then(estate::Role::from_word), state.as_deref()) {
        (Some(role), _) => Some(UserChange::Role(role)),
        (None, Some("active")) => Some(UserChange::Enable),
        (None, Some(_)) => Some(UserChange::Disable),
        (None, None) => None,
    };
    let asked = parts.clone();
    let changed = served
        .work(&asker, move |local, _| {
            let user = find(local, &id)?;
            if let Err(stale) = edits::same(&asked, &json_of(object(&user))?) {
                return Ok(Err(stale));
            }
            if let Some(to) = to {
                local.apply(&ChangeId::new(), &Change::ChangeUser { user: user.id, to }, &now)?;
            }
            json_of(object(&find(local, &id)?)).map(Ok)
        })
        .await??;
    Ok(tagged(&parts, &changed))
}

/// Takes one away.
pub(super) async fn remove(
    State(served): State<Served>,
    asker: Asker,
    id: Named,
    request: Parts,
) -> Result<StatusCode, Problem> {
    params::none(&request)?;
    let id = id.0?;
    edits::need_tag(&request)?;
    served
        .work(&asker, move |local, _| {
            let user = find(local, &id)?;
            if let Err(stale) = edits::same(&request, &json_of(object(&user))?) {
                return Ok(Err(stale));
            }
            let change = Change::ChangeUser { user: user.id, to: UserChange::Remove };
            local.apply(&ChangeId::new(), &change, &now)?;
            Ok(Ok(StatusCode::NO_CONTENT))
        })
        .await?
}
