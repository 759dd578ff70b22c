//! `report`: questions to a survey.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Parser;
use mx_survey::cli;
use mx_survey::ndjson::printable;
use mx_survey::report::output::{self, Format};
use mx_survey::report::questions::{Asked, QUESTIONS, Question, Shown, question};
use mx_survey::report::summary::Summary;
use mx_survey::report::survey::Survey;
use mx_survey::stage::Status;
use mx_survey::store::{RULES, Rule};

/// Answers questions about a survey: as text, as data, as charts, as one page.
#[derive(Parser)]
#[command(name = "report", after_help = EXAMPLES)]
struct Args {
    /// A database of to-sqlite; without it, the records themselves on standard input
    #[arg(value_name = "DB")]
    database: Option<PathBuf>,
    /// Answer this question alone (repeatable; --list names them)
    #[arg(long, short, value_name = "NAME", value_parser = named)]
    table: Vec<&'static Question>,
    /// Name the questions and end
    #[arg(long)]
    list: bool,
    /// The form of the answer
    #[arg(long, short, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// How the servers of a domain are taken together: preferred, any or all
    #[arg(long, value_name = "RULE", default_value = "preferred", value_parser = rule)]
    rule: Rule,
    /// Rows of a top table
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = cli::positive)]
    limit: usize,
}

const EXAMPLES: &str = "Examples:
  report out.db
  report out.db --format html > out.html
  report out.db --table tls-by-rank --format csv
  cat *.ndjson | report --table overview";

fn main() -> ExitCode {
    cli::main("report", run)
}

fn run(args: Args) -> anyhow::Result<Status> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    if args.list {
        return closed_is_fine(
            output::list(&mut out).and_then(|()| out.flush()),
            Status::Complete,
        );
    }
    let (survey, status) = survey(&args)?;
    let questions: Vec<&Question> = if args.table.is_empty() {
        let page = args.format == Format::Html;
        (QUESTIONS.iter())
            .filter(|it| it.shown == Shown::First || page && it.shown == Shown::Page)
            .collect()
    } else {
        args.table
    };
    let asked = Asked {
        rule: args.rule,
        limit: args.limit,
    };
    let mut tables = Vec::new();
    for question in questions {
        tables.push((question.answer)(&survey, &asked).context(question.name)?);
    }
    let summary = Summary::new(&survey, &asked).context("summary")?;
    let written =
        output::write(&mut out, &tables, args.format, &summary).and_then(|()| out.flush());
    closed_is_fine(written, status)
}

/// The survey in the database, or that on standard input.
fn survey(args: &Args) -> anyhow::Result<(Survey, Status)> {
    if let Some(path) = &args.database {
        let named = printable(&path.display().to_string());
        if !path.is_file() {
            bail!("{named}: no such database");
        }
        return Ok((Survey::open(path).context(named)?, Status::Complete));
    }
    cli::awaits("report", "records, one a line (NDJSON)");
    let (survey, whole) = output::load(io::stdin(), &mut |text| eprintln!("report: {text}"))?;
    Ok((
        survey,
        if whole {
            Status::Complete
        } else {
            Status::Partial
        },
    ))
}

/// Nobody reads on: not a failure.
fn closed_is_fine(written: io::Result<()>, status: Status) -> anyhow::Result<Status> {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("standard output")
        }
        _ => Ok(status),
    }
}

fn named(name: &str) -> Result<&'static Question, String> {
    question(name).ok_or_else(|| "no such question; --list names them".to_owned())
}

fn rule(word: &str) -> Result<Rule, String> {
    let found = RULES.into_iter().find(|rule| rule.word() == word);
    found.ok_or_else(|| "preferred, any or all".to_owned())
}
