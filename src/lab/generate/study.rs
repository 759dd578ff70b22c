//! The world of the 2014 study from `data/world-2014.json`: integer arithmetic only, nothing random.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::tls::{Certificate, KeyKind, Legacy, ServerTls};
use super::super::world::{EhloName, Listen, WorldName, WorldServer};
use super::addresses::Addresses;
use super::outputs::Outputs;
use super::{messages, names, policies};
use crate::record::TlsVersion;

const DATA: &str = include_str!("../../../data/world-2014.json");

/// Counts that the published tables and figures fix, and the rules that make a world of them.
#[derive(Deserialize)]
struct Study {
    top100: Vec<Top>,
    operators: BTreeMap<String, Operator>,
    worlds: HashMap<String, World>,
}

/// One of the hundred largest domains.
#[derive(Deserialize)]
struct Top {
    rank: u64,
    domain: String,
    adobe: u64,
    gawker: u64,
    sony: u64,
    operator: String,
    tls: bool,
    cipher: Option<String>,
    basis: String,
}

#[derive(Deserialize)]
struct Operator {
    mx_hosts: Vec<String>,
    addresses_per_host: u64,
    tls: bool,
    cipher: Option<String>,
    #[serde(default)]
    ehlo_name_must_be_a_domain: bool,
    basis: String,
}

#[derive(Deserialize)]
struct World {
    domains: u64,
    outside: HashMap<String, Outside>,
    segments: Vec<Segment>,
}

/// Users of a list at domains that are not in the world.
#[derive(Deserialize)]
struct Outside {
    domains: u64,
    users_each_at_most: u64,
    last_domain_users: u64,
}

/// A range of ranks.
#[derive(Deserialize)]
struct Segment {
    ranks: (u64, u64),
    adobe_count_first_last: (u64, u64),
    users: Users,
    /// Class, domains, own servers.
    classes: Vec<(String, u64, u64)>,
}

#[derive(Deserialize)]
struct Users {
    gawker: Kinds<u64>,
}

/// Something for each kind of domain.
#[derive(Clone, Copy, Default, Deserialize)]
struct Kinds<T> {
    valid: T,
    invalid: T,
    no_tls: T,
    #[serde(default)]
    unreachable: T,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Valid,
    Invalid,
    NoTls,
    Unreachable,
}

impl<T> Kinds<T> {
    fn kind(&mut self, fate: Fate) -> &mut T {
        match fate {
            Fate::Valid => &mut self.valid,
            Fate::Invalid => &mut self.invalid,
            Fate::NoTls => &mut self.no_tls,
            Fate::Unreachable => &mut self.unreachable,
        }
    }
}

/// What a survey has to find.
#[derive(Serialize)]
struct Truth<'a> {
    rank: u64,
    domain: &'a str,
    operator: Option<&'a str>,
    answers: bool,
    esmtp: bool,
    tls: bool,
    valid: bool,
    cipher: Option<&'a str>,
    adobe: u64,
    gawker: u64,
    sony: u64,
}

/// A server of a class: its MX host and its address, if it has one.
#[derive(Clone)]
struct Own {
    host: String,
    ip: Option<IpAddr>,
}

/// Makes the world `small` or `full`, its servers with the TLS of today or with the ciphers of then.
pub fn make(world: &str, old_ciphers: bool, out: &mut Outputs) -> anyhow::Result<()> {
    let study: Study = serde_json::from_str(DATA).context("data/world-2014.json")?;
    let world_data = study.worlds.get(world).context("no such world")?;
    out.head(&head(world, world_data.domains))?;
    let mut maker = Maker {
        taken: study.top100.iter().map(|top| top.domain.as_str()).collect(),
        study: &study,
        addresses: Addresses::default(),
        old_ciphers,
        has_policies: world == "small",
        out,
    };
    maker.operators()?;
    for top in &study.top100 {
        maker.top(top)?;
    }
    for segment in &world_data.segments {
        maker.segment(segment)?;
    }
    for (list, outside) in [
        (&mut out.adobe, world_data.outside.get("adobe")),
        (&mut out.gawker, world_data.outside.get("gawker")),
        (&mut out.sony, world_data.outside.get("sony")),
    ] {
        let outside = outside.context("no outside")?;
        for number in 0..outside.domains {
            let last = number + 1 == outside.domains;
            let users = if last {
                outside.last_domain_users
            } else {
                outside.users_each_at_most
            };
            list.add(&names::outside(number), users)?;
        }
    }
    messages::make(&mut out.messages)
}

