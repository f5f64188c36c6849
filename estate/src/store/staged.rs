//! Rows on their way into the staging table: where their paths lead, which columns they have,
//! duplicates.

use std::collections::HashMap;

use rusqlite::params;

use crate::account::{Accounts, check_new_account_name};
use crate::error::{Error, Result};
use crate::ids::AccountId;
use crate::import::options::{Note, NoteSink, OnDuplicate};
use crate::import::{ImportField, Mapping, SimRow};
use crate::limits::{ACCOUNT_DEPTH, TAG};
use crate::sim::Verb;
use crate::store::connection::Database;
use crate::text;

/// Where the paths of a file lead, existing or to be made.
pub(super) struct Paths<'a> {
    known: &'a Accounts,
    under: AccountId,
    /// Levels from the root of the estate down to `under`.
    depth: usize,
    may_create: bool,
    by_path: HashMap<Vec<String>, i64>,
    /// The same as the file spells them.
    by_names: HashMap<Vec<String>, i64>,
    /// Accounts by parent and case-folded name.
    children: HashMap<(i64, String), i64>,
    pub new: Vec<(i64, i64, String)>,
}

impl<'a> Paths<'a> {
    /// `known` begins at the root of the estate: only its Admins import.
    pub fn new(known: &'a Accounts, under: AccountId, may_create: bool) -> Self {
        let depth = known.get(under).map_or(0, |account| usize::from(account.depth));
        let (by_path, by_names, new) = (HashMap::new(), HashMap::new(), Vec::new());
        Self { known, under, may_create, depth, by_path, by_names, children: children(known), new }
    }

    /// The account for a path below `under`; a path that begins with the top's own name means the
    /// same.
    fn resolve(&mut self, names: &[String]) -> Result<i64> {
        if let Some(id) = self.by_names.get(names) {
            return Ok(*id);
        }
        let id = self.resolve_anew(names)?;
        self.by_names.insert(names.to_vec(), id);
        Ok(id)
    }

    fn resolve_anew(&mut self, names: &[String]) -> Result<i64> {
        let keys: Vec<String> = names.iter().map(|name| text::case_fold(name)).collect();
        if let Some(id) = self.by_path.get(&keys) {
            return Ok(*id);
        }
        let own = self.known.get(self.under).map(|a| text::case_fold(&a.name));
        let skip = usize::from(own.is_some() && keys.first() == own.as_ref());
        let mut at = self.under.0;
        for (depth, name) in names.iter().enumerate().skip(skip) {
            let key = keys[..=depth].to_vec();
            at = match self.by_path.get(&key) {
                Some(id) => *id,
                None => self.step(at, name, &keys[depth], self.depth + 1 + depth - skip)?,
            };
            self.by_path.insert(key, at);
        }
        self.by_path.insert(keys, at);
        Ok(at)
    }

    /// The account of that name below `parent`, `depth` levels below the root; made if there is
    /// none.
    fn step(&mut self, parent: i64, name: &str, key: &str, depth: usize) -> Result<i64> {
        if let Some(id) = self.children.get(&(parent, key.to_owned())) {
            return Ok(*id);
        }
        if !self.may_create {
            return Err(Error::invalid("account", format!("there is no account {name}")));
        }
        if depth > ACCOUNT_DEPTH {
            return Err(Error::invalid(
                "account",
                format!("accounts are at most {ACCOUNT_DEPTH} levels deep"),
            ));
        }
        let name = check_new_account_name(name)?;
        let id = -(self.new.len() as i64) - 1;
        self.new.push((id, parent, name));
        self.children.insert((parent, key.to_owned()), id);
        Ok(id)
    }
}

fn children(known: &Accounts) -> HashMap<(i64, String), i64> {
    known.all().iter().filter_map(|a| Some(((a.parent?.0, text::case_fold(&a.name)), a.id.0))).collect()
}

