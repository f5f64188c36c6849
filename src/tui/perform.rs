//! The only code that waits: effects are carried out in lanes, and the answers come back as
//! messages.
//!
//! A lane has room for one: a newer question stops and replaces an older one. Changes have a lane
//! of their own.

mod files;

use std::collections::{BTreeSet, VecDeque};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use estate::filter::suggest::{Known, TITLES};
use estate::{
    CancelToken, Change, ChangeId, Error, Estate, List, LogFilter, Lookup, Outcome, Progress, Result,
    Rev, Saved, SavedEdit, SimId,
};

use super::msg::{Effect, ListSource, Msg};
use crate::files::expand_home;
use crate::tui::overlay::response::Then;

/// Progress is told at most that often.
const PROGRESS: Duration = Duration::from_millis(100);
/// The most SIMs a range, a copy or a set of failures names one by one.
const LISTED: u64 = 200_000;
/// Changes of the log read at a time.
const ENTRIES: u32 = 100;

/// Which lane a question goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lane {
    Rows,
    Count,
    Picked,
    Marks,
    Accounts,
    Work,
    Pick,
    Copy,
    Write,
    Known,
    Saved,
    Tally,
    Sim,
    News,
    Account,
    Log,
    Own,
}

const LANES: usize = 17;

/// The questions a lane holds, and how to stop the one it works on.
#[derive(Default)]
struct Slot {
    next: VecDeque<(Effect, CancelToken)>,
    running: Option<CancelToken>,
    closed: bool,
}

type Shared = Arc<(Mutex<Slot>, Condvar)>;

/// Carries effects out on threads of its own.
pub struct Performer {
    lanes: Vec<Shared>,
    stop: Arc<AtomicBool>,
    /// Stops the file that is being written.
    export: Mutex<CancelToken>,
    /// Stops the question that a network is asked.
    probe: Mutex<CancelToken>,
    estate: Arc<dyn Estate>,
    sender: Sender<Msg>,
}

fn lane(effect: &Effect) -> Lane {
    match effect {
        Effect::Rows { .. } => Lane::Rows,
        Effect::Count { .. } => Lane::Count,
        Effect::Picked { .. } => Lane::Picked,
        Effect::Marks { .. } => Lane::Marks,
        Effect::Accounts => Lane::Accounts,
        Effect::Apply { .. } => Lane::Write,
        Effect::Range { .. } | Effect::Find { .. } | Effect::Missed { .. } => Lane::Pick,
        Effect::Iccids { .. } => Lane::Copy,
        Effect::Known => Lane::Known,
        Effect::Saved | Effect::EditSaved { .. } | Effect::ImportSaved { .. } => Lane::Saved,
        Effect::Tally { .. } => Lane::Tally,
        Effect::Sim { .. } | Effect::Alerts { .. } | Effect::Spending { .. } => Lane::Sim,
        Effect::Account { .. } => Lane::Account,
        Effect::History { .. } => Lane::Log,
        Effect::Wants { .. } | Effect::Want(_) => Lane::Own,
        Effect::News | Effect::Hear(_) => Lane::News,
        _ => Lane::Work,
    }
}

/// What is a person's own and nobody asked for: on the screen of a token there is none of it.
fn of_person<T: Default>(answer: Result<T, Error>) -> Result<T, Error> {
    match answer {
        Err(Error::NotByToken) => Ok(T::default()),
        other => other,
    }
}

impl Performer {
    /// Starts the lanes.
    pub fn new(estate: &Arc<dyn Estate>, sender: &Sender<Msg>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let lanes = (0..LANES)
            .map(|_| {
                let shared = Shared::default();
                let (estate, sender) = (Arc::clone(estate), sender.clone());
                let (lane, stop) = (Arc::clone(&shared), Arc::clone(&stop));
                thread::spawn(move || work(&lane, estate.as_ref(), &sender, &stop));
                shared
            })
            .collect();
        Self {
            lanes,
            stop,
            export: Mutex::default(),
            probe: Mutex::default(),
            estate: Arc::clone(estate),
            sender: sender.clone(),
        }
    }

