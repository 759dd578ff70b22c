//! Problems, delivery and policies from records to the database and the report.

use mx_survey::judge::problem::Severity;
use mx_survey::report::asked::ReportSettings;
use mx_survey::report::explain::{data, explain};
use mx_survey::report::render;
use mx_survey::report::survey::Survey;
use mx_survey::store::{Stored, SurveyWriter, judge, temporary};
use mx_survey::study::question;
use serde_json::{Value, json};

use super::harness::run;

#[cfg(feature = "lab")]
mod world;

const AT: &str = "2026-10-01T00:00:00.000Z";

fn domain(name: &str, exchange: &str, ip: &str) -> Value {
    let ok = json!({"phase": "done", "reason": "ok"});
    json!({
        "type": "domain", "domain": name, "outcome": ok, "implicit_mx": false, "null_mx": false, "dnssec": "insecure",
        "mx": [{"exchange": exchange, "preference": 10, "addresses": [{"ip": ip}], "ipv4": ok, "ipv6": ok,
                "dnssec": "insecure"}],
        "time": AT, "elapsed_ms": 1, "run": "r"
    })
}

fn smtp(ip: &str, starttls: bool) -> Value {
    let keywords = match starttls {
        true => json!([{"keyword": "STARTTLS"}]),
        false => json!([]),
    };
    json!({
        "type": "smtp", "ip": ip, "port": 25, "outcome": {"phase": "done", "reason": "ok"}, "esmtp": true,
        "starttls": {"advertised": starttls, "accepted": starttls.then_some(true)},
        "banner": {"code": 220, "lines": ["mx"]}, "ehlo": {"code": 250, "lines": ["mx"]},
        "capabilities": {"keywords": keywords},
        "connections": 1, "attempts": 1, "timings": {}, "connected": AT, "time": AT, "run": "r"
    })
}

/// A handshake of today with a certificate for `name`, and its `cert` line.
fn tls(ip: &str, name: &str, reason: &str) -> [Value; 2] {
    let sha256 = format!("{:0>64}", ip.replace('.', ""));
    let leaf = json!({
        "sha256": sha256, "subject": "CN=mx", "issuer": "CN=ca", "names": [name], "not_before": AT,
        "not_after": "2027-01-01T00:00:00Z", "key_type": "ec", "key_bits": 256, "signature_algorithm": "ecdsa_sha256"
    });
    let cert = json!({
        "type": "cert", "sha256": sha256, "der": "", "subject": "CN=mx", "issuer": "CN=ca", "serial": "01",
        "not_before": AT, "not_after": "2027-01-01T00:00:00Z", "common_names": [], "names": [name], "key_type": "ec",
        "key_bits": 256, "spki_sha256": sha256, "signature_algorithm": "ecdsa_sha256", "self_issued": false,
        "self_signed": false, "ca": false, "must_staple": false, "scts": 0, "x509_version": 3, "time": AT, "run": "r"
    });
    let tls = json!({
        "type": "tls", "ip": ip, "port": 25, "server_name": name, "outcome": {"phase": "done", "reason": "ok"},
        "accepted": true, "negotiated": true, "completed": true, "version": "TLSv1.3",
        "cipher": {"iana": "TLS_AES_256_GCM_SHA384", "id": "0x1302"}, "group": "x25519", "leaf": leaf, "chain": [sha256],
        "verdicts": [{"store": "mozilla", "store_date": "2026-01-01", "at": AT, "valid": reason == "valid",
                      "reason": reason}],
        "connections": 1, "attempts": 1, "timings": {}, "connected": AT, "time": AT, "run": "r"
    });
    [cert, tls]
}

fn policy(name: &str, exchange: &str, mta_sts: &str) -> Value {
    json!({
        "type": "policy", "domain": name, "outcome": {"phase": "done", "reason": "ok"}, "exchanges": [exchange],
        "spf": {"state": "ok", "all": "fail", "ipv4_addresses": 4, "ipv6_networks": [], "includes": [], "dangling": []},
        "dmarc": {"state": "ok", "record_at": name, "effective_9989": "reject", "effective_7489": "reject",
                  "differ": false, "walk": [],
                  "tags": {"p": "reject", "sp": null, "np": null, "adkim": "relaxed", "aspf": "relaxed",
                           "psd": "unknown", "t": false, "fo": null, "pct": null},
                  "receivers": [{"uri": "mailto:d@a.test", "domain": "a.test", "failure_reports": false,
                                 "authorised": true}]},
        "dkim": {"state": "ok", "selectors": ["s"], "keys": []},
        "mta_sts": {"state": mta_sts, "cname": []}, "tls_rpt": {"state": "ok", "rua": [], "cname": []},
        "caa": {"state": "absent", "names": []}, "bimi": {"state": "absent"},
        "questions": 1, "time": AT, "elapsed_ms": 1, "run": "r"
    })
}

