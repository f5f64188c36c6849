//! Usage over time: of a SIM, and of an account with everything below it.

use axum::extract::State;
use axum::http::request::Parts;
use axum::response::Response;
use estate::{CancelToken, Estate, Local};
use serde_json::Value;

use super::asker::CurrentUser;
use super::params::Named;
use super::problem::Problem;
use super::shapes::{AccountShare, AccountUsage, Spent, Usage};
use super::{AppState, accounts, json_of, sims};

fn spent(spent: &estate::UsageBucket) -> Spent {
    let (from, until) = (spent.period.start.to_string(), spent.period.end.to_string());
    Spent { from, until, bytes: spent.bytes }
}

fn of_sim(local: &Local, id: &str, cancel: &CancelToken) -> estate::Result<Value> {
    let usage = local.usage(sims::find(local, id, cancel)?.id, cancel)?;
    json_of(Usage {
        period_from: usage.period.start.to_string(),
        period_until: usage.period.end.to_string(),
        reporting: usage.reporting.word().to_owned(),
        days: usage.days.iter().map(spent).collect(),
        periods: usage.periods.iter().map(spent).collect(),
    })
}

/// What a SIM has used.
pub(super) async fn sim(
    State(served): State<AppState>,
    asker: CurrentUser,
    id: Named,
    request: Parts,
) -> Result<Response, Problem> {
    served.one(&asker, id, &request, of_sim).await
}

fn of_account(local: &Local, id: &str, cancel: &CancelToken) -> estate::Result<Value> {
    let account = accounts::need(&*local.accounts(cancel)?, id)?.id;
    let usage = local.estate_usage(account, cancel)?;
    let share = |share: &estate::AccountUsage| AccountShare {
        account_id: share.account.map(|id| format!("acc_{}", id.0)),
        last_30_days_bytes: share.month,
        bytes: share.year,
    };
    json_of(AccountUsage {
        days: usage.days.iter().map(spent).collect(),
        months: usage.months().iter().map(spent).collect(),
        accounts: usage.accounts.iter().map(share).collect(),
    })
}

/// What an account has used.
pub(super) async fn account(
    State(served): State<AppState>,
    asker: CurrentUser,
    id: Named,
    request: Parts,
) -> Result<Response, Problem> {
    served.one(&asker, id, &request, of_account).await
}
