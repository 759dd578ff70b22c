//! The `policy` record: what a domain publishes about its mail (RFC 7208, 9989, 6376, 8461, 8460, 8659), as text, as
//! faults, and as the effect it has.

#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    CaaSet, DkimEvidence, DkimKey, DmarcAlignment, DmarcPolicy, DmarcPsd, Fault, LenientMtaSts,
    LenientTlsRpt, Outcome, PolicyState, SpfResult, Text,
};

/// What a domain publishes about its mail. Key: domain.
///
/// A part is null where it was not asked for (`--parts`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Policy {
    /// The name; for `invalid_name` as it stood in the input.
    pub domain: String,
    /// How asking ended: `done/ok` where no part is unknown, else why the first unknown one is.
    pub outcome: Outcome,
    /// The exchanges of the domain by preference, then name, as far as a part needs them (CAA, DKIM, MTA-STS); null: not asked, or
    /// not known. Empty: it takes no mail.
    #[serde(default)]
    pub exchanges: Option<Vec<String>>,
    /// SPF (RFC 7208).
    pub spf: Option<Spf>,
    /// DMARC (RFC 9989, and RFC 7489 beside it).
    pub dmarc: Option<Dmarc>,
    /// Whether the domain has DKIM keys (RFC 6376).
    pub dkim: Option<Dkim>,
    /// The record of MTA-STS (RFC 8461); its policy file is in the `sts` record.
    pub mta_sts: Option<MtaSts>,
    /// SMTP TLS reporting (RFC 8460).
    pub tls_rpt: Option<TlsRpt>,
    /// Which authorities may issue certificates (RFC 8659).
    pub caa: Option<Caa>,
    /// Brand indicators (draft-brand-indicators-for-message-identification).
    pub bimi: Option<Bimi>,
    /// DNS questions asked for this domain; those that another domain had answered before are not counted.
    pub questions: u32,
    /// When it was final.
    pub time: String,
    /// From first question to last answer.
    pub elapsed_ms: u64,
    /// The run that measured it.
    pub run: String,
}

macro_rules! part {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $field:ident: $kind:ty,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(JsonSchema))]
        pub struct $name {
            /// Whether there is one, and whether it holds.
            pub state: PolicyState,
            /// Why it is unknown.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub outcome: Option<Outcome>,
            /// The records that begin as one of these does, as they came.
            #[serde(default, skip_serializing_if = "Vec::is_empty")]
            pub text: Vec<Text>,
            /// What is wrong with it, or worth to be told.
            #[serde(default, skip_serializing_if = "Vec::is_empty")]
            pub faults: Vec<Fault>,
            $($(#[$doc])* pub $field: $kind,)*
        }
    };
}

part! {
    /// A domain's SPF record (RFC 7208), and what it comes to.
    ///
    /// `invalid` is a record that is a permerror for every client that no mechanism matches, in both families. What is
    /// said of "a client that matches nothing" holds for the worst case: every term is evaluated.
    Spf {
        /// What check_host() says of an IPv4 client that no mechanism matches; null where there is no record to evaluate.
        unmatched_ipv4: Option<SpfResult>,
        /// The same of an IPv6 client.
        unmatched_ipv6: Option<SpfResult>,
        /// The qualifier of the `all` that ends the record, or the record it redirects to, as its result; null without one.
        all: Option<SpfResult>,
        /// Terms that ask the DNS, for a client that matches nothing, at least. Ten are allowed.
        lookups_least: Option<u32>,
        /// The same at most; null where that hangs on the client (a macro in an include), on a loop, or is not known.
        lookups_most: Option<u32>,
        /// Questions without an answer, for an IPv4 client that matches nothing. Two are allowed.
        voids_ipv4: Option<u32>,
        /// The same for an IPv6 client.
        voids_ipv6: Option<u32>,
        /// Macros in its terms whose value hangs on the client.
        macros: Option<bool>,
        /// IPv4 addresses that pass, each counted once; null where that is not known. Terms that hang on the client (ptr,
        /// macros) are not in it.
        ipv4_addresses: Option<u64>,
        /// IPv6 networks that pass, the fewest that say so, a thousand at most.
        ipv6_networks: Vec<String>,
        /// The records it includes and redirects to, in the order of evaluation, a hundred at most.
        includes: Vec<SpfInclude>,
        /// Names it points to that do not exist.
        dangling: Vec<Dangling>,
        /// What it says of the client of `--spf-client`.
        client: Option<SpfChecked>,
    }
}

/// A record that an SPF record includes or redirects to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct SpfInclude {
    /// Its name; with macros, as it stands in the term.
    pub name: String,
    /// It is redirected to, not included.
    pub redirect: bool,
    /// How many records stand between: 0 in the domain's own record.
    pub depth: u32,
    /// Its registered domain by the public suffix list: the vendor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registered_domain: Option<String>,
    /// Whether there is a record, and whether it holds; unknown too where the name hangs on the client.
    pub state: PolicyState,
}

/// A name that a policy points to, and that does not exist (RCODE 3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Dangling {
    /// The name.
    pub name: String,
    /// The term that points there.
    pub term: Text,
    /// Its registrable part by the public suffix list.
    pub registrable: Option<String>,
    /// The registrable part does not exist either: whoever registers it speaks for the domain.
    pub registrable_free: Option<bool>,
}

