//! TCP connections with a deadline, from a chosen source address, and only where the gate admits.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, sleep, timeout};

use super::Gate;
use crate::record::{Outcome, Phase, Reason};

/// Connects to servers.
#[derive(Debug)]
pub struct Connector {
    /// Which addresses may be connected to, checked on the very address that is.
    pub gate: Gate,
    /// Source addresses, used in turn (`--bind`); none: the system chooses.
    pub bind: Vec<IpAddr>,
    /// How long the handshake of TCP may take.
    pub timeout: Duration,
    /// Whether this machine has IPv6 beyond loopback.
    pub has_ipv6: bool,
    turn: AtomicUsize,
}

impl Connector {
    /// A connector; looks once whether there is IPv6 here, without sending a packet.
    pub fn new(gate: Gate, bind: Vec<IpAddr>, timeout: Duration) -> Self {
        Self {
            gate,
            bind,
            timeout,
            has_ipv6: has_ipv6(),
            turn: AtomicUsize::new(0),
        }
    }

    /// Why `ip` will not be connected to, if it will not.
    pub fn refusal(&self, ip: IpAddr, names: &[&str]) -> Option<Reason> {
        if let Err(reason) = self.gate.admit(ip, names) {
            return Some(reason);
        }
        let is_v6 = ip.to_canonical().is_ipv6();
        (is_v6 && !self.has_ipv6 && !ip.is_loopback()).then_some(Reason::NoIpv6Here)
    }

    /// A connection to `to`, or the outcome: `connect/…`, or `banner/reset`.
    pub async fn connect(&self, to: SocketAddr) -> Result<TcpStream, Outcome> {
        if let Some(reason) = self.refusal(to.ip(), &[]) {
            return Err(Outcome::new(Phase::Connect, reason));
        }
        let to = SocketAddr::new(to.ip().to_canonical(), to.port());
        let socket = self.socket(to.ip()).map_err(|error| failure(&error))?;
        match timeout(self.timeout, socket.connect(to)).await {
            Ok(Ok(stream)) => {
                // Lock-step dialogues gain nothing from Nagle; a failure to set it costs only time.
                let _ = stream.set_nodelay(true);
                Ok(stream)
            }
            Ok(Err(error)) => Err(failure(&error)),
            Err(_) => Err(Outcome::new(Phase::Connect, Reason::Timeout)),
        }
    }

    fn socket(&self, to: IpAddr) -> io::Result<TcpSocket> {
        let socket = if to.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        let mut sources = self
            .bind
            .iter()
            .filter(|source| source.is_ipv4() == to.is_ipv4());
        let count = sources.clone().count();
        if count > 0 {
            let turn = self.turn.fetch_add(1, Ordering::Relaxed) % count;
            if let Some(&source) = sources.nth(turn) {
                // Without this, some 28,000 connections in TIME_WAIT would use the address up.
                socket.set_reuseaddr(true)?;
                socket.bind(SocketAddr::new(source, 0))?;
            }
        }
        Ok(socket)
    }
}

fn failure(error: &io::Error) -> Outcome {
    match reason(error) {
        Reason::Local => Outcome::new(Phase::Connect, Reason::Local).with(error.to_string()),
        // A RST to the SYN is a refusal: this one came so soon after the handshake that connect(2) met it.
        Reason::Reset => Outcome::new(Phase::Banner, Reason::Reset),
        reason => Outcome::new(Phase::Connect, reason),
    }
}

/// What an error of a socket means; five things that are not one.
pub fn reason(error: &io::Error) -> Reason {
    match error.kind() {
        ErrorKind::ConnectionRefused => Reason::Refused,
        ErrorKind::TimedOut => Reason::Timeout,
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
            Reason::Reset
        }
        ErrorKind::UnexpectedEof | ErrorKind::NotConnected => Reason::Closed,
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown => {
            Reason::Unreachable
        }
        // EPERM is what a local firewall's REJECT or a prohibited route says.
        ErrorKind::PermissionDenied => Reason::Unreachable,
        _ => Reason::Local,
    }
}

