//! The TLS of a server of the world: its certificate, its key, its versions, or what no library of today speaks.

use anyhow::bail;
use rustls::SupportedProtocolVersion;
use serde::{Deserialize, Serialize};

use crate::record::TlsVersion;

/// A server's TLS.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct ServerTls {
    /// What kind of certificate it shows.
    pub certificate: Certificate,
    /// Its key.
    pub key: KeyKind,
    /// A second certificate of the same kind with this key, for clients that do not take the first: beside an ECDSA
    /// key an RSA one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub second_key: Option<KeyKind>,
    /// Names in the certificate; the class's own (`mx.lab.test`) when empty. Servers with equal class, key and names share one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// TLS 1.2, TLS 1.3, or both when empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<TlsVersion>,
    /// It speaks this instead, as far as its first flight.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub legacy: Option<Legacy>,
    /// It wants a certificate from its client, and goes on with none.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub client_certificate: bool,
    /// It closes where the record of the ClientHello has more octets than this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longest_hello: Option<u16>,
}

/// What no library of today speaks: a first flight that is scripted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Legacy {
    /// SSL 3.0 to TLS 1.2.
    pub version: TlsVersion,
    /// The suite, by any name that is known for it.
    pub cipher: String,
    /// Size of the Diffie-Hellman modulus, for suites that have one.
    #[serde(default = "usual_dh_bits")]
    pub dh_bits: u16,
    /// It says that it renegotiates securely (RFC 5746).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secure_renegotiation: bool,
    /// It chooses DEFLATE.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub compression: bool,
    /// It speaks this to clients without TLS 1.2 alone, and the TLS of today to the others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub beside: bool,
}

fn usual_dh_bits() -> u16 {
    1024
}

impl From<Certificate> for ServerTls {
    fn from(certificate: Certificate) -> Self {
        Self {
            certificate,
            key: KeyKind::default(),
            second_key: None,
            names: Vec::new(),
            versions: Vec::new(),
            legacy: None,
            client_certificate: false,
            longest_hello: None,
        }
    }
}

impl<'de> Deserialize<'de> for ServerTls {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// The certificate's class alone, or everything.
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Class(Certificate),
            Full(Full),
        }
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Full {
            #[serde(default)]
            certificate: Certificate,
            #[serde(default)]
            key: KeyKind,
            #[serde(default)]
            second_key: Option<KeyKind>,
            #[serde(default)]
            names: Vec<String>,
            #[serde(default)]
            versions: Vec<TlsVersion>,
            #[serde(default)]
            legacy: Option<Legacy>,
            #[serde(default)]
            client_certificate: bool,
            #[serde(default)]
            longest_hello: Option<u16>,
        }
        Ok(match Form::deserialize(deserializer)? {
            Form::Class(certificate) => certificate.into(),
            Form::Full(full) => Self {
                certificate: full.certificate,
                key: full.key,
                second_key: full.second_key,
                names: full.names,
                versions: full.versions,
                legacy: full.legacy,
                client_certificate: full.client_certificate,
                longest_hello: full.longest_hello,
            },
        })
    }
}

/// A kind of certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Certificate {
    /// A chain to the lab's root.
    #[default]
    Valid,
    /// Such a chain whose leaf ended in 2020.
    Expired,
    /// Such a chain whose leaf begins in 2099.
    NotYetValid,
    /// Signed by its own key.
    SelfSigned,
    /// A good chain for `other.invalid`.
    WrongName,
    /// The leaf without the intermediate that signed it.
    Incomplete,
    /// The same, and the leaf says where to fetch it (RFC 5280 §4.2.2.1), as those of public authorities do.
    IncompleteFetchable,
    /// A good chain whose leaf ends in a week.
    ExpiresSoon,
    /// A chain whose leaf may be used by clients alone.
    ClientOnly,
    /// A chain whose leaf says that it is signed by RSA with SHA-1. (It is not: nobody signs so any more.)
    Sha1,
    /// A good chain whose leaf has its name in the common name alone.
    CnOnly,
    /// A good chain for `*.` and the name's parent.
    Wildcard,
    /// A chain to a root that is in no store.
    UnknownIssuer,
}

/// A kind of key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyKind {
    /// RSA, 1024 bits: a public key alone, for a scripted first flight.
    Rsa1024,
    /// RSA, 2048 bits.
    Rsa2048,
    /// RSA, 3072 bits.
    Rsa3072,
    /// RSA, 4096 bits.
    Rsa4096,
    /// ECDSA on P-256.
    #[default]
    P256,
    /// ECDSA on P-384.
    P384,
    /// ECDSA on P-521.
    P521,
    /// Ed25519.
    Ed25519,
}

/// The versions as the library names them; both that it has, when none is named.
///
/// # Errors
///
/// It does not speak one of them.
pub(super) fn protocol_versions(
    versions: &[TlsVersion],
) -> anyhow::Result<Vec<&'static SupportedProtocolVersion>> {
    if versions.is_empty() {
        return Ok(rustls::ALL_VERSIONS.to_vec());
    }
    versions
        .iter()
        .map(|version| match version {
            TlsVersion::Tls12 => Ok(&rustls::version::TLS12),
            TlsVersion::Tls13 => Ok(&rustls::version::TLS13),
            other => bail!("no such TLS version here: {other}"),
        })
        .collect()
}
