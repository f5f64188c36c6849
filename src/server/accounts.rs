//! Accounts: the tree as whoever asks sees it.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use estate::{Account, AccountId, Accounts, CancelToken, Change, Error, Estate, Local};
use serde_json::{Value, json};

use super::asker::CurrentUser;
use super::body::Sent;
use super::edits::{Make, Patch};
use super::params::{self, Named, Params};
use super::problem::Problem;
use super::{AppState, created_response, json_of, make, shapes, sims};

/// Reads an account's identifier.
pub(super) fn id(text: &str) -> Option<AccountId> {
    text.strip_prefix("acc_").and_then(|id| id.parse().ok()).map(AccountId)
}

/// The account of that identifier, or the same answer as for one there is not.
pub(super) fn need<'a>(accounts: &'a Accounts, text: &str) -> estate::Result<&'a Account> {
    let found = id(text).and_then(|id| accounts.get(id));
    found.ok_or_else(|| Error::not_found("account", estate::text::clean(text)))
}

/// The account that a list is asked for, if it is for one.
pub(super) fn parse_account(
    local: &Local,
    params: &Params,
    cancel: &CancelToken,
) -> estate::Result<Option<AccountId>> {
    let Some(id) = params.get("account") else { return Ok(None) };
    Ok(Some(need(&*local.accounts(cancel)?, id)?.id))
}

/// An account as an object.
pub(super) fn object(accounts: &Accounts, account: &Account) -> shapes::Account {
    shapes::Account {
        id: format!("acc_{}", account.id.0),
        parent_id: account.parent.map(|id| format!("acc_{}", id.0)),
        name: account.name.clone(),
        path: accounts.path(account.id),
        reference: sims::some(&account.reference).map(str::to_owned),
        sims: account.own,
        sims_below: account.subtree - account.own,
        users: account.users,
        has_admin: account.has_admin,
        caps_and_alerts: account.levels,
        cap_ceiling_bytes: account.ceiling.map(|ceiling| ceiling.bytes),
        billing_period: account.period.to_string(),
    }
}

/// The accounts in tree order, parents before children.
pub(super) async fn list(
    State(served): State<AppState>,
    asker: CurrentUser,
    request: Parts,
) -> Result<Response, Problem> {
    let params = Params::read(&request, &["parent", "name", "reference", "limit", "cursor"])?;
    let (limit, after) = (params.limit()?, params.cursor::<i64>()?);
    let listed = move |local: &Local, cancel: &CancelToken| {
        let accounts = local.accounts(cancel)?;
        let from = match after {
            Some(last) => {
                accounts.place(AccountId(last)).map(|at| at + 1).ok_or_else(params::cursor_gone)?
            }
            None => 0,
        };
        let parent =
            params.get("parent").map(|id| need(&accounts, id)).transpose()?.map(|above| above.id);
        let name = params.get("name").map(estate::text::case_fold);
        let fits = |account: &&Account| {
            parent.is_none_or(|parent| account.parent == Some(parent))
                && name.as_ref().is_none_or(|name| estate::text::case_fold(&account.name) == *name)
                && params.get("reference").is_none_or(|reference| account.reference == reference)
        };
        let all: Vec<&Account> = accounts.all()[from..].iter().filter(fits).take(limit + 1).collect();
        let shown = &all[..limit.min(all.len())];
        let next = shown.last().filter(|_| all.len() > limit).map(|last| params.next(&last.id.0));
        let items: Vec<shapes::Account> =
            shown.iter().map(|account| object(&accounts, account)).collect();
        Ok(json!({ "items": items, "next_cursor": next }))
    };
    Ok(params::page(&request, served.work(&asker, listed).await?))
}

fn look(local: &Local, id: &str, cancel: &CancelToken) -> estate::Result<Value> {
    let accounts = local.accounts(cancel)?;
    json_of(object(&accounts, need(&accounts, id)?))
}

/// One account.
pub(super) async fn one(
    State(served): State<AppState>,
    asker: CurrentUser,
    id: Named,
    request: Parts,
) -> Result<Response, Problem> {
    served.one(&asker, id, &request, look).await
}

/// Makes one.
pub(super) async fn add(
    State(served): State<AppState>,
    asker: CurrentUser,
    request: Parts,
    Sent(new): Sent<shapes::NewAccount>,
) -> Result<Response, Problem> {
    params::none(&request)?;
    let added = move |local: &Local, cancel: &CancelToken| {
        let parent = need(&*local.accounts(cancel)?, &new.parent_id)?.id;
        let receipt = make(local, &Change::AddAccount { parent, name: new.name }, cancel)?;
        let accounts = local.accounts(cancel)?;
        let made = receipt.account.and_then(|id| accounts.get(id));
        json_of(object(&accounts, made.ok_or_else(|| Error::not_found("account", ""))?))
    };
    Ok(created_response("/v1/accounts", &served.write(&asker, added).await?))
}

/// Makes a change of the account it is about, as the accounts are.
type Made = Box<dyn FnOnce(AccountId, &Accounts) -> estate::Result<Option<Change>> + Send>;

/// What a patch changes about an account: one thing at a time.
fn parse_patch(mut patch: Patch) -> Result<Made, Problem> {
    let name = patch.name("name")?;
    let reference = patch.text("reference")?;
    let parent = patch.name("parent_id")?;
    let ceiling = patch.bytes("cap_ceiling_bytes")?;
    let on = patch.flag("caps_and_alerts")?;
    let period = patch.text("billing_period")?;
    patch.finish(1)?;
    Ok(Box::new(move |account: AccountId, accounts: &Accounts| {
        Ok(if let Some(name) = name {
            Some(Change::RenameAccount { account, name })
        } else if let Some(reference) = reference {
            Some(Change::SetReference { account, reference })
        } else if let Some(parent) = parent {
            Some(Change::MoveAccount { account, under: need(accounts, &parent)?.id })
        } else if let Some(ceiling) = ceiling {
            let ceiling = Some(ceiling).filter(|bytes| *bytes > 0);
            Some(Change::SetCeiling { account, ceiling })
        } else if let Some(on) = on {
            Some(Change::SetEntitlement { account, on })
        } else if let Some(rule) = period {
            let rule = if rule.is_empty() { None } else { Some(rule.parse()?) };
            Some(Change::SetPeriod { account, rule })
        } else {
            None
        })
    }))
}

/// Changes one.
pub(super) async fn change(
    State(served): State<AppState>,
    asker: CurrentUser,
    id: Named,
    request: Request,
) -> Result<Response, Problem> {
    let make = |local: &Local, id: &str, wanted: Made, apply: &Make<'_>| {
        let accounts = local.accounts(&CancelToken::new())?;
        let change = wanted(need(&accounts, id)?.id, &accounts)?;
        change.map_or(Ok(()), |change| apply(&change).map(drop))
    };
    served.apply_conditionally(&asker, id, request, parse_patch, look, make).await
}

/// Removes an empty one.
pub(super) async fn remove(
    State(served): State<AppState>,
    asker: CurrentUser,
    id: Named,
    request: Parts,
) -> Result<StatusCode, Problem> {
    let change = |local: &Local, id: &str, cancel: &CancelToken| {
        Ok(Change::DeleteAccount { account: need(&*local.accounts(cancel)?, id)?.id })
    };
    served.remove_conditionally(&asker, id, request, look, change).await
}
