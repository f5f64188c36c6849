//! Answers and connections that last: limits for each user or network, and what keeps proxies from
//! holding them back.

use std::collections::HashMap;
use std::convert::Infallible;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream as Events, StreamExt as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::limits::network;
use super::problem::Problem;
use super::turns;
use crate::wire::{EXPORTED, LINES};

/// Tells nginx to pass an answer on as it comes.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// Interval of the comments that keep a connection open.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// Answers with server-sent events. A comment comes first and at once: it tells the client that
/// nothing on the way holds events back.
pub(super) fn events(events: impl Events<Item = Result<Event, Infallible>> + Send + 'static) -> Response {
    let first = futures_util::stream::once(async { Ok(Event::default().comment("ok")) });
    let alive = KeepAlive::new().interval(KEEP_ALIVE).text("alive");
    Sse::new(first.chain(events)).keep_alive(alive).into_response()
}

/// Keeps proxies and caches from holding back an answer that comes piece by piece.
pub(super) fn forbid_buffering(headers: &mut HeaderMap) {
    let kind = headers.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    if ["text/event-stream", LINES, EXPORTED].iter().any(|streamed| kind.starts_with(streamed.as_bytes()))
    {
        headers.insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    }
}

/// When to try again where somebody has too many.
const LATER: u64 = 5;

/// How many each has.
pub(super) struct Streams<K>(Mutex<HashMap<K, usize>>);

/// One of them, for as long as it lasts.
pub(super) struct Stream<K: Eq + Hash>(Arc<Streams<K>>, K);

impl<K> Default for Streams<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Copy + Eq + Hash> Streams<K> {
    fn all(&self) -> MutexGuard<'_, HashMap<K, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins one, unless there are that many.
    pub(super) fn begin(streams: &Arc<Self>, whose: K, most: usize) -> Result<Stream<K>, Problem> {
        let mut all = streams.all();
        let count = all.entry(whose).or_default();
        if *count >= most {
            return Err(Problem::too_many(LATER));
        }
        *count += 1;
        Ok(Stream(Arc::clone(streams), whose))
    }
}

impl<K: Eq + Hash> Drop for Stream<K> {
    fn drop(&mut self) {
        let mut all = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = all.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                all.remove(&self.1);
            }
        }
    }
}

/// How many turns each may hold at a time; who wants more waits in a line of their own.
pub(super) struct PerUserSemaphores<K> {
    lines: Mutex<HashMap<K, Weak<Semaphore>>>,
    turns: usize,
}

impl<K: Eq + Hash> PerUserSemaphores<K> {
    /// So many for each.
    pub(super) fn new(turns: usize) -> Self {
        Self { lines: Mutex::default(), turns }
    }

    /// The line of one of them, for as long as somebody is in it.
    pub(super) fn of(&self, whose: K) -> Arc<Semaphore> {
        let mut all = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = all.get(&whose).and_then(Weak::upgrade) {
            return line;
        }
        all.retain(|_, line| line.strong_count() > 0);
        let line = Arc::new(Semaphore::new(self.turns));
        all.insert(whose, Arc::downgrade(&line));
        line
    }
}

/// Turns shared by network: one that asks for many waits in a line of its own first.
pub(super) struct NetworkQueue {
    turns: Arc<Semaphore>,
    lines: PerUserSemaphores<IpAddr>,
}

impl NetworkQueue {
    /// So many turns at a time, and half as many for each network.
    pub(super) fn new(turns: usize) -> Self {
        let lines = PerUserSemaphores::new((turns / 2).max(1));
        Self { turns: Arc::new(Semaphore::new(turns)), lines }
    }

    /// Waits for a turn.
    pub(super) async fn acquire(&self, from: IpAddr) -> [Option<OwnedSemaphorePermit>; 2] {
        turns(&self.lines.of(network(from)), &self.turns).await
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::task::Poll;

    use estate::UserId;

    use super::*;

    #[test]
    fn answers_that_come_piece_by_piece_are_not_buffered() {
        let headers = |kind: &str| {
            let mut headers =
                HeaderMap::from_iter([(header::CONTENT_TYPE, kind.parse().expect("value"))]);
            forbid_buffering(&mut headers);
            headers
        };
        for kind in ["text/event-stream", LINES, EXPORTED] {
            assert_eq!(headers(kind)[&ACCEL_BUFFERING], "no", "{kind}");
            assert_eq!(headers(kind)[header::CACHE_CONTROL], "no-cache", "{kind}");
        }
        assert!(!headers("application/json").contains_key(&ACCEL_BUFFERING));
    }

    #[test]
    fn a_user_in_a_line_of_their_own_keeps_nobody_else_waiting() {
        let shares = PerUserSemaphores::new(1);
        let (one, again) = (shares.of(UserId(1)), shares.of(UserId(1)));
        let held = one.try_acquire_owned().expect("a turn");
        assert!(again.clone().try_acquire_owned().is_err());
        assert!(shares.of(UserId(2)).try_acquire_owned().is_ok());
        drop((held, again));
        assert!(shares.of(UserId(1)).try_acquire_owned().is_ok());
    }

    #[tokio::test]
    async fn a_network_that_asks_for_many_turns_keeps_no_other_waiting() {
        let from = |host: u16, net: u16| IpAddr::from([0x2001, 0xdb8, 0, net, 0, 0, 0, host]);
        let queue = NetworkQueue::new(4);
        let held = (queue.acquire(from(1, 1)).await, queue.acquire(from(2, 1)).await);
        let mut third = pin!(queue.acquire(from(3, 1)));
        assert!(poll_fn(|context| Poll::Ready(third.as_mut().poll(context).is_pending())).await);
        // Although the third came before.
        let _other = (queue.acquire(from(1, 2)).await, queue.acquire(from(1, 2)).await);
        drop(held);
        assert!(third.await.iter().all(Option::is_some));
    }

    #[test]
    fn a_user_has_so_many_and_another_one_as_many() {
        let streams = Arc::default();
        let one = Streams::begin(&streams, UserId(1), 1).ok();
        assert!(one.is_some() && Streams::begin(&streams, UserId(1), 1).is_err());
        assert!(Streams::begin(&streams, UserId(2), 1).is_ok());
        drop(one);
        assert!(Streams::begin(&streams, UserId(1), 1).is_ok() && streams.all().is_empty());
    }
}
