//! Domains, their names, their exchanges, and the lists that they stand on.

use rusqlite::{Connection, OptionalExtension};

/// A row of `judged_domain`.
#[derive(Clone, Copy, Debug)]
pub struct JudgedDomain<'a> {
    /// Row of `name`.
    pub domain: u32,
    /// The word of its status.
    pub status: &'a str,
    /// A better preference was passed over.
    pub not_best: bool,
    /// Row of `tls` of the server that stands for it; 0: none with TLS.
    pub tls: u32,
    /// Row of `exchange` of that server; 0: none answered.
    pub exchange: u32,
    /// Packed facts.
    pub facts: i64,
}

/// The last row number of `name`.
pub fn last_name(connection: &Connection) -> rusqlite::Result<u32> {
    connection.query_row("SELECT coalesce(max(id), 0) FROM name", [], |row| {
        row.get(0)
    })
}

/// Every judged domain, by row.
pub fn judged_domains(
    connection: &Connection,
    mut each: impl FnMut(JudgedDomain<'_>),
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(
        "SELECT domain, status, not_best, coalesce(tls, 0), coalesce(exchange, 0), facts FROM judged_domain",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        each(JudgedDomain {
            domain: row.get(0)?,
            status: row.get_ref(1)?.as_str().unwrap_or_default(),
            not_best: row.get(2)?,
            tls: row.get(3)?,
            exchange: row.get(4)?,
            facts: row.get(5)?,
        });
    }
    Ok(())
}

/// A list.
#[derive(Clone, Debug)]
pub struct ListRow {
    /// Row of `list`.
    pub id: i64,
    /// Its name.
    pub source: String,
    /// Users in all, of a counted list.
    pub of: Option<u64>,
}

/// The lists that count users, or those that do not, by name.
pub fn lists(connection: &Connection, counted: bool) -> rusqlite::Result<Vec<ListRow>> {
    let mut statement = connection
        .prepare("SELECT id, source, of FROM list WHERE (of IS NOT NULL) = ?1 ORDER BY source")?;
    let rows = statement.query_map([counted], |row| {
        Ok(ListRow {
            id: row.get(0)?,
            source: row.get(1)?,
            of: row.get(2)?,
        })
    })?;
    rows.collect()
}

/// The entries of a list, each as row of `name`, rank (0: none) and users.
pub fn entries(
    connection: &Connection,
    list: i64,
    mut each: impl FnMut(u32, u32, u64),
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "SELECT domain, coalesce(rank, 0), coalesce(users, 0) FROM entry WHERE list = ?1",
    )?;
    let mut rows = statement.query([list])?;
    while let Some(row) = rows.next()? {
        let rank = row.get::<_, i64>(1)?.try_into().unwrap_or(u32::MAX);
        each(row.get(0)?, rank, row.get(2)?);
    }
    Ok(())
}

/// Every name of a domain or exchange, by row.
pub fn names(connection: &Connection, mut each: impl FnMut(u32, &str)) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("SELECT id, name FROM name ORDER BY id")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        each(row.get(0)?, row.get_ref(1)?.as_str().unwrap_or_default());
    }
    Ok(())
}

/// A name by its row.
pub fn name(connection: &Connection, id: u32) -> rusqlite::Result<Option<String>> {
    let mut statement = connection.prepare_cached("SELECT name FROM name WHERE id = ?1")?;
    statement.query_row([id], |row| row.get(0)).optional()
}

/// The row of a name.
pub fn number(connection: &Connection, name: &str) -> rusqlite::Result<Option<u32>> {
    let mut statement = connection.prepare_cached("SELECT id FROM name WHERE name = ?1")?;
    statement.query_row([name], |row| row.get(0)).optional()
}

/// The last row number of `exchange`.
pub fn last_exchange(connection: &Connection) -> rusqlite::Result<u32> {
    connection.query_row("SELECT coalesce(max(id), 0) FROM exchange", [], |row| {
        row.get(0)
    })
}

/// Every exchange: its row, the row of its name, and its registered domain.
pub fn exchanges(
    connection: &Connection,
    mut each: impl FnMut(u32, u32, Option<&str>),
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("SELECT id, name, registered_domain FROM exchange")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let registered = row.get_ref(2)?.as_str_or_null().ok().flatten();
        each(row.get(0)?, row.get(1)?, registered);
    }
    Ok(())
}

/// Every exchange of every domain: domain, preference and row of `exchange`, in this order.
pub fn domain_exchanges(
    connection: &Connection,
    mut each: impl FnMut(u32, u32, u32),
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(
        "SELECT domain, preference, exchange FROM domain_exchange ORDER BY domain, preference, exchange",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        each(row.get(0)?, row.get(1)?, row.get(2)?);
    }
    Ok(())
}
