//! ClientHello of any version and suite list, written by hand (RFC 8446 §4.1.2, RFC 5246 §7.4.1.2, RFC 6101 §5.6.1.2).
//!
//! Small on purpose: some old servers drop hellos over 255 bytes of suites, or over 512 bytes in all.

use std::sync::Arc;

use super::names::ProtocolVersion;
use super::share::KeyShare;
use super::suite::SuiteNumber;

/// The most suites that every server looks at; some of 2003 look at no more.
pub const MOST_SUITES: usize = 64;

/// A ClientHello.
#[derive(Clone, Debug)]
pub struct ClientHello<'a> {
    /// The highest version offered; 1.3 goes into an extension.
    pub version: ProtocolVersion,
    /// The lowest version offered beside TLS 1.3.
    pub lowest: ProtocolVersion,
    /// What TLS 1.3 may compute the key with at once; none: the server is to name a group in a HelloRetryRequest
    /// (RFC 8446 §4.1.4).
    pub share: Option<Arc<KeyShare>>,
    /// The cookie of a HelloRetryRequest.
    pub cookie: Option<Vec<u8>>,
    /// Suites, the usual ones first; the signalling suite of RFC 5746 is added among the first [`MOST_SUITES`].
    pub suites: &'a [u16],
    /// Groups; none: no extension.
    pub groups: &'a [u16],
    /// Signature schemes, from TLS 1.2 on.
    pub signatures: &'a [u16],
    /// Server name.
    pub server_name: Option<&'a str>,
    /// Offer DEFLATE beside no compression.
    pub compression: bool,
    /// 32 bytes.
    pub random: [u8; 32],
}

/// What a hello for everything old offers as signature schemes: all that TLS 1.2 has, SHA-1 and rare ones last.
pub const SIGNATURES: [u16; 23] = [
    0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0809, 0x080a, 0x080b, 0x0401,
    0x0501, 0x0601, 0x0203, 0x0201, 0x0202, 0x0402, 0x0303, 0x0301, 0x081a, 0x081b, 0x081c,
];

