//! Kinds of sender: constants with fixed ids.

/// A kind of sender. Profiles are constants: their ids are stored, and never change meaning.
#[derive(Debug)]
pub struct Profile {
    /// The id in databases.
    pub id: u8,
    /// The word in tables and options.
    pub word: &'static str,
    /// One line for people.
    pub title: &'static str,
    pub(super) is_dane: bool,
    pub(super) sts: Option<StsReadingRule>,
    pub(super) tls: Need,
    pub(super) requires_tls: bool,
    /// Where the RFCs have no sentence for it, it does what Postfix does.
    pub(super) is_postfix: bool,
}

/// How a sender reads an MTA-STS policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StsReadingRule {
    /// RFC 8461 §4.1: the exchange matches a pattern, a wildcard stands for one label, the certificate names the exchange.
    Letter,
    /// Postfix before 3.10.5 with a helper: any exchange, and a certificate that any pattern covers at any depth.
    AnyPattern,
    /// Postfix from 3.10.5 with a helper: exchanges that a pattern covers at any depth, and a certificate for the exchange.
    PatternsFirst,
}

/// What a sender must find in the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// What a sender of today takes, TLS 1.0 included.
    Today,
    /// TLS 1.1 at most.
    Before12,
    /// TLS 1.3.
    Only13,
    /// A post-quantum group.
    PostQuantum,
}

const BASE: Profile = Profile {
    id: 0,
    word: "",
    title: "",
    is_dane: false,
    sts: None,
    tls: Need::Today,
    requires_tls: false,
    is_postfix: true,
};

/// Every profile, by id.
pub const PROFILES: [Profile; 11] = [
    Profile {
        id: 1,
        word: "opportunistic",
        title: "takes TLS where it is offered, from anybody (RFC 7435)",
        ..BASE
    },
    Profile {
        id: 2,
        word: "dane",
        title: "heeds TLSA records (RFC 7672), as Postfix under dane",
        is_dane: true,
        ..BASE
    },
    Profile {
        id: 3,
        word: "mta_sts",
        title: "heeds MTA-STS to the letter (RFC 8461)",
        sts: Some(StsReadingRule::Letter),
        is_postfix: false,
        ..BASE
    },
    Profile {
        id: 4,
        word: "exchange",
        title: "DANE, and MTA-STS where there is no DANE, as Exchange Online",
        is_dane: true,
        sts: Some(StsReadingRule::Letter),
        is_postfix: false,
        ..BASE
    },
    Profile {
        id: 5,
        word: "google",
        title: "MTA-STS without DANE, as Gmail",
        sts: Some(StsReadingRule::Letter),
        is_postfix: false,
        ..BASE
    },
    Profile {
        id: 6,
        word: "postfix_sts_before_3_10_5",
        title: "Postfix before 3.10.5 with an MTA-STS helper: any exchange, any pattern",
        sts: Some(StsReadingRule::AnyPattern),
        ..BASE
    },
    Profile {
        id: 7,
        word: "postfix_sts",
        title: "Postfix from 3.10.5 with an MTA-STS helper: patterns choose the exchanges",
        sts: Some(StsReadingRule::PatternsFirst),
        ..BASE
    },
    Profile {
        id: 8,
        word: "sender_of_2014",
        title: "opportunistic, without TLS 1.2",
        tls: Need::Before12,
        ..BASE
    },
    Profile {
        id: 9,
        word: "tls13_only",
        title: "opportunistic, TLS 1.3 alone",
        tls: Need::Only13,
        ..BASE
    },
    Profile {
        id: 10,
        word: "post_quantum_only",
        title: "opportunistic, post-quantum groups alone",
        tls: Need::PostQuantum,
        ..BASE
    },
    Profile {
        id: 11,
        word: "requiretls",
        title: "a message that asks for REQUIRETLS (RFC 8689)",
        is_dane: true,
        sts: Some(StsReadingRule::Letter),
        requires_tls: true,
        is_postfix: false,
        ..BASE
    },
];

impl Profile {
    /// The profile of a word.
    pub fn from_word(word: &str) -> Option<&'static Self> {
        PROFILES.iter().find(|profile| profile.word == word)
    }
}
