//! The database for others: its views say what the report says, its page's questions use an index each, and its schema
//! can be read as a page.

use std::collections::{BTreeMap, BTreeSet};

use mx_survey::report::asked::ReportSettings;
use mx_survey::store::{SurveyWriter, create, index, judge};
use proptest::prelude::{ProptestConfig, proptest};
use rusqlite::Connection;
use serde_json::{Value, json};

use super::naive::Scan;
use super::naive::scans::{fixed, scans};
use super::naive::tables::cipher;
use super::{EVERYTHING, rows, survey};

/// A finished database of these lines.
fn database(lines: &[String]) -> (tempfile::TempDir, Connection) {
    let directory = tempfile::tempdir().unwrap();
    let mut writer = SurveyWriter::new(create(&directory.path().join("out.db")).unwrap());
    writer.begin().unwrap();
    for line in lines {
        writer.put(line.as_bytes()).unwrap();
    }
    writer.commit().unwrap();
    let mut connection = writer.into_connection();
    assert!(judge(&mut connection, &false.into()).unwrap());
    index(&connection).unwrap();
    (directory, connection)
}

/// The rows of a query as JSON, sorted.
fn select(database: &Connection, sql: &str) -> Vec<Value> {
    sorted(in_order(database, sql))
}

/// The rows of a query as JSON.
fn in_order(database: &Connection, sql: &str) -> Vec<Value> {
    let mut statement = database
        .prepare(sql)
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
    let width = statement.column_count();
    let found = statement.query_map([], |row| {
        let cell = |at| {
            Ok(match row.get::<_, rusqlite::types::Value>(at)? {
                rusqlite::types::Value::Integer(number) => json!(number),
                rusqlite::types::Value::Text(text) => json!(text),
                rusqlite::types::Value::Real(number) => json!(number),
                _ => Value::Null,
            })
        };
        (0..width).map(cell).collect::<rusqlite::Result<Vec<_>>>()
    });
    found
        .unwrap()
        .map(|row| Value::from(row.unwrap()))
        .collect()
}

fn sorted(mut rows: Vec<Value>) -> Vec<Value> {
    rows.sort_by_key(Value::to_string);
    rows
}

/// A query of a view, a table of the report, which of its rows to look at, and by which columns.
type Same = (
    &'static str,
    &'static str,
    fn(&Value) -> bool,
    &'static [&'static str],
);

/// A view's columns against a table of the report: rows for which `wanted` holds, and the names of its columns.
const SAME: &[Same] = &[
    (
        "SELECT yes, no, mixed, unknown FROM tls_of_domains WHERE answered + unknown > 0",
        "overview",
        |row| row["weight"] == "domains" && is_mail_by_tls(row),
        &["yes", "no", "mixed", "unknown"],
    ),
    (
        "SELECT 'users: ' || source, yes, no, mixed, unknown FROM tls_of_users WHERE answered + unknown > 0",
        "overview",
        |row| row["weight"].as_str().unwrap().starts_with("users: ") && is_mail_by_tls(row),
        &["weight", "yes", "no", "mixed", "unknown"],
    ),
    (
        "SELECT status, domains, not_best FROM status_of_domains",
        "standing",
        |row| row["domains"].as_u64().unwrap_or(0) > 0,
        &["status", "domains", "not_best"],
    ),
    (
        "SELECT exchange, domains FROM top_exchanges",
        "exchanges",
        |_| true,
        &["exchange", "domains"],
    ),
    (
        "SELECT ip, domains FROM top_addresses",
        "addresses",
        |_| true,
        &["ip", "domains"],
    ),
    (
        "SELECT coalesce(subject, '') || ' ' || substr(sha256, 1, 16), domains FROM top_certificates",
        "certificates",
        |_| true,
        &["certificate", "domains"],
    ),
    (
        "SELECT source, domain, users, status, esmtp, accepted, tls, valid FROM top_providers",
        "top-providers",
        |_| true,
        &[
            "list", "domain", "users", "status", "esmtp", "accepted", "tls", "valid",
        ],
    ),
    (
        "SELECT cipher, sum(servers) FROM cipher_of_servers GROUP BY 1",
        "ciphers",
        |row| row["servers"].as_u64().unwrap() > 0,
        &["value", "servers"],
    ),
    (
        "SELECT software, servers FROM software_of_servers",
        "software",
        |_| true,
        &["software", "servers"],
    ),
    (
        "SELECT DISTINCT domain, code, severity, place, detail FROM problem",
        "problems",
        |_| true,
        &["domain", "code", "severity", "place", "detail"],
    ),
    (
        "SELECT run, stage, started FROM cut_runs",
        "runs",
        |row| row["ended"] == "cut",
        &["run", "stage", "started"],
    ),
];

