//! SIMs: listed by the one filter language, or one by its number.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use estate::export::{self, SimField};
use estate::{
    Accounts, Alert, CancelToken, Change, Edit, Error, Estate, Filter, Key, Levels, ListEdit, Local,
    Order, Query, Seek, Sim, SimId, Target, Time, WINDOW,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::asker::CurrentUser;
use super::body::Sent;
use super::edits::{Make, Patch};
use super::params::{self, Named, Params};
use super::problem::Problem;
use super::shapes::SimQuery;
use super::{AppState, accounts};

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
fn fields(wanted: Option<&str>) -> estate::Result<Vec<&'static SimField>> {
    let wanted = wanted.filter(|text| !text.trim().is_empty());
    let wanted: Vec<String> =
        wanted.map(|text| text.split(',').map(str::to_owned).collect()).unwrap_or_default();
    if wanted.iter().any(|name| name.trim() == HIDDEN) {
        return Err(Error::invalid("fields", format!("no field is called {HIDDEN}")));
    }
    Ok(export::columns(&wanted)?.into_iter().filter(|field| field.name != HIDDEN).collect())
}

/// A SIM as an object.
fn object(sim: &Sim, accounts: &Accounts, fields: &[&'static SimField]) -> Value {
    let mut object = export::object(sim, accounts, fields);
    for (name, id) in
        [("id", format!("sim_{}", sim.id.0)), ("account_id", format!("acc_{}", sim.account.0))]
    {
        if let Some(value) = object.get_mut(name) {
            *value = json!(id);
        }
    }
    // Whole per cent, as the description has it and filters compare it.
    if let Some(value) = object.get_mut("used_pct") {
        *value = json!(sim.percent());
    }
    object
}

/// What is asked for, begun at `now`.
fn parse_query(params: &Params, accounts: &Accounts, now: Time) -> estate::Result<Query> {
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
    cancel: &CancelToken,
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

/// The SIM of an identifier, or of an ICCID.
pub(super) fn find(local: &Local, id: &str, cancel: &CancelToken) -> estate::Result<Sim> {
    let id = estate::text::clean(id);
    match id.strip_prefix("sim_") {
        Some(number) => {
            let unknown = || Error::not_found("SIM", id.as_ref());
            let number = number.parse().map_err(|_| unknown())?;
            local.sim(SimId(number), cancel).map_err(|error| match error {
                Error::NotFound { .. } => unknown(),
                other => other,
            })
        }
        // What cannot be one is not there either.
        None => local.sim_by_iccid(&id, cancel).map_err(|error| match error {
            Error::Invalid { .. } => Error::not_found("SIM", id.as_ref()),
            other => other,
        }),
    }
}

/// Fields that are edited, and fields that are levels: two changes.
const EDITED: [&str; 6] = ["label", "notes", "tags", "categories", "recipients", "authentication"];
const LEVELS: [&str; 3] = ["cap_bytes", "alert_bytes", "hard_cap"];

/// Makes a change of the SIM it is about.
type Made = Box<dyn FnOnce(Target) -> Change + Send>;

/// What a patch changes about a SIM.
fn parse_patch(mut patch: Patch) -> Result<Option<Made>, Problem> {
    if patch.has(&EDITED) && patch.has(&LEVELS) {
        let why = "caps and alerts are a change of their own: send them apart";
        return Err(Problem::body(StatusCode::UNPROCESSABLE_ENTITY, "", why));
    }
    let listed = |names: Option<Vec<String>>| names.map_or_else(ListEdit::default, ListEdit::exactly);
    let edit = Edit {
        label: patch.text("label")?,
        notes: patch.text("notes")?,
        tags: listed(patch.texts("tags")?),
        categories: listed(patch.texts("categories")?),
        recipients: listed(patch.texts("recipients")?),
        authentication: patch.flag("authentication")?,
        ..Edit::default()
    };
    let levels = Levels {
        cap: patch.bytes("cap_bytes")?,
        alert: patch.bytes("alert_bytes")?.map_or(Alert::Follow, Alert::Bytes),
        hard: patch.flag("hard_cap")?,
        until_period_end: false,
    };
    patch.finish(EDITED.len())?;
    Ok(if edit != Edit::default() {
        Some(Box::new(move |target| Change::Edit { target, edit: Box::new(edit) }))
    } else if levels != Levels::default() {
        Some(Box::new(move |target| Change::SetLevels { target, levels }))
    } else {
        None
    })
}

fn look(local: &Local, id: &str, cancel: &CancelToken) -> estate::Result<Value> {
    Ok(object(&find(local, id, cancel)?, &*local.accounts(cancel)?, &fields(None)?))
}

/// Changes one SIM.
pub(super) async fn change(
    State(served): State<AppState>,
    asker: CurrentUser,
    id: Named,
    request: Request,
) -> Result<Response, Problem> {
    let make = |local: &Local, id: &str, wanted: Option<Made>, apply: &Make<'_>| {
        let Some(wanted) = wanted else { return Ok(()) };
        let sim = find(local, id, &CancelToken::new())?.id;
        let receipt = apply(&wanted(Target::ids([sim])))?;
        if receipt.counts.missed_count() == 0 {
            return Ok(());
        }
        let items = local.change_items(receipt.rev, None, None, 1, &CancelToken::new())?;
        let why = items.first().map_or("it cannot be changed", |item| item.reason.text());
        Err(Error::Conflict(why.to_owned()))
    };
    served.apply_conditionally(&asker, id, request, parse_patch, look, make).await
}

/// The same list for a filter that is too long for an address.
pub(super) async fn query(
    State(served): State<AppState>,
    asker: CurrentUser,
    request: Parts,
    Sent(wanted): Sent<SimQuery>,
) -> Result<Json<Value>, Problem> {
    params::none(&request)?;
    served.list_page(&asker, Params::of(wanted.pairs(), &KNOWN)?).await
}

/// What a list is asked for by.
const KNOWN: [&str; 8] = ["filter", "sort", "account", "below", "limit", "cursor", "count", "fields"];

/// SIMs that fit a filter.
pub(super) async fn list(
    State(served): State<AppState>,
    asker: CurrentUser,
    request: Parts,
) -> Result<Response, Problem> {
    Ok(params::page(&request, served.list_page(&asker, Params::read(&request, &KNOWN)?).await?.0))
}

impl AppState {
    async fn list_page(&self, asker: &CurrentUser, params: Params) -> Result<Json<Value>, Problem> {
        let (limit, below, place) =
            (params.limit()?, params.flag("below", true)?, params.cursor::<Place>()?);
        if params.get("count").is_some_and(|count| count != "exact") {
            return Err(Problem::parameter("count", "must be exact"));
        }
        let listed = move |local: &Local, cancel: &CancelToken| {
            let accounts = local.accounts(cancel)?;
            let now = place.as_ref().map_or_else(Time::now, |place| place.now);
            let query = Query { deep: below, ..parse_query(&params, &accounts, now)? };
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
        self.work(asker, listed).await.map(Json)
    }
}

/// One SIM, by its identifier or its ICCID.
pub(super) async fn one(
    State(served): State<AppState>,
    asker: CurrentUser,
    id: Named,
    request: Parts,
) -> Result<Response, Problem> {
    served.one(&asker, id, &request, look).await
}
