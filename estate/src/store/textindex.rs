//! The trigram index: filled in the background in short transactions, refreshed when text changes.
//!
//! SIMs up to `upto` are in it; a search looks at the others one by one. Moves never touch it.

use rusqlite::{TransactionBehavior, params};

use crate::error::Result;
use crate::store::connection::Database;

/// Rows per transaction: about 30 ms, so that other writers hardly wait.
const STEP: i64 = 1_000;

/// What is searched, folded; a line break keeps needles from crossing fields.
const BODY: &str = "iccid || char(10) || imsi || char(10) || msisdn || char(10) || eid || char(10) || imei || char(10) || \
    label_key";

/// Adds the next rows; false when none are left.
pub(crate) fn step(session: &mut Database) -> Result<bool> {
    let pending = "SELECT EXISTS (SELECT 1 FROM sim WHERE id > (SELECT upto FROM sim_text_state))";
    if !session.query_row(pending, [], |r| r.get::<_, bool>(0))? {
        return Ok(false);
    }
    let transaction = session.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let upto: i64 = transaction.query_row("SELECT upto FROM sim_text_state", [], |r| r.get(0))?;
    let end: Option<i64> = transaction.query_row(
        "SELECT max(id) FROM (SELECT id FROM sim WHERE id > ? ORDER BY id LIMIT ?)",
        params![upto, STEP],
        |r| r.get(0),
    )?;
    if let Some(end) = end {
        let sql = format!(
            "INSERT INTO sim_text (rowid, body) SELECT id, {BODY} FROM sim WHERE id > ? AND id <= ?"
        );
        transaction.execute(&sql, params![upto, end])?;
        transaction.execute("UPDATE sim_text_state SET upto = ?", [end])?;
    }
    transaction.commit()?;
    Ok(end.is_some())
}

/// Writes the rows of a subquery anew, inside the caller's transaction.
pub(crate) fn refresh(session: &Database, ids: &str) -> Result<()> {
    let known =
        format!("SELECT id FROM sim WHERE id IN ({ids}) AND id <= (SELECT upto FROM sim_text_state)");
    session.execute(&format!("DELETE FROM sim_text WHERE rowid IN ({known})"), [])?;
    session.execute(
        &format!("INSERT INTO sim_text (rowid, body) SELECT id, {BODY} FROM sim WHERE id IN ({known})"),
        [],
    )?;
    Ok(())
}
