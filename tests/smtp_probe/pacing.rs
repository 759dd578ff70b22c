//! The limits themselves, seen by the servers: mail-lab on 198.18.0.0/15 in a network namespace of its own, where those of operator,
//! prefix and rate count, from which loopback is exempt.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::fair::in_namespace;
use crate::harness::{by_name, program};

const NETWORK: &str = "ip link set lo up && ip route add local 198.18.0.0/15 dev lo";

/// Six in ten of the domains are with three operators, whose servers lie side by side; each of the others has a server of its own. One
/// server in ten is dead.
struct World {
    domains: u32,
    /// Servers of each of the three.
    shared: u32,
}

impl World {
    fn of_size(domains: u32) -> Self {
        Self {
            domains,
            shared: domains / 200,
        }
    }

    /// Every server and its operator.
    fn servers(&self) -> impl Iterator<Item = (Ipv4Addr, String)> {
        let shared = 3 * self.shared;
        let own = self.domains - self.domains / 5 * 3;
        (0..shared + own).map(move |index| {
            let ip = Ipv4Addr::from(u32::from(Ipv4Addr::new(198, 18, 0, 1)) + index);
            let operator = match index < shared {
                true => format!("big{}.example", index / self.shared),
                false => format!("own{index}.example"),
            };
            (ip, operator)
        })
    }

    fn is_dead(ip: Ipv4Addr) -> bool {
        u32::from(ip).is_multiple_of(10)
    }

    /// For mail-lab; a word takes 20 ms.
    fn lines(&self) -> String {
        let mut lines = String::new();
        for (ip, _) in self.servers() {
            let does = match Self::is_dead(ip) {
                true => r#""as":"blackhole""#,
                false => {
                    r#""steps":{"starttls":"220 go ahead\r\n"},"advertise":"STARTTLS","latency_ms":20"#
                }
            };
            writeln!(lines, r#"{{"type":"server","ip":"{ip}",{does}}}"#).unwrap();
        }
        lines
    }

    /// As mx-lookup would find them.
    fn records(&self) -> String {
        let servers: Vec<_> = self.servers().collect();
        let shared = 3 * self.shared;
        let with_three = self.domains / 5 * 3;
        let mut records = String::new();
        for number in 0..self.domains {
            let index = match number < with_three {
                true => number % shared,
                false => shared + number - with_three,
            };
            let (ip, operator) = &servers[index as usize];
            let exchange = json!({"exchange": format!("mx{index}.{operator}"), "preference": 10, "addresses": [{"ip": ip}]});
            let record =
                json!({"type": "domain", "domain": format!("d{number}.example"), "mx": [exchange]});
            writeln!(records, "{record}").unwrap();
        }
        records
    }
}

/// What a run gave: its last line, and of each server that was reached, when it was.
struct Seen {
    end: Value,
    /// Address, begin and end of each visit, milliseconds of Unix time.
    visits: Vec<(Ipv4Addr, u64, u64)>,
}

fn end(stream: &str) -> Value {
    let last = stream.lines().last().expect("a last line");
    serde_json::from_str(last).unwrap()
}

/// smtp-probe in a namespace with the world, first dry and then not; what the dry run and the real one gave.
fn survey(world: &World, options: &[&str]) -> Option<(Value, Seen)> {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::write(path("world"), world.lines()).unwrap();
    fs::write(path("domains"), world.records()).unwrap();
    let probe = |command: &mut Command| {
        command
            .args(["--helo", "probe.example.org", "--allow", "198.18.0.0/15"])
            .args(["--quiet", "--no-vantage-check"])
            .args(options);
    };
    let mut dry = Command::new(program("smtp-probe"));
    probe(&mut dry);
    let dry = dry.arg("--dry-run").arg(path("domains")).output().unwrap();
    assert!(dry.status.success());
    let told = String::from_utf8(dry.stderr).unwrap();
    assert!(told.contains("would end between"), "{told}");
    print!("{told}");
    let mut lab = in_namespace(NETWORK)?;
    lab.arg(program("mail-lab"))
        .args(["--port", "2525", "--dns-port", "0", "--counters"])
        .arg(path("seen"))
        .arg(path("world"))
        .arg("--")
        .arg(program("smtp-probe"))
        .args(["--port", "2525"]);
    probe(&mut lab);
    let output = lab
        .arg(path("domains"))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    std::io::stdout().flush().unwrap();
    assert!(output.status.success(), "{:?}", output.status);
    let seen = fs::read_to_string(path("seen")).unwrap();
    let mut visits = Vec::new();
    for line in seen.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        if line["type"] != "address" {
            continue;
        }
        let ip = line["ip"].as_str().unwrap().parse().unwrap();
        assert_eq!(line["connections"], 1, "one connection to a server: {line}");
        for visit in line["visits_ms"].as_array().unwrap() {
            visits.push((ip, visit[0].as_u64().unwrap(), visit[1].as_u64().unwrap()));
        }
    }
    let seen = Seen {
        end: end(&String::from_utf8(output.stdout).unwrap()),
        visits,
    };
    Some((end(&String::from_utf8(dry.stdout).unwrap()), seen))
}

