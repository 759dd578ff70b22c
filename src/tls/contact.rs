//! From an address to the moment at which TLS begins: connect, EHLO, STARTTLS (RFC 3207 §4).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use time::OffsetDateTime;
use tokio::net::TcpStream;

use crate::net::connect::Connector;
use crate::record::{Outcome, Phase, Reason};
use crate::smtp::dialogue::Dialogue;
use crate::smtp::helo::HeloName;
use crate::smtp::session::{Patience, Session, Upgrade};

/// How to reach servers.
#[derive(Debug)]
pub struct Contact {
    /// Connects.
    pub connector: Connector,
    /// Our name.
    pub helo: HeloName,
    /// How long to wait for each reply.
    pub patience: Patience,
    /// How long a handshake may take.
    pub handshake: Duration,
    /// How long a connection may take in all.
    pub session: Duration,
}

/// One connection, and what SMTP said in it.
#[derive(Debug)]
pub struct Call {
    /// When it began, for pacing.
    pub began: Instant,
    /// The same as time of day.
    pub connected: OffsetDateTime,
    /// The end of its time.
    pub until: tokio::time::Instant,
    /// What was learned in clear.
    pub dialogue: Dialogue,
}

impl Contact {
    /// A connection that begins now.
    pub fn call(&self) -> Call {
        let began = Instant::now();
        Call {
            began,
            connected: OffsetDateTime::now_utc(),
            until: (began + self.session).into(),
            dialogue: Dialogue::default(),
        }
    }

    /// Connects and converses as far as the 220 to STARTTLS; then TLS is next on the stream, behind the bytes that have
    /// come already.
    pub async fn open(
        &self,
        to: SocketAddr,
        call: &mut Call,
    ) -> Result<(TcpStream, Vec<u8>), Outcome> {
        let stream = self.connector.connect(to).await?;
        call.dialogue.timings.connect_ms = Some(milliseconds(call.began));
        let session = Session::new(stream, self.patience, call.until, &mut call.dialogue)
            .greet()
            .await?
            .introduce(self.helo.as_str())
            .await?;
        match session.starttls().await? {
            Upgrade::Ready { stream, leftover } => Ok((stream, leftover)),
            Upgrade::Refused(session) => {
                session.quit().await;
                Err(Outcome::new(Phase::Starttls, Reason::Rejected))
            }
        }
    }

    /// The end of a handshake that begins now in `call`.
    pub fn deadline(&self, call: &Call) -> tokio::time::Instant {
        call.until.min(tokio::time::Instant::now() + self.handshake)
    }
}

pub(super) fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
