//! What smtp-probe costs this machine, beside a bare loop of connect, EHLO and STARTTLS over the same servers of mail-lab
//! in the same run. `make bench-smtp`; ends with 1 where a figure misses its target.
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
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// What a part asks for: servers, what one in ten of them and the others do, the options of smtp-probe.
struct Part {
    name: &'static str,
    servers: u32,
    others: &'static str,
    one_in_ten: &'static str,
    options: &'static [&'static str],
}

const PLAIN: &str = r#""steps":{"starttls":"220 go ahead\r\n"},"advertise":"STARTTLS""#;
const FAR: &str =
    r#""steps":{"starttls":"220 go ahead\r\n"},"advertise":"STARTTLS","latency_ms":100"#;
const SILENT: &str = r#""as":"silent""#;
const DEAD: &str = r#""as":"blackhole""#;

const PARTS: &[Part] = &[
    Part {
        name: "cpu",
        servers: 20_000,
        others: PLAIN,
        one_in_ten: PLAIN,
        options: &["--concurrency", "1000"],
    },
    Part {
        name: "waiting",
        servers: 10_000,
        others: SILENT,
        one_in_ten: SILENT,
        options: &["--concurrency", "10000", "--banner-timeout", "20s"],
    },
    Part {
        name: "latency",
        servers: 60_000,
        others: FAR,
        one_in_ten: DEAD,
        options: &["--concurrency", "5000", "--connect-timeout", "10s"],
    },
];

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["bare", targets] => bare(targets),
        ["inside", part, directory] => return inside(part, Path::new(directory)),
        _ => {
            let directory = tempfile::tempdir().unwrap();
            let good = PARTS.iter().map(|part| outside(part, directory.path()));
            if !good.fold(true, |all, good| all & good) {
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

/// Has mail-lab serve a part's world while the part runs.
fn outside(part: &Part, directory: &Path) -> bool {
    let world: String = (0..part.servers)
        .map(|index| {
            let does = if index % 10 == 0 {
                part.one_in_ten
            } else {
                part.others
            };
            format!(
                "{{\"type\":\"server\",\"ip\":\"{}\",{does}}}\n",
                address(index)
            )
        })
        .collect();
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

fn inside(name: &str, directory: &Path) -> ExitCode {
    let part = PARTS.iter().find(|part| part.name == name).unwrap();
    let port: u16 = std::env::var("MAIL_LAB_PORT").unwrap().parse().unwrap();
    let targets = directory.join("targets");
    let mut lines = String::new();
    for index in 0..part.servers {
        writeln!(lines, "{}:{port}", address(index)).unwrap();
    }
    fs::write(&targets, lines).unwrap();
    let mut probe = Command::new(env!("CARGO_BIN_EXE_smtp-probe"));
    probe
        .args([
            "--helo",
            "probe.example.org",
            "--allow",
            "127.0.0.0/8",
            "--spacing",
            "0",
            "--rate",
            "0",
        ])
        .args(["--quiet", "--no-vantage-check"])
        .args(part.options);
    let records = directory.join("records");
    let probed = measure::run(&mut probe, &targets, &records);
    // One record a server, and the two lines of the run.
    let written = fs::read_to_string(&records).unwrap().lines().count();
    assert_eq!(written, part.servers as usize + 2);
    let servers = f64::from(part.servers);
    println!(
        "{name}: smtp-probe: {servers} servers in {:.1} s, {:.0} a second; {:.3} ms of CPU a server; {:.1} MiB",
        probed.elapsed.as_secs_f64(),
        servers / probed.elapsed.as_secs_f64(),
        probed.cpu.as_secs_f64() * 1000.0 / servers,
        probed.most_memory as f64 / 1024.0
    );
    let good = match name {
        "cpu" => {
            let mut bare = Command::new(std::env::current_exe().unwrap());
            bare.arg("bare").arg(&targets);
            let bare = measure::run(&mut bare, &targets, &directory.join("bare"));
            let each = probed.cpu.as_secs_f64() * 1000.0 / servers;
            println!(
                "{name}: bare loop: {:.3} ms of CPU a server; target: 0.18",
                bare.cpu.as_secs_f64() * 1000.0 / servers
            );
            each <= 0.18
        }
        "waiting" => {
            println!("{name}: target: under 80 MiB with 10,000 conversations at once");
            probed.most_memory < 80 << 10 && probed.elapsed < Duration::from_secs(35)
        }
        _ => {
            println!(
                "{name}: 100 ms before every answer, one in ten never answers; target: 2000 a second"
            );
            servers / probed.elapsed.as_secs_f64() >= 2000.0
        }
    };
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// The least that a program can do: 1000 at once, one thread, no parsing, no deadlines, no records.
fn bare(targets: &str) {
    let targets = fs::read_to_string(targets).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let room = Arc::new(Semaphore::new(1000));
        let mut flying = JoinSet::new();
        for target in targets.lines() {
            let target: SocketAddr = target.parse().unwrap();
            let place = room.clone().acquire_owned().await.unwrap();
            flying.spawn(async move {
                converse(target).await.unwrap();
                drop(place);
            });
        }
        flying.join_all().await;
    });
}

async fn converse(target: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect(target).await?;
    stream.set_nodelay(true)?;
    hear(&mut stream).await?;
    stream.write_all(b"EHLO probe.example.org\r\n").await?;
    hear(&mut stream).await?;
    stream.write_all(b"STARTTLS\r\n").await?;
    hear(&mut stream).await
}

/// A reply: the lab says each at once.
async fn hear(stream: &mut TcpStream) -> io::Result<()> {
    match stream.read(&mut [0; 4096]).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}
