//! Answers that take their time: a change and how far it is, a file that is sent, SIMs that come one by one.

use std::io::Read;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use estate::{Cancel, Error, Result};
use futures_util::StreamExt as _;
use reqwest::{Method, Response, header};
use serde_json::Value as Json;

use super::link::{Link, PATIENCE, QUESTION, Tried, cancelled, fault, reason};
use crate::wire::Line;

/// How often, and how long in between, a change is sent again: it is worth more patience than a question.
const CHANGE: (usize, Duration) = (8, Duration::from_secs(3));
/// How long an answer may be silent: the server says more often that it is still there.
const SILENCE: Duration = Duration::from_secs(20);
/// The longest line of an answer.
const LINE: usize = 1024 * 1024;

/// Hears lines, and may break.
pub(super) type Hear<'a> = dyn Fn(Line) -> ControlFlow<()> + 'a;

impl Link {
    /// Makes a change. Its number makes it safe to try again: it is made once, however often it is sent.
    pub(super) fn change(&self, id: &str, change: &[u8], hear: &Hear<'_>) -> Result<Json> {
        // From the first attempt on that may have arrived, it may have been made.
        let reached = AtomicBool::new(false);
        // Whoever wants it stopped does not want it sent again.
        let stopped = AtomicBool::new(false);
        let hear = |line: Line| {
            let heard = hear(line);
            stopped.fetch_or(heard.is_break(), Ordering::Relaxed);
            heard
        };
        let done = self.wait(
            &Cancel::new(),
            self.again(CHANGE, || async {
                let request =
                    self.request(Method::PUT, &format!("/v1/changes/{id}")).map_err(Tried::Failed)?;
                let request = request
                    .header(header::CONTENT_TYPE, "application/json")
                    .header(header::ACCEPT, crate::wire::LINES)
                    .body(change.to_vec());
                let response = match self.tried(request).await {
                    Ok(response) => response,
                    Err(Tried::Again(error, pause, arrived)) => {
                        reached.fetch_or(arrived, Ordering::Relaxed);
                        let _ = hear(Line::waiting());
                        return Err(Tried::Again(error, pause, arrived).unless(&stopped));
                    }
                    Err(other) => return Err(other),
                };
                reached.store(true, Ordering::Relaxed);
                let lines = self.lines(response, &hear, &|| self.stop(id)).await;
                lines.map_err(|tried| tried.unless(&stopped))
            }),
        );
        match done {
            // It was on its way when the server went: whether it arrived is not known.
            Err(Error::Unreachable { server, .. }) if reached.load(Ordering::Relaxed) => {
                Err(Error::Unknown { server, change: id.to_owned() })
            }
            other => other,
        }
    }

    /// Asks the server to stop a change; how that ends is said where the change was asked for.
    fn stop(&self, id: &str) {
        let Ok(request) = self.request(Method::DELETE, &format!("/v1/changes/{id}")) else { return };
        self.runtime().spawn(request.timeout(PATIENCE).send());
    }

    /// Sends a file behind the options it is read by, a piece at a time.
    pub(super) fn stage(
        &self,
        mut input: Box<dyn Read + Send + '_>,
        usage: bool,
        hear: &Hear<'_>,
    ) -> Result<Json> {
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
            self.wait(&Cancel::new(), async {
                let response = self.send(request).await?;
                let stopped = Cancel::new();
                let stop = || stopped.cancel();
                let lines = self.lines(response, hear, &stop);
                let lines = tokio::select! {
                    lines = lines => lines,
                    // What was read so far goes with the line.
                    () = cancelled(&stopped) => Err(Tried::Failed(Error::Cancelled)),
                };
                lines.map_err(Tried::for_good)
            })
        })
    }

    /// Reads an answer line by line; the last one says how it ended.
    async fn lines(
        &self,
        response: Response,
        hear: &Hear<'_>,
        stop: &dyn Fn(),
    ) -> std::result::Result<Json, Tried> {
        let mut ended = None;
        self.each_line(response, |line| {
            let line = serde_json::from_slice(line).map_err(|e| super::unreadable(&e))?;
            match line {
                Line::Done(value) => ended = Some(Ok(value)),
                Line::Failed(problem) => ended = Some(Err(fault(problem))),
                // Whether it came to its end before it could be stopped, the last line says.
                other => {
                    if hear(other).is_break() {
                        stop();
                    }
                }
            }
            Ok(())
        })
        .await?;
        match ended {
            Some(Ok(value)) => Ok(value),
            Some(Err(error @ Error::Busy)) => Err(Tried::Again(error, None, false)),
            Some(Err(error)) => Err(Tried::Failed(error)),
            None => Err(Tried::Again(self.unreachable("the answer broke off".into()), None, true)),
        }
    }

    async fn each_line(
        &self,
        response: Response,
        mut take: impl FnMut(&[u8]) -> Result<()>,
    ) -> std::result::Result<(), Tried> {
        let mut pieces = response.bytes_stream();
        let mut held: Vec<u8> = Vec::new();
        loop {
            let piece = match tokio::time::timeout(SILENCE, pieces.next()).await {
                Ok(Some(Ok(piece))) => piece,
                Ok(None) => return Ok(()),
                Ok(Some(Err(error))) => {
                    return Err(Tried::Again(self.unreachable(reason(&error)), None, true));
                }
                Err(_) => {
                    return Err(Tried::Again(self.unreachable("it has fallen silent".into()), None, true));
                }
            };
            held.extend_from_slice(&piece);
            let mut from = 0;
            while let Some(length) = held[from..].iter().position(|b| *b == b'\n') {
                let line = &held[from..from + length];
                if !line.is_empty() {
                    take(line).map_err(Tried::Failed)?;
                }
                from += length + 1;
            }
            held.drain(..from);
            if held.len() > LINE {
                return Err(Tried::Failed(Error::Store("the server's answer has no end".into())));
            }
        }
    }

    /// Takes an export, line by line; begun anew only before the first row.
    pub(super) fn export(
        &self,
        wanted: &[u8],
        cancel: &Cancel,
        take: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        self.wait(cancel, async {
            let response = self
                .again(QUESTION, || async {
                    let request = self.request(Method::POST, "/v1/exports").map_err(Tried::Failed)?;
                    let request =
                        request.header(header::CONTENT_TYPE, "application/json").body(wanted.to_vec());
                    self.tried(request).await
                })
                .await?;
            self.each_line(response, take).await.map_err(Tried::for_good)
        })
    }
}
