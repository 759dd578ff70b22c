//! From arguments to a running stage.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use mx_survey::driver::{self, StageOptions, resume::Resume};
use mx_survey::net::connect::Connector;
use mx_survey::program::milliseconds;
use mx_survey::program::{Program, RunStatus, say};
use mx_survey::smtp::helo::HeloName;
use mx_survey::smtp::probe::{Ask, Prober};
use mx_survey::smtp::session::Patience;
use mx_survey::smtp::vantage::{Vantage, stripped};
use mx_survey::tls::contact::Contact;
use serde_json::{Map, Value, json};

use mx_survey::stages;
use mx_survey::stages::smtp_probe::cost::Cost;
use mx_survey::stages::smtp_probe::{SmtpObserve, SmtpSelect};
use mx_survey::stages::tls_inspect::{Examiner, Sni};
use mx_survey::store::earlier;

use super::{Args, When};

const STAGE: &str = "smtp-probe";
const AWAITED: &str = "domain records, or lines address[:port][,name],";

/// The whole program.
pub fn run(args: Args, program: &Program) -> anyhow::Result<RunStatus> {
    let prober = prober(&args)?;
    let mut settings = settings(&args, &prober);
    if !args.dry_run {
        check_name(&args, &prober, &mut settings);
        check_vantage_host(&args, &prober, &mut settings)?;
    }
    let examiner = examiner(&args, &mut settings)?;
    let (resume, resumed) = Resume::open(&args.stream, STAGE, &settings, earlier)?;
    let manners = &args.manners;
    let options =
        StageOptions::connecting(program, AWAITED, manners, &args.stream, settings, resumed);
    let asker = SmtpObserve {
        prober: Arc::new(prober),
        samples: args.samples,
        vantage: Arc::new(Vantage::new(!args.no_vantage_check)),
        examiner,
        sni: args.handshaking.sni,
    };
    let cost = (args.dry_run).then(|| Cost::new(args.samples, manners.rate));
    let selection = SmtpSelect::new(args.port, asker.clone(), cost);
    driver::run(selection, asker, resume, options)
}

fn prober(args: &Args) -> anyhow::Result<Prober> {
    let manners = &args.manners;
    Ok(Prober {
        connector: Connector::new(manners.gate()?, manners.bind.clone(), args.connect_timeout),
        helo: helo(args)?,
        patience: Patience {
            banner: args.banner_timeout,
            reply: args.reply_timeout,
            ..Patience::default()
        },
        session: args.timeout,
        ask: match args.starttls {
            When::Always => Ask::Always,
            When::Advertised => Ask::Advertised,
        },
        keeps_transcript: args.transcript,
    })
}

fn helo(args: &Args) -> anyhow::Result<HeloName> {
    // Nobody hears it.
    if args.dry_run && args.helo.is_none() {
        return Ok(HeloName::nobody());
    }
    stages::helo::name(args.helo.as_ref())
}

/// `--tls`: who goes on to TLS; what of that changes a record goes into `settings`.
fn examiner(args: &Args, settings: &mut Map<String, Value>) -> anyhow::Result<Option<Examiner>> {
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
fn settings(args: &Args, prober: &Prober) -> Map<String, Value> {
    let bind: Vec<_> = args.manners.bind.iter().map(ToString::to_string).collect();
    let settings = [
        ("helo", prober.helo.as_str().into()),
        (
            "starttls",
            format!("{:?}", prober.ask).to_lowercase().into(),
        ),
        ("samples", args.samples.into()),
        ("transcript", args.transcript.into()),
        ("bind", bind.into()),
        ("ipv6", prober.connector.has_ipv6.into()),
        ("timeout_ms", milliseconds(args.timeout)),
        ("connect_timeout_ms", milliseconds(args.connect_timeout)),
        ("banner_timeout_ms", milliseconds(args.banner_timeout)),
        ("reply_timeout_ms", milliseconds(args.reply_timeout)),
    ];
    let is_said = |name: &str| name != "helo" || !args.dry_run || args.helo.is_some();
    settings
        .into_iter()
        .filter(|(name, _)| is_said(name))
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// A name that does not lead back to us makes some servers turn us away: worth a warning, and a note in the run.
fn check_name(args: &Args, prober: &Prober, settings: &mut Map<String, Value>) {
    let Some(address) = args.public_address else {
        return;
    };
    let resolves = prober.helo.resolves_to(address);
    settings.insert("helo_resolves".into(), resolves.into());
    if !resolves && !args.stream.quiet {
        say(
            STAGE,
            &format!(
                "warning: {} does not resolve to {address}; servers may turn us away for it",
                prober.helo
            ),
        );
    }
}

fn check_vantage_host(
    args: &Args,
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
