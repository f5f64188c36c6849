//! Changes of many SIMs: looked at first, then run in the background, once for each key.

use std::ops::ControlFlow;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use estate::{
    Alert, Cancel, Change, ChangeId, Clear, Edit, Error, Estate, Filter, Levels, List, Listed, Local,
    Outcome, Query, Receipt, Request, Stage, Target, Time, Verb,
};
use futures_util::StreamExt as _;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio_stream::wrappers::WatchStream;

use super::asker::Asker;
use super::params::{self, Named};
use super::problem::Problem;
use super::shapes::{
    Bulk, Cleared, OnConflict, Operation, Plan, Reason, SimEdits, SimLevels, SimMoves, SimStates,
    StateAction, Undo,
};
use super::{Served, accounts, json_of, turn};

/// What names an operation.
const PREFIX: &str = "op_";
/// The longest key.
const KEY: usize = 128;

/// Which SIMs a selector means, as seen now.
fn target(local: &Local, bulk: Bulk<'_>, cancel: &Cancel) -> estate::Result<Target> {
    let tree = local.accounts(cancel)?;
    let top = tree.top().ok_or_else(|| Error::not_found("account", ""))?.id;
    let selector = bulk.selector;
    let wrong = || {
        Error::invalid("selector", "give iccids, a filter that is not empty, or all: true; one of the three")
    };
    let target = match (&selector.iccids, &selector.filter, selector.all) {
        (Some(iccids), None, None) => {
            let found = local.lookup(&List::of(iccids.iter().cloned()), cancel)?;
            if let Some(unknown) = found.unknown.first() {
                return Err(Error::not_found("SIM", unknown.clone()));
            }
            Target::ids(found.found)
        }
        (None, None, Some(true)) => Target::query(Query::all(top, Time::now())),
        (None, Some(filter), None) => {
            let filter = Filter::parse(filter)?;
            if filter == Filter::All {
                return Err(wrong());
            }
            Target::query(Query { filter, ..Query::all(top, Time::now()) })
        }
        _ => return Err(wrong()),
    };
    if let Some(id) = bulk.if_account_id {
        let account = accounts::need(&tree, id)?.id;
        let there = Query { deep: false, ..Query::all(account, Time::now()) };
        let (all, inside) = local.count_target(&target, &there, cancel)?;
        if all != inside {
            let why = format!("{} of the {all} SIMs are not in {}", all - inside, tree.path(account));
            return Err(Error::Conflict(why));
        }
    }
    Ok(target)
}

/// A change, fixed to what was looked at; what is not as whoever asks expects it is refused here.
fn planned(
    local: &Local,
    change: Change,
    expect: Option<u64>,
    conflict: OnConflict,
    cancel: &Cancel,
) -> estate::Result<(Change, estate::Plan)> {
    let plan = local.plan(&change, cancel)?;
    if let Some(expected) = expect.filter(|expected| *expected != plan.total) {
        return Err(Error::Drift { expected, found: plan.total });
    }
    if conflict == OnConflict::Fail && plan.counts.missed() > 0 {
        return Err(Error::Conflict(format!(
            "{} of {} SIMs cannot be changed",
            plan.counts.missed(),
            plan.total
        )));
    }
    Ok((change.confirmed(&plan), plan))
}

fn shown(plan: &estate::Plan) -> Plan {
    Plan {
        total: plan.total,
        counts: plan.counts.into(),
        reasons: plan
            .reasons
            .iter()
            .map(|(why, sims)| Reason { code: why.code().into(), sims: *sims })
            .collect(),
        warnings: plan.warnings.iter().map(|(warning, sims)| warning.text(*sims)).collect(),
        sample: plan.sample.iter().map(|sim| sim.iccid.clone()).collect(),
    }
}

/// The key of a request (draft-ietf-httpapi-idempotency-key-header): a structured-field string, or the bare form.
fn key(headers: &HeaderMap) -> Result<String, Problem> {
    let bad = |code, why| Problem::header(StatusCode::BAD_REQUEST, code, "idempotency-key", why);
    let Some(given) = headers.get("idempotency-key") else {
        return Err(bad("key-missing", "make one up, a UUID say: sent again with it, it is done once"));
    };
    let text = given.to_str().unwrap_or_default().trim();
    let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let plain = (1..=KEY).contains(&bare.len())
        && bare.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\');
    if plain { Ok(bare.to_owned()) } else { Err(bad("invalid", "must be 1 to 128 visible characters")) }
}

