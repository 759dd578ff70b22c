//! Why the store stops.

use super::schema::SCHEMA_VERSION;

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
