//! The documents say what the programs do: the page of records and the JSON Schema come from the record types, every
//! option stands in its man page, and the pages are well formed.
//!
//! `UPDATE_DOCS=1 cargo test docs` writes the generated ones anew.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use mx_survey::record;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::harness::{program, run, shell};

const PROGRAMS: &[&str] = &[
    "leak-count",
    "mx-lookup",
    "policy-fetch",
    "policy-lookup",
    "smtp-probe",
    "tls-inspect",
    "to-sqlite",
    "mx-survey",
    "report",
    "header-trace",
    "mail-lab",
];

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Type, what it is, by whom it is written.
const RECORDS: &[(&str, &str)] = &[
    ("listed", "Listed"),
    ("other", "Other"),
    ("domain", "Domain"),
    ("policy", "Policy"),
    ("sts", "Sts"),
    ("smtp", "Smtp"),
    ("cert", "Cert"),
    ("tls", "Tls"),
    ("hop", "Hop"),
    ("run", "Run"),
];

fn schema() -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    generator.subschema_for::<record::Listed>();
    generator.subschema_for::<record::Other>();
    generator.subschema_for::<record::Domain>();
    generator.subschema_for::<record::Policy>();
    generator.subschema_for::<record::Sts>();
    generator.subschema_for::<record::Smtp>();
    generator.subschema_for::<record::Cert>();
    generator.subschema_for::<record::Tls>();
    generator.subschema_for::<record::Hop>();
    generator.subschema_for::<record::Run>();
    let mut definitions: Map<String, Value> = generator.take_definitions(true);
    let mut records = Vec::new();
    for (tag, name) in RECORDS {
        let definition = definitions
            .get_mut(*name)
            .unwrap_or_else(|| panic!("{name} has no schema"));
        definition["properties"]["type"] =
            json!({ "const": tag, "description": "The type of the record." });
        match definition["required"].as_array_mut() {
            Some(required) => required.insert(0, json!("type")),
            None => definition["required"] = json!(["type"]),
        }
        records.push(json!({ "$ref": format!("#/$defs/{name}") }));
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A line of an mx-survey stream",
        "anyOf": records,
        "$defs": definitions,
    })
}

#[test]
fn the_schema_is_that_of_the_record_types() {
    same_or_update("mx-survey.schema.json", &format!("{:#}\n", schema()));
}

#[test]
fn the_page_of_records_names_every_field() {
    let schema = schema();
    let definitions = schema["$defs"].as_object().unwrap();
    let (mut records, mut parts, mut vocabulary) = (String::new(), String::new(), String::new());
    for (tag, name) in RECORDS {
        write!(records, ".Ss {tag}\n{}", section(&definitions[*name])).unwrap();
    }
    for (name, definition) in definitions {
        if RECORDS.iter().any(|(_, record)| record == name) {
            continue;
        }
        if definition["properties"].is_object() {
            write!(parts, ".Ss {name}\n{}", section(definition)).unwrap();
        } else if let Some(words) = words(definition) {
            write!(
                vocabulary,
                ".Ss {name}\n{}.Bl -tag -width Ds -compact\n",
                prose(definition)
            )
            .unwrap();
            for word in words {
                match word["const"].as_str() {
                    Some(name) => writeln!(vocabulary, ".It Cm {name}").unwrap(),
                    None => writeln!(vocabulary, ".It Ar word").unwrap(),
                }
                vocabulary += &prose(word);
            }
            vocabulary += ".El\n";
        }
    }
    let page = std::fs::read_to_string(file("man/mx-survey.5.in")).unwrap();
    let page = page
        .replace("@RECORDS@\n", &records)
        .replace("@PARTS@\n", &parts);
    same_or_update(
        "man/mx-survey.5",
        &page.replace("@VOCABULARY@\n", &vocabulary),
    );
}

