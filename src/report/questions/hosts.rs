//! Who runs the mail of the domains: hosting providers, and top-level domains.

use hashbrown::HashMap;
use rusqlite::Rows;

use super::Asked;
use crate::report::chart::{Bar, Chart, Stack};
use crate::report::providers::{Provider, is_within};
use crate::report::study;
use crate::report::survey::{Status, Survey, at};
use crate::report::table::{Cell, TALLY, Table, Tally};
use crate::store::{Fact, Truth};

/// The exchanges of a survey by who runs them; asked for each domain, since its own is `self`.
pub(super) struct Hosts {
    /// By row of `exchange`: index into `providers`.
    of: Vec<u32>,
    /// By that index; a registered domain without a rule has the role `other`.
    providers: Vec<Provider>,
}

impl Hosts {
    pub(super) fn read(survey: &Survey, asked: &Asked) -> rusqlite::Result<Self> {
        let mut hosts = Self {
            of: Vec::new(),
            providers: vec![Provider {
                id: "self".to_owned(),
                role: "self".to_owned(),
            }],
        };
        // By id, for those that a rule names and for registered domains apart.
        let mut by_rule: HashMap<Provider, u32> = HashMap::new();
        let mut by_name: HashMap<String, u32> = HashMap::new();
        let mut statement = survey.connection.prepare(
            "SELECT e.id, n.name, e.registered_domain FROM exchange e JOIN name n ON n.id = e.name ORDER BY e.id",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let id: u32 = row.get(0)?;
            let name = row.get_ref(1)?.as_str().unwrap_or_default();
            let registered = row.get_ref(2)?.as_str_or_null().ok().flatten();
            let next = hosts.providers.len() as u32;
            let index = match asked.providers.of(name) {
                Some(provider) => *by_rule.entry_ref(provider).or_insert(next),
                None => *by_name
                    .entry_ref(registered.unwrap_or(name))
                    .or_insert(next),
            };
            if index == next {
                hosts
                    .providers
                    .push(
                        asked
                            .providers
                            .of(name)
                            .cloned()
                            .unwrap_or_else(|| Provider {
                                id: registered.unwrap_or(name).to_owned(),
                                role: "other".to_owned(),
                            }),
                    );
            }
            hosts.of.resize(id as usize + 1, 0);
            hosts.of[id as usize] = index;
        }
        Ok(hosts)
    }

    /// Who runs an exchange for a domain.
    pub(super) fn of(&self, exchange: u32, domain: &str) -> usize {
        let index = self.operator(exchange);
        let provider = &self.providers[index];
        if provider.role == "other" && is_within(domain, &provider.id) {
            0
        } else {
            index
        }
    }

    /// Who runs an exchange, whomever it serves: those with an exchange of their own are apart from each other.
    pub(super) fn operator(&self, exchange: u32) -> usize {
        self.of.get(exchange as usize).copied().unwrap_or(0) as usize
    }

    pub(super) fn provider(&self, index: usize) -> &Provider {
        &self.providers[index]
    }

    pub(super) fn len(&self) -> usize {
        self.providers.len()
    }
}

/// Domains with the exchanges of their best preference, in one walk over two ordered queries.
pub(super) fn each_domain(
    survey: &Survey,
    mut then: impl FnMut(u32, &str, &[u32]),
) -> rusqlite::Result<()> {
    let mut names = survey
        .connection
        .prepare("SELECT id, name FROM name ORDER BY id")?;
    let mut names = names.query([])?;
    let mut statement = survey.connection.prepare(
        "SELECT domain, preference, exchange FROM domain_exchange ORDER BY domain, preference, exchange",
    )?;
    let mut rows = statement.query([])?;
    let mut current: Option<(u32, u32)> = None;
    let mut best: Vec<u32> = Vec::new();
    while let Some(row) = rows.next()? {
        let (domain, preference): (u32, u32) = (row.get(0)?, row.get(1)?);
        match current {
            Some((known, first)) if known == domain => {
                if preference == first {
                    best.push(row.get(2)?);
                }
            }
            _ => {
                if let Some((known, _)) = current {
                    with_name(&mut names, known, |name| then(known, name, &best))?;
                }
                current = Some((domain, preference));
                best.clear();
                best.push(row.get(2)?);
            }
        }
    }
    if let Some((known, _)) = current {
        with_name(&mut names, known, |name| then(known, name, &best))?;
    }
    Ok(())
}

