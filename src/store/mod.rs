//! The store: one SQLite database for one survey. Facts as they came, every line beside its row; judgements made from
//! them by the rules of `crate::judge`, so that a changed rule needs no new scan.
//!
//! A key seen again with a later time replaces, an earlier one is ignored; the same entry of a list with other counts
//! is an error, never a sum.

mod dictionary;
mod judging;
mod label;
mod load;
mod lookup;
mod migrate;
mod packed;
mod parts;
mod published;
mod published_parts;
pub mod query;
mod rows;
mod views;
mod writer;

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

pub use judging::{expire_within, is_judged, judge};
pub use label::{label, set_label};
pub use load::{CommitPace, Load, LoadSummary, load};
pub use lookup::{RecordLookup, earlier};
pub use views::index;
pub use writer::{LineCounts, Refused, Stored, SurveyWriter};

/// Text for a terminal, and JSON without raw controls: for those who read the store.
pub use crate::ndjson::{printable, to_json};

/// The tables.
pub const SCHEMA: &str = include_str!("schema.sql");
/// The tables of policies, delivery and problems, made wherever they are not there yet.
pub const MAIL: &str = include_str!("mail.sql");

/// `mxsv`, so that `file` and this program know a survey from another SQLite file.
const APPLICATION_ID: i32 = 0x6d78_7376;
/// The version of [`SCHEMA`].
const SCHEMA_VERSION: i32 = 4;

/// Why the store cannot be used, or cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk, a quota or a size limit.
    #[error("no room to write: {0}")]
    Full(rusqlite::Error),
    /// A database there would be gone when it is closed.
    #[error("no file, so that nothing would be kept: name a file, made or to be made")]
    NoFile,
    /// A database, but not one of ours.
    #[error("a database, but none of to-sqlite")]
    Foreign,
    /// Made by another version.
    #[error(
        "made by another version (schema {0}, this is {SCHEMA_VERSION}): load the lines into a new database"
    )]
    Version(i32),
    /// Made by another version, and one of its lines is not understood by this one; it is left as it was.
    #[error("made by another version, and a line in it is not understood: {0}")]
    Line(String),
    /// Someone else writes to it.
    #[error("in use by another program")]
    Busy,
    /// The input cannot be read.
    #[error("reading the input: {0}")]
    Input(std::io::Error),
    /// Anything else SQLite says.
    #[error("{0}")]
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            // A file-size limit shows as a failed write (EFBIG), a full disk as SQLITE_FULL.
            Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure) => Self::Full(error),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            _ => Self::Sqlite(error),
        }
    }
}

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
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}
