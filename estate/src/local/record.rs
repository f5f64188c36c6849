//! A change being made, and the log record that it becomes.

use crate::change::outcome::Counts;
use crate::clock::ClockReading;
use crate::ids::{AccountId, Rev};
use crate::progress::Watch;
use crate::store::connection::Session;
use crate::store::read::View;
use serde_json::Value as Json;

/// What a change put into the log.
pub(super) struct Done {
    pub kind: &'static str,
    pub body: Json,
    pub counts: Counts,
    pub undoes: Option<Rev>,
    pub account: Option<AccountId>,
    pub touched: Vec<AccountId>,
}

impl Done {
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
pub(super) struct Run<'a> {
    pub view: &'a View<'a>,
    pub session: &'a Session,
    pub rev: Rev,
    pub now: crate::units::Time,
    /// The clock beside the newest log entry before this change.
    pub clock: ClockReading,
    /// What was asked for, to be known again by.
    pub asked: &'a str,
    pub watch: &'a Watch<'a>,
}
