//! The questions, each a named table that can be had alone.

mod breakdown;
mod fixes;
mod hosts;
mod matrix;
mod overview;
mod ranks;
mod sampler;
mod servers;
mod shared;
mod standing;
mod users;

pub(super) use hosts::domains_by_provider;

use super::providers::Providers;
use super::study;
use super::survey::{Survey, Verdict};
use super::table::Table;
use crate::store::{Fact, Rule, Truth};

/// How a question is asked.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The rule that takes the servers of a domain together.
    pub rule: Rule,
    /// Rows of a top table.
    pub limit: usize,
    /// Who runs which exchange.
    pub providers: Providers,
}

impl Default for Asked {
    fn default() -> Self {
        Self {
            rule: Rule::Preferred,
            limit: 20,
            providers: Providers::built_in(),
        }
    }
}

/// A question: its name, what it asks, and how it is answered.
pub struct Question {
    /// `--table NAME`.
    pub name: &'static str,
    /// In one line.
    pub about: &'static str,
    /// Stands in the page and in the text without `--table`.
    pub shown: Shown,
    /// The answer.
    pub answer: fn(&Survey, &Asked) -> rusqlite::Result<Table>,
}

/// Where a table stands without being asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// In the short text and in the page.
    First,
    /// In the page.
    Page,
    /// Only where it is asked for.
    Asked,
    /// With `--study`.
    Study,
}

