//! Random scans: every record that a survey may have, its fields drawn without regard to each other.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::option::{of, weighted};
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use serde_json::{Value, json};

use super::certificates::{AUTHORITIES, CERTIFICATES};
use super::grades::{SUITES, VERSIONS};
use super::{Scan, TIME};

const EXCHANGES: [&str; 8] = [
    "mx0.op.test",
    "mx1.op.test",
    "mx.other.example",
    "aspmx.l.google.com",
    "notgoogle.com",
    "s192-0-2-1.secureserver.net",
    "mailstore1.secureserver.net",
    "mx5.last.example",
];

const SERVERS: usize = 7;

fn ip(at: usize) -> String {
    // The order of the addresses as text is not that of their numbers.
    format!("192.0.2.{}", 7 + at)
}

fn domain(at: usize) -> String {
    format!("d{at}.{}", ["test", "example"][at % 2])
}

/// The last two labels: no name here has a longer public suffix.
fn registered(name: &str) -> &str {
    let mut dots = name.rmatch_indices('.').skip(1);
    dots.next().map_or(name, |(at, _)| &name[at + 1..])
}

fn fact() -> impl Strategy<Value = Option<bool>> + Clone {
    prop_oneof![4 => Just(Some(true)), 1 => Just(Some(false)), 2 => Just(None)]
}

fn outcome((phase, reason): (&str, &str)) -> Value {
    json!({"phase": phase, "reason": reason})
}

/// One of everything.
pub fn fixed() -> Scan {
    let mx = json!({"exchange": "mx0.op.test", "preference": 10, "registered_domain": "op.test",
        "addresses": [{"ip": "192.0.2.7"}], "ipv4": outcome(("dns", "ok")), "ipv6": null, "dnssec": null});
    let tls = json!({"completed": true, "negotiated": true, "accepted": true, "version": "TLSv1.3", "verdicts":
        [{"store": "test", "store_date": "2026", "at": TIME, "valid": true, "reason": "valid"}],
        "chain": [CERTIFICATES[2].sha256()]});
    let smtp = json!({"esmtp": true, "starttls": {"advertised": true, "accepted": true}, "outcome": outcome(("done", "ok"))});
    Scan::new(vec![
        domain_line("d0.test", "ok", vec![mx]),
        domain_line("d1.test", "nxdomain", Vec::new()),
        smtp_line(0, 25, smtp),
        CERTIFICATES[2].line(2),
        tls_line(0, 25, None, tls),
    ])
}

/// Random scans.
pub fn scans() -> impl Strategy<Value = Scan> {
    let exchanges = vec(vec(exchange(), 2), EXCHANGES.len());
    let servers = vec(
        (weighted(0.8, smtp()), weighted(0.7, tls()), vec(tls(), 2)),
        SERVERS,
    );
    let domains = vec((mail(), vec(0..SERVERS, 1..3)), 1..10);
    let seen = vec(weighted(0.9, Just(())), 16);
    let other_port = of((0..SERVERS, smtp(), tls()));
    let each_name = prop::bool::weighted(0.3);
    (exchanges, servers, domains, lists(), seen, vec(hop(), 0..25), vec(run(), 0..4), other_port, each_name).prop_map(
        |(exchanges, servers, domains, lists, seen, hops, runs, other_port, each_name)| {
            let sni = if each_name { "each" } else { "first" };
            let mut lines = vec![json!({"type": "run", "event": "start", "id": "r", "stage": "tls-inspect", "version": "1",
                "time": TIME, "settings": {"sni": sni}})];
            lines.extend(runs.into_iter().enumerate().flat_map(|(at, run)| run_lines(at, run)));
            lines.extend(lists);
            for (at, (mail, own)) in domains.into_iter().enumerate() {
                lines.push(looked_up(at, mail, &exchanges, &own));
            }
            let certificates = CERTIFICATES.iter().enumerate().zip(seen);
            lines.extend(certificates.filter_map(|((at, made), seen)| seen.map(|()| made.line(at))));
            for (at, (smtp, tls, more)) in servers.into_iter().enumerate() {
                lines.extend(smtp.map(|smtp| smtp_line(at, 25, smtp)));
                let names = [None, Some("mx0.op.test"), Some("mx.other.example")];
                let asked = names.into_iter().skip(usize::from(each_name && at % 3 == 0));
                let more = more.into_iter().filter(|_| each_name);
                let handshakes = tls.into_iter().chain(more);
                lines.extend(asked.zip(handshakes).map(|(name, tls)| tls_line(at, 25, name, tls)));
            }
            if let Some((at, smtp, tls)) = other_port {
                lines.push(smtp_line(at, 587, smtp));
                lines.push(tls_line(at, 587, None, tls));
            }
            lines.extend((hops.into_iter().enumerate()).map(|(at, mut hop)| {
                hop["message"] = format!("{at:032x}").into();
                hop
            }));
            Scan::new(lines)
        },
    )
}

