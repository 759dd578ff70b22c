//! `--series`: each measure over several surveys, with what was not learned as a band.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use unicode_width::UnicodeWidthStr as _;

use super::asked::ReportSettings;
use super::chart::Chart;
use super::compare::called;
use super::measure::MEASURES;
use super::output::OutputFormat;
use super::page::page;
use super::summary::{PageSummary, band};
use super::survey::{Survey, verdict_of};
use super::table::{Cell, TALLY, Table, Tally, thousands};
use super::timeline::Timeline;
use super::{markdown, render};
use crate::ndjson::printable;
use crate::store::query;

/// What one survey of a series says.
#[derive(Clone, Debug)]
struct Point {
    /// What it is called.
    name: String,
    /// When its first measurement began.
    began: Option<String>,
    /// By weight, then by measure: domains first, then the users of each list.
    tallies: Vec<(String, Vec<Tally>)>,
}

impl Point {
    fn read(path: &Path, asked: &ReportSettings) -> anyhow::Result<(Self, Survey)> {
        let named = || printable(&path.display().to_string());
        if !path.is_file() {
            bail!("{}: no such database", named());
        }
        let survey = Survey::open(path).with_context(named)?;
        let point = Self::of_survey(&survey, &named(), asked).with_context(named)?;
        Ok((point, survey))
    }

    fn of_survey(survey: &Survey, path: &str, asked: &ReportSettings) -> rusqlite::Result<Self> {
        let verdicts = survey.verdicts()?;
        let mut domains = vec![Tally::default(); MEASURES.len()];
        for verdict in verdicts {
            for (tally, measure) in domains.iter_mut().zip(&MEASURES) {
                if let Some(truth) = measure.truth(verdict, asked.rule) {
                    tally.add(truth, 1);
                }
            }
        }
        let mut tallies = vec![("domains".to_owned(), domains)];
        for list in survey.counted()? {
            let mut users = vec![Tally::default(); MEASURES.len()];
            for entry in &list.entries {
                let verdict = verdict_of(verdicts, entry.domain);
                for (tally, measure) in users.iter_mut().zip(&MEASURES) {
                    if let Some(truth) = measure.truth(&verdict, asked.rule) {
                        tally.add(truth, entry.users);
                    }
                }
            }
            tallies.push((format!("users: {}", list.source), users));
        }
        Ok(Self {
            name: called(survey, path)?,
            began: query::times(&survey.connection)?.map(|(first, _)| first),
            tallies,
        })
    }

    fn tally(&self, weight: &str, measure: usize) -> Option<&Tally> {
        let of_weight = self.tallies.iter().find(|(known, _)| known == weight);
        of_weight.and_then(|(_, tallies)| tallies.get(measure))
    }
}

/// Answers for several databases, in the order in which they are named.
///
/// # Errors
///
/// Where a database cannot be read, or there is no such form of a series.
pub fn write(
    out: &mut dyn Write,
    databases: &[PathBuf],
    asked: &ReportSettings,
    format: OutputFormat,
) -> anyhow::Result<()> {
    let mut points = Vec::new();
    let mut last = None;
    let mut bands = None;
    for path in databases {
        let (point, survey) = Point::read(path, asked)?;
        points.push(point);
        bands = bands.or(band(&survey)?);
        last = Some(survey);
    }
    let Some(last) = last else {
        bail!("--series wants databases");
    };
    let table = table(&points, asked);
    match format {
        OutputFormat::Text => text(out, &points, bands)?,
        OutputFormat::Json => render::json(out, &[table])?,
        OutputFormat::Ndjson => render::ndjson(out, &table)?,
        OutputFormat::Csv => render::csv(out, &table)?,
        OutputFormat::Markdown => markdown::markdown(out, &table)?,
        OutputFormat::Html => {
            let summary = PageSummary::new(&last, asked)?;
            out.write_all(page(&summary, &[table], &Default::default()).as_bytes())?;
        }
        OutputFormat::Svg => {
            if let Some(chart) = &table.chart {
                writeln!(out, "{}", chart.file(&table.title))?;
            }
        }
        OutputFormat::Nagios | OutputFormat::Prometheus => {
            bail!("a series is text, data or a page")
        }
    }
    Ok(())
}

