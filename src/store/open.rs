//! Opens and closes databases.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::error::StoreError;
use super::schema::{APPLICATION_ID, SCHEMA, SCHEMA_VERSION};
use super::{migrate, views};

/// Opens a survey for writing, and makes it where there is none. One of version 0.1 becomes one of this version.
pub fn create(path: &Path) -> Result<Connection, StoreError> {
    // SQLite keeps nothing of these; and it takes a name for a URI, with options in it, only if it is asked to.
    let is_memory = path.as_os_str().is_empty() || path.as_os_str() == ":memory:";
    if is_memory || path.exists() && !path.is_file() {
        return Err(StoreError::NoFile);
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    match version(&connection)? {
        None => {
            connection.pragma_update(None, "page_size", 8192)?;
            connection.pragma_update(None, "journal_mode", "wal")?;
            begin(&connection)?;
        }
        Some(version) => {
            connection.pragma_update(None, "journal_mode", "wal")?;
            if version < SCHEMA_VERSION {
                connection = migrate::migrate(connection, path)?;
            }
        }
    }
    connection.pragma_update(None, "synchronous", "normal")?;
    connection.pragma_update(None, "wal_autocheckpoint", 8192)?;
    tune(&connection)?;
    views::make(&connection)?;
    Ok(connection)
}

/// A survey that is gone when it is closed; it spills to the disk where it must.
pub fn temporary() -> Result<Connection, StoreError> {
    let connection = Connection::open("")?;
    connection.pragma_update(None, "journal_mode", "off")?;
    connection.pragma_update(None, "synchronous", "off")?;
    begin(&connection)?;
    tune(&connection)?;
    views::make(&connection)?;
    Ok(connection)
}

/// Closes a survey that was written: one plain file is left, which can be copied and read from anywhere.
pub fn close(connection: Connection) -> Result<(), StoreError> {
    // While another program reads it stays as it is; then the files beside it are left to that one.
    let _ = connection.pragma_update(None, "journal_mode", "delete");
    connection.close().map_err(|(_, error)| error.into())
}

/// Opens a survey for reading.
pub fn open(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    if version(&connection)?.is_none() {
        return Err(StoreError::Foreign);
    }
    tune(&connection)?;
    Ok(connection)
}

/// Which version of the schema it has; `None` for an empty file.
fn version(connection: &Connection) -> Result<Option<i32>, StoreError> {
    let empty: bool =
        connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| {
            row.get(0)
        })?;
    if empty {
        return Ok(None);
    }
    let application: i32 =
        connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if application != APPLICATION_ID {
        return Err(StoreError::Foreign);
    }
    match connection.pragma_query_value(None, "user_version", |row| row.get(0))? {
        version @ 1..=SCHEMA_VERSION => Ok(Some(version)),
        other => Err(StoreError::Version(other)),
    }
}

fn begin(connection: &Connection) -> Result<(), StoreError> {
    connection.execute_batch(&format!(
        "BEGIN; {SCHEMA} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
    ))?;
    Ok(())
}

fn tune(connection: &Connection) -> Result<(), StoreError> {
    connection.pragma_update(None, "cache_size", -64_000)?;
    connection.pragma_update(None, "temp_store", "file")?;
    // Every reference is a number that the writer was given just before: looking it up again would cost an eighth of the
    // load. The tests let SQLite check them all.
    connection.pragma_update(None, "foreign_keys", false)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}
