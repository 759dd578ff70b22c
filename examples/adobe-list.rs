//! Writes a list in the shape of Adobe's, made up from beginning to end: `adobe-list LINES DOMAINS > list`. Each domain
//! stands in it at least once, the first more often than the second and so on (Zipf), as in lists of people. The same
//! arguments give the same list. For `make bench-leak`.

use std::io::{self, BufWriter, Write};

fn main() -> io::Result<()> {
    let mut numbers = std::env::args().skip(1).map(|number| number.parse::<u64>());
    let (Some(Ok(lines)), Some(Ok(domains))) = (numbers.next(), numbers.next()) else {
        return Err(io::Error::other("two numbers: lines and domains"));
    };
    let mut out = BufWriter::with_capacity(1 << 20, io::stdout().lock());
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for line in 0..lines {
        let rank = if line < domains {
            line
        } else {
            random.zipf(domains)
        };
        let (user, password, hint) = (random.next(), random.next(), random.next());
        write!(out, "{}-|--|-", 100_000_000 + line)?;
        out.write_all(&letters(user, 5 + user % 9))?;
        out.write_all(b"@")?;
        out.write_all(&domain(rank))?;
        out.write_all(b"-|-")?;
        // One block of the cipher or two, in base64; a hint in every other record.
        out.write_all(&letters(password, if password % 2 == 0 { 11 } else { 23 }))?;
        out.write_all(b"=-|-")?;
        let length = if hint % 2 == 0 { hint % 27 } else { 0 };
        out.write_all(&letters(hint, length))?;
        out.write_all(b"|--\n")?;
    }
    out.flush()
}

/// The domain of a rank: 9 to 16 bytes, every tenth a short one of three labels.
fn domain(rank: u64) -> Vec<u8> {
    const ENDS: [&[u8]; 5] = [b".com", b".de", b".co.uk", b".ru", b".net"];
    let mixed = (rank + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut name = format!(
        "{}{rank:x}",
        String::from_utf8_lossy(&letters(mixed, 3 + mixed % 6))
    )
    .into_bytes();
    name.extend_from_slice(ENDS[(mixed >> 40) as usize % ENDS.len()]);
    name
}

fn letters(mut seed: u64, length: u64) -> Vec<u8> {
    let mut letters = Vec::with_capacity(length as usize);
    for _ in 0..length {
        letters.push(b'a' + (seed % 26) as u8);
        seed = seed.rotate_right(5).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    }
    letters
}

struct Random(u64);

impl Random {
    /// xorshift64*
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A rank below `count`, the probability falling with one over the rank.
    fn zipf(&mut self, count: u64) -> u64 {
        let uniform = (self.next() >> 11) as f64 / (1u64 << 53) as f64;
        ((count as f64).powf(uniform) as u64)
            .saturating_sub(1)
            .min(count - 1)
    }
}
