//! Name servers over TLS and HTTPS, by hickory-resolver. It keeps the connections; what it learns is told in the same
//! words as everything else.

use std::ffi::OsStr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use futures::future::{BoxFuture, FutureExt as _};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr;
use hickory_resolver::config::{NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::{Resolver, TokioResolver};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use rustls::{ClientConfig, RootCertStore};

use super::client::ClientSettings;
use super::message::{self, Question};
use super::resolve::{Answer, DnsReply, Failure, Resolve, Servers};
use crate::net::pacing::Rate;
use crate::record::{Dnssec, Reason};

/// Questions at once over one connection.
const IN_FLIGHT: usize = 1000;

/// A resolver over encrypted connections.
pub struct Encrypted {
    resolver: TokioResolver,
    servers: usize,
    rate: Rate,
    trust_ad: bool,
}

impl Encrypted {
    /// A resolver that asks `servers`; those in `settings` are not used.
    pub fn new(servers: Vec<NameServerConfig>, settings: &ClientSettings) -> anyhow::Result<Self> {
        let count = servers.len();
        let mut options = ResolverOpts::default();
        options.timeout = settings.try_timeout;
        options.attempts = settings.tries.saturating_sub(1) as usize;
        options.edns0 = true;
        options.cache_size = 0;
        options.use_hosts_file = ResolveHosts::Never;
        options.num_concurrent_reqs = 1;
        options.max_active_requests = IN_FLIGHT;
        options.preserve_intermediates = true;
        let config = ResolverConfig::from_name_servers(servers);
        let mut resolver = Resolver::builder_with_config(config, TokioRuntimeProvider::default())
            .with_options(options);
        if let Some(file) = std::env::var_os("SSL_CERT_FILE") {
            let named = || format!("SSL_CERT_FILE: {}", file.display());
            resolver = resolver.with_tls_config(trusting(&file).with_context(named)?);
        }
        let resolver = resolver.build()?;
        let rate = settings
            .rate_per_server
            .filter(|rate| *rate > 0.0)
            .map(|rate| rate * count as f64);
        Ok(Self {
            resolver,
            servers: count,
            rate: Rate::new(rate),
            trust_ad: settings.trust_ad,
        })
    }

    /// A lookup; a connection that has just gone is made anew.
    async fn look_up(&self, name: rr::Name, kind: rr::RecordType) -> Result<Lookup, NetError> {
        for pause_ms in [50, 200, 800] {
            match self.resolver.lookup(name.clone(), kind).await {
                Err(NetError::NoConnections) => {}
                result => return result,
            }
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        }
        self.resolver.lookup(name, kind).await
    }

    async fn ask(&self, question: Question, allowance: Duration) -> DnsReply {
        let due = self.rate.take(Instant::now());
        tokio::time::sleep_until(due.into()).await;
        let start = Instant::now();
        let result = match rr::Name::from_labels(question.name.labels()) {
            Err(error) => Err(Failure::new(Reason::Local).with(error.to_string())),
            Ok(mut name) => {
                name.set_fqdn(true);
                let lookup = self.look_up(name, question.kind);
                match tokio::time::timeout(allowance, lookup).await {
                    Err(_) => Err(Failure::new(Reason::Timeout)),
                    Ok(Err(error)) => judge(error),
                    Ok(Ok(lookup)) => Ok(Answer {
                        nxdomain: false,
                        negative: false,
                        records: lookup.answers().to_vec(),
                        denial: Vec::new(),
                        dnssec: (self.trust_ad && lookup.message().metadata.authentic_data)
                            .then_some(Dnssec::Secure),
                        extended_errors: Vec::new(),
                    }),
                }
            }
        };
        DnsReply {
            result,
            sent: 1,
            spent: start.elapsed(),
        }
    }
}

/// TLS that believes the certificates of a file, and no others.
fn trusting(file: &OsStr) -> anyhow::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file)? {
        roots.add(certificate?)?;
    }
    if roots.is_empty() {
        bail!("no certificate in it");
    }
    Ok(ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth())
}

impl Resolve for Encrypted {
    fn ask(&self, question: Question, allowance: Duration) -> BoxFuture<'_, DnsReply> {
        self.ask(question, allowance).boxed()
    }

    fn servers(&self) -> Servers {
        Servers {
            all: self.servers,
            healthy: self.servers,
        }
    }
}

fn judge(error: NetError) -> Result<Answer, Failure> {
    let code = match &error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => none.response_code,
        NetError::Dns(DnsError::ResponseCode(code)) => *code,
        NetError::Timeout => return Err(Failure::new(Reason::Timeout)),
        NetError::Proto(_) => return Err(Failure::new(Reason::Malformed).with(error.to_string())),
        _ => return Err(Failure::new(Reason::Unreachable).with(format!("name server: {error}"))),
    };
    match code {
        ResponseCode::NoError | ResponseCode::NXDomain => Ok(Answer {
            nxdomain: code == ResponseCode::NXDomain,
            negative: true,
            ..Answer::default()
        }),
        ResponseCode::ServFail => Err(Failure::new(Reason::Servfail)),
        ResponseCode::Refused => Err(Failure::new(Reason::Refused)),
        code => Err(Failure::new(Reason::Malformed).with(message::rcode(code))),
    }
}
