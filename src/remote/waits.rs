//! Longest waits for a server. No answer is waited for without an end.

use std::time::Duration;

/// Longest waits of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waits {
    /// For a connection.
    pub connect: Duration,
    /// Between two pieces of an answer. The server sends an empty line every 5 s.
    pub idle: Duration,
    /// For a line of an answer, once it has begun.
    pub line: Duration,
    /// For the whole answer to a read; the server gives up after 30 s.
    pub read: Duration,
    /// For the answer to "who am I", which takes a server no time.
    pub hello: Duration,
    /// For signing in: with `hello` after it, less than 45 s.
    pub sign_in: Duration,
    /// For an answer to a change to begin.
    pub change: Duration,
    /// For a change that makes no progress.
    pub stalled: Duration,
    /// For a look into the log, after the answer to a change was lost.
    pub lookup: Duration,
    /// For a server that cannot be reached to take a change.
    pub unsent: Duration,
    /// For the outcome of a change whose answer was lost.
    pub lost: Duration,
    /// For the end of a change that was stopped.
    pub stop: Duration,
    /// Between two reads of the revision, while the change feed is silent.
    pub poll: Duration,
    /// For a sign of life on the change feed; the server sends one every 10 s.
    pub feed: Duration,
}

impl Default for Waits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            idle: Duration::from_secs(20),
            line: Duration::from_mins(1),
            read: Duration::from_secs(40),
            hello: Duration::from_secs(15),
            sign_in: Duration::from_secs(25),
            change: Duration::from_secs(20),
            stalled: Duration::from_mins(10),
            lookup: Duration::from_secs(10),
            unsent: Duration::from_secs(20),
            lost: Duration::from_mins(2),
            stop: Duration::from_secs(30),
            poll: Duration::from_secs(10),
            feed: Duration::from_secs(25),
        }
    }
}
