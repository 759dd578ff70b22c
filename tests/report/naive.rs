//! Small random scans, and what follows from them, computed without haste: one domain, one server at a time.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Value, json};

/// A scan as it would be described in words.
#[derive(Clone, Debug)]
pub struct Scan {
    pub domains: BTreeMap<String, Mail>,
    /// Exchange → addresses, and how the question for them ended.
    pub exchanges: BTreeMap<String, (Vec<String>, &'static str)>,
    pub servers: BTreeMap<String, Server>,
    pub lists: BTreeMap<String, Vec<Entry>>,
}

/// What the DNS says of a domain.
#[derive(Clone, Debug)]
pub enum Mail {
    Exchanges(Vec<(u16, String)>),
    Without(&'static str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    Absent,
    Refused,
    Deferred,
    Blocked,
    Plain,
    HeloOnly,
    SaysNothingOfTls,
    AcceptsOnly,
    HandshakeFails,
    HandshakeBreaks,
    Valid,
    Expired,
    Unjudged,
    /// Negotiated, never completed.
    Negotiated,
}

const SERVERS: [Server; 14] = [
    Server::Absent,
    Server::Refused,
    Server::Deferred,
    Server::Blocked,
    Server::Plain,
    Server::HeloOnly,
    Server::SaysNothingOfTls,
    Server::AcceptsOnly,
    Server::HandshakeFails,
    Server::HandshakeBreaks,
    Server::Valid,
    Server::Expired,
    Server::Unjudged,
    Server::Negotiated,
];

#[derive(Clone, Debug)]
pub struct Entry {
    pub domain: String,
    pub rank: Option<u64>,
    pub users: Option<u64>,
}

impl Server {
    pub fn probed(self) -> bool {
        self != Self::Absent
    }

    /// A fact that does not depend on names.
    pub fn fact(self, fact: &str) -> Option<bool> {
        use Server::*;
        match (fact, self) {
            (_, Absent | Refused | Deferred | Blocked) => None,
            ("esmtp", HeloOnly) => Some(false),
            ("esmtp", _) => Some(true),
            ("accepted", Plain | HeloOnly) => Some(false),
            ("accepted", SaysNothingOfTls) => None,
            ("accepted", _) => Some(true),
            ("tls" | "valid", Plain | HeloOnly) => Some(false),
            ("tls", SaysNothingOfTls | AcceptsOnly | HandshakeBreaks | HandshakeFails) => None,
            ("tls", _) => Some(true),
            ("valid", Valid) => Some(true),
            ("valid", Expired | Negotiated) => Some(false),
            ("valid", _) => None,
            _ => panic!("{fact}"),
        }
    }

    fn shows_certificate(self) -> bool {
        matches!(
            self,
            Self::Valid | Self::Expired | Self::Unjudged | Self::Negotiated
        )
    }

    pub fn version(self) -> Option<&'static str> {
        match self {
            Self::Negotiated => Some("TLSv1"),
            _ => self.shows_certificate().then_some("TLSv1.3"),
        }
    }

    pub fn offers(self, keyword: &str) -> bool {
        self.fact("esmtp") == Some(true)
            && (keyword == "PIPELINING" || keyword == "STARTTLS" && self != Self::Plain)
    }
}

type Tally = [u64; 4];

fn add(tally: &mut Tally, word: &str, weight: u64) {
    let at = ["yes", "no", "mixed", "unknown"]
        .iter()
        .position(|it| *it == word)
        .unwrap();
    tally[at] += weight;
}

fn word(fact: Option<bool>) -> &'static str {
    match fact {
        None => "unknown",
        Some(true) => "yes",
        Some(false) => "no",
    }
}

