//! Usage records: staged outside the write lock, then counted in one transaction with everything
//! they set off.
//!
//! What a set of records comes to depends on the set alone, never on the order or on how often they
//! come: a record counts with the largest size and the earliest time that were ever reported of it.

use std::collections::BTreeMap;

use rusqlite::params;
use serde_json::{Value as Json, json};

use super::inherited::{CLOSED_UNTIL, Of, fill_rules};
use super::period_functions::KEPT;
use super::read::View;
use super::sql::Sql;
use super::stage::{Incoming, report, survey_reporter};
use super::{events, period_rollover};
use crate::change::Counts;
use crate::clock::ClockReading;
use crate::error::Result;
use crate::ids::{AccountId, Rev};
use crate::import::options::{ImportOptions, Note, NoteSink};
use crate::import::{SimKey, Source, UsageRow};
use crate::period::{Period, PeriodRule};
use crate::progress::OnProgress;
use crate::sim::Sim;
use crate::store::connection::Database;
use crate::store::level_columns;
use crate::units::{DAY, MAX_BYTES, Time};
use crate::usage::{AccountUsage, DataSession, EstateUsage, Reporting, Usage, UsageBucket, UsageTally};

/// Page cache while staging and counting, in KiB.
const CACHE_KIB: i64 = 48_000;
/// SIMs counted between two reports of progress.
const CHUNK: i64 = 1_000;

/// What the records say, each once; and, for a chunk of SIMs, what is new about them.
const TABLES: &str = "
CREATE TEMP TABLE used (
  sim_id INTEGER NOT NULL, key INTEGER NOT NULL, at INTEGER NOT NULL, as_of INTEGER NOT NULL,
  bytes INTEGER NOT NULL, session TEXT NOT NULL, PRIMARY KEY (sim_id, key)
) WITHOUT ROWID;
CREATE TEMP TABLE total (
  sim_id INTEGER NOT NULL, key INTEGER NOT NULL, at INTEGER NOT NULL, as_of INTEGER NOT NULL,
  bytes INTEGER NOT NULL, session TEXT NOT NULL, row INTEGER NOT NULL, PRIMARY KEY (sim_id, key, bytes, row)
) WITHOUT ROWID;
CREATE TEMP TABLE fresh (
  sim_id INTEGER NOT NULL, key INTEGER NOT NULL, session TEXT NOT NULL, as_of INTEGER NOT NULL,
  at INTEGER NOT NULL, bytes INTEGER NOT NULL, was_at INTEGER, was INTEGER NOT NULL, account_id INTEGER NOT NULL,
  rule TEXT NOT NULL, activated INTEGER NOT NULL, start INTEGER NOT NULL
);
";

/// Totals of a day or month that one file states several times, each with another size, are
/// different records: they are told apart by their rank in size, so that the file read again, in
/// any order, states the same records. A key leaves room for the rank, since an integer that
/// overflows becomes a float in SQLite.
const RANKED: &str = "INSERT INTO temp.used SELECT sim_id, key % (1 << 62) + rank, at, as_of, bytes, session FROM \
    (SELECT *, row_number() OVER (PARTITION BY sim_id, key ORDER BY bytes DESC, row) - 1 AS rank FROM temp.total) WHERE true \
    ON CONFLICT DO NOTHING";

/// Records that are new or say more, of the SIMs between two numbers. A record stays with the
/// account that the SIM was in when it first came. `start` is where the running counter begins: by
/// the periods that are closed, not by the clock, so that a record of a closed period is counted
/// there and one that comes before a rollover is not lost.
fn fresh() -> String {
    format!(
        "SELECT t.sim_id, t.key, t.session, t.as_of, min(t.at, ifnull(r.at, t.at)) AS at, \
         max(t.bytes, ifnull(r.bytes, 0)) AS bytes, r.at AS was_at, ifnull(r.bytes, 0) AS was, \
         ifnull(r.account_id, s.account_id) AS account_id, u.rule, s.activated, \
         period_start(u.rule, s.activated, {CLOSED_UNTIL}) AS start \
         FROM temp.used t CROSS JOIN sim s ON s.id = t.sim_id CROSS JOIN temp.rule u ON \
         u.account_id = s.account_id \
         LEFT JOIN usage_record r ON r.sim_id = t.sim_id AND r.key = t.key \
         WHERE t.sim_id > ?1 AND t.sim_id <= ?2 AND (r.key IS NULL OR t.bytes > r.bytes OR t.at < \
         r.at)"
    )
}

