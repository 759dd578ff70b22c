//! The handshake with today's servers: rustls, TLS 1.3 and 1.2, X25519MLKEM768 first (RFC 8446).
//!
//! It takes any certificate and checks no signature: what a server shows is wanted, not trust in it. What the
//! certificate is worth is judged later, by [`crate::x509`].

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, InvalidMessage, PeerMisbehaved, SignatureScheme,
};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout_at;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::exchange::ExchangeLimits;
use super::flight::Flight;
use super::memory::Memory;
use super::names::{Group, ProtocolVersion};
use super::opening::opening;
use super::provider;
use super::suite::SuiteNumber;
use super::tap::{Clear, Tap};
use crate::net::connect;
use crate::record::{AlertDescription, Curve, KeyType, Outcome, Phase, Reason, Tls};
use crate::x509::facts;

/// Makes handshakes.
#[derive(Debug)]
pub struct TlsClient {
    config: ClientConfig,
    /// Room for large flights, of all connections of this client together.
    pub(super) memory: Memory,
}

impl TlsClient {
    /// A client that offers all that rustls speaks.
    ///
    /// # Errors
    /// The cryptographic library offers no TLS at all.
    pub fn new() -> Result<Self, Error> {
        let provider = provider::provider();
        let recorder = Arc::new(Recorder::default());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(recorder)
            .with_no_client_auth();
        // One connection to each server: there is nothing to resume, and tickets would only be kept.
        config.resumption = Resumption::disabled();
        Ok(Self {
            config,
            memory: Memory::default(),
        })
    }

    /// Begins a handshake over `stream`. With no name that SNI can carry, none is sent (RFC 6066 §3).
    pub fn begin(&self, stream: TcpStream, name: Option<&str>, ip: IpAddr) -> Handshake {
        let recorder = Arc::new(Recorder::default());
        let mut config = self.config.clone();
        config
            .dangerous()
            .set_certificate_verifier(recorder.clone());
        config.client_auth_cert_resolver = recorder.clone();
        let name = name
            .and_then(|name| ServerName::try_from(name.to_owned()).ok())
            .unwrap_or_else(|| ServerName::from(ip));
        let clear = Clear::default();
        let tap = Tap::new(stream, clear.clone(), self.memory.clone());
        let mut hello = Vec::new();
        let connector = TlsConnector::from(Arc::new(config));
        let connect = connector.connect_with(name, tap, |connection| {
            // Writing into memory does not fail; a hello that could not be made is an error of the handshake.
            let _ = connection.write_tls(&mut hello);
        });
        Handshake {
            hello,
            connect: Box::new(connect),
            seen: HandshakeFacts { recorder, clear },
            round_trip: Duration::ZERO,
        }
    }
}

/// A handshake under way.
pub struct Handshake {
    hello: Vec<u8>,
    connect: Box<tokio_rustls::Connect<Tap<TcpStream>>>,
    seen: HandshakeFacts,
    /// How long a packet takes to the server and back.
    round_trip: Duration,
}

impl Handshake {
    /// What it shows, also when it is given up.
    pub fn seen(&self) -> HandshakeFacts {
        self.seen.clone()
    }

    /// Sends the hello, and waits for TLS to begin; `leftover` came behind the 220 already. Returns the plain text
    /// that came before TLS. Where there was plain text alone, that is the outcome.
    pub(super) async fn open(
        &mut self,
        leftover: Vec<u8>,
        limits: ExchangeLimits<'_>,
    ) -> Result<Vec<u8>, Outcome> {
        let ExchangeLimits { until, grace, .. } = limits;
        self.round_trip = limits.round_trip;
        let hello = std::mem::take(&mut self.hello);
        let Some(tap) = self.connect.get_mut() else {
            return Ok(Vec::new());
        };
        let sent = async {
            // Neither fails: what the server said is read first.
            let _ = tap.write_all(&hello).await;
            tap.send().await;
        };
        let _ = timeout_at(until, sent).await;
        drop(hello);
        // rustls holds 4 KiB ready from its first look at the stream on. Thousands of servers are slow to answer, so it
        // is shown the stream only when there is something to read.
        match opening(tap.stream(), leftover, until, grace).await {
            Ok(opening) => {
                tap.unread(opening.first);
                Ok(opening.injected)
            }
            Err(outcome) => Err(connect::with_ending(outcome, tap.stream(), self.round_trip).await),
        }
    }

