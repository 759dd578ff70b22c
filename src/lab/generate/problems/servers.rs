//! Domains whose exchanges or servers have a problem.

use serde_json::{Value, json};

use super::case::{
    Case, backup, backup_without_policy, case, certificate, flight, server, tlsa, with,
    without_policy,
};
use crate::judge::problem::ProblemCode as Code;

/// The DNS of the domain and of its exchanges.
// Long: a table of cases.
pub(super) fn dns_cases() -> Vec<Case> {
    let trouble =
        |answer: &str| json!({"names": {"": {"dns": {"answer": answer, "types": ["MX"]}}}});
    let numbered: Vec<Value> = (1..=101)
        .map(|n| json!([n, format!("mx{n}.{{d}}")]))
        .collect();
    let mut many = json!({"": {"mx": numbered, "txt": ["v=spf1 -all"]}, "mx": null});
    for n in 1..=101 {
        many[format!("mx{n}")] = json!({"like": "mx"});
    }
    vec![
        case(
            Code::Nxdomain,
            json!({"names": null, "servers": null, "policy": null}),
        ),
        case(Code::DnsBogus, trouble("bogus")),
        case(Code::DnsServfail, trouble("servfail")),
        case(Code::DnsMalformed, trouble("notimp")),
        case(
            Code::DnsAliasLoop,
            json!({"names": {"": {"cname": "again.{d}", "mx": null, "txt": null}, "again": {"cname": "{d}"}}}),
        ),
        case(
            Code::NoMailNotDeclared,
            with(
                json!({"names": {"": {"mx": null, "txt": ["v=spf1 -all"]}}}),
                without_policy(),
            ),
        ),
        case(
            Code::ImplicitMx,
            json!({"names": {"": {"mx": null, "txt": ["v=spf1 a -all"], "like": "mx"}},
                   "servers": {"mx": {"tls": {"names": ["{d}"]}}},
                   "policy": {"https": {"text": "version: STSv1\nmode: enforce\nmx: {domain}\nmax_age: 604800\n"}}}),
        ),
        case(
            Code::NullMxWithOthers,
            json!({"names": {"": {"mx": [[0, "."], [10, "mx.{d}"]]}}}),
        ),
        case(
            Code::NullMxPreference,
            with(
                json!({"names": {"": {"mx": [[10, "."]], "txt": ["v=spf1 -all"]}}}),
                without_policy(),
            ),
        ),
        case(
            Code::DuplicateExchange,
            json!({"names": {"": {"mx": [[10, "mx.{d}"], [20, "mx.{d}"]]}}}),
        ),
        case(
            Code::TooManyExchanges,
            json!({"names": many, "servers": {"mx": {"tls": {"certificate": "wildcard"}}},
                   "policy": {"https": {"text": "version: STSv1\nmode: enforce\nmx: *.{domain}\nmax_age: 604800\n"}}}),
        ),
        case(Code::NoExchangeResolves, json!({"names": {"mx": null}})),
        case(
            Code::ExchangeUnresolvable,
            with(backup(Value::Null), json!({"names": {"mx2": null}})),
        ),
        case(
            Code::ExchangeDnsFails,
            with(
                backup(Value::Null),
                json!({"names": {"mx2": {"dns": {"answer": "servfail"}}}}),
            ),
        ),
        case(
            Code::ExchangeIsAlias,
            json!({"names": {"mx": {"cname": "host.{d}", "a": null}, "host": {"like": "mx"}}}),
        ),
        case(
            Code::ExchangeIsAddress,
            with(
                without_policy(),
                json!({"names": {"": {"mx": [[10, "mx.{d}"], [20, "192.0.2.1"]]}}}),
            ),
        ),
        case(
            Code::ExchangeIsLocalhost,
            with(
                without_policy(),
                json!({"names": {"": {"mx": [[10, "mx.{d}"], [20, "localhost"]]}}}),
            ),
        ),
        case(
            Code::ExchangeSpecialAddress,
            with(
                backup(Value::Null),
                json!({"names": {"mx2": {"a": ["10.1.2.3"]}}}),
            ),
        ),
        case(
            Code::ExchangeUnderscore,
            json!({"names": {"": {"mx": [[10, "mx_1.{d}"]]}, "mx": null, "mx_1": {"like": "mx"}},
                   "servers": {"mx": {"tls": {"names": ["mx_1.{d}"]}}},
                   "policy": {"https": {"text": "version: STSv1\nmode: enforce\nmx: *.{domain}\nmax_age: 604800\n"}}}),
        ),
    ]
}

