//! Reads SMTP replies (RFC 5321 §4.2) from bytes in whatever pieces they come: pure, bounded, and forgiving where
//! senders are.
//!
//! What other senders forgive is forgiven and noted as an [`Oddity`]; what cannot be read ends in [`MalformedReply`].

use std::collections::BTreeSet;

use crate::record::{Oddity, Reply, Text};

/// The longest reply line that RFC 5321 §4.5.3.1.5 allows, line end included.
pub const LINE_NOMINAL: usize = 512;
/// The longest line that is read.
pub const LINE_LIMIT: usize = 4096;
/// The most lines a reply may have. The longest EHLO replies seen have some 30.
pub const LINES_LIMIT: usize = 128;
/// The most bytes a reply may have.
pub const REPLY_LIMIT: usize = 64 << 10;
/// The most bytes of a reply's beginning that are kept as evidence of what went wrong.
pub const EVIDENCE_LIMIT: usize = 512;

/// Why bytes are no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedReply {
    /// No line begins with a reply code, and none will.
    #[error("no reply code")]
    NoCode,
    /// A line beyond [`LINE_LIMIT`].
    #[error("a line of more than {LINE_LIMIT} octets")]
    LineTooLong,
    /// More than [`LINES_LIMIT`] lines.
    #[error("more than {LINES_LIMIT} lines")]
    TooManyLines,
    /// More than [`REPLY_LIMIT`] bytes.
    #[error("more than {REPLY_LIMIT} octets")]
    TooManyOctets,
}

/// One reply on its way in.
///
/// ```
/// use mx_survey::smtp::reply::ReplyParser;
///
/// let mut parser = ReplyParser::default();
/// assert_eq!(parser.feed(&mut b"250-mx.example.org\r\n250 START".as_slice()), Ok(None));
/// let mut rest = b"TLS\r\n220 go".as_slice();
/// let reply = parser.feed(&mut rest).unwrap().unwrap();
/// assert_eq!((reply.code, reply.lines.len()), (250, 2));
/// assert_eq!(rest, b"220 go");
/// ```
#[derive(Debug, Default)]
pub struct ReplyParser {
    /// The line that has not ended yet.
    line: Vec<u8>,
    /// Texts of the lines that have, from the first with a code on.
    lines: Vec<Text>,
    /// Lines before that one, blank ones included.
    passed: usize,
    /// The first of them that is not blank: it shows what speaks there, if no code comes.
    stranger: Option<Text>,
    /// The code of the last line that bore one.
    code: Option<u16>,
    /// The place in `lines` of the first line that bears this code, since it changed.
    decisive: usize,
    /// Bytes taken in all.
    octets: usize,
    oddities: BTreeSet<Oddity>,
}

impl ReplyParser {
    /// Takes bytes off the front of `input` until a reply is complete, and leaves those behind it. `None`: all were
    /// taken, more are needed. After a reply or an error the parser has done its work.
    pub fn feed(&mut self, input: &mut &[u8]) -> Result<Option<Reply>, MalformedReply> {
        while !input.is_empty() {
            let end = memchr::memchr(b'\n', input).map_or(input.len(), |at| at + 1);
            let (piece, rest) = input.split_at(end);
            *input = rest;
            self.octets += piece.len();
            let room = LINE_LIMIT - self.line.len();
            self.line.extend_from_slice(&piece[..end.min(room)]);
            if piece.len() > room {
                return Err(self.or_no_code(MalformedReply::LineTooLong));
            }
            if self.octets > REPLY_LIMIT {
                return Err(MalformedReply::TooManyOctets);
            }
            if self.line.last() == Some(&b'\n')
                && let Some(reply) = self.end_line()?
            {
                return Ok(Some(reply));
            }
        }
        Ok(None)
    }

    /// What was odd so far.
    pub fn oddities(&self) -> &BTreeSet<Oddity> {
        &self.oddities
    }

    /// The beginning of what came, for people: of the first line that is none of a reply, else of the line that did not
    /// end, else of the last one that did.
    pub fn evidence(&self) -> &[u8] {
        let bytes = match (&self.stranger, self.lines.last()) {
            (Some(stranger), None) => &stranger.0,
            (_, Some(last)) if self.line.is_empty() => &last.0,
            _ => self.line.as_slice(),
        };
        &bytes[..bytes.len().min(EVIDENCE_LIMIT)]
    }

    /// Which line of the reply that [`feed`](Self::feed) returned says why it has its code: the first that bears it.
    pub fn decisive(&self) -> usize {
        self.decisive
    }

