//! What goes in and what comes out: forms of lists, records on the way, `--resume`, exit codes.

use serde_json::{Value, json};

use super::hostile::Hostile;
use crate::harness::{Ran, run};

fn look_up(server: &Hostile, options: &[&str], list: &str) -> Ran {
    let address = server.address.to_string();
    let options = [&["--nameserver", address.as_str()], options].concat();
    run("mx-lookup", &options, list)
}

/// `source domain rank` of each entry.
fn listed(ran: &Ran) -> Vec<String> {
    let entry = |record: &Value| {
        let [source, domain] = ["source", "domain"].map(|name| record[name].as_str().unwrap());
        format!("{source} {domain} {}", record["rank"])
    };
    ran.of_type("listed").iter().map(entry).collect()
}

fn domains(ran: &Ran) -> Vec<String> {
    let of = |record: &Value| record["domain"].as_str().unwrap().to_owned();
    let mut names: Vec<_> = ran.of_type("domain").iter().map(of).collect();
    names.sort();
    names
}

#[test]
fn every_form_of_list_is_read() {
    let server = Hostile::start();
    for (options, list) in [
        (&[][..], "# a list\n\nA.example\r\nb.example. # b\n"),
        (&[], "1,a.example\n2,b.example\n"),
        (&[], "GlobalRank,Domain\n1,a.example\n2,b.example\n"),
        (
            &[],
            "{\"domain\":\"a.example\"}\n{\"domain\":\"b.example\"}\n",
        ),
        (
            &["--format", "zone"],
            "example. 1 in soa a. b. 1 2 3 4 5\na.example. 1 in ns n.\na.example. 1 in ns m.\nb.example. 1 in ns n.\n",
        ),
    ] {
        let ran = look_up(&server, &[options, &["--source", "top"]].concat(), list).expect(0);
        assert_eq!(
            listed(&ran),
            ["top a.example 1", "top b.example 2"],
            "{list}"
        );
        assert_eq!(domains(&ran), ["a.example", "b.example"], "{list}");
        assert_eq!(ran.stderr, "");
    }
}

/// Each file of a list is in a form of its own, and the places go on.
#[test]
fn d6_a_list_may_be_in_several_files() {
    let server = Hostile::start();
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let plain = file("plain", "# names\na.example\nb.example");
    let table = file("table", "domain;other\nc.example;1\n");
    let zone = file(
        "zone",
        "d. 1 in soa a. b. 1 2 3 4 5\ne.d. 1 in ns n.\nx.d. 1 in mx (\n",
    );
    let hosts = file("hosts", "127.0.0.1 f.example g.example\nh.example\n");
    let ranked = file("ranked", "7,i.example\n");
    let options = [&plain, &table, &zone, &hosts, &ranked, "-"].map(|option: &str| option);
    let ran = look_up(&server, &options, "j.example\n").expect(1);
    assert_eq!(
        listed(&ran),
        [
            "input a.example 1",
            "input b.example 2",
            "input c.example 3",
            "input e.d 4",
            "input f.example 5",
            "input g.example 6",
            "input h.example 7",
            "input i.example 7",
            "input j.example 9",
        ]
    );
    assert_eq!(
        ran.stderr,
        format!("mx-lookup: {zone}: the zone ends inside parentheses\n")
    );
}

#[test]
fn d5_lists_of_other_forms_are_read_or_told() {
    let server = Hostile::start();
    for (options, list) in [
        (
            &[][..],
            "origin,rank\nhttps://a.example,1\nhttps://b.example,2\n",
        ),
        (&[], "0.0.0.0 a.example b.example # ads\n"),
        (&[], "\"1\"\t\"a.example\"\n\"2\"\t\"b.example\"\n"),
        (
            &[],
            "$ORIGIN example.\n$TTL 1h\n@ SOA ns host (\n 1 2 3\n 4 5 )\n NS ns\na NS n\n NS m\nb IN NS n\n",
        ),
        (&["--rank-offset", "0"], "a.example\nb.example\n"),
    ] {
        let ran = look_up(&server, &[options, &["--source", "top"]].concat(), list).expect(0);
        let found: Vec<_> = listed(&ran)
            .iter()
            .map(|entry| entry.replace(". ", " "))
            .collect();
        assert_eq!(found, ["top a.example 1", "top b.example 2"], "{list}");
        assert_eq!(ran.stderr, "");
    }
    let part = look_up(
        &server,
        &["--rank-offset", "500"],
        "a.example\n7,b.example\n",
    )
    .expect(0);
    assert_eq!(listed(&part), ["input a.example 501", "input b.example 7"]);
    // What is no list of names says so, and what it looks like.
    let strange: String = (0..1200).map(|number| format!("a,b,{number}\n")).collect();
    let ran = look_up(&server, &[], &strange).expect(1);
    let says = "mx-lookup: the input: no domain name among its first 1000 entries, the first of which is \"a,b,0\"";
    assert!(ran.stderr.contains(says), "{}", ran.stderr);
    let cut = look_up(&server, &[], "example. IN SOA a. b. (\n1 2\n").expect(1);
    assert!(
        cut.stderr.contains("the zone ends inside parentheses"),
        "{}",
        cut.stderr
    );
    let included = look_up(&server, &["--format", "zone"], "$INCLUDE other\n").expect(1);
    assert!(
        included.stderr.contains("line 1: $INCLUDE"),
        "{}",
        included.stderr
    );
}

