//! The change feed of a server, and polling while the feed is silent.
//!
//! A proxy may accept the feed and hold back what it carries (nginx does by default). So the feed
//! counts as live only once a line of it has arrived: the server sends a comment at once. Until
//! then the revision is asked for at intervals.

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use estate::CommitWatch;
use reqwest::{Method, header};
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use super::HttpClient;
use super::answer::Lines;

/// The longest pause before another attempt.
const LONGEST: Duration = Duration::from_secs(3);

/// Ends what it holds with itself.
struct Ends(Vec<AbortHandle>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.iter().for_each(AbortHandle::abort);
    }
}

/// Calls back whenever something may have changed, and whenever the server went or came back.
pub(super) fn listen(link: &Arc<HttpClient>, hear: Box<dyn Fn() + Send>) -> CommitWatch {
    let (wake, woken) = channel::<()>();
    // An earlier listener on the same connection may have left it.
    link.set_live(false);
    // Whoever hears asks the server in turn, and waits for that: not here.
    std::thread::spawn(move || {
        while woken.recv().is_ok() {
            while woken.try_recv().is_ok() {}
            hear();
        }
    });
    let events = link.runtime().spawn(events(Arc::clone(link), wake.clone()));
    let poll = link.runtime().spawn(poll(Arc::clone(link), wake.clone()));
    let (mut offline, mut live) = (link.watch_offline(), link.watch_live());
    let reach = link.runtime().spawn(async move {
        loop {
            tokio::select! {
                changed = offline.changed() => if changed.is_err() { return },
                changed = live.changed() => if changed.is_err() { return },
            }
            if wake.send(()).is_err() {
                return;
            }
        }
    });
    CommitWatch::of(Ends(vec![events.abort_handle(), poll.abort_handle(), reach.abort_handle()]))
}

/// Calls back at intervals while the feed is not live.
async fn poll(link: Arc<HttpClient>, wake: Sender<()>) {
    let mut live = link.watch_live();
    while live.wait_for(|live| !*live).await.is_ok() {
        sleep(link.waits().poll).await;
        if !link.is_live() && wake.send(()).is_err() {
            return;
        }
    }
}

/// Listens, and begins anew when the line breaks.
async fn events(link: Arc<HttpClient>, wake: Sender<()>) {
    let pauses = || {
        ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(250))
            .with_max_delay(LONGEST)
            .with_jitter()
            .without_max_times()
            .build()
    };
    let mut pause = pauses();
    loop {
        read_feed(&link, &wake).await;
        if link.set_live(false) {
            pause = pauses();
        }
        sleep(pause.next().unwrap_or(LONGEST)).await;
    }
}

/// Reads the feed until it ends or falls silent, or nobody listens any more.
async fn read_feed(link: &HttpClient, wake: &Sender<()>) {
    let Ok(request) = link.request(Method::GET, "/v1/events") else { return };
    let request = request.header(header::ACCEPT, "text/event-stream");
    let limit = link.waits().feed;
    // An answer that does not begin is held back by a proxy: the reads tell whether the server is
    // there.
    let Ok(Ok(response)) = timeout(limit, link.send(request)).await else {
        // A session that has to be renewed is renewed by the next read.
        let _ = wake.send(());
        return;
    };
    let mut lines = Lines::of(response, limit, limit);
    while let Ok(Some(line)) = lines.next().await {
        let is_event = line.starts_with(b"event:");
        // Anything else than an event or a comment comes from no change feed, or belongs to an
        // event.
        if !is_event && !line.starts_with(b":") {
            continue;
        }
        link.note(true);
        // Something may have changed before the feed began.
        let begun = link.set_live(true);
        if (begun || is_event) && wake.send(()).is_err() {
            return;
        }
    }
}
