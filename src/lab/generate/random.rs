//! Random worlds from a seed, with their truth: what a survey of them has to give back, fact by fact.

use serde::Serialize;
use serde_json::json;

use super::super::world::{DnsFault, FalseAnswer, WorldName, WorldServer};
use super::addresses::Addresses;
use super::names;
use super::outputs::Outputs;

/// A number after the other from a seed (SplitMix64), the same on every machine and with every library.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    /// An index, by weights.
    fn weighted(&mut self, weights: &[u64]) -> usize {
        let mut rest = self.below(weights.iter().sum());
        for (index, &weight) in weights.iter().enumerate() {
            if rest < weight {
                return index;
            }
            rest -= weight;
        }
        0
    }
}

/// What a survey has to find at a domain; null where it cannot know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct Facts {
    /// Whether the domain takes mail at all, by its DNS.
    mail: Option<bool>,
    /// Whether a server of it answered EHLO or HELO.
    answers: bool,
    esmtp: Option<bool>,
    advertised: Option<bool>,
    accepted: Option<bool>,
    completed: Option<bool>,
    /// The chain leads to the lab's root.
    valid: Option<bool>,
}

const NOTHING: Facts = Facts {
    mail: Some(true),
    answers: false,
    esmtp: None,
    advertised: None,
    accepted: None,
    completed: None,
    valid: None,
};

const fn plain(esmtp: bool) -> Facts {
    Facts {
        answers: true,
        esmtp: Some(esmtp),
        advertised: Some(false),
        accepted: Some(false),
        completed: Some(false),
        ..NOTHING
    }
}

const fn tls(advertised: bool, valid: bool) -> Facts {
    Facts {
        answers: true,
        esmtp: Some(true),
        advertised: Some(advertised),
        accepted: Some(true),
        completed: Some(true),
        valid: Some(valid),
        ..NOTHING
    }
}

/// Server behaviours of random worlds, what is true of them, and how often they come at most.
const SERVERS: &[(&str, Facts, u64)] = &[
    ("plain", plain(true), 300),
    ("helo-only", plain(false), 30),
    ("tls", tls(true, true), 300),
    ("tls12", tls(true, true), 100),
    ("tls13", tls(true, true), 100),
    ("self-signed", tls(true, false), 100),
    ("expired", tls(true, false), 50),
    ("unadvertised", tls(false, true), 20),
    (
        "starttls-550",
        Facts {
            advertised: Some(true),
            ..plain(true)
        },
        20,
    ),
    (
        "alert",
        Facts {
            completed: Some(false),
            valid: None,
            ..tls(true, true)
        },
        10,
    ),
    ("refused", NOTHING, 30),
    ("close-banner", NOTHING, 10),
    ("banner-554", NOTHING, 10),
];

/// Ways of a domain not to lead to a server.
const DEAD_ENDS: &[(DeadEnd, Option<bool>)] = &[
    (DeadEnd::NullMx, Some(false)),
    (DeadEnd::Nxdomain, Some(false)),
    (DeadEnd::NoAddress, Some(false)),
    (DeadEnd::Servfail, None),
    (DeadEnd::Refused, None),
];

#[derive(Clone, Copy)]
enum DeadEnd {
    NullMx,
    Nxdomain,
    NoAddress,
    Servfail,
    Refused,
}

#[derive(Serialize)]
struct Truth<'a> {
    rank: u64,
    domain: &'a str,
    behaviour: Option<&'a str>,
    #[serde(flatten)]
    facts: Facts,
    adobe: u64,
    gawker: u64,
}

/// An operator: MX hosts of one behaviour that many domains share.
struct Operator {
    hosts: Vec<String>,
    behaviour: usize,
}

/// Makes a world of so many domains.
pub fn make(seed: u64, domains: u64, out: &mut Outputs) -> anyhow::Result<()> {
    let mut chance = Chance(seed);
    let rates = Rates::new(&mut chance);
    out.head(&json!({"name": format!("random, seed {seed}"), "domains": domains}))?;
    let mut maker = Maker {
        addresses: Addresses::default(),
        out,
    };
    let count = chance.below(5) + 2;
    let operators = (0..count)
        .map(|nth| maker.operator(nth, &mut chance, &rates.weights))
        .collect::<Result<Vec<_>, _>>()?;
    for rank in 1..=domains {
        let domain = names::ranked(rank);
        let mut name = WorldName::new(&domain);
        let (behaviour, facts) = match chance.below(100) {
            percent if percent < rates.hosted => {
                let operator = &operators[chance.below(count) as usize];
                name.mx = exchanges(&operator.hosts);
                named(operator.behaviour)
            }
            percent if percent < rates.hosted + rates.dead_ends => {
                let (end, mail) = DEAD_ENDS[chance.below(DEAD_ENDS.len() as u64) as usize];
                dead_end(&mut name, end);
                (None, Facts { mail, ..NOTHING })
            }
            percent => {
                let behaviour = chance.weighted(&rates.weights);
                let hosts = 1 + chance.below(3);
                let hosts = maker.servers(&domain, hosts, behaviour)?;
                if percent < rates.hosted + rates.dead_ends + rates.implicit {
                    name.a = hosts.into_iter().flat_map(|(_, ips)| ips).collect();
                } else {
                    name.mx =
                        exchanges(&hosts.into_iter().map(|(host, _)| host).collect::<Vec<_>>());
                }
                named(behaviour)
            }
        };
        let truth = Truth {
            rank,
            domain: &domain,
            behaviour,
            facts,
            adobe: 100_000 / rank + chance.below(20),
            gawker: 1_000 / rank + chance.below(2),
        };
        maker.domain(&name, &truth)?;
    }
    Ok(())
}

