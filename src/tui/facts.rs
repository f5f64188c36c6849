//! What the details of one SIM are read from.

use estate::{Cancel, Capability, Estate, EventFilter, LogFilter, Result, SimId, permit};

use super::overlay::sim::Facts;

/// Events and changes that are read.
const LINES: u32 = 100;

/// Reads everything this user may know of a SIM.
pub fn read(estate: &dyn Estate, id: SimId, cancel: &Cancel) -> Result<Facts> {
    let sim = estate.sim(id, cancel)?;
    let usage = estate.usage(id, cancel)?;
    let events =
        estate.events(&EventFilter { sim: Some(id), limit: LINES, ..EventFilter::default() }, cancel)?;
    let wanted = LogFilter { sim: Some(id), limit: LINES, ..LogFilter::default() };
    let may = permit(estate.me().role, Capability::EstateHistory).is_ok();
    let entries = may.then(|| estate.entries(&wanted, cancel)).transpose()?;
    Ok(Facts { sim, usage, events, entries })
}
