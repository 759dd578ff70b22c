//! Our own look at a chain, for the causes that path building hides (RFC 5280 §6.1).
//!
//! rustls-webpki stops at the first fault, and refuses some certificates that OpenSSL has always taken: version 1,
//! a CA as end entity, a root that is the leaf itself. This climbs from the leaf by names and signatures, and notes
//! everything that it meets on the best way up. It never makes a chain valid that breaks a time, a signature or a
//! constraint it can see; [`super::verdict`] weighs the two.

use std::collections::BTreeSet;

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};

use super::der::{self, Fault};
use super::facts;
use super::signature::{Checked, Signed};
use super::store::Store;

/// The most signatures checked for a chain, and the longest way up. Chains of the web have two or three members.
const MAX_CHECKS: u32 = 64;
const MAX_DEPTH: usize = 12;

/// What was seen.
#[derive(Debug)]
pub(super) struct Look {
    /// Where the best way up ends.
    pub end: End,
    /// Faults of the certificates on it.
    pub faults: BTreeSet<&'static str>,
    /// The leaf is a CA: a remark, not a fault.
    pub ca_as_end_entity: bool,
    /// The next time after which an answer about times may change.
    pub until: Option<i64>,
}

/// Where a way up ends; better ones first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum End {
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
pub(super) fn look<D: AsRef<[u8]>>(chain: &[D], at: i64, store: &Store) -> Result<Look, Fault> {
    let leaf = Member::of(chain.first().map_or(&[], AsRef::as_ref))?;
    let mut members = vec![leaf];
    for (position, der) in chain.iter().enumerate().skip(1) {
        // Many servers send their leaf twice; it is not its own issuer for that.
        let is_new = (chain[..position].iter()).all(|known| known.as_ref() != der.as_ref());
        members.extend(Member::of(der.as_ref()).ok().filter(|_| is_new));
    }
    let mut climber = Climber {
        members: &members,
        store,
        at,
        checks: 0,
        path: vec![0],
    };
    let way = climber.climb();
    Ok(Look {
        end: way.end,
        faults: way.faults,
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
    certificate: X509Certificate<'a>,
    signed: Signed<'a>,
    /// Contents of the SubjectPublicKeyInfo, of the subject, of the issuer.
    spki: &'a [u8],
    subject: &'a [u8],
    issuer: &'a [u8],
}

impl<'a> Member<'a> {
    fn of(der: &'a [u8]) -> Result<Self, Fault> {
        let certificate = facts::parse(der)?;
        let contents = |raw: &'a [u8]| {
            der::read(raw)
                .map(|element| element.contents)
                .ok_or(Fault::NotDer(0))
        };
        Ok(Self {
            signed: Signed::of(der).ok_or(Fault::NotDer(0))?,
            spki: contents(certificate.tbs_certificate.subject_pki.raw)?,
            subject: contents(certificate.tbs_certificate.subject.as_raw())?,
            issuer: contents(certificate.tbs_certificate.issuer.as_raw())?,
            certificate,
        })
    }

    fn is_ca(&self) -> bool {
        let constraints = self.certificate.basic_constraints().ok().flatten();
        constraints.is_some_and(|it| it.value.ca)
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
        let constraints = self.certificate.basic_constraints().ok().flatten();
        constraints.and_then(|it| it.value.path_len_constraint)
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

struct Way {
    end: End,
    faults: BTreeSet<&'static str>,
}

struct Climber<'a, 'm> {
    members: &'m [Member<'a>],
    store: &'m Store,
    at: i64,
    checks: u32,
    /// Positions from the leaf to where the climb is.
    path: Vec<usize>,
}

impl Climber<'_, '_> {
    /// The best way from the last member of the path.
    fn climb(&mut self) -> Way {
        let member = &self.members[self.path[self.path.len() - 1]];
        if self.is_anchor(member) {
            return self.ends(End::Anchored);
        }
        let mut worst = End::MissingIssuer;
        let mut best: Option<Way> = None;
        let store = self.store;
        for anchor in store.named(member.issuer) {
            match self.check(member, anchor.subject_public_key_info.as_ref()) {
                Checked::Good => return self.ends(End::Anchored),
                // Another key of the same name may have signed it: roots are renewed.
                Checked::Bad => {}
                Checked::Unsupported => worst = End::Unsupported,
            }
        }
        for (position, issuer) in self.members.iter().enumerate() {
            if issuer.subject != member.issuer
                || self.path.contains(&position)
                || self.path.len() >= MAX_DEPTH
            {
                continue;
            }
            match self.check(member, issuer.spki) {
                Checked::Good => {
                    self.path.push(position);
                    let way = self.climb();
                    self.path.pop();
                    let better = best.as_ref().is_none_or(|best| {
                        (way.end, way.faults.len()) < (best.end, best.faults.len())
                    });
                    if better {
                        best = Some(way);
                    }
                }
                Checked::Bad if worst == End::MissingIssuer => worst = End::BadSignature,
                Checked::Bad => {}
                Checked::Unsupported => worst = End::Unsupported,
            }
        }
        match best {
            Some(best) => best,
            None => {
                let end = self.dead_end(member, worst);
                self.ends(end)
            }
        }
    }

    /// What it means that no issuer of `member` was found.
    fn dead_end(&mut self, member: &Member<'_>, worst: End) -> End {
        if member.subject == member.issuer {
            return match self.check(member, member.spki) {
                Checked::Bad => End::BadSignature,
                // A self-issued certificate whose signature cannot be checked goes by its names, as everywhere.
                _ if self.path.len() == 1 => End::SelfSigned,
                _ => End::UnknownRoot,
            };
        }
        match worst {
            End::MissingIssuer if member.says_where_its_issuer_is() => End::Incomplete,
            worst => worst,
        }
    }

    /// Whether it is itself in the store: same name, same key.
    fn is_anchor(&self, member: &Member<'_>) -> bool {
        self.store
            .named(member.subject)
            .any(|anchor| anchor.subject_public_key_info.as_ref() == member.spki)
    }

    fn check(&mut self, member: &Member<'_>, spki: &[u8]) -> Checked {
        self.checks += 1;
        if self.checks > MAX_CHECKS {
            return Checked::Unsupported;
        }
        member.signed.check(spki)
    }

    /// The way that ends here, with the faults of all that is on it.
    fn ends(&self, end: End) -> Way {
        let mut faults = BTreeSet::new();
        for (depth, &position) in self.path.iter().enumerate() {
            let member = &self.members[position];
            let validity = member.certificate.validity();
            if self.at > validity.not_after.timestamp() {
                faults.insert("expired");
            }
            if self.at < validity.not_before.timestamp() {
                faults.insert("not_yet_valid");
            }
            if !member.serves() {
                faults.insert("not_a_server_certificate");
            }
            if depth == 0 {
                continue;
            }
            let is_root = member.subject == member.issuer;
            // Roots of version 1 have no extensions to say that they are CAs.
            let may_sign =
                member.may_sign_certificates() || is_root && member.certificate.version().0 == 0;
            if !may_sign {
                faults.insert("not_a_ca");
            }
            let below = self.path[1..depth]
                .iter()
                .map(|&position| &self.members[position])
                .filter(|member| member.subject != member.issuer)
                .count();
            if member
                .path_length()
                .is_some_and(|most| below as u64 > u64::from(most))
            {
                faults.insert("path_too_long");
            }
        }
        Way { end, faults }
    }
}
