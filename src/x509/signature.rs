//! Which signatures can be checked here, and the check (RFC 5280 §4.1.1.3).
//!
//! rustls-webpki refuses SHA-1 and RSA under 2048 bits; whether a chain leads to a root is another question than
//! whether its keys are strong, so the list here begins with RSA of every size and AWS-LC's legacy algorithms. Strength is told by
//! the judgement of weaknesses.

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA1_ASN1, ECDSA_P521_SHA1_ASN1, RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
    RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
    RSA_PKCS1_2048_8192_SHA384, UnparsedPublicKey, VerificationAlgorithm,
};
use rustls::pki_types::{
    AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id,
};
use webpki::aws_lc_rs as modern;

use super::der;
use super::rsa::{self, Hash, Rsa};

/// Every algorithm that is checked, legacy ones first: webpki takes the first whose identifiers fit.
pub static ALGORITHMS: &[&dyn SignatureVerificationAlgorithm] = &[
    &Rsa {
        key: alg_id::RSA_ENCRYPTION,
        signature: RSA_SHA1,
        hash: Hash::Sha1,
        usual: Some(&RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY),
    },
    &Rsa {
        key: alg_id::RSA_ENCRYPTION,
        signature: RSA_SHA224,
        hash: Hash::Sha224,
        usual: None,
    },
    &Rsa {
        key: alg_id::RSA_ENCRYPTION,
        signature: alg_id::RSA_PKCS1_SHA256,
        hash: Hash::Sha256,
        usual: Some(&RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY),
    },
    &Rsa {
        key: alg_id::RSA_ENCRYPTION,
        signature: alg_id::RSA_PKCS1_SHA384,
        hash: Hash::Sha384,
        usual: Some(&RSA_PKCS1_2048_8192_SHA384),
    },
    &Rsa {
        key: alg_id::RSA_ENCRYPTION,
        signature: alg_id::RSA_PKCS1_SHA512,
        hash: Hash::Sha512,
        usual: Some(&RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY),
    },
    &Legacy {
        key: alg_id::ECDSA_P256,
        signature: ECDSA_SHA1,
        algorithm: &ECDSA_P256_SHA1_ASN1,
    },
    &Legacy {
        key: alg_id::ECDSA_P521,
        signature: ECDSA_SHA1,
        algorithm: &ECDSA_P521_SHA1_ASN1,
    },
    modern::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
    modern::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
    modern::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
    modern::ECDSA_P256_SHA256,
    modern::ECDSA_P256_SHA384,
    modern::ECDSA_P256_SHA512,
    modern::ECDSA_P384_SHA256,
    modern::ECDSA_P384_SHA384,
    modern::ECDSA_P384_SHA512,
    modern::ECDSA_P521_SHA256,
    modern::ECDSA_P521_SHA384,
    modern::ECDSA_P521_SHA512,
    modern::ED25519,
];

/// sha1WithRSAEncryption with NULL parameters (RFC 3279 §2.2.1).
const RSA_SHA1: AlgorithmIdentifier = AlgorithmIdentifier::from_slice(&[
    0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05, 0x05, 0x00,
]);
/// sha224WithRSAEncryption with NULL parameters (RFC 4055 §5).
const RSA_SHA224: AlgorithmIdentifier = AlgorithmIdentifier::from_slice(&[
    0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0e, 0x05, 0x00,
]);
/// ecdsa-with-SHA1 (RFC 3279 §2.2.3).
const ECDSA_SHA1: AlgorithmIdentifier =
    AlgorithmIdentifier::from_slice(&[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01]);

/// The beginning of the OID of every algorithm of PKCS #1.
const PKCS1: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];

/// The OID of RSASSA-PSS (RFC 4055 §3).
const RSA_PSS: &[u8] = &[
    0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a,
];

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureCheck {
    /// Made with that key.
    Good,
    /// Not made with that key.
    Bad,
    /// An algorithm, a curve or a key size that cannot be checked here.
    Unsupported,
}

/// What was signed, and how: the three parts of a Certificate.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// TBSCertificate, header included.
    pub message: &'a [u8],
    /// Contents of signatureAlgorithm.
    pub algorithm: &'a [u8],
    /// Bits of the signature.
    pub signature: &'a [u8],
}

impl<'a> Signed<'a> {
    /// The parts of a certificate in DER.
    pub fn read(certificate: &'a [u8]) -> Option<Self> {
        let outer = der::read(certificate).filter(|outer| outer.tag == der::SEQUENCE)?;
        let message = der::read(outer.contents)?;
        let algorithm = der::read(message.rest).filter(|it| it.tag == der::SEQUENCE)?;
        Some(Self {
            message: message.whole,
            algorithm: algorithm.contents,
            signature: bits(der::read(algorithm.rest)?)?,
        })
    }

    /// Checks it with a key: the contents of a SubjectPublicKeyInfo.
    pub fn check(&self, spki: &[u8]) -> SignatureCheck {
        let Some((key_algorithm, key)) = key_of(spki) else {
            return SignatureCheck::Unsupported;
        };
        let fits = ALGORITHMS.iter().find(|algorithm| {
            algorithm.public_key_alg_id().as_ref() == key_algorithm
                && is_same_algorithm(algorithm.signature_alg_id().as_ref(), self.algorithm)
        });
        match fits {
            None => SignatureCheck::Unsupported,
            Some(algorithm) => {
                match algorithm.verify_signature(key, self.message, self.signature) {
                    Ok(()) => SignatureCheck::Good,
                    // RSA keys outside the bounds of the library fail like bad signatures.
                    Err(InvalidSignature) if is_odd_rsa(key_algorithm, key, self.algorithm) => {
                        SignatureCheck::Unsupported
                    }
                    Err(InvalidSignature) => SignatureCheck::Bad,
                }
            }
        }
    }
}