/// The row of the overview about mail by TLS, where it is about any.
fn is_mail_by_tls(row: &Value) -> bool {
    let is_any = row["of"].as_u64().unwrap() + row["unknown"].as_u64().unwrap() > 0;
    is_any && row["measure"] == "TLS" && row["rule"] == "preferred"
}

/// The facts of servers that a domain can have.
const FACTS: [&str; 8] = [
    "esmtp",
    "advertised",
    "accepted",
    "tls",
    "valid",
    "names_exchange",
    "trusted",
    "names_domain",
];

fn check(scan: &Scan) {
    let report = survey(&scan.lines);
    let (_directory, database) = database(&scan.lines);
    let asked = ReportSettings {
        limit: EVERYTHING,
        ..ReportSettings::default()
    };
    for (sql, table, wanted, columns) in SAME {
        let told = rows(&report, table, &asked).into_iter().filter(wanted);
        let told = told.map(|row| columns.iter().map(|column| row[column].clone()).collect());
        assert_eq!(
            select(&database, sql),
            sorted(told.collect()),
            "{sql}\nagainst {table} of\n{scan:?}"
        );
    }
    for (sql, slowly) in [
        ("SELECT * FROM cipher_of_servers", ciphers(scan)),
        ("SELECT * FROM certificate_verdict", verdicts(scan)),
        ("SELECT * FROM shared_key", keys(scan)),
        ("SELECT * FROM software_of_servers", software(scan)),
        (
            "SELECT DISTINCT n.name, a.ip FROM exchange_address x JOIN exchange e ON e.id = x.exchange \
             JOIN name n ON n.id = e.name JOIN address a ON a.id = x.address",
            exchange_addresses(scan),
        ),
    ] {
        assert_eq!(
            select(&database, sql),
            sorted(slowly),
            "{sql}\nof\n{scan:?}"
        );
    }
    assert_eq!(
        select(&database, "PRAGMA foreign_key_check"),
        Vec::<Value>::new(),
        "{scan:?}"
    );
    let none = |sql: String| {
        assert_eq!(
            select(&database, &sql),
            Vec::<Value>::new(),
            "{sql}\nof\n{scan:?}"
        )
    };
    let facts = FACTS.map(|fact| {
        (
            fact,
            format!("r.{fact} = 'yes'"),
            format!("r.{fact} = 'no'"),
        )
    });
    let dane = (
        "dane",
        "r.dane = 'holds'".to_owned(),
        "r.dane NOT IN ('holds', 'unknown')".to_owned(),
    );
    for (fact, yes, no) in facts.into_iter().chain([dane]) {
        for (rule, word, which) in [("any", "yes", yes), ("all", "no", no)] {
            none(format!(
                "SELECT v.domain FROM domain_verdict v WHERE v.status IN ('answered', 'deferred', 'unreachable', 'not_probed') \
                 AND (v.{fact}_{rule} = '{word}') <> EXISTS \
                 (SELECT 1 FROM mail_route r WHERE r.domain = v.domain AND r.ip IS NOT NULL AND {which})"
            ));
        }
    }
    for (fact, shift) in [
        ("esmtp", 0),
        ("advertised", 2),
        ("accepted", 4),
        ("tls", 6),
        ("valid", 8),
    ] {
        none(format!(
            "SELECT s.ip FROM server s JOIN address a ON a.ip = s.ip JOIN judged_server j ON j.address = a.id AND j.smtp \
             WHERE s.port = (SELECT value FROM meta WHERE key = 'port') AND s.{fact} <> \
             CASE (j.facts >> {shift}) & 3 WHEN 1 THEN 'no' WHEN 2 THEN 'yes' ELSE 'unknown' END"
        ));
    }
}

