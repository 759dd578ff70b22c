//! Two oracles: domain names against the vectors of UTS #46 that the crate `idna` ships, and the rules of MX against a slow
//! resolver that is obvious.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt as _};
use hickory_proto::rr::{RData, Record, RecordType, rdata};
use mx_survey::dns::exchange::ExchangeQuestions;
use mx_survey::dns::lookup::{MxLookup, MxSettings};
use mx_survey::dns::message::Question;
use mx_survey::dns::name::{InvalidName, Name};
use mx_survey::dns::resolve::{Answer, DnsReply, Failure, Resolve, Servers};
use mx_survey::record::{Dnssec, Domain, Reason};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::Value;

// --- names ----------------------------------------------------------------------------------------------------

/// The vectors, where cargo has the crate.
fn vectors() -> String {
    let cargo = |arguments: &[&str]| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
        cargo.args(arguments).output().unwrap()
    };
    let about = cargo(&["-vV"]).stdout;
    let about = String::from_utf8(about).unwrap();
    let host = about.lines().find_map(|line| line.strip_prefix("host: "));
    // Only what is built here is at hand.
    let platform = ["--filter-platform", host.unwrap()];
    let options = ["metadata", "--format-version", "1", "--locked", "--offline"];
    let metadata = cargo(&[&options[..], &platform].concat());
    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let idna = packages.iter().find(|package| package["name"] == "idna");
    let manifest = PathBuf::from(idna.unwrap()["manifest_path"].as_str().unwrap());
    std::fs::read_to_string(manifest.with_file_name("tests").join("IdnaTestV2.txt")).unwrap()
}

/// A field of the file with its escapes undone; none where they name no character.
fn unescaped(field: &str) -> Option<String> {
    if field == "\"\"" {
        return Some(String::new());
    }
    let mut text = String::new();
    let mut rest = field;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let (digits, behind) = match rest[at + 1..].strip_prefix("x{") {
            Some(braced) => braced.split_once('}')?,
            None => rest[at + 2..].split_at(4),
        };
        text.push(char::from_u32(u32::from_str_radix(digits, 16).ok()?)?);
        rest = behind;
    }
    text.push_str(rest);
    Some(text)
}

/// Whether the crate takes a name by the letter of the standard.
fn is_newer(source: &str) -> bool {
    use idna::uts46::{DnsLength, Hyphens, Uts46};
    let strict = Uts46::new();
    let ascii = strict.to_ascii(
        source.as_bytes(),
        idna::AsciiDenyList::STD3,
        Hyphens::Check,
        DnsLength::Ignore,
    );
    ascii.is_ok()
}

/// A field, or another one where it is blank.
fn or<'a>(field: &'a str, other: &'a str) -> &'a str {
    if field.is_empty() { other } else { field }
}

#[test]
fn names_are_those_of_uts_46() {
    // What a list may hold though UTS #46 minds it here: hyphens where the DNS has them (V2, V3), underscores (U1), names
    // whose lengths are judged by our own words (A4), empty labels likewise (X4_2).
    const OURS: [&str; 6] = ["V2", "V3", "U1", "A4_1", "A4_2", "X4_2"];
    let (mut right, mut wrong, mut newer) = (0, 0, 0);
    for line in vectors().lines() {
        let line = line.split('#').next().unwrap();
        let fields: Vec<&str> = line.split(';').map(str::trim).collect();
        let [source, unicode, unicode_status, ascii, ascii_status, ..] = fields[..] else {
            continue;
        };
        let Some(source) = unescaped(source) else {
            continue;
        };
        let ascii = unescaped(or(ascii, or(unicode, &source))).unwrap_or_default();
        let status = or(ascii_status, unicode_status);
        let codes: Vec<&str> = status
            .trim_matches(['[', ']'])
            .split(',')
            .map(str::trim)
            .filter(|code| !code.is_empty())
            .collect();
        let found = Name::parse(source.as_bytes());
        let expected = ascii.trim_matches(|c: char| c.is_ascii_whitespace());
        let expected = expected.strip_suffix('.').unwrap_or(expected);
        match &found {
            Ok(name) if codes.is_empty() => {
                assert_eq!(name.to_string(), expected, "{source:?}");
                right += 1;
            }
            Ok(name) => {
                // V7: not assigned in the Unicode of the vectors, and since then in that of the crate, which says so itself.
                let is_newer = codes.contains(&"V7") && is_newer(&source);
                newer += u32::from(is_newer);
                let is_explained = |code: &&str| OURS.contains(code) || *code == "V7" && is_newer;
                assert!(
                    codes.iter().all(is_explained),
                    "{source:?} is {name}: {codes:?}"
                );
                assert_eq!(
                    name.to_string(),
                    expected.to_ascii_lowercase(),
                    "{source:?}"
                );
            }
            // An address, or nothing at all: no name to look up, whatever UTS #46 makes of it.
            Err(InvalidName::Number | InvalidName::Empty) => {}
            Err(why) => {
                assert!(
                    !codes.is_empty(),
                    "{source:?} is refused: {why}, expected {expected}"
                );
                wrong += 1;
            }
        }
    }
    assert!(
        right > 500 && wrong > 2000 && newer < 50,
        "{right} names, {wrong} refused, {newer} newer"
    );
}

