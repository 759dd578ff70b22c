//! What the handshake of today offers: all that rustls speaks, and what it lacks of TLS 1.3, behind it: rare groups and
//! AES-CCM (RFC 8446 §B.4, RFC 7748, RFC 7919). So a server that speaks nothing but these is met at once.
//!
//! All of it is computed, not only offered: a server may prefer any of it.

use std::sync::{Arc, LazyLock};

use rustls::crypto::aws_lc_rs::{self, kx_group};
use rustls::crypto::{ActiveKeyExchange, CryptoProvider, SharedSecret, SupportedKxGroup};
use rustls::ffdhe_groups::FfdheGroup;
use rustls::{
    CipherSuite, CipherSuiteCommon, Error, NamedGroup, PeerMisbehaved, ProtocolVersion,
    SignatureScheme, SupportedCipherSuite, Tls12CipherSuite, Tls13CipherSuite,
};

use super::ccm::CcmRecords;
use super::names::Group;
use super::share::KeyShare;
use super::suite::SuiteNumber;

/// The provider, made once.
pub(super) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
        let mut provider = aws_lc_rs::default_provider();
        provider.kx_groups.extend(RARE_GROUPS);
        provider
            .kx_groups
            .extend([kx_group::SECP256R1MLKEM768, kx_group::MLKEM768]);
        for suite in &mut provider.cipher_suites {
            *suite = with_ed448(*suite);
        }
        provider.cipher_suites.extend(ccm_suites());
        Arc::new(provider)
    });
    PROVIDER.clone()
}

/// Every scheme in which a server may sign: nothing is checked, so none needs to be known. Those of RSA-PSS keys
/// (RFC 8446 §4.2.3) and of Brainpool curves (RFC 8734) have no name in rustls.
pub(super) const SCHEMES: [SignatureScheme; 22] = [
    SignatureScheme::ECDSA_NISTP256_SHA256,
    SignatureScheme::ECDSA_NISTP384_SHA384,
    SignatureScheme::ECDSA_NISTP521_SHA512,
    SignatureScheme::ED25519,
    SignatureScheme::ED448,
    SignatureScheme::RSA_PSS_SHA256,
    SignatureScheme::RSA_PSS_SHA384,
    SignatureScheme::RSA_PSS_SHA512,
    SignatureScheme::Unknown(0x0809),
    SignatureScheme::Unknown(0x080a),
    SignatureScheme::Unknown(0x080b),
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA512,
    SignatureScheme::Unknown(0x081a),
    SignatureScheme::Unknown(0x081b),
    SignatureScheme::Unknown(0x081c),
    SignatureScheme::ML_DSA_44,
    SignatureScheme::ML_DSA_65,
    SignatureScheme::ML_DSA_87,
    SignatureScheme::ECDSA_SHA1_Legacy,
    SignatureScheme::RSA_PKCS1_SHA1,
];

/// The groups that rustls does not bring along. Those of finite fields are for TLS 1.3: what they are in TLS 1.2 is asked
/// for without RFC 7919, so that a server shows its own parameters.
const RARE_GROUPS: [&dyn SupportedKxGroup; 7] = [
    &RareGroup(NamedGroup::secp521r1),
    &RareGroup(NamedGroup::X448),
    &RareGroup(NamedGroup::FFDHE2048),
    &RareGroup(NamedGroup::FFDHE3072),
    &RareGroup(NamedGroup::FFDHE4096),
    &RareGroup(NamedGroup::FFDHE6144),
    &RareGroup(NamedGroup::FFDHE8192),
];

#[derive(Debug)]
struct RareGroup(NamedGroup);

impl SupportedKxGroup for RareGroup {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        match KeyShare::generate(Group(self.0.into())) {
            Some(share) => Ok(Box::new(share)),
            None => Err(Error::General("no key share".to_owned())),
        }
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn name(&self) -> NamedGroup {
        self.0
    }

    fn usable_for_version(&self, version: ProtocolVersion) -> bool {
        let is_curve = matches!(self.0, NamedGroup::secp521r1 | NamedGroup::X448);
        is_curve || version == ProtocolVersion::TLSv1_3
    }
}

impl ActiveKeyExchange for KeyShare {
    fn complete(self: Box<Self>, theirs: &[u8]) -> Result<SharedSecret, Error> {
        let secret = self.agree(theirs).ok_or(PeerMisbehaved::InvalidKeyShare)?;
        Ok(SharedSecret::from(&secret[..]))
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn pub_key(&self) -> &[u8] {
        &self.public
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::from(self.group.0)
    }
}

/// A suite of TLS 1.2 for keys on Edwards curves takes both of them (RFC 8422 §2.1).
fn with_ed448(suite: SupportedCipherSuite) -> SupportedCipherSuite {
    const CURVES: [SignatureScheme; 6] = [
        SignatureScheme::ED448,
        SignatureScheme::ED25519,
        SignatureScheme::ECDSA_NISTP521_SHA512,
        SignatureScheme::ECDSA_NISTP384_SHA384,
        SignatureScheme::ECDSA_NISTP256_SHA256,
        SignatureScheme::ECDSA_SHA1_Legacy,
    ];
    match suite {
        SupportedCipherSuite::Tls12(old) if old.sign.contains(&SignatureScheme::ED25519) => {
            // Once in a process, since the provider is made once.
            SupportedCipherSuite::Tls12(Box::leak(Box::new(Tls12CipherSuite {
                common: CipherSuiteCommon {
                    suite: old.common.suite,
                    hash_provider: old.common.hash_provider,
                    confidentiality_limit: old.common.confidentiality_limit,
                },
                prf_provider: old.prf_provider,
                kx: old.kx,
                sign: &CURVES,
                aead_alg: old.aead_alg,
            })))
        }
        _ => suite,
    }
}

/// The suites with CCM, with all else from the one with GCM.
fn ccm_suites() -> impl Iterator<Item = SupportedCipherSuite> {
    static SUITES: LazyLock<Vec<Tls13CipherSuite>> = LazyLock::new(|| {
        let gcm = aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256.tls13();
        let suite = |suite, aead_alg| {
            gcm.map(|gcm| Tls13CipherSuite {
                common: CipherSuiteCommon {
                    suite,
                    hash_provider: gcm.common.hash_provider,
                    confidentiality_limit: gcm.common.confidentiality_limit,
                },
                hkdf_provider: gcm.hkdf_provider,
                aead_alg,
                quic: None,
            })
        };
        let whole = suite(
            CipherSuite::TLS13_AES_128_CCM_SHA256,
            &CcmRecords(SuiteNumber::AES_128_CCM),
        );
        let short = suite(
            CipherSuite::TLS13_AES_128_CCM_8_SHA256,
            &CcmRecords(SuiteNumber::AES_128_CCM_8),
        );
        whole.into_iter().chain(short).collect()
    });
    SUITES.iter().map(SupportedCipherSuite::Tls13)
}
