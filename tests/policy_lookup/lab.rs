//! The program against the lab's DNS: policies, and everything that can go wrong with a question.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Ran, run};
use crate::mail_lab::Lab;

fn txt(name: &str, texts: &[&str]) -> Value {
    json!({"type": "name", "name": name, "txt": texts})
}

fn faulty(name: &str, texts: &[&str], answer: &str) -> Value {
    json!({"type": "name", "name": name, "txt": texts, "dns": {"answer": answer, "types": ["TXT"]}})
}

fn lab(lines: &[Value]) -> Lab {
    let lines: Vec<_> = lines.iter().map(Value::to_string).collect();
    Lab::new(&(lines.join("\n") + "\n"))
}

fn lookup(lab: &Lab, arguments: &str, names: &str) -> Ran {
    let server = lab.dns.to_string();
    let mut all = vec![
        "--nameserver",
        &server,
        "--quiet",
        "--try-timeout",
        "300ms",
        "--tries",
        "2",
    ];
    all.extend(arguments.split_whitespace());
    run("policy-lookup", &all, names).expect(0)
}

/// The one record of a run over one name.
fn policy_of(lab: &Lab, arguments: &str, name: &str) -> Value {
    let mut policies = lookup(lab, arguments, name).of_type("policy");
    assert_eq!(policies.len(), 1);
    policies.remove(0)
}

#[test]
fn a_domain_with_everything() {
    let lab = lab(&[
        json!({"type": "name", "name": "full.test", "txt": ["v=spf1 mx include:_spf.vendor.test -all", "other"], "mx": [[10, "mx.full.test"]]}),
        json!({"type": "name", "name": "mx.full.test", "a": ["192.0.2.7"]}),
        txt("_spf.vendor.test", &["v=spf1 ip4:198.51.100.0/24 ~all"]),
        txt(
            "_dmarc.full.test",
            &["v=DMARC1; p=reject; rua=mailto:d@full.test"],
        ),
        txt("_mta-sts.full.test", &["v=STSv1; id=20261130"]),
        txt(
            "_smtp._tls.full.test",
            &["v=TLSRPTv1; rua=mailto:t@full.test"],
        ),
        txt(
            "default._bimi.full.test",
            &["v=BIMI1; l=https://full.test/logo.svg"],
        ),
    ]);
    let ran = lookup(
        &lab,
        "--spf-client 192.0.2.7,joe@full.test,mx.full.test",
        "full.test\nFULL.test.\n",
    );
    let policy = &ran.of_type("policy")[0];
    assert_eq!(ran.of_type("policy").len(), 1, "{}", ran.stdout);
    for part in ["spf", "dmarc", "mta_sts", "tls_rpt", "bimi"] {
        assert_eq!(policy[part]["state"], "ok", "{part}: {policy}");
    }
    assert_eq!(policy["outcome"], json!({"phase": "done", "reason": "ok"}));
    assert_eq!(policy["spf"]["ipv4_addresses"], 257);
    assert_eq!(policy["spf"]["lookups_most"], 2);
    assert_eq!(policy["spf"]["client"]["result"], "pass");
    assert_eq!(policy["dmarc"]["effective_9989"], "reject");
    let end = ran.of_type("run").pop().unwrap();
    assert_eq!(
        crate::harness::by_name(&end["counts"])["repeated"],
        1,
        "{end}"
    );
    let alone = policy_of(&lab, "--parts dmarc", "full.test");
    assert!(alone["spf"].is_null() && alone["dmarc"]["state"] == "ok");
}

