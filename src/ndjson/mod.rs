//! The stream as lines: a reader that bounds and numbers them, the tag of each, and the one form in which our own
//! records are written.

pub mod magic;

use std::borrow::Cow;
use std::io::{self, BufRead, Read};

use serde::{Deserialize, Serialize};

use crate::record::Record;

/// The longest line that is read, bytes. A certificate chain in base64 fits in some 2 MiB.
pub const LINE_LIMIT: usize = 16 << 20;

/// One line of the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number, from 1.
    pub number: u64,
    /// Its bytes without the line feed. A carriage return before it is kept.
    pub bytes: Vec<u8>,
    /// The input ended without a line feed behind it.
    pub torn: bool,
}

impl Line {
    /// The `type` of a JSON object; the whole line is checked to be one.
    pub fn tag(&self) -> Result<Cow<'_, str>, NotARecord> {
        tag(&self.bytes)
    }

    /// The line as text without surrounding white space, for the plain forms of input.
    pub fn plain(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.bytes.trim_ascii())
    }

    /// Whether it is blank.
    pub fn is_blank(&self) -> bool {
        self.bytes.trim_ascii().is_empty()
    }
}

/// Why a line is no record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotARecord {
    /// A pretty-printed object begins like this.
    #[error("an object over several lines; write one a line (jq -c)")]
    Spread,
    /// An array of objects begins like this.
    #[error("an array over several lines; write its objects one a line (jq -c '.[]')")]
    Array,
    /// Not JSON, or cut short.
    #[error("not a JSON object: {0}")]
    Json(String),
    /// Longer than [`LINE_LIMIT`].
    #[error("longer than {} MiB", LINE_LIMIT >> 20)]
    TooLong,
}

/// The `type` of a JSON object on one line.
///
/// ```
/// use mx_survey::ndjson::tag;
///
/// assert_eq!(tag(br#"{"type":"domain","domain":"a.test"}"#).unwrap(), "domain");
/// assert!(tag(b"a.test").is_err());
/// ```
pub fn tag(bytes: &[u8]) -> Result<Cow<'_, str>, NotARecord> {
    #[derive(Deserialize)]
    struct Tagged<'a> {
        #[serde(rename = "type", borrow)]
        kind: Cow<'a, str>,
    }
    let trimmed = bytes.trim_ascii();
    // serde's derive also takes an array for a struct; a record is an object.
    if trimmed == b"[" {
        return Err(NotARecord::Array);
    }
    if trimmed.first() != Some(&b'{') {
        return Err(NotARecord::Json("it does not begin with {".into()));
    }
    match serde_json::from_slice::<Tagged<'_>>(trimmed) {
        Ok(Tagged { kind }) => Ok(kind),
        Err(_) if trimmed == b"{" => Err(NotARecord::Spread),
        Err(error) => Err(NotARecord::Json(describe(&error))),
    }
}

/// serde_json's message without its "at line 1", which is never the line of the stream.
pub(crate) fn describe(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(at) => format!("{} at column {}", &text[..at], error.column()),
        None => text,
    }
}

/// Reads numbered, bounded lines.
pub struct Lines<R> {
    input: R,
    number: u64,
    position: u64,
}

/// A line, or the number of one that was too long to keep.
#[derive(Debug, PartialEq, Eq)]
pub enum Read1 {
    /// A line.
    Line(Line),
    /// A line over [`LINE_LIMIT`] was skipped.
    TooLong(u64),
}

impl<R: BufRead> Lines<R> {
    /// Lines of `input`, numbered from 1.
    pub fn new(input: R) -> Self {
        Self {
            input,
            number: 0,
            position: 0,
        }
    }