/// Makes a change of what was sent, as things are seen now.
type Make = Box<dyn FnOnce(&Local, &Cancel) -> estate::Result<Change> + Send>;

/// What is asked for: a change as it is made of the body, and how it is to be done.
struct Wanted {
    route: &'static str,
    dry_run: bool,
    expect: Option<u64>,
    conflict: OnConflict,
    /// What was sent, to know it again.
    body: Vec<u8>,
    make: Make,
}

impl Wanted {
    fn of<T: Send + 'static>(
        route: &'static str,
        sent: T,
        bulk: fn(&T) -> Bulk<'_>,
        bytes: Vec<u8>,
        change: fn(&T, Target, &Local, &Cancel) -> estate::Result<Change>,
    ) -> Self {
        let Bulk { dry_run, expect_count, on_conflict, .. } = bulk(&sent);
        let make = Box::new(move |local: &Local, cancel: &Cancel| {
            let target = target(local, bulk(&sent), cancel)?;
            change(&sent, target, local, cancel)
        });
        Self { route, dry_run, expect: expect_count, conflict: on_conflict, body: bytes, make }
    }
}

/// A body, and what it is known again by.
pub(super) struct Known<T>(T, Vec<u8>);

impl<T: serde::de::DeserializeOwned> axum::extract::FromRequest<Served> for Known<T> {
    type Rejection = Problem;

    async fn from_request(request: axum::extract::Request, served: &Served) -> Result<Self, Problem> {
        super::body::must_be(request.headers(), "application/json")?;
        let bytes = super::body::whole(request, served).await?;
        Ok(Self(super::body::read(&bytes)?, Sha256::digest(&bytes).to_vec()))
    }
}

pub(super) async fn moves(
    State(served): State<Served>,
    asker: Asker,
    request: Parts,
    Known(sent, bytes): Known<SimMoves>,
) -> Result<Response, Problem> {
    let change = |sent: &SimMoves, target: Target, local: &Local, cancel: &Cancel| {
        let to = accounts::need(&*local.accounts(cancel)?, &sent.target_account_id)?.id;
        let has = |what| sent.clear.contains(&what);
        let (notes, recipients, tags) = (has(Cleared::Notes), has(Cleared::Recipients), has(Cleared::Tags));
        Ok(Change::Move { target, to, clear: Clear { notes, recipients, tags } })
    };
    served.operate(asker, &request, Wanted::of("sim-moves", sent, SimMoves::bulk, bytes, change)).await
}

pub(super) async fn levels(
    State(served): State<Served>,
    asker: Asker,
    request: Parts,
    Known(sent, bytes): Known<SimLevels>,
) -> Result<Response, Problem> {
    let change = |sent: &SimLevels, target: Target, _: &Local, _: &Cancel| {
        let levels = Levels {
            cap: sent.cap_bytes,
            alert: sent.alert_bytes.map_or(Alert::Follow, Alert::Bytes),
            hard: sent.hard_cap,
            until_period_end: sent.until_period_end,
        };
        Ok(Change::SetLevels { target, levels })
    };
    served.operate(asker, &request, Wanted::of("sim-levels", sent, SimLevels::bulk, bytes, change)).await
}

pub(super) async fn states(
    State(served): State<Served>,
    asker: Asker,
    request: Parts,
    Known(sent, bytes): Known<SimStates>,
) -> Result<Response, Problem> {
    let change = |sent: &SimStates, target: Target, _: &Local, _: &Cancel| {
        let verb = match sent.action {
            StateAction::Activate => Verb::Activate,
            StateAction::Suspend => Verb::Suspend,
            StateAction::Resume => Verb::Resume,
            StateAction::Terminate => Verb::Terminate,
        };
        Ok(Change::Edit { target, edit: Box::new(Edit::state(verb, &sent.reason)) })
    };
    served.operate(asker, &request, Wanted::of("sim-states", sent, SimStates::bulk, bytes, change)).await
}

pub(super) async fn edits(
    State(served): State<Served>,
    asker: Asker,
    request: Parts,
    Known(sent, bytes): Known<SimEdits>,
) -> Result<Response, Problem> {
    let change = |sent: &SimEdits, target: Target, _: &Local, _: &Cancel| {
        let tags = Listed { clear: false, add: sent.add_tags.clone(), remove: sent.remove_tags.clone() };
        let (label, notes) = (sent.label.clone(), sent.notes.clone());
        let edit = Edit { label, notes, tags, authentication: sent.authentication, ..Edit::default() };
        Ok(Change::Edit { target, edit: Box::new(edit) })
    };
    served.operate(asker, &request, Wanted::of("sim-edits", sent, SimEdits::bulk, bytes, change)).await
}

