//! policy-fetch over mail-lab: every kind of policy host, its error class, its bounds, and our manners.

use std::fmt::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::harness::{Ran, program, run, run_command};

mod nginx;

/// Behaviour, then state and error by the letter, state to the lax, what a sender reports, outcome.
type Host<'a> = (
    &'a str,
    &'a str,
    Option<&'a str>,
    &'a str,
    Option<&'a str>,
    &'a str,
);

#[rustfmt::skip]
const HOSTS: &[Host<'_>] = &[
    ("policy-host", "ok", None, "ok", None, "done/ok"),
    ("policy-lf", "ok", None, "ok", None, "done/ok"),
    ("policy-none", "ok", None, "ok", None, "done/ok"),
    ("policy-media", "ok", None, "ok", None, "done/ok"),
    ("policy-redirect", "invalid", Some("redirect"), "invalid", Some("sts-policy-fetch-error"), "done/ok"),
    ("policy-404", "absent", Some("status"), "absent", Some("sts-policy-fetch-error"), "done/ok"),
    ("policy-204", "invalid", Some("status"), "invalid", Some("sts-policy-fetch-error"), "done/ok"),
    ("policy-503", "unknown", Some("status"), "unknown", Some("sts-policy-fetch-error"), "done/ok"),
    ("policy-slow", "unknown", Some("timeout"), "unknown", Some("sts-policy-fetch-error"), "http/timeout"),
    ("policy-large", "invalid", Some("too_large"), "invalid", Some("sts-policy-fetch-error"), "http/too_long"),
    ("policy-endless", "invalid", Some("too_large"), "invalid", Some("sts-policy-fetch-error"), "http/too_long"),
    ("policy-head", "invalid", Some("too_large"), "invalid", Some("sts-policy-fetch-error"), "http/too_long"),
    ("policy-early", "invalid", Some("too_large"), "invalid", Some("sts-policy-fetch-error"), "http/too_long"),
    ("policy-cut", "unknown", Some("http"), "unknown", Some("sts-policy-fetch-error"), "http/closed"),
    ("policy-no-http", "unknown", Some("http"), "unknown", Some("sts-policy-fetch-error"), "http/protocol_error"),
    ("policy-html", "invalid", Some("syntax"), "invalid", Some("sts-policy-invalid"), "done/ok"),
    ("policy-expired", "invalid", Some("cert_expired"), "invalid", Some("sts-webpki-invalid"), "done/ok"),
    ("policy-other-name", "invalid", Some("cert_name"), "invalid", Some("sts-webpki-invalid"), "done/ok"),
    ("policy-unknown-ca", "invalid", Some("cert_untrusted"), "invalid", Some("sts-webpki-invalid"), "done/ok"),
    ("policy-self-signed", "invalid", Some("cert_untrusted"), "invalid", Some("sts-webpki-invalid"), "done/ok"),
    ("policy-cn-only", "invalid", Some("cert_name"), "ok", Some("sts-webpki-invalid"), "done/ok"),
    ("plain", "unknown", Some("tls_handshake"), "unknown", Some("sts-policy-fetch-error"), "handshake/not_tls"),
    ("refused", "unknown", Some("connect"), "unknown", Some("sts-policy-fetch-error"), "connect/refused"),
    ("blackhole", "unknown", Some("timeout"), "unknown", Some("sts-policy-fetch-error"), "connect/timeout"),
    ("silent", "unknown", Some("timeout"), "unknown", Some("sts-policy-fetch-error"), "handshake/timeout"),
];

/// A `policy` line as far as policy-fetch reads it.
fn policy(domain: &str, state: &str, exchanges: &[&str]) -> String {
    let id = (state == "ok").then_some("1");
    let part = json!({ "state": state, "id": id, "cname": [] });
    let line =
        json!({ "type": "policy", "domain": domain, "mta_sts": part, "exchanges": exchanges });
    format!("{line}\n")
}

/// Runs policy-fetch over a world whose servers it may connect to; the counters of its servers come along.
fn fetch(world: &str, input: &str, options: &str) -> (Ran, Vec<Value>) {
    let lab = "--port $MAIL_LAB_PORT --roots lab=$MAIL_LAB_ROOTS --allow 127.0.0.0/8";
    fetch_with(world, input, &format!("{lab} {options}"))
}

