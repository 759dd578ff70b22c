//! tls-inspect from its options to its end.

use clap::Args;
use serde_json::{Map, Value};

use super::TlsSelect;
use super::options::{Handshaking, judging};
use super::regrade::{NoObservation, Regrading};
use crate::driver::options::Assumed;
use crate::driver::resume::{OpenDatabase, Resume};
use crate::driver::{self, StageOptions};
use crate::program::{PacingOptions, Program, RunStatus, Stream};
use crate::smtp::helo::HeloName;
use crate::stages::conversing::Conversing;
use crate::tls::contact::Contact;
use crate::tls::ledger::Ledger;
use crate::tls::regrade::Regrader;

const STAGE: &str = "tls-inspect";
const AWAITED: &str = "smtp records of smtp-probe";

/// The options of tls-inspect.
#[derive(Args, Clone, Debug)]
pub struct Inspecting {
    /// How to converse in clear.
    #[command(flatten)]
    pub conversing: Conversing,
    /// Judge the chains of `cert` and `tls` records on the input anew, without the network
    #[arg(long, conflicts_with_all = ["enumerate", "sni", "resume", "dry_run"])]
    pub regrade: bool,
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

/// Runs the stage to its end. `database` opens what `--resume` names where that is no NDJSON.
///
/// # Errors
///
/// What kept it from starting or from its end.
pub fn run(
    args: &Inspecting,
    program: &Program,
    database: OpenDatabase,
) -> anyhow::Result<RunStatus> {
    let ledger = args.handshaking.ledger()?;
    if args.regrade {
        return regrade(args, ledger, program);
    }
    let contact = contact(args)?;
    let settings = settings(args, &contact, &ledger);
    let (resume, resumed) = Resume::open(&args.stream, STAGE, &settings, database)?;
    let mut options = options(args, program, settings, resumed);
    options.forecast = (args.manners.dry_run).then_some(Assumed {
        dead: args.manners.assume_dead,
        patience: args.conversing.connect_timeout,
        samples: 1,
    });
    let examiner = args.handshaking.examiner(contact, ledger)?;
    let spacing = args.manners.spacing;
    let selection = TlsSelect::new(args.handshaking.sni, spacing, examiner.clone());
    driver::run(selection, examiner, resume, options)
}

fn regrade(args: &Inspecting, ledger: Ledger, program: &Program) -> anyhow::Result<RunStatus> {
    let mut settings = judging(&ledger);
    settings.insert("regrade".into(), true.into());
    let options = options(args, program, settings, Vec::new());
    driver::run(
        Regrading::new(Regrader::new(ledger)),
        NoObservation,
        None,
        options,
    )
}

fn options(
    args: &Inspecting,
    program: &Program,
    settings: Map<String, Value>,
    resumed: Vec<String>,
) -> StageOptions {
    StageOptions::connecting(
        program,
        AWAITED,
        &args.manners,
        &args.stream,
        settings,
        resumed,
    )
}

fn contact(args: &Inspecting) -> anyhow::Result<Contact> {
    let conversing = &args.conversing;
    Ok(Contact {
        connector: conversing.connector(&args.manners)?,
        helo: match args.manners.dry_run && conversing.helo.is_none() {
            // Nobody hears it.
            true => HeloName::nobody(),
            false => conversing.helo_name()?,
        },
        patience: conversing.patience(),
        handshake: args.handshaking.handshake_timeout,
        session: conversing.timeout,
        keeps_transcript: false,
    })
}

/// What changes a record.
fn settings(args: &Inspecting, contact: &Contact, ledger: &Ledger) -> Map<String, Value> {
    let mut settings = args.handshaking.settings(ledger);
    settings.extend(args.conversing.settings(&args.manners, &contact.connector));
    if !args.manners.dry_run || args.conversing.helo.is_some() {
        settings.insert("helo".into(), contact.helo.as_str().into());
    }
    settings
}
