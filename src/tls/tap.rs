//! A stream that lets the hello codec read along with rustls, so that what the server says in clear (secure
//! renegotiation, extended master secret) comes from the same single connection.
//!
//! It also makes the outcome of a handshake independent of when things arrive: what is written goes out in one piece
//! when it is flushed, and a write that fails is no error, since why the server closed stands in what can still be read.

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
    /// What waits to be flushed.
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

impl<S: AsyncRead + Unpin> AsyncRead for Tap<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_room(context));
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

impl<S: AsyncWrite + Unpin> AsyncWrite for Tap<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.outgoing.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        while !this.outgoing.is_empty() {
            match ready!(Pin::new(&mut this.stream).poll_write(context, &this.outgoing)) {
                Ok(written @ 1..) => drop(this.outgoing.drain(..written)),
                // The server is gone. What it said before that is still to be read, and how it went.
                Ok(0) | Err(_) => this.outgoing.clear(),
            }
        }
        this.outgoing = Vec::new();
        match ready!(Pin::new(&mut this.stream).poll_flush(context)) {
            Ok(()) | Err(_) => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(context))?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S> fmt::Debug for Tap<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Tap").finish_non_exhaustive()
    }
}
