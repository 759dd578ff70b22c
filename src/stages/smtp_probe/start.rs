//! smtp-probe from its options to its end.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

use super::{SmtpObserve, SmtpSelect};
use crate::driver::options::Assumed;
use crate::driver::resume::{OpenDatabase, Resume};
use crate::driver::{self, StageOptions};
use crate::program::{PacingOptions, Program, RunStatus, Stream, positive, say};
use crate::smtp::helo::HeloName;
use crate::smtp::probe::{Ask, Prober};
use crate::smtp::vantage::{Vantage, stripped};
use crate::stages::conversing::Conversing;
use crate::stages::tls_inspect::options::Handshaking;
use crate::stages::tls_inspect::{Examiner, Sni};
use crate::tls::contact::Contact;

const STAGE: &str = "smtp-probe";
const AWAITED: &str = "domain records, or lines address[:port][,name],";

/// The options of smtp-probe.
#[derive(Args, Clone, Debug)]
pub struct Probing {
    /// How to converse.
    #[command(flatten)]
    pub conversing: Conversing,
    /// Port, where the input names none
    #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(u16).range(1..))]
    pub port: u16,
    /// When to send STARTTLS: even where it is not offered, or by RFC 3207
    #[arg(long, value_name = "WHEN", default_value = "always")]
    pub starttls: StarttlsUse,
    /// Connections to each address, spaced: servers behind one address may differ
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = positive)]
    pub samples: usize,
    /// Keep all that is said
    #[arg(long)]
    pub transcript: bool,
    /// Go on where every connection times out, as behind a blocked port 25
    #[arg(long)]
    pub no_vantage_check: bool,
    /// A server that offers STARTTLS; stop at once if that does not come through
    #[arg(long, value_name = "HOST[:PORT]")]
    pub vantage_host: Option<String>,
    /// This machine's address as others see it; warn if the --helo name does not resolve to it
    #[arg(long, value_name = "ADDRESS")]
    pub public_address: Option<IpAddr>,
    /// Go on to TLS in the same connection, and write `tls` and `cert` records too, as tls-inspect does
    #[arg(long, conflicts_with_all = ["samples", "starttls"])]
    pub tls: bool,
    /// How to make a handshake.
    #[command(flatten)]
    pub handshaking: Handshaking,
    /// How to treat servers.
    #[command(flatten)]
    pub manners: PacingOptions,
    /// How to treat the stream.
    #[command(flatten)]
    pub stream: Stream,
}

/// When STARTTLS is sent.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum StarttlsUse {
    /// Even where it is not offered.
    Always,
    /// Where it is offered, as RFC 3207 wants it.
    Advertised,
}

/// Runs the stage to its end. `database` opens what `--resume` names where that is no NDJSON.
///
/// # Errors
///
/// What kept it from starting or from its end.
pub fn run(args: &Probing, program: &Program, database: OpenDatabase) -> anyhow::Result<RunStatus> {
    let prober = prober(args)?;
    let mut settings = settings(args, &prober);
    if !args.manners.dry_run {
        check_name(args, &prober, &mut settings);
        check_vantage_host(args, &prober, &mut settings)?;
    }
    let examiner = examiner(args, &mut settings)?;
    let (resume, resumed) = Resume::open(&args.stream, STAGE, &settings, database)?;
    let manners = &args.manners;
    let mut options =
        StageOptions::connecting(program, AWAITED, manners, &args.stream, settings, resumed);
    options.forecast = manners.dry_run.then_some(Assumed {
        dead: manners.assume_dead,
        patience: args.conversing.connect_timeout,
        samples: args.samples,
    });
    let asker = SmtpObserve {
        prober: Arc::new(prober),
        samples: args.samples,
        vantage: Arc::new(Vantage::new(!args.no_vantage_check)),
        examiner,
        sni: args.handshaking.sni,
    };
    let selection = SmtpSelect::new(args.port, asker.clone());
    driver::run(selection, asker, resume, options)
}

