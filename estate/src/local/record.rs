//! A change being made, and the log record that it becomes.

use crate::change::outcome::Counts;
use crate::clock::ClockReading;
use crate::error::Result;
use crate::ids::{AccountId, ChangeId, Rev};
use crate::progress::OnProgress;
use crate::store::connection::Database;
use crate::store::log;
use crate::store::log::Record;
use crate::store::read::View;
use crate::units::Time;
use crate::user::User;
use serde_json::Value as Json;

/// What a change put into the log.
pub(super) struct LogRecord {
    pub kind: &'static str,
    pub body: Json,
    pub counts: Counts,
    pub undoes: Option<Rev>,
    pub account: Option<AccountId>,
    pub touched: Vec<AccountId>,
}

impl LogRecord {
    /// A change to SIMs.
    pub fn sims(kind: &'static str, body: Json, counts: Counts, undoes: Option<Rev>) -> Self {
        Self { kind, body, counts, undoes, account: None, touched: Vec::new() }
    }

    /// A change to the accounts themselves.
    pub fn accounts(kind: &'static str, body: Json, touched: Vec<AccountId>) -> Self {
        Self {
            kind,
            body,
            counts: Counts::default(),
            undoes: None,
            account: touched.first().copied(),
            touched,
        }
    }
}

/// Where the work of one change goes.
pub(super) struct ApplyContext<'a> {
    pub view: &'a View<'a>,
    pub session: &'a Database,
    pub rev: Rev,
    pub now: Time,
    /// The clock beside the newest log entry before this change.
    pub clock: ClockReading,
    /// What was asked for, to be known again by.
    pub asked: &'a str,
    pub watch: &'a OnProgress<'a>,
}

/// Logs what is no change of the estate and still has to be known.
pub(super) fn append(
    session: &Database,
    actor: &User,
    kind: &str,
    body: serde_json::Value,
    at: Time,
) -> Result<i64> {
    let rev = session.rev()? + 1;
    let record = Record {
        rev,
        id: &ChangeId::new(),
        at,
        actor,
        kind,
        body,
        counts: Counts::default(),
        undoes: None,
    };
    log::append(session, &record)?;
    Ok(rev)
}
