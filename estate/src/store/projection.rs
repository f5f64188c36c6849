//! The pace of usage as SQL: what it comes to by the end of its billing period.

use std::collections::BTreeMap;

use super::sql::{Compiler, Sql, sign};
use crate::filter::Op;
use crate::period::PeriodRule;
use crate::units::DAY;

impl Compiler<'_> {
    /// Usage by the end of the period at the rate so far, in per cent of the cap, compared: see
    /// [`crate::levels::pace`]. Every account goes by its own rule.
    pub(super) fn pace(&self, op: Op, n: i64) -> Sql {
        let mut by_rule: BTreeMap<String, (PeriodRule, Vec<i64>)> = BTreeMap::new();
        for account in self.accounts.all() {
            let of_rule =
                by_rule.entry(account.period.to_string()).or_insert((account.period, Vec::new()));
            of_rule.1.push(account.id.0);
        }
        let parts = by_rule.into_iter().map(|(name, (rule, accounts))| {
            let (start, end) = self.running(&name, rule);
            let begin = "(s.account_id IN rarray(?) AND s.cap > 0 AND s.usage_as_of - ";
            let mut sql = Sql::new(begin).with_many(accounts);
            for (bound, text) in [
                (&start, format!(" >= {DAY} AND s.usage_as_of <= ")),
                (&end, " AND s.used * (".to_owned()),
                (&end, " - ".to_owned()),
                (&start, ") / (s.usage_as_of - ".to_owned()),
                (&start, format!(") * 100 / s.cap {} ?)", sign(op))),
            ] {
                sql.push(bound.clone());
                sql.text.push_str(&text);
            }
            sql.with(n)
        });
        Sql::join_balanced(parts.collect(), " OR ")
    }

    /// The bounds of the period that runs now: the same for all, or each SIM's own.
    fn running(&self, name: &str, rule: PeriodRule) -> (Sql, Sql) {
        if let PeriodRule::Activation(_) = rule {
            let own = |function: &str| {
                Sql::new(format!("{function}(?, s.activated, ?)")).with(name.to_owned()).with(self.now.0)
            };
            return (own("period_start"), own("period_end"));
        }
        let (start, end) = rule.bounds(self.now.0, 0);
        (Sql::new("?").with(start), Sql::new("?").with(end))
    }
}