// --- exchanges ------------------------------------------------------------------------------------------------

/// What a name has.
#[derive(Clone, Debug, Default)]
struct Node {
    cname: Option<usize>,
    /// Preference and target; the root where there is none.
    mx: Vec<(u16, Option<usize>)>,
    a: Vec<IpAddr>,
    aaaa: Vec<IpAddr>,
    /// Types whose question fails.
    fails: BTreeSet<u16>,
}

/// Names `n0.test`, `n1.test`, …; those without a node do not exist.
#[derive(Clone, Debug)]
struct World(Vec<Option<Node>>);

impl World {
    fn random(random: &mut StdRng) -> Self {
        const NAMES: usize = 8;
        let node = |random: &mut StdRng| {
            let mut node = Node::default();
            if random.random_bool(0.2) {
                return None;
            }
            if random.random_bool(0.2) {
                node.cname = Some(random.random_range(0..NAMES));
                return Some(node);
            }
            for _ in 0..random.random_range(0..4) {
                let target = random
                    .random_bool(0.85)
                    .then(|| random.random_range(0..NAMES));
                node.mx.push((random.random_range(0..3), target));
            }
            for _ in 0..random.random_range(0..3) {
                node.a.push([11, 0, 0, random.random_range(0..4)].into());
                if random.random_bool(0.5) {
                    node.aaaa
                        .push([0x2a00, 0, 0, 0, 0, 0, 0, random.random_range(0..4)].into());
                }
            }
            for kind in [RecordType::MX, RecordType::A, RecordType::AAAA] {
                if random.random_bool(0.07) {
                    node.fails.insert(kind.into());
                }
            }
            Some(node)
        };
        Self((0..NAMES).map(|_| node(random)).collect())
    }

    fn data(&self, node: &Node, kind: RecordType) -> Vec<RData> {
        match kind {
            RecordType::MX => (node.mx.iter())
                .map(|&(preference, target)| RData::MX(rdata::MX::new(preference, wire(target))))
                .collect(),
            RecordType::A => (node.a.iter())
                .filter_map(|ip| match ip {
                    IpAddr::V4(ip) => Some(RData::A(rdata::A(*ip))),
                    IpAddr::V6(_) => None,
                })
                .collect(),
            _ => (node.aaaa.iter())
                .filter_map(|ip| match ip {
                    IpAddr::V6(ip) => Some(RData::AAAA(rdata::AAAA(*ip))),
                    IpAddr::V4(_) => None,
                })
                .collect(),
        }
    }

    /// What the end of the CNAMEs at a name says: `Err` with the reason, else the node, none if it does not exist.
    fn end(&self, name: usize, kind: RecordType) -> Result<Option<(usize, &Node)>, Reason> {
        let mut seen = vec![name];
        loop {
            let last = seen[seen.len() - 1];
            let Some(node) = &self.0[last] else {
                return Ok(None);
            };
            match node.cname {
                None if node.fails.contains(&u16::from(kind)) => return Err(Reason::Servfail),
                None => return Ok(Some((last, node))),
                Some(next) if seen.contains(&next) => return Err(Reason::CnameLoop),
                Some(next) => seen.push(next),
            }
        }
    }
}

fn named(name: usize) -> String {
    format!("n{name}.test")
}

fn wire(name: Option<usize>) -> hickory_proto::rr::Name {
    let text = name.map_or_else(|| ".".to_owned(), |name| format!("{}.", named(name)));
    text.parse().unwrap()
}

