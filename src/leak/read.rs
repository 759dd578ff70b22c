//! Inputs in pieces: large reads into one buffer (a mapped file would count as memory of ours), cut where a record or a
//! token ends, and for threads stretches of a file that begin and end with whole lines.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, PoisonError};

use super::watch::Watch;

/// The size of a buffer, and so of the part of a very long line that is looked at.
pub const CHUNK: usize = 256 << 10;

/// How much of a file a thread takes at a time.
pub const SEGMENT: u64 = 16 << 20;

/// Where a piece may end.
#[derive(Clone, Copy, Debug)]
pub enum PieceEnd {
    /// Behind a line feed.
    Line,
    /// Behind a byte that ends every token: better a line feed.
    Token(fn(u8) -> bool),
    /// Anywhere.
    Anywhere,
}

impl PieceEnd {
    /// Where the last whole piece ends.
    fn last(self, bytes: &[u8]) -> Option<usize> {
        let line = || memchr::memrchr(b'\n', bytes).map(|at| at + 1);
        match self {
            Self::Line => line(),
            Self::Token(is_stop) => line().or_else(|| {
                bytes
                    .iter()
                    .rposition(|&byte| is_stop(byte))
                    .map(|at| at + 1)
            }),
            Self::Anywhere => Some(bytes.len()),
        }
    }

    /// Where what is passed over ends.
    fn first(self, bytes: &[u8]) -> Option<usize> {
        match self {
            Self::Line => memchr::memchr(b'\n', bytes).map(|at| at + 1),
            Self::Token(is_stop) => bytes.iter().position(|&byte| is_stop(byte)),
            Self::Anywhere => Some(0),
        }
    }
}

/// An input in pieces.
pub struct Chunks<'a, R> {
    input: R,
    cut: PieceEnd,
    buffer: Box<[u8]>,
    /// What of the buffer was read and not yet handed on.
    waiting: Range<usize>,
    is_skipping: bool,
    watch: &'a Watch,
}

/// A piece.
#[derive(Debug, PartialEq, Eq)]
pub enum Chunk<'a> {
    /// Whole lines or tokens. Only the last of the input may lack its end.
    Whole(&'a [u8]),
    /// The beginning of a line, or token, that does not fit into the buffer; the rest of it is passed over.
    Head(&'a [u8]),
}

impl<'a, R: Read> Chunks<'a, R> {
    /// Pieces of `input` of at most `size` bytes.
    pub fn new(input: R, size: usize, cut: PieceEnd, watch: &'a Watch) -> Self {
        Self {
            input,
            cut,
            buffer: vec![0; size].into_boxed_slice(),
            waiting: 0..0,
            is_skipping: false,
            watch,
        }
    }

    /// The next piece; `None` at the end, and once reading is to stop.
    pub fn next(&mut self) -> io::Result<Option<Chunk<'_>>> {
        while !self.watch.is_stopped() {
            self.buffer.copy_within(self.waiting.clone(), 0);
            self.waiting = 0..self.waiting.len();
            let length = match self.input.read(&mut self.buffer[self.waiting.end..]) {
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            self.watch.add(length);
            self.waiting.end += length;
            let is_last = length == 0;
            let bytes = &self.buffer[..self.waiting.end];
            if self.is_skipping {
                let end = self.cut.first(bytes);
                self.is_skipping = end.is_none();
                self.waiting.start = end.unwrap_or(bytes.len());
                if is_last && self.is_skipping {
                    return Ok(None);
                }
            }
            let bytes = &self.buffer[self.waiting.clone()];
            if bytes.is_empty() && is_last {
                return Ok(None);
            }
            let whole = if is_last {
                Some(bytes.len())
            } else {
                self.cut.last(bytes)
            };
            match whole {
                Some(length) => {
                    let start = self.waiting.start;
                    self.waiting.start += length;
                    return Ok(Some(Chunk::Whole(&self.buffer[start..start + length])));
                }
                None if self.waiting.len() == self.buffer.len() => {
                    self.is_skipping = true;
                    self.waiting = 0..0;
                    return Ok(Some(Chunk::Head(&self.buffer)));
                }
                None => {}
            }
        }
        Ok(None)
    }
}

/// The stretches of a file, each for one thread, in their order. A line belongs to the stretch it begins in.
pub struct Segments<'a> {
    file: &'a File,
    length: u64,
    /// Where the next begins; the end of the file is its size now.
    next: Mutex<Range<u64>>,
}

impl<'a> Segments<'a> {
    /// Stretches of about `length` bytes between two places of a file.
    pub fn new(file: &'a File, range: Range<u64>, length: u64) -> Self {
        Self {
            file,
            length,
            next: Mutex::new(range),
        }
    }