fn head(world: &str, domains: u64) -> serde_json::Value {
    json!({
        "name": format!("2014, {world}"),
        "domains": domains,
        "about": "Synthetic, fitted to the published figures of a study of 2014: it shows that an instrument counts as the \
                  study counted, and says nothing about the mail servers of 2014 or of today.",
        "marks": {
            "real": "a published count, such as the Adobe users of the hundred largest domains",
            "paper": "printed in the study or drawn in its figures",
            "operator": "follows from the operator that the domain shares with one of the study's tables",
            "fitted": "chosen so that sums by rank, list and provider give the published figures",
            "assumed": "nothing published says so",
            "invented": "a name made up by the generator, or what it publishes about its mail (SPF, DMARC, and so on), which nobody published then",
        },
    })
}

impl Study {
    fn operator(&self, name: &str) -> anyhow::Result<&Operator> {
        self.operators
            .get(name)
            .with_context(|| format!("no such operator: {name}"))
    }

    fn fate(&self, class: &str) -> anyhow::Result<Fate> {
        Ok(match class.split_once(':') {
            Some(("valid", _)) => Fate::Valid,
            Some(("invalid", _)) => Fate::Invalid,
            Some(("dead", _)) => Fate::Unreachable,
            None if matches!(class, "plain" | "helo") => Fate::NoTls,
            None if self.operator(class)?.tls => Fate::Valid,
            None => Fate::NoTls,
            Some(_) => bail!("no such class: {class}"),
        })
    }
}

struct Maker<'a> {
    study: &'a Study,
    taken: HashSet<&'a str>,
    addresses: Addresses,
    old_ciphers: bool,
    /// Of the small world alone: a million domains would be four million names.
    has_policies: bool,
    out: &'a mut Outputs,
}

