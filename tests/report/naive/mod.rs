//! What follows from the records of a small scan, computed without haste: one domain, one server at a time.

pub mod certificates;
mod grades;
pub mod scans;
pub mod tables;

use std::collections::BTreeMap;
use std::net::IpAddr;

use mx_survey::record::{Cert, Domain, Exchange, Hop, Listed, Phase, Reason, Run, Smtp, Tls};
use serde::de::DeserializeOwned;
use serde_json::Value;

pub const TIME: &str = "2026-01-01T00:00:00Z";

/// A scan: its lines, and the records in them, read at face value.
#[derive(Default)]
pub struct Scan {
    pub lines: Vec<String>,
    pub lists: BTreeMap<String, Vec<Listed>>,
    pub domains: BTreeMap<String, Domain>,
    pub smtp: BTreeMap<IpAddr, Smtp>,
    pub tls: Vec<Tls>,
    pub certs: BTreeMap<String, Cert>,
    pub hops: Vec<Hop>,
    pub runs: Vec<Run>,
    /// Domains in the order of the lines.
    order: Vec<String>,
}

/// An address that was probed, at the port of the survey.
pub type Server = IpAddr;

/// Yes, no, mixed, unknown.
pub type Tally = [u64; 4];

impl std::fmt::Debug for Scan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.lines.join("\n"))
    }
}

impl Scan {
    pub fn new(lines: Vec<Value>) -> Self {
        let port = survey_port(&lines);
        let mut scan = Self::default();
        for line in lines {
            match line["type"].as_str().unwrap() {
                "listed" => {
                    let listed: Listed = record(&line);
                    scan.lines.push(written(&listed));
                    scan.listed(listed);
                    continue;
                }
                "domain" => {
                    let domain: Domain = record(&line);
                    // Every other one is as mx-lookup writes it, which the tables hold whole.
                    if scan.domains.len() % 2 == 1 {
                        let domain = as_looked_up(domain);
                        scan.lines.push(written(&domain));
                        scan.domain(domain);
                        continue;
                    }
                    scan.domain(domain);
                }
                "cert" => {
                    let cert: Cert = record(&line);
                    scan.certs.insert(cert.sha256.clone(), cert);
                }
                "hop" => scan.hops.push(record(&line)),
                "run" => scan.runs.push(record(&line)),
                "smtp" if line["port"] == port => {
                    let smtp: Smtp = record(&line);
                    scan.smtp.insert(smtp.ip, smtp);
                }
                "tls" if line["port"] == port => scan.tls.push(record(&line)),
                _ => {}
            }
            scan.lines.push(line.to_string());
        }
        scan
    }

    fn listed(&mut self, listed: Listed) {
        self.order.push(listed.domain.clone());
        let list = self.lists.entry(listed.source.clone()).or_default();
        list.push(listed);
    }

    fn domain(&mut self, domain: Domain) {
        self.order.push(domain.domain.clone());
        self.domains.insert(domain.domain.clone(), domain);
    }

    /// Where a domain was named first.
    fn first_named(&self, domain: &str) -> Option<usize> {
        self.order.iter().position(|name| name == domain)
    }

    // --- servers ----------------------------------------------------------------------------------------------

    /// Every address with a record.
    pub fn servers(&self) -> Vec<Server> {
        let mut servers: Vec<Server> = self.smtp.keys().copied().collect();
        servers.extend(self.tls.iter().map(|tls| tls.ip));
        servers.sort_unstable();
        servers.dedup();
        servers
    }

    /// Handshakes with a server: one, or one for each name that it was asked by.
    pub fn handshakes(&self, server: Server) -> impl Iterator<Item = &Tls> {
        self.tls.iter().filter(move |tls| tls.ip == server)
    }

    /// The handshake that counts for an exchange: by its name where each name was asked for, else without one.
    pub fn tls_at(&self, server: Server, exchange: Option<&str>) -> Option<&Tls> {
        let each = |tls: &Tls| {
            let sni = |run: &Run| run.settings.get("sni") == Some(&"each".into());
            self.runs.iter().any(|run| run.id == tls.run && sni(run))
        };
        let named = |name: Option<&str>| {
            self.handshakes(server)
                .find(|tls| tls.server_name.as_deref().filter(|_| each(tls)) == name)
        };
        match exchange {
            None => self.handshakes(server).next(),
            Some(_) => named(exchange).or_else(|| named(None)),
        }
    }

