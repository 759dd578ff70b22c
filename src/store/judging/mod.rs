//! The judged tables: facts are read in one pass over ordered rows, handed to the rules of `crate::judge`, and what these
//! say is written down. They are made again from nothing whenever facts or rules changed.
//!
//! Memory: some 40 bytes for an address or exchange, and for a way from one to the other 16; domains stream by.

mod addresses;
mod dane;
mod exchanges;
mod mail;
mod merge;
mod names;
mod weigh;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use hashbrown::HashMap;
use rusqlite::{Connection, OptionalExtension, Row, Statement, params};

use self::addresses::AddressSets;
pub use self::dane::rollover;
use self::merge::{Merge, index};
use self::names::CertificateNames;
use super::error::StoreError;
use crate::judge::Fact;
use crate::judge::dane::DaneAnswers;
use crate::judge::domain::{
    Choice, DomainVerdict, Reached, Resolution, Route, Silence, server, without_exchanges,
};
use crate::judge::facts::{Server, TlsFacts};
use crate::record::{Dnssec, Reason};
use crate::x509::names::NameMatch;

/// Changes with what this module computes: older judgements are made again.
const RULES_VERSION: i64 = 8;

/// Whether the judgements are those of the facts as they stand.
pub fn is_judged(connection: &Connection) -> Result<bool, StoreError> {
    let value = |key: &str| -> rusqlite::Result<Option<i64>> {
        connection
            .query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| {
                row.get(0)
            })
            .optional()
    };
    let changes = value("changes")?.unwrap_or(0);
    Ok(value("judged")? == Some(changes) && value("rules")? == Some(RULES_VERSION))
}

/// Certificates are told of that end within so many days of their scan; the judgements are made anew where that changes.
/// None: as it was.
pub fn expire_within(connection: &Connection, days: Option<u32>) -> Result<(), StoreError> {
    let Some(days) = days else {
        return Ok(());
    };
    let changed = connection.execute(
        "INSERT INTO meta (key, value) VALUES ('expiry_days', ?1) ON CONFLICT (key) DO UPDATE SET value = ?1 \
         WHERE value <> ?1",
        [days],
    )?;
    if changed > 0 {
        connection.execute("DELETE FROM meta WHERE key = 'judged'", [])?;
    }
    Ok(())
}

/// Makes the judgements, in one transaction; false: `stop` was set before they were whole, and nothing changed.
pub fn judge(connection: &mut Connection, stop: &AtomicBool) -> Result<bool, StoreError> {
    // What is judged can be made again: without a log its new pages are written once, straight to their places. Where
    // another program reads, the log stays.
    let _ = connection.pragma_update(None, "journal_mode", "delete");
    let transaction = connection.transaction()?;
    transaction.execute_batch(
        "DELETE FROM exchange_certificate; DELETE FROM domain_certificate; DELETE FROM judged_server; \
         DELETE FROM exchange_dane; DELETE FROM exchange_dane_reason; DELETE FROM server_weakness; DELETE FROM server_level; \
         DELETE FROM judged_exchange; DELETE FROM judged_certificate; DELETE FROM judged_domain; \
         DELETE FROM delivery; DELETE FROM delivery_vector; DELETE FROM server_problem; DELETE FROM domain_problem;",
    )?;
    let addresses = AddressSets::read(&transaction)?;
    let mut judge = Judge::new(&transaction, &addresses)?;
    judge.exchanges()?;
    if !judge.domains(stop)? {
        return Ok(false);
    }
    judge.shared()?;
    let port = judge.port;
    let tlsa_problems = std::mem::take(&mut judge.tlsa_problems);
    drop(judge);
    weigh::weigh(&transaction)?;
    if !mail::judge(&transaction, port, (&addresses, &tlsa_problems), stop)? {
        return Ok(false);
    }
    transaction.execute(
        "INSERT OR REPLACE INTO meta (key, value) VALUES ('port', ?1), ('rules', ?2), \
         ('judged', coalesce((SELECT value FROM meta WHERE key = 'changes'), 0))",
        params![port, RULES_VERSION],
    )?;
    transaction.commit()?;
    Ok(true)
}

/// An address at the survey's port.
struct Probed {
    smtp: Option<u32>,
    server: Server,
    silence: Silence,
}

