//! What the programs share at the command line: options, their forms, and the one place where results become exit
//! codes.

pub mod asking;

use std::fs::File;
use std::io::{self, BufReader, Read as _};
use std::net::{IpAddr, UdpSocket};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser};
use ipnet::IpNet;
use serde_json::{Map, Value};

use crate::ndjson::printable;
use crate::net::Gate;
use crate::net::exclude::Exclusions;
use crate::net::pacing::Limits;
use crate::record::{Reason, Run};
use crate::stage::progress::When;
use crate::stage::resume::{Earlier, Key, Ndjson, Resume};
use crate::stage::{Options, Status};
use crate::store::Lookup;

/// Runs a program: arguments, completions, the result as an exit code. 0 all done, 1 some input was not understood
/// or was cut, 2 could not start or finish.
pub fn main<A: Parser, S: Into<ExitCode>>(
    program: &'static str,
    run: impl FnOnce(A) -> anyhow::Result<S>,
) -> ExitCode {
    let command = command::<A>();
    let mut matches = match command.clone().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => refuse(&command, program, &error),
    };
    if let Some(&shell) = matches.get_one::<clap_complete::Shell>("completions") {
        return completions(command, program, shell);
    }
    let result = A::from_arg_matches_mut(&mut matches)
        .map_err(anyhow::Error::from)
        .and_then(run);
    match result {
        Ok(status) => status.into(),
        // A reader that has seen enough is no failure.
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{program}: {}", printable(&format!("{error:#}")));
            ExitCode::from(2)
        }
    }
}

/// Says what is wrong with the arguments; a file named to a program that has none is the commonest fault.
fn refuse(command: &clap::Command, program: &str, error: &clap::Error) -> ! {
    use clap::error::{ContextKind, ContextValue, ErrorKind};
    if let (ErrorKind::UnknownArgument, Some(ContextValue::String(word))) =
        (error.kind(), error.get(ContextKind::InvalidArg))
        && !word.starts_with('-')
        && command.get_positionals().next().is_none()
    {
        eprintln!(
            "{program}: it reads standard input: {program} < {}",
            printable(word)
        );
        std::process::exit(2);
    }
    error.exit()
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let kind = |error: &(dyn std::error::Error + 'static)| {
        error.downcast_ref::<io::Error>().map(io::Error::kind)
    };
    error
        .chain()
        .any(|error| kind(error) == Some(io::ErrorKind::BrokenPipe))
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        match status {
            Status::Complete => Self::SUCCESS,
            Status::Partial => Self::from(1),
        }
    }
}

/// The command line of a program.
pub fn command<A: Parser>() -> clap::Command {
    let styles = Styles::styled()
        .header(AnsiColor::Green.on_default().bold())
        .literal(AnsiColor::Cyan.on_default());
    let completions = clap::Arg::new("completions")
        .long("completions")
        .value_name("SHELL")
        .value_parser(clap::value_parser!(clap_complete::Shell))
        .exclusive(true)
        .help("Print completions for a shell and end");
    A::command()
        .version(env!("CARGO_PKG_VERSION"))
        .styles(styles)
        .arg(completions)
        .max_term_width(100)
}

fn completions(mut command: clap::Command, program: &str, shell: clap_complete::Shell) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, program, &mut script);
    match io::Write::write_all(&mut io::stdout(), &script) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => ExitCode::from(2),
        _ => ExitCode::SUCCESS,
    }
}

// --- options of every stage -----------------------------------------------------------------------------------

/// Options of every stage of the pipeline.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Stream")]
pub struct Stream {
    /// Answers of an earlier run (NDJSON, or a database of to-sqlite): what it answers finally is not measured again
    #[arg(long, value_name = "PATH")]
    pub resume: Option<PathBuf>,
    /// With --resume: measure these again too (reasons as in `outcome`, for example timeout,refused)
    #[arg(long, value_name = "REASON,…", value_delimiter = ',', value_parser = reason, requires = "resume")]
    pub remeasure: Vec<Reason>,
    /// With --resume: go on although the settings differ
    #[arg(long, requires = "resume")]
    pub force: bool,
    /// Show progress on stderr even where stdout is a pipe
    #[arg(long, conflicts_with = "quiet")]
    pub progress: bool,
    /// Say nothing but errors
    #[arg(long, short)]
    pub quiet: bool,
}

