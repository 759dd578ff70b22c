//! policy-lookup: what do these domains publish about their mail?

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;
use mx_survey::dns::list::{DomainList, DomainListFormat};
use mx_survey::driver::{self, StageOptions, resume::Resume};
use mx_survey::policy::selectors;
use mx_survey::program::asking::Asking;
use mx_survey::program::{self, Program, RunStatus, Stream};
use mx_survey::stages;
use mx_survey::stages::policy_lookup::{
    ClientOption, PolicyObserve, PolicyPart, PolicySelect, PolicySettings, SharedAnswers,
};
use mx_survey::store::earlier;

/// Look up what domains publish about their mail: SPF, DMARC, DKIM, MTA-STS, TLS-RPT, CAA, BIMI
#[derive(Parser)]
#[command(name = "policy-lookup", after_help = EXAMPLES)]
struct Arguments {
    /// Form of the list, where it is no NDJSON
    #[arg(long, value_enum, default_value = "auto")]
    format: DomainListFormat,
    /// Name of the list, for its `listed` lines
    #[arg(long, value_name = "NAME", default_value = "input")]
    source: String,
    /// Added to the places in the list that stand in for ranks, where it is a part of another list
    #[arg(long, value_name = "N", default_value_t = 0)]
    rank_offset: u64,
    /// Parts to ask for: spf, dmarc, dkim, mta_sts, tls_rpt, caa, bimi [default: all]
    #[arg(long, value_name = "PART,...", value_delimiter = ',', value_parser = PolicyPart::parse)]
    parts: Vec<PolicyPart>,
    /// Tell what SPF says of this client in every domain
    #[arg(long, value_name = "ADDRESS[,SENDER[,HELO]]")]
    spf_client: Option<ClientOption>,
    /// DKIM selectors to ask for beside those of the domain's operators, one a line
    #[arg(long, value_name = "FILE")]
    selectors: Option<PathBuf>,
    /// Answers that are remembered, and half a KiB for each of them in all
    #[arg(long, value_name = "N", default_value_t = 50_000, value_parser = program::positive)]
    cache: usize,
    #[command(flatten)]
    asking: Asking,
    #[command(flatten)]
    stream: Stream,
}

const EXAMPLES: &str = "\
Examples:
  policy-lookup < domains > policies.ndjson
  mx-lookup < domains | policy-lookup --nameserver 127.0.0.1 | smtp-probe > out.ndjson
  policy-lookup --parts spf,dmarc --resume part.ndjson < domains > out.ndjson
  echo example.org | policy-lookup --parts spf --spf-client 192.0.2.1,joe@example.org,mx.example.org";

mx_survey::allocator!();

fn main() -> ExitCode {
    program::main("policy-lookup", run)
}

fn run(arguments: Arguments, program: &Program) -> anyhow::Result<RunStatus> {
    let asking = &arguments.asking;
    let (resolver, servers) = stages::asking::resolver(asking)?;
    let wanted = PolicySettings {
        parts: match arguments.parts.is_empty() {
            true => PolicyPart::ALL.to_vec(),
            false => arguments.parts.clone(),
        },
        selectors: match &arguments.selectors {
            Some(path) => listed(path)?,
            None => Vec::new(),
        },
        client: arguments.spf_client.clone(),
    };
    let mut settings = asking.settings(servers);
    let parts: Vec<_> = wanted.parts.iter().map(|part| part.name()).collect();
    settings.insert("parts".into(), parts.into());
    settings.insert("selectors".into(), wanted.selectors.clone().into());
    let client = wanted.client.as_ref().map(|client| format!("{client:?}"));
    settings.insert("spf_client".into(), client.into());
    let (resume, resumed) = Resume::open(&arguments.stream, program.name, &settings, earlier)?;
    let options = StageOptions::asking(program, asking, &arguments.stream, settings, resumed)?;
    let shared = SharedAnswers::new(resolver, asking.timeout, arguments.cache);
    let names = PolicySelect::new(
        DomainList::new(arguments.format, arguments.rank_offset),
        arguments.source,
    );
    driver::run(names, PolicyObserve::new(shared, wanted), resume, options)
}

fn listed(path: &PathBuf) -> anyhow::Result<Vec<String>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    selectors::parse(&text).map_err(|why| anyhow::anyhow!("{}: {why}", path.display()))
}
