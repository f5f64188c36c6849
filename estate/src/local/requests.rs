//! What programs asked for with an idempotency key: kept with its answer, so that asking again does
//! it no second time, and gone on with after a crash.

use rusqlite::{OptionalExtension, Row, Transaction, TransactionBehavior, params};
use serde::{Deserialize, Serialize};

use super::Local;
use crate::change::Change;
use crate::error::{Error, Result};
use crate::ids::ChangeId;
use crate::progress::CancelToken;
use crate::role::Capability;
use crate::store::connection::Database;
use crate::store::newest_time;
use crate::units::Time;

/// How long a key stands for what was asked by it, and how long what became of that is kept.
const KEY: i64 = 86_400;
const KEPT: i64 = 31 * 86_400;

/// How a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// It is being done, or was when the program ended.
    Running,
    /// It was done; what became of each SIM is in the log.
    Done,
    /// It failed; nothing was changed.
    Failed,
    /// It was stopped; nothing was changed.
    Cancelled,
}

impl Stage {
    fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    fn from_word(word: &str) -> Self {
        let all = [Self::Done, Self::Failed, Self::Cancelled];
        all.into_iter().find(|stage| stage.word() == word).unwrap_or(Self::Running)
    }
}

/// Something that was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The change it makes.
    pub id: ChangeId,
    /// By what it was asked.
    pub route: String,
    /// When.
    pub at: Time,
    /// How it stands.
    pub stage: Stage,
    /// What became of it, as whoever asked was told.
    pub answer: String,
    /// What was confirmed.
    pub change: Change,
}

const REQUEST: &str = "SELECT id, route, at, state, answer, change, body FROM request";

fn request(row: &Row<'_>) -> rusqlite::Result<(Request, Vec<u8>)> {
    let change: String = row.get(5)?;
    let change = serde_json::from_str(&change).map_err(|e| {
        rusqlite::Error::FromSqlConversionFailure(5, rusqlite::types::Type::Text, Box::new(e))
    })?;
    let stage = Stage::from_word(row.get_ref(3)?.as_str().unwrap_or_default());
    let (id, at) = (ChangeId(row.get(0)?), Time(row.get(2)?));
    Ok((Request { id, route: row.get(1)?, at, stage, answer: row.get(4)?, change }, row.get(6)?))
}

impl Local {
    /// What was asked for by that key within a day, if anything was; another body under the same
    /// key is refused.
    pub fn find_request(&self, route: &str, key: &str, body: &[u8]) -> Result<Option<Request>> {
        self.read(Capability::View, &CancelToken::new(), |view| {
            self.by_key(view.session, route, key, body)
        })
    }

    fn by_key(&self, session: &Database, route: &str, key: &str, body: &[u8]) -> Result<Option<Request>> {
        let sql = format!(
            "{REQUEST} WHERE user_id = ? AND account_id = ? AND route = ? AND key = ? AND at > ?"
        );
        let after = (self.clock)().0 - KEY;
        let values = params![self.scope.user.id.0, self.scope.top().0, route, key, after];
        let found = session.query_row(&sql, values, request).optional()?;
        match found {
            Some((_, known)) if known != body => Err(Error::KeyReused),
            found => Ok(found.map(|(request, _)| request)),
        }
    }

    /// Notes that something is asked for; whoever was quicker with the same key is answered
    /// instead.
    pub fn ask_for(
        &self,
        route: &str,
        key: &str,
        body: &[u8],
        id: &ChangeId,
        change: &Change,
    ) -> Result<Option<Request>> {
        if self.scope.read_only {
            return Err(Error::ReadOnly);
        }
        let now = (self.clock)();
        let session = self.store.writer();
        let transaction = Transaction::new_unchecked(&session, TransactionBehavior::Immediate)?;
        if let Some(known) = self.by_key(&session, route, key, body)? {
            return Ok(Some(known));
        }
        // A key that has had its day may be used again; what it stood for is still found by its
        // number.
        let old =
            "UPDATE request SET key = id WHERE user_id = ? AND account_id = ? AND route = ? AND key = ?";
        let (user, top) = (self.scope.user.id.0, self.scope.top().0);
        session.execute(old, params![user, top, route, key])?;
        // A clock ahead forgets no key that is in use.
        let oldest = newest_time::reading(&session, now)?.earliest().0 - KEPT;
        session.execute("DELETE FROM request WHERE at < ?", [oldest])?;
        let text = serde_json::to_string(change).map_err(|e| Error::Store(e.to_string()))?;
        let sql = "INSERT INTO request (id, user_id, account_id, route, key, body, change, at, state) \
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
        let stage = Stage::Running.word();
        session.execute(sql, params![id.0, user, top, route, key, body, text, now.0, stage])?;
        transaction.commit()?;
        Ok(None)
    }

    /// Notes what became of it.
    pub fn finish_request(&self, id: &ChangeId, stage: Stage, answer: &str) -> Result<()> {
        if self.scope.read_only {
            return Err(Error::ReadOnly);
        }
        let sql =
            "UPDATE request SET state = ?, answer = ? WHERE id = ? AND user_id = ? AND state = 'running'";
        let values = params![stage.word(), answer, id.0, self.scope.user.id.0];
        self.store.writer().execute(sql, values)?;
        Ok(())
    }

    /// Something this user asked for; what somebody else did is not there.
    pub fn request(&self, id: &ChangeId, cancel: &CancelToken) -> Result<Request> {
        self.read(Capability::View, cancel, |view| {
            let sql = format!("{REQUEST} WHERE id = ? AND user_id = ? AND account_id = ?");
            let values = params![id.0, self.scope.user.id.0, self.scope.top().0];
            let found = view.session.query_row(&sql, values, request).optional()?;
            found.map(|(request, _)| request).ok_or_else(|| Error::not_found("operation", id.0.clone()))
        })
    }

    /// What became of a change this user made, if it was made.
    pub fn receipt(&self, id: &ChangeId, cancel: &CancelToken) -> Result<Option<crate::Receipt>> {
        self.read(Capability::View, cancel, |view| self.receipt_for(view.session, id))
    }
}
