//! `header-trace`: what the Received fields of real mail say about how it went.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail, ensure};
use clap::Parser;
use mx_survey::program::runs::Runs;
use mx_survey::program::{self, Program, RunStatus, Telling};
use mx_survey::received::tracer::Tracer;
use mx_survey::received::walk::FileWalk;
use mx_survey::stages::header_trace::Trace;
use serde_json::{Map, json};

/// Reads messages and writes a `hop` record for each of their Received fields: from whom, to whom, and whether encrypted.
#[derive(Parser)]
#[command(name = "header-trace", after_help = EXAMPLES)]
struct Args {
    /// Messages, mboxes, Maildirs, directories of these, or NDJSON with `headers` or `message`; none or -: standard input
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// A domain whose servers are believed: hops below the one where mail came in to them are marked forgeable (repeatable)
    #[arg(long, value_name = "DOMAIN", value_parser = domain)]
    trusted_by: Vec<String>,
    /// Key the messages' ids with the contents of a file, so that published ones lead to no message
    #[arg(long, value_name = "FILE")]
    id_key: Option<PathBuf>,
    /// Where this runs, in your words, for the run's record
    #[arg(long, value_name = "LABEL")]
    vantage: Option<String>,
    #[command(flatten)]
    telling: Telling,
}

const EXAMPLES: &str = "Examples:
  header-trace < message.eml
  header-trace ~/Maildir archive.mbox | to-sqlite out.db && report out.db
  header-trace --trusted-by example.org mail/ | jq 'select(.trusted and .inter_organisation)'";

mx_survey::allocator!();

fn main() -> ExitCode {
    program::main("header-trace", run)
}

fn run(args: Args, program: &Program) -> anyhow::Result<RunStatus> {
    let key = args.id_key.map(key).transpose()?;
    let mut settings = Map::new();
    settings.insert("trusted_by".into(), json!(args.trusted_by));
    settings.insert("keyed".into(), json!(key.is_some()));
    let runs = Runs::start("header-trace", &settings, &[], args.vantage.as_deref());
    let tracer = Tracer::new(&runs.id, args.trusted_by, key);
    let progress = args.telling.progress("header-trace");
    let mut trace = Trace::new(program, runs, tracer, progress)?;
    let paths = if args.paths.is_empty() {
        vec!["-".into()]
    } else {
        args.paths
    };
    let status = trace
        .all(FileWalk::new(&paths))
        .context("standard output")?;
    match trace.foreign() {
        Some(what) => bail!("{what}"),
        None => Ok(status),
    }
}

fn key(path: PathBuf) -> anyhow::Result<Vec<u8>> {
    let named = || format!("--id-key {}", path.display());
    let key = fs::read(&path).with_context(named)?;
    // An editor's line feed is no part of a key.
    let key = key.trim_ascii_end().to_vec();
    ensure!(key.len() >= 16, "{}: a key has at least 16 bytes", named());
    Ok(key)
}

fn domain(text: &str) -> Result<String, String> {
    let name = text.strip_suffix('.').unwrap_or(text);
    let name = idna::domain_to_ascii(name).unwrap_or_default();
    let is_domain = name.contains('.') && name.split('.').all(|label| !label.is_empty());
    is_domain
        .then_some(name)
        .ok_or_else(|| "a domain name, such as example.org".into())
}
