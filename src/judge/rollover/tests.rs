//! Sets of TLSA records during a change of key, with the sentence of the RFC that each case stands on.

use super::*;

/// Records by name, as `kind data`: the data is the letter of the key or certificate that it names.
fn record(text: &str) -> PublishedRecord {
    let parts: Vec<&str> = text.split(' ').collect();
    let number = |at: usize| parts[at].parse::<u8>().unwrap();
    PublishedRecord {
        parameters: (number(0), number(1), number(2)),
        data: parts[3].to_owned(),
        is_usable: matches!(number(0), 2 | 3),
    }
}

/// A server: its address, and the certificates it sends, each `kind:names`, whose names are the letters of what its chain has.
fn server(text: &str, records: &[PublishedRecord], is_whole: bool) -> ServerKeys {
    let (address, sent) = text.split_once(' ').unwrap_or((text, ""));
    let sent = sent.split_whitespace().map(|it| {
        let (key, chain) = it.split_once(':').unwrap();
        let named = |record: &PublishedRecord| {
            // What authority a second certificate has is not recorded.
            if chain.contains('?') && record.parameters.0 == 2 {
                return None;
            }
            Some(chain.contains(record.data.as_str()))
        };
        SentCertificate {
            key: LeafKey::from_word(key),
            named: records.iter().map(named).collect(),
        }
    });
    ServerKeys {
        address: address.to_owned(),
        sent: sent.collect(),
        is_whole,
    }
}

struct Case {
    about: &'static str,
    records: &'static [&'static str],
    servers: &'static [&'static str],
    /// Whether each server was asked for every kind of key.
    is_whole: bool,
    rollover: Rollover,
    problems: &'static [&'static str],
}

const CASES: &[Case] = &[
    Case {
        about: "one record, one key: nothing under way",
        records: &["3 1 1 a"],
        servers: &["192.0.2.1 ec:a"],
        is_whole: true,
        rollover: Rollover::None,
        problems: &[],
    },
    Case {
        about: "§8.1: records of the current key \"are first augmented with corresponding records matching the future keys\"",
        records: &["3 1 1 a", "3 1 1 b"],
        servers: &["192.0.2.1 ec:a", "2001:db8::1 ec:a"],
        is_whole: true,
        rollover: Rollover::SpareUnseen,
        problems: &["notice tlsa_record_unmatched 3 1 1 b"],
    },
    Case {
        about: "the same where the other kind of key was not asked for: the spare may be that of an RSA certificate",
        records: &["3 1 1 a", "3 1 1 b"],
        servers: &["192.0.2.1 ec:a"],
        is_whole: false,
        rollover: Rollover::Unknown,
        problems: &[],
    },
    Case {
        about: "the same where one address was not reached",
        records: &["3 1 1 a", "3 1 1 b"],
        servers: &["192.0.2.1 ec:a", "2001:db8::1"],
        is_whole: true,
        rollover: Rollover::Unknown,
        problems: &[],
    },
    Case {
        about: "RSA and ECDSA side by side, a record for each: two live keys are no change of key",
        records: &["3 1 1 a", "3 1 1 b"],
        servers: &["192.0.2.1 ec:a rsa:b", "2001:db8::1 ec:a rsa:b"],
        is_whole: true,
        rollover: Rollover::DualKey,
        problems: &[],
    },
    Case {
        about: "§8: the set must match \"each\" chain of the server; here the RSA certificate has no record",
        records: &["3 1 1 a"],
        servers: &["192.0.2.1 ec:a rsa:b"],
        is_whole: true,
        rollover: Rollover::None,
        problems: &["serious tlsa_covers_one_key 192.0.2.1: rsa"],
    },
    Case {
        about: "§5.2: an anchor above the second certificate is not recorded, so that nothing is known of it",
        records: &["2 1 1 c", "3 1 1 a"],
        servers: &["192.0.2.1 ec:ac rsa:?b"],
        is_whole: true,
        rollover: Rollover::TaPlusEe,
        problems: &[],
    },
    Case {
        about: "one family before the change, the other behind it, and a record for each: both live",
        records: &["3 1 1 a", "3 1 1 b"],
        servers: &["192.0.2.1 ec:a", "2001:db8::1 ec:b"],
        is_whole: true,
        rollover: Rollover::DualKey,
        problems: &[],
    },
    Case {
        about: "DANE-TA beside DANE-EE, both of what is sent: no change of key",
        records: &["2 1 1 c", "3 1 1 a"],
        servers: &["192.0.2.1 ec:ac"],
        is_whole: true,
        rollover: Rollover::TaPlusEe,
        problems: &[],
    },
    Case {
        about: "§8: for each combination of parameters one record corresponds to the current chain; 3 1 1 has none",
        records: &["2 1 1 c", "3 1 1 b"],
        servers: &["192.0.2.1 ec:ac"],
        is_whole: true,
        rollover: Rollover::SpareUnseen,
        problems: &["notice tlsa_kind_unmatched 3 1 1 b"],
    },
    Case {
        about: "§9: a client takes the strongest digest of a usage and selector alone, and finds the old key under SHA-512",
        records: &["3 1 1 a", "3 1 2 b"],
        servers: &["192.0.2.1 ec:a"],
        is_whole: true,
        rollover: Rollover::SpareUnseen,
        problems: &["critical tlsa_kind_unmatched 3 1 2 b"],
    },
    Case {
        about: "§9 the other way round: the strongest digest holds, and SHA-256 alone is old",
        records: &["3 1 2 a", "3 1 1 b"],
        servers: &["192.0.2.1 ec:a"],
        is_whole: true,
        rollover: Rollover::SpareUnseen,
        problems: &["notice tlsa_kind_unmatched 3 1 1 b"],
    },
    Case {
        about: "a kind that does not hold is known without knowing the server's other certificate",
        records: &["3 1 1 a", "3 1 2 b"],
        servers: &["192.0.2.1 ec:a"],
        is_whole: false,
        rollover: Rollover::Unknown,
        problems: &["critical tlsa_kind_unmatched 3 1 2 b"],
    },
    Case {
        about: "a record listed twice is one, and one that cannot be used is none (RFC 7672 §3.1.3)",
        records: &["3 1 1 a", "3 1 1 a", "1 1 1 b"],
        servers: &["192.0.2.1 ec:a"],
        is_whole: true,
        rollover: Rollover::None,
        problems: &[],
    },
    Case {
        about: "§8.1, too early: the new key is sent and its record is not there; that is a mismatch, told of the server",
        records: &["3 1 1 a"],
        servers: &["192.0.2.1 ec:b"],
        is_whole: true,
        rollover: Rollover::SpareUnseen,
        problems: &[],
    },
    Case {
        about: "nothing was reached: nothing is known",
        records: &["3 1 1 a", "3 1 2 b"],
        servers: &["192.0.2.1"],
        is_whole: true,
        rollover: Rollover::Unknown,
        problems: &[],
    },
    Case {
        about: "no usable record: that is told of the exchange",
        records: &["1 1 1 a"],
        servers: &["192.0.2.1 ec:a"],
        is_whole: true,
        rollover: Rollover::Unknown,
        problems: &[],
    },
];

