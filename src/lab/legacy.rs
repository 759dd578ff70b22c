//! The first flight of a server that no library of today can be: ServerHello, Certificate, ServerKeyExchange and
//! ServerHelloDone of SSLv3 to TLS 1.2 with any suite (RFC 6101, RFC 2246, RFC 5246 §7.4, RFC 8422 §5.4).
//!
//! The bytes are written, not computed: whoever goes on with the handshake gets an alert. That is enough for a scanner that
//! reads what the server says in clear: version, suite, chain, size of the Diffie-Hellman group.

use sha2::{Digest, Sha256};

use super::tls::Legacy;
use crate::cipher::{self, KeyExchange};
use crate::record::TlsVersion;

/// A server's side, ready to be sent.
#[derive(Debug)]
pub struct ServerFlight {
    version: u16,
    suite: u16,
    bytes: Vec<u8>,
}

/// What a ClientHello offers.
#[derive(Debug, PartialEq, Eq)]
pub struct Offer {
    /// The highest version, as far as it was known before TLS 1.3.
    pub version: u16,
    /// The suites.
    pub suites: Vec<u16>,
}

/// An alert record: fatal, and why.
pub fn alert(version: u16, description: u8) -> [u8; 7] {
    let [major, minor] = version.to_be_bytes();
    [21, major, minor, 0, 2, 2, description]
}

/// handshake_failure.
pub const FAILURE: u8 = 40;
/// protocol_version, of TLS.
const PROTOCOL_VERSION: u8 = 70;
/// The longest ClientHello that is read.
pub const LONGEST: usize = 16_384;

impl ServerFlight {
    /// The flight with this chain, the leaf first.
    pub fn new(legacy: &Legacy, chain: &[Vec<u8>]) -> Result<Self, String> {
        use TlsVersion::{Ssl3, Tls10, Tls11, Tls12};
        let version = match &legacy.version {
            old @ (Ssl3 | Tls10 | Tls11 | Tls12) => old.number(),
            _ => None,
        };
        let version = version.ok_or_else(|| format!("no such old version: {}", legacy.version))?;
        let suite = cipher::by_name(&legacy.cipher)
            .ok_or_else(|| format!("no such cipher suite: {}", legacy.cipher))?;
        let facts = cipher::facts(suite.id.into())
            .ok_or_else(|| format!("no cipher suite to choose: {}", suite.iana))?;
        let anonymous = facts.is_anonymous();
        let mut messages = server_hello(version, suite.id, legacy);
        if !anonymous {
            messages.extend(certificate(chain));
        }
        let parameters = match facts.key_exchange {
            KeyExchange::Dhe => Some(dh_parameters(legacy.dh_bits)),
            KeyExchange::Ecdhe => Some(ec_parameters()),
            _ => None,
        };
        if let Some(mut parameters) = parameters {
            if !anonymous {
                parameters.extend(signature(version));
            }
            messages.extend(message(12, &parameters));
        }
        messages.extend(message(14, &[]));
        let mut bytes = Vec::new();
        for fragment in messages.chunks(LONGEST) {
            bytes.push(22);
            bytes.extend(version.to_be_bytes());
            bytes.extend((fragment.len() as u16).to_be_bytes());
            bytes.extend(fragment);
        }
        Ok(Self {
            version,
            suite: suite.id,
            bytes,
        })
    }

    /// What is sent to a client that offers this: the flight, or the alert for what is missing.
    pub fn answer(&self, offer: &Offer) -> Result<&[u8], [u8; 7]> {
        if offer.version < self.version {
            return Err(alert(self.version, PROTOCOL_VERSION));
        }
        if !offer.suites.contains(&self.suite) {
            return Err(alert(self.version, FAILURE));
        }
        Ok(&self.bytes)
    }

    /// The alert to whatever follows.
    pub fn ending(&self) -> [u8; 7] {
        alert(self.version, FAILURE)
    }
}

/// Reads a ClientHello in records of TLS, or in the form of SSLv2 (RFC 5246 §E.2). `None` while it is not whole.
pub fn offer(bytes: &[u8]) -> Option<Result<Offer, MalformedHello>> {
    if bytes.first()? & 0x80 != 0 {
        return sslv2_offer(bytes);
    }
    let mut messages = Vec::new();
    let mut rest = bytes;
    while let Some((head, behind)) = rest.split_first_chunk::<5>() {
        if head[0] != 22 {
            return Some(Err(MalformedHello));
        }
        let length = usize::from(u16::from_be_bytes([head[3], head[4]]));
        messages.extend_from_slice(behind.get(..length)?);
        rest = &behind[length..];
        if let Some(hello) = whole(&messages) {
            return Some(tls_offer(hello).ok_or(MalformedHello));
        }
    }
    None
}

/// Bytes that are no ClientHello.
#[derive(Debug, PartialEq, Eq)]
pub struct MalformedHello;

/// The body of the first handshake message, once it is there.
fn whole(messages: &[u8]) -> Option<&[u8]> {
    let (head, body) = messages.split_first_chunk::<4>()?;
    let length = u32::from_be_bytes([0, head[1], head[2], head[3]]) as usize;
    body.get(..length)
}

