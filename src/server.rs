//! The server: a token becomes a [`Local`], a request becomes a read of it, a failure becomes a
//! problem.
//!
//! Rules live in `estate`: a handler finds out who asks and what for, and never decides what they
//! may see.

mod accounts;
mod api;
mod asker;
mod body;
mod bulk;
mod describe;
mod docs;
mod edits;
mod error_pointer;
mod failures;
mod feed;
mod html;
mod limits;
mod log;
mod metrics;
mod net;
mod operations;
mod params;
mod problem;
mod problem_codes;
mod running;
mod screen;
mod sessions;
mod shapes;
mod signin;
mod sims;
mod streams;
mod usage;
mod user_sessions;
mod users;

use std::any::Any;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::ops::ControlFlow;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderName, HeaderValue, StatusCode, Version, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use estate::{CancelToken, Change, ChangeId, Error, Estate, Local, Receipt, Roles, UserId};
use serde::Serialize;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate as _, SizeAbove};
use tower_http::timeout::RequestBodyTimeoutLayer;
use uuid::Uuid;

use crate::failure::Failure;
use crate::wire::LINES;
use asker::CurrentUser;
use describe::Route;
use failures::FailedSignIns;
use feed::Feed;
use limits::{Limits, Rate};
use metrics::Metrics;
pub use net::Certificates;
use net::Net;
use problem::Problem;
use running::Running;
use sessions::Sessions;
use streams::{NetworkQueue, PerUserSemaphores, Streams};

/// Concurrent reads per core: more of them only take the processor from the one change that is
/// being made.
const READS_PER_CORE: usize = 4;
/// Bounds of the number of concurrent reads. Further requests queue.
const READS: std::ops::RangeInclusive<usize> = 8..=32;
/// Concurrent reads that belong to changes (plans, progress), in all and for each user. They do not
/// queue behind reads.
const CHANGE_READS: usize = 8;
const CHANGE_READS_PER_USER: usize = 2;
/// How many passwords are looked at at a time: each takes 19 MiB.
const PROOFS: usize = 4;
/// Renewals and looks at links at a time: they need no hash, and do not wait for those that do.
const LOOKUPS: usize = 4;
/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a body may say nothing before it is given up.
const SILENCE: Duration = Duration::from_secs(30);
/// How long what runs may go on when the server is to end.
const GRACE: Duration = Duration::from_secs(20);
/// How long what was told to stop may take for it.
const LAST: Duration = Duration::from_secs(5);
/// What keeps an answer out of pages, caches and addresses of others.
const STRICT: [(HeaderName, &str); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "interest-cohort=()"),
];
/// Names a request, in what is answered and what is logged.
const TRACE: HeaderName = HeaderName::from_static("traceparent");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What every request needs.
#[derive(Clone)]
pub(crate) struct AppState {
    sessions: Arc<Sessions>,
    turns: Arc<Semaphore>,
    reading: Arc<PerUserSemaphores<UserId>>,
    /// Permits of reads that belong to changes.
    change_reads: Arc<Semaphore>,
    change_reading: Arc<PerUserSemaphores<UserId>>,
    /// One of each user waits for the writer at a time, so that nobody waits for all of somebody
    /// else's.
    writing: Arc<PerUserSemaphores<UserId>>,
    proofs: Arc<NetworkQueue>,
    lookups: Arc<NetworkQueue>,
    /// The store has one writer: whoever waits for it waits here, without a thread, and has changed
    /// nothing if they give up.
    changes: Arc<Semaphore>,
    /// One of the operations that run without anybody's connection waits there with the others; how
    /// many each user has.
    background: Arc<Semaphore>,
    operations: Arc<Streams<UserId>>,
    streams: Arc<Streams<UserId>>,
    listeners: Arc<Streams<UserId>>,
    bodies: Arc<Streams<UserId>>,
    limits: Arc<Limits>,
    failed_sign_ins: Arc<FailedSignIns>,
    feed: Arc<Feed>,
    metrics: Arc<Metrics>,
    running: Arc<Running>,
    /// Takes back what runs, when it does not come to an end by itself.
    stopping: CancelToken,
    /// Tells whoever listens that the server ends.
    stopped: watch::Sender<bool>,
    /// When it ends at the latest, once it was told to.
    until: Arc<OnceLock<tokio::time::Instant>>,
}