impl ClientHello<'_> {
    /// The hello in a record, as it goes on the wire.
    ///
    /// ```
    /// use mx_survey::tls::hello::{ClientHello, SIGNATURES};
    /// use mx_survey::tls::names::ProtocolVersion;
    ///
    /// let hello = ClientHello {
    ///     version: ProtocolVersion::TLS12,
    ///     lowest: ProtocolVersion::TLS12,
    ///     share: None,
    ///     cookie: None,
    ///     suites: &[0xc02f, 0x009c],
    ///     groups: &[0x001d],
    ///     signatures: &SIGNATURES,
    ///     server_name: Some("mx.example.org"),
    ///     compression: false,
    ///     random: [7; 32],
    /// };
    /// let record = hello.record();
    /// // A handshake record, and as many octets as its header says (RFC 8446 §5.1).
    /// assert_eq!(record[0], 22);
    /// assert_eq!(usize::from(record[3]) << 8 | usize::from(record[4]), record.len() - 5);
    /// ```
    pub fn record(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(512);
        let legacy = self.version.min(ProtocolVersion::TLS12);
        body.extend_from_slice(&legacy.0.to_be_bytes());
        body.extend_from_slice(&self.random);
        if self.version >= ProtocolVersion::TLS13 {
            // Middleboxes want to see a session id (RFC 8446 §4.1.2); it need not be another secret.
            vector8(&mut body, &self.random);
        } else {
            vector8(&mut body, &[]);
        }
        let mut suites = numbers(self.suites);
        if self.version.min(self.lowest) < ProtocolVersion::TLS13 {
            let at = suites.len().min(2 * (MOST_SUITES - 1));
            suites.splice(
                at..at,
                SuiteNumber::RENEGOTIATION_INFO.0.to_be_bytes()[2..]
                    .iter()
                    .copied(),
            );
        }
        vector16(&mut body, &suites);
        vector8(&mut body, if self.compression { &[1, 0] } else { &[0] });
        // SSLv3 has no extensions, and some of its servers end at the sight of them.
        if self.version > ProtocolVersion::SSLV3 {
            vector16(&mut body, &self.extensions());
        }
        let mut record = vec![22];
        // Servers check the version of the first record as if it were their own: the oldest offends none.
        let outer = if self.version == ProtocolVersion::SSLV3 {
            ProtocolVersion::SSLV3
        } else {
            ProtocolVersion::TLS10
        };
        record.extend_from_slice(&outer.0.to_be_bytes());
        let mut message = vec![1, 0];
        vector16(&mut message, &body);
        vector16(&mut record, &message);
        record
    }

    fn extensions(&self) -> Vec<u8> {
        let mut all = Vec::new();
        if let Some(name) = self.server_name {
            let mut entry = vec![0];
            vector16(&mut entry, name.as_bytes());
            extension(&mut all, extension::SERVER_NAME, &list16(&entry));
        }
        if !self.groups.is_empty() {
            extension(
                &mut all,
                extension::SUPPORTED_GROUPS,
                &list16(&numbers(self.groups)),
            );
            extension(&mut all, extension::EC_POINT_FORMATS, &[1, 0]);
        }
        if self.version >= ProtocolVersion::TLS12 && !self.signatures.is_empty() {
            extension(
                &mut all,
                extension::SIGNATURE_ALGORITHMS,
                &list16(&numbers(self.signatures)),
            );
        }
        extension(&mut all, extension::STATUS_REQUEST, &[1, 0, 0, 0, 0]);
        extension(&mut all, extension::EXTENDED_MASTER_SECRET, &[]);
        if self.version >= ProtocolVersion::TLS13 {
            self.modern_extensions(&mut all);
        }
        all
    }

    /// Those of TLS 1.3 alone. SSLv3 is no version that supported_versions speaks of (RFC 8446 §4.2.1).
    fn modern_extensions(&self, all: &mut Vec<u8>) {
        let versions: Vec<u16> = (ProtocolVersion::ALL.iter().rev())
            .filter(|&&version| version >= self.lowest.max(ProtocolVersion::TLS10))
            .map(|version| version.0)
            .collect();
        let mut list = Vec::new();
        vector8(&mut list, &numbers(&versions));
        extension(all, extension::SUPPORTED_VERSIONS, &list);
        let mut shares = Vec::new();
        if let Some(share) = &self.share {
            shares.extend_from_slice(&share.group.0.to_be_bytes());
            vector16(&mut shares, &share.public);
        }
        extension(all, extension::KEY_SHARE, &list16(&shares));
        if let Some(cookie) = &self.cookie {
            extension(all, extension::COOKIE, &list16(cookie));
        }
    }
}

/// Extensions by number (IANA "TLS ExtensionType Values").
pub mod extension {
    /// RFC 6066 §3.
    pub const SERVER_NAME: u16 = 0;
    /// RFC 6066 §8.
    pub const STATUS_REQUEST: u16 = 5;
    /// RFC 8422 §5.1.1, RFC 7919.
    pub const SUPPORTED_GROUPS: u16 = 10;
    /// RFC 8422 §5.1.2.
    pub const EC_POINT_FORMATS: u16 = 11;
    /// RFC 8446 §4.2.3.
    pub const SIGNATURE_ALGORITHMS: u16 = 13;
    /// RFC 7627.
    pub const EXTENDED_MASTER_SECRET: u16 = 23;
    /// RFC 8446 §4.2.1.
    pub const SUPPORTED_VERSIONS: u16 = 43;
    /// RFC 8446 §4.2.2.
    pub const COOKIE: u16 = 44;
    /// RFC 8446 §4.2.8.
    pub const KEY_SHARE: u16 = 51;
    /// RFC 5746 §3.2.
    pub const RENEGOTIATION_INFO: u16 = 0xff01;
}

