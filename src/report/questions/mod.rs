//! The questions, each a named table that can be had alone.
//!
//! **Adding a question.** A file here with a function `(&Survey, &ReportSettings) -> rusqlite::Result<Table>`; what it reads is a
//! typed query of `crate::store::query`, what it judges a rule of `crate::judge`; then its line in [`QUESTIONS`], in the
//! order of the page. Rows that tie are ordered by name. Its slow count goes into `tests/report/naive/tables`.

mod breakdown;
mod fixes;
mod hosts;
mod mail;
mod matrix;
mod overview;
mod policies;
mod policy_measures;
mod problem_list;
mod ranks;
mod sampler;
mod servers;
mod shared;
mod shared_policies;
mod standing;
mod users;

pub use fixes::fixes;
pub use hosts::domains_by_provider;
pub use mail::{problem_codes, problems_of, sorted as sorted_problems, worst};

use super::asked::{ReportQuestion, ShownWhere};
use super::compare::tables;

/// Every question, in the order of the page.
pub const QUESTIONS: &[ReportQuestion] = &[
    ReportQuestion {
        name: "change-shares",
        about: "with --since: each measure then and now, in percent",
        shown: ShownWhere::Since,
        answer: tables::shares,
    },
    ReportQuestion {
        name: "change-events",
        about: "with --since: what happened, by operator and cause",
        shown: ShownWhere::Since,
        answer: tables::events,
    },
    ReportQuestion {
        name: "change-measures",
        about: "with --since: what went from what to what, for each measure",
        shown: ShownWhere::Since,
        answer: tables::measures,
    },
    ReportQuestion {
        name: "change-problem-codes",
        about: "with --since: new and mended problems, by kind",
        shown: ShownWhere::Since,
        answer: tables::codes,
    },
    ReportQuestion {
        name: "change-problems",
        about: "with --since: new and mended problems, one by one",
        shown: ShownWhere::Since,
        answer: tables::problems,
    },
    ReportQuestion {
        name: "change-passed",
        about: "with --since: domains and servers that came and went",
        shown: ShownWhere::Since,
        answer: tables::passed,
    },
    ReportQuestion {
        name: "changes",
        about: "with --since: all of it in one table",
        shown: ShownWhere::Asked,
        answer: tables::everything,
    },
    ReportQuestion {
        name: "overview",
        about: "ESMTP, TLS and valid certificates, by domains, users and servers, under three rules",
        shown: ShownWhere::First,
        answer: overview::overview,
    },
    ReportQuestion {
        name: "names",
        about: "certificates that name the exchange or the domain, and DANE",
        shown: ShownWhere::Page,
        answer: overview::names,
    },
    ReportQuestion {
        name: "problem-codes",
        about: "what is wrong, by kind: domains and users",
        shown: ShownWhere::Page,
        answer: mail::problem_codes,
    },
    ReportQuestion {
        name: "problems",
        about: "what is wrong with each domain, worst first, and what to do (--severity, --domain)",
        shown: ShownWhere::Asked,
        answer: mail::problems,
    },
    ReportQuestion {
        name: "delivery",
        about: "what becomes of mail, by kind of sender: clear, encrypted, authenticated, refused, unknown",
        shown: ShownWhere::Page,
        answer: mail::delivery,
    },
    ReportQuestion {
        name: "policies",
        about: "SPF, DMARC, DKIM, MTA-STS, TLS-RPT, CAA, BIMI of the domains",
        shown: ShownWhere::Page,
        answer: policies::policies,
    },
    ReportQuestion {
        name: "policy-faults",
        about: "what is wrong with SPF, DMARC, DKIM, MTA-STS, TLS-RPT, CAA, BIMI, by kind",
        shown: ShownWhere::Page,
        answer: policies::policy_faults,
    },
    ReportQuestion {
        name: "dmarc-rules",
        about: "what DMARC asks of receivers under RFC 9989 and RFC 7489, and where they differ",
        shown: ShownWhere::Page,
        answer: policies::dmarc_rules,
    },
    ReportQuestion {
        name: "policies-by-rank",
        about: "SPF, DMARC, DKIM, MTA-STS, TLS-RPT among the first N domains of each list",
        shown: ShownWhere::Page,
        answer: policy_measures::policies_by_rank,
    },
    ReportQuestion {
        name: "policies-by-provider",
        about: "the same by provider of mail",
        shown: ShownWhere::Page,
        answer: policy_measures::policies_by_provider,
    },
    ReportQuestion {
        name: "shared-policies",
        about: "texts of SPF and DMARC that many domains share, and the defaults of providers",
        shown: ShownWhere::Page,
        answer: shared_policies::shared_policies,
    },
    ReportQuestion {
        name: "report-receivers",
        about: "who gets DMARC and TLS reports, and which are lost",
        shown: ShownWhere::Page,
        answer: policies::report_receivers,
    },
    ReportQuestion {
        name: "standing",
        about: "what became of the domains, and of the users at them",
        shown: ShownWhere::First,
        answer: standing::standing,
    },
    ReportQuestion {
        name: "top-providers",
        about: "the largest domains of each counted list",
        shown: ShownWhere::First,
        answer: users::top_providers,
    },
    ReportQuestion {
        name: "tls-by-rank",
        about: "TLS and valid certificates among the first N domains of each list",
        shown: ShownWhere::First,
        answer: ranks::tls_by_rank,
    },
    ReportQuestion {
        name: "tls-by-every-rank",
        about: "the same for every N",
        shown: ShownWhere::Asked,
        answer: ranks::tls_by_every_rank,
    },
    ReportQuestion {
        name: "tls-by-users",
        about: "users with TLS and valid certificates at the N largest domains of each counted list",
        shown: ShownWhere::First,
        answer: users::tls_by_users,
    },
    ReportQuestion {
        name: "fixes",
        about: "the fewest operators whose change protects 50, 80, 95 % of the unprotected",
        shown: ShownWhere::Page,
        answer: fixes::fixes,
    },
    ReportQuestion {
        name: "hosts",
        about: "who runs the mail of the domains: providers, gateways, own machines",
        shown: ShownWhere::Page,
        answer: hosts::hosts,
    },
    ReportQuestion {
        name: "versions",
        about: "TLS versions",
        shown: ShownWhere::Page,
        answer: breakdown::versions,
    },
    ReportQuestion {
        name: "ciphers",
        about: "cipher suites",
        shown: ShownWhere::Page,
        answer: breakdown::ciphers,
    },
    ReportQuestion {
        name: "ciphers-by-rank",
        about: "cipher suites among the first N domains of each list",
        shown: ShownWhere::Page,
        answer: breakdown::ciphers_by_rank,
    },
    ReportQuestion {
        name: "groups",
        about: "key exchange groups",
        shown: ShownWhere::Page,
        answer: breakdown::groups,
    },
    ReportQuestion {
        name: "verdicts",
        about: "certificate verdicts and their causes",
        shown: ShownWhere::Page,
        answer: breakdown::verdicts,
    },
    ReportQuestion {
        name: "weaknesses",
        about: "weaknesses of servers and certificates",
        shown: ShownWhere::Page,
        answer: breakdown::weaknesses,
    },
    ReportQuestion {
        name: "levels",
        about: "levels by published guidelines",
        shown: ShownWhere::Page,
        answer: breakdown::levels,
    },
    ReportQuestion {
        name: "exchanges",
        about: "exchanges that most domains share",
        shown: ShownWhere::Page,
        answer: shared::exchanges,
    },
    ReportQuestion {
        name: "addresses",
        about: "addresses that most domains share",
        shown: ShownWhere::Page,
        answer: shared::addresses,
    },
    ReportQuestion {
        name: "certificates",
        about: "certificates that most domains share",
        shown: ShownWhere::Page,
        answer: shared::certificates,
    },
    ReportQuestion {
        name: "keys",
        about: "keys that several operators share",
        shown: ShownWhere::Page,
        answer: shared::keys,
    },
    ReportQuestion {
        name: "capabilities",
        about: "what servers offer in EHLO",
        shown: ShownWhere::Page,
        answer: servers::capabilities,
    },
    ReportQuestion {
        name: "software",
        about: "MTA software",
        shown: ShownWhere::Page,
        answer: servers::software,
    },
    ReportQuestion {
        name: "tlds",
        about: "TLS by top-level domain",
        shown: ShownWhere::Page,
        answer: hosts::tlds,
    },
    ReportQuestion {
        name: "silent",
        about: "servers that did not answer, by operator and reason",
        shown: ShownWhere::Page,
        answer: servers::silent,
    },
    ReportQuestion {
        name: "matrix",
        about: "senders against receivers, by the Received fields of real mail",
        shown: ShownWhere::Page,
        answer: matrix::matrix,
    },
    ReportQuestion {
        name: "matrix-pairs",
        about: "the same, a row for each pair, with counts",
        shown: ShownWhere::Asked,
        answer: matrix::pairs,
    },
    ReportQuestion {
        name: "clear-though-offered",
        about: "mail that came in clear to receivers that accept STARTTLS",
        shown: ShownWhere::Page,
        answer: matrix::clear_though_offered,
    },
    ReportQuestion {
        name: "runs",
        about: "which program measured when",
        shown: ShownWhere::Page,
        answer: servers::runs,
    },
];
