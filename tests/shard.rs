//! `--shard`: several workers do together what one process does, and no server meets two of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use crate::harness::{run, shell, timeless};

const SCRIPT: &str = r#"
mail-lab --generate random --seed 77 --domains 300 --shorten 1 --out .
probing="--allow 127.0.0.0/8 --helo probe.example.org --spacing 100ms --retries 1 --retry-after 1s --banner-timeout 15s"
export probing
mail-lab --counters one.seen --port 0 --dns-port 0 world.ndjson -- bash -o pipefail -c '
    mx-lookup --source rank --nameserver $MAIL_LAB_DNS < domains.csv |
    smtp-probe --tls --port $MAIL_LAB_PORT $probing --roots lab=$MAIL_LAB_ROOTS > one.ndjson'
mail-lab --counters many.seen --port 0 --dns-port 0 world.ndjson -- bash -o pipefail -c '
    for i in 1 2 3; do
        mx-lookup --shard $i/3 --source rank --nameserver $MAIL_LAB_DNS < domains.csv > names.$i.ndjson || exit 1
    done
    cat names.*.ndjson > names.ndjson
    for i in 1 2 3; do
        smtp-probe --shard $i/3 --tls --port $MAIL_LAB_PORT $probing --roots lab=$MAIL_LAB_ROOTS < names.ndjson > part.$i.ndjson &
        workers="$workers $!"
    done
    for worker in $workers; do wait $worker || exit 1; done'
to-sqlite --quiet one.db < one.ndjson
cat part.*.ndjson | to-sqlite --quiet many.db
for survey in one many; do
    report $survey.db -t standing -t overview -t problem-codes -f csv > $survey.csv
done
cmp one.csv many.csv
"#;

/// The records of some types in a file, by what they are about.
fn facts(path: &Path, kinds: &[&str]) -> BTreeMap<String, Value> {
    let text = std::fs::read_to_string(path).unwrap();
    let records = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut facts = BTreeMap::new();
    for record in records.filter(|record| kinds.iter().any(|kind| record["type"] == *kind)) {
        let subject =
            ["domain", "ip"].map(|name| record[name].as_str().unwrap_or_default().to_owned());
        let key = format!("{} {}", record["type"].as_str().unwrap(), subject.concat());
        let record = of_any_lab(timeless(record));
        assert!(facts.insert(key.clone(), record).is_none(), "twice: {key}");
    }
    facts
}

/// Without what a lab makes anew each time: its port and its certificates.
fn of_any_lab(mut record: Value) -> Value {
    if let Some(fields) = record.as_object_mut() {
        fields.retain(|name, _| !["port", "chain"].contains(&name.as_str()));
        if let Some(Value::Object(leaf)) = fields.get_mut("leaf") {
            leaf.remove("sha256");
        }
        for verdict in fields
            .get_mut("verdicts")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            verdict["store_date"].take();
        }
    }
    record
}

fn connections(path: &Path) -> BTreeMap<String, (u64, u64)> {
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let of_servers =
        lines.filter(|line| line["connections"].as_u64().is_some_and(|count| count > 0));
    of_servers
        .map(|line| {
            let figure = |name: &str| line[name].as_u64().unwrap();
            (
                line["ip"].as_str().unwrap().to_owned(),
                (figure("connections"), figure("at_once")),
            )
        })
        .collect()
}

#[test]
fn three_workers_find_what_one_process_finds_with_the_same_connections() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name);
    shell(SCRIPT, directory.path()).expect(0);
    let one = file("one.ndjson");
    // Names: each in one shard, with its line of the list.
    let names = ["listed", "domain"];
    assert_eq!(facts(&file("names.ndjson"), &names), facts(&one, &names));
    // Servers: what came in is sent on by each worker, what is measured stands in one part.
    let servers = ["smtp", "tls"];
    let mut together = BTreeMap::new();
    let mut networks: BTreeMap<String, usize> = BTreeMap::new();
    for worker in 1..=3 {
        let part = file(&format!("part.{worker}.ndjson"));
        assert_eq!(facts(&part, &names), facts(&one, &names));
        let measured = facts(&part, &servers);
        assert!(
            measured.len() > 20,
            "worker {worker} has {}",
            measured.len()
        );
        for record in measured.values() {
            let ip = record["ip"].as_str().unwrap();
            if let Some((network, _)) = ip.rsplit_once('.') {
                let owner = *networks.entry(network.to_owned()).or_insert(worker);
                assert_eq!(owner, worker, "{network} met two workers");
            }
        }
        together.extend(measured);
    }
    let expected = facts(&one, &servers);
    let keys = |facts: &BTreeMap<String, Value>| facts.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(keys(&together), keys(&expected));
    let differing: Vec<_> = expected
        .iter()
        .filter(|(key, record)| together[*key] != **record)
        .collect();
    assert!(differing.is_empty(), "{differing:#?}");
    // The servers saw the same, and nobody twice at once.
    let (alone, shared) = (
        connections(&file("one.seen")),
        connections(&file("many.seen")),
    );
    assert_eq!(alone, shared);
    assert!(
        alone.len() > 100 && alone.values().all(|(_, at_once)| *at_once == 1),
        "{alone:?}"
    );
    // The run says which part it did.
    let text = std::fs::read_to_string(file("part.2.ndjson")).unwrap();
    assert!(
        text.contains(r#""shard":"2/3","shard_by":"prefix""#),
        "{}",
        &text[..500]
    );
}

