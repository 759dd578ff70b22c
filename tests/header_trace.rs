//! `header-trace`: messages in, hops out.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::harness::{Ran, run};

#[path = "../fuzz/src/received.rs"]
mod fuzzed;

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/received")
        .join(name)
}

/// The fields of a file under `tests/data/received`: what the line `# …` before it says, and the field.
fn fields(name: &str) -> Vec<(String, String)> {
    let text = fs::read_to_string(data(name)).unwrap();
    let mut fields = Vec::new();
    for block in text
        .split("\n\n")
        .filter(|block| block.contains("Received:"))
    {
        let (notes, field): (Vec<&str>, Vec<&str>) =
            block.lines().partition(|line| line.starts_with("# "));
        fields.push((
            notes.last().unwrap()[2..].to_owned(),
            field.join("\n") + "\n",
        ));
    }
    fields
}

fn mbox<'a>(messages: impl IntoIterator<Item = &'a str>) -> String {
    messages
        .into_iter()
        .fold(String::new(), |mut mbox, header| {
            write!(mbox, "From - Mon Jan  1 00:00:00 2024\n{header}\nbody\n\n").unwrap();
            mbox
        })
}

fn trace(arguments: &[&str], input: &str) -> Ran {
    run("header-trace", arguments, input)
}

/// A hop in a few lines, `-` where nothing is known.
fn shown(hop: &Value) -> String {
    let at = |pointer: &str| match hop.pointer(pointer) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let end = |name: &str| {
        ["helo", "rdns", "host", "ip", "registered_domain"]
            .iter()
            .map(|field| at(&format!("/{name}/{field}")))
            .collect::<Vec<_>>()
            .join(" ")
    };
    let encrypted = match at("/encrypted").as_str() {
        "true" => "yes",
        "false" => "no",
        _ => "unknown",
    };
    format!(
        "  from {}\n  by {}\n  {} {} writer={} with={:?}\n  {encrypted} by {}: {} {} {} stated {} {}\n  {} counts={} {} faults={}{}\n",
        end("from"),
        end("by"),
        at("/protocol"),
        at("/time"),
        at("/writer"),
        at("/with"),
        at("/evidence"),
        at("/version"),
        at("/cipher/iana"),
        at("/bits"),
        at("/stated/version"),
        at("/stated/cipher"),
        at("/cipher/openssl"),
        at("/inter_organisation"),
        at("/left_out"),
        at("/faults"),
        if hop["reason"].is_null() {
            String::new()
        } else {
            format!("\n  {}: {}", at("/reason"), at("/raw"))
        },
    )
}

/// Compares with a file that a person has read; `UPDATE_EXPECTED=1` writes it anew.
#[track_caller]
fn compare(fields_of: &str, expected_in: &str) {
    let fields = fields(fields_of);
    let input = mbox(fields.iter().map(|(_, field)| field.as_str()));
    let hops = trace(&[], &input).expect(0).of_type("hop");
    assert_eq!(hops.len(), fields.len());
    let mut made = String::new();
    for ((note, _), hop) in fields.iter().zip(&hops) {
        write!(made, "{note}\n{}", shown(hop)).unwrap();
    }
    let path = data(expected_in);
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    for (made, expected) in made.lines().zip(expected.lines()) {
        assert_eq!(made, expected);
    }
    assert_eq!(made, expected);
}

#[test]
fn real_fields_of_every_writer() {
    compare("real.txt", "real.expected");
}

#[test]
fn made_fields_of_every_template() {
    compare("made.txt", "made.expected");
}

#[test]
fn the_field_that_the_paper_prints() {
    let (_, field) = fields("real.txt").pop().unwrap();
    let hop = &trace(&[], &(field + "\n")).expect(0).of_type("hop")[0];
    assert_eq!(hop["version"], "TLSv1");
    assert_eq!(hop["cipher"]["openssl"], "DHE-RSA-AES128-SHA");
    assert_eq!(hop["bits"], 128);
    assert_eq!(hop["from"]["registered_domain"], "gmx.net");
    assert_eq!(hop["by"]["registered_domain"], "aol.com");
    assert_eq!(hop["encrypted"], true);
    assert_eq!(hop["inter_organisation"], true);
}