/// Every question, in the order of the page.
pub const QUESTIONS: &[Question] = &[
    Question {
        name: "overview",
        about: "ESMTP, TLS and valid certificates, by domains, users and servers, under three rules",
        shown: Shown::First,
        answer: overview::overview,
    },
    Question {
        name: "names",
        about: "certificates that name the exchange or the domain, and DANE",
        shown: Shown::Page,
        answer: overview::names,
    },
    Question {
        name: "standing",
        about: "what became of the domains, and of the users at them",
        shown: Shown::First,
        answer: standing::standing,
    },
    Question {
        name: "top-providers",
        about: "the largest domains of each counted list",
        shown: Shown::First,
        answer: users::top_providers,
    },
    Question {
        name: "tls-by-rank",
        about: "TLS and valid certificates among the first N domains of each list",
        shown: Shown::First,
        answer: ranks::tls_by_rank,
    },
    Question {
        name: "tls-by-every-rank",
        about: "the same for every N",
        shown: Shown::Asked,
        answer: ranks::tls_by_every_rank,
    },
    Question {
        name: "tls-by-users",
        about: "users with TLS and valid certificates at the N largest domains of each counted list",
        shown: Shown::First,
        answer: users::tls_by_users,
    },
    Question {
        name: "fixes",
        about: "the fewest operators whose change protects 50, 80, 95 % of the unprotected",
        shown: Shown::Page,
        answer: fixes::fixes,
    },
    Question {
        name: "hosts",
        about: "who runs the mail of the domains: providers, gateways, own machines",
        shown: Shown::Page,
        answer: hosts::hosts,
    },
    Question {
        name: "versions",
        about: "TLS versions",
        shown: Shown::Page,
        answer: breakdown::versions,
    },
    Question {
        name: "ciphers",
        about: "cipher suites",
        shown: Shown::Page,
        answer: breakdown::ciphers,
    },
    Question {
        name: "ciphers-by-rank",
        about: "cipher suites among the first N domains of each list",
        shown: Shown::Page,
        answer: breakdown::ciphers_by_rank,
    },
    Question {
        name: "groups",
        about: "key exchange groups",
        shown: Shown::Page,
        answer: breakdown::groups,
    },
    Question {
        name: "verdicts",
        about: "certificate verdicts and their causes",
        shown: Shown::Page,
        answer: breakdown::verdicts,
    },
    Question {
        name: "weaknesses",
        about: "weaknesses of servers and certificates",
        shown: Shown::Page,
        answer: breakdown::weaknesses,
    },
    Question {
        name: "levels",
        about: "levels by published guidelines",
        shown: Shown::Page,
        answer: breakdown::levels,
    },
    Question {
        name: "exchanges",
        about: "exchanges that most domains share",
        shown: Shown::Page,
        answer: shared::exchanges,
    },
    Question {
        name: "addresses",
        about: "addresses that most domains share",
        shown: Shown::Page,
        answer: shared::addresses,
    },
    Question {
        name: "certificates",
        about: "certificates that most domains share",
        shown: Shown::Page,
        answer: shared::certificates,
    },
    Question {
        name: "keys",
        about: "keys that several operators share",
        shown: Shown::Page,
        answer: shared::keys,
    },
    Question {
        name: "capabilities",
        about: "what servers offer in EHLO",
        shown: Shown::Page,
        answer: servers::capabilities,
    },
    Question {
        name: "software",
        about: "MTA software",
        shown: Shown::Page,
        answer: servers::software,
    },
    Question {
        name: "tlds",
        about: "TLS by top-level domain",
        shown: Shown::Page,
        answer: hosts::tlds,
    },
    Question {
        name: "silent",
        about: "servers that did not answer, by operator and reason",
        shown: Shown::Page,
        answer: servers::silent,
    },
    Question {
        name: "matrix",
        about: "senders against receivers, by the Received fields of real mail",
        shown: Shown::Page,
        answer: matrix::matrix,
    },
    Question {
        name: "matrix-pairs",
        about: "the same, a row for each pair, with counts",
        shown: Shown::Asked,
        answer: matrix::pairs,
    },
    Question {
        name: "clear-though-offered",
        about: "mail that came in clear to receivers that accept STARTTLS",
        shown: Shown::Page,
        answer: matrix::clear_though_offered,
    },
    Question {
        name: "runs",
        about: "which program measured when",
        shown: Shown::Page,
        answer: servers::runs,
    },
    Question {
        name: "study-numbers",
        about: "the numbers of the study of 2014 beside those of this survey",
        shown: Shown::Study,
        answer: study::numbers,
    },
    Question {
        name: "study-table-1",
        about: "its table 1: the largest domains of the Adobe list",
        shown: Shown::Study,
        answer: study::table_1,
    },
    Question {
        name: "study-table-2",
        about: "its table 2: those of the Gawker list, alone and by operator",
        shown: Shown::Study,
        answer: study::table_2,
    },
    Question {
        name: "study-table-3",
        about: "its table 3: who hosts the mail",
        shown: Shown::Study,
        answer: study::table_3,
    },
    Question {
        name: "study-figure-1",
        about: "its figure 1: TLS by rank and by users",
        shown: Shown::Study,
        answer: study::figure_1,
    },
    Question {
        name: "study-figure-2",
        about: "its figure 2: valid certificates by rank and by users",
        shown: Shown::Study,
        answer: study::figure_2,
    },
    Question {
        name: "study-figure-3",
        about: "its figure 3: ciphers by rank",
        shown: Shown::Study,
        answer: study::figure_3,
    },
    Question {
        name: "study-figure-4",
        about: "its figure 4: the ciphers of the first 10,000",
        shown: Shown::Study,
        answer: study::figure_4,
    },
    Question {
        name: "study-figure-5",
        about: "its figure 5: ESMTP, TLS and valid certificates of all domains",
        shown: Shown::Study,
        answer: study::figure_5,
    },
    Question {
        name: "study-figure-6",
        about: "its figure 6: how mail went between seven providers",
        shown: Shown::Study,
        answer: study::figure_6,
    },
    Question {
        name: "study-sentences",
        about: "what it says in words, checked",
        shown: Shown::Study,
        answer: study::sentences,
    },
    Question {
        name: "study-contradictions",
        about: "where it contradicts itself, with the arithmetic",
        shown: Shown::Study,
        answer: study::contradictions,
    },
    Question {
        name: "study-definitions",
        about: "its definitions and those of today, asked of the same servers",
        shown: Shown::Study,
        answer: study::definitions,
    },
];

/// A question by its name.
pub fn question(name: &str) -> Result<&'static Question, String> {
    let found = QUESTIONS.iter().find(|question| question.name == name);
    found.ok_or_else(|| "no such question; --list names them".to_owned())
}

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
    pub fn of(&self, verdict: &Verdict, rule: Rule) -> Option<Truth> {
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
