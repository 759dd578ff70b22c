//! smtp-probe against servers of every behaviour: what it reads, what it writes, and how it behaves itself.

mod behaviours;
mod fair;
#[cfg(feature = "lab")]
mod lab;
mod paces;
#[cfg(feature = "lab")]
mod pacing;
mod scripted;

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use socket2::Socket;

use super::harness::{Ran, program, run, run_command};
use scripted::{Hear, Hold, Scripted, Step, deaf, say};

const LOOPBACK: &[&str] = &[
    "--helo",
    "probe.example.org",
    "--allow",
    "127.0.0.0/8",
    "--spacing",
    "0",
];

fn probe(arguments: &[&str], input: &str) -> Ran {
    let arguments: Vec<_> = LOOPBACK.iter().chain(arguments).copied().collect();
    run("smtp-probe", &arguments, input)
}

fn only(ran: &Ran) -> Value {
    let [record] = &ran.of_type("smtp")[..] else {
        panic!("not one smtp record: {}", ran.stdout);
    };
    record.clone()
}

const HI: &str = "220 mx.example ESMTP\r\n";
const OFFER: &str = "250-mx.example\r\n250-SIZE 1000\r\n250 STARTTLS\r\n";
const GO: &str = "220 2.0.0 go ahead\r\n";

const EHLO: &str = "EHLO probe.example.org";
const HELO: &str = "HELO probe.example.org";
const YES: Option<bool> = Some(true);
const NO: Option<bool> = Some(false);

fn well() -> Vec<Step> {
    vec![say(HI), Hear, say(OFFER), Hear, say(GO), Hold]
}

/// The end of a conversation that the client may end with QUIT.
fn until_quit(mut steps: Vec<Step>) -> Vec<Step> {
    steps.extend([Hear, say("221 bye\r\n"), Hold]);
    steps
}

// --- input ----------------------------------------------------------------------------------------------------

fn reasons(ran: &Ran) -> Vec<String> {
    let records = ran.of_type("smtp");
    let reason = |record: &Value| record["outcome"]["reason"].as_str().unwrap().to_owned();
    let mut reasons: Vec<_> = records.iter().map(reason).collect();
    reasons.sort();
    reasons
}

fn end(ran: &Ran) -> Value {
    let records = ran.records();
    let last = records.last().unwrap();
    assert_eq!(last["event"], "end");
    last.clone()
}

#[test]
fn lines_that_are_garbage_are_named_and_the_others_are_measured() {
    let server = Scripted::new("127.0.0.1", vec![well()]);
    let to = server.to;
    let input = format!(
        "{to}\nexample.org\n{{\"type\":\n# a comment\n\n{{\"type\":\"other\",\"x\":1}}\n\u{1b}[31m\n127.0.0.1:0\n\
         {{\"type\":\"domain\",\"domain\":7}}\n[::1]:9,mx.example\n{{\"type\":\"domain\",\"domain\":\"a.example\"}}\n{to}\n"
    );
    let ran = probe(&[], &input).expect(1);
    assert_eq!(reasons(&ran), ["blocked_address", "ok"]);
    for line in [2, 3, 7, 8, 9] {
        assert!(
            ran.stderr.contains(&format!("line {line}: ")),
            "{}",
            ran.stderr
        );
    }
    assert_eq!(ran.stderr.lines().count(), 5, "{}", ran.stderr);
    assert!(!ran.stderr.contains('\u{1b}'));
    assert!(ran.stdout.contains("{\"type\":\"other\",\"x\":1}\n"));
    let end = end(&ran);
    assert_eq!(crate::harness::by_name(&end["counts"])["complaints"], 5);
    assert_eq!(crate::harness::by_name(&end["counts"])["connections"], 1);
    assert_eq!(
        crate::harness::by_name(&end["counts"])["connections_saved"],
        1
    );
}

fn domain(name: &str, exchange: &str, addresses: &[&str]) -> String {
    let addresses: Vec<_> = addresses.iter().map(|ip| json!({ "ip": ip })).collect();
    let mx = json!([{"exchange": exchange, "preference": 10, "addresses": addresses}]);
    format!("{}\n", json!({"type": "domain", "domain": name, "mx": mx}))
}

