//! What changes, as it changes: one watch of the store wakes every listener, and each sees what its
//! user may see.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderName;
use axum::http::request::Parts;
use axum::response::Response;
use axum::response::sse::Event;
use estate::{CancelToken, Entry, Error, Estate, Local, LogFilter, Rev};
use serde_json::json;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;

use super::asker::CurrentUser;
use super::params::Params;
use super::problem::Problem;
use super::streams::Streams;
use super::{AppState, accounts, log, streams, turn};

/// Changes that are replayed at a time.
const MOST: u32 = 100;
/// How many listeners a user may have at a time: screens, and programs.
const LISTENERS: usize = 50;
/// Which event was heard last, by whoever comes back.
const LAST: HeaderName = HeaderName::from_static("last-event-id");

/// Wakes everybody who listens, after a commit by this program or another.
pub(super) struct Feed {
    /// How often something was committed.
    wake: watch::Sender<u64>,
}

impl Feed {
    pub(super) fn new() -> Self {
        Self { wake: watch::channel(0).0 }
    }

    /// Something was committed.
    pub(super) fn wake(&self) {
        self.wake.send_modify(|commits| *commits += 1);
    }
}

/// Where a listener stands.
struct Listener {
    estate: Arc<Local>,
    wanted: LogFilter,
    seen: Rev,
    /// How often something had turned with nobody's change: a new billing period, a raised cap that
    /// returned.
    turns: i64,
}

/// What is told of one change.
pub(super) fn object(entry: &Entry) -> serde_json::Value {
    json!({ "change_id": entry.id, "at": entry.at.to_string(), "by": entry.by, "kind": entry.kind,
            "summary": entry.summary, "counts": entry.counts })
}

impl Listener {
    /// What is new to this listener: changes they may see, or only that there are some; and whether
    /// that is not all yet.
    fn news(&mut self) -> estate::Result<(Vec<Event>, bool)> {
        let turns = self.estate.turns()?;
        let turned = std::mem::replace(&mut self.turns, turns) != turns;
        let wanted = LogFilter { after: Some(self.seen), limit: MOST, ..self.wanted.clone() };
        let (last, any) = self.estate.changed_since(self.seen)?;
        let entries = match self.estate.entries(&wanted, &CancelToken::new()) {
            Err(Error::Denied { .. }) => {
                self.seen = last;
                return Ok(((any || turned).then(refresh).into_iter().collect(), false));
            }
            entries => entries?,
        };
        let more = entries.len() as u32 == MOST;
        self.seen = match entries.last() {
            Some(entry) if more => entry.rev,
            Some(entry) => last.max(entry.rev),
            None => last,
        };
        let event = |entry: &Entry| {
            Event::default().event("change").id(entry.id.0.clone()).data(object(entry).to_string())
        };
        Ok((entries.iter().map(event).chain(turned.then(refresh)).collect(), more))
    }
}

/// Something is other than it was: what, is not told.
fn refresh() -> Event {
    Event::default().event("refresh").data("{}")
}

/// The change feed.
pub(super) async fn events(
    State(served): State<AppState>,
    asker: CurrentUser,
    request: Parts,
) -> Result<Response, Problem> {
    let params = Params::read(&request, &["account", "after"])?;
    let header = request.headers.get(LAST).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let last = header.or_else(|| params.get("after").map(str::to_owned));
    let mut wake = served.feed.wake.subscribe();
    let (wanted, seen, turns) = served
        .work(&asker, move |local, cancel| {
            let account = accounts::parse_account(local, &params, cancel)?;
            let seen = match last {
                // An unknown one is told apart from none.
                Some(last) => log::entry(local, &last, cancel)?.rev,
                None => local.changed_since(Rev::MAX)?.0,
            };
            Ok((LogFilter { account, ..LogFilter::default() }, seen, local.turns()?))
        })
        .await?;
    let room = Streams::begin(&served.listeners, asker.estate.actor().id, LISTENERS)?;
    let mut listener = Listener { estate: Arc::clone(&asker.estate), wanted, seen, turns };
    let (sender, receiver) = mpsc::channel::<Result<Event, Infallible>>(16);
    let mut stopped = served.stopped.subscribe();
    tokio::spawn(async move {
        let _room = room;
        loop {
            let _ = wake.borrow_and_update();
            let turn = turn(&served.turns).await;
            let heard = tokio::task::spawn_blocking(move || {
                let _turn = turn;
                let news = listener.news();
                (listener, news)
            });
            // Whoever may not listen any more is hung up on, and told why when they ask again.
            let Ok((back, Ok((news, more)))) = heard.await else { return };
            listener = back;
            for event in news {
                if sender.send(Ok(event)).await.is_err() {
                    return;
                }
            }
            if more {
                continue;
            }
            tokio::select! {
                woken = wake.changed() => if woken.is_err() { return },
                () = sender.closed() => return,
                _ = stopped.wait_for(|stopped| *stopped) => return,
            }
        }
    });
    Ok(streams::events(ReceiverStream::new(receiver)))
}
