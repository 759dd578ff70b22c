//! `leak-count`: lists of addresses as users for each mail domain.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clap::Parser;
use mx_survey::leak::{self, Watch};
use mx_survey::program::output::Stdout;
use mx_survey::program::progress::ReadingProgress;
use mx_survey::program::{self, Program, RunStatus, Telling};
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
    /// Where this runs, in your words, for the run's record
    #[arg(long, value_name = "LABEL")]
    vantage: Option<String>,
    #[command(flatten)]
    telling: Telling,
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
    let progress = Arc::new(Mutex::new(args.telling.progress("leak-count")));
    let show = |progress: &mut ReadingProgress, watch: &Watch, is_end: bool| {
        let done = watch.read();
        let text = || format!("{} MB read", done / 1_000_000);
        match is_end {
            true => progress.end(done, text),
            false => progress.show(done, text),
        }
    };
    let period = locked(&progress).period();
    if let Some(period) = period {
        let (watch, progress) = (watch.clone(), progress.clone());
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(period);
                show(&mut locked(&progress), &watch, false);
            }
        });
    }
    let out = Stdout::open()?;
    let (vantage, is_quiet) = (args.vantage.as_deref(), args.telling.quiet);
    let status = leak_count::write(&lists, args.counting, vantage, is_quiet, &watch, out)?;
    show(&mut locked(&progress), &watch, true);
    Ok(status)
}

/// A display whose thread panicked shows on.
fn locked(progress: &Mutex<ReadingProgress>) -> MutexGuard<'_, ReadingProgress> {
    progress.lock().unwrap_or_else(PoisonError::into_inner)
}
