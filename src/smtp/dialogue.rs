//! What one conversation showed, however it ended: replies, facts, oddities, times, and on request every line of it.

use std::collections::BTreeSet;

use crate::record::{Capabilities, Oddity, Reply, Said, Speaker, Starttls, Text, Timings};

use super::capabilities::{self, STARTTLS};

/// The most lines of a transcript that are kept.
const TRANSCRIPT_LIMIT: usize = 1024;
/// The most bytes behind a 220 to STARTTLS that are kept.
const INJECTED_LIMIT: usize = 512;
/// What a server's "unknown command" shows if a firewall wrote over the command on its way there.
const MASKED_COMMAND: &[u8] = b"XXXX";

/// The facts of one conversation. A [`Session`](super::session::Session) fills it in as it goes, so that what was
/// learned before a failure is kept.
#[derive(Clone, Debug, Default)]
pub struct Dialogue {
    /// The greeting.
    pub banner: Option<Reply>,
    /// The reply to EHLO.
    pub ehlo: Option<Reply>,
    /// The reply to HELO.
    pub helo: Option<Reply>,
    /// EHLO was answered 250; false only if HELO was, and EHLO rejected.
    pub esmtp: Option<bool>,
    /// What the reply to EHLO offers.
    pub capabilities: Option<Capabilities>,
    /// STARTTLS, as far as SMTP goes.
    pub starttls: Starttls,
    /// What was odd.
    pub oddities: BTreeSet<Oddity>,
    /// Milliseconds of each step.
    pub timings: Timings,
    /// What was said, if it is to be kept.
    pub transcript: Option<Transcript>,
}

impl Dialogue {
    /// One that keeps a transcript.
    pub fn with_transcript() -> Self {
        Self {
            transcript: Some(Transcript::default()),
            ..Self::default()
        }
    }

    /// The oddities, sorted by their words.
    pub fn flags(&self) -> Vec<Oddity> {
        self.oddities.iter().copied().collect()
    }

    pub(super) fn banner(&mut self, reply: &Reply) {
        if is_masked(reply) {
            self.oddities.insert(Oddity::MaskedBanner);
        }
        self.banner = Some(reply.clone());
    }

    /// The 250 to EHLO.
    pub(super) fn esmtp(&mut self, reply: Reply) {
        let capabilities = Capabilities::from_reply(&reply);
        self.oddities.remove(&Oddity::HostMismatch);
        if let (Some(greeted), Some(introduced)) = (
            self.banner.as_ref().and_then(capabilities::host),
            &capabilities.host,
        ) && is_another_host(&greeted.0, &introduced.0)
        {
            self.oddities.insert(Oddity::HostMismatch);
        }
        self.esmtp = Some(true);
        self.starttls.advertised = Some(capabilities.offers(STARTTLS));
        self.starttls.masked = capabilities.masked_starttls().map(str::to_owned);
        self.capabilities = Some(capabilities);
        self.ehlo = Some(reply);
    }

    /// The 250 to HELO, after a 5xx to EHLO: a server that knows no extensions offers none.
    pub(super) fn helo_only(&mut self) {
        self.esmtp = Some(false);
        self.starttls.advertised = Some(false);
    }

    /// A 250 came behind what was taken for the last reply, and belongs to the last command: there was a reply too many
    /// before, so what was taken for the reply to HELO is the one to EHLO.
    ///
    /// A reply of one line behind one that offers something is itself the one too many.
    pub(super) fn shift(&mut self, last: Reply) {
        let offered = self.capabilities.as_ref();
        if offered.is_some_and(|offered| !offered.keywords.is_empty()) && last.lines.len() < 2 {
            return;
        }
        match self.helo.take() {
            Some(ehlo) => {
                self.helo = Some(last);
                self.esmtp(ehlo);
            }
            None => self.esmtp(last),
        }
    }

    /// The reply to STARTTLS. Neither yes nor no, unless it is 220 or 5xx.
    pub(super) fn starttls(&mut self, reply: Reply) {
        self.starttls.accepted = match reply.code {
            220 => Some(true),
            500..=599 => Some(false),
            _ => None,
        };
        let echo = reply.lines.iter().any(|line| {
            memchr::memmem::find(&line.0.to_ascii_uppercase(), MASKED_COMMAND).is_some()
        });
        if reply.code >= 500 && echo && self.starttls.masked.is_none() {
            self.starttls.masked = Some(String::from_utf8_lossy(MASKED_COMMAND).into_owned());
        }
        self.starttls.reply = Some(reply);
    }

