//! mx-survey: the pipe, run for somebody who wants an answer. See mx-survey(1).

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use mx_survey::dns::subject;
use mx_survey::pipeline::options::{PipeOptions, SurveyOptions};
use mx_survey::pipeline::survey;
use mx_survey::pipeline::watch::{WatchOptions, watch};
use mx_survey::program::{self, Program};

const EXAMPLES: &str = "Examples:
  mx-survey check example.org
  mx-survey check --print jo@example.org https://example.net/
  mx-survey run domains --out survey --helo probe.example.org
  mx-survey watch domains --out surveys --fail-on critical,new";

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
        /// End with 3 where there is a problem that is at least as bad: notice, serious or critical
        #[arg(long, value_name = "SEVERITY")]
        fail_on: Option<String>,
        #[command(flatten)]
        how: PipeOptions,
    },
    /// Survey lists into a folder: stream.ndjson, survey.db, index.html; called again, it goes on where it stopped
    Run(SurveyOptions),
    /// Survey lists again: a dated database each time, and what changed since the last one in the folder
    Watch {
        #[command(flatten)]
        what: SurveyOptions,
        #[command(flatten)]
        then: WatchOptions,
    },
}

fn main() -> ExitCode {
    program::main("mx-survey", run)
}

fn run(options: Options, program: &Program) -> anyhow::Result<ExitCode> {
    let Some(task) = options.task else {
        anyhow::bail!("check, run or watch? mx-survey --help says what they do");
    };
    match task {
        Task::Check {
            names,
            format,
            fail_on,
            how,
        } => {
            let option = |name: &str, value: Option<String>| value.map(|it| [name.to_owned(), it]);
            let told = [option("--format", format), option("--fail-on", fail_on)];
            let told: Vec<String> = told.into_iter().flatten().flatten().collect();
            survey::check(&names, &how.handed, &told, how.print, how.quiet, program)
        }
        Task::Run(SurveyOptions { lists, out, how }) => {
            survey::run(&lists, &out, &how.handed, how.print, how.quiet, program)
        }
        Task::Watch { what, then } => watch(&what, &then, program),
    }
}
