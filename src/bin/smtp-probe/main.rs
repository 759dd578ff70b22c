//! smtp-probe: asks mail servers how they greet, what they offer and whether they take STARTTLS. See smtp-probe(1).

mod start;

use std::net::IpAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use mx_survey::program::{self, PacingOptions, Stream, duration, positive};
use mx_survey::smtp::helo::HeloName;
use mx_survey::stages::tls_inspect::options::Handshaking;

const EXAMPLES: &str = "Examples:
  mx-lookup < domains | smtp-probe --helo probe.example.org > servers.ndjson
  printf '192.0.2.1,mx.example.org\\n' | smtp-probe --helo probe.example.org --transcript
  mx-lookup < domains | smtp-probe --tls --helo probe.example.org > survey.ndjson
  smtp-probe --dry-run < domains.ndjson > /dev/null
  smtp-probe --resume part.ndjson --remeasure timeout < domains.ndjson > servers.ndjson";

/// Ask mail servers how they greet, what they offer, and whether they take STARTTLS
///
/// Reads `domain` records of mx-lookup, or lines address[:port][,name], and writes an `smtp` record for each server.
#[derive(Parser, Debug)]
#[command(name = "smtp-probe", after_help = EXAMPLES)]
struct Args {
    /// Name to introduce ourselves by; it should resolve to this machine's address [default: its FQDN]
    #[arg(long, value_name = "NAME")]
    helo: Option<HeloName>,
    /// Port, where the input names none
    #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    /// When to send STARTTLS: even where it is not offered, or by RFC 3207
    #[arg(long, value_name = "WHEN", default_value = "always")]
    starttls: When,
    /// Connections to each address, spaced: servers behind one address may differ
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = positive)]
    samples: usize,
    /// Keep all that is said
    #[arg(long)]
    transcript: bool,
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
    /// Say what it would cost, and send nothing
    #[arg(long)]
    dry_run: bool,
    /// Go on where every connection times out, as behind a blocked port 25
    #[arg(long)]
    no_vantage_check: bool,
    /// A server that offers STARTTLS; stop at once if that does not come through
    #[arg(long, value_name = "HOST[:PORT]")]
    vantage_host: Option<String>,
    /// This machine's address as others see it; warn if the --helo name does not resolve to it
    #[arg(long, value_name = "ADDRESS")]
    public_address: Option<IpAddr>,
    /// Go on to TLS in the same connection, and write `tls` and `cert` records too, as tls-inspect does
    #[arg(long, conflicts_with_all = ["samples", "starttls"])]
    tls: bool,
    #[command(flatten)]
    handshaking: Handshaking,
    #[command(flatten)]
    manners: PacingOptions,
    #[command(flatten)]
    stream: Stream,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum When {
    Always,
    Advertised,
}

fn main() -> ExitCode {
    program::main("smtp-probe", start::run)
}
