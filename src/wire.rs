//! What goes over the network between a screen and a server: questions, answers, failures.
//!
//! A question is one read of the [`Estate`], an answer is what it gives, and a failure comes back
//! as the very error it was: so a screen cannot tell whether its estate is here or elsewhere.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use estate::{
    Account, AccountChoice, AccountId, Accounts, CancelToken, Capability, Error, Estate, EventFilter,
    Field, Key, List, LogFilter, NewToken, Note, Outcome, Progress, Query, Result, Rev, Role, Roles,
    SavedEdit, Seek, SimId, StagingId, Target, Time, TokenId, User, UserId,
};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// Lines of JSON, each an answer by itself.
pub const LINES: &str = "application/x-ndjson";
/// Rows that are exported, one a line.
pub const EXPORTED: &str = "application/jsonl";

/// One read of an estate, or one thing a person notes about themselves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each is the read of that name")]
pub enum ReadRequest {
    Me,
    Rev,
    TouchedSince { after: Rev },
    Accounts,
    Users { account: Option<AccountId> },
    Page { query: Query, seek: Seek, limit: u16 },
    Count { query: Query },
    CountTarget { target: Target, view: Query },
    Marked { target: Target, ids: Vec<SimId> },
    TargetIds { target: Target, limit: u64 },
    Range { query: Query, from: Key, to: Key, limit: u64 },
    Sim { id: SimId },
    Stated { id: SimId },
    SimByIccid { iccid: String },
    Probed { id: SimId, need: Capability },
    Lookup { list: List },
    Values { field: Field },
    Saved,
    EditSaved { edits: Vec<SavedEdit> },
    Spread { target: Target },
    Common { target: Target },
    Usage { id: SimId },
    EstateUsage { account: AccountId },
    Events { wanted: EventFilter },
    EventsAfter { id: i64 },
    RolloverStatus,
    Externals { account: AccountId },
    Help,
    HelpOf { account: AccountId },
    WantsMail,
    WantMail { wanted: bool },
    Heard,
    Hear { upto: i64 },
    Entries { wanted: LogFilter },
    Items { rev: Rev, outcome: Option<Outcome>, after: Option<SimId>, limit: u32 },
    Sessions { of: UserId },
    EndSession { id: TokenId },
    EndSessions { of: UserId },
    Signing,
    SetPassword { current: String, new: String },
    BeginFactor { current: String },
    ProveFactor { code: String },
    EndFactor { current: String },
    Link { user: UserId, all: bool },
    Tokens { of: UserId },
    AddToken { new: NewToken },
    RevokeToken { id: TokenId },
}

impl ReadRequest {
    /// Whether something is other than it was afterwards.
    pub fn writes(&self) -> bool {
        matches!(self, Self::WantMail { .. } | Self::Hear { .. } | Self::Probed { .. })
            || !self.is_repeatable()
    }

    /// Whether a password or a code is looked at for it.
    pub fn proves(&self) -> bool {
        matches!(
            self,
            Self::SetPassword { .. }
                | Self::BeginFactor { .. }
                | Self::ProveFactor { .. }
                | Self::EndFactor { .. }
        )
    }

    /// Whether asking twice is the same as asking once.
    pub fn is_repeatable(&self) -> bool {
        !matches!(
            self,
            Self::AddToken { .. }
                | Self::RevokeToken { .. }
                | Self::EndSession { .. }
                | Self::EndSessions { .. }
                | Self::EditSaved { .. }
                | Self::SetPassword { .. }
                | Self::BeginFactor { .. }
                | Self::ProveFactor { .. }
                | Self::EndFactor { .. }
                | Self::Link { .. }
        )
    }
}

/// Who is signed in, and what that means there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionInfo {
    /// Who.
    pub me: User,
    /// The role table as it holds there.
    pub roles: Roles,
    /// Whether nothing may be written.
    pub read_only: bool,
    /// The estate's identity; empty from a server that does not send it.
    #[serde(default)]
    pub estate: String,
    /// True if links for signing in are mailed there.
    #[serde(default)]
    pub mails_links: bool,
}

