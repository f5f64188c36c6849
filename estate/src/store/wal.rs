//! The write-ahead log as a file: when it is folded into the store, and whether it belongs to it.
//!
//! `SQLite` replays whatever log it finds beside a file. A log of another file, left behind when a
//! backup was copied over a store, mixes pages of both. The format does not name the file a log was
//! written for, so the store keeps a stamp: 16 random bytes in a table of its own, with the bytes
//! they replaced. Every logged change renews the stamp, and so does the first commit of a log that
//! has none yet; a backup gets a stamp of its own. A log therefore holds a chain of stamps that
//! begins with the one of the file it was begun on, and a file belongs to it exactly if its stamp,
//! read without the log, is in that chain: the first if nothing was folded in yet, a later one
//! after a crash that interrupted the folding. A log without stamps (of an earlier version, or of a
//! process that was killed between its first commit and the stamp) is accepted if the pages of both
//! pass the integrity check.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;

use crate::error::{Error, Result};
use crate::store::access::{Access, BUSY, side_file, wal_path};
use crate::store::connection::Database;

/// Marks the stamp's row in a page; the same bytes are in the schema.
const MARK: [u8; 16] =
    [0xdf, 0xee, 0xd2, 0xf4, 0x5c, 0x7f, 0x59, 0x3b, 0x7c, 0x95, 0xae, 0x9a, 0x82, 0x90, 0xb6, 0x1d];
/// The cell of the stamp's row before its mark: payload size, row id, header size, and the serial
/// types of the columns.
const CELL: [u8; 7] = [53, 1, 5, 0, 44, 44, 44];
/// A log of this size in bytes is folded in after a commit: twice the size at which `SQLite` reuses
/// it.
pub(super) const LARGE: u64 = 8 << 20;
/// Attempts to read a log and its file while other programs write.
const ATTEMPTS: usize = 4;

/// A stamp of the store.
type Stamp = [u8; 16];
/// The random numbers of a generation of the log.
pub(super) type Salts = [u8; 8];

/// Renews the stamp within the present transaction.
pub(super) fn renew_stamp(conn: &Connection) -> rusqlite::Result<()> {
    let sql = "UPDATE side_file_stamp SET previous = current, current = randomblob(16)";
    conn.execute(sql, []).map(drop)
}

/// Returns the size of the write-ahead log in bytes.
pub(super) fn size(store: &Path) -> u64 {
    wal_path(store).metadata().map_or(0, |log| log.len())
}

/// A write-ahead log being read (file format, section 4.1).
pub(super) struct Log {
    file: BufReader<File>,
    pub salts: Salts,
    page: Vec<u8>,
}

impl Log {
    /// Opens the log beside a store; `None` where there is none that `SQLite` would replay.
    pub fn open(path: &Path) -> io::Result<Option<Self>> {
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let mut file = BufReader::with_capacity(1 << 16, file);
        let mut header = [0u8; 32];
        if !fill(&mut file, &mut header)? || header[..3] != [0x37, 0x7f, 0x06] {
            return Ok(None);
        }
        let size = u32::from_be_bytes([header[8], header[9], header[10], header[11]]) as usize;
        if !size.is_power_of_two() || !(512..=65_536).contains(&size) {
            return Ok(None);
        }
        let mut salts = Salts::default();
        salts.copy_from_slice(&header[16..24]);
        Ok(Some(Self { file, salts, page: vec![0; size] }))
    }

    /// Reads the next frame of this generation into `page`; false at the end.
    fn next_frame(&mut self) -> io::Result<bool> {
        let mut header = [0u8; 24];
        Ok(fill(&mut self.file, &mut header)?
            && header[8..16] == self.salts
            && fill(&mut self.file, &mut self.page)?)
    }

    /// Returns the stamp in `page` and the one it replaced, if it is the page of the stamp.
    fn stamp(&self) -> Option<(Stamp, Stamp)> {
        // A leaf of a table with one cell.
        if self.page[0] != 13 || self.page[3..5] != [0, 1] {
            return None;
        }
        let at = usize::from(u16::from_be_bytes([self.page[8], self.page[9]]));
        let cell = self.page.get(at..at + CELL.len() + 48)?;
        let row = cell.strip_prefix(&CELL)?.strip_prefix(&MARK)?;
        let (previous, current) = row.split_at(16);
        Some((previous.try_into().ok()?, current.try_into().ok()?))
    }

