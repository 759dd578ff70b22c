//! A good domain has no problem; each change to one of its records makes exactly the problems that stand beside it.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use time::Duration;

use super::*;
use crate::judge::delivery::{Cause, Delivery, Fate, ServerContact, TlsaMatch, TlsaView};
use crate::judge::problem::Severity;
use crate::judge::weakness;
use crate::record::{Domain, Phase, Policy, Reason, Smtp, Sts, Tls};

/// JSON pointers into a record, and what stands there.
type Changes<'a> = &'a [(&'a str, Value)];
/// Codes, in order.
type Words = &'static [&'static str];

const AT: &str = "2026-10-01T00:00:00.000Z";

fn good_domain() -> Value {
    let ok = json!({"phase": "done", "reason": "ok"});
    json!({
        "domain": "a.test", "outcome": ok, "implicit_mx": false, "null_mx": false, "dnssec": "secure",
        "mx": [
            {"exchange": "mx1.a.test", "preference": 10, "addresses": [{"ip": "192.0.2.1"}, {"ip": "192.0.2.2"}],
             "ipv4": ok, "ipv6": ok, "dnssec": "secure"},
            {"exchange": "mx2.a.test", "preference": 20, "addresses": [{"ip": "192.0.2.3"}],
             "ipv4": ok, "ipv6": ok, "dnssec": "secure"}
        ],
        "time": AT, "elapsed_ms": 1, "run": "r"
    })
}

fn good_smtp() -> Value {
    json!({
        "ip": "192.0.2.1", "port": 25, "outcome": {"phase": "done", "reason": "ok"}, "esmtp": true,
        "starttls": {"advertised": true, "accepted": true, "reply": {"code": 220, "lines": ["go"]}},
        "banner": {"code": 220, "lines": ["mx1.a.test"]}, "ehlo": {"code": 250, "lines": ["mx1", "STARTTLS"]},
        "capabilities": {"keywords": [{"keyword": "STARTTLS"}]},
        "connections": 1, "attempts": 1, "timings": {}, "connected": AT, "time": AT, "run": "r"
    })
}

fn good_tls() -> Value {
    json!({
        "ip": "192.0.2.1", "port": 25, "server_name": "mx1.a.test", "outcome": {"phase": "done", "reason": "ok"},
        "accepted": true, "negotiated": true, "completed": true, "version": "TLSv1.3",
        "cipher": {"iana": "TLS_AES_256_GCM_SHA384", "id": "0x1302"},
        "leaf": {"sha256": "00", "subject": "CN=mx1", "issuer": "CN=ca", "names": ["mx1.a.test"],
                 "not_before": AT, "not_after": "2026-12-01T00:00:00Z", "key_type": "ec", "key_bits": 256,
                 "signature_algorithm": "ecdsa_sha256"},
        "verdicts": [{"store": "mozilla", "store_date": "2026-01-01", "at": AT, "valid": true, "reason": "valid"}],
        "inside": {"outcome": {"phase": "done", "reason": "ok"}, "starttls": false},
        "connections": 1, "attempts": 1, "timings": {}, "connected": AT, "time": AT, "run": "r"
    })
}

fn good_policy() -> Value {
    json!({
        "domain": "a.test", "outcome": {"phase": "done", "reason": "ok"}, "exchanges": ["mx1.a.test", "mx2.a.test"],
        "spf": {"state": "ok", "all": "fail", "ipv4_addresses": 4, "ipv6_networks": [], "includes": [], "dangling": []},
        "dmarc": {"state": "ok", "record_at": "a.test", "effective_9989": "reject", "effective_7489": "reject",
                  "differ": false, "walk": [],
                  "tags": {"p": "reject", "sp": null, "np": null, "adkim": "relaxed", "aspf": "relaxed",
                           "psd": "unknown", "t": false, "fo": null, "pct": null},
                  "receivers": [{"uri": "mailto:d@a.test", "domain": "a.test", "failure_reports": false,
                                 "authorised": true}]},
        "dkim": {"state": "ok", "selectors": ["s"], "keys": [{"selector": "s", "state": "ok", "bits": 2048}]},
        "mta_sts": {"state": "ok", "id": "1", "cname": []},
        "tls_rpt": {"state": "ok", "rua": ["mailto:t@a.test"], "cname": []},
        "caa": {"state": "ok", "names": [{"name": "a.test", "role": "domain", "state": "ok"}]},
        "bimi": {"state": "ok", "indicator": "https://a.test/logo.svg"},
        "questions": 1, "time": AT, "elapsed_ms": 1, "run": "r"
    })
}

fn good_sts() -> Value {
    let reading = json!({"state": "ok", "mode": "enforce", "max_age": 604_800, "mx": ["*.a.test"]});
    json!({
        "domain": "a.test", "outcome": {"phase": "done", "reason": "ok"}, "host": "mta-sts.a.test", "record": "ok",
        "status": 200, "strict": reading, "lenient": reading, "standing": "both",
        "covers": [{"exchange": "mx1.a.test", "strict": true, "lenient": true},
                   {"exchange": "mx2.a.test", "strict": true, "lenient": true}],
        "connections": 1, "questions": 1, "time": AT, "elapsed_ms": 1, "run": "r"
    })
}

/// The record with other values at some JSON pointers; what is not there yet is made.
fn with<T: DeserializeOwned>(mut record: Value, changes: &[(&str, Value)]) -> T {
    for (pointer, value) in changes {
        let (parent, field) = pointer.rsplit_once('/').expect("a pointer begins with /");
        let parent = record.pointer_mut(parent).expect(pointer);
        match parent {
            Value::Array(items) => items[field.parse::<usize>().expect("an index")] = value.clone(),
            parent => parent[field] = value.clone(),
        }
    }
    serde_json::from_value(record).unwrap_or_else(|error| panic!("{changes:?}: {error}"))
}

fn words(problems: &[Problem]) -> Vec<&'static str> {
    let mut words: Vec<_> = problems.iter().map(|it| it.code.word()).collect();
    words.dedup();
    words
}

