//! What changed between surveys: twelve made months whose every change is known, so that differences and series come out
//! exactly; and the forms in which they are told.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use mx_survey::store::{self, SurveyWriter};
use serde_json::{Value, json};

use super::harness::{Ran, run};

/// Domains of the provider that turns STARTTLS on.
const HOSTED: usize = 400;
/// Domains that run their own mail.
const OWN: usize = 10;

/// The month in which the provider turns STARTTLS on, that in which its server is silent, that in which the certificate of
/// `s0.test` has expired, that in which `new.test` comes, in which `s9.test` has gone, in which `s1.test` has moved to the
/// provider.
const TURNED_ON: u32 = 7;
const SILENT: u32 = 4;
const EXPIRED: u32 = 9;
const CAME: u32 = 8;
const GONE: u32 = 10;
const MOVED: u32 = 11;

fn time(month: u32) -> String {
    format!("2026-{month:02}-01T00:00:00.000Z")
}

fn domain(month: u32, name: &str, exchange: &str, ip: &str) -> Value {
    let ok = json!({"phase": "done", "reason": "ok"});
    let registered: Vec<&str> = exchange.rsplit('.').take(2).collect();
    json!({
        "type": "domain", "domain": name, "outcome": ok, "implicit_mx": false, "null_mx": false, "dnssec": "insecure",
        "mx": [{"exchange": exchange, "preference": 10, "registered_domain": format!("{}.{}", registered[1], registered[0]),
                "addresses": [{"ip": ip}], "ipv4": ok, "ipv6": ok, "dnssec": "insecure"}],
        "time": time(month), "elapsed_ms": 1, "run": "r"
    })
}

/// A server that answers, with STARTTLS or without; none: it is silent.
fn smtp(month: u32, ip: &str, starttls: Option<bool>) -> Value {
    let keywords = match starttls {
        Some(true) => json!([{"keyword": "STARTTLS"}]),
        _ => json!([]),
    };
    let mut record = json!({
        "type": "smtp", "ip": ip, "port": 25, "outcome": {"phase": "done", "reason": "ok"}, "esmtp": true,
        "starttls": {"advertised": starttls, "accepted": starttls.filter(|it| *it)},
        "banner": {"code": 220, "lines": ["mx"]}, "ehlo": {"code": 250, "lines": ["mx"]},
        "capabilities": {"keywords": keywords},
        "connections": 1, "attempts": 1, "timings": {}, "connected": time(month), "time": time(month), "run": "r"
    });
    if starttls == Some(false) {
        record["starttls"]["accepted"] = json!(false);
    }
    if starttls.is_none() {
        record["outcome"] = json!({"phase": "connect", "reason": "timeout"});
        record["starttls"] = json!({"advertised": null, "accepted": null});
        for key in ["esmtp", "banner", "ehlo", "capabilities", "connected"] {
            record[key] = Value::Null;
        }
    }
    record
}

fn tls(month: u32, ip: &str, name: &str, reason: &str) -> [Value; 2] {
    let sha256 = format!("{:0>64}", ip.replace('.', ""));
    let leaf = json!({
        "sha256": sha256, "subject": "CN=mx", "issuer": "CN=ca", "names": [name], "not_before": time(1),
        "not_after": "2028-01-01T00:00:00Z", "key_type": "ec", "key_bits": 256, "signature_algorithm": "ecdsa_sha256"
    });
    let cert = json!({
        "type": "cert", "sha256": sha256, "der": "", "subject": "CN=mx", "issuer": "CN=ca", "serial": "01",
        "not_before": time(1), "not_after": "2028-01-01T00:00:00Z", "common_names": [], "names": [name], "key_type": "ec",
        "key_bits": 256, "spki_sha256": sha256, "signature_algorithm": "ecdsa_sha256", "self_issued": false,
        "self_signed": false, "ca": false, "must_staple": false, "scts": 0, "x509_version": 3, "time": time(month), "run": "r"
    });
    let tls = json!({
        "type": "tls", "ip": ip, "port": 25, "server_name": name, "outcome": {"phase": "done", "reason": "ok"},
        "accepted": true, "negotiated": true, "completed": true, "version": "TLSv1.3",
        "cipher": {"iana": "TLS_AES_256_GCM_SHA384", "id": "0x1302"}, "group": "x25519", "leaf": leaf, "chain": [sha256],
        "verdicts": [{"store": "mozilla", "store_date": "2026-01-01", "at": time(month), "valid": reason == "valid",
                      "reason": reason}],
        "connections": 1, "attempts": 1, "timings": {}, "connected": time(month), "time": time(month), "run": "r"
    });
    [cert, tls]
}

