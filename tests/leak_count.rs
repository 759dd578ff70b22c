//! `leak-count`: every format with its quirks, bounds, privacy, and the shares of the study.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::harness::{Ran, program, run, run_command, shell};

/// In every local part, password, hint and user name of the test lists.
const SECRET: &str = "s3cret";

fn data(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/leak");
    folder.join(name).to_str().unwrap().to_owned()
}

fn users(ran: &Ran) -> BTreeMap<String, u64> {
    let listed = ran.of_type("listed").into_iter();
    listed
        .map(|record| {
            (
                record["domain"].as_str().unwrap().to_owned(),
                record["users"].as_u64().unwrap(),
            )
        })
        .collect()
}

/// The counts of the last line that are not 0 or told by the records.
fn rest(ran: &Ran) -> BTreeMap<String, u64> {
    let end = ran.records().pop().unwrap();
    assert_eq!(
        (&end["type"], &end["event"]),
        (&"run".into(), &"end".into())
    );
    let counts: BTreeMap<String, u64> =
        serde_json::from_value(crate::harness::by_name(&end["counts"])).unwrap();
    let told = ["users", "domains", "inputs", "not_counted"];
    counts
        .into_iter()
        .filter(|(name, count)| *count > 0 && !told.contains(&name.as_str()))
        .collect()
}

fn map<const N: usize>(pairs: [(&str, u64); N]) -> BTreeMap<String, u64> {
    pairs.map(|(name, count)| (name.to_owned(), count)).into()
}

#[test]
fn adobe() {
    let ran = run("leak-count", &[&data("adobe.txt")], "").expect(0);
    assert_eq!(
        users(&ran),
        map([
            ("example.org", 3),
            ("example.com", 2),
            ("example.net", 2),
            ("163.com", 1),
            ("xn--bro-hoa.de", 1)
        ])
    );
    assert_eq!(
        rest(&ran),
        map([
            ("lines", 23),
            ("not_counted_address_literal", 1),
            ("not_counted_bad_idna", 1),
            ("not_counted_bad_label", 3),
            ("not_counted_blank", 1),
            ("not_counted_continuation", 2),
            ("not_counted_empty", 1),
            ("not_counted_no_at", 1),
            ("not_counted_no_domain", 1),
            ("not_counted_no_record", 1),
            ("not_counted_single_label", 1),
            ("not_counted_unknown_tld", 1),
        ])
    );
    assert!(
        ran.stderr.contains("adobe.txt: read as adobe\n"),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr
            .contains("adobe: 23 lines, 9 users at 5 domains\n"),
        "{}",
        ran.stderr
    );
}

