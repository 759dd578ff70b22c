//! TLSA records of an exchange against what its servers sent (RFC 7672).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hashbrown::HashMap;
use rusqlite::{Connection, params};
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::judge::dane::{Dane, named_by};
use crate::judge::domain::Resolution;
use crate::judge::problem::Problem;
use crate::judge::rollover::{
    PublishedRecord, Rollover, SentCertificate, ServerKeys, TlsaCoverage,
};
use crate::record::{Enumeration, LeafKey, Reason, TlsVersion, Tlsa};
use crate::store::whole::TlsaRecords;
use crate::x509::dane::{Judged, MismatchReason, TlsaFault, check, is_usable};
use crate::x509::facts;

/// What is wrong with the TLSA records of an exchange, by its row; few have anything.
pub(super) type TlsaProblems = HashMap<u32, Vec<Problem>>;

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
    let mut statement = connection.prepare_cached(
        "SELECT c.line FROM chain h JOIN certificate c ON c.id = h.certificate WHERE h.tls = ?1 ORDER BY h.position",
    )?;
    let mut rows = statement.query([tls])?;
    let mut chain = Vec::new();
    while let Some(row) = rows.next()? {
        let line = row.get_ref(0)?.as_bytes_or_null()?;
        match line.and_then(decoded) {
            Some(der) => chain.push(der),
            None => return Ok(Vec::new()),
        }
    }
    Ok(chain)
}

/// Where the TLSA records of an exchange (its row) stand in a change of key; none: it has none under DNSSEC.
///
/// # Errors
///
/// Those of the database.
pub fn rollover(connection: &Connection, exchange: i64) -> rusqlite::Result<Option<Rollover>> {
    let question = connection
        .prepare_cached("SELECT ipv4, ipv6, tlsa, tlsa_dnssec FROM exchange WHERE id = ?1")?
        .query_row([exchange], |row| {
            let word = |at| row.get::<_, Option<String>>(at);
            Ok([word(0)?, word(1)?, word(2)?, word(3)?])
        })?;
    let [ipv4, ipv6, tlsa, dnssec] = question;
    if tlsa.as_deref() != Some("ok") || dnssec.as_deref() != Some("secure") {
        return Ok(None);
    }
    let ended =
        |word: Option<String>| word.map(|it| Reason::from_word(&it).unwrap_or(Reason::Other));
    let mut statement = connection.prepare_cached(
        "SELECT a.ip, (SELECT t.id FROM tls t JOIN meta m ON m.key = 'port' AND m.value = t.port \
         WHERE t.address = a.id AND coalesce(t.sni, 0) IN (0, e.name) ORDER BY coalesce(t.sni, 0) DESC LIMIT 1) \
         FROM exchange e JOIN exchange_address x ON x.exchange = e.id JOIN address a ON a.id = x.address \
         WHERE e.id = ?1 ORDER BY a.id",
    )?;
    let servers: Vec<(String, Option<u32>)> = statement
        .query_map([exchange], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let resolution = Resolution::new(ended(ipv4), ended(ipv6), !servers.is_empty());
    let coverage = coverage(connection, exchange as usize, &servers, resolution.is_open)?;
    Ok(Some(coverage.rollover()))
}

/// The records of an exchange, and what each of its servers (address for people, row of `tls`) sends.
pub(super) fn coverage(
    connection: &Connection,
    exchange: usize,
    servers: &[(String, Option<u32>)],
    is_open: bool,
) -> rusqlite::Result<TlsaCoverage> {
    let records = TlsaRecords::new(connection)?.read(exchange as i64)?;
    let servers = servers
        .iter()
        .map(|(address, tls)| keys(connection, address, *tls, &records))
        .collect::<rusqlite::Result<_>>()?;
    let published = |record: &Tlsa| PublishedRecord {
        parameters: record.parameters(),
        data: record.data.clone(),
        is_usable: is_usable(record),
    };
    Ok(TlsaCoverage {
        records: records.iter().map(published).collect(),
        servers,
        is_open,
    })
}

/// The certificates that a server sends, and which records name them.
fn keys(
    connection: &Connection,
    address: &str,
    tls: Option<u32>,
    records: &[Tlsa],
) -> rusqlite::Result<ServerKeys> {
    let mut keys = ServerKeys {
        address: address.to_owned(),
        ..ServerKeys::default()
    };
    let chain = chain(connection, tls)?;
    let (Some(tls), Some(leaf)) = (tls, chain.first()) else {
        return Ok(keys);
    };
    // Whether a record names a certificate hangs on neither name nor time.
    let at = OffsetDateTime::UNIX_EPOCH;
    let judged = check(records, &chain, &[], at).records;
    keys.sent.push(SentCertificate {
        key: key_of(leaf),
        named: judged.iter().map(names).collect(),
    });
    let Some(enumeration) = enumeration(connection, tls)? else {
        return Ok(keys);
    };
    // Suites of TLS 1.2 name the kind of key: whoever was asked for all of them has shown each.
    let is_asked = enumeration.ciphers.get(&TlsVersion::Tls12).is_some();
    keys.is_whole = is_asked && enumeration.unknown.is_empty();
    for sha256 in enumeration.leaves.values() {
        let Some(other) = der(connection, sha256)? else {
            keys.is_whole = false;
            continue;
        };
        if other == *leaf {
            continue;
        }
        let alone = check(records, std::slice::from_ref(&other), &[], at).records;
        // What stands above it was not recorded beside it.
        let named = records.iter().zip(&alone);
        keys.sent.push(SentCertificate {
            key: key_of(&other),
            named: named
                .map(|(record, judged)| names(judged).filter(|_| record.usage == 3))
                .collect(),
        });
    }
    Ok(keys)
}

/// Whether a record names a certificate of the chain, by its data alone.
fn names(judged: &Judged) -> Option<bool> {
    if judged.matches == Some(true) || judged.certificate.is_some() {
        return Some(true);
    }
    let absent = MismatchReason::Record(TlsaFault::NoSuchCertificate);
    (judged.reason == Some(absent)).then_some(false)
}

fn key_of(der: &[u8]) -> Option<LeafKey> {
    let leaf = facts::leaf(der).ok()?;
    LeafKey::from_word(leaf.key_type.word())
}

/// What `--enumerate` found at a server.
fn enumeration(connection: &Connection, tls: u32) -> rusqlite::Result<Option<Enumeration>> {
    #[derive(Deserialize)]
    struct Line {
        #[serde(default)]
        enumeration: Option<Enumeration>,
    }
    connection
        .prepare_cached("SELECT line FROM tls WHERE id = ?1")?
        .query_row([tls], |row| {
            let line = row.get_ref(0)?.as_bytes_or_null()?;
            let line = line.and_then(|line| serde_json::from_slice::<Line>(line).ok());
            Ok(line.and_then(|line| line.enumeration))
        })
}

/// The DER of a certificate; none where it was never seen.
fn der(connection: &Connection, sha256: &str) -> rusqlite::Result<Option<Vec<u8>>> {
    let mut statement =
        connection.prepare_cached("SELECT line FROM certificate WHERE sha256 = ?1")?;
    let mut rows = statement.query([sha256])?;
    match rows.next()? {
        Some(row) => Ok(row.get_ref(0)?.as_bytes_or_null()?.and_then(decoded)),
        None => Ok(None),
    }
}

/// The DER in a `cert` line.
fn decoded(line: &[u8]) -> Option<Vec<u8>> {
    #[derive(Deserialize)]
    struct Der {
        der: String,
    }
    let line: Der = serde_json::from_slice(line).ok()?;
    STANDARD.decode(line.der).ok()
}