/// Fills `temp.rule` for the accounts of the staged SIMs.
fn fill_staged_rules(session: &Database) -> Result<()> {
    let accounts = "SELECT DISTINCT s.account_id FROM sim s WHERE s.id IN (SELECT DISTINCT sim_id FROM \
        temp.used)";
    fill_rules(session, &Of::Selected(&Sql::new(accounts)))
}

/// What the fresh records add where they count now, and take away where they counted before.
const MORE: &str = "(SELECT sim_id, at, account_id, bytes, rule, activated, start FROM temp.fresh UNION ALL \
    SELECT sim_id, was_at, account_id, -was, rule, activated, start FROM temp.fresh WHERE was_at IS NOT NULL)";

/// A staged import of usage, with a connection of its own.
pub(crate) struct UsageStaging {
    session: Database,
    pub tally: UsageTally,
}

impl UsageStaging {
    /// Reads a file of records into the staging table and judges it.
    pub fn read(
        session: Database,
        clock: ClockReading,
        input: Box<dyn std::io::Read + Send + '_>,
        options: &ImportOptions,
        notes: &mut NoteSink<'_>,
        watch: &OnProgress<'_>,
    ) -> Result<Self> {
        session.pragma_update(None, "cache_size", -CACHE_KIB)?;
        session.pragma_update(Some("temp"), "cache_size", -CACHE_KIB)?;
        session.execute_batch(TABLES)?;
        let tick = survey_reporter(watch);
        let mut source = Source::open_usage(input, options, notes, &tick)?;
        let mut tally = UsageTally::default();
        session.execute_batch("BEGIN")?;
        let mut take = |line, row: Option<UsageRow>, notes: &mut NoteSink<'_>| {
            tally.rows += 1;
            let staged = row.map_or(Ok(false), |row| stage(&session, &clock, line, &row, notes))?;
            tally.refused += u64::from(!staged);
            if tally.rows.is_multiple_of(5_000) {
                report(watch, "reading", tally.rows, 0)?;
            }
            Ok(())
        };
        source.each(notes, &mut take)?;
        session.execute(RANKED, [])?;
        session.execute_batch("COMMIT")?;
        (tally.empty, tally.skipped) = (source.empty(), source.skipped);
        tally.portal = source.mapping().portal.as_ref().map(|portal| portal.title.clone());
        let mut staging = Self { session, tally };
        staging.judge()?;
        Ok(staging)
    }

    /// Compares the staged records with what has been counted.
    fn judge(&mut self) -> Result<()> {
        fill_staged_rules(&self.session)?;
        let fresh = fresh();
        let sql = format!(
            "SELECT count(*), ifnull(sum(at < start), 0), count(DISTINCT sim_id) FROM \
            ({fresh})"
        );
        let (counted, late, sims) = self.session.query_row(&sql, params![0, i64::MAX], |r| {
            let n = |at| r.get::<_, i64>(at).map(i64::unsigned_abs);
            Ok((n(0)?, n(1)?, n(2)?))
        })?;
        let unchanged = self.tally.rows - self.tally.refused - counted;
        self.tally = UsageTally { counted, unchanged, late, sims, ..self.tally.clone() };
        Ok(())
    }

    /// Counts the records of the SIMs between two numbers.
    fn count_chunk(&self, now: Time, last: i64, end: i64) -> Result<()> {
        let session = &self.session;
        session.execute_batch("DELETE FROM temp.fresh")?;
        let sql = format!("INSERT INTO temp.fresh {}", fresh());
        session.prepare_cached(&sql)?.execute(params![last, end])?;
        let run = |sql: &str| -> Result<usize> { Ok(session.prepare_cached(sql)?.execute([])?) };
        run(&format!(
            "INSERT INTO usage_day SELECT sim_id, at / {DAY}, account_id, sum(bytes) FROM {MORE} GROUP BY 1, 2, 3 \
             ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes"
        ))?;
        run(&format!(
            "INSERT INTO usage_account SELECT account_id, at / {DAY}, sum(bytes) FROM {MORE} GROUP BY 1, 2 \
             ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes"
        ))?;
        run(&format!(
            "INSERT INTO usage_period SELECT sim_id, period_start(rule, activated, at) AS a, \
             period_end(rule, activated, at), account_id, sum(bytes) FROM {MORE} WHERE at < start GROUP BY sim_id, a, 4 \
             ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes"
        ))?;
        run(
            "INSERT INTO data_session SELECT sim_id, session, account_id, min(at), max(as_of), sum(bytes - was), \
             sum(was_at IS NULL) FROM temp.fresh WHERE session <> '' GROUP BY 1, 2, 3 \
             ON CONFLICT DO UPDATE SET start = min(start, excluded.start), last = max(last, excluded.last), \
             bytes = bytes + excluded.bytes, records = records + excluded.records",
        )?;
        run(
            "INSERT INTO usage_record SELECT sim_id, key, at, bytes, account_id FROM temp.fresh WHERE true \
             ON CONFLICT DO UPDATE SET at = excluded.at, bytes = excluded.bytes",
        )?;
        run(&format!(
            "UPDATE sim AS s SET used = max(0, min({MAX_BYTES}, s.used + ifnull(g.now, 0))), \
             usage_as_of = max(s.usage_as_of, g.as_of), seen = max(s.seen, ifnull(g.seen, 0)) FROM \
             (SELECT f.sim_id, max(f.as_of) AS as_of, max(CASE WHEN f.bytes > 0 THEN f.at END) AS seen, m.now \
              FROM temp.fresh f LEFT JOIN (SELECT sim_id, sum(bytes) AS now FROM {MORE} WHERE at >= start GROUP BY 1) m \
              ON m.sim_id = f.sim_id GROUP BY f.sim_id) g WHERE s.id = g.sim_id"
        ))?;
        let gate = level_columns::derive_gate(&Sql::new("s.cap"), &Sql::new("s.alert")).text;
        run(&format!("UPDATE sim AS s SET gate = {gate} WHERE s.gate < {gate} AND {TOUCHED}"))?;
        events::settle(session, &Sql::new(TOUCHED), now)
    }
}

