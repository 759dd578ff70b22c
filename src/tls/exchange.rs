//! One hello of our own, and the flight that answers it: for servers that rustls cannot speak to, and for counting
//! what a server speaks.

use std::sync::Arc;
use std::time::Duration;

use rand::Rng as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout_at;

use super::flight::{Flight, FlightEnd, FlightReader};
use super::hello::{ClientHello, SIGNATURES};
use super::memory::{FREE, Memory};
use super::modern::Modern;
use super::names::{Group, ProtocolVersion, alerts};
use super::opening::opening;
use super::share::KeyShare;
use super::sslv2::{self, Sslv2Answer};
use crate::net::connect;
use crate::record::{AlertDescription, Outcome, Phase, Reason};

/// close_notify, as a warning: we have seen enough (RFC 5246 §7.2.1).
const FAREWELL: [u8; 7] = [21, 3, 1, 0, 2, 1, 0];

/// An answer, and how it ended: `done/ok` with the whole flight in clear.
#[derive(Clone, Debug)]
pub struct Answered {
    /// What was learned.
    pub flight: Flight,
    /// How it ended.
    pub outcome: Outcome,
    /// Plain text came before TLS.
    pub is_injected: bool,
}

impl Answered {
    /// Nothing was learned.
    pub fn nothing(outcome: Outcome) -> Self {
        Self {
            flight: Flight::default(),
            outcome,
            is_injected: false,
        }
    }

    /// The alert that came in the place of a ServerHello.
    pub fn alert(&self) -> Option<u8> {
        let (_, description) = self.flight.alert?;
        (self.flight.version.is_none() && self.outcome.reason == Reason::Alert)
            .then_some(description)
    }
}

/// A hello that finds something in common with whatever a server speaks from SSLv3 to TLS 1.3, by these suites. Without
/// a share for post-quantum key exchange it is short.
pub fn everything<'a>(server_name: Option<&'a str>, suites: &'a [u16]) -> ClientHello<'a> {
    ClientHello {
        version: ProtocolVersion::TLS13,
        lowest: ProtocolVersion::SSLV3,
        share: KeyShare::generate(Group::X25519).map(Arc::new),
        cookie: None,
        suites,
        groups: &Group::CURVES,
        signatures: &SIGNATURES,
        server_name,
        // A hello of TLS 1.3 must offer none (RFC 8446 §4.1.2).
        compression: false,
        random: rand::rng().random(),
    }
}

/// The same without TLS 1.3, for servers that read today's hello and found nothing in it: some that speak TLS 1.0 alone
/// take supported_versions for more than they can do, and DEFLATE can be offered.
pub fn old<'a>(server_name: Option<&'a str>, suites: &'a [u16]) -> ClientHello<'a> {
    ClientHello {
        version: ProtocolVersion::TLS12,
        share: None,
        compression: true,
        ..everything(server_name, suites)
    }
}

/// What bounds an exchange.
#[derive(Clone, Copy, Debug)]
pub struct ExchangeLimits<'a> {
    /// Its end.
    pub until: tokio::time::Instant,
    /// How long TLS may take to begin behind plain text.
    pub grace: Duration,
    /// How long a packet takes to the server and back.
    pub round_trip: Duration,
    /// Room for large flights.
    pub memory: &'a Memory,
}

/// Sends a hello and reads the flight that answers it; `leftover` came before it, in clear.
pub async fn ask(
    stream: &mut TcpStream,
    leftover: Vec<u8>,
    hello: &ClientHello<'_>,
    limits: ExchangeLimits<'_>,
) -> Answered {
    let mut answered = Answered::nothing(Outcome::new(Phase::Handshake, Reason::Timeout));
    let record = hello.record();
    // One that can be answered with TLS 1.2 too wants to see the chain, which TLS 1.3 encrypts.
    let mut reader = match &hello.share {
        Some(share) if hello.lowest < ProtocolVersion::TLS13 => {
            FlightReader::opening(Modern::new(share.clone(), &record[5..]))
        }
        _ => FlightReader::ending_at_retry(),
    };
    // Fails only where the server is gone: what it said before that is read first.
    let _ = timeout_at(limits.until, stream.write_all(&record)).await;
    match opening(stream, leftover, limits.until, limits.grace).await {
        Ok(opening) => {
            answered.is_injected = !opening.injected.is_empty();
            let follow = follow(stream, opening.first, &mut reader, hello, limits.memory);
            if let Ok(outcome) = timeout_at(limits.until, follow).await {
                answered.outcome = outcome;
            }
        }
        Err(outcome) => answered.outcome = outcome,
    }
    answered.outcome = connect::with_ending(answered.outcome, stream, limits.round_trip).await;
    if !reader.flight.finished {
        farewell(stream).await;
    }
    answered.flight = reader.flight;
    answered
}

