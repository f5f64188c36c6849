//! An estate on a server: the same reads and changes, asked for over HTTP. It checks nothing; the server does.

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
    AccountId, Accounts, Cancel, Capability, Change, ChangeId, CommitWatch, Common, Entry, Error, Estate,
    EstateUsage, Event, EventFilter, External, Factor, Field, Help, ImportOptions, Item, Key, List,
    LogFilter, Lookup, NewToken, NoteSink, Outcome, Page, Plan, Query, Receipt, Result, Rev, Roles, Saved,
    SavedEdit, Secret, Seek, SignInSession, Signing, Sim, SimId, Sink, StagingId, Stated, Tally, Target,
    Time, Token, TokenId, Usage, UsageTally, User, UserId, Watch,
};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::credentials::Credentials;
use crate::remote::answer::sent;
use crate::wire::{Ask, Export, Hello, Line, SentLink, Staged, Tree};
pub use door::Door;
pub use link::{Link, Server};
pub use waits::Waits;

/// A user's session with an estate on a server.
pub struct Remote {
    link: Arc<Link>,
    hello: Hello,
    /// The accounts as of a revision: they are large, and asked for often.
    tree: Mutex<Option<(Rev, Arc<Accounts>)>>,
}

impl Remote {
    /// Signs in at a server.
    /// With `read_only` it is asked for nothing else.
    pub fn connect(server: Server, credentials: Credentials, read_only: bool) -> Result<Self> {
        let remote = Self::over(Arc::new(Link::new(server, credentials)?))?;
        let read_only = read_only || remote.hello.read_only;
        Ok(Self { hello: Hello { read_only, ..remote.hello }, ..remote })
    }

