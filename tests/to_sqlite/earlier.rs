//! Databases and streams of earlier versions.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::{domains, load, many, query};
use crate::harness::run;

/// A file that version 0.1 made of a small lab world, unpacked.
fn made_by_0_1(name: &str, directory: &Path) -> PathBuf {
    let packed = format!(
        "{}/tests/data/version-0.1/{name}.gz",
        env!("CARGO_MANIFEST_DIR")
    );
    let output = Command::new("gzip")
        .args(["-dc", &packed])
        .output()
        .unwrap();
    assert!(output.status.success(), "{packed}");
    let file = directory.join(name);
    std::fs::write(&file, output.stdout).unwrap();
    file
}

/// Every table that 0.1 had, as rows that can be compared: what the changelog of 0.2 changes is taken away.
fn tables(json: &str) -> Vec<(String, Vec<String>)> {
    let json: Value = serde_json::from_str(json).unwrap();
    let tables = json["tables"].as_array().unwrap().iter().map(|table| {
        let name = table["table"].as_str().unwrap().to_owned();
        let mut rows = table["rows"].as_array().unwrap().clone();
        match name.as_str() {
            // An exchange in an unsigned zone has no DANE; that was not known.
            "names" => rows.retain(|row| row["measure"] != "DANE holds"),
            // What ties is in the order of names; that of rows was taken.
            "fixes" => {
                for row in &mut rows {
                    let cells = row.as_object_mut().unwrap();
                    cells.retain(|key, _| {
                        !["place", "together", "goal", "such_as"].contains(&key.as_str())
                    });
                }
            }
            _ => {}
        }
        let mut rows: Vec<String> = rows.iter().map(Value::to_string).collect();
        if name == "fixes" {
            rows.sort();
        }
        (name, rows)
    });
    tables.collect()
}

#[test]
fn a_database_that_0_1_made_is_migrated_and_gives_the_same_report() {
    let directory = tempfile::tempdir().unwrap();
    let before = made_by_0_1("report.json", directory.path());
    let before = tables(&std::fs::read_to_string(before).unwrap());
    assert_eq!(before.len(), 28);
    let asked: Vec<&str> = (before.iter())
        .flat_map(|(table, _)| ["--table", table.as_str()])
        .collect();
    let compare = |database: &Path| {
        let mut arguments = vec!["--format", "json", database.to_str().unwrap()];
        arguments.extend(&asked);
        let after = tables(&run("report", &arguments, "").expect(0).stdout);
        for (before, after) in before.iter().zip(&after) {
            assert_eq!(before, after);
        }
        assert_eq!(before.len(), after.len());
    };
    let migrated = made_by_0_1("survey.db", directory.path());
    assert_eq!(query_any(&migrated, "PRAGMA user_version"), "1");
    compare(&migrated);
    assert_eq!(query(&migrated, "PRAGMA user_version"), "5");
    assert_eq!(query(&migrated, "PRAGMA integrity_check"), "ok");

    // Its stream is read too, by the database and by the stages.
    let stream = std::fs::read_to_string(made_by_0_1("stream.ndjson", directory.path())).unwrap();
    let loaded = directory.path().join("loaded.db");
    load(&loaded, &stream).expect(0);
    compare(&loaded);
    let stage = run(
        "smtp-probe",
        &["--quiet", "--helo", "probe.example.org"],
        &stream,
    )
    .expect(0);
    for line in stream.lines() {
        assert!(stage.stdout.contains(line), "{line}");
    }
}

/// A value of a database that this version would not open.
fn query_any(database: &Path, sql: &str) -> String {
    let connection = rusqlite::Connection::open(database).unwrap();
    let value: i64 = connection.query_row(sql, [], |row| row.get(0)).unwrap();
    value.to_string()
}

#[test]
fn a_database_of_an_earlier_version_is_migrated_when_it_is_opened() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("out.db");
    let path = database.to_str().unwrap();
    load(&database, &many(0..50)).expect(0);
    let before = run("report", &[path], "").expect(0).stdout;
    let make_old = |version: u32| {
        let old = "DROP TABLE exchange_dane; CREATE TABLE exchange_dane (exchange INTEGER NOT NULL REFERENCES exchange, \
                   address INTEGER NOT NULL REFERENCES address, matches INTEGER, reasons TEXT, \
                   PRIMARY KEY (exchange, address)) STRICT, WITHOUT ROWID; DROP INDEX tls_of_server; DROP TABLE exchange_cname; \
                   ALTER TABLE tls RENAME COLUMN \"group\" TO key_exchange; DROP TABLE exchange_fault; DROP TABLE verdict_also; \
                   UPDATE meta SET value = 3 WHERE key = 'rules'";
        let connection = rusqlite::Connection::open(&database).unwrap();
        let views = connection
            .prepare("SELECT 'DROP VIEW ' || name FROM sqlite_schema WHERE type = 'view'")
            .unwrap()
            .query_map([], |row| row.get::<_, String>(0))
            .unwrap()
            .collect::<Result<Vec<_>, _>>()
            .unwrap();
        for drop in views {
            connection.execute_batch(&drop).unwrap();
        }
        connection.execute_batch(old).unwrap();
        connection
            .pragma_update(None, "user_version", version)
            .unwrap();
    };
    let lines = "SELECT group_concat(line) FROM (SELECT line FROM domain ORDER BY line)";
    let stored = query(&database, lines);
    for version in [1, 2] {
        make_old(version);
        assert_eq!(run("report", &[path], "").expect(0).stdout, before);
        assert_eq!(query(&database, "PRAGMA user_version"), "5");
        assert_eq!(query(&database, lines), stored);
        assert!(
            query(
                &database,
                "SELECT sql FROM sqlite_schema WHERE name = 'tls'"
            )
            .contains("-- Suite")
        );
    }
    make_old(1);
    load(&database, &many(50..60)).expect(0);
    assert_eq!(domains(&database), 60);
    assert_eq!(
        query(&database, "SELECT count(dane) FROM exchange_dane"),
        "0"
    );
    assert_eq!(query(&database, "PRAGMA integrity_check"), "ok");
}

#[test]
fn a_database_that_cannot_be_migrated_is_told_and_left_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("out.db");
    load(&database, &many(0..5)).expect(0);
    let change = |sql: &str| {
        let connection = rusqlite::Connection::open(&database).unwrap();
        connection.execute_batch(sql).unwrap();
    };
    change(
        "UPDATE domain SET line = '{\"type\":\"domain\",\"domain\":5}' WHERE id = (SELECT max(id) FROM domain); PRAGMA user_version = 2",
    );
    let before = std::fs::read(&database).unwrap();
    let ran = load(&database, &many(5..9)).expect(2);
    assert!(
        ran.stderr.contains("a line in it is not understood"),
        "{}",
        ran.stderr
    );
    assert_eq!(domains(&database), 5);
    assert_eq!(query(&database, "PRAGMA user_version"), "2");
    assert_eq!(std::fs::read(&database).unwrap().len(), before.len());
    change("PRAGMA user_version = 6");
    let ran = load(&database, "").expect(2);
    assert!(
        ran.stderr.contains("made by another version"),
        "{}",
        ran.stderr
    );
}
