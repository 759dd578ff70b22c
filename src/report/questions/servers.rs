//! Servers by themselves: what they offer, what they run, and those that did not answer.

use std::collections::{BTreeMap, HashSet};

use super::shared::operators_of;
use crate::report::asked::ReportSettings;
use crate::report::chart::{Bar, Chart};
use crate::report::survey::Survey;
use crate::report::table::{Cell, Table};
use crate::store::query;

/// Counts of servers, and of the domains behind them (one for each server that it has).
#[derive(Clone, Copy, Default)]
struct Behind {
    servers: u64,
    domains: u64,
}

pub(super) fn capabilities(survey: &Survey, _: &ReportSettings) -> rusqlite::Result<Table> {
    let mut by_keyword: BTreeMap<String, Behind> = BTreeMap::new();
    let mut all = Behind::default();
    for set in query::keyword_sets(&survey.connection)? {
        all.servers += set.servers;
        all.domains += set.domains;
        for keyword in set.what.split(' ').filter(|keyword| !keyword.is_empty()) {
            let behind = by_keyword.entry(keyword.to_owned()).or_default();
            behind.servers += set.servers;
            behind.domains += set.domains;
        }
    }
    let table = Table::new(
        "capabilities",
        "What servers offer",
        "Keywords of the EHLO reply in clear, of the servers that gave one. Uses: domains behind the servers, each as \
         often as it has such a server.",
    );
    Ok(ranked(table, ("keyword", "Keyword"), by_keyword, all))
}

pub(super) fn software(survey: &Survey, _: &ReportSettings) -> rusqlite::Result<Table> {
    let mut by_software: BTreeMap<String, Behind> = BTreeMap::new();
    let mut all = Behind::default();
    for kind in query::software(&survey.connection)? {
        let behind = Behind {
            servers: kind.servers,
            domains: kind.domains,
        };
        all.servers += behind.servers;
        all.domains += behind.domains;
        by_software.insert(kind.what, behind);
    }
    let table = Table::new(
        "software",
        "MTA software",
        "Where the greeting or the EHLO reply says what runs, of the servers that answered. Uses: domains behind the \
         servers, each as often as it has such a server.",
    );
    Ok(ranked(table, ("software", "Software"), by_software, all))
}

fn ranked(
    table: Table,
    column: (&str, &str),
    values: BTreeMap<String, Behind>,
    all: Behind,
) -> Table {
    let mut table = table.columns([
        column,
        ("servers", "Servers"),
        ("servers_percent", "Percent"),
        ("uses", "Uses"),
        ("uses_percent", "Percent"),
    ]);
    let mut values: Vec<(String, Behind)> = values.into_iter().collect();
    values.sort_by(|a, b| (b.1.servers, &a.0).cmp(&(a.1.servers, &b.0)));
    let mut bars = Vec::new();
    for (value, behind) in values {
        if bars.len() < 12 {
            bars.push(Bar {
                group: "servers".to_owned(),
                label: value.clone(),
                value: 100.0 * behind.servers as f64 / all.servers.max(1) as f64,
                count: behind.servers,
                before: None,
                truth: None,
            });
        }
        table.row([
            Cell::from(value),
            behind.servers.into(),
            Cell::share(behind.servers as f64, all.servers as f64),
            behind.domains.into(),
            Cell::share(behind.domains as f64, all.domains as f64),
        ]);
    }
    table.chart = Some(Chart::Bars {
        unit: "% of servers",
        bars,
    });
    table
}

pub(super) fn silent(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<Table> {
    let mut table = Table::new(
        "silent",
        "Servers that did not answer, by operator",
        "Neither EHLO nor HELO was answered: why, and how many domains have such a server. The operator is the \
         registered domain of the exchange.",
    )
    .columns([
        ("operator", "Operator"),
        ("phase", "Phase"),
        ("reason", "Reason"),
        ("servers", "Servers"),
        ("uses", "Uses"),
    ]);
    let silent = query::silent(&survey.connection)?;
    let addresses: HashSet<u32> = silent.iter().map(|server| server.address).collect();
    let operators = operators_of(survey, &addresses)?;
    let mut counts: BTreeMap<(String, String, String), Behind> = BTreeMap::new();
    for server in silent {
        // Where exchanges of several operators lead to one address, the first stands for it.
        let operator = operators
            .get(&server.address)
            .and_then(|it| it.first())
            .cloned()
            .unwrap_or_default();
        let behind = counts
            .entry((operator, server.phase, server.reason))
            .or_default();
        behind.servers += 1;
        behind.domains += server.domains;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by(|a, b| (b.1.domains, b.1.servers, &a.0).cmp(&(a.1.domains, a.1.servers, &b.0)));
    for ((operator, phase, reason), behind) in counts.into_iter().take(asked.limit) {
        table.row([
            Cell::from(operator),
            phase.into(),
            reason.into(),
            behind.servers.into(),
            behind.domains.into(),
        ]);
    }
    Ok(table)
}

pub(super) fn runs(survey: &Survey, _: &ReportSettings) -> rusqlite::Result<Table> {
    let mut table = Table::new(
        "runs",
        "Runs",
        "Which program measured when, and how many connections it made and saved; a run without an end was cut, and \
         records of it are missing.",
    )
    .columns([
        ("run", "Run"),
        ("stage", "Program"),
        ("version", "Version"),
        ("started", "Started"),
        ("ended", "Ended"),
        ("interrupted", "Interrupted"),
        ("connections", "Connections"),
        ("connections_saved", "Saved"),
    ]);
    for run in query::runs(&survey.connection)? {
        table.row([
            Cell::from(run.run),
            run.stage.into(),
            run.version.into(),
            run.started.into(),
            run.ended.unwrap_or_else(|| "cut".to_owned()).into(),
            run.interrupted
                .map(|it| if it { "yes" } else { "no" })
                .into(),
            run.connections.into(),
            run.connections_saved.into(),
        ]);
    }
    Ok(table)
}
