//! What the `policy` record says of a domain's DKIM keys (RFC 6376 §3.6.1), and of the CAA records of its names
//! (RFC 8659).

#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CaaEffect, CaaRole, DkimKeyType, Fault, Outcome, PolicyState, Text};

/// A DKIM key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct DkimKey {
    /// The selector: the key stands at `SELECTOR._domainkey.DOMAIN`.
    pub selector: String,
    /// `ok`: a key that verifiers use. `invalid`: none that they can use, a revoked one aside, which is `ok`. `multiple`:
    /// several records, of which verifiers take any. `unknown`: the question failed.
    pub state: PolicyState,
    /// Why it is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// The record as it came, at most 4,096 octets of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Text>,
    /// CNAMEs followed from its name, in order: whose key it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cname: Vec<String>,
    /// The type of the key; null: the record does not say, or there is none.
    pub key_type: Option<DkimKeyType>,
    /// Bits of the key (of the modulus).
    pub bits: Option<u32>,
    /// `p=` is empty: signatures with it do not hold any more.
    pub revoked: Option<bool>,
    /// `t=y`: the domain is testing DKIM.
    pub testing: Option<bool>,
    /// SHA-256 of the public key, hex: of the SubjectPublicKeyInfo or RSAPublicKey as it stands in `p=`, decoded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_sha256: Option<String>,
    /// What is wrong with it, or worth to be told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
}

/// The CAA records that apply to a name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct CaaSet {
    /// The name.
    pub name: String,
    /// What the name is to the domain.
    pub role: CaaRole,
    /// `absent`: no name on the way up has a record, so that every authority may issue.
    pub state: PolicyState,
    /// Why it is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Where the records stand: the name itself, or the nearest name above that has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found_at: Option<String>,
    /// Who may issue for the name itself; null: unknown.
    pub issue: Option<CaaEffect>,
    /// The authorities that `issue` names, in lower case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub issuers: Vec<Text>,
    /// Who may issue wildcards of the name: `issuewild`, or `issue` where there is none.
    pub issue_wild: Option<CaaEffect>,
    /// The authorities for wildcards, in lower case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wild_issuers: Vec<Text>,
    /// Who may issue for S/MIME (RFC 9495): apart from `issue`.
    pub issue_mail: Option<CaaEffect>,
    /// The authorities that `issuemail` names, in lower case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mail_issuers: Vec<Text>,
    /// Where authorities report requests to (`iodef`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub report_to: Vec<Text>,
    /// What is wrong with the records, or worth to be told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
}