const TOUCHED: &str = "s.id IN (SELECT sim_id FROM temp.fresh)";

/// Takes one record; false when it is refused.
fn stage(
    session: &Database,
    clock: &ClockReading,
    line: u64,
    row: &UsageRow,
    notes: &mut NoteSink<'_>,
) -> Result<bool> {
    let mut refuse = |value: String, reason: &str| {
        notes(Note { line, column: String::new(), value, reason: reason.into(), refused: true });
        Ok(false)
    };
    let (sql, number) = match &row.sim {
        SimKey::Iccid(iccid) => ("SELECT id, managed FROM sim WHERE iccid_key = ?", iccid.key()),
        SimKey::Imsi(imsi) => ("SELECT id, managed FROM sim WHERE imsi = ? LIMIT 2", imsi.clone()),
        SimKey::Msisdn(msisdn) => {
            ("SELECT id, managed FROM sim WHERE msisdn = ? LIMIT 2", msisdn.clone())
        }
    };
    let shown = match &row.sim {
        SimKey::Iccid(iccid) => iccid.as_str().to_owned(),
        SimKey::Imsi(number) | SimKey::Msisdn(number) => number.clone(),
    };
    let mut statement = session.prepare_cached(sql)?;
    let found = statement.query_map([number], |r| Ok((r.get::<_, i64>(0)?, r.get::<_, bool>(1)?)))?;
    let found: Vec<(i64, bool)> = found.collect::<rusqlite::Result<_>>()?;
    let (sim, managed) = match found[..] {
        [] => return refuse(shown, "is not in the estate"),
        [only] => only,
        _ => return refuse(shown, "fits several SIMs"),
    };
    if !managed {
        return refuse(shown, "is unmanaged: it is displayed only, without usage");
    }
    // A clock that is behind refuses no record of the past, one that is ahead takes none for old.
    if row.at > clock.latest().0 + DAY {
        let doubt = if clock.is_accepted() { String::new() } else { format!(": {clock}") };
        let why = format!("lies in the future{doubt}");
        return refuse(Time(row.at).to_string(), &why);
    }
    if row.at < clock.earliest().0 - KEPT {
        return refuse(
            Time(row.at).to_string(),
            "is older than a year, which is as long as usage is kept",
        );
    }
    // What is stated for days to come is known up to now.
    let as_of = row.as_of.min(clock.latest().0).max(row.at);
    let bytes = row.bytes as i64;
    if row.is_total {
        let sql = "INSERT OR IGNORE INTO temp.total VALUES (?, ?, ?, ?, ?, ?, ?)";
        let values = params![sim, row.key, row.at, as_of, bytes, row.session, row.row];
        session.prepare_cached(sql)?.execute(values)?;
    } else {
        let sql = "INSERT INTO temp.used VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET at = min(at, excluded.at), \
            as_of = max(as_of, excluded.as_of), bytes = max(bytes, excluded.bytes)";
        session.prepare_cached(sql)?.execute(params![sim, row.key, row.at, as_of, bytes, row.session])?;
    }
    Ok(true)
}

