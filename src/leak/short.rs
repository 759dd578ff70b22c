//! Short names, as nearly all domains are: three machine words each, and the slots in which they are counted. Why they are as
//! they are, [`super::fast`] says.

/// A domain of 1 to 24 bytes, lower case, zeros behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Short([u64; 3]);

const SHORT: usize = size_of::<Short>();

impl Short {
    /// Hands the name as bytes on.
    pub fn with_bytes<T>(self, hand: impl FnOnce(&[u8]) -> T) -> T {
        let bytes = self.0.map(u64::to_le_bytes);
        let bytes = bytes.as_flattened();
        let length = bytes.iter().position(|&byte| byte == 0).unwrap_or(SHORT);
        hand(&bytes[..length])
    }
}

/// A raw domain that is plain and short.
#[inline]
pub fn whole(raw: &[u8]) -> Option<Short> {
    let (name, length) = fold(raw);
    if length < raw.len() {
        return None;
    }
    short(name, length)
}

/// The name of so many plain bytes.
#[inline]
pub(super) fn short(name: [u64; 3], length: usize) -> Option<Short> {
    let last = length.checked_sub(1)?;
    // A dot behind is left to the slow way.
    if (name[last / 8] >> (last % 8 * 8)) as u8 == b'.' {
        return None;
    }
    Some(Short(name))
}

/// The plain bytes in front, in lower case, at most 24, and how many they are.
#[inline]
pub(super) fn fold(bytes: &[u8]) -> ([u64; 3], usize) {
    let mut short = [0; SHORT];
    let block = bytes.first_chunk().unwrap_or_else(|| {
        short[..bytes.len()].copy_from_slice(bytes);
        &short
    });
    let (words, _) = block.as_chunks::<8>();
    let mut name = [0; 3];
    let mut length = 0;
    for (to, word) in name.iter_mut().zip(words) {
        let (folded, plain) = fold_word(u64::from_le_bytes(*word));
        // In a shift by all bits nothing is left to keep: a whole word is.
        *to = folded & !u64::MAX.checked_shl(plain * 8).unwrap_or(0);
        length += plain as usize;
        if plain < 8 {
            break;
        }
    }
    (name, length)
}

/// Eight bytes at once, the first the lowest: letters in lower case, and how many in front are plain. Each comparison adds
/// what makes the high bit of a byte of 7 bits the answer, so nothing is carried into the next.
fn fold_word(word: u64) -> (u64, u32) {
    const fn each(byte: u8) -> u64 {
        u64::from_le_bytes([byte; 8])
    }
    let at_least = |bytes: u64, least: u8| bytes + each(0x80 - least);
    let high = each(0x80);
    let bits = word & !high;
    let lower = bits | each(0x20);
    let letter = at_least(lower, b'a') & !at_least(lower, b'z' + 1);
    let mark_or_digit = at_least(bits, b'-') & !at_least(bits, b'9' + 1);
    let slash = at_least(bits, b'/') & !at_least(bits, b'/' + 1);
    let plain = (letter | mark_or_digit & !slash) & !word & high;
    let folded = word | (letter & high) >> 2;
    (folded, (!plain & high).trailing_zeros() / 8)
}

/// Whether a byte stands in plain domains.
#[inline]
pub(super) fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.'
}

/// How many slots there are: 8 MiB for each thread, which is memory that does not grow with the list.
const SLOTS: usize = 1 << 18;

/// From here on the slots want to be emptied. A list of 100,000 domains never comes so far.
const FULL: usize = SLOTS / 2;

/// Short names and how often each was seen since the slots were emptied; open addressing, linear probing.
pub struct Slots {
    /// A name and its count; a count of 0 is a free slot.
    slots: Box<[[u64; 4]]>,
    used: usize,
    key: [u64; 4],
}

impl Default for Slots {
    fn default() -> Self {
        Self {
            slots: vec![[0; 4]; SLOTS].into_boxed_slice(),
            used: 0,
            key: rand::random(),
        }
    }
}

/// Names on their way to the slots. Looked up one behind the other, without the reading of lines between, the misses of
/// several are waited for at the same time.
pub struct NameBatch {
    names: [Short; 64],
    length: usize,
}

impl Default for NameBatch {
    fn default() -> Self {
        Self {
            names: [Short([0; 3]); 64],
            length: 0,
        }
    }
}

impl NameBatch {
    /// One name more; whether it was the last that there is room for.
    #[inline]
    pub fn push(&mut self, name: Short) -> bool {
        self.names[self.length] = name;
        self.length += 1;
        self.length == self.names.len()
    }

    /// Takes the names out.
    pub fn drain(&mut self, each: impl FnMut(Short)) {
        self.names[..self.length].iter().copied().for_each(each);
        self.length = 0;
    }
}

impl Slots {
    /// One more of this name; false if the slots have no room for another.
    pub fn add(&mut self, name: Short) -> bool {
        let Short([a, b, c]) = name;
        let mut at = self.hash(name) % SLOTS;
        loop {
            let slot = &mut self.slots[at];
            if slot[0] == a && slot[1] == b && slot[2] == c {
                slot[3] += 1;
                return true;
            }
            if slot[3] == 0 {
                if self.used >= SLOTS / 4 * 3 {
                    return false;
                }
                *slot = [a, b, c, 1];
                self.used += 1;
                return true;
            }
            at = (at + 1) % SLOTS;
        }
    }

    /// Whether they should be emptied soon.
    pub fn is_full(&self) -> bool {
        self.used >= FULL
    }

    /// Takes every name out.
    pub fn drain(&mut self, mut each: impl FnMut(&[u8], u64)) {
        if self.used == 0 {
            return;
        }
        for slot in self.slots.iter_mut().filter(|slot| slot[3] != 0) {
            let [a, b, c, count] = std::mem::take(slot);
            Short([a, b, c]).with_bytes(|name| each(name, count));
        }
        self.used = 0;
    }

    /// Two products of 128 bits with a random key, folded: no list can be made to fill one corner of the table.
    fn hash(&self, Short([a, b, c]): Short) -> usize {
        let [k, l, m, n] = self.key;
        (product(a ^ k, b ^ l) ^ product(c ^ m, n)) as usize
    }
}

fn product(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_folded_in_every_place() {
        for byte in 0..=u8::MAX {
            for at in 0..8 {
                let mut word = *b"abcdefgh";
                word[at] = byte;
                let (folded, plain) = fold_word(u64::from_le_bytes(word));
                if is_plain(byte) {
                    word.make_ascii_lowercase();
                    assert_eq!((folded.to_le_bytes(), plain), (word, 8), "{byte}");
                } else {
                    assert_eq!(plain as usize, at, "{byte}");
                }
            }
        }
    }

    #[test]
    fn slots_count_until_they_are_full() {
        let mut slots = Slots::default();
        let name = |number: usize| whole(format!("{number}.org").as_bytes()).unwrap();
        let mut taken = 0;
        while slots.add(name(taken)) {
            taken += 1;
            assert!(slots.add(name(0)));
        }
        assert!(slots.is_full());
        assert!(taken < SLOTS);
        let mut names = 0;
        slots.drain(|name, count| {
            names += 1;
            assert_eq!(
                count,
                if name == b"0.org" {
                    taken as u64 + 1
                } else {
                    1
                }
            );
        });
        assert_eq!(names, taken);
        assert!(slots.add(name(taken)));
    }
}