#[test]
fn a_question_that_fails_is_unknown_and_never_absent() {
    let spf = ["v=spf1 -all"];
    let dmarc = ["v=DMARC1; p=reject"];
    for (answer, reason) in [
        ("servfail", "servfail"),
        ("drop", "timeout"),
        ("refused", "refused"),
        ("truncate-dead", "timeout"),
        ("lame", "refused"),
    ] {
        let lab = lab(&[
            faulty("own.test", &spf, answer),
            faulty("_dmarc.dm.test", &dmarc, answer),
            txt("dm.test", &spf),
            txt("inc.test", &["v=spf1 include:slow.test -all"]),
            faulty("slow.test", &spf, answer),
        ]);
        let arguments = "--parts spf,dmarc --timeout 4s";
        let own = policy_of(&lab, arguments, "own.test");
        assert_eq!(own["spf"]["state"], "unknown", "{answer}: {own}");
        assert_eq!(own["dmarc"]["state"], "absent", "{answer}: {own}");
        let dm = policy_of(&lab, arguments, "dm.test");
        assert_eq!(
            (&dm["spf"]["state"], &dm["dmarc"]["state"]),
            (&json!("ok"), &json!("unknown")),
            "{answer}: {dm}"
        );
        assert!(dm["dmarc"]["effective_9989"].is_null());
        assert_eq!(dm["outcome"]["reason"], reason, "{answer}: {dm}");
        let including = policy_of(&lab, arguments, "inc.test");
        assert_eq!(
            including["spf"]["state"], "unknown",
            "{answer}: {including}"
        );
        assert_eq!(including["spf"]["unmatched_ipv4"], "temperror");
    }
    // What is cut short over UDP is whole over TCP.
    let lab = lab(&[faulty("own.test", &spf, "truncate")]);
    assert_eq!(
        policy_of(&lab, "--parts spf", "own.test")["spf"]["state"],
        "ok"
    );
}

#[test]
fn what_has_no_end_is_bounded() {
    let long = format!("v=spf1 {}-all", "include:inc.test ".repeat(500));
    let macros = format!(
        "v=spf1 a:{}.exploding.test -all",
        "%{d}%{d}%{d}%{d}".repeat(200)
    );
    let mut lines = vec![
        txt("many.test", &[&long]),
        txt("inc.test", &["v=spf1 a:a.test -all"]),
        txt("loop.test", &["v=spf1 include:loop2.test -all"]),
        txt("loop2.test", &["v=spf1 include:loop.test -all"]),
        json!({"type": "name", "name": "cname.test", "cname": "cname2.test"}),
        json!({"type": "name", "name": "cname2.test", "cname": "cname.test"}),
        json!({"type": "name", "name": "_dmarc.self.test", "cname": "_dmarc._dmarc.self.test"}),
        json!({"type": "name", "name": "_dmarc._dmarc.self.test", "cname": "_dmarc.self.test"}),
        txt("exploding.test", &[&macros]),
    ];
    // Some 10 MB of TXT, 40 kB at a name, each included by the one before.
    let padding = "x".repeat(1000);
    for number in 0..250 {
        let record = format!("v=spf1 include:big{}.test -all", number + 1);
        let mut texts = vec![padding.as_str(); 40];
        texts.push(&record);
        lines.push(txt(&format!("big{number}.test"), &texts));
    }
    let lab = lab(&lines);
    let start = Instant::now();
    let ran = lookup(
        &lab,
        "--parts spf,dmarc",
        "many.test\nloop.test\ncname.test\nself.test\nexploding.test\nbig0.test\n",
    );
    assert!(
        start.elapsed() < Duration::from_secs(30),
        "{:?}",
        start.elapsed()
    );
    let of = |name: &str| {
        let mut policies = ran.of_type("policy").into_iter();
        policies.find(|policy| policy["domain"] == name).unwrap()
    };
    for (name, state, code) in [
        ("many.test", "invalid", "lookup_limit"),
        ("loop.test", "invalid", "loop"),
        ("big0.test", "invalid", "lookup_limit"),
    ] {
        let policy = of(name);
        assert_eq!(policy["spf"]["state"], state, "{name}: {policy:.2000}");
        let faults = policy["spf"]["faults"].as_array().unwrap();
        assert!(
            faults.iter().any(|fault| fault["code"] == code),
            "{name}: {faults:?}"
        );
        assert!(
            policy["questions"].as_u64().unwrap() < 400,
            "{name}: {}",
            policy["questions"]
        );
    }
    assert_eq!(of("cname.test")["spf"]["outcome"]["reason"], "cname_loop");
    assert_eq!(of("self.test")["dmarc"]["state"], "unknown");
    assert_eq!(of("exploding.test")["spf"]["state"], "ok");
}

