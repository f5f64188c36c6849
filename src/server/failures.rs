//! Failed sign-ins, told to the user at the next one that succeeds.
//!
//! They are kept by user, not by address: users of other customers may have the same address. A
//! network address is kept only where the attempt was at one user: which of several was meant is
//! not known, and whoever makes a user of somebody else's address would be told where that somebody
//! signs in.
//!
//! They are kept in memory: what nobody has signed in for writes nothing to the store. The log
//! keeps each of them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use estate::{Time, UserId};
use serde_json::{Value as Json, json};

/// Users whose failures are kept; beyond that the one that has been quiet longest is forgotten.
const MAX_USERS: usize = 10_000;
/// Addresses that are named, the last ones.
const MAX_ADDRESSES: usize = 3;

/// Failures by user.
#[derive(Default)]
pub(super) struct FailedSignIns(Mutex<HashMap<UserId, Failures>>);

/// Failures since the last success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failures {
    count: u64,
    since: Time,
    last: Time,
    from: Vec<IpAddr>,
}

impl FailedSignIns {
    /// Counts a failure of a user; `from` is where it came from, if they may know.
    pub(super) fn record(&self, user: UserId, from: Option<IpAddr>, now: Time) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MAX_USERS && !all.contains_key(&user) {
            let quiet = all.iter().min_by_key(|(_, failures)| failures.last).map(|(user, _)| *user);
            quiet.and_then(|user| all.remove(&user));
        }
        let failures =
            all.entry(user).or_insert(Failures { count: 0, since: now, last: now, from: Vec::new() });
        (failures.count, failures.last) = (failures.count + 1, now);
        let Some(from) = from else { return };
        failures.from.retain(|known| *known != from);
        failures.from.push(from);
        let more = failures.from.len().saturating_sub(MAX_ADDRESSES);
        failures.from.drain(..more);
    }

    /// Takes the failures of a user who has signed in.
    pub(super) fn take(&self, user: UserId) -> Option<Failures> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&user)
    }
}

impl Failures {
    /// The failures as the API gives them.
    pub(super) fn object(&self) -> Json {
        let from: Vec<String> = self.from.iter().map(ToString::to_string).collect();
        json!({ "count": self.count, "since": self.since.to_string(), "from": from })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_counted_by_user_until_one_is_taken() {
        let all = FailedSignIns::default();
        let from = |n: u8| IpAddr::from([198, 51, 100, n]);
        for (n, at) in [(1, 10), (2, 20), (1, 30)] {
            all.record(UserId(7), Some(from(n)), Time(at));
        }
        all.record(UserId(8), None, Time(40));
        let failures = all.take(UserId(7)).expect("counted");
        assert_eq!(
            (failures.count, failures.since, &failures.from[..]),
            (3, Time(10), &[from(2), from(1)][..])
        );
        assert_eq!(all.take(UserId(7)), None);
        let failures = all.take(UserId(8)).expect("counted apart");
        assert_eq!((failures.count, &failures.from[..]), (1, &[][..]));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let all = FailedSignIns::default();
        for n in 0..=MAX_USERS {
            all.record(UserId(n as i64), None, Time(n as i64));
        }
        assert!(all.take(UserId(0)).is_none() && all.take(UserId(1)).is_some());
        for n in 0..10 {
            all.record(UserId(1), Some(IpAddr::from([198, 51, 100, n])), Time(0));
        }
        assert_eq!(all.take(UserId(1)).map(|failures| failures.from.len()), Some(MAX_ADDRESSES));
    }
}
