//! The facts of a certificate (RFC 5280 §4), read from hostile DER.

use std::borrow::Cow;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use x509_parser::asn1_rs::Tag;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::oid_registry::Oid;
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;
use x509_parser::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo};

use super::der::{self, DerFault};
use super::signature::{SignatureCheck, Signed};
use super::{dn, hex, sha256_hex};
use crate::record::{
    Cert, CertFacts, Curve, ExtendedKeyUsage, KeyType, KeyUsage, Leaf, SignatureAlgorithm, Text,
};

/// A certificate within the bounds of [`der::check`], parsed.
pub fn parse(der: &[u8]) -> Result<X509Certificate<'_>, DerFault> {
    der::check(der)?;
    match X509Certificate::from_der(der) {
        Ok((_, certificate)) => Ok(certificate),
        Err(error) => Err(DerFault::NotACertificate(error.to_string())),
    }
}

/// The `cert` record of a certificate, with its fault where it cannot be read.
pub fn record(der: &[u8], time: String, run: String) -> Cert {
    let (facts, fault) = match facts(der) {
        Ok(facts) => (Some(facts), None),
        Err(fault) => (None, Some(fault.to_string())),
    };
    Cert {
        sha256: sha256_hex(der),
        der: BASE64.encode(der),
        facts,
        fault,
        time,
        run,
    }
}

/// A certificate with a time that is none, such as 30 February, in a form that can be parsed: times that are none are
/// replaced, and the answer says whether notBefore and notAfter are.
fn with_proper_times(der: &[u8]) -> (Cow<'_, [u8]>, [bool; 2]) {
    let is_parsed = |time: &der::Element<'_>| ASN1Time::from_der(time.whole).is_ok();
    let times = Signed::read(der).and_then(|signed| times(signed.message));
    let Some(times) = times.filter(|times| !times.iter().all(is_parsed)) else {
        return (Cow::Borrowed(der), [false; 2]);
    };
    let mut mended = der.to_vec();
    for time in times.iter().filter(|time| !is_parsed(time)) {
        let (tag, text): (u8, &[u8]) = match time.contents.len() {
            11 => (der::UTC_TIME, b"7001010000Z"),
            13 => (der::UTC_TIME, b"700101000000Z"),
            15 => (der::GENERALIZED_TIME, b"19700101000000Z"),
            // No time has this length, and none can be put in its place.
            _ => continue,
        };
        let start = time.whole.as_ptr() as usize - der.as_ptr() as usize;
        let end = start + time.whole.len();
        mended[start] = tag;
        mended[end - text.len()..end].copy_from_slice(text);
    }
    (Cow::Owned(mended), times.map(|time| !is_parsed(&time)))
}

/// Everything that a `cert` record says of a certificate.
pub fn facts(der: &[u8]) -> Result<CertFacts, DerFault> {
    let (parsable, [no_start, no_end]) = with_proper_times(der);
    let certificate = parse(&parsable)?;
    let subject = certificate.subject();
    let (names, ip_addresses) = alternative_names(&certificate);
    let key = Key::from_spki(certificate.public_key());
    let constraints = extension(&certificate, 19).and_then(basic_constraints);
    let self_issued = is_self_issued(&certificate);
    Ok(CertFacts {
        subject: dn::text(subject),
        issuer: dn::text(certificate.issuer()),
        serial: serial(certificate.raw_serial()),
        not_before: time_text(&certificate.validity().not_before).filter(|_| !no_start),
        not_after: time_text(&certificate.validity().not_after).filter(|_| !no_end),
        common_names: dn::common_names(subject),
        names,
        ip_addresses,
        key_type: key.kind,
        key_bits: key.bits,
        curve: key.curve,
        spki_sha256: sha256_hex(certificate.public_key().raw),
        signature_algorithm: signature_name(&certificate.signature_algorithm),
        self_issued,
        self_signed: if self_issued {
            is_self_signed(der, certificate.public_key())
        } else {
            Some(false)
        },
        ca: constraints.is_some_and(|(ca, _)| ca),
        // Over 32 bits: no number that can be told.
        path_len: (constraints.and_then(|(_, length)| length)).filter(|&length| length < u32::MAX),
        key_usage: key_usages(&certificate),
        extended_key_usage: extended_key_usages(&certificate),
        must_staple: has_must_staple(&certificate),
        scts: timestamps(&certificate),
        x509_version: certificate.version().0.saturating_add(1),
    })
}

