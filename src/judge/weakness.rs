//! Weaknesses as named facts, from what was seen and without an attack (RFC 9325, RFC 8996, RFC 7465).
//!
//! A weakness that is not listed was not seen; only `--enumerate` makes that a no.

use crate::cipher::{self, BlockMode, BulkCipher, KeyExchange, Mac, SuiteFacts};
use crate::record::words::vocabulary;
use crate::record::{CertFacts, KeyType, SignatureAlgorithm, Tls, TlsVersion};

vocabulary! {
    /// What is weak at a server.
    strict ServerWeakness {
        /// SSLv2 is spoken: DROWN (CVE-2016-0800, RFC 6176).
        Ssl2 = "sslv2",
        /// SSLv3 is spoken: POODLE (CVE-2014-3566, RFC 7568).
        Ssl3 = "sslv3",
        /// TLS 1.0 is spoken (RFC 8996).
        Tls10 = "tls10",
        /// TLS 1.1 is spoken (RFC 8996).
        Tls11 = "tls11",
        /// A suite without encryption.
        NullCipher = "null_cipher",
        /// A suite without authentication.
        Anonymous = "anonymous",
        /// An export suite: FREAK (CVE-2015-0204), Logjam (CVE-2015-4000).
        Export = "export",
        /// RC4 (RFC 7465).
        Rc4 = "rc4",
        /// DES with a key of 56 bits and less (RFC 5469).
        SingleDes = "single_des",
        /// 3DES, IDEA or RC2, a block of 64 bits: SWEET32 (CVE-2016-2183).
        TripleDes = "triple_des",
        /// HMAC-MD5.
        Md5Mac = "md5_mac",
        /// CBC with SHA-1: BEAST, Lucky Thirteen.
        CbcSha1 = "cbc_sha1",
        /// RSA key transport: no forward secrecy.
        StaticRsa = "static_rsa",
        /// Finite-field DH under 2048 bits: Logjam.
        WeakDh = "weak_dh",
        /// TLS compression: CRIME (CVE-2012-4929).
        Compression = "compression",
        /// No secure renegotiation (RFC 5746).
        NoSecureRenegotiation = "no_secure_renegotiation",
        /// No extended master secret (RFC 7627).
        NoExtendedMasterSecret = "no_extended_master_secret",
    }
}

vocabulary! {
    /// What is weak in a certificate.
    strict CertificateWeakness {
        /// An RSA key under 2048 bits.
        WeakRsa = "weak_rsa",
        /// An elliptic curve under 224 bits.
        WeakEc = "weak_ec",
        /// A DSA key.
        DsaKey = "dsa_key",
        /// Signed with MD5 or older.
        Md5Signature = "md5_signature",
        /// Signed with SHA-1.
        Sha1Signature = "sha1_signature",
        /// No subject alternative name: matches no name today (RFC 9525).
        NoAlternativeName = "no_alternative_name",
        /// An X.509 version 1 certificate.
        Version1 = "version_1",
    }
}

/// The weaknesses seen at a server, in the order of the vocabulary.
pub fn of_server(tls: &Tls) -> Vec<ServerWeakness> {
    let enumeration = tls.enumeration.as_ref();
    let speaks = |version: TlsVersion| {
        tls.version.as_ref() == Some(&version)
            || enumeration.is_some_and(|it| {
                it.versions.get(&version) == Some(&Some(true)) || it.ciphers.contains_key(&version)
            })
    };
    let enumerated = enumeration
        .iter()
        .flat_map(|it| it.ciphers.values())
        .flatten();
    let suites: Vec<SuiteFacts> = (tls.cipher.iter().chain(enumerated))
        .filter_map(|cipher| cipher::facts(cipher.number()?))
        .collect();
    let takes = |rule: fn(&SuiteFacts) -> bool| suites.iter().any(rule);
    let holds = |weakness: ServerWeakness| match weakness {
        ServerWeakness::Ssl2 => speaks(TlsVersion::Ssl2),
        ServerWeakness::Ssl3 => speaks(TlsVersion::Ssl3),
        ServerWeakness::Tls10 => speaks(TlsVersion::Tls10),
        ServerWeakness::Tls11 => speaks(TlsVersion::Tls11),
        ServerWeakness::NullCipher => takes(|it| it.bulk == BulkCipher::Null),
        ServerWeakness::Anonymous => takes(|it| it.is_anonymous()),
        ServerWeakness::Export => takes(|it| it.is_export),
        ServerWeakness::Rc4 => takes(|it| it.bulk == BulkCipher::Rc4),
        ServerWeakness::SingleDes => takes(|it| it.bulk == BulkCipher::Des),
        ServerWeakness::TripleDes => {
            takes(|it| it.has_short_blocks() && it.bulk != BulkCipher::Des)
        }
        ServerWeakness::Md5Mac => takes(|it| it.mac == Mac::Md5),
        ServerWeakness::CbcSha1 => takes(|it| it.mode == BlockMode::Cbc && it.mac == Mac::Sha1),
        ServerWeakness::StaticRsa => takes(|it| it.key_exchange == KeyExchange::Rsa),
        ServerWeakness::WeakDh => tls.dh.as_ref().is_some_and(|dh| dh.bits < 2048),
        ServerWeakness::Compression => tls.compression == Some(true),
        ServerWeakness::NoSecureRenegotiation => tls.secure_renegotiation == Some(false),
        ServerWeakness::NoExtendedMasterSecret => tls.extended_master_secret == Some(false),
    };
    seen(ServerWeakness::ALL, holds)
}

