//! `to-sqlite`: from the stream to one SQLite database.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;

use anyhow::Context as _;
use clap::Parser;
use mx_survey::ndjson::printable;
use mx_survey::program::input::{Files, Source};
use mx_survey::program::{self, Program, RunStatus, Telling};
use mx_survey::store::{self, CommitPace, Load, LoadSummary, SurveyWriter};

/// Writes the records of mx-lookup, smtp-probe, tls-inspect, leak-count and header-trace into an SQLite database.
#[derive(Parser)]
#[command(name = "to-sqlite", after_help = EXAMPLES)]
struct Args {
    /// The database; made where there is none, else added to
    #[arg(value_name = "DB")]
    database: PathBuf,
    #[command(flatten)]
    files: Files,
    /// Tell of certificates that end within so many days of their scan [default: 14]
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(0..=3650))]
    expiry_days: Option<u32>,
    /// What the survey is called, in your words; report shows it
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,
    #[command(flatten)]
    telling: Telling,
}

const EXAMPLES: &str = "Examples:
  cat domains | mx-lookup | smtp-probe | tls-inspect | to-sqlite out.db
  zcat part-*.ndjson.gz | to-sqlite out.db
  to-sqlite out.db part-*.ndjson
  sqlite3 -box out.db 'SELECT * FROM tls_of_domains'";

mx_survey::allocator!();

fn main() -> ExitCode {
    program::main("to-sqlite", run)
}

fn run(args: Args, program: &Program) -> anyhow::Result<RunStatus> {
    let named = printable(&args.database.display().to_string());
    if args.files.sources().iter().any(Source::is_typed) {
        program::awaits("to-sqlite", "records, one a line (NDJSON)");
    }
    let database = store::create(&args.database).with_context(|| named.clone())?;
    let mut writer = SurveyWriter::new(database);
    program.drains();
    let stop = AtomicBool::new(false);
    let kept = || format!("{named}: {KEPT}");
    let mut summary = load(&mut writer, &args, &stop).with_context(kept)?;
    let mut connection = writer.into_connection();
    store::expire_within(&connection, args.expiry_days).with_context(kept)?;
    store::set_label(&connection, args.label.as_deref()).with_context(|| named.clone())?;
    if !summary.stopped && !store::is_judged(&connection)? {
        summary.stopped = !store::judge(&mut connection, &stop).with_context(kept)?;
    }
    if !summary.stopped {
        store::index(&connection).with_context(kept)?;
    }
    let ports = store::query::servers_at_two_ports(&connection)?;
    if ports > 0 {
        program.say(&format!(
            "{named}: {ports} servers were seen at two ports: two surveys in one database, of which one is judged"
        ));
    }
    store::close(connection).with_context(|| named.clone())?;
    if !args.telling.quiet {
        program.say(&format!("{named}: {summary}"));
    }
    Ok(RunStatus::if_whole(summary.is_whole()))
}

/// True of the database after any failure.
const KEPT: &str = "what was committed before is there";

fn load(writer: &mut SurveyWriter, args: &Args, stop: &AtomicBool) -> anyhow::Result<LoadSummary> {
    let mut progress = args.telling.progress("to-sqlite");
    let summary = store::load(
        writer,
        args.files.sources(),
        Load {
            complain: &mut |text| program::say("to-sqlite", text),
            progress: &mut |summary| progress.show(summary.lines, || summary.to_string()),
            stop,
            pace: CommitPace::default(),
        },
    )?;
    // People are told at the end in any case.
    if progress.is_json() {
        progress.end(summary.lines, || summary.to_string());
    }
    Ok(summary)
}
