//! Stores as earlier versions wrote them.

use std::path::Path;

use estate::Local;

/// Writes a store of the first schema version that holds the accounts, users, SIMs and log of
/// `from`.
pub fn write_first_version(from: &Local, path: &Path) {
    let raw = rusqlite::Connection::open(path).expect("raw");
    raw.execute_batch(include_str!("../../schema/0001.sql")).expect("first schema");
    raw.execute("ATTACH ? AS new", [from.path().to_str().expect("path")]).expect("attached");
    for table in ["account", "user", "sim", "log", "log_item", "log_account"] {
        let sql =
            format!("SELECT group_concat(name) FROM pragma_table_xinfo('{table}') WHERE hidden = 0");
        let columns: String = raw.query_row(&sql, [], |r| r.get(0)).expect("columns");
        let copy = format!("INSERT INTO main.{table} ({columns}) SELECT {columns} FROM new.{table}");
        raw.execute(&copy, []).expect("copied");
    }
    let id: i64 = raw.query_row("PRAGMA new.application_id", [], |r| r.get(0)).expect("id");
    let marks = format!("DETACH new; PRAGMA application_id = {id}; PRAGMA user_version = 1");
    raw.execute_batch(&marks).expect("as it was");
}
