//! Addresses in JSON (RFC 8259), an object a line, an array of objects, or spread over lines, read in pieces of any size.
//! Only strings, their role and the depth of objects are followed: that is enough to find every value of a field, at any
//! depth, and it goes on behind what is no JSON.

use super::address::NotCounted;
use super::tally::ThreadTally;

/// The longest string that is kept, for a key or a value.
const KEPT: usize = 4096;

/// JSON that is being read.
#[derive(Clone, Debug)]
pub struct Json {
    field: Vec<u8>,
    state: State,
    /// The string so far, as written.
    kept: Vec<u8>,
    /// How many objects are open.
    depth: u64,
    /// The outermost object had the field.
    had_field: bool,
    /// Something on this line was told to be no JSON.
    is_told: bool,
    is_mid_line: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Between tokens.
    Between,
    /// Behind a string that would be the key.
    Key,
    /// Behind the key and its colon.
    Value,
    /// In a string; `is_value` that of the key, `is_escaped` behind a backslash.
    Text { is_value: bool, is_escaped: bool },
}

impl Json {
    /// JSON whose addresses are the strings of `field`, in whatever case of its letters.
    pub fn new(field: &[u8]) -> Self {
        Self {
            field: field.to_vec(),
            state: State::Between,
            kept: Vec::new(),
            depth: 0,
            had_field: false,
            is_told: false,
            is_mid_line: false,
        }
    }

    /// Reads on.
    pub fn feed(&mut self, bytes: &[u8], tally: &mut ThreadTally<'_>) {
        for &byte in bytes {
            if !self.is_mid_line {
                tally.sums.lines += 1;
                self.is_mid_line = true;
            }
            match self.state {
                State::Text {
                    is_value,
                    is_escaped,
                } => self.text(byte, is_value, is_escaped, tally),
                _ => self.token(byte, tally),
            }
            if byte == b'\n' {
                self.is_mid_line = false;
                self.is_told = false;
            }
        }
    }

    /// The input has ended; whether it was in the middle of something.
    pub fn finish(self) -> bool {
        self.depth > 0 || matches!(self.state, State::Text { .. })
    }

    fn text(&mut self, byte: u8, is_value: bool, is_escaped: bool, tally: &mut ThreadTally<'_>) {
        match byte {
            b'\n' => {
                // No string goes over the end of a line: what follows is the next record.
                self.bad(tally);
                self.depth = 0;
                self.state = State::Between;
            }
            b'"' if !is_escaped => {
                self.state = State::Between;
                if is_value {
                    self.value(tally);
                } else if self.depth > 0
                    && self
                        .decoded()
                        .is_some_and(|key| key.eq_ignore_ascii_case(&self.field))
                {
                    self.state = State::Key;
                }
            }
            _ => {
                if self.kept.len() <= KEPT {
                    self.kept.push(byte);
                }
                self.state = State::Text {
                    is_value,
                    is_escaped: byte == b'\\' && !is_escaped,
                };
            }
        }
    }