/// Steps to the name `id` in a query in order of ids.
fn with_name(names: &mut Rows<'_>, id: u32, then: impl FnOnce(&str)) -> rusqlite::Result<()> {
    while let Some(row) = names.next()? {
        if row.get::<_, u32>(0)? == id {
            then(row.get_ref(1)?.as_str().unwrap_or_default());
            return Ok(());
        }
    }
    Ok(())
}

pub(super) fn hosts(survey: &Survey, asked: &Asked) -> rusqlite::Result<Table> {
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
    let hosts = Hosts::read(survey, asked)?;
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
    #[derive(Clone, Default)]
    struct Share {
        domains: f64,
        with_tls: f64,
        users: Vec<f64>,
    }
    let none = Share {
        users: vec![0.0; lists.len()],
        ..Share::default()
    };
    let mut shares = vec![none.clone(); hosts.len()];
    let mut all = none;
    each_domain(survey, |domain, name, exchanges| {
        let verdict = at(verdicts, domain);
        if verdict.status != Status::Answered {
            return;
        }
        let part = 1.0 / exchanges.len() as f64;
        let has_tls = verdict.truth(Fact::Tls, asked.rule) == Truth::Yes;
        for &exchange in exchanges {
            for share in [&mut all, &mut shares[hosts.of(exchange, name)]] {
                share.domains += part;
                share.with_tls += if has_tls { part } else { 0.0 };
                for (users, weights) in share.users.iter_mut().zip(&weight_of) {
                    *users += weights
                        .get(domain as usize)
                        .map_or(0.0, |&weight| weight as f64 * part);
                }
            }
        }
    })?;
    let mut order: Vec<usize> = (0..hosts.len())
        .filter(|&index| shares[index].domains > 0.0)
        .collect();
    order.sort_by(|&a, &b| {
        let by_domains = shares[b].domains.total_cmp(&shares[a].domains);
        by_domains.then_with(|| hosts.provider(a).cmp(hosts.provider(b)))
    });
    let mut bars = Vec::new();
    for index in order.into_iter().take(asked.limit) {
        let (provider, share) = (hosts.provider(index), &shares[index]);
        let printed = study::hosting(&provider.id);
        let mut row = vec![
            Cell::from(provider.id.as_str()),
            provider.role.as_str().into(),
            Cell::Fraction(share.domains),
            Cell::share(share.domains, all.domains),
            Cell::Fraction(share.with_tls),
            Cell::share(share.with_tls, share.domains),
        ];
        for (users, of) in share.users.iter().zip(&all.users) {
            row.push(Cell::Fraction(*users));
            row.push(Cell::share(*users, *of));
        }
        row.push(printed.map_or(Cell::Null, Cell::Percent));
        table.row(row);
        if bars.len() < 12 {
            bars.push(Bar {
                group: "domains".to_owned(),
                label: format!("{} ({})", provider.id, provider.role),
                value: 100.0 * share.domains / all.domains,
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

pub(super) fn tlds(survey: &Survey, asked: &Asked) -> rusqlite::Result<Table> {
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
    let mut statement = survey
        .connection
        .prepare("SELECT id, name FROM name ORDER BY id")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let verdict = at(verdicts, row.get(0)?);
        if !verdict.status.takes_mail() {
            continue;
        }
        let name = row.get_ref(1)?.as_str().unwrap_or_default();
        let tld = name.rsplit('.').next().unwrap_or(name);
        let tallies = match by_tld.get_mut(tld) {
            Some(tallies) => tallies,
            None => by_tld.entry(tld.to_owned()).or_default(),
        };
        tallies.0.add(verdict.truth(Fact::Tls, asked.rule), 1);
        tallies.1.add(verdict.truth(Fact::Valid, asked.rule), 1);
    }
    let mut order: Vec<(String, (Tally, Tally))> = by_tld.into_iter().collect();
    let domains = |tally: &Tally| tally.of() + tally.unknown;
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