/// A link for signing in; the secret only where it was not mailed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SentLink {
    /// The end of the link.
    pub secret: Option<String>,
    /// The address it was mailed to.
    pub mailed_to: Option<String>,
    /// End of its validity.
    pub expires: Time,
}

/// The accounts that are seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tree {
    /// As of which revision.
    #[serde(default)]
    pub rev: Rev,
    /// In tree order, the top first.
    pub accounts: Vec<Account>,
    /// Whether the top is the root of the estate.
    pub root: bool,
}

impl Tree {
    /// Puts it together again.
    pub fn build(self) -> Accounts {
        Accounts::of(self.accounts, self.root)
    }
}

/// A file of SIMs or of usage records, to be staged; the bytes come as the body.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Staged<T> {
    /// What brings it in.
    pub staging: StagingId,
    /// What it comes to.
    pub tally: T,
}

/// A line of an answer that takes its time: how far it is, what there is to say, and how it ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Line {
    /// How far it is.
    Progress(Step),
    /// What there is to say of a row.
    Note(Note),
    /// It is done, with what came of it.
    Done(Json),
    /// It failed: a problem.
    Failed(Json),
}

/// Phases of a client that waits for a server.
pub const WAITING: &str = "waiting for the server";
/// The answer to a change was lost.
pub const LOOKING_UP: &str = "the answer was lost; looking the change up in the log";
/// The log has the change.
pub const FETCHING: &str = "the change was made; waiting for its receipt";
/// The log does not have the change.
pub const RESENDING: &str = "the change was not found in the log; sending it again";

/// Returns a phase that tells what a client waits for, and not how far the server is.
pub fn wait_phase(phase: &str) -> Option<&'static str> {
    [WAITING, LOOKING_UP, FETCHING, RESENDING].into_iter().find(|known| *known == phase)
}

/// How far something is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Step {
    /// What it does.
    pub phase: String,
    /// Units done.
    pub done: u64,
    /// Units in all, or 0.
    pub total: u64,
}

impl Step {
    /// A step without a number.
    pub fn of(phase: &str) -> Self {
        Self { phase: phase.to_owned(), done: 0, total: 0 }
    }
}

impl From<Progress> for Step {
    fn from(progress: Progress) -> Self {
        Self { phase: progress.phase.to_owned(), done: progress.done, total: progress.total }
    }
}

impl From<Step> for Progress {
    fn from(step: Step) -> Self {
        let phase = wait_phase(&step.phase).unwrap_or_else(|| word(&step.phase));
        Self { phase, done: step.done, total: step.total }
    }
}

/// What is to be exported.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Export {
    /// Which SIMs, in which order.
    pub query: Query,
    /// Of those only these.
    #[serde(default)]
    pub target: Option<Target>,
}

/// How much one answer may hold: rows, and numbers of SIMs.
const ROWS: u64 = 10_000;
const NUMBERS: u64 = 1_000_000;

/// Refuses to put together more than one answer holds.
fn at_most(most: u64, limit: u64) -> Result<()> {
    if limit > most { Err(Error::invalid("limit", format!("must be at most {most}"))) } else { Ok(()) }
}

fn json<T: Serialize>(value: T) -> Result<Json> {
    serde_json::to_value(value).map_err(|e| Error::Store(e.to_string()))
}