impl Resolve for World {
    fn ask(&self, question: Question, _: Duration) -> BoxFuture<'_, DnsReply> {
        let asked = question.name.to_string();
        let mut name: usize = asked[1..asked.find('.').unwrap()].parse().unwrap();
        let mut records = Vec::new();
        let mut answer = Answer::default();
        let mut failed = None;
        // As a resolver has it: the whole chain in one answer, a loop cut where it closes.
        for _ in 0..20 {
            let Some(node) = &self.0[name] else {
                answer.nxdomain = true;
                break;
            };
            let Some(next) = node.cname else {
                if node.fails.contains(&u16::from(question.kind)) {
                    failed = Some(Failure::new(Reason::Servfail));
                }
                let data = self.data(node, question.kind).into_iter();
                records.extend(data.map(|data| Record::from_rdata(wire(Some(name)), 60, data)));
                answer.negative = true;
                break;
            };
            let data = RData::CNAME(rdata::CNAME(wire(Some(next))));
            records.push(Record::from_rdata(wire(Some(name)), 60, data));
            name = next;
        }
        answer.records = records;
        let result = failed.map_or(Ok(answer), Err);
        futures::future::ready(DnsReply {
            result,
            sent: 1,
            spent: Duration::ZERO,
        })
        .boxed()
    }

    fn servers(&self) -> Servers {
        Servers { all: 1, healthy: 1 }
    }
}

/// The rules of RFC 5321 §5.1 and RFC 7505, word by word: reason, implicit, null, and each exchange with its addresses.
type Expected = (
    Reason,
    Option<bool>,
    Option<bool>,
    Vec<(u16, String, Vec<IpAddr>)>,
);

fn expected(world: &World, name: usize) -> Expected {
    let (owner, node) = match world.end(name, RecordType::MX) {
        Err(reason) => return (reason, None, None, Vec::new()),
        Ok(None) => return (Reason::Nxdomain, None, None, Vec::new()),
        Ok(Some(found)) => found,
    };
    let addresses = |name: usize| -> (Vec<IpAddr>, Option<Reason>) {
        let mut found = BTreeSet::new();
        let mut unknown = None;
        for kind in [RecordType::A, RecordType::AAAA] {
            match world.end(name, kind) {
                Err(reason) => unknown = unknown.or(Some(reason)),
                Ok(None) => {}
                Ok(Some((_, node))) => {
                    found.extend(if kind == RecordType::A {
                        &node.a
                    } else {
                        &node.aaaa
                    });
                }
            }
        }
        (found.into_iter().collect(), unknown)
    };
    if node.mx.is_empty() {
        let (found, unknown) = addresses(owner);
        return match (found.is_empty(), unknown) {
            (false, _) => (
                Reason::Ok,
                Some(true),
                Some(false),
                vec![(0, named(owner), found)],
            ),
            (true, None) => (Reason::NoAddress, Some(false), Some(false), Vec::new()),
            (true, Some(reason)) => (reason, None, Some(false), Vec::new()),
        };
    }
    let mut exchanges: Vec<(u16, String, Vec<IpAddr>)> = Vec::new();
    for &(preference, target) in &node.mx {
        if let Some(target) = target {
            exchanges.push((preference, named(target), addresses(target).0));
        }
    }
    exchanges.sort();
    match exchanges.is_empty() {
        true => (Reason::NullMx, Some(false), Some(true), exchanges),
        false => (Reason::Ok, Some(false), Some(false), exchanges),
    }
}

fn found(domain: Domain) -> Expected {
    let exchanges = domain.mx.into_iter().map(|exchange| {
        let addresses = exchange.addresses.into_iter().map(|address| address.ip);
        (exchange.preference, exchange.exchange, addresses.collect())
    });
    (
        domain.outcome.reason,
        domain.implicit_mx,
        domain.null_mx,
        exchanges.collect(),
    )
}

