//! Certificates (RFC 5280).

use std::net::IpAddr;

#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Curve, ExtendedKeyUsage, KeyType, KeyUsage, SignatureAlgorithm, Text};

/// A certificate, once. Key: sha256.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Cert {
    /// SHA-256 of the DER, hex.
    pub sha256: String,
    /// The certificate, base64 of its DER.
    pub der: String,
    /// What could be read of it; null with `fault` where nothing could.
    #[serde(flatten)]
    pub facts: Option<CertFacts>,
    /// Why it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// When it was first seen in this run.
    pub time: String,
    /// The run that saw it.
    pub run: String,
}

/// The facts of a certificate (RFC 5280).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct CertFacts {
    /// Subject, RFC 4514.
    pub subject: Text,
    /// Issuer, RFC 4514.
    pub issuer: Text,
    /// Serial number, hex, without the octet by which DER says that it is not negative.
    pub serial: String,
    /// notBefore; null where it is no time.
    pub not_before: Option<String>,
    /// notAfter.
    pub not_after: Option<String>,
    /// Common names of the subject.
    pub common_names: Vec<Text>,
    /// dNSNames of the subject alternative name, lower case.
    pub names: Vec<Text>,
    /// iPAddresses of the subject alternative name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ip_addresses: Vec<IpAddr>,
    /// The algorithm of the key.
    pub key_type: KeyType,
    /// Bits of the key (of the modulus, of the curve).
    pub key_bits: Option<u32>,
    /// The named curve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub curve: Option<Curve>,
    /// SHA-256 of the SubjectPublicKeyInfo, hex.
    pub spki_sha256: String,
    /// What it is signed with.
    pub signature_algorithm: SignatureAlgorithm,
    /// Issuer and subject are the same name.
    pub self_issued: bool,
    /// Signed with its own key; null where the algorithm cannot be checked here.
    pub self_signed: Option<bool>,
    /// cA of the basic constraints; false without them.
    pub ca: bool,
    /// pathLenConstraint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_len: Option<u32>,
    /// Key usages, by their RFC 5280 names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub key_usage: Vec<KeyUsage>,
    /// Extended key usages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extended_key_usage: Vec<ExtendedKeyUsage>,
    /// The TLS feature extension asks for a stapled response (RFC 7633).
    pub must_staple: bool,
    /// Embedded signed certificate timestamps (RFC 6962).
    pub scts: u32,
    /// X.509 version: 1 or 3.
    pub x509_version: u32,
}