/// A `tls` row.
#[derive(Clone, Copy)]
struct Shaken {
    id: u32,
    handshake: TlsFacts,
    leaf: Option<u32>,
}

/// What an exchange resolved to.
#[derive(Clone, Copy, Default)]
struct Resolved {
    name: u32,
    first: u32,
    routes: u32,
    resolution: Resolution,
}

/// What is said of an exchange, for all servers behind it.
struct ExchangeFacts<'r> {
    /// Row of `exchange`.
    id: usize,
    /// Row of `name`.
    name: u32,
    text: &'r str,
    /// The TLSA base domain.
    base: Option<&'r str>,
    question: DaneAnswers,
}

struct Judge<'c> {
    connection: &'c Connection,
    addresses: &'c AddressSets,
    port: u16,
    /// By row of `address`.
    probed: Vec<Option<Probed>>,
    /// Domains by row of `address`.
    by_address: Vec<u32>,
    shaken: HashMap<(u32, u32), Shaken>,
    /// By row of `exchange`.
    exchanges: Vec<Resolved>,
    routes: Vec<Route>,
    names: CertificateNames<'c>,
    by_exchange: HashMap<u32, u32>,
    by_leaf: HashMap<u32, u32>,
    /// What is wrong with the TLSA records of an exchange, by its row; few have anything.
    tlsa_problems: dane::TlsaProblems,
    once: Once,
}

/// Rows without their repeats, in memory that is used again for each domain.
#[derive(Default)]
struct Once(Vec<u32>);

impl Once {
    fn each(&mut self, rows: impl Iterator<Item = u32>) -> &[u32] {
        self.0.clear();
        self.0.extend(rows);
        if self.0.len() > 1 {
            self.0.sort_unstable();
            self.0.dedup();
        }
        &self.0
    }
}

impl<'c> Judge<'c> {
    fn new(connection: &'c Connection, addresses: &'c AddressSets) -> Result<Self, StoreError> {
        let port = connection
            .query_row(
                "SELECT port FROM (SELECT port FROM smtp UNION ALL SELECT port FROM tls) \
                 GROUP BY port ORDER BY count(*) DESC, port LIMIT 1",
                [],
                |row| row.get(0),
            )
            .optional()?
            .unwrap_or(25);
        let mut judge = Self {
            connection,
            addresses,
            port,
            probed: Vec::new(),
            by_address: Vec::new(),
            shaken: HashMap::new(),
            exchanges: Vec::new(),
            routes: Vec::new(),
            names: CertificateNames::new(connection)?,
            by_exchange: HashMap::new(),
            by_leaf: HashMap::new(),
            tlsa_problems: HashMap::new(),
            once: Once::default(),
        };
        judge.servers()?;
        Ok(judge)
    }

    /// Reads what was learned of every address at the survey's port.
    fn servers(&mut self) -> Result<(), StoreError> {
        let addresses = self.addresses.rows();
        self.probed.resize_with(addresses, || None);
        self.by_address.resize(addresses, 0);
        let mut statement = self.connection.prepare(
            "SELECT address, id, esmtp, advertised, accepted, reason FROM smtp WHERE port = ?1",
        )?;
        let mut rows = statement.query([self.port])?;
        while let Some(row) = rows.next()? {
            let reason = row.get_ref(5)?.as_str().ok().and_then(Reason::from_word);
            let address: usize = index(row, 0)?;
            self.probed[address] = Some(Probed {
                smtp: row.get(1)?,
                server: Server {
                    esmtp: row.get(2)?,
                    advertised: row.get(3)?,
                    accepted: row.get(4)?,
                    ..Server::default()
                },
                silence: Silence::from_reason(reason),
            });
        }
        let mut statement = self.connection.prepare(
            "SELECT t.address, coalesce(t.sni, 0), t.id, t.accepted, t.negotiated, t.completed, t.leaf, v.valid \
             FROM tls t LEFT JOIN verdict v ON v.tls = t.id AND v.position = 0 WHERE t.port = ?1",
        )?;
        let mut rows = statement.query([self.port])?;
        while let Some(row) = rows.next()? {
            let shaken = Shaken {
                id: row.get(2)?,
                handshake: TlsFacts {
                    accepted: row.get(3)?,
                    negotiated: row.get(4)?,
                    completed: row.get(5)?,
                    valid: row.get(7)?,
                },
                leaf: row.get(6)?,
            };
            self.shaken.insert((row.get(0)?, row.get(1)?), shaken);
        }
        Ok(())
    }