#[test]
fn a_server_is_asked_once_for_all_domains_and_behind_the_line_that_named_it() {
    let server = Scripted::new("127.0.0.1", vec![well()]);
    let port = server.to.port().to_string();
    let first = domain(
        "a.example",
        "mx.a.example",
        &["127.0.0.1", "::ffff:127.0.0.1"],
    );
    let second = domain("b.example", "mx.b.example", &["127.0.0.1"]);
    let done = format!(
        "{}\n",
        json!({"type": "smtp", "ip": "127.0.0.2", "port": server.to.port(), "outcome": {"phase": "done", "reason": "ok"}})
    );
    let third = domain("c.example", "mx.c.example", &["127.0.0.2"]);
    let input = format!("{first}{second}{done}{third}");
    let ran = probe(&["--port", &port, "--transcript"], &input).expect(0);
    let lines: Vec<_> = ran.stdout.split_inclusive('\n').collect();
    assert_eq!(lines[1..5], [first.as_str(), &second, &done, &third]);
    let record: Value = serde_json::from_str(lines[5]).unwrap();
    assert_eq!(
        record["for"],
        json!({"domain": "a.example", "exchange": "mx.a.example"})
    );
    let said: Vec<_> = record["transcript"].as_array().unwrap().iter().collect();
    assert_eq!(
        said[0],
        &json!({"by": "server", "text": "220 mx.example ESMTP"})
    );
    assert_eq!(said[1], &json!({"by": "client", "text": EHLO}));
    assert_eq!(said.len(), 7);
    assert_eq!(server.seen.lock().unwrap().connections, 1);
    assert_eq!(
        crate::harness::by_name(&end(&ran)["counts"])["connections_saved"],
        3
    );
}

#[test]
fn who_asked_to_be_left_alone_is_and_the_others_on_his_server_are_not() {
    let server = Scripted::new("127.0.0.1", vec![well()]);
    let port = server.to.port().to_string();
    let directory = tempfile::tempdir().unwrap();
    let list = directory.path().join("list");
    std::fs::write(&list, "shy.example\nmx.off.example\n127.0.0.4\n").unwrap();
    let input = [
        domain("shy.example", "mx.big.example", &["127.0.0.1", "127.0.0.2"]),
        domain("a.example", "mx.big.example", &["127.0.0.1"]),
        domain("b.example", "mx.off.example", &["127.0.0.3"]),
        domain("c.example", "mx.c.example", &["127.0.0.4"]),
    ]
    .concat();
    let ran = probe(
        &["--port", &port, "--exclude", list.to_str().unwrap()],
        &input,
    )
    .expect(0);
    let mut found: Vec<_> = ran
        .of_type("smtp")
        .iter()
        .map(|record| format!("{} {}", record["ip"], record["outcome"]["reason"]))
        .collect();
    found.sort();
    assert_eq!(
        found,
        [
            "\"127.0.0.1\" \"ok\"",
            "\"127.0.0.2\" \"excluded\"",
            "\"127.0.0.3\" \"excluded\"",
            "\"127.0.0.4\" \"excluded\""
        ]
    );
}