    fn token(&mut self, byte: u8, tally: &mut ThreadTally<'_>) {
        let is_value = self.state == State::Value;
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => return,
            b':' if self.state == State::Key => {
                self.state = State::Value;
                self.had_field = true;
                return;
            }
            b'"' => {
                self.kept.clear();
                self.state = State::Text {
                    is_value,
                    is_escaped: false,
                };
                return;
            }
            b'{' => {
                self.had_field &= self.depth > 0;
                self.depth += 1;
            }
            b'}' if self.depth == 0 => self.bad(tally),
            b'}' => {
                self.depth -= 1;
                if self.depth == 0 && !self.had_field {
                    tally.reject(NotCounted::NoField);
                }
            }
            b'[' | b']' | b',' | b':' => {}
            _ if self.depth == 0 => self.bad(tally),
            _ => {}
        }
        if is_value {
            let cause = if byte == b'n' {
                NotCounted::Empty
            } else {
                NotCounted::NoField
            };
            tally.reject(cause);
        }
        self.state = State::Between;
    }

    fn value(&mut self, tally: &mut ThreadTally<'_>) {
        if self.kept.len() > KEPT {
            return tally.reject(NotCounted::LineTooLong);
        }
        match self.decoded() {
            Some(address) => tally.address(&address),
            None => tally.reject(NotCounted::BadJson),
        }
    }

    /// The string without its escapes.
    fn decoded(&self) -> Option<std::borrow::Cow<'_, [u8]>> {
        if !self.kept.contains(&b'\\') {
            return Some(self.kept.as_slice().into());
        }
        let quoted = [b"\"", self.kept.as_slice(), b"\""].concat();
        let text: String = serde_json::from_slice(&quoted).ok()?;
        Some(text.into_bytes().into())
    }

    /// Counts what is no JSON, once a line.
    fn bad(&mut self, tally: &mut ThreadTally<'_>) {
        if !self.is_told {
            self.is_told = true;
            tally.reject(NotCounted::BadJson);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leak::tally::Rules;

    #[derive(Debug, Default, PartialEq)]
    struct Outcome {
        names: Vec<(String, u64)>,
        causes: Vec<(NotCounted, u64)>,
        lines: u64,
        is_cut: bool,
    }

    fn read(text: &[u8]) -> Outcome {
        let rules = Rules::default();
        let mut tally = ThreadTally::new(&rules);
        let mut json = Json::new(b"email");
        for piece in text.chunks(3) {
            json.feed(piece, &mut tally);
        }
        let mut outcome = Outcome {
            is_cut: json.finish(),
            lines: tally.sums.lines,
            ..Outcome::default()
        };
        let text = |name: &[u8]| String::from_utf8(name.to_vec()).unwrap();
        tally.drain(|name, count| outcome.names.push((text(name), count)));
        let counts = NotCounted::ALL
            .iter()
            .map(|&cause| (cause, tally.sums.causes[cause as usize]));
        outcome.causes = counts.filter(|&(_, count)| count > 0).collect();
        outcome
    }

    #[test]
    fn objects_a_line_arrays_and_spread_objects() {
        for text in [
            &b"{\"email\":\"a@example.org\",\"x\":\"y@z.org\"}\n{\"id\":1,\"email\" : \"b@example.org\"}\n"[..],
            b"[{\"email\":\"a@example.org\"},{\"user\":{\"email\":\"b@example.org\"}}]",
            b"[\n {\n  \"email\": \"a@example.org\",\n  \"n\": \"email\"\n },\n {\n  \"email\": \"b@example.org\"\n }\n]\n",
            b"{\"email\":\"a\\u0040example.org\",\"q\":\"\\\"\"}{\"e\\u006dail\":\"b@example.org\"}",
        ] {
            let Outcome { names, causes, is_cut, .. } = read(text);
            assert_eq!(names, [("example.org".to_owned(), 2)], "{}", String::from_utf8_lossy(text));
            assert_eq!(causes, []);
            assert!(!is_cut);
        }
    }

    #[test]
    fn what_has_no_address_is_counted() {
        let outcome = read(
            b"{\"mail\":\"a@example.org\"}\n{\"email\":null}\n{\"email\":12}\n{\"email\":\"\\ud800@x.org\"}\nnot json\n\
              {\"email\":\"torn@exa\n{\"email\":\"a@example.org\"}\n{\"email\":[\"a@example.org\"]}\n{\"email\":{}}\n}\n",
        );
        assert_eq!(
            outcome,
            Outcome {
                names: vec![("example.org".to_owned(), 1)],
                causes: vec![
                    (NotCounted::NoField, 4),
                    (NotCounted::BadJson, 4),
                    (NotCounted::Empty, 1)
                ],
                lines: 10,
                is_cut: false,
            }
        );
        assert!(read(b"{\"email\":\"a@example.org\"").is_cut);
        assert!(read(b"{\"email\":\"a@exam").is_cut);
    }
}
