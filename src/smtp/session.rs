//! A conversation with a mail server as far as STARTTLS (RFC 5321 §4.1, RFC 3207 §4), one step at a time.
//!
//! [`Session::new`] → [`greet`](Session::greet) → [`introduce`](Session::introduce) → [`starttls`](Session::starttls)
//! or [`quit`](Session::quit). A step that changes the state consumes the session, so no step can be taken twice or too
//! early, and nobody can read the clear stream once it belongs to TLS. What was learned goes to a [`Dialogue`]; a step
//! that fails returns how, and has said goodbye already.
//!
//! Strictly in turns: nothing is sent before the last reply is complete, since servers take early talkers for spammers.
//! The last word is QUIT wherever it is our turn, except after a 220 to STARTTLS. It is not our turn after a timeout or
//! in the middle of a reply; then the connection is just closed.
//!
//! Replies belong to commands by their order, as every sender has it, and never by the moment at which they come: what a
//! packet boundary or a slow machine can turn decides nothing. A reply that cannot be one to the command (a second
//! greeting, a 250 to STARTTLS) is passed over; if a fitting one comes behind it, there was one too many before.

use std::future::poll_fn;
use std::io;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::time::{Instant, timeout_at};

use crate::net::connect;
use crate::record::{Oddity, Outcome, Phase, Reason, Reply};

use super::dialogue::Dialogue;
use super::reply::{EVIDENCE_LIMIT, MalformedReply, ReplyParser};

/// The most bytes that are read in one conversation. The longest true ones have some 4 KiB.
pub const SESSION_LIMIT: usize = 128 << 10;

/// How long to wait for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For the whole greeting. Greet delays of half a minute are common.
    pub banner: Duration,
    /// For each other reply as a whole.
    pub reply: Duration,
    /// For the answer to QUIT, which decides nothing.
    pub farewell: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            banner: Duration::from_secs(60),
            reply: Duration::from_secs(10),
            farewell: Duration::from_millis(1500),
        }
    }
}

/// State: connected, the server has the word.
#[derive(Debug)]
pub enum Connected {}
/// State: greeted (or inside TLS, where there is no second greeting): EHLO is next.
#[derive(Debug)]
pub enum Greeted {}
/// State: EHLO or HELO was answered 250.
#[derive(Debug)]
pub enum Introduced {}

/// A conversation over `stream`.
#[derive(Debug)]
pub struct Session<'d, S, State> {
    stream: S,
    /// Bytes that came behind the last reply. Empty nearly always, so that thousands may wait in little memory.
    input: Vec<u8>,
    /// Bytes read so far.
    octets: usize,
    patience: Patience,
    /// The end of the whole conversation.
    until: Instant,
    dialogue: &'d mut Dialogue,
    state: PhantomData<State>,
}

/// What came of STARTTLS.
#[derive(Debug)]
pub enum Upgrade<'d, S> {
    /// 220: TLS is next on this stream.
    Ready {
        /// The stream. Nothing may be said on it in clear any more.
        stream: S,
        /// Bytes in clear that have come behind the 220 by now; more of them may be on their way. If TLS begins, they
        /// were injected: a client that acts on them can be made to believe an attacker. If it does not, they are the
        /// server's answer.
        leftover: Vec<u8>,
    },
    /// 5xx: no. The conversation can go on in clear.
    Refused(Session<'d, S, Introduced>),
}

impl<'d, S: AsyncRead + AsyncWrite + Unpin> Session<'d, S, Connected> {
    /// A conversation that ends by `until`, on a stream that was just connected.
    pub fn new(stream: S, patience: Patience, until: Instant, dialogue: &'d mut Dialogue) -> Self {
        Session {
            stream,
            input: Vec::new(),
            octets: 0,
            patience,
            until,
            dialogue,
            state: PhantomData,
        }
    }

