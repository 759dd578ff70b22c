//! mx-survey: the pipe, run for somebody who wants an answer. See mx-survey(1).

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use mx_survey::pipeline::{HandedOn, subject, survey};
use mx_survey::program::{self, Program};

const EXAMPLES: &str = "Examples:
  mx-survey check example.org
  mx-survey check --print jo@example.org https://example.net/
  mx-survey run domains --out survey --helo probe.example.org";

/// Ask how a domain's mail travels, or survey lists of domains
///
/// It starts the programs mx-lookup, policy-lookup, policy-fetch, smtp-probe, to-sqlite and report, joined by pipes, and
/// does nothing that the line which --print shows would not do.
#[derive(Parser, Debug)]
#[command(name = "mx-survey", after_help = EXAMPLES)]
struct Options {
    #[command(subcommand)]
    task: Option<Task>,
}

#[derive(Subcommand, Debug)]
enum Task {
    /// Ask about some domains, and show what was learned of each
    Check {
        /// Domains, addresses of mail or URLs
        #[arg(required = true, value_name = "NAME", value_parser = subject::domain)]
        names: Vec<String>,
        /// The form of the answer: text or json
        #[arg(long, short, value_name = "FORMAT")]
        format: Option<String>,
        #[command(flatten)]
        how: How,
    },
    /// Survey lists into a folder: stream.ndjson, survey.db, index.html; called again, it goes on where it stopped
    Run {
        /// Lists of domains; standard input without one, or for -
        #[arg(value_name = "LIST")]
        lists: Vec<PathBuf>,
        /// The folder
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        #[command(flatten)]
        how: How,
    },
}

#[derive(clap::Args, Debug)]
struct How {
    /// Print the line to type, and run nothing
    #[arg(long)]
    print: bool,
    /// Show no progress
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    handed: HandedOn,
}

fn main() -> ExitCode {
    program::main("mx-survey", run)
}

fn run(options: Options, program: &Program) -> anyhow::Result<ExitCode> {
    let Some(task) = options.task else {
        anyhow::bail!("check or run? mx-survey --help says what they do");
    };
    match task {
        Task::Check { names, format, how } => {
            let form = format.map(|format| ["--format".to_owned(), format]);
            let form: Vec<String> = form.into_iter().flatten().collect();
            survey::check(&names, &how.handed, &form, how.print, how.quiet, program)
        }
        Task::Run { lists, out, how } => {
            survey::run(&lists, &out, &how.handed, how.print, how.quiet, program)
        }
    }
}
