//! Random worlds give back their own truth: every fact of every domain, and the sums of the report.

use std::collections::HashMap;

use serde_json::Value;

use super::harness::{run, shell};

#[test]
fn three_random_worlds_give_back_their_truth() {
    for (seed, domains) in [(11, 150), (12, 260), (13, 400)] {
        gives_back_its_truth(seed, domains);
    }
}

fn gives_back_its_truth(seed: u32, domains: u32) {
    let directory = tempfile::tempdir().unwrap();
    let script = format!(
        "mail-lab --generate random --seed {seed} --domains {domains} --shorten 1 --out .
        leak-count --quiet --source adobe adobe.txt > adobe.ndjson
        mail-lab --port 0 --dns-port 0 world.ndjson -- bash -o pipefail -c '
            mx-lookup --source rank --nameserver $MAIL_LAB_DNS < domains.csv |
            smtp-probe --port $MAIL_LAB_PORT --allow 127.0.0.0/8 --helo probe.example.org \
                --spacing 100ms --retries 1 --retry-after 1s --banner-timeout 15s |
            tls-inspect --allow 127.0.0.0/8 --helo probe.example.org --roots lab=$MAIL_LAB_ROOTS \
                --spacing 100ms --retries 1 --retry-after 1s > out.ndjson'
        cat out.ndjson adobe.ndjson | to-sqlite --quiet out.db"
    );
    shell(&script, directory.path()).expect(0);

    let truth = records(&directory.path().join("truth.ndjson"));
    assert_eq!(truth.len(), domains as usize);
    let mut seen: HashMap<(String, String), Value> = HashMap::new();
    for record in records(&directory.path().join("out.ndjson")) {
        let kind = record["type"].as_str().unwrap().to_owned();
        let key = match kind.as_str() {
            "domain" => &record["domain"],
            "smtp" | "tls" => &record["ip"],
            _ => continue,
        };
        let key = key.as_str().unwrap().to_owned();
        assert!(
            seen.insert((kind, key), record).is_none(),
            "a subject twice"
        );
    }
    let record =
        |kind: &str, key: &str| seen.get(&(kind.into(), key.into())).unwrap_or(&Value::Null);
    let mut sums = Sums::default();
    for fact in &truth {
        let name = fact["domain"].as_str().unwrap();
        let domain = record("domain", name);
        let reason = domain["outcome"]["reason"].as_str().unwrap();
        let takes_mail = match reason {
            "ok" => Some(true),
            "null_mx" | "nxdomain" | "no_address" => Some(false),
            _ => None,
        };
        assert_eq!(takes_mail, fact["mail"].as_bool(), "{fact}\n{domain}");
        sums.add(fact);
        // All servers of a domain behave alike in these worlds, and each is asked.
        for address in domain["mx"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|mx| mx["addresses"].as_array().unwrap())
        {
            let ip = address["ip"].as_str().unwrap();
            let (smtp, tls) = (record("smtp", ip), record("tls", ip));
            let context = || format!("seed {seed}\n{fact}\n{smtp}\n{tls}");
            assert!(smtp.is_object(), "{}", context());
            assert_eq!(smtp["esmtp"], fact["esmtp"], "{}", context());
            assert_eq!(
                smtp["starttls"]["advertised"],
                fact["advertised"],
                "{}",
                context()
            );
            assert_eq!(
                smtp["starttls"]["accepted"],
                fact["accepted"],
                "{}",
                context()
            );
            assert_eq!(tls.is_object(), fact["accepted"] == true, "{}", context());
            assert_eq!(
                tls["completed"] == true,
                fact["completed"] == true,
                "{}",
                context()
            );
            assert_eq!(tls["verdicts"][0]["valid"], fact["valid"], "{}", context());
        }
    }
    let report = run(
        "report",
        &[
            directory.path().join("out.db").to_str().unwrap(),
            "--table",
            "overview",
            "--format",
            "ndjson",
        ],
        "",
    );
    for row in report.expect(0).records() {
        let (weight, measure) = (
            row["weight"].as_str().unwrap(),
            row["measure"].as_str().unwrap(),
        );
        let Some(&(yes, of)) = sums.rows.get(&(weight, measure)) else {
            continue;
        };
        sums.compared += 1;
        assert_eq!(
            (row["yes"].as_u64(), row["of"].as_u64()),
            (Some(yes), Some(of)),
            "seed {seed}: {row}"
        );
    }
    // Four rows, each by three rules.
    assert_eq!(sums.compared, 12, "seed {seed}");
}

/// What the report must say, added up from the truth.
#[derive(Default)]
struct Sums {
    rows: HashMap<(&'static str, &'static str), (u64, u64)>,
    compared: usize,
}

impl Sums {
    fn add(&mut self, fact: &Value) {
        for (measure, field) in [("ESMTP", "esmtp"), ("STARTTLS accepted", "accepted")] {
            for (weight, count) in [
                ("domains", 1),
                ("users: adobe", fact["adobe"].as_u64().unwrap()),
            ] {
                let (yes, of) = self.rows.entry((weight, measure)).or_default();
                *yes += if fact[field] == true { count } else { 0 };
                *of += if fact[field].is_boolean() { count } else { 0 };
            }
        }
    }
}

fn records(path: &std::path::Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}