impl Maker<'_> {
    /// A domain with what it publishes, if the world has policies.
    fn publish(
        &mut self,
        rank: u64,
        mut name: WorldName,
        exchange: Option<&str>,
        about: &impl Serialize,
    ) -> anyhow::Result<()> {
        let below = match self.has_policies {
            true => policies::of_domain(rank, &mut name, exchange),
            false => Vec::new(),
        };
        self.out.name(&name, Some(about))?;
        self.invented(&below)
    }

    /// Names whose policies are made up.
    fn invented(&mut self, names: &[WorldName]) -> anyhow::Result<()> {
        for name in names {
            self.out.name(name, Some(&json!({"policy": "invented"})))?;
        }
        Ok(())
    }

    fn operators(&mut self) -> anyhow::Result<()> {
        if self.has_policies {
            let hosts = self.study.operators.values();
            let includes = hosts.filter_map(|it| it.mx_hosts.first());
            let includes = includes.map(|host| policies::of_operator(host));
            let names: Vec<_> = policies::shared().into_iter().chain(includes).collect();
            self.invented(&names)?;
        }
        for (operator, it) in &self.study.operators {
            for host in &it.mx_hosts {
                let mut name = WorldName::new(host);
                for _ in 0..it.addresses_per_host {
                    let ip = self.addresses.next();
                    push_address(&mut name, ip)?;
                    let server = WorldServer {
                        ehlo_name: it.ehlo_name_must_be_a_domain.then_some(EhloName::Domain),
                        tls: it
                            .tls
                            .then(|| self.tls(Certificate::Valid, it.cipher.as_deref())),
                        ..server(ip, host)
                    };
                    let about =
                        json!({"operator": operator, "cipher": it.cipher, "basis": it.basis});
                    self.out.server(&server, &about)?;
                }
                self.out
                    .name(&name, Some(&json!({ "operator": operator })))?;
            }
        }
        Ok(())
    }

    fn top(&mut self, top: &Top) -> anyhow::Result<()> {
        let study = self.study;
        let about = json!({
            "rank": top.rank, "tls": [top.tls, top.basis], "adobe": [top.adobe, "real"], "gawker": [top.gawker, "fitted"],
        });
        let mut name = WorldName::new(&top.domain);
        let mut cipher = top.cipher.as_deref();
        let own = top.operator == "own";
        if own {
            let tls = (top.tls).then(|| self.tls(Certificate::Valid, cipher));
            let own = self.own(
                &top.domain,
                tls,
                &json!({"cipher": top.cipher, "basis": top.basis}),
            )?;
            name.mx.push((10, own.host));
        } else {
            let operator = study.operator(&top.operator)?;
            name.mx = exchanges(operator);
            cipher = operator.cipher.as_deref();
        }
        let exchange = (!own).then(|| name.mx.first().map(|(_, host)| host.clone()));
        self.publish(top.rank, name, exchange.flatten().as_deref(), &about)?;
        self.domain(&Truth {
            rank: top.rank,
            domain: &top.domain,
            operator: (!own).then_some(&*top.operator),
            answers: true,
            esmtp: true,
            tls: top.tls,
            valid: top.tls,
            cipher,
            adobe: top.adobe,
            gawker: top.gawker,
            sony: top.sony,
        })
    }

    fn segment(&mut self, segment: &Segment) -> anyhow::Result<()> {
        let mut of_kind = Kinds::default();
        for (class, domains, _) in &segment.classes {
            *of_kind.kind(self.study.fate(class)?) += domains;
        }
        let mut gawker = segment.users.gawker;
        let mut seen = Kinds::<u64>::default();
        let mut used: Vec<Vec<Own>> = vec![Vec::new(); segment.classes.len()];
        let mut counts = vec![0; segment.classes.len()];
        for (i, class) in order(segment).into_iter().enumerate() {
            let rank = segment.ranks.0 + i as u64;
            let fate = self.study.fate(&segment.classes[class].0)?;
            let kth = *seen.kind(fate);
            *seen.kind(fate) += 1;
            let gawker = share(*gawker.kind(fate), kth, *of_kind.kind(fate));
            let adobe = adobe_users(segment, i as u64);
            let (name, _, servers) = &segment.classes[class];
            let server = match counts[class] {
                k if k < *servers => None,
                k if *servers > 0 => Some(used[class][(k % servers) as usize].clone()),
                _ => None,
            };
            counts[class] += 1;
            let made = self.member(rank, name, fate, (adobe, gawker), server)?;
            used[class].extend(made);
        }
        Ok(())
    }

    /// A domain of a class; its server if it is the first to use one.
    fn member(
        &mut self,
        rank: u64,
        class: &str,
        fate: Fate,
        (adobe, gawker): (u64, u64),
        server: Option<Own>,
    ) -> anyhow::Result<Option<Own>> {
        let mut domain = names::ranked(rank);
        while self.taken.contains(&*domain) {
            domain.insert(0, 'x');
        }
        let about = json!({
            "rank": rank, "name": "invented", "class": [class, "fitted"], "adobe": [adobe, "fitted"], "gawker": [gawker, "fitted"],
        });
        let mut name = WorldName::new(&domain);
        let mut made = None;
        let mut cipher = class.split_once(':').map(|(_, cipher)| cipher);
        let operator = self.study.operators.get(class);
        if let Some(operator) = operator {
            name.mx = exchanges(operator);
            cipher = operator.cipher.as_deref();
        } else {
            let own = match server {
                Some(own) => own,
                None => made.insert(self.own_of_class(&domain, class)?).clone(),
            };
            match own.ip {
                // One in fifty has no MX record (assumed): its address stands in for it.
                Some(ip) if rank.is_multiple_of(50) && fate != Fate::Unreachable => {
                    push_address(&mut name, ip)?;
                }
                _ => name.mx.push((10, own.host)),
            }
        }
        let exchange = operator.and_then(|it| it.mx_hosts.first());
        self.publish(rank, name, exchange.map(String::as_str), &about)?;
        self.domain(&Truth {
            rank,
            domain: &domain,
            operator: operator.map(|_| class),
            answers: fate != Fate::Unreachable,
            esmtp: fate != Fate::Unreachable && class != "helo",
            tls: matches!(fate, Fate::Valid | Fate::Invalid),
            valid: fate == Fate::Valid,
            cipher: cipher.filter(|_| matches!(fate, Fate::Valid | Fate::Invalid)),
            adobe,
            gawker,
            sony: 0,
        })?;
        Ok(made)
    }

    /// A new server for a class that is no operator's, under the domain that uses it first.
    fn own_of_class(&mut self, domain: &str, class: &str) -> anyhow::Result<Own> {
        let about = |cipher| json!({"class": class, "cipher": cipher, "basis": "fitted"});
        let none = None::<&str>;
        if class == "dead:no-address" {
            let host = format!("mx.{domain}");
            self.out.name(&WorldName::new(&host), None::<&()>)?;
            return Ok(Own { host, ip: None });
        }
        let (certificate, cipher) = match class.split_once(':') {
            Some(("valid", cipher)) => (Certificate::Valid, cipher),
            Some(("invalid", cipher)) => (Certificate::SelfSigned, cipher),
            _ => return self.own_without_tls(domain, class, &about(none)),
        };
        let tls = self.tls(certificate, Some(cipher));
        self.own(domain, Some(tls), &about(Some(cipher)))
    }

    fn own_without_tls(
        &mut self,
        domain: &str,
        class: &str,
        about: &impl Serialize,
    ) -> anyhow::Result<Own> {
        let (listen, preset) = match class {
            "plain" => (Listen::Accept, None),
            "helo" => (Listen::Accept, Some("helo-only")),
            "dead:refused" => (Listen::Refused, None),
            "dead:silent" => (Listen::Accept, Some("silent")),
            other => bail!("no such class: {other}"),
        };
        self.host(domain, about, |server| WorldServer {
            listen,
            preset: preset.map(String::from),
            ..server
        })
    }

    fn own(
        &mut self,
        domain: &str,
        tls: Option<ServerTls>,
        about: &impl Serialize,
    ) -> anyhow::Result<Own> {
        self.host(domain, about, |server| WorldServer { tls, ..server })
    }

    /// Certificates are shared by class: a world of thousands of servers has as many as it has classes.
    fn tls(&self, certificate: Certificate, cipher: Option<&str>) -> ServerTls {
        let legacy = cipher.filter(|_| self.old_ciphers).map(|cipher| Legacy {
            version: TlsVersion::Tls10,
            cipher: cipher.into(),
            dh_bits: 1024,
            secure_renegotiation: false,
            compression: false,
            beside: false,
        });
        ServerTls {
            // The suites of then are those of RSA.
            key: if legacy.is_some() {
                KeyKind::Rsa2048
            } else {
                KeyKind::P256
            },
            legacy,
            ..certificate.into()
        }
    }

    /// An MX host with one address.
    fn host(
        &mut self,
        domain: &str,
        about: &impl Serialize,
        behave: impl FnOnce(WorldServer) -> WorldServer,
    ) -> anyhow::Result<Own> {
        let host = format!("mx.{domain}");
        let ip = self.addresses.next();
        let mut name = WorldName::new(&host);
        push_address(&mut name, ip)?;
        self.out.name(&name, None::<&()>)?;
        self.out.server(&behave(server(ip, &host)), about)?;
        Ok(Own { host, ip: Some(ip) })
    }

    fn domain(&mut self, truth: &Truth<'_>) -> anyhow::Result<()> {
        self.out.domain(truth.rank, truth.domain)?;
        self.out.adobe.add(truth.domain, truth.adobe)?;
        self.out.gawker.add(truth.domain, truth.gawker)?;
        self.out.sony.add(truth.domain, truth.sony)?;
        Ok(self.out.truth(truth)?)
    }
}

