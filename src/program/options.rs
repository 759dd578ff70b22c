//! Options that stages share.

use std::fs::File;
use std::io::BufReader;
use std::net::{IpAddr, UdpSocket};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::input::Files;
use super::progress::{ProgressWhen, ReadingProgress};
use super::say::say;
use super::values::{duration, network, positive, rate, share};
use crate::net::Gate;
use crate::net::exclude::Exclusions;
use crate::net::pacing::PaceLimits;
use crate::net::range::Range;
use crate::net::shard::{Shard, ShardBy};
use crate::record::Reason;

/// The form of the progress display.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// For people.
    Text,
    /// A line of JSON every second.
    Json,
}

/// Options of every stage of the pipeline.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Stream")]
pub struct Stream {
    /// What is read.
    #[command(flatten)]
    pub files: Files,
    /// Answers of an earlier run (NDJSON, or a database of to-sqlite): what it answers finally is not measured again
    #[arg(long, value_name = "PATH")]
    pub resume: Option<PathBuf>,
    /// With --resume: measure these again too (reasons as in `outcome`, for example timeout,refused)
    #[arg(long, value_name = "REASON,…", value_delimiter = ',', value_parser = reason, requires = "resume")]
    pub remeasure: Vec<Reason>,
    /// With --resume: go on although the settings differ
    #[arg(long, requires = "resume")]
    pub force: bool,
    /// Work on one of N parts of the subjects, and send every line on: the same part wherever it runs
    #[arg(long, value_name = "I/N")]
    pub shard: Option<Shard>,
    /// Where this runs, in your words, for the run's record
    #[arg(long, value_name = "LABEL")]
    pub vantage: Option<String>,
    /// Show progress on stderr even where stdout is a pipe; json: a line of JSON every second and at the end
    #[arg(
        long,
        value_name = "FORM",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "text",
        conflicts_with = "quiet"
    )]
    pub progress: Option<Form>,
    /// Say nothing but errors
    #[arg(long, short)]
    pub quiet: bool,
}

impl Stream {
    /// When to show progress.
    pub fn when(&self) -> ProgressWhen {
        when(self.progress, self.quiet)
    }
}

fn when(progress: Option<Form>, is_quiet: bool) -> ProgressWhen {
    match (progress, is_quiet) {
        (Some(Form::Json), _) => ProgressWhen::Json,
        (Some(Form::Text), _) => ProgressWhen::Always,
        (None, true) => ProgressWhen::Never,
        (None, false) => ProgressWhen::Auto,
    }
}

/// What a program that measures nothing says while it reads.
#[derive(Args, Clone, Debug)]
pub struct Telling {
    /// Say every five seconds what is read, although stderr is no terminal; json: a line of JSON every second and at the end
    #[arg(
        long,
        value_name = "FORM",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "text",
        conflicts_with = "quiet"
    )]
    pub progress: Option<Form>,
    /// Say nothing but errors
    #[arg(long, short)]
    pub quiet: bool,
}

impl Telling {
    /// The display of `program`.
    pub fn progress(&self, program: &'static str) -> ReadingProgress {
        ReadingProgress::new(program, when(self.progress, self.quiet))
    }
}

fn reason(word: &str) -> Result<Reason, String> {
    Reason::from_word(word).ok_or_else(|| format!("one of {}", Reason::WORDS.join(", ")))
}

