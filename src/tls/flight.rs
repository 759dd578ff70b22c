//! What a server says in clear, read as it comes: ServerHello, Certificate, ServerKeyExchange and the rest of its
//! first flight (RFC 8446 §4.1.3, RFC 5246 §7.4, RFC 8422 §5.4, RFC 6066 §8), or an alert.
//!
//! Pure: bytes in, facts out. The bytes are hostile: records may be cut and joined anywhere, lengths lie, chains have
//! no end. Everything is bounded, and what was learned before a fault is kept.

use std::sync::Arc;

use super::hello::extension;
use super::modern::Modern;
use super::names::{Group, ProtocolVersion};
use super::octets::FlightOctets;
use super::share::KeyShare;
use super::suite::SuiteNumber;
use crate::cipher::KeyExchange;
use crate::record::{
    Alert, AlertDescription, AlertLevel, DhParameters, NamedGroup, SignatureScheme, Tls, TlsOddity,
};
use crate::x509::der::bits;
use crate::x509::sha256_hex;

/// The most bytes that are read of a flight.
pub const MOST_BYTES: usize = 512 << 10;
/// The most certificates that are kept of a chain.
pub const MOST_CERTIFICATES: usize = 100;
/// Contents of a record, with the allowance for expansion of RFC 5246 §6.2.3.
const MOST_RECORD: usize = 16_384 + 2_048;
/// Plain text where TLS should be is told before a reader sees it.
const NOT_A_RECORD: Option<FlightEnd> = Some(FlightEnd::Malformed("a record of unknown kind"));

/// Facts of a flight, as far as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flight {
    /// The version that the server chose; none: there was no ServerHello.
    pub version: Option<ProtocolVersion>,
    /// The suite.
    pub suite: Option<SuiteNumber>,
    /// The group: of the key share in 1.3, the named curve below.
    pub group: Option<Group>,
    /// Prime of finite-field Diffie-Hellman.
    pub prime: Option<Vec<u8>>,
    /// Signature scheme of the ServerKeyExchange.
    pub signature_scheme: Option<u16>,
    /// Compression method.
    pub compression: Option<u8>,
    /// renegotiation_info was sent.
    pub secure_renegotiation: bool,
    /// extended_master_secret was sent.
    pub extended_master_secret: bool,
    /// The ServerHello was a HelloRetryRequest.
    pub retry: bool,
    /// Certificates, leaf first; none: no Certificate message.
    pub chain: Option<Vec<Vec<u8>>>,
    /// The chain has more certificates or bytes than are kept.
    pub chain_bounded: bool,
    /// ServerHelloDone, or the Finished of TLS 1.3, was seen: what was not sent until then is not sent.
    pub done: bool,
    /// The server's Finished of TLS 1.3 was seen, and was right.
    pub finished: bool,
    /// An OCSP response was stapled.
    pub ocsp_stapled: bool,
    /// A client certificate was asked for.
    pub certificate_requested: bool,
    /// The last alert: level and description.
    pub alert: Option<(u8, u8)>,
}

/// Why there is nothing more to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlightEnd {
    /// ServerHelloDone: all was said.
    Done,
    /// The rest is encrypted (TLS 1.3).
    Encrypted,
    /// HelloRetryRequest: where to end, or to say another hello.
    Retry,
    /// The server's Finished (TLS 1.3), and it is right.
    Finished,
    /// A fatal alert, or close_notify.
    Alert,
    /// It breaks TLS.
    Malformed(&'static str),
    /// It goes beyond [`MOST_BYTES`].
    TooLong,
}

/// Reads a flight.
#[derive(Debug, Default)]
pub struct FlightReader {
    /// What was learned.
    pub flight: Flight,
    ends_at_retry: bool,
    /// Opens what TLS 1.3 encrypts.
    modern: Option<Box<Modern>>,
    /// The cookie of a HelloRetryRequest.
    cookie: Option<Vec<u8>>,
    octets: usize,
    /// Bytes of records that are not whole.
    input: Vec<u8>,
    /// Bytes of handshake messages that are not whole.
    messages: Vec<u8>,
    /// Bytes of an alert that is not whole.
    alerts: Vec<u8>,
    end: Option<FlightEnd>,
}

