//! An estate on a server: the same reads and changes, asked for over HTTP. It checks nothing; the
//! server does.

mod answer;
mod change;
mod door;
mod feed;
mod lines;
mod link;
mod reason;
mod waits;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::Read;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use estate::filter::suggest::Values;
use estate::levels::Spread;
use estate::portals::Holds;
use estate::{
    AccountId, Accounts, CancelToken, Capability, Change, ChangeId, CommitWatch, Entry, Error, Estate,
    EstateUsage, Event, EventFilter, ExternalRecipient, Field, Help, ImportOptions, ImportSummary, Item,
    Key, List, LogFilter, Lookup, NewToken, NoteSink, OnProgress, Outcome, Page, Plan, Query, Receipt,
    Result, Rev, Roles, Saved, SavedEdit, Secret, Seek, SharedValues, SignInMethods, SignInSession, Sim,
    SimId, Sink, StagingId, StateOrigin, Target, Time, Token, TokenId, TotpEnrolment, Usage, UsageTally,
    User, UserId,
};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::credentials::Credentials;
use crate::remote::answer::sent;
use crate::wire::{Export, Line, ReadRequest, SentLink, SessionInfo, Staged, Tree};
pub use door::SignInClient;
pub use link::{HttpClient, Server};
pub use waits::Waits;

/// A user's session with an estate on a server.
pub struct Remote {
    link: Arc<HttpClient>,
    hello: SessionInfo,
    /// The accounts as of a revision: they are large, and asked for often.
    tree: Mutex<Option<(Rev, Arc<Accounts>)>>,
}

impl Remote {
    /// Signs in at a server.
    /// With `read_only` it is asked for nothing else.
    pub fn connect(server: Server, credentials: Credentials, read_only: bool) -> Result<Self> {
        let remote = Self::over(Arc::new(HttpClient::new(server, credentials)?))?;
        let read_only = read_only || remote.hello.read_only;
        Ok(Self { hello: SessionInfo { read_only, ..remote.hello }, ..remote })
    }

    fn over(link: Arc<HttpClient>) -> Result<Self> {
        let hello: Json = link.ask(&ReadRequest::Me, &CancelToken::new())?;
        let hello =
            serde_json::from_value(hello).map_err(|_| link.unreachable(reason::NO_SIMDECK.to_owned()))?;
        Ok(Self { link, hello, tree: Mutex::default() })
    }

    /// Signs out: the session is worth nothing any more.
    pub fn sign_out(&self) -> Result<()> {
        self.link.sign_out()
    }

    /// Whoever began it to look only changes nothing, whatever the server would let them.
    fn may_write(&self) -> Result<()> {
        if self.hello.read_only { Err(Error::ReadOnly) } else { Ok(()) }
    }

    fn ask<T: DeserializeOwned>(&self, ask: &ReadRequest, cancel: &CancelToken) -> Result<T> {
        if ask.writes() {
            self.may_write()?;
        }
        self.link.ask(ask, cancel)
    }

    /// Sends a file, hears of its rows.
    fn send_file<T: DeserializeOwned>(
        &self,
        input: Box<dyn Read + Send + '_>,
        usage: bool,
        options: &ImportOptions,
        notes: &mut NoteSink<'_>,
        watch: &OnProgress<'_>,
    ) -> Result<(StagingId, T)> {
        self.may_write()?;
        let mut options = options.clone();
        // The server has no use for the others, and none for where a portal file comes from.
        let holds = if usage { Holds::Usage } else { Holds::Sims };
        options.portals.retain(|portal| portal.holds == holds);
        options.portals.iter_mut().for_each(|portal| portal.source.clear());
        let mut head = sent(&options)?;
        head.push(b'\n');
        let input: Box<dyn Read + Send + '_> = Box::new(std::io::Cursor::new(head).chain(input));
        // Notes are handed on as they come: a server may send any number.
        let notes = RefCell::new(notes);
        let hear = |line: Line| match line {
            Line::Progress(step) => watch(step.into()),
            Line::Note(note) => {
                (notes.borrow_mut())(note);
                ControlFlow::Continue(())
            }
            _ => ControlFlow::Continue(()),
        };
        let staged: Staged<T> = self.link.stage(input, usage, &hear)?;
        Ok((staged.staging, staged.tally))
    }
}

