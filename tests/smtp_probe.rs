//! smtp-probe against servers of every behaviour, each on a loopback port of its own.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};

use super::harness::{Ran, run};

/// What a server does, in its order.
#[derive(Clone, Debug)]
enum Step {
    Say(Vec<u8>),
    /// One byte at a time, with a pause before each.
    Drip(&'static str, u64),
    /// Reads a line.
    Hear,
    Wait(u64),
    /// RST instead of FIN.
    Reset,
    /// Stays until the client closes.
    Hold,
    /// The same bytes again and again, until the client has enough.
    Flood(&'static [u8]),
}

use Step::{Drip, Flood, Hear, Hold, Reset, Wait};

fn say(text: &str) -> Step {
    Step::Say(text.as_bytes().to_vec())
}

/// A server: the n-th connection gets the n-th script, later ones the last.
struct Scripted {
    to: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug, Default)]
struct Seen {
    /// Commands, connection after connection.
    heard: Vec<String>,
    connections: usize,
    open: usize,
    most_open: usize,
    from: BTreeSet<IpAddr>,
    began: Vec<Instant>,
}

impl Scripted {
    fn new(address: &str, scripts: Vec<Vec<Step>>) -> Self {
        let listener = TcpListener::bind((address, 0)).unwrap();
        let to = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let shared = seen.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                let mut seen = shared.lock().unwrap();
                let script = scripts[seen.connections.min(scripts.len() - 1)].clone();
                seen.connections += 1;
                seen.open += 1;
                seen.most_open = seen.most_open.max(seen.open);
                seen.from.insert(stream.peer_addr().unwrap().ip());
                seen.began.push(Instant::now());
                drop(seen);
                let shared = shared.clone();
                thread::spawn(move || {
                    let heard = play(stream, script);
                    let mut seen = shared.lock().unwrap();
                    seen.heard.extend(heard);
                    seen.open -= 1;
                });
            }
        });
        Self { to, seen }
    }

    fn heard(&self) -> Vec<String> {
        // The server may be a moment behind its client.
        super::harness::wait_for("the server", Duration::from_secs(5), || {
            self.seen.lock().unwrap().open == 0
        });
        self.seen.lock().unwrap().heard.clone()
    }
}

/// Plays a script; what the client said, to the end.
fn play(mut stream: TcpStream, script: Vec<Step>) -> Vec<String> {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut heard = Vec::new();
    for step in script {
        let done = match step {
            Step::Say(bytes) => stream.write_all(&bytes),
            Drip(text, pause) => text.bytes().try_for_each(|byte| {
                thread::sleep(Duration::from_millis(pause));
                stream.write_all(&[byte])
            }),
            Hear => {
                let mut line = String::new();
                let read = reader.read_line(&mut line);
                if !line.is_empty() {
                    heard.push(line.trim_end().to_owned());
                }
                read.map(drop)
            }
            Wait(pause) => {
                thread::sleep(Duration::from_millis(pause));
                Ok(())
            }
            Reset => {
                let socket = Socket::from(stream.try_clone().unwrap());
                socket.set_linger(Some(Duration::ZERO)).unwrap();
                return heard;
            }
            Hold => {
                let mut rest = String::new();
                let read = reader.read_to_string(&mut rest).map(drop);
                heard.extend(rest.lines().map(str::to_owned));
                read
            }
            Flood(bytes) => loop {
                if let Err(error) = stream.write_all(bytes) {
                    break Err(error);
                }
            },
        };
        if done.is_err() {
            break;
        }
    }
    heard
}

/// A listener whose queue is full: Linux answers no SYN then.
fn deaf(address: &str, port: u16) -> (SocketAddr, Vec<Socket>) {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener.set_reuse_address(true).unwrap();
    let to: SocketAddr = format!("{address}:{port}").parse().unwrap();
    listener.bind(&to.into()).unwrap();
    listener.listen(0).unwrap();
    let to = listener.local_addr().unwrap().as_socket().unwrap();
    let mut sockets = vec![listener];
    for _ in 0..3 {
        let client = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        client.set_nonblocking(true).unwrap();
        let _ = client.connect(&to.into());
        sockets.push(client);
    }
    (to, sockets)
}

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

/// The end of a conversation that the client may end with QUIT.
fn until_quit(mut steps: Vec<Step>) -> Vec<Step> {
    steps.extend([Hear, say("221 bye\r\n"), Hold]);
    steps
}

