//! `leak-count`: lists of addresses as users for each mail domain.

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use mx_survey::leak::{self, Watch};
use mx_survey::program::output::Stdout;
use mx_survey::program::{self, Program, RunStatus};
use mx_survey::stages::leak_count::{self, Counting};

/// Counts the users of each mail domain in lists of addresses, as `listed` records. No address, password or line of a list
/// ever leaves it.
#[derive(Parser)]
#[command(name = "leak-count", after_help = EXAMPLES)]
struct Args {
    /// Lists; none, or -, is standard input
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Count all files as one list of this name (else each file is a list, named as the file without its ending)
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    #[command(flatten)]
    counting: Counting,
    /// Say every five seconds how much is read, although stderr is no terminal
    #[arg(long, conflicts_with = "quiet")]
    progress: bool,
    /// Say nothing but errors
    #[arg(long, short)]
    quiet: bool,
}

const EXAMPLES: &str = "Examples:
  leak-count adobe.txt > shares.json
  zstdcat dump.zst | leak-count --source dump --min-users 10 > shares.json
  leak-count --format csv --column user_email users.csv | mx-lookup | to-sqlite out.db
  leak-count --source all --unique --aliases typos.txt part-*.txt > shares.json";

fn main() -> ExitCode {
    program::main("leak-count", run)
}

fn run(args: Args, program: &Program) -> anyhow::Result<RunStatus> {
    let lists = leak::lists(&args.files, args.source.as_deref())?;
    if args.files.is_empty() {
        program::awaits("leak-count", "addresses");
    }
    let watch = Arc::new(Watch::default());
    let stop = watch.clone();
    program.stop.then(move || stop.stop());
    if args.progress || (!args.quiet && io::stderr().is_terminal()) {
        let watch = watch.clone();
        std::thread::spawn(move || show(&watch));
    }
    let out = Stdout::open()?;
    leak_count::write(&lists, args.counting, args.quiet, &watch, out)
}

fn show(watch: &Watch) -> ! {
    loop {
        std::thread::park_timeout(Duration::from_secs(5));
        program::say(
            "leak-count",
            &format!("{} MB read", watch.read() / 1_000_000),
        );
    }
}
