//! The server: a token becomes a [`Local`], a request becomes a read of it, a failure becomes a problem.
//!
//! Rules live in `estate`: a handler finds out who asks and what for, and never decides what they may see.

mod accounts;
mod params;
mod problem;
mod sessions;
mod sims;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use estate::{Cancel, Error, Estate, Local, Roles};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::failure::Failure;
use problem::Problem;
use sessions::Sessions;

/// How many requests may read at a time: each holds a connection to the store. The others wait their turn.
const AT_ONCE: usize = 32;
/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Names a request, in what is answered and what is logged.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What every request needs.
#[derive(Clone)]
pub(crate) struct Served {
    sessions: Arc<Sessions>,
    turns: Arc<Semaphore>,
}

impl Served {
    /// Does the work of a request for whoever asks, where it may block; whoever hangs up stops it.
    async fn work<T: Send + 'static>(
        &self,
        request: &Parts,
        work: impl FnOnce(&Local, &Cancel) -> estate::Result<T> + Send + 'static,
    ) -> Result<T, Problem> {
        let secret = sessions::secret(&request.headers)?;
        let cancel = Hangup(Cancel::new());
        let (sessions, heard) = (Arc::clone(&self.sessions), cancel.0.clone());
        let turns = Arc::clone(&self.turns);
        let done = async {
            let turn = turns.acquire_owned().await;
            let work = move || {
                // Whoever hung up or waited too long keeps their turn until the read has stopped.
                let _turn = turn;
                if heard.is_cancelled() {
                    return Err(Error::Cancelled);
                }
                sessions.open(&secret).and_then(|local| work(&local, &heard))
            };
            tokio::task::spawn_blocking(work).await
        };
        match tokio::time::timeout(PATIENCE, done).await {
            Ok(Ok(done)) => Ok(done?),
            Ok(Err(panic)) => Err(Problem::unexpected(&panic)),
            Err(_) => Err(Problem::slow()),
        }
    }
}

/// An object with the tag of its state; to whoever has it already, only that it is still so (RFC 9110 §13.1.2).
fn tagged(request: &Parts, object: &Json) -> Response {
    let body = object.to_string();
    let hash: String = Sha256::digest(&body)[..16].iter().map(|b| format!("{b:02x}")).collect();
    let tag = format!("\"{hash}\"");
    let given = request.headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
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

/// Stops a read when nobody waits for it any more.
struct Hangup(Cancel);

impl Drop for Hangup {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Everything that can be asked for.
fn routes(served: Served) -> Router {
    Router::new()
        .route("/healthz", get(async || axum::Json(json!({ "status": "ok" }))))
        .route("/readyz", get(ready))
        .route("/v1/me", get(me))
        .route("/v1/accounts", get(accounts::list))
        .route("/v1/accounts/{id}", get(accounts::one))
        .route("/v1/sims", get(sims::list))
        .route("/v1/sims/{id}", get(sims::one))
        .fallback(async || Problem::nowhere())
        .method_not_allowed_fallback(async || Problem::method())
        .layer(middleware::from_fn(around))
        .with_state(served)
}

/// Around every request: its name, what is logged of it, and headers that keep answers where they belong.
async fn around(request: Request, next: Next) -> Response {
    let id = request_id(&request);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    // Not what was asked for: filters and addresses hold numbers and names of people, and some paste a token there.
    let route = request.extensions().get::<MatchedPath>().map_or("-", MatchedPath::as_str).to_owned();
    let began = Instant::now();
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        if let Some(cause) = &problem.cause {
            tracing::error!(request_id = id, cause, "a request failed");
        }
        let allow = response.headers_mut().remove(header::ALLOW);
        response = problem.answer(&path, &id);
        if let Some(allow) = allow {
            response.headers_mut().insert(header::ALLOW, allow);
        }
    }
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, HeaderValue::from_str(&id).unwrap_or_else(|_| HeaderValue::from_static("")));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let (status, took) = (response.status().as_u16(), began.elapsed().as_millis() as u64);
    tracing::info!(request_id = id, %method, route, status, took, "request");
    response
}

/// The name a request came with, if it can be repeated safely, or a new one.
fn request_id(request: &Request) -> String {
    let given = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let plain = |id: &&str| {
        (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    given.filter(plain).map_or_else(|| Uuid::new_v4().to_string(), str::to_owned)
}

/// Whether the store can be read.
async fn ready(State(served): State<Served>) -> Response {
    let sessions = Arc::clone(&served.sessions);
    match tokio::task::spawn_blocking(move || sessions.owner.rev()).await {
        Ok(Ok(_)) => axum::Json(json!({ "status": "ready" })).into_response(),
        Ok(Err(error)) => Problem::not_ready(&error).into_response(),
        Err(panic) => Problem::not_ready(&panic).into_response(),
    }
}

async fn me(State(served): State<Served>, request: Parts) -> Result<Response, Problem> {
    params::none(&request)?;
    let me = |local: &Local, cancel: &Cancel| {
        let (me, accounts) = (local.me(), local.accounts(cancel)?);
        let top = accounts.top().map(|top| accounts::object(&accounts, top));
        Ok(
            json!({ "id": format!("usr_{}", me.id.0), "name": me.name, "email": me.email, "role": me.role.word(),
                   "read_only": local.read_only(), "account": top }),
        )
    };
    Ok(tagged(&request, &served.work(&request, me).await?))
}

/// What to serve, and where.
pub struct Serve {
    /// The store.
    pub store: PathBuf,
    /// The role table as this deployment tightened it.
    pub roles: Roles,
    /// Whoever owns the file, signed in.
    pub owner: Arc<Local>,
    /// Whether nothing may be written, whatever a token says.
    pub read_only: bool,
    /// Where to listen.
    pub listen: SocketAddr,
}

/// Serves until a signal comes, then finishes what runs; `ready` hears where.
pub fn run(serve: Serve, ready: impl FnOnce(SocketAddr)) -> Result<(), Failure> {
    let io = |what: &'static str| move |e| Failure::io(what, e);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(io("cannot start the server"))?.block_on(async {
        let listener = TcpListener::bind(serve.listen)
            .await
            .map_err(|e| Failure::io(format!("cannot listen on {}", serve.listen), e))?;
        ready(listener.local_addr().map_err(io("cannot listen"))?);
        let sessions = Sessions::new(serve.store, serve.roles, serve.owner, serve.read_only);
        let served = Served { sessions: Arc::new(sessions), turns: Arc::new(Semaphore::new(AT_ONCE)) };
        axum::serve(listener, routes(served))
            .with_graceful_shutdown(signalled())
            .await
            .map_err(io("the server failed"))
    })
}

/// Waits for Ctrl+C or a request to end.
async fn signalled() {
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