/// How the receivers of figure 6 wrote in 2014: in clear, and under the version that the cell names.
fn field_of_2014(sender: &str, receiver: &str, cell: &str) -> String {
    // Senders' hosts are called otherwise than their users' domains.
    let host = match sender {
        "hotmail.com" => "snt0-omc1-s1.snt0.hotmail.com",
        "gmail.com" => "mail-qv1-f41.google.com",
        "yahoo.com" => "nm1-vm0.bullet.mail.bf1.yahoo.com",
        "aol.com" => "omr-d03.mx.aol.com",
        "web.de" => "mout.web.de",
        "gmx.de" => "mout.gmx.net",
        "mail.ru" => "f1.i.mail.ru",
        other => panic!("{other}"),
    };
    let (ip, date) = ("203.0.113.19", "Tue, 18 Mar 2014 20:58:36 -0400 (EDT)");
    let to = format!("<someone@{receiver}>");
    match receiver {
        "hotmail.com" => format!(
            "from {host} ([{ip}]) by BAY0-MC1-F1.Bay0.hotmail.com with Microsoft SMTPSVC(7.5.7601.22678);\n\t{date}"
        ),
        "gmail.com" if cell.starts_with("TLS") => {
            let version = cell.replace("v1.2", "1_2");
            format!(
                "from {host} ({host}. [{ip}])\n\tby mx.google.com with ESMTPS id e1si2 for {to}\n\t(version={version} cipher=ECDHE-RSA-RC4-SHA bits=128/128);\n\t{date}"
            )
        }
        "gmail.com" => format!(
            "from {host} ({host}. [{ip}])\n\tby mx.google.com with {cell} id e1si2\n\tfor {to};\n\t{date}"
        ),
        "yahoo.com" => format!(
            "from 127.0.0.1  (EHLO {host}) ({ip})\n  by mta1001.mail.bf1.yahoo.com with {cell}; {date}"
        ),
        "aol.com" => {
            let tls = if cell.starts_with("TLS") {
                format!(
                    "\t(using {cell} with cipher DHE-RSA-AES128-SHA (128/128 bits))\n\t(No client certificate requested)\n"
                )
            } else {
                String::new()
            };
            let with = if tls.is_empty() { "ESMTP" } else { "ESMTPS" };
            format!(
                "from {host} ({host} [{ip}])\n{tls}\tby mtain-dk12.r1000.mx.aol.com (Internet Inbound) with {with}\n\tid 264DF38000098 for {to}; {date}"
            )
        }
        "web.de" | "gmx.de" => {
            let by = if receiver == "web.de" {
                "mx-ha.web.de (mxweb006)"
            } else {
                "mx-ha.gmx.net (mxgmx006)"
            };
            format!(
                "from {host} ([{ip}]) by {by} with {cell} (Nemesis)\n id 0LrIXm-1 for {to}; {date}"
            )
        }
        "mail.ru" => format!(
            "from [{ip}] (port=57416 helo={host})\n\tby mx36.mail.ru with {}\n\t(envelope-from <u@{sender}>) id 1WPx2B-0001Ab-SK; {date}",
            cell.to_lowercase()
        ),
        other => panic!("{other}"),
    }
}

