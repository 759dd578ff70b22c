//! What a chain is worth at a time, against a store (RFC 5280 §6).
//!
//! Valid means what it meant in 2014: the chain leads to a root of the store. Names, weak keys and weak signatures
//! are other questions ([`super::names`], and the judgement of weaknesses). rustls-webpki builds the path; where it refuses,
//! `look` tells the causes it hides, and whether it was merely stricter than the field.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use rustls::pki_types::{CertificateDer, UnixTime};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use webpki::{EndEntityCert, Error, KeyUsage};

use super::look::{Look, PathEnd, look};
use super::signature;
use super::store::Store;
use crate::record::{ChainReason, Verdict, timestamp};

/// The verdict on a chain as it was sent, leaf first.
pub fn verdict<D: AsRef<[u8]>>(chain: &[D], at: OffsetDateTime, store: &Store) -> Verdict {
    judge(chain, at.unix_timestamp(), store).verdict(at, store)
}

/// A judgement without the time at which it was made.
#[derive(Clone, Debug)]
struct Judgement {
    valid: Option<bool>,
    reason: ChainReason,
    also: Vec<ChainReason>,
    /// The next time at which it may change.
    until: Option<i64>,
}

impl Judgement {
    fn verdict(&self, at: OffsetDateTime, store: &Store) -> Verdict {
        Verdict {
            store: store.name().into(),
            store_date: store.date().into(),
            at: timestamp(at),
            valid: self.valid,
            reason: self.reason,
            also: self.also.clone(),
        }
    }
}

fn judge<D: AsRef<[u8]>>(chain: &[D], at: i64, store: &Store) -> Judgement {
    let Ok(look) = look(chain, at, store) else {
        return against(BTreeSet::from([ChainReason::Malformed]), false, None);
    };
    let pick = |positions: &[usize]| -> Vec<&[u8]> {
        (positions.iter())
            .map(|&position| chain[position].as_ref())
            .collect()
    };
    let is_anchored = look.end == PathEnd::Anchored;
    let built = build(&pick(&look.members), at, store);
    let causes = match built {
        // What webpki does not ask for: a usage of the key, say.
        Ok(()) if is_anchored => look.faults.clone(),
        Ok(()) => BTreeSet::new(),
        Err(_) if is_anchored && look.faults.is_empty() => {
            // Stricter than the field: it leads to a root, and nothing on the way speaks against it.
            doubts(&pick(&look.path), at, store)
        }
        Err(ref error) => causes_of(&look, error),
    };
    let remark = look.ca_as_end_entity && built.is_err();
    if causes.is_empty() {
        return Judgement {
            valid: Some(true),
            reason: ChainReason::Valid,
            also: remark
                .then_some(ChainReason::CaAsEndEntity)
                .into_iter()
                .collect(),
            until: look.until,
        };
    }
    against(causes, remark, look.until)
}

/// What webpki has against a path that the look found good, but for that which the look knows better. Where it merely
/// cannot read what the look can, the answer is open.
fn doubts(path: &[&[u8]], at: i64, store: &Store) -> BTreeSet<ChainReason> {
    let built = build(path, at, store);
    let parsed =
        (path.iter()).map(|&der| EndEntityCert::try_from(&CertificateDer::from(der)).map(|_| ()));
    (parsed.chain([built]))
        .filter_map(Result::err)
        .filter(|error| !is_mere_strictness(error))
        .map(|error| cause(&error).unwrap_or(ChainReason::Unsupported))
        .collect()
}

/// The judgement for the causes against a chain.
fn against(causes: BTreeSet<ChainReason>, ca_as_end_entity: bool, until: Option<i64>) -> Judgement {
    // The set is in the order of the vocabulary: the gravest cause comes first.
    let reason = causes.first().copied().unwrap_or(ChainReason::Unclassified);
    let mut also: Vec<_> = causes
        .into_iter()
        .filter(|&cause| cause != reason)
        .collect();
    if ca_as_end_entity {
        also.push(ChainReason::CaAsEndEntity);
    }
    also.sort_unstable_by_key(|cause| cause.word());
    Judgement {
        // What cannot be checked here may be good elsewhere; every other cause is a no.
        valid: if reason == ChainReason::Unsupported {
            None
        } else {
            Some(false)
        },
        reason,
        also,
        until,
    }
}