/// Answers a question.
pub fn answer(estate: &dyn Estate, ask: ReadRequest, cancel: &CancelToken) -> Result<Json> {
    match &ask {
        ReadRequest::TargetIds { limit, .. } | ReadRequest::Range { limit, .. } => {
            at_most(NUMBERS, *limit)?;
        }
        ReadRequest::Events { wanted } => at_most(ROWS, wanted.limit.into())?,
        ReadRequest::Entries { wanted } => at_most(ROWS, wanted.limit.into())?,
        ReadRequest::Items { limit, .. } => at_most(ROWS, (*limit).into())?,
        _ => {}
    }
    match ask {
        ReadRequest::Me => json(SessionInfo {
            me: estate.me().clone(),
            roles: estate.roles().clone(),
            read_only: estate.read_only(),
            estate: estate.estate_id()?,
            mails_links: estate.mails_links(),
        }),
        ReadRequest::Rev => json(estate.rev()?),
        ReadRequest::TouchedSince { after } => json(estate.changed_since(after)?),
        ReadRequest::Accounts => {
            // What is changed between the two is read again: the revision is not too new.
            let rev = estate.rev()?;
            let tree = estate.accounts(cancel)?;
            json(Tree { rev, accounts: tree.all().to_vec(), root: tree.has_root() })
        }
        ReadRequest::Users { account } => json(estate.users(account, cancel)?),
        ReadRequest::Page { query, seek, limit } => json(estate.page(&query, &seek, limit, cancel)?),
        ReadRequest::Count { query } => json(estate.count(&query, cancel)?),
        ReadRequest::CountTarget { target, view } => json(estate.count_target(&target, &view, cancel)?),
        ReadRequest::Marked { target, ids } => json(estate.selected_among(&target, &ids, cancel)?),
        ReadRequest::TargetIds { target, limit } => json(estate.target_ids(&target, limit, cancel)?),
        ReadRequest::Range { query, from, to, limit } => {
            json(estate.range(&query, &from, &to, limit, cancel)?)
        }
        ReadRequest::Sim { id } => json(estate.sim(id, cancel)?),
        ReadRequest::Stated { id } => json(estate.last_state_change(id, cancel)?),
        ReadRequest::SimByIccid { iccid } => json(estate.sim_by_iccid(&iccid, cancel)?),
        ReadRequest::Probed { id, need } => json(estate.authorize_probe(id, need, cancel)?),
        ReadRequest::Lookup { list } => json(estate.lookup(&list, cancel)?),
        ReadRequest::Values { field } => json(estate.values(field, cancel)?),
        ReadRequest::Spread { target } => json(estate.levels_summary(&target, cancel)?),
        ReadRequest::Common { target } => json(estate.common(&target, cancel)?),
        ReadRequest::Usage { id } => json(estate.usage(id, cancel)?),
        ReadRequest::EstateUsage { account } => json(estate.estate_usage(account, cancel)?),
        ReadRequest::Events { wanted } => json(estate.events(&wanted, cancel)?),
        ReadRequest::RolloverStatus => json(estate.rollover_status()?),
        ReadRequest::EventsAfter { id } => json(estate.events_after(id, cancel)?),
        ReadRequest::Externals { account } => json(estate.externals(account, cancel)?),
        ReadRequest::Help => json(estate.help(cancel)?),
        ReadRequest::HelpOf { account } => json(estate.help_of(account, cancel)?),
        ReadRequest::Entries { wanted } => json(estate.entries(&wanted, cancel)?),
        ReadRequest::Items { rev, outcome, after, limit } => {
            json(estate.change_items(rev, outcome, after, limit, cancel)?)
        }
        own => answer_own(estate, own, cancel),
    }
}