/// The weaknesses of a certificate, in the order of the vocabulary.
pub fn of_certificate(facts: &CertFacts) -> Vec<CertificateWeakness> {
    let bits = facts.key_bits.unwrap_or(u32::MAX);
    // Nobody checks the signature of a root: it is trusted for its name.
    let is_root = facts.self_signed == Some(true) && facts.ca;
    let signature = (!is_root).then_some(&facts.signature_algorithm);
    let holds = |weakness: CertificateWeakness| match weakness {
        CertificateWeakness::WeakRsa => facts.key_type == KeyType::Rsa && bits < 2048,
        CertificateWeakness::WeakEc => facts.key_type == KeyType::Ec && bits < 224,
        CertificateWeakness::DsaKey => facts.key_type == KeyType::Dsa,
        CertificateWeakness::Md5Signature => matches!(
            signature,
            Some(
                SignatureAlgorithm::RsaMd2
                    | SignatureAlgorithm::RsaMd4
                    | SignatureAlgorithm::RsaMd5
            )
        ),
        CertificateWeakness::Sha1Signature => matches!(
            signature,
            Some(
                SignatureAlgorithm::RsaSha1
                    | SignatureAlgorithm::PssSha1
                    | SignatureAlgorithm::EcdsaSha1
                    | SignatureAlgorithm::DsaSha1
            )
        ),
        CertificateWeakness::NoAlternativeName => {
            !facts.ca && facts.names.is_empty() && facts.ip_addresses.is_empty()
        }
        CertificateWeakness::Version1 => facts.x509_version == 1,
    };
    seen(CertificateWeakness::ALL, holds)
}

fn seen<T: Copy>(all: &[T], holds: impl Fn(T) -> bool) -> Vec<T> {
    all.iter().copied().filter(|&it| holds(it)).collect()
}

#[cfg(feature = "tls")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::suite::SuiteNumber;

    /// The weaknesses of the suites as they were read out of their names before their parts were known.
    fn by_name(suite: &str) -> Vec<ServerWeakness> {
        let has = |parts: &[&str]| parts.iter().any(|part| suite.contains(part));
        let des = ["_DES_CBC_", "_DES40_", "_DES_64_CBC", "_DES_CBC_40"];
        let rules = [
            (ServerWeakness::NullCipher, has(&["_WITH_NULL_"])),
            (ServerWeakness::Anonymous, has(&["_anon_", "_NULL_WITH_"])),
            (ServerWeakness::Export, has(&["EXPORT"])),
            (ServerWeakness::Rc4, has(&["RC4_"])),
            (ServerWeakness::SingleDes, has(&des)),
            (
                ServerWeakness::TripleDes,
                has(&["3DES", "IDEA", "RC2_", "DES_192_EDE3"]),
            ),
            (ServerWeakness::Md5Mac, suite.ends_with("_MD5")),
            (
                ServerWeakness::CbcSha1,
                has(&["_CBC_"]) && suite.ends_with("_SHA"),
            ),
            (
                ServerWeakness::StaticRsa,
                suite.starts_with("TLS_RSA_") || suite.starts_with("SSL_CK_"),
            ),
        ];
        let holding = rules.into_iter().filter(|(_, holds)| *holds);
        holding.map(|(weakness, _)| weakness).collect()
    }

    #[test]
    fn t7_suites_are_as_weak_by_their_parts_as_by_their_names() {
        let mut tls: Tls = serde_json::from_value(serde_json::json!({
            "ip": "192.0.2.1", "port": 25, "outcome": {"phase": "done", "reason": "ok"},
            "connections": 1, "attempts": 1, "timings": {}, "time": "2026-01-01T00:00:00Z", "run": "r"
        }))
        .unwrap();
        let mut compared = 0;
        for number in (0..=0xffff_u32).chain(
            (1..=7).flat_map(|kind| [kind << 16 | 0x80, kind << 16 | 0x40, kind << 16 | 0xc0]),
        ) {
            let suite = SuiteNumber(number).record();
            if suite.bits.is_none() {
                continue;
            }
            let mut expected = by_name(&suite.iana);
            // TLS 1.3 without encryption (RFC 9150): weak as well, which their names do not say.
            if matches!(number, 0xc0b4 | 0xc0b5) {
                expected.push(ServerWeakness::NullCipher);
            }
            tls.cipher = Some(suite.clone());
            assert_eq!(of_server(&tls), expected, "{}", suite.iana);
            compared += 1;
        }
        assert!(compared > 340, "{compared}");
    }
}
