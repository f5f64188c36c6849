//! SIMs: listed by the one filter language, or one by its number.

use axum::Json;
use axum::extract::State;
use axum::http::request::Parts;
use axum::response::Response;
use estate::export;
use estate::{
    Accounts, Cancel, Error, Estate, Filter, Key, Local, Order, Query, Seek, Sim, SimId, Time, WINDOW,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::asker::Asker;
use super::params::{self, Named, Params};
use super::problem::Problem;
use super::{Served, accounts, tagged};

/// Where a list goes on: after which row, and from when ages in the filter are measured.
#[derive(Serialize, Deserialize)]
struct Place {
    now: Time,
    after: Key,
}

/// A text, or null where there is none.
pub(super) fn some(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

/// Which number a change had is the store's own affair.
const HIDDEN: &str = "version";

/// The fields of an answer: those that were asked for, or all.
fn fields(wanted: Option<&str>) -> estate::Result<Vec<&'static str>> {
    let wanted: Vec<String> =
        wanted.map(|text| text.split(',').map(str::to_owned).collect()).unwrap_or_default();
    if wanted.iter().any(|name| name.trim() == HIDDEN) {
        return Err(Error::invalid("fields", format!("no field is called {HIDDEN}")));
    }
    Ok(export::columns(&wanted)?.into_iter().filter(|name| *name != HIDDEN).collect())
}

/// A SIM as an object.
fn object(sim: &Sim, accounts: &Accounts, fields: &[&'static str]) -> Value {
    let mut object = export::object(sim, accounts, fields);
    for (name, id) in [("id", format!("sim_{}", sim.id.0)), ("account_id", format!("acc_{}", sim.account.0))]
    {
        if let Some(value) = object.get_mut(name) {
            *value = json!(id);
        }
    }
    object
}

/// What is asked for, begun at `now`.
fn query(params: &Params, accounts: &Accounts, now: Time) -> estate::Result<Query> {
    let top = accounts.top().ok_or_else(|| Error::not_found("account", ""))?;
    let under = params.get("account").map_or(Ok(top), |id| accounts::need(accounts, id))?.id;
    let mut query = Query::all(under, now);
    query.filter = Filter::parse(params.get("filter").unwrap_or_default())?;
    if let Some(sort) = params.get("sort") {
        query.sort = Order::parse(sort)?;
    }
    Ok(query)
}

/// Rows in order, a window at a time.
fn rows(
    local: &Local,
    query: &Query,
    mut after: Option<Key>,
    limit: usize,
    cancel: &Cancel,
) -> estate::Result<(Vec<Sim>, Option<Key>)> {
    let mut sims = Vec::new();
    loop {
        let seek = after.take().map_or(Seek::First, Seek::After);
        let wanted = (limit - sims.len()).min(usize::from(WINDOW)) as u16;
        let page = local.page_out(query, &seek, wanted, cancel)?;
        let last = page.rows.last().map(|row| row.key.clone());
        sims.extend(page.rows.into_iter().map(|row| row.sim));
        if !page.after || last.is_none() {
            return Ok((sims, None));
        }
        if sims.len() >= limit {
            return Ok((sims, last));
        }
        after = last;
    }
}

/// SIMs that fit a filter.
pub(super) async fn list(
    State(served): State<Served>,
    asker: Asker,
    request: Parts,
) -> Result<Json<Value>, Problem> {
    let known = ["filter", "sort", "account", "below", "limit", "cursor", "count", "fields"];
    let params = Params::read(&request, &known)?;
    let (limit, below, place) = (params.limit()?, params.flag("below", true)?, params.cursor::<Place>()?);
    if params.get("count").is_some_and(|count| count != "exact") {
        return Err(Problem::parameter("count", "must be exact"));
    }
    let listed = move |local: &Local, cancel: &Cancel| {
        let accounts = local.accounts(cancel)?;
        let now = place.as_ref().map_or_else(Time::now, |place| place.now);
        let query = Query { deep: below, ..query(&params, &accounts, now)? };
        let fields = fields(params.get("fields"))?;
        let after = place.map(|place| place.after);
        if after.as_ref().is_some_and(|key| key.values.len() != query.sort.keys().len()) {
            return Err(Error::invalid("cursor", "is none of ours; begin without one"));
        }
        let (sims, last) = rows(local, &query, after, limit, cancel)?;
        let items: Vec<Value> = sims.iter().map(|sim| object(sim, &accounts, &fields)).collect();
        let next = last.map(|after| params.next(&Place { now, after }));
        let mut body = json!({ "items": items, "next_cursor": next });
        if params.get("count").is_some() {
            body["count"] = json!(local.count(&query, cancel)?);
        }
        Ok(body)
    };
    served.work(&asker, listed).await.map(Json)
}

/// One SIM, by its identifier or its ICCID.
pub(super) async fn one(
    State(served): State<Served>,
    asker: Asker,
    id: Named,
    request: Parts,
) -> Result<Response, Problem> {
    params::none(&request)?;
    let id = id.0?;
    let found = move |local: &Local, cancel: &Cancel| {
        let id = estate::text::clean(&id);
        let sim = match id.strip_prefix("sim_") {
            Some(number) => {
                let number = number.parse().map_err(|_| Error::not_found("SIM", id.as_ref()))?;
                local.sim(SimId(number), cancel)?
            }
            None => local.sim_by_iccid(&id, cancel)?,
        };
        Ok(object(&sim, &*local.accounts(cancel)?, &fields(None)?))
    };
    Ok(tagged(&request, &served.work(&asker, found).await?))
}