    /// Waits for the greeting.
    pub async fn greet(mut self) -> Result<Session<'d, S, Greeted>, Outcome> {
        let begun = Instant::now();
        let banner = self.reply(Phase::Banner, self.patience.banner).await?;
        self.dialogue.timings.banner_ms = Some(milliseconds(begun));
        self.dialogue.banner(&banner.reply);
        match banner.reply.code {
            220 => Ok(self.into_state()),
            _ => Err(self.part(Phase::Banner, &banner).await),
        }
    }
}

impl<'d, S: AsyncRead + AsyncWrite + Unpin> Session<'d, S, Greeted> {
    /// A conversation inside TLS, which begins with EHLO (RFC 3207 §4.2).
    pub fn inside(
        stream: S,
        patience: Patience,
        until: Instant,
        dialogue: &'d mut Dialogue,
    ) -> Self {
        Session::new(stream, patience, until, dialogue).into_state()
    }

    /// EHLO, and HELO if that is rejected. `name` is our own, checked by the caller to be one word.
    pub async fn introduce(mut self, name: &str) -> Result<Session<'d, S, Introduced>, Outcome> {
        let begun = Instant::now();
        let result = self.ehlo_or_helo(name).await;
        self.dialogue.timings.ehlo_ms = Some(milliseconds(begun));
        match result? {
            (_, heard) if heard.reply.code == 250 => Ok(self.into_state()),
            (phase, heard) => Err(self.part(phase, &heard).await),
        }
    }

    async fn ehlo_or_helo(&mut self, name: &str) -> Result<(Phase, Heard), Outcome> {
        let asked = self.ask(Phase::Ehlo, &format!("EHLO {name}")).await?;
        let ehlo = asked.heard;
        if ehlo.reply.code == 250 {
            self.dialogue.esmtp(ehlo.reply.clone());
            return Ok((Phase::Ehlo, ehlo));
        }
        self.dialogue.ehlo = Some(ehlo.reply.clone());
        if ehlo.reply.code < 500 {
            return Ok((Phase::Ehlo, ehlo));
        }
        let helo = match self.ask(Phase::Helo, &format!("HELO {name}")).await {
            Ok(asked) => asked.heard,
            // It hung up, before our HELO or behind it: the rejection was its last word.
            Err(outcome) if matches!(outcome.reason, Reason::Closed | Reason::Reset) => {
                return Err(ehlo.ends(Phase::Ehlo));
            }
            Err(outcome) => return Err(outcome),
        };
        self.dialogue.helo = Some(helo.reply.clone());
        // Rejected both times, it may be us that the server rejects: that says nothing about ESMTP.
        if helo.reply.code == 250 {
            self.dialogue.helo_only();
        }
        Ok((Phase::Helo, helo))
    }
}

impl<'d, S: AsyncRead + AsyncWrite + Unpin> Session<'d, S, Introduced> {
    /// What was learned so far.
    pub fn dialogue(&self) -> &Dialogue {
        self.dialogue
    }

    /// Asks to go on in TLS. Any reply but 220 and 5xx is an error: it says neither yes nor no.
    pub async fn starttls(mut self) -> Result<Upgrade<'d, S>, Outcome> {
        let begun = Instant::now();
        let result = self.ask(Phase::Starttls, "STARTTLS").await;
        self.dialogue.timings.starttls_ms = Some(milliseconds(begun));
        let Asked { heard, passed } = result?;
        if let Some(late) = passed.filter(|reply| reply.code == 250) {
            self.dialogue.shift(late);
        }
        self.dialogue.starttls(heard.reply.clone());
        match heard.reply.code {
            220 => {
                self.read_what_is_there().await;
                self.dialogue.server_said(&self.input);
                Ok(Upgrade::Ready {
                    stream: self.stream,
                    leftover: self.input,
                })
            }
            500..=599 => Ok(Upgrade::Refused(self)),
            _ => Err(self.part(Phase::Starttls, &heard).await),
        }
    }
}

