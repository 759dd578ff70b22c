//! Whether a survey can be trusted as a whole: what was made up, what was not answered, what was mixed.

use rusqlite::Connection;

/// Whether the servers were a laboratory's: one on loopback was connected to, every address is on loopback, or a run says
/// that its world was made up (`settings.synthetic`).
pub fn is_synthetic(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row(
        "WITH lab AS (SELECT id FROM address WHERE ip LIKE '127.%' OR ip = '::1') \
         SELECT EXISTS (SELECT 1 FROM lab JOIN smtp s ON s.address = lab.id WHERE s.connections > 0) \
         OR EXISTS (SELECT 1 FROM lab JOIN tls t ON t.address = lab.id WHERE t.connections > 0) \
         OR (EXISTS (SELECT 1 FROM address) AND (SELECT count(*) FROM lab) = (SELECT count(*) FROM address)) \
         OR EXISTS (SELECT 1 FROM run WHERE CAST(line AS TEXT) ->> '$.settings.synthetic' = 1)",
        [],
        |row| row.get(0),
    )
}

/// What a survey did not learn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NotLearned {
    /// Domains with a record that are names at all.
    pub domains: u64,
    /// Those of which the DNS did not answer for exchanges or addresses.
    pub unanswered: u64,
    /// Servers that a connection was tried to.
    pub servers: u64,
    /// Those where no connection came about.
    pub unconnected: u64,
}

/// LineCounts what a survey did not learn.
pub fn lost(connection: &Connection) -> rusqlite::Result<NotLearned> {
    connection.query_row(
        "SELECT (SELECT count(*) FROM judged_domain WHERE status <> 'invalid_name'), \
         (SELECT count(*) FROM judged_domain WHERE status = 'dns'), \
         (SELECT count(*) FROM smtp WHERE connections > 0), \
         (SELECT count(*) FROM smtp WHERE connections > 0 AND phase = 'connect')",
        [],
        |row| {
            Ok(NotLearned {
                domains: row.get(0)?,
                unanswered: row.get(1)?,
                servers: row.get(2)?,
                unconnected: row.get(3)?,
            })
        },
    )
}

/// Servers with records of two ports: one survey asks one.
pub fn servers_at_two_ports(connection: &Connection) -> rusqlite::Result<u64> {
    connection.query_row(
        "SELECT count(*) FROM (SELECT address FROM (SELECT address, port FROM smtp UNION SELECT address, port FROM tls) \
         GROUP BY address HAVING count(*) > 1)",
        [],
        |row| row.get(0),
    )
}

/// What is missing from a survey.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cautions {
    /// Runs without their end.
    pub cut_runs: u64,
    /// Servers that accept STARTTLS.
    pub accept: u64,
    /// Those of them that were not asked for TLS.
    pub unasked: u64,
    /// Domains whose servers were not probed.
    pub not_probed: u64,
}

/// LineCounts what is missing.
pub fn cautions(connection: &Connection) -> rusqlite::Result<Cautions> {
    connection.query_row(
        "SELECT (SELECT count(*) FROM cut_runs), (SELECT count(*) FROM smtp WHERE accepted = 1), \
         (SELECT count(*) FROM judged_server j JOIN smtp s ON s.id = j.smtp WHERE s.accepted = 1 AND j.tls IS NULL), \
         (SELECT count(*) FROM judged_domain WHERE status = 'not_probed')",
        [],
        |row| {
            Ok(Cautions {
                cut_runs: row.get(0)?,
                accept: row.get(1)?,
                unasked: row.get(2)?,
                not_probed: row.get(3)?,
            })
        },
    )
}
