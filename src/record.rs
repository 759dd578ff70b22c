//! The records of the stream: one observation of one subject, one JSON object a line (`mx-survey.5`).
//!
//! Data only. Three-valued facts are `Option<bool>` and always written: `null` means not asked, or could not be
//! learned, never "no". Times are RFC 3339 UTC, durations milliseconds, names A-labels in lower case without the
//! trailing dot. Every struct here tolerates fields it does not know.

use std::collections::BTreeMap;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

/// A record's `type` on the wire, and its key.
pub trait Record: Serialize {
    /// The value of the field `type`.
    const TYPE: &'static str;
}

macro_rules! record {
    ($($name:ident = $tag:literal),* $(,)?) => {$(
        impl Record for $name { const TYPE: &'static str = $tag; }
    )*};
}

record! {
    Listed = "listed", Other = "other", Domain = "domain", Smtp = "smtp", Cert = "cert", Tls = "tls", Hop = "hop",
    Run = "run",
}

/// The time of day, RFC 3339 UTC, to the millisecond.
pub fn now() -> String {
    timestamp(OffsetDateTime::now_utc())
}

/// A time, RFC 3339 UTC, to the millisecond: of one width, so that text sorts as time does.
pub fn timestamp(time: OffsetDateTime) -> String {
    const FORM: &[BorrowedFormatItem<'_>] =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    // A clock set beyond the year 9999 is the one thing this form refuses.
    time.to_offset(UtcOffset::UTC)
        .format(FORM)
        .unwrap_or_else(|_| "9999-12-31T23:59:59.999Z".into())
}

// --- outcomes -------------------------------------------------------------------------------------------------

/// How far an observation came and why it ended there. `done/ok` is the only success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Outcome {
    /// The step at which it ended.
    pub phase: Phase,
    /// Why, from a closed vocabulary.
    pub reason: Reason,
    /// What the other side or the system said, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Text>,
}

impl Outcome {
    /// `done/ok`.
    pub fn ok() -> Self {
        Self::new(Phase::Done, Reason::Ok)
    }

    /// An outcome without detail.
    pub fn new(phase: Phase, reason: Reason) -> Self {
        Self {
            phase,
            reason,
            detail: None,
        }
    }

    /// The same with what was said.
    pub fn with(mut self, detail: impl Into<Text>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Whether it is `done/ok`.
    pub fn is_ok(&self) -> bool {
        self.reason == Reason::Ok
    }
}

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

// --- text from the network ------------------------------------------------------------------------------------

/// Bytes from the network: a JSON string where they are UTF-8, else `{"base64": "…"}`.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Text(pub Box<[u8]>);

impl Text {
    /// For people; bytes that are not UTF-8 become U+FFFD.
    pub fn lossy(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }
}

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.lossy())
    }
}

impl From<&[u8]> for Text {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().into())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text.into_bytes().into())
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => Base64Text {
                base64: BASE64.encode(&self.0),
            }
            .serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match TextForm::deserialize(deserializer)? {
            TextForm::Plain(text) => Ok(text.into()),
            TextForm::Encoded(Base64Text { base64 }) => BASE64
                .decode(base64)
                .map(|bytes| Self(bytes.into()))
                .map_err(serde::de::Error::custom),
        }
    }
}