fn prober(args: &Probing) -> anyhow::Result<Prober> {
    let conversing = &args.conversing;
    Ok(Prober {
        connector: conversing.connector(&args.manners)?,
        helo: match args.manners.dry_run && conversing.helo.is_none() {
            // Nobody hears it.
            true => HeloName::nobody(),
            false => conversing.helo_name()?,
        },
        patience: conversing.patience(),
        session: conversing.timeout,
        ask: match args.starttls {
            StarttlsUse::Always => Ask::Always,
            StarttlsUse::Advertised => Ask::Advertised,
        },
        keeps_transcript: args.transcript,
    })
}

/// `--tls`: who goes on to TLS; what of that changes a record goes into `settings`.
fn examiner(args: &Probing, settings: &mut Map<String, Value>) -> anyhow::Result<Option<Examiner>> {
    let handshaking = &args.handshaking;
    if !args.tls {
        let is_plain = handshaking.roots.is_empty()
            && handshaking.at.is_none()
            && handshaking.enumerate.is_empty();
        anyhow::ensure!(is_plain, "--roots, --at and --enumerate go with --tls");
        return Ok(None);
    }
    if handshaking.sni == Sni::Each {
        bail!(
            "--sni each makes several connections to a server: smtp-probe | tls-inspect --sni each"
        );
    }
    let ledger = handshaking.ledger()?;
    settings.insert("tls".into(), true.into());
    settings.extend(handshaking.settings(&ledger));
    let Prober {
        connector,
        helo,
        patience,
        session,
        keeps_transcript,
        ..
    } = prober(args)?;
    let contact = Contact {
        connector,
        helo,
        patience,
        handshake: handshaking.handshake_timeout,
        session,
        keeps_transcript,
    };
    handshaking.examiner(contact, ledger).map(Some)
}

/// What changes a record.
fn settings(args: &Probing, prober: &Prober) -> Map<String, Value> {
    let ask = format!("{:?}", prober.ask).to_lowercase();
    let conversing = &args.conversing;
    let mut settings = conversing.settings(&args.manners, &prober.connector);
    settings.insert("starttls".into(), ask.into());
    settings.insert("samples".into(), args.samples.into());
    settings.insert("transcript".into(), args.transcript.into());
    if !args.manners.dry_run || conversing.helo.is_some() {
        settings.insert("helo".into(), prober.helo.as_str().into());
    }
    settings
}

/// A name that does not lead back to us makes some servers turn us away: worth a warning, and a note in the run.
fn check_name(args: &Probing, prober: &Prober, settings: &mut Map<String, Value>) {
    let Some(address) = args.public_address else {
        return;
    };
    let resolves = prober.helo.resolves_to(address);
    settings.insert("helo_resolves".into(), resolves.into());
    if !resolves && !args.stream.quiet {
        let helo = &prober.helo;
        let doubt = format!(
            "warning: {helo} does not resolve to {address}; servers may turn us away for it"
        );
        say(STAGE, &doubt);
    }
}

fn check_vantage_host(
    args: &Probing,
    prober: &Prober,
    settings: &mut Map<String, Value>,
) -> anyhow::Result<()> {
    let Some(host) = &args.vantage_host else {
        return Ok(());
    };
    let named = || format!("--vantage-host {host}");
    let to = resolve(host, args.port).with_context(named)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let conversation = runtime.block_on(prober.converse(to));
    if let Some(why) = stripped(&conversation) {
        bail!(
            "{}: {why}; from here, no answer about STARTTLS can be relied on",
            named()
        );
    }
    settings.insert(
        "vantage_host".into(),
        json!({ "host": host, "starttls": true }),
    );
    Ok(())
}

fn resolve(host: &str, port: u16) -> anyhow::Result<SocketAddr> {
    let with_port = host.parse::<SocketAddr>().is_ok()
        || (host.matches(':').count() == 1 && !host.ends_with(':'));
    let mut found = if with_port {
        host.to_socket_addrs()?
    } else {
        (host, port).to_socket_addrs()?
    };
    found.next().context("it has no address")
}
