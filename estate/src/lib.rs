//! What a SIM estate is, who may change it, and where it is kept.
//!
//! An [`Estate`] is one signed-in user's session. [`Local`] applies the rules and talks to SQLite.
//! Nothing here prints, reads a home directory, or knows of terminals and networks.

mod account;
mod account_choice;
mod change;
mod clock;
pub mod demo;
mod edit;
mod error;
pub mod export;
pub mod filter;
mod help;
pub mod ident;
mod ids;
mod import;
pub mod json;
pub mod levels;
pub mod limits;
pub mod list;
mod local;
pub mod moment;
pub mod notify;
pub mod number;
mod packed;
mod password;
mod period;
mod permit;
mod progress;
mod query;
mod role;
mod rollover;
pub mod saved;
mod scope;
pub mod side_files;
mod sim;
mod store;
pub mod text;
mod token;
pub mod units;
mod usage;
mod user;

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Arc;

pub use account::{Account, Accounts, Ceiling, check_new_account_name, split_path, valid_name};
pub use account_choice::AccountChoice;
pub use change::{
    Change, Counts, Entry, Group, Grouping, Item, LogHead, MoveOptions, Outcome, Plan, Reason, Receipt,
    Target, Warning,
};
pub use clock::{ClockReading, ClockState, MAX_CLOCK_LEAD, judge_clock};
pub use edit::{Edit, ListEdit, SharedValues, StateOrigin};
pub use error::{Error, Fault, Kind, Result};
pub use filter::{FIELDS, Field, Filter, Op, Shape, Term, Value};
pub use help::{Contact, Help};
pub use ids::AccountId;
pub use ids::SimId;
pub use ids::TokenId;
pub use ids::UserId;
pub use ids::{ChangeId, Rev, StagingId};
pub use import::options::{ImportOptions, ImportSummary, Note, NoteSink, OnDuplicate};
pub use import::{explain, portals};
pub use levels::{Alert, Levels};
pub use limits::PASSWORD_MIN as PASSWORD_LEAST;
pub use list::{List, Lookup};
pub use local::requests::{Request, Stage};
pub use local::{Local, NewEstate};
pub use notify::{Attempt, Channel, Delivery, ExternalRecipient, OutboxMessage};
pub use period::{Period, PeriodRule};
pub use permit::Roles;
pub use progress::{CancelToken, OnProgress, Progress};
pub use query::{Column, Key, Order, Page, Query, Row, Seek, Sort, SortValue, WINDOW};
pub use role::Role;
pub use role::{Capability, TABLE as PERMISSIONS};
pub use rollover::{ConfirmedRollover, PeriodRollover, RolloverStatus};
pub use saved::{Saved, SavedEdit};
pub use scope::Scope;
pub use sim::Verb;
pub use sim::{Gate, Lifecycle, Sim, Status};
pub use store::backup::Restored;
pub use store::log::LogFilter;
pub use store::migrate::Upgrade;
pub use store::open::StoreInfo;
pub use store::watch::CommitWatch;
pub use token::{
    Chosen, ClientInfo, Invited, Link, LinkPurpose, NewToken, Secret, SignIn, SignInAttempt,
    SignInMethods, SignInSession, Signed, Token, TotpEnrolment,
};
pub use units::DAY;
pub use units::Time;
pub use usage::{
    AccountUsage, DataSession, EstateUsage, Event, EventFilter, EventKey, Level, Reporting, Usage,
    UsageBucket, UsageTally,
};
pub use user::{User, UserChange, UserState};

/// Receives exported SIMs one by one; `Ok(false)` stops.
pub type Sink<'a> = dyn FnMut(&Sim) -> Result<bool> + 'a;