// --- domains --------------------------------------------------------------------------------------------------

/// Exchanges of a domain as places in [`EXCHANGES`] with a preference; one beyond the last is the domain itself.
type Mail = Result<Vec<(u16, usize)>, &'static str>;

fn mail() -> impl Strategy<Value = Mail> {
    const WITHOUT: [&str; 7] = [
        "null_mx",
        "nxdomain",
        "no_address",
        "servfail",
        "invalid_name",
        "timeout",
        "ok",
    ];
    prop_oneof![
        6 => vec((0u16..3, 0..=EXCHANGES.len()), 1..4).prop_map(Ok),
        1 => select(&WITHOUT[..]).prop_map(Err),
    ]
}

/// What an exchange resolves to.
fn exchange() -> impl Strategy<Value = Value> + Clone {
    const NONE: [[&str; 2]; 9] = [
        ["nxdomain", ""],
        ["nxdomain", "nxdomain"],
        ["no_data", "no_data"],
        ["no_data", ""],
        ["", "no_data"],
        ["servfail", "no_data"],
        ["no_data", "timeout"],
        ["servfail", ""],
        ["", ""],
    ];
    let found = subsequence((0..SERVERS).collect::<Vec<_>>(), 0..4);
    let dnssec = select(vec![Value::Null, json!("secure"), json!("insecure")]);
    (found, select(&NONE[..]), prop::bool::weighted(0.9), of(tlsa()), dnssec).prop_map(
        |(found, none, is_registered, tlsa, dnssec)| {
            let asked = |reason: &str| if reason.is_empty() { Value::Null } else { outcome(("dns", reason)) };
            let [ipv4, ipv6] = if found.is_empty() { none } else { ["ok", "no_data"] };
            let addresses: Vec<Value> = found.into_iter().map(|at| json!({"ip": ip(at)})).collect();
            json!({"addresses": addresses, "ipv4": asked(ipv4), "ipv6": asked(ipv6), "dnssec": dnssec, "tlsa": tlsa,
                "is_registered": is_registered})
        },
    )
}

fn tlsa() -> impl Strategy<Value = Value> + Clone {
    let of_certificate =
        (any::<Index>(), 0u8..4, 0u8..3, 0u8..4).prop_map(|(at, usage, selector, matching)| {
            // An authority's record may hold it whole; a leaf is no authority.
            let at = at.index(if usage == 2 && matching == 0 {
                AUTHORITIES
            } else {
                CERTIFICATES.len()
            });
            json!(CERTIFICATES[at].tlsa(usage, selector, matching))
        });
    let faulty = select(vec!["", "00", "zz"])
        .prop_map(|data| json!({"usage": 3, "selector": 1, "matching_type": 1, "data": data}));
    let right =
        (any::<Index>(), 2u8..4, 0u8..2, 0u8..3).prop_map(|(at, usage, selector, matching)| {
            let at = if usage == 2 {
                at.index(AUTHORITIES)
            } else {
                AUTHORITIES + at.index(5)
            };
            json!(CERTIFICATES[at].tlsa(usage, selector, matching))
        });
    let records = vec(
        prop_oneof![5 => right, 2 => of_certificate, 1 => faulty],
        1..4,
    );
    let reason =
        prop_oneof![6 => Just("ok"), 1 => select(vec!["no_data", "nxdomain", "servfail", "bogus"])];
    let dnssec =
        prop_oneof![4 => Just(Some("secure")), 1 => Just(Some("insecure")), 1 => Just(None)];
    let base = select(vec!["mx0.op.test", "mx.other.example", "base.test"]);
    (records, reason, dnssec, base).prop_map(|(records, reason, dnssec, base)| {
        let records = if reason == "ok" { records } else { Vec::new() };
        json!({"base": base, "outcome": outcome(("dns", reason)), "dnssec": dnssec, "records": records})
    })
}

