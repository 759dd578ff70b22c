//! to-sqlite: what is stored, what is refused, and what survives.

use std::path::Path;

use mx_survey::store::{Lookup, open};
use serde_json::{Value, json};

use super::harness::{Ran, run};

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
    let lookup = Lookup::open(&database).unwrap();
    assert_eq!(lookup.domain("a.test").unwrap(), Some(stored.into_bytes()));
    assert_eq!(lookup.domain("b.test").unwrap(), None);
    assert_eq!(lookup.smtp("192.0.2.1".parse().unwrap(), 25).unwrap(), None);
    assert_eq!(
        lookup.starts("smtp-probe").unwrap(),
        [start("aa", "start").to_string().into_bytes()]
    );
}