/// A message with what stands around the hop that counts: the web mail before it, filters and the mailbox after it.
fn message_of_2014(sender: &str, receiver: &str, cell: &str) -> String {
    format!(
        "Return-Path: <u@{sender}>\n\
         Received: from localhost (localhost [127.0.0.1]) by box (amavisd-new, port 10024) with LMTP id 3; Tue, 18 Mar 2014 20:58:40 -0400\n\
         Received: {}\n\
         Received: from [10.1.2.3] ([10.1.2.3]) by smtp.{sender} with ESMTPSA id 7; Tue, 18 Mar 2014 20:58:30 -0400\n\
         Received: from [198.51.100.9] by web1.{sender} via HTTP; Tue, 18 Mar 2014 20:58:29 -0400\n\
         Subject: hello\n",
        field_of_2014(sender, receiver, cell)
    )
}

/// Sender, receiver and cell of the study's figure 6.
fn figure_6() -> Vec<(String, String, String)> {
    let study = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/study-2014.json");
    let study: Value = serde_json::from_str(&fs::read_to_string(study).unwrap()).unwrap();
    let mut cells = Vec::new();
    for (sender, row) in study["figure6_from_to"].as_object().unwrap() {
        for (receiver, cell) in row.as_object().unwrap() {
            cells.push((
                sender.clone(),
                receiver.clone(),
                cell.as_str().unwrap().to_owned(),
            ));
        }
    }
    assert_eq!(cells.len(), 42);
    cells
}

/// The 42 messages of figure 6, traced.
fn traced_of_2014() -> Ran {
    let messages: Vec<String> = (figure_6().iter())
        .map(|(from, to, cell)| message_of_2014(from, to, cell))
        .collect();
    trace(&[], &mbox(messages.iter().map(String::as_str))).expect(0)
}

/// Two providers' hosts have other names than their users' domains.
fn registered(provider: &str) -> &str {
    match provider {
        "gmail.com" => "google.com",
        "gmx.de" => "gmx.net",
        other => other,
    }
}

/// What the study takes for encrypted.
fn is_tls(cell: &str) -> bool {
    matches!(cell, "ESMTPS" | "SMTPS" | "TLSv1" | "TLSv1.2")
}

#[test]
fn figure_6_cell_for_cell() {
    let hops = traced_of_2014().of_type("hop");
    let counted: Vec<&Value> = (hops.iter())
        .filter(|hop| hop["inter_organisation"] == true)
        .collect();
    assert_eq!(counted.len(), 42);
    for ((sender, receiver, cell), hop) in figure_6().iter().zip(counted) {
        assert_eq!(hop["from"]["registered_domain"], registered(sender));
        assert_eq!(hop["by"]["registered_domain"], registered(receiver));
        let seen = if hop["version"].is_string() {
            &hop["version"]
        } else {
            &hop["protocol"]
        };
        assert_eq!(seen, cell, "{sender} to {receiver}");
        assert_eq!(
            hop["encrypted"],
            is_tls(cell),
            "{sender} to {receiver}: {hop}"
        );
        assert_eq!(hop["evidence"] == "unregistered_token", cell == "SMTPS");
    }
}

#[test]
fn the_report_draws_figure_6() {
    let stream = traced_of_2014().stdout;
    let report = |format: &str| {
        run(
            "report",
            &["--table", "matrix", "--format", format],
            &stream,
        )
        .expect(0)
        .stdout
    };
    let tables: Value = serde_json::from_str(&report("json")).unwrap();
    let rows = tables["tables"][0]["rows"].as_array().unwrap().clone();
    assert_eq!(rows.len(), 7);
    for (sender, receiver, cell) in figure_6() {
        let row = rows
            .iter()
            .find(|row| row["from"] == registered(&sender))
            .unwrap();
        let verdict = if is_tls(&cell) { "yes" } else { "no" };
        assert_eq!(
            row[registered(&receiver)],
            format!("{cell} {verdict} 1"),
            "{sender} to {receiver}"
        );
    }
    let pairs = run(
        "report",
        &[
            "--table",
            "matrix-pairs",
            "--limit",
            "50",
            "--format",
            "json",
        ],
        &stream,
    )
    .expect(0)
    .stdout;
    let pairs: Value = serde_json::from_str(&pairs).unwrap();
    let pairs = pairs["tables"][0]["rows"].as_array().unwrap();
    assert_eq!(pairs.len(), 42);
    assert!(
        pairs
            .iter()
            .all(|pair| pair["strongest"] == pair["in_2014"]),
        "{pairs:?}"
    );
    let (text, page) = (report("text"), report("html"));
    assert!(
        text.contains("SMTPSVC no 1") && text.contains("TLSv1.2 yes 1"),
        "{text}"
    );
    assert!(
        page.contains(">TLSv1.2</text>")
            && page.contains("gmx.net to aol.com: 1 encrypted, 0 in clear")
    );
}

