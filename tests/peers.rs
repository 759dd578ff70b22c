//! Our programs against software that we did not write: Postfix, Exim, OpenSMTPD, OpenSSL, NSD and Unbound.
//!
//! Each test starts the servers that it needs, on loopback addresses of its own, and they end with it.
//! `tests/peers/setup` installs them.

pub mod certificates;
pub mod exim;
pub mod knot;
pub mod loopback;
pub mod names;
pub mod namespace;
pub mod opensmtpd;
pub mod openssl;
pub mod postfix;
#[cfg(feature = "lab")]
mod senders;

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::harness::{run, shell};
use certificates::{Authority, Identity};
use exim::Exim;
use loopback::Loopback;
use names::Names;
use opensmtpd::OpenSmtpd;
use openssl::OpenSsl;
use postfix::{Postfix, Service};

/// Mail servers, each on an address of its own and all on one port.
struct Servers {
    loopback: Loopback,
    authority: Authority,
    postfix: Postfix,
    exim: Exim,
    _opensmtpd: OpenSmtpd,
    openssl: OpenSsl,
}

/// The last octets of their addresses, by the names that the zone gives them.
const HOSTS: &[(&str, u8)] = &[
    ("postfix", 10),
    ("screened", 11),
    ("throttling", 12),
    ("clear", 13),
    ("expired", 14),
    ("selfsigned", 15),
    ("exim", 16),
    ("opensmtpd", 17),
    ("openssl", 18),
    // Nobody listens there.
    ("dead", 99),
];

fn host(name: &str) -> u8 {
    HOSTS.iter().find(|(known, _)| *known == name).unwrap().1
}

impl Servers {
    fn start() -> Self {
        let loopback = Loopback::new();
        let authority = Authority::new("Test Root");
        let intermediate = authority.intermediate("Test Intermediate");
        let at = |name| loopback.address(host(name));
        let services = [
            (
                at("postfix"),
                Service::Tls(authority.certify_rsa("mx.postfix.test")),
            ),
            (at("screened"), Service::Screened),
            (at("throttling"), Service::Throttling),
            (at("clear"), Service::Clear),
            (
                at("expired"),
                Service::Tls(authority.certify_expired("mx.expired.test")),
            ),
            (
                at("selfsigned"),
                Service::Tls(Identity::self_signed("mx.selfsigned.test")),
            ),
        ];
        let shared = authority.certify("mx.screened.test");
        let below = intermediate.certify("mx.exim.test").with(&intermediate);
        // The intermediate certificate is missing.
        let incomplete = intermediate.certify("mx.openssl.test");
        let only_1_2: &[&str] = &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"];
        Self {
            postfix: Postfix::start("mx.postfix.test", &shared, &services),
            exim: Exim::start(at("exim"), "mx.exim.test", &below),
            _opensmtpd: OpenSmtpd::start(at("opensmtpd"), "mx.opensmtpd.test"),
            openssl: OpenSsl::start(at("openssl"), &incomplete, only_1_2),
            loopback,
            authority,
        }
    }

    /// The name of the server at an address.
    fn name(&self, ip: &Value) -> &'static str {
        let known = |(_, host): &&(&str, u8)| *ip == json!(self.loopback.ip(*host));
        HOSTS.iter().find(known).unwrap().0
    }
}

/// `phase/reason`
fn outcome(record: &Value) -> String {
    let word = |field: &str| record["outcome"][field].as_str().unwrap();
    format!("{}/{}", word("phase"), word("reason"))
}

/// outcome, esmtp, advertised, accepted, software
type SmtpFacts = (
    &'static str,
    Option<bool>,
    Option<bool>,
    Option<bool>,
    Option<&'static str>,
);

