//! DANE for SMTP in six words (RFC 7672): what a sender that heeds it finds at a server behind an exchange.

use super::facts::Truth;
use crate::record::words::vocabulary;
use crate::record::{Dnssec, Reason};

vocabulary! {
    /// What DANE amounts to at a server.
    strict Dane {
        /// The zone of the exchange is not signed, so that there can be no DANE (RFC 7672 §2.1).
        NoneUnsigned = "none_unsigned",
        /// The zone is signed and has no TLSA record for the exchange.
        None = "none",
        /// A TLSA record under DNSSEC holds for the chain that the server sent.
        Holds = "holds",
        /// There are usable TLSA records, and none holds for the chain: a sender that heeds DANE does not deliver here.
        Fails = "fails",
        /// There are TLSA records, which demand TLS (RFC 7672 §2.2), and the server refuses STARTTLS.
        NoStarttls = "no_starttls",
        /// Not learned: a question failed or was not asked, no record is usable, or no chain was seen.
        Unknown = "unknown",
    }
}

impl Dane {
    /// Whether DANE holds.
    pub fn truth(self) -> Option<bool> {
        match self {
            Self::Holds => Some(true),
            Self::NoneUnsigned | Self::None | Self::Fails | Self::NoStarttls => Some(false),
            Self::Unknown => None,
        }
    }

    /// What the records say of a server with these TLS facts: whether it has TLS, and whether a record matched its chain
    /// (null: none is usable, or there is no chain).
    ///
    /// ```
    /// use mx_survey::judge::dane::Dane;
    ///
    /// assert_eq!(Dane::with_records(Some(false), None), Dane::NoStarttls);
    /// assert_eq!(Dane::with_records(Some(true), Some(true)), Dane::Holds);
    /// assert_eq!(Dane::with_records(None, None), Dane::Unknown);
    /// ```
    pub fn with_records(tls: Option<bool>, matches: Option<bool>) -> Self {
        match (tls, matches) {
            (Some(false), _) => Self::NoStarttls,
            (_, Some(true)) => Self::Holds,
            (_, Some(false)) => Self::Fails,
            (_, None) => Self::Unknown,
        }
    }
}

/// What the questions about an exchange said, as far as DANE goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DaneAnswers {
    /// The state of the exchange's addresses.
    pub exchange: Option<Dnssec>,
    /// The exchange is an alias: its own zone may be signed where that of its addresses is not (RFC 7672 §2.2.2).
    pub is_alias: bool,
    /// How the question for TLSA records ended; null: it was not asked.
    pub tlsa: Option<Reason>,
    /// The state of its answer.
    pub tlsa_dnssec: Option<Dnssec>,
}

impl DaneAnswers {
    /// What is known without looking at a server; none: there are records under DNSSEC, which its chain must meet.
    ///
    /// ```
    /// use mx_survey::judge::dane::{Dane, DaneAnswers};
    /// use mx_survey::record::{Dnssec, Reason};
    ///
    /// let mut answers = DaneAnswers { tlsa: Some(Reason::NoData), ..DaneAnswers::default() };
    /// assert_eq!(answers.without_records(), Some(Dane::None));
    /// answers.tlsa_dnssec = Some(Dnssec::Insecure);
    /// assert_eq!(answers.without_records(), Some(Dane::NoneUnsigned));
    /// answers.tlsa = Some(Reason::Timeout);
    /// assert_eq!(answers.without_records(), Some(Dane::Unknown));
    /// ```
    pub fn without_records(self) -> Option<Dane> {
        let is_unsigned = self.tlsa_dnssec == Some(Dnssec::Insecure);
        match self.tlsa {
            Some(Reason::Ok) if self.tlsa_dnssec == Some(Dnssec::Secure) => None,
            // Records outside DNSSEC are none (RFC 7672 §2.1).
            Some(Reason::Ok) if is_unsigned => Some(Dane::NoneUnsigned),
            Some(Reason::Unsigned) => Some(Dane::NoneUnsigned),
            Some(Reason::Nxdomain | Reason::NoData) if is_unsigned => Some(Dane::NoneUnsigned),
            Some(Reason::Nxdomain | Reason::NoData) => Some(Dane::None),
            None if self.exchange == Some(Dnssec::Insecure) && !self.is_alias => {
                Some(Dane::NoneUnsigned)
            }
            _ => Some(Dane::Unknown),
        }
    }
}

