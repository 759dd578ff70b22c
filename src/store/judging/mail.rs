//! What becomes of mail to each domain, and what is wrong with servers, domains and policies.
//!
//! Memory: some 100 bytes for a server, for a domain and for an exchange whose DNS has faults, 16 for a leaf that names an exchange; other
//! domains stream by.

use std::sync::atomic::{AtomicBool, Ordering};

use hashbrown::{HashMap, HashSet};
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, Statement, params};
use serde::de::DeserializeOwned;
use time::Duration;

use super::addresses::AddressSets;
use super::dane::TlsaProblems;
use super::exchanges::Exchanges;
use super::merge::index;
use crate::judge::delivery::{
    Cause, Delivery, Destination, ExchangeView, Fate, PROFILES, Profile, ServerContact, ServerView,
    StsPolicy, TlsaMatch, TlsaView, deliver,
};
use crate::judge::destination::{
    ExchangeTies, contact, exchange_view, has_unsigned_tlsa, is_secure, server_behind, server_view,
    sts_policy, takes_mail,
};
use crate::judge::findings::{
    DomainView, ExchangeSeen, PolicyView, ServerRecords, ServerSeen, domain_problems,
    policy_problems, server_problems,
};
use crate::judge::problem::Problem;
use crate::judge::weakness::{CertificateWeakness, ServerWeakness};
use crate::ndjson::printable;
use crate::policy::mta_sts::covers_leniently;
use crate::record::{Domain, ExchangeFault, MxFault, Phase, Policy, Reason, Smtp, Sts, Tls};
use crate::store::error::StoreError;
use crate::store::whole::{self, ExchangeRow, FaultsByRow, TlsaRecords};

/// A certificate that ends within so many days of its scan is told, unless the database says otherwise.
const EXPIRY_DAYS: i64 = 14;
/// The profile that heeds MTA-STS to the letter.
const BY_THE_LETTER: &str = "mta_sts";

/// Fills the tables of delivery and problems; false: `stop` was set before they were whole.
pub(super) fn judge(
    connection: &Connection,
    port: u16,
    (addresses, tlsa_problems): (&AddressSets, &TlsaProblems),
    stop: &AtomicBool,
) -> Result<bool, StoreError> {
    let is_reached: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM smtp WHERE phase <> 'connect') OR EXISTS (SELECT 1 FROM tls WHERE accepted IS NOT NULL)",
        [],
        |row| row.get(0),
    )?;
    let days: Option<i64> = connection
        .query_row(
            "SELECT value FROM meta WHERE key = 'expiry_days'",
            [],
            |row| row.get(0),
        )
        .optional()?;
    let mut mail = Mail {
        connection,
        soon: Duration::days(days.unwrap_or(EXPIRY_DAYS)),
        is_reached,
        servers: HashMap::new(),
        addresses,
        tlsa_problems,
        tlsa: TlsaRecords::new(connection)?,
        domain_faults: FaultsByRow::read(
            connection,
            "SELECT domain, fault FROM domain_fault ORDER BY domain, fault",
        )?,
        exchange_faults: FaultsByRow::read(
            connection,
            "SELECT exchange, fault FROM exchange_fault ORDER BY exchange, fault",
        )?,
        named: HashMap::new(),
        read: HashSet::new(),
        dane: HashMap::new(),
        vectors: HashMap::new(),
        judged: HashMap::new(),
        letter: Profile::from_word(BY_THE_LETTER).unwrap_or(&PROFILES[0]),
        insert: connection.prepare(
            "INSERT INTO domain_problem (domain, position, code, severity, place, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?,
        insert_delivery: connection.prepare("INSERT INTO delivery (domain, vector) VALUES (?1, ?2)")?,
        leaf_names: connection.prepare_cached(
            "SELECT name FROM certificate_name WHERE certificate = ?1 AND kind = 'dns'",
        )?,
    };
    mail.read_servers(port)?;
    mail.read_matches()?;
    if !mail.domains(stop)? {
        return Ok(false);
    }
    mail.write_vectors()?;
    Ok(true)
}

/// A server by one handshake.
#[derive(Clone, Default)]
struct Seen {
    view: ServerView,
    leaf: Option<u32>,
    /// Where and how the dialogue ended, of a server that does not answer.
    silence: Option<(Phase, Reason)>,
    /// A connection was tried.
    was_tried: bool,
}

type Verdicts = Vec<Delivery>;