    /// Hands a question over; returns at once.
    pub fn send(&self, effect: Effect) {
        if effect == Effect::CancelChange {
            self.stop.store(true, Ordering::Relaxed);
            return;
        }
        if effect == Effect::CancelExport {
            self.export.lock().unwrap_or_else(PoisonError::into_inner).cancel();
            return;
        }
        if effect == Effect::CancelProbe {
            self.probe.lock().unwrap_or_else(PoisonError::into_inner).cancel();
            return;
        }
        if matches!(effect, Effect::Probe { .. }) {
            self.ask(effect);
            return;
        }
        if files::writes(&effect) {
            self.write_file(effect);
            return;
        }
        if matches!(effect, Effect::Apply { .. }) {
            self.stop.store(false, Ordering::Relaxed);
        }
        let (slot, wake) = &*self.lanes[lane(&effect) as usize];
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        // What changes something waits its turn; a question replaces the one before it.
        if !matches!(effect, Effect::EditSaved { .. } | Effect::ImportSaved { .. }) {
            if let Some(running) = slot.running.as_ref().filter(|_| lane(&effect) != Lane::Saved) {
                running.cancel();
            }
            slot.next.retain(|(waiting, _)| {
                matches!(waiting, Effect::EditSaved { .. } | Effect::ImportSaved { .. })
            });
        }
        slot.next.push_back((effect, CancelToken::new()));
        wake.notify_one();
    }
}

impl Performer {
    /// A network takes its time: it is asked beside everything else.
    fn ask(&self, effect: Effect) {
        let (estate, sender, cancel) =
            (Arc::clone(&self.estate), self.sender.clone(), CancelToken::new());
        *self.probe.lock().unwrap_or_else(PoisonError::into_inner) = cancel.clone();
        thread::spawn(move || {
            if let Some(msg) = perform(estate.as_ref(), effect, &cancel, &AtomicBool::new(false), &|_| {})
            {
                let _ = sender.send(msg);
            }
        });
    }

    /// A file that is being written is stopped by nothing else a person does.
    fn write_file(&self, effect: Effect) {
        let (estate, sender, cancel) =
            (Arc::clone(&self.estate), self.sender.clone(), CancelToken::new());
        if matches!(effect, Effect::Export { .. }) {
            *self.export.lock().unwrap_or_else(PoisonError::into_inner) = cancel.clone();
        }
        thread::spawn(move || {
            let tell = |progress| drop(sender.send(Msg::Writing(progress)));
            let msg = perform(estate.as_ref(), effect, &cancel, &AtomicBool::new(false), &tell);
            if let Some(msg) = msg {
                let _ = sender.send(msg);
            }
        });
    }
}

impl Drop for Performer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for lane in &self.lanes {
            let mut slot = lane.0.lock().unwrap_or_else(PoisonError::into_inner);
            slot.closed = true;
            if let Some(running) = &slot.running {
                running.cancel();
            }
            lane.1.notify_one();
        }
    }
}

fn work(lane: &Shared, estate: &dyn Estate, sender: &Sender<Msg>, stop: &AtomicBool) {
    loop {
        let (effect, cancel) = {
            let mut slot = lane.0.lock().unwrap_or_else(PoisonError::into_inner);
            slot.running = None;
            loop {
                if slot.closed {
                    return;
                }
                match slot.next.pop_front() {
                    Some((effect, cancel)) => {
                        slot.running = Some(cancel.clone());
                        break (effect, cancel);
                    }
                    None => slot = lane.1.wait(slot).unwrap_or_else(PoisonError::into_inner),
                }
            }
        };
        let tell = |progress| drop(sender.send(Msg::Progress(progress)));
        if let Some(msg) = perform(estate, effect, &cancel, stop, &tell)
            && sender.send(msg).is_err()
        {
            return;
        }
    }
}

