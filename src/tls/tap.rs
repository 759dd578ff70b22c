//! A stream that lets the hello codec read along with rustls, so that what the server says in clear (secure
//! renegotiation, extended master secret) comes from the same single connection.
//!
//! It also makes the outcome of a handshake independent of when things arrive: a write that fails is no error, since why the
//! server closed stands in what can still be read. And what is written goes out in one piece, once the server is waited for:
//! our Finished with the EHLO behind it, QUIT with close_notify.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::flight::FlightReader;
use super::memory::{FREE, FlightRoom, Memory};

/// What a [`Tap`] reads: shared, so that it is there still when the handshake was given up.
#[derive(Clone, Debug, Default)]
pub struct Clear(Arc<Mutex<FlightReader>>);

impl Clear {
    /// The reader.
    pub fn reader(&self) -> MutexGuard<'_, FlightReader> {
        // A reader that panicked would have read what it had read.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream whose clear part is read along.
pub struct Tap<S> {
    stream: S,
    clear: Clear,
    is_over: bool,
    /// Octets that were read before, to be read first.
    first: Vec<u8>,
    /// What goes out before the next octet is waited for.
    outgoing: Vec<u8>,
    /// Octets read so far.
    octets: usize,
    room: Asked,
    memory: Memory,
}

/// Whether room for a large flight was asked for.
enum Asked {
    No,
    Waiting(Pin<Box<dyn Future<Output = FlightRoom> + Send>>),
    Given { _room: FlightRoom },
}

impl<S> Tap<S> {
    /// Reads along with `stream`.
    pub fn new(stream: S, clear: Clear, memory: Memory) -> Self {
        Self {
            stream,
            clear,
            is_over: false,
            first: Vec::new(),
            outgoing: Vec::new(),
            octets: 0,
            room: Asked::No,
            memory,
        }
    }

    /// The stream itself, to read what comes before TLS.
    pub(super) fn stream(&mut self) -> &mut S {
        &mut self.stream
    }

    /// Sends what was written so far. It fails as little as writing does.
    pub(super) async fn send(&mut self)
    where
        S: AsyncWrite + Unpin,
    {
        std::future::poll_fn(|context| self.poll_send(context)).await;
    }

    /// Has these octets read before all others.
    pub(super) fn unread(&mut self, first: Vec<u8>) {
        self.first = first;
    }

    /// Waits for room, once it holds more than it may without.
    fn poll_room(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.octets <= FREE {
            return Poll::Ready(());
        }
        loop {
            match &mut self.room {
                Asked::Given { .. } => return Poll::Ready(()),
                Asked::Waiting(room) => {
                    let room = ready!(room.as_mut().poll(context));
                    self.room = Asked::Given { _room: room };
                }
                Asked::No => {
                    let memory = self.memory.clone();
                    self.room = Asked::Waiting(Box::pin(async move { memory.room().await }));
                }
            }
        }
    }
}

impl<S: AsyncRead + Unpin> Tap<S> {
    fn poll_read_any(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.first.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let length = self.first.len().min(buffer.remaining());
        buffer.put_slice(&self.first[..length]);
        self.first.drain(..length);
        if self.first.is_empty() {
            self.first = Vec::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Tap<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_room(context));
        // A server that takes nothing may say something all the same.
        let _ = self.poll_send(context);
        let before = buffer.filled().len();
        ready!(self.poll_read_any(context, buffer))?;
        let read = &buffer.filled()[before..];
        self.octets += read.len();
        if !self.is_over {
            let over = self.clear.reader().feed(read).is_some();
            self.is_over = over;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> Tap<S> {
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.outgoing.is_empty() {
            return Poll::Ready(());
        }
        while !self.outgoing.is_empty() {
            match ready!(Pin::new(&mut self.stream).poll_write(context, &self.outgoing)) {
                Ok(written @ 1..) => drop(self.outgoing.drain(..written)),
                // The server is gone. What it said before that is still to be read, and how it went.
                Ok(0) | Err(_) => self.outgoing.clear(),
            }
        }
        self.outgoing = Vec::new();
        match ready!(Pin::new(&mut self.stream).poll_flush(context)) {
            Ok(()) | Err(_) => Poll::Ready(()),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tap<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.outgoing.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let before = self.outgoing.len();
        for piece in pieces {
            self.outgoing.extend_from_slice(piece);
        }
        Poll::Ready(Ok(self.outgoing.len() - before))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Nothing yet: it goes out before the next octet is waited for, by `send`, or at the end.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(context));
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S> fmt::Debug for Tap<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Tap").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    fn pair() -> (Tap<tokio::io::DuplexStream>, tokio::io::DuplexStream) {
        let (ours, theirs) = tokio::io::duplex(64);
        (Tap::new(ours, Clear::default(), Memory::default()), theirs)
    }

    #[tokio::test]
    async fn what_is_written_goes_out_together_before_the_server_is_waited_for() {
        let (mut tap, mut theirs) = pair();
        tap.write_all(b"one ").await.unwrap();
        tap.flush().await.unwrap();
        let pieces = [io::IoSlice::new(b"two "), io::IoSlice::new(b"three")];
        assert_eq!(tap.write_vectored(&pieces).await.unwrap(), 9);
        tap.flush().await.unwrap();
        let mut heard = [0; 64];
        let nothing = tokio::time::timeout(
            std::time::Duration::from_millis(20),
            theirs.read(&mut heard),
        );
        assert!(nothing.await.is_err(), "nobody is waited for yet");
        let answer = async {
            let length = theirs.read(&mut heard).await.unwrap();
            assert_eq!(&heard[..length], b"one two three");
            theirs.write_all(b"yes").await.unwrap();
        };
        let mut said = [0; 3];
        let (_, read) = tokio::join!(answer, tap.read_exact(&mut said));
        assert_eq!((read.unwrap(), &said), (3, b"yes"));
    }

    #[tokio::test]
    async fn it_goes_out_too_where_nothing_is_waited_for_and_a_server_that_takes_nothing_is_heard()
    {
        let (mut tap, mut theirs) = pair();
        tap.write_all(b"alert").await.unwrap();
        tap.send().await;
        let mut heard = [0; 5];
        theirs.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"alert");
        theirs.write_all(b"full").await.unwrap();
        // More than the other side has room for.
        tap.write_all(&[0; 1000]).await.unwrap();
        let mut said = [0; 4];
        tap.read_exact(&mut said).await.unwrap();
        assert_eq!(&said, b"full");
    }
}
