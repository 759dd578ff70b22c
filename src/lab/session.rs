//! One conversation of a mail server (RFC 5321, RFC 3207), played from its script.

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use futures::FutureExt as _;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;

use super::counters::{Arrival, Counters};
use super::legacy::{self, MalformedHello, ServerFlight};
use super::script::{Cue, DialogueStep, Script};
use super::world::{EhloName, ServerEnd};

/// A mail server at one address.
pub struct LabHost {
    /// Its address.
    pub ip: IpAddr,
    /// What it does.
    pub script: Script,
    /// Its TLS.
    pub tls: Option<Security>,
    /// It takes messages.
    pub takes_mail: bool,
    /// It closes where the record of a ClientHello is longer.
    pub longest_hello: Option<u16>,
    /// What it saw.
    pub counters: Mutex<Counters>,
}

/// What follows a STARTTLS.
pub enum Security {
    /// TLS 1.2 or 1.3.
    Tls(TlsAcceptor),
    /// A scripted first flight of something older.
    Legacy(Arc<ServerFlight>),
    /// The first to clients that offer TLS 1.2, the second to the others.
    Both(TlsAcceptor, Arc<ServerFlight>),
}

/// The longest command line that is understood; twice what RFC 5321 §4.5.3.1.4 allows.
const LINE: usize = 1024;

/// Repetitions are written in pieces of about this size.
const PIECE: usize = 64 << 10;

/// How a conversation went on at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    /// The next command is awaited.
    On,
    /// TLS begins.
    Tls,
    /// It is over.
    Over,
}

impl LabHost {
    /// What it saw, to read or to count on.
    pub fn counters(&self) -> MutexGuard<'_, Counters> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Holds a conversation to its end; it arrived when it was accepted.
pub async fn converse(host: Arc<LabHost>, stream: TcpStream, arrival: Arrival) {
    let mut session = Session {
        host: &host,
        arrival,
        inside: false,
        greeted: false,
        early: false,
        is_message: false,
        bytes_in: 0,
        bytes_out: 0,
        said: SystemTime::now(),
    };
    // Errors are the client's ways of going; the counters tell them. There is no limit of time: a timer for each
    // conversation would be a tenth of its cost, and a client that is gone closes its sockets.
    let _ = session.run(stream).await;
    let (bytes_in, bytes_out) = (session.bytes_in, session.bytes_out);
    let said = session.said;
    let mut counters = host.counters();
    counters.said(arrival, said);
    counters.bytes_in += bytes_in;
    counters.bytes_out += bytes_out;
    counters.end();
}

struct Session<'a> {
    host: &'a LabHost,
    arrival: Arrival,
    inside: bool,
    /// The greeting is said.
    greeted: bool,
    /// The client spoke before that.
    early: bool,
    /// What comes is a message, up to a line with a dot alone.
    is_message: bool,
    bytes_in: u64,
    bytes_out: u64,
    /// When the last word was begun.
    said: SystemTime,
}

