//! mail-lab: a mail internet on loopback.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use mx_survey::lab::command;
use mx_survey::lab::generate::{self, ListName, Request, WorldKind, WorldTarget};
use mx_survey::lab::internet::LabOptions;
use mx_survey::program::{self, Program};

/// Serve a world of DNS names and mail servers on loopback, or make one.
#[derive(Parser)]
#[command(name = "mail-lab", after_help = EXAMPLES)]
struct Args {
    /// The world, NDJSON (mail-lab(1)); - for stdin
    #[arg(required_unless_present_any = ["behaviours", "generate", "worker"])]
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
    /// Seed of whatever is left to chance: losses, random worlds
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Write what the servers saw, a line for each address, at the end
    #[arg(long, value_name = "FILE")]
    counters: Option<PathBuf>,
    /// List the named behaviours and end
    #[arg(long)]
    behaviours: bool,
    /// Make a world and end: 2014-small, 2014-full, random or problems
    #[arg(long, value_name = "KIND", requires = "target")]
    generate: Option<WorldKind>,
    /// The directory of a made world
    #[arg(long, value_name = "DIR", group = "target")]
    out: Option<PathBuf>,
    /// Write nothing but this list of a made world, to standard output: adobe, gawker or sony
    #[arg(long, value_name = "NAME", group = "target")]
    list: Option<ListName>,
    /// Of so many lines of a made Adobe list, write one
    #[arg(long, value_name = "N", default_value_t = 100)]
    shorten: u64,
    /// Give the servers of 2014 the ciphers of then, as far as the first flight
    #[arg(long)]
    old_ciphers: bool,
    /// Domains of a random world
    #[arg(long, value_name = "N", default_value_t = 500)]
    domains: u64,
    #[arg(long, hide = true)]
    worker: bool,
}

const EXAMPLES: &str = "\
Examples:
  mail-lab world.ndjson
  mail-lab --port 0 --dns-port 0 world.ndjson -- sh -c 'echo $MAIL_LAB_DNS'
  mail-lab --counters seen.ndjson world.ndjson -- ./survey.sh
  mail-lab --generate 2014-small --out world";

fn main() -> ExitCode {
    program::main("mail-lab", run)
}

fn run(args: Args, program: &Program) -> anyhow::Result<ExitCode> {
    if args.worker {
        command::work(program)?;
    } else if args.behaviours {
        command::list_behaviours()?;
    } else if let Some(kind) = args.generate {
        let request = Request {
            kind,
            shorten: args.shorten,
            old_ciphers: args.old_ciphers,
            seed: args.seed,
            domains: args.domains,
        };
        let list = args.list.map(WorldTarget::List);
        let directory = args.out.as_deref().map(WorldTarget::Directory);
        let target = list.or(directory).context("--out or --list is needed")?;
        generate::generate(request, target)?;
    } else if let Some(world) = &args.world {
        let options = LabOptions {
            port: args.port,
            dns_port: args.dns_port,
            seed: args.seed,
        };
        let counters = args.counters.as_deref();
        return Ok(command::serve(world, options, &args.command, counters, &program.stop)?.into());
    }
    Ok(ExitCode::SUCCESS)
}