fn sts(name: &str, exchange: &str) -> Value {
    let reading = json!({"state": "ok", "mode": "enforce", "max_age": 604_800, "mx": [exchange]});
    json!({
        "type": "sts", "domain": name, "outcome": {"phase": "done", "reason": "ok"}, "host": format!("mta-sts.{name}"),
        "record": "ok", "status": 200, "strict": reading, "lenient": reading, "standing": "both",
        "covers": [{"exchange": exchange, "strict": true, "lenient": true}],
        "connections": 1, "questions": 1, "time": AT, "elapsed_ms": 1, "run": "r"
    })
}

/// `good.test` has nothing wrong, `clear.test` no TLS and no policies, `lost.test` an expired certificate under a policy
/// that is enforced; `gone.test` does not exist.
fn world() -> Vec<Value> {
    let mut lines = vec![
        domain("good.test", "mx.good.test", "192.0.2.1"),
        smtp("192.0.2.1", true),
        policy("good.test", "mx.good.test", "ok"),
        sts("good.test", "mx.good.test"),
        domain("clear.test", "mx.clear.test", "192.0.2.2"),
        smtp("192.0.2.2", false),
        domain("lost.test", "mx.lost.test", "192.0.2.3"),
        smtp("192.0.2.3", true),
        policy("lost.test", "mx.lost.test", "ok"),
        sts("lost.test", "mx.lost.test"),
        json!({"type": "domain", "domain": "gone.test", "outcome": {"phase": "dns", "reason": "nxdomain"},
               "implicit_mx": null, "null_mx": null, "mx": [], "dnssec": null, "time": AT, "elapsed_ms": 1, "run": "r"}),
        json!({"type": "listed", "domain": "clear.test", "source": "l", "rank": 1, "users": 70, "of": 100}),
        json!({"type": "listed", "domain": "good.test", "source": "l", "rank": 2, "users": 30, "of": 100}),
    ];
    lines.extend(tls("192.0.2.1", "mx.good.test", "valid"));
    lines.extend(tls("192.0.2.3", "mx.lost.test", "expired"));
    lines
}

fn survey(lines: &[Value]) -> Survey {
    let mut writer = SurveyWriter::new(temporary().unwrap());
    writer.begin().unwrap();
    for line in lines {
        writer.put(line.to_string().as_bytes()).unwrap();
    }
    writer.commit().unwrap();
    let mut connection = writer.into_connection();
    assert!(judge(&mut connection, &false.into()).unwrap());
    Survey::new(connection)
}

/// The rows of a query of texts, cells with a blank between.
fn told(survey: &Survey, sql: &str) -> Vec<String> {
    let mut statement = survey.connection.prepare(sql).unwrap();
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| {
        let cells: Vec<String> = (0..columns)
            .map(|at| {
                row.get::<_, Option<String>>(at)
                    .map(|it| it.unwrap_or("-".into()))
            })
            .collect::<Result<_, _>>()?;
        Ok(cells.join(" "))
    });
    rows.unwrap().collect::<Result<_, _>>().unwrap()
}

const PROBLEMS: &str = "SELECT domain, severity, code FROM problem ORDER BY domain, code";

#[test]
fn the_database_holds_every_domains_problems() {
    let survey = survey(&world());
    assert_eq!(
        told(&survey, PROBLEMS),
        [
            "clear.test serious starttls_missing",
            "gone.test critical nxdomain",
            "lost.test serious certificate_expired",
            "lost.test serious sts_exchange_fails",
            "lost.test critical sts_would_lose_mail",
        ]
    );
}

#[test]
fn the_database_holds_what_becomes_of_mail() {
    let survey = survey(&world());
    let fates = |profile: u8| {
        told(
            &survey,
            &format!(
                "SELECT n.name, v.fate, v.authority FROM delivery d JOIN name n ON n.id = d.domain \
                 JOIN delivery_vector v ON v.vector = d.vector WHERE v.profile = {profile} ORDER BY 1"
            ),
        )
    };
    let opportunistic = [
        "clear.test clear -",
        "gone.test no_mail -",
        "good.test encrypted -",
        "lost.test encrypted -",
    ];
    assert_eq!(fates(1), opportunistic);
    assert_eq!(
        fates(3),
        [
            // No policy record was asked for: that none forbids clear is not known.
            "clear.test unknown -",
            "gone.test no_mail -",
            "good.test authenticated pkix",
            "lost.test refused -",
        ]
    );
}

