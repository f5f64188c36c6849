//! Caps, alerts and gates as SQL expressions.

use rusqlite::params_from_iter;

use super::sql::Sql;
use crate::change::Warning;
use crate::clock::ClockReading;
use crate::error::Result;
use crate::ids::Rev;
use crate::store::connection::Database;
use crate::units::{DEFAULT_SHARE, MAX_BYTES, Time};

/// What a SIM has after the change, as SQL on `s`, and the parameters `?` in them stand for.
pub(super) struct After {
    pub cap: Sql,
    pub alert: Sql,
    pub hard: Sql,
    pub gate: Sql,
    /// What comes back when the billing period ends, and when that is; -1 where nothing does.
    pub back_cap: Sql,
    pub back_alert: Sql,
    pub back_at: Sql,
}

impl After {
    /// What sets a SIM to it: the columns, without the verb and the condition.
    pub fn assignment(&self) -> Sql {
        piece(
            &[
                ("cap = (", &self.cap),
                ("), alert = (", &self.alert),
                ("), hard_cap = (", &self.hard),
                ("), gate = (", &self.gate),
                ("), back_cap = (", &self.back_cap),
                ("), back_alert = (", &self.back_alert),
                ("), back_at = (", &self.back_at),
            ],
            ")",
        )
    }
}

/// A share of a cap: rounded down, never 0, because 0 means none, and never more than any size may
/// be.
pub(super) fn share(cap: &Sql, percent: u64) -> Sql {
    let mut sql = Sql::new("max(1, min(?, (").with(MAX_BYTES as i64);
    sql.push(cap.clone());
    sql.push(Sql::new(") * ? / 100))").with(percent as i64));
    sql
}

/// What undo brings back. The gate is the old one only while usage is what it was; of a raise that
/// is over by now, what it would have returned to.
pub(super) fn restored_levels(now: Time) -> After {
    let over = |over: &str, else_: &str| {
        let sql = format!(
            "CASE WHEN ifnull(t.restore ->> 'back_at', 0) > 0 AND t.restore ->> 'back_at' <= ? THEN {over} ELSE {else_} END"
        );
        Sql::new(sql).with(now.0)
    };
    let cap = over("t.restore ->> 'back_cap'", "t.restore ->> 'cap'");
    let alert = over("t.restore ->> 'back_alert'", "t.restore ->> 'alert'");
    let hard = Sql::new("t.restore ->> 'hard_cap'");
    let gate = piece(
        &[(
            "CASE WHEN t.restore ->> 'used' = s.used THEN t.restore ->> 'gate' ELSE ",
            &derive_gate(&cap, &alert),
        )],
        " END",
    );
    let back_cap = over("-1", "ifnull(t.restore ->> 'back_cap', -1)");
    let back_alert = over("0", "ifnull(t.restore ->> 'back_alert', 0)");
    let back_at = over("0", "ifnull(t.restore ->> 'back_at', 0)");
    After { cap, alert, hard, gate, back_cap, back_alert, back_at }
}

/// Whether usage has reached a level: `usage ≥ level`, and what is not set never is.
pub(super) fn is_reached(level: &Sql) -> Sql {
    piece(&[("(", level), (") > 0 AND s.used >= (", level)], ")")
}

/// The gate that usage and levels make.
pub(super) fn derive_gate(cap: &Sql, alert: &Sql) -> Sql {
    piece(
        &[("CASE WHEN ", &is_reached(cap)), (" THEN 2 WHEN ", &is_reached(alert))],
        " THEN 1 ELSE 0 END",
    )
}

/// Text and expressions in turns.
pub(super) fn piece(parts: &[(&str, &Sql)], end: &str) -> Sql {
    let mut sql = Sql::new("");
    for (text, part) in parts {
        sql.text.push_str(text);
        sql.push((*part).clone());
    }
    sql.text.push_str(end);
    sql
}

/// What becomes of SIMs beyond their levels, counted.
pub(super) fn effects(session: &Database, after: &After, from: &Sql) -> Result<Vec<(Warning, u64)>> {
    let sql = piece(
        &[
            (
                "SELECT sum(g = 2 AND gate <> 2), sum(g <> 2 AND gate = 2), sum(g = 1 AND gate <> 1), \
                 sum(old <> a AND iif(oldcap > 0, old <> oldshare, old > 0)), \
                 sum(a > c AND c > 0), sum(h AND c = 0) FROM (SELECT s.gate AS gate, s.alert AS old, \
                 s.cap AS oldcap, (",
                &share(&Sql::new("s.cap"), DEFAULT_SHARE),
            ),
            (") AS oldshare, (", &after.gate),
            (") AS g, (", &after.cap),
            (") AS c, (", &after.alert),
            (") AS a, (", &after.hard),
            (") AS h FROM ", from),
        ],
        ")",
    );
    let kinds = [
        Warning::BlocksNow,
        Warning::Unblocks,
        Warning::AlertsNow,
        Warning::OwnAlerts,
        Warning::AlertOverCap,
        Warning::HardWithoutCap,
    ];
    let mut statement = session.prepare_cached(&sql.text)?;
    let counts = statement.query_row(params_from_iter(&sql.params), |r| {
        (0..kinds.len()).map(|at| r.get::<_, Option<i64>>(at)).collect::<rusqlite::Result<Vec<_>>>()
    })?;
    let counts = counts.into_iter().map(|n| n.unwrap_or(0).unsigned_abs());
    Ok(kinds.into_iter().zip(counts).filter(|(_, n)| *n > 0).collect())
}

/// Sets the gates of the SIMs `s` of `which` to what usage and levels make.
pub(super) fn derive_gates(session: &Database, which: &Sql) -> Result<()> {
    let gate = derive_gate(&Sql::new("s.cap"), &Sql::new("s.alert")).text;
    let mut sql = Sql::new(format!(
        "UPDATE sim AS s SET gate = {gate} WHERE s.gate <> {gate} AND \
    "
    ));
    sql.push(which.clone());
    session.prepare_cached(&sql.text)?.execute(params_from_iter(&sql.params))?;
    Ok(())
}

/// What the levels were, kept so that undo can bring them back.
pub(super) const BEFORE: &str = "json_object('cap', s.cap, 'alert', s.alert, 'hard_cap', s.hard_cap, 'gate', s.gate, \
    'used', s.used, 'back_cap', s.back_cap, 'back_alert', s.back_alert, 'back_at', s.back_at)";

/// Puts back the levels of a chunk of `temp.target`, where there are any to put back.
pub(super) fn put_back(
    session: &Database,
    rev: Rev,
    clock: &ClockReading,
    last: i64,
    end: i64,
) -> Result<()> {
    let mut sql = Sql::new("UPDATE sim AS s SET version = ?, ").with(rev);
    sql.push(restored_levels(clock.trusted_time()).assignment());
    sql.push(
        Sql::new(
            " FROM temp.target t WHERE s.id = t.sim_id AND t.outcome = 0 AND t.restore ->> 'cap' IS NOT NULL \
             AND t.sim_id > ? AND t.sim_id <= ?",
        )
        .with(last)
        .with(end),
    );
    session.prepare_cached(&sql.text)?.execute(params_from_iter(&sql.params))?;
    Ok(())
}
