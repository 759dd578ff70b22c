//! Line ends of old systems: where lines end in CR alone, they end in LF for the reader.

use std::io::{self, Read};

/// Reads on, with LF for CR if the first line of the input ends in a CR that no LF follows. A CR before a LF stays.
#[derive(Debug)]
pub struct LineEnds<R> {
    input: R,
    kind: Kind,
    /// What was read to see what follows a CR.
    held: Vec<u8>,
    /// The byte before the next one was a CR that was mapped.
    after_cr: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// No line has ended yet.
    Unknown,
    /// LF, with CR before it or without.
    Kept,
    /// CR.
    Mapped,
}

/// CRs in a row that are looked beyond.
const MOST_HELD: usize = 8;

impl<R: Read> LineEnds<R> {
    /// Reads `input`.
    pub fn new(input: R) -> Self {
        Self {
            input,
            kind: Kind::Unknown,
            held: Vec::new(),
            after_cr: false,
        }
    }

    /// Looks for the first line's end in `seen`, and beyond where that ends in CR.
    fn decide(&mut self, seen: &[u8]) -> io::Result<()> {
        let Some(at) = memchr::memchr2(b'\r', b'\n', seen) else {
            return Ok(());
        };
        let mut next = seen[at..].iter().copied().find(|&byte| byte != b'\r');
        while next.is_none() && self.held.len() < MOST_HELD {
            let mut byte = [0];
            if self.input.read(&mut byte)? == 0 {
                break;
            }
            self.held.push(byte[0]);
            next = (byte[0] != b'\r').then_some(byte[0]);
        }
        self.kind = match next {
            Some(b'\n') => Kind::Kept,
            _ => Kind::Mapped,
        };
        Ok(())
    }

    fn map(&mut self, bytes: &mut [u8]) -> usize {
        let mut kept = 0;
        for at in 0..bytes.len() {
            let byte = bytes[at];
            let follows = std::mem::replace(&mut self.after_cr, byte == b'\r');
            if byte == b'\n' && follows {
                continue;
            }
            bytes[kept] = if byte == b'\r' { b'\n' } else { byte };
            kept += 1;
        }
        kept
    }
}

impl<R: Read> Read for LineEnds<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let length = if self.held.is_empty() {
                self.input.read(into)?
            } else {
                let length = self.held.len().min(into.len());
                into[..length].copy_from_slice(&self.held[..length]);
                self.held.drain(..length);
                length
            };
            if length == 0 || self.kind == Kind::Kept {
                return Ok(length);
            }
            if self.kind == Kind::Unknown {
                self.decide(&into[..length])?;
            }
            if self.kind != Kind::Mapped {
                return Ok(length);
            }
            let kept = self.map(&mut into[..length]);
            if kept > 0 {
                return Ok(kept);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes out where the input comes in pieces of `size`.
    fn read(input: &[u8], size: usize) -> Vec<u8> {
        let mut reader = LineEnds::new(input);
        let mut all = Vec::new();
        let mut piece = vec![0; size];
        loop {
            let length = reader.read(&mut piece).unwrap();
            if length == 0 {
                return all;
            }
            all.extend_from_slice(&piece[..length]);
        }
    }

    #[test]
    fn h10_lines_that_end_in_cr_alone_end_in_lf() {
        for size in [1, 2, 3, 7, 64] {
            for (input, output) in [
                (&b"a: 1\rb: 2\r\rc\r"[..], &b"a: 1\nb: 2\n\nc\n"[..]),
                (b"a: 1\r\nb: 2\r\n\r\nc\rd", b"a: 1\r\nb: 2\r\n\r\nc\rd"),
                (b"a: 1\r\r\nb: 2\r\r\n", b"a: 1\r\r\nb: 2\r\r\n"),
                (b"a: 1\nb\rc", b"a: 1\nb\rc"),
                (b"a: x\ry\r\nb: 2\r\n", b"a: x\ny\nb: 2\n"),
                (b"a\r", b"a\n"),
                (b"", b""),
                (b"no end", b"no end"),
            ] {
                let read = read(input, size);
                assert_eq!(
                    read.escape_ascii().to_string(),
                    output.escape_ascii().to_string(),
                    "{size}"
                );
            }
        }
    }
}