impl<'d, S: AsyncRead + AsyncWrite + Unpin, State> Session<'d, S, State> {
    /// QUIT, and a moment for the answer. The stream is handed back to be closed.
    pub async fn quit(mut self) -> S {
        self.say_goodbye(|_| ()).await;
        self.stream
    }

    /// The same, with what `last` puts behind it on the stream in the same write.
    pub async fn quit_and(mut self, last: impl FnOnce(&mut S)) -> S {
        self.say_goodbye(last).await;
        self.stream
    }

    fn into_state<Next>(self) -> Session<'d, S, Next> {
        Session {
            stream: self.stream,
            input: self.input,
            octets: self.octets,
            patience: self.patience,
            until: self.until,
            dialogue: self.dialogue,
            state: PhantomData,
        }
    }

    /// The outcome that a complete reply puts an end to, after a goodbye.
    async fn part(&mut self, phase: Phase, heard: &Heard) -> Outcome {
        self.say_goodbye(|_| ()).await;
        heard.ends(phase)
    }

    async fn say_goodbye(&mut self, last: impl FnOnce(&mut S)) {
        self.dialogue.client_said("QUIT");
        let until = self.until.min(Instant::now() + self.patience.farewell);
        // Nothing depends on the answer: waiting for it only lets the server close first, as it likes to.
        let _ = timeout_at(until, async {
            self.stream.write_all(b"QUIT\r\n").await?;
            last(&mut self.stream);
            self.stream.flush().await?;
            let mut parser = ReplyParser::default();
            self.read_reply(&mut parser)
                .await
                .map(drop)
                .map_err(|failure| match failure {
                    Failure::Io(error) => error,
                    Failure::Malformed(_) => io::ErrorKind::InvalidData.into(),
                })
        })
        .await;
    }

    /// A command and its reply: the first that fits. Without any, one that does not is against the protocol.
    async fn ask(&mut self, phase: Phase, command: &str) -> Result<Asked, Outcome> {
        self.dialogue.client_said(command);
        let line = format!("{command}\r\n");
        let until = self.until.min(Instant::now() + self.patience.reply);
        let sent = match timeout_at(until, write_all(&mut self.stream, line.as_bytes())).await {
            Ok(sent) => sent,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        };
        match sent {
            Ok(()) => self.fitting_reply(phase, until).await,
            // The server closed. It may have said why: a 421, most of all.
            Err(error) => match self.fitting_reply(phase, Instant::now()).await {
                Ok(Asked { heard, .. }) if heard.reply.code >= 400 => Err(heard.ends(phase)),
                _ => Err(Outcome::new(phase, reason(&error)).with(error.to_string())),
            },
        }
    }

    async fn fitting_reply(&mut self, phase: Phase, until: Instant) -> Result<Asked, Outcome> {
        let mut passed: Option<Heard> = None;
        loop {
            let within = until.saturating_duration_since(Instant::now());
            let heard = match (self.reply(phase, within).await, passed) {
                (Ok(heard), passed) if fits(phase, heard.reply.code) => {
                    let passed = passed.map(|passed| passed.reply);
                    return Ok(Asked { heard, passed });
                }
                (Ok(heard), _) => heard,
                (Err(_), Some(passed)) => {
                    let phase_is_over = passed.ends(phase);
                    self.say_goodbye(|_| ()).await;
                    return Err(phase_is_over);
                }
                (Err(outcome), None) => return Err(outcome),
            };
            self.dialogue.oddities.insert(Oddity::EarlyTalker);
            passed = Some(heard);
        }
    }

    /// A whole reply, or how waiting for it ended.
    async fn reply(&mut self, phase: Phase, within: Duration) -> Result<Heard, Outcome> {
        let until = self.until.min(Instant::now() + within);
        let mut parser = ReplyParser::default();
        let result = timeout_at(until, self.read_reply(&mut parser)).await;
        self.dialogue.oddities.extend(parser.oddities());
        let reason = match result {
            Ok(Ok(heard)) => return Ok(heard),
            Ok(Err(Failure::Malformed(malformed))) => match malformed {
                MalformedReply::NoCode => no_code(phase),
                _ => Reason::TooLong,
            },
            _ if parser.is_hopeless() => no_code(phase),
            Ok(Err(Failure::Io(error))) => reason(&error),
            Err(_) => Reason::Timeout,
        };
        let outcome = Outcome::new(phase, reason);
        Err(match parser.evidence() {
            [] => outcome,
            evidence => outcome.with(evidence),
        })
    }

    async fn read_reply(&mut self, parser: &mut ReplyParser) -> Result<Heard, Failure> {
        loop {
            let mut rest = self.input.as_slice();
            let result = parser.feed(&mut rest);
            let taken = self.input.len() - rest.len();
            self.dialogue.server_said(&self.input[..taken]);
            self.input.drain(..taken);
            if let Some(reply) = result? {
                let decisive = parser.decisive();
                return Ok(Heard { reply, decisive });
            }
            // All was taken: give the memory back for the wait.
            self.input = Vec::new();
            if poll_fn(|context| self.poll_read(context)).await? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
        }
    }

    /// Takes in what can be had without waiting. Errors show again at the next read.
    async fn read_what_is_there(&mut self) {
        poll_fn(|context| {
            let _ = self.poll_read(context);
            Poll::Ready(())
        })
        .await;
    }

    /// Reads by way of the stack: a waiting conversation holds no buffer.
    fn poll_read(&mut self, context: &mut std::task::Context<'_>) -> Poll<io::Result<usize>> {
        let mut bytes = [const { std::mem::MaybeUninit::uninit() }; 4096];
        let mut buffer = ReadBuf::uninit(&mut bytes);
        std::task::ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
        let read = buffer.filled();
        self.octets += read.len();
        if self.octets > SESSION_LIMIT {
            return Poll::Ready(Err(io::ErrorKind::FileTooLarge.into()));
        }
        self.input.extend_from_slice(read);
        Poll::Ready(Ok(read.len()))
    }
}

