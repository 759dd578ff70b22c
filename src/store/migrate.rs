//! A database of an earlier version becomes one of this version: every row keeps the line it was made from, so the lines
//! are loaded again. It is one transaction: a database that cannot be migrated is left as it was.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::error::StoreError;
use super::label::{label, set_label};
use super::schema::{MAIL, SCHEMA, SCHEMA_VERSION};
use super::writer::{Refused, SurveyWriter};

/// Which tables of an earlier version keep lines, and the query for them, in the order in which they are loaded: runs first, since they say how `tls`
/// records are told apart.
const LINES: &[(&str, &str)] = &[
    (
        "run",
        "SELECT line FROM run WHERE line IS NOT NULL ORDER BY id",
    ),
    ("entry", "SELECT line FROM entry ORDER BY list, domain"),
    ("entry_other", "SELECT line FROM entry_other ORDER BY list"),
    ("domain", "SELECT line FROM domain ORDER BY id"),
    ("policy", "SELECT line FROM policy ORDER BY domain"),
    ("sts", "SELECT line FROM sts ORDER BY domain"),
    ("smtp", "SELECT line FROM smtp ORDER BY id"),
    (
        "certificate",
        "SELECT line FROM certificate WHERE line IS NOT NULL ORDER BY id",
    ),
    ("tls", "SELECT line FROM tls ORDER BY id"),
    ("hop", "SELECT line FROM hop ORDER BY rowid"),
    ("unknown", "SELECT line FROM unknown ORDER BY id"),
    (
        "run",
        "SELECT end_line FROM run WHERE end_line IS NOT NULL ORDER BY id",
    ),
];

/// Migrates the database at `path`, which `connection` has open for writing.
pub(super) fn migrate(connection: Connection, path: &Path) -> Result<Connection, StoreError> {
    connection.pragma_update(None, "foreign_keys", false)?;
    let mut writer = SurveyWriter::new(connection);
    writer.begin()?;
    if let Err(error) = load_again(&mut writer, path) {
        writer.rollback();
        return Err(error);
    }
    writer.commit()?;
    let connection = writer.into_connection();
    // The room of the old tables; where there is none to do so, they are left for what comes.
    let _ = connection.execute_batch("VACUUM");
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

fn load_again(writer: &mut SurveyWriter, path: &Path) -> Result<(), StoreError> {
    // It sees the tables as they were, whatever the transaction of the writer does.
    let before = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    before.execute_batch("BEGIN; SELECT 1 FROM sqlite_schema LIMIT 1;")?;
    clear(writer.connection())?;
    set_label(writer.connection(), label(&before)?.as_deref())?;
    for &(table, lines) in LINES {
        // Policies came later than the first databases.
        if !before.table_exists(None, table)? {
            continue;
        }
        let mut statement = before.prepare(lines)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            match writer.put(row.get_ref(0)?.as_bytes().unwrap_or_default()) {
                Ok(_) => {}
                Err(Refused::Line(why)) => return Err(StoreError::Line(why)),
                Err(Refused::Database(error)) => return Err(error.into()),
            }
        }
    }
    Ok(())
}

/// Replaces all tables and views by empty tables of this version.
fn clear(connection: &Connection) -> Result<(), StoreError> {
    for kind in ["view", "table"] {
        let mut statement = connection.prepare(
            "SELECT name FROM sqlite_schema WHERE type = ?1 AND name NOT LIKE 'sqlite%'",
        )?;
        let names: Vec<String> = statement
            .query_map([kind], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for name in names {
            let name = name.replace('"', "\"\"");
            connection.execute_batch(&format!("DROP {kind} \"{name}\""))?;
        }
    }
    connection.execute_batch(SCHEMA)?;
    connection.execute_batch(MAIL)?;
    connection.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    Ok(())
}
