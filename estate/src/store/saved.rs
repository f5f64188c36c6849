//! A user's saved filters: theirs alone, in their order.

use rusqlite::{Connection, params};

use crate::error::{Error, Result};
use crate::ids::UserId;
use crate::saved::{Saved, SavedEdit, edit};
use crate::text;

/// The saved filters of a user, in order.
pub(crate) fn list(conn: &Connection, user: UserId) -> Result<Vec<Saved>> {
    let sql = "SELECT name, digit, body FROM saved_filter WHERE user_id = ? ORDER BY place, key";
    let mut statement = conn.prepare_cached(sql)?;
    let rows = statement.query_map([user.0], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?;
    let read = |row: rusqlite::Result<(String, u8, String)>| {
        let (name, digit, body) = row?;
        // What cannot be read is never taken for "every SIM", and what it says is not written over.
        let saved: Saved = serde_json::from_str(&body).map_err(|e| {
            Error::Conflict(format!("the saved filter {name} cannot be read by this version: {e}"))
        })?;
        Ok(Saved { name, digit: (digit > 0).then_some(digit), ..saved })
    };
    rows.map(read).collect()
}

/// Changes the saved filters of a user, all or nothing; gives them as they are then.
pub(crate) fn change(conn: &Connection, user: UserId, edits: &[SavedEdit]) -> Result<Vec<Saved>> {
    let mut saved = list(conn, user)?;
    for step in edits {
        edit(&mut saved, step)?;
    }
    conn.execute("DELETE FROM saved_filter WHERE user_id = ?", [user.0])?;
    let sql =
        "INSERT INTO saved_filter (user_id, name, key, place, digit, body) VALUES (?, ?, ?, ?, ?, ?)";
    let mut statement = conn.prepare_cached(sql)?;
    for (place, saved) in saved.iter().enumerate() {
        let (key, body) = (text::fold(&saved.name), serde_json::to_string(saved).unwrap_or_default());
        statement.execute(params![
            user.0,
            saved.name,
            key,
            place as i64,
            saved.digit.unwrap_or(0),
            body
        ])?;
    }
    Ok(saved)
}
