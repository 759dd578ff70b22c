//! What is known of a server, and what follows for a domain, in three-valued logic: unknown is not no.
//!
//! A sender tries the exchanges in order of preference (RFC 5321 §5.1). Under the rule *preferred* a domain is judged by
//! the first preference with a server that answered; servers that did not (EHLO and HELO both unanswered) are passed
//! over. *Any* and *all* look at every server.

/// What is asked of a server, and so of a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Fact {
    /// EHLO was answered 250.
    Esmtp,
    /// STARTTLS stands in the EHLO reply.
    Advertised,
    /// 220 to STARTTLS: what the study of 2014 counted as TLS.
    Accepted,
    /// The handshake completed, or got as far as the server's hello and chain.
    Tls,
    /// The chain leads to a root of the first named store.
    Valid,
    /// The leaf names the exchange.
    NamesExchange,
    /// Valid, and the leaf names the exchange.
    Trusted,
    /// The leaf names the domain.
    NamesDomain,
    /// A TLSA record under DNSSEC holds for the chain (RFC 7672).
    Dane,
}

/// Every fact, in the order of its bits.
pub const FACTS: [Fact; 9] = [
    Fact::Esmtp,
    Fact::Advertised,
    Fact::Accepted,
    Fact::Tls,
    Fact::Valid,
    Fact::NamesExchange,
    Fact::Trusted,
    Fact::NamesDomain,
    Fact::Dane,
];

impl Fact {
    /// Its word in columns and tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Esmtp => "esmtp",
            Self::Advertised => "advertised",
            Self::Accepted => "accepted",
            Self::Tls => "tls",
            Self::Valid => "valid",
            Self::NamesExchange => "names_exchange",
            Self::Trusted => "trusted",
            Self::NamesDomain => "names_domain",
            Self::Dane => "dane",
        }
    }
}

/// How the servers of a domain are taken together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Rule {
    /// As mail is delivered.
    Preferred,
    /// One server is enough.
    Any,
    /// Every server must.
    All,
}

/// Every rule, in the order of its bits.
pub const RULES: [Rule; 3] = [Rule::Preferred, Rule::Any, Rule::All];

impl Rule {
    /// Its word in columns and options.
    pub fn word(self) -> &'static str {
        match self {
            Self::Preferred => "preferred",
            Self::Any => "any",
            Self::All => "all",
        }
    }
}

impl std::str::FromStr for Rule {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let found = RULES.into_iter().find(|rule| rule.word() == word);
        found.ok_or_else(|| "preferred, any or all".to_owned())
    }
}

/// A fact of a domain under a rule, two bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Truth {
    /// Not learned.
    #[default]
    Unknown = 0,
    /// No.
    No = 1,
    /// Yes.
    Yes = 2,
    /// Servers that mail would go to with the same right differ.
    Mixed = 3,
}

impl From<Option<bool>> for Truth {
    fn from(value: Option<bool>) -> Self {
        match value {
            None => Self::Unknown,
            Some(false) => Self::No,
            Some(true) => Self::Yes,
        }
    }
}

impl Truth {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::No => "no",
            Self::Yes => "yes",
            Self::Mixed => "mixed",
        }
    }
}

/// Where the two bits of a fact under a rule lie in the packed form.
pub fn shift(fact: Fact, rule: Rule) -> u32 {
    (rule as u32 * FACTS.len() as u32 + fact as u32) * 2
}

/// A fact out of the packed form.
pub fn unpack(facts: i64, fact: Fact, rule: Rule) -> Truth {
    match (facts >> shift(fact, rule)) & 3 {
        1 => Truth::No,
        2 => Truth::Yes,
        3 => Truth::Mixed,
        _ => Truth::Unknown,
    }
}

/// A fact into the packed form; the bits must be zero before.
pub fn pack(facts: &mut i64, fact: Fact, rule: Rule, truth: Truth) {
    *facts |= (truth as i64) << shift(fact, rule);
}

