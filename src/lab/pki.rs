//! The lab's certificates: a root, an intermediate, and a leaf for each class, key and set of names of the world.
//!
//! Keys are made once for each kind and shared: a world of thousands of servers starts as fast as one of ten.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, RsaKeySize, SanType,
    date_time_ymd,
};
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::{CertifiedKey, SigningKey};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::tls::{Certificate, KeyKind, ServerTls};

/// A chain and the key of its leaf.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Credential {
    /// DER, the leaf first.
    pub chain: Vec<Vec<u8>>,
    /// PKCS #8.
    pub key: Vec<u8>,
    /// The leaf's SubjectPublicKeyInfo.
    pub spki: Vec<u8>,
    /// The number of the credential for clients that do not take this one.
    pub second: Option<usize>,
}

impl Credential {
    /// It, as the library signs with it.
    ///
    /// # Errors
    /// Its key is none that can sign.
    pub fn certified(&self) -> Result<Arc<CertifiedKey>, rustls::Error> {
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.key.clone()));
        let chain = self.chain.iter().cloned().map(Into::into).collect();
        Ok(Arc::new(CertifiedKey::new(
            chain,
            any_supported_type(&key)?,
        )))
    }
}

/// The lab's certification authority.
pub struct LabAuthority {
    root: Ca,
    intermediate: Ca,
    stranger: Ca,
    keys: HashMap<KeyKind, KeyPair>,
    issued: HashMap<ServerTls, usize>,
    credentials: Vec<Credential>,
}

type Ca = CertifiedIssuer<'static, KeyPair>;

/// The name in certificates of servers that have no names of their own.
const SHARED_NAME: &str = "mx.lab.test";

impl LabAuthority {
    /// A new root with a new intermediate, and a root that no store holds.
    pub fn new() -> Result<Self, rcgen::Error> {
        let root = CertifiedIssuer::self_signed(
            ca_params("mail-lab root", BasicConstraints::Constrained(1))?,
            KeyPair::generate()?,
        )?;
        let intermediate = CertifiedIssuer::signed_by(
            ca_params("mail-lab intermediate", BasicConstraints::Constrained(0))?,
            KeyPair::generate()?,
            &root,
        )?;
        let stranger = CertifiedIssuer::self_signed(
            ca_params("mail-lab stranger", BasicConstraints::Constrained(1))?,
            KeyPair::generate()?,
        )?;
        Ok(Self {
            root,
            intermediate,
            stranger,
            keys: HashMap::new(),
            issued: HashMap::new(),
            credentials: Vec::new(),
        })
    }

    /// The root, for a scanner's `--roots`.
    pub fn root_pem(&self) -> String {
        self.root.pem()
    }

    /// The number of the credential for a server, made if it is the first to need it.
    pub fn credential(&mut self, tls: &ServerTls) -> Result<usize, rcgen::Error> {
        let wanted = ServerTls {
            certificate: tls.certificate,
            key: tls.key,
            second_key: tls.second_key,
            names: tls.names.clone(),
            ..Certificate::default().into()
        };
        if let Some(&number) = self.issued.get(&wanted) {
            return Ok(number);
        }
        let mut credential = self.issue(&wanted)?;
        if let Some(key) = tls.second_key {
            let second = ServerTls {
                key,
                second_key: None,
                ..wanted.clone()
            };
            credential.second = Some(self.credential(&second)?);
        }
        self.credentials.push(credential);
        let number = self.credentials.len() - 1;
        self.issued.insert(wanted, number);
        Ok(number)
    }

    /// The key of the intermediate (PKCS #8) and its certificate, for a [`LeafMaker`].
    pub fn intermediate(&self) -> (Vec<u8>, Vec<u8>) {
        let key = self.intermediate.key().serialized_der().to_vec();
        (key, self.intermediate.der().to_vec())
    }

    /// All credentials by their numbers.
    pub fn credentials(&self) -> &[Credential] {
        &self.credentials
    }

