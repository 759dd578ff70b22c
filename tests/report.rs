//! report: every number against a slow and obvious computation from the records, and the forms of the answers.

mod database;
mod naive;
mod page;
mod policies;

use std::collections::BTreeSet;

use mx_survey::judge::Rule;
use mx_survey::report::asked::ReportSettings;
use mx_survey::report::render;
use mx_survey::report::survey::Survey;
use mx_survey::store::{SurveyWriter, judge, temporary};
use mx_survey::study::question;
use proptest::prelude::*;
use serde_json::Value;

use super::harness::{run, shell};
use naive::Scan;
use naive::scans::{fixed, scans};
use naive::tables::TABLES;

/// Questions of which a slow count of made policies checks every row, and not that of scans.
const BY_MADE_POLICIES: [&str; 7] = [
    "policies",
    "policy-faults",
    "dmarc-rules",
    "policies-by-rank",
    "policies-by-provider",
    "shared-policies",
    "report-receivers",
];

/// Questions whose rows a made world and its expected rows check (the tests of problems): their rules have no slow count.
const BY_A_WORLD: [&str; 3] = ["problem-codes", "problems", "delivery"];

/// A survey of these lines, in memory.
fn survey(lines: &[String]) -> Survey {
    let mut writer = SurveyWriter::new(temporary().unwrap());
    writer.begin().unwrap();
    for line in lines {
        writer.put(line.as_bytes()).unwrap();
    }
    writer.commit().unwrap();
    let mut connection = writer.into_connection();
    assert!(judge(&mut connection, &false.into()).unwrap());
    Survey::new(connection)
}

/// The rows of a table without what earlier studies printed.
fn rows(survey: &Survey, name: &str, asked: &ReportSettings) -> Vec<Value> {
    let table = (question(name).unwrap().answer)(survey, asked).unwrap();
    let mut json = Vec::new();
    render::json(&mut json, &[table]).unwrap();
    let json: Value = serde_json::from_slice(&json).unwrap();
    let mut rows = json["tables"][0]["rows"].as_array().unwrap().clone();
    for row in &mut rows {
        let cells = row.as_object_mut().unwrap();
        cells.retain(|key, _| !matches!(key.as_str(), "in_2014" | "in_2015"));
    }
    rows
}

fn text<'a>(row: &'a Value, key: &str) -> &'a str {
    row[key].as_str().unwrap_or_default()
}

fn count(row: &Value, key: &str) -> u64 {
    row[key]
        .as_u64()
        .unwrap_or_else(|| panic!("{key} in {row}"))
}

/// Everything that can be asked for at once.
const EVERYTHING: usize = 1000;

/// Every table has the rows that were counted slowly: no other, none less.
fn check_rows(scan: &Scan, survey: &Survey, rule: Rule) {
    let asked = ReportSettings {
        rule,
        limit: EVERYTHING,
        ..ReportSettings::default()
    };
    for (name, slowly) in TABLES {
        let mut found = rows(survey, name, &asked);
        if *name == "fixes" {
            check_order_of_fixes(&mut found);
        }
        let sorted = |rows: Vec<Value>| {
            let mut rows: Vec<String> = rows.iter().map(Value::to_string).collect();
            rows.sort();
            rows
        };
        let (found, slowly) = (sorted(found), sorted(slowly(scan, rule.word())));
        let only = |these: &[String], others: &[String]| {
            let only = these.iter().filter(|row| !others.contains(row));
            only.cloned().collect::<Vec<_>>().join("\n")
        };
        assert!(
            found == slowly,
            "{name}, rule {}:\n{}\ncounted slowly:\n{}\nof\n{scan:?}",
            rule.word(),
            only(&found, &slowly),
            only(&slowly, &found)
        );
    }
}

