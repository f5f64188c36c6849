//! Where the fields that an error of the estate names stand in what was sent.

use axum::http::Method;

/// A parameter, or a place in a body (RFC 6901).
pub(super) enum ErrorPointer {
    Parameter(&'static str),
    Pointer(String),
}

/// What the API calls it, and where it is.
pub(super) fn of(method: &Method, route: &str, field: &'static str) -> ErrorPointer {
    if ![Method::POST, Method::PUT, Method::PATCH].contains(method) {
        // The command line says columns.
        return ErrorPointer::Parameter(if field == "columns" { "fields" } else { field });
    }
    let operation = route.starts_with("/v1/operations/");
    // Of what the program itself sends the field's own name says more than any place.
    if !operation
        && !["sims", "accounts", "users", "sessions", "links"].iter().any(|of| within(route, of))
    {
        return ErrorPointer::Pointer(String::new());
    }
    let name = match (route, field) {
        (_, "filter") if operation => "selector/filter",
        (_, "iccid" | "list") if operation && !route.ends_with("sim-edits") => "selector",
        ("/v1/operations/sim-edits", "list") => "remove_tags",
        ("/v1/operations/sim-edits", "tag") => "add_tags",
        ("/v1/operations/sim-edits", "category") => "add_categories",
        ("/v1/operations/sim-edits", "email") => "add_recipients",
        ("/v1/sims/{id}", "tag" | "list") => "tags",
        ("/v1/sims/{id}", "category") => "categories",
        ("/v1/sims/{id}", "email") => "recipients",
        (_, "cap") => "cap_bytes",
        (_, "alert") => "alert_bytes",
        (_, "ceiling") => "cap_ceiling_bytes",
        (_, "until") => "until_period_end",
        (_, "period") => "billing_period",
        (_, "why") => "reason",
        (_, "columns") => "fields",
        (_, "levels" | "edit") => return ErrorPointer::Pointer(String::new()),
        (_, other) => other,
    };
    ErrorPointer::Pointer(format!("/{name}"))
}

fn within(route: &str, what: &str) -> bool {
    route
        .strip_prefix("/v1/")
        .and_then(|rest| rest.strip_prefix(what))
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_named_as_it_was_sent() {
        let of = |method: Method, route: &str, field| match of(&method, route, field) {
            ErrorPointer::Parameter(name) => format!("?{name}"),
            ErrorPointer::Pointer(pointer) => pointer,
        };
        assert_eq!(of(Method::GET, "/v1/sims", "columns"), "?fields");
        assert_eq!(of(Method::POST, "/v1/sims/query", "filter"), "/filter");
        assert_eq!(of(Method::POST, "/v1/operations/sim-moves", "filter"), "/selector/filter");
        assert_eq!(of(Method::POST, "/v1/operations/sim-states", "why"), "/reason");
        assert_eq!(of(Method::PATCH, "/v1/sims/{id}", "email"), "/recipients");
        assert_eq!(of(Method::POST, "/v1/users", "email"), "/email");
        assert_eq!(of(Method::POST, "/v1/ask", "email"), "");
    }
}
