//! From arguments to a running stage.

use std::sync::Arc;

use anyhow::Context as _;
use mx_survey::driver::{self, Options, resume::Resume};
use mx_survey::net::connect::Connector;
use mx_survey::program::milliseconds;
use mx_survey::program::{Program, Status};
use mx_survey::smtp::helo::HeloName;
use mx_survey::smtp::session::Patience;
use mx_survey::tls::contact::Contact;
use mx_survey::tls::enumerate::Wanted;
use mx_survey::tls::handshake::Client;
use mx_survey::tls::inspect::Inspector;
use mx_survey::tls::ledger::{self, Ledger};
use mx_survey::tls::regrade::Regrader;
use mx_survey::x509::store::Store;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use mx_survey::stages::tls_inspect::regrade::{Nothing, Regrading};
use mx_survey::stages::tls_inspect::{Examiner, Selection};
use mx_survey::store::earlier;

use super::{Args, What};

const STAGE: &str = "tls-inspect";
const AWAITED: &str = "smtp records of smtp-probe";

/// The whole program.
pub fn run(args: Args, program: &Program) -> anyhow::Result<Status> {
    let ledger = Ledger::new(stores(&args.roots)?, args.at);
    if args.regrade {
        return regrade(&args, ledger, program);
    }
    let contact = contact(&args)?;
    let settings = settings(&args, &contact, &ledger);
    let (resume, resumed) = Resume::open(&args.stream, STAGE, &settings, earlier)?;
    let options = options(&args, program, settings, resumed);
    let examiner = Examiner {
        inspector: Arc::new(Inspector {
            contact,
            client: Client::new().context("the TLS library")?,
            wanted: Wanted {
                versions: args.enumerate.contains(&What::Versions),
                ciphers: args.enumerate.contains(&What::Ciphers),
                groups: args.enumerate.contains(&What::Groups),
            },
        }),
        ledger: Arc::new(ledger),
    };
    let selection = Selection::new(args.sni, args.manners.spacing, examiner.clone());
    driver::run(selection, examiner, resume, options)
}

fn regrade(args: &Args, ledger: Ledger, program: &Program) -> anyhow::Result<Status> {
    let mut settings = judging(&ledger);
    settings.insert("regrade".into(), true.into());
    let options = options(args, program, settings, Vec::new());
    driver::run(
        Regrading::new(Regrader::new(ledger)),
        Nothing,
        None,
        options,
    )
}

fn options(
    args: &Args,
    program: &Program,
    settings: Map<String, Value>,
    resumed: Vec<String>,
) -> Options {
    Options::connecting(
        program,
        AWAITED,
        &args.manners,
        &args.stream,
        settings,
        resumed,
    )
}

fn stores(arguments: &[String]) -> anyhow::Result<Vec<Store>> {
    let mut stores = Vec::new();
    for argument in arguments {
        let store = Store::from_argument(argument)?;
        let is_new = stores
            .iter()
            .all(|known: &Store| known.name() != store.name());
        anyhow::ensure!(is_new, "--roots: two stores are named {}", store.name());
        stores.push(store);
    }
    if stores.is_empty() {
        stores.push(Store::mozilla());
    }
    Ok(stores)
}

fn contact(args: &Args) -> anyhow::Result<Contact> {
    let manners = &args.manners;
    Ok(Contact {
        connector: Connector::new(manners.gate()?, manners.bind.clone(), args.connect_timeout),
        helo: match &args.helo {
            Some(name) => name.clone(),
            None => HeloName::of_this_machine().map_err(|(name, bad)| {
                anyhow::anyhow!("this machine calls itself {name:?}: {bad}; give --helo NAME")
            })?,
        },
        patience: Patience {
            banner: args.banner_timeout,
            reply: args.reply_timeout,
            ..Patience::default()
        },
        handshake: args.handshake_timeout,
        session: args.timeout,
    })
}

/// What changes a record.
fn settings(args: &Args, contact: &Contact, ledger: &Ledger) -> Map<String, Value> {
    let bind: Vec<_> = args.manners.bind.iter().map(ToString::to_string).collect();
    let mut enumerate: Vec<_> = args.enumerate.iter().map(word).collect();
    enumerate.sort();
    let mut settings = judging(ledger);
    settings.extend(
        [
            ("helo", Value::from(contact.helo.as_str())),
            ("sni", word(&args.sni).into()),
            ("enumerate", enumerate.into()),
            ("bind", bind.into()),
            ("ipv6", contact.connector.has_ipv6.into()),
            ("timeout_ms", milliseconds(args.timeout)),
            ("connect_timeout_ms", milliseconds(args.connect_timeout)),
            ("banner_timeout_ms", milliseconds(args.banner_timeout)),
            ("reply_timeout_ms", milliseconds(args.reply_timeout)),
            ("handshake_timeout_ms", milliseconds(args.handshake_timeout)),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    settings
}

/// What changes a verdict.
fn judging(ledger: &Ledger) -> Map<String, Value> {
    let at = ledger.at().map(mx_survey::record::timestamp);
    Map::from_iter([
        ("roots".to_owned(), ledger::settings(ledger.stores())),
        ("at".to_owned(), at.into()),
    ])
}

fn word(value: &impl clap::ValueEnum) -> String {
    value
        .to_possible_value()
        .map(|value| value.get_name().to_owned())
        .unwrap_or_default()
}

/// RFC 3339, or a date at its beginning in UTC.
pub fn time(text: &str) -> Result<OffsetDateTime, String> {
    let whole = if text.contains(['T', ' ']) {
        text.replacen(' ', "T", 1)
    } else {
        format!("{text}T00:00:00Z")
    };
    OffsetDateTime::parse(&whole, &Rfc3339)
        .map_err(|_| "a time like 2014-07-01 or 2014-07-01T12:00:00Z".to_owned())
}
