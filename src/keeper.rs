//! What happens by itself while a screen is open: period rollovers, the text index, messages that
//! are due.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use estate::{Error, Estate, Local, PeriodRollover, RolloverStatus, Time};

use crate::notify::Dispatcher;

/// A pause between two small steps, so that whoever writes hardly waits.
const PAUSE: Duration = Duration::from_millis(20);
/// How long to leave a store alone that cannot be written to.
const TROUBLE: Duration = Duration::from_mins(1);
/// Longest sleep: a clock that is set right is noticed within it.
const LONGEST: Duration = Duration::from_hours(1);

/// Works until `woken` ends; `changed` hears when rows have become other than they were. Between
/// two pieces of work it sleeps until the next is due, or until something is committed.
pub fn keep(
    local: &Local,
    courier: Option<&Dispatcher>,
    woken: &Receiver<()>,
    stop: &AtomicBool,
    changed: &dyn Fn(),
) {
    let mut report = WorkReport::default();
    loop {
        if let Ok(status) = local.rollover_status() {
            report.note_pending(&status);
        }
        let (worked, failed) = run_steps(local, stop);
        if let Some(error) = report.new_failure(failed) {
            tracing::warn!(%error, "background work failed");
        }
        if worked {
            changed();
        }
        if let Ok(status) = local.rollover_status() {
            for PeriodRollover { rule, until, .. } in report.take_finished(&status) {
                tracing::info!("billing periods until {} are closed ({})", until.day(), rule.describe());
            }
            if let Some(message) = report.new_message(&status) {
                tracing::warn!("{message}");
            }
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

/// Runs steps of background work until none is left; returns true if any did something, and the
/// error that ended them.
fn run_steps(local: &Local, stop: &AtomicBool) -> (bool, Option<Error>) {
    let mut worked = false;
    while !stop.load(Ordering::Relaxed) {
        match local.run_maintenance_step() {
            Ok(true) => worked = true,
            Ok(false) => break,
            Err(error) => return (worked, Some(error)),
        }
        std::thread::sleep(PAUSE);
    }
    (worked, None)
}

/// Log lines of background work that were written last, so that none is repeated while things stay
/// as they are.
#[derive(Default)]
struct WorkReport {
    key: String,
    failure: Option<&'static str>,
    /// Rollovers that were due before the steps.
    pending: Vec<PeriodRollover>,
}

impl WorkReport {
    /// Notes the rollovers that are due before the steps.
    fn note_pending(&mut self, status: &RolloverStatus) {
        self.pending.clone_from(&status.pending);
    }

    /// Returns a failure to warn of: one of each kind in a row.
    fn new_failure(&mut self, error: Option<Error>) -> Option<Error> {
        let code = error.as_ref().map(Error::code);
        let is_new = code != self.failure;
        self.failure = code;
        error.filter(|_| is_new)
    }

    /// Returns the rollovers that the steps finished.
    fn take_finished(&mut self, status: &RolloverStatus) -> Vec<PeriodRollover> {
        let mut finished = std::mem::take(&mut self.pending);
        finished.retain(|was| !status.pending.iter().any(|pending| pending.rule == was.rule));
        finished
    }

    /// Returns the message to warn of, unless the same was warned of before.
    fn new_message(&mut self, status: &RolloverStatus) -> Option<String> {
        let key = status.message_key();
        let is_new = key != self.key;
        self.key = key;
        status.message().filter(|_| is_new)
    }
}

fn until_next(local: &Local, sends: bool) -> Duration {
    let letter = if sends { local.next_letter() } else { Ok(None) };
    let (Ok(letter), Ok(turn)) = (letter, local.next_turn()) else { return TROUBLE };
    let next = letter.map_or(turn, |letter| letter.min(turn));
    Duration::from_secs((next.0 - Time::now().0).max(1).unsigned_abs()).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use estate::PeriodRule;

    use super::*;

    fn status(rules: &[PeriodRule], now: i64) -> RolloverStatus {
        let pending = |rule: &PeriodRule| PeriodRollover {
            rule: *rule,
            closed_until: Time(0),
            until: Time(86_400),
            is_logged: false,
            change: None,
        };
        let clock = estate::ClockReading { now: Time(now), newest: Some(Time(1_000_000)) };
        RolloverStatus {
            pending: rules.iter().map(pending).collect(),
            clock: Some(clock),
            ..Default::default()
        }
    }

    #[test]
    fn a_failure_of_one_kind_is_reported_once() {
        let mut report = WorkReport::default();
        let mut is_new = |error: Option<Error>| report.new_failure(error).is_some();
        assert!(is_new(Some(Error::ReadOnly)));
        assert!(!is_new(Some(Error::ReadOnly)));
        assert!(is_new(Some(Error::Cancelled)), "another kind");
        assert!(!is_new(None));
        assert!(is_new(Some(Error::Cancelled)), "again, after it worked");
    }

    #[test]
    fn a_rollover_is_reported_when_it_waits_and_when_it_is_finished() {
        let mut report = WorkReport::default();
        let (month, day) = (PeriodRule::Month, PeriodRule::Day(23));
        report.note_pending(&status(&[month, day], 0));
        let finished = report.take_finished(&status(&[day], 0));
        assert_eq!(finished.iter().map(|f| f.rule).collect::<Vec<_>>(), [month]);
        assert!(report.take_finished(&status(&[], 0)).is_empty(), "once");
        assert!(
            report.new_message(&status(&[day], 0)).is_some_and(|message| message.contains("pending"))
        );
        assert_eq!(report.new_message(&status(&[day], 1)), None, "a second later");
        assert_eq!(report.new_message(&status(&[], 999_999)), None);
        assert!(report.new_message(&status(&[day], 2)).is_some());
    }
}
