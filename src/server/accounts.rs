//! Accounts: the tree as whoever asks sees it.

use axum::Json;
use axum::extract::State;
use axum::http::request::Parts;
use axum::response::Response;
use estate::{Account, AccountId, Accounts, Cancel, Error, Estate, Local};
use serde_json::{Value, json};

use super::asker::Asker;
use super::params::{self, Named, Params};
use super::problem::Problem;
use super::{Served, sims, tagged};

/// Reads an account's identifier.
pub(super) fn id(text: &str) -> Option<AccountId> {
    text.strip_prefix("acc_").and_then(|id| id.parse().ok()).map(AccountId)
}

/// The account of that identifier, or the same answer as for one there is not.
pub(super) fn need<'a>(accounts: &'a Accounts, text: &str) -> estate::Result<&'a Account> {
    let found = id(text).and_then(|id| accounts.get(id));
    found.ok_or_else(|| Error::not_found("account", estate::text::clean(text)))
}

/// An account as an object.
pub(super) fn object(accounts: &Accounts, account: &Account) -> Value {
    json!({
        "id": format!("acc_{}", account.id.0),
        "parent_id": account.parent.map(|id| format!("acc_{}", id.0)),
        "name": account.name,
        "path": accounts.path(account.id),
        "reference": sims::some(&account.reference),
        "sims": account.own,
        "sims_below": account.subtree - account.own,
        "users": account.users,
        "has_admin": account.has_admin,
        "caps_and_alerts": account.levels,
        "cap_ceiling_bytes": account.ceiling.map(|ceiling| ceiling.bytes),
    })
}

/// The accounts in tree order, parents before children.
pub(super) async fn list(
    State(served): State<Served>,
    asker: Asker,
    request: Parts,
) -> Result<Json<Value>, Problem> {
    let params = Params::read(&request, &["limit", "cursor"])?;
    let (limit, after) = (params.limit()?, params.cursor::<i64>()?);
    let listed = move |local: &Local, cancel: &Cancel| {
        let accounts = local.accounts(cancel)?;
        let from = match after {
            // Where the last one has gone meanwhile, there is no going on.
            Some(last) => accounts.place(AccountId(last)).map(|at| at + 1).ok_or_else(|| {
                Error::invalid("cursor", "where it stood is not there any more; begin without one")
            })?,
            None => 0,
        };
        let all = &accounts.all()[from..];
        let shown = &all[..limit.min(all.len())];
        let next = shown.last().filter(|_| all.len() > limit).map(|last| params.next(&last.id.0));
        let items: Vec<Value> = shown.iter().map(|account| object(&accounts, account)).collect();
        Ok(json!({ "items": items, "next_cursor": next }))
    };
    served.work(&asker, listed).await.map(Json)
}

/// One account.
pub(super) async fn one(
    State(served): State<Served>,
    asker: Asker,
    id: Named,
    request: Parts,
) -> Result<Response, Problem> {
    params::none(&request)?;
    let id = id.0?;
    let found = move |local: &Local, cancel: &Cancel| {
        let accounts = local.accounts(cancel)?;
        Ok(object(&accounts, need(&accounts, &id)?))
    };
    Ok(tagged(&request, &served.work(&asker, found).await?))
}
