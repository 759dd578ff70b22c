//! Servers: what they offer, speak and run, and those that did not answer.

use rusqlite::Connection;

/// How many servers were judged.
pub fn server_count(connection: &Connection) -> rusqlite::Result<u64> {
    connection.query_row("SELECT count(*) FROM judged_server", [], |row| row.get(0))
}

/// How many servers answered EHLO or HELO.
pub fn answered_count(connection: &Connection) -> rusqlite::Result<u64> {
    connection.query_row(
        "SELECT count(*) FROM judged_server WHERE answered",
        [],
        |row| row.get(0),
    )
}

/// Whether every server that was judged is on loopback.
pub fn is_all_loopback(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row(
        "SELECT NOT EXISTS (SELECT 1 FROM judged_server j JOIN address a ON a.id = j.address \
         WHERE a.ip NOT LIKE '127.%' AND a.ip <> '::1')",
        [],
        |row| row.get(0),
    )
}

/// The packed facts of every server.
pub fn server_facts(connection: &Connection, mut each: impl FnMut(i64)) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("SELECT facts FROM judged_server")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        each(row.get(0)?);
    }
    Ok(())
}

/// Row of `tls` and packed facts of every server with a handshake.
pub fn handshakes(connection: &Connection, mut each: impl FnMut(u32, i64)) -> rusqlite::Result<()> {
    let mut statement =
        connection.prepare("SELECT tls, facts FROM judged_server WHERE tls IS NOT NULL")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        each(row.get(0)?, row.get(1)?);
    }
    Ok(())
}

/// What can be asked of a handshake by its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsValue {
    /// The version.
    Version,
    /// The suite, by OpenSSL's name where it has one.
    Cipher,
    /// The group of the key exchange, or what stands in for it.
    Group,
    /// The verdict against the first named store.
    Verdict,
    /// A weakness; there may be several.
    Weakness,
    /// `guideline: level`, for each guideline.
    Level,
}

impl TlsValue {
    fn sql(self) -> &'static str {
        match self {
            Self::Version => "SELECT id, version FROM tls WHERE version IS NOT NULL ORDER BY id",
            Self::Cipher => {
                "SELECT id, coalesce(openssl, cipher) FROM tls WHERE cipher IS NOT NULL ORDER BY id"
            }
            Self::Group => {
                "SELECT id, coalesce(\"group\", dh_name, 'dh ' || dh_bits, 'none or not seen') FROM tls \
                 WHERE version IS NOT NULL ORDER BY id"
            }
            Self::Verdict => "SELECT tls, reason FROM verdict WHERE position = 0 ORDER BY tls",
            Self::Weakness => {
                "SELECT t.id, w.weakness FROM server_weakness w JOIN judged_server j ON j.address = w.address \
                 JOIN tls f ON f.id = j.tls JOIN tls t ON t.address = f.address AND t.port = f.port ORDER BY t.id"
            }
            Self::Level => {
                "SELECT t.id, l.edition || ': ' || l.level FROM server_level l JOIN judged_server j ON j.address = l.address \
                 JOIN tls f ON f.id = j.tls JOIN tls t ON t.address = f.address AND t.port = f.port ORDER BY t.id"
            }
        }
    }
}

/// A value of every handshake that has it, by row of `tls`.
pub fn tls_values(
    connection: &Connection,
    value: TlsValue,
    mut each: impl FnMut(u32, &str),
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(value.sql())?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        each(row.get(0)?, row.get_ref(1)?.as_str().unwrap_or_default());
    }
    Ok(())
}

/// The verdicts against the first named store that are a no: row of `tls`, reason, and what else is wrong (words with
/// blanks between).
pub fn not_valid(
    connection: &Connection,
    mut each: impl FnMut(u32, &str, &str),
) -> rusqlite::Result<()> {
    let mut statement = connection
        .prepare(
            "SELECT tls, reason, (SELECT group_concat(reason, ' ') FROM verdict_also a WHERE a.tls = v.tls AND a.position = 0) \
             FROM verdict v WHERE position = 0 AND valid = 0",
        )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let also = row.get_ref(2)?.as_str_or_null().ok().flatten();
        let reason = row.get_ref(1)?.as_str().unwrap_or_default();
        each(row.get(0)?, reason, also.unwrap_or_default());
    }
    Ok(())
}

/// Rows of `tls` of servers with one of these weaknesses (each a word of ours).
pub fn handshakes_with(connection: &Connection, weaknesses: &[&str]) -> rusqlite::Result<Vec<u32>> {
    let wanted = vec!["?"; weaknesses.len()].join(", ");
    let mut statement = connection.prepare(&format!(
        "SELECT DISTINCT j.tls FROM server_weakness w JOIN judged_server j ON j.address = w.address \
         WHERE j.tls IS NOT NULL AND w.weakness IN ({wanted})"
    ))?;
    let rows = statement.query_map(rusqlite::params_from_iter(weaknesses), |row| row.get(0))?;
    rows.collect()
}

/// Servers of one kind, and the domains behind them, each as often as it has such a server.
#[derive(Clone, Debug)]
pub struct ServerKind {
    /// What they have in common.
    pub what: String,
    /// How many.
    pub servers: u64,
    /// Domains behind them.
    pub domains: u64,
}

