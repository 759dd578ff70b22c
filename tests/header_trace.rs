//! `header-trace`: messages in, hops out.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::harness::{Ran, run};

mod figure6;
mod hostile;
mod oracle;
mod privacy;
mod writers;

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
        // qmail's "by 0" names no host.
        if let Some(Host::Name(by)) = theirs.by().filter(|_| !field.contains("by 0 ")) {
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
            // "from" for mail of the machine is a login name, which is never written, nor is the number of a project.
            let is_number = from.bytes().all(|byte| byte.is_ascii_digit());
            if hop["left_out"] == "local" || from == "unknown" || is_number {
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
    let counts = &crate::harness::by_name(&records[2]["counts"]);
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
    // It may be gone already: then nothing was waiting for this.
    drop(stdin.write_all(b"{\"headers\":\"Received: x\"}\n"));
    drop(stdin);
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert!(
        rest.trim_end().ends_with('}') && rest.contains("\"interrupted\":true"),
        "{rest}"
    );
    assert_eq!(child.wait().unwrap().code(), Some(1));
}
