//! to-sqlite: what is stored, what is refused, and what survives.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use mx_survey::store::{RecordLookup, open};
use serde_json::{Value, json};

use super::harness::{Ran, program, run, shell, wait_for};

mod earlier;

fn line(value: Value) -> String {
    format!("{value}\n")
}

fn domain(name: &str, time: &str, exchange: &str) -> Value {
    json!({"type": "domain", "domain": name, "outcome": {"phase": "done", "reason": "ok"}, "implicit_mx": false,
        "null_mx": false, "mx": [{"exchange": exchange, "preference": 10, "addresses": [{"ip": "192.0.2.1"}],
        "ipv4": {"phase": "done", "reason": "ok"}, "ipv6": null, "dnssec": null}], "dnssec": null, "time": time,
        "elapsed_ms": 1, "run": "a1", "extra": "kept"})
}

fn start(id: &str, event: &str) -> Value {
    json!({"type": "run", "event": event, "id": id, "stage": "smtp-probe", "version": "0.1.0",
        "time": "2026-01-01T00:00:00Z"})
}

fn load(database: &Path, input: &str) -> Ran {
    run("to-sqlite", &[database.to_str().unwrap()], input)
}

fn query(database: &Path, sql: &str) -> String {
    let connection = open(database).unwrap();
    connection
        .query_row(sql, [], |row| row.get::<_, rusqlite::types::Value>(0))
        .map(|value| match value {
            rusqlite::types::Value::Integer(number) => number.to_string(),
            rusqlite::types::Value::Text(text) => text,
            other => format!("{other:?}"),
        })
        .unwrap()
}

#[test]
fn lines_not_understood_are_named_and_the_others_stored() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("out.db");
    let mut input = String::from("garbage\n");
    input += &line(domain("a.test", "2026-01-01T00:00:00Z", "mx.test"));
    input += "\n{\"type\":\"smtp\",\"ip\":\"no\"}\n";
    input += &line(json!({"type": "seen-on-mars", "x": 1}));
    for _ in 0..20 {
        input += "[1]\n";
    }
    input += "{\"type\":\"domain\",\"dom";
    let ran = load(&database, &input).expect(1);
    assert!(ran.stderr.contains("line 1: "), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("line 4: not a smtp record"),
        "{}",
        ran.stderr
    );
    assert_eq!(ran.stderr.matches(": line ").count(), 10, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("23 lines left out in all"),
        "{}",
        ran.stderr
    );
    assert_eq!(query(&database, "SELECT count(*) FROM domain"), "1");
    assert_eq!(
        query(&database, "SELECT json_extract(line, '$.x') FROM unknown"),
        "1"
    );
    assert_eq!(
        query(
            &database,
            "SELECT json_extract(line, '$.extra') FROM domain"
        ),
        "kept"
    );
}

#[test]
fn a_later_record_replaces_and_an_earlier_one_is_ignored() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("out.db");
    let second = line(domain("a.test", "2026-01-01T00:00:02Z", "second.test"));
    load(&database, &second).expect(0);
    // .5 sorts before Z as text, and after it as time.
    let third = line(domain("a.test", "2026-01-01T00:00:02.5Z", "third.test"));
    let first = line(domain("a.test", "2026-01-01T00:00:01Z", "first.test"));
    let ran = load(&database, &(third.clone() + &first + &third)).expect(0);
    assert!(
        ran.stderr
            .contains("0 new, 1 replaced, 1 older ones and 1 repeats"),
        "{}",
        ran.stderr
    );
    assert_eq!(
        query(&database, "SELECT group_concat(exchange) FROM mail_route"),
        "third.test"
    );
}

#[test]
fn the_same_entry_with_other_counts_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("out.db");
    let entry = |users: u64, of: u64| {
        line(
            json!({"type": "listed", "source": "adobe", "domain": "a.test", "rank": 1, "users": users, "of": of,
            "share": 0.5}),
        )
    };
    let ran = load(
        &database,
        &(entry(5, 10) + &entry(5, 10) + &entry(6, 10) + &entry(5, 12)),
    )
    .expect(1);
    assert!(
        ran.stderr
            .contains("line 3: a.test in the list adobe has 6 users here, 5 before"),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr
            .contains("line 4: the list adobe has 12 users in all here, 10 before"),
        "{}",
        ran.stderr
    );
    assert_eq!(query(&database, "SELECT sum(users) FROM entry"), "5");
}