#[test]
fn what_is_no_shard_is_named() {
    for program in [
        "mx-lookup",
        "policy-lookup",
        "policy-fetch",
        "smtp-probe",
        "tls-inspect",
    ] {
        let ran = run(program, &["--shard", "5/4"], "").expect(2);
        assert!(
            ran.stderr.contains("--shard") && ran.stderr.contains("1/4, 2/4, 3/4, 4/4"),
            "{}",
            ran.stderr
        );
    }
}

#[test]
fn a_name_of_a_list_is_listed_by_the_worker_that_looks_it_up() {
    let names: Vec<String> = (0..20).map(|number| format!("d{number}.test")).collect();
    for (program, kind) in [("mx-lookup", "domain"), ("policy-lookup", "policy")] {
        let mut listed = Vec::new();
        for shard in ["1/2", "2/2"] {
            // Nobody answers there: that is told, and no matter here.
            let options = ["--shard", shard, "--nameserver", "127.0.0.1:9"];
            let ran = run(program, &options, names.join("\n"));
            let domains = |kind: &str| -> Vec<String> {
                let records = ran.of_type(kind);
                (records
                    .iter()
                    .map(|it| it["domain"].as_str().unwrap().to_owned()))
                .collect()
            };
            let (here, mut found) = (domains("listed"), domains(kind));
            found.sort_by_key(|name| names.iter().position(|it| it == name));
            assert_eq!(here, found, "{program} {shard}");
            listed.extend(here);
        }
        listed.sort_by_key(|name| names.iter().position(|it| it == name));
        assert_eq!(listed, names, "{program}");
    }
}

#[test]
fn by_operator_one_worker_has_all_of_it() {
    let targets: String = (0..40)
        .map(|number| {
            format!(
                "127.{}.0.1,mx{number}.mail{}.example\n",
                number + 1,
                number % 4
            )
        })
        .collect();
    let mut workers = BTreeMap::new();
    for shard in ["1/3", "2/3", "3/3"] {
        let options = [
            "--shard",
            shard,
            "--shard-by",
            "operator",
            "--port",
            "9",
            "--allow",
            "127.0.0.0/8",
            "--helo",
            "probe.example.org",
            "--retries",
            "0",
            "--no-vantage-check",
        ];
        let ran = run("smtp-probe", &options, &targets).expect(0);
        for record in ran.of_type("smtp") {
            let exchange = record["for"]["exchange"].as_str().unwrap();
            let (_, operator) = exchange.split_once('.').unwrap();
            let servers: &mut Vec<_> = workers.entry((operator.to_owned(), shard)).or_default();
            servers.push(record["ip"].to_string());
        }
    }
    assert_eq!(workers.len(), 4, "{workers:?}");
    assert!(
        workers.values().all(|servers| servers.len() == 10),
        "{workers:?}"
    );
}

/// The plan of docs/scale.md with GNU parallel: a worker is killed in the middle, the survey is called again.
#[cfg_attr(not(feature = "peers"), ignore = "needs GNU parallel")]
#[test]
fn gnu_parallel_makes_one_survey_of_four_workers_and_of_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let survey = concat!(env!("CARGO_MANIFEST_DIR"), "/etc/parallel/survey");
    let script = format!(
        r#"
mail-lab --generate random --seed 78 --domains 300 --shorten 1 --out .
export probing="--allow 127.0.0.0/8 --helo probe.example.org --spacing 100ms --retries 1 --retry-after 1s --banner-timeout 15s"
mail-lab --counters one.seen --port 0 --dns-port 0 world.ndjson -- bash -o pipefail -c '
    mx-lookup --source rank --nameserver $MAIL_LAB_DNS < domains.csv |
    smtp-probe --tls --port $MAIL_LAB_PORT $probing --roots lab=$MAIL_LAB_ROOTS | to-sqlite --quiet one.db'
mail-lab --counters many.seen --port 0 --dns-port 0 world.ndjson -- bash -o pipefail -c '
    export DNS_OPTIONS="--source rank --nameserver $MAIL_LAB_DNS"
    again() {{ {survey} domains.csv out 4 --port $MAIL_LAB_PORT $probing --roots lab=$MAIL_LAB_ROOTS; }}
    again & first=$!
    until grep -qs "\"type\":\"smtp\"" out/part.2.ndjson.part; do sleep 0.05; done
    pkill -KILL -f "smtp-probe.*--shard 2/4.*$MAIL_LAB_PORT"
    ! wait $first
    again'
for survey in one out/survey; do report $survey.db -t standing -f csv > ${{survey#out/}}.standing; report $survey.db -t overview -f csv > ${{survey#out/}}.overview; done
cmp one.standing survey.standing && cmp one.overview survey.overview
"#
    );
    shell(&script, directory.path()).expect(0);
    let seen = connections(&directory.path().join("many.seen"));
    let alone = connections(&directory.path().join("one.seen"));
    assert!(seen.values().all(|(_, at_once)| *at_once == 1), "{seen:?}");
    assert_eq!(
        seen.keys().collect::<Vec<_>>(),
        alone.keys().collect::<Vec<_>>()
    );
}