#[test]
fn where_no_connection_came_through_servers_are_not_learned() {
    let mut silent = smtp("192.0.2.1", true);
    silent["outcome"] = json!({"phase": "connect", "reason": "timeout"});
    for key in ["esmtp", "banner", "ehlo", "capabilities"] {
        silent[key] = Value::Null;
    }
    silent["starttls"] = json!({"advertised": null, "accepted": null});
    let lines = [
        domain("a.test", "mx.a.test", "192.0.2.1"),
        silent,
        policy("a.test", "mx.a.test", "absent"),
    ];
    let alone = survey(&lines);
    assert_eq!(told(&alone, PROBLEMS), Vec::<String>::new());
    let mut others = lines.to_vec();
    others.extend([
        domain("b.test", "mx.b.test", "192.0.2.2"),
        smtp("192.0.2.2", true),
    ]);
    assert_eq!(
        told(&survey(&others), PROBLEMS),
        ["a.test critical no_server_answers"]
    );
}

#[test]
fn a_later_policy_takes_the_place_of_an_earlier_one() {
    let mut writer = SurveyWriter::new(temporary().unwrap());
    writer.begin().unwrap();
    let mut put = |line: &Value| writer.put(line.to_string().as_bytes()).unwrap().stored;
    for mut line in [
        policy("a.test", "mx.a.test", "ok"),
        sts("a.test", "mx.a.test"),
    ] {
        assert_eq!(put(&line), Stored::New);
        assert_eq!(put(&line), Stored::Repeated);
        line["time"] = json!("2026-10-02T00:00:00.000Z");
        assert_eq!(put(&line), Stored::Replaced);
        line["time"] = json!(AT);
        assert_eq!(put(&line), Stored::Older);
    }
}

/// These columns of the rows of a question.
fn rows(survey: &Survey, asked: &ReportSettings, name: &str, columns: &[&str]) -> Vec<String> {
    let table = (question(name).unwrap().answer)(survey, asked).unwrap();
    let mut json = Vec::new();
    render::json(&mut json, &[table]).unwrap();
    let json: Value = serde_json::from_slice(&json).unwrap();
    let rows = json["tables"][0]["rows"].as_array().unwrap();
    let line = |row: &Value| {
        let cell = |column: &&str| match &row[*column] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        columns.iter().map(cell).collect::<Vec<_>>().join(" | ")
    };
    rows.iter().map(line).collect()
}

#[test]
fn problems_are_sorted_by_damage_and_can_be_narrowed() {
    let survey = survey(&world());
    let columns = ["domain", "severity", "code", "place", "users"];
    let mut asked = ReportSettings::default();
    assert_eq!(
        rows(&survey, &asked, "problems", &columns),
        [
            "gone.test | critical | nxdomain | null | null",
            "lost.test | critical | sts_would_lose_mail | null | null",
            "clear.test | serious | starttls_missing | 192.0.2.2 | 70",
            "lost.test | serious | certificate_expired | 192.0.2.3 | null",
            "lost.test | serious | sts_exchange_fails | mx.lost.test | null",
        ]
    );
    asked.severity = Severity::Critical;
    assert_eq!(rows(&survey, &asked, "problems", &columns).len(), 2);
    asked.domains = vec!["LOST.test.".to_owned()];
    assert_eq!(
        rows(&survey, &asked, "problems", &columns),
        ["lost.test | critical | sts_would_lose_mail | null | null"]
    );
    asked.domains = vec!["missing.test".to_owned()];
    assert_eq!(
        rows(&survey, &asked, "problems", &columns),
        Vec::<String>::new()
    );
}

#[test]
fn problems_are_counted_by_kind_with_their_users() {
    let columns = ["code", "domains", "percent", "users_l", "users_l_percent"];
    assert_eq!(
        rows(
            &survey(&world()),
            &ReportSettings::default(),
            "problem-codes",
            &columns
        ),
        [
            "nxdomain | 1 | 25.0 | 0 | 0.0",
            "sts_would_lose_mail | 1 | 25.0 | 0 | 0.0",
            "certificate_expired | 1 | 25.0 | 0 | 0.0",
            "starttls_missing | 1 | 25.0 | 70 | 70.0",
            "sts_exchange_fails | 1 | 25.0 | 0 | 0.0",
        ]
    );
}

