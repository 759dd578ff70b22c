//! The questions, each a named table that can be had alone.
//!
//! **Adding a question.** A file here with a function `(&Survey, &Asked) -> rusqlite::Result<Table>`; what it reads is a
//! typed query of `crate::store::query`, what it judges a rule of `crate::judge`; then its line in [`QUESTIONS`], in the
//! order of the page. Rows that tie are ordered by name. Its slow count goes into `tests/report/naive/tables`.

mod breakdown;
mod fixes;
mod hosts;
mod mail;
mod matrix;
mod overview;
mod ranks;
mod sampler;
mod servers;
mod shared;
mod standing;
mod users;

pub use fixes::fixes;
pub use hosts::domains_by_provider;
pub use mail::{problem_codes, problems_of, worst};

use super::asked::{Question, Shown};

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
        name: "problem-codes",
        about: "what is wrong, by kind: domains and users",
        shown: Shown::Page,
        answer: mail::problem_codes,
    },
    Question {
        name: "problems",
        about: "what is wrong with each domain, worst first, and what to do (--severity, --domain)",
        shown: Shown::Asked,
        answer: mail::problems,
    },
    Question {
        name: "delivery",
        about: "what becomes of mail, by kind of sender: clear, encrypted, authenticated, refused, unknown",
        shown: Shown::Page,
        answer: mail::delivery,
    },
    Question {
        name: "policies",
        about: "SPF, DMARC, DKIM, MTA-STS, TLS-RPT, CAA, BIMI of the domains",
        shown: Shown::Page,
        answer: mail::policies,
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
];
