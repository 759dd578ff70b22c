//! A stream that lets the hello codec read along with rustls, so that what the server says in clear (secure
//! renegotiation, extended master secret, the text that is no TLS) comes from the same single connection.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::flight::Reader;

/// What a [`Tap`] reads: shared, so that it is there still when the handshake was given up.
#[derive(Clone, Debug, Default)]
pub struct Clear(Arc<Mutex<Reader>>);

impl Clear {
    /// The reader.
    pub fn reader(&self) -> MutexGuard<'_, Reader> {
        // A reader that panicked would have read what it had read.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream whose clear part is read along.
#[derive(Debug)]
pub struct Tap<S> {
    stream: S,
    clear: Clear,
    is_over: bool,
}

impl<S> Tap<S> {
    /// Reads along with `stream`.
    pub fn new(stream: S, clear: Clear) -> Self {
        Self {
            stream,
            clear,
            is_over: false,
        }
    }
}

impl Tap<TcpStream> {
    /// Waits until there is something to read.
    pub async fn readable(&self) -> io::Result<()> {
        self.stream.readable().await
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tap<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(context, buffer);
        if !self.is_over && result.is_ready() {
            let over = self
                .clear
                .reader()
                .feed(&buffer.filled()[before..])
                .is_some();
            self.is_over = over;
        }
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tap<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
