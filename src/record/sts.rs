//! The `sts` record: an MTA-STS policy as its host served it (RFC 8461 §3.3), and how senders read it.

use std::net::IpAddr;

#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Address, Fault, Outcome, PolicyState, StsError, StsMode, StsNameMatch, StsStanding, Text,
    TlsRptResult, Verdict,
};

/// An MTA-STS policy as its host served it. Key: domain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Sts {
    /// The domain whose mail the policy is about.
    pub domain: String,
    /// How the fetch ended: `done/ok` where the host answered a request, whatever it answered.
    pub outcome: Outcome,
    /// The policy host, `mta-sts.` and the domain.
    pub host: String,
    /// State of the domain's record, as the `policy` line has it.
    pub record: PolicyState,
    /// The `id` of the domain's record, by the letter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// CNAMEs followed from the policy host, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cname: Vec<String>,
    /// Its addresses, IPv4 first, in ascending order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<Address>,
    /// The address that was connected to last; null: none was.
    pub ip: Option<IpAddr>,
    /// The certificate that the host showed; null: none was seen.
    pub certificate: Option<StsCertificate>,
    /// HTTP status; null: no answer was read.
    pub status: Option<u16>,
    /// The value of Content-Type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<Text>,
    /// Where a redirection points. It is not followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Text>,
    /// The body of an answer with status 200, as it came; at most 64 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Text>,
    /// The policy by the letter of RFC 8461.
    pub strict: StsReading,
    /// The policy as the lax majority of senders reads it.
    pub lenient: StsReading,
    /// What a sender would report of the fetch (RFC 8460 §4.3.2.2); null: nothing, or not known.
    pub result: Option<TlsRptResult>,
    /// Whether record and policy, by the letter, stand together.
    pub standing: StsStanding,
    /// For each exchange of the domain whether the policy covers it; null where the exchanges are not known.
    pub covers: Option<Vec<StsCover>>,
    /// Connections that came to nothing before the last one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<StsAttempt>,
    /// Connections made for this record.
    pub connections: u32,
    /// DNS questions asked for it.
    pub questions: u32,
    /// When it was final.
    pub time: String,
    /// From first question to the end.
    pub elapsed_ms: u64,
    /// The run that measured it.
    pub run: String,
}

/// The certificate of a policy host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct StsCertificate {
    /// SHA-256 of the leaf, hex.
    pub sha256: String,
    /// SHA-256 of every certificate that was sent, leaf first.
    pub chain: Vec<String>,
    /// dNSNames of the leaf, lower case, the first twenty.
    pub names: Vec<Text>,
    /// notAfter of the leaf.
    pub not_after: Option<String>,
    /// Whether it is for the policy host (RFC 9525).
    pub name_match: StsNameMatch,
    /// What the chain is worth.
    pub verdict: Verdict,
}

/// A connection to a policy host that came to nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct StsAttempt {
    /// The address.
    pub ip: IpAddr,
    /// How it ended.
    pub outcome: Outcome,
}

/// A policy as one way of reading takes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct StsReading {
    /// `ok`: a sender uses it. `absent`: there is none. `invalid`: what is there is not to be used. `unknown`: the host
    /// was not heard.
    pub state: PolicyState,
    /// Why it is not `ok`; null where it is.
    pub error: Option<StsError>,
    /// What a sender does where an exchange fails the policy; null: the text does not say.
    pub mode: Option<StsMode>,
    /// Seconds for which a sender keeps the policy; null: the text does not say.
    pub max_age: Option<u64>,
    /// The patterns of the exchanges, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mx: Vec<Text>,
    /// What is wrong with the text by the letter, or worth to be told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
}

impl StsReading {
    /// A reading without a text.
    pub fn without_text(state: PolicyState, error: StsError) -> Self {
        Self {
            state,
            error: Some(error),
            mode: None,
            max_age: None,
            mx: Vec::new(),
            faults: Vec::new(),
        }
    }
}

/// Whether a policy covers an exchange.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct StsCover {
    /// The exchange.
    pub exchange: String,
    /// By the letter: `*.` stands for one label. Null: no policy by the letter that asks it (none, or mode `none`).
    pub strict: Option<bool>,
    /// To the lax, `*.` stands for one label or more. Null: no policy to them that asks it.
    pub lenient: Option<bool>,
}

/// A record of MTA-STS as lax senders take it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct LenientMtaSts {
    /// Whether there is one to them, and whether it holds.
    pub state: PolicyState,
    /// The `id` that they take.
    pub id: Option<Text>,
}

/// A record of TLS-RPT as lax senders take it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct LenientTlsRpt {
    /// Whether there is one to them, and whether it holds.
    pub state: PolicyState,
    /// The addresses that they report to.
    pub rua: Vec<Text>,
}