/// A SIM of an export, or how it ended.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Row {
    End(Line),
    Sim(Box<Sim>),
}

impl Estate for Remote {
    fn me(&self) -> &User {
        &self.hello.me
    }

    fn roles(&self) -> &Roles {
        &self.hello.roles
    }

    fn read_only(&self) -> bool {
        self.hello.read_only
    }

    fn rev(&self) -> Result<Rev> {
        self.ask(&ReadRequest::Rev, &CancelToken::new())
    }

    fn changed_since(&self, after: Rev) -> Result<(Rev, bool)> {
        self.ask(&ReadRequest::TouchedSince { after }, &CancelToken::new())
    }

    fn accounts(&self, cancel: &CancelToken) -> Result<Arc<Accounts>> {
        let known = self.tree.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((at, tree)) = known
            && self.ask::<Rev>(&ReadRequest::Rev, cancel)? == at
        {
            return Ok(tree);
        }
        let tree: Tree = self.ask(&ReadRequest::Accounts, cancel)?;
        let rev = tree.rev;
        let tree = Arc::new(tree.build());
        *self.tree.lock().unwrap_or_else(PoisonError::into_inner) = Some((rev, Arc::clone(&tree)));
        Ok(tree)
    }

    fn users(&self, account: Option<AccountId>, cancel: &CancelToken) -> Result<Vec<User>> {
        self.ask(&ReadRequest::Users { account }, cancel)
    }

    fn page(&self, query: &Query, seek: &Seek, limit: u16, cancel: &CancelToken) -> Result<Page> {
        self.ask(&ReadRequest::Page { query: query.clone(), seek: seek.clone(), limit }, cancel)
    }

    fn count(&self, query: &Query, cancel: &CancelToken) -> Result<u64> {
        self.ask(&ReadRequest::Count { query: query.clone() }, cancel)
    }

    fn count_target(&self, target: &Target, view: &Query, cancel: &CancelToken) -> Result<(u64, u64)> {
        self.ask(&ReadRequest::CountTarget { target: target.clone(), view: view.clone() }, cancel)
    }

    fn selected_among(
        &self,
        target: &Target,
        ids: &[SimId],
        cancel: &CancelToken,
    ) -> Result<BTreeSet<SimId>> {
        self.ask(&ReadRequest::Marked { target: target.clone(), ids: ids.to_vec() }, cancel)
    }

    fn target_ids(&self, target: &Target, limit: u64, cancel: &CancelToken) -> Result<Vec<SimId>> {
        self.ask(&ReadRequest::TargetIds { target: target.clone(), limit }, cancel)
    }

    fn range(
        &self,
        query: &Query,
        from: &Key,
        to: &Key,
        limit: u64,
        cancel: &CancelToken,
    ) -> Result<Vec<SimId>> {
        self.ask(
            &ReadRequest::Range { query: query.clone(), from: from.clone(), to: to.clone(), limit },
            cancel,
        )
    }

    fn sim(&self, id: SimId, cancel: &CancelToken) -> Result<Sim> {
        self.ask(&ReadRequest::Sim { id }, cancel)
    }

    fn last_state_change(&self, id: SimId, cancel: &CancelToken) -> Result<Option<StateOrigin>> {
        self.ask(&ReadRequest::Stated { id }, cancel)
    }

    fn sim_by_iccid(&self, iccid: &str, cancel: &CancelToken) -> Result<Sim> {
        self.ask(&ReadRequest::SimByIccid { iccid: iccid.to_owned() }, cancel)
    }

    fn authorize_probe(&self, id: SimId, need: Capability, cancel: &CancelToken) -> Result<Sim> {
        self.ask(&ReadRequest::Probed { id, need }, cancel)
    }

    fn lookup(&self, list: &List, cancel: &CancelToken) -> Result<Lookup> {
        self.ask(&ReadRequest::Lookup { list: list.clone() }, cancel)
    }

    fn values(&self, field: Field, cancel: &CancelToken) -> Result<Values> {
        self.ask(&ReadRequest::Values { field }, cancel)
    }

    fn saved_filters(&self, cancel: &CancelToken) -> Result<Vec<Saved>> {
        self.ask(&ReadRequest::Saved, cancel)
    }

    fn edit_saved(&self, edits: &[SavedEdit]) -> Result<Vec<Saved>> {
        self.ask(&ReadRequest::EditSaved { edits: edits.to_vec() }, &CancelToken::new())
    }