    /// How many bytes were read: behind the last line and its line feed.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The next line; `None` at the end.
    // No iterator: an error must not be mistaken for the end.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> io::Result<Option<Read1>> {
        if self.number == 0
            && let Some(foreign) = magic::foreign(self.input.fill_buf()?)
        {
            return Err(io::Error::other(foreign));
        }
        let mut bytes = Vec::new();
        let limit = LINE_LIMIT as u64 + 1;
        if (&mut self.input)
            .take(limit)
            .read_until(b'\n', &mut bytes)?
            == 0
        {
            return Ok(None);
        }
        self.number += 1;
        self.position += bytes.len() as u64;
        if self.number == 1 && bytes.starts_with(magic::BOM) {
            bytes.drain(..magic::BOM.len());
        }
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
            return Ok(Some(Read1::Line(Line {
                number: self.number,
                bytes,
                torn: false,
            })));
        }
        if bytes.len() as u64 == limit {
            self.position += self.input.skip_until(b'\n')? as u64;
            return Ok(Some(Read1::TooLong(self.number)));
        }
        Ok(Some(Read1::Line(Line {
            number: self.number,
            bytes,
            torn: true,
        })))
    }

    /// Whether the next line can be had without waiting.
    pub fn is_ready(&self) -> bool
    where
        R: Buffered,
    {
        memchr::memchr(b'\n', self.input.waiting()).is_some()
    }
}

/// A reader that can say what it holds already.
pub trait Buffered {
    /// Bytes read ahead.
    fn waiting(&self) -> &[u8];
}

impl<R: Read> Buffered for io::BufReader<R> {
    fn waiting(&self) -> &[u8] {
        self.buffer()
    }
}

/// A record as a line, its line feed included: `type` first, and nothing raw that a terminal would obey.
pub fn to_line<R: Record>(record: &R) -> Vec<u8> {
    let mut line = Vec::with_capacity(2048);
    append(&mut line, record);
    line
}

/// [`to_line`] behind what `line` holds.
pub fn append<R: Record>(line: &mut Vec<u8>, record: &R) {
    let start = line.len();
    // serde's `flatten` costs a map; splicing the tag in front of the object's first field does not.
    line.extend_from_slice(b"{\"type\":\"");
    line.extend_from_slice(R::TYPE.as_bytes());
    line.push(b'"');
    let object = line.len();
    match serde_json::to_writer(&mut *line, record) {
        Ok(()) => {
            debug_assert_eq!(line.get(object), Some(&b'{'));
            line[object] = b',';
        }
        // Records are plain data: strings, numbers, lists and maps with string keys. None of these can fail.
        Err(error) => unreachable!("a {} record cannot be written: {error}", R::TYPE),
    }
    escape_controls(line, start);
    line.push(b'\n');
}

/// Any JSON value in the form of [`to_line`], without a line feed.
pub fn to_json(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut json = serde_json::to_vec(value)?;
    escape_controls(&mut json, 0);
    Ok(json)
}

/// Escapes DEL, C1 and the bidirectional controls in the JSON from `start` on, which has escaped what JSON itself wants: such a
/// character can stand in a string alone.
fn escape_controls(json: &mut Vec<u8>, start: usize) {
    // Nearly every line is printable ASCII.
    let is_odd = |is_odd, byte: &u8| is_odd | (*byte >= 0x7f);
    if !json[start..].iter().fold(false, is_odd) {
        return;
    }
    let written = json.split_off(start);
    let mut plain = 0;
    // serde_json writes UTF-8.
    for (at, character) in String::from_utf8_lossy(&written).char_indices() {
        if is_control(character) {
            json.extend_from_slice(&written[plain..at]);
            json.extend_from_slice(format!("\\u{:04x}", character as u32).as_bytes());
            plain = at + character.len_utf8();
        }
    }
    json.extend_from_slice(&written[plain..]);
}

