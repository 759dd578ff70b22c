//! A worker process: the listeners of a share of the world's mail servers.
//!
//! It gets its orders on stdin as one line of JSON, says `ready` on stdout when all listeners stand, serves until stdin
//! ends, and then writes the counters of its addresses, one a line. So it ends with its parent, however that ends.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig, SignatureAlgorithm};
use serde::{Deserialize, Serialize};
use socket2::{Domain, Socket, Type};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use super::counters::Counters;
use super::https::{self, PolicyHost};
use super::legacy::ServerFlight;
use super::pki::{Credential, LeafMaker};
use super::script::Script;
use super::session::{LabHost, Security, converse};
use super::tls::{Certificate, Legacy, ServerTls, protocol_versions};
use super::world::{Listen, WorldServer};
use crate::record::TlsVersion;

/// What a worker is to do.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Orders {
    /// The port of every listener.
    pub port: u16,
    /// Chains and keys by number.
    pub credentials: Vec<Credential>,
    /// Key and certificate of the intermediate, for policy hosts.
    pub intermediate: (Vec<u8>, Vec<u8>),
    /// Servers, with the number of the credential of those that have TLS.
    pub servers: Vec<(WorldServer, Option<usize>)>,
}

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;

/// The word for a parent whose worker stands.
pub const READY: &str = "ready";

