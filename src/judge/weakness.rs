//! Weaknesses as named facts, from what was seen and without an attack (RFC 9325, RFC 8996, RFC 7465).
//!
//! A weakness that is not listed was not seen; only `--enumerate` makes that a no.

use crate::record::{CertFacts, KeyType, SignatureAlgorithm, Tls, TlsVersion};

/// What the words of [`of_server`] mean, for reports.
pub const SERVER: &[(&str, &str)] = &[
    ("sslv2", "SSLv2 is spoken: DROWN (CVE-2016-0800, RFC 6176)"),
    ("sslv3", "SSLv3 is spoken: POODLE (CVE-2014-3566, RFC 7568)"),
    ("tls10", "TLS 1.0 is spoken (RFC 8996)"),
    ("tls11", "TLS 1.1 is spoken (RFC 8996)"),
    ("null_cipher", "a suite without encryption"),
    ("anonymous", "a suite without authentication"),
    (
        "export",
        "an export suite: FREAK (CVE-2015-0204), Logjam (CVE-2015-4000)",
    ),
    ("rc4", "RC4 (RFC 7465)"),
    (
        "single_des",
        "DES with a key of 56 bits and less (RFC 5469)",
    ),
    (
        "triple_des",
        "3DES, IDEA or RC2, a block of 64 bits: SWEET32 (CVE-2016-2183)",
    ),
    ("md5_mac", "HMAC-MD5"),
    ("cbc_sha1", "CBC with SHA-1: BEAST, Lucky Thirteen"),
    ("static_rsa", "RSA key transport: no forward secrecy"),
    ("weak_dh", "finite-field DH under 2048 bits: Logjam"),
    ("compression", "TLS compression: CRIME (CVE-2012-4929)"),
    (
        "no_secure_renegotiation",
        "no secure renegotiation (RFC 5746)",
    ),
    (
        "no_extended_master_secret",
        "no extended master secret (RFC 7627)",
    ),
];

/// What the words of [`of_certificate`] mean, for reports.
pub const CERTIFICATE: &[(&str, &str)] = &[
    ("weak_rsa", "an RSA key under 2048 bits"),
    ("weak_ec", "an elliptic curve under 224 bits"),
    ("dsa_key", "a DSA key"),
    ("md5_signature", "signed with MD5 or older"),
    ("sha1_signature", "signed with SHA-1"),
    (
        "no_alternative_name",
        "no subject alternative name: matches no name today (RFC 9525)",
    ),
    ("version_1", "an X.509 version 1 certificate"),
];

/// The weaknesses seen at a server, in the order of [`SERVER`].
pub fn of_server(tls: &Tls) -> Vec<&'static str> {
    let enumeration = tls.enumeration.as_ref();
    let speaks = |version: TlsVersion| {
        tls.version.as_ref() == Some(&version)
            || enumeration.is_some_and(|it| {
                it.versions.get(&version) == Some(&Some(true)) || it.ciphers.contains_key(&version)
            })
    };
    let suites: Vec<&str> = tls
        .cipher
        .iter()
        .chain(
            enumeration
                .iter()
                .flat_map(|it| it.ciphers.values())
                .flatten(),
        )
        .map(|cipher| cipher.iana.as_str())
        .collect();
    let takes = |rule: fn(&str) -> bool| suites.iter().any(|suite| rule(suite));
    let holds = |weakness: &str| match weakness {
        "sslv2" => speaks(TlsVersion::Ssl2),
        "sslv3" => speaks(TlsVersion::Ssl3),
        "tls10" => speaks(TlsVersion::Tls10),
        "tls11" => speaks(TlsVersion::Tls11),
        "null_cipher" => takes(|suite| suite.contains("_WITH_NULL_")),
        "anonymous" => takes(|suite| suite.contains("_anon_") || suite.contains("_NULL_WITH_")),
        "export" => takes(|suite| suite.contains("EXPORT")),
        "rc4" => takes(|suite| suite.contains("RC4_")),
        "single_des" => takes(is_single_des),
        "triple_des" => takes(|suite| {
            ["3DES", "IDEA", "RC2_", "DES_192_EDE3"]
                .iter()
                .any(|it| suite.contains(it))
        }),
        "md5_mac" => takes(|suite| suite.ends_with("_MD5")),
        "cbc_sha1" => takes(|suite| suite.contains("_CBC_") && suite.ends_with("_SHA")),
        "static_rsa" => {
            takes(|suite| suite.starts_with("TLS_RSA_") || suite.starts_with("SSL_CK_"))
        }
        "weak_dh" => tls.dh.as_ref().is_some_and(|dh| dh.bits < 2048),
        "compression" => tls.compression == Some(true),
        "no_secure_renegotiation" => tls.secure_renegotiation == Some(false),
        "no_extended_master_secret" => tls.extended_master_secret == Some(false),
        _ => false,
    };
    named(SERVER, holds)
}

