//! The rules of the house that can be counted: words are types, names are borne once, no name is a preposition.

mod functions;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Fields of records that are strings, by what they hold: none of it is a closed vocabulary.
const STRINGS: &[(&str, &[&str])] = &[
    (
        "a name of the DNS",
        &[
            "CaaSet.found_at",
            "CaaSet.name",
            "Dangling.name",
            "Dangling.registrable",
            "DkimKey.cname",
            "DkimKey.selector",
            "DmarcReceiver.domain",
            "DmarcStep.name",
            "Domain.cname",
            "Domain.domain",
            "Exchange.cname",
            "Exchange.exchange",
            "Exchange.registered_domain",
            "Fault.name",
            "For.domain",
            "For.exchange",
            "HopEnd.host",
            "HopEnd.rdns",
            "HopEnd.registered_domain",
            "Listed.domain",
            "Policy.domain",
            "Policy.exchanges",
            "SpfInclude.name",
            "SpfInclude.registered_domain",
            "Sts.cname",
            "Sts.domain",
            "Sts.host",
            "StsCover.exchange",
            "Tls.server_name",
            "TlsaSet.base",
        ],
    ),
    (
        "a digest, a number or octets, in hex or base64",
        &[
            "Cert.der",
            "Cert.sha256",
            "CertFacts.serial",
            "CertFacts.spki_sha256",
            "Cipher.id",
            "DhParameters.prime_sha256",
            "DkimKey.key_sha256",
            "Enumeration.leaves",
            "Hop.message",
            "Leaf.sha256",
            "Run.input_sha256",
            "StsCertificate.chain",
            "StsCertificate.sha256",
            "Tls.chain",
            "Tlsa.data",
        ],
    ),
    (
        "a time of RFC 3339",
        &[
            "Cert.time",
            "CertFacts.not_after",
            "CertFacts.not_before",
            "Domain.time",
            "Hop.time",
            "Leaf.not_after",
            "Leaf.not_before",
            "Policy.time",
            "Run.time",
            "Smtp.connected",
            "Smtp.time",
            "Sts.time",
            "StsCertificate.not_after",
            "Tls.connected",
            "Tls.time",
            "Verdict.at",
        ],
    ),
    (
        "the id of a run",
        &[
            "Cert.run",
            "Domain.run",
            "Hop.run",
            "Listed.run",
            "Other.run",
            "Policy.run",
            "Run.cut",
            "Run.id",
            "Run.resumed",
            "Smtp.run",
            "Sts.run",
            "Tls.run",
        ],
    ),
    (
        "what whoever ran a program, or built it, called something",
        &[
            "Listed.source",
            "Other.source",
            "Run.commit",
            "Run.settings",
            "Run.stage",
            "Run.vantage",
            "Run.version",
            "Verdict.store",
            "Verdict.store_date",
        ],
    ),
    (
        "what the other side wrote, by the letter",
        &[
            "Capabilities.auth",
            "Capability.keyword",
            "Inside.gained",
            "Inside.lost",
            "Reply.enhanced",
            "Starttls.masked",
            "Sts.id",
        ],
    ),
    (
        "a name out of a registry that grows, hundreds long",
        &["Cipher.iana", "Cipher.openssl", "DhParameters.name"],
    ),
    (
        "a name of software, which the world goes on to invent",
        &["Hop.writer", "Smtp.software"],
    ),
    (
        "words for people",
        &["Cert.fault", "Enumeration.unknown", "NamedCount.name"],
    ),
];

fn files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                found.push(path);
            }
        }
    }
    assert!(!found.is_empty());
    found
}

/// The lines of a file up to its tests.
fn code(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap();
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap();
    code.lines().map(|line| line.trim().to_owned()).collect()
}

fn word(text: &str) -> &str {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    &text[..text.find(|it| !is_part(it)).unwrap_or(text.len())]
}

/// What stands behind `pub` or `pub(…)`.
fn public(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("pub")?;
    match rest.strip_prefix('(') {
        Some(rest) => Some(rest.split_once(") ")?.1),
        None => rest.strip_prefix(' '),
    }
}

/// The types that a file declares for others, vocabularies among them.
fn types(lines: &[String]) -> Vec<&str> {
    let mut found = Vec::new();
    let mut is_vocabulary = false;
    for line in lines {
        if is_vocabulary && !line.starts_with("///") && !line.starts_with('#') {
            is_vocabulary = false;
            let kinds = ["strict ", "open ", "registry "];
            let kind = kinds.iter().find_map(|kind| line.strip_prefix(kind));
            let name = word(kind.unwrap_or(line));
            found.extend((!name.is_empty()).then_some(name));
        }
        is_vocabulary |= line == "vocabulary! {";
        let declared = public(line).and_then(|rest| {
            ["struct ", "enum ", "trait ", "type ", "union "]
                .iter()
                .find_map(|kind| rest.strip_prefix(kind))
        });
        // A macro's own name for it is none.
        found.extend(declared.map(word).filter(|name| !name.is_empty()));
    }
    found
}

