//! What becomes of mail to each domain, and what is wrong with servers, domains and policies.
//!
//! Memory: some 100 bytes for a server and for an exchange; domains stream by.

use std::sync::atomic::{AtomicBool, Ordering};

use hashbrown::HashMap;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, Statement, params};
use serde::de::DeserializeOwned;
use time::Duration;

use super::super::StoreError;
use super::merge::{Merge, Merged, index};
use crate::judge::delivery::{
    Cause, Delivery, Destination, ExchangeView, Fate, PROFILES, Profile, ServerContact, ServerView,
    StsPolicy, TlsaMatch, TlsaView, deliver,
};
use crate::judge::destination::{
    ExchangeTies, exchange_view, has_unsigned_tlsa, is_secure, server_behind, server_view,
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
use crate::record::{Domain, MxFault, Phase, Policy, Reason, Smtp, Sts, Tls};

/// A certificate that ends within so many days of its scan is told, unless the database says otherwise.
const EXPIRY_DAYS: i64 = 14;
/// The profile that heeds MTA-STS to the letter.
const BY_THE_LETTER: &str = "mta_sts";

/// Fills the tables of delivery and problems; false: `stop` was set before they were whole.
pub(super) fn judge(
    connection: &Connection,
    port: u16,
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
        exchanges: Vec::new(),
        addresses: Vec::new(),
        named: HashMap::new(),
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
    mail.read_exchanges()?;
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
}

/// A row of `exchange`.
#[derive(Clone, Default)]
struct ExchangeRow {
    name: u32,
    text: Box<str>,
    addresses: Vec<u32>,
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
    /// By row of `exchange`.
    exchanges: Vec<ExchangeRow>,
    /// Texts by row of `address`.
    addresses: Vec<Box<str>>,
    /// `name_match` by row of `name` and of `certificate`.
    named: HashMap<(u32, u32), Option<bool>>,
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
            if shaken.is_empty() {
                shaken.push((0, None, None));
            }
            for (sni, leaf, tls) in &shaken {
                let mut view = server_view(smtp.as_ref(), tls.as_ref());
                if !self.is_reached && view.contact == ServerContact::Silent {
                    view.contact = ServerContact::NotAsked;
                }
                let ended = smtp.as_ref().map(|smtp| &smtp.outcome);
                let silence = ended
                    .filter(|_| view.contact == ServerContact::Silent)
                    .map(|outcome| (outcome.phase, outcome.reason));
                let leaf = *leaf;
                let seen = Seen {
                    view,
                    leaf,
                    silence,
                };
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

    /// Exchanges with their addresses, the names of leaves, and what TLSA records are worth.
    fn read_exchanges(&mut self) -> rusqlite::Result<()> {
        let mut statement = self.connection.prepare(
            "SELECT e.id, e.name, n.name FROM exchange e JOIN name n ON n.id = e.name ORDER BY e.id",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let id = index(row, 0)?;
            self.exchanges.resize(id + 1, ExchangeRow::default());
            self.exchanges[id].name = row.get(1)?;
            self.exchanges[id].text = row.get::<_, String>(2)?.into();
        }
        let mut statement = self
            .connection
            .prepare("SELECT exchange, address FROM exchange_address ORDER BY exchange, address")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let exchange = index(row, 0)?;
            if let Some(exchange) = self.exchanges.get_mut(exchange) {
                exchange.addresses.push(row.get(1)?);
            }
        }
        let mut statement = self
            .connection
            .prepare("SELECT id, ip FROM address ORDER BY id")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let id = index(row, 0)?;
            self.addresses.resize(id + 1, Box::default());
            self.addresses[id] = row.get::<_, String>(1)?.into();
        }
        let mut statement = self
            .connection
            .prepare("SELECT name, certificate, name_match FROM exchange_certificate")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let is_named = match row.get_ref(2)?.as_str().unwrap_or_default() {
                "san" => Some(true),
                "no" => Some(false),
                // In the common name alone.
                _ => None,
            };
            self.named.insert((row.get(0)?, row.get(1)?), is_named);
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
        let mut exchanges = Merge::new(connection.prepare_cached(
            "SELECT domain, exchange, preference FROM domain_exchange ORDER BY domain, preference, exchange",
        )?);
        let mut exchanges = exchanges.rows()?;
        let mut statement = connection.prepare(
            "SELECT d.id, d.line, p.line, s.line FROM domain d LEFT JOIN policy p ON p.domain = d.id \
             LEFT JOIN sts s ON s.domain = d.id ORDER BY d.id",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            if stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            let domain: Option<Domain> = record(row, 1)?;
            let of_domain = self.rows_of(&mut exchanges, index(row, 0)?)?;
            self.domain(row, domain.as_ref(), &of_domain)?;
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

    fn rows_of(
        &self,
        exchanges: &mut Merged<'_>,
        domain: usize,
    ) -> rusqlite::Result<Vec<(u32, u32)>> {
        let mut rows = Vec::new();
        while let Some(row) = exchanges.next_pair_of(domain)? {
            rows.push(row);
        }
        Ok(rows)
    }

    /// One domain; columns: its number, and the lines of `domain`, `policy` and `sts`.
    fn domain(
        &mut self,
        row: &Row<'_>,
        domain: Option<&Domain>,
        exchanges: &[(u32, u32)],
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
        let mut seen: Vec<(Vec<ServerSeen>, TlsaView, bool)> = Vec::new();
        for exchange in domain.iter().flat_map(|domain| &domain.mx) {
            let view = exchange_view(exchange, sts.as_ref());
            let row = exchanges.iter().map(|&(row, _)| row).find(|&row| {
                (self.exchanges.get(row as usize)).is_some_and(|row| *row.text == exchange.exchange)
            });
            let (view, servers) = self.behind(row, view, sts.as_ref())?;
            seen.push((servers, view.tlsa, has_unsigned_tlsa(exchange)));
            destination.exchanges.push(view);
        }
        let mut by_the_letter = None;
        if let Some(domain) = domain {
            let exchanges = seen
                .iter()
                .map(|(servers, tlsa, is_unsigned)| ExchangeSeen {
                    servers: servers.iter().collect(),
                    tlsa: *tlsa,
                    has_unsigned_tlsa: *is_unsigned,
                });
            found.extend(domain_problems(&DomainView {
                domain,
                exchanges: exchanges.collect(),
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
        row: Option<u32>,
        mut view: ExchangeView,
        sts: Option<&Sts>,
    ) -> rusqlite::Result<(ExchangeView, Vec<ServerSeen>)> {
        let mut all = Vec::new();
        let Some(row) = row else {
            return Ok((view, all));
        };
        let name = self.exchanges[row as usize].name;
        for at in 0..self.exchanges[row as usize].addresses.len() {
            let address = self.exchanges[row as usize].addresses[at];
            let found = (self.servers.get(&(address, name)))
                .or_else(|| self.servers.get(&(address, 0)))
                .cloned();
            let seen = found.unwrap_or_default();
            let is_named = seen
                .leaf
                .and_then(|leaf| self.named.get(&(name, leaf)).copied());
            let named = ExchangeTies {
                exchange: is_named.map(|it| it == Some(true)),
                by_common_name: is_named == Some(None),
                pattern: match (seen.leaf, sts) {
                    (Some(leaf), Some(sts)) => self.names_pattern(leaf, sts)?,
                    _ => None,
                },
                tlsa: self.dane.get(&(row, address)).copied().unwrap_or_default(),
            };
            let text = self.addresses.get(address as usize).map_or("", |it| it);
            let silence = seen.silence;
            let (server, mut seen) = server_behind(seen.view, named, text);
            seen.silence = silence;
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
