//! In and out: a survey from a stream, tables in a format.

use std::io::{self, Read, Write};
use std::str::FromStr;
use std::sync::atomic::AtomicBool;

use serde_json::{Value, json};

use super::page::page;
use super::questions::QUESTIONS;
use super::render;
use super::summary::Summary;
use super::survey::Survey;
use super::table::Table;
use crate::store::{self, Load, Pace, Writer};

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
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
}

impl FromStr for Format {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        Ok(match word {
            "text" => Self::Text,
            "json" => Self::Json,
            "ndjson" => Self::Ndjson,
            "csv" => Self::Csv,
            "html" => Self::Html,
            "svg" => Self::Svg,
            _ => return Err("text, json, ndjson, csv, html or svg".to_owned()),
        })
    }
}

/// Loads a stream into a database that is gone afterwards; whether all of it was understood and whole.
pub fn load(
    input: impl Read + Send + 'static,
    complain: &mut dyn FnMut(&str),
) -> Result<(Survey, bool), store::Error> {
    let mut writer = Writer::new(store::temporary()?);
    let never = AtomicBool::new(false);
    let how = Load {
        complain,
        progress: &mut |_| {},
        stop: &never,
        pace: Pace::default(),
    };
    let summary = store::load(&mut writer, input, how)?;
    let mut connection = writer.into_connection();
    store::judge(&mut connection, &never)?;
    Ok((Survey::new(connection), summary.is_whole()))
}

/// Names the questions.
pub fn list(out: &mut dyn Write) -> io::Result<()> {
    let width = QUESTIONS.iter().map(|it| it.name.len()).max().unwrap_or(0);
    for question in QUESTIONS {
        writeln!(out, "{:width$}  {}", question.name, question.about)?;
    }
    Ok(())
}

/// Writes tables; `summary` is the head of a page.
pub fn write(
    out: &mut dyn Write,
    tables: &[Table],
    format: Format,
    summary: &Summary,
) -> io::Result<()> {
    match format {
        Format::Html => out.write_all(page(summary, tables).as_bytes()),
        Format::Svg => {
            let [table] = tables else {
                return Err(io::Error::other(
                    "svg is for one question: add --table NAME",
                ));
            };
            let Some(chart) = &table.chart else {
                return Err(io::Error::other(format!("{} has no chart", table.name)));
            };
            writeln!(out, "{}", chart.file(&table.title))
        }
        Format::Text => tables.iter().try_for_each(|table| render::text(out, table)),
        Format::Json => {
            let tables: Vec<Value> = tables.iter().map(render::json).collect();
            render::write_json(out, &json!({ "tables": tables }))
        }
        Format::Ndjson => tables
            .iter()
            .try_for_each(|table| render::ndjson(out, table)),
        Format::Csv => {
            for (at, table) in tables.iter().enumerate() {
                if at > 0 {
                    out.write_all(b"\r\n")?;
                }
                render::csv(out, table)?;
            }
            Ok(())
        }
    }
}
