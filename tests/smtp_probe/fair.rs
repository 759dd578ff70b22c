//! One operator's servers never keep others waiting. In a network namespace of its own, where addresses other than loopback's
//! answer (with a reset) or swallow everything, so that the limits of operator and prefix count.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Server, program};

/// 198.19.0.0/16 is here, where nobody listens; what is sent to 198.18.0.0/16 is lost.
const NETWORK: &str = "ip link set lo up && ip addr add 203.0.113.1/32 dev lo && ip route add local 198.19.0.0/16 dev lo \
    && ip route add 198.18.0.0/16 dev lo src 203.0.113.1";

/// Runs what is added as arguments in a network namespace of its own, behind the commands of `network`; `None`, with a word, where
/// there are no namespaces.
pub fn in_namespace(network: &str) -> Option<Command> {
    let command = |script: String| {
        let mut command = Command::new("unshare");
        command.args(["-rn", "sh", "-c"]).arg(script).arg("sh");
        command
    };
    let is_possible = command(network.to_owned()).output();
    if !is_possible.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: no network namespace can be made here");
        return None;
    }
    Some(command(format!("{network} && exec \"$@\"")))
}

/// The probe in such a network, with this input; `None` where there are no namespaces.
fn start(options: &[&str], input: String) -> Option<Child> {
    let mut child = in_namespace(NETWORK)?
        .arg(program("smtp-probe"))
        .args(["--helo", "probe.example.org", "--allow", "198.18.0.0/15"])
        .args([
            "--no-vantage-check",
            "--connect-timeout",
            "60s",
            "--rate",
            "0",
        ])
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    Some(child)
}

/// A domain with one server of its own operator, that is there.
fn good(number: usize) -> String {
    let name = format!("good{number}.example");
    let address = json!({"ip": format!("198.19.{}.{}", number % 250, 1 + number / 250)});
    let mx = json!([{"exchange": format!("mx.{name}"), "preference": 1, "addresses": [address]}]);
    format!("{}\n", json!({"type": "domain", "domain": name, "mx": mx}))
}

/// Waits for the records of so many servers that are there; says how long it took and how much memory at the most, MiB.
fn reached(child: Child, count: usize) -> (Duration, u64) {
    let mut child = Server(child);
    let begun = Instant::now();
    let stdout = BufReader::new(child.0.stdout.take().unwrap());
    let mut answered = 0;
    for line in stdout.lines() {
        let record: Value = serde_json::from_str(&line.unwrap()).unwrap();
        if record["type"] == "smtp" {
            assert_eq!(record["outcome"]["reason"], "refused", "{record}");
            answered += 1;
        }
        if answered == count {
            break;
        }
    }
    assert_eq!(answered, count);
    let took = begun.elapsed();
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.0.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|text| text.split_whitespace().next());
    (took, peak.unwrap().parse::<u64>().unwrap() >> 10)
}

/// Far from the 60 s that a server takes of which nothing is heard.
const AT_ONCE: Duration = Duration::from_secs(20);

#[test]
fn a1_slow_servers_of_one_operator_do_not_keep_others_waiting() {
    let slow = (0..60).map(|number| format!("198.18.{number}.1,mx{number}.slow.example\n"));
    let good = (0..20).map(good);
    let Some(child) = start(&["--backlog", "10"], slow.chain(good).collect()) else {
        return;
    };
    let (took, _) = reached(child, 20);
    assert!(took < AT_ONCE, "{took:?}");
}

#[test]
fn a1_nor_do_slow_servers_of_one_network_whose_operators_are_unknown() {
    let slow = (0..60).map(|number| format!("198.18.7.{number}\n"));
    let good = (0..20).map(good);
    let Some(child) = start(&["--backlog", "10"], slow.chain(good).collect()) else {
        return;
    };
    let (took, _) = reached(child, 20);
    assert!(took < AT_ONCE, "{took:?}");
}

#[test]
fn a1_a_hundred_thousand_servers_of_one_operator_wait_in_little_room() {
    let slow = (0..100_000).map(|number| {
        let (high, low) = (number / 256 % 256, number % 256);
        let port = 25 + number / 65_536;
        format!("198.18.{high}.{low}:{port},mx{number}.slow.example\n")
    });
    let good = (0..20).map(good);
    let Some(child) = start(&["--backlog", "1000"], slow.chain(good).collect()) else {
        return;
    };
    let (took, peak) = reached(child, 20);
    assert!(took < AT_ONCE, "{took:?}");
    assert!(peak < 50, "{peak} MiB");
}

#[test]
fn a1_a_domain_of_88_exchanges_with_4080_addresses_each_is_as_if_it_were_not_there() {
    let exchanges: Vec<_> = (0..88)
        .map(|exchange| {
            let addresses: Vec<_> = (0..4080)
                .map(|number| {
                    let number = (exchange * 4080 + number) % 65_536;
                    json!({"ip": format!("198.18.{}.{}", number / 256, number % 256)})
                })
                .collect();
            json!({"exchange": format!("mx{exchange}.a.example"), "preference": 1, "addresses": addresses})
        })
        .collect();
    let forged = json!({"type": "domain", "domain": "a.example", "mx": exchanges});
    let good = (0..1000).map(good);
    let input = std::iter::once(format!("{forged}\n")).chain(good).collect();
    let Some(child) = start(&[], input) else {
        return;
    };
    let (took, peak) = reached(child, 1000);
    assert!(took < AT_ONCE, "{took:?}");
    assert!(peak < 50, "{peak} MiB");
}
