//! Sessions of users, listed and ended.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use estate::{CancelToken, Error, Estate, Local, SignInSession, TokenId, UserId};
use serde_json::{Value, json};

use super::asker::CurrentUser;
use super::params::{self, Named, Params};
use super::problem::Problem;
use super::shapes::UserSession;
use super::{AppState, users};

fn object(session: &SignInSession) -> UserSession {
    UserSession {
        id: format!("ses_{}", session.id.0),
        user_id: format!("usr_{}", session.user.0),
        client_address: session.client.address.clone(),
        client_program: session.client.program.clone(),
        created_at: session.created.to_string(),
        last_used_at: session.used.map(|at| at.to_string()),
        expires_at: session.expires.to_string(),
        current: session.is_current,
    }
}

/// The user that a request names, or the one who asks.
fn owner(local: &Local, params: &Params) -> estate::Result<UserId> {
    params.get("user").map_or(Ok(local.me().id), users::id)
}

/// Lists the sessions of a user.
pub(super) async fn list(
    State(served): State<AppState>,
    asker: CurrentUser,
    request: Parts,
) -> Result<Response, Problem> {
    let params = Params::read(&request, &["user", "limit", "cursor"])?;
    let (limit, after) = (params.limit()?, params.cursor::<i64>()?);
    let listed = move |local: &Local, _: &CancelToken| {
        let sessions = local.sessions(owner(local, &params)?)?;
        let from = match after {
            Some(last) => sessions.iter().position(|one| one.id.0 == last).map(|at| at + 1),
            None => Some(0),
        };
        let rest = &sessions[from.ok_or_else(params::cursor_gone)?..];
        let shown = &rest[..limit.min(rest.len())];
        let next = shown.last().filter(|_| rest.len() > limit).map(|last| params.next(&last.id.0));
        let items: Vec<UserSession> = shown.iter().map(object).collect();
        Ok(json!({ "items": items, "next_cursor": next }))
    };
    Ok(params::page(&request, served.work(&asker, listed).await?))
}

/// Ends one session.
pub(super) async fn end(
    State(served): State<AppState>,
    asker: CurrentUser,
    id: Named,
    request: Parts,
) -> Result<StatusCode, Problem> {
    params::none(&request)?;
    let text = id.0?;
    let id = text.strip_prefix("ses_").and_then(|id| id.parse().ok()).map(TokenId);
    let missing = || Error::not_found("session", estate::text::clean(&text));
    let id = id.ok_or_else(missing)?;
    served.write(&asker, move |local, _| local.end_session(id).map(drop)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends the sessions of a user, but for the one that asks.
pub(super) async fn end_all(
    State(served): State<AppState>,
    asker: CurrentUser,
    request: Parts,
) -> Result<Json<Value>, Problem> {
    let params = Params::read(&request, &["user"])?;
    let ended = move |local: &Local, _: &CancelToken| local.end_sessions(owner(local, &params)?);
    Ok(Json(json!({ "ended": served.write(&asker, ended).await? })))
}