#[test]
fn a_run_without_its_end_is_cut() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("out.db");
    let whole = line(start("aa", "start")) + &line(start("aa", "end"));
    load(&database, &whole).expect(0);
    let ran = load(&database, &(whole + &line(start("bb", "start")))).expect(1);
    assert!(
        ran.stderr.contains("the run bb of smtp-probe is cut"),
        "{}",
        ran.stderr
    );
    assert_eq!(
        query(&database, "SELECT group_concat(run) FROM cut_runs"),
        "bb"
    );
}

#[test]
fn a_file_of_something_else_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("other.db");
    rusqlite::Connection::open(&database)
        .unwrap()
        .execute_batch("CREATE TABLE mine (x)")
        .unwrap();
    let ran = load(&database, "").expect(2);
    assert!(ran.stderr.contains("none of to-sqlite"), "{}", ran.stderr);
    std::fs::write(
        directory.path().join("text"),
        "not a database, but long enough to look at",
    )
    .unwrap();
    load(&directory.path().join("text"), "").expect(2);
    load(&directory.path().join("missing/out.db"), "").expect(2);
}

#[test]
fn what_is_stored_can_be_looked_up_by_key() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("out.db");
    let stored = domain("a.test", "2026-01-01T00:00:00Z", "mx.test").to_string();
    load(
        &database,
        &(line(start("aa", "start")) + &stored + "\n" + &line(start("aa", "end"))),
    )
    .expect(0);
    let lookup = RecordLookup::open(&database).unwrap();
    assert_eq!(lookup.domain("a.test").unwrap(), Some(stored.into_bytes()));
    assert_eq!(lookup.domain("b.test").unwrap(), None);
    assert_eq!(lookup.smtp("192.0.2.1".parse().unwrap(), 25).unwrap(), None);
    assert_eq!(
        lookup.starts("smtp-probe").unwrap(),
        [start("aa", "start").to_string().into_bytes()]
    );
}

/// A load under way: lines can be written to it, and signals sent.
struct Running {
    child: std::process::Child,
    input: Option<std::process::ChildStdin>,
}

impl Running {
    fn start(database: &Path) -> Self {
        let mut child = Command::new(program("to-sqlite"))
            .arg(database)
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take();
        Self { child, input }
    }

    /// False: it reads no more.
    fn write(&mut self, text: &str) -> bool {
        self.input
            .as_mut()
            .unwrap()
            .write_all(text.as_bytes())
            .is_ok()
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args([name, &id])
                .status()
                .unwrap()
                .success()
        );
    }

    fn end(mut self) -> (Option<i32>, String) {
        drop(self.input.take());
        let output = self.child.wait_with_output().unwrap();
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    }
}

fn many(range: std::ops::Range<u32>) -> String {
    range
        .map(|at| {
            line(domain(
                &format!("d{at}.test"),
                "2026-01-01T00:00:00Z",
                &format!("mx{}.test", at % 97),
            ))
        })
        .collect()
}

fn domains(database: &Path) -> u64 {
    query(database, "SELECT count(*) FROM domain")
        .parse()
        .unwrap()
}

#[test]
fn an_idle_input_is_committed() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("out.db");
    let mut load = Running::start(&database);
    load.write(&many(0..50));
    wait_for("a commit", Duration::from_secs(20), || {
        database.exists() && open(&database).is_ok() && domains(&database) == 50
    });
    assert_eq!(load.end().0, Some(0));
}

#[test]
fn a_first_signal_is_for_the_stages_before_it_and_a_second_stops() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("out.db");
    let mut load = Running::start(&database);
    load.write(&many(0..10));
    wait_for("a commit", Duration::from_secs(20), || {
        database.exists() && open(&database).is_ok() && domains(&database) == 10
    });
    load.signal("-INT");
    load.write(&many(10..30));
    wait_for("a commit", Duration::from_secs(20), || {
        domains(&database) == 30
    });
    load.signal("-TERM");
    wait_for("the end", Duration::from_secs(20), || {
        load.child.try_wait().unwrap().is_some()
    });
    let (status, said) = load.end();
    assert_eq!(status, Some(1), "{said}");
    assert_eq!(domains(&database), 30);
    // What was left undone is done by the next load.
    load_nothing(&database);
    assert_eq!(query(&database, "SELECT count(*) FROM judged_domain"), "30");
}

