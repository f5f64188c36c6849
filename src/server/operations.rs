//! Changes of many SIMs: looked at first, then run in the background, once for each key.

use std::ops::ControlFlow;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use estate::{
    Alert, CancelToken, Change, ChangeId, Edit, Error, Estate, Levels, ListEdit, Local, MoveOptions,
    Outcome, Receipt, Request, Stage, Target, UserId, Verb,
};
use futures_util::StreamExt as _;
use serde_json::Value;
use tokio_stream::wrappers::WatchStream;

use super::asker::CurrentUser;
use super::bulk::{self, Known, OperationRequest};
use super::params::{self, Named};
use super::problem::Problem;
use super::shapes::{
    Cleared, Operation, Plan, Reason, SimEdits, SimLevels, SimMoves, SimStates, StateAction, Undo,
};
use super::streams::{Stream, Streams};
use super::{AppState, REQUEST_ID, accounts, json_of, streams, turns};

/// How many operations of a user may wait or run at a time.
const EACH: usize = 32;
/// What names an operation.
const PREFIX: &str = "op_";

fn plan_response(plan: &estate::Plan) -> Plan {
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

pub(super) async fn moves(
    State(served): State<AppState>,
    asker: CurrentUser,
    request: Parts,
    Known(sent, bytes): Known<SimMoves>,
) -> Result<Response, Problem> {
    let change = |sent: &SimMoves, target: Target, local: &Local, cancel: &CancelToken| {
        let to = accounts::need(&*local.accounts(cancel)?, &sent.target_account_id)?.id;
        let has = |what| sent.clear.contains(&what);
        let (notes, recipients, tags) =
            (has(Cleared::Notes), has(Cleared::Recipients), has(Cleared::Tags));
        Ok(Change::Move { target, to, clear: MoveOptions { notes, recipients, tags } })
    };
    served
        .operate(asker, &request, OperationRequest::of("sim-moves", sent, SimMoves::bulk, bytes, change))
        .await
}

pub(super) async fn levels(
    State(served): State<AppState>,
    asker: CurrentUser,
    request: Parts,
    Known(sent, bytes): Known<SimLevels>,
) -> Result<Response, Problem> {
    let change = |sent: &SimLevels, target: Target, _: &Local, _: &CancelToken| {
        let levels = Levels {
            cap: sent.cap_bytes,
            alert: sent.alert_bytes.map_or(Alert::Follow, Alert::Bytes),
            hard: sent.hard_cap,
            until_period_end: sent.until_period_end,
        };
        Ok(Change::SetLevels { target, levels })
    };
    served
        .operate(
            asker,
            &request,
            OperationRequest::of("sim-levels", sent, SimLevels::bulk, bytes, change),
        )
        .await
}

pub(super) async fn states(
    State(served): State<AppState>,
    asker: CurrentUser,
    request: Parts,
    Known(sent, bytes): Known<SimStates>,
) -> Result<Response, Problem> {
    let change = |sent: &SimStates, target: Target, _: &Local, _: &CancelToken| {
        let verb = match sent.action {
            StateAction::Activate => Verb::Activate,
            StateAction::Suspend => Verb::Suspend,
            StateAction::Resume => Verb::Resume,
            StateAction::Terminate => Verb::Terminate,
        };
        Ok(Change::Edit { target, edit: Box::new(Edit::state(verb, &sent.reason)) })
    };
    served
        .operate(
            asker,
            &request,
            OperationRequest::of("sim-states", sent, SimStates::bulk, bytes, change),
        )
        .await
}

pub(super) async fn edits(
    State(served): State<AppState>,
    asker: CurrentUser,
    request: Parts,
    Known(sent, bytes): Known<SimEdits>,
) -> Result<Response, Problem> {
    let change = |sent: &SimEdits, target: Target, _: &Local, _: &CancelToken| {
        let listed = |add: &[String], remove: &[String]| ListEdit {
            clear: false,
            add: add.into(),
            remove: remove.into(),
        };
        let edit = Edit {
            label: sent.label.clone(),
            notes: sent.notes.clone(),
            tags: listed(&sent.add_tags, &sent.remove_tags),
            categories: listed(&sent.add_categories, &sent.remove_categories),
            recipients: listed(&sent.add_recipients, &sent.remove_recipients),
            authentication: sent.authentication,
            ..Edit::default()
        };
        Ok(Change::Edit { target, edit: Box::new(edit) })
    };
    served
        .operate(asker, &request, OperationRequest::of("sim-edits", sent, SimEdits::bulk, bytes, change))
        .await
}

pub(super) async fn undo(
    State(served): State<AppState>,
    asker: CurrentUser,
    request: Parts,
    Known(sent, bytes): Known<Undo>,
) -> Result<Response, Problem> {
    let change = ChangeId(estate::text::clean(&sent.change_id).into_owned());
    let wanted = OperationRequest {
        route: "undos",
        dry_run: sent.dry_run,
        expect: None,
        body: bytes,
        make: Box::new(move |_, _| Ok(Change::Undo { change })),
    };
    served.operate(asker, &request, wanted).await
}

impl AppState {
    /// Looks what a change would do, or has it made in the background, once for each key.
    async fn operate(
        &self,
        asker: CurrentUser,
        request: &Parts,
        wanted: OperationRequest,
    ) -> Result<Response, Problem> {
        params::none(request)?;
        if wanted.dry_run {
            let plan = move |local: &Local, cancel: &CancelToken| {
                json_of(plan_response(&wanted.plan_operation(local, cancel)?.1))
            };
            return Ok(Json(self.read_for_change(&asker, plan).await?).into_response());
        }
        let key = bulk::key(&request.headers)?;
        let room = Streams::begin(&self.operations, asker.estate.actor().id, EACH)?;
        let begin = move |local: &Local, cancel: &CancelToken| {
            let (route, body) = (wanted.route, wanted.body.clone());
            if let Some(known) = local.find_request(route, &key, &body)? {
                return Ok((known, false));
            }
            let (change, _) = wanted.plan_operation(local, cancel)?;
            let id = ChangeId::new();
            if let Some(known) = local.ask_for(route, &key, &body, &id, &change)? {
                return Ok((known, false));
            }
            local.request(&id, cancel).map(|request| (request, true))
        };
        let (asked, new) = self.write(&asker, begin).await?;
        let user = asker.estate.me().id;
        // What was being done when the program ended is gone on with: by its number it is made
        // once.
        let left = asked.stage == Stage::Running
            && !asker.estate.read_only()
            && self.running.progress_of(user, &asked.id).is_none();
        if new || left {
            self.begin(&asker, &asked, request, room);
        }
        let told = self.operation_response(&asker, asked.id.clone()).await?;
        let mut response = (StatusCode::ACCEPTED, Json(told)).into_response();
        if let Ok(at) = HeaderValue::from_str(&at(&asked.id)) {
            response.headers_mut().insert(header::LOCATION, at);
        }
        Ok(response)
    }

    /// Makes the change, whoever still listens.
    fn begin(&self, asker: &CurrentUser, asked: &Request, by: &Parts, room: Stream<UserId>) {
        let running = self.running.begin(asker.estate.me().id, &asked.id);
        let (local, stopping) = (Arc::clone(&asker.estate), self.stopping.clone());
        let (id, change) = (asked.id.clone(), asked.change.clone());
        let (background, changes) = (Arc::clone(&self.background), Arc::clone(&self.changes));
        let (route, path) = (format!("/v1/operations/{}", asked.route), at(&asked.id));
        let name =
            by.headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
        let failed = move |error: Error| {
            Problem::from(error).with_place(&Method::POST, &route).object(&path, &name).to_string()
        };
        let work = move || {
            let watch = |progress: estate::Progress| {
                running.done.send_replace((progress.done, progress.total));
                if running.cancel.is_cancelled() || stopping.is_cancelled() {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            };
            // Whoever stopped it while it waited was told so.
            let waits =
                local.request(&id, &CancelToken::new()).map(|request| request.stage == Stage::Running);
            let made = match waits {
                Ok(true) => local.apply(&id, &change, &watch).map(drop),
                Ok(false) => return,
                Err(error) => Err(error),
            };
            let (stage, answer) = match made {
                Ok(()) => (Stage::Done, String::new()),
                // Where there was nothing to do it is done.
                Err(error) if error.is_nothing() => (Stage::Done, String::new()),
                // Where nothing is written it waits until something is.
                Err(Error::ReadOnly) => return,
                Err(Error::Cancelled) if stopping.is_cancelled() => return,
                Err(Error::Cancelled) => (Stage::Cancelled, String::new()),
                Err(error) => (Stage::Failed, failed(error)),
            };
            if let Err(error) = local.finish_request(&id, stage, &answer) {
                tracing::error!(%error, "what became of an operation could not be written down");
            }
        };
        tokio::spawn(async move {
            // Waiting takes no thread.
            let turn = turns(&background, &changes).await;
            let _ = tokio::task::spawn_blocking(move || (turn, room, work()).2).await;
        });
    }

    /// An operation as it stands.
    async fn operation_response(&self, asker: &CurrentUser, id: ChangeId) -> Result<Value, Problem> {
        let running = self.running.progress_of(asker.estate.me().id, &id);
        let told = move |local: &Local, cancel: &CancelToken| {
            let request = local.request(&id, cancel)?;
            let receipt = local.receipt(&id, cancel)?;
            json_of(object(&request, receipt.as_ref(), running))
        };
        self.read_for_change(asker, told).await
    }
}

/// Where an operation is looked at.
fn at(id: &ChangeId) -> String {
    format!("/v1/operations/{PREFIX}{id}")
}

fn object(request: &Request, receipt: Option<&Receipt>, running: Option<(u64, u64)>) -> Operation {
    let status = match (receipt, request.stage) {
        (Some(receipt), _)
            if receipt.counts.missed_count() == receipt.counts.total()
                && receipt.counts.missed_count() > 0 =>
        {
            "failed"
        }
        (Some(receipt), _) if receipt.counts.missed_count() > 0 => "partially_failed",
        (Some(_), _) | (None, Stage::Done) => "succeeded",
        (None, Stage::Running) if running.is_some() => "running",
        // The program ended on the way: nothing was changed, and asking again by the same key does
        // it.
        (None, Stage::Running) => "queued",
        (None, Stage::Failed) => "failed",
        (None, Stage::Cancelled) => "cancelled",
    };
    let (running, at) = (running.filter(|_| receipt.is_none()), at(&request.id));
    let nothing = (request.stage == Stage::Done).then(estate::Counts::default);
    Operation {
        change_id: request.id.0.clone(),
        status: status.to_owned(),
        created_at: request.at.to_string(),
        done: running.map(|(done, _)| done),
        total: running.map(|(_, total)| total).filter(|total| *total > 0),
        counts: receipt.map(|receipt| receipt.counts).or(nothing).map(Into::into),
        problem: serde_json::from_str(&request.answer).ok(),
        results_url: format!("{at}/results"),
        undo_url: receipt.filter(|receipt| receipt.undoable).map(|_| "/v1/operations/undos".to_owned()),
        id: format!("{PREFIX}{}", request.id),
    }
}

fn parse_change_id(id: Named) -> Result<ChangeId, Problem> {
    let name = id.0?;
    let id = name.strip_prefix(PREFIX).map(|id| ChangeId(estate::text::clean(id).into_owned()));
    id.ok_or_else(|| Error::not_found("operation", estate::text::clean(&name)).into())
}

/// An operation as it stands.
pub(super) async fn one(
    State(served): State<AppState>,
    asker: CurrentUser,
    id: Named,
    request: Parts,
) -> Result<Json<Value>, Problem> {
    params::none(&request)?;
    served.operation_response(&asker, parse_change_id(id)?).await.map(Json)
}

/// The SIMs of an operation.
pub(super) async fn results(
    State(served): State<AppState>,
    asker: CurrentUser,
    id: Named,
    request: Parts,
) -> Result<Response, Problem> {
    let id = parse_change_id(id)?;
    let which = move |local: &Local, cancel: &CancelToken| {
        local.request(&id, cancel)?;
        // Nothing has become of any SIM before the whole is done.
        Ok(local.receipt(&id, cancel)?.map_or(0, |receipt| receipt.rev))
    };
    served.items_of(&asker, &request, which).await
}

/// Stops an operation: it is taken back whole, unless it has just come to its end.
pub(super) async fn stop(
    State(served): State<AppState>,
    asker: CurrentUser,
    id: Named,
    request: Parts,
) -> Result<(StatusCode, Json<Value>), Problem> {
    params::none(&request)?;
    let id = parse_change_id(id)?;
    if asker.estate.read_only() {
        return Err(Error::ReadOnly.into());
    }
    let before = served.operation_response(&asker, id.clone()).await?;
    if !served.running.stop(asker.estate.me().id, &id) {
        // One that waits to be gone on with is not gone on with.
        if before["status"] != "queued" {
            let status = before["status"].as_str().unwrap_or_default();
            return Err(Error::Conflict(format!("it does not run: {status}")).into());
        }
        let ended = id.clone();
        served.write(&asker, move |local, _| local.finish_request(&ended, Stage::Cancelled, "")).await?;
    }
    Ok((StatusCode::ACCEPTED, Json(served.operation_response(&asker, id).await?)))
}

/// How far an operation is, as it goes, until its end.
pub(super) async fn events(
    State(served): State<AppState>,
    asker: CurrentUser,
    id: Named,
    request: Parts,
) -> Result<Response, Problem> {
    params::none(&request)?;
    let id = parse_change_id(id)?;
    served.operation_response(&asker, id.clone()).await?;
    let progress = served.running.watch(asker.estate.me().id, &id);
    let steps = progress.map(WatchStream::new).into_iter().map(futures_util::StreamExt::boxed);
    let steps = futures_util::stream::iter(steps).flatten().map(|(done, total)| {
        let data = serde_json::json!({ "done": done, "total": Some(total).filter(|total| *total > 0) });
        Ok::<_, std::convert::Infallible>(Event::default().event("progress").data(data.to_string()))
    });
    let end = futures_util::stream::once(async move {
        let data = served
            .operation_response(&asker, id)
            .await
            .map_or_else(|_| "{}".to_owned(), |told| told.to_string());
        Ok(Event::default().event("end").data(data))
    });
    Ok(streams::events(steps.chain(end)))
}

/// Words of outcomes, for the description.
pub(super) fn outcomes() -> Vec<&'static str> {
    Outcome::ALL.map(Outcome::word).to_vec()
}
