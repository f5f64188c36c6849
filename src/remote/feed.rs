//! What changes at the server, heard as it changes; and whether the server is there at all.

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use estate::CommitWatch;
use futures_util::StreamExt as _;
use reqwest::{Method, header};
use tokio::task::AbortHandle;

use super::Link;

/// The line is dead when nothing has come for this long: the server says more often that it is alive.
const SILENCE: Duration = Duration::from_secs(25);
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
pub(super) fn listen(link: &Arc<Link>, hear: Box<dyn Fn() + Send>) -> CommitWatch {
    let (wake, woken) = channel::<()>();
    // Whoever hears asks the server in turn, and waits for that: not here.
    std::thread::spawn(move || {
        while woken.recv().is_ok() {
            while woken.try_recv().is_ok() {}
            hear();
        }
    });
    let events = link.runtime().spawn(events(Arc::clone(link), wake.clone()));
    let mut offline = link.watch_offline();
    let reach = link.runtime().spawn(async move {
        while offline.changed().await.is_ok() {
            if wake.send(()).is_err() {
                return;
            }
        }
    });
    CommitWatch::of(Ends(vec![events.abort_handle(), reach.abort_handle()]))
}

/// Listens, and begins anew when the line breaks.
async fn events(link: Arc<Link>, wake: Sender<()>) {
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
        if heard(&link, &wake).await {
            pause = pauses();
        }
        tokio::time::sleep(pause.next().unwrap_or(LONGEST)).await;
    }
}

/// Listens until the line breaks; whether there was one.
async fn heard(link: &Link, wake: &Sender<()>) -> bool {
    let Ok(request) = link.request(Method::GET, "/v1/events") else { return false };
    let request = request.header(header::ACCEPT, "text/event-stream");
    let Ok(response) = link.send(request).await else {
        // A session that has to be renewed is renewed by whoever asks next.
        let _ = wake.send(());
        return false;
    };
    // Something may have changed while nobody listened.
    let _ = wake.send(());
    let mut pieces = response.bytes_stream();
    while let Ok(Some(Ok(piece))) = tokio::time::timeout(SILENCE, pieces.next()).await {
        link.note(true);
        // What is news is asked for: that it is, is enough here.
        if piece.windows(6).any(|part| part == b"event:") && wake.send(()).is_err() {
            return true;
        }
    }
    link.note(false);
    true
}
