//! TCP to a name server: one question a connection, for answers that UDP cut short (RFC 7766).

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::message::{self, Question, Response};
use super::udp::LostTry;

/// Asks `server`; the caller bounds the time.
pub async fn ask(server: SocketAddr, question: &Question, edns: bool) -> Result<Response, LostTry> {
    let id = rand::random();
    let answer = exchange(server, &question.packet(id, edns))
        .await
        .map_err(LostTry::Io)?;
    if message::id(&answer) != Some(id) {
        return Err(LostTry::Malformed);
    }
    match message::read(&answer, question) {
        Ok(response) if !response.truncated => Ok(response),
        _ => Err(LostTry::Malformed),
    }
}

async fn exchange(server: SocketAddr, question: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server).await?;
    stream.set_nodelay(true)?;
    let mut framed = Vec::with_capacity(question.len() + 2);
    // A question is at most 12 + 255 + 4 + 11 octets.
    framed.extend_from_slice(&(question.len() as u16).to_be_bytes());
    framed.extend_from_slice(question);
    stream.write_all(&framed).await?;
    let length = stream.read_u16().await?;
    let mut answer = vec![0; usize::from(length)];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}
