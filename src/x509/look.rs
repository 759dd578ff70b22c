//! Our own look at a chain, for the causes that path building hides (RFC 5280 §6.1).
//!
//! rustls-webpki stops at the first fault, and refuses some certificates that OpenSSL has always taken: version 1,
//! a CA as end entity, a root that is the leaf itself. This climbs from the leaf by names and signatures, and notes
//! everything that RFC 5280 §6.1 asks for and that is not so on the best way up. Names are compared as in §7.1.
//! What cannot be checked is the fault `unsupported`. [`super::verdict`] weighs the two.

use std::collections::BTreeSet;

use rustls::pki_types::TrustAnchor;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension, X509Extension};

use super::constraints::{self, ComparisonBudget, Constraints, TaggedName};
use super::der::{self, DerFault};
use super::signature::{SignatureCheck, Signed};
use super::store::Store;
use super::{dn, facts};
use crate::record::ChainReason;

/// The most certificates of a chain that are read, and that a way up can have. Chains of the web have two or three.
const MAX_CHAIN: usize = 128;
const MAX_MEMBERS: usize = 64;
/// The most signatures checked for a chain.
const MAX_CHECKS: u32 = 256;

/// What was seen.
#[derive(Debug)]
pub(super) struct Look {
    /// Where the best way up ends.
    pub end: PathEnd,
    /// Faults of the certificates on it.
    pub faults: BTreeSet<ChainReason>,
    /// The positions in the chain of those that are on it, and of all that could be.
    pub path: Vec<usize>,
    pub members: Vec<usize>,
    /// The leaf is a CA: a remark, not a fault.
    pub ca_as_end_entity: bool,
    /// The next time after which an answer about times may change.
    pub until: Option<i64>,
}

/// Where a way up ends; better ones first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PathEnd {
    /// At a root of the store.
    Anchored,
    /// At the leaf: it is its own issuer.
    SelfSigned,
    /// At a self-signed certificate that the store does not have.
    UnknownRoot,
    /// At a certificate whose issuer was not sent, but says where to fetch it, as public CAs do (RFC 5280 §4.2.2.1).
    Incomplete,
    /// At a certificate whose issuer was not sent, and nothing tells whether that is a root.
    MissingIssuer,
    /// At a signature that cannot be checked here.
    Unsupported,
    /// At a certificate that none of the issuers of its name has signed.
    BadSignature,
}

/// Climbs from the first certificate of `chain` at a time, seconds since 1970.
///
/// # Errors
/// The first certificate cannot be read.
pub(super) fn look<D: AsRef<[u8]>>(chain: &[D], at: i64, store: &Store) -> Result<Look, DerFault> {
    let leaf = Member::read(0, chain.first().map_or(&[], AsRef::as_ref))?;
    let mut others = Vec::new();
    for (position, der) in chain.iter().enumerate().take(MAX_CHAIN).skip(1) {
        // Many servers send their leaf twice; it is not its own issuer for that.
        let is_new = (chain[..position].iter()).all(|known| known.as_ref() != der.as_ref());
        others.extend(Member::read(position, der.as_ref()).ok().filter(|_| is_new));
    }
    // Some send every root they know: those that bear the name of no issuer are left out.
    let mut members = vec![leaf];
    let mut at_issuer_of = 0;
    while let Some(member) = members.get(at_issuer_of) {
        let (issuers, rest) =
            (others.into_iter()).partition::<Vec<_>, _>(|other| other.subject == member.issuer);
        members.extend(issuers);
        others = rest;
        at_issuer_of += 1;
    }
    let was_cut = chain.len() > MAX_CHAIN || members.len() > MAX_MEMBERS;
    members.truncate(MAX_MEMBERS);
    let mut climber = Climber {
        members: &members,
        store,
        at,
        checks: 0,
        budget: ComparisonBudget::for_one_chain(),
        path: vec![0],
        was_cut,
    };
    let way = climber.climb();
    Ok(Look {
        end: way.end,
        faults: way.faults,
        path: way.path.iter().map(|&at| members[at].position).collect(),
        members: members.iter().map(|member| member.position).collect(),
        ca_as_end_entity: members[0].is_ca(),
        until: members
            .iter()
            .flat_map(|member| {
                let validity = member.certificate.validity();
                [
                    validity.not_before.timestamp(),
                    validity.not_after.timestamp() + 1,
                ]
            })
            .filter(|&boundary| boundary > at)
            .min(),
    })
}

