//! Ceilings: no cap below an account that has one is above it. Whatever brings a SIM under a lower
//! ceiling (a move, an account hung elsewhere, an import, the ceiling itself) holds its cap to it
//! in the same transaction.

use rusqlite::{Connection, params, params_from_iter};

use super::inherited::{Of, fill_ceilings, fill_rules, target_accounts};
use super::read::View;
use super::sql::Sql;
use crate::account::Ceiling;
use crate::change::{Plan, Target, Warning};
use crate::clock::ClockReading;
use crate::error::Result;
use crate::ids::{AccountId, Rev};
use crate::progress::OnProgress;
use crate::store::connection::Database;
use crate::store::level_columns::{After, derive_gate, piece, share};
use crate::store::verdicts::{TEMP, VerdictCounts, count_verdicts, log_items, run_in_chunks};
use crate::store::{level_columns, verdicts};
use crate::units::{DEFAULT_SHARE, Time};

/// Whether a SIM's cap, or the one that returns after a raise, is above a ceiling. Unmanaged and
/// terminated SIMs are not touched by anything.
pub(super) fn over(ceiling: &Sql) -> Sql {
    piece(
        &[
            ("s.managed AND s.lifecycle <> 3 AND (NOT s.cap BETWEEN 1 AND (", ceiling),
            (") OR s.back_cap = 0 OR s.back_cap > (", ceiling),
        ],
        "))",
    )
}

/// The same of what undo would bring back, where `temp.ceiling c` is joined.
pub(super) fn before_is_over(before: &str) -> String {
    format!(
        "(c.bytes IS NOT NULL AND (NOT {before} ->> 'cap' BETWEEN 1 AND c.bytes OR \
         ifnull({before} ->> 'back_cap', -1) = 0 OR ifnull({before} ->> 'back_cap', -1) > c.bytes))"
    )
}

/// What a SIM has once it is held to a ceiling. An alert of its own that can still be reached
/// before the cap stays; any other becomes the usual share of the new cap.
pub(super) fn limit_to_ceiling(ceiling: &Sql) -> After {
    let to = |column: &str| {
        piece(
            &[
                (&format!("iif(s.{column} BETWEEN 1 AND ("), ceiling),
                (&format!("), s.{column}, ("), ceiling),
            ],
            "))",
        )
    };
    let cap = to("cap");
    let own = share(&Sql::new("s.cap"), DEFAULT_SHARE);
    let usual = share(ceiling, DEFAULT_SHARE);
    let alert = piece(
        &[
            ("iif(s.cap BETWEEN 1 AND (", ceiling),
            (") OR s.alert BETWEEN 1 AND (", ceiling),
            (") AND s.alert <> (", &own),
            ("), s.alert, (", &usual),
        ],
        "))",
    );
    let gate = piece(
        &[("iif(s.cap BETWEEN 1 AND (", ceiling), ("), s.gate, (", &derive_gate(&cap, &alert))],
        "))",
    );
    // A raise that is left no higher than what it would return to is none any more.
    let back = to("back_cap");
    let raised = |then: &Sql, else_: &str| {
        piece(
            &[("iif(s.back_cap >= 0 AND (", &back), (") < (", &cap), ("), (", then)],
            &format!("), {else_})"),
        )
    };
    let back_alert =
        piece(&[("iif(s.back_cap BETWEEN 1 AND (", ceiling), ("), s.back_alert, (", &usual)], "))");
    After {
        back_cap: raised(&back, "-1"),
        back_alert: raised(&back_alert, "0"),
        back_at: raised(&Sql::new("s.back_at"), "0"),
        hard: Sql::new("s.hard_cap"),
        cap,
        alert,
        gate,
    }
}

/// Holds the SIMs that `which` says of `s` to the ceilings of `temp.ceiling`; tells how many it
/// changed.
pub(super) fn tighten(session: &Connection, rev: Rev, which: &Sql) -> Result<usize> {
    let ceiling = Sql::new("c.bytes");
    let mut sql = Sql::new("UPDATE sim AS s SET version = ?, ").with(rev);
    sql.push(piece(
        &[
            ("", &limit_to_ceiling(&ceiling).assignment()),
            (" FROM temp.ceiling c WHERE c.account_id = s.account_id AND ", &over(&ceiling)),
            (" AND ", which),
        ],
        "",
    ));
    Ok(session.prepare_cached(&sql.text)?.execute(params_from_iter(&sql.params))?)
}