fn load_nothing(database: &Path) {
    load(database, "").expect(0);
}

#[test]
fn a_kill_at_any_moment_leaves_an_intact_database() {
    const AT_ONCE: u32 = 10;
    let lines: Vec<String> = (0..400).map(|at| many(at..at + 1)).collect();
    let trial = |number: u32, lines: &[String]| {
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join("out.db");
        let mut load = Running::start(&database);
        // From before the file exists to after the idle commit.
        let moment = Duration::from_millis(u64::from(number % 25) * 60);
        let begun = std::time::Instant::now();
        for line in lines {
            if begun.elapsed() >= moment || !load.write(line) {
                break;
            }
        }
        std::thread::sleep(moment.saturating_sub(begun.elapsed()));
        let committed = if database.exists() && open(&database).is_ok() {
            domains(&database)
        } else {
            0
        };
        load.signal("-KILL");
        load.end();
        if !database.exists() || open(&database).is_err() {
            // It never came to the schema: the next load makes it.
            load_nothing(&database);
        }
        assert_eq!(query(&database, "PRAGMA integrity_check"), "ok");
        // What is there is a beginning of the input, and all that was seen committed.
        let stored = domains(&database);
        assert!(stored >= committed, "{stored} of {committed}");
        assert_eq!(
            query(
                &database,
                &format!(
                    "SELECT count(*) FROM domain JOIN name USING (id) WHERE CAST(substr(name, 2) AS INTEGER) < {stored}"
                )
            ),
            stored.to_string()
        );
        super::to_sqlite::load(&database, &lines.concat()).expect(0);
        assert_eq!(domains(&database), lines.len() as u64);
        stored
    };
    let stored: Vec<u64> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..AT_ONCE)
            .map(|first| {
                let (lines, trial) = (&lines, &trial);
                scope.spawn(move || {
                    (0..100 / AT_ONCE)
                        .map(|at| trial(first + at * AT_ONCE, lines))
                        .collect::<Vec<u64>>()
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    assert_eq!(stored.len(), 100);
}

/// A load that runs out of room: status 2, a clear message, and what was committed is there.
fn check_full(ran: &Ran, database: &Path, before: u64) {
    assert_eq!(ran.status, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("no room to write"), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("what was committed before is there"),
        "{}",
        ran.stderr
    );
    assert_eq!(query(database, "PRAGMA integrity_check"), "ok");
    assert_eq!(domains(database), before);
}

#[test]
fn a_limit_on_the_size_of_files_is_told_and_harms_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("out.db");
    load(&database, &many(0..100)).expect(0);
    std::fs::write(directory.path().join("more"), many(100..20_000)).unwrap();
    // The limit is in kilobytes or half ones; ignored, the signal becomes an error of write.
    let ran = shell(
        "trap '' XFSZ; ulimit -f 2000; to-sqlite out.db < more",
        directory.path(),
    );
    check_full(&ran, &database, 100);
    load(&database, &many(0..20_000)).expect(0);
    assert_eq!(domains(&database), 20_000);
}

#[test]
fn a_full_disk_is_told_and_harms_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let script = "mkdir small && unshare -m true 2>/dev/null";
    if shell(script, directory.path()).status != 0 {
        println!("only root can mount a small disk here");
        return;
    }
    std::fs::write(directory.path().join("few"), many(0..100)).unwrap();
    std::fs::write(directory.path().join("more"), many(100..20_000)).unwrap();
    let script = "export PATH; unshare -m bash -c 'mount -t tmpfs -o size=3m none small && to-sqlite -q small/out.db < few && \
                  { to-sqlite small/out.db < more; status=$?; cp small/out.db* .; exit $status; }'";
    let ran = shell(script, directory.path());
    check_full(&ran, &directory.path().join("out.db"), 100);
}

#[test]
fn r5_what_keeps_nothing_is_refused_before_a_line_is_read() {
    let directory = tempfile::tempdir().unwrap();
    for place in [":memory:", "/dev/null", "."] {
        let ran = shell(
            &format!("yes garbage | head -100 | to-sqlite {place}"),
            directory.path(),
        )
        .expect(2);
        assert!(
            ran.stderr.contains("nothing would be kept"),
            "{place}: {}",
            ran.stderr
        );
    }
    // A name that looks like a URI is a name.
    load(&directory.path().join("file:x?mode=memory"), "").expect(0);
    assert!(directory.path().join("file:x?mode=memory").is_file());
}

#[test]
fn r3_a_byte_order_mark_is_no_part_of_the_first_record() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("out.db");
    let input = format!(
        "\u{feff}{}",
        line(domain("a.test", "2026-01-01T00:00:00Z", "mx.test"))
    );
    load(&database, &input).expect(0);
    assert_eq!(domains(&database), 1);
    // Elsewhere it is garbage.
    let ran = load(&database, &format!("\n{input}")).expect(1);
    assert!(ran.stderr.contains("line 2: "), "{}", ran.stderr);
    run("report", &["--table", "standing"], &input).expect(0);
}

