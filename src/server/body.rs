//! What comes with a request: JSON of a known shape, read whole or refused with the place that is wrong.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;

use super::PATIENCE;
use super::problem::Problem;

/// A body of JSON.
pub(super) struct Sent<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Sent<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        must_be(request.headers(), "application/json")?;
        Ok(Self(read(&whole(request, state).await?)?))
    }
}

/// Refuses a body of another kind than is read here.
pub(super) fn must_be(headers: &HeaderMap, wanted: &str) -> Result<(), Problem> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = given.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case(wanted) {
        return Ok(());
    }
    let why = format!("send {wanted}");
    Err(Problem::header(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "content-type", why))
}

/// The bytes of a body, as many as are taken.
pub(super) async fn whole<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    let broken = || Problem::body(StatusCode::BAD_REQUEST, "", "the body broke off, or took too long");
    let read = tokio::time::timeout(PATIENCE, Bytes::from_request(request, state)).await;
    read.map_err(|_| broken())?.map_err(|rejected| match rejected.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::body(StatusCode::PAYLOAD_TOO_LARGE, "", "the body is larger than is taken here")
        }
        _ => broken(),
    })
}

/// Reads JSON; what is wrong in it is named by its place (RFC 6901).
pub(super) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let read = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let pointer = pointer(error.path());
        let error = error.into_inner();
        let status = if error.is_data() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::BAD_REQUEST };
        Problem::body(status, &pointer, estate::text::clean(&error.to_string()).into_owned())
    })?;
    reader
        .end()
        .map_err(|_| Problem::body(StatusCode::BAD_REQUEST, "", "something follows the JSON"))
        .map(|()| read)
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
        #[derive(Debug, serde::Deserialize)]
        #[expect(dead_code, reason = "only read")]
        struct Body {
            rows: Vec<u8>,
        }
        let object = |text: &str| read::<Body>(text.as_bytes()).expect_err(text).object("/", "1");
        let wrong = object(r#"{"rows": [1, "two"]}"#);
        assert_eq!((&wrong["status"], &wrong["errors"][0]["pointer"]), (&422.into(), &"/rows/1".into()));
        assert_eq!(object("{")["status"], 400);
        assert_eq!(object(r#"{"rows": []} more"#)["status"], 400);
    }
}