fn build<D: AsRef<[u8]>>(chain: &[D], at: i64, store: &Store) -> Result<(), Error> {
    let certificates: Vec<CertificateDer<'_>> = chain
        .iter()
        .map(|der| CertificateDer::from(der.as_ref()))
        .collect();
    let (leaf, intermediates) = certificates.split_first().ok_or(Error::BadDer)?;
    let at = UnixTime::since_unix_epoch(std::time::Duration::from_secs(
        u64::try_from(at).unwrap_or(0),
    ));
    EndEntityCert::try_from(leaf)?
        .verify_for_usage(
            signature::ALGORITHMS,
            store.anchors(),
            intermediates,
            at,
            KeyUsage::server_auth(),
            None,
            None,
        )
        .map(|_| ())
}

/// Everything against a chain: what the look met, and what only path building knows.
fn causes_of(look: &Look, error: &Error) -> BTreeSet<ChainReason> {
    let mut causes = look.faults.clone();
    match look.end {
        PathEnd::Anchored => {}
        PathEnd::SelfSigned => {
            causes.insert(ChainReason::SelfSigned);
        }
        PathEnd::UnknownRoot => {
            causes.insert(ChainReason::UnknownIssuer);
        }
        PathEnd::Incomplete => {
            causes.insert(ChainReason::IncompleteChain);
        }
        // Whether the missing issuer is an intermediate or a root that nobody knows, the chain does not tell.
        PathEnd::MissingIssuer => {
            causes.extend([ChainReason::IncompleteChain, ChainReason::UnknownIssuer]);
        }
        PathEnd::Unsupported => {
            causes.insert(ChainReason::Unsupported);
        }
        PathEnd::BadSignature => {
            causes.insert(ChainReason::BadSignature);
        }
    }
    // What is wrong with the path that the look found best; webpki may speak of another one.
    if causes.is_empty() {
        causes.insert(cause(error).unwrap_or(ChainReason::Unclassified));
    }
    causes
}

/// The word for an error of webpki; none where it says nothing that the look does not know better.
fn cause(error: &Error) -> Option<ChainReason> {
    Some(match error {
        Error::CertExpired { .. } => ChainReason::Expired,
        Error::CertNotValidYet { .. } => ChainReason::NotYetValid,
        Error::NameConstraintViolation
        | Error::MalformedNameConstraint
        | Error::InvalidNetworkMaskConstraint => ChainReason::NameConstraints,
        Error::RequiredEkuNotFoundContext(_) | Error::EmptyEkuExtension => {
            ChainReason::NotAServerCertificate
        }
        Error::PathLenConstraintViolated => ChainReason::PathTooLong,
        Error::EndEntityUsedAsCa => ChainReason::NotACa,
        Error::CertDistrusted => ChainReason::Distrusted,
        Error::UnsupportedCriticalExtension => ChainReason::CriticalExtension,
        Error::SignatureAlgorithmMismatch | Error::InvalidCertValidity => ChainReason::Malformed,
        _ => return None,
    })
}

/// Whether webpki asks for more than RFC 5280 §6.1 with this error, can do less than the look, or gave up.
fn is_mere_strictness(error: &Error) -> bool {
    matches!(
        error,
        Error::CaUsedAsEndEntity
            | Error::UnsupportedCertVersion
            // Times before 1970.
            | Error::BadDerTime
            // Self-issued certificates do not count.
            | Error::PathLenConstraintViolated
            | Error::InvalidSignatureForPublicKey
            | Error::UnsupportedCriticalExtension
            | Error::NameConstraintViolation
            | Error::MalformedDnsIdentifier
            | Error::InvalidNetworkMaskConstraint
            // Names that are equal and not the same bytes; the root as its own leaf.
            | Error::UnknownIssuer
            // The look has checked each signature, also where parameters are left out.
            | Error::UnsupportedSignatureAlgorithmContext(_)
            | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_)
            | Error::MaximumPathDepthExceeded
            | Error::MaximumPathBuildCallsExceeded
            | Error::MaximumSignatureChecksExceeded
            | Error::MaximumNameConstraintComparisonsExceeded
    )
}