struct Member<'a> {
    /// In the chain as it was sent.
    position: usize,
    certificate: X509Certificate<'a>,
    signed: Signed<'a>,
    /// Contents of the SubjectPublicKeyInfo.
    spki: &'a [u8],
    /// In canonical form.
    subject: Vec<u8>,
    issuer: Vec<u8>,
    /// Its names that constraints speak of: those of the subjectAltName, the mailboxes of the subject if it has none
    /// there, and the subject.
    names: Vec<TaggedName<'a>>,
    /// The subtrees that it holds those below it to.
    constraints: Option<Constraints<'a>>,
    /// What is wrong with it, whatever its place.
    faults: BTreeSet<ChainReason>,
}

impl<'a> Member<'a> {
    fn read(position: usize, der: &'a [u8]) -> Result<Self, DerFault> {
        let certificate = facts::parse(der)?;
        let contents = |raw: &'a [u8]| {
            der::read(raw)
                .map(|element| element.contents)
                .ok_or(DerFault::NotDer(0))
        };
        let name = contents(certificate.tbs_certificate.subject.as_raw())?;
        let constraints = facts::extension(&certificate, 30)
            .and_then(der::read)
            .and_then(|it| Constraints::read(it.contents));
        let mut member = Self {
            position,
            signed: Signed::read(der).ok_or(DerFault::NotDer(0))?,
            spki: contents(certificate.tbs_certificate.subject_pki.raw)?,
            subject: dn::canonical(name),
            issuer: dn::canonical(contents(certificate.tbs_certificate.issuer.as_raw())?),
            names: names(&certificate, name),
            constraints,
            faults: BTreeSet::new(),
            certificate,
        };
        member.faults = member.faults_anywhere();
        Ok(member)
    }

    fn is_self_issued(&self) -> bool {
        self.subject == self.issuer
    }

    /// What is wrong with it, whatever its place: it breaks the encoding of RFC 5280 §4, or has a critical extension
    /// that is not known (§6.1.4 (o), §6.1.5 (f)), or one that is known and not processed here.
    fn faults_anywhere(&self) -> BTreeSet<ChainReason> {
        let is_malformed = self.certificate.version().0 > 2
            || !has_proper_times(&self.signed)
            || !is_minimal(self.certificate.raw_serial())
            || self.certificate.signature_algorithm != self.certificate.tbs_certificate.signature
            || self.certificate.extensions_map().is_err()
            || self.certificate.extensions().iter().any(is_unreadable);
        let criticals = || {
            let critical = (self.certificate.extensions().iter()).filter(|it| it.critical);
            critical.map(|it| it.oid.as_bytes())
        };
        let is_unknown = criticals().any(|oid| !is_processed(oid) && !is_about_policies(oid));
        [
            (is_malformed, ChainReason::Malformed),
            (is_unknown, ChainReason::CriticalExtension),
            (criticals().any(is_about_policies), ChainReason::Unsupported),
        ]
        .into_iter()
        .filter_map(|(holds, fault)| holds.then_some(fault))
        .collect()
    }

    fn basic_constraints(&self) -> Option<(bool, Option<u32>)> {
        facts::extension(&self.certificate, 19).and_then(facts::basic_constraints)
    }

    fn is_ca(&self) -> bool {
        self.basic_constraints().is_some_and(|(ca, _)| ca)
    }

    /// Its key may be used in a handshake.
    fn shakes_hands(&self) -> bool {
        let usage = self.certificate.key_usage().ok().flatten();
        usage.is_none_or(|it| {
            it.value.digital_signature() || it.value.key_encipherment() || it.value.key_agreement()
        })
    }

    /// What speaks against its names.
    fn breaks(
        &self,
        constraints: &Constraints<'_>,
        budget: &ComparisonBudget,
    ) -> Option<ChainReason> {
        let mut worst = None;
        for &name in &self.names {
            match constraints.fault(name, budget) {
                None => {}
                Some(ChainReason::Unsupported) => {
                    worst = Some(ChainReason::Unsupported);
                    break;
                }
                fault => return fault,
            }
        }
        worst
    }

    fn may_sign_certificates(&self) -> bool {
        let usage = self.certificate.key_usage().ok().flatten();
        self.is_ca() && usage.is_none_or(|it| it.value.key_cert_sign())
    }

    fn serves(&self) -> bool {
        let usage = self.certificate.extended_key_usage().ok().flatten();
        usage.is_none_or(|it| it.value.server_auth || it.value.any)
    }

    fn path_length(&self) -> Option<u32> {
        self.basic_constraints().and_then(|(_, length)| length)
    }

    fn says_where_its_issuer_is(&self) -> bool {
        self.certificate.extensions().iter().any(|extension| {
            matches!(extension.parsed_extension(), ParsedExtension::AuthorityInfoAccess(access)
            if access.accessdescs.iter().any(|description| {
                description.access_method.to_id_string() == "1.3.6.1.5.5.7.48.2"
                    && matches!(description.access_location, GeneralName::URI(_))
            }))
        })
    }
}