/// The records of a month.
fn month(month: u32) -> Vec<Value> {
    let hoster = ("mx.big-host.test", "192.0.2.1");
    let mut lines = vec![json!({
        "type": "run", "event": "start", "id": "r", "stage": "mx-lookup", "version": "0.2.0", "time": time(month),
        "arguments": [], "settings": {}
    })];
    let mut rank = 0;
    let mut hosted = |name: &str| {
        rank += 1;
        lines.push(domain(month, name, hoster.0, hoster.1));
        lines.push(json!({"type": "listed", "domain": name, "source": "leak", "rank": rank, "users": 2, "of": 10_000}));
    };
    (0..HOSTED).for_each(|at| hosted(&format!("c{at:03}.test")));
    if month >= CAME {
        hosted("new.test");
    }
    let has_tls = month >= TURNED_ON;
    lines.push(smtp(month, hoster.1, (month != SILENT).then_some(has_tls)));
    if has_tls {
        lines.extend(tls(month, hoster.1, hoster.0, "valid"));
    }
    for at in 0..OWN {
        if at == 9 && month >= GONE {
            continue;
        }
        let (name, ip) = (format!("s{at}.test"), format!("198.51.100.{at}"));
        let exchange = format!("mx.{name}");
        if at == 1 && month >= MOVED {
            lines.push(domain(month, &name, hoster.0, hoster.1));
            continue;
        }
        lines.push(domain(month, &name, &exchange, &ip));
        lines.push(smtp(month, &ip, Some(true)));
        let is_expired = at == 0 && month >= EXPIRED;
        let reason = if is_expired { "expired" } else { "valid" };
        lines.extend(tls(month, &ip, &exchange, reason));
    }
    lines.push(json!({
        "type": "run", "event": "end", "id": "r", "stage": "mx-lookup", "version": "0.2.0", "time": time(month),
        "interrupted": false, "counts": [], "elapsed_ms": 1
    }));
    lines
}

/// A database of records.
pub fn database(path: &Path, lines: &[Value], label: &str) {
    let mut writer = SurveyWriter::new(store::create(path).unwrap());
    writer.begin().unwrap();
    for line in lines {
        writer.put(line.to_string().as_bytes()).unwrap();
    }
    writer.commit().unwrap();
    let mut connection = writer.into_connection();
    store::set_label(&connection, Some(label)).unwrap();
    assert!(store::judge(&mut connection, &false.into()).unwrap());
    store::index(&connection).unwrap();
    store::close(connection).unwrap();
}

/// The databases of the months that are asked for, by month.
struct Months {
    folder: tempfile::TempDir,
    databases: BTreeMap<u32, PathBuf>,
}

impl Months {
    fn new(months: impl IntoIterator<Item = u32>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let databases = months.into_iter().map(|at| {
            let path = folder.path().join(format!("{at:02}.db"));
            database(&path, &month(at), &format!("month {at}"));
            (at, path)
        });
        let databases = databases.collect();
        Self { folder, databases }
    }

    fn path(&self, month: u32) -> &str {
        self.databases[&month].to_str().unwrap()
    }

    fn since(&self, old: u32, new: u32, more: &[&str]) -> Ran {
        let arguments = [&[self.path(new), "--since", self.path(old)], more].concat();
        run("report", &arguments, "")
    }

    fn rows(&self, old: u32, new: u32, table: &str) -> Vec<Value> {
        let more = ["-t", table, "-f", "json", "--limit", "1000"];
        let told: Value =
            serde_json::from_str(&self.since(old, new, &more).expect(0).stdout).unwrap();
        told["tables"][0]["rows"].as_array().unwrap().clone()
    }

    /// Cells of the rows with blanks between.
    fn told(&self, old: u32, new: u32, table: &str, columns: &[&str]) -> Vec<String> {
        let rows = self.rows(old, new, table);
        rows.iter().map(|row| cells(row, columns)).collect()
    }
}

fn cells(row: &Value, columns: &[&str]) -> String {
    let cell = |column: &&str| match &row[*column] {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    };
    columns.iter().map(cell).collect::<Vec<_>>().join(" | ")
}

const EVENT: [&str; 7] = [
    "operator",
    "cause",
    "what",
    "from",
    "to",
    "domains",
    "users_leak",
];
const STEP: [&str; 5] = ["measure", "from", "to", "domains", "users_leak"];
const PROBLEM: [&str; 4] = ["code", "new", "mended", "not_learned"];