#[test]
fn mail_in_clear_to_a_receiver_that_takes_tls_is_found() {
    let messages = ["one", "two"].map(|id| {
        format!("X: {id}\nReceived: from a.sender.org (a.sender.org [198.51.100.7]) by mx1.receiver.net (Postfix) with ESMTP id 1; Mon, 1 Jan 2024 00:00:00 +0000\n")
    });
    let hops = trace(&[], &mbox(messages.iter().map(String::as_str)))
        .expect(0)
        .stdout;
    let run_line = r#"{"type":"run","event":"start","id":"0a","stage":"mx-lookup","version":"0.1.0","time":"2024-01-01T00:00:00.000Z"}"#;
    let end_line = run_line.replace("start", "end");
    let domain = r#"{"type":"domain","domain":"receiver.net","outcome":{"phase":"done","reason":"ok"},"implicit_mx":false,"null_mx":false,"mx":[{"exchange":"in.receiver.net","preference":10,"registered_domain":"receiver.net","addresses":[{"ip":"192.0.2.9"}],"ipv4":{"phase":"done","reason":"ok"},"ipv6":null,"dnssec":null}],"dnssec":null,"questions":2,"time":"2024-01-01T00:00:00.000Z","elapsed_ms":1,"run":"0a"}"#;
    let smtp = r#"{"type":"smtp","ip":"192.0.2.9","port":25,"for":{"domain":"receiver.net","exchange":"in.receiver.net"},"outcome":{"phase":"done","reason":"ok"},"esmtp":true,"starttls":{"advertised":true,"accepted":true},"connections":1,"attempts":1,"timings":{},"connected":null,"time":"2024-01-01T00:00:00.000Z","run":"0a"}"#;
    let stream = format!("{run_line}\n{domain}\n{smtp}\n{end_line}\n{hops}");
    let ran = run(
        "report",
        &["--table", "clear-though-offered", "--format", "json"],
        &stream,
    );
    let tables: Value =
        serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}", ran.stderr));
    let row = &tables["tables"][0]["rows"][0];
    assert_eq!(
        (&row["from"], &row["by"]),
        (&"sender.org".into(), &"receiver.net".into()),
        "{tables} {}",
        ran.stderr
    );
    assert_eq!((&row["hops"], &row["accepted"]), (&2.into(), &1.into()));
}