impl Scan {
    /// (preference, exchange) of a domain.
    pub fn exchanges<'a>(&'a self, domain: &str) -> impl Iterator<Item = (u16, &'a str)> {
        let list: &[(u16, String)] = match &self.domains[domain] {
            Mail::Exchanges(list) => list,
            Mail::Without(_) => &[],
        };
        list.iter()
            .map(|(preference, exchange)| (*preference, exchange.as_str()))
    }

    /// (preference, exchange, address).
    pub fn routes<'a>(&'a self, domain: &str) -> impl Iterator<Item = (u16, &'a str, &'a str)> {
        self.exchanges(domain).flat_map(|(preference, exchange)| {
            let (addresses, _) = &self.exchanges[exchange];
            addresses
                .iter()
                .map(move |ip| (preference, exchange, ip.as_str()))
        })
    }

    pub fn status(&self, domain: &str) -> &'static str {
        if let Mail::Without(reason) = &self.domains[domain] {
            return match *reason {
                "null_mx" => "null_mx",
                "nxdomain" => "nxdomain",
                "no_address" => "no_address",
                "invalid_name" => "invalid_name",
                _ => "dns",
            };
        }
        let servers: Vec<Server> = self
            .routes(domain)
            .map(|(.., ip)| self.servers[ip])
            .collect();
        if servers.iter().any(|server| server.fact("esmtp").is_some()) {
            "answered"
        } else if servers.is_empty() {
            if self.unlearned(domain) {
                "dns"
            } else {
                "no_address"
            }
        } else if servers.contains(&Server::Deferred) {
            "deferred"
        } else if servers.contains(&Server::Refused) {
            "unreachable"
        } else {
            "not_probed"
        }
    }

    pub fn takes_mail(&self, domain: &str) -> bool {
        !matches!(
            self.status(domain),
            "null_mx" | "nxdomain" | "no_address" | "invalid_name"
        )
    }

    /// An exchange whose addresses could not be found out.
    fn unlearned(&self, domain: &str) -> bool {
        self.exchanges(domain).any(|(_, exchange)| {
            let (addresses, reason) = &self.exchanges[exchange];
            addresses.is_empty() && *reason == "servfail"
        })
    }

    /// The preference that a sender would end at.
    fn answered_at(&self, domain: &str) -> Option<u16> {
        let answering = self
            .routes(domain)
            .filter(|(.., ip)| self.servers[*ip].fact("esmtp").is_some());
        answering.map(|(preference, ..)| preference).min()
    }

    pub fn not_best(&self, domain: &str) -> bool {
        let best = self
            .exchanges(domain)
            .map(|(preference, _)| preference)
            .min();
        self.answered_at(domain).is_some_and(|at| Some(at) != best)
    }

    fn server_fact(&self, ip: &str, exchange: &str, domain: &str, fact: &str) -> Option<bool> {
        let server = self.servers[ip];
        let named = |name: &str| match server {
            _ if server.shows_certificate() => {
                Some(self.certificate_names(ip).contains(&name.to_owned()))
            }
            _ if server.fact("tls") == Some(false) => Some(false),
            _ => None,
        };
        match fact {
            "names_exchange" => named(exchange),
            "names_domain" => named(domain),
            "trusted" => match (server.fact("valid"), named(exchange)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
            _ => server.fact(fact),
        }
    }

    /// Each server's certificate names the first exchange in the alphabet that leads to it, and the domain d0.test.
    fn certificate_names(&self, ip: &str) -> Vec<String> {
        let first = self
            .exchanges
            .iter()
            .find(|(_, (addresses, _))| addresses.iter().any(|it| it == ip));
        let mut names = vec!["d0.test".to_owned()];
        names.extend(first.map(|(name, _)| name.clone()));
        names
    }

    pub fn domain_fact(&self, domain: &str, fact: &str, rule: &str) -> &'static str {
        let answered = self.answered_at(domain);
        let mut facts: Vec<Option<bool>> = self
            .routes(domain)
            .filter(|(preference, _, ip)| {
                rule != "preferred"
                    || Some(*preference) == answered && self.servers[*ip].fact("esmtp").is_some()
            })
            .map(|(_, exchange, ip)| self.server_fact(ip, exchange, domain, fact))
            .collect();
        if rule != "preferred" && self.unlearned(domain) {
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

    pub fn tally(
        &self,
        fact: &str,
        among: Option<&str>,
        rule: &str,
        weight: &dyn Fn(&str) -> u64,
        within: &dyn Fn(&str) -> bool,
    ) -> Tally {
        let mut tally = Tally::default();
        for domain in self
            .domains
            .keys()
            .filter(|domain| self.takes_mail(domain) && within(domain))
        {
            if among.is_none_or(|among| self.domain_fact(domain, among, rule) == "yes") {
                add(
                    &mut tally,
                    self.domain_fact(domain, fact, rule),
                    weight(domain),
                );
            }
        }
        tally
    }

    pub fn servers_tally(&self, fact: &str, among: Option<&str>) -> Tally {
        let mut tally = Tally::default();
        for server in self.servers.values().filter(|server| server.probed()) {
            if among.is_none_or(|among| server.fact(among) == Some(true)) {
                add(&mut tally, word(server.fact(fact)), 1);
            }
        }
        tally
    }

    pub fn counted(&self) -> impl Iterator<Item = (&String, &Vec<Entry>)> {
        self.lists
            .iter()
            .filter(|(source, _)| source.starts_with("counted"))
    }

    pub fn users(&self, source: &str, domain: &str) -> u64 {
        let entry = self.lists[source]
            .iter()
            .find(|entry| entry.domain == domain);
        entry.and_then(|entry| entry.users).unwrap_or(0)
    }

    /// The part of a domain that a provider runs.
    pub fn hosted(&self, domain: &str, provider: &str, role: &str) -> f64 {
        if self.status(domain) != "answered" {
            return 0.0;
        }
        let best = self
            .exchanges(domain)
            .map(|(preference, _)| preference)
            .min();
        let mut names: Vec<&str> = self
            .exchanges(domain)
            .filter(|(it, _)| Some(*it) == best)
            .map(|(_, name)| name)
            .collect();
        names.sort_unstable();
        names.dedup();
        let is = |name: &str| match name {
            "aspmx.l.google.com" => (provider, role) == ("google", "mailbox"),
            _ if name == domain => (provider, role) == ("self", "self"),
            _ => (provider, role) == (registered(name), "other"),
        };
        names.iter().filter(|name| is(name)).count() as f64 / names.len() as f64
    }

    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (source, entries) in &self.lists {
            let of: u64 = 1000 + entries.iter().filter_map(|entry| entry.users).sum::<u64>();
            for entry in entries {
                let mut line = json!({"type": "listed", "source": source, "domain": entry.domain, "rank": entry.rank});
                if let Some(users) = entry.users {
                    line["users"] = users.into();
                    line["of"] = of.into();
                }
                lines.push(line);
            }
        }
        lines.extend(
            self.domains
                .iter()
                .map(|(name, mail)| self.domain_line(name, mail)),
        );
        for (ip, server) in self.servers.iter().filter(|(_, server)| server.probed()) {
            lines.push(smtp_line(ip, *server));
            lines.extend(self.tls_lines(ip, *server));
        }
        lines.iter().map(Value::to_string).collect()
    }

    fn domain_line(&self, name: &str, mail: &Mail) -> Value {
        let mut line = json!({"type": "domain", "domain": name, "outcome": {"phase": "done", "reason": "ok"},
            "implicit_mx": null, "null_mx": null, "mx": [], "dnssec": null, "time": TIME, "elapsed_ms": 1, "run": "r"});
        match mail {
            Mail::Without(reason) => line["outcome"] = json!({"phase": "dns", "reason": reason}),
            Mail::Exchanges(list) => {
                let exchange = |(preference, name): &(u16, String)| {
                    let (addresses, reason) = &self.exchanges[name];
                    let addresses: Vec<Value> =
                        addresses.iter().map(|ip| json!({"ip": ip})).collect();
                    json!({"exchange": name, "preference": preference, "registered_domain": registered(name),
                        "addresses": addresses, "ipv4": {"phase": "dns", "reason": reason}, "ipv6": null, "dnssec": null})
                };
                line["mx"] = list.iter().map(exchange).collect();
            }
        }
        line
    }

    fn tls_lines(&self, ip: &str, server: Server) -> Vec<Value> {
        use Server::*;
        let (negotiated, completed, verdict) = match server {
            HandshakeFails => (Some(false), Some(false), None),
            HandshakeBreaks => (None, Some(false), None),
            Valid => (Some(true), Some(true), Some((Some(true), "valid"))),
            Expired => (Some(true), Some(true), Some((Some(false), "expired"))),
            Unjudged => (Some(true), Some(true), Some((None, "other"))),
            Negotiated => (Some(true), Some(false), Some((Some(false), "self_signed"))),
            _ => return Vec::new(),
        };
        let mut tls = json!({"type": "tls", "ip": ip, "port": 25, "server_name": null,
            "outcome": {"phase": "done", "reason": "ok"}, "accepted": true, "negotiated": negotiated,
            "completed": completed, "ocsp_stapled": null, "secure_renegotiation": null, "extended_master_secret": null,
            "compression": null, "client_certificate_requested": null, "connections": 1, "attempts": 1, "timings": {},
            "connected": null, "time": TIME, "run": "r"});
        let mut lines = Vec::new();
        if let Some((valid, reason)) = verdict {
            let sha256 = format!(
                "{:064x}",
                u32::from(ip.parse::<std::net::Ipv4Addr>().unwrap())
            );
            lines.push(json!({"type": "cert", "sha256": sha256, "der": "", "subject": "CN=x", "issuer": "CN=x",
                "serial": "1", "not_before": TIME, "not_after": TIME, "common_names": [],
                "names": self.certificate_names(ip), "key_type": "rsa", "key_bits": 2048, "spki_sha256": sha256,
                "signature_algorithm": "sha256WithRSAEncryption", "self_issued": false, "self_signed": false,
                "ca": false, "must_staple": false, "scts": 0, "x509_version": 3, "time": TIME, "run": "r"}));
            tls["version"] = server.version().into();
            tls["chain"] = json!([sha256]);
            tls["verdicts"] = json!([{"store": "test", "store_date": "2026", "at": TIME, "valid": valid, "reason": reason}]);
        }
        lines.push(tls);
        lines
    }
}