#[test]
fn delivery_is_counted_of_the_domains_that_take_mail() {
    let columns = [
        "profile",
        "fate",
        "domains",
        "domains_of",
        "users_l",
        "users_l_of",
    ];
    let rows = rows(
        &survey(&world()),
        &ReportSettings::default(),
        "delivery",
        &columns,
    );
    let of = |profile: &str| -> Vec<&String> {
        let prefix = format!("{profile} | ");
        rows.iter().filter(|row| row.starts_with(&prefix)).collect()
    };
    assert_eq!(
        of("opportunistic"),
        [
            "opportunistic | clear | 1 | 3 | 70 | 100",
            "opportunistic | encrypted | 2 | 3 | 30 | 100",
            "opportunistic | authenticated | 0 | 3 | 0 | 100",
            "opportunistic | refused | 0 | 3 | 0 | 100",
            "opportunistic | unknown | 0 | 3 | 0 | 100",
        ]
    );
    assert_eq!(
        of("mta_sts"),
        [
            "mta_sts | clear | 0 | 3 | 0 | 100",
            "mta_sts | encrypted | 0 | 3 | 0 | 100",
            "mta_sts | authenticated | 1 | 3 | 30 | 100",
            "mta_sts | refused | 1 | 3 | 0 | 100",
            "mta_sts | unknown | 1 | 3 | 70 | 100",
        ]
    );
}

#[test]
fn policies_are_counted_of_the_domains_that_were_asked() {
    let columns = ["what", "value", "domains", "domains_of"];
    assert_eq!(
        rows(
            &survey(&world()),
            &ReportSettings::default(),
            "policies",
            &columns
        ),
        [
            "SPF | ok | 2 | 2",
            "SPF: others | fail | 2 | 2",
            "SPF: terms that ask | unknown | 2 | 2",
            "SPF: IPv4 addresses that may send | 1 to 256 | 2 | 2",
            "DMARC | ok | 2 | 2",
            "DMARC by RFC 9989 | reject | 2 | 2",
            "DMARC by RFC 7489 | reject | 2 | 2",
            "DMARC: the two differ | no | 2 | 2",
            "No mail | no | 2 | 2",
            "DKIM | ok | 2 | 2",
            "MTA-STS | enforce | 1 | 2",
            "MTA-STS | enforce, mail is lost | 1 | 2",
            "MTA-STS: record and policy | both | 2 | 2",
            "TLS-RPT | ok | 2 | 2",
            "CAA | absent | 2 | 2",
            "BIMI | absent | 2 | 2",
            "DKIM: keys | none seen | 2 | 2",
        ]
    );
}

#[test]
fn a_card_says_first_how_it_stands_and_what_to_do() {
    let survey = survey(&world());
    let card = |domain: &str| {
        explain(&survey, &ReportSettings::default(), domain)
            .unwrap()
            .unwrap()
    };
    assert_eq!(
        card("good.test")[0],
        "good.test: mail to it travels encrypted; senders that heed MTA-STS know whom they send it to; no problem is known."
    );
    assert_eq!(
        card("gone.test")[0],
        "gone.test: takes no mail: no such domain; 1 critical problem."
    );
    let lost = card("lost.test");
    assert_eq!(
        lost[0],
        "lost.test: mail to it travels encrypted; senders that heed DANE and MTA-STS do not deliver it; 1 critical, 2 \
         serious problems."
    );
    assert!(
        lost[1].starts_with("  critical sts_would_lose_mail: "),
        "{lost:#?}"
    );
    assert!(
        lost[3].starts_with("    to do (domain_owner): "),
        "{lost:#?}"
    );
    let data = data(&survey, &ReportSettings::default(), "lost.test")
        .unwrap()
        .unwrap();
    assert_eq!(data["problems"][0]["code"], "sts_would_lose_mail");
    assert_eq!(data["delivery"][2]["would_lose_mail"], true);
    assert_eq!(data["published"]["sts_mode"], "enforce");
}

#[test]
fn fail_on_ends_with_3_where_there_is_such_a_problem() {
    let lines: String = world().iter().map(|line| format!("{line}\n")).collect();
    let status = |arguments: &[&str], expected| {
        run(
            "report",
            &[&["--table", "problems"], arguments].concat(),
            &lines,
        )
        .expect(expected);
    };
    status(&["--fail-on", "critical"], 3);
    status(&["--fail-on", "critical", "--domain", "clear.test"], 0);
    status(&["--fail-on", "serious", "--domain", "clear.test"], 3);
    status(&["--fail-on", "notice", "--domain", "good.test"], 0);
    status(&["--fail-on", "bad"], 2);
}