    /// A fact of a server as an exchange leads to it; without one, that of the server itself.
    pub fn fact(
        &self,
        ip: Server,
        exchange: Option<&Exchange>,
        domain: &str,
        fact: &str,
    ) -> Option<bool> {
        let smtp = self.smtp.get(&ip);
        let tls = self.tls_at(ip, exchange.map(|it| it.exchange.as_str()));
        let accepted = smtp.and_then(|smtp| smtp.starttls.accepted);
        // Only a refused STARTTLS is a no.
        let has_tls = match tls {
            Some(tls) if tls.completed == Some(true) || tls.negotiated == Some(true) => Some(true),
            Some(tls) if tls.accepted == Some(false) => Some(false),
            None if accepted == Some(false) => Some(false),
            _ => None,
        };
        let valid = match has_tls {
            Some(false) => Some(false),
            _ => tls.and_then(|tls| tls.verdicts.first()?.valid),
        };
        let names = |name: &str| match has_tls {
            Some(false) => Some(false),
            _ => {
                let leaf = self.certs.get(tls?.chain.first()?)?.facts.as_ref()?;
                let names: Vec<_> = leaf
                    .names
                    .iter()
                    .map(|name| name.lossy().into_owned())
                    .collect();
                Some(covers(
                    &names.iter().map(String::as_str).collect::<Vec<_>>(),
                    name,
                ))
            }
        };
        match fact {
            "esmtp" => smtp?.esmtp,
            "accepted" => accepted,
            "tls" => has_tls,
            "valid" => valid,
            "names_exchange" => names(&exchange?.exchange),
            "names_domain" => names(domain),
            "trusted" => match (valid, names(&exchange?.exchange)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
            "dane" => self.dane(exchange?, ip),
            _ => panic!("{fact}"),
        }
    }

    /// EHLO or HELO was answered.
    pub fn answers(&self, ip: Server) -> bool {
        self.smtp.get(&ip).is_some_and(|smtp| smtp.esmtp.is_some())
    }

    /// Domains that a server serves.
    pub fn behind(&self, ip: Server) -> u64 {
        let served = |name: &&String| self.routes(name).iter().any(|(.., it)| *it == ip);
        self.domains.keys().filter(served).count() as u64
    }

    /// Registered domains of the exchanges that lead to a server.
    pub fn operators(&self, ip: Server) -> Vec<&str> {
        let mut operators: Vec<&str> = (self.domains.values().flat_map(|domain| &domain.mx))
            .filter(|exchange| exchange.addresses.iter().any(|it| it.ip == ip))
            .map(operator)
            .collect();
        operators.sort_unstable();
        operators.dedup();
        operators
    }

    // --- domains ----------------------------------------------------------------------------------------------

    /// Preference, exchange and address of every server of a domain.
    pub fn routes(&self, domain: &str) -> Vec<(u16, &Exchange, Server)> {
        let of = |exchange| {
            let exchange: &Exchange = exchange;
            (exchange.addresses.iter()).map(move |it| (exchange.preference, exchange, it.ip))
        };
        self.domains[domain].mx.iter().flat_map(of).collect()
    }

    pub fn status(&self, domain: &str) -> &'static str {
        let Some(record) = self.domains.get(domain) else {
            return "not_looked_up";
        };
        match record.outcome.reason {
            Reason::NullMx => return "null_mx",
            Reason::Nxdomain => return "nxdomain",
            Reason::NoAddress => return "no_address",
            Reason::InvalidName => return "invalid_name",
            _ if record.mx.is_empty() => return "dns",
            _ => {}
        }
        let servers: Vec<Server> = self.routes(domain).iter().map(|(.., ip)| *ip).collect();
        let ended = |wanted: fn(&Smtp) -> bool| {
            servers
                .iter()
                .any(|ip| self.smtp.get(ip).is_some_and(wanted))
        };
        if servers.iter().any(|ip| self.answers(*ip)) {
            "answered"
        } else if servers.is_empty() {
            if self.unlearned(domain) {
                "dns"
            } else {
                "no_address"
            }
        } else if ended(|smtp| smtp.outcome.reason == Reason::Deferred) {
            "deferred"
        } else if ended(|smtp| !not_asked(smtp)) {
            "unreachable"
        } else {
            "not_probed"
        }
    }