    fn over(link: Arc<Link>) -> Result<Self> {
        let hello: Json = link.ask(&Ask::Me, &Cancel::new())?;
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

    fn ask<T: DeserializeOwned>(&self, ask: &Ask, cancel: &Cancel) -> Result<T> {
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
        watch: &Watch<'_>,
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
        self.ask(&Ask::Rev, &Cancel::new())
    }

    fn touched_since(&self, after: Rev) -> Result<(Rev, bool)> {
        self.ask(&Ask::TouchedSince { after }, &Cancel::new())
    }

    fn accounts(&self, cancel: &Cancel) -> Result<Arc<Accounts>> {
        let known = self.tree.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((at, tree)) = known
            && self.ask::<Rev>(&Ask::Rev, cancel)? == at
        {
            return Ok(tree);
        }
        let tree: Tree = self.ask(&Ask::Accounts, cancel)?;
        let rev = tree.rev;
        let tree = Arc::new(tree.build());
        *self.tree.lock().unwrap_or_else(PoisonError::into_inner) = Some((rev, Arc::clone(&tree)));
        Ok(tree)
    }

    fn users(&self, account: Option<AccountId>, cancel: &Cancel) -> Result<Vec<User>> {
        self.ask(&Ask::Users { account }, cancel)
    }

    fn page(&self, query: &Query, seek: &Seek, limit: u16, cancel: &Cancel) -> Result<Page> {
        self.ask(&Ask::Page { query: query.clone(), seek: seek.clone(), limit }, cancel)
    }

    fn count(&self, query: &Query, cancel: &Cancel) -> Result<u64> {
        self.ask(&Ask::Count { query: query.clone() }, cancel)
    }

    fn count_target(&self, target: &Target, view: &Query, cancel: &Cancel) -> Result<(u64, u64)> {
        self.ask(&Ask::CountTarget { target: target.clone(), view: view.clone() }, cancel)
    }

    fn marked(&self, target: &Target, ids: &[SimId], cancel: &Cancel) -> Result<BTreeSet<SimId>> {
        self.ask(&Ask::Marked { target: target.clone(), ids: ids.to_vec() }, cancel)
    }

    fn target_ids(&self, target: &Target, limit: u64, cancel: &Cancel) -> Result<Vec<SimId>> {
        self.ask(&Ask::TargetIds { target: target.clone(), limit }, cancel)
    }

    fn range(&self, query: &Query, from: &Key, to: &Key, limit: u64, cancel: &Cancel) -> Result<Vec<SimId>> {
        self.ask(&Ask::Range { query: query.clone(), from: from.clone(), to: to.clone(), limit }, cancel)
    }

    fn sim(&self, id: SimId, cancel: &Cancel) -> Result<Sim> {
        self.ask(&Ask::Sim { id }, cancel)
    }

    fn stated(&self, id: SimId, cancel: &Cancel) -> Result<Option<Stated>> {
        self.ask(&Ask::Stated { id }, cancel)
    }

    fn sim_by_iccid(&self, iccid: &str, cancel: &Cancel) -> Result<Sim> {
        self.ask(&Ask::SimByIccid { iccid: iccid.to_owned() }, cancel)
    }

    fn probed(&self, id: SimId, need: Capability, cancel: &Cancel) -> Result<Sim> {
        self.ask(&Ask::Probed { id, need }, cancel)
    }

    fn lookup(&self, list: &List, cancel: &Cancel) -> Result<Lookup> {
        self.ask(&Ask::Lookup { list: list.clone() }, cancel)
    }

    fn values(&self, field: Field, cancel: &Cancel) -> Result<Values> {
        self.ask(&Ask::Values { field }, cancel)
    }

    fn saved(&self, cancel: &Cancel) -> Result<Vec<Saved>> {
        self.ask(&Ask::Saved, cancel)
    }

    fn edit_saved(&self, edits: &[SavedEdit]) -> Result<Vec<Saved>> {
        self.ask(&Ask::EditSaved { edits: edits.to_vec() }, &Cancel::new())
    }

    fn spread(&self, target: &Target, cancel: &Cancel) -> Result<Spread> {
        self.ask(&Ask::Spread { target: target.clone() }, cancel)
    }

    fn common(&self, target: &Target, cancel: &Cancel) -> Result<Common> {
        self.ask(&Ask::Common { target: target.clone() }, cancel)
    }

    fn plan(&self, change: &Change, cancel: &Cancel) -> Result<Plan> {
        self.may_write()?;
        self.link.plan(&sent(change)?, cancel)
    }

    fn apply(&self, id: &ChangeId, change: &Change, watch: &Watch<'_>) -> Result<Receipt> {
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
        watch: &Watch<'_>,
    ) -> Result<(StagingId, Tally)> {
        self.send_file(input, false, options, notes, watch)
    }

    fn stage_usage(
        &self,
        input: Box<dyn Read + Send + '_>,
        options: &ImportOptions,
        notes: &mut NoteSink<'_>,
        watch: &Watch<'_>,
    ) -> Result<(StagingId, UsageTally)> {
        self.send_file(input, true, options, notes, watch)
    }

    fn usage(&self, id: SimId, cancel: &Cancel) -> Result<Usage> {
        self.ask(&Ask::Usage { id }, cancel)
    }

    fn estate_usage(&self, account: AccountId, cancel: &Cancel) -> Result<EstateUsage> {
        self.ask(&Ask::EstateUsage { account }, cancel)
    }

    fn events(&self, wanted: &EventFilter, cancel: &Cancel) -> Result<Vec<Event>> {
        self.ask(&Ask::Events { wanted: wanted.clone() }, cancel)
    }

    fn events_after(&self, id: i64, cancel: &Cancel) -> Result<(u64, u64)> {
        self.ask(&Ask::EventsAfter { id }, cancel)
    }

    fn externals(&self, account: AccountId, cancel: &Cancel) -> Result<Vec<External>> {
        self.ask(&Ask::Externals { account }, cancel)
    }

    fn help(&self, cancel: &Cancel) -> Result<Option<Help>> {
        self.ask(&Ask::Help, cancel)
    }

    fn help_of(&self, account: AccountId, cancel: &Cancel) -> Result<(Option<Help>, Option<Help>)> {
        self.ask(&Ask::HelpOf { account }, cancel)
    }

    fn wants_mail(&self, cancel: &Cancel) -> Result<bool> {
        self.ask(&Ask::WantsMail, cancel)
    }

    fn want_mail(&self, wanted: bool) -> Result<()> {
        self.ask(&Ask::WantMail { wanted }, &Cancel::new())
    }

    fn heard(&self, cancel: &Cancel) -> Result<i64> {
        self.ask(&Ask::Heard, cancel)
    }

    fn hear(&self, upto: i64) -> Result<()> {
        self.ask(&Ask::Hear { upto }, &Cancel::new())
    }

    fn export(
        &self,
        query: &Query,
        target: Option<&Target>,
        sink: &mut Sink<'_>,
        cancel: &Cancel,
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

    fn entries(&self, wanted: &LogFilter, cancel: &Cancel) -> Result<Vec<Entry>> {
        self.ask(&Ask::Entries { wanted: wanted.clone() }, cancel)
    }

    fn items(
        &self,
        rev: Rev,
        outcome: Option<Outcome>,
        after: Option<SimId>,
        limit: u32,
        cancel: &Cancel,
    ) -> Result<Vec<Item>> {
        self.ask(&Ask::Items { rev, outcome, after, limit }, cancel)
    }

    fn sessions(&self, of: UserId) -> Result<Vec<SignInSession>> {
        self.ask(&Ask::Sessions { of }, &Cancel::new())
    }

    fn end_session(&self, id: TokenId) -> Result<SignInSession> {
        self.ask(&Ask::EndSession { id }, &Cancel::new())
    }

    fn end_sessions(&self, of: UserId) -> Result<u64> {
        self.ask(&Ask::EndSessions { of }, &Cancel::new())
    }

    fn signing(&self, cancel: &Cancel) -> Result<Signing> {
        self.ask(&Ask::Signing, cancel)
    }

    fn set_password(&self, current: &str, new: &str) -> Result<()> {
        self.ask(&Ask::SetPassword { current: current.into(), new: new.into() }, &Cancel::new())
    }

    fn begin_factor(&self, current: &str) -> Result<Factor> {
        self.ask(&Ask::BeginFactor { current: current.into() }, &Cancel::new())
    }

    fn prove_factor(&self, code: &str) -> Result<()> {
        self.ask(&Ask::ProveFactor { code: code.into() }, &Cancel::new())
    }

    fn end_factor(&self, current: &str) -> Result<()> {
        self.ask(&Ask::EndFactor { current: current.into() }, &Cancel::new())
    }

    fn mails_links(&self) -> bool {
        self.hello.mails_links
    }

    fn link(&self, user: UserId, all: bool) -> Result<estate::Link> {
        let SentLink { secret, mailed_to, expires } = self.ask(&Ask::Link { user, all }, &Cancel::new())?;
        let secret = secret.as_deref().and_then(Secret::read);
        if secret.is_none() && mailed_to.is_none() {
            return Err(Error::Store("the server gave no link".into()));
        }
        Ok(estate::Link { secret, mailed_to, expires })
    }

    fn tokens(&self, of: UserId) -> Result<Vec<Token>> {
        self.ask(&Ask::Tokens { of }, &Cancel::new())
    }

    fn add_token(&self, new: &NewToken) -> Result<(Token, Secret)> {
        let (token, secret): (Token, String) =
            self.ask(&Ask::AddToken { new: new.clone() }, &Cancel::new())?;
        let secret = Secret::read(&secret).ok_or_else(|| Error::Store("the server gave no token".into()))?;
        Ok((token, secret))
    }

    fn revoke_token(&self, id: TokenId) -> Result<Token> {
        self.ask(&Ask::RevokeToken { id }, &Cancel::new())
    }

    fn view_as(&self, id: UserId) -> Result<Arc<dyn Estate>> {
        self.may_write()?;
        Ok(Arc::new(Self::over(Arc::new(self.link.seen_by(id)))?))
    }

    fn place(&self) -> String {
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
        self.ask(&Ask::RolloverStatus, &Cancel::new())
    }

    /// What happens by itself happens at the server.
    fn background(&self) -> Result<bool> {
        Ok(false)
    }
}
