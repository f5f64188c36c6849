//! Failures as RFC 9457 problems: every one of them, with a stable type and a way out.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use estate::Error;
use serde_json::json;

/// Why a request was not answered as it was asked.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    /// The parameter at fault, and where in it.
    at: Option<(String, Option<usize>)>,
    /// What is for the log only.
    pub(super) cause: Option<String>,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), at: None, cause: None }
    }

    /// A parameter of the request is wrong.
    pub(super) fn parameter(name: &str, why: impl Into<String>) -> Self {
        Self { at: Some((name.to_owned(), None)), ..Self::new(StatusCode::BAD_REQUEST, "invalid", why) }
    }

    pub(super) fn nowhere() -> Self {
        Self::new(StatusCode::NOT_FOUND, "no-such-route", "there is nothing at this address")
    }

    pub(super) fn method() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "only GET and HEAD are answered here")
    }

    pub(super) fn unsigned() -> Self {
        let how = "send an API token: Authorization: Bearer simdeck_…";
        Self::new(StatusCode::UNAUTHORIZED, "not-signed-in", how)
    }

    pub(super) fn slow() -> Self {
        let why = "it took too long; narrow the filter or ask for fewer rows";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "too-slow", why)
    }

    pub(super) fn not_ready(cause: &impl ToString) -> Self {
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "not-ready", "the store cannot be read now");
        Self { cause: Some(cause.to_string()), ..problem }
    }

    pub(super) fn unexpected(cause: &impl ToString) -> Self {
        let why = "it failed in a way nobody expected; the server's log says more under this request's id";
        let problem = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "unexpected", why);
        Self { cause: Some(cause.to_string()), ..problem }
    }

    fn title(&self) -> &'static str {
        match self.status {
            StatusCode::BAD_REQUEST => "The request is wrong",
            StatusCode::UNAUTHORIZED => "Not signed in",
            StatusCode::FORBIDDEN => "Not permitted",
            StatusCode::NOT_FOUND => "No such thing",
            StatusCode::METHOD_NOT_ALLOWED => "Not this method",
            StatusCode::CONFLICT => "The estate stands otherwise",
            StatusCode::SERVICE_UNAVAILABLE => "Not now",
            _ => "It failed",
        }
    }

    /// The answer, once it is known what was asked.
    pub(super) fn answer(&self, path: &str, request_id: &str) -> Response {
        let mut body = json!({
            "type": format!("/problems/{}", self.code), "title": self.title(), "status": self.status.as_u16(),
            "detail": self.detail, "instance": path, "code": self.code, "request_id": request_id,
        });
        if let Some((name, column)) = &self.at {
            let mut error = json!({ "parameter": name, "code": self.code, "detail": self.detail });
            if let Some(column) = column {
                error["column"] = json!(column);
            }
            body["errors"] = json!([error]);
        }
        let mut response = (self.status, body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
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
            Error::Invalid { .. } | Error::Ambiguous { .. } | Error::Filter { .. } => StatusCode::BAD_REQUEST,
            Error::NotFound { .. } => StatusCode::NOT_FOUND,
            Error::SignedOut => return Self::unsigned(),
            Error::Denied { .. } | Error::RootOnly | Error::ReadOnly | Error::NotByToken => {
                StatusCode::FORBIDDEN
            }
            Error::Drift { .. } | Error::Conflict(_) => StatusCode::CONFLICT,
            Error::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Error::Cancelled => return Self::slow(),
            // Paths and the database's own words are for whoever runs the server.
            _ => return Self::unexpected(&error),
        };
        let hint = error.hint().filter(|_| matches!(error, Error::NotFound { .. } | Error::Filter { .. }));
        let detail = hint.map_or_else(|| error.to_string(), |hint| format!("{error}; {hint}"));
        let at = match &error {
            Error::Filter { column, .. } => Some(("filter".to_owned(), Some(*column))),
            // The command line says columns.
            Error::Invalid { field: "columns", .. } => Some(("fields".to_owned(), None)),
            Error::Invalid { field, .. } => Some(((*field).to_owned(), None)),
            _ => None,
        };
        Self { at, ..Self::new(status, error.code(), detail) }
    }
}
