//! From an address to the moment at which TLS begins: connect, EHLO, STARTTLS (RFC 3207 §4).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;

use crate::net::connect::{self, Connector};
use crate::record::{Outcome, Phase, Reason};
use crate::smtp::helo::HeloName;
use crate::smtp::probe::Conversation;
use crate::smtp::session::{Connected, Patience, Session, Upgrade};

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
    /// Whether to keep all that is said in clear.
    pub keeps_transcript: bool,
}

/// One connection, and what SMTP said in it.
#[derive(Debug)]
pub struct Call {
    /// What was said in clear. It ended well where STARTTLS was answered one way or the other.
    pub clear: Conversation,
    /// The end of its time.
    pub until: tokio::time::Instant,
}

impl Call {
    /// How long a packet takes to the server and back, as connecting took.
    pub(super) fn round_trip(&self) -> Duration {
        let connected = self.clear.dialogue.timings.connect_ms;
        connected.map_or(Duration::ZERO, Duration::from_millis)
    }
}

impl Contact {
    /// A connection that begins now.
    pub fn call(&self) -> Call {
        let clear = Conversation::begin(self.keeps_transcript);
        Call {
            until: (clear.began + self.session).into(),
            clear,
        }
    }

    /// Connects and converses as far as the 220 to STARTTLS; then TLS is next on the stream, behind the bytes that have
    /// come already.
    pub async fn open(
        &self,
        to: SocketAddr,
        call: &mut Call,
    ) -> Result<(TcpStream, Vec<u8>), Outcome> {
        match self.converse(to, call).await {
            Ok(opened) => {
                call.clear.outcome = Outcome::ok();
                opened.ok_or_else(|| Outcome::new(Phase::Starttls, Reason::Rejected))
            }
            Err(outcome) => {
                call.clear.outcome = outcome.clone();
                Err(outcome)
            }
        }
    }

    /// As [`Contact::open`]; nothing where STARTTLS was refused.
    async fn converse(
        &self,
        to: SocketAddr,
        call: &mut Call,
    ) -> Result<Option<(TcpStream, Vec<u8>)>, Outcome> {
        let Conversation {
            began, dialogue, ..
        } = &mut call.clear;
        let mut stream = self.connector.connect(to).await?;
        dialogue.timings.connect_ms = Some(milliseconds(*began));
        let session = Session::new(&mut stream, self.patience, call.until, dialogue);
        match self.ask_for_tls(session).await {
            Ok(leftover) => Ok(leftover.map(|leftover| (stream, leftover))),
            Err(outcome) => Err(connect::with_ending(outcome, &stream, call.round_trip()).await),
        }
    }

    /// What came in clear behind the 220 to STARTTLS; nothing where it was refused.
    async fn ask_for_tls(
        &self,
        session: Session<'_, &mut TcpStream, Connected>,
    ) -> Result<Option<Vec<u8>>, Outcome> {
        let session = session.greet().await?.introduce(self.helo.as_str()).await?;
        match session.starttls().await? {
            Upgrade::Ready { leftover, .. } => Ok(Some(leftover)),
            Upgrade::Refused(session) => {
                session.quit().await;
                Ok(None)
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