impl FlightReader {
    /// A reader for the answer to a hello of our own, which is never followed by a second one.
    pub fn ending_at_retry() -> Self {
        Self {
            ends_at_retry: true,
            ..Self::default()
        }
    }

    /// A reader that goes on where TLS 1.3 encrypts.
    pub(super) fn opening(modern: Modern) -> Self {
        Self {
            ends_at_retry: true,
            modern: Some(Box::new(modern)),
            ..Self::default()
        }
    }

    /// The cookie to give back in a second hello.
    pub(super) fn cookie(&self) -> Option<Vec<u8>> {
        self.cookie.clone()
    }

    /// Reads on behind a second hello, the message, that answers a HelloRetryRequest with another share; `None` where
    /// that is of no use.
    pub(super) fn retry(&mut self, share: Arc<KeyShare>, hello: &[u8]) -> Option<()> {
        let modern = self.modern.as_mut()?;
        modern.retry(self.flight.suite?, share, hello)?;
        self.ends_at_retry = false;
        self.end = None;
        Some(())
    }

    /// What we say to the server's Finished.
    pub(super) fn answer(&mut self) -> Option<Vec<u8>> {
        self.modern.take_if(|it| it.is_finished)?.answer()
    }

    /// Takes the next bytes; returns the end once it is reached. Bytes behind the end are not looked at.
    pub fn feed(&mut self, bytes: &[u8]) -> Option<&FlightEnd> {
        if self.end.is_none() {
            self.octets += bytes.len();
            self.input.extend_from_slice(bytes);
            self.end = self.records();
            if self.end.is_none() && self.octets > MOST_BYTES {
                self.bounded_chain();
                self.end = Some(FlightEnd::TooLong);
            }
            // Behind a HelloRetryRequest there is more to read.
            if self.end.is_some() && (self.end != Some(FlightEnd::Retry) || self.modern.is_none()) {
                // Thousands of connections wait in the handshake: keep only facts.
                self.input = Vec::new();
                self.messages = Vec::new();
            }
        }
        self.end.as_ref()
    }

    /// How much was read.
    pub fn octets(&self) -> usize {
        self.octets
    }

    fn records(&mut self) -> Option<FlightEnd> {
        let mut at = 0;
        let end = loop {
            let rest = &self.input[at..];
            let (Some(&kind), Some(&major)) = (rest.first(), rest.get(1)) else {
                // A first byte that no record begins with is told at once.
                break match rest.first() {
                    Some(&kind) if !is_record(kind) => NOT_A_RECORD,
                    _ => None,
                };
            };
            if !is_record(kind) || major != 3 {
                break NOT_A_RECORD;
            }
            let (Some(&high), Some(&low)) = (rest.get(3), rest.get(4)) else {
                break None;
            };
            let length = usize::from(high) << 8 | usize::from(low);
            if length > MOST_RECORD {
                break Some(FlightEnd::Malformed("a record over 18,432 bytes"));
            }
            let Some(contents) = rest.get(5..5 + length) else {
                break None;
            };
            let end = match kind {
                22 => {
                    self.messages.extend_from_slice(contents);
                    None
                }
                21 => take_alerts(&mut self.flight, &mut self.alerts, contents),
                // A heartbeat says nothing (RFC 6520).
                24 => None,
                20 if self.flight.version == Some(ProtocolVersion::TLS13)
                    && (self.flight.retry || self.modern.is_some()) =>
                {
                    None
                }
                23 if self.modern.as_ref().is_some_and(|it| it.has_keys()) => {
                    let modern = self.modern.as_mut();
                    let opened = modern.and_then(|it| it.open(&rest[..5], contents));
                    self.take_opened(opened)
                }
                _ if self.flight.version.is_some() => Some(FlightEnd::Encrypted),
                _ => Some(FlightEnd::Malformed("data before the ServerHello")),
            };
            at += 5 + length;
            let end = end.or_else(|| self.handshake());
            if end.is_some() {
                break end;
            }
        };
        self.input.drain(..at.min(self.input.len()));
        end
    }

