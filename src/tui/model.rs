//! Everything the screen shows, and nothing that waits.

mod parts;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use estate::filter::suggest::Known;
use estate::{AccountId, Accounts, Filter, List, Query, Roles, Saved, Sim, Time, User};

use super::columns::Columns;
use super::facts::News;
use super::keymap::{Keymap, Pane};
use super::managed::Managed;
use super::msg::Effect;
use super::overlay::{Overlay, SimPane};
use super::selection::Selection;
use super::table::{ScrollTo, Table};
use super::term::Key;
use super::theme::Theme;
use super::toast::{Messages, Refusal};
use super::tree::Tree;
use crate::doctor::Fact;
use crate::probe::Probes;
pub use parts::*;

/// How long the cursor rests before the details follow it: not at each key of a held one.
pub const REST: Duration = Duration::from_millis(90);
/// Keys that follow each other faster than that come from one that is held.
pub const HELD: Duration = Duration::from_millis(60);
/// How long a prefix waits before what can follow is shown.
pub const WHICH_KEY: Duration = Duration::from_millis(300);

/// How long a list may take to arrive before the rows still shown are marked as old.
pub const PATIENCE: Duration = Duration::from_millis(150);

/// How long letters are ignored after a refusal: they were typed before it could be read.
pub const REFUSAL: Duration = Duration::from_millis(700);

/// How a server is reached.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reach {
    /// Since when it has not answered.
    pub offline: Option<Time>,
    /// True while its change feed delivers.
    pub live: bool,
    /// Whether it does not know any more who this is.
    pub signed_out: bool,
}

/// What the model starts from.
#[derive(Debug)]
pub struct Start {
    /// What is open.
    pub kind: Kind,
    /// Where it is.
    pub site: Location,
    /// Who is signed in.
    pub me: User,
    /// The role table.
    pub roles: Roles,
    /// Whether nothing can be changed.
    pub read_only: bool,
    /// What they see.
    pub accounts: Arc<Accounts>,
    /// The keys.
    pub keymap: Keymap,
    /// The colours.
    pub theme: Theme,
    /// Columns and rows.
    pub size: (u16, u16),
    /// Whether mouse reports are on.
    pub mouse: bool,
    /// What becomes of a copy in this terminal.
    pub clipboard: &'static str,
    /// What is known of this machine.
    pub machine: Vec<Fact>,
    /// How networks are asked about their SIMs.
    pub probes: Probes,
    /// Whether mail goes out.
    pub mail: bool,
    /// The time.
    pub now: Time,
}

/// The state of the screen.
#[derive(Debug)]
#[expect(missing_docs, reason = "each is the state of the part it is named after")]
pub struct Model {
    pub size: (u16, u16),
    /// Since the program began: the only clock.
    pub at: Duration,
    pub now: Time,
    pub kind: Kind,
    /// Where the estate is.
    pub site: Location,
    /// How the server is reached, where there is one.
    pub reach: Reach,
    pub me: User,
    pub roles: Roles,
    pub read_only: bool,
    pub accounts: Arc<Accounts>,
    pub tree: Tree,
    pub table: Table,
    pub picked: Selection,
    pub query: Query,
    /// The columns of the table.
    pub columns: Columns,
    /// Since when another list is on its way, while the old rows are still shown.
    pub waiting_since: Option<Duration>,
    /// SIMs the list holds; `None` while they are counted.
    pub matching: Option<u64>,
    pub focus: Pane,
    pub show_tree: bool,
    /// `None` shows details where there is room.
    pub show_details: Option<bool>,
    /// The SIM the details are about.
    pub detail: Option<Sim>,
    /// When the cursor was last moved by a row.
    pub stepped_at: Duration,
    /// When the details are to follow the cursor.
    pub rest_at: Option<Duration>,
    /// Keys of a sequence that is not finished, and since when.
    pub pending: Vec<Key>,
    pub pending_at: Duration,
    pub search: Option<Search>,
    /// Why the list has no rows, where that is not plain: an account of its filter is gone.
    pub fault: Option<String>,
    /// The saved filter that was called last.
    pub called: Option<ActiveFilter>,
    /// The user's saved filters.
    pub saved: Vec<Saved>,
    /// Filters used before, latest first.
    pub recent_filters: Vec<String>,
    /// What saved filters with a layout of their own were saved with, and what has become of it
    /// since.
    pub layouts: BTreeMap<String, (Layout, Layout)>,
    /// What to come back to from a saved filter.
    pub usual: Option<PreviousView>,
    /// The values that filters can name.
    pub known: Known,
    /// Whether they may have changed.
    pub known_stale: bool,
    /// Exports to files.
    pub export: Exports,
    pub overlays: Vec<Overlay>,
    /// The page of the account under the tree's cursor, in place of its SIMs.
    pub page: Option<Managed>,
    /// What the banner and the status line report.
    pub news: News,
    pub messages: Messages,
    pub job: Option<Job>,
    pub last: Last,
    pub mouse: bool,
    pub clipboard: &'static str,
    pub machine: Vec<Fact>,
    pub probes: Probes,
    pub keymap: Keymap,
    pub theme: Theme,
    /// Accounts moved to before, latest first.
    pub recents: Vec<AccountId>,
    pub tickets: Tickets,
    pub drag: Option<Drag>,
    /// An account that was just made, to be looked at once it is read.
    pub go_to: Option<AccountId>,
    /// A range that left the window is being read.
    pub ranging: bool,
    /// Something changed while the table was not to move.
    pub stale: bool,
    /// A pasted list waiting for what it is for.
    pub pasted: List,
    /// The person has left, or the program was told to end.
    pub quitting: bool,
    /// The program was told to end.
    pub ended: bool,
    /// Whether mail goes out.
    pub mail: bool,
}

