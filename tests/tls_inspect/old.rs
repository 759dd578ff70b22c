//! What no library of today serves: SSLv2, SSLv3, RC4, 3DES, export suites.

use std::process::Command;
use std::time::Duration;

use serde_json::json;

use super::certificates::{der, file};
use super::front::{Front, free_port};
use super::script::{alert, flight, offered, read_hello, records, say};
use super::{accepted, inspect, tls_of};
use crate::harness::{Server, wait_for};

/// A server with one suite in one version, as OpenSSL 0.9.8 and 1.0 were: an alert to any other hello.
fn classic(version: u16, suite: u16) -> Front {
    Front::with(move |mut stream, _| {
        let hello = read_hello(&mut stream);
        if offered(&hello).contains(&suite) && hello.get(9..11) >= Some(&version.to_be_bytes()[..])
        {
            say(
                stream,
                &records(22, version, &flight(version, suite), 16_384),
            );
        } else {
            say(stream, &alert(40));
        }
    })
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn the_twelve_ciphers_of_the_study_are_served_and_named() {
    let twelve = [
        (0x0039, "DHE-RSA-AES256-SHA"),
        (0x0035, "AES256-SHA"),
        (0x002f, "AES128-SHA"),
        (0xc011, "ECDHE-RSA-RC4-SHA"),
        (0xc014, "ECDHE-RSA-AES256-SHA"),
        (0xc012, "ECDHE-RSA-DES-CBC3-SHA"),
        (0x0088, "DHE-RSA-CAMELLIA256-SHA"),
        (0x0016, "EDH-RSA-DES-CBC3-SHA"),
        (0x000a, "DES-CBC3-SHA"),
        (0x0004, "RC4-MD5"),
        (0x0005, "RC4-SHA"),
        (0x0084, "CAMELLIA256-SHA"),
    ];
    for (suite, name) in twelve {
        let tls = tls_of(&classic(0x0301, suite), &[]);
        assert_eq!(tls["cipher"]["openssl"], name, "{tls}");
        assert_eq!(
            (&tls["version"], &tls["negotiated"]),
            (&json!("TLSv1"), &json!(true)),
            "{tls}"
        );
        assert_eq!(tls["chain"].as_array().map(Vec::len), Some(1), "{tls}");
        assert_eq!(tls["outcome"]["detail"], "handshake_failure");
        assert_eq!(tls["fallback"]["reason"], "ok");
        let is_dhe = name.starts_with("DHE") || name.starts_with("EDH");
        assert_eq!(tls["dh"]["bits"].as_u64(), is_dhe.then_some(1024), "{tls}");
        assert_eq!(tls["group"] == "x25519", name.starts_with("ECDHE"), "{tls}");
    }
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn sslv3_and_export_suites_are_seen() {
    let tls = tls_of(&classic(0x0300, 0x0003), &[]);
    assert_eq!(
        (&tls["version"], &tls["cipher"]["bits"]),
        (&json!("SSLv3"), &json!(40)),
        "{tls}"
    );
    assert_eq!(tls["cipher"]["openssl"], "EXP-RC4-MD5");
    assert_eq!(tls["secure_renegotiation"], false);
    assert_eq!(tls["extended_master_secret"], serde_json::Value::Null);
}

#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn sslv2_is_found_when_versions_are_counted() {
    let front = Front::with(|mut stream, _| {
        let mut hello = [0; 1024];
        let length = std::io::Read::read(&mut stream, &mut hello).unwrap_or(0);
        if length == 0 || hello[0] & 0x80 == 0 {
            // It knows no later version, and hangs up.
            return;
        }
        let certificate = der("rsa2048");
        let mut hello = vec![4, 0, 1, 0, 2];
        hello.extend_from_slice(&(certificate.len() as u16).to_be_bytes());
        hello.extend_from_slice(&[0, 6, 0, 16]);
        hello.extend_from_slice(&certificate);
        hello.extend_from_slice(&[1, 0, 0x80, 7, 0, 0xc0]);
        hello.extend_from_slice(&[3; 16]);
        let length = (hello.len() as u16 | 0x8000).to_be_bytes();
        say(stream, &[&length[..], &hello].concat());
    });
    let ran = inspect(
        &["--enumerate", "versions,ciphers"],
        &accepted(front.port()),
    )
    .expect(0);
    let tls = &ran.of_type("tls")[0];
    let found = &tls["enumeration"];
    assert_eq!(found["versions"]["SSLv2"], true, "{tls}");
    // Hanging up is no answer.
    assert_eq!(found["versions"]["TLSv1"], serde_json::Value::Null);
    assert!(
        found["unknown"]
            .as_array()
            .unwrap()
            .contains(&json!("TLSv1: handshake/closed")),
        "{found}"
    );
    let suites: Vec<_> = found["ciphers"]["SSLv2"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["iana"].clone())
        .collect();
    assert_eq!(
        suites,
        [
            "SSL_CK_RC4_128_WITH_MD5",
            "SSL_CK_DES_192_EDE3_CBC_WITH_MD5"
        ]
    );
    assert_eq!(ran.of_type("cert").len(), 1);
    assert_eq!(
        (&tls["negotiated"], &tls["completed"]),
        (&json!(null), &json!(null))
    );
}

/// A peer that we did not write, with suites that OpenSSL has dropped.
#[test]
#[cfg_attr(
    not(feature = "peers"),
    ignore = "wants other people's programs: make test"
)]
fn tlslite_is_understood() {
    let packages = concat!(env!("CARGO_MANIFEST_DIR"), "/target/peers/python");
    assert!(
        std::path::Path::new(packages).exists(),
        "tests/peers/setup installs tlslite-ng"
    );
    let cases = [
        ("3,0", "3,0", "rc4", "md5", "RC4-MD5", "SSLv3"),
        ("3,0", "3,0", "3des", "sha", "DES-CBC3-SHA", "SSLv3"),
        ("3,1", "3,1", "rc4", "sha", "RC4-SHA", "TLSv1"),
        ("3,2", "3,2", "3des", "sha", "DES-CBC3-SHA", "TLSv1.1"),
        ("3,3", "3,3", "null", "sha", "NULL-SHA", "TLSv1.2"),
    ];
    for (least, most, cipher, mac, suite, version) in cases {
        let port = free_port();
        let script = format!(
            "import socket
from tlslite.api import *
chain = X509CertChain(); chain.parsePemList(open({:?}).read())
key = parsePEMKey(open({:?}).read(), private=True)
settings = HandshakeSettings()
settings.minVersion = ({least}); settings.maxVersion = ({most})
settings.cipherNames = [{cipher:?}]; settings.macNames = [{mac:?}]; settings.keyExchangeNames = ['rsa']
listener = socket.socket(); listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(('127.0.0.1', {port})); listener.listen(5)
while True:
    try:
        TLSConnection(listener.accept()[0]).handshakeServer(certChain=chain, privateKey=key, settings=settings)
    except Exception: pass
",
            file("rsa2048.pem"),
            file("rsa2048.key"),
        );
        let child = Command::new("python3")
            .args(["-c", &script])
            .env("PYTHONPATH", packages)
            .spawn()
            .unwrap();
        let _server = Server(child);
        wait_for("tlslite", Duration::from_secs(20), || {
            std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        let tls = tls_of(&Front::to(port), &[]);
        assert_eq!(tls["cipher"]["openssl"], suite, "{tls}");
        assert_eq!(
            (&tls["version"], &tls["negotiated"]),
            (&json!(version), &json!(true))
        );
    }
}