impl JsonSchema for Text {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        TextForm::json_schema(generator)
    }
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Base64Text {
    base64: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum TextForm {
    Plain(String),
    Encoded(Base64Text),
}

// --- lists ----------------------------------------------------------------------------------------------------

/// An entry of a list: of a top list (rank), or of a counted list (users). Key: (source, domain).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Listed {
    /// Which list.
    pub source: String,
    /// The name.
    pub domain: String,
    /// Rank, from 1: as the list gives it, else the line number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank: Option<u64>,
    /// Users of this domain in the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users: Option<u64>,
    /// Users counted in this list in all: the denominator of `share`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<u64>,
    /// `users` / `of`, from 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// The run that wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}

/// The domains of a counted list that `leak-count --min-users` folded into one row. Key: source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Other {
    /// Which list.
    pub source: String,
    /// How many domains it stands for.
    pub domains: u64,
    /// Their users.
    pub users: u64,
    /// Users counted in this list in all.
    pub of: u64,
    /// `users` / `of`, from 0 to 1.
    pub share: f64,
    /// The run that wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}

// --- domains --------------------------------------------------------------------------------------------------

/// A domain's mail exchanges. Key: domain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Domain {
    /// The name; for `invalid_name` as it stood in the input.
    pub domain: String,
    /// How the MX question ended; `done/ok` where exchanges (or an implicit MX) are known.
    pub outcome: Outcome,
    /// No MX, and an address: the domain itself is its exchange at preference 0 (RFC 5321 §5.1).
    pub implicit_mx: Option<bool>,
    /// A null MX (RFC 7505): takes no mail.
    pub null_mx: Option<bool>,
    /// The exchanges by preference, then name.
    #[serde(default)]
    pub mx: Vec<Exchange>,
    /// CNAMEs followed from the name itself, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cname: Vec<String>,
    /// What is wrong with the MX set: `null_mx_with_others`, `null_mx_preference`, `duplicate_exchange`, `too_many_exchanges`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Exchange {
    /// The name, as the MX record has it (lower case, A-labels).
    pub exchange: String,
    /// MX preference; lower is tried first.
    pub preference: u16,
    /// Its registered domain by the public suffix list: the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registered_domain: Option<String>,
    /// Every address, IPv4 first, in ascending order.
    pub addresses: Vec<Address>,
    /// How the A question ended; null: not asked.
    pub ipv4: Option<Outcome>,
    /// How the AAAA question ended; null: not asked.
    pub ipv6: Option<Outcome>,
    /// CNAMEs followed from the exchange (RFC 5321 §5.1 has none), in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cname: Vec<String>,
    /// What is wrong with it: `cname`, `address_literal`, `localhost`, `special_address`, `unresolvable`, `duplicate`,
    /// `underscore`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
    /// DNSSEC state of its addresses.
    pub dnssec: Option<Dnssec>,
    /// TLSA of port 25 (`--tlsa`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tlsa: Option<TlsaSet>,
}

/// An address of an exchange.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Address {
    /// The address.
    pub ip: IpAddr,
    /// The IANA special-purpose block it lies in, if any: it is not connected to unless allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub special: Option<String>,
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

/// The TLSA records of an exchange (RFC 7672).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TlsaSet {
    /// The base domain whose `_25._tcp` was asked last (RFC 7672 §2.2.3).
    pub base: String,
    /// How the question ended; `bogus`, `servfail`, `timeout` make the host unusable.
    pub outcome: Outcome,
    /// DNSSEC state of the TLSA answer; only `secure` counts.
    pub dnssec: Option<Dnssec>,
    /// The records.
    pub records: Vec<Tlsa>,
}

/// One TLSA record (RFC 6698).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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

// --- servers --------------------------------------------------------------------------------------------------

/// The line that caused a probe.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct For {
    /// The first domain that named the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// The exchange by which it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<String>,
}

/// What a server says on port 25. Key: (ip, port).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// Oddities of the dialogue, sorted: `bare_lf`, `binary`, `code_change`, `control`, `early_talker`, `host_mismatch`,
    /// `long_line`, `masked_banner`, `no_code`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
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
    /// When the last connection began: spacing counts from here.
    pub connected: Option<String>,
    /// When it was final.
    pub time: String,
    /// The run that measured it.
    pub run: String,
}

/// STARTTLS on a server (RFC 3207), as facts that do not stand for each other.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// Bytes in clear behind the 220: a sign of response injection. At most 512 are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub injected: Option<Text>,
}

/// An SMTP reply (RFC 5321 §4.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Capability {
    /// The keyword, upper case.
    pub keyword: String,
    /// What follows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Text>,
}

