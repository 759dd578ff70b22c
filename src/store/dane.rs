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
    let is_misnamed =
        (dane.records.iter()).any(|judged| judged.reason.as_deref() == Some("name_mismatch"));
    let matches = match dane.matches {
        Some(false) if is_misnamed => {
            let domains = secure_domains(connection, exchange)?;
            named_by(&domains, |names| check(&records, &chain, names, at).matches)
        }
        matches => matches,
    };
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
            matches,
            (!reasons.is_empty()).then(|| reasons.join(" "))
        ])?;
    Ok(matches)
}

/// Whether the records hold for the next-hop domains, which a certificate may name as well (RFC 7672 §3.2.2); null where
/// they hold for some of them only.
fn named_by(domains: &[String], matches: impl Fn(&[&str]) -> Option<bool>) -> Option<bool> {
    let domains: Vec<&str> = domains.iter().map(String::as_str).collect();
    if domains.is_empty() || matches(&domains) == Some(false) {
        return Some(false);
    }
    let is_each = domains
        .iter()
        .all(|&domain| matches(&[domain]) == Some(true));
    is_each.then_some(true)
}

/// The domains whose MX records lead to `exchange` under DNSSEC.
fn secure_domains(connection: &Connection, exchange: usize) -> rusqlite::Result<Vec<String>> {
    // Few exchanges are asked for, if any; the first one pays for the order.
    connection.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS exchange_domain (exchange, domain, PRIMARY KEY (exchange, domain)) WITHOUT ROWID",
    )?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_may_name_the_next_hop_domain() {
        let named = |domains: &[&str]| {
            let domains: Vec<String> = domains.iter().map(|&it| it.into()).collect();
            named_by(&domains, |names| Some(names.contains(&"a.test")))
        };
        assert_eq!(named(&["a.test"]), Some(true));
        assert_eq!(named(&["a.test", "b.test"]), None);
        assert_eq!(named(&["b.test"]), Some(false));
        assert_eq!(named(&[]), Some(false));
    }
}
