//! `report`: questions to a survey.

mod options;
mod write;

use std::io::Write;
use std::process::ExitCode;
use std::rc::Rc;

use anyhow::Context as _;
use mx_survey::program::output::{Stdout, is_closed_stdout};
use mx_survey::program::{self, Program, RunStatus};
use mx_survey::report::compare::compare;
use mx_survey::report::nagios::{PluginOutput, nagios};
use mx_survey::report::output::{self, OutputFormat};
use mx_survey::report::series;
use mx_survey::study;
use options::Args;

mx_survey::allocator!();

fn main() -> ExitCode {
    program::main("report", run)
}

fn run(args: Args, program: &Program) -> anyhow::Result<ExitCode> {
    let answered = answer(&args, program);
    match answered {
        // A monitoring system reads what went wrong where it reads the rest.
        Err(error) if args.format == OutputFormat::Nagios && !is_closed_stdout(&error) => {
            told(&PluginOutput::unknown(&format!("{error:#}")))
        }
        answered => answered,
    }
}

/// Writes a line for a monitoring system, and ends as it says.
fn told(line: &PluginOutput) -> anyhow::Result<ExitCode> {
    let mut out = Stdout::open()?;
    writeln!(out, "{}", line.line)?;
    out.flush()?;
    Ok(ExitCode::from(line.status.code()))
}

fn answer(args: &Args, program: &Program) -> anyhow::Result<ExitCode> {
    args.check()?;
    let mut out = Stdout::open()?;
    let complain = &mut |text: &str| program.say(text);
    if args.list {
        output::list(&mut out, study::catalogue())?;
        return Ok(RunStatus::Complete.into());
    }
    let (mut asked, mut is_whole) = args.how.asked(&study::Printed, complain)?;
    if !args.series.is_empty() {
        series::write(&mut out, &args.series, &asked, args.format)?;
        out.flush()?;
        return Ok(RunStatus::Complete.into());
    }
    if args.database.is_none() {
        program.drains();
        program::awaits("report", "records, one a line (NDJSON)");
    }
    let (survey, is_read) = output::open(args.database.as_deref(), complain)?;
    is_whole &= is_read;
    if let Some(path) = &args.since {
        let (old, _) = output::open(Some(path), complain).context("--since")?;
        let comparison = compare(&old, &survey, asked.compare_by()).context("--since")?;
        asked.since = Some(Rc::new(comparison));
    }
    if args.format == OutputFormat::Nagios {
        return told(&nagios(&survey, &asked, args.how.fail_on)?);
    }
    is_whole &= write::write(&mut out, args, &survey, &asked, complain)?;
    out.flush()?;
    let fails = match args.how.fail_on {
        Some(fail_on) => fail_on.is_met(&survey, &asked)?,
        None => false,
    };
    Ok(match fails {
        true => RunStatus::Found.into(),
        false => RunStatus::if_whole(is_whole).into(),
    })
}