/// How often things are so, of a hundred domains. Random too: worlds of different seeds differ in their percentages.
struct Rates {
    /// How often each of [`SERVERS`] comes.
    weights: Vec<u64>,
    hosted: u64,
    dead_ends: u64,
    implicit: u64,
}

impl Rates {
    fn new(chance: &mut Chance) -> Self {
        Self {
            weights: SERVERS
                .iter()
                .map(|&(.., most)| chance.below(most) + 1)
                .collect(),
            hosted: chance.below(60),
            dead_ends: chance.below(10) + 1,
            implicit: chance.below(10) + 1,
        }
    }
}

struct Maker<'a> {
    addresses: Addresses,
    out: &'a mut Outputs,
}

type Host = (String, Vec<std::net::Ipv4Addr>);

impl Maker<'_> {
    /// Writes what is to be known of a domain.
    fn domain(&mut self, name: &WorldName, truth: &Truth<'_>) -> anyhow::Result<()> {
        let out = &mut *self.out;
        // A name that does not exist has no line.
        if *name != WorldName::new(truth.domain) {
            out.name(name, None::<&()>)?;
        }
        out.domain(truth.rank, truth.domain)?;
        out.adobe.add(truth.domain, truth.adobe)?;
        out.gawker.add(truth.domain, truth.gawker)?;
        out.truth(truth)?;
        Ok(())
    }

    fn operator(
        &mut self,
        nth: u64,
        chance: &mut Chance,
        weights: &[u64],
    ) -> anyhow::Result<Operator> {
        let behaviour = chance.weighted(weights);
        let hosts = 1 + chance.below(4);
        let hosts = self.servers(&format!("operator{nth}.net"), hosts, behaviour)?;
        Ok(Operator {
            hosts: hosts.into_iter().map(|(host, _)| host).collect(),
            behaviour,
        })
    }

    /// MX hosts of one behaviour, each with one or two addresses.
    fn servers(&mut self, domain: &str, hosts: u64, behaviour: usize) -> anyhow::Result<Vec<Host>> {
        let mut made = Vec::new();
        for nth in 1..=hosts {
            let host = format!("mx{nth}.{domain}");
            let mut name = WorldName::new(&host);
            for _ in 0..1 + nth % 2 {
                let ip = self.addresses.next();
                if let std::net::IpAddr::V4(ip) = ip {
                    name.a.push(ip);
                }
                let server = WorldServer {
                    ip: Some(ip),
                    preset: Some(SERVERS[behaviour].0.to_string()),
                    name: Some(host.clone()),
                    ..WorldServer::default()
                };
                self.out.server(&server, &json!({}))?;
            }
            self.out.name(&name, None::<&()>)?;
            made.push((host, name.a));
        }
        Ok(made)
    }
}

fn named(behaviour: usize) -> (Option<&'static str>, Facts) {
    let (name, facts, _) = SERVERS[behaviour];
    (Some(name), facts)
}

fn exchanges(hosts: &[String]) -> Vec<(u16, String)> {
    (1..)
        .map(|nth| nth * 10)
        .zip(hosts.iter().cloned())
        .collect()
}

fn dead_end(name: &mut WorldName, end: DeadEnd) {
    let fault = |answer| {
        Some(DnsFault {
            answer: Some(answer),
            ..DnsFault::default()
        })
    };
    match end {
        DeadEnd::NullMx => name.mx.push((0, ".".into())),
        DeadEnd::Nxdomain => {}
        DeadEnd::NoAddress => name.txt.push("no mail here".into()),
        DeadEnd::Servfail => name.dns = fault(FalseAnswer::Servfail),
        DeadEnd::Refused => name.dns = fault(FalseAnswer::Refused),
    }
}
