//! Which ranks of a list are taken: two domains never share one.

use hashbrown::HashMap;

/// Ranks that share a piece of memory.
const PIECE: u64 = 4096;

/// Pieces that are kept, 512 bytes each: 32 MiB, for lists of 268 million in all. Ranks beyond that are not compared.
const PIECES: usize = 1 << 16;

/// The ranks of one list.
#[derive(Default)]
pub(super) struct Ranks {
    pieces: HashMap<u64, Box<[u64; 64]>>,
    /// A rank stands there that is no bucket: then each is given out once.
    is_ranked: bool,
}

impl Ranks {
    /// Takes a rank; false: another domain has it already. Lists of buckets (CrUX), where thousands share the rank 1000,
    /// 5000, 10000 and so on, are told by having no other.
    pub(super) fn take(&mut self, rank: u64) -> bool {
        self.is_ranked |= !is_bucket(rank);
        let is_new = self.mark(rank);
        is_new || !self.is_ranked
    }

    fn mark(&mut self, rank: u64) -> bool {
        let is_full = self.pieces.len() >= PIECES;
        let piece = match self.pieces.get_mut(&(rank / PIECE)) {
            Some(piece) => piece,
            None if is_full => return true,
            None => (self.pieces.entry(rank / PIECE)).or_insert_with(|| Box::new([0; 64])),
        };
        let at = (rank % PIECE) as usize;
        let bit = 1 << (at % 64);
        let is_new = piece[at / 64] & bit == 0;
        piece[at / 64] |= bit;
        is_new
    }
}

/// 1000, 5000, 10000, 50000 and so on.
fn is_bucket(mut rank: u64) -> bool {
    if rank < 1000 {
        return false;
    }
    while rank.is_multiple_of(10) {
        rank /= 10;
    }
    rank == 1 || rank == 5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rank_is_given_out_once_but_for_buckets() {
        let mut ranks = Ranks::default();
        assert!(
            [1, 2, 4096, 4097, u64::MAX]
                .iter()
                .all(|&rank| ranks.take(rank))
        );
        assert!([1, 4096, u64::MAX].iter().all(|&rank| !ranks.take(rank)));
        assert!(ranks.take(1000) && !ranks.take(1000));
        let mut buckets = Ranks::default();
        assert!(
            [1000, 1000, 5000, 1_000_000, 5000, 1000]
                .iter()
                .all(|&rank| buckets.take(rank))
        );
        assert!(buckets.take(2000) && !buckets.take(1000));
        assert!(
            ![999, 1, 500, 2000, 15_000]
                .iter()
                .any(|&rank| is_bucket(rank))
        );
    }
}