#[test]
fn a_provider_of_400_domains_that_turns_starttls_on_is_one_event_of_400() {
    let months = Months::new([6, 7]);
    assert_eq!(
        months.told(6, 7, "change-events", &EVENT),
        ["big-host.test | starttls | STARTTLS accepted | no | yes | 400 | 800"]
    );
    let steps = months.told(6, 7, "change-measures", &STEP);
    for step in [
        "accepted | no | yes | 400 | 800",
        "accepted | unchanged | - | 10 | 0",
        "accepted | not learned then or now | - | 0 | 0",
        "tls | no | yes | 400 | 800",
        "valid | no | yes | 400 | 800",
        "delivery_opportunistic | clear | encrypted | 400 | 800",
    ] {
        assert!(steps.iter().any(|it| it == step), "{step} in {steps:#?}");
    }
    let problems = months.told(6, 7, "change-problem-codes", &PROBLEM);
    assert!(
        problems.contains(&"starttls_missing | 0 | 400 | 0".to_owned()),
        "{problems:?}"
    );
    let shares = months.told(
        6,
        7,
        "change-shares",
        &["measure", "weight", "then_yes", "now_yes"],
    );
    assert!(
        shares.contains(&"tls | domains | 10 | 410".to_owned()),
        "{shares:?}"
    );
    assert!(
        shares.contains(&"tls | users: leak | 0 | 800".to_owned()),
        "{shares:?}"
    );
}

#[test]
fn domains_that_run_their_own_mail_are_no_event_together() {
    const OWNERS: u32 = 500;
    const LEAVING: u32 = 300;
    let survey = |month: u32, path: &Path| {
        let mut lines = vec![
            domain(month, "big-host.test", "mx.big-host.test", "192.0.2.1"),
            smtp(month, "192.0.2.1", Some(false)),
        ];
        for at in 0..OWNERS {
            let name = format!("o{at:03}.test");
            let (exchange, ip) = (
                format!("mx.{name}"),
                format!("203.0.{}.{}", at / 250, at % 250),
            );
            if month == 2 && at < LEAVING {
                lines.push(domain(month, &name, "mx.big-host.test", "192.0.2.1"));
                continue;
            }
            lines.push(domain(month, &name, &exchange, &ip));
            lines.push(smtp(month, &ip, Some(month == 2)));
        }
        database(path, &lines, "owners");
    };
    let folder = tempfile::tempdir().unwrap();
    let months = Months {
        databases: (1..=2)
            .map(|month| (month, folder.path().join(format!("{month}.db"))))
            .collect(),
        folder,
    };
    (1..=2).for_each(|month| survey(month, &months.databases[&month]));
    let events = months.told(1, 2, "change-events", &EVENT[..6]);
    let mut expected =
        vec!["big-host.test | moved | Operator | self | big-host.test | 300".to_owned()];
    expected.extend(
        (LEAVING..OWNERS)
            .map(|at| format!("o{at:03}.test | starttls | STARTTLS accepted | no | yes | 1")),
    );
    assert_eq!(events, expected);
    let text = months.since(1, 2, &["--limit", "2"]).expect(0).stdout;
    for told in [
        "big-host.test: moved here from servers of their own (moved): 300 domains",
        "o300.test, which runs its own mail: STARTTLS accepted no -> yes",
        "and 199 more",
    ] {
        assert!(text.contains(told), "{told:?} in {text}");
    }
}

#[test]
fn unknown_then_or_now_moves_nothing() {
    let months = Months::new([3, 4, 5, 7]);
    for (old, new) in [(3, 4), (4, 5), (3, 5), (4, 7)] {
        let events = months.told(old, new, "change-events", &EVENT);
        assert_eq!(events, [""; 0], "{old} {new}");
        let steps = months.told(old, new, "change-measures", &STEP);
        let changed: Vec<&String> = (steps.iter())
            .filter(|it| !it.contains("unchanged") && !it.contains("not learned"))
            .collect();
        assert_eq!(changed, Vec::<&String>::new(), "{old} {new}");
    }
    let steps = months.told(3, 4, "change-measures", &STEP);
    for step in [
        "accepted | unchanged | - | 10 | 0",
        "accepted | not learned then or now | - | 400 | 800",
        "mail | unchanged | - | 410 | 800",
    ] {
        assert!(steps.iter().any(|it| it == step), "{step} in {steps:#?}");
    }
    // A silence is a problem of its own, known in both months; what the silent server offers was not learned.
    let of = |problems: &[String], code: &str| {
        let found = problems.iter().find(|it| it.starts_with(code));
        found.cloned().unwrap_or_default()
    };
    let problems = months.told(3, 4, "change-problem-codes", &PROBLEM);
    assert_eq!(
        of(&problems, "no_server_answers"),
        "no_server_answers | 400 | 0 | 0"
    );
    assert_eq!(
        of(&problems, "starttls_missing"),
        "starttls_missing | 0 | 0 | 400"
    );
    let problems = months.told(4, 5, "change-problem-codes", &PROBLEM);
    assert_eq!(
        of(&problems, "no_server_answers"),
        "no_server_answers | 0 | 400 | 0"
    );
    assert_eq!(
        of(&problems, "starttls_missing"),
        "starttls_missing | 0 | 0 | 400"
    );
}