    /// How many threads have work.
    pub fn parallel(&self, threads: usize) -> usize {
        let range = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let segments = (range.end.saturating_sub(range.start)).div_ceil(self.length);
        usize::try_from(segments)
            .unwrap_or(usize::MAX)
            .clamp(1, threads)
    }

    /// The next stretch. Its end is looked for here, under the lock, so that a very long line is looked through once.
    pub fn next(&self) -> io::Result<Option<Stretch<'a>>> {
        let mut range = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        if range.is_empty() {
            return Ok(None);
        }
        let start = range.start;
        let end = self.line_end(start + self.length, range.end)?;
        range.start = end;
        Ok(Some(Stretch::new(self.file, start..end)))
    }

    /// The end of the line that the byte before `at` is in.
    fn line_end(&self, at: u64, end: u64) -> io::Result<u64> {
        let mut at = at - 1;
        let mut buffer = vec![0; 16 << 10];
        while at < end {
            let length = read_at(self.file, &mut buffer, at)?;
            if length == 0 {
                break;
            }
            if let Some(found) = memchr::memchr(b'\n', &buffer[..length]) {
                return Ok(end.min(at + found as u64 + 1));
            }
            at += length as u64;
        }
        Ok(end)
    }
}

/// A part of a file, read by position.
pub struct Stretch<'a> {
    file: &'a File,
    /// Where it begins.
    pub start: u64,
    at: u64,
    end: u64,
}

impl<'a> Stretch<'a> {
    /// The bytes of `file` in a range.
    pub fn new(file: &'a File, range: Range<u64>) -> Self {
        Self {
            file,
            start: range.start,
            at: range.start,
            end: range.end,
        }
    }
}

impl Read for Stretch<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.end - self.at)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let length = self.file.read_at(&mut buffer[..room], self.at)?;
        self.at += length as u64;
        Ok(length)
    }
}

fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    loop {
        match file.read_at(buffer, at) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// Hands on a few bytes at a time.
    struct Slow<'a>(&'a [u8]);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = buffer.len().min(3);
            self.0.read(&mut buffer[..length])
        }
    }

    fn pieces(text: &[u8], cut: PieceEnd) -> Vec<(bool, String)> {
        let watch = Watch::default();
        let mut chunks = Chunks::new(Slow(text), 8, cut, &watch);
        let mut pieces = Vec::new();
        while let Some(chunk) = chunks.next().unwrap() {
            let (is_whole, bytes) = match chunk {
                Chunk::Whole(bytes) => (true, bytes),
                Chunk::Head(bytes) => (false, bytes),
            };
            pieces.push((is_whole, String::from_utf8(bytes.to_vec()).unwrap()));
        }
        assert_eq!(watch.read(), text.len() as u64);
        pieces
    }

    #[test]
    fn pieces_end_where_lines_end() {
        assert_eq!(
            pieces(b"ab\ncd\n0123456789012\nef\ngh", PieceEnd::Line),
            [
                (true, "ab\n".to_owned()),
                (true, "cd\n".to_owned()),
                (false, "01234567".to_owned()),
                (true, "ef\n".to_owned()),
                (true, "gh".to_owned()),
            ]
        );
        assert_eq!(
            pieces(b"0123456789", PieceEnd::Line),
            [(false, "01234567".to_owned())]
        );
        assert_eq!(pieces(b"0123456789\nab", PieceEnd::Line).len(), 2);
        assert_eq!(pieces(b"", PieceEnd::Line), []);
    }

    #[test]
    fn pieces_end_where_tokens_end() {
        let cut = PieceEnd::Token(|byte| byte == b' ');
        let text: String = pieces(b"ab cd 0123456789012 ef", cut)
            .into_iter()
            .map(|(_, text)| text)
            .collect();
        assert_eq!(text, "ab cd 01234567 ef");
    }

    #[test]
    fn every_line_is_in_one_stretch() {
        let text: Vec<u8> = (0..200)
            .flat_map(|number| format!("{}\n", "x".repeat(number % 23)).into_bytes())
            .chain([b'y'; 100])
            .collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&text).unwrap();
        for length in [1, 7, 64, 10_000] {
            let segments = Segments::new(&file, 3..text.len() as u64, length);
            let mut all = Vec::new();
            while let Some(mut stretch) = segments.next().unwrap() {
                assert!(all.is_empty() || all.last() == Some(&b'\n'));
                stretch.read_to_end(&mut all).unwrap();
            }
            assert_eq!(all, text[3..]);
        }
    }
}