#[test]
fn where_mail_parser_states_something_we_agree() {
    use mail_parser::{Host, MessageParser, TlsVersion};
    let mut compared = [0; 4];
    for (note, field) in fields("real.txt").into_iter().chain(fields("made.txt")) {
        let hop = &trace(&[], &(field.clone() + "\n")).expect(0).of_type("hop")[0];
        let message = MessageParser::default()
            .parse_headers(field.as_bytes())
            .unwrap();
        let Some(theirs) = message.received() else {
            continue;
        };
        if let Some(version) = theirs.tls_version() {
            let name = match version {
                TlsVersion::TLSv1_0 => "TLSv1",
                TlsVersion::TLSv1_1 => "TLSv1.1",
                TlsVersion::TLSv1_2 => "TLSv1.2",
                TlsVersion::TLSv1_3 => "TLSv1.3",
                TlsVersion::SSLv3 => "SSLv3",
                other => panic!("{other:?}"),
            };
            // TLSv1/SSLv3 is OpenSSL's name for a family of suites: neither SSLv3 nor TLS 1.0 is said.
            if hop["stated"]["version"] == "TLSv1/SSLv3" {
                assert!(hop["version"].is_null());
            } else {
                assert_eq!(hop["version"], name, "{note}");
                compared[0] += 1;
            }
        }
        if let Some(cipher) = theirs.tls_cipher() {
            let names = [
                &hop["cipher"]["iana"],
                &hop["cipher"]["openssl"],
                &hop["stated"]["cipher"],
            ];
            assert!(
                names.iter().any(|name| *name == cipher),
                "{note}: {cipher} {names:?}"
            );
            compared[1] += 1;
        }
        if let Some(Host::Name(by)) = theirs.by() {
            assert_eq!(
                hop["by"]["host"],
                by.to_lowercase().trim_end_matches('.'),
                "{note}"
            );
            compared[2] += 1;
        }
        if let Some(Host::Name(from)) = theirs.from() {
            let from = from.to_lowercase();
            // "(qmail 2160 invoked from network)" names no host, nor does qmail's "unknown", and what Exim has behind
            // "from" for mail of the machine is a login name, which is never written.
            if hop["left_out"] == "local" || from == "unknown" {
                continue;
            }
            let ours = ["helo", "rdns", "host"].map(|name| {
                hop["from"][name]
                    .as_str()
                    .unwrap_or_default()
                    .to_lowercase()
            });
            assert!(ours.contains(&from), "{note}: {from} {ours:?}");
            compared[3] += 1;
        }
    }
    println!("versions, ciphers, by, from: {compared:?}");
    assert!(compared.iter().all(|&count| count >= 20), "{compared:?}");
}

#[test]
fn files_directories_and_standard_input() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let header = |name: &str| {
        format!(
            "Received: from {name}.example.org by mx.example.net with ESMTP; x\nSubject: {name}\n"
        )
    };
    for (path, text) in [
        ("mail/b.eml", header("b") + "\nReceived: in the body\n"),
        ("mail/sub/a.eml", header("a").replace('\n', "\r\n")),
        ("mail/.hidden", header("no")),
        ("box/new/1", header("c")),
        ("box/cur/2:2,S", header("d")),
        ("box/tmp/3", header("no")),
        ("box/.Sent/cur/4", header("e")),
        ("box/.Sent/new/.keep", String::new()),
        (
            "all.mbox",
            mbox([
                header("f").as_str(),
                &header("a").replace('\n', "\r\n"),
                &header("g"),
            ]),
        ),
        ("all.ndjson", format!("{{\"headers\":{:?}}}\n", header("h"))),
    ] {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let paths = ["mail", "box", "all.mbox", "all.ndjson", "-"].map(|name| {
        if name == "-" {
            name.to_owned()
        } else {
            root.join(name).display().to_string()
        }
    });
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let ran = trace(&paths, &header("i")).expect(0);
    let hosts: Vec<String> = ran
        .of_type("hop")
        .iter()
        .map(|hop| {
            hop["from"]["host"]
                .as_str()
                .unwrap()
                .replace(".example.org", "")
        })
        .collect();
    // By name, subfolders too; the message that stands in two places is traced once.
    assert_eq!(hosts.join(""), "baedcfghi");
}

