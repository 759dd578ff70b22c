//! `report`: questions to a survey.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;
use mx_survey::judge::Rule;
use mx_survey::judge::problem::Severity;
use mx_survey::program::output::Stdout;
use mx_survey::program::{self, Program, RunStatus};
use mx_survey::report::asked::{Named, ReportQuestion, ReportSettings};
use mx_survey::report::output::{self, OutputFormat};
use mx_survey::report::providers::Providers;
use mx_survey::report::questions::worst;
use mx_survey::report::screen::screen;
use mx_survey::study;

/// Answers questions about a survey: as text, as data, as charts, as one page.
#[derive(Parser)]
#[command(name = "report", after_help = EXAMPLES)]
struct Args {
    /// A database of to-sqlite; without it, the records themselves on standard input
    #[arg(value_name = "DB")]
    database: Option<PathBuf>,
    /// Answer this question alone (repeatable; --list names them); all: the chief ones
    #[arg(long, short, value_name = "NAME", value_parser = study::named)]
    table: Vec<Named>,
    /// The questions of the study of 2014: its numbers beside those of this survey
    #[arg(long, conflicts_with = "table")]
    study: bool,
    /// Name the questions and end
    #[arg(long)]
    list: bool,
    /// The card of a domain: what was learned, and the command that shows it again (repeatable)
    #[arg(long, value_name = "DOMAIN", conflicts_with_all = ["table", "study"])]
    explain: Vec<String>,
    /// The form of the answer: text, json, ndjson, csv, html (one page) or svg (the chart of one question)
    #[arg(long, short, value_name = "FORMAT", default_value = "text")]
    format: OutputFormat,
    /// With --format csv: each table into a file of its own, DIR/NAME.csv
    #[arg(long, value_name = "DIR", conflicts_with = "explain")]
    into: Option<PathBuf>,
    /// How the servers of a domain are taken together: preferred, any or all
    #[arg(long, value_name = "RULE", default_value = "preferred")]
    rule: Rule,
    /// With --table problems or problem-codes, and --fail-on: of this domain alone (repeatable)
    #[arg(long, value_name = "DOMAIN")]
    domain: Vec<String>,
    /// With --table problems or problem-codes: notice, serious or critical, and what is worse
    #[arg(long, value_name = "SEVERITY", default_value = "notice", value_parser = severity)]
    severity: Severity,
    /// End with 3 where there is a problem that is at least as bad (notice, serious or critical)
    #[arg(long, value_name = "SEVERITY", value_parser = severity)]
    fail_on: Option<Severity>,
    /// Rows of a top table
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = program::positive)]
    limit: usize,
    /// More rules for who runs an exchange: provider, role, suffix or labels, pattern, apart by tabs (repeatable)
    #[arg(long, value_name = "FILE")]
    providers: Vec<PathBuf>,
}

const EXAMPLES: &str = "Examples:
  report out.db
  report out.db --format html > out.html
  report out.db --table tls-by-rank --format csv
  report out.db --explain example.org
  report out.db --study --format html > study.html
  cat *.ndjson | report --table overview";

fn severity(word: &str) -> Result<Severity, String> {
    Severity::from_word(word).ok_or_else(|| "notice, serious or critical".to_owned())
}

fn main() -> ExitCode {
    program::main("report", run)
}

/// The one question that is named; none: all of them are.
fn one(named: &Named) -> Option<&'static ReportQuestion> {
    match named {
        Named::All => None,
        Named::One(question) => Some(*question),
    }
}

fn run(args: Args, program: &Program) -> anyhow::Result<RunStatus> {
    let mut out = Stdout::open()?;
    if args.list {
        output::list(&mut out, study::catalogue())?;
        out.flush()?;
        return Ok(RunStatus::Complete);
    }
    if args.database.is_none() {
        program.drains();
        program::awaits("report", "records, one a line (NDJSON)");
    }
    let asked = ReportSettings {
        rule: args.rule,
        limit: args.limit,
        domains: args.domain.clone(),
        severity: args.severity,
        providers: Providers::with_files(&args.providers).context("--providers")?,
        published: &study::Printed,
    };
    let complain = &mut |text: &str| program.say(text);
    if args.into.is_some() && args.format != OutputFormat::Csv {
        anyhow::bail!("--into is for --format csv");
    }
    let (survey, mut is_whole) = output::open(args.database.as_deref(), complain)?;
    let is_screen = args.table.is_empty() && !args.study && args.format == OutputFormat::Text;
    if args.explain.is_empty() && is_screen {
        screen(&mut out, &survey, &asked, study::catalogue())?;
    } else if args.explain.is_empty() {
        let named: Option<Vec<&ReportQuestion>> = args.table.iter().map(one).collect();
        let named = named.unwrap_or_default();
        let tables = output::answers(
            &survey,
            &asked,
            &named,
            study::catalogue(),
            args.study,
            args.format,
        )?;
        match &args.into {
            Some(directory) => output::write_files(directory, &tables)?,
            None => output::write(&mut out, &survey, &asked, &tables, args.format)?,
        }
    } else {
        let domains = &args.explain;
        is_whole &= output::cards(&mut out, &survey, &asked, domains, args.format, complain)?;
    }
    out.flush()?;
    if let Some(severity) = args.fail_on {
        let asked = ReportSettings { severity, ..asked };
        if worst(&survey, &asked)?.is_some() {
            return Ok(RunStatus::Found);
        }
    }
    Ok(if is_whole {
        RunStatus::Complete
    } else {
        RunStatus::Partial
    })
}