/// What check_host() says of one client (RFC 7208 §4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct SpfChecked {
    /// The address.
    pub ip: std::net::IpAddr,
    /// The sender.
    pub sender: Text,
    /// The name of HELO or EHLO.
    pub helo: Text,
    /// The result.
    pub result: SpfResult,
    /// The term that matched, or that ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub term: Option<Text>,
    /// What made it a permerror.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
    /// What the domain says of a fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Text>,
    /// Terms that asked.
    pub lookups: u32,
    /// Questions without an answer.
    pub voids: u32,
}

part! {
    /// The DMARC record that applies to a domain (RFC 9989), and what it comes to.
    ///
    /// `absent`: no record applies, neither the domain's own nor one above it. `invalid`: one does, and turns DMARC off.
    /// `multiple`: the domain has more than one of its own.
    Dmarc {
        /// The domain whose record applies: itself, its organisation, or its public suffix.
        record_at: Option<String>,
        /// The organisational domain by the tree walk (RFC 9989 §4.10); null where a question failed.
        organizational_domain: Option<String>,
        /// The same by the public suffix list (RFC 7489 §3.2).
        organizational_domain_7489: Option<String>,
        /// What a receiver is asked to do with mail of the domain that fails, by RFC 9989.
        effective_9989: Option<DmarcPolicy>,
        /// The same by RFC 7489: `p` counts only right behind the version, `t` and `np` do not; `pct=0` makes the policy one level
        /// less, any other `pct` leaves it to some of the messages.
        effective_7489: Option<DmarcPolicy>,
        /// The same for receivers who walk and stop where there is more than one record; null where there is nowhere.
        effective_stopping: Option<DmarcPolicy>,
        /// The two RFCs differ.
        differ: Option<bool>,
        /// The domain exists; null where nothing hangs on it.
        exists: Option<bool>,
        /// A name below `record_at` that does not exist is told to be so: then `np` can have an effect. False where the
        /// zone denies compactly (RFC 9824), or a wildcard answers; null where `np` says nothing of its own.
        np_effective: Option<bool>,
        /// The tags of the record that applies.
        tags: Option<DmarcTags>,
        /// Where its reports go.
        receivers: Vec<DmarcReceiver>,
        /// The names that were asked, from the domain up.
        walk: Vec<DmarcStep>,
    }
}

/// The tags of a DMARC record (RFC 9989 §4.7); those that are broken as if they were not there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct DmarcTags {
    /// The policy of the domain.
    pub p: Option<DmarcPolicy>,
    /// The policy of what is below it.
    pub sp: Option<DmarcPolicy>,
    /// The policy of what is below it and does not exist.
    pub np: Option<DmarcPolicy>,
    /// How the domain of a DKIM signature must match; relaxed by default.
    pub adkim: DmarcAlignment,
    /// How the domain of SPF must match; relaxed by default.
    pub aspf: DmarcAlignment,
    /// Whether the domain says that it is a public suffix; unknown by default.
    pub psd: DmarcPsd,
    /// A test: one level less is asked for than the policy says.
    pub t: bool,
    /// When failure reports are wanted.
    pub fo: Option<Text>,
    /// Of RFC 7489: for how many percent of the messages. RFC 9989 ignores it.
    pub pct: Option<u8>,
}

/// Where reports of DMARC go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct DmarcReceiver {
    /// The address, as it stands in the record.
    pub uri: Text,
    /// Its domain, of a mailto address.
    pub domain: Option<String>,
    /// It is for failure reports (`ruf`), not for aggregate ones (`rua`).
    pub failure_reports: bool,
    /// The receiver is of the same organisation, or has said that it wants them (RFC 9990 §4); false: they are lost.
    pub authorised: Option<bool>,
}

/// A name of the tree walk, and what is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct DmarcStep {
    /// The name, without `_dmarc`.
    pub name: String,
    /// What is there.
    pub state: PolicyState,
}

part! {
    /// What of a domain's DKIM keys (RFC 6376) can be found without a message.
    ///
    /// Its state: `ok` where there are some, `absent` where there is none, `unknown` where neither could be shown.
    Dkim {
        /// What the state rests on.
        evidence: Option<DkimEvidence>,
        /// The random name whose answer was held beside that of `_domainkey`.
        control: Option<String>,
        /// The selectors that were asked.
        selectors: Vec<String>,
        /// The keys that were found, and those that could not be learned.
        keys: Vec<DkimKey>,
    }
}

part! {
    /// A domain's `_mta-sts` record (RFC 8461 §3.1).
    MtaSts {
        /// The `id` by the letter; null: no record that holds.
        id: Option<String>,
        /// How lax senders take it, where that is something else.
        lenient: Option<LenientMtaSts>,
        /// CNAMEs followed from `_mta-sts`, in order.
        cname: Vec<String>,
    }
}

part! {
    /// A domain's `_smtp._tls` record (RFC 8460 §3).
    TlsRpt {
        /// Where reports go: `mailto:` and `https:` addresses, in order.
        rua: Vec<Text>,
        /// How lax senders take it, where that is something else.
        lenient: Option<LenientTlsRpt>,
        /// CNAMEs followed from `_smtp._tls`, in order.
        cname: Vec<String>,
    }
}

part! {
    /// The CAA records that apply to a domain's mail (RFC 8659, RFC 9495). Its state is that of the domain itself.
    Caa {
        /// For the domain, its exchanges and its policy host.
        names: Vec<CaaSet>,
    }
}

part! {
    /// A domain's `default._bimi` record.
    Bimi {
        /// Where the indicator is (`l`); empty: the domain declines to have one. Null: no record that holds.
        indicator: Option<Text>,
        /// Where the evidence for it is (`a`).
        evidence: Option<Text>,
    }
}