    pub fn takes_mail(&self, domain: &str) -> bool {
        let outside = [
            "not_looked_up",
            "null_mx",
            "nxdomain",
            "no_address",
            "invalid_name",
        ];
        !outside.contains(&self.status(domain))
    }

    /// An exchange without a known address that may have one: it exists, and not both questions were answered.
    fn unlearned(&self, domain: &str) -> bool {
        self.domains[domain].mx.iter().any(|exchange| {
            let ended = |reason| {
                let outcomes = exchange.ipv4.iter().chain(&exchange.ipv6);
                outcomes.filter(|outcome| outcome.reason == reason).count()
            };
            exchange.addresses.is_empty()
                && ended(Reason::Nxdomain) == 0
                && ended(Reason::NoData) < 2
        })
    }

    /// There may be servers behind addresses that were not learned.
    fn is_open(&self, domain: &str) -> bool {
        self.domains[domain].mx.iter().any(|exchange| {
            let mut outcomes = exchange.ipv4.iter().chain(&exchange.ipv6);
            outcomes.any(|it| !matches!(it.reason, Reason::Ok | Reason::Nxdomain | Reason::NoData))
        })
    }

    /// The preference that a sender would end at.
    fn answered_at(&self, domain: &str) -> Option<u16> {
        let routes = self.routes(domain);
        let answering = routes.iter().filter(|(.., ip)| self.answers(*ip));
        answering.map(|(preference, ..)| *preference).min()
    }

    pub fn not_best(&self, domain: &str) -> bool {
        let best = self.domains[domain].mx.iter().map(|it| it.preference).min();
        self.answered_at(domain).is_some_and(|at| Some(at) != best)
    }

    /// The server that stands for a domain: of the preference that answered the first with TLS, else the first, by the name
    /// of the exchange, then by address.
    pub fn stands(&self, domain: &str) -> Option<(&Exchange, Server)> {
        let answered = self.answered_at(domain)?;
        let routes = self.routes(domain).into_iter();
        let tried =
            routes.filter(|(preference, _, ip)| *preference == answered && self.answers(*ip));
        let (_, exchange, ip) = tried.min_by_key(|(_, exchange, ip)| {
            (
                self.fact(*ip, Some(exchange), domain, "tls") != Some(true),
                exchange.exchange.clone(),
                *ip,
            )
        })?;
        Some((exchange, ip))
    }

    /// The handshake that stands for a domain, if there was TLS.
    pub fn stands_with_tls(&self, domain: &str) -> Option<(Server, &Tls)> {
        if !self.takes_mail(domain) {
            return None;
        }
        let (exchange, ip) = self.stands(domain)?;
        let has_tls = self.fact(ip, Some(exchange), domain, "tls") == Some(true);
        let tls = self.tls_at(ip, Some(&exchange.exchange))?;
        has_tls.then_some((ip, tls))
    }

    pub fn domain_fact(&self, domain: &str, fact: &str, rule: &str) -> &'static str {
        let answered = self.answered_at(domain);
        let mut facts: Vec<Option<bool>> = (self.routes(domain).into_iter())
            .filter(|(preference, _, ip)| {
                rule != "preferred" || Some(*preference) == answered && self.answers(*ip)
            })
            .map(|(_, exchange, ip)| self.fact(ip, Some(exchange), domain, fact))
            .collect();
        if rule != "preferred" && (self.unlearned(domain) || self.is_open(domain)) {
            facts.push(None);
        }
        let (yes, no, unknown) = (
            facts.contains(&Some(true)),
            facts.contains(&Some(false)),
            facts.contains(&None),
        );
        match rule {
            "preferred" if yes && no => "mixed",
            "any" if yes => "yes",
            "all" if no => "no",
            _ if unknown || facts.is_empty() => "unknown",
            _ if yes => "yes",
            _ => "no",
        }
    }

    /// A measure (a fact, maybe only among those with another) over domains, each with a weight.
    pub fn tally<'a>(
        &self,
        (fact, among): (&str, Option<&str>),
        rule: &str,
        domains: impl Iterator<Item = (&'a str, u64)>,
    ) -> Tally {
        let mut tally = Tally::default();
        for (domain, weight) in domains.filter(|(domain, _)| self.takes_mail(domain)) {
            if among.is_none_or(|among| self.domain_fact(domain, among, rule) == "yes") {
                add(&mut tally, self.domain_fact(domain, fact, rule), weight);
            }
        }
        tally
    }

    // --- lists ------------------------------------------------------------------------------------------------

    /// Lists with users, and how many those are in all.
    pub fn counted(&self) -> impl Iterator<Item = (&str, u64, &[Listed])> {
        (self.lists.iter())
            .filter_map(|(source, list)| Some((source.as_str(), list[0].of?, &list[..])))
    }

    /// Domains with the users that a list has there.
    pub fn users<'a>(&'a self, source: &str) -> impl Iterator<Item = (&'a str, u64)> {
        (self.lists[source].iter()).map(|entry| (entry.domain.as_str(), entry.users.unwrap_or(0)))
    }

    /// Every domain, once.
    pub fn each(&self) -> impl Iterator<Item = (&str, u64)> {
        self.domains.keys().map(|name| (name.as_str(), 1))
    }

    /// Every weight by its name: the domains, and the users of each counted list.
    pub fn weights(&self) -> Vec<(String, Vec<(&str, u64)>)> {
        let mut weights = vec![("domains".to_owned(), self.each().collect())];
        for (source, ..) in self.counted() {
            weights.push((format!("users: {source}"), self.users(source).collect()));
        }
        weights
    }
}

