//! The sockets of the DNS server: threads that read, look up and send without waiting; what waits goes to a runtime.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::Serialize;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Handle};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::answer::{LabAnswer, Transport, reply};
use super::zones::Zones;

/// A DNS server at work. It ends with the process.
pub struct DnsServer {
    /// Where it listens, over UDP and TCP.
    pub address: SocketAddr,
    /// What it did.
    pub counters: Arc<DnsCounters>,
}

/// What the DNS server did.
#[derive(Debug, Default, Serialize)]
pub struct DnsCounters {
    /// Datagrams received.
    pub udp: AtomicU64,
    /// Messages received over TCP.
    pub tcp: AtomicU64,
    /// TCP connections.
    pub tcp_connections: AtomicU64,
    /// Questions for MX.
    pub mx: AtomicU64,
    /// Questions for A.
    pub a: AtomicU64,
    /// Questions for AAAA.
    pub aaaa: AtomicU64,
    /// Questions for TLSA.
    pub tlsa: AtomicU64,
    /// Questions for other types.
    pub other: AtomicU64,
    /// Questions that were left without an answer on purpose.
    pub unanswered: AtomicU64,
}

/// Threads that answer datagrams.
const THREADS: u64 = 2;
/// What a socket holds while its thread works on another datagram.
const BUFFER: usize = 8 << 20;
/// TCP connections at once.
const CONNECTIONS: usize = 1000;
/// Between two questions on a TCP connection (RFC 7766 §6.2.3).
const IDLE: Duration = Duration::from_secs(20);

impl DnsServer {
    /// Listens on 127.0.0.1; port 0 takes a free one.
    pub fn start(zones: Zones, port: u16, seed: u64) -> io::Result<Self> {
        let (udp, tcp) = bind(port)?;
        let address = udp.local_addr()?;
        let server = Arc::new(Shared {
            zones,
            counters: Arc::default(),
        });
        let counters = Arc::clone(&server.counters);
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        for thread in 0..THREADS {
            let (udp, server, handle) = (udp.try_clone()?, Arc::clone(&server), handle.clone());
            thread::Builder::new()
                .name(format!("dns-udp-{thread}"))
                .spawn(move || serve_udp(&server, &udp, &handle, seed.wrapping_add(thread)))?;
        }
        thread::Builder::new()
            .name("dns-tcp".into())
            .spawn(move || runtime.block_on(serve_tcp(server, tcp)))?;
        Ok(Self { address, counters })
    }
}

struct Shared {
    zones: Zones,
    counters: Arc<DnsCounters>,
}

/// A UDP and a TCP socket at one port.
fn bind(port: u16) -> io::Result<(UdpSocket, std::net::TcpListener)> {
    /// Free UDP ports may be taken over TCP.
    const TRIES: u32 = 100;
    let mut tries = 0;
    loop {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        // The kernel caps it; less is a smaller buffer, not a failure.
        let _ = socket.set_recv_buffer_size(BUFFER);
        let _ = socket.set_send_buffer_size(BUFFER);
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
        let udp = UdpSocket::from(socket);
        match std::net::TcpListener::bind(udp.local_addr()?) {
            Ok(tcp) => return Ok((udp, tcp)),
            Err(_) if port == 0 && tries < TRIES => tries += 1,
            Err(error) => return Err(error),
        }
    }
}

fn serve_udp(server: &Shared, socket: &UdpSocket, runtime: &Handle, seed: u64) {
    let mut buffer = [0; 4096];
    let mut random = StdRng::seed_from_u64(seed);
    loop {
        // Errors here are ICMP messages about answers that nobody awaited.
        let Ok((length, client)) = socket.recv_from(&mut buffer) else {
            continue;
        };
        let chance = random.random_range(0..100);
        let reply = server.reply(&buffer[..length], Transport::Udp, chance);
        if reply.delay.is_zero() {
            for message in &reply.messages {
                let _ = socket.send_to(message, client);
            }
        } else if let Ok(socket) = socket.try_clone() {
            runtime.spawn(async move {
                sleep(reply.delay).await;
                for message in &reply.messages {
                    let _ = socket.send_to(message, client);
                }
            });
        }
    }
}

async fn serve_tcp(server: Arc<Shared>, listener: std::net::TcpListener) {
    let listener = match listener
        .set_nonblocking(true)
        .and_then(|()| TcpListener::from_std(listener))
    {
        Ok(listener) => listener,
        Err(error) => {
            complain(&format!("DNS over TCP: {error}"));
            return std::future::pending().await;
        }
    };
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                server
                    .counters
                    .tcp_connections
                    .fetch_add(1, Ordering::Relaxed);
                let server = Arc::clone(&server);
                tokio::spawn(async move {
                    let _ = server.tcp_connection(stream).await;
                    drop(place);
                });
            }
            Err(_) => sleep(Duration::from_millis(50)).await,
        }
    }
}

fn complain(text: &str) {
    crate::program::say("mail-lab", text);
}

impl Shared {
    async fn tcp_connection(&self, mut stream: TcpStream) -> io::Result<()> {
        let _ = stream.set_nodelay(true);
        while let Ok(Ok(length)) = timeout(IDLE, stream.read_u16()).await {
            let mut message = vec![0; usize::from(length)];
            timeout(IDLE, stream.read_exact(&mut message)).await??;
            let reply = self.reply(&message, Transport::Tcp, 99);
            sleep(reply.delay).await;
            for message in &reply.messages {
                let mut framed = (message.len() as u16).to_be_bytes().to_vec();
                framed.extend_from_slice(message);
                stream.write_all(&framed).await?;
            }
        }
        Ok(())
    }

    fn reply(&self, message: &[u8], transport: Transport, chance: u8) -> LabAnswer {
        let reply = reply(&self.zones, message, transport, chance);
        self.counters.count(&reply, transport);
        reply
    }
}

impl DnsCounters {
    fn count(&self, reply: &LabAnswer, transport: Transport) {
        let by_transport = match transport {
            Transport::Udp => &self.udp,
            Transport::Tcp => &self.tcp,
        };
        by_transport.fetch_add(1, Ordering::Relaxed);
        let by_type = match reply.asked {
            Some(1) => &self.a,
            Some(15) => &self.mx,
            Some(28) => &self.aaaa,
            Some(52) => &self.tlsa,
            _ => &self.other,
        };
        by_type.fetch_add(1, Ordering::Relaxed);
        if reply.messages.is_empty() {
            self.unanswered.fetch_add(1, Ordering::Relaxed);
        }
    }
}
