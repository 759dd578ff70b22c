//! mx-lookup: who takes the mail of these domains?

use std::process::ExitCode;

use clap::Parser;
use mx_survey::dns::exchange::ExchangeQuestions;
use mx_survey::dns::list::{DomainList, DomainListFormat};
use mx_survey::dns::lookup::{MxLookup, MxSettings};
use mx_survey::driver::{self, StageOptions, resume::Resume};
use mx_survey::program::asking::Asking;
use mx_survey::program::{self, Program, RunStatus, Stream};

use mx_survey::stages;
use mx_survey::stages::mx_lookup::{MxObserve, MxSelect};
use mx_survey::store::earlier;

/// Look up who takes the mail of domains: MX, addresses of every exchange, DNSSEC, TLSA
#[derive(Parser)]
#[command(name = "mx-lookup", after_help = EXAMPLES)]
struct Arguments {
    /// Form of the list; NDJSON is passed on and looked up whatever its type, `domain` lines count as done
    #[arg(long, value_enum, default_value = "auto")]
    format: DomainListFormat,
    /// Name of the list, for its `listed` lines
    #[arg(long, value_name = "NAME", default_value = "input")]
    source: String,
    /// Added to the places in the list that stand in for ranks, where it is a part of another list
    #[arg(long, value_name = "N", default_value_t = 0)]
    rank_offset: u64,
    /// Ask for IPv4 addresses only
    #[arg(long, conflicts_with = "ipv6")]
    ipv4: bool,
    /// Ask for IPv6 addresses only
    #[arg(long)]
    ipv6: bool,
    /// Ask for TLSA records of port 25 (DANE, RFC 7672), where addresses are secure
    #[arg(long)]
    tlsa: bool,
    /// Keep the raw answer sections of the MX questions
    #[arg(long)]
    answers: bool,
    /// Exchanges that are remembered
    #[arg(long, value_name = "N", default_value_t = 250_000, value_parser = program::positive)]
    cache: usize,
    #[command(flatten)]
    asking: Asking,
    #[command(flatten)]
    stream: Stream,
}

const EXAMPLES: &str = "\
Examples:
  mx-lookup domains > mx.ndjson
  mx-lookup --source tranco --nameserver 127.0.0.1 < top-1m.csv | smtp-probe > smtp.ndjson
  zcat org.zone.gz | mx-lookup --format zone --source org --nameserver @resolvers
  mx-lookup --tlsa --resume part.ndjson < domains > out.ndjson";

mx_survey::allocator!();

fn main() -> ExitCode {
    program::main("mx-lookup", run)
}

fn run(arguments: Arguments, program: &Program) -> anyhow::Result<RunStatus> {
    let wanted = ExchangeQuestions {
        ipv4: !arguments.ipv6,
        ipv6: !arguments.ipv4,
        tlsa: arguments.tlsa,
    };
    let (resolver, servers) = stages::asking::resolver(&arguments.asking)?;
    let lookup = MxLookup::new(
        resolver,
        MxSettings {
            wanted,
            answers: arguments.answers,
            timeout: arguments.asking.timeout,
            cache: arguments.cache,
        },
    );
    let mut settings = arguments.asking.settings(servers);
    for (name, is_set) in [
        ("ipv4", wanted.ipv4),
        ("ipv6", wanted.ipv6),
        ("tlsa", wanted.tlsa),
    ] {
        settings.insert(name.into(), is_set.into());
    }
    let (resume, resumed) = Resume::open(&arguments.stream, program.name, &settings, earlier)?;
    let options = StageOptions::asking(
        program,
        &arguments.asking,
        &arguments.stream,
        settings,
        resumed,
    )?;
    let list = DomainList::new(arguments.format, arguments.rank_offset);
    let names = MxSelect::new(list, arguments.source);
    driver::run(names, MxObserve::new(lookup), resume, options)
}