/// The class of each domain of a segment: slot j of a class with m domains has the key floor((2j-1)·10⁹/(2m)).
fn order(segment: &Segment) -> Vec<usize> {
    let mut slots: Vec<(u64, usize)> = Vec::new();
    for (class, &(_, domains, _)) in segment.classes.iter().enumerate() {
        for j in 1..=domains {
            slots.push(((2 * j - 1) * 1_000_000_000 / (2 * domains), class));
        }
    }
    slots.sort_unstable();
    slots.into_iter().map(|(_, class)| class).collect()
}

/// Users of the i-th domain of a segment.
fn adobe_users(segment: &Segment, i: u64) -> u64 {
    let (first, last) = segment.adobe_count_first_last;
    let domains = segment.ranks.1 - segment.ranks.0 + 1;
    first - (first - last) * i / (domains - 1).max(1)
}

/// What the k-th of m gets of a total.
fn share(total: u64, k: u64, m: u64) -> u64 {
    total * (k + 1) / m - total * k / m
}

fn exchanges(operator: &Operator) -> Vec<(u16, String)> {
    (1..)
        .map(|nth| nth * 10)
        .zip(operator.mx_hosts.iter().cloned())
        .collect()
}

fn server(ip: IpAddr, name: &str) -> WorldServer {
    WorldServer {
        ip: Some(ip),
        name: Some(name.to_string()),
        ..WorldServer::default()
    }
}

fn push_address(name: &mut WorldName, ip: IpAddr) -> anyhow::Result<()> {
    match ip {
        IpAddr::V4(ip) => name.a.push(ip),
        IpAddr::V6(_) => bail!("made worlds have IPv4 addresses"),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_spread() {
        let segment = Segment {
            ranks: (1, 6),
            adobe_count_first_last: (100, 50),
            users: Users {
                gawker: Kinds::default(),
            },
            classes: vec![("plain".into(), 4, 4), ("helo".into(), 2, 2)],
        };
        // Keys of the four: 125, 375, 625, 875 million; of the two: 250, 750 million.
        assert_eq!(order(&segment), [0, 1, 0, 0, 1, 0]);
        let users: Vec<_> = (0..6).map(|i| adobe_users(&segment, i)).collect();
        assert_eq!(users, [100, 90, 80, 70, 60, 50]);
    }

    #[test]
    fn shares_add_up() {
        for (total, m) in [(10, 3), (0, 5), (7, 7), (100, 8)] {
            assert_eq!((0..m).map(|k| share(total, k, m)).sum::<u64>(), total);
        }
    }
}
