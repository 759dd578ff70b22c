//! Who runs the mail of every domain in two surveys, by numbers that both share.

use std::hash::BuildHasher as _;

use hashbrown::DefaultHashBuilder;

use super::super::survey::Survey;
use super::super::words::DistinctTexts;
use super::by::CompareBy;
use crate::store::query;

/// Operators of both surveys, by number; 0: none is known.
#[derive(Debug)]
pub(super) struct OperatorNumbers {
    ids: DistinctTexts,
    roles: Vec<String>,
    hasher: DefaultHashBuilder,
}

/// Who runs a domain's mail, and by which exchanges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct RunBy {
    /// The operator of the first preference; of several there the first by name. 0: no exchange is known.
    pub operator: u32,
    /// A digest over the names of all exchanges.
    pub exchanges: u64,
}

impl OperatorNumbers {
    pub fn new() -> Self {
        let mut ids = DistinctTexts::default();
        ids.number("");
        Self {
            ids,
            roles: vec![String::new()],
            hasher: DefaultHashBuilder::default(),
        }
    }

    /// Id and role of an operator.
    pub fn told(&self, operator: u32) -> (&str, &str) {
        let role = self.roles.get(operator as usize).map_or("", |role| role);
        (self.ids.words().get(operator as usize), role)
    }

    fn number(&mut self, id: &str, role: &str) -> u32 {
        let number = self.ids.number(id);
        if self.roles.len() <= number as usize {
            self.roles.push(role.to_owned());
        }
        number
    }

    /// Who runs the mail of every domain of a survey, by row of `name`.
    pub fn read(&mut self, survey: &Survey, by: CompareBy<'_>) -> rusqlite::Result<Vec<RunBy>> {
        let operators = survey.operators(by.providers)?;
        let names = survey.names()?;
        let mut digests = vec![0u64; query::last_exchange(&survey.connection)? as usize + 1];
        query::exchanges(&survey.connection, |id, name, _| {
            if let Some(digest) = digests.get_mut(id as usize) {
                *digest = self.hasher.hash_one(names.get(name as usize));
            }
        })?;
        // Numbers of the survey's own operators, found as they are met.
        let mut shared = vec![0u32; operators.count()];
        let mut all = vec![RunBy::default(); names.len().max(1)];
        let mut current = (0u32, 0u32);
        query::domain_exchanges(&survey.connection, |domain, preference, exchange| {
            let Some(run_by) = all.get_mut(domain as usize) else {
                return;
            };
            run_by.exchanges = (run_by.exchanges)
                .wrapping_add(digests.get(exchange as usize).copied().unwrap_or(0));
            let is_first = current.0 != domain;
            if is_first {
                current = (domain, preference);
            } else if current.1 != preference {
                return;
            }
            let own = operators.for_domain(exchange, names.get(domain as usize));
            if shared[own] == 0 {
                let (id, role) = operators.told(own);
                shared[own] = self.number(id, role);
            }
            let operator = shared[own];
            if is_first || self.told(operator).0 < self.told(run_by.operator).0 {
                run_by.operator = operator;
            }
        })?;
        Ok(all)
    }
}
