//! What a sender meets on its way through the exchanges: mixed servers, policies that contradict each other, facts that
//! were not learned. Each row has the sentence that decides it.

use super::*;

/// By profile: opportunistic, dane, mta_sts, exchange, requiretls.
struct Way {
    sentence: &'static str,
    destination: Destination,
    expected: [&'static str; 5],
}

const WORDS: [&str; 5] = ["opportunistic", "dane", "mta_sts", "exchange", "requiretls"];

fn way(sentence: &'static str, destination: Destination, expected: [&'static str; 5]) -> Way {
    Way {
        sentence,
        destination,
        expected,
    }
}

fn refusing() -> ServerView {
    ServerView {
        starttls: StarttlsAnswer::Refused,
        tls: TlsView::default(),
        ..good()
    }
}

fn requiring_tls() -> ServerView {
    ServerView {
        requiretls: Some(true),
        ..good()
    }
}

fn broken() -> ServerView {
    ServerView {
        tls: TlsView {
            today: Some(false),
            ..TlsView::default()
        },
        chain: ChainView::Unknown,
        ..good()
    }
}

fn void(preference: u16) -> ExchangeView {
    ExchangeView {
        is_void: true,
        ..exchange_at(preference, vec![])
    }
}

fn uncovered(preference: u16, server: ServerView) -> ExchangeView {
    ExchangeView {
        covered: Some(false),
        covered_at_any_depth: Some(false),
        ..exchange_at(preference, vec![server])
    }
}

fn dns_ways() -> Vec<Way> {
    use StsPolicy::{Absent, Enforce};
    let nothing = || Destination {
        takes_mail: None,
        ..destination(Absent, vec![])
    };
    let unknown = "unknown";
    vec![
        way(
            "RFC 7505 §3: a null MX takes no mail, whatever else there is",
            Destination {
                takes_mail: Some(false),
                ..destination(Enforce, vec![])
            },
            ["no_mail"; 5],
        ),
        way(
            "RFC 7672 §2.1: whoever validates gets no exchange out of a bogus answer; others were not looked at",
            Destination {
                mx_is_bogus: true,
                ..nothing()
            },
            [
                unknown,
                "refused dnssec-invalid",
                unknown,
                "refused dnssec-invalid",
                "refused dnssec-invalid",
            ],
        ),
        way(
            "a question that failed says nothing",
            nothing(),
            [unknown; 5],
        ),
        way(
            "an exchange whose addresses were not learned",
            destination(Absent, vec![exchange_at(10, vec![])]),
            [unknown; 5],
        ),
        way(
            "RFC 5321 §5.1: no exchange can be used, and an error is reported",
            destination(Absent, vec![void(10), void(20)]),
            ["refused no_address"; 5],
        ),
        way(
            "one has no address, the other does not answer now",
            destination(
                Absent,
                vec![
                    void(10),
                    exchange_at(20, vec![silent(ServerContact::Silent)]),
                ],
            ),
            ["unknown server_silent"; 5],
        ),
        way(
            "RFC 7505 §3 forbids a null MX beside others: Postfix bounces, of the rest nothing is known",
            Destination {
                has_null_mx: true,
                ..destination(Absent, vec![exchange_at(10, vec![good()])])
            },
            [
                "refused null_mx",
                "refused null_mx",
                "unknown null_mx",
                "unknown null_mx",
                "unknown null_mx",
            ],
        ),
        way(
            "Postfix reads 2,048 octets of the reply to EHLO, and STARTTLS stands behind them",
            destination(
                Absent,
                vec![exchange_at(
                    10,
                    vec![ServerView {
                        is_far: true,
                        ..good()
                    }],
                )],
            ),
            [
                "clear",
                "clear",
                "encrypted",
                "encrypted",
                "refused requiretls_not_supported",
            ],
        ),
        way(
            "RFC 5321 §5.1: an exchange without an address is passed over",
            destination(
                Absent,
                vec![exchange_at(10, vec![]), exchange_at(20, vec![good()])],
            ),
            [
                "encrypted @1",
                "encrypted @1",
                "encrypted @1",
                "encrypted @1",
                "refused requiretls_not_supported",
            ],
        ),
        way(
            "an address that nobody asked: a better exchange than the one that is known",
            destination(
                Absent,
                vec![
                    exchange_at(10, vec![silent(ServerContact::NotAsked)]),
                    exchange_at(20, vec![plain()]),
                ],
            ),
            [unknown; 5],
        ),
        way(
            "one of two addresses was not asked: nothing is less than clear, so clear is known",
            destination(
                Absent,
                vec![exchange_at(
                    10,
                    vec![silent(ServerContact::NotAsked), plain()],
                )],
            ),
            ["clear", "clear", "clear", "clear", unknown],
        ),
        way(
            "one of two addresses was not asked, the other is encrypted",
            destination(
                Absent,
                vec![exchange_at(
                    10,
                    vec![silent(ServerContact::NotAsked), good()],
                )],
            ),
            [unknown; 5],
        ),
    ]
}

