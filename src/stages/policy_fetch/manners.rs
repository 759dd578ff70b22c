//! The options of policy-fetch: how gently, and with what trust.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use serde_json::{Map, Value};

use crate::dns::resolve::Resolve;
use crate::net::Gate;
use crate::net::connect::Connector;
use crate::net::range::Range;
use crate::net::shard::Shard;
use crate::policy::fetch::{Fetcher, certificate::Judge, pace, tls};
use crate::program::exclusions;
use crate::program::values::{duration, milliseconds, network, positive, rate};
use crate::x509::store::Store;

/// How policy hosts are asked.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Manners")]
pub struct FetchOptions {
    /// Trusted roots: NAME=FILE in PEM form, FILE, or `mozilla`
    #[arg(long, value_name = "STORE", default_value = "mozilla")]
    pub roots: String,
    /// Port of the policy hosts
    #[arg(long, value_name = "PORT", default_value_t = 443)]
    pub port: u16,
    /// Time for a fetch, from the connection on
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    pub fetch_timeout: Duration,
    /// Time for a connection to be made
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub connect_timeout: Duration,
    /// Connections at once to one address
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = positive)]
    pub per_address: usize,
    /// Time between the beginnings of two connections to one address
    #[arg(long, value_name = "TIME", default_value = "25ms", value_parser = duration)]
    pub spacing: Duration,
    /// Connections a second in all (loopback is exempt); 0: no limit
    #[arg(long, value_name = "N", default_value_t = 500.0, value_parser = rate)]
    pub rate: f64,
    /// Open a special-purpose network, for example 127.0.0.0/8 (repeatable)
    #[arg(long, value_name = "CIDR", value_parser = network)]
    pub allow: Vec<Range>,
    /// Domains, policy hosts, addresses and networks that are never asked, one a line (repeatable)
    #[arg(long, value_name = "FILE")]
    pub exclude: Vec<PathBuf>,
    /// Source address; several are used in turn (repeatable)
    #[arg(long, value_name = "ADDRESS")]
    pub bind: Vec<IpAddr>,
}

impl FetchOptions {
    /// Adds what of this changes a record to the settings of the `run` line.
    ///
    /// # Errors
    /// The roots cannot be read.
    pub fn describe(&self, settings: &mut Map<String, Value>) -> anyhow::Result<Store> {
        let store = Store::from_argument(&self.roots)?;
        settings.insert("port".into(), self.port.into());
        let named = format!("{} {}", store.name(), store.date());
        settings.insert("roots".into(), named.into());
        for (name, time) in [
            ("fetch_timeout_ms", self.fetch_timeout),
            ("connect_timeout_ms", self.connect_timeout),
        ] {
            settings.insert(name.into(), milliseconds(time));
        }
        Ok(store)
    }

    /// As one of several workers: each has its part of the rate, and one connection at a time to an address, so much further apart.
    pub fn of_worker(mut self, shard: Shard) -> Self {
        if shard.count() > 1 {
            self.rate /= f64::from(shard.count());
            self.spacing *= shard.count();
            self.per_address = 1;
        }
        self
    }

    /// Who fetches: `patience` is for the addresses of a host, all questions together.
    ///
    /// # Errors
    /// A list of exclusions cannot be read, or there is no TLS.
    pub fn fetcher(
        self,
        resolver: Arc<dyn Resolve>,
        patience: Duration,
        store: Store,
    ) -> anyhow::Result<Fetcher> {
        let gate = Gate {
            allow: self.allow,
            exclude: exclusions(&self.exclude)?,
        };
        Ok(Fetcher {
            resolver,
            patience,
            connector: Connector::new(gate, self.bind, self.connect_timeout),
            pace: pace::FetchPace::new(pace::FetchLimits {
                per_address: self.per_address,
                spacing: self.spacing,
                rate: (self.rate > 0.0).then_some(self.rate),
            }),
            tls: tls::PolicyTlsClient::new().context("the TLS library")?,
            judge: Arc::new(Judge::new(store)),
            port: self.port,
            timeout: self.fetch_timeout,
        })
    }
}