#[test]
fn what_domains_share_is_asked_once() {
    let mut lines = vec![txt("_spf.vendor.test", &["v=spf1 ip4:192.0.2.1 -all"])];
    let mut names = String::new();
    for number in 0..200 {
        lines.push(txt(
            &format!("d{number}.test"),
            &["v=spf1 include:_spf.vendor.test -all"],
        ));
        names += &format!("d{number}.test\n");
    }
    let lab = lab(&lines);
    let ran = lookup(&lab, "--parts spf,dmarc", &names);
    let end = ran.of_type("run").pop().unwrap();
    // TXT and _dmarc of each; the vendor's record and _dmarc.test once.
    assert_eq!(
        crate::harness::by_name(&end["counts"])["questions"],
        402,
        "{end}"
    );
    assert_eq!(
        crate::harness::by_name(&end["counts"])["questions_shared"],
        398,
        "{end}"
    );
    assert!(
        ran.of_type("policy")
            .iter()
            .all(|policy| policy["spf"]["ipv4_addresses"] == 1)
    );
}

#[test]
fn one_failure_of_a_shared_name_is_not_the_answer_for_all() {
    let mut lines = vec![
        json!({"type": "name", "name": "_spf.vendor.test", "txt": ["v=spf1 ip4:192.0.2.1 -all"],
        "dns": {"answer": "servfail", "types": ["TXT"], "first": 2}}),
    ];
    let mut names = String::new();
    for number in 0..100 {
        let name = format!("d{number}.test");
        lines.push(txt(&name, &["v=spf1 include:_spf.vendor.test -all"]));
        names += &format!("{name}\n");
    }
    let lab = lab(&lines);
    let ran = lookup(&lab, "--parts spf", &names);
    let policies = ran.of_type("policy");
    let unknown = policies
        .iter()
        .filter(|policy| policy["spf"]["state"] == "unknown");
    assert_eq!(unknown.count(), 1, "the two tries of the one that met it");
    let known = policies
        .iter()
        .filter(|policy| policy["spf"]["ipv4_addresses"] == 1);
    assert_eq!(known.count(), 99);
}

#[test]
fn a_plain_list_is_listed_as_mx_lookup_lists_it() {
    let lab = lab(&[txt("a.test", &["v=spf1 -all"])]);
    let ran = lookup(
        &lab,
        "--parts spf --source mine --rank-offset 10",
        "b.test\nA.test.\nb.test\n",
    );
    let listed: Vec<_> = (ran.of_type("listed").iter())
        .map(|record| json!([record["source"], record["domain"], record["rank"]]))
        .collect();
    assert_eq!(
        listed,
        [json!(["mine", "b.test", 11]), json!(["mine", "a.test", 12])]
    );
    assert_eq!(ran.of_type("policy").len(), 2, "{}", ran.stdout);
    let record =
        r#"{"type":"domain","domain":"a.test","outcome":{"phase":"done","reason":"ok"},"mx":[]}"#;
    let ran = lookup(&lab, "--parts spf", &format!("{record}\n"));
    assert!(ran.of_type("listed").is_empty(), "a record is no list");
}

#[test]
fn selectors_are_those_of_the_operators_of_exchanges_and_of_includes() {
    let lab = lab(&[
        txt("_spf.a.test", &["v=spf1 include:sendgrid.net -all"]),
        json!({"type": "name", "name": "a.test", "mx": [[10, "mx.a.test"]], "a": ["192.0.2.1"],
            "txt": ["v=spf1 include:_spf.a.test include:_spf.google.com -all"]}),
        txt("s2._domainkey.a.test", &["v=DKIM1; p="]),
    ]);
    // The same where SPF itself is not asked for.
    for parts in ["dkim", "spf,dkim"] {
        let policy = policy_of(&lab, &format!("--parts {parts}"), "a.test");
        let dkim = &policy["dkim"];
        assert_eq!(dkim["selectors"], json!(["google", "s1", "s2"]), "{policy}");
        assert_eq!(dkim["keys"][0]["selector"], "s2");
    }
}

