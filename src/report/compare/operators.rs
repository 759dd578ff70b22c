//! Who runs the mail of every domain in two surveys, by numbers that both share.

use std::hash::BuildHasher as _;

use hashbrown::DefaultHashBuilder;

use super::super::operators::SELF;
use super::super::providers::OWN;
use super::super::survey::Survey;
use super::super::words::DistinctTexts;
use super::by::CompareBy;
use crate::store::query;

/// Operators of both surveys, by number; 0: none is known, 1: all that run their own mail, taken together.
#[derive(Debug)]
pub(super) struct OperatorNumbers {
    ids: DistinctTexts,
    roles: Vec<String>,
    hasher: DefaultHashBuilder,
}

/// The number of those that run their own mail, taken together.
pub(super) const ALL_OWN: u32 = 1;

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
        ids.number(OWN);
        Self {
            ids,
            roles: vec![String::new(), OWN.to_owned()],
            hasher: DefaultHashBuilder::default(),
        }
    }

    /// Its domains run their own mail: it is told by their registered domain, and serves nobody else.
    pub fn is_own(&self, operator: u32) -> bool {
        operator != 0 && self.told(operator).1 == OWN
    }

    /// Id and role of an operator.
    pub fn told(&self, operator: u32) -> (&str, &str) {
        let role = self.roles.get(operator as usize).map_or("", |role| role);
        (self.ids.words().get(operator as usize), role)
    }

    fn number(&mut self, id: &str, role: &str) -> u32 {
        let number = self.ids.number(id);
        match self.roles.get_mut(number as usize) {
            None => self.roles.push(role.to_owned()),
            // Whoever serves others, too, is an operator as any other.
            Some(known) if known == OWN && number != ALL_OWN => role.clone_into(known),
            Some(_) => {}
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
        // Numbers of the survey's own operators, found as they are met: those that serve others, and the same for themselves.
        let mut shared = [vec![0u32; operators.count()], vec![0u32; operators.count()]];
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
            let by = operators.operator_of(exchange);
            let is_own = operators.for_domain(exchange, names.get(domain as usize)) == SELF;
            let known = &mut shared[usize::from(is_own)][by];
            if *known == 0 {
                let (id, role) = operators.told(by);
                *known = self.number(id, if is_own { OWN } else { role });
            }
            let operator = *known;
            if is_first || self.told(operator).0 < self.told(run_by.operator).0 {
                run_by.operator = operator;
            }
        })?;
        Ok(all)
    }
}
