//! `report`: questions to a survey.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use mx_survey::judge::problem::Severity;
use mx_survey::program::{self, Program, RunStatus};
use mx_survey::report::asked::Named;
use mx_survey::report::command::{self, Order, QuestionOptions, severity};
use mx_survey::report::output::OutputFormat;
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
    /// End with 3 where there is a problem that is at least as bad (notice, serious or critical)
    #[arg(long, value_name = "SEVERITY", value_parser = severity)]
    fail_on: Option<Severity>,
    #[command(flatten)]
    questions: QuestionOptions,
}

const EXAMPLES: &str = "Examples:
  report out.db
  report out.db --format html > out.html
  report out.db --table tls-by-rank --format csv
  report out.db --explain example.org
  report out.db --study --format html > study.html
  cat *.ndjson | report --table overview";

fn main() -> ExitCode {
    program::main("report", run)
}

fn run(args: Args, program: &Program) -> anyhow::Result<RunStatus> {
    if args.list {
        return command::list(study::catalogue());
    }
    let order = Order {
        database: args.database.as_deref(),
        named: &args.table,
        catalogue: study::catalogue(),
        study: args.study,
        cards: &args.explain,
        format: args.format,
        directory: args.into.as_deref(),
        fail_on: args.fail_on,
    };
    let settings = args.questions.settings(&study::Printed)?;
    command::answer(order, settings, program)
}
