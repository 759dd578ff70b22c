//! What whoever loaded a survey calls it: one line of text, kept in the table `meta`, so that databases without one, and
//! those of earlier versions, are as they were.

use rusqlite::{Connection, OptionalExtension as _};

/// The label of a survey; none: it was given none.
///
/// # Errors
///
/// Where the database cannot be read.
pub fn label(connection: &Connection) -> rusqlite::Result<Option<String>> {
    if !connection.table_exists(None, "meta")? {
        return Ok(None);
    }
    connection
        .query_row("SELECT value FROM meta WHERE key = 'label'", [], |row| {
            row.get(0)
        })
        .optional()
}

/// Labels a survey; an empty text takes the label away, none leaves it.
///
/// # Errors
///
/// Where the database cannot be written.
pub fn set_label(connection: &Connection, label: Option<&str>) -> rusqlite::Result<()> {
    match label.map(str::trim) {
        None => 0,
        Some("") => connection.execute("DELETE FROM meta WHERE key = 'label'", [])?,
        Some(label) => connection.execute(
            "INSERT OR REPLACE INTO meta (key, value) VALUES ('label', ?1)",
            [label],
        )?,
    };
    Ok(())
}