/// The largest first, with running sums and goals; takes these columns away.
fn check_order_of_fixes(rows: &mut [Value]) {
    let (mut place, mut together, mut goals) = (0, 0, vec![50, 80, 95]);
    let mut before = Value::Null;
    for row in rows {
        if text(row, "weight") != text(&before, "weight") {
            (place, together, goals) = (0, 0, vec![50, 80, 95]);
        } else {
            let size = |row: &Value| (count(row, "hit"), count(row, "domains"));
            assert!(size(row) <= size(&before), "{before} {row}");
        }
        place += 1;
        together += count(row, "hit");
        let percent = 100.0 * together as f64 / count(row, "of") as f64;
        let reached = goals.iter().take_while(|goal| percent >= f64::from(**goal));
        let reached: Vec<String> = reached.map(|goal| format!("{goal} %")).collect();
        goals.drain(..reached.len());
        assert_eq!(count(row, "place"), place);
        assert!(
            (row["together"].as_f64().unwrap() - percent).abs() < 1e-3,
            "{row}"
        );
        assert_eq!(text(row, "goal"), reached.join(", "), "{row}");
        before = row.clone();
        let cells = row.as_object_mut().unwrap();
        cells.retain(|key, _| !matches!(key.as_str(), "place" | "together" | "goal"));
    }
}

