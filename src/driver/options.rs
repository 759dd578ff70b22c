//! How a stage is to run: from the options that stages share.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::net::pacing::PaceLimits;
use crate::net::shard::{Shard, ShardBy};
use crate::program::asking::Asking;
use crate::program::input::Source;
use crate::program::{PacingOptions, Program, Stream, needs_open_files, open_files, progress};

/// What is taken for granted of the servers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Assumed {
    /// The share that never answers, 0 to 1 (`--assume-dead`).
    pub dead: f64,
    /// How long one of those is waited for (`--connect-timeout`).
    pub patience: Duration,
    /// Connections to each server.
    pub samples: usize,
}

/// How a stage is to run.
#[derive(Clone, Debug)]
pub struct StageOptions {
    /// The program.
    pub program: Program,
    /// What is read.
    pub sources: Vec<Source>,
    /// What a terminal is told is awaited.
    pub awaited: &'static str,
    /// Settings that change a record, for the `run` line.
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// Where it runs, for the `run` line.
    pub vantage: Option<String>,
    /// Runs that `--resume` continues.
    pub resumed: Vec<String>,
    /// Observations at once.
    pub concurrency: usize,
    /// Targets that may wait; then reading stops.
    pub backlog: usize,
    /// Pace of connections.
    pub limits: PaceLimits,
    /// Which part of the subjects to work on.
    pub shard: Option<(Shard, ShardBy)>,
    /// Tries after a deferral.
    pub retries: u32,
    /// Pause before the first of them; doubles.
    pub retry_after: Duration,
    /// Nothing is begun: the targets are counted, and it is said what they would take (`--dry-run`).
    pub forecast: Option<Assumed>,
    /// Threads that observe; 1 runs everything on the driver's own.
    pub threads: usize,
    /// Progress on stderr.
    pub progress: progress::ProgressWhen,
    /// No warnings.
    pub quiet: bool,
}

impl StageOptions {
    /// Of a stage that connects to servers; lowers the concurrency, and says so, where the system cannot hold it.
    pub fn connecting(
        program: &Program,
        awaited: &'static str,
        manners: &PacingOptions,
        stream: &Stream,
        mut settings: Map<String, Value>,
        resumed: Vec<String>,
    ) -> Self {
        let mut limits = manners.limits();
        if let Some(shard) = stream.shard {
            limits = shard.limits(manners.shard_by, limits);
            settings.insert("shard".into(), shard.to_string().into());
            settings.insert("shard_by".into(), manners.shard_by.word().into());
        }
        Self {
            program: program.clone(),
            sources: stream.files.sources(),
            awaited,
            settings,
            vantage: stream.vantage.clone(),
            resumed,
            concurrency: open_files(program.name, manners.concurrency),
            backlog: manners.backlog,
            limits,
            shard: stream.shard.map(|shard| (shard, manners.shard_by)),
            retries: manners.retries,
            retry_after: manners.retry_after,
            forecast: None,
            threads: 1,
            progress: stream.when(),
            quiet: stream.quiet,
        }
    }

    /// Of a stage that asks the DNS.
    ///
    /// # Errors
    ///
    /// Where the system does not hold the sockets that a resolver's client opens.
    pub fn asking(
        program: &Program,
        asking: &Asking,
        stream: &Stream,
        mut settings: Map<String, Value>,
        resumed: Vec<String>,
    ) -> anyhow::Result<Self> {
        /// Over UDP and TCP together: names in flight do not each hold one.
        const SOCKETS: usize = 96;
        needs_open_files(SOCKETS)?;
        if let Some(shard) = stream.shard {
            settings.insert("shard".into(), shard.to_string().into());
        }
        Ok(Self {
            program: program.clone(),
            sources: stream.files.sources(),
            awaited: "domains, one a line",
            settings,
            vantage: stream.vantage.clone(),
            resumed,
            concurrency: asking.concurrency,
            backlog: asking.backlog,
            limits: PaceLimits::default(),
            shard: stream.shard.map(|shard| (shard, ShardBy::default())),
            retries: 0,
            retry_after: Duration::ZERO,
            forecast: None,
            threads: asking.threads(),
            progress: stream.when(),
            quiet: stream.quiet,
        })
    }
}