    fn issue(&mut self, tls: &ServerTls) -> Result<Credential, rcgen::Error> {
        if tls.key == KeyKind::Rsa1024 {
            return self.issue_short(tls);
        }
        let key = match self.keys.entry(tls.key) {
            Entry::Occupied(made) => made.into_mut(),
            Entry::Vacant(place) => place.insert(generate(tls.key)?),
        };
        let params = leaf_params(tls)?;
        let intermediate = self.intermediate.der().to_vec();
        let (leaf, above) = match tls.certificate {
            Certificate::SelfSigned => (params.self_signed(&*key)?, vec![]),
            Certificate::UnknownIssuer => (params.signed_by(&*key, &self.stranger)?, vec![]),
            Certificate::Incomplete | Certificate::IncompleteFetchable => {
                (params.signed_by(&*key, &self.intermediate)?, vec![])
            }
            Certificate::Sha1 => {
                let signer = rsa_authority()?;
                let leaf = params.signed_by(&*key, &signer)?;
                let chain = vec![said_sha1(leaf.der()), signer.der().to_vec()];
                return Ok(Credential {
                    chain,
                    key: key.serialized_der().to_vec(),
                    spki: rcgen::PublicKeyData::subject_public_key_info(&*key),
                    second: None,
                });
            }
            _ => (
                params.signed_by(&*key, &self.intermediate)?,
                vec![intermediate],
            ),
        };
        let mut chain = vec![leaf.der().to_vec()];
        chain.extend(above);
        Ok(Credential {
            chain,
            key: key.serialized_der().to_vec(),
            spki: rcgen::PublicKeyData::subject_public_key_info(&*key),
            second: None,
        })
    }
}

impl LabAuthority {
    /// A leaf for a key that nobody has: its chain can be shown, and no handshake finished.
    fn issue_short(&self, tls: &ServerTls) -> Result<Credential, rcgen::Error> {
        let public = ShortKey(rsa_public_key(1024));
        let leaf = leaf_params(tls)?.signed_by(&public, &self.intermediate)?;
        Ok(Credential {
            chain: vec![leaf.der().to_vec(), self.intermediate.der().to_vec()],
            key: Vec::new(),
            spki: rsa_spki(1024),
            second: None,
        })
    }
}

/// An RSA key that was never made.
struct ShortKey(Vec<u8>);

impl rcgen::PublicKeyData for ShortKey {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_RSA_SHA256
    }
}

/// The SubjectPublicKeyInfo of an RSA key of so many bits, a multiple of 8, whose modulus is no product of two primes:
/// nobody computes with it.
pub fn rsa_spki(bits: usize) -> Vec<u8> {
    rcgen::PublicKeyData::subject_public_key_info(&ShortKey(rsa_public_key(bits)))
}

/// The same as an RSAPublicKey (RFC 8017 §A.1.1).
fn rsa_public_key(bits: usize) -> Vec<u8> {
    let mut modulus: Vec<u8> = (0..bits / 8).map(|at| (at * 37 + 11) as u8 | 1).collect();
    if let Some(first) = modulus.first_mut() {
        *first |= 0x80;
    }
    modulus.insert(0, 0);
    let number = |octets: &[u8]| element(2, octets);
    element(0x30, &[number(&modulus), number(&[1, 0, 1])].concat())
}

/// Tag, length in as few octets as it takes, content (X.690 §8.1).
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut der = vec![tag];
    match u8::try_from(content.len()) {
        Ok(length) if length < 0x80 => der.push(length),
        Ok(length) => der.extend([0x81, length]),
        Err(_) => {
            der.push(0x82);
            der.extend((content.len() as u16).to_be_bytes());
        }
    }
    der.extend_from_slice(content);
    der
}

/// An authority whose certificates are signed by RSA, self-signed and in no store.
fn rsa_authority() -> Result<Ca, rcgen::Error> {
    CertifiedIssuer::self_signed(
        ca_params("mail-lab of old", BasicConstraints::Constrained(0))?,
        generate(KeyKind::Rsa2048)?,
    )
}