#[test]
fn r7_servers_that_were_seen_at_two_ports_are_told() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("out.db");
    let smtp = |port: u16| {
        line(
            json!({"type": "smtp", "ip": "192.0.2.1", "port": port, "outcome": {"phase": "done", "reason": "ok"},
            "esmtp": true, "starttls": {"advertised": true, "accepted": true}, "connections": 1, "attempts": 1,
            "timings": {}, "connected": null, "time": "2026-01-01T00:00:00Z", "run": "a"}),
        )
    };
    assert!(
        !load(&database, &smtp(25))
            .expect(0)
            .stderr
            .contains("two ports")
    );
    let ran = load(&database, &smtp(2525)).expect(0);
    assert!(
        ran.stderr.contains("1 servers were seen at two ports"),
        "{}",
        ran.stderr
    );
    let ran = run("report", &[database.to_str().unwrap()], "").expect(0);
    assert!(
        ran.stdout
            .contains("CAUTION: 1 servers were seen at two ports")
    );
}

#[test]
fn r10_the_group_of_a_key_exchange_stands_under_its_name() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("out.db");
    let shaken = json!({
        "type": "tls", "ip": "192.0.2.1", "port": 25, "outcome": {"phase": "done", "reason": "ok"}, "accepted": true,
        "negotiated": true, "completed": true, "version": "TLSv1.3", "group": "X25519MLKEM768", "connections": 1,
        "attempts": 1, "timings": {}, "time": "2026-01-01T00:00:00Z", "run": "aa"
    });
    load(
        &database,
        &(line(start("aa", "start")) + &line(shaken) + &line(start("aa", "end"))),
    )
    .expect(0);
    assert_eq!(
        query(&database, "SELECT \"group\" FROM tls"),
        "X25519MLKEM768"
    );
    let columns = "SELECT count(*) FROM pragma_table_info('tls') WHERE name = 'key_exchange'";
    assert_eq!(query(&database, columns), "0");
}

#[test]
fn two_domains_of_a_list_never_share_a_rank() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("out.db");
    let entry = |source: &str, domain: &str, rank: u64| {
        line(json!({"type": "listed", "source": source, "domain": domain, "rank": rank}))
    };
    let input = entry("top", "a.test", 1)
        + &entry("top", "b.test", 2)
        + &entry("top", "c.test", 1)
        + &entry("top", "b.test", 3)
        + &entry("other", "c.test", 1);
    let ran = load(&database, &input).expect(1);
    for told in [
        "line 3: c.test in the list top has the rank 1, which another domain has",
        "line 4: b.test in the list top has rank 3 here, 2 before",
        "2 not understood",
    ] {
        assert!(ran.stderr.contains(told), "{}", ran.stderr);
    }
    // The database knows the ranks of an earlier load.
    let ran = load(&database, &entry("top", "d.test", 2)).expect(1);
    assert!(ran.stderr.contains("line 1: d.test"), "{}", ran.stderr);
    let buckets = [
        ("a.test", 1000),
        ("b.test", 1000),
        ("c.test", 5000),
        ("d.test", 1000),
    ];
    let buckets: String = buckets
        .iter()
        .map(|(domain, rank)| entry("crux", domain, *rank))
        .collect();
    load(&database, &buckets).expect(0);
    assert_eq!(query(&database, "SELECT count(*) FROM entry"), "7");
}

