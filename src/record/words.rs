//! The closed vocabularies of the records: each an enum, its words on the wire, and what they mean.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! vocabulary {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        pub enum $name {
            $($(#[$doc])* #[serde(rename = $word)] $variant,)*
            /// A word of a later version.
            #[serde(other, rename = "other")]
            Other,
        }

        impl $name {
            /// Every word this version writes.
            pub const WORDS: &'static [&'static str] = &[$($word),*];

            /// The word on the wire.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* Self::Other => "other" }
            }

            /// The value of a word, if this version knows it.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)* _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}

vocabulary! {
    /// The steps of an observation, in their order.
    Phase {
        /// Reading the input: nothing was sent.
        Input = "input",
        /// Asking the DNS.
        Dns = "dns",
        /// TCP connect.
        Connect = "connect",
        /// Waiting for the greeting.
        Banner = "banner",
        /// EHLO and its reply.
        Ehlo = "ehlo",
        /// HELO and its reply.
        Helo = "helo",
        /// STARTTLS and its reply.
        Starttls = "starttls",
        /// The TLS handshake.
        Handshake = "handshake",
        /// SMTP inside TLS.
        Inside = "inside",
        /// All was asked that there is to ask.
        Done = "done",
    }
}

vocabulary! {
    /// Why an observation ended where it did.
    Reason {
        /// Nothing is missing.
        Ok = "ok",
        /// The input is no domain name (RFC 1035, IDNA).
        InvalidName = "invalid_name",
        /// The name does not exist (RCODE 3).
        Nxdomain = "nxdomain",
        /// The name exists, the type does not, and no address stands in for it.
        NoData = "no_data",
        /// No MX and no address: the domain takes no mail.
        NoAddress = "no_address",
        /// A null MX (RFC 7505): the domain takes no mail.
        NullMx = "null_mx",
        /// RCODE 2.
        Servfail = "servfail",
        /// RCODE 5, or a TCP RST to the SYN.
        Refused = "refused",
        /// The answer is bogus by DNSSEC (RFC 4035).
        Bogus = "bogus",
        /// The answer cannot be read, or is none to the question.
        Malformed = "malformed",
        /// A chain of CNAMEs without an end.
        CnameLoop = "cname_loop",
        /// The time for the step, or for the whole, ran out.
        Timeout = "timeout",
        /// The connection was reset.
        Reset = "reset",
        /// The other side closed.
        Closed = "closed",
        /// No route, or ICMP said so.
        Unreachable = "unreachable",
        /// A special-purpose address that `--allow` did not open.
        BlockedAddress = "blocked_address",
        /// On the list of `--exclude`.
        Excluded = "excluded",
        /// A 4xx reply (greylisting, 421, 454): ask again later.
        Deferred = "deferred",
        /// A 5xx reply.
        Rejected = "rejected",
        /// What answered does not speak SMTP.
        NotSmtp = "not_smtp",
        /// A reply against the protocol.
        ProtocolError = "protocol_error",
        /// A reply beyond the bounds on lines and bytes, or a message of TLS.
        TooLong = "too_long",
        /// This machine has no IPv6.
        NoIpv6Here = "no_ipv6_here",
        /// STARTTLS was not advertised, and `--starttls advertised` says not to send it then.
        NotAdvertised = "not_advertised",
        /// A TLS alert ended the handshake.
        Alert = "alert",
        /// Plaintext where a TLS record should be.
        NotTls = "not_tls",
        /// The server chose what the client cannot do.
        Unsupported = "unsupported",
        /// Handshake bytes that cannot be read, or that break TLS.
        TlsError = "tls_error",
        /// The run was interrupted before the end.
        Interrupted = "interrupted",
        /// An error of this machine: no socket, no buffer.
        Local = "local",
    }
}

impl Reason {
    /// Whether the subject is decided: `--resume` does not measure it again.
    pub fn is_final(self) -> bool {
        !matches!(self, Reason::Deferred | Reason::Interrupted | Reason::Local)
    }
}

/// DNSSEC state of an answer (RFC 4035 §4.3), as a validating resolver told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Dnssec {
    /// Authenticated data.
    Secure,
    /// No signed delegation.
    Insecure,
    /// Signatures that do not hold.
    Bogus,
}

/// Which end of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// First line.
    Start,
    /// Last line.
    End,
}

vocabulary! {
    /// What a domain has of a policy, by the text of the RFC.
    PolicyState {
        /// It was asked for, and there is none.
        Absent = "absent",
        /// One record, which holds.
        Ok = "ok",
        /// One record, which is not to be used.
        Invalid = "invalid",
        /// More than one record where one is allowed.
        Multiple = "multiple",
        /// A question failed on which it depends: whether there is one, or whether it holds, is not known.
        Unknown = "unknown",
    }
}

vocabulary! {
    /// What is wrong with a policy, or worth to be told of it.
    PolicyFault {
        /// More than one record where one is allowed.
        Multiple = "multiple",
        /// Text that the grammar has no place for.
        Syntax = "syntax",
    }
}
