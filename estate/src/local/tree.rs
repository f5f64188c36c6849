//! Changes to the accounts themselves: what each needs beyond the role, and what it does.

use serde_json::{Value as Json, json};

use crate::account::check_new_account_name;
use crate::change::Change;
use crate::edit::line;
use crate::error::{Error, Result};
use crate::help::Help;
use crate::ids::AccountId;
use crate::limits::{self, ACCOUNT_DEPTH};
use crate::local::record::{ApplyContext, LogRecord};
use crate::notify::{Channel, channel_of};
use crate::period::PeriodRule;
use crate::store::read::View;
use crate::store::{accounts, outbox, people};
use crate::units::MAX_BYTES;
use crate::user::User;

/// Admins manage the accounts below their own; only the root's Admins manage the root itself.
pub(super) fn own_to_manage(view: &View<'_>, account: AccountId) -> Result<()> {
    let found = view.accounts.need(account)?;
    if found.parent.is_none() && !view.whole {
        return Err(Error::Conflict("your own account is managed by the account above it".into()));
    }
    Ok(())
}

pub(super) fn may_hang(view: &View<'_>, account: AccountId, under: AccountId) -> Result<()> {
    view.accounts.need(under)?;
    if view.accounts.need(account)?.parent.is_none() {
        return Err(Error::Conflict("your own account cannot be moved".into()));
    }
    if view.accounts.is_under(under, account) {
        return Err(Error::Conflict("an account cannot be moved under itself".into()));
    }
    let own = view.accounts.need(account)?.depth;
    let tall = view.accounts.subtree(account).iter().map(|a| a.depth - own).max().unwrap_or(0);
    too_deep(view, under, usize::from(tall))?;
    check_addresses(view, account, under)
}

/// Refuses a move into another top-level customer where an address would become that of two users.
///
/// A mover who sees two customers sees the root account, and so both users.
fn check_addresses(view: &View<'_>, account: AccountId, under: AccountId) -> Result<()> {
    let customer = people::customer_of(view.session, under)?;
    // Below the root account it becomes a customer of its own.
    let is_root = view.accounts.need(under)?.parent.is_none() && customer == under;
    if is_root || customer == people::customer_of(view.session, account)? {
        return Ok(());
    }
    for pair in people::namesakes(view.session)? {
        let [moved, other] = pair.accounts;
        if !view.accounts.is_under(moved, account) || view.accounts.is_under(other, account) {
            continue;
        }
        if people::customer_of(view.session, other)? == customer {
            return Err(Error::Conflict(format!(
                "{} would be two users of one customer: in {} and {}; remove one of them first",
                pair.email,
                view.accounts.path(moved),
                view.accounts.path(other)
            )));
        }
    }
    Ok(())
}

/// Refuses what would hang too far below `parent`; what this user does not see above counts too.
pub(super) fn too_deep(view: &View<'_>, parent: AccountId, below: usize) -> Result<()> {
    if accounts::depth(view.session, parent)? + 1 + below > ACCOUNT_DEPTH {
        return Err(Error::Conflict(format!("accounts are at most {ACCOUNT_DEPTH} levels deep")));
    }
    Ok(())
}

pub(super) fn add_account(run: &ApplyContext<'_>, parent: AccountId, name: &str) -> Result<LogRecord> {
    insert_account(run, parent, &check_new_account_name(name)?)
}

/// Makes an account under a name that has been checked, or that was an account's before.
fn insert_account(run: &ApplyContext<'_>, parent: AccountId, name: &str) -> Result<LogRecord> {
    run.view.accounts.need(parent)?;
    too_deep(run.view, parent, 0)?;
    let id = accounts::insert(run.session, Some(parent), name, run.rev, run.now)?;
    Ok(LogRecord::accounts("add-account", json!({ "parent": parent.0, "name": name }), vec![id, parent]))
}

pub(super) fn rename_account(
    run: &ApplyContext<'_>,
    account: AccountId,
    name: &str,
) -> Result<LogRecord> {
    put_name(run, account, &check_new_account_name(name)?)
}