fn looked_up(at: usize, mail: Mail, exchanges: &[Vec<Value>], own: &[usize]) -> Value {
    let name = domain(at);
    let list = match mail {
        Err(reason) => return domain_line(&name, reason, Vec::new()),
        Ok(list) => list,
    };
    let mut mx: Vec<Value> = Vec::new();
    for (preference, place) in list {
        // The same exchange may have resolved to something else when another domain asked.
        let (exchange, mut record) = match EXCHANGES.get(place) {
            Some(exchange) => (*exchange, exchanges[place][at % 2].clone()),
            None => (name.as_str(), exchanges[0][0].clone()),
        };
        if place >= EXCHANGES.len() {
            record["addresses"] = own.iter().map(|at| json!({"ip": ip(*at)})).collect();
            record["tlsa"] = Value::Null;
        }
        record["exchange"] = exchange.into();
        record["preference"] = preference.into();
        if record["is_registered"] == true {
            record["registered_domain"] = registered(exchange).into();
        }
        record.as_object_mut().unwrap().remove("is_registered");
        if !mx.contains(&record) {
            mx.push(record);
        }
    }
    mx.sort_by_key(|record| record["preference"].as_u64());
    domain_line(&name, "ok", mx)
}

fn domain_line(name: &str, reason: &str, mx: Vec<Value>) -> Value {
    json!({"type": "domain", "domain": name, "outcome": outcome(("dns", reason)), "implicit_mx": null, "null_mx": null,
        "mx": mx, "dnssec": null, "time": TIME, "elapsed_ms": 1, "run": "r"})
}

// --- servers --------------------------------------------------------------------------------------------------

fn smtp() -> impl Strategy<Value = Value> {
    const ENDS: [(&str, &str); 8] = [
        ("done", "ok"),
        ("connect", "refused"),
        ("banner", "deferred"),
        ("connect", "blocked_address"),
        ("input", "excluded"),
        ("connect", "no_ipv6_here"),
        ("banner", "not_smtp"),
        ("starttls", "timeout"),
    ];
    let esmtp = prop_oneof![6 => Just(Some(true)), 1 => Just(Some(false)), 3 => Just(None)];
    let accepted = prop_oneof![3 => Just(Some(true)), 3 => Just(Some(false)), 2 => Just(None)];
    let keywords = subsequence(vec!["8BITMIME", "PIPELINING", "STARTTLS"], 0..=3);
    let software = of(select(vec!["Postfix", "Exim", "not told"]));
    (esmtp, accepted, fact(), select(&ENDS[..]), of(keywords), software, any::<bool>()).prop_map(
        |(esmtp, accepted, advertised, end, keywords, software, greets)| {
            let mut smtp = json!({"esmtp": esmtp, "starttls": {"advertised": advertised, "accepted": accepted},
                "outcome": outcome(end), "software": software});
            if let Some(keywords) = keywords {
                let keywords: Vec<Value> = keywords.iter().map(|word| json!({"keyword": word})).collect();
                smtp["capabilities"] = json!({"keywords": keywords});
            }
            if greets {
                smtp["banner"] = json!({"code": 220, "lines": ["hello", "again"]});
            }
            smtp
        },
    )
}

fn smtp_line(at: usize, port: u16, facts: Value) -> Value {
    with(
        json!({"type": "smtp", "ip": ip(at), "port": port, "connections": 1, "attempts": 1, "timings": {},
            "connected": null, "time": TIME, "run": "r"}),
        facts,
    )
}

