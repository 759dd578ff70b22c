//! The closed vocabularies of the records: each an enum, its words on the wire, and what they mean.

mod keyed;
mod mail;
mod policy;
mod received;
mod tls;
mod x509;

pub use keyed::ByWord;
pub use mail::*;
pub use policy::*;
pub use received::*;
pub use tls::*;
pub use x509::*;

/// Makes a vocabulary: `Name { /// What it means. Variant = "word", … }`.
///
/// The enum that comes of it is `non_exhaustive`; each variant's doc comment is the meaning of its word in plain words,
/// for pages, reports and the schema. Words that this version does not know are kept apart from those that it does:
/// - `Name { … }`: a closed one, `Copy`; a word of a later version becomes `Other` and is written as `other`. Instead of a
///   literal, the word may be that of a value of another vocabulary.
/// - `strict Name { … }`: complete by its nature; another word is an error.
/// - `open Name { … }`: the world may add words; `Other` keeps the foreign word and writes it again.
/// - `registry Name(u16, "0x{:04X}") { Variant = "word" 0x0304, … }`: an open one whose words are names of numbers on the
///   wire; numbers that nobody has registered are written in the form that is given.
macro_rules! vocabulary {
    ($(#[doc = $about:literal])+ $name:ident {
        $($(#[doc = $doc:literal])+ $variant:ident = $word:expr),* $(,)?
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

    (@common $name:ident, $open:literal, $about:expr, $read:expr, $($variant:ident, $word:expr, $doc:expr;)*) => {
        #[allow(dead_code, reason = "a vocabulary has all its parts, also where nobody asks for one")]
        impl $name {
            /// Every word this version writes, in the order of the values.
            pub const WORDS: &'static [&'static str] = &[$($word),*];

            /// The value of a word, if this version knows it.
            pub fn from_word(word: &str) -> Option<Self> {
                $(if word == $word { return Some(Self::$variant); })*
                None
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
