//! The schema: its migrations, and the check that a file has the schema it claims.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction};

use crate::error::{Error, Result};
use crate::store::access::check_kind;
use crate::store::functions::schema_functions;

/// `SIMD` in ASCII: marks the file as a store (`SQLite` file format, section 1.3, offset 68).
pub(super) const APPLICATION_ID: u32 = 0x5349_4d44;
/// Every migration, in order; only ever added to.
const MIGRATIONS: [&str; 19] = [
    include_str!("../../schema/0001.sql"),
    include_str!("../../schema/0002.sql"),
    include_str!("../../schema/0003.sql"),
    include_str!("../../schema/0004.sql"),
    include_str!("../../schema/0005.sql"),
    include_str!("../../schema/0006.sql"),
    include_str!("../../schema/0007.sql"),
    include_str!("../../schema/0008.sql"),
    include_str!("../../schema/0009.sql"),
    include_str!("../../schema/0010.sql"),
    include_str!("../../schema/0011.sql"),
    include_str!("../../schema/0012.sql"),
    include_str!("../../schema/0013.sql"),
    include_str!("../../schema/0014.sql"),
    include_str!("../../schema/0015.sql"),
    include_str!("../../schema/0016.sql"),
    include_str!("../../schema/0017.sql"),
    include_str!("../../schema/0018.sql"),
    include_str!("../../schema/0019.sql"),
];
/// Schema number of this program.
pub(super) const SCHEMA: u32 = MIGRATIONS.len() as u32;
/// Oldest schema with the stamp of `wal`.
pub(super) const FIRST_WITH_STAMP: u32 = 17;
/// Oldest schema that every read of this program understands.
const OLDEST_READABLE: u32 = 16;

