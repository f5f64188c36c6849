//! The log of changes: appended to in the transaction of the change, chained by hash, read by
//! scope.

use rusqlite::{OptionalExtension, params, params_from_iter};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::read::View;
use super::sql::Sql;
use crate::change::{Change, Counts, Entry, Receipt};
use crate::edit::Edit;
use crate::error::{Error, Result};
use crate::ids::{AccountId, ChangeId, Rev, SimId, UserId};
use crate::role::Role;
use crate::sim::Verb;
use crate::store::connection::Database;
use crate::store::newest_time;
use crate::units::Time;
use crate::user::User;
use crate::user::UserState;

/// The actor of changes that no user makes.
pub(crate) const SYSTEM: &str = "system";

/// The user that changes without a user are logged by.
pub(crate) fn system_user() -> User {
    User {
        id: UserId(0),
        account: AccountId(0),
        name: SYSTEM.into(),
        email: String::new(),
        role: Role::ViewOnly,
        state: UserState::Active,
        invited: None,
        signed_in: None,
    }
}

/// A change about to be logged.
pub(crate) struct Record<'a> {
    pub rev: Rev,
    pub id: &'a ChangeId,
    pub at: Time,
    pub actor: &'a User,
    pub kind: &'a str,
    pub body: Json,
    pub counts: Counts,
    pub undoes: Option<Rev>,
}

/// A logged change, as stored.
pub(crate) struct Logged {
    pub rev: Rev,
    pub actor: UserId,
    pub kind: String,
    pub body: Json,
    pub counts: Counts,
    pub undoes: Option<Rev>,
}

/// Appends a change and chains it to the one before.
pub(crate) fn append(session: &Database, record: &Record<'_>) -> Result<()> {
    let previous: Option<Vec<u8>> = session
        .query_row("SELECT hash FROM log ORDER BY rev DESC LIMIT 1", [], |r| r.get(0))
        .optional()?;
    let previous = previous.unwrap_or_else(|| vec![0; 32]);
    let actor = match record.actor.email.as_str() {
        "" => record.actor.name.clone(),
        email => format!("{} <{email}>", record.actor.name),
    };
    let (body, counts) = (record.body.to_string(), json(&record.counts));
    let row = LogRow {
        rev: record.rev,
        change_id: &record.id.0,
        at: record.at.0,
        actor_id: record.actor.id.0,
        actor: &actor,
        kind: record.kind,
        body: &body,
        counts: &counts,
        undoes: record.undoes,
    };
    let hash = row.hash(&previous);
    session.execute(
        "INSERT INTO log (rev, change_id, at, actor_id, actor, kind, body, counts, undoes, prev_hash, hash) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        params![
            row.rev,
            row.change_id,
            row.at,
            row.actor_id,
            row.actor,
            row.kind,
            row.body,
            row.counts,
            row.undoes,
            previous,
            hash
        ],
    )?;
    newest_time::note_entry(session, record.at)?;
    Ok(super::wal::renew_stamp(session)?)
}

fn json(counts: &Counts) -> String {
    serde_json::to_string(counts).unwrap_or_default()
}

/// Changes that nothing takes back.
const FINAL: [&str; 23] = [
    "import",
    "usage",
    "init",
    "add-user",
    "invite-user",
    "remove-user",
    "accept",
    "profile",
    "view-as",
    "add-token",
    "revoke-token",
    "link-user",
    "password",
    "second-factor",
    "no-second-factor",
    "end-session",
    "add-external",
    "remove-external",
    "terminate",
    Change::PERIOD_REOPEN,
    Change::CAP_RETURN,
    Change::CAP_RAISE_AGAIN,
    Change::ACCEPT_CLOCK,
];

/// Whether anything of a change can be taken back: what became of SIMs as far as nothing came after
/// it, the rest once.
fn leaves_something(kind: &str, counts: &Counts, undone: bool) -> bool {
    match UndoKind::of(kind) {
        Some(_) => counts.done > 0,
        None => !undone && !FINAL.contains(&kind),
    }
}

