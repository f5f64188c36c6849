//! What happens by itself while a screen is open: period rollovers, the text index, messages that are due.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use estate::{Estate, Local, Time};

use crate::notify::Courier;

/// A pause between two small steps, so that whoever writes hardly waits.
const PAUSE: Duration = Duration::from_millis(20);
/// How long to leave a store alone that cannot be written to.
const TROUBLE: Duration = Duration::from_mins(1);
/// Longest sleep: a clock that is set right is noticed within it.
const LONGEST: Duration = Duration::from_hours(1);

/// Works until `woken` ends; `changed` hears when rows have become other than they were. Between two pieces of work it
/// sleeps until the next is due, or until something is committed.
pub fn keep(
    local: &Local,
    courier: Option<&Courier>,
    woken: &Receiver<()>,
    stop: &AtomicBool,
    changed: &dyn Fn(),
) {
    let mut reported = None;
    loop {
        let mut worked = false;
        while !stop.load(Ordering::Relaxed) && local.background().unwrap_or(false) {
            worked = true;
            std::thread::sleep(PAUSE);
        }
        if worked {
            changed();
        }
        let pending = local.rollover_status().ok().and_then(|status| status.message());
        if pending != reported {
            if let Some(message) = &pending {
                tracing::warn!("{message}");
            }
            reported = pending;
        }
        let delivered = courier.map(|courier| courier.deliver(local, &|| stop.load(Ordering::Relaxed)));
        if let Some(Err(error)) = delivered {
            tracing::warn!(%error, "the outbox cannot be read");
        }
        match woken.recv_timeout(until_next(local, courier.is_some())) {
            Err(RecvTimeoutError::Disconnected) => return,
            Ok(()) | Err(RecvTimeoutError::Timeout) => {}
        }
        // One wake is enough for whatever was committed meanwhile.
        while woken.try_recv().is_ok() {}
    }
}

fn until_next(local: &Local, sends: bool) -> Duration {
    let letter = if sends { local.next_letter() } else { Ok(None) };
    let (Ok(letter), Ok(turn)) = (letter, local.next_turn()) else { return TROUBLE };
    let next = letter.map_or(turn, |letter| letter.min(turn));
    Duration::from_secs((next.0 - Time::now().0).max(1).unsigned_abs()).min(LONGEST)
}