/// What is a person's own.
fn answer_own(estate: &dyn Estate, ask: ReadRequest, cancel: &CancelToken) -> Result<Json> {
    match ask {
        ReadRequest::Saved => json(estate.saved_filters(cancel)?),
        ReadRequest::EditSaved { edits } => json(estate.edit_saved(&edits)?),
        ReadRequest::WantsMail => json(estate.wants_mail(cancel)?),
        ReadRequest::WantMail { wanted } => json(estate.want_mail(wanted)?),
        ReadRequest::Heard => json(estate.last_event_seen(cancel)?),
        ReadRequest::Hear { upto } => json(estate.mark_events_seen(upto)?),
        ReadRequest::Sessions { of } => json(estate.sessions(of)?),
        ReadRequest::EndSession { id } => json(estate.end_session(id)?),
        ReadRequest::EndSessions { of } => json(estate.end_sessions(of)?),
        ReadRequest::Signing => json(estate.signing(cancel)?),
        ReadRequest::SetPassword { current, new } => json(estate.set_password(&current, &new)?),
        ReadRequest::BeginFactor { current } => json(estate.enroll_totp(&current)?),
        ReadRequest::ProveFactor { code } => json(estate.confirm_totp(&code)?),
        ReadRequest::EndFactor { current } => json(estate.disable_totp(&current)?),
        ReadRequest::Link { user, all } => {
            let estate::Link { secret, mailed_to, expires } = estate.link(user, all)?;
            json(SentLink { secret: secret.map(|secret| secret.reveal().to_owned()), mailed_to, expires })
        }
        ReadRequest::Tokens { of } => json(estate.tokens(of)?),
        ReadRequest::AddToken { new } => {
            let (token, secret) = estate.add_token(&new)?;
            json((token, secret.reveal()))
        }
        ReadRequest::RevokeToken { id } => json(estate.revoke_token(id)?),
        _ => Err(Error::invalid("ask", "is no question")),
    }
}

/// What a failure says besides its code and its sentence; whatever it does not say is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ErrorBody {
    #[serde(skip_serializing_if = "String::is_empty")]
    code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    what: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    candidates: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<Role>,
    #[serde(skip_serializing_if = "Option::is_none")]
    need: Option<Capability>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suggestion: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    accounts: Vec<SentAccount>,
}

/// An account to choose at sign-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct SentAccount {
    account_id: String,
    name: String,
}

impl SentAccount {
    fn of(choice: AccountChoice) -> Self {
        Self { account_id: format!("acc_{}", choice.id.0), name: choice.name }
    }

    fn choice(&self) -> Option<AccountChoice> {
        let id = self.account_id.strip_prefix("acc_")?.parse().ok()?;
        Some(AccountChoice { id: AccountId(id), name: self.name.clone() })
    }
}

impl ErrorBody {
    /// What an error says.
    pub fn of(error: &Error) -> Self {
        let mut fault = Self { code: error.code().to_owned(), ..Self::default() };
        match error.clone() {
            Error::NotFound { what, name, near } => {
                (fault.what, fault.name, fault.candidates) = (Some(what.to_owned()), Some(name), near);
            }
            Error::Ambiguous { name, candidates } => {
                (fault.name, fault.candidates) = (Some(name), candidates);
            }
            Error::Denied { role, need } => (fault.role, fault.need) = (Some(role), Some(need)),
            Error::Invalid { field, reason } => {
                (fault.field, fault.reason) = (Some(field.to_owned()), Some(reason));
            }
            Error::Filter { message, column, suggestion } => {
                (fault.reason, fault.column, fault.suggestion) =
                    (Some(message), Some(column), suggestion);
            }
            Error::Drift { expected, found } => {
                (fault.expected, fault.found) = (Some(expected), Some(found));
            }
            Error::Conflict(reason) => fault.reason = Some(reason),
            Error::TooMany { seconds } => fault.seconds = Some(seconds),
            Error::AccountNeeded(choices) => {
                fault.accounts = choices.into_iter().map(SentAccount::of).collect();
            }
            _ => {}
        }
        fault
    }