    /// Takes in the kind and the contents of a record that was opened, or that could not be.
    fn take_opened(&mut self, opened: Option<(u8, Vec<u8>)>) -> Option<FlightEnd> {
        match opened {
            Some((22, contents)) => {
                self.messages.extend_from_slice(&contents);
                None
            }
            Some((21, contents)) => take_alerts(&mut self.flight, &mut self.alerts, &contents),
            Some(_) => Some(FlightEnd::Malformed("data before the Finished")),
            None => Some(FlightEnd::Malformed("a record that cannot be opened")),
        }
    }

    /// Reads every whole message.
    fn handshake(&mut self) -> Option<FlightEnd> {
        let messages = std::mem::take(&mut self.messages);
        let mut input = FlightOctets(&messages);
        let mut done = 0;
        let mut end = None;
        while end.is_none() {
            let (Some(kind), Some(body)) = (input.number8(), input.vector24()) else {
                break;
            };
            let whole = &messages[done..messages.len() - input.0.len()];
            end = match self.message(kind, body, whole) {
                Ok(end) => end,
                Err(Cut) => Some(FlightEnd::Malformed(message_name(kind))),
            };
            done += whole.len();
        }
        self.messages = messages;
        self.messages.drain(..done);
        end
    }

    fn message(&mut self, kind: u8, body: &[u8], whole: &[u8]) -> Result<Option<FlightEnd>, Cut> {
        let mut input = FlightOctets(body);
        if self.modern.as_ref().is_some_and(|it| it.has_keys()) {
            let end = self.sealed_message(kind, &mut input);
            if let Some(modern) = &mut self.modern {
                modern.heard(whole);
            }
            return end;
        }
        match kind {
            0 => {}
            2 => return self.server_hello(&mut input, whole),
            _ if self.flight.version.is_none() => {
                return Ok(Some(FlightEnd::Malformed(
                    "a message before the ServerHello",
                )));
            }
            11 => self.certificates(&mut input)?,
            12 => self.key_exchange(&mut input)?,
            13 => self.flight.certificate_requested = true,
            14 => {
                self.flight.done = true;
                return Ok(Some(FlightEnd::Done));
            }
            22 => self.flight.ocsp_stapled = body.len() > 4,
            // NewSessionTicket and others say nothing that is asked for.
            _ => {}
        }
        Ok(None)
    }

    /// A message that TLS 1.3 encrypts (RFC 8446 §4.3, §4.4).
    fn sealed_message(
        &mut self,
        kind: u8,
        input: &mut FlightOctets<'_>,
    ) -> Result<Option<FlightEnd>, Cut> {
        let Some(modern) = &mut self.modern else {
            return Ok(None);
        };
        match kind {
            11 => {
                input.vector8().ok_or(Cut)?;
                self.sealed_certificates(input)?;
            }
            13 => {
                modern.request(input.vector8().ok_or(Cut)?);
                self.flight.certificate_requested = true;
            }
            15 => self.flight.signature_scheme = Some(input.number16().ok_or(Cut)?),
            20 if modern.finish(input.0) => {
                self.flight.done = true;
                self.flight.finished = true;
                return Ok(Some(FlightEnd::Finished));
            }
            20 => return Ok(Some(FlightEnd::Malformed("a Finished that is wrong"))),
            _ => {}
        }
        Ok(None)
    }

    /// The list of a Certificate message of TLS 1.3: each with extensions (RFC 8446 §4.4.2).
    fn sealed_certificates(&mut self, input: &mut FlightOctets<'_>) -> Result<(), Cut> {
        let mut list = FlightOctets(input.vector24().ok_or(Cut)?);
        let mut chain = Vec::new();
        while !list.0.is_empty() {
            let certificate = list.vector24().ok_or(Cut)?;
            let mut extensions = FlightOctets(list.vector16().ok_or(Cut)?);
            if chain.len() == MOST_CERTIFICATES {
                self.flight.chain_bounded = true;
                break;
            }
            while let (true, Some(number)) = (chain.is_empty(), extensions.number16()) {
                extensions.vector16().ok_or(Cut)?;
                self.flight.ocsp_stapled |= number == extension::STATUS_REQUEST;
            }
            chain.push(certificate.to_vec());
        }
        self.flight.chain = Some(chain);
        Ok(())
    }