const TIME: &str = "2026-01-01T00:00:00Z";

/// The last two labels: no name here has a longer public suffix.
fn registered(name: &str) -> &str {
    let dots: Vec<usize> = name.match_indices('.').map(|(at, _)| at).collect();
    match dots.len() {
        0 | 1 => name,
        count => &name[dots[count - 2] + 1..],
    }
}

fn smtp_line(ip: &str, server: Server) -> Value {
    let (phase, reason) = match server {
        Server::Refused => ("connect", "refused"),
        Server::Deferred => ("banner", "deferred"),
        Server::Blocked => ("connect", "blocked_address"),
        Server::SaysNothingOfTls => ("starttls", "timeout"),
        _ => ("done", "ok"),
    };
    let esmtp = server.fact("esmtp");
    let mut line = json!({"type": "smtp", "ip": ip, "port": 25, "outcome": {"phase": phase, "reason": reason},
        "esmtp": esmtp, "starttls": {"advertised": null, "accepted": server.fact("accepted")}, "connections": 1,
        "attempts": 1, "timings": {}, "connected": null, "time": TIME, "run": "r"});
    if esmtp == Some(true) {
        let offered = ["PIPELINING", "STARTTLS"]
            .into_iter()
            .filter(|keyword| server.offers(keyword));
        let keywords: Vec<Value> = offered.map(|keyword| json!({"keyword": keyword})).collect();
        line["capabilities"] = json!({"keywords": keywords});
    }
    line
}

