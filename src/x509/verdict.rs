//! What a chain is worth at a time, against a store (RFC 5280 §6).
//!
//! Valid means what it meant in 2014: the chain leads to a root of the store. Names, weak keys and weak signatures
//! are other questions ([`super::names`], [`super::weakness`]). rustls-webpki builds the path; where it refuses,
//! [`super::look`] tells the causes it hides, and whether it was merely stricter than the field.

use std::collections::{BTreeSet, HashMap};

use rustls::pki_types::{CertificateDer, UnixTime};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use webpki::{EndEntityCert, Error, KeyUsage};

use super::look::{End, Look, look};
use super::signature;
use super::store::Store;
use crate::record::{Verdict, timestamp};

/// Certificates of a chain that are looked at. No honest chain has more than ten.
const MAX_CHAIN: usize = 32;

/// The reasons against a chain, the first that holds is *the* reason and the others are told beside it.
const REASONS: [&str; 14] = [
    "malformed",
    "bad_signature",
    "self_signed",
    "incomplete_chain",
    "unknown_issuer",
    "distrusted",
    "not_a_ca",
    "path_too_long",
    "name_constraints",
    "expired",
    "not_yet_valid",
    "not_a_server_certificate",
    "unsupported",
    "other",
];

/// The verdict on a chain as it was sent, leaf first.
pub fn verdict<D: AsRef<[u8]>>(chain: &[D], at: OffsetDateTime, store: &Store) -> Verdict {
    judge(chain, at.unix_timestamp(), store).verdict(at, store)
}

/// A judgement without the time at which it was made.
#[derive(Clone, Debug)]
struct Judgement {
    valid: Option<bool>,
    reason: &'static str,
    also: Vec<&'static str>,
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
            reason: self.reason.into(),
            also: self.also.iter().map(|&cause| cause.into()).collect(),
        }
    }
}

fn judge<D: AsRef<[u8]>>(chain: &[D], at: i64, store: &Store) -> Judgement {
    let chain = &chain[..chain.len().min(MAX_CHAIN)];
    let built = build(chain, at, store);
    let look = look(chain, at, store);
    let until = look.as_ref().ok().and_then(|look| look.until);
    let mut causes = BTreeSet::new();
    match (&built, look) {
        (Ok(()), _) => {}
        (Err(error), Err(_)) => {
            causes.insert("malformed");
            causes.extend(cause(error));
        }
        (Err(error), Ok(look)) => {
            // Stricter than the field: it leads to a root, and nothing on the way speaks against it.
            if look.end == End::Anchored && look.faults.is_empty() && is_mere_strictness(error) {
                return Judgement {
                    valid: Some(true),
                    reason: "valid",
                    also: look
                        .ca_as_end_entity
                        .then_some("ca_as_end_entity")
                        .into_iter()
                        .collect(),
                    until,
                };
            }
            causes.extend(causes_of(&look, error));
            return against(causes, look.ca_as_end_entity, until);
        }
    }
    if causes.is_empty() {
        return Judgement {
            valid: Some(true),
            reason: "valid",
            also: Vec::new(),
            until,
        };
    }
    against(causes, false, until)
}

