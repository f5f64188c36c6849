//! Failed sign-ins, told to the user at the next one that succeeds.
//!
//! They are kept in memory: what nobody has signed in for writes nothing to the store. The log keeps each of them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use estate::Time;
use serde_json::{Value as Json, json};

use super::limits::digest;

/// Users whose failures are kept; beyond that the one that has been quiet longest is forgotten.
const MAX_USERS: usize = 10_000;
/// Addresses that are named, the last ones.
const MAX_ADDRESSES: usize = 3;

/// Failures by mail address.
#[derive(Default)]
pub(super) struct FailedSignIns(Mutex<HashMap<[u8; 16], Failures>>);

/// Failures since the last success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failures {
    count: u64,
    since: Time,
    last: Time,
    from: Vec<IpAddr>,
}

fn key(email: &str) -> [u8; 16] {
    digest(email.trim().to_lowercase().as_bytes())
}

impl FailedSignIns {
    /// Counts a failure.
    pub(super) fn record(&self, email: &str, from: IpAddr, now: Time) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = key(email);
        if all.len() >= MAX_USERS && !all.contains_key(&key) {
            let quiet = all.iter().min_by_key(|(_, failures)| failures.last).map(|(key, _)| *key);
            quiet.and_then(|key| all.remove(&key));
        }
        let failures =
            all.entry(key).or_insert(Failures { count: 0, since: now, last: now, from: Vec::new() });
        (failures.count, failures.last) = (failures.count + 1, now);
        failures.from.retain(|known| *known != from);
        failures.from.push(from);
        let more = failures.from.len().saturating_sub(MAX_ADDRESSES);
        failures.from.drain(..more);
    }

    /// Takes the failures of a user who has signed in.
    pub(super) fn take(&self, email: &str) -> Option<Failures> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&key(email))
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
            all.record("Ann@x.example", from(n), Time(at));
        }
        let failures = all.take("ann@x.example ").expect("counted");
        assert_eq!(
            (failures.count, failures.since, &failures.from[..]),
            (3, Time(10), &[from(2), from(1)][..])
        );
        assert_eq!(all.take("ann@x.example"), None);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let all = FailedSignIns::default();
        for n in 0..=MAX_USERS {
            all.record(&format!("{n}@x.example"), IpAddr::from([198, 51, 100, 1]), Time(n as i64));
        }
        assert!(all.take("0@x.example").is_none() && all.take("1@x.example").is_some());
        for n in 0..10 {
            all.record("a@x.example", IpAddr::from([198, 51, 100, n]), Time(0));
        }
        assert_eq!(all.take("a@x.example").map(|failures| failures.from.len()), Some(MAX_ADDRESSES));
    }
}