/// Whether the records hold for the next-hop domains, which a certificate may name as well (RFC 7672 §3.2.2); null where
/// they hold for some of them only. `matches` says so for names that count together.
pub fn named_by(domains: &[String], matches: impl Fn(&[&str]) -> Option<bool>) -> Option<bool> {
    let domains: Vec<&str> = domains.iter().map(String::as_str).collect();
    if domains.is_empty() || matches(&domains) == Some(false) {
        return Some(false);
    }
    let is_each = domains
        .iter()
        .all(|&domain| matches(&[domain]) == Some(true));
    is_each.then_some(true)
}

/// The word of several servers that count together; `mixed` where DANE holds at some of them only. What keeps mail back
/// stands before what does not.
pub fn together(servers: impl Iterator<Item = Dane> + Clone) -> &'static str {
    const ORDER: [Dane; 6] = [
        Dane::Fails,
        Dane::NoStarttls,
        Dane::Unknown,
        Dane::Holds,
        Dane::None,
        Dane::NoneUnsigned,
    ];
    let truths = servers.clone().map(|dane| Truth::from(dane.truth()));
    if super::facts::preferred(truths) == Truth::Mixed {
        return "mixed";
    }
    let worst = ORDER
        .into_iter()
        .find(|word| servers.clone().any(|dane| dane == *word));
    worst.unwrap_or(Dane::Unknown).word()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_may_name_the_next_hop_domain() {
        let named = |domains: &[&str]| {
            let domains: Vec<String> = domains.iter().map(|&it| it.into()).collect();
            named_by(&domains, |names| Some(names.contains(&"a.test")))
        };
        assert_eq!(named(&["a.test"]), Some(true));
        assert_eq!(named(&["a.test", "b.test"]), None);
        assert_eq!(named(&["b.test"]), Some(false));
        assert_eq!(named(&[]), Some(false));
    }

    #[test]
    fn d1_an_unsigned_zone_has_no_dane_and_that_is_known() {
        let question = DaneAnswers {
            exchange: Some(Dnssec::Insecure),
            ..DaneAnswers::default()
        };
        assert_eq!(question.without_records(), Some(Dane::NoneUnsigned));
        let alias = DaneAnswers {
            is_alias: true,
            ..question
        };
        assert_eq!(alias.without_records(), Some(Dane::Unknown));
        for exchange in [None, Some(Dnssec::Secure), Some(Dnssec::Bogus)] {
            let question = DaneAnswers {
                exchange,
                ..DaneAnswers::default()
            };
            assert_eq!(
                question.without_records(),
                Some(Dane::Unknown),
                "{exchange:?}"
            );
        }
    }

    #[test]
    fn an_answer_about_tlsa_decides_as_far_as_it_is_signed() {
        let word = |reason, state| {
            let question = DaneAnswers {
                exchange: Some(Dnssec::Secure),
                tlsa: Some(reason),
                tlsa_dnssec: state,
                ..DaneAnswers::default()
            };
            question.without_records()
        };
        assert_eq!(word(Reason::Ok, Some(Dnssec::Secure)), None);
        let insecure = Some(Dnssec::Insecure);
        assert_eq!(word(Reason::Ok, insecure), Some(Dane::NoneUnsigned));
        assert_eq!(word(Reason::NoData, insecure), Some(Dane::NoneUnsigned));
        assert_eq!(word(Reason::Unsigned, insecure), Some(Dane::NoneUnsigned));
        assert_eq!(
            word(Reason::TooMany, Some(Dnssec::Secure)),
            Some(Dane::Unknown)
        );
        assert_eq!(word(Reason::Ok, None), Some(Dane::Unknown));
        assert_eq!(word(Reason::Ok, Some(Dnssec::Bogus)), Some(Dane::Unknown));
        assert_eq!(word(Reason::NoData, Some(Dnssec::Secure)), Some(Dane::None));
        assert_eq!(word(Reason::Nxdomain, None), Some(Dane::None));
        assert_eq!(word(Reason::Servfail, None), Some(Dane::Unknown));
    }

    #[test]
    fn what_keeps_mail_back_stands_for_the_domain() {
        let word = |words: &[Dane]| together(words.iter().copied());
        assert_eq!(word(&[]), "unknown");
        assert_eq!(word(&[Dane::Holds, Dane::Holds]), "holds");
        assert_eq!(word(&[Dane::Holds, Dane::Fails]), "mixed");
        assert_eq!(word(&[Dane::Holds, Dane::Unknown]), "unknown");
        assert_eq!(word(&[Dane::None, Dane::NoStarttls]), "no_starttls");
        assert_eq!(word(&[Dane::None, Dane::NoneUnsigned]), "none");
        assert_eq!(word(&[Dane::NoneUnsigned]), "none_unsigned");
    }
}