pub(super) async fn undo(
    State(served): State<Served>,
    asker: Asker,
    request: Parts,
    Known(sent, bytes): Known<Undo>,
) -> Result<Response, Problem> {
    let change = ChangeId(estate::text::clean(&sent.change_id).into_owned());
    let wanted = Wanted {
        route: "undos",
        dry_run: sent.dry_run,
        expect: None,
        conflict: OnConflict::Skip,
        body: bytes,
        make: Box::new(move |_, _| Ok(Change::Undo { change })),
    };
    served.operate(asker, &request, wanted).await
}

impl Served {
    /// Looks what a change would do, or has it made in the background, once for each key.
    async fn operate(&self, asker: Asker, request: &Parts, wanted: Wanted) -> Result<Response, Problem> {
        params::none(request)?;
        let Wanted { route, dry_run, expect, conflict, body, make } = wanted;
        if dry_run {
            let plan = move |local: &Local, cancel: &Cancel| {
                let change = make(local, cancel)?;
                json_of(shown(&planned(local, change, expect, conflict, cancel)?.1))
            };
            return Ok(Json(self.work(&asker, plan).await?).into_response());
        }
        let key = key(&request.headers)?;
        let begin = move |local: &Local, cancel: &Cancel| {
            if let Some(known) = local.asked(route, &key, &body)? {
                return Ok((known, false));
            }
            let change = make(local, cancel)?;
            let (change, _) = planned(local, change, expect, conflict, cancel)?;
            let id = ChangeId::new();
            match local.ask_for(route, &key, &body, &id, &change)? {
                Some(known) => Ok((known, false)),
                None => local.request(&id, cancel).map(|request| (request, true)),
            }
        };
        let (asked, new) = self.work(&asker, begin).await?;
        let user = asker.estate.me().id;
        // What was being done when the program ended is gone on with: by its number it is made once.
        let left = asked.stage == Stage::Running
            && !asker.estate.read_only()
            && self.running.done(user, &asked.id).is_none();
        if new || left {
            self.begin(&asker, &asked);
        }
        let told = self.told(&asker, asked.id.clone()).await?;
        let mut response = (StatusCode::ACCEPTED, Json(told)).into_response();
        let at = format!("/v1/operations/{PREFIX}{}", asked.id);
        if let Ok(at) = HeaderValue::from_str(&at) {
            response.headers_mut().insert(header::LOCATION, at);
        }
        Ok(response)
    }