/// What becomes of mail to a destination: many domains have the same servers and policies, and so the same verdicts.
#[derive(Clone, Copy)]
struct Judged {
    vector: u32,
    /// From a sender that heeds MTA-STS to the letter; none where it is lost without a policy as well.
    by_the_letter: Option<Delivery>,
}

/// Destinations whose verdicts are remembered: some hundred octets each.
const DESTINATIONS: usize = 50_000;

struct Mail<'c> {
    connection: &'c Connection,
    /// A certificate that ends within this is told.
    soon: Duration,
    is_reached: bool,
    /// By address and the name that was asked for, 0 where all names share a handshake.
    servers: HashMap<(u32, u32), Seen>,
    addresses: &'c AddressSets,
    tlsa_problems: &'c TlsaProblems,
    tlsa: TlsaRecords<'c>,
    domain_faults: FaultsByRow<MxFault>,
    exchange_faults: FaultsByRow<ExchangeFault>,
    /// Leaves that name an exchange, by row of `name` and of `certificate`: true where an alternative name does.
    named: HashMap<(u32, u32), bool>,
    /// Leaves whose names are known.
    read: HashSet<u32>,
    /// By row of `exchange` and of `address`.
    dane: HashMap<(u32, u32), TlsaMatch>,
    vectors: HashMap<Verdicts, u32>,
    judged: HashMap<Destination, Judged>,
    letter: &'static Profile,
    insert: Statement<'c>,
    insert_delivery: Statement<'c>,
    leaf_names: CachedStatement<'c>,
}

/// A record in a column `line`; none where there is no row, or a record of another version.
fn record<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<T>> {
    let line = row.get_ref(column)?.as_bytes_or_null()?;
    Ok(line.and_then(|line| serde_json::from_slice(line).ok()))
}

/// What a problem shows of the network, as it may be printed.
fn shown(text: Option<&String>) -> Option<String> {
    text.map(|text| printable(text))
}