/// Gives an account a name that has been checked, or that was its own before.
pub(super) fn put_name(run: &ApplyContext<'_>, account: AccountId, name: &str) -> Result<LogRecord> {
    own_to_manage(run.view, account)?;
    let from = run.view.accounts.need(account)?.name.clone();
    accounts::rename(run.session, account, name, run.rev)?;
    Ok(LogRecord::accounts("rename-account", json!({ "from": from, "to": name }), vec![account]))
}

/// An account and what lies below it, as far as this user sees.
pub(super) fn below(view: &View<'_>, account: AccountId) -> Result<Vec<i64>> {
    view.accounts.need(account)?;
    Ok(view.accounts.subtree(account).iter().map(|a| a.id.0).collect())
}

/// Users say for themselves whether they want mail. Whether an address belongs to someone elsewhere
/// is not told.
pub(super) fn may_add(view: &View<'_>, account: AccountId, address: &str) -> Result<(Channel, String)> {
    view.accounts.need(account)?;
    let (channel, address) = channel_of(address)?;
    let same = |u: &User| u.email.to_lowercase() == address.to_lowercase();
    if channel == Channel::Mail && view.users(None)?.iter().any(same) {
        return Err(Error::Conflict(format!(
            "{address} is a user's address: they choose themselves, with simdeck profile --alerts on"
        )));
    }
    Ok((channel, address))
}

pub(super) fn add_external(
    run: &ApplyContext<'_>,
    account: AccountId,
    address: &str,
) -> Result<LogRecord> {
    let (channel, address) = may_add(run.view, account, address)?;
    outbox::add_external(run.session, account, channel, &address)?;
    Ok(LogRecord::accounts("add-external", json!({ "address": address }), vec![account]))
}

/// The rule that the log speaks of.
pub(super) fn rule_of(said: &Json) -> Option<PeriodRule> {
    serde_json::from_value(said.clone()).ok()
}

pub(super) fn set_period(
    run: &ApplyContext<'_>,
    account: AccountId,
    rule: Option<PeriodRule>,
) -> Result<LogRecord> {
    own_to_manage(run.view, account)?;
    let from = run.view.accounts.need(account)?.own_period;
    accounts::set_period(run.session, account, rule, run.rev)?;
    Ok(LogRecord::accounts("period", json!({ "from": from, "to": rule }), vec![account]))
}

/// Whether an account, and what lies below it, has caps and alerts at all is for those above it to
/// say.
pub(super) fn set_entitlement(run: &ApplyContext<'_>, account: AccountId, on: bool) -> Result<LogRecord> {
    own_to_manage(run.view, account)?;
    let found = run.view.accounts.need(account)?;
    if found.parent.is_none() {
        return Err(Error::Conflict("at the root caps and alerts are always on".into()));
    }
    if found.own_levels == on {
        return Err(Error::Conflict(format!("they are {} there already", if on { "on" } else { "off" })));
    }
    accounts::set_entitlement(run.session, account, on, run.rev)?;
    Ok(LogRecord::accounts("entitlement", json!({ "on": on }), vec![account]))
}

/// A ceiling can only be lower than the one above, which nobody below lifts.
pub(super) fn may_cap(view: &View<'_>, account: AccountId, ceiling: Option<u64>) -> Result<()> {
    own_to_manage(view, account)?;
    let found = view.accounts.need(account)?;
    if ceiling.is_some_and(|bytes| bytes == 0 || bytes > MAX_BYTES) {
        return Err(Error::invalid("ceiling", "must be a size such as 500MB, or none"));
    }
    if found.own_ceiling == ceiling {
        return Err(Error::Conflict("that is its ceiling already".into()));
    }
    let above = found.ceiling.filter(|c| c.from != Some(account));
    match (ceiling, above) {
        (Some(bytes), Some(above)) if bytes >= above.bytes => Err(Error::Conflict(format!(
            "caps are held to {} already: only a lower ceiling changes anything",
            view.accounts.ceiling_said(above)
        ))),
        _ => Ok(()),
    }
}