/// Tables of the largest: by which column, and that a limit cuts the end off.
fn check_order(survey: &Survey) {
    const LARGEST: [(&str, &str); 13] = [
        ("hosts", "domains"),
        ("exchanges", "domains"),
        ("addresses", "domains"),
        ("certificates", "domains"),
        ("keys", "operators"),
        ("silent", "uses"),
        ("clear-though-offered", "hops"),
        ("matrix-pairs", "hops"),
        ("versions", "domains"),
        ("ciphers", "domains"),
        ("weaknesses", "domains"),
        ("capabilities", "servers"),
        ("software", "servers"),
    ];
    let asked = |limit| ReportSettings {
        limit,
        ..ReportSettings::default()
    };
    for (at, (name, column)) in LARGEST.into_iter().enumerate() {
        let all = rows(survey, name, &asked(EVERYTHING));
        let size = |row: &Value| row[column].as_f64().unwrap();
        assert!(
            all.is_sorted_by(|a, b| size(a) >= size(b)),
            "{name}: {all:?}"
        );
        if at < 7 {
            let two = rows(survey, name, &asked(2));
            assert_eq!(two, all[..all.len().min(2)], "{name}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_number_is_that_of_a_slow_and_obvious_count(scan in scans()) {
        let survey = survey(&scan.lines);
        for rule in [Rule::Preferred, Rule::Any, Rule::All] {
            check_rows(&scan, &survey, rule);
        }
        check_order(&survey);
    }
}

#[test]
fn every_question_of_the_list_is_counted_slowly_too() {
    let listed = run("report", &["--list"], "").expect(0).stdout;
    let listed: BTreeSet<&str> = (listed.lines())
        .filter_map(|line| line.split_whitespace().next())
        // Those of the study have the made world of 2014 and its expected counts.
        .filter(|name| !name.starts_with("study-"))
        // Those of two surveys have made months (the tests of changes).
        .filter(|name| !name.starts_with("change"))
        .collect();
    let counted: BTreeSet<&str> = TABLES.iter().map(|(name, _)| *name).collect();
    let policies = include_str!("report/policies.rs");
    for name in BY_MADE_POLICIES {
        let asked = format!("table(&world, \"{name}\")");
        assert!(policies.contains(&asked), "{name} is not counted slowly");
    }
    let elsewhere = BY_A_WORLD.into_iter().chain(BY_MADE_POLICIES);
    assert_eq!(listed, counted.into_iter().chain(elsewhere).collect());
}

#[test]
fn the_first_answer_is_one_screen() {
    let directory = tempfile::tempdir().unwrap();
    let script = "mail-lab --generate random --seed 5 --domains 120 --shorten 1 --out .
        leak-count --quiet --source adobe adobe.txt > adobe.ndjson
        mail-lab --port 0 --dns-port 0 world.ndjson -- bash -o pipefail -c '
            mx-lookup --nameserver $MAIL_LAB_DNS < domains.csv | policy-lookup --nameserver $MAIL_LAB_DNS |
            smtp-probe --tls --port $MAIL_LAB_PORT --allow 127.0.0.0/8 --helo probe.example.org --roots lab=$MAIL_LAB_ROOTS \
                --spacing 100ms --retries 0 --banner-timeout 3s > out.ndjson'
        cat out.ndjson adobe.ndjson | to-sqlite --quiet out.db";
    shell(script, directory.path()).expect(0);
    let database = directory.path().join("out.db");
    let database = database.to_str().unwrap();
    let screen = run("report", &[database], "").expect(0).stdout;
    let lines: Vec<&str> = screen.lines().collect();
    assert!(lines.len() <= 44, "{screen}");
    assert!(
        lines.iter().all(|line| line.chars().count() <= 80),
        "{screen}"
    );
    for heading in [
        "SYNTHETIC",
        "WHAT BECAME OF 120 DOMAINS",
        "USERS: adobe",
        "WHAT IS WRONG",
        "WHOM TO WRITE TO",
        "MORE",
    ] {
        assert!(
            lines.iter().any(|line| line.starts_with(heading)),
            "{heading}\n{screen}"
        );
    }
    // Its numbers are those of the tables.
    let overview = run("report", &[database, "-t", "overview", "-f", "json"], "")
        .expect(0)
        .stdout;
    let overview: Value = serde_json::from_str(&overview).unwrap();
    let row = overview
        .pointer("/tables/0/rows")
        .and_then(Value::as_array)
        .unwrap()
        .iter();
    let mut tls = row.filter(|row| {
        row["weight"] == "domains" && row["measure"] == "TLS" && row["rule"] == "preferred"
    });
    let tls = tls.next().unwrap();
    let shown = lines.iter().find(|line| line.starts_with("  TLS")).unwrap();
    let words: Vec<&str> = shown
        .rsplit(']')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    for (word, key) in [
        (words[words.len() - 3], "yes"),
        (words[words.len() - 2], "of"),
        (words[words.len() - 1], "unknown"),
    ] {
        assert_eq!(word, tls[key].to_string(), "{shown}\n{tls}");
    }
    let all = run("report", &[database, "-t", "all"], "").expect(0).stdout;
    assert!(
        all.contains("THE OVERALL PICTURE") && all.contains("TLS BY RANK"),
        "{all}"
    );
}

#[test]
fn every_question_is_answered_of_nothing_in_every_form() {
    for name in mx_survey::study::catalogue().map(|it| it.name) {
        for format in ["text", "json", "ndjson", "csv", "html"] {
            run("report", &["--table", name, "--format", format], "").expect(0);
        }
    }
    run("report", &["--table", "nothing"], "").expect(2);
    run("report", &["missing.db"], "").expect(2);
    run("report", &["--format", "svg"], "").expect(2);
    let ran = run("report", &["--explain", "missing.test"], "").expect(1);
    assert!(
        ran.stderr.contains("missing.test: not in this survey"),
        "{}",
        ran.stderr
    );
}

#[test]
fn the_stream_itself_can_be_asked_and_its_faults_are_told() {
    let scan = fixed();
    let ran = run(
        "report",
        &["--table", "standing", "--format", "csv"],
        scan.lines.join("\n") + "\ngarbage\n",
    )
    .expect(1);
    assert!(ran.stderr.contains("report: line"), "{}", ran.stderr);
    assert!(
        ran.stdout.starts_with("status,meaning,domains"),
        "{}",
        ran.stdout
    );
}

/// A survey of one domain with one server.
fn one(ip: &str, dnssec: &str) -> String {
    let time = "2026-01-01T00:00:00Z";
    let ok = serde_json::json!({"phase": "done", "reason": "ok"});
    let domain = serde_json::json!({"type": "domain", "domain": "a.test", "outcome": ok, "implicit_mx": false, "null_mx": false,
        "mx": [{"exchange": "mx.test", "preference": 1, "addresses": [{"ip": ip}], "ipv4": ok, "ipv6": null,
        "dnssec": dnssec}], "dnssec": dnssec, "time": time, "elapsed_ms": 1, "run": "r"});
    let smtp = serde_json::json!({"type": "smtp", "ip": ip, "port": 25, "outcome": ok, "esmtp": true,
        "starttls": {"advertised": true, "accepted": true}, "connections": 1, "attempts": 1, "timings": {},
        "connected": null, "time": time, "run": "r"});
    format!("{domain}\n{smtp}\n")
}

#[test]
fn r1_what_was_made_up_is_said_to_be() {
    for (ip, is_made_up) in [("127.0.0.9", true), ("::1", true), ("192.0.2.1", false)] {
        let lines = one(ip, "secure");
        for arguments in [
            &["--format", "text"][..],
            &["--format", "html"],
            &["--explain", "a.test"],
            &["--table", "standing"],
        ] {
            let ran = run("report", arguments, &lines).expect(0);
            let says = ran.stdout.contains("SYNTHETIC: made up.");
            assert_eq!(says, is_made_up, "{ip} {arguments:?}");
        }
    }
}

#[test]
fn r2_a_domain_that_is_not_there_is_told_and_the_others_are_shown() {
    let lines = one("192.0.2.1", "secure");
    let arguments = ["--explain", "missing.test", "--explain", "a.test"];
    let ran = run("report", &arguments, &lines).expect(1);
    assert!(ran.stderr.contains("missing.test: not in this survey"));
    assert!(ran.stdout.starts_with("a.test: "), "{}", ran.stdout);
}

#[test]
fn r4_tables_as_csv_are_files_of_their_own() {
    let directory = tempfile::tempdir().unwrap();
    let lines = one("192.0.2.1", "secure");
    let ran = run("report", &["--format", "csv"], &lines).expect(2);
    assert!(ran.stderr.contains("--into DIR"), "{}", ran.stderr);
    assert_eq!(ran.stdout, "");
    let into = directory.path().join("tables");
    let arguments = ["--format", "csv", "--into", into.to_str().unwrap()];
    run("report", &arguments, &lines).expect(0);
    let standing = std::fs::read_to_string(into.join("standing.csv")).unwrap();
    let ran = run(
        "report",
        &["--format", "csv", "--table", "standing"],
        &lines,
    )
    .expect(0);
    assert_eq!(standing, ran.stdout);
    run("report", &["--into", into.to_str().unwrap()], &lines).expect(2);
}

#[test]
fn a8_no_escape_of_a_foreign_database_reaches_the_terminal() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("out.db");
    let path = database.to_str().unwrap();
    run("to-sqlite", &[path], one("192.0.2.1", "secure")).expect(0);
    // Every text that a card can show, forged.
    let forged = "\u{1b}]0;owned\u{7}";
    for column in [
        "domain SET time",
        "domain SET dnssec",
        "exchange SET tlsa",
        "address SET special",
        "smtp SET time",
        "smtp SET phase",
    ] {
        rusqlite::Connection::open(&database)
            .unwrap()
            .execute(&format!("UPDATE {column} = ?1"), [forged])
            .unwrap();
    }
    for arguments in [&[path, "--explain", "a.test"][..], &[path]] {
        let ran = run("report", arguments, "").expect(0);
        assert!(!ran.stdout.contains('\u{1b}'), "{}", ran.stdout);
        let is_card = arguments.len() > 1;
        assert!(ran.stdout.contains("owned") || !is_card, "{}", ran.stdout);
    }
}

#[test]
fn d1_the_card_says_which_of_six_words_dane_is() {
    for (state, word) in [("insecure", "none_unsigned"), ("secure", "unknown")] {
        let ran = run("report", &["--explain", "a.test"], one("192.0.2.1", state)).expect(0);
        assert!(
            ran.stdout.contains(&format!("; DANE {word}\n")),
            "{}",
            ran.stdout
        );
    }
}

#[test]
fn d6_a_dead_resolver_is_told() {
    let domain = r#"{"type":"domain","domain":"NAME","outcome":{"phase":"dns","reason":"timeout"},"implicit_mx":null,
        "null_mx":null,"mx":[],"dnssec":null,"time":"2026-01-01T00:00:00Z","elapsed_ms":1,"run":"r"}"#;
    let domain = domain.replace('\n', "");
    let lines = ["a.test", "b.test"].map(|name| domain.replace("NAME", name) + "\n");
    for format in ["text", "html"] {
        let ran = run("report", &["--format", format], lines.concat()).expect(0);
        let told = "No question to the DNS was answered, for none of 2 domains";
        assert!(ran.stdout.contains(told), "{}", ran.stdout);
    }
}

