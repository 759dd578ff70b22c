//! The forms that mail comes in: one message, an mbox (RFC 4155) in any of its quotings, a mailbox of MMDF, objects with
//! the header in them.
//! Streamed: only header blocks are kept.

use std::io::{self, BufRead, Read};

use memchr::memmem;

use super::header::begins_field;
use super::line_ends::LineEnds;
use super::object::{self, Content};
use super::peek::Peek;
use crate::ndjson::magic::{BOM, foreign};

/// The longest header block that is read; the rest of a longer one is left out, and said to be.
pub const HEADER_LIMIT: usize = 16 << 20;
/// The longest line of objects.
const LINE_LIMIT: usize = 64 << 20;
/// The longest body that is stepped over by its `Content-Length`; bodies beyond that are searched.
const BODY_LIMIT: usize = 64 << 20;

/// One thing that an input holds.
#[derive(Debug, PartialEq, Eq)]
pub enum MailboxItem {
    /// A message's header block, without the empty line.
    Header {
        /// Its bytes.
        bytes: Vec<u8>,
        /// It was longer than [`HEADER_LIMIT`].
        is_cut: bool,
    },
    /// A line of another record, to be passed on.
    Record {
        /// The line, without its line feed.
        bytes: Vec<u8>,
        /// Its number.
        line: u64,
    },
    /// A line that could not be understood.
    Fault {
        /// Its number.
        line: u64,
        /// Why.
        why: String,
    },
}

/// The messages of one input, whose form is seen from its first bytes.
#[derive(Debug)]
pub struct Mailbox<R> {
    input: Peek<LineEnds<R>>,
    form: Form,
}

#[derive(Debug)]
enum Form {
    /// Nothing was read yet.
    Unknown,
    /// One message.
    Single,
    /// Several, each behind a line that begins with `From `.
    Mbox {
        /// `Content-Length` was right so far. One that lies is a forgery or a damage, and each try to believe one may
        /// cost its length: the first ends the belief.
        lengths: bool,
    },
    /// Several, each between two lines of four times Ctrl-A.
    Mmdf,
    /// One object a line.
    Objects {
        /// Lines read.
        line: u64,
    },
    /// Nothing is left.
    End,
}

impl<R: Read> Mailbox<R> {
    /// The messages of `input`.
    pub fn new(input: R) -> Self {
        Self {
            input: Peek::new(LineEnds::new(input)),
            form: Form::Unknown,
        }
    }

    /// The next item; `None` at the end.
    pub fn read(&mut self) -> io::Result<Option<MailboxItem>> {
        match self.form {
            Form::Unknown => {
                self.form = self.detect()?;
                self.read()
            }
            Form::Single => {
                self.form = Form::End;
                let (bytes, is_cut) = self.header(|_| false)?;
                Ok(Some(MailboxItem::Header { bytes, is_cut }))
            }
            Form::Mbox { lengths } => self.mbox_message(lengths),
            Form::Mmdf => self.mmdf_message(),
            Form::Objects { line } => self.object(line),
            Form::End => Ok(None),
        }
    }

    /// Whether the next item would have to be waited for.
    pub fn is_idle(&self) -> bool {
        self.input.is_idle()
    }

    fn detect(&mut self) -> io::Result<Form> {
        if let Some(foreign) = foreign(self.input.fill_buf()?) {
            return Err(io::Error::other(foreign));
        }
        if self.input.starts_with(BOM)? {
            self.input.consume(BOM.len());
        }
        // Empty lines before everything are nobody's.
        while self.input.starts_with(b"\n")? || self.input.starts_with(b"\r\n")? {
            self.input.skip_until(b'\n')?;
        }
        if self.input.starts_with(b"From ")? {
            return Ok(Form::Mbox { lengths: true });
        }
        if self.input.starts_with(MMDF)? {
            return Ok(Form::Mmdf);
        }
        if self.input.starts_with(b"{")? {
            return Ok(Form::Objects { line: 0 });
        }
        let is_empty = self.input.fill_buf()?.is_empty();
        Ok(if is_empty { Form::End } else { Form::Single })
    }