#[test]
fn exchanges_are_those_of_a_slow_resolver_that_is_obvious() {
    let mut random = StdRng::seed_from_u64(16);
    let mut reasons: BTreeMap<Reason, u32> = BTreeMap::new();
    for number in 0..500 {
        let world = World::random(&mut random);
        let settings = MxSettings {
            wanted: ExchangeQuestions {
                ipv4: true,
                ipv6: true,
                tlsa: false,
            },
            answers: false,
            timeout: Duration::from_secs(3),
            cache: 100,
        };
        let lookup = MxLookup::new(Arc::new(world.clone()), settings);
        for name in 0..world.0.len() {
            let asked = Name::parse(named(name).as_bytes()).unwrap();
            let domain = lookup
                .domain(&asked)
                .now_or_never()
                .expect("nothing here waits");
            let expected = expected(&world, name);
            *reasons.entry(expected.0).or_default() += 1;
            assert_eq!(
                found(domain),
                expected,
                "world {number}, {asked}: {world:#?}"
            );
        }
    }
    for reason in [
        Reason::Ok,
        Reason::NullMx,
        Reason::NoAddress,
        Reason::Nxdomain,
        Reason::Servfail,
        Reason::CnameLoop,
    ] {
        assert!(reasons.get(&reason) > Some(&20), "{reasons:?}");
    }
}

/// Everybody has 400 exchanges with 4,000 addresses of each family, and every name 4,000 TLSA records.
struct Huge;

impl Resolve for Huge {
    fn ask(&self, question: Question, _: Duration) -> BoxFuture<'_, DnsReply> {
        let host = question.name.to_string();
        // Of each exchange others.
        let tail = host
            .bytes()
            .map(u32::from)
            .fold(7, |sum, byte| sum * 31 % 251 + byte);
        let data: Vec<RData> = match question.kind {
            RecordType::MX => (0..400)
                .map(|number| {
                    let long = format!("{}{number}.{host}.", "x".repeat(50));
                    RData::MX(rdata::MX::new(10, long.parse().unwrap()))
                })
                .collect(),
            RecordType::A => (0..4000)
                .map(|number: u32| RData::A(rdata::A((0x0b00_0000 + tail * 4096 + number).into())))
                .collect(),
            RecordType::AAAA => (0..4000)
                .map(|number| {
                    let ip = (0x2a00_u128 << 112) + u128::from(tail * 4096 + number);
                    RData::AAAA(rdata::AAAA(ip.into()))
                })
                .collect(),
            _ => (0..4000_u32)
                .map(|number| {
                    let data = number.to_be_bytes().repeat(8);
                    RData::TLSA(rdata::TLSA::new(3.into(), 1.into(), 1.into(), data))
                })
                .collect(),
        };
        let owner: hickory_proto::rr::Name = format!("{host}.").parse().unwrap();
        let records = data
            .into_iter()
            .map(|data| Record::from_rdata(owner.clone(), 60, data));
        let answer = Answer {
            records: records.collect(),
            dnssec: Some(Dnssec::Secure),
            ..Answer::default()
        };
        futures::future::ready(DnsReply {
            result: Ok(answer),
            sent: 1,
            spent: Duration::ZERO,
        })
        .boxed()
    }

    fn servers(&self) -> Servers {
        Servers { all: 1, healthy: 1 }
    }
}

#[test]
fn a1_a3_a_domain_that_wants_to_be_huge_is_bounded_and_says_what_is_left_out() {
    let settings = MxSettings {
        wanted: ExchangeQuestions {
            ipv4: true,
            ipv6: true,
            tlsa: true,
        },
        answers: true,
        timeout: Duration::from_secs(3),
        cache: 100,
    };
    let name = Name::parse(b"huge.test").unwrap();
    let lookup = MxLookup::new(Arc::new(Huge), settings);
    let domain = lookup
        .domain(&name)
        .now_or_never()
        .expect("nothing here waits");
    assert_eq!(domain.mx.len(), 400);
    let kept: BTreeSet<IpAddr> = (domain.mx.iter())
        .flat_map(|exchange| exchange.addresses.iter().map(|address| address.ip))
        .collect();
    assert_eq!(kept.len(), 256);
    for (position, exchange) in domain.mx.iter().enumerate() {
        let reasons = [&exchange.ipv4, &exchange.ipv6].map(|it| it.as_ref().unwrap().reason);
        assert_eq!(reasons, [Reason::TooMany; 2], "open under any and all");
        if position < 100 {
            assert_eq!(exchange.addresses.len() + exchange.left_out as usize, 8000);
            assert_eq!(
                exchange.tlsa.as_ref().unwrap().outcome.reason,
                Reason::TooMany
            );
        } else {
            assert!(exchange.addresses.is_empty() && exchange.tlsa.is_none());
        }
    }
    let line = mx_survey::ndjson::to_line(&domain);
    assert!(
        line.len() < mx_survey::ndjson::LINE_LIMIT / 4,
        "{} octets",
        line.len()
    );
}
