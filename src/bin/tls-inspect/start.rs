//! From arguments to a running stage.

use mx_survey::driver::{self, StageOptions, resume::Resume};
use mx_survey::net::connect::Connector;
use mx_survey::program::milliseconds;
use mx_survey::program::{Program, RunStatus};
use mx_survey::smtp::session::Patience;
use mx_survey::tls::contact::Contact;
use mx_survey::tls::ledger::Ledger;
use mx_survey::tls::regrade::Regrader;
use serde_json::{Map, Value};

use mx_survey::stages;
use mx_survey::stages::tls_inspect::TlsSelect;
use mx_survey::stages::tls_inspect::options::judging;
use mx_survey::stages::tls_inspect::regrade::{NoObservation, Regrading};
use mx_survey::store::earlier;

use super::Args;

const STAGE: &str = "tls-inspect";
const AWAITED: &str = "smtp records of smtp-probe";

/// The whole program.
pub fn run(args: Args, program: &Program) -> anyhow::Result<RunStatus> {
    let ledger = args.handshaking.ledger()?;
    if args.regrade {
        return regrade(&args, ledger, program);
    }
    let contact = contact(&args)?;
    let settings = settings(&args, &contact, &ledger);
    let (resume, resumed) = Resume::open(&args.stream, STAGE, &settings, earlier)?;
    let options = options(&args, program, settings, resumed);
    let examiner = args.handshaking.examiner(contact, ledger)?;
    let spacing = args.manners.spacing;
    let selection = TlsSelect::new(args.handshaking.sni, spacing, examiner.clone());
    driver::run(selection, examiner, resume, options)
}

fn regrade(args: &Args, ledger: Ledger, program: &Program) -> anyhow::Result<RunStatus> {
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
    args: &Args,
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

fn contact(args: &Args) -> anyhow::Result<Contact> {
    let manners = &args.manners;
    Ok(Contact {
        connector: Connector::new(manners.gate()?, manners.bind.clone(), args.connect_timeout),
        helo: stages::helo::name(args.helo.as_ref())?,
        patience: Patience {
            banner: args.banner_timeout,
            reply: args.reply_timeout,
            ..Patience::default()
        },
        handshake: args.handshaking.handshake_timeout,
        session: args.timeout,
        keeps_transcript: false,
    })
}

/// What changes a record.
fn settings(args: &Args, contact: &Contact, ledger: &Ledger) -> Map<String, Value> {
    let bind: Vec<_> = args.manners.bind.iter().map(ToString::to_string).collect();
    let mut settings = args.handshaking.settings(ledger);
    settings.extend(
        [
            ("helo", Value::from(contact.helo.as_str())),
            ("bind", bind.into()),
            ("ipv6", contact.connector.has_ipv6.into()),
            ("timeout_ms", milliseconds(args.timeout)),
            ("connect_timeout_ms", milliseconds(args.connect_timeout)),
            ("banner_timeout_ms", milliseconds(args.banner_timeout)),
            ("reply_timeout_ms", milliseconds(args.reply_timeout)),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    settings
}