/// Servers, domains behind them, and whatever else is counted, by what it is counted for.
type Uses = BTreeMap<String, (Vec<Value>, Vec<u64>)>;

fn add(uses: &mut Uses, what: Vec<Value>, counts: &[u64]) {
    let key = Value::from(what.clone()).to_string();
    let none = || (what, vec![0; counts.len()]);
    let (_, sums) = uses.entry(key).or_insert_with(none);
    for (sum, count) in sums.iter_mut().zip(counts) {
        *sum += count;
    }
}

fn rows_of(uses: Uses) -> Vec<Value> {
    let rows = uses.into_values().map(|(mut row, counts)| {
        row.extend(counts.into_iter().map(Value::from));
        Value::from(row)
    });
    rows.collect()
}

fn ciphers(scan: &Scan) -> Vec<Value> {
    let mut uses = Uses::new();
    for ip in scan.servers() {
        let Some(tls) = scan.tls_at(ip, None) else {
            continue;
        };
        let version = json!(tls.version);
        if let (Some(cipher), Some(true)) = (cipher(tls), scan.fact(ip, None, "", "tls")) {
            add(
                &mut uses,
                vec![version, cipher.into()],
                &[1, scan.behind(ip)],
            );
        }
    }
    rows_of(uses)
}

fn verdicts(scan: &Scan) -> Vec<Value> {
    let mut uses = Uses::new();
    for ip in scan.servers() {
        for verdict in scan.tls_at(ip, None).iter().flat_map(|tls| &tls.verdicts) {
            let what = vec![
                json!(verdict.store),
                json!(verdict.store_date),
                json!(verdict.reason.word()),
            ];
            add(&mut uses, what, &[1, scan.behind(ip)]);
        }
    }
    rows_of(uses)
}

fn keys(scan: &Scan) -> Vec<Value> {
    let mut keys: BTreeMap<&str, (BTreeSet<&str>, u64)> = BTreeMap::new();
    for ip in scan.servers() {
        let leaf = scan.tls_at(ip, None).and_then(|tls| tls.chain.first());
        let facts = leaf.and_then(|leaf| scan.certs.get(leaf)?.facts.as_ref().map(|it| (leaf, it)));
        if let Some((leaf, facts)) = facts {
            let (certificates, servers) = keys.entry(&facts.spki_sha256).or_default();
            certificates.insert(leaf);
            *servers += 1;
        }
    }
    let shared = keys.into_iter().filter(|(_, (_, servers))| *servers > 1);
    let rows =
        shared.map(|(key, (certificates, servers))| json!([key, certificates.len(), servers]));
    rows.collect()
}

fn exchange_addresses(scan: &Scan) -> Vec<Value> {
    let mut found = BTreeSet::new();
    for exchange in scan.domains.values().flat_map(|domain| &domain.mx) {
        let name = &exchange.exchange;
        let addresses = exchange.addresses.iter();
        found.extend(addresses.map(|address| (name, address.ip.to_string())));
    }
    let rows = found.into_iter().map(|(name, ip)| json!([name, ip]));
    rows.collect()
}

fn software(scan: &Scan) -> Vec<Value> {
    let mut uses = Uses::new();
    for (ip, smtp) in scan.smtp.iter().filter(|(ip, _)| scan.answers(**ip)) {
        assert_eq!(*ip, smtp.ip);
        let software = smtp.software.as_deref().unwrap_or("not told");
        let accepted = u64::from(smtp.starttls.accepted == Some(true));
        add(&mut uses, vec![software.into()], &[1, accepted]);
    }
    rows_of(uses)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_view_says_what_the_report_says(scan in scans()) {
        check(&scan);
    }
}