/// Verdicts by chain, so that a chain seen before is not verified again.
#[derive(Debug, Default)]
pub struct Verdicts {
    known: HashMap<[u8; 32], Vec<Judgement>>,
}

impl Verdicts {
    /// Chains that are remembered; when as many are, all are forgotten.
    pub const MOST: usize = 65_536;

    /// The verdicts on a chain by each of `stores`, which must be the same ones each time, if they are known.
    pub fn known<D: AsRef<[u8]>>(
        &self,
        chain: &[D],
        at: OffsetDateTime,
        stores: &[Store],
    ) -> Option<Vec<Verdict>> {
        let now = at.unix_timestamp();
        let judgements = self.known.get(&key(chain))?;
        let holds = judgements
            .iter()
            .all(|it| it.until.is_none_or(|until| now < until));
        holds.then(|| verdicts(judgements, at, stores))
    }

    /// Takes note of judgements on a chain.
    fn note<D: AsRef<[u8]>>(&mut self, chain: &[D], judgements: Vec<Judgement>) {
        if self.known.len() >= Self::MOST {
            self.known.clear();
        }
        self.known.insert(key(chain), judgements);
    }

    /// The verdicts on a chain by each of `stores`. Others can read what is known while one chain is judged: the lock
    /// is held for the look and for the note alone.
    pub fn of_chain<D: AsRef<[u8]>>(
        these: &Mutex<Self>,
        chain: &[D],
        at: OffsetDateTime,
        stores: &[Store],
    ) -> Vec<Verdict> {
        // A note that panicked has noted nothing.
        let lock = || these.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().known(chain, at, stores) {
            return known;
        }
        let judge = |store| judge(chain, at.unix_timestamp(), store);
        let judgements: Vec<_> = stores.iter().map(judge).collect();
        let found = verdicts(&judgements, at, stores);
        lock().note(chain, judgements);
        found
    }
}

fn verdicts(judgements: &[Judgement], at: OffsetDateTime, stores: &[Store]) -> Vec<Verdict> {
    let pairs = judgements.iter().zip(stores);
    pairs
        .map(|(judgement, store)| judgement.verdict(at, store))
        .collect()
}

