//! A past for the demo's SIMs: days, periods, sessions and events that fit what they have used.

use rusqlite::params;

use super::events;
use super::inherited::{Of, fill_rules};
use super::period_functions::SESSIONS_KEPT;
use crate::error::Result;
use crate::period::PeriodRule;
use crate::store::connection::Database;
use crate::units::{DAY, Time};

/// Days that have a past.
const DAYS: i64 = 45;

/// A number from 0 to 100 that a SIM and a day always have, and that looks like chance.
const CHANCE: &str = "((s.id * 37 + d.day * d.day * 53 + d.day * 11) % 101)";

/// Writes the past of every SIM that has used something.
pub(crate) fn history(session: &Database, now: Time) -> Result<()> {
    fill_rules(session, &Of::All)?;
    let period = PeriodRule::Month.period(now, None);
    let (today, first) = (now.0 / DAY, period.start.0 / DAY);
    // What was used this period is spread over its days and comes to exactly that; the days before
    // are like these.
    let days = format!(
        "WITH RECURSIVE d(day) AS (SELECT ?1 UNION ALL SELECT day - 1 FROM d WHERE day > ?3), \
         w AS (SELECT s.id, s.account_id, s.used, d.day, d.day >= ?2 AS now, 15 + {CHANCE} AS w FROM sim s, d WHERE s.used > 0), \
         c AS (SELECT *, sum(w) OVER (PARTITION BY id, now ORDER BY day) AS c, \
         sum(w * now) OVER (PARTITION BY id) AS t FROM w) \
         INSERT INTO usage_day SELECT id, day, account_id, \
         iif(now, used * c / t - used * (c - w) / t, used * w / t) FROM c"
    );
    session.execute(&days, params![today, first, (today - DAYS).min(first)])?;
    session.execute(
        "INSERT INTO usage_account SELECT account_id, day, sum(bytes) FROM usage_day GROUP BY 1, 2",
        [],
    )?;
    let mut before = period.start;
    for _ in 0..12 {
        let past = PeriodRule::Month.period(Time(before.0 - 1), None);
        before = past.start;
        let sql = format!(
            "INSERT INTO usage_period SELECT s.id, ?1, ?2, s.account_id, s.used * (40 + {CHANCE}) / 100 \
             FROM sim s, (SELECT ?1 / {DAY} AS day) d WHERE s.used > 0 AND s.activated < ?1"
        );
        session.execute(&sql, params![past.start.0, past.end.0])?;
    }
    // The last sessions ended a few hours apart, the newest when the SIM was last seen.
    session.execute(
        "INSERT INTO data_session SELECT s.id, printf('%08x', s.id * 16 + k.value), s.account_id, \
         s.seen - k.value * 30000 - 3600 - s.id % 5000, s.seen - k.value * 30000, s.used / (7 + k.value * 3), 1 + s.id % 3 \
         FROM sim s, json_each('[0, 1, 2, 3]') k WHERE s.used > 0 AND s.seen > ?",
        [now.0 - SESSIONS_KEPT + 10 * DAY],
    )?;
    events::settle_past(session, now)
}