fn of_server(smtp: Value, tls: Value, changes: (Changes<'_>, Changes<'_>)) -> Vec<Problem> {
    let (smtp, tls): (Smtp, Tls) = (with(smtp, changes.0), with(tls, changes.1));
    let weaknesses = weakness::of_server(&tls);
    let records = ServerRecords {
        smtp: Some(&smtp),
        tls: Some(&tls),
        weaknesses: &weaknesses,
        certificate_weaknesses: &[],
    };
    server_problems(records, Duration::days(14))
}

#[test]
fn a_dialogue_has_exactly_its_problem() {
    let outcome = |phase, reason| ("/outcome", json!({"phase": phase, "reason": reason}));
    let long: Vec<String> = (0..99).map(|it| format!("{it:>30}")).collect();
    let cases: &[(Changes<'_>, Words)] = &[
        (&[], &[]),
        // That is told of the domain.
        (
            &[outcome("connect", "timeout"), ("/esmtp", Value::Null)],
            &[],
        ),
        (&[outcome("banner", "rejected")], &["greeting_rejected"]),
        (&[outcome("banner", "deferred")], &[]),
        (
            &[outcome("helo", "rejected"), ("/esmtp", json!(false))],
            &["hello_rejected"],
        ),
        (&[outcome("banner", "not_smtp")], &["not_smtp"]),
        (
            &[
                outcome("banner", "not_smtp"),
                ("/flags", json!(["no_code"])),
            ],
            &["not_smtp"],
        ),
        (&[("/flags", json!(["bare_lf"]))], &["reply_malformed"]),
        (
            &[
                ("/esmtp", json!(false)),
                ("/helo", json!({"code": 250, "lines": ["hi"]})),
                ("/starttls", json!({"advertised": false})),
            ],
            &["helo_only"],
        ),
        (
            &[("/ehlo", json!({"code": 250, "lines": long}))],
            &["ehlo_too_long"],
        ),
        (
            &[("/starttls", json!({"advertised": false}))],
            &["starttls_missing"],
        ),
        (
            &[("/starttls", json!({"advertised": true, "accepted": false}))],
            &["starttls_refused"],
        ),
        (
            &[("/starttls", json!({"advertised": false, "accepted": true}))],
            &["starttls_unadvertised"],
        ),
        (
            &[(
                "/starttls",
                json!({"advertised": false, "masked": "XXXXXXXA"}),
            )],
            &["starttls_masked"],
        ),
        (
            &[("/starttls/injected", json!("250 x"))],
            &["starttls_injected"],
        ),
        (
            &[("/capabilities/auth", json!(["PLAIN"]))],
            &["auth_in_clear"],
        ),
    ];
    for (changes, expected) in cases {
        let found = of_server(good_smtp(), good_tls(), (changes, &[]));
        assert_eq!(words(&found), *expected, "{changes:?}");
    }
}

#[test]
fn a_handshake_has_exactly_its_problem() {
    let verdict = |valid: Option<bool>, reason: &str, also: Value| {
        (
            "/verdicts/0",
            json!({"store": "mozilla", "store_date": "2026-01-01", "at": AT, "valid": valid, "reason": reason,
                   "also": also}),
        )
    };
    let suite = |iana: &str| {
        let id = crate::cipher::by_name(iana).unwrap().id;
        (
            "/cipher",
            json!({"iana": iana, "id": format!("0x{id:04X}")}),
        )
    };
    let bad = Some(false);
    let v12 = || ("/version", json!("TLSv1.2"));
    let cases: &[(Changes<'_>, Words)] = &[
        (
            &[("/completed", json!(false)), ("/negotiated", json!(false))],
            &["handshake_fails"],
        ),
        (
            &[("/completed", Value::Null), ("/negotiated", Value::Null)],
            &[],
        ),
        (
            &[
                ("/completed", json!(false)),
                ("/client_certificate_requested", json!(true)),
            ],
            &["client_certificate_demanded"],
        ),
        (&[("/client_certificate_requested", json!(true))], &[]),
        (&[("/version", json!("TLSv1"))], &["old_versions_only"]),
        (
            &[
                ("/version", json!("TLSv1")),
                ("/enumeration", json!({"versions": {"TLSv1.2": true}})),
            ],
            &["old_versions_spoken"],
        ),
        (
            &[("/enumeration", json!({"versions": {"SSLv3": true}}))],
            &["ssl_spoken"],
        ),
        (
            &[v12(), suite("TLS_ECDHE_RSA_WITH_NULL_SHA")],
            &["cipher_broken"],
        ),
        (
            &[v12(), suite("TLS_ECDHE_RSA_WITH_RC4_128_SHA")],
            &["cipher_weak"],
        ),
        (
            &[v12(), suite("TLS_ECDH_anon_WITH_AES_128_CBC_SHA")],
            &["anonymous_cipher"],
        ),
        (
            &[v12(), suite("TLS_RSA_WITH_AES_128_CBC_SHA")],
            &["no_forward_secrecy"],
        ),
        (
            &[("/dh", json!({"bits": 1024, "prime_sha256": "00"}))],
            &["weak_dh"],
        ),
        (&[("/compression", json!(true))], &["compression_on"]),
        (
            &[("/secure_renegotiation", json!(false))],
            &["renegotiation_insecure"],
        ),
        (
            &[("/inside/starttls", json!(true))],
            &["starttls_offered_inside"],
        ),
        // TLS 1.3: the handshake is complete before the server says that it wanted a certificate.
        (
            &[
                ("/client_certificate_requested", json!(true)),
                ("/inside/outcome/reason", json!("tls_error")),
            ],
            &["client_certificate_demanded"],
        ),
        (&[("/client_certificate_requested", json!(true))], &[]),
        (
            &[("/flags", json!(["length_intolerant"]))],
            &["length_intolerant"],
        ),
        (
            &[verdict(bad, "expired", json!([]))],
            &["certificate_expired"],
        ),
        (
            &[verdict(bad, "not_yet_valid", json!([]))],
            &["certificate_not_yet_valid"],
        ),
        (
            &[verdict(bad, "self_signed", json!([]))],
            &["certificate_self_signed"],
        ),
        (
            &[verdict(bad, "incomplete_chain", json!([]))],
            &["certificate_incomplete"],
        ),
        (
            &[verdict(bad, "unknown_issuer", json!([]))],
            &["certificate_unknown_issuer"],
        ),
        (
            &[verdict(bad, "incomplete_chain", json!(["unknown_issuer"]))],
            &["certificate_unknown_issuer"],
        ),
        (
            &[verdict(bad, "name_constraints", json!([]))],
            &["certificate_bad"],
        ),
        (
            &[verdict(bad, "self_signed", json!(["expired"]))],
            &["certificate_expired", "certificate_self_signed"],
        ),
        (&[verdict(None, "unsupported", json!([]))], &[]),
        (
            &[verdict(Some(true), "valid", json!(["ca_as_end_entity"]))],
            &[],
        ),
        (
            &[("/leaf/not_after", json!("2026-10-09T00:00:00Z"))],
            &["certificate_expires_soon"],
        ),
    ];
    for (changes, expected) in cases {
        let found = of_server(good_smtp(), good_tls(), (&[], changes));
        assert_eq!(words(&found), *expected, "{changes:?}");
    }
    let soon = [("/leaf/not_after", json!("2026-10-02T00:00:00Z"))];
    let found = of_server(good_smtp(), good_tls(), (&[], &soon));
    assert_eq!(found[0].severity, Severity::Serious);
    let weak = ServerRecords {
        smtp: None,
        tls: Some(&with(good_tls(), &[])),
        weaknesses: &[weakness::ServerWeakness::CbcSha1],
        certificate_weaknesses: &[
            weakness::CertificateWeakness::WeakRsa,
            weakness::CertificateWeakness::Sha1Signature,
        ],
    };
    assert_eq!(
        words(&server_problems(weak, Duration::days(14))),
        ["certificate_key_weak", "certificate_signature_weak"]
    );
}

/// Three servers that protect: two of the first exchange, one of the second.
fn good_servers() -> Vec<ServerSeen> {
    (1..=3)
        .map(|last| ServerSeen {
            address: format!("192.0.2.{last}"),
            contact: ServerContact::Answers,
            was_tried: true,
            silence: None,
            tls: Some(true),
            valid: Some(true),
            names_exchange: Some(true),
            names_by_common_name: false,
            tlsa: TlsaMatch::Holds,
        })
        .collect()
}

/// What is found at a domain with these servers, each exchange with these TLSA records.
fn of_domain(domain: &Domain, servers: &[ServerSeen], tlsa: [TlsaView; 2]) -> Vec<&'static str> {
    let view = DomainView {
        domain,
        exchanges: vec![
            ExchangeSeen {
                servers: servers.iter().take(2).cloned().collect(),
                tlsa: tlsa[0],
                has_unsigned_tlsa: false,
                of_tlsa_set: &[],
            },
            ExchangeSeen {
                servers: servers.iter().skip(2).cloned().collect(),
                tlsa: tlsa[1],
                has_unsigned_tlsa: false,
                of_tlsa_set: &[],
            },
        ],
        is_anything_reached: true,
    };
    words(&domain_problems(&view))
}

#[test]
fn the_dns_of_a_domain_has_exactly_its_problem() {
    let failed = |phase, reason| {
        vec![
            ("/outcome", json!({"phase": phase, "reason": reason})),
            ("/mx", json!([])),
        ]
    };
    let dead = json!({"phase": "dns", "reason": "servfail"});
    let cases: Vec<(Vec<(&str, Value)>, Words)> = vec![
        (vec![], &[]),
        (failed("dns", "nxdomain"), &["nxdomain"]),
        (failed("dns", "bogus"), &["dns_bogus"]),
        (failed("dns", "servfail"), &["dns_servfail"]),
        (failed("dns", "malformed"), &["dns_malformed"]),
        (failed("dns", "cname_loop"), &["dns_alias_loop"]),
        (failed("dns", "no_address"), &["no_mail_not_declared"]),
        (failed("dns", "timeout"), &[]),
        (vec![("/implicit_mx", json!(true))], &["implicit_mx"]),
        (
            vec![("/faults", json!(["null_mx_with_others"]))],
            &["null_mx_with_others"],
        ),
        (
            vec![("/faults", json!(["null_mx_preference"]))],
            &["null_mx_preference"],
        ),
        (
            vec![("/faults", json!(["duplicate_exchange"]))],
            &["duplicate_exchange"],
        ),
        (
            vec![("/faults", json!(["too_many_exchanges"]))],
            &["too_many_exchanges"],
        ),
        (
            vec![("/mx/1/faults", json!(["cname"]))],
            &["exchange_is_alias"],
        ),
        (
            vec![("/mx/1/faults", json!(["address_literal"]))],
            &["exchange_is_address"],
        ),
        (
            vec![("/mx/1/faults", json!(["localhost"]))],
            &["exchange_is_localhost"],
        ),
        (
            vec![("/mx/1/faults", json!(["special_address"]))],
            &["exchange_special_address"],
        ),
        (
            vec![("/mx/1/faults", json!(["unresolvable"]))],
            &["exchange_unresolvable"],
        ),
        (
            vec![("/mx/1/faults", json!(["underscore"]))],
            &["exchange_underscore"],
        ),
        (
            vec![
                ("/mx/0/faults", json!(["unresolvable"])),
                ("/mx/1/faults", json!(["unresolvable"])),
            ],
            &["no_exchange_resolves"],
        ),
        (vec![("/mx/0/ipv6", dead)], &["exchange_dns_fails"]),
    ];
    for (changes, expected) in cases {
        let domain: Domain = with(good_domain(), &changes);
        let found = of_domain(&domain, &good_servers(), [TlsaView::None; 2]);
        assert_eq!(found, expected, "{changes:?}");
    }
}

#[test]
fn servers_behind_exchanges_have_exactly_their_problem() {
    let (none, usable) = (TlsaView::None, TlsaView::Usable);
    let silent = |it: &mut ServerSeen| {
        *it = ServerSeen {
            address: it.address.clone(),
            contact: ServerContact::Silent,
            silence: Some((Phase::Connect, Reason::Timeout)),
            ..ServerSeen::default()
        };
    };
    let garbled = |it: &mut ServerSeen| {
        it.contact = ServerContact::Silent;
        it.silence = Some((Phase::Banner, Reason::NotSmtp));
    };
    type Change = Box<dyn Fn(&mut Vec<ServerSeen>)>;
    let each = |change: fn(&mut ServerSeen)| -> Change {
        Box::new(move |servers| servers.iter_mut().for_each(change))
    };
    let only = |at: usize, change: fn(&mut ServerSeen)| -> Change {
        Box::new(move |servers| change(&mut servers[at]))
    };
    let cases: Vec<(Change, [TlsaView; 2], &[&str])> = vec![
        (each(|_| {}), [usable, usable], &[]),
        (each(silent), [none, none], &["no_server_answers"]),
        (
            Box::new(move |servers| servers[..2].iter_mut().for_each(silent)),
            [none, none],
            &["preferred_server_silent"],
        ),
        (only(0, silent), [none, none], &["server_silent"]),
        (only(2, silent), [none, none], &["server_silent"]),
        (only(2, garbled), [none, none], &[]),
        (each(garbled), [none, none], &["no_server_answers"]),
        (
            Box::new(move |servers| {
                servers[..2].iter_mut().for_each(silent);
                servers[2].contact = ServerContact::Defers;
            }),
            [none, none],
            &["server_silent"],
        ),
        (
            only(1, |it| it.tls = Some(false)),
            [none, none],
            &["addresses_differ"],
        ),
        (only(1, |it| it.tls = None), [none, none], &[]),
        (
            only(2, |it| it.tls = Some(false)),
            [none, none],
            &["backup_weaker"],
        ),
        (
            each(|it| it.names_exchange = Some(false)),
            [none, none],
            &["certificate_name_mismatch"],
        ),
        (
            each(|it| (it.names_exchange, it.names_by_common_name) = (Some(false), true)),
            [none, none],
            &["certificate_common_name_only"],
        ),
        (
            each(|it| it.tlsa = TlsaMatch::Fails(Cause::TlsaInvalid)),
            [usable, usable],
            &["tlsa_mismatch"],
        ),
        // Both families: what holds at one address of an exchange does not at the other.
        (
            only(1, |it| it.tlsa = TlsaMatch::Fails(Cause::TlsaInvalid)),
            [usable, usable],
            &["tlsa_covers_some_addresses"],
        ),
        (
            only(1, |it| it.tlsa = TlsaMatch::Unknown),
            [usable, usable],
            &[],
        ),
        (
            each(|it| it.tls = Some(false)),
            [usable, usable],
            &["tlsa_without_starttls"],
        ),
        (each(|_| {}), [usable, none], &["tlsa_partial"]),
        (each(|_| {}), [usable, TlsaView::Unknown], &[]),
        (each(|_| {}), [TlsaView::Failed, none], &["tlsa_unanswered"]),
        (each(|_| {}), [TlsaView::Unusable, none], &["tlsa_unusable"]),
    ];
    let domain: Domain = with(good_domain(), &[]);
    for (number, (change, tlsa, expected)) in cases.iter().enumerate() {
        let mut servers = good_servers();
        change(&mut servers);
        assert_eq!(
            of_domain(&domain, &servers, *tlsa),
            *expected,
            "case {number}"
        );
    }
    let unsigned: Domain = with(good_domain(), &[("/dnssec", json!("insecure"))]);
    assert_eq!(
        of_domain(&unsigned, &good_servers(), [usable; 2]),
        ["mx_unsigned"]
    );
}

#[test]
fn a_name_that_no_mail_server_has_says_why_it_has_no_address() {
    for name in ["address_literal", "localhost"] {
        for with_it in ["unresolvable", "special_address"] {
            let faults = json!([name, with_it]);
            let domain: Domain = with(good_domain(), &[("/mx/1/faults", faults)]);
            let expected = match name {
                "localhost" => "exchange_is_localhost",
                _ => "exchange_is_address",
            };
            let found = of_domain(&domain, &good_servers(), [TlsaView::None; 2]);
            assert_eq!(found, [expected], "{name} {with_it}");
        }
    }
}

#[test]
fn a_record_that_a_stronger_digest_hides_is_told_once() {
    let domain: Domain = with(good_domain(), &[]);
    let mut servers = good_servers();
    (servers.iter_mut()).for_each(|it| it.tlsa = TlsaMatch::Fails(Cause::TlsaInvalid));
    let hidden = Problem::new(crate::judge::problem::ProblemCode::TlsaKindUnmatched);
    for (set, expected) in [
        (
            hidden.clone().at_least(Severity::Critical),
            &["tlsa_kind_unmatched"][..],
        ),
        (hidden, &["tlsa_mismatch", "tlsa_kind_unmatched"]),
    ] {
        let view = DomainView {
            domain: &domain,
            exchanges: vec![ExchangeSeen {
                servers: servers.clone(),
                tlsa: TlsaView::Usable,
                has_unsigned_tlsa: false,
                of_tlsa_set: std::slice::from_ref(&set),
            }],
            is_anything_reached: true,
        };
        assert_eq!(words(&domain_problems(&view)), expected);
    }
}

#[test]
fn a_special_address_is_a_problem_unless_the_survey_was_let_in() {
    let special = json!([{"ip": "192.0.2.3", "special": "192.0.2.0/24"}]);
    let changes = [
        ("/mx/1/faults", json!(["special_address"])),
        ("/mx/1/addresses", special),
    ];
    let domain: Domain = with(good_domain(), &changes);
    let mut servers = good_servers();
    assert_eq!(
        of_domain(&domain, &servers, [TlsaView::None; 2]),
        Vec::<&str>::new()
    );
    // Where a run reaches nothing at all, what it asked in vain is as if it was not asked, and it was let in all the same.
    servers[2].contact = ServerContact::NotAsked;
    assert_eq!(
        of_domain(&domain, &servers, [TlsaView::None; 2]),
        Vec::<&str>::new()
    );
    servers[2].was_tried = false;
    assert_eq!(
        of_domain(&domain, &servers, [TlsaView::None; 2]),
        ["exchange_special_address"]
    );
}

#[test]
fn a_policy_in_test_is_one_thing_and_a_record_that_is_none_another() {
    let testing: &[(&str, Value)] = &[
        ("/dmarc/tags/t", json!(true)),
        ("/dmarc/effective_9989", json!("quarantine")),
        ("/dmarc/differ", json!(true)),
    ];
    assert_eq!(of_policy(testing, &[]), ["dmarc_testing"]);
    let bad = [("/mta_sts/state", json!("invalid"))];
    let served = [
        ("/record", json!("invalid")),
        ("/standing", json!("policy_without_record")),
    ];
    assert_eq!(of_policy(&bad, &served), ["sts_record_invalid"]);
    let absent = [("/mta_sts/state", json!("absent"))];
    let served = [
        ("/record", json!("absent")),
        ("/standing", json!("policy_without_record")),
    ];
    assert_eq!(of_policy(&absent, &served), ["sts_policy_without_record"]);
}

#[test]
fn where_nothing_was_reached_servers_are_not_learned() {
    let domain: Domain = with(good_domain(), &[]);
    let silent = ServerSeen {
        contact: ServerContact::Silent,
        ..ServerSeen::default()
    };
    let view = |is_anything_reached| DomainView {
        domain: &domain,
        exchanges: vec![
            ExchangeSeen {
                servers: vec![silent.clone()],
                ..ExchangeSeen::default()
            };
            2
        ],
        is_anything_reached,
    };
    assert_eq!(words(&domain_problems(&view(true))), ["no_server_answers"]);
    assert_eq!(domain_problems(&view(false)), []);
}

fn of_policy(changes: &[(&str, Value)], sts: &[(&str, Value)]) -> Vec<&'static str> {
    let (policy, sts): (Policy, Sts) = (with(good_policy(), changes), with(good_sts(), sts));
    words(&policy_problems(&PolicyView {
        policy: &policy,
        sts: Some(&sts),
        takes_mail: Some(true),
        has_dane: false,
        delivery: None,
        refused: &[],
    }))
}