    fn levels_summary(&self, target: &Target, cancel: &CancelToken) -> Result<Spread> {
        self.ask(&ReadRequest::Spread { target: target.clone() }, cancel)
    }

    fn common(&self, target: &Target, cancel: &CancelToken) -> Result<SharedValues> {
        self.ask(&ReadRequest::Common { target: target.clone() }, cancel)
    }

    fn plan(&self, change: &Change, cancel: &CancelToken) -> Result<Plan> {
        self.may_write()?;
        self.link.plan(&sent(change)?, cancel)
    }

    fn apply(&self, id: &ChangeId, change: &Change, watch: &OnProgress<'_>) -> Result<Receipt> {
        self.may_write()?;
        let hear = |line: Line| match line {
            Line::Progress(step) => watch(step.into()),
            _ => ControlFlow::Continue(()),
        };
        self.link.change(id, change, &hear)
    }

    fn stage(
        &self,
        input: Box<dyn Read + Send + '_>,
        options: &ImportOptions,
        notes: &mut NoteSink<'_>,
        watch: &OnProgress<'_>,
    ) -> Result<(StagingId, ImportSummary)> {
        self.send_file(input, false, options, notes, watch)
    }

    fn stage_usage(
        &self,
        input: Box<dyn Read + Send + '_>,
        options: &ImportOptions,
        notes: &mut NoteSink<'_>,
        watch: &OnProgress<'_>,
    ) -> Result<(StagingId, UsageTally)> {
        self.send_file(input, true, options, notes, watch)
    }

    fn usage(&self, id: SimId, cancel: &CancelToken) -> Result<Usage> {
        self.ask(&ReadRequest::Usage { id }, cancel)
    }

    fn estate_usage(&self, account: AccountId, cancel: &CancelToken) -> Result<EstateUsage> {
        self.ask(&ReadRequest::EstateUsage { account }, cancel)
    }

    fn events(&self, wanted: &EventFilter, cancel: &CancelToken) -> Result<Vec<Event>> {
        self.ask(&ReadRequest::Events { wanted: wanted.clone() }, cancel)
    }

    fn events_after(&self, id: i64, cancel: &CancelToken) -> Result<(u64, u64)> {
        self.ask(&ReadRequest::EventsAfter { id }, cancel)
    }

    fn externals(&self, account: AccountId, cancel: &CancelToken) -> Result<Vec<ExternalRecipient>> {
        self.ask(&ReadRequest::Externals { account }, cancel)
    }

    fn help(&self, cancel: &CancelToken) -> Result<Option<Help>> {
        self.ask(&ReadRequest::Help, cancel)
    }

    fn help_of(&self, account: AccountId, cancel: &CancelToken) -> Result<(Option<Help>, Option<Help>)> {
        self.ask(&ReadRequest::HelpOf { account }, cancel)
    }

    fn wants_mail(&self, cancel: &CancelToken) -> Result<bool> {
        self.ask(&ReadRequest::WantsMail, cancel)
    }

    fn want_mail(&self, wanted: bool) -> Result<()> {
        self.ask(&ReadRequest::WantMail { wanted }, &CancelToken::new())
    }

    fn last_event_seen(&self, cancel: &CancelToken) -> Result<i64> {
        self.ask(&ReadRequest::Heard, cancel)
    }

    fn mark_events_seen(&self, upto: i64) -> Result<()> {
        self.ask(&ReadRequest::Hear { upto }, &CancelToken::new())
    }

    fn export(
        &self,
        query: &Query,
        target: Option<&Target>,
        sink: &mut Sink<'_>,
        cancel: &CancelToken,
    ) -> Result<u64> {
        let wanted = sent(&Export { query: query.clone(), target: target.cloned() })?;
        let mut ended = None;
        let mut seen = 0;
        self.link.export(&wanted, cancel, &mut |line| match answer::parse(line)? {
            Row::Sim(sim) => {
                seen += 1;
                if sink(&sim)? { Ok(()) } else { Err(Error::Cancelled) }
            }
            Row::End(Line::Failed(problem)) => Err(link::fault(problem)),
            Row::End(Line::Done(sent)) => {
                ended = sent.as_u64();
                Ok(())
            }
            Row::End(_) => Ok(()),
        })?;
        // That it was all, the server has to say.
        ended.map_or_else(|| self.link.broken_off(seen), Ok)
    }

