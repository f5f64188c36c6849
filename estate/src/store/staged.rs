//! Rows on their way into the staging table: where their paths lead, which columns they have, duplicates.

use std::collections::HashMap;

use rusqlite::params;

use super::Session;
use crate::account::{AccountId, Accounts};
use crate::error::{Error, Result};
use crate::import::{ImportField, Note, Notes, OnDuplicate, Parsed, Source};
use crate::text;

/// Where the paths of a file lead, existing or to be made.
pub(super) struct Paths<'a> {
    known: &'a Accounts,
    under: AccountId,
    may_create: bool,
    by_path: HashMap<Vec<String>, i64>,
    /// The same as the file spells them.
    by_names: HashMap<Vec<String>, i64>,
    /// Accounts by parent and folded name.
    children: HashMap<(i64, String), i64>,
    pub new: Vec<(i64, i64, String)>,
}

impl<'a> Paths<'a> {
    pub fn new(known: &'a Accounts, under: AccountId, may_create: bool) -> Self {
        let (by_path, by_names, new) = (HashMap::new(), HashMap::new(), Vec::new());
        Self { known, under, may_create, by_path, by_names, children: children(known), new }
    }

    /// The account for a path below `under`; a path that begins with the top's own name means the same.
    fn resolve(&mut self, names: &[String]) -> Result<i64> {
        if let Some(id) = self.by_names.get(names) {
            return Ok(*id);
        }
        let id = self.resolve_anew(names)?;
        self.by_names.insert(names.to_vec(), id);
        Ok(id)
    }

    fn resolve_anew(&mut self, names: &[String]) -> Result<i64> {
        let keys: Vec<String> = names.iter().map(|name| text::fold(name)).collect();
        if let Some(id) = self.by_path.get(&keys) {
            return Ok(*id);
        }
        let own = self.known.get(self.under).map(|a| text::fold(&a.name));
        let skip = usize::from(own.is_some() && keys.first() == own.as_ref());
        let mut at = self.under.0;
        for (depth, name) in names.iter().enumerate().skip(skip) {
            let key = keys[..=depth].to_vec();
            at = match self.by_path.get(&key) {
                Some(id) => *id,
                None => self.step(at, name, &keys[depth])?,
            };
            self.by_path.insert(key, at);
        }
        self.by_path.insert(keys, at);
        Ok(at)
    }

    fn step(&mut self, parent: i64, name: &str, key: &str) -> Result<i64> {
        if let Some(id) = self.children.get(&(parent, key.to_owned())) {
            return Ok(*id);
        }
        if !self.may_create {
            return Err(Error::invalid("account", format!("there is no account {name}")));
        }
        let id = -(self.new.len() as i64) - 1;
        self.new.push((id, parent, name.to_owned()));
        self.children.insert((parent, key.to_owned()), id);
        Ok(id)
    }
}

fn children(known: &Accounts) -> HashMap<(i64, String), i64> {
    known.all().iter().filter_map(|a| Some(((a.parent?.0, text::fold(&a.name)), a.id.0))).collect()
}

/// The columns of `sim` that a file's header speaks of.
pub(super) fn columns(source: &Source<'_, Parsed>) -> Vec<&'static str> {
    use ImportField as F;
    let all: [(F, &[&'static str]); 20] = [
        (F::Imsi, &["imsi"]),
        (F::Msisdn, &["msisdn"]),
        (F::Eid, &["eid"]),
        (F::Imei, &["imei"]),
        (F::Label, &["label", "label_key"]),
        (F::Account, &["account_id"]),
        (F::Status, &["lifecycle", "suspended", "managed"]),
        (F::Session, &["in_session"]),
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
    ];
    let mut columns: Vec<&'static str> = all
        .iter()
        .filter(|(field, _)| source.mapping().has(*field))
        .flat_map(|(_, c)| c.iter().copied())
        .collect();
    if source.mapping().has(F::Recipients) {
        columns.push("recipients");
    }
    columns
}

/// Stages one row; false when it is refused.
pub(super) fn stage(
    session: &Session,
    line: u64,
    row: &Parsed,
    paths: &mut Paths<'_>,
    on_duplicate: OnDuplicate,
    notes: &mut Notes<'_>,
) -> Result<bool> {
    let mut refuse = |column: &str, value: &str, reason: String| {
        notes(Note { line, column: column.into(), value: value.into(), reason, refused: true });
        Ok(false)
    };
    let account = match paths.resolve(&row.account) {
        Ok(account) => account,
        Err(error) => return refuse("Account", &row.account.join(" / "), error.to_string()),
    };
    let key = row.iccid.key();
    if put(session, line, row, &key, account)? {
        return Ok(true);
    }
    let sql = "SELECT line FROM temp.stage WHERE iccid_key = ?";
    let first: i64 = session.prepare_cached(sql)?.query_row([&key], |r| r.get(0))?;
    match on_duplicate {
        OnDuplicate::Skip => refuse("ICCID", row.iccid.as_str(), format!("is on line {first} already")),
        OnDuplicate::Fail => Err(Error::Conflict(format!("line {line} has the ICCID of line {first}"))),
        OnDuplicate::Update => {
            session.execute("DELETE FROM temp.stage WHERE iccid_key = ?", [&key])?;
            put(session, line, row, &key, account)
        }
    }
}

/// Writes one row into the staging table; false when its ICCID is there already.
fn put(session: &Session, line: u64, row: &Parsed, key: &str, account: i64) -> Result<bool> {
    let reversed: String = row.iccid.as_str().chars().rev().collect();
    let sql = "INSERT OR IGNORE INTO temp.stage VALUES (?,0,NULL,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
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
        text::fold(&row.label),
        account,
        row.lifecycle as i64,
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
    ])?;
    Ok(written > 0)
}