/// One signed-in user's session with a SIM estate. Blocking on purpose; every read can be
/// cancelled.
///
/// What lies outside the user's subtree does not exist: "no such" and "not yours" are the same
/// answer.
pub trait Estate: Send + Sync {
    /// Who is signed in.
    fn me(&self) -> &User;
    /// The role table as it holds here.
    fn roles(&self) -> &Roles;
    /// Whether this session may write at all.
    fn read_only(&self) -> bool;
    /// The revision of the last change.
    fn rev(&self) -> Result<Rev>;
    /// The revision now, and whether a change after another revision touched anything that is seen.
    fn changed_since(&self, after: Rev) -> Result<(Rev, bool)>;
    /// The visible accounts with their SIM counts.
    fn accounts(&self, cancel: &CancelToken) -> Result<Arc<Accounts>>;
    /// The users of one account, or of all that are visible.
    fn users(&self, account: Option<AccountId>, cancel: &CancelToken) -> Result<Vec<User>>;
    /// A window of rows.
    fn page(&self, query: &Query, seek: &Seek, limit: u16, cancel: &CancelToken) -> Result<Page>;
    /// How many SIMs match.
    fn count(&self, query: &Query, cancel: &CancelToken) -> Result<u64>;
    /// How many SIMs a target holds, and how many of them `view` shows.
    fn count_target(&self, target: &Target, view: &Query, cancel: &CancelToken) -> Result<(u64, u64)>;
    /// Which of `ids` belong to a target.
    fn selected_among(
        &self,
        target: &Target,
        ids: &[SimId],
        cancel: &CancelToken,
    ) -> Result<BTreeSet<SimId>>;
    /// The SIMs of a target, at most `limit`.
    fn target_ids(&self, target: &Target, limit: u64, cancel: &CancelToken) -> Result<Vec<SimId>>;
    /// The SIMs from one row to another, both included; an error when there are more than `limit`.
    fn range(
        &self,
        query: &Query,
        from: &Key,
        to: &Key,
        limit: u64,
        cancel: &CancelToken,
    ) -> Result<Vec<SimId>>;
    /// One SIM.
    fn sim(&self, id: SimId, cancel: &CancelToken) -> Result<Sim>;
    /// Who put a SIM into its state, when and why; `None` where an import stated it.
    fn last_state_change(&self, id: SimId, cancel: &CancelToken) -> Result<Option<StateOrigin>>;
    /// One SIM by ICCID, with or without check digit.
    fn sim_by_iccid(&self, iccid: &str, cancel: &CancelToken) -> Result<Sim>;
    /// The SIM, for somebody who asks its network about it: [`Capability::Ping`] or
    /// [`Capability::Diagnose`].
    fn authorize_probe(&self, id: SimId, need: Capability, cancel: &CancelToken) -> Result<Sim>;
    /// Finds SIMs by a list of identifiers.
    fn lookup(&self, list: &List, cancel: &CancelToken) -> Result<Lookup>;
    /// The values of a field that the SIMs hold, with how many hold each, most first.
    fn values(&self, field: Field, cancel: &CancelToken) -> Result<filter::suggest::Values>;
    /// The user's saved filters, in their order.
    fn saved_filters(&self, cancel: &CancelToken) -> Result<Vec<Saved>>;
    /// Changes the user's saved filters, all of the edits or none; gives them as they are then.
    /// They are no part of the estate: nothing is logged, and nobody else hears of it.
    fn edit_saved(&self, edits: &[SavedEdit]) -> Result<Vec<Saved>>;
    /// What the SIMs of a target have in common as caps and alerts.
    fn levels_summary(&self, target: &Target, cancel: &CancelToken) -> Result<levels::Spread>;
    /// What the SIMs of a target have in common, as far as edits go.
    fn common(&self, target: &Target, cancel: &CancelToken) -> Result<SharedValues>;
    /// What a change would do.
    fn plan(&self, change: &Change, cancel: &CancelToken) -> Result<Plan>;
    /// Makes a change, whole or not at all.
    fn apply(&self, id: &ChangeId, change: &Change, watch: &OnProgress<'_>) -> Result<Receipt>;
    /// Reads a file into a staging area; [`Change::Import`] brings it in.
    fn stage(
        &self,
        input: Box<dyn Read + Send + '_>,
        options: &ImportOptions,
        notes: &mut NoteSink<'_>,
        watch: &OnProgress<'_>,
    ) -> Result<(StagingId, ImportSummary)>;
    /// Reads a file of usage records into a staging area; [`Change::ImportUsage`] counts them.
    fn stage_usage(
        &self,
        input: Box<dyn Read + Send + '_>,
        options: &ImportOptions,
        notes: &mut NoteSink<'_>,
        watch: &OnProgress<'_>,
    ) -> Result<(StagingId, UsageTally)>;
    /// One SIM's usage over time.
    fn usage(&self, id: SimId, cancel: &CancelToken) -> Result<Usage>;
    /// What an account and everything below it has used over time.
    fn estate_usage(&self, account: AccountId, cancel: &CancelToken) -> Result<EstateUsage>;
    /// Threshold events, newest first.
    fn events(&self, wanted: &EventFilter, cancel: &CancelToken) -> Result<Vec<Event>>;
    /// How many alerts and caps were reached after an event of that number.
    fn events_after(&self, id: i64, cancel: &CancelToken) -> Result<(u64, u64)>;
    /// Who is no user and hears of an account's SIMs.
    fn externals(&self, account: AccountId, cancel: &CancelToken) -> Result<Vec<ExternalRecipient>>;
    /// What this user sees as Help and Support: set by the nearest account above theirs that has
    /// any.
    fn help(&self, cancel: &CancelToken) -> Result<Option<Help>>;
    /// What an account sets for those below it, and what its own users see.
    fn help_of(&self, account: AccountId, cancel: &CancelToken) -> Result<(Option<Help>, Option<Help>)>;
    /// Whether this user wants mail about the SIMs they see.
    fn wants_mail(&self, cancel: &CancelToken) -> Result<bool>;
    /// Says whether this user wants mail. It is part of their profile, and no change of the estate.
    fn want_mail(&self, wanted: bool) -> Result<()>;
    /// The last event this user has looked at: those after it are news.
    fn last_event_seen(&self, cancel: &CancelToken) -> Result<i64>;
    /// Notes that this user has looked at every event up to one.
    fn mark_events_seen(&self, upto: i64) -> Result<()>;
    /// Streams every match in the query's order, or the SIMs of a target that match; returns how
    /// many.
    fn export(
        &self,
        query: &Query,
        target: Option<&Target>,
        sink: &mut Sink<'_>,
        cancel: &CancelToken,
    ) -> Result<u64>;
    /// The log of changes.
    fn entries(&self, wanted: &LogFilter, cancel: &CancelToken) -> Result<Vec<Entry>>;
    /// The SIMs of one change, by number, after a given one.
    fn change_items(
        &self,
        rev: Rev,
        outcome: Option<Outcome>,
        after: Option<SimId>,
        limit: u32,
        cancel: &CancelToken,
    ) -> Result<Vec<Item>>;
    /// The API tokens of a user: one's own, or of somebody whose account one manages.
    fn tokens(&self, of: UserId) -> Result<Vec<Token>>;
    /// Makes an API token for oneself. Only what is given back has the secret.
    fn add_token(&self, new: &NewToken) -> Result<(Token, Secret)>;
    /// Ends a token, one's own or of somebody whose account one manages: the next request with it
    /// is refused.
    fn revoke_token(&self, id: TokenId) -> Result<Token>;
    /// Lists the sessions of a user who signed in over a network: one's own, or of a user whose
    /// account one manages.
    fn sessions(&self, of: UserId) -> Result<Vec<SignInSession>>;
    /// Ends a session: the next request with it is refused. Logged.
    fn end_session(&self, id: TokenId) -> Result<SignInSession>;
    /// Ends the sessions of a user, but for the one that asks; returns their number. Logged.
    fn end_sessions(&self, of: UserId) -> Result<u64>;
    /// What whoever is signed in signs in with from elsewhere.
    fn signing(&self, cancel: &CancelToken) -> Result<SignInMethods>;
    /// Chooses a password; over a network only by the one there is. Whoever signed in by that has
    /// to do so again.
    fn set_password(&self, current: &str, new: &str) -> Result<()>;
    /// Begins a second factor; it counts from its first code on.
    fn enroll_totp(&self, current: &str) -> Result<TotpEnrolment>;
    /// Proves a second factor by a code.
    fn confirm_totp(&self, code: &str) -> Result<()>;
    /// Takes the second factor away.
    fn disable_totp(&self, current: &str) -> Result<()>;
    /// Returns true if invitations and links for passwords go out by mail, and are shown to nobody.
    fn mails_links(&self) -> bool;
    /// Makes a link by which a user of an account one manages accepts their invitation, or chooses
    /// another password; with `all` their second factor goes too. Where links are mailed, it is not
    /// given back.
    fn link(&self, user: UserId, all: bool) -> Result<Link>;
    /// Looks at the estate as a user of an account below sees it: nothing can be changed, and that
    /// it was done is logged.
    fn view_as(&self, id: UserId) -> Result<Arc<dyn Estate>>;
    /// Where the estate is: its file, or the address of its server.
    fn location(&self) -> String;
    /// Identifies the estate wherever it is opened from: the hash of its first change.
    fn estate_id(&self) -> Result<String>;
    /// Since when the estate cannot be reached, if it is elsewhere and cannot.
    fn offline_since(&self) -> Option<Time> {
        None
    }
    /// True while changes by others are told as they are made; otherwise they are found by asking
    /// now and then.
    fn is_live(&self) -> bool {
        true
    }
    /// The store itself, where it is on this machine: for what only its owner does.
    fn local(&self) -> Option<&Local> {
        None
    }
    /// Calls back after commits, by this program or another.
    fn on_commit(&self, hear: Box<dyn Fn() + Send>) -> Result<CommitWatch>;
    /// The rollovers of billing periods that are due and not made yet, and why they wait.
    fn rollover_status(&self) -> Result<RolloverStatus>;
    /// Does the next bit of what can wait (a new billing period, the text index); false when
    /// nothing is left.
    fn run_maintenance_step(&self) -> Result<bool>;
}