/// The dialogue in clear, and servers beside each other.
// Long: a table of cases.
pub(super) fn server_cases() -> Vec<Case> {
    let long: Vec<String> = (0..60)
        .map(|n| format!("X-EXTENSION-NUMBER-{n:0>20}"))
        .collect();
    let plain = json!({"tls": null});
    vec![
        case(
            Code::NoServerAnswers,
            json!({"servers": {"mx": {"as": "refused"}}}),
        ),
        case(Code::ServerSilent, backup(json!({"as": "refused"}))),
        case(
            Code::PreferredServerSilent,
            with(
                backup(json!({"tls": {"names": ["mx2.{d}"]}})),
                json!({"servers": {"mx": {"as": "refused"}}}),
            ),
        ),
        case(
            Code::GreetingRejected,
            json!({"servers": {"mx": {"as": "banner-554"}}}),
        ),
        case(
            Code::HelloRejected,
            json!({"servers": {"mx": {"as": "no-helo"}}}),
        ),
        case(
            Code::HeloOnly,
            server(json!({"as": "helo-only", "tls": null})),
        ),
        case(Code::NotSmtp, backup(json!({"as": "http"}))),
        case(
            Code::ReplyMalformed,
            json!({"servers": {"mx": {"steps": {"banner": "220 {name} ESMTP\n"}}}}),
        ),
        case(
            Code::EhloTooLong,
            json!({"servers": {"mx": {"capabilities": long}}}),
        ),
        case(Code::StarttlsMissing, server(plain.clone())),
        case(Code::StarttlsRefused, server(json!({"as": "starttls-550"}))),
        case(Code::StarttlsUnadvertised, server(json!({"advertise": ""}))),
        case(
            Code::StarttlsMasked,
            server(json!({"tls": null, "advertise": "XXXXXXXA"})),
        ),
        case(
            Code::StarttlsInjected,
            json!({"servers": {"mx": {"as": "injected-1ms"}}}),
        ),
        case(
            Code::StarttlsOfferedInside,
            json!({"servers": {"mx": {"steps": {"inside": "250-{name}\r\n250 STARTTLS\r\n"}}}}),
        ),
        case(
            Code::AuthInClear,
            json!({"servers": {"mx": {"capabilities": ["SIZE", "AUTH PLAIN LOGIN"]}}}),
        ),
        case(
            Code::AddressesDiffer,
            with(
                without_policy(),
                json!({"servers": {"mx#2": {"tls": null}}}),
            ),
        )
        .implies(
            Code::StarttlsMissing,
            "the address that stands out is without STARTTLS",
        ),
        case(Code::BackupWeaker, backup_without_policy(plain))
            .implies(Code::StarttlsMissing, "that is what the backup is without"),
    ]
}

/// Versions, suites and hellos.
// Long: a table of cases.
pub(super) fn tls_cases() -> Vec<Case> {
    let alert = [json!({"say": "\u{15}\u{3}\u{3}\u{0}\u{2}\u{2}\u{46}", "end": "close"})];
    let none = || json!({});
    let gcm = "ECDHE-RSA-AES128-GCM-SHA256";
    vec![
        case(
            Code::HandshakeFails,
            server(json!({"steps": {"handshake": alert}})),
        ),
        case(
            Code::ClientCertificateDemanded,
            server(json!({"tls": {"client_certificate": true}})),
        ),
        case(
            Code::OldVersionsOnly,
            flight("TLSv1", "ECDHE-RSA-AES128-SHA", none()),
        ),
        case(Code::SslSpoken, flight("SSLv3", "AES128-SHA", none()))
            .implies(Code::OldVersionsOnly, "it speaks SSLv3 and nothing else")
            .implies(
                Code::NoForwardSecrecy,
                "SSLv3 has ephemeral keys in suites with 3DES and DES alone",
            ),
        case(
            Code::OldVersionsSpoken,
            json!({"servers": {"mx": {"tls": {"key": "rsa2048", "legacy": {"version": "TLSv1",
                "cipher": "ECDHE-RSA-AES128-SHA", "secure_renegotiation": true, "beside": true}}}}}),
        ),
        case(
            Code::CipherBroken,
            flight("TLSv1.2", "ECDHE-RSA-NULL-SHA", none()),
        ),
        case(
            Code::CipherWeak,
            flight("TLSv1.2", "ECDHE-RSA-DES-CBC3-SHA", none()),
        ),
        case(
            Code::AnonymousCipher,
            flight("TLSv1.2", "AECDH-AES128-SHA", none()),
        ),
        case(
            Code::NoForwardSecrecy,
            flight("TLSv1.2", "AES128-GCM-SHA256", none()),
        ),
        case(
            Code::WeakDh,
            flight(
                "TLSv1.2",
                "DHE-RSA-AES128-GCM-SHA256",
                json!({"dh_bits": 1024}),
            ),
        ),
        case(
            Code::RenegotiationInsecure,
            flight("TLSv1.2", gcm, json!({"secure_renegotiation": false})),
        ),
        case(
            Code::CompressionOn,
            flight(
                "TLSv1.2",
                "ECDHE-RSA-AES128-SHA256",
                json!({"compression": true}),
            ),
        ),
        case(
            Code::LengthIntolerant,
            json!({"servers": {"mx": {"tls": {"longest_hello": 1000}}}}),
        ),
    ]
}