#[test]
fn every_other_change_of_the_twelve_months_comes_out() {
    let months = Months::new(1..=12);
    // Nothing happens but what is known to.
    for old in 1..12 {
        let events = months.told(old, old + 1, "change-events", &EVENT);
        let expected: &[&str] = match old + 1 {
            TURNED_ON => &["big-host.test | starttls | STARTTLS accepted | no | yes | 400 | 800"],
            EXPIRED => &["s0.test | certificate | Valid certificate | yes | no | 1 | 0"],
            MOVED => &["big-host.test | moved | Operator | self | big-host.test | 1 | 0"],
            _ => &[],
        };
        assert_eq!(events, expected, "{old}");
    }
    let columns = ["what", "which", "domain", "count", "users_leak"];
    assert_eq!(
        months.told(7, 8, "change-passed", &columns),
        [
            "domains | came | - | 1 | -",
            "domains | came | new.test | - | 2",
            "domains | went | - | 0 | -",
            "servers | came | - | 0 | -",
            "servers | went | - | 0 | -",
        ]
    );
    assert_eq!(
        months.told(9, 10, "change-passed", &columns),
        [
            "domains | came | - | 0 | -",
            "domains | went | - | 1 | -",
            "domains | went | s9.test | - | 0",
            "servers | came | - | 0 | -",
            "servers | went | - | 1 | -",
            "servers | went | s9.test | 1 | -",
        ]
    );
    let columns = ["difference", "domain", "severity", "code", "operator"];
    assert_eq!(
        months.told(8, 9, "change-problems", &columns),
        ["new | s0.test | serious | certificate_expired | s0.test"]
    );
    // Over the year, all at once.
    assert_eq!(
        months.told(1, 12, "change-events", &EVENT),
        [
            "big-host.test | starttls | STARTTLS accepted | no | yes | 400 | 800",
            "big-host.test | moved | Operator | self | big-host.test | 1 | 0",
            "s0.test | certificate | Valid certificate | yes | no | 1 | 0",
        ]
    );
    series(&months);
    forms(&months);
    failing(&months);
}

/// Each measure of each month, counted by hand.
fn series(months: &Months) {
    let paths: Vec<&str> = (1..=12).map(|month| months.path(month)).collect();
    let arguments = [&["-f", "ndjson", "--series"], paths.as_slice()].concat();
    let told = run("report", &arguments, "").expect(0);
    let mut expected = Vec::new();
    for month in 1..=12 {
        let hosted = HOSTED as u64 + u64::from(month >= CAME) + u64::from(month >= MOVED);
        let own = OWN as u64 - u64::from(month >= GONE) - u64::from(month >= MOVED);
        let (yes, no, unknown) = match month {
            SILENT => (own, 0, hosted),
            TURNED_ON.. => (own + hosted, 0, 0),
            _ => (own, hosted, 0),
        };
        expected.push(format!("month {month} | {yes} | {no} | {unknown}"));
    }
    let rows = told.records();
    let of = |measure: &str, weight: &str| -> Vec<String> {
        let of = |row: &&Value| row["measure"] == measure && row["weight"] == weight;
        let rows = rows.iter().filter(of);
        rows.map(|row| cells(row, &["survey", "yes", "no", "unknown"]))
            .collect()
    };
    assert_eq!(of("tls", "domains"), expected);
    let users: Vec<String> = (1..=12)
        .map(|month| {
            let users = 2 * (HOSTED as u64 + u64::from(month >= CAME));
            let (yes, no, unknown) = match month {
                SILENT => (0, 0, users),
                TURNED_ON.. => (users, 0, 0),
                _ => (0, users, 0),
            };
            format!("month {month} | {yes} | {no} | {unknown}")
        })
        .collect();
    assert_eq!(of("tls", "users: leak"), users);
    let text = run("report", &[&["--series"], paths.as_slice()].concat(), "").expect(0);
    assert!(
        text.stdout.lines().all(|line| line.chars().count() <= 80),
        "{}",
        text.stdout
    );
    let line = "  month 4          100.00 %  10 of 10             400 unknown    2.4 to 100.0 %";
    assert!(text.stdout.contains(line), "{}", text.stdout);
    let csv = run(
        "report",
        &[&["-f", "csv", "--series"], paths.as_slice()].concat(),
        "",
    )
    .expect(0);
    assert_eq!(csv.stdout.lines().count(), 1 + 12 * 9 * 2);
    let page = run(
        "report",
        &[&["-f", "html", "--series"], paths.as_slice()].concat(),
        "",
    )
    .expect(0);
    assert_eq!(
        page.stdout.matches("<polygon class=\"unlearned\"").count(),
        18
    );
    run("report", &["--series", "missing.db"], "").expect(2);
    run("report", &["-f", "nagios", "--series", paths[0]], "").expect(3);
}