fn extension(all: &mut Vec<u8>, number: u16, data: &[u8]) {
    all.extend_from_slice(&number.to_be_bytes());
    vector16(all, data);
}

fn numbers(numbers: &[u16]) -> Vec<u8> {
    numbers
        .iter()
        .flat_map(|number| number.to_be_bytes())
        .collect()
}

fn list16(data: &[u8]) -> Vec<u8> {
    let mut list = Vec::with_capacity(data.len() + 2);
    vector16(&mut list, data);
    list
}

/// Everything that is written here is far below the 255 and 65,535 bytes that its length field can say.
fn vector8(to: &mut Vec<u8>, data: &[u8]) {
    debug_assert!(data.len() <= 0xff);
    to.push(data.len() as u8);
    to.extend_from_slice(data);
}

fn vector16(to: &mut Vec<u8>, data: &[u8]) {
    debug_assert!(data.len() <= 0xffff);
    to.extend_from_slice(&(data.len() as u16).to_be_bytes());
    to.extend_from_slice(data);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::names::Group;
    use crate::tls::suite::{CLASSIC, TLS13, enumerable};
    use tls_parser::{TlsMessage, TlsMessageHandshake, parse_tls_extensions, parse_tls_plaintext};

    fn hello(version: ProtocolVersion, suites: &[u16]) -> Vec<u8> {
        ClientHello {
            version,
            lowest: version,
            share: None,
            cookie: None,
            suites,
            groups: &Group::CURVES,
            signatures: &SIGNATURES,
            server_name: Some("mx.example.org"),
            compression: true,
            random: [7; 32],
        }
        .record()
    }

    #[test]
    fn another_parser_reads_every_version() {
        for version in [
            ProtocolVersion::SSLV3,
            ProtocolVersion::TLS10,
            ProtocolVersion::TLS11,
            ProtocolVersion::TLS12,
            ProtocolVersion::TLS13,
        ] {
            let suites: &[u16] = if version == ProtocolVersion::TLS13 {
                &TLS13
            } else {
                &CLASSIC
            };
            let record = hello(version, suites);
            assert!(record.len() < 512, "{version:?}: {}", record.len());
            let (rest, plaintext) = parse_tls_plaintext(&record).expect("a record");
            assert!(rest.is_empty());
            let [TlsMessage::Handshake(TlsMessageHandshake::ClientHello(hello))] =
                &plaintext.msg[..]
            else {
                panic!("{:?}", plaintext.msg);
            };
            assert_eq!(hello.version.0, version.min(ProtocolVersion::TLS12).0);
            let signalling = usize::from(version < ProtocolVersion::TLS13);
            assert_eq!(hello.ciphers.len(), suites.len() + signalling);
            match hello.ext {
                None => assert_eq!(version, ProtocolVersion::SSLV3),
                Some(extensions) => {
                    let (rest, parsed) = parse_tls_extensions(extensions).expect("extensions");
                    assert!(rest.is_empty() && parsed.len() >= 5);
                }
            }
        }
    }

    #[test]
    fn what_counts_stands_among_the_first_suites_of_a_long_list() {
        let record = hello(ProtocolVersion::TLS12, enumerable(true));
        let (_, plaintext) = parse_tls_plaintext(&record).expect("a record");
        let [TlsMessage::Handshake(TlsMessageHandshake::ClientHello(hello))] = &plaintext.msg[..]
        else {
            panic!("{:?}", plaintext.msg);
        };
        let suites: Vec<u16> = hello.ciphers.iter().map(|suite| suite.0).collect();
        assert_eq!(suites[..CLASSIC.len()], CLASSIC);
        assert_eq!(suites[MOST_SUITES - 1], 0x00ff);
        assert_eq!(suites.len(), enumerable(true).len() + 1);
    }
}