    /// The facts of every address as each exchange leads to it, and whether the leaves name the exchanges.
    fn exchanges(&mut self) -> Result<(), StoreError> {
        let mut insert = self.connection.prepare(
            "INSERT OR IGNORE INTO exchange_certificate (name, certificate, name_match) VALUES (?1, ?2, ?3)",
        )?;
        dane::prepare(self.connection)?;
        let mut statement = self.connection.prepare(
            "SELECT e.id, e.name, n.name, e.ipv4, e.ipv6, e.tlsa, e.tlsa_base, e.tlsa_dnssec, e.dnssec, \
             c.exchange IS NOT NULL, e.addresses FROM exchange e JOIN name n ON n.id = e.name \
             LEFT JOIN exchange_cname c ON c.exchange = e.id AND c.position = 0 ORDER BY e.id",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let id: usize = index(row, 0)?;
            let exchange = ExchangeFacts {
                id,
                name: row.get(1)?,
                text: row.get_ref(2)?.as_str().unwrap_or_default(),
                base: row.get_ref(6)?.as_str_or_null().ok().flatten(),
                question: DaneAnswers {
                    exchange: state(row, 8)?,
                    is_alias: row.get(9)?,
                    tlsa: ended(row, 5)?,
                    tlsa_dnssec: state(row, 7)?,
                },
            };
            let first = self.routes.len();
            let addresses = self.addresses;
            for &address in addresses.members(row.get(10)?) {
                let route = self.route(&exchange, address, &mut insert)?;
                self.routes.push(route);
            }
            if self.exchanges.len() <= id {
                self.exchanges.resize(id + 1, Resolved::default());
            }
            let routes = self.routes.len() - first;
            let resolution = Resolution::new(ended(row, 3)?, ended(row, 4)?, routes > 0);
            self.exchanges[id] = Resolved {
                name: exchange.name,
                first: first as u32,
                routes: routes as u32,
                resolution,
            };
            if exchange.question.without_records().is_none() {
                self.hold_together(id, first, resolution.is_open)?;
            }
        }
        Ok(())
    }

    /// The TLSA records of an exchange against all its servers, which lie from `first` on.
    fn hold_together(
        &mut self,
        exchange: usize,
        first: usize,
        is_open: bool,
    ) -> Result<(), StoreError> {
        let servers: Vec<(String, Option<u32>)> = (self.routes[first..].iter())
            .map(|route| {
                let ip = self.addresses.ip(route.address);
                let address = ip.map_or_else(String::new, |ip| ip.to_string());
                (address, (route.tls != 0).then_some(route.tls))
            })
            .collect();
        let coverage = dane::coverage(self.connection, exchange, &servers, is_open)?;
        let problems = coverage.problems();
        if !problems.is_empty() {
            self.tlsa_problems.insert(exchange as u32, problems);
        }
        Ok(())
    }

    /// A server as an exchange leads to it.
    fn route(
        &mut self,
        exchange: &ExchangeFacts<'_>,
        address: u32,
        insert: &mut Statement<'_>,
    ) -> Result<Route, StoreError> {
        let shaken = (self.shaken.get(&(address, exchange.name)))
            .or_else(|| self.shaken.get(&(address, 0)))
            .copied();
        let leaf = shaken.and_then(|shaken| shaken.leaf);
        let named = match leaf {
            None => None,
            Some(leaf) => self.names.matches(leaf, exchange.text)?,
        };
        if let (Some(leaf), Some(named)) = (leaf, named.filter(|&it| it != NameMatch::No)) {
            insert.execute(params![exchange.name, leaf, named.word()])?;
        }
        let server = self.server(address, shaken);
        let tls = shaken.map(|shaken| shaken.id);
        let mut route = Route::new(address, tls, leaf, server, named);
        let dane = match exchange.question.without_records() {
            Some(known) => known,
            None => {
                let base = exchange.base.unwrap_or(exchange.text);
                let held = dane::Held {
                    exchange: exchange.id,
                    address,
                    names: &[base, exchange.text],
                    tls,
                    has_tls: server.tls,
                };
                dane::hold(self.connection, &held)?
            }
        };
        route.set(Fact::Dane, dane.truth());
        Ok(route)
    }

