//! What a screen elsewhere needs: every read and every change of an estate, as they are.

use std::io::{BufRead, BufReader, Read, Write};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use estate::{CancelToken, Change, ChangeId, Error, Estate, Local, Note, Progress};
use futures_util::StreamExt as _;
use serde_json::Value;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender, WeakSender, channel};
use tokio_util::io::{StreamReader, SyncIoBridge};

use super::asker::{CurrentUser, address};
use super::body::{Sent, must_be};
use super::params::{self, Named, Params};
use super::problem::Problem;
use super::streams::Streams;
use super::{AppState, CancelOnDrop, PATIENCE, turns};
use crate::wire::{self, EXPORTED, Export, LINES, Line, ReadRequest, Staged};

/// How long an answer may be silent: an empty line says that it goes on.
const SILENCE: Duration = Duration::from_secs(5);
/// How many pieces of an answer wait for whoever reads it.
const WAITING: usize = 64;
/// How many files a user may send and fetch at a time: each lasts as long as the line takes.
const FILES: usize = 4;
/// How much of an export is sent at a time.
const PIECE: usize = 64 * 1024;

/// Answers one question of a screen.
pub(super) async fn ask(
    State(served): State<AppState>,
    asker: CurrentUser,
    request: Parts,
    Sent(ask): Sent<ReadRequest>,
) -> Result<Json<Value>, Problem> {
    params::none(&request)?;
    if ask.proves() {
        // Whoever is signed in guesses no faster at the password than whoever is not.
        served.limits.own(asker.estate.actor().id).within()?;
        return served
            .prove_own(&asker, address(&request.extensions), move |local| {
                wire::answer(local, ask, &CancelToken::new())
            })
            .await
            .map(Json);
    }
    let writes = ask.writes();
    let answer = move |local: &Local, cancel: &CancelToken| wire::answer(local, ask, cancel);
    let answered =
        if writes { served.write(&asker, answer).await } else { served.work(&asker, answer).await };
    answered.map(Json)
}

/// What a change would do.
pub(super) async fn plan(
    State(served): State<AppState>,
    asker: CurrentUser,
    request: Parts,
    Sent(change): Sent<Change>,
) -> Result<Json<Value>, Problem> {
    params::none(&request)?;
    let planned =
        served.read_for_change(&asker, move |estate, cancel| estate.plan(&change, cancel)).await?;
    Ok(Json(serde_json::to_value(planned).map_err(|e| Problem::internal_error(&e))?))
}

/// The number that whoever asks gave a change.
fn change_id(name: Named) -> Result<ChangeId, Problem> {
    ChangeId::parse(&name.0?).map_err(|_| Problem::nowhere())
}

/// Makes a change, once: the same number again gives the same receipt.
pub(super) async fn change(
    State(served): State<AppState>,
    asker: CurrentUser,
    id: Named,
    request: Parts,
    Sent(change): Sent<Change>,
) -> Result<Response, Problem> {
    params::none(&request)?;
    let id = change_id(id)?;
    // Whoever loses the line asks again by the same number: what was confirmed is finished
    // meanwhile.
    let running = served.running.begin(asker.estate.me().id, &id);
    let cancel = running.cancel.clone();
    let work = move |estate: &dyn Estate, told: &Told| {
        let _running = running;
        let receipt = estate.apply(&id, &change, &|progress| told.progress(progress))?;
        serde_json::to_value(receipt).map_err(|e| Error::Store(e.to_string()))
    };
    served.long(&asker, &request.headers, Tied::No(cancel), work).await
}

/// Stops a change that is being made: it is taken back whole, unless it has just come to its end.
pub(super) async fn stop(
    State(served): State<AppState>,
    asker: CurrentUser,
    id: Named,
    request: Parts,
) -> Result<StatusCode, Problem> {
    params::none(&request)?;
    let id = change_id(id)?;
    if asker.estate.read_only() {
        return Err(Error::ReadOnly.into());
    }
    if served.running.stop(asker.estate.me().id, &id) {
        return Ok(StatusCode::ACCEPTED);
    }
    Err(Error::not_found("running change", id.0).into())
}

/// Whether a piece of work ends with the line of whoever asked for it.
enum Tied {
    /// It does.
    Yes,
    /// It goes on, and is stopped by this.
    No(CancelToken),
}

/// Place of the options in the request.
enum OptionsAt {
    /// In the address.
    Query(Box<estate::ImportOptions>),
    /// On the first line of the body: portal files would not fit into an address.
    Body,
}

/// Longest line of options.
const MAX_OPTIONS: u64 = 1 << 20;

/// Reads what a file holds and where its options are.
fn staging(params: &Params) -> Result<(bool, OptionsAt), Problem> {
    let usage = params.flag("usage", false)?;
    let options = match params.get("options") {
        None => OptionsAt::Query(Box::default()),
        Some("body") => OptionsAt::Body,
        Some(text) => OptionsAt::Query(
            parse_options(text.as_bytes())
                .map_err(|e| Problem::parameter("options", estate::text::clean(&e.to_string())))?,
        ),
    };
    Ok((usage, options))
}

