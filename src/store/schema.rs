//! The tables, as SQL, and how a file with them is known.

/// The tables.
pub const SCHEMA: &str = include_str!("schema.sql");
/// The tables of policies, delivery and problems, made wherever they are not there yet.
pub const MAIL: &str = include_str!("mail.sql");

/// `mxsv`, so that `file` and this program know a survey from another SQLite file.
pub(super) const APPLICATION_ID: i32 = 0x6d78_7376;
/// The version of [`SCHEMA`].
pub(super) const SCHEMA_VERSION: i32 = 5;
