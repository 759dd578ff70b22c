//! New and mended problems, counted by code and kept one by one.

use std::collections::BTreeMap;

use super::by::CompareBy;
use super::problems::Became;
use super::weigh::Weighed;
use crate::judge::problem::{ProblemCode, Severity};
use crate::record::words::vocabulary;

vocabulary! {
    /// What became of a problem between two surveys.
    strict Difference {
        /// It is there now, and it was known not to be there then.
        New = "new",
        /// It was there then, and is known not to be there now.
        Mended = "mended",
    }
}

/// What became of the problems with one code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeChange {
    /// The code.
    pub code: ProblemCode,
    /// The worst severity that was met.
    pub severity: Severity,
    /// Domains that have it, and were known not to.
    pub new: Weighed,
    /// Domains that had it, and are known not to any more.
    pub mended: Weighed,
    /// Domains that have it in one of the surveys, and in the other it was not learned: no change.
    pub not_learned: Weighed,
}

/// A problem that is new, or was mended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundProblem {
    /// Which of the two.
    pub difference: Difference,
    /// The domain.
    pub domain: String,
    /// Its code.
    pub code: ProblemCode,
    /// How bad it is, or was.
    pub severity: Severity,
    /// Who runs the domain's mail; empty: not known.
    pub operator: String,
    /// Users, by list.
    pub users: Vec<u64>,
}

/// What is kept of one problem.
#[derive(Clone, Copy, Debug)]
struct Kept {
    place: u32,
    difference: Difference,
    code: ProblemCode,
    severity: Severity,
}

/// Problems while they are counted.
#[derive(Debug, Default)]
pub(super) struct Findings {
    by_code: BTreeMap<ProblemCode, (Option<Severity>, [Weighed; 3])>,
    kept: Vec<Kept>,
}

impl Findings {
    pub fn add(
        &mut self,
        place: u32,
        became: Became,
        code: ProblemCode,
        severity: Severity,
        users: &[u64],
    ) {
        let (worst, sums) = self.by_code.entry(code).or_default();
        *worst = (*worst).max(Some(severity));
        sums[became as usize].add(users);
        let difference = match became {
            Became::New => Difference::New,
            Became::Mended => Difference::Mended,
            Became::NotLearned => return,
        };
        self.kept.push(Kept {
            place,
            difference,
            code,
            severity,
        });
    }

    /// By code, and one by one; accepted ones are left out of the latter.
    pub fn told(
        self,
        by: CompareBy<'_>,
        name: impl Fn(u32) -> String,
        operator: impl Fn(u32) -> String,
        users: impl Fn(u32, &mut Vec<u64>),
    ) -> (Vec<CodeChange>, Vec<FoundProblem>) {
        let mut codes: Vec<CodeChange> = (self.by_code.into_iter())
            .map(
                |(code, (severity, [new, mended, not_learned]))| CodeChange {
                    code,
                    severity: severity.unwrap_or(Severity::Notice),
                    new,
                    mended,
                    not_learned,
                },
            )
            .collect();
        codes.sort_by_key(|it| {
            let size = (it.new.domains, it.mended.domains, it.not_learned.domains);
            std::cmp::Reverse((it.severity, size))
        });
        let mut found = Vec::new();
        for kept in self.kept {
            let domain = name(kept.place);
            if by.accepted.covers(&domain, kept.code) {
                continue;
            }
            let mut weight = Vec::new();
            users(kept.place, &mut weight);
            found.push(FoundProblem {
                difference: kept.difference,
                code: kept.code,
                severity: kept.severity,
                operator: operator(kept.place),
                users: weight,
                domain,
            });
        }
        found.sort_by_cached_key(|it| {
            let most = it.users.iter().copied().max();
            let size = std::cmp::Reverse((it.severity, most));
            (it.difference, size, it.domain.clone(), it.code)
        });
        (codes, found)
    }
}
