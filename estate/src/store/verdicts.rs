//! SIMs of a change, each with its verdict: the temporary table, and what every change does by it.

use rusqlite::{params, params_from_iter};

use super::read::View;
use super::sql::Sql;
use crate::change::{Counts, Outcome, Target};
use crate::error::{Error, Result};
use crate::ids::Rev;
use crate::progress::{OnProgress, Progress};
use crate::store::connection::Database;
use crate::store::level_columns::piece;

/// Rows between two reports of progress: a cancel is heard within milliseconds.
pub(crate) const CHUNK: i64 = 1_000;

pub(super) const TEMP: &str = "CREATE TEMP TABLE IF NOT EXISTS target (sim_id INTEGER PRIMARY KEY, outcome INTEGER NOT NULL, \
    reason INTEGER NOT NULL, from_account INTEGER NOT NULL, to_account INTEGER NOT NULL, restore TEXT); \
    DELETE FROM temp.target";

/// The verdicts of a change, written down and counted before anything is touched.
pub(crate) struct VerdictCounts {
    pub counts: Counts,
    pub(super) total: u64,
    /// An undo: what was cleared comes back.
    pub(super) restores: bool,
}

/// The revision after which a SIM that changed is a conflict: what was confirmed, or any at all.
pub(super) fn at(target: &Target) -> Rev {
    if target.expect.is_some() { target.at } else { Rev::MAX }
}

/// Writes down outcome and reason of each SIM of a target, and the account it goes to; compares
/// with what was confirmed.
pub(super) fn judge_with(
    view: &View<'_>,
    target: &Target,
    verdict: Sql,
    to: &Sql,
) -> Result<VerdictCounts> {
    view.session.execute_batch(TEMP)?;
    let mut sql = Sql::new("INSERT INTO temp.target SELECT s.id, ");
    sql.push(verdict);
    sql.push(piece(&[(", s.account_id, ", to)], ", NULL FROM sim s WHERE "));
    sql.push(view.target(target)?);
    view.session.execute(&sql.text, params_from_iter(&sql.params))?;
    view.compare_with_confirmed(target, count_verdicts(view.session, false)?)
}

/// What writes a chunk of `temp.target` into the log, with what has to be kept so that undo can
/// bring it back; takes the revision, and the numbers before and at the end of the chunk.
pub(super) fn log_items(before: &str) -> String {
    format!(
        "INSERT INTO log_item SELECT ?, t.sim_id, t.outcome, t.reason, t.from_account, t.to_account, \
         CASE WHEN t.outcome = 0 THEN {before} END FROM temp.target t JOIN sim s ON s.id = t.sim_id \
         WHERE t.sim_id > ? AND t.sim_id <= ?"
    )
}

pub(super) fn count_verdicts(session: &Database, restores: bool) -> Result<VerdictCounts> {
    let (mut counts, mut total) = (Counts::default(), 0);
    let mut statement = session.prepare("SELECT outcome, count(*) FROM temp.target GROUP BY 1")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let n = row.get::<_, i64>(1)? as u64;
        counts.add(Outcome::from_code(row.get(0)?), n);
        total += n;
    }
    Ok(VerdictCounts { counts, total, restores })
}

/// Works through what was judged, a chunk at a time, and reports in between; `work` gets the
/// numbers before and at the end of its chunk, and tells how many it did.
pub(super) fn run_in_chunks(
    session: &Database,
    phase: &'static str,
    judged: &VerdictCounts,
    watch: &OnProgress<'_>,
    mut work: impl FnMut(i64, i64) -> Result<u64>,
) -> Result<()> {
    let report = |done| match watch(Progress { phase, done, total: judged.total }) {
        std::ops::ControlFlow::Continue(()) => Ok(()),
        std::ops::ControlFlow::Break(()) => Err(Error::Cancelled),
    };
    report(0)?;
    let next = "SELECT max(sim_id) FROM (SELECT sim_id FROM temp.target WHERE sim_id > ? ORDER BY sim_id LIMIT ?)";
    let (mut last, mut done) = (0i64, 0u64);
    while let Some(end) =
        session.prepare_cached(next)?.query_row(params![last, CHUNK], |r| r.get::<_, Option<i64>>(0))?
    {
        done += work(last, end)?;
        last = end;
        report(done)?;
    }
    Ok(())
}

/// Brings the accounts' counts in line, and notes which accounts the change touched.
pub(super) fn settle(session: &Database, rev: Rev) -> Result<()> {
    for (side, column, sign) in [(0, "from_account", "-"), (1, "to_account", "+")] {
        let groups = format!(
            "SELECT {column} AS account, count(*) AS n FROM temp.target WHERE outcome = 0 GROUP BY 1"
        );
        let sql = format!(
            "UPDATE account SET sims = sims {sign} g.n FROM ({groups}) g WHERE account.id = g.account"
        );
        session.execute(&sql, [])?;
        let sql = format!(
            "INSERT INTO log_account SELECT ?, g.account, ?, g.n FROM ({groups}) g WHERE true \
             ON CONFLICT DO UPDATE SET sims = sims + excluded.sims"
        );
        session.execute(&sql, params![rev, side])?;
    }
    // SIMs that stayed put make their accounts part of the story too.
    session.execute(
        "INSERT OR IGNORE INTO log_account SELECT ?, from_account, 0, 0 FROM temp.target GROUP BY from_account",
        [rev],
    )?;
    session.execute_batch("DELETE FROM temp.target")?;
    Ok(())
}
