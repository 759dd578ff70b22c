//! A destination as a sender finds it: what the rules of delivery look at.

use super::cause::Cause;

/// A domain as a sender finds it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Destination {
    /// Whether the domain takes mail; `None`: its exchanges could not be learned.
    pub takes_mail: Option<bool>,
    /// DNSSEC vouches for the MX set; `None` without a validating resolver.
    pub mx_is_secure: Option<bool>,
    /// The signatures of the MX set do not hold: a resolver that validates gives no answer.
    pub mx_is_bogus: bool,
    /// A null MX stands beside other exchanges (RFC 7505 §3 forbids it).
    pub has_null_mx: bool,
    /// The MTA-STS policy.
    pub sts: StsPolicy,
    /// Exchanges by ascending preference.
    pub exchanges: Vec<ExchangeView>,
}

/// What a sender without an earlier copy gets for an MTA-STS policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum StsPolicy {
    /// It was not asked, or could not be learned.
    #[default]
    Unknown,
    /// There is none.
    Absent,
    /// There is a record, and the policy cannot be had or is none: as no policy, with the cause.
    Unusable(Cause),
    /// Mode none: as no policy.
    Off,
    /// Mode testing: delivered all the same.
    Testing,
    /// Mode enforce.
    Enforce,
}

/// TLSA records of an exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TlsaView {
    /// Not asked, or not learned.
    #[default]
    Unknown,
    /// None, or none that DNSSEC vouches for: no DANE here.
    None,
    /// Bogus, or no answer: the exchange must not be used (RFC 7672 §2.1.2).
    Failed,
    /// Records, none of them usable: TLS is required and nothing authenticated (RFC 7672 §2.2).
    Unusable,
    /// Usable records.
    Usable,
}

/// An exchange as a sender finds it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ExchangeView {
    /// The MX preference.
    pub preference: u16,
    /// The policy covers it, a wildcard standing for one label (RFC 8461 §4.1).
    pub covered: Option<bool>,
    /// The policy covers it, a wildcard standing for any depth.
    pub covered_at_any_depth: Option<bool>,
    /// Its TLSA records.
    pub tlsa: TlsaView,
    /// The DNS says that it has no address.
    pub is_void: bool,
    /// The servers behind its addresses.
    pub servers: Vec<ServerView>,
}

/// How far the dialogue in clear came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ServerContact {
    /// Nobody asked: what a sender would meet is not known.
    #[default]
    NotAsked,
    /// Nobody asked, since no sender on the Internet can reach the address, or this machine cannot (IPv6).
    OutOfReach,
    /// No connection, or no SMTP.
    Silent,
    /// 4xx: come again.
    Defers,
    /// A greeting of 5xx: the next exchange is tried.
    Rejects,
    /// 5xx to EHLO and to HELO: the message bounces (Postfix).
    RejectsHello,
    /// EHLO or HELO was answered.
    Answers,
}

/// The answer to STARTTLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum StarttlsAnswer {
    /// Not learned.
    #[default]
    Unknown,
    /// 220.
    Accepted,
    /// 4xx or 5xx: a sender without policy goes on in clear at once.
    Refused,
    /// The connection broke at the command: tried again, never in clear.
    Broken,
}

/// The chain against the named store, apart from names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ChainView {
    /// Not learned, or not judged.
    #[default]
    Unknown,
    /// It holds.
    Valid,
    /// It would hold, but for its time.
    Expired,
    /// It leads to no root of the store.
    NotTrusted,
    /// It fails for another reason.
    Invalid,
}

/// The chain against usable TLSA records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TlsaMatch {
    /// Not learned, or not judged.
    #[default]
    Unknown,
    /// One record holds.
    Holds,
    /// None holds: for want of a match, of the name, of the time (for DANE-TA).
    Fails(Cause),
}

/// What handshakes showed a server to speak; `None`: not learned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TlsView {
    /// A sender of today gets through (TLS 1.0 and up, without RC4, DES and NULL).
    pub today: Option<bool>,
    /// TLS 1.2 or later, as RFC 8461 §4.2 wants it.
    pub from12: Option<bool>,
    /// TLS 1.1 or earlier is spoken.
    pub before12: Option<bool>,
    /// TLS 1.3 is spoken.
    pub v13: Option<bool>,
    /// A post-quantum group is spoken.
    pub post_quantum: Option<bool>,
}

/// A server as a sender finds it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ServerView {
    /// How far it came in clear.
    pub contact: ServerContact,
    /// STARTTLS stands in the EHLO reply: senders do not send it otherwise.
    pub advertised: Option<bool>,
    /// It stands there beyond the octets that Postfix reads.
    pub is_far: bool,
    /// The answer to the command.
    pub starttls: StarttlsAnswer,
    /// The handshake.
    pub tls: TlsView,
    /// The chain.
    pub chain: ChainView,
    /// The leaf names the exchange (DNS-ID, RFC 9525).
    pub names_exchange: Option<bool>,
    /// The leaf has a name that a pattern of the policy covers, at any depth.
    pub names_pattern: Option<bool>,
    /// The chain against TLSA records.
    pub tlsa: TlsaMatch,
    /// REQUIRETLS stands in the EHLO reply inside TLS.
    pub requiretls: Option<bool>,
}
