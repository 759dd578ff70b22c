//! A domain of the world of problems, and the ways in which it differs from a good one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::judge::problem::ProblemCode as Code;
use crate::lab::pki::rsa_spki;

/// A domain and what is wrong with it.
#[derive(Debug)]
pub struct Case {
    /// Its problem.
    pub code: Code,
    /// Problems that the same cause truthfully has, and why.
    pub implied: Vec<(Code, &'static str)>,
    /// What differs from the good domain.
    pub(super) change: Value,
}

pub(super) fn case(code: Code, change: Value) -> Case {
    Case {
        code,
        implied: Vec::new(),
        change,
    }
}

impl Case {
    pub(super) fn implies(mut self, code: Code, why: &'static str) -> Self {
        self.implied.push((code, why));
        self
    }

    /// The domain that has the problem.
    pub fn domain(&self) -> String {
        let prefix = self.change["below"].as_str().unwrap_or_default();
        format!("{prefix}{}", self.base())
    }

    pub(super) fn base(&self) -> String {
        format!("{}.test", self.code.word().replace('_', "-"))
    }

    /// Its server is a scripted first flight: no handshake with it is ever finished.
    pub fn has_first_flight_alone(&self) -> bool {
        let legacy = &self.change["servers"]["mx"]["tls"]["legacy"];
        !legacy.is_null() && legacy["beside"] != true
    }

    /// Every code that a survey finds at it, in the order of their words.
    pub fn codes(&self) -> Vec<&'static str> {
        let all = std::iter::once(self.code).chain(self.implied.iter().map(|it| it.0));
        let mut words: Vec<_> = all.map(|code| code.word()).collect();
        words.sort_unstable();
        words
    }
}

/// What a good domain is made of: names below it, servers by the name that leads to them, its policy host.
pub(super) fn good() -> Value {
    json!({
        "names": {
            "": {"mx": [[10, "mx.{d}"]], "txt": ["v=spf1 mx -all"]},
            "_dmarc": {"txt": ["v=DMARC1; p=reject; rua=mailto:reports@{d}"]},
            "default._domainkey": {"txt": [format!("v=DKIM1; k=rsa; p={}", dkim_key(2048))]},
            "_mta-sts": {"txt": ["v=STSv1; id=1"]},
            "_smtp._tls": {"txt": ["v=TLSRPTv1; rua=mailto:reports@{d}"]},
        },
        "servers": {"mx": {"tls": {"names": ["mx.{d}"]}}},
        "policy": {"as": "policy-host"},
    })
}

pub(super) fn dkim_key(bits: usize) -> String {
    STANDARD.encode(rsa_spki(bits))
}

/// A second exchange like the first, with these fields of its own.
pub(super) fn backup(server: Value) -> Value {
    json!({
        "names": {"": {"mx": [[10, "mx.{d}"], [20, "mx2.{d}"]]}},
        "policy": {"https": {"text": "version: STSv1\nmode: enforce\nmx: *.{domain}\nmax_age: 604800\n"}},
        "servers": {"mx2": server},
    })
}

/// Both exchanges, without MTA-STS, whose policy a weak exchange would fail as well.
pub(super) fn backup_without_policy(server: Value) -> Value {
    with(backup(server), without_policy())
}

/// No MTA-STS.
pub(super) fn without_policy() -> Value {
    json!({"names": {"_mta-sts": null}, "policy": null})
}

pub(super) fn with(mut change: Value, more: Value) -> Value {
    lay_over(&mut change, more);
    change
}

/// The first server, and no MTA-STS.
pub(super) fn server(fields: Value) -> Value {
    with(json!({"servers": {"mx": fields}}), without_policy())
}

/// The first server with a first flight by hand, and no MTA-STS.
pub(super) fn flight(version: &str, cipher: &str, more: Value) -> Value {
    let mut legacy = json!({"version": version, "cipher": cipher, "dh_bits": 2048, "secure_renegotiation": true});
    lay_over(&mut legacy, more);
    server(json!({"tls": {"key": "rsa2048", "legacy": legacy}}))
}

pub(super) fn certificate(class: &str) -> Value {
    server(json!({"tls": {"certificate": class}}))
}

pub(super) fn text(name: &str, text: &str) -> Value {
    json!({"names": {name: {"txt": [text]}}})
}

pub(super) fn policy(host: Value) -> Value {
    json!({"policy": host})
}

pub(super) fn policy_text(text: &str) -> Value {
    policy(json!({"https": {"text": text}}))
}

/// Answers of DNSSEC for every name of the domain, and these TLSA records at the first exchange.
pub(super) fn tlsa(records: &[&str]) -> Value {
    json!({"secure": true, "names": {"_25._tcp.mx": {"tlsa": records}}})
}

/// Lays one tree over another: what is null is taken away, lists are replaced.
pub(super) fn lay_over(beneath: &mut Value, above: Value) {
    match (beneath, above) {
        (Value::Object(beneath), Value::Object(above)) => {
            for (key, value) in above {
                match value {
                    Value::Null => {
                        beneath.insert(key, Value::Null);
                    }
                    value => lay_over(beneath.entry(key).or_insert(Value::Null), value),
                }
            }
        }
        (beneath, above) => *beneath = above,
    }
}