fn tls() -> impl Strategy<Value = Value> {
    const VERDICTS: [(Option<bool>, &str); 5] = [
        (Some(true), "valid"),
        (Some(false), "expired"),
        (Some(false), "self_signed"),
        (Some(false), "incomplete_chain"),
        (None, "unsupported"),
    ];
    const DH: [(u32, Option<&str>); 4] = [
        (2048, Some("ffdhe2048")),
        (1024, Some("modp1024")),
        (1024, None),
        (512, None),
    ];
    let verdict = prop_oneof![1 => Just(VERDICTS[0]), 1 => select(&VERDICTS[..])];
    let version = weighted(0.8, select(&VERSIONS[..]).prop_map(|it| it.0));
    let group = of(select(vec!["X25519MLKEM768", "x25519", "secp224r1"]));
    let dh = weighted(0.3, select(&DH[..]));
    let chain = (
        AUTHORITIES..CERTIFICATES.len() + 1,
        subsequence(vec![0usize, 1], 0..=2),
    );
    let flags = (of(any::<bool>()), of(any::<bool>()), of(any::<bool>()));
    let handshake = (fact(), fact(), fact(), weighted(0.8, verdict));
    let shown = (
        version,
        weighted(0.8, select(&SUITES[..])),
        group,
        dh,
        weighted(0.8, chain),
    );
    (handshake, shown, flags, weighted(0.2, enumeration())).prop_map(
        |((accepted, negotiated, completed, verdict), (version, suite, group, dh, chain), flags, enumeration)| {
            let verdicts: Vec<Value> = verdict.into_iter()
                .map(|(valid, reason)| {
                    // Only some of the incomplete chains would lead to a known root.
                    let also = if reason == "incomplete_chain" && flags.0 == Some(true) { json!(["unknown_issuer"]) } else { json!([]) };
                    json!({"store": "test", "store_date": "2026", "at": TIME, "valid": valid, "reason": reason, "also": also})
                })
                .collect();
            let chain: Vec<String> = chain.into_iter()
                .flat_map(|(leaf, above)| std::iter::once(leaf).chain(above))
                // One that nobody has a record of.
                .map(|at| CERTIFICATES.get(at).map_or("0".repeat(64), |made| made.sha256()))
                .collect();
            json!({"accepted": accepted, "negotiated": negotiated, "completed": completed, "version": version,
                "cipher": suite.map(|(iana, openssl, ..)| cipher(iana, openssl)), "group": group,
                "dh": dh.map(|(bits, name)| json!({"bits": bits, "prime_sha256": "00", "name": name})),
                "chain": chain, "verdicts": verdicts, "secure_renegotiation": flags.0, "extended_master_secret": flags.1,
                "compression": flags.2, "enumeration": enumeration})
        },
    )
}

fn cipher(iana: &str, openssl: Option<&str>) -> Value {
    let id = mx_survey::cipher::by_name(iana).map_or(0x1234, |suite| suite.id);
    json!({"iana": iana, "openssl": openssl, "id": format!("0x{id:04X}")})
}

fn enumeration() -> impl Strategy<Value = Value> {
    let spoken = vec(
        (
            fact(),
            subsequence((0..SUITES.len()).collect::<Vec<_>>(), 0..3),
        ),
        VERSIONS.len(),
    );
    let groups = of(subsequence(vec!["x25519", "secp224r1", "ffdhe2048"], 0..3));
    (spoken, groups).prop_map(|(spoken, groups)| {
        let mut versions: BTreeMap<&str, Option<bool>> = BTreeMap::new();
        let mut ciphers: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
        for ((version, ..), (spoken, suites)) in VERSIONS.iter().zip(spoken) {
            versions.insert(version, spoken);
            if spoken == Some(true) {
                let suites = suites
                    .into_iter()
                    .map(|at| cipher(SUITES[at].0, SUITES[at].1));
                ciphers.insert(version, suites.collect());
            }
        }
        json!({"versions": versions, "ciphers": ciphers, "groups": groups})
    })
}

fn tls_line(at: usize, port: u16, name: Option<&str>, facts: Value) -> Value {
    with(
        json!({"type": "tls", "ip": ip(at), "port": port, "server_name": name, "outcome": outcome(("done", "ok")),
            "ocsp_stapled": null, "secure_renegotiation": null, "extended_master_secret": null, "compression": null,
            "client_certificate_requested": null, "connections": 1, "attempts": 1, "timings": {}, "connected": null,
            "time": TIME, "run": "r"}),
        facts,
    )
}

fn with(mut line: Value, facts: Value) -> Value {
    let facts = facts.as_object().unwrap().clone();
    line.as_object_mut().unwrap().extend(facts);
    line
}

// --- lists, hops, runs ----------------------------------------------------------------------------------------

