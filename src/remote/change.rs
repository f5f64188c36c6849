//! A change and its answer. A change whose answer is lost is looked up by its number, and sent
//! again where it was not made.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use estate::{Change, ChangeId, Entry, Error, LogFilter, Receipt, Result};
use reqwest::{Method, header};
use tokio::time::{Instant, timeout};

use super::lines::{Hear, Reporter};
use super::link::{ASK, HttpClient, RetryDecision};
use crate::remote::answer::sent;
use crate::wire::{FETCHING, LOOKING_UP, RESENDING, ReadRequest, WAITING};

/// Attempts and the longest pause between them; [`Attempts::is_over`] ends them.
const ATTEMPTS: (usize, Duration) = (usize::MAX, Duration::from_secs(3));
/// Bytes of a change that a slow connection sends in a second.
const SLOW: usize = 16 * 1024;

/// The attempts at one change so far.
#[derive(Default)]
struct Attempts {
    /// The first of the failures since something was last heard of the change.
    failed: Cell<Option<Instant>>,
    /// True once an attempt may have arrived: the change may have been made.
    reached: Cell<bool>,
    /// The change as the log has it.
    found: RefCell<Option<Entry>>,
}

impl Attempts {
    fn fail(&self, arrived: bool) {
        if self.failed.get().is_none() {
            self.failed.set(Some(Instant::now()));
        }
        if arrived {
            self.reached.set(true);
        }
    }

    fn is_over(&self, link: &HttpClient) -> bool {
        let limit = if self.reached.get() { link.waits().lost } else { link.waits().unsent };
        self.failed.get().is_some_and(|at| at.elapsed() >= limit)
    }
}

/// The receipt of a change in the log. Which account it made, the log does not say.
fn receipt_of(entry: Entry) -> Receipt {
    let Entry { id, rev, counts, undoable, .. } = entry;
    Receipt { id, rev, counts, account: None, undoable }
}

impl HttpClient {
    /// Makes a change. Its number makes it safe to try again: it is made once, however often it is
    /// sent.
    pub(super) fn change(&self, id: &ChangeId, change: &Change, hear: &Hear<'_>) -> Result<Receipt> {
        let body = sent(change)?;
        let attempts = Attempts::default();
        let stop = || self.stop(&id.0);
        let reporter = Reporter::new(hear, &stop);
        let done = self.wait(&estate::CancelToken::new(), async {
            let done = self.again(ATTEMPTS, || async {
                let tried = self.attempt(id, change, &body, &attempts, &reporter).await;
                tried.map_err(|tried| match tried {
                    // A change that the caller stopped is not sent again.
                    RetryDecision::Again(error, ..)
                        if reporter.is_stopped() || attempts.is_over(self) =>
                    {
                        RetryDecision::Failed(error)
                    }
                    other => other,
                })
            });
            let late = || self.unreachable("it does not say how the stopped change ended".into());
            reporter.watch(done, self.waits().stop).await.unwrap_or_else(|| Err(late()))
        });
        match done {
            Err(Error::Unreachable { server, .. }) if attempts.reached.get() => {
                Err(Error::Unknown { server, change: id.0.clone() })
            }
            other => other,
        }
    }

    /// Sends a change, after a look into the log if it may have been made already.
    async fn attempt(
        &self,
        id: &ChangeId,
        change: &Change,
        body: &[u8],
        attempts: &Attempts,
        reporter: &Reporter<'_>,
    ) -> std::result::Result<Receipt, RetryDecision> {
        if attempts.reached.get() {
            reporter.wait_for(LOOKING_UP);
            self.look_up(id, change, attempts).await?;
            let made = attempts.found.borrow().is_some();
            reporter.wait_for(if made { FETCHING } else { RESENDING });
        } else if attempts.failed.get().is_some() {
            reporter.wait_for(WAITING);
        }
        match self.send_change(id, body, attempts, reporter).await {
            Err(RetryDecision::Again(error, pause, arrived)) => {
                attempts.fail(arrived);
                // The log has it: without its own answer the receipt is made of that.
                match attempts.found.take() {
                    Some(entry) => Ok(receipt_of(entry)),
                    None => Err(RetryDecision::Again(error, pause, arrived)),
                }
            }
            other => other,
        }
    }

    async fn send_change(
        &self,
        id: &ChangeId,
        body: &[u8],
        attempts: &Attempts,
        reporter: &Reporter<'_>,
    ) -> std::result::Result<Receipt, RetryDecision> {
        let request =
            self.request(Method::PUT, &format!("/v1/changes/{id}")).map_err(RetryDecision::Failed)?;
        let request = request
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, crate::wire::LINES)
            .body(body.to_vec());
        // A server begins its answer before it makes the change.
        let limit = self.waits().change + Duration::from_secs((body.len() / SLOW) as u64);
        let late = |_| RetryDecision::Again(self.unreachable("it does not answer".into()), None, true);
        let response = timeout(limit, self.try_request(request)).await.map_err(late)??;
        attempts.reached.set(true);
        attempts.failed.set(None);
        self.read_outcome(response, reporter).await
    }

    /// Looks a change up in the log. A user who may not read the log finds nothing.
    async fn look_up(
        &self,
        id: &ChangeId,
        change: &Change,
        attempts: &Attempts,
    ) -> std::result::Result<(), RetryDecision> {
        let wanted = LogFilter { id: Some(id.clone()), limit: 1, ..LogFilter::default() };
        let body = sent(&ReadRequest::Entries { wanted }).map_err(RetryDecision::Failed)?;
        let late = |_| RetryDecision::Again(self.unreachable("it does not answer".into()), None, true);
        let asked = timeout(self.waits().lookup, self.post_once::<Vec<Entry>>(ASK, &body)).await;
        match asked.map_err(late).flatten() {
            Ok(entries) => {
                let made = |entry: &Entry| entry.id == *id && entry.kind == change.kind();
                attempts.found.replace(entries.into_iter().find(made));
                Ok(())
            }
            Err(RetryDecision::Failed(_)) => Ok(()),
            Err(other) => Err(other),
        }
    }

    /// Asks the server to stop a change; how that ends is said where the change was asked for.
    fn stop(&self, id: &str) {
        let Ok(request) = self.request(Method::DELETE, &format!("/v1/changes/{id}")) else { return };
        self.runtime().spawn(request.timeout(self.waits().stop).send());
    }
}