fn parse_options(text: &[u8]) -> serde_json::Result<Box<estate::ImportOptions>> {
    estate::json::from_slice(text).map(Box::new)
}

/// Reads the options from the first line of the body.
fn read_options(input: &mut dyn BufRead) -> estate::Result<Box<estate::ImportOptions>> {
    let mut line = Vec::new();
    let read = input.take(MAX_OPTIONS).read_until(b'\n', &mut line);
    read.map_err(|e| Error::io("cannot read the options", e))?;
    parse_options(&line)
        .map_err(|e| Error::invalid("options", estate::text::clean(&e.to_string()).into_owned()))
}

/// Takes a file of SIMs or of usage records, to be brought in by a change.
pub(super) async fn stage(
    State(served): State<AppState>,
    asker: CurrentUser,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let (usage, options) = staging(&Params::read(&parts, &["usage", "options"])?)?;
    must_be(&parts.headers, "text/csv")?;
    let room = Streams::begin(&served.streams, asker.estate.actor().id, FILES)?;
    let pieces = body.into_data_stream().map(|piece| piece.map_err(std::io::Error::other));
    let work = move |estate: &dyn Estate, told: &Told| {
        let _room = room;
        let mut input = BufReader::new(SyncIoBridge::new(StreamReader::new(Box::pin(pieces))));
        let options = match options {
            OptionsAt::Query(options) => options,
            OptionsAt::Body => read_options(&mut input)?,
        };
        let input: Box<dyn Read + Send> = Box::new(input);
        let watch = |progress| told.progress(progress);
        let mut notes = |note: Note| told.say(&Line::Note(note));
        let json = |value: serde_json::Result<Value>| value.map_err(|e| Error::Store(e.to_string()));
        if usage {
            let (staging, tally) = estate.stage_usage(input, &options, &mut notes, &watch)?;
            json(serde_json::to_value(Staged { staging, tally }))
        } else {
            let (staging, tally) = estate.stage(input, &options, &mut notes, &watch)?;
            json(serde_json::to_value(Staged { staging, tally }))
        }
    };
    served.long(&asker, &parts.headers, Tied::Yes, work).await
}

/// Sends every SIM of a query, one a line; the last line says how it ended.
pub(super) async fn export(
    State(served): State<AppState>,
    asker: CurrentUser,
    request: Parts,
    Sent(wanted): Sent<Export>,
) -> Result<Response, Problem> {
    params::none(&request)?;
    let (sender, receiver) = channel(WAITING);
    let cancel = CancelToken::new();
    // What fails before the first row is a failure of the request, not of a row.
    served
        .work(&asker, {
            let query = wanted.query.clone();
            move |estate, cancel| {
                let nothing = estate::Target::default();
                estate.export(&query, Some(&nothing), &mut |_| Ok(false), cancel)
            }
        })
        .await?;
    // Not one of the turns of those who read: an export takes as long as whoever reads it.
    let room = Streams::begin(&served.streams, asker.estate.actor().id, FILES)?;
    let (estate, stopping) = (Arc::clone(&asker.estate), served.stopping.clone());
    tokio::task::spawn_blocking(move || {
        let _room = room;
        let mut pieces =
            Pieces { sender, held: Vec::with_capacity(PIECE), cancel: cancel.clone(), stopping };
        let target = wanted.target.as_ref();
        let sent = estate.export(
            &wanted.query,
            target,
            &mut |sim| {
                serde_json::to_writer(&mut pieces, sim).map_err(|e| Error::Store(e.to_string()))?;
                let _ = pieces.write_all(b"\n");
                Ok(!pieces.cancel.is_cancelled())
            },
            &cancel,
        );
        let last = match sent {
            Ok(sent) => Line::Done(sent.into()),
            Err(error) => Line::Failed(Problem::from(error).object("", "")),
        };
        let _ = serde_json::to_writer(&mut pieces, &last);
        let _ = pieces.write_all(b"\n");
        pieces.send();
    });
    Ok(([(header::CONTENT_TYPE, EXPORTED)], stream_body(receiver)).into_response())
}

/// Gathers small writes into pieces; hears when nobody reads any more.
struct Pieces {
    sender: Sender<Bytes>,
    held: Vec<u8>,
    cancel: CancelToken,
    stopping: CancelToken,
}

