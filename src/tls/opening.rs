//! What comes behind the 220 to STARTTLS before TLS does: nothing, or plain text (RFC 3207 §4.2, §6).
//!
//! Whether text was injected or is the server's answer shows only when TLS begins behind it, or does not. So it is read
//! until one or the other is decided, and how its octets were cut into packets decides nothing.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::time::{Instant, timeout_at};

use crate::net::connect;
use crate::record::{Outcome, Phase, Reason, Text};

/// The most octets of plain text that are read.
const MOST_TEXT: usize = 16 << 10;
/// The most octets of a line that are shown.
const MOST_EVIDENCE: usize = 128;

/// The beginning of TLS.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Opening {
    /// Plain text that came before it.
    pub injected: Vec<u8>,
    /// The first octets of TLS, as many as were read.
    pub first: Vec<u8>,
}

/// Reads until TLS begins on `stream`; `leftover` was read already. Behind plain text TLS has `grace` to begin.
///
/// # Errors
/// It did not: there was plain text alone, or nothing.
pub(super) async fn opening(
    stream: &mut (impl AsyncRead + Unpin),
    leftover: Vec<u8>,
    mut until: Instant,
    grace: Duration,
) -> Result<Opening, Outcome> {
    let failed = |reason| Outcome::new(Phase::Handshake, reason);
    let mut heard = leftover;
    let mut is_text = false;
    loop {
        if let Some(at) = beginning(&heard) {
            let first = heard.split_off(at);
            return Ok(Opening {
                injected: heard,
                first,
            });
        }
        if !is_text && !may_begin(&heard) {
            is_text = true;
            until = until.min(Instant::now() + grace);
        }
        if heard.len() > MOST_TEXT {
            return Err(answer(&heard));
        }
        // Allocated when there is something to read: thousands of these wait at once.
        let mut buffer = Vec::new();
        let reason = match timeout_at(until, read_some(stream, &mut buffer)).await {
            Ok(Ok(0)) => Reason::Closed,
            Ok(Ok(_)) => {
                heard.extend_from_slice(&buffer);
                continue;
            }
            Ok(Err(error)) => connect::reason(&error),
            Err(_) => Reason::Timeout,
        };
        return Err(match is_text {
            true => answer(&heard),
            false => failed(reason),
        });
    }
}

async fn read_some(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut Vec<u8>,
) -> io::Result<usize> {
    let mut octets = [0; 1024];
    let read = stream.read(&mut octets).await?;
    buffer.extend_from_slice(&octets[..read]);
    Ok(read)
}

/// Where TLS begins: with a record's header (RFC 8446 §5.1, RFC 6520 §3) at the first octet; behind text, where such a header is
/// followed by a ServerHello or an alert.
fn beginning(heard: &[u8]) -> Option<usize> {
    if matches!(heard, [20..=24, 3, ..]) {
        return Some(0);
    }
    let is_first = |octets: &[u8]| {
        matches!(
            octets,
            [22, 3, 0..=4, _, _, 2] | [21, 3, 0..=4, 0, 2, 1 | 2]
        )
    };
    heard.windows(6).position(is_first)
}

/// Whether what was heard may be the first octet of a record, or is nothing yet.
fn may_begin(heard: &[u8]) -> bool {
    matches!(heard, [] | [20..=24] | [20..=24, 3, ..])
}