/// One behaviour and what the record must say: outcome, esmtp, advertised, accepted; then other fields.
struct Case {
    name: &'static str,
    scripts: Vec<Vec<Step>>,
    outcome: &'static str,
    facts: [Option<bool>; 3],
    also: Value,
    heard: &'static [&'static str],
}

const EHLO: &str = "EHLO probe.example.org";
const HELO: &str = "HELO probe.example.org";
const YES: Option<bool> = Some(true);
const NO: Option<bool> = Some(false);

fn case(
    name: &'static str,
    script: Vec<Step>,
    outcome: &'static str,
    facts: [Option<bool>; 3],
    also: Value,
    heard: &'static [&'static str],
) -> Case {
    Case {
        name,
        scripts: vec![script],
        outcome,
        facts,
        also,
        heard,
    }
}

#[rustfmt::skip]
fn behaviours() -> Vec<Case> {
    let full = |banner: Vec<Step>| [banner, vec![Hear, say(OFFER), Hear, say(GO), Hold]].concat();
    let after_ehlo = |steps: Vec<Step>| [vec![say(HI), Hear, say(OFFER), Hear], steps].concat();
    let tls: &[&str] = &[EHLO, "STARTTLS"];
    let no_tls: &[&str] = &[EHLO, "STARTTLS", "QUIT"];
    let once_more: &[&str] = &["QUIT", EHLO, "STARTTLS"];
    let long_banner = format!("220 mx.example {}\r\n", "x".repeat(600));
    let mut cases = vec![
        case("plain", full(vec![say(HI)]), "done/ok", [YES, YES, YES],
            json!({"capabilities": {"size": 1000, "host": "mx.example"}, "connections": 1, "attempts": 1}), tls),
        case("late banner", full(vec![Wait(700), say(HI)]), "done/ok", [YES, YES, YES], json!({}), tls),
        case("postscreen banner", full(vec![say("220-mx.example ESMTP\r\n"), Wait(400), say(HI)]),
            "done/ok", [YES, YES, YES], json!({}), tls),
        case("banner in bytes", full(vec![Drip(HI, 20)]), "done/ok", [YES, YES, YES], json!({}), tls),
        case("banner too late", vec![Wait(2500), say(HI), Hold], "banner/timeout", [None; 3], json!({}), &[]),
        case("never speaks", vec![Hold], "banner/timeout", [None; 3], json!({"connections": 1}), &[]),
        case("tarpit", vec![say(HI), Hear, Drip("250-mx.example\r\n250 STARTTLS\r\n", 100), Hold],
            "ehlo/timeout", [None; 3], json!({"esmtp": null}), &[EHLO]),
        case("554 banner", until_quit(vec![say("554 5.7.1 no\r\n")]), "banner/rejected", [None; 3],
            json!({"banner": {"code": 554, "enhanced": "5.7.1"}, "attempts": 1}), &["QUIT"]),
        case("421 banner", until_quit(vec![say("421 4.7.0 busy\r\n")]), "banner/deferred", [None; 3],
            json!({"attempts": 2, "connections": 2, "outcome": {"detail": "421 4.7.0 busy"}}), &["QUIT", "QUIT"]),
        case("451 to EHLO", until_quit(vec![say(HI), Hear, say("451 4.3.0 greylisted\r\n")]), "ehlo/deferred",
            [None; 3], json!({"ehlo": {"code": 451}, "attempts": 2}), &[EHLO, "QUIT", EHLO, "QUIT"]),
        case("EHLO and HELO refused", until_quit(vec![say(HI), Hear, say("550 bad name\r\n"), Hear, say("550 bad name\r\n")]),
            "helo/rejected", [None; 3], json!({"ehlo": {"code": 550}, "helo": {"code": 550}}), &[EHLO, HELO, "QUIT"]),
        case("HELO only", until_quit(vec![say(HI), Hear, say("502 what\r\n"), Hear, say("250 mx\r\n"), Hear, say("502 what\r\n")]),
            "done/ok", [NO, NO, NO], json!({"helo": {"code": 250}}), &[EHLO, HELO, "STARTTLS", "QUIT"]),
        case("not offered and refused", until_quit(vec![say(HI), Hear, say("250 mx\r\n"), Hear, say("502 5.5.1 no\r\n")]),
            "done/ok", [YES, NO, NO], json!({"starttls": {"reply": {"code": 502, "enhanced": "5.5.1"}}}), no_tls),
        case("not offered but taken", vec![say(HI), Hear, say("250 mx\r\n"), Hear, say(GO), Hold],
            "done/ok", [YES, NO, YES], json!({}), tls),
        case("offered but refused", until_quit(after_ehlo(vec![say("554 5.7.3 no TLS here\r\n")])),
            "done/ok", [YES, YES, NO], json!({}), no_tls),
        case("454", until_quit(after_ehlo(vec![say("454 4.7.0 no TLS now\r\n")])), "starttls/deferred", [YES, YES, None],
            json!({"attempts": 2}), &[EHLO, "STARTTLS", "QUIT", EHLO, "STARTTLS", "QUIT"]),
        case("masked", until_quit(vec![say(HI), Hear, say("250-mx\r\n250 XXXXXXXA\r\n"), Hear, say("500 #5.5.1 what\r\n")]),
            "done/ok", [YES, NO, NO], json!({"starttls": {"masked": "XXXXXXXA"}}), no_tls),
        case("injected", after_ehlo(vec![say("220 go\r\n250 mine\r\n"), Hold]), "done/ok", [YES, YES, YES],
            json!({"starttls": {"injected": "250 mine\r\n"}}), tls),
        case("closes after 220", after_ehlo(vec![say(GO)]), "done/ok", [YES, YES, YES], json!({}), tls),
        case("endless continuation", vec![say(HI), Hear, Flood(b"250-x\r\n")], "ehlo/too_long", [None; 3], json!({}), &[EHLO]),
        case("a line without end", vec![Step::Say(b"220 ".to_vec()), Flood(&[b'x'; 8192])], "banner/too_long", [None; 3],
            json!({}), &[]),
        case("bytes without end", vec![Flood(&[b'x'; 8192])], "banner/not_smtp", [None; 3], json!({}), &[]),
        case("ANSI and HTML", full(vec![say("220-\u{1b}[31m<b>mx</b>\r\n<script>\r\n220 mx\r\n")]), "done/ok",
            [YES, YES, YES], json!({"flags": ["control", "host_mismatch", "no_code"]}), tls),
        case("binary", full(vec![Step::Say(b"220 mx.example \xff\x00\r\n".to_vec())]), "done/ok", [YES, YES, YES],
            json!({"flags": ["binary"], "banner": {"lines": [{"base64": "bXguZXhhbXBsZSD/AA=="}]}}), tls),
        case("bare LF, long line", full(vec![say(&long_banner.replace('\r', ""))]), "done/ok", [YES, YES, YES],
            json!({"flags": ["bare_lf", "long_line"]}), tls),
        case("code change", until_quit(vec![say("220-mx\r\n421 busy\r\n")]), "banner/deferred", [None; 3],
            json!({"flags": ["code_change"]}), &["QUIT", "QUIT"]),
        case("early talker", full(vec![say("220 mx.example\r\n220 mx.example\r\n")]), "done/ok", [YES, YES, YES],
            json!({"flags": ["early_talker"]}), tls),
        case("SSH", vec![say("SSH-2.0-OpenSSH_9.6\r\n"), Hold], "banner/not_smtp", [None; 3],
            json!({"outcome": {"detail": "SSH-2.0-OpenSSH_9.6\r\n"}}), &[]),
        case("closes at once", vec![], "banner/closed", [None; 3], json!({}), &[]),
        case("closes after EHLO", vec![say(HI), Hear], "ehlo/closed", [None; 3], json!({}), &[EHLO]),
        case("closes after STARTTLS", after_ehlo(vec![]), "starttls/closed", [YES, YES, None], json!({}), tls),
        case("resets at once", vec![Reset], "banner/reset", [None; 3], json!({}), &[]),
        case("resets after EHLO", vec![say(HI), Hear, Reset], "ehlo/reset", [None; 3], json!({}), &[EHLO]),
        case("resets after STARTTLS", after_ehlo(vec![Reset]), "starttls/reset", [YES, YES, None], json!({}), tls),
        case("Postfix", full(vec![say("220 mx.example ESMTP Postfix (Debian/GNU)\r\n")]), "done/ok", [YES, YES, YES],
            json!({"software": "Postfix"}), tls),
    ];
    cases.push(Case {
        name: "421 once, then well",
        scripts: vec![until_quit(vec![say("421 4.7.0 too many\r\n")]), full(vec![say(HI)])],
        outcome: "done/ok",
        facts: [YES, YES, YES],
        also: json!({"attempts": 2, "connections": 2,
            "earlier": [{"phase": "banner", "reason": "deferred", "detail": "421 4.7.0 too many"}]}),
        heard: once_more,
    });
    cases
}

