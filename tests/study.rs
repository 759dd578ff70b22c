//! The study of 2014 asked again of its world in small, and of that world with one class of servers changed.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::harness::{run, shell};

/// Surveys the world of 2014 in small into `study.db`, its server lines changed first.
fn survey(directory: &Path, change: impl Fn(&mut Value)) {
    shell(
        "mail-lab --generate 2014-small --old-ciphers --shorten 1000000 --out .",
        directory,
    )
    .expect(0);
    let path = directory.join("world.ndjson");
    let world: String = (fs::read_to_string(&path).unwrap().lines())
        .map(|line| {
            if !line.starts_with(r#"{"type":"server""#) {
                return format!("{line}\n");
            }
            let mut server: Value = serde_json::from_str(line).unwrap();
            change(&mut server);
            format!("{server}\n")
        })
        .collect();
    fs::write(path, world).unwrap();
    fs::write(directory.join("lists.ndjson"), counted(directory)).unwrap();
    shell(
        "mail-lab --port 0 --dns-port 0 world.ndjson -- bash -o pipefail -c '
            mx-lookup --source rank --nameserver $MAIL_LAB_DNS --concurrency 200 < domains.csv |
            smtp-probe --port $MAIL_LAB_PORT --allow 127.0.0.0/8 --helo study.example.org --spacing 100ms --banner-timeout 5s |
            tls-inspect --allow 127.0.0.0/8 --helo study.example.org --roots lab=$MAIL_LAB_ROOTS --spacing 100ms |
            cat - lists.ndjson | to-sqlite --quiet study.db'
        header-trace --quiet messages.mbox | to-sqlite --quiet study.db",
        directory,
    )
    .expect(0);
}

/// The Adobe list at its full size, as leak-count would have counted its 152 million lines; Gawker's is counted.
fn counted(directory: &Path) -> String {
    let truth = fs::read_to_string(directory.join("truth.ndjson")).unwrap();
    let adobe = truth.lines().map(|line| {
        let truth: Value = serde_json::from_str(line).unwrap();
        let users = truth["adobe"].as_u64().unwrap();
        let listed = json!({
            "type": "listed", "source": "adobe", "domain": truth["domain"], "rank": truth["rank"], "users": users,
            "of": 152_470_436, "share": users as f64 / 152_470_436.0, "run": "0",
        });
        format!("{listed}\n")
    });
    let gawker = shell("leak-count --quiet gawker.txt", directory).expect(0);
    adobe.collect::<String>() + &gawker.stdout
}

fn check(directory: &Path) -> super::harness::Ran {
    let root = env!("CARGO_MANIFEST_DIR");
    shell(&format!("{root}/study/check study.db small"), directory)
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn every_number_of_the_study_comes_out_of_its_world() {
    let directory = tempfile::tempdir().unwrap();
    survey(directory.path(), |_| {});
    let ran = check(directory.path()).expect(0);
    assert!(ran.stdout.contains("44 expected numbers"), "{}", ran.stdout);
    let database = directory.path().join("study.db");
    let page = run(
        "report",
        &[database.to_str().unwrap(), "--study", "--format", "html"],
        "",
    )
    .expect(0)
    .stdout;
    for part in ["Figure 6", "<path class=\"slice f0\"", "read off at 2,000"] {
        assert!(page.contains(part), "{part}");
    }
    // One domain of the million less is a difference.
    shell(
        "sqlite3 study.db \"DELETE FROM judged_domain WHERE domain = (SELECT id FROM name WHERE name = 'aol.com')\"",
        directory.path(),
    )
    .expect(0);
    let ran = check(directory.path()).expect(1);
    assert!(ran.stdout.contains("adobe top10: "), "{}", ran.stdout);
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn another_class_of_servers_is_found_out() {
    let directory = tempfile::tempdir().unwrap();
    // One class loses its trusted root: one of the smallest.
    survey(directory.path(), |server| {
        if server["about"]["class"] == "valid:DES-CBC3-SHA"
            || server["about"]["cipher"] == "DES-CBC3-SHA"
        {
            server["tls"]["certificate"] = "self-signed".into();
        }
    });
    let ran = check(directory.path()).expect(1);
    assert!(ran.stdout.contains("overall valid: "), "{}", ran.stdout);
}