/// Text fits a terminal, data are data, the page has a section.
fn forms(months: &Months) {
    let text = months.since(1, 12, &[]).expect(0).stdout;
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
    for part in [
        "WHAT CHANGED FROM month 1 TO month 12",
        "410 domains then, 410 now, 409 in both.",
        "big-host.test: STARTTLS accepted no -> yes (starttls): 400 domains, 800 users,",
        "domains: 1 came, 1 went; servers: 0 came, 2 went, 9 in both",
        "MENDED PROBLEMS",
        "came: new.test",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    let data: Value =
        serde_json::from_str(&months.since(1, 12, &["-f", "json"]).expect(0).stdout).unwrap();
    let names: Vec<&str> = (data["tables"].as_array().unwrap().iter())
        .map(|table| table["table"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "change-shares",
            "change-events",
            "change-measures",
            "change-problem-codes",
            "change-problems",
            "change-passed"
        ]
    );
    let csv = months.since(1, 12, &["-f", "csv"]).expect(0).stdout;
    assert!(
        csv.starts_with("part,what,from,to,cause,operator,domain,"),
        "{csv}"
    );
    assert!(
        csv.contains("event,STARTTLS accepted,no,yes,starttls,big-host.test,"),
        "{csv}"
    );
    let folder = months.folder.path().join("csv");
    months
        .since(1, 12, &["-f", "csv", "--into", folder.to_str().unwrap()])
        .expect(0);
    assert_eq!(fs::read_dir(folder).unwrap().count(), 6);
    let markdown = months.since(1, 12, &["-f", "markdown"]).expect(0).stdout;
    assert!(markdown.contains("| big-host.test | starttls | STARTTLS accepted | no | yes | 400 |"));
    let page = months.since(1, 12, &["-f", "html"]).expect(0).stdout;
    assert!(
        page.contains("<section id=\"change-events\">")
            && page.contains("<section id=\"overview\">")
    );
    // Without an earlier survey such a table says so.
    let alone = run("report", &[months.path(1), "-t", "change-events"], "").expect(0);
    assert!(
        alone.stdout.contains("--since names an earlier survey"),
        "{}",
        alone.stdout
    );
    run("report", &[months.path(1), "--since", "missing.db"], "").expect(2);
    run("report", &[months.path(1), "--fail-on", "critical,new"], "").expect(2);
}

/// When a job fails: by what is new, by what is bad, and not by what is known.
fn failing(months: &Months) {
    let status = |old, new, more: &[&str], expected| {
        months.since(old, new, more).expect(expected);
    };
    // A certificate expired in month 9: serious.
    status(8, 9, &["--fail-on", "serious,new"], 3);
    status(8, 9, &["--fail-on", "critical,new"], 0);
    status(9, 10, &["--fail-on", "serious,new"], 0);
    status(9, 10, &["--fail-on", "serious"], 3);
    status(
        8,
        9,
        &["--fail-on", "serious,new", "--domain", "S0.test."],
        3,
    );
    status(
        8,
        9,
        &["--fail-on", "serious,new", "--domain", "s1.test"],
        0,
    );
    // What was not learned is not new: month 4 was silent, and 5 has what 3 had.
    status(4, 5, &["--fail-on", "notice,new"], 0);
    let file = months.folder.path().join("accepted");
    let accept = file.to_str().unwrap();
    let accepted = |text: &str, expected: i32, says: &[&str]| {
        fs::write(&file, text).unwrap();
        let more = ["--fail-on", "serious,new", "--accept", accept];
        let ran = months.since(8, 9, &more).expect(expected);
        for part in says {
            assert!(ran.stderr.contains(part), "{}", ran.stderr);
        }
        assert_eq!(
            ran.stdout.contains("serious s0.test"),
            expected == 3,
            "{}",
            ran.stdout
        );
    };
    accepted("# known\ns0.test certificate_expired 2999-12-31\n", 0, &[]);
    accepted("*,*,2999-12-31", 0, &[]);
    accepted("s1.test certificate_expired 2999-12-31", 3, &[]);
    accepted(
        "s0.test certificate_expired 2020-01-01",
        3,
        &["line 1: s0.test certificate_expired: accepted until 2020-01-01, and no more"],
    );
    accepted(
        "\ns0.test nonsense 2999-12-31\n* certificate_expired 2999-12-31",
        1,
        &["line 2: nonsense: no code of mx-survey-problems(7)"],
    );
}

/// A sample of the exposition format: name, labels, value.
type Sample = (String, Vec<(String, String)>, f64);

/// Reads the text exposition format, version 0.0.4, as its grammar has it; a fault is told with its line.
fn exposition(text: &str) -> Result<Vec<Sample>, String> {
    let is_name = |name: &str| {
        !name.is_empty()
            && !name.starts_with(|it: char| it.is_ascii_digit())
            && name
                .chars()
                .all(|it| it.is_ascii_alphanumeric() || "_:".contains(it))
    };
    if !text.ends_with('\n') {
        return Err("the last line has no end".to_owned());
    }
    let (mut types, mut samples) = (BTreeMap::new(), Vec::<Sample>::new());
    for line in text.lines() {
        let fault = |why: &str| Err(format!("{why}: {line}"));
        if let Some(comment) = line.strip_prefix("# ") {
            let mut words = comment.splitn(3, ' ');
            let (kind, name) = (words.next().unwrap(), words.next().unwrap_or_default());
            let rest = words.next().unwrap_or_default();
            match kind {
                "HELP" if is_name(name) && !rest.is_empty() => {}
                "TYPE" if is_name(name) && rest == "gauge" => {
                    if types.insert(name.to_owned(), rest.to_owned()).is_some() {
                        return fault("typed twice");
                    }
                }
                _ => return fault("a comment"),
            }
            continue;
        }
        let end = line.find(['{', ' ']).unwrap_or(line.len());
        let (name, mut rest) = line.split_at(end);
        if !is_name(name) || !types.contains_key(name) {
            return fault("a name");
        }
        let mut labels = Vec::new();
        if let Some(inside) = rest.strip_prefix('{') {
            let mut letters = inside.char_indices();
            let mut begin = 0;
            rest = loop {
                let Some((at, _)) = letters.by_ref().find(|(_, it)| *it == '=') else {
                    return fault("a label");
                };
                let label = inside[begin..at].to_owned();
                if !is_name(&label) || letters.next().map(|it| it.1) != Some('"') {
                    return fault("a label");
                }
                let mut value = String::new();
                loop {
                    match letters.next() {
                        Some((_, '"')) => break,
                        Some((_, '\\')) => match letters.next() {
                            Some((_, 'n')) => value.push('\n'),
                            Some((_, it @ ('\\' | '"'))) => value.push(it),
                            _ => return fault("an escape"),
                        },
                        Some((_, it)) => value.push(it),
                        None => return fault("a value"),
                    }
                }
                labels.push((label, value));
                match letters.next() {
                    Some((at, ',')) => begin = at + 1,
                    Some((at, '}')) => break &inside[at + 1..],
                    _ => return fault("the end of a label"),
                }
            };
        }
        // A timestamp would be a second number: the textfile collector takes none.
        let Some(Ok(value)) = rest.strip_prefix(' ').map(str::parse::<f64>) else {
            return fault("a number");
        };
        if samples.iter().any(|it| it.0 == name && it.1 == labels) {
            return fault("twice");
        }
        samples.push((name.to_owned(), labels, value));
    }
    Ok(samples)
}

#[test]
fn node_exporter_can_read_it() {
    let months = Months::new([8, 9]);
    let text = months.since(8, 9, &["-f", "prometheus"]).expect(0).stdout;
    let samples = exposition(&text).unwrap();
    let value = |name: &str, labels: &[(&str, &str)]| {
        let has = |it: &&Sample| {
            let has = |(label, value): &(&str, &str)| {
                it.1.iter().any(|(known, is)| known == label && is == value)
            };
            it.0 == name && labels.iter().all(has)
        };
        let found: Vec<f64> = samples.iter().filter(has).map(|it| it.2).collect();
        assert_eq!(found.len(), 1, "{name} {labels:?}");
        found[0]
    };
    assert_eq!(value("mx_survey_info", &[("survey", "month 9")]), 1.0);
    assert_eq!(value("mx_survey_domains", &[("status", "answered")]), 411.0);
    let tls = [("measure", "tls"), ("answer", "yes")];
    assert_eq!(value("mx_survey_measure_domains", &tls), 411.0);
    let users = [("list", "leak"), ("measure", "tls"), ("answer", "yes")];
    assert_eq!(value("mx_survey_measure_users", &users), 802.0);
    let code = [("code", "certificate_expired")];
    assert_eq!(value("mx_survey_problem_code_domains", &code), 1.0);
    let new = [("difference", "new"), ("severity", "serious")];
    assert_eq!(value("mx_survey_changed_problems", &new), 1.0);
    assert!(value("mx_survey_last_measured_timestamp_seconds", &[]) > 1.7e9);
    // The reader itself.
    for (text, is_good) in [
        ("# TYPE a gauge\na 1\n", true),
        ("# TYPE a gauge\na{b=\"c\\\\\\\"\\n\"} 1\n", true),
        ("# TYPE a gauge\na 1", false),
        ("a 1\n", false),
        ("# TYPE a gauge\na{b=\"c} 1\n", false),
        ("# TYPE a gauge\na{1=\"c\"} 1\n", false),
        ("# TYPE a gauge\na 1 1700000000\n", false),
        ("# TYPE a gauge\na 1\na 2\n", false),
    ] {
        assert_eq!(exposition(text).is_ok(), is_good, "{text}");
    }
    if std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|it| it.join("promtool").is_file()))
    {
        let mut command = std::process::Command::new("promtool");
        let ran = super::harness::run_command(command.args(["check", "metrics"]), text.as_bytes());
        assert_eq!(ran.status, 0, "{}{}", ran.stdout, ran.stderr);
    } else {
        println!("no promtool here: the reader of this test read it");
    }
}

