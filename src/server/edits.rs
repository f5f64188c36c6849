//! Changes of one object: merge patches (RFC 7396), and the tag of the state they are meant for
//! (RFC 9110 §13.1.1).

use std::cell::RefCell;

use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::Response;
use estate::{CancelToken, Change, ChangeId, Error, Local, Receipt};
use serde_json::{Map, Value};

use super::asker::CurrentUser;
use super::params::{self, Named};
use super::problem::Problem;
use super::{AppState, body, going, tag_of, tagged_response};

/// A merge patch that is being read: what is taken from it, and what is left over.
pub(super) struct Patch {
    rest: Map<String, Value>,
    taken: usize,
}

fn wrong(name: &str, why: &str) -> Problem {
    let name = name.replace('~', "~0").replace('/', "~1");
    Problem::body(StatusCode::UNPROCESSABLE_ENTITY, &format!("/{name}"), why)
}

impl Patch {
    /// Reads one; what it is meant for has to be said with it.
    pub(super) fn read(request: &Parts, bytes: &[u8]) -> Result<Self, Problem> {
        body::must_be(&request.headers, "application/merge-patch+json").or_else(|problem| {
            body::must_be(&request.headers, "application/json").map_err(|_| problem)
        })?;
        let rest = body::read(bytes)?;
        need_tag(request)?;
        Ok(Self { rest, taken: 0 })
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        let found = self.rest.remove(name);
        self.taken += usize::from(found.is_some());
        found
    }

    /// A text; null is the empty one.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, Problem> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(String::new())),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(wrong(name, "must be a text or null")),
        }
    }

    /// A text that has to be one.
    pub(super) fn name(&mut self, name: &str) -> Result<Option<String>, Problem> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(wrong(name, "must be a text")),
        }
    }

    /// One of some words.
    pub(super) fn word(&mut self, name: &str, words: &[&str]) -> Result<Option<String>, Problem> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) if words.contains(&text.as_str()) => Ok(Some(text)),
            Some(_) => Err(wrong(name, &format!("must be one of {}", words.join(", ")))),
        }
    }

    /// Yes or no.
    pub(super) fn flag(&mut self, name: &str) -> Result<Option<bool>, Problem> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(_) => Err(wrong(name, "must be true or false")),
        }
    }

    /// A number of bytes; null, and 0, are none.
    pub(super) fn bytes(&mut self, name: &str) -> Result<Option<u64>, Problem> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(0)),
            Some(value) => {
                let bytes = value.as_u64().filter(|bytes| *bytes <= i64::MAX.unsigned_abs());
                bytes.map(Some).ok_or_else(|| wrong(name, "must be a number of bytes or null"))
            }
        }
    }

    /// A list of texts, whole; null is the empty one.
    pub(super) fn texts(&mut self, name: &str) -> Result<Option<Vec<String>>, Problem> {
        let bad = || wrong(name, "must be a list of texts or null");
        match self.take(name) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(Vec::new())),
            Some(Value::Array(items)) => {
                let texts = items.iter().map(|item| item.as_str().map(str::to_owned));
                texts.collect::<Option<_>>().map(Some).ok_or_else(bad)
            }
            Some(_) => Err(bad()),
        }
    }

    /// Whether anything of these names is there.
    pub(super) fn has(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.rest.contains_key(*name))
    }

    /// Refuses what is left over, and more at once than is one change.
    pub(super) fn finish(self, most: usize) -> Result<(), Problem> {
        if let Some(name) = self.rest.keys().next() {
            return Err(wrong(&estate::text::clean(name), "no such field, or it cannot be changed here"));
        }
        if self.taken > most {
            let why = "these are changes of their own: send one at a time";
            return Err(Problem::body(StatusCode::UNPROCESSABLE_ENTITY, "", why));
        }
        Ok(())
    }
}

/// The tags a change is meant for.
fn parse_if_match(request: &Parts) -> impl Iterator<Item = &str> {
    let given = request.headers.get_all(header::IF_MATCH).iter().filter_map(|value| value.to_str().ok());
    given.flat_map(|value| value.split(',')).map(str::trim)
}

/// Refuses a change that does not say which state it is meant for.
fn need_tag(request: &Parts) -> Result<(), Problem> {
    let is_tag = |tag: &str| {
        let tag = tag.strip_prefix("W/").unwrap_or(tag);
        tag == "*" || tag.len() >= 2 && tag.starts_with('"') && tag.ends_with('"')
    };
    if !request.headers.contains_key(header::IF_MATCH) {
        let why = "send the ETag of what you have seen, or * for whatever it is";
        return Err(Problem::header(
            StatusCode::PRECONDITION_REQUIRED,
            "precondition-required",
            "if-match",
            why,
        ));
    }
    if parse_if_match(request).all(is_tag) {
        return Ok(());
    }
    let why = "an ETag stands in quotes: send it as it came";
    Err(Problem::header(StatusCode::BAD_REQUEST, "invalid", "if-match", why))
}

/// Whether an object is still what a change is meant for.
fn same(request: &Parts, object: &Value) -> Result<(), Problem> {
    let tag = tag_of(object);
    // A weak tag never matches here (RFC 9110 §13.1.1).
    if parse_if_match(request).any(|known| known == tag || known == "*") {
        return Ok(());
    }
    Err(Problem::stale(tag))
}