/// The outcome of a conversation that ended while it was the server's turn, by how the connection ended: where the server
/// closed, it is closed or reset.
///
/// A server that closes without having read our last words sends a RST: in the place of its FIN where they were there, and
/// behind it where they were still under way (RFC 9293 §3.10.7.1, RFC 1122 §4.2.2.13). Which of the two it is hangs on
/// milliseconds, so a FIN is believed once a RST would have come, within a round trip. A greeting is waited for before any
/// word of ours, so there a FIN is a FIN.
pub async fn with_ending(outcome: Outcome, stream: &TcpStream, round_trip: Duration) -> Outcome {
    if outcome.reason != Reason::Closed || outcome.phase == Phase::Banner {
        return outcome;
    }
    let patience = (2 * round_trip + Duration::from_millis(60)).min(Duration::from_secs(1));
    let until = Instant::now() + patience;
    // A socket that was reset has no other side any more; one that was closed by that side alone still has.
    while stream.peer_addr().is_ok() {
        if Instant::now() >= until {
            return outcome;
        }
        sleep(Duration::from_millis(3)).await;
    }
    Outcome {
        reason: Reason::Reset,
        ..outcome
    }
}

/// A connected UDP socket needs a route and sends nothing.
fn has_ipv6() -> bool {
    const SOMEWHERE: Ipv6Addr = Ipv6Addr::new(0x2001, 0x4860, 0x4860, 0, 0, 0, 0, 0x8888);
    UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0))
        .and_then(|socket| socket.connect((SOMEWHERE, 53)))
        .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connector(allow: &str) -> Connector {
        let gate = Gate {
            allow: vec![allow.parse().unwrap()],
            ..Gate::default()
        };
        Connector::new(
            gate,
            vec!["127.0.0.7".parse().unwrap()],
            Duration::from_millis(200),
        )
    }

    #[tokio::test]
    async fn the_source_address_is_the_bound_one() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to = listener.local_addr().unwrap();
        let _client = connector("127.0.0.0/8").connect(to).await.unwrap();
        let (_, from) = listener.accept().await.unwrap();
        assert_eq!(from.ip().to_string(), "127.0.0.7");
    }

    #[test]
    fn without_ipv6_only_loopback_is_connected_to_by_it() {
        let gate = Gate {
            allow: vec!["::1/128".parse().unwrap()],
            ..Gate::default()
        };
        let mut connector = Connector::new(gate, Vec::new(), Duration::from_millis(200));
        connector.has_ipv6 = false;
        let refusal = |ip: &str| connector.refusal(ip.parse().unwrap(), &[]);
        assert_eq!(refusal("2606:4700::1111"), Some(Reason::NoIpv6Here));
        assert_eq!(refusal("::1"), None);
        assert_eq!(refusal("::ffff:9.9.9.9"), None);
    }

    #[test]
    fn a_reset_is_one_of_a_connection_that_stood() {
        let failed = failure(&ErrorKind::ConnectionReset.into());
        assert_eq!(failed, Outcome::new(Phase::Banner, Reason::Reset));
        let refused = failure(&ErrorKind::ConnectionRefused.into());
        assert_eq!(refused, Outcome::new(Phase::Connect, Reason::Refused));
    }

    #[tokio::test]
    async fn refused_and_blocked_are_two_things() {
        let to = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let refused = connector("127.0.0.0/8").connect(to).await.unwrap_err();
        assert_eq!(refused, Outcome::new(Phase::Connect, Reason::Refused));
        let blocked = connector("10.0.0.0/8").connect(to).await.unwrap_err();
        assert_eq!(
            blocked,
            Outcome::new(Phase::Connect, Reason::BlockedAddress)
        );
    }
}