    /// Bytes that came in clear behind the 220, before TLS began.
    pub fn injected(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.starttls.injected = Some(bytes[..bytes.len().min(INJECTED_LIMIT)].into());
        }
    }

    pub(super) fn client_said(&mut self, line: &str) {
        if let Some(transcript) = &mut self.transcript {
            transcript.say(Speaker::Client, line.into());
        }
    }

    pub(super) fn server_said(&mut self, bytes: &[u8]) {
        if let Some(transcript) = &mut self.transcript {
            transcript.hear(bytes);
        }
    }
}

/// Whether two names are of different hosts. A greeting that begins with another word than a name says nothing.
fn is_another_host(greeted: &[u8], introduced: &[u8]) -> bool {
    let plain = |name: &[u8]| name.strip_suffix(b".").unwrap_or(name).to_ascii_lowercase();
    greeted.contains(&b'.') && plain(greeted) != plain(introduced)
}

/// Firewalls that rewrite a greeting leave its length and, some of them, the digits 2 and 0: `****0**2***`.
fn is_masked(reply: &Reply) -> bool {
    let text = reply.lines.first().map_or(&[][..], |line| &line.0);
    let asterisks = text.iter().filter(|byte| **byte == b'*').count();
    asterisks >= 8 && asterisks * 10 >= text.len() * 8
}

/// The lines of a conversation in their order, bounded.
#[derive(Clone, Debug, Default)]
pub struct Transcript {
    said: Vec<Said>,
    /// What the server said since its last line end.
    line: Vec<u8>,
}

impl Transcript {
    /// The lines; what the server said last stands there even if its line did not end.
    pub fn into_lines(mut self) -> Vec<Said> {
        self.end_line();
        self.said
    }

    fn say(&mut self, by: Speaker, text: Text) {
        if self.said.len() < TRANSCRIPT_LIMIT {
            self.said.push(Said { by, text });
        }
    }

    fn hear(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                self.end_line();
            }
        }
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            let text = line.strip_suffix(b"\n").unwrap_or(&line);
            self.say(
                Speaker::Server,
                text.strip_suffix(b"\r").unwrap_or(text).into(),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(code: u16, text: &str) -> Reply {
        Reply {
            code,
            enhanced: None,
            lines: vec![text.into()],
        }
    }

    #[test]
    fn hosts_differ_by_more_than_case_and_a_dot() {
        for (greeted, introduced, differ) in [
            ("mx.test", "other.test", true),
            ("MX.test.", "mx.test", false),
            ("ESMTP", "mx.test", false),
        ] {
            let found = is_another_host(greeted.as_bytes(), introduced.as_bytes());
            assert_eq!(found, differ, "{greeted}");
        }
    }

    #[test]
    fn only_a_5xx_is_a_no() {
        for (code, accepted) in [
            (220, Some(true)),
            (250, None),
            (421, None),
            (454, None),
            (502, Some(false)),
            (554, Some(false)),
        ] {
            let mut dialogue = Dialogue::default();
            dialogue.starttls(reply(code, "x"));
            assert_eq!(dialogue.starttls.accepted, accepted, "{code}");
        }
    }

    #[test]
    fn masks_are_noted() {
        let mut dialogue = Dialogue::default();
        dialogue.banner(&reply(220, "****************0*2******0***"));
        assert_eq!(dialogue.flags(), [Oddity::MaskedBanner]);
        dialogue.starttls(reply(500, "5.5.1 unrecognized: \"XXXXXXXX\""));
        assert_eq!(dialogue.starttls.masked.as_deref(), Some("XXXX"));

        let mut plain = Dialogue::default();
        plain.banner(&reply(220, "*** mx.example *** no spam here, please ***"));
        assert_eq!(plain.flags(), []);
    }

    #[test]
    fn a_transcript_has_the_lines_of_both_and_is_bounded() {
        let mut dialogue = Dialogue::with_transcript();
        dialogue.server_said(b"220 m");
        dialogue.server_said(b"x\r\n");
        dialogue.client_said("EHLO probe.example");
        dialogue.server_said(b"250-");
        let lines = dialogue.transcript.clone().unwrap().into_lines();
        let lines: Vec<_> = lines
            .iter()
            .map(|said| format!("{}: {}", said.by, said.text.lossy()))
            .collect();
        assert_eq!(
            lines,
            [
                "server: 220 mx",
                "client: EHLO probe.example",
                "server: 250-"
            ]
        );
        dialogue.server_said(&b"\n".repeat(5000));
        let lines = dialogue.transcript.unwrap().into_lines();
        assert_eq!(lines.len(), TRANSCRIPT_LIMIT);
    }
}
