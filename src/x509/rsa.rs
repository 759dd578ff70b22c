//! RSA signatures of every key size and with every hash of certificates (RFC 8017 §8.1, §8.2), for those that aws-lc-rs
//! refuses: a chain of 2003 has keys of 512 bits, a careful one of today 16,384. Whether a key is strong is another question.
//!
//! Only public keys are computed with, so nothing secret can leak by its time. What the other side chooses is bounded.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{UnparsedPublicKey, VerificationAlgorithm};
use num_bigint::BigUint;
use rustls::pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm};

use super::der;

/// The largest modulus that is computed with, bits.
pub(super) const MOST_BITS: u32 = 16_384;
/// The smallest: no hash fits into less.
pub(super) const LEAST_BITS: u32 = 384;
/// The longest exponent, bits; real ones have 17.
pub(super) const MOST_EXPONENT_BITS: u32 = 64;

/// A hash of signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    fn algorithm(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha224 => &digest::SHA224,
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        }
    }

    fn digest(self, parts: &[&[u8]]) -> Vec<u8> {
        let mut context = digest::Context::new(self.algorithm());
        for part in parts {
            context.update(part);
        }
        context.finish().as_ref().to_vec()
    }

    /// Its OID, the element.
    fn oid(self) -> &'static [u8] {
        match self {
            Self::Sha1 => &[6, 5, 0x2b, 0x0e, 3, 2, 0x1a],
            Self::Sha224 => &[6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 4],
            Self::Sha256 => &[6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1],
            Self::Sha384 => &[6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2],
            Self::Sha512 => &[6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3],
        }
    }

    /// DigestInfo of a message (RFC 8017 §9.2), with parameters of NULL or without.
    fn info(self, message: &[u8], has_null: bool) -> Vec<u8> {
        let null: &[u8] = if has_null { &[5, 0] } else { &[] };
        let algorithm = [self.oid(), null].concat();
        let hash = self.digest(&[message]);
        let inner = [
            &[der::SEQUENCE, algorithm.len() as u8][..],
            &algorithm,
            &[4, hash.len() as u8],
            &hash,
        ]
        .concat();
        [&[der::SEQUENCE, inner.len() as u8][..], &inner].concat()
    }
}

/// PKCS #1 version 1.5 signatures with one hash.
#[derive(Debug)]
pub(super) struct Rsa {
    pub(super) key: AlgorithmIdentifier,
    pub(super) signature: AlgorithmIdentifier,
    pub(super) hash: Hash,
    /// The fast way, for usual keys.
    pub(super) usual: Option<&'static dyn VerificationAlgorithm>,
}

impl SignatureVerificationAlgorithm for Rsa {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        let is_usual = self.usual.is_some_and(|usual| {
            UnparsedPublicKey::new(usual, public_key)
                .verify(message, signature)
                .is_ok()
        });
        match is_usual || is_signed(self.hash, public_key, message, signature) {
            true => Ok(()),
            false => Err(InvalidSignature),
        }
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.key
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.signature
    }
}

/// Whether an RSAPublicKey (RFC 8017 §A.1.1) can be computed with here.
pub(super) fn is_computable(key: &[u8]) -> bool {
    numbers(key).is_some()
}

/// Modulus and exponent, within the bounds.
fn numbers(key: &[u8]) -> Option<(BigUint, BigUint, usize)> {
    let numbers = der::read(key).and_then(|sequence| der::elements(sequence.contents))?;
    let [modulus, exponent] = &numbers[..] else {
        return None;
    };
    let bits = |number: &der::Element<'_>| der::bits(number.contents).unwrap_or(0);
    let is_odd = |number: &der::Element<'_>| number.contents.last().is_some_and(|it| it & 1 == 1);
    let is_bounded = (LEAST_BITS..=MOST_BITS).contains(&bits(modulus))
        && (2..=MOST_EXPONENT_BITS).contains(&bits(exponent));
    if !is_bounded || !is_odd(modulus) || !is_odd(exponent) {
        return None;
    }
    let octets = bits(modulus).div_ceil(8) as usize;
    let number = |number: &der::Element<'_>| BigUint::from_bytes_be(number.contents);
    Some((number(modulus), number(exponent), octets))
}

fn is_signed(hash: Hash, key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let Some((modulus, exponent, octets)) = numbers(key) else {
        return false;
    };
    let number = BigUint::from_bytes_be(signature);
    if signature.len() != octets || number >= modulus {
        return false;
    }
    let opened = number.modpow(&exponent, &modulus).to_bytes_be();
    [true, false].into_iter().any(|has_null| {
        let info = hash.info(message, has_null);
        // 00 01 FF … FF 00 and the DigestInfo, with eight FF at least; the first octet is no part of the number.
        let Some(filling) = octets.checked_sub(info.len() + 3).filter(|&it| it >= 8) else {
            return false;
        };
        let expected = [&[1][..], &vec![0xff; filling], &[0], &info].concat();
        opened == expected
    })
}