impl Incoming for UsageStaging {
    fn session(&self) -> &Database {
        &self.session
    }

    fn confirm(&mut self) -> Result<()> {
        // Records only ever add: what another import counted meanwhile is not counted again.
        self.judge()
    }

    fn kind(&self) -> &'static str {
        "usage"
    }

    fn total(&self) -> u64 {
        self.tally.rows
    }

    fn counts(&self) -> Counts {
        Counts { done: self.tally.sims, ..Counts::default() }
    }

    fn body(&self) -> Json {
        json!(self.tally)
    }

    fn carry_out(&self, rev: Rev, now: Time, watch: &OnProgress<'_>) -> Result<()> {
        fill_staged_rules(&self.session)?;
        let next = "SELECT max(sim_id) FROM (SELECT DISTINCT sim_id FROM temp.used WHERE sim_id > ? ORDER BY sim_id LIMIT ?)";
        let of = "SELECT count(DISTINCT sim_id) FROM temp.used";
        let total: i64 = self.session.query_row(of, [], |r| r.get(0))?;
        let (mut last, mut done) = (0, 0);
        while let Some(end) = self
            .session
            .prepare_cached(next)?
            .query_row(params![last, CHUNK], |r| r.get::<_, Option<i64>>(0))?
        {
            self.count_chunk(now, last, end)?;
            let touched = "INSERT INTO log_account SELECT ?, account_id, 1, count(DISTINCT sim_id) FROM temp.fresh \
                GROUP BY account_id ON CONFLICT DO UPDATE SET sims = sims + excluded.sims";
            self.session.prepare_cached(touched)?.execute([rev])?;
            last = end;
            done += CHUNK as u64;
            report(watch, "counting", done.min(total.unsigned_abs()), total.unsigned_abs())?;
        }
        Ok(())
    }
}