/// A serial number in hex, without the octet that only says in DER that it is not negative (X.690 §8.3).
fn serial(contents: &[u8]) -> String {
    match contents {
        [0, rest @ ..] if !rest.is_empty() => hex(rest),
        _ => hex(contents),
    }
}

/// The facts that a `tls` record repeats of the first certificate.
pub fn leaf(der: &[u8]) -> Result<Leaf, DerFault> {
    let (parsable, [no_start, no_end]) = with_proper_times(der);
    let certificate = parse(&parsable)?;
    let key = Key::from_spki(certificate.public_key());
    Ok(Leaf {
        sha256: sha256_hex(der),
        subject: dn::text(certificate.subject()),
        issuer: dn::text(certificate.issuer()),
        names: alternative_names(&certificate).0,
        not_before: time_text(&certificate.validity().not_before).filter(|_| !no_start),
        not_after: time_text(&certificate.validity().not_after).filter(|_| !no_end),
        key_type: key.kind,
        key_bits: key.bits,
        signature_algorithm: signature_name(&certificate.signature_algorithm),
    })
}

/// cA and pathLenConstraint, of the value of basicConstraints (RFC 5280 §4.2.1.9). A length over 32 bits is the most
/// that fits: no chain is as long.
pub(super) fn basic_constraints(value: &[u8]) -> Option<(bool, Option<u32>)> {
    let outer = der::read(value).filter(|it| it.tag == der::SEQUENCE && it.rest.is_empty())?;
    let fields = der::elements(outer.contents)?;
    let mut fields = fields.iter().peekable();
    let ca = match fields.next_if(|it| it.tag == 1).map(|it| it.contents) {
        None | Some([0]) => false,
        Some([_]) => true,
        Some(_) => return None,
    };
    let path_len = match fields
        .next_if(|it| it.tag == der::INTEGER)
        .map(|it| it.contents)
    {
        None => None,
        Some([] | [0x80..=0xff, ..]) => return None,
        Some(octets) => Some(octets.iter().fold(0u32, |number, &octet| {
            number
                .checked_mul(256)
                .map_or(u32::MAX, |it| it | u32::from(octet))
        })),
    };
    fields.next().is_none().then_some((ca, path_len))
}

/// notBefore and notAfter of a TBSCertificate, as they stand.
pub(super) fn times(tbs: &[u8]) -> Option<[der::Element<'_>; 2]> {
    let fields = der::elements(der::read(tbs)?.contents)?;
    let version = usize::from(fields.first()?.tag == 0xa0);
    // serialNumber, signature and issuer come before them.
    let validity = fields.get(version + 3)?;
    der::elements(validity.contents)?.try_into().ok()
}

/// The value of the extension 2.5.29.`id`, the first one.
pub(super) fn extension<'a>(certificate: &X509Certificate<'a>, id: u8) -> Option<&'a [u8]> {
    (certificate.extensions().iter())
        .find(|extension| extension.oid.as_bytes() == [0x55, 0x1d, id])
        .map(|extension| extension.value)
}

/// Issuer and subject are the same bytes.
pub(super) fn is_self_issued(certificate: &X509Certificate<'_>) -> bool {
    certificate.subject().as_raw() == certificate.issuer().as_raw()
}

fn is_self_signed(der: &[u8], key: &SubjectPublicKeyInfo<'_>) -> Option<bool> {
    let spki = der::read(key.raw)?;
    match Signed::read(der)?.check(spki.contents) {
        SignatureCheck::Good => Some(true),
        SignatureCheck::Bad => Some(false),
        SignatureCheck::Unsupported => None,
    }
}