/// Servers of one preference that answered: they must agree.
///
/// ```
/// use mx_survey::judge::{Truth, preferred};
///
/// assert_eq!(preferred([Truth::Yes, Truth::No].into_iter()), Truth::Mixed);
/// assert_eq!(preferred([Truth::Yes, Truth::Unknown].into_iter()), Truth::Unknown);
/// ```
pub fn preferred(values: impl Iterator<Item = Truth>) -> Truth {
    let seen = Seen::among(values);
    match seen {
        Seen {
            yes: true,
            no: true,
            ..
        } => Truth::Mixed,
        Seen { unknown: true, .. } => Truth::Unknown,
        Seen { yes: true, .. } => Truth::Yes,
        Seen { no: true, .. } => Truth::No,
        _ => Truth::Unknown,
    }
}

/// Or: one yes decides, all no decide.
///
/// ```
/// use mx_survey::judge::{Truth, any};
///
/// assert_eq!(any([Truth::Unknown, Truth::Yes].into_iter()), Truth::Yes);
/// assert_eq!(any([Truth::Unknown, Truth::No].into_iter()), Truth::Unknown);
/// ```
pub fn any(values: impl Iterator<Item = Truth>) -> Truth {
    match Seen::among(values) {
        Seen { yes: true, .. } => Truth::Yes,
        Seen { unknown: true, .. } => Truth::Unknown,
        Seen { no: true, .. } => Truth::No,
        _ => Truth::Unknown,
    }
}

/// And: one no decides, all yes decide.
///
/// ```
/// use mx_survey::judge::{Truth, all};
///
/// assert_eq!(all([Truth::Unknown, Truth::No].into_iter()), Truth::No);
/// assert_eq!(all([Truth::Unknown, Truth::Yes].into_iter()), Truth::Unknown);
/// ```
pub fn all(values: impl Iterator<Item = Truth>) -> Truth {
    match Seen::among(values) {
        Seen { no: true, .. } => Truth::No,
        Seen { unknown: true, .. } => Truth::Unknown,
        Seen { yes: true, .. } => Truth::Yes,
        _ => Truth::Unknown,
    }
}

#[derive(Default)]
struct Seen {
    yes: bool,
    no: bool,
    unknown: bool,
}

impl Seen {
    fn among(values: impl Iterator<Item = Truth>) -> Self {
        let mut seen = Self::default();
        for value in values {
            match value {
                Truth::Yes => seen.yes = true,
                Truth::No => seen.no = true,
                Truth::Unknown => seen.unknown = true,
                Truth::Mixed => (seen.yes, seen.no) = (true, true),
            }
        }
        seen
    }
}

/// A server, as far as `smtp` and `tls` records tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Server {
    /// EHLO was answered 250; null where neither EHLO nor HELO was answered.
    pub esmtp: Option<bool>,
    /// STARTTLS in the EHLO reply.
    pub advertised: Option<bool>,
    /// 220 to STARTTLS.
    pub accepted: Option<bool>,
    /// See [`Fact::Tls`].
    pub tls: Option<bool>,
    /// See [`Fact::Valid`].
    pub valid: Option<bool>,
}

/// What a `tls` record says, and its verdict against the first named store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TlsFacts {
    /// 220 to STARTTLS in that connection.
    pub accepted: Option<bool>,
    /// A ServerHello and chain were seen.
    pub negotiated: Option<bool>,
    /// It finished.
    pub completed: Option<bool>,
    /// The first verdict.
    pub valid: Option<bool>,
}

