//! What tls-inspect costs this machine, beside a bare loop of connect, STARTTLS and rustls handshake over the same servers
//! of mail-lab in the same run, and its memory with 10,000 handshakes waiting. `make bench-tls`; ends with 1 where a
//! figure misses its target.
//!
//! It runs mail-lab, which runs it again with the name of a part, so that the servers stand while the part is measured.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod measure;

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{self, CryptoProvider};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

/// How many times the bare loop's CPU tls-inspect may take.
const TARGET: f64 = 1.7;

struct Part {
    name: &'static str,
    servers: u32,
    does: &'static str,
    options: &'static [&'static str],
}

const PARTS: &[Part] = &[
    Part {
        name: "cpu",
        servers: 20_000,
        does: r#""as":"tls13""#,
        options: &["--concurrency", "1000"],
    },
    Part {
        name: "waiting",
        servers: 10_000,
        does: r#""tls":"valid","steps":{"handshake":[{"end":"hang"}]}"#,
        options: &["--concurrency", "10000", "--handshake-timeout", "15s"],
    },
];

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let good = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["bare", targets] => {
            bare(targets);
            true
        }
        ["inside", part, directory] => inside(part, Path::new(directory)),
        _ => {
            let directory = tempfile::tempdir().unwrap();
            let good = PARTS.iter().map(|part| outside(part, directory.path()));
            good.fold(true, |all, good| all & good)
        }
    };
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Has mail-lab serve a part's world while the part runs.
fn outside(part: &Part, directory: &Path) -> bool {
    let mut world = String::new();
    for index in 0..part.servers {
        let (ip, does) = (address(index), part.does);
        writeln!(world, "{{\"type\":\"server\",\"ip\":\"{ip}\",{does}}}").unwrap();
    }
    let path = directory.join("world.ndjson");
    fs::write(&path, world).unwrap();
    let mut lab = Command::new(env!("CARGO_BIN_EXE_mail-lab"));
    lab.args(["--port", "0", "--dns-port", "0"])
        .arg(&path)
        .arg("--")
        .arg(std::env::current_exe().unwrap())
        .args(["inside", part.name])
        .arg(directory);
    lab.status().unwrap().success()
}

fn address(index: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 1, 0, 0)) + index)
}

fn inside(name: &str, directory: &Path) -> bool {
    let part = PARTS.iter().find(|part| part.name == name).unwrap();
    let port: u16 = std::env::var("MAIL_LAB_PORT").unwrap().parse().unwrap();
    let (servers, targets) = (directory.join("servers"), directory.join("targets"));
    let (mut lines, mut plain) = (String::new(), String::new());
    for index in 0..part.servers {
        let ip = address(index);
        writeln!(
            lines,
            r#"{{"type":"smtp","ip":"{ip}","port":{port},"for":{{"exchange":"mx.lab.test"}},"starttls":{{"accepted":true}}}}"#
        )
        .unwrap();
        writeln!(plain, "{ip}:{port}").unwrap();
    }
    fs::write(&servers, lines).unwrap();
    fs::write(&targets, plain).unwrap();
    let mut inspect = Command::new(env!("CARGO_BIN_EXE_tls-inspect"));
    inspect
        .args(["--helo", "probe.example.org", "--allow", "127.0.0.0/8"])
        .args(["--spacing", "0", "--rate", "0", "--quiet"])
        .args(part.options);
    let records = directory.join("records");
    let inspected = measure::run(&mut inspect, &servers, &records);
    let written = fs::read_to_string(&records).unwrap();
    let mut tls = written
        .lines()
        .filter(|line| line.starts_with(r#"{"type":"tls""#));
    assert_eq!(tls.clone().count(), part.servers as usize);
    let each = |run: &measure::Measured| run.cpu.as_secs_f64() * 1000.0 / f64::from(part.servers);
    println!(
        "{name}: tls-inspect: {} servers in {:.1} s; {:.3} ms of CPU a server; {:.1} MiB",
        part.servers,
        inspected.elapsed.as_secs_f64(),
        each(&inspected),
        inspected.most_memory as f64 / 1024.0
    );
    match name {
        "cpu" => {
            assert!(tls.all(|line| line.contains(r#""completed":true"#)));
            let mut bare = Command::new(std::env::current_exe().unwrap());
            bare.arg("bare").arg(&targets);
            let bare = measure::run(&mut bare, &targets, &directory.join("bare"));
            let times = each(&inspected) / each(&bare);
            println!(
                "{name}: bare loop: {:.3} ms of CPU a server; {times:.2} times; target: {TARGET}",
                each(&bare)
            );
            times <= TARGET
        }
        _ => {
            assert!(tls.all(|line| line.contains(r#""reason":"timeout""#)));
            println!("{name}: target: under 200 MiB with 10,000 handshakes waiting");
            inspected.most_memory < 200 << 10
        }
    }
}

/// The least that a program can do: 1000 at once, one thread, no deadlines, no records, no verdicts.
fn bare(targets: &str) {
    let targets = fs::read_to_string(targets).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let provider = Arc::new(crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anything(provider)))
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    let connector = TlsConnector::from(Arc::new(config));
    runtime.block_on(async {
        let room = Arc::new(Semaphore::new(1000));
        let mut flying = JoinSet::new();
        for target in targets.lines() {
            let target: SocketAddr = target.parse().unwrap();
            let place = room.clone().acquire_owned().await.unwrap();
            let connector = connector.clone();
            flying.spawn(async move {
                shake(target, connector).await.unwrap();
                drop(place);
            });
        }
        flying.join_all().await;
    });
}

async fn shake(target: SocketAddr, connector: TlsConnector) -> io::Result<()> {
    let mut stream = TcpStream::connect(target).await?;
    stream.set_nodelay(true)?;
    hear(&mut stream).await?;
    stream.write_all(b"EHLO probe.example.org\r\n").await?;
    hear(&mut stream).await?;
    stream.write_all(b"STARTTLS\r\n").await?;
    hear(&mut stream).await?;
    let name = ServerName::try_from("mx.lab.test").unwrap();
    connector.connect(name, stream).await.map(drop)
}

/// A reply: the lab says each at once.
async fn hear(stream: &mut TcpStream) -> io::Result<()> {
    match stream.read(&mut [0; 4096]).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

/// Takes any certificate, and any signature.
#[derive(Debug)]
struct Anything(Arc<CryptoProvider>);

impl ServerCertVerifier for Anything {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