#[test]
fn the_stream_begins_and_ends_with_its_run_and_counts() {
    let input = mbox([
        "Received: from a.test by b.test with SMTP; x\n",
        "Subject: none\n",
        "Subject: none\n",
    ]);
    let records = trace(&[], &input).expect(0).records();
    let kinds: Vec<&str> = records
        .iter()
        .map(|record| record["type"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["run", "hop", "run"]);
    assert_eq!(records[0]["event"], "start");
    assert_eq!(records[1]["run"], records[0]["id"]);
    let counts = &records[2]["counts"];
    assert_eq!(
        (
            &counts["messages"],
            &counts["repeats"],
            &counts["without_received"]
        ),
        (&2.into(), &1.into(), &1.into())
    );
}

#[test]
fn hops_go_from_the_oldest_on_with_delays_below_zero_where_clocks_disagree() {
    let header = "Received: from c by d with SMTP; Tue, 18 Mar 2014 12:00:01 +0000\n\
        Received: from b by c with SMTP; Tue, 18 Mar 2014 13:00:03 +0100\n\
        Received: from a by b with SMTP; Tue, 18 Mar 2014 12:00:00 -0000\n\
        Received: from z by a with SMTP; Tue, 18 Mar 2014 11:00:00\n";
    let hops = trace(&[], header).expect(0).of_type("hop");
    let delays: Vec<Option<i64>> = hops.iter().map(|hop| hop["delay_ms"].as_i64()).collect();
    // Over a time without a zone nothing is reckoned.
    assert_eq!(delays, [None, None, Some(3000), Some(-2000)]);
    assert_eq!(hops[0]["faults"][0], "no_zone");
    assert_eq!((&hops[0]["hop"], &hops[0]["of"]), (&1.into(), &4.into()));
}

#[test]
fn belief_ends_at_the_door() {
    let header = "Received: from in.example.org (in.example.org [192.0.2.1]) by box.example.org (Postfix) with ESMTPS id 2; x\n\
        Received: from evil.test (evil.test [203.0.113.9]) by in.example.org (Postfix) with ESMTPS id 3; x\n\
        Received: from bank.test (bank.test [198.51.100.1]) by in.example.org (Postfix) with ESMTPS id 4; x\n";
    let believed = |arguments: &[&str]| -> Vec<Value> {
        trace(arguments, header)
            .expect(0)
            .of_type("hop")
            .iter()
            .map(|hop| hop["trusted"].clone())
            .collect()
    };
    assert_eq!(believed(&[]), [Value::Null, Value::Null, Value::Null]);
    assert_eq!(
        believed(&["--trusted-by", "Example.ORG."]),
        [false, true, true].map(Value::from)
    );
    assert_eq!(
        believed(&["--trusted-by", "ample.org"]),
        [false, false, false].map(Value::from)
    );
    let wrong = trace(&["--trusted-by", "..."], header).expect(2);
    assert!(wrong.stderr.contains("a domain name"), "{}", wrong.stderr);
}

#[test]
fn nothing_personal_leaves() {
    let mut input = String::new();
    for (_, field) in fields("real.txt").into_iter().chain(fields("made.txt")) {
        input += &field;
    }
    let ran = trace(&[], &(input + "Received: secret@local.test (x)\nReceived: from john@pc.test (secret@z.test@192.0.2.1) by b (user secret)\n\twith ESMTPA (secret) id secret for <secret@x.test>; x\n")).expect(0);
    for word in [
        "secret",
        "john",
        "username",
        "xxxx",
        "955141FBFE",
        "264DF38000098",
        "78e0e40f",
        "mail.gmail",
    ] {
        assert!(!ran.stdout.contains(word), "{word}");
    }
    assert!(!ran.stdout.contains("@t") && ran.stdout.contains("*@local.test"));
}

#[test]
fn a_key_makes_ids_that_lead_nowhere() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key");
    let header = "Received: from a.test by b.test with SMTP; x\n";
    let id = |arguments: &[&str]| {
        trace(arguments, header).expect(0).of_type("hop")[0]["message"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let plain = id(&[]);
    assert_eq!(plain, id(&[]));
    assert_eq!(plain.len(), 32);
    fs::write(&path, "sixteen bytes or more\n").unwrap();
    let file = path.display().to_string();
    let keyed = id(&["--id-key", &file]);
    assert_ne!(plain, keyed);
    assert_eq!(keyed, id(&["--id-key", &file]));
    fs::write(&path, "short\n").unwrap();
    let short = trace(&["--id-key", &file], header).expect(2);
    assert!(
        short.stderr.contains("at least 16 bytes"),
        "{}",
        short.stderr
    );
    assert_eq!(trace(&["--id-key", "/nonexistent"], header).status, 2);
}

#[test]
fn records_are_sent_on_and_what_is_not_understood_is_told() {
    let hop = trace(&[], "Received: from a.test by b.test with SMTP; x\n")
        .expect(0)
        .of_type("hop")
        .remove(0);
    let input = format!(
        "{hop}\n{{\"headers\":\"Received: from a.test by b.test with SMTP; x\\n\"}}\n{{ \"type\" : \"later\" }}\nnonsense\n{{\"a\":1}}\n{{\"type\":\"run\",\"event\":\"start\",\"id\":\"00\",\"stage\":\"x\",\"version\":\"1\",\"time\":\"t\"}}\n"
    );
    let ran = trace(&[], &input).expect(1);
    // The message whose hop came in is not traced again; a line that is no record of ours keeps its bytes.
    assert_eq!(ran.of_type("hop"), [hop]);
    assert!(ran.stdout.contains("\n{ \"type\" : \"later\" }\n"));
    assert!(
        ran.stderr.contains("standard input:4: not a JSON object"),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr
            .contains("standard input:5: an object with neither"),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr.contains("run 00 of x began and did not end"),
        "{}",
        ran.stderr
    );
    assert_eq!(ran.of_type("run").last().unwrap()["cut"][0], "00");
}

#[test]
fn files_that_cannot_be_read_are_named_and_the_others_are_read() {
    let directory = tempfile::tempdir().unwrap();
    let good = directory.path().join("good.eml");
    fs::write(&good, "Received: from a.test by b.test with SMTP; x\n").unwrap();
    let missing = directory
        .path()
        .join("missing\u{1b}[31m")
        .display()
        .to_string();
    let ran = trace(&[&missing, &good.display().to_string()], "").expect(1);
    assert_eq!(ran.of_type("hop").len(), 1);
    assert!(
        ran.stderr.contains("missing\\u{1b}[31m: No such file"),
        "{}",
        ran.stderr
    );
    let ran = trace(&["--progress", &good.display().to_string()], "").expect(0);
    assert!(ran.stderr.contains("1 files, 1 messages"), "{}", ran.stderr);
    assert_eq!(
        trace(&["-q", &good.display().to_string()], "")
            .expect(0)
            .stderr,
        ""
    );
}

#[test]
fn hostile_fields_take_no_time() {
    let began = std::time::Instant::now();
    let ten = 10 << 20;
    let header = format!(
        "Received: {}\nReceived: {}\nReceived: from a {} by b.test with SMTP; x\nReceived: {}\nReceived: {}\nReceived: {}\n",
        "(".repeat(100_000),
        "a(".repeat(100_000),
        "(".repeat(50_000) + &")".repeat(50_000),
        "\"<".repeat(100_000),
        "from by with id for ; ".repeat(10_000),
        "x".repeat(ten),
    );
    let ran = trace(&[], &header).expect(0);
    assert_eq!(ran.of_type("hop").len(), 6);
    assert_eq!(ran.of_type("hop")[0]["reason"], "too_long");
    assert_eq!(ran.of_type("hop")[3]["by"]["host"], "b.test");
    assert!(ran.stdout.len() < 64 << 10);
    let cut = trace(&[], &format!("Subject: {}\n", "x".repeat(17 << 20))).expect(1);
    assert!(cut.stderr.contains("over 16 MiB"), "{}", cut.stderr);
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("many.mbox");
    let many: Vec<String> = (0..20_000)
        .map(|n| format!("Received: from a{n}.test by b.test with SMTP; x\n"))
        .collect();
    fs::write(&path, mbox(many.iter().map(String::as_str))).unwrap();
    let program = super::harness::program("header-trace");
    let script = format!(
        "set -o pipefail; {} {} | head -n 1 >/dev/null; echo ${{PIPESTATUS[0]}}",
        program.display(),
        path.display()
    );
    let ran = super::harness::run_command(
        std::process::Command::new("bash").args(["-c", &script]),
        b"",
    );
    assert_eq!(ran.stdout.trim(), "0", "{}", ran.stderr);
}

/// Pieces of fields, mailboxes and objects, for combinations that nobody thought of.
const PIECES: &[&str] = &[
    "Received: ",
    "received:",
    "X: ",
    "from ",
    "by ",
    "via ",
    "with ",
    "id ",
    "for ",
    "tls ",
    "over TLS ",
    "; ",
    "(",
    ")",
    "(using TLSv1.2 with cipher ",
    "(version=",
    "cipher=",
    "bits=",
    "128/128",
    "(TLS: TLSv1,",
    "(TLS1.2:",
    ":256)",
    "ESMTPS",
    "SMTPs",
    "Microsoft SMTPSVC(",
    "Microsoft SMTP Server ",
    "AES128-SHA encrypted SMTP",
    "ESMTP/TLS/",
    "local ",
    "TLS_AES_128_GCM_SHA256",
    "DHE-RSA-AES128-SHA",
    "ECDHE_X25519__RSA__AES_128_GCM",
    "__",
    "_P256",
    "TLSv1/SSLv3",
    "mx.example.org",
    "a.b.test.",
    "localhost",
    "unknown",
    "[192.0.2.1]",
    "[IPv6:2001:db8::1]",
    "[::1",
    "]:25",
    "127.0.0.1",
    "(helo=",
    "(HELO ",
    "(EHLO x) ",
    "u@v@192.0.2.1",
    "<a@b>",
    "<",
    "\"",
    "\\",
    "Tue, 18 Mar 2014 20:58:36 -0400",
    "99:99:99",
    "-9999",
    "+",
    "2014-03-18T",
    "Z",
    "1",
    " ",
    "\r\n\t",
    "\n ",
    "\n",
    "\r\n\r\n",
    "\n\nFrom a 10:00\n",
    "From ",
    "\u{feff}",
    "Content-Length: 5\n",
    "{\"headers\":\"",
    "\"}\n",
    "{\"type\":\"hop\"}\n",
    "\0",
    "\u{202e}",
    "é",
    "(qmail 1 invoked",
];

proptest::proptest! {
    #[test]
    fn any_combination_of_pieces_is_taken(
        picks in proptest::collection::vec((0..PIECES.len(), proptest::option::weighted(0.1, proptest::prelude::any::<u8>())), 0..60)
    ) {
        let mut bytes = Vec::new();
        for (piece, byte) in picks {
            bytes.extend_from_slice(PIECES[piece].as_bytes());
            bytes.extend(byte);
        }
        fuzzed::run(&bytes);
    }
}

#[test]
fn a_signal_ends_the_reading_and_the_last_line_is_written() {
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    use std::process::{Command, Stdio};
    let mut child = Command::new(super::harness::program("header-trace"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin
        .write_all(b"{\"headers\":\"Received: from a.test by b.test with SMTP; x\"}\n")
        .unwrap();
    // What was read is there before more is written: nothing waits in a buffer.
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut lines = [String::new(), String::new()];
    for line in &mut lines {
        stdout.read_line(line).unwrap();
    }
    assert!(lines[1].starts_with("{\"type\":\"hop\""), "{lines:?}");
    let killed = Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    std::thread::sleep(std::time::Duration::from_millis(300));
    stdin.write_all(b"{\"headers\":\"Received: x\"}\n").unwrap();
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert!(
        rest.trim_end().ends_with('}') && rest.contains("\"interrupted\":true"),
        "{rest}"
    );
    assert_eq!(child.wait().unwrap().code(), Some(1));
}
