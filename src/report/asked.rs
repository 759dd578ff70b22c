//! A question to a survey, and how it is asked.

use std::rc::Rc;

use super::accept::Accepted;
use super::compare::{CompareBy, Comparison, Difference, FoundProblem};
use super::providers::Providers;
use super::published::{NoPublication, Published};
use super::survey::Survey;
use super::table::Table;
use crate::judge::Rule;
use crate::judge::problem::Severity;

/// How a question is asked.
#[derive(Clone, Debug)]
pub struct ReportSettings {
    /// The rule that takes the servers of a domain together.
    pub rule: Rule,
    /// Rows of a top table.
    pub limit: usize,
    /// Problems of these domains alone; none: of all.
    pub domains: Vec<String>,
    /// Problems that are at least as bad.
    pub severity: Severity,
    /// Who runs which exchange.
    pub providers: Providers,
    /// Problems that are left out, since they are known.
    pub accepted: Accepted,
    /// What changed since an earlier survey, where one was named.
    pub since: Option<Rc<Comparison>>,
    /// What was printed before, for the columns beside today's numbers.
    pub published: &'static dyn Published,
}

impl Default for ReportSettings {
    fn default() -> Self {
        Self {
            rule: Rule::Preferred,
            limit: 20,
            domains: Vec::new(),
            severity: Severity::Notice,
            providers: Providers::built_in(),
            accepted: Accepted::default(),
            since: None,
            published: &NoPublication,
        }
    }
}

impl ReportSettings {
    /// By what two surveys are compared.
    pub fn compare_by(&self) -> CompareBy<'_> {
        CompareBy {
            rule: self.rule,
            providers: &self.providers,
            accepted: &self.accepted,
        }
    }

    /// The new or the mended problems that are asked for (severity, domains), in order.
    pub fn found<'a>(
        &'a self,
        comparison: &'a Comparison,
        difference: Difference,
    ) -> impl Iterator<Item = &'a FoundProblem> {
        comparison.found.iter().filter(move |it| {
            it.difference == difference && it.severity >= self.severity && self.wants(&it.domain)
        })
    }

    /// Whether problems of this domain are asked for.
    pub fn wants(&self, domain: &str) -> bool {
        let same = |it: &String| it.trim().trim_end_matches('.').eq_ignore_ascii_case(domain);
        self.domains.is_empty() || self.domains.iter().any(same)
    }
}

/// A question: its name, what it asks, and how it is answered.
pub struct ReportQuestion {
    /// `--table NAME`.
    pub name: &'static str,
    /// In one line.
    pub about: &'static str,
    /// Stands in the page and in the text without `--table`.
    pub shown: ShownWhere,
    /// The answer.
    pub answer: fn(&Survey, &ReportSettings) -> rusqlite::Result<Table>,
}

/// What `--table` names.
#[derive(Clone, Copy)]
pub enum Named {
    /// Every table of the short text.
    All,
    /// One.
    One(&'static ReportQuestion),
}

/// Where a table stands without being asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShownWhere {
    /// In the short text and in the page.
    First,
    /// In the page.
    Page,
    /// Only where it is asked for.
    Asked,
    /// With `--study`.
    Study,
    /// With `--since`.
    Since,
}
