//! A store as a version of schema 16 left it.

/// The statements that turn a store of the current schema into one of schema 16.
pub fn statements() -> String {
    let part = |made: &str, begin: &str| {
        let part = &made[made.find(begin).expect(begin)..];
        part[..part.find(';').expect("its end")].to_owned()
    };
    let columns = "id, account_id, name, email, email_key, role, state, created_at, notify, heard, invited_at, \
                   invited_by, signed_in, wanted";
    let users = include_str!("../../schema/0001.sql");
    let (notify, invited) =
        (include_str!("../../schema/0004.sql"), include_str!("../../schema/0010.sql"));
    let added = |made: &str| {
        let lines = made.lines().filter(|line| line.starts_with("ALTER TABLE user ADD"));
        lines.collect::<Vec<_>>().join("\n")
    };
    [
        "PRAGMA foreign_keys = OFF".to_owned(),
        part(include_str!("../../schema/0003.sql"), "CREATE TABLE turned"),
        "INSERT INTO turned SELECT rule, closed_until, 0, 0 FROM period_rollover".to_owned(),
        "DROP TABLE side_file_stamp; DROP TABLE clock; DROP TABLE period_rollover".to_owned(),
        "DROP TABLE spent_renewal; ALTER TABLE token DROP COLUMN address".to_owned(),
        "ALTER TABLE token DROP COLUMN client; ALTER TABLE link DROP COLUMN mailed_to".to_owned(),
        "CREATE TABLE user_now AS SELECT * FROM user; DROP TABLE user".to_owned(),
        part(users, "CREATE TABLE user"),
        part(users, "CREATE INDEX user_account"),
        [added(notify), added(invited), added(include_str!("../../schema/0011.sql"))].concat(),
        format!("INSERT INTO user ({columns}) SELECT {columns} FROM user_now; DROP TABLE user_now"),
        "PRAGMA user_version = 16".to_owned(),
    ]
    .join(";\n")
}
