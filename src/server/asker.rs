//! Who asks: found out before anything else of a request is looked at, the body least of all.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderName};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use estate::{Error, Local, Secret, UserId};

use super::net::Connection;
use super::problem::Problem;
use super::{AppState, sessions};

/// Through whose eyes a person wants to look.
const VIEW_AS: HeaderName = HeaderName::from_static("x-view-as");

/// Whoever asks, signed in.
#[derive(Clone)]
pub(super) struct CurrentUser {
    /// What they see: their own estate, or that of whom they look as.
    pub(super) estate: Arc<Local>,
}

impl<S: Send + Sync> FromRequestParts<S> for CurrentUser {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(Problem::not_signed_in)
    }
}

/// From where a request comes.
pub(super) fn address(extensions: &Extensions) -> IpAddr {
    let known = extensions.get::<ConnectInfo<SocketAddr>>();
    known.map_or(IpAddr::from([0, 0, 0, 0]), |ConnectInfo(at)| at.ip())
}

fn view_as(headers: &HeaderMap) -> Result<Option<UserId>, Error> {
    let Some(value) = headers.get(VIEW_AS) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    let id = text.strip_prefix("usr_").unwrap_or(text).parse();
    id.map(|id| Some(UserId(id))).map_err(|_| Error::not_found("user", estate::text::clean(text)))
}

/// Lets nobody through who is not signed in, and nobody too often.
pub(super) async fn require_auth(
    State(served): State<AppState>,
    mut request: Request,
    next: Next,
) -> Response {
    let from = address(request.extensions());
    let found = match sessions::secret(request.headers()) {
        Ok(secret) => served.asker(secret, view_as(request.headers())).await,
        Err(problem) => Err(problem),
    };
    let (asker, rate) = match found {
        Ok(asker) => {
            // Whoever looks through somebody else's eyes is still themselves.
            let rate = served.limits.user(asker.estate.actor().id);
            (asker, rate)
        }
        // Whoever tries tokens out is slowed down by where they are.
        Err(problem) => {
            return served.limits.stranger(from).within().err().unwrap_or(problem).into_response();
        }
    };
    let mut response = match rate.within() {
        Ok(()) => {
            if let Some(connection) = request.extensions().get::<Connection>() {
                connection.sign_in(asker.estate.actor().id);
            }
            request.extensions_mut().insert(asker);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    };
    response.extensions_mut().insert(rate);
    response
}

impl AppState {
    /// The session of whoever has that secret, and through whose eyes it looks.
    async fn asker(
        &self,
        secret: Secret,
        seen: Result<Option<UserId>, Error>,
    ) -> Result<CurrentUser, Problem> {
        let sessions = Arc::clone(&self.sessions);
        let open = move || {
            let local = sessions.open(&secret)?;
            let estate = match seen? {
                Some(user) => sessions.seen_by(&secret, &local, user)?,
                None => local,
            };
            Ok(CurrentUser { estate })
        };
        match tokio::task::spawn_blocking(open).await {
            Ok(asker) => asker.map_err(|error: Error| error.into()),
            Err(panic) => Err(Problem::internal_error(&panic)),
        }
    }
}
