//! What a server says on port 25 (RFC 5321, RFC 3207).

use std::net::IpAddr;

#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{NamedCounts, Oddity, Outcome, Speaker, Text, TlsLine};

/// The line that caused a probe.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct For {
    /// The first domain that named the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// The exchange by which it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<String>,
}

/// What a server says on port 25. Key: (ip, port).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Smtp {
    /// The address that was connected to.
    pub ip: IpAddr,
    /// The port.
    pub port: u16,
    /// The line that caused the probe.
    #[serde(rename = "for", default)]
    pub cause: For,
    /// How it ended: `done/ok` when STARTTLS was answered one way or the other.
    pub outcome: Outcome,
    /// EHLO was answered 250. Null: not learned (deferred, timeout, …).
    pub esmtp: Option<bool>,
    /// STARTTLS, as far as this stage goes.
    pub starttls: Starttls,
    /// The greeting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub banner: Option<Reply>,
    /// The reply to EHLO.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ehlo: Option<Reply>,
    /// The reply to HELO, sent only after a 5xx to EHLO.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub helo: Option<Reply>,
    /// What the EHLO reply offers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Capabilities>,
    /// MTA software, where banner or capabilities say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub software: Option<String>,
    /// Oddities of the dialogue, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<Oddity>,
    /// Connections made for this record.
    pub connections: u32,
    /// Tries, the last one included: 4xx are tried again.
    pub attempts: u32,
    /// The outcomes of the other tries, in order; the record shows the last, unless an earlier one learned more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<Outcome>,
    /// `--samples`: what the same address said each time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub samples: Option<Samples>,
    /// Durations of the steps, milliseconds.
    pub timings: Timings,
    /// What was said, both ways (`--transcript`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transcript: Vec<Said>,
    /// What the same connection went on to say: its `tls` record follows this line (`--tls`). Absent: none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsLine>,
    /// When the last connection began: spacing counts from here.
    pub connected: Option<String>,
    /// When it was final.
    pub time: String,
    /// The run that measured it.
    pub run: String,
}

/// STARTTLS on a server (RFC 3207), as facts that do not stand for each other.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Starttls {
    /// The keyword stands in the EHLO reply.
    pub advertised: Option<bool>,
    /// 220 to the command; false only for 5xx.
    pub accepted: Option<bool>,
    /// The reply to the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<Reply>,
    /// A keyword that looks like STARTTLS overwritten on the way (`XXXXXXXA`, RFC 3207 §6).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub masked: Option<String>,
    /// Bytes in clear behind the 220, with TLS behind them: a sign of response injection. At most 512 are kept. Without
    /// a handshake in the same connection it cannot be told what they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub injected: Option<Text>,
}

/// An SMTP reply (RFC 5321 §4.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Reply {
    /// Three digits.
    pub code: u16,
    /// Enhanced status code (RFC 3463), if the first line begins with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enhanced: Option<String>,
    /// The text of each line, without code and line end.
    pub lines: Vec<Text>,
}

/// An EHLO reply, read (RFC 5321 §4.1.1.1, IANA "SMTP Service Extensions").
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Capabilities {
    /// The name the server gives itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Text>,
    /// Keywords in upper case, as listed, with their parameters as they came.
    pub keywords: Vec<Capability>,
    /// SIZE (RFC 1870), octets; 0 means no fixed limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// AUTH mechanisms offered in clear (RFC 4954), upper case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub auth: Vec<String>,
}

/// One line of an EHLO reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Capability {
    /// The keyword, upper case.
    pub keyword: String,
    /// What follows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Text>,
}

/// The same address asked several times: servers behind one address differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Samples {
    /// Times asked.
    pub asked: u32,
    /// Times EHLO was answered 250.
    pub esmtp: u32,
    /// Times STARTTLS was advertised.
    pub advertised: u32,
    /// Times STARTTLS was accepted.
    pub accepted: u32,
    /// Whether the answered ones differ.
    pub inconsistent: bool,
    /// Outcomes by `phase/reason`.
    pub outcomes: NamedCounts,
    /// Distinct names in EHLO replies, at most 16.
    pub hosts: Vec<Text>,
}

/// Milliseconds from the beginning of a step to its end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Timings {
    /// TCP connect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect_ms: Option<u64>,
    /// Connect to the last line of the greeting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub banner_ms: Option<u64>,
    /// EHLO (and HELO).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ehlo_ms: Option<u64>,
    /// STARTTLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starttls_ms: Option<u64>,
    /// The TLS handshake.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handshake_ms: Option<u64>,
    /// The last connection as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_ms: Option<u64>,
}

/// A line of a transcript.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Said {
    /// Who said it.
    pub by: Speaker,
    /// What was said, without the line end.
    pub text: Text,
}
