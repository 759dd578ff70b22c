//! TLSA records against a chain as an SMTP sender reads them (RFC 7671, RFC 7672 §3).

use std::collections::BTreeMap;

use sha2::{Digest, Sha256, Sha512};
use time::OffsetDateTime;

use super::names::{self, NameMatch};
use super::store::Store;
use super::verdict::verdict;
use super::{der, facts, hex};
use crate::record::words::vocabulary;
use crate::record::{ChainReason, Tlsa};

/// What TLSA records say of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsaVerdict {
    /// Some usable record matches, of those that a sender looks at (RFC 7671 §9). Null: no record is usable, so TLS is
    /// required and nothing authenticated (RFC 7672 §2.2), or there is no chain to match, or none matches and one cannot be
    /// judged here.
    pub matches: Option<bool>,
    /// Each record, in the order given.
    pub records: Vec<Judged>,
}

/// One record against the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// Usage 2 or 3 with a selector, a matching type and a length that are known.
    pub usable: bool,
    /// It matches; null where it is not usable, there is no chain, or a signature cannot be checked here.
    pub matches: Option<bool>,
    /// Position in the chain of the certificate that it matched by its data, even where a later rule failed.
    pub certificate: Option<usize>,
    /// Why not.
    pub reason: Option<MismatchReason>,
}

vocabulary! {
    /// Why a TLSA record does not match a chain, before any path is built.
    strict TlsaFault {
        /// Not of usage 2 or 3, or its selector, its matching type or its length is not known (RFC 7672 §3.1).
        NotUsable = "not_usable",
        /// The server sent no certificate to hold it against.
        NoChain = "no_chain",
        /// No certificate of the chain is what it names.
        NoSuchCertificate = "no_such_certificate",
        /// The path leads to it, and the certificate is for other names (RFC 7672 §3.2.2).
        NameMismatch = "name_mismatch",
    }
}

/// Why a TLSA record does not match a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MismatchReason {
    /// The record and what it names.
    Record(TlsaFault),
    /// The path to the certificate that it names does not hold.
    Path(ChainReason),
}

impl MismatchReason {
    /// Its word, of either vocabulary.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Record(fault) => fault.word(),
            Self::Path(reason) => reason.word(),
        }
    }
}

/// Holds every record against a chain (DER, leaf first).
///
/// `names` are the reference names for DANE-TA: the TLSA base domain, and where secure the next-hop domain.
/// `at` is the time of the scan; DANE-EE heeds neither it nor the names (RFC 7671 §5.1).
pub fn check<D: AsRef<[u8]>>(
    given: &[Tlsa],
    chain: &[D],
    names: &[&str],
    at: OffsetDateTime,
) -> TlsaVerdict {
    let records: Vec<Judged> = given
        .iter()
        .map(|record| judge(record, chain, names, at))
        .collect();
    let judged = || {
        given
            .iter()
            .zip(&records)
            .filter(|(_, judged)| judged.usable)
    };
    let strongest = StrongestDigests::new(judged().map(|(record, _)| record.parameters()));
    // One match is enough; without one, a usable record that cannot be judged leaves it open.
    let usable = || {
        let counted = judged().filter(|(record, _)| strongest.has(record.parameters()));
        counted.map(|(_, judged)| judged)
    };
    let matches = if usable().any(|judged| judged.matches == Some(true)) {
        Some(true)
    } else if usable().all(|judged| judged.matches == Some(false)) && usable().count() > 0 {
        Some(false)
    } else {
        None
    };
    TlsaVerdict { matches, records }
}

/// At which of the usable records a sender looks: of those with a digest, for each usage and selector, at the ones with the
/// strongest alone (digest algorithm agility, RFC 7671 §9, which RFC 7672 §5 takes over). Beside SHA-512 a record with SHA-256
/// does not count, as with Postfix and OpenSSL.
#[derive(Debug)]
pub struct StrongestDigests(BTreeMap<(u8, u8), u8>);

impl StrongestDigests {
    /// From usage, selector and matching type of every usable record.
    pub fn new(usable: impl Iterator<Item = (u8, u8, u8)>) -> Self {
        let mut strongest = BTreeMap::new();
        for (usage, selector, matching) in usable {
            let known = strongest.entry((usage, selector)).or_insert(matching);
            *known = matching.max(*known);
        }
        Self(strongest)
    }

    /// Whether a sender looks at a usable record of these parameters.
    pub fn has(&self, (usage, selector, matching): (u8, u8, u8)) -> bool {
        matching == 0 || self.0.get(&(usage, selector)) == Some(&matching)
    }
}

/// Whether a record can be used at all for SMTP; usages 0 and 1 count as unusable (RFC 7672 §3.1.3).
pub fn is_usable(record: &Tlsa) -> bool {
    association(record).is_some()
}

fn association(record: &Tlsa) -> Option<Vec<u8>> {
    let data = unhex(&record.data)?;
    let fits = match record.matching_type {
        0 if record.selector == 0 => facts::parse(&data).is_ok(),
        0 => der::read(&data).is_some_and(|key| key.tag == der::SEQUENCE && key.rest.is_empty()),
        1 => data.len() == 32,
        2 => data.len() == 64,
        _ => false,
    };
    (matches!(record.usage, 2 | 3) && record.selector <= 1 && fits).then_some(data)
}

