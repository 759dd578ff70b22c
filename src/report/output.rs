//! In and out: a survey from a stream, tables in a format.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::str::FromStr;
use std::sync::atomic::AtomicBool;

use anyhow::{Context as _, bail};

use super::asked::{ReportQuestion, ReportSettings, ShownWhere};
use super::compare::{self, Comparison};
use super::explain::{data, explain, meant};
use super::markdown::markdown;
use super::nagios::nagios;
use super::page::page;
use super::paint::painted;
use super::prometheus::prometheus;
use super::render;
use super::summary::{PageSummary, band, cautions};
use super::survey::Survey;
use super::table::Table;
use crate::program::input::Source;
use crate::store::{self, CommitPace, Load, SurveyWriter, printable};

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputFormat {
    /// For people.
    Text,
    /// One object with all tables.
    Json,
    /// A row a line.
    Ndjson,
    /// RFC 4180.
    Csv,
    /// One page.
    Html,
    /// The charts alone.
    Svg,
    /// Tables for a ticket.
    Markdown,
    /// One line for a monitoring system, with its exit codes.
    Nagios,
    /// Gauges for node_exporter's textfile collector.
    Prometheus,
}

impl FromStr for OutputFormat {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        Ok(match word {
            "text" => Self::Text,
            "json" => Self::Json,
            "ndjson" => Self::Ndjson,
            "csv" => Self::Csv,
            "html" => Self::Html,
            "svg" => Self::Svg,
            "markdown" => Self::Markdown,
            "nagios" => Self::Nagios,
            "prometheus" => Self::Prometheus,
            _ => {
                return Err(
                    "text, json, ndjson, csv, html, svg, markdown, nagios or prometheus".to_owned(),
                );
            }
        })
    }
}

/// The survey in a database, or without one that on standard input; whether all of it was understood and whole.
pub fn open(
    database: Option<&Path>,
    complain: &mut dyn FnMut(&str),
) -> anyhow::Result<(Survey, bool)> {
    let Some(path) = database else {
        return Ok(load(complain)?);
    };
    let named = printable(&path.display().to_string());
    if !path.is_file() {
        bail!("{named}: no such database");
    }
    Ok((Survey::open(path).context(named)?, true))
}