impl Stream {
    /// When to show progress.
    pub fn when(&self) -> When {
        match (self.progress, self.quiet) {
            (true, _) => When::Always,
            (_, true) => When::Never,
            _ => When::Auto,
        }
    }

    /// The earlier run, checked to fit, and the runs of `stage` in it.
    pub fn resume(
        &self,
        stage: &str,
        settings: &Map<String, Value>,
    ) -> anyhow::Result<(Option<Resume>, Vec<String>)> {
        let Some(path) = &self.resume else {
            return Ok((None, Vec::new()));
        };
        refuse_own_output(path)?;
        let earlier = earlier(path).with_context(|| format!("--resume {}", path.display()))?;
        if !earlier.is_of_a_run() {
            bail!(
                "--resume {}: no run in it, so it is no output of an earlier one",
                path.display()
            );
        }
        let mut resume = Resume::new(earlier, self.remeasure.clone());
        let nothing = Map::new();
        let runs = resume.check(stage, if self.force { &nothing } else { settings })?;
        Ok((Some(resume), runs))
    }
}

/// Reading what one writes would never end.
fn refuse_own_output(path: &Path) -> anyhow::Result<()> {
    let stdout = File::from(io::stdout().as_fd().try_clone_to_owned()?).metadata()?;
    let file = path
        .metadata()
        .with_context(|| format!("--resume {}", path.display()))?;
    if (stdout.dev(), stdout.ino()) == (file.dev(), file.ino()) && file.is_file() {
        bail!(
            "--resume {} is this program's own output; rename it first",
            path.display()
        );
    }
    Ok(())
}

fn earlier(path: &Path) -> anyhow::Result<Box<dyn Earlier>> {
    let mut head = Vec::new();
    File::open(path)?.take(16).read_to_end(&mut head)?;
    if Lookup::is_database(&head) {
        return Ok(Box::new(Survey(Lookup::open(path)?)));
    }
    Ok(Box::new(Ndjson::open(path)?))
}

/// A database as an earlier run.
struct Survey(Lookup);

impl Earlier for Survey {
    fn line(&mut self, key: Key<'_>) -> anyhow::Result<Option<Vec<u8>>> {
        Ok(match key {
            Key::Domain(domain) => self.0.domain(domain),
            Key::Smtp(ip, port) => self.0.smtp(ip, port),
            Key::Tls(ip, port, name) => self.0.tls(ip, port, name),
            Key::Cert(sha256) => self.0.cert(sha256),
        }?)
    }

    fn is_of_a_run(&self) -> bool {
        true
    }

    fn starts(&mut self, stage: &str) -> anyhow::Result<Vec<Run>> {
        let lines = self.0.starts(stage)?;
        Ok(lines
            .iter()
            .filter_map(|line| serde_json::from_slice(line).ok())
            .collect())
    }
}

fn reason(word: &str) -> Result<Reason, String> {
    Reason::from_word(word).ok_or_else(|| format!("one of {}", Reason::WORDS.join(", ")))
}

// --- options of the stages that connect -----------------------------------------------------------------------

/// Options of every stage that connects to servers.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Manners")]
pub struct Manners {
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
    /// Targets that may wait for their turn; then reading stops
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = positive)]
    pub backlog: usize,
    /// Further tries after a 4xx reply
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub retries: u32,
    /// Time before the first further try; it doubles
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    pub retry_after: Duration,
    /// Open a special-purpose network, for example 127.0.0.0/8 (repeatable)
    #[arg(long, value_name = "CIDR", value_parser = network)]
    pub allow: Vec<IpNet>,
    /// Domains, exchanges, addresses and networks that are never probed, one a line (repeatable)
    #[arg(long, value_name = "FILE")]
    pub exclude: Vec<PathBuf>,
    /// Source address; several are used in turn (repeatable)
    #[arg(long, value_name = "ADDRESS")]
    pub bind: Vec<IpAddr>,
}