/// Returns the schema number of an open file.
pub(super) fn schema_of(conn: &Connection) -> rusqlite::Result<u32> {
    conn.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Refuses a schema that this program does not know.
pub(super) fn check_not_newer(path: &Path, found: u32) -> Result<()> {
    if found > SCHEMA {
        return Err(Error::Newer { path: path.to_owned(), found, known: SCHEMA });
    }
    Ok(())
}

/// Refuses a schema that this program cannot read as it is.
pub(super) fn check_readable(path: &Path, conn: &Connection) -> Result<()> {
    let found = schema_of(conn)?;
    if found < OLDEST_READABLE {
        return Err(Error::Older { path: path.to_owned(), found, known: SCHEMA });
    }
    Ok(())
}

/// Compares the schema with the one that the migrations make.
pub(super) fn check_schema(path: &Path, conn: &Connection) -> Result<()> {
    let fault = |error: rusqlite::Error| Error::of_database(&error, Some(path));
    // One transaction: another program may be migrating.
    let transaction = conn.unchecked_transaction().map_err(fault)?;
    let version = schema_of(conn).map_err(fault)?;
    check_not_newer(path, version)?;
    let fresh = Connection::open_in_memory()?;
    schema_functions(&fresh)?;
    for migration in &MIGRATIONS[..version as usize] {
        fresh.execute_batch(migration)?;
    }
    let objects = |conn: &Connection| -> rusqlite::Result<Vec<(String, String)>> {
        let sql = "SELECT name, ifnull(sql, '') FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%' ORDER BY name";
        conn.prepare(sql)?.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    };
    let (found, wanted) = (objects(conn).map_err(fault)?, objects(&fresh)?);
    drop(transaction);
    match wanted
        .iter()
        .find(|w| !found.contains(w))
        .or_else(|| found.iter().find(|f| !wanted.contains(f)))
    {
        None => Ok(()),
        Some((name, _)) => Err(Error::damaged(path, &format!("its schema differs at {name}"))),
    }
}

/// Makes the schema in an empty file.
pub(super) fn create(conn: &Connection) -> Result<()> {
    let transaction = conn.unchecked_transaction()?;
    apply_after(&transaction, 0)?;
    Ok(transaction.commit()?)
}

pub(super) fn apply_after(transaction: &Transaction<'_>, from: u32) -> Result<()> {
    schema_functions(transaction)?;
    for migration in &MIGRATIONS[from as usize..] {
        transaction.execute_batch(migration)?;
    }
    Ok(transaction.pragma_update(None, "user_version", SCHEMA)?)
}

/// Checks the first hundred bytes before `SQLite` may touch the file (file format, section 1.3).
pub(super) fn check_header(path: &Path) -> Result<()> {
    check_kind(path)?;
    let mut file = File::open(path).map_err(|error| Error::of_store_file(&error, path))?;
    let mut header = [0u8; 100];
    if file.read_exact(&mut header).is_err() || !header.starts_with(b"SQLite format 3\0") {
        return Err(Error::NotOurs(path.to_owned()));
    }
    let number =
        |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    if number(68) != APPLICATION_ID {
        return Err(Error::NotOurs(path.to_owned()));
    }
    check_not_newer(path, number(60))?;
    let page_size = u16::from_be_bytes([header[16], header[17]]);
    if !(page_size == 1 || (page_size >= 512 && page_size.is_power_of_two()))
        || header[21..24] != [64, 32, 32]
    {
        return Err(Error::damaged(path, "its header is invalid"));
    }
    Ok(())
}

/// An upgrade of a store's schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upgrade {
    /// Schema number before.
    pub from: u32,
    /// Schema number now.
    pub to: u32,
    /// The copy of the store as it was.
    pub backup: PathBuf,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A store of `schema` with a user, and a row in every table that refers to users.
    fn older(schema: usize) -> Connection {
        let conn = Connection::open_in_memory().expect("database");
        schema_functions(&conn).expect("functions");
        for migration in &MIGRATIONS[..schema] {
            conn.execute_batch(migration).expect("migrated");
        }
        conn.execute_batch(
            "INSERT INTO account (parent_id, name, key, created_at, version) VALUES (NULL, 'Root', 'root', 1, 1);
             INSERT INTO user (id, account_id, name, email, email_key, role, state, created_at, notify, heard, wanted)
               VALUES (7, 1, 'Ann', 'Ann@x.example', 'ann@x.example', 'admin', 1, 1, 1, 5, 'new@x.example'),
                      (9, 1, 'Ben', 'ben@x.example', '#9', 'user', 3, 1, 0, 0, '');
             INSERT INTO token (user_id, name, prefix, hash, account_id, writes, created) VALUES (7, 't', 'p', x'00', 1, 1, 1);
             INSERT INTO password (user_id, hash, changed) VALUES (7, 'h', 1);
             INSERT INTO totp (user_id, secret) VALUES (7, 's');
             INSERT INTO link (user_id, kind, prefix, hash, made, expires) VALUES (7, 'reset', 'p', x'00', 1, 2);",
        )
        .expect("rows");
        conn
    }

    #[test]
    fn users_keep_their_rows_and_all_that_refers_to_them_when_addresses_lose_their_constraint() {
        let conn = older(18);
        let transaction = conn.unchecked_transaction().expect("begun");
        apply_after(&transaction, 18).expect("migrated");
        transaction.commit().expect("no reference is lost");
        let users = "SELECT group_concat(id || name || email || email_key || state || notify || heard || wanted, ' ') FROM user";
        let found: String = conn.query_row(users, [], |row| row.get(0)).expect("users");
        assert_eq!(found, "7AnnAnn@x.exampleann@x.example115new@x.example 9Benben@x.example#9300");
        let count = "SELECT (SELECT count(*) FROM token) + (SELECT count(*) FROM password) + (SELECT count(*) FROM totp) \
                     + (SELECT count(*) FROM link) + (SELECT count(*) FROM pragma_foreign_key_check)";
        assert_eq!(conn.query_row(count, [], |row| row.get(0)), Ok(4));
        // References are enforced, numbers are not given twice, and an address may be that of
        // several.
        assert!(conn.execute("DELETE FROM user WHERE id = 7", []).is_err());
        let same = "INSERT INTO user (account_id, name, email, email_key, role, state, created_at) \
                    VALUES (1, 'A', 'a', 'ann@x.example', 'user', 1, 1)";
        conn.execute(same, []).expect("added");
        assert_eq!(conn.last_insert_rowid(), 10);
    }
}
