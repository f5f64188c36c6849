//! What the details of one SIM and the alerts screen are read from.

use estate::saved::WATCHED;
use estate::{Cancel, Error, Estate, Event, EventFilter, Filter, LogFilter, Query, Result, SimId, Status};

use super::managed;
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
    // Changes are not for everybody; the rest is.
    let entries = match estate.entries(&wanted, cancel) {
        Err(Error::Denied { .. }) => None,
        other => Some(other?),
    };
    let stated = estate.stated(id, cancel)?;
    Ok(Facts { sim, usage, events, entries, stated })
}

/// How many SIMs of the query's account each of the watched filters finds, and the levels reached there.
pub fn attention(estate: &dyn Estate, query: &Query, cancel: &Cancel) -> Result<(Vec<u64>, Vec<Event>)> {
    let count = |(_, filter): &(&str, &str)| {
        estate.count(&Query { filter: Filter::parse(filter)?, ..query.clone() }, cancel)
    };
    let counts = WATCHED.iter().map(count).collect::<Result<_>>()?;
    let wanted = EventFilter { account: Some(query.under), limit: 10 * LINES, ..EventFilter::default() };
    Ok((counts, estate.events(&wanted, cancel)?))
}

/// Reads what is known of the account that the query is about.
pub fn account(estate: &dyn Estate, query: &Query, below: bool, cancel: &Cancel) -> Result<managed::Facts> {
    let account = query.under;
    let count = |status: Status| {
        let filter = Filter::parse(&format!("status={}", status.word()))?;
        Ok((status, estate.count(&Query { filter, ..query.clone() }, cancel)?))
    };
    let statuses = Status::ALL.into_iter().map(count).collect::<Result<Vec<_>>>()?;
    let (help, seen) = estate.help_of(account, cancel)?;
    let wanted = LogFilter { account: Some(account), limit: LINES, ..LogFilter::default() };
    Ok(managed::Facts {
        account,
        below,
        statuses: statuses.into_iter().filter(|(_, n)| *n > 0).collect(),
        month: estate.estate_usage(account, cancel)?.accounts.iter().map(|a| a.month).sum(),
        users: estate.users(Some(account), cancel)?,
        externals: estate.externals(account, cancel)?,
        help,
        seen,
        entries: estate.entries(&wanted, cancel)?,
    })
}

/// What the banner and the status line report.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct News {
    /// Levels reached since the user last looked at the alerts.
    pub alerts: u64,
    /// A rollover that is pending, and why; `None` where there is nothing to say.
    pub rollover: Option<String>,
}

/// Reads what is new since this user last looked at the alerts.
pub fn news(estate: &dyn Estate, cancel: &Cancel) -> Result<News> {
    let (alerts, caps) = estate.events_after(estate.heard(cancel)?, cancel)?;
    // A server of an earlier version has no such status.
    let rollover = estate.rollover_status().ok().and_then(|status| status.message());
    Ok(News { alerts: alerts + caps, rollover })
}