fn alternative_names(certificate: &X509Certificate<'_>) -> (Vec<Text>, Vec<IpAddr>) {
    let mut names = Vec::new();
    let mut addresses = Vec::new();
    // A certificate with the extension twice breaks RFC 5280 §4.2; the first one is taken, as OpenSSL does.
    let extension =
        certificate
            .extensions()
            .iter()
            .find_map(|extension| match extension.parsed_extension() {
                ParsedExtension::SubjectAlternativeName(names) => Some(names),
                _ => None,
            });
    for name in extension.iter().flat_map(|it| &it.general_names) {
        match name {
            GeneralName::DNSName(name) => names.push(name.to_ascii_lowercase().into()),
            GeneralName::IPAddress(octets) => addresses.extend(address(octets)),
            _ => {}
        }
    }
    (names, addresses)
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(octets)
        .map(IpAddr::from)
        .or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from))
        .ok()
}

/// RFC 3339, or nothing where the year has no four digits.
fn time_text(time: &ASN1Time) -> Option<String> {
    OffsetDateTime::from_unix_timestamp(time.timestamp())
        .ok()?
        .format(&Rfc3339)
        .ok()
}

struct Key {
    kind: KeyType,
    bits: Option<u32>,
    curve: Option<Curve>,
}

impl Key {
    fn from_spki(spki: &SubjectPublicKeyInfo<'_>) -> Self {
        let oid = spki.algorithm.algorithm.to_id_string();
        match oid.as_str() {
            // rsaEncryption, id-RSASSA-PSS
            "1.2.840.113549.1.1.1" | "1.2.840.113549.1.1.10" => Self {
                kind: KeyType::Rsa,
                // RSAPublicKey, of both (RFC 4055 §1.2): modulus first.
                bits: der::read(&spki.subject_public_key.data)
                    .and_then(|key| der::read(key.contents))
                    .filter(|modulus| modulus.tag == der::INTEGER)
                    .and_then(|modulus| der::bits(modulus.contents)),
                curve: None,
            },
            "1.2.840.10045.2.1" => {
                let curve = spki
                    .algorithm
                    .parameters
                    .as_ref()
                    // Explicit parameters (RFC 3279 §2.3.5) are a SEQUENCE, and name no curve.
                    .filter(|it| it.tag() == Tag::Oid)
                    .and_then(|it| it.as_oid().ok())
                    .map(|oid| curve(&oid));
                Self {
                    kind: KeyType::Ec,
                    bits: curve.as_ref().and_then(|(_, bits)| *bits),
                    curve: curve.map(|(name, _)| name),
                }
            }
            "1.2.840.10040.4.1" => Self {
                kind: KeyType::Dsa,
                bits: spki
                    .algorithm
                    .parameters
                    .as_ref()
                    .and_then(|it| der::read(it.data))
                    .filter(|prime| prime.tag == der::INTEGER)
                    .and_then(|prime| der::bits(prime.contents)),
                curve: None,
            },
            "1.3.101.112" => Self::edwards(KeyType::Ed25519, 256),
            "1.3.101.113" => Self::edwards(KeyType::Ed448, 456),
            _ => Self {
                kind: KeyType::Other(oid.into()),
                bits: None,
                curve: None,
            },
        }
    }

    fn edwards(kind: KeyType, bits: u32) -> Self {
        Self {
            kind,
            bits: Some(bits),
            curve: None,
        }
    }
}

fn curve(oid: &Oid<'_>) -> (Curve, Option<u32>) {
    let id = oid.to_id_string();
    let (name, bits) = match id.as_str() {
        "1.2.840.10045.3.1.1" => (Curve::P192, 192),
        "1.3.132.0.33" => (Curve::P224, 224),
        "1.2.840.10045.3.1.7" => (Curve::P256, 256),
        "1.3.132.0.34" => (Curve::P384, 384),
        "1.3.132.0.35" => (Curve::P521, 521),
        "1.3.132.0.10" => (Curve::Secp256k1, 256),
        "1.3.36.3.3.2.8.1.1.7" => (Curve::BrainpoolP256r1, 256),
        "1.3.36.3.3.2.8.1.1.11" => (Curve::BrainpoolP384r1, 384),
        "1.3.36.3.3.2.8.1.1.13" => (Curve::BrainpoolP512r1, 512),
        _ => return (Curve::Other(id.into()), None),
    };
    (name, Some(bits))
}

