//! SQL functions of the store.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;

use super::{index_intersection, period_functions};
use crate::error::Result;
use crate::ids::AccountId;
use crate::store::access::Access;
use crate::store::connection::{Database, lock};
use crate::{packed, text};

/// Opens a connection of its own to an open store.
pub(crate) fn open(path: &Path) -> Result<Database> {
    connect(Access::Write.connect(path)?, true)
}

/// Sets up a connection with every function.
pub(super) fn connect(conn: Connection, writer: bool) -> Result<Database> {
    let session = Database::new(conn, writer)?;
    register(&session)?;
    Ok(session)
}

/// Registers the functions of queries and changes.
fn register(session: &Database) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    schema_functions(session)?;
    list_functions(session)?;
    period_functions::add_period_functions(session)?;
    session.create_scalar_function("fold", 1, flags, |ctx| {
        Ok(text::fold(ctx.get_raw(0).as_str().unwrap_or_default()))
    })?;
    session.create_scalar_function("fits", 2, flags, |ctx| {
        let value = text::fold(ctx.get_raw(1).as_str().unwrap_or_default());
        Ok(text::fits(ctx.get_raw(0).as_str().unwrap_or_default(), &value))
    })?;
    session.create_scalar_function("fits_any", 2, flags, |ctx| {
        let pattern = ctx.get_raw(0).as_str().unwrap_or_default();
        let list = text::fold(ctx.get_raw(1).as_str().unwrap_or_default());
        Ok(list.split('\n').any(|v| !v.is_empty() && text::fits(pattern, v)))
    })?;
    session.create_scalar_function("among", 2, flags, |ctx| {
        Ok(index_intersection::among(
            ctx.get_raw(0).as_blob().unwrap_or_default(),
            ctx.get_raw(1).as_i64().unwrap_or(-1),
        ))
    })?;
    session.create_aggregate_function("bits", 1, flags, index_intersection::Bits)?;
    let accounts = Arc::clone(&session.accounts);
    session.create_scalar_function("place", 1, FunctionFlags::SQLITE_UTF8, move |ctx| {
        Ok(lock(&accounts).place(AccountId(ctx.get(0)?)).map_or(i64::MAX, |p| p as i64))
    })?;
    Ok(())
}

/// `list_items(list)`: the names of a stored list as JSON; `list_without(list, name)`: without one,
/// whatever its case.
fn list_functions(conn: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    conn.create_scalar_function("list_items", 1, flags, |ctx| {
        let names = packed::split(ctx.get_raw(0).as_str().unwrap_or_default());
        Ok(serde_json::to_string(&names).unwrap_or_default())
    })?;
    conn.create_scalar_function("list_edited", 2, flags, |ctx| {
        let text = |at| ctx.get_raw(at).as_str().unwrap_or_default();
        Ok(crate::edit::edit_list(text(0), text(1)))
    })?;
    conn.create_scalar_function("list_without", 2, flags, |ctx| {
        let gone = ctx.get_raw(1).as_str().unwrap_or_default().to_lowercase();
        let names = packed::split(ctx.get_raw(0).as_str().unwrap_or_default());
        Ok(packed::pack(names.iter().map(String::as_str).filter(|name| name.to_lowercase() != gone)))
    })?;
    Ok(())
}

/// Functions that triggers and migrations use: `case_fold(text)`, `natural_key(text)`, and
/// `list_keys(list)`, the folded names of a stored list, each once, as JSON.
pub(crate) fn schema_functions(conn: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    conn.create_scalar_function("case_fold", 1, flags, |ctx| {
        Ok(text::case_fold(ctx.get_raw(0).as_str().unwrap_or_default()))
    })?;
    conn.create_scalar_function("natural_key", 1, flags, |ctx| {
        Ok(text::natural_key(ctx.get_raw(0).as_str().unwrap_or_default()))
    })?;
    conn.create_scalar_function("list_keys", 1, flags, |ctx| {
        let list = text::fold(ctx.get_raw(0).as_str().unwrap_or_default());
        let names: BTreeSet<&str> = list.split('\n').filter(|name| !name.is_empty()).collect();
        Ok(serde_json::to_string(&names).unwrap_or_default())
    })?;
    Ok(())
}