/// The same with all options but those of the DNS.
fn fetch_with(world: &str, input: &str, options: &str) -> (Ran, Vec<Value>) {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    std::fs::write(path("world"), world).unwrap();
    std::fs::write(path("input"), input).unwrap();
    let script = format!(
        "{} --quiet --nameserver $MAIL_LAB_DNS {options} < input",
        program("policy-fetch").display()
    );
    let mut command = Command::new(program("mail-lab"));
    command
        .args([
            "--port",
            "0",
            "--dns-port",
            "0",
            "--counters",
            "counters",
            "world",
            "--",
        ])
        .args(["bash", "-c", &script])
        .current_dir(directory.path());
    let ran = run_command(&mut command, b"");
    let counters = std::fs::read_to_string(path("counters")).unwrap_or_default();
    let counters = counters
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    (ran, counters.collect())
}

fn name(name: &str, ip: &str) -> String {
    format!("{}\n", json!({ "type": "name", "name": name, "a": [ip] }))
}

fn server(ip: &str, behaviour: &str) -> String {
    format!(
        "{}\n",
        json!({ "type": "server", "ip": ip, "as": behaviour })
    )
}

fn outcome(sts: &Value) -> String {
    let word = |field| sts["outcome"][field].as_str().unwrap().to_owned();
    format!("{}/{}", word("phase"), word("reason"))
}

fn of<'a>(records: &'a [Value], domain: &str) -> &'a Value {
    let mut found = records.iter().filter(|record| record["domain"] == domain);
    let record = found
        .next()
        .unwrap_or_else(|| panic!("no record of {domain}"));
    assert!(found.next().is_none(), "two records of {domain}");
    record
}