/// The names of a certificate with this subject that constraints speak of (RFC 5280 §4.2.1.10).
fn names<'a>(certificate: &X509Certificate<'a>, subject: &'a [u8]) -> Vec<TaggedName<'a>> {
    let mut names = facts::extension(certificate, 17)
        .and_then(constraints::general_names)
        .unwrap_or_default();
    if !names.iter().any(TaggedName::is_email) {
        names.extend(constraints::mailboxes(subject).unwrap_or_default());
    }
    names.extend((!subject.is_empty()).then(|| TaggedName::directory(subject)));
    names
}

/// The times of a certificate are written as RFC 5280 §4.1.2.5 says: to the second, in Greenwich.
fn has_proper_times(signed: &Signed<'_>) -> bool {
    facts::times(signed.message).is_some_and(|times| {
        times.iter().all(|time| {
            let length = match time.tag {
                der::UTC_TIME => 13,
                der::GENERALIZED_TIME => 15,
                _ => return false,
            };
            let digits = time.contents.strip_suffix(b"Z").unwrap_or_default();
            time.contents.len() == length && digits.iter().all(u8::is_ascii_digit)
        })
    })
}

/// An INTEGER with no octet too many (X.690 §8.3.2).
fn is_minimal(integer: &[u8]) -> bool {
    !matches!(integer, [] | [0, 0..=0x7f, ..] | [0xff, 0x80..=0xff, ..])
}

/// An extension that is processed, and is not what RFC 5280 §4.2.1 says it is.
fn is_unreadable(extension: &X509Extension<'_>) -> bool {
    match extension.oid.as_bytes() {
        [0x55, 0x1d, 17] => constraints::general_names(extension.value).is_none(),
        [0x55, 0x1d, 19] => facts::basic_constraints(extension.value).is_none(),
        [0x55, 0x1d, 30] => der::read(extension.value)
            .and_then(|it| Constraints::read(it.contents))
            .is_none(),
        [0x55, 0x1d, 15 | 37] => matches!(
            extension.parsed_extension(),
            ParsedExtension::ParseError { .. }
        ),
        _ => false,
    }
}

/// policyMappings, policyConstraints, inhibitAnyPolicy: they are known, and policies are not followed here.
fn is_about_policies(oid: &[u8]) -> bool {
    matches!(oid, [0x55, 0x1d, 33 | 36 | 54])
}

/// Whether the look, or the question it answers, takes an extension into account: keyUsage, subjectAltName,
/// basicConstraints, nameConstraints, cRLDistributionPoints, certificatePolicies (any policy will do), extKeyUsage.
fn is_processed(oid: &[u8]) -> bool {
    matches!(oid, [0x55, 0x1d, 15 | 17 | 19 | 30 | 31 | 32 | 37])
}

struct Way {
    end: PathEnd,
    faults: BTreeSet<ChainReason>,
    path: Vec<usize>,
}

impl Way {
    /// What to compare ways by, less is better: a way of which something is unknown is before one that is wrong.
    fn badness(&self) -> (PathEnd, bool, usize) {
        let is_wrong = self
            .faults
            .iter()
            .any(|&fault| fault != ChainReason::Unsupported);
        (self.end, is_wrong, self.faults.len())
    }

    fn is_good(&self) -> bool {
        self.end == PathEnd::Anchored && self.faults.is_empty()
    }
}

struct Climber<'a, 'm> {
    members: &'m [Member<'a>],
    store: &'m Store,
    at: i64,
    checks: u32,
    budget: ComparisonBudget,
    /// Positions from the leaf to where the climb is.
    path: Vec<usize>,
    /// There are more certificates than were read.
    was_cut: bool,
}

impl Climber<'_, '_> {
    /// The best way from the last member of the path.
    fn climb(&mut self) -> Way {
        let (members, store) = (self.members, self.store);
        let member = &members[self.path[self.path.len() - 1]];
        // It may itself be in the store: same name, same key.
        if let Some(anchor) = (store.named(&member.subject))
            .find(|anchor| anchor.subject_public_key_info.as_ref() == member.spki)
        {
            return self.ends_at(anchor, true);
        }
        let mut worst = PathEnd::MissingIssuer;
        let mut ways: Vec<Way> = Vec::new();
        for anchor in store.named(&member.issuer) {
            match self.check(member, anchor.subject_public_key_info.as_ref()) {
                SignatureCheck::Good => ways.push(self.ends_at(anchor, false)),
                SignatureCheck::Bad => worst = worst.max(PathEnd::BadSignature),
                SignatureCheck::Unsupported => worst = PathEnd::Unsupported,
            }
        }
        for (position, issuer) in members.iter().enumerate() {
            if ways.iter().any(Way::is_good) {
                break;
            }
            if issuer.subject != member.issuer || self.path.contains(&position) {
                continue;
            }
            match self.check(member, issuer.spki) {
                SignatureCheck::Good => {
                    self.path.push(position);
                    let way = self.climb();
                    self.path.pop();
                    ways.push(way);
                }
                SignatureCheck::Bad => worst = worst.max(PathEnd::BadSignature),
                SignatureCheck::Unsupported => worst = PathEnd::Unsupported,
            }
        }
        let best = ways.into_iter().min_by_key(Way::badness);
        best.unwrap_or_else(|| {
            let end = self.dead_end(member, worst);
            self.ends(end)
        })
    }

