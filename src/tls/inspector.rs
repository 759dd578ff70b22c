//! Who inspects servers, what it is told of one, and what an inspection brings.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::contact::{Call, Contact};
use super::exchange::{self, Answered, ExchangeLimits};
use super::handshake::TlsClient;
use super::hello::ClientHello;
use crate::record::{For, Tls};
use crate::smtp::probe::Conversation;

/// A server to inspect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsTarget {
    /// Its address.
    pub ip: IpAddr,
    /// Its port.
    pub port: u16,
    /// The name to send, by [`super::names::server_name`].
    pub server_name: Option<String>,
    /// The line that caused it.
    pub cause: For,
    /// Who runs it: the registered domain of the exchange.
    pub operator: Option<Arc<str>>,
}

impl TlsTarget {
    /// Where to connect to.
    pub fn socket(&self) -> SocketAddr {
        SocketAddr::new(self.ip, self.port)
    }
}

/// Waits until one more connection to the same address is due.
pub trait ConnectionPace: Sync {
    /// The connection before has just ended.
    fn wait(&self) -> impl Future<Output = ()> + Send;
}

/// Inspects servers.
#[derive(Debug)]
pub struct Inspector {
    /// Reaches them.
    pub contact: Contact,
    /// Speaks today's TLS.
    pub client: TlsClient,
    /// What to count beyond what they choose.
    pub wanted: EnumerationScope,
}

/// What one inspection brought.
#[derive(Debug)]
pub struct Inspected {
    /// The record, without its certificates.
    pub tls: Box<Tls>,
    /// The chain that it names, leaf first.
    pub chain: Vec<Vec<u8>>,
    /// Certificates seen beside those of the chain.
    pub others: Vec<Vec<u8>>,
    /// What the first connection said in clear.
    pub clear: Conversation,
}

/// What to count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EnumerationScope {
    /// Versions.
    pub versions: bool,
    /// Cipher suites of each version.
    pub ciphers: bool,
    /// Key-exchange groups.
    pub groups: bool,
}

impl EnumerationScope {
    /// Nothing.
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }
}

impl Inspector {
    /// What bounds a handshake that begins now.
    pub(super) fn limits(&self, call: &Call) -> ExchangeLimits<'_> {
        ExchangeLimits {
            until: self.contact.deadline(call),
            grace: self.contact.patience.reply,
            round_trip: call.round_trip(),
            memory: &self.client.memory,
        }
    }

    /// A connection of its own for one hello.
    pub(super) async fn ask(
        &self,
        target: &TlsTarget,
        hello: &ClientHello<'_>,
    ) -> (Answered, Call) {
        let mut call = self.contact.call();
        let answered = match self.contact.open(target.socket(), &mut call).await {
            Ok((mut stream, leftover)) => {
                let limits = self.limits(&call);
                exchange::ask(&mut stream, leftover, hello, limits).await
            }
            Err(outcome) => Answered::nothing(outcome),
        };
        (answered, call)
    }
}
