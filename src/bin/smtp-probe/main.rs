//! smtp-probe: asks mail servers how they greet, what they offer and whether they take STARTTLS. See smtp-probe(1).

use std::process::ExitCode;

use clap::Parser;
use mx_survey::program;
use mx_survey::stages::smtp_probe::start::{Probing, run};
use mx_survey::store::earlier;

const EXAMPLES: &str = "Examples:
  mx-lookup < domains | smtp-probe --helo probe.example.org > servers.ndjson
  printf '192.0.2.1,mx.example.org\\n' | smtp-probe --helo probe.example.org --transcript
  mx-lookup < domains | smtp-probe --tls --helo probe.example.org > survey.ndjson
  smtp-probe --dry-run < domains.ndjson > /dev/null
  smtp-probe --resume part.ndjson --remeasure timeout < domains.ndjson > servers.ndjson";

/// Ask mail servers how they greet, what they offer, and whether they take STARTTLS
///
/// Reads `domain` records of mx-lookup, or lines `address[:port][,name]`, and writes an `smtp` record for each server.
#[derive(Parser, Debug)]
#[command(name = "smtp-probe", after_help = EXAMPLES)]
struct Args {
    #[command(flatten)]
    probing: Probing,
}

fn main() -> ExitCode {
    program::main("smtp-probe", |args: Args, program| {
        run(&args.probing, program, earlier)
    })
}