/// What plain text in the place of TLS says. The line whose code is an error's is the answer, or else the first one; a
/// 4xx is no answer for good.
fn answer(text: &[u8]) -> Outcome {
    // An ERROR of SSLv2 is no plain text, and says nothing of TLS.
    if matches!(text, [0x80, 3, 0, ..]) {
        return Outcome::new(Phase::Handshake, Reason::TlsError).with("an ERROR of SSLv2");
    }
    let mut lines = (text.split(|&octet| matches!(octet, b'\r' | b'\n')))
        .filter(|line| !line.is_empty())
        .peekable();
    let first = lines.peek().copied().unwrap_or_default();
    let refusal = lines.find(|line| matches!(line, [b'4' | b'5', b'0'..=b'9', b'0'..=b'9', rest @ ..] if matches!(rest, [] | [b' ' | b'-', ..])));
    let reason = match refusal {
        Some([b'4', ..]) => Reason::Deferred,
        _ => Reason::NotTls,
    };
    let line = refusal.unwrap_or(first);
    Outcome::new(Phase::Handshake, reason).with(Text::from(&line[..line.len().min(MOST_EVIDENCE)]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt as _;

    const HELLO: [u8; 8] = [22, 3, 3, 0, 74, 2, 0, 0];

    /// The end of what a server says in pieces with pauses between them, and whether it closes then.
    async fn hear(leftover: &[u8], pieces: &[&[u8]], closes: bool) -> Result<Opening, Outcome> {
        let (mut ours, mut theirs) = tokio::io::duplex(1 << 16);
        let pieces: Vec<Vec<u8>> = pieces.iter().map(|piece| piece.to_vec()).collect();
        let server = tokio::spawn(async move {
            for piece in pieces {
                let _ = theirs.write_all(&piece).await;
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
            if !closes {
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
        });
        let until = Instant::now() + Duration::from_millis(400);
        let grace = Duration::from_millis(200);
        let heard = opening(&mut ours, leftover.to_vec(), until, grace).await;
        server.abort();
        heard
    }

    fn outcome(heard: Result<Opening, Outcome>) -> (Reason, String) {
        let outcome = heard.unwrap_err();
        let detail = outcome.detail.map(|detail| detail.lossy().into_owned());
        (outcome.reason, detail.unwrap_or_default())
    }

    #[tokio::test]
    async fn t3_text_is_injected_if_tls_begins_behind_it_however_it_is_cut() {
        let text = b"250 injected\r\n";
        let whole = [&text[..], &HELLO].concat();
        for (leftover, pieces) in [
            (&text[..], &[&HELLO[..]][..]),
            (b"", &[&whole]),
            (&whole, &[]),
            (b"", &[text, &HELLO]),
            (&text[..3], &[&text[3..], &HELLO[..1], &HELLO[1..]]),
        ] {
            let opening = hear(leftover, pieces, false).await.unwrap();
            assert_eq!(opening.injected, text);
            assert!(HELLO.starts_with(&opening.first) && opening.first.len() >= 6);
        }
        let opening = hear(b"", &[&HELLO], false).await.unwrap();
        assert_eq!(opening.injected, b"");
    }

    #[tokio::test]
    async fn t3_text_without_tls_is_the_answer_however_it_is_cut() {
        let later = (Reason::Deferred, "454 4.7.0 TLS not available".to_owned());
        let text = b"454 4.7.0 TLS not available\r\n";
        for closes in [true, false] {
            assert_eq!(outcome(hear(text, &[], closes).await), later);
            assert_eq!(outcome(hear(b"", &[text], closes).await), later);
            assert_eq!(outcome(hear(b"45", &[&text[2..]], closes).await), later);
            let odd = hear(b"\x01\x02", &[b"\xff"], closes).await;
            assert_eq!(outcome(odd).0, Reason::NotTls);
        }
        let no = hear(b"", &[b"250 x\r\n554 5.7.3 no\r\n421 bye\r\n"], true).await;
        assert_eq!(outcome(no), (Reason::NotTls, "554 5.7.3 no".to_owned()));
    }

    #[tokio::test]
    async fn nothing_is_closed_or_a_timeout() {
        assert_eq!(outcome(hear(b"", &[], true).await).0, Reason::Closed);
        assert_eq!(outcome(hear(b"", &[], false).await).0, Reason::Timeout);
        assert_eq!(outcome(hear(b"", &[&[22]], true).await).0, Reason::Closed);
        let sslv2 = hear(b"", &[&[0x80, 3, 0, 0, 1]], true).await;
        assert_eq!(outcome(sslv2).0, Reason::TlsError);
    }
}