/// What smtp-probe must say of each.
const SMTP_FACTS: &[(&str, SmtpFacts)] = {
    const YES: Option<bool> = Some(true);
    const NO: Option<bool> = Some(false);
    &[
        ("postfix", ("done/ok", YES, YES, YES, Some("Postfix"))),
        ("screened", ("done/ok", YES, YES, YES, Some("Postfix"))),
        ("throttling", ("done/ok", YES, YES, YES, Some("Postfix"))),
        ("clear", ("done/ok", YES, NO, NO, Some("Postfix"))),
        ("expired", ("done/ok", YES, YES, YES, Some("Postfix"))),
        ("selfsigned", ("done/ok", YES, YES, YES, Some("Postfix"))),
        ("exim", ("done/ok", YES, YES, YES, Some("Exim"))),
        ("opensmtpd", ("done/ok", YES, NO, NO, Some("OpenSMTPD"))),
        ("openssl", ("done/ok", YES, YES, YES, None)),
        ("dead", ("connect/refused", None, None, None, None)),
    ]
};

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn smtp_probe_knows_each_server() {
    let servers = Servers::start();
    let port = servers.loopback.port.to_string();
    let lines: String = HOSTS
        .iter()
        .map(|(name, host)| format!("{},mx.{name}.test\n", servers.loopback.ip(*host)))
        .collect();
    let arguments = [
        "--helo",
        "probe.example.org",
        "--allow",
        "127.0.0.0/8",
        "--port",
        &port,
    ];
    let ran = run("smtp-probe", &arguments, lines).expect(0);
    let records: HashMap<_, _> = ran
        .of_type("smtp")
        .into_iter()
        .map(|record| (servers.name(&record["ip"]), record))
        .collect();
    assert_eq!(records.len(), HOSTS.len());
    for (name, (ending, esmtp, advertised, accepted, software)) in SMTP_FACTS {
        let record = &records[name];
        let facts = json!([
            outcome(record),
            record["esmtp"],
            record["starttls"]["advertised"],
            record["starttls"]["accepted"],
            record["software"],
            record["connections"],
            record["flags"],
        ]);
        let expected = json!([ending, esmtp, advertised, accepted, software, 1, null]);
        assert_eq!(facts, expected, "{name}: {record}");
    }
    let banner = &records["screened"]["banner"]["lines"];
    assert_eq!(
        banner,
        &json!([
            "mx.postfix.test wait for the rest",
            "mx.postfix.test ESMTP Postfix"
        ])
    );
    assert!(
        records["screened"]["timings"]["banner_ms"]
            .as_u64()
            .unwrap()
            >= 5_000
    );

    // The servers found nothing to complain about.
    assert_eq!(servers.openssl.front.connections(), 1);
    let log = servers.postfix.log();
    assert!(
        !log.contains("improper command") && !log.contains("PREGREET"),
        "{log}"
    );
    assert!(
        log.contains("ehlo=1 starttls=0/1 quit=1 commands=2/3"),
        "the clear one: {log}"
    );
    let log = servers.exim.log();
    assert!(!log.contains("rejected"), "{log}");
}

/// The zone: a domain for each server; three that share one; some that take no mail.
fn zone(loopback: &Loopback) -> String {
    let mut zone = String::new();
    for (name, host) in HOSTS {
        zone += &format!(
            "{name} MX 10 mx.{name}\nmx.{name} A {}\n",
            loopback.ip(*host)
        );
    }
    zone += &format!("implicit A {}\n", loopback.ip(host("postfix")));
    zone += "shared MX 5 mx.postfix\nnull MX 0 .\nnothing TXT none\n";
    zone
}

