//! report: every number against a slow and obvious computation from the records, and the forms of the answers.

mod naive;
mod page;

use mx_survey::report::questions::{Asked, question};
use mx_survey::report::render;
use mx_survey::report::survey::Survey;
use mx_survey::store::{Rule, Writer, judge, temporary};
use proptest::prelude::*;
use serde_json::Value;

use super::harness::run;
use naive::{Scan, scans};

/// A survey of these lines, in memory.
fn survey(lines: &[String]) -> Survey {
    let mut writer = Writer::new(temporary().unwrap());
    writer.begin().unwrap();
    for line in lines {
        writer.put(line.as_bytes()).unwrap();
    }
    writer.commit().unwrap();
    let mut connection = writer.into_connection();
    assert!(judge(&mut connection, &false.into()).unwrap());
    Survey::new(connection)
}

fn rows(survey: &Survey, name: &str, asked: &Asked) -> Vec<Value> {
    let table = (question(name).unwrap().answer)(survey, asked).unwrap();
    render::json(&table)["rows"].as_array().unwrap().clone()
}

fn text<'a>(row: &'a Value, key: &str) -> &'a str {
    row[key].as_str().unwrap_or_default()
}

fn count(row: &Value, key: &str) -> u64 {
    row[key]
        .as_u64()
        .unwrap_or_else(|| panic!("{key} in {row}"))
}

/// The tally of a row: yes, no, mixed, unknown; its percentage and bounds are checked on the way.
fn tally(row: &Value) -> [u64; 4] {
    let [yes, no, mixed, unknown] = ["yes", "no", "mixed", "unknown"].map(|key| count(row, key));
    let of = yes + no + mixed;
    assert_eq!(count(row, "of"), of);
    let close = |key: &str, part: u64, whole: u64| match row[key].as_f64() {
        None => assert_eq!(whole, 0, "{key} in {row}"),
        Some(percent) => assert!(
            (percent - 100.0 * part as f64 / whole as f64).abs() < 1e-3,
            "{key} in {row}"
        ),
    };
    close("percent", yes, of);
    close("at_least", yes, of + unknown);
    close("at_most", yes + unknown, of + unknown);
    [yes, no, mixed, unknown]
}

const MEASURES: [(&str, &str, Option<&str>); 5] = [
    ("ESMTP", "esmtp", None),
    ("STARTTLS accepted", "accepted", None),
    ("TLS", "tls", None),
    ("Valid certificate", "valid", None),
    ("Valid, where accepted", "valid", Some("accepted")),
];

const NAMED: [(&str, &str, Option<&str>); 3] = [
    ("Certificate names the exchange", "names_exchange", None),
    ("Valid and names the exchange", "trusted", None),
    ("Certificate names the domain", "names_domain", None),
];

fn check_overview(scan: &Scan, survey: &Survey) {
    let asked = Asked::default();
    for (table, measures) in [("overview", &MEASURES[..]), ("names", &NAMED[..])] {
        for row in rows(survey, table, &asked) {
            let Some((_, fact, among)) = measures
                .iter()
                .find(|(label, ..)| *label == text(&row, "measure"))
            else {
                continue;
            };
            let expected = match (text(&row, "weight"), text(&row, "rule")) {
                ("servers", _) => scan.servers_tally(fact, *among),
                ("domains", rule) => scan.tally(fact, *among, rule, &|_| 1, &|_| true),
                (weight, rule) => {
                    let source = weight.strip_prefix("users: ").unwrap();
                    scan.tally(
                        fact,
                        *among,
                        rule,
                        &|domain| scan.users(source, domain),
                        &|_| true,
                    )
                }
            };
            assert_eq!(tally(&row), expected, "{row}\n{}", scan.lines().join("\n"));
        }
    }
}

fn check_standing(scan: &Scan, survey: &Survey) {
    for row in rows(survey, "standing", &Asked::default()) {
        let status = text(&row, "status");
        let with: Vec<&str> = scan
            .domains
            .keys()
            .map(String::as_str)
            .filter(|name| scan.status(name) == status)
            .collect();
        if status != "not_looked_up" {
            assert_eq!(count(&row, "domains"), with.len() as u64, "{row}");
            let not_best = with.iter().filter(|name| scan.not_best(name)).count();
            assert_eq!(count(&row, "not_best"), not_best as u64, "{row}");
        }
        for (source, list) in scan.counted() {
            let here = list.iter().filter(|entry| {
                let looked_up = scan.domains.contains_key(&entry.domain);
                if looked_up {
                    scan.status(&entry.domain) == status
                } else {
                    status == "not_looked_up"
                }
            });
            let users: u64 = here.map(|entry| entry.users.unwrap()).sum();
            assert_eq!(count(&row, &format!("users_{source}")), users, "{row}");
        }
    }
}