impl AppState {
    fn new(serve: &Serve) -> Self {
        let reads = max_reads();
        Self {
            sessions: Arc::new(Sessions::new(serve)),
            turns: Arc::new(Semaphore::new(reads)),
            // A user may have a quarter: four who read much leave nothing to others, fewer do.
            reading: Arc::new(PerUserSemaphores::new(reads / 4)),
            change_reads: Arc::new(Semaphore::new(CHANGE_READS)),
            change_reading: Arc::new(PerUserSemaphores::new(CHANGE_READS_PER_USER)),
            writing: Arc::new(PerUserSemaphores::new(1)),
            proofs: Arc::new(NetworkQueue::new(PROOFS)),
            lookups: Arc::new(NetworkQueue::new(LOOKUPS)),
            changes: Arc::new(Semaphore::new(1)),
            background: Arc::new(Semaphore::new(1)),
            operations: Arc::default(),
            streams: Arc::default(),
            listeners: Arc::default(),
            bodies: Arc::default(),
            limits: Arc::new(Limits::new(serve.rate)),
            failed_sign_ins: Arc::default(),
            feed: Arc::new(Feed::new()),
            metrics: Arc::new(Metrics::new()),
            running: Arc::default(),
            stopping: CancelToken::new(),
            stopped: watch::channel(false).0,
            until: Arc::default(),
        }
    }

    /// Lets what goes on without anybody's connection come to its end, or be taken back.
    async fn rest(&self) {
        let until = self.until.get().copied().unwrap_or_else(tokio::time::Instant::now);
        let all = async {
            let _ = self.background.acquire().await;
            let _ = self.changes.acquire().await;
        };
        let _ = tokio::time::timeout_at(until, all).await;
    }

    /// Reads for whoever asks, where it may block; whoever hangs up stops it.
    async fn work<T: Send + 'static>(
        &self,
        asker: &CurrentUser,
        work: impl FnOnce(&Local, &CancelToken) -> estate::Result<T> + Send + 'static,
    ) -> Result<T, Problem> {
        in_turn(&self.turns, &self.reading, asker, work).await
    }

    /// Reads what a change needs: its plan, or its progress. It has permits of its own, so that
    /// those who change something do not queue behind those who read.
    async fn read_for_change<T: Send + 'static>(
        &self,
        asker: &CurrentUser,
        work: impl FnOnce(&Local, &CancelToken) -> estate::Result<T> + Send + 'static,
    ) -> Result<T, Problem> {
        in_turn(&self.change_reads, &self.change_reading, asker, work).await
    }

    /// Changes something for whoever asks. Those who change wait for each other, and those who read
    /// do not wait for them.
    async fn write<T: Send + 'static>(
        &self,
        asker: &CurrentUser,
        work: impl FnOnce(&Local, &CancelToken) -> estate::Result<T> + Send + 'static,
    ) -> Result<T, Problem> {
        in_turn(&self.changes, &self.writing, asker, work).await
    }
}

/// Returns the number of concurrent reads.
fn max_reads() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    (cores * READS_PER_CORE).clamp(*READS.start(), *READS.end())
}

async fn in_turn<T: Send + 'static>(
    all: &Arc<Semaphore>,
    shares: &PerUserSemaphores<UserId>,
    asker: &CurrentUser,
    work: impl FnOnce(&Local, &CancelToken) -> estate::Result<T> + Send + 'static,
) -> Result<T, Problem> {
    let cancel = CancelOnDrop(CancelToken::new());
    let (local, heard) = (Arc::clone(&asker.estate), cancel.0.clone());
    let line = shares.of(asker.estate.actor().id);
    let done = async {
        let turn = turns(&line, all).await;
        let work = move || {
            // Whoever hung up or waited too long keeps their turn until the work has stopped.
            let _turn = turn;
            if heard.is_cancelled() { Err(Error::Cancelled) } else { work(&local, &heard) }
        };
        tokio::task::spawn_blocking(work).await
    };
    match tokio::time::timeout(PATIENCE, done).await {
        Ok(Ok(done)) => Ok(done?),
        Ok(Err(panic)) => Err(Problem::internal_error(&panic)),
        Err(_) => Err(Problem::slow()),
    }
}

/// Waits for a turn.
async fn turn(of: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    Arc::clone(of).acquire_owned().await.ok()
}

