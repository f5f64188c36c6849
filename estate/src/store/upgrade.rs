//! Upgrade of an older store, after a backup.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::backup;
use super::migrate::{SCHEMA, apply_after, check_not_newer, schema_of};
use crate::error::Result;
use crate::store::migrate::Upgrade;

/// Writes a backup beside an older store, then applies the missing migrations, all in one
/// transaction.
///
/// Returns `None` if the schema is current. Other programs that open the store at the same time
/// wait.
pub(super) fn upgrade(path: &Path, conn: &mut Connection) -> Result<Option<Upgrade>> {
    if schema_of(conn)? == SCHEMA {
        return Ok(None);
    }
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let from = schema_of(&transaction)?;
    // Another program may have done it meanwhile.
    if from == SCHEMA {
        return Ok(None);
    }
    check_not_newer(path, from)?;
    let backup = backup::keep_copy(path, &format!("schema-{from}"))?;
    apply_after(&transaction, from)?;
    transaction.commit()?;
    Ok(Some(Upgrade { from, to: SCHEMA, backup }))
}