/// Answers questions: those that are named, else of the catalogue the study's, or else those that a format shows by
/// itself.
pub fn answers(
    survey: &Survey,
    asked: &ReportSettings,
    named: &[&'static ReportQuestion],
    catalogue: impl Iterator<Item = &'static ReportQuestion>,
    study: bool,
    format: OutputFormat,
) -> anyhow::Result<Vec<Table>> {
    let compares = asked.since.is_some();
    let shown = |question: &&ReportQuestion| match question.shown {
        ShownWhere::First => !study && (!compares || format == OutputFormat::Html),
        ShownWhere::Page => !study && format == OutputFormat::Html,
        ShownWhere::Study => study,
        ShownWhere::Since => compares,
        ShownWhere::Asked => false,
    };
    let all = catalogue.filter(shown);
    let questions: Vec<&ReportQuestion> = if named.is_empty() {
        all.collect()
    } else {
        named.to_vec()
    };
    questions
        .into_iter()
        .map(|question| (question.answer)(survey, asked).context(question.name))
        .collect()
}

/// Writes the cards of domains, and complains of those that the survey does not know; whether it knows all.
pub fn cards(
    out: &mut dyn Write,
    survey: &Survey,
    asked: &ReportSettings,
    domains: &[String],
    format: OutputFormat,
    paints: bool,
    complain: &mut dyn FnMut(&str),
) -> anyhow::Result<bool> {
    if !matches!(
        format,
        OutputFormat::Text | OutputFormat::Json | OutputFormat::Ndjson
    ) {
        bail!("a card is text, json or ndjson");
    }
    let mut knows_all = true;
    if let (OutputFormat::Text, Some(band)) = (format, band(survey)?) {
        writeln!(out, "{band}\n")?;
    }
    for text in domains {
        let is_told = match meant(text) {
            Err(why) => {
                complain(&format!("--explain: {why}"));
                false
            }
            Ok(domain) => {
                let is_told = card(out, survey, asked, &domain, format, paints)?;
                if !is_told {
                    complain(&format!("{}: not in this survey", printable(&domain)));
                }
                is_told
            }
        };
        knows_all &= is_told;
    }
    Ok(knows_all)
}

/// Writes the card of a domain; false: the survey does not know it.
fn card(
    out: &mut dyn Write,
    survey: &Survey,
    asked: &ReportSettings,
    domain: &str,
    format: OutputFormat,
    paints: bool,
) -> anyhow::Result<bool> {
    if format != OutputFormat::Text {
        let told = data(survey, asked, domain)?;
        if let Some(told) = &told {
            render::write_json(out, told)?;
        }
        return Ok(told.is_some());
    }
    let Some(card) = explain(survey, asked, domain)? else {
        return Ok(false);
    };
    for (at, line) in card.iter().enumerate() {
        match paints {
            true => writeln!(out, "{}", painted(line, at == 0))?,
            false => writeln!(out, "{line}")?,
        }
    }
    writeln!(out)?;
    Ok(true)
}

/// Loads standard input into a database that is gone afterwards; whether all of it was understood and whole.
fn load(complain: &mut dyn FnMut(&str)) -> Result<(Survey, bool), store::StoreError> {
    let mut writer = SurveyWriter::new(store::temporary()?);
    let never = AtomicBool::new(false);
    let how = Load {
        complain,
        progress: &mut |_| {},
        stop: &never,
        pace: CommitPace::default(),
    };
    let summary = store::load(&mut writer, vec![Source::Stdin], how)?;
    let mut connection = writer.into_connection();
    store::judge(&mut connection, &never)?;
    Ok((Survey::new(connection), summary.is_whole()))
}

/// Names the questions.
pub fn list(
    out: &mut dyn Write,
    catalogue: impl Iterator<Item = &'static ReportQuestion> + Clone,
) -> io::Result<()> {
    let names = catalogue.clone().map(|question| question.name.len());
    let width = names.max().unwrap_or(0);
    for question in catalogue {
        writeln!(out, "{:width$}  {}", question.name, question.about)?;
    }
    out.flush()
}

/// Writes tables.
pub fn write(
    out: &mut dyn Write,
    survey: &Survey,
    asked: &ReportSettings,
    tables: &[Table],
    format: OutputFormat,
) -> anyhow::Result<()> {
    match format {
        OutputFormat::Html => {
            let summary = PageSummary::new(survey, asked)?;
            let cards = named_cards(survey, asked, tables)?;
            out.write_all(page(&summary, tables, &cards).as_bytes())?;
        }
        OutputFormat::Svg => {
            let [table] = tables else {
                bail!("svg is for one question: add --table NAME");
            };
            let Some(chart) = &table.chart else {
                bail!("{} has no chart", table.name);
            };
            writeln!(out, "{}", chart.file(&table.title))?;
        }
        OutputFormat::Text => {
            if let Some(band) = band(survey)? {
                writeln!(out, "{band}\n")?;
            }
            for caution in cautions(survey)? {
                writeln!(out, "CAUTION: {}\n", printable(&caution))?;
            }
            if let Some(label) = store::label(&survey.connection)? {
                writeln!(out, "SURVEY: {}\n", printable(&label))?;
            }
            for table in tables {
                render::text(out, table)?;
            }
        }
        OutputFormat::Markdown => tables.iter().try_for_each(|it| markdown(out, it))?,
        OutputFormat::Prometheus => out.write_all(prometheus(survey, asked)?.as_bytes())?,
        OutputFormat::Nagios => writeln!(out, "{}", nagios(survey, asked, None)?.line)?,
        OutputFormat::Json => render::json(out, tables)?,
        OutputFormat::Ndjson => tables
            .iter()
            .try_for_each(|table| render::ndjson(out, table))?,
        OutputFormat::Csv => {
            let [table] = tables else {
                bail!(
                    "csv is for one question: add --table NAME, or --into DIR for a file for each"
                );
            };
            render::csv(out, table)?;
        }
    }
    Ok(())
}

/// Writes what changed, for people.
///
/// # Errors
///
/// Where the survey cannot be read, or nothing can be written.
pub fn changes(
    out: &mut dyn Write,
    survey: &Survey,
    asked: &ReportSettings,
    comparison: &Comparison,
) -> anyhow::Result<()> {
    if let Some(band) = band(survey)? {
        writeln!(out, "{band}\n")?;
    }
    Ok(compare::text::write(out, comparison, asked)?)
}

/// Writes each table as CSV into a file of its own, NAME.csv, in a folder that is made where there is none.
pub fn write_files(directory: &Path, tables: &[Table]) -> anyhow::Result<()> {
    let named = |path: &Path| printable(&path.display().to_string());
    std::fs::create_dir_all(directory).with_context(|| named(directory))?;
    for table in tables {
        let path = directory.join(format!("{}.csv", table.name));
        let file = std::fs::File::create(&path).with_context(|| named(&path))?;
        let mut out = io::BufWriter::new(file);
        render::csv(&mut out, table).with_context(|| named(&path))?;
        out.flush().with_context(|| named(&path))?;
    }
    Ok(())
}

/// Cards of domains that a page holds.
const CARDS: usize = 100;

/// The cards of the domains that tables name, by domain.
fn named_cards(
    survey: &Survey,
    asked: &ReportSettings,
    tables: &[Table],
) -> rusqlite::Result<BTreeMap<String, Vec<String>>> {
    let mut cards = BTreeMap::new();
    for domain in tables.iter().flat_map(Table::domains) {
        if cards.len() == CARDS {
            break;
        }
        if !cards.contains_key(&domain)
            && let Some(card) = explain(survey, asked, &domain)?
        {
            cards.insert(domain, card);
        }
    }
    Ok(cards)
}