    fn server_hello(
        &mut self,
        input: &mut FlightOctets<'_>,
        whole: &[u8],
    ) -> Result<Option<FlightEnd>, Cut> {
        /// SHA-256 of "HelloRetryRequest" (RFC 8446 §4.1.3).
        const RETRY: [u8; 32] = [
            0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65,
            0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2,
            0xc8, 0xa8, 0x33, 0x9c,
        ];
        let mut version = ProtocolVersion(input.number16().ok_or(Cut)?);
        let random = input.take(32).ok_or(Cut)?;
        input.vector8().ok_or(Cut)?;
        let suite = SuiteNumber(u32::from(input.number16().ok_or(Cut)?));
        let compression = input.number8().ok_or(Cut)?;
        let mut group = None;
        let mut theirs = None;
        let mut secure_renegotiation = false;
        let mut extended_master_secret = false;
        if !input.0.is_empty() {
            let mut extensions = FlightOctets(input.vector16().ok_or(Cut)?);
            while !extensions.0.is_empty() {
                let number = extensions.number16().ok_or(Cut)?;
                let mut data = FlightOctets(extensions.vector16().ok_or(Cut)?);
                match number {
                    extension::SUPPORTED_VERSIONS => {
                        version = ProtocolVersion(data.number16().ok_or(Cut)?)
                    }
                    extension::KEY_SHARE => {
                        group = Some(Group(data.number16().ok_or(Cut)?));
                        theirs = data.vector16();
                    }
                    extension::COOKIE => self.cookie = data.vector16().map(<[u8]>::to_vec),
                    extension::RENEGOTIATION_INFO => secure_renegotiation = true,
                    extension::EXTENDED_MASTER_SECRET => extended_master_secret = true,
                    _ => {}
                }
            }
        }
        let flight = &mut self.flight;
        flight.version = Some(version);
        flight.suite = Some(suite);
        flight.compression = Some(compression);
        flight.group = group.or(flight.group);
        flight.secure_renegotiation = secure_renegotiation;
        flight.extended_master_secret = extended_master_secret;
        let is_retry = random == RETRY;
        flight.retry |= is_retry;
        let is_modern = version == ProtocolVersion::TLS13;
        if let Some(modern) = self.modern.as_mut().filter(|_| is_modern) {
            modern.heard(whole);
            if let (false, Some(group), Some(theirs)) = (is_retry, group, theirs) {
                modern.agree(suite, group, theirs);
            }
        }
        Ok((is_retry && self.ends_at_retry).then_some(FlightEnd::Retry))
    }

    fn certificates(&mut self, input: &mut FlightOctets<'_>) -> Result<(), Cut> {
        let mut list = FlightOctets(input.vector24().ok_or(Cut)?);
        let mut chain = Vec::new();
        while !list.0.is_empty() {
            let certificate = list.vector24().ok_or(Cut)?;
            if chain.len() == MOST_CERTIFICATES {
                self.flight.chain_bounded = true;
                break;
            }
            chain.push(certificate.to_vec());
        }
        self.flight.chain = Some(chain);
        Ok(())
    }

    /// The whole certificates of a Certificate message that is too long to wait for.
    fn bounded_chain(&mut self) {
        let messages = std::mem::take(&mut self.messages);
        if self.flight.chain.is_some() || messages.first() != Some(&11) {
            return;
        }
        // Message header and the length of the list.
        let mut list = FlightOctets(messages.get(7..).unwrap_or_default());
        let mut chain = Vec::new();
        while let Some(certificate) = list.vector24().filter(|_| chain.len() < MOST_CERTIFICATES) {
            chain.push(certificate.to_vec());
        }
        self.flight.chain = Some(chain);
        self.flight.chain_bounded = true;
    }

    fn key_exchange(&mut self, input: &mut FlightOctets<'_>) -> Result<(), Cut> {
        const NAMED_CURVE: u8 = 3;
        let Some(suite) = self.flight.suite else {
            return Ok(());
        };
        match suite.key_exchange() {
            Some(KeyExchange::Ecdhe) => {
                if input.number8().ok_or(Cut)? != NAMED_CURVE {
                    return Ok(());
                }
                self.flight.group = Some(Group(input.number16().ok_or(Cut)?));
                input.vector8().ok_or(Cut)?;
            }
            Some(KeyExchange::Dhe) => {
                let prime = input.vector16().ok_or(Cut)?;
                let first = prime
                    .iter()
                    .position(|&octet| octet != 0)
                    .unwrap_or(prime.len());
                self.flight.prime = Some(prime[first..].to_vec());
                input.vector16().ok_or(Cut)?;
                input.vector16().ok_or(Cut)?;
            }
            _ => return Ok(()),
        }
        if self.flight.version == Some(ProtocolVersion::TLS12) && !suite.is_anonymous() {
            self.flight.signature_scheme = Some(input.number16().ok_or(Cut)?);
        }
        Ok(())
    }
}