/// Domains as mx-lookup writes them, of many shapes.
fn looked_up() -> Vec<Value> {
    let ok = json!({"phase": "done", "reason": "ok"});
    let none = json!({"phase": "dns", "reason": "no_data"});
    let exchange = |name: &str, preference: u16, more: Value| {
        let mut exchange = json!({"exchange": name, "preference": preference, "registered_domain": "op.example",
            "addresses": [{"ip": "11.0.0.1"}, {"ip": "11.0.0.9"}, {"ip": "2a00::1"}], "ipv4": ok, "ipv6": ok,
            "dnssec": "insecure"});
        for (key, value) in more.as_object().unwrap() {
            exchange[key] = value.clone();
        }
        exchange
    };
    let tlsa = json!({"base": "mx.op.example", "outcome": ok, "dnssec": "secure", "records": [
        {"usage": 3, "selector": 1, "matching_type": 1, "data": "aa"}, {"usage": 2, "selector": 0, "matching_type": 1, "data": "bb"}]});
    let domain = |more: Value| {
        let mut domain = json!({"outcome": ok, "implicit_mx": false, "null_mx": false, "mx": [], "dnssec": null, "questions": 3,
            "elapsed_ms": 12, "time": "2026-01-01T00:00:00.000Z", "run": "a1"});
        for (key, value) in more.as_object().unwrap() {
            domain[key] = value.clone();
        }
        domain
    };
    let shared = exchange("mx.op.example", 10, json!({}));
    vec![
        domain(json!({"mx": [shared]})),
        domain(
            json!({"mx": [shared, exchange("mx2.op.example", 10, json!({"addresses": [], "ipv4": none, "ipv6": none}))]}),
        ),
        domain(
            json!({"mx": [exchange("mx.op.example", 20, json!({"tlsa": tlsa, "dnssec": "secure"}))]}),
        ),
        domain(
            json!({"mx": [exchange("mx.op.example", 20, json!({"tlsa": {"base": "mx.op.example",
            "outcome": {"phase": "dns", "reason": "unsigned"}, "dnssec": null, "records": []}}))]}),
        ),
        domain(
            json!({"mx": [exchange("lo.example", 1, json!({"addresses": [{"ip": "127.0.0.1", "special": "loopback"}],
            "faults": ["special_address"], "ipv6": null}))]}),
        ),
        domain(
            json!({"outcome": {"phase": "dns", "reason": "nxdomain"}, "implicit_mx": null, "null_mx": null}),
        ),
        domain(
            json!({"outcome": {"phase": "dns", "reason": "servfail"}, "dnssec": "bogus", "faults": ["duplicate_exchange"]}),
        ),
        // From here on something is said that no table says, or in another way.
        domain(json!({"outcome": {"phase": "dns", "reason": "servfail", "detail": "lame"}})),
        domain(json!({"answers": ["a.test. 1 IN MX 1 b."]})),
        domain(json!({"cname": ["b.test"]})),
        domain(
            json!({"mx": [exchange("mx.op.example", 20, json!({})), exchange("mx.op.example", 10, json!({}))]}),
        ),
        domain(json!({"mx": [shared, shared]})),
        domain(
            json!({"mx": [exchange("mx.op.example", 10, json!({"left_out": 3, "ipv4": {"phase": "dns", "reason": "too_many"}}))]}),
        ),
    ]
}

/// How many of [`looked_up`] the tables hold whole.
const WHOLE: usize = 7;