#[test]
fn a_database_is_resumed_from() {
    let lab = lab(&[
        txt("a.test", &["v=spf1 -all"]),
        faulty("b.test", &["v=spf1 ~all"], "servfail"),
    ]);
    let first = lookup(&lab, "", "a.test\nb.test\n");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("first.db").display().to_string();
    run("to-sqlite", &[&path], &first.stdout).expect(0);
    let mended = Lab::new(
        &[
            txt("a.test", &["v=spf1 +all"]),
            txt("b.test", &["v=spf1 ~all"]),
        ]
        .map(|line| format!("{line}\n"))
        .concat(),
    );
    let spf = |ran: &Ran| -> Vec<Value> {
        let mut facts: Vec<_> = (ran.of_type("policy").iter())
            .map(|policy| {
                json!([
                    policy["domain"],
                    policy["spf"]["state"],
                    policy["spf"]["all"]
                ])
            })
            .collect();
        facts.sort_by_key(Value::to_string);
        facts
    };
    let again = lookup(
        &mended,
        &format!("--force --remeasure servfail --resume {path}"),
        "a.test\nb.test\nc.test\n",
    );
    assert_eq!(
        spf(&again),
        [
            json!(["a.test", "ok", "fail"]),
            json!(["b.test", "ok", "softfail"]),
            json!(["c.test", "absent", null]),
        ]
    );
    let end = again.of_type("run").pop().unwrap();
    assert_eq!(
        crate::harness::by_name(&end["counts"])["resumed"],
        1,
        "{end}"
    );
    // What the database has of one line is sent on as it was written.
    let line = first
        .stdout
        .lines()
        .find(|line| line.contains(r#""type":"policy","domain":"a.test""#));
    assert!(line.is_some_and(|line| again.stdout.lines().any(|other| other == line)));
}

#[test]
fn a_list_of_something_else_is_told() {
    let lab = lab(&[txt("a.test", &["v=spf1 -all"])]);
    let server = lab.dns.to_string();
    let options = ["--nameserver", &server, "--quiet", "--parts", "spf"];
    let strangers = "this is no name\n".repeat(3);
    let ran = run("policy-lookup", &options, &strangers).expect(1);
    assert!(
        ran.stderr
            .contains("no domain name among its first 3 entries"),
        "{}",
        ran.stderr
    );
    run("policy-lookup", &options, format!("{strangers}a.test\n")).expect(0);
}

#[test]
fn domain_records_are_read_sent_on_and_resumed() {
    let lab = lab(&[
        txt("a.test", &["v=spf1 -all"]),
        txt("b.test", &["v=spf1 ~all"]),
    ]);
    let line = r#"{"type":"domain","domain":"a.test","outcome":{"phase":"done","reason":"ok"},"mx":[],"x":1}"#;
    let first = lookup(&lab, "--parts spf", &format!("{line}\n"));
    assert_eq!(
        first.stdout.lines().nth(1),
        Some(line),
        "sent on before what it causes"
    );
    assert_eq!(first.of_type("policy").len(), 1);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("first.ndjson");
    std::fs::write(&path, &first.stdout).unwrap();
    let again = lookup(
        &lab,
        &format!("--parts spf --resume {}", path.display()),
        "a.test\nb.test\n",
    );
    assert_eq!(again.of_type("policy").len(), 2);
    assert_eq!(
        crate::harness::by_name(&again.of_type("run").pop().unwrap()["counts"])["resumed"],
        1
    );
    let server = lab.dns.to_string();
    let path = path.display().to_string();
    let other = [
        "--nameserver",
        &server,
        "--quiet",
        "--parts",
        "dmarc",
        "--resume",
        &path,
    ];
    assert_eq!(
        run("policy-lookup", &other, "a.test\n").status,
        2,
        "other parts are other records"
    );
    let invalid = lookup(&lab, "--parts spf", "not a name\na.test\n");
    let policies = invalid.of_type("policy");
    let reasons: Vec<_> = (policies.iter())
        .map(|policy| &policy["outcome"]["reason"])
        .collect();
    assert!(reasons.contains(&&json!("invalid_name")), "{reasons:?}");
}
