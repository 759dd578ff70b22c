//! The closed vocabularies of the records: each an enum, its words on the wire, and what they mean.

mod keyed;
mod mail;
mod received;
mod tls;
mod x509;

pub use keyed::ByWord;
pub use mail::*;
pub use received::*;
pub use tls::*;
pub use x509::*;

/// Makes a vocabulary: `Name { /// What it means. Variant = "word", … }`.
///
/// The enum that comes of it is `non_exhaustive`; each variant's doc comment is the meaning of its word in plain words,
/// for pages, reports and the schema. Words that this version does not know are kept apart from those that it does:
/// - `Name { … }`: a closed one, `Copy`; a word of a later version becomes `Other` and is written as `other`.
/// - `strict Name { … }`: complete by its nature; another word is an error.
/// - `open Name { … }`: the world may add words; `Other` keeps the foreign word and writes it again.
/// - `registry Name(u16, "0x{:04X}") { Variant = "word" 0x0304, … }`: an open one whose words are names of numbers on the
///   wire; numbers that nobody has registered are written in the form that is given.
macro_rules! vocabulary {
    ($(#[doc = $about:literal])+ $name:ident {
        $($(#[doc = $doc:literal])+ $variant:ident = $word:literal),* $(,)?
    }) => {
        $(#[doc = $about])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[doc = $doc])+ $variant,)*
            /// A word of a later version.
            Other,
        }

        #[allow(dead_code, reason = "a vocabulary has all its parts, also where nobody asks for one")]
        impl $name {
            /// Every value this version writes.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word on the wire.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* Self::Other => "other" }
            }

            /// What it means, in plain words.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!($($doc),+).trim_ascii(),)*
                    Self::Other => "A word of a later version.",
                }
            }
        }

        impl From<&str> for $name {
            /// A word that this version does not know becomes `Other`.
            fn from(word: &str) -> Self {
                Self::from_word(word).unwrap_or(Self::Other)
            }
        }

        $crate::record::words::vocabulary! {
            @common $name, false, concat!($($about),+), |word| Some(Self::from(word)),
            $($variant, $word, concat!($($doc),+);)*
        }
    };

    ($(#[doc = $about:literal])+ strict $name:ident {
        $($(#[doc = $doc:literal])+ $variant:ident = $word:literal),* $(,)?
    }) => {
        $(#[doc = $about])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $($(#[doc = $doc])+ $variant,)*
        }

        #[allow(dead_code, reason = "a vocabulary has all its parts, also where nobody asks for one")]
        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word on the wire.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// What it means, in plain words.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+).trim_ascii(),)* }
            }
        }

        $crate::record::words::vocabulary! {
            @common $name, false, concat!($($about),+), Self::from_word,
            $($variant, $word, concat!($($doc),+);)*
        }
    };

    ($(#[doc = $about:literal])+ open $name:ident {
        $($(#[doc = $doc:literal])+ $variant:ident = $word:literal),* $(,)?
    }) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[doc = $doc])+ $variant,)*
            /// Another word, as it came.
            Other(Box<str>),
        }

        #[allow(dead_code, reason = "a vocabulary has all its parts, also where nobody asks for one")]
        impl $name {
            /// Every value that this version knows by name.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word on the wire.
            pub fn word(&self) -> &str {
                match self { $(Self::$variant => $word,)* Self::Other(word) => word }
            }

            /// What it means, in plain words.
            pub const fn meaning(&self) -> &'static str {
                match self {
                    $(Self::$variant => concat!($($doc),+).trim_ascii(),)*
                    Self::Other(_) => "A word that this version has no name for.",
                }
            }
        }

        impl From<&str> for $name {
            /// A word that this version does not know is kept.
            fn from(word: &str) -> Self {
                Self::from_word(word).unwrap_or_else(|| Self::Other(word.into()))
            }
        }

        $crate::record::words::vocabulary! {
            @common $name, true, concat!($($about),+), |word| Some(Self::from(word)),
            $($variant, $word, concat!($($doc),+);)*
        }
    };

    ($(#[doc = $about:literal])+ registry $name:ident($number:ty, $form:literal) {
        $($(#[doc = $doc:literal])+ $variant:ident = $word:literal $value:literal),* $(,)?
    }) => {
        $crate::record::words::vocabulary! {
            $(#[doc = $about])+
            open $name { $($(#[doc = $doc])+ $variant = $word),* }
        }

        #[allow(dead_code, reason = "a vocabulary has all its parts, also where nobody asks for one")]
        impl $name {
            /// The value of a number on the wire.
            pub fn from_number(number: $number) -> Self {
                match number {
                    $($value => Self::$variant,)*
                    other => Self::Other(format!($form, other).into()),
                }
            }

            /// The number on the wire; none for a word that this version does not know.
            pub const fn number(&self) -> Option<$number> {
                match self { $(Self::$variant => Some($value),)* Self::Other(_) => None }
            }
        }
    };

    (@common $name:ident, $open:literal, $about:expr, $read:expr, $($variant:ident, $word:literal, $doc:expr;)*) => {
        #[allow(dead_code, reason = "a vocabulary has all its parts, also where nobody asks for one")]
        impl $name {
            /// Every word this version writes, in the order of the values.
            pub const WORDS: &'static [&'static str] = &[$($word),*];

            /// The value of a word, if this version knows it.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)* _ => None }
            }
        }

        impl $crate::record::Vocabulary for $name {
            const NAME: &'static str = stringify!($name);
            const VALUES: &'static [Self] = Self::ALL;

            fn as_word(&self) -> &str {
                self.word()
            }

            fn explained(&self) -> &'static str {
                self.meaning()
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.word()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.word())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.word())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str($crate::record::words::WordVisitor($read))
            }
        }

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn schema_id() -> std::borrow::Cow<'static, str> {
                concat!(module_path!(), "::", stringify!($name)).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                $crate::record::words::schema($about, $open, &[$(($word, $doc)),*])
            }
        }
    };
}
pub(crate) use vocabulary;