#[test]
fn nagios_reads_one_line_and_its_status() {
    let months = Months::new([3, 4, 8, 9]);
    let ask = |arguments: &[&str], status: i32, begins: &str| {
        let ran = run("report", &[arguments, &["-f", "nagios"]].concat(), "").expect(status);
        assert_eq!(ran.stdout.lines().count(), 1, "{}", ran.stdout);
        assert!(ran.stdout.starts_with(begins), "{begins}: {}", ran.stdout);
        ran.stdout
    };
    let line = ask(
        &[months.path(9)],
        1,
        "MX-SURVEY WARNING - 0 critical, 1 serious, ",
    );
    assert!(line.contains(": s0.test certificate_expired | critical=0;;;0 serious=1;;;0 notice="));
    assert!(
        line.trim_end()
            .ends_with(" domains=411;;;0 not_answered=0;;;0"),
        "{line}"
    );
    ask(
        &[months.path(8)],
        0,
        "MX-SURVEY OK - 0 critical, 0 serious, ",
    );
    ask(&[months.path(4)], 2, "MX-SURVEY CRITICAL - 400 critical, ");
    ask(
        &[months.path(9), "--fail-on", "critical"],
        0,
        "MX-SURVEY OK - ",
    );
    let new = ["--since", months.path(8), "--fail-on", "serious,new"];
    ask(
        &[&[months.path(9)], &new[..]].concat(),
        1,
        "MX-SURVEY WARNING - 0 critical, 1 serious, 0 notice new",
    );
    ask(
        &["missing.db"],
        3,
        "MX-SURVEY UNKNOWN - missing.db: no such database",
    );
    ask(
        &[],
        3,
        "MX-SURVEY UNKNOWN - 0 critical, 0 serious, 0 notice problems: nothing was looked up",
    );
}

