//! Names and how often each was seen, in little memory: for each name its bytes, 16 bytes, and 6 to 11 of the index.
//! Names are compared, not their hashes alone; the hash has a random key, so no list can be made to collide.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

/// A table of names with counts.
#[derive(Default)]
pub struct NameTable {
    /// Positions in `entries`. Four bytes for each keeps a table that doubles small.
    index: HashTable<u32>,
    entries: Vec<Entry>,
    /// Every name, one behind the other.
    bytes: Vec<u8>,
    hasher: DefaultHashBuilder,
}

#[derive(Clone, Copy)]
struct Entry {
    /// Where the name begins in `bytes`, and in the low 16 bits its length.
    place: u64,
    count: u64,
}

impl Entry {
    fn name(self, bytes: &[u8]) -> &[u8] {
        let start = (self.place >> 16) as usize;
        &bytes[start..start + (self.place & 0xffff) as usize]
    }
}

impl NameTable {
    /// How many names there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Adds to the count of a name, if it is there.
    pub fn add_known(&mut self, name: &[u8], count: u64) -> bool {
        match self.find(name) {
            Some(at) => {
                self.entries[at].count += count;
                true
            }
            None => false,
        }
    }

    /// Adds to the count of a name of at most 65,535 bytes.
    pub fn add(&mut self, name: &[u8], count: u64) {
        if self.add_known(name, count) {
            return;
        }
        debug_assert!(name.len() <= usize::from(u16::MAX));
        let at =
            u32::try_from(self.entries.len()).expect("four billion names do not fit into memory");
        self.entries.push(Entry {
            place: (self.bytes.len() as u64) << 16 | name.len() as u64,
            count,
        });
        self.bytes.extend_from_slice(name);
        let Self {
            index,
            entries,
            bytes,
            hasher,
        } = self;
        index.insert_unique(hasher.hash_one(name), at, |&other| {
            hasher.hash_one(entries[other as usize].name(bytes))
        });
    }

    fn find(&self, name: &[u8]) -> Option<usize> {
        self.index
            .find(self.hasher.hash_one(name), |&at| {
                self.entries[at as usize].name(&self.bytes) == name
            })
            .map(|&at| at as usize)
    }

    /// Takes every name out, in the order they came, and keeps the memory.
    pub fn drain(&mut self, mut each: impl FnMut(&[u8], u64)) {
        for entry in &self.entries {
            each(entry.name(&self.bytes), entry.count);
        }
        self.index.clear();
        self.entries.clear();
        self.bytes.clear();
    }

    /// By count from the greatest, then by name.
    pub fn into_ranking(self) -> Ranking {
        let Self {
            mut entries,
            bytes,
            index,
            ..
        } = self;
        drop(index);
        entries.sort_unstable_by(|a, b| {
            b.count
                .cmp(&a.count)
                .then_with(|| a.name(&bytes).cmp(b.name(&bytes)))
        });
        Ranking { entries, bytes }
    }
}

/// Names by count from the greatest, then by name.
pub struct Ranking {
    entries: Vec<Entry>,
    bytes: Vec<u8>,
}

impl Ranking {
    /// How many names there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many have at least this count: the first so many.
    pub fn at_least(&self, count: u64) -> usize {
        self.entries.partition_point(|entry| entry.count >= count)
    }

    /// The names and their counts.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], u64)> {
        self.entries
            .iter()
            .map(|entry| (entry.name(&self.bytes), entry.count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_add_up_and_are_ranked() {
        let mut names = NameTable::default();
        for round in 0..3u64 {
            for number in 0..1000u64 {
                names.add(format!("{number}.example").as_bytes(), round * number);
            }
        }
        assert_eq!(names.len(), 1000);
        assert!(names.add_known(b"7.example", 4000));
        assert!(!names.add_known(b"7.example.", 1));
        let ranking = names.into_ranking();
        let first: Vec<_> = ranking.iter().take(2).collect();
        assert_eq!(first, [(&b"7.example"[..], 4021), (b"999.example", 2997)]);
        assert_eq!(ranking.at_least(2997), 2);
        assert_eq!(ranking.len(), 1000);
    }

    #[test]
    fn equal_counts_are_ranked_by_name() {
        let mut names = NameTable::default();
        for name in ["b", "c", "a"] {
            names.add(name.as_bytes(), 5);
        }
        let ranking = names.into_ranking();
        assert_eq!(
            ranking.iter().map(|(name, _)| name).collect::<Vec<_>>(),
            [b"a", b"b", b"c"]
        );
    }
}
