//! What smtp-probe --tls and tls-inspect cost this machine, beside a bare loop of the same steps (connect, EHLO, STARTTLS, a
//! handshake of rustls, EHLO and QUIT inside) over the same servers of mail-lab in the same run, and their memory with 10,000
//! handshakes waiting. `make bench-tls`; ends with 1 where a figure misses its target. Medians of three.
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
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

/// How many times the bare loop's CPU smtp-probe --tls may take.
const TARGET: f64 = 1.25;
/// What 10,000 handshakes that wait may take, MiB.
const MEMORY: u64 = 130;

struct Part {
    name: &'static str,
    servers: u32,
    does: &'static str,
    options: &'static [&'static str],
    times: usize,
}

const PARTS: &[Part] = &[
    Part {
        name: "cpu",
        servers: 20_000,
        does: r#""as":"tls13""#,
        options: &["--concurrency", "1000"],
        times: 3,
    },
    Part {
        name: "waiting",
        servers: 10_000,
        does: r#""tls":"valid","steps":{"handshake":[{"end":"hang"}]}"#,
        options: &["--concurrency", "10000", "--handshake-timeout", "15s"],
        times: 1,
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
    let stages = [
        (
            "smtp-probe --tls",
            env!("CARGO_BIN_EXE_smtp-probe"),
            &targets,
        ),
        ("tls-inspect", env!("CARGO_BIN_EXE_tls-inspect"), &servers),
    ];
    let records = directory.join("records");
    let each = |run: &measure::Measured| run.cpu.as_secs_f64() * 1000.0 / f64::from(part.servers);
    let mut all = Vec::new();
    for (stage, program, input) in stages {
        let mut command = Command::new(program);
        command
            .args(["--helo", "probe.example.org", "--allow", "127.0.0.0/8"])
            .args(["--spacing", "0", "--rate", "0", "--quiet"])
            .args(part.options);
        if stage == "smtp-probe --tls" {
            command.args(["--tls", "--no-vantage-check"]);
        }
        let measured = measure::median(part.times, &mut command, input, &records);
        check(part, &fs::read_to_string(&records).unwrap());
        println!(
            "{name}: {stage}: {} servers in {:.1} s; {:.3} ms of CPU a server; {:.1} MiB",
            part.servers,
            measured.elapsed.as_secs_f64(),
            each(&measured),
            measured.most_memory as f64 / 1024.0
        );
        all.push(measured);
    }
    if name == "cpu" {
        let mut bare = Command::new(std::env::current_exe().unwrap());
        bare.arg("bare").arg(&targets);
        let bare = measure::median(part.times, &mut bare, &targets, &directory.join("bare"));
        let times = each(&all[0]) / each(&bare);
        println!(
            "{name}: bare loop: {:.3} ms of CPU a server; {:.1} MiB; {times:.2} times; target: {TARGET}",
            each(&bare),
            bare.most_memory as f64 / 1024.0
        );
        return times <= TARGET;
    }
    println!("{name}: target: under {MEMORY} MiB with 10,000 handshakes waiting");
    all.iter().all(|run| run.most_memory < MEMORY << 10)
}

/// Every server was inspected, and it came to what the part is about.
fn check(part: &Part, written: &str) {
    let is_tls = |line: &&str| line.starts_with(r#"{"type":"tls""#);
    let mut tls = written.lines().filter(is_tls);
    assert_eq!(tls.clone().count(), part.servers as usize);
    let word = match part.name {
        "cpu" => r#""completed":true"#,
        _ => r#""reason":"timeout""#,
    };
    assert!(tls.all(|line| line.contains(word)));
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
    let mut stream = connector.connect(name, stream).await?;
    stream.write_all(b"EHLO probe.example.org\r\n").await?;
    stream.flush().await?;
    hear(&mut stream).await?;
    stream.write_all(b"QUIT\r\n").await?;
    stream.flush().await?;
    hear(&mut stream).await?;
    stream.shutdown().await
}

/// A reply: the lab says each at once.
async fn hear(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
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
