//! What is measured of a domain, and the marks along ranks at which it is shown.

use super::survey::SurveyVerdict;
use crate::judge::{Fact, Rule, Truth};

/// What is measured of a domain: a fact, or a fact among those with another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measure {
    /// Its word.
    pub word: &'static str,
    /// For people.
    pub label: &'static str,
    /// The fact.
    pub fact: Fact,
    /// Only among domains for which this is a yes.
    pub among: Option<Fact>,
}

/// The measures of the overall picture.
pub const MEASURES: [Measure; 9] = [
    Measure {
        word: "esmtp",
        label: "ESMTP",
        fact: Fact::Esmtp,
        among: None,
    },
    Measure {
        word: "accepted",
        label: "STARTTLS accepted",
        fact: Fact::Accepted,
        among: None,
    },
    Measure {
        word: "tls",
        label: "TLS",
        fact: Fact::Tls,
        among: None,
    },
    Measure {
        word: "valid",
        label: "Valid certificate",
        fact: Fact::Valid,
        among: None,
    },
    Measure {
        word: "valid_of_accepted",
        label: "Valid, where accepted",
        fact: Fact::Valid,
        among: Some(Fact::Accepted),
    },
    Measure {
        word: "names_exchange",
        label: "Certificate names the exchange",
        fact: Fact::NamesExchange,
        among: None,
    },
    Measure {
        word: "trusted",
        label: "Valid and names the exchange",
        fact: Fact::Trusted,
        among: None,
    },
    Measure {
        word: "names_domain",
        label: "Certificate names the domain",
        fact: Fact::NamesDomain,
        among: None,
    },
    Measure {
        word: "dane",
        label: "DANE holds",
        fact: Fact::Dane,
        among: None,
    },
];

/// The measures that are followed along ranks and users.
pub fn followed() -> impl Iterator<Item = &'static Measure> {
    MEASURES
        .iter()
        .filter(|it| matches!(it.word, "accepted" | "tls" | "valid" | "valid_of_accepted"))
}

impl Measure {
    /// What it is for a domain; none: the domain is not in its base.
    pub fn truth(&self, verdict: &SurveyVerdict, rule: Rule) -> Option<Truth> {
        let counts = verdict.status.takes_mail()
            && self
                .among
                .is_none_or(|among| verdict.truth(among, rule) == Truth::Yes);
        counts.then(|| verdict.truth(self.fact, rule))
    }
}

/// 1, 2, 5, 10, 20, … below `end`, and `end`.
pub fn marks(end: u64) -> Vec<u64> {
    let mut marks: Vec<u64> = (0..19)
        .flat_map(|power| [1, 2, 5].map(|digit| digit * 10u64.pow(power)))
        .take_while(|&mark| mark < end)
        .collect();
    if end > 0 {
        marks.push(end);
    }
    marks
}
