//! How often somebody may ask: so much at once, then so much a minute
//! (draft-ietf-httpapi-ratelimit-headers).

use std::net::IpAddr;
use std::num::NonZeroU32;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use estate::UserId;
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use sha2::{Digest, Sha256};

use super::problem::Problem;

type Keyed<K> = RateLimiter<K, DashMapStateStore<K>, DefaultClock, StateInformationMiddleware>;

/// The window of every limit, in seconds.
const WINDOW: u64 = 60;
/// How many requests without a good token a minute may come from one network.
const STRANGERS: u32 = 60;
/// Sign-ins a minute as one user from one network; and from one network, as any user.
const SIGN_INS: u32 = 10;
const EACH: u32 = 60;
/// How many links a minute from one network.
const LINKS: u32 = 20;
/// From how many keys on those that have been quiet are forgotten.
const KEYS: usize = 10_000;

/// Whether somebody asks too often.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rate {
    /// They do not: how many requests a minute they have, and how many are left now.
    Within { quota: u32, left: u32 },
    /// They do, for so long.
    Over { seconds: u64 },
}

impl Rate {
    /// Goes on only as long as they do not.
    pub(super) fn within(self) -> Result<(), Problem> {
        match self {
            Self::Within { .. } => Ok(()),
            Self::Over { seconds } => Err(Problem::too_many(seconds)),
        }
    }
}

/// The limits of a server.
pub(super) struct Limits {
    quota: NonZeroU32,
    users: Keyed<UserId>,
    strangers: Keyed<IpAddr>,
    sign_ins: Keyed<Attempt>,
    each: Keyed<Attempt>,
    own: Keyed<UserId>,
    links: Keyed<IpAddr>,
    renewals: Keyed<IpAddr>,
}

/// Who somebody wants to be, and where they are.
type Attempt = (Option<[u8; 16]>, Option<IpAddr>);

/// A key of one size, however long what it stands for is.
pub(super) fn digest(bytes: &[u8]) -> [u8; 16] {
    let hash: [u8; 32] = Sha256::digest(bytes).into();
    std::array::from_fn(|at| hash[at])
}

/// The network of an address: whoever has one of IPv6 has a whole /64 (RFC 6177).
pub(super) fn network(from: IpAddr) -> IpAddr {
    match from {
        IpAddr::V4(_) => from,
        IpAddr::V6(address) => {
            let s = address.segments();
            IpAddr::from([s[0], s[1], s[2], s[3], 0, 0, 0, 0])
        }
    }
}

fn keyed_limiter<K: Clone + Eq + std::hash::Hash>(a_minute: NonZeroU32) -> Keyed<K> {
    RateLimiter::dashmap(Quota::per_minute(a_minute)).with_middleware()
}

fn check_rate<K: Clone + Eq + std::hash::Hash>(limiter: &Keyed<K>, key: &K) -> Rate {
    if limiter.len() > KEYS {
        limiter.retain_recent();
    }
    match limiter.check_key(key) {
        Ok(state) => Rate::Within {
            quota: state.quota().burst_size().get(),
            left: state.remaining_burst_capacity(),
        },
        Err(not_until) => {
            let wait = not_until.wait_time_from(DefaultClock::default().now());
            Rate::Over { seconds: wait.as_secs() + 1 }
        }
    }
}

impl Limits {
    /// Limits with so many requests a minute for each user.
    pub(super) fn new(quota: NonZeroU32) -> Self {
        let fixed = |n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        Self {
            quota,
            users: keyed_limiter(quota),
            strangers: keyed_limiter(fixed(STRANGERS)),
            sign_ins: keyed_limiter(fixed(SIGN_INS)),
            each: keyed_limiter(fixed(EACH)),
            own: keyed_limiter(fixed(SIGN_INS)),
            links: keyed_limiter(fixed(LINKS)),
            renewals: keyed_limiter(fixed(EACH)),
        }
    }

    /// A request of a user.
    pub(super) fn user(&self, user: UserId) -> Rate {
        check_rate(&self.users, &user)
    }

    /// A request of nobody who is known.
    pub(super) fn stranger(&self, from: IpAddr) -> Rate {
        check_rate(&self.strangers, &network(from))
    }