/// Under a resolver that validates: 90 domains in unsigned zones, 7 without TLSA records, 3 under DANE.
#[test]
fn d1_dane_counts_what_an_unsigned_zone_cannot_have() {
    use naive::certificates::{AUTHORITIES, CERTIFICATES};
    let time = "2026-01-01T00:00:00Z";
    let ok = serde_json::json!({"phase": "done", "reason": "ok"});
    let no_data = serde_json::json!({"phase": "dns", "reason": "no_data"});
    let made = &CERTIFICATES[AUTHORITIES];
    let mut lines = vec![made.line(AUTHORITIES).to_string()];
    for at in 0..100 {
        let state = if at < 90 { "insecure" } else { "secure" };
        let tlsa = match at {
            0..90 => Value::Null,
            90..97 => {
                serde_json::json!({"base": "mx.test", "outcome": no_data, "dnssec": "secure", "records": []})
            }
            _ => {
                serde_json::json!({"base": "mx.test", "outcome": ok, "dnssec": "secure", "records": [made.tlsa(3, 1, 1)]})
            }
        };
        let ip = format!("192.0.2.{at}");
        let mx = serde_json::json!([{"exchange": format!("mx.d{at}.test"), "preference": 1, "addresses": [{"ip": ip}],
            "ipv4": ok, "ipv6": no_data, "dnssec": state, "tlsa": tlsa}]);
        lines.push(serde_json::json!({"type": "domain", "domain": format!("d{at}.test"), "outcome": ok, "implicit_mx": false,
            "null_mx": false, "mx": mx, "dnssec": state, "time": time, "elapsed_ms": 1, "run": "r"}).to_string());
        lines.push(serde_json::json!({"type": "smtp", "ip": ip, "port": 25, "outcome": ok, "esmtp": true,
            "starttls": {"advertised": true, "accepted": true}, "connections": 1, "attempts": 1, "timings": {},
            "connected": null, "time": time, "run": "r"}).to_string());
        lines.push(serde_json::json!({"type": "tls", "ip": ip, "port": 25, "server_name": null, "outcome": ok, "accepted": true,
            "negotiated": true, "completed": true, "chain": [made.sha256()], "connections": 1, "attempts": 1, "timings": {},
            "connected": null, "time": time, "run": "r"}).to_string());
    }
    let rows = rows(&survey(&lines), "names", &ReportSettings::default());
    let dane: Vec<&Value> = (rows.iter())
        .filter(|row| row["weight"] == "domains" && row["measure"] == "DANE holds")
        .filter(|row| row["rule"] == "preferred")
        .collect();
    let [row] = dane[..] else { panic!("{rows:?}") };
    assert_eq!(row["percent"], 3.0, "{row}");
    assert_eq!((count(row, "yes"), count(row, "of")), (3, 100), "{row}");
}