impl View<'_> {
    /// A SIM's usage over time; what came while it was in an account this user does not see is left
    /// out.
    pub fn usage(&self, sim: &Sim, now: Time) -> Result<Usage> {
        let rule = self.accounts.get(sim.account).map_or_else(PeriodRule::default, |a| a.period);
        let visible = || self.accounts.all().iter().map(|a| a.id.0);
        let spent = |sql: &str| -> Result<Vec<UsageBucket>> {
            let sql = Sql::new(sql).with(sim.id.0).with_many(visible());
            let mut statement = self.session.prepare_cached(&sql.text)?;
            let rows = statement.query_map(rusqlite::params_from_iter(&sql.params), |r| {
                let period = Period { start: Time(r.get(0)?), end: Time(r.get(1)?) };
                Ok(UsageBucket { period, bytes: r.get::<_, i64>(2)?.max(0).unsigned_abs() })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        };
        let days = spent(&format!(
            "SELECT day * {DAY}, (day + 1) * {DAY}, sum(bytes) FROM usage_day WHERE sim_id = ? \
             AND account_id IN rarray(?) GROUP BY day ORDER BY day DESC LIMIT 366"
        ))?;
        let periods = spent(
            "SELECT start, end, sum(bytes) FROM usage_period WHERE sim_id = ? AND account_id IN rarray(?) \
             GROUP BY start, end ORDER BY start DESC LIMIT 13",
        )?;
        let sessions = self.sessions(sim, visible())?;
        let reporting = match sessions.as_slice() {
            [] if days.is_empty() => Reporting::Stated,
            [] => Reporting::Totals,
            some if some.iter().any(|s| s.records > 1) => Reporting::Interim,
            _ => Reporting::AtEnd,
        };
        // The period of the running counter, also where a rollover is pending.
        let counted = period_rollover::closed_until(self.session, rule, sim.id)?.unwrap_or(now);
        Ok(Usage {
            period: rule.period(counted, sim.activated),
            rule,
            reporting,
            days,
            periods,
            sessions,
        })
    }

    fn sessions(&self, sim: &Sim, visible: impl Iterator<Item = i64>) -> Result<Vec<DataSession>> {
        let sql = Sql::new(
            "SELECT name, min(start), max(last), sum(bytes), sum(records) FROM data_session WHERE sim_id = ? \
             AND account_id IN rarray(?) GROUP BY name ORDER BY 3 DESC, 1 LIMIT 100",
        );
        let sql = sql.with(sim.id.0).with_many(visible);
        let mut statement = self.session.prepare_cached(&sql.text)?;
        let rows = statement.query_map(rusqlite::params_from_iter(&sql.params), |r| {
            Ok(DataSession {
                name: r.get(0)?,
                start: Time(r.get(1)?),
                last: Time(r.get(2)?),
                bytes: r.get::<_, i64>(3)?.max(0).unsigned_abs(),
                records: r.get::<_, i64>(4)?.unsigned_abs(),
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// What an account and everything below it has used. Whoever sees every account sees what those
    /// used that are gone.
    pub fn estate_usage(&self, account: AccountId) -> Result<EstateUsage> {
        let top = self.accounts.need(account)?;
        let everything = self.whole && top.parent.is_none();
        let which = if everything {
            Sql::new("1")
        } else {
            let below = self.accounts.subtree(account).iter().map(|a| a.id.0);
            Sql::new("account_id IN rarray(?)").with_many(below)
        };
        let sql = format!(
            "SELECT day, sum(bytes) FROM usage_account WHERE {} GROUP BY day ORDER BY day DESC LIMIT 367",
            which.text
        );
        let mut statement = self.session.prepare_cached(&sql)?;
        let rows = statement.query_map(rusqlite::params_from_iter(&which.params), |r| {
            let start = r.get::<_, i64>(0)? * DAY;
            let period = Period { start: Time(start), end: Time(start + DAY) };
            Ok(UsageBucket { period, bytes: r.get::<_, i64>(1)?.max(0).unsigned_abs() })
        })?;
        let days: Vec<UsageBucket> = rows.collect::<rusqlite::Result<_>>()?;
        let newest = days.first().map_or(0, |day| day.period.start.0 / DAY);
        let sql = format!(
            "SELECT account_id, sum(iif(day > {} - 30, bytes, 0)), sum(bytes) FROM usage_account WHERE {} GROUP BY 1",
            newest, which.text
        );
        let mut statement = self.session.prepare_cached(&sql)?;
        let mut rows = statement.query(rusqlite::params_from_iter(&which.params))?;
        let mut spent: BTreeMap<Option<AccountId>, (u64, u64)> = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let sums = spent.entry(self.below(account, AccountId(row.get(0)?))).or_default();
            sums.0 += row.get::<_, i64>(1)?.max(0).unsigned_abs();
            sums.1 += row.get::<_, i64>(2)?.max(0).unsigned_abs();
        }
        let mut accounts: Vec<AccountUsage> = spent
            .into_iter()
            .map(|(account, (month, year))| AccountUsage { account, month, year })
            .collect();
        accounts.sort_by_key(|a| std::cmp::Reverse((a.month, a.year)));
        Ok(EstateUsage { days, accounts })
    }

    /// The account directly below `top` that `id` lies in, or `top` itself; nothing for one that is
    /// gone.
    fn below(&self, top: AccountId, id: AccountId) -> Option<AccountId> {
        let mut at = self.accounts.get(id)?;
        while at.id != top && at.parent != Some(top) {
            at = self.accounts.get(at.parent?)?;
        }
        Some(at.id)
    }
}