/// What a row's hash covers.
pub(crate) struct LogRow<'a> {
    pub rev: i64,
    pub change_id: &'a str,
    pub at: i64,
    pub actor_id: i64,
    pub actor: &'a str,
    pub kind: &'a str,
    pub body: &'a str,
    pub counts: &'a str,
    pub undoes: Option<i64>,
}

impl LogRow<'_> {
    pub fn hash(&self, previous: &[u8]) -> Vec<u8> {
        let text = serde_json::json!([
            self.rev,
            self.change_id,
            self.at,
            self.actor_id,
            self.actor,
            self.kind,
            self.body,
            self.counts,
            self.undoes
        ]);
        let mut sha = Sha256::new();
        sha.update(previous);
        sha.update(text.to_string().as_bytes());
        sha.finalize().to_vec()
    }
}

/// The receipt of a change that was applied before, for a retry after a lost answer.
pub(crate) fn receipt(session: &Database, id: &ChangeId, actor: UserId) -> Result<Option<Receipt>> {
    let found = find(session, id)?;
    if found.as_ref().is_some_and(|logged| logged.actor != actor) {
        return Err(Error::Conflict("another change has that id".into()));
    }
    let Some(logged) = found else { return Ok(None) };
    let counts = if logged.kind == Change::PERIOD_REOPEN {
        Counts { done: count_reopened(session, &logged.body)?, ..logged.counts }
    } else {
        logged.counts
    };
    Ok(Some(Receipt {
        undoable: leaves_something(&logged.kind, &counts, false),
        id: id.clone(),
        rev: logged.rev,
        counts,
        account: logged.body.get("account").and_then(Json::as_i64).map(AccountId),
    }))
}

/// Returns the number of SIMs that the undo of a rollover reopened, over all of its steps.
fn count_reopened(session: &Database, body: &Json) -> Result<u64> {
    let sql = "SELECT ifnull(sum(counts ->> 'done'), 0) FROM log WHERE kind = ? AND body ->> \
    'rollover' = ?";
    let rollover = body["rollover"].as_str().unwrap_or_default();
    let reopened: i64 = session.query_row(sql, [Change::PERIOD_REOPEN, rollover], |r| r.get(0))?;
    Ok(reopened.unsigned_abs())
}

pub(crate) fn find(session: &Database, id: &ChangeId) -> Result<Option<Logged>> {
    find_logged(session, "change_id = ?", &id.0)
}

/// The change of that revision.
pub(crate) fn at(session: &Database, rev: Rev) -> Result<Option<Logged>> {
    find_logged(session, "rev = ?", &rev)
}

fn find_logged(session: &Database, which: &str, value: &dyn rusqlite::ToSql) -> Result<Option<Logged>> {
    let sql = format!("SELECT rev, kind, body, counts, actor_id, undoes FROM log WHERE {which}");
    let read = |r: &rusqlite::Row<'_>| {
        Ok(Logged {
            rev: r.get(0)?,
            kind: r.get(1)?,
            body: serde_json::from_str(r.get_ref(2)?.as_str().unwrap_or_default()).unwrap_or_default(),
            counts: serde_json::from_str(r.get_ref(3)?.as_str().unwrap_or_default()).unwrap_or_default(),
            actor: UserId(r.get(4)?),
            undoes: r.get(5)?,
        })
    };
    Ok(session.query_row(&sql, [value], read).optional()?)
}

/// Whether a change of one of these kinds after that revision is about a user.
pub(crate) fn names_since(session: &Database, rev: Rev, kinds: &[&str], user: UserId) -> Result<bool> {
    let kinds: Vec<String> = kinds.iter().map(|kind| format!("'{kind}'")).collect();
    let sql = format!(
        "SELECT EXISTS (SELECT 1 FROM log WHERE rev > ? AND kind IN ({}) AND body ->> '$.user' = ?)",
        kinds.join(", ")
    );
    Ok(session.query_row(&sql, params![rev, user.0], |r| r.get(0))?)
}

