//! Who runs the mail of the domains: hosting providers, and top-level domains.

use hashbrown::HashMap;

use crate::judge::{Fact, Truth};
use crate::report::asked::ReportSettings;
use crate::report::chart::{Bar, Chart, Stack};
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

/// What an operator has of the domains and users.
#[derive(Clone)]
struct Share {
    domains: f64,
    with_tls: f64,
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
    let operators = survey.operators(&asked.providers)?;
    let names = survey.names()?;
    let verdicts = survey.verdicts()?;
    let lists: Vec<_> = survey.counted()?.collect();
    let mut weight_of: Vec<Vec<u64>> = Vec::new();
    for list in &lists {
        table.column(
            format!("users_{}", list.source),
            format!("Users: {}", list.source),
        );
        table.column(format!("users_{}_percent", list.source), "Percent");
        weight_of.push(list.users_by_domain());
    }
    table.column("in_2014", "2014");
    // By operator; what all have together stands behind the last.
    let all = operators.count();
    let none = Share {
        domains: 0.0,
        with_tls: 0.0,
    };
    let mut shares = vec![none; all + 1];
    let mut users = vec![vec![0.0; all + 1]; lists.len()];
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
                let share = &mut shares[operator];
                share.domains += part;
                share.with_tls += if has_tls { part } else { 0.0 };
                for (users, weights) in users.iter_mut().zip(&weight_of) {
                    let weight = weights.get(domain as usize).copied().unwrap_or(0);
                    users[operator] += weight as f64 * part;
                }
            }
        }
    })?;
    let mut order: Vec<usize> = (0..all)
        .filter(|&operator| shares[operator].domains > 0.0)
        .collect();
    let by_domains = |&a: &usize, &b: &usize| {
        let by_domains = shares[b].domains.total_cmp(&shares[a].domains);
        by_domains.then_with(|| operators.told(a).cmp(&operators.told(b)))
    };
    // Most operators have a domain or two: they are not put in order.
    if asked.limit < order.len() {
        order.select_nth_unstable_by(asked.limit, by_domains);
        order.truncate(asked.limit);
    }
    order.sort_by(by_domains);
    let mut bars = Vec::new();
    for operator in order {
        let (id, role) = operators.told(operator);
        let share = &shares[operator];
        let printed = asked.published.hosting(id);
        let mut row = vec![
            Cell::from(id),
            role.into(),
            Cell::Fraction(share.domains),
            Cell::share(share.domains, shares[all].domains),
            Cell::Fraction(share.with_tls),
            Cell::share(share.with_tls, share.domains),
        ];
        for users in &users {
            row.push(Cell::Fraction(users[operator]));
            row.push(Cell::share(users[operator], users[all]));
        }
        row.push(printed.map_or(Cell::Null, Cell::Percent));
        table.row(row);
        if bars.len() < 12 {
            bars.push(Bar {
                group: "domains".to_owned(),
                label: format!("{id} ({role})"),
                value: 100.0 * share.domains / shares[all].domains,
                count: share.domains.round() as u64,
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