/// DEL, C1 and the bidirectional formatting characters (Unicode TR 9), and the line separators that some readers obey.
pub fn is_control(character: char) -> bool {
    matches!(character,
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Text from anywhere, for a terminal: controls become `\u{…}`.
pub fn printable(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if is_control(character) {
            safe.extend(character.escape_unicode());
        } else {
            safe.push(character);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Listed, Text};

    fn read_all(input: &[u8]) -> Vec<Read1> {
        let mut lines = Lines::new(input);
        std::iter::from_fn(|| lines.next().expect("memory does not fail")).collect()
    }

    #[test]
    fn lines_are_numbered_and_the_last_may_be_torn() {
        let lines = read_all(b"a\r\n\nb");
        assert_eq!(
            lines,
            [
                Read1::Line(Line {
                    number: 1,
                    bytes: b"a\r".to_vec(),
                    torn: false
                }),
                Read1::Line(Line {
                    number: 2,
                    bytes: b"".to_vec(),
                    torn: false
                }),
                Read1::Line(Line {
                    number: 3,
                    bytes: b"b".to_vec(),
                    torn: true
                }),
            ]
        );
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_first_line() {
        let mut lines = Lines::new(b"\xef\xbb\xbf{}\n\xef\xbb\xbfx\n".as_slice());
        let mut next = || match lines.next().expect("memory does not fail") {
            Some(Read1::Line(line)) => line.bytes,
            other => panic!("{other:?}"),
        };
        assert_eq!(next(), b"{}");
        assert_eq!(next(), b"\xef\xbb\xbfx");
        assert_eq!(lines.position(), 6 + 5);
    }

    #[test]
    fn what_is_no_text_is_an_error_with_its_name() {
        let error = Lines::new(b"\x1f\x8b\x08".as_slice()).next().unwrap_err();
        assert!(error.to_string().contains("gzip"), "{error}");
        let error = Lines::new(b"\xff\xfe{\0".as_slice()).next().unwrap_err();
        assert!(error.to_string().contains("UTF-16"), "{error}");
    }

    #[test]
    fn a_line_beyond_the_limit_is_skipped_and_the_next_is_read() {
        let mut input = vec![b'x'; LINE_LIMIT + 1];
        input.extend_from_slice(b"\nnext\n");
        let lines = read_all(&input);
        assert_eq!(lines[0], Read1::TooLong(1));
        assert_eq!(
            lines[1],
            Read1::Line(Line {
                number: 2,
                bytes: b"next".to_vec(),
                torn: false
            })
        );
    }

    #[test]
    fn a_tag_is_found_wherever_it_stands() {
        assert_eq!(
            tag(br#"{"a":{"type":"inner"},"type":"smtp"}"#).as_deref(),
            Ok("smtp")
        );
        assert_eq!(tag(b"{\"type\":\"smtp\"}\r").as_deref(), Ok("smtp"));
        assert!(tag(br#"["smtp"]"#).is_err());
        assert!(tag(br#"{"type":1}"#).is_err());
        assert!(tag(br#"{"type":"smtp","ip":"#).is_err());
        assert_eq!(tag(b"{"), Err(NotARecord::Spread));
    }

    #[test]
    fn records_begin_with_their_type_and_hold_no_raw_control() {
        let listed = Listed {
            source: "a\u{1b}[31m\u{9b}\u{202e}\u{7f}é".into(),
            domain: "example.org".into(),
            rank: Some(1),
            users: None,
            of: None,
            share: None,
            run: None,
        };
        let line = to_line(&listed);
        assert!(line.starts_with(br#"{"type":"listed","source":"#));
        assert!(line.ends_with(b"}\n"));
        let text = String::from_utf8(line).expect("JSON is UTF-8");
        assert!(!text.trim_end().chars().any(is_control), "{text}");
        let back: Listed = serde_json::from_str(&text).expect("what is written can be read");
        assert_eq!(back, listed);
    }

    #[test]
    fn bytes_that_are_not_utf_8_survive() {
        let text = Text(b"\xff\x00x".as_slice().into());
        let json = to_json(&text).expect("text can be written");
        assert_eq!(json, br#"{"base64":"/wB4"}"#);
        assert_eq!(
            serde_json::from_slice::<Text>(&json).expect("and read"),
            text
        );
    }
}