/// Certificates.
pub(super) fn certificate_cases() -> Vec<Case> {
    let weak = json!({"tls": {"key": "rsa1024", "legacy": {"version": "TLSv1.2",
        "cipher": "ECDHE-RSA-AES128-GCM-SHA256", "secure_renegotiation": true}}});
    vec![
        case(Code::CertificateExpired, certificate("expired")),
        case(Code::CertificateNotYetValid, certificate("not-yet-valid")),
        case(
            Code::CertificateExpiresSoon,
            json!({"servers": {"mx": {"tls": {"certificate": "expires-soon"}}}}),
        ),
        case(Code::CertificateSelfSigned, certificate("self-signed")),
        case(
            Code::CertificateIncomplete,
            certificate("incomplete-fetchable"),
        ),
        case(
            Code::CertificateUnknownIssuer,
            certificate("unknown-issuer"),
        ),
        case(Code::CertificateBad, certificate("client-only")),
        case(Code::CertificateNameMismatch, certificate("wrong-name")),
        case(Code::CertificateCommonNameOnly, certificate("cn-only")),
        case(Code::CertificateKeyWeak, server(weak)),
        case(
            Code::CertificateSignatureWeak,
            server(json!({"tls": {"certificate": "sha1", "key": "rsa2048"}})),
        )
        .implies(
            Code::CertificateBad,
            "nobody signs so any more: in this world the signature does not hold",
        ),
    ]
}

/// TLSA records.
pub(super) fn dane_cases() -> Vec<Case> {
    let zeros = "0".repeat(64);
    let another = format!("3 1 1 {zeros}");
    let of_usage_0 = format!("0 0 1 {zeros}");
    let held = ["3 1 1 @{mx}"];
    vec![
        case(Code::TlsaMismatch, tlsa(&[&another])),
        case(
            Code::TlsaWithoutStarttls,
            with(server(json!({"tls": null})), tlsa(&[&another])),
        )
        .implies(Code::StarttlsMissing, "it is what the records contradict"),
        case(Code::TlsaUnusable, tlsa(&[&of_usage_0])),
        case(
            Code::TlsaUnsigned,
            with(
                tlsa(&held),
                json!({"names": {"_25._tcp.mx": {"ad": false}}}),
            ),
        ),
        case(
            Code::TlsaUnanswered,
            with(
                tlsa(&held),
                json!({"names": {"_25._tcp.mx": {"dns": {"answer": "servfail"}}}}),
            ),
        ),
        case(
            Code::TlsaCoversSomeAddresses,
            with(
                tlsa(&held),
                json!({"servers": {"mx#2": {"name": "mx.{d}", "tls": {"key": "rsa2048", "names": ["mx.{d}"]}}}}),
            ),
        ),
        case(
            Code::TlsaCoversOneKey,
            with(
                tlsa(&held),
                json!({"servers": {"mx": {"tls": {"second_key": "rsa2048"}}}}),
            ),
        ),
        case(
            Code::TlsaKindUnmatched,
            tlsa(&["3 1 1 @{mx}", &format!("2 1 1 {zeros}")]),
        ),
        case(Code::TlsaRecordUnmatched, tlsa(&["3 1 1 @{mx}", &another])),
        case(
            Code::TlsaPartial,
            with(tlsa(&held), backup(json!({"tls": {"names": ["mx2.{d}"]}}))),
        ),
        case(
            Code::MxUnsigned,
            with(tlsa(&held), json!({"names": {"": {"ad": false}}})),
        ),
    ]
}
