//! mail-lab: a mail internet on loopback.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode, ExitStatus};

use anyhow::Context;
use clap::Parser;
use mx_survey::lab::internet::{Internet, Options};
use mx_survey::lab::{presets, worker};
use tokio::signal::unix::{SignalKind, signal};

/// Serve a world of DNS names and mail servers on loopback.
#[derive(Parser)]
#[command(version, after_help = EXAMPLES)]
struct Args {
    /// The world, NDJSON (mail-lab(1)); - for stdin
    #[arg(required_unless_present_any = ["behaviours", "worker"])]
    world: Option<PathBuf>,
    /// Runs with $MAIL_LAB_DNS, $MAIL_LAB_PORT and $MAIL_LAB_ROOTS; the world ends with it
    #[arg(last = true)]
    command: Vec<String>,
    /// Port of every mail server; 0 for a free one
    #[arg(long, default_value_t = 2525)]
    port: u16,
    /// Port of the DNS server on 127.0.0.1; 0 for a free one
    #[arg(long, default_value_t = 5300)]
    dns_port: u16,
    /// Seed of whatever is left to chance, such as losses
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Write what the servers saw, a line for each address, at the end
    #[arg(long, value_name = "FILE")]
    counters: Option<PathBuf>,
    /// List the named behaviours
    #[arg(long)]
    behaviours: bool,
    #[arg(long, hide = true)]
    worker: bool,
}

const EXAMPLES: &str = "\
Examples:
  mail-lab world.ndjson
  mail-lab --port 0 --dns-port 0 world.ndjson -- sh -c 'echo $MAIL_LAB_DNS'
  mail-lab --counters seen.ndjson world.ndjson -- ./survey.sh";

fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("mail-lab: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(args: Args) -> anyhow::Result<ExitCode> {
    let Some(world) = args.world else {
        if args.worker {
            worker::run()?;
        } else {
            list_behaviours()?;
        }
        return Ok(ExitCode::SUCCESS);
    };
    let options = Options {
        port: args.port,
        dns_port: args.dns_port,
        seed: args.seed,
    };
    let input: Box<dyn BufRead> = match world.to_str() {
        Some("-") => Box::new(io::stdin().lock()),
        _ => Box::new(BufReader::new(
            File::open(&world).with_context(|| world.display().to_string())?,
        )),
    };
    let internet = Internet::start(input, options).with_context(|| world.display().to_string())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let code = runtime.block_on(live(&internet, &args.command))?;
    internet.stop(args.counters.as_deref())?;
    Ok(code)
}

/// Runs the command to its end, or waits for a signal if there is none.
async fn live(internet: &Internet, command: &[String]) -> anyhow::Result<ExitCode> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let Some((program, arguments)) = command.split_first() else {
        announce(internet)?;
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        return Ok(ExitCode::SUCCESS);
    };
    let mut child = Command::new(program)
        .args(arguments)
        .envs(internet.environment())
        .spawn()
        .with_context(|| program.clone())?;
    let id = child.id().to_string();
    let ended = tokio::task::spawn_blocking(move || child.wait());
    tokio::pin!(ended);
    loop {
        tokio::select! {
            status = &mut ended => return Ok(exit_code(status??)),
            // Ctrl-C reaches the command by itself: it says when the end is.
            _ = interrupt.recv() => {}
            _ = terminate.recv() => { Command::new("kill").args(["-TERM", &id]).status()?; }
        }
    }
}

fn announce(internet: &Internet) -> io::Result<()> {
    let mut output = io::stdout().lock();
    for (variable, value) in internet.environment() {
        writeln!(output, "{variable}={value}")?;
    }
    output.flush()?;
    eprintln!(
        "mail-lab: {} names, {} listeners",
        internet.names, internet.listeners
    );
    Ok(())
}

/// The command's own status, or 128 and its signal, as a shell says it.
fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().or(status.signal().map(|signal| 128 + signal));
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(2))
}

fn list_behaviours() -> io::Result<()> {
    let mut output = io::stdout().lock();
    for preset in presets::PRESETS {
        writeln!(output, "{:16} {}", preset.name, preset.says)?;
    }
    output.flush()
}