    /// Whether something came, complete or not, that is no part of a reply, and no code so far. What still comes may
    /// bear one.
    pub fn is_hopeless(&self) -> bool {
        // A byte each: the three digits, and what may stand behind them.
        const CLASSES: [&[u8]; 4] = [b"2345", b"0123456789", b"0123456789", b" \t-\r\n"];
        let begins_like_a_code = |line: &[u8]| {
            line.iter()
                .zip(CLASSES)
                .all(|(byte, class)| class.contains(byte))
        };
        self.code.is_none() && (self.stranger.is_some() || !begins_like_a_code(&self.line))
    }

    fn or_no_code(&self, malformed: MalformedReply) -> MalformedReply {
        if self.is_hopeless() {
            MalformedReply::NoCode
        } else {
            malformed
        }
    }

    /// Takes the line in; the reply, if it was its last.
    fn end_line(&mut self) -> Result<Option<Reply>, MalformedReply> {
        if self.line.len() > LINE_NOMINAL {
            self.oddities.insert(Oddity::LongLine);
        }
        let line = match self.line.strip_suffix(b"\r\n") {
            Some(line) => line,
            None => {
                self.oddities.insert(Oddity::BareLf);
                self.line.strip_suffix(b"\n").unwrap_or(&self.line)
            }
        };
        note_strange_bytes(line, &mut self.oddities);
        let (last, text) = match split_code(line) {
            Some((code, last, text)) => {
                // Act on the last: it is what the server came to in the end, and what Postfix acts on.
                if self.code.is_some_and(|earlier| earlier != code) {
                    self.oddities.insert(Oddity::CodeChange);
                    self.decisive = self.lines.len();
                }
                self.code = Some(code);
                (last, text)
            }
            // Senders read on until a line has a code; in which packet it comes must decide nothing.
            None if self.code.is_none() => return self.pass_over(),
            // A banner with a line break in its text: the rest of the reply still comes, so read on, as Postfix does.
            None => {
                self.oddities.insert(Oddity::NoCode);
                (false, line)
            }
        };
        if self.passed + self.lines.len() == LINES_LIMIT {
            return Err(MalformedReply::TooManyLines);
        }
        self.lines.push(text.into());
        self.line.clear();
        Ok(match self.code {
            Some(code) if last => {
                let lines = std::mem::take(&mut self.lines);
                Some(Reply {
                    code,
                    enhanced: lines.get(self.decisive).and_then(enhanced_code),
                    lines,
                })
            }
            _ => None,
        })
    }

    /// Takes a line without a code off, before any that has one: unless it shows that no code will come.
    fn pass_over(&mut self) -> Result<Option<Reply>, MalformedReply> {
        self.oddities.insert(Oddity::NoCode);
        let line = self.line.trim_ascii_end();
        if !line.is_empty() && self.stranger.is_none() {
            self.stranger = Some(self.line[..self.line.len().min(EVIDENCE_LIMIT)].into());
        }
        if is_another_protocol(line) {
            return Err(MalformedReply::NoCode);
        }
        if self.passed == LINES_LIMIT {
            return Err(self.or_no_code(MalformedReply::TooManyLines));
        }
        self.passed += 1;
        self.line.clear();
        Ok(None)
    }
}

/// Whether a line is the greeting or the answer of a protocol that is not SMTP, and known by it: waiting for a code
/// would be for nothing.
fn is_another_protocol(line: &[u8]) -> bool {
    const GREETINGS: [&[u8]; 7] = [
        b"SSH-",
        b"HTTP/",
        b"+OK",
        b"-ERR",
        b"* OK",
        b"* PREAUTH",
        b"* BYE",
    ];
    // Telnet negotiates before it says anything (RFC 854).
    const TELNET: &[u8] = b"\xff";
    GREETINGS
        .iter()
        .chain([&TELNET])
        .any(|greeting| line.starts_with(greeting))
}

/// The code of a line, whether the line is the last of its reply, and its text. A code without anything behind it is
/// a last line (RFC 5321 §4.2.1).
fn split_code(line: &[u8]) -> Option<(u16, bool, &[u8])> {
    let (digits, rest) = line.split_at_checked(3)?;
    let &[
        first @ b'2'..=b'5',
        second @ b'0'..=b'9',
        third @ b'0'..=b'9',
    ] = digits
    else {
        return None;
    };
    let code =
        u16::from(first - b'0') * 100 + u16::from(second - b'0') * 10 + u16::from(third - b'0');
    match rest.split_first() {
        None => Some((code, true, rest)),
        Some((b' ' | b'\t', text)) => Some((code, true, text)),
        Some((b'-', text)) => Some((code, false, text)),
        Some(_) => None,
    }
}

