//! The options of the TLS handshake, for every program that makes one.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Examiner, Sni};
use crate::program::{duration, milliseconds};
use crate::record::timestamp;
use crate::tls::contact::Contact;
use crate::tls::handshake::TlsClient;
use crate::tls::inspector::{EnumerationScope, Inspector};
use crate::tls::ledger::{self, Ledger};
use crate::x509::store::Store;

/// How to make a handshake, and what to judge its chain by.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "TLS")]
pub struct Handshaking {
    /// Store to judge chains by: PEM certificates, or `mozilla` for the embedded roots (repeatable) [default: mozilla]
    #[arg(long, value_name = "[NAME=]FILE")]
    pub roots: Vec<String>,
    /// Judge chains at this time, RFC 3339 or a date, instead of that of the scan
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub at: Option<OffsetDateTime>,
    /// Count what a server speaks beyond what it chooses, on connections of their own, spaced
    #[arg(long, value_name = "WHAT,…", value_delimiter = ',')]
    pub enumerate: Vec<What>,
    /// Server name to send: that of the exchange, each name that leads to the address, or none
    #[arg(long, value_name = "WHICH", default_value = "exchange")]
    pub sni: Sni,
    /// Time for the TLS handshake
    #[arg(long, value_name = "TIME", default_value = "20s", value_parser = duration)]
    pub handshake_timeout: Duration,
}

/// What `--enumerate` counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// Versions.
    Versions,
    /// Cipher suites.
    Ciphers,
    /// Key-exchange groups.
    Groups,
}

impl Handshaking {
    /// The named stores, and the time to judge at.
    ///
    /// # Errors
    /// A store that cannot be read, or two of one name.
    pub fn ledger(&self) -> anyhow::Result<Ledger> {
        let mut stores = Vec::new();
        for argument in &self.roots {
            let store = Store::from_argument(argument)?;
            let is_new = (stores.iter()).all(|known: &Store| known.name() != store.name());
            anyhow::ensure!(is_new, "--roots: two stores are named {}", store.name());
            stores.push(store);
        }
        if stores.is_empty() {
            stores.push(Store::mozilla());
        }
        Ok(Ledger::new(stores, self.at))
    }

    /// Who makes the handshakes.
    ///
    /// # Errors
    /// Those of the TLS library's beginning.
    pub fn examiner(&self, contact: Contact, ledger: Ledger) -> anyhow::Result<Examiner> {
        Ok(Examiner {
            inspector: Arc::new(Inspector {
                contact,
                client: TlsClient::new().context("the TLS library")?,
                wanted: EnumerationScope {
                    versions: self.enumerate.contains(&What::Versions),
                    ciphers: self.enumerate.contains(&What::Ciphers),
                    groups: self.enumerate.contains(&What::Groups),
                },
            }),
            ledger: Arc::new(ledger),
        })
    }

    /// What of this changes a record, for the `run` line.
    pub fn settings(&self, ledger: &Ledger) -> Map<String, Value> {
        let mut enumerate: Vec<_> = self.enumerate.iter().map(word).collect();
        enumerate.sort();
        let mut settings = judging(ledger);
        settings.insert("sni".into(), word(&self.sni).into());
        settings.insert("enumerate".into(), enumerate.into());
        settings.insert(
            "handshake_timeout_ms".into(),
            milliseconds(self.handshake_timeout),
        );
        settings
    }
}

/// What changes a verdict, for the `run` line.
pub fn judging(ledger: &Ledger) -> Map<String, Value> {
    Map::from_iter([
        ("roots".to_owned(), ledger::settings(ledger.stores())),
        ("at".to_owned(), ledger.judged_at().map(timestamp).into()),
    ])
}

fn word(value: &impl ValueEnum) -> String {
    let value = value.to_possible_value();
    value.map_or_else(String::new, |value| value.get_name().to_owned())
}

/// RFC 3339, or a date at its beginning in UTC.
fn time(text: &str) -> Result<OffsetDateTime, String> {
    let whole = if text.contains(['T', ' ']) {
        text.replacen(' ', "T", 1)
    } else {
        format!("{text}T00:00:00Z")
    };
    OffsetDateTime::parse(&whole, &Rfc3339)
        .map_err(|_| "a time like 2014-07-01 or 2014-07-01T12:00:00Z".to_owned())
}
