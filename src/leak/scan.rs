//! Counts the lines of a delimited list: the plain ones by the fast way, the others by the slow one.

use super::address::NotCounted;
use super::delimited::Delimited;
use super::fast;
use super::short::NameBatch;
use super::tally::ThreadTally;

/// Counts whole lines. Whether the last of them, without a line feed, is a record that was cut short.
pub fn scan(lines: &[u8], layout: &Delimited, tally: &mut ThreadTally<'_>) -> bool {
    let is_plain = tally.is_plain();
    let mut batch = NameBatch::default();
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
pub fn scan_head(head: &[u8], layout: &Delimited, tally: &mut ThreadTally<'_>) {
    tally.sums.lines += 1;
    match layout.field(head) {
        Ok(place) if place.end < head.len() => tally.address(&head[place]),
        Err(NotCounted::Continuation) => tally.reject(NotCounted::Continuation),
        _ => tally.reject(NotCounted::LineTooLong),
    }
}