/// The most visits of one key that were under way at once.
fn at_once(visits: &[(Ipv4Addr, u64, u64)], key: impl Fn(Ipv4Addr) -> String) -> usize {
    let mut steps: HashMap<String, Vec<(u64, i32)>> = HashMap::new();
    for &(ip, begun, said) in visits {
        let steps = steps.entry(key(ip)).or_default();
        // Ends come before beginnings of the same millisecond.
        steps.extend([(begun, 1), (said, -1)]);
    }
    let most = steps.into_values().map(|mut steps| {
        steps.sort_unstable();
        let mut open = 0;
        let course = steps.iter().map(|(_, step)| {
            open += step;
            open
        });
        course.max().unwrap_or(0)
    });
    usize::try_from(most.max().unwrap_or(0)).unwrap()
}

fn prefix(ip: Ipv4Addr) -> String {
    let [a, b, c, _] = ip.octets();
    format!("{a}.{b}.{c}")
}

/// Every limit of a run with its defaults, and the two times that were told.
fn holds(domains: u32, options: &[&str]) {
    let world = World::of_size(domains);
    let operators: HashMap<Ipv4Addr, String> = world.servers().collect();
    let Some((planned, seen)) = survey(&world, options) else {
        return;
    };
    let alive = operators.keys().filter(|ip| !World::is_dead(**ip)).count();
    assert_eq!(
        seen.visits.len(),
        alive,
        "every server that lives was reached"
    );
    let outcomes = by_name(&seen.end["outcomes"]);
    assert_eq!(outcomes["done/ok"], alive as u64);
    assert_eq!(
        outcomes["connect/timeout"],
        (operators.len() - alive) as u64
    );

    assert_eq!(at_once(&seen.visits, |ip| ip.to_string()), 1);
    assert_eq!(at_once(&seen.visits, |ip| operators[&ip].clone()), 2);
    assert!(at_once(&seen.visits, prefix) <= 4);
    let mut begun: Vec<_> = seen.visits.iter().map(|(_, begun, _)| *begun).collect();
    begun.sort_unstable();
    // The rate in every stretch of five seconds, and over all; a server may be late to see who came.
    let stretches = begun
        .windows(2501)
        .map(|stretch| stretch[2500] - stretch[0]);
    let shortest = stretches.min().unwrap_or(5000);
    let all = begun[begun.len() - 1] - begun[0];
    println!(
        "2,501 visits in {shortest} ms at the least; {} in {all} ms",
        begun.len()
    );
    assert!(shortest >= 4500, "{shortest} ms");
    assert!(all as f64 >= (alive - 1) as f64 * 2.0 * 0.9, "{all} ms");

    let planned = by_name(&planned["counts"]);
    assert_eq!(planned["planned_connections"], operators.len() as u64);
    let least = Duration::from_millis(planned["planned_ms_least"].as_u64().unwrap());
    let most = Duration::from_millis(planned["planned_ms_most"].as_u64().unwrap());
    let took = Duration::from_millis(seen.end["elapsed_ms"].as_u64().unwrap());
    println!("told {least:?} to {most:?}, took {took:?}");
    assert!(
        (least..=most).contains(&took),
        "{least:?} to {most:?}, took {took:?}"
    );
}

#[test]
fn all_limits_are_kept_and_the_run_ends_between_the_two_times_that_were_told() {
    holds(2000, &["--connect-timeout", "3s"]);
}

/// `make bench-pacing`: some minutes.
#[test]
#[ignore = "takes minutes: make bench-pacing"]
fn a_hundred_thousand_domains_keep_all_limits_and_end_between_two_times() {
    holds(100_000, &[]);
}

/// The lab would see it if they were not kept.
#[test]
fn limits_that_are_set_wider_are_seen_to_be_wider() {
    let world = World::of_size(1000);
    let operators: HashMap<Ipv4Addr, String> = world.servers().collect();
    let options = [
        "--per-operator",
        "5",
        "--per-prefix",
        "50",
        "--connect-timeout",
        "2s",
    ];
    let Some((_, seen)) = survey(&world, &options) else {
        return;
    };
    let most = at_once(&seen.visits, |ip| operators[&ip].clone());
    assert!((3..=5).contains(&most), "{most}");
    assert!(at_once(&seen.visits, prefix) > 4);
}
