//! The options of `report`, and what is asked by them.

use std::path::PathBuf;

use clap::Parser;
use mx_survey::report::asked::{Named, ReportQuestion};
use mx_survey::report::options::AskedOptions;
use mx_survey::report::output::OutputFormat;
use mx_survey::study;

/// Answers questions about a survey: as text, as data, as charts, as one page.
#[derive(Parser)]
#[command(name = "report", after_help = EXAMPLES)]
pub struct Args {
    /// A database of to-sqlite; without it, the records themselves on standard input
    #[arg(value_name = "DB")]
    pub database: Option<PathBuf>,
    /// Answer this question alone (repeatable; --list names them); all: the chief ones
    #[arg(long, short, value_name = "NAME", value_parser = study::named)]
    pub table: Vec<Named>,
    /// The questions of the study of 2014: its numbers beside those of this survey
    #[arg(long, conflicts_with = "table")]
    pub study: bool,
    /// Name the questions and end
    #[arg(long)]
    pub list: bool,
    /// The card of a domain (or address of mail, or URL): what was learned, and the command that shows it again (repeatable)
    #[arg(long, value_name = "DOMAIN", conflicts_with_all = ["table", "study"])]
    pub explain: Vec<String>,
    /// What changed since an earlier survey
    #[arg(long, value_name = "DB", conflicts_with_all = ["study", "explain"])]
    pub since: Option<PathBuf>,
    /// Each measure over these surveys, in this order
    #[arg(long, value_name = "DB", num_args = 1.., conflicts_with_all = ["database", "table", "study", "explain", "since"])]
    pub series: Vec<PathBuf>,
    /// text, json, ndjson, csv, markdown, html (one page), svg (the chart of one question), nagios (one line) or prometheus
    #[arg(long, short, value_name = "FORMAT", default_value = "text")]
    pub format: OutputFormat,
    /// With --format csv: each table into a file of its own, DIR/NAME.csv
    #[arg(long, value_name = "DIR", conflicts_with = "explain")]
    pub into: Option<PathBuf>,
    #[command(flatten)]
    pub how: AskedOptions,
}

const EXAMPLES: &str = "Examples:
  report out.db
  report out.db --format html > out.html
  report out.db --table tls-by-rank --format csv
  report out.db --explain example.org
  report new.db --since old.db
  report --series jan.db feb.db mar.db
  report out.db --study --format html > study.html
  cat *.ndjson | report --table overview";

impl Args {
    /// The questions that are named. CSV is one table: what changed stands in one where none is named.
    pub fn questions(&self) -> Vec<&'static ReportQuestion> {
        let is_one =
            self.since.is_some() && self.format == OutputFormat::Csv && self.into.is_none();
        if self.table.is_empty() && is_one {
            return study::question("changes").into_iter().collect();
        }
        let one = |named: &Named| match named {
            Named::All => None,
            Named::One(question) => Some(*question),
        };
        let named: Option<Vec<&ReportQuestion>> = self.table.iter().map(one).collect();
        named.unwrap_or_default()
    }

    /// What does not go together, beside what the command line knows of.
    pub fn check(&self) -> anyhow::Result<()> {
        if self.into.is_some() && self.format != OutputFormat::Csv {
            anyhow::bail!("--into is for --format csv");
        }
        if self.how.fail_on.is_some_and(|it| it.only_new) && self.since.is_none() {
            anyhow::bail!("--fail-on: new since when? --since names an earlier survey");
        }
        let is_other = |named: &Named| !matches!(named, Named::One(it) if it.name == "problems");
        if self.how.tell.is_some() && self.table.iter().any(is_other) {
            anyhow::bail!("--tell is for --table problems");
        }
        Ok(())
    }
}