/// The enhanced status code that a text begins with (RFC 3463 §2).
fn enhanced_code(text: &Text) -> Option<String> {
    let word = text.0.split(|byte| *byte == b' ').next()?;
    let word = std::str::from_utf8(word).ok()?;
    let mut parts = word.split('.');
    let class = parts.next()?;
    let is_number = |part: &str| {
        (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    let is_code = matches!(class, "2" | "4" | "5")
        && parts.next().is_some_and(is_number)
        && parts.next().is_some_and(is_number)
        && parts.next().is_none();
    is_code.then(|| word.to_owned())
}

fn note_strange_bytes(line: &[u8], oddities: &mut BTreeSet<Oddity>) {
    if line.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~')) {
        return;
    }
    if line.contains(&b'\0') || std::str::from_utf8(line).is_err() {
        oddities.insert(Oddity::Binary);
    }
    // Where it is not UTF-8, what lies between the bytes that are not is text all the same.
    let is_control = |character: char| character.is_control() && !matches!(character, '\0' | '\t');
    if (line.utf8_chunks()).any(|chunk| chunk.valid().chars().any(is_control)) {
        oddities.insert(Oddity::Control);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What feeding all of `bytes` at once gives, the oddities and the rest behind the reply.
    fn parse(
        mut bytes: &[u8],
    ) -> (
        Result<Option<Reply>, MalformedReply>,
        Vec<&'static str>,
        &[u8],
    ) {
        let mut parser = ReplyParser::default();
        let result = parser.feed(&mut bytes);
        let oddities = parser.oddities().iter().map(|oddity| oddity.word());
        (result, oddities.collect(), bytes)
    }

    fn reply(code: u16, enhanced: Option<&str>, lines: &[&str]) -> Reply {
        Reply {
            code,
            enhanced: enhanced.map(str::to_owned),
            lines: lines.iter().map(|&line| line.into()).collect(),
        }
    }

    #[test]
    fn a_reply_ends_with_its_last_line_and_leaves_the_rest() {
        let (result, oddities, rest) = parse(b"250-mx\r\n250-SIZE 5\r\n250 STARTTLS\r\n220 more");
        let expected = reply(250, None, &["mx", "SIZE 5", "STARTTLS"]);
        assert_eq!(result, Ok(Some(expected)));
        assert_eq!(oddities, [""; 0]);
        assert_eq!(rest, b"220 more");
    }

    #[test]
    fn a_bare_code_is_a_last_line() {
        assert_eq!(parse(b"220\r\n").0, Ok(Some(reply(220, None, &[""]))));
        assert_eq!(
            parse(b"220-\r\n220\r\n").0,
            Ok(Some(reply(220, None, &["", ""])))
        );
    }

    #[test]
    fn enhanced_codes_are_read_where_they_are_codes() {
        let enhanced = |line: &[u8]| parse(line).0.unwrap().unwrap().enhanced;
        assert_eq!(enhanced(b"454 4.7.0 later\r\n").as_deref(), Some("4.7.0"));
        assert_eq!(enhanced(b"550 5.7.27\r\n").as_deref(), Some("5.7.27"));
        assert_eq!(enhanced(b"220 4.mail.example\r\n"), None);
        assert_eq!(enhanced(b"550 5.7.1.1 x\r\n"), None);
        assert_eq!(enhanced(b"550 5.7.1234 x\r\n"), None);
        assert_eq!(enhanced(b"550 3.7.1 x\r\n"), None);
    }

    #[test]
    fn what_senders_forgive_is_forgiven_and_noted() {
        for (bytes, code, words) in [
            (&b"220 a\n"[..], 220, &["bare_lf"][..]),
            (b"250-a\r\n451 b\r\n", 451, &["code_change"]),
            (b"451-a\r\n250 b\r\n", 250, &["code_change"]),
            (b"220 \xff\xfe\r\n", 220, &["binary"]),
            (b"220 a\0b\r\n", 220, &["binary"]),
            (b"220 \x1b[31mred\r\n", 220, &["control"]),
            (b"220 a\rb\r\n", 220, &["control"]),
            ("220 \u{9b}1m é\r\n".as_bytes(), 220, &["control"]),
            ("220 é\r\n".as_bytes(), 220, &[]),
            (b"220-hello\r\n<html>\r\n\r\n220 mx\r\n", 220, &["no_code"]),
            (b"220-hello\r\n220x\r\n22\r\n220 mx\r\n", 220, &["no_code"]),
            (b"\r\n220 late\r\n", 220, &["no_code"]),
            (
                b"\n \r\nhello\r\n120 x\r\n250-a\r\n250 b\r\n",
                250,
                &["bare_lf", "no_code"],
            ),
        ] {
            let (result, oddities, _) = parse(bytes);
            assert_eq!(result.unwrap().unwrap().code, code, "{bytes:?}");
            assert_eq!(oddities, words, "{bytes:?}");
        }
    }

    #[test]
    fn s3_controls_are_told_beside_bytes_that_are_no_text() {
        for (bytes, words) in [
            (&b"220 \xff\x1b[2J\x00\r\n"[..], &["binary", "control"][..]),
            (b"220 \x1b\xe9\r\n", &["binary", "control"]),
            (b"220 \xe9\x7f\r\n", &["binary", "control"]),
            (b"220 \0\x07\r\n", &["binary", "control"]),
            (b"220 \xe9\t\r\n", &["binary"]),
        ] {
            assert_eq!(parse(bytes).1, words, "{bytes:?}");
        }
    }

    #[test]
    fn another_protocol_is_known_by_its_first_line_and_other_strangers_by_the_lack_of_a_code() {
        for bytes in [
            &b"SSH-2.0-OpenSSH_9.6\r\n"[..],
            b"HTTP/1.1 400 Bad Request\r\n",
            b"\r\n+OK POP3\r\n",
            b"* OK IMAP4rev1\r\n",
        ] {
            assert_eq!(parse(bytes).0, Err(MalformedReply::NoCode), "{bytes:?}");
        }
        for bytes in [&b"220x\r\n"[..], b"2200 x\r\n", b"120 x\r\n", b"99\r\n"] {
            let mut parser = ReplyParser::default();
            assert_eq!(parser.feed(&mut &*bytes), Ok(None));
            assert!(parser.is_hopeless());
            assert_eq!(parser.evidence(), bytes);
        }
        let blank = b"\r\n".repeat(LINES_LIMIT + 1);
        assert_eq!(parse(&blank).0, Err(MalformedReply::NoCode));
        let strange = b"hello\r\n".repeat(LINES_LIMIT + 1);
        assert_eq!(parse(&strange).0, Err(MalformedReply::NoCode));
    }

    #[test]
    fn a_beginning_that_cannot_become_a_reply_is_known_before_its_line_ends() {
        for (bytes, hopeless) in [
            (&b""[..], false),
            (b"2", false),
            (b"220", false),
            (b"220 mx", false),
            (b"login: ", true),
            (b"\xff\xfb\x01", true),
            (b"29x", true),
            (b"2222", true),
        ] {
            let mut parser = ReplyParser::default();
            assert_eq!(parser.feed(&mut &bytes[..]), Ok(None));
            assert_eq!(parser.is_hopeless(), hopeless, "{bytes:?}");
            assert_eq!(parser.evidence(), bytes);
        }
    }

    #[test]
    fn lines_and_replies_are_bounded() {
        let long = [b"220 ".as_slice(), &[b'x'; LINE_LIMIT - 6], b"\r\n"].concat();
        let (result, oddities, _) = parse(&long);
        assert!(result.unwrap().is_some());
        assert_eq!(oddities, ["long_line"]);

        let mut endless = ReplyParser::default();
        let mut result = Ok(None);
        let mut fed = 0;
        while result == Ok(None) {
            result = endless.feed(&mut b"220 without end".as_slice());
            fed += 15;
        }
        assert_eq!(result, Err(MalformedReply::LineTooLong));
        assert!(fed <= LINE_LIMIT + 15);
        assert_eq!(endless.evidence().len(), EVIDENCE_LIMIT);

        assert_eq!(parse(&[b'x'; 10 << 20]).0, Err(MalformedReply::NoCode));
        assert_eq!(
            parse(&b"250-x\r\n".repeat(LINES_LIMIT)).0,
            Ok(None),
            "as many lines as allowed"
        );
        assert_eq!(
            parse(&b"250-x\r\n".repeat(LINES_LIMIT + 1)).0,
            Err(MalformedReply::TooManyLines)
        );
        let wide = [b"250-".as_slice(), &[b'x'; 2000], b"\r\n"].concat();
        assert_eq!(
            parse(&wide.repeat(33)).0,
            Err(MalformedReply::TooManyOctets)
        );
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(
            bytes in proptest::collection::vec(prop_oneof![
                Just(b"250-".to_vec()), Just(b"250 ".to_vec()), Just(b"421 ".to_vec()), Just(b"\r\n".to_vec()),
                Just(b"\n".to_vec()), Just(b"4.7.0 ".to_vec()), proptest::collection::vec(any::<u8>(), 0..9),
            ], 0..40).prop_map(|parts| parts.concat()),
            cut in 1_usize..9,
        ) {
            let (whole, oddities, rest) = parse(&bytes);
            let mut parser = ReplyParser::default();
            let mut result = Ok(None);
            let mut fed = 0;
            for piece in bytes.chunks(cut) {
                let mut left = piece;
                result = parser.feed(&mut left);
                fed += piece.len() - left.len();
                if result != Ok(None) {
                    break;
                }
            }
            prop_assert_eq!(&result, &whole);
            let words: Vec<_> = parser.oddities().iter().map(|oddity| oddity.word()).collect();
            prop_assert_eq!(words, oddities);
            if result.is_ok() {
                prop_assert_eq!(&bytes[fed..], rest);
            }
        }
    }
}
