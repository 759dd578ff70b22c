//! All behaviours of mail-lab at once: the right facts, in no more time than the slowest takes, and good manners.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::harness::{program, run_command};
use super::{NO, YES};

/// Behaviour of the lab, outcome, esmtp, advertised, accepted.
#[rustfmt::skip]
const LAB: &[(&str, &str, [Option<bool>; 3])] = &[
    ("plain", "done/ok", [YES, NO, NO]),
    ("tls", "done/ok", [YES, YES, YES]),
    ("refused", "connect/refused", [None; 3]),
    ("blackhole", "connect/timeout", [None; 3]),
    ("silent", "banner/timeout", [None; 3]),
    ("banner-554", "banner/rejected", [None; 3]),
    ("banner-421", "banner/deferred", [None; 3]),
    ("banner-7s", "done/ok", [YES, NO, NO]),
    ("banner-25s", "done/ok", [YES, NO, NO]),
    ("postscreen", "done/ok", [YES, YES, YES]),
    ("tarpit", "ehlo/timeout", [None; 3]),
    ("endless-banner", "banner/too_long", [None; 3]),
    ("ansi", "done/ok", [YES, NO, NO]),
    ("html", "done/ok", [YES, NO, NO]),
    ("binary", "done/ok", [YES, NO, NO]),
    ("http", "banner/not_smtp", [None; 3]),
    ("ssh", "banner/not_smtp", [None; 3]),
    ("no-crlf", "banner/too_long", [None; 3]),
    ("bare-lf", "done/ok", [YES, NO, NO]),
    ("helo-only", "done/ok", [NO, NO, NO]),
    ("no-helo", "helo/rejected", [None; 3]),
    ("needs-domain", "done/ok", [YES, YES, YES]),
    ("endless", "ehlo/too_long", [None; 3]),
    ("no-crlf-ehlo", "ehlo/too_long", [None; 3]),
    ("code-change", "done/ok", [YES, NO, NO]),
    ("greylist", "done/ok", [YES, YES, YES]),
    ("greylist-banner", "done/ok", [YES, YES, YES]),
    ("one-in-30s", "done/ok", [YES, YES, YES]),
    ("one-at-once", "done/ok", [YES, YES, YES]),
    ("starttls-454", "starttls/deferred", [YES, YES, None]),
    ("starttls-501", "done/ok", [YES, YES, NO]),
    ("starttls-550", "done/ok", [YES, YES, NO]),
    ("unadvertised", "done/ok", [YES, NO, YES]),
    ("masked", "done/ok", [YES, NO, NO]),
    ("masked-works", "done/ok", [YES, NO, YES]),
    ("injected", "done/ok", [YES, YES, YES]),
    ("reset-banner", "banner/reset", [None; 3]),
    ("reset-ehlo", "ehlo/reset", [None; 3]),
    ("reset-starttls", "starttls/reset", [YES, YES, None]),
    ("close-banner", "banner/closed", [None; 3]),
    ("close-ehlo", "ehlo/closed", [None; 3]),
    ("close-starttls", "starttls/closed", [YES, YES, None]),
    ("close-220", "done/ok", [YES, YES, YES]),
    ("hang-ehlo", "ehlo/timeout", [None; 3]),
    ("hang-starttls", "starttls/timeout", [YES, YES, None]),
    ("half-ehlo", "ehlo/timeout", [None; 3]),
];

#[test]
fn the_whole_lab_at_once_takes_no_longer_than_its_slowest_server_and_sees_good_manners() {
    let directory = tempfile::tempdir().unwrap();
    let world = directory.path().join("world.ndjson");
    let counters = directory.path().join("counters.ndjson");
    let ip = |index: usize| format!("127.8.0.{}", index + 1);
    let lines = LAB.iter().enumerate();
    let lines = lines.map(|(index, (name, ..))| {
        format!(
            "{}\n",
            json!({"type": "server", "ip": ip(index), "as": name})
        )
    });
    std::fs::write(&world, lines.collect::<String>()).unwrap();
    let begun = Instant::now();
    let mut lab = Command::new(program("mail-lab"));
    lab.args(["--port", "0", "--dns-port", "0", "--counters"])
        .args([&counters, &world])
        .args(["--", "sh", "-c", "exec \"$@\" --port $MAIL_LAB_PORT", "sh"])
        .arg(program("smtp-probe"))
        .args([
            "--helo",
            "probe.example.org",
            "--allow",
            "127.0.0.0/8",
            "--quiet",
        ])
        .args([
            "--banner-timeout",
            "27s",
            "--reply-timeout",
            "3s",
            "--retries",
            "1",
            "--retry-after",
            "2s",
        ]);
    let input: String = (0..LAB.len()).map(|index| ip(index) + "\n").collect();
    let ran = run_command(&mut lab, input.as_bytes()).expect(0);
    assert!(
        begun.elapsed() < Duration::from_secs(27 + 8),
        "{:?}",
        begun.elapsed()
    );
    let records = ran.of_type("smtp");
    assert_eq!(records.len(), LAB.len());
    for (index, (name, outcome, facts)) in LAB.iter().enumerate() {
        let record = records
            .iter()
            .find(|record| record["ip"] == ip(index))
            .unwrap();
        let ended = &record["outcome"];
        let ended = format!(
            "{}/{}",
            ended["phase"].as_str().unwrap(),
            ended["reason"].as_str().unwrap()
        );
        assert_eq!(&ended, outcome, "{name}: {record}");
        let starttls = &record["starttls"];
        let found = json!([
            record["esmtp"],
            starttls["advertised"],
            starttls["accepted"]
        ]);
        assert_eq!(found, json!(facts), "{name}: {record}");
    }
    for line in std::fs::read_to_string(&counters).unwrap().lines() {
        let seen: Value = serde_json::from_str(line).unwrap();
        if !seen["ip"].is_string() {
            continue;
        }
        assert!(seen["at_once"].as_u64() <= Some(1), "{seen}");
        assert!(
            seen["start_gap_ms"].as_u64().is_none_or(|gap| gap >= 990),
            "{seen}"
        );
        assert_eq!(seen["early_talkers"], 0, "{seen}");
        assert_eq!(seen["clear_after_starttls"], 0, "{seen}");
        assert_eq!(seen["improper"], Value::Null, "{seen}");
        assert!(seen["connections"].as_u64() <= Some(2), "{seen}");
    }
}
