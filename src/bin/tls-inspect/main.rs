//! tls-inspect: what mail servers speak inside STARTTLS, and what their certificates are worth. See tls-inspect(1).

use std::process::ExitCode;

use clap::Parser;
use mx_survey::program;
use mx_survey::stages::tls_inspect::start::{Inspecting, run};
use mx_survey::store::earlier;

const EXAMPLES: &str = "Examples:
  mx-lookup < domains | smtp-probe | tls-inspect > survey.ndjson
  tls-inspect --enumerate versions,ciphers,groups < servers.ndjson > deep.ndjson
  tls-inspect --roots mozilla --roots 2014=cacert.pem < servers.ndjson > survey.ndjson
  tls-inspect --regrade --roots 2014=cacert.pem < survey.ndjson > survey-2014.ndjson";

/// Find out what mail servers speak inside STARTTLS, and what their certificates are worth
///
/// Reads `smtp` records of smtp-probe and writes, for each server that accepted STARTTLS, a `tls` record, and before
/// it a `cert` record for each certificate that was not written yet.
#[derive(Parser, Debug)]
#[command(name = "tls-inspect", after_help = EXAMPLES)]
struct Args {
    #[command(flatten)]
    inspecting: Inspecting,
}

fn main() -> ExitCode {
    program::main("tls-inspect", |args: Args, program| {
        run(&args.inspecting, program, earlier)
    })
}
