//! The shapes of fields that writers use in the wild, and what is right to say of each: a table that a person has read
//! (`UPDATE_EXPECTED=1` writes it anew), and by its marks the faults that were found once.

use serde_json::{Value, json};

use super::{compare, fields, mbox, trace};

#[test]
fn fields_of_more_writers() {
    compare("writers.txt", "writers.expected");
}

/// The hop of the field whose note begins with `note`.
fn hop(note: &str) -> Value {
    let (_, field) = fields("writers.txt")
        .into_iter()
        .find(|(text, _)| text.starts_with(note))
        .unwrap_or_else(|| panic!("{note}"));
    trace(&[], &field).expect(0).of_type("hop").remove(0)
}

#[test]
fn h1_a_login_and_an_address_stay() {
    let handed_in = hop("h1: a login");
    assert_eq!(handed_in["from"], Value::Null);
    assert_eq!(handed_in["left_out"], "local");
    let with = hop("h1: an address");
    assert_eq!(
        (&with["protocol"], &with["with"]),
        (&"ESMTP".into(), &"* ESMTP".into())
    );
}

#[test]
fn h2_a_protocol_that_is_not_known_is_not_something_else() {
    for (note, protocol, encrypted, counts) in [
        (
            "h2: exim 4.99, TLS",
            json!("ESSMTP"),
            json!(true),
            json!(true),
        ),
        (
            "h2: the same without",
            json!("ESSMTP"),
            json!(true),
            json!(true),
        ),
        (
            "h2: exim 4.99, a sub",
            json!("ESSMTPA"),
            json!(true),
            json!(false),
        ),
        ("h2: MailEnable", json!("ESMTPS"), json!(true), json!(true)),
        (
            "h2: MailEnable in",
            json!("ESMTP"),
            Value::Null,
            json!(true),
        ),
        ("h2: GENERIC", json!("SMTP"), json!(true), json!(true)),
        (
            "h2: hMailServer, old",
            Value::Null,
            Value::Null,
            Value::Null,
        ),
        ("h2: MailMarshal's", Value::Null, Value::Null, Value::Null),
        ("h2: Exchange to", json!("MAPI"), Value::Null, json!(false)),
        ("h2: news", json!("NNTP"), Value::Null, json!(false)),
    ] {
        let hop = hop(note);
        assert_eq!(
            hop.get("protocol").unwrap_or(&Value::Null),
            &protocol,
            "{note}"
        );
        assert_eq!(hop["encrypted"], encrypted, "{note}");
        assert_eq!(hop["inter_organisation"], counts, "{note}");
    }
    assert_eq!(hop("h2: hMailServer, old")["left_out"], "unknown_protocol");
    assert_eq!(hop("h2: exim 4.99, a sub")["left_out"], "submission");
}

#[test]
fn h3_ssl_in_parentheses_is_encrypted() {
    assert_eq!(hop("h3: IceWarp")["encrypted"], true);
    assert_eq!(hop("h3: IceWarp with")["by"]["ip"], Value::Null);
    assert_eq!(hop("h3: IceWarp, a sub")["left_out"], "submission");
}

#[test]
fn h4_every_message_of_an_mbox_without_times_is_traced() {
    for from in ["From ", "From -", "From a@example.org"] {
        let input: String = (0..5)
            .map(|n| {
                format!("{from}\nReceived: from a{n}.test by b.test with SMTP; x\n\nbody {n}\n\n")
            })
            .collect();
        let ran = trace(&[], &input).expect(0);
        assert_eq!(ran.of_type("hop").len(), 5, "{from}");
    }
}

#[test]
fn h5_dates_without_a_semicolon_and_days_that_are_none() {
    assert_eq!(
        hop("h5: SendGrid, Go's")["time"],
        "2024-01-01T00:00:00.386Z"
    );
    assert_eq!(hop("h5: SendGrid, the")["time"], "2024-01-01T00:00:00.084Z");
    let none = hop("h5: no such day");
    assert_eq!(
        (&none["time"], &none["faults"]),
        (&Value::Null, &json!(["bad_date"]))
    );
    let header = "Received: from c by d with SMTP; 31 Feb 2024 00:00:00 +0000\n\
        Received: from b by c with SMTP; 1 Mar 2024 00:00:00 +0000\n";
    let hops = trace(&[], header).expect(0).of_type("hop");
    assert!(hops.iter().all(|hop| hop["delay_ms"].is_null()));
}

