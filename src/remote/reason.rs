//! Reasons for failures of a connection, in words.

use reqwest::StatusCode;

/// The innermost reason: what a person can do something about.
pub(super) fn reason(error: &reqwest::Error) -> String {
    let mut inner: &dyn std::error::Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    if error.is_timeout() {
        "it does not answer".into()
    } else {
        estate::text::clean(&inner.to_string()).into_owned()
    }
}

/// What answers like anything but a simdeck server.
pub(super) const NO_SIMDECK: &str = "what answers there is no simdeck server";

/// What answers with a status and nothing that could be a problem.
pub(super) fn strange(status: StatusCode) -> String {
    if status.is_server_error() {
        format!("it answers with {status}")
    } else {
        format!("{NO_SIMDECK} ({status})")
    }
}