#[test]
fn a_stopped_run_counts_the_servers_that_waited_for_the_end_of_the_input() {
    let server = Scripted::new("127.0.0.1", vec![well()]);
    let directory = tempfile::tempdir().unwrap();
    let list = directory.path().join("list");
    std::fs::write(&list, "shy.example\n").unwrap();
    let mut child = Command::new(program("smtp-probe"))
        .args(LOOPBACK)
        .args(["--port", &server.to.port().to_string(), "--exclude"])
        .arg(&list)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let shy = domain("shy.example", "mx.big.example", &["127.0.0.1", "127.0.0.2"]);
    let open = domain("a.example", "mx.big.example", &["127.0.0.1"]);
    input.write_all((shy + &open).as_bytes()).unwrap();
    // When the one is measured the other still waits: somebody may yet name it who is not excluded.
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    while next()["type"] != "smtp" {}
    let id = child.id().to_string();
    Command::new("kill").args(["-INT", &id]).status().unwrap();
    // Read after the signal, so that it is the signal that ends the run.
    std::thread::sleep(Duration::from_millis(300));
    drop(input);
    let mut end = next();
    while end["event"] != "end" {
        end = next();
    }
    assert_eq!(end["interrupted"], true);
    assert_eq!(crate::harness::by_name(&end["counts"])["not_started"], 1);
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn s4_a_dry_run_wants_no_name() {
    // A machine without a name of two labels: hostname is not found.
    let mut dry = Command::new(program("smtp-probe"));
    dry.args(["--dry-run", "--quiet"])
        .env("PATH", "/nonexistent");
    let ran = run_command(&mut dry, b"9.9.9.9,mx.example\n").expect(0);
    assert!(
        ran.stderr.contains("would make 1 connections to 1 servers"),
        "{}",
        ran.stderr
    );
    assert_eq!(ran.records()[0]["settings"]["helo"], Value::Null);
}

#[test]
fn a_dry_run_says_the_cost_and_sends_nothing() {
    let server = Scripted::new("127.0.0.1", vec![well()]);
    let port = server.to.port().to_string();
    let input = domain("a.example", "mx.big.example", &["127.0.0.1", "127.0.0.2"])
        + &domain("b.example", "mx.big.example", &["127.0.0.1"]);
    let ran = probe(&["--port", &port, "--dry-run", "--samples", "3"], &input).expect(0);
    assert!(
        ran.stderr
            .contains("would make 6 connections to 2 servers, 1 s at --rate 500"),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr.contains("2 servers of big.example"),
        "{}",
        ran.stderr
    );
    assert_eq!(ran.of_type("smtp").len(), 0);
    assert_eq!(
        crate::harness::by_name(&end(&ran)["counts"])["planned_connections"],
        6
    );
    assert_eq!(server.seen.lock().unwrap().connections, 0);
}

#[test]
fn names_that_no_server_would_believe_are_refused_at_the_start() {
    for name in [
        "laptop",
        "localhost.localdomain",
        "a b.example",
        "192.0.2.1",
    ] {
        let ran = run("smtp-probe", &["--helo", name], "").expect(2);
        assert!(ran.stderr.contains("--helo"), "{}", ran.stderr);
        assert_eq!(ran.stdout, "");
    }
}

// --- manners --------------------------------------------------------------------------------------------------

#[test]
fn samples_are_spaced_and_counted_in_one_record() {
    let without = until_quit(vec![
        say(HI),
        Hear,
        say("250 other.example\r\n"),
        Hear,
        say("502 no\r\n"),
    ]);
    let server = Scripted::new("127.0.0.1", vec![well(), without, well()]);
    let input = format!("{}\n", server.to);
    let arguments = ["--helo", "probe.example.org", "--allow", "127.0.0.0/8"];
    let spaced = [&arguments[..], &["--spacing", "300ms", "--samples", "3"]].concat();
    let record = only(&run("smtp-probe", &spaced, &input).expect(0));
    assert_eq!(
        record["samples"],
        json!({"asked": 3, "esmtp": 3, "advertised": 2, "accepted": 2, "inconsistent": true,
            "outcomes": [{"name": "done/ok", "n": 3}], "hosts": ["mx.example", "other.example"]})
    );
    assert_eq!(record["connections"], 3);
    let seen = server.seen.lock().unwrap();
    assert_eq!(seen.most_open, 1);
    for pair in seen.began.windows(2) {
        assert!(pair[1] - pair[0] >= Duration::from_millis(290));
    }
}

#[test]
fn sampling_ends_where_the_server_asks_to_be_left_alone() {
    let busy = until_quit(vec![say("421 busy\r\n")]);
    let server = Scripted::new("127.0.0.1", vec![well(), busy]);
    let record = only(&probe(&["--samples", "5"], &format!("{}\n", server.to)).expect(0));
    assert_eq!(record["outcome"]["reason"], "ok");
    assert_eq!(record["connections"], 2);
    assert_eq!(
        crate::harness::by_name(&record["samples"]["outcomes"]),
        json!({"banner/deferred": 1, "done/ok": 1})
    );
    assert_eq!(record["samples"]["inconsistent"], false);
}

#[test]
fn source_addresses_take_turns() {
    let servers: Vec<_> = (0..4)
        .map(|_| Scripted::new("127.0.0.1", vec![well()]))
        .collect();
    let input: String = servers
        .iter()
        .map(|server| format!("{}\n", server.to))
        .collect();
    probe(&["--bind", "127.0.0.6", "--bind", "127.0.0.7"], &input).expect(0);
    let from: BTreeSet<_> = servers
        .iter()
        .flat_map(|server| server.seen.lock().unwrap().from.clone())
        .map(|ip| ip.to_string())
        .collect();
    assert_eq!(
        from.into_iter().collect::<Vec<_>>(),
        ["127.0.0.6", "127.0.0.7"]
    );
}

#[test]
fn starttls_is_sent_by_rfc_3207_if_asked_for() {
    let without = until_quit(vec![say(HI), Hear, say("250 mx.example\r\n")]);
    let server = Scripted::new("127.0.0.1", vec![without]);
    let input = format!("{}\n", server.to);
    let record = only(&probe(&["--starttls", "advertised"], &input).expect(0));
    assert_eq!(
        record["outcome"],
        json!({"phase": "starttls", "reason": "not_advertised"})
    );
    assert_eq!(
        record["starttls"],
        json!({"advertised": false, "accepted": null})
    );
    assert_eq!(server.heard(), [EHLO, "QUIT"]);
}

// --- where we are ---------------------------------------------------------------------------------------------

/// 50 servers in 25 networks that answer no SYN, on one port.
fn silent_internet() -> (u16, Vec<Socket>, String) {
    let (first, mut sockets) = deaf("127.1.0.1", 0);
    let mut input = format!("{first}\n");
    for index in 1..50 {
        let address = format!("127.1.{}.{}", index % 25, 1 + index / 25);
        let (to, more) = deaf(&address, first.port());
        sockets.extend(more);
        input += &format!("{to}\n");
    }
    (first.port(), sockets, input)
}

#[test]
fn a_blocked_port_is_told_from_a_dead_world() {
    let (_, _sockets, input) = silent_internet();
    let quick = ["--connect-timeout", "300ms", "--quiet"];
    let ran = probe(&quick, &input).expect(2);
    assert!(
        ran.stderr
            .contains("outbound port 25 seems to be blocked here"),
        "{}",
        ran.stderr
    );

    let ran = probe(&[&quick[..], &["--no-vantage-check"]].concat(), &input).expect(0);
    assert_eq!(ran.of_type("smtp").len(), 50);

    // One that answers, now or in an earlier run, shows that the way is free.
    let server = Scripted::new("127.0.0.1", vec![well()]);
    let alive = format!("{}\n", server.to);
    probe(&quick, &format!("{alive}{input}")).expect(0);
    let directory = tempfile::tempdir().unwrap();
    let part = directory.path().join("part.ndjson");
    std::fs::write(&part, probe(&quick, &alive).expect(0).stdout).unwrap();
    let resume = [&quick[..], &["--resume", part.to_str().unwrap()]].concat();
    let before = server.seen.lock().unwrap().connections;
    let ran = probe(&resume, &format!("{alive}{input}")).expect(0);
    assert_eq!(ran.of_type("smtp").len(), 51);
    assert_eq!(server.seen.lock().unwrap().connections, before);
    assert_eq!(crate::harness::by_name(&end(&ran)["counts"])["resumed"], 1);
}

#[test]
fn a_vantage_host_whose_starttls_is_lost_on_the_way_stops_the_run() {
    let masked = until_quit(vec![
        say(HI),
        Hear,
        say("250-mx\r\n250 XXXXXXXA\r\n"),
        Hear,
        say("500 what\r\n"),
    ]);
    let good = Scripted::new("127.0.0.1", vec![well()]);
    let bad = Scripted::new("127.0.0.1", vec![masked]);
    let refuses = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let with = |host: &str| probe(&["--vantage-host", host], "");
    let ran = with(&good.to.to_string()).expect(0);
    assert_eq!(
        ran.records()[0]["settings"]["vantage_host"]["starttls"],
        true
    );
    let ran = with(&bad.to.to_string()).expect(2);
    assert!(ran.stderr.contains("XXXXXXXA"), "{}", ran.stderr);
    let ran = with(&refuses.to_string()).expect(2);
    assert!(ran.stderr.contains("connect/refused"), "{}", ran.stderr);
}

// --- going on -------------------------------------------------------------------------------------------------

#[test]
fn what_was_answered_finally_is_not_asked_again() {
    let good = Scripted::new("127.0.0.1", vec![well()]);
    let busy = Scripted::new(
        "127.0.0.1",
        vec![until_quit(vec![say("421 busy\r\n")]), well()],
    );
    let slow = Scripted::new("127.0.0.1", vec![vec![Hold], well()]);
    let input = format!("{}\n{}\n{}\n", good.to, busy.to, slow.to);
    let quick = ["--banner-timeout", "500ms", "--retries", "0"];
    let first = probe(&quick, &input).expect(0);
    assert_eq!(reasons(&first), ["deferred", "ok", "timeout"]);
    let directory = tempfile::tempdir().unwrap();
    let part = directory.path().join("part.ndjson");
    // As a kill leaves it: the last line torn.
    std::fs::write(&part, &first.stdout[..first.stdout.len() - 5]).unwrap();
    let resume = ["--resume", part.to_str().unwrap()];
    let second = probe(&[&quick[..], &resume].concat(), &input).expect(0);
    assert_eq!(reasons(&second), ["ok", "ok", "timeout"]);
    assert_eq!(good.seen.lock().unwrap().connections, 1);
    assert_eq!(slow.seen.lock().unwrap().connections, 1);
    let again = [&quick[..], &resume, &["--remeasure", "timeout"]].concat();
    assert_eq!(
        reasons(&probe(&again, &input).expect(0)),
        ["ok", "ok", "ok"]
    );

    let other = [&quick[..], &resume, &["--helo", "other.example.org"]].concat();
    let other: Vec<_> = LOOPBACK[2..].iter().chain(&other).copied().collect();
    let refused = run("smtp-probe", &other, &input).expect(2);
    assert!(
        refused.stderr.contains("--resume: helo was"),
        "{}",
        refused.stderr
    );
}