/// The name of a signature algorithm as RFC 3279, 4055, 5758 and 8410 spell it, a PSS one with its hash; or its OID.
fn signature_name(algorithm: &AlgorithmIdentifier<'_>) -> SignatureAlgorithm {
    let id = algorithm.algorithm.to_id_string();
    match id.as_str() {
        "1.2.840.113549.1.1.2" => SignatureAlgorithm::RsaMd2,
        "1.2.840.113549.1.1.3" => SignatureAlgorithm::RsaMd4,
        "1.2.840.113549.1.1.4" => SignatureAlgorithm::RsaMd5,
        "1.2.840.113549.1.1.5" | "1.3.14.3.2.29" => SignatureAlgorithm::RsaSha1,
        "1.2.840.113549.1.1.14" => SignatureAlgorithm::RsaSha224,
        "1.2.840.113549.1.1.11" => SignatureAlgorithm::RsaSha256,
        "1.2.840.113549.1.1.12" => SignatureAlgorithm::RsaSha384,
        "1.2.840.113549.1.1.13" => SignatureAlgorithm::RsaSha512,
        "1.2.840.113549.1.1.10" => pss_algorithm(algorithm),
        "1.2.840.10045.4.1" => SignatureAlgorithm::EcdsaSha1,
        "1.2.840.10045.4.3.1" => SignatureAlgorithm::EcdsaSha224,
        "1.2.840.10045.4.3.2" => SignatureAlgorithm::EcdsaSha256,
        "1.2.840.10045.4.3.3" => SignatureAlgorithm::EcdsaSha384,
        "1.2.840.10045.4.3.4" => SignatureAlgorithm::EcdsaSha512,
        "1.2.840.10040.4.3" => SignatureAlgorithm::DsaSha1,
        "2.16.840.1.101.3.4.3.1" => SignatureAlgorithm::DsaSha224,
        "2.16.840.1.101.3.4.3.2" => SignatureAlgorithm::DsaSha256,
        "1.3.101.112" => SignatureAlgorithm::Ed25519,
        "1.3.101.113" => SignatureAlgorithm::Ed448,
        _ => SignatureAlgorithm::Other(id.into()),
    }
}

/// hashAlgorithm of RSASSA-PSS-params; SHA-1 is the default (RFC 4055 §3.1).
fn pss_algorithm(algorithm: &AlgorithmIdentifier<'_>) -> SignatureAlgorithm {
    let oid = algorithm
        .parameters
        .as_ref()
        .and_then(|parameters| der::read(parameters.data))
        .filter(|tagged| tagged.tag == 0xa0)
        .and_then(|tagged| der::read(tagged.contents))
        .and_then(|identifier| der::read(identifier.contents));
    match oid.map(|oid| oid.contents) {
        Some([0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, hash]) => match hash {
            1 => SignatureAlgorithm::PssSha256,
            2 => SignatureAlgorithm::PssSha384,
            3 => SignatureAlgorithm::PssSha512,
            4 => SignatureAlgorithm::PssSha224,
            _ => SignatureAlgorithm::PssUnusual,
        },
        Some([0x2b, 0x0e, 0x03, 0x02, 0x1a]) => SignatureAlgorithm::PssSha1,
        Some(_) => SignatureAlgorithm::PssUnusual,
        None => SignatureAlgorithm::PssSha1,
    }
}

fn key_usages(certificate: &X509Certificate<'_>) -> Vec<KeyUsage> {
    let Ok(Some(usage)) = certificate.key_usage() else {
        return Vec::new();
    };
    let usage = usage.value;
    let named = [
        (usage.digital_signature(), KeyUsage::DigitalSignature),
        (usage.non_repudiation(), KeyUsage::NonRepudiation),
        (usage.key_encipherment(), KeyUsage::KeyEncipherment),
        (usage.data_encipherment(), KeyUsage::DataEncipherment),
        (usage.key_agreement(), KeyUsage::KeyAgreement),
        (usage.key_cert_sign(), KeyUsage::KeyCertSign),
        (usage.crl_sign(), KeyUsage::CrlSign),
        (usage.encipher_only(), KeyUsage::EncipherOnly),
        (usage.decipher_only(), KeyUsage::DecipherOnly),
    ];
    let set = named.into_iter().filter(|(is_set, _)| *is_set);
    set.map(|(_, usage)| usage).collect()
}