impl Manners {
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
    pub fn limits(&self) -> Limits {
        Limits {
            per_operator: self.per_operator,
            per_prefix: self.per_prefix,
            spacing: self.spacing,
            rate: (self.rate > 0.0).then_some(self.rate),
        }
    }

    /// The driver's options; lowers the concurrency, and says so, where the system cannot hold it.
    pub fn options(
        &self,
        stage: &'static str,
        awaited: &'static str,
        stream: &Stream,
        settings: Map<String, Value>,
        resumed: Vec<String>,
    ) -> Options {
        Options {
            stage,
            awaited,
            settings,
            resumed,
            concurrency: open_files(stage, self.concurrency),
            backlog: self.backlog,
            limits: self.limits(),
            retries: self.retries,
            retry_after: self.retry_after,
            threads: 1,
            progress: stream.when(),
            quiet: stream.quiet,
        }
    }
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

/// Raises the limit on open files to the hard one; how many of `wanted` connections it holds.
pub fn open_files(program: &str, wanted: usize) -> usize {
    /// Standard streams, the runtime, a database, a resolver's sockets.
    const OTHERS: u64 = 64;
    let limit = match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) => limit,
        Err(_) => rlimit::getrlimit(rlimit::Resource::NOFILE).map_or(1024, |(soft, _)| soft),
    };
    let room = usize::try_from(limit.saturating_sub(OTHERS))
        .unwrap_or(usize::MAX)
        .max(1);
    if wanted > room {
        eprintln!(
            "{program}: {limit} open files are allowed here (ulimit -n): --concurrency is {room}, not {wanted}"
        );
    }
    wanted.min(room)
}

// --- programs that are no stage of the network ----------------------------------------------------------------

/// Tells a terminal on standard input what is awaited there.
pub fn awaits(program: &str, awaited: &str) {
    if io::IsTerminal::is_terminal(&io::stdin()) {
        eprintln!("{program}: reading {awaited} from the terminal; end with Ctrl-D");
    }
}

/// Calls `then` on a thread of its own at each SIGINT and SIGTERM, which do not end the program any more.
pub fn on_signal(then: impl Fn() + Send + 'static) -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let (mut interrupt, mut terminate) = {
        let _inside = runtime.enter();
        (
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
        )
    };
    std::thread::spawn(move || {
        runtime.block_on(async {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => then(),
                    _ = terminate.recv() => then(),
                }
            }
        });
    });
    Ok(())
}

// --- forms of values ------------------------------------------------------------------------------------------

/// `10s`, `500ms`, `2m`, `1h`, or seconds as a bare number.
pub fn duration(text: &str) -> Result<Duration, String> {
    let unit = text
        .find(|character: char| character.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(unit);
    let scale = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err("a time, such as 10s, 500ms or 2m".into()),
    };
    let seconds = number
        .parse::<f64>()
        .map_err(|_| "a time, such as 10s, 500ms or 2m")?
        * scale;
    if (0.0..=86400.0).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err("a time from 0 to 24h".into())
    }
}

/// A duration for a `run` line, milliseconds.
pub fn milliseconds(time: Duration) -> Value {
    Value::from(time.as_millis() as u64)
}

fn network(text: &str) -> Result<IpNet, String> {
    (text.parse().ok())
        .or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
        .ok_or_else(|| "a network, such as 127.0.0.0/8".into())
}

/// A whole number from 1.
pub fn positive(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|&number| number > 0)
        .ok_or_else(|| "a whole number from 1".into())
}

fn rate(text: &str) -> Result<f64, String> {
    (text.parse::<f64>().ok())
        .filter(|rate| *rate == 0.0 || (0.001..=1e9).contains(rate))
        .ok_or_else(|| "connections a second, or 0 for no limit".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_and_without_a_unit() {
        for (text, milliseconds) in [
            ("10", 10_000),
            ("1.5s", 1500),
            ("500ms", 500),
            ("2m", 120_000),
            ("0", 0),
        ] {
            assert_eq!(
                duration(text).map(|time| time.as_millis()),
                Ok(milliseconds),
                "{text}"
            );
        }
        for text in ["", "s", "-1s", "1x", "nan", "25h", "inf"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
