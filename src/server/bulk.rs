//! What a change of many SIMs is asked for by: which SIMs, under which key, and how it is known
//! again.

use axum::http::{HeaderMap, StatusCode};
use estate::limits::LIST_ENTRIES;
use estate::{CancelToken, Change, Error, Estate, Filter, List, Local, Query, Rev, SimId, Target, Time};
use sha2::{Digest, Sha256};

use super::problem::Problem;
use super::shapes::{Bulk, OnConflict, Selector};
use super::{AppState, accounts, body};

/// The longest key.
const KEY: usize = 128;

/// The SIMs that are named one by one; one that is not there is an error.
fn target_named(
    local: &Local,
    selector: &Selector,
    top: Query,
    cancel: &CancelToken,
) -> estate::Result<Option<Target>> {
    let many =
        [&selector.iccids, &selector.ids].into_iter().flatten().any(|named| named.len() > LIST_ENTRIES);
    if many {
        return Err(Error::invalid("selector", format!("names more than {LIST_ENTRIES} SIMs")));
    }
    if let Some(iccids) = &selector.iccids {
        let found = local.lookup(&List::of(iccids.iter().cloned()), cancel)?;
        let unknown = found.unknown.first().map(|unknown| Error::not_found("SIM", unknown.clone()));
        return unknown.map_or_else(|| Ok(Some(Target::ids(found.found))), Err);
    }
    let Some(ids) = &selector.ids else { return Ok(None) };
    let unknown = |id: &str| Error::not_found("SIM", estate::text::clean(id));
    let number = |id: &String| id.strip_prefix("sim_")?.parse().ok().map(SimId);
    let numbers: Vec<SimId> =
        ids.iter().map(|id| number(id).ok_or_else(|| unknown(id))).collect::<estate::Result<_>>()?;
    let seen = local.selected_among(&Target::query(top), &numbers, cancel)?;
    match numbers.iter().zip(ids).find(|(number, _)| !seen.contains(number)) {
        Some((_, id)) => Err(unknown(id)),
        None => Ok(Some(Target::ids(numbers))),
    }
}

/// Which SIMs a selector means: those named are looked for now, what a filter fits when the change
/// is made.
fn target(local: &Local, bulk: Bulk<'_>, cancel: &CancelToken) -> estate::Result<Target> {
    let tree = local.accounts(cancel)?;
    let top = Query::all(tree.top().ok_or_else(|| Error::not_found("account", ""))?.id, Time::now());
    let selector = bulk.selector;
    let wrong = || {
        let why = "give iccids, ids, a filter that is not empty, or all: true; one of them";
        Error::invalid("selector", why)
    };
    let given = [
        selector.iccids.is_some(),
        selector.ids.is_some(),
        selector.filter.is_some(),
        selector.all.is_some(),
    ];
    if given.iter().filter(|given| **given).count() != 1 || selector.all == Some(false) {
        return Err(wrong());
    }
    let target = match (target_named(local, selector, top.clone(), cancel)?, &selector.filter) {
        (Some(target), _) => target,
        (None, Some(filter)) => {
            let filter = Filter::parse(filter)?;
            if filter == Filter::All {
                return Err(wrong());
            }
            Target::query(Query { filter, ..top })
        }
        (None, None) => Target::query(top),
    };
    let within =
        bulk.if_account_id.map(|id| accounts::need(&tree, id)).transpose()?.map(|account| account.id);
    Ok(Target { whole: bulk.on_conflict == OnConflict::Fail, within, ..target })
}

/// Makes a change of what was sent, as things are seen now.
type Make = Box<dyn FnOnce(&Local, &CancelToken) -> estate::Result<Change> + Send>;

/// What is asked for: a change as it is made of the body, and how it is to be done.
pub(super) struct OperationRequest {
    pub(super) route: &'static str,
    pub(super) dry_run: bool,
    pub(super) expect: Option<u64>,
    /// What was sent, to know it again.
    pub(super) body: Vec<u8>,
    pub(super) make: Make,
}

impl OperationRequest {
    pub(super) fn of<T: Send + 'static>(
        route: &'static str,
        sent: T,
        bulk: fn(&T) -> Bulk<'_>,
        bytes: Vec<u8>,
        change: fn(&T, Target, &Local, &CancelToken) -> estate::Result<Change>,
    ) -> Self {
        let Bulk { dry_run, expect_count, .. } = bulk(&sent);
        let make = Box::new(move |local: &Local, cancel: &CancelToken| {
            let target = target(local, bulk(&sent), cancel)?;
            change(&sent, target, local, cancel)
        });
        Self { route, dry_run, expect: expect_count, body: bytes, make }
    }

    /// The change as it is to be made when its turn comes, and what it would do now; another number
    /// of SIMs than whoever asks expects is refused here, and then.
    pub(super) fn plan_operation(
        self,
        local: &Local,
        cancel: &CancelToken,
    ) -> estate::Result<(Change, estate::Plan)> {
        let mut change = (self.make)(local, cancel)?;
        // What others change meanwhile is changed like the rest: whoever asks has seen no SIM as it
        // was.
        if let Some(target) = change.target_mut().filter(|_| self.expect.is_some()) {
            (target.expect, target.at) = (self.expect, Rev::MAX);
        }
        let plan = local.plan(&change, cancel)?;
        Ok((change, plan))
    }
}

/// A body, and what it is known again by, however it is written.
pub(super) struct Known<T>(pub(super) T, pub(super) Vec<u8>);

impl<T: serde::de::DeserializeOwned + serde::Serialize> axum::extract::FromRequest<AppState>
    for Known<T>
{
    type Rejection = Problem;

    async fn from_request(request: axum::extract::Request, served: &AppState) -> Result<Self, Problem> {
        body::must_be(request.headers(), "application/json")?;
        let bytes = body::whole(request, served).await?;
        let sent = body::read(&bytes)?;
        let known = Sha256::digest(body::json(&bytes)?.to_string()).to_vec();
        Ok(Self(sent, known))
    }
}

/// The key of a request (draft-ietf-httpapi-idempotency-key-header): a structured-field string, or
/// the bare form.
pub(super) fn key(headers: &HeaderMap) -> Result<String, Problem> {
    let bad = |code, why| Problem::header(StatusCode::BAD_REQUEST, code, "idempotency-key", why);
    let Some(given) = headers.get("idempotency-key") else {
        return Err(bad("key-missing", "make one up, a UUID say: sent again with it, it is done once"));
    };
    let text = given.to_str().unwrap_or_default().trim();
    let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let plain = (1..=KEY).contains(&bare.len())
        && bare.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\');
    if plain { Ok(bare.to_owned()) } else { Err(bad("invalid", "must be 1 to 128 visible characters")) }
}