    /// Up to the empty line, the end, or a line that begins the next message, as it does where this one has no body.
    fn header(&mut self, begins_next: fn(&[u8]) -> bool) -> io::Result<(Vec<u8>, bool)> {
        let mut header = Vec::with_capacity(4096);
        let mut is_cut = false;
        loop {
            let start = header.len();
            let room = (HEADER_LIMIT - start).max(1);
            self.input.read_until_within(b'\n', room, &mut header)?;
            let line = &header[start..];
            if line.is_empty() || matches!(line, b"\n" | b"\r\n") {
                header.truncate(start);
                return Ok((header, is_cut));
            }
            if begins_next(line) {
                let line = header.split_off(start);
                self.input.unread(line);
                return Ok((header, is_cut));
            }
            if header.len() >= HEADER_LIMIT {
                is_cut = true;
                header.truncate(HEADER_LIMIT);
                self.skip_header()?;
                return Ok((header, is_cut));
            }
        }
    }

    /// Over the rest of a header block that is too long.
    fn skip_header(&mut self) -> io::Result<()> {
        self.input.skip_until(b'\n')?;
        loop {
            if self.input.starts_with(b"\n")? || self.input.starts_with(b"\r\n")? {
                self.input.skip_until(b'\n')?;
                return Ok(());
            }
            if self.input.skip_until(b'\n')? == 0 {
                return Ok(());
            }
        }
    }

    fn mbox_message(&mut self, lengths: bool) -> io::Result<Option<MailboxItem>> {
        // The line `From sender date` itself says nothing that the header does not.
        if self.input.skip_until(b'\n')? == 0 {
            self.form = Form::End;
            return Ok(None);
        }
        let (bytes, is_cut) =
            self.header(|line| line.starts_with(b"From ") && separator(line) == Separator::Dated)?;
        let length = content_length(&bytes).filter(|_| lengths);
        let is_over = match length {
            Some(length) => match self.step_over(length)? {
                true => true,
                false => {
                    self.form = Form::Mbox { lengths: false };
                    false
                }
            },
            None => false,
        };
        if !is_over {
            self.search()?;
        }
        Ok(Some(MailboxItem::Header { bytes, is_cut }))
    }

    fn mmdf_message(&mut self) -> io::Result<Option<MailboxItem>> {
        while self.input.starts_with(MMDF)? {
            self.input.skip_until(b'\n')?;
        }
        if self.input.fill_buf()?.is_empty() {
            self.form = Form::End;
            return Ok(None);
        }
        let (bytes, is_cut) = self.header(|line| line.starts_with(MMDF))?;
        while !self.input.starts_with(MMDF)? && self.input.skip_until(b'\n')? > 0 {}
        Ok(Some(MailboxItem::Header { bytes, is_cut }))
    }

    /// Over a body of `length` bytes, if the next message or the end is behind it (mboxcl, mboxcl2: there, `From ` in a
    /// body is not quoted). Otherwise nothing is consumed.
    fn step_over(&mut self, length: usize) -> io::Result<bool> {
        let mut body = Vec::new();
        self.input
            .by_ref()
            .take(length as u64)
            .read_to_end(&mut body)?;
        let mut end = Vec::new();
        while end.len() < 4
            && (self.input.starts_with(b"\n")? || self.input.starts_with(b"\r\n")?)
        {
            self.input.read_until(b'\n', &mut end)?;
        }
        let is_whole = body.len() == length;
        let fits = self.input.starts_with(b"From ")? || self.input.fill_buf()?.is_empty();
        if is_whole && fits {
            return Ok(true);
        }
        body.extend_from_slice(&end);
        self.input.unread(body);
        Ok(false)
    }

