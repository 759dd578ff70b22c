//! A stream that lets the hello codec read along with rustls, so that what the server says in clear (secure
//! renegotiation, extended master secret, the text that is no TLS) comes from the same single connection.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::flight::Reader;

/// A stream with a [`Reader`] beside it until the clear part is over.
#[derive(Debug)]
pub struct Tap<S> {
    stream: S,
    /// Facts of the clear part.
    pub reader: Reader,
    is_over: bool,
}

impl<S> Tap<S> {
    /// Reads along with `stream`.
    pub fn new(stream: S) -> Self {
        Self {
            stream,
            reader: Reader::default(),
            is_over: false,
        }
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
            self.is_over = self.reader.feed(&buffer.filled()[before..]).is_some();
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