impl Flight {
    /// Writes what the flight says into a record; what it does not say stays as it is.
    pub fn describe(&self, tls: &mut Tls) {
        let Some(version) = self.version else {
            return;
        };
        if self.is_agreement() {
            tls.negotiated = Some(true);
        }
        tls.version = Some(version.name());
        tls.cipher = self.suite.map(SuiteNumber::record);
        if let Some(group) = self.group {
            tls.group = Some(group.name());
        }
        if let Some(prime) = &self.prime {
            tls.dh = dh(prime);
            tls.group = tls
                .dh
                .as_ref()
                .and_then(|dh| NamedGroup::from_word(dh.name.as_deref()?));
        }
        if let Some(scheme) = self.signature_scheme {
            tls.signature_scheme = Some(SignatureScheme::from_number(scheme));
        }
        if self.finished {
            tls.completed = Some(true);
        }
        if version < ProtocolVersion::TLS13 {
            tls.secure_renegotiation = Some(self.secure_renegotiation);
            // SSLv3 has no extensions to say it in.
            if version > ProtocolVersion::SSLV3 {
                tls.extended_master_secret = Some(self.extended_master_secret);
            }
        }
        self.describe_certificates(tls);
    }

    /// Writes what the flight says around its chain into a record.
    pub fn describe_certificates(&self, tls: &mut Tls) {
        // A flight that was cut says what it has, and not what it lacks.
        let said = |is_there: bool| (is_there || self.done).then_some(is_there);
        tls.ocsp_stapled = said(self.ocsp_stapled).or(tls.ocsp_stapled);
        tls.client_certificate_requested =
            said(self.certificate_requested).or(tls.client_certificate_requested);
        if self.chain_bounded {
            tls.flags.push(TlsOddity::ChainBounded);
        }
    }

    /// A ServerHello, and the chain where the suite sends one in the clear.
    pub fn is_agreement(&self) -> bool {
        match self.version {
            None => false,
            Some(ProtocolVersion::TLS13) => true,
            Some(_) => self.chain.is_some() || self.suite.is_some_and(SuiteNumber::is_anonymous),
        }
    }

    /// The alert, for a record.
    pub fn alert(&self) -> Option<Alert> {
        let (level, description) = self.alert?;
        Some(Alert {
            level: AlertLevel::from_number(level),
            description: AlertDescription::from_number(description),
        })
    }
}

/// The record of a prime without leading zeros; none for zero.
pub fn dh(prime: &[u8]) -> Option<DhParameters> {
    let prime_sha256 = sha256_hex(prime);
    let name = include_str!("primes.tsv")
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .find(|(hash, _)| *hash == prime_sha256)
        .map(|(_, name)| name.to_owned());
    Some(DhParameters {
        bits: bits(prime)?,
        prime_sha256,
        name,
    })
}

fn is_record(kind: u8) -> bool {
    (20..=24).contains(&kind)
}

/// Alerts: the end, but for warnings, as of a name that the server does not know, which come before a ServerHello. Below TLS
/// 1.3 a record may hold several, and one of them may lie in two records (RFC 5246 §6.2.1).
fn take_alerts(flight: &mut Flight, held: &mut Vec<u8>, contents: &[u8]) -> Option<FlightEnd> {
    held.extend_from_slice(contents);
    let whole = held.len() / 2 * 2;
    for alert in held.drain(..whole).as_slice().chunks_exact(2) {
        flight.alert = Some((alert[0], alert[1]));
        if alert[0] != 1 || alert[1] == 0 {
            return Some(FlightEnd::Alert);
        }
    }
    None
}

fn message_name(kind: u8) -> &'static str {
    match kind {
        2 => "a ServerHello that ends early",
        11 => "a Certificate message that ends early",
        12 => "a ServerKeyExchange that ends early",
        _ => "a message that ends early",
    }
}