    /// An attempt to sign in: limited for the pair of user and network, and for the network. There
    /// is no limit for the user alone, so that an attacker cannot lock out the account owner.
    pub(super) fn sign_in(&self, email: &str, from: IpAddr) -> Rate {
        let who = digest(email.trim().to_lowercase().as_bytes());
        let from = network(from);
        // What one limit refuses does not count against the next: else whoever guesses keeps out
        // whom they guess at.
        [(&self.sign_ins, (Some(who), Some(from))), (&self.each, (None, Some(from)))]
            .into_iter()
            .map(|(limit, attempt)| check_rate(limit, &attempt))
            .find(|rate| matches!(rate, Rate::Over { .. }))
            .unwrap_or(Rate::Within { quota: SIGN_INS, left: 0 })
    }

    /// A password that whoever is signed in gives.
    pub(super) fn own(&self, user: UserId) -> Rate {
        check_rate(&self.own, &user)
    }

    /// A link that somebody tries, from somewhere.
    pub(super) fn link(&self, from: IpAddr) -> Rate {
        check_rate(&self.links, &network(from))
    }

    /// A session that is renewed, from somewhere.
    pub(super) fn renewal(&self, from: IpAddr) -> Rate {
        check_rate(&self.renewals, &network(from))
    }

    /// What an answer says of the limit it came under.
    pub(super) fn say(&self, rate: Rate, headers: &mut HeaderMap) {
        let (quota, left, reset) = match rate {
            Rate::Within { quota, left } => (quota, left, WINDOW),
            Rate::Over { seconds } => (self.quota.get(), 0, seconds),
        };
        let said = [
            (HeaderName::from_static("ratelimit-policy"), format!("\"default\";q={quota};w={WINDOW}")),
            (HeaderName::from_static("ratelimit"), format!("\"default\";r={left};t={reset}")),
        ];
        for (name, value) in said {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_asks_too_often_waits_and_nobody_else_does() {
        let limits = Limits::new(NonZeroU32::new(3).expect("some"));
        let rates: Vec<Rate> = (0..4).map(|_| limits.user(UserId(1))).collect();
        assert!(matches!(rates[0], Rate::Within { quota: 3, left: 2 }), "{:?}", rates[0]);
        assert!(matches!(rates[3], Rate::Over { seconds: 1..=21 }), "{:?}", rates[3]);
        assert!(matches!(limits.user(UserId(2)), Rate::Within { .. }));
    }

    #[test]
    fn signing_in_is_limited_for_whoever_guesses_and_nobody_else() {
        let limits = Limits::new(NonZeroU32::MIN);
        let from = |n: u32| IpAddr::from(n.to_be_bytes());
        for _ in 0..SIGN_INS {
            assert!(matches!(limits.sign_in("a@x.example", from(1)), Rate::Within { .. }));
        }
        for _ in 0..2 * EACH {
            assert!(matches!(limits.sign_in("A@x.example ", from(1)), Rate::Over { .. }));
        }
        // Whose address was guessed at comes in from elsewhere, and others come in from there.
        assert!(matches!(limits.sign_in("a@x.example", from(2)), Rate::Within { .. }));
        assert!(matches!(limits.sign_in("b@x.example", from(1)), Rate::Within { .. }));
        // Guesses from everywhere at once lock out nobody.
        for n in 100..100 + 2 * EACH {
            assert!(matches!(limits.sign_in("a@x.example", from(n)), Rate::Within { .. }), "{n}");
        }
        // One network that tries many users is slowed down.
        let sprayed = (0..=EACH).map(|n| limits.sign_in(&format!("{n}@x.example"), from(3)));
        assert_eq!(sprayed.filter(|rate| matches!(rate, Rate::Over { .. })).count(), 1);
        let there = |host: u16| IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, host]);
        for n in 0..LINKS as u16 {
            assert!(matches!(limits.link(there(n)), Rate::Within { .. }));
        }
        assert!(
            matches!(limits.link(there(99)), Rate::Over { .. })
                && matches!(limits.link(from(1)), Rate::Within { .. })
        );
    }
}
