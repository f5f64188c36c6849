//! The line to a server: one client with its connections, tried again where that harms nothing.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use estate::{CancelToken, Error, Plan, Result, Time, UserId};
use reqwest::{Method, RequestBuilder, Response, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::answer::{self, AnswerError, MAX_ANSWER, MAX_SMALL};
use super::waits::Waits;
use crate::credentials::{Credentials, RENEWING, lock_file};
use crate::remote::reason::{NO_SIMDECK, reason, strange};
use crate::wire::{ErrorBody, ReadRequest};

/// Address of the reads.
pub(super) const ASK: &str = "/v1/ask";
/// How often a wait looks whether it was cancelled.
const LOOK: Duration = Duration::from_millis(20);
/// How often, and how long in between, a question is tried again.
pub(super) const QUESTION: (usize, Duration) = (3, Duration::from_secs(1));
/// The longest pause a server may ask for before a question is given up instead.
const LONGEST: Duration = Duration::from_secs(15);

/// Where a server is, and whom to trust that it is the one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Its address: `https://sims.example`.
    pub url: String,
    /// Certificates (PEM) that are trusted besides those of the system.
    pub ca: Option<std::path::PathBuf>,
    /// Longest waits for it.
    pub waits: Waits,
}

impl Server {
    /// Reads an address; unencrypted only where nothing leaves this machine, or where that is
    /// meant.
    pub fn parse(url: &str, plaintext: bool) -> Result<Self> {
        let bad = |why: &str| Error::invalid("server", format!("{url}: {why}"));
        let parsed = reqwest::Url::parse(url).map_err(|_| {
            bad("is no address like https://sims.example, or http://127.0.0.1:8470 on this machine")
        })?;
        let host = parsed.host_str().unwrap_or_default();
        let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
        let local = host == "localhost" || address.is_ok_and(|at| at.is_loopback());
        match parsed.scheme() {
            "https" => {}
            "http" if local || plaintext => {}
            "http" => {
                return Err(bad(
                    "what you send could be read on the way; use https:// or say --plaintext",
                ));
            }
            _ => return Err(bad("must begin with https://, or with http:// on this machine")),
        }
        if parsed.host_str().is_none() || !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(bad("must be an address without user and password"));
        }
        Ok(Self {
            url: parsed.as_str().trim_end_matches('/').to_owned(),
            ca: None,
            waits: Waits::default(),
        })
    }

    /// Whether what it is trusted by can be read.
    pub fn check(&self) -> Result<()> {
        client(self).map(drop)
    }
}

/// The line to one server.
pub struct HttpClient {
    inner: Arc<Inner>,
    /// Through whose eyes.
    seen_by: Option<UserId>,
}

struct Inner {
    server: Server,
    client: reqwest::Client,
    runtime: Runtime,
    credentials: Credentials,
    /// When something was last heard of the server.
    heard: AtomicI64,
    /// Since when nothing has been heard of it.
    offline: watch::Sender<Option<Time>>,
    /// True while the change feed delivers.
    live: watch::Sender<bool>,
    /// One renews the session, the others wait.
    renewing: tokio::sync::Mutex<()>,
}

/// Whether something is worth trying again.
pub(super) enum RetryDecision {
    /// It is not.
    Failed(Error),
    /// After a pause, of this length if the server asked for one; and whether what was sent may
    /// have arrived.
    Again(Error, Option<Duration>, bool),
    /// Once the session is renewed.
    SignedOut,
}

impl RetryDecision {
    /// What it is where nothing is tried again.
    pub(super) fn for_good(self) -> Error {
        match self {
            Self::Failed(error) | Self::Again(error, ..) => error,
            Self::SignedOut => Error::SignedOut,
        }
    }
}

/// The error that a problem is.
pub(super) fn fault(problem: Json) -> Error {
    let detail = problem["detail"].as_str().unwrap_or("it failed").to_owned();
    let fault: ErrorBody = serde_json::from_value(problem).unwrap_or_default();
    fault.error(&detail)
}