/// The same certificate with sha1WithRSAEncryption where sha256WithRSAEncryption stands (RFC 8017 §A.2.4): the numbers
/// differ in their last octet.
fn said_sha1(der: &[u8]) -> Vec<u8> {
    const SHA256_WITH_RSA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b";
    let mut der = der.to_vec();
    for at in 0..der.len().saturating_sub(SHA256_WITH_RSA.len()) {
        let end = at + SHA256_WITH_RSA.len();
        if der[at..end] == *SHA256_WITH_RSA {
            der[end - 1] = 5;
        }
    }
    der
}

/// Makes leaves for whatever name a client asks for, as the host of thousands of policies has them.
pub struct LeafMaker {
    intermediate: Issuer<'static, KeyPair>,
    intermediate_der: Vec<u8>,
    stranger: Ca,
    key: KeyPair,
    signer: Arc<dyn SigningKey>,
}

impl LeafMaker {
    /// From what [`LabAuthority::intermediate`] gave.
    ///
    /// # Errors
    /// That is no key.
    pub fn new((key, certificate): (Vec<u8>, Vec<u8>)) -> anyhow::Result<Self> {
        let params = ca_params("mail-lab intermediate", BasicConstraints::Constrained(0))?;
        let stranger = ca_params("mail-lab stranger", BasicConstraints::Constrained(1))?;
        let leaf_key = KeyPair::generate()?;
        let pkcs8 =
            PrivateKeyDer::from(PrivatePkcs8KeyDer::from(leaf_key.serialized_der().to_vec()));
        Ok(Self {
            intermediate: Issuer::new(params, KeyPair::try_from(key)?),
            intermediate_der: certificate,
            stranger: CertifiedIssuer::self_signed(stranger, KeyPair::generate()?)?,
            signer: any_supported_type(&pkcs8)?,
            key: leaf_key,
        })
    }

    /// A leaf of the kind of `tls` for `name`, or for the names of `tls` if it has any, with its chain and key.
    pub fn leaf(&self, tls: &ServerTls, name: &str) -> Option<Arc<CertifiedKey>> {
        let mut tls = tls.clone();
        if tls.names.is_empty() {
            tls.names.push(name.to_owned());
        }
        let params = leaf_params(&tls).ok()?;
        let made = match tls.certificate {
            Certificate::SelfSigned => params.self_signed(&self.key),
            Certificate::UnknownIssuer => params.signed_by(&self.key, &self.stranger),
            _ => params.signed_by(&self.key, &self.intermediate),
        };
        let mut chain = vec![made.ok()?.der().clone()];
        let is_alone = matches!(
            tls.certificate,
            Certificate::SelfSigned
                | Certificate::UnknownIssuer
                | Certificate::Incomplete
                | Certificate::IncompleteFetchable
        );
        if !is_alone {
            chain.push(self.intermediate_der.clone().into());
        }
        Some(Arc::new(CertifiedKey::new(chain, self.signer.clone())))
    }
}

impl std::fmt::Debug for LeafMaker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LeafMaker").finish_non_exhaustive()
    }
}

