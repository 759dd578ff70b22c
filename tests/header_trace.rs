//! `header-trace`: messages in, hops out.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::harness::{Ran, run};

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