/// The SIMs that each account gained or lost by the changes after a revision; `None` if one of
/// these may have changed accounts or users themselves.
pub(crate) fn moved_since(session: &Database, rev: Rev) -> Result<Option<Vec<(AccountId, i64)>>> {
    let mut statement = session.prepare_cached("SELECT kind, undoes FROM log WHERE rev > ?")?;
    let mut rows = statement.query([rev])?;
    while let Some(row) = rows.next()? {
        let kind = row.get_ref(0)?.as_str().unwrap_or_default();
        // Undoing a conversion is a move that also deletes accounts.
        let undoes: Option<Rev> = row.get(1)?;
        if !(kind == Change::LEVELS || Edit::is_kind(kind) || kind == Change::MOVE && undoes.is_none()) {
            return Ok(None);
        }
    }
    let mut statement = session.prepare_cached(
        "SELECT a.account_id, sum(iif(a.side = 1, a.sims, -a.sims)) AS added FROM log l JOIN log_account a ON a.rev = l.rev \
         WHERE l.rev > ? AND l.kind = 'move' GROUP BY 1 HAVING added <> 0",
    )?;
    let rows = statement.query_map([rev], |r| Ok((AccountId(r.get(0)?), r.get(1)?)))?;
    Ok(Some(rows.collect::<rusqlite::Result<_>>()?))
}

/// Notes that a change concerns an account, whatever it did to its SIMs.
pub(crate) fn touch_if_absent(session: &Database, rev: Rev, account: AccountId) -> Result<()> {
    session
        .prepare_cached(
            "INSERT OR IGNORE INTO log_account (rev, account_id, side, sims) VALUES (?, ?, 1, 0)",
        )?
        .execute(params![rev, account.0])?;
    Ok(())
}

/// Notes the accounts of a change's SIMs, which stay where they are.
pub(crate) fn touch_accounts_of_items(session: &Database, rev: Rev) -> Result<()> {
    let sql = "INSERT INTO log_account SELECT rev, from_account, 1, count(*) FROM log_item WHERE \
    rev = ? GROUP BY 2";
    session.prepare_cached(sql)?.execute([rev])?;
    Ok(())
}

/// What a change was known again by when it was made; those of earlier versions by nothing.
pub(crate) fn find_fingerprint(session: &Database, id: &ChangeId) -> Result<Option<String>> {
    let sql = "SELECT json_extract(body, '$.asked') FROM log WHERE change_id = ?";
    Ok(session.query_row(sql, [&id.0], |r| r.get(0)).optional()?.flatten())
}

/// What to look for in the log; everything that is `None` fits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LogFilter {
    /// That change.
    pub id: Option<ChangeId>,
    /// Changes after this one; oldest first then.
    pub after: Option<Rev>,
    /// Changes before this one.
    pub before: Option<Rev>,
    /// Changes that touched this account or one below it.
    pub account: Option<AccountId>,
    /// Changes of this SIM.
    pub sim: Option<SimId>,
    /// Changes by someone whose name or address contains this.
    pub by: Option<String>,
    /// Changes of this kind.
    pub kind: Option<String>,
    /// Changes since then.
    pub since: Option<Time>,
    /// Changes before then.
    pub until: Option<Time>,
    /// At most that many.
    pub limit: u32,
}