fn ca_params(name: &str, constraints: BasicConstraints) -> Result<CertificateParams, rcgen::Error> {
    let mut params = named(name, vec![])?;
    params.is_ca = IsCa::Ca(constraints);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

fn leaf_params(tls: &ServerTls) -> Result<CertificateParams, rcgen::Error> {
    let own: Vec<String> = match tls.certificate {
        Certificate::WrongName => vec!["other.invalid".into()],
        _ if tls.names.is_empty() => vec![SHARED_NAME.into()],
        _ => tls.names.clone(),
    };
    let names = match tls.certificate {
        Certificate::Wildcard => own
            .iter()
            .map(|name| format!("*.{}", name.split_once('.').map_or(&**name, |(_, up)| up)))
            .collect(),
        _ => own,
    };
    let alternative = match tls.certificate {
        Certificate::CnOnly => vec![],
        _ => names.clone(),
    };
    let mut params = named(&names[0], alternative)?;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = tls.certificate != Certificate::SelfSigned;
    match tls.certificate {
        Certificate::Expired => {
            params.not_before = date_time_ymd(2018, 1, 1);
            params.not_after = date_time_ymd(2020, 1, 1);
        }
        Certificate::NotYetValid => {
            params.not_before = date_time_ymd(2099, 1, 1);
            params.not_after = date_time_ymd(2100, 1, 1);
        }
        Certificate::ExpiresSoon => {
            params.not_after = OffsetDateTime::now_utc() + Duration::days(7);
        }
        Certificate::ClientOnly => {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        }
        Certificate::IncompleteFetchable => {
            params
                .custom_extensions
                .push(CustomExtension::from_oid_content(
                    AUTHORITY_INFORMATION,
                    ca_issuers("http://ca.test/intermediate.der"),
                ));
        }
        _ => {}
    }
    Ok(params)
}

/// A subject, its alternative names, and a validity that spans any test.
fn named(common: &str, alternative: Vec<String>) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::default();
    for name in alternative {
        params
            .subject_alt_names
            .push(SanType::DnsName(name.try_into()?));
    }
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common);
    params.not_before = date_time_ymd(2014, 1, 1);
    params.not_after = date_time_ymd(2098, 1, 1);
    Ok(params)
}

/// id-pe-authorityInfoAccess.
const AUTHORITY_INFORMATION: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 1, 1];

/// The extension's value: one description, of where the issuer's certificate is.
fn ca_issuers(uri: &str) -> Vec<u8> {
    // id-ad-caIssuers.
    let method = element(6, b"\x2b\x06\x01\x05\x05\x07\x30\x02");
    let location = element(0x86, uri.as_bytes());
    element(0x30, &element(0x30, &[method, location].concat()))
}

fn generate(key: KeyKind) -> Result<KeyPair, rcgen::Error> {
    let rsa = |size| KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, size);
    match key {
        // No library makes shorter ones: they are public keys alone.
        KeyKind::Rsa1024 | KeyKind::Rsa2048 => rsa(RsaKeySize::_2048),
        KeyKind::Rsa3072 => rsa(RsaKeySize::_3072),
        KeyKind::Rsa4096 => rsa(RsaKeySize::_4096),
        KeyKind::P256 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256),
        KeyKind::P384 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384),
        KeyKind::P521 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P521_SHA512),
        KeyKind::Ed25519 => KeyPair::generate_for(&rcgen::PKCS_ED25519),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_for_each_class_and_key() {
        let mut authority = LabAuthority::new().unwrap();
        let classes = [
            Certificate::Valid,
            Certificate::Expired,
            Certificate::NotYetValid,
            Certificate::SelfSigned,
            Certificate::WrongName,
            Certificate::Incomplete,
            Certificate::CnOnly,
            Certificate::Wildcard,
            Certificate::UnknownIssuer,
            Certificate::ExpiresSoon,
            Certificate::ClientOnly,
        ];
        for certificate in classes {
            for key in [
                KeyKind::P256,
                KeyKind::P384,
                KeyKind::P521,
                KeyKind::Ed25519,
                KeyKind::Rsa2048,
            ] {
                let tls = ServerTls {
                    key,
                    ..certificate.into()
                };
                let number = authority.credential(&tls).unwrap();
                assert_eq!(authority.credential(&tls).unwrap(), number);
                let length = authority.credentials()[number].chain.len();
                let alone = matches!(
                    certificate,
                    Certificate::SelfSigned | Certificate::Incomplete | Certificate::UnknownIssuer
                );
                assert_eq!(length, if alone { 1 } else { 2 });
            }
        }
        assert_eq!(authority.credentials().len(), classes.len() * 5);
    }
}
