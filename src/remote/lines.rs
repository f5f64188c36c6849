//! Answers that take their time: a change and its progress, a file that is sent, SIMs that come one
//! by one.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io::Read;
use std::pin::pin;
use std::time::Duration;

use estate::{CancelToken, Error, Result};
use reqwest::{Method, Response, header};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use tokio::time::{Instant, timeout};

use super::answer::{self, AnswerError, Lines};
use super::link::{HttpClient, QUESTION, RetryDecision, fault};
use crate::wire::{Line, Step, WAITING};

/// Interval at which the caller is asked to go on while no line comes.
const TICK: Duration = Duration::from_secs(1);

/// Receives lines, and may break.
pub(super) type Hear<'a> = dyn Fn(Line) -> std::ops::ControlFlow<()> + 'a;

/// Reports progress to the caller, also while nothing comes, and remembers that the caller wants to
/// stop.
pub(super) struct Reporter<'a> {
    hear: &'a Hear<'a>,
    stop: &'a dyn Fn(),
    step: RefCell<Step>,
    heard: Cell<Instant>,
    stopped: Cell<Option<Instant>>,
}

impl<'a> Reporter<'a> {
    /// Calls `stop` once, when `hear` breaks.
    pub(super) fn new(hear: &'a Hear<'a>, stop: &'a dyn Fn()) -> Self {
        let step = RefCell::new(Step::of(WAITING));
        Self { hear, stop, step, heard: Cell::new(Instant::now()), stopped: Cell::new(None) }
    }

    pub(super) fn line(&self, line: Line) {
        self.heard.set(Instant::now());
        if let Line::Progress(step) = &line {
            self.step.replace(step.clone());
        }
        if (self.hear)(line).is_break() && self.stopped.get().is_none() {
            self.stopped.set(Some(Instant::now()));
            (self.stop)();
        }
    }

    /// Reports a wait that is none of the server's steps.
    pub(super) fn wait_for(&self, phase: &str) {
        self.line(Line::Progress(Step::of(phase)));
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.get().is_some()
    }

    /// Waits for `work`; `None` if it has not ended `grace` after it was stopped.
    pub(super) async fn watch<T>(&self, work: impl Future<Output = T>, grace: Duration) -> Option<T> {
        let mut work = pin!(work);
        loop {
            if let Ok(done) = timeout(TICK, &mut work).await {
                return Some(done);
            }
            if self.stopped.get().is_some_and(|at| at.elapsed() >= grace) {
                return None;
            }
            if self.heard.get().elapsed() >= TICK {
                let step = self.step.borrow().clone();
                self.line(Line::Progress(step));
            }
        }
    }
}

impl HttpClient {
    /// Sends a file behind the options it is read by, a piece at a time.
    pub(super) fn stage<T: DeserializeOwned>(
        &self,
        mut input: Box<dyn Read + Send + '_>,
        usage: bool,
        hear: &Hear<'_>,
    ) -> Result<T> {
        let (sender, receiver) = tokio::sync::mpsc::channel::<std::io::Result<Vec<u8>>>(4);
        let body = reqwest::Body::wrap_stream(tokio_stream::wrappers::ReceiverStream::new(receiver));
        let request = self.request(Method::POST, "/v1/stagings")?;
        let usage = if usage { "true" } else { "false" };
        let request = request
            .query(&[("usage", usage), ("options", "body")])
            .header(header::CONTENT_TYPE, "text/csv")
            .header(header::ACCEPT, crate::wire::LINES)
            .body(body);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                loop {
                    let mut piece = vec![0; 64 * 1024];
                    let read = match input.read(&mut piece) {
                        Ok(0) => return,
                        Ok(n) => {
                            piece.truncate(n);
                            Ok(piece)
                        }
                        Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                        Err(error) => Err(error),
                    };
                    // What cannot be read ends it: the request breaks off, and nothing is staged.
                    let failed = read.is_err();
                    if sender.blocking_send(read).is_err() || failed {
                        return;
                    }
                }
            });
            // The connection is closed when the caller stops, and the server drops what it has
            // read.
            let stopped = CancelToken::new();
            let stop = || stopped.cancel();
            let reporter = Reporter::new(hear, &stop);
            self.wait(&stopped, async {
                let staged = async {
                    let response = self.send(request).await?;
                    self.read_outcome(response, &reporter).await.map_err(RetryDecision::for_good)
                };
                reporter.watch(staged, self.waits().stop).await.unwrap_or(Err(Error::Cancelled))
            })
        })
    }

    /// Reads an answer line by line; the last one says how it ended.
    pub(super) async fn read_outcome<T: DeserializeOwned>(
        &self,
        response: Response,
        reporter: &Reporter<'_>,
    ) -> std::result::Result<T, RetryDecision> {
        let mut ended: Option<Result<Json>> = None;
        let read = self.each_line(response, |line| {
            match answer::parse(line)? {
                Line::Done(value) => ended = Some(Ok(value)),
                Line::Failed(problem) => ended = Some(Err(fault(problem))),
                // The last line says whether it came to its end before it could be stopped.
                other => reporter.line(other),
            }
            Ok(())
        });
        read.await?;
        match ended {
            Some(Ok(value)) => serde_json::from_value(value)
                .map_err(|e| self.unread(AnswerError::Unexpected(e.to_string()))),
            Some(Err(error @ Error::Busy)) => Err(RetryDecision::Again(error, None, false)),
            Some(Err(error)) => Err(RetryDecision::Failed(error)),
            None => {
                Err(RetryDecision::Again(self.unreachable("the answer broke off".into()), None, true))
            }
        }
    }

    /// Hands on every line; empty lines only tell that the server is still there.
    async fn each_line(
        &self,
        response: Response,
        mut take: impl FnMut(&[u8]) -> Result<()>,
    ) -> std::result::Result<(), RetryDecision> {
        let waits = self.waits();
        let mut lines = Lines::of(response, waits.idle, waits.line);
        let mut moved = Instant::now();
        while let Some(line) = lines.next().await.map_err(|error| self.unread(error))? {
            if !line.is_empty() {
                moved = Instant::now();
                take(line).map_err(RetryDecision::Failed)?;
            } else if moved.elapsed() > waits.stalled {
                return Err(self.unread(AnswerError::Silent));
            }
        }
        Ok(())
    }

    /// Takes an export, line by line; begun anew only before the first row.
    pub(super) fn export(
        &self,
        wanted: &[u8],
        cancel: &CancelToken,
        take: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        self.wait(cancel, async {
            let begun = self.again(QUESTION, || async {
                let request = self.request(Method::POST, "/v1/exports").map_err(RetryDecision::Failed)?;
                let request =
                    request.header(header::CONTENT_TYPE, "application/json").body(wanted.to_vec());
                self.try_request(request).await
            });
            let late = |_| self.unreachable("it does not answer".into());
            let response = timeout(self.waits().read, begun).await.map_err(late)??;
            self.each_line(response, take).await.map_err(RetryDecision::for_good)
        })
    }
}
