//! Every behaviour of a server and the record it must get, all of them in one run.

use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::scripted::{Drip, Flood, Hear, Hold, Reset, Scripted, Step, Wait, deaf, say};
use super::{EHLO, GO, HELO, HI, NO, OFFER, YES, probe, until_quit};

/// One behaviour and what the record must say: outcome, esmtp, advertised, accepted; then other fields.
struct Case {
    name: &'static str,
    scripts: Vec<Vec<Step>>,
    outcome: &'static str,
    facts: [Option<bool>; 3],
    also: Value,
    heard: &'static [&'static str],
}

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
            json!({"starttls": {"injected": null}}), tls),
        case("closes after 220", after_ehlo(vec![say(GO)]), "done/ok", [YES, YES, YES], json!({}), tls),
        case("endless continuation", vec![say(HI), Hear, Flood(b"250-x\r\n")], "ehlo/too_long", [None; 3], json!({}), &[EHLO]),
        case("a line without end", vec![Step::Say(b"220 ".to_vec()), Flood(&[b'x'; 8192])], "banner/too_long", [None; 3],
            json!({}), &[]),
        case("bytes without end", vec![Flood(&[b'x'; 8192])], "banner/not_smtp", [None; 3], json!({}), &[]),
        case("ANSI and HTML", full(vec![say("220-\u{1b}[31m<b>mx</b>\r\n<script>\r\n220 mx\r\n")]), "done/ok",
            [YES, YES, YES], json!({"flags": ["control", "no_code"]}), tls),
        case("binary", full(vec![Step::Say(b"220 mx.example \xff\x00\r\n".to_vec())]), "done/ok", [YES, YES, YES],
            json!({"flags": ["binary"], "banner": {"lines": [{"base64": "bXguZXhhbXBsZSD/AA=="}]}}), tls),
        case("bare LF, long line", full(vec![say(&long_banner.replace('\r', ""))]), "done/ok", [YES, YES, YES],
            json!({"flags": ["bare_lf", "long_line"]}), tls),
        case("code change", until_quit(vec![say("220-mx\r\n421 busy\r\n")]), "banner/deferred", [None; 3],
            json!({"flags": ["code_change"]}), &["QUIT", "QUIT"]),
        case("s1 an empty line before a reply", vec![say(HI), Wait(30), say("\r\n"), Hear, say(OFFER), Hear, say(GO), Hold],
            "done/ok", [YES, YES, YES], json!({"flags": ["no_code"]}), tls),
        case("s2 two codes", until_quit(vec![say("220-mx ESMTP\r\n521 5.7.1 blocked\r\n")]), "banner/rejected", [None; 3],
            json!({"outcome": {"detail": "521 5.7.1 blocked"}, "banner": {"enhanced": "5.7.1"}, "flags": ["code_change"]}),
            &["QUIT"]),
        case("s3 no text, and controls", full(vec![Step::Say(b"220 mx.example \xff\x1b[2J\x00\r\n".to_vec())]), "done/ok",
            [YES, YES, YES], json!({"flags": ["binary", "control"]}), tls),
        case("early talker", full(vec![say("220 mx.example\r\n220 mx.example\r\n")]), "done/ok", [YES, YES, YES],
            json!({"flags": ["early_talker"]}), tls),
        case("s1 a reply too many behind EHLO's", vec![say(HI), Hear, say(OFFER), say("250 more\r\n"), Hear, say(GO), Hold], "done/ok",
            [YES, YES, YES], json!({"flags": ["early_talker"], "capabilities": {"host": "mx.example"}}), tls),
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
    // What the first try learned is not lost in a second that learns less.
    cases.push(Case {
        name: "454, then closed",
        scripts: vec![until_quit(after_ehlo(vec![say("454 4.7.0 no TLS now\r\n")])), vec![]],
        outcome: "starttls/deferred",
        facts: [YES, YES, None],
        also: json!({"attempts": 2, "connections": 2, "earlier": [{"phase": "banner", "reason": "closed"}]}),
        heard: no_tls,
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
