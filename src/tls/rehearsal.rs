//! Both sides of a handshake of TLS 1.3 in memory, for tests and fuzzing: whatever a server seals behind its ServerHello
//! reaches the reader as it would from the network (RFC 8446 §4.4, §5.2). Pure but for the making of keys.

use std::sync::Arc;

use super::flight::{Flight, FlightEnd, FlightReader};
use super::modern::Modern;
use super::names::{Group, ProtocolVersion};
use super::share::KeyShare;
use super::suite::SuiteNumber;

/// What a client made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rehearsed {
    /// What it learned.
    pub flight: Flight,
    /// The end, if it came to one.
    pub end: Option<FlightEnd>,
    /// How many octets it says to the server's Finished.
    pub answer: Option<usize>,
}

/// A server that seals `messages`, in records of at most `piece` octets of them (at least 1), and a Finished that is right
/// behind them if `finishes`; none where the group cannot be computed with.
pub fn rehearse(
    suite: SuiteNumber,
    group: Group,
    messages: &[u8],
    piece: usize,
    finishes: bool,
) -> Option<Rehearsed> {
    const HELLO: [u8; 4] = [1, 0, 0, 0];
    let (ours, theirs) = (KeyShare::generate(group)?, KeyShare::generate(group)?);
    let said = server_hello(suite, &theirs);
    let mut server = Modern::new(Arc::new(theirs), &HELLO);
    server.heard(&said);
    server.agree(suite, group, &ours.public);
    let mut reader = FlightReader::opening(Modern::new(Arc::new(ours), &HELLO));
    let length = (said.len() as u16).to_be_bytes();
    let mut end = reader
        .feed(&[&[22, 3, 3][..], &length, &said].concat())
        .cloned();
    server.heard(messages);
    let mut all = messages.to_vec();
    if finishes {
        all.extend(server.finished_of_server());
    }
    for part in all.chunks(piece.clamp(1, 16_000)) {
        match server.seal_as_server(22, part) {
            Some(record) => end = reader.feed(&record).cloned(),
            // Of this suite nothing can be computed.
            None => break,
        }
    }
    let answer = reader.answer().map(|answer| answer.len());
    Some(Rehearsed {
        flight: reader.flight,
        end,
        answer,
    })
}

/// A ServerHello, the message, with a share (RFC 8446 §4.1.3).
fn server_hello(suite: SuiteNumber, share: &KeyShare) -> Vec<u8> {
    let mut extensions = vec![0, 43, 0, 2];
    extensions.extend(ProtocolVersion::TLS13.0.to_be_bytes());
    let length = share.public.len() as u16;
    extensions.extend([0, 51]);
    extensions.extend((length + 4).to_be_bytes());
    extensions.extend(share.group.0.to_be_bytes());
    extensions.extend(length.to_be_bytes());
    extensions.extend(&share.public);
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.push(0);
    body.extend((suite.0 as u16).to_be_bytes());
    body.push(0);
    body.extend((extensions.len() as u16).to_be_bytes());
    body.extend(extensions);
    let mut message = vec![2, 0];
    message.extend((body.len() as u16).to_be_bytes());
    message.extend(body);
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    /// EncryptedExtensions, CertificateRequest, a Certificate of one and CertificateVerify (RFC 8446 §4.3, §4.4).
    const FLIGHT: [&[u8]; 4] = [
        &[8, 0, 0, 2, 0, 0],
        &[13, 0, 0, 3, 0, 0, 0],
        &[11, 0, 0, 14, 0, 0, 0, 10, 0, 0, 5, 1, 2, 3, 4, 5, 0, 0],
        &[15, 0, 0, 6, 8, 9, 0, 2, 1, 1],
    ];

    #[test]
    fn handshakes_end_in_every_suite_and_group_however_they_are_cut() {
        for suite in [0x1301, 0x1302, 0x1303, 0x1304, 0x1305] {
            for (group, piece) in [(29, 1), (23, 3), (24, 5), (25, 16_000), (30, 2), (256, 7)] {
                let messages = FLIGHT.concat();
                let (suite, group) = (SuiteNumber(suite), Group(group));
                let seen = rehearse(suite, group, &messages, piece, true).unwrap();
                assert_eq!(seen.end, Some(FlightEnd::Finished), "{suite:?} {group:?}");
                assert!(seen.answer.is_some() && seen.flight.finished);
                assert_eq!(
                    (seen.flight.suite, seen.flight.group),
                    (Some(suite), Some(group))
                );
                assert_eq!(seen.flight.chain, Some(vec![vec![1, 2, 3, 4, 5]]));
                assert_eq!(seen.flight.signature_scheme, Some(0x0809));
                assert!(seen.flight.certificate_requested);
                // Without the Finished, it is not finished; a wrong one is told.
                let cut = rehearse(suite, group, &messages, piece, false).unwrap();
                assert_eq!(
                    (cut.end, cut.answer, cut.flight.finished),
                    (None, None, false)
                );
                let wrong = [&messages[..], &[20, 0, 0, 1, 0]].concat();
                let wrong = rehearse(suite, group, &wrong, piece, false).unwrap();
                assert!(
                    matches!(wrong.end, Some(FlightEnd::Malformed(_))),
                    "{wrong:?}"
                );
            }
        }
    }

    #[test]
    fn what_cannot_be_computed_is_seen_as_far_as_it_is_in_clear() {
        let seen = rehearse(
            SuiteNumber(0x1306),
            Group::X25519,
            &[8, 0, 0, 2, 0, 0],
            9,
            true,
        )
        .unwrap();
        assert_eq!(seen.flight.version, Some(ProtocolVersion::TLS13));
        assert_eq!(seen.flight.suite, Some(SuiteNumber(0x1306)));
        assert!(!seen.flight.finished && seen.flight.chain.is_none());
        assert_eq!(rehearse(SuiteNumber(0x1301), Group(31), &[], 9, true), None);
    }
}