/// A whole reply, and which of its lines says why it has its code.
#[derive(Clone, Debug)]
struct Heard {
    reply: Reply,
    decisive: usize,
}

impl Heard {
    /// What a reply that is not the wished-for one makes of the conversation: with its code, and the words of the line
    /// that has it.
    fn ends(&self, phase: Phase) -> Outcome {
        let Self { reply, decisive } = self;
        let reason = match reply.code {
            400..=499 => Reason::Deferred,
            500..=599 => Reason::Rejected,
            _ => Reason::ProtocolError,
        };
        let mut said = format!("{} ", reply.code).into_bytes();
        if let Some(line) = reply.lines.get(*decisive) {
            said.extend_from_slice(&line.0);
        }
        said.truncate(EVIDENCE_LIMIT);
        Outcome::new(phase, reason).with(said.as_slice())
    }
}

/// A reply that fits its command.
struct Asked {
    heard: Heard,
    /// The last one before it that did not.
    passed: Option<Reply>,
}

/// Whether a reply of this code can be one to the command of this phase (RFC 5321 §4.3.2, RFC 3207 §4).
fn fits(phase: Phase, code: u16) -> bool {
    match phase {
        Phase::Starttls => code == 220 || code >= 400,
        _ => code == 250 || code >= 400,
    }
}

