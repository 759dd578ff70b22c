//! Options of the stages that ask the DNS.

use std::num::NonZeroUsize;
use std::thread;
use std::time::Duration;

use clap::Args;
use serde_json::{Map, Value};

use super::values::{duration, milliseconds, positive, rate};

/// How the DNS is asked.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Asking")]
pub struct Asking {
    /// The name servers to ask; none: those of the system.
    #[arg(
        long,
        value_name = "SERVER",
        help = "Resolver: ADDRESS[:PORT], @FILE, tls://HOST or https://HOST/PATH (repeatable) [default: the system's]"
    )]
    pub nameserver: Vec<String>,
    /// Questions a second to each resolver; 0: no limit [default: 1000, on loopback no limit]
    #[arg(long, value_name = "N", value_parser = rate)]
    pub rate_per_server: Option<f64>,
    /// The resolvers validate (DNSSEC) and the way to them is safe: believe their AD bit, as that of one on loopback
    #[arg(long)]
    pub trust_ad: bool,
    /// Names looked up at once
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = positive)]
    pub concurrency: usize,
    /// Threads that ask [default: 2, or 1 where there is one core]
    #[arg(long, value_name = "N", value_parser = positive)]
    pub threads: Option<usize>,
    /// Names that may wait for their turn; then reading stops
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = positive)]
    pub backlog: usize,
    /// Time for a name, all its questions together
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    pub timeout: Duration,
    /// Time for a resolver before another is asked beside it
    #[arg(long, value_name = "TIME", default_value = "4s", value_parser = duration)]
    pub try_timeout: Duration,
    /// Tries for a question, over all resolvers
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = positive)]
    pub tries: usize,
}

/// The most threads that are of use: one reads and writes for all of them.
const MOST_THREADS: usize = 8;

impl Asking {
    /// Threads that ask.
    pub fn threads(&self) -> usize {
        let cores = || thread::available_parallelism().map_or(1, NonZeroUsize::get);
        self.threads
            .unwrap_or_else(|| cores().min(2))
            .min(MOST_THREADS)
    }

    /// What of this changes a record, for the `run` line; `servers` as they were found.
    pub fn settings(&self, servers: Vec<String>) -> Map<String, Value> {
        let mut settings = Map::new();
        settings.insert("nameservers".into(), servers.into());
        settings.insert("trust_ad".into(), self.trust_ad.into());
        settings.insert("timeout_ms".into(), milliseconds(self.timeout));
        settings.insert("try_timeout_ms".into(), milliseconds(self.try_timeout));
        settings.insert("tries".into(), self.tries.into());
        settings
    }
}
