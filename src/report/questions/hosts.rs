//! Who runs the mail of the domains: hosting providers, and top-level domains.

use hashbrown::HashMap;

use crate::judge::{Fact, Truth};
use crate::report::asked::ReportSettings;
use crate::report::chart::{Bar, Chart, Stack};
use crate::report::operators::Operators;
use crate::report::survey::{DomainState, Survey, verdict_of};
use crate::report::table::{Cell, TALLY, Table, Tally};
use crate::store::query;

/// Domains with the exchanges of their best preference.
fn each_domain(survey: &Survey, mut then: impl FnMut(u32, &[u32])) -> rusqlite::Result<()> {
    let mut current: Option<(u32, u32)> = None;
    let mut best: Vec<u32> = Vec::new();
    query::domain_exchanges(
        &survey.connection,
        |domain, preference, exchange| match current {
            Some((known, first)) if known == domain => {
                if preference == first {
                    best.push(exchange);
                }
            }
            _ => {
                if let Some((known, _)) = current {
                    then(known, &best);
                }
                current = Some((domain, preference));
                best.clear();
                best.push(exchange);
            }
        },
    )?;
    if let Some((known, _)) = current {
        then(known, &best);
    }
    Ok(())
}

/// How many of the domains that answered each operator hosts, by its id; sums of fractions.
pub fn domains_by_provider(
    survey: &Survey,
    asked: &ReportSettings,
) -> rusqlite::Result<HashMap<String, f64>> {
    let operators = survey.operators(&asked.providers)?;
    let names = survey.names()?;
    let verdicts = survey.verdicts()?;
    let mut domains = vec![0.0; operators.count()];
    each_domain(survey, |domain, exchanges| {
        if verdict_of(verdicts, domain).status == DomainState::Answered {
            for &exchange in exchanges {
                let name = names.get(domain as usize);
                domains[operators.for_domain(exchange, name)] += 1.0 / exchanges.len() as f64;
            }
        }
    })?;
    let by_id = (domains.into_iter().enumerate())
        .filter(|(_, domains)| *domains > 0.0)
        .map(|(operator, domains)| (operators.told(operator).0.to_owned(), domains));
    Ok(by_id.collect())
}

/// What each operator has of the domains that answered, and of the users at them; what all have together stands behind
/// the last. A domain with several exchanges is split among them.
struct Shares {
    domains: Vec<f64>,
    with_tls: Vec<f64>,
    /// For each counted list.
    users: Vec<Vec<f64>>,
    /// How many operators there are, and the place of all.
    all: usize,
}

impl Shares {
    fn read(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<Self> {
        let operators = survey.operators(&asked.providers)?;
        let names = survey.names()?;
        let verdicts = survey.verdicts()?;
        let weights: Vec<Vec<u64>> = (survey.counted()?)
            .map(|list| list.users_by_domain())
            .collect();
        let all = operators.count();
        let mut shares = Self {
            domains: vec![0.0; all + 1],
            with_tls: vec![0.0; all + 1],
            users: vec![vec![0.0; all + 1]; weights.len()],
            all,
        };
        each_domain(survey, |domain, exchanges| {
            let verdict = verdict_of(verdicts, domain);
            if verdict.status != DomainState::Answered {
                return;
            }
            let name = names.get(domain as usize);
            let part = 1.0 / exchanges.len() as f64;
            let has_tls = verdict.truth(Fact::Tls, asked.rule) == Truth::Yes;
            for &exchange in exchanges {
                for operator in [operators.for_domain(exchange, name), all] {
                    shares.domains[operator] += part;
                    shares.with_tls[operator] += if has_tls { part } else { 0.0 };
                    for (users, weights) in shares.users.iter_mut().zip(&weights) {
                        let weight = weights.get(domain as usize).copied().unwrap_or(0);
                        users[operator] += weight as f64 * part;
                    }
                }
            }
        })?;
        Ok(shares)
    }

    /// So many operators, those with most domains first.
    fn largest(&self, operators: &Operators, limit: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.all)
            .filter(|&operator| self.domains[operator] > 0.0)
            .collect();
        let by_domains = |&a: &usize, &b: &usize| {
            let by_domains = self.domains[b].total_cmp(&self.domains[a]);
            by_domains.then_with(|| operators.told(a).cmp(&operators.told(b)))
        };
        // Most operators have a domain or two: they are not put in order.
        if limit < order.len() {
            order.select_nth_unstable_by(limit, by_domains);
            order.truncate(limit);
        }
        order.sort_by(by_domains);
        order
    }

