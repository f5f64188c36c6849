//! Billing periods in SQL: functions for their bounds, and retention of usage.

use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};

use crate::error::Result;
use crate::period::PeriodRule;
use crate::units::DAY;

/// Retention of daily usage, closed periods and counted records, and of data sessions, in seconds.
pub(crate) const KEPT: i64 = 366 * DAY;
pub(crate) const SESSIONS_KEPT: i64 = 92 * DAY;

/// `period_start(rule, activated, at)` and `period_end(…)`: the bounds of the billing period that
/// `at` lies in.
pub(super) fn add_period_functions(conn: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    let bounds = |ctx: &Context<'_>| -> rusqlite::Result<(i64, i64)> {
        let rule: PeriodRule = ctx.get_raw(0).as_str().unwrap_or_default().parse().unwrap_or_default();
        Ok(rule.bounds(ctx.get(2)?, ctx.get(1)?))
    };
    conn.create_scalar_function("period_start", 3, flags, move |ctx| Ok(bounds(ctx)?.0))?;
    conn.create_scalar_function("period_end", 3, flags, move |ctx| Ok(bounds(ctx)?.1))?;
    Ok(())
}