impl Session<'_> {
    async fn run(&mut self, mut stream: TcpStream) -> io::Result<()> {
        let flow = self.greet(&mut stream).await?;
        if flow == Flow::On && self.commands(&mut stream).await? == Flow::Tls {
            // Apart: it is large, and most conversations, waiting by the thousand, have none.
            return Box::pin(self.handshake(stream)).await;
        }
        Ok(())
    }

    async fn greet(&mut self, stream: &mut TcpStream) -> io::Result<Flow> {
        let host = self.host;
        let cues = host
            .script
            .cues(DialogueStep::Banner, self.arrival)
            .unwrap_or(&[]);
        let over = self.play(stream, cues).await?;
        self.greeted = true;
        if self.early {
            self.host.counters().early_talkers += 1;
        }
        Ok(if over { Flow::Over } else { Flow::On })
    }

    /// Answers commands until the client or the script ends it, or TLS begins.
    async fn commands<S: Wire>(&mut self, stream: &mut S) -> io::Result<Flow> {
        let mut buffer = [0; LINE];
        let mut held = 0;
        loop {
            while let Some(end) = memchr::memchr(b'\n', &buffer[..held]) {
                let flow = self.command(stream, buffer[..end].trim_ascii()).await?;
                buffer.copy_within(end + 1..held, 0);
                held -= end + 1;
                if flow == Flow::Tls && held > 0 {
                    self.host.counters().clear_after_starttls += 1;
                }
                if flow != Flow::On {
                    return Ok(flow);
                }
            }
            if held == LINE && self.is_message {
                held = 0;
            }
            if held == LINE {
                self.host.counters().improper(b"TOO LONG");
                stream.write_all(b"500 5.5.2 line too long\r\n").await?;
                held = 0;
            }
            let read = stream.read(&mut buffer[held..]).await;
            match read {
                Ok(read) if read > 0 => {
                    held += read;
                    self.bytes_in += read as u64;
                }
                ended => {
                    if !self.inside {
                        self.host.counters().without_quit += 1;
                    }
                    return ended.map(|_| Flow::Over);
                }
            }
        }
    }

    async fn command<S: Wire>(&mut self, stream: &mut S, line: &[u8]) -> io::Result<Flow> {
        if self.is_message {
            return self.message(stream, line).await;
        }
        let (verb, argument) = match memchr::memchr(b' ', line) {
            Some(at) => (&line[..at], line[at..].trim_ascii()),
            None => (line, &line[line.len()..]),
        };
        let step = match verb.to_ascii_uppercase().as_slice() {
            b"EHLO" if self.inside => DialogueStep::Inside,
            b"EHLO" => DialogueStep::Ehlo,
            b"HELO" => DialogueStep::Helo,
            b"STARTTLS" if !self.inside => DialogueStep::Starttls,
            b"QUIT" => DialogueStep::Quit,
            b"NOOP" | b"RSET" => DialogueStep::Noop,
            b"MAIL" | b"RCPT" if self.host.takes_mail => DialogueStep::Noop,
            b"DATA" if self.host.takes_mail => {
                self.is_message = true;
                stream.write_all(b"354 end with a dot\r\n").await?;
                return Ok(Flow::On);
            }
            _ => DialogueStep::Other,
        };
        let step = self.count(step, verb, argument);
        let host = self.host;
        let cues = host.script.cues(step, self.arrival).unwrap_or(&[]);
        if self.play(stream, cues).await? {
            return Ok(Flow::Over);
        }
        let ready = cues.first().is_some_and(|cue| cue.say.starts_with(b"220"));
        let speaks_tls = host.tls.is_some()
            || host
                .script
                .cues(DialogueStep::Handshake, self.arrival)
                .is_some();
        Ok(if step == DialogueStep::Starttls && ready && speaks_tls {
            Flow::Tls
        } else {
            Flow::On
        })
    }

    /// A line of a message, or its end (RFC 5321 §4.1.1.4); the answer says how it came.
    async fn message<S: Wire>(&mut self, stream: &mut S, line: &[u8]) -> io::Result<Flow> {
        if line == b"." {
            self.is_message = false;
            let answer: &[u8] = match self.inside {
                true => b"250 2.0.0 taken inside TLS\r\n",
                false => b"250 2.0.0 taken in clear\r\n",
            };
            match self.inside {
                true => self.host.counters().messages_inside += 1,
                false => self.host.counters().messages += 1,
            }
            stream.write_all(answer).await?;
        }
        Ok(Flow::On)
    }

    /// Counts a command, and says which step it is in the end.
    fn count(&self, step: DialogueStep, verb: &[u8], argument: &[u8]) -> DialogueStep {
        let mut counters = self.host.counters();
        match step {
            DialogueStep::Ehlo | DialogueStep::Helo | DialogueStep::Inside => {
                let name = String::from_utf8_lossy(argument);
                let refused =
                    self.host.script.ehlo_name == Some(EhloName::Domain) && !is_a_domain(&name);
                if counters.ehlo_name.as_deref() != Some(&*name) {
                    counters.ehlo_name = Some(name.into_owned());
                }
                if refused {
                    return DialogueStep::BadName;
                }
            }
            DialogueStep::Starttls => counters.starttls += 1,
            DialogueStep::Quit if self.inside => counters.quits_inside += 1,
            DialogueStep::Quit => counters.quits += 1,
            DialogueStep::Other => counters.improper(verb),
            _ => {}
        }
        step
    }

    /// What follows a 220 to STARTTLS.
    async fn handshake(&mut self, mut stream: TcpStream) -> io::Result<()> {
        let mut first = [0; 1];
        // 22 is the record type of a handshake (RFC 8446 §5.1), 0x80 the first bit of an SSLv2 CLIENT-HELLO.
        match stream.peek(&mut first).await? {
            0 => return Ok(()),
            _ if first[0] != 22 && first[0] & 0x80 == 0 => {
                self.host.counters().clear_after_starttls += 1;
            }
            _ => {}
        }
        let host = self.host;
        if let Some(cues) = host.script.cues(DialogueStep::Handshake, self.arrival) {
            // The ClientHello is read first: closing on unread bytes would make a RST of a FIN.
            let mut hello = vec![0; 4096];
            self.bytes_in += stream.read(&mut hello).await? as u64;
            if !self.play(&mut stream, cues).await? {
                drain(&mut stream).await?;
            }
            return Ok(());
        }
        if let Some(longest) = host.longest_hello
            && first_record(&stream).await?.len() > usize::from(longest)
        {
            self.bytes_in += stream.read(&mut vec![0; legacy::LONGEST]).await? as u64;
            return stream.shutdown().await;
        }
        let acceptor = match &host.tls {
            Some(Security::Tls(acceptor)) => acceptor,
            Some(Security::Legacy(flight)) => return self.legacy(stream, flight).await,
            Some(Security::Both(acceptor, flight)) => {
                match legacy::offer(&first_record(&stream).await?) {
                    Some(Ok(offer)) if offer.version >= TLS12 => acceptor,
                    _ => return self.legacy(stream, flight).await,
                }
            }
            None => return Ok(()),
        };
        let mut tls = match acceptor.accept(stream).await {
            Ok(tls) => tls,
            Err(error) => {
                host.counters().handshakes_failed += 1;
                return Err(error);
            }
        };
        host.counters().handshakes += 1;
        self.inside = true;
        self.commands(&mut tls).await?;
        tls.shutdown().await
    }

    /// Answers a ClientHello from the script, and whatever follows with an alert.
    async fn legacy(&mut self, mut stream: TcpStream, flight: &ServerFlight) -> io::Result<()> {
        let mut hello = Vec::new();
        let offer = loop {
            if let Some(offer) = legacy::offer(&hello) {
                break offer;
            }
            let before = hello.len();
            if before > legacy::LONGEST || stream.read_buf(&mut hello).await? == 0 {
                break Err(MalformedHello);
            }
            self.bytes_in += (hello.len() - before) as u64;
        };
        self.host.counters().handshakes_failed += 1;
        let flight_sent = match offer.as_ref().map(|offer| flight.answer(offer)) {
            Ok(Ok(bytes)) => {
                stream.write_all(bytes).await?;
                self.bytes_out += bytes.len() as u64;
                stream.read(&mut [0; 4096]).await? > 0
            }
            Ok(Err(alert)) => {
                stream.write_all(&alert).await?;
                false
            }
            Err(MalformedHello) => true,
        };
        if flight_sent {
            stream.write_all(&flight.ending()).await?;
        }
        stream.shutdown().await
    }

    /// Makes the moves; whether the conversation is over then.
    async fn play<S: Wire>(&mut self, stream: &mut S, cues: &[Cue]) -> io::Result<bool> {
        for cue in cues {
            self.speak(stream, cue).await?;
            match cue.end {
                None => {}
                Some(ServerEnd::Close) => {
                    stream.shutdown().await?;
                    return Ok(true);
                }
                Some(ServerEnd::Reset) => {
                    stream.reset_on_close();
                    return Ok(true);
                }
                Some(ServerEnd::Hang) => {
                    drain(stream).await?;
                    return Ok(true);
                }
                Some(ServerEnd::HalfClose) => {
                    stream.shutdown().await?;
                    drain(stream).await?;
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    async fn speak<S: Wire>(&mut self, stream: &mut S, cue: &Cue) -> io::Result<()> {
        self.said = SystemTime::now();
        if cue.times > 1 && cue.wait.is_zero() && cue.drip.is_zero() && !cue.say.is_empty() {
            return self.flood(stream, cue).await;
        }
        for _ in 0..cue.times {
            if !cue.wait.is_zero() {
                sleep(cue.wait).await;
                self.said = SystemTime::now();
                self.early |= !self.greeted && stream.has_input();
            }
            if cue.drip.is_zero() {
                stream.write_all(&cue.say).await?;
                self.bytes_out += cue.say.len() as u64;
                continue;
            }
            for byte in cue.say.chunks(1) {
                sleep(cue.drip).await;
                self.early |= !self.greeted && stream.has_input();
                stream.write_all(byte).await?;
                self.bytes_out += 1;
            }
        }
        Ok(())
    }

    /// Many repetitions at once, as fast as the client takes them.
    async fn flood<S: Wire>(&mut self, stream: &mut S, cue: &Cue) -> io::Result<()> {
        let a_piece = (PIECE / cue.say.len()).max(1) as u64;
        let piece = cue.say.repeat(a_piece.min(cue.times) as usize);
        let mut left = cue.times;
        while left > 0 {
            let times = left.min(a_piece);
            let bytes = &piece[..cue.say.len() * times as usize];
            stream.write_all(bytes).await?;
            self.bytes_out += bytes.len() as u64;
            left -= times;
        }
        Ok(())
    }
}

/// A stream in clear or inside TLS.
trait Wire: AsyncRead + AsyncWrite + Unpin {
    /// Makes closing it a RST.
    fn reset_on_close(&self);

    /// Whether the client has said something that is not read yet.
    fn has_input(&self) -> bool;
}

impl Wire for TcpStream {
    fn reset_on_close(&self) {
        let _ = SockRef::from(self).set_linger(Some(Duration::ZERO));
    }

    fn has_input(&self) -> bool {
        let peeked = self.peek(&mut [0]).now_or_never();
        matches!(peeked, Some(Ok(1)))
    }
}

impl Wire for tokio_rustls::server::TlsStream<TcpStream> {
    fn reset_on_close(&self) {
        self.get_ref().0.reset_on_close();
    }

    fn has_input(&self) -> bool {
        self.get_ref().0.has_input()
    }
}

/// TLS 1.2 on the wire.
const TLS12: u16 = 0x0303;

/// The first record that a client sent, once it is there as a whole, left to be read; less where it is no TLS.
async fn first_record(stream: &TcpStream) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0; legacy::LONGEST + 5];
    loop {
        let count = stream.peek(&mut buffer).await?;
        let length = match buffer[..count].first_chunk::<5>() {
            Some([22, .., high, low]) => 5 + usize::from(u16::from_be_bytes([*high, *low])),
            Some(_) => count,
            None => 5,
        };
        if count == 0 || count >= length.min(buffer.len()) {
            buffer.truncate(count);
            return Ok(buffer);
        }
        sleep(Duration::from_millis(1)).await;
    }
}

/// Reads on and says nothing.
async fn drain(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
    let mut buffer = [0; 1024];
    while stream.read(&mut buffer).await? > 0 {}
    Ok(())
}

/// Two labels or more, none of them empty, and no address literal.
fn is_a_domain(name: &str) -> bool {
    let labels: Vec<&str> = name.trim_end_matches('.').split('.').collect();
    labels.len() >= 2
        && labels.iter().all(|label| {
            !label.is_empty()
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
        && name.parse::<IpAddr>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_domains() {
        for good in ["a.test", "mx.example.org", "x-1.de."] {
            assert!(is_a_domain(good), "{good}");
        }
        for bad in [
            "localhost",
            "[127.0.0.1]",
            "127.0.0.1",
            "",
            ".",
            "a..b",
            "a_b.test",
        ] {
            assert!(!is_a_domain(bad), "{bad}");
        }
    }
}
