//! tls-inspect against OpenSSL behind a small STARTTLS front, tlslite-ng, and scripts of bytes from the specifications.

#[path = "tls_inspect/certificates.rs"]
mod certificates;
#[path = "tls_inspect/facts.rs"]
mod facts;
#[path = "tls_inspect/front.rs"]
pub mod front;
#[path = "tls_inspect/hostile.rs"]
mod hostile;
#[path = "tls_inspect/old.rs"]
mod old;
#[path = "tls_inspect/oracle.rs"]
mod oracle;
#[path = "tls_inspect/paces.rs"]
mod paces;
#[path = "tls_inspect/script.rs"]
mod script;

use std::net::{Ipv4Addr, SocketAddr};

use serde_json::{Value, json};

use super::harness::{Ran, run};
use certificates::file;
use front::{Front, Openssl};

/// Options that every test gives: loopback is open, spacing costs nothing, the store is ours.
fn inspect(more: &[&str], input: &str) -> Ran {
    let root = format!("test={}", file("root.pem"));
    let mut arguments = vec![
        "--helo",
        "probe.example.org",
        "--allow",
        "127.0.0.0/8",
        "--quiet",
    ];
    if !more.contains(&"--reply-timeout") {
        // s_server has nothing to say inside TLS.
        arguments.extend(["--reply-timeout", "500ms"]);
    }
    if !more.contains(&"--handshake-timeout") {
        arguments.extend(["--handshake-timeout", "3s"]);
    }
    if !more.contains(&"--spacing") {
        arguments.extend(["--spacing", "0s"]);
    }
    if !more.contains(&"--roots") {
        arguments.extend(["--roots", &root]);
    }
    arguments.extend(more);
    run("tls-inspect", &arguments, input)
}

/// An `smtp` line for a server that accepted STARTTLS.
fn accepted(port: u16) -> String {
    accepted_at((Ipv4Addr::LOCALHOST, port).into())
}

/// The same for a server at any address.
fn accepted_at(address: SocketAddr) -> String {
    let line = json!({
        "type": "smtp", "ip": address.ip(), "port": address.port(),
        "for": {"domain": "example.test", "exchange": "mx.example.test"},
        "starttls": {"advertised": true, "accepted": true},
    });
    format!("{line}\n")
}

/// The `tls` record of one server.
#[track_caller]
fn tls_of(front: &Front, more: &[&str]) -> Value {
    let ran = inspect(more, &accepted(front.port())).expect(0);
    let mut records = ran.of_type("tls");
    assert_eq!(records.len(), 1, "{}", ran.stdout);
    records.remove(0)
}