    fn entries(&self, wanted: &LogFilter, cancel: &CancelToken) -> Result<Vec<Entry>> {
        self.ask(&ReadRequest::Entries { wanted: wanted.clone() }, cancel)
    }

    fn change_items(
        &self,
        rev: Rev,
        outcome: Option<Outcome>,
        after: Option<SimId>,
        limit: u32,
        cancel: &CancelToken,
    ) -> Result<Vec<Item>> {
        self.ask(&ReadRequest::Items { rev, outcome, after, limit }, cancel)
    }

    fn sessions(&self, of: UserId) -> Result<Vec<SignInSession>> {
        self.ask(&ReadRequest::Sessions { of }, &CancelToken::new())
    }

    fn end_session(&self, id: TokenId) -> Result<SignInSession> {
        self.ask(&ReadRequest::EndSession { id }, &CancelToken::new())
    }

    fn end_sessions(&self, of: UserId) -> Result<u64> {
        self.ask(&ReadRequest::EndSessions { of }, &CancelToken::new())
    }

    fn signing(&self, cancel: &CancelToken) -> Result<SignInMethods> {
        self.ask(&ReadRequest::Signing, cancel)
    }

    fn set_password(&self, current: &str, new: &str) -> Result<()> {
        self.ask(
            &ReadRequest::SetPassword { current: current.into(), new: new.into() },
            &CancelToken::new(),
        )
    }

    fn enroll_totp(&self, current: &str) -> Result<TotpEnrolment> {
        self.ask(&ReadRequest::BeginFactor { current: current.into() }, &CancelToken::new())
    }

    fn confirm_totp(&self, code: &str) -> Result<()> {
        self.ask(&ReadRequest::ProveFactor { code: code.into() }, &CancelToken::new())
    }

    fn disable_totp(&self, current: &str) -> Result<()> {
        self.ask(&ReadRequest::EndFactor { current: current.into() }, &CancelToken::new())
    }

    fn mails_links(&self) -> bool {
        self.hello.mails_links
    }

    fn link(&self, user: UserId, all: bool) -> Result<estate::Link> {
        let SentLink { secret, mailed_to, expires } =
            self.ask(&ReadRequest::Link { user, all }, &CancelToken::new())?;
        let secret = secret.as_deref().and_then(Secret::read);
        if secret.is_none() && mailed_to.is_none() {
            return Err(Error::Store("the server gave no link".into()));
        }
        Ok(estate::Link { secret, mailed_to, expires })
    }

    fn tokens(&self, of: UserId) -> Result<Vec<Token>> {
        self.ask(&ReadRequest::Tokens { of }, &CancelToken::new())
    }

    fn add_token(&self, new: &NewToken) -> Result<(Token, Secret)> {
        let (token, secret): (Token, String) =
            self.ask(&ReadRequest::AddToken { new: new.clone() }, &CancelToken::new())?;
        let secret =
            Secret::read(&secret).ok_or_else(|| Error::Store("the server gave no token".into()))?;
        Ok((token, secret))
    }

    fn revoke_token(&self, id: TokenId) -> Result<Token> {
        self.ask(&ReadRequest::RevokeToken { id }, &CancelToken::new())
    }

    fn view_as(&self, id: UserId) -> Result<Arc<dyn Estate>> {
        self.may_write()?;
        Ok(Arc::new(Self::over(Arc::new(self.link.seen_by(id)))?))
    }

    fn location(&self) -> String {
        self.link.name().to_owned()
    }

    fn estate_id(&self) -> Result<String> {
        Ok(format!("{} {}", self.link.name(), self.hello.estate))
    }

    fn offline_since(&self) -> Option<Time> {
        self.link.offline_since()
    }

    fn is_live(&self) -> bool {
        self.link.is_live()
    }

    fn on_commit(&self, hear: Box<dyn Fn() + Send>) -> Result<CommitWatch> {
        Ok(feed::listen(&self.link, hear))
    }

    fn rollover_status(&self) -> Result<estate::RolloverStatus> {
        self.ask(&ReadRequest::RolloverStatus, &CancelToken::new())
    }

    /// What happens by itself happens at the server.
    fn run_maintenance_step(&self) -> Result<bool> {
        Ok(false)
    }
}
