//! The content of a store, to compare before and after.

use std::path::Path;

use rusqlite::Connection;

/// Returns every row of every table but the text index, without the time of the last sign-in.
pub fn dump_tables(path: &Path) -> Vec<String> {
    let conn = Connection::open(path).expect("opens");
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' \
         AND name NOT LIKE 'sim_text%' AND name NOT LIKE 'sqlite_%' ORDER BY name";
    let names: Vec<String> = conn
        .prepare(tables)
        .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
        .expect("tables");
    let mut rows = Vec::new();
    for name in names {
        let mut statement = conn.prepare(&format!("SELECT * FROM \"{name}\"")).expect("table");
        let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let mut found = statement.query([]).expect("rows");
        while let Some(row) = found.next().expect("row") {
            let kept = columns.iter().enumerate().filter(|(_, column)| *column != "signed_in");
            let cells: Vec<String> =
                kept.map(|(at, _)| format!("{:?}", row.get_ref(at).expect("cell"))).collect();
            rows.push(format!("{name}: {}", cells.join(" ")));
        }
    }
    rows
}