    /// To the next line that begins a message. A body's own `From ` has a `>` before it (mboxo, mboxrd); where it has none,
    /// it hardly ever follows an empty line, looks like a separator and has a header behind it.
    fn search(&mut self) -> io::Result<()> {
        /// What is kept of a line: a sender's address and a date fit.
        const START: usize = 512;
        let mut after_empty = true;
        loop {
            if self.input.starts_with(b"From ")? {
                let mut line = Vec::with_capacity(128);
                self.input.read_until_within(b'\n', START, &mut line)?;
                let is_whole = line.last() == Some(&b'\n');
                let begins_message = match separator(&line) {
                    Separator::Dated if after_empty => true,
                    Separator::Bare if !after_empty => false,
                    Separator::Dated | Separator::Bare => is_whole && self.at_header()?,
                    Separator::None => false,
                };
                if begins_message {
                    self.input.unread(line);
                    return Ok(());
                }
                if !is_whole {
                    self.input.skip_until(b'\n')?;
                }
                after_empty = false;
                continue;
            }
            after_empty = self.input.starts_with(b"\n")? || self.input.starts_with(b"\r\n")?;
            if self.input.skip_until(b'\n')? == 0 {
                return Ok(());
            }
        }
    }

    /// Whether a field begins here. Nothing is consumed.
    fn at_header(&mut self) -> io::Result<bool> {
        const LONGEST_NAME: usize = 80;
        let mut start = Vec::with_capacity(80);
        self.input
            .read_until_within(b'\n', LONGEST_NAME, &mut start)?;
        let begins = begins_field(&start) || start.starts_with(b">From ");
        self.input.unread(start);
        Ok(begins)
    }

    fn object(&mut self, mut number: u64) -> io::Result<Option<MailboxItem>> {
        let mut line = Vec::new();
        while line.trim_ascii().is_empty() {
            line.clear();
            number += 1;
            self.input
                .read_until_within(b'\n', LINE_LIMIT + 1, &mut line)?;
            if line.is_empty() {
                self.form = Form::End;
                return Ok(None);
            }
        }
        self.form = Form::Objects { line: number };
        if line.last() == Some(&b'\n') {
            line.pop();
        } else if line.len() > LINE_LIMIT {
            self.input.skip_until(b'\n')?;
            let why = format!("longer than {} MiB", LINE_LIMIT >> 20);
            return Ok(Some(MailboxItem::Fault { line: number, why }));
        }
        Ok(Some(match object::content(&line) {
            Ok(Content::Header(mut bytes)) => {
                let is_cut = bytes.len() > HEADER_LIMIT;
                bytes.truncate(HEADER_LIMIT);
                MailboxItem::Header { bytes, is_cut }
            }
            Ok(Content::Record) => MailboxItem::Record {
                bytes: line,
                line: number,
            },
            Err(why) => MailboxItem::Fault { line: number, why },
        }))
    }
}

/// The value of `Content-Length`, where stepping over it is worth the try.
fn content_length(header: &[u8]) -> Option<usize> {
    // Searched for before the fields are told apart: hardly any message has one.
    memmem::find(header, b"ontent-").and_then(|_| {
        let (_, value) = super::header::fields(header)
            .find(|(name, _)| name.eq_ignore_ascii_case(b"Content-Length"))?;
        let length: usize = std::str::from_utf8(value).ok()?.parse().ok()?;
        (1..=BODY_LIMIT).contains(&length).then_some(length)
    })
}

/// What stands between two messages of MMDF, before and behind each.
const MMDF: &[u8] = b"\x01\x01\x01\x01\n";

/// How much a line that begins with `From ` looks like what begins a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Separator {
    /// `From sender Tue Mar 18 20:58:36 2014`: a word, and later a time of day.
    Dated,
    /// `From `, `From -`, `From a@example.org`, `From a@example.org Tue Mar 18 2014`: without one.
    Bare,
    /// Text.
    None,
}

