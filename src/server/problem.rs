//! Failures as RFC 9457 problems: every one of them, with a stable type and a way out.

use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use estate::Error;
use serde_json::{Value as Json, json};

use super::error_pointer::{self, ErrorPointer};
use super::problem_codes;
use crate::wire::ErrorBody;

/// What of a request is at fault.
#[derive(Debug, Clone)]
enum At {
    Parameter(String),
    /// What the estate calls it, and the column where it is a filter; where it stands the request
    /// tells.
    Field(&'static str),
    Header(String),
    /// A place in the body (RFC 6901).
    Pointer(String),
}

/// Why a request was not answered as it was asked.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    /// The parameter at fault, and where in it.
    at: Option<Box<(At, Option<usize>)>>,
    /// What else the failure says, for a screen that makes the same error of it again.
    fault: Option<Box<ErrorBody>>,
    /// When it may be tried again, in seconds.
    again: Option<u64>,
    /// The tag of what is there now.
    tag: Option<Box<str>>,
    /// What is for the log only.
    pub(super) cause: Option<String>,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        debug_assert!(problem_codes::is_known(code), "{code} is not described");
        Self {
            status,
            code,
            detail: detail.into(),
            at: None,
            fault: None,
            again: None,
            tag: None,
            cause: None,
        }
    }

    /// A parameter of the request is wrong.
    pub(super) fn parameter(name: &str, why: impl Into<String>) -> Self {
        Self {
            at: Some(Box::new((At::Parameter(name.to_owned()), None))),
            ..Self::new(StatusCode::BAD_REQUEST, "invalid", format!("{name}: {}", why.into()))
        }
    }

    pub(super) fn nowhere() -> Self {
        Self::new(StatusCode::NOT_FOUND, "no-such-route", "there is nothing at this address")
    }

    pub(super) fn method() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method-not-allowed",
            "the header Allow names the methods",
        )
    }

    /// The body is no JSON, or not the kind of it that is wanted; `pointer` is where (RFC 6901).
    pub(super) fn body(status: StatusCode, pointer: &str, why: impl Into<String>) -> Self {
        let code = match status {
            StatusCode::PAYLOAD_TOO_LARGE => "too-large",
            StatusCode::UNSUPPORTED_MEDIA_TYPE => "unsupported-media-type",
            StatusCode::UNPROCESSABLE_ENTITY => "unprocessable",
            _ => "invalid",
        };
        Self {
            at: Some(Box::new((At::Pointer(pointer.to_owned()), None))),
            ..Self::new(status, code, why)
        }
    }

    /// A header has to be there, or is not what it has to be.
    pub(super) fn header(
        status: StatusCode,
        code: &'static str,
        name: &str,
        why: impl Into<String>,
    ) -> Self {
        Self { at: Some(Box::new((At::Header(name.to_owned()), None))), ..Self::new(status, code, why) }
    }

    /// It was changed since; `tag` is that of now.
    pub(super) fn stale(tag: String) -> Self {
        let why = "it has been changed since: look again, then change it";
        Self {
            tag: Some(tag.into()),
            ..Self::header(StatusCode::PRECONDITION_FAILED, "stale", "if-match", why)
        }
    }

    /// Something was asked too often.
    pub(super) fn too_many(seconds: u64) -> Self {
        Error::TooMany { seconds }.into()
    }

    pub(super) fn not_signed_in() -> Self {
        let how = "not signed in, or not any more: send an API token or a session, Authorization: Bearer simdeck_…";
        Self::new(StatusCode::UNAUTHORIZED, "not-signed-in", how)
    }

    pub(super) fn slow() -> Self {
        let why = "it took too long: narrow the filter, ask for fewer rows, or try again when less is being changed";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "too-slow", why)
    }

    /// It was stopped by whoever made it, or by somebody for them.
    pub(super) fn cancelled_problem() -> Self {
        Self::new(StatusCode::CONFLICT, "cancelled", Error::Cancelled.to_string())
    }

    pub(super) fn not_ready(cause: &impl ToString) -> Self {
        let problem =
            Self::new(StatusCode::SERVICE_UNAVAILABLE, "not-ready", "the store cannot be read now");
        Self { cause: Some(cause.to_string()), ..problem }
    }

    pub(super) fn internal_error(cause: &impl ToString) -> Self {
        let why =
            "it failed in a way nobody expected; the server's log says more under this request's id";
        let problem = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "unexpected", why);
        Self { cause: Some(cause.to_string()), ..problem }
    }

    /// What is wrong, in a sentence.
    pub(super) fn detail(&self) -> &str {
        &self.detail
    }

    /// Whether it is that failure.
    pub(super) fn is(&self, error: &Error) -> bool {
        self.code == error.code()
    }

    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    fn title(&self) -> &'static str {
        match self.status {
            StatusCode::BAD_REQUEST => "The request is wrong",
            StatusCode::UNAUTHORIZED => "Not signed in",
            StatusCode::FORBIDDEN => "Not permitted",
            StatusCode::NOT_FOUND => "No such thing",
            StatusCode::METHOD_NOT_ALLOWED => "Not this method",
            StatusCode::CONFLICT => "The estate stands otherwise",
            StatusCode::PRECONDITION_FAILED => "It was changed since",
            StatusCode::PRECONDITION_REQUIRED => "Say which state is meant",
            StatusCode::PAYLOAD_TOO_LARGE => "Too large",
            StatusCode::UNSUPPORTED_MEDIA_TYPE => "Not this media type",
            StatusCode::UNPROCESSABLE_ENTITY => "The body does not fit",
            StatusCode::TOO_MANY_REQUESTS => "Too many requests",
            StatusCode::SERVICE_UNAVAILABLE => "Not now",
            _ => "It failed",
        }
    }

    /// The same, once it is known what was asked: what was wrong in a body is no wrong parameter.
    pub(super) fn with_place(mut self, method: &Method, route: &str) -> Self {
        if let Some((at, _)) = self.at.as_deref_mut()
            && let At::Field(field) = at
        {
            *at = match error_pointer::of(method, route, field) {
                ErrorPointer::Parameter(name) => At::Parameter(name.to_owned()),
                ErrorPointer::Pointer(pointer) => At::Pointer(pointer),
            };
            if matches!(at, At::Pointer(_)) {
                self.status = StatusCode::UNPROCESSABLE_ENTITY;
            }
        }
        self
    }

    /// The problem as an object (RFC 9457 §3), with what its error says as further members.
    pub(super) fn object(&self, path: &str, request_id: &str) -> Json {
        let mut body = json!({
            "type": format!("/problems/{}", self.code), "title": self.title(), "status": self.status.as_u16(),
            "detail": self.detail, "instance": path, "code": self.code, "request_id": request_id,
        });
        if let Some(Json::Object(said)) =
            self.fault.as_ref().and_then(|fault| serde_json::to_value(fault).ok())
            && let Some(body) = body.as_object_mut()
        {
            for (name, value) in said {
                body.entry(name).or_insert(value);
            }
        }
        if let Some((at, column)) = self.at.as_deref() {
            let (kind, name) = match at {
                At::Parameter(name) => ("parameter", name.as_str()),
                At::Field(name) => ("parameter", *name),
                At::Header(name) => ("header", name.as_str()),
                At::Pointer(pointer) => ("pointer", pointer.as_str()),
            };
            let mut error = json!({ kind: name, "code": self.code, "detail": self.detail });
            if let Some(column) = column {
                error["column"] = json!(column);
            }
            body["errors"] = json!([error]);
        }
        body
    }

    /// The answer, once it is known what was asked.
    pub(super) fn answer(&self, path: &str, request_id: &str) -> Response {
        let body = self.object(path, request_id);
        let mut response = (self.status, body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(tag) = self.tag.as_deref().and_then(|tag| HeaderValue::from_str(tag).ok()) {
            headers.insert(header::ETAG, tag);
        }
        let again = self.again.or_else(|| (self.status == StatusCode::SERVICE_UNAVAILABLE).then_some(1));
        if let Some(seconds) = again {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl IntoResponse for Problem {
    /// What is around every request writes it down, when it knows the request's name.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let status = match &error {
            Error::Invalid { .. } | Error::Ambiguous { .. } | Error::Filter { .. } => {
                StatusCode::BAD_REQUEST
            }
            Error::NotFound { .. } => StatusCode::NOT_FOUND,
            Error::SignedOut => return Self::not_signed_in(),
            Error::WrongPassword | Error::CodeNeeded | Error::AccountNeeded(_) => {
                StatusCode::UNAUTHORIZED
            }
            Error::Denied { .. } | Error::RootOnly | Error::ReadOnly | Error::NotByToken => {
                StatusCode::FORBIDDEN
            }
            Error::Drift { .. } | Error::Conflict(_) => StatusCode::CONFLICT,
            Error::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
            Error::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Error::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Error::Cancelled => return Self::slow(),
            // Paths and the database's own words are for whoever runs the server.
            _ => return Self::internal_error(&error),
        };
        let hint =
            error.hint().filter(|_| matches!(error, Error::NotFound { .. } | Error::Filter { .. }));
        let detail = hint.map_or_else(|| error.to_string(), |hint| format!("{error}; {hint}"));
        let at = match &error {
            Error::Filter { column, .. } => Some((At::Field("filter"), Some(*column))),
            Error::Invalid { field, .. } => Some((At::Field(field), None)),
            _ => None,
        };
        let again = if let Error::TooMany { seconds } = &error { Some(*seconds) } else { None };
        let fault = Some(Box::new(ErrorBody::of(&error)));
        Self { at: at.map(Box::new), fault, again, ..Self::new(status, error.code(), detail) }
    }
}