/// Weights that any survey has, in the order in which they are met.
fn weights(points: &[Point]) -> Vec<&str> {
    let mut weights: Vec<&str> = Vec::new();
    for (weight, _) in points.iter().flat_map(|point| &point.tallies) {
        if !weights.contains(&weight.as_str()) {
            weights.push(weight);
        }
    }
    weights
}

/// Each measure, weight and survey as a row, and its chart.
fn table(points: &[Point], asked: &ReportSettings) -> Table {
    let mut table = Table::new(
        "series",
        "Over time",
        format!(
            "Servers of a domain are taken together by the rule {}. The line is the percentage of what was learned; the band \
             behind it is where it would be if every unknown were a no, or a yes. Surveys stand in the order in which they \
             were named, at equal distances.",
            asked.rule.word()
        ),
    )
    .columns([
        ("survey", "Survey"),
        ("began", "Began"),
        ("measure", "Measure"),
        ("label", "What"),
        ("weight", "Weight"),
    ])
    .columns(TALLY);
    let mut timelines = Vec::new();
    for weight in weights(points) {
        for (at, measure) in MEASURES.iter().enumerate() {
            let mut timeline = Timeline {
                title: format!("{}, {weight}", measure.label),
                points: Vec::new(),
            };
            for point in points {
                // A survey without this list has nothing to say.
                let Some(tally) = point.tally(weight, at) else {
                    continue;
                };
                timeline.points.push((point.name.clone(), *tally));
                let head = [
                    Cell::from(point.name.as_str()),
                    Cell::text(point.began.clone()),
                    measure.word.into(),
                    measure.label.into(),
                    weight.into(),
                ];
                table.row(head.into_iter().chain(tally.cells()));
            }
            timelines.push(timeline);
        }
    }
    table.chart = Some(Chart::Timelines(timelines));
    table
}

/// For people, in 80 columns.
fn text(out: &mut dyn Write, points: &[Point], band: Option<&str>) -> io::Result<()> {
    if let Some(band) = band {
        writeln!(out, "{band}\n")?;
    }
    for weight in weights(points) {
        for (at, measure) in MEASURES.iter().enumerate() {
            writeln!(out, "{}, {}", measure.label, printable(weight))?;
            for point in points {
                if let Some(tally) = point.tally(weight, at) {
                    writeln!(out, "{}", line(&point.name, tally))?;
                }
            }
            writeln!(out)?;
        }
    }
    Ok(())
}

/// A survey in a line of 80 columns: its name, the percentage, how many, the unknown, and what it could be.
fn line(name: &str, tally: &Tally) -> String {
    let mut short = String::new();
    for letter in printable(name).chars() {
        if short.width() >= 15 {
            break;
        }
        short.push(letter);
    }
    let pad = " ".repeat(16usize.saturating_sub(short.width()));
    let percent = (tally.percent()).map_or("unknown".to_owned(), |it| format!("{it:.2} %"));
    let bounds = match tally.bounds() {
        Some((least, most)) if tally.unknown > 0 => format!("{least:.1} to {most:.1} %"),
        _ => String::new(),
    };
    let counts = format!("{} of {}", thousands(tally.yes), thousands(tally.decided()));
    let unknown = format!("{} unknown", thousands(tally.unknown));
    let line = format!("  {short}{pad}{percent:>9}  {counts:<20} {unknown:<15}{bounds}");
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_fits() {
        let tally = Tally {
            yes: 999_999,
            no: 1,
            mixed: 0,
            unknown: 999_999,
        };
        let line = line("a survey with a long name", &tally);
        assert!(line.width() <= 80, "{line}");
        assert!(line.contains("50.0 to 100.0 %"), "{line}");
    }
}