/// Version, random, session id, suites.
fn tls_offer(hello: &[u8]) -> Option<Offer> {
    let version = u16::from_be_bytes([*hello.first()?, *hello.get(1)?]);
    let session = usize::from(*hello.get(34)?);
    let rest = hello.get(35 + session..)?;
    let length = usize::from(u16::from_be_bytes([*rest.first()?, *rest.get(1)?]));
    let suites = rest.get(2..2 + length)?.chunks_exact(2);
    Some(Offer {
        version,
        suites: suites
            .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
            .collect(),
    })
}

fn sslv2_offer(bytes: &[u8]) -> Option<Result<Offer, MalformedHello>> {
    let length = usize::from(u16::from_be_bytes([bytes[0] & 0x7f, *bytes.get(1)?]));
    let hello = bytes.get(2..2 + length)?;
    let read = || {
        let version = u16::from_be_bytes([*hello.get(1)?, *hello.get(2)?]);
        let specs = usize::from(u16::from_be_bytes([*hello.get(3)?, *hello.get(4)?]));
        // Specs of three bytes; those that begin with 0 are suites of SSLv3 and later.
        let suites = hello
            .get(9..9 + specs)?
            .chunks_exact(3)
            .filter(|spec| spec[0] == 0);
        Some(Offer {
            version,
            suites: suites
                .map(|spec| u16::from_be_bytes([spec[1], spec[2]]))
                .collect(),
        })
    };
    Some(read().ok_or(MalformedHello))
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut message = vec![kind];
    message.extend_from_slice(&(body.len() as u32).to_be_bytes()[1..]);
    message.extend_from_slice(body);
    message
}

/// Without session, and without extensions but that of RFC 5746.
fn server_hello(version: u16, suite: u16, legacy: &Legacy) -> Vec<u8> {
    let mut body = version.to_be_bytes().to_vec();
    body.extend(noise("random", 32));
    body.push(0);
    body.extend(suite.to_be_bytes());
    body.push(u8::from(legacy.compression));
    if legacy.secure_renegotiation {
        body.extend([0, 5, 0xff, 0x01, 0, 1, 0]);
    }
    message(2, &body)
}

fn certificate(chain: &[Vec<u8>]) -> Vec<u8> {
    let mut list = Vec::new();
    for certificate in chain {
        list.extend_from_slice(&(certificate.len() as u32).to_be_bytes()[1..]);
        list.extend_from_slice(certificate);
    }
    let mut body = (list.len() as u32).to_be_bytes()[1..].to_vec();
    body.extend(list);
    message(11, &body)
}

/// Modulus, generator 2, public value. The modulus has the size of a prime and is none: nobody computes with it.
fn dh_parameters(bits: u16) -> Vec<u8> {
    let bytes = usize::from(bits.div_ceil(8)).max(1);
    let mut modulus = noise("modulus", bytes);
    let top = (u32::from(bits) + 7) % 8;
    modulus[0] = modulus[0] & ((1u16 << (top + 1)) - 1) as u8 | 1 << top;
    if let Some(last) = modulus.last_mut() {
        *last |= 1;
    }
    let mut public = noise("public", bytes);
    public[0] = 0;
    let mut body = Vec::new();
    for number in [&modulus[..], &[2], &public] {
        body.extend((number.len() as u16).to_be_bytes());
        body.extend_from_slice(number);
    }
    body
}

/// secp256r1, and the generator for a point: at least it lies on the curve.
fn ec_parameters() -> Vec<u8> {
    const GENERATOR: &[u8; 65] = b"\x04\
        \x6b\x17\xd1\xf2\xe1\x2c\x42\x47\xf8\xbc\xe6\xe5\x63\xa4\x40\xf2\
        \x77\x03\x7d\x81\x2d\xeb\x33\xa0\xf4\xa1\x39\x45\xd8\x98\xc2\x96\
        \x4f\xe3\x42\xe2\xfe\x1a\x7f\x9b\x8e\xe7\xeb\x4a\x7c\x0f\x9e\x16\
        \x2b\xce\x33\x57\x6b\x31\x5e\xce\xcb\xb6\x40\x68\x37\xbf\x51\xf5";
    let mut body = vec![3, 0, 23, GENERATOR.len() as u8];
    body.extend_from_slice(GENERATOR);
    body
}

/// The size of one by RSA with 2048 bits; TLS 1.2 says the algorithms before it.
fn signature(version: u16) -> Vec<u8> {
    let mut signed = if version >= 0x0303 {
        vec![4, 1]
    } else {
        vec![]
    };
    signed.extend(256u16.to_be_bytes());
    signed.extend(noise("signature", 256));
    signed
}

/// Bytes that look random and are always the same.
fn noise(label: &str, length: usize) -> Vec<u8> {
    let block = |n: u32| {
        Sha256::new()
            .chain_update(label)
            .chain_update(n.to_be_bytes())
            .finalize()
    };
    (0..).flat_map(block).take(length).collect()
}

