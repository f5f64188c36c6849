//! What comes with a request: JSON of a known shape, read whole or refused with the place that is
//! wrong.

use axum::body::{Bytes, HttpBody as _};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use estate::json::{MUST_BE_OBJECT, find_array_for_object};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::asker::CurrentUser;
use super::problem::Problem;
use super::streams::Streams;
use super::{AppState, PATIENCE};

/// What is no large body.
pub(super) const SMALL: usize = 256 * 1024;
/// How many large ones a user may be sending at a time: each lies in memory until it is whole.
const AT_ONCE: usize = 4;

/// Marks a request whose body may be large.
#[derive(Clone, Copy)]
pub(super) struct Large;

/// A body of JSON.
pub(super) struct Sent<T>(pub(super) T);

impl<T: DeserializeOwned + Serialize> FromRequest<AppState> for Sent<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, served: &AppState) -> Result<Self, Problem> {
        must_be(request.headers(), "application/json")?;
        Ok(Self(read(&whole(request, served).await?)?))
    }
}

/// Refuses a body of another kind than is read here.
pub(super) fn must_be(headers: &HeaderMap, wanted: &str) -> Result<(), Problem> {
    let coded = headers.get(header::CONTENT_ENCODING).filter(|coding| *coding != "identity");
    if coded.is_some() {
        let why = "send it as it is, not compressed";
        return Err(unsupported_type("content-encoding", why));
    }
    let given =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = given.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case(wanted) {
        return Ok(());
    }
    Err(unsupported_type("content-type", format!("send {wanted}")))
}

fn unsupported_type(header: &str, why: impl Into<String>) -> Problem {
    Problem::header(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", header, why)
}

/// The bytes of a body, as many as are taken.
pub(super) async fn whole(request: Request, served: &AppState) -> Result<Bytes, Problem> {
    let small = request.body().size_hint().upper().is_some_and(|most| most <= SMALL as u64);
    let large = !small && request.extensions().get::<Large>().is_some();
    let asker = request.extensions().get::<CurrentUser>().filter(|_| large);
    let room = asker.map(|asker| Streams::begin(&served.bodies, asker.estate.actor().id, AT_ONCE));
    let _room = room.transpose()?;
    let broken = || Problem::body(StatusCode::BAD_REQUEST, "", "the body broke off, or took too long");
    let read = tokio::time::timeout(PATIENCE, Bytes::from_request(request, served)).await;
    read.map_err(|_| broken())?.map_err(|rejected| match rejected.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::body(StatusCode::PAYLOAD_TOO_LARGE, "", "the body is larger than is taken here")
        }
        _ => broken(),
    })
}

/// Reads JSON of a known shape; what is wrong in it is named by its place (RFC 6901).
pub(super) fn read<T: DeserializeOwned + Serialize>(bytes: &[u8]) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let read: T = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let mut pointer = pointer(error.path());
        let why = estate::text::clean(&error.into_inner().to_string()).into_owned();
        // What is not there has no place of its own yet.
        let missing = why.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
        if let Some(name) = missing {
            pointer.push_str(&format!("/{name}"));
        }
        // What is no JSON at all has no shape either.
        json(bytes).map_or_else(
            |broken| broken,
            |_| Problem::body(StatusCode::UNPROCESSABLE_ENTITY, &pointer, why),
        )
    })?;
    reader.end().map_err(|_| Problem::body(StatusCode::BAD_REQUEST, "", "something follows the JSON"))?;
    match find_array_for_object(bytes, &read).map_err(|e| Problem::internal_error(&e))? {
        None => Ok(read),
        Some(pointer) => {
            let pointer = estate::text::clean(&pointer);
            Err(Problem::body(StatusCode::UNPROCESSABLE_ENTITY, &pointer, MUST_BE_OBJECT))
        }
    }
}

/// Reads JSON of any shape.
pub(super) fn json(bytes: &[u8]) -> Result<Json, Problem> {
    let wrong = |error: serde_json::Error| Problem::body(StatusCode::BAD_REQUEST, "", error.to_string());
    serde_json::from_slice(bytes).map_err(wrong)
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let step = |segment: &Segment| match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } | Segment::Enum { variant: key } => {
            format!("/{}", estate::text::clean(key).replace('~', "~0").replace('/', "~1"))
        }
        Segment::Unknown => String::new(),
    };
    path.iter().map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_place_in_a_body_is_named() {
        #[derive(Debug, serde::Deserialize, Serialize)]
        struct Body {
            rows: Vec<u8>,
        }
        let object = |text: &str| read::<Body>(text.as_bytes()).expect_err(text).object("/", "1");
        let wrong = object(r#"{"rows": [1, "two"]}"#);
        assert_eq!((&wrong["status"], &wrong["errors"][0]["pointer"]), (&422.into(), &"/rows/1".into()));
        assert_eq!(object("{")["status"], 400);
        let missing = object("{}");
        assert_eq!(
            (&missing["status"], &missing["errors"][0]["pointer"]),
            (&422.into(), &"/rows".into())
        );
        assert_eq!(object(r#"{"rows": []} more"#)["status"], 400);
        let array = object("[[1]]");
        assert_eq!((&array["status"], &array["errors"][0]["pointer"]), (&422.into(), &"".into()));
    }
}
