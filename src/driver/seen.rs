//! Distinct subjects at 16 bytes each (some 32 in the table): a keyed hash of 126 bits stands for a subject. With a
//! random key, a billion subjects collide with a probability of one in 10^19.

use std::hash::{BuildHasher, Hash, RandomState};

use hashbrown::HashTable;

/// Hashes subjects under a random key.
#[derive(Clone, Debug, Default)]
pub struct Subjects {
    halves: [RandomState; 2],
}

impl Subjects {
    /// A fresh key.
    pub fn new() -> Self {
        Self::default()
    }

    /// The number that stands for `subject`.
    pub fn hash(&self, subject: &impl Hash) -> u128 {
        let [high, low] = self
            .halves
            .each_ref()
            .map(|half| u128::from(half.hash_one(subject)));
        high << 64 | low
    }
}

/// Which subjects were seen before: measured or answered, and apart from that listed.
#[derive(Debug, Default)]
pub struct SeenSubjects {
    subjects: Subjects,
    /// Hashes; the two lowest bits say in which way a subject was seen.
    table: HashTable<u128>,
}

const SUBJECT: u128 = 1;
const LISTED: u128 = 2;
const WAYS: u128 = SUBJECT | LISTED;

impl SeenSubjects {
    /// Nothing seen.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether this is the first time for `subject`.
    pub fn is_first(&mut self, subject: &impl Hash) -> bool {
        self.mark(subject, SUBJECT)
    }

    /// Whether this is the first time that the list itself names `subject`, whatever became of it otherwise.
    pub fn is_first_listed(&mut self, subject: &impl Hash) -> bool {
        self.mark(subject, LISTED)
    }

    /// Whether `subject` was there before; it is not taken note of.
    pub fn has(&self, subject: &impl Hash) -> bool {
        let hash = self.subjects.hash(subject) & !WAYS;
        let found = self
            .table
            .find((hash >> 64) as u64, |known| known & !WAYS == hash);
        found.is_some_and(|known| known & SUBJECT != 0)
    }

    fn mark(&mut self, subject: &impl Hash, way: u128) -> bool {
        let hash = self.subjects.hash(subject) & !WAYS;
        let entry = self.table.entry(
            (hash >> 64) as u64,
            |known| known & !WAYS == hash,
            |known| (known >> 64) as u64,
        );
        match entry {
            hashbrown::hash_table::Entry::Occupied(mut known) => {
                let is_first = known.get() & way == 0;
                *known.get_mut() |= way;
                is_first
            }
            hashbrown::hash_table::Entry::Vacant(room) => {
                room.insert(hash | way);
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_seen_and_listed_apart() {
        let mut seen = SeenSubjects::new();
        assert!(seen.is_first_listed(&"a"));
        assert!(!seen.has(&"a"));
        assert!(seen.is_first(&"a"));
        assert!(seen.has(&"a"));
        assert!(!seen.is_first(&"a"));
        assert!(!seen.is_first_listed(&"a"));
        assert!(seen.is_first(&"b"));
        assert!(seen.is_first_listed(&"b"));
        for number in 0..10_000 {
            assert!(seen.is_first(&number), "{number}");
        }
        assert!((0..10_000).all(|number| seen.has(&number)));
    }
}
