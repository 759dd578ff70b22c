//! What a server speaks inside STARTTLS (RFC 3207, RFC 8446).

use std::net::IpAddr;

#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    AlertDescription, AlertLevel, ByWord, ChainReason, For, KeyType, LeafKey, NamedGroup, Outcome,
    SignatureAlgorithm, SignatureScheme, Text, Timings, TlsOddity, TlsVersion,
};

/// What a server speaks inside STARTTLS. Key: (ip, port), with `--sni each` (ip, port, server_name).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Tls {
    /// The address that was connected to.
    pub ip: IpAddr,
    /// The port.
    pub port: u16,
    /// The name sent as SNI (that of `for.exchange`, without a dot at its end); null: none was sent, as where it is an
    /// address or no host name.
    pub server_name: Option<String>,
    /// The line that caused it.
    #[serde(rename = "for", default)]
    pub cause: For,
    /// How the first connection ended, or the last try of it: `done/ok` once the handshake is finished; what followed
    /// inside TLS is in `inside`.
    pub outcome: Outcome,
    /// 220 to STARTTLS in this stage's connection.
    pub accepted: Option<bool>,
    /// A ServerHello was seen, and the chain where the suite sends one in the clear. Null where that chain never came.
    pub negotiated: Option<bool>,
    /// The handshake finished.
    pub completed: Option<bool>,
    /// The version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<TlsVersion>,
    /// The suite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cipher: Option<Cipher>,
    /// Key-exchange group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<NamedGroup>,
    /// Finite-field DH, where the server sent its parameters in clear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dh: Option<DhParameters>,
    /// Signature scheme of the server's proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature_scheme: Option<SignatureScheme>,
    /// An OCSP response was stapled; null where the flight that would show it was cut.
    pub ocsp_stapled: Option<bool>,
    /// Secure renegotiation (RFC 5746); null under TLS 1.3, or not learned.
    pub secure_renegotiation: Option<bool>,
    /// Extended master secret (RFC 7627); null under TLS 1.3, or not learned.
    pub extended_master_secret: Option<bool>,
    /// TLS compression was chosen; null where it was not offered, as in today's handshake.
    pub compression: Option<bool>,
    /// A client certificate was asked for; null where the flight that would show it was cut.
    pub client_certificate_requested: Option<bool>,
    /// Facts of the leaf, so that a line can be read alone; all certificates are in `cert` records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaf: Option<Leaf>,
    /// SHA-256 of every certificate sent, leaf first, hex.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<String>,
    /// The chain against each named store.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verdicts: Vec<Verdict>,
    /// The alert that the server sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<Alert>,
    /// How the second connection ended, where the first handshake failed: with a hello that offers everything, or without
    /// the name that the server does not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Outcome>,
    /// EHLO again inside TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inside: Option<Inside>,
    /// `--enumerate`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enumeration: Option<Enumeration>,
    /// Oddities, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<TlsOddity>,
    /// Connections made for this record.
    pub connections: u32,
    /// Tries, the last one included.
    pub attempts: u32,
    /// The outcomes of the tries before the last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<Outcome>,
    /// Durations of the steps, milliseconds.
    pub timings: Timings,
    /// When the last connection began.
    pub connected: Option<String>,
    /// When it was final.
    pub time: String,
    /// The run that measured it.
    pub run: String,
}

/// A cipher suite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Cipher {
    /// IANA name, or `0x1234` where the registry has none.
    pub iana: String,
    /// OpenSSL's name, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub openssl: Option<String>,
    /// The number on the wire, `0xC02F`.
    pub id: String,
    /// Bits of the bulk cipher's key (its strength in an export suite).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bits: Option<u16>,
}

impl Cipher {
    /// The number on the wire, 16 bits or 24 for a kind of SSLv2; none where `id` is no number.
    pub fn number(&self) -> Option<u32> {
        u32::from_str_radix(self.id.strip_prefix("0x")?, 16).ok()
    }
}

/// Parameters of a finite-field Diffie-Hellman exchange.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct DhParameters {
    /// Bits of the prime.
    pub bits: u32,
    /// SHA-256 of the prime (big-endian, without leading zeros), hex.
    pub prime_sha256: String,
    /// Its name, if it is a well-known one (`ffdhe2048`, `modp1024`, …).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A TLS alert (RFC 8446 §6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Alert {
    /// How grave it is.
    pub level: AlertLevel,
    /// What it says.
    pub description: AlertDescription,
}

/// What SMTP says inside TLS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Inside {
    /// How it went.
    pub outcome: Outcome,
    /// STARTTLS is offered again, which RFC 3207 §4.2 forbids.
    pub starttls: Option<bool>,
    /// Keywords (with parameters) that only the clear reply had, STARTTLS aside.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<String>,
    /// Keywords (with parameters) that only the reply inside TLS has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gained: Vec<String>,
}

/// The facts of a leaf that a reader of one line wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Leaf {
    /// SHA-256 of the certificate, hex.
    pub sha256: String,
    /// Subject, RFC 4514.
    pub subject: Text,
    /// Issuer, RFC 4514.
    pub issuer: Text,
    /// dNSNames of the subject alternative name, lower case.
    pub names: Vec<Text>,
    /// notBefore.
    pub not_before: Option<String>,
    /// notAfter.
    pub not_after: Option<String>,
    /// The algorithm of its key.
    pub key_type: KeyType,
    /// Bits of the key.
    pub key_bits: Option<u32>,
    /// What it is signed with.
    pub signature_algorithm: SignatureAlgorithm,
}

/// What a chain is worth at a time, against a store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Verdict {
    /// The store's name.
    pub store: String,
    /// Its version or date.
    pub store_date: String,
    /// The time that validity was judged at.
    pub at: String,
    /// The chain leads to a root of the store; null: could not be judged.
    pub valid: Option<bool>,
    /// `valid`, or the first cause against it, by the order of the vocabulary.
    pub reason: ChainReason,
    /// Other causes that hold at the same time, and remarks, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<ChainReason>,
}

/// What a server speaks beyond what it chose.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Enumeration {
    /// For each version asked: true, false, null.
    #[serde(default)]
    pub versions: ByWord<TlsVersion, Option<bool>>,
    /// Suites taken, by version, in the order the server chose them.
    #[serde(default, skip_serializing_if = "ByWord::is_empty")]
    pub ciphers: ByWord<TlsVersion, Vec<Cipher>>,
    /// Key-exchange groups taken, in the order the server chose them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<NamedGroup>>,
    /// SHA-256 of the leaf by the type of its key, where several are served.
    #[serde(default, skip_serializing_if = "ByWord::is_empty")]
    pub leaves: ByWord<LeafKey, String>,
    /// What could not be learned, `what: phase/reason`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
}