/// The same address asked several times: servers behind one address differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    pub outcomes: BTreeMap<String, u32>,
    /// Distinct names in EHLO replies, at most 16.
    pub hosts: Vec<Text>,
}

/// Milliseconds from the beginning of a step to its end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Said {
    /// `client` or `server`.
    pub by: String,
    /// What was said, without the line end.
    pub text: Text,
}

// --- TLS ------------------------------------------------------------------------------------------------------

/// What a server speaks inside STARTTLS. Key: (ip, port), with `--sni each` (ip, port, server_name).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// `TLSv1.3`, `TLSv1.2`, `TLSv1.1`, `TLSv1`, `SSLv3`, `SSLv2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The suite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cipher: Option<Cipher>,
    /// Key-exchange group by its IANA name: `X25519MLKEM768`, `x25519`, `secp256r1`, `ffdhe2048`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Finite-field DH, where the server sent its parameters in clear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dh: Option<DhParameters>,
    /// Signature scheme of the server's proof, by its IANA name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature_scheme: Option<String>,
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
    /// How the connection with the old hello ended, where the first handshake failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Outcome>,
    /// EHLO again inside TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inside: Option<Inside>,
    /// `--enumerate`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enumeration: Option<Enumeration>,
    /// Oddities, sorted: `plaintext_after_starttls`, `injected`, `version_intolerant`, `chain_bounded`, …
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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

/// Parameters of a finite-field Diffie-Hellman exchange.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Alert {
    /// `warning` or `fatal`.
    pub level: String,
    /// IANA description, or its number.
    pub description: String,
}

/// What SMTP says inside TLS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    /// `rsa`, `ec`, `ed25519`, …
    pub key_type: String,
    /// Bits of the key.
    pub key_bits: Option<u32>,
    /// `sha256WithRSAEncryption`, `ecdsa-with-SHA256`, …
    pub signature_algorithm: String,
}

/// What a chain is worth at a time, against a store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// The store's name.
    pub store: String,
    /// Its version or date.
    pub store_date: String,
    /// The time that validity was judged at.
    pub at: String,
    /// The chain leads to a root of the store; null: could not be judged.
    pub valid: Option<bool>,
    /// `valid`, or the first of these that holds: `malformed`, `bad_signature`, `self_signed`, `incomplete_chain` (the
    /// issuer was not sent and is not in the store), `unknown_issuer` (the chain ends at a root that the store does
    /// not have), `distrusted`, `not_a_ca`, `path_too_long`, `name_constraints`, `expired`, `not_yet_valid`,
    /// `not_a_server_certificate`, `unsupported` (valid is null), `other`.
    pub reason: String,
    /// Other causes that hold at the same time, sorted; `ca_as_end_entity` is a remark that a valid chain may bear.
    /// `incomplete_chain` with `unknown_issuer` beside it: the chain does not tell which of the two is missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
}

/// What a server speaks beyond what it chose.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Enumeration {
    /// For each version asked: true, false, null.
    #[serde(default)]
    pub versions: BTreeMap<String, Option<bool>>,
    /// Suites taken, by version, in the order the server chose them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ciphers: BTreeMap<String, Vec<Cipher>>,
    /// Key-exchange groups taken, in the order the server chose them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<String>>,
    /// SHA-256 of the leaf by key type (`rsa`, `ec`), where several are served.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub leaves: BTreeMap<String, String>,
    /// What could not be learned, `what: phase/reason`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
}

