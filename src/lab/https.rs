//! A policy host (RFC 8461 §3.3): TLS from the first octet, with a leaf for whatever name is asked for, and one answer of HTTP.

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;

use super::counters::Counters;
use super::pki::LeafMaker;
use super::tls::{ServerTls, protocol_versions};

/// What a policy host answers. `{domain}` is the domain whose policy is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Https {
    /// The status.
    pub status: u16,
    /// Content-Type; none is sent where it is empty.
    pub media_type: String,
    /// Further header fields.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// The body.
    pub text: String,
    /// So many blank lines behind it.
    #[serde(skip_serializing_if = "is_zero")]
    pub blank_lines: usize,
    /// This is said, for ever, where an answer should be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endless: Option<String>,
    /// This is said where an answer should be, and then it closes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw: Option<String>,
    /// Time before the answer.
    #[serde(skip_serializing_if = "is_none")]
    pub wait_ms: u64,
    /// The answer comes one octet at a time, so far apart.
    #[serde(skip_serializing_if = "is_none")]
    pub drip_ms: u64,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

fn is_none(number: &u64) -> bool {
    *number == 0
}

impl Default for Https {
    fn default() -> Self {
        Self {
            status: 200,
            media_type: "text/plain".into(),
            headers: Vec::new(),
            text: "version: STSv1\r\nmode: enforce\r\nmx: mx.{domain}\r\nmax_age: 604800\r\n"
                .into(),
            blank_lines: 0,
            endless: None,
            raw: None,
            wait_ms: 0,
            drip_ms: 0,
        }
    }
}

/// A policy host at one address.
pub struct PolicyHost {
    ip: IpAddr,
    answers: Https,
    acceptor: TlsAcceptor,
    counters: Mutex<Counters>,
}

/// The longest head of a request that is read.
const HEAD: usize = 8 << 10;

impl PolicyHost {
    /// A host at `ip` with certificates of the kind of `tls`.
    ///
    /// # Errors
    /// There is no such version of TLS.
    pub fn new(
        ip: IpAddr,
        answers: Https,
        tls: ServerTls,
        leaves: Arc<LeafMaker>,
    ) -> anyhow::Result<Self> {
        let versions = protocol_versions(&tls.versions)?;
        let mut config = ServerConfig::builder_with_protocol_versions(&versions)
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Leaves { tls, leaves }));
        config.send_tls13_tickets = 0;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            ip,
            answers,
            acceptor: TlsAcceptor::from(Arc::new(config)),
            counters: Mutex::default(),
        })
    }

    /// The line of its counters.
    pub fn counters(&self) -> String {
        self.count(|counters| counters.line(self.ip))
    }

    fn count<T>(&self, change: impl FnOnce(&mut Counters) -> T) -> T {
        change(&mut self.counters.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn serve(&self, stream: TcpStream) -> io::Result<()> {
        let mut stream = match self.acceptor.accept(stream).await {
            Ok(stream) => stream,
            Err(error) => {
                self.count(|counters| counters.handshakes_failed += 1);
                return Err(error);
            }
        };
        self.count(|counters| counters.handshakes += 1);
        let head = head(&mut stream).await?;
        self.count(|counters| counters.bytes_in += head.len() as u64);
        if !head.starts_with("GET /.well-known/mta-sts.txt HTTP/1.1\r\n") {
            let verb = head.split(' ').next().unwrap_or_default().to_owned();
            self.count(|counters| counters.improper(verb.as_bytes()));
        }
        sleep(Duration::from_millis(self.answers.wait_ms)).await;
        let answer = self.answers.bytes(&domain(&head));
        if self.answers.drip_ms > 0 {
            for octet in &answer {
                stream.write_all(&[*octet]).await?;
                stream.flush().await?;
                sleep(Duration::from_millis(self.answers.drip_ms)).await;
            }
        } else {
            stream.write_all(&answer).await?;
        }
        self.count(|counters| counters.bytes_out += answer.len() as u64);
        if let Some(endless) = &self.answers.endless {
            endlessly(&mut stream, endless.as_bytes()).await?;
        }
        stream.shutdown().await
    }
}

/// Accepts connections for ever.
pub async fn accept(listener: TcpListener, host: Arc<PolicyHost>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            sleep(Duration::from_millis(20)).await;
            continue;
        };
        host.count(Counters::begin);
        let host = Arc::clone(&host);
        tokio::spawn(async move {
            // Errors are the client's ways of going.
            let _ = host.serve(stream).await;
            host.count(Counters::end);
        });
    }
}

async fn endlessly(stream: &mut (impl AsyncWrite + Unpin), piece: &[u8]) -> io::Result<()> {
    let piece = piece.repeat((16 << 10) / piece.len().max(1) + 1);
    loop {
        stream.write_all(&piece).await?;
    }
}

async fn head(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<String> {
    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    while !head.ends_with(b"\r\n\r\n") && head.len() < HEAD {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        head.extend_from_slice(&buffer[..count]);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// The domain whose policy a request asks for.
fn domain(head: &str) -> String {
    let host = (head.lines())
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("host"))
        .map_or("", |(_, value)| value.trim());
    let name = host.split(':').next().unwrap_or_default();
    name.strip_prefix("mta-sts.").unwrap_or(name).to_owned()
}

impl Https {
    fn bytes(&self, domain: &str) -> Vec<u8> {
        let fill = |text: &str| text.replace("{domain}", domain);
        if let Some(raw) = &self.raw {
            return fill(raw).into_bytes();
        }
        let body = fill(&self.text) + &"\n".repeat(self.blank_lines);
        let mut answer = format!("HTTP/1.1 {} Lab\r\n", self.status);
        if !self.media_type.is_empty() {
            answer += &format!("Content-Type: {}\r\n", self.media_type);
        }
        for (name, value) in &self.headers {
            answer += &format!("{name}: {}\r\n", fill(value));
        }
        let has_body = self.status != 204 && self.status >= 200;
        if self.endless.is_none() && has_body {
            answer += &format!("Content-Length: {}\r\n", body.len());
        }
        answer += "Connection: close\r\n\r\n";
        if has_body {
            answer += &body;
        }
        answer.into_bytes()
    }
}

/// Leaves of one kind, for each name that is asked for.
#[derive(Debug)]
struct Leaves {
    tls: ServerTls,
    leaves: Arc<LeafMaker>,
}

impl ResolvesServerCert for Leaves {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.leaves.leaf(&self.tls, hello.server_name()?)
    }
}