impl Server {
    /// The facts of a server from its `smtp` record and, if there is one, its `tls` record.
    pub fn with_handshake(mut self, handshake: Option<TlsFacts>) -> Self {
        let seen = handshake.unwrap_or_default();
        self.tls = match (seen.completed, seen.negotiated) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            // A handshake that failed may have failed for what we are: only a refused STARTTLS is a no.
            _ if seen.accepted == Some(false) => Some(false),
            _ if handshake.is_none() && self.accepted == Some(false) => Some(false),
            _ => None,
        };
        // Without TLS there is no certificate to be valid.
        self.valid = match self.tls {
            Some(false) => Some(false),
            _ => seen.valid,
        };
        self
    }

    /// EHLO or HELO was answered: a sender would deliver here.
    pub fn answered(self) -> bool {
        self.esmtp.is_some()
    }
}

/// And of two facts.
///
/// ```
/// use mx_survey::judge::both;
///
/// assert_eq!(both(None, Some(false)), Some(false));
/// assert_eq!(both(None, Some(true)), None);
/// ```
pub fn both(left: Option<bool>, right: Option<bool>) -> Option<bool> {
    match (left, right) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::Truth::{Mixed, No, Unknown, Yes};
    use super::*;

    #[test]
    fn the_rules_are_three_valued() {
        let table: [(&[Truth], Truth, Truth, Truth); 9] = [
            (&[], Unknown, Unknown, Unknown),
            (&[Yes], Yes, Yes, Yes),
            (&[No], No, No, No),
            (&[Yes, Yes], Yes, Yes, Yes),
            (&[Yes, No], Mixed, Yes, No),
            (&[Yes, Unknown], Unknown, Yes, Unknown),
            (&[No, Unknown], Unknown, Unknown, No),
            (&[Yes, No, Unknown], Mixed, Yes, No),
            (&[Unknown, Unknown], Unknown, Unknown, Unknown),
        ];
        for (values, as_delivered, one, every) in table {
            assert_eq!(
                preferred(values.iter().copied()),
                as_delivered,
                "{values:?}"
            );
            assert_eq!(any(values.iter().copied()), one, "{values:?}");
            assert_eq!(all(values.iter().copied()), every, "{values:?}");
        }
    }

    #[test]
    fn facts_survive_packing() {
        let mut facts = 0;
        let truths = [Yes, No, Mixed, Unknown];
        let mut expected = Vec::new();
        for (number, (rule, fact)) in RULES
            .iter()
            .flat_map(|&rule| FACTS.iter().map(move |&fact| (rule, fact)))
            .enumerate()
        {
            let truth = truths[number % 4];
            pack(&mut facts, fact, rule, truth);
            expected.push((fact, rule, truth));
        }
        for (fact, rule, truth) in expected {
            assert_eq!(unpack(facts, fact, rule), truth, "{fact:?} {rule:?}");
        }
        assert!(facts >= 0, "the shift must stay below the sign");
    }

    #[test]
    fn a_failed_handshake_is_no_tls_only_when_the_server_said_so() {
        let accepted = Server {
            esmtp: Some(true),
            advertised: Some(true),
            accepted: Some(true),
            ..Server::default()
        };
        let handshake = |accepted, negotiated, completed, valid| TlsFacts {
            accepted,
            negotiated,
            completed,
            valid,
        };
        let tls = |handshake| accepted.with_handshake(handshake).tls;
        assert_eq!(tls(None), None);
        assert_eq!(tls(Some(handshake(None, None, None, None))), None);
        assert_eq!(
            tls(Some(handshake(Some(true), None, Some(false), None))),
            None
        );
        assert_eq!(
            tls(Some(handshake(Some(true), Some(false), Some(false), None))),
            None
        );
        assert_eq!(
            tls(Some(handshake(Some(true), Some(true), Some(false), None))),
            Some(true)
        );
        assert_eq!(
            tls(Some(handshake(Some(false), None, None, None))),
            Some(false)
        );
        let refused = Server {
            accepted: Some(false),
            ..accepted
        };
        assert_eq!(refused.with_handshake(None).tls, Some(false));
        assert_eq!(refused.with_handshake(None).valid, Some(false));
        let unsaid = Server {
            accepted: None,
            ..accepted
        };
        assert_eq!(unsaid.with_handshake(None).tls, None);
    }
}