pub(super) fn set_ceiling(
    run: &ApplyContext<'_>,
    account: AccountId,
    ceiling: Option<u64>,
) -> Result<LogRecord> {
    may_cap(run.view, account, ceiling)?;
    let from = run.view.accounts.need(account)?.own_ceiling;
    accounts::set_ceiling(run.session, account, ceiling, run.rev)?;
    Ok(LogRecord::accounts(Change::CEILING, json!({ "from": from, "to": ceiling }), vec![account]))
}

/// A reference in another system: one line, and whoever manages the account says it.
pub(super) fn may_refer(view: &View<'_>, account: AccountId, reference: &str) -> Result<String> {
    own_to_manage(view, account)?;
    line(reference, "reference", limits::NAME)
}

pub(super) fn set_reference(
    run: &ApplyContext<'_>,
    account: AccountId,
    reference: &str,
) -> Result<LogRecord> {
    let reference = may_refer(run.view, account, reference)?;
    let from = run.view.accounts.need(account)?.reference.clone();
    accounts::set_reference(run.session, account, &reference)?;
    Ok(LogRecord::accounts("reference", json!({ "from": from, "to": reference }), vec![account]))
}

/// What the users below see is for the Admins of the account itself to say.
pub(super) fn set_help(
    run: &ApplyContext<'_>,
    account: AccountId,
    help: Option<&Help>,
) -> Result<LogRecord> {
    run.view.accounts.need(account)?;
    let help = help.map(Help::validate).transpose()?;
    let from = accounts::help(run.session, account)?;
    accounts::set_help(run.session, account, help.as_ref())?;
    Ok(LogRecord::accounts("help", json!({ "from": from, "to": help }), vec![account]))
}

pub(super) fn move_account(
    run: &ApplyContext<'_>,
    account: AccountId,
    under: AccountId,
) -> Result<LogRecord> {
    may_hang(run.view, account, under)?;
    let moved = run.view.accounts.need(account)?;
    let from = moved.parent.unwrap_or(account);
    accounts::hang(run.session, account, under, &moved.name, run.rev)?;
    let body = json!({ "under": under.0, "from": from.0, "name": moved.name });
    Ok(LogRecord::accounts(Change::MOVE_ACCOUNT, body, vec![account, under, from]))
}

/// Makes a deleted account again, under a number of its own, with what was set on it.
pub(super) fn restore_account(run: &ApplyContext<'_>, gone: &Json) -> Result<LogRecord> {
    let parent = AccountId(gone["parent"].as_i64().unwrap_or_default());
    let done = insert_account(run, parent, gone["name"].as_str().unwrap_or_default())?;
    if let Some(id) = done.account {
        accounts::set_period(run.session, id, rule_of(&gone["period"]), run.rev)?;
        accounts::set_entitlement(run.session, id, gone["levels"] != Json::Bool(false), run.rev)?;
        accounts::set_ceiling(run.session, id, gone["ceiling"].as_u64(), run.rev)?;
        accounts::set_reference(run.session, id, gone["reference"].as_str().unwrap_or_default())?;
        let help = serde_json::from_value::<Help>(gone["help"].clone()).ok();
        accounts::set_help(run.session, id, help.as_ref())?;
        for address in gone["externals"].as_array().into_iter().flatten().filter_map(Json::as_str) {
            let (channel, address) = channel_of(address)?;
            outbox::add_external(run.session, id, channel, &address)?;
        }
    }
    Ok(done)
}

pub(super) fn delete_account(run: &ApplyContext<'_>, account: AccountId) -> Result<LogRecord> {
    own_to_manage(run.view, account)?;
    let gone = run.view.accounts.need(account)?;
    let parent =
        gone.parent.ok_or_else(|| Error::Conflict("the root account cannot be deleted".into()))?;
    let externals: Vec<String> =
        outbox::externals(run.session, account)?.into_iter().map(|external| external.address).collect();
    let help = accounts::help(run.session, account)?;
    accounts::delete(run.session, account)?;
    let body = json!({ "reference": gone.reference, "help": help, "externals": externals, "parent": parent.0, "name": gone.name, "period": gone.own_period,
                       "levels": gone.own_levels, "ceiling": gone.own_ceiling });
    Ok(LogRecord { account: None, ..LogRecord::accounts("delete-account", body, vec![parent]) })
}