/// Options of every stage that connects to servers.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Manners")]
pub struct PacingOptions {
    /// Connections at once in all
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = positive)]
    pub concurrency: usize,
    /// Connections a second in all (loopback is exempt); 0: no limit
    #[arg(long, value_name = "N", default_value_t = 500.0, value_parser = rate)]
    pub rate: f64,
    /// Time between the beginnings of two connections to one address
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration)]
    pub spacing: Duration,
    /// Connections at once to one operator (the registered domain of the exchange)
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = positive)]
    pub per_operator: usize,
    /// Connections at once into one /24 or /48
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = positive)]
    pub per_prefix: usize,
    /// With --shard: what is kept with one worker, the /24 or /48, or all of an operator
    #[arg(long, value_name = "WHAT", default_value = "prefix", value_parser = shard_by())]
    pub shard_by: ShardBy,
    /// Targets that may wait for their turn; then reading stops
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = positive)]
    pub backlog: usize,
    /// Further tries after a 4xx reply
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub retries: u32,
    /// Time before the first further try; it doubles
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    pub retry_after: Duration,
    /// Say what it would cost and between which two times it would end, and send nothing
    #[arg(long)]
    pub dry_run: bool,
    /// With --dry-run: the share of servers that never answer, 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.1, value_parser = share)]
    pub assume_dead: f64,
    /// Open a special-purpose network, for example 127.0.0.0/8 (repeatable)
    #[arg(long, value_name = "CIDR", value_parser = network)]
    pub allow: Vec<Range>,
    /// Domains, exchanges, addresses and networks that are never probed, one a line (repeatable)
    #[arg(long, value_name = "FILE")]
    pub exclude: Vec<PathBuf>,
    /// Source address; several are used in turn (repeatable)
    #[arg(long, value_name = "ADDRESS")]
    pub bind: Vec<IpAddr>,
}

impl PacingOptions {
    /// Which servers may be connected to.
    pub fn gate(&self) -> anyhow::Result<Gate> {
        for &ip in &self.bind {
            UdpSocket::bind((ip, 0)).with_context(|| format!("--bind {ip}"))?;
        }
        Ok(Gate {
            allow: self.allow.clone(),
            exclude: exclusions(&self.exclude)?,
        })
    }

    /// The pace.
    pub fn limits(&self) -> PaceLimits {
        PaceLimits {
            per_operator: self.per_operator,
            per_prefix: self.per_prefix,
            spacing: self.spacing,
            rate: (self.rate > 0.0).then_some(self.rate),
            ..PaceLimits::default()
        }
    }
}

fn shard_by() -> impl TypedValueParser<Value = ShardBy> {
    PossibleValuesParser::new(["prefix", "operator"]).map(|word| match &*word {
        "operator" => ShardBy::Operator,
        _ => ShardBy::Prefix,
    })
}

/// Reads every list of `--exclude`.
pub fn exclusions(files: &[PathBuf]) -> anyhow::Result<Exclusions> {
    let mut all = Exclusions::default();
    for path in files {
        let named = || format!("--exclude {}", path.display());
        let file = File::open(path).with_context(named)?;
        all.extend(Exclusions::parse(BufReader::new(file)).with_context(named)?);
    }
    Ok(all)
}

/// What a program holds open beside its connections: standard streams, the runtime, a database, a resolver's sockets.
const OTHERS: u64 = 64;

/// The limit on open files, raised to the hard one.
fn limit() -> u64 {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) => limit,
        Err(_) => rlimit::getrlimit(rlimit::Resource::NOFILE).map_or(1024, |(soft, _)| soft),
    }
}

/// Raises the limit on open files to the hard one. With too few of them a program would fail halfway, or take its own want for the
/// world's.
///
/// # Errors
///
/// Where it leaves no room for `connections` beside what every program holds open.
pub fn needs_open_files(connections: usize) -> anyhow::Result<()> {
    let (limit, needed) = (limit(), OTHERS + connections as u64);
    anyhow::ensure!(
        limit >= needed,
        "{limit} open files are allowed here, and at least {needed} are needed (ulimit -n {needed})"
    );
    Ok(())
}

/// Raises the limit on open files to the hard one; how many of `wanted` connections it holds.
pub fn open_files(program: &str, wanted: usize) -> usize {
    let limit = limit();
    let room = usize::try_from(limit.saturating_sub(OTHERS))
        .unwrap_or(usize::MAX)
        .max(1);
    if wanted > room {
        say(
            program,
            &format!(
                "{limit} open files are allowed here (ulimit -n): --concurrency is {room}, not {wanted}"
            ),
        );
    }
    wanted.min(room)
}