fn check_curves(scan: &Scan, survey: &Survey, rule: Rule) {
    let asked = Asked {
        rule,
        ..Asked::default()
    };
    for row in rows(survey, "tls-by-every-rank", &asked) {
        let Some((_, fact, among)) = MEASURES
            .iter()
            .find(|(label, ..)| *label == text(&row, "measure"))
        else {
            panic!("{row}");
        };
        let list = &scan.lists[text(&row, "list")];
        let rank = count(&row, "rank");
        let within = |name: &str| {
            list.iter()
                .any(|entry| entry.domain == name && entry.rank.is_some_and(|it| it <= rank))
        };
        assert_eq!(
            tally(&row),
            scan.tally(fact, *among, rule.word(), &|_| 1, &within),
            "{row}"
        );
    }
    for row in rows(survey, "tls-by-users", &asked) {
        let Some(list) = scan.lists.get(text(&row, "list")) else {
            continue;
        };
        let (_, fact, among) = MEASURES
            .iter()
            .find(|(label, ..)| *label == text(&row, "measure"))
            .unwrap();
        let mut largest: Vec<_> = list.iter().collect();
        largest.sort_by_key(|entry| std::cmp::Reverse(entry.users));
        let n = count(&row, "domains") as usize;
        // Where the N-th and the next have as many users, either may be among the N largest.
        if largest
            .get(n)
            .is_some_and(|next| next.users == largest[n - 1].users)
        {
            continue;
        }
        let within = |name: &str| largest[..n].iter().any(|entry| entry.domain == name);
        let weight = |name: &str| scan.users(text(&row, "list"), name);
        assert_eq!(
            tally(&row),
            scan.tally(fact, *among, rule.word(), &weight, &within),
            "{row}"
        );
    }
}

fn check_shared(scan: &Scan, survey: &Survey) {
    let asked = Asked {
        limit: 100,
        ..Asked::default()
    };
    for (table, key) in [("exchanges", "exchange"), ("addresses", "ip")] {
        for row in rows(survey, table, &asked) {
            let what = text(&row, key);
            let with = scan.domains.keys().filter(|name| {
                let mut routes = scan.routes(name);
                match key {
                    "ip" => routes.any(|(_, _, ip)| ip == what),
                    _ => scan.exchanges(name).any(|(_, exchange)| exchange == what),
                }
            });
            assert_eq!(count(&row, "domains"), with.count() as u64, "{row}");
        }
    }
    for row in rows(survey, "hosts", &asked) {
        let expected: f64 = scan
            .domains
            .keys()
            .map(|name| scan.hosted(name, text(&row, "provider"), text(&row, "role")))
            .sum();
        assert!(
            (row["domains"].as_f64().unwrap() - expected).abs() < 1e-3,
            "{row} {expected}"
        );
    }
    let tlds = rows(survey, "tlds", &asked);
    for row in &tlds {
        let within = |name: &str| name.rsplit('.').next() == Some(text(row, "tld"));
        assert_eq!(
            tally(row),
            scan.tally("tls", None, "preferred", &|_| 1, &within),
            "{row}"
        );
    }
}

fn check_servers(scan: &Scan, survey: &Survey) {
    let asked = Asked {
        limit: 100,
        ..Asked::default()
    };
    for row in rows(survey, "versions", &asked) {
        let servers = scan.servers.values().filter(|server| {
            server.version() == Some(text(&row, "value")) && server.fact("tls") == Some(true)
        });
        assert_eq!(count(&row, "servers"), servers.count() as u64, "{row}");
    }
    let mut silent = 0;
    for row in rows(survey, "silent", &asked) {
        silent += count(&row, "servers");
    }
    let expected = scan
        .servers
        .values()
        .filter(|server| server.probed() && server.fact("esmtp").is_none());
    assert_eq!(silent, expected.count() as u64);
    for row in rows(survey, "capabilities", &asked) {
        let with = scan
            .servers
            .values()
            .filter(|server| server.offers(text(&row, "keyword")));
        assert_eq!(count(&row, "servers"), with.count() as u64, "{row}");
    }
    // Every domain without protection is behind exactly one row.
    let unprotected = scan.domains.keys().filter(|name| {
        let fact = |fact| scan.domain_fact(name, fact, "preferred");
        scan.status(name) == "answered"
            && (matches!(fact("tls"), "no" | "mixed")
                || fact("tls") == "yes" && matches!(fact("valid"), "no" | "mixed"))
    });
    let fixes: u64 = rows(survey, "fixes", &asked)
        .iter()
        .filter(|row| text(row, "weight") == "domains")
        .map(|row| count(row, "hit"))
        .sum();
    assert_eq!(fixes, unprotected.count() as u64);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn every_number_is_that_of_a_slow_and_obvious_count(scan in scans()) {
        let survey = survey(&scan.lines());
        check_overview(&scan, &survey);
        check_standing(&scan, &survey);
        for rule in [Rule::Preferred, Rule::Any, Rule::All] {
            check_curves(&scan, &survey, rule);
        }
        check_shared(&scan, &survey);
        check_servers(&scan, &survey);
    }
}

#[test]
fn every_question_is_answered_of_nothing_in_every_form() {
    for name in mx_survey::report::questions::QUESTIONS
        .iter()
        .map(|it| it.name)
    {
        for format in ["text", "json", "ndjson", "csv", "html"] {
            run("report", &["--table", name, "--format", format], "").expect(0);
        }
    }
    run("report", &["--table", "nothing"], "").expect(2);
    run("report", &["missing.db"], "").expect(2);
    run("report", &["--format", "svg"], "").expect(2);
    let ran = run("report", &["--explain", "missing.test"], "").expect(2);
    assert!(
        ran.stderr.contains("missing.test: not in this survey"),
        "{}",
        ran.stderr
    );
}

#[test]
fn the_stream_itself_can_be_asked_and_its_faults_are_told() {
    let scan = naive::fixed();
    let ran = run(
        "report",
        &["--table", "standing", "--format", "csv"],
        scan.lines().join("\n") + "\ngarbage\n",
    )
    .expect(1);
    assert!(ran.stderr.contains("report: line"), "{}", ran.stderr);
    assert!(
        ran.stdout.starts_with("status,meaning,domains"),
        "{}",
        ran.stdout
    );
}