fn server_ways() -> Vec<Way> {
    use StsPolicy::Absent;
    let refused = "refused requiretls_not_supported";
    vec![
        way(
            "RFC 5321 §4.2.1: 421 at the first exchange, the second takes it",
            destination(
                Absent,
                vec![
                    exchange_at(10, vec![silent(ServerContact::Defers)]),
                    exchange_at(20, vec![good()]),
                ],
            ),
            [
                "encrypted @1",
                "encrypted @1",
                "encrypted @1",
                "encrypted @1",
                refused,
            ],
        ),
        way(
            "RFC 3207 §4: 454 to STARTTLS; without a policy in clear at once, though the second would encrypt",
            destination(
                Absent,
                vec![
                    exchange_at(10, vec![refusing()]),
                    exchange_at(20, vec![good()]),
                ],
            ),
            ["clear", "clear", "clear", "clear", refused],
        ),
        way(
            "RFC 5321 §5.1: of one preference any may be taken, and the least protected decides",
            destination(
                Absent,
                vec![
                    exchange_at(10, vec![good()]),
                    exchange_at(10, vec![plain()]),
                ],
            ),
            ["clear @1", "clear @1", "clear @1", "clear @1", refused],
        ),
        way(
            "a handshake that fails: the next exchange first, and that is clear",
            destination(
                Absent,
                vec![
                    exchange_at(10, vec![broken()]),
                    exchange_at(20, vec![plain()]),
                ],
            ),
            ["clear @1", "clear @1", "clear @1", "clear @1", refused],
        ),
        way(
            "both handshakes fail: in clear in the end, to the first",
            destination(
                Absent,
                vec![
                    exchange_at(10, vec![broken()]),
                    exchange_at(20, vec![broken()]),
                ],
            ),
            [
                "clear validation-failure",
                "clear validation-failure",
                "clear validation-failure",
                "clear validation-failure",
                refused,
            ],
        ),
        way(
            "RFC 5321 §3.1: 554 at the first, the second takes it",
            destination(
                Absent,
                vec![
                    exchange_at(10, vec![silent(ServerContact::Rejects)]),
                    exchange_at(20, vec![good()]),
                ],
            ),
            [
                "encrypted server_rejects @1",
                "encrypted server_rejects @1",
                "encrypted server_rejects @1",
                "encrypted server_rejects @1",
                "refused server_rejects",
            ],
        ),
    ]
}

fn dane_ways() -> Vec<Way> {
    use StsPolicy::{Absent, Enforce, Unknown};
    let fails = TlsaMatch::Fails(Cause::TlsaInvalid);
    let held = |server| with_tlsa(TlsaView::Usable, TlsaMatch::Holds, server);
    let unsigned = |destination| Destination {
        mx_is_secure: Some(false),
        ..destination
    };
    let no_tls = "refused starttls-not-supported";
    vec![
        way(
            "RFC 7672 §2.2: usable records demand TLS, and a server without STARTTLS gets nothing",
            destination(
                Absent,
                vec![with_tlsa(TlsaView::Usable, TlsaMatch::Unknown, plain())],
            ),
            ["clear", no_tls, "clear", no_tls, no_tls],
        ),
        way(
            "RFC 7672 §2.2: records demand TLS also where STARTTLS is refused with 454",
            destination(
                Absent,
                vec![with_tlsa(TlsaView::Usable, TlsaMatch::Unknown, refusing())],
            ),
            [
                "clear",
                no_tls,
                "clear",
                no_tls,
                "refused requiretls_not_supported",
            ],
        ),
        way(
            "RFC 7672 §2.2: records of usage 0 or 1 alone demand TLS and authenticate nobody",
            destination(
                Absent,
                vec![with_tlsa(TlsaView::Unusable, TlsaMatch::Unknown, plain())],
            ),
            ["clear", no_tls, "clear", no_tls, no_tls],
        ),
        way(
            "RFC 8461 §2: a failing DANE is not overridden by MTA-STS",
            destination(Enforce, vec![with_tlsa(TlsaView::Usable, fails, good())]),
            [
                "encrypted",
                "refused tlsa-invalid",
                "pkix",
                "refused tlsa-invalid",
                "refused requiretls_not_supported",
            ],
        ),
        way(
            "RFC 8461 §2: a failing MTA-STS is not asked where DANE holds",
            destination(
                Enforce,
                vec![held(ServerView {
                    chain: ChainView::NotTrusted,
                    ..good()
                })],
            ),
            [
                "encrypted",
                "dane",
                "refused certificate-not-trusted",
                "dane",
                "refused requiretls_not_supported",
            ],
        ),
        way(
            "RFC 7672 §2.2 with RFC 8461 §5: records that are not usable leave authentication to MTA-STS",
            destination(
                Enforce,
                vec![with_tlsa(TlsaView::Unusable, TlsaMatch::Unknown, good())],
            ),
            [
                "encrypted",
                "encrypted tlsa-invalid",
                "pkix",
                "pkix",
                "refused requiretls_not_supported",
            ],
        ),
        way(
            "the same where the policy was not learned",
            destination(
                Unknown,
                vec![with_tlsa(TlsaView::Unusable, TlsaMatch::Unknown, good())],
            ),
            [
                "encrypted",
                "encrypted tlsa-invalid",
                "unknown",
                "unknown",
                "refused requiretls_not_supported",
            ],
        ),
        way(
            "RFC 7672 §2.1.2: an exchange whose records are bogus is not used; the next one, without records, is",
            destination(
                Absent,
                vec![
                    with_tlsa(TlsaView::Failed, TlsaMatch::Unknown, good()),
                    exchange_at(20, vec![good()]),
                ],
            ),
            [
                "encrypted",
                "encrypted dnssec-invalid @1",
                "encrypted",
                "encrypted dnssec-invalid @1",
                "refused dnssec-invalid",
            ],
        ),
        way(
            "RFC 8689 §4.2.1: REQUIRETLS over DANE wants a signed MX",
            destination(Absent, vec![held(requiring_tls())]),
            ["encrypted", "dane", "encrypted", "dane", "dane"],
        ),
        way(
            "the same of an unsigned MX, which DANE itself puts up with (RFC 7672 §2.2.1)",
            unsigned(destination(Absent, vec![held(requiring_tls())])),
            [
                "encrypted",
                "dane",
                "encrypted",
                "dane",
                "refused dnssec-invalid",
            ],
        ),
    ]
}