    /// The numbers of an operator, each with its percentage.
    fn cells(&self, operator: usize) -> Vec<Cell> {
        let (domains, with_tls) = (self.domains[operator], self.with_tls[operator]);
        let mut cells = vec![
            Cell::Fraction(domains),
            Cell::share(domains, self.domains[self.all]),
            Cell::Fraction(with_tls),
            Cell::share(with_tls, domains),
        ];
        for users in &self.users {
            cells.push(Cell::Fraction(users[operator]));
            cells.push(Cell::share(users[operator], users[self.all]));
        }
        cells
    }
}

pub(super) fn hosts(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<Table> {
    let mut table = Table::new(
        "hosts",
        "Who runs the mail",
        "The provider by the name of the exchange, of the domains that answered; a domain with several equally \
         preferred exchanges is split among them. A gateway stands before mailboxes that are not seen; self: the \
         exchange lies in the domain itself; vps: a customer's own machine; other: the registered domain of the exchange, \
         by no rule.",
    )
    .columns([
        ("provider", "Provider"),
        ("role", "Role"),
        ("domains", "Domains"),
        ("percent", "Percent"),
        ("with_tls", "With TLS"),
        ("with_tls_percent", "Percent"),
    ]);
    for list in survey.counted()? {
        table.columns_of_users(&list.source);
    }
    table.column("in_2014", "2014");
    let operators = survey.operators(&asked.providers)?;
    let shares = Shares::read(survey, asked)?;
    let mut bars = Vec::new();
    for operator in shares.largest(&operators, asked.limit) {
        let (id, role) = operators.told(operator);
        let printed = asked.published.hosting(id);
        let mut row = vec![Cell::from(id), role.into()];
        row.extend(shares.cells(operator));
        row.push(printed.map_or(Cell::Null, Cell::Percent));
        table.row(row);
        if bars.len() < 12 {
            let domains = shares.domains[operator];
            bars.push(Bar {
                group: "domains".to_owned(),
                label: format!("{id} ({role})"),
                value: 100.0 * domains / shares.domains[shares.all],
                count: domains.round() as u64,
                before: printed,
                truth: None,
            });
        }
    }
    table.chart = Some(Chart::Bars {
        unit: "% of domains",
        bars,
    });
    Ok(table)
}

pub(super) fn tlds(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<Table> {
    let mut table = Table::new(
        "tlds",
        "By top-level domain",
        format!(
            "TLS of the domains under each top-level domain that take mail, by the rule {}; those with most domains.",
            asked.rule.word()
        ),
    )
    .columns([("tld", "Top-level domain")])
    .columns(TALLY)
    .columns([("valid", "Valid certificate"), ("valid_percent", "Percent")]);
    let verdicts = survey.verdicts()?;
    let mut by_tld: HashMap<String, (Tally, Tally)> = HashMap::new();
    let names = survey.names()?;
    for (domain, verdict) in verdicts.iter().enumerate() {
        if !verdict.status.takes_mail() {
            continue;
        }
        let name = names.get(domain);
        let tld = name.rsplit('.').next().unwrap_or(name);
        let tallies = match by_tld.get_mut(tld) {
            Some(tallies) => tallies,
            None => by_tld.entry(tld.to_owned()).or_default(),
        };
        tallies.0.add(verdict.truth(Fact::Tls, asked.rule), 1);
        tallies.1.add(verdict.truth(Fact::Valid, asked.rule), 1);
    }
    let mut order: Vec<(String, (Tally, Tally))> = by_tld.into_iter().collect();
    let domains = |tally: &Tally| tally.decided() + tally.unknown;
    order.sort_by(|a, b| (domains(&b.1.0), &a.0).cmp(&(domains(&a.1.0), &b.0)));
    let mut stacks = Vec::new();
    for (tld, (tls, valid)) in order.into_iter().take(asked.limit) {
        if stacks.len() < 10 {
            stacks.push(Stack {
                group: "TLS".to_owned(),
                label: format!(".{tld}"),
                tally: tls,
                before: None,
            });
        }
        let mut row = vec![Cell::from(tld)];
        row.extend(tls.cells());
        row.push(valid.yes.into());
        row.push(valid.percent().map_or(Cell::Null, Cell::Percent));
        table.row(row);
    }
    table.chart = Some(Chart::Stacks(stacks));
    Ok(table)
}