    /// Returns the chain of stamps: the one the log was begun on, then each it set.
    fn stamps(&mut self) -> io::Result<Vec<Stamp>> {
        let mut chain = Vec::new();
        while self.next_frame()? {
            if let Some((previous, current)) = self.stamp() {
                if chain.is_empty() {
                    chain.push(previous);
                }
                chain.push(current);
            }
        }
        Ok(chain)
    }

    pub fn has_stamp(&mut self) -> io::Result<bool> {
        while self.next_frame()? {
            if self.stamp().is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Fills `buffer`; false where the file ends before.
fn fill(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(buffer) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        other => other.map(|()| true),
    }
}

/// Reads the stamp of the file alone.
fn stamp_of_file(store: &Path) -> Option<Stamp> {
    let conn = Access::Unlocked.connect(store).ok()?;
    conn.query_row("SELECT current FROM side_file_stamp", [], |row| row.get(0)).ok()
}

/// Refuses a log that was not written for this file.
///
/// Other programs may write meanwhile: the file is read before the log, which only grows within a
/// generation.
pub(super) fn check_belongs(store: &Path) -> Result<()> {
    let path = wal_path(store);
    let fault = |error: io::Error| Error::of_store_file(&error, &path);
    for _ in 0..ATTEMPTS {
        let Some(before) = Log::open(&path).map_err(fault)? else { return Ok(()) };
        let stamp = stamp_of_file(store);
        let Some(mut log) = Log::open(&path).map_err(fault)? else { return Ok(()) };
        if log.salts != before.salts {
            continue;
        }
        let chain = log.stamps().map_err(fault)?;
        match stamp {
            Some(stamp) if chain.contains(&stamp) => return Ok(()),
            Some(_) if !chain.is_empty() => {}
            _ => return check_integrity(store, &path),
        }
    }
    Err(Error::ForeignSideFile { path: store.to_owned(), side_file: path })
}

/// Checks the pages of the file and its log together, without folding the log in.
fn check_integrity(store: &Path, log: &Path) -> Result<()> {
    // Where they cannot be read, opening the store says why.
    let Ok(conn) = Access::Read.connect(store) else { return Ok(()) };
    let found = conn.query_row("PRAGMA integrity_check(1)", [], |row| row.get::<_, String>(0));
    match found.map_err(|error| Error::of_database(&error, Some(store))) {
        Ok(found) if found == "ok" => Ok(()),
        Ok(_) | Err(Error::Fault { fault: crate::error::Fault::Damaged, .. }) => {
            Err(Error::ForeignSideFile { path: store.to_owned(), side_file: log.to_owned() })
        }
        Err(_) => Ok(()),
    }
}

/// The generation of the log that is known to have a stamp.
pub(super) type Stamped = std::sync::Mutex<Option<Salts>>;

/// Folds the log into the file and truncates it, unless another program reads an older state now.
pub(super) fn fold(session: &Database) {
    let folded = session.busy_timeout(Duration::ZERO).and_then(|()| {
        session.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0))
    });
    if let Err(error) | Ok(Err(error)) = session.busy_timeout(BUSY).map(|()| folded) {
        // The log is whole; it only stays large.
        drop(error);
    }
}

/// Removes the side files when a store that was only read is closed: a connection that may not
/// write leaves them.
#[derive(Debug)]
pub(super) struct FoldOnClose(Option<PathBuf>);

impl FoldOnClose {
    pub fn new(store: &Path, access: Access) -> Self {
        Self((access != Access::Write).then(|| store.to_owned()))
    }
}

impl Drop for FoldOnClose {
    fn drop(&mut self) {
        let Some(store) = &self.0 else { return };
        if !["-wal", "-shm"].iter().any(|suffix| side_file(store, suffix).exists()) {
            return;
        }
        // SQLite folds the log in when the last connection that may write is closed, if it has used
        // the log.
        if let Ok(conn) = Access::Write.connect(store) {
            let _ = conn.busy_timeout(Duration::ZERO);
            let _ = conn.query_row("SELECT 1 FROM sqlite_schema", [], |_| Ok(()));
        }
    }
}
