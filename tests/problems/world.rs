//! The world with one domain for every problem, through the whole pipe: each has exactly its own, and mended none.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use mx_survey::judge::problem::ProblemCode;
use mx_survey::lab::generate::problems::cases;
use serde_json::Value;

use crate::harness::{Ran, shell};

/// Surveys a world of the directory into a database of the same name.
fn survey(directory: &Path, world: &str) -> Ran {
    let script = format!(
        "mail-lab --port 0 --dns-port 0 {world}.ndjson -- bash -o pipefail -c '
            mx-lookup --quiet --tlsa --nameserver $MAIL_LAB_DNS < domains.csv |
            policy-lookup --quiet --nameserver $MAIL_LAB_DNS --selectors selectors |
            policy-fetch --quiet --without-record --nameserver $MAIL_LAB_DNS --port $MAIL_LAB_PORT \
                --roots lab=$MAIL_LAB_ROOTS --allow 127.0.0.0/8 |
            smtp-probe --quiet --tls --enumerate versions,ciphers --port $MAIL_LAB_PORT --allow 127.0.0.0/8 \
                --helo probe.example.org --roots lab=$MAIL_LAB_ROOTS --spacing 0 --retries 0 |
            to-sqlite --quiet {world}.db' && report {world}.db -t problems -f json"
    );
    shell(&script, directory).expect(0)
}

/// The codes that a report finds, by domain.
fn found(report: &Ran) -> BTreeMap<String, BTreeSet<String>> {
    let report: Value = serde_json::from_str(&report.stdout).unwrap();
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in report["tables"][0]["rows"].as_array().unwrap() {
        let text = |field: &str| row[field].as_str().unwrap().to_owned();
        found
            .entry(text("domain"))
            .or_default()
            .insert(text("code"));
    }
    found
}

#[test]
fn every_domain_has_exactly_its_problem_and_mended_none() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let made = "mail-lab --generate problems --out . && echo default > selectors";
    shell(made, directory).expect(0);

    let mut seen = found(&survey(directory, "world"));
    let mut faults = Vec::new();
    for case in cases() {
        let expected: BTreeSet<String> = case.codes().into_iter().map(str::to_owned).collect();
        let seen = seen.remove(&case.domain()).unwrap_or_default();
        if seen != expected {
            faults.push(format!("{}: {seen:?}, not {expected:?}", case.domain()));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(seen.is_empty(), "domains that nobody asked for: {seen:?}");
    assert_eq!(cases().len(), ProblemCode::ALL.len());

    // Where the TLSA records stand in a change of key, on the card.
    for (domain, expected) in [
        ("tlsa-record-unmatched.test", "spare_unseen"),
        ("tlsa-covers-one-key.test", "none"),
        ("tlsa-covers-some-addresses.test", "none"),
        ("tlsa-mismatch.test", "spare_unseen"),
    ] {
        let asked = format!("report world.db --explain {domain} -f json");
        let card: Value = serde_json::from_str(&shell(&asked, directory).expect(0).stdout).unwrap();
        assert_eq!(card["exchanges"][0]["rollover"], expected, "{domain}");
    }

    let mended = found(&survey(directory, "mended"));
    assert!(mended.is_empty(), "{mended:#?}");
}

#[test]
fn certificates_are_told_of_as_long_before_their_end_as_is_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    shell(
        "mail-lab --generate problems --out . && echo default > selectors",
        directory,
    )
    .expect(0);
    std::fs::write(
        directory.join("domains.csv"),
        "1,certificate-expires-soon.test\n",
    )
    .unwrap();
    let codes = |ran: &Ran| -> Vec<String> { found(ran).into_values().flatten().collect() };
    assert_eq!(
        codes(&survey(directory, "world")),
        ["certificate_expires_soon"]
    );
    // It ends in a week; what is in the database is judged again.
    let again = |days: u32| {
        let script = format!(
            "to-sqlite --quiet --expiry-days {days} world.db < /dev/null && report world.db -t problems -f json"
        );
        codes(&shell(&script, directory).expect(0))
    };
    assert_eq!(again(5), Vec::<String>::new());
    assert_eq!(again(7), ["certificate_expires_soon"]);
    assert_eq!(again(30), ["certificate_expires_soon"]);
}
