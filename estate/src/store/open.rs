//! Opening a store: the kind of file, its header, its schema, and the connections to it.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rusqlite::Connection;

use super::migrate;
use super::opened::Opened;
use super::wal::{self, FoldOnClose};
use crate::error::{Error, Result};
use crate::rollover::RolloverStatus;
use crate::store::access::{Access, FileState, check_kind, connect, create_private, identity};
use crate::store::period_rollover::status;
use crate::store::pool::{Reach, Store};
use crate::store::{functions, upgrade};
use crate::units::Time;

impl Store {
    /// Creates a store at `path`, readable by its owner only.
    pub fn create(path: &Path) -> Result<Self> {
        create_private(path)?;
        let conn = Access::Write.connect(path)?;
        conn.pragma_update(None, "application_id", migrate::APPLICATION_ID)?;
        migrate::create(&conn)?;
        drop(conn);
        Self::open(path, Opening::Write)
    }

    /// Opens the store at `path` after checking that it is one.
    pub fn open(path: &Path, opening: Opening) -> Result<Self> {
        check_kind(path)?;
        loop {
            let store = Self::open_once(path, opening)?;
            // A restore may have put another file in its place since.
            if identity(path) == store.identity() {
                return Ok(store);
            }
        }
    }

    fn open_once(path: &Path, opening: Opening) -> Result<Self> {
        let read_only = opening == Opening::ReadOnly;
        // Taken before the file is read.
        let state = FileState::of(path);
        let (opened, (mut conn, access)) = Opened::begin(path, || connect(path, read_only))?;
        let checked = migrate::check_schema(path, &conn);
        if access == Access::Unlocked && FileState::of(path) != state {
            return Err(Error::Busy);
        }
        checked?;
        let mut upgrade = None;
        match opening {
            Opening::ReadOnly => migrate::check_readable(path, &conn)?,
            Opening::AsIs if migrate::schema_of(&conn)? < migrate::SCHEMA => {
                drop((conn, opened));
                return Self::open_once(path, Opening::ReadOnly);
            }
            Opening::Write | Opening::AsIs => upgrade = upgrade::upgrade(path, &mut conn)?,
        }
        let schema = migrate::schema_of(&conn)?;
        Ok(Self {
            path: path.to_owned(),
            upgrade,
            older: Some(schema).filter(|schema| *schema < migrate::SCHEMA),
            stamped: wal::Stamped::default(),
            readers: Mutex::default(),
            writer: Mutex::new(functions::connect(conn, access == Access::Write)?),
            fold_on_close: FoldOnClose::new(path, access),
            reach: Mutex::new(Reach { access, state, opened }),
        })
    }

    /// Describes the store at `path`, of any schema up to the present one, without changing it.
    pub fn info(path: &Path) -> Result<StoreInfo> {
        let state = FileState::of(path);
        let (opened, (conn, access)) = Opened::begin(path, || connect(path, true))?;
        let fold_on_close = FoldOnClose::new(path, access);
        let info = describe(path, &conn, Time::now());
        // In this order: the side files go after the connection.
        drop((conn, fold_on_close, opened));
        let is_mixed = access == Access::Unlocked && FileState::of(path) != state;
        if is_mixed { Err(Error::Busy) } else { info }
    }
}

/// Describes a store by an open connection.
fn describe(path: &Path, conn: &Connection, now: Time) -> Result<StoreInfo> {
    let number = |sql: &str| {
        let read = conn.query_row(sql, [], |row| row.get::<_, i64>(0));
        read.map_err(|error| Error::of_database(&error, Some(path)))
    };
    let transaction = conn.unchecked_transaction()?;
    let info = StoreInfo {
        path: path.to_owned(),
        schema: migrate::schema_of(conn)?,
        known_schema: migrate::SCHEMA,
        rev: number("SELECT ifnull(max(rev), 0) FROM log")?,
        sims: number("SELECT count(*) FROM sim")? as u64,
        size: std::fs::metadata(path).map_or(0, |file| file.len()),
        wal_size: wal::size(path),
        rollover: status(conn, true, now)?,
    };
    transaction.finish()?;
    Ok(info)
}

/// The state of a store's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreInfo {
    /// The file.
    pub path: PathBuf,
    /// Its schema number.
    pub schema: u32,
    /// The schema number of this program.
    pub known_schema: u32,
    /// The revision of its newest change.
    pub rev: i64,
    /// Number of SIMs.
    pub sims: u64,
    /// Size of the file in bytes.
    pub size: u64,
    /// Billing periods that wait for their rollover by the present clock, and why.
    pub rollover: RolloverStatus,
    /// Size of the write-ahead log in bytes; 0 where no program has the store open.
    pub wal_size: u64,
}

/// Ways to treat a store on opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opening {
    /// Nothing is written. An older store is read if this version can, and so is one that cannot be
    /// written.
    ReadOnly,
    /// The schema stays: an older store is opened like [`Opening::ReadOnly`].
    AsIs,
    /// An older store is upgraded, after a backup.
    Write,
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use rusqlite::ErrorCode;

    use super::*;
    use crate::store::connection::use_wal;

    /// `SQLite` fails the switch at once, whatever the time-out, while another connection is about
    /// to write.
    #[test]
    fn the_switch_to_a_log_waits_for_writers() {
        let dir = tempfile::tempdir().expect("folder");
        let path = dir.path().join("a.db");
        create_private(&path).expect("created");
        let writer = Access::Write.connect(&path).expect("writer");
        writer.execute_batch("CREATE TABLE t (x); BEGIN IMMEDIATE").expect("writes");
        let conn = Access::Write.connect(&path).expect("other");
        let wait = Duration::from_secs(8);
        conn.busy_timeout(wait).expect("time-out");
        let begun = Instant::now();
        let error = conn.pragma_update(None, "journal_mode", "WAL").expect_err("refused");
        assert_eq!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy));
        assert!(begun.elapsed() < wait / 2);
        let switched = std::thread::spawn(move || use_wal(&conn));
        writer.execute_batch("COMMIT").expect("written");
        assert_eq!(switched.join().expect("thread"), Ok(()));
    }
}