    /// What it means that no issuer of `member` was found.
    fn dead_end(&mut self, member: &Member<'_>, worst: PathEnd) -> PathEnd {
        if member.is_self_issued() {
            return match self.check(member, member.spki) {
                SignatureCheck::Bad => PathEnd::BadSignature,
                // A self-issued certificate whose signature cannot be checked goes by its names, as everywhere.
                _ if self.path.len() == 1 => PathEnd::SelfSigned,
                _ => PathEnd::UnknownRoot,
            };
        }
        match worst {
            // The issuer may be among those that were not read.
            PathEnd::MissingIssuer if self.was_cut => PathEnd::Unsupported,
            PathEnd::MissingIssuer if member.says_where_its_issuer_is() => PathEnd::Incomplete,
            worst => worst,
        }
    }

    fn check(&mut self, member: &Member<'_>, spki: &[u8]) -> SignatureCheck {
        self.checks += 1;
        if self.checks > MAX_CHECKS {
            return SignatureCheck::Unsupported;
        }
        member.signed.check(spki)
    }

    /// The way to an anchor, which is the last member of the path or its issuer.
    fn ends_at(&self, anchor: &TrustAnchor<'_>, is_member: bool) -> Way {
        // An anchor is its name and its key, whatever else its certificate says (RFC 5280 §6.1.1); but as a leaf it
        // serves, and is judged.
        let is_issuer = is_member && self.path.len() > 1;
        let judged = self.path.len() - usize::from(is_issuer);
        let mut faults = self.faults(&self.path[..judged]);
        if let (Some(constraints), true) = (&anchor.name_constraints, !is_member || is_issuer) {
            faults.extend(match Constraints::read(constraints) {
                Some(constraints) => self.broken(&constraints, &self.path[..judged]),
                None => Some(ChainReason::Malformed),
            });
        }
        Way {
            end: PathEnd::Anchored,
            faults,
            path: self.path[..judged].to_vec(),
        }
    }

    /// The way that ends here without an anchor.
    fn ends(&self, end: PathEnd) -> Way {
        Way {
            end,
            faults: self.faults(&self.path),
            path: self.path.clone(),
        }
    }

    /// What speaks against the names of certificates, of which the first is a leaf.
    fn broken(&self, constraints: &Constraints<'_>, path: &[usize]) -> Option<ChainReason> {
        let faults: Vec<_> = (path.iter().enumerate())
            .map(|(depth, &position)| (depth, &self.members[position]))
            .filter(|(depth, member)| *depth == 0 || !member.is_self_issued())
            .filter_map(|(_, member)| member.breaks(constraints, &self.budget))
            .collect();
        let is_broken = faults.contains(&ChainReason::NameConstraints);
        is_broken
            .then_some(ChainReason::NameConstraints)
            .or(faults.first().copied())
    }

    /// The faults of all that is on a path.
    fn faults(&self, path: &[usize]) -> BTreeSet<ChainReason> {
        let mut faults = BTreeSet::new();
        for (depth, &position) in path.iter().enumerate() {
            let member = &self.members[position];
            faults.extend(&member.faults);
            let validity = member.certificate.validity();
            if self.at > validity.not_after.timestamp() {
                faults.insert(ChainReason::Expired);
            }
            if self.at < validity.not_before.timestamp() {
                faults.insert(ChainReason::NotYetValid);
            }
            if !member.serves() {
                faults.insert(ChainReason::NotAServerCertificate);
            }
            if depth == 0 {
                if !member.shakes_hands() {
                    faults.insert(ChainReason::NotAServerCertificate);
                }
                continue;
            }
            // Roots of version 1 have no extensions to say that they are CAs.
            let may_sign = member.may_sign_certificates()
                || member.is_self_issued() && member.certificate.version().0 == 0;
            if !may_sign {
                faults.insert(ChainReason::NotACa);
            }
            let below = path[1..depth]
                .iter()
                .filter(|&&position| !self.members[position].is_self_issued())
                .count();
            if member
                .path_length()
                .is_some_and(|most| below as u64 > u64::from(most))
            {
                faults.insert(ChainReason::PathTooLong);
            }
            let constraints = member.constraints.as_ref();
            faults.extend(constraints.and_then(|it| self.broken(it, &path[..depth])));
        }
        faults
    }
}