/// The page of the database comes from the SQL that makes it.
#[test]
fn the_page_of_the_database_names_every_column() {
    let read = |name: &str| std::fs::read_to_string(file(name)).unwrap();
    let (mut facts, mut judgements) = (String::new(), String::new());
    let files = ["src/store/schema.sql", "src/store/mail.sql"].map(read);
    for sql in &files {
        let (of_facts, of_judgements) = sql.split_once("-- Judgements\n").unwrap();
        facts += &tables(of_facts);
        judgements += &tables(of_judgements);
    }
    let (mut views, mut indexes) = (String::new(), String::new());
    views += ".Bl -tag -width Ds -compact\n";
    for line in (read("src/store/views.sql") + &files[1]).lines() {
        if let Some(view) = line.strip_prefix("CREATE VIEW ") {
            let (name, about) = view
                .split_once(" AS -- ")
                .unwrap_or_else(|| panic!("{line}"));
            write!(views, ".It Va {name}\n{}", sentences(about)).unwrap();
        }
    }
    views += ".El\n";
    indexes += ".Bl -tag -width Ds -compact\n";
    let mut about = String::new();
    for line in read("src/store/indexes.sql").lines() {
        if let Some(comment) = line.strip_prefix("-- ") {
            about = sentences(comment);
        } else if let Some(index) = line.strip_prefix("CREATE INDEX IF NOT EXISTS ") {
            let (name, on) = index.split_once(" ON ").unwrap();
            let on = on.trim_end_matches(';');
            write!(indexes, ".It Va {name} Pq {on}\n{about}").unwrap();
        }
    }
    indexes += ".El\n";
    let page = read("man/mx-survey-db.5.in")
        .replace("@FACTS@\n", &facts)
        .replace("@JUDGEMENTS@\n", &judgements)
        .replace("@VIEWS@\n", &views)
        .replace("@INDEXES@\n", &indexes);
    same_or_update("man/mx-survey-db.5", &page);
}

/// The tables of a piece of SQL: a comment behind the name of each, and behind each of its columns.
fn tables(sql: &str) -> String {
    let mut text = String::new();
    let mut is_inside = false;
    for line in sql.lines() {
        if let Some(table) = line.strip_prefix("CREATE TABLE ") {
            let table = table.trim_start_matches("IF NOT EXISTS ");
            let (name, about) =
                (table.split_once(" ( -- ")).unwrap_or_else(|| panic!("{line}: no comment"));
            write!(
                text,
                ".Ss {name}\n{}.Bl -tag -width Ds -compact\n",
                sentences(about)
            )
            .unwrap();
            is_inside = true;
        } else if line.starts_with(')') {
            text += ".El\n";
            is_inside = false;
        } else if is_inside && !line.trim_start().starts_with(['P', 'U']) {
            let (column, about) =
                (line.split_once(" -- ")).unwrap_or_else(|| panic!("{line}: no comment"));
            let mut words = column.trim().trim_end_matches(',').split_whitespace();
            let name = words.next().unwrap().trim_matches('"');
            let kind = words.next().unwrap().to_lowercase();
            let words: Vec<&str> = words.collect();
            let target = (words.iter().position(|word| *word == "REFERENCES"))
                .map_or(String::new(), |at| format!(" of {}", words[at + 1]));
            let null = if words.contains(&"NULL") || words.contains(&"PRIMARY") {
                ""
            } else {
                " or null"
            };
            write!(
                text,
                ".It Va {name} Pq {kind}{target}{null}\n{}",
                sentences(about)
            )
            .unwrap();
        }
    }
    text
}

/// A comment as mdoc text.
fn sentences(about: &str) -> String {
    prose(&json!({ "description": about }))
}

/// The words of a vocabulary, closed or open.
fn words(definition: &Value) -> Option<&Vec<Value>> {
    let words = (definition["oneOf"].as_array()).or(definition["anyOf"].as_array())?;
    words[0]["const"].is_string().then_some(words)
}

fn section(definition: &Value) -> String {
    let mut text = prose(definition);
    text += ".Bl -tag -width Ds -compact\n";
    let required: Vec<&str> = definition["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    for (field, schema) in definition["properties"].as_object().unwrap() {
        if field == "type" {
            continue;
        }
        let optional = if required.contains(&field.as_str()) {
            ""
        } else {
            ", may be absent"
        };
        writeln!(text, ".It Cm {field} Pq {}{optional}", kind(schema)).unwrap();
        text += &prose(schema);
    }
    text + ".El\n"
}