fn judge<D: AsRef<[u8]>>(record: &Tlsa, chain: &[D], names: &[&str], at: OffsetDateTime) -> Judged {
    let Some(data) = association(record) else {
        return Judged::unknown(false, MismatchReason::Record(TlsaFault::NotUsable));
    };
    let Some(leaf) = chain.first() else {
        return Judged::unknown(true, MismatchReason::Record(TlsaFault::NoChain));
    };
    if record.usage == 3 {
        return match selected(record, leaf.as_ref()).is_some_and(|it| it == data) {
            true => Judged::yes(Some(0)),
            false => Judged::no(None, MismatchReason::Record(TlsaFault::NoSuchCertificate)),
        };
    }
    // The trust anchor must be in the chain, above the leaf, unless the record holds it whole (RFC 7671 §5.2).
    let position = (1..chain.len())
        .find(|&at| selected(record, chain[at].as_ref()).is_some_and(|it| it == data));
    let store = match (position, record.selector, record.matching_type) {
        (Some(position), ..) => Store::of_one("dane", chain[position].as_ref()),
        (None, 0, 0) => Store::of_one("dane", &data),
        // A bare key has no name: it may be that of any issuer (RFC 7671 §5.2.2).
        (None, _, 0) => Store::of_key("dane", &data, chain),
        _ => return Judged::no(None, MismatchReason::Record(TlsaFault::NoSuchCertificate)),
    };
    let Some(store) = store else {
        return Judged::no(position, MismatchReason::Path(ChainReason::Malformed));
    };
    let path = verdict(chain, at, &store);
    if path.valid != Some(true) {
        return Judged {
            matches: path.valid,
            ..Judged::no(position, MismatchReason::Path(path.reason))
        };
    }
    let met = facts::facts(leaf.as_ref()).is_ok_and(|leaf| {
        names
            .iter()
            .any(|name| names::matches(&leaf.names, &leaf.common_names, name) != NameMatch::No)
    });
    match met {
        true => Judged::yes(position),
        false => Judged::no(position, MismatchReason::Record(TlsaFault::NameMismatch)),
    }
}

impl Judged {
    fn yes(certificate: Option<usize>) -> Self {
        Self {
            usable: true,
            matches: Some(true),
            certificate,
            reason: None,
        }
    }

    fn no(certificate: Option<usize>, reason: MismatchReason) -> Self {
        Self {
            usable: true,
            matches: Some(false),
            certificate,
            reason: Some(reason),
        }
    }

    fn unknown(usable: bool, reason: MismatchReason) -> Self {
        Self {
            usable,
            matches: None,
            certificate: None,
            reason: Some(reason),
        }
    }
}

/// What a record's selector and matching type make of a certificate (RFC 6698 §2.1.2, §2.1.3).
fn selected(record: &Tlsa, certificate: &[u8]) -> Option<Vec<u8>> {
    let part = match record.selector {
        0 => certificate,
        _ => {
            facts::parse(certificate)
                .ok()?
                .tbs_certificate
                .subject_pki
                .raw
        }
    };
    match record.matching_type {
        0 => Some(part.to_vec()),
        1 => Some(Sha256::digest(part).to_vec()),
        2 => Some(Sha512::digest(part).to_vec()),
        _ => None,
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|digit| {
            digit
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
        })
        .collect();
    let digits = digits?;
    if digits.len() % 2 != 0 {
        return None;
    }
    Some(
        digits
            .chunks_exact(2)
            .map(|pair| pair[0] << 4 | pair[1])
            .collect(),
    )
}