/// The error of an answer without success, or `None` if its body is no problem of a simdeck server.
pub(super) async fn read_problem(response: Response) -> Option<Error> {
    let body = answer::read_body(response, MAX_SMALL).await.ok()?;
    let problem: Json = answer::parse(&body).ok()?;
    problem["code"].is_string().then(|| fault(problem))
}

/// Comes to an end when somebody cancels.
pub(super) async fn wait_for_cancel(cancel: &CancelToken) {
    while !cancel.is_cancelled() {
        tokio::time::sleep(LOOK).await;
    }
}

/// Time that an idle connection is kept: shorter than a server keeps one, so that no request meets
/// one that is being closed.
const IDLE: Duration = Duration::from_secs(5);

pub(super) fn client(server: &Server) -> Result<reqwest::Client> {
    crate::tls::install();
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("simdeck/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(server.waits.connect)
        .read_timeout(server.waits.read)
        .pool_idle_timeout(IDLE)
        .redirect(reqwest::redirect::Policy::none())
        .tcp_nodelay(true);
    if let Some(path) = &server.ca {
        let pem =
            std::fs::read(path).map_err(|e| Error::io(format!("cannot read {}", path.display()), e))?;
        let bad = |e: reqwest::Error| Error::invalid("ca", format!("{}: {}", path.display(), reason(&e)));
        let certificates = reqwest::Certificate::from_pem_bundle(&pem).map_err(bad)?;
        if certificates.is_empty() {
            return Err(Error::invalid("ca", format!("{} holds no certificate (PEM)", path.display())));
        }
        for certificate in certificates {
            builder = builder.add_root_certificate(certificate);
        }
    }
    builder.build().map_err(|e| Error::invalid("server", reason(&e)))
}

impl HttpClient {
    /// Makes ready; nothing is sent yet.
    pub fn new(server: Server, credentials: Credentials) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(|e| Error::io("cannot begin", e))?;
        let client = client(&server)?;
        let (offline, renewing) = (watch::channel(None).0, tokio::sync::Mutex::new(()));
        let heard = AtomicI64::new(Time::now().0);
        let live = watch::channel(false).0;
        let inner = Inner { server, client, runtime, credentials, heard, offline, live, renewing };
        Ok(Self { inner: Arc::new(inner), seen_by: None })
    }

    /// The same line, through somebody else's eyes.
    pub(super) fn seen_by(&self, user: UserId) -> Self {
        Self { inner: Arc::clone(&self.inner), seen_by: Some(user) }
    }

    pub(super) fn name(&self) -> &str {
        &self.inner.server.url
    }

    pub(super) fn waits(&self) -> &Waits {
        &self.inner.server.waits
    }

    pub(super) fn offline_since(&self) -> Option<Time> {
        *self.inner.offline.borrow()
    }

    pub(super) fn is_live(&self) -> bool {
        *self.inner.live.borrow()
    }

    /// Notes that the change feed delivers, or that it does not; returns true if that is new.
    pub(super) fn set_live(&self, live: bool) -> bool {
        self.inner.live.send_if_modified(|known| std::mem::replace(known, live) != live)
    }

    pub(super) fn watch_live(&self) -> watch::Receiver<bool> {
        self.inner.live.subscribe()
    }

    pub(super) fn watch_offline(&self) -> watch::Receiver<Option<Time>> {
        self.inner.offline.subscribe()
    }

    pub(super) fn runtime(&self) -> &Runtime {
        &self.inner.runtime
    }

    /// Notes whether the server answers.
    pub(super) fn note(&self, answers: bool) {
        if answers {
            self.inner.heard.store(Time::now().0, Ordering::Relaxed);
        }
        self.inner.offline.send_if_modified(|since| {
            let changed = since.is_none() != answers;
            match (answers, *since) {
                (true, _) => *since = None,
                // What is shown is as old as what was last heard, not as the discovery.
                (false, None) => *since = Some(Time(self.inner.heard.load(Ordering::Relaxed))),
                (false, Some(_)) => {}
            }
            changed
        });
    }

    pub(super) fn unreachable(&self, reason: String) -> Error {
        self.note(false);
        Error::Unreachable { server: self.inner.server.url.clone(), reason }
    }

    /// An answer that ended before it was whole.
    pub(super) fn broken_off<T>(&self, after: u64) -> Result<T> {
        Err(self.unreachable(format!("the answer broke off after {after} SIMs")))
    }

    pub(super) fn request(&self, method: Method, path: &str) -> Result<RequestBuilder> {
        let url = format!("{}{path}", self.inner.server.url);
        let secret = self.inner.credentials.token()?;
        let request = self.inner.client.request(method, url).bearer_auth(secret.reveal());
        Ok(match self.seen_by {
            Some(user) => request.header("x-view-as", user.0),
            None => request,
        })
    }

    /// Sends one request, once.
    pub(super) async fn send(&self, request: RequestBuilder) -> std::result::Result<Response, Error> {
        self.try_request(request).await.map_err(RetryDecision::for_good)
    }

    pub(super) async fn try_request(
        &self,
        request: RequestBuilder,
    ) -> std::result::Result<Response, RetryDecision> {
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => {
                return Err(RetryDecision::Again(
                    self.unreachable(reason(&error)),
                    None,
                    !error.is_connect(),
                ));
            }
        };
        self.note(true);
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let after = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        let pause = after.and_then(|text| text.parse().ok()).map(Duration::from_secs);
        // Without a problem it is no simdeck that answers: a proxy, a gateway, some other server.
        let error = read_problem(response).await.unwrap_or_else(|| self.unreachable(strange(status)));
        Err(match status {
            StatusCode::UNAUTHORIZED if error == Error::SignedOut => RetryDecision::SignedOut,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                RetryDecision::Again(error, pause, false)
            }
            StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => {
                RetryDecision::Again(error, pause, true)
            }
            _ => RetryDecision::Failed(error),
        })
    }

    /// Does something, and again after a pause where that may help; an answer is read within it.
    pub(super) async fn again<T, F: Future<Output = std::result::Result<T, RetryDecision>>>(
        &self,
        (times, pause): (usize, Duration),
        mut work: impl FnMut() -> F,
    ) -> Result<T> {
        let pauses = ExponentialBuilder::default().with_min_delay(pause / 8).with_max_delay(pause);
        let mut pauses = pauses.with_max_times(times).with_jitter().build();
        let mut renewed = false;
        loop {
            let used = self.inner.credentials.token()?;
            let (error, asked) = match work().await {
                Ok(done) => return Ok(done),
                Err(RetryDecision::Failed(error)) => return Err(error),
                Err(RetryDecision::SignedOut) if !renewed => {
                    renewed = true;
                    self.renew(&used).await?;
                    continue;
                }
                Err(RetryDecision::SignedOut) => return Err(Error::SignedOut),
                Err(RetryDecision::Again(error, asked, _)) => (error, asked),
            };
            let Some(pause) = pauses.next() else { return Err(error) };
            let pause = asked.unwrap_or(pause);
            if pause > LONGEST {
                return Err(error);
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Renews the session, unless somebody else has done so meanwhile.
    async fn renew(&self, used: &estate::Secret) -> Result<()> {
        let credentials = &self.inner.credentials;
        // One renews it, the others wait for that, other programs too: what renews it is good once.
        let _one = self.inner.renewing.lock().await;
        let lock = credentials.lock_file();
        let lock = lock.map(|path| tokio::task::spawn_blocking(move || lock_file(&path, RENEWING)));
        let _program = match lock {
            Some(lock) => lock.await.ok().flatten(),
            None => None,
        };
        if credentials.reload()?.reveal() != used.reveal() {
            return Ok(());
        }
        let Some(renew) = credentials.renewal() else { return Err(Error::SignedOut) };
        let url = format!("{}/v1/sessions/renew", self.inner.server.url);
        let request = self.inner.client.post(url).json(&serde_json::json!({ "renew": renew.reveal() }));
        let request = request.timeout(self.waits().sign_in);
        match self.read(request, MAX_SMALL).await.map_err(RetryDecision::for_good) {
            Ok(body) => credentials.keep(answer::parse(&body).map_err(|e| self.unread(e).for_good())?),
            // Another program may have been quicker all the same.
            Err(Error::SignedOut) if credentials.reload()?.reveal() != used.reveal() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Waits for something, unless it is cancelled: then the connection is closed, and the server
    /// stops too.
    pub(super) fn wait<T>(
        &self,
        cancel: &CancelToken,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        self.inner.runtime.block_on(async {
            tokio::select! {
                done = work => done,
                () = wait_for_cancel(cancel) => Err(Error::Cancelled),
            }
        })
    }

    /// Judges an answer that cannot be read.
    pub(super) fn unread(&self, error: AnswerError) -> RetryDecision {
        match error {
            AnswerError::NotJson => RetryDecision::Failed(self.unreachable(NO_SIMDECK.into())),
            passing if passing.is_passing() => {
                RetryDecision::Again(self.unreachable(passing.to_string()), None, true)
            }
            other => RetryDecision::Failed(other.into()),
        }
    }

    /// Sends one request and reads its whole answer, of at most `limit` bytes.
    async fn read(
        &self,
        request: RequestBuilder,
        limit: usize,
    ) -> std::result::Result<Vec<u8>, RetryDecision> {
        let response = self.try_request(request).await?;
        answer::read_body(response, limit).await.map_err(|error| self.unread(error))
    }

    /// Posts JSON once and gives the answer.
    pub(super) async fn post_once<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &[u8],
    ) -> std::result::Result<T, RetryDecision> {
        let request = self.request(Method::POST, path).map_err(RetryDecision::Failed)?;
        let request = request.header(header::CONTENT_TYPE, "application/json").body(body.to_vec());
        let answer = self.read(request, MAX_ANSWER).await?;
        answer::parse(&answer).map_err(|error| self.unread(error))
    }

    /// Posts JSON and gives the answer; tried again when it may be.
    fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &[u8],
        repeatable: bool,
        patience: Duration,
        cancel: &CancelToken,
    ) -> Result<T> {
        // Whoever knows that the server is gone asks once: the feed finds out when it is back.
        let once = !repeatable || self.offline_since().is_some();
        let times = if once { (0, QUESTION.1) } else { QUESTION };
        let asked = self.again(times, || self.post_once(path, body));
        // Who says nothing at all is not asked again and again for as long each time.
        self.wait(cancel, async {
            let late = || self.unreachable("it does not answer".into());
            tokio::time::timeout(patience, asked).await.unwrap_or_else(|_| Err(late()))
        })
    }

    /// Asks a question.
    pub(super) fn ask<T: DeserializeOwned>(&self, ask: &ReadRequest, cancel: &CancelToken) -> Result<T> {
        let body = super::sent(ask)?;
        // Who one is takes no time to say: a server that does not is not there.
        let patience =
            if matches!(ask, ReadRequest::Me) { self.waits().hello } else { self.waits().read };
        self.post(ASK, &body, ask.is_repeatable(), patience, cancel)
    }

    /// Asks what a change would do.
    pub(super) fn plan(&self, change: &[u8], cancel: &CancelToken) -> Result<Plan> {
        self.post("/v1/plans", change, true, self.waits().read, cancel)
    }

    /// Ends the session.
    pub(super) fn sign_out(&self) -> Result<()> {
        let request = self.request(Method::DELETE, "/v1/sessions/current")?;
        self.wait(&CancelToken::new(), async {
            self.send(request.timeout(self.waits().hello)).await.map(drop)
        })
    }
}