/// The form of a field in a few words.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str() {
        return name.trim_start_matches("#/$defs/").to_owned();
    }
    if let Some(options) = schema["anyOf"].as_array() {
        return options.iter().map(kind).collect::<Vec<_>>().join(" or ");
    }
    let named = |name: &str| match name {
        "array" => format!("list of {}", kind(&schema["items"])),
        "object" => format!("object of {}", kind(&schema["additionalProperties"])),
        name => name.to_owned(),
    };
    match &schema["type"] {
        Value::String(name) => named(name),
        Value::Array(names) => names
            .iter()
            .filter_map(Value::as_str)
            .map(named)
            .collect::<Vec<_>>()
            .join(" or "),
        _ => "any".into(),
    }
}

/// A description as mdoc text: a sentence a line, nothing that roff would read as a request.
fn prose(schema: &Value) -> String {
    let mut text = String::new();
    for line in schema["description"]
        .as_str()
        .unwrap_or_default()
        .split("\n\n")
    {
        let line = line
            .replace('\n', " ")
            .replace('\\', "\\e")
            .replace('`', "");
        for sentence in line.split_inclusive(". ") {
            let sentence = sentence.trim();
            let guard = if sentence.starts_with(['.', '\'']) {
                "\\&"
            } else {
                ""
            };
            writeln!(text, "{guard}{sentence}").unwrap();
        }
    }
    text
}

/// Text for a page: a sentence a line, and nothing at the beginning of a line that is a macro.
fn page_sentences(text: &str) -> String {
    let escaped = text.replace('\\', "\\e").replace(". ", ".\n");
    let lines = escaped
        .lines()
        .map(|line| match line.starts_with(['.', '\'']) {
            true => format!("\\&{line}\n"),
            false => format!("{line}\n"),
        });
    lines.collect()
}

#[test]
fn the_page_of_problems_is_that_of_the_table() {
    use mx_survey::judge::problem::{ProblemCode, Severity};
    let mut page = String::from(
        ".\\\" Made from the table of codes by the tests (UPDATE_DOCS=1).\n.Dd December 1, 2026\n.Dt MX-SURVEY-PROBLEMS 7\n\
         .Os\n.Sh NAME\n.Nm mx-survey-problems\n.Nd what can be wrong with the mail of a domain\n.Sh DESCRIPTION\n\
         .Xr report 1\nnames these problems\n.Pq Fl t Cm problems , Fl -explain ;\nthe database has them in the view\n\
         .Li problem .\nEach is known from the records, and none is guessed: what was not learned is no problem.\n\
         A finding may be worse than its code is as a rule.\nWhom to ask is the\n\
         .Cm domain_owner\n(who publishes its records), the\n.Cm mail_operator\n(who runs the mail servers), or the\n\
         .Cm dns_operator\n(who runs the name servers).\n",
    );
    for severity in [Severity::Critical, Severity::Serious, Severity::Notice] {
        let mut word = severity.word().to_owned();
        word[..1].make_ascii_uppercase();
        page += &format!(".Ss {word}\n{}", page_sentences(severity.meaning()));
        page += ".Bl -tag -width Ds\n";
        for code in ProblemCode::ALL
            .iter()
            .filter(|code| code.severity() == severity)
        {
            page += &format!(".It Cm {}\n", code.word());
            page += &page_sentences(code.meaning());
            page += &page_sentences(code.why());
            page += &format!(
                ".br\nTo do (the\n.Cm {} ) :\n{}",
                code.who(),
                page_sentences(code.remedy())
            );
        }
        page += ".El\n";
    }
    page += ".Sh SEE ALSO\n.Xr report 1 ,\n.Xr to-sqlite 1 ,\n.Xr mx-survey 7\n";
    same_or_update("man/mx-survey-problems.7", &page);
}

