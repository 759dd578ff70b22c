//! TLS and valid certificates among the first N domains of a list: every N in one pass.

use super::sampler::Sampler;
use crate::judge::Rule;
use crate::report::asked::ReportSettings;
use crate::report::chart::{Chart, ChartLine};
use crate::report::measure::{Measure, followed, marks};
use crate::report::published::Published;
use crate::report::survey::{Survey, SurveyList, verdict_of};
use crate::report::table::{Cell, Long, TALLY, Table, Tally};

pub(super) fn tls_by_rank(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<Table> {
    let mut table = heading("tls-by-rank", "TLS by rank", asked);
    let mut lines = Vec::new();
    let ranked: Vec<&SurveyList> = ranked(survey)?.collect();
    for list in &ranked {
        let last = list.entries.iter().map(|entry| u64::from(entry.rank)).max();
        let wanted = marks(last.unwrap_or(0));
        for measure in followed() {
            let mut sampler = Sampler::new(&wanted);
            walk(survey, list, measure, asked.rule, |rank, tally| {
                sampler.push(rank, tally)
            })?;
            let sampler = sampler.end();
            for (&mark, tally) in wanted.iter().zip(&sampler.at_marks) {
                table.row(row(asked.published, &list.source, mark, measure, tally));
            }
            let group = format!("list: {}", list.source);
            lines.push(ChartLine::new(group, measure.label, sampler.points));
        }
    }
    let marks_2014 = asked.published.ranks().iter().filter_map(|&rank| {
        Some((
            rank as f64,
            asked.published.by_rank(rank, "accepted")?,
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

pub(super) fn tls_by_every_rank(
    survey: &Survey,
    asked: &ReportSettings,
) -> rusqlite::Result<Table> {
    let mut table = heading("tls-by-every-rank", "TLS by every rank", asked);
    // The last of every rank: list, measure and rank with their tally.
    let mut points: Vec<(u32, &Measure, u32, Tally)> = Vec::new();
    let mut sources = Vec::new();
    for list in ranked(survey)? {
        let source = sources.len() as u32;
        sources.push(list.source.clone());
        points.reserve_exact(followed().count() * list.entries.len());
        for measure in followed() {
            let begin = points.len();
            walk(survey, list, measure, asked.rule, |rank, tally| {
                let point = (source, measure, rank as u32, tally);
                match points[begin..].last_mut() {
                    Some(last) if last.2 == point.2 => *last = point,
                    _ => points.push(point),
                }
            })?;
        }
    }
    let published = asked.published;
    table.long = Some(Long::new(points.len(), move |at| {
        let (source, measure, rank, tally) = &points[at];
        let source = &sources[*source as usize];
        row(published, source, u64::from(*rank), measure, tally)
    }));
    Ok(table)
}

fn heading(name: &'static str, title: &str, asked: &ReportSettings) -> Table {
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

fn row(
    published: &dyn Published,
    source: &str,
    rank: u64,
    measure: &Measure,
    tally: &Tally,
) -> Vec<Cell> {
    let mut row = vec![Cell::from(source), rank.into(), measure.label.into()];
    row.extend(tally.cells());
    row.push(
        published
            .by_rank(rank, measure.word)
            .map_or(Cell::Null, Cell::Percent),
    );
    row
}

/// The lists that have ranks.
pub(super) fn ranked(survey: &Survey) -> rusqlite::Result<impl Iterator<Item = &SurveyList>> {
    Ok(survey
        .lists()?
        .filter(|list| list.entries.first().is_some_and(|entry| entry.rank > 0)))
}

/// The tally behind every entry of a list that has a rank.
fn walk(
    survey: &Survey,
    list: &SurveyList,
    measure: &Measure,
    rule: Rule,
    mut then: impl FnMut(u64, Tally),
) -> rusqlite::Result<()> {
    let verdicts = survey.verdicts()?;
    let mut tally = Tally::default();
    for entry in list.entries.iter().filter(|entry| entry.rank > 0) {
        if let Some(truth) = measure.truth(&verdict_of(verdicts, entry.domain), rule) {
            tally.add(truth, 1);
        }
        then(entry.rank.into(), tally);
    }
    Ok(())
}
