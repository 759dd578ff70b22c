//! Who is to be told: the ways to a domain's servers.

use rusqlite::Connection;

/// A way to a domain's server: an exchange, and one of its addresses where it has any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WayToServer {
    /// Row of `exchange`.
    pub exchange: u32,
    /// Its name.
    pub name: String,
    /// Its registered domain.
    pub registered_domain: Option<String>,
    /// An address.
    pub ip: Option<String>,
}

/// The ways to a domain (row of `name`), by preference, then by name and address.
pub fn ways_to(connection: &Connection, domain: u32) -> rusqlite::Result<Vec<WayToServer>> {
    let mut statement = connection.prepare_cached(
        "SELECT e.id, n.name, e.registered_domain, a.ip FROM domain_exchange x JOIN exchange e ON e.id = x.exchange \
         JOIN name n ON n.id = e.name LEFT JOIN address_of_set ea ON ea.address_set = e.addresses LEFT JOIN address a ON a.id = ea.address \
         WHERE x.domain = ?1 ORDER BY x.preference, n.name, a.ip",
    )?;
    let rows = statement.query_map([domain], |row| {
        Ok(WayToServer {
            exchange: row.get(0)?,
            name: row.get(1)?,
            registered_domain: row.get(2)?,
            ip: row.get(3)?,
        })
    })?;
    rows.collect()
}
