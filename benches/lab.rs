//! mail-lab as a load target: 20,000 addresses, and what a session costs it beside the barest client that can be.
//!
//! The client is a loop over tokio's sockets: connect, banner, EHLO, STARTTLS, close; nothing is kept. The figure that
//! matters is the ratio: a lab that costs more than its client would measure itself.
#![allow(clippy::print_stdout, clippy::expect_used)]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

const ADDRESSES: u32 = 20_000;
const AT_ONCE: usize = 500;
const NAMES: usize = 1_000_000;
const QUESTIONS: usize = 300_000;

fn main() {
    let directory = tempfile::tempdir().expect("a directory");
    let world = directory.path().join("world.ndjson");
    write_world(&world);

    let begin = Instant::now();
    let lab = Lab::start(&world);
    println!(
        "start: {ADDRESSES} listeners and {NAMES} names in {:.1} s, {} MiB in {} processes",
        begin.elapsed().as_secs_f64(),
        lab.memory() >> 10,
        lab.processes().len(),
    );
    for rate in [None, Some(2_000)] {
        sessions(&lab, rate);
    }
    questions(&lab);
}

fn write_world(path: &std::path::Path) {
    let mut file = std::io::BufWriter::new(fs::File::create(path).expect("a world"));
    for ip in addresses() {
        writeln!(file, r#"{{"type":"server","ip":"{ip}","as":"tls"}}"#).expect("a world");
    }
    for n in 0..NAMES {
        let host = n % 50_000;
        writeln!(
            file,
            r#"{{"type":"name","name":"d{n}.test","mx":[[10,"mx{host}.test"]]}}"#
        )
        .expect("a world");
    }
}

fn addresses() -> impl Iterator<Item = IpAddr> {
    (0..ADDRESSES)
        .map(|n| Ipv4Addr::from((127 << 24 | 16 << 16) + ((n / 250) << 8) + 1 + n % 250).into())
}

/// Sessions over all addresses, as fast as may be or at a rate.
fn sessions(lab: &Lab, rate: Option<u32>) {
    let (ours, theirs, begin) = (cpu_of(std::process::id()), lab.cpu(), Instant::now());
    let done = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(run_sessions(lab.port, rate));
    let elapsed = begin.elapsed();
    let ours = cpu_of(std::process::id()) - ours;
    let theirs = lab.cpu() - theirs;
    let each = |cpu: Duration| cpu.as_secs_f64() * 1e3 / f64::from(done);
    println!(
        "sessions{}: {done} of {ADDRESSES}, {:.0}/s; a session costs the lab {:.3} ms CPU, a bare loop {:.3} ms",
        rate.map(|rate| format!(" at {rate}/s")).unwrap_or_default(),
        f64::from(done) / elapsed.as_secs_f64(),
        each(theirs),
        each(ours),
    );
}

async fn run_sessions(port: u16, rate: Option<u32>) -> u32 {
    let (sender, mut done) = mpsc::channel::<bool>(AT_ONCE);
    let mut open = 0;
    let mut good = 0;
    let begin = Instant::now();
    for (nth, ip) in addresses().enumerate() {
        if let Some(rate) = rate {
            let due = begin + Duration::from_secs(1) * nth as u32 / rate;
            tokio::time::sleep_until(due.into()).await;
        }
        while open >= AT_ONCE {
            good += u32::from(done.recv().await == Some(true));
            open -= 1;
        }
        let sender = sender.clone();
        tokio::spawn(async move {
            let result = session(SocketAddr::new(ip, port)).await;
            let _ = sender.send(result.is_ok()).await;
        });
        open += 1;
    }
    drop(sender);
    while let Some(result) = done.recv().await {
        good += u32::from(result);
    }
    good
}

async fn session(address: SocketAddr) -> std::io::Result<()> {
    let mut buffer = [0; 512];
    let mut stream = TcpStream::connect(address).await?;
    let mut read = stream.read(&mut buffer).await?;
    for command in [&b"EHLO probe.test\r\n"[..], b"STARTTLS\r\n"] {
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        stream.write_all(command).await?;
        read = stream.read(&mut buffer).await?;
    }
    match &buffer[..read] {
        reply if reply.starts_with(b"220 ") => Ok(()),
        _ => Err(std::io::ErrorKind::InvalidData.into()),
    }
}

/// MX questions for names all over the table, 64 under way at once.
fn questions(lab: &Lab) {
    const WINDOW: usize = 64;
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.connect(lab.dns).expect("the lab's DNS");
    socket
        .set_read_timeout(Some(Duration::from_secs(2)))
        .expect("a timeout");
    let (ours, theirs, begin) = (cpu_of(std::process::id()), lab.cpu(), Instant::now());
    let mut buffer = [0; 1500];
    let (mut answered, mut with_mx) = (0, 0);
    for nth in 0..QUESTIONS + WINDOW {
        if nth < QUESTIONS {
            socket
                .send(&question(nth * 7_919 % NAMES))
                .expect("a question");
        }
        if nth >= WINDOW && socket.recv(&mut buffer).is_ok() {
            answered += 1;
            with_mx += usize::from(buffer[7] == 1);
        }
    }
    let elapsed = begin.elapsed();
    let per_100_000 = |cpu: Duration| cpu.as_secs_f64() * 100_000.0 / answered as f64;
    println!(
        "questions: {answered} answered, {with_mx} with an MX, {:.0}/s; 100,000 cost the lab {:.2} s CPU, the client {:.2} s",
        answered as f64 / elapsed.as_secs_f64(),
        per_100_000(lab.cpu() - theirs),
        per_100_000(cpu_of(std::process::id()) - ours),
    );
}

fn question(n: usize) -> Vec<u8> {
    let label = format!("d{n}");
    let mut message = vec![0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, label.len() as u8];
    message.extend_from_slice(label.as_bytes());
    message.extend_from_slice(b"\x04test\x00\x00\x0f\x00\x01");
    message
}

struct Lab {
    child: Child,
    dns: SocketAddr,
    port: u16,
}

impl Lab {
    fn start(world: &std::path::Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_mail-lab"))
            .args(["--port", "0", "--dns-port", "0"])
            .arg(world)
            .stdout(Stdio::piped())
            .spawn()
            .expect("mail-lab");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut value = || {
            let line = lines.next().expect("the lab is up").expect("a line");
            line.split_once('=').expect("a variable").1.to_string()
        };
        let (dns, port, _roots) = (value(), value(), value());
        Self {
            dns: dns.parse().expect("an address"),
            port: port.parse().expect("a port"),
            child,
        }
    }

    /// The lab and its workers.
    fn processes(&self) -> Vec<u32> {
        let id = self.child.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
        let children = children.unwrap_or_default();
        let mut all: Vec<u32> = children.split_whitespace().flat_map(str::parse).collect();
        all.push(id);
        all
    }

    fn cpu(&self) -> Duration {
        self.processes().into_iter().map(cpu_of).sum()
    }

    /// Resident, KiB.
    fn memory(&self) -> u64 {
        let resident = |id: &u32| {
            let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
            let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
            line.split_whitespace().nth(1)?.parse::<u64>().ok()
        };
        self.processes().iter().filter_map(resident).sum()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status();
        let _ = self.child.wait();
    }
}

/// CPU time of all threads of a process, from the scheduler's own nanoseconds.
fn cpu_of(id: u32) -> Duration {
    let Ok(tasks) = fs::read_dir(format!("/proc/{id}/task")) else {
        return Duration::ZERO;
    };
    let of_task = |task: fs::DirEntry| {
        let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split_whitespace()
            .next()?
            .parse()
            .ok()
            .map(Duration::from_nanos)
    };
    tasks.flatten().filter_map(of_task).sum()
}