    fn server(&self, address: u32, shaken: Option<Shaken>) -> Server {
        let probed = self.probed.get(address as usize).and_then(Option::as_ref);
        server(
            probed.map(|probed| probed.server),
            shaken.map(|shaken| shaken.handshake),
        )
    }

    fn domains(&mut self, stop: &AtomicBool) -> Result<bool, StoreError> {
        let connection = self.connection;
        let mut insert = connection.prepare(
            "INSERT INTO judged_domain (domain, status, not_best, facts, exchange, tls) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        let mut insert_match = connection.prepare(
            "INSERT OR IGNORE INTO domain_certificate (domain, certificate, name_match) VALUES (?1, ?2, ?3)",
        )?;
        let mut exchanges = Merge::new(connection.prepare_cached(
            "SELECT domain, exchange, preference FROM domain_exchange ORDER BY domain, preference, exchange",
        )?);
        let mut exchanges = exchanges.rows()?;
        let mut statement = connection.prepare(
            "SELECT d.id, n.name, d.reason FROM domain d JOIN name n ON n.id = d.id ORDER BY d.id",
        )?;
        let mut rows = statement.query([])?;
        let mut choices: Vec<Choice> = Vec::new();
        let mut servers: Vec<Reached> = Vec::new();
        while let Some(row) = rows.next()? {
            if stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            let id: usize = index(row, 0)?;
            let reason = row.get_ref(2)?.as_str().ok().and_then(Reason::from_word);
            choices.clear();
            servers.clear();
            while let Some((exchange, preference)) = exchanges.next_pair_of(id)? {
                choices.push(Choice {
                    preference,
                    exchange,
                    resolution: self.exchanges[exchange as usize].resolution,
                });
            }
            let verdict = match without_exchanges(reason, choices.is_empty()) {
                Some(status) => DomainVerdict {
                    status,
                    ..DomainVerdict::default()
                },
                None => {
                    let name = row.get_ref(1)?;
                    let name = name.as_str().unwrap_or_default();
                    self.order(&mut choices)?;
                    self.reach(name, id, &choices, &mut servers, &mut insert_match)?;
                    self.count(&choices, &servers);
                    DomainVerdict::new(&choices, &servers, |address| self.silence(address))
                }
            };
            insert.execute(params![
                id as i64,
                verdict.status,
                verdict.not_best,
                verdict.facts,
                verdict.exchange,
                (verdict.tls != 0).then_some(verdict.tls)
            ])?;
        }
        Ok(true)
    }

    /// Exchanges of one preference by name, so that nothing hangs on the numbers of rows.
    fn order(&self, choices: &mut [Choice]) -> rusqlite::Result<()> {
        let ties = choices.chunk_by_mut(|a, b| a.preference == b.preference);
        for tied in ties.filter(|tied| tied.len() > 1) {
            let mut names = HashMap::new();
            for choice in tied.iter() {
                let name = self.exchanges[choice.exchange as usize].name;
                let text: String = self
                    .connection
                    .prepare_cached("SELECT name FROM name WHERE id = ?1")?
                    .query_row([name], |row| row.get(0))?;
                names.insert(choice.exchange, text);
            }
            tied.sort_by(|a, b| names[&a.exchange].cmp(&names[&b.exchange]));
        }
        Ok(())
    }

    /// The servers of a domain, by preference, name of the exchange and address, with what their leaves say of its name.
    fn reach(
        &mut self,
        domain: &str,
        id: usize,
        choices: &[Choice],
        servers: &mut Vec<Reached>,
        insert: &mut Statement<'_>,
    ) -> rusqlite::Result<()> {
        for &Choice {
            preference,
            exchange,
            ..
        } in choices
        {
            let resolved = self.exchanges[exchange as usize];
            let first = resolved.first as usize;
            for at in first..first + resolved.routes as usize {
                let route = self.routes[at];
                let named = match route.leaf {
                    0 => None,
                    leaf => self.names.matches(leaf, domain)?,
                };
                if let Some(named) = named.filter(|&it| it != NameMatch::No) {
                    insert.execute(params![id as i64, route.leaf, named.word()])?;
                }
                servers.push((preference, exchange, route.names_domain(named)));
            }
        }
        Ok(())
    }