fn coverage(case: &Case) -> TlsaCoverage {
    let records: Vec<PublishedRecord> = case.records.iter().map(|text| record(text)).collect();
    let servers = case.servers.iter();
    TlsaCoverage {
        servers: servers
            .map(|text| server(text, &records, case.is_whole))
            .collect(),
        records,
        is_open: false,
    }
}

fn told(coverage: &TlsaCoverage) -> Vec<String> {
    let problems = coverage.problems();
    let told = problems.iter().map(|problem| {
        let detail = problem.detail.as_deref().unwrap_or_default();
        format!("{} {} {detail}", problem.severity, problem.code)
    });
    told.collect()
}

#[test]
fn a_set_stands_where_the_rfc_says() {
    for case in CASES {
        let coverage = coverage(case);
        assert_eq!(coverage.rollover(), case.rollover, "{}", case.about);
        assert_eq!(told(&coverage), case.problems, "{}", case.about);
    }
}

#[test]
fn addresses_that_may_exist_leave_a_spare_record_open() {
    let mut coverage = coverage(&CASES[1]);
    coverage.is_open = true;
    assert_eq!(coverage.rollover(), Rollover::Unknown);
    assert_eq!(told(&coverage), [""; 0]);
}

#[test]
fn neither_the_order_of_records_nor_that_of_servers_decides() {
    for case in CASES {
        let mut turned = coverage(case);
        turned.records.reverse();
        turned.servers.reverse();
        for server in &mut turned.servers {
            server.sent.iter_mut().for_each(|it| it.named.reverse());
        }
        assert_eq!(turned.rollover(), case.rollover, "{}", case.about);
        let (mut told, mut expected) = (told(&turned), case.problems.to_vec());
        told.sort();
        expected.sort_unstable();
        assert_eq!(told, expected, "{}", case.about);
    }
}

#[test]
fn long_data_is_told_by_its_beginning() {
    let data = "0123456789abcdef".repeat(4);
    assert_eq!(
        record(&format!("3 1 1 {data}")).shown(),
        "3 1 1 0123456789abcdef…"
    );
}