    /// Makes the change, whoever still listens.
    fn begin(&self, asker: &Asker, asked: &Request) {
        let running = self.running.begin(asker.estate.me().id, &asked.id);
        let (local, stopping) = (Arc::clone(&asker.estate), self.stopping.clone());
        let (id, change) = (asked.id.clone(), asked.change.clone());
        let changes = Arc::clone(&self.changes);
        let work = move || {
            let watch = |progress: estate::Progress| {
                running.done.send_replace(progress.done);
                if running.cancel.is_cancelled() || stopping.is_cancelled() {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            };
            let (stage, answer) = match local.apply(&id, &change, &watch) {
                Ok(_) => (Stage::Done, String::new()),
                // Who may not any more, or only looks, is not who asked: it waits for who is.
                Err(Error::ReadOnly | Error::SignedOut) => return,
                Err(Error::Cancelled) if stopping.is_cancelled() => return,
                Err(Error::Cancelled) => (Stage::Cancelled, String::new()),
                Err(error) => (Stage::Failed, Problem::from(error).object("", "").to_string()),
            };
            if let Err(error) = local.ended(&id, stage, &answer) {
                tracing::error!(%error, "what became of an operation could not be written down");
            }
        };
        tokio::spawn(async move {
            // Waiting takes no thread.
            let turn = turn(&changes).await;
            let _ = tokio::task::spawn_blocking(move || (turn, work()).1).await;
        });
    }

    /// An operation as it stands.
    async fn told(&self, asker: &Asker, id: ChangeId) -> Result<Value, Problem> {
        let running = self.running.done(asker.estate.me().id, &id);
        let told = move |local: &Local, cancel: &Cancel| {
            let request = local.request(&id, cancel)?;
            let receipt = local.receipt(&id, cancel)?;
            json_of(object(&request, receipt.as_ref(), running))
        };
        self.work(asker, told).await
    }
}

fn object(request: &Request, receipt: Option<&Receipt>, running: Option<u64>) -> Operation {
    let status = match (receipt, request.stage) {
        (Some(receipt), _) if receipt.counts.missed() > 0 => "partially_failed",
        (Some(_), _) | (None, Stage::Done) => "succeeded",
        (None, Stage::Running) if running.is_some() => "running",
        // The program ended on the way: nothing was changed, and asking again by the same key does it.
        (None, Stage::Running) => "queued",
        (None, Stage::Failed) => "failed",
        (None, Stage::Cancelled) => "cancelled",
    };
    let id = format!("{PREFIX}{}", request.id);
    Operation {
        change_id: request.id.0.clone(),
        status: status.to_owned(),
        created_at: request.at.to_string(),
        done: running.filter(|_| receipt.is_none()),
        counts: receipt.map(|receipt| receipt.counts.into()),
        problem: serde_json::from_str(&request.answer).ok(),
        results_url: format!("/v1/operations/{id}/results"),
        undo_url: receipt.filter(|receipt| receipt.undoable).map(|_| "/v1/operations/undos".to_owned()),
        id,
    }
}

fn named(id: Named) -> Result<ChangeId, Problem> {
    let name = id.0?;
    let id = name.strip_prefix(PREFIX).map(|id| ChangeId(estate::text::clean(id).into_owned()));
    id.ok_or_else(|| Error::not_found("operation", estate::text::clean(&name)).into())
}

/// An operation as it stands.
pub(super) async fn one(
    State(served): State<Served>,
    asker: Asker,
    id: Named,
    request: Parts,
) -> Result<Json<Value>, Problem> {
    params::none(&request)?;
    served.told(&asker, named(id)?).await.map(Json)
}

/// The SIMs of an operation.
pub(super) async fn results(
    State(served): State<Served>,
    asker: Asker,
    id: Named,
    request: Parts,
) -> Result<Response, Problem> {
    let id = named(id)?;
    let which = move |local: &Local, cancel: &Cancel| {
        local.request(&id, cancel)?;
        // Nothing has become of any SIM before the whole is done.
        Ok(local.receipt(&id, cancel)?.map_or(0, |receipt| receipt.rev))
    };
    served.items_of(&asker, &request, which).await
}

/// Stops an operation: it is taken back whole, unless it has just come to its end.
pub(super) async fn stop(
    State(served): State<Served>,
    asker: Asker,
    id: Named,
    request: Parts,
) -> Result<(StatusCode, Json<Value>), Problem> {
    params::none(&request)?;
    let id = named(id)?;
    if asker.estate.read_only() {
        return Err(Error::ReadOnly.into());
    }
    let before = served.told(&asker, id.clone()).await?;
    if !served.running.stop(asker.estate.me().id, &id) {
        let status = before["status"].as_str().unwrap_or_default();
        return Err(Error::Conflict(format!("it does not run: {status}")).into());
    }
    Ok((StatusCode::ACCEPTED, Json(served.told(&asker, id).await?)))
}

/// How far an operation is, as it goes, until its end.
pub(super) async fn events(
    State(served): State<Served>,
    asker: Asker,
    id: Named,
    request: Parts,
) -> Result<Response, Problem> {
    params::none(&request)?;
    let id = named(id)?;
    served.told(&asker, id.clone()).await?;
    let progress = served.running.watch(asker.estate.me().id, &id);
    let steps = progress.map(WatchStream::new).into_iter().map(futures_util::StreamExt::boxed);
    let steps = futures_util::stream::iter(steps).flatten().map(|done| {
        Ok::<_, std::convert::Infallible>(
            Event::default().event("progress").data(format!("{{\"done\":{done}}}")),
        )
    });
    let end = futures_util::stream::once(async move {
        let data = served.told(&asker, id).await.map_or_else(|_| "{}".to_owned(), |told| told.to_string());
        Ok(Event::default().event("end").data(data))
    });
    Ok(Sse::new(steps.chain(end)).keep_alive(KeepAlive::default()).into_response())
}

/// Words of outcomes, for the description.
pub(super) fn outcomes() -> Vec<&'static str> {
    Outcome::ALL.map(Outcome::word).to_vec()
}