impl Pieces {
    fn send(&mut self) {
        let piece = std::mem::replace(&mut self.held, Vec::with_capacity(PIECE));
        if self.stopping.is_cancelled() || !patiently(&self.sender, piece.into()) {
            self.cancel.cancel();
        }
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.held.extend_from_slice(bytes);
        if self.held.len() >= PIECE {
            self.send();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn stream_body(receiver: Receiver<Bytes>) -> Body {
    let pieces = tokio_stream::wrappers::ReceiverStream::new(receiver);
    Body::from_stream(pieces.map(Ok::<_, std::convert::Infallible>))
}

/// Hears how far a long piece of work is, and says whether it is to go on.
pub(super) struct Told {
    lines: Option<Sender<Bytes>>,
    tied: bool,
    cancel: CancelToken,
    stopping: CancelToken,
}

impl Told {
    fn progress(&self, progress: Progress) -> ControlFlow<()> {
        self.say(&Line::Progress(progress.into()));
        if self.cancel.is_cancelled() || self.stopping.is_cancelled() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    fn say(&self, line: &Line) {
        let Some(lines) = &self.lines else { return };
        // How far it is may be missed: a change waits for nobody who listens.
        let heard = match line {
            Line::Progress(_) => {
                !lines.try_send(line_bytes(line)).is_err_and(|e| matches!(e, TrySendError::Closed(_)))
            }
            _ => patiently(lines, line_bytes(line)),
        };
        if !heard && self.tied {
            self.cancel.cancel();
        }
    }
}

/// Sends a piece to whoever reads, as long as they do.
fn patiently(sender: &Sender<Bytes>, piece: Bytes) -> bool {
    let sent =
        tokio::runtime::Handle::current().block_on(tokio::time::timeout(PATIENCE, sender.send(piece)));
    matches!(sent, Ok(Ok(())))
}

fn line_bytes(line: &Line) -> Bytes {
    let mut text = serde_json::to_vec(line).unwrap_or_default();
    text.push(b'\n');
    text.into()
}

/// Whether whoever asks wants to hear how far it is.
fn wants_lines(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted
        .flat_map(|value| value.split(','))
        .any(|kind| kind.split(';').next().unwrap_or("").trim() == LINES)
}

impl AppState {
    /// Does what takes its time; whoever wants to hears how far it is. What lasts as long as a line
    /// takes is given no turn of those who change something.
    async fn long(
        &self,
        asker: &CurrentUser,
        headers: &HeaderMap,
        tied: Tied,
        work: impl FnOnce(&dyn Estate, &Told) -> estate::Result<Value> + Send + 'static,
    ) -> Result<Response, Problem> {
        let (estate, stopping) = (Arc::clone(&asker.estate), self.stopping.clone());
        let (line, changes) = (self.writing.of(asker.estate.actor().id), Arc::clone(&self.changes));
        let (tied, cancel) = match tied {
            Tied::Yes => (true, CancelToken::new()),
            Tied::No(cancel) => (false, cancel),
        };
        if !wants_lines(headers) {
            let _hangup = tied.then(|| CancelOnDrop(cancel.clone()));
            let stopped = stopping.clone();
            let told = Told { lines: None, tied, cancel, stopping };
            let turn = if tied { None } else { Some(turns(&line, &changes).await) };
            let done = tokio::task::spawn_blocking(move || (turn, work(estate.as_ref(), &told)).1).await;
            let done = done.map_err(|panic| Problem::internal_error(&panic))?;
            return Ok(Json(done.map_err(|error| end_problem(error, &stopped))?).into_response());
        }
        let (sender, receiver) = channel(WAITING);
        // An empty line at once: nothing on the way holds the answer back.
        let _ = sender.try_send(Bytes::from_static(b"\n"));
        tokio::spawn(alive(sender.downgrade()));
        tokio::spawn(async move {
            let turn = if tied { None } else { Some(turns(&line, &changes).await) };
            let stopped = stopping.clone();
            let told = Told { lines: Some(sender.clone()), tied, cancel, stopping };
            let done = tokio::task::spawn_blocking(move || (turn, work(estate.as_ref(), &told)).1).await;
            let last = match done {
                Ok(Ok(value)) => Line::Done(value),
                Ok(Err(error)) => Line::Failed(problem_value(&end_problem(error, &stopped))),
                Err(panic) => Line::Failed(problem_value(&Problem::internal_error(&panic))),
            };
            let _ = sender.send(line_bytes(&last)).await;
        });
        let kind = [(header::CONTENT_TYPE, HeaderValue::from_static(LINES))];
        Ok((kind, stream_body(receiver)).into_response())
    }
}

/// Why a long piece of work failed: stopped by somebody it is not tried again, stopped by the end
/// of the server it is.
fn end_problem(error: Error, stopping: &CancelToken) -> Problem {
    match error {
        Error::Cancelled if !stopping.is_cancelled() => Problem::cancelled_problem(),
        other => other.into(),
    }
}

/// A failure within an answer that has begun already; its cause is for the log.
fn problem_value(problem: &Problem) -> Value {
    if let Some(cause) = &problem.cause {
        tracing::error!(cause, "a request failed");
    }
    problem.object("", "")
}

/// Says now and then that an answer goes on, until it has ended.
async fn alive(lines: WeakSender<Bytes>) {
    loop {
        tokio::time::sleep(SILENCE).await;
        let Some(lines) = lines.upgrade() else { return };
        if lines.send(Bytes::from_static(b"\n")).await.is_err() {
            return;
        }
    }
}