/// Reads the flight, behind a second hello where the server asks for another group; and finishes the handshake where it
/// is one of TLS 1.3 that can be computed.
async fn follow(
    stream: &mut TcpStream,
    first: Vec<u8>,
    reader: &mut FlightReader,
    hello: &ClientHello<'_>,
    memory: &Memory,
) -> Outcome {
    let outcome = read_flight(stream, first, reader, memory).await;
    let outcome = match second_hello(reader, hello) {
        Some(second) => {
            let _ = stream.write_all(&second).await;
            read_flight(stream, Vec::new(), reader, memory).await
        }
        None => outcome,
    };
    if let Some(answer) = reader.answer() {
        let _ = stream.write_all(&answer).await;
        let _ = stream.shutdown().await;
    }
    outcome
}

/// The hello that answers a HelloRetryRequest, if it was one and its group can be computed with.
fn second_hello(reader: &mut FlightReader, hello: &ClientHello<'_>) -> Option<Vec<u8>> {
    if reader.feed(&[]) != Some(&FlightEnd::Retry) {
        return None;
    }
    let share = match reader.flight.group {
        // Only a cookie is asked for.
        None => hello.share.clone()?,
        Some(group) => Arc::new(KeyShare::generate(group)?),
    };
    let second = ClientHello {
        share: Some(share.clone()),
        cookie: reader.cookie(),
        ..hello.clone()
    };
    let second = second.record();
    reader.retry(share, &second[5..])?;
    Some(second)
}

async fn read_flight(
    stream: &mut TcpStream,
    first: Vec<u8>,
    reader: &mut FlightReader,
    memory: &Memory,
) -> Outcome {
    let failed = |reason| Outcome::new(Phase::Handshake, reason);
    // Allocated when it is needed: thousands of these wait at once.
    let mut buffer = first;
    let mut room = None;
    loop {
        if let Some(end) = reader.feed(&buffer) {
            break match end.clone() {
                FlightEnd::Done | FlightEnd::Encrypted | FlightEnd::Retry | FlightEnd::Finished => {
                    Outcome::ok()
                }
                FlightEnd::Alert => {
                    let (_, description) = reader.flight.alert.unwrap_or_default();
                    failed(Reason::Alert).with(AlertDescription::from_number(description).word())
                }
                FlightEnd::Malformed(why) => failed(Reason::TlsError).with(why),
                FlightEnd::TooLong => failed(Reason::TooLong),
            };
        }
        if reader.octets() > FREE && room.is_none() {
            room = Some(memory.room().await);
        }
        buffer.clear();
        buffer.reserve(4096);
        match stream.read_buf(&mut buffer).await {
            Ok(0) => break failed(Reason::Closed),
            Ok(_) => {}
            Err(error) => break failed(connect::reason(&error)),
        }
    }
}

/// What a server answers to a hello of SSLv2.
#[derive(Clone, Debug)]
pub enum Sslv2 {
    /// It speaks it.
    Spoken(sslv2::ServerHello),
    /// It said that it does not: an SSLv2 error, a later version, or an alert to such a hello.
    Refused,
    /// Not learned.
    Unknown(Outcome),
}

/// Sends a hello of SSLv2; `leftover` came before it, in clear.
pub async fn ask_sslv2(
    stream: &mut TcpStream,
    leftover: Vec<u8>,
    until: tokio::time::Instant,
) -> Sslv2 {
    let hello = sslv2::client_hello(rand::rng().random());
    let answer = async {
        // Fails only where the server is gone: what it said before that is read first.
        let _ = stream.write_all(&hello).await;
        let mut input = leftover;
        loop {
            if let Some(answer) = sslv2::answer(&input) {
                return Ok(answer);
            }
            if stream.read_buf(&mut input).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        }
    };
    let failed = |reason| Sslv2::Unknown(Outcome::new(Phase::Handshake, reason));
    match timeout_at(until, answer).await {
        Ok(Ok(Sslv2Answer::Hello(hello))) => Sslv2::Spoken(hello),
        Ok(Ok(Sslv2Answer::Error(_) | Sslv2Answer::Record)) => Sslv2::Refused,
        Ok(Ok(Sslv2Answer::Alert(alert)))
            if alerts::is_refusal(alert) || alerts::is_unreadable(alert) =>
        {
            Sslv2::Refused
        }
        Ok(Ok(Sslv2Answer::Alert(_))) => failed(Reason::Alert),
        Ok(Ok(Sslv2Answer::Other)) => failed(Reason::NotTls),
        Ok(Err(error)) => failed(connect::reason(&error)),
        Err(_) => failed(Reason::Timeout),
    }
}

/// A moment for the goodbye; whether it arrives decides nothing.
async fn farewell(stream: &mut TcpStream) {
    let _ = stream.try_write(&FAREWELL);
    let _ = stream.shutdown().await;
}