fn record<T: DeserializeOwned>(line: &Value) -> T {
    serde_json::from_value(line.clone()).unwrap_or_else(|error| panic!("{error}: {line}"))
}

/// The port with most records.
fn survey_port(lines: &[Value]) -> u64 {
    let ports = || lines.iter().filter_map(|line| line["port"].as_u64());
    let most = |port: &u64| {
        (
            ports().filter(|it| it == port).count(),
            std::cmp::Reverse(*port),
        )
    };
    ports().max_by_key(most).unwrap_or(25)
}

/// A record as a line.
fn written<R: mx_survey::record::Record>(record: &R) -> String {
    let line = mx_survey::ndjson::to_line(record);
    String::from_utf8(line).unwrap().trim_end().to_owned()
}

/// The same domain as mx-lookup would have written it.
fn as_looked_up(mut domain: Domain) -> Domain {
    let order = |exchange: &Exchange| (exchange.preference, exchange.exchange.clone());
    domain.mx.sort_by_key(order);
    domain.mx = domain.mx.into_iter().map(as_resolved).collect();
    domain
}

/// What is said of an exchange, whatever its preference and whoever wrote it.
fn unpreferred(exchange: &Exchange) -> Exchange {
    Exchange {
        preference: 0,
        ..as_resolved(exchange.clone())
    }
}

fn as_resolved(mut exchange: Exchange) -> Exchange {
    for address in &mut exchange.addresses {
        address.special = mx_survey::net::special::block(address.ip);
    }
    exchange.addresses.sort_by_key(|address| address.ip);
    let tlsa = exchange.tlsa.iter_mut().map(|set| &mut set.outcome);
    for outcome in (exchange.ipv4.iter_mut())
        .chain(&mut exchange.ipv6)
        .chain(tlsa)
    {
        outcome.phase = match outcome.reason {
            Reason::Ok => Phase::Done,
            _ => Phase::Dns,
        };
    }
    exchange
}

pub fn operator(exchange: &Exchange) -> &str {
    exchange
        .registered_domain
        .as_ref()
        .unwrap_or(&exchange.exchange)
}

/// This side did not ask.
fn not_asked(smtp: &Smtp) -> bool {
    use Reason::{BlockedAddress, Excluded, Interrupted, Local, NoIpv6Here};
    matches!(
        smtp.outcome.reason,
        BlockedAddress | Excluded | Interrupted | Local | NoIpv6Here
    )
}

/// Whether one of the names, maybe with a wildcard for the first label, is this name.
fn covers(names: &[&str], name: &str) -> bool {
    let parent = name.split_once('.').map(|(_, parent)| parent);
    (names.iter()).any(|it| {
        *it == name
            || it
                .strip_prefix("*.")
                .is_some_and(|rest| Some(rest) == parent)
    })
}

pub fn add(tally: &mut Tally, word: &str, weight: u64) {
    let words = ["yes", "no", "mixed", "unknown"];
    tally[words.iter().position(|it| *it == word).unwrap()] += weight;
}

pub fn word(fact: Option<bool>) -> &'static str {
    match fact {
        None => "unknown",
        Some(true) => "yes",
        Some(false) => "no",
    }
}
