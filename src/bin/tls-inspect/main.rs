//! tls-inspect: what mail servers speak inside STARTTLS, and what their certificates are worth. See tls-inspect(1).

mod start;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use mx_survey::program::{self, Manners, Stream, duration};
use mx_survey::smtp::helo::HeloName;
use mx_survey::stages::tls_inspect::Sni;
use time::OffsetDateTime;

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
    /// Store to judge chains by: PEM certificates, or `mozilla` for the embedded roots (repeatable) [default: mozilla]
    #[arg(long, value_name = "[NAME=]FILE")]
    roots: Vec<String>,
    /// Judge chains at this time, RFC 3339 or a date, instead of that of the scan
    #[arg(long, value_name = "TIME", value_parser = start::time)]
    at: Option<OffsetDateTime>,
    /// Count what a server speaks beyond what it chooses, on connections of their own, spaced
    #[arg(long, value_name = "WHAT,…", value_delimiter = ',')]
    enumerate: Vec<What>,
    /// Server name to send: that of the exchange, each name that leads to the address, or none
    #[arg(long, value_name = "WHICH", default_value = "exchange")]
    sni: Sni,
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
    /// Time for the TLS handshake
    #[arg(long, value_name = "TIME", default_value = "20s", value_parser = duration)]
    handshake_timeout: Duration,
    #[command(flatten)]
    manners: Manners,
    #[command(flatten)]
    stream: Stream,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    Versions,
    Ciphers,
    Groups,
}

fn main() -> ExitCode {
    program::main("tls-inspect", start::run)
}