    /// Finishes it, or says how it failed.
    pub async fn finish(self) -> Result<Box<TlsStream<Tap<TcpStream>>>, Outcome> {
        match self.connect.into_fallible().await {
            Ok(stream) => Ok(Box::new(stream)),
            Err((error, mut tap)) => {
                let outcome = self.seen.failure(&error);
                let outcome = connect::with_ending(outcome, tap.stream(), self.round_trip).await;
                // An alert of ours that says why, if there is one.
                tap.send().await;
                Err(outcome)
            }
        }
    }
}

/// What a handshake has shown so far.
#[derive(Clone, Debug)]
pub struct HandshakeFacts {
    recorder: Arc<Recorder>,
    clear: Clear,
}

impl HandshakeFacts {
    /// The part in clear.
    pub fn flight(&self) -> Flight {
        self.clear.reader().flight.clone()
    }

    /// The chain, if one was sent.
    pub fn chain(&self) -> Option<Vec<Vec<u8>>> {
        let recorded = self.recorder.recorded();
        match recorded.chain.is_empty() {
            true => self.clear.reader().flight.chain.clone(),
            false => Some(recorded.chain.clone()),
        }
    }

    /// Writes what was learned into a record.
    pub fn describe(&self, tls: &mut Tls) {
        self.clear.reader().flight.describe(tls);
        let recorded = self.recorder.recorded();
        if let Some(scheme) = recorded.signature_scheme {
            tls.signature_scheme = Some(crate::record::SignatureScheme::from_number(scheme));
        }
        tls.ocsp_stapled = recorded.is_stapled.or(tls.ocsp_stapled);
        if recorded.is_client_asked {
            tls.client_certificate_requested = Some(true);
        }
    }

    /// What only the finished handshake tells.
    pub fn describe_finished<S>(&self, stream: &TlsStream<S>, tls: &mut Tls) {
        let (_, connection) = stream.get_ref();
        tls.completed = Some(true);
        tls.negotiated = Some(true);
        if let Some(version) = connection.protocol_version() {
            tls.version = Some(ProtocolVersion(u16::from(version)).name());
        }
        if let Some(suite) = connection.negotiated_cipher_suite() {
            tls.cipher = Some(SuiteNumber(u32::from(u16::from(suite.suite()))).record());
        }
        if let Some(group) = connection.negotiated_key_exchange_group() {
            tls.group = Some(Group(u16::from(group.name())).name());
        }
        tls.client_certificate_requested = Some(self.recorder.recorded().is_client_asked);
    }

