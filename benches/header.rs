//! `make bench-header`: header-trace over an mbox of 100,000 messages, beside mail-parser's full parse of the same.
//!
//! Rates are by processor time, so that what else the machine does counts little. header-trace also hashes every header
//! block, judges, and writes some 600 bytes for each hop.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::process::{Command, Stdio};
use std::time::Instant;

use mail_parser::MessageParser;

const MESSAGES: usize = 100_000;
/// What is asked of header-trace, messages a second of processor time: 1.65 s for all.
const WANTED: f64 = 60_600.0;

fn main() {
    // `cargo test --benches` asks for tests, of which there are none here.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let fields = fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/data/received/real.txt"
    ))
    .unwrap();
    let fields: Vec<String> = fields
        .split("\n\n")
        .filter(|block| block.contains("Received:"))
        .map(|block| {
            block
                .lines()
                .filter(|line| !line.starts_with("# "))
                .fold(String::new(), |field, line| field + line + "\n")
        })
        .collect();
    let messages: Vec<String> = (0..MESSAGES)
        .map(|number| message(&fields, number))
        .collect();
    let mbox = tempfile::NamedTempFile::new().unwrap();
    let text: String = messages
        .iter()
        .map(|message| format!("From - Mon Jan  1 00:00:00 2024\n{message}\n"))
        .collect();
    fs::write(mbox.path(), &text).unwrap();
    println!(
        "{MESSAGES} messages, {:.0} MB, 4 Received fields each",
        text.len() as f64 / 1e6
    );

    let mut runs: Vec<(f64, f64)> = (0..3)
        .map(|_| {
            let (began, clock) = (seconds(Whose::Children), Instant::now());
            let status = Command::new(env!("CARGO_BIN_EXE_header-trace"))
                .arg(mbox.path())
                .stdout(Stdio::null())
                .status()
                .unwrap();
            assert!(status.success());
            let wall = clock.elapsed().as_secs_f64();
            (seconds(Whose::Children) - began, wall)
        })
        .collect();
    runs.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (cpu, wall) = runs[1];
    let ours = report("header-trace, mbox to hops", cpu);
    println!("header-trace, the same run by the clock: {wall:.2} s");

    let began = seconds(Whose::Own);
    for message in &messages {
        black_box(MessageParser::default().parse(message.as_bytes()).unwrap());
    }
    report(
        "mail-parser, full parse in memory",
        seconds(Whose::Own) - began,
    );

    if ours < WANTED {
        println!("below {WANTED} messages/s and core");
        std::process::exit(1);
    }
}

fn report(what: &str, seconds: f64) -> f64 {
    let rate = MESSAGES as f64 / seconds;
    println!("{what}: {rate:.0} messages/s and core ({seconds:.2} s)");
    rate
}

enum Whose {
    Own,
    Children,
}

/// Processor time so far, user and system (proc_pid_stat(5)).
fn seconds(whose: Whose) -> f64 {
    /// USER_HZ, the same on every Linux architecture in use.
    const TICKS: f64 = 100.0;
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    // The second field is the program's name in parentheses.
    let (_, rest) = stat.rsplit_once(") ").unwrap();
    let first = match whose {
        Whose::Own => 11,
        Whose::Children => 13,
    };
    let ticks: f64 = rest
        .split(' ')
        .skip(first)
        .take(2)
        .map(|field| field.parse::<f64>().unwrap())
        .sum();
    ticks / TICKS
}

/// A message with four Received fields and what else a mail of today has in its header.
fn message(fields: &[String], number: usize) -> String {
    let mut text = format!(
        "Return-Path: <bounce+{number}@news.example.org>\nDelivered-To: someone@example.net\n"
    );
    for at in 0..4 {
        text += &fields[(number * 7 + at * 11) % fields.len()];
    }
    let blob = "dGhpcyBpcyBub3QgYSBzaWduYXR1cmUgYnV0IGFzIGxvbmcgYXMgb25l".repeat(5);
    writeln!(text, "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=s1;\n\th=from:to:subject:date;\n\tb={blob}").unwrap();
    writeln!(text, "Authentication-Results: mx.example.net; dkim=pass header.d=example.org;\n\tspf=pass smtp.mailfrom=news.example.org; dmarc=pass").unwrap();
    writeln!(text, "From: News <news@example.org>\nTo: <someone@example.net>\nSubject: Number {number}\nDate: Mon, 1 Jan 2024 00:00:00 +0000\nMessage-ID: <{number}@example.org>\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n").unwrap();
    text + &"A line of a body that nobody reads here.\n".repeat(20)
}
