//! Distinct subjects at 16 bytes each (some 32 in the table): a keyed 128-bit hash stands for a subject. With a
//! random key, a billion subjects collide with a probability of one in 10^20.

use std::hash::{BuildHasher, Hash, RandomState};

use hashbrown::HashSet;

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

/// Which subjects were seen before.
#[derive(Debug, Default)]
pub struct Seen {
    subjects: Subjects,
    set: HashSet<u128>,
}

impl Seen {
    /// Nothing seen.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether this is the first time for `subject`.
    pub fn is_first(&mut self, subject: &impl Hash) -> bool {
        self.set.insert(self.subjects.hash(subject))
    }

    /// Whether `subject` was there before; it is not taken note of.
    pub fn has(&self, subject: &impl Hash) -> bool {
        self.set.contains(&self.subjects.hash(subject))
    }
}
