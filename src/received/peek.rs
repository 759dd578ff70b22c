//! A buffered reader that can look ahead, and take back what was read.

use std::io::{self, BufRead, BufReader, Read};

/// Reads from what was taken back, then from the input.
#[derive(Debug)]
pub struct Peek<R> {
    back: Vec<u8>,
    at: usize,
    input: BufReader<R>,
}

impl<R: Read> Peek<R> {
    /// Reads `input`.
    pub fn new(input: R) -> Self {
        Self {
            back: Vec::new(),
            at: 0,
            input: BufReader::with_capacity(64 << 10, input),
        }
    }

    /// Whether the next bytes are `prefix`. Consumes nothing.
    pub fn starts_with(&mut self, prefix: &[u8]) -> io::Result<bool> {
        let waiting = self.fill_buf()?;
        if waiting.len() >= prefix.len() || waiting.is_empty() {
            return Ok(waiting.starts_with(prefix));
        }
        // The rest is behind the end of the buffer: only if what is here fits is more read.
        if !prefix.starts_with(waiting) {
            return Ok(false);
        }
        let mut head = Vec::with_capacity(prefix.len());
        self.by_ref()
            .take(prefix.len() as u64)
            .read_to_end(&mut head)?;
        let is_prefix = head == prefix;
        self.unread(head);
        Ok(is_prefix)
    }

    /// Whether nothing is here that was not read yet.
    pub fn is_idle(&self) -> bool {
        self.at >= self.back.len() && self.input.buffer().is_empty()
    }

    /// Reads to `end` and with it, but no more than `most` bytes, behind what `into` holds; how many it read.
    pub fn read_until_within(
        &mut self,
        end: u8,
        most: usize,
        into: &mut Vec<u8>,
    ) -> io::Result<usize> {
        let mut read = 0;
        while read < most {
            let waiting = filled(self)?;
            let waiting = &waiting[..waiting.len().min(most - read)];
            let found = memchr::memchr(end, waiting);
            let length = found.map_or(waiting.len(), |at| at + 1);
            into.extend_from_slice(&waiting[..length]);
            self.consume(length);
            read += length;
            if found.is_some() || length == 0 {
                break;
            }
        }
        Ok(read)
    }

    /// Puts `bytes` before everything that was not read yet.
    pub fn unread(&mut self, mut bytes: Vec<u8>) {
        if self.at < self.back.len() {
            // A line of a body of many megabytes goes back to where it came from.
            if let Some(start) = self.at.checked_sub(bytes.len()) {
                self.back[start..self.at].copy_from_slice(&bytes);
                self.at = start;
                return;
            }
            bytes.extend_from_slice(&self.back[self.at..]);
        }
        self.back = bytes;
        self.at = 0;
    }
}

impl<R: Read> Read for Peek<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let waiting = self.fill_buf()?;
        let length = waiting.len().min(into.len());
        into[..length].copy_from_slice(&waiting[..length]);
        self.consume(length);
        Ok(length)
    }
}

impl<R: Read> BufRead for Peek<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at < self.back.len() {
            return Ok(&self.back[self.at..]);
        }
        // What was taken back may have been a body of many megabytes.
        if !self.back.is_empty() {
            self.back = Vec::new();
            self.at = 0;
        }
        self.input.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        if self.at < self.back.len() {
            self.at += amount;
        } else {
            self.input.consume(amount);
        }
    }

    /// As the trait has it, faster: most of a mailbox is bodies that are passed over.
    fn skip_until(&mut self, end: u8) -> io::Result<usize> {
        let mut passed = 0;
        loop {
            let waiting = filled(self)?;
            let found = memchr::memchr(end, waiting);
            let length = found.map_or(waiting.len(), |at| at + 1);
            self.consume(length);
            passed += length;
            if found.is_some() || length == 0 {
                return Ok(passed);
            }
        }
    }
}

/// What waits, read anew where a signal came between.
fn filled<R: Read>(peek: &mut Peek<R>) -> io::Result<&[u8]> {
    loop {
        match peek.fill_buf() {
            Ok(_) => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    peek.fill_buf()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_back_is_read_again_before_the_rest() {
        let mut peek = Peek::new(b"abcdef".as_slice());
        assert!(peek.starts_with(b"abc").unwrap());
        let mut two = [0; 2];
        peek.read_exact(&mut two).unwrap();
        peek.unread(two.to_vec());
        peek.unread(b"_".to_vec());
        assert!(peek.starts_with(b"_abcdef").unwrap());
        assert!(!peek.starts_with(b"_abcdefg").unwrap());
        let mut line = b">".to_vec();
        assert_eq!(peek.read_until_within(b'b', 2, &mut line).unwrap(), 2);
        assert_eq!(line, b">_a");
        assert_eq!(peek.read_until_within(b'c', 9, &mut line).unwrap(), 2);
        assert_eq!(line, b">_abc");
        assert_eq!(peek.skip_until(b'd').unwrap(), 1);
        peek.unread(b"_abcd".to_vec());
        let mut all = String::new();
        peek.read_to_string(&mut all).unwrap();
        assert_eq!(all, "_abcdef");
        assert_eq!(peek.skip_until(b'd').unwrap(), 0);
        assert!(!peek.starts_with(b"x").unwrap());
        assert!(peek.starts_with(b"").unwrap());
    }
}