#[test]
fn every_kind_of_policy_host_is_its_error_class_within_bounds() {
    let (mut world, mut input) = (String::new(), String::new());
    for (number, (behaviour, ..)) in HOSTS.iter().enumerate() {
        let ip = format!("127.7.1.{}", number + 1);
        let domain = format!("{behaviour}.test");
        world += &server(&ip, behaviour);
        world += &name(&format!("mta-sts.{domain}"), &ip);
        input += &policy(&domain, "ok", &[&format!("mx.{domain}")]);
    }
    let start = Instant::now();
    let (ran, counters) = fetch(&world, &input, "--fetch-timeout 4s --connect-timeout 2s");
    let records = ran.expect(0).of_type("sts");
    assert!(
        start.elapsed() < Duration::from_secs(40),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(records.len(), HOSTS.len());
    for &(behaviour, strict, error, lenient, result, ended) in HOSTS {
        let sts = of(&records, &format!("{behaviour}.test"));
        assert_eq!(sts["strict"]["state"], strict, "{behaviour}: {sts:#}");
        assert_eq!(
            sts["strict"]["error"].as_str(),
            error,
            "{behaviour}: {sts:#}"
        );
        assert_eq!(sts["lenient"]["state"], lenient, "{behaviour}: {sts:#}");
        assert_eq!(sts["result"].as_str(), result, "{behaviour}: {sts:#}");
        assert_eq!(outcome(sts), ended, "{behaviour}: {sts:#}");
        let standing = match strict {
            "ok" => "both",
            "unknown" => "unknown",
            _ => "record_without_policy",
        };
        assert_eq!(sts["standing"], standing, "{behaviour}");
    }
    let status = |behaviour: &str| of(&records, behaviour)["status"].clone();
    assert_eq!(status("policy-redirect.test"), 301);
    assert_eq!(status("policy-404.test"), 404);
    let redirect = of(&records, "policy-redirect.test");
    assert_eq!(
        redirect["location"],
        "https://www.policy-redirect.test/.well-known/mta-sts.txt"
    );
    let cn_only = of(&records, "policy-cn-only.test");
    assert_eq!(cn_only["certificate"]["name_match"], "cn_only");
    let media = of(&records, "policy-media.test");
    assert_eq!(media["strict"]["faults"][0]["code"], "media_type");
    // The text is kept behind a certificate that does not hold.
    assert_eq!(
        of(&records, "policy-expired.test")["strict"]["mode"],
        "enforce"
    );
    for line in counters.iter().filter(|line| line["type"] == "address") {
        assert!(line["connections"].as_u64() <= Some(1), "{line}");
        let spoke = line["handshakes"] == 1;
        assert!(!spoke || line["improper"].is_null(), "{line}");
        assert!(line["bytes_out"].as_u64() < Some(4 << 20), "{line}");
    }
}

#[test]
fn an_address_that_is_special_is_never_connected_to() {
    let world = [
        name("mta-sts.private.test", "10.0.0.1"),
        name("mta-sts.metadata.test", "169.254.169.254"),
        name("mta-sts.loop.test", "127.7.2.1"),
        name("mta-sts.good.test", "127.7.3.1"),
        server("127.7.2.1", "policy-host"),
        server("127.7.3.1", "policy-host"),
        format!(
            "{}\n",
            json!({ "type": "name", "name": "mta-sts.alias.test", "cname": "mta-sts.private.test" })
        ),
        format!(
            "{}\n",
            json!({ "type": "name", "name": "mta-sts.mapped.test", "aaaa": ["::ffff:10.0.0.1"] })
        ),
        format!(
            "{}\n",
            json!({ "type": "name", "name": "mta-sts.two.test", "a": ["10.0.0.1", "127.7.3.1"] })
        ),
    ]
    .concat();
    let domains = [
        "private", "metadata", "loop", "alias", "mapped", "good", "two",
    ];
    let input: String = (domains.iter())
        .map(|domain| policy(&format!("{domain}.test"), "ok", &[]))
        .collect();
    let options = "--port $MAIL_LAB_PORT --roots lab=$MAIL_LAB_ROOTS --allow 127.7.3.0/24";
    let (ran, counters) = fetch_with(&world, &input, options);
    let records = ran.expect(0).of_type("sts");
    for domain in ["private", "metadata", "loop", "alias", "mapped"] {
        let sts = of(&records, &format!("{domain}.test"));
        assert_eq!(sts["strict"]["error"], "address_forbidden", "{sts:#}");
        assert_eq!(outcome(sts), "connect/blocked_address");
        assert_eq!((&sts["ip"], &sts["connections"]), (&Value::Null, &json!(0)));
    }
    assert_eq!(of(&records, "good.test")["strict"]["state"], "ok");
    let two = of(&records, "two.test");
    assert_eq!(
        (&two["strict"]["state"], &two["ip"]),
        (&json!("ok"), &json!("127.7.3.1"))
    );
    let looped = counters
        .iter()
        .find(|line| line["ip"] == "127.7.2.1")
        .unwrap();
    assert_eq!(looped["connections"], 0);
}

#[test]
fn no_host_no_address_and_no_answer_are_three_things() {
    let world = [
        format!("{}\n", json!({ "type": "name", "name": "mta-sts.empty.test", "txt": ["here"] })),
        format!("{}\n", json!({ "type": "name", "name": "mta-sts.broken.test", "dns": { "answer": "servfail" } })),
        format!("{}\n", json!({ "type": "name", "name": "mta-sts.half.test", "a": ["127.7.4.1"], "dns": { "answer": "servfail", "types": ["AAAA"] } })),
        server("127.7.4.1", "policy-host"),
    ]
    .concat();
    let input: String = ["missing", "empty", "broken", "half"]
        .map(|domain| policy(&format!("{domain}.test"), "ok", &[]))
        .concat();
    let (ran, _) = fetch(&world, &input, "--tries 2");
    let records = ran.expect(0).of_type("sts");
    for (domain, state, error, ended, standing) in [
        (
            "missing",
            "absent",
            json!("dns_none"),
            "dns/nxdomain",
            "record_without_policy",
        ),
        (
            "empty",
            "absent",
            json!("dns_none"),
            "dns/no_data",
            "record_without_policy",
        ),
        (
            "broken",
            "unknown",
            json!("dns_failed"),
            "dns/servfail",
            "unknown",
        ),
        ("half", "ok", Value::Null, "done/ok", "both"),
    ] {
        let sts = of(&records, &format!("{domain}.test"));
        assert_eq!(
            (&sts["strict"]["state"], &sts["strict"]["error"]),
            (&json!(state), &error),
            "{sts:#}"
        );
        assert_eq!(
            (outcome(sts).as_str(), sts["standing"].as_str()),
            (ended, Some(standing))
        );
    }
}

#[test]
fn whom_a_policy_covers_and_what_is_fetched_at_all() {
    let world = [
        server("127.7.5.1", "policy-lf"),
        server("127.7.5.2", "policy-none"),
        server("127.7.5.3", "policy-host"),
        name("mta-sts.star.test", "127.7.5.1"),
        name("mta-sts.none.test", "127.7.5.2"),
        name("mta-sts.bare.test", "127.7.5.3"),
    ]
    .concat();
    let input = [
        policy(
            "star.test",
            "ok",
            &["mx.star.test", "a.mx.star.test", "mx.elsewhere.test"],
        ),
        policy("none.test", "invalid", &["mx.none.test"]),
        policy("bare.test", "absent", &[]),
        policy("lost.test", "unknown", &[]),
        policy("star.test", "ok", &[]),
        r#"{"type":"policy","domain":"other.test","mta_sts":null}"#.to_owned() + "\n",
        r#"{"type":"domain","domain":"passing.test","odd":1}"#.to_owned() + "\n",
    ]
    .concat();
    let (ran, _) = fetch(&world, &input, "");
    let ran = ran.expect(0);
    let records = ran.of_type("sts");
    assert_eq!(records.len(), 2);
    let covers = |strict: Value, lenient: Value, exchange: &str| json!({ "exchange": exchange, "strict": strict, "lenient": lenient });
    let (yes, no, unknown) = (json!(true), json!(false), Value::Null);
    assert_eq!(
        of(&records, "star.test")["covers"],
        json!([
            covers(yes.clone(), yes.clone(), "mx.star.test"),
            covers(no.clone(), yes.clone(), "a.mx.star.test"),
            covers(no.clone(), no.clone(), "mx.elsewhere.test"),
        ])
    );
    let none = of(&records, "none.test");
    assert_eq!(
        none["covers"],
        json!([covers(unknown.clone(), unknown, "mx.none.test")])
    );
    assert_eq!(none["standing"], "policy_without_record");
    // Every line went on, byte for byte.
    for line in input.lines() {
        assert!(ran.stdout.contains(line), "{line}");
    }
    let (ran, _) = fetch(&world, &input, "--without-record");
    let records = ran.expect(0).of_type("sts");
    assert_eq!(records.len(), 4);
    assert_eq!(
        of(&records, "bare.test")["standing"],
        "policy_without_record"
    );
    assert_eq!(of(&records, "lost.test")["standing"], "unknown");
}

#[test]
fn what_an_earlier_run_answered_is_not_fetched_again() {
    let world = server("127.7.6.1", "policy-host") + &name("mta-sts.again.test", "127.7.6.1");
    let input = policy("again.test", "ok", &[]);
    let (first, _) = fetch(&world, &input, "");
    let first = first.expect(0);
    let directory = tempfile::tempdir().unwrap();
    let earlier = directory.path().join("earlier.ndjson");
    std::fs::write(&earlier, &first.stdout).unwrap();
    let options = format!("--force --resume {}", earlier.display());
    let (second, counters) = fetch(&world, &input, &options);
    let second = second.expect(0);
    let line = |ran: &Ran| {
        let found = ran
            .stdout
            .lines()
            .find(|line| line.starts_with(r#"{"type":"sts""#));
        found.unwrap().to_owned()
    };
    assert_eq!(line(&first), line(&second));
    let address = counters
        .iter()
        .find(|line| line["ip"] == "127.7.6.1")
        .unwrap();
    assert_eq!(address["connections"], 0);
    // A line of its own type on the input is an answer too.
    let (third, counters) = fetch(&world, &(line(&first) + "\n" + &input), "");
    assert_eq!(third.expect(0).of_type("sts").len(), 1);
    assert_eq!(
        counters
            .iter()
            .find(|line| line["ip"] == "127.7.6.1")
            .unwrap()["connections"],
        0
    );
}

#[test]
fn two_at_once_and_25_ms_between_two_beginnings() {
    let (mut world, mut input) = (server("127.7.7.1", "policy-host"), String::new());
    for number in 0..40 {
        world += &name(&format!("mta-sts.d{number}.test"), "127.7.7.1");
        input += &policy(&format!("d{number}.test"), "ok", &[]);
    }
    let start = Instant::now();
    let (ran, counters) = fetch(&world, &input, "");
    let records = ran.expect(0).of_type("sts");
    assert!(records.iter().all(|sts| sts["strict"]["state"] == "ok"));
    let address = counters
        .iter()
        .find(|line| line["ip"] == "127.7.7.1")
        .unwrap();
    assert_eq!(address["connections"], 40);
    assert!(address["at_once"].as_u64() <= Some(2), "{address}");
    // What the server sees of the pause is blurred by its own queue; all pauses together are not.
    assert!(address["start_gap_ms"].as_u64() >= Some(1), "{address}");
    assert!(
        start.elapsed() >= Duration::from_millis(39 * 25),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn who_is_excluded_is_not_asked() {
    let directory = tempfile::tempdir().unwrap();
    let list = directory.path().join("out");
    std::fs::write(&list, "left.test\n127.7.8.2\n").unwrap();
    let world = [
        server("127.7.8.1", "policy-host"),
        server("127.7.8.2", "policy-host"),
        name("mta-sts.left.test", "127.7.8.1"),
        name("mta-sts.right.test", "127.7.8.2"),
    ]
    .concat();
    let input = policy("left.test", "ok", &[]) + &policy("right.test", "ok", &[]);
    let (ran, counters) = fetch(&world, &input, &format!("--exclude {}", list.display()));
    for sts in ran.expect(0).of_type("sts") {
        assert_eq!(sts["strict"]["error"], "excluded", "{sts:#}");
        assert_eq!(sts["strict"]["state"], "unknown");
    }
    for line in counters.iter().filter(|line| line["type"] == "address") {
        assert_eq!(line["connections"], 0, "{line}");
    }
}

#[test]
fn what_is_no_record_is_refused_with_its_line() {
    let ran = run(
        "policy-fetch",
        &["--quiet", "--nameserver", "127.0.0.1:9"],
        "example.org\n{\"type\":\"policy\"}\n",
    )
    .expect(1);
    assert!(
        ran.stderr.contains("line 1") && ran.stderr.contains("line 2"),
        "{}",
        ran.stderr
    );
}

#[test]
fn behind_policy_lookup_it_knows_the_exchanges() {
    let world = [
        json!({ "type": "name", "name": "a.test", "mx": [[10, "mx.a.test"], [20, "b.mx.a.test"]], "caa": ["0 issue ca.test"], "signed": "compact" }),
        json!({ "type": "name", "name": "mx.a.test", "a": ["127.7.10.9"] }),
        json!({ "type": "name", "name": "_mta-sts.a.test", "txt": ["v=STSv1; id=2024"] }),
        json!({ "type": "name", "name": "mta-sts.a.test", "a": ["127.7.10.1"] }),
        json!({ "type": "name", "name": "s1._domainkey.a.test", "txt": ["v=DKIM1; p="] }),
        json!({ "type": "server", "ip": "127.7.10.1", "as": "policy-lf" }),
    ];
    let directory = tempfile::tempdir().unwrap();
    let lines: String = world.iter().map(|line| format!("{line}\n")).collect();
    std::fs::write(directory.path().join("world"), lines).unwrap();
    let ran = super::harness::shell(
        "mail-lab --port 0 --dns-port 0 world -- bash -o pipefail -c '
           printf \"a.test\\nb.test\\n\" | mx-lookup -q --nameserver $MAIL_LAB_DNS | policy-lookup -q --nameserver $MAIL_LAB_DNS |
           policy-fetch -q --nameserver $MAIL_LAB_DNS --port $MAIL_LAB_PORT --roots lab=$MAIL_LAB_ROOTS --allow 127.0.0.0/8'",
        directory.path(),
    )
    .expect(0);
    let policies = ran.of_type("policy");
    let policy = of(&policies, "a.test");
    assert_eq!(policy["dkim"]["evidence"], "no_nxname", "{policy:#}");
    assert_eq!(policy["caa"]["names"][0]["issuers"], json!(["ca.test"]));
    assert_eq!(of(&policies, "b.test")["dkim"]["state"], "absent");
    let fetched = ran.of_type("sts");
    let sts = of(&fetched, "a.test");
    assert_eq!(
        (&sts["standing"], &sts["id"]),
        (&json!("both"), &json!("2024"))
    );
    let strict: Vec<_> = (sts["covers"].as_array().unwrap().iter())
        .map(|cover| cover["strict"].as_bool())
        .collect();
    assert_eq!(strict, [Some(true), Some(false)], "{sts:#}");
}

/// 20,000 policies at one address: by hand, since it takes eight minutes.
#[test]
#[ignore = "takes eight minutes"]
fn twenty_thousand_policies_at_one_address_within_ten_minutes() {
    const COUNT: usize = 20_000;
    let (mut world, mut input) = (server("127.7.9.1", "policy-host"), String::new());
    for number in 0..COUNT {
        world += &name(&format!("mta-sts.d{number}.test"), "127.7.9.1");
        write!(input, "{}", policy(&format!("d{number}.test"), "ok", &[])).unwrap();
    }
    let start = Instant::now();
    let (ran, counters) = fetch(&world, &input, "");
    let elapsed = start.elapsed();
    let records = ran.expect(0).of_type("sts");
    let good = records
        .iter()
        .filter(|sts| sts["strict"]["state"] == "ok")
        .count();
    let address = counters
        .iter()
        .find(|line| line["ip"] == "127.7.9.1")
        .unwrap();
    println!("{good} of {COUNT} in {elapsed:?}: {address}");
    assert_eq!(good, COUNT);
    assert!(elapsed < Duration::from_secs(600), "{elapsed:?}");
    assert!(address["at_once"].as_u64() <= Some(2), "{address}");
}
