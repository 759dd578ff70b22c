//! The runs that measured, and with what.

use rusqlite::Connection;

/// A run with its beginning.
#[derive(Clone, Debug)]
pub struct RunRow {
    /// Its id.
    pub run: String,
    /// The program.
    pub stage: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// When it began.
    pub started: Option<String>,
    /// When it ended; none: it was cut.
    pub ended: Option<String>,
    /// Whether it was interrupted.
    pub interrupted: Option<bool>,
    /// Connections it made.
    pub connections: Option<u64>,
    /// Connections that one probe for several domains saved.
    pub connections_saved: Option<u64>,
}

/// The runs, in the order in which they were seen.
pub fn runs(connection: &Connection) -> rusqlite::Result<Vec<RunRow>> {
    // A list of names and counts; version 0.1 wrote an object, whose keys are the names.
    let count = |name: &str| {
        format!(
            "(SELECT CAST(coalesce(value ->> '$.n', atom) AS INTEGER) FROM json_each(CAST(end_line AS TEXT), '$.counts') \
             WHERE coalesce(value ->> '$.name', key) = '{name}')"
        )
    };
    let mut statement = connection.prepare(&format!(
        "SELECT run, stage, version, started, ended, interrupted, {}, {} FROM run \
         WHERE started IS NOT NULL ORDER BY id",
        count("connections"),
        count("connections_saved")
    ))?;
    let rows = statement.query_map([], |row| {
        let count = |column| -> rusqlite::Result<Option<u64>> {
            let count: Option<i64> = row.get(column)?;
            Ok(count.map(i64::unsigned_abs))
        };
        Ok(RunRow {
            run: row.get(0)?,
            stage: row.get(1)?,
            version: row.get(2)?,
            started: row.get(3)?,
            ended: row.get(4)?,
            interrupted: row.get(5)?,
            connections: count(6)?,
            connections_saved: count(7)?,
        })
    })?;
    rows.collect()
}

/// The first and the last time of a run.
pub fn times(connection: &Connection) -> rusqlite::Result<Option<(String, String)>> {
    connection.query_row(
        "SELECT min(started), max(coalesce(ended, started)) FROM run WHERE started IS NOT NULL",
        [],
        |row| Ok(row.get::<_, Option<String>>(0)?.zip(row.get(1)?)),
    )
}

/// The store of roots that counts, with its date.
pub fn first_store(connection: &Connection) -> rusqlite::Result<Option<String>> {
    connection.query_row(
        "SELECT max(store || ', ' || store_date) FROM (SELECT store, store_date FROM verdict WHERE position = 0 LIMIT 1)",
        [],
        |row| row.get(0),
    )
}