#[test]
fn each_operator_gets_one_message_with_all_its_domains() {
    let months = Months::new([3]);
    let tell = |more: &[&str]| {
        let arguments = [&[months.path(3), "-t", "problems", "--tell"], more].concat();
        run("report", &arguments, "").expect(0).stdout
    };
    let told: Value = serde_json::from_str(&tell(&["operator", "-f", "json"])).unwrap();
    let messages = told["messages"].as_array().unwrap();
    let heads: Vec<String> = (messages.iter())
        .map(|it| {
            let domains = it["domains"].as_array().unwrap().len();
            format!("{} {domains}", cells(it, &["who", "whose"]))
        })
        .collect();
    assert_eq!(heads[0], "mail_operator | big-host.test 400", "{heads:?}");
    assert_eq!(messages[0]["problems"][0]["code"], "starttls_missing");
    assert_eq!(messages[0]["problems"][0]["seen"][0]["place"], "192.0.2.1");
    let text = tell(&["operator", "--severity", "serious"]);
    assert!(
        text.starts_with("To: the postmaster of big-host.test, who runs"),
        "{text:.300}"
    );
    assert!(
        text.contains("Subject: mail to 400 domains: 1 problem\n"),
        "{text:.300}"
    );
    assert!(text.contains("400 domains: c000.test, c001.test,") && text.contains("c399.test"));
    assert!(text.lines().all(|line| line.chars().count() <= 80));
    let markdown = tell(&["operator", "--severity", "serious", "-f", "markdown"]);
    assert!(
        markdown.contains("\n**What to do:** Install a certificate"),
        "{markdown:.600}"
    );
    let each = tell(&["domain", "--severity", "serious"]);
    assert_eq!(each.matches("To: whoever is in charge of ").count(), 400);
    run("report", &[months.path(3), "--tell", "nobody"], "").expect(2);
    run(
        "report",
        &[months.path(3), "--tell", "domain", "-t", "overview"],
        "",
    )
    .expect(2);
}