fn extended_key_usages(certificate: &X509Certificate<'_>) -> Vec<ExtendedKeyUsage> {
    let Ok(Some(extension)) = certificate.extended_key_usage() else {
        return Vec::new();
    };
    let usage = extension.value;
    let named = [
        (usage.any, ExtendedKeyUsage::Any),
        (usage.server_auth, ExtendedKeyUsage::ServerAuth),
        (usage.client_auth, ExtendedKeyUsage::ClientAuth),
        (usage.code_signing, ExtendedKeyUsage::CodeSigning),
        (usage.email_protection, ExtendedKeyUsage::EmailProtection),
        (usage.time_stamping, ExtendedKeyUsage::TimeStamping),
        (usage.ocsp_signing, ExtendedKeyUsage::OcspSigning),
    ];
    let set = named.into_iter().filter(|(is_set, _)| *is_set);
    let others = (usage.other.iter()).map(|oid| ExtendedKeyUsage::Other(oid.to_id_string().into()));
    set.map(|(_, usage)| usage).chain(others).collect()
}

/// The TLS feature extension with status_request or status_request_v2 (RFC 7633 §4.1).
fn has_must_staple(certificate: &X509Certificate<'_>) -> bool {
    certificate
        .extensions()
        .iter()
        .filter(|extension| extension.oid.to_id_string() == "1.3.6.1.5.5.7.1.24")
        .filter_map(|extension| der::read(extension.value))
        .any(|features| {
            let mut rest = features.contents;
            std::iter::from_fn(|| {
                let feature = der::read(rest)?;
                rest = feature.rest;
                Some(feature.contents)
            })
            .any(|feature| matches!(feature, [5] | [17]))
        })
}

