//! Tables with quoted fields (RFC 4180), read in pieces of any size. The library for CSV reads the header of a list and is
//! what the tests hold this against; it is not used for the rest since it keeps whole records, and a leaked list may have a
//! quote that is never closed: then the rest of the file is one field, which must neither fill the memory nor pass in
//! silence.

use super::address::NotCounted;
use super::tally::ThreadTally;

/// The longest field that is kept: an address has at most 320 bytes, its wrapping and entities some more.
const KEPT: usize = 4096;

/// A table that is being read.
#[derive(Clone, Debug)]
pub struct Csv {
    delimiter: u8,
    /// Fields before the address.
    column: usize,
    /// The record holds the names of the columns.
    is_header: bool,
    state: State,
    /// Fields of the record before this one.
    field: usize,
    /// The record has a byte besides its line end.
    is_blank: bool,
    /// The address field so far.
    kept: Vec<u8>,
    /// Where the quote was opened, by line.
    opened: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing of the field was read.
    Start,
    Bare,
    Quoted,
    /// Behind a quote in a quoted field: the end of it, or the first of two that stand for one.
    Quote,
}

impl Csv {
    /// A table whose address stands behind `column` fields; `has_header` if its first record holds names.
    pub fn new(delimiter: u8, column: usize, has_header: bool) -> Self {
        Self {
            delimiter,
            column,
            is_header: has_header,
            state: State::Start,
            field: 0,
            is_blank: true,
            kept: Vec::new(),
            opened: 0,
        }
    }

    /// Reads on.
    pub fn feed(&mut self, mut bytes: &[u8], tally: &mut ThreadTally<'_>) {
        while let [byte, rest @ ..] = bytes {
            match (self.state, *byte) {
                (State::Start, b'"') => {
                    self.is_blank = false;
                    self.opened = tally.sums.lines + 1;
                    self.state = State::Quoted;
                    bytes = rest;
                }
                (State::Quoted, b'"') => {
                    self.state = State::Quote;
                    bytes = rest;
                }
                (State::Quote, b'"') => {
                    self.keep(b"\"");
                    self.state = State::Quoted;
                    bytes = rest;
                }
                (State::Quoted, _) => {
                    let length = memchr::memchr(b'"', bytes).unwrap_or(bytes.len());
                    tally.sums.lines += memchr::memchr_iter(b'\n', &bytes[..length]).count() as u64;
                    self.keep(&bytes[..length]);
                    bytes = &bytes[length..];
                }
                (_, b'\n') => {
                    tally.sums.lines += 1;
                    self.end_record(tally);
                    bytes = rest;
                }
                (_, delimiter) if delimiter == self.delimiter => {
                    self.is_blank = false;
                    self.field += 1;
                    self.state = State::Start;
                    bytes = rest;
                }
                _ => {
                    let length =
                        memchr::memchr2(self.delimiter, b'\n', bytes).unwrap_or(bytes.len());
                    self.is_blank &= bytes[..length].trim_ascii().is_empty();
                    self.keep(&bytes[..length]);
                    self.state = State::Bare;
                    bytes = &bytes[length..];
                }
            }
        }
    }

    /// The input has ended. The line where a quote was opened that is not closed, if there is one.
    pub fn finish(mut self, tally: &mut ThreadTally<'_>) -> Option<u64> {
        let opened = (self.state == State::Quoted).then_some(self.opened);
        if self.state != State::Start || self.field > 0 {
            tally.sums.lines += 1;
            self.end_record(tally);
        }
        opened
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.field == self.column {
            let room = (KEPT + 1).saturating_sub(self.kept.len());
            self.kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
    }

    fn end_record(&mut self, tally: &mut ThreadTally<'_>) {
        if self.is_blank {
            tally.reject(NotCounted::Blank);
        } else if self.is_header {
            self.is_header = false;
            tally.sums.headers += 1;
        } else if self.field < self.column {
            tally.reject(NotCounted::NoRecord);
        } else if self.kept.len() > KEPT {
            tally.reject(NotCounted::LineTooLong);
        } else {
            tally.address(&self.kept);
        }
        self.state = State::Start;
        self.field = 0;
        self.is_blank = true;
        self.kept.clear();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::leak::tally::Rules;

    fn names(tally: &mut ThreadTally<'_>) -> Vec<(Vec<u8>, u64)> {
        let mut names = Vec::new();
        tally.drain(|name, count| names.push((name.to_vec(), count)));
        names.sort();
        names
    }

    #[test]
    fn quotes_line_feeds_and_headers() {
        let rules = Rules::default();
        let mut tally = ThreadTally::new(&rules);
        let mut csv = Csv::new(b',', 1, true);
        let text = b"id,\"e\nmail\"\n1,a@example.org\r\n\n2,\"b@example.org\"\n\"3\n\"\"x\",\"\"\"c d\"\"@example.org\",y\n4\n5,";
        for byte in text {
            csv.feed(std::slice::from_ref(byte), &mut tally);
        }
        assert_eq!(csv.finish(&mut tally), None);
        assert_eq!(names(&mut tally), [(b"example.org".to_vec(), 3)]);
        assert_eq!(tally.sums.lines, 9);
        assert_eq!(tally.sums.headers, 1);
        assert_eq!(tally.sums.causes[NotCounted::Blank as usize], 1);
        assert_eq!(tally.sums.causes[NotCounted::NoRecord as usize], 1);
        assert_eq!(tally.sums.causes[NotCounted::Empty as usize], 1);
    }

    #[test]
    fn a_quote_that_stays_open_is_told_and_takes_no_memory() {
        let rules = Rules::default();
        let mut tally = ThreadTally::new(&rules);
        let mut csv = Csv::new(b',', 0, false);
        csv.feed(b"a@example.org,1\n\"b@example.org,2\n", &mut tally);
        for _ in 0..100 {
            csv.feed(&[b'x'; 1000], &mut tally);
        }
        assert!(csv.kept.capacity() < 4 * KEPT);
        assert_eq!(csv.finish(&mut tally), Some(2));
        assert_eq!(tally.sums.causes[NotCounted::LineTooLong as usize], 1);
    }

    proptest! {
        /// The library, on whole records, is the slow and obvious reader.
        #[test]
        fn fields_are_those_of_the_library(text in r#"([ab@.,"\n]|x@y\.org|","){0,60}"#, column in 0..3usize, cut in 0..60usize) {
            let rules = Rules::default();
            let mut tally = ThreadTally::new(&rules);
            let mut reader = Csv::new(b',', column, false);
            let cut = cut.min(text.len());
            reader.feed(&text.as_bytes()[..cut], &mut tally);
            reader.feed(&text.as_bytes()[cut..], &mut tally);
            reader.finish(&mut tally);
            let mut expected = ThreadTally::new(&rules);
            let mut library = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
            for record in library.byte_records() {
                match record.unwrap().get(column) {
                    Some(field) => expected.address(field),
                    None => expected.reject(NotCounted::NoRecord),
                }
            }
            // The library passes over blank lines.
            tally.sums.causes[NotCounted::Blank as usize] = 0;
            prop_assert_eq!(tally.sums.causes, expected.sums.causes);
            prop_assert_eq!(names(&mut tally), names(&mut expected));
        }
    }
}