#[test]
fn records_go_on_as_they_are_and_their_names_are_looked_up() {
    let server = Hostile::start();
    let counted =
        r#"{"type":"listed",  "source":"leak","domain":"a.example","users":7,"of":9,"new":[1]}"#;
    let unknown = r#"{"type":"poll","domain":"b.example"}"#;
    let other = r#"{"type":"other","source":"leak","domains":1,"users":2,"of":9,"share":0.2}"#;
    let done = r#"{"type":"domain","domain":"c.example","outcome":{"phase":"done","reason":"ok"}}"#;
    let list = [counted, unknown, other, done, "c.example", counted].join("\n");
    let ran = look_up(&server, &[], &list).expect(0);
    let lines: Vec<_> = ran.stdout.lines().collect();
    for line in [counted, unknown, other, done] {
        assert!(lines.contains(&line), "{line}");
    }
    assert_eq!(domains(&ran), ["a.example", "b.example", "c.example"]);
    assert_eq!(server.asked("c.example. IN MX"), 0, "it was done");
    assert_eq!(
        crate::harness::by_name(&ran.of_type("run")[1]["counts"])["repeated"],
        1
    );
    let cause = lines.iter().position(|line| *line == unknown);
    let effect = lines
        .iter()
        .position(|line| line.starts_with(r#"{"type":"domain","domain":"b.example""#));
    assert!(cause < effect);
}

#[test]
fn lines_that_are_not_understood_are_named_and_the_others_answered() {
    let server = Hostile::start();
    let ran = look_up(
        &server,
        &[],
        "a.example\n{\"x\":1}\n{\"domain\":\nb.example\n",
    )
    .expect(1);
    assert_eq!(domains(&ran), ["a.example", "b.example"]);
    for line in ["line 2", "line 3"] {
        assert!(ran.stderr.contains(line), "{}", ran.stderr);
    }
}

#[test]
fn repeats_give_one_record_and_invalid_names_one_each() {
    let server = Hostile::start();
    let ran = look_up(&server, &[], "a.example\nA.example.\nx y\nx y\n1.2.3.4\n").expect(0);
    assert_eq!(domains(&ran), ["1.2.3.4", "a.example", "x y"]);
    assert_eq!(
        listed(&ran),
        ["input a.example 1", "input x y 3", "input 1.2.3.4 5"]
    );
    let last = ran.of_type("run").pop().unwrap();
    assert_eq!(crate::harness::by_name(&last["counts"])["repeated"], 2);
    assert_eq!(
        crate::harness::by_name(&last["outcomes"]),
        json!({"done/ok": 1, "input/invalid_name": 2})
    );
}

#[test]
fn what_an_earlier_run_answered_is_not_asked_again() {
    let server = Hostile::start();
    let first = look_up(&server, &["--tries", "1"], "a.example\nservfail.example\n").expect(0);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("part.ndjson");
    std::fs::write(&path, &first.stdout).unwrap();
    let resume = ["--tries", "1", "--resume", path.to_str().unwrap()];
    let list = "a.example\nservfail.example\nb.example\n";
    let again = look_up(&server, &resume, list).expect(0);
    assert_eq!(
        domains(&again),
        ["a.example", "b.example", "servfail.example"]
    );
    assert_eq!(
        [
            server.asked("a.example. IN MX"),
            server.asked("servfail.example. IN MX")
        ],
        [1, 1]
    );
    look_up(
        &server,
        &[&resume[..], &["--remeasure", "servfail"]].concat(),
        list,
    )
    .expect(0);
    assert_eq!(
        [
            server.asked("a.example. IN MX"),
            server.asked("servfail.example. IN MX")
        ],
        [1, 2]
    );
    let other = look_up(&server, &["--resume", path.to_str().unwrap()], list).expect(2);
    assert!(other.stderr.contains("tries was 1"), "{}", other.stderr);
}

#[test]
fn name_servers_that_cannot_be_read_are_named() {
    for (server, said) in [
        ("dns.example", "--nameserver dns.example: a name server:"),
        ("@/nonexistent", "--nameserver @/nonexistent"),
    ] {
        let ran = run("mx-lookup", &["--nameserver", server], "a.example\n").expect(2);
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
    }
}