/// What every vocabulary has, for those that go over one.
pub trait Vocabulary: Clone + PartialEq + Sized + 'static {
    /// Its name.
    const NAME: &'static str;
    /// Every value that has a name.
    const VALUES: &'static [Self];

    /// The word on the wire.
    fn as_word(&self) -> &str;

    /// What it means, in plain words.
    fn explained(&self) -> &'static str;
}

/// Reads a word of a vocabulary from where it stands, without a copy.
pub(crate) struct WordVisitor<T>(pub(crate) fn(&str) -> Option<T>);

impl<T> serde::de::Visitor<'_> for WordVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a word")
    }

    fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<T, E> {
        (self.0)(word).ok_or_else(|| E::custom(format_args!("an unknown word: {word:?}")))
    }
}

/// The schema of a vocabulary: each word with its meaning, and any other string where it is open.
#[cfg(feature = "schema")]
pub(crate) fn schema(about: &str, is_open: bool, words: &[(&str, &str)]) -> schemars::Schema {
    let mut forms: Vec<serde_json::Value> = (words.iter())
        .map(|(word, meaning)| serde_json::json!({"description": meaning.trim(), "type": "string", "const": word}))
        .collect();
    if is_open {
        forms.push(
            serde_json::json!({"description": "Another word, as it came.", "type": "string"}),
        );
    }
    let forms_of = if is_open { "anyOf" } else { "oneOf" };
    schemars::json_schema!({"description": about.trim(), forms_of: forms})
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
        /// A request of HTTP and its answer.
        Http = "http",
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
        /// Not asked, since the zone is not signed, and so has no DANE (RFC 7672 §2.2.2).
        Unsigned = "unsigned",
        /// More than are looked up or kept: what is left out is not known.
        TooMany = "too_many",
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

vocabulary! {
    /// DNSSEC state of an answer (RFC 4035 §4.3), as a validating resolver told it.
    strict Dnssec {
        /// Authenticated data.
        Secure = "secure",
        /// No signed delegation.
        Insecure = "insecure",
        /// Signatures that do not hold.
        Bogus = "bogus",
    }
}

vocabulary! {
    /// Which end of a run.
    strict Event {
        /// The first line of a stage.
        Start = "start",
        /// The last line of a stage.
        End = "end",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    vocabulary! {
        /// Colours.
        open Colour {
            /// The colour of blood.
            Red = "red",
        }
    }

    vocabulary! {
        /// Ports of mail.
        registry Port(u16, "0x{:04X}") {
            /// Between
            /// servers.
            Smtp = "smtp" 25,
        }
    }

    #[test]
    fn a_closed_vocabulary_reads_what_it_writes_and_tolerates_later_words() {
        for &reason in Reason::ALL {
            let json = serde_json::to_string(&reason).unwrap();
            assert_eq!(json, format!("\"{reason}\""));
            assert_eq!(serde_json::from_str::<Reason>(&json).unwrap(), reason);
            assert!(!reason.meaning().is_empty());
        }
        assert_eq!(Reason::ALL.len(), Reason::WORDS.len());
        assert_eq!(
            serde_json::from_str::<Reason>("\"of_a_later_version\"").unwrap(),
            Reason::Other
        );
        assert!(serde_json::from_str::<Reason>("1").is_err());
    }

    #[test]
    fn an_open_vocabulary_keeps_foreign_words_and_numbers() {
        assert_eq!(Colour::from("red"), Colour::Red);
        let blue: Colour = serde_json::from_str("\"blue\"").unwrap();
        assert_eq!(serde_json::to_string(&blue).unwrap(), "\"blue\"");
        assert_eq!(Colour::from_word("blue"), None);
        assert_eq!(Port::from_number(25), Port::Smtp);
        assert_eq!(Port::Smtp.number(), Some(25));
        assert_eq!(Port::from_number(255).word(), "0x00FF");
        assert_eq!(Port::Smtp.meaning(), "Between servers.");
    }
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
        /// More fields than are read.
        TooManyFields = "too_many_fields",
        /// Nothing between two semicolons.
        EmptyField = "empty_field",
        /// A blank where the grammar has none.
        Blank = "blank",
        /// The version is missing at its place, is another one, or is written otherwise.
        Version = "version",
        /// `id` is missing (RFC 8461 §3.1).
        MissingId = "missing_id",
        /// `id` is not 1 to 32 letters and digits (RFC 8461 §3.1).
        BadId = "bad_id",
        /// A field that may stand once stands again.
        Duplicate = "duplicate",
        /// A blank line in an MTA-STS policy.
        BlankLine = "blank_line",
        /// A byte order mark before the text.
        ByteOrderMark = "byte_order_mark",
        /// An MTA-STS policy without `version`.
        MissingVersion = "missing_version",
        /// An MTA-STS policy without `mode`.
        MissingMode = "missing_mode",
        /// `mode` is not `enforce`, `testing` or `none`.
        BadMode = "bad_mode",
        /// An MTA-STS policy without `max_age`.
        MissingMaxAge = "missing_max_age",
        /// `max_age` is not a number of 1 to 10 digits of at most 31,557,600.
        BadMaxAge = "bad_max_age",
        /// An MTA-STS policy without `mx` whose mode is not `none`.
        MissingMx = "missing_mx",
        /// `mx` is no domain, with or without `*.` in front.
        BadMx = "bad_mx",
        /// `mx` is an address, which no exchange's name can be.
        MxAddress = "mx_address",
        /// The policy did not come as `text/plain`, which a sender should want (RFC 8461 §3.3).
        MediaType = "media_type",
        /// `rua` is missing (RFC 8460 §3).
        MissingRua = "missing_rua",
        /// A report address that is none.
        BadUri = "bad_uri",
        /// A report address whose scheme is neither `mailto` nor `https`.
        UnsupportedScheme = "unsupported_scheme",
        /// No `p=` in what should be a DKIM key.
        MissingKey = "missing_key",
        /// `p=` is no key of the type that `k=` names.
        BadKey = "bad_key",
        /// A type of key that no verifier knows.
        UnknownKeyType = "unknown_key_type",
        /// An RSA key under 1,024 bits, which verifiers refuse (RFC 8301 §3.2).
        WeakKey = "weak_key",
        /// An RSA key under 2,048 bits (RFC 8301 §3.2).
        ShortKey = "short_key",
        /// `h=` allows no hash that is still in use (RFC 8301 §3.1).
        NoUsableHash = "no_usable_hash",
        /// `s=` keeps the key from being used for mail.
        NotForMail = "not_for_mail",
        /// The name below `_domainkey` exists although `_domainkey` is said not to (RFC 8020).
        NxdomainAboveKey = "nxdomain_above_key",
        /// A wildcard answers for every selector.
        WildcardKey = "wildcard_key",
        /// A location that is no `https:` address.
        BadLocation = "bad_location",
        /// `l=` is missing from a BIMI record.
        MissingLocation = "missing_location",
        /// A critical CAA property that no authority knows, so that none may issue (RFC 8659 §4.5).
        UnknownCritical = "unknown_critical",
        /// A CAA property against its grammar, which forbids to issue (RFC 8659 §4.2).
        BadProperty = "bad_property",
        /// A text that looks like a record and does not begin exactly as one: it is none.
        NearMiss = "near_miss",
        /// There are more faults than are listed.
        MoreFaults = "more_faults",
        /// A name that is pointed to does not exist (RCODE 3).
        Dangling = "dangling",
        /// SPF: a mechanism that RFC 7208 does not have.
        UnknownMechanism = "unknown_mechanism",
        /// SPF: no address where ip4 or ip6 wants one.
        BadIp = "bad_ip",
        /// SPF: a prefix length that its family does not have.
        BadPrefix = "bad_prefix",
        /// SPF: a percent sign that begins no macro, or a macro that has no place here.
        BadMacro = "bad_macro",
        /// SPF: no domain name where one must be: empty, of one label, or ending in a number.
        BadDomain = "bad_domain",
        /// SPF: redirect or exp twice.
        DuplicateModifier = "duplicate_modifier",
        /// SPF: more than ten terms that ask the DNS (RFC 7208 §4.6.4).
        LookupLimit = "lookup_limit",
        /// SPF: more than two questions without an answer (RFC 7208 §4.6.4), for one family of addresses at least.
        VoidLimit = "void_limit",
        /// SPF: more than ten MX records behind one mx (RFC 7208 §4.6.4).
        MxLimit = "mx_limit",
        /// SPF: an include or redirect leads to a name without an SPF record.
        IncludeNone = "include_none",
        /// SPF: an include or redirect leads to a record that is not to be used.
        IncludePermerror = "include_permerror",
        /// SPF: records that include each other.
        Loop = "loop",
        /// SPF: a record over 450 octets, which may not fit into an answer over UDP (RFC 7208 §3.4).
        TooLong = "too_long",
        /// SPF: ptr, which should not be used (RFC 7208 §5.5).
        PtrUsed = "ptr_used",
        /// SPF: every address passes.
        AllPlus = "all_plus",
        /// SPF: ends in ?all, which says nothing.
        AllNeutral = "all_neutral",
        /// SPF: neither all nor redirect; what matches nothing is neutral.
        NoAll = "no_all",
        /// SPF: terms behind all, which nobody reads; a redirect beside it is one.
        RecordAfterAll = "record_after_all",
        /// DMARC: p, sp or np is none of the three policies: with a rua it counts as none, without one there is no DMARC (RFC
        /// 9989 §4.10.1).
        BadPolicy = "bad_policy",
        /// DMARC: no p. RFC 9989 §4.7 takes that for none, §4.10.1 takes it, without a rua, for no DMARC.
        MissingPolicy = "missing_policy",
        /// DMARC: a tag with a value that it does not have; it counts as if it were not there.
        BadTag = "bad_tag",
        /// DMARC: a tag that nobody knows; it is ignored.
        UnknownTag = "unknown_tag",
        /// DMARC: a tag of RFC 7489 that RFC 9989 has given up: pct, rf, ri.
        ObsoleteTag = "obsolete_tag",
        /// DMARC: a size behind a report address, which RFC 9989 has given up.
        ObsoleteSize = "obsolete_size",
        /// DMARC: a receiver of reports outside of the organisation has not said that it wants them; they are lost.
        RuaUnauthorised = "rua_unauthorised",
        /// DMARC: sp or np in a record below the organisational domain, where nobody reads them.
        SpUnused = "sp_unused",
    }
}

vocabulary! {
    /// What an MTA-STS policy asks of a sender (RFC 8461 §5).
    StsMode {
        /// Mail does not go to an exchange that fails the policy.
        Enforce = "enforce",
        /// Mail goes, and the failure is reported.
        Testing = "testing",
        /// There is no policy any more.
        None = "none",
    }
}

vocabulary! {
    /// Why there is no MTA-STS policy to use, or none could be had.
    StsError {
        /// The policy host does not exist, or has no address.
        DnsNone = "dns_none",
        /// The addresses of the policy host could not be learned.
        DnsFailed = "dns_failed",
        /// All its addresses are special-purpose ones that `--allow` did not open.
        AddressForbidden = "address_forbidden",
        /// It is on the list of `--exclude`.
        Excluded = "excluded",
        /// No connection could be made.
        Connect = "connect",
        /// The TLS handshake failed.
        TlsHandshake = "tls_handshake",
        /// The chain leads to no root of the store, or does not hold.
        CertUntrusted = "cert_untrusted",
        /// The certificate, or one above it, has expired.
        CertExpired = "cert_expired",
        /// The certificate is for other names.
        CertName = "cert_name",
        /// The certificate could not be judged here.
        CertUnknown = "cert_unknown",
        /// What answered does not speak HTTP, or broke off.
        Http = "http",
        /// The host points elsewhere, which a sender does not follow.
        Redirect = "redirect",
        /// Another HTTP status than 200.
        Status = "status",
        /// More than 64 KiB.
        TooLarge = "too_large",
        /// The time for the step, or the minute for the whole, ran out.
        Timeout = "timeout",
        /// The text is no policy.
        Syntax = "syntax",
        /// The run was interrupted before the end.
        Interrupted = "interrupted",
        /// An error of this machine.
        Local = "local",
    }
}

vocabulary! {
    /// How a policy host's certificate meets its name (RFC 9525 §6.3).
    StsNameMatch {
        /// A dNSName of the subject alternative name meets it.
        Yes = "yes",
        /// There is no dNSName, and the common name meets it: to the letter no match, to many a TLS library one.
        CommonNameOnly = "cn_only",
        /// Nothing does.
        No = "no",
    }
}

vocabulary! {
    /// Whether the record and the policy of MTA-STS, by the letter, stand together.
    StsStanding {
        /// A record and a policy.
        Both = "both",
        /// A record, and no policy that a sender could use.
        RecordWithoutPolicy = "record_without_policy",
        /// A policy, and no record that would make a sender look for it.
        PolicyWithoutRecord = "policy_without_record",
        /// Neither.
        Neither = "neither",
        /// The one or the other could not be learned.
        Unknown = "unknown",
    }
}

vocabulary! {
    /// The result types of TLS reports (RFC 8460 §4.3) that the fetch of a policy can have.
    TlsRptResult {
        /// The policy could not be retrieved.
        StsPolicyFetchError = "sts-policy-fetch-error",
        /// The policy host's certificate does not hold.
        StsWebpkiInvalid = "sts-webpki-invalid",
        /// The text is no policy.
        StsPolicyInvalid = "sts-policy-invalid",
    }
}

vocabulary! {
    /// What it rests on that a domain has DKIM keys, or has none.
    DkimEvidence {
        /// `_domainkey` exists, and a random name beside it does not (RFC 8020).
        NameExists = "name_exists",
        /// `_domainkey` does not exist, nor anything below it (RFC 8020).
        Nxdomain = "nxdomain",
        /// The NSEC of `_domainkey` lacks the type NXNAME, which that of a random name has (RFC 9824).
        NoNxname = "no_nxname",
        /// The NSEC of `_domainkey` has the type NXNAME (RFC 9824).
        Nxname = "nxname",
        /// The NSEC of `_domainkey` has other types than that of a random name.
        OtherBitmap = "other_bitmap",
        /// An NSEC names a name below `_domainkey` (RFC 4034 §4.1.1).
        NextName = "next_name",
        /// A wildcard answers for a random name, and does not for `_domainkey` (RFC 4592 §2.2.2).
        WildcardBlocked = "wildcard_blocked",
        /// A key stands at a selector that was asked.
        Selector = "selector",
    }
}

vocabulary! {
    /// The type of a DKIM key (RFC 6376, RFC 8463).
    DkimKeyType {
        /// RSA.
        Rsa = "rsa",
        /// Ed25519.
        Ed25519 = "ed25519",
        /// A type that no verifier knows.
        Unknown = "unknown",
    }
}

vocabulary! {
    /// What a name with CAA records is to a domain's mail.
    CaaRole {
        /// The domain itself.
        Domain = "domain",
        /// An exchange of the domain.
        Exchange = "exchange",
        /// The host of its MTA-STS policy.
        PolicyHost = "policy_host",
    }
}

vocabulary! {
    /// Whom CAA records let issue certificates.
    CaaEffect {
        /// Every authority.
        Any = "any",
        /// Those that are named.
        Named = "named",
        /// Nobody.
        Nobody = "nobody",
    }
}

vocabulary! {
    /// What check_host() says of a client (RFC 7208 §2.6).
    SpfResult {
        /// There is no record.
        None = "none",
        /// The record says nothing of the client.
        Neutral = "neutral",
        /// The client may send.
        Pass = "pass",
        /// The client may not send.
        Fail = "fail",
        /// The client probably may not send.
        Softfail = "softfail",
        /// A question failed; another time it may not.
        Temperror = "temperror",
        /// The record is not to be used.
        Permerror = "permerror",
    }
}

vocabulary! {
    /// What a domain asks receivers to do with mail that fails DMARC (RFC 9989 §4.7).
    DmarcPolicy {
        /// Nothing; reports alone.
        None = "none",
        /// To treat it as suspicious.
        Quarantine = "quarantine",
        /// To reject it.
        Reject = "reject",
        /// There is no DMARC for the domain.
        Off = "off",
    }
}

vocabulary! {
    /// How an identifier must match the author's domain (RFC 9989 §4.4).
    DmarcAlignment {
        /// In its organisational domain.
        Relaxed = "relaxed",
        /// Exactly.
        Strict = "strict",
    }
}

vocabulary! {
    /// Whether a domain says that it is a public suffix (RFC 9989 §4.7).
    DmarcPsd {
        /// It is one.
        Yes = "yes",
        /// It is an organisational domain.
        No = "no",
        /// It does not say.
        Unknown = "unknown",
    }
}

#[allow(clippy::derivable_impls, reason = "the macro derives no default")]
impl Default for DmarcAlignment {
    fn default() -> Self {
        Self::Relaxed
    }
}

#[allow(clippy::derivable_impls, reason = "the macro derives no default")]
impl Default for DmarcPsd {
    fn default() -> Self {
        Self::Unknown
    }
}