/// Makes a change of an object, if that is still what whoever asks has seen.
pub(super) type Make<'a> = dyn Fn(&Change) -> estate::Result<Receipt> + 'a;

/// Changes an object that is what whoever asks has seen: that is looked at before, and again once
/// nobody else can change it.
fn as_seen(
    request: &Parts,
    local: &Local,
    id: &str,
    look: Look,
    cancel: &CancelToken,
    change: impl FnOnce(&Make<'_>) -> estate::Result<()>,
) -> estate::Result<Result<(), Problem>> {
    let seen = || Ok::<_, Error>(same(request, &look(local, id, cancel)?));
    if let Err(stale) = seen()? {
        return Ok(Err(stale));
    }
    let stale = RefCell::new(None);
    let still = || {
        seen()?.map_err(|problem| {
            stale.replace(Some(problem));
            Error::Conflict("it was changed meanwhile".into())
        })
    };
    let made = change(&|change: &Change| {
        local.apply_as_seen(&ChangeId::new(), change, &|_| going(cancel), &still)
    });
    stale.take().map_or_else(|| made.map(Ok), |stale| Ok(Err(stale)))
}

/// Looks at an object by its name: what has the tag.
pub(super) type Look = fn(&Local, &str, &CancelToken) -> estate::Result<Value>;

impl AppState {
    /// Gives one object, with its tag.
    pub(super) async fn one(
        &self,
        asker: &CurrentUser,
        id: Named,
        request: &Parts,
        look: Look,
    ) -> Result<Response, Problem> {
        params::none(request)?;
        let id = id.0?;
        let found = self.work(asker, move |local, cancel| look(local, &id, cancel)).await?;
        Ok(tagged_response(request, &found))
    }

    /// Changes one object as whoever asks saw it; what they want is read before anything is looked
    /// at.
    pub(super) async fn apply_conditionally<M: Send + 'static>(
        &self,
        asker: &CurrentUser,
        id: Named,
        request: Request,
        read: impl FnOnce(Patch) -> Result<M, Problem>,
        look: Look,
        make: impl FnOnce(&Local, &str, M, &Make<'_>) -> estate::Result<()> + Send + 'static,
    ) -> Result<Response, Problem> {
        let (parts, body) = request.into_parts();
        params::none(&parts)?;
        let id = id.0?;
        let body = body::whole(Request::from_parts(parts.clone(), body), self).await?;
        let wanted = read(Patch::read(&parts, &body)?)?;
        let asked = parts.clone();
        let changed = move |local: &Local, cancel: &CancelToken| {
            let made =
                as_seen(&asked, local, &id, look, cancel, |apply| make(local, &id, wanted, apply))?;
            made.map_or_else(|stale| Ok(Err(stale)), |()| look(local, &id, cancel).map(Ok))
        };
        Ok(tagged_response(&parts, &self.write(asker, changed).await??))
    }

    /// Takes one object away as whoever asks saw it.
    pub(super) async fn remove_conditionally(
        &self,
        asker: &CurrentUser,
        id: Named,
        request: Parts,
        look: Look,
        change: impl FnOnce(&Local, &str, &CancelToken) -> estate::Result<Change> + Send + 'static,
    ) -> Result<StatusCode, Problem> {
        params::none(&request)?;
        let id = id.0?;
        need_tag(&request)?;
        let removed = move |local: &Local, cancel: &CancelToken| {
            as_seen(&request, local, &id, look, cancel, |apply| {
                apply(&change(local, &id, cancel)?).map(drop)
            })
        };
        self.write(asker, removed).await??;
        Ok(StatusCode::NO_CONTENT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(json: &str) -> Patch {
        Patch { rest: serde_json::from_str(json).expect("JSON"), taken: 0 }
    }

    #[test]
    fn a_patch_says_what_changes_null_takes_away_and_what_is_left_over_is_refused() {
        let mut read = patch(r#"{"label": null, "tags": ["a"], "cap_bytes": 5, "on": true}"#);
        assert_eq!(read.text("label").expect("label"), Some(String::new()));
        assert_eq!(read.text("notes").expect("notes"), None);
        assert_eq!(read.texts("tags").expect("tags"), Some(vec!["a".to_owned()]));
        assert_eq!(read.bytes("cap_bytes").expect("cap"), Some(5));
        assert_eq!(read.flag("on").expect("flag"), Some(true));
        assert!(read.finish(4).is_ok());
        for (json, pointer) in [
            (r#"{"a/b": 1}"#, "/a~1b"),
            (r#"{"label": 5}"#, "/label"),
            (r#"{"cap_bytes": -1}"#, "/cap_bytes"),
            (r#"{"cap_bytes": 1.5}"#, "/cap_bytes"),
            (r#"{"tags": [1]}"#, "/tags"),
            (r#"{"role": "king"}"#, "/role"),
        ] {
            let mut read = patch(json);
            let failed = read
                .text("label")
                .and_then(|_| read.bytes("cap_bytes"))
                .and_then(|_| read.texts("tags"))
                .and_then(|_| read.word("role", &["user"]))
                .and_then(|_| read.finish(9))
                .expect_err(json);
            assert_eq!(failed.object("/", "1")["errors"][0]["pointer"], pointer, "{json}");
        }
        let mut two = patch(r#"{"name": "a", "reference": "b"}"#);
        let _ = (two.text("name"), two.text("reference"));
        assert!(two.finish(1).is_err());
    }
}