#[track_caller]
fn same_or_update(name: &str, made: &str) {
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(file(name), made).unwrap();
    }
    let kept = std::fs::read_to_string(file(name)).unwrap_or_default();
    assert!(
        kept == made,
        "{name} is not what the record types say; UPDATE_DOCS=1 cargo test docs writes it anew"
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn every_option_stands_in_the_man_page_and_every_page_is_well_formed() {
    for name in PROGRAMS {
        let mut help = run(name, &["--help"], "").expect(0).stdout;
        for task in ["check", "run", "watch"]
            .iter()
            .filter(|_| *name == "mx-survey")
        {
            help += &run(name, &[task, "--help"], "").expect(0).stdout;
        }
        let page = std::fs::read_to_string(file(&format!("man/{name}.1"))).unwrap();
        let options = help
            .split_whitespace()
            .filter(|word| word.starts_with("--"))
            .map(option)
            .collect::<Vec<_>>();
        assert!(options.len() > 3, "{name} --help: {help}");
        for option in options {
            // mdoc writes --name as `Fl -name`, hyphens escaped or not.
            let plain = page.replace("\\-", "-");
            assert!(
                plain.contains(&format!("Fl {}", &option[1..])),
                "man/{name}.1 does not name {option}"
            );
        }
        assert!(help.contains("Examples:"), "{name} --help has no examples");
    }
    let pages = std::fs::read_dir(file("man"))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let pages = pages.filter(|page| page.extension().is_some_and(|section| section != "in"));
    let lint = Command::new("mandoc")
        .args(["-T", "lint", "-W", "warning"])
        .args(pages)
        .output();
    let lint = lint.expect("mandoc is needed (apt package mandoc)");
    assert!(
        lint.status.success(),
        "{}",
        String::from_utf8_lossy(&lint.stdout)
    );
}

fn option(word: &str) -> String {
    word.chars()
        .take_while(|character| character.is_ascii_alphanumeric() || *character == '-')
        .collect()
}

#[test]
fn every_program_says_its_version_and_completes() {
    for name in PROGRAMS {
        let version = run(name, &["--version"], "").expect(0).stdout;
        let commit = option_env!("MX_SURVEY_COMMIT").unwrap_or("unknown");
        assert_eq!(
            version.trim(),
            format!("{name} {} (commit {commit})", env!("CARGO_PKG_VERSION"))
        );
        let script = run(name, &["--completions", "bash"], "").expect(0).stdout;
        assert!(script.contains(name), "{}", program(name).display());
        assert_eq!(run(name, &["--no-such-option"], "").status, 2);
    }
}

/// A link within the project leads to a file, and to a heading of it where it names one.
#[test]
fn every_link_of_the_documents_leads_somewhere() {
    let slug = |heading: &str| -> String {
        let kept = heading.trim().to_lowercase();
        let kept = kept
            .chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.collect::<String>().replace(' ', "-")
    };
    let mut followed = 0;
    for document in std::fs::read_dir(file("docs"))
        .unwrap()
        .chain(std::fs::read_dir(file("")).unwrap())
    {
        let document = document.unwrap().path();
        if document.extension().is_none_or(|end| end != "md") {
            continue;
        }
        let text = std::fs::read_to_string(&document).unwrap();
        for target in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            if target.contains("://") {
                continue;
            }
            let (path, heading) = target.split_once('#').unwrap_or((target, ""));
            let to = match path {
                "" => document.clone(),
                path => document.with_file_name(path),
            };
            let place = format!("{}: {target}", document.display());
            assert!(to.exists(), "{place}");
            if !heading.is_empty() {
                let text = std::fs::read_to_string(to).unwrap();
                let headings = text.lines().filter(|line| line.starts_with('#'));
                let mut slugs = headings.map(|line| slug(line.trim_start_matches('#')));
                assert!(slugs.any(|slug| slug == heading), "{place}");
            }
            followed += 1;
        }
    }
    assert!(followed > 1, "{followed} links were found");
}

/// Runs the README's `sh` blocks in order, in one directory, and holds each `text` block against what the block before
/// it printed.
#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn the_readme_prints_what_it_says() {
    let readme = std::fs::read_to_string(file("README.md")).unwrap();
    let directory = tempfile::tempdir().unwrap();
    for name in ["world.ndjson", "domains"] {
        std::fs::copy(
            file("examples/first").join(name),
            directory.path().join(name),
        )
        .unwrap();
    }
    let (mut made, mut printed, mut blocks) = (String::new(), String::new(), 0);
    let mut lines = readme.lines();
    while let Some(line) = lines.next() {
        writeln!(made, "{line}").unwrap();
        if line != "```sh" && line != "```text" {
            continue;
        }
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        let block = block.join("\n");
        if line == "```sh" {
            blocks += 1;
            printed = shell(&block, directory.path()).expect(0).stdout;
            writeln!(made, "{block}\n```").unwrap();
        } else {
            writeln!(made, "{}\n```", printed.trim_end()).unwrap();
        }
    }
    assert!(blocks > 10, "{blocks} examples were found");
    same_or_update("README.md", &made);
}