/// A scan with a bit of everything.
pub fn fixed() -> Scan {
    let exchange = |name: &str, addresses: &[&str]| {
        (
            name.to_owned(),
            (addresses.iter().map(|ip| (*ip).to_owned()).collect(), "ok"),
        )
    };
    Scan {
        domains: BTreeMap::from([
            (
                "d0.test".to_owned(),
                Mail::Exchanges(vec![(10, "mx0.op.test".to_owned())]),
            ),
            ("d1.test".to_owned(), Mail::Without("nxdomain")),
        ]),
        exchanges: BTreeMap::from([exchange("mx0.op.test", &["192.0.2.0"])]),
        servers: BTreeMap::from([("192.0.2.0".to_owned(), Server::Valid)]),
        lists: BTreeMap::new(),
    }
}

/// Random scans.
pub fn scans() -> impl Strategy<Value = Scan> {
    const NAMES: usize = 8;
    let exchanges = vec((vec(0usize..7, 0..4), any::<bool>()), 6);
    let servers = vec(0..SERVERS.len(), 7);
    let mail = prop_oneof![
        6 => vec((0u16..3, 0usize..NAMES), 1..4).prop_map(Ok),
        1 => prop::sample::select(&["null_mx", "nxdomain", "no_address", "servfail", "invalid_name", "timeout"][..])
            .prop_map(Err),
    ];
    let domains = vec(mail, 1..10);
    let entries = || btree_map(0usize..12, (1u64..40, 0u64..500), 1..12);
    (exchanges, servers, domains, vec(entries(), 0..4)).prop_map(
        |(exchanges, servers, domains, lists)| {
            let ip = |at: usize| format!("192.0.2.{at}");
            let mut scan = Scan {
                domains: BTreeMap::new(),
                exchanges: BTreeMap::new(),
                servers: servers
                    .iter()
                    .enumerate()
                    .map(|(at, kind)| (ip(at), SERVERS[*kind]))
                    .collect(),
                lists: BTreeMap::new(),
            };
            const EXCHANGES: [&str; 6] = [
                "mx0.op.test",
                "mx1.op.test",
                "mx.other.example",
                "aspmx.l.google.com",
                "notgoogle.com",
                "mx5.last.example",
            ];
            for (name, (addresses, known)) in EXCHANGES.iter().zip(exchanges) {
                let mut addresses: Vec<String> = addresses.into_iter().map(ip).collect();
                addresses.sort();
                addresses.dedup();
                let reason = match (addresses.is_empty(), known) {
                    (false, _) => "ok",
                    (true, true) => "nxdomain",
                    (true, false) => "servfail",
                };
                scan.exchanges
                    .insert((*name).to_owned(), (addresses, reason));
            }
            for (at, mail) in domains.into_iter().enumerate() {
                let domain = format!("d{at}.{}", ["test", "example"][at % 2]);
                let mail = match mail {
                    Err(reason) => Mail::Without(reason),
                    // The last places stand for an implicit MX: the domain is its own exchange.
                    Ok(list) if list[0].1 >= EXCHANGES.len() => {
                        let own = (vec![ip(at % 7)], "ok");
                        scan.exchanges.insert(domain.clone(), own);
                        Mail::Exchanges(vec![(0, domain.clone())])
                    }
                    Ok(list) => Mail::Exchanges(
                        list.into_iter()
                            .filter(|(_, exchange)| *exchange < EXCHANGES.len())
                            .map(|(preference, exchange)| {
                                (preference, EXCHANGES[exchange].to_owned())
                            })
                            .collect(),
                    ),
                };
                scan.domains.insert(domain, mail);
            }
            for (number, entries) in lists.into_iter().enumerate() {
                let counted = number % 2 == 0;
                let source = format!("{}{number}", if counted { "counted" } else { "top" });
                let entry = |(at, (rank, users)): (usize, (u64, u64))| Entry {
                    domain: format!("d{at}.{}", ["test", "example"][at % 2]),
                    rank: Some(rank),
                    users: counted.then_some(users),
                };
                scan.lists
                    .insert(source, entries.into_iter().map(entry).collect());
            }
            scan
        },
    )
}