fn timestamps(certificate: &X509Certificate<'_>) -> u32 {
    certificate
        .extensions()
        .iter()
        .filter_map(|extension| match extension.parsed_extension() {
            ParsedExtension::SCT(timestamps) => u32::try_from(timestamps.len()).ok(),
            _ => None,
        })
        .fold(0, u32::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{
        BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose,
        IsCa, KeyPair, KeyUsagePurpose, SanType,
    };

    fn certificate() -> Vec<u8> {
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
        let mut params = CertificateParams::new(vec!["MX.Example.org".into()]).unwrap();
        params
            .subject_alt_names
            .push(SanType::IpAddress("192.0.2.1".parse().unwrap()));
        params.distinguished_name.push(DnType::CommonName, "mx");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(3));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params
            .custom_extensions
            .push(CustomExtension::from_oid_content(
                &[1, 3, 6, 1, 5, 5, 7, 1, 24],
                vec![0x30, 3, 2, 1, 5],
            ));
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn t7_serial_numbers_are_without_the_octet_of_the_sign() {
        for (contents, text) in [
            (&[0x00, 0xcb, 0x40][..], "cb40"),
            (&[0x7b, 0x00], "7b00"),
            (&[0x00], "00"),
            (&[0xff], "ff"),
            (&[], ""),
        ] {
            assert_eq!(serial(contents), text);
        }
    }

    #[test]
    fn what_a_certificate_says_is_told() {
        let der = certificate();
        let facts = facts(&der).unwrap();
        assert_eq!(facts.names, [Text::from("mx.example.org")]);
        assert_eq!(facts.ip_addresses, ["192.0.2.1".parse::<IpAddr>().unwrap()]);
        assert!(
            facts.subject.lossy().contains("CN=mx"),
            "{:?}",
            facts.subject
        );
        assert_eq!((facts.key_type, facts.key_bits), (KeyType::Ec, Some(384)));
        assert_eq!(facts.curve, Some(Curve::P384));
        assert_eq!(facts.signature_algorithm, SignatureAlgorithm::EcdsaSha384);
        assert_eq!((facts.self_issued, facts.self_signed), (true, Some(true)));
        assert_eq!((facts.ca, facts.path_len), (true, Some(3)));
        assert_eq!(facts.key_usage, [KeyUsage::KeyCertSign]);
        assert_eq!(facts.extended_key_usage, [ExtendedKeyUsage::ServerAuth]);
        assert!(facts.must_staple);
        assert_eq!((facts.scts, facts.x509_version), (0, 3));
        let leaf = leaf(&der).unwrap();
        assert_eq!(leaf.sha256, sha256_hex(&der));
        assert_eq!((leaf.names, leaf.key_bits), (facts.names, Some(384)));
    }

    #[test]
    fn every_cut_and_every_changed_byte_is_survived() {
        let der = certificate();
        for end in 0..der.len() {
            assert!(facts(&der[..end]).is_err(), "cut at {end}");
        }
        for at in 0..der.len() {
            for change in [0x00, 0x01, 0x7f, 0x80, 0xff] {
                let mut changed = der.clone();
                changed[at] ^= change;
                let record = record(&changed, String::new(), String::new());
                assert_ne!(record.facts.is_some(), record.fault.is_some());
            }
        }
    }

    /// A certificate in which some bytes stand for others of the same length.
    fn changed(der: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
        let at = memchr::memmem::find(der, from).unwrap();
        [&der[..at], to, &der[at + from.len()..]].concat()
    }

    #[test]
    fn a_time_that_is_none_is_null_and_the_rest_is_told() {
        let mut params = CertificateParams::new(vec!["mx.test".into()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2026, 2, 28);
        let der = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        for bad in [&b"260230000000Z"[..], b"260228000060Z", b"26022800000\0Z"] {
            let der = changed(der.der(), b"260228000000Z", bad);
            assert!(parse(&der).is_err());
            let facts = facts(&der).unwrap();
            assert_eq!((facts.not_before, facts.not_after.is_some()), (None, true));
            // The signature is not over what was put in its place.
            assert_eq!(facts.self_signed, Some(false));
            assert_eq!(leaf(&der).unwrap().not_before, None);
        }
    }

    #[test]
    fn keys_and_hashes_are_read_where_they_stand() {
        // A key for RSA-PSS of 9 bits, and one on a curve whose parameters are written out.
        let pss = [
            &[
                0x30, 24, 0x30, 11, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 10,
            ][..],
            &[3, 9, 0, 0x30, 6, 2, 2, 1, 1, 2, 0],
        ]
        .concat();
        let (_, key) = SubjectPublicKeyInfo::from_der(&pss).unwrap();
        assert_eq!(Key::from_spki(&key).bits, Some(9));
        let explicit = [
            &[0x30, 19, 0x30, 14, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1][..],
            &[0x30, 3, 2, 1, 1, 3, 1, 0],
        ]
        .concat();
        let (_, key) = SubjectPublicKeyInfo::from_der(&explicit).unwrap();
        assert_eq!(
            (Key::from_spki(&key).curve, Key::from_spki(&key).bits),
            (None, None)
        );
        let sha1 = [
            &[
                0x30, 26, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 10, 0x30, 13,
            ][..],
            &[0xa0, 11, 0x30, 9, 6, 5, 0x2b, 14, 3, 2, 26, 5, 0],
        ]
        .concat();
        let (_, algorithm) = AlgorithmIdentifier::from_der(&sha1).unwrap();
        assert_eq!(signature_name(&algorithm), SignatureAlgorithm::PssSha1);
    }

    #[test]
    fn a_length_of_paths_over_32_bits_leaves_a_ca_a_ca() {
        let value = [0x30, 10, 1, 1, 0xff, 2, 5, 1, 0, 0, 0, 0];
        assert_eq!(basic_constraints(&value), Some((true, Some(u32::MAX))));
        assert_eq!(basic_constraints(&[0x30, 0]), Some((false, None)));
        let negative = [0x30, 6, 1, 1, 0xff, 2, 1, 0xff];
        assert_eq!(basic_constraints(&negative), None);
    }

    #[test]
    fn bits_leave_out_leading_zeros() {
        assert_eq!(der::bits(&[0, 0x80, 0]), Some(16));
        assert_eq!(der::bits(&[1, 0]), Some(9));
        assert_eq!(der::bits(&[0]), None);
    }
}
