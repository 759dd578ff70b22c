//! Weighted by people: the largest domains of a counted list, and how many users have TLS.

use super::sampler::Sampler;
use crate::judge::Fact;
use crate::report::asked::ReportSettings;
use crate::report::chart::{Bar, Chart, ChartLine};
use crate::report::measure::{followed, marks};
use crate::report::survey::{Survey, verdict_of};
use crate::report::table::{Cell, TALLY, Table, Tally};

pub(super) fn top_providers(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<Table> {
    let mut table = Table::new(
        "top-providers",
        "The largest domains of each counted list",
        format!(
            "Each domain alone, under the rule {}; percent of all users in the list. Accepted is TLS as it was counted \
             in 2014.",
            asked.rule.word()
        ),
    )
    .columns([
        ("list", "List"),
        ("place", "Place"),
        ("domain", "Domain"),
        ("users", "Users"),
        ("of", "Of"),
        ("percent", "Percent"),
        ("status", "Status"),
        ("esmtp", "ESMTP"),
        ("accepted", "STARTTLS accepted"),
        ("tls", "TLS"),
        ("valid", "Valid certificate"),
        ("in_2014", "2014"),
    ]);
    let mut bars = Vec::new();
    for list in survey.counted()? {
        let of = list.of.unwrap_or(0);
        for (place, entry) in list
            .by_users(survey.names()?)
            .iter()
            .take(asked.limit)
            .enumerate()
        {
            let verdict = survey.verdict(entry.domain)?;
            let domain = survey.name(entry.domain)?;
            let told = |fact| -> Cell {
                if verdict.status.takes_mail() {
                    verdict.truth(fact, asked.rule).word().into()
                } else {
                    Cell::Null
                }
            };
            let printed = asked.published.at_domain(&list.source, &domain);
            if place < 10 {
                bars.push(Bar {
                    group: format!("users: {}", list.source),
                    label: domain.clone(),
                    value: 100.0 * entry.users as f64 / of.max(1) as f64,
                    count: entry.users,
                    before: printed,
                    truth: verdict
                        .status
                        .takes_mail()
                        .then(|| verdict.truth(Fact::Tls, asked.rule)),
                });
            }
            table.row([
                Cell::from(list.source.as_str()),
                (place as u64 + 1).into(),
                domain.into(),
                entry.users.into(),
                of.into(),
                Cell::share(entry.users as f64, of as f64),
                verdict.status.word().into(),
                told(Fact::Esmtp),
                told(Fact::Accepted),
                told(Fact::Tls),
                told(Fact::Valid),
                printed.map_or(Cell::Null, Cell::Percent),
            ]);
        }
    }
    table.chart = Some(Chart::Bars {
        unit: "% of users",
        bars,
    });
    Ok(table)
}

pub(super) fn tls_by_users(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<Table> {
    let mut table = Table::new(
        "tls-by-users",
        "Users with TLS",
        format!(
            "Users at the N largest domains of the list, by the rule {}; the base is the users at domains that \
             answered. Covered: their share of all users in the list. The lowest and the highest list stand below.",
            asked.rule.word()
        ),
    )
    .columns([
        ("list", "List"),
        ("domains", "N largest"),
        ("covered", "Covered"),
        ("measure", "Measure"),
    ])
    .columns(TALLY)
    .columns([("in_2014", "2014")]);
    let verdicts = survey.verdicts()?;
    let mut lines = Vec::new();
    let several = survey.counted()?.count() > 1;
    // For each measure, where every list ends.
    let mut ends: Vec<(&str, Vec<(&str, Tally)>)> = followed()
        .map(|measure| (measure.label, Vec::new()))
        .collect();
    for list in survey.counted()? {
        let entries = list.by_users(survey.names()?);
        let of = list.of.unwrap_or(0);
        let mut wanted = marks(entries.len() as u64);
        wanted.retain(|&mark| mark >= 5 || mark == entries.len() as u64);
        for (measure, (_, ends)) in followed().zip(&mut ends) {
            // The tally, and the users at all domains so far.
            let mut sampler: Sampler<(Tally, u64)> = Sampler::new(&wanted);
            let (mut tally, mut seen) = (Tally::default(), 0);
            for (place, entry) in entries.iter().enumerate() {
                if let Some(truth) = measure.truth(&verdict_of(verdicts, entry.domain), asked.rule)
                {
                    tally.add(truth, entry.users);
                }
                seen += entry.users;
                sampler.push(place as u64 + 1, (tally, seen));
            }
            let sampler = sampler.end();
            for (&mark, (upto, covered)) in wanted.iter().zip(&sampler.at_marks) {
                let first = (mark < entries.len() as u64).then_some(mark);
                let printed = asked.published.of_users(&list.source, measure.word, first);
                let mut row = vec![
                    Cell::from(list.source.as_str()),
                    mark.into(),
                    Cell::share(*covered as f64, of as f64),
                    measure.label.into(),
                ];
                row.extend(upto.cells());
                row.push(printed.map_or(Cell::Null, Cell::Percent));
                table.row(row);
            }
            ends.push((&list.source, tally));
            let group = format!("list: {}", list.source);
            let points = sampler
                .points
                .into_iter()
                .map(|(place, (tally, _))| (place, tally));
            lines.push(ChartLine::new(group, measure.label, points.collect()));
        }
    }
    for (label, mut ends) in ends.into_iter().filter(|_| several) {
        ends.retain(|(_, tally)| tally.decided() > 0);
        ends.sort_by(|a, b| {
            a.1.percent()
                .partial_cmp(&b.1.percent())
                .unwrap_or(std::cmp::Ordering::Equal)
        });
        let extremes = [("lowest", ends.first()), ("highest", ends.last())];
        for (which, end) in extremes {
            let Some((source, tally)) = end else {
                continue;
            };
            let mut row = vec![
                Cell::from(format!("{which}: {source}")),
                Cell::Null,
                Cell::Null,
                label.into(),
            ];
            row.extend(tally.cells());
            row.push(Cell::Null);
            table.row(row);
        }
    }
    table.chart = Some(Chart::Lines {
        x: "N largest domains".to_owned(),
        lines,
        points: Vec::new(),
    });
    Ok(table)
}
