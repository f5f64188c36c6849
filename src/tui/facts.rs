//! What the details of one SIM and the alerts screen are read from.

use estate::saved::WATCHED;
use estate::{Entry, Level, Sim, StateOrigin, Usage};

use crate::zone::Zone;
use estate::{
    CancelToken, Error, Estate, Event, EventFilter, Filter, LogFilter, Query, Result, SimId, Status,
};

use super::managed;

/// Events and changes that are read.
const LINES: u32 = 100;

/// Reads everything this user may know of a SIM.
pub fn read(estate: &dyn Estate, id: SimId, cancel: &CancelToken) -> Result<Facts> {
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
    let stated = estate.last_state_change(id, cancel)?;
    Ok(Facts { sim, usage, events, entries, stated })
}

/// How many SIMs of the query's account each of the watched filters finds, and the levels reached
/// there.
pub fn attention(
    estate: &dyn Estate,
    query: &Query,
    cancel: &CancelToken,
) -> Result<(Vec<u64>, Vec<Event>)> {
    let count = |(_, filter): &(&str, &str)| {
        estate.count(&Query { filter: Filter::parse(filter)?, ..query.clone() }, cancel)
    };
    let counts = WATCHED.iter().map(count).collect::<Result<_>>()?;
    let wanted = EventFilter { account: Some(query.under), limit: 10 * LINES, ..EventFilter::default() };
    Ok((counts, estate.events(&wanted, cancel)?))
}

/// Reads what is known of the account that the query is about.
pub fn account(
    estate: &dyn Estate,
    query: &Query,
    below: bool,
    cancel: &CancelToken,
) -> Result<managed::Facts> {
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
    /// Key of that message, without the present time.
    pub rollover_key: String,
}

/// Reads what is new since this user last looked at the alerts.
pub fn news(estate: &dyn Estate, cancel: &CancelToken) -> Result<News> {
    let (alerts, caps) = estate.events_after(estate.last_event_seen(cancel)?, cancel)?;
    // A server of an earlier version has no such status.
    let status = estate.rollover_status().unwrap_or_default();
    let (rollover, rollover_key) = (status.message(), status.message_key());
    Ok(News { alerts: alerts + caps, rollover, rollover_key })
}

/// What has been read of one SIM.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// The SIM.
    pub sim: Sim,
    /// Its usage over time.
    pub usage: Usage,
    /// Levels it has reached, newest first.
    pub events: Vec<Event>,
    /// Its changes, newest first; `None` for those who may not see them.
    pub entries: Option<Vec<Entry>>,
    /// Who put it into its state; `None` where an import stated it.
    pub stated: Option<StateOrigin>,
}

impl Facts {
    /// Why it has the status it has, and since when.
    pub fn reason(&self, zone: Zone) -> String {
        let moment = |at| format!("{} {}", zone.minute(at), zone.name());
        let of = |kind: Level, what: &str| {
            let now = |e: &&Event| e.kind == kind && e.period == self.usage.period.start;
            self.events.iter().find(now).map_or_else(
                || format!("{what}, as the import stated"),
                |e| format!("{what} {}", moment(e.at)),
            )
        };
        match self.sim.status {
            Status::Blocked => format!(
                "{}; no new session until it is raised or the period ends",
                of(Level::Cap, "the cap was reached")
            ),
            Status::Alerted => format!("{}; service goes on", of(Level::Alert, "the alert was reached")),
            Status::Suspended => self.stated.as_ref().map_or_else(
                || "stopped by someone, as the import stated: the private APN is refused".into(),
                |stated| {
                    let why = if stated.why.is_empty() { "" } else { ": " };
                    format!("stopped by {} {}{why}{}", stated.by, moment(stated.at), stated.why)
                },
            ),
            Status::Inactive => "can be activated; not billed".into(),
            Status::ActivationPending => "waiting for the network operator".into(),
            Status::Terminated => "disconnected for good".into(),
            Status::Unmanaged => "displayed only: no usage, no changes".into(),
            Status::Active => "in normal use".into(),
        }
    }
}