#[test]
fn the_schema_has_its_vocabularies() {
    fn constants(value: &Value) -> usize {
        match value {
            Value::Object(map) => {
                let own = map.contains_key("const") || map.contains_key("enum");
                usize::from(own) + map.values().map(constants).sum::<usize>()
            }
            Value::Array(items) => items.iter().map(constants).sum(),
            _ => 0,
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("mx-survey.schema.json");
    let schema: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let found = constants(&schema);
    assert!(found >= 60, "{found} enums and consts");
}

#[test]
fn no_field_of_a_record_is_a_string_without_a_reason() {
    let allowed: BTreeSet<&str> = STRINGS
        .iter()
        .flat_map(|(_, fields)| *fields)
        .copied()
        .collect();
    let mut found = BTreeSet::new();
    for file in files("src/record") {
        let mut owner = String::new();
        for line in code(&file) {
            let Some(rest) = public(&line) else {
                continue;
            };
            if let Some(name) = rest.strip_prefix("struct ") {
                owner = word(name).to_owned();
            } else if let Some((name, kind)) = rest.split_once(": ")
                && word(name) == name
                && (kind.contains("String") || kind.contains("Box<str>"))
            {
                found.insert(format!("{owner}.{name}"));
            }
        }
    }
    let found: BTreeSet<&str> = found.iter().map(String::as_str).collect();
    let without: Vec<_> = found.difference(&allowed).collect();
    assert!(without.is_empty(), "strings without a reason: {without:?}");
    let gone: Vec<_> = allowed.difference(&found).collect();
    assert!(gone.is_empty(), "no such strings any more: {gone:?}");
}

/// A type that two files would call the same is private to its file, or has the longer name.
#[test]
fn no_type_name_that_leaves_its_file_is_borne_by_several_types() {
    let mut bearers: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for file in files("src") {
        for name in types(&code(&file)) {
            bearers
                .entry(name.to_owned())
                .or_default()
                .push(file.clone());
        }
    }
    assert!(bearers.contains_key("ServerWeakness") && bearers.contains_key("TlsVersion"));
    assert!(bearers.len() > 400, "{} types", bearers.len());
    bearers.retain(|_, files| files.len() > 1);
    assert!(bearers.is_empty(), "{bearers:#?}");
}

#[test]
fn no_function_is_called_by_a_preposition() {
    let mut found = Vec::new();
    for file in files("src") {
        for line in code(&file) {
            let mut rest = public(&line).unwrap_or(&line);
            for kind in ["const ", "async "] {
                rest = rest.strip_prefix(kind).unwrap_or(rest);
            }
            let Some(name) = rest.strip_prefix("fn ").map(word) else {
                continue;
            };
            if ["of", "at", "on", "by", "is", "to"].contains(&name) {
                found.push(format!("{}: {name}", file.display()));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn nobody_reads_the_parts_of_a_suite_out_of_its_name() {
    let parts = [
        "RC4", "_anon_", "EXPORT", "PSK", "_NULL_", "_DES", "_DHE_", "_CBC_", "_GCM",
    ];
    let mut faults = Vec::new();
    for file in files("src") {
        // The other spellings of names are made into names there, which is not reading them.
        if file.ends_with("src/cipher.rs") {
            continue;
        }
        for line in code(&file) {
            for question in ["contains(\"", "starts_with(\"", "ends_with(\""] {
                let asked = line.split_once(question).map(|(_, rest)| rest);
                let asked = asked.and_then(|rest| rest.split('"').next());
                if asked.is_some_and(|asked| parts.iter().any(|part| asked.contains(part))) {
                    faults.push(format!("{}: {line}", file.display()));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn what_programs_say_is_said_in_one_place() {
    // `eprintln!` writes every piece of a line of its own, between which other programs of the pipe write theirs.
    let may = [
        "program/say.rs",
        "program/progress.rs",
        "pipeline/display.rs",
    ];
    let mut faults = Vec::new();
    for file in files("src") {
        for line in code(&file) {
            let says = line.contains("eprintln!") || line.contains("eprint!");
            let writes = line.contains("stderr()") && !line.contains("is_terminal");
            if says || writes && !may.iter().any(|it| file.ends_with(it)) {
                faults.push(format!("{}: {line}", file.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn twenty_examples_at_least_stand_in_the_documentation() {
    // Those in a fence without a word are compiled and run by `cargo test`.
    let mut found = 0;
    for file in files("src") {
        let text = std::fs::read_to_string(&file).unwrap();
        let fences = text.lines().map(str::trim).filter_map(|line| {
            let comment = line.strip_prefix("///").or(line.strip_prefix("//!"))?;
            comment.trim_start().strip_prefix("```")
        });
        // The first of two opens, the second closes.
        found += fences.step_by(2).filter(|word| word.is_empty()).count();
    }
    assert!(found >= 20, "{found} examples");
}
