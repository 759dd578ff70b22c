//! Records that the tables hold whole. Most `listed` and `domain` records say nothing beyond the columns; their lines,
//! half of all that is read, are not kept, and are made again, byte for byte, where one is wanted.
//!
//! What is whole is decided by the record alone, before it is stored, so that it hangs on nothing else in the database.

use hashbrown::HashMap;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row};

use crate::ndjson::append;
use crate::net::special;
use crate::record::{
    Address, Dnssec, Domain, Exchange, Listed, Outcome, Phase, Reason, Record, Tlsa, TlsaSet,
};

/// Whether `entry` and `list` say all that is in the line.
pub(super) fn is_listed_whole(listed: &Listed, line: &[u8]) -> bool {
    listed.share.map(f64::to_bits) == share(listed.users, listed.of).map(f64::to_bits)
        && is_written_so(listed, line)
}

/// The share of a counted list that its users make.
fn share(users: Option<u64>, of: Option<u64>) -> Option<f64> {
    let (users, of) = (users?, of?);
    Some(users as f64 / of as f64)
}

/// Whether the tables say all that is in the line of a domain.
pub(super) fn is_domain_whole(domain: &Domain, line: &[u8]) -> bool {
    let by_preference = |pair: &[Exchange]| {
        (pair[0].preference, &pair[0].exchange) < (pair[1].preference, &pair[1].exchange)
    };
    domain.outcome.detail.is_none()
        && domain.cname.is_empty()
        && domain.extended_errors.is_empty()
        && domain.answers.is_empty()
        && i64::try_from(domain.elapsed_ms).is_ok()
        && (domain.faults.windows(2)).all(|pair| pair[0].word() < pair[1].word())
        && domain.mx.windows(2).all(by_preference)
        && domain.mx.iter().all(is_exchange_whole)
        && is_written_so(domain, line)
}

fn is_exchange_whole(exchange: &Exchange) -> bool {
    let addresses = &exchange.addresses;
    exchange.left_out == 0
        && exchange.cname.is_empty()
        && exchange.registered_domain.as_deref() != Some("")
        && (exchange.ipv4.iter().chain(&exchange.ipv6)).all(is_plain)
        && (exchange.faults.windows(2)).all(|pair| pair[0].word() < pair[1].word())
        && addresses.windows(2).all(|pair| pair[0].ip < pair[1].ip)
        && (addresses.iter()).all(|address| address.special == special::block(address.ip))
        && (exchange.tlsa.iter()).all(|set| is_plain(&set.outcome))
}

/// The end of a question that its reason alone says.
fn is_plain(outcome: &Outcome) -> bool {
    outcome.detail.is_none() && outcome.phase == phase(outcome.reason)
}

/// The phase at which a question of the DNS ends with this reason.
fn phase(reason: Reason) -> Phase {
    match reason {
        Reason::Ok => Phase::Done,
        _ => Phase::Dns,
    }
}

/// Whether this version writes the record by the same bytes: no other field, no other form of a number or a text.
fn is_written_so<R: Record>(record: &R, line: &[u8]) -> bool {
    let mut written = Vec::with_capacity(line.len() + 1);
    append(&mut written, record);
    written.strip_suffix(b"\n") == Some(line)
}

/// Columns of a whole domain but its exchanges: of `domain d`, `name n` and `run r`.
pub(super) const DOMAIN: &str = "n.name, d.phase, d.reason, d.implicit_mx, d.null_mx, d.dnssec, d.questions, d.elapsed_ms, d.time, r.run";

/// What is wrong with a domain, behind [`DOMAIN`]; null for who reads all domains, and that once ([`FaultsByRow`]).
const DOMAIN_FAULTS: &str =
    "(SELECT group_concat(fault, ' ') FROM domain_fault f WHERE f.domain = d.id)";

/// Columns of the exchanges of a domain: of `domain_exchange x`, `exchange e` and `name n`.
pub(super) const EXCHANGE: &str = "x.domain, e.id, e.name, e.addresses, x.preference, n.name, e.registered_domain, e.ipv4, e.ipv6, e.dnssec, e.tlsa, \
     e.tlsa_base, e.tlsa_dnssec";

/// What is wrong with an exchange, behind [`EXCHANGE`], likewise.
const EXCHANGE_FAULTS: &str =
    "(SELECT group_concat(fault, ' ') FROM exchange_fault f WHERE f.exchange = e.id)";

/// An exchange of a domain with the rows that it comes from.
pub(super) struct ExchangeRow {
    /// Row of `domain`.
    pub(super) domain: usize,
    /// Row of `exchange`.
    pub(super) id: u32,
    /// Row of `name`.
    pub(super) name: u32,
    /// Row of `address_set`.
    pub(super) addresses: u32,
    /// The record, without addresses and TLSA records.
    pub(super) exchange: Exchange,
}

impl ExchangeRow {
    /// From the columns [`EXCHANGE`] and what is wrong with it.
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let outcome = |column| -> rusqlite::Result<Option<Outcome>> {
            let reason: Option<Reason> = word(row, column)?;
            Ok(reason.map(|reason| Outcome::new(phase(reason), reason)))
        };
        let tlsa = match (outcome(10)?, row.get(11)?) {
            (Some(outcome), Some(base)) => Some(TlsaSet {
                base,
                outcome,
                dnssec: state(row, 12)?,
                records: Vec::new(),
            }),
            _ => None,
        };
        Ok(Self {
            domain: row.get::<_, u32>(0)? as usize,
            id: row.get(1)?,
            name: row.get(2)?,
            addresses: row.get(3)?,
            exchange: Exchange {
                exchange: row.get(5)?,
                preference: row.get(4)?,
                registered_domain: row.get(6)?,
                addresses: Vec::new(),
                left_out: 0,
                ipv4: outcome(7)?,
                ipv6: outcome(8)?,
                cname: Vec::new(),
                faults: words(row, 13)?,
                dnssec: state(row, 9)?,
                tlsa,
            },
        })
    }
}