const DOMAINS: &str = "\
postfix.test\nscreened.test\nthrottling.test\nclear.test\nexpired.test\nselfsigned.test\nexim.test\nopensmtpd.test
openssl.test\ndead.test\nimplicit.test\nshared.test\nnull.test\nnothing.test\nmissing.test\n";

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn mx_lookup_knows_what_the_name_servers_say() {
    let loopback = Loopback::new();
    let names = Names::start(&loopback, &zone(&loopback));
    let postfix = |preference: u16, exchange: &str| {
        json!([
            "done/ok",
            [[preference, exchange, [loopback.ip(host("postfix"))]]]
        ])
    };
    let none = |outcome: &str| json!([outcome, []]);
    let expected = [
        ("postfix.test", postfix(10, "mx.postfix.test")),
        ("shared.test", postfix(5, "mx.postfix.test")),
        ("implicit.test", postfix(0, "implicit.test")),
        ("null.test", none("dns/null_mx")),
        ("nothing.test", none("dns/no_address")),
        ("missing.test", none("dns/nxdomain")),
    ];
    // The root is out of reach of the resolver here: no reason to lose the answers that it has.
    let plain = [names.authority, names.resolver].map(|server| server.to_string());
    for server in plain.iter().chain(&names.encrypted) {
        let list: Vec<&str> = expected.iter().map(|(domain, _)| *domain).collect();
        let script = format!(
            "printf '%s\\n' {} | SSL_CERT_FILE={} mx-lookup --nameserver {server}",
            list.join(" "),
            names.authority_file.display()
        );
        let ran = shell(&script, names.authority_file.parent().unwrap()).expect(0);
        let found: HashMap<_, _> = (ran.of_type("domain").iter())
            .map(|record| {
                let exchanges: Vec<_> = (record["mx"].as_array().unwrap().iter())
                    .map(|mx| {
                        let ips: Vec<_> = mx["addresses"]
                            .as_array()
                            .unwrap()
                            .iter()
                            .map(|a| &a["ip"])
                            .collect();
                        json!([mx["preference"], mx["exchange"], ips])
                    })
                    .collect();
                (
                    record["domain"].as_str().unwrap().to_owned(),
                    json!([outcome(record), exchanges]),
                )
            })
            .collect();
        for (domain, facts) in &expected {
            assert_eq!(&found[*domain], facts, "{domain} by {server}");
        }
    }
    // Who is not vouched for is not asked.
    for server in &names.encrypted {
        let ran = run(
            "mx-lookup",
            &["--nameserver", server, "--timeout", "5s"],
            "postfix.test\n",
        );
        let record = &ran.expect(2).of_type("domain")[0];
        assert_eq!(record["outcome"]["reason"], "unreachable", "{record}");
    }
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn the_whole_pipe_has_the_right_facts_of_each_server() {
    let servers = Servers::start();
    let names = Names::start(&servers.loopback, &zone(&servers.loopback));
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("domains"), DOMAINS).unwrap();
    std::fs::write(directory.path().join("root.pem"), servers.authority.pem()).unwrap();
    let probe = "--helo probe.example.org --allow 127.0.0.0/8";
    // Spaced so that the throttling server, which remembers a client for eight seconds, does not mind.
    let script = format!(
        "mx-lookup --nameserver {} <domains | smtp-probe {probe} --port {} \
         | tls-inspect {probe} --roots test=root.pem --spacing {}s | tee all.ndjson | to-sqlite out.db; \
         echo \"${{PIPESTATUS[@]}}\"",
        names.resolver,
        servers.loopback.port,
        postfix::THROTTLE_SECONDS + 2,
    );
    let ran = shell(&script, directory.path()).expect(0);
    assert_eq!(ran.stdout, "0 0 0 0 0\n", "{}", ran.stderr);

    // reason, ESMTP, advertised, accepted, completed, version, cipher, chain valid, why not, SAN matches the exchange
    let expected = [
        ("clear.test", "ok 1 0 0 - - - - - -"),
        ("dead.test", "refused - - - - - - - - -"),
        (
            "exim.test",
            "ok 1 1 1 1 TLSv1.3 TLS_AES_256_GCM_SHA384 1 valid san",
        ),
        (
            "expired.test",
            "ok 1 1 1 1 TLSv1.3 TLS_AES_256_GCM_SHA384 0 expired san",
        ),
        (
            "implicit.test",
            "ok 1 1 1 1 TLSv1.3 TLS_AES_256_GCM_SHA384 1 valid no",
        ),
        ("opensmtpd.test", "ok 1 0 0 - - - - - -"),
        (
            "openssl.test",
            "ok 1 1 1 1 TLSv1.2 TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 0 incomplete_chain san",
        ),
        (
            "postfix.test",
            "ok 1 1 1 1 TLSv1.3 TLS_AES_256_GCM_SHA384 1 valid san",
        ),
        (
            "screened.test",
            "ok 1 1 1 1 TLSv1.3 TLS_AES_256_GCM_SHA384 1 valid san",
        ),
        (
            "selfsigned.test",
            "ok 1 1 1 1 TLSv1.3 TLS_AES_256_GCM_SHA384 0 self_signed san",
        ),
        (
            "shared.test",
            "ok 1 1 1 1 TLSv1.3 TLS_AES_256_GCM_SHA384 1 valid san",
        ),
        (
            "throttling.test",
            "ok 1 1 1 1 TLSv1.3 TLS_AES_256_GCM_SHA384 1 valid no",
        ),
    ];
    let rows = rows(
        &directory.path().join("out.db"),
        "SELECT r.domain, s.reason, s.esmtp, s.advertised, s.accepted, t.completed, t.version, t.cipher, v.valid,
                v.reason, CASE WHEN c.subject IS NOT NULL THEN coalesce(m.name_match, 'no') END
         FROM mail_route r JOIN address a USING (ip) JOIN smtp s ON s.address = a.id
         LEFT JOIN tls t ON t.address = a.id LEFT JOIN verdict v ON v.tls = t.id AND v.position = 0
         LEFT JOIN certificate c ON c.id = t.leaf LEFT JOIN exchange_certificate m
            ON m.certificate = t.leaf AND m.name = (SELECT id FROM name WHERE name = r.exchange)
         ORDER BY 1",
    );
    let expected = expected.map(|(domain, facts)| format!("{domain} {facts}"));
    assert_eq!(rows, expected);

    let stream = std::fs::read_to_string(directory.path().join("all.ndjson")).unwrap();
    for record in stream
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
    {
        if record["type"] == "tls" {
            // Inside TLS they offer STARTTLS no more; OpenSSL speaks no SMTP there.
            let inside = &record["inside"];
            let expected = match servers.name(&record["ip"]) {
                "openssl" => json!(["inside/protocol_error", null]),
                _ => json!(["done/ok", false]),
            };
            assert_eq!(
                json!([outcome(inside), inside["starttls"]]),
                expected,
                "{record}"
            );
            assert_eq!(
                (&record["connections"], &record["attempts"]),
                (&json!(1), &json!(1)),
                "{record}"
            );
        }
        if record["type"] == "run" && record["stage"] == "smtp-probe" && record["event"] == "end" {
            assert_eq!(
                crate::harness::by_name(&record["counts"])["connections_saved"],
                2,
                "{record}"
            );
        }
    }
    let log = servers.postfix.log();
    for bad in [
        "improper command",
        "PREGREET",
        "too many",
        "SSL_accept error",
    ] {
        // smtp-probe leaves the server with a STARTTLS begun: that is "lost connection", and all there is to say.
        let worse = |line: &&str| line.contains(bad) && !line.contains("lost connection");
        assert_eq!(log.lines().find(worse), None);
    }
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn throttling_is_never_no_and_a_later_try_gets_the_facts() {
    let loopback = Loopback::new();
    let authority = Authority::new("Test Root");
    let address = loopback.address(host("throttling"));
    let services = [(address, Service::Throttling)];
    let _postfix = Postfix::start(
        "mx.throttling.test",
        &authority.certify("mx.throttling.test"),
        &services,
    );
    let port = loopback.port.to_string();
    let manners = "--helo probe.example.org --allow 127.0.0.0/8 --spacing 0 --retry-after";
    let later = format!("{}s", postfix::THROTTLE_SECONDS + 2);
    let mut common: Vec<&str> = manners.split(' ').collect();
    common.push(&later);
    let probe: Vec<&str> = common.iter().copied().chain(["--port", &port]).collect();
    let line = format!("{},mx.throttling.test\n", address.ip());

    let first = run("smtp-probe", &probe, &line).expect(0);
    assert_eq!(outcome(&first.of_type("smtp")[0]), "done/ok");

    let once: Vec<&str> = probe.iter().copied().chain(["--retries", "0"]).collect();
    let second = run("smtp-probe", &once, &line)
        .expect(0)
        .of_type("smtp")
        .remove(0);
    assert_eq!(outcome(&second), "banner/deferred");
    let facts = json!([
        second["esmtp"],
        second["starttls"]["advertised"],
        second["starttls"]["accepted"]
    ]);
    assert_eq!(facts, json!([null, null, null]), "{second}");

    let third = run("tls-inspect", &common, &first.stdout)
        .expect(0)
        .of_type("tls")
        .remove(0);
    assert_eq!(outcome(&third), "done/ok", "{third}");
    assert_eq!(
        (&third["completed"], &third["attempts"]),
        (&json!(true), &json!(2)),
        "{third}"
    );
    assert_eq!(third["earlier"][0]["reason"], "deferred", "{third}");
}

/// What a postmaster reads of us: a session that was ended by QUIT inside TLS, and no word of an error, which is what
/// fail2ban's stricter modes look for.
#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn t9_one_connection_leaves_no_error_in_the_log_of_postfix() {
    let loopback = Loopback::new();
    let authority = Authority::new("Test Root");
    let (with, without) = (
        loopback.address(host("postfix")),
        loopback.address(host("clear")),
    );
    let identity = authority.certify("mx.postfix.test");
    let services = [
        (with, Service::Tls(identity.clone())),
        (without, Service::Clear),
    ];
    let postfix = Postfix::start("mx.postfix.test", &identity, &services);
    let port = loopback.port.to_string();
    let options = "--tls --helo probe.example.org --allow 127.0.0.0/8 --spacing 0 --port";
    let options: Vec<&str> = options.split(' ').chain([&*port]).collect();
    let input = format!("{},mx.postfix.test\n{}\n", with.ip(), without.ip());
    let ran = run("smtp-probe", &options, &input).expect(0);
    assert_eq!(ran.of_type("tls")[0]["completed"], true, "{}", ran.stdout);
    let sessions = |log: &str| log.matches("disconnect from").count();
    crate::harness::wait_for("Postfix's log", std::time::Duration::from_secs(10), || {
        sessions(&postfix.log()) == 2
    });
    let log = postfix.log();
    assert!(log.contains(" ehlo=2 starttls=1 quit=1 "), "{log}");
    assert!(log.contains(" ehlo=1 starttls=0/1 quit=1 "), "{log}");
    for bad in [
        "SSL_accept",
        "lost connection",
        "error",
        "improper",
        "warning",
    ] {
        let said = log.lines().find(|line| {
            // Postfix's own setting up is not about us.
            line.contains("smtpd") && line.contains(bad)
        });
        assert_eq!(said, None, "{log}");
    }
}

/// The rows of a query, the values of each in one line; `-` for null.
fn rows(database: &std::path::Path, query: &str) -> Vec<String> {
    use rusqlite::types::ValueRef;
    let database = rusqlite::Connection::open(database).unwrap();
    let mut statement = database.prepare(query).unwrap();
    let columns = statement.column_count();
    let mut found = statement.query([]).unwrap();
    let mut rows = Vec::new();
    while let Some(row) = found.next().unwrap() {
        let text = |column| match row.get_ref(column).unwrap() {
            ValueRef::Null => "-".to_owned(),
            ValueRef::Integer(number) => number.to_string(),
            ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
            other => format!("{other:?}"),
        };
        rows.push((0..columns).map(text).collect::<Vec<_>>().join(" "));
    }
    rows
}