#[test]
fn no_view_is_left_out_of_the_comparison() {
    let (_directory, database) = database(&fixed().lines);
    let views = select(
        &database,
        "SELECT name FROM sqlite_schema WHERE type = 'view'",
    );
    let here = include_str!("database.rs");
    for view in views {
        let name = view[0].as_str().unwrap();
        let asked = format!("FROM {name}");
        let compared = here.match_indices(&asked).filter(|(at, found)| {
            let next = here[at + found.len()..].chars().next();
            !next.is_some_and(|next| next.is_alphanumeric() || next == '_')
        });
        assert!(compared.count() > 0, "{name} is compared with nothing");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    /// A view that orders its rows orders all of them: nothing hangs on the numbers of rows.
    #[test]
    fn views_with_an_order_have_one(scan in scans()) {
        let (_directory, database) = database(&scan.lines);
        let ordered = select(&database, "SELECT name FROM sqlite_schema WHERE type = 'view' AND sql LIKE '%ORDER BY%'");
        assert!(ordered.len() > 10, "{ordered:?}");
        for view in ordered {
            let name = view[0].as_str().unwrap();
            // It orders what it is made from, and not its rows.
            if name == "mail_route" {
                continue;
            }
            let both = ["OFF", "ON"].map(|reversed| {
                database.execute_batch(&format!("PRAGMA reverse_unordered_selects = {reversed}")).unwrap();
                in_order(&database, &format!("SELECT * FROM {name}"))
            });
            assert_eq!(both[0], both[1], "{name} of\n{scan:?}");
        }
    }
}

#[test]
fn every_view_can_be_read_and_every_table_says_what_it_holds() {
    let (_directory, database) = database(&fixed().lines);
    let views = select(
        &database,
        "SELECT name, sql FROM sqlite_schema WHERE type = 'view'",
    );
    assert!(views.len() > 14, "{views:?}");
    for view in views {
        let name = view[0].as_str().unwrap();
        assert!(
            view[1].as_str().unwrap().contains(" AS -- "),
            "{name} does not say what it is"
        );
        select(&database, &format!("SELECT * FROM {name}"));
    }
    let tables = select(
        &database,
        "SELECT t.name, c.name, t.sql FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table' \
         AND t.name NOT LIKE 'sqlite%'",
    );
    assert!(tables.len() > 150, "{}", tables.len());
    for column in tables {
        let (table, column, sql) = (
            column[0].as_str().unwrap(),
            column[1].as_str().unwrap(),
            column[2].as_str().unwrap(),
        );
        let is_told = sql.lines().any(|line| {
            line.trim_start()
                .trim_start_matches('"')
                .starts_with(column)
                && line.contains(" -- ")
        });
        assert!(is_told, "{table}.{column} is explained nowhere");
    }
}

#[test]
fn the_questions_of_the_page_use_an_index_each() {
    let (_directory, database) = database(&fixed().lines);
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/man/mx-survey-db.5"))
        .unwrap();
    let (_, examples) = page.split_once(".Sh EXAMPLES").unwrap();
    let questions: Vec<&str> = (examples.split(".Bd -literal\n").skip(1))
        .map(|block| block.split(".Ed").next().unwrap())
        .collect();
    assert_eq!(questions.len(), 10);
    for question in questions {
        select(&database, question);
        let plan = select(&database, &format!("EXPLAIN QUERY PLAN {question}"));
        let steps: Vec<&str> = plan.iter().map(|step| step[3].as_str().unwrap()).collect();
        assert!(
            steps.iter().any(|step| step.contains("USING")),
            "{question}{steps:#?}"
        );
        assert!(
            !steps.iter().any(|step| step.starts_with("SCAN")),
            "{question}{steps:#?}"
        );
    }
}
