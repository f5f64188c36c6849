//! From categories to accounts: each category (or tag) of an account's own SIMs becomes an account
//! below it, and its SIMs go there.

use std::collections::BTreeMap;

use rusqlite::{params, params_from_iter};

use super::accounts;
use super::read::View;
use super::sql::Sql;
use crate::account::{Account, check_new_account_name};
use crate::change::{Group, Grouping, Plan, Target, Warning};
use crate::error::Result;
use crate::ids::{AccountId, Rev, SimId};
use crate::store::connection::Database;
use crate::store::verdicts::{VerdictCounts, at, judge_with};
use crate::text;
use crate::units::Time;

/// The first name of a SIM's list, case-folded as account names are; empty if it has none.
fn first(by: Grouping) -> String {
    format!("case_fold(ifnull(json_extract(list_items(s.{}), '$[0]'), ''))", by.column())
}

/// The outcome of each SIM, or the reason for it, as a code: only those in the account itself with
/// exactly one name go.
fn outcome_sql(account: AccountId, by: Grouping, at: Rev, outcome: bool) -> Sql {
    let code = |refused: i64| if outcome { 2 } else { refused };
    Sql::new(format!(
        "CASE WHEN s.account_id <> ? OR s.{column} = '' THEN {} WHEN NOT s.managed THEN {} WHEN s.lifecycle = 3 THEN {} \
         WHEN json_array_length(list_items(s.{column})) > 1 THEN {} WHEN s.version > ? THEN 3 ELSE 0 END",
        i64::from(outcome),
        code(2),
        code(1),
        code(12),
        column = by.column(),
    ))
    .with(account.0)
    .with(at)
}

fn verdict(account: AccountId, by: Grouping, at: Rev) -> Sql {
    Sql::join(vec![outcome_sql(account, by, at, true), outcome_sql(account, by, at, false)], ", ")
}

impl View<'_> {
    /// What turning the categories of an account into accounts would do: which there would be, and
    /// who goes where.
    pub fn plan_convert(
        &self,
        target: &Target,
        account: AccountId,
        by: Grouping,
        now_at: Rev,
    ) -> Result<Plan> {
        self.accounts.need(account)?;
        let (mut plan, sums) = self.count_outcomes(target, verdict(account, by, at(target)), now_at)?;
        plan.by_account.clear();
        let kinds = [Warning::Notes, Warning::InSession, Warning::ActivationPending];
        plan.warnings.extend(kinds.into_iter().zip(sums).filter(|(_, n)| *n > 0));
        plan.groups = self.groups(target, account, by)?;
        for group in plan.groups.clone() {
            if let Some(there) = group.account {
                self.warn_of_group(target, (account, by, &group.name), there, &mut plan)?;
            }
        }
        Ok(plan)
    }

    /// What a move into an account that is there already brings about: it may have users and a
    /// ceiling of its own.
    fn warn_of_group(
        &self,
        target: &Target,
        (account, by, name): (AccountId, Grouping, &str),
        there: AccountId,
        plan: &mut Plan,
    ) -> Result<()> {
        let mut chosen = Sql::new("sim s WHERE (");
        chosen.push(outcome_sql(account, by, at(target), true));
        chosen.push(Sql::new(format!(") = 0 AND {} = ? AND ", first(by))).with(text::case_fold(name)));
        chosen.push(self.target(target)?);
        if let Some(ceiling) = self.accounts.need(there)?.ceiling {
            self.warn_of_ceiling(ceiling, &chosen, plan)?;
        }
        let mut sql = Sql::new("SELECT s.id FROM ");
        sql.push(chosen);
        let mut statement = self.session.prepare_cached(&sql.text)?;
        let ids = statement.query_map(params_from_iter(&sql.params), |r| r.get(0).map(SimId))?;
        let group = Target::ids(ids.collect::<rusqlite::Result<Vec<_>>>()?);
        self.warn_of_recipients(&group, there, plan)
    }

    /// The names that SIMs go by, with how many go, and whether there is an account of that name
    /// already.
    fn groups(&self, target: &Target, account: AccountId, by: Grouping) -> Result<Vec<Group>> {
        let name = format!("json_extract(list_items(s.{}), '$[0]')", by.column());
        let mut sql = Sql::new(format!("SELECT {name}, count(*) FROM sim s WHERE ("));
        sql.push(outcome_sql(account, by, at(target), true));
        sql.text.push_str(") = 0 AND ");
        sql.push(self.target(target)?);
        sql.text.push_str(" GROUP BY 1 ORDER BY 2 DESC, 1");
        let there: BTreeMap<String, &Account> =
            self.accounts.children(account).map(|child| (text::case_fold(&child.name), child)).collect();
        let mut statement = self.session.prepare_cached(&sql.text)?;
        let rows = statement.query_map(params_from_iter(&sql.params), |r| {
            Ok((r.get::<_, String>(0)?, r.get::<_, i64>(1)?.unsigned_abs()))
        })?;
        // Whatever its case, it is one name: the spelling that most SIMs have.
        let mut groups: Vec<Group> = Vec::new();
        for row in rows {
            let (name, sims) = row?;
            let key = text::case_fold(&name);
            if let Some(group) = groups.iter_mut().find(|group| text::case_fold(&group.name) == key) {
                group.sims += sims;
                continue;
            }
            let account = there.get(&key).map(|child| child.id);
            if account.is_none() {
                check_new_account_name(&name)?;
            }
            groups.push(Group { name, sims, account });
        }
        groups.sort_by_key(|group| std::cmp::Reverse(group.sims));
        Ok(groups)
    }
}

/// Makes the accounts that are not there yet, and judges who goes where; tells which were made.
pub(crate) fn judge_convert(
    view: &View<'_>,
    target: &Target,
    account: AccountId,
    by: Grouping,
    rev: Rev,
    now: Time,
) -> Result<(VerdictCounts, Vec<AccountId>)> {
    let session: &Database = view.session;
    session.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS grouped (key TEXT PRIMARY KEY, account_id INTEGER NOT NULL) WITHOUT ROWID; \
         DELETE FROM temp.grouped",
    )?;
    let mut made = Vec::new();
    for group in view.groups(target, account, by)? {
        let id = if let Some(id) = group.account {
            id
        } else {
            made.push(accounts::insert(
                session,
                Some(account),
                &check_new_account_name(&group.name)?,
                rev,
                now,
            )?);
            made[made.len() - 1]
        };
        session.execute(
            "INSERT INTO temp.grouped VALUES (?, ?)",
            params![text::case_fold(&group.name), id.0],
        )?;
    }
    let to = format!(
        "ifnull((SELECT g.account_id FROM temp.grouped g WHERE g.key = {}), s.account_id)",
        first(by)
    );
    let judged = judge_with(view, target, verdict(account, by, at(target)), &Sql::new(to))?;
    Ok((judged, made))
}
