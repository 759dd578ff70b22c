//! The Received fields of a message (RFC 5321 §4.4).

use std::net::IpAddr;

#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Cipher, Evidence, FieldFault, LeftOut, Text, TlsVersion, TransmissionType, UnreadableReason,
};

/// One Received field of a message (RFC 5321 §4.4). Key: (message, hop). Local parts of addresses, message ids and
/// queue ids are never in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Hop {
    /// The message: first 16 bytes of SHA-256 over its raw header block (keyed with `--id-key`), hex.
    pub message: String,
    /// Position, from 1, the oldest.
    pub hop: u32,
    /// Hops in this message.
    pub of: u32,
    /// The sending end; null: the field names none.
    pub from: Option<HopEnd>,
    /// The end that received, and wrote the field; null: the field names none.
    pub by: Option<HopEnd>,
    /// The value of `with`: protocols, products and suites as written, and `*` for other words, since logins stand there too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with: Option<Text>,
    /// The protocol it names: the word of the registry among its words, else one that is known without being there; null:
    /// none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<TransmissionType>,
    /// Whether it went encrypted, by what the writer says; null: it does not say.
    pub encrypted: Option<bool>,
    /// What `encrypted` rests on.
    pub evidence: Evidence,
    /// The version, named as in `tls` records; null: none was named, or `TLSv1/SSLv3`, which is a family of versions, or one
    /// in which the suite that was named does not exist (the suite is null too then, and both are in `stated`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<TlsVersion>,
    /// The suite, named as in `tls` records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cipher: Option<Cipher>,
    /// Bits of the bulk cipher's key, as the writer says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bits: Option<u16>,
    /// Version and cipher as written, where either is not what this record calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stated: Option<Stated>,
    /// The software or service that wrote the field: `postfix`, `exim`, `gmail`, …; null: not recognised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writer: Option<String>,
    /// When it was received, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// Milliseconds since the hop before it; below zero where the clocks disagree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<i64>,
    /// Whether it went from one organisation to another over the Internet; null: an end's organisation is unknown.
    pub inter_organisation: Option<bool>,
    /// Why it is none, or what is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<LeftOut>,
    /// Written at or above the border of a `--trusted-by` domain; false: it could be forged; null: no such domain was given.
    pub trusted: Option<bool>,
    /// What is wrong with the field, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<FieldFault>,
    /// Why the field could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<UnreadableReason>,
    /// The shape of a field that could not be read: keywords, protocols, addresses of hosts and domains of mail addresses, and
    /// `*` for all other words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<Text>,
    /// The run that read it.
    pub run: String,
}

impl Hop {
    /// A hop of which nothing is known yet.
    pub fn unread() -> Self {
        Self {
            message: String::new(),
            hop: 0,
            of: 0,
            from: None,
            by: None,
            with: None,
            protocol: None,
            encrypted: None,
            evidence: Evidence::Unreadable,
            version: None,
            cipher: None,
            bits: None,
            stated: None,
            writer: None,
            time: None,
            delay_ms: None,
            inter_organisation: None,
            left_out: None,
            trusted: None,
            faults: Vec::new(),
            reason: None,
            raw: None,
            run: String::new(),
        }
    }
}

/// One end of a hop: what was claimed, what was looked up, and the address of the connection are kept apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct HopEnd {
    /// Its best name: the looked-up one, else the claimed one. For `by`, the name in the field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// What it said in HELO or EHLO, if that is a host name or an address. A name without a dot is kept where an address
    /// stands beside it, and none that the field states as somebody's local part or login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub helo: Option<Text>,
    /// The name that the receiver looked up for the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rdns: Option<String>,
    /// Its address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<IpAddr>,
    /// The registered domain of `host` by the public suffix list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registered_domain: Option<String>,
}

/// Version and cipher in the writer's words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Stated {
    /// `TLSv1/SSLv3`, `TLS1_2`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Text>,
    /// `TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384_P384`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cipher: Option<Text>,
}