    /// Why a handshake failed: five things that are not one, and none of them is "no TLS".
    fn failure(&self, error: &io::Error) -> Outcome {
        let reader = self.clear.reader();
        let inner = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<Error>());
        let Some(inner) = inner else {
            return Outcome::new(Phase::Handshake, connect::reason(error));
        };
        let outcome = |reason| Outcome::new(Phase::Handshake, reason);
        // rustls takes an alert for nothing else than a record of two octets.
        if let (Error::InvalidMessage(_), None, Some((2, alert))) =
            (inner, reader.flight.version, reader.flight.alert)
        {
            return outcome(Reason::Alert).with(AlertDescription::from_number(alert).word());
        }
        match inner {
            Error::AlertReceived(alert) => {
                outcome(Reason::Alert).with(AlertDescription::from_number(u8::from(*alert)).word())
            }
            Error::InvalidMessage(
                InvalidMessage::HandshakePayloadTooLarge
                | InvalidMessage::CertificatePayloadTooLarge,
            ) if reader.flight.version.is_some() => outcome(Reason::TooLong),
            // rustls gives up on a key for RSA-PSS in TLS 1.2 (RFC 8446 §4.2.3), and blames the server.
            Error::PeerMisbehaved(PeerMisbehaved::SignedKxWithWrongAlgorithm)
                if (reader.flight.signature_scheme).is_some_and(is_rsa_pss_key) =>
            {
                outcome(Reason::Unsupported).with("a key for RSA-PSS alone in TLS 1.2")
            }
            Error::PeerIncompatible(why) => outcome(Reason::Unsupported).with(format!("{why:?}")),
            other => outcome(Reason::TlsError).with(other.to_string()),
        }
    }
}

/// Whether a scheme is one of a key that can do RSA-PSS alone (RFC 8446 §4.2.3).
fn is_rsa_pss_key(scheme: u16) -> bool {
    matches!(scheme, 0x0809..=0x080b)
}

/// Whether the hello of today offers all that a server chose in `flight`, as far as it is known.
pub(super) fn is_offered_today(flight: &Flight) -> bool {
    let provider = provider::provider();
    let has_suite = |suite: SuiteNumber| {
        let mut offered = provider.cipher_suites.iter();
        offered.any(|it| u32::from(u16::from(it.suite())) == suite.0)
    };
    let has_scheme = |scheme| provider::SCHEMES.iter().any(|&it| u16::from(it) == scheme);
    flight.version >= Some(ProtocolVersion::TLS12)
        && flight.suite.is_some_and(has_suite)
        && has_usual_group(flight)
        && has_usual_key(flight)
        && flight.signature_scheme.is_none_or(has_scheme)
}

/// Whether the hello of today lets a server use the key of its certificate: below TLS 1.3 its curve has to be one of the
/// groups (RFC 8422 §5.1, §5.3).
fn has_usual_key(flight: &Flight) -> bool {
    let leaf = flight.chain.as_ref().and_then(|chain| chain.first());
    let Some(Ok(facts)) = leaf.map(|der| facts::facts(der)) else {
        return true;
    };
    facts.key_type != KeyType::Ec
        || matches!(facts.curve, Some(Curve::P256 | Curve::P384 | Curve::P521))
}

/// Whether the hello of today offers the group in `flight`, if there is one.
pub(super) fn has_usual_group(flight: &Flight) -> bool {
    let provider = provider::provider();
    flight.group.is_none_or(|group| {
        let mut offered = provider.kx_groups.iter();
        offered.any(|it| u16::from(it.name()) == group.0)
    })
}

#[derive(Debug, Default)]
struct Recorder(Mutex<Recorded>);

#[derive(Debug, Default)]
struct Recorded {
    chain: Vec<Vec<u8>>,
    is_stapled: Option<bool>,
    signature_scheme: Option<u16>,
    is_client_asked: bool,
}

impl Recorder {
    fn recorded(&self) -> MutexGuard<'_, Recorded> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn signed(&self, signed: &DigitallySignedStruct) -> Result<HandshakeSignatureValid, Error> {
        self.recorded().signature_scheme = Some(u16::from(signed.scheme));
        Ok(HandshakeSignatureValid::assertion())
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        ocsp_response: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let mut recorded = self.recorded();
        recorded.chain = std::iter::once(end_entity)
            .chain(intermediates)
            .map(|der| der.to_vec())
            .collect();
        recorded.is_stapled = Some(!ocsp_response.is_empty());
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signed(signed)
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signed(signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider::SCHEMES.to_vec()
    }
}

impl ResolvesClientCert for Recorder {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.recorded().is_client_asked = true;
        None
    }

    fn has_certs(&self) -> bool {
        true
    }
}