/// A certificate, once. Key: sha256.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CertFacts {
    /// Subject, RFC 4514.
    pub subject: Text,
    /// Issuer, RFC 4514.
    pub issuer: Text,
    /// Serial number, hex.
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
    /// `rsa`, `ec`, `ed25519`, `ed448`, `dsa`, or the algorithm's OID.
    pub key_type: String,
    /// Bits of the key (of the modulus, of the curve).
    pub key_bits: Option<u32>,
    /// Named curve: `P-256`, `P-384`, …, or its OID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub curve: Option<String>,
    /// SHA-256 of the SubjectPublicKeyInfo, hex.
    pub spki_sha256: String,
    /// `sha256WithRSAEncryption`, `ecdsa-with-SHA256`, …, or the OID.
    pub signature_algorithm: String,
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
    pub key_usage: Vec<String>,
    /// Extended key usages: `serverAuth`, `clientAuth`, …, or OIDs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extended_key_usage: Vec<String>,
    /// The TLS feature extension asks for a stapled response (RFC 7633).
    pub must_staple: bool,
    /// Embedded signed certificate timestamps (RFC 6962).
    pub scts: u32,
    /// X.509 version: 1 or 3.
    pub x509_version: u32,
}

// --- messages -------------------------------------------------------------------------------------------------

/// One Received field of a message (RFC 5321 §4.4). Key: (message, hop). Local parts of addresses, message ids and
/// queue ids are never in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// The value of `with`, as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with: Option<Text>,
    /// The protocol it names, upper case: `ESMTPS`, `SMTP`, the unregistered `SMTPS`, `SMTPSVC`, `HTTPS`, `MAPI`, `LOCAL`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// Whether it went encrypted, by what the writer says; null: it does not say.
    pub encrypted: Option<bool>,
    /// What `encrypted` rests on. Yes: `details` (a version or a cipher is named), `token` (an S token of the IANA
    /// registry), `unregistered_token` (`SMTPS`, `HTTPS`), `idiom` (`(TLS)`, `over TLS secured channel`, …). No:
    /// `writer_marks_tls`. Unknown: `writer_silent` (never says), `writer_unknown`, `no_transfer`, `unreadable`.
    pub evidence: String,
    /// The version, named as in `tls` records; null: none was named, or `TLSv1/SSLv3`, which is a family of versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
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
    /// Why it is none: `same_organisation`, `submission`, `local`, `loopback`, `private_address`, `lmtp`, `http`,
    /// `not_smtp`, `content_filter`, or what is unknown: `no_organisation`, `unreadable`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<String>,
    /// Written at or above the border of a `--trusted-by` domain; false: it could be forged; null: no such domain was given.
    pub trusted: Option<bool>,
    /// What is wrong with the field, sorted: `bad_date`, `no_date`, `no_zone`, `unbalanced_comment`,
    /// `rdns_may_be_forged`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
    /// Why the field could not be read: `no_clause`, `too_long`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The field that could not be read: at most 4,096 bytes, local parts and ids masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<Text>,
    /// The run that read it.
    pub run: String,
}

/// One end of a hop: what was claimed, what was looked up, and the address of the connection are kept apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HopEnd {
    /// Its best name: the looked-up one, else the claimed one. For `by`, the name in the field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// What it said in HELO or EHLO.
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stated {
    /// `TLSv1/SSLv3`, `TLS1_2`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Text>,
    /// `TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384_P384`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cipher: Option<Text>,
}

// --- runs -----------------------------------------------------------------------------------------------------

/// Provenance: the first and the last line of every stage. Key: (id, event).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// `start` or `end`.
    pub event: Event,
    /// Random, 16 hex digits.
    pub id: String,
    /// The program.
    pub stage: String,
    /// Its version.
    pub version: String,
    /// When.
    pub time: String,
    /// Its arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<Text>,
    /// The settings that change a record: resolver, EHLO name, trust store and its date.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// Runs of this stage that `--resume` goes on from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resumed: Vec<String>,
    /// Records written, by `phase/reason`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outcomes: BTreeMap<String, u64>,
    /// Other figures of the end: lines read, repeats, connections opened and saved, complaints, …
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub counts: BTreeMap<String, u64>,
    /// Connections by operator, the ten with most.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub operators: BTreeMap<String, u64>,
    /// Runs on the input that began and did not end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cut: Vec<String>,
    /// Ended by a signal before its work was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interrupted: Option<bool>,
    /// From start to end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elapsed_ms: Option<u64>,
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
