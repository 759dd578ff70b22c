//! Messages inside of JSON objects: `headers` or `message`, in the shapes that mail tools export.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde_json::Value;

use crate::record::{self, Record};

/// What a line holds.
#[derive(Debug, PartialEq, Eq)]
pub enum Content {
    /// A message's header block.
    Header(Vec<u8>),
    /// Another record, to be passed on.
    Record,
}

#[derive(Deserialize)]
struct Wrapped<'a> {
    #[serde(rename = "type", borrow, default)]
    kind: Option<Cow<'a, str>>,
    #[serde(default)]
    headers: Option<Value>,
    #[serde(default)]
    message: Option<Value>,
}

/// What one line holds; the error says why nothing.
pub fn content(line: &[u8]) -> Result<Content, String> {
    if line.trim_ascii().first() != Some(&b'{') {
        return Err("not a JSON object".into());
    }
    let wrapped: Wrapped<'_> = match serde_json::from_slice(line) {
        Ok(wrapped) => wrapped,
        Err(_) if line.trim_ascii() == b"{" => {
            return Err("an object over several lines; write one a line (jq -c)".into());
        }
        Err(error) => return Err(format!("not a JSON object: {error}")),
    };
    // A `hop` line has a `message` too, which is none.
    if wrapped.kind.as_deref().is_some_and(is_ours) {
        return Ok(Content::Record);
    }
    if let Some(headers) = wrapped.headers {
        return from_headers(&headers).map(Content::Header).ok_or_else(|| {
            "`headers` is neither text, nor a list of fields, nor an object of them".into()
        });
    }
    if let Some(message) = wrapped.message {
        return text(&message)
            .map(|bytes| Content::Header(header_of(&bytes).to_vec()))
            .ok_or_else(|| "`message` is neither text nor {\"base64\": …}".into());
    }
    match wrapped.kind {
        Some(_) => Ok(Content::Record),
        None => Err("an object with neither `type`, `headers` nor `message`".into()),
    }
}

fn is_ours(kind: &str) -> bool {
    [
        record::Listed::TYPE,
        record::Other::TYPE,
        record::Domain::TYPE,
        record::Smtp::TYPE,
        record::Cert::TYPE,
        record::Tls::TYPE,
        record::Hop::TYPE,
        record::Run::TYPE,
    ]
    .contains(&kind)
}

/// A block of text, a list of `[name, value]`, of `{"name": …, "value": …}` or of `"Name: value"`, or an object of
/// names with a value or several.
fn from_headers(headers: &Value) -> Option<Vec<u8>> {
    let mut block = Vec::new();
    match headers {
        Value::String(_) => return text(headers).map(|bytes| header_of(&bytes).to_vec()),
        Value::Array(list) => {
            for field in list {
                match field {
                    Value::String(line) => push(&mut block, line),
                    Value::Array(pair) => match pair.as_slice() {
                        [Value::String(name), Value::String(value)] => {
                            push(&mut block, &format!("{name}: {value}"))
                        }
                        _ => return None,
                    },
                    Value::Object(pair) => {
                        let (name, value) =
                            (pair.get("name")?.as_str()?, pair.get("value")?.as_str()?);
                        push(&mut block, &format!("{name}: {value}"));
                    }
                    _ => return None,
                }
            }
        }
        Value::Object(fields) => {
            if let Some(bytes) = text(headers) {
                return Some(header_of(&bytes).to_vec());
            }
            for (name, value) in fields {
                match value {
                    Value::String(value) => push(&mut block, &format!("{name}: {value}")),
                    Value::Array(values) => {
                        for value in values {
                            push(&mut block, &format!("{name}: {}", value.as_str()?));
                        }
                    }
                    _ => return None,
                }
            }
        }
        _ => return None,
    }
    Some(block)
}

/// One field. A line end inside of it is a fold, whatever comes after it: nothing in a value begins another field.
fn push(block: &mut Vec<u8>, field: &str) {
    let mut lines = field
        .trim_end()
        .split(['\n', '\r'])
        .filter(|line| !line.is_empty());
    block.extend_from_slice(lines.next().unwrap_or_default().as_bytes());
    for line in lines {
        block.push(b'\n');
        if !line.starts_with([' ', '\t']) {
            block.push(b' ');
        }
        block.extend_from_slice(line.as_bytes());
    }
    block.extend_from_slice(b"\r\n");
}

/// A string, or `{"base64": …}`. Lines that end in CR alone end in LF.
fn text(value: &Value) -> Option<Cow<'_, [u8]>> {
    let bytes = raw_text(value)?;
    if memchr::memchr(b'\n', &bytes).is_some() || memchr::memchr(b'\r', &bytes).is_none() {
        return Some(bytes);
    }
    let mut bytes = bytes.into_owned();
    for byte in &mut bytes {
        if *byte == b'\r' {
            *byte = b'\n';
        }
    }
    Some(Cow::Owned(bytes))
}

fn raw_text(value: &Value) -> Option<Cow<'_, [u8]>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text.as_bytes())),
        Value::Object(fields) => BASE64
            .decode(fields.get("base64")?.as_str()?)
            .ok()
            .map(Cow::Owned),
        _ => None,
    }
}

/// The header block of a whole message.
fn header_of(message: &[u8]) -> &[u8] {
    let mut at = 0;
    while let Some(length) = memchr::memchr(b'\n', &message[at..]) {
        let line = &message[at..=at + length];
        if matches!(line, b"\n" | b"\r\n") {
            return &message[..at];
        }
        at += length + 1;
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(line: &str) -> String {
        match content(line.as_bytes()) {
            Ok(Content::Header(bytes)) => String::from_utf8(bytes).unwrap(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn every_shape_gives_a_header_block() {
        assert_eq!(
            header(r#"{"headers":"A: 1\r\nB: 2\r\n\r\nbody"}"#),
            "A: 1\r\nB: 2\r\n"
        );
        assert_eq!(header(r#"{"message":"A: 1\n\nbody"}"#), "A: 1\n");
        assert_eq!(header(r#"{"message":{"base64":"QTogMQo="}}"#), "A: 1\n");
        assert_eq!(
            header(r#"{"message":"A: 1\rB: 2\r\rbody"}"#),
            "A: 1\nB: 2\n"
        );
        for line in [
            r#"{"headers":["A: 1","B: 2\n3"]}"#,
            r#"{"headers":[["A","1"],["B","2\n 3"]]}"#,
            r#"{"headers":[{"name":"A","value":"1"},{"name":"B","value":"2\n 3"}]}"#,
            r#"{"headers":{"A":"1","B":["2\n 3"]}}"#,
            r#"{"headers":{"A":"1","B":["2\r3"]}}"#,
        ] {
            assert_eq!(header(line), "A: 1\r\nB: 2\n 3\r\n", "{line}");
        }
    }

    #[test]
    fn records_are_passed_on_and_the_rest_is_a_fault() {
        assert_eq!(
            content(br#"{"type":"hop","message":"00"}"#),
            Ok(Content::Record)
        );
        assert_eq!(
            content(br#"{"type":"other-tool","x":1}"#),
            Ok(Content::Record)
        );
        for line in [
            "{",
            "[1]",
            r#"{"a":1}"#,
            r#"{"headers":1}"#,
            r#"{"message":[]}"#,
            r#"{"type":"#,
        ] {
            assert!(content(line.as_bytes()).is_err(), "{line}");
        }
    }
}
