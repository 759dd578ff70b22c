//! Lists with a record a line and a separator between fields, none of them quoted: Adobe 2013, Gawker 2010, combo lists,
//! TSV, and one address a line, which is a field without a separator.

use std::ops::Range;

use super::address::Cause;
use super::fast::{self, Batch};
use super::tally::Tally;

/// Where the address stands in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delimited {
    /// Between two fields. Empty: the line is one field.
    pub separator: Vec<u8>,
    /// Fields before the address.
    pub column: usize,
    /// The Adobe list: a record begins with a number, and a line that does not begin one goes on with the hint of the
    /// last, which may hold line feeds.
    pub numbered: bool,
}

/// What stands between two fields of the Adobe list: three bytes, since an address may itself end in a hyphen, and hints
/// hold vertical bars.
pub const ADOBE: &[u8; 3] = b"-|-";

impl Delimited {
    /// Adobe 2013, `userid-|-username-|-email-|-password-|-hint|--`.
    pub fn adobe() -> Self {
        Self {
            separator: ADOBE.to_vec(),
            column: 2,
            numbered: true,
        }
    }

    /// Fields between `separator`, the address behind `column` others.
    pub fn new(separator: &[u8], column: usize) -> Self {
        Self {
            separator: separator.to_vec(),
            column,
            numbered: false,
        }
    }

    /// The address field of a line without its line feed, by its place.
    pub fn field(&self, line: &[u8]) -> Result<Range<usize>, Cause> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.trim_ascii().is_empty() {
            return Err(Cause::Blank);
        }
        if self.numbered && !self.begins_record(line) {
            return Err(Cause::Continuation);
        }
        let start = self.column_start(line).ok_or(Cause::NoRecord)?;
        let from = start + quoted_local_part(&line[start..]);
        let end = self.find_separator(line, from).unwrap_or(line.len());
        if self.numbered && end == line.len() {
            return Err(Cause::NoRecord);
        }
        Ok(start..end)
    }

    /// Whether the last line of an input, which has no line feed, is a record that was cut short. Only the Adobe list has
    /// a mark at the end of a record.
    pub fn is_cut(&self, line: &[u8]) -> bool {
        self.numbered && self.begins_record(line) && !line.trim_ascii_end().ends_with(b"|--")
    }

    /// Where the address field begins.
    pub(super) fn column_start(&self, line: &[u8]) -> Option<usize> {
        let mut start = 0;
        for _ in 0..self.column {
            start = self.find_separator(line, start)? + self.separator.len();
        }
        Some(start)
    }

    /// The byte of the separator that stands least often elsewhere.
    pub(super) fn rarest(&self) -> Option<(usize, u8)> {
        let at = self.separator.len() / 2;
        self.separator.get(at).map(|&byte| (at, byte))
    }

    pub(super) fn begins_record(&self, line: &[u8]) -> bool {
        let digits = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
        digits > 0 && line[digits..].starts_with(&self.separator)
    }

    fn find_separator(&self, line: &[u8], from: usize) -> Option<usize> {
        let (offset, byte) = self.rarest()?;
        let first = from + offset;
        memchr::memchr_iter(byte, line.get(first..)?)
            .map(|at| from + at)
            .find(|&start| line[start..].starts_with(&self.separator))
    }
}

/// Counts whole lines. Whether the last of them, without a line feed, is a record that was cut short.
pub fn scan(lines: &[u8], layout: &Delimited, tally: &mut Tally<'_>) -> bool {
    let is_plain = tally.is_plain();
    let mut batch = Batch::default();
    let mut rest = lines;
    while !rest.is_empty() {
        let (line, behind) = match memchr::memchr(b'\n', rest) {
            Some(end) => (&rest[..end], &rest[end + 1..]),
            None => (rest, &[][..]),
        };
        tally.sums.lines += 1;
        match is_plain.then(|| fast::domain_of(line, layout)).flatten() {
            Some(name) => {
                if batch.push(name) {
                    tally.batch(&mut batch);
                }
            }
            None => match layout.field(line) {
                Ok(place) => tally.address(&line[place]),
                Err(cause) => tally.reject(cause),
            },
        }
        rest = behind;
    }
    tally.batch(&mut batch);
    !lines.ends_with(b"\n")
        && layout.is_cut(
            lines
                .rsplit(|&byte| byte == b'\n')
                .next()
                .unwrap_or_default(),
        )
}

