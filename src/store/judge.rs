//! Judgements: what the facts amount to for a server and for a domain, under the three rules, in one pass over ordered
//! rows. They are made again from nothing whenever facts or rules changed.
//!
//! Memory: some 40 bytes for an address or exchange, and for an edge between them 16; domains stream by.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use hashbrown::HashMap;
use rusqlite::{Connection, OptionalExtension, params};

use super::facts::{FACTS, Fact, Handshake, Rule, Server, Truth, all, any, both, pack, preferred};
use super::merge::{Merge, index};
use super::names::CertificateNames;
use super::{Error, dane, weigh};
use crate::record::Reason;

/// Changes with what this module computes: older judgements are made again.
const RULES_VERSION: i64 = 3;

/// Whether the judgements are those of the facts as they stand.
pub fn is_judged(connection: &Connection) -> Result<bool, Error> {
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

/// Makes the judgements, in one transaction; false: `stop` was set before they were whole, and nothing changed.
pub fn judge(connection: &mut Connection, stop: &AtomicBool) -> Result<bool, Error> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(
        "DELETE FROM exchange_certificate; DELETE FROM domain_certificate; DELETE FROM judged_server; DELETE FROM exchange_dane; DELETE FROM server_weakness; DELETE FROM server_level; \
         DELETE FROM judged_exchange; DELETE FROM judged_certificate; DELETE FROM judged_domain;",
    )?;
    let mut judge = Judge::new(&transaction)?;
    judge.exchanges()?;
    if !judge.domains(stop)? {
        return Ok(false);
    }
    judge.shared()?;
    let port = judge.port;
    weigh::weigh(&transaction)?;
    drop(judge);
    transaction.execute(
        "INSERT OR REPLACE INTO meta (key, value) VALUES ('port', ?1), ('rules', ?2), \
         ('judged', coalesce((SELECT value FROM meta WHERE key = 'changes'), 0))",
        params![port, RULES_VERSION],
    )?;
    transaction.commit()?;
    Ok(true)
}

/// Why a server did not answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Silence {
    /// It was not asked: no record, or this side could or would not connect.
    NotProbed,
    /// It said to come again.
    Deferred,
    /// It cannot be reached, or does not speak SMTP to us.
    Unreachable,
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
    handshake: Handshake,
    leaf: Option<u32>,
}

/// A server as one exchange leads to it.
#[derive(Clone, Copy)]
struct Edge {
    address: u32,
    /// Rows of `tls` and `certificate`; 0 for none.
    tls: u32,
    leaf: u32,
    /// The facts, each two bits; that about the domain's name is not in it yet.
    facts: u32,
}

impl Edge {
    fn truth(self, fact: Fact) -> Truth {
        match (self.facts >> (fact as u32 * 2)) & 3 {
            1 => Truth::No,
            2 => Truth::Yes,
            _ => Truth::Unknown,
        }
    }

    fn set(&mut self, fact: Fact, value: Option<bool>) {
        self.facts |= (Truth::from(value) as u32) << (fact as u32 * 2);
    }
}

/// What an exchange resolved to.
#[derive(Clone, Copy, Default)]
struct Resolved {
    name: u32,
    first: u32,
    edges: u32,
    /// No address is known, and one may exist: a question failed, or was not asked.
    unlearned: bool,
    /// There may be more addresses than are known: a question failed.
    is_open: bool,
}

struct Judge<'c> {
    connection: &'c Connection,
    port: u16,
    /// By row of `address`.
    probed: Vec<Option<Probed>>,
    /// Domains by row of `address`.
    by_address: Vec<u32>,
    shaken: HashMap<(u32, u32), Shaken>,
    /// By row of `exchange`.
    exchanges: Vec<Resolved>,
    edges: Vec<Edge>,
    names: CertificateNames<'c>,
    by_exchange: HashMap<u32, u32>,
    by_leaf: HashMap<u32, u32>,
}

