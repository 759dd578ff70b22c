//! `smtp-probe --tls`: the facts of the two stages out of one connection, and what stands behind it in a pipe.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{program, run, shell, timeless};
use crate::mail_lab::Lab;

/// Those that answer by what came before: two visits differ by themselves.
const REMEMBERING: &[&str] = &[
    "greylist",
    "greylist-banner",
    "limit",
    "one-in-30s",
    "one-at-once",
];

/// Every behaviour of the lab but those, each at an address of its own.
fn behaviours() -> Vec<(String, String)> {
    let output = Command::new(program("mail-lab"))
        .arg("--behaviours")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let names = text
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    (names.filter(|name| !REMEMBERING.contains(name)).enumerate())
        .map(|(number, name)| (name.to_owned(), format!("127.11.0.{}", number + 1)))
        .collect()
}

fn world(behaviours: &[(String, String)]) -> String {
    let servers = behaviours
        .iter()
        .map(|(name, ip)| format!("{}\n", json!({"type": "server", "ip": ip, "as": name})));
    servers.collect()
}

const PATIENCE: &str = "--helo probe.example.org --allow 127.0.0.0/8 --spacing 0 --retries 0 --concurrency 100 \
    --connect-timeout 2s --banner-timeout 4s --reply-timeout 6s --timeout 25s";

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

/// The records of a type by address, without times and counts of connections.
fn facts(stream: &str, kind: &str) -> BTreeMap<String, Value> {
    let records = stream
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let of_kind = records.filter(|record| record["type"] == kind);
    of_kind
        .map(|record| {
            let mut record = timeless(record);
            let ip = record["ip"].as_str().unwrap().to_owned();
            let fields = record.as_object_mut().unwrap();
            fields.retain(|name, _| !["connections", "attempts", "tls"].contains(&name.as_str()));
            // How much of a slow reply had come when the time was over is of the moment.
            if fields["outcome"]["reason"] == "timeout" {
                fields["outcome"].as_object_mut().unwrap().remove("detail");
            }
            // What stands behind the 220 can be told only where TLS follows.
            if kind == "smtp" {
                fields["starttls"]
                    .as_object_mut()
                    .unwrap()
                    .remove("injected");
            }
            (ip, record)
        })
        .collect()
}