impl View<'_> {
    /// What an entry is made of, from where; undone is what was undone of what this user sees.
    fn entry_columns(&self) -> Sql {
        let mut sql = Sql::new(
            "SELECT l.rev, l.change_id, l.at, l.actor, l.kind, l.body, l.counts, l.undoes, \
             EXISTS (SELECT 1 FROM log u WHERE u.undoes = l.rev",
        );
        if !self.whole {
            let visible = self.accounts.all().iter().map(|a| a.id.0);
            sql.push(
                Sql::new(
                    " AND EXISTS (SELECT 1 FROM log_account a WHERE a.rev = u.rev AND a.account_id IN rarray(?))",
                )
                .with_many(visible),
            );
        }
        sql.text.push_str("), by.account_id FROM log l LEFT JOIN user by ON by.id = l.actor_id WHERE 1");
        sql
    }

    /// The revision now, and whether a change after another one touched an account of this view.
    pub fn touched_since(&self, after: Rev) -> Result<(Rev, bool)> {
        let now = self.session.rev()?;
        if self.whole || now <= after {
            return Ok((now, now > after));
        }
        let mut sql = Sql::new("SELECT EXISTS (SELECT 1 FROM log_account WHERE rev > ?").with(after);
        let visible = self.accounts.all().iter().map(|a| a.id.0);
        sql.push(Sql::new(" AND account_id IN rarray(?))").with_many(visible));
        let touched = self
            .session
            .prepare_cached(&sql.text)?
            .query_row(params_from_iter(&sql.params), |r| r.get(0))?;
        Ok((now, touched))
    }

    /// Number of raised caps that have returned by themselves in accounts this user sees.
    pub fn turns(&self) -> Result<i64> {
        let mut sql = Sql::new("SELECT ifnull(sum(turned), 0) FROM account WHERE 1");
        if !self.whole {
            let visible = self.accounts.all().iter().map(|a| a.id.0);
            sql.push(Sql::new(" AND id IN rarray(?)").with_many(visible));
        }
        let mut statement = self.session.prepare_cached(&sql.text)?;
        Ok(statement.query_row(params_from_iter(&sql.params), |r| r.get(0))?)
    }

    /// The log, newest first (or oldest first after a revision), as far as this user may see it.
    pub fn entries(&self, wanted: &LogFilter) -> Result<Vec<Entry>> {
        let mut sql = self.entry_columns();
        let visible = match wanted.account {
            Some(account) => Some(self.accounts.subtree(account)),
            None if self.whole => None,
            None => Some(self.accounts.all()),
        };
        if let Some(accounts) = visible {
            sql.push(
                Sql::new(" AND EXISTS (SELECT 1 FROM log_account a WHERE a.rev = l.rev AND a.account_id IN rarray(?))")
                    .with_many(accounts.iter().map(|a| a.id.0)),
            );
        }
        let mut also = |text: &str, value: Option<rusqlite::types::Value>| {
            if let Some(value) = value {
                sql.push(Sql::new(text).with(value));
            }
        };
        also(" AND l.change_id = ?", wanted.id.as_ref().map(|id| id.0.clone().into()));
        also(" AND l.rev > ?", wanted.after.map(Into::into));
        also(" AND l.rev < ?", wanted.before.map(Into::into));
        also(" AND l.kind = ?", wanted.kind.clone().map(Into::into));
        also(" AND l.at >= ?", wanted.since.map(|t| t.0.into()));
        also(" AND l.at < ?", wanted.until.map(|t| t.0.into()));
        also(
            " AND EXISTS (SELECT 1 FROM log_item i WHERE i.rev = l.rev AND i.sim_id = ?",
            wanted.sim.map(|s| s.0.into()),
        );
        if let Some(by) = &wanted.by {
            // Nobody is found by a name they do not see.
            let seen = self.visible_in("by.account_id");
            sql.push(Sql::new(" AND instr(fold(l.actor), fold(?)) AND ").with(by.clone()));
            sql.push(seen);
        }
        if wanted.sim.is_some() {
            if !self.whole {
                // Only what happened where this user could see it.
                let visible: Vec<i64> = self.accounts.all().iter().map(|a| a.id.0).collect();
                let seen = " AND (i.from_account IN rarray(?) OR i.to_account IN rarray(?))";
                sql.push(Sql::new(seen).with_many(visible.clone()).with_many(visible));
            }
            sql.text.push(')');
        }
        sql.text.push_str(if wanted.after.is_some() {
            " ORDER BY l.rev"
        } else {
            " ORDER BY l.rev DESC"
        });
        sql.push(Sql::new(" LIMIT ?").with(i64::from(wanted.limit)));
        let mut statement = self.session.prepare_cached(&sql.text)?;
        let mut rows = statement.query(params_from_iter(&sql.params))?;
        let mut entries = Vec::new();
        while let Some(row) = rows.next()? {
            entries.push(self.entry(row)?);
        }
        Ok(entries)
    }

    fn entry(&self, row: &rusqlite::Row<'_>) -> Result<Entry> {
        let rev: Rev = row.get(0)?;
        let kind: String = row.get(4)?;
        let body: Json =
            serde_json::from_str(row.get_ref(5)?.as_str().unwrap_or_default()).unwrap_or_default();
        let counts = if self.whole {
            serde_json::from_str(row.get_ref(6)?.as_str().unwrap_or_default()).unwrap_or_default()
        } else {
            self.visible_counts(rev)?
        };
        let undoes: Option<Rev> = row.get(7)?;
        let undone: bool = row.get(8)?;
        let actor: Option<i64> = row.get(9)?;
        // From where somebody out of sight did it is no more told than who they are.
        let seen = self.whole || actor.is_some_and(|id| self.accounts.get(AccountId(id)).is_some());
        let via = body["via"].as_str().filter(|_| seen).unwrap_or_default().to_owned();
        Ok(Entry {
            rev,
            id: ChangeId(row.get(1)?),
            at: Time(row.get(2)?),
            by: self.person(row.get(3)?, actor),
            via,
            summary: self.summary(&kind, &body, &counts, undoes),
            // A rollover is of the whole estate.
            undoable: leaves_something(&kind, &counts, undone)
                && (self.whole || kind != Change::PERIOD_ROLLOVER),
            counts,
            undone,
            kind,
        })
    }

    /// A receipt as far as this user sees it.
    pub fn part_of(&self, receipt: Receipt) -> Result<Receipt> {
        let counts = self.visible_counts(receipt.rev)?;
        let account = receipt.account.filter(|id| self.accounts.get(*id).is_some());
        Ok(Receipt { counts, account, ..receipt })
    }

    /// The SIMs of a change that this user saw go or come.
    fn visible_counts(&self, rev: Rev) -> Result<Counts> {
        let mut statement = self
            .session
            .prepare_cached("SELECT account_id, side, sims FROM log_account WHERE rev = ?")?;
        let (mut gone, mut come) = (0, 0);
        let mut rows = statement.query([rev])?;
        while let Some(row) = rows.next()? {
            if self.accounts.get(AccountId(row.get(0)?)).is_some() {
                let sims = row.get::<_, i64>(2)? as u64;
                if row.get::<_, i64>(1)? == 0 { gone += sims } else { come += sims }
            }
        }
        Ok(Counts { done: gone.max(come), ..Counts::default() })
    }

    /// Somebody's name and address, unless they belong to an account out of this user's sight.
    pub fn person(&self, name: String, account: Option<i64>) -> String {
        let seen = self.whole || account.is_some_and(|id| self.accounts.get(AccountId(id)).is_some());
        if seen || name == SYSTEM { name } else { "someone outside your account".to_owned() }
    }

    /// An account's path, unless it is out of this user's sight.
    pub fn name(&self, id: Option<i64>) -> String {
        match id.map(AccountId).filter(|id| self.accounts.get(*id).is_some()) {
            Some(id) => self.accounts.path(id),
            None => "elsewhere".into(),
        }
    }
}

/// A change to SIMs that goes back SIM by SIM, each only if nothing came after, so that it can be
/// undone in parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UndoKind {
    Move,
    Levels,
    Edit,
}

impl UndoKind {
    /// What a change of that kind is in this respect.
    pub fn of(kind: &str) -> Option<Self> {
        if matches!(kind, Change::MOVE | Change::CONVERT) {
            Some(Self::Move)
        } else if kind == Change::LEVELS {
            Some(Self::Levels)
        } else {
            (Edit::is_kind(kind) && kind != Verb::Terminate.word()).then_some(Self::Edit)
        }
    }
}
