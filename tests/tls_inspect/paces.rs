//! The behaviours of mail-lab of each timing kind: what comes in one packet, 1 ms, 30 ms, 300 ms and 3 s apart has one
//! record, of SMTP and of TLS.

use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{program, run_command};

const PACES: [&str; 5] = ["packet", "1ms", "30ms", "300ms", "3s"];

/// A kind, how SMTP and TLS ended with it, and `accepted` and `negotiated`.
const KINDS: [(&str, &str, &str, [Value; 2]); 11] = {
    const TRUE: Value = Value::Bool(true);
    const NULL: Value = Value::Null;
    [
        ("slow-lines", "done/ok", "done/ok", [TRUE, TRUE]),
        ("empty-line", "done/ok", "done/ok", [TRUE, TRUE]),
        ("late-421", "ehlo/deferred", "", [NULL, NULL]),
        ("unread-ehlo", "ehlo/reset", "", [NULL, NULL]),
        ("unread-hello", "done/ok", "handshake/reset", [TRUE, NULL]),
        ("half-ehlo-closed", "starttls/closed", "", [NULL, NULL]),
        ("half-220", "done/ok", "handshake/closed", [TRUE, NULL]),
        ("reset-220", "done/ok", "handshake/reset", [TRUE, NULL]),
        ("late-454", "done/ok", "handshake/deferred", [TRUE, NULL]),
        (
            "dead-alert",
            "done/ok",
            "handshake/alert",
            [TRUE, Value::Bool(false)],
        ),
        ("injected", "done/ok", "done/ok", [TRUE, TRUE]),
    ]
};

/// The name of a behaviour of the lab.
fn behaviour(kind: &str, pace: &str) -> String {
    match (kind, pace) {
        ("injected", "packet") => kind.to_owned(),
        _ => format!("{kind}-{pace}"),
    }
}

fn ended(record: &Value) -> String {
    let word = |field: &str| record["outcome"][field].as_str().unwrap().to_owned();
    format!("{}/{}", word("phase"), word("reason"))
}

/// A record without what is of its server and of the moment. The server's name is in what it says.
fn facts(record: &Value, ip: &str) -> Value {
    let mut facts = record.clone();
    let fields = facts.as_object_mut().unwrap();
    for field in [
        "ip",
        "port",
        "for",
        "timings",
        "connected",
        "time",
        "run",
        "chain",
        "leaf",
    ] {
        fields.remove(field);
    }
    for verdict in facts["verdicts"].as_array_mut().into_iter().flatten() {
        verdict.as_object_mut().unwrap().remove("at");
    }
    serde_json::from_str(&facts.to_string().replace(ip, "IP")).unwrap()
}

#[test]
fn t3_t4_behaviours_of_each_timing_kind_have_one_record_of_smtp_and_of_tls() {
    let directory = tempfile::tempdir().unwrap();
    let world = directory.path().join("world.ndjson");
    let all = || {
        KINDS
            .iter()
            .flat_map(|(kind, ..)| PACES.map(|pace| behaviour(kind, pace)))
    };
    let ip = |index: usize| format!("127.9.{}.{}", index / 200, index % 200 + 1);
    let lines = all().enumerate().map(|(index, name)| {
        let server = json!({"type": "server", "ip": ip(index), "name": "mx.lab.test", "as": name});
        format!("{server}\n")
    });
    std::fs::write(&world, lines.collect::<String>()).unwrap();
    let mut lab = Command::new(program("mail-lab"));
    lab.args(["--port", "0", "--dns-port", "0"])
        .arg(&world)
        .args(["--", "sh", "-c", "exec \"$@\" --port $MAIL_LAB_PORT", "sh"])
        .arg(program("smtp-probe"))
        .args([
            "--tls",
            "--helo",
            "probe.example.org",
            "--allow",
            "127.0.0.0/8",
        ])
        .args(["--quiet", "--spacing", "0s", "--retries", "0"])
        .args([
            "--banner-timeout",
            "20s",
            "--reply-timeout",
            "20s",
            "--handshake-timeout",
            "20s",
        ]);
    let input: String = (0..all().count()).map(|index| ip(index) + "\n").collect();
    let ran = run_command(&mut lab, input.as_bytes()).expect(0);
    let (smtp, tls) = (ran.of_type("smtp"), ran.of_type("tls"));
    for (number, (kind, said, shaken, known)) in KINDS.iter().enumerate() {
        let mut first = None;
        for (at, pace) in PACES.iter().enumerate() {
            let ip = ip(number * PACES.len() + at);
            let of = |records: &[Value]| records.iter().find(|it| it["ip"] == *ip).cloned();
            let smtp = of(&smtp).unwrap_or_else(|| panic!("{kind} {pace}: {}", ran.stderr));
            let tls = of(&tls);
            assert_eq!(ended(&smtp), *said, "{kind} {pace}: {smtp}");
            let tls_ended = tls.as_ref().map_or_else(String::new, ended);
            assert_eq!(tls_ended, *shaken, "{kind} {pace}: {tls:?}");
            assert_eq!(
                smtp["starttls"]["accepted"], known[0],
                "{kind} {pace}: {smtp}"
            );
            let negotiated = tls
                .as_ref()
                .map_or(Value::Null, |tls| tls["negotiated"].clone());
            assert_eq!(negotiated, known[1], "{kind} {pace}: {tls:?}");
            let both = (facts(&smtp, &ip), tls.map(|tls| facts(&tls, &ip)));
            assert_eq!(
                first.get_or_insert_with(|| both.clone()),
                &both,
                "{kind} {pace}"
            );
        }
    }
}