/// The hash of a chain; lengths are part of it, so that no two chains run together.
fn key<D: AsRef<[u8]>>(chain: &[D]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for der in chain {
        let der = der.as_ref();
        hash.update((der.len() as u64).to_be_bytes());
        hash.update(der);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{
        BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DnType,
        ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyPair, KeyUsagePurpose, NameConstraints,
        date_time_ymd,
    };
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-06-01 00:00 UTC);
    type Ca = CertifiedIssuer<'static, KeyPair>;

    fn params(name: &str, ca: bool) -> CertificateParams {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(2027, 1, 1);
        if ca {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        params
    }

    fn key() -> KeyPair {
        KeyPair::generate().unwrap()
    }

    fn root(name: &str) -> Ca {
        CertifiedIssuer::self_signed(params(name, true), key()).unwrap()
    }

    fn intermediate(params: CertificateParams, issuer: &Ca) -> Ca {
        CertifiedIssuer::signed_by(params, key(), issuer).unwrap()
    }

    /// One that may certify names under allowed.test only.
    fn narrow(root: &Ca) -> Ca {
        let mut narrow = params("narrow", true);
        narrow.name_constraints = Some(NameConstraints {
            permitted_subtrees: vec![GeneralSubtree::DnsName("allowed.test".into())],
            excluded_subtrees: vec![],
        });
        intermediate(narrow, root)
    }

    fn leaf(params: CertificateParams, issuer: &Ca) -> Vec<u8> {
        params.signed_by(&key(), issuer).unwrap().der().to_vec()
    }

    fn store(root: &Ca) -> Store {
        Store::from_pem("test".into(), root.pem().as_bytes()).unwrap()
    }

    fn says(chain: &[Vec<u8>], store: &Store) -> (Option<bool>, ChainReason, Vec<ChainReason>) {
        let verdict = verdict(chain, NOW, store);
        (verdict.valid, verdict.reason, verdict.also)
    }

    fn no(reason: &str, also: &[&str]) -> (Option<bool>, ChainReason, Vec<ChainReason>) {
        (
            Some(false),
            reason.into(),
            also.iter().map(|&it| it.into()).collect(),
        )
    }

    fn yes(also: &[&str]) -> (Option<bool>, ChainReason, Vec<ChainReason>) {
        (
            Some(true),
            ChainReason::Valid,
            also.iter().map(|&it| it.into()).collect(),
        )
    }

    fn der(ca: &Ca) -> Vec<u8> {
        ca.der().to_vec()
    }

    #[test]
    fn a_chain_to_a_root_is_valid_with_or_without_the_root() {
        let root = root("root");
        let middle = intermediate(params("middle", true), &root);
        let leaf = leaf(params("leaf", false), &middle);
        let store = store(&root);
        assert_eq!(says(&[leaf.clone(), der(&middle)], &store), yes(&[]));
        assert_eq!(
            says(&[leaf.clone(), der(&middle), der(&root)], &store),
            yes(&[])
        );
        // Order does not matter to those who build paths.
        assert_eq!(says(&[leaf, der(&root), der(&middle)], &store), yes(&[]));
    }

    #[test]
    fn every_cause_is_told_and_none_hides_another() {
        let root = root("root");
        let other = super::tests::root("other");
        let store = store(&root);
        let mut old = params("old", false);
        old.not_after = date_time_ymd(2026, 2, 1);
        let mut young = params("young", false);
        young.not_before = date_time_ymd(2026, 12, 1);
        assert_eq!(
            says(&[leaf(old.clone(), &root)], &store),
            no("expired", &[])
        );
        assert_eq!(
            says(&[leaf(young, &root)], &store),
            no("not_yet_valid", &[])
        );
        assert_eq!(
            says(&[leaf(old.clone(), &other), der(&other)], &store),
            no("unknown_issuer", &["expired"])
        );
        let alone = old.self_signed(&key()).unwrap().der().to_vec();
        assert_eq!(
            says(std::slice::from_ref(&alone), &store),
            no("self_signed", &["expired"])
        );
        // Sent twice, as many servers do.
        assert_eq!(
            says(&[alone.clone(), alone], &store),
            no("self_signed", &["expired"])
        );
        let mut client = params("client", false);
        client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        assert_eq!(
            says(&[leaf(client, &root)], &store),
            no("not_a_server_certificate", &[])
        );
        let not_ca = intermediate(params("not a ca", false), &root);
        assert_eq!(
            says(
                &[leaf(params("leaf", false), &not_ca), der(&not_ca)],
                &store
            ),
            no("not_a_ca", &[])
        );
    }

    #[test]
    fn a_missing_intermediate_is_an_incomplete_chain() {
        let root = root("root");
        let middle = intermediate(params("middle", true), &root);
        let store = store(&root);
        let plain = leaf(params("leaf", false), &middle);
        assert_eq!(
            says(&[plain], &store),
            no("incomplete_chain", &["unknown_issuer"])
        );
        // With a place to fetch the issuer from, it is certain.
        let mut params = params("leaf", false);
        let access = [
            &[
                0x30, 0x13, 0x30, 0x11, 6, 8, 0x2b, 6, 1, 5, 5, 7, 0x30, 2, 0x86, 5,
            ][..],
            b"a://b",
        ]
        .concat();
        let oid = [1, 3, 6, 1, 5, 5, 7, 1, 1];
        params.custom_extensions = vec![CustomExtension::from_oid_content(&oid, access)];
        assert_eq!(
            says(&[leaf(params, &middle)], &store),
            no("incomplete_chain", &[])
        );
    }

    #[test]
    fn a_signature_by_another_key_of_the_same_name_is_bad() {
        let root = root("root");
        let store = store(&root);
        let impostor = super::tests::root("root");
        let forged = leaf(params("leaf", false), &impostor);
        assert_eq!(
            says(std::slice::from_ref(&forged), &store),
            no("bad_signature", &[])
        );
        assert_eq!(
            says(&[forged, der(&root)], &store),
            no("bad_signature", &[])
        );
        let mut broken = leaf(params("leaf", false), &root);
        *broken.last_mut().unwrap() ^= 1;
        assert_eq!(says(&[broken, der(&root)], &store).0, Some(false));
    }

    #[test]
    fn what_the_field_has_always_taken_is_valid_with_a_remark() {
        let root = root("root");
        let store = store(&root);
        let ca_leaf = leaf(params("leaf", true), &root);
        assert_eq!(says(&[ca_leaf], &store), yes(&["ca_as_end_entity"]));
        // A root of the store that serves mail itself.
        assert_eq!(says(&[der(&root)], &store), yes(&["ca_as_end_entity"]));
    }

    #[test]
    fn name_constraints_and_path_lengths_are_kept() {
        let root = root("root");
        let narrow = narrow(&root);
        let mut outside = params("leaf", false);
        outside.subject_alt_names = vec![rcgen::SanType::DnsName("mx.test".try_into().unwrap())];
        let chain = [leaf(outside, &narrow), der(&narrow)];
        assert_eq!(says(&chain, &store(&root)), no("name_constraints", &[]));
        let mut short = params("short", true);
        short.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let short = intermediate(short, &root);
        let below = intermediate(params("below", true), &short);
        let chain = [
            leaf(params("leaf", false), &below),
            der(&below),
            der(&short),
        ];
        assert_eq!(says(&chain, &store(&root)), no("path_too_long", &[]));
    }

    #[test]
    fn what_webpki_did_not_reach_is_checked_all_the_same() {
        let root = root("root");
        let narrow = narrow(&root);
        let mut critical = params("critical", true);
        let mut unknown = CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
        unknown.set_criticality(true);
        critical.custom_extensions = vec![unknown];
        let critical = intermediate(critical, &root);
        let mut ca_leaf = params("leaf", true);
        ca_leaf.subject_alt_names = vec![rcgen::SanType::DnsName("mx.test".try_into().unwrap())];
        let chain = [leaf(ca_leaf.clone(), &narrow), der(&narrow)];
        assert_eq!(
            says(&chain, &store(&root)),
            no("name_constraints", &["ca_as_end_entity"])
        );
        let chain = [leaf(ca_leaf, &critical), der(&critical)];
        assert_eq!(
            says(&chain, &store(&root)),
            no("critical_extension", &["ca_as_end_entity"])
        );
    }

    #[test]
    fn t7_critical_extensions_that_are_unknown_are_a_no_and_policies_are_open() {
        let root = root("root");
        let with = |oid: &[u64], critical: bool| {
            let mut params = params("leaf", false);
            let mut extension = CustomExtension::from_oid_content(oid, vec![0x30, 0]);
            extension.set_criticality(critical);
            params.custom_extensions = vec![extension];
            says(&[leaf(params, &root)], &store(&root))
        };
        for oid in [&[1, 2, 3, 4][..], &[2, 5, 29, 14], &[2, 5, 29, 46]] {
            assert_eq!(with(oid, true), no("critical_extension", &[]), "{oid:?}");
            assert_eq!(with(oid, false), yes(&[]), "{oid:?}");
        }
        let (valid, reason, _) = with(&[2, 5, 29, 36], true);
        assert_eq!((valid, reason.word()), (None, "unsupported"));
    }

    #[test]
    fn t7_a_name_with_a_leading_dot_is_in_no_permitted_subtree() {
        let root = root("root");
        let narrow = narrow(&root);
        let with = |name: &[u8]| {
            let mut params = params("leaf", false);
            let names = [&[0x82, name.len() as u8][..], name].concat();
            let names = [&[0x30, names.len() as u8][..], &names].concat();
            params.custom_extensions =
                vec![CustomExtension::from_oid_content(&[2, 5, 29, 17], names)];
            says(&[leaf(params, &narrow), der(&narrow)], &store(&root))
        };
        assert_eq!(with(b"mx.allowed.test"), yes(&[]));
        assert_eq!(with(b".allowed.test"), no("name_constraints", &[]));
        assert_eq!(with(b"mx..allowed.test"), no("name_constraints", &[]));
    }

    /// Thousands of names under CAs with thousands of subtrees each: an answer in bounded time, and an open one.
    #[test]
    fn a2_a_chain_that_would_take_minutes_is_unsupported_in_a_moment() {
        let root = root("root");
        let held = |name: &str, issuer: &Ca| {
            let mut params = params(name, true);
            params.name_constraints = Some(NameConstraints {
                permitted_subtrees: vec![],
                excluded_subtrees: (0..9_000)
                    .map(|number| GeneralSubtree::DnsName(format!("x{number}.test")))
                    .collect(),
            });
            intermediate(params, issuer)
        };
        let first = held("first", &root);
        let mut many = params("leaf", false);
        many.subject_alt_names = (0..4_000)
            .map(|number| rcgen::SanType::DnsName(format!("m{number}.example").try_into().unwrap()))
            .collect();
        let chain = [leaf(many, &first), der(&first)];
        let begun = std::time::Instant::now();
        let (valid, reason, _) = says(&chain, &store(&root));
        assert_eq!((valid, reason.word()), (None, "unsupported"));
        assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
    }

    #[test]
    fn broken_extensions_are_malformed() {
        let root = root("root");
        let store = store(&root);
        let with = |extensions: &[(u64, &[u8])]| {
            let mut params = params("leaf", false);
            params.custom_extensions = extensions
                .iter()
                .map(|(id, value)| {
                    CustomExtension::from_oid_content(&[2, 5, 29, *id], value.to_vec())
                })
                .collect();
            says(&[leaf(params, &root)], &store)
        };
        let server: &[u8] = &[0x30, 10, 6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 1];
        assert_eq!(with(&[(37, server)]), yes(&[]));
        assert_eq!(with(&[(37, server), (37, server)]), no("malformed", &[]));
        assert_eq!(with(&[(19, &[0x30, 5, 1])]), no("malformed", &[]));
        assert_eq!(with(&[(17, &[0x30, 3, 0x82, 9, 1])]), no("malformed", &[]));
    }

    #[test]
    fn a_key_is_used_for_what_it_is_for() {
        let root = root("root");
        let mut silent = params("silent", true);
        silent.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let silent = intermediate(silent, &root);
        let chain = [leaf(params("leaf", false), &silent), der(&silent)];
        assert_eq!(says(&chain, &store(&root)), no("not_a_ca", &[]));
        let mut other = params("leaf", false);
        other.key_usages = vec![KeyUsagePurpose::ContentCommitment];
        assert_eq!(
            says(&[leaf(other.clone(), &root)], &store(&root)),
            no("not_a_server_certificate", &[])
        );
        other.key_usages.push(KeyUsagePurpose::KeyAgreement);
        assert_eq!(says(&[leaf(other, &root)], &store(&root)), yes(&[]));
    }

    #[test]
    fn directory_names_can_be_constrained() {
        let root = root("root");
        let mut organization = rcgen::DistinguishedName::new();
        organization.push(DnType::OrganizationName, "Good");
        let mut narrow = params("narrow", true);
        narrow.name_constraints = Some(NameConstraints {
            permitted_subtrees: vec![GeneralSubtree::DirectoryName(organization)],
            excluded_subtrees: vec![],
        });
        let narrow = intermediate(narrow, &root);
        for (name, expected) in [("GOOD", yes(&[])), ("Evil", no("name_constraints", &[]))] {
            let mut params = params("", false);
            params.distinguished_name = rcgen::DistinguishedName::new();
            params
                .distinguished_name
                .push(DnType::OrganizationName, name);
            params
                .distinguished_name
                .push(DnType::CommonName, "mx.test");
            let chain = [leaf(params, &narrow), der(&narrow)];
            assert_eq!(says(&chain, &store(&root)), expected, "{name}");
        }
    }

    #[test]
    fn names_that_differ_in_type_case_or_spaces_are_the_same() {
        let key_pem = key().serialize_pem();
        let of = |name: rcgen::DnValue| {
            let mut params = params("", true);
            params.distinguished_name.push(DnType::CommonName, name);
            let key = KeyPair::from_pem(&key_pem).unwrap();
            CertifiedIssuer::self_signed(params, key).unwrap()
        };
        let root = of("Some Root".into());
        let printable = rcgen::DnValue::PrintableString("some  root ".try_into().unwrap());
        let leaf = leaf(params("leaf", false), &of(printable));
        assert_eq!(says(&[leaf], &store(&root)), yes(&[]));
    }

    #[test]
    fn a_certificate_can_be_older_than_1970() {
        let root = root("root");
        let mut old = params("leaf", false);
        old.not_before = date_time_ymd(1960, 1, 1);
        assert_eq!(says(&[leaf(old, &root)], &store(&root)), yes(&[]));
    }

    #[test]
    fn self_issued_certificates_do_not_lengthen_a_path() {
        let root = root("root");
        let mut short = params("short", true);
        short.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let short = intermediate(short, &root);
        let renewed = intermediate(params("short", true), &short);
        let chain = [
            leaf(params("leaf", false), &renewed),
            der(&renewed),
            der(&short),
        ];
        assert_eq!(says(&chain, &store(&root)), yes(&[]));
    }

    #[test]
    fn long_chains_and_needed_certificates_far_behind_are_followed() {
        let root = root("root");
        let mut path = vec![intermediate(params("0", true), &root)];
        for number in 1..14 {
            let next = intermediate(params(&number.to_string(), true), &path[number - 1]);
            path.push(next);
        }
        let mut chain = vec![leaf(params("leaf", false), &path[13])];
        chain.extend((0..60).map(|number| der(&super::tests::root(&format!("other {number}")))));
        chain.extend(path.iter().map(der));
        assert_eq!(says(&chain, &store(&root)), yes(&[]));
        // Beyond the bound nothing is known.
        chain.splice(
            1..1,
            (0..60).map(|number| der(&super::tests::root(&format!("{number}!")))),
        );
        let (valid, reason, _) = says(&chain, &store(&root));
        assert_eq!((valid, reason.word()), (None, "unsupported"));
    }

    #[test]
    fn what_is_no_certificate_is_malformed_and_bombs_are_bounded() {
        let store = Store::mozilla();
        assert_eq!(says(&[], &store), no("malformed", &[]));
        assert_eq!(says(&[b"HTTP/1.1".to_vec()], &store), no("malformed", &[]));
        assert_eq!(says(&[vec![0x30; 1 << 20]], &store), no("malformed", &[]));
        let root = root("same");
        let bomb: Vec<_> = (0..100)
            .map(|_| leaf(params("same", true), &root))
            .collect();
        let begun = std::time::Instant::now();
        assert_eq!(says(&bomb, &store).0, Some(false));
        assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
    }

    #[test]
    fn a_chain_seen_before_is_judged_again_only_when_time_changes_it() {
        let root = root("root");
        let stores = [store(&root)];
        let chain = [leaf(params("leaf", false), &root)];
        let verdicts = Mutex::new(Verdicts::default());
        let on = |at| Verdicts::of_chain(&verdicts, &chain, at, &stores);
        assert_eq!(on(NOW)[0].valid, Some(true));
        let later = datetime!(2027-03-01 00:00 UTC);
        let again = &on(later)[0];
        assert_eq!((again.valid, again.reason.word()), (Some(false), "expired"));
        assert_eq!(again.at, "2027-03-01T00:00:00.000Z");
        assert_eq!(verdicts.lock().unwrap().known.len(), 1);
    }
}