/// Why a reply could not be read.
enum Failure {
    Io(io::Error),
    Malformed(MalformedReply),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<MalformedReply> for Failure {
    fn from(malformed: MalformedReply) -> Self {
        Self::Malformed(malformed)
    }
}

async fn write_all<S: AsyncWrite + Unpin>(stream: &mut S, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}

/// What answers a connect without a reply code does not speak SMTP; later it breaks SMTP.
fn no_code(phase: Phase) -> Reason {
    match phase {
        Phase::Banner => Reason::NotSmtp,
        _ => Reason::ProtocolError,
    }
}

/// What an error of the stream means; beyond [`SESSION_LIMIT`] it is one of ours. A pipe is broken where the server's FIN
/// came first: whether we read that or write behind it, it closed.
fn reason(error: &io::Error) -> Reason {
    match error.kind() {
        io::ErrorKind::FileTooLarge => Reason::TooLong,
        io::ErrorKind::BrokenPipe => Reason::Closed,
        _ => connect::reason(error),
    }
}

fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader, DuplexStream};

    use super::*;

    const PATIENCE: Patience = Patience {
        banner: Duration::from_millis(200),
        reply: Duration::from_millis(200),
        farewell: Duration::from_millis(50),
    };

    /// A server that says `script[0]`, and each further piece after a line of ours; then it closes, or stays silent if
    /// `stays`. Returns the lines it read.
    async fn serve(stream: DuplexStream, script: Vec<Vec<u8>>, stays: bool) -> Vec<String> {
        let (read, mut write) = tokio::io::split(stream);
        let mut read = BufReader::new(read);
        let mut heard = Vec::new();
        for (turn, piece) in script.into_iter().enumerate() {
            let mut line = String::new();
            if turn > 0 {
                let _ = read.read_line(&mut line).await;
                heard.push(line.trim_end().to_owned());
            }
            let _ = write.write_all(&piece).await;
        }
        if !stays {
            let _ = write.shutdown().await;
        }
        let mut rest = String::new();
        let _ = read.read_to_string(&mut rest).await;
        heard.extend(rest.lines().map(str::to_owned));
        heard
    }

    /// The whole dialogue against a script: how it ended, what was learned, what the server heard.
    async fn converse(script: &[&[u8]], stays: bool) -> (String, Dialogue, Vec<String>) {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let script = script.iter().map(|piece| piece.to_vec()).collect();
        let server = tokio::spawn(serve(theirs, script, stays));
        let mut dialogue = Dialogue::with_transcript();
        let until = Instant::now() + Duration::from_secs(2);
        let result = async {
            let session = Session::new(ours, PATIENCE, until, &mut dialogue);
            let session = session.greet().await?.introduce("probe.example").await?;
            match session.starttls().await? {
                Upgrade::Ready { leftover, .. } => {
                    Ok::<_, Outcome>(format!("ready, {} behind", leftover.len()))
                }
                Upgrade::Refused(session) => {
                    session.quit().await;
                    Ok("refused".to_owned())
                }
            }
        };
        let ended = match result.await {
            Ok(ended) => ended,
            Err(outcome) => format!("{}/{}", outcome.phase, outcome.reason),
        };
        (ended, dialogue, server.await.unwrap())
    }

    const EHLO: &str = "EHLO probe.example";
    const HELO: &str = "HELO probe.example";

    #[tokio::test]
    async fn the_way_to_tls_ends_without_a_quit() {
        let (ended, dialogue, heard) = converse(
            &[
                b"220 mx ESMTP\r\n",
                b"250-mx\r\n250 STARTTLS\r\n",
                b"220 go\r\n",
            ],
            true,
        )
        .await;
        assert_eq!(ended, "ready, 0 behind");
        assert_eq!(heard, [EHLO, "STARTTLS"]);
        assert_eq!(dialogue.esmtp, Some(true));
        assert_eq!(dialogue.starttls.advertised, Some(true));
        assert_eq!(dialogue.starttls.accepted, Some(true));
        assert_eq!(dialogue.flags(), []);
    }

    #[tokio::test]
    async fn bytes_behind_the_220_are_kept() {
        let (ended, dialogue, _) = converse(
            &[b"220 mx\r\n", b"250 mx\r\n", b"220 go\r\n250 injected\r\n"],
            true,
        )
        .await;
        assert_eq!(ended, "ready, 14 behind");
        // Whether they were injected shows only when TLS begins, or does not.
        assert_eq!(dialogue.starttls.injected, None);
        assert_eq!(dialogue.starttls.advertised, Some(false));
        assert_eq!(dialogue.starttls.accepted, Some(true));
    }

    #[tokio::test]
    async fn endings() {
        const HI: &[u8] = b"220 mx\r\n";
        const OK: &[u8] = b"250 mx\r\n";
        const NO: &[u8] = b"502 no\r\n";
        let endless: Vec<u8> = b"250-x\r\n".repeat(200);
        let one_line = vec![b'2'; 10_000];
        // Script, whether the server stays, how it ends, esmtp, accepted, what the server hears.
        type Fact = Option<bool>;
        type Case<'a> = (&'a [&'a [u8]], bool, &'a str, Fact, Fact, &'a [&'a str]);
        #[rustfmt::skip]
        let cases: &[Case<'_>] = &[
            (&[HI, OK, NO, OK], true, "refused", Some(true), Some(false), &[EHLO, "STARTTLS", "QUIT"]),
            (&[HI, NO, OK, NO, OK], true, "refused", Some(false), Some(false), &[EHLO, HELO, "STARTTLS", "QUIT"]),
            (&[HI, NO, NO], true, "helo/rejected", None, None, &[EHLO, HELO, "QUIT"]),
            (&[HI, OK, b"454 4.7.0 later\r\n"], true, "starttls/deferred", Some(true), None, &[EHLO, "STARTTLS", "QUIT"]),
            (&[HI, OK, b"421 bye\r\n"], false, "starttls/deferred", Some(true), None, &[EHLO, "STARTTLS", "QUIT"]),
            (&[HI, OK, b"250 what\r\n"], true, "starttls/protocol_error", Some(true), None, &[EHLO, "STARTTLS", "QUIT"]),
            (&[HI, b"451 later\r\n"], true, "ehlo/deferred", None, None, &[EHLO, "QUIT"]),
            (&[HI, b"220 what\r\n"], true, "ehlo/protocol_error", None, None, &[EHLO, "QUIT"]),
            (&[HI, b"what\r\n"], true, "ehlo/protocol_error", None, None, &[EHLO]),
            (&[HI, &endless], true, "ehlo/too_long", None, None, &[EHLO]),
            (&[HI, b"250-mx\r\n250-STARTTLS\r\n"], true, "ehlo/timeout", None, None, &[EHLO]),
            (&[HI, b"250-mx\r\n250-STARTTLS\r\n"], false, "ehlo/closed", None, None, &[EHLO]),
            (&[HI, OK, b""], false, "starttls/closed", Some(true), None, &[EHLO, "STARTTLS"]),
            (&[HI, OK, b""], true, "starttls/timeout", Some(true), None, &[EHLO, "STARTTLS"]),
            (&[b"554 no\r\n"], true, "banner/rejected", None, None, &["QUIT"]),
            (&[b"421 busy\r\n"], true, "banner/deferred", None, None, &["QUIT"]),
            (&[b"SSH-2.0-x\r\n"], true, "banner/not_smtp", None, None, &[]),
            (&[b"login: "], true, "banner/not_smtp", None, None, &[]),
            (&[&one_line], true, "banner/not_smtp", None, None, &[]),
            (&[b"220 half"], true, "banner/timeout", None, None, &[]),
            (&[b""], true, "banner/timeout", None, None, &[]),
            (&[b""], false, "banner/closed", None, None, &[]),
            (&[b"220 mx\r\n421 too many\r\n"], false, "ehlo/deferred", None, None, &[EHLO, "QUIT"]),
            (&[b"220 mx\r\n554 go away\r\n", b""], false, "ehlo/rejected", None, None, &[EHLO, HELO]),
        ];
        for (script, stays, expected, esmtp, accepted, hears) in cases {
            let (ended, dialogue, heard) = converse(script, *stays).await;
            let label = script
                .iter()
                .map(|piece| String::from_utf8_lossy(&piece[..piece.len().min(40)]).into_owned());
            let label = label.collect::<Vec<_>>().join("|");
            assert_eq!(&ended, expected, "{label}");
            assert_eq!(dialogue.esmtp, *esmtp, "{label}");
            assert_eq!(dialogue.starttls.accepted, *accepted, "{label}");
            assert_eq!(&heard, hears, "{label}");
        }
    }

    #[tokio::test]
    async fn what_came_unasked_is_no_answer() {
        let (ended, dialogue, heard) = converse(
            &[
                b"220 mx\r\n220 mx again\r\n",
                b"250-mx\r\n250 STARTTLS\r\n",
                b"220 go\r\n",
            ],
            true,
        )
        .await;
        assert_eq!(ended, "ready, 0 behind");
        assert_eq!(heard, [EHLO, "STARTTLS"]);
        assert_eq!(dialogue.flags(), [Oddity::EarlyTalker]);
        assert_eq!(dialogue.starttls.advertised, Some(true));
    }

    /// Pieces of a server's words as they may come: the pieces of a turn are sent with a pause before each.
    async fn converse_in_pieces(
        turns: &'static [&'static [&'static str]],
        pace: Duration,
    ) -> (String, Dialogue) {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let server = tokio::spawn(async move {
            let (read, mut write) = tokio::io::split(theirs);
            let mut read = BufReader::new(read);
            for (turn, pieces) in turns.iter().enumerate() {
                if turn > 0 && read.read_line(&mut String::new()).await.is_err() {
                    return;
                }
                for (position, piece) in pieces.iter().enumerate() {
                    if position > 0 && !pace.is_zero() {
                        tokio::time::sleep(pace).await;
                    }
                    let _ = write.write_all(piece.as_bytes()).await;
                }
            }
            let _ = read.read_to_string(&mut String::new()).await;
        });
        let mut dialogue = Dialogue::default();
        let until = Instant::now() + Duration::from_secs(2);
        let result = async {
            let session = Session::new(ours, PATIENCE, until, &mut dialogue);
            let session = session.greet().await?.introduce("probe.example").await?;
            match session.starttls().await? {
                Upgrade::Ready { .. } => Ok::<_, Outcome>("ready".to_owned()),
                Upgrade::Refused(session) => {
                    session.quit().await;
                    Ok("refused".to_owned())
                }
            }
        };
        let ended = match result.await {
            Ok(ended) => ended,
            Err(outcome) => format!("{}/{}", outcome.phase, outcome.reason),
        };
        server.abort();
        (ended, dialogue)
    }

    #[tokio::test]
    async fn s1_what_a_packet_holds_decides_nothing() {
        const OFFER: &str = "250-mx\r\n250 STARTTLS\r\n";
        const GO: &str = "220 go\r\n";
        type Case = (
            &'static [&'static [&'static str]],
            &'static str,
            [Option<bool>; 3],
            &'static [&'static str],
        );
        const YES: Option<bool> = Some(true);
        let cases: &[Case] = &[
            // Lines without a code before a reply.
            (
                &[&["220 mx\r\n", "\r\n", OFFER], &[], &[GO]],
                "ready",
                [YES; 3],
                &["no_code"],
            ),
            (
                &[&["220 mx\r\n"], &["\r\n", OFFER], &[GO]],
                "ready",
                [YES; 3],
                &["no_code"],
            ),
            (
                &[&["\r\n", "hello\r\n", "220 mx\r\n"], &[OFFER], &[GO]],
                "ready",
                [YES; 3],
                &["no_code"],
            ),
            (
                &[&["220 mx\r\n"], &[OFFER], &["\r\n", GO]],
                "ready",
                [YES; 3],
                &["no_code"],
            ),
            // A reply that nothing had asked for, and then all the others in their turn.
            (
                &[&["220 mx\r\n", "220 mx\r\n"], &[OFFER], &[GO]],
                "ready",
                [YES; 3],
                &["early_talker"],
            ),
            (
                &[&["220 mx\r\n", "250 well\r\n"], &[OFFER], &[GO]],
                "ready",
                [YES; 3],
                &["early_talker"],
            ),
            (
                &[
                    &["220 mx\r\n", "502 what\r\n"],
                    &[OFFER],
                    &["250 mx\r\n"],
                    &[GO],
                ],
                "ready",
                [YES; 3],
                &["early_talker"],
            ),
            (
                &[&["220 mx\r\n", "421 busy\r\n"], &[]],
                "ehlo/deferred",
                [None; 3],
                &[],
            ),
            (
                &[&["220 mx\r\n", "220 again\r\n"], &[]],
                "ehlo/protocol_error",
                [None; 3],
                &["early_talker"],
            ),
            (
                &[
                    &["220", " mx\r", "\n"],
                    &["250-mx\r\n", "250 STARTTLS", "\r\n"],
                    &[GO],
                ],
                "ready",
                [YES; 3],
                &[],
            ),
            (
                &[&["hello\r\n", "\r\n", "you\r\n"]],
                "banner/not_smtp",
                [None; 3],
                &["no_code"],
            ),
        ];
        for (turns, expected, facts, flags) in cases {
            for pace_ms in [0, 1, 30] {
                let pace = Duration::from_millis(pace_ms);
                let (ended, dialogue) = converse_in_pieces(turns, pace).await;
                let label = format!("{turns:?} at {pace_ms} ms");
                assert_eq!(&ended, expected, "{label}");
                let Dialogue {
                    esmtp, starttls, ..
                } = &dialogue;
                let found = [*esmtp, starttls.advertised, starttls.accepted];
                assert_eq!(&found, facts, "{label}");
                let words: Vec<&str> = dialogue.flags().iter().map(|it| it.word()).collect();
                assert_eq!(&words, flags, "{label}");
            }
        }
    }

    #[tokio::test]
    async fn s2_the_words_are_those_of_the_line_whose_code_counts() {
        for (banner, said) in [
            ("220-mx ESMTP\r\n521 5.7.1 blocked\r\n", "521 5.7.1 blocked"),
            (
                "554-5.7.1 blocked\r\n554 5.7.1 see there\r\n",
                "554 5.7.1 blocked",
            ),
            (
                "220-mx\r\n421-4.7.0 busy\r\nlater\r\n421 x\r\n",
                "421 4.7.0 busy",
            ),
        ] {
            let (ours, theirs) = tokio::io::duplex(1 << 16);
            let server = tokio::spawn(serve(theirs, vec![banner.into()], false));
            let mut dialogue = Dialogue::default();
            let until = Instant::now() + Duration::from_secs(2);
            let greeted = Session::new(ours, PATIENCE, until, &mut dialogue)
                .greet()
                .await;
            let outcome = greeted.map(drop).unwrap_err();
            assert_eq!(outcome.detail, Some(said.into()));
            let enhanced = dialogue.banner.unwrap().enhanced;
            assert_eq!(enhanced.as_deref(), said.split(' ').nth(1), "{banner}");
            server.await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_tarpit_keeps_nobody_beyond_the_end_of_the_whole() {
        let (ours, mut theirs) = tokio::io::duplex(64);
        let tarpit = tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(5)).await;
                if theirs.write_all(b"2").await.is_err() {
                    break;
                }
            }
        });
        let mut dialogue = Dialogue::default();
        let begun = Instant::now();
        let until = begun + Duration::from_millis(60);
        let outcome = Session::new(ours, PATIENCE, until, &mut dialogue)
            .greet()
            .await
            .unwrap_err();
        assert_eq!(outcome.reason, Reason::NotSmtp);
        assert!(begun.elapsed() < Duration::from_millis(190));
        tarpit.await.unwrap();
    }
}