impl View<'_> {
    /// The ceilings of the accounts that a target's SIMs are in, as far as they are `wanted`, the
    /// lowest first.
    pub fn ceilings_of(&self, target: &Target, wanted: impl Fn(Ceiling) -> bool) -> Result<Vec<Ceiling>> {
        if self.accounts.all().iter().all(|a| a.ceiling.is_none()) {
            return Ok(Vec::new());
        }
        let mut sql =
            Sql::new("SELECT DISTINCT s.account_id FROM sim s WHERE s.managed AND s.lifecycle <> 3 AND ");
        sql.push(self.target(target)?);
        let mut statement = self.session.prepare_cached(&sql.text)?;
        let accounts = statement.query_map(params_from_iter(&sql.params), |r| r.get(0).map(AccountId))?;
        let of = |id: &AccountId| self.accounts.get(*id).and_then(|a| a.ceiling);
        let accounts = accounts.collect::<rusqlite::Result<Vec<_>>>()?;
        let mut ceilings: Vec<Ceiling> = accounts.iter().filter_map(of).filter(|c| wanted(*c)).collect();
        ceilings.sort_unstable();
        ceilings.dedup();
        Ok(ceilings)
    }

    /// Says in a plan what holding SIMs to a ceiling does; `chosen` is what follows FROM.
    pub fn warn_of_ceiling(&self, ceiling: Ceiling, chosen: &Sql, plan: &mut Plan) -> Result<u64> {
        let bytes = Sql::new("?").with(ceiling.bytes as i64);
        let from = piece(&[("", chosen), (" AND ", &over(&bytes))], "");
        let mut count = Sql::new("SELECT count(*) FROM ");
        count.push(from.clone());
        let n = self.number(&count)?;
        if n > 0 {
            plan.warnings.push((Warning::Held, n));
            plan.warnings.extend(level_columns::effects(self.session, &limit_to_ceiling(&bytes), &from)?);
            plan.ceilings.push(ceiling);
        }
        Ok(n)
    }

    /// The SIMs of an account and below it, as what follows FROM.
    pub fn sims_below(&self, account: AccountId) -> Sql {
        let below = self.accounts.subtree(account).iter().map(|a| a.id.0);
        Sql::new("sim s WHERE s.account_id IN rarray(?)").with_many(below)
    }

    /// How many SIMs an undo would put levels back of.
    pub fn restorable(&self, rev: Rev) -> Result<u64> {
        let mut sql = Sql::new(
            "SELECT count(*) FROM log_item i JOIN sim s ON s.id = i.sim_id \
             WHERE i.rev = ? AND i.outcome = 0 AND s.version = i.rev AND ",
        )
        .with(rev);
        sql.push(self.visible());
        self.number(&sql)
    }
}

/// Judges, after an account has got another ceiling, its own or by hanging elsewhere: who is held
/// to it, and, where that undoes an earlier change, whose levels come back because nothing came
/// after.
pub(crate) fn judge(view: &View<'_>, account: AccountId, undoes: Option<Rev>) -> Result<VerdictCounts> {
    view.session.execute_batch(TEMP)?;
    if let Some(rev) = undoes {
        let mut sql = Sql::new(
            "INSERT INTO temp.target SELECT i.sim_id, iif(s.version <> i.rev, 3, 0), iif(s.version <> i.rev, 3, 0), \
             s.account_id, s.account_id, i.before FROM log_item i JOIN sim s ON s.id = i.sim_id \
             WHERE i.rev = ? AND i.outcome = 0 AND ",
        )
        .with(rev);
        sql.push(view.visible());
        view.session.execute(&sql.text, params_from_iter(&sql.params))?;
    }
    let below: Vec<i64> = view.accounts.subtree(account).iter().map(|a| a.id.0).collect();
    let accounts = "SELECT value FROM rarray(?) UNION SELECT from_account FROM temp.target";
    let accounts = Sql::new(accounts).with_many(below.iter().copied());
    fill_ceilings(view.session, &Of::Selected(&accounts))?;
    let mut sql = Sql::new(
        "INSERT OR REPLACE INTO temp.target SELECT s.id, 0, 0, s.account_id, s.account_id, NULL FROM sim s \
         JOIN temp.ceiling c ON c.account_id = s.account_id WHERE s.account_id IN rarray(?) AND ",
    )
    .with_many(below);
    sql.push(over(&Sql::new("c.bytes")));
    view.session.execute(&sql.text, params_from_iter(&sql.params))?;
    count_verdicts(view.session, undoes.is_some())
}

/// Holds the SIMs that were judged to their ceilings, and puts back what comes back.
pub(crate) fn carry_out(
    session: &Database,
    rev: Rev,
    judged: &VerdictCounts,
    clock: &ClockReading,
    watch: &OnProgress<'_>,
) -> Result<()> {
    fill_rules(session, &Of::Selected(&target_accounts()))?;
    let items = log_items(level_columns::BEFORE);
    run_in_chunks(session, "setting", judged, watch, |last, end| {
        let done = session.prepare_cached(&items)?.execute(params![rev, last, end])?;
        level_columns::put_back(session, rev, clock, last, end)?;
        settle(session, rev, clock.now, last, end)?;
        Ok(done as u64)
    })?;
    verdicts::settle(session, rev)
}

/// Holds a chunk of `temp.target` to the ceilings, and lets reached levels speak.
pub(super) fn settle(session: &Database, rev: Rev, now: Time, last: i64, end: i64) -> Result<()> {
    let which =
        "s.id IN (SELECT sim_id FROM temp.target WHERE outcome = 0 AND sim_id > ? AND sim_id <= ?)";
    let which = Sql::new(which).with(last).with(end);
    tighten(session, rev, &which)?;
    super::events::settle(session, &which, now)
}