/// Entries of up to four lists, every other of them counted.
fn lists() -> impl Strategy<Value = Vec<Value>> {
    let entry = (0usize..12, weighted(0.9, 1u64..40), 0u64..500);
    vec(vec(entry, 1..12), 0..4).prop_map(|lists| {
        let mut lines = Vec::new();
        for (number, mut entries) in lists.into_iter().enumerate() {
            let mut named = std::collections::BTreeSet::new();
            entries.retain(|(at, ..)| named.insert(*at));
            // Two domains of a list never share a rank.
            let mut ranks = std::collections::BTreeSet::new();
            entries.retain(|(_, rank, _)| rank.is_none_or(|rank| ranks.insert(rank)));
            let of: u64 = 1000 + entries.iter().map(|(.., users)| users).sum::<u64>();
            let counted = number % 2 == 0;
            let source = format!("{}{number}", if counted { "counted" } else { "top" });
            for (at, rank, users) in entries {
                let mut line = json!({"type": "listed", "source": source, "domain": domain(at), "rank": rank});
                if counted {
                    line["users"] = users.into();
                    line["of"] = of.into();
                }
                lines.push(line);
            }
            if counted {
                lines.push(json!({"type": "other", "source": source, "domains": 3, "users": 1000, "of": of, "share": 0.5}));
            }
        }
        lines
    })
}

/// Whether it went encrypted, by what evidence, with which version and protocol.
type Said = (
    Option<bool>,
    &'static str,
    Option<&'static str>,
    Option<&'static str>,
);

fn hop() -> impl Strategy<Value = Value> {
    const SAID: [Said; 10] = [
        (Some(true), "details", Some("TLSv1.3"), Some("ESMTPS")),
        (Some(true), "details", Some("TLSv1"), Some("ESMTPS")),
        (Some(true), "details", None, Some("ESMTP")),
        (Some(true), "token", None, Some("ESMTPS")),
        (Some(true), "idiom", None, Some("SMTP")),
        (Some(true), "unregistered_token", None, Some("SMTPS")),
        (Some(false), "writer_marks_tls", None, Some("ESMTP")),
        (Some(false), "writer_marks_tls", None, Some("SMTP")),
        (None, "writer_silent", None, Some("ESMTP")),
        (None, "writer_unknown", None, None),
    ];
    const ENDS: [&str; 4] = ["op.test", "other.example", "google.com", "last.example"];
    let end = || weighted(0.95, select(&ENDS[..]));
    let across = prop_oneof![8 => Just(Some(true)), 1 => Just(Some(false)), 1 => Just(None)];
    (end(), end(), select(&SAID[..]), across, of(0u8..4)).prop_map(|(from, by, said, across, day)| {
        let (encrypted, evidence, version, protocol) = said;
        let end = |name: Option<&str>| name.map(|name| json!({"host": format!("mail.{name}"), "registered_domain": name}));
        json!({"type": "hop", "hop": 1, "of": 1, "from": end(from), "by": end(by), "encrypted": encrypted,
            "evidence": evidence, "version": version, "protocol": protocol, "inter_organisation": across,
            "time": day.map(|day| format!("2026-01-0{}T00:00:00Z", day + 1)), "trusted": null, "run": "r"})
    })
}

/// The ends of a run that were seen, and whether it was interrupted.
fn run() -> impl Strategy<Value = (bool, bool, Option<bool>)> {
    (any::<bool>(), any::<bool>(), of(any::<bool>()))
}

fn run_lines(at: usize, (starts, ends, interrupted): (bool, bool, Option<bool>)) -> Vec<Value> {
    let line = |event: &str, second: u8| {
        json!({"type": "run", "event": event, "id": format!("{at:016x}"), "stage": "smtp-probe", "version": "0.1",
            "time": format!("2026-01-01T00:00:0{second}Z")})
    };
    let mut lines = Vec::new();
    lines.extend(starts.then(|| line("start", 1)));
    // As of version 0.1, and as today.
    let counts = match at % 2 {
        0 => json!({"connections": 7 * at, "connections_saved": at}),
        _ => json!([{"name": "connections", "n": 7 * at}, {"name": "connections_saved", "n": at}]),
    };
    lines.extend(ends.then(|| {
        with(
            line("end", 2),
            json!({"interrupted": interrupted, "counts": counts}),
        )
    }));
    lines
}