/// The columns of `sim` that a file's header speaks of.
pub(super) fn columns(mapping: &Mapping) -> Vec<&'static str> {
    use ImportField as F;
    let all: [(F, &[&'static str]); 24] = [
        (F::Imsi, &["imsi"]),
        (F::Msisdn, &["msisdn"]),
        (F::Eid, &["eid"]),
        (F::Imei, &["imei"]),
        (F::Label, &["label", "label_key", "label_sort"]),
        (F::Account, &["account_id"]),
        (F::Status, &["lifecycle", "suspended", "managed"]),
        (F::Session, &["in_session"]),
        (F::Authentication, &["auth"]),
        (F::Desired, &["desired"]),
        (F::CapReturnsAt, &["back_cap", "back_alert", "back_at"]),
        (F::Network, &["network"]),
        (F::Tariff, &["tariff"]),
        (F::Used, &["used"]),
        (F::Cap, &["cap"]),
        (F::Alert, &["alert"]),
        (F::HardCap, &["hard_cap"]),
        (F::AsOf, &["usage_as_of"]),
        (F::Seen, &["seen"]),
        (F::Activated, &["activated"]),
        (F::Tags, &["tags"]),
        (F::Categories, &["categories"]),
        (F::Notes, &["notes"]),
        (F::Recipients, &["recipients"]),
    ];
    let has = |(field, _): &&(F, &[&'static str])| mapping.has(*field);
    all.iter().filter(has).flat_map(|(_, columns)| columns.iter().copied()).collect()
}

/// Stages one row; false when it is refused.
pub(super) fn stage(
    session: &Database,
    line: u64,
    row: &SimRow,
    paths: &mut Paths<'_>,
    on_duplicate: OnDuplicate,
    notes: &mut NoteSink<'_>,
) -> Result<bool> {
    let mut refuse = |column: &str, value: &str, reason: String| {
        notes(Note { line, column: column.into(), value: value.into(), reason, refused: true });
        Ok(false)
    };
    let account = match paths.resolve(&row.account) {
        Ok(account) => account,
        // The column says what the reason is about.
        Err(Error::Invalid { reason, .. }) => return refuse("Account", &row.account.join(" / "), reason),
        Err(error) => return refuse("Account", &row.account.join(" / "), error.to_string()),
    };
    for (column, list) in [("Tags", &row.tags), ("Categories", &row.categories)] {
        if let Some(long) = list.split('\n').find(|name| name.chars().count() > TAG) {
            let start: String = long.chars().take(TAG).chain(['…']).collect();
            return refuse(column, &start, format!("longer than {TAG} characters"));
        }
    }
    let key = row.iccid.key();
    if insert_row(session, line, row, &key, account)? {
        return Ok(true);
    }
    let sql = "SELECT line FROM temp.stage WHERE iccid_key = ?";
    let first: i64 = session.prepare_cached(sql)?.query_row([&key], |r| r.get(0))?;
    match on_duplicate {
        OnDuplicate::Skip => refuse("ICCID", row.iccid.as_str(), format!("is on line {first} already")),
        OnDuplicate::Fail => Err(Error::Conflict(format!("line {line} has the ICCID of line {first}"))),
        OnDuplicate::Update => {
            session.execute("DELETE FROM temp.stage WHERE iccid_key = ?", [&key])?;
            insert_row(session, line, row, &key, account)
        }
    }
}

/// Lifecycle of a row whose status is empty: a known SIM keeps its state, a new one becomes
/// inactive.
pub(super) const NO_STATE: i64 = -1;

/// Returns the code by which `sim.desired` keeps a change that was asked for.
fn desired_code(verb: Option<Verb>) -> i64 {
    match verb {
        None => 0,
        Some(Verb::Activate | Verb::Resume) => 1,
        Some(Verb::Suspend) => 2,
        Some(Verb::Terminate) => 3,
    }
}

/// Writes one row into the staging table; false when its ICCID is there already.
fn insert_row(session: &Database, line: u64, row: &SimRow, key: &str, account: i64) -> Result<bool> {
    let label_key = text::fold(&row.label);
    let reversed: String = row.iccid.as_str().chars().rev().collect();
    let sql = "INSERT OR IGNORE INTO temp.stage VALUES \
        (?,0,NULL,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
    let raise = row.raise.map_or((-1, 0, 0), |(cap, alert, at)| (cap as i64, alert as i64, at));
    let written = session.prepare_cached(sql)?.execute(params![
        line as i64,
        row.iccid.as_str(),
        key,
        reversed,
        row.imsi,
        row.msisdn,
        row.eid,
        row.imei,
        row.label,
        label_key,
        text::natural_key(&label_key),
        account,
        row.lifecycle.map_or(NO_STATE, |lifecycle| lifecycle as i64),
        row.suspended,
        row.managed,
        row.gate as i64,
        row.in_session,
        row.network,
        row.tariff,
        row.used as i64,
        row.cap as i64,
        row.alert as i64,
        row.hard_cap,
        row.as_of,
        row.seen,
        row.activated,
        row.tags,
        row.categories,
        row.notes,
        row.recipients,
        row.authentication,
        desired_code(row.desired),
        raise.0,
        raise.1,
        raise.2,
    ])?;
    Ok(written > 0)
}
