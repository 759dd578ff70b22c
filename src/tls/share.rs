//! Key shares: our side of a key exchange in every group that can be computed with here (RFC 8446 §4.2.8, RFC 7748,
//! RFC 7919).
//!
//! The curves of aws-lc-rs; X448 by crrl; finite fields by plain arithmetic. Nothing secret is ever sent under these keys.

use std::fmt;

use aws_lc_rs::agreement::{self, PrivateKey, UnparsedPublicKey};
use num_bigint::BigUint;
use rustls::ffdhe_groups::{self, FfdheGroup};

use super::names::Group;

/// A share of ours in a key exchange.
pub struct KeyShare {
    /// The group.
    pub group: Group,
    /// What is sent.
    pub public: Vec<u8>,
    private: Private,
}

enum Private {
    Curve(&'static agreement::Algorithm, PrivateKey),
    X448([u8; 56]),
    FiniteField { prime: BigUint, exponent: BigUint },
}

impl KeyShare {
    /// A new share, if the group can be computed with here.
    pub fn generate(group: Group) -> Option<Self> {
        let (private, public) = if let Some(algorithm) = curve(group) {
            let private = PrivateKey::generate(algorithm).ok()?;
            let public = private.compute_public_key().ok()?.as_ref().to_vec();
            (Private::Curve(algorithm, private), public)
        } else if group == Group::X448 {
            let mut scalar = [0; 56];
            rand::fill(&mut scalar[..]);
            let public = crrl::x448::x448_base(&scalar).to_vec();
            (Private::X448(scalar), public)
        } else {
            let FfdheGroup { p, g } = finite_field(group)?;
            let prime = BigUint::from_bytes_be(p);
            // Over twice the strength of the largest group (RFC 7919 §5.2).
            let exponent = BigUint::from_bytes_be(&rand::random::<[u8; 56]>());
            let public = BigUint::from_bytes_be(g).modpow(&exponent, &prime);
            let public = padded(&public, p.len());
            (Private::FiniteField { prime, exponent }, public)
        };
        Some(Self {
            group,
            public,
            private,
        })
    }

    /// A share for the first of `groups` for which one can be made, to learn what a server chooses.
    pub fn to_ask(groups: &[u16]) -> Option<Self> {
        (groups.iter()).find_map(|&group| Self::generate(Group(group)))
    }

    /// The secret that this share and theirs make; none where theirs is no member of the group, or one that gives the
    /// secret away.
    pub(super) fn agree(&self, theirs: &[u8]) -> Option<Vec<u8>> {
        match &self.private {
            Private::Curve(algorithm, private) => {
                let theirs = UnparsedPublicKey::new(algorithm, theirs);
                agreement::agree(private, theirs, (), |secret| Ok(secret.to_vec())).ok()
            }
            Private::X448(scalar) => {
                let secret = crrl::x448::x448(theirs.try_into().ok()?, scalar);
                // RFC 7748 §6.2.
                (secret != [0; 56]).then(|| secret.to_vec())
            }
            Private::FiniteField { prime, exponent } => {
                let length = self.public.len();
                if theirs.len() != length {
                    return None;
                }
                let theirs = BigUint::from_bytes_be(theirs);
                let one = BigUint::from(1u8);
                // RFC 7919 §5.1.
                let is_member = theirs > one && theirs < prime - &one;
                is_member.then(|| padded(&theirs.modpow(exponent, prime), length))
            }
        }
    }
}

impl fmt::Debug for KeyShare {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("KeyShare");
        shown.field("group", &self.group).finish_non_exhaustive()
    }
}

fn curve(group: Group) -> Option<&'static agreement::Algorithm> {
    Some(match group.0 {
        29 => &agreement::X25519,
        23 => &agreement::ECDH_P256,
        24 => &agreement::ECDH_P384,
        25 => &agreement::ECDH_P521,
        _ => return None,
    })
}

fn finite_field(group: Group) -> Option<FfdheGroup<'static>> {
    Some(match group.0 {
        256 => ffdhe_groups::FFDHE2048,
        257 => ffdhe_groups::FFDHE3072,
        258 => ffdhe_groups::FFDHE4096,
        259 => ffdhe_groups::FFDHE6144,
        260 => ffdhe_groups::FFDHE8192,
        _ => return None,
    })
}

/// A number in so many octets (RFC 8446 §4.2.8.1, §7.4.1).
fn padded(number: &BigUint, length: usize) -> Vec<u8> {
    let octets = number.to_bytes_be();
    let mut padded = vec![0; length.saturating_sub(octets.len())];
    padded.extend(octets);
    padded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_come_to_one_secret_in_every_group() {
        for group in [29, 23, 24, 25, 30, 256, 257] {
            let share = || KeyShare::generate(Group(group)).unwrap();
            let (ours, theirs) = (share(), share());
            let secret = ours.agree(&theirs.public).unwrap();
            assert_eq!(
                Some(&secret),
                theirs.agree(&ours.public).as_ref(),
                "{group}"
            );
            assert_ne!(ours.public, theirs.public);
            let zeros = vec![0; ours.public.len()];
            assert_eq!(ours.agree(&zeros), None, "{group}");
            assert_eq!(ours.agree(&theirs.public[1..]), None, "{group}");
        }
        for group in [0, 22, 31, 512, 4588, 0x0a0a] {
            assert!(KeyShare::generate(Group(group)).is_none(), "{group}");
        }
    }

    #[test]
    fn elements_of_small_order_are_refused() {
        let share = KeyShare::generate(Group(256)).unwrap();
        let prime = BigUint::from_bytes_be(ffdhe_groups::FFDHE2048.p);
        for element in [BigUint::from(1u8), &prime - 1u8, prime.clone(), prime + 1u8] {
            assert_eq!(share.agree(&padded(&element, 256)), None, "{element}");
        }
    }
}