/// The weaknesses of a certificate, in the order of [`CERTIFICATE`].
pub fn of_certificate(facts: &CertFacts) -> Vec<&'static str> {
    let bits = facts.key_bits.unwrap_or(u32::MAX);
    // Nobody checks the signature of a root: it is trusted for its name.
    let is_root = facts.self_signed == Some(true) && facts.ca;
    let signature = (!is_root).then_some(&facts.signature_algorithm);
    let holds = |weakness: &str| match weakness {
        "weak_rsa" => facts.key_type == KeyType::Rsa && bits < 2048,
        "weak_ec" => facts.key_type == KeyType::Ec && bits < 224,
        "dsa_key" => facts.key_type == KeyType::Dsa,
        "md5_signature" => matches!(
            signature,
            Some(
                SignatureAlgorithm::RsaMd2
                    | SignatureAlgorithm::RsaMd4
                    | SignatureAlgorithm::RsaMd5
            )
        ),
        "sha1_signature" => matches!(
            signature,
            Some(
                SignatureAlgorithm::RsaSha1
                    | SignatureAlgorithm::PssSha1
                    | SignatureAlgorithm::EcdsaSha1
                    | SignatureAlgorithm::DsaSha1
            )
        ),
        "no_alternative_name" => {
            !facts.ca && facts.names.is_empty() && facts.ip_addresses.is_empty()
        }
        "version_1" => facts.x509_version == 1,
        _ => false,
    };
    named(CERTIFICATE, holds)
}

fn named(words: &[(&'static str, &str)], holds: impl Fn(&str) -> bool) -> Vec<&'static str> {
    words
        .iter()
        .map(|(word, _)| *word)
        .filter(|word| holds(word))
        .collect()
}

fn is_single_des(suite: &str) -> bool {
    const CIPHERS: [&str; 4] = ["_DES_CBC_", "_DES40_", "_DES_64_CBC", "_DES_CBC_40"];
    CIPHERS.iter().any(|it| suite.contains(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t7_export_rc4_is_no_des() {
        for suite in [
            "TLS_RSA_WITH_DES_CBC_SHA",
            "TLS_RSA_EXPORT_WITH_DES40_CBC_SHA",
            "TLS_KRB5_EXPORT_WITH_DES_CBC_40_SHA",
            "SSL_CK_DES_64_CBC_WITH_MD5",
        ] {
            assert!(is_single_des(suite), "{suite}");
        }
        for suite in [
            "TLS_RSA_EXPORT_WITH_RC4_40_MD5",
            "TLS_RSA_EXPORT_WITH_RC2_CBC_40_MD5",
            "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
            "SSL_CK_DES_192_EDE3_CBC_WITH_MD5",
            "SSL_CK_RC4_128_EXPORT40_WITH_MD5",
        ] {
            assert!(!is_single_des(suite), "{suite}");
        }
    }
}