/// Serves until stdin ends. Ctrl-C reaches the whole group; the parent says when the end is.
pub fn run(output: &mut impl Write) -> anyhow::Result<()> {
    let limit = rlimit::increase_nofile_limit(u64::MAX).context("open files")?;
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    let orders: Orders = serde_json::from_str(&line).context("orders")?;
    drop(line);
    if orders.servers.len() as u64 > limit {
        bail!("{} listeners, {limit} open files", orders.servers.len());
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (hosts, policy_hosts) = runtime.block_on(serve(orders, output))?;
    for host in hosts {
        writeln!(output, "{}", host.counters().line(host.ip))?;
    }
    for host in policy_hosts {
        writeln!(output, "{}", host.counters())?;
    }
    output.flush()?;
    Ok(())
}

/// Mail servers and policy hosts.
type Hosts = (Vec<Arc<LabHost>>, Vec<Arc<PolicyHost>>);

async fn serve(orders: Orders, output: &mut impl Write) -> anyhow::Result<Hosts> {
    let mut acceptors = Acceptors {
        credentials: orders.credentials,
        made: HashMap::new(),
        flights: HashMap::new(),
    };
    let mut hosts = Vec::with_capacity(orders.servers.len());
    let mut policy_hosts = Vec::new();
    let mut leaves = None;
    let mut fillings = Vec::new();
    for (server, credential) in &orders.servers {
        let ip = server.ip.context("a server without an address")?;
        let address = SocketAddr::new(ip, orders.port);
        match server.listen {
            Listen::Refused => continue,
            Listen::Blackhole => {
                fillings.push(blackhole(address).with_context(|| address.to_string())?);
                continue;
            }
            Listen::Accept => {}
        }
        let listener = listen(address).with_context(|| address.to_string())?;
        if let Some(https) = &server.https {
            let leaves = match &leaves {
                Some(made) => Arc::clone(made),
                None => {
                    let made = Arc::new(LeafMaker::new(orders.intermediate.clone())?);
                    Arc::clone(leaves.insert(made))
                }
            };
            let tls = server.tls.clone().unwrap_or(Certificate::Valid.into());
            let host = Arc::new(PolicyHost::new(ip, https.clone(), tls, leaves)?);
            tokio::spawn(https::accept(listener, Arc::clone(&host)));
            policy_hosts.push(host);
            continue;
        }
        let host = Arc::new(LabHost {
            ip,
            script: Script::new(server),
            tls: match (credential, &server.tls) {
                (Some(number), Some(tls)) => Some(acceptors.secure(*number, tls)?),
                _ => None,
            },
            takes_mail: server.takes_mail,
            longest_hello: server.tls.as_ref().and_then(|tls| tls.longest_hello),
            counters: Mutex::new(Counters::default()),
        });
        tokio::spawn(accept(listener, Arc::clone(&host)));
        hosts.push(host);
    }
    let (ended, end) = oneshot::channel();
    thread::spawn(move || {
        let _ = io::stdin().lock().read_to_end(&mut Vec::new());
        let _ = ended.send(());
    });
    writeln!(output, "{READY}")?;
    output.flush()?;
    let _ = end.await;
    Ok((hosts, policy_hosts))
}

async fn accept(listener: TcpListener, host: Arc<LabHost>) {
    static SAID: AtomicBool = AtomicBool::new(false);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let arrival = host.counters().begin();
                tokio::spawn(converse(Arc::clone(&host), stream, arrival));
            }
            Err(error) => {
                if !SAID.swap(true, Ordering::Relaxed) {
                    crate::program::say("mail-lab", &format!("connections have to wait: {error}"));
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = bound(address)?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    TcpListener::from_std(socket.into())
}

fn bound(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // Connections of a world that ended a moment ago may still be in TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

/// A listener whose backlog of none is full: Linux then drops every SYN. The sockets have to live as long as it shall.
fn blackhole(address: SocketAddr) -> io::Result<Vec<Socket>> {
    let listener = bound(address)?;
    listener.listen(0)?;
    let mut sockets = vec![listener];
    // A queue for 0 holds one connection (the kernel compares with >); a second SYN proves that it is full.
    for _ in 0..2 {
        let client = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        client.set_nonblocking(true)?;
        // Under way, or refused an answer: both are what is wanted.
        let _ = client.connect(&address.into());
        sockets.push(client);
    }
    // The last one stays in SYN_SENT and would knock for minutes.
    sockets.pop();
    Ok(sockets)
}

/// TLS configurations, one for each credential and choice of versions, and flights, one for each that is scripted.
struct Acceptors {
    credentials: Vec<Credential>,
    made: HashMap<(usize, Vec<TlsVersion>, bool), TlsAcceptor>,
    flights: HashMap<(usize, Legacy), Arc<ServerFlight>>,
}

impl Acceptors {
    fn secure(&mut self, number: usize, tls: &ServerTls) -> anyhow::Result<Security> {
        let Some(legacy) = &tls.legacy else {
            return Ok(Security::Tls(self.make(number, tls)?));
        };
        let flight = self.flight(number, legacy)?;
        Ok(match legacy.beside {
            true => Security::Both(self.make(number, tls)?, flight),
            false => Security::Legacy(flight),
        })
    }

    fn flight(&mut self, number: usize, legacy: &Legacy) -> anyhow::Result<Arc<ServerFlight>> {
        let wanted = (number, legacy.clone());
        if let Some(made) = self.flights.get(&wanted) {
            return Ok(Arc::clone(made));
        }
        let flight = ServerFlight::new(legacy, &self.credentials[number].chain);
        let flight = Arc::new(flight.map_err(anyhow::Error::msg)?);
        self.flights.insert(wanted, Arc::clone(&flight));
        Ok(flight)
    }

    fn make(&mut self, number: usize, tls: &ServerTls) -> anyhow::Result<TlsAcceptor> {
        let wanted = (number, tls.versions.clone(), tls.client_certificate);
        if let Some(made) = self.made.get(&wanted) {
            return Ok(made.clone());
        }
        let credential = &self.credentials[number];
        let chain = credential.chain.iter().cloned().map(CertificateDer::from);
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(credential.key.clone()));
        let builder =
            ServerConfig::builder_with_protocol_versions(&protocol_versions(&tls.versions)?);
        let chain: Vec<CertificateDer<'static>> = chain.collect();
        let builder = match tls.client_certificate {
            false => builder.with_no_client_auth(),
            true => {
                // Its own chain stands for the authorities of clients: none of them has a certificate of these.
                let mut roots = RootCertStore::empty();
                roots.add_parsable_certificates(chain.clone());
                builder.with_client_cert_verifier(
                    WebPkiClientVerifier::builder(Arc::new(roots)).build()?,
                )
            }
        };
        let mut config = match credential.second {
            None => builder.with_single_cert(chain, key)?,
            Some(second) => {
                let [first, second] = [number, second].map(|it| self.credentials[it].certified());
                builder.with_cert_resolver(Arc::new(ByKey([first?, second?])))
            }
        };
        // A scanner does not resume; tickets would only be bytes.
        config.send_tls13_tickets = 0;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        self.made.insert(wanted, acceptor.clone());
        Ok(acceptor)
    }
}

/// Two certificates, of which a client gets the first that its suites and signature schemes allow.
#[derive(Debug)]
struct ByKey([Arc<CertifiedKey>; 2]);

impl ResolvesServerCert for ByKey {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let takes = |certified: &&Arc<CertifiedKey>| {
            let word = match certified.key.algorithm() {
                SignatureAlgorithm::RSA => "_RSA_",
                _ => "_ECDSA_",
            };
            // A suite of TLS 1.3 leaves the kind of key open.
            let mut suites = hello.cipher_suites().iter();
            let has_suite = suites.any(|suite| {
                let name = suite.as_str().unwrap_or_default();
                name.starts_with("TLS13_") || name.contains(word)
            });
            let scheme = certified.key.choose_scheme(hello.signature_schemes());
            has_suite && scheme.is_some()
        };
        let [first, second] = &self.0;
        let found = [first, second].into_iter().find(takes);
        Some(Arc::clone(found.unwrap_or(second)))
    }
}

/// The addresses on which a listener has to stand.
pub fn listens(server: &WorldServer) -> Option<IpAddr> {
    server.ip.filter(|_| server.listen != Listen::Refused)
}