impl Mail<'_> {
    /// Every server at the port, with what is wrong with it.
    fn read_servers(&mut self, port: u16) -> Result<(), StoreError> {
        let connection = self.connection;
        let mut handshakes = connection.prepare_cached(
            "SELECT coalesce(sni, 0), leaf, line FROM tls WHERE address = ?1 AND port = ?2 ORDER BY coalesce(sni, 0)",
        )?;
        let mut weak = connection.prepare_cached(
            "SELECT weakness FROM server_weakness WHERE address = ?1 ORDER BY weakness",
        )?;
        let mut insert = connection.prepare(
            "INSERT OR IGNORE INTO server_problem (address, code, severity, detail) VALUES (?1, ?2, ?3, ?4)",
        )?;
        let mut statement = connection.prepare(
            "SELECT address, line FROM smtp WHERE port = ?1 UNION ALL \
             SELECT DISTINCT address, NULL FROM tls WHERE port = ?1 AND address NOT IN (SELECT address FROM smtp WHERE port = ?1)",
        )?;
        let mut rows = statement.query([port])?;
        while let Some(row) = rows.next()? {
            let address: u32 = row.get(0)?;
            let smtp: Option<Smtp> = record(row, 1)?;
            let weaknesses: Vec<String> = weak
                .query_map([address], |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            let of_server: Vec<ServerWeakness> = (weaknesses.iter())
                .filter_map(|word| ServerWeakness::from_word(word))
                .collect();
            let of_certificates: Vec<CertificateWeakness> = (weaknesses.iter())
                .filter_map(|word| CertificateWeakness::from_word(word))
                .collect();
            let mut shaken: Vec<(u32, Option<u32>, Option<Tls>)> = handshakes
                .query_map(params![address, port], |row| {
                    Ok((row.get(0)?, row.get(1)?, record(row, 2)?))
                })?
                .collect::<Result<_, _>>()?;
            // Who leads here by a name that no handshake was asked by knows the dialogue alone.
            if shaken.first().is_none_or(|(sni, ..)| *sni != 0) {
                shaken.insert(0, (0, None, None));
            }
            for (sni, leaf, tls) in &shaken {
                let seen = self.seen(smtp.as_ref(), tls.as_ref(), *leaf);
                self.servers.insert((address, *sni), seen);
                let records = ServerRecords {
                    smtp: smtp.as_ref(),
                    tls: tls.as_ref(),
                    weaknesses: &of_server,
                    certificate_weaknesses: &of_certificates,
                };
                for problem in server_problems(records, self.soon) {
                    insert.execute(params![
                        address,
                        problem.code.word(),
                        problem.severity.word(),
                        shown(problem.detail.as_ref())
                    ])?;
                }
            }
        }
        Ok(())
    }

    /// What is known of a server; where the run reached none at all, silence says nothing.
    fn seen(&self, smtp: Option<&Smtp>, tls: Option<&Tls>, leaf: Option<u32>) -> Seen {
        let mut view = server_view(smtp, tls);
        if !self.is_reached && view.contact == ServerContact::Silent {
            view.contact = ServerContact::NotAsked;
        }
        let silence = smtp
            .filter(|_| view.contact == ServerContact::Silent)
            .map(|smtp| (smtp.outcome.phase, smtp.outcome.reason));
        let is_tried = |smtp: &Smtp| {
            let contact = contact(smtp);
            !matches!(contact, ServerContact::NotAsked | ServerContact::OutOfReach)
        };
        Seen {
            view,
            leaf,
            silence,
            was_tried: smtp.map_or(tls.is_some(), is_tried),
        }
    }

    /// Which leaves name which exchanges, and what TLSA records are worth.
    fn read_matches(&mut self) -> rusqlite::Result<()> {
        let mut statement = self
            .connection
            .prepare("SELECT name, certificate, name_match = 'san' FROM exchange_certificate")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            self.named.insert((row.get(0)?, row.get(1)?), row.get(2)?);
        }
        let mut statement = self.connection.prepare(
            "SELECT c.id FROM judged_certificate j JOIN certificate c ON c.id = j.certificate WHERE c.subject IS NOT NULL",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            self.read.insert(row.get(0)?);
        }
        let mut statement = self
            .connection
            .prepare(
                "SELECT exchange, address, dane, coalesce((SELECT group_concat(reason, ' ') FROM exchange_dane_reason r \
                 WHERE r.exchange = d.exchange AND r.address = d.address), '') FROM exchange_dane d",
            )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let reasons: String = row.get(3)?;
            let tlsa = match row.get_ref(2)?.as_str().unwrap_or_default() {
                "holds" => TlsaMatch::Holds,
                "fails" => TlsaMatch::Fails(tlsa_cause(&reasons)),
                _ => TlsaMatch::Unknown,
            };
            self.dane.insert((row.get(0)?, row.get(1)?), tlsa);
        }
        Ok(())
    }

    fn domains(&mut self, stop: &AtomicBool) -> Result<bool, StoreError> {
        let connection = self.connection;
        let mut exchanges = connection.prepare(&format!(
            "SELECT {}, NULL FROM domain_exchange x JOIN exchange e ON e.id = x.exchange JOIN name n ON n.id = e.name \
             ORDER BY x.domain",
            whole::EXCHANGE
        ))?;
        let mut exchanges = Exchanges::new(exchanges.query([])?);
        let mut statement = connection.prepare(&format!(
            "SELECT d.id, d.line, p.line, s.line, {}, NULL FROM domain d JOIN name n ON n.id = d.id JOIN run r ON r.id = d.run \
             LEFT JOIN policy p ON p.domain = d.id LEFT JOIN sts s ON s.domain = d.id ORDER BY d.id",
            whole::DOMAIN
        ))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            if stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            let mut found = exchanges.next_of(index(row, 0)?)?;
            let domain = match record(row, 1)? {
                Some(domain) => domain,
                None => self.whole(row, &mut found)?,
            };
            self.domain(row, Some(&domain), &found)?;
        }
        // Domains whose policies alone were asked for.
        let mut statement = connection.prepare(
            "SELECT p.domain, NULL, p.line, s.line FROM policy p LEFT JOIN sts s ON s.domain = p.domain \
             WHERE p.domain NOT IN (SELECT id FROM domain) ORDER BY p.domain",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            if stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            self.domain(row, None, &[])?;
        }
        Ok(true)
    }

    /// A domain whose line is not kept, from its columns (behind the fourth) and its exchanges.
    fn whole(&mut self, row: &Row<'_>, found: &mut [ExchangeRow]) -> rusqlite::Result<Domain> {
        let mut domain = whole::domain(row, 4)?;
        domain.faults = self.domain_faults.of_row(row.get(0)?);
        for row in found {
            row.exchange.faults = self.exchange_faults.of_row(row.id);
            let ips = (self.addresses.members(row.addresses).iter())
                .filter_map(|&address| self.addresses.ip(address));
            row.exchange.addresses = whole::addresses(ips);
            if let Some(set) = &mut row.exchange.tlsa {
                set.records = self.tlsa.read(i64::from(row.id))?;
            }
            domain.mx.push(row.exchange.clone());
        }
        Ok(domain)
    }

    /// One domain; columns: its number, and the lines of `domain`, `policy` and `sts`.
    fn domain(
        &mut self,
        row: &Row<'_>,
        domain: Option<&Domain>,
        exchanges: &[ExchangeRow],
    ) -> Result<(), StoreError> {
        let id: u32 = row.get(0)?;
        let (policy, sts): (Option<Policy>, Option<Sts>) = (record(row, 2)?, record(row, 3)?);
        let mut found = Vec::new();
        let mut destination = Destination {
            takes_mail: domain.and_then(takes_mail),
            mx_is_secure: domain.and_then(|domain| is_secure(domain.dnssec)),
            has_null_mx: domain
                .is_some_and(|domain| domain.faults.contains(&MxFault::NullMxWithOthers)),
            mx_is_bogus: domain.is_some_and(|domain| domain.outcome.reason == Reason::Bogus),
            sts: sts_policy(policy.as_ref(), sts.as_ref()),
            exchanges: Vec::new(),
        };
        let of_sets = self.tlsa_problems;
        let mut seen: Vec<ExchangeSeen<'_>> = Vec::new();
        for exchange in domain.iter().flat_map(|domain| &domain.mx) {
            let view = exchange_view(exchange, sts.as_ref());
            let row = (exchanges.iter()).find(|row| row.exchange.exchange == exchange.exchange);
            let of_set = row.and_then(|row| of_sets.get(&row.id));
            let (view, servers) = self.behind(row, view, sts.as_ref())?;
            seen.push(ExchangeSeen {
                servers,
                tlsa: view.tlsa,
                has_unsigned_tlsa: has_unsigned_tlsa(exchange),
                of_tlsa_set: of_set.map_or(&[], Vec::as_slice),
            });
            destination.exchanges.push(view);
        }
        let mut by_the_letter = None;
        if let Some(domain) = domain {
            found.extend(domain_problems(&DomainView {
                domain,
                exchanges: seen,
                is_anything_reached: self.is_reached,
            }));
            let judged = self.deliver(&destination);
            self.insert_delivery.execute([id, judged.vector])?;
            by_the_letter = judged.by_the_letter;
        }
        // A domain that does not exist has nothing, for that one reason.
        let is_gone = domain.is_some_and(|domain| domain.outcome.reason == Reason::Nxdomain);
        if let Some(policy) = policy.as_ref().filter(|_| !is_gone) {
            let destination = (&destination, by_the_letter);
            found.extend(self.policy(policy, sts.as_ref(), destination, domain));
        }
        found.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.cmp(b)));
        self.write(id, &found)?;
        Ok(())
    }

    /// The verdicts of every profile.
    fn deliver(&mut self, destination: &Destination) -> Judged {
        if let Some(judged) = self.judged.get(destination) {
            return *judged;
        }
        let verdicts: Verdicts = PROFILES
            .iter()
            .map(|profile| deliver(destination, profile))
            .collect();
        let is_lost_anyway = verdicts[0].fate == Fate::Refused;
        let letter = verdicts[usize::from(self.letter.id) - 1];
        let next = self.vectors.len() as u32 + 1;
        let judged = Judged {
            vector: *self.vectors.entry(verdicts).or_insert(next),
            by_the_letter: (!is_lost_anyway).then_some(letter),
        };
        if self.judged.len() >= DESTINATIONS {
            self.judged.clear();
        }
        self.judged.insert(destination.clone(), judged);
        judged
    }

    /// The servers of an exchange, for the rules of delivery and for those that find problems.
    fn behind(
        &mut self,
        row: Option<&ExchangeRow>,
        mut view: ExchangeView,
        sts: Option<&Sts>,
    ) -> rusqlite::Result<(ExchangeView, Vec<ServerSeen>)> {
        let mut all = Vec::new();
        let Some(row) = row else {
            return Ok((view, all));
        };
        let addresses = self.addresses;
        for &address in addresses.members(row.addresses) {
            let found = (self.servers.get(&(address, row.name)))
                .or_else(|| self.servers.get(&(address, 0)))
                .cloned();
            let seen = found.unwrap_or_default();
            let leaf = seen.leaf.filter(|leaf| self.read.contains(leaf));
            let by = leaf.map(|leaf| self.named.get(&(row.name, leaf)).copied());
            let named = ExchangeTies {
                exchange: by.map(|it| it == Some(true)),
                by_common_name: by == Some(Some(false)),
                pattern: match (seen.leaf, sts) {
                    (Some(leaf), Some(sts)) => self.names_pattern(leaf, sts)?,
                    _ => None,
                },
                tlsa: self
                    .dane
                    .get(&(row.id, address))
                    .copied()
                    .unwrap_or_default(),
            };
            let text = addresses
                .ip(address)
                .map_or_else(String::new, |ip| ip.to_string());
            let (silence, was_tried) = (seen.silence, seen.was_tried);
            let (server, mut seen) = server_behind(seen.view, named, &text);
            (seen.silence, seen.was_tried) = (silence, was_tried);
            view.servers.push(server);
            all.push(seen);
        }
        Ok((view, all))
    }

    /// A name of the leaf is covered by a pattern of the policy, at any depth; none: the names are not known.
    fn names_pattern(&mut self, leaf: u32, sts: &Sts) -> rusqlite::Result<Option<bool>> {
        let names: Vec<String> = (self.leaf_names)
            .query_map([leaf], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        if names.is_empty() {
            let is_known: Option<bool> = self
                .connection
                .prepare_cached("SELECT line IS NOT NULL FROM certificate WHERE id = ?1")?
                .query_row([leaf], |row| row.get(0))
                .optional()?;
            return Ok(is_known.filter(|&is_known| is_known).map(|_| false));
        }
        let patterns = || sts.strict.mx.iter();
        Ok(Some(names.iter().any(|name| {
            patterns().any(|pattern| covers_leniently(&pattern.0, name))
        })))
    }

    fn policy(
        &self,
        policy: &Policy,
        sts: Option<&Sts>,
        (destination, by_the_letter): (&Destination, Option<Delivery>),
        domain: Option<&Domain>,
    ) -> Vec<Problem> {
        let mut refused: Vec<(String, Cause)> = Vec::new();
        if matches!(destination.sts, StsPolicy::Enforce | StsPolicy::Testing) {
            let names = domain.iter().flat_map(|domain| &domain.mx);
            for (exchange, view) in names.zip(&destination.exchanges) {
                let alone = Destination {
                    sts: StsPolicy::Enforce,
                    exchanges: vec![view.clone()],
                    ..destination.clone()
                };
                let delivery = deliver(&alone, self.letter);
                // What refuses everybody does not fail the policy.
                let is_lost_anyway = deliver(&alone, &PROFILES[0]).fate == Fate::Refused;
                if let (Fate::Refused, Some(cause), Some(true)) =
                    (delivery.fate, delivery.cause, view.covered)
                    && !is_lost_anyway
                {
                    refused.push((exchange.exchange.clone(), cause));
                }
            }
        }
        policy_problems(&PolicyView {
            policy,
            sts,
            takes_mail: destination.takes_mail,
            has_dane: destination
                .exchanges
                .iter()
                .any(|view| view.tlsa == TlsaView::Usable),
            delivery: by_the_letter,
            refused: &refused,
        })
    }

    fn write(&mut self, domain: u32, problems: &[Problem]) -> rusqlite::Result<()> {
        for (position, problem) in problems.iter().enumerate() {
            self.insert.execute(params![
                domain,
                position as i64,
                problem.code.word(),
                problem.severity.word(),
                shown(problem.place.as_ref()),
                shown(problem.detail.as_ref()),
            ])?;
        }
        Ok(())
    }

    fn write_vectors(&self) -> rusqlite::Result<()> {
        let mut insert = self.connection.prepare(
            "INSERT INTO delivery_vector (vector, profile, fate, authority, cause, exchange, varies, strip_wins, \
             forge_wins, would_lose_mail) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?;
        let mut vectors: Vec<(&Verdicts, &u32)> = self.vectors.iter().collect();
        vectors.sort_unstable_by_key(|(_, vector)| **vector);
        for (verdicts, vector) in vectors {
            for (profile, verdict) in PROFILES.iter().zip(verdicts) {
                insert.execute(params![
                    vector,
                    profile.id,
                    verdict.fate.word(),
                    verdict.authority.map(|it| it.word()),
                    verdict.cause.map(|it| it.word()),
                    verdict.exchange.map(|it| it as i64),
                    verdict.varies,
                    verdict.strip_wins,
                    verdict.forge_wins,
                    verdict.would_lose_mail,
                ])?;
            }
        }
        Ok(())
    }
}

/// Why no TLSA record holds: for DANE-TA it may be the name or the time.
fn tlsa_cause(reasons: &str) -> Cause {
    let has = |word| reasons.split(' ').any(|reason| reason == word);
    if has("name_mismatch") {
        Cause::CertificateHostMismatch
    } else if has("expired") {
        Cause::CertificateExpired
    } else {
        Cause::TlsaInvalid
    }
}