#[test]
fn a_policy_record_has_exactly_its_problem() {
    let spf = |code: &str| ("/spf/faults", json!([{"code": code}]));
    let key = |changes: Value| {
        let mut key = json!({"selector": "s", "state": "ok", "bits": 2048});
        for (name, value) in changes.as_object().expect("an object") {
            key[name] = value.clone();
        }
        ("/dkim/keys", json!([key]))
    };
    let state = |pointer, state: &str| (pointer, json!(state));
    let fault = |pointer, code: &str| (pointer, json!([{"code": code}]));
    let free = |is_free: bool| {
        json!([{"name": "x.free.test", "term": "include:x.free.test", "registrable": "free.test",
                "registrable_free": is_free}])
    };
    let cases: &[(Changes<'_>, Words)] = &[
        (&[], &[]),
        (&[state("/spf/state", "absent")], &["spf_missing"]),
        (&[state("/spf/state", "unknown")], &[]),
        (&[state("/spf/state", "multiple")], &["spf_multiple"]),
        (&[state("/spf/state", "invalid")], &["spf_invalid"]),
        (
            &[state("/spf/state", "invalid"), spf("syntax")],
            &["spf_invalid"],
        ),
        (
            &[state("/spf/state", "invalid"), spf("lookup_limit")],
            &["spf_too_many_lookups"],
        ),
        (&[spf("void_limit")], &["spf_too_many_voids"]),
        (&[spf("include_none")], &["spf_include_broken"]),
        (&[spf("loop")], &["spf_loop"]),
        (&[spf("too_long")], &["spf_too_long"]),
        (&[spf("ptr_used")], &["spf_deprecated"]),
        (
            &[
                spf("all_plus"),
                ("/spf/all", json!("pass")),
                ("/spf/ipv4_addresses", json!(1_u64 << 32)),
            ],
            &["spf_pass_all"],
        ),
        (&[spf("no_all")], &["spf_neutral"]),
        (&[spf("record_after_all")], &["spf_unreached_terms"]),
        (&[("/spf/dangling", free(true))], &["spf_include_free"]),
        (&[("/spf/dangling", free(false)), spf("dangling")], &[]),
        (
            &[("/spf/ipv4_addresses", json!(100_001))],
            &["spf_too_broad"],
        ),
        (&[("/spf/ipv4_addresses", json!(100_000))], &[]),
        (&[state("/dmarc/state", "absent")], &["dmarc_missing"]),
        (&[state("/dmarc/state", "unknown")], &[]),
        (&[state("/dmarc/state", "multiple")], &["dmarc_multiple"]),
        (&[state("/dmarc/state", "invalid")], &["dmarc_invalid"]),
        (
            &[
                fault("/dmarc/faults", "bad_policy"),
                state("/dmarc/effective_9989", "none"),
                ("/bimi", Value::Null),
            ],
            &["dmarc_invalid"],
        ),
        (
            &[
                state("/dmarc/tags/p", "none"),
                state("/dmarc/effective_9989", "none"),
                ("/bimi", Value::Null),
            ],
            &["dmarc_none"],
        ),
        (
            &[
                ("/dmarc/tags/t", json!(true)),
                state("/dmarc/effective_9989", "quarantine"),
            ],
            &["dmarc_testing"],
        ),
        (
            &[state("/dmarc/tags/sp", "none")],
            &["dmarc_subdomains_weaker"],
        ),
        (
            &[state("/dmarc/tags/np", "quarantine")],
            &["dmarc_subdomains_weaker"],
        ),
        (
            &[
                ("/dmarc/differ", json!(true)),
                state("/dmarc/effective_7489", "none"),
            ],
            &["dmarc_rules_differ"],
        ),
        (
            &[("/dmarc/receivers/0/authorised", json!(false))],
            &["dmarc_reports_unauthorised"],
        ),
        (&[("/dmarc/receivers", json!([]))], &["dmarc_no_reports"]),
        (
            &[("/dmarc/np_effective", json!(false))],
            &["dmarc_nonexistent_ineffective"],
        ),
        (
            &[
                state("/spf/state", "absent"),
                state("/dkim/state", "absent"),
                ("/dkim/keys", json!([])),
            ],
            &[
                "dmarc_without_authentication",
                "dkim_missing",
                "spf_missing",
            ],
        ),
        (
            &[
                state("/spf/state", "absent"),
                state("/dkim/state", "unknown"),
            ],
            &["spf_missing"],
        ),
        (
            &[state("/dkim/state", "absent"), ("/dkim/keys", json!([]))],
            &["dkim_missing"],
        ),
        (
            &[key(
                json!({"bits": 768, "state": "invalid", "faults": [{"code": "weak_key"}]}),
            )],
            &["dkim_key_weak"],
        ),
        (
            &[key(
                json!({"bits": 1024, "faults": [{"code": "short_key"}]}),
            )],
            &["dkim_key_short"],
        ),
        (
            &[key(
                json!({"state": "invalid", "faults": [{"code": "bad_key"}]}),
            )],
            &["dkim_key_invalid"],
        ),
        (&[key(json!({"testing": true}))], &["dkim_testing"]),
        (
            &[state("/mta_sts/state", "invalid")],
            &["sts_record_invalid"],
        ),
        (
            &[state("/mta_sts/state", "multiple")],
            &["sts_record_multiple"],
        ),
        (&[state("/tls_rpt/state", "absent")], &["tls_rpt_missing"]),
        (&[state("/tls_rpt/state", "invalid")], &["tls_rpt_invalid"]),
        (
            &[fault("/caa/names/0/faults", "unknown_critical")],
            &["caa_invalid"],
        ),
        (&[state("/bimi/state", "invalid")], &["bimi_invalid"]),
        (
            &[
                state("/dmarc/tags/p", "none"),
                state("/dmarc/effective_9989", "none"),
            ],
            &["bimi_unenforced", "dmarc_none"],
        ),
    ];
    for (changes, expected) in cases {
        let mut expected = expected.to_vec();
        let mut found = of_policy(changes, &[]);
        expected.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, expected, "{changes:?}");
    }
}