/// The tree as it begins: whoever signed in for one account only sees no more than that.
fn tree_of(start: &Start) -> (AccountId, Tree) {
    let top = start.accounts.top().map_or(start.me.account, |top| top.id);
    let mut tree = Tree::new(top);
    tree.rebuild(&start.accounts);
    (top, tree)
}

impl Model {
    /// The first state; everything visible is still to be read.
    pub fn new(start: Start) -> Self {
        let (top, tree) = tree_of(&start);
        Self {
            size: start.size,
            at: Duration::ZERO,
            now: start.now,
            kind: start.kind,
            site: start.site,
            reach: Reach::default(),
            query: Query::all(top, start.now),
            columns: Columns::default(),
            me: start.me,
            roles: start.roles,
            read_only: start.read_only,
            accounts: start.accounts,
            tree,
            table: Table::default(),
            picked: Selection::default(),
            waiting_since: None,
            matching: None,
            focus: Pane::Table,
            show_tree: true,
            show_details: None,
            detail: None,
            stepped_at: Duration::ZERO,
            rest_at: None,
            pending: Vec::new(),
            pending_at: Duration::ZERO,
            search: None,
            fault: None,
            called: None,
            saved: Vec::new(),
            recent_filters: Vec::new(),
            layouts: BTreeMap::new(),
            usual: None,
            known: Known::new(),
            known_stale: true,
            export: Exports::default(),
            overlays: Vec::new(),
            news: News::default(),
            messages: Messages::default(),
            job: None,
            last: Last::Nothing,
            mouse: start.mouse,
            clipboard: start.clipboard,
            machine: start.machine,
            probes: start.probes,
            page: None,
            keymap: start.keymap,
            theme: start.theme,
            recents: Vec::new(),
            tickets: Tickets::default(),
            drag: None,
            go_to: None,
            ranging: false,
            stale: false,
            pasted: List::default(),
            quitting: false,
            ended: false,
            mail: start.mail,
        }
    }

    /// SIMs there are in all.
    pub fn total(&self) -> u64 {
        self.accounts.top().map_or(0, |a| a.subtree)
    }

    /// Reads the list anew.
    pub fn reload(&mut self, want: ScrollTo) -> Vec<Effect> {
        let seek = match (&want, self.table.rows.get(self.table.top)) {
            (ScrollTo::Keep, Some(row)) => estate::Seek::At(row.row.key.clone()),
            (ScrollTo::Bottom, _) => estate::Seek::Last,
            (ScrollTo::Row(n), _) => estate::Seek::Row(*n),
            _ => estate::Seek::First,
        };
        self.table.loading = true;
        if want != ScrollTo::Keep {
            self.waiting_since.get_or_insert(self.at);
        }
        self.tickets.rows = self.tickets.take();
        vec![self.rows(want, seek)]
    }

    /// Whether the rows in the window are those of the list asked for.
    pub fn shows_asked(&self) -> bool {
        let asked = |loaded: &Query| Query { now: self.query.now, ..loaded.clone() } == self.query;
        !self.table.rows.is_empty() && self.table.loaded.as_ref().is_some_and(asked)
    }

