//! TLSA records of an exchange against what its servers sent (RFC 7672).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rusqlite::{Connection, params};
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::judge::dane::{Dane, named_by};
use crate::store::whole::TlsaRecords;
use crate::x509::dane::{MismatchReason, TlsaFault, check};

/// A server that is held against the records of an exchange.
pub(super) struct Held<'a> {
    /// Row of `exchange`.
    pub(super) exchange: usize,
    /// Row of `address`.
    pub(super) address: u32,
    /// The names that count together: the TLSA base domain, and the exchange.
    pub(super) names: &'a [&'a str],
    /// Row of `tls`.
    pub(super) tls: Option<u32>,
    /// Whether it has TLS.
    pub(super) has_tls: Option<bool>,
}

/// Makes the table that [`hold`] may fill; before any query runs, since a new table would abort it.
pub(super) fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS exchange_domain (exchange, domain, PRIMARY KEY (exchange, domain)) WITHOUT ROWID; \
         DELETE FROM exchange_domain",
    )
}

/// Holds the records against what the server sent, and notes the result.
pub(super) fn hold(connection: &Connection, held: &Held<'_>) -> rusqlite::Result<Dane> {
    let (matches, reasons) = match held.has_tls {
        // Records want TLS (RFC 7672 §2.2): where STARTTLS is refused there is no chain to look at.
        Some(false) => (None, Vec::new()),
        _ => chain_matches(connection, held)?,
    };
    let dane = Dane::with_records(held.has_tls, matches);
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO exchange_dane (exchange, address, dane) VALUES (?1, ?2, ?3)",
        )?
        .execute(params![held.exchange as i64, held.address, dane.word(),])?;
    for reason in reasons {
        connection
            .prepare_cached(
                "INSERT OR IGNORE INTO exchange_dane_reason (exchange, address, reason) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![held.exchange as i64, held.address, reason])?;
    }
    Ok(dane)
}

/// Whether a record matches the chain of the row `tls`, and why those that do not match do not.
fn chain_matches(
    connection: &Connection,
    held: &Held<'_>,
) -> rusqlite::Result<(Option<bool>, Vec<&'static str>)> {
    let records = TlsaRecords::new(connection)?.read(held.exchange as i64)?;
    let chain = chain(connection, held.tls)?;
    let at: Option<String> = match held.tls {
        None => None,
        Some(tls) => connection
            .prepare_cached("SELECT time FROM tls WHERE id = ?1")?
            .query_row([tls], |row| row.get(0))?,
    };
    let at = at
        .and_then(|time| OffsetDateTime::parse(&time, &Rfc3339).ok())
        .unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let dane = check(&records, &chain, held.names, at);
    let misnamed = Some(MismatchReason::Record(TlsaFault::NameMismatch));
    let is_misnamed = (dane.records.iter()).any(|judged| judged.reason == misnamed);
    let matches = match dane.matches {
        Some(false) if is_misnamed => {
            let domains = secure_domains(connection, held.exchange)?;
            named_by(&domains, |names| check(&records, &chain, names, at).matches)
        }
        matches => matches,
    };
    let mut reasons: Vec<&'static str> = (dane.records.iter())
        .filter_map(|judged| Some(judged.reason?.word()))
        .collect();
    reasons.sort_unstable();
    reasons.dedup();
    Ok((matches, reasons))
}

/// The domains whose MX records lead to `exchange` under DNSSEC.
fn secure_domains(connection: &Connection, exchange: usize) -> rusqlite::Result<Vec<String>> {
    // Few exchanges are asked for, if any; the first one pays for the order.
    let is_empty: bool = connection
        .prepare_cached("SELECT NOT EXISTS (SELECT 1 FROM exchange_domain)")?
        .query_row([], |row| row.get(0))?;
    if is_empty {
        connection.execute_batch(
            "INSERT OR IGNORE INTO exchange_domain SELECT exchange, domain FROM domain_exchange",
        )?;
    }
    let mut statement = connection.prepare_cached(
        "SELECT n.name FROM exchange_domain e JOIN domain d ON d.id = e.domain JOIN name n ON n.id = d.id \
         WHERE e.exchange = ?1 AND d.dnssec = 'secure'",
    )?;
    let rows = statement.query_map([exchange as i64], |row| row.get(0))?;
    rows.collect()
}

/// The DER of a chain; none at all where one of its certificates was never seen.
fn chain(connection: &Connection, tls: Option<u32>) -> rusqlite::Result<Vec<Vec<u8>>> {
    #[derive(Deserialize)]
    struct Der {
        der: String,
    }
    let mut statement = connection.prepare_cached(
        "SELECT c.line FROM chain h JOIN certificate c ON c.id = h.certificate WHERE h.tls = ?1 ORDER BY h.position",
    )?;
    let mut rows = statement.query([tls])?;
    let mut chain = Vec::new();
    while let Some(row) = rows.next()? {
        let line = row.get_ref(0)?.as_bytes_or_null()?;
        let der = line
            .and_then(|line| serde_json::from_slice::<Der>(line).ok())
            .and_then(|it| STANDARD.decode(it.der).ok());
        match der {
            Some(der) => chain.push(der),
            None => return Ok(Vec::new()),
        }
    }
    Ok(chain)
}
