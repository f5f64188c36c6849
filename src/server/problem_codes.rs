//! The codes of problems: each stays what it is.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::html::{escape_html, html};
use super::params::Named;
use super::problem::Problem;

/// Each code, the statuses it comes with, and what to do about it.
pub(super) const CODES: [(&str, &str, &str); 29] = [
    (
        "account-needed",
        "401",
        "The password is right, and the address is a user of several accounts: `accounts`. Send `account` too.",
    ),
    ("ambiguous", "400, 422", "A name fits several; `candidates` are they. Say which."),
    (
        "bad-filter",
        "400, 422",
        "The filter cannot be read from `column` on; `suggestion` is the nearest word.",
    ),
    ("busy", "503", "Another program is writing to the store. Try again after `Retry-After`."),
    ("cancelled", "409", "It was stopped; nothing was changed."),
    ("code-needed", "401", "There is a second factor: send `code` too."),
    ("conflict", "409", "As things stand it cannot be; `detail` says why."),
    (
        "drift",
        "409",
        "Another number of SIMs is meant than expected: `expected` and `found`. Look again, then confirm.",
    ),
    (
        "invalid",
        "400, 422",
        "A parameter, a header or a place in the body breaks a rule; `errors` names it.",
    ),
    ("key-missing", "400", "Send an `Idempotency-Key`: with it the same request is done once."),
    (
        "key-reused",
        "422",
        "That key, or that number of a change, stands for something else. Make up another.",
    ),
    ("method-not-allowed", "405", "`Allow` names the methods there are."),
    ("no-such-route", "404", "There is nothing at this address."),
    ("not-by-token", "403", "This is a person's own: sign in, a token does not do it."),
    ("not-found", "404", "It is not there, as far as you can know. `candidates` may be meant."),
    ("not-permitted", "403", "Your role does not allow it; `need` is what is needed."),
    ("not-ready", "503", "The store cannot be read now."),
    (
        "not-signed-in",
        "401",
        "Send a token or a session that is good: `Authorization: Bearer simdeck_…`.",
    ),
    ("precondition-required", "428", "Send `If-Match` with the `ETag` of what you have seen."),
    ("read-only", "403", "The token, or the server, only reads."),
    ("root-only", "403", "Only Admins of the root account may."),
    ("stale", "412", "It was changed since; `ETag` is that of now. Look again, then change it."),
    ("too-large", "413", "The body is larger than is taken here."),
    ("too-many-requests", "429", "Wait for `Retry-After`."),
    (
        "too-slow",
        "503",
        "It took too long and was given up; what was to change has not. Narrow the filter, ask for fewer rows, or try again when less is being changed.",
    ),
    (
        "unexpected",
        "500",
        "It failed in a way nobody expected; the server's log says more under `request_id`.",
    ),
    ("unprocessable", "422", "The body is JSON of another shape; `errors` names the place."),
    ("unsupported-media-type", "415", "Send the media type that is named."),
    ("wrong-credentials", "401", "The address, the password or the code is wrong; which is not said."),
];

/// Whether it is one of them.
pub(super) fn is_known(code: &str) -> bool {
    CODES.iter().any(|row| row.0 == code)
}

/// What a problem's type says, for people who follow it.
pub(super) async fn one(code: Named) -> Result<Response, Problem> {
    let code = code.0?;
    let (code, status, about) =
        CODES.into_iter().find(|row| row.0 == code).ok_or_else(Problem::nowhere)?;
    let body = format!(
        "<p>{}<p>Status {}. <a href=\"/docs#problems\">All problems</a>",
        super::docs::prose(about),
        escape_html(status)
    );
    Ok(html(StatusCode::OK, code, &body).into_response())
}
