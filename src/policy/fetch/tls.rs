//! The handshake with a policy host: today's TLS, the proof of the key checked, and the chain kept, whatever it is worth.
//! What it is worth is said by [`crate::x509`], so that a host whose certificate does not hold is a finding with its cause.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::net::connect;
use crate::record::{Outcome, Phase, Reason};

/// Makes handshakes with policy hosts.
#[derive(Clone, Debug)]
pub struct PolicyTlsClient {
    config: ClientConfig,
    provider: Arc<CryptoProvider>,
}

/// The chain that a host sent, leaf first.
pub type SentChain = Vec<Vec<u8>>;

impl PolicyTlsClient {
    /// A client that offers TLS 1.3 and 1.2, and HTTP/1.1.
    ///
    /// # Errors
    /// The cryptographic library offers no TLS at all.
    pub fn new() -> Result<Self, Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Recorder::new(provider.clone())))
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // Each policy is fetched once: there is nothing to resume.
        config.resumption = Resumption::disabled();
        Ok(Self { config, provider })
    }

    /// Makes the handshake over `stream`; the chain comes along however it ends.
    pub async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
        host: &str,
    ) -> (SentChain, Result<TlsStream<S>, Outcome>) {
        let Ok(name) = ServerName::try_from(host.to_owned()) else {
            // A label with an underscore, say: no certificate is for it.
            let outcome = Outcome::new(Phase::Handshake, Reason::InvalidName);
            return (SentChain::new(), Err(outcome));
        };
        let recorder = Arc::new(Recorder::new(self.provider.clone()));
        let mut config = self.config.clone();
        config
            .dangerous()
            .set_certificate_verifier(recorder.clone());
        let result = TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await;
        let chain = std::mem::take(&mut *recorder.lock());
        (chain, result.map_err(|error| failure(&error)))
    }
}

fn failure(error: &io::Error) -> Outcome {
    let outcome = |reason| Outcome::new(Phase::Handshake, reason);
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<Error>());
    match inner {
        None => outcome(connect::reason(error)),
        Some(Error::AlertReceived(alert)) => outcome(Reason::Alert).with(format!("{alert:?}")),
        Some(Error::PeerIncompatible(why)) => outcome(Reason::Unsupported).with(format!("{why:?}")),
        Some(Error::InvalidMessage(why)) => outcome(Reason::NotTls).with(format!("{why:?}")),
        Some(other) => outcome(Reason::TlsError).with(other.to_string()),
    }
}

/// Takes any chain, keeps it, and checks that the host has the key of the leaf.
#[derive(Debug)]
struct Recorder {
    chain: Mutex<SentChain>,
    provider: Arc<CryptoProvider>,
}

impl Recorder {
    fn new(provider: Arc<CryptoProvider>) -> Self {
        Self {
            chain: Mutex::default(),
            provider,
        }
    }

    fn lock(&self) -> MutexGuard<'_, SentChain> {
        // The chain is replaced in one step.
        self.chain.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *self.lock() = std::iter::once(end_entity)
            .chain(intermediates)
            .map(|der| der.to_vec())
            .collect();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