/// RSA signatures have parameters of NULL, and those without parameters must be taken too (RFC 4055 §5).
fn is_same_algorithm(known: &[u8], named: &[u8]) -> bool {
    known == named
        || known.starts_with(PKCS1)
            && known
                .strip_suffix(&[0x05, 0x00])
                .is_some_and(|it| it == named)
}

fn key_of(spki: &[u8]) -> Option<(&[u8], &[u8])> {
    let algorithm = der::read(spki).filter(|it| it.tag == der::SEQUENCE)?;
    Some((algorithm.contents, bits(der::read(algorithm.rest)?)?))
}

/// A BIT STRING of whole octets.
fn bits(element: der::Element<'_>) -> Option<&[u8]> {
    match element.contents.split_first() {
        Some((0, octets)) if element.tag == der::BIT_STRING => Some(octets),
        _ => None,
    }
}

/// Whether an RSA key is outside the bounds of what can be computed here: its size, or an exponent that is even or too long.
fn is_odd_rsa(key_algorithm: &[u8], key: &[u8], signature_algorithm: &[u8]) -> bool {
    if key_algorithm != alg_id::RSA_ENCRYPTION.as_ref() {
        return false;
    }
    if !signature_algorithm.starts_with(RSA_PSS) {
        return !rsa::is_computable(key);
    }
    // The library alone checks RSA-PSS.
    let numbers = der::read(key).and_then(|sequence| der::elements(sequence.contents));
    let Some([modulus, exponent]) = numbers.as_deref() else {
        return true;
    };
    let bits = |number: &der::Element<'_>| der::bits(number.contents).unwrap_or(0);
    let is_odd = |number: &der::Element<'_>| number.contents.last().is_some_and(|it| it & 1 == 1);
    !(2048..=8192).contains(&bits(modulus))
        || !(2..=33).contains(&bits(exponent))
        || !is_odd(modulus)
        || !is_odd(exponent)
}

/// An algorithm that webpki leaves out.
#[derive(Debug)]
struct Legacy {
    key: AlgorithmIdentifier,
    signature: AlgorithmIdentifier,
    algorithm: &'static dyn VerificationAlgorithm,
}

impl SignatureVerificationAlgorithm for Legacy {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        UnparsedPublicKey::new(self.algorithm, public_key)
            .verify(message, signature)
            .map_err(|Unspecified| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.key
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.signature
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RSAPublicKey of two numbers.
    fn key(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
        let number = |octets: &[u8]| {
            let length = u16::try_from(octets.len()).unwrap().to_be_bytes();
            [&[der::INTEGER, 0x82][..], &length, octets].concat()
        };
        let numbers = [number(modulus), number(exponent)].concat();
        let length = u16::try_from(numbers.len()).unwrap().to_be_bytes();
        [&[der::SEQUENCE, 0x82][..], &length, &numbers].concat()
    }

    #[test]
    fn rsa_keys_that_the_library_refuses_are_told_by_their_bits_and_exponent() {
        let modulus = |first: u8, octets: usize| [vec![first], vec![0xff; octets - 1]].concat();
        let is_odd = |modulus: &[u8], exponent: &[u8], signature: AlgorithmIdentifier| {
            let key = key(modulus, exponent);
            is_odd_rsa(alg_id::RSA_ENCRYPTION.as_ref(), &key, signature.as_ref())
        };
        let (pkcs1, pss) = (alg_id::RSA_PKCS1_SHA256, alg_id::RSA_PSS_SHA256);
        for octets in [64, 128, 256, 2048] {
            assert!(
                !is_odd(&modulus(0x80, octets), &[1, 0, 1], pkcs1),
                "{octets}"
            );
        }
        assert!(is_odd(&modulus(0x7f, 48), &[1, 0, 1], pkcs1));
        assert!(is_odd(&modulus(1, 2049), &[1, 0, 1], pkcs1));
        assert!(is_odd(&modulus(0x7f, 256), &[1, 0, 1], pss));
        assert!(!is_odd(&modulus(0x80, 256), &[1, 0, 1], pss));
        assert!(!is_odd(&modulus(0x80, 256), &[1, 0, 0, 0, 1], pss));
        assert!(is_odd(&modulus(0x80, 256), &[2, 0, 0, 0, 17], pss));
        assert!(!is_odd(&modulus(0x80, 256), &[2, 0, 0, 0, 17], pkcs1));
        assert!(is_odd(
            &modulus(0x80, 256),
            &[1, 0, 0, 0, 0, 0, 0, 0, 1],
            pkcs1
        ));
        assert!(is_odd(&modulus(0x80, 256), &[4], pkcs1));
        let bare = alg_id::RSA_PKCS1_SHA256.as_ref();
        assert!(is_same_algorithm(bare, &bare[..bare.len() - 2]));
    }
}