/// Whether `record` has all that `part` has.
fn holds(record: &Value, part: &Value) -> bool {
    match (record, part) {
        (Value::Object(record), Value::Object(part)) => part
            .iter()
            .all(|(name, part)| holds(record.get(name).unwrap_or(&Value::Null), part)),
        _ => record == part,
    }
}

#[test]
fn every_behaviour_has_its_record() {
    let cases = behaviours();
    let servers: Vec<_> = cases
        .iter()
        .map(|case| Scripted::new("127.0.0.1", case.scripts.clone()))
        .collect();
    let (deaf, _sockets) = deaf("127.0.0.9", 0);
    let refuses = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let mut input: String = servers
        .iter()
        .map(|server| format!("{}\n", server.to))
        .collect();
    input += &format!("{deaf}\n{refuses}\n192.0.2.1,mx.example\n");
    let begun = Instant::now();
    let ran = probe(
        &[
            "--banner-timeout",
            "1500ms",
            "--reply-timeout",
            "1s",
            "--connect-timeout",
            "1s",
            "--retry-after",
            "200ms",
            "--retries",
            "1",
            "--quiet",
        ],
        &input,
    )
    .expect(0);
    // No slower than the slowest: some two seconds, its second try included.
    assert!(
        begun.elapsed() < Duration::from_secs(8),
        "{:?}",
        begun.elapsed()
    );
    let records = ran.of_type("smtp");
    assert_eq!(records.len(), cases.len() + 3);
    let of = |to: SocketAddr| {
        let mut found = records
            .iter()
            .filter(|record| record["ip"] == to.ip().to_string() && record["port"] == to.port());
        found.next().unwrap()
    };
    let outcome = |record: &Value| {
        let outcome = &record["outcome"];
        format!(
            "{}/{}",
            outcome["phase"].as_str().unwrap(),
            outcome["reason"].as_str().unwrap()
        )
    };
    for (case, server) in cases.iter().zip(&servers) {
        let record = of(server.to);
        let name = case.name;
        assert_eq!(outcome(record), case.outcome, "{name}: {record}");
        let starttls = &record["starttls"];
        let facts = json!([
            record["esmtp"],
            starttls["advertised"],
            starttls["accepted"]
        ]);
        assert_eq!(facts, json!(case.facts), "{name}: {record}");
        assert!(
            holds(record, &case.also),
            "{name}: {record} lacks {}",
            case.also
        );
        assert_eq!(server.heard(), case.heard, "{name}");
        assert_eq!(server.seen.lock().unwrap().most_open, 1, "{name}");
    }
    assert_eq!(outcome(of(deaf)), "connect/timeout");
    assert_eq!(outcome(of(refuses)), "connect/refused");
    assert_eq!(
        outcome(of("192.0.2.1:25".parse().unwrap())),
        "input/blocked_address"
    );
    let raw = |character: char| character.is_control() && character != '\n';
    assert!(!ran.stdout.chars().any(raw));
}

// --- input ----------------------------------------------------------------------------------------------------

fn well() -> Vec<Step> {
    vec![say(HI), Hear, say(OFFER), Hear, say(GO), Hold]
}

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
    assert_eq!(end["counts"]["complaints"], 5);
    assert_eq!(end["counts"]["connections"], 1);
    assert_eq!(end["counts"]["connections_saved"], 1);
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
    assert_eq!(end(&ran)["counts"]["connections_saved"], 3);
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
    assert_eq!(end(&ran)["counts"]["planned_connections"], 6);
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
            "outcomes": {"done/ok": 3}, "hosts": ["mx.example", "other.example"]})
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
        record["samples"]["outcomes"],
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
    assert_eq!(end(&ran)["counts"]["resumed"], 1);
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

// --- a whole internet of them ---------------------------------------------------------------------------------

/// Behaviour of the lab, outcome, esmtp, advertised, accepted.
#[cfg(feature = "lab")]
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

#[cfg(feature = "lab")]
#[test]
fn the_whole_lab_at_once_takes_no_longer_than_its_slowest_server_and_sees_good_manners() {
    use std::process::Command;

    use super::harness::{program, run_command};

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