/// A domain from the columns [`DOMAIN`] and what is wrong with it, which begin at `first`; without exchanges.
pub(super) fn domain(row: &Row<'_>, first: usize) -> rusqlite::Result<Domain> {
    let outcome = Outcome::new(
        word(row, first + 1)?.unwrap_or(Phase::Other),
        word(row, first + 2)?.unwrap_or(Reason::Other),
    );
    Ok(Domain {
        domain: row.get(first)?,
        outcome,
        implicit_mx: row.get(first + 3)?,
        null_mx: row.get(first + 4)?,
        mx: Vec::new(),
        cname: Vec::new(),
        faults: words(row, first + 10)?,
        dnssec: state(row, first + 5)?,
        extended_errors: Vec::new(),
        answers: Vec::new(),
        questions: row.get(first + 6)?,
        time: row.get(first + 8)?,
        elapsed_ms: row.get(first + 7)?,
        run: row.get(first + 9)?,
    })
}

fn word<W: for<'w> From<&'w str>>(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<W>> {
    let word = row.get_ref(column)?.as_str_or_null().ok().flatten();
    Ok(word.map(W::from))
}

/// What is wrong with each domain or exchange that has something, by row; in the order of words, as records have it.
pub(super) struct FaultsByRow<F>(HashMap<u32, Vec<F>>);

impl<F: Clone + for<'w> From<&'w str>> FaultsByRow<F> {
    /// Reads a table of them: its first column is the row, its second the word.
    pub(super) fn read(connection: &Connection, sql: &str) -> rusqlite::Result<Self> {
        let mut faults: HashMap<u32, Vec<F>> = HashMap::new();
        let mut statement = connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let fault = F::from(row.get_ref(1)?.as_str().unwrap_or_default());
            faults.entry(row.get(0)?).or_default().push(fault);
        }
        Ok(Self(faults))
    }

    /// Those of a row.
    pub(super) fn of_row(&self, row: u32) -> Vec<F> {
        self.0.get(&row).cloned().unwrap_or_default()
    }
}

/// Words with a blank between.
fn words<W: for<'w> From<&'w str>>(row: &Row<'_>, column: usize) -> rusqlite::Result<Vec<W>> {
    let words = row.get_ref(column)?.as_str_or_null().ok().flatten();
    Ok(words.map_or_else(Vec::new, |words| words.split(' ').map(W::from).collect()))
}

fn state(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Dnssec>> {
    let state = row.get_ref(column)?.as_str_or_null().ok().flatten();
    Ok(state.and_then(Dnssec::from_word))
}

/// Addresses as a record has them: by number, IPv4 first, with the special-purpose blocks they lie in.
pub(super) fn addresses(ips: impl IntoIterator<Item = std::net::IpAddr>) -> Vec<Address> {
    let mut addresses: Vec<Address> = (ips.into_iter())
        .map(|ip| Address {
            ip,
            special: special::block(ip),
        })
        .collect();
    addresses.sort_unstable_by_key(|address| address.ip);
    addresses
}

/// The TLSA records of exchanges.
pub(super) struct TlsaRecords<'c>(CachedStatement<'c>);

impl<'c> TlsaRecords<'c> {
    pub(super) fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        connection
            .prepare_cached(
                "SELECT usage, selector, matching_type, data FROM tlsa WHERE exchange = ?1 ORDER BY position",
            )
            .map(Self)
    }

    /// Those of a row of `exchange`, in order.
    pub(super) fn read(&mut self, exchange: i64) -> rusqlite::Result<Vec<Tlsa>> {
        let rows = self.0.query_map([exchange], |row| {
            Ok(Tlsa {
                usage: row.get(0)?,
                selector: row.get(1)?,
                matching_type: row.get(2)?,
                data: row.get(3)?,
            })
        })?;
        rows.collect()
    }
}

/// The record of a domain (a row of `name`) whose line is not kept; none: no such domain.
pub(super) fn read_domain(connection: &Connection, id: i64) -> rusqlite::Result<Option<Domain>> {
    let found = connection
        .prepare_cached(&format!(
            "SELECT {DOMAIN}, {DOMAIN_FAULTS} FROM domain d JOIN name n ON n.id = d.id JOIN run r ON r.id = d.run WHERE d.id = ?1"
        ))?
        .query_row([id], |row| domain(row, 0))
        .optional()?;
    let Some(mut domain) = found else {
        return Ok(None);
    };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {EXCHANGE}, {EXCHANGE_FAULTS} FROM domain_exchange x JOIN exchange e ON e.id = x.exchange JOIN name n ON n.id = e.name \
         WHERE x.domain = ?1 ORDER BY x.preference, n.name"
    ))?;
    let rows: Vec<ExchangeRow> = statement
        .query_map([id], ExchangeRow::read)?
        .collect::<Result<_, _>>()?;
    let mut ips = connection.prepare_cached(
        "SELECT a.ip FROM address_of_set s JOIN address a ON a.id = s.address WHERE s.address_set = ?1",
    )?;
    let mut tlsa = TlsaRecords::new(connection)?;
    for row in rows {
        let mut exchange = row.exchange;
        let found: Vec<String> = ips
            .query_map([row.addresses], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        exchange.addresses = addresses(found.iter().filter_map(|ip| ip.parse().ok()));
        if let Some(set) = &mut exchange.tlsa {
            set.records = tlsa.read(i64::from(row.id))?;
        }
        domain.mx.push(exchange);
    }
    Ok(Some(domain))
}
