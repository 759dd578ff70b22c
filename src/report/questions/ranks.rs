//! TLS and valid certificates among the first N domains of a list: every N in one pass.

use super::{Asked, Measure, followed, marks};
use crate::report::chart::{Chart, Line};
use crate::report::study;
use crate::report::survey::{List, Survey, at};
use crate::report::table::{Cell, TALLY, Table, Tally};
use crate::store::Rule;

pub(super) fn tls_by_rank(survey: &Survey, asked: &Asked) -> rusqlite::Result<Table> {
    let mut table = heading("tls-by-rank", "TLS by rank", asked);
    let mut lines = Vec::new();
    let ranked: Vec<&List> = ranked(survey)?.collect();
    for list in &ranked {
        let last = list.entries.iter().map(|entry| u64::from(entry.rank)).max();
        let wanted = marks(last.unwrap_or(0));
        for measure in followed() {
            let curve = curve(survey, list, measure, asked.rule)?;
            for &mark in &wanted {
                let at = curve.partition_point(|&(rank, _)| rank <= mark);
                let tally = at.checked_sub(1).map(|at| curve[at].1).unwrap_or_default();
                table.row(row(list, mark, measure, &tally));
            }
            let group = format!("list: {}", list.source);
            lines.push(Line::new(group, measure.label, thinned(&curve)));
        }
    }
    let marks_2014 = [2000, 20_000, 100_000].into_iter().filter_map(|rank| {
        Some((
            rank as f64,
            printed(rank, "accepted")?,
            format!("2014: first {rank}"),
        ))
    });
    table.chart = Some(Chart::Lines {
        x: "rank, first N domains".to_owned(),
        lines,
        points: marks_2014.collect(),
    });
    Ok(table)
}

pub(super) fn tls_by_every_rank(survey: &Survey, asked: &Asked) -> rusqlite::Result<Table> {
    let mut table = heading("tls-by-every-rank", "TLS by every rank", asked);
    for list in ranked(survey)? {
        for measure in followed() {
            for (rank, tally) in curve(survey, list, measure, asked.rule)? {
                table.row(row(list, rank, measure, &tally));
            }
        }
    }
    Ok(table)
}

fn heading(name: &'static str, title: &str, asked: &Asked) -> Table {
    let note = format!(
        "Of the first N domains of the list those that answered, by the rule {}.",
        asked.rule.word()
    );
    Table::new(name, title, note)
        .columns([
            ("list", "List"),
            ("rank", "First N"),
            ("measure", "Measure"),
        ])
        .columns(TALLY)
        .columns([("in_2014", "2014")])
}

fn row(list: &List, rank: u64, measure: &Measure, tally: &Tally) -> Vec<Cell> {
    let mut row = vec![
        Cell::from(list.source.as_str()),
        rank.into(),
        measure.label.into(),
    ];
    row.extend(tally.cells());
    row.push(printed(rank, measure.word).map_or(Cell::Null, Cell::Percent));
    row
}

fn printed(rank: u64, measure: &str) -> Option<f64> {
    match (measure, rank) {
        ("accepted", _) => study::printed(&["tls_percent_of_providers_by_rank", &rank.to_string()]),
        ("valid_of_accepted", 100_000) => {
            study::printed(&["valid_certificate_percent", "of_tls_providers_top_100000"])
        }
        _ => None,
    }
}

fn ranked(survey: &Survey) -> rusqlite::Result<impl Iterator<Item = &List>> {
    Ok(survey
        .lists()?
        .iter()
        .filter(|list| list.entries.first().is_some_and(|entry| entry.rank > 0)))
}

/// The tally behind every rank of a list.
fn curve(
    survey: &Survey,
    list: &List,
    measure: &Measure,
    rule: Rule,
) -> rusqlite::Result<Vec<(u64, Tally)>> {
    let verdicts = survey.verdicts()?;
    let mut tally = Tally::default();
    let mut curve: Vec<(u64, Tally)> = Vec::with_capacity(list.entries.len());
    for entry in list.entries.iter().filter(|entry| entry.rank > 0) {
        if let Some(truth) = measure.of(&at(verdicts, entry.domain), rule) {
            tally.add(truth, 1);
        }
        match curve.last_mut() {
            Some((rank, last)) if *rank == u64::from(entry.rank) => *last = tally,
            _ => curve.push((entry.rank.into(), tally)),
        }
    }
    Ok(curve)
}

/// Some 240 points of a curve, evenly apart on a logarithmic axis.
pub(super) fn thinned(curve: &[(u64, Tally)]) -> Vec<(f64, Tally)> {
    const APART: f64 = 1.03;
    let mut points = Vec::new();
    let mut next = 1.0;
    for (at, &(x, tally)) in curve.iter().enumerate() {
        let x = x as f64;
        if x >= next || at + 1 == curve.len() {
            points.push((x, tally));
            next = (x * APART).max(x + 1.0);
        }
    }
    points
}