    /// A request for a page.
    pub fn rows(&self, want: ScrollTo, seek: estate::Seek) -> Effect {
        Effect::Rows {
            ticket: self.tickets.rows,
            want,
            query: Box::new(self.query.clone()),
            seek,
            target: Box::new(self.picked.target.clone()),
        }
    }

    /// Counts the list anew.
    pub fn recount(&mut self) -> Effect {
        self.matching = None;
        self.tickets.count = self.tickets.take();
        Effect::Count { ticket: self.tickets.count, query: Box::new(self.query.clone()) }
    }

    /// Counts the selection anew, where that needs the store.
    pub fn recount_picked(&mut self) -> Option<Effect> {
        self.tickets.picked = self.tickets.take();
        if self.picked.target.is_empty() {
            return None;
        }
        self.picked.shown = None;
        Some(Effect::Picked {
            ticket: self.tickets.picked,
            target: Box::new(self.picked.target.clone()),
            query: Box::new(self.query.clone()),
        })
    }

    /// Asks which rows of the window are selected.
    pub fn remark(&mut self) -> Effect {
        self.tickets.marks = self.tickets.take();
        Effect::Marks {
            ticket: self.tickets.marks,
            target: Box::new(self.picked.target.clone()),
            ids: self.table.rows.iter().map(|r| r.row.sim.id).collect(),
        }
    }

    /// Looks at other SIMs: everything about the list is read anew.
    pub fn requery(&mut self) -> Vec<Effect> {
        self.query.now = self.now;
        self.table.range = None;
        self.fault = None;
        let mut effects = self.reload(ScrollTo::Top);
        effects.push(self.recount());
        effects.extend(self.recount_picked());
        effects
    }

    /// Sets the filter.
    pub fn filter(&mut self, filter: Filter) -> Vec<Effect> {
        if self.query.filter == filter {
            return Vec::new();
        }
        self.query.filter = filter;
        self.requery()
    }

    /// Filters by nothing, and looks as usual again.
    pub fn clear_filter(&mut self) -> Vec<Effect> {
        self.leave_saved();
        self.query.filter = Filter::All;
        self.requery()
    }

    /// Whether the saved filter of that name is in force.
    pub fn is_called(&self, name: &str) -> bool {
        self.called.as_ref().is_some_and(|c| c.name == name && c.filter == self.query.filter)
    }

    /// Whether the saved filter in force is the user's own.
    pub fn is_called_by_own(&self) -> bool {
        self.saved.iter().any(|s| self.is_called(&s.name))
    }

    /// Leaves a saved filter: what became of its layout is remembered, and the usual one comes
    /// back.
    pub fn leave_saved(&mut self) {
        let called = self.called.take();
        let Some(usual) = self.usual.take() else { return };
        if let Some((name, saved)) = called.and_then(|c| Some((c.name, c.layout?))) {
            let columns = if saved.columns.is_empty() { Vec::new() } else { self.columns.to_saved() };
            let sort = saved.sort.as_ref().map(|_| self.query.sort.to_string());
            self.layouts.insert(name, (saved, Layout { columns, sort }));
        }
        self.columns = usual.columns;
        self.query.sort = usual.sort;
        if let Some((account, deep)) = usual.scope.filter(|(id, _)| self.accounts.get(*id).is_some()) {
            self.look_at(account, deep);
        }
    }

    /// Looks at an account, in the tree too; whether that is another view than before. The list is
    /// still to be read.
    pub fn look_at(&mut self, account: AccountId, deep: bool) -> bool {
        self.tree.go_to(account, &self.accounts);
        let before = std::mem::replace(&mut self.query.under, account);
        let was_deep = std::mem::replace(&mut self.query.deep, deep);
        (before, was_deep) != (account, deep)
    }

    /// Refuses an action: the reason is shown, and letters typed right after it are ignored.
    pub fn refuse(&mut self, reason: impl Into<String>) {
        let reason = reason.into();
        self.messages.say(reason.clone());
        self.ignore_letters(reason);
    }

    /// Ignores letters for a moment after a message that the typing did not expect.
    pub fn ignore_letters(&mut self, reason: String) {
        self.pending.clear();
        self.messages.refusal = Some(Refusal {
            reason,
            until: self.at + REFUSAL,
            ignored: String::new(),
            awaits_rows: false,
        });
    }

