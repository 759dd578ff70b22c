//! CLIENT-HELLO and SERVER-HELLO of SSL 2.0 (Hickman, "The SSL Protocol", 1995, §1.1.2 and §2.5, §2.6).

use super::suite::{SSLV2, SuiteNumber};

/// The most bytes of a SERVER-HELLO: a record of its own can say no more.
const MOST: usize = 0x7fff;

/// A CLIENT-HELLO that offers every kind of cipher.
pub fn client_hello(challenge: [u8; 16]) -> Vec<u8> {
    let mut body = vec![1, 0, 2];
    let kinds: Vec<u8> = SSLV2
        .iter()
        .flat_map(|(number, ..)| number.to_be_bytes()[1..].to_vec())
        .collect();
    body.extend_from_slice(&(kinds.len() as u16).to_be_bytes());
    body.extend_from_slice(&[0, 0, 0, challenge.len() as u8]);
    body.extend_from_slice(&kinds);
    body.extend_from_slice(&challenge);
    let mut record = vec![0x80 | (body.len() >> 8) as u8, body.len() as u8];
    record.append(&mut body);
    record
}

/// A SERVER-HELLO.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerHello {
    /// The certificate, X.509 (type 1); empty in a resumed session.
    pub certificate: Vec<u8>,
    /// The kinds of cipher that both sides have.
    pub suites: Vec<SuiteNumber>,
}

/// What the first bytes of an answer to a CLIENT-HELLO are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sslv2Answer {
    /// The whole SERVER-HELLO.
    Hello(ServerHello),
    /// An ERROR message, by its number.
    Error(u16),
    /// An alert of SSLv3 or TLS.
    Alert(u8),
    /// Another record of SSLv3 or TLS.
    Record,
    /// Anything else.
    Other,
}

/// Reads an answer; `None`: more bytes are needed.
pub fn answer(input: &[u8]) -> Option<Sslv2Answer> {
    let (&first, &second) = (input.first()?, input.get(1)?);
    match (first, second) {
        // A record of two bytes, level and description.
        (21, 3) => {
            return input
                .get(6)
                .map(|&description| Sslv2Answer::Alert(description));
        }
        (20..=23, 3) => return Some(Sslv2Answer::Record),
        _ => {}
    }
    let (header, length) = match first & 0x80 {
        0 => (3, usize::from(first & 0x3f) << 8 | usize::from(second)),
        _ => (2, usize::from(first & 0x7f) << 8 | usize::from(second)),
    };
    debug_assert!(length <= MOST);
    // The kind of message is known long before its end is: plain text is told at once.
    match input.get(header)? {
        0 | 4 => {}
        _ => return Some(Sslv2Answer::Other),
    }
    let body = input.get(header..header + length)?;
    Some(read(body).unwrap_or(Sslv2Answer::Other))
}

fn read(body: &[u8]) -> Option<Sslv2Answer> {
    let number = |at: usize| Some(u16::from_be_bytes([*body.get(at)?, *body.get(at + 1)?]));
    if body.first() == Some(&0) {
        return Some(Sslv2Answer::Error(number(1)?));
    }
    // type 4, session hit, certificate type, version, three lengths, certificate, ciphers, connection id
    if number(3)? != 2 {
        return None;
    }
    let certificate = usize::from(number(5)?);
    let suites = usize::from(number(7)?);
    let certificate = body.get(11..11 + certificate)?;
    let suites = body.get(11 + certificate.len()..11 + certificate.len() + suites)?;
    Some(Sslv2Answer::Hello(ServerHello {
        certificate: certificate.to_vec(),
        suites: suites
            .chunks_exact(3)
            .map(|kind| SuiteNumber(u32::from_be_bytes([0, kind[0], kind[1], kind[2]])))
            .collect(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A SERVER-HELLO with a certificate of three bytes and two kinds, by the specification.
    fn server_hello() -> Vec<u8> {
        let body = [
            &[4, 0, 1, 0, 2, 0, 3, 0, 6, 0, 2][..],
            &[0x30, 1, 0],
            &[1, 0, 0x80, 7, 0, 0xc0],
            &[9, 9],
        ]
        .concat();
        [&[0x80, body.len() as u8][..], &body].concat()
    }

    #[test]
    fn a_server_hello_is_read_when_it_is_whole() {
        let hello = server_hello();
        for end in 0..hello.len() {
            assert_eq!(answer(&hello[..end]), None, "cut at {end}");
        }
        let Some(Sslv2Answer::Hello(hello)) = answer(&hello) else {
            panic!("no hello")
        };
        assert_eq!(hello.certificate, [0x30, 1, 0]);
        assert_eq!(
            hello.suites,
            [SuiteNumber(0x01_0080), SuiteNumber(0x07_00c0)]
        );
    }

    #[test]
    fn what_is_none_is_told_and_nothing_panics() {
        assert_eq!(answer(b"\x80\x03\x00\x00\x01"), Some(Sslv2Answer::Error(1)));
        assert_eq!(
            answer(b"\x15\x03\x00\x00\x02\x02\x28"),
            Some(Sslv2Answer::Alert(40))
        );
        assert_eq!(answer(b"\x15\x03\x00\x00\x02\x02"), None);
        assert_eq!(answer(b"\x16\x03\x00"), Some(Sslv2Answer::Record));
        assert_eq!(answer(b"500 error\r\n"), Some(Sslv2Answer::Other));
        assert_eq!(answer(b"HTTP/1.1 400"), Some(Sslv2Answer::Other));
        let hello = server_hello();
        for at in 0..hello.len() {
            for value in 0..=255 {
                let mut changed = hello.clone();
                changed[at] = value;
                let _ = answer(&changed);
            }
        }
    }

    #[test]
    fn the_client_hello_has_the_lengths_it_says() {
        let hello = client_hello([5; 16]);
        assert_eq!(usize::from(hello[1]), hello.len() - 2);
        assert_eq!(hello[2..5], [1, 0, 2]);
        assert_eq!(hello.len(), 2 + 9 + 21 + 16);
    }
}
