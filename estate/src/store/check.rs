//! `store check`: pages, references, counts, indexes and the hash chain of the log.

use rusqlite::Connection;

use super::inherited::{Of, fill_ceilings, unreachable_accounts};
use super::log::LogRow;
use super::people;
use crate::change::LogHead;
use crate::error::Result;
use crate::store::connection::Database;

/// Everything that is wrong with a store, in words; empty when it is sound.
pub(crate) fn check(session: &Database) -> Result<Vec<String>> {
    let mut faults: Vec<String> = list(session, "PRAGMA integrity_check(20)")?;
    faults.retain(|line| line != "ok");
    if !faults.is_empty() {
        return Ok(faults);
    }
    faults.extend(
        list(session, "SELECT \"table\" || ' row ' || rowid || ' refers to nothing in ' || parent FROM pragma_foreign_key_check")?,
    );
    faults.extend(list(
        session,
        "SELECT 'account ' || a.id || ' says ' || a.sims || ' SIMs and has ' || ifnull(c.n, 0) FROM account a \
         LEFT JOIN (SELECT account_id, count(*) AS n FROM sim GROUP BY 1) c ON c.account_id = a.id \
         WHERE a.sims <> ifnull(c.n, 0)",
    )?);
    faults.extend(list(
        session,
        "SELECT 'SIM ' || id || ' has a version that no change gave it' FROM sim \
         WHERE version > (SELECT ifnull(max(rev), 0) FROM log) LIMIT 20",
    )?);
    let unreachable = unreachable_accounts(session)?.into_iter().take(20);
    faults.extend(unreachable.map(|id| format!("account {id} hangs from nothing")));
    faults.extend(list(
        session,
        "WITH said(kind, name, sim_id) AS (\
         SELECT 0, j.value, s.id FROM sim s, json_each(list_keys(s.tags)) j WHERE s.tags <> '' UNION ALL \
         SELECT 1, j.value, s.id FROM sim s, json_each(list_keys(s.categories)) j WHERE s.categories <> '') \
         SELECT 'the tag index and the tags of SIM ' || sim_id || ' differ' FROM \
         (SELECT * FROM (SELECT * FROM said EXCEPT SELECT * FROM sim_tag) \
         UNION ALL SELECT * FROM (SELECT * FROM sim_tag EXCEPT SELECT * FROM said)) LIMIT 20",
    )?);
    fill_ceilings(session, &Of::All)?;
    faults.extend(list(
        session,
        &format!(
            "SELECT 'SIM ' || s.id || ' has a cap above the ceiling of its account' FROM sim s \
             JOIN temp.ceiling c ON c.account_id = s.account_id WHERE {} LIMIT 20",
            super::ceilings::over(&super::sql::Sql::new("c.bytes")).text
        ),
    )?);
    faults.extend(shared_addresses(session)?);
    faults.extend(chain(session)?);
    Ok(faults)
}

/// Reports addresses of two users of one top-level customer.
fn shared_addresses(session: &Database) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    for pair in people::namesakes(session)? {
        let [one, other] = pair.accounts;
        if people::customer_of(session, one)? == people::customer_of(session, other)? {
            faults.push(format!("{} is the address of two users of one customer", pair.email));
        }
    }
    faults.dedup();
    faults.truncate(20);
    Ok(faults)
}

fn list(session: &Database, sql: &str) -> Result<Vec<String>> {
    let mut statement = session.prepare(sql)?;
    let rows = statement.query_map([], |r| r.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Follows the hashes of the log from the first row.
pub(super) fn chain(session: &Connection) -> Result<Vec<String>> {
    let sql = "SELECT rev, change_id, at, actor_id, actor, kind, body, counts, undoes, prev_hash, hash FROM log ORDER BY rev";
    let mut statement = session.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut previous = vec![0u8; 32];
    let mut expected = 1;
    while let Some(row) = rows.next()? {
        let text = |i| row.get::<_, String>(i);
        let (change_id, actor, kind, body, counts) = (text(1)?, text(4)?, text(5)?, text(6)?, text(7)?);
        let logged = LogRow {
            rev: row.get(0)?,
            change_id: &change_id,
            at: row.get(2)?,
            actor_id: row.get(3)?,
            actor: &actor,
            kind: &kind,
            body: &body,
            counts: &counts,
            undoes: row.get(8)?,
        };
        let hash: Vec<u8> = row.get(10)?;
        if logged.rev != expected
            || row.get::<_, Vec<u8>>(9)? != previous
            || logged.hash(&previous) != hash
        {
            return Ok(vec![format!("the log was changed afterwards at #{}", logged.rev)]);
        }
        previous = hash;
        expected += 1;
    }
    Ok(Vec::new())
}

/// The end of the log.
pub(crate) fn head(session: &Connection) -> Result<LogHead> {
    let sql = "SELECT rev, hex(hash) FROM log ORDER BY rev DESC LIMIT 1";
    let read = |r: &rusqlite::Row<'_>| {
        Ok(LogHead { rev: r.get(0)?, hash: r.get::<_, String>(1)?.to_ascii_lowercase() })
    };
    Ok(session.query_row(sql, [], read)?)
}

/// Whether the log holds that change with that hash.
pub(crate) fn holds(session: &Connection, head: &LogHead) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM log WHERE rev = ? AND lower(hex(hash)) = ?)";
    Ok(session.query_row(sql, rusqlite::params![head.rev, head.hash], |r| r.get(0))?)
}