/// A message ends before a field of it does.
#[derive(Debug)]
struct Cut;

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = (body.len() as u32).to_be_bytes();
        [&[kind][..], &length[1..], body].concat()
    }

    fn record(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = (body.len() as u16).to_be_bytes();
        [&[kind, 3, 1][..], &length, body].concat()
    }

    fn server_hello(version: u16, suite: u16, extensions: &[u8]) -> Vec<u8> {
        let mut body = version.to_be_bytes().to_vec();
        body.extend_from_slice(&[9; 32]);
        body.push(0);
        body.extend_from_slice(&suite.to_be_bytes());
        body.push(0);
        if !extensions.is_empty() {
            body.extend_from_slice(&(extensions.len() as u16).to_be_bytes());
            body.extend_from_slice(extensions);
        }
        message(2, &body)
    }

    fn certificate(chain: &[&[u8]]) -> Vec<u8> {
        let mut list = Vec::new();
        for der in chain {
            list.extend_from_slice(&(der.len() as u32).to_be_bytes()[1..]);
            list.extend_from_slice(der);
        }
        message(
            11,
            &[&(list.len() as u32).to_be_bytes()[1..], &list].concat(),
        )
    }

    /// A flight of TLS 1.0 with DHE, two certificates and a request for one.
    fn classic() -> Vec<u8> {
        let prime = [&[0, 0xff][..], &[0x55; 127]].concat();
        let mut exchange = (prime.len() as u16).to_be_bytes().to_vec();
        exchange.extend_from_slice(&prime);
        exchange.extend_from_slice(&[0, 1, 2, 0, 1, 3, 0, 2, 9, 9]);
        [
            server_hello(0x0301, 0x0039, &[0xff, 1, 0, 1, 0]),
            certificate(&[b"leaf", b"issuer"]),
            message(12, &exchange),
            message(13, &[1, 1, 0, 0]),
            message(14, &[]),
        ]
        .concat()
    }

    #[test]
    fn a_flight_is_the_same_however_it_is_cut_and_joined() {
        let messages = classic();
        let mut whole = FlightReader::default();
        assert_eq!(whole.feed(&record(22, &messages)), Some(&FlightEnd::Done));
        assert_eq!(whole.flight.version, Some(ProtocolVersion::TLS10));
        assert_eq!(whole.flight.suite, Some(SuiteNumber(0x0039)));
        assert_eq!(
            whole.flight.chain,
            Some(vec![b"leaf".to_vec(), b"issuer".to_vec()])
        );
        assert_eq!(whole.flight.prime.as_ref().map(Vec::len), Some(128));
        assert!(whole.flight.secure_renegotiation && whole.flight.certificate_requested);
        for size in [1, 2, 3, 7, 100] {
            let cut: Vec<u8> = messages
                .chunks(size)
                .flat_map(|part| record(22, part))
                .collect();
            for step in [1, 2, 5, 1000] {
                let mut reader = FlightReader::default();
                let ends = cut
                    .chunks(step)
                    .filter_map(|part| reader.feed(part).cloned())
                    .last();
                assert_eq!(ends, Some(FlightEnd::Done), "{size} {step}");
                assert_eq!(reader.flight, whole.flight);
            }
        }
    }

    #[test]
    fn every_cut_waits_and_every_changed_byte_ends_well() {
        let bytes = record(22, &classic());
        for end in 0..bytes.len() {
            assert_eq!(
                FlightReader::default().feed(&bytes[..end]),
                None,
                "cut at {end}"
            );
        }
        for at in 0..bytes.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut changed = bytes.clone();
                changed[at] = value;
                let _ = FlightReader::default().feed(&changed);
            }
        }
    }

    #[test]
    fn tls_13_ends_where_encryption_begins_or_at_a_retry() {
        let extensions = [0, 43, 0, 2, 3, 4, 0, 51, 0, 6, 0x11, 0xec, 0, 2, 1, 1];
        let hello = record(22, &server_hello(0x0303, 0x1301, &extensions));
        let mut reader = FlightReader::default();
        assert_eq!(reader.feed(&hello), None);
        assert_eq!(reader.feed(&record(20, &[1])), Some(&FlightEnd::Encrypted));
        assert_eq!(reader.flight.version, Some(ProtocolVersion::TLS13));
        assert_eq!(
            reader
                .flight
                .group
                .map(Group::name)
                .as_ref()
                .map(AsRef::as_ref),
            Some("X25519MLKEM768")
        );
    }

    #[test]
    fn a_warning_goes_by_and_a_fatal_alert_ends() {
        let mut reader = FlightReader::default();
        assert_eq!(reader.feed(&record(21, &[1, 112])), None);
        assert_eq!(reader.feed(&record(22, &classic())), Some(&FlightEnd::Done));
        let mut reader = FlightReader::default();
        assert_eq!(reader.feed(&record(21, &[2, 40])), Some(&FlightEnd::Alert));
        let alert = reader.flight.alert().unwrap();
        assert_eq!(
            (alert.level.word(), alert.description.word()),
            ("fatal", "handshake_failure")
        );
    }

    #[test]
    fn alerts_lie_in_records_as_they_like() {
        let cut = [record(21, &[2]), record(21, &[40])].concat();
        let two = record(21, &[1, 112, 2, 40]);
        let three = [record(21, &[1, 112, 2]), record(21, &[]), record(21, &[40])].concat();
        for bytes in [cut, two, three] {
            let mut reader = FlightReader::default();
            assert_eq!(reader.feed(&bytes), Some(&FlightEnd::Alert));
            assert_eq!(reader.flight.alert, Some((2, 40)));
        }
        let mut reader = FlightReader::default();
        let heartbeat = [record(24, &[1, 0, 0]), record(22, &classic())].concat();
        assert_eq!(reader.feed(&heartbeat), Some(&FlightEnd::Done));
    }

    #[test]
    fn plain_text_breaks_tls() {
        for text in [&b"HTTP/1.1 400 Bad Request\r\n"[..], b"4", b"\x80\x01"] {
            assert_eq!(FlightReader::default().feed(text), NOT_A_RECORD.as_ref());
        }
        let mut reader = FlightReader::default();
        reader.feed(&record(22, &server_hello(0x0301, 0x0039, &[])));
        assert!(matches!(
            reader.feed(b"500 oops"),
            Some(FlightEnd::Malformed(_))
        ));
    }

    #[test]
    fn chains_without_end_are_bounded() {
        let many: Vec<&[u8]> = vec![b"x"; 1000];
        let mut reader = FlightReader::default();
        let hello = server_hello(0x0303, 0x0035, &[]);
        reader.feed(&record(22, &hello));
        let chain = certificate(&many);
        for part in chain.chunks(16_000) {
            reader.feed(&record(22, part));
        }
        assert_eq!(
            reader.flight.chain.as_ref().map(Vec::len),
            Some(MOST_CERTIFICATES)
        );
        assert!(reader.flight.chain_bounded);
        // A message of 16 MB that never ends.
        let mut reader = FlightReader::default();
        reader.feed(&record(22, &hello));
        reader.feed(&record(
            22,
            &[
                11, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfc, 0, 0, 4, b'l', b'e', b'a', b'f',
            ],
        ));
        let filler = record(22, &[0; 16_000]);
        let mut fed = 0;
        while reader.feed(&filler).is_none() {
            fed += filler.len();
            assert!(fed < 2 * MOST_BYTES);
        }
        assert_eq!(reader.feed(&[]), Some(&FlightEnd::TooLong));
        assert!(reader.flight.chain_bounded);
        assert_eq!(
            reader.flight.chain.as_ref().map(|chain| &chain[0][..]),
            Some(&b"leaf"[..])
        );
    }

    #[test]
    fn well_known_primes_have_names() {
        // RFC 2409 §6.2.
        let modp1024 = concat!(
            "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404dd",
            "ef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7ed",
            "ee386bfb5a899fa5ae9f24117c4b1fe649286651ece65381ffffffffffffffff"
        );
        let prime: Vec<u8> = (0..modp1024.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&modp1024[at..at + 2], 16).unwrap())
            .collect();
        let dh = dh(&prime).unwrap();
        assert_eq!((dh.bits, dh.name.as_deref()), (1024, Some("modp1024")));
        assert_eq!(super::dh(&[]), None);
    }
}
