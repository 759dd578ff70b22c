//! policy-fetch: which policy for TLS do these domains serve, and whom does it cover?

use std::process::ExitCode;

use clap::Parser;
use mx_survey::driver::{self, StageOptions, resume::Resume};
use mx_survey::program::{self, Program, RunStatus, Stream, asking::Asking};
use mx_survey::stages;
use mx_survey::stages::policy_fetch::{Fetching, StsSelect, manners::FetchOptions};
use mx_survey::store::earlier;

/// Fetch the MTA-STS policies of domains, and say which of their exchanges they cover
#[derive(Parser)]
#[command(name = "policy-fetch", after_help = EXAMPLES)]
struct Arguments {
    /// Fetch for domains without a record, too, and for those whose record could not be learned
    #[arg(long)]
    without_record: bool,
    #[command(flatten)]
    manners: FetchOptions,
    #[command(flatten)]
    asking: Asking,
    #[command(flatten)]
    stream: Stream,
}

const EXAMPLES: &str = "\
Examples:
  mx-lookup < domains | policy-lookup | policy-fetch > out.ndjson
  policy-fetch --without-record --resume part.ndjson < policies.ndjson > out.ndjson";

fn main() -> ExitCode {
    program::main("policy-fetch", run)
}

fn run(arguments: Arguments, program: &Program) -> anyhow::Result<RunStatus> {
    let Arguments {
        without_record,
        manners,
        asking,
        stream,
    } = arguments;
    let (resolver, servers) = stages::asking::resolver(&asking)?;
    let mut settings = asking.settings(servers);
    let store = manners.describe(&mut settings)?;
    let (resume, resumed) = Resume::open(&stream, program.name, &settings, earlier)?;
    let mut options = StageOptions::asking(program, &asking, &stream, settings, resumed)?;
    options.awaited = "policy records of policy-lookup";
    options.concurrency = program::open_files(program.name, asking.concurrency);
    let manners = match stream.shard {
        Some(shard) => manners.of_worker(shard),
        None => manners,
    };
    let fetcher = manners.fetcher(resolver, asking.timeout, store)?;
    driver::run(
        StsSelect { without_record },
        Fetching(fetcher),
        resume,
        options,
    )
}