/// Waits in a line of one's own first, then with everybody.
async fn turns(line: &Arc<Semaphore>, all: &Arc<Semaphore>) -> [Option<OwnedSemaphorePermit>; 2] {
    [turn(line).await, turn(all).await]
}

/// The tag of an object's state.
fn tag_of(object: &Json) -> String {
    let hash: String =
        Sha256::digest(object.to_string())[..16].iter().map(|b| format!("{b:02x}")).collect();
    format!("\"{hash}\"")
}

/// What a handler answers with, as JSON.
fn json_of<T: Serialize>(value: T) -> estate::Result<Json> {
    serde_json::to_value(value).map_err(|e| Error::Store(e.to_string()))
}

/// Makes a change of one object, unless whoever asked has gone meanwhile.
fn make(local: &Local, change: &Change, cancel: &CancelToken) -> estate::Result<Receipt> {
    local.apply(&ChangeId::new(), change, &|_| going(cancel))
}

/// Whether there is somebody who waits for it.
fn going(cancel: &CancelToken) -> ControlFlow<()> {
    if cancel.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

/// An object with the tag of its state; to whoever has it already, only that it is still so (RFC
/// 9110 §13.1.2).
fn tagged_response(request: &Parts, object: &Json) -> Response {
    let (body, tag) = (object.to_string(), tag_of(object));
    let given =
        request.headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let known = given.flat_map(|value| value.split(',')).map(str::trim);
    let same = known
        .map(|known| known.strip_prefix("W/").unwrap_or(known))
        .any(|known| known == tag || known == "*");
    let headers = [(header::ETAG, tag), (header::CACHE_CONTROL, "private, no-cache".to_owned())];
    if same {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// An object that was made just now, with where it is and the tag of its state.
fn created_response(below: &str, object: &Json) -> Response {
    let at = format!("{below}/{}", object["id"].as_str().unwrap_or_default());
    let headers = [(header::ETAG, tag_of(object)), (header::LOCATION, at)];
    (StatusCode::CREATED, headers, axum::Json(object)).into_response()
}

/// Stops a read when nobody waits for it any more.
struct CancelOnDrop(CancelToken);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Everything that can be asked for, under one roof.
fn routes(served: &AppState) -> Router {
    let (signed, open): (Vec<_>, Vec<_>) = api::table().into_iter().partition(Route::is_signed);
    let add = |router: Router<AppState>, route: Route| {
        let (path, handler) = route.parts();
        router.route(path, handler)
    };
    let signed = signed.into_iter().fold(Router::new(), add);
    open.into_iter()
        .fold(Router::new(), add)
        .merge(signed.route_layer(middleware::from_fn_with_state(served.clone(), asker::require_auth)))
        .fallback(async || Problem::nowhere())
        .method_not_allowed_fallback(async || Problem::method())
        .layer(
            CompressionLayer::new().compress_when(
                // Lines are to arrive as they are written.
                SizeAbove::new(1_024)
                    .and(NotForContentType::const_new(LINES))
                    .and(NotForContentType::SSE)
                    // A strong tag is of the bytes as they are (RFC 9110 §8.8.1).
                    .and(|_: StatusCode, _, headers: &axum::http::HeaderMap, _: &_| {
                        !headers.contains_key(header::ETAG)
                    }),
            ),
        )
        .layer(CatchPanicLayer::custom(|panic: Box<dyn Any + Send>| {
            let words = panic
                .downcast_ref::<&str>()
                .copied()
                .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
            Problem::internal_error(&words.unwrap_or("a handler panicked")).into_response()
        }))
        .layer(RequestBodyTimeoutLayer::new(SILENCE))
        .layer(middleware::from_fn_with_state(served.clone(), around))
        .with_state(served.clone())
}

/// Around every request: its name, what is logged of it, and headers that keep answers where they
/// belong.
async fn around(State(served): State<AppState>, mut request: Request, next: Next) -> Response {
    let id = request_id(&request);
    let named = HeaderValue::from_str(&id).unwrap_or_else(|_| HeaderValue::from_static(""));
    request.headers_mut().insert(REQUEST_ID, named.clone());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    // Not what was asked for: filters and addresses hold numbers and names of people, and some
    // paste a token there.
    let route = request.extensions().get::<MatchedPath>().map_or("-", MatchedPath::as_str).to_owned();
    let trace = request.headers().get(TRACE).filter(|trace| is_trace(trace.as_bytes())).cloned();
    let begun = served.metrics.begin(&method, &route);
    let mut response = match check_head(&request) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let problem = problem.with_place(&method, &route);
        if let Some(cause) = &problem.cause {
            tracing::error!(request_id = id, cause, "a request failed");
        }
        let allow = response.headers_mut().remove(header::ALLOW);
        let rate = response.extensions_mut().remove::<Rate>();
        response = problem.answer(&path, &id);
        rate.map(|rate| response.extensions_mut().insert(rate));
        if let Some(allow) = allow {
            response.headers_mut().insert(header::ALLOW, allow);
        }
    }
    let rate = response.extensions_mut().remove::<Rate>();
    let headers = response.headers_mut();
    if let Some(rate) = rate {
        served.limits.say(rate, headers);
    }
    let traced = trace.as_ref().and_then(|trace| trace.to_str().ok()).unwrap_or("-").to_owned();
    trace.map(|trace| headers.insert(TRACE, trace));
    headers.insert(REQUEST_ID, named);
    streams::forbid_buffering(headers);
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    for (name, value) in STRICT {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    let status = response.status().as_u16();
    let took = begun.finish(status);
    tracing::info!(request_id = id, %method, route, status, took_ms = took.as_millis() as u64, trace = traced, "request");
    response
}

/// Refuses a request that programs on the way may read differently: without one Host
/// (RFC 9112 §3.2), or with several credentials (RFC 9110 §11.6.2).
fn check_head(request: &Request) -> Result<(), Problem> {
    let hosts: Vec<&HeaderValue> = request.headers().get_all(header::HOST).iter().collect();
    let is_sound = match hosts[..] {
        [] => request.version() < Version::HTTP_11,
        [host] => !host.is_empty() && !host.as_bytes().contains(&b',') && is_authority(host),
        _ => false,
    };
    let (name, why) = if !is_sound {
        ("host", "send one Host header, with one host")
    } else if request.headers().get_all(header::AUTHORIZATION).iter().count() > 1 {
        ("authorization", "send one Authorization header")
    } else {
        return Ok(());
    };
    Err(Problem::header(StatusCode::BAD_REQUEST, "invalid", name, why))
}

/// Returns true for a host with or without a port, and without a user (RFC 9110 §7.2).
fn is_authority(host: &HeaderValue) -> bool {
    Authority::try_from(host.as_bytes()).is_ok_and(|parsed| !parsed.as_str().contains('@'))
}

/// Whether a trace context is one (W3C Trace Context, §3.2): `00-…-…-01`.
fn is_trace(text: &[u8]) -> bool {
    let parts: Vec<&[u8]> = text.split(|b| *b == b'-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    lengths == [2, 32, 16, 2]
        && parts.concat().iter().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(b))
}

/// The name a request came with, if it can be repeated safely, or a new one.
fn request_id(request: &Request) -> String {
    let given = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let plain = |id: &&str| {
        (1..=64).contains(&id.len())
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    given.filter(plain).map_or_else(|| Uuid::new_v4().to_string(), str::to_owned)
}

/// Whether the store can be read.
async fn ready(State(served): State<AppState>) -> Response {
    let sessions = Arc::clone(&served.sessions);
    match tokio::task::spawn_blocking(move || sessions.owner.rev()).await {
        Ok(Ok(_)) => axum::Json(json!({ "status": "ready" })).into_response(),
        Ok(Err(error)) => Problem::not_ready(&error).into_response(),
        Err(panic) => Problem::not_ready(&panic).into_response(),
    }
}

async fn me(
    State(served): State<AppState>,
    asker: CurrentUser,
    request: Parts,
) -> Result<Response, Problem> {
    params::none(&request)?;
    let me = |local: &Local, cancel: &CancelToken| {
        let (me, accounts) = (local.me(), local.accounts(cancel)?);
        json_of(shapes::Me {
            id: format!("usr_{}", me.id.0),
            name: me.name.clone(),
            email: me.email.clone(),
            role: me.role.word().to_owned(),
            read_only: local.read_only(),
            rollover_pending: local.rollover_status()?.message(),
            account: accounts.top().map(|top| accounts::object(&accounts, top)),
        })
    };
    Ok(tagged_response(&request, &served.work(&asker, me).await?))
}

/// Whether the server runs.
async fn healthy() -> axum::Json<Json> {
    axum::Json(json!({ "status": "ok" }))
}

/// The description of the API.
pub fn openapi() -> String {
    api::description().to_pretty_json().unwrap_or_default()
}

/// What to serve, and where.
pub struct Serve {
    /// The role table as this deployment tightened it.
    pub roles: Roles,
    /// Whoever owns the file, signed in.
    pub owner: Arc<Local>,
    /// Whether nothing may be written, whatever a token says.
    pub read_only: bool,
    /// Whether somebody sends mail.
    pub mail: bool,
    /// Where links to this server lead, if it is known from outside.
    pub links: Option<String>,
    /// How many requests a minute a user has.
    pub rate: NonZeroU32,
    /// Where to listen.
    pub listen: SocketAddr,
    /// Proxies that are believed when they say where a request comes from.
    pub proxies: Vec<std::net::IpAddr>,
    /// What encrypts; without it nothing does.
    pub certificates: Option<Certificates>,
}

/// Serves until a signal comes, then finishes what runs; `ready` hears where.
pub fn run(serve: &Serve, ready: impl FnOnce(&str)) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|e| Failure::io("cannot start the server", e))?;
    let done = runtime.block_on(async {
        let net = Net::bind(serve.listen, serve.certificates.clone(), &serve.proxies).await?;
        let served = AppState::new(serve);
        let feed = Arc::clone(&served.feed);
        let _watch = serve.owner.on_commit(Box::new(move || feed.wake()))?;
        ready(&net.url()?);
        net.serve(routes(&served), wait_for_end(served.clone())).await;
        served.rest().await;
        Ok(())
    });
    // What cannot be stopped, for it waits for another program, is left to the store to take back.
    runtime.shutdown_timeout(LAST);
    done
}

/// Waits for a signal; what runs then has a while to finish, and is taken back after that.
async fn wait_for_end(served: AppState) {
    wait_for_signal().await;
    let _ = served.stopped.send(true);
    let _ = served.until.set(tokio::time::Instant::now() + GRACE + LAST);
    tokio::spawn(async move {
        // Whoever asks twice does not want to wait.
        let _ = tokio::time::timeout(GRACE, wait_for_signal()).await;
        served.stopping.cancel();
    });
}

/// Waits for Ctrl+C or a request to end.
async fn wait_for_signal() {
    let interrupted = async { tokio::signal::ctrl_c().await.ok() };
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut terminated) = signal(SignalKind::terminate()) else {
            interrupted.await;
            return;
        };
        tokio::select! { _ = interrupted => {}, _ = terminated.recv() => {} }
    }
    #[cfg(not(unix))]
    interrupted.await;
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use estate::Time;
    use estate::demo::{self, Demo};
    use tower::ServiceExt as _;

    use super::*;

    const ADMIN: &str = "ada@northstar.example";

    /// A server without a network, on a small store that goes away with the folder, and a token for
    /// it.
    fn serve() -> (tempfile::TempDir, AppState, String) {
        let dir = tempfile::tempdir().expect("folder");
        let store = dir.path().join("demo.db");
        let size = Demo { sims: 50, accounts: 6, seed: 1 };
        drop(demo::create(&store, size, Time::now(), &|_| ControlFlow::Continue(())).expect("demo"));
        let owner = Arc::new(Local::open(&store, Some(ADMIN), false).expect("opens"));
        let token = owner.begin_session().expect("session").token.reveal().to_owned();
        let serve = Serve {
            roles: Roles::default(),
            owner,
            read_only: false,
            mail: false,
            links: None,
            rate: NonZeroU32::MAX,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            proxies: Vec::new(),
            certificates: None,
        };
        (dir, AppState::new(&serve), token)
    }

    #[tokio::test]
    async fn a_head_that_can_be_read_in_two_ways_is_refused() {
        let (_dir, served, token) = serve();
        let router = routes(&served);
        let bearer = format!("Bearer {token}");
        let ask = async |version: Version, headers: &[(&str, &str)]| {
            let mut request =
                axum::http::Request::builder().uri("/v1/me").version(version).body(Body::empty());
            for (name, value) in headers {
                let name = HeaderName::from_bytes(name.as_bytes()).expect("name");
                let value = HeaderValue::from_str(value).expect("value");
                request.as_mut().expect("request").headers_mut().append(name, value);
            }
            let answer = router.clone().oneshot(request.expect("request")).await;
            answer.expect("answered").status().as_u16()
        };
        let authorized = ("authorization", &*bearer);
        for host in ["x", "sims.example:8443", "[::1]:80"] {
            assert_eq!(ask(Version::HTTP_11, &[("host", host), authorized]).await, 200, "{host}");
        }
        assert_eq!(ask(Version::HTTP_10, &[authorized]).await, 200);
        assert_eq!(ask(Version::HTTP_11, &[authorized]).await, 400);
        for host in ["", "a, b", "a,b", "a b", "user@a", "a/b"] {
            assert_eq!(ask(Version::HTTP_11, &[("host", host), authorized]).await, 400, "{host}");
        }
        let host = ("host", "x");
        assert_eq!(ask(Version::HTTP_11, &[host, host, authorized]).await, 400);
        assert_eq!(ask(Version::HTTP_11, &[host, authorized, authorized]).await, 400);
    }

    #[tokio::test(start_paused = true)]
    async fn only_hashes_queue_behind_guesses_and_for_no_longer_than_a_request_may_take() {
        let (_dir, served, secret) = serve();
        let router = routes(&served);
        let post = async |path: &str, body: Json| {
            let request = axum::http::Request::builder()
                .method("POST")
                .uri(path)
                .header(header::HOST, "x")
                .header(header::CONTENT_TYPE, "application/json")
                .body(Body::from(body.to_string()))
                .expect("request");
            // A request that never ends fails here, not by the patience of whoever runs the test.
            let answer = tokio::time::timeout(2 * PATIENCE, router.clone().oneshot(request)).await;
            answer.expect("in time").expect("answered").status().as_u16()
        };
        // Guesses of two networks hold every turn, and none ends.
        let mut held = Vec::new();
        for guess in 0..PROOFS as u8 {
            held.push(served.proofs.acquire([198, 51, 100, guess % 2].into()).await);
        }
        assert_eq!(post("/v1/sessions/renew", json!({ "renew": secret })).await, 401);
        assert_eq!(post("/v1/links", json!({ "link": secret })).await, 404);
        let credentials = json!({ "email": ADMIN, "password": "several words in a row" });
        assert_eq!(post("/v1/sessions", credentials.clone()).await, 503);
        drop(held);
        assert_eq!(post("/v1/sessions", credentials).await, 401);
    }

    #[tokio::test(start_paused = true)]
    async fn changes_do_not_queue_behind_reads() {
        let (_dir, served, token) = serve();
        let router = routes(&served);
        let ask = async |method: &str, path: &str, body: Json| {
            let request = axum::http::Request::builder()
                .method(method)
                .uri(path)
                .header(header::HOST, "x")
                .header(header::AUTHORIZATION, format!("Bearer {token}"))
                .header(header::CONTENT_TYPE, "application/json")
                .header("idempotency-key", "once")
                .body(Body::from(body.to_string()))
                .expect("request");
            let answer = router.clone().oneshot(request).await.expect("answered");
            let status = answer.status().as_u16();
            let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.expect("body");
            (status, serde_json::from_slice::<Json>(&body).unwrap_or_default())
        };
        // Every permit to read is taken, and none comes back.
        let all = u32::try_from(max_reads()).expect("few");
        let _held = served.turns.acquire_many(all).await.expect("free");
        assert_eq!(ask("GET", "/v1/sims", Json::Null).await.0, 503, "a read waits for a permit");

        let moved = json!({ "selector": { "all": true }, "target_account_id": "acc_2", "dry_run": true });
        assert_eq!(ask("POST", "/v1/operations/sim-moves", moved.clone()).await.0, 200);
        let moved =
            json!({ "selector": { "all": true }, "target_account_id": "acc_2", "dry_run": false });
        let (status, operation) = ask("POST", "/v1/operations/sim-moves", moved).await;
        assert_eq!(status, 202, "{operation}");
        let at = format!("/v1/operations/{}", operation["id"].as_str().expect("id"));
        let events = ask("GET", &format!("{at}/events"), Json::Null).await;
        assert_eq!(events.0, 200);
        assert_eq!(ask("GET", &at, Json::Null).await.1["status"], "succeeded");
    }
}
