//! Delivery by the sentences of the RFCs, cell for cell.

use super::*;

mod walks;

/// A server of today: TLS 1.3 with X25519MLKEM768, TLS 1.0 not spoken, a certificate that holds and names the exchange.
fn good() -> ServerView {
    ServerView {
        contact: ServerContact::Answers,
        advertised: Some(true),
        is_far: false,
        starttls: StarttlsAnswer::Accepted,
        tls: TlsView {
            today: Some(true),
            from12: Some(true),
            before12: Some(false),
            v13: Some(true),
            post_quantum: Some(true),
        },
        chain: ChainView::Valid,
        names_exchange: Some(true),
        names_pattern: Some(true),
        tlsa: TlsaMatch::Unknown,
        requiretls: Some(false),
    }
}

fn plain() -> ServerView {
    ServerView {
        advertised: Some(false),
        starttls: StarttlsAnswer::Refused,
        tls: TlsView::default(),
        chain: ChainView::Unknown,
        names_exchange: None,
        names_pattern: None,
        requiretls: None,
        ..good()
    }
}

fn silent(contact: ServerContact) -> ServerView {
    ServerView {
        contact,
        ..ServerView::default()
    }
}

fn exchange_at(preference: u16, servers: Vec<ServerView>) -> ExchangeView {
    ExchangeView {
        preference,
        covered: Some(true),
        covered_at_any_depth: Some(true),
        tlsa: TlsaView::None,
        is_void: false,
        servers,
    }
}

fn destination(sts: StsPolicy, exchanges: Vec<ExchangeView>) -> Destination {
    Destination {
        takes_mail: Some(true),
        mx_is_secure: Some(true),
        mx_is_bogus: false,
        has_null_mx: false,
        sts,
        exchanges,
    }
}

fn with_tlsa(tlsa: TlsaView, held: TlsaMatch, server: ServerView) -> ExchangeView {
    ExchangeView {
        tlsa,
        ..exchange_at(
            10,
            vec![ServerView {
                tlsa: held,
                ..server
            }],
        )
    }
}

fn cell(delivery: Delivery) -> String {
    let mut cell = delivery.fate.word().to_owned();
    if let Some(authority) = delivery.authority {
        cell = format!("{authority}");
    }
    if let Some(cause) = delivery.cause {
        cell = format!("{cell} {cause}");
    }
    if let Some(exchange @ 1..) = delivery.exchange {
        cell = format!("{cell} @{exchange}");
    }
    cell
}