#[cfg(test)]
mod tests {
    use crate::tls::flight::{FlightEnd, FlightReader};

    use super::*;

    fn legacy(version: &str, cipher: &str) -> Legacy {
        Legacy {
            version: version.into(),
            cipher: cipher.into(),
            dh_bits: 1024,
            secure_renegotiation: false,
            compression: false,
            beside: false,
        }
    }

    fn hello(version: u16, suites: &[u16]) -> Vec<u8> {
        let mut body = version.to_be_bytes().to_vec();
        body.extend([7; 32]);
        body.push(0);
        body.extend((suites.len() as u16 * 2).to_be_bytes());
        body.extend(suites.iter().flat_map(|suite| suite.to_be_bytes()));
        body.extend([1, 0]);
        let message = message(1, &body);
        let mut record = vec![22, 3, 1];
        record.extend((message.len() as u16).to_be_bytes());
        record.extend(message);
        record
    }

    fn read(legacy: &Legacy) -> crate::tls::flight::Flight {
        let chain = vec![vec![0x30; 900], vec![0x31; 700]];
        let flight = ServerFlight::new(legacy, &chain).unwrap();
        let offered = Offer {
            version: 0x0303,
            suites: vec![flight.suite],
        };
        let mut reader = FlightReader::default();
        assert_eq!(
            reader.feed(flight.answer(&offered).unwrap()),
            Some(&FlightEnd::Done)
        );
        reader.flight
    }

    #[test]
    fn a_scanner_reads_what_was_asked_for() {
        for (version, cipher, wire) in [
            ("SSLv3", "RC4-MD5", 0x0300),
            ("TLSv1", "DES-CBC3-SHA", 0x0301),
            ("TLSv1", "DHE-RSA-CAMELLIA256-SHA", 0x0301),
            ("TLSv1.1", "EDH-RSA-DES-CBC3-SHA", 0x0302),
            ("TLSv1.2", "ECDHE-RSA-RC4-SHA", 0x0303),
            ("TLSv1.2", "DHE-RSA-AES256-SHA", 0x0303),
        ] {
            let seen = read(&legacy(version, cipher));
            assert_eq!(seen.version.unwrap().0, wire, "{cipher}");
            assert_eq!(seen.chain.unwrap().len(), 2, "{cipher}");
            let bits = seen.prime.map(|prime| prime.len() * 8);
            let finite =
                cipher.contains("DHE-") && !cipher.contains("ECDHE") || cipher.starts_with("EDH");
            assert_eq!(bits, finite.then_some(1024), "{cipher}");
            assert_eq!(
                seen.group.is_some(),
                cipher.starts_with("ECDHE"),
                "{cipher}"
            );
        }
        let anonymous = read(&legacy("TLSv1", "TLS_DH_anon_WITH_RC4_128_MD5"));
        assert!(anonymous.chain.is_none() && anonymous.prime.is_some());
    }

    #[test]
    fn moduli_have_their_size() {
        for bits in [512_u16, 768, 1023, 1024, 2048] {
            let body = dh_parameters(bits);
            let length = usize::from(u16::from_be_bytes([body[0], body[1]]));
            let zeros = body[2].leading_zeros() as usize;
            assert_eq!(length * 8 - zeros, usize::from(bits), "{bits}");
        }
    }

    #[test]
    fn hellos_whole_cut_and_old() {
        let bytes = hello(0x0303, &[5, 4]);
        for cut in 0..bytes.len() {
            assert_eq!(offer(&bytes[..cut]), None, "{cut}");
        }
        let expected = Offer {
            version: 0x0303,
            suites: vec![5, 4],
        };
        assert_eq!(offer(&bytes), Some(Ok(expected)));
        let sslv2 = [
            0x80, 18, 1, 3, 1, 0, 6, 0, 0, 0, 3, 1, 0, 128, 0, 0, 5, 9, 9, 9,
        ];
        let expected = Offer {
            version: 0x0301,
            suites: vec![5],
        };
        assert_eq!(offer(&sslv2), Some(Ok(expected)));
        assert_eq!(offer(b"QUIT\r\n"), Some(Err(MalformedHello)));
    }

    #[test]
    fn what_is_not_offered_gets_an_alert() {
        let flight = ServerFlight::new(&legacy("TLSv1.2", "RC4-SHA"), &[]).unwrap();
        let answer = |version, suites: &[u16]| {
            flight
                .answer(&Offer {
                    version,
                    suites: suites.to_vec(),
                })
                .err()
        };
        assert_eq!(answer(0x0301, &[5]), Some([21, 3, 3, 0, 2, 2, 70]));
        assert_eq!(answer(0x0303, &[0xc02f]), Some([21, 3, 3, 0, 2, 2, 40]));
        assert_eq!(answer(0x0303, &[0xc02f, 5]), None);
        assert!(ServerFlight::new(&legacy("TLSv1.3", "RC4-SHA"), &[]).is_err());
        assert!(ServerFlight::new(&legacy("TLSv1", "NO-SUCH"), &[]).is_err());
    }
}