    fn silence(&self, address: u32) -> Silence {
        let probed = self.probed.get(address as usize).and_then(Option::as_ref);
        probed.map_or(Silence::NotProbed, |probed| probed.silence)
    }

    /// Counts the domain at each exchange name, address and leaf once.
    fn count(&mut self, choices: &[Choice], servers: &[Reached]) {
        let exchanges = &self.exchanges;
        let names = (choices.iter()).map(|choice| exchanges[choice.exchange as usize].name);
        for &name in self.once.each(names) {
            *self.by_exchange.entry(name).or_default() += 1;
        }
        for &address in (self.once).each(servers.iter().map(|(_, _, route)| route.address)) {
            self.by_address[address as usize] += 1;
        }
        let leaves = servers.iter().map(|(_, _, route)| route.leaf);
        for &leaf in self.once.each(leaves.filter(|&leaf| leaf != 0)) {
            *self.by_leaf.entry(leaf).or_default() += 1;
        }
    }

    /// What each server amounts to, and how many domains share it, its exchange's name and its certificate.
    fn shared(&mut self) -> Result<(), StoreError> {
        let mut insert = self.connection.prepare(
            "INSERT INTO judged_server (address, smtp, tls, answered, facts, domains) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        // Under `--sni each` an address has several rows; the first stands for it.
        let mut first: HashMap<u32, Shaken> = HashMap::new();
        let mut servers_of: HashMap<u32, BTreeSet<u32>> = HashMap::new();
        for (&(address, _), shaken) in &self.shaken {
            let stands = first.entry(address).or_insert(*shaken);
            if shaken.id < stands.id {
                *stands = *shaken;
            }
            if let Some(leaf) = shaken.leaf {
                servers_of.entry(leaf).or_default().insert(address);
            }
        }
        for (address, probed) in self.probed.iter().enumerate() {
            let shaken = first.get(&(address as u32)).copied();
            if probed.is_none() && shaken.is_none() {
                continue;
            }
            let server = self.server(address as u32, shaken);
            let (tls, leaf) = (
                shaken.map(|shaken| shaken.id),
                shaken.and_then(|shaken| shaken.leaf),
            );
            let route = Route::new(address as u32, tls, leaf, server, None);
            insert.execute(params![
                address as i64,
                probed.as_ref().and_then(|probed| probed.smtp),
                tls,
                server.answered(),
                route.facts,
                self.by_address[address],
            ])?;
        }
        let mut insert = self
            .connection
            .prepare("INSERT INTO judged_exchange (name, domains) VALUES (?1, ?2)")?;
        for (name, domains) in sorted(&self.by_exchange) {
            insert.execute([name, domains])?;
        }
        let mut insert = self.connection.prepare(
            "INSERT INTO judged_certificate (certificate, servers, domains) VALUES (?1, ?2, ?3)",
        )?;
        let mut leaves: Vec<_> = servers_of.into_iter().collect();
        leaves.sort_unstable_by_key(|&(leaf, _)| leaf);
        for (leaf, servers) in leaves {
            let domains = self.by_leaf.get(&leaf).copied().unwrap_or(0);
            insert.execute([leaf, servers.len() as u32, domains])?;
        }
        Ok(())
    }
}

/// How a question ended; a word of a later version says no more than that it was asked.
fn ended(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Reason>> {
    let reason = row.get_ref(column)?.as_str_or_null().ok().flatten();
    Ok(reason.map(|reason| Reason::from_word(reason).unwrap_or(Reason::Other)))
}

/// The DNSSEC state of an answer.
fn state(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Dnssec>> {
    let state = row.get_ref(column)?.as_str_or_null().ok().flatten();
    Ok(state.and_then(Dnssec::from_word))
}

fn sorted(counts: &HashMap<u32, u32>) -> Vec<(u32, u32)> {
    let mut counts: Vec<_> = counts.iter().map(|(&key, &count)| (key, count)).collect();
    counts.sort_unstable();
    counts
}
