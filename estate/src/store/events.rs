//! Threshold events: a level that usage has reached speaks once.

use rusqlite::{Connection, params_from_iter};

use super::inherited::CLOSED_UNTIL;
use super::read::View;
use super::sql::Sql;
use crate::error::Result;
use crate::ids::{AccountId, SimId};
use crate::store::connection::Database;
use crate::store::level_columns::is_reached;
use crate::units::Time;
use crate::usage::{Event, EventFilter, EventKey, Level};

/// The levels a SIM's usage has reached, as bits.
pub(super) fn bits() -> Sql {
    let level = |column: &str| is_reached(&Sql::new(format!("s.{column}"))).text;
    Sql::new(format!("(({}) + 2 * ({}))", level("alert"), level("cap")))
}

/// Looks at the SIMs that `which` says of `s` after their usage or their levels have changed:
/// levels that were reached and had not spoken do, and those that were raised above usage may speak
/// again. The periods are those of `temp.rule`, and `now` is the time of the events.
pub(super) fn settle(session: &Connection, which: &Sql, now: Time) -> Result<()> {
    let reached = bits().text;
    let mut insert = Sql::new(format!(
        "INSERT OR IGNORE INTO event (sim_id, kind, period, level, used, at, account_id) \
         SELECT s.id, k.value, period_start(u.rule, s.activated, {CLOSED_UNTIL}), \
         iif(k.value = 1, s.alert, s.cap), s.used, ?, s.account_id FROM sim s CROSS JOIN json_each('[1, 2]') k \
         JOIN temp.rule u ON u.account_id = s.account_id \
         WHERE s.managed AND s.lifecycle <> 3 AND ({reached} & ~s.fired & k.value) AND "
    ))
    .with(now.0);
    insert.push(which.clone());
    session.prepare_cached(&insert.text)?.execute(params_from_iter(&insert.params))?;
    let mut update =
        Sql::new(format!("UPDATE sim AS s SET fired = {reached} WHERE s.fired <> {reached} AND "));
    update.push(which.clone());
    session.prepare_cached(&update.text)?.execute(params_from_iter(&update.params))?;
    Ok(())
}

/// Events for levels that were reached before anybody listened, at some hour of the days before:
/// for the demo.
pub(super) fn settle_past(session: &Database, now: Time) -> Result<()> {
    session.execute(
        "INSERT OR IGNORE INTO event (sim_id, kind, period, level, used, at, account_id) \
         SELECT s.id, k.value, period_start(u.rule, s.activated, ?1), iif(k.value = 1, s.alert, s.cap), s.used, \
         max(period_start(u.rule, s.activated, ?1), ?1 - (s.id * 7919 + 86399) % 600000 / k.value) AS at, s.account_id \
         FROM sim s CROSS JOIN json_each('[1, 2]') k JOIN temp.rule u ON u.account_id = s.account_id \
         WHERE s.managed AND s.lifecycle <> 3 AND (s.fired & k.value) ORDER BY at, s.id",
        [now.0],
    )?;
    // The last few are news to everybody.
    session.execute("UPDATE user SET heard = (SELECT max(0, ifnull(max(id), 0) - 3) FROM event)", [])?;
    Ok(())
}

impl View<'_> {
    /// Threshold events, newest first, in accounts this user sees.
    pub fn events(&self, wanted: &EventFilter) -> Result<Vec<Event>> {
        let mut sql = Sql::new(
            "SELECT e.id, e.sim_id, e.kind, e.period, e.level, e.used, e.at, e.account_id, ifnull(s.iccid, ''), \
             ifnull(s.label, ''), ifnull(s.account_id, 0) FROM event e LEFT JOIN sim s ON s.id = e.sim_id WHERE 1",
        );
        let all = self.accounts.all();
        let visible = wanted.account.map_or(all, |account| self.accounts.subtree(account));
        if !(self.whole && visible.len() == all.len()) {
            let within = Sql::new(" AND e.account_id IN rarray(?)");
            sql.push(within.with_many(visible.iter().map(|a| a.id.0)));
        }
        let mut also = |text: &str, value: Option<i64>| {
            if let Some(value) = value {
                sql.push(Sql::new(text).with(value));
            }
        };
        also(" AND e.sim_id = ?", wanted.sim.map(|s| s.0));
        also(" AND e.kind = ?", wanted.kind.map(|k| k as i64));
        also(" AND e.at >= ?", wanted.since.map(|t| t.0));
        if let Some(key) = wanted.before {
            sql.push(self.earlier(key));
        }
        sql.push(Sql::new(" ORDER BY e.id DESC LIMIT ?").with(i64::from(wanted.limit)));
        let mut statement = self.session.prepare_cached(&sql.text)?;
        let rows = statement.query_map(params_from_iter(&sql.params), |r| {
            let account = AccountId(r.get(7)?);
            // What a SIM is called after it left is none of this user's business.
            let here = self.accounts.get(AccountId(r.get(10)?)).is_some();
            Ok(Event {
                id: r.get(0)?,
                sim: SimId(r.get(1)?),
                iccid: r.get(8)?,
                label: if here { r.get(9)? } else { String::new() },
                account,
                account_path: self.name(Some(account.0)),
                kind: Level::from_code(r.get(2)?),
                period: Time(r.get(3)?),
                level: r.get::<_, i64>(4)?.unsigned_abs(),
                used: r.get::<_, i64>(5)?.unsigned_abs(),
                at: Time(r.get(6)?),
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// What came before an event this user sees; before one they do not see comes nothing, as
    /// before one there is not.
    fn earlier(&self, key: EventKey) -> Sql {
        let text = " AND e.id < (SELECT k.id FROM event k WHERE k.sim_id = ? AND k.kind = ? AND k.period = ? AND k.level = ?";
        let mut sql = Sql::new(text).with(key.sim.0).with(key.kind as i64).with(key.period.0);
        sql = sql.with(i64::try_from(key.level).unwrap_or(i64::MAX));
        if !self.whole {
            let seen = self.accounts.all().iter().map(|a| a.id.0);
            sql.push(Sql::new(" AND k.account_id IN rarray(?)").with_many(seen));
        }
        sql.push(Sql::new(")"));
        sql
    }

    /// How many events of each kind there are after one of them: alerts and caps.
    pub fn events_after(&self, id: i64) -> Result<(u64, u64)> {
        let visible: Vec<i64> = self.accounts.all().iter().map(|a| a.id.0).collect();
        let mut sql =
            Sql::new("SELECT ifnull(sum(kind = 1), 0), ifnull(sum(kind = 2), 0) FROM event WHERE id > ?")
                .with(id);
        if !self.whole {
            sql.push(Sql::new(" AND account_id IN rarray(?)").with_many(visible));
        }
        let mut statement = self.session.prepare_cached(&sql.text)?;
        let count = |r: &rusqlite::Row<'_>, at| r.get::<_, i64>(at).map(i64::unsigned_abs);
        Ok(statement.query_row(params_from_iter(&sql.params), |r| Ok((count(r, 0)?, count(r, 1)?)))?)
    }
}