fn verdict(tls: &Value) -> (Value, String) {
    let verdict = &tls["verdicts"][0];
    let reason = verdict["reason"].as_str().unwrap_or("none").to_owned();
    (verdict["valid"].clone(), reason)
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn each_version_alone_is_told() {
    let old = "ALL:@SECLEVEL=0";
    let cases: &[(&[&str], &str, Value)] = &[
        (&["-tls1_3"], "TLSv1.3", json!(true)),
        (&["-tls1_2"], "TLSv1.2", json!(true)),
        (&["-tls1_1", "-cipher", old], "TLSv1.1", json!(null)),
        (&["-tls1", "-cipher", old], "TLSv1", json!(null)),
    ];
    for (arguments, version, completed) in cases {
        let server = Openssl::start("rsa2048", arguments);
        let tls = tls_of(&Front::to(server.port()), &[]);
        assert_eq!(tls["version"], *version, "{tls}");
        assert_eq!(tls["negotiated"], true, "{tls}");
        assert_eq!(tls["completed"], *completed, "{tls}");
        assert_eq!(verdict(&tls), (json!(true), "valid".into()), "{tls}");
        assert_eq!(tls["server_name"], "mx.example.test");
        if tls["completed"] == true {
            assert_eq!(tls["outcome"], json!({"phase": "done", "reason": "ok"}));
            assert_eq!(tls["connections"], 1);
        } else {
            assert_eq!(tls["outcome"]["reason"], "alert", "{tls}");
            assert_eq!(tls["fallback"]["reason"], "ok", "{tls}");
            assert_eq!(tls["connections"], 2);
            assert_eq!(tls["secure_renegotiation"], true, "{tls}");
            assert_eq!(tls["extended_master_secret"], true, "{tls}");
            // Not offered beside TLS 1.3.
            assert_eq!(tls["compression"], Value::Null, "{tls}");
        }
    }
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn every_kind_of_certificate_has_its_verdict_and_its_facts() {
    // certificate, key type, bits, valid, reason
    let cases: &[(&str, &str, u32, Value, &str)] = &[
        ("rsa1024", "rsa", 1024, json!(true), "valid"),
        ("rsa2048", "rsa", 2048, json!(true), "valid"),
        ("rsa3072", "rsa", 3072, json!(true), "valid"),
        ("rsa4096", "rsa", 4096, json!(true), "valid"),
        ("p256", "ec", 256, json!(true), "valid"),
        ("p384", "ec", 384, json!(true), "valid"),
        ("ed25519", "ed25519", 256, json!(true), "valid"),
        ("expired", "ec", 256, json!(false), "expired"),
        ("young", "ec", 256, json!(false), "not_yet_valid"),
        ("selfsigned", "ec", 256, json!(false), "self_signed"),
        ("wrongname", "ec", 256, json!(true), "valid"),
        ("cnonly", "ec", 256, json!(true), "valid"),
        ("wildcard", "ec", 256, json!(true), "valid"),
        ("sha1", "rsa", 2048, json!(true), "valid"),
        ("version1", "rsa", 2048, json!(true), "valid"),
        ("caleaf", "ec", 256, json!(true), "valid"),
        (
            "client",
            "ec",
            256,
            json!(false),
            "not_a_server_certificate",
        ),
        ("chained", "ec", 256, json!(true), "valid"),
        ("unchained", "ec", 256, json!(false), "incomplete_chain"),
        ("unknown", "ec", 256, json!(false), "unknown_issuer"),
    ];
    for (name, key_type, bits, valid, reason) in cases {
        let server = Openssl::start(name, &["-cipher", "ALL:@SECLEVEL=0"]);
        let front = Front::to(server.port());
        let ran = inspect(&[], &accepted(front.port())).expect(0);
        let tls = &ran.of_type("tls")[0];
        assert_eq!(
            verdict(tls),
            (valid.clone(), (*reason).to_owned()),
            "{name}: {tls}"
        );
        assert_eq!(tls["leaf"]["key_type"], *key_type, "{name}");
        assert_eq!(tls["leaf"]["key_bits"], *bits, "{name}");
        assert_eq!(tls["completed"], true, "{name}: {tls}");
        // Every certificate stands in a record of its own, before the line that names it.
        let kinds: Vec<_> = ran.records().iter().map(|it| it["type"].clone()).collect();
        let certificates = ran.of_type("cert");
        assert_eq!(
            kinds.iter().position(|kind| kind == "tls"),
            Some(certificates.len() + 2),
            "{kinds:?}"
        );
        let named: Vec<_> = certificates.iter().map(|it| it["sha256"].clone()).collect();
        assert_eq!(tls["chain"], json!(named), "{name}");
        assert_eq!(certificates[0]["key_bits"], *bits, "{name}");
    }
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn two_causes_at_once_are_both_told() {
    let server = Openssl::start("expiredself", &[]);
    let tls = tls_of(&Front::to(server.port()), &[]);
    assert_eq!(verdict(&tls), (json!(false), "self_signed".into()));
    assert_eq!(tls["verdicts"][0]["also"], json!(["expired"]));
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn stores_have_names_and_time_can_be_set() {
    let server = Openssl::start("expired", &[]);
    let front = Front::to(server.port());
    let own = format!("ours={}", file("root.pem"));
    let tls = tls_of(
        &front,
        &["--roots", &own, "--roots", "mozilla", "--at", "2024-06-01"],
    );
    let verdicts = tls["verdicts"].as_array().unwrap();
    assert_eq!(verdicts.len(), 2);
    assert_eq!(
        (&verdicts[0]["store"], &verdicts[0]["valid"]),
        (&json!("ours"), &json!(true))
    );
    assert_eq!(verdicts[0]["at"], "2024-06-01T00:00:00.000Z");
    assert_eq!(
        (&verdicts[1]["store"], &verdicts[1]["valid"]),
        (&json!("mozilla"), &json!(false))
    );
    assert!(
        verdicts[1]["store_date"]
            .as_str()
            .unwrap()
            .starts_with("webpki-roots ")
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn key_exchange_and_signature_are_named() {
    let server = Openssl::start(
        "rsa2048",
        &[
            "-tls1_2",
            "-cipher",
            "DHE-RSA-AES256-SHA:@SECLEVEL=0",
            "-dhparam",
            &file("dh1024.pem"),
        ],
    );
    let tls = tls_of(&Front::to(server.port()), &[]);
    assert_eq!(tls["dh"]["bits"], 1024, "{tls}");
    assert_eq!(tls["cipher"]["openssl"], "DHE-RSA-AES256-SHA");
    assert_eq!(tls["cipher"]["iana"], "TLS_DHE_RSA_WITH_AES_256_CBC_SHA");
    let server = Openssl::start("p256", &["-tls1_3", "-groups", "X25519"]);
    let tls = tls_of(&Front::to(server.port()), &[]);
    assert_eq!(tls["group"], "x25519");
    assert_eq!(tls["signature_scheme"], "ecdsa_secp256r1_sha256");
    assert_eq!(tls["cipher"]["bits"], 256);
    assert_eq!(tls["client_certificate_requested"], false);
    let server = Openssl::start("p256", &["-tls1_2", "-verify", "1", "-curves", "P-384"]);
    let tls = tls_of(&Front::to(server.port()), &[]);
    assert_eq!(tls["group"], "secp384r1", "{tls}");
    assert_eq!(tls["client_certificate_requested"], true);
    assert_eq!(
        (&tls["secure_renegotiation"], &tls["extended_master_secret"]),
        (&json!(true), &json!(true))
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn suites_without_encryption_or_certificate_are_seen() {
    for (suite, iana, has_chain) in [
        ("NULL-SHA", "TLS_RSA_WITH_NULL_SHA", true),
        ("AES256-SHA", "TLS_RSA_WITH_AES_256_CBC_SHA", true),
        ("AES128-SHA", "TLS_RSA_WITH_AES_128_CBC_SHA", true),
        (
            "ECDHE-RSA-AES256-SHA",
            "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
            true,
        ),
        ("CAMELLIA256-SHA", "TLS_RSA_WITH_CAMELLIA_256_CBC_SHA", true),
        (
            "DHE-RSA-CAMELLIA256-SHA",
            "TLS_DHE_RSA_WITH_CAMELLIA_256_CBC_SHA",
            true,
        ),
        ("ADH-AES256-SHA", "TLS_DH_anon_WITH_AES_256_CBC_SHA", false),
        (
            "AECDH-AES256-SHA",
            "TLS_ECDH_anon_WITH_AES_256_CBC_SHA",
            false,
        ),
    ] {
        let cipher = format!("{suite}:@SECLEVEL=0");
        let server = Openssl::start("rsa2048", &["-tls1_2", "-cipher", &cipher]);
        let tls = tls_of(&Front::to(server.port()), &[]);
        assert_eq!(tls["cipher"]["iana"], iana, "{tls}");
        assert_eq!(tls["cipher"]["openssl"], suite);
        assert_eq!(tls["chain"].is_array(), has_chain, "{suite}: {tls}");
        assert_eq!(
            (&tls["completed"], &tls["negotiated"]),
            (&json!(null), &json!(true))
        );
    }
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn a_client_certificate_that_is_demanded_is_told_though_the_handshake_fails() {
    let server = Openssl::start("rsa2048", &["-tls1_2", "-Verify", "1"]);
    let tls = tls_of(&Front::to(server.port()), &[]);
    assert_eq!(tls["client_certificate_requested"], true, "{tls}");
    assert_eq!(tls["ocsp_stapled"], false, "{tls}");
    assert_eq!(
        (&tls["completed"], &tls["negotiated"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(tls["connections"], 1);
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn a_chain_too_long_for_tls_13_is_had_by_the_old_hello() {
    let root = std::fs::read_to_string(file("root.pem")).unwrap();
    let long = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&long, root.repeat(99)).unwrap();
    let chain = ["-cert_chain", long.path().to_str().unwrap()];
    let server = Openssl::start("rsa2048", &chain);
    let tls = tls_of(&Front::to(server.port()), &["--spacing", "1s"]);
    assert_eq!(tls["outcome"]["reason"], "too_long", "{tls}");
    assert_eq!(
        (&tls["version"], &tls["negotiated"], &tls["completed"]),
        (&json!("TLSv1.3"), &json!(true), &json!(null))
    );
    assert_eq!(tls["chain"].as_array().map(Vec::len), Some(100), "{tls}");
    assert_eq!(tls["connections"], 2);
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn what_only_we_cannot_speak_is_no_server_without_tls() {
    // arguments, negotiated, version that is found when all are counted
    let cases: [(&[&str], Value, &str); 4] = [
        (
            &["-tls1_2", "-cipher", "AES128-CCM"],
            json!(true),
            "TLSv1.2",
        ),
        (
            &["-tls1_2", "-cipher", "ADH-AES256-GCM-SHA384:@SECLEVEL=0"],
            json!(true),
            "TLSv1.2",
        ),
        (
            &["-tls1_2", "-cipher", "ARIA128-GCM-SHA256"],
            json!(true),
            "TLSv1.2",
        ),
        (
            &["-tls1_2", "-cipher", "ECDHE", "-groups", "K-283"],
            json!(true),
            "TLSv1.2",
        ),
    ];
    for (arguments, negotiated, version) in cases {
        let server = Openssl::start("rsa2048", arguments);
        let tls = tls_of(
            &Front::to(server.port()),
            &["--enumerate", "versions,ciphers"],
        );
        assert_eq!(tls["negotiated"], negotiated, "{tls}");
        assert_eq!(tls["completed"], json!(null), "{tls}");
        let found = &tls["enumeration"];
        for (name, spoken) in found["versions"].as_object().unwrap() {
            assert_eq!(*spoken, name == version, "{name}: {tls}");
        }
        assert!(found["ciphers"][version].is_array(), "{tls}");
    }
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn smtp_inside_is_compared_with_what_was_said_in_clear() {
    let server = Openssl::speaking_smtp("p256");
    let tls = tls_of(&Front::to(server.port()), &[]);
    let inside = &tls["inside"];
    assert_eq!(inside["outcome"]["reason"], "ok", "{tls}");
    assert_eq!(inside["starttls"], false);
    assert_eq!(inside["lost"], Value::Null);
    assert_eq!(inside["gained"], json!(["AUTH PLAIN"]));
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn a_certificate_is_written_once_and_servers_that_did_not_accept_are_counted() {
    let server = Openssl::start("chained", &[]);
    let fronts = [Front::to(server.port()), Front::to(server.port())];
    let mut input: String = fronts.iter().map(|front| accepted(front.port())).collect();
    input += &accepted(fronts[0].port());
    input += &accepted(9).replace("\"accepted\":true", "\"accepted\":null");
    input += &accepted(9).replace("\"accepted\":true", "\"accepted\":false");
    input += "{\"type\":\"other\",\"x\":1}\nnonsense\n";
    let ran = inspect(&[], &input).expect(1);
    assert!(ran.stderr.contains("line 7"), "{}", ran.stderr);
    assert_eq!(
        (ran.of_type("cert").len(), ran.of_type("tls").len()),
        (2, 2)
    );
    assert_eq!(ran.of_type("smtp").len(), 5);
    let end = &ran.of_type("run")[1];
    assert_eq!(
        crate::harness::by_name(&end["counts"])["starttls_unknown"],
        1,
        "{end}"
    );
    assert_eq!(
        crate::harness::by_name(&end["counts"])["starttls_not_accepted"],
        1
    );
    assert_eq!(crate::harness::by_name(&end["counts"])["repeated"], 1);
    assert_eq!(
        crate::harness::by_name(&end["counts"])["connections_saved"],
        1
    );
    assert_eq!(
        crate::harness::by_name(&end["outcomes"]),
        json!({"done/ok": 2})
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn a_server_is_resumed_with_its_certificates() {
    let server = Openssl::start("chained", &[]);
    let front = Front::to(server.port());
    let input = accepted(front.port());
    let first = inspect(&[], &input).expect(0);
    let directory = tempfile::tempdir().unwrap();
    let part = directory.path().join("part.ndjson");
    std::fs::write(&part, &first.stdout).unwrap();
    drop(server);
    let resumed = inspect(&["--resume", part.to_str().unwrap()], &input).expect(0);
    assert_eq!(resumed.of_type("tls"), first.of_type("tls"));
    assert_eq!(resumed.of_type("cert"), first.of_type("cert"));
    assert_eq!(front.connections(), 1);
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn each_name_of_an_address_is_asked_for() {
    let server = Openssl::start(
        "p256",
        &[
            "-servername",
            "b.example.test",
            "-cert2",
            &file("wildcard.pem"),
            "-key2",
            &file("wildcard.key"),
        ],
    );
    let front = Front::to(server.port());
    let domain = |exchange: &str| {
        let mx =
            json!([{"exchange": exchange, "preference": 10, "addresses": [{"ip": "127.0.0.1"}]}]);
        format!(
            "{}\n",
            json!({"type": "domain", "domain": exchange, "mx": mx})
        )
    };
    let input = [
        domain("mx.example.test"),
        accepted(front.port()),
        domain("b.example.test"),
    ]
    .concat();
    let ran = inspect(&["--sni", "each"], &input).expect(0);
    let asked: Vec<_> = ran.of_type("tls");
    let names: Vec<_> = asked.iter().map(|tls| tls["server_name"].clone()).collect();
    assert_eq!(names, [json!("mx.example.test"), json!("b.example.test")]);
    assert_ne!(asked[0]["chain"], asked[1]["chain"]);
    let none = inspect(&["--sni", "none"], &accepted(front.port())).expect(0);
    assert_eq!(none.of_type("tls")[0]["server_name"], Value::Null);
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn verdicts_are_made_anew_without_the_network() {
    let server = Openssl::start("chained", &[]);
    let front = Front::to(server.port());
    let scanned = inspect(&["--roots", "mozilla"], &accepted(front.port())).expect(0);
    assert_eq!(verdict(&scanned.of_type("tls")[0]).0, json!(false));
    drop((server, front));
    let anew = inspect(&["--regrade"], &scanned.stdout).expect(0);
    let tls = &anew.of_type("tls")[0];
    assert_eq!(verdict(tls), (json!(true), "valid".into()));
    assert_eq!(tls["verdicts"][0]["store"], "test");
    assert_eq!(tls["time"], scanned.of_type("tls")[0]["time"]);
    assert_eq!(anew.of_type("cert"), scanned.of_type("cert"));
    let later = inspect(&["--regrade", "--at", "2199-01-01"], &scanned.stdout).expect(0);
    assert_eq!(
        verdict(&later.of_type("tls")[0]),
        (json!(false), "expired".into())
    );
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn all_that_a_server_speaks_is_counted() {
    let server = Openssl::start(
        "rsa2048",
        &[
            "-cipher",
            "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256:AES256-SHA:@SECLEVEL=0",
            "-ciphersuites",
            "TLS_AES_128_GCM_SHA256",
            "-groups",
            "P-256:X25519",
            "-dcert",
            &file("p256.pem"),
            "-dkey",
            &file("p256.key"),
        ],
    );
    let tls = tls_of(
        &Front::to(server.port()),
        &["--enumerate", "versions,ciphers,groups"],
    );
    let found = &tls["enumeration"];
    let versions = &found["versions"];
    assert_eq!(versions["TLSv1.3"], true, "{found}");
    assert_eq!(versions["TLSv1.2"], true);
    assert_eq!(versions["TLSv1.1"], true);
    assert_eq!(versions["TLSv1"], true);
    assert_eq!(versions["SSLv3"], false, "{found}");
    assert_ne!(versions["SSLv2"], true);
    let suites = |version: &str| -> Vec<String> {
        let list = found["ciphers"][version].as_array().unwrap();
        list.iter()
            .map(|suite| suite["openssl"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(suites("TLSv1.3"), ["TLS_AES_128_GCM_SHA256"]);
    let mut twelve = suites("TLSv1.2");
    twelve.sort();
    assert_eq!(
        twelve,
        [
            "AES256-SHA",
            "ECDHE-ECDSA-AES128-GCM-SHA256",
            "ECDHE-RSA-AES128-GCM-SHA256"
        ]
    );
    assert_eq!(suites("TLSv1"), ["AES256-SHA"]);
    let mut groups: Vec<_> = found["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it.as_str().unwrap())
        .collect();
    groups.sort();
    assert_eq!(groups, ["secp256r1", "x25519"], "{found}");
    let leaves = found["leaves"].as_object().unwrap();
    assert_eq!(leaves.keys().collect::<Vec<_>>(), ["ec", "rsa"]);
}