    /// Ignores letters until the rows of the entered filter are here: they are not meant for the
    /// rows before.
    pub fn await_rows(&mut self) {
        self.messages.entered_at = Some(self.at);
        self.ignore_letters("filtering".into());
        if let Some(refusal) = &mut self.messages.refusal {
            refusal.awaits_rows = true;
        }
    }

    /// The next moment something has to happen by itself.
    pub fn deadline(&self) -> Option<Duration> {
        let which =
            (!self.pending.is_empty()).then(|| self.pending_at + WHICH_KEY).filter(|t| *t > self.at);
        let late = self.waiting_since.map(|t| t + PATIENCE).filter(|t| *t > self.at);
        // How old what is shown has become is said by the second, then by the minute.
        let older = self.reach.offline.map(|since| {
            let age = (self.now.0 - since.0).max(0).unsigned_abs();
            self.at + Duration::from_secs(if age < 60 { 1 } else { 60 - age % 60 })
        });
        [self.rest_at, which, late, older].into_iter().flatten().min()
    }

    /// Whether the estate may be at a server.
    pub fn is_elsewhere(&self) -> bool {
        matches!(self.kind, Kind::Remote | Kind::Seen)
    }

    /// Whether the rows on the screen are old ones, kept while others are read.
    pub fn is_late(&self) -> bool {
        self.waiting_since.is_some_and(|since| self.at >= since + PATIENCE)
    }

    /// Whether the keys that can follow are to be shown.
    pub fn shows_which_key(&self) -> bool {
        !self.pending.is_empty() && self.at >= self.pending_at + WHICH_KEY
    }

    /// Puts something over the screen, but never between a person and what they type: it waits
    /// below that.
    pub fn push_under(&mut self, overlay: Overlay) {
        let typed = |o: &Overlay| matches!(o, Overlay::Form(_) | Overlay::Prompt(_));
        let at = self.overlays.iter().rposition(|o| !typed(o)).map_or(0, |at| at + 1);
        self.overlays.insert(at, overlay);
    }

    /// The pane whose keys work: beside the tree an account's page is about the account too.
    pub fn pane(&self) -> Pane {
        if self.page.is_some() { Pane::Tree } else { self.focus }
    }

    /// The one SIM that an action on one is about: that whose details are open, or the one under
    /// the cursor.
    pub fn one_sim(&self) -> Option<&Sim> {
        match self.shown_whole() {
            Some(pane) => pane.facts.as_ref().map(|facts| &facts.sim),
            None => self.table.current().map(|row| &row.row.sim),
        }
    }

    /// What an action would act on, in words: the selection, or the SIM under the cursor.
    pub fn subject(&self) -> String {
        if let Some(sim) = self.shown_whole() {
            return format!("SIM {}", short_iccid(&sim.iccid));
        }
        match (self.picked.is_empty(), self.picked.total, self.table.current()) {
            (false, Some(1), _) => "1 selected SIM".into(),
            (false, Some(n), _) => format!("{} selected SIMs", estate::number::count(n)),
            (false, None, _) => "the selected SIMs".into(),
            (true, _, Some(row)) => format!("SIM {}", short_iccid(&row.row.sim.iccid)),
            (true, _, None) => "no SIM".into(),
        }
    }

    /// The SIM whose details are open, whatever else is selected.
    pub fn shown_whole(&self) -> Option<&SimPane> {
        self.overlays.iter().find_map(|overlay| match overlay {
            Overlay::Sim(pane) => Some(&**pane),
            _ => None,
        })
    }

    /// How many of the SIMs an action acts on the filter hides; `None` while that is being counted.
    pub fn hidden_count(&self) -> Option<u64> {
        let whole = self.picked.is_empty() || self.shown_whole().is_some();
        if whole { Some(0) } else { self.picked.hidden_count() }
    }

    /// The SIMs an action acts on: the one whose details are open, the selection, or the one under
    /// the cursor. Never all if none.
    pub fn target(&self) -> Option<estate::Target> {
        if let Some(sim) = self.shown_whole() {
            return Some(estate::Target::ids([sim.id]));
        }
        if !self.picked.is_empty() {
            return Some(self.picked.target.clone());
        }
        self.table.current().map(|row| estate::Target::ids([row.row.sim.id]))
    }
}

/// The tail of an ICCID: SIMs of one issuer share their heads.
pub fn short_iccid(iccid: &str) -> String {
    let tail = iccid.len().saturating_sub(8);
    format!("…{}", &iccid[tail..])
}
