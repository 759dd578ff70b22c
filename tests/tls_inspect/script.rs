//! Server flights as bytes, by the specifications, for what no library of today serves.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

use super::certificates::der;

/// A handshake message.
pub fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u32).to_be_bytes();
    [&[kind][..], &length[1..], body].concat()
}

/// Contents in records of at most `size` bytes.
pub fn records(kind: u8, version: u16, contents: &[u8], size: usize) -> Vec<u8> {
    let record = |part: &[u8]| {
        let length = (part.len() as u16).to_be_bytes();
        [&[kind][..], &version.to_be_bytes(), &length, part].concat()
    };
    contents.chunks(size).flat_map(record).collect()
}

/// A fatal alert.
pub fn alert(description: u8) -> Vec<u8> {
    vec![21, 3, 1, 0, 2, 2, description]
}

pub fn server_hello(version: u16, suite: u16, extensions: &[u8]) -> Vec<u8> {
    let mut body = version.to_be_bytes().to_vec();
    body.extend_from_slice(&[7; 32]);
    body.push(0);
    body.extend_from_slice(&suite.to_be_bytes());
    body.push(0);
    if !extensions.is_empty() {
        body.extend_from_slice(&(extensions.len() as u16).to_be_bytes());
        body.extend_from_slice(extensions);
    }
    message(2, &body)
}

pub fn certificate(chain: &[Vec<u8>]) -> Vec<u8> {
    let vector = |der: &[u8]| [&(der.len() as u32).to_be_bytes()[1..], der].concat();
    let list: Vec<u8> = chain.iter().flat_map(|der| vector(der)).collect();
    message(11, &vector(&list))
}

/// ServerKeyExchange with the curve x25519 and a signature of nonsense.
pub fn ecdhe(version: u16) -> Vec<u8> {
    let mut body = vec![3, 0, 29, 32];
    body.extend_from_slice(&[9; 32]);
    body.extend(signature(version));
    message(12, &body)
}

/// ServerKeyExchange with a prime of so many bits.
pub fn dhe(version: u16, bits: usize) -> Vec<u8> {
    let prime = [vec![0xff; bits / 8 - 1], vec![0x0b]].concat();
    let mut body = ((bits / 8) as u16).to_be_bytes().to_vec();
    body.extend_from_slice(&prime);
    body.extend_from_slice(&[0, 1, 2, 0, 1, 5]);
    body.extend(signature(version));
    message(12, &body)
}

fn signature(version: u16) -> Vec<u8> {
    match version {
        0x0303 => vec![4, 1, 0, 2, 1, 1],
        _ => vec![0, 2, 1, 1],
    }
}

/// The whole first flight with one suite of the classic kinds, and the certificate `rsa2048`.
pub fn flight(version: u16, suite: u16) -> Vec<u8> {
    let is_ecdhe = (0xc006..=0xc014).contains(&suite) || suite == 0xc02f;
    let is_dhe = [
        0x0011, 0x0013, 0x0014, 0x0015, 0x0016, 0x0032, 0x0033, 0x0038, 0x0039, 0x0045, 0x0088,
    ]
    .contains(&suite);
    let mut messages = server_hello(version, suite, &[]);
    messages.extend(certificate(&[der("rsa2048")]));
    if is_ecdhe {
        messages.extend(ecdhe(version));
    } else if is_dhe {
        messages.extend(dhe(version, 1024));
    }
    messages.extend(message(14, &[]));
    messages
}

/// The suites that a hello of SSLv3 or later offers.
pub fn offered(hello: &[u8]) -> Vec<u16> {
    // Record header 5, message header 4, version 2, random 32.
    let Some(&session) = hello.get(43) else {
        return Vec::new();
    };
    let at = 44 + usize::from(session);
    let Some(length) = hello.get(at..at + 2) else {
        return Vec::new();
    };
    let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
    let suites = hello.get(at + 2..at + 2 + length).unwrap_or_default();
    suites
        .chunks_exact(2)
        .map(|suite| u16::from_be_bytes([suite[0], suite[1]]))
        .collect()
}

/// One record.
pub fn read_hello(stream: &mut TcpStream) -> Vec<u8> {
    let mut hello = vec![0; 5];
    if stream.read_exact(&mut hello).is_err() {
        return Vec::new();
    }
    let length = usize::from(u16::from_be_bytes([hello[3], hello[4]]));
    hello.resize(5 + length.min(1 << 14), 0);
    let _ = stream.read_exact(&mut hello[5..]);
    hello
}

/// Says it, and closes once the client has: what was said arrives before the end of the line does.
pub fn say(mut stream: TcpStream, bytes: &[u8]) {
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let _ = stream.read_to_end(&mut Vec::new());
}