fn separator(line: &[u8]) -> Separator {
    let mut words = line
        .trim_ascii_end()
        .split(|&byte| byte == b' ')
        .skip(1)
        .filter(|word| !word.is_empty());
    let sender = words.next();
    let (mut rest, mut has_year) = (0, false);
    for word in words {
        if matches!(word, [a, b, b':', c, d, ..] if [a, b, c, d].iter().all(|byte| byte.is_ascii_digit()))
        {
            return Separator::Dated;
        }
        rest += 1;
        has_year |= word.len() == 4 && word.iter().all(u8::is_ascii_digit);
    }
    match sender {
        None => Separator::Bare,
        Some(_) if rest == 0 || (has_year && rest <= 6) => Separator::Bare,
        Some(_) => Separator::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The header blocks, joined by `|`.
    fn headers(input: &[u8]) -> String {
        let mut mailbox = Mailbox::new(input);
        let mut all = Vec::new();
        while let Some(item) = mailbox.read().unwrap() {
            all.push(match item {
                MailboxItem::Header { bytes, is_cut } => {
                    String::from_utf8_lossy(&bytes).trim_end().to_owned()
                        + if is_cut { " cut" } else { "" }
                }
                MailboxItem::Record { line, .. } => format!("record {line}"),
                MailboxItem::Fault { line, .. } => format!("fault {line}"),
            });
        }
        all.join("|")
    }

    #[test]
    fn one_message_with_and_without_a_body() {
        assert_eq!(headers(b"\xef\xbb\xbfA: 1\r\n\r\nA: 2\n"), "A: 1");
        assert_eq!(headers(b"A: 1"), "A: 1");
        assert_eq!(headers(b""), "");
    }

    const DATE: &str = "Tue Mar 18 20:58:36 2014";

    #[test]
    fn mboxo_and_mboxrd_quote_the_separator() {
        let mbox = format!(
            "From a@b {DATE}\nA: 1\n\nx\n>From me 10:00\n>>From me\n\nFrom c {DATE}\nA: 2\n\n\nFrom - {DATE}\nA: 3\n"
        );
        assert_eq!(headers(mbox.as_bytes()), "A: 1|A: 2|A: 3");
        assert_eq!(
            headers(mbox.replace('\n', "\r\n").as_bytes()),
            "A: 1|A: 2|A: 3"
        );
    }

    #[test]
    fn a_line_of_text_that_begins_with_from_parts_nothing() {
        let mbox =
            format!("From a {DATE}\nA: 1\n\nx\n\nFrom here on it is easy\nFrom c {DATE}\n\ny\n");
        assert_eq!(headers(mbox.as_bytes()), "A: 1");
    }

    #[test]
    fn h4_separators_without_a_time_of_day() {
        for from in [
            "From ",
            "From",
            "From -",
            "From a@example.org",
            "From a@example.org Tue Mar 18 2014",
            "From ???@??? Tue Mar 18 20:58:36 1997",
        ] {
            let mbox: String = ["1", "2", "3"]
                .iter()
                .map(|name| format!("{from}\nA: {name}\n\nx\n\n"))
                .collect();
            // The first line of a file has the space, or it is no mbox.
            let mbox = mbox.replacen("From\n", "From \n", 1);
            if from == "From" {
                assert_eq!(headers(mbox.as_bytes()), "A: 1");
                continue;
            }
            assert_eq!(headers(mbox.as_bytes()), "A: 1|A: 2|A: 3", "{from}");
            let crlf = mbox.replace('\n', "\r\n");
            assert_eq!(
                headers(crlf.as_bytes()).replace('\r', ""),
                "A: 1|A: 2|A: 3",
                "{from}"
            );
            // Nothing but a header behind it makes such a line one.
            let text = format!("From a {DATE}\nA: 1\n\nx\n\n{from}\nhere on\n\nB: 1\n");
            let expected = if from.contains("58") {
                "A: 1|here on"
            } else {
                "A: 1"
            };
            assert_eq!(headers(text.as_bytes()), expected, "{from}");
        }
        let mixed = format!(
            "From -\nA: 1\n\nx\n\nFrom b {DATE}\nA: 2\n\nx\n\nFrom \nA: 3\n\nFrom here: it goes\non\n"
        );
        assert_eq!(headers(mixed.as_bytes()), "A: 1|A: 2|A: 3");
    }

    #[test]
    fn h4_messages_without_an_empty_line_before_the_next() {
        let mbox = format!(
            "\n\nFrom a {DATE}\nA: 1\nFrom b {DATE}\nA: 2\n\nbody\nFrom c {DATE}\nA: 3\n\nFrom\nFrom me 10:00\nx\n"
        );
        assert_eq!(headers(mbox.as_bytes()), "A: 1|A: 2|A: 3");
    }

    #[test]
    fn h4_mailboxes_of_mmdf() {
        let line = "\x01\x01\x01\x01\n";
        let mmdf = format!(
            "{line}A: 1\n\nFrom x {DATE}\n{line}{line}From a {DATE}\nA: 2\n{line}{line}A: 3\n\nx\n"
        );
        assert_eq!(
            headers(mmdf.as_bytes()),
            format!("A: 1|From a {DATE}\nA: 2|A: 3")
        );
    }

    #[test]
    fn h10_a_file_of_old_line_ends_has_all_its_messages() {
        let mbox = format!("From a {DATE}\rA: 1\rB: 1\r\rx\r\rFrom b {DATE}\rA: 2\r\r");
        assert_eq!(headers(mbox.as_bytes()), "A: 1\nB: 1|A: 2");
        assert_eq!(headers(b"A: 1\rB: 2\r\rC: 3\r"), "A: 1\nB: 2");
        assert_eq!(
            headers(b"{\"headers\":\"A: 1\"}\r{\"headers\":\"A: 2\"}\r"),
            "A: 1|A: 2"
        );
    }

    #[test]
    fn mboxcl_and_mboxcl2_go_by_the_length() {
        let body = format!("x\n\nFrom c {DATE}\nA: no\n\ny\n");
        let mbox = format!(
            "From a {DATE}\nA: 1\nContent-Length: {}\n\n{body}\nFrom c {DATE}\nA: 2\n\n",
            body.len()
        );
        assert_eq!(
            headers(mbox.as_bytes()),
            format!("A: 1\nContent-Length: {}|A: 2", body.len())
        );
        let without_end = &mbox[..mbox
            .find("\nFrom c Tue Mar 18 20:58:36 2014\nA: 2")
            .unwrap()];
        assert_eq!(
            headers(without_end.as_bytes()),
            format!("A: 1\nContent-Length: {}", body.len())
        );
    }

    #[test]
    fn a_length_that_lies_costs_no_message() {
        let message = |name: &str| {
            format!("From a {DATE}\nA: {name}\nContent-Length: 7\n\nlonger than seven\n\n")
        };
        let mbox = message("1") + &message("2") + &message("3");
        let expected = ["1", "2", "3"]
            .map(|name| format!("A: {name}\nContent-Length: 7"))
            .join("|");
        assert_eq!(headers(mbox.as_bytes()), expected);
        let huge = mbox.replace("Content-Length: 7", "Content-Length: 60000000");
        assert_eq!(
            headers(huge.as_bytes()),
            expected.replace("Length: 7", "Length: 60000000")
        );
    }

    #[test]
    fn objects_a_line() {
        let lines =
            b"{\"headers\":\"A: 1\"}\n\n{\"type\":\"run\"}\nfoo\n{\"message\":\"A: 2\\n\\nx\"}";
        assert_eq!(headers(lines), "A: 1|record 3|fault 4|A: 2");
    }

    #[test]
    fn a_header_beyond_the_limit_is_cut_and_the_next_message_is_read() {
        let mut mbox = format!("From a {DATE}\nA: ").into_bytes();
        mbox.resize(HEADER_LIMIT + 100, b'x');
        mbox.extend_from_slice(format!("\nB: 1\n\nbody\n\nFrom b {DATE}\nA: 2\n\n").as_bytes());
        let all = headers(&mbox);
        assert!(all.ends_with(" cut|A: 2"), "{}", &all[all.len() - 20..]);
    }
}
