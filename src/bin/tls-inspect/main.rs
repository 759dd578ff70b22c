//! tls-inspect: what mail servers speak inside STARTTLS, and what their certificates are worth. See tls-inspect(1).

mod start;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use mx_survey::program::{self, PacingOptions, Stream, duration};
use mx_survey::smtp::helo::HeloName;
use mx_survey::stages::tls_inspect::options::Handshaking;

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
    /// Name to introduce ourselves by; it should resolve to this machine's address [default: its FQDN]
    #[arg(long, value_name = "NAME")]
    helo: Option<HeloName>,
    /// Judge the chains of `cert` and `tls` records on the input anew, without the network
    #[arg(long, conflicts_with_all = ["enumerate", "sni", "resume"])]
    regrade: bool,
    /// Time for a connection as a whole
    #[arg(long, value_name = "TIME", default_value = "180s", value_parser = duration)]
    timeout: Duration,
    /// Time for TCP to connect
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    connect_timeout: Duration,
    /// Time for the greeting; many servers delay it on purpose
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    banner_timeout: Duration,
    /// Time for each other reply
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    reply_timeout: Duration,
    #[command(flatten)]
    handshaking: Handshaking,
    #[command(flatten)]
    manners: PacingOptions,
    #[command(flatten)]
    stream: Stream,
}

fn main() -> ExitCode {
    program::main("tls-inspect", start::run)
}
