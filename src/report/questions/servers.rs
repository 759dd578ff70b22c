//! Servers by themselves: what they offer, what they run, and those that did not answer.

use std::collections::{BTreeMap, HashSet};

use super::shared::operators_of;
use crate::report::asked::Asked;
use crate::report::chart::{Bar, Chart};
use crate::report::survey::Survey;
use crate::report::table::{Cell, Table};

/// Counts of servers, and of the domains behind them (one for each server that it has).
#[derive(Clone, Copy, Default)]
struct Behind {
    servers: u64,
    domains: u64,
}

pub(super) fn capabilities(survey: &Survey, _: &Asked) -> rusqlite::Result<Table> {
    let mut statement = survey.connection.prepare(
        "SELECT c.keywords, count(*), sum(j.domains) FROM judged_server j JOIN smtp s ON s.id = j.smtp \
         JOIN capability_set c ON c.id = s.capabilities GROUP BY c.id",
    )?;
    let mut rows = statement.query([])?;
    let mut by_keyword: BTreeMap<String, Behind> = BTreeMap::new();
    let mut all = Behind::default();
    while let Some(row) = rows.next()? {
        let keywords: String = row.get(0)?;
        let set = Behind {
            servers: row.get(1)?,
            domains: row.get(2)?,
        };
        all.servers += set.servers;
        all.domains += set.domains;
        for keyword in keywords.split(' ').filter(|keyword| !keyword.is_empty()) {
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

pub(super) fn software(survey: &Survey, _: &Asked) -> rusqlite::Result<Table> {
    let mut statement = survey.connection.prepare(
        "SELECT coalesce(s.software, 'not told'), count(*), sum(j.domains) FROM judged_server j \
         JOIN smtp s ON s.id = j.smtp WHERE j.answered GROUP BY 1",
    )?;
    let mut rows = statement.query([])?;
    let mut by_software: BTreeMap<String, Behind> = BTreeMap::new();
    let mut all = Behind::default();
    while let Some(row) = rows.next()? {
        let behind = Behind {
            servers: row.get(1)?,
            domains: row.get(2)?,
        };
        all.servers += behind.servers;
        all.domains += behind.domains;
        by_software.insert(row.get(0)?, behind);
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

pub(super) fn silent(survey: &Survey, asked: &Asked) -> rusqlite::Result<Table> {
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
    let mut statement = survey.connection.prepare(
        "SELECT j.address, s.phase, s.reason, j.domains FROM judged_server j JOIN smtp s ON s.id = j.smtp \
         WHERE NOT j.answered",
    )?;
    let silent: Vec<(u32, String, String, u64)> = statement
        .query_map([], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?
        .collect::<Result<_, _>>()?;
    let addresses: HashSet<u32> = silent.iter().map(|(address, ..)| *address).collect();
    let operators = operators_of(survey, &addresses)?;
    let mut counts: BTreeMap<(String, String, String), Behind> = BTreeMap::new();
    for (address, phase, reason, domains) in silent {
        // Where exchanges of several operators lead to one address, the first stands for it.
        let operator = operators
            .get(&address)
            .and_then(|it| it.first())
            .cloned()
            .unwrap_or_default();
        let behind = counts.entry((operator, phase, reason)).or_default();
        behind.servers += 1;
        behind.domains += domains;
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

pub(super) fn runs(survey: &Survey, _: &Asked) -> rusqlite::Result<Table> {
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
    let mut statement = survey.connection.prepare(
        "SELECT run, stage, version, started, coalesce(ended, 'cut'), interrupted, \
         CAST(CAST(end_line AS TEXT) ->> '$.counts.connections' AS INTEGER), \
         CAST(CAST(end_line AS TEXT) ->> '$.counts.connections_saved' AS INTEGER) FROM run \
         WHERE started IS NOT NULL ORDER BY id",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let text =
            |column| -> rusqlite::Result<Cell> { Ok(row.get::<_, Option<String>>(column)?.into()) };
        let count = |column| -> rusqlite::Result<Cell> {
            let count: Option<i64> = row.get(column)?;
            Ok(count.map(|count| count.unsigned_abs()).into())
        };
        let interrupted: Option<bool> = row.get(5)?;
        table.row([
            text(0)?,
            text(1)?,
            text(2)?,
            text(3)?,
            text(4)?,
            interrupted.map(|it| if it { "yes" } else { "no" }).into(),
            count(6)?,
            count(7)?,
        ]);
    }
    Ok(table)
}
