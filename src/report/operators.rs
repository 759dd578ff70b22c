//! Who runs which exchange of a survey, found out once for each exchange.

use rusqlite::Connection;

use super::providers::{OWN, Providers, is_within};
use super::words::{DistinctTexts, Words};
use crate::store::query;

/// The exchanges of a survey by who runs them.
#[derive(Debug)]
pub struct Operators {
    /// By row of `exchange`.
    of: Vec<u32>,
    /// Numbers from 1 are those of the rules; those of registered domains without a rule come behind them.
    providers: Providers,
    registered: DistinctTexts,
}

/// The number of a domain that runs its own exchange.
pub const SELF: usize = 0;

impl Operators {
    /// Goes through the exchanges of a survey; `names` are those of its domains and exchanges, by row.
    pub fn read(
        connection: &Connection,
        names: &Words,
        providers: &Providers,
    ) -> rusqlite::Result<Self> {
        let mut registered = DistinctTexts::default();
        let last = query::last_exchange(connection)?;
        registered.reserve(last as usize);
        let mut of = vec![SELF as u32; last as usize + 1];
        let first = providers.known().len() as u32 + 1;
        query::exchanges(connection, |id, name, domain| {
            let name = names.get(name as usize);
            of[id as usize] = match providers.place_of(name) {
                Some(place) => place as u32 + 1,
                None => first + registered.number(domain.unwrap_or(name)),
            };
        })?;
        Ok(Self {
            of,
            providers: providers.clone(),
            registered,
        })
    }

    /// Who runs an exchange, whomever it serves: those with an exchange of their own are apart from each other.
    pub fn operator_of(&self, exchange: u32) -> usize {
        self.of
            .get(exchange as usize)
            .map_or(SELF, |&it| it as usize)
    }

    /// Who runs an exchange for a domain, which may be the domain itself.
    pub fn for_domain(&self, exchange: u32, domain: &str) -> usize {
        let operator = self.operator_of(exchange);
        match self.registered(operator) {
            Some(registered) if is_within(domain, registered) => SELF,
            _ => operator,
        }
    }

    /// Id and role.
    pub fn told(&self, operator: usize) -> (&str, &str) {
        if operator == SELF {
            return (OWN, OWN);
        }
        match self.registered(operator) {
            Some(registered) => (registered, "other"),
            None => {
                let provider = &self.providers.known()[operator - 1];
                (&provider.id, &provider.role)
            }
        }
    }

    /// The registered domain of those without a rule.
    fn registered(&self, operator: usize) -> Option<&str> {
        let number = operator.checked_sub(self.providers.known().len() + 1)?;
        Some(self.registered.words().get(number))
    }

    /// All numbers are below this.
    pub fn count(&self) -> usize {
        1 + self.providers.known().len() + self.registered.words().len()
    }

    /// Whose rules these are.
    pub fn providers(&self) -> &Providers {
        &self.providers
    }
}