#[test]
fn a_policy_of_mta_sts_has_exactly_its_problem() {
    let broken = |error: &str| {
        vec![
            (
                "/strict",
                json!({"state": "invalid", "error": error, "mode": null, "max_age": null}),
            ),
            (
                "/lenient",
                json!({"state": "invalid", "error": error, "mode": null, "max_age": null}),
            ),
            ("/standing", json!("record_without_policy")),
        ]
    };
    let cases: Vec<(Vec<(&str, Value)>, Words)> = vec![
        (
            vec![
                ("/standing", json!("policy_without_record")),
                ("/record", json!("absent")),
            ],
            &["sts_policy_without_record"],
        ),
        (vec![("/strict/mode", json!("testing"))], &["sts_testing"]),
        (
            vec![("/strict/max_age", json!(3_600))],
            &["sts_max_age_short"],
        ),
        (broken("cert_expired"), &["sts_policy_host_certificate"]),
        (broken("syntax"), &["sts_policy_invalid"]),
        (broken("status"), &["sts_policy_unfetchable"]),
        (broken("redirect"), &["sts_policy_unfetchable"]),
        (broken("connect"), &[]),
        (
            vec![(
                "/strict",
                json!({"state": "invalid", "error": "syntax", "mode": null, "max_age": null}),
            )],
            &["sts_policy_lax"],
        ),
        (
            vec![("/covers/1/strict", json!(false))],
            &["sts_exchange_uncovered"],
        ),
    ];
    for (changes, expected) in cases {
        assert_eq!(of_policy(&[], &changes), expected, "{changes:?}");
    }
}