/// Distinct sets of EHLO keywords (with blanks between).
pub fn keyword_sets(connection: &Connection) -> rusqlite::Result<Vec<ServerKind>> {
    kinds(
        connection,
        "SELECT c.keywords, count(*), sum(j.domains) FROM judged_server j JOIN smtp s ON s.id = j.smtp \
         JOIN capability_set c ON c.id = s.capabilities GROUP BY c.id",
    )
}

/// What servers that answered run, by their own words.
pub fn software(connection: &Connection) -> rusqlite::Result<Vec<ServerKind>> {
    kinds(
        connection,
        "SELECT coalesce(s.software, 'not told'), count(*), sum(j.domains) FROM judged_server j \
         JOIN smtp s ON s.id = j.smtp WHERE j.answered GROUP BY 1",
    )
}

fn kinds(connection: &Connection, sql: &str) -> rusqlite::Result<Vec<ServerKind>> {
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| {
        Ok(ServerKind {
            what: row.get(0)?,
            servers: row.get(1)?,
            domains: row.get(2)?,
        })
    })?;
    rows.collect()
}

/// A server that answered neither EHLO nor HELO.
#[derive(Clone, Debug)]
pub struct Silent {
    /// Row of `address`.
    pub address: u32,
    /// How far it came.
    pub phase: String,
    /// Why no further.
    pub reason: String,
    /// Domains behind it.
    pub domains: u64,
}

/// The servers that did not answer.
pub fn silent(connection: &Connection) -> rusqlite::Result<Vec<Silent>> {
    let mut statement = connection.prepare(
        "SELECT j.address, s.phase, s.reason, j.domains FROM judged_server j JOIN smtp s ON s.id = j.smtp \
         WHERE NOT j.answered",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(Silent {
            address: row.get(0)?,
            phase: row.get(1)?,
            reason: row.get(2)?,
            domains: row.get(3)?,
        })
    })?;
    rows.collect()
}

/// Every address with the registered domain of each exchange that leads to it.
pub fn address_operators(
    connection: &Connection,
    mut each: impl FnMut(u32, &str),
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(
        // In the order of `exchange`, which is read from its beginning to its end; the other way round each row of it, and
        // each name, would be looked up in another place of the file.
        "SELECT s.address, coalesce(e.registered_domain, (SELECT n.name FROM name n WHERE n.id = e.name)) \
         FROM exchange e CROSS JOIN address_of_set s ON s.address_set = e.addresses",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        each(row.get(0)?, row.get_ref(1)?.as_str().unwrap_or_default());
    }
    Ok(())
}

/// The key (SHA-256) of the leaf of every server, with row of `address` and of `certificate`.
pub fn leaf_keys(
    connection: &Connection,
    mut each: impl FnMut(&str, u32, u32),
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(
        "SELECT c.spki_sha256, j.address, c.id FROM judged_server j JOIN tls t ON t.id = j.tls \
         JOIN certificate c ON c.id = t.leaf WHERE c.spki_sha256 IS NOT NULL",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let key = row.get_ref(0)?.as_str().unwrap_or_default();
        each(key, row.get(1)?, row.get(2)?);
    }
    Ok(())
}

/// What many domains can share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SharedThing {
    /// Exchanges, by name.
    Exchanges,
    /// Addresses, with the greeting.
    Addresses,
    /// Leaf certificates, with the issuer.
    Certificates,
}

/// Something with the domains that share it.
#[derive(Clone, Debug)]
pub struct SharedBy {
    /// What it is.
    pub what: String,
    /// What else is said of it.
    pub detail: Option<String>,
    /// How many domains share it.
    pub domains: u64,
}

/// Those that most domains share, at most `limit`.
pub fn most_shared(
    connection: &Connection,
    shared: SharedThing,
    limit: usize,
) -> rusqlite::Result<Vec<SharedBy>> {
    let mut statement = connection.prepare(match shared {
        SharedThing::Exchanges => {
            "SELECT n.name, NULL, j.domains FROM judged_exchange j JOIN name n ON n.id = j.name \
             ORDER BY j.domains DESC, n.name LIMIT ?1"
        }
        SharedThing::Addresses => {
            "SELECT a.ip, s.banner, j.domains FROM judged_server j JOIN address a ON a.id = j.address \
             LEFT JOIN smtp s ON s.id = j.smtp ORDER BY j.domains DESC, a.ip LIMIT ?1"
        }
        SharedThing::Certificates => {
            "SELECT coalesce(c.subject, '') || ' ' || substr(c.sha256, 1, 16), c.issuer, j.domains \
             FROM judged_certificate j JOIN certificate c ON c.id = j.certificate \
             ORDER BY j.domains DESC, c.sha256 LIMIT ?1"
        }
    })?;
    let rows = statement.query_map([i64::try_from(limit).unwrap_or(i64::MAX)], |row| {
        Ok(SharedBy {
            what: row.get(0)?,
            detail: row.get(1)?,
            domains: row.get(2)?,
        })
    })?;
    rows.collect()
}
