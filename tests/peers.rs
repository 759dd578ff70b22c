//! Our programs against software that we did not write: Postfix, Exim, OpenSMTPD, OpenSSL, NSD and Unbound.
//!
//! Each test starts the servers that it needs, on loopback addresses of its own, and they end with it.
//! `tests/peers/setup` installs them.

pub mod certificates;
pub mod exim;
pub mod loopback;
pub mod names;
pub mod namespace;
pub mod opensmtpd;
pub mod openssl;
pub mod postfix;

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::harness::run;
use certificates::{Authority, Identity};
use exim::Exim;
use loopback::Loopback;
use opensmtpd::OpenSmtpd;
use openssl::Front;
use postfix::{Postfix, Service};

/// Mail servers, each on an address of its own and all on one port.
struct Servers {
    loopback: Loopback,
    authority: Authority,
    postfix: Postfix,
    exim: Exim,
    _opensmtpd: OpenSmtpd,
    front: Front,
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
            front: Front::start(at("openssl"), &incomplete, only_1_2),
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
    for (name, (outcome, esmtp, advertised, accepted, software)) in SMTP_FACTS {
        let record = &records[name];
        let facts = json!([
            format!(
                "{}/{}",
                record["outcome"]["phase"].as_str().unwrap(),
                record["outcome"]["reason"].as_str().unwrap()
            ),
            record["esmtp"],
            record["starttls"]["advertised"],
            record["starttls"]["accepted"],
            record["software"],
            record["connections"],
            record["flags"],
        ]);
        let expected = json!([outcome, esmtp, advertised, accepted, software, 1, null]);
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
    assert_eq!(servers.front.said(), ["EHLO probe.example.org", "STARTTLS"]);
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