/// The data of the record `usage selector matching_type` that a certificate meets, for generators and tests.
pub fn data_for(usage: u8, selector: u8, matching_type: u8, certificate: &[u8]) -> Option<Tlsa> {
    let record = Tlsa {
        usage,
        selector,
        matching_type,
        data: String::new(),
    };
    let data = selected(&record, certificate)?;
    Some(Tlsa {
        data: hex(&data),
        ..record
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-06-01 00:00 UTC);

    /// Leaf for mx.test, expired long ago if asked, and its CA.
    fn chain(expired: bool) -> Vec<Vec<u8>> {
        let mut ca = CertificateParams::new(vec![]).unwrap();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.distinguished_name.push(DnType::CommonName, "ca");
        let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap();
        let mut leaf = CertificateParams::new(vec!["mx.test".into()]).unwrap();
        if expired {
            leaf.not_after = rcgen::date_time_ymd(2020, 1, 1);
        }
        let leaf = leaf.signed_by(&KeyPair::generate().unwrap(), &ca).unwrap();
        vec![leaf.der().to_vec(), ca.der().to_vec()]
    }

    fn one(record: &Tlsa, chain: &[Vec<u8>], name: &str) -> (Option<bool>, Option<&'static str>) {
        let judged = check(std::slice::from_ref(record), chain, &[name], NOW)
            .records
            .remove(0);
        (judged.matches, judged.reason.map(MismatchReason::word))
    }

    #[test]
    fn an_end_entity_needs_neither_name_nor_time() {
        let chain = chain(true);
        for (selector, matching) in [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)] {
            let record = data_for(3, selector, matching, &chain[0]).unwrap();
            assert_eq!(one(&record, &chain, "other.test"), (Some(true), None));
        }
        let wrong = data_for(3, 1, 1, &chain[1]).unwrap();
        assert_eq!(
            one(&wrong, &chain, "mx.test"),
            (Some(false), Some("no_such_certificate"))
        );
    }

    #[test]
    fn a_trust_anchor_needs_path_time_and_name() {
        let good = chain(false);
        let record = data_for(2, 1, 1, &good[1]).unwrap();
        assert_eq!(one(&record, &good, "mx.test"), (Some(true), None));
        assert_eq!(
            one(&record, &good, "b.test"),
            (Some(false), Some("name_mismatch"))
        );
        // It must be in the chain, unless the record holds it whole.
        assert_eq!(
            one(&record, &good[..1], "mx.test"),
            (Some(false), Some("no_such_certificate"))
        );
        for selector in [0, 1] {
            let whole = data_for(2, selector, 0, &good[1]).unwrap();
            assert_eq!(one(&whole, &good[..1], "mx.test"), (Some(true), None));
            let other = data_for(2, selector, 0, &chain(false)[1]).unwrap();
            assert_eq!(one(&other, &good[..1], "mx.test").0, Some(false));
        }
        let old = chain(true);
        let record = data_for(2, 0, 1, &old[1]).unwrap();
        assert_eq!(
            one(&record, &old, "mx.test"),
            (Some(false), Some("expired"))
        );
    }

    #[test]
    fn the_strongest_digest_of_a_usage_and_selector_counts_alone() {
        let chain = chain(false);
        let of = |matching, certificate: usize| {
            let usage = if certificate == 1 { 2 } else { 3 };
            data_for(usage, 1, matching, &chain[certificate]).unwrap()
        };
        let stale = |matching| data_for(3, 1, matching, &chain[1]).unwrap();
        let says = |records: &[Tlsa]| check(records, &chain, &["mx.test"], NOW).matches;
        // "openssl s_client -dane_tlsa_rrdata …" says the same of each.
        assert_eq!(says(&[of(1, 0), stale(2)]), Some(false));
        assert_eq!(says(&[of(2, 0), stale(1)]), Some(true));
        assert_eq!(says(&[of(0, 0), stale(2)]), Some(true));
        assert_eq!(says(&[of(1, 0), of(2, 0)]), Some(true));
        // Another usage is apart, and what cannot be used outshines nothing.
        assert_eq!(says(&[of(1, 1), stale(2)]), Some(true));
        let mut unusable = stale(2);
        unusable.data.truncate(10);
        assert_eq!(says(&[of(1, 0), unusable]), Some(true));
    }

    #[test]
    fn a_record_that_cannot_be_judged_leaves_it_open_unless_another_matches() {
        let mut params = CertificateParams::new(vec!["mx.test".into()]).unwrap();
        // Policies are not followed.
        let mut policies = rcgen::CustomExtension::from_oid_content(&[2, 5, 29, 36], vec![0x30, 0]);
        policies.set_criticality(true);
        params.custom_extensions = vec![policies];
        let mut ca = CertificateParams::new(vec![]).unwrap();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap();
        let leaf = params
            .signed_by(&KeyPair::generate().unwrap(), &ca)
            .unwrap();
        let chain = [leaf.der().to_vec(), ca.der().to_vec()];
        let open = data_for(2, 1, 1, &chain[1]).unwrap();
        let wrong = data_for(3, 1, 1, &chain[1]).unwrap();
        let right = data_for(3, 1, 1, &chain[0]).unwrap();
        let says = |records: &[Tlsa]| check(records, &chain, &["mx.test"], NOW).matches;
        assert_eq!(says(&[open.clone(), wrong.clone()]), None);
        assert_eq!(says(&[open, right]), Some(true));
        assert_eq!(says(&[wrong]), Some(false));
    }

    #[test]
    fn unusable_records_are_neither_yes_nor_no() {
        let chain = chain(false);
        let mut record = data_for(1, 1, 1, &chain[0]).unwrap();
        assert!(!is_usable(&record));
        assert_eq!(
            check(&[record.clone()], &chain, &["mx.test"], NOW).matches,
            None
        );
        record.usage = 3;
        assert!(is_usable(&record));
        record.data.truncate(10);
        assert!(!is_usable(&record));
        record.data = "zz".repeat(32);
        assert!(!is_usable(&record));
        let good = data_for(3, 1, 1, &chain[0]).unwrap();
        let both = check(&[record, good.clone()], &chain, &[], NOW);
        assert_eq!(both.matches, Some(true));
        assert_eq!(check::<Vec<u8>>(&[good], &[], &[], NOW).matches, None);
    }
}