#[test]
fn one_connection_gives_the_facts_of_two() {
    let behaviours = behaviours();
    let lab = Lab::new(&world(&behaviours));
    let targets: String = (behaviours.iter())
        .map(|(_, ip)| format!("{ip}:{},mx.example.test\n", lab.port))
        .collect();
    let roots = format!("lab={}", lab.roots.display());
    let tls = ["--roots", &roots, "--handshake-timeout", "9s"];
    let probe = run("smtp-probe", &words(PATIENCE), &targets).expect(0);
    let inspect = [&words(PATIENCE)[..], &tls].concat();
    let classic = run("tls-inspect", &inspect, &probe.stdout).expect(0);
    let whole = [&words(PATIENCE)[..], &["--tls"], &tls].concat();
    let whole = run("smtp-probe", &whole, &targets).expect(0);
    let mut differences = Vec::new();
    for kind in ["smtp", "tls"] {
        let (expected, seen) = (facts(&classic.stdout, kind), facts(&whole.stdout, kind));
        for (name, ip) in &behaviours {
            if expected.get(ip) != seen.get(ip) {
                differences.push(format!(
                    "{name} {kind}:\n  {:?}\n  {:?}",
                    expected.get(ip),
                    seen.get(ip)
                ));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    // Cause precedes effect: each `tls` line stands behind its `smtp` line, each certificate before the first that names it.
    let mut seen = std::collections::BTreeSet::new();
    for line in whole.stdout.lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        match record["type"].as_str().unwrap() {
            "smtp" if record["tls"] == "follows" => {
                seen.insert(record["ip"].to_string());
            }
            "tls" => {
                assert!(seen.contains(&record["ip"].to_string()), "{line}");
                for sha256 in record["chain"].as_array().into_iter().flatten() {
                    assert!(seen.contains(&sha256.to_string()), "{line}");
                }
            }
            "cert" => {
                seen.insert(record["sha256"].to_string());
            }
            _ => {}
        }
    }
    // A stage that makes handshakes leaves these alone.
    let behind = run("tls-inspect", &inspect, &whole.stdout).expect(0);
    let end = behind.stdout.lines().last().unwrap();
    let end: Value = serde_json::from_str(end).unwrap();
    assert_eq!(end["event"], "end");
    assert_eq!(facts(&behind.stdout, "tls"), facts(&whole.stdout, "tls"));
}

#[test]
fn a_server_of_today_sees_one_connection_and_one_of_yesterday_two() {
    let servers = [
        ("tls", "127.11.1.1", 1),
        ("tls12", "127.11.1.2", 1),
        ("tls13", "127.11.1.3", 1),
        ("plain", "127.11.1.4", 1),
        ("self-signed", "127.11.1.5", 1),
        ("rc4", "127.11.1.6", 2),
        ("dhe-1024", "127.11.1.7", 2),
    ];
    let world: Vec<_> = (servers.iter())
        .map(|(name, ip, _)| ((*name).to_owned(), (*ip).to_owned()))
        .collect();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("world"), self::world(&world)).unwrap();
    let targets: String = servers
        .iter()
        .map(|(_, ip, _)| format!("{ip},mx.test\\n"))
        .collect();
    let script = format!(
        "mail-lab --port 0 --dns-port 0 --counters seen.ndjson world -- bash -euo pipefail -c '\
         printf \"{targets}\" | smtp-probe --tls {PATIENCE} --port $MAIL_LAB_PORT --roots lab=$MAIL_LAB_ROOTS > out'"
    );
    shell(&script, folder.path()).expect(0);
    let seen = std::fs::read_to_string(folder.path().join("seen.ndjson")).unwrap();
    let seen: BTreeMap<String, Value> = (seen.lines())
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter_map(|line| Some((line["ip"].as_str()?.to_owned(), line)))
        .collect();
    for (name, ip, connections) in servers {
        assert_eq!(seen[ip]["connections"], connections, "{name}: {}", seen[ip]);
    }
}

#[test]
fn a_server_counts_as_done_with_its_tls_line_only() {
    let world = [("tls", "127.11.2.1"), ("plain", "127.11.2.2")];
    let world: Vec<_> = world
        .map(|(name, ip)| (name.to_owned(), ip.to_owned()))
        .into();
    let lab = Lab::new(&self::world(&world));
    let targets = format!("127.11.2.1:{0},mx.test\n127.11.2.2:{0},mx.test\n", lab.port);
    let roots = format!("lab={}", lab.roots.display());
    let arguments = [&words(PATIENCE)[..], &["--tls", "--roots", &roots]].concat();
    let first = run("smtp-probe", &arguments, &targets).expect(0);
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    std::fs::write(&whole, &first.stdout).unwrap();
    let connections = |stdout: &str| {
        let end: Value = serde_json::from_str(stdout.lines().last().unwrap()).unwrap();
        let counts = end["counts"].clone();
        match &counts {
            Value::Array(counts) => (counts.iter())
                .find(|count| count["name"] == "connections")
                .map_or(json!(0), |count| count["n"].clone()),
            counts => counts.get("connections").cloned().unwrap_or(json!(0)),
        }
    };
    let resumed = [&arguments[..], &["--resume", whole.to_str().unwrap()]].concat();
    let again = run("smtp-probe", &resumed, &targets).expect(0);
    assert_eq!(connections(&again.stdout), 0);
    for kind in ["smtp", "tls"] {
        assert_eq!(facts(&again.stdout, kind), facts(&first.stdout, kind));
    }
    let certificates = |stdout: &str| stdout.matches(r#""type":"cert""#).count();
    assert_eq!(certificates(&again.stdout), certificates(&first.stdout));
    // The same without its tls lines: only the server that takes STARTTLS is asked again.
    let torn = folder.path().join("torn");
    let kept = first
        .stdout
        .lines()
        .filter(|line| !line.contains(r#""type":"tls""#));
    std::fs::write(
        &torn,
        kept.map(|line| format!("{line}\n")).collect::<String>(),
    )
    .unwrap();
    let resumed = [&arguments[..], &["--resume", torn.to_str().unwrap()]].concat();
    let again = run("smtp-probe", &resumed, &targets).expect(0);
    assert_eq!(connections(&again.stdout), 1);
    assert_eq!(facts(&again.stdout, "tls"), facts(&first.stdout, "tls"));
}
