//! The study's figure 6, made and drawn again: 42 messages between seven providers, in the forms of 2014.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{mbox, trace};
use crate::harness::{Ran, run, shell};

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

/// The 42 messages of figure 6, made and traced.
fn traced_of_2014() -> Ran {
    let directory = tempfile::tempdir().unwrap();
    let script = "mail-lab --generate 2014-small --shorten 1000000 --out .";
    shell(script, directory.path()).expect(0);
    let messages = fs::read_to_string(directory.path().join("messages.mbox")).unwrap();
    trace(&[], &messages).expect(0)
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