struct Row {
    /// The world, and the sentence that decides it.
    world: &'static str,
    destination: Destination,
    /// By profile: opportunistic, dane, mta_sts, exchange, google, postfix before 3.10.5, postfix, 2014, 1.3, pq,
    /// requiretls. `=` repeats the cell before.
    expected: [&'static str; 11],
}

fn rows() -> Vec<Row> {
    use StsPolicy::{Absent, Enforce, Testing};
    let encrypted = "encrypted";
    let mut rows = vec![
        Row {
            world: "one good server, no policy: RFC 7435 §3, encryption where it is offered",
            destination: destination(Absent, vec![exchange_at(10, vec![good()])]),
            expected: [
                encrypted,
                "=",
                "=",
                "=",
                "=",
                "=",
                "=",
                "clear validation-failure",
                encrypted,
                "=",
                "refused requiretls_not_supported",
            ],
        },
        Row {
            world: "no STARTTLS, no policy: RFC 3207 §4.1, the client decides to go on in clear",
            destination: destination(Absent, vec![exchange_at(10, vec![plain()])]),
            expected: [
                "clear",
                "=",
                "=",
                "=",
                "=",
                "=",
                "=",
                "=",
                "=",
                "=",
                "refused starttls-not-supported",
            ],
        },
        Row {
            world: "no STARTTLS under enforce: RFC 8461 §5, MUST NOT deliver",
            destination: destination(Enforce, vec![exchange_at(10, vec![plain()])]),
            expected: [
                "clear",
                "=",
                "refused starttls-not-supported",
                "=",
                "=",
                "=",
                "=",
                "clear",
                "=",
                "=",
                "refused starttls-not-supported",
            ],
        },
        Row {
            world: "no STARTTLS under testing: RFC 8461 §5, delivered and reported",
            destination: destination(Testing, vec![exchange_at(10, vec![plain()])]),
            expected: [
                "clear",
                "=",
                "clear starttls-not-supported",
                "=",
                "=",
                "=",
                "=",
                "clear",
                "=",
                "=",
                "refused starttls-not-supported",
            ],
        },
        Row {
            world: "enforce, good server: RFC 8461 §4.2",
            destination: destination(Enforce, vec![exchange_at(10, vec![good()])]),
            expected: [
                encrypted,
                "=",
                "pkix",
                "=",
                "=",
                "=",
                "=",
                "clear validation-failure",
                encrypted,
                "=",
                "refused requiretls_not_supported",
            ],
        },
        Row {
            world: "enforce, REQUIRETLS inside: RFC 8689 §4.2.1",
            destination: destination(
                Enforce,
                vec![exchange_at(
                    10,
                    vec![ServerView {
                        requiretls: Some(true),
                        ..good()
                    }],
                )],
            ),
            expected: [
                encrypted,
                "=",
                "pkix",
                "=",
                "=",
                "=",
                "=",
                "clear validation-failure",
                encrypted,
                "=",
                "pkix",
            ],
        },
        Row {
            world: "enforce, a pattern of one label and an exchange two below: RFC 8461 §4.1; old Postfix takes it",
            destination: destination(
                Enforce,
                vec![ExchangeView {
                    covered: Some(false),
                    ..exchange_at(10, vec![good()])
                }],
            ),
            expected: [
                encrypted,
                "=",
                "refused validation-failure",
                "=",
                "=",
                "pkix",
                "=",
                "clear validation-failure",
                encrypted,
                "=",
                "refused validation-failure",
            ],
        },
        Row {
            world: "enforce, the first exchange uncovered, the second good: RFC 8461 §5, the next MX",
            destination: destination(
                Enforce,
                vec![
                    ExchangeView {
                        covered: Some(false),
                        covered_at_any_depth: Some(false),
                        ..exchange_at(10, vec![good()])
                    },
                    exchange_at(20, vec![good()]),
                ],
            ),
            expected: [
                encrypted,
                "=",
                "pkix validation-failure @1",
                "=",
                "=",
                "pkix",
                "pkix validation-failure @1",
                "clear validation-failure",
                encrypted,
                "=",
                "refused validation-failure",
            ],
        },
    ];
    for (world, chain, named, cause) in [
        (
            "expired",
            ChainView::Expired,
            Some(true),
            "certificate-expired",
        ),
        (
            "unknown issuer",
            ChainView::NotTrusted,
            Some(true),
            "certificate-not-trusted",
        ),
        (
            "another name",
            ChainView::Valid,
            Some(false),
            "certificate-host-mismatch",
        ),
    ] {
        let refused: &'static str = Box::leak(format!("refused {cause}").into_boxed_str());
        rows.push(Row {
            world,
            destination: destination(
                Enforce,
                vec![exchange_at(
                    10,
                    vec![ServerView {
                        chain,
                        names_exchange: named,
                        names_pattern: named,
                        ..good()
                    }],
                )],
            ),
            expected: [
                encrypted,
                "=",
                refused,
                "=",
                "=",
                "=",
                "=",
                "clear validation-failure",
                encrypted,
                "=",
                "refused requiretls_not_supported",
            ],
        });
    }
    let usable =
        |held, server| destination(Absent, vec![with_tlsa(TlsaView::Usable, held, server)]);
    for (world, destination, dane) in [
        (
            "TLSA holds: RFC 7672 §2.2",
            usable(TlsaMatch::Holds, good()),
            "dane",
        ),
        (
            "TLSA fails: RFC 7672 §2.2, no delivery by this server",
            usable(TlsaMatch::Fails(Cause::TlsaInvalid), good()),
            "refused tlsa-invalid",
        ),
        (
            "TLSA unusable: RFC 7672 §2.2, TLS without authentication",
            destination(
                Absent,
                vec![with_tlsa(TlsaView::Unusable, TlsaMatch::Unknown, good())],
            ),
            "encrypted tlsa-invalid",
        ),
        (
            "TLSA bogus: RFC 7672 §2.1.2, the host must not be used",
            destination(
                Absent,
                vec![with_tlsa(TlsaView::Failed, TlsaMatch::Unknown, good())],
            ),
            "refused dnssec-invalid",
        ),
        (
            "TLSA not asked: not known",
            destination(
                Absent,
                vec![with_tlsa(TlsaView::Unknown, TlsaMatch::Unknown, good())],
            ),
            "unknown",
        ),
    ] {
        let required = match dane {
            "dane" | "encrypted tlsa-invalid" => "refused requiretls_not_supported",
            "unknown" => "refused requiretls_not_supported",
            "refused tlsa-invalid" => "refused requiretls_not_supported",
            refused => refused,
        };
        rows.push(Row {
            world,
            destination,
            expected: [
                encrypted,
                dane,
                encrypted,
                dane,
                encrypted,
                "=",
                "=",
                "clear validation-failure",
                encrypted,
                "=",
                required,
            ],
        });
    }
    rows.push(Row {
        world: "TLSA fails at the first exchange, the second has none: Postfix goes on to it",
        destination: destination(
            Absent,
            vec![
                with_tlsa(
                    TlsaView::Usable,
                    TlsaMatch::Fails(Cause::TlsaInvalid),
                    good(),
                ),
                exchange_at(20, vec![good()]),
            ],
        ),
        expected: [
            encrypted,
            "encrypted tlsa-invalid @1",
            encrypted,
            "encrypted tlsa-invalid @1",
            encrypted,
            "=",
            "=",
            "clear validation-failure",
            encrypted,
            "=",
            "refused requiretls_not_supported",
        ],
    });
    rows
}

#[test]
fn every_cell_of_the_table_is_as_the_rfcs_say() {
    let mut cells = 0;
    let mut faults = Vec::new();
    for row in rows() {
        let mut before = "";
        for (profile, expected) in PROFILES.iter().zip(row.expected) {
            let expected = if expected == "=" { before } else { expected };
            before = expected;
            let seen = cell(deliver(&row.destination, profile));
            cells += 1;
            if seen != expected {
                faults.push(format!(
                    "{}: {}: {seen}, not {expected}",
                    row.world, profile.word
                ));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(cells >= 120, "{cells} cells");
}

#[test]
fn a_failed_handshake_goes_to_the_next_exchange_first_and_is_clear_only_without_one() {
    let broken = ServerView {
        tls: TlsView {
            today: Some(false),
            ..TlsView::default()
        },
        ..good()
    };
    let two = destination(
        StsPolicy::Absent,
        vec![
            exchange_at(10, vec![broken.clone()]),
            exchange_at(20, vec![good()]),
        ],
    );
    assert_eq!(cell(deliver(&two, &PROFILES[0])), "encrypted @1");
    let one = destination(StsPolicy::Absent, vec![exchange_at(10, vec![broken])]);
    assert_eq!(
        cell(deliver(&one, &PROFILES[0])),
        "clear validation-failure"
    );
    let reset = ServerView {
        starttls: StarttlsAnswer::Broken,
        ..good()
    };
    let reset = destination(StsPolicy::Absent, vec![exchange_at(10, vec![reset])]);
    assert_eq!(
        cell(deliver(&reset, &PROFILES[0])),
        "refused validation-failure"
    );
}

#[test]
fn what_did_not_answer_is_passed_over_and_alone_it_is_unknown() {
    for (contact, alone) in [
        (ServerContact::NotAsked, "unknown"),
        (ServerContact::OutOfReach, "unknown server_silent"),
        (ServerContact::Silent, "unknown server_silent"),
        (ServerContact::Defers, "unknown server_defers"),
        (ServerContact::Rejects, "refused server_rejects"),
        (ServerContact::RejectsHello, "refused server_rejects"),
    ] {
        let one = destination(
            StsPolicy::Absent,
            vec![exchange_at(10, vec![silent(contact)])],
        );
        assert_eq!(cell(deliver(&one, &PROFILES[0])), alone, "{contact:?}");
        let two = destination(
            StsPolicy::Absent,
            vec![
                exchange_at(10, vec![silent(contact)]),
                exchange_at(20, vec![good()]),
            ],
        );
        let delivery = deliver(&two, &PROFILES[0]);
        match contact {
            ServerContact::RejectsHello => assert_eq!(delivery.fate, Fate::Refused),
            ServerContact::NotAsked => assert_eq!(delivery.fate, Fate::Unknown),
            _ => assert_eq!(
                (delivery.fate, delivery.exchange),
                (Fate::Encrypted, Some(1))
            ),
        }
    }
}

#[test]
fn the_least_protected_of_one_preference_decides_and_clear_is_known_beside_the_unknown() {
    let open = ServerView {
        tls: TlsView::default(),
        ..good()
    };
    let both = |left: ServerView, right: ServerView| {
        let world = destination(
            StsPolicy::Absent,
            vec![exchange_at(10, vec![left]), exchange_at(10, vec![right])],
        );
        deliver(&world, &PROFILES[0])
    };
    assert_eq!(both(good(), plain()).fate, Fate::Clear);
    assert!(both(good(), plain()).varies);
    assert!(!both(good(), good()).varies);
    assert_eq!(both(good(), open.clone()).fate, Fate::Unknown);
    assert_eq!(both(plain(), open).fate, Fate::Clear);
}

#[test]
fn attackers_win_against_those_who_ask_for_nothing() {
    let world = destination(StsPolicy::Enforce, vec![exchange_at(10, vec![good()])]);
    let opportunistic = deliver(&world, &PROFILES[0]);
    assert_eq!(
        (opportunistic.strip_wins, opportunistic.forge_wins),
        (Some(true), Some(true))
    );
    let heeding = deliver(&world, &PROFILES[2]);
    assert_eq!(
        (heeding.strip_wins, heeding.forge_wins),
        (Some(false), Some(false))
    );
    let mut unsigned = destination(
        StsPolicy::Absent,
        vec![with_tlsa(TlsaView::Usable, TlsaMatch::Holds, good())],
    );
    assert_eq!(deliver(&unsigned, &PROFILES[1]).forge_wins, Some(false));
    unsigned.mx_is_secure = Some(false);
    let delivery = deliver(&unsigned, &PROFILES[1]);
    assert_eq!(
        (delivery.strip_wins, delivery.forge_wins),
        (Some(false), Some(true)),
        "the exchange itself can be forged (RFC 7672 §2.2.1)"
    );
}

#[test]
fn mail_is_lost_only_where_every_server_is_known_to_refuse() {
    let uncovered = |contact| {
        destination(
            StsPolicy::Enforce,
            vec![
                ExchangeView {
                    covered: Some(false),
                    ..exchange_at(10, vec![good()])
                },
                exchange_at(20, vec![silent(contact)]),
            ],
        )
    };
    let sts = &PROFILES[2];
    let open = deliver(&uncovered(ServerContact::Silent), sts);
    assert_eq!((open.fate, open.would_lose_mail), (Fate::Refused, None));
    let known = deliver(&uncovered(ServerContact::Rejects), sts);
    assert_eq!(
        (known.fate, known.would_lose_mail),
        (Fate::Refused, Some(true))
    );
}

#[test]
fn profiles_keep_their_ids() {
    for (position, profile) in PROFILES.iter().enumerate() {
        assert_eq!(usize::from(profile.id), position + 1);
        assert_eq!(
            Profile::from_word(profile.word).map(|found| found.id),
            Some(profile.id)
        );
    }
}
