//! What has happened: changes and their SIMs, alerts, usage.

use axum::extract::State;
use axum::http::request::Parts;
use axum::response::Response;
use estate::{
    CancelToken, ChangeId, Error, Estate, EventFilter, EventKey, Level, Local, LogFilter, Outcome, Rev,
    SimId, Time,
};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::asker::CurrentUser;
use super::params::{self, Named, Params};
use super::problem::Problem;
use super::shapes::{Alert, Change, Item};
use super::{AppState, accounts, json_of, sims};

fn non_empty(text: &str) -> Option<String> {
    sims::some(text).map(str::to_owned)
}

fn change(entry: &estate::Entry) -> Change {
    Change {
        change_id: entry.id.0.clone(),
        at: entry.at.to_string(),
        by: entry.by.clone(),
        via: non_empty(&entry.via),
        kind: entry.kind.clone(),
        summary: entry.summary.clone(),
        counts: entry.counts.into(),
        undone: entry.undone,
        undoable: entry.undoable,
    }
}

fn time(params: &Params, name: &'static str) -> estate::Result<Option<Time>> {
    let read = |text| {
        let why = "must be a time like 2026-10-01T12:00Z, or an age like 7d";
        Time::parse_or_ago(text, Time::now()).map_err(|_| Error::invalid(name, why))
    };
    params.get(name).map(read).transpose()
}

fn sim(local: &Local, params: &Params, cancel: &CancelToken) -> estate::Result<Option<SimId>> {
    params.get("sim").map(|text| sims::find(local, text, cancel).map(|sim| sim.id)).transpose()
}

/// The changes, newest first; after one, oldest first.
pub(super) async fn changes(
    State(served): State<AppState>,
    asker: CurrentUser,
    request: Parts,
) -> Result<Response, Problem> {
    let known = ["account", "sim", "kind", "by", "since", "until", "after", "limit", "cursor"];
    let params = Params::read(&request, &known)?;
    let (limit, cursor) = (params.limit()?, params.cursor::<String>()?);
    let listed = move |local: &Local, cancel: &CancelToken| {
        let after =
            params.get("after").map(|id| entry(local, id, cancel)).transpose()?.map(|entry| entry.rev);
        let ahead = after.is_some();
        // A cursor names a change: its revision would tell how much others do.
        let on =
            cursor.map(|id| entry(local, &id, cancel).map_err(|_| params::cursor_gone())).transpose()?;
        let on = on.map(|entry| entry.rev);
        let wanted = LogFilter {
            account: accounts::parse_account(local, &params, cancel)?,
            sim: sim(local, &params, cancel)?,
            kind: params.get("kind").map(str::to_owned),
            by: params.get("by").map(str::to_owned),
            since: time(&params, "since")?,
            until: time(&params, "until")?,
            after: if ahead { on.or(after) } else { None },
            before: if ahead { None } else { on },
            limit: limit as u32 + 1,
            id: None,
        };
        let entries = local.entries(&wanted, cancel)?;
        let shown = &entries[..limit.min(entries.len())];
        let next = shown.last().filter(|_| entries.len() > limit).map(|last| params.next(&last.id.0));
        let items: Vec<Change> = shown.iter().map(change).collect();
        Ok(json!({ "items": items, "next_cursor": next }))
    };
    Ok(params::page(&request, served.work(&asker, listed).await?))
}

/// The change of that identifier, or the same answer as for one there is not.
pub(super) fn entry(local: &Local, id: &str, cancel: &CancelToken) -> estate::Result<estate::Entry> {
    let id = estate::text::clean(id).into_owned();
    let wanted = LogFilter { id: Some(ChangeId(id.clone())), limit: 1, ..LogFilter::default() };
    local.entries(&wanted, cancel)?.pop().ok_or_else(|| Error::not_found("change", id))
}

/// One change.
pub(super) async fn one(
    State(served): State<AppState>,
    asker: CurrentUser,
    id: Named,
    request: Parts,
) -> Result<Response, Problem> {
    served
        .one(&asker, id, &request, |local, id, cancel| json_of(change(&entry(local, id, cancel)?)))
        .await
}