#[test]
fn records_are_sorted_and_have_their_share() {
    let ran = run(
        "leak-count",
        &["--source", "made"],
        "a@b.org\na@c.org\na@a.org\nb@c.org\n",
    )
    .expect(0);
    let listed = ran.of_type("listed");
    let of = |name: &str| {
        listed
            .iter()
            .map(|record| record[name].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(of("domain"), ["c.org", "a.org", "b.org"]);
    assert_eq!(of("users"), [2, 1, 1]);
    assert_eq!(of("rank"), [1, 2, 3]);
    assert_eq!(of("share"), [0.5, 0.25, 0.25]);
    assert!(
        listed
            .iter()
            .all(|record| record["of"] == 4 && record["source"] == "made")
    );
    let records = ran.records();
    let [first, .., last] = records.as_slice() else {
        panic!("{records:?}")
    };
    assert_eq!(
        (&first["type"], &first["event"]),
        (&"run".into(), &"start".into())
    );
    assert_eq!(first["id"], last["id"]);
    assert!(listed.iter().all(|record| record["run"] == first["id"]));
    assert_eq!(first["settings"]["format"], "guessed");
}

#[test]
fn gawker() {
    let ran = run("leak-count", &[&data("gawker.txt")], "").expect(0);
    assert_eq!(
        users(&ran),
        map([("example.org", 2), ("163.com", 1), ("example.net", 1)])
    );
    assert_eq!(
        rest(&ran),
        map([
            ("lines", 7),
            ("not_counted_empty", 2),
            ("not_counted_no_record", 1)
        ])
    );
    assert!(
        ran.stderr.contains("read as gawker, column 3"),
        "{}",
        ran.stderr
    );
}

#[test]
fn l1_a_combo_list_that_mixes_its_separators_is_counted_whole() {
    let mut text = String::new();
    for (mark, domain, lines) in [
        (':', "example.org", 60),
        (';', "example.com", 30),
        ('|', "example.net", 20),
    ] {
        for number in 0..lines {
            writeln!(text, "user{number}@{domain}{mark}{SECRET}@x:;|{number}").unwrap();
        }
    }
    let counted = map([
        ("example.org", 60),
        ("example.com", 30),
        ("example.net", 20),
    ]);
    for arguments in [&[][..], &["--format", "combo"]] {
        let ran = run("leak-count", arguments, &text).expect(0);
        assert_eq!(users(&ran), counted, "{arguments:?}");
        assert_eq!(rest(&ran), map([("lines", 110)]));
        assert!(!ran.stdout.contains(SECRET) && !ran.stderr.contains(SECRET));
    }
    // Behind what the head of a list shows, too.
    let mut long = "a@example.org:x\n".repeat(30_000);
    long += &"a@example.com;x\na@example.net|x\n".repeat(10);
    let ran = run("leak-count", &[], &long).expect(0);
    assert_eq!(
        users(&ran),
        map([
            ("example.org", 30_000),
            ("example.com", 10),
            ("example.net", 10)
        ])
    );
}

#[test]
fn l2_lists_of_urls_with_logins() {
    let text = format!(
        "https://h.example/x:u@example.org:{SECRET}\n\
         https://h.example:8443/login:u@example.org:{SECRET}@example.com\n\
         android://{SECRET}==@com.example.app/:u@example.net:{SECRET}\n\
         http://h.example/x|u@example.net|{SECRET}\n\
         h.example/y:u@example.net:{SECRET}\n\
         https://h.example/x:{SECRET}:{SECRET}@example.com\n"
    );
    for arguments in [&[][..], &["--format", "url"]] {
        let ran = run("leak-count", arguments, &text).expect(0);
        assert_eq!(users(&ran), map([("example.net", 3), ("example.org", 2)]));
        assert_eq!(rest(&ran), map([("lines", 6), ("not_counted_no_at", 1)]));
        assert!(ran.stderr.contains("url:address:password") || !arguments.is_empty());
        assert!(!ran.stdout.contains(SECRET) && !ran.stderr.contains(SECRET));
    }
}

#[test]
fn combo_lists() {
    let ran = run("leak-count", &[&data("combo.txt")], "").expect(0);
    assert_eq!(
        users(&ran),
        map([("example.org", 3), ("163.com", 1), ("example.net", 1)])
    );
    assert_eq!(
        rest(&ran),
        map([
            ("lines", 7),
            ("not_counted_empty", 1),
            ("not_counted_no_at", 1)
        ])
    );
    let ran = run("leak-count", &[&data("semicolon.txt")], "").expect(0);
    assert_eq!(users(&ran), map([("example.org", 3)]));
    let arguments = ["--format", "combo", "--separator", "|", "--column", "2"];
    let ran = run("leak-count", &arguments, "x|a@example.org|y\n").expect(0);
    assert_eq!(users(&ran), map([("example.org", 1)]));
}

#[test]
fn tables() {
    let ran = run("leak-count", &[&data("quoted.csv")], "").expect(0);
    assert_eq!(
        users(&ran),
        map([("example.org", 2), ("163.com", 1), ("example.net", 1)])
    );
    assert_eq!(
        rest(&ran),
        map([
            ("headers", 1),
            ("lines", 11),
            ("not_counted_blank", 1),
            ("not_counted_empty", 1),
            ("not_counted_no_record", 1)
        ])
    );
    assert!(
        ran.stderr
            .contains("read as csv with ',', column 2 (e-mail)"),
        "{}",
        ran.stderr
    );
    let by_number = run(
        "leak-count",
        &["--format", "csv", "--column", "2", &data("quoted.csv")],
        "",
    )
    .expect(0);
    assert_eq!(users(&by_number), users(&ran));
    let ran = run("leak-count", &[&data("table.tsv")], "").expect(0);
    assert_eq!(users(&ran), map([("example.org", 2)]));
    assert_eq!(
        rest(&ran),
        map([("headers", 1), ("lines", 4), ("not_counted_empty", 1)])
    );
}

#[test]
fn json() {
    let ran = run("leak-count", &[&data("list.ndjson")], "").expect(0);
    assert_eq!(users(&ran), map([("example.org", 2), ("163.com", 1)]));
    assert_eq!(
        rest(&ran),
        map([
            ("lines", 7),
            ("not_counted_bad_json", 2),
            ("not_counted_empty", 1),
            ("not_counted_no_field", 1)
        ])
    );
    assert!(
        ran.stderr.contains("read as json, field email"),
        "{}",
        ran.stderr
    );
    let ran = run("leak-count", &[&data("array.json")], "").expect(0);
    assert_eq!(users(&ran), map([("example.org", 2)]));
    let ran = run(
        "leak-count",
        &["--field", "who"],
        "{\"who\":\"a@example.org\"}{\"who\":\"b@example.org\"}",
    )
    .expect(0);
    assert_eq!(users(&ran), map([("example.org", 2)]));
}

#[test]
fn one_address_a_line() {
    let ran = run("leak-count", &[&data("plain.txt")], "").expect(0);
    assert_eq!(
        users(&ran),
        map([
            ("example.org", 3),
            ("xn--80a1acny.xn--p1ai", 2),
            ("example.net", 1),
            ("sub.example.co.uk", 1)
        ])
    );
    assert_eq!(
        rest(&ran),
        map([
            ("lines", 10),
            ("not_counted_blank", 1),
            ("not_counted_no_at", 1),
            ("not_counted_no_local_part", 1)
        ])
    );
}

#[test]
fn any_token() {
    let ran = run("leak-count", &[&data("dump.sql")], "").expect(0);
    assert_eq!(users(&ran), map([("example.org", 2), ("163.com", 1)]));
    assert_eq!(
        rest(&ran),
        map([("lines", 4), ("not_counted_no_domain", 1)])
    );
    assert!(ran.stderr.contains("read as any"), "{}", ran.stderr);
}

#[test]
fn several_files_are_several_lists_or_one() {
    let (one, two) = (data("semicolon.txt"), data("plain.txt"));
    let ran = run("leak-count", &[&one, &two], "").expect(0);
    let sources: Vec<_> = ran
        .of_type("listed")
        .iter()
        .map(|record| record["source"].clone())
        .collect();
    assert_eq!(sources, ["semicolon", "plain", "plain", "plain", "plain"]);
    let ran = run("leak-count", &["--source", "both", &one, &two], "").expect(0);
    assert_eq!(users(&ran)["example.org"], 6);
    assert_eq!(ran.of_type("listed")[0]["of"], 10);
    let ran = run("leak-count", &[&one, &one], "").expect(2);
    assert!(
        ran.stdout.is_empty() && ran.stderr.contains("--source"),
        "{}",
        ran.stderr
    );
    let ran = run("leak-count", &["no such file"], "").expect(2);
    assert!(
        ran.stdout.is_empty() && ran.stderr.contains("no such file: No such file"),
        "{}",
        ran.stderr
    );
}

#[test]
fn threads_and_pipes_count_the_same() {
    let mut text = String::new();
    for number in 0..700_000 {
        writeln!(
            text,
            "{number}-|--|-user{number}@{}.org-|-x==-|-hint|--",
            number % 1000
        )
        .unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("list.txt");
    std::fs::write(&file, &text).unwrap();
    let counted = |arguments: &[&str], input: &str| {
        let mut ran = run("leak-count", arguments, input).expect(0);
        ran.stdout = ran.stdout.replace("\"stdin\"", "\"list\"");
        (users(&ran), rest(&ran))
    };
    let one = counted(&["--threads", "1", file.to_str().unwrap()], "");
    assert_eq!(one.0.len(), 1000);
    assert_eq!(one.1, map([("lines", 700_000)]));
    assert_eq!(
        counted(&["--threads", "3", file.to_str().unwrap()], ""),
        one
    );
    assert_eq!(counted(&[], &text), one);
    // Standard input that is a file is read like one.
    let ran = Command::new(program("leak-count"))
        .stdin(std::fs::File::open(&file).unwrap())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(ran.stdout).unwrap().lines().count(), 1002);
}

#[test]
fn repeated_addresses_and_aliases() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("aliases");
    std::fs::write(&file, "# typing errors\ngmial.com gmail.com\n").unwrap();
    let list = "a@gmial.com\nA@gmail.com\nb@gmail.com\nb@GMAIL.com.\n";
    let ran = run("leak-count", &[], list).expect(0);
    assert_eq!(users(&ran), map([("gmail.com", 3), ("gmial.com", 1)]));
    let ran = run("leak-count", &["--unique"], list).expect(0);
    assert_eq!(users(&ran), map([("gmail.com", 2), ("gmial.com", 1)]));
    assert_eq!(rest(&ran), map([("lines", 4), ("repeated", 1)]));
    let aliases = ["--aliases", file.to_str().unwrap()];
    let ran = run("leak-count", &aliases, list).expect(0);
    assert_eq!(users(&ran), map([("gmail.com", 4)]));
    assert_eq!(rest(&ran), map([("aliased", 1), ("lines", 4)]));
    let ran = run("leak-count", &[aliases[0], aliases[1], "--unique"], list).expect(0);
    assert_eq!(users(&ran), map([("gmail.com", 2)]));
    std::fs::write(&file, "gmial.com\n").unwrap();
    let ran = run("leak-count", &aliases, list).expect(2);
    assert!(
        ran.stdout.is_empty() && ran.stderr.contains("line 1"),
        "{}",
        ran.stderr
    );
}

#[test]
fn small_domains_are_folded_or_told() {
    let mut list = "a@small.org\na@tiny.org\nb@tiny.org\n".to_owned();
    (0..12).for_each(|number| writeln!(list, "{number}@large.org").unwrap());
    let ran = run("leak-count", &[], &list).expect(0);
    assert!(ran.of_type("other").is_empty());
    let told =
        "2 domains have fewer than 10 users, and such a domain can be a person: use --min-users 10";
    assert!(ran.stderr.contains(told), "{}", ran.stderr);
    let ran = run("leak-count", &["--min-users", "10"], &list).expect(0);
    assert_eq!(users(&ran), map([("large.org", 12)]));
    let other = &ran.of_type("other")[0];
    assert_eq!(
        (&other["domains"], &other["users"], &other["of"]),
        (&2.into(), &3.into(), &15.into())
    );
    assert_eq!(other["share"], 0.2);
    assert!(!ran.stderr.contains("fewer than"), "{}", ran.stderr);
    assert_eq!(run("leak-count", &["--quiet"], &list).expect(0).stderr, "");
}

#[test]
fn what_is_not_understood_is_named() {
    let utf16: Vec<u8> = "a@example.org\n"
        .repeat(9)
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    for (input, status, told) in [
        (&utf16[..], 2, "standard input: it is UTF-16: iconv"),
        (
            b"\x1f\x8b\x08\0\0",
            2,
            "standard input: it is compressed (gzip): zcat",
        ),
        (
            b"\x28\xb5\x2f\xfd\0",
            2,
            "standard input: it is compressed (zstd): zstdcat",
        ),
        (b"no address\nhere\n", 1, "no address in its first lines"),
        (
            b"email\n\"a@example.org\nb@example.org\n",
            1,
            "the quote opened on line 2 is never closed",
        ),
        (
            b"1-|--|-a@example.org-|-x-|-y|--\n2-|--|-b@exam",
            1,
            "cut short",
        ),
        (
            b"{\"email\":\"a@example.org\"}\n{\"email\":",
            1,
            "cut short",
        ),
        (b"a@localhost\nb@localhost\n", 1, "no address"),
    ] {
        let ran = run("leak-count", &["--quiet"], input).expect(status);
        assert!(ran.stderr.contains(told), "{told}: {}", ran.stderr);
        assert_eq!(ran.records().last().unwrap()["event"], "end");
    }
    let ran = run("leak-count", &["--format", "plain"], "nobody\n").expect(1);
    assert!(
        ran.stderr.contains("no line holds an address that counts"),
        "{}",
        ran.stderr
    );
    run("leak-count", &[], "").expect(0);
    // The other files are counted all the same.
    let folder = tempfile::tempdir().unwrap();
    let bad = folder.path().join("bad");
    std::fs::write(&bad, utf16).unwrap();
    let ran = run(
        "leak-count",
        &[
            "--source",
            "x",
            bad.to_str().unwrap(),
            &data("semicolon.txt"),
        ],
        "",
    )
    .expect(2);
    assert_eq!(users(&ran), map([("example.org", 3)]));
}

#[test]
fn lines_that_do_not_count_are_named_by_number() {
    let list = "a@example.org\n\nnobody\nb@example.s3cret\n";
    let ran = run(
        "leak-count",
        &["--debug", "--quiet", "--format", "plain"],
        list,
    )
    .expect(0);
    assert_eq!(
        ran.stderr,
        "leak-count: standard input: line 2: blank\n\
         leak-count: standard input: line 3: without @\n\
         leak-count: standard input: line 4: under an unknown top-level domain\n"
    );
    // So many names that they are taken over on the way.
    let mut list = String::new();
    for number in 1..60_000 {
        writeln!(list, "a@a-name-that-is-not-so-short-{number}.org").unwrap();
    }
    list.push_str("nobody\n");
    let ran = run(
        "leak-count",
        &["--debug", "--quiet", "--format", "plain"],
        &list,
    )
    .expect(0);
    assert_eq!(
        ran.stderr,
        "leak-count: standard input: line 60000: without @\n"
    );
    // Over several stretches of a file, ten of a cause.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("list");
    let mut text = "header\temail\n".to_owned();
    for number in 2..=1_000_000 {
        let at = if number % 300_000 == 0 { '#' } else { '@' };
        writeln!(text, "{number:>20}\tuser{at}example.org").unwrap();
    }
    std::fs::write(&file, text).unwrap();
    let ran = run(
        "leak-count",
        &["--debug", "--threads", "2", file.to_str().unwrap()],
        "",
    )
    .expect(0);
    let numbers: Vec<_> = ran
        .stderr
        .lines()
        .filter_map(|line| line.split("line ").nth(1))
        .collect();
    assert_eq!(
        numbers,
        [
            "300000: without @",
            "600000: without @",
            "900000: without @"
        ]
    );
}

/// Lists whose every address, password and hint is marked, under every rule: no mark in any output, message or file.
#[test]
fn nothing_but_domains_and_numbers_leaves_a_list() {
    let folder = tempfile::tempdir().unwrap();
    let lists: Vec<PathBuf> = std::fs::read_dir(data(""))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert!(lists.len() > 9);
    let formats = [
        "adobe", "gawker", "combo", "url", "csv", "tsv", "json", "plain", "any",
    ];
    for list in lists
        .iter()
        .filter(|list| !list.ends_with("adobe-top100.csv"))
    {
        let run = |arguments: &[&str]| {
            let mut command = Command::new(program("leak-count"));
            command
                .args(arguments)
                .current_dir(&folder)
                .env("TMPDIR", folder.path())
                .env("RUST_BACKTRACE", "1");
            run_command(&mut command, &std::fs::read(list).unwrap())
        };
        let mut all = vec![
            run(&["--progress"]),
            run(&["--debug", "--unique"]),
            run(&["--min-users", "2"]),
        ];
        for format in formats {
            all.push(run(&["--debug", "--format", format]));
        }
        for ran in all {
            assert!((0..=1).contains(&ran.status), "{}", ran.stderr);
            let said = format!("{}{}", ran.stdout, ran.stderr).to_lowercase();
            let marked: Vec<_> = said.lines().filter(|line| line.contains(SECRET)).collect();
            assert!(
                marked.iter().all(|line| is_domain_of_a_wrong_format(line)),
                "{}: {marked:#?}",
                list.display()
            );
        }
    }
    let left: Vec<_> = std::fs::read_dir(&folder).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

/// What `any`, or a format that is not that of the list, takes for the domain of an address is one, by its form.
fn is_domain_of_a_wrong_format(line: &str) -> bool {
    let record: Value = serde_json::from_str(line).unwrap_or_default();
    ["s3cret.com", "s3cret.org"]
        .map(Value::from)
        .contains(&record["domain"])
}

#[test]
fn lines_have_no_length_that_fills_the_memory() {
    // 100 MB without a line feed, in the hint, then in front of the address, then a token; each between good lines.
    let long = "head -c 100000000 /dev/zero | tr '\\0' x";
    for (format, before, behind, domains) in [
        ("adobe", "1-|--|-a@example.org-|-y-|-", "|--", 3),
        ("combo", "a@example.org:", "", 3),
        ("combo", "", "@example.org:x", 2),
        ("any", "a@example.org ", "@example.org b@example.org", 4),
        ("csv", "a@example.org,\\\"", "\\\"", 3),
        (
            "json",
            "{\\\"x\\\":\\\"",
            "\\\",\\\"email\\\":\\\"a@example.org\\\"}",
            3,
        ),
    ] {
        let good = match format {
            "adobe" => "1-|--|-a@example.org-|-y-|-|--",
            "json" => "{\\\"email\\\":\\\"a@example.org\\\"}",
            "csv" => "a@example.org,",
            _ => "a@example.org",
        };
        let script = format!(
            "ulimit -v 120000; {{ printf \"%s\\n\" \"{good}\"; printf %s \"{before}\"; {long}; printf '%s\\n' \"{behind}\"; \
             printf \"%s\\n\" \"{good}\"; }} | leak-count --quiet --threads 1 --format {format} --separator ,"
        );
        let script = if format == "combo" {
            script.replace("--separator ,", "--separator :")
        } else {
            script
        };
        let ran = shell(&script, Path::new("/")).expect(0);
        assert_eq!(
            users(&ran),
            map([("example.org", domains)]),
            "{format} {before}"
        );
        assert_eq!(rest(&ran)["lines"], 3, "{format} {before}");
    }
}

/// The list of the study, 1:100: its twenty largest domains hold 61.68 % of all users.
#[test]
fn the_shares_of_the_study() {
    let top = std::fs::read_to_string(data("adobe-top100.csv")).unwrap();
    let top: Vec<(&str, u64)> = (top.lines().skip(1))
        .map(|line| line.split(',').collect::<Vec<_>>())
        .map(|row| (row[1], row[2].parse().unwrap()))
        .collect();
    let all = 152_470_436;
    let elsewhere = all - top.iter().map(|row| row.1).sum::<u64>();
    assert_eq!(elsewhere, 39_431_080);
    let mut list = String::new();
    let mut number = 0;
    let mut write = |domain: &str, users: u64| {
        for _ in 0..(users + 50) / 100 {
            number += 1;
            writeln!(list, "{number}-|--|-user{number}@{domain}-|-x==-|-|--").unwrap();
        }
    };
    for (domain, users) in &top {
        write(domain, *users);
    }
    // The other domains are all smaller than the hundredth.
    let small = 39_400;
    for other in 0..elsewhere / small {
        write(&format!("d{other}.example.org"), small);
    }
    write("rest.example.org", elsewhere % small);
    let ran = run("leak-count", &["--source", "adobe"], list).expect(0);
    let listed = ran.of_type("listed");
    let share = |record: &Value| record["share"].as_f64().unwrap() * 100.0;
    let shares: BTreeMap<_, _> = (listed.iter())
        .map(|record| (record["domain"].as_str().unwrap(), share(record)))
        .collect();
    for (domain, users) in &top {
        let expected = *users as f64 / all as f64 * 100.0;
        assert_eq!(
            format!("{:.2}", shares[domain]),
            format!("{expected:.2}"),
            "{domain}"
        );
    }
    let twenty: f64 = listed.iter().take(20).map(share).sum();
    assert_eq!(format!("{twenty:.2}"), "61.68");
}

#[test]
fn a_count_goes_into_the_database() {
    let folder = tempfile::tempdir().unwrap();
    let script = format!(
        "leak-count --min-users 2 {} {} | to-sqlite out.db && leak-count {} | to-sqlite out.db",
        data("adobe.txt"),
        data("gawker.txt"),
        data("combo.txt"),
    );
    shell(&script, folder.path()).expect(0);
    let database = rusqlite::Connection::open(folder.path().join("out.db")).unwrap();
    let users = |source: &str| -> u64 {
        let sum = "SELECT sum(users) FROM entry JOIN list ON list.id = list WHERE source = ?1";
        database.query_row(sum, [source], |row| row.get(0)).unwrap()
    };
    assert_eq!([users("adobe"), users("gawker"), users("combo")], [7, 2, 5]);
}

#[test]
fn a_count_is_looked_up() {
    // Nobody answers there, which mx-lookup says and ends with 2: what counts here is what it takes for its input.
    let script = format!(
        "leak-count --quiet --min-users 2 {} {} | mx-lookup --quiet --nameserver 127.0.0.1:9 --tries 1 --timeout 2s",
        data("adobe.txt"),
        data("gawker.txt"),
    );
    let ran = shell(&script, Path::new("/")).expect(2);
    assert_eq!(
        [ran.of_type("listed").len(), ran.of_type("other").len()],
        [4, 2]
    );
    let mut looked_up: Vec<_> = (ran.of_type("domain").iter())
        .map(|record| record["domain"].as_str().unwrap().to_owned())
        .collect();
    looked_up.sort();
    assert_eq!(looked_up, ["example.com", "example.net", "example.org"]);
}

#[test]
fn a_reader_that_has_seen_enough_ends_it() {
    let mut list = String::new();
    (0..50_000).for_each(|number| writeln!(list, "a@d{number}.org").unwrap());
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("list"), list).unwrap();
    let ran = shell("leak-count --quiet list | head -n 2", folder.path()).expect(0);
    assert_eq!((ran.stdout.lines().count(), ran.stderr.as_str()), (2, ""));
    let ran = shell("leak-count --quiet list > /dev/full", folder.path()).expect(2);
    assert!(ran.stderr.contains("No space left"), "{}", ran.stderr);
}

#[test]
fn the_first_signal_ends_the_reading() {
    let mut child = Command::new(program("leak-count"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    let mut stdin = child.stdin.take().unwrap();
    // More than the head that the format is guessed from.
    stdin
        .write_all("a@example.org\n".repeat(20_000).as_bytes())
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    stdout.read_line(&mut first).unwrap();
    let kill = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(kill.success());
    super::harness::wait_for("the end", std::time::Duration::from_secs(10), || {
        // Reading ends at the next piece.
        let _ = stdin.write_all(b"a@example.org\n");
        child.try_wait().unwrap().is_some()
    });
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    let end: Value = serde_json::from_str(rest.lines().last().unwrap()).unwrap();
    assert_eq!(end["interrupted"], true);
    assert_eq!(child.wait().unwrap().code(), Some(1));
}