fn policy_ways() -> Vec<Way> {
    use StsPolicy::{Enforce, Off, Testing, Unusable};
    let old = ServerView {
        tls: TlsView {
            from12: Some(false),
            before12: Some(true),
            v13: Some(false),
            post_quantum: Some(false),
            today: Some(true),
        },
        ..good()
    };
    let refused = "refused requiretls_not_supported";
    let failure = "refused validation-failure";
    vec![
        way(
            "RFC 8461 §4.1: no exchange is covered, all mail is refused",
            destination(Enforce, vec![uncovered(10, good()), uncovered(20, good())]),
            ["encrypted", "encrypted", failure, failure, failure],
        ),
        way(
            "RFC 8461 §4.1: the covered exchange takes it, by whatever preference",
            destination(
                Enforce,
                vec![uncovered(10, good()), exchange_at(20, vec![good()])],
            ),
            [
                "encrypted",
                "encrypted",
                "pkix validation-failure @1",
                "pkix validation-failure @1",
                failure,
            ],
        ),
        way(
            "RFC 8461 §5: mode testing delivers what it would have refused, and reports it",
            destination(Testing, vec![uncovered(10, plain())]),
            [
                "clear",
                "clear",
                "clear validation-failure",
                "clear validation-failure",
                "refused starttls-not-supported",
            ],
        ),
        way(
            "RFC 8461 §5: mode none asks for nothing",
            destination(Off, vec![exchange_at(10, vec![plain()])]),
            [
                "clear",
                "clear",
                "clear",
                "clear",
                "refused starttls-not-supported",
            ],
        ),
        way(
            "RFC 8461 §3.3: a policy that cannot be had is no policy, to a sender without an earlier copy",
            destination(
                Unusable(Cause::StsWebpkiInvalid),
                vec![exchange_at(10, vec![good()])],
            ),
            [
                "encrypted",
                "encrypted",
                "encrypted sts-webpki-invalid",
                "encrypted sts-webpki-invalid",
                refused,
            ],
        ),
        way(
            "RFC 8461 §4.2: nothing under TLS 1.2 will do",
            destination(Enforce, vec![exchange_at(10, vec![old])]),
            ["encrypted", "encrypted", failure, failure, refused],
        ),
        way(
            "RFC 8461 §4.2: a chain that was not judged leaves it open",
            destination(
                Enforce,
                vec![exchange_at(
                    10,
                    vec![ServerView {
                        chain: ChainView::Unknown,
                        ..good()
                    }],
                )],
            ),
            ["encrypted", "encrypted", "unknown", "unknown", refused],
        ),
    ]
}

#[test]
fn every_way_ends_as_its_sentence_says() {
    let ways: Vec<Way> = [dns_ways(), server_ways(), dane_ways(), policy_ways()]
        .into_iter()
        .flatten()
        .collect();
    let mut faults = Vec::new();
    for way in &ways {
        for (word, expected) in WORDS.iter().zip(way.expected) {
            let profile = Profile::from_word(word).expect("a profile");
            let seen = cell(deliver(&way.destination, profile));
            if seen != expected {
                faults.push(format!("{}: {word}: {seen}, not {expected}", way.sentence));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(ways.len() > 25, "{}", ways.len());
}
