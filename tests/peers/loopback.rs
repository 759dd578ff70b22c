//! Addresses and ports on loopback that no other test uses at the same time, in this process or another.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU32, Ordering};

/// A /24 of 127.0.0.0/8, and a port that is free on it.
#[derive(Clone, Copy, Debug)]
pub struct Loopback {
    network: [u8; 3],
    pub port: u16,
}

impl Loopback {
    /// Ports are taken below the ephemeral range, so that no socket of a client is in the way.
    pub fn new() -> Self {
        static TAKEN: AtomicU32 = AtomicU32::new(0);
        let process = std::process::id();
        loop {
            let taken = TAKEN.fetch_add(1, Ordering::Relaxed);
            let taken_from_process = process.wrapping_mul(37).wrapping_add(taken);
            let network = [
                127,
                u8::try_from(100 + process % 128).unwrap(),
                u8::try_from(taken % 256).unwrap(),
            ];
            let port = u16::try_from(20_000 + taken_from_process % 12_000).unwrap();
            let this = Self { network, port };
            let free = TcpListener::bind(this.address(1)).is_ok()
                && UdpSocket::bind(this.address(1)).is_ok();
            if free {
                return this;
            }
        }
    }

    pub fn ip(&self, host: u8) -> Ipv4Addr {
        let [a, b, c] = self.network;
        Ipv4Addr::new(a, b, c, host)
    }

    pub fn address(&self, host: u8) -> SocketAddr {
        SocketAddr::from((self.ip(host), self.port))
    }
}

/// Whether somebody listens there, by the kernel's table: no server counts a connection for having been asked.
pub fn is_listening(address: SocketAddr) -> bool {
    const LISTEN: &str = "0A";
    is_in_table("/proc/net/tcp", address, |state| state == LISTEN)
}

/// The same for UDP.
pub fn is_bound(address: SocketAddr) -> bool {
    is_in_table("/proc/net/udp", address, |_| true)
}

/// Connections that stand, by their servers' end.
pub fn connections_to(port: u16) -> usize {
    const ESTABLISHED: &str = "01";
    let end = format!(":{port:04X}");
    let rows = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let is_one = |row: &&str| {
        let mut columns = row.split_whitespace().skip(1);
        columns.next().is_some_and(|local| local.ends_with(&end))
            && columns.nth(1) == Some(ESTABLISHED)
    };
    rows.lines().filter(is_one).count()
}

fn is_in_table(table: &str, address: SocketAddr, wanted: impl Fn(&str) -> bool) -> bool {
    let SocketAddr::V4(address) = address else {
        panic!("{address}: the tables read here are those of IPv4");
    };
    // The kernel prints the address as a number of this machine's byte order.
    let number = u32::from_ne_bytes(address.ip().octets());
    let local = format!("{number:08X}:{:04X}", address.port());
    let rows = std::fs::read_to_string(table).unwrap();
    rows.lines().any(|row| {
        let mut columns = row.split_whitespace().skip(1);
        columns.next() == Some(local.as_str()) && columns.nth(1).is_some_and(&wanted)
    })
}

#[test]
fn the_table_shows_who_listens() {
    let loopback = Loopback::new();
    assert!(!is_listening(loopback.address(7)));
    let _listener = TcpListener::bind(loopback.address(7)).unwrap();
    assert!(is_listening(loopback.address(7)));
    assert!(!is_bound(loopback.address(7)));
    let _socket = UdpSocket::bind(loopback.address(7)).unwrap();
    assert!(is_bound(loopback.address(7)));
}
