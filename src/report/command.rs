//! What the program `report` does with its arguments.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use super::asked::{Named, ReportQuestion, ReportSettings};
use super::output::{self, OutputFormat};
use super::providers::Providers;
use super::published::Published;
use super::questions::worst;
use super::screen::screen;
use crate::judge::Rule;
use crate::judge::problem::Severity;
use crate::program::output::Stdout;
use crate::program::{self, Program, RunStatus, positive};

/// What is asked of every question.
#[derive(Args, Clone, Debug)]
pub struct QuestionOptions {
    /// How the servers of a domain are taken together: preferred, any or all
    #[arg(long, value_name = "RULE", default_value = "preferred")]
    pub rule: Rule,
    /// With --table problems or problem-codes, and --fail-on: of this domain alone (repeatable)
    #[arg(long, value_name = "DOMAIN")]
    pub domain: Vec<String>,
    /// With --table problems or problem-codes: notice, serious or critical, and what is worse
    #[arg(long, value_name = "SEVERITY", default_value = "notice", value_parser = severity)]
    pub severity: Severity,
    /// Rows of a top table
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = positive)]
    pub limit: usize,
    /// More rules for who runs an exchange: provider, role, suffix or labels, pattern, apart by tabs (repeatable)
    #[arg(long, value_name = "FILE")]
    pub providers: Vec<PathBuf>,
}

impl QuestionOptions {
    /// The same, with the providers read, beside the numbers that others published.
    ///
    /// # Errors
    ///
    /// A file of providers that cannot be read.
    pub fn settings(&self, published: &'static dyn Published) -> anyhow::Result<ReportSettings> {
        Ok(ReportSettings {
            rule: self.rule,
            limit: self.limit,
            domains: self.domain.clone(),
            severity: self.severity,
            providers: Providers::with_files(&self.providers).context("--providers")?,
            published,
        })
    }
}

/// The severity of a word, for an argument.
///
/// # Errors
///
/// The words that there are.
pub fn severity(word: &str) -> Result<Severity, String> {
    Severity::from_word(word).ok_or_else(|| "notice, serious or critical".to_owned())
}

/// What is to be answered, of which survey, and in which form.
pub struct Order<'a, C> {
    /// The database; without one, records on standard input.
    pub database: Option<&'a Path>,
    /// The questions that are named.
    pub named: &'a [Named],
    /// All questions that there are.
    pub catalogue: C,
    /// The questions of the study, where none is named.
    pub study: bool,
    /// Domains whose cards are wanted instead.
    pub cards: &'a [String],
    /// The form.
    pub format: OutputFormat,
    /// A directory for files of their own.
    pub directory: Option<&'a Path>,
    /// Whether a problem as bad as this one is told by the status.
    pub fail_on: Option<Severity>,
}

/// Names the questions on standard output.
///
/// # Errors
///
/// Those of writing.
pub fn list(
    catalogue: impl Iterator<Item = &'static ReportQuestion> + Clone,
) -> anyhow::Result<RunStatus> {
    let mut out = Stdout::open()?;
    output::list(&mut out, catalogue)?;
    out.flush()?;
    Ok(RunStatus::Complete)
}

/// Answers on standard output.
///
/// # Errors
///
/// A survey that cannot be read, a form that does not go with what is asked, and those of writing.
pub fn answer(
    order: Order<'_, impl Iterator<Item = &'static ReportQuestion>>,
    asked: ReportSettings,
    program: &Program,
) -> anyhow::Result<RunStatus> {
    let mut out = Stdout::open()?;
    if order.database.is_none() {
        program.drains();
        program::awaits(program.name, "records, one a line (NDJSON)");
    }
    let complain = &mut |text: &str| program.say(text);
    let format = order.format;
    if order.directory.is_some() && format != OutputFormat::Csv {
        anyhow::bail!("--into is for --format csv");
    }
    let (survey, mut is_whole) = output::open(order.database, complain)?;
    let is_screen = order.named.is_empty() && !order.study && format == OutputFormat::Text;
    if order.cards.is_empty() && is_screen {
        screen(&mut out, &survey, &asked, order.catalogue)?;
    } else if order.cards.is_empty() {
        let named: Option<Vec<&ReportQuestion>> = order.named.iter().map(one).collect();
        let (named, catalogue) = (named.unwrap_or_default(), order.catalogue);
        let tables = output::answers(&survey, &asked, &named, catalogue, order.study, format)?;
        match order.directory {
            Some(directory) => output::write_files(directory, &tables)?,
            None => output::write(&mut out, &survey, &asked, &tables, format)?,
        }
    } else {
        is_whole &= output::cards(&mut out, &survey, &asked, order.cards, format, complain)?;
    }
    out.flush()?;
    if let Some(severity) = order.fail_on {
        let asked = ReportSettings { severity, ..asked };
        if worst(&survey, &asked)?.is_some() {
            return Ok(RunStatus::Found);
        }
    }
    Ok(match is_whole {
        true => RunStatus::Complete,
        false => RunStatus::Partial,
    })
}

/// The one question that is named; none: all of them are.
fn one(named: &Named) -> Option<&'static ReportQuestion> {
    match named {
        Named::All => None,
        Named::One(question) => Some(*question),
    }
}
