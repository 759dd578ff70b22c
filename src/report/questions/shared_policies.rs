//! Texts of policies that many domains share, and whose default they are.

use std::collections::{BTreeMap, HashMap};

use crate::report::asked::ReportSettings;
use crate::report::operators::Operators;
use crate::report::survey::Survey;
use crate::report::table::{Cell, Table};
use crate::report::words::Words;
use crate::store::query;

/// The best exchange of each domain that has any, the first that was seen of equally preferred ones.
pub(super) fn best_exchanges(survey: &Survey) -> rusqlite::Result<BTreeMap<u32, u32>> {
    let mut best: BTreeMap<u32, (u32, u32)> = BTreeMap::new();
    query::domain_exchanges(&survey.connection, |domain, preference, exchange| {
        let one = best.entry(domain).or_insert((preference, exchange));
        *one = (*one).min((preference, exchange));
    })?;
    let exchanges = best
        .into_iter()
        .map(|(domain, (_, exchange))| (domain, exchange));
    Ok(exchanges.collect())
}

/// Domains that share a text, from which on it is told.
const SHARING_LEAST: usize = 2;
/// The share of an operator's domains with one text, from which on it is its default.
const DEFAULT_LEAST: f64 = 0.5;
/// Domains of an operator, below which nothing is called its default.
const DEFAULT_DOMAINS: u64 = 10;

pub(super) fn shared_policies(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<Table> {
    let mut table = Table::new(
        "shared-policies",
        "Policies that many domains share",
        "The texts of SPF and DMARC that most domains have, to the letter, and the provider of mail that most of these have. Half of a \
         provider's domains, ten at least, make it a default of the provider, and no choice of the domains.",
    )
    .columns([
        ("part", "Part"),
        ("text", "Text"),
        ("domains", "Domains"),
        ("such_as", "Such as"),
        ("provider", "Provider"),
        ("at_provider", "Its domains with it"),
        ("provider_domains", "of"),
        ("percent", "Percent"),
        ("is_default", "Default"),
    ]);
    let hosting = Hosting {
        operators: &*survey.operators(&asked.providers)?,
        names: survey.names()?,
        best: best_exchanges(survey)?,
    };
    for part in ["spf", "dmarc"] {
        let mut sharing: BTreeMap<i64, Vec<u32>> = BTreeMap::new();
        let mut at_operator: HashMap<usize, u64> = HashMap::new();
        query::policy_texts(&survey.connection, part, |domain, digest| {
            sharing.entry(digest).or_default().push(domain);
            if let Some(operator) = hosting.operator(domain) {
                *at_operator.entry(operator).or_default() += 1;
            }
        })?;
        for (example, domains) in hosting.most(sharing, asked.limit) {
            let text = query::policy_text(&survey.connection, example, part)?;
            let such_as = hosting.names.get(example as usize);
            let mut row = vec![
                Cell::from(part),
                Cell::text(text),
                (domains.len() as u64).into(),
                such_as.into(),
            ];
            row.extend(hosting.main(&domains, &at_operator));
            table.row(row);
        }
    }
    Ok(table)
}

/// Who hosts the mail of which domain.
struct Hosting<'s> {
    operators: &'s Operators,
    names: &'s Words,
    best: BTreeMap<u32, u32>,
}

impl Hosting<'_> {
    fn operator(&self, domain: u32) -> Option<usize> {
        let exchange = self.best.get(&domain)?;
        let name = self.names.get(domain as usize);
        Some(self.operators.for_domain(*exchange, name))
    }

    /// The texts that most domains share, each with the first of these by name.
    fn most(&self, sharing: BTreeMap<i64, Vec<u32>>, limit: usize) -> Vec<(u32, Vec<u32>)> {
        let name = |domain: u32| self.names.get(domain as usize);
        let first = |domains: &[u32]| {
            let by_name = domains.iter().copied().min_by_key(|domain| name(*domain));
            by_name.unwrap_or_default()
        };
        let mut most: Vec<(u32, Vec<u32>)> = (sharing.into_values())
            .filter(|domains| domains.len() >= SHARING_LEAST)
            .map(|domains| (first(&domains), domains))
            .collect();
        most.sort_by(|(one, a), (other, b)| {
            let by_count = b.len().cmp(&a.len());
            by_count.then_with(|| name(*one).cmp(name(*other)))
        });
        most.truncate(limit);
        most
    }

    /// The operator that most of `domains` have: who, how many of them, of how many with any text, in percent, and whether that is a default.
    /// Of equal ones the first by name.
    fn main(&self, domains: &[u32], at_operator: &HashMap<usize, u64>) -> [Cell; 5] {
        let mut counts: BTreeMap<(&str, usize), u64> = BTreeMap::new();
        for operator in domains.iter().filter_map(|domain| self.operator(*domain)) {
            let id = self.operators.told(operator).0;
            *counts.entry((id, operator)).or_default() += 1;
        }
        let main = (counts.iter()).max_by_key(|(id, count)| (**count, std::cmp::Reverse(**id)));
        let Some((&(id, operator), &count)) = main else {
            return [const { Cell::Null }; 5];
        };
        let of = at_operator.get(&operator).copied().unwrap_or(count);
        let share = count as f64 / of as f64;
        let is_default = share >= DEFAULT_LEAST && of >= DEFAULT_DOMAINS;
        [
            id.into(),
            count.into(),
            of.into(),
            Cell::Percent(100.0 * share),
            if is_default { "yes" } else { "no" }.into(),
        ]
    }
}