#[test]
fn a_record_that_the_tables_hold_whole_is_made_again_byte_for_byte() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("out.db");
    let mut lines = Vec::new();
    for (at, mut value) in looked_up().into_iter().enumerate() {
        value["domain"] = format!("d{at}.test").into();
        let record: mx_survey::record::Domain = serde_json::from_value(value).unwrap();
        lines.push(String::from_utf8(mx_survey::ndjson::to_line(&record)).unwrap());
    }
    // The same as the first, but with a field that nobody knows, and with a blank.
    let first = lines[0].clone();
    let with =
        |from: &str, to: &str, name: &str| first.replace("d0.test", name).replacen(from, to, 1);
    lines.push(with(
        "\"questions\":",
        "\"extra\":1,\"questions\":",
        "d90.test",
    ));
    lines.push(with("\"questions\":", "\"questions\": ", "d91.test"));
    load(&database, &lines.concat()).expect(0);
    assert_eq!(
        query(
            &database,
            "SELECT group_concat(name) FROM (SELECT n.name FROM domain d JOIN name n USING (id) WHERE line IS NULL ORDER BY id)"
        ),
        (0..WHOLE)
            .map(|at| format!("d{at}.test"))
            .collect::<Vec<_>>()
            .join(",")
    );
    let lookup = RecordLookup::open(&database).unwrap();
    for line in &lines {
        let value: Value = serde_json::from_str(line).unwrap();
        let found = lookup
            .domain(value["domain"].as_str().unwrap())
            .unwrap()
            .unwrap();
        assert_eq!(String::from_utf8(found).unwrap(), line.trim_end());
    }
    // A later record of another kind takes the place of one that was held whole, and the other way round.
    let later = |line: &str, name: &str| {
        line.replace(name, "d0.test")
            .replace("2026-01-01T", "2026-01-02T")
    };
    for (at, name, day) in [(8, "d8.test", "-02T"), (1, "d1.test", "-03T")] {
        let line = later(&lines[at], name).replace("-02T", day);
        load(&database, &line).expect(0);
        let found = RecordLookup::open(&database)
            .unwrap()
            .domain("d0.test")
            .unwrap()
            .unwrap();
        assert_eq!(String::from_utf8(found).unwrap(), line.trim_end());
    }
}

#[test]
fn what_was_left_out_keeps_any_and_all_open() {
    let directory = tempfile::tempdir().unwrap();
    let too_many = json!({"phase": "dns", "reason": "too_many"});
    let ok = json!({"phase": "done", "reason": "ok"});
    let known = json!({"exchange": "mx.test", "preference": 1, "addresses": [{"ip": "11.0.0.1"}], "ipv4": ok, "ipv6": null,
        "dnssec": null});
    let cut = |more: Value| {
        let mut exchange = known.clone();
        for (key, value) in more.as_object().unwrap() {
            exchange[key] = value.clone();
        }
        exchange
    };
    let not_asked = json!({"exchange": "mx9.test", "preference": 9, "addresses": [], "ipv4": too_many, "ipv6": too_many,
        "dnssec": null});
    // Addresses of an exchange that were left out, of one family; and an exchange beyond the hundredth.
    let cases = [
        vec![cut(json!({"left_out": 3, "ipv4": too_many}))],
        vec![cut(json!({"left_out": 3, "ipv6": too_many}))],
        vec![known.clone(), not_asked],
    ];
    for (at, mx) in cases.into_iter().enumerate() {
        for accepted in [true, false] {
            let database = directory.path().join(format!("{at}{accepted}.db"));
            let domain = json!({"type": "domain", "domain": "a.test", "outcome": ok, "implicit_mx": false, "null_mx": false,
                "mx": mx, "faults": [], "dnssec": null, "time": "2026-01-01T00:00:00Z", "elapsed_ms": 1, "run": "r"});
            let smtp = json!({"type": "smtp", "ip": "11.0.0.1", "port": 25, "outcome": ok, "esmtp": true,
                "starttls": {"advertised": accepted, "accepted": accepted}, "connections": 1, "attempts": 1, "timings": {},
                "connected": null, "time": "2026-01-01T00:00:00Z", "run": "r"});
            load(&database, &(line(domain) + &line(smtp))).expect(0);
            let expected = if accepted {
                "yes yes unknown"
            } else {
                "no unknown no"
            };
            assert_eq!(
                query(
                    &database,
                    "SELECT concat_ws(' ', accepted, accepted_any, accepted_all) FROM domain_verdict"
                ),
                expected,
                "{mx:?}"
            );
            let arguments = [
                "--table",
                "overview",
                "--format",
                "json",
                database.to_str().unwrap(),
            ];
            let told: Value =
                serde_json::from_str(&run("report", &arguments, "").expect(0).stdout).unwrap();
            let rows = told["tables"][0]["rows"].as_array().unwrap();
            let count = |rule: &str, truth: &str| {
                let is_asked = |row: &&Value| {
                    row["rule"] == rule
                        && row["measure"] == "STARTTLS accepted"
                        && row["weight"] == "domains"
                };
                rows.iter().find(is_asked).unwrap()[truth].as_u64().unwrap()
            };
            let [_, any, all] = expected.split(' ').collect::<Vec<_>>()[..] else {
                panic!()
            };
            assert_eq!(
                (count("any", any), count("all", all)),
                (1, 1),
                "{mx:?} {rows:#?}"
            );
        }
    }
}
