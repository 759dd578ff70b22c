//! The addresses that were seen, for `--unique`: 16 bytes for each in memory, and nothing that gives an address back.
//!
//! An address is kept as 128 bits of SHA-256 under a random key that lives as long as the run. Two of a billion addresses
//! fall together with a chance of one in 10²⁰; without the key nobody can look for two that do, or test a guess.

use std::sync::{Mutex, PoisonError};

use hashbrown::HashTable;
use sha2::{Digest, Sha256};

/// Locks that threads can hold at the same time.
const SHARDS: usize = 64;

/// A set of addresses.
pub struct DistinctAddresses {
    key: [u8; 16],
    shards: [Mutex<HashTable<u128>>; SHARDS],
}

impl Default for DistinctAddresses {
    fn default() -> Self {
        Self {
            key: rand::random(),
            shards: std::array::from_fn(|_| Mutex::default()),
        }
    }
}

impl DistinctAddresses {
    /// Whether the address was not there. The case of ASCII letters makes no difference, also in the local part, as it
    /// makes none at any large provider.
    pub fn insert(&self, local: &[u8], domain: &[u8]) -> bool {
        let mut state = Sha256::new_with_prefix(self.key);
        state.update(local.to_ascii_lowercase());
        state.update(b"@");
        state.update(domain);
        let digest = state.finalize();
        let (words, _) = digest.as_chunks::<16>();
        let hash = u128::from_le_bytes(words[0]);
        let mut shard = self.shards[hash as usize % SHARDS]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // The low bits chose the shard.
        let place = |hash: &u128| (hash >> 64) as u64;
        match shard.entry(place(&hash), |other| *other == hash, place) {
            hashbrown::hash_table::Entry::Occupied(_) => false,
            hashbrown::hash_table::Entry::Vacant(free) => {
                free.insert(hash);
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_new_once() {
        let distinct = DistinctAddresses::default();
        assert!(distinct.insert(b"a", b"example.org"));
        assert!(!distinct.insert(b"A", b"example.org"));
        assert!(distinct.insert(b"b", b"example.org"));
        assert!(distinct.insert(b"a", b"example.com"));
        assert!(distinct.insert(b"a@b", b"example.org"));
    }
}
