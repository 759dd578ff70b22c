//! What is wrong, what becomes of mail, and what is published.

use rusqlite::{Connection, Row};

/// A problem of a domain, or of a server that it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProblemRow {
    /// Row of `name`.
    pub domain: u32,
    /// The word of its severity.
    pub severity: String,
    /// The word of its code.
    pub code: String,
    /// The name or address at which it is; none: the domain itself.
    pub place: Option<String>,
    /// What was seen.
    pub detail: Option<String>,
}

/// Every problem of every domain, or of one (a row of `name`), each once.
pub fn problems(
    connection: &Connection,
    domain: Option<u32>,
    mut each: impl FnMut(ProblemRow),
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(
        "SELECT domain, severity, code, place, detail FROM domain_problem WHERE ?1 IS NULL OR domain = ?1 \
         UNION ALL \
         SELECT s.domain, p.severity, p.code, a.ip, p.detail FROM \
         (SELECT DISTINCT de.domain, ea.address FROM domain_exchange de \
          JOIN exchange_address ea ON ea.exchange = de.exchange \
          WHERE (?1 IS NULL OR de.domain = ?1) AND ea.address IN (SELECT address FROM server_problem)) s \
         JOIN server_problem p ON p.address = s.address JOIN address a ON a.id = s.address",
    )?;
    let mut rows = statement.query([domain])?;
    while let Some(row) = rows.next()? {
        each(ProblemRow {
            domain: row.get(0)?,
            severity: row.get(1)?,
            code: row.get(2)?,
            place: row.get(3)?,
            detail: row.get(4)?,
        });
    }
    Ok(())
}

/// What becomes of a message from one profile of sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FateRow {
    /// The id of the profile.
    pub profile: u8,
    /// Its word.
    pub fate: String,
    /// Who authenticated the server.
    pub authority: Option<String>,
    /// Why it is refused, or less protected.
    pub cause: Option<String>,
    /// The exchange that it reaches, counted by preference, then name, from 0.
    pub exchange: Option<u32>,
    /// Whether an attacker who strips STARTTLS reads it.
    pub strip_wins: Option<bool>,
    /// Whether one who forges DNS answers reads it.
    pub forge_wins: Option<bool>,
    /// Whether it is refused everywhere.
    pub would_lose_mail: Option<bool>,
}

/// The distinct vectors of verdicts, each by profile.
pub fn delivery_vectors(
    connection: &Connection,
    mut each: impl FnMut(u32, FateRow),
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(
        "SELECT vector, profile, fate, authority, cause, exchange, strip_wins, forge_wins, would_lose_mail \
         FROM delivery_vector ORDER BY vector, profile",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        each(row.get(0)?, fate(row)?);
    }
    Ok(())
}

fn fate(row: &Row<'_>) -> rusqlite::Result<FateRow> {
    Ok(FateRow {
        profile: row.get(1)?,
        fate: row.get(2)?,
        authority: row.get(3)?,
        cause: row.get(4)?,
        exchange: row.get(5)?,
        strip_wins: row.get(6)?,
        forge_wins: row.get(7)?,
        would_lose_mail: row.get(8)?,
    })
}

/// What becomes of mail to a domain (a row of `name`), by profile; none where it was not looked up.
pub fn fates_of(connection: &Connection, domain: u32) -> rusqlite::Result<Vec<FateRow>> {
    let mut statement = connection.prepare(
        "SELECT v.vector, profile, fate, authority, cause, exchange, strip_wins, forge_wins, would_lose_mail \
         FROM delivery d JOIN delivery_vector v ON v.vector = d.vector WHERE d.domain = ?1 ORDER BY profile",
    )?;
    let rows = statement.query_map([domain], fate)?;
    rows.collect()
}

/// The vector of every domain (row of `name`).
pub fn deliveries(connection: &Connection, mut each: impl FnMut(u32, u32)) -> rusqlite::Result<()> {
    let mut statement =
        connection.prepare("SELECT domain, vector FROM delivery ORDER BY domain")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        each(row.get(0)?, row.get(1)?);
    }
    Ok(())
}

/// What a domain publishes, as far as it was asked; words of the records, none where a part was not asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublishedPolicies {
    /// State of the SPF record.
    pub spf: Option<String>,
    /// The result of its `all`.
    pub spf_all: Option<String>,
    /// Terms of it that ask the DNS; none: not known, or it hangs on the client.
    pub spf_lookups: Option<u32>,
    /// IPv4 addresses that it lets send; none: not known.
    pub spf_ipv4: Option<u64>,
    /// State of the DMARC record.
    pub dmarc: Option<String>,
    /// What receivers are asked to do, by RFC 9989.
    pub dmarc_9989: Option<String>,
    /// The same by RFC 7489.
    pub dmarc_7489: Option<String>,
    /// State of the DKIM keys.
    pub dkim: Option<String>,
    /// State of the `_mta-sts` record.
    pub mta_sts: Option<String>,
    /// State of the `_smtp._tls` record.
    pub tls_rpt: Option<String>,
    /// State of the CAA records.
    pub caa: Option<String>,
    /// State of the BIMI record.
    pub bimi: Option<String>,
    /// State of the MTA-STS policy by the letter; none: it was not fetched.
    pub sts: Option<String>,
    /// Why it is none.
    pub sts_error: Option<String>,
    /// Its mode.
    pub sts_mode: Option<String>,
    /// What record and policy amount to together; none: it was not fetched.
    pub sts_standing: Option<String>,
}

/// What every domain publishes, or one (a row of `name`).
pub fn published(
    connection: &Connection,
    domain: Option<u32>,
    mut each: impl FnMut(u32, PublishedPolicies),
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(
        "SELECT p.domain, spf, spf_all, dmarc, dmarc_9989, dmarc_7489, dkim, mta_sts, tls_rpt, caa, bimi, strict, error, \
         mode, standing, spf_lookups, spf_ipv4 FROM policy p LEFT JOIN sts s ON s.domain = p.domain WHERE ?1 IS NULL OR p.domain = ?1 ORDER BY p.domain",
    )?;
    let mut rows = statement.query([domain])?;
    while let Some(row) = rows.next()? {
        let published = PublishedPolicies {
            spf: row.get(1)?,
            spf_all: row.get(2)?,
            dmarc: row.get(3)?,
            dmarc_9989: row.get(4)?,
            dmarc_7489: row.get(5)?,
            dkim: row.get(6)?,
            mta_sts: row.get(7)?,
            tls_rpt: row.get(8)?,
            caa: row.get(9)?,
            bimi: row.get(10)?,
            sts: row.get(11)?,
            sts_error: row.get(12)?,
            sts_mode: row.get(13)?,
            sts_standing: row.get(14)?,
            spf_lookups: row.get(15)?,
            spf_ipv4: row.get(16)?,
        };
        each(row.get(0)?, published);
    }
    Ok(())
}