fn outcome(params: &Params) -> Result<Option<Outcome>, Problem> {
    let Some(text) = params.get("outcome") else { return Ok(None) };
    let words = Outcome::ALL.map(Outcome::word).join(", ");
    let found = Outcome::ALL.into_iter().find(|outcome| outcome.word() == text);
    found.map(Some).ok_or_else(|| Problem::parameter("outcome", format!("must be one of {words}")))
}

fn item(item: &estate::Item) -> Item {
    Item {
        sim_id: format!("sim_{}", item.sim.0),
        iccid: item.iccid.clone(),
        outcome: item.outcome.word().to_owned(),
        reason: non_empty(item.reason.code()),
        from: non_empty(&item.from),
        to: non_empty(&item.to),
        before: non_empty(&item.before),
        after: non_empty(&item.after),
    }
}

/// The SIMs of a change.
pub(super) async fn items(
    State(served): State<AppState>,
    asker: CurrentUser,
    id: Named,
    request: Parts,
) -> Result<Response, Problem> {
    let id = id.0?;
    served.items_of(&asker, &request, move |local, cancel| Ok(entry(local, &id, cancel)?.rev)).await
}

impl AppState {
    /// The SIMs of a change, page by page, once it is known which.
    pub(super) async fn items_of(
        &self,
        asker: &CurrentUser,
        request: &Parts,
        which: impl FnOnce(&Local, &CancelToken) -> estate::Result<Rev> + Send + 'static,
    ) -> Result<Response, Problem> {
        let params = Params::read(request, &["outcome", "limit", "cursor"])?;
        let (limit, outcome, after) = (params.limit()?, outcome(&params)?, params.cursor::<SimId>()?);
        let listed = move |local: &Local, cancel: &CancelToken| {
            let rev = which(local, cancel)?;
            let items = local.change_items(rev, outcome, after, limit as u32 + 1, cancel)?;
            let shown = &items[..limit.min(items.len())];
            let next = shown.last().filter(|_| items.len() > limit).map(|last| params.next(&last.sim));
            Ok(json!({ "items": shown.iter().map(item).collect::<Vec<_>>(), "next_cursor": next }))
        };
        Ok(params::page(request, self.work(asker, listed).await?))
    }
}

/// Names an event without saying how many others there are.
fn alert_id(key: &EventKey) -> String {
    let hash = Sha256::digest(serde_json::to_string(key).unwrap_or_default());
    let hash: String = hash[..8].iter().map(|b| format!("{b:02x}")).collect();
    format!("alt_{hash}")
}

/// Levels that were reached, newest first.
pub(super) async fn alerts(
    State(served): State<AppState>,
    asker: CurrentUser,
    request: Parts,
) -> Result<Response, Problem> {
    let params = Params::read(&request, &["account", "sim", "kind", "since", "limit", "cursor"])?;
    let (limit, before) = (params.limit()?, params.cursor::<EventKey>()?);
    let kind = match params.get("kind") {
        None => None,
        Some("alert") => Some(Level::Alert),
        Some("cap") => Some(Level::Cap),
        Some(_) => return Err(Problem::parameter("kind", "must be alert or cap")),
    };
    let listed = move |local: &Local, cancel: &CancelToken| {
        let account = accounts::parse_account(local, &params, cancel)?;
        let since = time(&params, "since")?;
        let sim = sim(local, &params, cancel)?;
        let wanted = EventFilter { account, sim, kind, since, before, limit: limit as u32 + 1 };
        let alert = |event: &estate::Event| Alert {
            id: alert_id(&event.key()),
            sim_id: format!("sim_{}", event.sim.0),
            iccid: event.iccid.clone(),
            account_id: format!("acc_{}", event.account.0),
            account_path: event.account_path.clone(),
            period_from: event.period.to_string(),
            kind: event.kind.word().to_owned(),
            level_bytes: event.level,
            used_bytes: event.used,
            at: event.at.to_string(),
        };
        let events = local.events(&wanted, cancel)?;
        let shown = &events[..limit.min(events.len())];
        let next = shown.last().filter(|_| events.len() > limit).map(|last| params.next(&last.key()));
        Ok(json!({ "items": shown.iter().map(alert).collect::<Vec<_>>(), "next_cursor": next }))
    };
    Ok(params::page(&request, served.work(&asker, listed).await?))
}
