//! The whole dialogue against a server that says anything: no panic, no hang, nothing sent out of turn, and the facts
//! hold together.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use mx_survey::record::{Outcome, Phase, Reason};
use mx_survey::smtp::dialogue::Dialogue;
use mx_survey::smtp::session::{Patience, SESSION_LIMIT, Session, Upgrade};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// `data` is what the server says: split at 0xFE into turns, each of which begins when the client has said something, and
/// at 0xFF into pieces.
pub fn run(data: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime without I/O needs nothing of the system");
    runtime.block_on(converse(data));
}

async fn converse(data: &[u8]) {
    let mut peer = Peer::new(data);
    let patience = Patience {
        banner: Duration::from_secs(5),
        reply: Duration::from_secs(5),
        farewell: Duration::from_secs(5),
    };
    let mut dialogue = Dialogue::with_transcript();
    let until = Instant::now() + Duration::from_secs(5);
    let result = async {
        let session = Session::new(&mut peer, patience, until, &mut dialogue);
        let session = session.greet().await?.introduce("probe.example").await?;
        match session.starttls().await? {
            Upgrade::Ready { .. } => Ok::<_, Outcome>(true),
            Upgrade::Refused(session) => {
                session.quit().await;
                Ok(false)
            }
        }
    };
    let result = result.await;
    check(&result, &dialogue, &peer);
}

fn check(result: &Result<bool, Outcome>, dialogue: &Dialogue, peer: &Peer<'_>) {
    let said: Vec<_> = peer.heard.split(|byte| *byte == b'\n').collect();
    let lines: Vec<_> = said
        .iter()
        .map(|line| String::from_utf8_lossy(line))
        .collect();
    let known = [
        "EHLO probe.example\r",
        "HELO probe.example\r",
        "STARTTLS\r",
        "QUIT\r",
        "",
    ];
    assert!(
        lines.iter().all(|line| known.contains(&line.as_ref())),
        "{lines:?}"
    );
    let starttls = &dialogue.starttls;
    match result {
        Ok(true) => assert_eq!(lines[lines.len() - 2..], ["STARTTLS\r", ""]),
        Ok(false) => assert_eq!(starttls.accepted, Some(false)),
        Err(outcome) => {
            assert_eq!(starttls.accepted, None);
            assert!(!matches!(outcome.phase, Phase::Connect | Phase::Done));
            assert_ne!(
                outcome.reason,
                Reason::Timeout,
                "the peer never keeps silent"
            );
        }
    }
    assert_eq!(starttls.accepted == Some(true), *result == Ok(true));
    assert_eq!(
        dialogue.capabilities.is_some(),
        dialogue.esmtp == Some(true)
    );
    assert!(peer.read <= SESSION_LIMIT + 4096);
}

/// What the server says next: pieces of turns; after the last one it closes.
struct Peer<'a> {
    turns: std::slice::Split<'a, u8, fn(&u8) -> bool>,
    pieces: Vec<&'a [u8]>,
    heard: Vec<u8>,
    read: usize,
    /// The client has spoken since the last turn.
    is_asked: bool,
}

impl<'a> Peer<'a> {
    fn new(data: &'a [u8]) -> Self {
        Self {
            turns: data.split((|byte| *byte == 0xfe) as fn(&u8) -> bool),
            pieces: Vec::new(),
            heard: Vec::new(),
            read: 0,
            is_asked: true,
        }
    }
}

impl AsyncRead for Peer<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let peer = &mut *self;
        if peer.pieces.is_empty()
            && std::mem::take(&mut peer.is_asked)
            && let Some(turn) = peer.turns.next()
        {
            peer.pieces = turn.split(|byte| *byte == 0xff).rev().collect();
            // So that asking whether something is there already finds nothing sometimes.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        // An empty piece would be the end of the stream: it is, and so is the end of the last turn.
        if let Some(mut piece) = peer.pieces.pop() {
            let rest = piece.len().saturating_sub(buffer.remaining());
            let (now, later) = piece.split_at(piece.len() - rest);
            if !later.is_empty() {
                peer.pieces.push(later);
            }
            piece = now;
            peer.read += piece.len();
            buffer.put_slice(piece);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Peer<'_> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.heard.extend_from_slice(bytes);
        self.is_asked = true;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