/// Counts a line of which only the beginning is at hand: the address has to end in it.
pub fn scan_head(head: &[u8], layout: &Delimited, tally: &mut Tally<'_>) {
    tally.sums.lines += 1;
    match layout.field(head) {
        Ok(place) if place.end < head.len() => tally.address(&head[place]),
        Err(Cause::Continuation) => tally.reject(Cause::Continuation),
        _ => tally.reject(Cause::LineTooLong),
    }
}

/// The length of a quoted local part with its `@`, which may hold separators (RFC 5321 §4.1.2), or 0.
fn quoted_local_part(field: &[u8]) -> usize {
    if field.first() != Some(&b'"') {
        return 0;
    }
    let mut at = 1;
    while let Some(found) = memchr::memchr2(b'"', b'\\', field.get(at..).unwrap_or_default()) {
        at += found;
        match (field[at], field.get(at + 1)) {
            (b'\\', _) => at += 2,
            (_, Some(b'@')) => return at + 2,
            _ => return 0,
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field<'a>(layout: &Delimited, line: &'a [u8]) -> Result<&'a str, Cause> {
        layout
            .field(line)
            .map(|place| std::str::from_utf8(&line[place]).unwrap())
    }

    #[test]
    fn adobe_records_and_their_quirks() {
        for (line, found) in [
            (
                &b"103-|--|-a@example.org-|-G7dNr/==-|-my cat|--"[..],
                Ok("a@example.org"),
            ),
            (
                b"103-|--|-a@example.org-|-G7dNr/==-|-a|b-|-c@d|--\r",
                Ok("a@example.org"),
            ),
            (
                b"103-|-user name-|-a@example.org-|--|-|--",
                Ok("a@example.org"),
            ),
            (b"103-|--|-a@example.org--|--|-|--", Ok("a@example.org-")),
            (b"103-|--|-a|b@example.org-|--|-|--", Ok("a|b@example.org")),
            (
                b"103-|--|-\"a-|-b\"@example.org-|--|-|--",
                Ok("\"a-|-b\"@example.org"),
            ),
            (b"103-|--|--|-G7dNr/==-|-|--", Ok("")),
            (b"103-|--|-a@example.org", Err(Cause::NoRecord)),
            (b"103-|-", Err(Cause::NoRecord)),
            (b"and so the hint goes on|--", Err(Cause::Continuation)),
            (b"12 b-|--|-x@example.org-|-", Err(Cause::Continuation)),
            (b"-|--|-x@example.org-|-", Err(Cause::Continuation)),
            (b"\r", Err(Cause::Blank)),
        ] {
            assert_eq!(
                field(&Delimited::adobe(), line),
                found,
                "{}",
                String::from_utf8_lossy(line)
            );
        }
    }

    #[test]
    fn a_record_of_adobe_ends_with_its_mark() {
        let adobe = Delimited::adobe();
        assert!(!adobe.is_cut(b"1-|--|-a@example.org-|-x-|-hint|--"));
        assert!(adobe.is_cut(b"1-|--|-a@example.org-|-x-|-hi"));
        assert!(!adobe.is_cut(b"the rest of a hint"));
        assert!(!Delimited::new(b":", 0).is_cut(b"a@exa"));
    }

    #[test]
    fn fields_between_separators() {
        for (separator, column, line, found) in [
            (
                &b":"[..],
                0,
                &b"a@example.org:p@ss:word"[..],
                Ok("a@example.org"),
            ),
            (b":", 0, b"a@example.org", Ok("a@example.org")),
            (
                b":",
                0,
                b"\"a:b\\\"@c\"@example.org:x",
                Ok("\"a:b\\\"@c\"@example.org"),
            ),
            (b":", 0, b"\"a@example.org\":x", Ok("\"a@example.org\"")),
            (b":", 0, b"\"a:x", Ok("\"a")),
            (b":", 1, b"name:a@example.org:hash", Ok("a@example.org")),
            (b":", 1, b"name", Err(Cause::NoRecord)),
            (b"\t", 1, b"name\ta@example.org\r", Ok("a@example.org")),
            (b":::", 2, b"n::::h:::a@example.org:::", Ok("a@example.org")),
            (b"", 0, b" a b@example.org ", Ok(" a b@example.org ")),
        ] {
            let layout = Delimited::new(separator, column);
            assert_eq!(
                field(&layout, line),
                found,
                "{}",
                String::from_utf8_lossy(line)
            );
        }
    }
}
