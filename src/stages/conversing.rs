//! How to converse with mail servers: the options of every program that does, and what they make.

use std::time::Duration;

use clap::Args;
use serde_json::{Map, Value};

use super::helo;
use crate::net::connect::Connector;
use crate::program::{PacingOptions, duration, milliseconds};
use crate::smtp::helo::HeloName;
use crate::smtp::session::Patience;

/// By what name, and how patiently.
#[derive(Args, Clone, Debug)]
pub struct Conversing {
    /// Name to introduce ourselves by; it should resolve to this machine's address [default: its FQDN]
    #[arg(long, value_name = "NAME")]
    pub helo: Option<HeloName>,
    /// Time for a connection as a whole
    #[arg(long, value_name = "TIME", default_value = "180s", value_parser = duration)]
    pub timeout: Duration,
    /// Time for TCP to connect
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub connect_timeout: Duration,
    /// Time for the greeting; many servers delay it on purpose
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    pub banner_timeout: Duration,
    /// Time for each other reply
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub reply_timeout: Duration,
}

impl Conversing {
    /// The name to introduce ourselves by.
    ///
    /// # Errors
    ///
    /// None is given, and this machine has none that will do.
    pub fn helo_name(&self) -> anyhow::Result<HeloName> {
        helo::name(self.helo.as_ref())
    }

    /// How long to wait for a server to speak.
    pub fn patience(&self) -> Patience {
        Patience {
            banner: self.banner_timeout,
            reply: self.reply_timeout,
            ..Patience::default()
        }
    }

    /// Who connects.
    ///
    /// # Errors
    ///
    /// Those of reading who asked to be left out.
    pub fn connector(&self, manners: &PacingOptions) -> anyhow::Result<Connector> {
        let bind = manners.bind.clone();
        Ok(Connector::new(manners.gate()?, bind, self.connect_timeout))
    }

    /// What of this changes a record, apart from the name, for the `run` line.
    pub fn settings(&self, manners: &PacingOptions, connector: &Connector) -> Map<String, Value> {
        let bind: Vec<_> = manners.bind.iter().map(ToString::to_string).collect();
        let settings = [
            ("bind", bind.into()),
            ("ipv6", connector.has_ipv6.into()),
            ("timeout_ms", milliseconds(self.timeout)),
            ("connect_timeout_ms", milliseconds(self.connect_timeout)),
            ("banner_timeout_ms", milliseconds(self.banner_timeout)),
            ("reply_timeout_ms", milliseconds(self.reply_timeout)),
        ];
        let named = settings.map(|(name, value)| (name.to_owned(), value));
        named.into_iter().collect()
    }
}