/// Carries one effect out; `None` when nobody waits for an answer.
pub fn perform(
    estate: &dyn Estate,
    effect: Effect,
    cancel: &CancelToken,
    stop: &AtomicBool,
    tell: &(dyn Fn(Progress) + Sync),
) -> Option<Msg> {
    Some(match effect {
        Effect::Rows { ticket, want, query, seek, target } => {
            let read = estate.page(&query, &seek, estate::WINDOW, cancel).and_then(|page| {
                let ids: Vec<SimId> = page.rows.iter().map(|r| r.sim.id).collect();
                let marked = if target.is_empty() {
                    BTreeSet::new()
                } else {
                    estate.selected_among(&target, &ids, cancel)?
                };
                Ok((page, marked))
            });
            Msg::Rows(ticket, want, read)
        }
        Effect::Count { ticket, query } => Msg::Count(ticket, estate.count(&query, cancel)),
        Effect::Picked { ticket, target, query } => {
            Msg::Picked(ticket, estate.count_target(&target, &query, cancel))
        }
        Effect::Marks { ticket, target, ids } => {
            Msg::Marks(ticket, estate.selected_among(&target, &ids, cancel))
        }
        Effect::Accounts => Msg::Accounts(estate.accounts(cancel)),
        Effect::Range { ticket, query, from, to } => {
            Msg::Range(ticket, estate.range(&query, &from, &to, LISTED, cancel))
        }
        Effect::Find { ticket, purpose, source } => {
            Msg::Found(ticket, purpose, find(estate, source, cancel))
        }
        Effect::Spread { ticket, target } => Msg::Spread(ticket, estate.levels_summary(&target, cancel)),
        Effect::Common { ticket, target } => Msg::Common(ticket, estate.common(&target, cancel)),
        Effect::Plan { ticket, change } => Msg::Planned(ticket, estate.plan(&change, cancel)),
        Effect::Apply { id, change } => Msg::Applied(apply(estate, &id, &change, stop, tell)),
        Effect::Items { ticket, rev, outcome, after } => {
            let limit = super::overlay::list::ITEMS as u32;
            Msg::Items(ticket, estate.change_items(rev, outcome, after, limit, cancel))
        }
        Effect::Missed { ticket, rev, then } => {
            Msg::Missed(ticket, then, outcomes(estate, rev, then, cancel))
        }
        Effect::History { ticket, wanted } => {
            let wanted = LogFilter { limit: ENTRIES, ..*wanted };
            Msg::History(ticket, estate.entries(&wanted, cancel))
        }
        Effect::FindHistory { ticket, wanted, iccid } => {
            let found = match iccid.as_str() {
                "" => Ok(None),
                iccid => estate.sim_by_iccid(iccid, cancel).map(|sim| Some(sim.id)),
            };
            Msg::FoundHistory(ticket, found.map(|sim| Box::new(LogFilter { sim, ..*wanted })))
        }
        effect if files::writes(&effect) => return files::write_report(estate, effect, cancel, tell),
        Effect::Iccids { target, query } => Msg::Copy(files::iccids(estate, &target, &query, cancel)),
        effect => return about_filters(estate, effect, cancel),
    })
}

/// What filters need besides the list itself.
fn about_filters(estate: &dyn Estate, effect: Effect, cancel: &CancelToken) -> Option<Msg> {
    Some(match effect {
        Effect::Known => Msg::Known(read_known(estate, cancel)),
        Effect::Saved => Msg::Saved(of_person(estate.saved_filters(cancel)), String::new()),
        Effect::EditSaved { edits, said } => Msg::Saved(estate.edit_saved(&edits), said),
        Effect::ImportSaved { path } => {
            let taken = import_saved(estate, &path);
            let said = taken.as_ref().map(|(_, n)| format!("{n} filters taken in")).unwrap_or_default();
            Msg::Saved(taken.map(|(list, _)| list), said)
        }
        Effect::Spending { ticket, account } => {
            Msg::Spending(ticket, estate.estate_usage(account, cancel))
        }
        Effect::News => Msg::News(of_person(super::facts::news(estate, cancel))),
        Effect::Hear(upto) => {
            Msg::News(estate.mark_events_seen(upto).and_then(|()| super::facts::news(estate, cancel)))
        }
        Effect::Alerts { ticket, query } => {
            Msg::Alerts(ticket, super::facts::attention(estate, &query, cancel))
        }
        Effect::Sim { ticket, id } => {
            Msg::Sim(ticket, super::facts::read(estate, id, cancel).map(Box::new))
        }
        Effect::Account { ticket, query, below } => {
            Msg::Account(ticket, super::facts::account(estate, &query, below, cancel).map(Box::new))
        }
        Effect::Probe { ticket, sim, kind, probe, limit } => {
            let asked = estate.authorize_probe(sim, kind.need(), cancel);
            let said = asked.and_then(|sim| probe.ask(&sim, limit, &|| cancel.is_cancelled()));
            Msg::Probed(ticket, said)
        }
        Effect::Link(id, email) => Msg::Linked(email, estate.link(id, false)),
        Effect::Sessions(of) => Msg::Sessions(of, estate.sessions(of)),
        Effect::EndSession(of, id) => {
            let ended =
                id.map_or_else(|| estate.end_sessions(of), |id| estate.end_session(id).map(|_| 1));
            Msg::SessionsEnded(of, ended.and_then(|ended| Ok((ended, estate.sessions(of)?))))
        }
        Effect::Help { ticket } => Msg::Help(ticket, estate.help(cancel)),
        Effect::HelpFile { account, path } => {
            let broken = |e| Error::io(format!("cannot read {}", path.display()), e);
            Msg::HelpFile(account, std::fs::read_to_string(&path).map_err(broken))
        }
        Effect::Wants { ticket } => Msg::Wants(ticket, estate.wants_mail(cancel)),
        Effect::Want(wanted) => Msg::Wants(0, estate.want_mail(wanted).map(|()| wanted)),
        Effect::Tally { ticket, query } => Msg::Tally(ticket, estate.count(&query, cancel)),
        // The rest is the loop's: the terminal, and what stops.
        _ => return None,
    })
}

