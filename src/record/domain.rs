//! Domains and their mail exchanges (RFC 5321 §5.1).

use std::net::IpAddr;

#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Dnssec, ExchangeFault, MxFault, Outcome, SpecialBlock, Text};

/// The most addresses of an exchange that are kept. The largest operators have some twenty behind a name.
pub const ADDRESS_LIMIT: usize = 64;
/// The most addresses of a domain, over all its exchanges: so many servers one line may cause to be connected to.
pub const DOMAIN_ADDRESS_LIMIT: usize = 256;

/// A domain's mail exchanges. Key: domain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Domain {
    /// The name; for `invalid_name` as it stood in the input.
    pub domain: String,
    /// How the MX question ended; `done/ok` where exchanges (or an implicit MX) are known.
    pub outcome: Outcome,
    /// No MX, and an address: the domain itself is its exchange at preference 0 (RFC 5321 §5.1).
    pub implicit_mx: Option<bool>,
    /// A null MX (RFC 7505): takes no mail.
    pub null_mx: Option<bool>,
    /// The exchanges by preference, then name. Of more than 100 the others stand here too, and are not looked up: their
    /// `ipv4` and `ipv6` ended with `too_many`.
    #[serde(default)]
    pub mx: Vec<Exchange>,
    /// CNAMEs followed from the name itself, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cname: Vec<String>,
    /// What is wrong with the MX set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<MxFault>,
    /// DNSSEC state of the MX answer: `secure`, `insecure`, `bogus`; null unknown (no trusted validator).
    pub dnssec: Option<Dnssec>,
    /// Extended DNS error codes (RFC 8914) of the MX answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extended_errors: Vec<u16>,
    /// Raw answer sections (`--answers`), in presentation form.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<Text>,
    /// DNS questions asked for this domain (answers from the cache are not counted).
    #[serde(default)]
    pub questions: u32,
    /// When it was final.
    pub time: String,
    /// From first question to last answer.
    pub elapsed_ms: u64,
    /// The run that measured it.
    pub run: String,
}

/// One exchange of a domain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Exchange {
    /// The name, as the MX record has it (lower case, A-labels).
    pub exchange: String,
    /// MX preference; lower is tried first.
    pub preference: u16,
    /// Its registered domain by the public suffix list: the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registered_domain: Option<String>,
    /// Its addresses, IPv4 first, in ascending order: at most 64 of an exchange and 256 of a domain.
    pub addresses: Vec<Address>,
    /// Addresses beyond that: there are so many more, and nobody connects to them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: u32,
    /// How the A question ended; `too_many` where addresses are left out; null: not asked.
    pub ipv4: Option<Outcome>,
    /// How the AAAA question ended; `too_many` where addresses are left out; null: not asked.
    pub ipv6: Option<Outcome>,
    /// CNAMEs followed from the exchange (RFC 5321 §5.1 has none), in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cname: Vec<String>,
    /// What is wrong with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<ExchangeFault>,
    /// DNSSEC state of its addresses.
    pub dnssec: Option<Dnssec>,
    /// TLSA of port 25 (`--tlsa`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tlsa: Option<TlsaSet>,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// An address of an exchange.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Address {
    /// The address.
    pub ip: IpAddr,
    /// The IANA special-purpose block it lies in, if any: it is not connected to unless allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub special: Option<SpecialBlock>,
}

/// The TLSA records of an exchange (RFC 7672).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct TlsaSet {
    /// The base domain whose `_25._tcp` was asked last (RFC 7672 §2.2.3).
    pub base: String,
    /// How the question ended; `unsigned` where it was not asked because the addresses are not signed, which is a known no;
    /// `bogus`, `servfail`, `timeout` make the host unusable.
    pub outcome: Outcome,
    /// DNSSEC state of the TLSA answer; only `secure` counts.
    pub dnssec: Option<Dnssec>,
    /// The records, at most 64; of more (`too_many`) none holds for sure.
    pub records: Vec<Tlsa>,
}

/// One TLSA record (RFC 6698).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Tlsa {
    /// 0 PKIX-TA, 1 PKIX-EE, 2 DANE-TA, 3 DANE-EE.
    pub usage: u8,
    /// 0 certificate, 1 SubjectPublicKeyInfo.
    pub selector: u8,
    /// 0 exact, 1 SHA-256, 2 SHA-512.
    pub matching_type: u8,
    /// Association data, hex.
    pub data: String,
}

impl Tlsa {
    /// Usage, selector and matching type.
    pub fn parameters(&self) -> (u8, u8, u8) {
        (self.usage, self.selector, self.matching_type)
    }
}
