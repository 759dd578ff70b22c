//! TLSA records of an exchange against what its servers sent (RFC 7672).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rusqlite::{Connection, params};
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::record::{Reason, Tlsa};
use crate::x509::dane::check;

/// What the TLSA question of an exchange said.
pub(super) struct Question {
    /// How it ended; null: it was not asked.
    pub(super) reason: Option<String>,
    /// The base domain.
    pub(super) base: Option<String>,
    /// `secure` or not.
    pub(super) dnssec: Option<String>,
}

impl Question {
    /// Whether the servers must be held against records; else what is known without them.
    pub(super) fn decides(&self) -> Result<(), Option<bool>> {
        match self.reason.as_deref().and_then(Reason::from_word) {
            Some(Reason::Ok) if self.dnssec.as_deref() == Some("secure") => Ok(()),
            // Records outside DNSSEC are none (RFC 7672 §2.1); neither are records that do not exist.
            Some(Reason::Ok) if self.dnssec.is_some() => Err(Some(false)),
            Some(Reason::Nxdomain | Reason::NoData) => Err(Some(false)),
            _ => Err(None),
        }
    }
}

/// Holds the records of `exchange` against the chain of the row `tls`, and notes the result.
pub(super) fn hold(
    connection: &Connection,
    exchange: usize,
    address: u32,
    names: &[&str],
    tls: Option<u32>,
) -> rusqlite::Result<Option<bool>> {
    let records = records(connection, exchange)?;
    let chain = chain(connection, tls)?;
    let at: Option<String> = match tls {
        None => None,
        Some(tls) => connection
            .prepare_cached("SELECT time FROM tls WHERE id = ?1")?
            .query_row([tls], |row| row.get(0))?,
    };
    let at = at
        .and_then(|time| OffsetDateTime::parse(&time, &Rfc3339).ok())
        .unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let dane = check(&records, &chain, names, at);
    let mut reasons: Vec<String> = dane
        .records
        .into_iter()
        .filter_map(|judged| judged.reason)
        .collect();
    reasons.sort_unstable();
    reasons.dedup();
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO exchange_dane (exchange, address, matches, reasons) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![
            exchange as i64,
            address,
            dane.matches,
            (!reasons.is_empty()).then(|| reasons.join(" "))
        ])?;
    Ok(dane.matches)
}

fn records(connection: &Connection, exchange: usize) -> rusqlite::Result<Vec<Tlsa>> {
    let mut statement = connection.prepare_cached(
        "SELECT usage, selector, matching_type, data FROM tlsa WHERE exchange = ?1 ORDER BY position",
    )?;
    let rows = statement.query_map([exchange as i64], |row| {
        Ok(Tlsa {
            usage: row.get(0)?,
            selector: row.get(1)?,
            matching_type: row.get(2)?,
            data: row.get(3)?,
        })
    })?;
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