fn read_known(estate: &dyn Estate, cancel: &CancelToken) -> Result<Known> {
    let counted = TITLES.iter().map(|row| row.0).filter(|field| field.is_counted());
    counted.map(|field| Ok((field, estate.values(field, cancel)?))).collect()
}

/// Takes the filters of a file in; one of a name that is there already is replaced.
fn import_saved(estate: &dyn Estate, path: &Path) -> Result<(Vec<Saved>, usize)> {
    let filters = estate::saved::from_stream(files::open_input(estate, path)?)?;
    let edits: Vec<SavedEdit> = filters.into_iter().map(|saved| SavedEdit::Put(saved, true)).collect();
    Ok((estate.edit_saved(&edits)?, edits.len()))
}

fn find(estate: &dyn Estate, source: ListSource, cancel: &CancelToken) -> Result<Lookup> {
    let list = match source {
        ListSource::Given(list) => list,
        ListSource::Typed(text) => {
            let path = &expand_home(text.trim());
            let list = List::read(&text)?;
            // What was typed is the name of a file, or the numbers themselves.
            if path.is_file() || list.entries.is_empty() {
                List::read_stream(files::open_input(estate, path)?)?
            } else {
                list
            }
        }
    };
    if list.entries.is_empty() {
        return Err(Error::invalid("list", "holds no numbers"));
    }
    estate.lookup(&list, cancel)
}

fn apply(
    estate: &dyn Estate,
    id: &ChangeId,
    change: &Change,
    stop: &AtomicBool,
    tell: &(dyn Fn(Progress) + Sync),
) -> Result<estate::Receipt> {
    let told: Mutex<Option<Instant>> = Mutex::new(None);
    let watch = |progress: Progress| {
        if stop.load(Ordering::Relaxed) {
            return ControlFlow::Break(());
        }
        let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_none_or(|at| at.elapsed() >= PROGRESS) {
            *told = Some(Instant::now());
            tell(progress);
        }
        ControlFlow::Continue(())
    };
    estate.apply(id, change, &watch)
}

/// The SIMs of a change that did not get there, or those that did.
fn outcomes(estate: &dyn Estate, rev: Rev, then: Then, cancel: &CancelToken) -> Result<Vec<SimId>> {
    let wanted: &[Outcome] = match then {
        Then::Drop => &[Outcome::Done, Outcome::Unchanged],
        Then::Select | Then::Retry => &[Outcome::Refused, Outcome::Conflict, Outcome::Failed],
    };
    let mut ids = Vec::new();
    for outcome in wanted.iter().copied() {
        let mut after = None;
        loop {
            let items = estate.change_items(rev, Some(outcome), after, 10_000, cancel)?;
            after = items.last().map(|i| i.sim);
            ids.extend(items.iter().map(|i| i.sim));
            if items.len() < 10_000 || ids.len() as u64 > LISTED {
                break;
            }
        }
    }
    Ok(ids)
}