impl<'c> Judge<'c> {
    fn new(connection: &'c Connection) -> Result<Self, Error> {
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
            port,
            probed: Vec::new(),
            by_address: Vec::new(),
            shaken: HashMap::new(),
            exchanges: Vec::new(),
            edges: Vec::new(),
            names: CertificateNames::new(connection)?,
            by_exchange: HashMap::new(),
            by_leaf: HashMap::new(),
        };
        judge.servers()?;
        Ok(judge)
    }

    /// Reads what was learned of every address at the survey's port.
    fn servers(&mut self) -> Result<(), Error> {
        let addresses: i64 =
            self.connection
                .query_row("SELECT coalesce(max(id), 0) FROM address", [], |row| {
                    row.get(0)
                })?;
        let addresses = usize::try_from(addresses).unwrap_or(0) + 1;
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
                silence: silence(reason),
            });
        }
        let mut statement = self.connection.prepare(
            "SELECT t.address, t.sni, t.id, t.accepted, t.negotiated, t.completed, t.leaf, v.valid \
             FROM tls t LEFT JOIN verdict v ON v.tls = t.id AND v.position = 0 WHERE t.port = ?1",
        )?;
        let mut rows = statement.query([self.port])?;
        while let Some(row) = rows.next()? {
            let shaken = Shaken {
                id: row.get(2)?,
                handshake: Handshake {
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
    fn exchanges(&mut self) -> Result<(), Error> {
        let mut insert = self.connection.prepare(
            "INSERT OR IGNORE INTO exchange_certificate (name, certificate, name_match) VALUES (?1, ?2, ?3)",
        )?;
        let mut addresses = Merge::new(self.connection.prepare_cached(
            "SELECT exchange, address FROM exchange_address ORDER BY exchange, address",
        )?);
        let mut addresses = addresses.rows()?;
        let mut statement = self.connection.prepare(
            "SELECT e.id, e.name, n.name, e.ipv4, e.ipv6, e.tlsa, e.tlsa_base, e.tlsa_dnssec FROM exchange e \
             JOIN name n ON n.id = e.name ORDER BY e.id",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let id: usize = index(row, 0)?;
            let name: u32 = row.get(1)?;
            let text = row.get_ref(2)?;
            let text = text.as_str().unwrap_or_default();
            let question = dane::Question {
                reason: row.get(5)?,
                base: row.get(6)?,
                dnssec: row.get(7)?,
            };
            let first = self.edges.len();
            while let Some(address) = addresses.next_of(id)? {
                let shaken = (self.shaken.get(&(address, name)))
                    .or_else(|| self.shaken.get(&(address, 0)))
                    .copied();
                let leaf = shaken.and_then(|shaken| shaken.leaf);
                let named = match leaf {
                    None => None,
                    Some(leaf) => self.names.matches(leaf, text)?,
                };
                if let (Some(leaf), Some(named)) = (leaf, named) {
                    insert.execute(params![name, leaf, named.word()])?;
                }
                let server = self.server(address, shaken);
                let mut edge = edge(address, server, shaken, named.map(is_named));
                edge.set(
                    Fact::Dane,
                    match question.decides() {
                        Err(known) => known,
                        // Records want TLS (RFC 7672 §2.2): where STARTTLS is refused they do not hold.
                        Ok(()) if server.tls == Some(false) => Some(false),
                        Ok(()) => {
                            let base = question.base.as_deref().unwrap_or(text);
                            let tls = shaken.map(|shaken| shaken.id);
                            dane::hold(self.connection, id, address, &[base, text], tls)?
                        }
                    },
                );
                self.edges.push(edge);
            }
            if self.exchanges.len() <= id {
                self.exchanges.resize(id + 1, Resolved::default());
            }
            let ended = |column| -> rusqlite::Result<Option<Reason>> {
                let reason = row.get_ref(column)?.as_str_or_null().ok().flatten();
                // A word of a later version says no more than that the question was asked.
                Ok(reason.map(|reason| Reason::from_word(reason).unwrap_or(Reason::Other)))
            };
            let ends = [ended(3)?, ended(4)?];
            self.exchanges[id] = Resolved {
                name,
                first: first as u32,
                edges: (self.edges.len() - first) as u32,
                unlearned: self.edges.len() == first && !has_no_address(ends[0], ends[1]),
                is_open: ends.into_iter().flatten().any(|reason| !is_answer(reason)),
            };
        }
        Ok(())
    }

    fn server(&self, address: u32, shaken: Option<Shaken>) -> Server {
        self.probed
            .get(address as usize)
            .and_then(Option::as_ref)
            .map(|probed| probed.server)
            .unwrap_or_default()
            .with_handshake(shaken.map(|shaken| shaken.handshake))
    }

    fn domains(&mut self, stop: &AtomicBool) -> Result<bool, Error> {
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
        // (preference, exchange) and, for each server behind them, (preference, exchange, edge).
        let mut mx: Vec<(u32, u32)> = Vec::new();
        let mut servers: Vec<(u32, u32, Edge)> = Vec::new();
        while let Some(row) = rows.next()? {
            if stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            let id: usize = index(row, 0)?;
            let reason = row.get_ref(2)?.as_str().ok().and_then(Reason::from_word);
            mx.clear();
            servers.clear();
            while let Some((exchange, preference)) = exchanges.next_pair_of(id)? {
                mx.push((preference, exchange));
            }
            if let Some(status) = without_exchanges(reason, mx.is_empty()) {
                insert.execute(params![
                    id as i64,
                    status,
                    false,
                    0,
                    None::<u32>,
                    None::<u32>
                ])?;
                continue;
            }
            let name = row.get_ref(1)?;
            let name = name.as_str().unwrap_or_default();
            for &(preference, exchange) in &mx {
                let resolved = self.exchanges[exchange as usize];
                let first = resolved.first as usize;
                for at in first..first + resolved.edges as usize {
                    let mut edge = self.edges[at];
                    let named = match edge.leaf {
                        0 => None,
                        leaf => self.names.matches(leaf, name)?,
                    };
                    if let Some(named) = named {
                        insert_match.execute(params![id as i64, edge.leaf, named.word()])?;
                    }
                    edge.set(
                        Fact::NamesDomain,
                        certificate_fact(edge.truth(Fact::Tls), named.map(is_named)),
                    );
                    servers.push((preference, exchange, edge));
                }
            }
            self.count(&mx, &servers);
            let judged = self.judge_domain(&mx, &servers);
            insert.execute(params![
                id as i64,
                judged.status,
                judged.not_best,
                judged.facts,
                judged.exchange,
                (judged.tls != 0).then_some(judged.tls)
            ])?;
        }
        Ok(true)
    }

    fn judge_domain(&self, mx: &[(u32, u32)], servers: &[(u32, u32, Edge)]) -> Judged {
        let resolved = || {
            mx.iter()
                .map(|&(_, exchange)| self.exchanges[exchange as usize])
        };
        let unlearned = resolved().any(|exchange| exchange.unlearned);
        // Servers behind addresses that were not learned are unknown ones.
        let is_open = unlearned || resolved().any(|exchange| exchange.is_open);
        // `mx` and so `servers` are in order of preference.
        let answered = servers
            .iter()
            .find(|(_, _, edge)| self.answers(*edge))
            .map(|&(preference, ..)| preference);
        let mut judged = Judged {
            status: match answered {
                Some(_) => "answered",
                None if servers.is_empty() && unlearned => "dns",
                None if servers.is_empty() => "no_address",
                None => self.silent(servers),
            },
            not_best: answered.is_some()
                && answered != mx.first().map(|&(preference, _)| preference),
            ..Judged::default()
        };
        let outside = judged.status == "no_address";
        for fact in FACTS.into_iter().filter(|_| !outside) {
            let of = |edge: &Edge| edge.truth(fact);
            let every = || {
                let known = servers.iter().map(|(_, _, edge)| of(edge));
                known.chain(is_open.then_some(Truth::Unknown))
            };
            pack(&mut judged.facts, fact, Rule::Any, any(every()));
            pack(&mut judged.facts, fact, Rule::All, all(every()));
            let Some(answered) = answered else { continue };
            let tried = servers
                .iter()
                .filter(|&&(preference, _, edge)| preference == answered && self.answers(edge));
            pack(
                &mut judged.facts,
                fact,
                Rule::Preferred,
                preferred(tried.map(|(_, _, edge)| of(edge))),
            );
        }
        let stands = servers
            .iter()
            .filter(|&&(preference, _, edge)| Some(preference) == answered && self.answers(edge))
            .max_by_key(|&&(_, exchange, edge)| {
                (
                    edge.truth(Fact::Tls) == Truth::Yes,
                    std::cmp::Reverse((exchange, edge.address)),
                )
            });
        if let Some(&(_, exchange, edge)) = stands {
            judged.exchange = Some(exchange);
            judged.tls = if edge.truth(Fact::Tls) == Truth::Yes {
                edge.tls
            } else {
                0
            };
        }
        judged
    }

    fn answers(&self, edge: Edge) -> bool {
        edge.truth(Fact::Esmtp) != Truth::Unknown
    }

    /// Why none of them answered: one that may answer later decides.
    fn silent(&self, servers: &[(u32, u32, Edge)]) -> &'static str {
        let silences = || {
            servers.iter().map(|(_, _, edge)| {
                let probed = self
                    .probed
                    .get(edge.address as usize)
                    .and_then(Option::as_ref);
                probed.map_or(Silence::NotProbed, |probed| probed.silence)
            })
        };
        if silences().any(|silence| silence == Silence::Deferred) {
            "deferred"
        } else if silences().any(|silence| silence == Silence::Unreachable) {
            "unreachable"
        } else {
            "not_probed"
        }
    }

    /// Counts the domain at each exchange name, address and leaf once.
    fn count(&mut self, mx: &[(u32, u32)], servers: &[(u32, u32, Edge)]) {
        let names: BTreeSet<u32> = mx
            .iter()
            .map(|&(_, exchange)| self.exchanges[exchange as usize].name)
            .collect();
        for name in names {
            *self.by_exchange.entry(name).or_default() += 1;
        }
        let addresses: BTreeSet<u32> = servers.iter().map(|(_, _, edge)| edge.address).collect();
        for address in addresses {
            self.by_address[address as usize] += 1;
        }
        let leaves: BTreeSet<u32> = servers
            .iter()
            .map(|(_, _, edge)| edge.leaf)
            .filter(|&leaf| leaf != 0)
            .collect();
        for leaf in leaves {
            *self.by_leaf.entry(leaf).or_default() += 1;
        }
    }

    /// What each server amounts to, and how many domains share it, its exchange's name and its certificate.
    fn shared(&mut self) -> Result<(), Error> {
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
            let edge = edge(address as u32, server, shaken, None);
            insert.execute(params![
                address as i64,
                probed.as_ref().and_then(|probed| probed.smtp),
                shaken.map(|shaken| shaken.id),
                server.answered(),
                edge.facts,
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

/// A row of `judged_domain`.
#[derive(Default)]
struct Judged {
    status: &'static str,
    not_best: bool,
    facts: i64,
    exchange: Option<u32>,
    tls: u32,
}

fn edge(address: u32, server: Server, shaken: Option<Shaken>, named: Option<bool>) -> Edge {
    let mut edge = Edge {
        address,
        tls: shaken.map_or(0, |shaken| shaken.id),
        leaf: shaken.and_then(|shaken| shaken.leaf).unwrap_or(0),
        facts: 0,
    };
    let named = certificate_fact(Truth::from(server.tls), named);
    edge.set(Fact::Esmtp, server.esmtp);
    edge.set(Fact::Advertised, server.advertised);
    edge.set(Fact::Accepted, server.accepted);
    edge.set(Fact::Tls, server.tls);
    edge.set(Fact::Valid, server.valid);
    edge.set(Fact::NamesExchange, named);
    edge.set(Fact::Trusted, both(server.valid, named));
    edge
}

/// Where there is no TLS there is no certificate that could name anything.
fn certificate_fact(tls: Truth, named: Option<bool>) -> Option<bool> {
    if tls == Truth::No { Some(false) } else { named }
}

/// The common name alone does not count today (RFC 9525 §6.3).
fn is_named(named: crate::x509::names::NameMatch) -> bool {
    named == crate::x509::names::NameMatch::AlternativeName
}

fn silence(reason: Option<Reason>) -> Silence {
    match reason {
        Some(
            Reason::BlockedAddress
            | Reason::Excluded
            | Reason::NoIpv6Here
            | Reason::Interrupted
            | Reason::Local,
        )
        | None => Silence::NotProbed,
        Some(Reason::Deferred) => Silence::Deferred,
        Some(_) => Silence::Unreachable,
    }
}

/// Whether the ends of the questions for A and AAAA say for sure that a name has no address: it does not exist, or
/// both types are missing. A question that was not asked says nothing.
fn has_no_address(ipv4: Option<Reason>, ipv6: Option<Reason>) -> bool {
    let is_missing = |reason: Option<Reason>| reason.is_some_and(is_answer);
    [ipv4, ipv6].contains(&Some(Reason::Nxdomain)) || is_missing(ipv4) && is_missing(ipv6)
}

/// Whether a question for addresses was answered, one way or the other.
fn is_answer(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::Ok | Reason::Nxdomain | Reason::NoData | Reason::NoAddress
    )
}

/// The status of a domain that has no exchange to look at, or says that it takes no mail.
fn without_exchanges(reason: Option<Reason>, empty: bool) -> Option<&'static str> {
    Some(match reason {
        Some(Reason::NullMx) => "null_mx",
        Some(Reason::Nxdomain) => "nxdomain",
        Some(Reason::NoData | Reason::NoAddress) if empty => "no_address",
        Some(Reason::InvalidName) => "invalid_name",
        _ if empty => "dns",
        _ => return None,
    })
}

fn sorted(counts: &HashMap<u32, u32>) -> Vec<(u32, u32)> {
    let mut counts: Vec<_> = counts.iter().map(|(&key, &count)| (key, count)).collect();
    counts.sort_unstable();
    counts
}