#[test]
fn a_survey_keeps_its_label() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.db");
    let path = path.to_str().unwrap();
    let lines: String = month(1).iter().map(|line| format!("{line}\n")).collect();
    let load = |more: &[&str], lines: &str| {
        run("to-sqlite", &[&["--quiet", path], more].concat(), lines).expect(0);
    };
    let label = || store::label(&store::open(Path::new(path)).unwrap()).unwrap();
    load(&[], &lines);
    assert_eq!(label(), None);
    load(&["--label", " January\u{1b}[2J "], "");
    assert_eq!(label().as_deref(), Some("January\u{1b}[2J"));
    load(&[], &lines);
    let text = run("report", &[path, "-t", "standing"], "")
        .expect(0)
        .stdout;
    assert!(text.contains("SURVEY: January\\u{1b}[2J\n"), "{text}");
    let page = run("report", &[path, "-f", "html", "-t", "standing"], "")
        .expect(0)
        .stdout;
    assert!(page.contains("<title>How mail travels: January\\u{1b}[2J, 410 domains</title>"));
    load(&["--label", ""], "");
    assert_eq!(label(), None);
}

#[test]
fn cards_are_found_by_what_a_person_has_and_are_data() {
    let mut lines = month(7);
    lines.push(domain(
        7,
        "xn--bcher-kva.test",
        "mx.big-host.test",
        "192.0.2.1",
    ));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.db");
    database(&path, &lines, "");
    let path = path.to_str().unwrap();
    for text in [
        "bücher.test",
        "BÜCHER.test.",
        "jo.doe@bücher.test",
        "https://jo:pw@bücher.test:8443/x?y",
    ] {
        let ran = run("report", &[path, "--explain", text], "").expect(0);
        assert!(
            ran.stdout.starts_with("xn--bcher-kva.test: mail to it"),
            "{text}: {}",
            ran.stdout
        );
        assert!(
            !ran.stdout.contains("jo") && !ran.stdout.contains('\u{1b}'),
            "{}",
            ran.stdout
        );
    }
    for text in ["jo.doe@", "jo.doe@missing.test", "@"] {
        let ran = run("report", &[path, "--explain", text], "").expect(1);
        assert!(!ran.stderr.contains("jo"), "{}", ran.stderr);
    }
    let ran = run("report", &[path, "--explain", "s0.test", "-f", "json"], "").expect(0);
    let card: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(card["domain"], "s0.test");
    assert_eq!(card["rules"]["preferred"]["tls"], "yes");
    let exchange = &card["exchanges"][0];
    assert_eq!(
        cells(exchange, &["exchange", "operator"]),
        "mx.s0.test | self"
    );
    let server = &exchange["servers"][0];
    assert_eq!(server["smtp"]["accepted"], true);
    assert_eq!(server["certificate"]["reason"], "valid");
    assert_eq!(server["tls"]["parts"][0], "TLSv1.3");
    // Colours where they are asked for, and the same text below them.
    let plain = run("report", &[path, "--explain", "s0.test"], "")
        .expect(0)
        .stdout;
    let ask = ["--explain", "s0.test", "--color", "always"];
    let painted = run("report", &[&[path], &ask[..]].concat(), "")
        .expect(0)
        .stdout;
    assert!(painted.starts_with("\u{1b}[1ms0.test: "), "{painted}");
    let codes = [
        "\u{1b}[0m",
        "\u{1b}[1m",
        "\u{1b}[2m",
        "\u{1b}[33m",
        "\u{1b}[36m",
        "\u{1b}[1;31m",
    ];
    let bare = codes
        .iter()
        .fold(painted, |text, code| text.replace(code, ""));
    assert_eq!(bare, plain);
    run(
        "report",
        &[path, "--explain", "s0.test", "--color", "red"],
        "",
    )
    .expect(2);
}