#[test]
fn h6_submissions_with_plain_esmtp() {
    let all: Vec<String> = fields("writers.txt")
        .into_iter()
        .map(|(note, _)| note)
        .filter(|note| note.starts_with("h6: "))
        .collect();
    assert!(all.len() >= 9);
    for note in all {
        let hop = hop(&note);
        assert_eq!(hop["inter_organisation"], false, "{note}");
        assert_eq!(hop["left_out"], "submission", "{note}");
    }
}

#[test]
fn h7_without_a_sender_nothing_was_in_clear() {
    for note in [
        "h7: gmail hands on by name",
        "h7: gmail hands on by address",
    ] {
        let hop = hop(note);
        assert_eq!(
            (&hop["encrypted"], &hop["protocol"]),
            (&Value::Null, &"SMTP".into()),
            "{note}"
        );
    }
}

#[test]
fn h8_a_suite_of_the_version_that_is_stated() {
    for (note, version, suite, stated) in [
        (
            "h8: GnuTLS under TLS 1.3",
            "TLSv1.3",
            "TLS_AES_256_GCM_SHA384",
            "ECDHE_X25519__RSA_PSS_RSAE_SHA256__AES_256_GCM",
        ),
        (
            "h8: the same",
            "TLSv1.3",
            "TLS_CHACHA20_POLY1305_SHA256",
            "ECDHE_SECP256R1__ECDSA_SECP256R1_SHA256__CHACHA20_POLY1305",
        ),
        (
            "h8: GnuTLS under TLS 1.3 by a name",
            "TLSv1.3",
            "TLS_AES_256_GCM_SHA384",
            "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        ),
        (
            "h8: GnuTLS under TLS 1.2",
            "TLSv1.2",
            "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
            "ECDHE_X25519__EDDSA_ED25519__AES_128_GCM",
        ),
    ] {
        let hop = hop(note);
        assert_eq!(
            (&hop["version"], &hop["cipher"]["iana"]),
            (&version.into(), &suite.into()),
            "{note}"
        );
        assert_eq!(hop["stated"]["cipher"], stated, "{note}");
    }
    let none = hop("h8: no such pair");
    assert_eq!(
        (&none["version"], &none["cipher"], &none["encrypted"]),
        (&Value::Null, &Value::Null, &json!(true))
    );
    assert_eq!(
        none["stated"],
        json!({"version": "TLSv1.3", "cipher": "ECDHE-RSA-AES256-SHA384"})
    );
}

#[test]
fn h9_addresses_without_a_name_or_behind_it() {
    for note in [
        "h9: PowerMTA",
        "h9: PowerMTA with",
        "h9: IMail",
        "h9: a name",
        "h9: QQ",
    ] {
        let hop = hop(note);
        assert_eq!(hop["from"]["ip"], "198.51.100.7", "{note}");
        assert_ne!(hop["left_out"], "local", "{note}");
    }
}

#[test]
fn h10_lines_that_end_in_cr_alone_make_their_own_hops() {
    let header = "Received: from a.test by b.test with SMTP; x\nReceived: from c.test\n by d.test with SMTP; x\nSubject: x\n\nbody\n";
    let expected = trace(&[], header).expect(0).of_type("hop");
    assert_eq!(expected.len(), 2);
    let facts = |hops: Vec<Value>| -> Vec<Value> {
        hops.into_iter()
            .map(|hop| json!([hop["from"], hop["by"], hop["protocol"], hop["time"]]))
            .collect()
    };
    let expected = facts(expected);
    assert_eq!(
        facts(
            trace(&[], &header.replace('\n', "\r"))
                .expect(0)
                .of_type("hop")
        ),
        expected
    );
    let mbox = mbox([header]).replace('\n', "\r");
    assert_eq!(facts(trace(&[], &mbox).expect(0).of_type("hop")), expected);
    let object = json!({ "headers": header.replace('\n', "\r") }).to_string();
    assert_eq!(
        facts(trace(&[], &object).expect(0).of_type("hop")),
        expected
    );
}
