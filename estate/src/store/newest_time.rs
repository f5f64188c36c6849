//! The newest time that the log has, and whether a clock is accepted beside it.

use rusqlite::Connection;

use crate::clock::{ClockReading, ClockState, judge_clock};
use crate::error::Result;
use crate::units::Time;

/// Returns a clock reading beside the newest log entry of an accepted clock.
pub(crate) fn reading(session: &Connection, now: Time) -> Result<ClockReading> {
    let newest: i64 = session.query_row("SELECT newest FROM clock", [], |r| r.get(0))?;
    Ok(ClockReading { now, newest: (newest != 0).then_some(Time(newest)) })
}

/// Records the time of a log entry as the newest, if its clock is accepted.
pub(crate) fn note_entry(session: &Connection, at: Time) -> Result<()> {
    let reading = reading(session, at)?;
    if judge_clock(at, reading.newest) == ClockState::Accepted {
        accept(session, at)?;
    }
    Ok(())
}

/// Accepts a clock from now on.
pub(crate) fn accept(session: &Connection, now: Time) -> Result<()> {
    session.execute("UPDATE clock SET newest = ?", [now.0])?;
    Ok(())
}