#[test]
fn mail_that_a_policy_loses_is_critical() {
    let (policy, sts): (Policy, Sts) = (with(good_policy(), &[]), with(good_sts(), &[]));
    let refused = [("mx1.a.test".to_owned(), Cause::CertificateExpired)];
    let lost = Delivery {
        fate: Fate::Refused,
        authority: None,
        exchange: None,
        cause: Some(Cause::CertificateExpired),
        varies: false,
        strip_wins: None,
        forge_wins: None,
        would_lose_mail: Some(true),
    };
    let view = PolicyView {
        policy: &policy,
        sts: Some(&sts),
        takes_mail: Some(true),
        has_dane: false,
        delivery: Some(lost),
        refused: &refused,
    };
    let found = policy_problems(&view);
    assert_eq!(words(&found), ["sts_would_lose_mail", "sts_exchange_fails"]);
    assert_eq!(found[0].severity, Severity::Critical);
}

#[test]
fn a_parked_domain_that_says_so_has_no_problem() {
    let parked = [
        ("/spf/ipv4_addresses", json!(0)),
        ("/dkim/state", json!("absent")),
        ("/dkim/keys", json!([])),
        ("/dmarc/receivers", json!([])),
        ("/mta_sts/state", json!("absent")),
        ("/tls_rpt/state", json!("absent")),
        ("/bimi/state", json!("absent")),
    ];
    let policy: Policy = with(good_policy(), &parked);
    let view = PolicyView {
        policy: &policy,
        sts: None,
        takes_mail: Some(false),
        has_dane: false,
        delivery: None,
        refused: &[],
    };
    assert_eq!(policy_problems(&view), []);
}