    /// The error it was; `detail` is the sentence of one that is not known here.
    pub fn error(self, detail: &str) -> Error {
        let reason = || self.reason.clone().unwrap_or_else(|| detail.to_owned());
        let name = || self.name.clone().unwrap_or_default();
        match (self.code.as_str(), self.role, self.need) {
            ("not-found", ..) => {
                let what = word(self.what.as_deref().unwrap_or("thing"));
                Error::NotFound { what, name: name(), near: self.candidates.clone() }
            }
            ("ambiguous", ..) => Error::Ambiguous { name: name(), candidates: self.candidates.clone() },
            ("not-permitted", Some(role), Some(need)) => Error::Denied { role, need },
            ("root-only", ..) => Error::RootOnly,
            ("read-only", ..) => Error::ReadOnly,
            ("not-by-token", ..) => Error::NotByToken,
            ("wrong-credentials", ..) => Error::WrongPassword,
            ("code-needed", ..) => Error::CodeNeeded,
            ("account-needed", ..) => {
                Error::AccountNeeded(self.accounts.iter().filter_map(SentAccount::choice).collect())
            }
            ("signed-out" | "not-signed-in", ..) => Error::SignedOut,
            ("invalid", ..) => Error::invalid(word(self.field.as_deref().unwrap_or("request")), reason()),
            ("bad-filter", ..) => Error::Filter {
                message: reason(),
                column: self.column.unwrap_or(1),
                suggestion: self.suggestion.clone(),
            },
            ("drift", ..) => Error::Drift {
                expected: self.expected.unwrap_or_default(),
                found: self.found.unwrap_or_default(),
            },
            ("busy" | "too-slow" | "not-ready", ..) => Error::Busy,
            ("cancelled", ..) => Error::Cancelled,
            ("too-many-requests", ..) => Error::TooMany { seconds: self.seconds.unwrap_or(1) },
            ("store" | "unexpected", ..) => Error::Store(reason()),
            _ => Error::Conflict(reason()),
        }
    }
}

/// The most words that are kept, and the longest: they come from elsewhere.
const WORDS: usize = 500;
const LONGEST: usize = 60;

/// A word for which an error or a step has room, kept once however often it comes.
fn word(text: &str) -> &'static str {
    static KNOWN: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let text = estate::text::clean(text);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(word) = known.get(text.as_ref()) {
        return word;
    }
    if known.len() >= WORDS || text.len() > LONGEST {
        return "thing";
    }
    let word: &'static str = Box::leak(text.into_owned().into_boxed_str());
    known.insert(word);
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_comes_back_as_what_it_was() {
        let errors = [
            Error::not_found("SIM", "8944"),
            Error::NotFound { what: "account", name: "Flet".into(), near: vec!["Fleet".into()] },
            Error::Ambiguous { name: "Fleet".into(), candidates: vec!["/A/Fleet".into()] },
            Error::Denied { role: Role::User, need: Capability::MoveSims },
            Error::RootOnly,
            Error::ReadOnly,
            Error::NotByToken,
            Error::WrongPassword,
            Error::CodeNeeded,
            Error::AccountNeeded(vec![AccountChoice { id: AccountId(7), name: "Fleet".into() }]),
            Error::SignedOut,
            Error::invalid("cap", "is too high"),
            Error::Filter {
                message: "expected a value".into(),
                column: 4,
                suggestion: Some("used".into()),
            },
            Error::Drift { expected: 5, found: 6 },
            Error::Conflict("it is empty".into()),
            Error::Busy,
            Error::TooMany { seconds: 7 },
            Error::Cancelled,
            Error::Store("broken".into()),
        ];
        for error in errors {
            let sent = serde_json::to_value(ErrorBody::of(&error)).expect("sent");
            let heard: ErrorBody = serde_json::from_value(sent).expect("heard");
            let detail = if let Error::Store(text) = &error { text.clone() } else { error.to_string() };
            assert_eq!(heard.error(&detail), error);
        }
    }

    #[test]
    fn words_from_elsewhere_take_a_bounded_place() {
        assert!(std::ptr::eq(word("moving"), word("moving")));
        assert_eq!(word(&"x".repeat(LONGEST + 1)), "thing");
        assert!(!word("a\u{1b}[31mb").contains('\u{1b}'));
    }
}
