//! Query parameters: each known, each once, each with its own complaint; and the cursors of lists.

use axum::Json;
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::problem::Problem;

/// The most rows of one answer, and how many where nobody says.
const MOST: usize = 1_000;
const USUAL: usize = 100;

/// A page of a list, and where the next one is (RFC 8288).
pub(super) fn page(request: &Parts, body: Value) -> Response {
    let next = body["next_cursor"].as_str().map(|cursor| {
        let kept: Vec<(String, String)> = Query::<Vec<(String, String)>>::try_from_uri(&request.uri)
            .map(|Query(pairs)| pairs.into_iter().filter(|(name, _)| name != "cursor").collect())
            .unwrap_or_default();
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(kept).append_pair("cursor", cursor);
        format!("<{}?{}>; rel=\"next\"", request.uri.path(), query.finish())
    });
    let mut response = Json(body).into_response();
    if let Some(next) = next.and_then(|next| HeaderValue::from_str(&next).ok()) {
        response.headers_mut().insert(header::LINK, next);
    }
    response
}

/// What a path names: text, or the answer that there is no such place.
pub(super) struct Named(pub(super) Result<String, Problem>);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let named = Path::<String>::from_request_parts(parts, state).await;
        Ok(Self(named.map(|Path(name)| name).map_err(|_| Problem::nowhere())))
    }
}

/// Where a list stood has gone meanwhile: there is no going on.
pub(super) fn cursor_gone() -> estate::Error {
    estate::Error::invalid("cursor", "where it stood is not there any more; begin without one")
}

/// The parameters of a request.
pub(super) struct Params(Vec<(String, String)>);

/// Refuses parameters where there are none.
pub(super) fn none(request: &Parts) -> Result<(), Problem> {
    Params::read(request, &[]).map(|_| ())
}

impl Params {
    /// Reads them; one that is not known is refused, because whoever sent it meant something by it.
    pub(super) fn read(request: &Parts, known: &[&str]) -> Result<Self, Problem> {
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(&request.uri)
            .map_err(|e| Problem::parameter("query", e.body_text()))?;
        Self::of(pairs, known)
    }

    /// The same, however they came.
    pub(super) fn of(pairs: Vec<(String, String)>, known: &[&str]) -> Result<Self, Problem> {
        for (at, (name, _)) in pairs.iter().enumerate() {
            let shown = estate::text::clean(name);
            if !known.contains(&name.as_str()) {
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                return Err(Problem::parameter(&shown, format!("no such parameter; there are {known}")));
            }
            if pairs[..at].iter().any(|(other, _)| other == name) {
                return Err(Problem::parameter(&shown, "given twice"));
            }
        }
        Ok(Self(pairs))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// How many rows are wanted.
    pub(super) fn limit(&self) -> Result<usize, Problem> {
        let Some(text) = self.get("limit") else { return Ok(USUAL) };
        let limit = text.parse().ok().filter(|limit| (1..=MOST).contains(limit));
        limit.ok_or_else(|| Problem::parameter("limit", format!("must be 1 to {MOST}")))
    }

    /// One of two words.
    pub(super) fn flag(&self, name: &str, usual: bool) -> Result<bool, Problem> {
        match self.get(name) {
            None => Ok(usual),
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(_) => Err(Problem::parameter(name, "must be true or false")),
        }
    }

    /// What the list is of: a cursor is good for the same list only.
    fn list(&self) -> String {
        let mut asked: Vec<_> = self
            .0
            .iter()
            .filter(|(name, _)| !["cursor", "limit", "count", "fields"].contains(&name.as_str()))
            .collect();
        asked.sort();
        let hash = Sha256::digest(serde_json::to_string(&asked).unwrap_or_default());
        hash[..8].iter().map(|b| format!("{b:02x}")).collect()
    }

    /// Where the last answer ended, if there was one.
    pub(super) fn cursor<T: DeserializeOwned + Serialize>(&self) -> Result<Option<T>, Problem> {
        let Some(text) = self.get("cursor") else { return Ok(None) };
        let bad = |why: &str| Problem::parameter("cursor", why);
        let read = BASE64_URL_SAFE_NO_PAD.decode(text).ok();
        let read = read.and_then(|json| estate::json::from_slice::<(String, T)>(&json).ok());
        let (list, at) = read.ok_or_else(|| bad("is none of ours; begin without one"))?;
        if list == self.list() { Ok(Some(at)) } else { Err(bad("is of another list; begin without one")) }
    }

    /// A cursor that goes on from there.
    pub(super) fn next(&self, at: &impl Serialize) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(&(self.list(), at)).unwrap_or_default())
    }
}
