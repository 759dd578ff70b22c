//! One request to a policy host (RFC 8461 §3.3) over a connection that stands: no redirection is followed, and what the host
//! may send is bounded.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::policy::mta_sts_policy::TEXT_LIMIT;
use crate::record::{Outcome, Phase, Reason, Text};

/// Where a policy is.
pub const PATH: &str = "/.well-known/mta-sts.txt";
/// The octets of a status line and header fields.
const HEAD_LIMIT: usize = 32 * 1024;
/// The octets of a whole connection, handshake, head, body and what frames them.
const CONNECTION_LIMIT: usize = 512 * 1024;
/// The octets of a field's value that are kept.
const VALUE_LIMIT: usize = 1024;

/// What a host answered.
#[derive(Debug)]
pub struct HttpAnswer {
    /// The status.
    pub status: u16,
    /// Content-Type.
    pub media_type: Option<Text>,
    /// Location.
    pub location: Option<Text>,
    /// The body of an answer with status 200, or why it did not come whole.
    pub body: Option<Result<Vec<u8>, Outcome>>,
}

/// Asks `host` for its policy.
pub async fn ask<S>(stream: S, host: &str, is_over: &OctetBudget) -> Result<HttpAnswer, Outcome>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let failed = |error: &hyper::Error| match is_over.is_spent() {
        true => too_long("more than 512 KiB on the connection"),
        // What the parser gives up behind so much is a head without an end.
        false if error.is_parse() && is_over.octets() > HEAD_LIMIT => {
            too_long("more than 32 KiB of header fields")
        }
        false => failure(error),
    };
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .max_buf_size(HEAD_LIMIT)
        // The octets are the bound: no head of that length has more fields.
        .max_headers(HEAD_LIMIT / 8)
        .handshake::<_, Empty<Bytes>>(TokioIo::new(stream))
        .await
        .map_err(|error| failed(&error))?;
    let request = Request::get(PATH)
        .header(header::HOST, host)
        .header(
            header::USER_AGENT,
            concat!("mx-survey/", env!("CARGO_PKG_VERSION")),
        )
        .header(header::ACCEPT, "text/plain")
        .header(header::CONNECTION, "close")
        .body(Empty::new())
        .map_err(|error| Outcome::new(Phase::Http, Reason::InvalidName).with(error.to_string()))?;
    let exchange = async {
        let response = sender.send_request(request).await;
        let response = response.map_err(|error| failed(&error))?;
        Ok(answer(response, &failed).await)
    };
    let mut exchange = std::pin::pin!(exchange);
    let mut connection = std::pin::pin!(connection);
    let mut is_open = true;
    loop {
        tokio::select! {
            result = &mut exchange => return result,
            // Whatever ended it, the exchange is told.
            _ = &mut connection, if is_open => is_open = false,
        }
    }
}

async fn answer(
    response: Response<Incoming>,
    failed: &impl Fn(&hyper::Error) -> Outcome,
) -> HttpAnswer {
    let field = |name: HeaderName| response.headers().get(name).map(text);
    let mut answer = HttpAnswer {
        status: response.status().as_u16(),
        media_type: field(header::CONTENT_TYPE),
        location: field(header::LOCATION),
        body: None,
    };
    if answer.status == 200 {
        answer.body = Some(body(response.into_body(), failed).await);
    }
    answer
}

async fn body(
    mut body: Incoming,
    failed: &impl Fn(&hyper::Error) -> Outcome,
) -> Result<Vec<u8>, Outcome> {
    let mut text = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| failed(&error))?;
        let Some(data) = frame.data_ref() else {
            continue;
        };
        if text.len() + data.len() > TEXT_LIMIT {
            return Err(too_long("more than 64 KiB of policy"));
        }
        text.extend_from_slice(data);
    }
    Ok(text)
}

fn text(value: &HeaderValue) -> Text {
    let value = value.as_bytes();
    value[..value.len().min(VALUE_LIMIT)].into()
}

fn too_long(what: &str) -> Outcome {
    Outcome::new(Phase::Http, Reason::TooLong).with(what)
}

fn failure(error: &hyper::Error) -> Outcome {
    let outcome = |reason| Outcome::new(Phase::Http, reason);
    if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        return outcome(Reason::Closed);
    }
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(cause) = cause.downcast_ref::<io::Error>() {
            return outcome(crate::net::connect::reason(cause));
        }
        source = cause.source();
    }
    outcome(Reason::ProtocolError).with(error.to_string())
}

/// Whether a [`Bounded`] connection has used up what it may bring.
#[derive(Clone, Debug, Default)]
pub struct OctetBudget {
    spent: Arc<AtomicUsize>,
    is_spent: Arc<AtomicBool>,
}

impl OctetBudget {
    /// Whether the connection was cut for its length.
    pub fn is_spent(&self) -> bool {
        self.is_spent.load(Ordering::Relaxed)
    }

    /// The octets that came so far.
    pub fn octets(&self) -> usize {
        self.spent.load(Ordering::Relaxed)
    }

    fn take(&self, octets: usize) -> bool {
        let spent = self.spent.fetch_add(octets, Ordering::Relaxed) + octets;
        if spent > CONNECTION_LIMIT {
            self.is_spent.store(true, Ordering::Relaxed);
        }
        spent <= CONNECTION_LIMIT
    }
}

/// A connection that is cut once it has brought too much, whatever the layers above make of it.
#[derive(Debug)]
pub struct Bounded<S> {
    stream: S,
    budget: OctetBudget,
}

impl<S> Bounded<S> {
    /// Bounds `stream`.
    pub fn new(stream: S, budget: OctetBudget) -> Self {
        Self { stream, budget }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(context, buffer);
        let brought = buffer.filled().len() - before;
        if !self.budget.take(brought) {
            return Poll::Ready(Err(io::Error::other("too many octets")));
        }
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
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