/// The judgement for the causes against a chain.
fn against(
    causes: BTreeSet<&'static str>,
    ca_as_end_entity: bool,
    until: Option<i64>,
) -> Judgement {
    let reason = REASONS
        .into_iter()
        .find(|&reason| causes.contains(reason))
        .unwrap_or("other");
    let mut also: Vec<_> = causes
        .into_iter()
        .filter(|&cause| cause != reason)
        .collect();
    if ca_as_end_entity {
        also.push("ca_as_end_entity");
        also.sort_unstable();
    }
    Judgement {
        // What cannot be checked here may be good elsewhere; every other cause is a no.
        valid: if reason == "unsupported" {
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
fn causes_of(look: &Look, error: &Error) -> BTreeSet<&'static str> {
    let mut causes = look.faults.clone();
    match look.end {
        End::Anchored => {}
        End::SelfSigned => {
            causes.insert("self_signed");
        }
        End::UnknownRoot => {
            causes.insert("unknown_issuer");
        }
        End::Incomplete => {
            causes.insert("incomplete_chain");
        }
        // Whether the missing issuer is an intermediate or a root that nobody knows, the chain does not tell.
        End::MissingIssuer => {
            causes.extend(["incomplete_chain", "unknown_issuer"]);
        }
        End::Unsupported => {
            causes.insert("unsupported");
        }
        End::BadSignature => {
            causes.insert("bad_signature");
        }
    }
    if look.end == End::Anchored {
        causes.extend(cause(error));
    }
    if causes.is_empty() {
        causes.insert("other");
    }
    causes
}

/// The word for an error of webpki; none where it says nothing that the look does not know better.
fn cause(error: &Error) -> Option<&'static str> {
    Some(match error {
        Error::CertExpired { .. } => "expired",
        Error::CertNotValidYet { .. } => "not_yet_valid",
        Error::NameConstraintViolation
        | Error::MalformedNameConstraint
        | Error::InvalidNetworkMaskConstraint => "name_constraints",
        Error::RequiredEkuNotFoundContext(_) | Error::EmptyEkuExtension => {
            "not_a_server_certificate"
        }
        Error::PathLenConstraintViolated => "path_too_long",
        Error::EndEntityUsedAsCa => "not_a_ca",
        Error::CertDistrusted => "distrusted",
        Error::UnsupportedCriticalExtension => "unsupported",
        Error::SignatureAlgorithmMismatch | Error::InvalidCertValidity => "malformed",
        _ => return None,
    })
}

/// Whether OpenSSL takes what webpki refuses with this error.
fn is_mere_strictness(error: &Error) -> bool {
    cause(error).is_none()
}

/// Verdicts by chain, so that a chain seen before is not verified again.
#[derive(Debug, Default)]
pub struct Verdicts {
    known: HashMap<[u8; 32], Vec<Judgement>>,
}

impl Verdicts {
    /// Chains that are remembered; when as many are, all are forgotten.
    pub const MOST: usize = 65_536;

    /// The verdicts on a chain by each of `stores`, which must be the same ones each time.
    pub fn on<D: AsRef<[u8]>>(
        &mut self,
        chain: &[D],
        at: OffsetDateTime,
        stores: &[Store],
    ) -> Vec<Verdict> {
        let now = at.unix_timestamp();
        let key = key(chain);
        let holds = self.known.get(&key).is_some_and(|judgements| {
            judgements
                .iter()
                .all(|it| it.until.is_none_or(|until| now < until))
        });
        if !holds {
            if self.known.len() >= Self::MOST {
                self.known.clear();
            }
            let judgements = stores
                .iter()
                .map(|store| judge(chain, now, store))
                .collect();
            self.known.insert(key, judgements);
        }
        let judgements = self.known.get(&key).map_or(&[][..], Vec::as_slice);
        judgements
            .iter()
            .zip(stores)
            .map(|(judgement, store)| judgement.verdict(at, store))
            .collect()
    }
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
        ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyPair, NameConstraints, date_time_ymd,
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

    fn leaf(params: CertificateParams, issuer: &Ca) -> Vec<u8> {
        params.signed_by(&key(), issuer).unwrap().der().to_vec()
    }

    fn store(root: &Ca) -> Store {
        Store::from_pem("test".into(), root.pem().as_bytes()).unwrap()
    }

    fn says(chain: &[Vec<u8>], store: &Store) -> (Option<bool>, String, Vec<String>) {
        let verdict = verdict(chain, NOW, store);
        (verdict.valid, verdict.reason, verdict.also)
    }

    fn no(reason: &str, also: &[&str]) -> (Option<bool>, String, Vec<String>) {
        (
            Some(false),
            reason.into(),
            also.iter().map(|&it| it.into()).collect(),
        )
    }

    fn yes(also: &[&str]) -> (Option<bool>, String, Vec<String>) {
        (
            Some(true),
            "valid".into(),
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
        assert_eq!(says(std::slice::from_ref(&forged), &store).0, Some(false));
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
        let mut narrow = params("narrow", true);
        narrow.name_constraints = Some(NameConstraints {
            permitted_subtrees: vec![GeneralSubtree::DnsName("allowed.test".into())],
            excluded_subtrees: vec![],
        });
        let narrow = intermediate(narrow, &root);
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
        let mut verdicts = Verdicts::default();
        assert_eq!(verdicts.on(&chain, NOW, &stores)[0].valid, Some(true));
        let later = datetime!(2027-03-01 00:00 UTC);
        let again = &verdicts.on(&chain, later, &stores)[0];
        assert_eq!(
            (again.valid, again.reason.as_str()),
            (Some(false), "expired")
        );
        assert_eq!(again.at, "2027-03-01T00:00:00.000Z");
        assert_eq!(verdicts.known.len(), 1);
    }
}
